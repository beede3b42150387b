"""Denoising by alike patches."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.image import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Buades, Coll & Morel 2005; Buades, Coll & Morel 2011 (IPOL, sec. 2); Darbon et al. 2008",
    names={
        "noisy": "image|img_in|source",
        "clean": "denoised|img_out|filtered",
        "gap": "patch_msd|dissimilarity",
        "search_radius": "window_radius|reach",
        "patch_radius": "half_patch|patch_r",
        "strength": "h_filter|bandwidth|decay",
        "weight_sum": "norm|total_weight|w_total",
    },
    adjoint="no",
    weight=5,
)
def average_patches(d: Draft) -> None:
    """Denoises an image using non-local means."""
    color = d.option("pixels", "gray", "color", "uint8")
    border = d.option("border", "clamp", "mirror", "wrap", "inside")
    weigh = d.option("weight", "exponential", "flat", "bisquare")
    patch_weight = d.option("patch", "box", "gaussian")
    center = d.option("center", "alike", "most", "left out")
    early = d.flag("early exit", 0.4) and weigh == "exponential"
    if weigh == "flat" and center == "most":
        center = "alike"  # the largest of weights that are 0 or 1 is what a pixel is worth to itself anyhow
    result = d.option("result", "clean", "residual", "spread", weights=(0.6, 0.2, 0.2))
    if weigh == "flat" and result == "spread":
        weigh = "bisquare"  # of weights that are 0 or 1 the sum says it already
    if color == "uint8" and result != "clean":
        result = "clean"
    d.calls(
        {
            "clean": "average_patches|nlm_denoise|nonlocal_means|nl_means_filter|patch_denoise",
            "residual": "removed_noise|nlm_residual|nonlocal_residual",
            "spread": "effective_pixels|nlm_support|averaged_pixel_count",
        }[result]
    )
    high, wide = d.pick((10, 12), (9, 14), (12, 12))
    shape = (high, wide)
    pixel = {"gray": "float", "color": "vec3", "uint8": "uint8"}[color]
    top = 256 if color == "uint8" else 1.0
    unit = 255.0 if color == "uint8" else 1.0
    d.input("noisy", pixel, shape, 0, top, about="Noisy image")
    d.param("search_radius", "int", 2, about="Search window radius [px]")
    d.param("patch_radius", "int", 1, about="Patch radius [px]")
    d.param(
        "strength",
        "float",
        *((0.18 * unit, 0.22 * unit) if early or weigh == "bisquare" else (0.25 * unit, 0.4 * unit)),
        about="Filter strength h, in pixel value units",
    )
    d.param("noise", "float", 0.05 * unit, 0.1 * unit, about="Noise standard deviation")
    if result == "spread":
        d.output("effective_count", "float", shape, about="Effective number of averaged pixels")
        d.says("Computes the effective per-pixel sample count of a non-local means filter.")
    elif result == "residual":
        d.output("removed", pixel, shape, about="Method noise (noisy minus denoised image)")
        d.says("Computes the noise removed by non-local means.")
    else:
        d.output("clean", pixel, shape, about="Denoised image")
    if border == "mirror":
        d.function('''
            @wp.func
            def mirrored(at: int, size: int) -> int:
                """Reflect an index at the image border."""
                folded = wp.abs(at)
                if folded >= size:
                    return 2 * size - 2 - folded
                return folded
        ''')
    place = {
        "clamp": "wp.clamp({0}, 0, {1} - 1)",
        "mirror": "mirrored({0}, {1})",
        "wrap": "({0} + {1}) % {1}",
        "inside": "wp.clamp({0}, 0, {1} - 1)",
    }[border]
    ends = {"y": "noisy.shape[0]", "x": "noisy.shape[1]"}

    def at(y: str, x: str) -> str:
        return f"noisy[{place.format(y, ends['y'])}, {place.format(x, ends['x'])}]"

    read = "float({})" if color == "uint8" else "{}"
    square = "wp.length_sq(step) / 3.0" if color == "color" else "step * step"
    share = "1.0"
    if patch_weight == "gaussian":
        share = "wp.exp(-0.5 * float(py * py + px * px) / float(patch_radius * patch_radius))"
    law = {
        "exponential": "weight = wp.exp(-excess / (strength * strength))",
        "flat": "weight = wp.where(excess < strength * strength, 1.0, 0.0)",
        "bisquare": "rest = wp.max(1.0 - excess / (4.0 * strength * strength), 0.0)\nweight = rest * rest",
    }[weigh]
    own = {
        "alike": "",
        "most": "best = wp.max(best, weight)",
        "left out": "",
    }[center]
    skip_center = center in ("most", "left out")
    zero = "wp.vec3(0.0, 0.0, 0.0)" if color == "color" else "float(0.0)"
    after = {
        "alike": "",
        "most": "# The center pixel gets the same weight as the best match\nbest = wp.where(best > 0.0, best, 1.0)\n"
        f"average += best * {read.format('noisy[row, col]')}\nweight_sum += best",
        "left out": "# Keep the original value if no similar patch was found\nif weight_sum <= 0.0:\n"
        f"    average = {read.format('noisy[row, col]')}\n    weight_sum = 1.0",
    }[center]
    if result == "spread":
        after = {
            "alike": "",
            "most": "best = wp.where(best > 0.0, best, 1.0)\nweight_sum += best\nsquare_sum += best * best",
            "left out": "if weight_sum <= 0.0:\n    weight_sum = 1.0\n    square_sum = 1.0",
        }[center]
    mean = "average / weight_sum"
    store = {
        "clean": f"clean[row, col] = wp.uint8(wp.round({mean}))"
        if color == "uint8"
        else f"clean[row, col] = {mean}",
        "residual": f"removed[row, col] = noisy[row, col] - {mean}",
        "spread": "# Effective sample size (Kish): (sum w)^2 / sum w^2\neffective_count[row, col] = weight_sum * weight_sum / square_sum",
    }[result]
    d.launch(*shape)
    d.code(
        f"""
        row, col = wp.tid()
        $start
        weight_sum = float(0.0)
        $best
        for dy in range(-search_radius, search_radius + 1):
            for dx in range(-search_radius, search_radius + 1):
                $skip
                # Mean squared difference between both patches
                gap = float(0.0)
                $total
                for py in range(-patch_radius, patch_radius + 1):
                    for px in range(-patch_radius, patch_radius + 1):
                        here = {read.format(at("row + py", "col + px"))}
                        there = {read.format(at("row + dy + py", "col + dx + px"))}
                        step = here - there
                        $share
                $normalize
                # Subtract the expected noise contribution to the patch distance
                excess = wp.max(gap - 2.0 * noise * noise, 0.0)
                $early
                $law
                $best_seen
                $gather
                weight_sum += weight
        $after
        $store
        """,
        start=f"average = {zero}" if result != "spread" else "square_sum = float(0.0)",
        best="best = float(0.0)" if center == "most" else "",
        skip="\n".join(
            line
            for line, there in (
                ("if dy == 0 and dx == 0:\n    continue", skip_center),
                (
                    "# Skip candidates outside the image\n"
                    f"if row + dy < 0 or row + dy >= {ends['y']} or col + dx < 0 or col + dx >= {ends['x']}:\n    continue",
                    border == "inside",
                ),
            )
            if there
        ),
        share=f"gap += {square}"
        if share == "1.0"
        else f"# Weight pixels near the patch center more\nnearness = {share}\ngap += nearness * {square}\ntotal += nearness",
        total="total = float(0.0)" if share != "1.0" else "",
        normalize="gap /= total"
        if share != "1.0"
        else "gap /= float((2 * patch_radius + 1) * (2 * patch_radius + 1))",
        early="# Early exit: the weight would be below 2 %\nif excess > 4.0 * strength * strength:\n    continue"
        if early
        else "",
        law=law,
        best_seen=own,
        gather=f"average += weight * {read.format('noisy[row + dy, col + dx]' if border == 'inside' else at('row + dy', 'col + dx'))}"
        if result != "spread"
        else "square_sum += weight * weight",
        after=after,
        store=store,
    )
    formula = {
        "exponential": "w = exp(-e / h^2)",
        "flat": "w = 1 where e < h^2, else 0",
        "bisquare": "w = max(1 - e / (2 h)^2, 0)^2",
    }[weigh]
    mean_of = "mean squared difference"
    if patch_weight == "gaussian":
        mean_of = "Gaussian-weighted mean squared difference"
    own_part = {
        "alike": "",
        "most": "The center pixel gets the largest weight found in the window.",
        "left out": "The center pixel is excluded unless no similar patch is found.",
    }[center]
    beyond = {
        "clamp": "Border pixels are replicated outside the image.",
        "mirror": "The image is mirrored at its border.",
        "wrap": "The image is treated as periodic.",
        "inside": "Patches are padded by replicating border pixels.",
    }[border]
    d.explain(f"""
        {formula}, e = max(d^2 - 2 sigma^2, 0), d^2 the {mean_of} of the patches around both pixels.
        Only a local search window is visited. {beyond} {own_part}
    """)

    def reference(v: Values) -> dict[str, Any]:
        x = v.noisy.astype(float)
        x = x[..., None] if x.ndim == 2 else x
        reach = int(v.search_radius) + int(v.patch_radius)
        rows = [_index(i, high, border) for i in range(-reach, high + reach)]
        cols = [_index(i, wide, border) for i in range(-reach, wide + reach)]
        wide_ = x[rows][:, cols]
        offsets = [(a, b) for a in range(-2, 3) for b in range(-2, 3)]

        def moved(a: int, b: int) -> Any:
            return wide_[reach + a : reach + a + high, reach + b : reach + b + wide]

        total, square_, mean_ = np.zeros(shape), np.zeros(shape), np.zeros((*shape, x.shape[2]))
        best = np.zeros(shape)
        for a, b in offsets:
            if skip_center and a == 0 and b == 0:
                continue
            gap, norm = np.zeros(shape), 0.0
            for p in (-1, 0, 1):
                for q in (-1, 0, 1):
                    near = np.exp(-0.5 * (p * p + q * q)) if patch_weight == "gaussian" else 1.0
                    gap += near * ((moved(p, q) - moved(a + p, b + q)) ** 2).mean(2)
                    norm += near
            e = np.maximum(gap / norm - 2 * v.noise**2, 0) / v.strength**2
            w = {"exponential": np.exp(-e), "flat": 1.0 * (e < 1), "bisquare": np.maximum(1 - e / 4, 0) ** 2}[
                weigh
            ]
            if early:
                w = np.where(e > 4, 0.0, w)
            if border == "inside":
                i, j = np.indices(shape)
                w = np.where((i + a >= 0) & (i + a < high) & (j + b >= 0) & (j + b < wide), w, 0.0)
            total, square_, best = total + w, square_ + w * w, np.maximum(best, w)
            mean_ += w[..., None] * moved(a, b)
        if center == "most":
            w = np.where(best > 0, best, 1.0)
            total, square_, mean_ = total + w, square_ + w * w, mean_ + w[..., None] * x
        elif center == "left out":
            alone = total <= 0
            mean_ = np.where(alone[..., None], x, mean_)
            total, square_ = np.where(alone, 1.0, total), np.where(alone, 1.0, square_)
        if result == "spread":
            return {"effective_count": total**2 / square_}
        made: Any = mean_ / total[..., None]
        made = (
            x - made
            if result == "residual"
            else np.round(np.clip(made, 0, 255))
            if color == "uint8"
            else made
        )
        return {"removed" if result == "residual" else "clean": made if color == "color" else made[..., 0]}

    def agrees(v: Values, after: Values) -> None:
        for name, expected in reference(v).items():
            near = np.abs(after[name].astype(float) - expected) <= 1.01 * (color == "uint8") + 2e-3 * (
                1 + np.abs(expected)
            )
            assert near.mean() > 0.97, f"only {near.mean():.3f} of {name} agree"

    d.holds(agrees)


def _index(i: int, size: int, border: str) -> int:
    """Where a pixel beyond the border is read; a mirror reflects once."""
    if border == "wrap":
        return i % size
    if border == "mirror":
        folded = abs(i)
        return 2 * size - 2 - folded if folded >= size else folded
    return min(max(i, 0), size - 1)
