"""How hard a kernel is among those of its datasets, by what was counted on it; records in that order."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import msgspec
import numpy as np

from warpgen.record import Features, Row

Record = dict[str, Any]

# What is counted: length, control flow, Warp's vocabulary, and parts of its own.
MEASURES = ("statements", "control", "builtins", "parts")


def measures(features: Features) -> tuple[int, int, int, int]:
    """The counts of one kernel, as MEASURES names them."""
    control = features.branches + features.loops + features.loop_depth
    return features.statements, control, len(features.builtins), features.functions + features.structs


class Difficulties:
    """Takes kernels one at a time, then tells how hard each is; 16 bytes a kernel."""

    def __init__(self) -> None:
        self._counts = array("I")

    def add(self, row: Row) -> None:
        """The next kernel."""
        self._counts.extend(measures(row.features))

    def settle(self) -> list[float]:
        """From 0 to 1, in the order of adding: the mean, over MEASURES, of the share of kernels with less.

        Of kernels with as much, half count.
        """
        counts = np.array(self._counts, np.uint32).reshape(-1, len(MEASURES))
        ranks = np.zeros(len(counts))
        for column in counts.T:
            ordered = np.sort(column)
            less, upto = (np.searchsorted(ordered, column, side) for side in ("left", "right"))
            ranks += (less + upto) / 2.0
        return [round(float(rank), 4) for rank in ranks / (len(MEASURES) * max(len(counts), 1))]


def easiest_first(records: Iterator[Record], folder: Path) -> Iterator[Record]:
    """The records by `difficulty`, of the same as they came; they wait in a file in `folder`."""
    with TemporaryFile(dir=folder) as file:
        places: list[tuple[float, int, int]] = []
        start = 0
        for record in records:
            size = file.write(msgspec.msgpack.encode(record))
            places.append((record["difficulty"], start, size))
            start += size
        for _, start, size in sorted(places):
            file.seek(start)
            yield msgspec.msgpack.decode(file.read(size))
