"""Which part of a dataset a row belongs to."""

from __future__ import annotations

from typing import Literal

Split = Literal["train", "validation", "test"]


def split_of(structure_hash: str, validation: int = 1, test: int = 1) -> Split:
    """98 % train, 1 % validation, 1 % test, or other percentages, by the hash of the program's structure.

    Both targets of a program fall on the same side, and so does every program of that structure in any
    dataset of any seed: a model trained on one is not tested on what it has seen.
    """
    place = int(structure_hash[:8], 16) % 100
    if place < test:
        return "test"
    return "validation" if place < test + validation else "train"
