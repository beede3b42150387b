"""Kernel arguments as memory: plain data about each type, so that a launch needs no live Warp kernel."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import numpy as np

from warpgen.errors import VerificationError
from warpgen.verification.native import warp_native

Family = Literal["value", "struct", "array", "indexed", "texture"]


class MemoryLayout(msgspec.Struct, frozen=True):
    """How one type lies in memory.

    A value has `code` (NumPy's scalar code) and `shape` (of a vector or matrix); a struct has `fields`
    (name, layout, offset); an array has `ndim` and the layout `of` its elements.
    """

    family: Family
    size: int
    align: int
    code: str = ""
    shape: tuple[int, ...] = ()
    fields: tuple[tuple[str, MemoryLayout, int], ...] = ()
    ndim: int = 0
    of: MemoryLayout | None = None
    name: str = ""

    @property
    def dtype(self) -> np.dtype[Any]:
        """NumPy's type for one element; descriptors inside a struct are raw bytes."""
        if self.family == "value":
            value: Any = (self.code, self.shape)
            made: np.dtype[Any] = np.dtype(value)
            return made
        if self.family == "struct":
            names = [name for name, _, _ in self.fields]
            formats = [layout.dtype for _, layout, _ in self.fields]
            offsets = [offset for _, _, offset in self.fields]
            spec: Any = {"names": names, "formats": formats, "offsets": offsets, "itemsize": self.size}
            struct: np.dtype[Any] = np.dtype(spec)
            return struct
        raw: Any = ("u1", (self.size,))
        plain: np.dtype[Any] = np.dtype(raw)
        return plain

    @property
    def floating(self) -> bool:
        """Whether it is of a float, or of several in a row."""
        return self.family == "value" and np.dtype(self.code).kind == "f"


def describe(kind: Any) -> MemoryLayout:
    """Layout of a Warp type. Raises VerificationError for what cannot be filled from data."""
    family = warp_native.array_family(kind)
    if family == "array":
        return MemoryLayout("array", warp_native.ARRAY_SIZE, 8, ndim=kind.ndim, of=describe(kind.dtype))
    if family == "indexed":
        return MemoryLayout("indexed", warp_native.INDEXED_SIZE, 8, ndim=kind.ndim, of=describe(kind.dtype))
    if warp_native.is_struct(kind):
        size, fields = warp_native.struct_fields(kind)
        described = tuple((name, describe(of), offset) for name, of, offset in fields)
        return MemoryLayout(
            "struct", size, max([f.align for _, f, _ in described], default=1), fields=described
        )
    texture = warp_native.texture_size(kind)
    if texture:
        return MemoryLayout("texture", texture, 8, name=kind.__name__)
    scalar, shape = getattr(kind, "_wp_scalar_type_", kind), tuple(getattr(kind, "_shape_", ()))
    code = warp_native.scalar_code(scalar)
    if family or not code:
        raise VerificationError(f"no way to fill an argument of type {getattr(kind, '__name__', kind)}")
    width = np.dtype(code).itemsize
    name = warp_native.special_vector(kind)
    return MemoryLayout("value", width * int(np.prod(shape, dtype=int)), width, code, shape, name=name)


def offsets(layouts: list[MemoryLayout]) -> tuple[list[int], int]:
    """Where each argument stands in the block that a kernel's entry point takes, and the block's size."""
    places, end = [], 0
    for layout in layouts:
        end += -end % layout.align
        places.append(end)
        end += layout.size
    return places, end + -end % 8


def nameless(layout: MemoryLayout) -> MemoryLayout:
    """A layout without the names of fields."""
    fields = tuple(("", nameless(field), place) for _, field, place in layout.fields)
    of = nameless(layout.of) if layout.of is not None else None
    return msgspec.structs.replace(layout, fields=fields, of=of)


def widened(layout: MemoryLayout) -> MemoryLayout:
    """The layout that a type has once every float in it has 64 bits."""
    if layout.family == "value":
        code = "<f8" if layout.floating else layout.code
        width = np.dtype(code).itemsize
        size = width * int(np.prod(layout.shape, dtype=int))
        return MemoryLayout("value", size, width, code, layout.shape, name=layout.name)
    if layout.family == "struct":
        parts = [widened(field) for _, field, _ in layout.fields]
        places, _ = offsets(parts)
        align = max([part.align for part in parts], default=1)
        end = places[-1] + parts[-1].size if parts else layout.size
        names = [name for name, _, _ in layout.fields]
        fields = tuple(zip(names, parts, places, strict=True))
        return MemoryLayout("struct", end + -end % align, align, fields=fields)
    if layout.of is not None:
        return msgspec.structs.replace(layout, of=widened(layout.of))
    return layout
