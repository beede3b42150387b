"""Signed distances to solids: negative inside, exact unless it is said that they are bounds.

Sources: Quilez, "Distance functions" (iquilezles.org); Hart 1996.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.writing.pieces import piece


def _norm(*parts: Any) -> Any:
    return np.sqrt(sum(np.square(part) for part in parts))


def _xyz(p: Any) -> tuple[Any, Any, Any]:
    p = np.asarray(p)
    return p[..., 0], p[..., 1], p[..., 2]


def _box(p: Any, b: Any) -> Any:
    q = np.abs(p) - np.asarray(b)
    return np.linalg.norm(np.maximum(q, 0.0), axis=-1) + np.minimum(q.max(axis=-1), 0.0)


def _flat(dx: Any, dy: Any) -> Any:
    """The distance to a rectangle, of offsets from its sides."""
    return np.minimum(np.maximum(dx, dy), 0.0) + _norm(np.maximum(dx, 0.0), np.maximum(dy, 0.0))


def _capsule(p: Any, a: Any, b: Any, r: Any) -> Any:
    a, b = np.asarray(a), np.asarray(b)
    t = np.clip(((p - a) @ (b - a)) / np.dot(b - a, b - a), 0.0, 1.0)
    return np.linalg.norm(p - a - t[..., None] * (b - a), axis=-1) - r


def _cylinder(p: Any, h: Any, r: Any) -> Any:
    x, y, z = _xyz(p)
    return _flat(_norm(x, z) - r, np.abs(y) - h)


def _capped_cone(p: Any, h: Any, r1: Any, r2: Any) -> Any:
    x, y, z = _xyz(p)
    q = _norm(x, z)
    ca = np.stack([q - np.minimum(q, np.where(y < 0.0, r1, r2)), np.abs(y) - h], axis=-1)
    k1, k2 = np.array([r2, h]), np.array([r2 - r1, 2.0 * h])
    at = np.stack([q, y], axis=-1)
    cb = at - k1 + k2 * np.clip(((k1 - at) @ k2) / (k2 @ k2), 0.0, 1.0)[..., None]
    sign = np.where((cb[..., 0] < 0.0) & (ca[..., 1] < 0.0), -1.0, 1.0)
    return sign * np.sqrt(np.minimum((ca**2).sum(-1), (cb**2).sum(-1)))


def _ellipsoid(p: Any, r: Any) -> Any:
    k0, k1 = np.linalg.norm(p / r, axis=-1), np.linalg.norm(p / (r * r), axis=-1)
    return k0 * (k0 - 1.0) / k1


def _hex_prism(p: Any, r: Any, h: Any) -> Any:
    x, y, z = _xyz(np.abs(p))
    kx, ky, kz = -0.8660254, 0.5, 0.57735
    fold = 2.0 * np.minimum(kx * x + ky * y, 0.0)
    x, y = x - fold * kx, y - fold * ky
    d = _norm(x - np.clip(x, -kz * r, kz * r), y - r) * np.sign(y - r)
    return _flat(d, z - h)


def _link(p: Any, le: Any, r1: Any, r2: Any) -> Any:
    x, y, z = _xyz(p)
    return _norm(_norm(x, np.maximum(np.abs(y) - le, 0.0)) - r1, z) - r2


def _corner(q: Any) -> Any:
    return np.linalg.norm(np.maximum(q, 0.0), axis=-1) + np.minimum(q.max(axis=-1), 0.0)


def _box_frame(p: Any, b: Any, e: Any) -> Any:
    a = np.abs(p) - np.asarray(b)
    q = np.abs(a + e) - e
    sides = [np.where(np.arange(3) == axis, a, q) for axis in range(3)]
    return np.minimum.reduce([_corner(side) for side in sides])


SPHERE = piece(
    '''
@wp.func
def sd_sphere(p: wp.vec3, r: float) -> float:
    """Signed distance to a sphere at the origin."""
    return wp.length(p) - r
''',
    numpy=lambda p, r: np.linalg.norm(p, axis=-1) - r,
)

BOX = piece(
    '''
@wp.func
def sd_box(p: wp.vec3, b: wp.vec3) -> float:
    """Signed distance to an axis-aligned box with half extents b."""
    qx = wp.abs(p[0]) - b[0]
    qy = wp.abs(p[1]) - b[1]
    qz = wp.abs(p[2]) - b[2]
    outside = wp.length(wp.vec3(wp.max(qx, 0.0), wp.max(qy, 0.0), wp.max(qz, 0.0)))
    return outside + wp.min(wp.max(qx, wp.max(qy, qz)), 0.0)
''',
    numpy=_box,
)

ROUND_BOX = piece(
    '''
@wp.func
def sd_round_box(p: wp.vec3, b: wp.vec3, r: float) -> float:
    """Signed distance to a box with edges rounded by r."""
    q = wp.vec3(wp.abs(p[0]) - b[0] + r, wp.abs(p[1]) - b[1] + r, wp.abs(p[2]) - b[2] + r)
    outside = wp.length(wp.max(q, wp.vec3(0.0, 0.0, 0.0)))
    return outside + wp.min(wp.max(q), 0.0) - r
''',
    numpy=lambda p, b, r: _box(p, np.asarray(b) - r) - r,
)

CORNER = piece(
    '''
@wp.func
def sd_corner(q: wp.vec3) -> float:
    """Signed distance to the negative octant."""
    return wp.length(wp.max(q, wp.vec3(0.0, 0.0, 0.0))) + wp.min(wp.max(q), 0.0)
''',
    numpy=_corner,
)

BOX_FRAME = piece(
    """
@wp.func
def sd_box_frame(p: wp.vec3, b: wp.vec3, e: float) -> float:
    a = wp.vec3(wp.abs(p[0]) - b[0], wp.abs(p[1]) - b[1], wp.abs(p[2]) - b[2])
    q = wp.vec3(wp.abs(a[0] + e) - e, wp.abs(a[1] + e) - e, wp.abs(a[2] + e) - e)
    # minimum over the three edge directions
    x_bars = sd_corner(wp.vec3(a[0], q[1], q[2]))
    y_bars = sd_corner(wp.vec3(q[0], a[1], q[2]))
    z_bars = sd_corner(wp.vec3(q[0], q[1], a[2]))
    return wp.min(x_bars, wp.min(y_bars, z_bars))
""",
    CORNER,
    numpy=_box_frame,
)

TORUS = piece(
    '''
@wp.func
def sd_torus(p: wp.vec3, major: float, minor: float) -> float:
    """Signed distance to a torus around the y axis."""
    ring = wp.sqrt(p[0] * p[0] + p[2] * p[2]) - major
    return wp.sqrt(ring * ring + p[1] * p[1]) - minor
''',
    numpy=lambda p, major, minor: _norm(_norm(p[..., 0], p[..., 2]) - major, p[..., 1]) - minor,
)

CAPSULE = piece(
    '''
@wp.func
def sd_capsule(p: wp.vec3, a: wp.vec3, b: wp.vec3, r: float) -> float:
    """Signed distance to a capsule between a and b."""
    pa = p - a
    ba = b - a
    t = wp.clamp(wp.dot(pa, ba) / wp.dot(ba, ba), 0.0, 1.0)
    return wp.length(pa - ba * t) - r
''',
    numpy=_capsule,
)

CYLINDER = piece(
    '''
@wp.func
def sd_cylinder(p: wp.vec3, half_height: float, r: float) -> float:
    """Signed distance to a capped cylinder along y."""
    # 2D box in (radial distance, height)
    dx = wp.length(wp.vec2(p[0], p[2])) - r
    dy = wp.abs(p[1]) - half_height
    return wp.min(wp.max(dx, dy), 0.0) + wp.length(wp.vec2(wp.max(dx, 0.0), wp.max(dy, 0.0)))
''',
    numpy=_cylinder,
)

CAPPED_CONE = piece(
    '''
@wp.func
def sd_capped_cone(p: wp.vec3, half_height: float, r1: float, r2: float) -> float:
    """Signed distance to a capped cone along y with radii r1 (bottom) and r2 (top)."""
    q = wp.vec2(wp.length(wp.vec2(p[0], p[2])), p[1])
    k1 = wp.vec2(r2, half_height)
    k2 = wp.vec2(r2 - r1, 2.0 * half_height)
    r = wp.where(q[1] < 0.0, r1, r2)
    # ca: offset to the nearest cap, cb: offset to the lateral surface
    ca = wp.vec2(q[0] - wp.min(q[0], r), wp.abs(q[1]) - half_height)
    t = wp.clamp(wp.dot(k1 - q, k2) / wp.dot(k2, k2), 0.0, 1.0)
    cb = q - k1 + k2 * t
    s = wp.where(cb[0] < 0.0 and ca[1] < 0.0, -1.0, 1.0)
    return s * wp.sqrt(wp.min(wp.dot(ca, ca), wp.dot(cb, cb)))
''',
    numpy=_capped_cone,
)

ELLIPSOID = piece(
    '''
@wp.func
def sd_ellipsoid(p: wp.vec3, r: wp.vec3) -> float:
    """Approximate signed distance to an ellipsoid (not exact away from the surface)."""
    # first-order estimate, k0 * (k0 - 1) / k1
    k0 = wp.length(wp.cw_div(p, r))
    k1 = wp.length(wp.cw_div(p, wp.cw_mul(r, r)))
    return k0 * (k0 - 1.0) / k1
''',
    numpy=_ellipsoid,
)

HEX_PRISM = piece(
    '''
@wp.func
def sd_hex_prism(p: wp.vec3, r: float, half_height: float) -> float:
    """Signed distance to a hexagonal prism along z, with inradius r."""
    kx = -0.8660254
    ky = 0.5
    kz = 0.57735
    x = wp.abs(p[0])
    y = wp.abs(p[1])
    # fold into a single sector using symmetry
    fold = 2.0 * wp.min(kx * x + ky * y, 0.0)
    x = x - fold * kx
    y = y - fold * ky
    edge = wp.length(wp.vec2(x - wp.clamp(x, -kz * r, kz * r), y - r)) * wp.sign(y - r)
    cap = wp.abs(p[2]) - half_height
    return wp.min(wp.max(edge, cap), 0.0) + wp.length(wp.vec2(wp.max(edge, 0.0), wp.max(cap, 0.0)))
''',
    numpy=_hex_prism,
)

LINK = piece(
    """
@wp.func
def sd_link(p: wp.vec3, half_length: float, major: float, minor: float) -> float:
    y = wp.max(wp.abs(p[1]) - half_length, 0.0)
    return wp.length(wp.vec2(wp.length(wp.vec2(p[0], y)) - major, p[2])) - minor
""",
    numpy=_link,
)

OCTAHEDRON = piece(
    """
@wp.func
def sd_octahedron(p: wp.vec3, s: float) -> float:
    # distance to the face planes, a lower bound outside edges and corners
    return (wp.abs(p[0]) + wp.abs(p[1]) + wp.abs(p[2]) - s) * 0.57735027
""",
    numpy=lambda p, s: (np.abs(p).sum(axis=-1) - s) * 0.57735027,
)
