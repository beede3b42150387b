"""Quaternions (x, y, z, w) and transforms (p, q) as arrays, for the references of this domain."""

from __future__ import annotations

from typing import Any

import numpy as np


def multiply(a: Any, b: Any) -> Any:
    """Hamilton's product."""
    av, aw, bv, bw = a[..., :3], a[..., 3:], b[..., :3], b[..., 3:]
    v = aw * bv + bw * av + np.cross(av, bv)
    w = aw * bw - (av * bv).sum(axis=-1, keepdims=True)
    return np.concatenate([v, w], axis=-1)


def conjugate(q: Any) -> Any:
    """The inverse of a unit quaternion."""
    return q * np.array([-1.0, -1.0, -1.0, 1.0])


def matrix(q: Any) -> Any:
    """Rotation matrices."""
    x, y, z, w = (q[..., k] for k in range(4))
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def rotate(q: Any, v: Any) -> Any:
    """Vectors turned by rotations."""
    return np.einsum("...ij,...j->...i", matrix(q), v)


def about(axis: Any, angle: Any) -> Any:
    """The rotation about a unit axis."""
    half = np.asarray(angle)[..., None] / 2
    return np.concatenate([np.sin(half) * axis, np.cos(half) + 0.0 * axis[..., :1]], axis=-1)


def point(t: Any, p: Any) -> Any:
    """Points moved by rigid transforms."""
    return t[..., :3] + rotate(t[..., 3:], p)


def compose(a: Any, b: Any) -> Any:
    """First b, then a."""
    return np.concatenate([point(a, b[..., :3]), multiply(a[..., 3:], b[..., 3:])], axis=-1)


def inverse(t: Any) -> Any:
    """The transform back."""
    back = conjugate(t[..., 3:])
    return np.concatenate([-rotate(back, t[..., :3]), back], axis=-1)


def same_rotation(a: Any, b: Any, tolerance: float = 1e-4) -> None:
    """Assert that quaternions turn alike: q and -q do."""
    assert (np.abs((a * b).sum(axis=-1)) > 1.0 - tolerance).all()
