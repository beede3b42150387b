"""Likeness of signals at a lag, and the pitch that follows from it."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.signal import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.outline import outlined

_NAMES = {
    "x": "signal|samples|audio",
    "n": "i|t|m",
    "lag": "tau|delay|shift",
    "hop": "stride|hop_size|frame_step",
}

_TERMS = {"difference": "squared differences", "magnitude difference": "absolute differences"}


@DOMAIN.algorithm(
    source="Oppenheim & Schafer 2010, sec. 10.5; Ross et al. 1974; de Cheveigné & Kawahara 2002, eq. 6",
    names=_NAMES
    | {
        "r": "corr|r_out",
        "diffs": "lag_diffs|d_tau",
        "y": "other|reference_signal|pattern",
        "acc": "total",
    },
    double=True,
    adjoint="either",
    weight=3,
    element="",
)
def correlate_lags(d: Draft) -> None:
    """Computes correlation functions over a range of lags."""
    what = d.option("what", "auto", "cross", "difference", "magnitude difference", "normalised", "circular")
    scale = d.option("scale", "sum", "biased", "unbiased")
    layout = d.option("layout", "one", "rows", "frames")
    two_sided = d.flag("two sided", 0.3)
    centred = d.flag("centred", 0.3)
    lags, size, rows = d.pick(12, 16, 24), d.pick(48, 64), d.pick(4, 6)
    if what == "normalised":
        scale = "sum"
    elif what in _TERMS and scale == "biased":
        scale = "unbiased"  # else differences would fall with the lag
    if what == "circular" or layout == "frames" or what in _TERMS:
        two_sided = False  # differences are the same at lags of both signs
    hop = size // 2
    two = what in ("cross", "circular")
    centred = centred and what not in ("difference", "magnitude difference")  # means cancel there
    less = " of mean-removed signals" if centred else ""
    length = what == "circular" or scale == "biased"
    by = "" if scale == "sum" else f", normalized by the {'signal length' if length else 'number of terms'}"
    d.says({
        "auto": f"Computes autocorrelation{less} over a range of lags{by}.",
        "cross": f"Computes cross-correlation{less} over a range of lags{by}.",
        "difference": f"Computes the squared difference function over a range of lags{by}.",
        "magnitude difference": "Computes the magnitude difference function over a range of lags."
        if scale == "sum"
        else f"Computes the average magnitude difference function over a range of lags{by}.",
        "normalised": f"Computes autocorrelation{less}, normalized as 2 sum a b / sum (a^2 + b^2), over a range of lags.",
        "circular": f"Computes circular cross-correlation{less} over a range of lags{by}.",
    }[what])  # fmt: skip
    d.calls({
        "auto": "autocorrelation|autocorrelate|lag_products",
        "cross": "cross_correlation|cross_correlate|correlate_lags",
        "difference": "difference_function|squared_differences|lag_differences",
        "magnitude difference": "magnitude_differences|magnitude_difference_function"
        if scale == "sum"
        else "amdf|magnitude_differences|average_magnitude_difference",
        "normalised": "normalized_autocorrelation|normalized_correlation",
        "circular": "circular_correlation|circular_cross_correlation",
    }[what])  # fmt: skip
    shape = {"one": (size,), "rows": (rows, size), "frames": (hop * (rows - 1) + size,)}[layout]
    low = 0.1 if what == "normalised" else -1.0
    d.input("x", "float", shape, low, 1.0, about="Input signal")
    if two:
        d.input("y", "float", shape, low, 1.0, about="Second signal")
    means = ["mean", "mean_y"] if two else ["mean"]
    if centred:
        for m, whose in zip(means, ("first", "second"), strict=False):
            about = f"Mean {whose + ' ' if two else ''}signal value"
            if layout == "one":
                d.param(m, "float", -0.1, 0.1, about=about)
            else:
                d.input(m, "float", rows, -0.1, 0.1, about=about + ", one per row")
    count = 2 * lags - 1 if two_sided else lags
    out = (count,) if layout == "one" else (rows, count)
    result = "diffs" if what in ("difference", "magnitude difference") else "r"
    d.output(
        result,
        "float",
        out,
        about="Difference function values per lag" if result == "diffs" else "Correlation at each lag",
    )
    d.module(
        f"FRAME = wp.constant({size})\nHOP = wp.constant({hop})"
        if layout == "frames"
        else f"LENGTH = wp.constant({size})  # samples {'per row' if layout == 'rows' else 'in the signal'}"
    )
    whole = "FRAME" if layout == "frames" else "LENGTH"
    other = "y" if two else "x"
    place = {"one": "{}[{}]", "rows": "{}[row, {}]", "frames": "{}[row * HOP + {}]"}[layout]
    a, b = place.format("x", "n"), place.format(other, "n + lag")
    if what == "circular":
        b = place.format(other, f"(n + lag) % {whole}")
    mean, mean_b = (m if layout == "one" else f"{m}[row]" for m in (means[0], means[-1]))
    lines = ""
    if centred:
        lines = f"a = {a} - {mean}\nb = {b} - {mean_b}"
        a, b = "a", "b"
    elif what not in ("auto", "cross", "circular"):
        lines = f"a = {a}\nb = {b}"
        a, b = "a", "b"
    terms = {
        "difference": "acc += (a - b) * (a - b)",
        "magnitude difference": "acc += wp.abs(a - b)",
        "normalised": "acc += a * b\nenergy += a * a + b * b",
    }.get(what, f"acc += {a} * {b}")
    bounds = f"{whole} - lag"
    if two_sided:
        bounds = f"wp.max(-lag, 0), {whole} - wp.max(lag, 0)"
    if what == "circular":
        bounds = whole
    overlap = f"float({whole})" if what == "circular" or scale == "biased" else f"float({whole} - lag)"
    if two_sided and scale == "unbiased":
        overlap = f"float({whole} - wp.abs(lag))"
    value = {"sum": "acc", "biased": f"acc / {overlap}", "unbiased": f"acc / {overlap}"}[scale]
    if what == "normalised":
        value = "2.0 * acc / wp.max(energy, 1.0e-12)"
        d.forward_only()  # Warp does not tape the sums, which the adjoint of the quotient needs
    index = "k" if two_sided else "lag"
    ids = index if layout == "one" else f"row, {index}"
    d.launch(*out)
    lag = f"lag = k - {lags - 1}  # zero lag at the center" if two_sided else ""
    loop = """
        acc = float(0.0)
        for n in range($bounds):
            $lines
            $terms
        """
    if what != "normalised" and d.flag("helper", 0.6):
        acc = outlined(
            d, "lagged_sum", f"Accumulate {_TERMS.get(what, 'products')} at a given lag.", loop, "acc",
            "float", {"lag": "int"} if layout == "one" else {"row": "int", "lag": "int"},
            {"bounds": bounds, "lines": lines, "terms": terms},
        )  # fmt: skip
        d.code(f"{ids} = wp.tid()\n$lag\n{result}[{ids}] = {value.replace('acc', acc)}", lag=lag)
    else:
        d.code(
            f"""
        {ids} = wp.tid()
        $lag
        acc = float(0.0)
        $energy
        for n in range({bounds}):
            $lines
            $terms
        {result}[{ids}] = {value}
        """,
            lag=lag,
            energy="energy = float(0.0)" if what == "normalised" else "",
            lines=lines,
            terms=terms,
        )
    d.explain({
        "sum": "Only terms with both samples inside the signal are summed."
        if what not in ("circular", "normalised")
        else "Indices wrap around, as in a periodic signal."
        if what == "circular"
        else "2 sum a b / sum (a^2 + b^2), in the range [-1, 1].",
        "biased": "Biased estimate: every lag is normalized by the signal length."
        if what != "circular"
        else "Indices wrap around; sums are normalized by the number of terms.",
        "unbiased": "Unbiased estimate: sums are normalized by the number of terms."
        if what != "circular"
        else "Indices wrap around; sums are normalized by the number of terms.",
    }[scale])  # fmt: skip

    def reference(v: Values) -> dict[str, Any]:
        def rows_(z: Any) -> Any:
            if layout == "frames":
                return np.lib.stride_tricks.sliding_window_view(z, size)[::hop][:rows]
            return z.reshape(-1, size)

        x = rows_(v.x)
        y = rows_(v.y) if two else x
        if centred:
            m, m_y = (np.reshape(v[name], (-1, 1)) for name in (means[0], means[-1]))
            x, y = x - m, y - m_y
        made = []
        for lag in range(1 - lags, lags) if two_sided else range(lags):
            if what == "circular":
                p, q = x, np.roll(y, -lag, axis=1)
            else:
                p = x[:, max(-lag, 0) : size - max(lag, 0)]
                q = y[:, max(lag, 0) : size - max(-lag, 0)]
            total = {
                "difference": ((p - q) ** 2).sum(axis=1),
                "magnitude difference": np.abs(p - q).sum(axis=1),
                "normalised": 2 * (p * q).sum(axis=1) / (p * p + q * q).sum(axis=1),
            }.get(what, (p * q).sum(axis=1))
            made.append(total / {"sum": 1, "biased": size, "unbiased": p.shape[1]}[scale])
        return {result: np.stack(made, axis=-1).reshape(out)}

    d.check(reference, 5e-4)


@DOMAIN.algorithm(
    source="de Cheveigné & Kawahara 2002, sec. II",
    names=_NAMES
    | {
        "yin_pitch": "estimate_pitch|pitch_yin|yin_tracker",
        "f0": "pitch_hz|pitches|fundamental",
        "periods": "pitch_periods|pitch_lags|period_out",
        "diff": "d_tau|difference|df",
        "cumulative": "running|running_sum|cum_sum",
        "best": "tau_best|chosen|best_lag",
    },
    double=True,
    adjoint="no",
    weight=4,
    element="frame",
)
def yin_pitch(d: Draft) -> None:
    """Estimates the pitch period of each signal frame using the YIN algorithm."""
    source = d.option("source", "differences", "signal")
    choice = d.option("choice", "first below", "least")
    refine = d.flag("parabola")
    result = d.option("result", "period", "frequency", "period and clarity")
    normalise = d.option("normalise", "cumulative", "plain")
    frames, most = d.pick(16, 24, 32), d.pick(24, 32)
    size = 2 * most
    least = d.pick(2, 3)
    if normalise == "plain":
        choice, source = "least", "signal"
        result = "period" if result == "period and clarity" else result  # the depth of a dip has no scale
    what = "frequency" if result == "frequency" else "period"
    method = {
        "plain": "the minimum squared difference (YIN without normalization and threshold)",
        "cumulative": "the global minimum of the normalized YIN difference function"
        if choice == "least"
        else "the YIN algorithm",
    }[normalise]
    finer = " with parabolic interpolation" if refine else ""
    d.says(f"Estimates the {what} of each signal frame using {method}{finer}.")
    if normalise == "plain":
        d.calls("estimate_pitch|detect_pitch|pitch_by_differences")
    if source == "differences":
        d.input(
            "diff", "float", (frames, most), 0.2, 1.5, about="Squared difference function, one row per frame"
        )
    else:
        d.input("x", "float", (frames, size), -1.0, 1.0, about="Input signal")
    if choice == "first below":
        d.param(
            "threshold",
            "float",
            *((0.3, 0.6) if source == "differences" else (0.6, 0.9)),
            about="Absolute threshold for the normalized difference",
        )
    if result == "frequency":
        d.param("rate", "float", 1000.0, 2000.0, about="Sample rate after decimation [Hz]")
        d.output("f0", "float", frames, about="Pitch [Hz]")
    else:
        d.output("periods", "float", frames, about="Pitch period per frame [samples]")
    pitch = "f0" if result == "frequency" else "periods"
    if result == "period and clarity":
        d.output("clarity", "float", frames, about="Periodicity measure, 1 for a perfectly periodic frame")
    if normalise == "cumulative":
        kept = "norm_diff"
        d.output(kept, "float", (frames, most), about="Cumulative mean normalized difference function")
    else:
        kept = "lag_diff"
        d.output(kept, "float", (frames, most), about="Difference function")
    d.module(
        f"MIN_LAG = wp.constant({least})\nMAX_LAG = wp.constant({most})"
        + (f"\nWINDOW = wp.constant({size - most})  # integration window size" if source == "signal" else "")
    )
    if source == "signal":
        term = """
        d_lag = float(0.0)
        for n in range(WINDOW):
            delta = x[frame, n] - x[frame, n + lag]
            d_lag += delta * delta
        """
        value = "d_lag"
    else:
        term, value = "", "diff[frame, lag]"
    if normalise == "cumulative":
        first = f"""
        cumulative = float(0.0)
        # d'(0) = 1 by definition
        norm_diff[frame, 0] = 1.0
        for lag in range(1, MAX_LAG):
            $term
            cumulative += {value}
            # cumulative mean normalization, step 3 of YIN
            if cumulative > 0.0:
                norm_diff[frame, lag] = {value} * float(lag) / cumulative
            else:
                norm_diff[frame, lag] = 1.0
        """
    else:
        first = f"for lag in range(MAX_LAG):\n    $term\n    {kept}[frame, lag] = {value}"
    if choice == "least":
        choose = f"""
        best = int(MIN_LAG)
        for lag in range(MIN_LAG + 1, {"MAX_LAG - 1" if refine else "MAX_LAG"}):
            if {kept}[frame, lag] < {kept}[frame, best]:
                best = lag
        """
    else:
        choose = """
        # Default to the largest lag with a neighbor if no minimum is found
        best = int(MAX_LAG - 2)
        for lag in range(MIN_LAG, MAX_LAG - 1):
            # first local minimum below the threshold; later minima may be multiples of the period
            if norm_diff[frame, lag] < threshold and norm_diff[frame, lag] <= norm_diff[frame, lag + 1]:
                best = lag
                break
        """
    fine = ""
    period = "float(best)"
    if refine:
        fine = f"""
        # parabolic interpolation around the minimum
        a = {kept}[frame, best - 1]
        b = {kept}[frame, best]
        c = {kept}[frame, best + 1]
        curvature = a - 2.0 * b + c
        period = float(best)
        if curvature > 1.0e-4:
            period += wp.clamp(0.5 * (a - c) / curvature, -0.5, 0.5)
        """
        period = "period"
    store = f"{pitch}[frame] = {'rate / ' if result == 'frequency' else ''}{period}"
    if result == "period and clarity":
        store += f"\nclarity[frame] = 1.0 - {kept}[frame, best]"
    d.launch(frames)
    d.code(
        "frame = wp.tid()\n$first\n$choose\n$fine\n$store",
        first=first,
        term=term,
        choose=choose,
        fine=fine,
        store=store,
    )
    unit = "" if result == "frequency" else "Periods are given in samples. "
    d.explain(f"{unit}`{kept}` stores the per-lag differences for later stages such as pitch tracking.")

    def differences(v: Values) -> Any:
        raw: Any = v.get("diff")
        if source == "signal":
            width = size - most
            shifts = [v.x[:, lag : lag + width] for lag in range(most)]
            raw = np.stack([((shifts[0] - s) ** 2).sum(axis=1) for s in shifts], axis=1)
        if normalise == "plain":
            return raw
        lag = np.arange(1, most)
        tail = raw[:, 1:] * lag / np.cumsum(raw[:, 1:], axis=1)
        return np.concatenate([np.ones((frames, 1)), tail], axis=1)

    def reference(v: Values) -> dict[str, Any]:
        made = differences(v)
        periods, clear = [], []
        for row in made.astype(np.float32):
            if choice == "least":
                best = least + int(np.argmin(row[least : most - 1 if refine else most]))
            else:
                below = [k for k in range(least, most - 1) if row[k] < v.threshold and row[k] <= row[k + 1]]
                best = below[0] if below else most - 2
            move = 0.0
            if refine:
                a, b, c = row[best - 1 : best + 2].astype(float)
                curvature = a - 2 * b + c
                move = np.clip(0.5 * (a - c) / curvature, -0.5, 0.5) if curvature > 1e-4 else 0.0
            periods.append(best + move)
            clear.append(1.0 - row[best])
        period_ = np.array(periods)
        found = {pitch: v.rate / period_ if result == "frequency" else period_, kept: made}
        return found | ({"clarity": np.array(clear)} if result == "period and clarity" else {})

    d.check(reference, 2e-3)
