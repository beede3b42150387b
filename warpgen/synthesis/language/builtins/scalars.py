"""Functions of numbers, and operators: which arguments they take, and what comes out."""

from __future__ import annotations

import math
from collections.abc import Callable

from warpgen.synthesis.language.builtins.record import Builtin, Rule, Writer, fixed, giving, rising, written
from warpgen.synthesis.language.guards import at_least, at_most, clamped, like
from warpgen.synthesis.language.types import BOOL, I32
from warpgen.synthesis.language.values import BITAND, BITOR, BITXOR, INF, PRODUCT, SHIFT, SUM, Value

_UNSIGNED = ("uint8", "uint16", "uint32", "uint64")


def _exp(name: str, x: Value) -> Value:
    top = 6.0 if x.type.scalar.name == "float16" else 10.0
    if x.hi > top:
        x = -written("abs", (x,), x.type, 0.0, x.magnitude) if x.author.rng.chance(0.4) else at_most(x, top)
    return written(name, (x,), x.type, math.exp(max(x.lo, -80.0)) if x.lo > -80 else 0.0, math.exp(x.hi))


def _log(f: Callable[[float], float]) -> Rule:
    def apply(name: str, x: Value) -> Value:
        x = at_least(x, x.author.epsilon(x.type))
        return written(name, (x,), x.type, f(x.lo), f(x.hi) if x.hi < INF else INF)

    return apply


def _sqrt(name: str, x: Value) -> Value:
    x = at_least(x, x.author.epsilon(x.type))  # its slope at zero is infinite
    return written(name, (x,), x.type, math.sqrt(x.lo), math.sqrt(x.hi))


def _pow(name: str, x: Value, y: Value) -> Value:
    if not isinstance(y, Value):
        y = like(x, y)
    x = at_least(x, max(0.01, x.author.epsilon(x.type)))
    y = clamped(y, -4.0, 4.0)
    corners = [min(a, 1e9) ** b for a in (x.lo, x.hi) for b in (y.lo, y.hi)]
    return written(name, (x, y), x.type, min(corners), max(corners))


def _abs(name: str, x: Value) -> Value:
    lo = 0.0 if x.lo <= 0 <= x.hi else min(abs(x.lo), abs(x.hi))
    return written(name, (x,), x.type, lo, x.magnitude)


def _extreme(pick: Callable[[float, float], float]) -> Rule:
    def apply(name: str, a: Value, b: Value | None = None) -> Value:
        if b is None:  # of a vector's components
            return written(name, (a,), a.type.scalar, a.lo, a.hi)
        return written(name, (a, b), a.type, pick(a.lo, b.lo), pick(a.hi, b.hi))

    return apply


def _clamp(name: str, x: Value, low: Value, high: Value) -> Value:
    lo, hi = min(max(x.lo, low.lo), high.lo), min(max(x.hi, low.hi), high.hi)
    return written(name, (x, low, high), x.type, lo, hi)


def _round(x: float) -> float:
    """Halves go away from zero, not to even as Python's."""
    return math.copysign(math.floor(abs(x) + 0.5), x)


def _copysign(name: str, x: Value, y: Value) -> Value:
    return written(name, (x, y), x.type, -x.magnitude, x.magnitude)


def _lerp(name: str, a: Value, b: Value, t: Value) -> Value:
    t = clamped(t, -1.0, 2.0)
    lo, hi = min(a.lo, b.lo), max(a.hi, b.hi)
    beyond = max(-t.lo, t.hi - 1.0, 0.0) * (hi - lo)
    return written(name, (a, b, t), a.type, lo - beyond, hi + beyond)


def _smoothstep(name: str, a: Value, b: Value, x: Value) -> Value:
    return written(name, (a, b, x), x.type, 0.0, 1.0)


def _where(name: str, condition: Value, a: Value, b: Value) -> Value:
    return written(name, (condition, a, b), a.type, min(a.lo, b.lo), max(a.hi, b.hi))


def _positive_part(k: Writer, args: list[Value]) -> list[Value]:
    """No float is zero by chance."""
    return [k.wp.max(args[0], 0.0)] if args[0].type.is_float else args


def _steps(k: Writer, value: Value) -> None:
    """Only a part of the value is used: the adjoint is not the slope."""
    k.give("cell|phase_bin|step_index", k.cast(value.within(-1.0, 1.0) * 8.0, I32))


_WHOLE = ((-4.0, 4.0),)
_SIGNS = ((-1.0, 1.0),)
_DIVIDED = ((0.0, 40.0), (1.0, 9.0))

FUNCTIONS = (
    # The common ones: formulas draw among them in this order.
    Builtin("sin", fixed(-1, 1), common=True, pure=True, results="s|sin_x|wave"),
    Builtin("cos", fixed(-1, 1), common=True, pure=True, results="c|cos_x|co"),
    Builtin("exp", _exp, common=True, pure=True, results="decay|e|growth",
            comments=("exponential falloff", "decay factor", "exponential of {a}")),
    Builtin("sqrt", _sqrt, domain=((0.1, 4.0),), common=True, pure=True, results="root|rt|sq",
            comments=("take the square root", "{x} from its square")),
    Builtin("abs", _abs, refuses=_UNSIGNED, common=True, pure=True, results="mag|ax|absolute",
            comments=("magnitude only, the sign does not matter", "absolute value of {a}")),
    Builtin("tanh", fixed(-1, 1), common=True, pure=True, results="squashed|th|act"),
    Builtin("log", _log(math.log), domain=((0.1, 8.0),), common=True, pure=True, results="log_x|ln|lg"),
    Builtin("atan", fixed(-1.5708, 1.5708), common=True, pure=True, results="ang|angle"),
    Builtin("floor", rising(math.floor), domain=_WHOLE, masking=True, stepped=True, common=True, pure=True,
            results="whole|base|cell", comments=("round down to the grid", "index of the lower corner")),
    Builtin("cosh", fixed(1.0, 27.4, -4.0, 4.0), common=True, pure=True),
    Builtin("erf", fixed(-1, 1), common=True, results="prob|cdf"),
    Builtin("log2", _log(math.log2), domain=((0.1, 8.0),), common=True, pure=True),
    Builtin("cbrt", rising(lambda x: math.copysign(abs(x) ** (1 / 3), x)), common=True),
    Builtin("sinh", rising(math.sinh, -4.0, 4.0), common=True, pure=True),
    # The others jump or have steep ends: they are for the schedule and for a person's purpose.
    Builtin("tan", rising(math.tan, -1.2, 1.2), domain=((-1.1, 1.1),), pure=True, results="tan_x|slope"),
    Builtin("asin", rising(math.asin, -0.95, 0.95), domain=((-0.9, 0.9),), pure=True, results="ang|theta"),
    Builtin("acos", fixed(0.3, 2.85, -0.95, 0.95), domain=((-0.9, 0.9),), pure=True, results="ang|theta"),
    Builtin("atan2", fixed(-3.1416, 3.1416), domain=((-2.0, 2.0), (0.2, 2.0)), pure=True,
            results="heading|angle|ang"),
    Builtin("erfc", fixed(0, 2)),
    Builtin("erfinv", fixed(-1.2, 1.2, -0.9, 0.9), domain=((-0.85, 0.85),)),
    Builtin("erfcinv", fixed(-1.2, 1.2, 0.1, 1.9), domain=((0.2, 1.8),)),
    Builtin("log10", _log(math.log10), domain=((0.1, 8.0),)),
    Builtin("pow", _pow, domain=((0.2, 3.0), (-2.0, 2.0)), own_shape=True, pure=True, results="power|pw|pk"),
    Builtin("degrees", rising(math.degrees), pure=True),
    Builtin("radians", rising(math.radians), domain=((-90.0, 90.0),), pure=True),
    Builtin("ceil", rising(math.ceil), domain=_WHOLE, masking=True, stepped=True, pure=True),
    Builtin("trunc", rising(math.trunc), domain=_WHOLE, masking=True, stepped=True),
    Builtin("round", rising(_round), domain=_WHOLE, masking=True, stepped=True, pure=True,
            results="nearest|rounded"),
    Builtin("rint", rising(round), domain=_WHOLE, masking=True, stepped=True),
    Builtin("sign", fixed(-1, 1), refuses=_UNSIGNED, masking=True, stepped=True, pure=True,
            results="sgn|sense"),
    Builtin("step", fixed(0, 1), domain=_SIGNS, refuses=_UNSIGNED, masking=True, stepped=True, pure=True),
    Builtin("nonzero", fixed(0, 1), domain=_SIGNS, refuses=("uint8", "uint16"), prepare=_positive_part,
            masking=True, own_shape=True),
    Builtin("frac", fixed(-1, 1), domain=_WHOLE, give=_steps, own_shape=True, pure=True, results="fr|rest"),
    Builtin("copysign", _copysign, masking=True),
    Builtin("min", _extreme(min), masking=True, pure=True, results="lowest|lower|smaller",
            comments=("upper bound for {x}", "limit {x} to the maximum", "take the smaller of the two")),
    Builtin("max", _extreme(max), masking=True, pure=True, results="highest|upper|larger",
            comments=("lower bound for {x}", "take the larger of the two",
                      "do not let {x} drop below the minimum")),
    Builtin("clamp", _clamp, domain=((-2.0, 12.0), (0.0, 3.0), (4.0, 9.0)), cuts=True, masking=True,
            arguments={"low": "low|lo|min_value", "high": "high|hi|max_value"}, pure=True,
            results="clamped|sat|bounded",
            comments=("clamp {x} to the valid range", "keep {x} within bounds",
                      "limit {x} to a safe range")),
    Builtin("lerp", _lerp, domain=((-1.5, 1.5), (-1.5, 1.5), (0.0, 1.0)), arguments={"t": "t|alpha|s|blend"},
            pure=True, results="blended|mixed|mid",
            comments=("interpolate between the two values", "linear interpolation", "blend the two values")),
    Builtin("smoothstep", _smoothstep, domain=((-1.0, -0.2), (0.3, 1.0), (-1.0, 1.0)), masking=True,
            pure=True, results="fade|ramp|smooth"),
    Builtin("where", _where, pure=True, results="chosen|picked|sel",
            comments=("select {x}", "choose {x} without a branch",
                      "pick the value depending on the condition")),
    Builtin("bit_count", giving(I32, 0, 64), domain=((0.0, 100.0),), arguments={"x": "bits|mask|flags|word"},
            masking=True),
    Builtin("isfinite", giving(BOOL, 0, 1), masking=True),
    Builtin("isnan", giving(BOOL, 0, 1), masking=True),
    Builtin("isinf", giving(BOOL, 0, 1), masking=True),
)  # fmt: skip

OPERATORS = (
    Builtin("add", operator=("+", SUM)),
    Builtin("sub", operator=("-", SUM), domain=((10.0, 20.0), (0.0, 9.0))),
    Builtin("mul", operator=("*", PRODUCT), grows=True),
    Builtin("div", operator=("/", PRODUCT), domain=((-4.0, 20.0), (1.0, 5.0)),
            domains={"scalar": ((1.0, 8.0), (1.0, 5.0))}),
    Builtin("div_approx", domain=((-4.0, 4.0), (0.5, 3.0)), domains={"scalar": ((1.0, 8.0), (0.5, 3.0))},
            own_shape=True),
    Builtin("mod", operator=("%", PRODUCT), domain=_DIVIDED, shared=(1,), pure=True,
            comments=("wrap around",)),
    Builtin("floordiv", operator=("//", PRODUCT), domain=_DIVIDED, masking=True,
            domains={"float": ((0.0, 40.0), (0.2, 0.9))}),  # a small number, too, holds it more than once
    Builtin("bit_and", operator=("&", BITAND), masking=True),
    Builtin("bit_or", operator=("|", BITOR), masking=True),
    Builtin("bit_xor", operator=("^", BITXOR)),
    Builtin("lshift", operator=("<<", SHIFT), domain=((0.0, 7.0), (0.0, 3.0)), grows=True),
    Builtin("rshift", operator=(">>", SHIFT), domain=((0.0, 100.0), (0.0, 3.0)), masking=True),
    Builtin("neg", prefix="-", refuses=_UNSIGNED),
    Builtin("pos", prefix="+"),
    Builtin("invert", prefix="~"),
    Builtin("unot", prefix="not ", refuses=("uint8", "uint16"), masking=True),
)  # fmt: skip
