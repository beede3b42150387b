"""Arithmetic as Warp defines it: C's rules for integers, IEEE's for floats, and the types' own products."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from warpgen.verification.oracle.rounding import rounded
from warpgen.verification.oracle.values import Int, Mat, Unsupported, Vec, wrap


def _integers(a: Any, b: Any, operation: Callable[[int, int], int]) -> Any:
    if isinstance(a, Int):
        return Int(operation(a.value, int(b)), a.code)
    if isinstance(b, Int):
        return Int(operation(int(a), b.value), b.code)
    return wrap(operation(int(a), int(b)))


def _is_int(value: Any) -> bool:
    return isinstance(value, (int, Int))


def add(a: Any, b: Any) -> Any:
    if type(a) is float and type(b) is float:
        return rounded(a + b)
    if type(a) is int and type(b) is int:
        return wrap(a + b)
    if _is_int(a) and _is_int(b):
        return _integers(a, b, lambda x, y: x + y)
    return _each(a, b, add)


def sub(a: Any, b: Any) -> Any:
    if type(a) is float and type(b) is float:
        return rounded(a - b)
    if type(a) is int and type(b) is int:
        return wrap(a - b)
    if _is_int(a) and _is_int(b):
        return _integers(a, b, lambda x, y: x - y)
    return _each(a, b, sub)


def _each(a: Any, b: Any, operation: Callable[[Any, Any], Any]) -> Any:
    """Component by component; one side may be a scalar where Warp allows it."""
    if isinstance(a, (Vec, Mat)) and isinstance(b, (Vec, Mat)) and len(a.c) == len(b.c):
        return _like(a, tuple(operation(x, y) for x, y in zip(a.c, b.c, strict=True)))
    if isinstance(a, (Vec, Mat)) and isinstance(b, (float, int, Int)):
        return _like(a, tuple(operation(x, b) for x in a.c))
    if isinstance(b, (Vec, Mat)) and isinstance(a, (float, int, Int)):
        return _like(b, tuple(operation(a, y) for y in b.c))
    raise Unsupported(f"{operation.__name__} of {type(a).__name__} and {type(b).__name__}")


def _like(model: Any, c: tuple[Any, ...]) -> Any:
    return Vec(c, model.kind) if isinstance(model, Vec) else Mat(model.rows, model.cols, c)


def mul(a: Any, b: Any) -> Any:
    if type(a) is float and type(b) is float:
        return rounded(a * b)
    if type(a) is int and type(b) is int:
        return wrap(a * b)
    if _is_int(a) and _is_int(b):
        return _integers(a, b, lambda x, y: x * y)
    if isinstance(a, Mat) and isinstance(b, (Vec, Mat)):
        return matmul(a, b)
    if isinstance(a, Vec) and isinstance(b, Mat):
        return matmul(a, b)
    if isinstance(a, Vec) and isinstance(b, Vec):
        if a.kind == b.kind == "quat":
            return quat_mul(a, b)
        if a.kind == b.kind == "transform":
            return transform_mul(a, b)
        raise Unsupported("a product of vectors")
    return _each(a, b, mul)


def inner(a: Any, b: Any) -> Any:
    """Sum of products of two sequences."""
    total: Any = None
    for x, y in zip(a, b, strict=True):
        term = mul(x, y)
        total = term if total is None else add(total, term)
    return total


def matmul(a: Any, b: Any) -> Any:
    if isinstance(a, Mat) and isinstance(b, Vec) and a.cols == len(b):
        return Vec(tuple(inner(a.row(i), b.c) for i in range(a.rows)))
    if isinstance(a, Vec) and isinstance(b, Mat) and len(a) == b.rows:
        return Vec(tuple(inner(a.c, b.column(j)) for j in range(b.cols)))
    if isinstance(a, Mat) and isinstance(b, Mat) and a.cols == b.rows:
        columns = [b.column(j) for j in range(b.cols)]
        return Mat(a.rows, b.cols, tuple(inner(a.row(i), c) for i in range(a.rows) for c in columns))
    raise Unsupported("a matrix product")


def quat_mul(a: Vec, b: Vec) -> Vec:
    ax, ay, az, aw = a.c
    bx, by, bz, bw = b.c
    return Vec(
        (
            aw * bx + bw * ax + ay * bz - az * by,
            aw * by + bw * ay + az * bx - ax * bz,
            aw * bz + bw * az + ax * by - ay * bx,
            aw * bw - ax * bx - ay * by - az * bz,
        ),
        "quat",
    )


def rotate(q: Vec, v: Vec) -> Vec:
    """A vector turned by a unit quaternion (Warp's formula, which does not divide by the length)."""
    x, y, z, w = q.c
    c = 2.0 * w * w - 1.0
    d = 2.0 * (x * v.c[0] + y * v.c[1] + z * v.c[2])
    return Vec(
        (
            v.c[0] * c + x * d + (y * v.c[2] - z * v.c[1]) * w * 2.0,
            v.c[1] * c + y * d + (z * v.c[0] - x * v.c[2]) * w * 2.0,
            v.c[2] * c + z * d + (x * v.c[1] - y * v.c[0]) * w * 2.0,
        )
    )


def transform_mul(a: Vec, b: Vec) -> Vec:
    p = add(rotate(a.q, b.p), a.p)
    return Vec((*p.c, *quat_mul(a.q, b.q).c), "transform")


def div(a: Any, b: Any) -> Any:
    if type(a) is float and type(b) is float:
        if b == 0.0:
            return math.nan if a == 0.0 or a != a else math.copysign(math.inf, a) * math.copysign(1.0, b)
        return rounded(a / b)
    if _is_int(a) and _is_int(b):
        return _integers(a, b, _truncated)
    return _each(a, b, div)


def _truncated(x: int, y: int) -> int:
    if y == 0:
        raise Unsupported("an integer division by zero")
    q = abs(x) // abs(y)
    return q if (x < 0) == (y < 0) else -q


def mod(a: Any, b: Any) -> Any:
    if type(a) is float and type(b) is float:
        return math.fmod(a, b) if b != 0.0 and math.isfinite(a) else math.nan
    if _is_int(a) and _is_int(b):
        return _integers(a, b, lambda x, y: x - y * _truncated(x, y))
    return _each(a, b, mod)


def floordiv(a: Any, b: Any) -> Any:
    if type(a) is float and type(b) is float:
        quotient = div(a, b)
        return float(math.floor(quotient)) if math.isfinite(quotient) else quotient
    if _is_int(a) and _is_int(b) and int(b) != 0:
        return _integers(a, b, lambda x, y: x // y)
    raise Unsupported("this floor division")


def power(a: Any, b: Any) -> Any:
    if type(a) is not float or type(b) is not float:
        raise Unsupported("a power of integers")
    try:
        return rounded(math.pow(a, b))
    except OverflowError:
        return math.inf
    except ValueError:
        return math.nan if a < 0.0 else math.inf


def shift_left(a: Any, b: Any) -> Any:
    if isinstance(a, Vec):
        return _each(a, b, shift_left)
    return _integers(a, b, lambda x, y: x << _steps(y))


def shift_right(a: Any, b: Any) -> Any:
    if isinstance(a, Vec):
        return _each(a, b, shift_right)
    return _integers(a, b, lambda x, y: x >> _steps(y))


def _steps(y: int) -> int:
    if not 0 <= y < 64:
        raise Unsupported("a shift by more than the width")
    return y


def bit_and(a: Any, b: Any) -> Any:
    return _bits(a, b, lambda x, y: x & y)


def bit_or(a: Any, b: Any) -> Any:
    return _bits(a, b, lambda x, y: x | y)


def bit_xor(a: Any, b: Any) -> Any:
    return _bits(a, b, lambda x, y: x ^ y)


def _bits(a: Any, b: Any, operation: Callable[[int, int], int]) -> Any:
    if isinstance(a, bool) and isinstance(b, bool):
        return bool(operation(a, b))
    if isinstance(a, Vec) and isinstance(b, Vec):
        return Vec(tuple(_bits(x, y, operation) for x, y in zip(a.c, b.c, strict=True)))
    if not (_is_int(a) and _is_int(b)):
        raise Unsupported("bits of what is no integer")
    return _integers(a, b, operation)


def negative(a: Any) -> Any:
    if type(a) is float:
        return -a
    if isinstance(a, Int):
        return Int(-a.value, a.code)
    if isinstance(a, int):
        return wrap(-a)
    if isinstance(a, (Vec, Mat)):
        return a.map(negative)
    raise Unsupported("a negative of this")


def positive(a: Any) -> Any:
    return a


def invert(a: Any) -> Any:
    if isinstance(a, Int):
        return Int(~a.value, a.code)
    if isinstance(a, int) and not isinstance(a, bool):
        return wrap(~a)
    if isinstance(a, Vec):
        return a.map(invert)
    raise Unsupported("the bits of this")
