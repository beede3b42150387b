"""Positions encoded for networks that learn fields: hash grids."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.neural import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Mueller et al. 2022, Instant neural graphics primitives, sec. 3; Barron et al. 2022 (contraction); Park et al. 2021",
    names={
        "encode_positions": "hash_grid_encoding|hashgrid_forward|encode_points|multiresolution_encoding",
        "features": "table|hash_table|grid_features",
        "points": "positions|coords|x_in",
        "encoded": "embedding|encoding|out_features",
        "level": "lvl|l|resolution_level",
        "scale": "level_scale|s_level|res_scale",
        "corner": "vertex|cell_corner|grid_point",
        "weight": "w|interp_weight|corner_weight",
    },
    element="point",
    weight=10,
)
def encode_positions(d: Draft) -> None:
    """Encodes positions using features interpolated from multiresolution hash grids."""
    dims = d.option("dimension", 3, 2)
    width = d.option("features", "vec2", "float", "vec4")
    smooth = d.option("interpolation", "linear", "smooth", "nearest")
    hashing = d.option("index", "hash", "dense first", "dense")
    if hashing == "dense":
        d.calls("grid_encoding|encode_points|multiresolution_encoding|feature_grid")
    grids = {"hash": "hashed", "dense first": "dense and hashed", "dense": "tiled"}[hashing]
    taken = {
        "nearest": "at the nearest vertices",
        "linear": "interpolated from vertices",
        "smooth": "smoothly interpolated from vertices",
    }[smooth]
    warp_ = d.option("domain", "unit", "box", "contract")
    anneal = d.flag("annealing", 0.4)
    layout = d.option("layout", "levels first", "points first")
    growth = d.option("growth", "geometric", "table")
    mask = d.flag("mask", 0.35)
    fading = " that fade in" if anneal else ""
    whose = "valid positions" if mask else "positions"
    d.says(f"Encodes {whose} using features {taken} of multiresolution {grids} grids{fading}.")
    n, levels, log2 = d.pick(24, 32), d.pick(3, 4), d.pick(6, 7)
    # Room for all vertices of the coarsest level
    size = 2 ** (8 if hashing == "dense first" and dims == 3 else log2)
    vec = "vec3" if dims == 3 else "vec2"
    low, high = {"unit": (0.02, 0.98), "box": (-0.9, 0.9), "contract": (-3.0, 3.0)}[warp_]
    d.input(
        "points",
        vec,
        n,
        low,
        high,
        about={"unit": "Positions in [0, 1]", "box": "Positions within the scene", "contract": "Positions"}[
            warp_
        ],
    )
    table = "vertex_features" if hashing == "dense" else "features"  # no hash table
    d.input(table, width, (levels, size), -1.0, 1.0, about="Learned feature table per level")
    if warp_ == "box":
        d.param("lower", vec, -1.0, about="Scene bounds, lower corner")
        d.param("upper", vec, 1.0, about="Scene bounds, upper corner")
    if growth == "geometric":
        d.param("base_resolution", "float", 3.0, 4.0, about="Coarsest grid resolution")
        d.param("growth", "float", 1.3, 1.6, about="Per-level growth factor")
    else:
        d.input("resolutions", "float", levels, 3.0, 12.0, "ascending", about="Grid resolution per level")
    if anneal:
        d.param("progress", "float", 0.5, 2.5, about="Coarse-to-fine progress in levels")
    if mask:
        d.mask("valid", "bool", n, about="False for skipped samples")
    d.output(
        "encoded",
        width,
        (levels, n) if layout == "levels first" else (n, levels),
        about="Features of the nearest vertices" if smooth == "nearest" else "Interpolated features",
    )
    d.module(f"TABLE_SIZE = wp.constant({size})")
    at = "level, point" if layout == "levels first" else "point, level"
    zero = {"vec2": "wp.vec2(0.0, 0.0)", "float": "0.0", "vec4": "wp.vec4(0.0, 0.0, 0.0, 0.0)"}[width]
    args = ", ".join(f"{a}: int" for a in "xyz"[:dims])
    hashed = "wp.uint32(x)" + "".join(
        f" ^ (wp.uint32({a}) * wp.uint32({p}))"
        for a, p in zip("yz"[: dims - 1], (2654435761, 805459861), strict=False)
    )
    dense = "x + resolution * y" if dims == 2 else "x + resolution * (y + resolution * z)"
    stretch = "resolution * resolution" + (" * resolution" if dims == 3 else "")
    d.function(
        f'''
        @wp.func
        def table_index({args}{", resolution: int" if hashing != "hash" else ""}) -> int:
            """{_INDEX[hashing]}"""
            $body
        ''',
        body={
            "hash": f"# Hash multipliers from Mueller et al. 2022, the first is 1 for cache coherence\nh = {hashed}\nreturn int(h & wp.uint32(TABLE_SIZE - 1))",
            "dense": f"# Wrap fine levels around to stay inside the table\nreturn ({dense}) % TABLE_SIZE",
            "dense first": f"""
                # Dense indexing for coarse levels that fit in the table
                if {stretch} <= TABLE_SIZE:
                    return {dense}
                h = {hashed}
                return int(h & wp.uint32(TABLE_SIZE - 1))
                """,
        }[hashing],
    )
    if warp_ == "contract":
        d.function(f'''
            @wp.func
            def contract(x: wp.{vec}) -> wp.{vec}:
                """Contract unbounded space to a ball of radius two, then map to the unit box."""
                # Points inside the unit ball are unchanged
                far = wp.max(wp.length(x), 1.0)
                contracted = (2.0 - 1.0 / far) / far * x
                return 0.25 * contracted + wp.{vec}({", ".join(["0.5"] * dims)})
        ''')
    place = {
        "unit": "x = points[point]",
        "box": "# Normalize to the scene bounds\nx = wp.cw_div(points[point] - lower, upper - lower)",
        "contract": "# Unbounded scene\nx = contract(points[point])",
    }[warp_]
    cells = "\n".join(f"i{a} = int(wp.floor(scaled[{k}]))" for k, a in enumerate("xyz"[:dims]))
    rest = "\n".join(f"f{a} = scaled[{k}] - float(i{a})" for k, a in enumerate("xyz"[:dims]))
    ease = {
        "linear": "",
        "nearest": "",
        "smooth": "# Smoothstep for a continuous gradient\n"
        + "\n".join(f"f{a} = f{a} * f{a} * (3.0 - 2.0 * f{a})" for a in "xyz"[:dims]),
    }[smooth]
    bits = "\n".join(
        f"d{a} = (corner >> {k}) & 1" if k else f"d{a} = corner & 1" for k, a in enumerate("xyz"[:dims])
    )
    weigh = "\n".join(
        f"weight {'*=' if k else '='} wp.where(d{a} == 1, f{a}, 1.0 - f{a})"
        for k, a in enumerate("xyz"[:dims])
    )
    corners = ", ".join(f"i{a} + d{a}" for a in "xyz"[:dims])
    along = "" if hashing == "hash" else ", side"
    if smooth == "nearest":
        gather = "\n".join(f"n{a} = int(wp.floor(scaled[{k}] + 0.5))" for k, a in enumerate("xyz"[:dims]))
        gather = f"# Nearest vertex without interpolation: {'four' if dims == 2 else 'eight'} times fewer reads\n{gather}\nvalue = {table}[level, table_index({', '.join('n' + a for a in 'xyz'[:dims])}{along})]"
    else:
        gather = f"""
            # Cell index and local coordinates
            $cells
            $rest
            $ease
            # {"Bi" if dims == 2 else "Tri"}linear interpolation; bit k of the corner index is the offset along axis k
            value = {"float(0.0)" if width == "float" else zero}
            for corner in range({2**dims}):
                $bits
                $weigh
                value += weight * {table}[level, table_index({corners}{along})]
            """
    d.launch(n, levels)
    d.code(
        """
        point, level = wp.tid()
        $mask
        $place
        $scale
        $side
        $offset
        $gather
        $anneal
        encoded[$at] = value
        """,
        mask=f"# Zero features for skipped samples\nif not valid[point]:\n    encoded[{at}] = {zero}\n    return\n"
        if mask
        else "",
        place=place,
        scale="scale = base_resolution * wp.pow(growth, float(level))"
        if growth == "geometric"
        else "scale = resolutions[level]",
        side=""
        if hashing == "hash"
        else "# Vertices per axis, plus one for the offset\nside = int(scale + 0.5) + 2",
        offset=f"# Half-cell offset so the grid levels do not align\nscaled = scale * x + wp.{vec}({', '.join(['0.5'] * dims)})",
        gather=gather,
        cells=cells,
        rest=rest,
        ease=ease,
        bits=bits,
        weigh=weigh,
        anneal="""
            # Coarse-to-fine annealing (Park et al. 2021)
            phase = wp.clamp(progress - float(level), 0.0, 1.0)
            value *= 0.5 * (1.0 - wp.cos(wp.pi * phase))
            """
        if anneal
        else "",
        at=at,
    )
    shared = "Fine levels wrap around in the table" if hashing == "dense" else "Collisions are not resolved"
    d.explain(f"""
        Each level is a grid with its own feature table. {shared}, since the network
        learns to resolve them.
    """)

    def reference(v: Values) -> dict[str, Any]:
        x = v.points
        if warp_ == "box":
            x = (x - v.lower) / (v.upper - v.lower)
        elif warp_ == "contract":
            r = np.linalg.norm(x, axis=1, keepdims=True)
            x = np.where(r > 1, (2 - 1 / r) * x / r, x) / 4 + 0.5
        made = []
        for level in range(levels):
            scale = v.base_resolution * v.growth**level if growth == "geometric" else v.resolutions[level]
            side = int(np.float32(scale) + np.float32(0.5)) + 2
            s = scale * x + 0.5
            entries = v[table][level].reshape(size, -1)
            if smooth == "nearest":
                value = entries[_index(np.floor(s + 0.5).astype(int), side, size, hashing)]
            else:
                cell = np.floor(s).astype(int)
                f = s - cell
                f = f * f * (3 - 2 * f) if smooth == "smooth" else f
                value = 0.0
                for corner in np.ndindex(*[2] * dims):
                    w = np.where(corner, f, 1 - f).prod(axis=1, keepdims=True)
                    value = value + w * entries[_index(cell + corner, side, size, hashing)]
            if anneal:
                value = value * (1 - np.cos(np.pi * np.clip(v.progress - level, 0, 1))) / 2
            made.append(np.where(v.valid[:, None], value, 0.0) if mask else value)
        both = np.stack(made, axis=0 if layout == "levels first" else 1)
        return {"encoded": both[..., 0] if width == "float" else both}

    def agrees(v: Values, after: Values) -> None:
        made = reference(v)["encoded"]
        near = np.abs(np.asarray(after.encoded) - made) < 2e-3
        assert near.mean() > 0.98, f"{near.mean():.3f} agree"

    d.holds(agrees)


_INDEX = {
    "hash": "Returns the table index of a grid vertex using spatial hashing.",
    "dense": "Returns the row-major table index of a grid vertex, modulo the table size.",
    "dense first": "Returns the table index of a grid vertex, row-major if the level fits, otherwise hashed.",
}


def _index(at: Any, side: int, size: int, hashing: str) -> Any:
    rows = sum(at[:, k] * side**k for k in range(at.shape[1]))
    primes = np.array([1, 2654435761, 805459861], np.uint64)[: at.shape[1]]
    mixed = np.bitwise_xor.reduce(
        (at.astype(np.uint64) * primes) & np.uint64(0xFFFFFFFF), axis=1
    ) % np.uint64(size)
    if hashing == "dense" or (hashing == "dense first" and side ** at.shape[1] <= size):
        return rows % size
    return mixed.astype(int)
