"""Arrays: asking for them, reading, storing, atomics."""

from __future__ import annotations

from typing import Any

from warpgen.errors import SynthesisError
from warpgen.launch import FillKind
from warpgen.synthesis.kit.captures import Captures
from warpgen.synthesis.kit.draft import Array
from warpgen.synthesis.language.statements import Do
from warpgen.synthesis.language.types import F16, I32, Type
from warpgen.synthesis.language.values import INF, Value, call, literal
from warpgen.synthesis.style.names import plural


class Arrays(Captures):
    """Array arguments. Their shapes follow from the indices that the program uses."""

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

    def store(self, array: Array, key: Any, value: Any) -> None:
        """`array[key] = value`."""
        value = self._to_element(array, value)
        self.assign(array.subscript(key), value)

    def accumulate(self, array: Array, key: Any, value: Any, op: str = "+") -> None:
        """`array[key] += value` (atomic in Warp)."""
        value = self._to_element(array, value)
        self.assign(array.subscript(key), value, op)

    def atomic(self, op: str, array: Array, key: Any, value: Any) -> Value:
        """`wp.atomic_op(array, key, value)` as an expression; write it with `discard` if unused."""
        if op in ("min", "max") and array.type.scalar is F16:
            op = "add"  # the only one that Warp has for them
        value = self._to_element(array, value)
        arguments = [array.node, *array.keys(key), value]
        return call(f"wp.atomic_{op}", arguments, array.type, -INF, INF, self.author)

    def discard(self, value: Value) -> None:
        """A call made for its effect."""
        self.write(Do(value.node))

    def _to_element(self, array: Array, value: Any) -> Value:
        if not isinstance(value, Value):
            value = literal(value, array.type.scalar, self.author)
        if value.type is not array.type:
            raise SynthesisError(f"{value!r} does not fit into {array.name} of {array.type}")
        return self.saturate(value)
