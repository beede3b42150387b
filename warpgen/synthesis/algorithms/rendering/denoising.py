"""Noise of few light paths filtered away, guided by what is known of surfaces."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rendering import DOMAIN
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.trim import trim

_KERNELS = {"spline": (0.375, 0.25, 0.0625), "binomial": (0.5, 0.25, 0.0), "box": (1.0, 1.0, 1.0)}


@DOMAIN.algorithm(
    source="Dammertz et al. 2010, Edge-avoiding a-trous wavelet transform; Schied et al. 2017, SVGF, sec. 4",
    names={
        "atrous_filter": "atrous_pass|denoise_pass|edge_avoiding_filter|wavelet_denoise",
        "illumination": "color|noisy|radiance",
        "radiance": "noisy|noisy_color|color_in",
        "filtered": "denoised|color_out|result",
        "variance": "var|luma_variance",
        "step": "stride|step_width|spacing",
        "weight": "w|tap_weight",
        "weight_sum": "total_weight|norm|sum_w",
        "normal": "n|n_center|normal_p",
        "tap": "sample|neighbor|q",
    },
    adjoint="no",
    weight=3,
)
def atrous_filter(d: Draft) -> None:
    """Filters noisy illumination with one edge-avoiding a-trous pass."""
    kernel = d.option("kernel", *_KERNELS)
    luminance = d.option("luminance", "variance", "fixed", "none")
    depth = d.option("depth", "slope", "plain", "plane")
    normals = d.option("normal", "power", "exponential", "none")
    boundary = d.option("boundary", "skip", "clamp", "mirror")
    albedo = d.option("albedo", "none", "demodulate", "guide")
    ids = d.flag("ids", 0.4)
    sky = d.flag("sky", 0.5)
    keep = d.flag("store variance") if luminance == "variance" else False
    reach = 1 if kernel == "binomial" else 2
    rows, cols = d.pick(8, 10), d.pick(9, 11)
    size = (rows, cols)
    # Illumination is what the albedo has been divided out of
    light = "radiance" if albedo == "demodulate" else "illumination"
    d.input(light, "vec3", size, 0.0, 2.0, about="Noisy color")
    if luminance == "variance":
        of = " of radiance over albedo" if albedo == "demodulate" else ""
        d.input("variance", "float", size, 0.0, 0.4, about=f"Luminance variance{of}")
    if normals != "none" or depth == "plane":
        d.input("normals", "vec3", size, kind="unit", about="Unit surface normals")
    if depth == "plane":
        d.input("positions", "vec3", size, -1.0, 1.0, about="World-space positions")
    d.input(
        "depth",
        "float",
        size,
        -0.3 if sky else 1.0,
        3.0,
        about="Linear depth" + ", <= 0 for sky pixels" * sky,
    )
    if depth == "slope":
        d.input("depth_slope", "float", size, 0.05, 0.5, about="Maximum depth gradient per pixel")
    if albedo != "none":
        d.input(
            "albedo",
            "vec3",
            size,
            0.2,
            1.0,
            about="Diffuse albedo, must be nonzero" if albedo == "demodulate" else "Diffuse albedo",
        )
    if albedo == "guide":
        d.module("PHI_ALBEDO = wp.constant(2.0)  # albedo edge-stopping strength")
    if ids:
        d.input("mesh_id", "int", size, 0, 2, about="Mesh ID per pixel")
    if kernel == "box":
        d.param("radius", "int", reach, about="Filter radius in taps")
    else:
        d.module(f"RADIUS = wp.constant({reach})  # filter radius in taps")
    taps = "radius" if kernel == "box" else "RADIUS"
    d.param("step", "int", 1, 3, about="Tap spacing, doubled every pass [px]")
    if luminance != "none":
        d.param(
            "phi_color",
            "float",
            1.0,
            4.0,
            about="Luminance edge-stopping sigma"
            + (", in standard deviations" if luminance == "variance" else ""),
        )
    d.param(
        "phi_depth",
        "float",
        0.5,
        1.5,
        about="Plane distance edge-stopping sigma" if depth == "plane" else "Depth edge-stopping sigma",
    )
    if normals != "none":
        d.param("phi_normal", "float", 1.0, 4.0, about="Normal edge-stopping exponent")
    d.output("filtered", "vec3", size, about="Filtered color")
    if keep:
        d.output("variance_out", "float", size, about="Filtered variance")
    weights = _KERNELS[kernel]
    if kernel != "box":
        a, b, c = weights
        d.function(
            f'''
            @wp.func
            def tap_kernel(offset: int) -> float:
                """1D {"B3 spline" if kernel == "spline" else "binomial"} kernel weights."""
                distance = wp.abs(offset)
                if distance == 0:
                    return {a}
                $far
            ''',
            far=f"return wp.where(distance == 1, {b}, {c})" if c else f"return {b}",
        )
    if luminance != "none":
        d.function('''
            @wp.func
            def luminance(color: wp.vec3) -> float:
                """Relative luminance of a linear sRGB color."""
                return 0.2126 * color[0] + 0.7152 * color[1] + 0.0722 * color[2]
        ''')
    if boundary == "mirror":
        d.function('''
            @wp.func
            def mirrored(index: int, size: int) -> int:
                """Mirror an out-of-range index without repeating the border pixel."""
                reflected = wp.abs(index)
                if reflected >= size:
                    reflected = 2 * size - 2 - reflected
                return reflected
        ''')
    blur = luminance == "variance"
    if blur:
        d.function('''
            @wp.func
            def blurred_variance(variance: wp.array2d(dtype=float), row: int, col: int) -> float:
                """3x3 Gaussian prefilter, since variance estimates from few samples are noisy."""
                total = float(0.0)
                for m in range(-1, 2):
                    for n in range(-1, 2):
                        r = wp.clamp(row + m, 0, variance.shape[0] - 1)
                        c = wp.clamp(col + n, 0, variance.shape[1] - 1)
                        share = 1.0 / float((1 + wp.abs(m)) * (1 + wp.abs(n)))
                        total += 0.25 * share * variance[r, c]
                return total
        ''')
    color_of = "illumination[{}]" if albedo != "demodulate" else "wp.cw_div(radiance[{0}], albedo[{0}])"
    place = {
        "skip": """
            r = row + m * step
            c = col + n * step
            if r < 0 or c < 0 or r >= illumination.shape[0] or c >= illumination.shape[1]:
                continue
            """,
        "clamp": """
            r = wp.clamp(row + m * step, 0, illumination.shape[0] - 1)
            c = wp.clamp(col + n * step, 0, illumination.shape[1] - 1)
            """,
        "mirror": """
            r = mirrored(row + m * step, illumination.shape[0])
            c = mirrored(col + n * step, illumination.shape[1])
            """,
    }[boundary]
    by_depth = {
        "slope": """
            # Normalize by the depth change expected from the surface slope
            spacing = float(step) * wp.sqrt(float(m * m + n * n))
            expected = phi_depth * depth_slope[row, col] * spacing + 1.0e-2
            exponent = wp.abs(depth[r, c] - z) / expected
            """,
        "plain": "exponent = wp.abs(depth[r, c] - z) / phi_depth",
        "plane": """
            # Tangent plane distance, so that slanted surfaces are not treated as edges
            to_plane = wp.abs(wp.dot(normal, positions[r, c] - position))
            exponent = to_plane / phi_depth
            """,
    }[depth]
    cosine = "wp.max(wp.dot(normal, normals[r, c]), 0.0)"
    by_normal = {
        "power": f"cosine = {cosine}\nweight *= wp.pow(cosine, phi_normal)",
        "exponential": f"exponent += phi_normal * (1.0 - {cosine})",
        "none": "",
    }[normals]
    by_light = (
        ""
        if luminance == "none"
        else f"exponent += wp.abs(luminance(tap) - center_luma) / {'phi_color' if luminance == 'fixed' else 'sigma_color'}"
    )
    guided = """
        # Preserve texture edges
        texture_gap = wp.length(albedo[r, c] - albedo[row, col])
        exponent += PHI_ALBEDO * texture_gap
        """
    d.launch(*size)
    d.code(
        """
        row, col = wp.tid()
        z = depth[row, col]
        $sky
        $normal
        $position
        $first = $center
        $sigma
        # The center tap always has full weight
        weight_sum = $own
        $total
        $var0
        for m in range(-$taps, $taps + 1):
            for n in range(-$taps, $taps + 1):
                if m == 0 and n == 0:
                    continue
                $place
                $same
                $depth_sky
                tap = $tap
                $by_depth
                $by_light
                $guide
                weight = $kernel
                $by_normal
                total += weight * tap
                weight_sum += weight
                $gather
        $store
        """,
        sky="""
            # Skip sky pixels
            if z <= 0.0:
                filtered[row, col] = illumination[row, col]$keep
                return

            """.replace("$keep", "\n    variance_out[row, col] = variance[row, col]" if keep else "").replace(
            "\n    variance_out", "\n                variance_out"
        )
        if sky
        else "",
        normal="normal = normals[row, col]" if normals != "none" or depth == "plane" else "",
        position="position = positions[row, col]" if depth == "plane" else "",
        center=color_of.format("row, col"),
        sigma={
            "variance": """
                center_luma = luminance($first)
                # Scale the tolerance by the estimated noise level
                sigma_color = phi_color * wp.sqrt(blurred_variance(variance, row, col) + 1.0e-3)
                """,
            "fixed": "center_luma = luminance($first)",
            "none": "",
        }[luminance],
        first="total" if kernel == "box" else "center",
        taps=taps,
        total="" if kernel == "box" else "total = weight_sum * center",
        own="float(1.0)" if kernel == "box" else "tap_kernel(0) * tap_kernel(0)",
        var0=""
        if not keep
        else "variance_sum = variance[row, col]"
        if kernel == "box"
        else "variance_sum = weight_sum * weight_sum * variance[row, col]",
        place=place,
        same="# Do not filter across mesh boundaries\nif mesh_id[r, c] != mesh_id[row, col]:\n    continue"
        if ids
        else "",
        depth_sky="if depth[r, c] <= 0.0:\n    continue" if sky else "",
        tap=color_of.format("r, c"),
        by_depth=by_depth,
        by_light=by_light,
        guide=guided if albedo == "guide" else "",
        kernel=("" if kernel == "box" else "tap_kernel(m) * tap_kernel(n) * ") + "wp.exp(-exponent)",
        by_normal=by_normal if normals == "power" else "",
        gather="variance_sum += weight * weight * variance[r, c]" if keep else "",
        store=(
            "filtered[row, col] = total / weight_sum"
            if albedo != "demodulate"
            else "# Remodulate albedo so the texture stays sharp\nfiltered[row, col] = wp.cw_mul(total / weight_sum, albedo[row, col])"
        )
        + (
            "\n# Variance of the weighted mean\nvariance_out[row, col] = variance_sum / (weight_sum * weight_sum)"
            if keep
            else ""
        ),
    )
    d.text = d.text.replace("illumination", light)
    if normals == "exponential":
        d.text = d.text.replace("        weight = ", f"        {by_normal}\n        weight = ", 1)
    trim(d)
    guides = [
        *(["luminance"] if luminance != "none" else []),
        *(["normals"] if normals != "none" else []),
        "depth" if depth != "plane" else "the tangent plane",
        *(["albedo"] if albedo == "guide" else []),
    ]
    guided_by = " and ".join([", ".join(guides[:-1]), guides[-1]] if guides[1:] else guides)
    guided_by += " within meshes" if ids else ""
    noisy = "demodulated illumination" if albedo == "demodulate" else "noisy illumination"
    d.says(f"Filters {noisy} with one edge-avoiding a-trous wavelet pass, guided by {guided_by}.")
    d.explain("""
        Doubling the step in every pass gives a large filter footprint at low cost. Weights decrease when taps
        differ from the center.
    """)

    def agrees(v: Values, after: Values) -> None:
        made, spread = np.zeros((rows, cols, 3)), np.zeros(size)
        base = v.radiance / v.albedo if albedo == "demodulate" else v.illumination
        for i in range(rows):
            for j in range(cols):
                made[i, j], spread[i, j] = filtered_at(v, base, i, j)
        if albedo == "demodulate":
            made = np.where(
                (v.get("depth", np.ones(size)) <= 0)[..., None] & sky, v.radiance, made * v.albedo
            )
        mostly_close(after.filtered, made, 5e-3)
        if keep:
            mostly_close(after.variance_out, spread, 5e-3)

    def weight_at(v: Values, base: Any, p: tuple[int, int], q: tuple[int, int], m: int, n: int) -> float:
        rgb = np.array([0.2126, 0.7152, 0.0722])
        z = v.get("depth", np.ones(size))
        away = abs(z[q] - z[p]) / v.phi_depth
        if depth == "slope":
            away = abs(z[q] - z[p]) / (v.phi_depth * v.depth_slope[p] * v.step * np.hypot(m, n) + 1e-2)
        if depth == "plane":
            away = abs(v.normals[p] @ (v.positions[q] - v.positions[p])) / v.phi_depth
        if luminance != "none":
            around = np.pad(v.get("variance", np.ones(size)), 1, mode="edge")[
                p[0] : p[0] + 3, p[1] : p[1] + 3
            ]
            blurred = (around * np.outer([1, 2, 1], [1, 2, 1])).sum() / 16
            sigma = v.phi_color * (np.sqrt(blurred + 1e-3) if luminance == "variance" else 1.0)
            away += abs((base[q] - base[p]) @ rgb) / sigma
        if albedo == "guide":
            away += 2 * np.linalg.norm(v.albedo[q] - v.albedo[p])
        gain = 1.0
        if normals != "none":
            cos = max(v.normals[p] @ v.normals[q], 0.0)
            away += v.phi_normal * (1 - cos) if normals == "exponential" else 0.0
            gain = cos**v.phi_normal if normals == "power" else 1.0
        return float(weights[abs(m)] * weights[abs(n)] * np.exp(-away) * gain)

    def filtered_at(v: Values, base: Any, i: int, j: int) -> tuple[Any, float]:
        old = v.get("variance", np.zeros(size))
        if sky and v.depth[i, j] <= 0:
            return base[i, j], old[i, j]
        whole = weights[0] ** 2
        color, spread = whole * base[i, j], whole**2 * old[i, j]
        for m in range(-reach, reach + 1):
            for n in range(-reach, reach + 1):
                r, c = i + m * int(v.step), j + n * int(v.step)
                if boundary == "skip" and not (0 <= r < rows and 0 <= c < cols):
                    continue
                if boundary == "mirror":
                    r, c = (2 * s - 2 - abs(k) if abs(k) >= s else abs(k) for k, s in ((r, rows), (c, cols)))
                q = min(max(r, 0), rows - 1), min(max(c, 0), cols - 1)
                other = ids and v.mesh_id[q] != v.mesh_id[i, j]
                if m == n == 0 or other or (sky and v.depth[q] <= 0):
                    continue
                w = weight_at(v, base, (i, j), q, m, n)
                color, spread, whole = color + w * base[q], spread + w * w * old[q], whole + w
        return color / whole, spread / whole**2

    d.holds(agrees)
