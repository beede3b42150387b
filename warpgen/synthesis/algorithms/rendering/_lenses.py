"""Lenses: the parameters of their models, distortion and its Jacobian as texts, and projection in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.writing.pieces import piece

FIELDS = {
    "none": (),
    "radial": ("k1", "k2"),
    "brown conrady": ("k1", "k2", "k3", "p1", "p2"),
    "kannala brandt": ("k1", "k2", "k3"),
}


def intrinsics(model: str) -> Any:
    """The struct of a camera with such a lens."""
    doc = {
        "none": "Pinhole intrinsics in pixels.",
        "radial": "Pinhole intrinsics in pixels with two radial distortion coefficients.",
        "brown conrady": "Pinhole intrinsics in pixels with radial (k) and tangential (p) distortion coefficients.",
        "kannala brandt": "Fisheye intrinsics in pixels with Kannala-Brandt distortion coefficients.",
    }[model]
    fields = "".join(f"    {name}: float\n" for name in FIELDS[model])
    return piece(
        f'''
@wp.struct
class CameraIntrinsics:
    """{doc}"""

    focal: wp.vec2
    center: wp.vec2
{fields}'''.rstrip()
    )


# What maps (x, y) on the plane at unit depth to distorted coordinates; its Jacobian follows.
DISTORT = {
    "none": (
        """
        xd = x
        yd = y
        """,
        """
        dxd_dx = 1.0
        mixed = 0.0
        dyd_dy = 1.0
        """,
    ),
    "radial": (
        """
        r2 = x * x + y * y
        radial = 1.0 + r2 * (camera.k1 + r2 * camera.k2)
        xd = radial * x
        yd = radial * y
        """,
        """
        # d(radial) / d(r2), with d(r2) / dx = 2 x
        dradial = camera.k1 + 2.0 * camera.k2 * r2
        dxd_dx = radial + 2.0 * x * x * dradial
        # d(xd) / dy, which equals d(yd) / dx
        mixed = 2.0 * x * y * dradial
        dyd_dy = radial + 2.0 * y * y * dradial
        """,
    ),
    "brown conrady": (
        """
        r2 = x * x + y * y
        radial = 1.0 + r2 * (camera.k1 + r2 * (camera.k2 + r2 * camera.k3))
        # Tangential distortion from lens-sensor misalignment
        xd = radial * x + 2.0 * camera.p1 * x * y + camera.p2 * (r2 + 2.0 * x * x)
        yd = radial * y + camera.p1 * (r2 + 2.0 * y * y) + 2.0 * camera.p2 * x * y
        """,
        """
        dradial = camera.k1 + r2 * (2.0 * camera.k2 + 3.0 * r2 * camera.k3)
        dxd_dx = radial + 2.0 * x * x * dradial + 2.0 * camera.p1 * y + 6.0 * camera.p2 * x
        # d(xd) / dy, which equals d(yd) / dx
        mixed = 2.0 * x * y * dradial + 2.0 * camera.p1 * x + 2.0 * camera.p2 * y
        dyd_dy = radial + 2.0 * y * y * dradial + 6.0 * camera.p1 * y + 2.0 * camera.p2 * x
        """,
    ),
    "kannala brandt": (
        """
        r = wp.sqrt(x * x + y * y + 1.0e-8)
        theta = wp.atan(r)
        t2 = theta * theta
        # theta_d = theta * (1 + k1 theta^2 + k2 theta^4 + k3 theta^6)
        theta_d = theta * (1.0 + t2 * (camera.k1 + t2 * (camera.k2 + t2 * camera.k3)))
        stretch = theta_d / r
        xd = stretch * x
        yd = stretch * y
        """,
        """
        dtheta_d = 1.0 + t2 * (3.0 * camera.k1 + t2 * (5.0 * camera.k2 + 7.0 * t2 * camera.k3))
        # d(stretch) / dr / r, using d(theta) / dr = 1 / (1 + r^2)
        dstretch = (dtheta_d / (1.0 + r * r) - stretch) / (r * r)
        dxd_dx = stretch + dstretch * x * x
        # d(xd) / dy, which equals d(yd) / dx
        mixed = dstretch * x * y
        dyd_dy = stretch + dstretch * y * y
        """,
    ),
}


def projected(p: Any, cam: dict[str, Any], model: str) -> Any:
    """Pixels of points in the camera's frame, which may be complex."""
    x, y = p[:, 0] / p[:, 2], p[:, 1] / p[:, 2]
    r2 = x * x + y * y
    a, b = x, y
    if model == "kannala brandt":
        r = np.sqrt(r2 + 1e-8)
        t = np.arctan(r)
        s = (t + cam["k1"] * t**3 + cam["k2"] * t**5 + cam["k3"] * t**7) / r
        a, b = s * x, s * y
    elif model != "none":
        s = 1.0 + cam["k1"] * r2 + cam["k2"] * r2**2 + cam.get("k3", 0.0) * r2**3
        p1, p2 = cam.get("p1", 0.0), cam.get("p2", 0.0)
        a = s * x + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
        b = s * y + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
    return np.asarray(cam["center"]) + np.asarray(cam["focal"]) * np.stack([a, b], axis=-1)
