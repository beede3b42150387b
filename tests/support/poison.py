"""A folder of files that are called like modules: whoever takes one from there runs a stranger's code."""

from __future__ import annotations

import sys
from pathlib import Path

_OTHERS = (
    "msgspec",
    "numpy",
    "warp",
    "nvidia",
    "psutil",
    "xxhash",
    "zstandard",
    "rich",
    "pyarrow",
    "warpgen",
)


def poisoned(folder: Path) -> Path:
    """Fill the folder; gives the file where the modules that were taken from it leave their names."""
    mark = folder.parent / "taken"
    for name in (*sorted(sys.stdlib_module_names - set(sys.builtin_module_names)), *_OTHERS):
        code = f"open({str(mark)!r}, 'a').write({name + ' '!r})\nraise ImportError({name!r})\n"
        (folder / f"{name}.py").write_text(code)
    for name in ("builtin.h", "deterministic.h"):  # of Warp's, for compilers
        (folder / name).write_text("#error taken from the current folder\n")
    return mark
