"""Images: neighbourhood filters, gradients, bilateral and median filters."""

from __future__ import annotations

from warpgen.synthesis.categories.image import CATEGORY
from warpgen.synthesis.categories.image.frame import COLOUR, GREY, Frame, window
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import Type
from warpgen.synthesis.language.values import Value


def _accumulator(k: Kit, t: Type, names: str, reach: float) -> Value:
    return k.var(names, k.zero(t) if t.shape else 0.0, t, lo=-reach, hi=reach)


@CATEGORY.motif(rank=2)
def convolve(k: Kit) -> None:
    """Convolve an image with a small kernel."""
    t = k.rng.choice((k.real, k.real, k.vec3))
    f = Frame(k, GREY if t is k.real else COLOUR, t)
    radius = k.rng.choice((1, 1, 2))
    kind = k.rng.choice(("array", "array", "gauss", "sharpen", "box", "laplace", "row", "emboss"))
    if kind in ("sharpen", "laplace", "emboss"):
        cross = f.at(-1, 0) + f.at(1, 0) + f.at(0, -1) + f.at(0, 1)
        total = k.define("ring|cross|nbrs", cross)
        if kind == "sharpen":
            amount = k.param("amount|strength|sharpness", k.real, 0.2, 1.5)
            k.give("sharpened|filtered", f.at() + amount * (4.0 * f.at() - total))
        elif kind == "laplace":
            k.give("laplacian|edges", total - 4.0 * f.at())
        else:
            k.give("emboss|relief", f.at(1, 1) - f.at(-1, -1) + 0.5 * (f.at(0, 1) - f.at(1, 0)))
        return
    acc = _accumulator(k, t, "acc|sum|total|result", 50.0)
    if kind == "row":
        taps = k.array("taps|weights|kernel_1d", k.real, lo=-0.5, hi=0.5)
        vertical = k.rng.chance(0.4)
        with k.for_("d|o|s", 2 * radius + 1) as d:
            shift = d - radius
            value = f.at(shift, 0) if vertical else f.at(0, shift)
            k.add(acc, taps[d] * value)
        k.give("filtered|blurred", acc)
        return
    weights = k.array("kernel_w|weights|stencil_w", k.real, 2, lo=-0.5, hi=0.5) if kind == "array" else None
    norm = k.var("norm|w_sum|weight_sum", 0.0, k.real, lo=0.0, hi=25.0) if kind == "gauss" else None
    sigma = k.param("sigma|blur|std", k.real, 0.6, 2.5) if kind == "gauss" else None
    rows_loop, cols_loop = window(k, radius)
    with rows_loop as di, cols_loop as dj:
        pixel = f.near(di, dj)
        if weights is not None:
            k.add(
                acc, weights[(di + radius).within(0, 2 * radius), (dj + radius).within(0, 2 * radius)] * pixel
            )
        elif sigma is not None and norm is not None:
            d2 = k.let("d2|r2|dist2", k.to_real(di * di + dj * dj)).within(0.0, 8.0)
            w = k.let("w|g|weight", k.wp.exp(-d2 / (2.0 * sigma * sigma)))
            k.add(acc, w * pixel)
            k.add(norm, w)
        else:
            k.add(acc, pixel)
    if norm is not None:
        k.give("blurred|filtered", acc / norm.within(0.5, 25.0))
    else:
        k.give("filtered|blurred", acc / float((2 * radius + 1) ** 2) if kind == "box" else acc)


@CATEGORY.motif(rank=2)
def gradient(k: Kit) -> None:
    """Image gradient by a derivative filter."""
    f = Frame(k)
    kind = k.rng.choice(("sobel", "scharr", "prewitt", "central", "roberts"))
    if kind == "central":
        gx, gy = 0.5 * (f.at(0, 1) - f.at(0, -1)), 0.5 * (f.at(1, 0) - f.at(-1, 0))
    elif kind == "roberts":
        gx, gy = f.at() - f.at(1, 1), f.at(0, 1) - f.at(1, 0)
    else:
        a, b = {"sobel": (1.0, 2.0), "scharr": (3.0, 10.0), "prewitt": (1.0, 1.0)}[kind]
        p = {
            (r, c): k.let(n, f.at(r, c))
            for (r, c), n in {
                (-1, -1): "nw|tl|p00", (-1, 0): "nn|tc|p01", (-1, 1): "ne|tr|p02", (0, -1): "ww|ml|p10",
                (0, 1): "ee|mr|p12", (1, -1): "sw|bl|p20", (1, 0): "ss|bc|p21", (1, 1): "se|br|p22",
            }.items()
        }  # fmt: skip
        if a == b:
            gx = p[-1, 1] + p[0, 1] + p[1, 1] - p[-1, -1] - p[0, -1] - p[1, -1]
            gy = p[1, -1] + p[1, 0] + p[1, 1] - p[-1, -1] - p[-1, 0] - p[-1, 1]
        elif a == 1.0:
            gx = p[-1, 1] + b * p[0, 1] + p[1, 1] - p[-1, -1] - b * p[0, -1] - p[1, -1]
            gy = p[1, -1] + b * p[1, 0] + p[1, 1] - p[-1, -1] - b * p[-1, 0] - p[-1, 1]
        else:
            gx = a * (p[-1, 1] + p[1, 1] - p[-1, -1] - p[1, -1]) + b * (p[0, 1] - p[0, -1])
            gy = a * (p[1, -1] + p[1, 1] - p[-1, -1] - p[-1, 1]) + b * (p[1, 0] - p[-1, 0])
    gx, gy = k.define("gx|dx|ix", gx), k.define("gy|dy|iy", gy)
    style = k.rng.integer(0, 4)
    if style == 0:
        k.give("magnitude|edge_strength|grad_mag", k.wp.sqrt(gx * gx + gy * gy + 1e-3))
    elif style == 1:
        k.give("orientation|angle", k.wp.atan2(gy, gx + 1e-3))
        k.give("magnitude|strength", k.wp.abs(gx) + k.wp.abs(gy))
    elif style == 2:
        k.give("grad|gradient", k.make(k.vec2, gx, gy))
    elif style == 3:
        scale = k.param("bump_scale|height_scale|relief", k.real, 0.5, 4.0)
        k.give("normal|bump_normal", k.wp.normalize(k.make(k.vec3, -gx * scale, -gy * scale, 1.0)))
    else:
        k.give("structure|tensor", k.make(k.mat22, gx * gx, gx * gy, gx * gy, gy * gy))


@CATEGORY.motif(rank=2)
def bilateral(k: Kit) -> None:
    """Edge-preserving smoothing."""
    t = k.rng.choice((k.real, k.real, k.vec3))
    f = Frame(k, GREY if t is k.real else COLOUR, t)
    radius = k.rng.choice((1, 2))
    kind = k.rng.choice(("bilateral", "bilateral", "nlm", "diffusion"))
    centre = k.define("center|c0|ref", f.at())
    if kind == "diffusion" and t is k.real:
        kappa, step = (
            k.param("kappa|edge_stop|contrast", k.real, 0.1, 0.6),
            k.param("step|dt|rate", k.real, 0.05, 0.25),
        )
        flux = k.var("flux|update|acc", 0.0, k.real, lo=-4.0, hi=4.0)
        exponential = k.rng.chance(0.5)
        for names, down, right in (
            ("dn|north", -1, 0),
            ("ds|south", 1, 0),
            ("de|east", 0, 1),
            ("dw|west", 0, -1),
        ):
            d = k.define(names, f.at(down, right) - centre)
            q = k.define("q|ratio|s", d / kappa)
            g = k.wp.exp(-q * q) if exponential else 1.0 / (1.0 + q * q)
            k.add(flux, g * d)
        k.give("smoothed|diffused", centre + step * flux)
        return
    s_r = k.param("sigma_r|sigma_range|range_sigma", k.real, 0.1, 0.5)
    s_s = k.param("sigma_s|sigma_space|spatial_sigma", k.real, 1.0, 3.0)
    acc = _accumulator(k, t, "acc|sum|total", 30.0)
    norm = k.var("norm|w_sum|weight_sum", 0.0, k.real, lo=0.0, hi=25.0)
    rows_loop, cols_loop = window(k, radius)
    with rows_loop as di, cols_loop as dj:
        p = k.define("p|q|pixel", f.near(di, dj))
        d = k.let("diff|delta|dc", p - centre)
        dr = k.let("dr2|range2|color_d2", k.wp.dot(d, d) if t.shape else d * d)
        ds = k.let("ds2|space2|d2", k.to_real(di * di + dj * dj)).within(0.0, 8.0)
        w = k.define("w|weight", k.wp.exp(-ds / (2.0 * s_s * s_s) - dr / (2.0 * s_r * s_r)))
        k.add(acc, w * p)
        k.add(norm, w)
    k.give("smoothed|filtered|denoised", acc / norm.within(0.1, 25.0))


@CATEGORY.motif(rank=2)
def median_filter(k: Kit) -> None:
    """Median or another rank of the neighbourhood."""
    f = Frame(k)
    kind = k.rng.choice(("cross", "row3", "trimmed", "midrange", "despeckle"))
    if kind == "row3":
        a, b, c = k.define("a|left", f.at(0, -1)), k.define("b|mid", f.at()), k.define("c|right", f.at(0, 1))
        k.give("median|filtered", k.wp.max(k.wp.min(a, b), k.wp.min(k.wp.max(a, b), c)))
        return
    names = ("c|center|p0", "n|up|p1", "s|down|p2", "e|right|p3", "w|left|p4")
    p = [
        k.define(n, f.at(di, dj))
        for n, (di, dj) in zip(names, ((0, 0), (-1, 0), (1, 0), (0, 1), (0, -1)), strict=True)
    ]
    low = k.define("low|lo|mn", k.wp.min(k.wp.min(p[1], p[2]), k.wp.min(p[3], p[4])))
    high = k.define("high|hi|mx", k.wp.max(k.wp.max(p[1], p[2]), k.wp.max(p[3], p[4])))
    if kind == "despeckle":
        k.give("clean|filtered", k.wp.clamp(p[0], low, high))
    elif kind == "midrange":
        k.give("midrange|filtered", 0.5 * (low + high))
        k.give("local_range|contrast", high - low)
    elif kind == "trimmed":
        k.give(
            "trimmed|filtered",
            (p[0] + p[1] + p[2] + p[3] + p[4] - k.wp.min(low, p[0]) - k.wp.max(high, p[0])) / 3.0,
        )
    else:
        x = k.define("x|f|m1", k.wp.max(k.wp.min(p[1], p[2]), k.wp.min(p[3], p[4])))
        y = k.define("y|g|m2", k.wp.min(k.wp.max(p[1], p[2]), k.wp.max(p[3], p[4])))
        k.give("median|filtered", k.wp.max(k.wp.min(x, y), k.wp.min(k.wp.max(x, y), p[0])))
