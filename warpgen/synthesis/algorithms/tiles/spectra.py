"""Filters in the frequency domain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.tiles import DOMAIN
from warpgen.synthesis.library.tile_forms import as_float, extent
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Cooley & Tukey 1965; Oppenheim & Schafer 2010, ch. 8",
    names={
        "signal": "samples|x|waves",
        "filtered": "smoothed|y|out",
        "slopes": "derivatives|d_signal|out",
        "delayed": "shifted|y|out",
        "transformed": "spectra|y|out",
        "convolved": "filtered|y|out",
        "power": "psd|power_out|periodogram",
        "block": "row|channel|i",
        "N": "FFT_SIZE|POINTS|LENGTH",
    },
    adjoint="either",
    weight=6,
)
def spectral_filter(d: Draft) -> None:
    """Filters complex signals in the frequency domain, one signal per block."""
    kind = d.option("kind", "low pass", "derivative", "shift", "power", "transform", "convolve")
    scaled = d.option("scaled", "before", "after")
    # the transform that Warp falls back to wants a point for each thread of a block, at least
    n, rows = 256, d.pick(1, 2, 3)
    size = extent(d, "N", n)
    d.says(
        {
            "low pass": "Applies a low-pass filter to complex signals in the frequency domain, one signal per block.",
            "derivative": "Computes spectral derivatives of complex signals with period 2 pi, one signal per block.",
            "shift": "Delays periodic complex signals by a fraction of their period, one signal per block.",
            "power": "Computes the power spectrum of each complex signal, one signal per block.",
            "transform": "Computes the unitary Fourier transform of each complex signal, one signal per block.",
            "convolve": "Convolves periodic complex signals with a filter using its frequency response.",
        }[kind]
    )
    d.calls({
        "low pass": "low_pass_filter|fft_low_pass|remove_high_frequencies",
        "derivative": "spectral_derivative|fft_derivative|differentiate_signals",
        "shift": "fft_delay|spectral_delay|delay_signals",
        "power": "power_spectra|power_spectrum|signal_power",
        "transform": "fourier_transform|unitary_fft|fft_rows",
        "convolve": "fft_convolve|circular_convolution|convolve_signals",
    }[kind])  # fmt: skip
    d.input("signal", "vec2", (rows, n), -1.0, 1.0, about="complex samples (real, imaginary)")
    if kind == "low pass":
        d.param(
            "cutoff", "float", 20.0, 60.0, about="cutoff frequency at half amplitude, in cycles per record"
        )
    if kind == "shift":
        d.param("delay", "float", 0.1, 0.9, about="delay as a fraction of the period")
    if kind == "convolve":
        d.input("response", "vec2", n, -1.0, 1.0, about="filter frequency response")
    out_name = {"low pass": "filtered", "derivative": "slopes", "shift": "delayed", "power": "power",
                "transform": "transformed", "convolve": "convolved"}[kind]  # fmt: skip
    d.output(out_name, "float" if kind == "power" else "vec2", (rows, n))
    points = as_float(size)
    middle = f"{n // 2}.0" if size == str(n) else f"float({size} // 2)"
    frequency = f"""
        # bins in the upper half are negative frequencies
        f = wp.where(index < {middle}, index, index - {points})
    """.strip("\n")
    bodies = {
        "low pass": ("cutoff: float", f"{frequency}\n        return z / (1.0 + wp.pow(f / cutoff, 4.0))"),
        "derivative": (
            "",
            "        # Zero the Nyquist bin, since the derivative of its two signs cancels\n"
            f"        if index == {middle}:\n            return wp.vec2(0.0, 0.0)\n"
            f"{frequency}\n        return wp.vec2(-f * z[1], f * z[0])",
        ),
        "shift": (
            "delay: float",
            f"{frequency}\n        angle = -2.0 * wp.pi * f * delay\n"
            "        c = wp.cos(angle)\n        s = wp.sin(angle)\n"
            "        return wp.vec2(c * z[0] - s * z[1], c * z[1] + s * z[0])",
        ),
        "convolve": (
            "h: wp.vec2",
            "        return wp.vec2(z[0] * h[0] - z[1] * h[1], z[0] * h[1] + z[1] * h[0])",
        ),
    }
    parameter, body = bodies.get(kind, ("", ""))
    if kind == "power":
        d.function(f"""
            @wp.func
            def power_of(z: wp.vec2):
                return wp.length_sq(z) / {points}
        """)
        work = "wp.tile_store(power, wp.tile_map(power_of, spectrum), offset=(block, 0))"
    elif kind == "transform":
        scale = f"wp.sqrt({points})"
        work = f"wp.tile_store(transformed, spectrum * (1.0 / {scale}), offset=(block, 0))"
    else:
        bins = kind != "convolve"
        head = ", ".join(filter(None, ["z: wp.vec2", "index: float" if bins else "", parameter]))
        d.function("@wp.func\ndef respond(" + head + ") -> wp.vec2:\n" + body.replace("        ", "    "))
        extra = {"low pass": ", cutoff", "shift": ", delay"}.get(kind, "")
        if bins:
            numbers = (
                f"wp.tile_arange(0.0, {n}.0, 1.0, dtype=float)"
                if size == str(n)
                else f"wp.tile_astype(wp.tile_arange({size}, dtype=int), dtype=float)"
            )
            more = f"bins = wp.tile_reshape({numbers}, shape=(1, {size}))\n"
            mapped = f"wp.tile_map(respond, spectrum, bins{extra})"
        else:
            more = f"h = wp.tile_reshape(wp.tile_load(response, shape={size}), shape=(1, {size}))\n"
            mapped = "wp.tile_map(respond, spectrum, h)"
        inverse = f"1.0 / {points}"
        if scaled == "before":
            work = f"""
shaped = {mapped} * ({inverse})
wp.tile_ifft(shaped)
wp.tile_store({out_name}, shaped, offset=(block, 0))""".lstrip()
        else:
            work = f"""
shaped = {mapped}
wp.tile_ifft(shaped)
# tile FFTs are unnormalized, so rescale here
wp.tile_store({out_name}, shaped * ({inverse}), offset=(block, 0))""".lstrip()
        work = more + work
    d.launch(rows, tiled=True)
    d.code(
        f"""
        block = wp.tid()
        spectrum = wp.tile_load(signal, shape=(1, {size}), offset=(block, 0), storage="register")
        wp.tile_fft(spectrum)
        $work
        """,
        work=work,
    )

    def reference(v: Values) -> Mapping[str, Any]:
        z = np.fft.fft(v.signal[..., 0] + 1j * v.signal[..., 1], axis=1)
        f = np.fft.fftfreq(n, 1.0 / n)
        if kind == "power":
            return {"power": np.abs(z) ** 2 / n}
        if kind == "transform":
            out = z / np.sqrt(n)
        else:
            gains: dict[str, Callable[[], Any]] = {
                "low pass": lambda: 1.0 / (1.0 + (f / v.cutoff) ** 4),
                "derivative": lambda: 1j * np.where(np.abs(f) == n // 2, 0.0, f),
                "shift": lambda: np.exp(-2j * np.pi * f * v.delay),
                "convolve": lambda: v.response[:, 0] + 1j * v.response[:, 1],
            }
            gain = gains[kind]()
            out = np.fft.ifft(gain * z, axis=1)
        return {out_name: np.stack([out.real, out.imag], axis=-1)}

    d.check(reference, 1e-3)
