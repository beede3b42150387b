"""The tasks, as they were frozen: a file beside this one, whose checksum is here."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import msgspec
import zstandard

from warpgen.errors import DamageError, UsageError
from warpgen.record import Row
from warpgen.tasks import Part
from warpgen.verdict import Language

FILE = Path(__file__).with_name("tasks.jsonl.zst")
# Of the lines before compression: `tools/make_warpbench.py` makes the same.
SHA256 = "421f4036c5ecfccdc1ff65137f9dd329c701e769b5b3e5da3cdbe7ff6af811e4"

# The seed of all its programs. No default recipe draws it, and names of kernels tell it.
SEED = 1 << 62

Kind = Literal["forward", "lowering", "adjoint", "repair", "back"]
KINDS: tuple[Kind, ...] = Kind.__args__  # type: ignore[attr-defined]
_MOST = 1 << 28  # bytes of a file of tasks


class Task(msgspec.Struct, frozen=True):
    """A question, an answer that is right, and the row that judges answers."""

    id: str
    kind: Kind
    prompt: str
    reference: str
    language: Language
    part: Part
    row: Row


def encode(tasks: list[Task]) -> bytes:
    """The lines of a file of tasks."""
    return b"".join(msgspec.json.encode(task) + b"\n" for task in tasks)


def tasks(path: Path = FILE, digest: str = SHA256) -> list[Task]:
    """The tasks of a file, by default of warpbench; `digest` '' for a file that is pinned nowhere.

    Raises UsageError where there is no such file, DamageError where it is another than was frozen.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"the tasks cannot be read from {path}: {error.strerror}") from None
    try:
        lines = zstandard.ZstdDecompressor().decompress(data, max_output_size=_MOST)
        if digest and hashlib.sha256(lines).hexdigest() != digest:
            raise DamageError(f"{path.name} holds other tasks than were frozen: install warpgen anew")
        return [msgspec.json.decode(line, type=Task) for line in lines.splitlines()]
    except (zstandard.ZstdError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DamageError(f"{path.name} is damaged ({error}): install warpgen anew") from None


def sample(found: list[Task], count: int) -> list[Task]:
    """`count` of the tasks, as many of each kind as of the next, all for 0."""
    if not count:
        return found
    by_kind = [[task for task in found if task.kind == kind] for kind in KINDS]
    each = [own[: count // len(KINDS) + (i < count % len(KINDS))] for i, own in enumerate(by_kind)]
    return [task for own in each for task in own]
