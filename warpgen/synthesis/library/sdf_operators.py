"""What combines signed distances, and what bends space before one is taken.

Sources: Quilez, "Distance functions" and "Smooth minimum" (iquilezles.org); Hart 1996; Barr 1984 for twists.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.writing.pieces import piece


def _smooth(a: Any, b: Any, k: Any) -> Any:
    """The quadratic smooth minimum, in the form that has no lerp."""
    h = np.maximum(k - np.abs(a - b), 0.0) / k
    return np.minimum(a, b) - h * h * k * 0.25


SMOOTH_UNION = piece(
    '''
@wp.func
def op_smooth_union(a: float, b: float, k: float) -> float:
    """Polynomial smooth minimum of two distances, blend radius k."""
    h = wp.clamp(0.5 + 0.5 * (b - a) / k, 0.0, 1.0)
    return wp.lerp(b, a, h) - k * h * (1.0 - h)
''',
    numpy=lambda a, b, k: _smooth(a, b, k),
)

SMOOTH_SUBTRACTION = piece(
    '''
@wp.func
def op_smooth_subtraction(a: float, b: float, k: float) -> float:
    """Carve b out of a with a smooth edge."""
    h = wp.clamp(0.5 - 0.5 * (a + b) / k, 0.0, 1.0)
    return wp.lerp(a, -b, h) + k * h * (1.0 - h)
''',
    numpy=lambda a, b, k: -_smooth(-a, b, k),
)

SMOOTH_INTERSECTION = piece(
    """
@wp.func
def op_smooth_intersection(a: float, b: float, k: float) -> float:
    h = wp.clamp(0.5 - 0.5 * (b - a) / k, 0.0, 1.0)
    return wp.lerp(b, a, h) + k * h * (1.0 - h)
""",
    numpy=lambda a, b, k: -_smooth(-a, -b, k),
)

EXPONENTIAL_UNION = piece(
    """
@wp.func
def op_exp_union(a: float, b: float, k: float) -> float:
    # factor out the minimum to avoid overflow in exp()
    return wp.min(a, b) - wp.log(1.0 + wp.exp(-k * wp.abs(a - b))) / k
""",
    numpy=lambda a, b, k: -np.logaddexp(-k * a, -k * b) / k,
)

SUBTRACT = piece(
    """
@wp.func
def op_subtract(a: float, b: float) -> float:
    return wp.max(a, -b)
""",
    numpy=lambda a, b: np.maximum(a, -b),
)

ONION = piece(
    '''
@wp.func
def op_onion(d: float, thickness: float) -> float:
    """Hollow out a shape (onion), `thickness` on either side of the surface."""
    return wp.abs(d) - thickness
''',
    numpy=lambda d, thickness: np.abs(d) - thickness,
)

# What bends space before a distance is taken.


def _turned(p: Any, angle: Any, first: int, second: int) -> Any:
    made = np.array(p, copy=True)
    c, s = np.cos(angle), np.sin(angle)
    made[..., first] = c * p[..., first] - s * p[..., second]
    made[..., second] = s * p[..., first] + c * p[..., second]
    return made


ROTATE_Y = piece(
    """
@wp.func
def rotate_y(p: wp.vec3, angle: float) -> wp.vec3:
    c = wp.cos(angle)
    s = wp.sin(angle)
    return wp.vec3(c * p[0] + s * p[2], p[1], c * p[2] - s * p[0])
""",
    numpy=lambda p, angle: _turned(p, angle, 2, 0),
)

ROTATE_X = piece(
    """
@wp.func
def rotate_x(p: wp.vec3, angle: float) -> wp.vec3:
    c = wp.cos(angle)
    s = wp.sin(angle)
    return wp.vec3(p[0], c * p[1] - s * p[2], s * p[1] + c * p[2])
""",
    numpy=lambda p, angle: _turned(p, angle, 1, 2),
)

TWIST = piece(
    '''
@wp.func
def op_twist(p: wp.vec3, k: float) -> wp.vec3:
    """Twist space around the y axis, k radians per unit height."""
    c = wp.cos(k * p[1])
    s = wp.sin(k * p[1])
    return wp.vec3(c * p[0] - s * p[2], p[1], s * p[0] + c * p[2])
''',
    numpy=lambda p, k: _turned(p, k * p[..., 1], 0, 2),
)

BEND = piece(
    """
@wp.func
def op_bend(p: wp.vec3, k: float) -> wp.vec3:
    c = wp.cos(k * p[0])
    s = wp.sin(k * p[0])
    return wp.vec3(c * p[0] - s * p[1], s * p[0] + c * p[1], p[2])
""",
    numpy=lambda p, k: _turned(p, k * p[..., 0], 0, 1),
)

MIRROR = piece(
    """
@wp.func
def op_mirror(p: wp.vec3) -> wp.vec3:
    return wp.vec3(wp.abs(p[0]), p[1], wp.abs(p[2]))
""",
    numpy=lambda p: np.stack([np.abs(p[..., 0]), p[..., 1], np.abs(p[..., 2])], axis=-1),
)

REPEAT = piece(
    '''
@wp.func
def op_repeat(p: wp.vec3, spacing: float, copies: float) -> wp.vec3:
    """Repeat space along x, with a limit of 2 * copies + 1 cells."""
    cell = wp.clamp(wp.round(p[0] / spacing), -copies, copies)
    return wp.vec3(p[0] - spacing * cell, p[1], p[2])
''',
    numpy=lambda p, spacing, copies: np.stack(
        [p[..., 0] - spacing * np.clip(np.round(p[..., 0] / spacing), -copies, copies), p[..., 1], p[..., 2]],
        axis=-1,
    ),
)

ELONGATE = piece(
    '''
@wp.func
def op_elongate(p: wp.vec3, h: wp.vec3) -> wp.vec3:
    """Stretch a shape by h along each axis without scaling its ends."""
    return wp.vec3(
        p[0] - wp.clamp(p[0], -h[0], h[0]),
        p[1] - wp.clamp(p[1], -h[1], h[1]),
        p[2] - wp.clamp(p[2], -h[2], h[2]),
    )
''',
    numpy=lambda p, h: p - np.clip(p, -np.asarray(h), np.asarray(h)),
)
