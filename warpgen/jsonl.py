"""Reading a dataset file row by row, as much of each row as the reader needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from warpgen.errors import DamageError, UsageError

BLOCK = 4 * 2**20  # bytes per read: large enough that system calls do not show in the time
LONGEST_ROW = (
    8 * 2**20
)  # bytes; a longer line is damage, and must not fill the memory: parsed it takes 20 times as much

R = TypeVar("R")


def rows(path: Path, kind: type[R]) -> Iterator[tuple[bytes, R]]:
    """Each line with its line end, and the fields of it that the struct `kind` names.

    Raises DamageError naming the first row that is cut or does not decode, UsageError where the rows are of
    version 1.
    """
    decode = msgspec.json.Decoder(kind).decode
    number = 0
    with path.open("rb", buffering=BLOCK) as file:
        while line := file.readline(LONGEST_ROW):
            number += 1
            if not line.endswith(b"\n"):
                raise DamageError(f"row {number} of {path.name} is cut off")
            if number == 1:
                refuse_old(path.name, line)
            try:
                row = decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                raise DamageError(f"row {number} of {path.name} is damaged: {error}") from error
            yield line, row


class _Old(msgspec.Struct):
    """What tells version 1 apart: it left out what was not needed, which no row of version 2 does."""

    launch: dict[str, Any]
    provenance: dict[str, Any]


def refuse_old(name: str, line: bytes) -> None:
    """Raise UsageError if the first line of the file `name` is a row of version 1."""
    try:
        row = msgspec.json.decode(line, type=_Old)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return  # damaged: whoever decodes it says so
    if "tiled" not in row.launch or "package" not in row.provenance:
        raise UsageError(
            f"{name} holds rows of version 1, which have other columns than those that this warpgen reads: "
            "make it again with `python -m warpgen.run --overwrite`, or `python -m warpgen.harvest`"
        )
