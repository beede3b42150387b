"""What kernels know by a number: textures, volumes, meshes, trees and grids, searched one by one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from warpgen.verification.oracle import operators as op
from warpgen.verification.oracle import vectors
from warpgen.verification.oracle.values import Array, Record, Unsupported, Vec
from warpgen.verification.running.scene import Boxes, Cells, Surface, Texels, Voxels


class Work:
    """What the searches of one launch took: elements looked at, and whether any found more than one, which
    Warp may have met in another order."""

    spend: Callable[[int], None] = lambda _: None
    unordered = False


# What a search of a mesh costs, in steps of a program.
_RAY = 8
# Faces whose distances differ by less than this share are equally close at 32 bits.
_TIE = 1e-5


class Hits:
    """Elements that a query found, in the order of their numbers."""

    def __init__(self, found: list[int]) -> None:
        self._left = iter(found)
        Work.unordered |= len(found) > 1

    def __iter__(self) -> Iterator[int]:
        return self._left

    def next(self, _: Any, *__: Any) -> tuple[bool, int]:
        """Whether there is another one, and which."""
        at = next(self._left, None)
        return at is not None, 0 if at is None else at


def _of(handle: Any, kind: type) -> Any:
    if not isinstance(handle, kind):
        raise Unsupported(f"a {kind.__name__.lower()} from another source")
    if isinstance(handle, Surface):
        Work.spend(_RAY)
    return handle


def _vector(items: Any) -> Vec:
    return Vec(tuple(float(x) for x in items))


# Textures: linear between the centres of texels, the last texel beyond the border.


def _texture_sample(texture: Any, *items: Any, dtype: Any = None, lod: Any = None) -> Any:
    values = _of(texture, Texels).values
    axes = values.ndim - 1
    given = [item for item in items if isinstance(item, (float, Vec))]
    places = [float(x) for item in given for x in (item.c if isinstance(item, Vec) else [item])]
    if lod is not None or len(places) != axes or any(not math.isfinite(place) for place in places):
        raise Unsupported("this texture sample")
    # Coordinates are named x first, memory has it last.
    extents = values.shape[:-1]
    spots = [
        min(max(place * extent - 0.5, 0.0), extent - 1.0)
        for place, extent in zip(reversed(places), extents, strict=True)
    ]
    channels = _linear(
        spots, lambda at: values[tuple(min(i, n - 1) for i, n in zip(at, extents, strict=True))]
    )
    return channels[0] if len(channels) == 1 else Vec(tuple(channels))


def _linear(spots: list[float], read: Callable[[tuple[int, ...]], Any]) -> list[float]:
    """Weighted sum over the corners of the cell that a point lies in, component by component."""
    base = [math.floor(spot) for spot in spots]
    total: list[float] | None = None
    for corner in itertools.product((0, 1), repeat=len(spots)):
        weight = 1.0
        for spot, low, side in zip(spots, base, corner, strict=True):
            weight *= spot - low if side else 1.0 - (spot - low)
        value = [float(x) for x in read(tuple(low + side for low, side in zip(base, corner, strict=True)))]
        total = (
            [weight * x for x in value]
            if total is None
            else [t + weight * x for t, x in zip(total, value, strict=True)]
        )
    assert total is not None
    return total


# Volumes: dense, their first voxel at the origin; zero outside.


def _voxel(volume: Voxels, at: tuple[int, ...]) -> list[float]:
    values = volume.values
    if values is None:
        raise Unsupported("a volume of indices")
    width = values.shape[3] if values.ndim == 4 else 1
    if any(not 0 <= i < n for i, n in zip(at, values.shape[:3], strict=True)):
        return [0.0] * width
    item = values[at]
    return [float(x) for x in item] if width > 1 else [float(item)]


def _told(volume: Voxels, value: list[float]) -> Any:
    if len(value) > 1:
        return Vec(tuple(value))
    assert volume.values is not None
    return int(value[0]) if volume.values.dtype.kind == "i" else value[0]


def _lookup(handle: Any, *indices: Any, dtype: Any = None) -> Any:
    volume = _of(handle, Voxels)
    return _told(volume, _voxel(volume, tuple(int(i) for i in indices[:3])))


def _sample(handle: Any, uvw: Vec, mode: Any = 0, dtype: Any = None) -> Any:
    volume = _of(handle, Voxels)
    if int(mode) == 0:
        nearest = tuple(int(math.copysign(math.floor(abs(x) + 0.5), x)) for x in uvw.c)
        return _told(volume, _voxel(volume, nearest))
    return _told(volume, _linear(list(uvw.c), lambda at: _voxel(volume, at)))


def _sample_grad(handle: Any, uvw: Vec, mode: Any, _: Any, dtype: Any = None) -> tuple[Any, Vec]:
    volume = _of(handle, Voxels)
    if int(mode) == 0 or _voxel(volume, (0, 0, 0))[1:]:
        raise Unsupported("this gradient of a volume")
    slopes = []
    for axis in range(3):
        # Linear along an axis within a cell: the difference of its two faces.
        low = list(uvw.c)
        low[axis] = float(math.floor(low[axis]))
        high = list(low)
        high[axis] += 1.0
        a, b = (_linear(spot, lambda at: _voxel(volume, at))[0] for spot in (low, high))
        slopes.append(b - a)
    return _sample(handle, uvw, mode), Vec(tuple(slopes))


def _scaled(inverse: bool) -> Callable[[Any, Vec], Vec]:
    def applied(handle: Any, place: Vec) -> Vec:
        size = _of(handle, Voxels).size
        moved: Vec = op.mul(place, 1.0 / size if inverse else size)
        return moved

    return applied


# Meshes.


def _corners(mesh: Surface, face: Any) -> tuple[Vec, Vec, Vec]:
    a, b, c = (_vector(mesh.points[i]) for i in mesh.faces[int(face)])
    return a, b, c


def _contents(handle: Any) -> Record:
    """`wp.mesh_get`."""
    mesh = _of(handle, Surface)
    lists = {"points": mesh.points, "velocities": mesh.velocities}
    fields: dict[str, Any] = {
        name: Array([_vector(row) for row in rows], (len(rows),)) for name, rows in lists.items()
    }
    indices = mesh.faces.reshape(-1).tolist()
    return Record(None, fields | {"indices": Array(indices, (len(indices),))})


def _barycentric(mesh: Any, face: Any, u: Any, v: Any, values: Any) -> Vec:
    p, q, r = (_vector(values[i]) for i in mesh.faces[int(face)])
    total: Vec = op.add(op.add(op.mul(p, u), op.mul(q, v)), op.mul(r, 1.0 - u - v))
    return total


def _normal(mesh: Any, face: Any) -> Vec:
    p, q, r = _corners(mesh, face)
    made: Vec = vectors.normalize(vectors.cross(op.sub(q, p), op.sub(r, p)))
    return made


def closest_on_triangle(a: Vec, b: Vec, c: Vec, p: Vec) -> tuple[float, float]:
    """Weights of `a` and `b` in a triangle's point closest to `p` (after Ericson's textbook)."""
    ab, ac, ap = op.sub(b, a), op.sub(c, a), op.sub(p, a)
    d1, d2 = vectors.dot(ab, ap), vectors.dot(ac, ap)
    if d1 <= 0.0 and d2 <= 0.0:
        return 1.0, 0.0
    bp = op.sub(p, b)
    d3, d4 = vectors.dot(ab, bp), vectors.dot(ac, bp)
    if d3 >= 0.0 and d4 <= d3:
        return 0.0, 1.0
    vc = d1 * d4 - d3 * d2
    if vc <= 0.0 and d1 >= 0.0 and d3 <= 0.0:
        v = d1 / (d1 - d3)
        return 1.0 - v, v
    cp = op.sub(p, c)
    d5, d6 = vectors.dot(ab, cp), vectors.dot(ac, cp)
    if d6 >= 0.0 and d5 <= d6:
        return 0.0, 0.0
    vb = d5 * d2 - d1 * d6
    if vb <= 0.0 and d2 >= 0.0 and d6 <= 0.0:
        return 1.0 - d2 / (d2 - d6), 0.0
    va = d3 * d6 - d5 * d4
    if va <= 0.0 and d4 - d3 >= 0.0 and d5 - d6 >= 0.0:
        return 0.0, 1.0 - (d4 - d3) / ((d4 - d3) + (d5 - d6))
    scale = 1.0 / (va + vb + vc)
    v, w = vb * scale, vc * scale
    return 1.0 - v - w, v


_NOTHING = {"result": False, "face": 0, "u": 0.0, "v": 0.0, "t": 0.0, "sign": 0.0, "normal": Vec((0.0,) * 3)}


def _point_query(signed: bool) -> Callable[..., Record]:
    def asked(handle: Any, point: Vec, farthest: Any, *_: Any) -> Record:
        mesh = _of(handle, Surface)
        best, hit = float(farthest) ** 2, dict(_NOTHING)
        # No point of a face is closer than its box.
        corners = mesh.points[mesh.faces].astype(np.float64)
        outside = np.maximum(corners.min(axis=1) - point.c, 0.0) + np.maximum(
            point.c - corners.max(axis=1), 0.0
        )
        bounds = (outside * outside).sum(axis=1)
        for face in np.argsort(bounds, kind="stable").tolist():
            if bounds[face] > best:
                break
            a, b, c = _corners(mesh, face)
            u, v = closest_on_triangle(a, b, c, point)
            gap = op.sub(_barycentric(mesh, face, u, v, mesh.points), point)
            distance = vectors.dot(gap, gap)
            Work.unordered |= abs(distance - best) <= _TIE * best
            if distance < best:
                best, hit = distance, {**_NOTHING, "result": True, "face": face, "u": u, "v": v}
        if signed and hit["result"]:
            hit["sign"] = -1.0 if _inside(mesh, point) else 1.0
        return Record(None, hit)

    return asked


def _inside(mesh: Surface, point: Vec) -> bool:
    """Whether most rays along the axes leave the (closed) mesh through a face."""
    Work.spend(3 * _RAY)
    votes = 0
    for axis in range(3):
        hits = _crossed(mesh, point, Vec(tuple(float(i == axis) for i in range(3))))
        votes += len(hits) % 2
    return votes >= 2


def _farthest(handle: Any, point: Vec, least: Any) -> Record:
    mesh = _of(handle, Surface)
    Work.unordered = True  # several faces share the vertex
    best, hit = float(least) ** 2, dict(_NOTHING)
    for face in range(len(mesh.faces)):
        for corner, (u, v) in zip(_corners(mesh, face), ((1.0, 0.0), (0.0, 1.0), (0.0, 0.0)), strict=True):
            gap = op.sub(corner, point)
            if vectors.dot(gap, gap) > best:
                best, hit = vectors.dot(gap, gap), {**_NOTHING, "result": True, "face": face, "u": u, "v": v}
    return Record(None, hit)


def _crossed(mesh: Surface, start: Vec, way: Vec) -> list[tuple[float, int, float, float, float, Vec]]:
    """Faces that a ray meets (Möller and Trumbore): distance, face, weights, side and normal of each."""
    a, b, c = np.moveaxis(mesh.points[mesh.faces].astype(np.float64), 1, 0)
    e1, e2, from_a = b - a, c - a, np.array(start.c) - a
    normals, bent = np.cross(e1, e2), np.cross(from_a, way.c)
    slants = -(normals * way.c).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (from_a * normals).sum(axis=1) / slants
        v = (e2 * bent).sum(axis=1) / slants
        w = -(e1 * bent).sum(axis=1) / slants
        met = np.flatnonzero((slants != 0.0) & (t >= 0.0) & (v >= 0.0) & (w >= 0.0) & (v + w <= 1.0))
    return [
        (
            float(t[i]),
            int(i),
            float(1.0 - v[i] - w[i]),
            float(v[i]),
            math.copysign(1.0, slants[i]),
            _vector(normals[i]),
        )
        for i in met
    ]


def _ray(handle: Any, start: Vec, way: Vec, most: Any, *root: Any) -> Record:
    if root:
        raise Unsupported("a ray through a part of a mesh")
    hits = [hit for hit in _crossed(_of(handle, Surface), start, way) if hit[0] < float(most)]
    if not hits:
        return Record(None, dict(_NOTHING))
    t, face, u, v, sign, normal = min(hits, key=lambda hit: hit[0])
    unit = vectors.normalize(normal)
    return Record(None, {"result": True, "t": t, "face": face, "u": u, "v": v, "sign": sign, "normal": unit})


def _any_hit(handle: Any, start: Vec, way: Vec, most: Any, *root: Any) -> bool:
    return bool(_ray(handle, start, way, most, *root).fields_["result"])


def _count_hits(handle: Any, start: Vec, way: Vec, *root: Any) -> int:
    if root:
        raise Unsupported("a ray through a part of a mesh")
    return len(_crossed(_of(handle, Surface), start, way))


# Boxes that overlap.


def _box(handle: Any, number: int) -> tuple[Any, Any]:
    if isinstance(handle, Boxes):
        return handle.lower[number].tolist(), handle.upper[number].tolist()
    points = handle.points[handle.faces[number]]
    return points.min(axis=0).tolist(), points.max(axis=0).tolist()


def _count(handle: Any) -> int:
    if isinstance(handle, Boxes):
        Work.spend(len(handle.lower) // 8)
        return len(handle.lower)
    return len(_of(handle, Surface).faces)


def _overlapping(handle: Any, lower: Vec, upper: Vec) -> Hits:
    found = []
    for number in range(_count(handle)):
        low, high = _box(handle, number)
        if all(a <= d and b >= c for a, b, c, d in zip(low, high, lower.c, upper.c, strict=True)):
            found.append(number)
    return Hits(found)


def _within(handle: Any, centre: Vec, radius: Any) -> Hits:
    """Boxes of a tree, or faces of a mesh, that a ball touches."""
    found = []
    for number in range(_count(handle)):
        if isinstance(handle, Boxes):
            low, high = _box(handle, number)
            near = Vec(tuple(min(max(x, a), b) for x, a, b in zip(centre.c, low, high, strict=True)))
        else:
            u, v = closest_on_triangle(*_corners(handle, number), centre)
            near = _barycentric(handle, number, u, v, handle.points)
        gap = op.sub(near, centre)
        if vectors.dot(gap, gap) <= float(radius) ** 2:
            found.append(number)
    return Hits(found)


def _neighbours(handle: Any, place: Vec, radius: Any) -> Hits:
    """Points in the cells of a hash grid that a cube around a place reaches, none twice."""
    grid = _of(handle, Cells)
    Work.spend(len(grid.points) // 8)
    spans = []
    for x, extent in zip(place.c, grid.shape, strict=True):
        low, high = math.floor((x - radius) / grid.width), math.floor((x + radius) / grid.width)
        spans.append({i % extent for i in range(low, min(high, low + extent - 1) + 1)})
    return Hits(
        [
            number
            for number, point in enumerate(grid.points.tolist())
            if all(
                math.floor(x / grid.width) % extent in span
                for x, extent, span in zip(point, grid.shape, spans, strict=True)
            )
        ]
    )


def _sorted_point(handle: Any, number: Any) -> int:
    """Points in the order of their cells, x running fastest."""
    grid = _of(handle, Cells)
    dims = grid.shape

    def cell(at: int) -> int:
        x, y, z = (
            math.floor(v / grid.width) % n for v, n in zip(grid.points[at].tolist(), dims, strict=True)
        )
        return int((z * dims[1] + y) * dims[0] + x)

    order: list[int] = sorted(range(len(grid.points)), key=cell)
    return order[int(number)]


def _following(query: Any, index: Any, *limit: Any) -> tuple[bool, int]:
    if limit or not isinstance(query, Hits):
        raise Unsupported("this query")
    return query.next(index)


def table() -> dict[str, Any]:
    made: dict[str, Any] = {"texture_sample": _texture_sample}
    made |= dict.fromkeys(("volume_lookup", "volume_lookup_f", "volume_lookup_v", "volume_lookup_i"), _lookup)
    made |= dict.fromkeys(("volume_sample", "volume_sample_f", "volume_sample_v"), _sample)
    made |= {"volume_sample_i": lambda handle, uvw: _sample(handle, uvw, 0)}
    made |= dict.fromkeys(("volume_sample_grad", "volume_sample_grad_f"), _sample_grad)
    made |= dict.fromkeys(("volume_world_to_index", "volume_world_to_index_dir"), _scaled(True))
    made |= dict.fromkeys(("volume_index_to_world", "volume_index_to_world_dir"), _scaled(False))
    made |= {"mesh_query_point_no_sign": _point_query(False), "mesh_get_bvh": lambda mesh: mesh}
    signs = ("", "_sign_parity", "_sign_normal", "_sign_winding_number")
    made |= {f"mesh_query_point{sign}": _point_query(True) for sign in signs}
    made |= {"mesh_get": _contents, "mesh_query_furthest_point_no_sign": _farthest, "mesh_query_ray": _ray}
    made |= {"mesh_query_ray_anyhit": _any_hit, "mesh_query_ray_count_intersections": _count_hits}
    made |= {
        "mesh_eval_position": lambda mesh, face, u, v: _barycentric(mesh, face, u, v, mesh.points),
        "mesh_eval_velocity": lambda mesh, face, u, v: _barycentric(mesh, face, u, v, mesh.velocities),
        "mesh_eval_face_normal": _normal,
        "mesh_get_index": lambda mesh, at: int(mesh.faces.reshape(-1)[int(at)]),
        "mesh_get_point": lambda mesh, at: _vector(mesh.points[mesh.faces.reshape(-1)[int(at)]]),
        "mesh_get_velocity": lambda mesh, at: _vector(mesh.velocities[mesh.faces.reshape(-1)[int(at)]]),
    }
    made |= dict.fromkeys(("mesh_query_aabb", "bvh_query_aabb"), _overlapping)
    made |= dict.fromkeys(("mesh_query_sphere", "bvh_query_sphere"), _within)
    made |= {"hash_grid_query": _neighbours, "hash_grid_point_id": _sorted_point}
    made |= dict.fromkeys(("bvh_query_next", "mesh_query_aabb_next", "mesh_query_next"), _following)
    return made | {"hash_grid_query_next": _following}


# Where a builtin leaves a second result: its number among the arguments.
RESULTS = {"volume_sample_grad": 3, "volume_sample_grad_f": 3}
RESULTS |= dict.fromkeys(
    ("bvh_query_next", "mesh_query_aabb_next", "mesh_query_next", "hash_grid_query_next"), 1
)
