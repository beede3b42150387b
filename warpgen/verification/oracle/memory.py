"""Warp's builtins on arrays: atomics, searches, local arrays; and those that do nothing here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from warpgen.verification.oracle import operators as op
from warpgen.verification.oracle.scalars import maximum, minimum
from warpgen.verification.oracle.types import zero
from warpgen.verification.oracle.values import Array, Indexed, Unsupported, Vec


def _spot(array: Any, indices: tuple[Any, ...]) -> int:
    if not isinstance(array, (Array, Indexed)):
        raise Unsupported("an atomic on what is no array")
    return array.spot(indices)


def _atomic(change: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def applied(array: Any, *rest: Any) -> Any:
        at = _spot(array, rest[:-1])
        old = array.data[at]
        array.put(at, change(old, rest[-1]))
        return old

    return applied


def _atomic_cas(array: Any, *rest: Any) -> Any:
    at = _spot(array, rest[:-2])
    old = array.data[at]
    array.put(at, rest[-1] if old == rest[-2] else old)
    return old


def _lower_bound(array: Any, *rest: Any) -> int:
    """The first element that is not less, the last where all are: Warp does not look behind it."""
    low, high = (int(rest[0]), int(rest[1])) if len(rest) == 3 else (0, array.shape[0])
    high -= 1
    while low < high:
        middle = (low + high) // 2
        if array[middle] < rest[-1]:
            low = middle + 1
        else:
            high = middle
    return low


def _zeros(shape: Any, dtype: Any = float) -> Array:
    extents = tuple(map(int, shape)) if isinstance(shape, tuple) else (int(shape),)
    made = Array([], extents)
    made.data = [zero(dtype)] * made.size
    return made


def length(value: Any) -> int:
    if isinstance(value, (Array, Indexed)):
        return value.shape[0]
    return len(value) if isinstance(value, (Vec, tuple)) else int(value.rows)


def _nothing(*_: Any) -> None:
    return None


def table() -> dict[str, Any]:
    made: dict[str, Any] = {"atomic_add": _atomic(op.add), "atomic_sub": _atomic(op.sub)}
    made |= {"atomic_min": _atomic(minimum), "atomic_max": _atomic(maximum), "atomic_cas": _atomic_cas}
    made |= {"atomic_and": _atomic(op.bit_and), "atomic_or": _atomic(op.bit_or)}
    made |= {"atomic_xor": _atomic(op.bit_xor), "atomic_exch": _atomic(lambda _, new: new)}
    made |= {"lower_bound": _lower_bound, "zeros": _zeros, "len": length, "block_dim": lambda: 1}
    return made | dict.fromkeys(("printf", "print", "expect_eq", "expect_near"), _nothing)
