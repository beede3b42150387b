"""Calls written from types alone: sensible arguments for each builtin, and its result handed on."""

from __future__ import annotations

from warpgen.synthesis.formulas.grower import palette, width_suffixed
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language import registry
from warpgen.synthesis.language.builtins import Builtin, Range, known
from warpgen.synthesis.language.expressions import Binary, Group, Prefix
from warpgen.synthesis.language.types import BOOL, I32, Type, vec
from warpgen.synthesis.language.values import NOT, Value, call


def _inside(x: Value, position: int) -> Range | None:
    """Where a bound has to lie so that some of `x` is beyond it; None where that is not known."""
    width = x.hi - x.lo
    if not x.type.is_float or not 0.0 < width < 1e3:
        return None
    lo, hi = (0.0, 0.4) if position == 1 else (0.6, 1.0)
    return round(x.lo + lo * width, 2), round(x.lo + hi * width, 2)


def argument(
    k: Kit, builtin: Builtin, position: int, parameter: str, t: Type, domain: Range | None = None
) -> Value:
    """A value of type `t` for this parameter, inside its domain."""
    if t is BOOL:
        return k.input("active|flag|enabled|mask", BOOL, 0, 1)
    lo, hi = domain or _range(builtin, position, t)
    names = builtin.arguments.get(parameter) or _names(k, t, position)
    unit = t.kind == "quat" or parameter == "axis"
    if position in builtin.shared and t.kind == "scalar" and t.is_float:
        return k.param(names, t, lo, hi)
    return k.input(names, t, lo, hi, unit=unit)


def _range(builtin: Builtin, position: int, t: Type) -> Range:
    domain = builtin.domain_of(t)
    known_range = builtin.rule or builtin.operator or builtin.prefix
    lo, hi = domain[min(position, len(domain) - 1)] if domain else (-1.5, 1.5) if known_range else (0.1, 0.9)
    if t.is_int:
        lo, hi = (float(round(lo * 4)), float(round(hi * 4)) + 1) if not domain else (round(lo), round(hi))
        lo = max(lo, 0.0) if t.is_unsigned else lo
        hi = min(hi, t.limit // 8) if builtin.grows else hi
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


def written(k: Kit, builtin: Builtin, args: list[Value], t: Type) -> Value:
    """The call with a range as good as can be known: by rule, by interval or by guess."""
    if builtin.rule is not None:
        return builtin.write(*args)
    top = max([1.0, *(a.magnitude for a in args)])
    lo, hi = -4 * top * top, 4 * top * top
    if t.is_int:
        lo = 0.0 if t.is_unsigned else max(lo, -t.limit)
        hi = min(hi, t.limit)
    if builtin.operator and k.rng.chance(0.6):
        op, prec = builtin.operator
        left, right = (a.node if a.prec > prec else Group(a.node) for a in args)
        return Value(Binary(left, op, right), t, lo, hi, k.author, prec)
    if builtin.prefix and k.rng.chance(0.6):
        return Value(Prefix(builtin.prefix.strip(), args[0].node), t, lo, hi, k.author, NOT)
    return call(f"wp.{builtin.name}", list(args), t, lo, hi, k.author)


def write_call(k: Kit, name: str, types: tuple[Type, ...]) -> None:
    """Ask for arguments of these types, call and give the result."""
    builtin, signatures = known(name), registry.signatures(name)
    fitting = (s for s in signatures if len(s) == len(types) and s[0].kind in (types[0].kind, "any"))
    slots = next(fitting, signatures[0])
    args: list[Value] = []
    with k.pool.masking(builtin.masking):
        for i, t in enumerate(types):
            inside = _inside(args[0], i) if builtin.cuts and i else None
            args.append(argument(k, builtin, i, slots[i].name, t, inside))
    t = registry.result_types(name, types)[0]
    if builtin.prepare is not None:
        args = builtin.prepare(k, args)
    value = written(k, builtin, args, t)
    if builtin.give is not None:
        builtin.give(k, value)
        return
    names = builtin.results or _result(k, t)
    if t.kind == "vec" and t.shape[0] > 1 and not builtin.results:
        names = f"{names}|{name}_v"
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
