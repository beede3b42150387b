"""What algorithms for articulated bodies share: arguments, and kinematics of trees of links in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.library import quaternions
from warpgen.synthesis.writing.draft import Draft, Values

REVOLUTE, PRISMATIC = 0, 1


class Tree:
    """Frames, twists and accelerations of the links of one world, all in the world's frame.

    A link's joint turns or slides along `axis` (in its own frame) behind the fixed frame `fixed` (a transform
    in its parent's frame); parents come before their children, -1 is the ground.
    """

    def __init__(self, parent: Any, kind: Any, axis: Any, fixed: Any, q: Any) -> None:
        n = len(parent)
        self.parent = [int(p) for p in parent]
        self.kind, self.place, self.turn, self.axis = (
            kind,
            np.zeros((n, 3)),
            np.zeros((n, 3, 3)),
            np.zeros((n, 3)),
        )
        for i, p in enumerate(self.parent):
            base, at = (self.turn[p], self.place[p]) if p >= 0 else (np.eye(3), np.zeros(3))
            own = quaternions.matrix(fixed[i, 3:])
            at, base = at + base @ fixed[i, :3], base @ own
            self.axis[i] = base @ axis[i]
            if kind[i] == REVOLUTE:
                base = base @ quaternions.matrix(quaternions.exponential(q[i] * axis[i]))
            else:
                at = at + q[i] * self.axis[i]
            self.place[i], self.turn[i] = at, base

    def jacobian(self, link: int, point: Any) -> Any:
        """Rows of the linear and of the angular velocity of a point of a link, by joint: (2, 3, joints)."""
        made = np.zeros((2, 3, len(self.parent)))
        at = link
        while at >= 0:
            if self.kind[at] == REVOLUTE:
                made[0, :, at] = np.cross(self.axis[at], point - self.place[at])
                made[1, :, at] = self.axis[at]
            else:
                made[0, :, at] = self.axis[at]
            at = self.parent[at]
        return made

    def motion(self, qd: Any, qdd: Any, gravity: Any) -> Any:
        """Angular velocities, angular accelerations and accelerations of the links' origins."""
        n = len(self.parent)
        w, alpha, a = (np.zeros((n, 3)) for _ in range(3))
        for i, p in enumerate(self.parent):
            w_p, alpha_p, a_p, x_p = (
                (w[p], alpha[p], a[p], self.place[p])
                if p >= 0
                else (np.zeros(3), np.zeros(3), -np.asarray(gravity), np.zeros(3))
            )
            r = self.place[i] - x_p
            w[i], alpha[i] = w_p, alpha_p
            a[i] = a_p + np.cross(alpha_p, r) + np.cross(w_p, np.cross(w_p, r))
            s = self.axis[i]
            if self.kind[i] == REVOLUTE:
                w[i] = w_p + s * qd[i]
                alpha[i] = alpha_p + s * qdd[i] + np.cross(w_p, s * qd[i])
            else:
                a[i] += s * qdd[i] + 2.0 * np.cross(w_p, s * qd[i])
        return w, alpha, a


def link_frames(v: Values, turning: bool) -> tuple[Any, Any]:
    """Frames of the links of many chains or trees (4 x 4), and their quaternions, from joint coordinates.

    Where joints have no types, all are `turning`, or all slide.
    """
    chains, links = v.q.shape
    made = np.zeros((chains, links, 4, 4))
    root = np.tile(np.eye(4), (chains, 1, 1))
    if "base" in v:
        root[:, :3, :3], root[:, :3, 3] = quaternions.matrix(v.base[:, 3:]), v.base[:, :3]
    quats = np.zeros((chains, links, 4))
    start = np.tile(np.array([0.0, 0.0, 0.0, 1.0]), (chains, 1))
    for j in range(links):
        before, turned = (root, v.base[:, 3:] if "base" in v else start)
        above = v.parent[j] if "parent" in v else j - 1
        if 0 <= above < j:
            before, turned = made[:, above], quats[:, above]
        fixed, motion = np.eye(4), np.tile(np.eye(4), (chains, 1, 1))
        own = np.array([0.0, 0.0, 0.0, 1.0])
        if "local" in v:
            own = v.local[j, 3:]
        shift = v.local[j, :3] if "local" in v else v.link_offset[j]
        fixed[:3, :3], fixed[:3, 3] = quaternions.matrix(own), shift
        turns = v.joint_type[j] == REVOLUTE if "joint_type" in v else turning
        spin = quaternions.exponential(v.q[:, j, None] * v.axis[j] * (1.0 if turns else 0.0))
        motion[:, :3, :3] = quaternions.matrix(spin)
        if not turns:
            motion[:, :3, 3] = v.q[:, j, None] * v.axis[j]
        made[:, j] = before @ fixed @ motion
        quats[:, j] = quaternions.product(quaternions.product(turned, own + 0.0 * turned), spin)
    return made, quats


def outer_loads(d: Draft, external: bool, gravity: str, worlds: int, links: int) -> None:
    """Arguments that say what acts on chains from outside, and how many links each world has."""
    if external:
        d.input(
            "link_wrench",
            "spatial_vector",
            (worlds, links),
            -1.0,
            1.0,
            about="External wrenches (torque, force)",
        )
    if gravity == "vector":
        d.param("gravity", "vec3", -5.6, 5.6, about="Gravity [m/s^2]")
    else:
        d.param("gravity", "float", 9.7, 9.9, about="Gravity along -z [m/s^2]")
    d.param("link_count", "int", links, about="Number of links per world")
