"""The end of a kernel: what nobody took is stored, summed, binned or packed together."""

from __future__ import annotations

from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.kit.pool import Given
from warpgen.synthesis.language.types import F32, F64, I32, vec
from warpgen.synthesis.language.values import Value
from warpgen.synthesis.style import priors
from warpgen.synthesis.style.names import plural

_COMMENTS = ("write results", "store the results", "write back", "write output", "store outputs")
_SUMMABLE = (F32, F64, I32)


def store_rest(k: Kit) -> None:
    """Store every result that no motif took, or that need not show in what was made of it."""
    rest = _pack(k, k.pool.take_rest())
    if rest and k.rng.chance(0.5):
        k.note(k.rng.choice(_COMMENTS))
    for given in rest:
        _store(k, given)


def _pack(k: Kit, rest: list[Given]) -> list[Given]:
    """Now and then two or three numbers become one vector."""
    scalars = [g for g in rest if g.value.type is k.real]
    if not 2 <= len(scalars) <= 4 or not k.rng.chance(0.2):
        return rest
    packed = k.make(vec(len(scalars), k.real), *[g.value for g in scalars])
    others = [g for g in rest if g not in scalars]
    return [*others, Given(packed, "result|out|packed|state|values", 1)]


def _names(k: Kit, given: Given) -> str:
    stem = plural(given.names.split("|")[0])
    affix = k.author.output_affix
    name = f"{stem}{affix}" if affix.startswith("_") else f"{affix}{stem}"
    names = f"{name}|{stem}_out|out_{stem}"
    if k.rng.chance(0.2):
        element = given.value.type.short.removeprefix("wp.")
        names = f"{k.rng.choice(priors.output_names(element))}|{names}"
    return names


def _store(k: Kit, given: Given) -> None:
    v, rng = given.value, k.rng
    stem = given.names.split("|")[0]
    if v.type in _SUMMABLE and rng.chance(0.1):
        # The total starts at zero: an extreme that zero already is would never be written, and a range
        # may be far wider than what it holds.
        extremes = [name for name, alive in (("max", v.lo >= 0 < v.hi), ("min", v.hi <= 0 > v.lo)) if alive]
        op = rng.choice(("add", "add", "add", *extremes))
        target = k.output(
            f"total_{stem}|sum|total|loss" if op == "add" else f"{op}_{stem}|{stem}_{op}|result", v.type
        )
        if op == "add":
            k.discard(k.atomic(op, target, 0, v))
            return
        # One element alone decides an extreme, often the same one of a few that a value can have.
        grouped = rng.chance(0.5)
        k.discard(k.atomic(op, target, k.index[0] // rng.choice((2, 4)) if grouped else 0, v))
        if grouped:
            return
    array = k.output(_names(k, given), v.type, len(k.index))
    numeric = v.type.kind in ("scalar", "vec", "mat") and v.type.scalar in _SUMMABLE
    how = rng.unit()
    if numeric and how < 0.08:
        k.accumulate(array, k.index, v)
    elif numeric and how < 0.11:
        k.discard(k.atomic("add", array, k.index, v))
    elif v.type.kind == "scalar" and v.type.is_float and how < 0.15 and 0.5 < -v.lo / max(v.hi, 1e-9) < 2.0:
        with k.if_(v > 0 if rng.chance(0.5) else v >= _threshold(k, v)):
            k.store(array, k.index, v)
    else:
        k.store(array, k.index, v)


def _threshold(k: Kit, v: Value) -> Value:
    return k.param("threshold|cutoff|tol|min_value", v.type, max(v.lo / 4, -0.5), 0.0)
