"""Vectors, matrices and poses built out of numbers, changed in place and taken apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.language import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_Formulas = dict[str, Callable[[], Any]]


@DOMAIN.algorithm(
    source="Golub & Van Loan 2013, sec. 2.4, 2.1.4; Higham 1986",
    names={
        "plane_matrices": "small_matrices|matrix_kernel|two_by_two",
        "a": "matrices|m_in",
        "gradients": "displacement_gradients|grad_u",
        "shift": "ridge|damping",
    },
    adjoint="either",
    weight=6,
)
def plane_matrices(d: Draft) -> None:
    """Factorizes and inverts small matrices."""
    kind = d.option("kind", "polar", "stretch", "inverse", "balance", "built", "ratio")
    d.calls({
        "polar": "polar_rotations|nearest_rotations|plane_rotations",
        "stretch": "principal_stretches|plane_stretches",
        "inverse": "invert_matrices|inverse_2x2|small_inverses",
        "balance": "scale_columns|balance_columns|jacobi_scaling",
        "built": "spring_stiffness|plane_stiffness|stiffness_blocks",
        "ratio": "divide_by_trace|normalize_by_trace|trace_ratio",
    }[kind])  # fmt: skip
    shifted = d.flag("shifted") and kind in ("inverse", "balance", "ratio")
    apart = d.option("place", "inline", "function")
    per = d.option("layout", "matrices", "rows")
    to = " after a diagonal shift" if shifted else ""
    d.says({
        "polar": "Computes the rotation from the polar decomposition of 2D deformation gradients.",
        "stretch": "Computes the principal stretches of 2D deformation gradients.",
        "inverse": f"Inverts 2x2 matrices{to}, using approximate GPU division.",
        "balance": f"Divides 2x2 matrix columns by their diagonal entries{to}, using approximate GPU division.",
        "built": "Builds 2D spring stiffness matrices from spring directions.",
        "ratio": f"Divides 2x2 matrices by their trace{to}, using approximate GPU division.",
    }[kind])  # fmt: skip
    n = d.pick(48, 64, 96)
    deforms = kind in ("polar", "stretch")
    array = "gradients" if deforms else "a"
    if kind == "built":
        d.input("directions", "vec2", n, kind="unit", about="spring directions (unit vectors)")
        d.param("stiffness", "float", 10.0, 100.0, about="spring stiffness [N/m]")
        head, given, load = (
            "g: wp.vec2, stiffness: float",
            "directions[tid], stiffness",
            "g = directions[tid]",
        )
    elif per == "matrices":
        if deforms:
            d.input(array, "mat22", n, -0.3, 0.3, about="displacement gradients")
        else:
            d.input(array, "mat22", n, 0.5, 2.0, "spd", about="symmetric matrices")
        head, given, load = "m: wp.mat22", f"{array}[tid]", f"m = {array}[tid]"
    else:
        # Columns of numbers: off the diagonal they are small, so that no matrix is singular.
        if deforms:
            d.input(array, "float", (n, 4), -0.3, 0.3, about="row-major displacement gradients")
            parts = [f"{array}[tid, {k}]" for k in range(4)]
        else:
            d.input("diagonal", "vec2", n, 0.8, 2.0, about="diagonal entries")
            d.input("mixed", "vec2", n, -0.4, 0.4, about="off-diagonal entries (upper, lower)")
            parts = ["diagonal[tid][0]", "mixed[tid][0]", "mixed[tid][1]", "diagonal[tid][1]"]
        head, given, load = "m: wp.mat22", "m", f"m = wp.matrix({', '.join(parts)}, shape=(2, 2))"
    if shifted:
        d.param("shift", "float", 0.1, 1.0, about="diagonal shift")
        head, given = f"{head}, shift: float", f"{given}, shift"
    out, function, about = {
        "polar": ("rotations", "rotation_of", "rotations"),
        "stretch": ("stretches", "stretches_of", "principal stretches"),
        "inverse": ("inverses", "inverse_of", "inverses"),
        "balance": ("scaled", "scaled_columns", "matrices with ones on the diagonal"),
        "built": ("blocks", "stiffness_of", "stiffness matrices"),
        "ratio": ("ratios", "over_trace", "matrices with unit trace"),
    }[kind]
    d.output(out, "vec2" if kind == "stretch" else "mat22", n, about=about)
    f = "f" if deforms or shifted else "m"
    lines, result = {
        "polar": ("u, s, v = wp.svd2(f)", "u @ wp.transpose(v)"),
        "stretch": ("u, s, v = wp.svd2(f)", "s"),
        "inverse": ("", f"wp.inverse_approx({f})"),
        "balance": (
            f"p = wp.get_diag({f})",
            f"{f} @ wp.diag(wp.vec2(wp.div_approx(1.0, p[0]), wp.div_approx(1.0, p[1])))",
        ),
        "built": ("", "stiffness * wp.matrix_from_rows(g[0] * g, g[1] * g)"),
        "ratio": ("", f"wp.div_approx({f}, wp.trace({f}))"),
    }[kind]
    lift = ""
    if deforms:
        lift = "f = wp.identity(n=2, dtype=float) + m"
    elif shifted:
        lift = "f = m + shift * wp.identity(n=2, dtype=float)"
    lines = "\n".join(part for part in (lift, lines) if part)
    d.launch(n)
    if apart == "function" and (kind != "inverse" or shifted):  # a plain inverse is a builtin
        d.function(f"@wp.func\ndef {function}({head}):\n    $lines\n    return {result}", lines=lines)
        made = f"{load}\n" if given.startswith("m") else ""
        d.code(f"tid = wp.tid()\n{made}{out}[tid] = {function}({given})")
    else:
        d.code(f"tid = wp.tid()\n{load}\n$lines\n{out}[tid] = {result}", lines=lines)

    def agree(before: Values, after: Values) -> None:
        v = before
        if kind == "built":
            g = v.directions
            wanted = v.stiffness * g[:, :, None] * g[:, None, :]
            np.testing.assert_allclose(after[out], wanted, rtol=2e-3, atol=2e-3)
            return
        if deforms or per == "matrices":
            f = v[array].reshape(n, 2, 2)
        else:
            (a, b), (c, e) = v.diagonal.T, v.mixed.T
            f = np.stack([a, c, e, b], axis=1).reshape(n, 2, 2)
        f = f + (1.0 if deforms else v.shift if shifted else 0.0) * np.eye(2)
        u, s, vt = np.linalg.svd(f)
        diagonal = np.diagonal(f, axis1=1, axis2=2)
        formulas: _Formulas = {
            "polar": lambda: u @ vt,
            "stretch": lambda: s,
            "inverse": lambda: np.linalg.inv(f),
            "balance": lambda: f / diagonal[:, None, :],
            "ratio": lambda: f / np.trace(f, axis1=1, axis2=2)[:, None, None],
        }
        np.testing.assert_allclose(after[out], formulas[kind](), rtol=2e-3, atol=2e-3)

    d.holds(agree)


def turned(q: Any, x: Any) -> Any:
    """Vectors turned by quaternions x, y, z, w."""
    u, w = q[..., :3], q[..., 3:]
    t = 2 * np.cross(u, x)
    return x + w * t + np.cross(u, t)


def product(p: Any, q: Any) -> Any:
    """Products of quaternions x, y, z, w."""
    a, b, x, y = p[..., :3], q[..., :3], p[..., 3:], q[..., 3:]
    scalar = x * y - (a * b).sum(axis=-1, keepdims=True)
    return np.concatenate([x * b + y * a + np.cross(a, b), scalar], axis=-1)


@DOMAIN.algorithm(
    source="Murray, Li & Sastry 1994, ch. 2; Warp manual, Transformations",
    names={
        "poses": "frames|xforms|body_q",
        "positions": "translations|origins|p_in",
        "rotations": "orientations|quats|q_in",
        "scales": "sizes|s_in",
        "pose": "frame|xf|tf",
    },
    weight=12,
)
def built_poses(d: Draft) -> None:
    """Composes or decomposes poses."""
    kind = d.option(
        "kind",
        "compose",
        "decompose",
        "from matrix",
        "set position",
        "set rotation",
        "chain",
        "blend",
        "euler",
    )
    applied = d.option("result", "point", "whole")
    spelled = d.option("spelled", "short", "long")
    whole = {
        "compose": "Composes model matrices from position, rotation and scale.",
        "decompose": "Transforms scaled models to a parent frame and decomposes the matrices into rigid poses.",
        "from matrix": "Transforms rigid models to a parent frame and converts the matrices to poses.",
        "set position": "Sets the position of each pose, keeping its rotation.",
        "set rotation": "Sets the rotation of each pose, keeping its position.",
        "chain": "Composes each pose of a ring with the local transforms following it.",
        "blend": "Computes poses with half of the given rotation.",
        "euler": "Builds poses from positions and Euler angles.",
    }
    carried = {
        "compose": "Transforms a point from the local frame of each scaled model to its parent frame.",
        "decompose": "Transforms a point by model poses in a parent frame, with the scale removed.",
        "from matrix": "Transforms a point by rigid model poses in a parent frame.",
        "set position": "Transforms a point by poses with replaced positions.",
        "set rotation": "Transforms a point by poses with replaced rotations.",
        "chain": "Transforms a point by composed chains of local poses on a ring.",
        "blend": "Transforms a point by poses with half of the given rotation.",
        "euler": "Transforms a point by poses given as positions and Euler angles.",
    }
    d.says((carried if applied == "point" else whole)[kind])
    d.calls({
        "compose": "compose_matrices|model_matrices",
        "decompose": "remove_scales|strip_scale",
        "from matrix": "poses_from_matrices|matrix_to_pose",
        "set position": "place_frames|move_frames",
        "set rotation": "turn_frames|orient_frames",
        "chain": "chain_poses|chain_transforms|compose_frames",
        "blend": "half_turned_poses|halve_rotations",
        "euler": "poses_from_euler|euler_to_pose",
    }[kind] if applied == "whole" else "transform_points|move_points|carry_point")  # fmt: skip
    n = d.pick(48, 64, 96)
    changes = kind in ("set position", "set rotation", "chain")
    if changes or kind == "decompose":
        d.forward_only()  # changed in place, carried through a loop, or without a right adjoint in Warp
    if changes:
        d.input(
            "poses",
            "transform",
            n,
            -1.0,
            1.0,
            kind="transform",
            about="local poses on a ring" if kind == "chain" else "input poses",
        )
    if kind not in ("set rotation", "chain"):
        d.input("positions", "vec3", n, -1.0, 1.0, about="positions")
    if kind in ("compose", "decompose", "from matrix", "set rotation", "blend"):
        d.input("rotations", "quat", n, kind="unit", about="rotations")
    if kind == "euler":
        d.input(
            "angles",
            "vec3",
            n,
            -1.0,
            1.0,
            about="extrinsic x-y-z Euler angles [rad]",
        )
    if kind in ("compose", "decompose"):
        d.input("scales", "vec3", n, 0.5, 2.0, about="scales")
    if kind in ("decompose", "from matrix"):
        d.param("parent", "transform", -1.0, 1.0, kind="transform", about="parent frame")
    if kind == "chain":
        d.param("links", "int", d.pick(2, 3, 4), about="number of poses in the chain")
    point = applied == "point"
    if point:
        d.param("corner", "vec3", -1.0, 1.0, about="point in the local frame")
    matrix = kind == "compose"
    out, about = ("points_out", "transformed points") if point else (
        ("matrices", "model matrices") if matrix else ("poses_out", "poses")
    )  # fmt: skip
    d.output(out, "vec3" if point else "mat44" if matrix else "transform", n, about=about)
    make = "wp.transformation" if spelled == "long" else "wp.transform"
    model = "model = wp.transform_compose(positions[tid], rotations[tid], scales[tid])"
    one = "wp.vec3(1.0, 1.0, 1.0)"
    world = "world = wp.transform_to_matrix(parent) @ model"
    half = "wp.quat_slerp(wp.quat_identity(), rotations[tid], 0.5)"
    lines = {
        "compose": model,
        "decompose": f"{model}\n{world}\np, q, s = wp.transform_decompose(world)\npose = {make}(p, q)",
        "from matrix": f"model = wp.transform_compose(positions[tid], rotations[tid], {one})\n{world}\n"
        "pose = wp.transform_from_matrix(world)",
        "set position": "pose = poses[tid]\nwp.transform_set_translation(pose, positions[tid])",
        "set rotation": "pose = poses[tid]\nwp.transform_set_rotation(pose, rotations[tid])",
        "chain": "pose = wp.transform_identity()\nfor k in range(links):\n"
        "    # wrap around to the first pose\n    "
        + ("pose = wp.transform_multiply(pose, poses[(tid + k) % poses.shape[0]])" if spelled == "long"
           else "pose = pose * poses[(tid + k) % len(poses)]"),
        "blend": f"pose = {make}(positions[tid], {half})",
        "euler": "e = angles[tid]\n"
        + ("q = wp.quat_from_euler(e, 0, 1, 2)" if spelled == "short" else
           "# Extrinsic x-y-z rotation\nq = (\n"
           "    wp.quat_from_axis_angle(wp.vec3(0.0, 0.0, 1.0), e[2])\n"
           "    * wp.quat_from_axis_angle(wp.vec3(0.0, 1.0, 0.0), e[1])\n"
           "    * wp.quat_from_axis_angle(wp.vec3(1.0, 0.0, 0.0), e[0])\n)")
        + f"\npose = {make}(positions[tid], q)",
    }[kind]  # fmt: skip
    held = "model" if matrix else "pose"
    d.launch(n)
    d.code(
        f"tid = wp.tid()\n$lines\n{out}[tid] = {f'wp.transform_point({held}, corner)' if point else held}",
        lines=lines,
    )

    def agree(before: Values, after: Values) -> None:
        v = before
        p = v.get("positions", np.zeros((n, 3)))
        q = v.get("rotations", np.zeros((n, 4)))
        if kind == "set position":
            q = v.poses[:, 3:]
        elif kind == "set rotation":
            p = v.poses[:, :3]
        elif kind == "chain":
            p, q = np.zeros((n, 3)), np.tile([0.0, 0, 0, 1], (n, 1))
            for k in range(int(v.links)):
                link = np.roll(v.poses, -k, axis=0)
                p, q = p + turned(q, link[:, :3]), product(q, link[:, 3:])
        elif kind in ("decompose", "from matrix"):
            f = np.tile(v.parent, (n, 1))
            p, q = f[:, :3] + turned(f[:, 3:], p), product(f[:, 3:], q)
        elif kind == "blend":
            # Take the shorter arc
            q = q * np.where(q[:, 3:] < 0, -1.0, 1.0) + [0, 0, 0, 1]
            q = q / np.linalg.norm(q, axis=1, keepdims=True)
        elif kind == "euler":
            parts = [np.zeros((n, 4)) for _ in range(3)]
            for k, axis in enumerate((2, 1, 0)):
                parts[k][:, axis] = np.sin(v.angles[:, axis] / 2)
                parts[k][:, 3] = np.cos(v.angles[:, axis] / 2)
            q = product(product(parts[0], parts[1]), parts[2])
        scale = v.scales if matrix else np.ones((n, 3))
        if point:
            np.testing.assert_allclose(after[out], p + turned(q, scale * v.corner), atol=2e-3)
            return
        basis = np.stack([turned(q, scale[:, k : k + 1] * np.eye(3)[k]) for k in range(3)], axis=2)
        if matrix:
            np.testing.assert_allclose(after[out][:, :3, :3], basis, atol=2e-3)
            np.testing.assert_allclose(after[out][:, :3, 3], p, atol=2e-3)
            return
        found = after[out]
        np.testing.assert_allclose(found[:, :3], p, atol=2e-3)
        axes = np.stack([turned(found[:, 3:], np.tile(np.eye(3)[k], (n, 1))) for k in range(3)], axis=2)
        np.testing.assert_allclose(axes, basis, atol=3e-3)

    d.holds(agree)
