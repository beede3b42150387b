"""What rewards and observations of robots share."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.writing.pieces import Piece, piece

_NOTES = {
    "clip": "  # clipping bound for all observations",
    "noise": "  # overall noise level, 0 during evaluation",
}


def obs_scales(names: list[str]) -> Piece:
    """The struct of those scales that a variant has."""
    fields = "".join(f"    {name}: float{_NOTES.get(name, '')}\n" for name in names)
    return piece(f"\n@wp.struct\nclass ObsScales:\n{fields}")


TERRAIN = piece("""
@wp.struct
class Terrain:
    heights: wp.array2d(dtype=float)
    origin: wp.vec2  # world position of sample (0, 0)
    spacing: float
""")


TERRAIN_HEIGHT = piece("""
@wp.func
def terrain_height(terrain: Terrain, x: float, y: float) -> float:
    \"\"\"Interpolate the height field bilinearly, clamped at its edges.\"\"\"
    max_x = float(terrain.heights.shape[0] - 1) - 1.0e-3
    max_y = float(terrain.heights.shape[1] - 1) - 1.0e-3
    gx = wp.clamp((x - terrain.origin[0]) / terrain.spacing, 0.0, max_x)
    gy = wp.clamp((y - terrain.origin[1]) / terrain.spacing, 0.0, max_y)
    ix = int(wp.floor(gx))
    iy = int(wp.floor(gy))
    fx = gx - float(ix)
    fy = gy - float(iy)
    near_edge = wp.lerp(terrain.heights[ix, iy], terrain.heights[ix + 1, iy], fx)
    far_edge = wp.lerp(terrain.heights[ix, iy + 1], terrain.heights[ix + 1, iy + 1], fx)
    return wp.lerp(near_edge, far_edge, fy)
""")


def into_body(q: Any, x: Any) -> Any:
    """World vectors as seen from bodies with rotations x, y, z, w."""
    u, w = -q[..., :3], q[..., 3:]
    x = np.broadcast_to(x, u.shape)
    t = 2 * np.cross(u, x)
    return x + w * t + np.cross(u, t)


def ground_at(heights: Any, at: Any) -> Any:
    """A square height field between its samples, at places in units of its spacing."""
    at = np.clip(at, 0, len(heights) - 1 - 1e-3)
    (i, j), (f, g) = at.astype(int).T, (at % 1).T
    near = (1 - f) * heights[i, j] + f * heights[i + 1, j]
    return (1 - g) * near + g * ((1 - f) * heights[i, j + 1] + f * heights[i + 1, j + 1])
