"""Histograms of patches of pictures, and what follows from them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.image import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, dedented


@DOMAIN.algorithm(
    source="Pizer et al. 1987 (adaptive equalization); Zuiderveld 1994 (contrast limit); Otsu 1979; Huang, Yang & Tang 1979 (medians)",
    names={
        "picture": "image|gray",
        "counts": "histogram|hist|bins",
        "histogram": "hist|bins|weight_sums",
        "clipped": "limited|capped|cut",
        "ranks": "cdf|cumulative|running",
        "LEVELS": "BINS|NUM_LEVELS|TONES",
        "PIXELS": "N|AREA|PATCH_AREA",
        "patch": "block|region|tile_id",
    },
    adjoint="no",
    weight=12,
)
def equalized_patches(d: Draft) -> None:
    """Applies contrast-limited histogram equalization to each image patch."""
    kind = d.option("kind", "equalize", "limited", "threshold", "quantile", "entropy")
    gathered = d.option("histogram", "shared", "weighted")
    redistributed = d.option("excess", "evenly", "dropped") if kind == "limited" else "dropped"
    codes = d.option("values", "levels", "floats")
    d.calls(
        {
            "equalize": "equalized_patches|equalize_tiles|patch_equalize",
            "limited": "clahe_tiles|adaptive_equalize|equalize_limited",
            "threshold": "otsu_thresholds|patch_thresholds|threshold_tiles",
            "quantile": "patch_quantiles|gray_quantile|tile_quantiles",
            "entropy": "patch_entropy|gray_entropy|tile_entropies",
        }[kind]
    )
    patches, pixels = d.pick(3, 4), d.pick(48, 64, 96)
    levels = d.pick(8, 16)
    d.module(f"LEVELS = wp.constant({levels})\nPIXELS = wp.constant({pixels})")
    if codes == "levels":
        d.input("picture", "int", (patches, pixels), 0, levels, about="gray levels, one row per patch")
    else:
        d.input(
            "picture",
            "float",
            (patches, pixels),
            0.0,
            1.0,
            about="gray values in [0, 1), one row per patch",
        )
    weighted = gathered == "weighted"
    if weighted:
        d.input("weights", "int", (patches, pixels), 1, 5, about="per-pixel integer weights")
    if kind == "limited":
        d.param("limit", "float", 1.2, 2.5, about="clip limit, as a multiple of the mean bin count")
    elif kind == "quantile":
        d.param("share", "float", 0.2, 0.8, about="target quantile in [0, 1]")
    outputs = {
        "equalize": ("spread", "float", (patches, pixels), "equalized values in [0, 1]"),
        "limited": ("spread", "float", (patches, pixels), "equalized values in [0, 1]"),
        "threshold": (
            "thresholds",
            "int",
            (patches,),
            "Otsu threshold, the highest level of the dark class",
        ),
        "quantile": ("quantiles", "int", (patches,), "quantile level of each patch"),
        "entropy": ("entropies", "float", (patches,), "gray-level entropy per patch [bit]"),
    }
    name, type_, shape, about = outputs[kind]
    ranks = "weighted ranks" if weighted else "ranks"
    d.output(name, type_, shape, about=about)
    by = " using pixel weights" if weighted else ""
    d.says(
        {
            "equalize": f"Equalizes each image patch to [0, 1] using {ranks}.",
            "limited": f"Applies contrast-limited equalization to each image patch using {ranks}.",
            "threshold": f"Computes Otsu's threshold for each image patch{by}.",
            "quantile": f"Computes a gray-level quantile for each image patch{by}.",
            "entropy": f"Computes the gray-level entropy of each image patch{by}.",
        }[kind]
    )
    d.function(
        "@wp.func\ndef level_of(value: float) -> int:\n    return wp.min(int(value * float(LEVELS)), LEVELS - 1)"
    ) if codes == "floats" else None
    pixel = "picture[patch, wp.min(p, PIXELS - 1)]"
    level = pixel if codes == "levels" else f"level_of({pixel})"
    mass = "limited_total" if kind == "limited" else ("total" if weighted else "PIXELS")
    if kind == "entropy":
        d.function("""
            @wp.func
            def information(count: int, total: int) -> float:
                if count == 0:
                    return 0.0
                p = float(count) / float(total)
                return -p * wp.log2(p)
        """)
    if kind == "threshold":
        d.function('''
            @wp.func
            def between_classes(below: int, moment: int, whole: int, whole_moment: int) -> float:
                """Between-class variance for a threshold level, up to a constant factor."""
                above = whole - below
                if below == 0 or above == 0:
                    return 0.0
                gap = float(moment) / float(below) - float(whole_moment - moment) / float(above)
                return float(below) * float(above) * gap * gap
        ''')
    if kind == "quantile":
        d.function("""
            @wp.func
            def still_below(count: int, wanted: float) -> int:
                return wp.where(float(count) < wanted, 1, 0)
        """)
    own = "counts"
    if kind == "limited":
        own = "limited_counts" if redistributed == "evenly" else "clipped"
    look_up = f"""
        $mass
        for first in range(0, PIXELS, wp.block_dim()):
            # All threads must take part in tile reads, even past the last pixel
            p = first + lane
            level = {level}
            # Mid-rank: subtract half of the bin count so that black and white are treated symmetrically
            rank = float(ranks[level]) - 0.5 * float({own}[level])
            if p < PIXELS:
                spread[patch, p] = rank / float({mass})
    """
    given = "total" if weighted else "PIXELS"
    body = {
        "equalize": "ranks = wp.tile_scan_inclusive(counts)\n" + dedented(look_up),
        "limited": f"""
            # Clip the histogram to limit noise amplification in flat regions
            ceiling = int(limit * float({given}) / float(LEVELS))
            clipped = wp.tile_map(wp.min, counts, ceiling)
            $excess
            ranks = wp.tile_scan_inclusive({own})
            $look_up
        """,
        "threshold": """
            below = wp.tile_scan_inclusive(counts)
            first_moment = wp.tile_scan_inclusive(counts * wp.tile_arange(LEVELS, dtype=int))
            score = wp.tile_map(
                between_classes, below, first_moment, below[LEVELS - 1], first_moment[LEVELS - 1]
            )
            thresholds[patch] = wp.tile_argmax(score)[0]
        """,
        "quantile": "# The quantile level equals the number of levels whose CDF is below the target\n"
        "ranks = wp.tile_scan_inclusive(counts)\n"
        f"quantiles[patch] = wp.tile_sum(wp.tile_map(still_below, ranks, share * float({given})))[0]",
        "entropy": f"wp.tile_store(entropies, wp.tile_sum(wp.tile_map(information, counts, {given})), offset=patch)",
    }[kind]
    weight = "weights[patch, wp.min(p, PIXELS - 1)]" if weighted else "1"
    excess = ""
    if redistributed == "evenly":
        excess = (
            "# Redistribute the clipped excess uniformly; the division remainder is dropped\n"
            "extra = wp.tile_sum(counts - clipped)[0] // LEVELS\n"
            "limited_counts = clipped + wp.tile_full(shape=LEVELS, value=extra, dtype=int)"
        )
    d.launch(patches, tiled=True)
    d.code(
        f"""
        patch, lane = wp.tid()
        counts = wp.tile_zeros(shape=LEVELS, dtype=int, storage="shared")
        # Tile scatter is a collective operation, so every thread runs the same number of iterations
        for start in range(0, PIXELS, wp.block_dim()):
            p = start + lane
            level = {level}
            wp.tile_scatter_add(counts, level, {weight}, p < PIXELS)
        $total
        $body
        """,
        total="total = wp.tile_sum(counts)[0]"
        if "total" in body or (weighted and kind == "equalize")
        else "",
        body=dedented(body),
        excess=excess,
        look_up=dedented(look_up),
        mass="limited_total = ranks[LEVELS - 1]" if kind == "limited" else "",
    )
    if weighted:  # it holds sums of weights
        d.text = re.sub(r"counts\b", "histogram", d.text)
    d.explain("The patch histogram fits into shared memory, where all threads of the block accumulate it.")

    def reference(v: Values) -> Mapping[str, Any]:
        x = v.picture
        at = (
            x.astype(int)
            if codes == "levels"
            else np.minimum((x.astype(np.float32) * np.float32(levels)).astype(int), levels - 1)
        )
        w = v.weights if weighted else np.ones(x.shape)
        c = np.stack([np.bincount(a, b, levels) for a, b in zip(at, w, strict=True)])
        m = c.sum(1, keepdims=True)
        if kind == "entropy":
            p = c / m
            return {name: -(p * np.log2(np.where(p > 0, p, 1.0))).sum(1)}
        if kind == "limited":
            cut = np.minimum(c, np.floor(np.float32(v.limit) * m.astype(np.float32) / np.float32(levels)))
            rest = m - cut.sum(1, keepdims=True)
            c = cut + (rest // levels if redistributed == "evenly" else 0.0)
            m = c.sum(1, keepdims=True)
        r = c.cumsum(1)
        if kind == "quantile":
            return {name: (r < v.share * m).sum(1)}
        if kind == "threshold":
            f = (c * np.arange(levels)).cumsum(1)
            with np.errstate(all="ignore"):
                s = r * (m - r) * (f / r - (f[:, -1:] - f) / (m - r)) ** 2
            inside = (r > 0) & (r < m * (1 - 1e-6))
            return {name: np.where(inside, np.nan_to_num(s), 0.0).argmax(1)}
        return {name: np.take_along_axis((r - 0.5 * c) / m, at, 1)}

    d.check(reference, 2e-3)
