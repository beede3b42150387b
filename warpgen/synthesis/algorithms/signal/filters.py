"""Digital filters with finite and infinite impulse response."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.signal import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.naming import renamed
from warpgen.synthesis.writing.outline import outlined
from warpgen.synthesis.writing.pieces import piece

_NAMES = {
    "x": "signal|samples|inp|audio",
    "y": "filtered|out|y_out|signal_out",
    "h": "taps|coeffs|impulse_response",
    "acc": "total|s|y_n",
    "n": "i|t",
    "ch": "channel|c|track",
}


@DOMAIN.algorithm(
    source="Oppenheim & Schafer 2010, sec. 6.5",
    names=_NAMES | {"fir_filter": "convolve_fir|fir|apply_taps", "m": "src|idx_in|j"},
    double=True,
    half=True,
    weight=3,
    element="",
)
def fir_filter(d: Draft) -> None:
    """Applies FIR filters to signals."""
    edge = d.option("edge", "zero", "hold", "wrap", "mirror", "valid", "history")
    layout = d.option("layout", "mono", "channels", "interleaved")
    symmetric = d.flag("symmetric", 0.3)
    decimate = d.flag("decimate", 0.3)
    complex_ = d.flag("complex", 0.25)
    if symmetric or layout == "interleaved":
        complex_ = False
    if symmetric and edge == "history":
        edge = "zero"
    taps, factor = d.pick(7, 9, 11), d.pick(2, 3, 4) if decimate else 1
    channels = d.pick(2, 4) if layout != "mono" else 1
    most = d.pick(96, 128, 192) // channels
    count = most - taps + 1 if edge == "valid" else most
    count //= factor
    kind = "vec2" if complex_ else "float"
    shape = {"mono": (most,), "channels": (channels, most), "interleaved": (most * channels,)}[layout]
    d.says(
        "Filters signals with a "
        + ("symmetric finite impulse response" if symmetric else "finite impulse response")
        + (f" and keeps every {['', '', 'second', 'third', 'fourth'][factor]} sample." if decimate else ".")
    )
    if decimate:
        d.calls("fir_decimate|decimate_signal|decimating_filter")
    d.input("x", kind, shape, -1.0, 1.0, about="Input signal")
    d.input(
        "h",
        "float",
        (taps + 1) // 2 if symmetric else taps,
        -0.5,
        0.5,
        about="First half of the filter taps, including the center tap" if symmetric else "Filter taps",
    )
    if edge == "history":
        d.input(
            "history",
            kind,
            (channels, taps - 1) if layout != "mono" else taps - 1,
            -1.0,
            1.0,
            about="Trailing samples of the previous block",
        )
    out = {"mono": (count,), "channels": (channels, count), "interleaved": (count * channels,)}[layout]
    d.output("y", kind, out, about="Output signal")
    d.launch(*((count,) if layout == "mono" else (channels, count)))
    first = "n" if not decimate else f"{factor} * n"
    span = "2 * HALF" if symmetric else "TAPS - 1"
    if edge == "valid":
        first += f" + {span}"
    d.module(
        f"HALF = wp.constant({taps // 2})  # taps on each side of the center"
        if symmetric
        else f"TAPS = wp.constant({taps})"
    )
    if edge == "wrap":
        d.module(f"LENGTH = wp.constant({most})")
    if layout == "interleaved":
        d.module(f"CHANNELS = wp.constant({channels})")

    def at(index: str) -> str:
        """The sample of this channel there."""
        if layout == "interleaved":
            return f"x[{f'({index})' if ' - ' in index and index[:3] != 'wp.' else index} * CHANNELS + ch]"
        return f"x[{index}]" if layout == "mono" else f"x[ch, {index}]"

    old = "history[{}]" if layout == "mono" else "history[ch, {}]"

    def sample(name: str, offset: str) -> str:
        """Lines that find the sample `offset` back, or fall out of the signal."""
        back = f"start - {offset}"
        return {
            "zero": "",
            "valid": f"{name} = {at(back)}",
            "hold": f"{name} = {at(f'wp.max({back}, 0)')}",
            "wrap": f"{name} = {at(f'({back} + LENGTH) % LENGTH')}",
            "mirror": f"{name} = {at(f'wp.abs({back})')}",
            "history": "",
        }[edge]

    if symmetric:
        if edge == "zero":
            loop = f"""
            for k in range(HALF):
                # linear phase: taps k and 2 * HALF - k are equal, so fold the two samples
                pair = float(0.0)
                if start - k >= 0:
                    pair += {at("start - k")}
                if start - 2 * HALF + k >= 0:
                    pair += {at("start - 2 * HALF + k")}
                acc += h[k] * pair
            if start - HALF >= 0:
                acc += h[HALF] * {at("start - HALF")}
            """
        else:
            loop = f"""
            for k in range(HALF):
                {sample("near", "k")}
                {sample("far", "(2 * HALF - k)")}
                # linear phase: fold symmetric samples to save a multiply
                acc += h[k] * (near + far)
            {sample("middle", "HALF")}
            acc += h[HALF] * middle
            """
    elif edge == "zero":
        loop = f"""
        for k in range(TAPS):
            m = start - k
            if m >= 0:
                acc += h[k] * {at("m")}
        """
    elif edge == "history":
        loop = f"""
        for k in range(TAPS):
            m = start - k
            if m >= 0:
                acc += h[k] * {at("m")}
            else:
                acc += h[k] * {old.format("TAPS - 1 + m")}
        """
    else:
        value = sample("", "k").removeprefix(" = ")
        loop = f"for k in range(TAPS):\n    acc += h[k] * {value}"
    target = {"mono": "y[n]", "channels": "y[ch, n]", "interleaved": "y[n * CHANNELS + ch]"}[layout]
    loop = loop if first != "n" else loop.replace("start", "n")
    gather = f"acc = {'wp.vec2()' if complex_ else 'float(0.0)'}\n$loop"
    value = "acc"
    if d.flag("helper", 0.6):
        beyond = {
            "wrap": " with periodic wrap-around", "mirror": " with reflect padding at the start",
            "hold": ", with the first sample repeated before the start", "history": " and the previous block",
        }.get(edge, "")  # fmt: skip
        types = dict.fromkeys(("ch", "n" if first == "n" else "start"), "int")
        value = outlined(
            d, "convolve", f"FIR dot product over the current and past samples{beyond}.", gather,
            "acc", "wp.vec2" if complex_ else "float", types, {"loop": loop},
        )  # fmt: skip
        gather = ""
    d.code(
        f"""
        {"n" if layout == "mono" else "ch, n"} = wp.tid()
        $begin
        $gather
        {target} = {value}
        """,
        begin=f"start = {first}" if first != "n" else "",
        gather=gather,
        loop=loop,
    )
    d.explain({
        "zero": "Samples before the start are treated as zero.",
        "hold": "The first sample is repeated before the signal start.",
        "wrap": "Circular convolution, the signal is treated as periodic.",
        "mirror": "Reflect padding at the start of the signal.",
        "valid": "Valid mode: only outputs with all taps inside the signal are computed.",
        "history": "Block processing: `history` holds the trailing samples of the previous block.",
    }[edge])  # fmt: skip

    def reference(v: Values) -> dict[str, Any]:
        x = v.x.reshape(most, channels).T if layout == "interleaved" else v.x.reshape((channels, most, -1))
        x = x.reshape(channels, most, -1)
        h = np.concatenate([v.h, v.h[-2::-1]]) if symmetric else v.h
        pad = taps - 1
        before = {
            "zero": np.zeros((channels, pad, x.shape[2])),
            "valid": np.zeros((channels, 0, x.shape[2])),
            "hold": np.repeat(x[:, :1], pad, axis=1),
            "wrap": x[:, -pad:],
            "mirror": x[:, pad:0:-1],
            "history": v.get("history", x[:, :pad]).reshape(channels, pad, -1),
        }[edge]
        whole = np.concatenate([before, x], axis=1)
        made = np.array(
            [
                [np.convolve(whole[c, :, j], h, mode="valid") for j in range(x.shape[2])]
                for c in range(channels)
            ]
        )  # channel, component, sample
        made = made[:, :, ::factor][:, :, :count].transpose(0, 2, 1)
        if layout == "interleaved":
            return {"y": made.transpose(1, 0, 2).ravel()}
        return {"y": made.reshape((*out, 2) if complex_ else out)}

    d.check(reference, 3e-4)


BIQUAD = piece("""
@wp.struct
class Biquad:
    b0: float
    b1: float
    b2: float
    a1: float
    a2: float
""")


@DOMAIN.algorithm(
    source="Smith 2007, ch. 9; Bristow-Johnson, Audio EQ cookbook",
    names=_NAMES
    | {
        "biquad_filter": "iir_biquad|biquad|apply_biquads",
        "sections": "sos|cascade|stages",
    },
    double=True,
    adjoint="no",
    element="channel",
)
def biquad_filter(d: Draft) -> None:
    """Applies cascaded biquad filters to multichannel signals."""
    form = d.option("form", "direct 1", "direct 2", "transposed 2")
    layout = d.option("layout", "rows", "columns", "flat")
    coefficients = d.option("coefficients", "struct", "table", "values", "per channel")
    place = d.option("place", "new", "same")
    cascade = coefficients in ("struct", "table") and d.flag("cascade", 0.5)
    if cascade:
        d.calls("biquad_cascade|second_order_sections|sos_filter")
    count, length = d.pick(16, 24, 32), d.pick(48, 64, 96)
    said = {"direct 1": "direct form I", "direct 2": "direct form II"}.get(form, "transposed direct form II")
    what = "cascaded second-order sections" if cascade else "one second-order section"
    d.says(f"Filters each channel of a signal using {what} in {said}.")
    number = d.pick(2, 3, 4) if cascade else d.pick(3, 4) if coefficients in ("struct", "table") else 1
    bound = {"b0": (0.1, 0.5), "b1": (-0.4, 0.4), "b2": (-0.3, 0.3), "a1": (-0.9, 0.6), "a2": (0.05, 0.5)}
    shape = {"rows": (count, length), "columns": (length, count), "flat": (count * length,)}[layout]
    if place == "new":
        d.input("x", "float", shape, -1.0, 1.0, about="Input signal")
    else:
        d.inout("x", "float", shape, -1.0, 1.0, about="Signal, filtered in place")
    if not cascade and coefficients in ("struct", "table"):
        d.input("preset", "int", count, 0, number, about="Section index for each channel")
    if coefficients == "struct":
        d.struct(
            "sections",
            BIQUAD,
            {name: fill(*b) for name, b in bound.items()},
            number,
            about="Coefficients per section",
        )
        load, c = "q = sections[{}]", {name: f"q.{name}" for name in bound}
    elif coefficients == "table":
        d.input("sections", "float", (number, 5), -0.35, 0.45, about="Coefficients b0, b1, b2, a1 and a2")
        load, c = "", {name: f"sections[{{}}, {k}]" for k, name in enumerate(bound)}
    elif coefficients == "values":
        for name, b in bound.items():
            d.param(name, "float", *b, about=f"Coefficient {name}")
        load, c = "", {name: name for name in bound}
    else:
        for name, b in bound.items():
            d.input(name, "float", count, *b, about=f"Per-channel coefficient {name}")
        load, c = "", {name: f"{name}[ch]" for name in bound}
    which = "s" if cascade else "preset[ch]"
    load = load.format(which)
    c = {name: value.format("s" if cascade else "p") for name, value in c.items()}
    if coefficients == "table" and not cascade:
        load = "p = preset[ch]"
    if place == "new":
        d.output("y", "float", shape, about="Output signal")
    at = {"rows": "[ch, n]", "columns": "[n, ch]", "flat": "[ch * LENGTH + n]"}[layout]
    if layout == "flat":
        d.module(f"LENGTH = wp.constant({length})  # samples per channel")
    target = "y" if place == "new" else "x"
    read = f"u = x{at}"
    if cascade and place == "new":
        # the first section reads the input, the others what the one before left
        read = f"if s == 0:\n    u = x{at}\nelse:\n    u = y{at}"
    states = {"direct 1": ("x1", "x2", "y1", "y2"), "direct 2": ("w1", "w2"), "transposed 2": ("z1", "z2")}[
        form
    ]
    step = {
        "direct 1": f"""
        y0 = {c["b0"]} * u + {c["b1"]} * x1 + {c["b2"]} * x2 - {c["a1"]} * y1 - {c["a2"]} * y2
        x2 = x1
        x1 = u
        y2 = y1
        y1 = y0
        {target}{at} = y0
        """,
        "direct 2": f"""
        # direct form II: apply poles first, zeros reuse the delayed w
        w0 = u - {c["a1"]} * w1 - {c["a2"]} * w2
        {target}{at} = {c["b0"]} * w0 + {c["b1"]} * w1 + {c["b2"]} * w2
        w2 = w1
        w1 = w0
        """,
        "transposed 2": f"""
        y0 = {c["b0"]} * u + z1
        z1 = {c["b1"]} * u - {c["a1"]} * y0 + z2
        z2 = {c["b2"]} * u - {c["a2"]} * y0
        {target}{at} = y0
        """,
    }[form]
    start = "\n".join(f"{name} = float(0.0)" for name in states)
    channel = "$load\n$start\nfor n in range($length):\n    $read\n    $step"
    d.launch(count)
    samples = "LENGTH" if layout == "flat" else "length"
    size = {"rows": "length = x.shape[1]", "columns": "length = x.shape[0]", "flat": ""}[layout]
    blocks = {"load": load, "start": start, "read": read, "step": step, "length": samples, "size": size}
    if cascade:
        d.code(
            "ch = wp.tid()\n$size\nfor s in range(sections.shape[0]):\n    $channel",
            channel=channel,
            **blocks,
        )
    else:
        d.code("ch = wp.tid()\n$size\n$channel", channel=channel, **blocks)
    letter = d.pick("z", "s", "d", "state")
    d.text = renamed(d.text, {"z1": f"{letter}1", "z2": f"{letter}2"})
    d.explain("""
        H(z) = (b0 + b1/z + b2/z^2) / (1 + a1/z + a2/z^2); coefficients are normalized so that a0 = 1.
        Filter state is initialized to zero.
    """)

    def reference(v: Values) -> dict[str, Any]:
        x = {"rows": lambda: v.x, "columns": lambda: v.x.T, "flat": lambda: v.x.reshape(count, length)}[
            layout
        ]()

        def coefficient(k: int, name: str) -> Any:
            if coefficients == "struct":
                return v[f"sections.{name}"][k]
            return v.sections[k, list(bound).index(name)] if coefficients == "table" else v[name]

        if cascade:
            for k in range(number):
                x = _second_order(x, *(coefficient(k, name) for name in bound))
        else:
            chosen: Any = v.preset if coefficients in ("struct", "table") else 0
            x = _second_order(x, *(coefficient(chosen, name) for name in bound))
        made = {"rows": lambda: x, "columns": lambda: x.T, "flat": lambda: x.ravel()}[layout]()
        return {target: made}

    d.check(reference, 3e-4)


def _second_order(x: Any, b0: Any, b1: Any, b2: Any, a1: Any, a2: Any) -> Any:
    """The difference equation along the last axis; coefficients are numbers, or one for each row."""
    padded = np.pad(x, ((0, 0), (2, 0)))
    y = np.zeros_like(padded)
    for n in range(2, padded.shape[1]):
        zeros = b0 * padded[:, n] + b1 * padded[:, n - 1] + b2 * padded[:, n - 2]
        y[:, n] = zeros - a1 * y[:, n - 1] - a2 * y[:, n - 2]
    return y[:, 2:]
