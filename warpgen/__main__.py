"""`warpgen COMMAND ...` and `python -m warpgen COMMAND ...`: call a command; without one, list them."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import warpgen
from warpgen.calling import pasted
from warpgen.command import call
from warpgen.errors import UsageError


def commands() -> Iterator[tuple[str, str]]:
    """Name and purpose of every command: the modules beside this one that run when called."""
    for path in sorted(Path(__file__).parent.glob("[!_]*.py")):
        tree = ast.parse(path.read_bytes())
        if any(isinstance(node, ast.If) and "__main__" in ast.unparse(node.test) for node in tree.body):
            first = (ast.get_docstring(tree) or "").splitlines()[0]
            yield path.stem, first.partition(": ")[2]


def main(argv: Sequence[str] | None = None) -> int:
    """Call the command that the first argument names, with the rest; returns its exit code."""
    name, *rest = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if name in ("-h", "--help"):
        return _list()
    if name == "--version":
        print(f"warpgen {warpgen.__version__}")
        return 0
    names = [name for name, _ in commands()]
    if name not in names:
        raise UsageError(f"there is no command {name!r}: it is one of {', '.join(names)}")
    return int(importlib.import_module(f"warpgen.{name}").main(rest))


def enter() -> NoReturn:
    """The installed command `warpgen`."""
    call(main)


def _list() -> int:
    print("warpgen writes NVIDIA Warp kernels, lowers them to C++ and CUDA C++, proves and packs them.\n")
    width = max(len(name) for name, _ in commands())
    for name, purpose in commands():
        print(f"  warpgen {name:<{width}}  {purpose}")
    print("\n`python -m warpgen.run` is `warpgen run`, and so for all. Each has a --help. Start with:")
    print(pasted("  python -m warpgen.run --size 1MiB --root try"))
    return 0


if __name__ == "__main__":
    enter()
