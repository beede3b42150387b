"""Objects behind an id (meshes, bounding volume trees, hash grids) and what their queries give.

A query's index is only as safe as the arrays that hold what it names: each handle here knows how many
faces, vertices or points it has, and hands indices out with that range.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from warpgen.synthesis.kit.draft import Array
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.expressions import Call, Literal, Name
from warpgen.synthesis.language.reading import written
from warpgen.synthesis.language.statements import Assign, Block, For
from warpgen.synthesis.language.types import BOOL, F32, I32, Type, struct, vec
from warpgen.synthesis.language.values import Value, call

# Stacks and slices of the sphere meshes, and how many faces each has; the largest is taken where
# every thread wants a face of its own.
SPHERES = ((5, 8), (6, 8), (7, 10), (8, 12), (8, 16), (10, 16), (14, 16))

POINT_HIT = struct("MeshQueryPoint")
POINT_HIT.fields.update(result=BOOL, sign=F32, face=I32, u=F32, v=F32)
RAY_HIT = struct("MeshQueryRay")
RAY_HIT.fields.update(result=BOOL, sign=F32, face=I32, t=F32, u=F32, v=F32, normal=vec(3))


class Mesh(NamedTuple):
    """A mesh argument and the number of its faces and vertices."""

    id: Value
    faces: int
    vertices: int


def mesh(k: Kit, least: int = 0, grouped: bool = False) -> Mesh:
    """A mesh of the program, a closed sphere of radius one with more than `least` vertices.

    With groups where a kernel searches one group alone.
    """
    fitting = [s for s in SPHERES if s[1] * (s[0] - 1) + 2 > least]
    k.expect(bool(fitting), "no mesh has that many vertices")
    of = "groups" if grouped else ""
    known = k.draft.find(lambda spec: spec.kind == "mesh" and spec.of == of and spec.shape in fitting)
    shape = (known.shape[0], known.shape[1]) if known is not None else k.rng.choice(fitting[:3])
    value = k.handle("mesh|mesh_id|collider|mesh_handle|shape_mesh", "mesh", shape, of=of)
    return Mesh(value, 2 * shape[1] * (shape[0] - 1), shape[1] * (shape[0] - 1) + 2)


def cloud(k: Kit, names: str, least: int = 64) -> Array:
    """Points that a tree or grid is built over: at least one per thread, of a size that stays."""
    known = k.draft.find(lambda spec: bool(spec.fixed) and spec.type is vec(3) and spec.role == "input")
    if known is not None and known.name in k.names:
        return Array(k.draft, known, known.name)
    total = 1
    for extent in k.draft.shape:
        total *= extent
    points = k.array(names, vec(3), lo=-1.0, hi=1.0, fresh=True)
    points.spec.fixed = points.spec.fixed or (max(least, total),)
    return points


def count(points: Array) -> int:
    """How many points a cloud has."""
    return points.spec.shape[0]


def bvh(k: Kit, points: Array, half: float) -> Value:
    """A tree of boxes around the points, `half` from centre to side."""
    return k.handle("bvh|bvh_id|tree|bvh_handle", "bvh", of=points.spec.name, value=half)


def hash_grid(k: Kit, points: Array, width: float) -> Value:
    """A hash grid over the points with cells of `width`."""
    return k.handle(
        "grid|hash_grid|grid_id|neighbor_grid", "hash_grid", (8, 8, 8), of=points.spec.name, value=width
    )


def query(k: Kit, name: str, *args: Value | str) -> Value:
    """`wp.name(args)` of a query that is iterated, as an expression."""
    return call(f"wp.{name}", list(args), I32, 0, 0, k.author)


def hit(k: Kit, names: str, name: str, result: Type, *args: Value | str) -> Value:
    """The named result of a query that finds one place."""
    return named(k, names, call(f"wp.{name}", args, result, 0, 0, k.author))


def part(found: Value, name: str, lo: float, hi: float) -> Value:
    """A field of a query's result with the range it has where the query succeeded."""
    return getattr(found, name).within(lo, hi)  # type: ignore[no-any-return]


@contextlib.contextmanager
def each(k: Kit, names: str, found: Value, total: int, advance: str = "", *more: Any) -> Iterator[Value]:
    """A loop over what a query finds: `for` over it, or `while` with the builtin `advance`."""
    index = k.name(names)
    if advance:
        k.write(Assign(Name(index), Call("int", (Literal("0"),)), (index,)))
        header = Block("while", Call(f"wp.{advance}", (found.node, Name(index), *map(written, more))))
    else:
        header = For("for", Name(index), found.node)
    with k.block(header):
        yield Value(index, I32, 0, total - 1, k.author)


def named(k: Kit, names: str, value: Value) -> Value:
    """A query under a name."""
    local = k.name(names)
    k.write(Assign(Name(local), value.node, (local,)))
    return Value(local, value.type, 0, 0, k.author)


class Volume(NamedTuple):
    """A volume argument: voxels per axis and the width of one."""

    id: Value
    n: int
    size: float


def volume(
    k: Kit, names: str, of: str = "float32", low: float = -1.0, high: float = 1.0, fresh: bool = False
) -> Volume:
    """A dense volume of values of type `of` (`index`: without values), its corner voxel at the origin.

    Not one that the kernel has already, if `fresh`.
    """
    known = k.draft.find(lambda s: s.kind == "volume" and s.of == of and s.lo >= low and s.hi <= high)
    known = None if fresh else known
    if known is not None:
        n, size, low, high = known.shape[0], known.value, known.lo, known.hi
    else:
        n, size = k.rng.choice((6, 8, 10)), k.rng.choice((1.0, 0.5, 0.25, 0.1))
    value = k.handle(names, "volume", (n, n, n), of=of, value=size, low=low, high=high)
    return Volume(value, n, size)
