"""Draws out of discrete distributions, and noise that repeats."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.sampling import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Devroye 1986, ch. III; Walker 1977 (alias method); Gumbel 1954; Warp manual, Random: sample_cdf",
    names={
        "draw_categories": "sample_categories|pick_classes|discrete_draws",
        "weights": "category_weights|relative_weights",
        "fitness": "scores|merits",
        "cdf": "cumulative|cumulative_probs",
        "seed": "rng_seed|base_seed|key",
        "state": "rng|rng_state|gen",
        "picked": "k|label|choice",
    },
    adjoint="no",
    weight=3,
)
def draw_categories(d: Draft) -> None:
    """Samples categories with given probabilities."""
    method = d.option("method", "cdf", "scan", "alias", "gumbel", "rejection", "tournament")
    wanted = d.option("wanted", "labels", "counts", "values", "slots")
    many = d.option("draws", "one", "several")
    how = {
        "cdf": "using a binary search over the cumulative probabilities",
        "scan": "using a linear scan over the weights",
        "alias": "using the alias method",
        "gumbel": "using the Gumbel-max trick on log weights",
        "rejection": "using rejection sampling",
        "tournament": "using pairwise tournaments",
    }[method]
    d.says({
        "labels": f"Samples categories {how}.",
        "counts": f"Counts how often categories are drawn {how}.",
        "values": f"Samples categories {how} and stores their values.",
        "slots": f"Samples categories {how} and assigns each draw a slot within its category.",
    }[wanted])  # fmt: skip
    if wanted != "labels":
        d.calls({
            "counts": "count_draws|draw_counts|tally_categories",
            "values": "draw_values|sample_values|random_payloads",
            "slots": "draw_and_rank|rank_draws|number_draws",
        }[wanted])  # fmt: skip
    n, k, each = d.pick(256, 320, 384), d.pick(5, 6, 8), d.pick(4, 6)
    d.param("seed", "int", 1, 100000, about="random seed")
    if method == "cdf":
        about = "cumulative probabilities, with the last entry treated as 1"
        d.input("cdf", "float", k, 0.0, 1.0, "ascending", about=about)
    elif method == "alias":
        d.input("share", "float", k, 0.2, 1.0, about="probability of keeping the drawn category")
        d.input("alias", "int", k, 0, k, about="alias category used otherwise")
    elif method == "tournament":
        d.input("fitness", "float", k, 0.2, 1.0, about="fitness per category, higher wins")
    else:
        d.input(
            "weights",
            "float",
            k,
            0.2,
            1.0,
            about="weight per category" + (", at most 1" if method == "rejection" else ""),
        )
    if method != "cdf":
        d.param("num_categories", "int", k, about="number of categories")
    if wanted == "values":
        d.input("payload", "float", k, -2.0, 2.0, about="value per category")
    total = n * each if many == "several" else n
    if wanted in ("counts", "slots"):
        d.inout("counts", "int", k, value=0.0, about="number of draws per category")
    out, about = {
        "labels": (d.pick("labels", "picks", "draws"), "drawn categories"),
        "values": (d.pick("drawn_values", "samples", "out"), "values of the drawn categories"),
        "slots": (d.pick("slots", "places", "ranks"), "slot index of each draw within its category"),
        "counts": ("", ""),
    }[wanted]
    if wanted == "slots":
        d.output("labels", "int", total, about="sampled categories")
    if wanted != "counts":
        d.output(out, "float" if wanted == "values" else "int", total, about)
    before = "total = float(0.0)\nfor c in range(num_categories):\n    total += weights[c]\n"
    if method != "scan":
        before = ""
    draw = {
        "cdf": "picked = wp.sample_cdf(state, cdf)",
        "scan": """
left = wp.randf(state) * total
# Fall back to the last category on round-off
picked = num_categories - 1
for c in range(num_categories):
    left -= weights[c]
    if left < 0.0:
        picked = c
        break""",
        "alias": "picked = wp.randi(state, 0, num_categories)\nif wp.randf(state) > share[picked]:\n    picked = alias[picked]",
        "gumbel": """
picked = int(0)
best = float(-wp.inf)
# Gumbel-max: argmax samples in proportion to the weights
for c in range(num_categories):
    score = wp.log(weights[c]) - wp.log(-wp.log(wp.max(wp.randf(state), 1.0e-7)))
    if score > best:
        best = score
        picked = c""",
        "rejection": """
picked = int(0)
for attempt in range(MAX_ATTEMPTS):
    picked = wp.randi(state, 0, num_categories)
    # Accept with probability equal to the weight (at most 1)
    if wp.randf(state) < weights[picked]:
        break""",
        "tournament": """
picked = wp.randi(state, 0, num_categories)
rival = wp.randi(state, 0, num_categories)
if fitness[rival] > fitness[picked]:
    picked = rival""",
    }[method].strip("\n")
    if method == "rejection":
        d.module("MAX_ATTEMPTS = wp.constant(64)  # then the last one is taken")
    if many == "several":
        d.module(f"DRAWS = wp.constant({each})  # of each thread")
    at = "tid" if many == "one" else "tid * DRAWS + draw"
    store = {
        "labels": f"{out}[{at}] = picked",
        "counts": "wp.atomic_add(counts, picked, 1)",
        "values": f"{out}[{at}] = payload[picked]",
        "slots": f"labels[{at}] = picked\n# atomic_add returns the old count, used as the slot index\n"
        f"{out}[{at}] = wp.atomic_add(counts, picked, 1)",
    }[wanted]
    d.launch(n)
    if many == "one":
        d.code(
            f"tid = wp.tid()\nstate = wp.rand_init(seed, tid)\n{before}$draw\n$store", draw=draw, store=store
        )
    else:
        d.code(
            f"tid = wp.tid()\nstate = wp.rand_init(seed, tid)\n{before}for draw in range(DRAWS):\n    $work\n    $store",
            work=draw, store=store,
        )  # fmt: skip

    def law(v: Values) -> Any:
        if method == "cdf":
            return np.diff(np.concatenate([[0.0], v.cdf[:-1], [1.0]]))
        if method == "alias":
            p = v.share / k
            np.add.at(p, v.alias, (1 - v.share) / k)
            return p
        if method == "tournament":
            rank = (v.fitness[:, None] > v.fitness).sum(axis=1)
            return (2 * rank + 1) / k**2
        return v.weights / v.weights.sum()

    def agree(v: Values, after: Values) -> None:
        p = law(v)
        if wanted == "values":
            share = np.array([(np.abs(after[out] - x) < 1e-5).mean() for x in v.payload])
            p = np.array([p[np.abs(v.payload - x) < 1e-5].sum() for x in v.payload])
        elif wanted == "labels":
            share = np.bincount(after[out], minlength=k) / total
        else:
            assert after.counts.sum() == total
            share = after.counts / total
        if wanted == "slots":
            for label, count in enumerate(after.counts):
                np.testing.assert_array_equal(np.sort(after[out][after.labels == label]), np.arange(count))
        assert (np.abs(share - p) < 5.5 * np.sqrt(p * (1 - p) / total) + 1e-3).all()

    d.holds(agree)


@DOMAIN.algorithm(
    source="Perlin 1985; Ebert et al. 2003, Texturing and Modeling, ch. 2; Warp manual, Random: pnoise",
    names={
        "tileable_noise": "periodic_noise|seamless_texture|repeating_noise",
        "out": "texture|field|values",
        "total": "acc|s",
        "seed": "noise_seed|key|base_seed",
        "state": "rng|rng_state|field_state",
        "period": "repeat|period_cells",
    },
    adjoint="no",
    weight=11,
)
def tileable_noise(d: Draft) -> None:
    """Fills a texture with seamlessly tiling noise."""
    kind = d.option("kind", "plain", "octaves", "ridged", "billow", "marble", "wood", "terraces", "contrast")
    axes = d.option("axes", 1, 2, 3)
    spelled = d.option("scale", "per axis", "shared")
    d.says({
        "plain": "Fills a texture with seamlessly tiling Perlin noise.",
        "octaves": "Sums three octaves of seamlessly tiling Perlin noise.",
        "ridged": "Sums three octaves of seamlessly tiling ridged noise.",
        "billow": "Sums three octaves of seamlessly tiling billow noise.",
        "marble": "Fills a texture with a seamlessly tiling marble pattern.",
        "wood": "Fills a texture with a seamlessly tiling wood pattern.",
        "terraces": "Fills a texture with seamlessly tiling terraced noise.",
        "contrast": "Fills a texture with seamlessly tiling smooth blobs.",
    }[kind])  # fmt: skip
    if kind != "plain":
        d.calls({
            "octaves": "tileable_octaves|seamless_fractal_noise|periodic_octaves",
            "ridged": "tileable_ridges|seamless_ridges|periodic_ridged_noise",
            "billow": "tileable_billow|seamless_billow|periodic_billow_noise",
            "marble": "tileable_marble|seamless_marble|marble_texture",
            "wood": "tileable_wood|seamless_wood|wood_texture",
            "terraces": "tileable_terraces|seamless_terraces|terraced_noise",
            "contrast": "tileable_blobs|seamless_blobs|blob_texture",
        }[kind])  # fmt: skip
    d.param("seed", "int", 1, 100000, about="noise seed")
    d.param(
        "period", "int", d.pick(2, 3) if axes == 3 else d.pick(3, 4, 5), about="noise period in lattice cells"
    )
    octaves = kind in ("octaves", "ridged", "billow")
    # several texels to a cell, even of the last octave
    shape = {1: (96,), 2: (48, 40) if octaves else (24, 20), 3: (22, 18, 26) if octaves else (14, 12, 16)}[
        axes
    ]
    if octaves:
        d.param("gain", "float", 0.4, 0.6, about="per-octave amplitude gain")
    if kind == "marble":
        d.param("veins", "int", 1, 4, about="number of veins per period")
        d.param("turbulence", "float", 2.0, 5.0, about="turbulence strength [rad]")
    elif kind == "wood":
        d.param("rings", "float", 1.0, 3.0, about="number of rings per unit noise")
    elif kind == "terraces":
        d.param("terraces", "float", 4.0, 12.0, about="number of terraces per unit noise")
    tiles = 2
    d.param("tiles", "int", tiles, about="number of noise repeats" + (" along each axis" if axes > 1 else ""))
    told = {
        "marble": "texel brightness in [-1, 1]",
        "wood": "position within the ring, in [0, 1]",
        "terraces": "terrace level per texel",
        "contrast": "texel brightness in [0, 1]",
    }.get(kind, "octave sum per texel" if octaves else "noise value per texel")
    d.output("out", "float", shape, about=told)
    index = ", ".join("ijk"[:axes]) if axes > 1 else "tid"
    names = "ijk"[:axes] if axes > 1 else ["tid"]
    cell = "cells = float(tiles * period)\n" if spelled == "shared" else ""
    count = "cells" if cell else "float(tiles * period)"
    parts = [f"{count} * (float({a}) + 0.5) / float(out.shape[{k}])" for k, a in enumerate(names)]
    place = parts[0] if axes == 1 else f"wp.vec{axes}({', '.join(parts)})"
    periods = ", ".join(["$p"] * axes)
    noise = f"wp.pnoise(state, {{x}}, {periods})"
    if octaves:
        one = {"octaves": "n", "ridged": "(1.0 - wp.abs(n))", "billow": "(2.0 * wp.abs(n) - 1.0)"}[kind]
        d.function(
            f"""
            @wp.func
            def layered(state: wp.uint32, x: {"float" if axes == 1 else f"wp.vec{axes}"}, period: int, gain: float):
                total = float(0.0)
                amplitude = float(1.0)
                scale = int(1)
                for octave in range(3):
                    n = {noise.format(x="float(scale) * x").replace("$p", "scale * period")}
                    total += amplitude * {one}
                    amplitude *= gain
                    # Doubling the frequency doubles the cells per period
                    scale *= 2
                return total
            """
        )
        value = "layered(state, {x}, period, gain)"
    else:
        value = noise.replace("$p", "period")
    shaped = {
        "marble": f"wp.sin(wp.tau * float(veins) * {'x' if axes == 1 else 'x[0]'} / float(period) + turbulence * {{}})",
        "wood": "wp.frac(4.0 + rings * {})",
        "terraces": "wp.floor(terraces * {}) / terraces",
        "contrast": "wp.smoothstep(-0.2, 0.2, {})",
    }.get(kind, "{}")
    head = f"{index} = wp.tid()"
    comment = {
        "wood": "# Integer offset keeps the argument positive",
        "contrast": "# Steepen around zero for narrow blob edges",
    }.get(kind, "$nothing")
    d.launch(*shape)
    d.code(
        f"""
        {head}
        state = wp.rand_init(seed)
        {cell.strip()}
        x = {place}
        {comment}
        out[{index}] = {shaped.format(value.format(x="x"))}
        """,
        nothing="",
    )

    def agree(before: Values, after: Values) -> None:
        out = after.out
        # the first tile is that behind it in all axes
        first, second = (out[tuple(slice(k * n // 2, (k + 1) * n // 2) for n in shape)] for k in (0, 1))
        close = np.abs(first - second) < 5e-3
        assert close.mean() > 0.95
        assert 0.02 < out.std() < 2.0
        low, high = {
            "octaves": (-2.2, 2.2),
            "ridged": (-2.2, 2.5),
            "billow": (-2.5, 4.0),
            "wood": (0, 1),
            "contrast": (0, 1),
        }.get(kind, (-1.2, 1.2))
        assert (out >= low - 1e-5).all()
        assert (out <= high + 1e-5).all()
        # neighbours along the last axis are alike, as noise is smooth
        if kind in ("plain", "octaves"):
            assert np.abs(np.diff(out, axis=-1)).mean() < 2.0 * out.std()

    d.holds(agree)
