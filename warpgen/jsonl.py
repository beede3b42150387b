"""Reading a dataset file row by row, as much of each row as the reader needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from warpgen.errors import DamageError

BLOCK = 4 * 2**20  # bytes per read: large enough that system calls do not show in the time
LONGEST_ROW = (
    8 * 2**20
)  # bytes; a longer line is damage, and must not fill the memory: parsed it takes 20 times as much

R = TypeVar("R")


def rows(path: Path, kind: type[R]) -> Iterator[tuple[bytes, R]]:
    """Each line with its line end, and the fields of it that the struct `kind` names.

    Raises DamageError naming the first row that is cut or does not decode.
    """
    decode = msgspec.json.Decoder(kind).decode
    number = 0
    with path.open("rb", buffering=BLOCK) as file:
        while line := file.readline(LONGEST_ROW):
            number += 1
            if not line.endswith(b"\n"):
                raise DamageError(f"row {number} of {path.name} is cut off")
            try:
                row = decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                raise DamageError(f"row {number} of {path.name} is damaged: {error}") from error
            yield line, row
