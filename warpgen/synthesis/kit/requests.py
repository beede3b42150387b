"""Giving and asking: how motifs hand values to each other and to the kernel's arguments."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from warpgen.launch import FillKind
from warpgen.synthesis.kit.arrays import Arrays
from warpgen.synthesis.kit.draft import Argspec, Array, Draft
from warpgen.synthesis.kit.pool import Pool
from warpgen.synthesis.language import guards
from warpgen.synthesis.language.author import number
from warpgen.synthesis.language.builtins import known
from warpgen.synthesis.language.expressions import Field, Name
from warpgen.synthesis.language.types import F32, I32, Type
from warpgen.synthesis.language.types import struct as new_struct
from warpgen.synthesis.language.values import INF, Value
from warpgen.synthesis.style.names import plural, singular

if TYPE_CHECKING:
    from typing import Self

# A struct's fields keep their names in the generated C++, whose operators have a parameter `rhs`.
_FIELDS_TAKEN = frozenset("rhs auto char default delete double new operator private short this".split())
_WAVED = 1e4  # beyond it the sine of a float is noise


def _field_name(names: str, struct: Type) -> str:
    """The first of the names that the struct has no field of yet, or the first of all with a number."""
    options = names.split("|")
    numbered = (f"{options[0]}_{i}" for i in range(99))
    return next(
        n for n in itertools.chain(options, numbered) if n not in struct.fields and n not in _FIELDS_TAKEN
    )


class Requests(Arrays):
    """What a motif asks for (`input`, `load`, `param`, `constant`) and what it gives."""

    def __init__(self, draft: Draft, parent: Self | None) -> None:
        super().__init__(draft, parent)
        self.pool = Pool(self.rng)

    def give(self, names: str, value: Value) -> Value:
        """Hand a result on: later motifs may take it, and what nobody takes is stored at the end."""
        named = value if value.is_name else self.define(names, value)
        self.pool.give(named, names, self.depth)
        return named

    def _leave_block(self) -> None:
        self.pool.leave(self.depth)

    def _take(self, names: str, type: Type, lo: float, hi: float, unit: bool) -> Value | None:
        v = self.pool.take(names, type, lo, hi, unit)
        if v is None or (lo <= v.lo and v.hi <= hi):
            return v
        return self.define(names, self.fit(v, lo, hi))

    def fit(self, v: Value, lo: float, hi: float) -> Value:
        """A float scalar brought into [lo, hi] in a way that keeps it alive."""
        if v.lo >= lo and v.hi <= hi:
            return v
        if hi == INF or hi >= v.hi:
            self.pool.hide(v)
            return guards.at_least(v, lo)
        # What rounds down would make zero of all below one.
        if lo <= 0 <= v.lo and hi >= 1 and not self.pool.masked and self.rng.chance(0.4):
            return (v / (v + 1.0)).within(0.0, 1.0)
        if v.hi - v.lo > 4 * (hi - lo) and v.magnitude < _WAVED and self.rng.chance(0.6):
            # A clamp would hold nearly all values at one end, and what they came from would not show.
            middle, reach = round(0.5 * (lo + hi), 4), round(0.5 * (hi - lo), 4)
            wave = known("sin").write(v)
            wave = wave if reach == 1 else wave * reach
            return (wave if middle == 0 else middle + wave).within(lo, hi)
        self.pool.hide(v)
        return guards.clamped(v, lo, hi)

    def input(self, names: str, type: Type, lo: float = -1.0, hi: float = 1.0, unit: bool = False) -> Value:
        """A value that varies from thread to thread: given by an earlier motif, or read from an array."""
        parent = self.parent
        if parent is not None:
            taken = self._take(names, type, lo, hi, unit)
            if taken is not None:
                return taken
            outer = parent.input(names, type, lo, hi, unit)
            first = names.split("|")[0]
            others = f"{first}_b|other_{first}|{first}2"
            return self._import(names, outer, again=lambda: parent.input(others, type, lo, hi, unit))
        taken = self._take(names, type, lo, hi, unit) if self.rng.chance(0.75) else None
        return taken if taken is not None else self.load(names, type, lo, hi, unit)

    def load(self, names: str, type: Type, lo: float = -1.0, hi: float = 1.0, unit: bool = False) -> Value:
        """An element of an array over the threads, at this thread's place."""
        if self.parent is not None:
            return self._import(names, self.parent.load(names, type, lo, hi, unit))
        key = ("load", names.split("|")[0], type, unit)
        known = self._known.get(key)
        if known is not None and known[0].lo >= lo and known[0].hi <= hi and self._within(known[1]):
            return known[0]  # type: ignore[no-any-return]
        kind: FillKind = (
            "transform" if type.kind == "transform" else "unit" if unit or type.kind == "quat" else "uniform"
        )
        if self.author.records and kind == "uniform" and not type.custom and self.rng.chance(0.7):
            value = self._member(names, type, lo, hi)
            self._known[key] = (value, self.body)
            return value
        array = self.array(names, type, len(self.index), lo=lo, hi=hi, kind=kind)
        element = array[self.index]
        named = self.rng.chance(self.author.temporaries)
        value = self.define(singular(names), element) if named else element
        self._known[key] = (value, self._open[-1])
        return value

    def _member(self, names: str, type: Type, lo: float, hi: float) -> Value:
        """A field of this thread's element in an array of structs."""
        draft = self.draft
        if draft.element is None:
            draft.element = new_struct(draft.module_name("Particle|Body|Element|State|Sample|Node|Cell|Item"))
            stem = draft.element.name.lower()
            spec = draft.argument(
                self.name(plural(f"{stem}|{stem}_data|{stem}_in")),
                draft.element,
                len(self.index),
                "input",
                0.0,
                0.0,
                "struct",
            )
            draft.declare(draft.element.name, "")  # its fields are not known yet
            draft.elements = Array(draft, spec, spec.name)
        assert draft.elements is not None
        element = draft.element
        field = _field_name(names, element)
        element.fields[field] = type
        inner = Argspec(field, type, 0, "param", lo, float(int(hi) + 1) if type.is_int else hi, "uniform")
        draft.elements.spec.fields[field] = inner
        return Value(Field(draft.elements.subscript(self.index), field), type, lo, hi, self.author)

    def loaded(self, type: Type) -> list[Value]:
        """Elements of this type that were read so far: they fill their ranges, which results seldom do."""
        return [
            known[0]
            for key, known in self._known.items()
            if key[0] == "load" and known[0].type is type and self._within(known[1])
        ]

    def param(self, names: str, type: Type, lo: float, hi: float) -> Value:
        """A value that all threads share: an argument, a struct field, a module constant or a number."""
        if self.parent is not None:
            return self._import(names, self.parent.param(names, type, lo, hi))
        key = ("param", names.split("|")[0], type)
        known = self._known.get(key)
        if known is not None and known.lo >= lo and known.hi <= hi:
            return known  # type: ignore[no-any-return]
        value = self._new_param(names, type, lo, hi)
        self._known[key] = value
        return value

    def _new_param(self, names: str, type: Type, lo: float, hi: float) -> Value:
        rng, author = self.rng, self.author
        if type.kind == "scalar" and rng.chance(0.12):
            return self.lit(self.setting(lo, hi) if type.is_float else rng.integer(int(lo), int(hi)), type)
        if type.kind == "scalar" and author.constants and rng.chance(0.6):
            return self.constant(
                names, self.setting(lo, hi) if type.is_float else rng.integer(int(lo), int(hi)), type
            )
        if author.structs and type.kind in ("scalar", "vec") and not type.custom:
            return self._field(names, type, lo, hi)
        name = self.name(names)
        kind: FillKind = "constant" if type.kind == "scalar" else "unit" if type.kind == "quat" else "uniform"
        kind = "transform" if type.kind == "transform" else kind
        spec = self.draft.argument(name, type, 0, "param", lo, hi, kind)
        if kind == "constant":
            spec.value = self.setting(lo, hi) if type.is_float else float(rng.integer(int(lo), int(hi)))
        return Value(name, type, lo, hi, author, unit=kind == "unit")

    def _field(self, names: str, type: Type, lo: float, hi: float) -> Value:
        """A field of the struct that this author packs parameters into."""
        draft = self.draft
        if draft.record is None:
            draft.record = new_struct(
                draft.module_name("SimParams|Params|Settings|ModelParams|Config|Options")
            )
            name = self.name("params|p|cfg|settings|args")
            draft.argument(name, draft.record, 0, "param", 0.0, 0.0, "struct")
            draft.declare(draft.record.name, "")  # its fields are not known yet
        record = draft.record
        holder = draft.find(lambda spec: spec.type is record)
        assert holder is not None
        field = _field_name(names, record)
        record.fields[field] = type
        self.draft.use_type(type)
        inner = Argspec(field, type, 0, "param", lo, hi, "constant" if type.kind == "scalar" else "uniform")
        if type.kind == "scalar":
            inner.value = self.setting(lo, hi) if type.is_float else float(self.rng.integer(int(lo), int(hi)))
        holder.fields[field] = inner
        return Value(Field(Name(holder.name), field), type, lo, hi, self.author)

    def held(self, v: Value) -> float | None:
        """The number that a parameter is launched with; None of anything else."""
        specs = self.draft.arguments.values()
        for spec in (field for s in specs for field in (s, *s.fields.values())):
            named = v.text == spec.name or v.text.endswith(f".{spec.name}")
            if named and spec.role == "param" and spec.kind == "constant":
                return spec.value
        return None

    def constant(self, names: str, value: float | int, type: Type | None = None) -> Value:
        """A number with a name at module level, in capitals."""
        v = self.lit(value, type)
        known = self._kernel()._known
        key = ("constant", names.split("|")[0].upper(), v.type)
        if key in known:
            return known[key]  # type: ignore[no-any-return]
        name = self.draft.module_name(
            "|".join(n.upper() for n in names.split("|") if len(n) > 1) or names.upper() + "0"
        )
        wrapped = (
            v.text
            if v.type not in (F32, I32)
            else f"wp.constant({v.text})"
            if self.rng.chance(0.7)
            else v.text
        )
        if v.type not in (F32, I32):
            wrapped = (
                f"wp.constant({v.type.full}({number(v.lo, self.author) if v.type.is_float else int(v.lo)}))"
            )
        self.draft.declare(name, f"{name} = {wrapped}")
        result = Value(name, v.type, v.lo, v.hi, self.author)
        known[key] = result
        return result
