"""The statements of one function: locals, assignments, branches, loops, comments."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from keyword import kwlist
from typing import Any

from warpgen.errors import DraftRejected
from warpgen.synthesis.language import guards, reading
from warpgen.synthesis.language.author import Author
from warpgen.synthesis.language.builtins import known
from warpgen.synthesis.language.expressions import (
    Binary,
    Call,
    Choice,
    Expression,
    Group,
    Name,
    Prefix,
    is_number,
    root,
)
from warpgen.synthesis.language.reading import nodes_of, written
from warpgen.synthesis.language.statements import Assign, Blank, Block, Comment, Do, For, Leave, Statement
from warpgen.synthesis.language.types import BOOL, F32, I32, Type
from warpgen.synthesis.language.values import COMPARE, NOT, PRODUCT, SUM, TERNARY, Value, call, literal, logic
from warpgen.synthesis.style.rng import Rng

INLINE_LENGTH = 24  # longer expressions get a name, as people do
# Names that would hide what the program needs; `ret` is the result's in the generated C++, where arguments
# and fields keep their names, so C++'s own words are reserved as well.
RESERVED = frozenset(
    (
        "wp range float int bool min max abs len round pow and or not if else elif for while in is def return"
        " break continue pass None True False lambda class import from print type str tuple list dict static"
        " ret yield with as try except raise del global nonlocal assert async await finally"
        " alignas alignof and_eq asm auto bitand bitor case catch char compl concept const consteval"
        " constexpr constinit decltype default delete do double enum explicit export extern false friend"
        " goto inline long mutable namespace new noexcept not_eq nullptr operator or_eq private protected"
        " public register requires short signed sizeof struct switch template this throw true typedef"
        " typeid typename union unsigned using virtual void volatile wchar_t xor xor_eq"
    ).split()
) | frozenset(kwlist)


class Statements:
    """Writes statements in one author's style. Locals are single names that live to the block's end."""

    def __init__(self, rng: Rng, author: Author, module_names: set[str], local_names: set[str]) -> None:
        self.rng = rng
        self.author = author
        self.body: list[Statement] = []
        self._open = [self.body]  # the blocks around the present place, from the outermost
        self._branches = 0  # how many of them hand on what is made in them
        self.module_names = module_names  # shared by all functions of the module
        self.local_names = local_names  # of all functions, so that no later function takes one as its name
        self.names: set[str] = set()
        self.unrolled: set[str] = set()  # variables of loops with a fixed number of turns
        self.retired: list[str] = []  # loop variables whose loops have ended: people take them again

    # -- names -----------------------------------------------------------------------------------
    def name(self, names: str) -> str:
        """A fresh local name out of `"a|b|c"`."""
        options = names.split("|")
        first = self.author.pick(options)
        for option in (first, *options):
            if self._free(option):
                break
        else:
            option = next(f"{first}{i}" for i in range(2, 1000) if self._free(f"{first}{i}"))
        self.names.add(option)
        self.local_names.add(option)
        return option

    def _free(self, name: str) -> bool:
        return name not in self.names and name not in self.module_names and name not in RESERVED

    # -- lines -----------------------------------------------------------------------------------
    @property
    def depth(self) -> int:
        """How deep the present place is for what is made here: one in the function's own body."""
        return len(self._open) - self._branches

    def _within(self, block: list[Statement]) -> bool:
        """Whether a block is still open, so that what was named in it can be read."""
        return any(block is other for other in self._open)

    def write(self, statement: Statement) -> None:
        """Add a statement at the present place."""
        self._open[-1].append(statement)

    def line(self, text: str, defines: str = "") -> None:
        """A statement that the kit has no word for; `defines` are locals, if it but gives them a value."""
        self.write(reading.statement(text, tuple(defines.split())))

    def assign(self, target: Expression, value: Value, op: str = "") -> None:
        """`target op= value` for a place that outlives the function, or that nobody need read."""
        self.write(Assign(target, value.node, operator=op))

    def do(self, name: str, *arguments: Any) -> None:
        """A call made for its effect; arguments are values, arrays, tiles, nodes or texts."""
        self.write(Do(Call(name, nodes_of(arguments))))

    def leave(self, word: str, *values: Value) -> None:
        """`return` with what it gives, `break` or `continue`."""
        self.write(Leave(word, *[value.node for value in values]))

    def note(self, text: str) -> None:
        """A comment above the next line, if this author comments."""
        if self.rng.chance(self.author.paragraph_comments):
            self.write(Comment(text))

    def blank(self) -> None:
        """The end of a paragraph, if this author leaves blank lines."""
        block = self._open[-1]
        while block and isinstance(block[-1], Block):
            block = block[-1].body
        spaced = isinstance(block[-1], Blank) if block else block is self.body
        if not spaced and self.rng.chance(self.author.blank_lines):
            self.write(Blank())

    # -- locals ----------------------------------------------------------------------------------
    def let(self, names: str, value: Value) -> Value:
        """Name a value, or leave it as it is where this author would not name it."""
        value = self.saturate(value)
        if value.is_name:
            return value
        if len(value.text) <= INLINE_LENGTH and not self.rng.chance(self.author.temporaries):
            return value
        return self.define(names, value)

    def define(self, names: str, value: Value) -> Value:
        """Always a named local."""
        value = self.saturate(value)
        name = Name(self.name(names))
        self.write(Assign(name, value.node, (name.text,)))
        return Value(name, value.type, value.lo, value.hi, self.author, unit=value.unit)

    def define_all(
        self, names: tuple[str, ...], text: str, types: tuple[Type, ...], *ranges: tuple[float, float]
    ) -> list[Value]:
        """`a, b = text` for a call with several results."""
        picked = [self.name(n) for n in names]
        self.write(Assign(tuple(map(Name, picked)), reading.expression(text), tuple(picked)))
        spans = ranges if len(ranges) == len(picked) else ranges * len(picked)
        return [Value(n, t, lo, hi, self.author) for n, t, (lo, hi) in zip(picked, types, spans, strict=True)]

    def var(
        self, names: str, initial: Any, type: Type | None = None, lo: float = -1e3, hi: float = 1e3
    ) -> Value:
        """A local that is changed later; `lo`, `hi` bound all the values it will take."""
        if not isinstance(initial, Value):
            if type is None:
                type = I32 if isinstance(initial, int) else F32
            initial = (
                self.zero(type)
                if initial == 0 and type.kind != "bool"
                else literal(initial, type, self.author)
            )
        node = initial.node
        if initial.type.kind == "scalar" and is_number(node):
            # A bare number is a constant to Warp, which cannot change inside a loop.
            spelled = initial.type.full if self.author.declares == "full" else initial.type.short
            node = Call(spelled, (node,))
        elif initial.type is BOOL and node.text in ("True", "False"):
            node = Call("bool", (node,))
        elif initial.is_name:
            node = self._copy(initial)
        name = Name(self.name(names))
        self.write(Assign(name, node, (name.text,)))
        return Value(name, initial.type, lo, hi, self.author)

    def _copy(self, v: Value) -> Expression:
        """A new value equal to a named one, so that changing it leaves the first alone."""
        if v.type.kind != "scalar":
            return v.node
        return Call(v.type.short if v.type in (F32, I32) else v.type.full, (v.node,))

    def zero(self, t: Type) -> Value:
        """The zero (or identity) of a type as this author writes it."""
        if t.kind == "scalar":
            return literal(0, t, self.author)
        spelled = self.author.spell(t)
        if t.kind in ("quat", "transform"):
            dtype = [] if t.scalar is F32 else [f"dtype={t.scalar.full}"]
            return call(f"wp.{t.kind}_identity", dtype, t, 0.0, 1.0, self.author, unit=t.kind == "quat")
        inner = [literal(0, t.scalar, self.author)]
        if self.author.zero == "" or t.kind in ("struct", "spatial", "spatial_mat"):
            inner = []
        elif self.author.zero == "components" and t.kind == "vec":
            inner *= t.shape[0]
        return call(spelled, inner, t, 0.0, 0.0, self.author)

    def set(self, target: Value, value: Any) -> None:
        """`target = value` for a local made by `var`, or for a component of one."""
        value = self.saturate(self._like(value, target))
        self.write(Assign(target.node, value.node, (root(target.node),)))

    def change(self, target: Value, op: str, value: Any) -> None:
        """`target op= value`."""
        value = self._like(value, target)
        defines = (root(target.node),)
        if self.author.augments:
            self.write(Assign(target.node, value.node, defines, op))
        else:
            right = value.node if value.prec > (SUM if op in "+-" else PRODUCT) else Group(value.node)
            self.write(Assign(target.node, Binary(target.node, op, right), defines))

    def add(self, target: Value, value: Any) -> None:
        """`target += value`."""
        self.change(target, "+", value)

    def _like(self, value: Any, target: Value) -> Value:
        return value if isinstance(value, Value) else literal(value, target.type.scalar, self.author)

    def saturate(self, value: Value) -> Value:
        """Bring a value whose range leaves the type's limits back into them."""
        limit = value.type.limit
        if value.type.kind in ("bool", "struct", "opaque") or value.magnitude <= limit:
            return value
        if value.type.is_int:
            if value.type.is_unsigned or value.magnitude == float("inf"):
                return value.within(
                    max(value.lo, 0.0 if value.type.is_unsigned else -limit), min(value.hi, limit)
                )
            m = self.rng.choice((64, 100, 128, 256, 1000, 1024))
            return value % min(m, int(limit))
        if value.type.kind == "scalar":
            top = self.rng.choice((1.0, 10.0, 100.0, 1000.0))
            if self.rng.chance(0.3):
                return known("tanh").write(value)
            return guards.clamped(value, -top, top)
        if value.type.kind in ("vec", "quat", "spatial"):
            return known("normalize").write(value) if value.type.kind != "spatial" else value * (1.0 / 1024.0)
        factor = limit / 10.0 / value.magnitude if value.magnitude < float("inf") else 1e-3
        scaled = value * float(f"{factor:.0e}") if value.type.kind != "transform" else value
        return scaled.within(-limit, limit)

    # -- conditions --------------------------------------------------------------------------------
    def all(self, *conditions: Value) -> Value:
        """`a and b and c`."""
        return logic("and", list(conditions))

    def any(self, *conditions: Value) -> Value:
        """`a or b or c`."""
        return logic("or", list(conditions))

    def negate(self, condition: Value) -> Value:
        """`not condition`."""
        operand = condition.node if condition.prec >= COMPARE else Group(condition.node)
        return Value(Prefix("not", operand), BOOL, 0, 1, self.author, NOT)

    def between(self, low: Any, x: Value, high: Any) -> Value:
        """`low <= x < high`, chained or not."""
        lo, hi = self._like(low, x), self._like(high, x)
        if self.rng.chance(0.3):
            chained = Binary(Binary(lo.node, "<=", x.node), "<", hi.node)
            return Value(chained, BOOL, 0, 1, self.author, COMPARE)
        return self.all(x >= lo, x < hi)

    def select(self, names: str, condition: Value, a: Any, b: Any) -> Value:
        """`a` where the condition holds, else `b`, as where, ternary or branch by the author's habit."""
        if not isinstance(a, Value):
            a = literal(a, b.type, self.author)
        b = self._like(b, a)
        lo, hi = min(a.lo, b.lo), max(a.hi, b.hi)
        style = self.author.ternary
        if style == "branch":
            result = self.var(names, b, lo=lo, hi=hi)
            with self.if_(condition):
                self.set(result, a)
            return result
        if style == "ternary":
            chosen = Choice(a.node, condition.node, b.node)
            return self.define(names, Value(chosen, a.type, lo, hi, self.author, TERNARY))
        return self.let(names, call("wp.where", [condition, a, b], a.type, lo, hi, self.author))

    # -- blocks ------------------------------------------------------------------------------------
    @contextlib.contextmanager
    def block(self, header: Block | str) -> Iterator[None]:
        """An indented block; names given inside it are not handed on."""
        block = reading.header(header) if isinstance(header, str) else header
        self.write(block)
        self._open.append(block.body)
        try:
            yield
        finally:
            self._open.pop()
            self._leave_block()

    @contextlib.contextmanager
    def branch(self, header: Block) -> Iterator[None]:
        """A block whose results are declared before it, so that they are handed on."""
        self.write(header)
        self._open.append(header.body)
        self._branches += 1
        try:
            yield
        finally:
            self._branches -= 1
            self._open.pop()

    @contextlib.contextmanager
    def declared_before(self) -> Iterator[list[Statement]]:
        """What stands in the list at the end is put before all that is written meanwhile."""
        block, at, first = self._open[-1], len(self._open[-1]), list[Statement]()
        yield first
        block[at:at] = first

    def _leave_block(self) -> None:
        """Hook: what was given inside a block cannot be used behind it."""

    def if_(self, condition: Value) -> contextlib.AbstractContextManager[None]:
        """What stands under `if condition:`."""
        return self.block(Block("if", condition.node))

    def elif_(self, condition: Value) -> contextlib.AbstractContextManager[None]:
        """What stands under `elif condition:`."""
        return self.block(Block("elif", condition.node))

    def else_(self) -> contextlib.AbstractContextManager[None]:
        """What stands under `else:`."""
        return self.block(Block("else"))

    @contextlib.contextmanager
    def for_(self, names: str, stop: Any, start: Any = 0, step: int = 1) -> Iterator[Value]:
        """`for name in range(...)`. With plain numbers Warp unrolls the loop (up to 16 turns)."""
        options = names.split("|")
        name = next((n for n in self.retired if n in options), "") or self.name(names)
        if name in self.retired:
            self.retired.remove(name)
        first, last = (x if isinstance(x, Value) else literal(x, I32, self.author) for x in (start, stop))
        if step < 0:
            lo, hi = last.lo + 1, first.hi
        else:
            lo, hi = first.lo, last.hi - 1
        bounds = [first.node, last.node, *([written(step)] if step != 1 else [])]
        source = Call("range", tuple(bounds[1:] if first.text == "0" and step == 1 else bounds))
        if not isinstance(start, Value) and not isinstance(stop, Value):
            self.unrolled.add(name)
        try:
            with self.block(For("for", Name(name), source)):
                yield Value(name, I32, lo, max(hi, lo), self.author)
        finally:
            self.retired.append(name)

    def while_(self, condition: Value) -> contextlib.AbstractContextManager[None]:
        """The body must bring the condition to an end."""
        return self.block(Block("while", condition.node))

    def break_if(self, condition: Value) -> None:
        """`if condition: break`."""
        with self.if_(condition):
            self.leave("break")

    def continue_if(self, condition: Value) -> None:
        """`if condition: continue`."""
        with self.if_(condition):
            self.leave("continue")

    def expect(self, condition: bool, message: str) -> None:
        """Reject the draft unless the motif's own precondition holds."""
        if not condition:
            raise DraftRejected(message)
