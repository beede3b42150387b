"""Short Fourier transforms, held in registers and written out butterfly by butterfly."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.signal import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.trim import trim

_MULTIPLY = '''
@wp.func
def complex_mul(a: wp.vec2, b: wp.vec2) -> wp.vec2:
    """Complex product, numbers stored as (real, imaginary)."""
    return wp.vec2(a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0])
'''


def _reversed(k: int, bits: int) -> int:
    return int(f"{k:0{bits}b}"[::-1], 2)


def _twiddled(value: str, k: int, n: int, sign: float) -> str:
    """`value` times exp(sign 2 pi i k / n), with the cheap cases written out."""
    if k == 0:
        return value
    if 4 * k == n:
        x, y = f"{value}[1]", f"{value}[0]"
        return f"wp.vec2({x}, -{y})" if sign < 0 else f"wp.vec2(-{x}, {y})"
    angle = 2.0 * np.pi * k / n
    return f"complex_mul(wp.vec2({round(float(np.cos(angle)), 14)!r}, {round(float(sign * np.sin(angle)), 14)!r}), {value})"


def _butterflies(n: int, sign: float, decimation: str) -> str:
    """All stages on x0 .. x(n-1), in place."""
    lines = []
    bits = n.bit_length() - 1
    spans = [2**s for s in range(bits)]
    for stage, half in enumerate(spans if decimation == "time" else reversed(spans), start=1):
        if decimation == "time":
            lines.append(f"# Stage {stage}: combine length-{half} transforms into length {2 * half}")
        else:
            lines.append(f"# Stage {stage}: split length-{2 * half} transforms in half")
        for base in range(0, n, 2 * half):
            for k in range(half):
                p, q = base + k, base + k + half
                if decimation == "time":
                    lines += [
                        f"t = {_twiddled(f'x{q}', k, 2 * half, sign)}",
                        f"x{q} = x{p} - t",
                        f"x{p} = x{p} + t",
                    ]
                else:
                    lines += [
                        f"t = x{p} - x{q}",
                        f"x{p} = x{p} + x{q}",
                        f"x{q} = {_twiddled('t', k, 2 * half, sign)}",
                    ]
    return "\n".join(lines)


@DOMAIN.algorithm(
    source="Cooley & Tukey 1965; Gentleman & Sande 1966; Van Loan 1992, Computational frameworks for the FFT",
    names={
        "block_fft": "fft_in_registers|short_fft|transform_blocks|butterfly_fft",
        "signal": "samples|waveform|channel_data",
        "spectrum": "bins|fft_out|transformed",
        "spectra": "bins_in|fft_in|coefficients",
        "restored": "signal_out|waveform_out|ifft_out",
        "channel": "ch|channel_index|row",
        "frame": "block|frame_index|f",
        "start": "begin|frame_start|first",
    },
    double=True,
    weight=11,
)
def block_fft(d: Draft) -> None:
    """Computes short per-thread FFTs with all stages in registers."""
    n = d.option("length", 4, 8, 16)
    decimation = d.option("decimation", "time", "frequency")
    source = d.option("input", "real", "complex", "pair")
    inverse = d.flag("inverse", 0.35) if source != "real" else False
    window = d.flag("window", 0.5)
    result = d.option("result", "complex", "power", "half") if source == "real" else "complex"
    limit = d.option("frames", "all", "counted", "padded")
    if inverse:
        limit = "all" if limit == "padded" else limit  # half a spectrum is none
        d.calls("block_ifft|ifft_in_registers|short_ifft|inverse_fft_blocks")
    channels, frames = d.pick(3, 4, 6), d.pick(4, 6, 8)
    hop = n if inverse else d.pick(n // 2, n)
    bits, sign = n.bit_length() - 1, (1.0 if inverse else -1.0)
    length = (frames - 1) * hop + n - (n // 2 if limit == "padded" else 0)
    given, made_of, out = ("spectra", "bins", "restored") if inverse else ("signal", "samples", "spectrum")
    if source == "pair":
        d.input(
            "real_part",
            "float",
            (channels, length),
            -1.0,
            1.0,
            about=f"Real parts, shape (channels, {made_of})",
        )
        d.input("imag_part", "float", (channels, length), -1.0, 1.0, about="Imaginary parts")
    else:
        d.input(
            given, "float" if source == "real" else "vec2", (channels, length), -1.0, 1.0,
            about=f"{made_of.capitalize()}, shape (channels, {made_of})",
        )  # fmt: skip
    weights = "gains" if inverse else "weights"
    if window:
        d.input(
            weights,
            "float",
            n,
            0.1,
            1.0,
            about="Per-bin gain" if inverse else "Per-sample weight",
        )
    if hop != n:
        d.module(f"HOP = wp.constant({hop})")
    if limit == "counted":
        d.input("frame_count", "int", channels, frames // 2, frames + 1, about="Number of frames per channel")
    kept = {"complex": n, "power": n // 2 + 1, "half": n // 2 + 1}[result]
    d.output(
        out, "float" if result == "power" else "vec2", (channels, frames, kept),
        about={"complex": f"{'Samples' if inverse else 'Spectra'} (real, imaginary)", "power": "Power spectrum up to Nyquist",
               "half": "Spectrum up to Nyquist (the rest is conjugate-symmetric)"}[result]
        + (", not set beyond a channel's frames" if limit == "counted" else ""),
    )  # fmt: skip
    if n > 4:
        d.function(_MULTIPLY)
    parts = {
        "real": "wp.vec2(signal[channel, $at], 0.0)",
        "complex": f"{given}[channel, $at]",
        "pair": "wp.vec2(real_part[channel, $at], imag_part[channel, $at])",
    }[source]
    if limit == "padded":
        arrays = ("real_part", "imag_part") if source == "pair" else (given,)
        held = "wp.array2d(dtype=wp.vec2)" if source == "complex" else "wp.array2d(dtype=float)"
        d.function(
            f'''
            @wp.func
            def load_value({", ".join(f"{a}: {held}" for a in arrays)}, channel: int, index: int) -> wp.vec2:
                """Load a value as a complex number, zero past the end of the array."""
                if index >= {arrays[0]}.shape[1]:
                    return wp.vec2(0.0)
                return {parts.replace("$at", "index")}
            '''
        )
        parts = f"load_value({', '.join(arrays)}, channel, $at)"
    loads = []
    for register in range(n):
        k = _reversed(register, bits) if decimation == "time" else register
        weight = f"{weights}[{k}] * " if window else ""
        loads.append(f"x{register} = {weight}{parts.replace('$at', f'start + {k}' if k else 'start')}")
    scale = f"{1.0 / n!r} * " if inverse else ""
    stores = []
    for k in range(kept):
        register = k if decimation == "time" else _reversed(k, bits)
        value = f"wp.dot(x{register}, x{register})" if result == "power" else f"{scale}x{register}"
        stores.append(f"{out}[channel, frame, {k}] = {value}")
    d.launch(channels, frames)
    d.code(
        f"""
        channel, frame = wp.tid()
        $counted
        start = frame * {hop if hop == n else "HOP"}
        $comment
        $loads
        $stages
        $scaling
        $stores
        """,
        counted="# Skip padding frames\nif frame >= frame_count[channel]:\n    return"
        if limit == "counted"
        else "",
        comment="# Load in bit-reversed order so that the output is in natural order"
        if decimation == "time"
        else "# Input in natural order, output of the last stage in bit-reversed order",
        loads="\n".join(loads),
        stages=_butterflies(n, sign, decimation),
        scaling={
            (True, "complex"): "# The 1 / N scaling is part of the inverse transform",
            (
                False,
                "power",
            ): "# Power spectrum |X|^2, only up to Nyquist since real input has a symmetric spectrum",
            (False, "half"): "# Real input: X[N - k] = conj(X[k])",
        }.get((inverse, result), ""),
        stores="\n".join(stores),
    )
    trim(d)
    blocks = f"{'weighted ' if window else ''}{n}-sample blocks"
    d.says(
        f"Computes the inverse DFT of {'weighted ' if window else ''}{n}-bin spectra."
        if inverse
        else {
            "power": f"Computes power spectra of {blocks} using an FFT.",
            "half": f"Computes one-sided spectra of {blocks} using an FFT.",
            "complex": f"Computes the discrete Fourier transform of {blocks}.",
        }[result]
    )
    kind = "time" if decimation == "time" else "frequency"
    d.explain(f"""
        Radix-2 decimation in {kind}: log2({n}) = {bits} stages of {n // 2} butterflies. All values stay in
        registers.{"" if inverse else f" Frames start every {hop} samples."}
    """)

    def reference(v: Values) -> dict[str, Any]:
        if source == "pair":
            x = v.real_part + 1j * v.imag_part
        else:
            x = v.signal if source == "real" else v[given][..., 0] + 1j * v[given][..., 1]
        x = np.pad(x, ((0, 0), (0, n)))
        cut = np.stack([x[:, f * hop : f * hop + n] for f in range(frames)], axis=1)
        if window:
            cut = cut * v[weights]
        found = (np.fft.ifft(cut) if inverse else np.fft.fft(cut))[..., :kept]
        made = np.abs(found) ** 2 if result == "power" else np.stack([found.real, found.imag], axis=-1)
        if limit == "counted":
            live = np.arange(frames)[None] < np.asarray(v.frame_count)[:, None]
            made = np.where(live.reshape(live.shape + (1,) * (made.ndim - 2)), made, 0.0)
        return {out: made}

    d.check(reference, 1e-3)
