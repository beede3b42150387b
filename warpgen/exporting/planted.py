"""Kernels side by side with what was planted in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from warpgen.errors import UsageError
from warpgen.exporting.kernels import Kernel
from warpgen.planting.planted import Planted, read


def joined(kernels: Iterator[Kernel], path: Path) -> Iterator[tuple[Kernel, Planted | None]]:
    """Each kernel with what the file has of it. Raises UsageError where the file is of other kernels."""
    lines = read(path)
    planted = next(lines, None)
    for kernel in kernels:
        while planted is not None and planted.index < kernel.index:
            planted = next(lines, None)
        found = planted if planted is not None and planted.index == kernel.index else None
        row = kernel.rows[0]
        if found and (found.kernel_id, found.source_hash) != (row.kernel_id, row.source_hash):
            raise UsageError(
                f"{path} is not of these datasets, which have another {row.kernel_id}: make it anew with "
                "`python -m warpgen.plant --overwrite`"
            )
        yield kernel, found
