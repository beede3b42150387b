"""Warp's builtins on vectors and matrices, written anew from their documentation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from warpgen.verification.oracle import operators as op
from warpgen.verification.oracle.types import MatType, VecType, scalar
from warpgen.verification.oracle.values import Int, Mat, Unsupported, Vec


def dot(a: Any, b: Any) -> Any:
    if isinstance(a, Vec) and isinstance(b, Vec) and len(a) == len(b):
        return op.inner(a.c, b.c)
    raise Unsupported("this dot product")


def _length_sq(a: Any) -> Any:
    return dot(a, a)


def length(a: Any) -> float:
    return math.sqrt(_length_sq(a))


def normalize(a: Any) -> Any:
    size = length(a)
    return op.div(a, size) if size > 0.0 else a.map(lambda _: 0.0)


def cross(a: Vec, b: Vec) -> Vec:
    (ax, ay, az), (bx, by, bz) = a.c, b.c
    return Vec((ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx))


def _outer(a: Vec, b: Vec) -> Mat:
    return Mat(len(a), len(b), tuple(op.mul(x, y) for x in a.c for y in b.c))


def _skew(v: Vec) -> Mat:
    x, y, z = v.c
    return Mat(3, 3, (0.0, -z, y, z, 0.0, -x, -y, x, 0.0))


def _diag(v: Vec) -> Mat:
    n = len(v)
    nothing = op.sub(v.c[0], v.c[0])
    return Mat(n, n, tuple(v.c[i] if i == j else nothing for i in range(n) for j in range(n)))


def transpose(m: Mat) -> Mat:
    return Mat(m.cols, m.rows, tuple(x for j in range(m.cols) for x in m.column(j)))


def _trace(m: Mat) -> Any:
    total = m.c[0]
    for i in range(1, m.rows):
        total = op.add(total, m[i, i])
    return total


def _determinant(m: Mat) -> float:
    if m.rows == 1:
        return float(m.c[0])
    total = 0.0
    for j in range(m.cols):
        total += (-1.0) ** j * m.c[j] * _determinant(_minor(m, 0, j))
    return total


def _minor(m: Mat, row: int, col: int) -> Mat:
    items = (m[i, j] for i in range(m.rows) for j in range(m.cols) if i != row and j != col)
    return Mat(m.rows - 1, m.cols - 1, tuple(items))


def _inverse(m: Mat) -> Mat:
    if m.rows != m.cols or m.rows > 4:
        raise Unsupported("the inverse of a large matrix")
    total, n = _determinant(m), m.rows
    if total == 0.0:
        return m.map(lambda _: 0.0)
    if n == 1:
        return Mat(1, 1, (1.0 / total,))
    items = ((-1.0) ** (i + j) * _determinant(_minor(m, j, i)) / total for i in range(n) for j in range(n))
    return Mat(n, n, tuple(items))


def _identity(n: Any = None, dtype: Any = float) -> Mat:
    one, nothing = scalar(dtype)(1), scalar(dtype)(0)
    size = int(n)
    return Mat(size, size, tuple(one if i == j else nothing for i in range(size) for j in range(size)))


def _from_rows(*rows: Vec) -> Mat:
    return Mat(len(rows), len(rows[0]), tuple(x for row in rows for x in row.c))


def from_cols(*cols: Vec) -> Mat:
    return transpose(_from_rows(*cols))


def _lerp(a: Any, b: Any, t: Any) -> Any:
    return op.add(op.mul(a, op.sub(1.0, t)), op.mul(b, t))


def _extreme(best: Callable[[Any, Any], bool]) -> Callable[[Vec], Any]:
    def found(v: Vec) -> Any:
        at = 0
        for i in range(1, len(v)):
            if best(v.c[i], v.c[at]):
                at = i
        return Int(at, "u32")

    return found


def _pairs(operation: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    c = tuple(map(operation, a.c, b.c))
    return Vec(c, a.kind) if isinstance(a, Vec) else Mat(a.rows, a.cols, c)


def vector_type(length: Any, dtype: Any = float) -> VecType:
    """`wp.types.vector`."""
    return VecType(int(length), dtype)


def matrix_type(shape: Any, dtype: Any = float) -> MatType:
    """`wp.types.matrix`."""
    return MatType(int(shape[0]), int(shape[1]), dtype)


def vector(*items: Any, length: Any = None, dtype: Any = None) -> Vec:
    """`wp.vector`: a value whose type follows from its components."""
    if dtype is None:
        if length is not None or any(isinstance(item, (Vec, Mat)) for item in items):
            raise Unsupported("this vector")
        return Vec(items)
    return VecType(len(items) if length is None else int(length), dtype)(*items)


def matrix(*items: Any, shape: Any = None, dtype: Any = None) -> Mat:
    """`wp.matrix` of scalars."""
    if shape is None or any(isinstance(item, (Vec, Mat)) for item in items):
        raise Unsupported("this matrix")
    rows, cols = int(shape[0]), int(shape[1])
    if dtype is None and len(items) == rows * cols:
        return Mat(rows, cols, items)
    return MatType(rows, cols, float if dtype is None else dtype)(*items)


def _edges(p1: Vec, q1: Vec, p2: Vec, q2: Vec, epsilon: float) -> Vec:
    """Where two segments are closest, as shares of each, and how far (Ericson)."""
    d1, d2, r = op.sub(q1, p1), op.sub(q2, p2), op.sub(p1, p2)
    a, e, f = dot(d1, d1), dot(d2, d2), dot(d2, r)
    if a <= epsilon or e <= epsilon:
        raise Unsupported("an edge without length")
    b, c = dot(d1, d2), dot(d1, r)
    slant = a * e - b * b
    s = min(max((b * f - c * e) / slant, 0.0), 1.0) if slant > 0.0 else 0.0
    t = (b * s + f) / e
    if t < 0.0:
        s, t = min(max(-c / a, 0.0), 1.0), 0.0
    elif t > 1.0:
        s, t = min(max((b - c) / a, 0.0), 1.0), 1.0
    gap = op.sub(op.add(p2, op.mul(d2, t)), op.add(p1, op.mul(d1, s)))
    return Vec((s, t, length(gap)))


def table() -> dict[str, Any]:
    made: dict[str, Any] = {"dot": dot, "tensordot": dot, "length": length, "length_sq": _length_sq}
    made |= {"normalize": normalize, "cross": cross, "outer": _outer, "skew": _skew, "lerp": _lerp}
    made |= {"diag": _diag, "get_diag": lambda m: Vec(m.c[:: m.cols + 1]), "transpose": transpose}
    made |= {"trace": _trace, "determinant": _determinant, "identity": _identity}
    made |= {"inverse": _inverse, "inverse_approx": _inverse, "ddot": lambda a, b: op.inner(a.c, b.c)}
    made |= {"matrix_from_rows": _from_rows, "matrix_from_cols": from_cols}
    made |= {"cw_mul": lambda a, b: _pairs(op.mul, a, b), "cw_div": lambda a, b: _pairs(op.div, a, b)}
    made |= {"argmin": _extreme(lambda a, b: a < b), "argmax": _extreme(lambda a, b: a > b)}
    made |= {"norm_l1": lambda v: math.fsum(map(abs, v.c)), "norm_l2": length}
    made |= {"closest_point_edge_edge": _edges, "pos": op.positive}
    shapes: dict[str, Any] = {"vector": vector, "matrix": matrix}
    return made | shapes
