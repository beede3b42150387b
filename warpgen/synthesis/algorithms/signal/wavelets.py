"""Wavelets."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.signal import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {"x": "signal|samples|data", "n": "i|t|m"}


@DOMAIN.algorithm(
    source="Sweldens 1996; Cohen, Daubechies & Feauveau 1992; Daubechies 1988",
    names=_NAMES
    | {
        "wavelet_step": "dwt_level|dwt_step|wavelet_transform",
        "approx": "coarse|approximation|a_out",
        "details": "detail_out|d_out|wavelet_coeffs",
        "detail": "d_n|diff",
    },
    double=True,
    element="",
)
def wavelet_step(d: Draft) -> None:
    """Computes one level of a discrete wavelet transform."""
    wavelet = d.option("wavelet", "haar", "cdf 5/3", "daubechies 4")
    edge = d.option("edge", "wrap", "mirror")
    layout = d.option("layout", "one", "rows", "columns")
    result = d.option("result", "two", "one array", "details", "shrunk")
    normalised = d.flag("orthonormal", 0.5)
    if wavelet == "daubechies 4":
        edge = "wrap"
    size, rows = d.pick(32, 48, 64), d.pick(4, 6)
    if layout == "one":
        size *= 2
    half = size // 2
    said = {
        "haar": "the orthonormal Haar wavelet" if normalised else "the Haar wavelet (means and differences)",
        "cdf 5/3": "the Cohen-Daubechies-Feauveau 5/3 wavelet"
        + (" (details scaled by 1 / sqrt 2)" if result == "details" else " (scaled by sqrt 2 and 1 / sqrt 2)")
        * normalised,
        "daubechies 4": f"the {'orthonormal ' if normalised else ''}4-tap Daubechies wavelet"
        + ("" if normalised else " with unit-sum taps"),
    }[wavelet]
    kept = {
        "two": " into approximation and detail coefficients",
        "one array": ", storing approximation before detail coefficients",
        "details": " and keeps the detail coefficients",
        "shrunk": " and soft-thresholds the detail coefficients",
    }[result]
    d.says(f"Decomposes signals using {said}{kept}.")
    if result in ("details", "shrunk"):
        d.calls({
            "details": "wavelet_details|detail_coefficients|dwt_details",
            "shrunk": "wavelet_shrinkage|shrink_details|dwt_denoise_step",
        }[result])  # fmt: skip
    shape = {"one": (size,), "rows": (rows, size), "columns": (size, rows)}[layout]
    halved = {"one": (half,), "rows": (rows, half), "columns": (half, rows)}[layout]
    d.input("x", "float", shape, -1.0, 1.0, about="Input signal")
    if result == "shrunk":
        d.param("threshold", "float", 0.1, 0.3, about="Soft threshold for detail coefficients")
    if result == "one array":
        d.output("coeffs", "float", shape, about="Wavelet coefficients")
    else:
        if result != "details":
            d.output("approx", "float", halved, about="Approximation coefficients")
        d.output("details", "float", halved, about="Detail coefficients")
    at = {"one": "x[{}]", "rows": "x[row, {}]", "columns": "x[{}, row]"}[layout]
    to = {"one": "[{}]", "rows": "[row, {}]", "columns": "[{}, row]"}[layout]
    length = "length"
    if normalised and wavelet != "daubechies 4":
        d.module("SQRT2 = wp.constant(1.4142135623730951)")
    coarse = result != "details"
    if wavelet == "haar":
        body = f"left = {at.format('2 * n')}\nright = {at.format('2 * n + 1')}\n"
        if normalised:
            body += "detail = (right - left) / SQRT2\n" + "low = (left + right) / SQRT2" * coarse
        else:
            body += "detail = right - left\n" + "low = left + 0.5 * detail" * coarse
    elif wavelet == "cdf 5/3":
        if edge == "wrap":
            ends = f"after = (2 * n + 2) % {length}\n"
            if coarse:
                ends += f"back = (2 * n - 1 + {length}) % {length}\n"
                ends += f"back2 = (2 * n - 2 + {length}) % {length}"
        else:
            ends = f"""
            # mirror samples past the ends
            after = 2 * n + 2
            if after >= {length}:
                after = 2 * n
            """
            if coarse:
                ends += """
            back = wp.abs(2 * n - 1)
            back2 = wp.abs(2 * n - 2)
            """
        body = f"$ends\nhere = {at.format('2 * n')}\n"
        body += "# predict: subtract the neighbor mean from the odd sample\n"
        body += f"detail = {at.format('2 * n + 1')} - 0.5 * (here + {at.format('after')})"
        if coarse:
            body += f"""
before = {at.format("back")} - 0.5 * ({at.format("back2")} + here)
# update: preserve the signal mean
low = here + 0.25 * (before + detail)"""
        if normalised:
            body += "\ndetail /= SQRT2" + "\nlow *= SQRT2" * coarse
    else:
        ends = ""
        body = f"""
        a = {at.format("2 * n")}
        b = {at.format("2 * n + 1")}
        c = {at.format(f"(2 * n + 2) % {length}")}
        d = {at.format(f"(2 * n + 3) % {length}")}
        $low
        detail = H3 * a - H2 * b + H1 * c - H0 * d
        """
        d.module(
            "# filter taps 1 + r, 3 + r, 3 - r, 1 - r with r = sqrt 3, divided by "
            + ("4 sqrt 2\n" if normalised else "8 to preserve the mean\n")
            + "\n".join(f"H{k} = wp.constant({value!r})" for k, value in enumerate(_daubechies(normalised)))
        )
    if wavelet != "cdf 5/3":
        ends = ""
    shrink = ""
    if result == "shrunk":
        shrink = """
        # soft thresholding: treat small detail coefficients as noise
        detail = wp.sign(detail) * wp.max(wp.abs(detail) - threshold, 0.0)
        """
    if result == "one array":
        store = f"coeffs{to.format('n')} = low\ncoeffs{to.format(f'n + {length} // 2')} = detail"
    else:
        store = (f"approx{to.format('n')} = low\n" if coarse else "") + f"details{to.format('n')} = detail"
    d.launch(*((half,) if layout == "one" else (rows, half)))
    uses = wavelet != "haar" or result == "one array"
    taken = f"length = x.shape[{1 if layout == 'rows' else 0}]" if uses else ""
    d.code(
        f"{'n' if layout == 'one' else 'row, n'} = wp.tid()\n{taken}\n$body\n$shrink\n$store",
        body=body,
        ends=ends,
        low="low = H0 * a + H1 * b + H2 * c + H3 * d" if coarse else "",
        shrink=shrink,
        store=store,
    )
    kept_energy = normalised and wavelet != "cdf 5/3" and result in ("two", "one array")
    ending = "The signal is periodic." if edge == "wrap" else ""
    energy = "Preserves the energy." if kept_energy else ""
    d.explain(energy if wavelet == "haar" else f"{ending} {energy}".strip())

    def reference(v: Values) -> dict[str, Any]:
        x = np.atleast_2d(v.x if layout != "columns" else v.x.T)
        even, odd = x[:, ::2], x[:, 1::2]
        if wavelet == "haar":
            h, low = odd - even, (odd + even) / 2
            if normalised:
                h, low = h / 2**0.5, low * 2**0.5
        elif wavelet == "cdf 5/3":
            nxt = np.roll(even, -1, axis=1)
            if edge == "mirror":
                nxt[:, -1] = even[:, -1]
            h = odd - (even + nxt) / 2
            prev = np.roll(h, 1, axis=1)
            if edge == "mirror":
                prev[:, 0] = h[:, 0]
            low = even + (prev + h) / 4
            if normalised:
                h, low = h / 2**0.5, low * 2**0.5
        else:
            taps = np.array(_daubechies(normalised))
            parts = np.stack([even, odd, np.roll(even, -1, axis=1), np.roll(odd, -1, axis=1)], axis=-1)
            low, h = parts @ taps, parts @ (taps[::-1] * [1, -1, 1, -1])
        if result == "shrunk":
            h = np.sign(h) * np.maximum(np.abs(h) - v.threshold, 0)

        def back(y: Any) -> Any:
            return y[0] if layout == "one" else y if layout == "rows" else y.T

        if result == "one array":
            return {"coeffs": back(np.concatenate([low, h], axis=1))}
        return {"details": back(h)} | ({"approx": back(low)} if coarse else {})

    d.check(reference, 2e-4)


def _daubechies(normalised: bool) -> list[float]:
    root = 3**0.5
    by = 4 * 2**0.5 if normalised else 8.0
    return [(1 + root) / by, (3 + root) / by, (3 - root) / by, (1 - root) / by]
