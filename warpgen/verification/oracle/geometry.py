"""Meshes, trees of boxes and hash grids, their elements searched one by one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from warpgen.verification.oracle import operators as op
from warpgen.verification.oracle import vectors
from warpgen.verification.oracle.handles import RAY, Work, known, vector
from warpgen.verification.oracle.values import Array, Record, Unsupported, Vec
from warpgen.verification.running.scene import Boxes, Cells, Surface

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


# Meshes.


def _corners(mesh: Surface, face: Any) -> tuple[Vec, Vec, Vec]:
    a, b, c = (vector(mesh.points[i]) for i in mesh.faces[int(face)])
    return a, b, c


def _contents(handle: Any) -> Record:
    """`wp.mesh_get`."""
    mesh = known(handle, Surface)
    lists = {"points": mesh.points, "velocities": mesh.velocities}
    fields: dict[str, Any] = {
        name: Array([vector(row) for row in rows], (len(rows),)) for name, rows in lists.items()
    }
    indices = mesh.faces.reshape(-1).tolist()
    return Record(None, fields | {"indices": Array(indices, (len(indices),))})


def _barycentric(mesh: Any, face: Any, u: Any, v: Any, values: Any) -> Vec:
    p, q, r = (vector(values[i]) for i in mesh.faces[int(face)])
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
        mesh = known(handle, Surface)
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
    Work.spend(3 * RAY)
    votes = 0
    for axis in range(3):
        hits = _crossed(mesh, point, Vec(tuple(float(i == axis) for i in range(3))))
        votes += len(hits) % 2
    return votes >= 2


def _farthest(handle: Any, point: Vec, least: Any) -> Record:
    mesh = known(handle, Surface)
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
            vector(normals[i]),
        )
        for i in met
    ]


def _ray(handle: Any, start: Vec, way: Vec, most: Any, *root: Any) -> Record:
    if root:
        raise Unsupported("a ray through a part of a mesh")
    hits = [hit for hit in _crossed(known(handle, Surface), start, way) if hit[0] < float(most)]
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
    return len(_crossed(known(handle, Surface), start, way))


# Boxes that overlap.


def _tree(mesh: Any) -> Boxes:
    """What a mesh keeps over its faces: `wp.mesh_get_bvh`."""
    corners = known(mesh, Surface).points[mesh.faces]
    return Boxes(corners.min(axis=1), corners.max(axis=1))


def _boxes(handle: Any) -> Iterator[tuple[int, Any, Any]]:
    """Number and corners of each."""
    tree = handle if isinstance(handle, Boxes) else _tree(handle)
    Work.spend(len(tree.lower) // 8)
    return zip(range(len(tree.lower)), tree.lower.tolist(), tree.upper.tolist(), strict=True)


def _overlapping(handle: Any, lower: Vec, upper: Vec) -> Hits:
    return Hits(
        [
            number
            for number, low, high in _boxes(handle)
            if all(a <= d and b >= c for a, b, c, d in zip(low, high, lower.c, upper.c, strict=True))
        ]
    )


def _boxes_within(handle: Any, centre: Vec, radius: Any) -> Hits:
    """Boxes that a ball touches."""
    return Hits(
        [
            number
            for number, low, high in _boxes(handle)
            if _reaches(
                centre,
                radius,
                Vec(tuple(min(max(x, a), b) for x, a, b in zip(centre.c, low, high, strict=True))),
            )
        ]
    )


def _faces_within(handle: Any, centre: Vec, radius: Any) -> Hits:
    """Faces of a mesh that a ball touches."""
    mesh = known(handle, Surface)
    found = []
    for face in range(len(mesh.faces)):
        u, v = closest_on_triangle(*_corners(mesh, face), centre)
        if _reaches(centre, radius, _barycentric(mesh, face, u, v, mesh.points)):
            found.append(face)
    return Hits(found)


def _reaches(centre: Vec, radius: Any, place: Vec) -> bool:
    gap = op.sub(place, centre)
    return bool(vectors.dot(gap, gap) <= float(radius) ** 2)


def _neighbours(handle: Any, place: Vec, radius: Any) -> Hits:
    """Points in the cells of a hash grid that a cube around a place reaches, none twice."""
    grid = known(handle, Cells)
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
    grid = known(handle, Cells)
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
    """Their builtins by name."""
    made: dict[str, Any] = {
        "mesh_query_point_no_sign": _point_query(False),
        "mesh_get_bvh": _tree,
    }
    signs = ("", "_sign_parity", "_sign_normal", "_sign_winding_number")
    made |= {f"mesh_query_point{sign}": _point_query(True) for sign in signs}
    made |= {"mesh_get": _contents, "mesh_query_furthest_point_no_sign": _farthest, "mesh_query_ray": _ray}
    made |= {"mesh_query_ray_anyhit": _any_hit, "mesh_query_ray_count_intersections": _count_hits}
    made |= {
        "mesh_eval_position": lambda mesh, face, u, v: _barycentric(mesh, face, u, v, mesh.points),
        "mesh_eval_velocity": lambda mesh, face, u, v: _barycentric(mesh, face, u, v, mesh.velocities),
        "mesh_eval_face_normal": _normal,
        "mesh_get_index": lambda mesh, at: int(mesh.faces.reshape(-1)[int(at)]),
        "mesh_get_point": lambda mesh, at: vector(mesh.points[mesh.faces.reshape(-1)[int(at)]]),
        "mesh_get_velocity": lambda mesh, at: vector(mesh.velocities[mesh.faces.reshape(-1)[int(at)]]),
    }
    made |= dict.fromkeys(("mesh_query_aabb", "bvh_query_aabb"), _overlapping)
    made |= {"mesh_query_sphere": _faces_within, "bvh_query_sphere": _boxes_within}
    made |= {"hash_grid_query": _neighbours, "hash_grid_point_id": _sorted_point}
    made |= dict.fromkeys(("bvh_query_next", "mesh_query_aabb_next", "mesh_query_next"), _following)
    return made | {"hash_grid_query_next": _following}
