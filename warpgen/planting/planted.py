"""What was planted in each kernel of a root, and what the judge said of it: one line of JSON for a kernel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from warpgen import jsonl
from warpgen.planting.edits import Edit
from warpgen.verdict import Stage


class Turn(msgspec.Struct, frozen=True):
    """The row's text with these edits is wrong: where the judge's way ended, and in which words."""

    edits: tuple[Edit, ...]
    stage: Stage
    why: str


class Repair(msgspec.Struct, frozen=True):
    """Faults in `python_source`: the first turn has all of them, each further one a fault less."""

    kinds: tuple[str, ...]
    turns: tuple[Turn, ...]


class Mend(msgspec.Struct, frozen=True):
    """A fault in the adjoint of `code`, its edits counted from where the adjoint begins."""

    kind: str
    turn: Turn


class Gradient(msgspec.Struct, frozen=True):
    """The gradient of a helper function in Python.

    `text` is right where it stands at `place` of `python_source`; `wrong`, where there is one, is `text` with
    a fault, as its edits say.
    """

    function: str
    place: int
    text: str
    kind: str = ""
    wrong: Turn | None = None


class Planted(msgspec.Struct, frozen=True):
    """All of one kernel. Of the `tried` faults `told` were wrong by the judge's word."""

    index: int
    kernel_id: str
    source_hash: str
    tried: int = 0
    told: int = 0
    repairs: tuple[Repair, ...] = ()
    mends: tuple[Mend, ...] = ()
    gradients: tuple[Gradient, ...] = ()


def path_of(root: Path) -> Path:
    """Where the file lies under a root."""
    return root / "data" / "planted" / "planted.jsonl"


def read(path: Path) -> Iterator[Planted]:
    """All of a file, in order of index. Raises DamageError at a line that is none."""
    for _, line in jsonl.rows(path, Planted):
        yield line
