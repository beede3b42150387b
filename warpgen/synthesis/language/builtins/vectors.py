"""Functions of vectors and matrices."""

from __future__ import annotations

import math

from warpgen.synthesis.language.builtins.record import Builtin, Writer, fixed, within, written
from warpgen.synthesis.language.types import F32, U32, mat, vec
from warpgen.synthesis.language.values import Value, interval_product


def dot(name: str, a: Value, b: Value) -> Value:
    """`wp.dot(a, b)`, a square if both are the same."""
    lo, hi = interval_product(a, b, a.type.components)
    if a.unit and b.unit:
        lo, hi = -1.0, 1.0
    if a.text == b.text:
        lo = max(lo, 0.0)
    return written(name, (a, b), a.type.scalar, lo, hi)


def _length(name: str, v: Value) -> Value:
    return written(name, (v,), v.type.scalar, 0.0, v.magnitude * math.sqrt(v.type.components))


def _length_sq(name: str, v: Value) -> Value:
    return written(name, (v,), v.type.scalar, 0.0, v.magnitude**2 * v.type.components)


def _norm_l1(name: str, v: Value) -> Value:
    top = v.magnitude * v.type.components
    if v.type.scalar is not F32:  # Warp adds up in 32 bits and refuses all else
        return written("dot", (v, written("sign", (v,), v.type, -1.0, 1.0)), v.type.scalar, 0.0, top)
    return written(name, (v,), v.type.scalar, 0.0, top)


def _norm_huber(name: str, v: Value, *delta: Value) -> Value:
    scale = max([1.0, *(d.hi for d in delta)])  # the pseudo one is delta at zero
    return written(name, (v, *delta), v.type.scalar, 0.0, scale * (v.magnitude * v.type.components + 1.0))


def normalize(name: str, v: Value) -> Value:
    """`wp.normalize(v)`, of length one."""
    return written(name, (v,), v.type, -1.0, 1.0, unit=True)


def _outer(name: str, a: Value, b: Value) -> Value:
    lo, hi = interval_product(a, b)
    return written(name, (a, b), mat(a.type.shape[0], b.type.shape[0], a.type.scalar), lo, hi)


def _matrix_from(name: str, *parts: Value) -> Value:
    n, size = len(parts), parts[0].type.shape[0]
    rows, columns = (size, n) if name == "matrix_from_cols" else (n, size)
    t = mat(rows, columns, parts[0].type.scalar)
    return written(name, parts, t, min(p.lo for p in parts), max(p.hi for p in parts))


def _diag(name: str, v: Value) -> Value:
    n = v.type.shape[0]
    return written(name, (v,), mat(n, n, v.type.scalar), min(v.lo, 0.0), max(v.hi, 0.0))


def _get_diag(name: str, m: Value) -> Value:
    return written(name, (m,), vec(m.type.shape[0], m.type.scalar), m.lo, m.hi)


def _transpose(name: str, m: Value) -> Value:
    rows, columns = m.type.shape
    t = m.type if rows == columns else mat(columns, rows, m.type.scalar)
    return written(name, (m,), t, m.lo, m.hi)


def _trace(name: str, m: Value) -> Value:
    n = m.type.shape[0]
    return written(name, (m,), m.type.scalar, n * m.lo, n * m.hi)


def _largest_determinant(m: Value) -> float:
    n = m.type.shape[0]
    return math.factorial(n) * m.magnitude**n


def _cw_mul(name: str, a: Value, b: Value) -> Value:
    return written(name, (a, b), a.type, *interval_product(a, b))


def _largest_quotient(a: Value, b: Value) -> float:
    return a.magnitude / max(min(abs(b.lo), abs(b.hi)) if b.lo * b.hi > 0 else 0.0, 1e-3)


def _arg(name: str, v: Value) -> Value:
    return written(name, (v,), U32, 0, v.type.shape[0] - 1)


def _difference(k: Writer, args: list[Value]) -> list[Value]:
    """Orientations themselves have length one, so the difference of two is asked."""
    if args[0].type.kind != "quat":
        return args
    other = k.input("r|q1|other_rot", args[0].type, unit=True)
    return [k.define("dq|diff|delta_q", args[0] - other)]


# The caller hands in a matrix that is far from singular; its inverse's range is not known from components.
_INVERSE = fixed(-100.0, 100.0)

TABLE = (
    Builtin("dot", dot, grows=True, pure=True, results="proj|d|cos_angle",
            comments=("project {a}", "{x} from the dot product", "dot product with {a}")),
    Builtin("ddot", dot, pure=True),
    Builtin("length", _length, domain=((-2.0, 2.0),), prepare=_difference, pure=True, results="dist|norm|mag",
            comments=("length of {a}", "magnitude of {a}", "get {x}")),
    Builtin("length_sq", _length_sq, prepare=_difference, pure=True,
            comments=("squared length of {a}", "squared distance avoids the square root")),
    Builtin("norm_l1", _norm_l1),
    Builtin("norm_l2", _length),
    Builtin("norm_huber", _norm_huber),
    Builtin("norm_pseudo_huber", _norm_huber),
    Builtin("smooth_normalize", fixed(-1.0, 1.0)),
    Builtin("normalize", normalize, domain=((0.2, 2.0),), prepare=_difference, pure=True,
            results="dir|unit|nrm",
            comments=("unit {x}", "normalize {a}", "{x} with unit length", "make sure {a} has unit length")),
    Builtin("cross", within(lambda a, b: 2 * a.magnitude * b.magnitude), pure=True, results="perp|cr|side",
            comments=("perpendicular to {a}", "{x} from the cross product")),
    Builtin("outer", _outer, pure=True, results="op|dyad|uv", comments=("outer product",)),
    Builtin("matrix_from_cols", _matrix_from),
    Builtin("matrix_from_rows", _matrix_from),
    Builtin("skew", within(lambda v: v.magnitude, lambda v: mat(3, 3, v.type.scalar)), pure=True),
    Builtin("diag", _diag, pure=True),
    Builtin("get_diag", _get_diag),
    Builtin("transpose", _transpose, pure=True, results="At|flipped|t", comments=("transpose of {a}",)),
    Builtin("trace", _trace, pure=True, results="tr|diag_sum"),
    Builtin("determinant", within(_largest_determinant, lambda m: m.type.scalar), pure=True,
            results="det|vol"),
    Builtin("inverse", _INVERSE, pure=True, results="inv|A_inv", comments=("invert {a}", "inverse of {a}")),
    Builtin("inverse_approx", _INVERSE),
    Builtin("cw_mul", _cw_mul, pure=True),
    Builtin("cw_div", within(_largest_quotient), domain=((-2.0, 20.0), (1.0, 3.0)), pure=True),
    Builtin("argmin", _arg, masking=True),
    Builtin("argmax", _arg, masking=True),
)  # fmt: skip
