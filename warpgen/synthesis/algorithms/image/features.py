"""Features: gradients, edges, corners, motion."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.image import DOMAIN
from warpgen.synthesis.algorithms.image._thinning import along_gradient, beside
from warpgen.synthesis.algorithms.image.pixels import NAMES, Border, sides
from warpgen.synthesis.writing.draft import Draft, Values

_SMOOTH = {"sobel": (1.0, 2.0), "scharr": (3.0, 10.0), "prewitt": (1.0, 1.0)}


@DOMAIN.algorithm(
    source="Sobel & Feldman 1968; Scharr 2000; Prewitt 1970",
    names=NAMES
    | {
        "image_gradient": "edge_gradient|gradient_filter|compute_gradients|image_derivatives",
        "grad": "gradient|derivative",
        "magnitude": "edge_strength|mag|strength",
    },
    double=True,
    weight=2,
)
def image_gradient(d: Draft) -> None:
    """Computes image gradients with 3x3 derivative kernels."""
    border = Border(d, "clamp", "clamp func", "wrap")
    operator = d.option("operator", *_SMOOTH)
    give = d.option("give", "vector", "magnitude", "angle", "both")
    style = d.option("style", "named", "expression")
    if give in ("magnitude", "angle"):
        d.calls(
            {
                "magnitude": "gradient_magnitude|edge_strength|edge_magnitude",
                "angle": "gradient_direction|gradient_angle|edge_direction",
            }[give]
        )
    h, w = sides(d)
    edge, centre = _SMOOTH[operator]
    scale = 2.0 * (2.0 * edge + centre)
    by = f"the 3x3 {operator.capitalize()} operator"
    d.says(
        {
            "vector": f"Computes image gradients with {by}.",
            "magnitude": f"Computes the gradient magnitude of an image with {by}.",
            "angle": f"Computes the gradient direction of an image with {by}.",
            "both": f"Computes gradient magnitude and direction of an image with {by}.",
        }[give]
    )
    d.input("src", "float", (h, w), about="Input image")
    if give == "vector":
        d.output("grad", "vec2", (h, w), about="Image gradient")
    if give in ("magnitude", "both"):
        d.output("magnitude", "float", (h, w), about="Gradient magnitude")
    if give in ("angle", "both"):
        d.output("angle", "float", (h, w), about="Gradient direction, measured from the x axis [rad]")
    lines = ["i, j = wp.tid()", "height = src.shape[0]", "width = src.shape[1]"]
    lines += [f"up = {border('i - 1', 'height')}", f"down = {border('i + 1', 'height')}"]
    lines += [f"left = {border('j - 1', 'width')}", f"right = {border('j + 1', 'width')}"]
    p = {
        (a, b): f"src[{r}, {c}]"
        for a, r in zip((-1, 0, 1), ("up", "i", "down"), strict=True)
        for b, c in zip((-1, 0, 1), ("left", "j", "right"), strict=True)
    }
    if style == "named":
        names = {
            (-1, -1): "nw",
            (-1, 0): "n",
            (-1, 1): "ne",
            (0, -1): "w",
            (0, 1): "e",
            (1, -1): "sw",
            (1, 0): "s",
            (1, 1): "se",
        }
        lines += [f"{name} = {p[at]}" for at, name in names.items()]
        p = p | names

    def difference(first: list[str], second: list[str]) -> str:
        pairs = [f"({b} - {a})" for a, b in zip(first, second, strict=True)]
        if operator == "prewitt":
            return " + ".join(pairs)
        if operator == "sobel":
            return f"{pairs[0]} + 2.0 * {pairs[1]} + {pairs[2]}"
        return f"3.0 * {pairs[0]} + 10.0 * {pairs[1]} + 3.0 * {pairs[2]}"

    for name, first, second in (
        ("gx", [p[a, -1] for a in (-1, 0, 1)], [p[a, 1] for a in (-1, 0, 1)]),
        ("gy", [p[-1, b] for b in (-1, 0, 1)], [p[1, b] for b in (-1, 0, 1)]),
    ):
        text = difference(first, second)
        if len(text) > 80:
            text = "(\n    " + text.replace(") + ", ")\n    + ") + "\n)"
        lines.append(f"{name} = {text}")
    if give == "vector":
        lines += [
            f"# divide by {scale:g} to get the derivative per pixel",
            f"grad[i, j] = wp.vec2(gx, gy) / {scale}",
        ]
    if give in ("magnitude", "both"):
        lines.append(f"magnitude[i, j] = wp.sqrt(gx * gx + gy * gy) / {scale}")
    if give in ("angle", "both"):
        lines.append("angle[i, j] = wp.atan2(gy, gx)")
    d.launch(h, w)
    d.code("\n".join(lines))

    def reference(v: Values) -> dict[str, Any]:
        near = border.windows(v.src, 1).reshape(3, 3, h, w)
        smooth, slope = np.array([edge, centre, edge]), np.array([-1.0, 0.0, 1.0])
        gx = np.einsum("a,b,abij->ij", smooth, slope, near)
        gy = np.einsum("a,b,abij->ij", slope, smooth, near)
        found = {
            "grad": np.stack([gx, gy], -1) / scale,
            "magnitude": np.hypot(gx, gy) / scale,
            "angle": np.arctan2(gy, gx),
        }
        chosen = {"vector": ["grad"], "both": ["magnitude", "angle"]}.get(give, [give])
        return {name: found[name] for name in chosen}

    d.check(reference, 1e-3)


@DOMAIN.algorithm(
    source="Canny 1986",
    names=NAMES
    | {
        "suppress_non_maxima": "non_maximum_suppression|thin_edges|canny_nms|nms",
        "edges": "thin|suppressed|edge_map",
        "mag": "magnitude|m|strength",
    },
    adjoint="either",
    weight=3,
)
def suppress_non_maxima(d: Draft) -> None:
    """Applies non-maximum suppression to image gradients (Canny edge thinning)."""
    sector = d.option("direction", "four sectors", "interpolated", "offsets")
    thresholds = d.option("thresholds", "none", "two", "low")
    vector = d.flag("vector")
    h, w = sides(d)
    if vector:
        d.input("grad", "vec2", (h, w), -1.0, 1.0, about="Image gradient")
    else:
        d.input("gx", "float", (h, w), -1.0, 1.0, about="Horizontal derivative")
        d.input("gy", "float", (h, w), -1.0, 1.0, about="Vertical derivative")
    kept = {"none": "", "two": " and double thresholding", "low": " and a threshold"}[thresholds]
    d.says(f"Applies non-maximum suppression{kept} to image gradients (Canny edge thinning).")
    weak = "low" if thresholds == "two" else "threshold"
    if thresholds != "none":
        about = "Lower hysteresis threshold" if thresholds == "two" else "Minimum edge magnitude"
        d.param(weak, "float", 0.75, 0.95, about=about)
    if thresholds == "two":
        d.param("high", "float", 1.05, 1.2, about="Upper hysteresis threshold")
    d.output(
        "edges",
        "int" if thresholds == "two" else "float",
        (h, w),
        about="Edge class: 2 strong, 1 weak, 0 none"
        if thresholds == "two"
        else "Gradient magnitude on edges, 0 elsewhere",
    )
    if vector:
        text, arguments = "return wp.length(grad[i, j])", "grad: wp.array2d(dtype=wp.vec2), i: int, j: int"
        call = "grad"
    else:
        text = "return wp.sqrt(gx[i, j] * gx[i, j] + gy[i, j] * gy[i, j])"
        arguments = "gx: wp.array2d(dtype=float), gy: wp.array2d(dtype=float), i: int, j: int"
        call = "gx, gy"
    d.function(f"""
        @wp.func
        def magnitude_at({arguments}) -> float:
            {text}
    """)

    def at(a: str, b: str) -> str:
        return f"magnitude_at({call}, {a}, {b})"

    d.explain("Border pixels are never marked as edges.")
    shape = "grad" if vector else "gx"
    none = "0" if thresholds == "two" else "0.0"
    lines = [
        "i, j = wp.tid()",
        f"height = {shape}.shape[0]",
        f"width = {shape}.shape[1]",
        "if i == 0 or j == 0 or i == height - 1 or j == width - 1:",
        f"    edges[i, j] = {none}",
        "    return",
        f"mag = {at('i', 'j')}",
    ]
    if thresholds != "none":
        lines += [f"if mag < {weak}:", f"    edges[i, j] = {none}", "    return"]
    elif sector != "four sectors":
        lines += [
            "# skip flat pixels: the direction is undefined",
            "if mag == 0.0:",
            f"    edges[i, j] = {none}",
            "    return",
        ]
    lines += ["g = grad[i, j]", "dx = g[0]", "dy = g[1]"] if vector else ["dx = gx[i, j]", "dy = gy[i, j]"]
    lines += along_gradient(sector, at)
    if thresholds == "two":
        lines += [
            "# strong edges (2) are always kept, weak edges (1) only if hysteresis links them",
            "if mag >= ahead and mag > behind:",
            "    edges[i, j] = 2 if mag >= high else 1",
            "else:",
            "    edges[i, j] = 0",
        ]
    else:
        lines += ["edges[i, j] = wp.where(mag >= ahead and mag > behind, mag, 0.0)"]
    d.launch(h, w)
    d.code("\n".join(lines))

    def reference(v: Values) -> dict[str, Any]:
        gx, gy = (v.grad[..., 0], v.grad[..., 1]) if vector else (v.gx, v.gy)
        m = np.hypot(gx, gy)
        here = m[1:-1, 1:-1]
        ahead, behind = beside(gx, gy, m, sector)
        kept = (here >= ahead) & (here > behind)
        if thresholds != "none":
            kept &= here >= v[weak]
        value = np.where(here >= v.high, 2, 1) if thresholds == "two" else here
        return {"edges": np.pad(np.where(kept, value, 0), 1)}

    d.check(reference)


@DOMAIN.algorithm(
    source="Harris & Stephens 1988; Shi & Tomasi 1994; Lucas & Kanade 1981",
    names=NAMES
    | {
        "response": "score|cornerness|corners",
        "k": "harris_k|kappa",
    },
    double=True,
    adjoint="no",
)
def structure_tensor(d: Draft) -> None:
    """Computes corner responses from the structure tensor."""
    border = Border(d, "clamp", "mirror", "clamp func", "skip")
    measure = d.option("measure", "harris", "shi-tomasi", "noble", "flow", "coherence")
    weights = d.option("window", "box", "gauss")
    given = (
        d.option("gradient", "given", "vector", "computed")
        if measure != "flow"
        else d.option("gradients", "given", "vector")
    )
    d.calls(
        {
            "harris": "harris_response|harris_corners|corner_response",
            "shi-tomasi": "shi_tomasi_response|min_eigenvalue|corner_response",
            "noble": "noble_response|noble_corners|corner_response",
            "flow": "lucas_kanade_flow|dense_flow|local_optical_flow",
            "coherence": "tensor_coherence|structure_coherence|orientation_coherence",
        }[measure]
    )
    r = d.pick(1, 2)
    h, w = sides(d)
    d.says(
        {
            "harris": "Computes Harris corner responses.",
            "shi-tomasi": "Computes Shi-Tomasi corner responses (smaller eigenvalue of the structure tensor).",
            "noble": "Computes corner responses as the harmonic mean of the structure tensor's eigenvalues.",
            "flow": "Estimates dense optical flow using the Lucas-Kanade method (zero where unreliable).",
            "coherence": "Computes the coherence of the structure tensor.",
        }[measure]
    )
    if given == "given":
        d.input("ix", "float", (h, w), -1.0, 1.0, about="Horizontal derivative")
        d.input("iy", "float", (h, w), -1.0, 1.0, about="Vertical derivative")
    elif given == "vector":
        d.input("grad", "vec2", (h, w), -1.0, 1.0, about="Image gradient")
    else:
        d.input("src", "float", (h, w), about="Input image")
    if measure == "flow":
        d.input("it", "float", (h, w), -1.0, 1.0, about="Temporal derivative")
    d.param("radius", "int", r, about="Window radius [px]")
    if weights == "gauss":
        d.param("sigma", "float", 0.8, 2.0, about="Gaussian standard deviation [px]")
    if measure == "harris":
        d.param("k", "float", 0.04, 0.06, about="Harris detector constant k")
    if measure == "flow":
        d.param("min_eigenvalue", "float", 0.8, 1.6, about="Minimum eigenvalue for reliable flow")
        d.output("flow", "vec2", (h, w), about="Optical flow [px]")
    else:
        response = "coherence" if measure == "coherence" else "response"
        d.output(
            response,
            "float",
            (h, w),
            about="Coherence in [0, 1]" if measure == "coherence" else "Corner response",
        )
    shape = {"given": "ix", "vector": "grad", "computed": "src"}[given]
    lines = ["i, j = wp.tid()", f"height = {shape}.shape[0]", f"width = {shape}.shape[1]"]
    lines += ["xx = float(0.0)", "xy = float(0.0)", "yy = float(0.0)"]
    if measure == "flow":
        lines += ["xt = float(0.0)", "yt = float(0.0)"]
    lines += ["for a in range(-radius, radius + 1):", "    for b in range(-radius, radius + 1):"]
    lines += border.neighbour()
    if given == "given":
        lines += ["        gx = ix[y, x]", "        gy = iy[y, x]"]
    elif given == "vector":
        lines += ["        gx = grad[y, x][0]", "        gy = grad[y, x][1]"]
    else:
        lines += [
            "        gx = 0.5 * (src[y, wp.min(x + 1, width - 1)] - src[y, wp.max(x - 1, 0)])",
            "        gy = 0.5 * (src[wp.min(y + 1, height - 1), x] - src[wp.max(y - 1, 0), x])",
        ]
    g = ""
    if weights == "gauss":
        lines += ["        g = wp.exp(-0.5 * float(a * a + b * b) / (sigma * sigma))"]
        g = "g * "
    lines += [f"        xx += {g}gx * gx", f"        xy += {g}gx * gy", f"        yy += {g}gy * gy"]
    if measure == "flow":
        lines += [f"        xt += {g}gx * it[y, x]", f"        yt += {g}gy * it[y, x]"]
    lines += ["det = xx * yy - xy * xy", "trace = xx + yy"]
    root = "wp.sqrt(0.25 * (xx - yy) * (xx - yy) + xy * xy)"
    lines += {
        "harris": ["response[i, j] = det - k * trace * trace"],
        "shi-tomasi": [
            "# smaller eigenvalue from trace and determinant",
            f"response[i, j] = 0.5 * trace - {root}",
        ],
        "noble": [
            "# epsilon avoids division by zero in flat regions",
            "response[i, j] = 2.0 * det / (trace + 1.0e-6)",
        ],
        "coherence": [f"root = {root}", "c = 2.0 * root / (trace + 1.0e-6)", "coherence[i, j] = c * c"],
        "flow": [
            f"smaller = 0.5 * trace - {root}",
            "# aperture problem: only the normal flow can be recovered",
            "if smaller < min_eigenvalue:",
            "    flow[i, j] = wp.vec2(0.0, 0.0)",
            "    return",
            "flow[i, j] = wp.vec2(xy * yt - yy * xt, xy * xt - xx * yt) / det",
        ],
    }[measure]
    if measure in ("shi-tomasi", "coherence"):
        lines.remove("det = xx * yy - xy * xy")
    d.launch(h, w)
    d.code("\n".join(lines))

    def reference(v: Values) -> dict[str, Any]:
        if given == "computed":
            big = np.pad(v.src, 1, "edge")
            gx, gy = (big[1:-1, 2:] - big[1:-1, :-2]) / 2, (big[2:, 1:-1] - big[:-2, 1:-1]) / 2
        else:
            gx, gy = (v.ix, v.iy) if given == "given" else (v.grad[..., 0], v.grad[..., 1])
        a, b = np.mgrid[-r : r + 1, -r : r + 1]
        g = np.exp(-0.5 * (a**2 + b**2) / v.sigma**2) if weights == "gauss" else np.ones(a.shape)

        def summed(values: Any) -> Any:
            if border.kind == "skip":
                big = np.pad(values, r)
                near = np.stack(
                    [big[p : p + h, q : q + w] for p in range(2 * r + 1) for q in range(2 * r + 1)]
                )
            else:
                near = border.windows(values, r)
            return np.tensordot(g.reshape(-1), near, 1)

        products = [summed(gx * gx), summed(gx * gy), summed(gx * gy), summed(gy * gy)]
        tensor = np.stack(products, -1).reshape(h, w, 2, 2)
        eigen = np.linalg.eigvalsh(tensor)
        small, large = eigen[..., 0], eigen[..., 1]
        if measure == "flow":
            right = np.stack([summed(gx * v["it"]), summed(gy * v["it"])], -1)
            safe = np.where((small > 1e-6)[..., None, None], tensor, np.eye(2))
            flow = -np.linalg.solve(safe, right[..., None])[..., 0]
            return {"flow": np.where((small < v.min_eigenvalue)[..., None], 0.0, flow)}
        return {
            "coherence" if measure == "coherence" else "response": {
                "harris": small * large - v.get("k", 0.0) * (small + large) ** 2,
                "shi-tomasi": small,
                "noble": 2 * small * large / (small + large + 1e-6),
                "coherence": ((large - small) / (small + large + 1e-6)) ** 2,
            }[measure]
        }

    d.check(reference, 2e-3)
