"""Transforms to frequencies and scales."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.signal import DOMAIN
from warpgen.synthesis.library import windows
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Goertzel 1958; Oppenheim & Schafer 2010, section 9.2; Harris 1978",
    names={
        "spectrum": "dft|fourier_bins|spectrum_kernel",
        "x": "signal|samples|frames",
        "bins": "freqs|bin_ids|targets",
        "power": "magnitude_sq|energy|psd",
        "omega": "w|step_angle|theta",
        "re": "real|c|cos_sum",
        "im": "imag|s|sin_sum",
        "coeff": "two_cos|c2|kappa",
    },
    double=True,
    adjoint="no",
)
def spectrum(d: Draft) -> None:
    """Computes the discrete Fourier transform of each frame at given frequencies."""
    method = d.option("method", "sum", "goertzel", "rotation")
    out = d.option("out", "power", "complex", "magnitude", "decibel", "phase")
    window = d.option("window", None, *windows.WINDOWS, weights=(4.0, *([1.0] * len(windows.WINDOWS))))
    bins = d.option("bins", "all", "chosen")
    hop = d.flag("hop", 0.35)
    n, frames, chosen = d.pick(16, 24, 32), d.pick(8, 12), d.pick(5, 6)
    count = n // 2 + 1 if bins == "all" else chosen
    step = n // 2
    if hop:
        d.input("x", "float", step * (frames - 1) + n, -1.0, 1.0)
        d.param("hop", "int", step)
        d.param("n", "int", n)
    else:
        d.input("x", "float", (frames, n), -1.0, 1.0)
    if bins == "chosen":
        d.input("bins", "float", count, 0.5, n / 2 - 0.5)
    if out == "complex":
        d.output("spectra", "vec2", (frames, count))
    else:
        d.output(
            {"power": "power", "magnitude": "magnitude", "decibel": "level", "phase": "phase"}[out],
            "float",
            (frames, count),
        )
    w = d.use(window) if window else ""
    at = "x[frame * hop + t]" if hop else "x[frame, t]"
    sample = f"{at} * {w}(t, n)" if window else at
    k = "bins[b]" if bins == "chosen" else "float(b)"
    if method == "sum":
        loop = f"""
        re = float(0.0)
        im = float(0.0)
        for t in range(n):
            v = {sample}
            re += v * wp.cos(omega * float(t))
            im -= v * wp.sin(omega * float(t))
        """
    elif method == "goertzel":
        loop = f"""
        # one product per sample: a resonator at the bin's frequency
        coeff = 2.0 * wp.cos(omega)
        s1 = float(0.0)
        s2 = float(0.0)
        for t in range(n):
            s0 = {sample} + coeff * s1 - s2
            s2 = s1
            s1 = s0
        """
        if out not in ("power", "magnitude", "decibel"):
            loop += """
        # the resonator's phase is that of the last sample, and is turned back to the first
        turn = omega * float(n - 1)
        u = s1 - s2 * wp.cos(omega)
        v = s2 * wp.sin(omega)
        re = u * wp.cos(turn) + v * wp.sin(turn)
        im = v * wp.cos(turn) - u * wp.sin(turn)
        """
    else:
        loop = f"""
        # the phasor is turned step by step, so that each bin takes one sine and one cosine
        cr = wp.cos(omega)
        ci = -wp.sin(omega)
        pr = float(1.0)
        pi = float(0.0)
        re = float(0.0)
        im = float(0.0)
        for t in range(n):
            v = {sample}
            re += v * pr
            im += v * pi
            turned = pr * cr - pi * ci
            pi = pr * ci + pi * cr
            pr = turned
        """
    square = "re * re + im * im" if method != "goertzel" else "s1 * s1 + s2 * s2 - coeff * s1 * s2"
    store = {
        "power": f"power[frame, b] = {square}",
        "complex": "spectra[frame, b] = wp.vec2(re, im)",
        "magnitude": f"magnitude[frame, b] = wp.sqrt({square}) / float(n)",
        "decibel": (
            f"# the floor keeps silence finite\nlevel[frame, b] = 4.3429448 * wp.log({square} + 1.0e-3)"
        ),
        "phase": "phase[frame, b] = wp.atan2(im, re)",
    }[out]
    d.launch(frames, count)
    d.code(
        "frame, b = wp.tid()\n$n\nomega = 2.0 * wp.pi * $k / float(n)\n$loop\n$store",
        n="" if hop else "n = x.shape[1]",
        k=k,
        loop=loop,
        store=store,
    )
    if hop:
        d.says("Computes the short-time Fourier transform of a signal at given frequencies.")

    def reference(v: Values) -> dict[str, Any]:
        x = v.x if not hop else np.lib.stride_tricks.sliding_window_view(v.x, n)[::step]
        if window:
            x = x * window(np.arange(n), n)
        if bins == "all":
            f = np.fft.rfft(x, axis=1)
        else:
            f = x @ np.exp(-2j * np.pi * np.outer(np.arange(n), v.bins) / n)
        power = np.abs(f) ** 2
        if out == "complex":
            return {"spectra": np.stack([f.real, f.imag], axis=-1)}
        if out == "phase":
            return {}
        name = {"power": "power", "magnitude": "magnitude", "decibel": "level"}[out]
        return {
            name: {"power": power, "magnitude": np.sqrt(power) / n, "decibel": 10 * np.log10(power + 1e-3)}[
                out
            ]
        }

    d.check(reference, 2e-3)
    if out == "phase":

        def holds(before: Values, after: Values) -> None:
            x = before.x if not hop else np.lib.stride_tricks.sliding_window_view(before.x, n)[::step]
            if window:
                x = x * window(np.arange(n), n)
            k_ = before.bins if bins == "chosen" else np.arange(count)
            f = x @ np.exp(-2j * np.pi * np.outer(np.arange(n), k_) / n)
            # phases are compared as numbers on the circle, and weighted by what there is of each
            np.testing.assert_allclose(f * np.exp(-1j * after.phase), np.abs(f), atol=2e-3 * np.abs(f).max())

        d.holds(holds)


@DOMAIN.algorithm(
    source="Cooley & Tukey 1965; Stockham 1966 (as in Cochran et al. 1967); Walsh 1923",
    names={
        "butterfly_stage": "radix2_stage|butterflies|butterfly_pass",
        "data": "x|signal|spectrum",
        "half": "span|stride|m",
        "even": "a|upper|top",
        "odd": "b|lower|bottom",
        "angle": "theta|phase|phi",
        "group": "block|g|q",
        "k": "pos|t|offset",
    },
    double=True,
    adjoint="no",
)
def butterfly_stage(d: Draft) -> None:
    """Runs one stage of a fast Fourier transform of radix two over all its butterflies."""
    kind = d.option("kind", "in time", "in frequency", "stockham", "walsh", "ntt")
    layout = d.option("layout", "vec2", "planes")
    direction = d.option("direction", "forward", "argument")
    twiddle = d.option("twiddle", "computed", "table")
    batch = d.flag("batch", 0.4)
    log2n = d.pick(5, 6)
    n, count = 1 << log2n, d.pick(3, 4)
    stage = d.pick(0, 1, 2, 3)
    half = 1 << stage
    shape = (count, n) if batch else (n,)
    pre = "c, " if batch else ""
    if kind == "walsh":
        layout, twiddle, direction = "real", "none", "forward"
        d.says("Runs one stage of the fast Walsh-Hadamard transform.")
    if kind == "ntt":
        layout, twiddle, direction = "int", "table", "forward"
        d.says("Runs one stage of a number-theoretic transform modulo 7681, in place.")
    vec = layout == "vec2"
    out_of_place = kind == "stockham"
    types = {"vec2": "vec2", "real": "float", "int": "int", "planes": "float"}[layout]
    high = 7681 if layout == "int" else 1.0
    low = 0 if layout == "int" else -1.0
    names = ["data"] if layout != "planes" else ["re", "im"]
    for name in names:
        if out_of_place:
            d.input(name, types, shape, low, high)
        else:
            d.inout(name, types, shape, low, high)
    if twiddle == "table":
        if layout == "int":
            d.input("twiddles", "int", n // 2, 1, 7681)
        else:
            d.input("twiddles", "vec2", n // 2, -1.0, 1.0)
    d.param("half", "int", half)
    if direction == "argument" and twiddle == "computed":
        d.param("sign", "float", -1.0)
    if out_of_place:
        for name in names:
            d.output(f"{name}_out", types, shape)
    sign = "sign" if direction == "argument" and twiddle == "computed" else "-1.0"
    if out_of_place:
        place = f"""
        # inputs stand n / 2 apart, outputs `half`: the order is natural without bit reversal
        group = b // half
        k = b % half
        i = b
        j = b + {"data" if vec else "re"}.shape[{1 if batch else 0}] // 2
        i_out = group * 2 * half + k
        j_out = i_out + half
        """
    else:
        place = "group = b // half\nk = b % half\ni = group * 2 * half + k\nj = i + half"
    if kind == "in frequency":
        d.says("Runs one stage of a fast Fourier transform, decimated in frequency, in place.")
    at = {a: f"[{pre}{a}]" for a in ("i", "j", "i_out", "j_out")}
    io, jo = (at["i_out"], at["j_out"]) if out_of_place else (at["i"], at["j"])
    size = f"{'data' if layout != 'planes' else 're'}.shape[{1 if batch else 0}]"
    if twiddle == "computed":
        spin = f"angle = {sign} * wp.pi * float(k) / float(half)\nwr = wp.cos(angle)\nwi = wp.sin(angle)"
    elif layout == "int":
        spin = f"w = twiddles[k * ({size} // (2 * half))]"
    elif twiddle == "table":
        spin = f"w = twiddles[k * ({size} // (2 * half))]\nwr = w[0]\nwi = w[1]"
    else:
        spin = ""
    suffix = "_out" if out_of_place else ""
    if layout == "vec2":
        read = f"even = data{at['i']}\nodd = data{at['j']}"
        turn = "wp.vec2({0}[0] * wr - {0}[1] * wi, {0}[0] * wi + {0}[1] * wr)"
        if kind == "in frequency":
            act = f"diff = even - odd\ndata{io} = even + odd\ndata{jo} = {turn.format('diff')}"
        else:
            act = f"odd = {turn.format('odd')}\ndata{suffix}{io} = even + odd\ndata{suffix}{jo} = even - odd"
    elif layout == "planes":
        read = "\n".join(f"{a}{p[0]} = {p}{at[i]}" for a, i in (("a", "i"), ("b", "j")) for p in ("re", "im"))
        if kind == "in frequency":
            act = (
                "dr = ar - br\n"
                "di = ai - bi\n"
                f"re{io} = ar + br\n"
                f"im{io} = ai + bi\n"
                f"re{jo} = dr * wr - di * wi\n"
                f"im{jo} = dr * wi + di * wr"
            )
        else:
            act = (
                "tr = br * wr - bi * wi\n"
                "ti = br * wi + bi * wr\n"
                f"re{suffix}{io} = ar + tr\n"
                f"im{suffix}{io} = ai + ti\n"
                f"re{suffix}{jo} = ar - tr\n"
                f"im{suffix}{jo} = ai - ti"
            )
    elif layout == "int":
        read = f"even = data{at['i']}\nodd = data{at['j']}"
        act = (
            "# 7680^2 fits 31 bits, so that one remainder does\n"
            "odd = (odd * w) % 7681\n"
            f"data{io} = (even + odd) % 7681\n"
            f"data{jo} = (even - odd + 7681) % 7681"
        )
    else:
        read = f"even = data{at['i']}\nodd = data{at['j']}"
        act = f"data{io} = even + odd\ndata{jo} = even - odd"
    if kind in ("walsh",):
        place = place.replace(
            "group = b // half\nk = b % half\ni = group * 2 * half + k",
            "i = (b // half) * 2 * half + b % half",
        )
    d.launch(*((count, n // 2) if batch else (n // 2,)))
    d.code(
        "$ids\n$place\n$spin\n$read\n$act",
        ids="c, b = wp.tid()" if batch else "b = wp.tid()",
        place=place,
        spin=spin,
        read=read,
        act=act,
    )

    def reference(v: Values) -> dict[str, Any]:
        if layout == "vec2":
            z = v.data[..., 0] + 1j * v.data[..., 1]
        else:
            z = (
                v.re + 1j * v.im
                if layout == "planes"
                else v.data.astype(np.int64 if layout == "int" else float)
            )
        rows = z.reshape(-1, n)
        k = np.arange(half)
        w: Any = np.ones(half)
        if twiddle == "computed":
            w = np.exp(-1j * np.pi * k / half)
        elif twiddle == "table":
            t = v.twiddles[k * (n // (2 * half))]
            w = t.astype(np.int64) if layout == "int" else t[:, 0] + 1j * t[:, 1]
        if out_of_place:
            a, b = (p.reshape(len(rows), -1, half) for p in (rows[:, : n // 2], rows[:, n // 2 :]))
        else:
            pairs = rows.reshape(len(rows), -1, 2, half)
            a, b = pairs[:, :, 0], pairs[:, :, 1]
        if kind == "in frequency":
            made = np.stack([a + b, (a - b) * w], axis=2)
        else:
            made = np.stack([a + b * w, a - b * w], axis=2)
        y = made.reshape(z.shape)
        if layout == "int":
            return {"data": y % 7681}
        if layout == "real":
            return {"data": y}
        if layout == "vec2":
            return {f"data{suffix}": np.stack([y.real, y.imag], axis=-1)}
        return {f"re{suffix}": y.real, f"im{suffix}": y.imag}

    d.check(reference, 5e-4)
