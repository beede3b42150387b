"""Gaussian splatting: from Gaussians in space to what a tile rasteriser needs of them."""

from __future__ import annotations

import numpy as np

from warpgen.synthesis.algorithms.rendering import DOMAIN
from warpgen.synthesis.algorithms.rendering.ewa import (
    BANDS,
    COLOR,
    CONSTANT_COLOR,
    COVARIANCE,
    FISHEYE,
    FISHEYE_ANGLE,
    FISHEYE_CAMERA,
    MODELS,
    ORTHOGRAPHIC_CAMERA,
    PROJECT,
    SPLAT_CAMERA,
    TILES,
    preprocessed,
)
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values, fill

# Directions in which Gaussians are seen: from the eye, or all alike through a camera without perspective
_VIEWS = {
    False: """
        eye = wp.transform_get_translation(wp.transform_inverse(camera.world_to_camera))
        view_dir = wp.normalize(means[gaussian_index] - eye)
        """,
    True: """
        # Orthographic rays are parallel to the camera axis
        to_world = wp.quat_inverse(wp.transform_get_rotation(camera.world_to_camera))
        view_dir = wp.quat_rotate(to_world, wp.vec3(0.0, 0.0, 1.0))
        """,
}


@DOMAIN.algorithm(
    source="Kerbl et al. 2023, 3D Gaussian splatting; Zwicker et al. 2001, EWA volume splatting; Yu et al. 2024",
    names={
        "preprocess_gaussians": "project_gaussians_to_screen|prepare_splats|splat_preprocess",
        "gaussian_index": "gid|idx|point_id",
        "camera_index": "cam|view|camera_id",
        "means": "positions|centers|gaussian_means",
        "sh_coeffs": "sh|features|sh_coefficients",
        "opacities": "opacity|alphas",
        "mean_camera": "p_cam|p_view|mean_c",
        "mean_image": "p_image|uv|pixel_mean",
    },
    weight=7,
)
def preprocess_gaussians(d: Draft) -> None:
    """Projects Gaussians to screen-space ellipses and evaluates their colors per camera."""
    degree = d.option("degree", 0, 1, 2, 3)
    model = d.option("model", *MODELS)
    batched = d.flag("cameras", 0.6)
    shape = d.option("shape", "scale and rotation", "covariance")
    compensated = d.flag("compensated")
    tiles = d.flag("tiles", 0.6)
    n, cameras = d.pick(32, 48, 64), d.pick(2, 3)
    tile = d.pick(8, 16)
    at = "camera_index, gaussian_index" if batched else "gaussian_index"
    size: int | tuple[int, ...] = (cameras, n) if batched else n
    zoom = "scale" if model == "orthographic" else "focal"
    fields = {
        "world_to_camera": fill(1.8, 2.2, "transform"),
        zoom: {"perspective": fill(18.0, 22.0), "orthographic": fill(8.0, 12.0), "fisheye": fill(22.0, 30.0)}[
            model
        ],
        "center": fill(28.0, 36.0),
        "width": fill(64, 65),
        "height": fill(64, 65),
        "near_plane": fill(value=0.3),
    }
    d.struct(
        "cameras" if batched else "camera",
        {"perspective": SPLAT_CAMERA, "orthographic": ORTHOGRAPHIC_CAMERA, "fisheye": FISHEYE_CAMERA}[model],
        fields,
        cameras if batched else (),
        about="Cameras to render, shape (num_cameras,)" if batched else "Camera to render with",
    )
    d.input("means", "vec3", n, -1.5, 1.5, about="Gaussian centers in world space")
    if shape == "covariance":
        d.input("covariances", "mat33", n, 0.02, 0.2, "spd", about="World-space covariances")
        sigma = "covariances[gaussian_index]"
    else:
        d.input("log_scales", "vec3", n, -2.5, -1.0, about="Log standard deviations")
        d.input("rotations", "quat", n, -1.0, 1.0, about="Rotations, not necessarily normalized")
        sigma = "gaussian_covariance(log_scales[gaussian_index], rotations[gaussian_index])"
        d.function(COVARIANCE)
    d.input("opacities", "float", n, 0.1, 0.95, about="Opacities in [0, 1]")
    d.input(
        "sh_coeffs", "vec3", (n, (degree + 1) ** 2), -0.4, 0.4,
        about=f"Spherical harmonics up to degree {degree}, shape (num_gaussians, {(degree + 1) ** 2})",
    )  # fmt: skip
    d.module(
        "LOW_PASS = wp.constant(0.3)  # variance added along both axes [px^2]\n"
        "MIN_SPREAD_SQ = wp.constant(0.1)  # lower bound on the squared half difference of the eigenvalues [px^4]"
    )
    d.output("means2d", "vec2", size, about="Projected centers [px]")
    d.output("depths", "float", size, about="Depths along the camera axis, for sorting")
    d.output("conic_opacities", "vec4", size, about="Inverse 2D covariance (xx, xy, yy) and opacity")
    d.output("colors", "vec3", size, about="View-dependent colors" if degree else "View-independent colors")
    d.output("radii", "int", size, about="Screen-space radii [px], 0 if culled")
    if tiles:
        d.output("tiles_touched", "int", size, about="Number of tiles overlapped by each Gaussian")
        d.module(f"TILE_SIZE = wp.constant({tile})")
        d.function(TILES, tile=str(tile))
    jacobian, pixel = MODELS[model]
    flat = model == "orthographic"  # the covariance is the same wherever the mean lies
    project = PROJECT
    if flat:
        project = project.replace("p: wp.vec3, ", "").replace(
            "        p: Gaussian mean in camera space.\n", ""
        )
        project = project.replace("to the image using a local affine approximation (EWA)", "to the image")
    elif model == "fisheye":
        project = project.replace("p: wp.vec3, ", "p: wp.vec3, theta_over_r: float, ").replace(
            "in camera space.\n",
            "in camera space.\n        theta_over_r: Off-axis angle divided by the distance to the axis.\n",
        )
    d.function(project, jacobian=jacobian)
    if degree:
        color = COLOR
        if flat:
            color = COLOR.replace("points from the camera to the Gaussian", "is the camera viewing direction")
        d.function(color, bands="".join(BANDS[: degree + 1]))
    else:
        d.function(CONSTANT_COLOR)
    d.launch(*((cameras, n) if batched else (n,)))
    d.code(
        """
        $index
        # Mark as culled by default
        radii[$at] = 0
        $untouched
        mean_camera = wp.transform_point(camera.world_to_camera, means[gaussian_index])
        # Early exit: behind the near plane
        if mean_camera[2] <= camera.near_plane:
            return

        $angle
        cov2d = project_covariance(camera, $at_mean$sigma)
        $before
        # Low-pass filter: make every splat at least about one pixel wide
        cov_xx = cov2d[0] + LOW_PASS
        cov_xy = cov2d[1]
        cov_yy = cov2d[2] + LOW_PASS
        det = cov_xx * cov_yy - cov_xy * cov_xy
        inv_det = 1.0 / det

        $image
        # radius = 3 * sqrt(lambda_max), clamped for numerical stability of near-circular splats
        half_trace = 0.5 * (cov_xx + cov_yy)
        lambda_max = half_trace + wp.sqrt(wp.max(half_trace * half_trace - det, MIN_SPREAD_SQ))
        extent = wp.ceil(3.0 * wp.sqrt(lambda_max))
        # Cull splats that are completely off-screen
        $touched
        opacity = opacities[gaussian_index]
        $compensate
        $view
        means2d[$at] = mean_image
        depths[$at] = mean_camera[2]
        conic_opacities[$at] = wp.vec4(cov_yy * inv_det, -cov_xy * inv_det, cov_xx * inv_det, opacity)
        colors[$at] = evaluate_sh(sh_coeffs, gaussian_index$along)
        radii[$at] = int(extent)
        """,
        index="camera_index, gaussian_index = wp.tid()\ncamera = cameras[camera_index]"
        if batched
        else "gaussian_index = wp.tid()",
        untouched="tiles_touched[$at] = 0" if tiles else "",
        angle=FISHEYE_ANGLE if model == "fisheye" else "",
        at_mean={"orthographic": "", "perspective": "mean_camera, "}.get(
            model, "mean_camera, theta_over_r, "
        ),
        sigma=sigma,
        before="det_sharp = cov2d[0] * cov2d[2] - cov2d[1] * cov2d[1]" if compensated else "",
        image=FISHEYE
        if model == "fisheye"
        else f"mean_image = {pixel.replace('p[', 'mean_camera[')}".replace("/ p", "/ mean_camera"),
        touched="""
            num_tiles = count_tiles(camera, mean_image, extent)
            if num_tiles == 0:
                return
            tiles_touched[$at] = num_tiles
            """
        if tiles
        else """
            if mean_image[0] + extent < 0.0 or mean_image[0] - extent > float(camera.width):
                return
            if mean_image[1] + extent < 0.0 or mean_image[1] - extent > float(camera.height):
                return
            """,
        compensate="""
            # Scale opacity to conserve the energy of small splats widened by the low-pass filter,
            # with a minimum factor of 0.005
            opacity *= wp.sqrt(wp.max(det_sharp * inv_det, 0.000025))
            """
        if compensated
        else "",
        at=at,
        view=_VIEWS[flat] if degree else "",
        along=", view_dir" if degree else "",
    )
    camera = {"perspective": "camera", "orthographic": "orthographic camera", "fisheye": "fisheye camera"}[
        model
    ]
    d.says(
        "Projects Gaussians to screen-space ellipses for "
        f"{'each' if batched else 'a' + 'n' * camera.startswith('o')} {camera} and evaluates their colors."
    )
    shrunk = "; opacities compensate for the 0.3 I dilation" if compensated else ""
    what_j = "is the scale" if flat else f"linearizes the {model} projection at the mean"
    d.explain(f"""
        Sigma' = J W Sigma W^T J^T + 0.3 I, where J {what_j}. Culled Gaussians get radius 0{shrunk}.
    """)

    def agrees(v: Values, after: Values) -> None:
        prefix = "cameras" if batched else "camera"
        found = [
            preprocessed(
                {"focal" if name == zoom else name: np.asarray(v[f"{prefix}.{name}"])[c] if batched else v[f"{prefix}.{name}"] for name in fields},
                v, model, degree, compensated, tile,
            )
            for c in range(cameras if batched else 1)
        ]  # fmt: skip
        names = [
            "means2d",
            "depths",
            "conic_opacities",
            "colors",
            "radii",
            *(["tiles_touched"] if tiles else []),
        ]
        for name in names:
            expected = np.stack([f[name] for f in found])
            seen = np.stack([f["seen" if tiles else "on_screen"] for f in found])
            expected = np.where(seen.reshape(seen.shape + (1,) * (expected.ndim - 2)), expected, 0.0)
            mostly_close(after[name], expected if batched else expected[0], 3e-3, 0.96)

    d.holds(agrees)
