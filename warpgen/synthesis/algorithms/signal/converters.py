"""Sigma-delta modulation and other quantisers with memory."""

from __future__ import annotations

import numpy as np

from warpgen.synthesis.algorithms.signal import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.naming import renamed


@DOMAIN.algorithm(
    source="Schreier & Temes 2005, chs. 2 and 3; Inose & Yasuda 1963; Lipshitz, Wannamaker & Vanderkooy 1992",
    names={
        "x": "signal|samples|inp",
        "codes": "code_stream|symbols",
        "n": "i|t|k",
        "ch": "channel|c|track",
        "tracked": "follower|estimate",
        "v": "level|dac",
    },
    double=True,
    adjoint="no",
    element="channel",
)
def modulate_signal(d: Draft) -> None:
    """Quantizes signals using noise shaping (sigma-delta modulation)."""
    loop = d.option("loop", "first order", "second order", "error feedback", "second error feedback", "delta")
    levels = d.option("levels", "two", "many")
    layout = d.option("layout", "rows", "columns")
    hold = d.flag("oversampled", 0.4)
    result = d.option("result", "codes", "mean", "signal")
    if loop == "delta":
        levels, hold = "two", False
        result = "signal" if result == "mean" else result
    count, size, over = d.pick(24, 32), d.pick(32, 48), d.pick(2, 4)
    said = {
        "first order": "a first-order sigma-delta loop",
        "second order": "a second-order sigma-delta loop",
        "error feedback": "first-order error feedback",
        "second error feedback": "second-order error feedback",
        "delta": "delta modulation",
    }[loop]
    kept = {
        "codes": "",
        "mean": ", then averages the output",
        "signal": ", and returns the tracked signal"
        if loop == "delta"
        else ", and returns the quantized signal",
    }
    start = "Quantizes signals"
    if hold:
        start = f"Oversamples signals with a zero-order hold{',' if kept[result] else ' and'} quantizes them"
    how = "using" if loop == "delta" else "to 1 or -1 using" if levels == "two" else "coarsely using"
    d.says(f"{start} {how} {said}{kept[result]}.")
    d.calls({
        "first order": "sigma_delta|sigma_delta_modulator|delta_sigma",
        "second order": "sigma_delta|second_order_sigma_delta|delta_sigma",
        "error feedback": "noise_shaper|error_feedback_quantizer|quantize_with_feedback",
        "second error feedback": "noise_shaper|error_feedback_quantizer|quantize_with_feedback",
        "delta": "delta_modulation|delta_modulator|modulate_delta",
    }[loop])  # fmt: skip
    shape = (count, size) if layout == "rows" else (size, count)
    d.input("x", "float", shape, -0.6, 0.6, about="Input signal")
    if levels == "many":
        d.param("step", "float", 0.2, 0.4, about="Quantizer step size")
    if loop == "delta":
        d.param("rise", "float", 0.1, 0.3, about="Delta modulation step size")
    if hold:
        d.module(f"OVERSAMPLING = wp.constant({over})")
    longer = size * over if hold else size
    out = (count, longer) if layout == "rows" else (longer, count)
    name = {"codes": "codes", "mean": "mean", "signal": "y"}[result]
    code = "Codes, 1 or -1" if levels == "two" else "Codes, in steps"
    about = {"codes": code, "mean": "Mean quantizer output", "signal": "Quantized signal"}[result]
    if loop == "delta" and result == "signal":
        about = "Tracked signal"
    d.output(name, "int" if result == "codes" else "float", count if result == "mean" else out, about=about)
    sample = "n // OVERSAMPLING" if hold else "n"
    at = f"x[ch, {sample}]" if layout == "rows" else f"x[{sample}, ch]"
    to = "[ch, n]" if layout == "rows" else "[n, ch]"

    body = {
        "first order": "s1 += u - v\n$quantise",
        "second order": """
        s1 += u - v
        # second-order modulator, NTF(z) = (1 - z^-1)^2
        s2 += s1 - v
        $quantise
        """,
        "error feedback": "w = u + e1\n$quantise\ne1 = w - v",
        "second error feedback": """
        # NTF(z) = (1 - z^-1)^2
        w = u + 2.0 * e1 - e2
        $quantise
        e2 = e1
        e1 = w - v
        """,
        "delta": "v = 1.0 if u >= tracked else -1.0\ntracked += rise * v",
    }[loop]
    of = {"first order": "s1", "second order": "s2"}.get(loop, "w")
    quantise = f"v = 1.0 if {of} >= 0.0 else -1.0"
    if levels == "many":
        quantise = f"code = int(wp.floor({of} / step + 0.5))\nv = float(code) * step"
    states = {
        "first order": ["s1"],
        "second order": ["s1", "s2"],
        "error feedback": ["e1"],
        "second error feedback": ["e1", "e2"],
        "delta": ["tracked"],
    }[loop]
    before = [f"{state} = float(0.0)" for state in states]
    if loop in ("first order", "second order"):
        before.append("v = float(0.0)")
    store = {
        "codes": f"codes{to} = " + ("code" if levels == "many" else "int(v)"),
        "mean": "total += v",
        "signal": f"y{to} = " + ("tracked" if loop == "delta" else "v"),
    }[result]
    if result == "mean":
        before.append("total = float(0.0)")
    d.launch(count)
    d.code(
        """
        ch = wp.tid()
        $size
        $before
        for n in range($longer):
            u = $at
            $body
            $store
        $end
        """,
        before="\n".join(before),
        size=f"size = x.shape[{1 if layout == 'rows' else 0}]",
        longer="OVERSAMPLING * size" if hold else "size",
        at=at,
        body=body,
        quantise=quantise,
        store=store,
        end=f"mean[ch] = total / float({'OVERSAMPLING * size' if hold else 'size'})"
        if result == "mean"
        else "",
    )
    errors, sums = d.pick("e", "err"), d.pick("s", "acc", "state")
    d.text = renamed(d.text, {f"{a}{k}": f"{b}{k}" for a, b in (("e", errors), ("s", sums)) for k in (1, 2)})
    d.explain(
        "Each code is the sign of the tracking error; the tracked signal then moves by a fixed step."
        if loop == "delta"
        else "Noise shaping pushes quantization noise to high frequencies, where a decimation filter removes it."
    )

    def modulated(before: Values, after: Values) -> None:
        x = before.x if layout == "rows" else before.x.T
        u = np.repeat(x, over, axis=1) if hold else x
        step = before.get("step", 1.0)
        limit = 2.0 if levels == "many" else 8.0 if loop.startswith("second") else 3.0
        if result == "mean":
            error = np.abs(after.mean - u.mean(axis=1)) * u.shape[1]
            # the states are bounded, so that sums of errors are
            assert (error < limit).all()
            assert after.mean.std() > 0.0
            assert np.corrcoef(after.mean, u.mean(axis=1))[0, 1] > 0.9
            return
        found = after.codes * step if result == "codes" else after.y
        found = found if layout == "rows" else found.T
        if loop == "delta":
            rises = found if result == "codes" else np.diff(found, axis=1, prepend=0.0) / before.rise
            np.testing.assert_allclose(np.abs(rises), 1.0, atol=1e-4)
            follower = np.cumsum(rises, axis=1) * before.rise
            last = np.concatenate([np.zeros((count, 1)), follower[:, :-1]], axis=1)
            clear = np.abs(u - last) > 1e-4
            assert ((rises > 0) == (u >= last))[clear].all()
            return
        on = found / step if levels == "many" else found
        assert np.abs(on - np.round(on)).max() < 1e-3
        if levels == "two":
            np.testing.assert_allclose(np.abs(found), 1.0, atol=1e-6)
        drift = np.abs(np.cumsum(found - u, axis=1))
        assert (drift < limit).all()

    d.holds(modulated)
