"""Where rays come from: lists of them, cameras, a lidar, a fan; as text with its arguments, and in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.geometry_query.surface import unit
from warpgen.synthesis.writing.draft import Draft, Values, dedented

_SCREEN = dedented("""
    i, j = wp.tid()
    height = float($target.shape[0])
    # screen coordinates: v runs up from -1 to 1, u is scaled by the aspect ratio
    u = (2.0 * float(j) + 1.0 - float($target.shape[1])) / height
    v = 1.0 - (2.0 * float(i) + 1.0) / height
""")


def declare(d: Draft, source: str, n: int) -> str:
    """Declare what `n` rays, or those of an image, come from; gives the lines that set `ro` and `rd`.

    A fan has all its rays start at the argument `origin`. The array that the kernel writes is `$target`.
    """
    if source == "arrays":
        d.input("origins", "vec3", n, -1.2, 1.2, about="Ray origins")
        d.input("directions", "vec3", n, kind="unit", about="Ray directions")
        return "tid = wp.tid()\nro = origins[tid]\nrd = directions[tid]"
    if source == "lidar":
        d.param("pose", "transform", 0.7, 1.1, kind="transform", about="Sensor pose")
        return """
            i, j = wp.tid()
            azimuth = 2.0 * wp.pi * float(j) / float($target.shape[1])
            # from -0.5 to 0.5 rad
            elevation = (float(i) + 0.5) / float($target.shape[0]) - 0.5
            beam = wp.vec3(
                wp.cos(elevation) * wp.cos(azimuth), wp.cos(elevation) * wp.sin(azimuth), wp.sin(elevation)
            )
            ro = wp.transform_get_translation(pose)
            rd = wp.transform_vector(pose, beam)
            """
    if source == "fan":
        d.param("origin", "vec3", 0.4, 0.6, about="Ray origin")
        return """
            tid = wp.tid()
            angle = 2.0 * wp.pi * float(tid) / float($target.shape[0])
            rd = wp.vec3(wp.cos(angle), wp.sin(angle), 0.0)
            """
    if source == "pinhole":
        d.param("distance", "float", 2.2, 2.8, about="Camera height along z")
        return (
            f"{_SCREEN}\n# offset from the axis so that rays do not pass exactly through edges\n"
            "ro = wp.vec3(0.1, 0.05, distance)\n# image plane at unit distance with unit height\n"
            "rd = wp.normalize(wp.vec3(0.5 * u, 0.5 * v, -1.0))"
        )
    d.param("half_height", "float", 0.6, 1.1, about="Half height of the view")
    return (
        f"{_SCREEN}\n# cast rays down from above the mesh\n"
        "ro = wp.vec3(half_height * u, half_height * v, 2.0)\n"
        "rd = wp.vec3(0.0, 0.0, -1.0)"
    )


def rays(v: Values, source: str, shape: tuple[int, ...]) -> tuple[Any, Any]:
    """Origins and directions of all rays; those of an image of this shape by rows."""
    if source == "arrays":
        return v.origins, v.directions
    if source == "fan":
        n = shape[0]
        a = 2.0 * np.pi * np.arange(n) / n
        return np.tile(v.origin, (n, 1)), np.column_stack([np.cos(a), np.sin(a), 0.0 * a])
    height, width = shape
    i, j = np.arange(height * width) // width, np.arange(height * width) % width
    if source == "lidar":
        azimuth, up = 2.0 * np.pi * j / width, (i + 0.5) / height - 0.5
        beam = np.column_stack([np.cos(up) * np.cos(azimuth), np.cos(up) * np.sin(azimuth), np.sin(up)])
        q, w = np.asarray(v.pose)[3:6], v.pose[6]
        turned = beam + 2.0 * np.cross(q, np.cross(q, beam) + w * beam)
        return np.tile(v.pose[:3], (len(i), 1)), turned
    x, y = (2.0 * j + 1.0 - width) / height, 1.0 - (2.0 * i + 1.0) / height
    one = np.ones_like(x)
    if source == "pinhole":
        return np.tile([0.1, 0.05, v.distance], (len(i), 1)), unit(np.column_stack([0.5 * x, 0.5 * y, -one]))
    return np.column_stack([v.half_height * x, v.half_height * y, 2.0 * one]), np.tile(
        [0.0, 0.0, -1.0], (len(i), 1)
    )
