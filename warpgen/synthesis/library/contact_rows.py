"""What solvers of contact constraints share: tangents, velocities of points and responses to impulses.

A body index of -1 is the fixed world. Twists hold the linear velocity of the center of mass first.
Source: Duff et al. 2017 (tangents); Catto 2009.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.writing.pieces import piece


def _tangents(n: Any) -> Any:
    sign = np.where(n[..., 2] >= 0.0, 1.0, -1.0)
    a = -1.0 / (sign + n[..., 2])
    b = n[..., 0] * n[..., 1] * a
    first = np.stack([1.0 + sign * n[..., 0] ** 2 * a, sign * b, -sign * n[..., 0]], -1)
    return first, np.stack([b, sign + n[..., 1] ** 2 * a, -n[..., 1]], -1)


TANGENTS = piece(
    '''
@wp.func
def orthonormal_basis(n: wp.vec3):
    """Build two tangent vectors orthogonal to the unit vector `n`, branch-free (Duff et al. 2017)."""
    # Select the sign explicitly, since it must not be zero when n[2] = 0
    sign = wp.where(n[2] >= 0.0, 1.0, -1.0)
    a = -1.0 / (sign + n[2])
    b = n[0] * n[1] * a
    t1 = wp.vec3(1.0 + sign * n[0] * n[0] * a, sign * b, -sign * n[0])
    t2 = wp.vec3(b, sign + n[1] * n[1] * a, -n[1])
    return t1, t2
''',
    numpy=_tangents,
)

POINT_VELOCITY = piece(
    '''
@wp.func
def velocity_at_point(body: int, r: wp.vec3, body_qd: wp.array(dtype=wp.spatial_vector)) -> wp.vec3:
    """Return the world-space velocity of a body at offset `r` from its center of mass."""
    # Body -1 is static geometry
    if body < 0:
        return wp.vec3(0.0, 0.0, 0.0)
    qd = body_qd[body]
    return wp.spatial_top(qd) + wp.cross(wp.spatial_bottom(qd), r)
'''
)

INERTIA_TIMES = piece(
    '''
@wp.func
def apply_inverse_inertia(rot: wp.quat, inv_inertia: wp.mat33, torque: wp.vec3) -> wp.vec3:
    """Multiply a world-space vector by the world-space inverse inertia R I^-1 R^T."""
    return wp.quat_rotate(rot, inv_inertia * wp.quat_rotate_inv(rot, torque))
'''
)

RESPONSE = piece(
    '''
@wp.func
def inverse_effective_mass(
    body: int,
    r: wp.vec3,
    direction: wp.vec3,
    body_q: wp.array(dtype=wp.transform),
    body_inv_mass: wp.array(dtype=float),
    body_inv_inertia: wp.array(dtype=wp.mat33),
) -> float:
    """Compute J M^-1 J^T for a single body and a unit impulse along `direction` at offset `r`.

    Args:
        body: Body index, -1 for static geometry (infinite mass).
        r: World-space offset from the center of mass to the contact point.
        direction: Unit impulse direction.
        body_q: Body poses.
        body_inv_mass: Inverse masses [1/kg].
        body_inv_inertia: Body-space inverse inertia tensors.
    """
    if body < 0:
        return 0.0
    rot = wp.transform_get_rotation(body_q[body])
    arm = wp.cross(r, direction)
    return body_inv_mass[body] + wp.dot(arm, apply_inverse_inertia(rot, body_inv_inertia[body], arm))
''',
    INERTIA_TIMES,
)
