"""Even coverage: every builtin that types alone can call, with its overloads, dealt out over the index.

A program asks `scheduled(seed, index, count)` for a few fragments and writes them with its other parts.
The deal is a fresh permutation of all overloads per round, so that any few hundred consecutive indices
meet every overload, and each round moves on to other element types and sizes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from warpgen.errors import SynthesisError
from warpgen.synthesis.builtins import rotations, utility  # noqa: F401 - they register their cases
from warpgen.synthesis.builtins.cases import CASES
from warpgen.synthesis.builtins.typed import write_call
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language import registry
from warpgen.synthesis.language.builtins import known
from warpgen.synthesis.language.registry import Slot
from warpgen.synthesis.language.types import (
    BOOL,
    F16,
    F32,
    F64,
    FLOATS,
    I8,
    I16,
    I32,
    I64,
    INTEGERS,
    U8,
    U16,
    U32,
    U64,
    Type,
    mat,
    quat,
    spatial_matrix,
    spatial_vector,
    transform,
    vec,
)
from warpgen.synthesis.style.rng import Rng

# Chapters of Warp's manual whose builtins need no handle, tile or generator state.
GROUPS = frozenset(
    (
        "Scalar Math",
        "Vector Math",
        "Quaternion Math",
        "Transformations",
        "Spatial Math",
        "Operators",
        "Utility",
        "Other",
    )
)

# Most common first: every other round takes the first type, the rounds between walk through the rest.
_SCALARS: dict[str, tuple[Type, ...]] = {
    "Float": (F32, F64, F16),
    "Int": (I32, I64, U32, U8, I16, U64, I8, U16),
    "Scalar": (F32, I32, F64, U32, I64, F16, I16, U8, I8, U16, U64),
}
_LENGTHS = (3, 2, 4, 5)
_SHAPES = ((3, 3), (2, 2), (4, 4), (2, 3), (3, 4))
_MOST_VARIANTS = 24


class Fragment(NamedTuple):
    """One call to be written: a builtin and the types of its arguments.

    `case` writes the calls that types alone do not describe; the others are written from the types.
    """

    builtin: str
    types: tuple[Type, ...]
    case: Callable[[Kit, Type], None] | None = None

    def write(self, k: Kit) -> None:
        """Ask for the arguments, call the builtin and give what it returns."""
        if self.case is not None:
            self.case(k, self.types[0])
        else:
            write_call(k, self.builtin, self.types)


def _concrete(slot: Slot, scalar: Type, length: int, shape: tuple[int, int]) -> Type | None:
    """The type that a parameter takes when generic elements and extents are chosen; None if it has none."""
    if slot.kind == "bool":
        return BOOL
    element = scalar if slot.scalar in _SCALARS else _NAMED.get(slot.scalar)
    if element is None:
        return None
    extents = tuple(slot.shape)
    if slot.kind == "scalar":
        return element
    if slot.kind == "vec":
        n = extents[0] or length
        return spatial_vector(element) if n == 6 else vec(n, element)
    if slot.kind == "mat":
        rows, columns = (extents[0] or shape[0]), (extents[1] or shape[1])
        return spatial_matrix(element) if (rows, columns) == (6, 6) else mat(rows, columns, element)
    if slot.kind == "quat":
        return quat(element)
    return transform(element) if slot.kind == "transform" else None


_NAMED = {t.name: t for t in (*FLOATS, *INTEGERS)}


@functools.cache
def _variants(builtin: str, slots: tuple[Slot, ...]) -> tuple[Fragment, ...]:
    """Concrete argument types for one overload, the common ones first; Warp may refuse some of them."""
    generics = {s.scalar for s in slots} & _SCALARS.keys()
    rotating = any(s.kind in ("quat", "transform") for s in slots)
    generic = "Float" if rotating or "Float" in generics else "Int" if "Int" in generics else "Scalar"
    scalars: Sequence[Type] = _SCALARS[generic] if generics else (F32,)
    sized = any(0 in s.shape for s in slots)
    found: dict[tuple[Type, ...], None] = {}
    for turn in range(len(scalars) * (len(_SHAPES) * len(_LENGTHS) if sized else 1)):
        scalar = scalars[turn % len(scalars)]
        n, shape = _LENGTHS[turn % len(_LENGTHS)], _SHAPES[turn % len(_SHAPES)]
        if any(s.kind == "mat" for s in slots) and any(s.kind == "vec" and 0 in s.shape for s in slots):
            n = shape[1] if slots[0].kind == "mat" else shape[0]  # a matrix and a vector that fit
        types = tuple(_concrete(s, scalar, n, shape) for s in slots)
        chosen = tuple(t for t in types if t is not None)
        complete = len(chosen) == len(slots) > 0 and len(found) < _MOST_VARIANTS
        if complete and chosen[0].scalar.name not in known(builtin).refuses:
            found[chosen] = None
    return tuple(Fragment(builtin, types) for types in found)


@functools.cache
def callable_(fragment: Fragment) -> bool:
    """Whether the installed Warp has this overload for these types, with one result."""
    if fragment.case is not None:
        return True
    try:
        return len(registry.result_types(fragment.builtin, fragment.types)) == 1
    except SynthesisError:
        return False


@functools.cache
def overloads() -> tuple[tuple[Fragment, ...], ...]:
    """All overloads that fragments can call; each with its variants, the common types first."""
    found: list[tuple[Fragment, ...]] = []
    for name in registry.public_names():
        if registry.group(name) not in GROUPS or known(name).unreachable:
            continue
        cases = CASES.get(name, ())
        found += [tuple(Fragment(name, (t,), case.write) for t in case.scalars) for case in cases]
        if not cases:
            found += [v for slots in registry.signatures(name) if (v := _variants(name, slots))]
    return tuple(found)


def scheduled(seed: int, index: int, count: int) -> list[Fragment]:
    """The fragments of program `index`: the same for the same (seed, index), whoever asks.

    Fragment number j of all programs forms a deal of its own, so programs that take fewer do not
    disturb the others.
    """
    all_of = overloads()
    chosen = []
    for j in range(count):
        turn, at = divmod(index, len(all_of))
        variants = all_of[_order(seed, j, turn, len(all_of))[at]]
        fragment = next(filter(callable_, _walk(variants, turn + j)), None)
        if fragment is not None:
            chosen.append(fragment)
    return chosen


def _walk(variants: tuple[Fragment, ...], turn: int) -> Iterator[Fragment]:
    """The variants in the order in which this round tries them."""
    walk, other = divmod(turn, 2)
    first = 1 + walk % (len(variants) - 1) if other and len(variants) > 1 else 0
    yield from variants[first:]
    yield from variants[:first]


@functools.lru_cache(maxsize=16)
def _order(seed: int, deal: int, turn: int, count: int) -> tuple[int, ...]:
    return tuple(Rng("schedule", seed, deal, turn).shuffled(range(count)))
