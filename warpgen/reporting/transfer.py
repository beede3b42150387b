"""What a dataset teaches about kernels that people wrote, in bits per character: lower is better.

An adaptive model (PPMd, order 10) reads a sample of the dataset's Python, then one kernel of a
person; the figure is what that kernel alone costs, summed over the kernels and divided by their length.
"""

from __future__ import annotations

import ast
import random
from array import array
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import msgspec

from warpgen.errors import UsageError
from warpgen.jsonl import rows

SAMPLE_BYTES = 1_000_000
KERNELS = 60
_ORDER, _MEMORY = 10, 512 << 20
_LEAST, _MOST = 300, 6000  # characters of a test kernel: shorter ones are trivial, longer ones would dominate


class _Source(msgspec.Struct):
    python_source: str


def people_kernels(folders: Iterable[Path] = ()) -> list[str]:
    """Texts of `@wp.kernel` functions in the Python files of `folders` (default: `warp.examples`)."""
    found: set[str] = set()
    for folder in list(folders) or [_warp_examples()]:
        for path in sorted(folder.rglob("*.py")):
            found.update(_kernels_of(path.read_text(encoding="utf-8", errors="replace")))
    kernels = sorted(found)
    random.Random(0).shuffle(kernels)
    return kernels[:KERNELS]


def sample(path: Path, size: int = SAMPLE_BYTES) -> bytes:
    """`size` bytes of the dataset's Python, rows in a fixed random order.

    Two passes, so that the memory holds the sample and 4 bytes a row but not the dataset.
    """
    lengths = array("I", (len(row.python_source) for _, row in rows(path, _Source)))
    order = list(range(len(lengths)))
    random.Random(0).shuffle(order)
    wanted: dict[int, str] = {}
    total = 0
    for place in order:
        wanted[place] = ""
        total += lengths[place] + 1
        if total >= size:
            break
    for place, (_, row) in enumerate(rows(path, _Source)):
        if place in wanted:
            wanted[place] = row.python_source
    return "\n".join(wanted.values()).encode()[:size]


def bits_per_character(read_first: bytes, kernels: Sequence[str]) -> float:
    """Mean cost of the kernels after reading; raises UsageError where pyppmd is not installed."""
    alone = _compressed_size(read_first) if read_first else 0
    cost = sum(8 * (_compressed_size(read_first + b"\n" + kernel.encode()) - alone) for kernel in kernels)
    return cost / sum(map(len, kernels))


def _compressed_size(data: bytes) -> int:
    try:
        from pyppmd import Ppmd7Encoder
    except ImportError:
        raise UsageError(
            "bits per character need the package pyppmd: run `python -m pip install pyppmd`"
        ) from None
    encoder = Ppmd7Encoder(_ORDER, _MEMORY)
    return len(encoder.encode(data)) + len(encoder.flush())


def _kernels_of(text: str) -> Iterator[str]:
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return  # not every file that ends in .py is a module
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any("kernel" in ast.unparse(d) for d in node.decorator_list):
            kernel = text.splitlines()[node.decorator_list[0].lineno - 1 : node.end_lineno]
            source = "\n".join(line[len(kernel[0]) - len(kernel[0].lstrip()) :] for line in kernel)
            if _LEAST <= len(source) <= _MOST:
                yield source


def _warp_examples() -> Path:
    spec = find_spec("warp")
    if spec is None or spec.origin is None:
        raise UsageError("Warp is not installed: run `python -m pip install warp-lang`")
    return Path(spec.origin).parent / "examples"
