"""Changes of the sampling rate, fractional delays, and smoothing by local polynomials."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.signal import DOMAIN
from warpgen.synthesis.library import windows
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {"x": "signal|samples|audio", "y": "resampled|out_signal|y_out", "n": "i|t|m", "ch": "channel|row|c"}


@DOMAIN.algorithm(
    source="Crochiere & Rabiner 1983, ch. 3; Smith 2002; Catmull & Rom 1974",
    names=_NAMES
    | {
        "pos": "position|place|source_time",
        "frac": "f|mu|alpha",
        "base": "i_base|left|first",
        "ratio": "step|rate_ratio|increment",
    },
    double=True,
)
def resample_signal(d: Draft) -> None:
    """Resamples signals to a different rate."""
    method = d.option("method", "linear", "cubic", "hermite", "lagrange", "sinc", "hold")
    where = d.option("where", "ratio", "delay", "times")
    edge = d.option("edge", "clamp", "zero", "wrap")
    layout = d.option("layout", "one", "rows")
    if method == "hold" and where == "delay":
        where = "ratio"  # the fraction of a delay would be lost
    said = {
        "linear": "using linear interpolation",
        "cubic": "using a Catmull-Rom spline",
        "hermite": "using a cardinal spline with tension 1/2",
        "lagrange": "using cubic Lagrange interpolation",
        "sinc": "using a Kaiser-windowed sinc",
        "hold": "using the nearest sample",
    }[method]
    d.says(
        {
            "ratio": f"Resamples signals to a different rate {said}.",
            "delay": f"Delays signals by a fractional number of samples {said}.",
            "times": f"Evaluates signals at given times {said}.",
        }[where]
    )
    d.calls({
        "ratio": "resample|resample_signal|change_rate",
        "delay": "fractional_delay|delay_signal|delay_by_fraction",
        "times": "interpolate_signal|read_between|sample_at_times",
    }[where])  # fmt: skip
    size, count, rows = d.pick(48, 64, 96), d.pick(40, 64, 80), d.pick(3, 4)
    if where != "times":
        count = size if where == "delay" else size + size // 8
    shape = (size,) if layout == "one" else (rows, size)
    d.input("x", "float", shape, -1.0, 1.0, about="Input signal")
    if where == "ratio":
        d.param("ratio", "float", 0.8, 0.885, about="Input samples per output sample, at most 1")
        pos = "float(n) * ratio"
    elif where == "delay":
        if layout == "rows":
            d.input("delay", "float", rows, 2.1, 5.9, about="Delay in samples")
            pos = "float(n) - delay[ch]"
        else:
            d.param("delay", "float", 2.1, 5.9, about="Delay in samples")
            pos = "float(n) - delay"
    else:
        d.input("times", "float", count, -1.9, size + 0.9, about="Sample times to evaluate [samples]")
        pos = "times[n]"
    d.output("y", "float", (count,) if layout == "one" else (rows, count), about="Output signal")
    row, kind = ("", "wp.array(dtype=float)") if layout == "one" else ("ch, ", "wp.array2d(dtype=float)")
    own = "" if layout == "one" else "ch: int, "
    size_ = "x.shape[0]" if layout == "one" else "x.shape[1]"
    fetch = {
        "clamp": f"return x[{row}wp.clamp(k, 0, {size_} - 1)]",
        "zero": f"if k < 0 or k >= {size_}:\n    return float(0.0)\nreturn x[{row}k]",
        "wrap": f"return x[{row}(k + {size_}) % {size_}]",
    }[edge]
    d.function(f"@wp.func\ndef sample_at(x: {kind}, {own}k: int) -> float:\n    $fetch", fetch=fetch)

    def s(offset: int) -> str:
        return f"sample_at(x, {row}base{f' + {offset}' if offset > 0 else f' - {-offset}' if offset else ''})"

    taps = "a = {}\nb = {}\nc = {}\nd = {}".format(*(s(k) for k in (-1, 0, 1, 2)))
    if method == "sinc":
        d.use(windows.BESSEL_I0)
    half = d.pick(4, 6)
    value, lines = {
        "hold": (f"sample_at(x, {row}int(wp.floor(pos + 0.5)))", ""),
        "linear": (f"(1.0 - frac) * {s(0)} + frac * {s(1)}", ""),
        "cubic": (
            "b + 0.5 * frac * (c - a + frac * (2.0 * a - 5.0 * b + 4.0 * c - d + frac * c3))",
            "$taps\nc3 = 3.0 * (b - c) + d - a",
        ),
        "hermite": (
            "((c3 * frac + c2) * frac + m0) * frac + b",
            """
            $taps
            m0 = 0.25 * (c - a)
            m1 = 0.25 * (d - b)
            c2 = 3.0 * (c - b) - 2.0 * m0 - m1
            c3 = m0 + m1 - 2.0 * (c - b)
            """,
        ),
        "lagrange": (
            "wa * a + wb * b + wc * c + wd * d",
            """
            $taps
            # cubic Lagrange basis weights
            wa = -frac * (frac - 1.0) * (frac - 2.0) / 6.0
            wb = (frac + 1.0) * (frac - 1.0) * (frac - 2.0) / 2.0
            wc = -(frac + 1.0) * frac * (frac - 2.0) / 2.0
            wd = (frac + 1.0) * frac * (frac - 1.0) / 6.0
            """,
        ),
        "sinc": (
            "y_n",
            f"""
            # Kaiser window, {half} samples per side
            top = bessel_i0(6.0)
            y_n = float(0.0)
            for k in range({2 * half}):
                j = base - {half - 1} + k
                u = pos - float(j)
                inner = wp.max(1.0 - u * u / {half * half}.0, 0.0)
                weight = bessel_i0(6.0 * wp.sqrt(inner + 1.0e-12)) / top
                if wp.abs(u) > 1.0e-4:
                    weight *= wp.sin(wp.pi * u) / (wp.pi * u)
                y_n += weight * sample_at(x, {row}j)
            """,
        ),
    }[method]
    d.launch(*((count,) if layout == "one" else (rows, count)))
    ids = "n" if layout == "one" else "ch, n"
    d.code(
        f"""
        {ids} = wp.tid()
        pos = {pos}
        $split
        $lines
        y[{ids}] = {value}
        """,
        split="" if method == "hold" else "base = int(wp.floor(pos))\nfrac = pos - float(base)"
        if method != "sinc" else "base = int(wp.floor(pos))",
        lines=lines,
        taps=taps,
    )  # fmt: skip
    if method == "hold":
        d.forward_only()
    d.explain({
        "clamp": "Edge samples are replicated past the ends.",
        "zero": "Samples past the ends are zero.",
        "wrap": "The signal is treated as periodic.",
    }[edge])  # fmt: skip

    def reference(v: Values) -> dict[str, Any]:
        x = np.atleast_2d(v.x)
        n: Any = np.arange(count)
        pos_: Any
        if where == "ratio":
            pos_ = n[None] * np.float64(v.ratio)
        elif where == "delay":
            pos_ = n[None] - np.reshape(v.delay, (-1, 1))
        else:
            pos_ = v.times[None]
        pos_ = np.broadcast_to(pos_, (len(x), count))
        rows_ = np.arange(len(x))[:, None]

        def at(k: Any) -> Any:
            if edge == "clamp":
                return x[rows_, np.clip(k, 0, size - 1)]
            if edge == "wrap":
                return x[rows_, k % size]
            return np.where((k >= 0) & (k < size), x[rows_, np.clip(k, 0, size - 1)], 0.0)

        base: Any = np.floor(pos_).astype(int)
        f = pos_ - base
        a, b, c, e = (at(base + k) for k in (-1, 0, 1, 2))
        if method == "hold":
            made = at(np.floor(pos_ + 0.5).astype(int))
        elif method == "linear":
            made = b + f * (c - b)
        elif method in ("cubic", "hermite"):
            t = 0.5 if method == "cubic" else 0.25
            h = np.stack([2 * f**3 - 3 * f**2 + 1, f**3 - 2 * f**2 + f, 3 * f**2 - 2 * f**3, f**3 - f**2])
            made = h[0] * b + h[1] * t * (c - a) + h[2] * c + h[3] * t * (e - b)
        elif method == "lagrange":
            nodes, made = (-1, 0, 1, 2), 0.0
            for p, value_ in zip(nodes, (a, b, c, e), strict=True):
                made = made + value_ * np.prod([(f - q) / (p - q) for q in nodes if q != p], axis=0)
        else:
            made = 0.0
            for k in range(1 - half, half + 1):
                u = pos_ - (base + k)
                kaiser = np.i0(6 * np.sqrt(np.maximum(1 - (u / half) ** 2, 0))) / np.i0(6.0)
                made = made + np.sinc(u) * kaiser * at(base + k)
        return {"y": made[0] if layout == "one" else made}

    d.check(reference, 2e-3)
