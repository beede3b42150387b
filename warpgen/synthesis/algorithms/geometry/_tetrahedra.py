"""Cells of a grid as six tetrahedra, and what a level cuts out of them, in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

# The six tetrahedra around the diagonal from corner 0 to corner 7; corners are numbered by bits x, y, z.
TETS = ((0, 1, 3, 7), (0, 3, 2, 7), (0, 2, 6, 7), (0, 6, 4, 7), (0, 4, 5, 7), (0, 5, 1, 7))


def _corners(f: Any, cell: Any, h: Any) -> tuple[Any, Any]:
    at = np.array(cell) + np.array([[c & 1, c >> 1 & 1, c >> 2] for c in range(8)])
    return at * h, f[tuple(at.T)]


def cut_out(f: Any, cell: Any, level: float, h: Any, place: str) -> list[tuple[Any, Any]]:
    """Triangles of a cell, each with the way from its inner to its outer corners."""
    x, v = _corners(f, cell, h)
    found = []
    for tet in TETS:
        inner, outer = [c for c in tet if v[c] < level], [c for c in tet if v[c] >= level]
        way = x[outer].mean(0) - x[inner].mean(0) if inner and outer else np.zeros(3)
        p = [[_vertex(x, v, a, b, level, place) for b in outer] for a in inner]
        if len(inner) == 1:
            found.append((np.array(p[0]), way))
        elif len(inner) == 3:
            found.append((np.array([q[0] for q in p]), way))
        elif len(inner) == 2:
            ring = [p[0][0], p[0][1], p[1][1], p[1][0]]
            found += [(np.array([ring[0], ring[k], ring[k + 1]]), way) for k in (1, 2)]
    return found


def _vertex(x: Any, v: Any, a: int, b: int, level: float, place: str) -> Any:
    return x[a] + _share(v, a, b, level, place) * (x[b] - x[a])


def _share(v: Any, a: int, b: int, level: float, place: str) -> float:
    """How far along an edge its vertex is."""
    t = 0.5 if place == "middle" else float((level - v[a]) / (v[b] - v[a]))
    return min(max(t, 0.05), 0.95) if place == "clamped" else t


def inner_volume(f: Any, cell: Any, level: float, h: Any, place: str) -> float:
    """Volume at the inner corners, by shares of each tetrahedron in barycentric coordinates."""
    x, v = _corners(f, cell, h)
    total = 0.0
    for tet in TETS:
        whole = abs(np.linalg.det(x[list(tet[1:])] - x[tet[0]])) / 6
        inner, outer = [c for c in tet if v[c] < level], [c for c in tet if v[c] >= level]
        t = np.array([[_share(v, a, b, level, place) for b in outer] for a in inner])
        if len(inner) == 1:
            total += whole * float(t.prod())
        elif len(inner) == 3:
            total += whole * (1 - float((1 - t).prod()))
        elif len(inner) == 4:
            total += whole
        elif len(inner) == 2:
            (ac, ad), (bc, bd) = t
            total += whole * _wedge(ac, ad, bc, bd)
    return total


def _wedge(ac: float, ad: float, bc: float, bd: float) -> float:
    """Share of a tetrahedron at corners a and b, by determinants of barycentric coordinates."""
    a, b = np.eye(4)[0], np.eye(4)[1]
    q0, q1 = np.array([1 - ac, 0, ac, 0]), np.array([1 - ad, 0, 0, ad])
    q2, q3 = np.array([0, 1 - bd, 0, bd]), np.array([0, 1 - bc, bc, 0])
    parts = ((a, b, q0, q1), (b, q0, q1, q2), (b, q0, q2, q3))
    return float(sum(abs(np.linalg.det(np.array(p))) for p in parts))
