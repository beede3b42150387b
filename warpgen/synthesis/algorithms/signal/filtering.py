"""Filters with fixed and with adapted coefficients."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.signal import DOMAIN
from warpgen.synthesis.library import windows
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Oppenheim & Schafer 2010, sections 6.5 and 7.5; Crochiere & Rabiner 1983 (polyphase)",
    names={
        "fir_filter": "fir|apply_fir|filter_signal",
        "x": "signal|samples|input_signal",
        "h": "taps|coeffs|impulse_response",
        "y": "filtered|output_signal|response",
        "acc": "s|mac|value",
        "k": "tap|m|t",
        "j": "src|idx|at",
        "factor": "decimation|rate|step",
    },
    double=True,
    adjoint="no",
)
def fir_filter(d: Draft) -> None:
    """Filters a signal with a finite impulse response."""
    edge = d.option("edge", "zero", "clamp", "wrap", "mirror", "valid")
    kind = d.option("kind", "plain", "decimate", "interpolate", "symmetric", "windowed sinc")
    direction = d.option("direction", "causal", "centered")
    channels = d.flag("channels", 0.4)
    window = d.option("window", *windows.WINDOWS)
    n, taps = d.pick(48, 64, 96), d.pick(5, 7, 9)
    count = d.pick(3, 4)
    up = d.pick(2, 3)
    if kind == "interpolate" and edge in ("valid", "mirror"):
        edge = "zero"
    shape: Any = (count, n) if channels else (n,)
    d.input("x", "float", shape, -1.0, 1.0)
    half = taps // 2
    if kind == "symmetric":
        d.input("h", "float", half + 1, -0.5, 0.5)
    elif kind == "windowed sinc":
        d.param("cutoff", "float", 0.1, 0.4)
        d.param("taps", "int", taps)
    else:
        d.input("h", "float", taps, -0.5, 0.5)
    if kind == "decimate" or kind == "interpolate":
        d.param("factor", "int", up)
    length = n if edge != "valid" else n - taps + 1
    size = {"decimate": (length + up - 1) // up, "interpolate": n * up}.get(kind, length)
    d.output("y", "float", (count, size) if channels else size)
    c, out = ("x[c, {}]", "y[c, i]") if channels else ("x[{}]", "y[i]")
    total = "x.shape[1]" if channels else "x.shape[0]"
    num = {"symmetric": "2 * h.shape[0] - 1", "windowed sinc": "taps"}.get(kind, "h.shape[0]")
    base = "i * factor" if kind == "decimate" else "i"
    offset = "" if direction == "causal" else " + half"
    if edge == "valid":
        offset = f" + {num} - 1"
    start = f"{base}{offset}"
    guard = {
        "zero": "if j < 0 or j >= n:\n    continue",
        "valid": "",
        "clamp": "j = wp.clamp(j, 0, n - 1)",
        "wrap": "j = (j + n) % n",
        "mirror": (
            "# the edge sample itself is not repeated\n"
            "if j < 0:\n"
            "    j = -j\n"
            "if j >= n:\n"
            "    j = 2 * (n - 1) - j"
        ),
    }[edge]
    at = c.format("j")
    tap = {"symmetric": "h[wp.abs(k - h.shape[0] + 1)]"}.get(kind, "h[k]")
    pre = ""
    if kind == "windowed sinc":
        w = d.use(window)
        pre = """
        # sinc of the cutoff (in cycles per sample), limited by a window
        t = float(k) - 0.5 * float(taps - 1)
        ideal = 2.0 * cutoff
        if wp.abs(t) > 1.0e-4:
            ideal = wp.sin(2.0 * wp.pi * cutoff * t) / (wp.pi * t)
        """
        tap = f"ideal * {w}(k, taps)"
    if kind == "interpolate":
        loop = f"""
        # only every `factor`-th tap meets a sample that is not a stuffed zero
        phase = i % factor
        for k in range(phase, {num}, factor):
            j = (i - k) // factor
            {{guard}}
            acc += h[k] * {at}
        """.replace("{guard}", "$guard")
        if direction == "centered":
            loop = loop.replace("i % factor", "(i + half) % factor").replace("(i - k)", "(i + half - k)")
    elif kind == "symmetric" and edge == "valid" and direction == "causal":
        loop = f"""
        # pairs of samples share a tap: half the products
        m = i + h.shape[0] - 1
        acc += h[0] * {c.format("m")}
        for k in range(1, h.shape[0]):
            acc += h[k] * ({c.format("m - k")} + {c.format("m + k")})
        """
    else:
        loop = f"for k in range({num}):\n    $pre\n    j = {start} - k\n    $guard\n    acc += {tap} * {at}"
    needs_half = direction == "centered" and edge != "valid"
    needs_n = edge != "valid"
    d.launch(*((count, size) if channels else (size,)))
    if kind == "interpolate":
        guard = {"zero": "if j >= n:\n    continue", "clamp": "j = wp.min(j, n - 1)", "wrap": "j = j % n"}[
            edge
        ]
        loop = (
            loop.replace(
                "factor):\n            j",
                "factor):\n            if k > i + half:\n                break\n            j",
            )
            if direction == "centered"
            else loop.replace(
                "factor):\n            j",
                "factor):\n            if k > i:\n                break\n            j",
            )
        )
    d.code(
        "$ids\n$n\n$half\nacc = float(0.0)\n$loop\n$out = acc",
        ids="c, i = wp.tid()" if channels else "i = wp.tid()",
        n=f"n = {total}" if needs_n else "",
        half=f"half = ({num}) // 2".replace("(h.shape[0])", "h.shape[0]").replace("(taps)", "taps")
        if needs_half
        else "",
        loop=loop,
        pre=pre,
        guard=guard,
        out=out,
    )
    d.says(
        {
            "plain": "Filters a signal with a finite impulse response.",
            "decimate": "Filters a signal and keeps every few samples only.",
            "interpolate": "Interpolates a signal to a higher rate with the phases of a filter.",
            "symmetric": "Filters a signal with a symmetric impulse response, which keeps phases linear.",
            "windowed sinc": "Filters a signal with a windowed sinc, a low-pass of given cutoff.",
        }[kind]
    )

    def reference(v: Values) -> dict[str, Any]:
        if kind == "symmetric":
            h = np.concatenate([v.h[:0:-1], v.h])
        elif kind == "windowed sinc":
            t = np.arange(taps) - (taps - 1) / 2
            h = 2 * v.cutoff * np.sinc(2 * v.cutoff * t) * window(np.arange(taps), taps)
        else:
            h = v.h
        size_ = len(h)
        rows = np.atleast_2d(v.x)
        shift = 0 if direction == "causal" else size_ // 2
        made = []
        for row in rows:
            if kind == "interpolate":
                stuffed = np.zeros(n * up + 2 * size_)
                stuffed[: n * up : up] = row
                if edge == "clamp":
                    stuffed[n * up :: up] = row[-1]
                elif edge == "wrap":
                    stuffed[n * up :: up] = row[: len(stuffed[n * up :: up])]
                made.append(np.convolve(stuffed, h)[shift : shift + n * up])
                continue
            if edge == "valid":
                y = np.convolve(row, h, "valid")
            else:
                mode = {"zero": "constant", "clamp": "edge", "wrap": "wrap", "mirror": "reflect"}[edge]
                y = np.convolve(np.pad(row, size_, mode), h)[size_ + shift : size_ + shift + n]  # type: ignore[call-overload]
            made.append(y[::up] if kind == "decimate" else y)
        return {"y": np.array(made) if channels else made[0]}

    d.check(reference, 5e-4)


@DOMAIN.algorithm(
    source=(
        "Bristow-Johnson, Audio EQ cookbook; Oppenheim & Schafer 2010, section 6.3; Chamberlin 1985; "
        "Zavalishin 2012"
    ),
    names={
        "recursive_filter": "iir_filter|second_order_filter|process_block",
        "x": "signal|input_signal|audio",
        "y": "filtered|output_signal|processed",
        "z1": "s1|w1|d1",
        "z2": "s2|w2|d2",
        "coeffs": "sos|sections|biquads",
        "v": "sample|xn|inp",
    },
    double=True,
    adjoint="no",
)
def recursive_filter(d: Draft) -> None:
    """Filters each channel with second-order recursive sections."""
    form = d.option("form", "direct I", "direct II", "transposed II", "state variable")
    layout = d.option("layout", "rows", "columns")
    sections = d.option("sections", "one", "cascade") if form != "state variable" else "one"
    state = d.flag("state", 0.5)
    mix = d.option("mix", "none", "gain", "difference")
    n, length = d.pick(16, 24, 32), d.pick(12, 16, 24)
    count = d.pick(2, 3)
    d.input("x", "float", (n, length) if layout == "rows" else (length, n), -1.0, 1.0)
    at = "[tid, i]" if layout == "rows" else "[i, tid]"
    cascade = sections == "cascade"
    svf = form == "state variable"
    if svf:
        d.param("g", "float", 0.1, 0.8)
        d.param("k", "float", 0.5, 1.9)
    elif cascade:
        d.input("b", "vec3", count, -0.6, 0.6)
        d.input("a", "vec2", count, -0.4, 0.4)
    else:
        for name, low, high in (
            ("b0", 0.2, 0.8),
            ("b1", -0.5, 0.5),
            ("b2", -0.5, 0.5),
            ("a1", -0.6, 0.6),
            ("a2", -0.3, 0.3),
        ):
            d.param(name, "float", low, high)
    if mix == "gain":
        d.param("gain", "float", 0.5, 2.0)
    order = 4 if form == "direct I" else 2
    if state:
        d.inout("memory", "float", (n, count, order) if cascade else (n, order), -0.5, 0.5)
    d.output("y", "float", (n, length) if layout == "rows" else (length, n))
    names = ["x1", "x2", "y1", "y2"] if form == "direct I" else ["z1", "z2"]
    slot = "memory[tid, s, {}]" if cascade else "memory[tid, {}]"
    load = "\n".join(f"{name} = float({slot.format(i) if state else '0.0'})" for i, name in enumerate(names))
    save = "\n".join(f"{slot.format(i)} = {name}" for i, name in enumerate(names)) if state else ""
    b0, b1, b2, a1, a2 = (
        ("bs[0]", "bs[1]", "bs[2]", "as_[0]", "as_[1]") if cascade else ("b0", "b1", "b2", "a1", "a2")
    )
    if cascade:
        load = f"bs = b[s]\nas_ = a[s]\n{load}"
    step = {
        "direct I": (
            f"u = {b0} * v + {b1} * x1 + {b2} * x2 - {a1} * y1 - {a2} * y2\nx2 = x1\nx1 = v\ny2 = y1\ny1 = u"
        ),
        "direct II": f"w = v - {a1} * z1 - {a2} * z2\nu = {b0} * w + {b1} * z1 + {b2} * z2\nz2 = z1\nz1 = w",
        "transposed II": f"u = {b0} * v + z1\nz1 = {b1} * v - {a1} * u + z2\nz2 = {b2} * v - {a2} * u",
        "state variable": (
            "# trapezoidal integrators, solved for the loop without delay\n"
            "hp = (v - (k + g) * z1 - z2) / (1.0 + g * (g + k))\n"
            "bp = g * hp + z1\n"
            "u = g * bp + z2\n"
            "z1 = bp + g * hp\n"
            "z2 = u + g * bp"
        ),
    }[form]
    value = {"none": "u", "gain": "gain * u", "difference": f"x{at} - u"}[mix]
    loop_length = "x.shape[1]" if layout == "rows" else "x.shape[0]"
    if cascade:
        step = step.replace("\n", "\n        ")
        save_ = save.replace("\n", "\n    ")
        last = ""
        if mix != "none":
            last = (
                f"for i in range({loop_length}):\n"
                f"    y{at} = {'gain * ' if mix == 'gain' else f'x{at} - '}y{at}"
            )
        text = f"""
tid = wp.tid()
for i in range({loop_length}):
    y{at} = x{at}
# each section filters in place what the one before it left
for s in range(b.shape[0]):
    {load.replace(chr(10), chr(10) + "    ")}
    for i in range({loop_length}):
        v = y{at}
        {step}
        y{at} = u
    {save_}
{last}
"""
        text = "\n".join(line for line in text.strip().splitlines() if line.strip())
        d.code(text)
    else:
        d.code(
            (
                "tid = wp.tid()\n"
                "$load\n"
                "for i in range($length):\n"
                "    v = x$at\n"
                "    $step\n"
                "    y$at = $value\n"
                "$save"
            ),
            load=load,
            length=loop_length,
            at=at,
            step=step,
            value=value,
            save=save,
        )
    d.launch(n)
    d.says(
        "Filters each channel with a state-variable low-pass filter."
        if svf
        else f"Filters each channel with {'a cascade of biquads' if cascade else 'a biquad'} in direct form "
        + {"direct I": "I.", "direct II": "II.", "transposed II": "II, transposed."}[form]
    )

    def reference(v: Values) -> dict[str, Any]:
        x = (v.x if layout == "rows" else v.x.T).copy()
        start = x.copy()
        memory = v.memory.copy() if state else np.zeros((n, count, order) if cascade else (n, order))
        memory = memory if cascade else memory[:, None]
        for s in range(count if cascade else 1):
            if svf:
                g, k = v.g, v.k
            elif cascade:
                (b0_, b1_, b2_), (a1_, a2_) = v.b[s], v.a[s]
            else:
                b0_, b1_, b2_, a1_, a2_ = v.b0, v.b1, v.b2, v.a1, v.a2
            m = memory[:, s].T.copy()
            for i in range(length):
                u = x[:, i].copy()
                if form == "direct I":
                    z = b0_ * u + b1_ * m[0] + b2_ * m[1] - a1_ * m[2] - a2_ * m[3]
                    m = np.array([u, m[0], z, m[2]])
                elif svf:  # states satisfy s' = s + 2 g * input of the integrator
                    solve = np.array([[1 + g * k, g], [-g, 1]])
                    bp, z = np.linalg.solve(solve, np.array([m[0] + g * u, m[1]]))
                    m = np.array([2 * bp - m[0], 2 * z - m[1]])
                else:  # as a matrix on the state
                    if form == "direct II":
                        w = u - a1_ * m[0] - a2_ * m[1]
                        z, m = b0_ * w + b1_ * m[0] + b2_ * m[1], np.array([w, m[0]])
                    else:
                        z = b0_ * u + m[0]
                        m = np.array([b1_ * u - a1_ * z + m[1], b2_ * u - a2_ * z])
                x[:, i] = z
            memory[:, s] = m.T
        y = {"none": x, "gain": v.get("gain", 1.0) * x, "difference": start - x}[mix]
        found = {"y": y if layout == "rows" else y.T}
        return found | ({"memory": memory if cascade else memory[:, 0]} if state else {})

    d.check(reference, 1e-3)
