"""Bands of a spectrum as the ear hears them, and smoothing by local polynomials."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.signal import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.outline import outlined

_NAMES = {
    "power": "spectrum|power_spec|psd",
    "bands": "features|band_out|band_levels",
    "x": "signal|samples|data",
    "y": "filtered|out_signal|y_out",
}


@DOMAIN.algorithm(
    source="Stevens, Volkmann & Newman 1937; Davis & Mermelstein 1980; Slaney 1998; Traunmueller 1990",
    names=_NAMES
    | {
        "band_energies": "filterbank|spectral_bands|triangular_bands",
        "band": "b|m|filter_index",
        "center": "mid",
    },
    double=True,
    adjoint="either",
    weight=2,
)
def band_energies(d: Draft) -> None:
    """Computes filter bank energies from power spectra using triangular filters."""
    scale = d.option("scale", "htk", "slaney", "bark", "given")
    output = d.option("output", "linear", "log", "decibel", "root")
    layout = d.option("layout", "rows", "columns")
    area = d.flag("equal area")
    amplitude = d.flag("amplitude", 0.3)
    frames, bins, bands = d.pick(8, 12, 16), d.pick(33, 49, 65), d.pick(8, 10, 12)
    said = {
        "htk": "evenly spaced on the mel scale",
        "slaney": "evenly spaced on Slaney's mel scale, linear below 1 kHz",
        "bark": "evenly spaced on the Bark scale",
        "given": "with user-supplied edges",
    }[scale]
    unit = {
        "linear": "",
        "log": ", then takes the logarithm",
        "decibel": ", in dB",
        "root": ", then takes the cube root",
    }[output]
    if amplitude and output == "root":
        amplitude = False  # loudness is a power of the energy
    summed = "amplitudes (roots of power spectra)" if amplitude else "power spectra"
    d.says(f"Sums {summed} over {'equal-area ' if area else ''}triangular bands {said}{unit}.")
    if scale in ("htk", "slaney"):
        d.calls("mel_filterbank|mel_bands|mel_spectrum")
    elif scale == "bark":
        d.calls("bark_filterbank|bark_bands|bark_spectrum")
    elif amplitude:
        d.calls("filterbank|spectral_bands|triangular_bands")
    d.input(
        "power",
        "float",
        (frames, bins) if layout == "rows" else (bins, frames),
        0.1,
        2.0,
        about="Power spectrum",
    )
    if scale == "given":
        d.input("edges", "float", bands + 2, 0.0, 4000.0, "ascending", about="Band edges [Hz]")
    else:
        d.module(f"BANDS = wp.constant({bands})")
    d.param("rate", "float", 8000.0, about="Sampling rate [Hz]")
    d.output(
        "bands",
        "float",
        (frames, bands) if layout == "rows" else (bands, frames),
        about=f"Band {'amplitudes' if amplitude else 'energies'}"
        + {"linear": "", "log": ", log-scaled", "decibel": " [dB]", "root": ", cube-root compressed"}[output],
    )
    if scale == "htk":
        d.function("""
            @wp.func
            def to_mel(f: float) -> float:
                return 1127.0 * wp.log(1.0 + f / 700.0)
        """)
        d.function("""
            @wp.func
            def to_hertz(m: float) -> float:
                return 700.0 * (wp.exp(m / 1127.0) - 1.0)
        """)
    elif scale == "slaney":
        d.function("""
            @wp.func
            def to_mel(f: float) -> float:
                if f < 1000.0:
                    return 0.015 * f
                # logarithmic above 1 kHz: 27 steps up to 6.4 kHz
                return 15.0 + 27.0 * wp.log(f / 1000.0) / wp.log(6.4)
        """)
        d.function("""
            @wp.func
            def to_hertz(m: float) -> float:
                if m < 15.0:
                    return m / 0.015
                return 1000.0 * wp.exp((m - 15.0) * wp.log(6.4) / 27.0)
        """)
    elif scale == "bark":
        d.function("""
            @wp.func
            def to_bark(f: float) -> float:
                # Bark scale (Traunmueller 1990)
                return 26.81 * f / (1960.0 + f) - 0.53
        """)
        d.function("""
            @wp.func
            def to_hertz(z: float) -> float:
                return 1960.0 * (z + 0.53) / (26.28 - z)
        """)
    curve = "to_bark" if scale == "bark" else "to_mel"
    if scale == "given":
        edges = "left = edges[band]\ncenter = edges[band + 1]\nright = edges[band + 2]"
    else:
        edges = f"""
        bottom = {curve}(0.0)
        step = ({curve}(0.5 * rate) - bottom) / float(BANDS + 1)
        # overlapping triangles: each band ends at the center of the next
        left = to_hertz(bottom + float(band) * step)
        center = to_hertz(bottom + float(band + 1) * step)
        right = to_hertz(bottom + float(band + 2) * step)
        """
    at = "power[frame, k]" if layout == "rows" else "power[k, frame]"
    value = f"wp.sqrt({at})" if amplitude else at
    number = "power.shape[1]" if layout == "rows" else "power.shape[0]"
    to = "bands[frame, band]" if layout == "rows" else "bands[band, frame]"
    noun = "amplitude" if amplitude else "energy"
    energy = f"2.0 * {noun} / (right - left)" if area else noun
    store = {
        "linear": f"{to} = {energy}",
        "log": f"# clamp to avoid log(0) for empty bands\n{to} = wp.log(wp.max({energy}, 1.0e-6))",
        "decibel": f"{to} = {20 if amplitude else 10}.0 * wp.log10(wp.max({energy}, 1.0e-6))",
        "root": f"# cube-root loudness compression\n{to} = wp.cbrt({energy})",
    }[output]
    helper = d.flag("helper", 0.6)
    if (output != "linear" or area) and not helper:
        d.forward_only()  # Warp does not tape the sum, which the adjoint of the logarithm needs
    d.launch(*((frames, bands) if layout == "rows" else (bands, frames)))
    total = f"""
        {noun} = float(0.0)
        for k in range({number}):
            f = 0.5 * rate * float(k) / float({number} - 1)
            if f > left and f < right:
                weight = wp.min((f - left) / (center - left), (right - f) / (right - center))
                {noun} += weight * {value}
        """
    if helper:
        types = {"frame": "int", "left": "float", "center": "float", "right": "float"}
        total = f"{noun} = " + outlined(
            d,
            f"triangle_{noun}",
            f"{noun.capitalize()} of one frame in a triangular band.",
            total,
            noun,
            "float",
            types,
            {},
        )
    d.code(
        f"""
        {"frame, band" if layout == "rows" else "band, frame"} = wp.tid()
        $edges
        $total
        $store
        """,
        total=total,
        edges=edges,
        store=store,
    )
    height = "Triangles have equal area (Slaney normalization)." if area else "Triangles have unit height."
    d.explain(f"Bins span 0 to half the sample rate. {height}")

    def reference(v: Values) -> dict[str, Any]:
        x = v.power if layout == "rows" else v.power.T
        top = v.rate / 2
        f = np.linspace(0, top, bins)
        if scale == "given":
            e = v.edges
        else:
            fine = np.linspace(0, top, 400001)
            map_ = {
                "htk": 1127 * np.log1p(fine / 700),
                "slaney": np.where(
                    fine < 1000, 0.015 * fine, 15 + 27 * np.log(np.maximum(fine, 1) / 1e3) / np.log(6.4)
                ),
                "bark": 26.81 * fine / (1960 + fine) - 0.53,
            }[scale]
            e = np.interp(np.linspace(map_[0], map_[-1], bands + 2), map_, fine)
        weights = np.stack([np.interp(f, e[b : b + 3], [0, 1, 0]) for b in range(bands)])
        made = (np.sqrt(x) if amplitude else x) @ weights.T
        if area:
            made = made * 2 / (e[2:] - e[:-2])
        floor = np.maximum(made, 1e-6)
        decibel = (20 if amplitude else 10) * np.log10(floor)
        made = {"linear": made, "log": np.log(floor), "decibel": decibel, "root": np.cbrt(made)}[output]
        return {"bands": made if layout == "rows" else made.T}

    d.check(reference, 5e-3)


@DOMAIN.algorithm(
    source="Savitzky & Golay 1964; Press et al. 2007, sec. 14.9",
    names=_NAMES
    | {
        "slope": "dy|derivative|rate_out",
        "n": "i|t|k",
    },
    double=True,
    half=True,
    element="",
)
def smooth_polynomial(d: Draft) -> None:
    """Applies a Savitzky-Golay smoothing or differentiation filter."""
    window = d.option("window", 5, 7, 9)
    result = d.option("result", "value", "slope", "curvature")
    edge = d.option("edge", "copy", "mirror", "clamp", "inside")
    layout = d.option("layout", "one", "rows", "vectors")
    form = d.option("form", "written", "table")
    rows, size = d.pick(6, 8), d.pick(32, 48)
    if layout != "rows":
        size *= 3
    if form == "table":
        result = "value"
    if edge == "copy" and result != "value":
        edge = "clamp"
    half = window // 2
    said = {"value": "value", "slope": "slope", "curvature": "second derivative"}[result]
    d.says(
        f"Filters signals with a centered {window}-tap window of user-supplied weights."
        if form == "table"
        else f"Fits a local quadratic to a {window}-sample window and evaluates its {said} at the center."
    )
    d.calls({
        "value": "savgol_filter|savitzky_golay|smooth_polynomial",
        "slope": "savgol_slope|savgol_derivative|smooth_slope",
        "curvature": "savgol_second_derivative|smooth_second_derivative|second_derivative_fit",
    }[result])  # fmt: skip
    type_ = "vec3" if layout == "vectors" else "float"
    shape = (rows, size) if layout == "rows" else (size,)
    d.input("x", type_, shape, -1.0, 1.0, about="Input signal")
    if result != "value":
        d.param("dt", "float", 0.5, 1.5, about="Sample interval [s]")
    if form == "table":
        d.calls("smooth_window|weighted_smoothing|smooth_signal")
        d.input("c", "float", window, 0.5 / window, 1.5 / window, about="Window weights, from left to right")
        d.module(f"WINDOW = wp.constant({window})")
    count = size - 2 * half if edge == "inside" else size
    about = {
        "value": "Smoothed signal",
        "slope": "Slope of the signal [1/s]",
        "curvature": "Second derivative of the signal [1/s^2]",
    }[result]
    d.output("y", type_, (rows, count) if layout == "rows" else count, about=about)
    at = "x[row, {}]" if layout == "rows" else "x[{}]"
    k = np.arange(-half, half + 1)
    exact: dict[tuple[str, int], tuple[list[int], int]] = {
        # of the normal equations, as whole numbers over a common divisor
        ("value", 5): ([-3, 12, 17, 12, -3], 35),
        ("value", 7): ([-2, 3, 6, 7, 6, 3, -2], 21),
        ("value", 9): ([-21, 14, 39, 54, 59, 54, 39, 14, -21], 231),
        ("slope", 5): ([-2, -1, 0, 1, 2], 10),
        ("slope", 7): ([-3, -2, -1, 0, 1, 2, 3], 28),
        ("slope", 9): ([-4, -3, -2, -1, 0, 1, 2, 3, 4], 60),
        ("curvature", 5): ([2, -1, -2, -1, 2], 7),
        ("curvature", 7): ([5, 0, -3, -4, -3, 0, 5], 42),
        ("curvature", 9): ([28, 7, -8, -17, -20, -17, -8, 7, 28], 462),
    }
    whole, by = exact[result, window]
    taken = ""
    if edge != "inside":
        taken = f"last = x.shape[{1 if layout == 'rows' else 0}] - 1"

    def neighbour(offset: str, side: str = "either") -> str:
        """The sample there, or what stands for it beyond the one end that this side may cross."""
        if edge == "mirror":
            within = {"left": f"wp.abs({offset})", "right": f"last - wp.abs(last - ({offset}))"}
            return at.format(within.get(side, f"last - wp.abs(last - wp.abs({offset}))"))
        if edge == "clamp":
            within = {"left": f"wp.max({offset}, 0)", "right": f"wp.min({offset}, last)"}
            return at.format(within.get(side, f"wp.clamp({offset}, 0, last)"))
        return at.format(offset)

    ids = "row, n" if layout == "rows" else "n"
    head = ""
    middle = "n"
    if edge == "copy":
        head = f"""
        # Skip samples near the ends, where the window is incomplete
        if n < {half} or n > last - {half}:
            y[{ids}] = {at.format("n")}
            return
        """
    elif edge == "inside":
        middle = f"n + {half}"
    if form == "table":
        lines = f"""
        smoothed = {"wp.vec3()" if layout == "vectors" else "float(0.0)"}
        for j in range(WINDOW):
            smoothed += c[j] * {neighbour("n + j" if edge == "inside" else "n + j - WINDOW // 2")}
        """
        value = "smoothed"
    else:
        symmetric = result != "slope"
        terms = [] if not symmetric else [f"{float(whole[half])} * {at.format(middle)}"]
        for j in range(1, half + 1):
            weight = float(whole[half + j])
            if weight == 0.0:
                continue
            right, left = neighbour(f"{middle} + {j}", "right"), neighbour(f"{middle} - {j}", "left")
            if edge == "inside":
                right, left = neighbour(f"n + {half + j}"), neighbour(f"n + {half - j}" if half > j else "n")
            both = f"{right} {'+' if symmetric else '-'} {left}"
            by_one = {1.0: both, -1.0: f"-{both}"}
            terms.append(by_one.get(weight, f"{weight} * ({both})"))
        lines = f"fit = {terms[0]}\n" + "\n".join(f"fit += {term}" for term in terms[1:])
        lines = lines.replace("fit += -", "fit -= ")
        value = f"fit / {float(by)}"
    if result == "slope":
        value = f"fit / ({float(by)} * dt)"
    elif result == "curvature":
        value = f"fit / ({float(by)} * dt * dt)"
    d.launch(*((rows, count) if layout == "rows" else (count,)))
    d.code(
        f"$ids = wp.tid()\n{taken}\n$head\n$lines\ny[$ids] = $value",
        ids=ids,
        head=head,
        lines=lines,
        value=value,
    )
    ends = {
        "copy": "Samples near the ends are copied unchanged.",
        "mirror": "The signal is mirrored at both ends.",
        "clamp": "Edge samples are replicated past the ends.",
        "inside": "Only samples with a full window inside the signal are computed.",
    }[edge]
    if form == "table":
        d.explain(f"`c` holds the window weights from left to right. {ends}")
    else:
        d.explain(
            f"Weights come from the least-squares fit, stored as integers over a common divisor. {ends}"
        )

    def reference(v: Values) -> dict[str, Any]:
        x = v.x if layout == "rows" else v.x.T.reshape(-1, size)
        mode: Any = {"mirror": "reflect", "clamp": "edge"}.get(edge, "constant")
        padded = x if edge == "inside" else np.pad(x, ((0, 0), (half, half)), mode=mode)
        cut = np.lib.stride_tricks.sliding_window_view(padded, window, axis=1)
        order = {"value": 0, "slope": 1, "curvature": 2}[result]
        if form == "table":
            weights = v.c
        else:
            # the pseudo-inverse of the powers of k gives the coefficients of the fit
            powers = np.vander(k, 3, increasing=True).astype(float)
            weights = np.linalg.pinv(powers)[order] * (2 if order == 2 else 1)
        made = cut @ weights / v.get("dt", 1.0) ** order
        if edge == "copy":
            made[:, :half], made[:, -half:] = x[:, :half], x[:, -half:]
        return {"y": made if layout == "rows" else made.T if layout == "vectors" else made[0]}

    d.check(reference, 5e-4)
