"""Codes of which neighbours differ in one bit."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.bitwise import DOMAIN
from warpgen.synthesis.library import words
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Gray 1953, US patent 2,632,058; Warren 2012, Hacker's Delight, chapter 13",
    names={
        "x": "word|bits",
        "values": "numbers|counts",
        "codes": "gray|gray_codes",
        "readings": "raw_readings|gray_readings",
    },
    adjoint="either",
    weight=4,
)
def gray_code(d: Draft) -> None:
    """Converts between binary numbers and reflected Gray code."""
    way = d.option("way", "encode", "decode", "angle", "transitions")
    form = d.option("form", "doubling", "shift loop", "bit by bit")
    type = d.option("type", "uint32", "int")
    layout = d.option("layout", "vector", "matrix")
    d.calls(
        {
            "encode": "gray_encode|binary_to_gray|to_gray_code|gray_codes",
            "decode": "gray_decode|gray_to_binary|from_gray_code",
            "angle": "encoder_angles|read_encoders|gray_to_angle",
            "transitions": "gray_transitions|changing_bits|gray_flips",
        }[way]
    )
    count = d.pick(64, 96, 128, 256)
    rows = d.pick(8, 12)
    width = d.pick(10, 12, 16)
    u: Any = (lambda n: f"wp.uint32({n})") if type == "uint32" else str
    at = "[tid]" if layout == "vector" else "[i, j]"
    shape = count if layout == "vector" else (rows, count // 8)
    zero = "wp.uint32(0)" if type == "uint32" else "int(0)"
    place = "(NBITS - 1 - k)" if type == "int" else "wp.uint32(NBITS - 1 - k)"
    decode = {
        "doubling": "\n".join(f"x = x ^ (x >> {u(s)})" for s in (8, 4, 2, 1)),
        "shift loop": (
            f"shifted = x >> {u(1)}\n"
            f"while shifted != {u(0)}:\n"
            "    x = x ^ shifted\n"
            f"    shifted = shifted >> {u(1)}"
        ),
        "bit by bit": f"""
        # Prefix XOR from the top bit
        b = {zero}
        parity = {zero}
        for k in range({width}):
            parity = parity ^ ((x >> {place}) & {u(1)})
            b = (b << {u(1)}) | parity
        """.replace("NBITS", str(width)),
    }[form]
    if form == "bit by bit" and way in ("decode", "angle"):
        decode = decode.replace(f"range({width})", "range(nbits)").replace(
            f"{width} - 1 - k", "nbits - 1 - k"
        )
    decode_param = form == "bit by bit" and way in ("decode", "angle")
    given = {"decode": "codes", "angle": "readings"}.get(way, "values")
    most = "at most 16 bits" if form == "doubling" and way in ("decode", "angle") else f"{width} bits"
    noun = {"codes": "Gray codes", "readings": "Gray-coded readings", "values": "numbers"}[given]
    d.input(given, type, shape, 0, 1 << width, about=f"{noun} of {most}")
    if decode_param:
        d.param("nbits", "int", width)
    load = f"x = {given}{at}"
    binary = "b" if form == "bit by bit" else "x"
    if way == "encode":
        d.output("codes", type, shape)
        body = f"b = values{at}\ncodes{at} = b ^ (b >> {u(1)})"
        d.says("Converts binary numbers to Gray code.")
    elif way == "decode":
        d.output("numbers", type, shape)
        body = f"{load}\n$decode\nnumbers{at} = {binary}"
        d.says("Converts Gray code to binary numbers.")
    elif way == "angle":
        d.output("angles", "float", shape)
        turn = "float(1 << nbits)" if decode_param else float(1 << width)
        body = f"{load}\n$decode\nangles{at} = 2.0 * wp.pi * float({binary}) / {turn}"
        d.says("Converts Gray-coded readings from an absolute rotary encoder to angles.")
    else:
        d.output("changed", "int", shape)
        inner = f"flip = (b ^ (b >> {u(1)})) ^ (c ^ (c >> {u(1)}))"
        if form == "doubling":
            find = "changed$at = wp.bit_count(flip - $one)".replace("$one", u(1))
        else:
            find = (
                "place = int(0)\n"
                f"while (flip & {u(1)}) == {u(0)}:\n"
                f"    flip = flip >> {u(1)}\n"
                "    place += 1\n"
                "changed$at = place"
            )
        body = (
            f"b = values{at}\nc = b + {u(1)}\n{inner}\n# Consecutive Gray codes differ in exactly one bit\n"
            + find.replace("$at", at)
        )
        d.says("Finds the index of the Gray code bit that flips between each number and its successor.")
    if layout == "vector":
        d.launch(count)
    else:
        d.launch(*shape)  # type: ignore[misc]
    d.code(
        "$ids\n$body",
        ids="tid = wp.tid()" if layout == "vector" else "i, j = wp.tid()",
        body=body,
        decode=decode,
    )

    def reference(v: Values) -> dict[str, Any]:
        x = v[given].astype(np.int64)
        if way == "encode":
            return {"codes": x ^ (x >> 1)}
        if way == "transitions":
            flip = (x ^ (x >> 1)) ^ ((x + 1) ^ ((x + 1) >> 1))
            return {"changed": np.log2(flip).astype(np.int64)}
        b = words.bits(x, width)[..., ::-1]
        found = words.joined((np.cumsum(b, axis=-1) & 1)[..., ::-1]).astype(np.int64)
        return {"angles": 2 * np.pi * found / (1 << width)} if way == "angle" else {"numbers": found}

    d.check(reference)
