"""Reflection of light: Fresnel terms, microfacet distributions, and whole BRDFs of (n, v, l).

Sources: Schlick 1994; Walter et al. 2007 (GGX, Smith); Cook & Torrance 1982; Oren & Nayar 1994;
Blinn 1977; Phong 1975; Burley 2012 (Disney diffuse); Heitz 2014. Each BRDF is in 1/sr, without the cosine.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.writing.pieces import Piece, piece


def _dot(a: Any, b: Any) -> Any:
    return (a * b).sum(axis=-1)


def _unit(v: Any) -> Any:
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def _ggx(cos: Any, alpha: Any) -> Any:
    # the slope form: tan^2 rather than the polynomial in the cosine
    tan2 = (1.0 - cos * cos) / (cos * cos)
    return alpha**2 / (np.pi * cos**4 * (alpha**2 + tan2) ** 2)


def _smith(n_dot_v: Any, n_dot_l: Any, alpha: Any) -> Any:
    """The height-correlated Smith term over 4 (n.v)(n.l), from Lambda."""

    def lam(cos: Any) -> Any:
        return 0.5 * (np.sqrt(1.0 + alpha**2 * (1.0 - cos * cos) / (cos * cos)) - 1.0)

    return 1.0 / (1.0 + lam(n_dot_v) + lam(n_dot_l)) / (4.0 * n_dot_v * n_dot_l)


def _dielectric(cos: Any, eta: Any) -> Any:
    inner = np.arcsin(np.clip(np.sqrt(1.0 - cos * cos) / eta, -1.0, 1.0))
    outer = np.arccos(np.clip(cos, -1.0, 1.0))
    with np.errstate(all="ignore"):
        s = (np.sin(outer - inner) / np.sin(outer + inner)) ** 2
        p = (np.tan(outer - inner) / np.tan(outer + inner)) ** 2
    return 0.5 * (s + p)


def _conductor(cos: Any, eta: Any, k: Any) -> Any:
    """From complex refraction."""
    m = eta + 1j * k
    inner = np.sqrt(1.0 - (1.0 - cos * cos) / (m * m))
    s, p = (cos - m * inner) / (cos + m * inner), (m * cos - inner) / (m * cos + inner)
    return 0.5 * (np.abs(s) ** 2 + np.abs(p) ** 2)


FRESNEL_SCHLICK = piece(
    '''
@wp.func
def fresnel_schlick(cos_theta: float, f0: float) -> float:
    """Schlick's approximation to the Fresnel reflectance.

    Args:
        cos_theta: Cosine of the incidence angle.
        f0: Reflectance at normal incidence.
    """
    m = 1.0 - cos_theta
    return f0 + (1.0 - f0) * m * m * m * m * m
''',
    numpy=lambda c, f0: f0 + (1.0 - f0) * (1.0 - c) ** 5,
)

FRESNEL_DIELECTRIC = piece(
    '''
@wp.func
def fresnel_dielectric(cos_i: float, eta: float) -> float:
    """Unpolarized Fresnel reflectance for a dielectric."""
    # eta: relative index of refraction (inside / outside)
    sin2_t = (1.0 - cos_i * cos_i) / (eta * eta)
    if sin2_t >= 1.0:
        return 1.0
    cos_t = wp.sqrt(1.0 - sin2_t)
    r_s = (cos_i - eta * cos_t) / (cos_i + eta * cos_t)
    r_p = (eta * cos_i - cos_t) / (eta * cos_i + cos_t)
    return 0.5 * (r_s * r_s + r_p * r_p)
''',
    numpy=_dielectric,
)

FRESNEL_CONDUCTOR = piece(
    '''
@wp.func
def fresnel_conductor(cos_i: float, eta: float, k: float) -> float:
    """Conductor Fresnel reflectance for a complex IOR eta + i*k."""
    cos2 = cos_i * cos_i
    sin2 = 1.0 - cos2
    t0 = eta * eta - k * k - sin2
    a2_plus_b2 = wp.sqrt(t0 * t0 + 4.0 * eta * eta * k * k)
    t1 = a2_plus_b2 + cos2
    a = wp.sqrt(wp.max(0.5 * (a2_plus_b2 + t0), 0.0))
    t2 = 2.0 * a * cos_i
    r_s = (t1 - t2) / (t1 + t2)
    t3 = cos2 * a2_plus_b2 + sin2 * sin2
    t4 = t2 * sin2
    r_p = r_s * (t3 - t4) / (t3 + t4)
    return 0.5 * (r_p + r_s)
''',
    numpy=_conductor,
)

GGX = piece(
    '''
@wp.func
def ggx_distribution(n_dot_h: float, alpha: float) -> float:
    """GGX (Trowbridge-Reitz) normal distribution function."""
    a2 = alpha * alpha
    d = n_dot_h * n_dot_h * (a2 - 1.0) + 1.0
    return a2 / (wp.pi * d * d)
''',
    numpy=_ggx,
)

SMITH = piece(
    '''
@wp.func
def smith_visibility(n_dot_v: float, n_dot_l: float, alpha: float) -> float:
    """Height-correlated Smith masking-shadowing, divided by 4 * (n.v) * (n.l)."""
    a2 = alpha * alpha
    lambda_v = n_dot_l * wp.sqrt(n_dot_v * n_dot_v * (1.0 - a2) + a2)
    lambda_l = n_dot_v * wp.sqrt(n_dot_l * n_dot_l * (1.0 - a2) + a2)
    return 0.5 / (lambda_v + lambda_l)
''',
    numpy=_smith,
)


def _phong(n: Any, v: Any, line: Any, roughness: Any) -> Any:
    s = 2.0 / roughness**2
    mirrored = 2.0 * _dot(n, line)[..., None] * n - line
    return (s + 2.0) / (2.0 * np.pi) * np.maximum(_dot(mirrored, v), 0.0) ** s


def _blinn(n: Any, v: Any, line: Any, roughness: Any) -> Any:
    s = 2.0 / roughness**2
    return (s + 8.0) / (8.0 * np.pi) * np.maximum(_dot(n, _unit(v + line)), 0.0) ** s


def _oren_nayar(n: Any, v: Any, line: Any, roughness: Any) -> Any:
    s2 = np.square(roughness)
    cv, cl = np.clip(_dot(n, v), 0.0, 1.0), np.clip(_dot(n, line), 0.0, 1.0)
    tv, tl = np.arccos(cv), np.arccos(cl)
    flat = _dot(v, line) - cv * cl  # cos(phi) sin(tv) sin(tl)
    b = 0.45 * s2 / (s2 + 0.09)
    # max(0, cos phi) sin(alpha) tan(beta)
    tangent = np.tan(np.minimum(tv, tl)) * np.sin(np.maximum(tv, tl))
    cos_phi = flat / np.maximum(np.sin(tv) * np.sin(tl), 1e-9)
    return (1.0 - 0.5 * s2 / (s2 + 0.33) + b * np.maximum(cos_phi, 0.0) * tangent) / np.pi


def _microfacet(n: Any, v: Any, line: Any, roughness: Any) -> Any:
    h = _unit(v + line)
    alpha = np.square(roughness)
    cv, cl = np.maximum(_dot(n, v), 1e-3), np.maximum(_dot(n, line), 1e-3)
    return _ggx(_dot(n, h), alpha) * _smith(cv, cl, alpha) * FRESNEL_SCHLICK(_dot(v, h), 0.04)


def _disney(n: Any, v: Any, line: Any, roughness: Any) -> Any:
    h = _unit(v + line)
    f90 = 0.5 + 2.0 * roughness * _dot(line, h) ** 2
    fade = [1.0 + (f90 - 1.0) * (1.0 - np.maximum(_dot(n, w), 0.0)) ** 5 for w in (v, line)]
    return fade[0] * fade[1] / np.pi


PHONG = piece(
    '''
@wp.func
def phong(n: wp.vec3, v: wp.vec3, l: wp.vec3, roughness: float) -> float:
    """Phong specular lobe around the reflected light direction."""
    shininess = 2.0 / (roughness * roughness)
    r = 2.0 * wp.dot(n, l) * n - l
    return (shininess + 2.0) / (2.0 * wp.pi) * wp.pow(wp.max(wp.dot(r, v), 1.0e-6), shininess)
''',
    numpy=_phong,
)

BLINN_PHONG = piece(
    '''
@wp.func
def blinn_phong(n: wp.vec3, v: wp.vec3, l: wp.vec3, roughness: float) -> float:
    """Blinn-Phong specular lobe around the half vector."""
    shininess = 2.0 / (roughness * roughness)
    h = wp.normalize(v + l)
    # (s + 8) / (8 pi) approximately normalizes the lobe for any exponent
    return (shininess + 8.0) / (8.0 * wp.pi) * wp.pow(wp.max(wp.dot(n, h), 1.0e-6), shininess)
''',
    numpy=_blinn,
)

OREN_NAYAR = piece(
    '''
@wp.func
def oren_nayar(n: wp.vec3, v: wp.vec3, l: wp.vec3, roughness: float) -> float:
    """Oren-Nayar diffuse reflection, qualitative model (1994)."""
    sigma2 = roughness * roughness
    a = 1.0 - 0.5 * sigma2 / (sigma2 + 0.33)
    b = 0.45 * sigma2 / (sigma2 + 0.09)
    n_dot_v = wp.clamp(wp.dot(n, v), 0.0, 1.0)
    n_dot_l = wp.clamp(wp.dot(n, l), 0.0, 1.0)
    # max(cos(phi), 0) sin(alpha) tan(beta), computed without trig calls
    s = wp.max(wp.dot(l, v) - n_dot_l * n_dot_v, 0.0)
    t = wp.max(wp.max(n_dot_l, n_dot_v), 1.0e-3)
    return (a + b * s / t) / wp.pi
''',
    numpy=_oren_nayar,
)

COOK_TORRANCE = piece(
    '''
@wp.func
def cook_torrance(n: wp.vec3, v: wp.vec3, l: wp.vec3, roughness: float) -> float:
    """Evaluate the Cook-Torrance specular term.

    Args:
        n: Unit surface normal.
        v: Unit view direction.
        l: Unit light direction.
        roughness: Perceptual roughness, alpha = roughness^2.

    Returns:
        Specular BRDF value [1/sr].
    """
    h = wp.normalize(v + l)
    n_dot_v = wp.max(wp.dot(n, v), 1.0e-3)
    n_dot_l = wp.max(wp.dot(n, l), 1.0e-3)
    alpha = roughness * roughness
    d = ggx_distribution(wp.dot(n, h), alpha)
    vis = smith_visibility(n_dot_v, n_dot_l, alpha)
    # F0 = 0.04, typical for dielectrics
    return d * vis * fresnel_schlick(wp.dot(v, h), 0.04)
''',
    GGX,
    SMITH,
    FRESNEL_SCHLICK,
    numpy=_microfacet,
)

DISNEY_DIFFUSE = piece(
    '''
@wp.func
def disney_diffuse(n: wp.vec3, v: wp.vec3, l: wp.vec3, roughness: float) -> float:
    """Burley (Disney) diffuse with retro-reflection at grazing angles."""
    h = wp.normalize(v + l)
    l_dot_h = wp.dot(l, h)
    fd90 = 0.5 + 2.0 * roughness * l_dot_h * l_dot_h
    mv = 1.0 - wp.max(wp.dot(n, v), 0.0)
    ml = 1.0 - wp.max(wp.dot(n, l), 0.0)
    # retro-reflection increases with roughness at grazing angles
    view_scatter = 1.0 + (fd90 - 1.0) * mv * mv * mv * mv * mv
    light_scatter = 1.0 + (fd90 - 1.0) * ml * ml * ml * ml * ml
    return view_scatter * light_scatter / wp.pi
''',
    numpy=_disney,
)

BRDFS: tuple[Piece, ...] = (PHONG, BLINN_PHONG, OREN_NAYAR, COOK_TORRANCE, DISNEY_DIFFUSE)
