"""Windows that slide along arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.parallel import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "x": "src|data|series|samples",
    "y": "dst|out|result|filtered",
    "radius": "half_width|reach|half_window",
}


@DOMAIN.algorithm(
    source="Smith 1997, chapter 15 (moving averages); Crow 1984 (summed-area tables)",
    names=_NAMES
    | {
        "sliding_window": "moving_average|running_mean|window_reduce|rolling_sum",
        "s": "acc|window_sum|total",
        "largest": "window_max|peak|highest",
        "lo": "begin|left",
        "hi": "end|right",
    },
    double=True,
    adjoint="no",
)
def sliding_window(d: Draft) -> None:
    """Averages an array over a window around each element."""
    form = d.option("form", "direct", "prefix", "running", "ascending times", "2-D table")
    op = d.option("op", "mean", "sum", "max", "variance", "exponential")
    border = d.option("border", "shrink", "clamp", "wrap", "skip")
    rows = d.flag("rows", 0.3)
    if form == "direct" and op == "exponential":
        form = "running"
    if border == "skip" and op in ("sum", "variance"):
        border = "shrink"
    if form in ("prefix", "2-D table"):
        op, border = ("sum" if op == "sum" else "mean"), "shrink"
    if form == "ascending times":
        op, border, rows = ("sum" if op == "sum" else "mean"), "shrink", False
    if form == "running":
        op, border = ("exponential" if op == "exponential" else "mean"), "shrink"
    d.calls(
        {"mean": "box_filter|box_blur|summed_area_mean", "sum": "box_sum|window_sum_2d|summed_area_sum"}[op]
        if form == "2-D table"
        else {
            "mean": "moving_average|running_mean|sliding_mean",
            "sum": "rolling_sum|window_sum|sliding_sum",
            "max": "sliding_max|window_max|rolling_max",
            "variance": "rolling_variance|window_variance|sliding_variance",
            "exponential": "exponential_smoothing|exponential_average|smooth_series",
        }[op]
    )
    n, m, r = d.pick(40, 48, 64), d.pick(5, 6, 8), d.pick(2, 3, 4)
    table = form == "2-D table"
    rows = rows and not table
    shape: Any = (16, 20) if table else (m, n) if rows else n
    p = "row, " if rows else ""
    count = f"x.shape[{1 if rows else 0}]"
    if form == "ascending times":
        d.input("time", "float", n, 0.0, 10.0, kind="ascending", about="timestamps, ascending")
        d.param("window", "float", 0.6, 1.5, about="length of the window")
    if form == "prefix":
        # P[i] is the sum of all elements before i
        d.input(
            "prefix",
            "float",
            (m, n + 1) if rows else n + 1,
            0.0,
            10.0,
            kind="ascending",
            about="prefix sums of each row" if rows else "prefix sums",
        )
    elif table:
        d.input("area", "float", (17, 21), -5.0, 5.0, about="summed-area table")
    else:
        d.input("x", "float", shape, -1.0, 1.0)
    if op == "exponential":
        d.param("decay", "float", 0.6, 0.95, about="factor per step")
    elif form != "ascending times":
        d.param("radius", "int", r, about="half width of the window")
    if form == "prefix":
        d.param("n", "int", n, about="number of elements" + (" of a row" if rows else ""))
    d.output("y", "float", shape)
    if form == "prefix":
        d.launch(*(shape if rows else (n,)))
        divide = " / float(hi - lo)" if op == "mean" else ""
        d.code(
            f"""
            {p}i = wp.tid()
            lo = wp.max(i - radius, 0)
            hi = wp.min(i + radius + 1, n)
            # Difference of two prefix sums
            y[{p}i] = (prefix[{p}hi] - prefix[{p}lo]){divide}
            """.replace(f"= (prefix[{p}hi] - prefix[{p}lo])\n", f"= prefix[{p}hi] - prefix[{p}lo]\n")
        )
        d.says("Averages an array over a window around each element by differences of its running sum.")
    elif table:
        d.launch(16, 20)
        divide = " / float((i1 - i0) * (j1 - j0))" if op == "mean" else ""
        d.code(
            f"""
            i, j = wp.tid()
            i0 = wp.max(i - radius, 0)
            i1 = wp.min(i + radius + 1, area.shape[0] - 1)
            j0 = wp.max(j - radius, 0)
            j1 = wp.min(j + radius + 1, area.shape[1] - 1)
            # By inclusion and exclusion of the rectangles from the origin to the four corners
            s = area[i1, j1] - area[i0, j1] - area[i1, j0] + area[i0, j0]
            y[i, j] = s{divide}
            """
        )
        d.says("Averages an image over a square window around each pixel by its summed-area table.")
    elif form == "running":
        d.launch(*((m,) if rows else (1,)))
        first = "row = wp.tid()" if rows else ""
        if op == "exponential":
            d.code(
                f"""
                {first or "$nothing"}
                smoothed = x[{p}0]
                y[{p}0] = smoothed
                for i in range(1, {count}):
                    smoothed = decay * smoothed + (1.0 - decay) * x[{p}i]
                    y[{p}i] = smoothed
                """,
                nothing="",
            )
            d.says("Smooths a series exponentially, each value with a share of the average before it.")
        else:
            d.code(
                f"""
                {first or "$nothing"}
                s = float(0.0)
                n = {count}
                for i in range(n + radius):
                    # Slide the window: add the newest, remove the oldest
                    if i < n:
                        s += x[{p}i]
                    if i - 2 * radius - 1 >= 0:
                        s -= x[{p}i - 2 * radius - 1]
                    centre = i - radius
                    if centre >= 0:
                        lo = wp.max(centre - radius, 0)
                        hi = wp.min(centre + radius + 1, n)
                        y[{p}centre] = s / float(hi - lo)
                """,
                nothing="",
            )
            d.says("Averages a series over a window that slides along it, with two additions for each step.")
    elif form == "ascending times":
        d.launch(n)
        divide = " / float(tid - k)" if op == "mean" else ""
        d.code(
            f"""
            tid = wp.tid()
            s = float(0.0)
            k = tid
            # Walk back until the window is exceeded, timestamps may be irregular
            while k >= 0 and time[k] > time[tid] - window:
                s += x[k]
                k -= 1
            y[tid] = s{divide}
            """
        )
        d.says("Averages samples at uneven times over a window that ends at each of them.")
    else:
        index = {
            "shrink": "",
            "skip": "",
            "wrap": f"({count} + i + k) % {count}",
            "clamp": f"wp.clamp(i + k, 0, {count} - 1)",
        }[border]
        e = f"x[{p}{index}]" if index else f"x[{p}i + k]"
        test = "" if index else f"if i + k < 0 or i + k >= {count}:\n    continue"
        edge = "# Near the ends the window would reach beyond the array\n"
        edge += f"if i < radius or i >= {count} - radius:\n    y[{p}i] = x[{p}i]\n    return"
        start = "largest = float(-1.0e30)" if op == "max" else "s = float(0.0)"
        add = {
            "mean": f"s += {e}",
            "sum": f"s += {e}",
            "max": f"largest = wp.max(largest, {e})",
            "variance": f"e = {e} - x[{p}i]\ns += e\nsq += e * e",
        }[op]
        if border == "shrink" and op in ("mean", "variance"):
            add += "\ncount += 1.0"
        number = "count" if border == "shrink" else "float(2 * radius + 1)"
        end = {
            "mean": f"s / {number}",
            "sum": "s",
            "max": "largest",
            "variance": f"sq / {number} - shift * shift",
        }[op]
        sq = "# Differences to the element itself, so that squares of large values do not cancel\nsq = float(0.0)"
        d.launch(*(shape if rows else (n,)))
        d.code(
            f"""
            {p}i = wp.tid()
            $edge
            {start}
            $sq
            {"count = float(0.0)" if "count +=" in add else "$nothing"}
            for k in range(-radius, radius + 1):
                $test
                $add
            {f"shift = s / {number}" if op == "variance" else "$nothing"}
            y[{p}i] = {end}
            """,
            edge=edge if border == "skip" else "",
            sq=sq if op == "variance" else "",
            test="" if border == "skip" else test,
            add=add,
            nothing="",
        )
        d.says({
            "mean": "Averages an array over a window around each element.",
            "sum": "Sums an array over a window around each element.",
            "max": "Finds the largest element in a window around each element.",
            "variance": "Computes the variance in a window around each element.",
        }[op])  # fmt: skip
    if op == "sum" and form != "direct":
        d.sentence = d.sentence.replace("Averages", "Sums")
    if border == "skip":
        d.sentence = d.sentence.replace(".", ", except near the ends, which stay as they are.")
    elif form == "direct" or (op != "exponential" and form != "ascending times"):
        beyond = {
            "wrap": "beyond the ends it goes on at the other one",
            "clamp": "beyond the ends it repeats the end values",
            "shrink": "it is cut off at the ends",
        }[border]
        d.sentence = d.sentence.replace(".", f"; {beyond}.")

    def reference(v: Values) -> dict[str, Any]:
        if table:
            at, to = np.arange(16), np.arange(20)
            a, b = np.maximum(at - r, 0), np.minimum(at + r + 1, 16)
            c, e = np.maximum(to - r, 0), np.minimum(to + r + 1, 20)
            s = v.area[b][:, e] - v.area[a][:, e] - v.area[b][:, c] + v.area[a][:, c]
            return {"y": s / np.outer(b - a, e - c) if op == "mean" else s}
        x = np.diff(v.prefix, axis=-1) if form == "prefix" else v.x
        x = np.atleast_2d(x)
        y = np.zeros_like(x)
        if op == "exponential":
            y[:, 0] = x[:, 0]
            for i in range(1, n):
                y[:, i] = v.decay * y[:, i - 1] + (1 - v.decay) * x[:, i]
        for i in range(n) if op != "exponential" else ():
            k: Any = np.arange(i - r, i + r + 1)
            if form == "ascending times":
                k = np.flatnonzero((v.time > v.time[i] - v.window) & (np.arange(n) <= i))
            elif border == "wrap":
                k = k % n
            elif border == "clamp":
                k = np.clip(k, 0, n - 1)
            elif border == "skip" and (k[0] < 0 or k[-1] >= n):
                y[:, i] = x[:, i]
                continue
            else:
                k = k[(k >= 0) & (k < n)]
            how: Any = {"mean": np.mean, "sum": np.sum, "max": np.max, "variance": np.var}[op]
            y[:, i] = how(x[:, k], axis=1)
        return {"y": y.reshape(shape)}

    d.check(reference, 1e-3)
