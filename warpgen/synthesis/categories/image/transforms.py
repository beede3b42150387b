"""Thresholds, histograms, pyramids, contours, patterns and grain."""

from __future__ import annotations

from warpgen.synthesis.categories.image import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import F32, I32, U8, U32
from warpgen.synthesis.language.values import Value


@CATEGORY.motif(rank=2)
def threshold(k: Kit) -> None:
    """Threshold or dither a pixel."""
    v = k.input("v|value|intensity|gray", k.real, 0.0, 1.0)
    i, j = k.place
    kind = k.rng.choice(("binary", "bayer2", "bayer4", "hysteresis", "adaptive", "noise", "multi"))
    t = k.param("threshold|level|cutoff", k.real, 0.3, 0.7)
    on, off = k.lit(1), k.lit(0)
    if kind == "bayer2":
        step = k.define("cell|m|pattern", (i & 1) * 2 + ((i ^ j) & 1))
        limit = k.let("limit|t_ij|bias", (k.to_real(step) + 0.5) * 0.25)
        k.give("dithered|bit", k.wp.where(v > limit, on, off))
    elif kind == "bayer4":
        table = k.array("bayer|dither_matrix|pattern", k.real, 2, lo=0.0, hi=1.0)
        k.give("dithered|bit", k.wp.where(v > table[(i % 4).within(0, 3), (j % 4).within(0, 3)], on, off))
    elif kind == "hysteresis":
        state = k.var("state|label|edge_class", 0, I32, lo=0, hi=2)
        low = k.param("low_t|weak|t_low", k.real, 0.1, 0.3)
        with k.if_(v > t):
            k.set(state, 2)
        with k.elif_(v > low):
            k.set(state, 1)
        k.give("edge_class|state", state)
    elif kind == "adaptive":
        mean = k.load("local_mean|blurred|background", k.real, 0.0, 1.0)
        offset = k.param("offset|bias|c0", k.real, 0.02, 0.1)
        k.give("mask|foreground", k.wp.where(v > mean - offset, on, off))
    elif kind == "multi":
        levels = k.rng.choice((3, 4))
        bin_ = k.var("band|level|cls", 0, I32, lo=0, hi=levels)
        with k.for_("q|s|n", levels) as q:
            with k.if_(v > k.to_real(q + 1) / float(levels + 1)):
                k.add(bin_, 1)
        k.give("band|level", bin_)
    elif kind == "noise":
        noise = k.load("noise|blue_noise|jitter", k.real, 0.0, 1.0)
        spread = k.param("spread|amount|strength", k.real, 0.05, 0.3)
        k.give("dithered|quantized", k.wp.floor((v + (noise - 0.5) * spread) * 8.0) / 8.0)
    else:
        k.give("mask|binary", k.select("bit|m", v >= t, on, off))


@CATEGORY.motif(rank=2)
def image_histogram(k: Kit) -> None:
    """Histogram of intensities, or a look-up through its cumulative sums."""
    bins = k.rng.choice((16, 32, 64))
    byte = k.rng.chance(0.25)
    if byte:
        raw = k.load("gray8|pixel8|value8", U8, 0, 255)
        b = k.define("bin_id|b|slot", (k.cast(raw, I32) * bins // 256).within(0, bins - 1))
    else:
        v = k.input("v|value|intensity|gray", k.real, 0.0, 1.0)
        b = k.define("bin_id|b|slot", k.wp.min(k.cast(v * float(bins), I32), bins - 1))
    kind = k.rng.choice(("count", "count", "equalise", "mass", "row"))
    if kind == "equalise":
        cdf = k.array("cdf|cumulative|lut_cdf", k.real, lo=0.0, hi=1.0, kind="ascending")
        k.give("equalized|mapped", cdf[b])
    elif kind == "mass":
        k.discard(
            k.atomic(
                "add",
                k.output("mass|weighted_hist|energy", k.real),
                b,
                k.load("weight|mask_w|alpha", k.real, 0.0, 1.0),
            )
        )
    elif kind == "row":
        k.discard(k.atomic("add", k.output("row_hist|hist2d|profile", I32, 2), (k.i, b), 1))
    else:
        k.discard(k.atomic("add", k.output("histogram|hist|counts", U32 if k.rng.chance(0.2) else I32), b, 1))


@CATEGORY.motif(rank=2)
def pyramid(k: Kit) -> None:
    """Halve, double or sum an image by boxes."""
    i, j = k.place
    t = k.rng.choice((k.real, k.real, k.vec3))
    kind = k.rng.choice(("down", "down_max", "up", "integral", "demosaic", "block_var"))
    img = k.array("fine_image|level0|src|image", t, 2, lo=0.0, hi=1.0)
    if kind == "up":
        r, c = k.define("r|ci|i0", i // 2), k.define("c|cj|j0", j // 2)
        dr, dc = k.define("wr|fi|fy", 0.5 * k.to_real(i % 2)), k.define("wc|fj|fx", 0.5 * k.to_real(j % 2))
        top = k.let("top|upper", k.wp.lerp(img[r, c], img[r, c + 1], dc))
        low = k.let("low|lower", k.wp.lerp(img[r + 1, c], img[r + 1, c + 1], dc))
        k.give("upsampled|enlarged", k.wp.lerp(top, low, dr))
        return
    if kind == "integral":
        sat = k.array("sat|integral_image|summed", k.real, 2, lo=0.0, hi=50.0)
        w = k.rng.choice((1, 2, 3))
        a, b = sat[i, j], sat[i + w, j + w]
        k.give("box_mean|window_sum", (b - sat[i, j + w] - sat[i + w, j] + a) / float(w * w))
        return
    r, c = k.define("r|y2|fi", 2 * i), k.define("c|x2|fj", 2 * j)
    p = [
        k.let(n, img[r + di if di else r, c + dj if dj else c])
        for n, di, dj in (("p00|a", 0, 0), ("p01|b", 0, 1), ("p10|c", 1, 0), ("p11|d", 1, 1))
    ]
    if kind == "down_max" and t is k.real:
        k.give("pooled|maxpool", k.wp.max(k.wp.max(p[0], p[1]), k.wp.max(p[2], p[3])))
    elif kind == "demosaic" and t is k.real:
        k.give("rgb|debayered", k.make(k.vec3, p[0], 0.5 * (p[1] + p[2]), p[3]))
    elif kind == "block_var" and t is k.real:
        mean = k.define("mean|mu", 0.25 * (p[0] + p[1] + p[2] + p[3]))
        k.give(
            "variance|texture", 0.25 * (p[0] * p[0] + p[1] * p[1] + p[2] * p[2] + p[3] * p[3]) - mean * mean
        )
    else:
        k.give("downsampled|half_res", 0.25 * (p[0] + p[1] + p[2] + p[3]))


@CATEGORY.motif(rank=2)
def contour_cell(k: Kit) -> None:
    """Marching squares: case of a cell and where the contour crosses it."""
    i, j = k.place
    field = k.array("field_grid|phi|heights|values", k.real, 2, lo=-1.0, hi=1.0)
    iso = k.param("iso|level|isovalue", k.real, -0.3, 0.3)
    corners = [
        k.define(n, field[i + di if di else i, j + dj if dj else j])
        for n, di, dj in (("v00|a|v0", 0, 0), ("v01|b|v1", 0, 1), ("v11|c|v2", 1, 1), ("v10|d|v3", 1, 0))
    ]
    case = k.var("case_id|code|mask", 0, I32, lo=0, hi=15)
    for n, v in enumerate(corners):
        with k.if_(v > iso):
            k.change(case, "|" if k.author.augments and k.rng.chance(0.6) else "+", 1 << n)
    k.give("case_id|cell_case", case)
    kind = k.rng.choice(("case", "edge", "count", "area"))
    if kind == "edge":
        a, b = corners[0], corners[1]
        d = k.define("den|dv|span", b - a)
        safe = k.let("safe|denom", k.wp.where(k.wp.abs(d) < 0.01, k.lit(0.01), d))
        t = k.define("t|cross|frac", k.wp.clamp((iso - a) / _nonzero(safe), 0.0, 1.0))
        k.give("crossing|vertex", k.make(k.vec2, k.to_real(j) + t, k.to_real(i)))
    elif kind == "count":
        with k.if_(k.all(case > 0, case < 15)):
            k.discard(k.atomic("add", k.output("num_cells|active_cells|segment_count", I32), 0, 1))
    elif kind == "area":
        filled = k.wp.bit_count(case)
        k.give("coverage|filled", k.to_real(filled) * 0.25)


def _nonzero(v: Value) -> Value:
    """A divisor that the program itself keeps away from zero (either sign)."""
    return v.within(0.01, 3.0)


@CATEGORY.motif(rank=2)
def procedural(k: Kit) -> None:
    """A pattern drawn from the pixel's place."""
    i, j = k.place
    rows, cols = k.draft.shape
    u = k.define("u|s|x", (k.to_real(j) + 0.5) / float(cols))
    v = k.define("v|t|y", (k.to_real(i) + 0.5) / float(rows))
    kind = k.rng.choice(("checker", "vignette", "disc", "rings", "grid", "gradient", "mandel"))
    tint = k.load("tint|base_color|albedo", k.vec3, 0.1, 1.0)
    if kind == "checker":
        tiles = float(k.rng.choice((2, 4, 8)))
        cell = k.define(
            "cell|parity|q", k.cast(k.wp.floor(u * tiles), I32) + k.cast(k.wp.floor(v * tiles), I32)
        )
        k.give("shade|color_out", tint * k.select("s|level", (cell % 2).eq(0), k.lit(1.0), k.lit(0.25)))
        return
    if kind == "mandel":
        cx, cy = k.define("cx|c_re", 2.5 * u - 1.9), k.define("cy|c_im", 2.0 * v - 1.0)
        zx, zy, n = (
            k.var("zx|re", 0.0, k.real, lo=-4.0, hi=4.0),
            k.var("zy|im", 0.0, k.real, lo=-4.0, hi=4.0),
            k.var("n|escape|iters", 0, I32, lo=0, hi=16),
        )
        with k.for_("it|step|s", k.rng.choice((8, 12, 16))):
            with k.if_(zx * zx + zy * zy < 4.0):
                t = k.define("nx|re_new|tmp_x", zx * zx - zy * zy + cx)
                k.set(zy, (2.0 * zx * zy + cy).within(-4.0, 4.0))
                k.set(zx, t.within(-4.0, 4.0))
                k.add(n, 1)
        k.give("color_out|shade", tint * (k.to_real(n) / 16.0))
        return
    dx, dy = k.define("dx|px", u - 0.5), k.define("dy|py", v - 0.5)
    r = k.define("r|radius|d", k.wp.sqrt(dx * dx + dy * dy + 1e-3))
    if kind == "vignette":
        strength = k.param("strength|falloff|amount", k.real, 0.2, 1.5)
        k.give("vignetted|shade", tint * (1.0 - k.wp.clamp(strength * r * r, 0.0, 1.0)))
    elif kind == "disc":
        k.give("shade|color_out", tint * (1.0 - k.wp.smoothstep(k.lit(0.25), k.lit(0.3), r)))
    elif kind == "rings":
        freq = k.param("freq|frequency|rings", k.real, 5.0, 40.0)
        k.give("shade|color_out", tint * (0.5 + 0.5 * k.wp.sin(freq * r)))
    elif kind == "grid":
        line = k.wp.min(k.wp.abs(k.wp.sin(12.566 * u)), k.wp.abs(k.wp.sin(12.566 * v)))
        k.give("shade|color_out", tint * k.wp.smoothstep(k.lit(0.0), k.lit(0.2), k.define("line|dist", line)))
    else:
        other = k.param("end_color|tint_b|sky", k.vec3, 0.0, 1.0)
        k.give("shade|color_out", k.wp.lerp(tint, other, v))


@CATEGORY.motif(rank=2, f32=True)
def film_grain(k: Kit) -> None:
    """Add random grain to a pixel."""
    v = k.input("v|value|intensity", F32, 0.0, 1.0)
    seed = k.param("seed|frame_seed|noise_seed", I32, 0, 1000)
    rng = k.define("state|rng|rand_state", k.wp.rand_init(seed, k.flat))
    amount = k.param("grain|amount|sigma", F32, 0.01, 0.2)
    if k.rng.chance(0.5):
        k.give("grainy|noisy", v + amount * k.wp.randn(rng))
    else:
        u = k.define("r|u|hit", k.wp.randf(rng))
        k.give("grainy|noisy", k.select("salted|spiked", u < amount, k.lit(1.0), v))
