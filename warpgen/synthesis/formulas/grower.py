"""Typed expressions that look like formulas: `grow(k, type, budget)` draws one over named quantities.

What a program's formulas are made of is drawn once per program: a field of work that gives the
quantities their names and ranges, a subset of the shapes of formulas and of the builtins, how often an
operand is used again. So formulas of one program are of a kind, and those of two programs differ.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from warpgen.errors import SynthesisError
from warpgen.synthesis.formulas.vocabulary import FIELDS, MATRICES, Field, Quantity
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language import registry
from warpgen.synthesis.language.builtins import BUILTINS, known
from warpgen.synthesis.language.expressions import labels_of
from warpgen.synthesis.language.types import BOOL, F32, I32, Type
from warpgen.synthesis.language.values import Value

# Ranges of composites: products of three or four of them stay far from a type's limits.
_DEEPEST = 40  # nodes below each other: some shapes hold one of their own type and size
_COMPOSITE = 1.5


@functools.cache
def float_builtins(arity: int) -> tuple[str, ...]:
    """Builtins that take `arity` floats to a float, of whatever Warp is installed."""
    found = []
    for name in registry.public_names():
        if not known(name).by_chance or arity not in map(len, registry.signatures(name)):
            continue
        fits = any(
            len(s) == arity and all(p.kind == "scalar" and p.scalar in ("Float", "Scalar") for p in s)
            for s in registry.signatures(name)
        )
        if fits and registry.result_types(name, (F32,) * arity) == (F32,):
            found.append(name)
    return tuple(found)


_FLAG_NAMES = "ok|inside|is_set|passes|above"
_INTEGER_NAMES = "idx|q|code|n|s|bucket"


class Palette:
    """The part of the language that the formulas of one program use."""

    def __init__(self, k: Kit) -> None:
        rng = k.rng
        self.field: Field = FIELDS[rng.choice(list(FIELDS))]
        self.scalars = rng.sample(self.field.scalars, rng.integer(2, 5))
        self.params = rng.sample(self.field.params, rng.integer(1, 4))
        self.vectors = rng.sample(self.field.vectors, rng.integer(1, 3))
        self.integers = rng.sample(self.field.integers, rng.integer(1, 3))
        self.matrices = rng.sample(MATRICES, 2)
        common = [b.name for b in BUILTINS.values() if b.common]
        self.unary = rng.sample(common, rng.integer(1, 3)) + rng.sample(float_builtins(1), rng.integer(1, 3))
        self.binary = rng.sample(float_builtins(2), rng.integer(1, 2))
        self.reuse = rng.choice((0.1, 0.25, 0.5))
        self.shared = rng.choice((0.1, 0.25, 0.45))  # operands that all threads share
        self.numbers = rng.choice((0.03, 0.1, 0.2))
        self.longest = rng.choice((28, 40, 56, 72))  # characters before a part gets a name
        self.kept = rng.unit()  # which shapes this program knows, see `knows`
        self._known: dict[str, bool] = {}
        self._rng = rng

    def knows(self, production: str) -> bool:
        """Whether formulas of this program take that shape; about half of them do."""
        if production not in self._known:
            self._known[production] = self._rng.chance(0.35 + 0.4 * self.kept)
        return self._known[production]


def palette(k: Kit) -> Palette:
    """The palette of the program that `k` writes in."""
    memo = k.draft.memo
    if "palette" not in memo:
        memo["palette"] = Palette(k)
    return memo["palette"]  # type: ignore[no-any-return]


Write = Callable[["Grower", Type, int], "Value | None"]


class Production:
    """One shape: how common it is, how many operands it needs, what its result is called."""

    __slots__ = ("least", "name", "results", "weight", "write")

    def __init__(self, write: Write, weight: float, least: int, results: str) -> None:
        self.write = write
        self.name = write.__name__
        self.weight = weight
        self.least = least
        self.results = results


_PRODUCTIONS: dict[str, list[Production]] = {}


def production(
    kinds: str, weight: float = 1.0, least: int = 2, results: str = ""
) -> Callable[[Write], Write]:
    """Register a shape for results of these kinds, as `forms_of` calls them."""

    def register(write: Write) -> Write:
        for kind in kinds.split():
            _PRODUCTIONS.setdefault(kind, []).append(Production(write, weight, least, results))
        return write

    return register


@functools.cache
def productions_of(t: Type) -> tuple[Production, ...]:
    """The shapes that give a value of this type."""
    kind = "bool" if t is BOOL else t.kind
    if kind in ("scalar", "vec", "mat"):
        kind = ("float_" if t.is_float else "int_") + kind
    return tuple(_PRODUCTIONS.get(kind, ()))


class Grower:
    """Writes one formula: leaves by role, inner nodes by productions."""

    def __init__(self, k: Kit) -> None:
        self.k = k
        self.rng = k.rng
        self.palette = palette(k)
        self.leaves: list[Value] = []
        self._inside = 0  # how many nodes the one being written is below

    def grow(self, t: Type, budget: int) -> Value:
        """A value of type `t` made of about `budget` leaves."""
        if budget <= 1 or t.kind in ("struct", "opaque") or self._inside >= _DEEPEST:
            return self.leaf(t)
        self._inside += 1
        try:
            return self._node(t, budget)
        finally:
            self._inside -= 1

    def _node(self, t: Type, budget: int) -> Value:
        """One inner node and all below it."""
        productions = {
            f: f.weight for f in productions_of(t) if f.least <= budget and self.palette.knows(f.name)
        }
        while productions:
            production = self.rng.weighted(productions)
            value = production.write(self, t, budget)
            if value is not None:
                return self.shorten(value, production.results)
            del productions[production]
        return self.leaf(t)

    def split(self, budget: int, parts: int = 2) -> list[int]:
        """The budget dealt out over `parts` operands, at least one leaf each."""
        shares = [1] * parts
        for _ in range(budget - parts):
            shares[self.rng.integer(0, parts - 1)] += 1
        return shares

    def several(self, t: Type, budget: int, parts: int) -> list[Value]:
        """Operands that differ from each other and are not all numbers, as far as that can be had."""
        values: list[Value] = []
        for share in self.split(budget, parts):
            value = self.grow(t, share)
            if self._repeats(value, values) or (values and self.constant(value, *values)):
                value = self.fresh(t)
                if self._repeats(value, values):  # their difference or ratio would be a number
                    value = 1.0 - value if t is self.k.real else self._another(t)
            values.append(value)
        return values

    @staticmethod
    def _repeats(value: Value, values: list[Value]) -> bool:
        """Whether the value, but for its sign, is one of these."""
        return any(v.text.lstrip("-") == value.text.lstrip("-") for v in values)

    def _another(self, t: Type) -> Value:
        """An operand that is read here for the first time."""
        names = "other_state|other_value|other_term"
        if t.kind == "scalar" or (t.kind == "vec" and t.is_int):
            return self.k.load(names, t, 0 if t is BOOL or t.is_unsigned else -8, 1 if t is BOOL else 8)
        return self.k.load(names, t, -_COMPOSITE, _COMPOSITE, unit=t.kind == "quat")

    @staticmethod
    def constant(*values: Value) -> bool:
        return all(v.lo == v.hi for v in values)

    def fresh(self, t: Type) -> Value:
        """An operand that is no number and, with luck, none of those used before."""
        k, field = self.k, self.palette.field
        if t.kind == "scalar" and t is not BOOL:
            q = self._other(field.scalars if t.is_float else field.integers)
            names = q.names if t in (k.real, I32) else width_suffixed(q.names, t)
            value = k.input(names, t, q.lo, min(q.hi, t.limit // 4) if t.is_int else q.hi)
        elif t.kind == "vec" and t.is_float:
            q = self._other(field.vectors)
            value = k.input(q.names, t, q.lo, q.hi)
        elif t.kind == "mat":
            used = self._used()
            unused = [n for n in MATRICES if not used & set(n.split("|"))]
            value = k.input(self.rng.choice(unused or MATRICES), t, -_COMPOSITE, _COMPOSITE)
        else:
            value = self._fresh(t)
        self.leaves.append(value)
        return value

    def shorten(self, value: Value, results: str) -> Value:
        """A part that is long, or that a person would name, becomes a local."""
        value = self.k.saturate(value)
        long = len(value.text) > self.palette.longest
        if not value.is_name and (long or (value.prec < 9 and len(value.text) > 16)):
            return self.named(value, results)
        return value

    def named(self, value: Value, names: str = "") -> Value:
        """The value under a name of its own."""
        if value.is_name:
            return value
        if not names:
            names = (
                _FLAG_NAMES if value.type is BOOL else _INTEGER_NAMES if value.type.is_int else self.result()
            )
        return self.k.define(names, value)

    def result(self) -> str:
        return self.rng.choice(self.palette.field.results)

    # -- leaves ------------------------------------------------------------------------------------
    def leaf(self, t: Type) -> Value:
        """A quantity of the field, a parameter, a number, or an operand used before."""
        rng = self.rng
        again = [v for v in self.leaves if v.type is t]
        if again and rng.chance(self.palette.reuse):
            return rng.choice(again)
        value = self._fresh(t)
        if not again or all(v.text != value.text for v in again):
            self.leaves.append(value)
        return value

    def _fresh(self, t: Type) -> Value:
        k, rng, p = self.k, self.rng, self.palette
        if t.kind == "scalar" and t.is_float:
            return self._float(t)
        if t is BOOL:
            return self._flag()
        if t.kind == "scalar":
            return self._integer(t)
        if t.kind == "vec":
            quantity = self._other(p.vectors)
            if t.is_float:
                return k.input(quantity.names, t, quantity.lo, quantity.hi)
            return k.input("cell|coord|ijk|block", t, 0 if t.is_unsigned else -8, 8)
        names = {
            "mat": rng.choice(p.matrices), "quat": "q|rot|orientation", "transform": "X|xform|pose|tf",
            "spatial": "twist|qd|spatial_vel", "spatial_mat": "I|inertia|X_adj",
        }[t.kind]  # fmt: skip
        if rng.chance(p.shared * 0.5) and t.kind in ("mat", "quat", "transform"):
            return k.param(names, t, -_COMPOSITE, _COMPOSITE)
        return k.input(names, t, -_COMPOSITE, _COMPOSITE, unit=t.kind == "quat")

    def _float(self, t: Type) -> Value:
        k, rng, p = self.k, self.rng, self.palette
        if self.leaves and rng.chance(p.numbers):
            return k.lit(k.number(0.1, 4.0), t)
        if t is not k.real:  # another width than the program's: data that was stored small or precise
            q = rng.choice(p.scalars)
            return k.input(width_suffixed(q.names, t), t, q.lo, q.hi)
        if self.leaves and rng.chance(p.shared):
            q = rng.choice(p.params)
            return k.param(q.names, t, q.lo, q.hi)
        q = self._other(p.scalars)
        return k.input(q.names, t, q.lo, q.hi)

    def _used(self) -> set[str]:
        """The names, and those of fields, that the leaves are made of."""
        nodes = [v.node for v in self.leaves]
        return labels_of(*nodes).union(*[node.names for node in nodes])

    def _other(self, quantities: Sequence[Quantity]) -> Quantity:
        """A quantity, rather one that this formula has not had."""
        used = self._used()
        fresh = [q for q in quantities if not used & set(q.names.split("|"))]
        return self.rng.choice(fresh or quantities)

    def _integer(self, t: Type) -> Value:
        k, rng, p = self.k, self.rng, self.palette
        if self.leaves and rng.chance(max(p.numbers, 0.15)):
            return k.lit(rng.choice((1, 2, 3, 4, 5, 7, 8, 10, 16)), t)
        q = rng.choice(p.integers)
        hi = min(q.hi, t.limit // 4)
        if self.leaves and rng.chance(p.shared):
            return (
                k.param(q.names, t, q.lo, hi)
                if t is I32
                else k.param(width_suffixed(q.names, t), t, q.lo, hi)
            )
        return k.input(q.names if t is I32 else width_suffixed(q.names, t), t, q.lo, hi)

    def _flag(self) -> Value:
        k, rng = self.k, self.rng
        if rng.chance(0.2):
            return k.input("active|flag|mask|enabled|is_valid", BOOL, 0, 1)
        q = self._other(self.palette.scalars)
        x = k.input(q.names, k.real, q.lo, q.hi)
        bound = k.number(q.lo + 0.2 * (q.hi - q.lo), q.hi - 0.2 * (q.hi - q.lo))
        return x > bound if rng.chance(0.6) else x < bound


def width_suffixed(names: str, t: Type) -> str:
    """Quantities of another width than the program's own are told apart by their names."""
    suffix = {"float16": "half", "float32": "single", "float64": "double"}.get(
        t.name, t.name.replace("uint", "u").replace("int", "i")
    )
    return "|".join(f"{n}_{suffix}" for n in names.split("|"))


def grow(k: Kit, type: Type, budget: int, lo: float | None = None, hi: float | None = None) -> Value:
    """A formula of type `type` with about `budget` operands, within [lo, hi] where bounds are named.

    Operands are asked for by the names of the program's field; every part is guarded by its range.
    Raises SynthesisError where the bounds cannot be met (composites are not brought into bounds).
    """
    value = k.saturate(Grower(k).grow(type, budget))
    if lo is None or hi is None or (value.lo >= lo and value.hi <= hi):
        return value
    if type.kind != "scalar" or not type.is_float:
        raise SynthesisError(f"{value!r} cannot be brought into [{lo}, {hi}]")
    return k.fit(value, lo, hi)


def result_name(k: Kit) -> str:
    """A name for a result, in the program's field."""
    return k.rng.choice(palette(k).field.results)
