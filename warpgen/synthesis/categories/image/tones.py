"""More image work: colour spaces, tone, blending."""

from __future__ import annotations

from warpgen.synthesis.categories.image import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.values import Value

_RGB = "color|rgb|pixel|c"


def _luma(k: Kit, c: Value) -> Value:
    style = k.rng.integer(0, 2)
    if style == 0:
        return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2]
    if style == 1:
        return k.wp.dot(c, k.make(k.vec3, 0.299, 0.587, 0.114))
    return (c[0] + c[1] + c[2]) / 3.0


@CATEGORY.motif()
def colour_space(k: Kit) -> None:
    """Convert between colour spaces."""
    c = k.input(_RGB, k.vec3, 0.0, 1.0)
    kind = k.rng.choice(("hsv", "ycbcr", "yuv_back", "xyz", "from_hsv", "cmyk", "opponent", "cool_warm"))
    if kind == "hsv":
        high = k.define("mx|cmax|v", k.wp.max(k.wp.max(c[0], c[1]), c[2]))
        low = k.define("mn|cmin|low", k.wp.min(k.wp.min(c[0], c[1]), c[2]))
        d = k.define("chroma|delta|d", high - low + 1e-3).within(1e-3, 1.1)
        hue = k.var("hue|h", 0.0, k.real, lo=-1.0, hi=7.0)
        with k.if_(high.eq(c[0])):
            k.set(hue, (c[1] - c[2]) / d)
        with k.elif_(high.eq(c[1])):
            k.set(hue, 2.0 + (c[2] - c[0]) / d)
        with k.else_():
            k.set(hue, 4.0 + (c[0] - c[1]) / d)
        k.give("hsv|hsv_color", k.make(k.vec3, hue / 6.0, d / (high + 0.01), high))
    elif kind == "ycbcr":
        y = k.define("y|luma", 0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2])
        k.give("ycbcr|yuv", k.make(k.vec3, y, 0.564 * (c[2] - y), 0.713 * (c[0] - y)))
    elif kind == "yuv_back":
        cb, cr = k.let("cb|u", c[1] - 0.5), k.let("cr|v", c[2] - 0.5)
        k.give(
            "rgb|color_out",
            k.make(k.vec3, c[0] + 1.402 * cr, c[0] - 0.344 * cb - 0.714 * cr, c[0] + 1.772 * cb),
        )
    elif kind == "xyz":
        rows = (
            (0.412456, 0.357576, 0.180438),
            (0.212673, 0.715152, 0.072175),
            (0.019334, 0.119192, 0.950304),
        )
        m = k.define("M|rgb_to_xyz|m", k.make(k.mat33, *(x for r in rows for x in r)))
        k.give("xyz|color_xyz", m @ c)
    elif kind == "from_hsv":
        parts = []
        for n, shift in enumerate((0.0, 4.0, 2.0)):
            h = k.define(f"h{n}|a{n}|k{n}", c[0] * 6.0 + shift)
            wrapped = k.let(f"m{n}|w{n}", h - 6.0 * k.wp.floor(h / 6.0)).within(0.0, 6.0)
            parts.append(c[2] * (1.0 - c[1] * (1.0 - k.wp.clamp(k.wp.abs(wrapped - 3.0) - 1.0, 0.0, 1.0))))
        k.give("rgb|color_out", k.make(k.vec3, *parts))
    elif kind == "cmyk":
        black = k.define("key|k_black|ink", 1.0 - k.wp.max(k.wp.max(c[0], c[1]), c[2]))
        inv = k.define("inv|scale", 1.0 / (1.01 - black)).within(0.9, 100.0)
        k.give("cmy|inks", (k.make(k.vec3, 1.0, 1.0, 1.0) - c - k.make(k.vec3, black, black, black)) * inv)
        k.give("black|key_ink", black)
    elif kind == "opponent":
        k.give(
            "opponent|lab_like",
            k.make(k.vec3, (c[0] + c[1] + c[2]) / 3.0, c[0] - c[1], 0.5 * (c[0] + c[1]) - c[2]),
        )
    else:
        t = k.define("t|heat|value", _luma(k, c))
        cool, warm = k.make(k.vec3, 0.23, 0.3, 0.75), k.make(k.vec3, 0.71, 0.02, 0.15)
        k.give("mapped|colormap", k.wp.lerp(cool, warm, t))


@CATEGORY.motif()
def tone_map(k: Kit) -> None:
    """Map high dynamic range to the display's."""
    vector = k.rng.chance(0.6)
    c = k.input("hdr|radiance|color|x", k.vec3 if vector else k.real, 0.0, 8.0)
    exposure = k.param("exposure|gain|ev_scale", k.real, 0.2, 2.0)
    kind = k.rng.choice(("reinhard", "extended", "aces", "filmic", "exp", "log", "luma"))
    x = k.define("v|x|scaled", c * exposure)
    if kind == "luma" and vector:
        y = k.define("lum|y|l_in", _luma(k, x))
        k.give("mapped|ldr", x * (1.0 / (1.0 + y)))
        return

    def curve(v: Value) -> Value:
        if kind == "aces":
            v = k.let("a|s", v * 0.6)
            return (v * (2.51 * v + 0.03)) / (v * (2.43 * v + 0.59) + 0.14)
        if kind == "filmic":
            z = k.define("z|f|t", k.wp.max(v - 0.004, 0.0))
            return (z * (6.2 * z + 0.5)) / (z * (6.2 * z + 1.7) + 0.06)
        if kind == "exp":
            return 1.0 - k.wp.exp(-v)
        if kind == "log":
            return k.wp.log(1.0 + v) * 0.36
        if kind == "extended":
            white = k.param("white|white_point|l_white", k.real, 2.0, 8.0)
            return v * (1.0 + v / (white * white)) / (1.0 + v)
        return v / (1.0 + v)

    if vector:
        k.give("mapped|ldr|display", k.make(k.vec3, *(curve(x[axis]) for axis in range(3))))
    else:
        k.give("mapped|ldr|display", curve(x))


@CATEGORY.motif()
def adjust(k: Kit) -> None:
    """Gamma, contrast, levels or saturation of a colour."""
    kind = k.rng.choice(
        ("srgb", "linear", "gamma", "contrast", "saturation", "levels", "sepia", "posterize", "vibrance")
    )
    if kind in ("srgb", "linear", "gamma", "levels", "posterize"):
        v = k.input("v|value|channel|x", k.real, 0.0, 1.0)
        if kind == "gamma":
            gamma = k.param("gamma|inv_gamma|exponent", k.real, 0.4, 2.4)
            k.give("corrected|encoded", k.wp.pow(k.wp.max(v, 0.01), gamma))
        elif kind == "srgb":
            high = 1.055 * k.wp.pow(k.wp.max(v, 0.0031308), 0.416667) - 0.055
            k.give(
                "encoded|srgb",
                k.select(
                    "enc|s", v <= 0.0031308, k.define("lin|low", 12.92 * v), k.define("powed|high", high)
                ),
            )
        elif kind == "linear":
            high = k.wp.pow((v + 0.055) / 1.055, 2.4)
            k.give(
                "linear_v|decoded",
                k.select("dec|l", v <= 0.04045, k.define("lin|low", v / 12.92), k.define("powed|high", high)),
            )
        elif kind == "levels":
            black, white = (
                k.param("black|in_low", k.real, 0.0, 0.2),
                k.param("white|in_high", k.real, 0.7, 1.0),
            )
            k.give("leveled|stretched", k.wp.clamp((v - black) / (white - black), 0.0, 1.0))
        else:
            levels = float(k.rng.choice((4, 5, 8)))
            k.give("poster|quantized", k.wp.floor(v * levels) / levels)
        return
    c = k.input(_RGB, k.vec3, 0.0, 1.0)
    if kind == "contrast":
        amount = k.param("contrast|amount|slope", k.real, 0.5, 2.0)
        half = k.make(k.vec3, 0.5, 0.5, 0.5)
        k.give("adjusted|color_out", (c - half) * amount + half)
    elif kind == "sepia":
        y = k.define("y|tone|luma", _luma(k, c))
        k.give("sepia|toned", k.make(k.vec3, 1.07 * y, 0.74 * y, 0.43 * y))
    else:
        y = k.define("y|gray_v|luma", _luma(k, c))
        grey = k.make(k.vec3, y, y, y)
        s = k.param("saturation|amount|sat", k.real, 0.0, 2.0)
        if kind == "vibrance":
            spread = k.let("spread|chroma", k.wp.max(c) - k.wp.min(c))
            s = k.define("boost|s", 1.0 + s * (1.0 - spread))
        k.give("adjusted|color_out", grey + (c - grey) * s)


@CATEGORY.motif()
def blend(k: Kit) -> None:
    """Composite two colours."""
    a, b = k.input("fg|top|src_color|a", k.vec3, 0.0, 1.0), k.input("bg|bottom|dst_color|b", k.vec3, 0.0, 1.0)
    alpha = k.load("alpha|coverage|opacity", k.real, 0.0, 1.0)
    one = k.make(k.vec3, 1.0, 1.0, 1.0)
    kind = k.rng.choice(("over", "multiply", "screen", "add", "overlay", "difference", "soft", "darken"))
    if kind == "over":
        mixed = a
    elif kind == "multiply":
        mixed = k.wp.cw_mul(a, b)
    elif kind == "screen":
        mixed = one - k.wp.cw_mul(one - a, one - b)
    elif kind == "add":
        mixed = k.wp.min(a + b, one)
    elif kind == "darken":
        mixed = k.wp.min(a, b) if k.rng.chance(0.5) else k.wp.max(a, b)
    elif kind == "overlay":
        parts = [
            k.select(
                f"o{n}|ch{n}",
                b[n] < 0.5,
                k.define(f"m{n}|mul{n}", 2.0 * a[n] * b[n]),
                k.define(f"s{n}|scr{n}", 1.0 - 2.0 * (1.0 - a[n]) * (1.0 - b[n])),
            )
            for n in range(3)
        ]
        mixed = k.make(k.vec3, *parts)
    elif kind == "soft":
        mixed = 2.0 * k.wp.cw_mul(a, b) + k.wp.cw_mul(k.wp.cw_mul(b, b), one - 2.0 * a)
    else:
        d = k.let("d|diff", a - b)
        mixed = k.make(k.vec3, k.wp.abs(d[0]), k.wp.abs(d[1]), k.wp.abs(d[2]))
    mixed = k.define("mixed|blended|res", mixed)
    k.give(
        "composited|color_out",
        k.wp.lerp(b, mixed, alpha) if k.rng.chance(0.5) else mixed * alpha + b * (1.0 - alpha),
    )
