"""Spectra: frames, the discrete transform by its definition, and stages of the fast one."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.signal import DOMAIN
from warpgen.synthesis.algorithms.signal import _twiddles as twiddles
from warpgen.synthesis.library import windows
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.outline import outlined

_NAMES = {
    "x": "signal|samples|audio",
    "n": "i|t|m",
    "k": "freq_bin|f",
    "frames": "windowed|segments|blocks",
    "spectrum": "bins|spec|dft_out",
    "coefficients": "bins_in|spec_in|spectrum_in",
    "restored": "signal_out|samples_out|idft_out",
    "re": "real|sum_re",
    "im": "imag|sum_im",
    "hop": "stride|hop_size|step",
}


@DOMAIN.algorithm(
    source="Harris 1978; Allen & Rabiner 1977",
    names=_NAMES | {"frame_signal": "window_frames|stft_frames|make_frames", "w": "weight|win|taper"},
    double=True,
    half=True,
    weight=3,
)
def frame_signal(d: Draft) -> None:
    """Splits a signal into overlapping windowed frames (first step of an STFT)."""
    window = d.option("window", *windows.WINDOWS)
    # The sine window stands half a sample off, so its halves add up to one as it is
    periodic = d.flag("periodic") and window is not windows.SINE
    edge = d.option("edge", "inside", "zero", "reflect")
    layout = d.option("layout", "frames rows", "frames columns", "channels")
    emphasis = d.flag("pre-emphasis", 0.3)
    w = d.use(window)
    size, hop, count = d.pick((16, 8, 10), (20, 10, 8), (24, 6, 10), (32, 16, 6))
    channels = d.pick(2, 3) if layout == "channels" else 1
    padded = edge != "inside"
    length = size + hop * (count - 1) - (size if padded else 0)
    d.input(
        "x", "float", (channels, length) if layout == "channels" else length, -1.0, 1.0, about="Input signal"
    )
    d.param("hop", "int", hop, about="Hop size [samples]")
    if emphasis:
        d.param("alpha", "float", 0.9, 0.98, about="Pre-emphasis coefficient")
        d.says("Splits a signal into overlapping windowed frames after pre-emphasis (first step of an STFT).")
    shape = {
        "frames rows": (count, size),
        "frames columns": (size, count),
        "channels": (channels, count, size),
    }[layout]
    d.output("frames", "float", shape, about="Windowed frames")
    at = {"frames rows": "[frame, n]", "frames columns": "[n, frame]", "channels": "[ch, frame, n]"}[layout]
    source = "x[ch, {}]" if layout == "channels" else "x[{}]"
    taken = f"size = frames.shape[{shape.index(size, 1 if layout != 'frames columns' else 0)}]"
    if padded:
        taken += f"\nlength = x.shape[{1 if layout == 'channels' else 0}]"
    index = "frame * hop + n" + (" - size // 2" if padded else "")
    fold = {
        "inside": "",
        "zero": f"# zero padding past the ends\nif j < 0 or j >= length:\n    frames{at} = 0.0\n    return",
        "reflect": """
        # reflect padding at the first and last sample
        j = wp.abs(j)
        if j >= length:
            j = 2 * length - 2 - j
        """,
    }[edge]
    value = source.format("j")
    lines = ""
    if emphasis:
        lines = f"""
        sample = {value}
        if j > 0:
            sample -= alpha * {source.format("j - 1")}
        """
        value = "sample"
    length_ = "size + 1" if periodic else "size"
    d.launch(*shape) if layout != "frames columns" else d.launch(count, size)
    ids = "ch, frame, n" if layout == "channels" else "frame, n"
    d.code(
        f"{ids} = wp.tid()\n{taken}\nj = {index}\n$fold\n$lines\nframes{at} = {w}(n, {length_}) * {value}",
        fold=fold,
        lines=lines,
    )
    d.explain(
        {
            "inside": "",
            "zero": "Frames are centered at multiples of the hop size, with zero padding at both ends. ",
            "reflect": "Frames are centered at multiples of the hop size, with reflect padding at both ends. ",
        }[edge]
        + "The window is "
        + ("periodic (DFT-even)." if periodic else "symmetric.")
    )

    def reference(v: Values) -> dict[str, Any]:
        x = v.x.reshape(channels, length)
        if emphasis:
            x = np.concatenate([x[:, :1], x[:, 1:] - v.alpha * x[:, :-1]], axis=1)
        half = size // 2
        if edge == "zero":
            x = np.pad(x, ((0, 0), (half, size)))
        elif edge == "reflect":
            x = np.pad(x, ((0, 0), (half, half)), mode="reflect")
        cut = np.lib.stride_tricks.sliding_window_view(x, size, axis=1)[:, ::hop][:, :count]
        made = cut * window(np.arange(size), size + 1 if periodic else size)
        if layout == "channels":
            return {"frames": made}
        return {"frames": made[0] if layout == "frames rows" else made[0].T}

    d.check(reference, 2e-4)


@DOMAIN.algorithm(
    source="Oppenheim & Schafer 2010, eq. 8.11",
    names=_NAMES | {"discrete_fourier": "dft|naive_dft|spectrum_by_sum", "angle": "theta|phase|omega"},
    double=True,
    adjoint="either",
    weight=3,
    element="",
)
def discrete_fourier(d: Draft) -> None:
    """Computes the discrete Fourier transform using direct summation."""
    result = d.option("result", "complex", "power", "magnitude", "decibel", "split")
    source = d.option("source", "real", "complex")
    twiddle = d.option("twiddle", "each", "rotated", "table", weights=(0.45, 0.45, 0.1))
    batch = d.flag("batch")
    inverse = d.flag("inverse", 0.3)
    if inverse:
        source, result = "complex", "complex" if result in ("power", "decibel", "magnitude") else result
    size, rows = d.pick(12, 16, 20, 24, 32), d.pick(4, 6)
    bins = size if source == "complex" else size // 2 + 1
    what = {
        "complex": "the discrete Fourier transform",
        "split": "real and imaginary parts of the discrete Fourier transform",
        "power": "the periodogram",
        "magnitude": "the magnitude spectrum",
        "decibel": "the spectrum in decibels",
    }[result]
    if inverse:
        d.calls("inverse_dft|idft|naive_idft")
        what = what.replace("discrete", "inverse discrete")
    elif result in ("power", "magnitude", "decibel"):
        d.calls({
            "power": "naive_periodogram|dft_power|power_by_sum",
            "magnitude": "dft_magnitude|magnitude_by_sum|naive_magnitudes",
            "decibel": "dft_decibels|spectrum_levels|level_by_sum",
        }[result])  # fmt: skip
    d.says(f"Computes {what} of {source} {'spectra' if inverse else 'signals'} using direct summation.")
    given = "coefficients" if inverse else "x"
    made_ = {"power": "periodogram", "magnitude": "magnitudes", "decibel": "levels"}.get(result, "spectrum")
    made_ = "restored" if inverse else made_
    kind = "vec2" if source == "complex" else "float"
    low, high = (0.2, 1.0) if result in ("magnitude", "decibel") else (-1.0, 1.0)
    about = ("Spectrum" if inverse else "Input signal") + (
        " (real, imaginary)" if source == "complex" else ""
    )
    d.input(given, kind, (rows, size) if batch else size, low, high, about=about)
    if twiddle == "table":
        way = "2" if inverse else "-2"
        d.input("roots", "vec2", size, kind="unit", about=f"Twiddle factors exp({way} pi i j / N)")
    out = (rows, bins) if batch else (bins,)
    if result == "split":
        d.output("re_out", "float", out, about="Real parts")
        d.output("im_out", "float", out, about="Imaginary parts")
    else:
        about = {
            "complex": f"{'Signal' if inverse else 'Spectrum'} (real, imaginary)",
            "power": "Power per frequency bin",
            "magnitude": "Magnitude per frequency bin",
            "decibel": "Power per frequency bin [dB]",
        }[result]
        d.output(made_, "vec2" if result == "complex" else "float", out, about=about)
    sign = "" if inverse else "-"
    # k is a bin and n a sample: threads take the one, loops the other
    k, n = ("n", "k") if inverse else ("k", "n")
    at = f"[row, {n}]" if batch else f"[{n}]"
    value = f"{given}{at}"
    add = f"re += {value} * c\nim += {value} * s"
    if source == "complex":
        add = "re += a[0] * c - a[1] * s\nim += a[0] * s + a[1] * c"
    read = f"a = {value}" if source == "complex" else ""
    before, inner = twiddles.along(twiddle, sign, k)
    if twiddle == "rotated":
        d.forward_only()
    helper = d.flag("helper", 0.6)
    if result in ("power", "magnitude", "decibel") and not helper:
        d.forward_only()  # Warp does not tape the sums, which the adjoint of their squares needs
    to = f"[row, {k}]" if batch else f"[{k}]"
    scale = " / float(size)"
    re, im, squared = "re", "im", "re * re + im * im"
    if helper:
        re, im, squared = "value[0]", "value[1]", "wp.length_sq(value)"
    store = {
        "complex": f"{made_}{to} = wp.vec2(re, im)" + (scale if inverse else ""),
        "split": f"re_out{to} = {re}{scale if inverse else ''}\nim_out{to} = {im}{scale if inverse else ''}",
        "power": f"{made_}{to} = {squared if helper else f'({squared})'}{scale}",
        "magnitude": f"{made_}{to} = {'wp.length(value)' if helper else f'wp.sqrt({squared})'}",
        "decibel": f"""
        # clamp to avoid log(0) for empty bins
        {made_}{to} = 10.0 * wp.log10(wp.max({squared}, 1.0e-6))
        """,
    }[result]
    d.launch(*out)
    blocks = {"before": before, "inner": inner, "read": read, "add": add}
    total = f"""
        re = float(0.0)
        im = float(0.0)
        $before
        for {n} in range(size):
            $inner
        """
    if helper:
        call = outlined(
            d,
            "fourier_sample" if inverse else "fourier_bin",
            f"Accumulate {'bins' if inverse else 'samples'} times complex exponentials as (real, imaginary).",
            total,
            "wp.vec2(re, im)",
            "wp.vec2",
            {"row": "int", k: "int", "size": "int"},
            blocks,
        )
        total = f"value = {call}"
        if result == "complex":
            total, store = "", f"{made_}{to} = {call}" + (scale if inverse else "")
    taken = f"size = {given}.shape[{1 if batch else 0}]"
    d.code(
        f"{f'row, {k}' if batch else k} = wp.tid()\n{taken}\n$total\n$store",
        total=total,
        store=store,
        **blocks,
    )
    d.explain(
        ("x_n = 1/N sum_k X_k exp(2 pi i k n / N)" if inverse else "X_k = sum_n x_n exp(-2 pi i k n / N)")
        + ("; `roots` is the twiddle table, indexed by k n mod N." if twiddle == "table" else ".")
        + (
            " Only the lower half of the spectrum is stored, since real signals have a symmetric spectrum."
            if source == "real"
            else ""
        )
    )

    def reference(v: Values) -> dict[str, Any]:
        x = v[given][..., 0] + 1j * v[given][..., 1] if source == "complex" else v[given]
        if twiddle == "table":
            roots = v.roots[:, 0] + 1j * v.roots[:, 1]
            product = np.outer(np.arange(size), np.arange(bins)) % size
            made = x @ roots[product] / (size if inverse else 1)
        elif source == "real":
            made = np.fft.rfft(x)
        else:
            made = np.fft.ifft(x) if inverse else np.fft.fft(x)
        power = np.abs(made) ** 2
        if result == "split":
            return {"re_out": made.real, "im_out": made.imag}
        return {
            made_: {
                "complex": np.stack([made.real, made.imag], axis=-1),
                "power": power / size,
                "magnitude": np.sqrt(power),
                "decibel": 10 * np.log10(np.maximum(power, 1e-6)),
            }[result]
        }

    d.check(reference, 2e-2 if result == "decibel" else 1e-3)


@DOMAIN.algorithm(
    source="Cooley & Tukey 1965; Gentleman & Sande 1966; Stockham, in Cochran et al. 1967",
    names={
        "fft_stage": "fft_butterflies|radix2_stage|fft_pass",
        "x": "data|buf|z",
        "half": "half_size|half_span",
        "angle": "theta|phase",
        "w": "twiddle|root",
        "a": "upper|u",
        "b": "lower|v",
    },
    double=True,
)
def fft_stage(d: Draft) -> None:
    """Computes one FFT butterfly stage."""
    kind = d.option("kind", "in time", "in frequency", "stockham")
    layout = d.option("layout", "one", "rows", "split")
    inverse = d.flag("inverse")
    twiddle = d.option("twiddle", "computed", "table", weights=(0.85, 0.15))
    place = d.option("place", "new", "same")
    if kind == "stockham":
        place = "new"
    size = d.pick(32, 64) if layout == "rows" else d.pick(64, 128)
    rows = d.pick(4, 6)
    half = d.pick(*(2**k for k in range(1, size.bit_length() - 2)))
    said = {
        "in time": "Performs one decimation-in-time stage of a fast Fourier transform.",
        "in frequency": "Performs one decimation-in-frequency stage of a fast Fourier transform.",
        "stockham": "Performs one stage of a Stockham (self-sorting) fast Fourier transform.",
    }[kind]
    d.says(said if not inverse else said.replace("fast Fourier", "fast inverse Fourier"))
    shape = (rows, size) if layout == "rows" else (size,)
    names = ["x_re", "x_im"] if layout == "split" else ["x"]
    type_ = "float" if layout == "split" else "vec2"
    parts = ["Real parts", "Imaginary parts"] if layout == "split" else ["Values (real, imaginary)"]
    for name, part in zip(names, parts, strict=True):
        if place == "new":
            d.input(name, type_, shape, -1.0, 1.0, about=f"{part} of the stage input")
        else:
            d.inout(name, type_, shape, -1.0, 1.0, about=part)
    if place == "same":
        d.forward_only()
    if twiddle == "table":
        way = "" if inverse else "-"
        d.input("roots", "vec2", half, kind="unit", about=f"Twiddle factors exp({way}pi i k / half)")
    d.param("half", "int", half, about="Half the butterfly span")
    outs = names
    if place == "new":
        outs = [name.replace("x", "y") for name in names]
        for name, part in zip(outs, parts, strict=True):
            d.output(name, type_, shape, about=f"{part} of the stage output")
    row = "row, " if layout == "rows" else ""

    def load(name: str, index: str) -> str:
        if layout == "split":
            return f"{name} = wp.vec2(x_re[{index}], x_im[{index}])"
        return f"{name} = x[{row}{index}]"

    def store(index: str, value: str, name: str) -> str:
        if layout == "split":
            return f"{name} = {value}\n{outs[0]}[{index}] = {name}[0]\n{outs[1]}[{index}] = {name}[1]"
        return f"{outs[0]}[{row}{index}] = {value}"

    sign = "" if inverse else "-"
    number = "x.shape[1]" if layout == "rows" else f"{names[0]}.shape[0]"
    w = (
        "w = roots[k]"
        if twiddle == "table"
        else f"angle = {sign}wp.pi * float(k) / float(half)\nw = wp.vec2(wp.cos(angle), wp.sin(angle))"
    )
    d.function("""
        @wp.func
        def complex_mul(p: wp.vec2, q: wp.vec2):
            return wp.vec2(p[0] * q[0] - p[1] * q[1], p[0] * q[1] + p[1] * q[0])
    """)
    if kind == "stockham":
        first, second, up, down = "t", "t + size // 2", "to", "to + half"
        places = f"size = {number}\nk = t % half\nto = 2 * t - k"
    else:
        first, second, up, down = "i", "j", "i", "j"
        places = """
        # One thread per butterfly, at position k within its group
        k = t % half
        i = 2 * t - k
        j = i + half
        """
    lines = [load("a", first), load("b", second), "$w"]
    if kind == "in frequency":
        lines += [store(up, "a + b", "top"), store(down, "complex_mul(w, a - b)", "bottom")]
    else:
        lines += ["wb = complex_mul(w, b)", store(up, "a + wb", "top"), store(down, "a - wb", "bottom")]
    body = "\n".join(lines)
    d.launch(*((rows, size // 2) if layout == "rows" else (size // 2,)))
    d.code(
        f"{'row, t' if layout == 'rows' else 't'} = wp.tid()\n$places\n$body", places=places, body=body, w=w
    )
    d.explain({
        "in time": "Input is in bit-reversed order; launch with `half` = 1, 2, 4, ..., N / 2.",
        "in frequency": "Launch with `half` going from N / 2 down to 1; output is in bit-reversed order.",
        "stockham": "Launch with `half` = 1, 2, 4, ..., N / 2; no bit reversal is needed.",
    }[kind] + (" The 1 / N scaling of the inverse is not applied." if inverse else ""))  # fmt: skip

    def reference(v: Values) -> dict[str, Any]:
        x = v.x_re + 1j * v.x_im if layout == "split" else v.x[..., 0] + 1j * v.x[..., 1]
        t = np.arange(size // 2)
        k = t % half
        w = np.exp((1j if inverse else -1j) * np.pi * k / half)
        if twiddle == "table":
            w = (v.roots[:, 0] + 1j * v.roots[:, 1])[k]
        i, j = (t, t + size // 2) if kind == "stockham" else (2 * t - k, 2 * t - k + half)
        a, b = x[..., i], x[..., j]
        to = 2 * t - k
        y = np.empty_like(x)
        if kind == "in frequency":
            y[..., to], y[..., to + half] = a + b, (a - b) * w
        else:
            y[..., to], y[..., to + half] = a + w * b, a - w * b
        if layout == "split":
            return {outs[0]: y.real, outs[1]: y.imag}
        return {outs[0]: np.stack([y.real, y.imag], axis=-1)}

    d.check(reference, 2e-4)
