"""What the springs of a joint do to the bodies at both its ends, in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.library import quaternions
from warpgen.synthesis.writing.draft import Values


def end(poses: Any, twists: Any, com: Any, body: int, frame: Any, at_origin: bool) -> Any:
    """Place, arm, rotation, quaternion, velocity and angular velocity of a joint's end."""
    if body < 0:
        turn = quaternions.matrix(frame[3:])
        return frame[:3], frame[:3], turn, frame[3:], np.zeros(3), np.zeros(3)
    base = quaternions.matrix(poses[body, 3:])
    place = poses[body, :3] + base @ frame[:3]
    q = quaternions.product(poses[body, 3:], frame[3:])
    arm = place - poses[body, :3] - (base @ com[body] if com is not None else 0.0)
    arm = place if at_origin else arm
    w = twists[body, 3:]
    return place, arm, quaternions.matrix(q), q, twists[body, :3] + np.cross(w, arm), w


def spring(v: Values, kind: str, j: int, goal: Any, ends: Any) -> Any:
    """Force and torque on the parent of a joint of some kind whose drive wants `goal`, from both its ends."""
    (x_p, _, turn_p, q_p, v_p, w_p), (x_c, _, turn_c, q_c, v_c, w_c) = ends
    gap, rate, spin = x_c - x_p, v_c - v_p, w_c - w_p
    error = quaternions.product(quaternions.conjugate(q_p), q_c)
    error = -error if error[3] < 0.0 else error
    hold = v.angular_ke * (turn_p @ (2.0 * error[:3])) + v.angular_kd * spin
    pull = v.attach_ke * gap + v.attach_kd * rate
    if kind == "FIXED":
        return pull, hold
    if kind == "BALL":
        return pull, v.angular_kd * spin
    a = turn_p @ v.joint_axis[j]
    across = np.eye(3) - np.outer(a, a)
    if kind == "PRISMATIC":
        return across @ pull - _motor(v, j, goal, gap @ a, rate @ a) * a, hold
    angle = 2.0 * np.arctan2(error[:3] @ v.joint_axis[j], error[3])
    swing = v.angular_ke * np.cross(a, turn_c @ v.joint_axis[j]) + v.angular_kd * (across @ spin)
    return pull, swing - _motor(v, j, goal, angle, spin @ a) * a


def _motor(v: Values, j: int, goal: Any, q: Any, qd: Any) -> Any:
    """The drive of one axis, or its limit spring where the coordinate is out of range."""
    if "limit_lower" in v:
        for bound, out, side in (
            (v.limit_lower[j], q < v.limit_lower[j], np.minimum),
            (v.limit_upper[j], q > v.limit_upper[j], np.maximum),
        ):
            if out:
                return v.limit_ke * (bound - q) - v.limit_kd * side(qd, 0.0)
    return v.joint_ke[j] * (goal - q) - v.joint_kd[j] * qd
