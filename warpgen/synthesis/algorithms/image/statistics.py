"""Statistics of images: histograms, similarity, matching."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.image import DOMAIN
from warpgen.synthesis.algorithms.image.pixels import NAMES, sides
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Gonzalez & Woods 2018, Digital Image Processing, ch. 3; Otsu 1979",
    names=NAMES
    | {
        "count_levels": "histogram|build_histogram|accumulate_histogram|intensity_histogram",
        "hist": "bins|counts|histogram_out",
        "num_bins": "n_bins|bin_count",
        "b": "bucket|level",
    },
    adjoint="either",
    weight=3,
)
def count_levels(d: Draft) -> None:
    """Computes the histogram of an image."""
    kind = d.option("pixel", "float", "vec3", "int", "uint8")
    weighted = d.option("weight", "count", "mask", "weight", "row")
    style = d.option("threads", "pixels", "flat", "rows")
    h, w = sides(d)
    bins = d.pick(8, 16, 32)
    shape: tuple[int, ...] = (h * w,) if style == "flat" else (h, w)
    d.says(
        {
            "count": "Computes the intensity histogram of an image.",
            "mask": "Computes the intensity histogram of an image under a mask.",
            "weight": "Computes a weighted intensity histogram of an image.",
            "row": "Computes intensity histograms for each image row.",
        }[weighted]
    )
    if style == "flat" and weighted == "row":
        weighted = "count"
        d.says("Computes the intensity histogram of an image.")
    d.input(
        "src",
        kind,
        shape,
        0.0,
        256 if kind in ("int", "uint8") else 1.0,
        about={"float": "Gray values in [0, 1]", "vec3": "RGB colors in [0, 1]"}.get(
            kind, "Gray values, 0 to 255"
        ),
    )
    if weighted == "mask":
        d.mask("mask", "int", shape, about="Pixel mask, nonzero for pixels to include")
    elif weighted == "weight":
        d.input("weights", "float", shape, about="Pixel weights")
    if kind in ("float", "vec3"):
        d.param("num_bins", "int", bins, about="Number of histogram bins")
    else:
        d.param(
            "shift",
            "int",
            {8: 5, 16: 4, 32: 3}[bins],
            about="Right shift from gray value to bin index",
        )
    d.output(
        "hist",
        "float" if weighted == "weight" else "int",
        (h, bins) if weighted == "row" else bins,
        about="Histogram",
    )
    at = "tid" if style == "flat" else "i, j"
    value = {
        "float": f"src[{at}]",
        "vec3": f"0.299 * src[{at}][0] + 0.587 * src[{at}][1] + 0.114 * src[{at}][2]",
        "int": f"src[{at}]",
        "uint8": f"int(src[{at}])",
    }[kind]
    inner = []
    if weighted == "mask":
        inner += [f"if mask[{at}] == 0:", "    continue" if style == "rows" else "    return"]
    if kind == "vec3":
        inner += ["# BT.601 luma", f"y = {value}", "b = wp.min(int(y * float(num_bins)), num_bins - 1)"]
    elif kind == "float":
        inner += [
            "# clamp so that 1.0 falls into the last bin",
            f"b = wp.min(int({value} * float(num_bins)), num_bins - 1)",
        ]
    else:
        inner += [f"b = {value} >> shift"]
    amount = f"weights[{at}]" if weighted == "weight" else "1"
    inner.append(f"wp.atomic_add(hist, {'i, b' if weighted == 'row' else 'b'}, {amount})")
    if style == "rows":
        lines = ["i = wp.tid()", "for j in range(src.shape[1]):", *("    " + line for line in inner)]
        d.launch(h)
    else:
        lines = [f"{at} = wp.tid()", *inner]
        d.launch(*shape)
    d.code("\n".join(lines))

    def holds(before: Values, after: Values) -> None:
        v = before
        if kind in ("int", "uint8"):
            level = v.src.astype(int) // (256 // bins)
        else:
            y = v.src @ np.array([0.299, 0.587, 0.114]) if kind == "vec3" else v.src
            level = np.minimum((y * bins).astype(int), bins - 1)
        amount_ = (
            v["mask"] if weighted == "mask" else v.weights if weighted == "weight" else np.ones(level.shape)
        )
        if weighted == "row":
            expected = np.stack([np.bincount(row, minlength=bins) for row in level])
        else:
            expected = np.bincount(level.ravel(), amount_.ravel(), bins)
        # a value on the edge of an interval may round to either side of it
        slack = 1.01 if kind in ("float", "vec3") else 1e-6
        np.testing.assert_allclose(after.hist, expected, atol=slack)
        np.testing.assert_allclose(after.hist.sum(), amount_.sum(), rtol=1e-5)

    d.holds(holds)


@DOMAIN.algorithm(
    source="Wang, Bovik, Sheikh & Simoncelli 2004 (SSIM); Lewis 1995 (normalised cross-correlation)",
    names={
        "score": "similarity|match_score",
        "mismatch": "difference|matching_cost",
        "patch": "ref_patch|pattern|model",
        "radius": "half|r|half_window",
    },
    double=True,
    adjoint="no",
)
def compare_windows(d: Draft) -> None:
    """Compares image windows at each pixel."""
    measure = d.option("measure", "ssim", "ncc", "ssd", "sad", "census")
    against = d.option("against", "image", "template", "disparity")
    early = d.flag("early", 0.4) if measure in ("ssd", "sad") and against == "template" else False
    best = against == "disparity" and measure in ("ssd", "sad", "census")
    if against == "disparity" and not best:
        against = "image"
    d.calls(
        {
            "image": "compare_windows|compare_patches|window_match",
            "template": "match_template|template_match|template_search",
            "disparity": "block_match|stereo_match|find_disparity",
        }[against]
    )
    h, w = sides(d)
    r = d.pick(1, 2)
    n = 2 * r + 1
    label = {
        "ssim": "structural similarity",
        "ncc": "normalized cross-correlation",
        "ssd": "the sum of squared differences",
        "sad": "the sum of absolute differences",
        "census": "the Hamming distance of census transforms",
    }[measure]
    if against == "template":
        d.says(f"Matches a template against an image using {label}.")
    elif best:
        d.says(f"Computes the stereo disparity of each pixel using {label}.")
    else:
        d.says(f"Compares local windows of two images using {label}.")
    d.input("a", "float", (h, w), about="Image" if against == "template" else "First image")
    if against == "template":
        d.input("patch", "float", (n, n), about="Template image")
    else:
        d.input("b", "float", (h, w), about="Second image")
        d.param("radius", "int", r, about="Window radius [px]")
    if best:
        d.param("max_disparity", "int", d.pick(2, 3), about="Maximum disparity [px]")
    if measure == "ssim":
        d.param("c1", "float", 0.0001, about="Stabilizing constant for the mean term")
        d.param("c2", "float", 0.0009, about="Stabilizing constant for the variance term")
    if early:
        d.param("limit", "float", 0.5, 1.5, about="Early-exit cost threshold")
    out = "disparity" if best else ("score" if measure in ("ssim", "ncc") else "mismatch")
    integral = best or measure == "census"
    shape = (h - n + 1, w - n + 1) if against == "template" else (h - 2 * r, w - 2 * r)
    where = "the template" if against == "template" else "the window"
    about = {
        "disparity": "Best-match disparity, indexed by the top-left window corner [px]",
        "score": f"Similarity score, indexed by the top-left corner of {where}",
        "mismatch": f"Matching cost, indexed by the top-left corner of {where}"
        + (", capped at the limit" if early else ""),
    }[out]
    d.output(out, "int" if integral else "float", shape, about=about)
    lines = ["i, j = wp.tid()"]
    if against == "template":
        rows, cols, first, second = (
            "patch.shape[0]",
            "patch.shape[1]",
            "a[i + y, j + x]",
            "patch[y, x]",
        )
    else:
        lines += ["side = 2 * radius + 1"]
        rows = cols = "side"
        first = "a[i + y, j + x]"
        second = "b[i + y, j + x]"
    loop = [f"for y in range({rows}):", f"    for x in range({cols}):"]
    if best:
        second = "b[i + y, wp.max(j + x - s, 0)]"
        if measure == "census":
            middle = "a[i + radius, j + radius]", "b[i + radius, wp.max(j + radius - s, 0)]"
            inner = [
                f"        p = 1 if {first} < {middle[0]} else 0",
                f"        q = 1 if {second} < {middle[1]} else 0",
                "        cost += p ^ q",
            ]
            start, limit = "int(0)", "int(1000000)"
        else:
            inner = [
                f"        diff = {first} - {second}",
                f"        cost += {'diff * diff' if measure == 'ssd' else 'wp.abs(diff)'}",
            ]
            start, limit = "float(0.0)", "float(1.0e10)"
        lines += [
            f"least = {limit}",
            "found = int(0)",
            "for s in range(max_disparity + 1):",
            f"    cost = {start}",
        ]
        lines += ["    " + line for line in [*loop, *inner]]
        lines += [
            "    # strict comparison keeps the first match on ties",
            "    if cost < least:",
            "        least = cost",
            "        found = s",
            "disparity[i, j] = found",
        ]
    elif measure in ("ssd", "sad"):
        lines += [
            "cost = float(0.0)",
            *loop,
            f"        diff = {first} - {second}",
            f"        cost += {'diff * diff' if measure == 'ssd' else 'wp.abs(diff)'}",
        ]
        if early:
            lines += [
                "    # early exit: the cost already exceeds the limit",
                "    if cost > limit:",
                "        mismatch[i, j] = limit",
                "        return",
            ]
        lines += ["mismatch[i, j] = cost"]
    elif measure == "census":
        centre = (
            "patch[patch.shape[0] // 2, patch.shape[1] // 2]",
            "a[i + patch.shape[0] // 2, j + patch.shape[1] // 2]",
        )
        if against == "image":
            centre = ("b[i + radius, j + radius]", "a[i + radius, j + radius]")
        lines += [
            f"mid_a = {centre[1]}",
            f"mid_b = {centre[0]}",
            "distance = int(0)",
            *loop,
            f"        if ({first} < mid_a) != ({second} < mid_b):",
            "            distance += 1",
            "mismatch[i, j] = distance",
        ]
    else:
        lines += [
            "sum_a = float(0.0)",
            "sum_b = float(0.0)",
            "sum_aa = float(0.0)",
            "sum_bb = float(0.0)",
            "sum_ab = float(0.0)",
            *loop,
            f"        p = {first}",
            f"        q = {second}",
            "        sum_a += p",
            "        sum_b += q",
            "        sum_aa += p * p",
            "        sum_bb += q * q",
            "        sum_ab += p * q",
        ]
        lines += [
            f"n = float({rows} * {cols})",
            "mean_a = sum_a / n",
            "mean_b = sum_b / n",
            "var_a = sum_aa / n - mean_a * mean_a",
            "var_b = sum_bb / n - mean_b * mean_b",
            "cov = sum_ab / n - mean_a * mean_b",
        ]
        if measure == "ssim":
            lines += [
                "# C1 and C2 avoid division by zero in dark or flat windows",
                "luminance = (2.0 * mean_a * mean_b + c1) / (mean_a * mean_a + mean_b * mean_b + c1)",
                "contrast_structure = (2.0 * cov + c2) / (var_a + var_b + c2)",
                "score[i, j] = luminance * contrast_structure",
            ]
        else:
            lines += [
                "# correlation is undefined for zero-variance windows",
                "score[i, j] = cov / wp.sqrt(wp.max(var_a * var_b, 1.0e-8))",
            ]
    if best:
        d.explain("Columns left of the second image are clamped to its first column.")
    d.launch(*shape)
    d.code("\n".join(lines))

    def reference(v: Values) -> dict[str, Any]:
        windows = np.lib.stride_tricks.sliding_window_view
        p = windows(v.a, (n, n)).reshape(*shape, -1)
        if best:
            costs = []
            for s in range(int(v.max_disparity) + 1):
                moved = np.concatenate([np.repeat(v.b[:, :1], s, axis=1), v.b], 1)[:, :w]
                q = windows(moved, (n, n)).reshape(*shape, -1)
                if measure == "census":
                    mid = n * n // 2
                    costs.append(((p < p[..., mid : mid + 1]) != (q < q[..., mid : mid + 1])).sum(-1))
                else:
                    costs.append(((p - q) ** 2 if measure == "ssd" else abs(p - q)).sum(-1))
            return {"disparity": np.argmin(costs, axis=0)}
        q = windows(v.b, (n, n)).reshape(*shape, -1) if against == "image" else v.patch.reshape(-1)
        q = np.broadcast_to(q, p.shape)
        if measure in ("ssd", "sad"):
            cost = ((p - q) ** 2 if measure == "ssd" else abs(p - q)).sum(-1)
            return {"mismatch": np.minimum(cost, v.limit) if early else cost}
        if measure == "census":
            mid = n * n // 2
            return {"mismatch": ((p < p[..., mid : mid + 1]) != (q < q[..., mid : mid + 1])).sum(-1)}
        ma, mb = p.mean(-1), q.mean(-1)
        va, vb, cov = p.var(-1), q.var(-1), ((p - ma[..., None]) * (q - mb[..., None])).mean(-1)
        if measure == "ncc":
            return {"score": cov / np.sqrt(np.maximum(va * vb, 1e-8))}
        light = (2 * ma * mb + v.c1) / (ma**2 + mb**2 + v.c1)
        return {"score": light * (2 * cov + v.c2) / (va + vb + v.c2)}

    d.check(reference, 2e-3)
