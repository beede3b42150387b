"""Points and directions from uniform numbers (u, v) in the unit square.

Sources: Shirley & Chiu 1997 (concentric); Malley's method; Duff et al. 2017 (frames); Walter et al. 2007.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.writing.pieces import piece


def _polar(radius: Any, angle: Any, z: Any) -> Any:
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=-1)


def _concentric(u: Any, v: Any) -> Any:
    a, b = 2.0 * np.asarray(u) - 1.0, 2.0 * np.asarray(v) - 1.0
    with np.errstate(all="ignore"):
        wide = np.abs(a) > np.abs(b)
        r = np.where(wide, a, b)
        angle = np.where(wide, np.pi / 4.0 * b / a, np.pi / 2.0 - np.pi / 4.0 * a / b)
    return np.stack([r * np.cos(angle), r * np.sin(angle)], axis=-1)


def _ggx(u: Any, v: Any, alpha: Any) -> Any:
    theta = np.arctan(alpha * np.sqrt(u / (1.0 - u)))
    return _polar(np.sin(theta), 2.0 * np.pi * v, np.cos(theta))


def frame(n: Any, local: Any) -> Any:
    """Local vectors in the frame whose third axis is n, after Duff et al."""
    sign = np.where(n[..., 2] >= 0.0, 1.0, -1.0)
    a = -1.0 / (sign + n[..., 2])
    b = n[..., 0] * n[..., 1] * a
    t = np.stack([1.0 + sign * n[..., 0] ** 2 * a, sign * b, -sign * n[..., 0]], axis=-1)
    s = np.stack([b, sign + n[..., 1] ** 2 * a, -n[..., 1]], axis=-1)
    return local[..., :1] * t + local[..., 1:2] * s + local[..., 2:] * n


COSINE = piece(
    '''
@wp.func
def sample_cosine_hemisphere(u: float, v: float) -> wp.vec3:
    """Cosine-weighted direction on the hemisphere around +z.

    Args:
        u: Uniform random number in [0, 1).
        v: Uniform random number in [0, 1).
    """
    # Malley: project a disk sample up to the hemisphere, pdf = cos / pi
    r = wp.sqrt(u)
    phi = 2.0 * wp.pi * v
    return wp.vec3(r * wp.cos(phi), r * wp.sin(phi), wp.sqrt(1.0 - u))
''',
    numpy=lambda u, v: _polar(np.sqrt(u), 2.0 * np.pi * v, np.sqrt(1.0 - u)),
)

UNIFORM_HEMISPHERE = piece(
    '''
@wp.func
def sample_uniform_hemisphere(u: float, v: float) -> wp.vec3:
    """Uniform direction on the hemisphere around +z."""
    # z is uniformly distributed, pdf = 1 / (2 pi)
    r = wp.sqrt(1.0 - u * u)
    phi = 2.0 * wp.pi * v
    return wp.vec3(r * wp.cos(phi), r * wp.sin(phi), u)
''',
    numpy=lambda u, v: _polar(np.sqrt(1.0 - u * u), 2.0 * np.pi * v, u),
)

UNIFORM_SPHERE = piece(
    '''
@wp.func
def sample_uniform_sphere(u: float, v: float) -> wp.vec3:
    """Uniform direction on the unit sphere."""
    z = 1.0 - 2.0 * u
    r = wp.sqrt(1.0 - z * z)
    phi = 2.0 * wp.pi * v
    return wp.vec3(r * wp.cos(phi), r * wp.sin(phi), z)
''',
    numpy=lambda u, v: _polar(2.0 * np.sqrt(u * (1.0 - u)), 2.0 * np.pi * v, 1.0 - 2.0 * u),
)

GGX_HALF = piece(
    '''
@wp.func
def sample_ggx_half(u: float, v: float, alpha: float) -> wp.vec3:
    """Sample a half vector from the GGX distribution (Walter et al. 2007)."""
    # invert the GGX CDF for the half-vector angle
    cos2 = (1.0 - u) / (1.0 + (alpha * alpha - 1.0) * u)
    sin_theta = wp.sqrt(wp.max(1.0 - cos2, 0.0))
    phi = 2.0 * wp.pi * v
    return wp.vec3(sin_theta * wp.cos(phi), sin_theta * wp.sin(phi), wp.sqrt(cos2))
''',
    numpy=_ggx,
)

CONCENTRIC = piece(
    '''
@wp.func
def sample_concentric_disk(u: float, v: float) -> wp.vec2:
    """Map the unit square to the unit disk, preserving area (Shirley & Chiu 1997)."""
    a = 2.0 * u - 1.0
    b = 2.0 * v - 1.0
    if a == 0.0 and b == 0.0:
        return wp.vec2(0.0, 0.0)
    # map each quadrant separately, which keeps strata compact
    if wp.abs(a) > wp.abs(b):
        r = a
        phi = 0.25 * wp.pi * b / a
    else:
        r = b
        phi = 0.5 * wp.pi - 0.25 * wp.pi * a / b
    return wp.vec2(r * wp.cos(phi), r * wp.sin(phi))
''',
    numpy=_concentric,
)

ONB = piece(
    '''
@wp.func
def to_world(n: wp.vec3, w: wp.vec3) -> wp.vec3:
    """Rotate a local direction (z up) to the frame around unit normal n (Duff et al. 2017)."""
    s = wp.where(n[2] < 0.0, -1.0, 1.0)
    a = -1.0 / (s + n[2])
    b = n[0] * n[1] * a
    t = wp.vec3(1.0 + s * n[0] * n[0] * a, s * b, -s * n[0])
    bitangent = wp.vec3(b, s + n[1] * n[1] * a, -n[1])
    return w[0] * t + w[1] * bitangent + w[2] * n
''',
    numpy=frame,
)
