"""Calls written from types alone: sensible arguments for each builtin, and its result handed on."""

from __future__ import annotations

from warpgen.synthesis.formulas.grower import palette, result_names, width_suffixed
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language import registry
from warpgen.synthesis.language.rules import RULES
from warpgen.synthesis.language.types import BOOL, I32, Type, vec
from warpgen.synthesis.language.values import Value, call

Range = tuple[float, float]

# Where arguments have to lie for the result to be finite and to say something; per parameter.
_DOMAINS: dict[str, tuple[Range, ...]] = {
    "sqrt": ((0.1, 4.0),), "log": ((0.1, 8.0),), "log2": ((0.1, 8.0),), "log10": ((0.1, 8.0),),
    "acos": ((-0.9, 0.9),), "asin": ((-0.9, 0.9),), "tan": ((-1.1, 1.1),), "erfinv": ((-0.85, 0.85),),
    "erfcinv": ((0.2, 1.8),), "pow": ((0.2, 3.0), (-2.0, 2.0)), "atan2": ((-2.0, 2.0), (0.2, 2.0)),
    "div": ((-4.0, 20.0), (1.0, 5.0)), "div_approx": ((-4.0, 4.0), (0.5, 3.0)),
    "mod": ((0.0, 40.0), (1.0, 9.0)),
    "floordiv": ((0.0, 40.0), (1.0, 9.0)), "clamp": ((-2.0, 12.0), (0.0, 3.0), (4.0, 9.0)),
    "smoothstep": ((-1.0, -0.2), (0.3, 1.0), (-1.0, 1.0)), "lshift": ((0.0, 7.0), (0.0, 3.0)),
    "rshift": ((0.0, 100.0), (0.0, 3.0)), "cw_div": ((-2.0, 20.0), (1.0, 3.0)), "normalize": ((0.2, 2.0),),
    "sub": ((10.0, 20.0), (0.0, 9.0)), "bit_count": ((0.0, 100.0),), "radians": ((-90.0, 90.0),),
    "length": ((-2.0, 2.0),), "round": ((-4.0, 4.0),), "rint": ((-4.0, 4.0),), "floor": ((-4.0, 4.0),),
    "ceil": ((-4.0, 4.0),), "trunc": ((-4.0, 4.0),), "frac": ((-4.0, 4.0),), "step": ((-1.0, 1.0),),
    "nonzero": ((-1.0, 1.0),),
}  # fmt: skip
# Builtins that give the same for many arguments; what goes in need not show.
_MASKING = frozenset(
    "sign step nonzero unot isnan isinf isfinite argmin argmax floordiv trunc round rint floor ceil copysign "
    "bit_count clamp min max smoothstep rshift bit_and bit_or lower_bound".split()
)
_BETWEEN = {("lerp", 2): (0.0, 1.0), ("quat_slerp", 2): (0.0, 1.0)}
# Inverting needs a matrix far from singular; the case of that name makes one.
_OPERATORS = {
    "add": "+", "sub": "-", "mul": "*", "div": "/", "mod": "%", "floordiv": "//", "bit_and": "&",
    "bit_or": "|", "bit_xor": "^", "lshift": "<<", "rshift": ">>",
}  # fmt: skip
_PREFIXES = {"neg": "-", "pos": "+", "invert": "~", "unot": "not "}
_PRECEDENCES = {"+": 9, "-": 9, "&": 7, "|": 5, "^": 6, "<<": 8, ">>": 8}
# Names of arguments by what they are for, where the field's quantities would mislead.
_NAMES: dict[tuple[str, str], str] = {
    ("quat_from_axis_angle", "axis"): "axis|n|rot_axis", ("quat_from_axis_angle", "angle"): "angle|theta|phi",
    ("quat_rpy", "roll"): "roll|phi", ("quat_rpy", "pitch"): "pitch|theta",
    ("quat_rpy", "yaw"): "yaw|psi|heading",
    ("lerp", "t"): "t|alpha|s|blend", ("quat_slerp", "t"): "t|alpha|s", ("clamp", "low"): "low|lo|min_value",
    ("clamp", "high"): "high|hi|max_value", ("transform_point", "point"): "point|p|local_pos",
    ("transform_vector", "vec"): "v|dir|normal", ("quat_rotate", "vec"): "v|local_dir|p",
    ("bit_count", "x"): "bits|mask|flags|word",
}  # fmt: skip


def refused(builtin: str, types: tuple[Type, ...]) -> bool:
    """Combinations that the registry allows and a person would not write, or that wrap around."""
    if builtin == "step" and types[0].is_int and types[0].is_unsigned:
        return True  # it tells negative numbers from others
    if builtin in ("nonzero", "unot") and types[0].is_int and types[0].is_unsigned:
        return types[0].name in ("uint8", "uint16")
    if builtin == "neg" and types[0].is_unsigned:
        return True
    return builtin in ("sign", "abs") and types[0].is_unsigned


def _inside(x: Value, position: int) -> Range | None:
    """Where a bound has to lie so that some of `x` is beyond it; None where that is not known."""
    width = x.hi - x.lo
    if not x.type.is_float or not 0.0 < width < 1e3:
        return None
    lo, hi = (0.0, 0.4) if position == 1 else (0.6, 1.0)
    return round(x.lo + lo * width, 2), round(x.lo + hi * width, 2)


def argument(
    k: Kit, builtin: str, position: int, parameter: str, t: Type, domain: Range | None = None
) -> Value:
    """A value of type `t` for this parameter, inside its domain."""
    if t is BOOL:
        return k.input("active|flag|enabled|mask", BOOL, 0, 1)
    lo, hi = domain or _range(builtin, position, t)
    names = _NAMES.get((builtin, parameter)) or _names(k, t, position)
    unit = t.kind == "quat" or parameter == "axis"
    if builtin == "mod" and position == 1 and t.kind == "scalar" and t.is_float:
        return k.param(names, t, lo, hi)  # its adjoint leaves the divisor out
    return k.input(names, t, lo, hi, unit=unit)


def _range(builtin: str, position: int, t: Type) -> Range:
    domain = _DOMAINS.get(builtin, ())
    known = builtin in RULES or builtin in _OPERATORS or builtin in _PREFIXES
    lo, hi = domain[min(position, len(domain) - 1)] if domain else (-1.5, 1.5) if known else (0.1, 0.9)
    lo, hi = _BETWEEN.get((builtin, position), (lo, hi))
    if t.kind == "scalar" and builtin in ("div", "div_approx") and position == 0:
        lo, hi = 1.0, 8.0
    if builtin == "floordiv" and position == 1 and t.is_float:
        lo, hi = 0.2, 0.9  # a small number, too, holds it more than once
    if t.is_int:
        lo, hi = (float(round(lo * 4)), float(round(hi * 4)) + 1) if not domain else (round(lo), round(hi))
        lo = max(lo, 0.0) if t.is_unsigned else lo
        hi = min(hi, t.limit // 8) if builtin in ("mul", "lshift", "dot") else hi
    return lo, max(hi, lo + 1.0) if t.is_int else hi


def _names(k: Kit, t: Type, position: int) -> str:
    p = palette(k)
    if t.kind == "scalar":
        quantities = p.field.scalars if t.is_float else p.field.integers
        names = quantities[(position + len(p.scalars)) % len(quantities)].names
        return names if t in (k.real, I32) else width_suffixed(names, t)
    if t.kind == "vec":
        names = p.field.vectors[(position + len(p.scalars)) % len(p.field.vectors)].names
        return names if t.scalar is k.real else width_suffixed(names, t.scalar)
    return {
        "mat": ("A|M|mat_a|m", "B|N|mat_b|other")[position % 2],
        "quat": ("q|rot|orientation", "r|q1|other_rot")[position % 2],
        "transform": ("X|xform|pose|tf", "Y|other_pose|child")[position % 2],
        "spatial": ("twist|qd|spatial_vel", "wrench|s|spatial_f")[position % 2],
        "spatial_mat": ("I|inertia", "X_adj|adj")[position % 2],
    }[t.kind]  # fmt: skip


def written(k: Kit, builtin: str, args: list[Value], t: Type) -> Value:
    """The call with a range as good as can be known: by rule, by interval or by guess."""
    rule = RULES.get(builtin)
    if rule is not None:
        return rule(*args)
    top = max([1.0, *(a.magnitude for a in args)])
    lo, hi = -4 * top * top, 4 * top * top
    if t.is_int:
        lo = 0.0 if t.is_unsigned else max(lo, -t.limit)
        hi = min(hi, t.limit)
    if builtin in _OPERATORS and k.rng.chance(0.6):
        op = _OPERATORS[builtin]
        prec = _PRECEDENCES.get(op, 10)
        left, right = (a.text if a.prec > prec else f"({a.text})" for a in args)
        return Value(f"{left} {op} {right}", t, lo, hi, k.author, prec)
    if builtin in _PREFIXES and k.rng.chance(0.6):
        return Value(f"{_PREFIXES[builtin]}{args[0].text}", t, lo, hi, k.author, 3)
    return call(f"wp.{builtin}", list(args), t, lo, hi, k.author)


def write_call(k: Kit, builtin: str, types: tuple[Type, ...]) -> None:
    """Ask for arguments of these types, call and give the result."""
    slots = next(
        (
            s
            for s in registry.signatures(builtin)
            if len(s) == len(types) and s[0].kind in (types[0].kind, "any")
        ),
        registry.signatures(builtin)[0],
    )
    args: list[Value] = []
    with k.pool.masking(builtin in _MASKING):
        for i, t in enumerate(types):
            inside = _inside(args[0], i) if builtin == "clamp" and i else None
            args.append(argument(k, builtin, i, slots[i].name, t, inside))
    t = registry.result_types(builtin, types)[0]
    if builtin in ("length", "length_sq", "normalize") and types[0].kind == "quat":
        other = k.input("r|q1|other_rot", types[0], unit=True)
        args = [k.define("dq|diff|delta_q", args[0] - other)]  # orientations themselves have length one
    if builtin == "nonzero" and t.is_float:  # no input is zero by chance
        args = [k.wp.max(args[0], 0.0)]
    value = written(k, builtin, args, t)
    if builtin == "frac":  # the adjoint is not the slope, so only a part of the value is used
        k.give("cell|phase_bin|step_index", k.cast(value.within(-1.0, 1.0) * 8.0, I32))
        return
    names = result_names(builtin) or _result(k, t)
    if t.kind == "vec" and t.shape[0] > 1 and not result_names(builtin):
        names = f"{names}|{builtin}_v"
    k.give(names, value)


def _result(k: Kit, t: Type) -> str:
    if t is BOOL:
        return "flag|is_zero|negated"
    if t.is_int:
        return "code|n_out|bits_out|value_i"
    return k.rng.choice(palette(k).field.results)


def vector_of(k: Kit, n: int, scalar: Type, lo: float = -1.0, hi: float = 1.0, names: str = "") -> Value:
    """A vector input named after the program's field."""
    return k.input(names or _names(k, vec(n, scalar), 0), vec(n, scalar), lo, hi)
