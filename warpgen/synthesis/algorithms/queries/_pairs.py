"""Tests of pairs of triangles and of edges, on arrays."""

from __future__ import annotations

from typing import Any

import numpy as np


def edge_gaps(p: Any, q: Any) -> Any:
    """Least distances of edges p from edges q, sampled along p, and whether they are met at an end of either."""
    grid = np.linspace(0, 1, 41)
    x = p[:, None, 0] + grid[None, :, None] * (p[:, 1] - p[:, 0])[:, None]
    d1, w = (q[:, 1] - q[:, 0])[:, None], x - q[:, None, 0]
    t = np.clip((w * d1).sum(axis=2) / (d1**2).sum(axis=2), 0, 1)
    apart = np.linalg.norm(w - t[..., None] * d1, axis=2)
    at = apart.argmin(axis=1)
    met = np.take_along_axis(t, at[:, None], 1)[:, 0]
    return apart.min(axis=1), (at == 0) | (at == 40) | (met < 0.03) | (met > 0.97)


def crosses(t: Any, u: Any) -> Any:
    """Whether an edge of u goes through t."""
    found = np.zeros(len(t), bool)
    for k in range(3):
        o, e = u[:, k], u[:, (k + 1) % 3] - u[:, k]
        m = np.stack([t[:, 1] - t[:, 0], t[:, 2] - t[:, 0], -e], axis=2)
        good = np.abs(np.linalg.det(m)) > 1e-9
        m[~good] = np.eye(3)
        s = np.linalg.solve(m, (o - t[:, 0])[..., None])[..., 0]
        found |= good & (s >= 0).all(axis=1) & (s[:, 0] + s[:, 1] <= 1) & (s[:, 2] <= 1)
    return found
