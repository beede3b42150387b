"""Gaussian splats: their ellipses on the screen and what pixels get of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rendering import DOMAIN
from warpgen.synthesis.algorithms.rendering.cameras import turned
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.trim import trim

_NAMES = {
    "means": "positions|centers|xyz",
    "rotations": "quats|rots|orientations",
    "scales": "scaling|extents",
    "opacities": "alphas|opacity_in",
    "conics": "inv_cov2d|inverse_cov",
    "means2d": "xy|centers_2d|pixel_means",
    "alpha": "opacity|a|alpha_k",
    "T": "transmittance|trans|remaining",
    "image": "pixels|rendered|color_out",
    "Sigma": "cov3d|V|covariance",
    "J": "jacobian|dxdp|J_proj",
}


@DOMAIN.algorithm(
    source="Zwicker et al. 2001, EWA volume splatting; Kerbl et al. 2023, 3D Gaussian splatting, eq. 5-6",
    names=_NAMES
    | {"project_gaussians": "preprocess_gaussians|ewa_projection|splat_covariance|project_splats"},
    double=True,
    element="gaussian",
    weight=2,
)
def project_gaussians(d: Draft) -> None:
    """Projects 3D Gaussians to screen-space ellipses (EWA splatting)."""
    result = d.option("result", "covariance", "conic", "radius")
    d.calls({
        "covariance": "project_covariances|splat_covariance|ewa_projection",
        "conic": "project_gaussians|preprocess_gaussians|ewa_projection|project_splats",
        "radius": "splat_radii|gaussian_radii|screen_radii",
    }[result])  # fmt: skip
    form = d.option("covariance", "rotation and scale", "matrix", "log scale")
    camera = d.option("camera", "matrix", "pose")
    blur = d.flag("blur")
    n = d.pick(48, 64, 96)
    d.input("means", "vec3", n, -0.8, 0.8, about="Gaussian centers")
    if form == "matrix":
        d.input("cov", "mat33", n, 0.01, 0.2, "spd", about="World-space covariances")
        shape, scale = "Sigma = cov[tid]", ""
    else:
        d.input("rotations", "quat", n, kind="unit", about="Gaussian rotations")
        logs = form == "log scale"
        d.input(
            "log_scales" if logs else "scales", "vec3", n, *((-3.0, -1.0) if logs else (0.05, 0.4)),
            about=f"{'Logarithms of s' if logs else 'S'}tandard deviations along the axes",
        )  # fmt: skip
        scale = "s = scales[tid]"
        if form == "log scale":
            scale = """
                # scales are stored in log space to keep them positive
                log_s = log_scales[tid]
                s = wp.vec3(wp.exp(log_s[0]), wp.exp(log_s[1]), wp.exp(log_s[2]))
                """
        shape = """
            R = wp.quat_to_matrix(rotations[tid])
            $scale
            M = R * wp.diag(s)
            # Sigma = R S S^T R^T, positive semi-definite by construction
            Sigma = M * wp.transpose(M)
            """
    if camera == "matrix":
        d.param("W", "mat33", 0.0, 1.0, kind="rotation", about="World-to-camera rotation")
        d.param("translation", "vec3", 3.0, 4.0, about="World-to-camera translation")
        view = "t = W * means[tid] + translation"
    else:
        d.param("world_to_camera", "transform", 3.0, 4.0, kind="transform", about="World-to-camera transform")
        view = """
            W = wp.quat_to_matrix(wp.transform_get_rotation(world_to_camera))
            t = wp.transform_point(world_to_camera, means[tid])
            """
    d.param("focal", "vec2", 20.0, 40.0, about="Focal lengths [px]")
    if blur:
        d.param("low_pass", "float", 0.3, about="Low-pass variance added to the diagonal [px^2]")
    outs = {
        "covariance": (("cov2d", "vec3"),),
        "conic": (("conics", "vec3"), ("means2d", "vec2")),
        "radius": (("radii", "float"),),
    }[result]
    about = {
        "cov2d": "2D covariances (xx, xy, yy) [px^2]",
        "conics": "Inverse 2D covariances (xx, xy, yy)",
        "means2d": "Projected centers relative to the principal point [px]",
        "radii": "Three-sigma radii [px]",
    }
    for name, type in outs:
        d.output(name, type, n, about=about[name])
    store = {
        "covariance": "cov2d[tid] = wp.vec3(a, b, c)",
        "conic": """
            inv_det = 1.0 / (a * c - b * b)
            conics[tid] = wp.vec3(c * inv_det, -b * inv_det, a * inv_det)
            means2d[tid] = wp.vec2(focal[0] * t[0] * inv_z, focal[1] * t[1] * inv_z)
            """,
        "radius": """
            # three-sigma radius along the major axis
            mid = 0.5 * (a + c)
            lam = mid + wp.sqrt(wp.max(mid * mid - (a * c - b * b), 0.1))
            radii[tid] = 3.0 * wp.sqrt(lam)
            """,
    }[result]
    d.says(
        {
            "covariance": "Projects 3D Gaussian covariances to screen space.",
            "conic": "Projects 3D Gaussians to screen-space ellipses (EWA splatting).",
            "radius": "Computes three-sigma screen-space radii of 3D Gaussians.",
        }[result]
    )
    widen = " + low_pass" if blur else ""
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        $view
        $shape
        inv_z = 1.0 / t[2]
        # Jacobian of the perspective projection at the mean (EWA splatting)
        J = wp.mat33(
            focal[0] * inv_z, 0.0, -focal[0] * t[0] * inv_z * inv_z,
            0.0, focal[1] * inv_z, -focal[1] * t[1] * inv_z * inv_z,
            0.0, 0.0, 0.0,
        )
        P = J * W
        projected = P * Sigma * wp.transpose(P)
        a = projected[0, 0]$widen
        b = projected[0, 1]
        c = projected[1, 1]$widen
        $store
        """,
        view=view,
        shape=shape,
        scale=scale,
        widen=widen,
        store=store,
    )
    keeps = "\nThe low-pass term ensures that splats cover at least about one pixel." if blur else ""
    d.explain(
        f"Sigma' = J W Sigma W^T J^T, upper-left 2x2 block. Gaussians must be in front of the camera.{keeps}"
    )

    def reference(v: Values) -> dict[str, Any]:
        if form == "matrix":
            sigma = v.cov
        else:
            axes = np.stack([turned(v.rotations, np.eye(3)[k]) for k in range(3)], axis=-1)
            s = np.exp(v.log_scales) if form == "log scale" else v.scales
            sigma = np.einsum("nik,nk,njk->nij", axes, s**2, axes)
        if camera == "matrix":
            w = np.asarray(v.W)
            t = v.means @ w.T + v.translation
        else:
            pose = np.asarray(v.world_to_camera)
            w = turned(pose[3:], np.eye(3)).T
            t = v.means @ w.T + pose[:3]
        j = np.zeros((n, 2, 3))
        j[:, 0, 0], j[:, 1, 1] = v.focal[0] / t[:, 2], v.focal[1] / t[:, 2]
        j[:, :, 2] = -np.asarray(v.focal) * t[:, :2] / t[:, 2:] ** 2
        cov = j @ w @ sigma @ w.T @ np.swapaxes(j, 1, 2) + (v.low_pass if blur else 0.0) * np.eye(2)
        if result == "covariance":
            return {"cov2d": np.stack([cov[:, 0, 0], cov[:, 0, 1], cov[:, 1, 1]], axis=-1)}
        if result == "radius":
            mid, det = np.trace(cov, axis1=1, axis2=2) / 2.0, np.linalg.det(cov)
            return {"radii": 3.0 * np.sqrt(mid + np.sqrt(np.maximum(mid**2 - det, 0.1)))}
        inverse = np.linalg.inv(cov)
        return {
            "conics": np.stack([inverse[:, 0, 0], inverse[:, 0, 1], inverse[:, 1, 1]], axis=-1),
            "means2d": t[:, :2] / t[:, 2:] * v.focal,
        }

    d.check(reference, 5e-3)


@DOMAIN.algorithm(
    source="Kerbl et al. 2023, 3D Gaussian splatting, eq. 3; Zwicker et al. 2001",
    names=_NAMES | {"blend_splats": "render_gaussians|splat_pixels|rasterize_splats|composite_gaussians"},
    adjoint="no",
    double=True,
)
def blend_splats(d: Draft) -> None:
    """Alpha-blends depth-sorted Gaussian splats per pixel."""
    result = d.option("result", "colour", "alpha", "count", "depth")
    d.calls({
        "colour": "blend_splats|render_gaussians|splat_pixels|rasterize_splats",
        "alpha": "splat_opacity|accumulate_alpha|accumulated_opacity",
        "count": "count_splats|splats_per_pixel",
        "depth": "splat_depth|blend_depths|render_depth",
    }[result])  # fmt: skip
    form = d.option("conic", "cholesky", "mat22", "isotropic")
    stop = d.flag("stop")
    skip = d.flag("skip")
    order = d.option("order", "stored", "indexed")
    background = d.flag("background") if result == "colour" else False
    width, height, m = d.pick(12, 16), d.pick(8, 12), d.pick(12, 16, 20)
    d.input("means2d", "vec2", m, 0.0, 12.0, about="Projected centers [px]")
    if form == "isotropic":
        d.input("radii", "float", m, 2.0, 5.0, about="Isotropic splat standard deviations [px]")
        power = "power = -0.5 * wp.dot(delta, delta) / (radii[k] * radii[k])"
    elif form == "mat22":
        d.input("conics", "mat22", m, 0.03, 0.3, "spd", about="Inverse 2D covariances")
        power = "power = -0.5 * wp.dot(delta, conics[k] * delta)"
    else:
        about = "Lower Cholesky factors (xx, yx, yy) of the inverse 2D covariances"
        d.input("factors", "vec3", m, 0.2, 0.5, about=about)
        power = """
            # delta^T L L^T delta, nonnegative by construction
            q = factors[k]
            dx = q[0] * delta[0] + q[1] * delta[1]
            dy = q[2] * delta[1]
            power = -0.5 * (dx * dx + dy * dy)
            """
    d.input("opacities", "float", m, 0.5 if stop else 0.2, 0.95, about="Opacities in [0, 1]")
    if result == "colour":
        d.input("colors", "vec3", m, 0.0, 1.0, about="Colors")
    if result == "depth":
        d.input("z", "float", m, 1.0, 5.0, "ascending", about="Depths, nearest first")
    if order == "indexed":
        d.input("order", "int", m, kind="permutation", low=0, high=m, about="Indices sorted by depth")
    if background:
        d.param("backdrop", "vec3", 0.0, 1.0, about="Background color")
    d.param("num_splats", "int", m, about="Number of splats")
    name, type = {
        "colour": ("image", "vec3"),
        "alpha": ("coverage", "float"),
        "count": ("touched", "int"),
        "depth": ("depth", "float"),
    }[result]
    about = {
        "colour": "Blended colors",
        "alpha": "Accumulated opacities",
        "count": "Number of contributing splats",
        "depth": "Blended depths, not normalized by opacity",
    }[result]
    d.output(name, type, (height, width), about=about)
    d.says(
        {
            "colour": "Alpha-blends depth-sorted Gaussian splats per pixel"
            + (" over a background." if background else "."),
            "alpha": "Computes per-pixel accumulated opacity of Gaussian splats.",
            "count": "Counts contributing Gaussian splats per pixel.",
            "depth": "Alpha-blends Gaussian splat depths per pixel.",
        }[result]
    )
    gather = {
        "colour": "pixel += T * alpha * colors[k]",
        "alpha": "",
        "count": "touching += 1",
        "depth": f"blended_z += T * alpha * z[{'s' if order == 'indexed' else 'k'}]",
    }[result]
    first = {
        "colour": "pixel = wp.vec3()",
        "alpha": "",
        "count": "touching = int(0)",
        "depth": "blended_z = float(0.0)",
    }[result]
    last = {
        "colour": f"image[i, j] = pixel{' + T * backdrop' if background else ''}",
        "alpha": "coverage[i, j] = 1.0 - T",
        "count": "touched[i, j] = touching",
        "depth": "depth[i, j] = blended_z",
    }[result]
    if result == "count":
        skip = True
    d.launch(height, width)
    d.code(
        """
        i, j = wp.tid()
        p = wp.vec2(float(j) + 0.5, float(i) + 0.5)
        $first
        T = float(1.0)
        for $loop in range(num_splats):
            $pick
            delta = p - means2d[k]
            $power
            alpha = opacities[k] * wp.exp(power)
            $skip
            $gather
            T *= 1.0 - alpha
            $stop
        $last
        """,
        first=first,
        loop="s" if order == "indexed" else "k",
        pick="k = order[s]" if order == "indexed" else "",
        power=power,
        skip="if alpha < 1.0 / 255.0:\n    continue" if skip else "",
        gather=gather,
        stop="if T < 0.05:\n    break" if stop else "",
        last=last,
    )
    trim(d)

    def agrees(v: Values, after: Values) -> None:
        y, x = np.meshgrid(np.arange(height) + 0.5, np.arange(width) + 0.5, indexing="ij")
        at = np.stack([x, y], axis=-1)
        left = np.ones((height, width))
        made = np.zeros((height, width, 3) if result == "colour" else (height, width))
        for place, k in enumerate(v.order if order == "indexed" else range(m)):
            e = at - v.means2d[k]
            if form == "isotropic":
                conic = np.eye(2) / v.radii[k] ** 2
            elif form == "mat22":
                conic = v.conics[k]
            else:
                a, b, c = v.factors[k]
                conic = np.array([[a, 0.0], [b, c]]) @ np.array([[a, b], [0.0, c]])
            power = -0.5 * np.einsum("hwa,ab,hwb->hw", e, conic, e)
            alpha = v.opacities[k] * np.exp(power)
            if skip:
                alpha = np.where(alpha < 1.0 / 255.0, 0.0, alpha)
            if stop:
                alpha = np.where(left < 0.05, 0.0, alpha)
            share = left * alpha
            if result == "colour":
                made += share[..., None] * v.colors[k]
            elif result == "count":
                made += alpha > 0.0
            elif result == "depth":
                made += share * v.z[place]
            left = left * (1.0 - alpha)
        if background:
            made += left[..., None] * v.backdrop
        if result == "alpha":
            made = 1.0 - left
        near = np.abs(np.asarray(after[name]) - made) <= 1e-2 * (1.0 + np.abs(made))
        assert near.mean() > 0.97, f"{near.mean():.3f} agree"

    d.holds(agrees)
