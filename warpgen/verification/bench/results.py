"""What launches left in the jail's area, as arrays: the row's own by its table, a stranger's by the same."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from warpgen.errors import VerificationError
from warpgen.verification.jail.job import HEADER, TABLE_AT, Draw, Part, Table

Arrays = list[NDArray[Any]]

# The least share of a draw's floats that must be numbers for it to say something.
_FINITE = 0.5

# Draws of one kind that a stranger's kernel is held to.
_MOST_OF_A_KIND = 5

# Kinds of draws whose floats are far out of the row's range, or may be: others overflow elsewhere there.
WIDE, FAR = "wide floats", "far equals"
# Of a type's greatest number, what is as good as infinite in the second of them.
_NEARLY = 1e-4
# Of a number, what rounding may be there, where more cancels than is the row's business.
_ROUGH = {WIDE: 0.05, FAR: 1e-3}


class Measured(msgspec.Struct):
    """A draw that the row's own kernel stood, and what it made; `parts` say what each of `arrays` is."""

    draw: Draw
    parts: list[Part]
    arrays: Arrays

    def has(self, what: str) -> bool:
        """Whether there are arrays of a kind."""
        return any(part.what == what for part in self.parts)


class Kept(msgspec.Struct):
    """The same as plain data, for a store, and the processor time that making it took, in seconds."""

    draws: list[tuple[Draw, list[Part], list[bytes]]]
    cpu: float


def kept(measured: Sequence[Measured], cpu: float) -> Kept:
    """Draws for a store."""
    draws = [(each.draw, each.parts, [a.tobytes() for a in each.arrays]) for each in measured]
    return Kept(draws, cpu)


def restored(kept: Kept) -> list[Measured]:
    """Draws from a store."""
    return [
        Measured(draw, parts, [_shaped(d, part) for d, part in zip(datas, parts, strict=True)])
        for draw, parts, datas in kept.draws
    ]


def own(area: mmap.mmap, draws: Sequence[Draw]) -> tuple[list[Measured], int]:
    """What the row's own kernel left of the draws that it came through, and how often it touched memory."""
    start, size = (int.from_bytes(area[at : at + 8], "little") for at in (TABLE_AT, TABLE_AT + 8))
    if not size:
        return [], 0
    try:
        table = msgspec.msgpack.decode(area[start : start + size], type=Table)
    except msgspec.DecodeError as error:
        raise VerificationError("the row's own kernel writes over what it leaves") from error
    made = zip(draws, table.draws, strict=False)
    return [Measured(d, p, [_array(area, part) for part in p]) for d, p in made], table.accesses


def placed(measured: Sequence[Measured]) -> list[Measured]:
    """The same draws, one behind the other: where a stranger's kernel is to leave its results."""
    made, place = [], HEADER
    for each in measured:
        first = each.parts[0].place
        parts = [msgspec.structs.replace(p, place=p.place - first + place) for p in each.parts]
        draw = msgspec.structs.replace(each.draw, place=place)
        made.append(Measured(draw, parts, each.arrays))
        place = parts[-1].place + each.arrays[-1].nbytes
    return made


def forward(measured: Measured) -> Measured:
    """What belongs to the draw's launch forward."""
    end = _adjoint_at(measured)
    draw = msgspec.structs.replace(measured.draw, backward=False)
    return Measured(draw, measured.parts[:end], measured.arrays[:end])


def backward(measured: Measured, actual: Arrays) -> Measured | None:
    """What belongs to the adjoint, behind what a stranger's kernel made; None for a draw without."""
    if not (measured.draw.backward and measured.has("gradients")):
        return None
    end = _adjoint_at(measured)
    made = tuple(
        a.tobytes() for p, a in zip(measured.parts[:end], actual, strict=True) if p.what == "outputs"
    )
    draw = msgspec.structs.replace(measured.draw, made=made, place=measured.parts[end].place)
    return Measured(draw, measured.parts[end:], measured.arrays[end:])


def _adjoint_at(measured: Measured) -> int:
    """How many parts come before those of the adjoint."""
    for place, part in enumerate(measured.parts):
        if part.what in ("gradients", "behind", "race backward") or part.path == "gradients":
            return place
    return len(measured.parts)


def theirs(area: mmap.mmap, measured: Measured) -> Arrays:
    """A stranger's arrays where the row's own are, whatever it wrote there.

    Far out of the row's range, what is no finite number in either of the two says nothing, nor what is nearly
    alike.
    """
    made = [_array(area, part) for part in measured.parts]
    label = measured.draw.label
    if label not in _ROUGH:
        return made
    return [
        np.where(_excused(mine, a, label), mine, a) if a.dtype.kind == "f" and part.what != "inputs" else a
        for part, mine, a in zip(measured.parts, measured.arrays, made, strict=True)
    ]


def _excused(mine: NDArray[Any], other: NDArray[Any], label: str) -> NDArray[np.bool_]:
    """Where both are alike, or one is infinite and the other nearly; in wide draws, no finite number."""
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(other.astype(np.float64) - mine.astype(np.float64))
        alike = apart <= _ROUGH[label] * np.abs(mine.astype(np.float64))
    if label == WIDE:
        return np.asarray(alike | ~(np.isfinite(mine) & np.isfinite(other)), np.bool_)
    great = _NEARLY * float(np.finfo(mine.dtype).max)
    near = (np.abs(mine) > great) & (np.abs(other) > great) & (np.sign(mine) == np.sign(other))
    return np.asarray(alike | (near & (np.isinf(mine) | np.isinf(other))), np.bool_)


def _array(area: mmap.mmap, part: Part) -> NDArray[Any]:
    size = np.dtype(part.code).itemsize * int(np.prod(part.shape, dtype=int))
    return _shaped(bytes(area[part.place : part.place + size]), part)


def _shaped(data: bytes, part: Part) -> NDArray[Any]:
    kind = np.dtype(part.code)
    if kind.kind == "b":  # any byte may stand there
        return np.asarray(np.frombuffer(data, np.uint8) != 0).reshape(part.shape)
    return np.frombuffer(data, kind).reshape(part.shape)


def chosen(stood: Sequence[Measured]) -> list[Measured]:
    """Draws that say something, a few of each kind. Raises VerificationError where there are none."""
    telling = [made for made in map(_telling, stood) if made is not None]
    if not telling:
        raise VerificationError("the row itself does not run: its kernel stands no draw of its inputs")
    labels = {each.draw.label for each in telling}
    spare = {f"{label}, clean" for label in labels} | ({"junk of floats"} if "plain" in labels else set())
    kept, counts = [], dict.fromkeys(labels, 0)
    for each in telling:
        counts[each.draw.label] += 1
        if each.draw.label not in spare and counts[each.draw.label] <= _MOST_OF_A_KIND:
            kept.append(each)
    return kept


def _telling(measured: Measured) -> Measured | None:
    """The draw, if it says something: nothing was written beside an array, and enough of it are numbers."""
    held = [
        a.all()
        for p, a in zip(measured.parts, measured.arrays, strict=True)
        if p.what == "intact" and not p.path
    ]
    floats = [a for a in _of(measured, "outputs") if a.dtype.kind == "f"]
    count = sum(a.size for a in floats)
    if not all(held) or (count and sum(int(np.isfinite(a).sum()) for a in floats) < _FINITE * count):
        return None
    broken = [
        p.path
        for p, a in zip(measured.parts, measured.arrays, strict=True)
        if p.what == "intact" and not a.all()
    ]
    slopes = _of(measured, "gradients")
    if broken or not all(np.isfinite(a).mean() >= _FINITE for a in slopes if a.size):
        return forward(measured)  # its adjoint says nothing there
    return measured


def _of(measured: Measured, what: str) -> Arrays:
    return [a for p, a in zip(measured.parts, measured.arrays, strict=True) if p.what == what]
