"""Reservoirs: one sample out of many, each with the chance that its weight asks for."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.sampling import DOMAIN
from warpgen.synthesis.algorithms.sampling._lights import LIGHTS, RESERVOIRS
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

_REUSE = '''
@wp.struct
class ReuseParams:
    """Reuse thresholds."""

'''

_TARGETS = {
    "lambert": """
        # Unshadowed Lambertian reflection
        return lights.intensity[light_index] * wp.max(wp.dot(n, to_light), 0.0) / (dist_sq * wp.sqrt(dist_sq))
        """,
    "irradiance": """
        # Inverse-square falloff for lights in front of the surface
        return wp.where(wp.dot(n, to_light) > 0.0, lights.intensity[light_index] / dist_sq, 0.0)
        """,
    "wrapped": """
        # Wrapped diffuse: includes lights up to 30 degrees below the horizon
        cos_light = wp.dot(n, to_light) / wp.sqrt(dist_sq)
        return lights.intensity[light_index] * wp.max(cos_light + 0.5, 0.0) / (1.5 * dist_sq)
        """,
}

_TOLD = {
    "lambert": "the light's contribution to a surface point",
    "irradiance": "inverse-square intensity for lights in front, ignoring the cosine",
    "wrapped": "the light's contribution to a surface point under wrapped diffuse shading",
}

_TARGET = '''
@wp.func
def target_pdf(lights: PointLights, light_index: int, x: wp.vec3, n: wp.vec3) -> float:
    """Unnormalized target density: $told."""
    if light_index < 0:
        return 0.0
    to_light = lights.position[light_index] - x
    # Clamp the distance to avoid fireflies
    dist_sq = wp.max(wp.dot(to_light, to_light), 0.01)
    $body
'''

_OFFSETS = {
    "cross": ((0, 1), (1, 0), (0, -1), (-1, 0)),
    "diagonal": ((1, 1), (1, -1), (-1, -1), (-1, 1)),
    "wide": ((0, 2), (2, 1), (1, -2), (-2, -1), (-1, 2)),
}


@DOMAIN.algorithm(
    source="Bitterli et al. 2020, Spatiotemporal reservoir resampling (ReSTIR), alg. 2-5; Chao 1982; Talbot et al. 2005",
    names={
        "reuse_reservoirs": "spatial_reuse|combine_reservoirs|restir_spatial|resample_neighbors",
        "lights": "light_buffer|emitters|point_lights",
        "reservoirs": "reservoirs_in|current",
        "chosen": "selected|selected_light",
        "weight_total": "w_sum|running_weight|weight_acc",
    },
    adjoint="no",
    weight=4,
)
def reuse_reservoirs(d: Draft) -> None:
    """Combines light reservoirs from each pixel and its neighbors using weighted resampling (ReSTIR)."""
    target = d.option("target", *_TARGETS)
    pattern = d.option("pattern", *_OFFSETS)
    unbiased = d.option("normalization", "biased", "count valid", "balance")
    similarity = d.option("similarity", "both", "depth", "none")
    capped = d.flag("capped")
    history = d.flag("temporal", 0.4)
    border = d.option("border", "skip", "mirror")
    rows, cols, count = d.pick(6, 8), d.pick(8, 10), d.pick(6, 8)
    shape = (rows, cols)
    if history:
        d.calls("spatiotemporal_reuse|combine_reservoirs|restir_reuse|resample_reservoirs")
        d.says(
            "Combines light reservoirs from each pixel, its neighbors and the previous frame using weighted resampling."
        )
    offsets = _OFFSETS[pattern]
    total = len(offsets) + (1 if history else 0)
    d.struct("lights", LIGHTS, {
        "position": fill(-3.0, 3.0, shape=count), "intensity": fill(1.0, 5.0, shape=count),
    }, about="Light sources")  # fmt: skip
    d.struct("reservoirs", RESERVOIRS, {
        "light": fill(-1, count, shape=shape), "count": fill(1, 24, shape=shape),
        "weight": fill(0.2, 2.0, shape=shape),
    }, about="Current-frame reservoirs")  # fmt: skip
    if history:
        d.struct("previous", RESERVOIRS, {
            "light": fill(-1, count, shape=shape), "count": fill(1, 40, shape=shape),
            "weight": fill(0.2, 2.0, shape=shape),
        }, about="Previous-frame reservoirs")  # fmt: skip
    d.input("positions", "vec3", shape, -1.0, 1.0, about="World-space surface positions")
    d.input("normals", "vec3", shape, kind="unit", about="Surface normals")
    if similarity != "none":
        d.input("depths", "float", shape, 2.0, 3.5, about="Linear depths, for edge stopping")
    limits = {}
    if similarity != "none":
        limits["max_depth_ratio"] = ("float", fill(0.2, 0.35))
    if similarity == "both":
        limits["min_normal_dot"] = ("float", fill(-0.4, 0.0))
    if capped:
        limits["max_count"] = ("int", fill(10, 16))
    if limits:
        fields = "".join(f"    {name}: {type_}\n" for name, (type_, _) in limits.items())
        filled = {name: filling for name, (_, filling) in limits.items()}
        d.struct("params", piece(_REUSE + fields), filled, about="Reuse thresholds")
    d.input(
        "uniforms", "float", (*shape, total), 0.01, 0.99, about="Uniform random sample per merged reservoir"
    )
    d.output("out_light", "int", shape, about="Selected light per pixel, -1 if none contributes")
    d.output("out_count", "int", shape, about="Number of candidates")
    d.output("out_weight", "float", shape, about="Contribution weight W")
    d.function(_TARGET, told=_TOLD[target], body=_TARGETS[target])
    if similarity != "none":
        test = """
            # Depth difference relative to the center pixel
            if wp.abs(depths[row_b, col_b] - depths[row_a, col_a]) > params.max_depth_ratio * depths[row_a, col_a]:
                return False
            """
        if similarity == "depth":
            test = """
            # Depth difference relative to the center pixel
            depth = depths[row_a, col_a]
            return wp.abs(depths[row_b, col_b] - depth) <= params.max_depth_ratio * depth
            """
        facing = """
            return wp.dot(normals[row_a, col_a], normals[row_b, col_b]) >= params.min_normal_dot
            """
        d.function(
            '''
            @wp.func
            def similar_surface(
                depths: wp.array2d(dtype=float),
                $normals
                params: ReuseParams,
                row_a: int,
                col_a: int,
                row_b: int,
                col_b: int,
            ) -> bool:
                """Edge-stopping test to avoid mixing reservoirs from different surfaces."""
                $depth
                $facing
            ''',
            depth=test,
            facing=facing if similarity == "both" else "",
            normals="normals: wp.array2d(dtype=wp.vec3)," if similarity == "both" else "",
        )
    surface = "depths, normals, params" if similarity == "both" else "depths, params"
    merge = """
        $read
        # w = p_hat(y) * W * M, evaluated at this pixel
        p_hat = target_pdf(lights, other_light, x, n)
        merge_weight = p_hat * other_weight * float(other_count)
        weight_total += merge_weight
        merged_count += other_count
        # Weighted reservoir sampling keeps the new sample with probability w / w_sum
        if uniforms[row, col, $slot] * weight_total < merge_weight:
            chosen = other_light
            $source
        """
    visit = """
        for neighbor in range($number):
            neighbor_row = row + NEIGHBOR_ROWS[neighbor]
            neighbor_col = col + NEIGHBOR_COLS[neighbor]
            $border
            $similar
            $work
        """
    loop = visit.replace("$work", "$merge")
    balance = unbiased == "balance"

    def merged(slot: str, place: str) -> str:
        return merge.replace("$slot", slot).replace("$source", f"$source_{place}")

    vec = f"vec{len(offsets)}i" if len(offsets) < 5 else "vec5i"
    if vec == "vec5i":
        d.module("vec5i = wp.types.vector(length=5, dtype=wp.int32)")
    kind = "wp.vec4i" if vec == "vec4i" else "vec5i"
    d.module(f"NEIGHBOR_ROWS = wp.constant({kind}({', '.join(str(o[0]) for o in offsets)}))")
    d.module(f"NEIGHBOR_COLS = wp.constant({kind}({', '.join(str(o[1]) for o in offsets)}))")
    cap = (
        "other_count = wp.min({0}.count[{1}], params.max_count)" if capped else "other_count = {0}.count[{1}]"
    )

    limited = "reservoirs.count[neighbor_row, neighbor_col]"
    if capped:
        limited = f"wp.min({limited}, params.max_count)"

    def read(buffer: str, at: str) -> str:
        return f"other_light = {buffer}.light[{at}]\nother_weight = {buffer}.weight[{at}]\n" + cap.format(
            buffer, at
        )

    d.launch(*shape)
    d.code(
        """
        row, col = wp.tid()
        x = positions[row, col]
        n = normals[row, col]

        # Start with the reservoir of the current pixel
        chosen = reservoirs.light[row, col]
        merged_count = reservoirs.count[row, col]
        own_pdf = target_pdf(lights, chosen, x, n)
        weight_total = own_pdf * reservoirs.weight[row, col] * float(merged_count)
        $here
        $loop
        $temporal

        out_count[row, col] = merged_count
        final_pdf = target_pdf(lights, chosen, x, n)
        # Skip empty reservoirs and samples that do not contribute here
        if final_pdf <= 0.0:
            out_light[row, col] = -1
            out_weight[row, col] = 0.0
            return

        $normalize
        out_light[row, col] = chosen
        out_weight[row, col] = $value
        """,
        loop=loop,
        number=str(len(offsets)),
        border={
            "skip": """
                # Skip neighbors outside the image
                if neighbor_row < 0 or neighbor_row >= positions.shape[0]:
                    continue
                if neighbor_col < 0 or neighbor_col >= positions.shape[1]:
                    continue
                """,
            "mirror": """
                # Mirror at the border, since clamping could merge a pixel with itself
                neighbor_row = wp.abs(neighbor_row)
                neighbor_row = wp.min(neighbor_row, 2 * positions.shape[0] - 2 - neighbor_row)
                neighbor_col = wp.abs(neighbor_col)
                neighbor_col = wp.min(neighbor_col, 2 * positions.shape[1] - 2 - neighbor_col)
                """,
        }[border],
        similar=f"if not similar_surface({surface}, row, col, neighbor_row, neighbor_col):\n    continue"
        if similarity != "none"
        else "",
        here={
            "biased": "",
            "count valid": "# Candidate count for the current pixel\nhere_count = merged_count",
            "balance": """
                # Candidate count and source pixel of the selected sample
                here_count = merged_count
                source_row = row
                source_col = col
                """,
        }[unbiased],
        merge=merged("neighbor", "there"),
        source_there="source_row = neighbor_row\nsource_col = neighbor_col" if balance else "",
        source_here="source_row = row\nsource_col = col" if balance else "",
        read=read("reservoirs", "neighbor_row, neighbor_col"),
        temporal="\n# Temporal reuse: the previous reservoir of the same pixel\n$merge_previous"
        + ("" if unbiased == "biased" else "\nhere_count += other_count")
        if history
        else "",
        merge_previous=merged(str(len(offsets)), "here").replace("$read", "$read_previous"),
        read_previous=read("previous", "row, col"),
        normalize={
            "biased": "",
            "count valid": """
                # 1 / Z: only count candidates from pixels where the selected sample has nonzero density
                valid_count = here_count
                $visit_again
                """,
            "balance": """
                # Balance heuristic over the merged pixels
                pdf_sum = final_pdf * float(here_count)
                $visit_again
                source_pdf = target_pdf(
                    lights, chosen, positions[source_row, source_col], normals[source_row, source_col]
                )
                """,
        }[unbiased],
        visit_again=visit.replace("$work", "$count_candidates"),
        count_candidates={
            "biased": "",
            "count valid": f"""
                neighbor_x = positions[neighbor_row, neighbor_col]
                if target_pdf(lights, chosen, neighbor_x, normals[neighbor_row, neighbor_col]) > 0.0:
                    valid_count += {limited}
                """,
            "balance": f"""
                neighbor_x = positions[neighbor_row, neighbor_col]
                neighbor_pdf = target_pdf(lights, chosen, neighbor_x, normals[neighbor_row, neighbor_col])
                pdf_sum += neighbor_pdf * float({limited})
                """,
        }[unbiased],
        value={
            "biased": "weight_total / (final_pdf * float(merged_count))",
            "count valid": "weight_total / (final_pdf * float(valid_count))",
            "balance": "weight_total * source_pdf / (final_pdf * pdf_sum)",
        }[unbiased],
    )
    weight = {
        "biased": "W = w_sum / (M p_hat(y)).",
        "count valid": "W = w_sum / (Z p_hat(y)), where Z counts candidates from pixels that could have sampled y.",
        "balance": "W = w_sum p_s(y) / (p_hat(y) sum_j M_j p_j(y)), where s is the source pixel of y.",
    }[unbiased]
    fading = " Candidate counts are capped so that old samples fade out." if capped else ""
    d.explain(f"""
        {weight} Reservoirs are merged in a fixed order using one random number each.
        The target density does not include visibility.{fading}
    """)

    def agrees(v: Values, after: Values) -> None:
        made = [
            _merged(v, i, j, target, offsets, (unbiased, similarity, border), capped)
            for i, j in np.ndindex(shape)
        ]
        light, seen, weight = (np.array(part).reshape(shape) for part in zip(*made, strict=True))
        same = np.asarray(after.out_light) == light
        assert same.mean() > 0.93
        np.testing.assert_array_equal(after.out_count[same], seen[same])
        mostly_close(np.where(same, after.out_weight, weight), weight, 3e-3)

    d.holds(agrees)


def _merged(
    v: Values, i: int, j: int, target: str, offsets: Any, how: tuple[str, str, str], capped: bool
) -> tuple[int, int, float]:
    """The light that one pixel keeps, how many candidates it has seen, and the weight."""
    unbiased, similarity, border = how
    rows, cols = v.positions.shape[:2]

    def density(light: int, a: int, b: int) -> float:
        if light < 0:
            return 0.0
        to = v["lights.position"][light] - v.positions[a, b]
        d2 = max(float(to @ to), 0.01)
        cos = float(v.normals[a, b] @ to)
        strength = float(v["lights.intensity"][light])
        if target == "lambert":
            return float(strength * max(cos, 0.0) / d2**1.5)
        if target == "irradiance":
            return strength / d2 * (cos > 0.0)
        return float(strength / d2 * max(cos / np.sqrt(d2) + 0.5, 0.0) / 1.5)

    chosen, seen = int(v["reservoirs.light"][i, j]), int(v["reservoirs.count"][i, j])
    source, took_part = (i, j), [(i, j, seen)]
    total = density(chosen, i, j) * v["reservoirs.weight"][i, j] * seen
    parts: list[tuple[str, int, int, int]] = []
    for slot, (dr, dc) in enumerate(offsets):
        a, b = i + dr, j + dc
        if border == "skip" and not (0 <= a < rows and 0 <= b < cols):
            continue
        a, b = (n - 1 - abs(n - 1 - abs(k)) for k, n in ((a, rows), (b, cols)))
        if similarity != "none":
            near = abs(v.depths[a, b] - v.depths[i, j]) <= v["params.max_depth_ratio"] * v.depths[i, j]
            if not near or (
                similarity == "both" and v.normals[i, j] @ v.normals[a, b] < v["params.min_normal_dot"]
            ):
                continue
        parts.append(("reservoirs", a, b, slot))
    if "previous.light" in v:
        parts.append(("previous", i, j, len(offsets)))
    for buffer, a, b, slot in parts:
        light, count = int(v[f"{buffer}.light"][a, b]), int(v[f"{buffer}.count"][a, b])
        count = min(count, int(v["params.max_count"])) if capped else count
        weight = density(light, i, j) * v[f"{buffer}.weight"][a, b] * count
        total, seen = total + weight, seen + count
        took_part.append((a, b, count))
        if weight > 0.0 and v.uniforms[i, j, slot] * total < weight:
            chosen, source = light, (a, b)
    final = density(chosen, i, j)
    if chosen < 0 or final <= 0.0:
        return -1, seen, 0.0
    if unbiased == "count valid":
        valid = sum(count for a, b, count in took_part if density(chosen, a, b) > 0.0)
        return chosen, seen, total / (final * valid)
    if unbiased == "balance":
        below = sum(density(chosen, a, b) * count for a, b, count in took_part)
        return chosen, seen, total * density(chosen, *source) / (final * below)
    return chosen, seen, total / (final * seen)
