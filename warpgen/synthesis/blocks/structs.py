"""Structs that a motif declares for itself: fields with ranges, arguments, arrays, copies in kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from warpgen.launch import FillKind, Role
from warpgen.synthesis.kit.draft import Argspec, Array
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.expressions import Call, Expression, Field, Keyword, Name
from warpgen.synthesis.language.reading import written
from warpgen.synthesis.language.statements import Assign
from warpgen.synthesis.language.types import Type
from warpgen.synthesis.language.types import struct as new_struct
from warpgen.synthesis.language.values import Value


class Member(NamedTuple):
    """A field: alternative names (the first is its key), type, range; `ndim` if it is an array."""

    names: str
    type: Type | Record
    lo: float = -1.0
    hi: float = 1.0
    ndim: int = 0

    @property
    def key(self) -> str:
        """What motifs ask for it by: the first of its names."""
        return self.names.split("|")[0]


class Record:
    """A struct of the program. Fields are asked for by the first of their alternative names."""

    def __init__(self, k: Kit, names: str, members: Sequence[Member]) -> None:
        self.members = {m.key: m for m in members}
        self.fields: dict[str, str] = {}  # key -> the field's name in this program
        self.type = new_struct(k.draft.module_name(names))
        lines = []
        for m in members:
            taken = self.fields.values()
            options = [k.author.pick(m.names), *m.names.split("|")]
            name = next(n for n in options if n not in taken)
            self.fields[m.key] = name
            inner = m.type.type if isinstance(m.type, Record) else m.type
            self.type.fields[name] = inner
            k.draft.use_type(inner)
            annotation = k.author.spell_array(inner, m.ndim) if m.ndim else k.author.spell(inner)
            lines.append(f"    {name}: {annotation}")
        k.draft.declare(self.type.name, "\n".join(["@wp.struct", f"class {self.type.name}:", *lines]))

    def specs(self, k: Kit, role: Role = "input", kind: str = "uniform") -> dict[str, Argspec]:
        """How the fields of an argument of this type are filled."""
        found = {}
        for key, m in self.members.items():
            name, inner = self.fields[key], m.type
            if isinstance(inner, Record):
                spec = Argspec(name, inner.type, 0, role, 0.0, 0.0, "struct")
                spec.fields = inner.specs(k, role, kind)
            else:
                hi = m.hi + 1 if inner.is_int and m.hi < inner.limit else m.hi
                if kind == "constant" and not m.ndim:
                    spec = Argspec(name, inner, 0, role, 0.0, 0.0, "constant")
                elif inner.kind in ("quat", "transform"):
                    fill: FillKind = "unit" if inner.kind == "quat" else "transform"
                    spec = Argspec(name, inner, m.ndim, role, m.lo, hi, fill)
                else:
                    spec = Argspec(name, inner, m.ndim, role, m.lo, hi, "uniform")
            found[name] = spec
        return found

    def array(self, k: Kit, names: str, ndim: int = 1, role: Role = "input") -> Array:
        """An array of structs; outputs start at zero."""
        if role == "output":
            array = k.output(names, self.type, ndim)
        elif role == "inout":
            array = k.inout(names, self.type, ndim, kind="struct")
        else:
            array = k.array(names, self.type, ndim, kind="struct", fresh=True)
        array.spec.kind = "struct"
        array.spec.fields = self.specs(k, role, "constant" if role == "output" else "uniform")
        return array

    def argument(self, k: Kit, names: str) -> Held:
        """A struct passed by value; inside a helper it becomes a parameter."""
        root = k
        while root.parent is not None:
            root = root.parent
        name = root.name(names)
        spec = k.draft.argument(name, self.type, 0, "param", 0.0, 0.0, "struct")
        spec.fields = self.specs(k, "param")
        outer = Value(name, self.type, 0.0, 0.0, k.author)
        held = outer if k.parent is None else k._import(names, outer)
        return Held(self, held.node, k, spec)

    def local(self, k: Kit, names: str, values: dict[str, Value] | None = None) -> Held:
        """A struct made in the kernel: empty and then filled, or by its constructor."""
        name = k.name(names)
        values = values or {}
        complete = list(values) == list(self.members)
        style = k.rng.choice(("fill", "fill", "positional", "keywords")) if complete else "fill"
        if style == "fill":
            k.write(Assign(Name(name), Call(self.type.name, ()), (name,)))
            for key, value in values.items():
                k.write(Assign(Field(Name(name), self.fields[key]), k.saturate(value).node, (name,)))
        else:
            parts = [k.saturate(v).node for v in values.values()]
            if style == "keywords":
                parts = [Keyword(self.fields[key], p) for key, p in zip(values, parts, strict=True)]
            k.write(Assign(Name(name), Call(self.type.name, tuple(parts)), (name,)))
        return Held(self, Name(name), k)

    def held(self, value: Value | str, k: Kit) -> Held:
        """A struct value (an array element, a call's result, a parameter)."""
        return Held(self, written(value), k)


class Held:
    """A value of a record's type: gives its fields as values with their ranges."""

    def __init__(self, record: Record, node: Expression, k: Kit, spec: Argspec | None = None) -> None:
        self.record = record
        self.node = node
        self._k = k
        self._spec = spec

    @property
    def value(self) -> Value:
        """The whole struct."""
        return Value(self.node, self.record.type, 0.0, 0.0, self._k.author)

    def __getitem__(self, key: str) -> Value:
        m = self.record.members[key]
        assert not isinstance(m.type, Record)
        unit = m.type.kind == "quat"
        node = Field(self.node, self.record.fields[key])
        return Value(node, m.type, m.lo, m.hi, self._k.author, unit=unit)

    def inner(self, key: str) -> Held:
        """A nested struct."""
        inner = self.record.members[key].type
        assert isinstance(inner, Record)
        return Held(inner, Field(self.node, self.record.fields[key]), self._k)

    def array(self, key: str) -> Array:
        """An array among the fields of an argument."""
        assert self._spec is not None
        name = self.record.fields[key]
        return Array(self._k.draft, self._spec.fields[name], f"{self.node.text}.{name}")

    def set(self, key: str, value: Value | float) -> None:
        """`held.key = value`."""
        self._k.set(self[key], value)

    def add(self, key: str, value: Value | float, op: str = "+") -> None:
        """`held.key op= value`."""
        self._k.change(self[key], op, value)
