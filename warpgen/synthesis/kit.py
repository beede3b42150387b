"""The toolbox a motif is written with: what it asks for, what it gives, functions around it.

A motif asks by name, type and range (`k.input("mass|m", k.real, 0.1, 10.0)`) and never cares whether
the answer is a value an earlier motif gave, an element of an array, a field of a parameter struct,
a scalar argument or a constant. Inside a helper function the same requests become its parameters.
"""

from __future__ import annotations

from typing import Any

from warpgen.errors import SynthesisError
from warpgen.launch import FillKind
from warpgen.synthesis import priors, rules
from warpgen.synthesis.body import Body
from warpgen.synthesis.calls import Calls
from warpgen.synthesis.draft import Argspec, Array, Draft
from warpgen.synthesis.types import F32, I32, U64, Type, mat, opaque, quat, spatial_vector, transform, vec
from warpgen.synthesis.types import struct as new_struct
from warpgen.synthesis.values import INF, Value, call, literal, number

_POOL_USED_AGAIN = 0.25  # chance to take a value that somebody took already


class Given:
    """A value that a motif gave, and whether anything has taken it."""

    __slots__ = ("depth", "names", "used", "value")

    def __init__(self, value: Value, names: str, depth: int) -> None:
        self.value = value
        self.names = names
        self.depth = depth
        self.used = False


class Kit(Body):
    """One function being written: the kernel (parent None) or a helper called from `parent`."""

    def __init__(self, draft: Draft, parent: Kit | None = None) -> None:
        super().__init__(draft.rng, draft.author, draft.names, draft.local_names)
        self.draft = draft
        self.parent = parent
        self.wp = Calls(self)
        self.pool: list[Given] = []
        self.parameters: list[tuple[str, str, str]] = []  # of a helper: name, annotation, argument text
        self.index: tuple[Value, ...] = ()  # the thread's place, one value per axis
        self._known: dict[Any, Any] = {}

    # -- types -----------------------------------------------------------------------------------
    @property
    def real(self) -> Type:
        """The program's floating type."""
        return self.draft.real

    @property
    def vec2(self) -> Type:
        return vec(2, self.real)

    @property
    def vec3(self) -> Type:
        return vec(3, self.real)

    @property
    def vec4(self) -> Type:
        return vec(4, self.real)

    @property
    def mat22(self) -> Type:
        return mat(2, 2, self.real)

    @property
    def mat33(self) -> Type:
        return mat(3, 3, self.real)

    @property
    def mat44(self) -> Type:
        return mat(4, 4, self.real)

    @property
    def quat(self) -> Type:
        return quat(self.real)

    @property
    def transform(self) -> Type:
        return transform(self.real)

    @property
    def spatial(self) -> Type:
        return spatial_vector(self.real)

    # -- making values -----------------------------------------------------------------------------
    def lit(self, value: float | int, type: Type | None = None) -> Value:
        """A constant; an int gives int32, a float the program's float, unless a type is named."""
        if type is None:
            type = I32 if isinstance(value, int) else self.real
        return literal(value, type, self.author)

    def number(self, lo: float, hi: float) -> float:
        """A number such as people choose in [lo, hi]: round, few digits."""
        usual = {c: weight for c, weight in priors.floats() if lo <= c <= hi}
        if usual and self.rng.chance(0.7):
            return self.rng.weighted(usual)
        raw = self.rng.uniform(lo, hi)
        for digits in (1, 2, 3, 4, 6):
            if lo <= round(raw, digits) <= hi and (round(raw, digits) != 0 or lo <= 0 <= hi):
                return round(raw, digits)
        return raw

    def make(self, type: Type, *parts: Any) -> Value:
        """`wp.vec3(a, b, c)`: a composite from its parts (numbers allowed), or a conversion of one."""
        values = [p if isinstance(p, Value) else literal(p, type.scalar, self.author) for p in parts]
        spelled = self.draft.use_type(type)
        if type.kind == "transform":
            lo, hi = min(values[0].lo, -1.0), max(values[0].hi, 1.0)
        else:
            lo, hi = min(v.lo for v in values), max(v.hi for v in values)
        return call(spelled, list(values), type, lo, hi, self.author)

    def cast(self, value: Value, type: Type) -> Value:
        """A conversion between scalar types (`float(i)`, `wp.float64(x)`)."""
        if value.type is type:
            return value
        name = type.full if self.author.full_scalars and type.is_float else type.short
        lo, hi = value.lo, value.hi
        if type.is_int and value.type.is_float:
            m = min(type.limit, 2.0**31 - 1)
            if value.magnitude > m:
                value = rules.clamped(value, -1e6 if not type.is_unsigned else 0.0, 1e6)
            if type.is_unsigned and value.lo < 0:
                value = rules.at_least(value, 0.0)
            lo, hi = float(int(value.lo)), float(int(value.hi))
        elif type.is_int and (
            value.lo < -type.limit - 1 or value.hi > type.limit or (type.is_unsigned and value.lo < 0)
        ):
            lo, hi = (0.0 if type.is_unsigned else -type.limit - 1), type.limit
        return call(name, [value], type, lo, hi, self.author)

    def to_real(self, value: Value) -> Value:
        return self.cast(value, self.real)

    # -- giving and asking ---------------------------------------------------------------------------
    def give(self, names: str, value: Value) -> Value:
        """Hand a result on: later motifs may take it, and what nobody takes is stored at the end."""
        named = value if value.is_name else self.define(names, value)
        if not any(g.value.text == named.text for g in self.pool):
            self.pool.append(Given(named, names, self.depth))
        return named

    def _leave_block(self) -> None:
        self.pool = [g for g in self.pool if g.depth <= self.depth]

    def _take(self, names: str, type: Type, lo: float, hi: float, unit: bool) -> Value | None:
        wanted = set(names.split("|"))
        best = None
        for given in reversed(self.pool):
            v = given.value
            if v.type is not type or (unit and not v.unit):
                continue
            same = bool(wanted & set(given.names.split("|")))
            fits = lo <= v.lo and v.hi <= hi
            if not fits and not (type.kind == "scalar" and type.is_float and not unit):
                continue
            if given.used and not self.rng.chance(0.6 if same else _POOL_USED_AGAIN):
                continue
            if not same and not self.rng.chance(0.7 if fits else 0.45):
                continue
            best = given
            if same:
                break
        if best is None:
            return None
        best.used = True
        v = best.value
        return v if lo <= v.lo and v.hi <= hi else self.define(names, self.fit(v, lo, hi))

    def fit(self, v: Value, lo: float, hi: float) -> Value:
        """A float scalar brought into [lo, hi] in a way that keeps it alive."""
        if v.lo >= lo and v.hi <= hi:
            return v
        if hi == INF or hi >= v.hi:
            return rules.at_least(v, lo)
        if lo <= 0 <= v.lo and hi >= 1 and self.rng.chance(0.4):
            return v / (v + 1.0)
        return rules.clamped(v, lo, hi)

    def input(self, names: str, type: Type, lo: float = -1.0, hi: float = 1.0, unit: bool = False) -> Value:
        """A value that varies from thread to thread: given by an earlier motif, or read from an array."""
        if self.parent is not None:
            taken = self._take(names, type, lo, hi, unit)
            return (
                taken
                if taken is not None
                else self._import(names, self.parent.input(names, type, lo, hi, unit))
            )
        taken = self._take(names, type, lo, hi, unit) if self.rng.chance(0.75) else None
        return taken if taken is not None else self.load(names, type, lo, hi, unit)

    def load(self, names: str, type: Type, lo: float = -1.0, hi: float = 1.0, unit: bool = False) -> Value:
        """An element of an array over the threads, at this thread's place."""
        if self.parent is not None:
            return self._import(names, self.parent.load(names, type, lo, hi, unit))
        key = ("load", names.split("|")[0], type, unit)
        known = self._known.get(key)
        if (
            known is not None
            and known[0].lo >= lo
            and known[0].hi <= hi
            and known[1] <= self.depth
            and self._visible(known)
        ):
            return known[0]  # type: ignore[no-any-return]
        kind: FillKind = (
            "transform" if type.kind == "transform" else "unit" if unit or type.kind == "quat" else "uniform"
        )
        if self.author.records and kind == "uniform" and not type.custom and self.rng.chance(0.7):
            value = self._member(names, type, lo, hi)
            self._known[key] = (value, 1, len(self.lines))
            return value
        array = self.array(names, type, len(self.index), lo=lo, hi=hi, kind=kind)
        element = array[self.index]
        value = self.define(names, element) if self.rng.chance(self.author.temporaries) else element
        self._known[key] = (value, self.depth, len(self.lines))
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
        field = next(
            n
            for n in (*names.split("|"), *(f"{names.split('|')[0]}_{i}" for i in range(99)))
            if n not in element.fields
        )
        element.fields[field] = type
        inner = Argspec(field, type, 0, "param", lo, float(int(hi) + 1) if type.is_int else hi, "uniform")
        draft.elements.spec.fields[field] = inner
        return Value(f"{draft.elements.subscript(self.index)}.{field}", type, lo, hi, self.author)

    def _visible(self, known: tuple[Value, int, int]) -> bool:
        """Whether a local written at some line is still in scope here."""
        _, depth, at = known
        return all(line.depth >= depth for line in self.lines[at:] if line.text)

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
            return self.lit(self.number(lo, hi) if type.is_float else rng.integer(int(lo), int(hi)), type)
        if type.kind == "scalar" and author.constants and rng.chance(0.6):
            return self.constant(
                names, self.number(lo, hi) if type.is_float else rng.integer(int(lo), int(hi)), type
            )
        if author.structs and type.kind in ("scalar", "vec") and not type.custom:
            return self._field(names, type, lo, hi)
        name = self.name(names)
        kind: FillKind = "constant" if type.kind == "scalar" else "unit" if type.kind == "quat" else "uniform"
        kind = "transform" if type.kind == "transform" else kind
        spec = self.draft.argument(name, type, 0, "param", lo, hi, kind)
        if kind == "constant":
            spec.value = self.number(lo, hi) if type.is_float else float(rng.integer(int(lo), int(hi)))
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
        field = next(
            n
            for n in (*names.split("|"), *(f"{names.split('|')[0]}_{i}" for i in range(99)))
            if n not in record.fields
        )
        record.fields[field] = type
        self.draft.use_type(type)
        inner = Argspec(field, type, 0, "param", lo, hi, "constant" if type.kind == "scalar" else "uniform")
        if type.kind == "scalar":
            inner.value = self.number(lo, hi) if type.is_float else float(self.rng.integer(int(lo), int(hi)))
        holder.fields[field] = inner
        return Value(f"{holder.name}.{field}", type, lo, hi, self.author)

    def constant(self, names: str, value: float | int, type: Type | None = None) -> Value:
        """A number with a name at module level, in capitals."""
        v = self.lit(value, type)
        known = self._root_kit()._known
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

    def _root_kit(self) -> Kit:
        return self if self.parent is None else self.parent._root_kit()

    # -- arrays --------------------------------------------------------------------------------------
    def array(
        self,
        names: str,
        type: Type,
        ndim: int = 1,
        *,
        lo: float = -1.0,
        hi: float = 1.0,
        kind: FillKind = "uniform",
        fresh: bool = False,
    ) -> Array:
        """An input array; its shape follows from the indices used. `kind` is how it is filled.

        An array of the same name, type and range that the kernel has already is taken again.
        """
        return self._array(names, type, ndim, "input", lo, hi, kind, fresh)

    def output(self, names: str, type: Type, ndim: int = 1) -> Array:
        """An output array, zero at the start."""
        return self._array(names, type, ndim, "output", 0.0, 0.0, "constant", True)

    def inout(
        self,
        names: str,
        type: Type,
        ndim: int = 1,
        lo: float = -1.0,
        hi: float = 1.0,
        kind: FillKind = "uniform",
    ) -> Array:
        """An array that is read and written."""
        return self._array(names, type, ndim, "inout", lo, hi, kind, True)

    def _array(
        self, names: str, type: Type, ndim: int, role: Any, lo: float, hi: float, kind: FillKind, fresh: bool
    ) -> Array:
        if self.parent is not None:
            outer = self.parent._array(names, type, ndim, role, lo, hi, kind, fresh)
            return self._import_array(names, outer)
        first = names.split("|")[0]
        key = ("array", first, type, ndim)
        if not fresh and kind in ("uniform", "unit", "transform"):
            known: Array | None = self._known.get(key)
            if known is not None and known.spec.kind == kind and known.spec.lo >= lo and known.spec.hi <= hi:
                return known
        name = self.name(plural(names) if role == "input" else names)
        if type.is_int and role == "input" and kind == "uniform":
            lo, hi = float(int(lo)), float(int(hi)) + 1
        self.draft.use_type(type)
        array = Array(self.draft, self.draft.argument(name, type, ndim, role, lo, hi, kind), name)
        if role == "input" and not fresh:
            self._known.setdefault(key, array)
        return array

    def index_array(self, names: str, size: int, ndim: int = 1) -> Array:
        """An int array whose elements are valid indices 0 .. size-1."""
        return self.array(names, I32, ndim, lo=0, hi=size - 1)

    def csr(self, names: str, total: int) -> tuple[Value, Value]:
        """Start and end of this thread's row in a CSR layout of `total` entries."""
        offsets = self.array(names, I32, lo=0, hi=total, kind="offsets")
        i = self.flat
        start, end = offsets[i], offsets[i + 1]
        offsets.spec.fixed = (offsets.spec.need[0],)
        return (
            self.define("start|row_start|begin", start.within(0, total)),
            self.define("end|row_end|stop", end.within(0, total)),
        )

    def store(self, array: Array, key: Any, value: Any) -> None:
        """`array[key] = value`."""
        value = self._to_element(array, value)
        self.line(f"{array.subscript(key)} = {value.text}")

    def accumulate(self, array: Array, key: Any, value: Any, op: str = "+") -> None:
        """`array[key] += value` (atomic in Warp)."""
        value = self._to_element(array, value)
        self.line(f"{array.subscript(key)} {op}= {value.text}")

    def atomic(self, op: str, array: Array, key: Any, value: Any) -> Value:
        """`wp.atomic_op(array, key, value)` as an expression; write it with `discard` if unused."""
        value = self._to_element(array, value)
        array.subscript(key)  # sizes the array
        keys = [
            x.text if isinstance(x, Value) else str(x) for x in (key if isinstance(key, tuple) else (key,))
        ]
        return call(f"wp.atomic_{op}", [array.name, *keys, value], array.type, -INF, INF, self.author)

    def discard(self, value: Value) -> None:
        """A call made for its effect."""
        self.line(value.text)

    def _to_element(self, array: Array, value: Any) -> Value:
        if not isinstance(value, Value):
            value = literal(value, array.type.scalar, self.author)
        if value.type is not array.type:
            raise SynthesisError(f"{value!r} does not fit into {array.name} of {array.type}")
        return self.tame(value)

    # -- where the thread stands -----------------------------------------------------------------------
    @property
    def i(self) -> Value:
        """The first axis of the thread's place."""
        return self.place[0]

    @property
    def place(self) -> tuple[Value, ...]:
        """The thread's place, one value per launch axis (parameters inside a helper)."""
        if self.parent is not None and not self.index:
            self.index = tuple(
                self._import(("i|tid|row|idx", "j|col", "k", "l")[n], v)
                for n, v in enumerate(self.parent.place)
            )
        return self.index

    @property
    def flat(self) -> Value:
        """The thread's number, rows first, in a launch of any rank."""
        place, shape = self.place, self.draft.shape
        value = place[0]
        for axis in range(1, len(place)):
            value = value * self.extent(axis) + place[axis]
        total = 1
        for extent in shape:
            total *= extent
        return value if len(place) == 1 else self.let("index|flat|linear|cell", value.within(0, total - 1))

    def extent(self, axis: int = 0) -> Value:
        """The number of elements along a launch axis: an int argument or a constant."""
        names = (
            "n|count|num_elements|size|length",
            "width|cols|nx|num_cols",
            "depth|nz|channels",
            "batch|nw",
        )[axis]
        if len(self.draft.shape) > 1 and axis == 0:
            names = "height|rows|ny|num_rows"
        return self.size(names, self.draft.shape[axis])

    def size(self, names: str, value: int) -> Value:
        """A count that the program knows under a name, as an int argument or module constant."""
        if self.parent is not None:
            return self._import(names, self.parent.size(names, value))
        key = ("size", names.split("|")[0], value)
        if key not in self._known:
            if self.author.constants and self.rng.chance(0.3):
                known = self.constant(names, value, I32)
            else:
                name = self.name(names)
                self.draft.argument(name, I32, 0, "param", value, value, "constant").value = value
                known = Value(name, I32, value, value, self.author)
            self._known[key] = known
        return self._known[key]  # type: ignore[no-any-return]

    def guard(self, condition: Value) -> None:
        """`if condition: return`; only in the kernel itself."""
        if self.parent is not None:
            raise SynthesisError("a helper function cannot return from the kernel")
        with self.if_(condition):
            self.line("return")

    # -- handles ---------------------------------------------------------------------------------------
    def handle(
        self, names: str, kind: FillKind, shape: tuple[int, ...] = (), *, annotation: str = "", **fill: Any
    ) -> Value:
        """A mesh, bvh, hash grid, volume (ids) or texture argument; `fill` sets low, high, value, of."""
        if self.parent is not None:
            outer = self.parent.handle(names, kind, shape, annotation=annotation, **fill)
            return self._import(names, outer, annotation or "wp.uint64")
        key = ("handle", kind, shape, annotation, tuple(sorted(fill.items())))
        if key not in self._known:
            name = self.name(names)
            type = opaque(annotation.removeprefix("wp.")) if annotation else U64
            spec = self.draft.argument(
                name, type, 0, "handle", fill.get("low", 0.0), fill.get("high", 1.0), kind
            )
            spec.fixed, spec.value, spec.of = shape, fill.get("value", 0.0), fill.get("of", "")
            spec.annotation = annotation
            self._known[key] = Value(name, type, 0, 0, self.author)
        return self._known[key]  # type: ignore[no-any-return]

    # -- helper functions --------------------------------------------------------------------------------
    def _import(self, names: str, outer: Value, annotation: str = "") -> Value:
        """An outer value as a parameter of this helper (module names and numbers are seen as they are)."""
        text = outer.text
        if text in self.module_names or not any(c.isalpha() for c in text) or text in ("True", "False"):
            return outer
        for name, _, argument in self.parameters:
            if argument == text:
                return Value(name, outer.type, outer.lo, outer.hi, self.author, unit=outer.unit)
        name = self.name(names)
        self.parameters.append((name, annotation or self.draft.use_type(outer.type), text))
        return Value(name, outer.type, outer.lo, outer.hi, self.author, unit=outer.unit)

    def _import_array(self, names: str, outer: Array) -> Array:
        for name, _, argument in self.parameters:
            if argument == outer.name:
                return Array(self.draft, outer.spec, name)
        name = self.name(plural(names))
        self.parameters.append((name, self.draft.annotate(outer.spec), outer.name))
        return Array(self.draft, outer.spec, name)


def plural(names: str) -> str:
    """Array names out of element names: `mass|m` gives `masses|m`; one letter stays."""
    return "|".join(_plural(n) for n in names.split("|"))


def _plural(name: str) -> str:
    if (
        len(name.rsplit("_", 1)[-1]) <= 2
        or name[-1] == "s"
        or name[-1].isdigit()
        or name.endswith(("data", "mask", "field", "grid", "_q", "_qd", "image"))
    ):
        return name
    if name.endswith("y") and name[-2] not in "aeiou":
        return name[:-1] + "ies"
    if name.endswith("ex") and len(name) > 4:
        return name[:-2] + "ices"
    return name + ("es" if name.endswith(("sh", "ch", "x")) else "s")
