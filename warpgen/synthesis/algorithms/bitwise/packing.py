"""Numbers packed into words, and bytes written as text."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.bitwise import DOMAIN
from warpgen.synthesis.library.words import bits, joined
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Lemire & Boytsov 2015 (bit packing); Josefsson, RFC 4648 (base64); Google 2008 (varint, zigzag)",
    names={
        "pack_bits": "bit_packing|pack_values|pack_words",
        "packed": "words|packed_words|bit_stream",
        "values": "integers|plain|symbols",
        "width": "nbits|bit_width|num_bits",
        "word": "w|acc|bundle",
        "offset": "shift|bit|pos",
        "per_word": "values_per_word|fields_per_word",
    },
    adjoint="no",
    weight=5,
)
def pack_bits(d: Draft) -> None:
    """Packs small integers into 32-bit words or unpacks them."""
    way = d.option("way", "pack", "unpack", "random access")
    scheme = d.option("scheme", "aligned", "straddling", "zigzag", "delta")
    order = d.option("order", "low first", "high first")
    width_of = d.option("width", "argument", "constant")
    if way != "pack":
        d.calls("unpack_bits|unpack_values|bit_unpacking|read_packed")
    if scheme == "delta" and way != "random access":
        d.calls("pack_gaps|pack_differences" if way == "pack" else "unpack_gaps|restore_from_gaps")
    n = d.pick(24, 32, 48)
    width = d.pick(4, 8) if scheme != "straddling" else d.pick(5, 6, 7, 10)
    whole = 32 // width
    straddling = scheme == "straddling"
    total = n * whole if not straddling else n * 32 // width
    signed = scheme == "zigzag"
    delta = scheme == "delta" and way != "random access"
    top = 1 << width
    if way == "pack":
        low, high = (-top // 2, top // 2) if signed else (0, top)
        d.input(
            "values",
            "int",
            total + (1 if delta else 0),
            low,
            (top if not delta else 12) if not signed else high,
        )
    else:
        d.input("packed", "uint32", n, 0, 1 << 32)
        if way == "random access":
            d.input("index", "int", 64, 0, total)
    if delta and way == "pack":
        # Sorted input: store the gaps instead
        d.parameters.pop()
        d.input("values", "int", total + 1, 0, total * top // 16, kind="ascending")
    w = "WIDTH"
    if width_of == "constant":
        d.module(f"WIDTH = wp.constant({width})  # bits per value")
        d.module(f"MASK = wp.constant(wp.uint32({top - 1}))")
    else:
        d.param("width", "int", width)
        w = "width"
    mask = "MASK" if width_of == "constant" else "mask"
    set_mask = "mask = (wp.uint32(1) << wp.uint32(width)) - wp.uint32(1)" if width_of == "argument" else ""
    per = "PER_WORD"
    if width_of == "argument" and not straddling:
        per = "per_word"
        set_mask += "\nper_word = 32 // width"
    elif not straddling:
        d.module(f"PER_WORD = wp.constant({whole})")
    d.output(
        "packed" if way == "pack" else "values",
        "uint32" if way == "pack" else "int",
        n if way == "pack" else 64 if way == "random access" else total,
    )
    place = "k" if order == "low first" else f"({per} - 1 - k)"
    if way == "pack":
        if straddling:
            body = f"""
            # The first value may start in the previous word
            word = wp.uint32(0)
            first = 32 * tid // {w}
            last = wp.min((32 * tid + 31) // {w}, values.shape[0] - 1)
            for k in range(first, last + 1):
                offset = k * {w} - 32 * tid
                v = wp.uint32(values[k]) & {mask}
                if offset >= 0:
                    word = word | (v << wp.uint32(offset))
                else:
                    word = word | (v >> wp.uint32(-offset))
            packed[tid] = word
            """
        else:
            value = {
                "aligned": f"v = wp.uint32(values[tid * {per} + k])",
                "zigzag": (
                    f"x = values[tid * {per} + k]\n"
                    "# Zigzag encoding: map signed to unsigned and keep small magnitudes small\n"
                    "v = wp.uint32((x << 1) ^ (x >> 31))"
                ),
                "delta": f"v = wp.uint32(values[tid * {per} + k + 1] - values[tid * {per} + k])",
            }[scheme]
            body = (
                "word = wp.uint32(0)\n"
                f"for k in range({per}):\n"
                "    $value\n"
                f"    word = word | ((v & {mask}) << wp.uint32({w} * {place}))\n"
                "packed[tid] = word"
            )
        count = n
    else:
        at = "index[tid]" if way == "random access" else "tid"
        at_line, t = ("t = index[tid]\n", "t") if way == "random access" else ("", "tid")
        if straddling:
            value = ""
            body = f"""
            start = {at} * {w}
            offset = start % 32
            v = packed[start // 32] >> wp.uint32(offset)
            # Value straddles two words
            if offset + {w} > 32:
                v = v | (packed[start // 32 + 1] << wp.uint32(32 - offset))
            values[tid] = int(v & {mask})
            """
        else:
            load = (
                f"{at_line}k = {t} % {per}\nv = (packed[{t} // {per}] >> wp.uint32({w} * {place})) & {mask}"
            )
            value = ""
            if signed:
                body = (
                    f"{load}\n"
                    "# Undo zigzag encoding, sign is in the lowest bit\n"
                    "values[tid] = int(v >> wp.uint32(1)) ^ -int(v & wp.uint32(1))"
                )
            elif delta:
                body = f"""
                # prefix sum of the deltas within this word
                restored = int(0)
                for k in range({t} % {per} + 1):
                    restored += int((packed[{t} // {per}] >> wp.uint32({w} * {place})) & {mask})
                values[tid] = restored
                """
            else:
                body = f"{load}\nvalues[tid] = int(v)"
        count = 64 if way == "random access" else total
    d.launch(count)
    d.code(
        "tid = wp.tid()\n$mask\n$body",
        mask=set_mask,
        body=body,
        value=value if way == "pack" and not straddling else "",
    )
    packs = {
        "zigzag": "zigzag-encoded signed integers",
        "delta": "deltas of a sorted sequence" if delta else "small integers",
        "straddling": "small integers, allowed to straddle words,",
    }.get(scheme, "small integers")
    if way == "pack":
        d.says(f"Packs {packs} into 32-bit words.")
    elif delta:
        d.says("Decodes delta-coded integers from 32-bit words, restarting from zero in each word.")
    else:
        d.says(f"Unpacks {packs} from 32-bit words.")

    def reference(v: Values) -> dict[str, Any]:
        if way == "pack":
            x = v["values"].astype(np.int64)
            if signed:
                x = np.where(x < 0, -2 * x - 1, 2 * x)
            if delta:
                x = np.diff(x)
            b = bits(x, width)
            if straddling:
                stream = np.zeros(32 * n, np.uint64)
                stream[: b.size] = b.ravel()
                return {"packed": joined(stream.reshape(n, 32)).astype(np.uint32)}
            groups = b.reshape(n, whole, width)[:, :: 1 if order == "low first" else -1]
            return {"packed": joined(groups.reshape(n, -1)).astype(np.uint32)}
        stream = bits(v.packed)
        if straddling:
            x = joined(stream.ravel()[: total * width].reshape(total, width)).astype(np.int64)
        else:
            x = joined(stream[:, : whole * width].reshape(n, whole, width)).astype(np.int64)
            x = x[:, :: 1 if order == "low first" else -1]
            if signed:
                x = np.where(x & 1, -(x + 1) // 2, x // 2)
            x = np.cumsum(x, axis=1) if delta else x
            x = x.ravel()
        return {"values": x[v.index] if way == "random access" else x}

    d.check(reference)
