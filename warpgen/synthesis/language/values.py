"""Typed expressions that carry their nodes, their precedence and the range of their components.

Motifs write ordinary arithmetic on values; every operation checks types as Warp does, keeps the
interval in which each component lies, and guards what the interval does not prove safe (a divisor
that may be zero). So code comes out safe without clumsy checks where none are needed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from warpgen.errors import SynthesisError
from warpgen.synthesis.language.author import Author, number
from warpgen.synthesis.language.expressions import (
    Binary,
    Call,
    Element,
    Expression,
    Field,
    Group,
    Literal,
    Name,
    Prefix,
)
from warpgen.synthesis.language.reading import arguments, expression, number_node, written
from warpgen.synthesis.language.types import BOOL, F32, I32, Type, mat, vec

# Python's operator precedences, low to high.
TERNARY, OR, AND, NOT, COMPARE, BITOR, BITXOR, BITAND, SHIFT, SUM, PRODUCT, UNARY, ATOM = range(13)

INF = math.inf
_BIT_OPERATORS = {"|": BITOR, "^": BITXOR, "&": BITAND, "<<": SHIFT, ">>": SHIFT}
_COMPONENTS = {"x": 0, "y": 1, "z": 2, "w": 3}
_EPSILONS = {"float16": 1e-2, "float32": 1e-4, "float64": 1e-6}


class Value:
    """An expression. `lo` and `hi` bound every component; `unit` says it has length one."""

    __slots__ = ("author", "hi", "lo", "node", "prec", "text", "type", "unit")

    def __init__(
        self,
        source: Expression | str,
        type: Type,
        lo: float,
        hi: float,
        author: Author,
        prec: int = ATOM,
        unit: bool = False,
    ) -> None:
        if isinstance(source, str):
            source = expression(source)
        self.node = source
        self.text = source.text
        self.type = type
        self.lo = lo
        self.hi = hi
        self.author = author
        self.prec = prec
        self.unit = unit

    def __repr__(self) -> str:
        return f"{self.type}({self.text}) in [{self.lo:g}, {self.hi:g}]"

    @property
    def magnitude(self) -> float:
        """The most that a component can be away from zero."""
        return max(abs(self.lo), abs(self.hi))

    @property
    def is_name(self) -> bool:
        """Whether it is written as one name."""
        return self.text.isidentifier()

    def within(self, lo: float, hi: float) -> Value:
        """The same expression, known (by a guard or by construction) to lie in [lo, hi]."""
        return Value(self.node, self.type, lo, hi, self.author, self.prec, self.unit)

    def as_unit(self) -> Value:
        """The same expression, known to have length one."""
        return Value(self.node, self.type, -1.0, 1.0, self.author, self.prec, True)

    # -- arithmetic ------------------------------------------------------------------------------
    def __add__(self, other: Any) -> Value:
        return _sum(self, "+", other)

    def __radd__(self, other: Any) -> Value:
        return _sum(coerce(other, self), "+", self)

    def __sub__(self, other: Any) -> Value:
        return _sum(self, "-", other)

    def __rsub__(self, other: Any) -> Value:
        return _sum(coerce(other, self), "-", self)

    def __mul__(self, other: Any) -> Value:
        return _product(self, other)

    def __rmul__(self, other: Any) -> Value:
        return _product(coerce(other, self), self)

    def __matmul__(self, other: Value) -> Value:
        return _product(self, other)

    def __truediv__(self, other: Any) -> Value:
        return _quotient(self, coerce(other, self), "/")

    def __rtruediv__(self, other: Any) -> Value:
        return _quotient(coerce(other, self), self, "/")

    def __floordiv__(self, other: Any) -> Value:
        return _quotient(self, coerce(other, self), "//")

    def __mod__(self, other: Any) -> Value:
        b = nonzero(coerce(other, self))
        m = b.magnitude if self.type.is_float else b.magnitude - 1
        lo, hi = (0.0 if self.lo >= 0 else -m), (0.0 if self.hi <= 0 else m)
        if self.lo >= 0 and self.hi < b.lo:  # never reaches the divisor
            lo, hi = self.lo, self.hi
        return _binary(self, "%", b, self.type, lo, min(hi, max(self.hi, 0.0)), PRODUCT)

    def __neg__(self) -> Value:
        operand = self.node if self.prec >= UNARY else Group(self.node)
        return Value(Prefix("-", operand), self.type, -self.hi, -self.lo, self.author, UNARY, self.unit)

    # -- bits ------------------------------------------------------------------------------------
    def __and__(self, other: Any) -> Value:
        b = coerce(other, self)
        nonnegative = [v.hi for v in (self, b) if v.lo >= 0]
        lo, hi = (0.0, min(nonnegative)) if nonnegative else (-self.type.limit, self.type.limit)
        return _binary(self, "&", b, self.type, lo, hi, BITAND)

    def __or__(self, other: Any) -> Value:
        return _bits(self, "|", coerce(other, self), BITOR)

    def __xor__(self, other: Any) -> Value:
        return _bits(self, "^", coerce(other, self), BITXOR)

    def __lshift__(self, other: Any) -> Value:
        b = coerce(other, self)
        lo, hi = self.lo * 2.0 ** max(b.lo, 0), self.hi * 2.0 ** min(b.hi, 64)
        if self.type.is_unsigned and hi > self.type.limit:  # unsigned shifts wrap
            lo, hi = 0.0, self.type.limit
        return _binary(self, "<<", b, self.type, min(lo, self.lo), hi, SHIFT)

    def __rshift__(self, other: Any) -> Value:
        b = coerce(other, self)
        return _binary(
            self, ">>", b, self.type, min(self.lo, 0.0), max(self.hi, 0.0) // 2.0 ** max(b.lo, 0), SHIFT
        )

    def __invert__(self) -> Value:
        lo, hi = (0.0, self.type.limit) if self.type.is_unsigned else (-self.hi - 1, -self.lo - 1)
        operand = self.node if self.prec >= UNARY else Group(self.node)
        return Value(Prefix("~", operand), self.type, lo, hi, self.author, UNARY)

    # -- comparisons -----------------------------------------------------------------------------
    def __lt__(self, other: Any) -> Value:
        return compare(self, "<", other)

    def __le__(self, other: Any) -> Value:
        return compare(self, "<=", other)

    def __gt__(self, other: Any) -> Value:
        return compare(self, ">", other)

    def __ge__(self, other: Any) -> Value:
        return compare(self, ">=", other)

    def eq(self, other: Any) -> Value:
        """`self == other`."""
        return compare(self, "==", other)

    def ne(self, other: Any) -> Value:
        """`self != other`."""
        return compare(self, "!=", other)

    def __bool__(self) -> bool:
        raise SynthesisError(f"{self.text}: a value of the program cannot steer the generator; use k.if_")

    __hash__ = None  # type: ignore[assignment]

    # -- parts -----------------------------------------------------------------------------------
    def __getitem__(self, key: Any) -> Value:
        """A component (`v[0]`, `v[i]`), a matrix element (`m[i, j]`) or a matrix row (`m[i]`)."""
        t = self.type
        keys = key if isinstance(key, tuple) else (key,)
        result = vec(t.shape[1], t.scalar) if len(t.shape) == 2 and len(keys) == 1 else t.scalar
        return Value(Element(atom(self), *map(written, keys)), result, self.lo, self.hi, self.author)

    def __getattr__(self, name: str) -> Value:
        t = self.type
        if t.kind == "struct" and name in t.fields:
            lo, hi = -INF, INF
            return Value(Field(self.node, name), t.fields[name], lo, hi, self.author)
        if name in _COMPONENTS and t.kind in ("vec", "quat") and _COMPONENTS[name] < t.shape[0]:
            place = Literal(str(_COMPONENTS[name]))
            node = Field(self.node, name) if self.is_name else Element(atom(self), place)
            return Value(node, t.scalar, self.lo, self.hi, self.author)
        raise AttributeError(f"{t} has no part {name!r}")


def atom(v: Value) -> Expression:
    """The expression, in parentheses unless it needs none anywhere."""
    return v.node if v.prec == ATOM else Group(v.node)


def literal(value: float | int | bool, t: Type, author: Author) -> Value:
    """A constant of type `t`, spelled so that Warp infers that type."""
    if t.kind == "bool":
        return Value(Name(str(bool(value))), BOOL, 0, 1, author)
    node = number_node(number(float(value), author) if t.is_float else str(int(value)))
    if t is not F32 and t is not I32:
        node = Call(author.spell(t), (node,))
    return Value(node, t, float(value), float(value), author, UNARY if type(node) is Prefix else ATOM)


def coerce(value: Any, like: Value) -> Value:
    """A Python number as a literal of the scalar type of `like`; values pass through."""
    if isinstance(value, Value):
        return value
    return literal(value, like.type.scalar, like.author)


def _times(a: float, b: float) -> float:
    return 0.0 if a == 0 or b == 0 else a * b


def interval_product(a: Value, b: Value, n: int = 1) -> tuple[float, float]:
    """Bounds of a sum of `n` products of a component of `a` with one of `b`."""
    corners = [_times(x, y) for x in (a.lo, a.hi) for y in (b.lo, b.hi)]
    return n * min(corners), n * max(corners)


def _binary(a: Value, op: str, b: Value, t: Type, lo: float, hi: float, prec: int) -> Value:
    left = a.node if a.prec == ATOM or (a.prec >= prec and not _unclear(a, op)) else Group(a.node)
    right = b.node if b.prec == ATOM or (b.prec > prec and not _unclear(b, op)) else Group(b.node)
    return Value(Binary(left, op, right), t, lo, hi, a.author, prec)


def _unclear(operand: Value, op: str) -> bool:
    """Whether people put parentheses around the operand though Python asks for none.

    They do not trust anybody with the order of bit operators.
    """
    if op in _BIT_OPERATORS:
        chained = op in "|&^" and operand.prec == _BIT_OPERATORS[op]
        return BITOR <= operand.prec <= PRODUCT and not chained
    return operand.prec in (BITOR, BITXOR, BITAND, SHIFT)


def _mismatch(a: Value, op: str, b: Value) -> SynthesisError:
    return SynthesisError(f"no {op} for {a!r} and {b!r}")


def _sum(a: Value, op: str, other: Any) -> Value:
    b = coerce(other, a)
    if a.type is not b.type or a.type.kind in ("bool", "struct", "opaque"):
        raise _mismatch(a, op, b)
    lo, hi = (a.lo + b.lo, a.hi + b.hi) if op == "+" else (a.lo - b.hi, a.hi - b.lo)
    if op == "+" and b.prec == UNARY and (positive := _negated(b.node)) is not None:
        return _binary(a, "-", Value(positive, b.type, -b.hi, -b.lo, b.author), a.type, lo, hi, SUM)
    return _binary(a, op, b, a.type, lo, hi, SUM)


def _negated(node: Expression) -> Expression | None:
    """What a minus stands before, where people would subtract it: a name, or a number without an exponent."""
    if not isinstance(node, Prefix) or node.operator != "-":
        return None
    inside = node.parts[0]
    plain = isinstance(inside, Name) or (isinstance(inside, Literal) and "e" not in inside.text)
    return inside if plain else None


def product_type(a: Type, b: Type) -> Type | None:
    """The type of `a * b`, None where Warp has no such product."""
    if a.scalar is not b.scalar or a.kind == "bool":
        return None
    if a.kind == "scalar" or b.kind == "scalar":
        return b if a.kind == "scalar" else a
    ka, kb = a.kind, b.kind
    if ka == "mat" and kb == "vec" and a.shape[1] == b.shape[0]:
        return vec(a.shape[0], a.scalar)
    if ka == "vec" and kb == "mat" and a.shape[0] == b.shape[0]:
        return vec(b.shape[1], a.scalar)
    if ka == "mat" and kb == "mat" and a.shape[1] == b.shape[0]:
        return mat(a.shape[0], b.shape[1], a.scalar)
    if ka == "spatial_mat" and kb == "spatial":
        return b
    if ka == kb and ka in ("quat", "transform", "spatial_mat"):
        return a
    return None


def _product(a: Value, other: Any) -> Value:
    b = coerce(other, a)
    t = product_type(a.type, b.type)
    if t is None:
        raise _mismatch(a, "*", b)
    matrix = "scalar" not in (a.type.kind, b.type.kind) and a.type.kind not in ("quat", "transform")
    n = a.type.shape[-1] if matrix else 4 if a.type.kind == b.type.kind == "quat" else 1
    lo, hi = interval_product(a, b, n)
    if a.text == b.text and t.kind == "scalar":
        lo = max(lo, 0.0)  # a square
    op = a.author.matmul if matrix else "*"
    result = _binary(a, op, b, t, lo, hi, PRODUCT)
    result.unit = a.unit and b.unit and t.kind == "quat"
    if result.unit:
        result.lo, result.hi = -1.0, 1.0
    return result


def nonzero(b: Value) -> Value:
    """`b`, guarded if its range does not keep it away from zero."""
    eps = _EPSILONS.get(b.type.scalar.name, 1.0)
    if b.lo >= eps or b.hi <= -eps:
        return b
    author = b.author
    if b.type.kind != "scalar":
        raise SynthesisError(f"cannot divide by {b!r}")
    if b.type.is_int:
        one = literal(1, b.type, author)
        return call("wp.max", [b, one], b.type, 1.0, max(b.hi, 1.0), author)
    e = literal(author.epsilon(b.type), b.type, author)
    if b.lo >= 0:
        if author.rng.chance(0.5):
            return call("wp.max", [b, e], b.type, e.lo, max(b.hi, e.lo), author)
        return b + e
    return call("wp.abs", [b], b.type, 0.0, b.magnitude, author) + e


def _quotient(a: Value, b: Value, op: str) -> Value:
    if b.type.kind != "scalar" or a.type.scalar is not b.type.scalar:
        raise _mismatch(a, op, b)
    if op == "/" and not a.type.is_float:
        raise SynthesisError(f"{a!r}: use // between integers")
    b = nonzero(b)
    if op == "/":
        inverse = Value("", b.type, 1.0 / b.hi, 1.0 / b.lo, a.author)
        lo, hi = interval_product(a, inverse)
    else:
        corners = [x // y if math.isfinite(x) else x for x in (a.lo, a.hi) for y in (b.lo, b.hi)]
        lo, hi = min(corners), max(corners)
        if a.type.is_int and a.lo < 0:
            hi = max(hi, 0.0)  # Warp's // truncates
    return _binary(a, op, b, a.type, lo, hi, PRODUCT)


def _bits(a: Value, op: str, b: Value, prec: int) -> Value:
    if a.lo >= 0 and b.lo >= 0 and a.hi < INF and b.hi < INF:
        top = 2.0 ** math.ceil(math.log2(max(a.hi, b.hi, 1.0) + 1)) - 1
        lo, hi = 0.0, min(top, a.type.limit)
    else:
        lo, hi = (0.0 if a.type.is_unsigned else -a.type.limit - 1), a.type.limit
    return _binary(a, op, b, a.type, lo, hi, prec)


def compare(a: Value, op: str, other: Any) -> Value:
    """`a op b` for a comparison."""
    b = coerce(other, a)
    if a.type is not b.type:
        raise _mismatch(a, op, b)
    return _binary(a, op, b, BOOL, 0, 1, COMPARE)


def logic(op: str, conditions: list[Value]) -> Value:
    """`a and b and c` or `a or b`."""
    prec = AND if op == "and" else OR
    first, *others = [c.node if c.prec > prec else Group(c.node) for c in conditions]
    for other in others:
        first = Binary(first, op, other)
    return Value(first, BOOL, 0, 1, conditions[0].author, prec)


def call(
    name: str,
    args: Sequence[Value | Expression | str],
    t: Type,
    lo: float,
    hi: float,
    author: Author,
    unit: bool = False,
) -> Value:
    """A call expression; a text among the arguments is one or several (`n=3, dtype=float`)."""
    nodes: list[Expression] = []
    for a in args:
        if isinstance(a, str):
            nodes += arguments(a)
        else:
            nodes.append(a.node if isinstance(a, Value) else written(a))
    return Value(Call(name, tuple(nodes)), t, lo, hi, author, ATOM, unit)
