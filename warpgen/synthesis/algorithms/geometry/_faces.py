"""Faces of triangle meshes: layouts in which drafts declare them, names of corners, and corners in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.naming import renamed

NAMES = {
    "points": "vertices|positions|x|verts",
    "faces": "triangles|indices|tri_indices|tris",
    "n": "nrm|normal",
    "areas": "area|face_areas|tri_areas",
    "normals": "face_normals|normal_out|n_out",
    "vertex_normals": "normals|vert_normals|n_acc",
}


def triangles(d: Draft, faces: int, points: int, sort: str, low: float = -1.0, high: float = 1.0) -> str:
    """Declare triangles in one of four layouts; gives the lines that set `p`, `q`, `r`."""
    if sort == "soup":
        d.input("points", "vec3", 3 * faces, low, high, about="Triangle corners, three per face")
        return "p = points[3 * tid]\nq = points[3 * tid + 1]\nr = points[3 * tid + 2]"
    d.input("points", "vec3", points, low, high, about="Vertex positions")
    if sort == "vec3i":
        d.input("faces", "vec3i", faces, 0, points, about="Triangle vertex indices")
        return """
            face = faces[tid]
            p = points[face[0]]
            q = points[face[1]]
            r = points[face[2]]
            """
    if sort == "rows":
        d.input("faces", "int", (faces, 3), 0, points, about="Triangle vertex indices")
        return """
            i = faces[tid, 0]
            j = faces[tid, 1]
            k = faces[tid, 2]
            p = points[i]
            q = points[j]
            r = points[k]
            """
    d.input("faces", "int", 3 * faces, 0, points, about="Vertex indices, three per triangle")
    return """
        i = faces[3 * tid]
        j = faces[3 * tid + 1]
        k = faces[3 * tid + 2]
        p = points[i]
        q = points[j]
        r = points[k]
        """


_CORNERS = ("p q r", "a b c", "v0 v1 v2", "x0 x1 x2")
_INDICES = ("i j k", "i0 i1 i2", "ia ib ic")


def name_corners(d: Draft) -> None:
    """Call the corners of a triangle and their indices in the text as one person would throughout."""
    taken = {p.name for p in d.parameters}
    corners = d.pick(*(names for names in _CORNERS if not taken & set(names.split())))
    digits = corners[1].isdigit() or "face = " in d.text
    indices = _INDICES[1] if digits else d.pick(_INDICES[0], _INDICES[2])
    names = dict(zip(_CORNERS[0].split(), corners.split(), strict=True))
    for old, new in zip(_INDICES[0].split(), indices.split(), strict=True):
        names |= {old: new} | {f"{part}{old}": f"{part}{new[-1]}" for part in ("w", "u", "angle_")}
    d.text, d.doc = renamed(d.text, names), renamed(d.doc, names)


LAYOUTS = ("flat", "rows", "vec3i", "soup")


def corner_ids(v: Values, sort: str) -> Any:
    """The vertices of each triangle."""
    if sort == "soup":
        return np.arange(len(v.points)).reshape(-1, 3)
    return np.asarray(v.faces).reshape(-1, 3)


def corners(v: Values, sort: str) -> tuple[Any, Any, Any]:
    """The corners of all triangles."""
    at = corner_ids(v, sort)
    return v.points[at[:, 0]], v.points[at[:, 1]], v.points[at[:, 2]]


def unit(v: Any) -> Any:
    """Vectors of length one; zero stays."""
    size = np.linalg.norm(v, axis=-1, keepdims=True)
    return np.where(size > 0.0, v / np.where(size > 0.0, size, 1.0), 0.0)
