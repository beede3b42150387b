"""Images: neighbourhood filters, gradients, sampling and warps, morphology, histograms."""

from __future__ import annotations

from contextlib import AbstractContextManager

from warpgen.synthesis.categories.image import CATEGORY
from warpgen.synthesis.kit.draft import Array
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32, Type, mat
from warpgen.synthesis.language.values import Value

_GREY = "image|img|src|gray|luma_image|intensity_image"
_COLOUR = "rgb_image|image|frame_image|src_image|color_image"


_STEP_NAMES = {
    (0, -1): "im|up|y0|i_prev", (0, 1): "ip|down|y1|i_next",
    (1, -1): "jm|left|x0|j_prev", (1, 1): "jp|right|x1|j_next",
}  # fmt: skip


class Frame:
    """An image and this thread's pixel; `at` reads a neighbour under one rule for the border."""

    def __init__(self, k: Kit, names: str = _GREY, t: Type | None = None, hi: float = 1.0) -> None:
        self.k = k
        self.i, self.j = k.place
        self.rows, self.cols = k.draft.shape
        self.type = t or k.real
        self.image: Array = k.array(names, self.type, 2, lo=0.0, hi=hi)
        self.rule = k.rng.choice(("clamp", "clamp", "minmax", "wrap"))
        self.named = k.rng.chance(0.6)  # the image's extents by name rather than number
        self.by_name = k.rng.chance(0.6)
        self.steps: dict[tuple[int, int], Value] = {}

    def _index(self, at: Value, shift: int | Value, axis: int) -> Value:
        k, n = self.k, self.k.draft.shape[axis]
        if isinstance(shift, int) and shift == 0:
            return at
        moved = at + shift
        top = k.extent(axis) - 1 if self.named else k.lit(n - 1)
        if self.rule == "wrap":
            extent = k.extent(axis)
            return ((moved + extent) % extent).within(0, n - 1)
        if self.rule == "clamp" or isinstance(shift, Value):
            return k.wp.clamp(moved, 0, top).within(0, n - 1)
        return k.wp.min(moved, top).within(0, n - 1) if shift > 0 else k.wp.max(moved, 0).within(0, n - 1)

    def _step(self, axis: int, shift: int) -> Value:
        """The index of a neighbour at a fixed distance, named once if this author names such things."""
        if (axis, shift) not in self.steps:
            index = self._index((self.i, self.j)[axis], shift, axis)
            if shift and self.by_name:
                names = _STEP_NAMES.get((axis, shift), f"{'ij'[axis]}{'m' if shift < 0 else 'p'}{abs(shift)}")
                index = self.k.define(names, index)
            self.steps[axis, shift] = index
        return self.steps[axis, shift]

    def at(self, di: int | Value = 0, dj: int | Value = 0) -> Value:
        r = self._step(0, di) if isinstance(di, int) else self._index(self.i, di, 0)
        c = self._step(1, dj) if isinstance(dj, int) else self._index(self.j, dj, 1)
        return self.image[r, c]

    def near(self, di: Value, dj: Value) -> Value:
        """A neighbour whose indices get names of their own, as in the body of a loop."""
        r = self.k.define("r|y|ii|row_n", self._index(self.i, di, 0))
        c = self.k.define("c|x|jj|col_n", self._index(self.j, dj, 1))
        return self.image[r, c]


def _window(k: Kit, radius: int) -> tuple[AbstractContextManager[Value], AbstractContextManager[Value]]:
    """The two loops over the neighbourhood; larger ones often have their radius as an argument."""
    if radius > 1 and k.rng.chance(0.7):
        r = k.size("radius|half_width|reach", radius)
        return k.for_("dy|a|di", r + 1, -r), k.for_("dx|b|dj", r + 1, -r)
    return k.for_("dy|a|di", radius + 1, -radius), k.for_("dx|b|dj", radius + 1, -radius)


def _accumulator(k: Kit, t: Type, names: str, reach: float) -> Value:
    return k.var(names, k.zero(t) if t.shape else 0.0, t, lo=-reach, hi=reach)


@CATEGORY.motif(rank=2)
def convolve(k: Kit) -> None:
    """Convolve an image with a small kernel."""
    t = k.rng.choice((k.real, k.real, k.vec3))
    f = Frame(k, _GREY if t is k.real else _COLOUR, t)
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
    rows_loop, cols_loop = _window(k, radius)
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
    f = Frame(k, _GREY if t is k.real else _COLOUR, t)
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
    rows_loop, cols_loop = _window(k, radius)
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


@CATEGORY.motif(rank=2)
def warp_sample(k: Kit) -> None:
    """Warp an image and sample it between its pixels."""
    t = k.rng.choice((k.real, k.real, k.vec3))
    f = Frame(k, _GREY if t is k.real else _COLOUR, t)
    rows, cols = f.rows, f.cols
    x, y = k.to_real(f.j), k.to_real(f.i)
    kind = k.rng.choice(("shift", "rotate", "lens", "flow", "affine", "scale", "swirl"))
    cx, cy = 0.5 * cols, 0.5 * rows
    if kind == "shift":
        u, v = x + k.param("shift_x|tx|dx", k.real, 0.1, 2.0), y + k.param("shift_y|ty|dy", k.real, 0.1, 2.0)
    elif kind == "flow":
        d = k.load("flow|displacement|motion", k.vec2, -2.0, 2.0)
        u, v = x + d[0], y + d[1]
    elif kind == "scale":
        zoom = k.param("zoom|scale|factor", k.real, 0.5, 1.5)
        u, v = (x - cx) * zoom + cx, (y - cy) * zoom + cy
    elif kind == "affine":
        a = k.param("affine|A|xform", mat(2, 2, k.real), -1.0, 1.0)
        p = k.define("p|q|moved", a @ k.make(k.vec2, x - cx, y - cy))
        u, v = p[0] + cx, p[1] + cy
    else:
        dx, dy = k.define("rx|dx|px", x - cx), k.define("ry|dy|py", y - cy)
        if kind == "lens":
            k1 = k.param("k1|distortion|barrel", k.real, 0.001, 0.02)
            s = k.define("s|factor|scale", 1.0 + k1 * (dx * dx + dy * dy))
            u, v = cx + s * dx, cy + s * dy
        else:
            theta = k.param("theta|angle|rotation", k.real, 0.1, 1.5)
            if kind == "swirl":
                theta = k.define("twist|phi", theta / (1.0 + 0.2 * (dx * dx + dy * dy)))
            c, s = k.define("c|cs|cos_t", k.wp.cos(theta)), k.define("s|sn|sin_t", k.wp.sin(theta))
            u, v = cx + c * dx - s * dy, cy + s * dx + c * dy
    u = k.define("u|sx|xs", k.wp.clamp(u, 0.0, cols - 1.01)).within(0.0, cols - 1.01)
    v = k.define("v|sy|ys", k.wp.clamp(v, 0.0, rows - 1.01)).within(0.0, rows - 1.01)
    if k.rng.chance(0.15):
        r, c = k.cast(v + 0.5, I32).within(0, rows - 1), k.cast(u + 0.5, I32).within(0, cols - 1)
        k.give("sampled|warped", f.image[r, c])
        return
    x0, y0 = (
        k.define("x0|ix|c0", k.cast(u, I32).within(0, cols - 2)),
        k.define("y0|iy|r0", k.cast(v, I32).within(0, rows - 2)),
    )
    fx, fy = (
        k.define("fx|tx_f|wx", u - k.to_real(x0)).within(0.0, 1.0),
        k.define("fy|ty_f|wy", v - k.to_real(y0)).within(0.0, 1.0),
    )
    p00, p01 = k.let("p00|a|c00", f.image[y0, x0]), k.let("p01|b|c10", f.image[y0, x0 + 1])
    p10, p11 = k.let("p10|c|c01", f.image[y0 + 1, x0]), k.let("p11|d|c11", f.image[y0 + 1, x0 + 1])
    if k.rng.chance(0.5):
        top, bottom = (
            k.let("top|upper", k.wp.lerp(p00, p01, fx)),
            k.let("bottom|lower", k.wp.lerp(p10, p11, fx)),
        )
        k.give("sampled|warped", k.wp.lerp(top, bottom, fy))
    else:
        top, bottom = (
            k.let("top|upper", p00 * (1.0 - fx) + p01 * fx),
            k.let("bottom|lower", p10 * (1.0 - fx) + p11 * fx),
        )
        k.give("sampled|warped", top * (1.0 - fy) + bottom * fy)


@CATEGORY.motif(rank=2)
def bicubic(k: Kit) -> None:
    """Bicubic sample of an image at a fractional pixel."""
    f = Frame(k)
    f.rule = "clamp"
    ax, ay = k.param("frac_x|tx|sub_x", k.real, 0.1, 0.9), k.param("frac_y|ty|sub_y", k.real, 0.1, 0.9)
    a = k.rng.choice((-0.5, -0.75))

    def weights(name: str, t: Value) -> list[Value]:
        out = []
        for n, d in enumerate((1.0 + t, t, 1.0 - t, 2.0 - t)):
            d = k.let(f"{name}d{n}", d)
            if n in (1, 2):
                w = ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0
            else:
                w = ((a * d + -5.0 * a) * d - -8.0 * a) * d + -4.0 * a
            out.append(k.define(f"w{name}{n}", w).within(-0.2, 1.0))
        return out

    wx, wy = weights("x", ax), weights("y", ay)
    rows = []
    for n, di in enumerate((-1, 0, 1, 2)):
        cells = [f.at(di, dj) for dj in (-1, 0, 1, 2)]
        rows.append(
            k.define(
                f"row{n}|r{n}", wx[0] * cells[0] + wx[1] * cells[1] + wx[2] * cells[2] + wx[3] * cells[3]
            )
        )
    k.give("sampled|resized", wy[0] * rows[0] + wy[1] * rows[1] + wy[2] * rows[2] + wy[3] * rows[3])


@CATEGORY.motif(rank=2)
def morphology(k: Kit) -> None:
    """Erode, dilate or compare with the neighbourhood."""
    integer = k.rng.chance(0.35)
    kind = k.rng.choice(("dilate", "erode", "gradient", "local_max", "count", "label"))
    counts = kind == "count" or (integer and kind == "gradient")
    # The extreme of a neighbourhood of zeros and ones is nearly always the same.
    top = 1.0 if counts or not integer else 9.0
    names = ("mask_image|binary|labels_image" if counts else "labels_image|levels") if integer else _GREY
    f = Frame(k, names, I32 if integer else k.real, top)
    centre = k.define("center|c0|own", f.at())
    radius = k.rng.choice((1, 1, 2))
    if counts:
        n = (
            k.var("alive|count|nbrs", 0, I32, lo=0, hi=25)
            if integer
            else k.var("n|count|higher", 0.0, k.real, lo=0.0, hi=25.0)
        )
        rows_loop, cols_loop = _window(k, radius)
        with rows_loop as di, cols_loop as dj:
            if integer:
                k.add(n, f.near(di, dj))
            else:
                with k.if_(f.near(di, dj) > centre):
                    k.add(n, 1.0)
        k.give("neighbors_on|rank_value", n)
        return
    high, low = k.var("high|mx|best", centre, lo=0.0, hi=top), k.var("low|mn|worst", centre, lo=0.0, hi=top)
    square = k.rng.chance(0.6)
    rows_loop, cols_loop = _window(k, radius)
    with rows_loop as di, cols_loop as dj:
        if not square:
            k.continue_if(k.wp.abs(di) + k.wp.abs(dj) > radius)
        p = k.define("p|q|pixel", f.near(di, dj))
        k.set(high, k.wp.max(high, p))
        k.set(low, k.wp.min(low, p))
    if kind == "erode":
        k.give("eroded|opened", low)
    elif kind == "gradient":
        k.give("morph_grad|edges", high - low)
    elif kind == "local_max" and not integer:
        k.give("peak|suppressed", k.wp.where(centre >= high, centre, k.lit(0.0)))
    else:
        k.give("dilated|closed", high)


@CATEGORY.motif(rank=2)
def harris(k: Kit) -> None:
    """Corner response or flow from summed gradient products."""
    f = Frame(k)
    f.rule = "clamp"
    second = k.array("next_image|img1|frame1", k.real, 2, lo=0.0, hi=1.0)
    kind = k.rng.choice(("harris", "shi", "flow"))
    xx, xy, yy = (
        k.var(n, 0.0, k.real, lo=-25.0, hi=25.0) for n in ("sxx|a11|gxx", "sxy|a12|gxy", "syy|a22|gyy")
    )
    tx, ty = (
        (k.var(n, 0.0, k.real, lo=-25.0, hi=25.0) for n in ("sxt|b1", "syt|b2"))
        if kind == "flow"
        else (None, None)
    )
    h, w = f.rows, f.cols
    with k.for_("dy|a|di", 2, -1) as di, k.for_("dx|b|dj", 2, -1) as dj:
        r, c = (
            k.define("r|y|ii", k.wp.clamp(f.i + di, 1, h - 2)),
            k.define("c|x|jj", k.wp.clamp(f.j + dj, 1, w - 2)),
        )
        gx = k.define(
            "gx|ix", 0.5 * (f.image[r, (c + 1).within(0, w - 1)] - f.image[r, (c - 1).within(0, w - 1)])
        )
        gy = k.define(
            "gy|iy", 0.5 * (f.image[(r + 1).within(0, h - 1), c] - f.image[(r - 1).within(0, h - 1), c])
        )
        k.add(xx, gx * gx)
        k.add(xy, gx * gy)
        k.add(yy, gy * gy)
        if tx is not None and ty is not None:
            dt = k.let("dt|it|temporal", second[r, c] - f.image[r, c])
            k.add(tx, gx * dt)
            k.add(ty, gy * dt)
    det = k.let("det|d", xx * yy - xy * xy)
    if tx is not None and ty is not None:
        inv = k.define("inv|scale|inv_det", 1.0 / (k.wp.abs(det) + 0.05))
        k.give("flow|motion", k.make(k.vec2, (xy * ty - yy * tx) * inv, (xy * tx - xx * ty) * inv))
    elif kind == "harris":
        kappa = k.param("kappa|harris_k|alpha", k.real, 0.04, 0.06)
        k.give("response|corner_score", det - kappa * (xx + yy) * (xx + yy))
    else:
        root = k.wp.sqrt(0.25 * (xx - yy) * (xx - yy) + xy * xy + 1e-3)
        k.give("response|min_eig", 0.5 * (xx + yy) - root)
