"""What the registry of builtins does not say: domains to be kept and ranges that come out.

A rule takes the arguments of a call and gives the call as a value: it guards an argument that its
range does not prove to be inside the domain, and knows the type and range of the result. Builtins
without a rule are typed by Warp's registry (`language/registry.py`) and have an unknown range.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from warpgen.synthesis.language.types import (
    BOOL,
    F32,
    I32,
    U32,
    Type,
    mat,
    quat,
    spatial_vector,
    transform,
    vec,
)
from warpgen.synthesis.language.values import INF, Value, call, interval_product, literal

Rule = Callable[..., Value]
RULES: dict[str, Rule] = {}


def rule(*names: str) -> Callable[[Callable[..., Value]], Callable[..., Value]]:
    """Register a rule; it is called with the builtin's name and the argument values."""

    def register(function: Callable[..., Value]) -> Callable[..., Value]:
        for name in names:
            RULES[name] = lambda *args, _name=name: function(_name, *args)
        return function

    return register


def _lit(value: float, like: Value) -> Value:
    return literal(value, like.type.scalar, like.author)


def at_least(x: Value, floor: float) -> Value:
    """`x` kept at or above `floor`, in one of the ways people write it."""
    if x.lo >= floor:
        return x
    bound = _lit(floor, x)
    if x.lo >= 0 and floor > 0 and x.author.rng.chance(0.5):
        return x + bound
    if floor > 0 and x.lo < 0 and x.author.rng.chance(0.4):
        return call("wp.abs", [x], x.type, 0.0, x.magnitude, x.author) + bound
    return call("wp.max", [x, bound], x.type, floor, max(x.hi, floor), x.author)


def at_most(x: Value, ceiling: float) -> Value:
    if x.hi <= ceiling:
        return x
    return call("wp.min", [x, _lit(ceiling, x)], x.type, min(x.lo, ceiling), ceiling, x.author)


def clamped(x: Value, low: float, high: float) -> Value:
    """`x` inside [low, high], with a clamp only where its range asks for one."""
    if x.lo >= low and x.hi <= high:
        return x
    if x.lo >= low:
        return at_most(x, high)
    if x.hi <= high and low <= 0:
        return call("wp.max", [x, _lit(low, x)], x.type, low, max(x.hi, low), x.author)
    return call("wp.clamp", [x, _lit(low, x), _lit(high, x)], x.type, low, high, x.author)


def _fixed(lo: float, hi: float) -> Rule:
    return lambda name, x, *rest: call(f"wp.{name}", [x, *rest], x.type, lo, hi, x.author)


for _name, _lo, _hi in (
    ("sin", -1, 1), ("cos", -1, 1), ("tanh", -1, 1), ("erf", -1, 1), ("erfc", 0, 2),
    ("atan", -1.5708, 1.5708),
    ("atan2", -3.1416, 3.1416), ("sign", -1, 1), ("frac", -1, 1), ("step", 0, 1), ("nonzero", 0, 1),
):  # fmt: skip
    rule(_name)(_fixed(_lo, _hi))


def _monotone(f: Callable[[float], float], low: float = -INF, high: float = INF) -> Rule:
    """A builtin that rises with its argument, which is clamped to [low, high] first."""

    def apply(name: str, x: Value) -> Value:
        x = clamped(x, low, high) if low > -INF else at_most(x, high)
        lo, hi = (f(b) if math.isfinite(b) else b for b in (x.lo, x.hi))
        return call(f"wp.{name}", [x], x.type, lo, hi, x.author)

    return apply


for _name, _function, _lo, _hi in (
    ("sinh", math.sinh, -4.0, 4.0), ("tan", math.tan, -1.2, 1.2), ("asin", math.asin, -0.95, 0.95),
    ("floor", math.floor, -INF, INF), ("ceil", math.ceil, -INF, INF), ("trunc", math.trunc, -INF, INF),
    ("round", round, -INF, INF), ("rint", round, -INF, INF), ("degrees", math.degrees, -INF, INF),
    ("radians", math.radians, -INF, INF),
):  # fmt: skip
    rule(_name)(_monotone(_function, _lo, _hi))
rule("cbrt")(_monotone(lambda x: math.copysign(abs(x) ** (1 / 3), x)))
rule("erfinv")(lambda name, x: call(f"wp.{name}", [clamped(x, -0.9, 0.9)], x.type, -1.2, 1.2, x.author))
rule("erfcinv")(lambda name, x: call(f"wp.{name}", [clamped(x, 0.1, 1.9)], x.type, -1.2, 1.2, x.author))
rule("acos")(lambda name, x: call(f"wp.{name}", [clamped(x, -0.95, 0.95)], x.type, 0.3, 2.85, x.author))
rule("cosh")(lambda name, x: call(f"wp.{name}", [clamped(x, -4.0, 4.0)], x.type, 1.0, 27.4, x.author))


@rule("exp")
def _exp(name: str, x: Value) -> Value:
    top = 6.0 if x.type.scalar.name == "float16" else 10.0
    if x.hi > top:
        x = (
            -call("wp.abs", [x], x.type, 0.0, x.magnitude, x.author)
            if x.author.rng.chance(0.4)
            else at_most(x, top)
        )
    return call(
        "wp.exp", [x], x.type, math.exp(max(x.lo, -80.0)) if x.lo > -80 else 0.0, math.exp(x.hi), x.author
    )


@rule("log", "log2", "log10")
def _log(name: str, x: Value) -> Value:
    f = {"log": math.log, "log2": math.log2, "log10": math.log10}[name]
    x = at_least(x, x.author.epsilon(x.type))
    return call(f"wp.{name}", [x], x.type, f(x.lo), f(x.hi) if x.hi < INF else INF, x.author)


@rule("sqrt")
def _sqrt(name: str, x: Value) -> Value:
    x = at_least(x, x.author.epsilon(x.type))  # its slope at zero is infinite
    return call("wp.sqrt", [x], x.type, math.sqrt(x.lo), math.sqrt(x.hi), x.author)


@rule("pow")
def _pow(name: str, x: Value, y: Value) -> Value:
    if not isinstance(y, Value):
        y = _lit(y, x)
    x = at_least(x, max(0.01, x.author.epsilon(x.type)))
    y = clamped(y, -4.0, 4.0)
    corners = [min(a, 1e9) ** b for a in (x.lo, x.hi) for b in (y.lo, y.hi)]
    return call("wp.pow", [x, y], x.type, min(corners), max(corners), x.author)


@rule("abs")
def _abs(name: str, x: Value) -> Value:
    lo = 0.0 if x.lo <= 0 <= x.hi else min(abs(x.lo), abs(x.hi))
    return call("wp.abs", [x], x.type, lo, x.magnitude, x.author)


@rule("min", "max")
def _extreme(name: str, a: Value, b: Value | None = None) -> Value:
    if b is None:  # of a vector's components
        return call(f"wp.{name}", [a], a.type.scalar, a.lo, a.hi, a.author)
    pick = min if name == "min" else max
    return call(f"wp.{name}", [a, b], a.type, pick(a.lo, b.lo), pick(a.hi, b.hi), a.author)


@rule("clamp")
def _clamp(name: str, x: Value, low: Value, high: Value) -> Value:
    return call(
        "wp.clamp", [x, low, high], x.type, max(x.lo, low.lo), min(max(x.hi, low.lo), high.hi), x.author
    )


@rule("copysign")
def _copysign(name: str, x: Value, y: Value) -> Value:
    return call("wp.copysign", [x, y], x.type, -x.magnitude, x.magnitude, x.author)


@rule("lerp")
def _lerp(name: str, a: Value, b: Value, t: Value) -> Value:
    t = clamped(t, -1.0, 2.0)
    spread = max(abs(t.lo), abs(t.hi), 1.0)
    reach = max(a.hi, b.hi) - min(a.lo, b.lo)
    lo, hi = min(a.lo, b.lo) - (spread - 1) * reach, max(a.hi, b.hi) + (spread - 1) * reach
    return call("wp.lerp", [a, b, t], a.type, lo, hi, a.author)


@rule("smoothstep")
def _smoothstep(name: str, a: Value, b: Value, x: Value) -> Value:
    return call("wp.smoothstep", [a, b, x], x.type, 0.0, 1.0, x.author)


@rule("where")
def _where(name: str, condition: Value, a: Value, b: Value) -> Value:
    return call("wp.where", [condition, a, b], a.type, min(a.lo, b.lo), max(a.hi, b.hi), a.author)


@rule("bit_count")
def _bit_count(name: str, x: Value) -> Value:
    return call("wp.bit_count", [x], I32, 0, 64, x.author)


@rule("isfinite", "isnan", "isinf")
def _predicate(name: str, x: Value) -> Value:
    return call(f"wp.{name}", [x], BOOL, 0, 1, x.author)


# -- vectors and matrices ----------------------------------------------------------------------------
@rule("dot", "spatial_dot", "ddot")
def _dot(name: str, a: Value, b: Value) -> Value:
    lo, hi = interval_product(a, b, a.type.components)
    if a.unit and b.unit:
        lo, hi = -1.0, 1.0
    if a.text == b.text:
        lo = max(lo, 0.0)
    return call(f"wp.{name}", [a, b], a.type.scalar, lo, hi, a.author)


@rule("length", "norm_l2")
def _length(name: str, v: Value) -> Value:
    return call(f"wp.{name}", [v], v.type.scalar, 0.0, v.magnitude * math.sqrt(v.type.components), v.author)


@rule("norm_l1")
def _norm_l1(name: str, v: Value) -> Value:
    top = v.magnitude * v.type.components
    if v.type.scalar is not F32:  # Warp adds up in 32 bits and refuses all else
        return call(
            "wp.dot",
            [v, call("wp.sign", [v], v.type, -1.0, 1.0, v.author)],
            v.type.scalar,
            0.0,
            top,
            v.author,
        )
    return call(f"wp.{name}", [v], v.type.scalar, 0.0, top, v.author)


@rule("norm_huber", "norm_pseudo_huber")
def _norm_huber(name: str, v: Value, *delta: Value) -> Value:
    top = v.magnitude * v.type.components * max([1.0, *(d.hi for d in delta)])
    return call(f"wp.{name}", [v, *delta], v.type.scalar, 0.0, top + 1.0, v.author)


@rule("smooth_normalize")
def _smooth_normalize(name: str, v: Value, *delta: Value) -> Value:
    return call(f"wp.{name}", [v, *delta], v.type, -1.0, 1.0, v.author)


@rule("length_sq")
def _length_sq(name: str, v: Value) -> Value:
    return call("wp.length_sq", [v], v.type.scalar, 0.0, v.magnitude**2 * v.type.components, v.author)


@rule("normalize")
def _normalize(name: str, v: Value) -> Value:
    return call("wp.normalize", [v], v.type, -1.0, 1.0, v.author, unit=True)


@rule("cross", "spatial_cross", "spatial_cross_dual")
def _cross(name: str, a: Value, b: Value) -> Value:
    m = (2 if name == "cross" else 4) * a.magnitude * b.magnitude
    return call(f"wp.{name}", [a, b], a.type, -m, m, a.author)


@rule("outer")
def _outer(name: str, a: Value, b: Value) -> Value:
    lo, hi = interval_product(a, b)
    return call("wp.outer", [a, b], mat(a.type.shape[0], b.type.shape[0], a.type.scalar), lo, hi, a.author)


@rule("matrix_from_cols", "matrix_from_rows")
def _matrix_from(name: str, *parts: Value) -> Value:
    n, size = len(parts), parts[0].type.shape[0]
    rows, columns = (size, n) if name == "matrix_from_cols" else (n, size)
    t = mat(rows, columns, parts[0].type.scalar)
    lo, hi = min(p.lo for p in parts), max(p.hi for p in parts)
    return call(f"wp.{name}", list(parts), t, lo, hi, parts[0].author)


@rule("skew")
def _skew(name: str, v: Value) -> Value:
    return call("wp.skew", [v], mat(3, 3, v.type.scalar), -v.magnitude, v.magnitude, v.author)


@rule("diag")
def _diag(name: str, v: Value) -> Value:
    n = v.type.shape[0]
    return call("wp.diag", [v], mat(n, n, v.type.scalar), min(v.lo, 0.0), max(v.hi, 0.0), v.author)


@rule("get_diag")
def _get_diag(name: str, m: Value) -> Value:
    return call("wp.get_diag", [m], vec(m.type.shape[0], m.type.scalar), m.lo, m.hi, m.author)


@rule("transpose")
def _transpose(name: str, m: Value) -> Value:
    rows, columns = m.type.shape
    t = m.type if rows == columns else mat(columns, rows, m.type.scalar)
    return call("wp.transpose", [m], t, m.lo, m.hi, m.author)


@rule("trace")
def _trace(name: str, m: Value) -> Value:
    n = m.type.shape[0]
    return call("wp.trace", [m], m.type.scalar, n * m.lo, n * m.hi, m.author)


@rule("determinant")
def _determinant(name: str, m: Value) -> Value:
    n = m.type.shape[0]
    top = math.factorial(n) * m.magnitude**n
    return call("wp.determinant", [m], m.type.scalar, -top, top, m.author)


@rule("inverse", "inverse_approx")
def _inverse(name: str, m: Value) -> Value:
    # The caller hands in a matrix that is far from singular; its range is not known from components.
    return call(f"wp.{name}", [m], m.type, -100.0, 100.0, m.author)


@rule("cw_mul")
def _cw_mul(name: str, a: Value, b: Value) -> Value:
    lo, hi = interval_product(a, b)
    return call("wp.cw_mul", [a, b], a.type, lo, hi, a.author)


@rule("cw_div")
def _cw_div(name: str, a: Value, b: Value) -> Value:
    top = a.magnitude / max(min(abs(b.lo), abs(b.hi)) if b.lo * b.hi > 0 else 0.0, 1e-3)
    return call("wp.cw_div", [a, b], a.type, -top, top, a.author)


@rule("argmin", "argmax")
def _arg(name: str, v: Value) -> Value:
    return call(f"wp.{name}", [v], U32, 0, v.type.shape[0] - 1, v.author)


# -- rotations, transforms, spatial vectors ------------------------------------------------------------
def _scalar3(v: Value) -> Type:
    return vec(3, v.type.scalar)


@rule("quat_rotate", "quat_rotate_inv")
def _quat_rotate(name: str, q: Value, v: Value) -> Value:
    m = v.magnitude if v.unit else 1.75 * v.magnitude
    return call(f"wp.{name}", [q, v], v.type, -m, m, v.author, unit=v.unit and q.unit)


@rule("quat_from_axis_angle")
def _axis_angle(name: str, axis: Value, angle: Value) -> Value:
    if not axis.unit:
        axis = RULES["normalize"](axis)
    return call(f"wp.{name}", [axis, angle], quat(angle.type.scalar), -1.0, 1.0, axis.author, unit=True)


@rule("quat_rpy")
def _quat_rpy(name: str, *angles: Value) -> Value:
    return call(f"wp.{name}", list(angles), quat(angles[0].type), -1.0, 1.0, angles[0].author, unit=True)


@rule("quat_inverse")
def _quat_inverse(name: str, q: Value) -> Value:
    return call(
        f"wp.{name}", [q], q.type, q.lo if q.unit else -q.magnitude, q.magnitude, q.author, unit=q.unit
    )


@rule("quat_slerp")
def _slerp(name: str, a: Value, b: Value, t: Value) -> Value:
    return call(f"wp.{name}", [a, b, clamped(t, 0.0, 1.0)], a.type, -1.0, 1.0, a.author, unit=True)


@rule("quat_to_matrix")
def _quat_to_matrix(name: str, q: Value) -> Value:
    return call(f"wp.{name}", [q], mat(3, 3, q.type.scalar), -1.0, 1.0, q.author)


@rule("quat_from_matrix")
def _quat_from_matrix(name: str, m: Value) -> Value:
    return call(f"wp.{name}", [m], quat(m.type.scalar), -1.0, 1.0, m.author, unit=True)


@rule("quat_to_rpy")
def _quat_to_rpy(name: str, q: Value) -> Value:
    return call(f"wp.{name}", [q], _scalar3(q), -3.2, 3.2, q.author)


@rule("quat_twist")
def _quat_twist(name: str, axis: Value, q: Value) -> Value:
    return call(f"wp.{name}", [axis, q], q.type, -1.0, 1.0, q.author, unit=True)


@rule("quat_twist_angle", "quat_twist_angle_signed")
def _quat_twist_angle(name: str, axis: Value, q: Value) -> Value:
    return call(f"wp.{name}", [axis, q], F32, -6.3, 6.3, q.author)


@rule("transform_get_translation")
def _translation(name: str, x: Value) -> Value:
    return call(f"wp.{name}", [x], _scalar3(x), x.lo, x.hi, x.author)


@rule("transform_get_rotation")
def _rotation(name: str, x: Value) -> Value:
    return call(f"wp.{name}", [x], quat(x.type.scalar), -1.0, 1.0, x.author, unit=True)


@rule("transform_multiply")
def _transform_multiply(name: str, a: Value, b: Value) -> Value:
    m = a.magnitude + 1.75 * b.magnitude
    return call(f"wp.{name}", [a, b], a.type, -m, m, a.author)


@rule("transform_inverse")
def _transform_inverse(name: str, x: Value) -> Value:
    m = 1.75 * x.magnitude
    return call(f"wp.{name}", [x], x.type, -m, m, x.author)


@rule("transform_point")
def _transform_point(name: str, x: Value, p: Value) -> Value:
    m = (
        x.magnitude + 1.75 * p.magnitude
        if x.type.kind == "transform"
        else x.magnitude * (3 * p.magnitude + 1)
    )
    return call(f"wp.{name}", [x, p], p.type, -m, m, p.author)


@rule("transform_vector")
def _transform_vector(name: str, x: Value, v: Value) -> Value:
    m = 1.75 * v.magnitude if x.type.kind == "transform" else 3 * x.magnitude * v.magnitude
    return call(f"wp.{name}", [x, v], v.type, -m, m, v.author)


@rule("transform_to_matrix")
def _transform_to_matrix(name: str, x: Value) -> Value:
    return call(
        f"wp.{name}", [x], mat(4, 4, x.type.scalar), -max(x.magnitude, 1), max(x.magnitude, 1), x.author
    )


@rule("transform_from_matrix")
def _transform_from_matrix(name: str, m: Value) -> Value:
    return call(
        f"wp.{name}", [m], transform(m.type.scalar), -max(m.magnitude, 1), max(m.magnitude, 1), m.author
    )


@rule("spatial_top", "spatial_bottom")
def _spatial_half(name: str, s: Value) -> Value:
    return call(f"wp.{name}", [s], _scalar3(s), s.lo, s.hi, s.author)


@rule("velocity_at_point")
def _velocity_at_point(name: str, qd: Value, r: Value) -> Value:
    m = qd.magnitude * (1 + 2 * r.magnitude)
    return call(f"wp.{name}", [qd, r], r.type, -m, m, r.author)


@rule("transform_twist", "transform_wrench")
def _transform_spatial(name: str, x: Value, s: Value) -> Value:
    m = s.magnitude * (2 + 4 * x.magnitude)
    return call(f"wp.{name}", [x, s], spatial_vector(s.type.scalar), -m, m, s.author)


# -- random numbers and noise ----------------------------------------------------------------------------
@rule("rand_init")
def _rand_init(name: str, seed: Value, *offset: Value) -> Value:
    return call("wp.rand_init", [seed, *offset], U32, 0, U32.limit, seed.author)


@rule("randf")
def _randf(name: str, state: Value, *bounds: Value) -> Value:
    lo, hi = (bounds[0].lo, bounds[1].hi) if bounds else (0.0, 1.0)
    return call("wp.randf", [state, *bounds], F32, lo, hi, state.author)


@rule("randi")
def _randi(name: str, state: Value, *bounds: Value) -> Value:
    lo, hi = (bounds[0].lo, bounds[1].hi - 1) if bounds else (-(2.0**31), 2.0**31 - 1)
    return call("wp.randi", [state, *bounds], I32, lo, hi, state.author)


@rule("randu")
def _randu(name: str, state: Value, *bounds: Value) -> Value:
    lo, hi = (bounds[0].lo, bounds[1].hi - 1) if bounds else (0, U32.limit)
    return call("wp.randu", [state, *bounds], U32, lo, hi, state.author)


rule("randn")(lambda name, state: call("wp.randn", [state], F32, -7.0, 7.0, state.author))
rule("poisson")(
    lambda name, state, lam: call("wp.poisson", [state, lam], U32, 0, 4 * lam.hi + 40, state.author)
)
for _name, _type, _unit in (
    ("sample_triangle", vec(2), False), ("sample_unit_ring", vec(2), True),
    ("sample_unit_disk", vec(2), False),
    ("sample_unit_sphere_surface", vec(3), True), ("sample_unit_sphere", vec(3), False),
    ("sample_unit_hemisphere_surface", vec(3), True), ("sample_unit_hemisphere", vec(3), False),
    ("sample_unit_square", vec(2), False), ("sample_unit_cube", vec(3), False),
):  # fmt: skip
    rule(_name)(
        lambda name, state, _t=_type, _u=_unit: call(
            f"wp.{name}", [state], _t, -1.0, 1.0, state.author, unit=_u
        )
    )
rule("noise", "pnoise")(
    lambda name, state, x, *p: call(f"wp.{name}", [state, x, *p], F32, -1.5, 1.5, state.author)
)
rule("curlnoise")(
    lambda name, state, x, *p: call(
        f"wp.{name}", [state, x, *p], vec(2 if x.type.components == 2 else 3), -20.0, 20.0, state.author
    )
)
