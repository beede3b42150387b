"""warpgen writes NVIDIA Warp kernels, lowers them to C++ and CUDA C++, proves and packs them.

`warpgen.open(path)` reads a dataset; docs/python.md shows what can be done with its rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from warpgen import needs

if TYPE_CHECKING:
    from warpgen.dataset import Dataset as Dataset
    from warpgen.dataset import Row as Row
    from warpgen.dataset import open as open
    from warpgen.execution import Run as Run
    from warpgen.judge import Candidate as Candidate
    from warpgen.judge import Judge as Judge
    from warpgen.verdict import Verdict as Verdict

__version__ = "0.1.0"

needs.check()

# Name and module of what users import; loaded when first used, so that `import warpgen` costs nothing.
_PUBLIC = {
    "open": "dataset",
    "Dataset": "dataset",
    "Row": "dataset",
    "Run": "execution",
    "Judge": "judge",
    "Candidate": "judge",
    "Verdict": "verdict",
}


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'warpgen' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"warpgen.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
