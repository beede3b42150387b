"""Warp's builtins, written anew from their documentation: scalars, vectors, matrices and rotations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from warpgen.verification.oracle import operators as op
from warpgen.verification.oracle.types import MatType, VecType, scalar, zero
from warpgen.verification.oracle.values import Array, Indexed, Int, Mat, Unsupported, Vec, wrap


def _real(function: Callable[..., float]) -> Callable[..., Any]:
    """A function of floats; what Python refuses is nan or infinite in C."""

    def applied(*items: Any) -> Any:
        if any(type(item) is not float for item in items):
            raise Unsupported("a float function of something else")
        try:
            return function(*items)
        except OverflowError:
            return math.inf
        except ValueError:
            return math.nan

    return applied


def _log(x: float, function: Callable[[float], float]) -> float:
    return -math.inf if x == 0.0 else function(x)


def _select(first: bool) -> Callable[[Any, Any], Any]:
    """min (`first`) or max: of scalars, of vectors component by component."""

    def chosen(a: Any, b: Any = None) -> Any:
        if b is None:
            result = a.c[0]
            for item in a.c[1:]:
                result = chosen(result, item)
            return result
        if isinstance(a, Vec) and isinstance(b, Vec):
            return Vec(tuple(map(chosen, a.c, b.c)), a.kind)
        if isinstance(a, (Vec, Mat)) or isinstance(b, (Vec, Mat)):
            raise Unsupported("min or max of mixed types")
        if a != a or b != b:
            return b if a != a else a
        return (a if a <= b else b) if first else (a if a >= b else b)

    return chosen


minimum, maximum = _select(True), _select(False)


def _clamp(x: Any, low: Any, high: Any) -> Any:
    return minimum(maximum(low, x), high)


def _abs(x: Any) -> Any:
    if isinstance(x, (Vec, Mat)):
        return x.map(_abs)
    return abs(x) if type(x) is float else (op.negative(x) if x < 0 else x)


def _sign(x: Any) -> Any:
    if isinstance(x, Vec):
        return x.map(_sign)
    if type(x) is float:
        return -1.0 if x < 0.0 else 1.0
    return type_of(x)(-1 if x < 0 else 1)


def type_of(x: Any) -> Callable[[int], Any]:
    return (lambda value: Int(value, x.code)) if isinstance(x, Int) else wrap


def _dot(a: Any, b: Any) -> Any:
    if isinstance(a, Vec) and isinstance(b, Vec) and len(a) == len(b):
        return op.inner(a.c, b.c)
    raise Unsupported("this dot product")


def _length_sq(a: Any) -> Any:
    return _dot(a, a)


def _length(a: Any) -> float:
    return math.sqrt(_length_sq(a))


def _normalize(a: Any) -> Any:
    size = _length(a)
    return op.div(a, size) if size > 0.0 else a.map(lambda _: 0.0)


def _cross(a: Vec, b: Vec) -> Vec:
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


def _transpose(m: Mat) -> Mat:
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


def _from_cols(*cols: Vec) -> Mat:
    return _transpose(_from_rows(*cols))


def _lerp(a: Any, b: Any, t: Any) -> Any:
    return op.add(op.mul(a, op.sub(1.0, t)), op.mul(b, t))


def _smoothstep(low: float, high: float, x: float) -> float:
    t = _clamp(op.div(x - low, high - low), 0.0, 1.0)
    return float(t * t * (3.0 - 2.0 * t))


def _where(condition: Any, a: Any, b: Any) -> Any:
    return a if condition else b


def _round(x: float) -> float:
    return math.copysign(math.floor(abs(x) + 0.5), x)


def _extreme(best: Callable[[Any, Any], bool]) -> Callable[[Vec], Any]:
    def found(v: Vec) -> Any:
        at = 0
        for i in range(1, len(v)):
            if best(v.c[i], v.c[at]):
                at = i
        return Int(at, "u32")

    return found


def _bit_count(x: Any) -> int:
    bits = int(x.code[1:]) if isinstance(x, Int) else 32
    return (int(x) & ((1 << bits) - 1)).bit_count()


# Rotations.


def _axis_angle(axis: Vec, angle: float) -> Vec:
    half = 0.5 * angle
    return Vec((*op.mul(axis, math.sin(half)).c, math.cos(half)), "quat")


def _to_axis_angle(q: Vec, *places: Any) -> tuple[Vec, float]:
    if places:
        raise Unsupported("results through arguments")
    v = Vec(q.c[:3])
    axis = _normalize(v)
    return (op.negative(axis) if q.c[3] < 0.0 else axis), 2.0 * math.atan2(_length(v), abs(q.c[3]))


def _quat_inverse(q: Vec) -> Vec:
    return Vec((-q.c[0], -q.c[1], -q.c[2], q.c[3]), "quat")


def _rotate_inv(q: Vec, v: Vec) -> Vec:
    return op.rotate(_quat_inverse(q), v)


def _slerp(a: Vec, b: Vec, t: float) -> Vec:
    axis, angle = _to_axis_angle(op.quat_mul(_quat_inverse(a), b))
    return op.quat_mul(a, _axis_angle(axis, t * angle))


def _to_matrix(q: Vec) -> Mat:
    axes = (Vec((1.0, 0.0, 0.0)), Vec((0.0, 1.0, 0.0)), Vec((0.0, 0.0, 1.0)))
    return _from_cols(*(op.rotate(q, axis) for axis in axes))


def _rpy(roll: float, pitch: float, yaw: float) -> Vec:
    cr, sr = math.cos(roll / 2), math.sin(roll / 2)
    cp, sp = math.cos(pitch / 2), math.sin(pitch / 2)
    cy, sy = math.cos(yaw / 2), math.sin(yaw / 2)
    x, y = cy * sr * cp - sy * cr * sp, cy * cr * sp + sy * sr * cp
    return Vec((x, y, sy * cr * cp - cy * sr * sp, cy * cr * cp + sy * sr * sp), "quat")


def _quat(m: Mat) -> Vec:
    """The rotation of a matrix, by the largest of the four components (Shepperd's method)."""
    d = [m[i, i] for i in range(3)]
    squares = [1.0 + d[0] - d[1] - d[2], 1.0 - d[0] + d[1] - d[2], 1.0 - d[0] - d[1] + d[2]]
    squares.append(1.0 + sum(d))
    at = 3 if sum(d) >= 0.0 else max(range(3), key=squares.__getitem__)
    h = math.sqrt(max(squares[at], 0.0)) or 1.0
    if at == 3:
        parts = [(m[2, 1] - m[1, 2]) / h, (m[0, 2] - m[2, 0]) / h, (m[1, 0] - m[0, 1]) / h, h]
    else:
        i, j, k = at, (at + 1) % 3, (at + 2) % 3
        parts = [0.0] * 4
        parts[i], parts[j], parts[k] = h, (m[j, i] + m[i, j]) / h, (m[k, i] + m[i, k]) / h
        parts[3] = (m[k, j] - m[j, k]) / h
    made: Vec = _normalize(Vec(tuple(parts), "quat"))
    return made


def _erfinv(y: float) -> float:
    if abs(y) >= 1.0:
        return math.copysign(math.inf, y) if abs(y) == 1.0 else math.nan
    low, high = -6.0, 6.0
    for _ in range(70):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if math.erf(middle) < y else (low, middle)
    return 0.5 * (low + high)


def _transform_inverse(t: Vec) -> Vec:
    q = _quat_inverse(t.q)
    return Vec((*op.negative(op.rotate(q, t.p)).c, *q.c), "transform")


def _transform_point(t: Vec, p: Vec) -> Vec:
    if isinstance(t, Mat):
        raise Unsupported("a point through a matrix")
    moved: Vec = op.add(op.rotate(t.q, p), t.p)
    return moved


def _transform_vector(t: Vec, v: Vec) -> Vec:
    if isinstance(t, Mat):
        raise Unsupported("a vector through a matrix")
    return op.rotate(t.q, v)


def _top(s: Vec) -> Vec:
    return Vec(s.c[:3])


def _bottom(s: Vec) -> Vec:
    return Vec(s.c[3:])


def _spatial_cross(a: Vec, b: Vec) -> Vec:
    w = _cross(_top(a), _top(b))
    v = op.add(_cross(_top(a), _bottom(b)), _cross(_bottom(a), _top(b)))
    return Vec((*w.c, *v.c))


def _spatial_cross_dual(a: Vec, b: Vec) -> Vec:
    w = op.add(_cross(_top(a), _top(b)), _cross(_bottom(a), _bottom(b)))
    return Vec((*w.c, *_cross(_top(a), _bottom(b)).c))


# Memory.


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
    low, high = (int(rest[0]), int(rest[1])) if len(rest) == 3 else (0, array.shape[0])
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


def _parts(x: Any) -> tuple[Any, ...]:
    return x.c if isinstance(x, (Vec, Mat)) else (x,)


def table() -> dict[str, Any]:
    """All builtins of the `wp` module that are modelled, but those that draw random numbers."""
    logs = {"log": math.log, "log2": math.log2, "log10": math.log10}
    plain = (
        "sin cos tan asin acos atan sinh cosh tanh exp erf erfc atan2 copysign degrees radians sqrt".split()
    )
    made: dict[str, Any] = {name: _real(getattr(math, name)) for name in plain}
    made |= {name: _real(lambda x, f=f: _log(x, f)) for name, f in logs.items()}
    cuts = (("floor", math.floor), ("ceil", math.ceil), ("trunc", math.trunc))
    made |= {name: _real(lambda x, f=f: float(f(x)) if math.isfinite(x) else x) for name, f in cuts}
    made |= {
        "cbrt": _real(lambda x: math.copysign(abs(x) ** (1.0 / 3.0), x)),
        "frac": _real(lambda x: x - math.trunc(x)),
        "rint": _real(lambda x: float(round(x))),
        "round": _real(_round),
        "pow": op.power,
        "smoothstep": _real(_smoothstep),
        "isfinite": lambda x: all(map(math.isfinite, _parts(x))),
        "isnan": lambda x: any(map(math.isnan, _parts(x))),
        "isinf": lambda x: any(map(math.isinf, _parts(x))),
        "nonzero": lambda x: 0.0 if x == 0.0 else 1.0,
        "step": lambda x: (1.0 if x < 0 else 0.0) if type(x) is float else int(x < 0),
    }
    made |= {"min": minimum, "max": maximum, "clamp": _clamp, "abs": _abs, "sign": _sign, "where": _where}
    made |= {"add": op.add, "sub": op.sub, "mul": op.mul, "div": op.div, "mod": op.mod, "neg": op.negative}
    made |= {"floordiv": op.floordiv, "bit_count": _bit_count, "lerp": _lerp, "unot": lambda x: not x}
    made |= {
        "dot": _dot,
        "tensordot": _dot,
        "length": _length,
        "length_sq": _length_sq,
        "normalize": _normalize,
    }
    made |= {"cross": _cross, "outer": _outer, "skew": _skew, "diag": _diag, "transpose": _transpose}
    made |= {"trace": _trace, "determinant": _determinant, "inverse": _inverse, "identity": _identity}
    made |= {"ddot": lambda a, b: op.inner(a.c, b.c), "get_diag": lambda m: Vec(m.c[:: m.cols + 1])}
    made |= {"matrix_from_rows": _from_rows, "matrix_from_cols": _from_cols}
    made |= {"cw_mul": lambda a, b: _pairs(op.mul, a, b), "cw_div": lambda a, b: _pairs(op.div, a, b)}
    made |= {"argmin": _extreme(lambda a, b: a < b), "argmax": _extreme(lambda a, b: a > b)}
    made |= {"quat_from_axis_angle": _axis_angle, "quat_to_axis_angle": _to_axis_angle, "quat_rpy": _rpy}
    made |= {"quat_inverse": _quat_inverse, "quat_rotate": op.rotate, "quat_rotate_inv": _rotate_inv}
    made |= {"quat_slerp": _slerp, "quat_to_matrix": _to_matrix}
    made |= {"quat_identity": lambda dtype=float: Vec((0.0, 0.0, 0.0, 1.0), "quat")}
    made |= {"transform_identity": lambda dtype=float: Vec((0.0,) * 6 + (1.0,), "transform")}
    made |= {"transform_point": _transform_point, "transform_vector": _transform_vector}
    made |= {"transform_multiply": op.transform_mul, "transform_inverse": _transform_inverse}
    made |= {"transform_get_translation": lambda t: t.p, "transform_get_rotation": lambda t: t.q}
    made |= {"spatial_top": _top, "spatial_bottom": _bottom, "spatial_dot": _dot}
    made |= {"spatial_cross": _spatial_cross, "spatial_cross_dual": _spatial_cross_dual}
    made |= {"bit_and": op.bit_and, "bit_or": op.bit_or, "bit_xor": op.bit_xor, "invert": op.invert}
    made |= {
        "lshift": op.shift_left,
        "rshift": op.shift_right,
        "div_approx": op.div,
        "inverse_approx": _inverse,
    }
    made |= {
        "erfinv": _real(_erfinv),
        "erfcinv": _real(lambda x: _erfinv(1.0 - x)),
        "quat_from_matrix": _quat,
    }
    made |= {"transform_set_translation": lambda t, p: Vec((*p.c, *t.c[3:]), "transform")}
    made |= {"transform_set_rotation": lambda t, q: Vec((*t.c[:3], *q.c), "transform")}
    made |= {"atomic_add": _atomic(op.add), "atomic_sub": _atomic(op.sub), "atomic_min": _atomic(minimum)}
    made |= {
        "atomic_max": _atomic(maximum),
        "atomic_exch": _atomic(lambda _, new: new),
        "atomic_cas": _atomic_cas,
    }
    made |= {
        "atomic_and": _atomic(op.bit_and),
        "atomic_or": _atomic(op.bit_or),
        "atomic_xor": _atomic(op.bit_xor),
    }
    made |= {"lower_bound": _lower_bound, "zeros": _zeros, "len": length, "block_dim": lambda: 1}
    made |= {"printf": _nothing, "print": _nothing, "expect_eq": _nothing, "expect_near": _nothing}
    made |= {"norm_l1": lambda v: math.fsum(map(abs, v.c)), "norm_l2": _length}
    return made | {"static": lambda x: x, "constant": lambda x: x} | _constants()


def _pairs(operation: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    c = tuple(map(operation, a.c, b.c))
    return Vec(c, a.kind) if isinstance(a, Vec) else Mat(a.rows, a.cols, c)


def _constants() -> dict[str, float]:
    values = {
        "PI": math.pi,
        "TAU": math.tau,
        "HALF_PI": math.pi / 2,
        "E": math.e,
        "INF": math.inf,
        "NAN": math.nan,
    }
    values |= {
        "LN2": math.log(2),
        "LN10": math.log(10),
        "LOG2E": 1 / math.log(2),
        "LOG10E": math.log10(math.e),
    }
    values |= {"PHI": (1 + math.sqrt(5)) / 2}
    return values | {name.lower(): value for name, value in values.items()}


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
