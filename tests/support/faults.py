"""A file of planted faults."""

from __future__ import annotations

from pathlib import Path

from tests.fast.test_planting import _Judge
from tests.support.roots import root
from warpgen.exporting.kernels import Datasets
from warpgen.planting import write
from warpgen.planting.planted import path_of


def faults_of_root(folder: Path) -> Path:
    """Of the root that tests export, each found wrong without a look."""
    pairs = [(kernel.cpu, kernel.rows[0]) for kernel in Datasets(root()).kernels()]
    write.write(folder, pairs, _Judge([row for _, row in pairs]))  # type: ignore[arg-type]
    return path_of(folder)
