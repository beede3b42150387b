"""Single tones and cosine transforms."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.signal import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.naming import renamed
from warpgen.synthesis.writing.outline import outlined

_NAMES = {
    "x": "signal|samples|data",
    "n": "i|t|m",
    "k": "freq|q",
    "power": "tone_power|bin_power",
    "coeffs": "dct_out|spectrum|transformed",
}


@DOMAIN.algorithm(
    source="Goertzel 1958; Oppenheim & Schafer 2010, sec. 9.2",
    names=_NAMES
    | {
        "tones": "freqs|frequencies|targets",
        "coeff": "two_cos|coef",
    },
    double=True,
    adjoint="no",
    element="frame",
)
def detect_tones(d: Draft) -> None:
    """Detects tones in signal frames using the Goertzel algorithm."""
    result = d.option("result", "power", "amplitude", "complex", "present")
    tones = d.option("tones", "hertz", "bins", "one")
    layout = d.option("layout", "frames", "hops", "columns")
    form = d.option("form", "two states", "shifted")
    windowed = d.flag("windowed", 0.3) and result != "amplitude"  # of which a window would take some away
    of = "weighted signal frames" if windowed else "signal frames"
    frames, size, number = d.pick(8, 12, 16), d.pick(40, 48, 64), d.pick(4, 7, 8)
    d.says({
        "power": f"Computes the power |X|^2 / N of tones in {of} using the Goertzel algorithm.",
        "amplitude": f"Computes the amplitude 2 |X| / N of tones in {of} using the Goertzel algorithm.",
        "complex": f"Computes single DFT bins of {of} using the Goertzel algorithm.",
        "present": f"Detects tones whose power exceeds a threshold in {of} using the Goertzel algorithm.",
    }[result])  # fmt: skip
    d.calls({
        "power": "tone_power|goertzel_power|goertzel",
        "amplitude": "tone_amplitude|goertzel_amplitude|goertzel",
        "complex": "goertzel_bins|goertzel|single_bin_dft",
        "present": "detect_tones|tone_detector|find_tones",
    }[result])  # fmt: skip
    hop = size // 2
    shape = {"frames": (frames, size), "hops": (hop * (frames + 1),), "columns": (size, frames)}[layout]
    d.input("x", "float", shape, -1.0, 1.0, about="Input signal")
    if tones == "hertz":
        d.input("tones", "float", number, 600.0, 3400.0, about="Tone frequencies [Hz]")
        d.param("rate", "float", 8000.0, about="Sample rate [Hz]")
        omega = "2.0 * wp.pi * tones[j] / rate"
    elif tones == "bins":
        d.input("bins", "int", number, 1, size // 2, about="Bin indices")
        omega = "2.0 * wp.pi * float(bins[j]) / float(FRAME)"
    else:
        d.param("w", "float", 0.4, 2.6, about="Angular tone frequency [rad/sample]")
        omega = ""
    if windowed:
        d.input("weights", "float", size, 0.1, 1.0, about="Per-sample weight")
    if result == "present":
        d.param("threshold", "float", 0.2, 0.3, about="Detection threshold for tone power")
    out = (frames,) if tones == "one" else (frames, number)
    name, type_, about = {
        "complex": ("dft", "vec2", "DFT values (real, imaginary)"),
        "present": ("present", "int", "Detection flag, 1 if the tone is present"),
        "power": ("power", "float", "Tone power"),
        "amplitude": ("amplitude", "float", "Tone amplitude"),
    }[result]
    d.output(name, type_, out, about=about)
    d.module(f"FRAME = wp.constant({size})" + (f"\nHOP = wp.constant({hop})" if layout == "hops" else ""))
    at = {"frames": "x[frame, n]", "hops": "x[frame * HOP + n]", "columns": "x[n, frame]"}[layout]
    u = f"weights[n] * {at}" if windowed else at
    to = "[frame]" if tones == "one" else "[frame, j]"
    if form == "two states":
        loop = f"""
        for n in range(FRAME):
            s0 = {u} + coeff * s1 - s2
            s2 = s1
            s1 = s0
        """
    else:
        # the difference form has less rounding error at low frequencies
        loop = f"""
        # Reinsch's modification for numerical stability at low frequencies
        for n in range(FRAME):
            delta += {u} - two_less_coeff * s1
            s1 += delta
        s2 = s1 - delta
        """
    start = "coeff = 2.0 * wp.cos(w)\ns1 = float(0.0)\ns2 = float(0.0)"
    if form == "shifted":
        start = """
        half_sine = wp.sin(0.5 * w)
        # 2 - 2 cos(w), written to avoid cancellation
        two_less_coeff = 4.0 * half_sine * half_sine
        coeff = 2.0 - two_less_coeff
        s1 = float(0.0)
        delta = float(0.0)
        """
    square = "s1 * s1 + s2 * s2 - coeff * s1 * s2"
    store = {
        "power": f"power{to} = ({square}) / float(FRAME)",
        "amplitude": f"amplitude{to} = 2.0 / float(FRAME) * wp.sqrt({square})",
        "complex": f"""
        # Rotate the phase back from the last sample to the first
        re = s1 - s2 * wp.cos(w)
        im = s2 * wp.sin(w)
        phase = w * float(FRAME - 1)
        c = wp.cos(phase)
        s = wp.sin(phase)
        dft{to} = wp.vec2(re * c + im * s, im * c - re * s)
        """,
        "present": f"""
        power = ({square}) / float(FRAME)
        present{to} = 1 if power > threshold else 0
        """,
    }[result]
    if result == "complex" and form == "shifted":
        start = start.replace("        coeff = 2.0 - two_less_coeff\n", "")
    d.launch(*out)
    d.code(
        f"{'frame' if tones == 'one' else 'frame, j'} = wp.tid()\n{f'w = {omega}' if omega else ''}\n$start\n$loop\n$store",
        start=start,
        loop=loop,
        store=store,
    )
    one, two = d.pick(("s1", "s2"), ("prev", "prev2"), ("q1", "q2"), ("z1", "z2"))
    d.text = renamed(d.text, {"s1": one, "s2": two})
    d.explain(
        f"One multiply per sample and tone{' besides the weights' if windowed else ''}, cheaper than an FFT"
        " for a few tones."
    )

    def reference(v: Values) -> dict[str, Any]:
        if layout == "hops":
            x = np.lib.stride_tricks.sliding_window_view(v.x, size)[::hop][:frames]
        else:
            x = v.x if layout == "frames" else v.x.T
        x = x * v.weights if windowed else x
        if tones == "one":
            w = np.array([v.w])
        else:
            w = 2 * np.pi * (v.tones / v.rate if tones == "hertz" else v.bins / size)
        made = (x @ np.exp(-1j * np.outer(np.arange(size), w))).reshape(out)
        power = np.abs(made) ** 2 / size
        return {
            "power": {"power": power},
            "amplitude": {"amplitude": 2 / size * np.sqrt(power * size)},
            "complex": {"dft": np.stack([made.real, made.imag], axis=-1)},
            "present": {"present": (power > v.get("threshold", 0.0)).astype(int)},
        }[result]

    d.check(reference, 2e-3)


@DOMAIN.algorithm(
    source="Ahmed, Natarajan & Rao 1974; Britanak, Yip & Rao 2007; Princen, Johnson & Bradley 1987",
    names=_NAMES
    | {"cosine_transform": "dct|dct_blocks|block_dct", "angle": "theta|phase", "size": "N|num_coeffs"},
    double=True,
    weight=4,
)
def cosine_transform(d: Draft) -> None:
    """Computes block cosine transforms."""
    kind = d.option("kind", "ii", "iii", "iv", "mdct", "i")
    scale = d.option("scale", "orthonormal", "plain", "scaled")
    layout = d.option("layout", "rows", "flat", "columns")
    quantise = d.flag("quantised", 0.25)
    basis = d.flag("basis", 0.3)
    size, blocks = d.pick(8, 12, 16), d.pick(6, 8, 12)
    length = 2 * size if kind == "mdct" else size
    said = {
        "i": "the first kind", "ii": "the second kind", "iii": "the third kind",
        "iv": "the fourth kind", "mdct": "",
    }[kind]  # fmt: skip
    what = f"Transforms blocks using the discrete cosine transform of {said}"
    if kind == "mdct":
        what = "Transforms overlapping blocks using the modified discrete cosine transform"
    if kind == "mdct":
        d.calls("mdct|modified_dct|mdct_blocks")
    if kind != "ii" and kind != "iii" and scale == "orthonormal":
        scale = "scaled"
    if kind == "iii" and scale == "scaled":
        scale = "plain"
    root = "sqrt(2 / (N - 1))" if kind == "i" else "sqrt(2 / N)"
    norm = {"orthonormal": " (orthonormal)", "plain": " (unscaled)", "scaled": f" (scaled by {root})"}[scale]
    if kind == "iii":
        norm += ", the inverse of the second" + ("" if scale == "orthonormal" else " but for a factor")
        quantise = quantise and basis
    if basis:
        what = f"Projects {'overlapping ' * (kind == 'mdct')}blocks onto given basis vectors"
        d.calls("block_transform|project_blocks|apply_basis")
    d.says(f"{what}{'' if basis else norm}{' and quantizes the coefficients' if quantise else ''}.")
    shape = {"rows": (blocks, length), "flat": (blocks * length,), "columns": (length, blocks)}[layout]
    if kind == "mdct" and layout == "flat":
        shape = ((blocks + 1) * size,)
    d.input("x", "float", shape, -1.0, 1.0, about="Input signal")
    if basis:
        d.input("basis", "float", (size, length), -1.0, 1.0, about="Basis vectors, stored as rows")
    if quantise:
        d.input("steps", "float", size, 0.1, 0.4, about="Per-coefficient quantization step")
        d.forward_only()
    d.param("size", "int", size, about="Number of coefficients per block")
    out = {"rows": (blocks, size), "flat": (blocks * size,), "columns": (size, blocks)}[layout]
    d.output("coeffs", "int" if quantise else "float", out, about="Transform coefficients")
    at = {"rows": "x[block, n]", "flat": "x[block * size + n]", "columns": "x[n, block]"}[layout]
    to = {"rows": "[block, k]", "flat": "[block * size + k]", "columns": "[k, block]"}[layout]
    angle = {
        "i": "wp.pi * float(n * k) / float(size - 1)",
        "ii": "wp.pi * (float(n) + 0.5) * float(k) / float(size)",
        "iii": "wp.pi * float(n) * (float(k) + 0.5) / float(size)",
        "iv": "wp.pi * (float(n) + 0.5) * (float(k) + 0.5) / float(size)",
        "mdct": "wp.pi * (float(n) + 0.5 + 0.5 * float(size)) * (float(k) + 0.5) / float(size)",
    }[kind]
    term = "basis[k, n]" if basis else f"wp.cos({angle})"
    if basis:
        inner = f"coefficient += {at} * basis[k, n]"
    elif kind == "iii":
        other = "1.4142135623730951" if scale == "orthonormal" else "2.0"
        inner = f"""
        # DCT-III: the DC coefficient has a smaller weight
        weight = 1.0 if n == 0 else {other}
        coefficient += weight * {at} * {term}
        """
    elif kind == "i":
        inner = f"""
        # DCT-I: half weight for the end samples
        weight = 0.5 if n == 0 or n == size - 1 else 1.0
        coefficient += weight * {at} * {term}
        """
    else:
        inner = f"angle = {angle}\ncoefficient += {at} * wp.cos(angle)"
    factor, lines = "", ""
    if not basis:
        if scale == "orthonormal":
            if kind == "ii":
                lines = """
                # The DC basis vector has twice the energy of the others
                norm = wp.sqrt(wp.where(k == 0, 1.0, 2.0) / float(size))
                """
                factor = "norm * "
            else:
                lines, factor = "norm = 1.0 / wp.sqrt(float(size))", "norm * "
        elif scale == "scaled":
            # by which the first and the fourth kind are their own inverses
            span = "size - 1" if kind == "i" else "size"
            lines, factor = f"norm = wp.sqrt(2.0 / float({span}))", "norm * "
    samples = "2 * size" if kind == "mdct" else "size"
    total = "coefficient = float(0.0)\nfor n in range($samples):\n    $inner"
    value = f"{factor}coefficient"
    ends = {
        "i": ", with half weight for the end samples",
        "iii": ", with a reduced weight for the first sample",
    }
    weighed = "" if basis else ends.get(kind, "")
    if d.flag("helper", 0.6):
        total = "coefficient = " + outlined(
            d, f"project_on_{'basis' if basis else 'cosine'}", f"Inner product of a block with a {'basis vector' if basis else 'cosine'}{weighed}.", total, "coefficient", "float",
            {"block": "int", "k": "int"}, {"samples": samples, "inner": inner},
        )  # fmt: skip
    store = f"coeffs{to} = int(wp.round({value} / steps[k]))" if quantise else f"coeffs{to} = {value}"
    d.launch(blocks, size)
    d.code(
        """
        block, k = wp.tid()
        $total
        $lines
        $store
        """,
        total=total,
        samples=samples,
        inner=inner,
        lines=lines,
        store=store,
    )
    if basis:
        d.explain("Row k of `basis` holds one basis vector, e.g. a sampled cosine for a DCT.")
    else:
        overlap = ""
        if kind == "mdct":
            overlap = (
                "Each windowed block of 2 N samples gives N coefficients; aliasing cancels in the overlap."
            )
        d.explain(overlap)

    def reference(v: Values) -> dict[str, Any]:
        if layout == "flat":
            x = np.lib.stride_tricks.sliding_window_view(v.x, length)[::size][:blocks]
        else:
            x = v.x if layout == "rows" else v.x.T
        n, k = np.arange(length)[None, :], np.arange(size)[:, None]
        m = {
            "i": np.cos(np.pi * n * k / (size - 1)) * np.where((n == 0) | (n == length - 1), 0.5, 1.0),
            "ii": np.cos(np.pi * (2 * n + 1) * k / (2 * size)),
            "iii": np.cos(np.pi * n * (2 * k + 1) / (2 * size)) * np.where(n == 0, 1.0, 2.0),
            "iv": np.cos(np.pi * (2 * n + 1) * (2 * k + 1) / (4 * size)),
            "mdct": np.cos(np.pi / size * (n + 0.5 + size / 2) * (k + 0.5)),
        }[kind]
        if scale == "scaled":
            m = m * np.sqrt(2 / (size - (kind == "i")))
        elif scale == "orthonormal":
            m = np.cos(np.pi * (2 * n + 1) * k / (2 * size)) * np.where(k == 0, 1.0, 2**0.5) / size**0.5
            if kind == "iii":  # the inverse of an orthonormal matrix
                m = m.T
        made = x @ (v.basis if basis else m).T
        if quantise:
            return {"quotient": made / v.steps}
        return {"coeffs": {"rows": made, "flat": made.ravel(), "columns": made.T}[layout]}

    if not quantise:
        d.check(reference, 5e-4)
        return

    def rounded(before: Values, after: Values) -> None:
        quotient = reference(before)["quotient"]
        found = after.coeffs.T if layout == "columns" else after.coeffs.reshape(blocks, size)
        assert (np.abs(found - quotient) <= 0.5 + 1e-3).all()

    d.holds(rounded)
