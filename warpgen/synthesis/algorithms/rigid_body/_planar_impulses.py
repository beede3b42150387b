"""Impulses at the two points of a planar contact: pieces of text of their solvers, and the same in NumPy."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

_MOVED = re.compile(r" *(vel_b|spin_b) \+= |(rn_b|rt_b)\d* = ")
CROSS = '''
@wp.func
def cross2(a: wp.vec2, b: wp.vec2) -> float:
    """2D cross product, e.g. the moment of force b at arm a."""
    return a[0] * b[1] - a[1] * b[0]
'''


def velocity(k: int) -> str:
    """The relative velocity at one of the points."""
    return (
        f"dv{k} = vel_b + spin_b * wp.vec2(-arm_b{k}[1], arm_b{k}[0])"
        f" - vel_a - spin_a * wp.vec2(-arm_a{k}[1], arm_a{k}[0])\n"
    )


def apply(k: int, name: str) -> str:
    """The velocities after an impulse at one of the points."""
    return (
        f"vel_a -= inv_mass_a * {name}\nspin_a -= inv_inertia_a * cross2(arm_a{k}, {name})\n"
        f"vel_b += inv_mass_b * {name}\nspin_b += inv_inertia_b * cross2(arm_b{k}, {name})\n"
    )


def apply_both(one: str, two: str) -> str:
    """The velocities after impulses at both points."""
    return (
        f"vel_a -= inv_mass_a * ({one} + {two})\n"
        f"spin_a -= inv_inertia_a * (cross2(arm_a1, {one}) + cross2(arm_a2, {two}))\n"
        f"vel_b += inv_mass_b * ({one} + {two})\n"
        f"spin_b += inv_inertia_b * (cross2(arm_b1, {one}) + cross2(arm_b2, {two}))\n"
    )


def rub(k: int, cone: str) -> str:
    """Friction at one of the points, within the cone of its normal impulse."""
    return (
        velocity(k)
        + f"rt_a{k} = cross2(arm_a{k}, tangent)\nrt_b{k} = cross2(arm_b{k}, tangent)\n"
        + f"inv_mass_t{k} = inv_mass_a + inv_mass_b + inv_inertia_a * rt_a{k} * rt_a{k}"
        + f" + inv_inertia_b * rt_b{k} * rt_b{k}\n"
        + f"limit{k} = {cone} * normal_impulse{k}\n"
        + f"tangent_new{k} = wp.clamp(tangent_impulse{k} - (wp.dot(dv{k}, tangent) - belt) / inv_mass_t{k}, -limit{k}, limit{k})\n"
        + f"push_t{k} = (tangent_new{k} - tangent_impulse{k}) * tangent\n"
        + apply(k, f"push_t{k}")
    )


BLOCK = """
# --- Normal impulses: solve the 2x2 LCP by enumerating its four cases ---
$velocities
# Relative normal velocity with the accumulated impulses x removed: v - A x
b1 = wp.dot(dv1, n)$bias1 - k11 * normal_impulse1 - k12 * normal_impulse2
b2 = wp.dot(dv2, n)$bias2 - k12 * normal_impulse1 - k22 * normal_impulse2
$soften
det = k11 * k22 - k12 * k12
# Case 1: both points active
x1 = (k12 * b2 - k22 * b1) / det
x2 = (k12 * b1 - k11 * b2) / det
if x1 < 0.0 or x2 < 0.0:
    # Case 2: only point 1 active, point 2 separates
    x1 = -b1 / k11
    x2 = 0.0
    if x1 < 0.0 or k12 * x1 + b2 < 0.0:
        # Case 3: only point 2 active
        x1 = 0.0
        x2 = -b2 / k22
        if x2 < 0.0 or k12 * x2 + b1 < 0.0:
            # Case 4: both separate
            x2 = 0.0
push_n1 = (x1 - normal_impulse1) * n
push_n2 = (x2 - normal_impulse2) * n
"""


def unmoved(text: str) -> str:
    """The text without the inertia of a second body that has none, and what impulses would do to it."""
    text = re.sub(r" \+ inv_mass_b\b| \+ inv_inertia_b \* \w+ \* \w+", "", text)
    text = "".join(line for line in text.splitlines(keepends=True) if not _MOVED.match(line))
    return re.sub(r"\b(vel|spin)_b\b", r"\1_platform", re.sub(r"\bb\b", "platform", text))


def row(way: Any, ra: Any, rb: Any) -> Any:
    """The Jacobian of the relative velocity along a way, by both bodies' velocities and spins."""
    return np.concatenate(
        [-way, [-(ra[0] * way[1] - ra[1] * way[0])], way, [rb[0] * way[1] - rb[1] * way[0]]]
    )


def complementary(matrix: Any, b: Any) -> Any:
    """Impulses x >= 0 of both points with A x + b >= 0, one of the two zero at each; zero if no case holds."""
    for pressed in ([0, 1], [0], [1], []):
        trial = np.zeros(2)
        if pressed:
            trial[pressed] = np.linalg.solve(matrix[np.ix_(pressed, pressed)], -b[pressed])
        apart = [i for i in range(2) if i not in pressed]
        if (trial >= 0.0).all() and ((matrix @ trial + b)[apart] >= 0.0).all():
            return trial
    return np.zeros(2)
