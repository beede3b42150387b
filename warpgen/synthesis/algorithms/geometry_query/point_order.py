"""Points sorted along the Morton curve, a block of threads for each set."""

from __future__ import annotations

import numpy as np

from warpgen.synthesis.algorithms.geometry_query import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Morton 1966; Karras 2012, sec. 4 (codes, splits); Lauterbach et al. 2009 (LBVH); Pharr, Jakob & Humphreys 2016, sec. 4.3.3",
    names={
        "ordered_points": "morton_sort_block|z_order_tile|lbvh_leaves|spatial_sort",
        "points": "positions|centroids|x",
        "low": "lower|box_min|minimum",
        "high": "upper|box_max|maximum",
        "codes": "morton|keys|z_codes",
        "source": "order|ids|permutation",
        "level": "prefix|shared_bits|delta",
        "cloud": "block|set_id|group",
        "POINTS": "N|TILE|NUM_POINTS",
    },
    adjoint="no",
    weight=8,
)
def ordered_points(d: Draft) -> None:
    """Sorts the points of each set along the Morton curve through their bounding box."""
    result = d.option("result", "order", "points", "codes", "splits", "neighbours", "extents")
    dims = d.option("axes", 2, 3)
    box = d.option("box", "own", "given", "cube")
    curve = d.option("spread", "masks", "loop")
    weighted = d.flag("radii", 0.3) and box != "given"
    # cells so small that hardly two points share one: their order would be anyone's
    clouds, count, bits = d.pick(3, 4), d.pick(16, 24, 32), d.pick(8, 10) if dims == 3 else d.pick(12, 15)
    cells = 1 << bits
    vector = f"vec{dims}"
    v = f"wp.{vector}"
    d.module(f"POINTS = wp.constant({count})")
    d.input("points", vector, (clouds, count), -1.0, 1.0, about="point positions")
    if weighted:
        d.input(
            "radii",
            "float",
            (clouds, count),
            0.02,
            0.2,
            about=f"{'circle' if dims == 2 else 'sphere'} radius per point, used for the bounding box",
        )
    if box == "given":
        d.input("corners", vector, (clouds,), -1.3, -1.1, about="box lower corners")
        d.param("extent", "float", 2.4, 2.6, about="box side length")
    name, type_, shape, about = {
        "order": ("permutations", "int", (clouds, count), "point indices sorted by Morton code"),
        "points": ("sorted_points", vector, (clouds, count), "points sorted by Morton code"),
        "codes": ("sorted_codes", "uint32", (clouds, count), "sorted Morton codes"),
        "splits": (
            "splits",
            "int",
            (clouds, count),
            "common prefix length with the next code, -1 for the last code",
        ),
        "neighbours": (
            "jumps",
            "float",
            (clouds, count),
            "distance to the next point along the curve, 0 for the last point",
        ),
        "extents": ("lengths", "float", (clouds,), "path length along the curve"),
    }[result]
    d.output(name, type_, shape, about=about)
    bound = "box" if box == "own" else "cube" if dims == 3 else "square"
    d.says(
        {
            "order": "Computes the Morton order for each point set.",
            "points": "Sorts the points in each set along the Morton curve using "
            f"{'a' if box == 'given' else 'their'} bounding {bound}.",
            "codes": "Computes sorted Morton codes for each point set.",
            "splits": "Computes the common prefix length of consecutive Morton codes in each set, as used "
            "for LBVH splits.",
            "neighbours": "Computes the distances between consecutive points along the Morton curve.",
            "extents": "Computes the Morton curve path length for each point set.",
        }[result]
    )
    if result not in ("order", "points"):
        d.calls(
            {
                "codes": "sort_morton_codes|z_order_codes",
                "splits": "split_levels|common_prefixes|lbvh_splits",
                "neighbours": "curve_jumps|neighbor_jumps|z_order_jumps",
                "extents": "curve_lengths|path_lengths|z_order_length",
            }[result]
        )
    gaps = "a zero after each" if dims == 2 else "two zeros after each"
    if curve == "loop":
        d.function(f'''
            @wp.func
            def spread_bits(x: wp.uint32) -> wp.uint32:
                """Spread the bits of x by inserting {gaps}."""
                spread = wp.uint32(0)
                for bit in range({bits}):
                    spread = spread | (((x >> wp.uint32(bit)) & wp.uint32(1)) << wp.uint32({dims} * bit))
                return spread
        ''')
    else:
        steps = (
            [(16, 0x030000FF), (8, 0x0300F00F), (4, 0x030C30C3), (2, 0x09249249)]
            if dims == 3
            else [(8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)]
        )
        d.function(
            '''
            @wp.func
            def spread_bits(x: wp.uint32) -> wp.uint32:
                """Spread the bits of x by inserting $gaps."""
                spread = x
                $steps
                return spread
            ''',
            gaps=gaps,
            steps="\n".join(
                f"spread = (spread | (spread << wp.uint32({s}))) & wp.uint32({m:#010x})" for s, m in steps
            ),
        )
    top = cells - 1
    axes = "\n".join(
        f"{a} = wp.uint32(wp.clamp(int({cells}.0 * (p[{k}] - low[{k}]) / size[{k}]), 0, {top}))"
        for k, a in enumerate("xyz"[:dims])
    )
    joined = " | ".join(
        f"(spread_bits({a}) << wp.uint32({dims - 1 - k}))" if k < dims - 1 else f"spread_bits({a})"
        for k, a in enumerate("xyz"[:dims])
    )
    d.function(
        f'''
        @wp.func
        def morton_code(p: {v}, low: {v}, size: {v}) -> wp.uint32:
            """Return the Morton code of a point by interleaving its cell coordinate bits."""
            $axes
            return {joined}
        ''',
        axes=axes,
    )
    lower, upper = "p", "p"
    grown = ""
    if weighted:
        one = ", ".join(["r"] * dims)
        d.function(f"@wp.func\ndef lowest(p: {v}, r: float) -> {v}:\n    return p - {v}({one})")
        d.function(f"@wp.func\ndef highest(p: {v}, r: float) -> {v}:\n    return p + {v}({one})")
        grown = "r = wp.tile_load(radii[cloud], shape=POINTS)\nbelow = wp.tile_map(lowest, p, r)\nabove = wp.tile_map(highest, p, r)"
        lower, upper = "below", "above"
    sides = ", ".join(["side"] * dims)
    bounds = {
        "own": f"{grown}\nlow = wp.tile_reduce(wp.min, {lower})[0]\nhigh = wp.tile_reduce(wp.max, {upper})[0]\nsize = high - low",
        "cube": f"{grown}\nlow = wp.tile_reduce(wp.min, {lower})[0]\nhigh = wp.tile_reduce(wp.max, {upper})[0]\n"
        f"# Use a {'cube' if dims == 3 else 'square'} so that cells have equal sides\n"
        f"side = wp.max(high - low)\nsize = {v}({sides})",
        "given": f"low = corners[cloud]\nsize = {v}({', '.join(['extent'] * dims)})",
    }[box].strip("\n")
    if result == "splits":
        d.function('''
            @wp.func
            def shared_bits(code: wp.uint32, other: wp.uint32) -> int:
                """Number of leading bits shared by two codes, 32 if they are equal."""
                differing = code ^ other
                count = int(0)
                while count < 32 and (differing >> wp.uint32(31 - count)) == wp.uint32(0):
                    count += 1
                return count
        ''')
    if result in ("splits", "neighbours", "extents"):
        d.module(f"PAIRS = wp.constant({count - 1})")
    if result in ("neighbours", "extents"):
        d.function(f"@wp.func\ndef gap_between(a: {v}, b: {v}) -> float:\n    return wp.length(b - a)")
    gather = 'q = wp.tile_load_indexed(points[cloud], indices=source, shape=(POINTS,), storage="shared")'
    ends = "here = wp.tile_view({0}, offset=(0,), shape=(PAIRS,))\nafter = wp.tile_view({0}, offset=(1,), shape=(PAIRS,))"
    end = {
        "order": "wp.tile_store(permutations[cloud], source)",
        "points": f"{gather}\nwp.tile_store(sorted_points[cloud], q)",
        "codes": "wp.tile_store(sorted_codes[cloud], codes)",
        "splits": f'{ends.format("codes")}\nlevel = wp.tile_full(shape=POINTS, value=-1, dtype=int, storage="shared")\n'
        "wp.tile_assign(level, wp.tile_map(shared_bits, here, after), offset=(0,))\n"
        "wp.tile_store(splits[cloud], level)",
        "neighbours": f'{gather}\n{ends.format("q")}\njump = wp.tile_zeros(shape=POINTS, dtype=float, storage="shared")\n'
        "wp.tile_assign(jump, wp.tile_map(gap_between, here, after), offset=(0,))\n"
        "wp.tile_store(jumps[cloud], jump)",
        "extents": f"{gather}\n{ends.format('q')}\nwp.tile_store(lengths, wp.tile_sum(wp.tile_map(gap_between, here, after)), offset=cloud)",
    }[result]
    d.launch(clouds, tiled=True)
    d.code(
        """
        cloud = wp.tid()
        p = wp.tile_load(points[cloud], shape=POINTS)
        $bounds
        codes = wp.tile_map(morton_code, p, low, size)
        source = wp.tile_arange(POINTS, dtype=int)
        wp.tile_sort(codes, source)
        $end
        """,
        bounds=bounds,
        end=end,
    )
    ties = "" if result in ("codes", "splits") else "; the point order within a cell is undefined"
    spread = {
        "own": " It must have a nonzero extent along each axis.",
        "cube": " Points in a set must not all coincide.",
        "given": "",
    }[box if not weighted else "given"]
    whole = "The box" if box == "given" else f"The bounding {bound} of each set"
    d.explain(f"{whole} is divided into {cells} cells per axis{ties}.{spread}")

    def agree(before: Values, after: Values) -> None:
        for c in range(clouds):
            p = before.points[c].astype(np.float32)
            if box == "given":
                low, size = before.corners[c].astype(np.float32), np.full(dims, before.extent, np.float32)
            else:
                r = before.radii[c, :, None].astype(np.float32) if weighted else np.float32(0)
                low = (p - r).min(0)
                size = (p + r).max(0) - low
                size = np.full(dims, size.max()) if box == "cube" else size
            cell = np.clip((np.float32(cells) * (p - low) / size).astype(int), 0, top)
            code = np.zeros(count, np.int64)
            for bit in range(bits):
                for k in range(dims):
                    code |= ((cell[:, k] >> bit) & 1) << (dims * bit + dims - 1 - k)
            s = np.sort(code)
            lone = np.ones(count, bool)
            lone[1:] &= s[1:] != s[:-1]
            lone[:-1] &= s[1:] != s[:-1]
            at = np.argsort(code, kind="stable")
            found = after[name][c]
            if result == "order":
                assert sorted(found) == list(range(count))
                np.testing.assert_array_equal(code[found], s)
            elif result == "points":
                np.testing.assert_allclose(found[lone], before.points[c][at][lone], rtol=1e-5)
                assert np.isclose(found.sum(), before.points[c].sum(), atol=1e-3)
            elif result == "codes":
                np.testing.assert_array_equal(found.astype(np.int64), s)
            elif result == "splits":
                wanted = [
                    32 - int(a ^ b).bit_length() for a, b in zip(s[:-1].tolist(), s[1:].tolist(), strict=True)
                ]
                np.testing.assert_array_equal(found, [*wanted, -1])
            elif lone.all():
                jump = np.linalg.norm(np.diff(before.points[c][at], axis=0), axis=1)
                wanted_ = np.append(jump, 0.0) if result == "neighbours" else jump.sum()
                np.testing.assert_allclose(found, wanted_, rtol=1e-4, atol=1e-5)
            else:
                assert np.all(found >= 0.0)

    d.holds(agree)
