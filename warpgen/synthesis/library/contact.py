"""Contact of round bodies: forces along the normal and friction across it.

Sources: Cundall & Strack 1979 (spring and dashpot); Hertz 1882 with the damping of Tsuji et al. 1992.
Geometry follows one convention: the overlap is positive in contact, `closing` is the speed of approach.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.writing.pieces import piece

LINEAR_NORMAL = piece(
    '''
@wp.func
def linear_contact(overlap: float, closing: float, radius: float, stiffness: float, damping: float) -> float:
    """Compute the normal force using a linear spring-dashpot model.

    Args:
        overlap: Penetration depth [m], positive in contact.
        closing: Closing speed along the normal [m/s].
        radius: Effective contact radius [m].
        stiffness: Contact stiffness per effective radius [N/m^2].
        damping: Contact damping per effective radius [N s/m^2].
    """
    # clamp to zero so that separating contacts do not pull
    return wp.max(stiffness * radius * overlap + damping * radius * closing, 0.0)
''',
    numpy=lambda o, c, r, k, d: np.maximum(k * r * o + d * r * c, 0.0),
)

HERTZ_NORMAL = piece(
    '''
@wp.func
def hertz_contact(overlap: float, closing: float, radius: float, modulus: float, damping: float) -> float:
    """Compute the Hertzian normal force with viscous damping."""
    # contact patch radius is sqrt(R d), so the force scales with d^(3/2)
    patch = wp.sqrt(radius * overlap)
    return wp.max(4.0 / 3.0 * modulus * patch * overlap + damping * patch * closing, 0.0)
''',
    numpy=lambda o, c, r, k, d: np.maximum(
        np.sqrt(r * np.maximum(o, 0.0)) * (4.0 / 3.0 * k * o + d * c), 0.0
    ),
)

NORMALS = (LINEAR_NORMAL, HERTZ_NORMAL)


def _regularised(slip: Any, limit: Any, viscosity: Any) -> Any:
    speed = np.linalg.norm(slip, axis=-1, keepdims=True)
    return -slip / np.maximum(speed, 1e-30) * np.minimum(viscosity * speed, np.asarray(limit)[..., None])


def _smooth(slip: Any, limit: Any, viscosity: Any) -> Any:
    limit = np.asarray(limit)[..., None]
    speed = np.linalg.norm(slip, axis=-1, keepdims=True)
    return -slip * limit * viscosity / (limit + viscosity * speed)


CLAMPED_FRICTION = piece(
    '''
@wp.func
def coulomb_friction(slip: wp.vec3, limit: float, viscosity: float) -> wp.vec3:
    """Return the friction force for a given tangential velocity.

    Viscous for small slip, clamped to the Coulomb limit otherwise.
    """
    speed = wp.length(slip)
    if speed < 1.0e-6:
        return wp.vec3(0.0, 0.0, 0.0)
    return slip * (-wp.min(viscosity * speed, limit) / speed)
''',
    numpy=_regularised,
)

SMOOTH_FRICTION = piece(
    '''
@wp.func
def smooth_friction(slip: wp.vec3, limit: float, viscosity: float) -> wp.vec3:
    """Return a regularized friction force that is differentiable at zero slip."""
    # smooth blend from viscosity * slip to the Coulomb limit
    if limit <= 0.0:
        return wp.vec3(0.0, 0.0, 0.0)
    return slip * (-limit * viscosity / (limit + viscosity * wp.length(slip)))
''',
    numpy=_smooth,
)

FRICTIONS = (CLAMPED_FRICTION, SMOOTH_FRICTION)


def _split(v: Any, n: Any) -> Any:
    along = (v * n).sum(-1)
    return along, v - along[..., None] * n


SPLIT = piece(
    '''
@wp.func
def split_velocity(v: wp.vec3, n: wp.vec3):
    """Split v into normal component and tangential vector."""
    along = wp.dot(v, n)
    return along, v - along * n
''',
    numpy=_split,
)
