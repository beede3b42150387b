"""The values that each kind of fill stands for.

Plain arithmetic only, so that every machine agrees: NumPy's sines and matrix products differ in the last bit
from one processor to the next.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpgen.errors import VerificationError
from warpgen.launch import Fill
from warpgen.verification.running.streams import Stream

Floats = NDArray[np.float64]


def draw(
    fill: Fill, kind: str, shape: tuple[int, ...], inner: tuple[int, ...], source: Stream
) -> NDArray[Any]:
    """Values of `shape` + `inner` (the shape of one vector or matrix) for scalars of NumPy kind f, i, u or b.

    Raises VerificationError where the fill does not suit the type.
    """
    make = _MAKERS.get(fill.kind)
    if make is None:
        raise VerificationError(f"a fill of kind {fill.kind!r} does not suit numbers")
    if not (math.isfinite(fill.low) and math.isfinite(fill.high)):
        raise VerificationError("a fill's bounds are not finite")
    return make(fill, kind, shape, inner, source)


def _constant(
    fill: Fill, kind: str, shape: tuple[int, ...], inner: tuple[int, ...], _: Stream
) -> NDArray[Any]:
    return np.full(shape + inner, fill.value)


def _uniform(
    fill: Fill, kind: str, shape: tuple[int, ...], inner: tuple[int, ...], source: Stream
) -> NDArray[Any]:
    values = fill.low + (fill.high - fill.low) * source.uniform(shape + inner)
    if kind == "b":
        return values >= 0.5
    return values if kind == "f" else np.floor(values)


def _normal(
    fill: Fill, kind: str, shape: tuple[int, ...], inner: tuple[int, ...], source: Stream
) -> NDArray[Any]:
    _require(kind == "f", "normal", "floats")
    total = np.zeros(shape + inner)
    for part in source.uniform((12, *shape, *inner)):  # whose sum has the variance 1
        total = total + (part - 0.5)
    return np.asarray(fill.high * total)


def _unit(_: Fill, kind: str, shape: tuple[int, ...], inner: tuple[int, ...], source: Stream) -> NDArray[Any]:
    _require(kind == "f" and len(inner) == 1, "unit", "a vector or quaternion of floats")
    return _normalised(source.uniform(shape + inner) * 2.0 - 1.0)


def _normalised(v: Floats) -> Floats:
    square = np.zeros(v.shape[:-1])
    for i in range(v.shape[-1]):
        square = square + v[..., i] * v[..., i]
    short = square < 1e-6
    v[short] = 0.0
    v[short, 0] = 1.0
    return np.asarray(v / np.sqrt(np.where(short, 1.0, square))[..., None], dtype=np.float64)


def _transform(
    fill: Fill, kind: str, shape: tuple[int, ...], inner: tuple[int, ...], source: Stream
) -> NDArray[Any]:
    _require(kind == "f" and inner == (7,), "transform", "a transform")
    place = fill.low + (fill.high - fill.low) * source.uniform((*shape, 3))
    return np.concatenate([place, _normalised(source.uniform((*shape, 4)) * 2.0 - 1.0)], axis=-1)


def _rotation(
    _: Fill, kind: str, shape: tuple[int, ...], inner: tuple[int, ...], source: Stream
) -> NDArray[Any]:
    _require(
        kind == "f" and inner in ((2, 2), (3, 3), (4, 4)), "rotation", "a square matrix of 2, 3 or 4 rows"
    )
    n = inner[0]
    # Two reflections make a rotation in any number of dimensions.
    first, second = (_reflection(source, shape, n) for _ in range(2))
    return _product(first, second)


def _reflection(source: Stream, shape: tuple[int, ...], n: int) -> Floats:
    v = _normalised(source.uniform((*shape, n)) * 2.0 - 1.0)
    return np.asarray(np.eye(n) - 2.0 * v[..., :, None] * v[..., None, :], dtype=np.float64)


def _product(a: Floats, b: Floats) -> Floats:
    total = np.zeros(a.shape)
    for k in range(a.shape[-1]):
        total = total + a[..., :, k, None] * b[..., None, k, :]
    return total


def _spd(
    fill: Fill, kind: str, shape: tuple[int, ...], inner: tuple[int, ...], source: Stream
) -> NDArray[Any]:
    square = len(inner) == 2 and inner[0] == inner[1]
    _require(kind == "f" and square and fill.low > 0.0, "spd", "a square matrix of floats, and low above 0")
    n = inner[0]
    turn = _reflection(source, shape, n)
    values = fill.low + (fill.high - fill.low) * source.uniform((*shape, n))
    made = _product(turn * values[..., None, :], np.swapaxes(turn, -1, -2))
    return (made + np.swapaxes(made, -1, -2)) * 0.5


def _permutation(
    _: Fill, kind: str, shape: tuple[int, ...], inner: tuple[int, ...], source: Stream
) -> NDArray[Any]:
    _require(len(shape) == 1 and not inner, "permutation", "a one-dimensional array of scalars")
    return np.argsort(source.words(shape[0]), kind="stable")


def _ascending(
    fill: Fill, kind: str, shape: tuple[int, ...], inner: tuple[int, ...], source: Stream
) -> NDArray[Any]:
    _require(not inner and len(shape) > 0, "ascending", "an array of scalars")
    return np.sort(_uniform(fill, kind, shape, inner, source), axis=-1)


def _offsets(
    fill: Fill, kind: str, shape: tuple[int, ...], inner: tuple[int, ...], source: Stream
) -> NDArray[Any]:
    _require(len(shape) == 1 and shape[0] > 1 and not inner, "offsets", "a one-dimensional array of scalars")
    made = np.sort(np.floor(source.uniform(shape) * (math.floor(fill.high) + 1)))
    made[0], made[-1] = 0, math.floor(fill.high)
    return made


def _require(holds: bool, kind: str, wanted: str) -> None:
    if not holds:
        raise VerificationError(f"a fill of kind {kind!r} wants {wanted}")


_Maker = Callable[[Fill, str, tuple[int, ...], tuple[int, ...], Stream], NDArray[Any]]
_MAKERS: dict[str, _Maker] = {
    "constant": _constant,
    "uniform": _uniform,
    "unit": _unit,
    "transform": _transform,
    "rotation": _rotation,
    "spd": _spd,
    "permutation": _permutation,
    "ascending": _ascending,
    "normal": _normal,
    "offsets": _offsets,
}
