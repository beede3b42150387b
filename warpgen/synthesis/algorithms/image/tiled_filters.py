"""Pictures filtered patch by patch, a block of threads for each patch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.image import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

# Weights of a pass for smoothing and for differences, by the reach of the filter.
_SMOOTH = {
    "binomial": {1: (0.25, 0.5, 0.25), 2: (0.0625, 0.25, 0.375, 0.25, 0.0625)},
    "box": {1: (1 / 3,) * 3, 2: (0.2,) * 5},
    "scharr": {1: (0.1875, 0.625, 0.1875), 2: (0.03560, 0.24887, 0.43106, 0.24887, 0.03560)},
}
_SLOPE = {1: (-0.5, 0.0, 0.5), 2: (1 / 12, -2 / 3, 0.0, 2 / 3, -1 / 12)}


def _spelled(weight: float) -> str:
    """A weight as people write it: thirds and twelfths as quotients."""
    twelfths = round(12 * weight)
    exact = {4: "1.0 / 3.0", 8: "2.0 / 3.0", -8: "-2.0 / 3.0", 1: "1.0 / 12.0", -1: "-1.0 / 12.0"}
    return exact[twelfths] if twelfths in exact and abs(12 * weight - twelfths) < 1e-9 else f"{weight:.8g}"


def _correlated(u: Any, weights: tuple[float, ...], axis: int) -> Any:
    length = u.shape[axis] - len(weights) + 1
    return sum(w * np.take(u, range(k, k + length), axis=axis) for k, w in enumerate(weights))


@DOMAIN.algorithm(
    source="Harris & Stephens 1988; Shi & Tomasi 1994; Scharr 2000; Bigun & Granlund 1987 (orientation); Gonzalez & Woods 2018, ch. 3",
    names={
        "picture": "image|gray",
        "padded": "patch|halo_tile|window",
        "sharpness": "amount|strength|boost",
        "TILE": "PATCH|BLOCK|SIDE",
        "PADDED": "PADDED_SIDE|WITH_BORDER",
    },
    adjoint="yes",
    weight=7,
)
def filtered_patches(d: Draft) -> None:
    """Applies a separable filter to image patches."""
    kind = d.option(
        "kind", "blur", "sharpen", "gradient", "magnitude", "corner", "difference of blurs", "coherence"
    )
    smooth = d.option("weights", *_SMOOTH)
    reach = d.option("reach", 1, 2)
    given = d.flag("given weights", 0.3) and kind == "blur"
    result = d.option("order", "rows first", "columns first")
    gamma = d.flag("linear light", 0.3)
    d.calls(
        {
            "blur": "blur_patches|separable_blur_tiled|filtered_patches",
            "sharpen": "sharpen_patches|unsharp_tiles|unsharp_mask_tiled",
            "gradient": "gradient_patches|gradient_tiles|separable_gradient",
            "magnitude": "edge_strength_tiled|edge_patches|gradient_magnitude_tiled",
            "corner": "harris_patches|corner_response_tiled|corner_patches",
            "difference of blurs": "difference_of_blurs|band_pass_tiles|dog_patches",
            "coherence": "patch_coherence|gradient_coherence|coherence_tiles",
        }[kind]
    )
    if given:
        d.calls("filter_patches|separable_filter_tiled|convolve_patches")
    tile, side = d.pick(4, 6, 8), d.pick(2, 3)
    halo, n = tile + 2 * reach, tile * side
    d.module(f"TILE = wp.constant({tile})\nPADDED = wp.constant({halo})")
    size = n + 2 * reach
    d.input(
        "picture",
        "float",
        (size, size),
        0.05,
        1.0,
        about="grayscale image, padded by the filter radius",
    )
    if given:
        d.input(
            "kernel",
            "float",
            2 * reach + 1,
            0.1,
            0.4,
            about="1D filter weights, used for both rows and columns",
        )
    if kind == "sharpen":
        d.param("sharpness", "float", 0.3, 1.5, about="sharpening amount")
    elif kind == "corner":
        d.param("kappa", "float", 0.04, 0.06, about="Harris detector constant k")
    elif kind == "magnitude":
        d.param(
            "eps",
            "float",
            1e-3,
            1e-2,
            about="small constant that keeps the square root differentiable in flat regions",
        )
    elif kind == "coherence":
        d.param("eps", "float", 1e-3, 1e-2, about="small constant to avoid division by zero in flat patches")
    name, shape, about = {
        "gradient": ("gradient", "vec2", "image gradient (x, y)"),
        "magnitude": ("edges", "float", "gradient magnitude"),
        "corner": ("response", "float", "per-patch corner response"),
        "coherence": ("coherence", "float", "per-patch gradient coherence in [0, 1]"),
    }.get(kind, ("filtered", "float", "filtered values"))
    extents = (side, side) if kind in ("corner", "coherence") else (n, n)
    d.output(name, shape, extents, about=about)
    d.says(
        {
            "blur": f"{'Filters' if given else 'Blurs'} image patches using separable row and column passes.",
            "sharpen": "Sharpens image patches using unsharp masking with a separable blur.",
            "gradient": "Computes gradients of image patches using separable filters.",
            "magnitude": "Computes the gradient magnitude of image patches using separable filters.",
            "corner": "Computes the Harris corner response of each image patch.",
            "difference of blurs": "Applies a difference-of-blurs filter to image patches.",
            "coherence": "Computes the gradient coherence of each image patch.",
        }[kind].replace(".", ", in linear light." if gamma else ".")
    )
    weights, slope = _SMOOTH[smooth][reach], _SLOPE[reach]

    def run(source: str, into: str, taps: str, axis: int, rows: str, cols: str) -> str:
        """A pass as a weighted sum of shifted views."""
        at = "(k, 0)" if axis == 0 else "(0, k)"
        return (
            f"{into} = wp.tile_zeros(shape=({rows}, {cols}), dtype=float)\nfor k in range(TAPS):\n"
            f"    {into} += {taps}[k] * wp.tile_view({source}, offset={at}, shape=({rows}, {cols}))"
        )

    def passes(into: str, first: str, second: str) -> str:
        """`first` along the rows, `second` down the columns, in the order of this variant."""
        if result == "rows first":
            return (
                run("padded", f"{into}_rows", first, 1, "PADDED", "TILE")
                + "\n"
                + run(f"{into}_rows", into, second, 0, "TILE", "TILE")
            )
        return (
            run("padded", f"{into}_cols", second, 0, "TILE", "PADDED")
            + "\n"
            + run(f"{into}_cols", into, first, 1, "TILE", "TILE")
        )

    taps = 2 * reach + 1
    used = {"SMOOTH": weights, "SLOPE": slope}
    if kind == "difference of blurs":
        used = {"FINE": _SMOOTH["binomial"][reach], "COARSE": _SMOOTH["box"][reach]}
    elif kind in ("blur", "sharpen"):
        used = {} if given else {"SMOOTH": weights}
    d.module(f"TAPS = wp.constant({taps})")
    vector = "wp.vec3" if taps == 3 else f"vec{taps}"
    if used and taps != 3:
        d.module(f"vec{taps} = wp.types.vector(length={taps}, dtype=float)")
    for name_, values in used.items():
        listed = ", ".join("0.0" if w == 0.0 else _spelled(w) for w in values)
        d.module(f"{name_} = wp.constant({vector}({listed}))")
    smoothing = "kernel" if given else "SMOOTH"

    if gamma:
        d.function('''
            @wp.func
            def to_linear(v: float) -> float:
                """Decode gamma 2.2 so that filtering happens in linear light."""
                return wp.pow(v, 2.2)
        ''')
    middle = f"wp.tile_view(padded, offset=({reach}, {reach}), shape=(TILE, TILE))"
    slopes = passes("gx", "SLOPE", smoothing) + "\n" + passes("gy", smoothing, "SLOPE")
    if kind == "gradient":
        d.function("@wp.func\ndef pair_up(x: float, y: float) -> wp.vec2:\n    return wp.vec2(x, y)")
    elif kind == "magnitude":
        d.function("""
            @wp.func
            def edge_strength(x: float, y: float, eps: float) -> float:
                return wp.sqrt(x * x + y * y + eps * eps)
        """)
    elif kind == "corner":
        d.function('''
            @wp.func
            def harris(xx: float, yy: float, xy: float, kappa: float) -> float:
                """Harris response: det(M) - k * trace(M)^2."""
                trace = xx + yy
                return xx * yy - xy * xy - kappa * trace * trace
        ''')
    elif kind == "coherence":
        d.function('''
            @wp.func
            def agreement(xx: float, yy: float, xy: float, eps: float) -> float:
                """Coherence, the eigenvalue difference over their sum."""
                gap = wp.sqrt((xx - yy) * (xx - yy) + 4.0 * xy * xy + eps * eps)
                return gap / (xx + yy + eps)
        ''')
    at = "offset=(i * TILE, j * TILE)"
    tensor = (
        f"{slopes}\n# Patch structure tensor\n"
        "xx = wp.tile_sum(wp.tile_sum(gx * gx, axis=1), axis=0)\n"
        "yy = wp.tile_sum(wp.tile_sum(gy * gy, axis=1), axis=0)\n"
        "xy = wp.tile_sum(wp.tile_sum(gx * gy, axis=1), axis=0)\n"
    )
    wider = _SMOOTH["box"][reach]
    end = {
        "blur": passes("soft", smoothing, smoothing) + f"\nwp.tile_store(filtered, soft, {at})",
        "sharpen": passes("soft", smoothing, smoothing)
        + f"\nmiddle = {middle}\nwp.tile_store(filtered, middle + sharpness * (middle - soft), {at})",
        "gradient": f"{slopes}\nwp.tile_store(gradient, wp.tile_map(pair_up, gx, gy), {at})",
        "magnitude": f"{slopes}\nwp.tile_store(edges, wp.tile_map(edge_strength, gx, gy, eps), {at})",
        "corner": tensor + "found = wp.tile_map(harris, xx, yy, xy, kappa)\n"
        "wp.tile_store(response, wp.tile_reshape(found, shape=(1, 1)), offset=(i, j))",
        "coherence": tensor + "found = wp.tile_map(agreement, xx, yy, xy, eps)\n"
        "wp.tile_store(coherence, wp.tile_reshape(found, shape=(1, 1)), offset=(i, j))",
        "difference of blurs": passes("fine", "FINE", "FINE")
        + "\n"
        + passes("coarse", "COARSE", "COARSE")
        + f"\nwp.tile_store(filtered, fine - coarse, {at})",
    }[kind]
    load = 'wp.tile_load(picture, shape=(PADDED, PADDED), offset=(i * TILE, j * TILE), storage="shared")'
    d.launch(side, side, tiled=True)
    d.code(
        """
        i, j = wp.tid()
        # Load the patch with a halo as wide as the filter radius
        $load
        $end
        """,
        load=f"padded = wp.tile_map(to_linear, {load})" if gamma else f"padded = {load}",
        end=end,
    )
    linear = "The image is first decoded from gamma 2.2. " if gamma else ""
    d.explain(
        linear
        + f"Two 1D passes with {2 * reach + 1} taps replace a 2D kernel with {(2 * reach + 1) ** 2}; shifted tile views need no extra memory."
    )

    def reference(v: Values) -> Mapping[str, Any]:
        u = v.picture**2.2 if gamma else v.picture
        w = tuple(v.kernel) if given else weights

        def filtered(a: Any, b: Any) -> Any:
            return _correlated(_correlated(u, a, 1), b, 0)

        soft, inner = filtered(w, w), u[reach:-reach, reach:-reach]
        gx, gy = filtered(slope, w), filtered(w, slope)

        def patches(t: Any) -> Any:
            return t.reshape(side, tile, side, tile).sum((1, 3))

        xx, yy, xy = patches(gx * gx), patches(gy * gy), patches(gx * gy)
        return {
            name: {
                "blur": lambda: soft,
                "sharpen": lambda: inner + v.sharpness * (inner - soft),
                "gradient": lambda: np.stack([gx, gy], axis=-1),
                "magnitude": lambda: np.sqrt(gx**2 + gy**2 + v.eps**2),
                "corner": lambda: xx * yy - xy**2 - v.kappa * (xx + yy) ** 2,
                "coherence": lambda: np.sqrt((xx - yy) ** 2 + 4 * xy**2 + v.eps**2) / (xx + yy + v.eps),
                "difference of blurs": lambda: (
                    filtered(_SMOOTH["binomial"][reach], _SMOOTH["binomial"][reach]) - filtered(wider, wider)
                ),
            }[kind]()
        }

    d.check(reference, 2e-3)
