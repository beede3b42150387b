"""Spectra of signals that a block of threads transforms: correlations, envelopes, cepstra."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.signal import DOMAIN
from warpgen.synthesis.algorithms.signal import _bins as bins
from warpgen.synthesis.writing.draft import Draft, Values, dedented

_N = 256  # the transform that Warp falls back to wants a point for each thread of a block, at least
_BINS = "bins = wp.tile_reshape(wp.tile_arange(POINTS, dtype=int), shape=(1, POINTS))"
_NAMES = {"POINTS": "N|FFT_SIZE|FRAME", "pair": "frame|row|block", "z": "bin_value|z_k|coef"}


@DOMAIN.algorithm(
    source="Knapp & Carter 1976 (generalized correlation); Carter 1987; Oppenheim & Schafer 2010, ch. 8 and 10",
    names=_NAMES
    | {
        "left": "first|mic_a|reference",
        "right": "second|mic_b|delayed",
        "cross": "cross_spectrum|product|g",
        "banded": "band_limited|filtered",
        "window": "taper|hann|fade",
    },
    adjoint="either",
    weight=2,
)
def correlated_frames(d: Draft) -> None:
    """Correlates frame pairs using cross-spectra."""
    weighting = d.option("weighting", "plain", "phase", "roth")
    result = d.option("result", "correlation", "lag", "peak", "spectrum")
    tapered = d.option("taper", "none", "hann", "hamming")
    band = d.flag("band", 0.4)
    together = d.flag("one transform", 0.5)
    d.calls({
        "correlation": "cross_correlate_fft|correlate_frames|cross_correlation",
        "lag": "estimate_delays|delay_estimation|find_lags",
        "peak": "correlation_peaks|largest_correlation|match_frames",
        "spectrum": "cross_spectra|cross_spectrum|weighted_cross_spectra",
    }[result])  # fmt: skip
    if weighting == "phase" and result == "correlation":
        d.calls("gcc_phat|phase_correlation|phase_correlate_frames")
    pairs = d.pick(1, 2, 3)
    d.module(f"POINTS = wp.constant({_N})")
    d.input("left", "float", (pairs, _N), -1.0, 1.0, about="sample frames from the first microphone")
    d.input("right", "float", (pairs, _N), -1.0, 1.0, about="sample frames from the second microphone")
    if weighting != "plain":
        d.param(
            "floor_power", "float", 0.1, 1.0, about="regularization to avoid division by zero in empty bins"
        )
    if band:
        d.param("lowest", "int", 4, 12, about="first band bin")
        d.param("highest", "int", 90, 120, about="last band bin")
    kind = {"plain": "", "phase": "phase-only ", "roth": "Roth-weighted "}[weighting]
    of = f"{'' if tapered == 'none' else 'tapered '}frame pairs"
    within = " in a frequency band" if band else ""
    if result == "lag":
        d.output("lags", "int", pairs, about="delay of `right` [samples], negative if `right` leads")
        d.forward_only()
        d.says(f"Estimates the time delay of {of} from the {kind}correlation peak{within}.")
    elif result == "peak":
        d.output("peaks", "float", pairs, about="peak correlation over all delays")
        d.forward_only()
        d.says(f"Computes the peak {kind}correlation of {of} over all delays using FFTs{within}.")
    elif result == "correlation":
        d.output("correlation", "float", (pairs, _N), about="circular correlation at each delay of `left`")
        d.says(f"Computes the circular {kind}correlation of {of} using FFTs{within}.")
    else:
        d.output("spectra", "vec2", (pairs, _N), about=f"{kind}cross-spectra (real, imaginary)")
        d.says(f"Computes {kind}cross-spectra of {of}{within}.")
    d.function(bins.PACKED if together else bins.AS_COMPLEX)
    taper = ""
    if tapered != "none":
        a, b = ("0.5", "0.5") if tapered == "hann" else ("0.54", "0.46")
        d.function(f"""
            @wp.func
            def taper(x: float, n: int) -> float:
                return x * ({a} - {b} * wp.cos(wp.TAU * float(n) / float(POINTS)))
        """)
        taper = "x = wp.tile_map(taper, x_raw, bins)\ny = wp.tile_map(taper, y_raw, bins)"
    law = {
        "plain": "",
        "phase": "# PHAT weighting: keep only the phase, since it encodes the delay\nreturn c / wp.sqrt(wp.length_sq(c) + floor_power)",
        "roth": "return c / (wp.length_sq(a) + floor_power)",
    }[weighting]
    how = {
        "plain": "",
        "phase": ", normalized to unit magnitude (PHAT)",
        "roth": ", divided by the power of A (Roth)",
    }[weighting]
    parameters = ["a: wp.vec2", "b: wp.vec2"] + (["floor_power: float"] if weighting != "plain" else [])
    d.function(
        f'''
        @wp.func
        def cross_bin({", ".join(parameters)}) -> wp.vec2:
            """Return A * conj(B){how}."""
            {"return" if weighting == "plain" else "c ="} wp.vec2(a[0] * b[0] + a[1] * b[1], a[1] * b[0] - a[0] * b[1])
            $law
        ''',
        law=law,
    )
    if band:
        d.function(bins.IN_BAND)
    load = "x{0} = wp.tile_load(left, shape=(1, POINTS), offset=(pair, 0))\ny{0} = wp.tile_load(right, shape=(1, POINTS), offset=(pair, 0))".format(
        "_raw" if taper else ""
    )
    if together:
        d.function(bins.CONJUGATE)
        d.function(bins.OVER_2I)
        transform = """
            both = wp.tile_map(packed, x, y)
            wp.tile_fft(both)
            # Separate both spectra using Hermitian symmetry: combine bin k with bin N - k
            turned = wp.tile_map(conjugate, both)
            mirror = wp.tile_map(mirrored_bin, wp.tile_arange(POINTS, dtype=int))
            back = turned[:, mirror]
            a = 0.5 * (both + back)
            b = wp.tile_map(over_2i, both - back)
        """
        d.function(bins.MIRRORED_BIN)
    else:
        transform = """
            a = wp.tile_map(as_complex, x)
            wp.tile_fft(a)
            b = wp.tile_map(as_complex, y)
            wp.tile_fft(b)
        """
    extra = ", floor_power" if weighting != "plain" else ""
    cross = (
        f"cross = wp.tile_map(cross_bin, a, b{extra})"
        if weighting != "plain"
        else "cross = wp.tile_map(cross_bin, a, b)"
    )
    shaped = "cross"
    if band:
        cross += "\nbanded = wp.tile_map(in_band, cross, bins, lowest, highest)"
        shaped = "banded"
    if result != "spectrum":
        d.function(bins.REAL_PART if result == "lag" else bins.SCALED_REAL)
    back = (
        f"wp.tile_ifft({shaped})\n# The inverse FFT is not normalized\nr = wp.tile_map(scaled_real, {shaped})"
    )
    end = {
        "correlation": f"{back}\nwp.tile_store(correlation, r, offset=(pair, 0))",
        "peak": f"{back}\nwp.tile_store(peaks, wp.tile_max(r), offset=pair)",
        "lag": f"wp.tile_ifft({shaped})\nbest = wp.tile_argmax(wp.tile_map(real_part, {shaped}))\n"
        "# The upper half holds negative delays; the peak is where `left` lags\n"
        "lag = best[0]\nif lag > POINTS // 2:\n    lag -= POINTS\nlags[pair] = -lag",
        "spectrum": f"wp.tile_store(spectra, {shaped}, offset=(pair, 0))",
    }[result]
    d.launch(pairs, tiled=True)
    d.code(
        "pair = wp.tid()\n$load\n$bins\n$taper\n$transform\n$cross\n$end",
        load=load,
        bins=_BINS if taper or band else "",
        taper=taper,
        transform=dedented(transform),
        cross=cross,
        end=end,
    )
    product = "A(f) conj B(f)" if weighting == "plain" else "w(f) A(f) conj B(f)"
    d.explain(
        f"{product} for the transforms A and B of both frames."
        if result == "spectrum"
        else f"r = IFFT({product}), which gives the correlation at all delays in O(N log N)."
    )

    def reference(v: Values) -> Mapping[str, Any]:
        w = {"none": 1.0, "hann": 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_N) / _N),
             "hamming": 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(_N) / _N)}[tapered]  # fmt: skip
        a, b = np.fft.fft(v.left * w), np.fft.fft(v.right * w)
        c = a * np.conj(b)
        eps = v.get("floor_power")
        c = {"plain": lambda: c, "phase": lambda: c / np.sqrt(abs(c) ** 2 + eps),
             "roth": lambda: c / (abs(a) ** 2 + eps)}[weighting]()  # fmt: skip
        if band:
            k = abs(np.fft.fftfreq(_N, 1 / _N))
            c = c * ((k >= v.lowest) & (k <= v.highest))
        if result == "spectrum":
            return {"spectra": np.stack([c.real, c.imag], axis=-1)}
        r = np.fft.ifft(c).real
        if result == "correlation":
            return {"correlation": r}
        if result == "peak":
            return {"peaks": r.max(1)}
        best = r.argmax(1)
        return {"lags": -np.where(best > _N // 2, best - _N, best)}

    d.check(reference, 2e-3)


@DOMAIN.algorithm(
    source="Gabor 1946; Bogert, Healy & Tukey 1963 (cepstrum); Noll 1967 (pitch); Childers, Skinner & Kemerait 1977; Boashash 1992",
    names=_NAMES
    | {
        "frames": "samples|signal|audio",
        "frame": "row|block|f",
        "quiet": "floor_power|eps|noise_floor",
        "one_sided": "analytic_bin|positive_half|hilbert_bin",
    },
    adjoint="either",
    weight=11,
)
def shaped_frames(d: Draft) -> None:
    """Computes envelopes or cepstra of signal frames using FFTs."""
    kind = d.option("kind", "envelope", "cepstrum", "liftered", "quadrature", "frequency")
    power = d.option("power", "magnitude", "square")
    centred = d.flag("centred", 0.5)
    emphasized = d.flag("pre-emphasis", 0.4)
    banded = d.flag("band edges", 0.4) and kind in ("envelope", "quadrature")
    frames = d.pick(1, 2, 3)
    d.module(f"POINTS = wp.constant({_N})")
    d.input("frames", "float", (frames, _N), -1.0, 1.0, about="sample frames, one per row")
    if emphasized:
        d.module("ALL_BUT_LAST = wp.constant(POINTS - 1)")
        d.param("emphasis", "float", 0.9, 0.97, about="pre-emphasis coefficient")
    if kind in ("cepstrum", "liftered"):
        d.param("quiet", "float", 0.05, 0.3, about="added to the power, to avoid log(0)")
    if kind == "liftered":
        d.param("kept", "int", 12, 24, about="number of cepstral coefficients to keep")
    if banded:
        d.param("middle", "float", 40.0, 60.0, about="center bin of the band")
        d.param(
            "width",
            "float",
            8.0,
            20.0,
            about="standard deviation of the Gaussian band-pass filter [bins]",
        )
    if kind == "frequency":
        d.param("rate", "float", 8000.0, 16000.0, about="sample rate [Hz]")
    amplitudes = "amplitudes" if power == "magnitude" else "powers"
    name, type_, about = {
        "envelope": ("envelopes", "float", f"instantaneous {amplitudes}"),
        "cepstrum": ("cepstra", "float", "cepstral coefficients"),
        "liftered": ("smooth", "float", f"smoothed per-bin log {amplitudes}"),
        "quadrature": ("analytic", "vec2", "analytic signals (real part, Hilbert transform)"),
        "frequency": ("centroids", "float", ""),
    }[kind]
    by = "power" if power == "square" else "magnitude"
    if kind == "frequency":
        d.output(
            "centroids",
            "float",
            frames,
            about=f"{by}-weighted mean frequency per frame [Hz]",
        )
    else:
        d.output(name, type_, (frames, _N), about=about)
    within = " in a frequency band" if banded else ""
    which = ", ".join(["zero-mean"] * centred + ["pre-emphasized"] * emphasized) + " frames"
    which = which.strip()
    d.says(
        {
            "envelope": f"Computes the instantaneous {amplitudes} of {which}{within} using the analytic signal.",
            "cepstrum": f"Computes the real cepstra of {which}."
            if power == "magnitude"
            else f"Computes the cepstra of {which} from log power spectra.",
            "liftered": f"Smooths log spectra of {which} using low-quefrency liftering.",
            "quadrature": f"Computes the analytic signals of {which}{within} by zeroing negative frequencies.",
            "frequency": f"Computes the spectral centroids of {which}, weighted by {by}.",
        }[kind]
    )
    d.calls({
        "envelope": "envelope_detector|hilbert_envelope|frame_envelopes"
        if power == "magnitude"
        else "power_envelope|squared_envelope|instantaneous_power",
        "cepstrum": "cepstrum_tiled|real_cepstra|cepstrum",
        "liftered": "liftered_spectrum|smooth_log_spectrum|cepstral_smoothing",
        "quadrature": "analytic_signal|make_analytic|analytic_frames",
        "frequency": "spectral_centroids|mean_frequencies|spectral_centroid",
    }[kind])  # fmt: skip
    d.function(bins.AS_COMPLEX)
    load = f"x = wp.tile_load(frames, shape=(1, POINTS), offset=(frame, 0){', storage=' + chr(34) + 'shared' + chr(34) if emphasized else ''})"
    now = "x"
    if centred:
        load += (
            "\nmean = wp.tile_sum(x, axis=1) / float(POINTS)\n"
            "zero_mean = x - wp.tile_broadcast(wp.tile_reshape(mean, shape=(1, 1)), shape=(1, POINTS))"
        )
        now = "zero_mean"
    if emphasized:
        load += (
            "\n# Shift by one sample, with zero before the first\n"
            'before = wp.tile_zeros(shape=(1, POINTS), dtype=float, storage="shared")\n'
            f"wp.tile_assign(before, wp.tile_view({now}, offset=(0, 0), shape=(1, ALL_BUT_LAST)), offset=(0, 1))\n"
            f"sharp = {now} - emphasis * before"
        )
        now = "sharp"
    if kind in ("envelope", "quadrature"):
        d.function(bins.ONE_SIDED)
        if banded:
            d.function(bins.IN_GAUSSIAN_BAND)
    read = {
        "envelope": "wp.sqrt(wp.length_sq(value) + 1.0e-12) / float(POINTS)"
        if power == "magnitude"
        else "wp.length_sq(value) / float(POINTS * POINTS)",
    }.get(kind, "")
    body = ""
    if kind in ("envelope", "quadrature"):
        shaped = "wp.tile_map(one_sided, spectrum, bins)"
        if banded:
            body = f"half = {shaped}\nshaped = wp.tile_map(in_band, half, bins, middle, width)\nwp.tile_ifft(shaped)\n"
        else:
            body = f"shaped = {shaped}\nwp.tile_ifft(shaped)\n"
        if kind == "quadrature":
            body += "# Normalize, since the FFTs are unscaled\nwp.tile_store(analytic, shaped * (1.0 / float(POINTS)), offset=(frame, 0))"
        else:
            d.function(f"@wp.func\ndef read_out(value: wp.vec2) -> float:\n    return {read}")
            body += f"wp.tile_store({name}, wp.tile_map(read_out, shaped), offset=(frame, 0))"
    elif kind == "frequency":
        d.function(f"""
            @wp.func
            def {by}_of(z: wp.vec2, index: int) -> float:
                # Skip the upper half, which mirrors the lower half
                return wp.where(index > POINTS // 2, 0.0, {"wp.length_sq(z)" if power == "square" else "wp.sqrt(wp.length_sq(z) + 1.0e-9)"})
        """)
        body = (
            f"weight = wp.tile_map({by}_of, spectrum, bins)\n"
            "hertz = (rate / float(POINTS)) * wp.tile_astype(bins, dtype=float)\n"
            "centroid = wp.tile_sum(weight * hertz, axis=1) / wp.tile_sum(weight, axis=1)\n"
            "wp.tile_store(centroids, centroid, offset=frame)"
        )
    else:
        log = (
            "0.5 * wp.log(wp.length_sq(z) + quiet)"
            if power == "magnitude"
            else "wp.log(wp.length_sq(z) + quiet)"
        )
        squared = "power" if power == "square" else "magnitude"
        d.function(f"""
            @wp.func
            def log_{squared}(z: wp.vec2, quiet: float) -> wp.vec2:
                return wp.vec2({log}, 0.0)
        """)
        d.function(bins.SCALED_REAL)
        body = (
            f"logs = wp.tile_map(log_{squared}, spectrum, quiet)\n"
            "# In place: log spectrum to cepstrum\n"
            "wp.tile_ifft(logs)\n"
        )
        if kind == "cepstrum":
            body += "wp.tile_store(cepstra, wp.tile_map(scaled_real, logs), offset=(frame, 0))"
        else:
            d.function(bins.LIFTER)
            body += (
                "slow = wp.tile_map(lifter, logs, bins, kept)\n"
                "wp.tile_fft(slow)\n"
                "wp.tile_store(smooth, wp.tile_map(scaled_real, slow), offset=(frame, 0))"
            )
    d.launch(frames, tiled=True)
    d.code(
        "frame = wp.tid()\n$load\nspectrum = wp.tile_map(as_complex, $now)\nwp.tile_fft(spectrum)\n$bins\n$body",
        load=load,
        now=now,
        bins=_BINS if "bins" in body else "",
        body=body,
    )
    first = ["centered"] * centred + ["pre-emphasized"] * emphasized
    d.explain(
        f"Each frame is first {' and '.join(first)}. One thread block per frame."
        if first
        else "One thread block per frame."
    )

    def reference(v: Values) -> Mapping[str, Any]:
        x = v.frames - (v.frames.mean(1, keepdims=True) if centred else 0.0)
        if emphasized:
            x = x - v.emphasis * np.concatenate([np.zeros((frames, 1)), x[:, :-1]], axis=1)
        z, k = np.fft.fft(x), np.arange(_N)
        if kind in ("envelope", "quadrature"):
            gain = np.where((k == 0) | (k == _N // 2), 1.0, np.where(k > _N // 2, 0.0, 2.0))
            if banded:
                gain = gain * np.exp(-0.5 * ((k - v.middle) / v.width) ** 2)
            a = np.fft.ifft(gain * z)
            return {name: {"envelope": np.sqrt(abs(a) ** 2 + (1e-12 / _N**2)) if power == "magnitude" else abs(a) ** 2,
                           "quadrature": np.stack([a.real, a.imag], axis=-1)}[kind]}  # fmt: skip
        if kind == "frequency":
            w = np.where(k > _N // 2, 0.0, abs(z) ** 2 if power == "square" else np.sqrt(abs(z) ** 2 + 1e-9))
            return {"centroids": (w * k).sum(1) * v.rate / _N / w.sum(1)}
        logs = np.log(abs(z) ** 2 + v.quiet) * (0.5 if power == "magnitude" else 1.0)
        c = np.fft.ifft(logs).real
        if kind == "cepstrum":
            return {"cepstra": c}
        q = np.minimum(k, _N - k)
        return {"smooth": np.fft.fft(c * (q < v.kept)).real}

    d.check(reference, 3e-3)
