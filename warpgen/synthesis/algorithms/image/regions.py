"""Regions: labels, seeds and distances that spread from pixel to pixel."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.image import DOMAIN
from warpgen.synthesis.algorithms.image.pixels import sides
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Rosenfeld & Pfaltz 1966 (labels, distances); Rong & Tan 2006 (jump flooding)",
    names={
        "changed": "num_changed|change_count",
    },
    adjoint="either",
)
def propagate_regions(d: Draft) -> None:
    """Propagates region labels or distances by one step."""
    task = d.option("task", "labels", "jump flood", "chamfer", "grow")
    moore = d.option("neighbours", 4, 8)
    if task == "jump flood":
        moore = 8  # seeds would not reach all pixels otherwise
    changed = d.flag("changed", 0.5) if task in ("labels", "grow") else False
    style = d.option("style", "loop", "offsets")
    d.calls(
        {
            "labels": "propagate_labels|region_pass|label_step",
            "jump flood": "jump_flood_step|jump_flooding|propagate_seeds",
            "chamfer": "chamfer_step|relax_chamfer|chamfer_pass",
            "grow": "grow_regions|region_growing|region_pass",
        }[task]
    )
    h, w = sides(d)
    d.says(
        {
            "labels": "Propagates the minimum label within connected foreground regions by one pixel.",
            "jump flood": "Performs one jump flooding step to propagate nearest seeds.",
            "chamfer": "Relaxes object distances using a chamfer mask."
            if moore == 8
            else "Relaxes city-block object distances.",
            "grow": "Grows labeled regions by one pixel into similar neighbors.",
        }[task]
    )
    names = {
        "jump flood": d.pick("seeds", "nearest_seeds", "closest"),
        "chamfer": d.pick("dist", "distance"),
    }.get(task, d.pick("labels", "label_map"))
    kind = {"labels": "int", "jump flood": "vec2i", "chamfer": "float", "grow": "int"}[task]
    low, high = {"labels": (-1, 4), "jump flood": (-1, min(h, w)), "chamfer": (0.0, 9.0), "grow": (-1, 3)}[
        task
    ]
    about = {
        "labels": "Labels, -1 for the background",
        "jump flood": "Row and column of the nearest seed so far, -1 if none",
        "chamfer": "Current distance estimates [px]",
        "grow": "Region labels, -1 for unlabeled pixels",
    }[task]
    d.input(names, kind, (h, w), low, high, about=about)
    if task == "grow":
        d.input("image", "float", (h, w), about="Grayscale image")
        d.param("tolerance", "float", 0.2, 0.4, about="Similarity threshold between neighboring pixels")
    elif task == "jump flood":
        d.param("jump", "int", d.pick(1, 2, 4), about="Jump length of this pass [px]")
    new = f"{names}_{d.pick('new', 'out')}"
    after = {"jump flood": "Nearest seeds", "chamfer": "Distances"}.get(task, "Labels")
    d.output(new, kind, (h, w), about=f"Updated {after.lower()}")
    if changed:
        d.output("changed", "int", 1, about="Number of changed labels")
    offsets = [(-1, 0), (0, -1), (0, 1), (1, 0)]
    if moore == 8:
        offsets = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if a or b]
    k = len(offsets)
    if style == "offsets":
        rows, cols = (", ".join(str(o[c]) for o in offsets) for c in (0, 1))
        d.module(f"""
            offsets_t = wp.types.vector(length={k}, dtype=int)
            ROWS = wp.constant(offsets_t({rows}))
            COLS = wp.constant(offsets_t({cols}))
        """)
        loop, pad = [f"for k in range({k}):", "    a = ROWS[k]", "    b = COLS[k]"], "    "
    else:
        loop, pad = ["for a in range(-1, 2):", "    for b in range(-1, 2):"], "        "
        if moore == 4:
            loop += ["        if wp.abs(a) + wp.abs(b) != 1:", "            continue"]
    step = " * jump" if task == "jump flood" else ""
    loop += [
        f"{pad}y = i + a{step}",
        f"{pad}x = j + b{step}",
        f"{pad}if y < 0 or x < 0 or y >= height or x >= width:",
        f"{pad}    continue",
    ]
    lines = ["i, j = wp.tid()", f"height = {names}.shape[0]", f"width = {names}.shape[1]"]
    if task == "labels":
        lines += [
            "own = labels[i, j]",
            "# skip background pixels",
            "if own < 0:",
            f"    {new}[i, j] = -1",
            "    return",
            "least = own",
            *loop,
            f"{pad}other = labels[y, x]",
            f"{pad}if other >= 0:",
            f"{pad}    least = wp.min(least, other)",
            f"{new}[i, j] = least",
        ]
        if changed:
            lines += ["if least != own:", "    wp.atomic_add(changed, 0, 1)"]
    elif task == "jump flood":
        lines += [
            "best = seeds[i, j]",
            "# Larger than any possible distance",
            "least = int(1000000)",
            "if best[0] >= 0 and best[1] >= 0:",
            "    least = (best[0] - i) * (best[0] - i) + (best[1] - j) * (best[1] - j)",
            *loop,
            f"{pad}s = seeds[y, x]",
            f"{pad}# skip neighbors without a seed",
            f"{pad}if s[0] < 0 or s[1] < 0:",
            f"{pad}    continue",
            f"{pad}dist2 = (s[0] - i) * (s[0] - i) + (s[1] - j) * (s[1] - j)",
            f"{pad}if dist2 < least:",
            f"{pad}    least = dist2",
            f"{pad}    best = s",
            f"{new}[i, j] = best",
        ]
    elif task == "chamfer":
        lines += ["best = dist[i, j]", *loop]
        if moore == 8:
            lines += [
                f"{pad}# 3-4 chamfer weights, divided by 3",
                f"{pad}step = 1.0 if a == 0 or b == 0 else 4.0 / 3.0",
                f"{pad}best = wp.min(best, dist[y, x] + step)",
            ]
        else:
            lines += [f"{pad}best = wp.min(best, dist[y, x] + 1.0)"]
        lines += [f"{new}[i, j] = best"]
    else:
        lines += [
            "label = labels[i, j]",
            "if label >= 0:",
            f"    {new}[i, j] = label",
            "    return",
            "least = float(tolerance)",
            *loop,
            f"{pad}if labels[y, x] < 0:",
            f"{pad}    continue",
            f"{pad}diff = wp.abs(image[i, j] - image[y, x])",
            f"{pad}# adopt the label of the most similar neighbor",
            f"{pad}if diff < least:",
            f"{pad}    least = diff",
            f"{pad}    label = labels[y, x]",
            f"{new}[i, j] = label",
        ]
        if changed:
            lines += ["if label >= 0:", "    wp.atomic_add(changed, 0, 1)"]
    d.launch(h, w)
    drafted = {"jump flood": "seeds", "chamfer": "dist"}.get(task, "labels")
    d.code("\n".join(line.replace(f"{drafted}[", f"{names}[") for line in lines))

    def holds(before: Values, after: Values) -> None:
        v, got, given = before, after[new], before[names]
        reach = int(v.jump) if task == "jump flood" else 1

        def shifted(values: Any, fill: float) -> Any:
            big = np.pad(values, reach, constant_values=fill)
            return np.stack([big[reach + a * reach :, reach + b * reach :][:h, :w] for a, b in offsets])

        if task == "labels":
            near = shifted(np.where(given < 0, 10**6, given), 10**6).min(0)
            expected = np.where(given < 0, -1, np.minimum(given, near))
            np.testing.assert_array_equal(got, expected)
            if changed:
                assert after.changed[0] == (expected != given).sum()
        elif task == "chamfer":
            near = shifted(given, 1e9)
            steps = np.array([1.0 if not a or not b else 4 / 3 for a, b in offsets])[:, None, None]
            np.testing.assert_allclose(got, np.minimum(given, (near + steps).min(0)), rtol=1e-5)
        elif task == "jump flood":
            y, x = np.mgrid[:h, :w]
            row = np.concatenate([given[None, ..., 0], shifted(given[..., 0], -1)])
            col = np.concatenate([given[None, ..., 1], shifted(given[..., 1], -1)])
            known = (row >= 0) & (col >= 0)
            far = np.where(known, (row - y) ** 2 + (col - x) ** 2, 10**6)
            mine = (got[..., 0] - y) ** 2 + (got[..., 1] - x) ** 2
            some = known.any(0)
            np.testing.assert_array_equal(mine[some], far.min(0)[some])
            np.testing.assert_array_equal(got[~some], given[~some])
        else:
            near, images = shifted(given, -1), shifted(v.image, 1e6)
            diff = np.where(near >= 0, abs(images - v.image), 1e6)
            first = np.take_along_axis(near, diff.argmin(0)[None], 0)[0]
            close = diff.min(0) < v.tolerance
            expected = np.where(given >= 0, given, np.where(close, first, given))
            np.testing.assert_array_equal(got, expected)
            if changed:
                assert after.changed[0] == ((given < 0) & (expected >= 0)).sum()

    d.holds(holds)
