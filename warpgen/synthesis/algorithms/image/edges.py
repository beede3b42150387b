"""Edges of images, one pixel wide."""

from __future__ import annotations

import numpy as np

from warpgen.synthesis.algorithms.image import DOMAIN
from warpgen.synthesis.algorithms.image._borders import BORDERS, MODES, TURN, shifted
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values

_GRADIENTS = {
    "sobel": (1.0, 2.0, 8.0),
    "scharr": (3.0, 10.0, 32.0),
    "prewitt": (1.0, 1.0, 6.0),
    "central": (0.0, 1.0, 2.0),
}


@DOMAIN.algorithm(
    source="Canny 1986; Scharr 2000; Devernay 1995 (subpixel edges)",
    names={
        "gray": "image|luma|smoothed",
        "magnitude": "mag|strength|grad_mag",
        "gx": "dx|grad_x|g_x",
        "gy": "dy|grad_y|g_y",
        "edges": "edge_map|labels|classes",
        "ahead": "mag_plus|forward|next_mag",
        "behind": "mag_minus|backward|prev_mag",
    },
    adjoint="no",
    weight=7,
)
def thin_edges(d: Draft) -> None:
    """Detects one-pixel-wide edges using non-maximum suppression and two thresholds (Canny)."""
    operator = d.option("operator", *_GRADIENTS)
    norm = d.option("norm", "euclidean", "manhattan", "maximum")
    direction = d.option("direction", "interpolated", "sectors")
    source = d.option("source", "gray", "color", "bytes")
    border = d.option("border", *BORDERS)
    result = d.option("result", "classes", "strength", "offset", "orientation")
    threshold = d.option("thresholds", "shared", "local", "ratio")
    d.calls(
        {
            "classes": "thin_edges|canny_edges|edge_thinning|canny_nms",
            "strength": "thin_edges|non_max_edges|edge_thinning|canny_nms",
            "offset": "subpixel_edges|edge_offsets|refine_edges",
            "orientation": "edge_normals|gradient_orientations|edge_gradient_angles",
        }[result]
    )
    if result != "classes" and threshold == "ratio":
        threshold = "shared"  # there is one threshold only, of which the other would be a ratio
    mask = d.flag("mask", 0.35)
    least = "Lower gradient threshold" if result == "classes" else "Minimum gradient magnitude"
    weak = "low" if result == "classes" else "threshold"
    found = {
        "classes": "one-pixel-wide edges",
        "strength": "the gradient magnitude on one-pixel-wide edges",
        "offset": "subpixel edge offsets",
        "orientation": "the gradient orientation at edge pixels",
    }[result]
    tests = "two thresholds (Canny)" if result == "classes" else "a threshold"
    within = " inside a mask" * mask
    d.says(f"Computes {found}{within} using non-maximum suppression and {tests}.")
    rows, cols = d.pick(9, 11), d.pick(10, 12)
    size = (rows, cols)
    if source == "color":
        d.input("image", "vec3", size, 0.0, 1.0, about="Linear color")
    elif source == "bytes":
        d.input("image", "int", size, 0, 256, about="8-bit grayscale image")
    else:
        d.input("image", "float", size, 0.0, 1.0, about="Smoothed grayscale image")
    if mask:
        d.mask("region", "bool", size, about="Region of interest mask")
    if threshold == "local":
        d.input("noise", "float", size, 0.05, 0.15, about="Local gradient noise level")
        d.param(weak, "float", 1.5, 2.0, about=f"{least}, as a multiple of the noise level")
        if result == "classes":
            d.param(
                "high", "float", 2.5, 3.5, about="Upper gradient threshold, as a multiple of the noise level"
            )
    elif threshold == "ratio":
        d.param("high", "float", 0.3, 0.4, about="Upper gradient threshold")
        d.param("ratio", "float", 0.4, 0.6, about="Ratio of lower to upper threshold")
    else:
        d.param(weak, "float", 0.15, 0.25, about=least)
        if result == "classes":
            d.param("high", "float", 0.3, 0.4, about="Upper gradient threshold")
    name, type, about = {
        "classes": ("edges", "int", "0 none, 1 weak, 2 strong"),
        "strength": ("strength", "float", "Gradient magnitude at edge pixels, 0 elsewhere"),
        "offset": (
            "subpixel",
            "vec2",
            "Subpixel edge offset from the pixel center, zero for non-edge pixels [px]",
        ),
        "orientation": (
            "orientation",
            "float",
            "Edge-normal orientation in [0, pi), or -1 if there is no edge",
        ),
    }[result]
    d.output(name, type, size, about=about)
    words, body = BORDERS[border]
    d.function(TURN, about=words, body=body)
    kind = {"color": "wp.vec3", "bytes": "int", "gray": "float"}[source]
    value = {
        "gray": "return image[r, c]",
        "color": "# Luminance of linear sRGB\nreturn wp.dot(image[r, c], wp.vec3(0.2126, 0.7152, 0.0722))",
        "bytes": "return float(image[r, c]) / 255.0",
    }[source]
    d.function(
        f'''
        @wp.func
        def gray_at(image: wp.array2d(dtype={kind}), row: int, col: int) -> float:
            """Return the gray value in [0, 1]."""
            r = border_index(row, image.shape[0])
            c = border_index(col, image.shape[1])
            $value
        ''',
        value=value,
    )
    outer, inner, unit = _GRADIENTS[operator]

    def sum_of(sign: int, axis: str) -> str:
        terms = []
        for k, w in ((-1, outer), (0, inner), (1, outer)):
            if not w:
                continue
            across = {-1: " - 1", 0: "", 1: " + 1"}[k]
            ahead = " + 1" if sign > 0 else " - 1"
            place = f"row{across}, col{ahead}" if axis == "x" else f"row{ahead}, col{across}"
            factor = "" if w == 1.0 else f"{w} * "
            terms.append(f"{factor}gray_at(image, {place})")
        return " + ".join(terms)

    d.function(
        f'''
        @wp.func
        def gradient_at(image: wp.array2d(dtype={kind}), row: int, col: int) -> wp.vec2:
            """Image gradient using {"central differences" if operator == "central" else "the " + operator.capitalize() + " operator"}."""
            right = {sum_of(1, "x")}
            left = {sum_of(-1, "x")}
            lower = {sum_of(1, "y")}
            upper = {sum_of(-1, "y")}
            return wp.vec2(right - left, lower - upper) / {unit}
        '''
    )
    norms = {"manhattan": "L1 norm of the gradient", "maximum": "Maximum norm of the gradient"}
    measure = norms.get(norm, "Gradient magnitude")
    size_of = {
        "euclidean": "wp.length(g)",
        "manhattan": "wp.abs(g[0]) + wp.abs(g[1])",
        "maximum": "wp.max(wp.abs(g[0]), wp.abs(g[1]))",
    }[norm]
    d.function(
        f'''
        @wp.func
        def magnitude_at(image: wp.array2d(dtype={kind}), row: int, col: int) -> float:
            """{measure}."""
            g = gradient_at(image, border_index(row, image.shape[0]), border_index(col, image.shape[1]))
            return {size_of}
        '''
    )
    none = {"classes": "0", "strength": "0.0", "offset": "wp.vec2(0.0, 0.0)", "orientation": "-1.0"}[result]
    out = f"{name}[row, col]"
    compare = {
        "interpolated": """
            # Interpolate the magnitude along the gradient direction on both sides
            step_col = wp.where(g[0] >= 0.0, 1, -1)
            step_row = wp.where(g[1] >= 0.0, 1, -1)
            diagonal_ahead = magnitude_at(image, row + step_row, col + step_col)
            diagonal_behind = magnitude_at(image, row - step_row, col - step_col)
            if ay > ax:
                near_row = step_row
                near_col = int(0)
                share = ax / ay
            else:
                near_row = int(0)
                near_col = step_col
                share = ay / ax
            ahead = (1.0 - share) * magnitude_at(image, row + near_row, col + near_col) + share * diagonal_ahead
            behind = (1.0 - share) * magnitude_at(image, row - near_row, col - near_col) + share * diagonal_behind
            """,
        "sectors": """
            # Quantize the direction to 45-degree sectors, tan(22.5 deg) = 0.4142
            step_col = wp.where(ay > 2.4142136 * ax, 0, 1)
            step_row = wp.where(ay < 0.4142136 * ax, 0, 1)
            # Main diagonal if both components have the same sign
            step_row = wp.where(g[0] * g[1] < 0.0, -step_row, step_row)
            ahead = magnitude_at(image, row + step_row, col + step_col)
            behind = magnitude_at(image, row - step_row, col - step_col)
            """,
    }[direction]
    low, high = {
        "shared": (weak, "high"),
        "local": (f"{weak} * noise[row, col]", "high * noise[row, col]"),
        "ratio": ("ratio * high", "high"),
    }[threshold]
    # Where the magnitude ahead was taken
    reach = "wp.vec2(float(step_col), float(step_row))" if direction == "sectors" else "g / wp.max(ax, ay)"
    store = {
        "classes": f"# Weak edges (1) are resolved by the hysteresis pass\n{out} = wp.where(magnitude >= {high}, 2, 1)",
        "strength": f"{out} = magnitude",
        "offset": f"""
            # Fit a parabola through the three magnitudes to get the subpixel peak
            shift = 0.5 * (behind - ahead) / (ahead - 2.0 * magnitude + behind)
            {out} = shift * {reach}
            """,
        "orientation": f"""
            # Wrap to [0, pi), since opposite gradients share the same edge orientation
            angle = wp.atan2(g[1], g[0])
            {out} = angle - wp.pi * wp.floor(angle / wp.pi)
            """,
    }[result]
    d.launch(*size)
    d.code(
        """
        row, col = wp.tid()
        $mask
        g = gradient_at(image, row, col)
        ax = wp.abs(g[0])
        ay = wp.abs(g[1])
        magnitude = $magnitude
        # Early exit: too weak to be an edge
        if magnitude < $low:
            $out = $none
            return

        $compare
        # Keep local maxima only; break ties toward one side
        if magnitude < ahead or magnitude <= behind:
            $out = $none
            return

        $store
        """,
        mask=f"if not region[row, col]:\n    {out} = {none}\n    return\n" if mask else "",
        low=low,
        magnitude={"euclidean": size_of, "manhattan": "ax + ay", "maximum": "wp.max(ax, ay)"}[norm],
        out=out,
        none=none,
        compare=compare,
        store=store,
    )

    def agrees(v: Values, after: Values) -> None:
        image = {
            "gray": lambda: v.image,
            "color": lambda: v.image @ [0.2126, 0.7152, 0.0722],
            "bytes": lambda: v.image / 255,
        }[source]()
        gx = sum(
            w * (shifted(image, border, k, 1) - shifted(image, border, k, -1))
            for k, w in ((-1, outer), (0, inner), (1, outer))
        )
        gy = sum(
            w * (shifted(image, border, 1, k) - shifted(image, border, -1, k))
            for k, w in ((-1, outer), (0, inner), (1, outer))
        )
        gx, gy = gx / unit, gy / unit
        ax, ay = np.abs(gx), np.abs(gy)
        m = {"euclidean": np.hypot(gx, gy), "manhattan": ax + ay, "maximum": np.maximum(ax, ay)}[norm]
        made = np.full((*size, 2) if result == "offset" else size, -1.0 if result == "orientation" else 0.0)
        wide = np.pad(m, 1, mode=MODES[border])  # type: ignore[call-overload]
        lo, hi = {
            "shared": lambda: (v[weak] + 0 * m, v.get("high", 1.0)), "local": lambda: (v[weak] * v.noise, v.get("high", 1.0) * v.noise),
            "ratio": lambda: (v.ratio * v.high + 0 * m, v.high),
        }[threshold]()  # fmt: skip
        for i in range(rows):
            for j in range(cols):
                if m[i, j] < lo[i, j] or (mask and not v.region[i, j]):
                    continue
                a, b = ax[i, j], ay[i, j]
                around = lambda r, c, i=i, j=j: wide[i + 1 + r, j + 1 + c]  # noqa: E731
                if direction == "sectors":
                    c = 0 if b > 2.4142136 * a else 1
                    r = 0 if b < 0.4142136 * a else 1
                    r = -r if gx[i, j] * gy[i, j] < 0 else r
                    front, back = around(r, c), around(-r, -c)
                else:
                    c, r = (1 if gx[i, j] >= 0 else -1), (1 if gy[i, j] >= 0 else -1)
                    n, s = ((r, 0), a / b) if b > a else ((0, c), b / a)
                    front = (1 - s) * around(*n) + s * around(r, c)
                    back = (1 - s) * around(-n[0], -n[1]) + s * around(-r, -c)
                if m[i, j] < front or m[i, j] <= back:
                    continue
                top = hi[i, j] if np.ndim(hi) else hi
                shift = (back - front) / 2 / (front - 2 * m[i, j] + back)
                g = np.array([gx[i, j], gy[i, j]])
                toward = np.array([c, r]) if direction == "sectors" else g / np.abs(g).max()
                made[i, j] = {
                    "classes": 2.0 if m[i, j] >= top else 1.0, "strength": m[i, j],
                    "offset": shift * toward, "orientation": np.arctan2(g[1], g[0]) % np.pi,
                }[result]  # fmt: skip
        mostly_close(after[name], made, 1e-2, 0.95)

    d.holds(agrees)
