"""Numerical fluxes of the shallow water and the Euler equations in one dimension, and what they need.

Sources: Rusanov 1961; Harten, Lax & van Leer 1983; Toro, Spruce & Speares 1994 (HLLC).
States are vectors of conserved quantities: (h, h u) and (rho, rho u, E) with gamma = 1.4.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.writing.pieces import piece

G, GAMMA = 9.81, 1.4


def shallow_flux(q: Any) -> Any:
    """The physical flux of states on a last axis."""
    h, m = q[..., 0], q[..., 1]
    return np.stack([m, m * m / h + G * h * h / 2], -1)


def shallow_speeds(q: Any) -> tuple[Any, Any]:
    """Velocity and wave speed."""
    return q[..., 1] / q[..., 0], np.sqrt(G * q[..., 0])


def euler_flux(q: Any) -> Any:
    """The physical flux of states on a last axis."""
    u, p = q[..., 1] / q[..., 0], euler_pressure(q)
    return np.stack([q[..., 1], q[..., 1] * u + p, u * (q[..., 2] + p)], -1)


def euler_pressure(q: Any) -> Any:
    return (GAMMA - 1) * (q[..., 2] - q[..., 1] ** 2 / (2 * q[..., 0]))


def euler_speeds(q: Any) -> tuple[Any, Any]:
    """Velocity and speed of sound."""
    return q[..., 1] / q[..., 0], np.sqrt(GAMMA * euler_pressure(q) / q[..., 0])


def rusanov(flux: Any, speeds: Any) -> Any:
    """The numerical flux of two states."""

    def between(left: Any, right: Any) -> Any:
        (ul, cl), (ur, cr) = speeds(left), speeds(right)
        s = np.maximum(abs(ul) + cl, abs(ur) + cr)[..., None]
        return (flux(left) + flux(right)) / 2 - s / 2 * (right - left)

    return between


def hll(flux: Any, speeds: Any) -> Any:
    """The numerical flux of two states, with Davis' wave speeds."""

    def between(left: Any, right: Any) -> Any:
        (ul, cl), (ur, cr) = speeds(left), speeds(right)
        sl, sr = np.minimum(ul - cl, ur - cr)[..., None], np.maximum(ul + cl, ur + cr)[..., None]
        mixed = (sr * flux(left) - sl * flux(right) + sl * sr * (right - left)) / (sr - sl)
        return np.where(sl >= 0, flux(left), np.where(sr <= 0, flux(right), mixed))

    return between


def _hllc(left: Any, right: Any) -> Any:
    (ul, cl), (ur, cr) = euler_speeds(left), euler_speeds(right)
    pl, pr = euler_pressure(left), euler_pressure(right)
    sl, sr = np.minimum(ul - cl, ur - cr), np.maximum(ul + cl, ur + cr)
    ml, mr = left[..., 0] * (sl - ul), right[..., 0] * (sr - ur)
    star = (pr - pl + ml * ul - mr * ur) / (ml - mr)

    def behind(q: Any, u: Any, p: Any, s: Any, mass: Any) -> Any:
        rho = mass / (s - star)
        e = rho * (q[..., 2] / q[..., 0] + (star - u) * (star + p / mass))
        return euler_flux(q) + s[..., None] * (np.stack([rho, rho * star, e], -1) - q)

    inner = np.where((star >= 0)[..., None], behind(left, ul, pl, sl, ml), behind(right, ur, pr, sr, mr))
    outer = np.where((sr <= 0)[..., None], euler_flux(right), inner)
    return np.where((sl >= 0)[..., None], euler_flux(left), outer)


SHALLOW = piece(
    '''
@wp.func
def shallow_flux(q: wp.vec2) -> wp.vec2:
    """Physical shallow water flux for q = (h, h*u)."""
    # g = 9.81 m/s^2; q = (depth, discharge)
    return wp.vec2(q[1], q[1] * q[1] / q[0] + 4.905 * q[0] * q[0])
''',
    numpy=shallow_flux,
)

SHALLOW_RUSANOV = piece(
    '''
@wp.func
def shallow_rusanov(left: wp.vec2, right: wp.vec2) -> wp.vec2:
    """Rusanov (local Lax-Friedrichs) flux for shallow water."""
    s_left = wp.abs(left[1] / left[0]) + wp.sqrt(9.81 * left[0])
    s_right = wp.abs(right[1] / right[0]) + wp.sqrt(9.81 * right[0])
    s = wp.max(s_left, s_right)
    return 0.5 * (shallow_flux(left) + shallow_flux(right)) - 0.5 * s * (right - left)
''',
    SHALLOW,
    numpy=rusanov(shallow_flux, shallow_speeds),
)

SHALLOW_HLL = piece(
    '''
@wp.func
def shallow_hll(left: wp.vec2, right: wp.vec2) -> wp.vec2:
    """HLL flux for shallow water, using Davis wave speed estimates."""
    u_left = left[1] / left[0]
    u_right = right[1] / right[0]
    c_left = wp.sqrt(9.81 * left[0])
    c_right = wp.sqrt(9.81 * right[0])
    # minimum and maximum wave speeds
    s_left = wp.min(u_left - c_left, u_right - c_right)
    s_right = wp.max(u_left + c_left, u_right + c_right)
    if s_left >= 0.0:
        return shallow_flux(left)
    if s_right <= 0.0:
        return shallow_flux(right)
    f = s_right * shallow_flux(left) - s_left * shallow_flux(right) + s_left * s_right * (right - left)
    return f / (s_right - s_left)
''',
    SHALLOW,
    numpy=hll(shallow_flux, shallow_speeds),
)

PRESSURE = piece(
    '''
@wp.func
def euler_pressure(q: wp.vec3) -> float:
    """Ideal gas pressure from conserved variables (rho, rho*u, E)."""
    # gamma = 1.4; internal energy is total minus kinetic energy
    return 0.4 * (q[2] - 0.5 * q[1] * q[1] / q[0])
''',
    numpy=euler_pressure,
)

EULER = piece(
    '''
@wp.func
def euler_flux(q: wp.vec3) -> wp.vec3:
    """Physical flux for the 1D Euler equations."""
    u = q[1] / q[0]
    p = euler_pressure(q)
    return wp.vec3(q[1], q[1] * u + p, u * (q[2] + p))
''',
    PRESSURE,
    numpy=euler_flux,
)

SOUND = piece(
    """
@wp.func
def sound_speed(q: wp.vec3) -> float:
    return wp.sqrt(1.4 * euler_pressure(q) / q[0])
""",
    PRESSURE,
)

EULER_RUSANOV = piece(
    """
@wp.func
def euler_rusanov(left: wp.vec3, right: wp.vec3) -> wp.vec3:
    s_left = wp.abs(left[1] / left[0]) + sound_speed(left)
    s_right = wp.abs(right[1] / right[0]) + sound_speed(right)
    s = wp.max(s_left, s_right)
    return 0.5 * (euler_flux(left) + euler_flux(right)) - 0.5 * s * (right - left)
""",
    EULER,
    SOUND,
    numpy=rusanov(euler_flux, euler_speeds),
)

EULER_HLL = piece(
    '''
@wp.func
def euler_hll(left: wp.vec3, right: wp.vec3) -> wp.vec3:
    """HLL approximate Riemann solver for the 1D Euler equations."""
    u_left = left[1] / left[0]
    u_right = right[1] / right[0]
    c_left = sound_speed(left)
    c_right = sound_speed(right)
    s_left = wp.min(u_left - c_left, u_right - c_right)
    s_right = wp.max(u_left + c_left, u_right + c_right)
    if s_left >= 0.0:
        return euler_flux(left)
    if s_right <= 0.0:
        return euler_flux(right)
    f = s_right * euler_flux(left) - s_left * euler_flux(right) + s_left * s_right * (right - left)
    return f / (s_right - s_left)
''',
    EULER,
    SOUND,
    numpy=hll(euler_flux, euler_speeds),
)

EULER_HLLC = piece(
    '''
@wp.func
def euler_hllc(left: wp.vec3, right: wp.vec3) -> wp.vec3:
    """HLLC approximate Riemann solver (Toro et al. 1994).

    Args:
        left: Left conserved state.
        right: Right conserved state.

    Returns:
        Numerical flux for (rho, rho*u, E).
    """
    u_left = left[1] / left[0]
    u_right = right[1] / right[0]
    p_left = euler_pressure(left)
    p_right = euler_pressure(right)
    c_left = sound_speed(left)
    c_right = sound_speed(right)
    s_left = wp.min(u_left - c_left, u_right - c_right)
    s_right = wp.max(u_left + c_left, u_right + c_right)
    if s_left >= 0.0:
        return euler_flux(left)
    if s_right <= 0.0:
        return euler_flux(right)
    # restore the contact wave (speed s_star), which HLL smears out
    m_left = left[0] * (s_left - u_left)
    m_right = right[0] * (s_right - u_right)
    s_star = (p_right - p_left + m_left * u_left - m_right * u_right) / (m_left - m_right)
    if s_star >= 0.0:
        rho = m_left / (s_left - s_star)
        energy = rho * (left[2] / left[0] + (s_star - u_left) * (s_star + p_left / m_left))
        return euler_flux(left) + s_left * (wp.vec3(rho, rho * s_star, energy) - left)
    rho = m_right / (s_right - s_star)
    energy = rho * (right[2] / right[0] + (s_star - u_right) * (s_star + p_right / m_right))
    return euler_flux(right) + s_right * (wp.vec3(rho, rho * s_star, energy) - right)
''',
    EULER,
    SOUND,
    numpy=_hllc,
)
