"""Motion between two frames, and edges within one."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.image import DOMAIN
from warpgen.synthesis.algorithms.image._borders import BORDERS, MODES, TURN, shifted
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.naming import renamed
from warpgen.synthesis.writing.trim import trim


@DOMAIN.algorithm(
    source="Horn & Schunck 1981; Bruhn, Weickert & Schnoerr 2005; Brox et al. 2004; Sun, Roth & Black 2014",
    names={
        "refine_flow": "variational_flow|flow_iteration|update_optical_flow",
        "flow": "uv|motion|flow_in",
        "mean": "flow_bar|average|neighbor_mean",
        "alpha": "smoothness|regularization|lam",
    },
    weight=3,
)
def refine_flow(d: Draft) -> None:
    """Performs one variational refinement step for the optical flow between two frames."""
    data = d.option("data term", "quadratic", "charbonnier", "lorentzian")
    smooth = d.option("smoothness", "eight", "four", "image driven")
    derivative = d.option("derivative", "central", "horn", "fourth order")
    border = d.option("border", *BORDERS)
    warped = d.flag("warped")
    solver = d.option("solver", "jacobi", "relaxed")
    mask = d.option("occlusion", "none", "mask", "weight")
    result = d.option("result", "flow", "change", "energy")
    cap = d.flag("limit", 0.4)
    if result != "flow":
        d.calls(
            {
                "change": "flow_change|flow_step_length|flow_update_size",
                "energy": "flow_energy|flow_energy_density|variational_energy",
            }[result]
        )
    if derivative == "horn":
        warped = False
    rows, cols = d.pick(8, 10), d.pick(9, 12)
    size = (rows, cols)
    first, second_frame = d.pick(
        ("frame0", "frame1"), ("first", "second"), ("prev_frame", "next_frame"), ("image0", "image1")
    )
    d.input(first, "float", size, 0.0, 1.0, about="First frame")
    d.input(second_frame, "float", size, 0.0, 1.0, about="Second frame")
    d.input("flow", "vec2", size, -1.5, 1.5, about="Current flow estimate [px]")
    if mask == "mask":
        d.mask(
            "occluded",
            "bool",
            size,
            rare=True,
            about="Occlusion mask, True for pixels not visible in the second frame",
        )
    elif mask == "weight":
        d.input("confidence", "float", size, 0.0, 1.0, about="Per-pixel data term weight")
    d.param("alpha", "float", 0.2, 0.6, about="Smoothness weight")
    if data != "quadratic":
        d.param("epsilon", "float", 0.05, 0.2, about="Outlier threshold for the brightness error")
    if solver == "relaxed":
        d.param("relaxation", "float", 0.6, 0.9, about="Step damping")
    if cap:
        d.param("max_step", "float", 0.3, 0.6, about="Maximum flow update per step [px]")
    name, type, about = {
        "flow": ("flow_out", "vec2", "Updated flow"),
        "change": ("change", "float", "Per-pixel flow update magnitude"),
        "energy": ("energy", "float", "Energy density of the current flow"),
    }[result]
    d.output(name, type, size, about=about)
    if smooth == "image driven":
        d.module("# Edge sensitivity of the image-driven smoothness weights\nEDGE_WEIGHT = wp.constant(20.0)")
    words, body = BORDERS[border]
    d.function(TURN, about=words, body=body)
    if warped:
        beyond = {"clamp": "clamp-to-edge", "mirror": "mirrored", "wrap": "periodic"}[border]
        d.function(f'''
            @wp.func
            def sample(image: wp.array2d(dtype=float), y: float, x: float) -> float:
                """Sample an image bilinearly with {beyond} addressing."""
                r = int(wp.floor(y))
                c = int(wp.floor(x))
                b = y - float(r)
                a = x - float(c)
                top = border_index(r, image.shape[0])
                bottom = border_index(r + 1, image.shape[0])
                left = border_index(c, image.shape[1])
                right = border_index(c + 1, image.shape[1])
                upper = (1.0 - a) * image[top, left] + a * image[top, right]
                lower = (1.0 - a) * image[bottom, left] + a * image[bottom, right]
                return (1.0 - b) * upper + b * lower
        ''')
    stencil = {
        "central": """
            ix = 0.5 * (frame0[row, right] - frame0[row, left])
            iy = 0.5 * (frame0[below, col] - frame0[above, col])
            it = $second - frame0[row, col]
            """,
        "fourth order": """
            # Fourth-order central differences (1, -8, 0, 8, -1) / 12
            far_right = border_index(col + 2, frame0.shape[1])
            far_left = border_index(col - 2, frame0.shape[1])
            far_below = border_index(row + 2, frame0.shape[0])
            far_above = border_index(row - 2, frame0.shape[0])
            ix = 8.0 * (frame0[row, right] - frame0[row, left])
            ix = (ix - frame0[row, far_right] + frame0[row, far_left]) / 12.0
            iy = 8.0 * (frame0[below, col] - frame0[above, col])
            iy = (iy - frame0[far_below, col] + frame0[far_above, col]) / 12.0
            it = $second - frame0[row, col]
            """,
        "horn": """
            # Average over a 2x2x2 cube so that all derivatives refer to the same point
            e00 = frame0[row, col]
            e01 = frame0[row, right]
            e10 = frame0[below, col]
            e11 = frame0[below, right]
            g00 = frame1[row, col]
            g01 = frame1[row, right]
            g10 = frame1[below, col]
            g11 = frame1[below, right]
            ix = 0.25 * (e01 - e00 + e11 - e10 + g01 - g00 + g11 - g10)
            iy = 0.25 * (e10 - e00 + e11 - e01 + g10 - g00 + g11 - g01)
            it = 0.25 * (g00 - e00 + g01 - e01 + g10 - e10 + g11 - e11)
            """,
    }[derivative]
    mean = {
        "four": "mean = 0.25 * (flow[above, col] + flow[below, col] + flow[row, left] + flow[row, right])",
        "eight": """
            # Edge neighbors weigh 1/6, corner neighbors 1/12
            sides = flow[above, col] + flow[below, col] + flow[row, left] + flow[row, right]
            corners = flow[above, left] + flow[above, right] + flow[below, left] + flow[below, right]
            mean = sides / 6.0 + corners / 12.0
            """,
        "image driven": """
            # Gradient-dependent weights avoid smoothing across image edges
            middle = frame0[row, col]
            w_n = 1.0 / (1.0 + EDGE_WEIGHT * wp.abs(frame0[above, col] - middle))
            w_s = 1.0 / (1.0 + EDGE_WEIGHT * wp.abs(frame0[below, col] - middle))
            w_w = 1.0 / (1.0 + EDGE_WEIGHT * wp.abs(frame0[row, left] - middle))
            w_e = 1.0 / (1.0 + EDGE_WEIGHT * wp.abs(frame0[row, right] - middle))
            mean = w_n * flow[above, col] + w_s * flow[below, col] + w_w * flow[row, left] + w_e * flow[row, right]
            mean /= w_n + w_s + w_w + w_e
            """,
    }[smooth]
    if derivative == "horn":
        mean = mean.replace("            middle = frame0[row, col]\n", "").replace("middle)", "e00)")
    robust = {
        "quadratic": "",
        "charbonnier": """
            # Charbonnier penalty: linear tails limit the influence of occlusions
            trust = 1.0 / wp.sqrt(1.0 + error * error / (epsilon * epsilon))
            """,
        "lorentzian": """
            # Lorentzian penalty: redescending influence suppresses gross outliers
            trust = 1.0 / (1.0 + 0.5 * error * error / (epsilon * epsilon))
            """,
    }[data]
    weight = {"none": "", "mask": "", "weight": "confidence[row, col]"}[mask]
    factors = [f for f in (weight, "trust" if robust else "") if f]
    base = "flow[row, col]"
    # Warped frames: the flow so far is in `it` already, only its increment is left.
    error = (
        "it + ix * (mean[0] - flow[row, col][0]) + iy * (mean[1] - flow[row, col][1])"
        if warped
        else "it + ix * mean[0] + iy * mean[1]"
    )
    solve = """
        # Solve the Euler-Lagrange equations for this pixel with its neighbors held fixed
        gain = error / (alpha + ix * ix + iy * iy)
        step = mean - gain * wp.vec2(ix, iy) - flow[row, col]
        """
    if factors:
        both = len(factors) > 1
        share = "data_weight" if both else factors[0]
        solve = f"""
        # Solve the Euler-Lagrange equations for this pixel with its neighbors held fixed
        {f"data_weight = {' * '.join(factors)}" if both else ""}
        gain = {share} * error / (alpha + {share} * (ix * ix + iy * iy))
        step = mean - gain * wp.vec2(ix, iy) - flow[row, col]
        """.replace("        \n", "")
    second = {
        "quadratic": "error * error",
        "charbonnier": "2.0 * epsilon * epsilon * (wp.sqrt(1.0 + error * error / (epsilon * epsilon)) - 1.0)",
        "lorentzian": "2.0 * epsilon * epsilon * wp.log(1.0 + 0.5 * error * error / (epsilon * epsilon))",
    }[data]
    if result == "energy" and warped:
        second = second.replace("error", "it")
    if result == "energy":
        store = f"""
            data_cost = {weight + " * " if weight else ""}{second}
            rough = wp.length_sq(mean - flow[row, col])
            energy[row, col] = data_cost + alpha * rough
            """
    else:
        store = {
            "flow": "flow_out[row, col] = flow[row, col] + step",
            "change": "change[row, col] = wp.length(step)",
        }[result]
        store = "\n".join(
            part
            for part in (
                "step *= relaxation" if solver == "relaxed" else "",
                (
                    "# Clamp the step length, since the linearization is only valid locally\n"
                    if warped
                    else "# Damp the update to keep single pixels from jumping\n"
                )
                + "length = wp.length(step)\nif length > max_step:\n    step *= max_step / length"
                if cap
                else "",
                store,
            )
            if part
        )
    d.launch(*size)
    d.code(
        """
        row, col = wp.tid()
        above = border_index(row - 1, frame0.shape[0])
        below = border_index(row + 1, frame0.shape[0])
        left = border_index(col - 1, frame0.shape[1])
        right = border_index(col + 1, frame0.shape[1])
        $stencil
        $mean
        $error
        $mask
        $robust
        $solve
        $store
        """,
        stencil=stencil.replace(
            "$second",
            "sample(frame1, float(row) + flow[row, col][1], float(col) + flow[row, col][0])"
            if warped
            else "frame1[row, col]",
        ),
        mean=mean,
        mask={
            "mask": "# Occluded pixels have no match, so only the smoothness term applies\n"
            f"if occluded[row, col]:\n    {'it' if result == 'energy' and warped else 'error'} = 0.0\n",
        }.get(mask, ""),
        error=""
        if result == "energy" and warped
        else "# Linearized brightness constancy\nerror = "
        + (error if result != "energy" else f"it + ix * {base}[0] + iy * {base}[1]"),
        robust=robust if result != "energy" else "",
        solve=solve if result != "energy" else "",
        store=store,
    )
    if result == "energy":
        d.says("Computes the optical flow energy density (brightness constancy plus smoothness).")
    elif result == "change":
        d.says("Computes the length of one variational optical flow update at each pixel.")
    if result == "flow" and solver == "jacobi" and not cap:  # then the step need not be known
        d.text = d.text.replace("step = mean - gain * wp.vec2(ix, iy) - flow[row, col]\n", "")
        d.text = d.text.replace("flow[row, col] + step", "mean - gain * wp.vec2(ix, iy)")
    trim(d)
    more = {
        "charbonnier": "Errors above `epsilon` are penalized linearly (Charbonnier). ",
        "lorentzian": "Errors above `epsilon` are penalized logarithmically (Lorentzian). ",
    }.get(data, "")
    more += "Neighbors across an image edge get less weight. " * (smooth == "image driven")
    more += "The brightness term is disabled for occluded pixels." * (mask == "mask")
    if result == "energy":
        told = "the warped second frame equals the first" if warped else "ix u + iy v + it = 0"
        d.explain(f"""
            The data term is the brightness constancy error ({told}); the smoothness term, weighted by `alpha`, is the
            squared difference between the flow and its neighborhood mean. {more}
        """)
    else:
        constancy = (
            "ix du + iy dv + it = 0 for the change of the flow that warped the second frame"
            if warped
            else "ix u + iy v + it = 0"
        )
        d.explain(f"""
            Brightness constancy {constancy} gives one equation for two unknowns, so the neighborhood mean,
            weighted by `alpha`, acts as a regularizer. {more}
        """)
    slopes = d.pick(("ix", "iy", "it"), ("grad_x", "grad_y", "grad_t"), ("i_x", "i_y", "i_t"))
    names = dict(zip(("ix", "iy", "it", "frame0", "frame1"), (*slopes, first, second_frame), strict=True))
    d.text, d.doc = renamed(d.text, names), renamed(d.doc, names)

    def agrees(v: Values, after: Values) -> None:
        f, g, u = v[first], v[second_frame], v.flow

        def at(a: Any, r: int, c: int) -> Any:
            return shifted(a, border, r, c)

        shifts = [(-1, 0), (1, 0), (0, -1), (0, 1)]
        if warped:
            y, x = np.meshgrid(np.arange(rows), np.arange(cols), indexing="ij")
            second = _bilinear(g, y + u[..., 1], x + u[..., 0], border)
        else:
            second = g
        it = second - f
        if derivative == "horn":
            both = [[at(a, r, c) for r in (0, 1) for c in (0, 1)] for a in (f, g)]
            (a, b, c, e), (p, q, r, s) = both
            ix, iy = (b - a + e - c + q - p + s - r) / 4, (c - a + e - b + r - p + s - q) / 4
            it = (p - a + q - b + r - c + s - e) / 4
        else:
            ix, iy = (at(f, 0, 1) - at(f, 0, -1)) / 2, (at(f, 1, 0) - at(f, -1, 0)) / 2
            if derivative == "fourth order":
                ix = (16 * ix - at(f, 0, 2) + at(f, 0, -2)) / 12
                iy = (16 * iy - at(f, 2, 0) + at(f, -2, 0)) / 12
        if smooth == "image driven":
            w = np.array([1 / (1 + 20 * np.abs(at(f, r, c) - f)) for r, c in shifts])
            mean_ = (
                sum(k[..., None] * at(u, r, c) for k, (r, c) in zip(w, shifts, strict=True))
                / w.sum(0)[..., None]
            )
        else:
            mean_ = sum(at(u, r, c) for r, c in shifts) / (4 if smooth == "four" else 6)
            if smooth == "eight":
                mean_ = mean_ + sum(at(u, r, c) for r in (-1, 1) for c in (-1, 1)) / 12
        base_ = u if result == "energy" else mean_
        shift = base_ - u if warped else base_
        e_ = it + ix * shift[..., 0] + iy * shift[..., 1]
        e_ = np.where(v.occluded, 0.0, e_) if mask == "mask" else e_
        k = v.get("epsilon", 1.0)
        q_ = (e_ / k) ** 2
        trust = {"quadratic": 1.0, "charbonnier": 1 / np.sqrt(1 + q_), "lorentzian": 1 / (1 + q_ / 2)}[data]
        w_ = (v.confidence if mask == "weight" else 1.0) * trust
        rough = ((mean_ - u) ** 2).sum(-1)
        if result == "energy":
            cost = {
                "quadratic": e_**2,
                "charbonnier": 2 * k * k * (np.sqrt(1 + q_) - 1),
                "lorentzian": 2 * k * k * np.log1p(q_ / 2),
            }[data]
            made = (v.confidence if mask == "weight" else 1.0) * cost + v.alpha * rough
        else:
            step = (
                mean_
                - u
                - (w_ * e_ / (v.alpha + w_ * (ix**2 + iy**2)))[..., None] * np.stack([ix, iy], axis=-1)
            )
            step = step * (v.relaxation if solver == "relaxed" else 1.0)
            if cap:
                step = step * np.minimum(v.max_step / np.linalg.norm(step, axis=-1, keepdims=True), 1.0)
            made = u + step if result == "flow" else np.linalg.norm(step, axis=-1)
        mostly_close(after[name], made, 2e-3)

    d.holds(agrees)


def _bilinear(image: Any, y: Any, x: Any, border: str) -> Any:
    wide = np.pad(image, 3, mode=MODES[border])  # type: ignore[call-overload]
    r, c = np.floor(y).astype(int) + 3, np.floor(x).astype(int) + 3
    b, a = y + 3 - r, x + 3 - c
    return (1 - b) * ((1 - a) * wide[r, c] + a * wide[r, c + 1]) + b * (
        (1 - a) * wide[r + 1, c] + a * wide[r + 1, c + 1]
    )
