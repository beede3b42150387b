"""Binary descriptors matched against one another, in tiles of all pairs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.image import DOMAIN
from warpgen.synthesis.library.tile_forms import per_row
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Calonder et al. 2010 (BRIEF); Rublee et al. 2011 (ORB); Lowe 2004, sec. 7.1 (ratio test); Warren 2012, ch. 5; Rogers & Tanimoto 1960",
    names={
        "distance": "dist",
        "nearest": "closest|row_min",
        "rival": "second|runner_up|next_best",
        "keyed": "packed|dist_and_id",
        "pair": "image_pair|pair_index",
    },
    adjoint="no",
    weight=11,
)
def matched_descriptors(d: Draft) -> None:
    """Matches binary descriptors between two images using a bit-count distance."""
    metric = d.option("metric", "hamming", "tanimoto", "masked")
    result = d.option("result", "nearest", "ratio test", "within", "mutual", "distances")
    words = d.option("words", 2, 4, 8)
    counter = d.option("counter", "builtin", "sideways")
    windowed = d.flag("search window", 0.35)
    d.calls(
        {
            "nearest": "match_descriptors|binary_nearest|nearest_descriptors",
            "ratio test": "match_descriptors|ratio_test_matches|binary_matching",
            "within": "count_close_descriptors|descriptors_within|count_matches",
            "mutual": "mutual_matches|cross_check_matches|match_mutually",
            "distances": "descriptor_distances|binary_distances|pairwise_distances",
        }[result]
    )
    views, queries, trained = d.pick(2, 3), d.pick(6, 8), d.pick(8, 12)
    Q, N = d.pick(("QUERIES", "CANDIDATES"), ("NUM_QUERIES", "NUM_CANDIDATES"), ("M", "N"), ("ROWS", "COLS"))
    left, right, left_at, right_at = d.pick(
        ("queries", "candidates", "query_at", "candidate_at"),
        ("query_desc", "train_desc", "query_pos", "train_pos"),
        ("desc_a", "desc_b", "pos_a", "pos_b"),
    )
    d.module(f"{Q} = wp.constant({queries})\n{N} = wp.constant({trained})")
    if windowed:
        d.module("# Sentinel, larger than any descriptor distance\nIMPOSSIBLE = wp.constant(100000)")
    if metric == "masked" and result == "mutual":
        metric = "hamming"
    d.input(
        left,
        "uint32",
        (views, words, queries),
        0,
        0xFFFFFFFF,
        about="query descriptors, one row per 32-bit word",
    )
    d.input(
        right,
        "uint32",
        (views, words, trained),
        0,
        0xFFFFFFFF,
        about="candidate descriptors, one row per 32-bit word",
    )
    if metric == "masked":
        d.input(
            "stable",
            "uint32",
            (views, words, queries),
            0xFFFF0000,
            0xFFFFFFFF,
            about="query bit mask, set for bits that are stable under noise",
        )
    if windowed:
        d.input(left_at, "vec2", (views, queries), 0.0, 1.0, about="query keypoint positions")
        d.input(right_at, "vec2", (views, trained), 0.0, 1.0, about="candidate keypoint positions")
        d.param("window", "float", 0.35, 0.6, about="search window radius")
    if result == "within":
        d.param(
            "radius",
            "int",
            *{
                "hamming": (15 * words, 17 * words),  # bits drawn by chance differ in 16 of each word
                "masked": (10 * words, 12 * words),
                "tanimoto": (600, 720),
            }[metric],
            about="distance threshold" + (", in thousandths" if metric == "tanimoto" else ""),
        )
    elif result == "ratio test":
        d.param("ratio", "float", 0.93, 0.99, about="ratio test threshold (best over second-best distance)")
    name, type_, shape, about = {
        "nearest": (
            "matches",
            "int",
            (views, queries),
            "index of the nearest descriptor" + (", or -1 if the search window is empty" if windowed else ""),
        ),
        "ratio test": (
            "matches",
            "int",
            (views, queries),
            "index of the nearest descriptor, or -1 if the ratio test fails"
            + (" or the search window is empty" if windowed else ""),
        ),
        "within": ("counts", "int", (views, queries), "number of candidates within `radius`"),
        "mutual": (
            "matches",
            "int",
            (views, queries),
            "index of the nearest descriptor, or -1 if the match is not mutual"
            + (" or the search window is empty" if windowed else ""),
        ),
        "distances": (
            "distances",
            "int",
            (views, queries, trained),
            "pairwise distance matrix" + (", IMPOSSIBLE outside the search window" if windowed else ""),
        ),
    }[result]
    d.output(name, type_, shape, about=about)
    how = {"hamming": "Hamming", "tanimoto": "Tanimoto", "masked": "masked Hamming"}[metric]
    part = ", windowed search" if windowed else ""
    d.says(
        {
            "nearest": f"Finds the nearest binary descriptor in a second image for each query ({how} distance{part}).",
            "ratio test": f"Matches binary descriptors using Lowe's ratio test ({how} distance{part}).",
            "within": f"Counts matching candidates for each binary query descriptor ({how} distance{part}).",
            "mutual": f"Matches binary descriptors between two images with a cross-check ({how} distance{part}).",
            "distances": f"Computes pairwise {how} distances between the binary descriptors of two images{' inside a search window' * windowed}.",
        }[result]
    )
    if counter == "sideways":
        d.function('''
            @wp.func
            def bits_set(word: wp.uint32) -> int:
                """Population count using SWAR arithmetic."""
                x = word - ((word >> wp.uint32(1)) & wp.uint32(0x55555555))
                x = (x & wp.uint32(0x33333333)) + ((x >> wp.uint32(2)) & wp.uint32(0x33333333))
                x = (x + (x >> wp.uint32(4))) & wp.uint32(0x0f0f0f0f)
                return int((x * wp.uint32(0x01010101)) >> wp.uint32(24))
        ''')
    else:
        d.function('''
            @wp.func
            def bits_set(word: wp.uint32) -> int:
                """Count set bits by repeatedly clearing the lowest one."""
                x = word
                count = int(0)
                while x != wp.uint32(0):
                    x = x & (x - wp.uint32(1))
                    count += 1
                return count
        ''')
    wide = f"wp.tile_broadcast(b, shape=({Q}, {N}))"
    between = {
        "hamming": f"unlike = {per_row('a', Q, N)} ^ {wide}\ndifferent += wp.tile_map(bits_set, unlike)",
        "masked": f"sure = wp.tile_load(stable[pair, word], shape={Q})\n"
        f"unlike = ({per_row('a', Q, N)} ^ {wide}) & {per_row('sure', Q, N)}\ndifferent += wp.tile_map(bits_set, unlike)",
        "tanimoto": f"a_wide = {per_row('a', Q, N)}\nb_wide = {wide}\n"
        "different += wp.tile_map(bits_set, a_wide ^ b_wide)\neither += wp.tile_map(bits_set, a_wide | b_wide)",
    }[metric]
    final = "different"
    after = ""
    if metric == "tanimoto":
        d.function('''
            @wp.func
            def tanimoto(different: int, either: int) -> int:
                """Tanimoto distance as an integer, in thousandths."""
                return (1000 * different) // wp.max(either, 1)
        ''')
        after = "distance = wp.tile_map(tanimoto, different, either)"
        final = "distance"
    if windowed:
        d.function('''
            @wp.func
            def windowed_distance(distance: int, a: wp.vec2, b: wp.vec2, window: float) -> int:
                """Return the distance, or IMPOSSIBLE if the keypoints are too far apart."""
                if wp.length(a - b) > window:
                    return IMPOSSIBLE
                return distance
        ''')
        after += (
            f"\npa = wp.tile_load({left_at}[pair], shape={Q})\npb = wp.tile_load({right_at}[pair], shape={N})\n"
            f"possible = wp.tile_map(windowed_distance, {final}, {per_row('pa', Q, N)}, wp.tile_broadcast(pb, shape=({Q}, {N})), window)"
        )
        final = "possible"
    if result in ("nearest", "ratio test", "mutual"):
        d.function(f'''
            @wp.func
            def keyed_by(distance: int, col: int) -> int:
                """Pack distance and column index into one integer key for an argmin reduction."""
                return distance * {N} + col
        ''')
    key = (
        f"col_id = wp.tile_broadcast(wp.tile_arange({N}, dtype=int), shape=({Q}, {N}))\n"
        f"keyed = wp.tile_map(keyed_by, {final}, col_id)\n"
        "nearest = wp.tile_reduce(wp.min, keyed, axis=1)"
    )
    if result in ("nearest", "mutual"):
        d.function(
            f"""
            @wp.func
            def index_of(keyed: int) -> int:
                $possible
                return keyed % {N}
            """,
            possible=f"if keyed // {N} >= IMPOSSIBLE:\n    return -1"
            if windowed and result == "nearest"
            else "",
        )
    if result == "ratio test":
        d.function('''
            @wp.func
            def unless_best(keyed: int, best: int) -> int:
                """Mask out the best match so that the next reduction finds the runner-up."""
                return wp.where(keyed == best, 2147483647, keyed)
        ''')
        d.function(f"""
            @wp.func
            def if_clear(best: int, rival: int, ratio: float) -> int:
                if float(best // {N}) < ratio * float(rival // {N}):
                    return best % {N}
                return -1
        """)
    if result == "mutual":
        d.function(f'''
            @wp.func
            def keyed_by_row(distance: int, row: int) -> int:
                """Pack distance and row index into one integer key for the column-wise argmin."""
                return distance * {Q} + row
        ''')
        d.function(f"""
            @wp.func
            def if_mutual(partner: int, back: int, row: int) -> int:
                return wp.where(back % {Q} == row{f" and back // {Q} < IMPOSSIBLE" if windowed else ""}, partner, -1)
        """)
    if result == "within":
        d.function(
            "@wp.func\ndef is_near(distance: int, radius: int) -> int:\n    return wp.where(distance <= radius, 1, 0)"
        )
    end = {
        "nearest": f"{key}\nwp.tile_store(matches[pair], wp.tile_map(index_of, nearest))",
        "ratio test": f"{key}\n"
        f"others = wp.tile_map(unless_best, keyed, {per_row('nearest', Q, N)})\n"
        "rival = wp.tile_reduce(wp.min, others, axis=1)\n"
        "wp.tile_store(matches[pair], wp.tile_map(if_clear, nearest, rival, ratio))",
        "within": f"wp.tile_store(counts[pair], wp.tile_sum(wp.tile_map(is_near, {final}, radius), axis=1))",
        "mutual": f"{key}\npartner = wp.tile_map(index_of, nearest)\n"
        f"row_id = {per_row(f'wp.tile_arange({Q}, dtype=int)', Q, N)}\n"
        f"best_rows = wp.tile_reduce(wp.min, wp.tile_map(keyed_by_row, {final}, row_id), axis=0)\n"
        "# Best query for each query's chosen candidate\n"
        "back = best_rows[partner]\n"
        f"wp.tile_store(matches[pair], wp.tile_map(if_mutual, partner, back, wp.tile_arange({Q}, dtype=int)))",
        "distances": f"wp.tile_store(distances[pair], {final})",
    }[result]
    d.launch(views, tiled=True)
    d.code(
        f"""
        pair = wp.tid()
        different = wp.tile_zeros(shape=({Q}, {N}), dtype=int)
        $either
        for word in range({words}):
            a = wp.tile_load({left}[pair, word], shape={Q})
            b = wp.tile_load({right}[pair, word], shape={N})
            $between
        $after
        $end
        """,
        either=f"either = wp.tile_zeros(shape=({Q}, {N}), dtype=int)" if metric == "tanimoto" else "",
        between=between,
        after=after.strip("\n"),
        end=end,
    )
    d.explain(
        "The full query-by-candidate distance matrix fits in a tile, so each descriptor word is loaded only once."
    )

    def reference(v: Values) -> Mapping[str, Any]:
        a, b = v[left][:, :, :, None].astype(np.uint64), v[right][:, :, None].astype(np.uint64)

        def count(x: Any) -> Any:
            return (
                np.unpackbits(x.astype(">u4").view(np.uint8).reshape(*x.shape, 4), axis=-1)
                .sum(-1)
                .sum(1)
                .astype(int)
            )

        x = a ^ b
        dist = count(x & v.stable[:, :, :, None].astype(np.uint64) if metric == "masked" else x)
        if metric == "tanimoto":
            dist = (1000 * dist) // np.maximum(count(a | b), 1)
        if windowed:
            far = np.linalg.norm(v[left_at][:, :, None] - v[right_at][:, None], axis=3) > v.window
            dist = np.where(far, 100000, dist)
        best = dist.argmin(2)
        nearest = np.where(dist.min(2) < 100000, best, -1)
        order = np.sort(dist, axis=2)
        back = np.take_along_axis(dist.argmin(1), best, 1)
        return {
            name: {
                "nearest": lambda: nearest,
                "ratio test": lambda: np.where(
                    order[..., 0] < np.float32(v.ratio) * order[..., 1].astype(np.float32), best, -1
                ),
                "within": lambda: (dist <= v.radius).sum(2),
                "mutual": lambda: np.where(back == np.arange(queries), nearest, -1),
                "distances": lambda: dist,
            }[result]()
        }

    d.check(reference)
