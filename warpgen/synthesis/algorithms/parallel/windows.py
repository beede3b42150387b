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
    source="Smith 1997, chapter 15 (moving averages)",
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
    """Computes a moving average over a window centered at each element."""
    form = d.option("form", "direct", "prefix", "running", "ascending times", "image")
    op = d.option("op", "mean", "sum", "max", "variance", "exponential")
    border = d.option("border", "shrink", "clamp", "wrap", "skip")
    rows = d.flag("rows", 0.3)
    if form == "direct" and op == "exponential":
        form = "running"
    if border == "skip" and op in ("sum", "variance"):
        border = "shrink"
    if form in ("prefix", "image"):
        op, border = ("sum" if op == "sum" else "mean"), "shrink"
    if form == "ascending times":
        op, border, rows = ("sum" if op == "sum" else "mean"), "shrink", False
    if form == "running":
        op, border, rows = ("exponential" if op == "exponential" else "mean"), "shrink", True
    d.calls(
        {"mean": "box_filter|box_blur|window_mean_2d", "sum": "box_sum|window_sum_2d|square_window_sum"}[op]
        if form == "image"
        else {
            "mean": "moving_average|running_mean|sliding_mean",
            "sum": "rolling_sum|window_sum|sliding_sum",
            "max": "sliding_max|window_max|rolling_max",
            "variance": "rolling_variance|window_variance|sliding_variance",
            "exponential": "exponential_smoothing|exponential_average|smooth_series",
        }[op]
    )
    n, m, r = d.pick(40, 48, 64), d.pick(5, 6, 8), d.pick(2, 3, 4)
    image = form == "image"
    rows = rows and not image
    shape: Any = (16, 20) if image else (m, n) if rows else n
    p = "row, " if rows else ""
    count = f"x.shape[{1 if rows else 0}]"
    if form == "ascending times":
        d.input("time", "float", n, 0.0, 10.0, kind="ascending", about="ascending timestamps")
        d.param("window", "float", 0.6, 1.5, about="window length")
    if form == "prefix":
        # P[i] is the sum of all elements before i
        d.input(
            "prefix",
            "float",
            (m, n + 1) if rows else n + 1,
            0.0,
            10.0,
            kind="ascending",
            about="prefix sums per row" if rows else "prefix sums",
        )
    elif image:
        d.input(
            "prefix",
            "float",
            (16, 21),
            0.0,
            10.0,
            kind="ascending",
            about="prefix sums per image row",
        )
    else:
        d.input("x", "float", shape, -1.0, 1.0)
    if op == "exponential":
        d.param("decay", "float", 0.6, 0.95, about="decay factor per step")
    elif form != "ascending times":
        d.param("radius", "int", r, about="window radius")
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
        d.says("Computes a moving average from prefix sums of the array.")
    elif image:
        d.launch(16, 20)
        divide = " / float((i1 - i0) * (j1 - j0))" if op == "mean" else ""
        d.code(
            f"""
            i, j = wp.tid()
            i0 = wp.max(i - radius, 0)
            i1 = wp.min(i + radius + 1, prefix.shape[0])
            j0 = wp.max(j - radius, 0)
            j1 = wp.min(j + radius + 1, prefix.shape[1] - 1)
            s = float(0.0)
            for row in range(i0, i1):
                s += prefix[row, j1] - prefix[row, j0]
            y[i, j] = s{divide}
            """
        )
        d.says("Averages an image over a square window around each pixel using per-row prefix sums.")
    elif form == "running":
        d.launch(m)
        if op == "exponential":
            d.code(
                """
                row = wp.tid()
                smoothed = x[row, 0]
                y[row, 0] = smoothed
                for i in range(1, x.shape[1]):
                    smoothed = decay * smoothed + (1.0 - decay) * x[row, i]
                    y[row, i] = smoothed
                """
            )
            d.says("Computes an exponential moving average of each row.")
        else:
            d.code(
                """
                row = wp.tid()
                s = float(0.0)
                n = x.shape[1]
                for i in range(n + radius):
                    # Slide the window: add the newest element, remove the oldest
                    if i < n:
                        s += x[row, i]
                    if i - 2 * radius - 1 >= 0:
                        s -= x[row, i - 2 * radius - 1]
                    centre = i - radius
                    if centre >= 0:
                        lo = wp.max(centre - radius, 0)
                        hi = wp.min(centre + radius + 1, n)
                        y[row, centre] = s / float(hi - lo)
                """
            )
            d.says(
                "Computes a sliding window average of each row with one addition and one subtraction per step."
            )
    elif form == "ascending times":
        d.launch(n)
        divide = " / float(tid - k)" if op == "mean" else ""
        d.code(
            f"""
            tid = wp.tid()
            s = float(0.0)
            k = tid
            # Walk back until the window is exceeded, since timestamps may be irregular
            while k >= 0 and time[k] > time[tid] - window:
                s += x[k]
                k -= 1
            y[tid] = s{divide}
            """
        )
        d.says("Computes a trailing window average for samples at irregular times.")
    else:
        index = {
            "shrink": "",
            "skip": "",
            "wrap": f"({count} + i + k) % {count}",
            "clamp": f"wp.clamp(i + k, 0, {count} - 1)",
        }[border]
        e = f"x[{p}{index}]" if index else f"x[{p}i + k]"
        test = "" if index else f"if i + k < 0 or i + k >= {count}:\n    continue"
        edge = "# Copy elements whose window would exceed the array bounds\n"
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
        sq = "# Use differences to the center element to avoid cancellation for large values\nsq = float(0.0)"
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
            "mean": "Computes a moving average over a window centered at each element.",
            "sum": "Computes a moving sum over a window centered at each element.",
            "max": "Computes a moving maximum over a window centered at each element.",
            "variance": "Computes a moving variance over a window centered at each element.",
        }[op])  # fmt: skip
    if op == "sum" and form != "direct":
        d.sentence = d.sentence.replace("Averages", "Sums").replace(" average", " sum")
    if border == "skip":
        d.sentence = d.sentence.replace(".", "; elements near the boundary are left unchanged.")
    elif form == "direct" or (op != "exponential" and form != "ascending times"):
        beyond = {
            "wrap": "indices wrap around at the boundary",
            "clamp": "indices are clamped at the boundary",
            "shrink": "the window is truncated at the boundary",
        }[border]
        d.sentence = d.sentence.replace(".", f"; {beyond}.")

    def reference(v: Values) -> dict[str, Any]:
        if image:
            pixels, y = np.diff(v.prefix, axis=1), np.zeros((16, 20))
            for i, j in np.ndindex(16, 20):
                window = pixels[max(i - r, 0) : i + r + 1, max(j - r, 0) : j + r + 1]
                y[i, j] = window.mean() if op == "mean" else window.sum()
            return {"y": y}
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
