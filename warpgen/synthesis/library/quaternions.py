"""Quaternions (x, y, z, w) of rotations: steps in time, shortest arcs; and the same in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.writing.pieces import piece


def product(a: Any, b: Any) -> Any:
    """Hamilton's product of arrays of quaternions."""
    av, aw, bv, bw = a[..., :3], a[..., 3:], b[..., :3], b[..., 3:]
    vector = aw * bv + bw * av + np.cross(av, bv)
    return np.concatenate([vector, aw * bw - (av * bv).sum(-1, keepdims=True)], axis=-1)


def conjugate(q: Any) -> Any:
    """Inverses of unit quaternions."""
    return q * np.array([-1.0, -1.0, -1.0, 1.0])


def matrix(q: Any) -> Any:
    """Rotation matrices of unit quaternions."""
    x, y, z, w = np.moveaxis(np.asarray(q), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), (0, 1), (-2, -1))


def rotated(q: Any, v: Any) -> Any:
    """Vectors turned by unit quaternions."""
    return np.einsum("...ij,...j->...i", matrix(q), v)


def exponential(v: Any) -> Any:
    """Unit quaternions of rotation vectors."""
    angle = np.linalg.norm(v, axis=-1, keepdims=True)
    return np.concatenate([v * 0.5 * np.sinc(0.5 * angle / np.pi), np.cos(0.5 * angle)], axis=-1)


def _unit(q: Any) -> Any:
    return q / np.linalg.norm(q, axis=-1, keepdims=True)


def _linear_step(q: Any, w: Any, dt: Any) -> Any:
    return _unit(q + 0.5 * dt * product(np.concatenate([w, 0.0 * w[..., :1]], axis=-1), q))


def _between(a: Any, b: Any) -> Any:
    w = 1.0 + (a * b).sum(-1, keepdims=True)
    return _unit(np.concatenate([np.cross(a, b), w], axis=-1))


LINEAR_STEP = piece(
    '''
@wp.func
def advance_orientation(q: wp.quat, w: wp.vec3, dt: float) -> wp.quat:
    """Integrate an orientation over dt with a first-order step.

    Args:
        q: Body-to-world orientation.
        w: World-space angular velocity [rad/s].
        dt: Time step [s].

    Returns:
        Updated orientation (normalized).
    """
    # dq/dt = 1/2 w q for world-space w; renormalize to counter drift
    return wp.normalize(q + wp.quat(w, 0.0) * q * (0.5 * dt))
''',
    numpy=_linear_step,
)

EXPONENTIAL_STEP = piece(
    '''
@wp.func
def rotate_exponential(q: wp.quat, w: wp.vec3, dt: float) -> wp.quat:
    """Integrate an orientation exactly for a constant angular velocity."""
    speed = wp.length(w)
    if speed * dt < 1.0e-6:
        # avoid dividing by |w| when the rotation is negligible
        return wp.normalize(q + wp.quat(w, 0.0) * q * (0.5 * dt))
    return wp.quat_from_axis_angle(w / speed, speed * dt) * q
''',
    numpy=lambda q, w, dt: product(exponential(w * dt), q),
)

STEPS = (LINEAR_STEP, EXPONENTIAL_STEP)

BETWEEN = piece(
    '''
@wp.func
def quat_between_vectors(a: wp.vec3, b: wp.vec3) -> wp.quat:
    """Return the shortest-arc rotation from unit vector a to unit vector b."""
    # half-angle trick: add the identity to the double-angle quaternion, then normalize
    w = 1.0 + wp.dot(a, b)
    if w < 1.0e-6:
        # opposite vectors: rotate by 180 degrees about any perpendicular axis
        axis = wp.cross(a, wp.vec3(1.0, 0.0, 0.0))
        if wp.length_sq(axis) < 1.0e-6:
            axis = wp.cross(a, wp.vec3(0.0, 1.0, 0.0))
        return wp.quat(wp.normalize(axis), 0.0)
    return wp.normalize(wp.quat(wp.cross(a, b), w))
''',
    numpy=_between,
)

WORLD_INERTIA = piece(
    '''
@wp.func
def world_inertia(q: wp.quat, inertia: wp.mat33) -> wp.mat33:
    """Rotate a body-frame inertia tensor to world space: R * I * R^T."""
    rot = wp.quat_to_matrix(q)
    return rot * inertia * wp.transpose(rot)
''',
    numpy=lambda q, inertia: matrix(q) @ inertia @ np.swapaxes(matrix(q), -1, -2),
)
