"""`python -m warpgen`: the list of commands."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path


def commands() -> Iterator[tuple[str, str]]:
    """Name and purpose of every command: the modules beside this one that run when called."""
    for path in sorted(Path(__file__).parent.glob("[!_]*.py")):
        tree = ast.parse(path.read_bytes())
        if any(isinstance(node, ast.If) and "__main__" in ast.unparse(node.test) for node in tree.body):
            first = (ast.get_docstring(tree) or "").splitlines()[0]
            yield path.stem, first.partition(": ")[2]


def main() -> int:
    """Print the list."""
    print("warpgen writes NVIDIA Warp kernels, lowers them to C++ and CUDA C++, proves and packs them.\n")
    width = max(len(name) for name, _ in commands())
    for name, purpose in commands():
        print(f"  python -m warpgen.{name:<{width}}  {purpose}")
    print("\nEach has a --help. Start with: python -m warpgen.run --size 1MiB --root try")
    return 0


if __name__ == "__main__":
    sys.exit(main())
