"""The record of a builtin of Warp, and the rules that most of them share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from warpgen.synthesis.language.guards import clamped
from warpgen.synthesis.language.types import Type
from warpgen.synthesis.language.values import INF, Value, call

Range = tuple[float, float]
# A call, from the builtin's name and its arguments: an argument whose range does not prove it inside the
# domain is guarded, and the result has its type and range.
Rule = Callable[..., Value]
_NONE: Mapping[str, Any] = MappingProxyType({})


class Writer(Protocol):
    """The part of the kit that a record's own fragment is written with."""

    wp: Any

    def define(self, names: str, value: Value) -> Value:
        """As the kit's."""

    def input(self, names: str, type: Type, lo: float = ..., hi: float = ..., unit: bool = ...) -> Value:
        """As the kit's."""

    def cast(self, value: Value, type: Type) -> Value:
        """As the kit's."""

    def give(self, names: str, value: Value) -> Value:
        """As the kit's."""


class Builtin(NamedTuple):
    """All that the generator knows of one builtin beyond what Warp's registry says."""

    name: str
    # How it is called. Without a rule it is typed by the registry, and its range is unknown.
    rule: Rule | None = None
    operator: tuple[str, int] | None = None  # what people write between two arguments, and its precedence
    prefix: str = ""  # what they write before a single one
    plain_ints: bool = False  # numbers beside the state of the generator are ordinary ints

    # Its call as a fragment, with arguments drawn from the types of an overload alone.
    domain: tuple[Range, ...] = ()  # where the result is finite and says something; the last for all others
    domains: Mapping[str, tuple[Range, ...]] = _NONE  # the same for "scalar" or "float" arguments
    arguments: Mapping[str, str] = _NONE  # names by parameter, where the field's would mislead
    refuses: tuple[str, ...] = ()  # scalar types that Warp takes but a person would not give
    grows: bool = False  # integers have to leave room for what it makes of them
    cuts: bool = False  # the later arguments lie inside the range of the first
    shared: tuple[int, ...] = ()  # places that the adjoint leaves out: a parameter, never an array's element
    prepare: Callable[[Writer, list[Value]], list[Value]] | None = None  # the arguments as people pass them
    give: Callable[[Writer, Value], None] | None = None  # hands the result on in a way of its own
    unreachable: str = ""  # why no fragment calls it

    # What becomes of the call.
    masking: bool = False  # gives the same for many arguments: what goes in need not show
    stepped: bool = False  # its slope is zero, and a chain of such calls is soon a constant
    common: bool = False  # formulas prefer it
    own_shape: bool = False  # formulas write it in shapes of their own
    pure: bool = False  # has no effect, and may stand inside another expression

    # What is said of it.
    results: str = ""  # names of the result
    comments: tuple[str, ...] = ()  # {x} is the result, {a} the first argument

    @property
    def by_chance(self) -> bool:
        """Whether formulas call it for no reason but its types."""
        return not (self.operator or self.prefix or self.own_shape)

    def write(self, *args: Value) -> Value:
        """The call by its rule, which must be there."""
        assert self.rule is not None, f"wp.{self.name} has no rule"
        return self.rule(self.name, *args)

    def domain_of(self, t: Type) -> tuple[Range, ...]:
        """Where arguments of this type lie; () where nothing is known."""
        return self.domains.get(t.kind) or self.domains.get("float" if t.is_float else "") or self.domain


def written(name: str, args: Sequence[Value], t: Type, lo: float, hi: float, unit: bool = False) -> Value:
    """`wp.name(args)`, a value of type `t` in [lo, hi]."""
    return call(f"wp.{name}", [*args], t, lo, hi, args[0].author, unit)


def fixed(lo: float, hi: float, low: float = -INF, high: float = INF) -> Rule:
    """A builtin of a bounded range, whose first argument is clamped to [low, high]."""

    def apply(name: str, x: Value, *rest: Value) -> Value:
        x = clamped(x, low, high)
        return written(name, (x, *rest), x.type, lo, hi)

    return apply


def rising(f: Callable[[float], float], low: float = -INF, high: float = INF) -> Rule:
    """A builtin that rises with its argument as `f` does, which is clamped to [low, high] first."""

    def apply(name: str, x: Value) -> Value:
        x = clamped(x, low, high)
        lo, hi = (f(b) if math.isfinite(b) else b for b in (x.lo, x.hi))
        return written(name, (x,), x.type, lo, hi)

    return apply


def giving(t: Callable[..., Type] | Type, lo: float, hi: float, unit: bool = False) -> Rule:
    """A builtin whose result has the type `t`, or one made of its arguments, and a bounded range."""
    return lambda name, *args: written(name, args, t if isinstance(t, Type) else t(*args), lo, hi, unit)


def within(m: Callable[..., float], t: Callable[..., Type] | None = None) -> Rule:
    """A builtin whose result lies in [-m, m], and has the type `t` of its arguments, or that of the last."""

    def apply(name: str, *args: Value) -> Value:
        top = m(*args)
        return written(name, args, t(*args) if t else args[-1].type, -top, top)

    return apply
