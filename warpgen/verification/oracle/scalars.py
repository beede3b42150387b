"""Warp's scalar builtins, written anew from their documentation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from warpgen.verification.oracle import operators as op
from warpgen.verification.oracle.rounding import rounded
from warpgen.verification.oracle.values import Int, Mat, Unsupported, Vec, wrap


def _real(function: Callable[..., float]) -> Callable[..., Any]:
    """A function of floats; what Python refuses is nan or infinite in C."""

    def applied(*items: Any) -> Any:
        if any(type(item) is not float for item in items):
            raise Unsupported("a float function of something else")
        try:
            return rounded(function(*items))
        except OverflowError:
            return math.inf
        except ValueError:
            return math.nan

    return applied


def _log(x: float, function: Callable[[float], float]) -> float:
    return -math.inf if x == 0.0 else function(x)


def _select(first: bool) -> Callable[[Any, Any], Any]:
    """Either min (`first`) or max: of scalars, of vectors component by component."""

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


def clamp(x: Any, low: Any, high: Any) -> Any:
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
    """What makes an integer of the same type as `x`."""
    return (lambda value: Int(value, x.code)) if isinstance(x, Int) else wrap


def _smoothstep(low: float, high: float, x: float) -> float:
    t = clamp(op.div(x - low, high - low), 0.0, 1.0)
    return float(t * t * (3.0 - 2.0 * t))


def _where(condition: Any, a: Any, b: Any) -> Any:
    return a if condition else b


def _round(x: float) -> float:
    return math.copysign(math.floor(abs(x) + 0.5), x)


def _bit_count(x: Any) -> int:
    bits = int(x.code[1:]) if isinstance(x, Int) else 32
    return (int(x) & ((1 << bits) - 1)).bit_count()


def _erfinv(y: float) -> float:
    if abs(y) >= 1.0:
        return math.copysign(math.inf, y) if abs(y) == 1.0 else math.nan
    low, high = -6.0, 6.0
    for _ in range(70):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if math.erf(middle) < y else (low, middle)
    return 0.5 * (low + high)


def _parts(x: Any) -> tuple[Any, ...]:
    return x.c if isinstance(x, (Vec, Mat)) else (x,)


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


def table() -> dict[str, Any]:
    logs = {"log": math.log, "log2": math.log2, "log10": math.log10}
    plain = "sin cos tan atan sinh cosh tanh exp erf erfc atan2 copysign degrees radians sqrt".split()
    made: dict[str, Any] = {name: _real(getattr(math, name)) for name in plain}
    made |= {name: _real(lambda x, f=f: _log(x, f)) for name, f in logs.items()}
    cuts = (("floor", math.floor), ("ceil", math.ceil), ("trunc", math.trunc))
    made |= {name: _real(lambda x, f=f: float(f(x)) if math.isfinite(x) else x) for name, f in cuts}
    made |= {
        "acos": _real(lambda x: math.acos(clamp(x, -1.0, 1.0))),  # both clamp, as they say
        "asin": _real(lambda x: math.asin(clamp(x, -1.0, 1.0))),
        "cbrt": _real(lambda x: math.copysign(abs(x) ** (1.0 / 3.0), x)),
        "erfcinv": _real(lambda x: _erfinv(1.0 - x)),
        "erfinv": _real(_erfinv),
        "frac": _real(lambda x: x - math.trunc(x)),
        "isfinite": lambda x: all(map(math.isfinite, _parts(x))),
        "isinf": lambda x: any(map(math.isinf, _parts(x))),
        "isnan": lambda x: any(map(math.isnan, _parts(x))),
        "nonzero": lambda x: 0.0 if x == 0.0 else 1.0,
        "pow": op.power,
        "rint": _real(lambda x: float(round(x))),
        "round": _real(_round),
        "smoothstep": _real(_smoothstep),
        "step": lambda x: (1.0 if x < 0 else 0.0) if type(x) is float else int(x < 0),
    }
    made |= {"min": minimum, "max": maximum, "clamp": clamp, "abs": _abs, "sign": _sign, "where": _where}
    made |= {"add": op.add, "sub": op.sub, "mul": op.mul, "div": op.div, "mod": op.mod, "neg": op.negative}
    made |= {"floordiv": op.floordiv, "div_approx": op.div, "bit_count": _bit_count, "unot": lambda x: not x}
    made |= {"bit_and": op.bit_and, "bit_or": op.bit_or, "bit_xor": op.bit_xor, "invert": op.invert}
    made |= {"lshift": op.shift_left, "rshift": op.shift_right}
    return made | _constants()
