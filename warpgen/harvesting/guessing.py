"""A launch for a kernel of which only the types are known: a small grid, larger arrays, small numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from warpgen.launch import Argument, Fill, FillKind, Launch
from warpgen.verification.native.generated import kernel_dim
from warpgen.verification.running.memory_layout import MemoryLayout

# Threads along each axis, by the number of axes; and the extents of arrays, by theirs. Arrays are larger than
# the grid, so that what is reckoned from a thread's number falls inside more often.
_GRIDS = {1: (7,), 2: (3, 4), 3: (2, 3, 2), 4: (2, 2, 2, 2)}
_EXTENTS = {1: (96,), 2: (24, 20), 3: (12, 10, 8), 4: (8, 6, 6, 6)}
# Whole numbers are mostly counts and places.
_WHOLE = (0.0, 4.0)
_FLOATS = (0.25, 2.0)

_HANDLES: dict[str, FillKind] = {
    "mesh": "mesh",
    "bvh": "bvh",
    "hash_grid": "hash_grid",
    "volume": "volume",
}


def launch(text: str, tiled: bool) -> Launch:
    """The grid for a generated CPU text."""
    return Launch(dim=_GRIDS[kernel_dim(text)], seed=1, tiled=tiled)


def fills(
    args: Sequence[Argument], layouts: Sequence[MemoryLayout], source: str, objects: Mapping[str, str]
) -> tuple[Argument, ...]:
    """The arguments with a fill for each part. `objects` are the kinds of those that stand for some."""
    made = []
    points = _points(args, layouts)
    for arg, layout in zip(args, layouts, strict=True):
        found = _handle(arg, objects.get(arg.name, ""), source, points) if arg.role == "handle" else None
        parts = (found,) if found is not None else tuple(_parts(arg.name, layout))
        made.append(msgspec.structs.replace(arg, fills=parts))
    return tuple(made)


def _points(args: Sequence[Argument], layouts: Sequence[MemoryLayout]) -> str:
    """An argument of points, for objects that are built over some."""
    for arg, layout in zip(args, layouts, strict=True):
        of = layout.of
        if layout.family == "array" and of is not None and of.shape == (3,) and of.code == "<f4":
            return arg.name
    return ""


def _handle(arg: Argument, named: str, source: str, points: str) -> Fill | None:
    """The object that a number stands for."""
    if not named:
        return None
    kind = _HANDLES[named]
    if kind == "mesh":
        return Fill(arg.name, kind, shape=(4, 6))
    if kind == "volume":
        asked = set(re.findall(r"\bwp\.volume_(?:sample|lookup|store)_?(\w*)\(", source))
        if asked <= {"index"}:  # fewer voxels than arrays have elements, which stand beside them
            return Fill(arg.name, kind, shape=(4, 4, 4), value=0.5, of="index")
        of = "vec3f" if "v" in asked else "int32" if asked <= {"i", "index"} else "float32"
        return Fill(arg.name, kind, shape=(6, 6, 6), value=0.5, of=of)
    if not points:
        return None
    return Fill(arg.name, kind, shape=(4, 4, 4) if kind == "hash_grid" else (), value=0.5, of=points)


def _parts(path: str, layout: MemoryLayout) -> Iterator[Fill]:
    if layout.family == "texture":
        yield Fill(path, "texture", shape=(*(4,) * int(layout.name[-2]), 1))
    elif layout.family in ("array", "indexed"):
        yield from _array(path, layout)
    elif layout.family == "struct":
        yield Fill(path, "struct")
        for name, field, _ in layout.fields:
            yield from _parts(f"{path}.{name}", field)
    else:
        yield _numbers(path, layout, ())


def _array(path: str, layout: MemoryLayout) -> Iterator[Fill]:
    assert layout.of is not None
    shape = _EXTENTS.get(layout.ndim, ())
    if layout.family == "indexed":
        yield Fill(path, "indexed")
        path = f"{path}.data"
    if layout.of.family == "struct":
        yield Fill(path, "struct", shape=shape)
        for name, field, _ in layout.of.fields:
            yield from _parts(f"{path}.{name}", field)
    else:
        yield _numbers(path, layout.of, shape)


def _numbers(path: str, layout: MemoryLayout, shape: tuple[int, ...]) -> Fill:
    low, high = _FLOATS if layout.floating else _WHOLE
    if layout.name in ("quat", "transform"):
        kind: FillKind = "unit" if layout.name == "quat" else "transform"
        return Fill(path, kind, shape=shape, low=low, high=high)
    return Fill(path, "uniform", shape=shape, low=low if shape or layout.floating else 1.0, high=high)
