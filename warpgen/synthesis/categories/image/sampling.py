"""Images: sampling and warps, morphology, corners."""

from __future__ import annotations

from warpgen.synthesis.categories.image import CATEGORY
from warpgen.synthesis.categories.image.frame import COLOUR, GREY, Frame, window
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32, mat
from warpgen.synthesis.language.values import Value


@CATEGORY.motif(rank=2)
def warp_sample(k: Kit) -> None:
    """Warp an image and sample it between its pixels."""
    t = k.rng.choice((k.real, k.real, k.vec3))
    f = Frame(k, GREY if t is k.real else COLOUR, t)
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
    names = ("mask_image|binary|labels_image" if counts else "labels_image|levels") if integer else GREY
    f = Frame(k, names, I32 if integer else k.real, top)
    centre = k.define("center|c0|own", f.at())
    radius = k.rng.choice((1, 1, 2))
    if counts:
        n = (
            k.var("alive|count|nbrs", 0, I32, lo=0, hi=25)
            if integer
            else k.var("n|count|higher", 0.0, k.real, lo=0.0, hi=25.0)
        )
        rows_loop, cols_loop = window(k, radius)
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
    rows_loop, cols_loop = window(k, radius)
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
