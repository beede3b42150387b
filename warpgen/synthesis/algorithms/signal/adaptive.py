"""Filters whose coefficients follow the signal, and the control of its level."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.signal import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "x": "signal|samples|audio",
    "n": "i|t",
    "ch": "channel|c|track",
    "w": "weights|taps|filter_coeffs",
    "mu": "step_size|rate|learning_rate",
    "err": "e|residual|error",
    "env": "envelope|env_out",
}


@DOMAIN.algorithm(
    source="Widrow & Hoff 1960; Haykin 2002, chs. 5 and 6",
    names=_NAMES
    | {
        "adaptive_filter": "lms_filter|lms|adapt_taps",
        "desired": "reference_signal|target|d_n",
        "errors": "residuals|e_out|cancelled",
        "y": "estimate|y_hat|y_n",
        "power": "energy|norm2|x_power",
    },
    double=True,
    adjoint="no",
    element="channel",
)
def adaptive_filter(d: Draft) -> None:
    """Updates adaptive FIR filter coefficients sample by sample to match a desired signal."""
    rule = d.option("rule", "lms", "normalised", "sign", "leaky", "leaky normalised")
    layout = d.option("layout", "rows", "columns")
    kept = d.option("kept", "errors", "weights", "both")
    rates = d.option("rates", "common", "each")
    form = d.option("form", "predict", "identify")
    count, size, taps = d.pick(16, 24, 32), d.pick(32, 48), d.pick(4, 5, 6)
    said = {
        "lms": "using the LMS algorithm",
        "normalised": "using normalized LMS",
        "sign": "using sign-error LMS",
        "leaky": "using leaky LMS",
        "leaky normalised": "using leaky normalized LMS",
    }[rule]
    goal = "predict each sample from previous samples" if form == "predict" else "match a desired signal"
    d.says(f"Adapts FIR filters {said} to {goal}.")
    shape = (count, size) if layout == "rows" else (size, count)
    d.input("x", "float", shape, -1.0, 1.0, about="Input signal")
    if form == "identify":
        d.input("desired", "float", shape, -1.0, 1.0, about="Desired signal")
    low, high = (0.1, 0.6) if "normalised" in rule else (0.02, 0.15)
    if rates == "each":
        d.input("mu", "float", count, low, high, about="Adaptation step size")
    else:
        d.param("mu", "float", low, high, about="Adaptation step size")
    if "leaky" in rule:
        d.param("leak", "float", 0.001, 0.02, about="Coefficient leakage per sample")
    d.inout("w", "float", (count, taps), -0.3, 0.3, about="Filter coefficients, updated in place")
    if kept != "weights":
        d.output("errors", "float", shape, about="Error signal, zero until the delay line is full")
    at = "x[ch, {}]" if layout == "rows" else "x[{}, ch]"
    here = "[ch, n]" if layout == "rows" else "[n, ch]"
    rate = "mu[ch]" if rates == "each" else "mu"
    lag = "n - k" if form == "identify" else "n - 1 - k"
    first = taps - 1 if form == "identify" else taps
    begin = "order - 1" if form == "identify" else "order"
    wanted = f"desired{here}" if form == "identify" else f"x{here}"
    gain = {
        "lms": f"gain = {rate} * err",
        "leaky": f"gain = {rate} * err",
        "normalised": f"# regularized to avoid division by zero for a silent input\ngain = {rate} * err / (power + 1.0e-3)",
        "leaky normalised": f"# regularized to avoid division by zero for a silent input\ngain = {rate} * err / (power + 1.0e-3)",
        "sign": f"gain = {rate} * wp.sign(err)",
    }[rule]
    update = f"w[ch, k] += gain * {at.format(lag)}"
    if "leaky" in rule:
        update = f"""
        # leaky update prevents coefficient drift when the input does not excite all taps
        w[ch, k] = (1.0 - leak) * w[ch, k] + gain * {at.format(lag)}
        """
    energy = "normalised" in rule
    d.launch(count)
    d.code(
        f"""
        ch = wp.tid()
        size = x.shape[{1 if layout == "rows" else 0}]
        order = w.shape[1]
        for n in range({begin}, size):
            y = float(0.0)
            $power
            for k in range(order):
                $u
                y += w[ch, k] * $sample
                $energy
            err = {wanted} - y
            $keep
            $gain
            for k in range(order):
                $update
        """,
        power="power = float(0.0)" if energy else "",
        u=f"u = {at.format(lag)}" if energy else "",
        sample="u" if energy else at.format(lag),
        energy="power += u * u" if energy else "",
        keep=f"errors{here} = err" if kept != "weights" else "",
        gain=gain,
        update=update,
    )
    if energy:
        d.explain(
            "Normalizing by the input power makes the convergence rate independent of the signal level."
        )
    elif rule == "sign":
        d.explain("Sign-error LMS only uses the sign of the error, which bounds the step.")
    else:
        d.explain("Each update is a gradient step on the squared error (gradient -2 e x).")

    def reference(v: Values) -> dict[str, Any]:
        x = v.x if layout == "rows" else v.x.T
        target = x if form == "predict" else (v.desired if layout == "rows" else v.desired.T)
        w, errors = v.w.copy(), np.zeros((count, size))
        mu = np.broadcast_to(v.mu, count)
        for n in range(first, size):
            end = n + 1 if form == "identify" else n
            u = x[:, end - taps : end][:, ::-1]
            e = target[:, n] - (w * u).sum(axis=1)
            errors[:, n] = e
            step = mu * (np.sign(e) if rule == "sign" else e)
            if "normalised" in rule:
                step = step / ((u * u).sum(axis=1) + 1e-3)
            w = w * (1 - v.get("leak", 0.0)) + step[:, None] * u
        return {"w": w} | ({"errors": errors if layout == "rows" else errors.T} if kept != "weights" else {})

    d.check(reference, 2e-3)


@DOMAIN.algorithm(
    source="Giannoulis, Massberg & Reiss 2012; Zölzer 2011, ch. 4",
    names=_NAMES
    | {
        "threshold": "thresh",
        "threshold_db": "thresh_db",
        "ratio": "slope_ratio|db_ratio",
        "y": "processed|out_signal|y_out",
        "gain_db": "g_db",
    },
    double=True,
    adjoint="no",
    element="channel",
)
def control_level(d: Draft) -> None:
    """Controls signal dynamics using a level detector and a gain curve."""
    what = d.option("what", "compressor", "limiter", "gate", "follower", "expander")
    detect = d.option("detect", "peak", "power", "decibel")
    layout = d.option("layout", "rows", "columns")
    place = d.option("place", "new", "same")
    ballistics = d.option("ballistics", "branch", "one")
    knee = what == "compressor" and d.flag("knee")
    count, size = d.pick(16, 24, 32), d.pick(48, 64, 96)
    if what in ("limiter", "gate"):
        detect = "peak" if detect == "decibel" else detect
    if what == "follower":
        place = "new"
    tracked = {"peak": "envelopes", "power": "power", "decibel": "levels in decibels"}[detect]
    d.says({
        "compressor": "Applies dynamic range compression above a threshold"
        + (" with a soft knee" if knee else ""),
        "limiter": "Applies a limiter when the signal level exceeds a threshold",
        "gate": "Applies a noise gate that attenuates signals below a threshold",
        "follower": f"Tracks signal {tracked} with separate attack and release smoothing"
        if ballistics == "branch"
        else f"Tracks signal {tracked} using exponential smoothing",
        "expander": "Applies downward expansion below a threshold",
    }[what] + ".")  # fmt: skip
    d.calls({
        "compressor": "compressor|compress_dynamics|apply_compressor",
        "limiter": "limiter|limit_level|apply_limiter",
        "gate": "noise_gate|gate_signal|apply_gate",
        "follower": "envelope_follower|follow_level|level_detector",
        "expander": "expander|expand_dynamics|downward_expander",
    }[what])  # fmt: skip
    shape = (count, size) if layout == "rows" else (size, count)
    if place == "new":
        d.input("x", "float", shape, -1.0, 1.0, about="Input signal")
    else:
        d.inout("x", "float", shape, -1.0, 1.0, about="Signal, processed in place")
    attack, release = d.pick(("attack", "release"), ("attack_coef", "release_coef"))
    if ballistics == "branch":
        d.param(attack, "float", 0.2, 0.5, about="Attack coefficient per sample")
        d.param(release, "float", 0.02, 0.1, about="Release coefficient per sample")
    else:
        d.param("smooth", "float", 0.05, 0.2, about="Smoothing coefficient per sample")
    if what in ("compressor", "expander"):
        d.param("threshold_db", "float", -14.0, -8.0, about="Threshold [dB]")
        d.param("ratio", "float", 2.0, 6.0, about=f"{what.capitalize()} ratio")
        if knee:
            d.param("width", "float", 4.0, 8.0, about="Knee width [dB]")
    elif what != "follower":
        d.param("threshold", "float", 0.3, 0.5, about="Amplitude threshold")
    if what == "follower":
        d.output("env", "float", shape, about="Level" + (" [dB]" if detect == "decibel" else ""))
    elif place == "new":
        d.output("y", "float", shape, about="Output signal")
    here = "[ch, n]" if layout == "rows" else "[n, ch]"
    number = "x.shape[1]" if layout == "rows" else "x.shape[0]"
    measured = {
        "peak": "now = wp.abs(u)",
        "power": "now = u * u",
        "decibel": """
        # clamp to -80 dB to avoid log(0)
        now = 20.0 * wp.log10(wp.max(wp.abs(u), 1.0e-4))
        """,
    }[detect]
    if ballistics == "branch":
        smooth = f"""
        # use the attack coefficient when the level rises, else the release
        coef = {attack} if now > level else {release}
        level += coef * (now - level)
        """
    else:
        smooth = "level += smooth * (now - level)"
    in_db = {
        "peak": "20.0 * wp.log10(wp.max(level, 1.0e-4))",
        "power": "10.0 * wp.log10(wp.max(level, 1.0e-8))",
        "decibel": "level",
    }[detect]
    target = f"y{here}" if place == "new" else f"x{here}"
    amplitude = "wp.sqrt(level)" if detect == "power" else "level"
    to_amplitude = f"{target} = u * wp.pow(10.0, gain_db / 20.0)"
    if what == "compressor" and knee:
        apply = f"""
        over = {in_db} - threshold_db
        if 2.0 * over > width:
            gain_db = (1.0 / ratio - 1.0) * over
        elif 2.0 * over > -width:
            # quadratic soft knee
            bend = over + 0.5 * width
            gain_db = (1.0 / ratio - 1.0) * bend * bend / (2.0 * width)
        else:
            gain_db = 0.0
        {to_amplitude}
        """
    elif what == "compressor":
        apply = f"gain_db = (1.0 / ratio - 1.0) * wp.max({in_db} - threshold_db, 0.0)\n{to_amplitude}"
    elif what == "expander":
        apply = f"gain_db = (ratio - 1.0) * wp.min({in_db} - threshold_db, 0.0)\n{to_amplitude}"
    elif what == "limiter":
        apply = f"{target} = u * wp.min(1.0, threshold / wp.max({amplitude}, 1.0e-4))"
    elif what == "gate":
        apply = f"""
        # square the gain for a steeper transition
        opening = wp.min({amplitude} / threshold, 1.0)
        {target} = u * opening * opening
        """
    else:
        apply = f"env{here} = {amplitude}"
    d.launch(count)
    d.code(
        f"""
        ch = wp.tid()
        size = {number}
        level = float({"-80.0" if detect == "decibel" else "0.0"})
        for n in range(size):
            u = x{here}
            $measured
            $smooth
            $apply
        """,
        measured=measured,
        smooth=smooth,
        apply=apply,
    )
    if what in ("compressor", "expander"):
        d.explain("Thresholds and gains are in decibels; smoothing coefficients are per sample.")
    else:
        d.explain("Smoothing coefficients are per sample: 1 - exp(-1 / (rate * time constant)).")

    def reference(v: Values) -> dict[str, Any]:
        x = v.x if layout == "rows" else v.x.T
        now = {"peak": np.abs(x), "power": x * x, "decibel": 20 * np.log10(np.maximum(np.abs(x), 1e-4))}[
            detect
        ]
        level, levels = np.full(count, -80.0 if detect == "decibel" else 0.0), []
        for column in now.T:
            coef = np.where(column > level, v[attack], v[release]) if ballistics == "branch" else v.smooth
            level = (1 - coef) * level + coef * column
            levels.append(level)
        e = np.stack(levels, axis=1)
        with np.errstate(all="ignore"):
            a = np.sqrt(e) if detect == "power" else e
            db = e if detect == "decibel" else 20 * np.log10(np.maximum(a, 1e-4))
        if what == "follower":
            made = a
        elif what == "limiter":
            made = x * np.minimum(1, v.threshold / np.maximum(a, 1e-4))
        elif what == "gate":
            made = x * np.minimum(a / v.threshold, 1) ** 2
        else:
            over = db - v["threshold_db"]
            if what == "expander":
                gain = (v.ratio - 1) * np.minimum(over, 0)
            elif knee:
                soft = (over + v.width / 2) ** 2 / (2 * v.width)
                bent = np.where(2 * over > v.width, over, np.where(2 * over > -v.width, soft, 0))
                gain = (1 / v.ratio - 1) * bent
            else:
                gain = (1 / v.ratio - 1) * np.maximum(over, 0)
            made = x * 10 ** (gain / 20)
        made = made if layout == "rows" else made.T
        return {"env" if what == "follower" else "y" if place == "new" else "x": made}

    d.check(reference, 1e-3)
