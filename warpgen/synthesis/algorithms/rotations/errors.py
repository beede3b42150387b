"""How far rotations and poses are apart, and how rotations follow from vectors and rates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rotations import DOMAIN
from warpgen.synthesis.algorithms.rotations._numpy import (
    about,
    conjugate,
    matrix,
    multiply,
    rotate,
    same_rotation,
)
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.forms import Form


def _logarithm(q: Any) -> Any:
    """Rotation vectors of the shorter way round."""
    q = np.where(q[..., 3:] < 0, -q, q)
    size = np.linalg.norm(q[..., :3], axis=-1, keepdims=True)
    return 2 * np.arctan2(size, q[..., 3:]) * q[..., :3] / np.maximum(size, 1e-9)


@DOMAIN.algorithm(
    source="Park 1995 (distances of rigid motions); Huynh 2009 (metrics of rotations); Lynch & Park 2017, ch. 3",
    names={
        "a": "goal|target|desired",
        "b": "current|actual|measured",
        "goals": "targets|desired_poses|goal_poses",
        "poses": "body_q|current_poses|actual_poses",
        "rel": "delta|diff|error_q",
        "out": "errors|residuals",
        "reached": "arrived|at_goal|close_enough",
        "rotvecs": "rotation_errors|orientation_errors|rotvec_errors",
    },
    weight=15,
    element="pose",
)
def pose_errors(d: Draft) -> None:
    """Measures how far poses are from their goals."""
    kind = d.option(
        "kind", "distance", "angle", "vector", "twist", "weighted", "chordal", "reached", "points"
    )
    frame = d.option("frame", "body", "world")
    apart = d.option("taken apart", "transforms", "parts")
    axes = "body" if frame == "body" else "world"
    d.says({
        "distance": "Computes distances between current and target positions.",
        "angle": "Computes rotation angles between current and target poses.",
        "vector": f"Computes rotation vectors from current to target poses, in {axes} axes.",
        "twist": f"Computes position and rotation vector errors from current to target poses, in {axes} axes.",
        "weighted": "Computes weighted pose distances to the targets.",
        "chordal": "Computes chordal distances between current and target rotation matrices.",
        "reached": "Checks whether poses have reached their targets within tolerance.",
        "points": "Computes the distance between a body-fixed point and its target for each pose.",
    }[kind])  # fmt: skip
    d.calls({
        "distance": "position_errors|goal_distances|position_distance",
        "angle": "rotation_errors|angular_errors|rotation_distance",
        "vector": "rotation_error_vectors|orientation_errors|rotations_to_goal",
        "twist": "pose_error_vectors|spatial_pose_errors|pose_residuals",
        "weighted": "weighted_pose_errors|pose_distances|pose_costs",
        "chordal": "chordal_distances|rotation_matrix_errors",
        "reached": "goals_reached|check_goals|poses_reached",
        "points": "tool_point_errors|point_distances|attached_point_errors",
    }[kind])  # fmt: skip
    form = Form(d)
    far = 0.1 if kind == "reached" else 1.0
    form.element("a", "goals", -far, far, "transform", "transform", about="goals")
    form.element("b", "poses", -far, far, "transform", "transform", about="current poses")
    if kind == "weighted":
        form.number("arm", 0.2, 1.0, about="distance weight for angles [m/rad]")
    if kind == "reached":
        form.number("distance_limit", 0.08, 0.16, about="position tolerance [m]")
        form.number("angle_limit", 1.4, 2.2, about="angle tolerance [rad]")
    if kind == "points":
        form.number("tip", -0.5, 0.5, "vec3", about="local point in the frame of each pose")
    out = {"reached": "reached", "vector": "rotvecs"}.get(kind, "out")
    told = {
        "distance": "distances [m]",
        "angle": "angles [rad]",
        "vector": f"rotation vectors in {axes} axes [rad]",
        "twist": f"position errors [m], then rotation vectors [rad], in {axes} axes",
        "weighted": "weighted distances [m]",
        "chordal": "chordal distances",
        "reached": "true if the target is reached",
        "points": "point distances [m]",
    }[kind]
    type_ = {"vector": "vec3", "twist": "spatial_vector", "reached": "bool"}.get(kind, "float")
    form.output(out, type_, about=told)
    if kind == "reached":
        d.forward_only()
    if apart == "parts":
        gap = "gap = wp.transform_get_translation(a) - wp.transform_get_translation(b)"
        q = "qa = wp.transform_get_rotation(a)\nqb = wp.transform_get_rotation(b)\n"
        q += "rel = wp.quat_inverse(qb) * qa" if frame == "body" else "rel = qa * wp.quat_inverse(qb)"
    else:
        gap = "gap = a.p - b.p"
        q = "rel = wp.quat_inverse(b.q) * a.q" if frame == "body" else "rel = a.q * wp.quat_inverse(b.q)"
    angle = "angle = 2.0 * wp.atan2(wp.length(wp.vec3(rel[0], rel[1], rel[2])), wp.abs(rel[3]))"
    log = "# Take the shorter arc, since q and -q represent the same rotation\nspin, angle = wp.quat_to_axis_angle(rel)"
    local = "\ngap = wp.quat_rotate_inv(wp.transform_get_rotation(b), gap)" if frame == "body" else ""
    lines, value = {
        "distance": (gap, "wp.length(gap)"),
        "angle": (f"{q}\n{angle}", "angle"),
        "vector": (f"{q}\n{log}", "angle * spin"),
        "twist": (f"{gap}{local}\n{q}\n{log}", "wp.spatial_vector(gap, angle * spin)"),
        "weighted": (f"{gap}\n{q}\n{angle}", "wp.sqrt(wp.length_sq(gap) + arm * arm * angle * angle)"),
        "chordal": (
            "off = wp.quat_to_matrix(wp.transform_get_rotation(a)) - wp.quat_to_matrix(wp.transform_get_rotation(b))",
            "wp.sqrt(wp.ddot(off, off))",
        ),
        "reached": (f"{gap}\n{q}\n{angle}", "wp.length(gap) < distance_limit and angle < angle_limit"),
        "points": ("", "wp.length(wp.transform_point(a, tip) - wp.transform_point(b, tip))"),
    }[kind]
    form.write("has_reached" if kind == "reached" else "error_of", lines, value)

    def agree(v: Values, after: Values) -> None:
        a, b = v.goals, v.poses
        gap_ = a[..., :3] - b[..., :3]
        qa, qb = a[..., 3:], b[..., 3:]
        rel = multiply(conjugate(qb), qa) if frame == "body" else multiply(qa, conjugate(qb))
        w = _logarithm(rel)
        size, turn = np.linalg.norm(gap_, axis=-1), np.linalg.norm(w, axis=-1)
        moved = rotate(conjugate(qb), gap_) if frame == "body" else gap_
        tip = v.get("tip", np.zeros(3))
        found: dict[str, Callable[[], Any]] = {
            "distance": lambda: size,
            "angle": lambda: turn,
            "vector": lambda: w,
            "twist": lambda: np.concatenate([moved, w], axis=-1),
            "weighted": lambda: np.hypot(size, v.arm * turn),
            "chordal": lambda: np.linalg.norm(matrix(qa) - matrix(qb), axis=(-2, -1)),
            "points": lambda: np.linalg.norm(gap_ + rotate(qa, tip) - rotate(qb, tip), axis=-1),
        }
        if kind == "reached":
            sure = (np.abs(size - v.distance_limit) > 1e-3) & (np.abs(turn - v.angle_limit) > 1e-3)
            there = (size < v.distance_limit) & (turn < v.angle_limit)
            np.testing.assert_array_equal(after[out][sure], there[sure])
            return
        # at half a turn either way round is as short
        sure = turn < np.pi - 0.02
        np.testing.assert_allclose(after[out][sure], found[kind]()[sure], atol=5e-3)

    d.holds(agree)


@DOMAIN.algorithm(
    source="Melax 1998, The shortest arc quaternion; Diebel 2006; Sola 2017, sec. 4.6",
    names={
        "omega": "w|ang_vel",
        "angular_velocities": "omegas|ang_vels",
        "rotvec": "rot_vec",
        "rotation_vectors": "rotvecs|rot_vecs",
        "side": "hint|x_hint|approx_x",
        "sides": "hints|x_hints|guides",
        "z": "z_axis|up_dir|third",
        "z_axes": "up_dirs|thirds|normals",
        "axis": "world_axis|n|axis_dir",
        "axes": "world_axes|axis_dirs|turn_axes",
        "rotations": "orientations|quats|attitudes",
        "out": "result|quats_out|rotations_out",
        "turned": "turned_dirs|dirs_out|rotated",
    },
    weight=12,
)
def turn_by_vectors(d: Draft) -> None:
    """Builds rotations from vectors: arcs, rates of turn, frames."""
    kind = d.option(
        "kind", "arc", "carry", "rate", "half rate", "frame", "exponential", "aim limited", "conjugate"
    )
    unit = d.flag("normalised after", 0.4) and kind == "rate"  # only there errors add up, over many steps
    d.says({
        "arc": "Computes the shortest-arc rotations between pairs of directions.",
        "carry": "Rotates frames along the shortest arc to align their z axes with given directions.",
        "rate": "Integrates orientations exactly over a time step, assuming constant angular velocity.",
        "half rate": "Integrates quaternions with an explicit Euler step followed by renormalization.",
        "frame": "Builds orientations from a z axis and an approximate x axis.",
        "exponential": "Converts rotation vectors to quaternions.",
        "aim limited": "Rotates directions toward targets by a limited angle.",
        "conjugate": "Transforms rotations about world axes into body frames.",
    }[kind])  # fmt: skip
    d.calls({
        "arc": "shortest_arcs|rotations_between|rotations_from_vectors",
        "carry": "align_axes|align_frames|aim_frames",
        "rate": "integrate_rotations|integrate_angular_velocity|step_orientations",
        "half rate": "integrate_quaternions|integrate_angular_velocity|step_orientations",
        "frame": "frames_from_vectors|build_frames|aim_frames",
        "exponential": "rotation_vectors_to_quats|quat_exponential|exponential_map",
        "aim limited": "turn_towards|limited_turn|rotate_towards",
        "conjugate": "rotations_to_body_axes|conjugate_rotations|world_to_body_rotations",
    }[kind])  # fmt: skip
    form = Form(d)
    names = {
        "rate": ("omega", "angular_velocities"),
        "half rate": ("omega", "angular_velocities"),
        "exponential": ("rotvec", "rotation_vectors"),
        "frame": ("z", "z_axes"),
        "conjugate": ("axis", "axes"),
    }
    w, second = names.get(kind, ("w", "to_dirs"))
    u, first = ("side", "sides") if kind == "frame" else ("u", "from_dirs")
    rates = kind in ("rate", "half rate", "exponential")
    if kind in ("carry", "rate", "half rate", "conjugate"):
        form.element("q", "rotations", 0.0, 1.0, "quat", "unit", about="unit quaternions")
    if kind in ("arc", "frame", "aim limited"):
        form.element(u, first, 0.0, 1.0, "vec3", "unit", about="unit vectors")
    if rates:
        form.element(
            w,
            second,
            -2.0,
            2.0,
            "vec3",
            about="world-space angular velocities [rad/s]"
            if kind != "exponential"
            else "rotation vectors [rad]",
        )
    else:
        form.element(w, second, 0.0, 1.0, "vec3", "unit", about="unit vectors")
    if kind in ("rate", "half rate"):
        form.number("dt", 0.01, 0.1, about="time step [s]")
    if kind == "aim limited":
        form.number("limit", 0.2, 1.0, about="maximum angle [rad]")
    elif kind == "conjugate":
        form.number("angle", 0.2, 1.0, about="rotation angle [rad]")
    out = "turned" if kind == "aim limited" else "out"
    told = "rotated unit vectors" if kind == "aim limited" else "rotations as unit quaternions"
    form.output(out, "vec3" if kind == "aim limited" else "quat", about=told)
    exponential = f"angle = wp.length({w}){{0}}\n# Zero vector if there is no rotation, since the axis is arbitrary\nspin = wp.normalize({w})"
    lines, value = {
        "arc": (
            "# Halfway between the identity and the rotation by twice the angle\nacross = wp.cross(u, w)",
            "wp.normalize(wp.quat(across, 1.0 + wp.dot(u, w)))",
        ),
        "carry": (
            "now = wp.quat_rotate(q, wp.vec3(0.0, 0.0, 1.0))\nacross = wp.cross(now, w)\n"
            "arc = wp.normalize(wp.quat(across, 1.0 + wp.dot(now, w)))",
            "arc * q",
        ),
        "rate": (exponential.format(" * dt"), "wp.quat_from_axis_angle(spin, angle) * q"),
        "half rate": (
            "# dq/dt = 1/2 (w, 0) q with world-space angular velocity w\nrate = 0.5 * wp.quat(omega, 0.0) * q",
            "wp.normalize(q + dt * rate)",
        ),
        "frame": (
            "y = wp.normalize(wp.cross(z, side))\nx = wp.cross(y, z)",
            "wp.quat_from_matrix(wp.matrix_from_cols(x, y, z))",
        ),
        "exponential": (exponential.format(""), "wp.quat_from_axis_angle(spin, angle)"),
        "aim limited": (
            "across = wp.cross(u, w)\nbetween = wp.atan2(wp.length(across), wp.dot(u, w))\n"
            "turn = wp.quat_from_axis_angle(wp.normalize(across), wp.min(between, limit))",
            "wp.quat_rotate(turn, u)",
        ),
        "conjugate": ("turn = wp.quat_from_axis_angle(axis, angle)", "wp.quat_inverse(q) * turn * q"),
    }[kind]
    if kind in ("arc", "carry", "aim limited"):
        d.explain("Opposite directions are not supported, because the shortest arc is not unique.")
    elif kind == "frame":
        d.explain("The reference vector must not be parallel to the z axis.")
    if unit:
        lines += f"\nmade = {value}\n# Renormalize to avoid drift from accumulated rounding errors"
        value = "wp.normalize(made)"
    function = {
        "arc": "arc_between",
        "carry": "align_z",
        "rate": "step_rotation",
        "half rate": "step_rotation",
        "frame": "frame_from",
        "exponential": "exponential",
        "aim limited": "turn_toward",
        "conjugate": "seen_from_body",
    }[kind]
    form.write(function, lines.strip(), value)

    def agree(v: Values, after: Values) -> None:
        q, u, w, made = v.get("rotations"), v.get(first), v[second], after[out]
        z = np.array([0.0, 0.0, 1.0])
        size = np.linalg.norm(w, axis=-1)
        if kind in ("arc", "carry"):
            np.testing.assert_allclose(
                rotate(made, u if kind == "arc" else np.broadcast_to(z, w.shape)), w, atol=5e-3
            )
            start = u if kind == "arc" else rotate(q, np.broadcast_to(z, w.shape))
            rest = made if kind == "arc" else multiply(made, conjugate(q))
            angle = 2 * np.arctan2(np.linalg.norm(rest[..., :3], axis=-1), np.abs(rest[..., 3]))
            np.testing.assert_allclose(np.cos(angle), (start * w).sum(axis=-1), atol=5e-3)
        elif kind in ("rate", "exponential", "conjugate"):
            turn = about(
                w / size[..., None], v.angle + 0 * size if kind == "conjugate" else size * v.get("dt", 1.0)
            )
            want = {"rate": lambda: multiply(turn, q), "exponential": lambda: turn}.get(
                kind, lambda: multiply(multiply(conjugate(q), turn), q)
            )()
            same_rotation(made, want)
        elif kind == "half rate":
            whole = np.concatenate([w, 0 * w[..., :1]], axis=-1)
            want = q + 0.5 * v.dt * multiply(whole, q)
            np.testing.assert_allclose(made, want / np.linalg.norm(want, axis=-1, keepdims=True), atol=1e-4)
        elif kind == "frame":
            sure = np.abs((u * w).sum(axis=-1)) < 0.99
            m = matrix(made)[sure]
            np.testing.assert_allclose(m[..., 2], w[sure], atol=5e-3)
            across = np.cross(w, u)[sure]
            across = across / np.linalg.norm(across, axis=-1, keepdims=True)
            np.testing.assert_allclose(m[..., 1], across, atol=5e-3)
        else:
            dots = np.clip((u * w).sum(axis=-1), -1, 1)
            between = np.arccos(dots)
            sure = (between > 0.05) & (between < 3.09)
            reach = np.minimum(between, v.limit)
            across = w - dots[..., None] * u
            across = across / np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), 1e-9)
            want = np.cos(reach)[..., None] * u + np.sin(reach)[..., None] * across
            np.testing.assert_allclose(made[sure], want[sure], atol=5e-3)

    d.holds(agree)
