"""Bundle adjustment: how far projections miss their observations, and how that changes with the unknowns."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rendering import DOMAIN
from warpgen.synthesis.algorithms.rendering._lenses import DISTORT, FIELDS, intrinsics, projected
from warpgen.synthesis.algorithms.rendering.cameras import turned
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values, fill

_LOSSES = {
    "squared": ("robust_weight = 1.0", lambda e, s: np.ones_like(e)),
    "huber": (
        """
        # Huber: constant weight inside the threshold, 1 / |r| outside
        robust_weight = wp.where(residual_norm <= loss_scale, 1.0, loss_scale / wp.max(residual_norm, 1.0e-6))
        """,
        lambda e, s: np.where(e <= s, 1.0, s / np.maximum(e, 1e-6)),
    ),
    "cauchy": (
        """
        # Cauchy: w = 1 / (1 + (r / c)^2)
        scaled_norm = residual_norm / loss_scale
        robust_weight = 1.0 / (1.0 + scaled_norm * scaled_norm)
        """,
        lambda e, s: 1.0 / (1.0 + (e / s) ** 2),
    ),
    "geman mcclure": (
        """
        # Geman-McClure, strongly suppresses outliers: w = 1 / (1 + (r / c)^2)^2
        scaled_norm = residual_norm / loss_scale
        denom = 1.0 + scaled_norm * scaled_norm
        robust_weight = 1.0 / (denom * denom)
        """,
        lambda e, s: 1.0 / (1.0 + (e / s) ** 2) ** 2,
    ),
}


@DOMAIN.algorithm(
    source="Triggs et al. 2000, Bundle adjustment; Brown 1971; Kannala & Brandt 2006; Zhang 1997 (robust weights)",
    names={
        "reprojection_residuals": "bundle_adjustment_residuals|evaluate_reprojection|ba_linearize|compute_reprojection_errors",
        "obs": "observation|edge|obs_id",
        "observations": "measurements|keypoints_2d|pixels",
        "points": "landmarks|points_3d|world_points",
        "poses": "camera_poses|extrinsics|world_to_camera",
        "p_camera": "p_cam|point_c|Xc",
        "robust_weight": "irls_weight|loss_weight",
        "residuals": "errors|residuals_out|r_out",
    },
    double=True,
    weight=6,
)
def reprojection_residuals(d: Draft) -> None:
    """Computes reprojection errors and their pose and point Jacobians."""
    model = d.option("model", *DISTORT)
    loss = d.option("loss", *_LOSSES)
    wanted = d.option("jacobian", "pose and point", "pose", "point", "none", "gradient")
    d.calls({
        "none": "reprojection_residuals|reprojection_errors|compute_reprojection_errors",
        "gradient": "reprojection_gradient|accumulate_pose_gradient|ba_gradient",
        "pose": "linearize_poses|pose_jacobians|reprojection_by_pose",
        "point": "linearize_points|point_jacobians|reprojection_by_point",
        "pose and point": "ba_linearize|bundle_adjustment_residuals|linearize_reprojection|reprojection_jacobians",
    }[wanted])  # fmt: skip
    shared = d.option("cameras", "shared", "each")
    mask = d.option("unused", "index", "flag", "none")
    cheirality = d.flag("cheirality", 0.7)
    n, views, points = d.pick(32, 48), d.pick(3, 4), d.pick(10, 12)
    fields = {"focal": fill(70.0, 90.0), "center": fill(120.0, 130.0)}
    for name in FIELDS[model]:
        fields[name] = fill(-0.05, 0.05) if name == "k1" else fill(-0.005, 0.005)
    d.struct(
        "camera" if shared == "shared" else "cameras",
        intrinsics(model),
        fields,
        () if shared == "shared" else views,
        about="Camera intrinsics" + ("" if shared == "shared" else ", one per view"),
    )
    # Some points lie behind the cameras, if these are skipped
    near, far, spread = (1.5, 2.0, 1.2) if cheirality else (2.9, 3.2, 0.7)
    d.input("poses", "transform", views, near, far, "transform", about="World-to-camera transforms")
    d.input("points", "vec3", points, -spread, spread, about="Landmark positions in the world frame [m]")
    d.input("observations", "vec2", n, 160.0, 250.0, about="Observed pixel coordinates")
    d.input("view_ids", "int", n, -1 if mask == "index" else 0, views, about="View index per observation" + (
        ", -1 if unused" if mask == "index" else ""))  # fmt: skip
    d.input("point_ids", "int", n, 0, points, about="Landmark index per observation")
    if mask == "flag":
        d.mask("enabled", "bool", n, about="Observation mask, False for rejected outliers")
    if loss != "squared":
        about = "Threshold" if loss == "huber" else "Scale"
        d.param("loss_scale", "float", 20.0, 50.0, about=f"{about} of the robust loss [px]")
    skipped = ", not written for skipped observations" if mask != "none" or cheirality else ""
    d.output(
        "residuals",
        "vec2",
        n,
        about=("Residuals [px]" if loss == "squared" else "Weighted residuals [px]") + skipped,
    )
    if wanted in ("pose and point", "pose"):
        d.output(
            "jac_pose",
            "float",
            (n, 2, 6),
            about=f"Pose Jacobians for a left perturbation (translation, rotation), shape (n, 2, 6){skipped}",
        )
    if wanted in ("pose and point", "point"):
        d.output("jac_point", "float", (n, 2, 3), about=f"Landmark Jacobians, shape (n, 2, 3){skipped}")
    if wanted == "gradient":
        d.inout(
            "pose_gradient",
            "float",
            (views, 6),
            value=0.0,
            about="Per-view gradient J^T r, shape (num_views, 6)",
        )
    value, slope = DISTORT[model]
    jacobian = wanted != "none"
    if not jacobian:
        slope = ""
    by_pose, by_point = (
        wanted in ("pose and point", "pose", "gradient"),
        wanted in ("pose and point", "point"),
    )
    row = {
        "pose": """
            # Left perturbation: dp = dt + dw x p, so dr/dw = p x (dr/dp)
            rot_u = wp.cross(p_camera, row_u)
            rot_v = wp.cross(p_camera, row_v)
            for axis in range(3):
                jac_pose[obs, 0, axis] = row_u[axis]
                jac_pose[obs, 1, axis] = row_v[axis]
                jac_pose[obs, 0, axis + 3] = rot_u[axis]
                jac_pose[obs, 1, axis + 3] = rot_v[axis]
            """,
        "gradient": """
            # Accumulate the pose gradient J^T r
            by_translation = residual[0] * row_u + residual[1] * row_v
            by_rotation = wp.cross(p_camera, by_translation)
            for axis in range(3):
                wp.atomic_add(pose_gradient, view, axis, by_translation[axis])
                wp.atomic_add(pose_gradient, view, axis + 3, by_rotation[axis])
            """,
    }
    d.launch(n)
    d.code(
        """
        obs = wp.tid()
        $view
        $intrinsics
        pose = poses[view]
        p_camera = wp.transform_point(pose, points[point_ids[obs]])
        $cheirality
        inv_z = 1.0 / p_camera[2]
        x = p_camera[0] * inv_z
        y = p_camera[1] * inv_z
        $distort
        predicted = camera.center + wp.vec2(camera.focal[0] * xd, camera.focal[1] * yd)
        residual = predicted - observations[obs]
        $norm
        $loss
        # Scale by sqrt(w) so that |r|^2 is the weighted cost
        sqrt_weight = wp.sqrt(robust_weight)
        residual = sqrt_weight * residual
        residuals[obs] = residual
        $slope
        $jacobian
        """,
        view={
            "index": "view = view_ids[obs]\n# Unused slot\nif view < 0:\n    return",
            "flag": ("# Skip rejected outliers\nif not enabled[obs]:\n    return\nview = view_ids[obs]"),
            "none": "view = view_ids[obs]",
        }[mask],
        intrinsics="" if shared == "shared" else "camera = cameras[view]",
        cheirality="""
            # Cheirality check: skip points behind or too close to the camera
            if p_camera[2] < 0.5:
                return
            """
        if cheirality
        else "",
        distort=value,
        norm="residual_norm = wp.length(residual)" if loss != "squared" else "",
        loss=_LOSSES[loss][0],
        slope=slope,
        jacobian="""
            # Chain rule through the perspective division; weights are held fixed (IRLS)
            weighted_fx = sqrt_weight * camera.focal[0] * inv_z
            weighted_fy = sqrt_weight * camera.focal[1] * inv_z
            row_u = weighted_fx * wp.vec3(dxd_dx, mixed, -(dxd_dx * x + mixed * y))
            row_v = weighted_fy * wp.vec3(mixed, dyd_dy, -(mixed * x + dyd_dy * y))
            $pose
            $point
            """
        if jacobian
        else "",
        pose=row["gradient" if wanted == "gradient" else "pose"] if by_pose else "",
        point="""
            # d(p_camera) / d(point) = R
            rotation = wp.transform_get_rotation(pose)
            point_u = wp.quat_rotate_inv(rotation, row_u)
            point_v = wp.quat_rotate_inv(rotation, row_v)
            for axis in range(3):
                jac_point[obs, 0, axis] = point_u[axis]
                jac_point[obs, 1, axis] = point_v[axis]
            """
        if by_point
        else "",
    )
    if loss == "squared":
        # without a weight there is nothing to scale
        for old, new in (
            ("robust_weight = 1.0\n", ""),
            ("# Scale by sqrt(w) so that |r|^2 is the weighted cost\n", ""),
            ("sqrt_weight = wp.sqrt(robust_weight)\nresidual = sqrt_weight * residual\n", ""),
            ("sqrt_weight * ", ""),
            ("; weights are held fixed (IRLS)", ""),
            ("weighted_f", "scaled_f"),
        ):
            d.text = d.text.replace(old, new)
    if model == "none":
        # without distortion the Jacobian is that of the division alone
        for old, new in (
            ("xd = x\nyd = y\n", ""),
            ("camera.focal[0] * xd, camera.focal[1] * yd", "camera.focal[0] * x, camera.focal[1] * y"),
            ("dxd_dx = 1.0\nmixed = 0.0\ndyd_dy = 1.0\n", ""),
            ("wp.vec3(dxd_dx, mixed, -(dxd_dx * x + mixed * y))", "wp.vec3(1.0, 0.0, -x)"),
            ("wp.vec3(mixed, dyd_dy, -(mixed * x + dyd_dy * y))", "wp.vec3(0.0, 1.0, -y)"),
        ):
            d.text = d.text.replace(old, new)
    errors = "reprojection errors" if loss == "squared" else "robustly weighted reprojection errors"
    d.says(
        {
            "none": f"Computes {errors}.",
            "gradient": f"Computes {errors} and accumulates per-view pose gradients.",
            "pose": f"Computes {errors} and pose Jacobians.",
            "point": f"Computes {errors} and landmark Jacobians.",
            "pose and point": f"Computes {errors} and the pose and landmark Jacobians.",
        }[wanted]
    )
    residual = (
        "r = project(T p) - z."
        if loss == "squared"
        else "r = sqrt(w) (project(T p) - z), where w is the weight of the robust loss."
    )
    by = "Pose derivatives use a left perturbation of T, translation first." if by_pose else ""
    d.explain(f"{residual} {by}".rstrip())

    def agrees(v: Values, after: Values) -> None:
        live = np.ones(n, bool)
        if mask == "index":
            live = np.asarray(v.view_ids) >= 0
        elif mask == "flag":
            live = np.asarray(v.enabled).astype(bool)
        view = np.maximum(v.view_ids, 0)
        prefix = "camera" if shared == "shared" else "cameras"
        cam = {f: v[f"{prefix}.{f}"] if shared == "shared" else v[f"{prefix}.{f}"][view] for f in fields}
        pose, x = v.poses[view], v.points[v.point_ids]
        p = turned(pose[:, 3:], x) + pose[:, :3]
        if cheirality:
            live &= p[:, 2] >= 0.5
        z = v.observations
        plain = projected(p, cam, model) - z
        w = np.sqrt(_LOSSES[loss][1](np.linalg.norm(plain, axis=1), v.get("loss_scale", 1.0)))
        w = np.where(live, w, 0.0)[:, None]
        mostly_close(after.residuals, w * plain, 3e-3)
        # complex steps give derivatives to the last digit
        step = 1e-30j

        def derivative(change: Any) -> Any:
            return w * projected(p + step * change, cam, model).imag / 1e-30

        pushes = [np.broadcast_to(np.eye(3)[k], p.shape) for k in range(3)]
        turns = [np.cross(np.eye(3)[k], p) for k in range(3)]
        by_pose = np.stack([derivative(c) for c in (*pushes, *turns)], axis=-1)
        if wanted in ("pose and point", "pose"):
            mostly_close(after.jac_pose, by_pose, 5e-3)
        if wanted in ("pose and point", "point"):
            axes = [turned(pose[:, 3:], np.broadcast_to(np.eye(3)[k], p.shape)) for k in range(3)]
            mostly_close(after.jac_point, np.stack([derivative(c) for c in axes], axis=-1), 5e-3)
        if wanted == "gradient":
            total = np.zeros((views, 6))
            np.add.at(total, view, np.einsum("nk,nkj->nj", w * plain, by_pose))
            scale = np.abs(total).max()
            np.testing.assert_allclose(after.pose_gradient / scale, total / scale, atol=2e-3)

    d.holds(agrees)
