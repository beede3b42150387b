"""Filters: blur, edge-preserving smoothing, ranks and morphology."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.image import DOMAIN
from warpgen.synthesis.algorithms.image._medians import median_of
from warpgen.synthesis.algorithms.image.pixels import NAMES, Border, sides
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Gonzalez & Woods 2018, Digital Image Processing, ch. 3",
    names=NAMES
    | {
        "separable_blur": "blur_pass|convolve_1d|separable_filter|blur_axis",
        "weights": "taps|kernel_1d|coeffs",
        "acc": "total|value",
        "sigma": "stddev|blur_sigma",
    },
    double=True,
    half=True,
    weight=3,
)
def separable_blur(d: Draft) -> None:
    """Applies one pass of a separable blur filter."""
    border = Border(d)
    vertical = d.option("axis", "rows", "columns", "by argument")
    kernel = d.option("kernel", "given", "gauss", "box", "binomial")
    # Both sums of a quotient have a slope where the window is known when the kernel is built.
    fixed = d.flag("fixed radius", 0.6) and kernel in ("given", "gauss")
    if not fixed and kernel in ("given", "gauss"):
        d.forward_only()
    pixel = d.option("pixel", "float", "vec3", weights=(0.65, 0.35))
    r = {"given": d.pick(1, 2, 3), "gauss": d.pick(2, 3), "box": d.pick(1, 2, 3), "binomial": 2}[kernel]
    h, w = sides(d)
    along = {"rows": "along rows", "columns": "along columns", "by argument": "along a given axis"}[vertical]
    what = {
        "given": "filter with user-supplied weights",
        "gauss": "Gaussian blur",
        "box": "box blur",
        "binomial": "binomial blur",
    }
    d.says(f"Applies one pass of a separable {what[kernel]} {along}.")
    d.input("src", pixel, (h, w), about="Input image")
    if kernel == "given":
        d.input("weights", "float", 2 * r + 1, 0.1, 1.0, about="Filter weights, not necessarily normalized")
    elif kernel == "gauss":
        d.param("sigma", "float", 0.8, 2.0, about="Gaussian standard deviation [px]")
    if kernel in ("gauss", "box") and not fixed:
        d.param("radius", "int", r, about="Window radius [px]")
    if vertical == "by argument":
        d.param("axis", "int", d.pick(0, 1), about="Filter axis, 0 for vertical, 1 for horizontal")
    d.output("dst", pixel, (h, w), about="Output image")
    zero = "float(0.0)" if pixel == "float" else "wp.vec3()"
    window = f"range({-r}, {r + 1})" if fixed else "range(-radius, radius + 1)"

    def at(a: str) -> str:
        if vertical == "by argument":
            sign, steps = ("-", a[1:]) if a.startswith("-") else ("+", a)
            times = "" if steps == "1" else f"{steps} * "
            row, col = f"i {sign} {times}di", f"j {sign} {times}axis"
            return f"src[{border(row, 'height')}, {border(col, 'width')}]"
        if vertical == "columns":
            return f"src[{border(f'i + {a}', 'height')}, j]"
        return f"src[i, {border(f'j + {a}', 'width')}]"

    lines = ["i, j = wp.tid()"]
    if vertical != "rows":
        lines.append("height = src.shape[0]")
    if vertical != "columns":
        lines.append("width = src.shape[1]")
    if vertical == "by argument":
        lines.append("di = 1 - axis")
    if kernel == "binomial":
        tap = {
            o: at(str(o)).replace("+ -", "- ").replace("+ 0", "").replace(" ,", ",")
            for o in (-2, -1, 0, 1, 2)
        }
        for o, name in zip((-2, -1, 0, 1, 2), ("a", "b", "c", "d", "e"), strict=True):
            lines.append(f"{name} = {tap[o] if o else 'src[i, j]'}")
        lines += ["# binomial kernel (1, 4, 6, 4, 1) / 16 approximates a unit-variance Gaussian"]
        lines += ["dst[i, j] = (a + e + 4.0 * (b + d) + 6.0 * c) / 16.0"]
    else:
        lines.append(f"acc = {zero}")
        if kernel == "given":
            lines += [*([] if fixed else ["radius = weights.shape[0] // 2"]), "norm = float(0.0)"]
            tap_at = f"weights[a + {r if fixed else 'radius'}]"
            lines += [
                f"for a in {window}:",
                f"    acc += {tap_at} * {at('a')}",
                f"    norm += {tap_at}",
                "# normalize by the weight sum to preserve the mean",
                "dst[i, j] = acc / norm",
            ]
        elif kernel == "gauss":
            lines += [
                "norm = float(0.0)",
                f"for a in {window}:",
                "    t = float(a) / sigma",
                "    g = wp.exp(-0.5 * t * t)",
                f"    acc += g * {at('a')}",
                "    norm += g",
                "dst[i, j] = acc / norm",
            ]
        else:
            lines += ["for a in range(-radius, radius + 1):", f"    acc += {at('a')}"]
            lines += ["dst[i, j] = acc / float(2 * radius + 1)"]
    d.launch(h, w)
    d.code("\n".join(lines))

    def reference(v: Values) -> dict[str, Any]:
        offsets = np.arange(-r, r + 1)
        if kernel == "given":
            taps = v.weights
        elif kernel == "gauss":
            taps = np.exp(-0.5 * (offsets / v.sigma) ** 2)
        else:
            taps = {"box": np.ones(2 * r + 1), "binomial": np.array([1.0, 4, 6, 4, 1])}[kernel]
        down = vertical == "columns" or (vertical == "by argument" and v.axis == 0)
        big = border.padded(v.src, r)
        big = big[:, r:-r] if down else big[r:-r]
        parts = [t * (big[k : k + h] if down else big[:, k : k + w]) for k, t in enumerate(taps)]
        return {"dst": sum(parts) / taps.sum()}

    d.check(reference)


@DOMAIN.algorithm(
    source="Tomasi & Manduchi 1998; Petschnigg et al. 2004 (joint)",
    names=NAMES
    | {
        "bilateral_filter": "bilateral|edge_preserving_blur|bilateral_blur|smooth_keep_edges",
        "sigma_s": "sigma_space|spatial_sigma",
        "sigma_r": "sigma_range|range_sigma",
        "guide": "reference|guide_image",
        "weight": "wgt|coeff",
        "norm": "weight_sum|sum_w|total_weight",
        "acc": "accum|filtered_sum",
    },
    weight=3,
)
def bilateral_filter(d: Draft) -> None:
    """Applies a bilateral filter (edge-preserving smoothing)."""
    border = Border(d, "skip", "clamp", "mirror")
    edge = border.kind
    pixel = d.option("pixel", "float", "vec3")
    guided = d.option("guide", "self", "joint")
    spatial = d.option("spatial", "gauss", "box")
    cut = d.flag("cut", 0.3)
    fixed = d.flag("fixed radius", 0.65)
    if not fixed:
        d.forward_only()  # a quotient of two sums whose window is known at the launch only
    d.says(
        f"Applies a {'joint ' if guided == 'joint' else ''}bilateral filter"
        + (" with a guide image" if guided == "joint" else "")
        + (" without spatial weights" if spatial == "box" else " (edge-preserving smoothing)")
        + (", skipping neighbors beyond three range deviations." if cut else ".")
    )
    r = d.pick(1, 2) if fixed else d.pick(1, 2, 3)
    h, w = sides(d)
    d.input("src", pixel, (h, w), about="Input image")
    if guided == "joint":
        d.input("guide", "float", (h, w), about="Guide image")
    if not fixed:
        d.param("radius", "int", r, about="Window radius [px]")
    if spatial == "gauss":
        d.param("sigma_s", "float", 1.0, 2.5, about="Spatial standard deviation [px]")
    d.param("sigma_r", "float", 0.2, 0.5, about="Range standard deviation")
    d.output("dst", pixel, (h, w), about="Output image")
    key = "guide" if guided == "joint" else "src"
    vector = pixel == "vec3" and guided == "self"
    lines = ["i, j = wp.tid()", "height = src.shape[0]", "width = src.shape[1]", f"center = {key}[i, j]"]
    lines += [f"acc = {'float(0.0)' if pixel == 'float' else 'wp.vec3()'}", "norm = float(0.0)"]
    window = f"range({-r}, {r + 1})" if fixed else "range(-radius, radius + 1)"
    loop = [f"for a in {window}:", f"    for b in {window}:"]
    loop += border.neighbour()
    difference = "wp.length_sq(diff)" if vector else "diff * diff"
    loop += [f"        diff = {key}[y, x] - center"]
    if cut:
        size = "wp.length(diff)" if vector else "wp.abs(diff)"
        loop += [
            "        # skip neighbors across an edge, their weight is negligible",
            f"        if {size} > 3.0 * sigma_r:",
            "            continue",
        ]
    exponent = f"{difference} / (2.0 * sigma_r * sigma_r)"
    if spatial == "gauss":
        loop += ["        dist2 = float(a * a + b * b)"]
        exponent = f"dist2 / (2.0 * sigma_s * sigma_s) + {exponent}"
        loop += [f"        weight = wp.exp(-({exponent}))"]
    else:
        loop += [f"        weight = wp.exp(-{exponent})"]
    loop += ["        acc += weight * src[y, x]", "        norm += weight"]
    lines += [*loop, "dst[i, j] = acc / norm"]
    d.launch(h, w)
    d.code("\n".join(lines))
    near, of = "|dx|^2 / (2 s^2) - ", "where s and r are the spatial and range standard deviations"
    if spatial == "box":
        near, of = "", "where r is the range standard deviation"
    d.explain(f"w = exp(-{near}|dI|^2 / (2 r^2)) {of}; weights are normalized over the window.")

    def reference(v: Values) -> dict[str, Any]:
        image = v.src if pixel == "vec3" else v.src[..., None]
        guide = v.guide[..., None] if guided == "joint" else image
        mode = {"skip": "edge", "clamp": "edge", "mirror": "reflect"}[edge]
        pads = ((r, r), (r, r), (0, 0))
        big, key_ = np.pad(image, pads, mode), np.pad(guide, pads, mode)  # type: ignore[call-overload]
        inside = np.pad(np.ones((h, w)), r)
        acc, norm = np.zeros_like(image), np.zeros((h, w, 1))
        for a in range(2 * r + 1):
            for b in range(2 * r + 1):
                diff2 = ((key_[a : a + h, b : b + w] - guide) ** 2).sum(-1)
                weight = np.exp(-diff2 / (2 * v.sigma_r**2))
                if spatial == "gauss":
                    weight = weight * np.exp(-((a - r) ** 2 + (b - r) ** 2) / (2 * v.sigma_s**2))
                if edge == "skip":
                    weight = weight * inside[a : a + h, b : b + w]
                if cut:
                    weight = np.where(diff2 > 9 * v.sigma_r**2, 0.0, weight)
                acc = acc + weight[..., None] * big[a : a + h, b : b + w]
                norm = norm + weight[..., None]
        return {"dst": (acc / norm).reshape(v.src.shape)}

    d.check(reference, 3e-4)


@DOMAIN.algorithm(
    source="Tukey 1977; Serra 1982",
    names=NAMES
    | {
        "median_filter": "median_denoise|despeckle|median_blur",
        "v": "window|vals",
        "tmp": "swap|t",
    },
    adjoint="no",
)
def median_filter(d: Draft) -> None:
    """Applies a median filter."""
    border = Border(d)
    window = d.option("window", "3x3", "cross")
    method = d.option("method", "insertion", "selection", "counting")
    kind = d.option("pixel", "float", "int")
    threshold = d.flag("only outliers", 0.35)
    h, w = sides(d)
    n = 9 if window == "3x3" else 5
    high = 1.0 if kind == "float" else 256
    d.input("src", kind, (h, w), 0.0, high, about="Input image")
    if threshold:
        least, most = (0.1, 0.4) if kind == "float" else (d.pick(20, 40, 60), None)
        d.param("limit", kind, least, most, about="Outlier threshold, maximum deviation from the median")
        d.says("Replaces outlier pixels with the local median.")
    else:
        d.says(f"Applies a {'3x3' if n == 9 else 'five-pixel cross-shaped'} median filter.")
    d.output("dst", kind, (h, w), about="Output image")
    offsets = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if window == "3x3" or not a or not b]
    lines = ["i, j = wp.tid()", "height = src.shape[0]", "width = src.shape[1]"]
    lines += [f"up = {border('i - 1', 'height')}", f"down = {border('i + 1', 'height')}"]
    lines += [f"left = {border('j - 1', 'width')}", f"right = {border('j + 1', 'width')}"]
    row, col = {-1: "up", 0: "i", 1: "down"}, {-1: "left", 0: "j", 1: "right"}
    typed = "float" if kind == "float" else "int"
    d.module(f"vec{n} = wp.types.vector(length={n}, dtype={typed})")
    items = ", ".join(f"src[{row[a]}, {col[b]}]" for a, b in offsets)
    if len(items) > 70:
        parts = [f"src[{row[a]}, {col[b]}]" for a, b in offsets]
        items = "\n" + "".join("    " + ", ".join(parts[k : k + 3]) + ",\n" for k in range(0, n, 3))
    lines.append(f"v = vec{n}({items})")
    lines += median_of(method, n)
    if threshold:
        lines += [
            "if wp.abs(src[i, j] - median) > limit:",
            "    dst[i, j] = median",
            "else:",
            "    dst[i, j] = src[i, j]",
        ]
    else:
        lines += ["dst[i, j] = median"]
    d.launch(h, w)
    d.code("\n".join(lines))

    def reference(v: Values) -> dict[str, Any]:
        near = border.windows(v.src, 1)
        if window == "cross":
            near = near[[1, 3, 4, 5, 7]]
        median = np.sort(near, axis=0)[n // 2]
        if threshold:
            median = np.where(abs(v.src - median) > v.limit, median, v.src)
        return {"dst": median}

    d.check(reference)


@DOMAIN.algorithm(
    source="Serra 1982; Soille 2003, Morphological Image Analysis",
    names=NAMES
    | {
        "low": "eroded|lowest|minimum",
        "high": "dilated|highest|maximum",
        "element": "footprint|structuring_element|se",
        "radius": "r|half_size",
    },
    adjoint="no",
)
def morphology(d: Draft) -> None:
    """Applies a morphological operation to an image."""
    task = d.option("task", "erode", "dilate", "gradient", "top hat")
    shape = d.option("shape", "square", "disk", "element")
    border = d.option("outside", "skip", "clamp")
    if task == "gradient" and shape == "element":
        shape = "disk"  # dilation takes the element reflected, erosion as it is
    if shape == "element":
        border = "clamp"  # of a corner no pixel may be left that counts
    d.calls(
        {
            "erode": "erode_image|erosion|grayscale_erosion",
            "dilate": "dilate_image|dilation|grayscale_dilation",
            "gradient": "morphological_gradient|morphology_gradient|gradient_pass",
            "top hat": "subtract_erosion|inner_gradient|internal_gradient",
        }[task]
    )
    r = d.pick(1, 2)
    h, w = sides(d)
    d.says(
        {
            "erode": "Erodes a grayscale image.",
            "dilate": "Dilates a grayscale image.",
            "gradient": "Computes the morphological gradient (dilation minus erosion) of a grayscale image.",
            "top hat": "Computes the difference between a grayscale image and its erosion.",
        }[task]
    )
    d.input("src", "float", (h, w), about="Input image")
    if shape == "element":
        about = "Flat structuring element, nonzero for pixels in the neighborhood"
        d.mask("element", "int", (2 * r + 1, 2 * r + 1), about=about)
    else:
        d.param("radius", "int", r, about="Window radius [px]")
    d.output("dst", "float", (h, w), about="Output image")
    lines = ["i, j = wp.tid()", "height = src.shape[0]", "width = src.shape[1]"]
    if shape == "element":
        lines.append("radius = element.shape[0] // 2")
    use_low, use_high = task != "dilate", task in ("dilate", "gradient")
    # squares and disks hold the pixel itself, elements need not
    lines += [f"low = {'float(wp.inf)' if shape == 'element' else 'src[i, j]'}"] if use_low else []
    lines += [f"high = {'float(-wp.inf)' if shape == 'element' else 'src[i, j]'}"] if use_high else []
    lines += ["for a in range(-radius, radius + 1):", "    for b in range(-radius, radius + 1):"]
    if shape == "disk":
        lines += ["        if a * a + b * b > radius * radius:", "            continue"]
    elif shape == "element":
        # dilation is by the element reflected, so that a pixel takes on the element's shape
        place = "radius - a, radius - b" if task == "dilate" else "a + radius, b + radius"
        lines += [f"        if element[{place}] == 0:", "            continue"]
    if border == "skip":
        lines += ["        y = i + a", "        x = j + b"]
        lines += ["        if y >= 0 and x >= 0 and y < height and x < width:"]
        pad = "            "
    else:
        lines += ["        y = wp.clamp(i + a, 0, height - 1)", "        x = wp.clamp(j + b, 0, width - 1)"]
        pad = "        "
    lines += [f"{pad}low = wp.min(low, src[y, x])"] if use_low else []
    lines += [f"{pad}high = wp.max(high, src[y, x])"] if use_high else []
    lines.append(
        "dst[i, j] = "
        + {"erode": "low", "dilate": "high", "gradient": "high - low", "top hat": "src[i, j] - low"}[task]
    )
    d.launch(h, w)
    d.code("\n".join(lines))

    def reference(v: Values) -> dict[str, Any]:
        a, b = np.mgrid[-r : r + 1, -r : r + 1]
        chosen = {"square": np.ones_like(a), "disk": a**2 + b**2 <= r * r}.get(shape)
        if chosen is None:
            chosen = v.element != 0 if task != "dilate" else v.element[::-1, ::-1] != 0
        chosen = np.array(chosen, bool)
        big = np.pad(v.src, r, "edge") if border == "clamp" else None
        low_pad = np.pad(v.src, r, constant_values=np.inf) if big is None else big
        high_pad = np.pad(v.src, r, constant_values=-np.inf) if big is None else big
        at = np.argwhere(chosen)
        low = np.min([low_pad[p : p + h, q : q + w] for p, q in at], axis=0)
        high = np.max([high_pad[p : p + h, q : q + w] for p, q in at], axis=0)
        return {"dst": {"erode": low, "dilate": high, "gradient": high - low, "top hat": v.src - low}[task]}

    d.check(reference)
