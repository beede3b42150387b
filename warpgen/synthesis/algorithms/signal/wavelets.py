"""Wavelet transforms."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.signal import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source=(
        "Haar 1910; Daubechies & Sweldens 1998 (lifting); Le Gall & Tabatabai 1988 (5/3); Cohen et "
        "al. 1992 (9/7)"
    ),
    names={
        "wavelet_step": "dwt_level|wavelet_kernel|wavelet_level",
        "x": "signal|samples|row",
        "approx": "low|coarse|scaling",
        "detail": "high|fine|wavelet_coeffs",
        "left": "prev|before|west",
        "right": "next_even|after|east",
        "half": "pairs|m|num_pairs",
    },
    double=True,
    adjoint="either",
)
def wavelet_step(d: Draft) -> None:
    """Splits a signal into averages and details by one level of a wavelet transform."""
    kind = d.option("kind", "haar", "d4", "cdf 5/3", "integer 5/3", "cdf 9/7 predict", "denoise")
    edge = d.option("edge", "wrap", "mirror")
    rows = d.option("rows", "one", "rows", "columns")
    packed = d.option("packed", "two arrays", "halves")
    way = d.option("way", "forward", "inverse") if kind in ("haar", "d4") else "forward"
    n, count = d.pick(24, 32, 48), d.pick(6, 8)
    half = n // 2
    integer = kind == "integer 5/3"
    type, low, high = ("int", 0, 256) if integer else ("float", -1.0, 1.0)

    def shape(length: int) -> Any:
        return {"one": (length,), "rows": (count, length), "columns": (length, count)}[rows]

    def at(name: str, place: str) -> str:
        return {"one": f"{name}[{place}]", "rows": f"{name}[r, {place}]", "columns": f"{name}[{place}, r]"}[
            rows
        ]

    inverse = way == "inverse"
    threshold = kind == "denoise"
    one_array = packed == "halves"
    if inverse:
        if one_array:
            d.input("coeffs", type, shape(n), low, high)
        else:
            d.input("approx", type, shape(half), low, high)
            d.input("detail", type, shape(half), low, high)
        d.output("x", type, shape(n))
    else:
        d.input("x", type, shape(n), low, high)
        if threshold:
            d.param("threshold", "float", 0.1, 0.4)
        if one_array:
            d.output("coeffs", type, shape(n))
        else:
            d.output("approx", type, shape(half))
            d.output("detail", type, shape(half))
    axis = {"one": 0, "rows": 1, "columns": 0}[rows]
    source = "x" if not inverse or not one_array else "coeffs"
    source = source if one_array or not inverse else "approx"
    half_line = (
        f"half = {source}.shape[{axis}] // 2" if source != "approx" else f"half = approx.shape[{axis}]"
    )
    lo, hi = (
        (at("coeffs", "i"), at("coeffs", "half + i")) if one_array else (at("approx", "i"), at("detail", "i"))
    )
    nxt = "(2 * i + 2) % (2 * half)" if edge == "wrap" else "wp.where(i + 1 < half, 2 * i + 2, 2 * i)"
    prev = "(2 * i + 2 * half - 1) % (2 * half)" if edge == "wrap" else "wp.abs(2 * i - 1)"

    def x(place: str) -> str:
        return at("x", place)

    if kind in ("haar", "denoise"):
        if inverse:
            body = (
                f"s = {lo}\n"
                f"d = {hi}\n"
                f"{x('2 * i')} = (s + d) * 0.7071067811865476\n"
                f"{x('2 * i + 1')} = (s - d) * 0.7071067811865476"
            )
        else:
            body = f"a = {x('2 * i')}\nb = {x('2 * i + 1')}\n{lo} = (a + b) * 0.7071067811865476"
            if threshold:
                body += (
                    "\n"
                    "# soft threshold: noise is spread over all details, the signal over few\n"
                    "w = (a - b) * 0.7071067811865476\n"
                    f"{hi} = wp.sign(w) * wp.max(wp.abs(w) - threshold, 0.0)"
                )
            else:
                body += f"\n{hi} = (a - b) * 0.7071067811865476"
    elif kind == "d4":
        d.module(
            "# Daubechies 1988, four taps: (1 + sqrt 3) / (4 sqrt 2), (3 + sqrt 3) / (4 sqrt 2), "
            "...\n"
            "H0 = wp.constant(0.48296291314453416)\n"
            "H1 = wp.constant(0.8365163037378079)\n"
            "H2 = wp.constant(0.2241438680420134)\n"
            "H3 = wp.constant(-0.12940952255126037)"
        )
        edge = "wrap"
        if inverse:
            plo, phi = (
                (at("coeffs", "p"), at("coeffs", "half + p"))
                if one_array
                else (at("approx", "p"), at("detail", "p"))
            )
            body = (
                "p = (i + half - 1) % half\n"
                f"{x('2 * i')} = H2 * {plo} + H1 * {phi} + H0 * {lo} + H3 * {hi}\n"
                f"{x('2 * i + 1')} = H3 * {plo} - H0 * {phi} + H1 * {lo} - H2 * {hi}"
            )
        else:
            body = (
                f"a = {x('2 * i')}\n"
                f"b = {x('2 * i + 1')}\n"
                f"c = {x('(2 * i + 2) % (2 * half)')}\n"
                f"e = {x('(2 * i + 3) % (2 * half)')}\n"
                f"{lo} = H0 * a + H1 * b + H2 * c + H3 * e\n"
                "# the wavelet has the taps reversed, with alternating signs\n"
                f"{hi} = H3 * a - H2 * b + H1 * c - H0 * e"
            )
    elif kind in ("cdf 5/3", "integer 5/3"):
        if integer:
            predict = "{o} - ((({l}) + ({r})) >> 1)"
            update = "(({0} + {1} + 2) >> 2)"
        else:
            predict = "{o} - 0.5 * ({l} + {r})"
            update = "0.25 * ({0} + {1})"
        before = "(2 * i + 2 * half - 2) % (2 * half)" if edge == "wrap" else "wp.abs(2 * i - 2)"
        body = f"""
        even = {x("2 * i")}
        odd = {x("2 * i + 1")}
        right = {x(nxt)}
        # the odd sample is predicted from its neighbours
        d1 = {predict.format(o="odd", l="even", r="right")}
        # the detail before is computed again rather than waited for
        d0 = {predict.format(o=x(prev), l=x(before), r="even")}
        {lo} = even + {update.format("d0", "d1")}
        {hi} = d1
        """
        if edge == "mirror":
            body = body.replace(
                f"d0 = {predict.format(o=x(prev), l=x(before), r='even')}",
                (
                    "d0 = d1\n"
                    "        if i > 0:\n"
                    f"            d0 = {predict.format(o=x('2 * i - 1'), l=x('2 * i - 2'), r='even')}"
                ),
            )
    else:
        body = f"""
        # first lifting step of the 9/7 wavelet; the even samples pass
        even = {x("2 * i")}
        {lo} = even
        {hi} = {x("2 * i + 1")} - 1.586134342059924 * (even + {x(nxt)})
        """
    uses_half = "half" in body
    d.launch(*((half,) if rows == "one" else (count, half)))
    d.code(
        "$ids\n$half\n$body",
        ids="i = wp.tid()" if rows == "one" else "r, i = wp.tid()",
        half=half_line if uses_half else "",
        body=body,
    )
    if kind == "denoise":
        d.says("Splits a signal by one level of Haar's transform and shrinks its details.")
    elif inverse:
        d.says(
            "Joins averages and details to the signal they came from, by one level of an inverse "
            "wavelet transform."
        )

    def reference(v: Values) -> dict[str, Any]:
        def turned(y: Any) -> Any:
            return y.T if rows == "columns" else y

        r2 = np.sqrt(0.5)
        if kind == "d4":
            h = np.array([1 + np.sqrt(3), 3 + np.sqrt(3), 3 - np.sqrt(3), 1 - np.sqrt(3)]) / (4 * np.sqrt(2))
            g = h[::-1] * [1, -1, 1, -1]
        else:
            h, g = np.array([r2, r2]), np.array([r2, -r2])
        m = np.zeros((n, n))
        for i in range(half):
            for t in range(len(h)):
                m[i, (2 * i + t) % n] += h[t]
                m[half + i, (2 * i + t) % n] += g[t]
        if inverse:
            c = (
                turned(v.coeffs)
                if one_array
                else np.concatenate([turned(v.approx), turned(v.detail)], axis=-1)
            )
            return {"x": turned(c @ m)}
        x_ = turned(v.x)
        if kind in ("haar", "d4", "denoise"):
            c = x_ @ m.T
            if threshold:
                w = c[..., half:]
                c = np.concatenate(
                    [c[..., :half], np.sign(w) * np.maximum(np.abs(w) - v.threshold, 0)], axis=-1
                )
        else:
            even, odd = x_[..., ::2], x_[..., 1::2]
            right = np.roll(even, -1, axis=-1)
            if edge == "mirror":
                right = np.concatenate([even[..., 1:], even[..., -1:]], axis=-1)
            if kind == "cdf 9/7 predict":
                c = np.concatenate([even, odd - 1.586134342059924 * (even + right)], axis=-1)
            else:
                d1 = odd - (np.floor_divide(even + right, 2) if integer else (even + right) / 2)
                d0 = np.roll(d1, 1, axis=-1)
                if edge == "mirror":
                    d0 = np.concatenate([d1[..., :1], d1[..., :-1]], axis=-1)
                s = even + (np.floor_divide(d0 + d1 + 2, 4) if integer else (d0 + d1) / 4)
                c = np.concatenate([s, d1], axis=-1)
        if one_array:
            return {"coeffs": turned(c)}
        return {"approx": turned(c[..., :half]), "detail": turned(c[..., half:])}

    d.check(reference, 3e-4)
