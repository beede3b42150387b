"""Histograms of patches of pictures, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.image import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, dedented


@DOMAIN.algorithm(
    source="Pizer et al. 1987 (adaptive equalization); Zuiderveld 1994 (contrast limit); Otsu 1979; Huang, Yang & Tang 1979 (medians)",
    names={
        "equalized_patches": "clahe_tiles|adaptive_equalize|patch_histogram_transform|tile_contrast",
        "picture": "image|gray|pixels",
        "counts": "histogram|hist|bins",
        "clipped": "limited|capped|cut",
        "ranks": "cdf|cumulative|running",
        "excess": "surplus|overflow|cut_off",
        "LEVELS": "BINS|NUM_LEVELS|TONES",
        "PIXELS": "N|AREA|PATCH_AREA",
        "patch": "block|region|tile_id",
    },
    adjoint="no",
)
def equalized_patches(d: Draft) -> None:
    """Spreads the gray values of each patch of a picture over all levels, with a limit to the contrast."""
    kind = d.option("kind", "equalize", "limited", "threshold", "quantile", "entropy")
    gathered = d.option("histogram", "shared", "weighted")
    redistributed = d.option("excess", "evenly", "dropped") if kind == "limited" else "dropped"
    codes = d.option("values", "levels", "floats")
    patches, pixels, levels = d.pick(3, 4), d.pick(48, 64, 96), d.pick(8, 16)
    d.module(f"LEVELS = wp.constant({levels})\nPIXELS = wp.constant({pixels})")
    if codes == "levels":
        d.input("picture", "int", (patches, pixels), 0, levels, about="gray levels, one row for each patch")
    else:
        d.input(
            "picture",
            "float",
            (patches, pixels),
            0.0,
            1.0,
            about="gray values in [0, 1), one row for each patch",
        )
    weighted = gathered == "weighted"
    if weighted:
        d.input("weights", "float", (patches, pixels), 0.5, 1.5, about="how much each pixel counts")
    if kind == "limited":
        d.param("limit", "float", 1.2, 2.5, about="largest count of a level, in units of the mean count")
    elif kind == "quantile":
        d.param("share", "float", 0.2, 0.8, about="share of the pixels that lies below")
    outputs = {
        "equalize": ("spread", "float", (patches, pixels), "values after equalization"),
        "limited": ("spread", "float", (patches, pixels), "values after equalization"),
        "threshold": ("thresholds", "int", (patches,), "level that parts each patch into two classes"),
        "quantile": ("quantiles", "int", (patches,), "level below which the share of the pixels lies"),
        "entropy": ("entropies", "float", (patches,), "entropy of each patch's levels [bit]"),
    }
    name, type_, shape, about = outputs[kind]
    d.output(name, type_, shape, about=about)
    d.says(
        {
            "equalize": "Spreads the gray values of each patch of a picture over all levels.",
            "limited": "Spreads the gray values of each patch of a picture over all levels, with a limit to the contrast.",
            "threshold": "Finds the threshold of each patch of a picture that best parts its levels into two classes.",
            "quantile": "Finds a quantile of the gray levels of each patch of a picture.",
            "entropy": "Computes the entropy of the gray levels of each patch of a picture.",
        }[kind]
    )
    d.function(
        f"@wp.func\ndef level_of(value: float) -> int:\n    return wp.min(int(value * {levels}.0), LEVELS - 1)"
    ) if codes == "floats" else None
    level = "picture[patch, p]" if codes == "levels" else "level_of(picture[patch, p])"
    mass = "total[0]" if weighted else f"{pixels}.0"
    if kind == "entropy":
        d.function("""
            @wp.func
            def information(count: float, mass: float) -> float:
                p = count / mass
                if p <= 0.0:
                    return 0.0
                return -p * wp.log2(p)
        """)
    if kind == "threshold":
        d.function('''
            @wp.func
            def between_classes(below: float, first: float, mass: float, mean_sum: float) -> float:
                """Variance between the classes at and below a level, and above it."""
                above = mass - below
                if below <= 0.0 or above <= 0.0:
                    return 0.0
                gap = first / below - (mean_sum - first) / above
                return below * above * gap * gap
        ''')
    if kind == "quantile":
        d.function(
            "@wp.func\ndef still_below(count: float, wanted: float) -> int:\n    return wp.where(count < wanted, 1, 0)"
        )
    look_up = f"""
        for first in range(0, PIXELS, wp.block_dim()):
            p = first + lane
            if p < PIXELS:
                level = {level}
                # Half of the level's own count, so that black and white are treated alike
                spread[patch, p] = (ranks[level] - 0.5 * {"limited_counts" if kind == "limited" else "counts"}[level]) / $mass
    """
    body = {
        "equalize": "ranks = wp.tile_scan_inclusive(counts)\n" + dedented(look_up),
        "limited": f"""
            ceiling = limit * {mass} / {levels}.0
            clipped = wp.tile_map(wp.min, counts, ceiling)
            $excess
            ranks = wp.tile_scan_inclusive(limited_counts)
            $look_up
        """,
        "threshold": """
            below = wp.tile_scan_inclusive(counts)
            first_moment = wp.tile_scan_inclusive(counts * wp.tile_arange(0.0, $levels.0, 1.0, dtype=float))
            score = wp.tile_map(between_classes, below, first_moment, $mass, first_moment[LEVELS - 1])
            thresholds[patch] = wp.tile_argmax(score)[0]
        """.replace("$levels", str(levels)),
        "quantile": "# As many levels lie below the quantile as have not reached the share yet\n"
        "ranks = wp.tile_scan_inclusive(counts)\n"
        "quantiles[patch] = wp.tile_sum(wp.tile_map(still_below, ranks, share * $mass))[0]",
        "entropy": "wp.tile_store(entropies, wp.tile_sum(wp.tile_map(information, counts, $mass)), offset=patch)",
    }[kind]
    excess = (
        "# What was cut off is given to all levels alike\n"
        f"excess = wp.tile_sum(counts - clipped)[0] / {levels}.0\n"
        "limited_counts = clipped + wp.tile_full(shape=LEVELS, value=excess, dtype=float)"
        if redistributed == "evenly"
        else "limited_counts = wp.tile_map(wp.pos, clipped)"
    )
    own_mass = mass
    if kind == "limited" and redistributed == "dropped":
        own_mass = "ranks[LEVELS - 1]"
    d.launch(patches, tiled=True)
    d.code(
        f"""
        patch, lane = wp.tid()
        counts = wp.tile_zeros(shape=LEVELS, dtype=float, storage="shared")
        # The scatter is collective: every thread runs the same number of iterations
        for start in range(0, PIXELS, wp.block_dim()):
            p = start + lane
            inside = p < PIXELS
            level = int(0)
            weight = float(0.0)
            if inside:
                level = {level}
                weight = {"weights[patch, p]" if weighted else "1.0"}
            wp.tile_scatter_add(counts, level, weight, inside)
        $total
        $body
        """,
        total="total = wp.tile_sum(counts)" if weighted else "",
        body=dedented(body),
        excess=excess,
        look_up=dedented(look_up),
        mass=own_mass if kind == "limited" else mass,
    )
    d.explain("The histogram of a patch fits into shared memory, so all threads add to it there.")

    def reference(v: Values) -> Mapping[str, Any]:
        x = v.picture
        at = (
            x.astype(int)
            if codes == "levels"
            else np.minimum((x.astype(np.float32) * np.float32(levels)).astype(int), levels - 1)
        )
        w = v.weights if weighted else np.ones_like(x, dtype=float)
        c = np.stack([np.bincount(a, b, levels) for a, b in zip(at, w, strict=True)])
        m = c.sum(1, keepdims=True)
        if kind == "entropy":
            p = c / m
            return {name: -(p * np.log2(np.where(p > 0, p, 1.0))).sum(1)}
        if kind == "limited":
            cut = np.minimum(c, v.limit * m / levels)
            c = cut + ((m - cut.sum(1, keepdims=True)) / levels if redistributed == "evenly" else 0.0)
            m = c.sum(1, keepdims=True)
        r = c.cumsum(1)
        if kind == "quantile":
            return {name: (r < v.share * m).sum(1)}
        if kind == "threshold":
            f = (c * np.arange(levels)).cumsum(1)
            with np.errstate(all="ignore"):
                s = r * (m - r) * (f / r - (f[:, -1:] - f) / (m - r)) ** 2
            return {name: np.nan_to_num(np.where((r > 0) & (r < m * (1 - 1e-6)), s, 0.0)).argmax(1)}
        return {name: np.take_along_axis((r - 0.5 * c) / m, at, 1)}

    d.check(reference, 2e-3)
