"""Compressed blocks, taken apart symbol by symbol."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.bitwise import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Collet 2019, LZ4 block format; Source Map v3 (variable-length numbers); Deutsch & Gailly 1996, RFC 1950 (Adler-32)",
    names={
        "unpack_blocks": "lz_decode_blocks|decompress_blocks|lz_decompress",
        "packed": "compressed|in_symbols",
        "unpacked": "decoded|out_symbols",
        "status": "error_code|block_status|err",
        "sizes": "out_sizes|decoded_len|num_decoded",
        "block": "b|block_id|chunk",
        "src": "in_pos|read_pos|ip",
        "dst": "out_pos|write_pos|op",
        "token": "control|tag|cmd",
        "dictionary": "history|preset|preset_dict",
    },
    adjoint="no",
    weight=9,
)
def unpack_blocks(d: Draft) -> None:
    """Decompresses LZ-style blocks and reports corrupted ones."""
    lengths = d.option("lengths", "extended", "short")
    offsets = d.option("offsets", "variable", "one symbol", "recent")
    after = d.option("check", "none", "adler", "xor")
    early = d.option("skipped", "none", "mask", "empty")
    before = d.option("before", "dictionary", "zeros")
    layout = d.option("layout", "fixed", "packed")
    word = d.option("bytes", "uint8", "int")
    blocks, size, room = d.pick(16, 24), d.pick(24, 32), d.pick(48, 64)
    many = blocks * size
    if layout == "packed":
        d.input(
            "starts",
            "int",
            blocks + 1,
            high=many,
            kind="offsets",
            about="index of the first symbol per block, followed by the total",
        )
    # Symbols of six bits make for short runs, and most offsets reach no further than the window, so that
    # most blocks hold several sequences.
    window = 1024 if offsets == "variable" else 48
    d.input("packed", word, many, 0, 64, about="compressed 6-bit symbols for all blocks")
    if before == "dictionary":
        d.input("dictionary", word, window, 0, 64, about="symbols that logically precede each block")
    else:
        d.module(f"WINDOW = wp.constant({window})  # number of implicit zeros before each block")
    reach = {"dictionary": "dst + dictionary.shape[0]", "zeros": "dst + WINDOW"}[before]
    if early == "mask":
        d.mask("wanted", "bool", blocks, about="False for blocks to skip")
    if layout == "fixed":
        d.param("block_size", "int", size, about="compressed symbols per block")
    d.param("max_size", "int", room, about="maximum number of decoded symbols per block")
    d.output("unpacked", word, (blocks, room), about="decoded symbols, one row per block")
    d.output("sizes", "int", blocks, about="number of decoded symbols per block")
    if after != "none":
        d.output(
            "checksums",
            "uint32" if after == "adler" else "int",
            blocks,
            about="checksum of the decoded symbols",
        )
    d.output("status", "int", blocks, about="0 on success, otherwise an error code")
    d.module("""
        OK = wp.constant(0)
        ERR_TRUNCATED = wp.constant(1)
        ERR_OVERFLOW = wp.constant(2)
        ERR_BAD_OFFSET = wp.constant(3)
    """)
    if layout == "packed":
        limits = "src = starts[block]\nlimit = starts[block + 1]"
    else:
        limits = "src = block * block_size\nlimit = src + block_size"
    plain = word == "int"
    array = f"wp.array(dtype={'int' if plain else 'wp.uint8'})"
    zero = "0" if plain else "wp.uint8(0)"
    get = "packed[src]" if plain else "int(packed[src])"
    if lengths == "extended":
        d.function(
            f"""
        @wp.func
        def read_symbol(packed: {array}, at: int, limit: int) -> int:
            \"\"\"Return one symbol from the stream, or -1 past the end.\"\"\"
            if at >= limit:
                return -1
            return {"packed[at]" if plain else "int(packed[at])"}
        """
        )
    if lengths == "extended":
        d.module("ALL_ONES = wp.constant(63)  # continuation marker: the length continues in the next symbol")
        d.function(
            f"""
            @wp.func
            def read_length(packed: {array}, field: int, at: int, limit: int):
                \"\"\"Return a run length and the next read position; length is -1 if the stream is truncated.\"\"\"
                run = field
                cursor = at
                if field < 7:
                    return run, cursor
                # Accumulate continuation symbols until one is not saturated
                extra = int(ALL_ONES)
                while extra == ALL_ONES:
                    extra = read_symbol(packed, cursor, limit)
                    cursor += 1
                    if extra < 0:
                        return -1, cursor
                    run += extra
                return run, cursor
            """
        )
    if lengths == "extended":
        literal = "num_literals, literal_end = read_length(packed, token >> 3, src, limit)\nsrc = literal_end"
        match = "match_len, match_end = read_length(packed, token & 7, src, limit)\nsrc = match_end"
        negative = "num_literals < 0 or "
        short = "if match_len < 0:\n    code = ERR_TRUNCATED\n    break\nmatch_len += 2"
    else:
        literal, match, negative, short = (
            "num_literals = token >> 3",
            "match_len = (token & 7) + 2",
            "",
            "",
        )
    back = {
        "variable": """
            # Low five offset bits plus a continuation flag
            back = $byte
            src += 1
            if back >= 32:
                if src >= limit:
                    code = ERR_TRUNCATED
                    break
                back = (back & 31) | ($byte << 5)
                src += 1
        """,
        "one symbol": """
            back = $byte
            src += 1
        """,
        "recent": """
            back = $byte
            src += 1
            # Offset zero repeats the previous offset, which is common in tabular data
            if back == 0:
                back = last_back
            last_back = back
        """,
    }[offsets].replace("$byte", get)
    sums = {
        "none": "",
        "adler": """
            # Adler-32 over the decoded symbols, one byte each
            sum_a = wp.uint32(1)
            sum_b = wp.uint32(0)
            for i in range(dst):
                sum_a = (sum_a + wp.uint32(unpacked[block, i])) % ADLER_MODULUS
                sum_b = (sum_b + sum_a) % ADLER_MODULUS
            checksums[block] = (sum_b << wp.uint32(16)) | sum_a
        """,
        "xor": """
            rolling = int(0)
            for i in range(dst):
                # 16-bit rotate, so that swapped symbols change the checksum
                rolling = ((rolling << 1) | (rolling >> 15)) & 0xFFFF
                rolling = rolling ^ $byte
            checksums[block] = rolling
        """.replace("$byte", "unpacked[block, i]" if plain else "int(unpacked[block, i])"),
    }[after]
    if after == "adler":
        d.module("ADLER_MODULUS = wp.constant(wp.uint32(65521))")
    skip = {
        "none": "",
        "mask": "if not wanted[block]:\n    $leave\n    return",
        "empty": (
            "# A leading zero marks an empty block\n"
            f"if {'src >= limit or ' if layout == 'packed' else ''}packed[src] == $zero:\n"
            "    $leave\n    return"
        ),
    }[early]
    leave = "sizes[block] = 0\nstatus[block] = OK"
    if after != "none":
        leave += f"\nchecksums[block] = {'wp.uint32(0)' if after == 'adler' else '0'}"
    d.launch(blocks)
    d.code(
        f"""
        block = wp.tid()
        $limits
        $skip
        $recent
        dst = int(0)
        code = int(OK)
        while src < limit:
            token = {get}
            src += 1
            # --- Copy literals ---
            $literal
            if {negative}src + num_literals > limit:
                code = ERR_TRUNCATED
                break
            if dst + num_literals > max_size:
                code = ERR_OVERFLOW
                break
            for i in range(num_literals):
                unpacked[block, dst + i] = packed[src + i]
            src += num_literals
            dst += num_literals
            # The last sequence has literals only
            if src >= limit:
                break
            # --- Copy match from earlier output ---
            $back
            if {"" if offsets == "recent" else "back == 0 or "}back > {reach}:
                code = ERR_BAD_OFFSET
                break
            $match
            $short
            if dst + match_len > max_size:
                code = ERR_OVERFLOW
                break
            # We copy one symbol at a time because a match may overlap its own output
            for i in range(match_len):
                at = dst + i - back
                if at < 0:
                    unpacked[block, dst + i] = $older
                else:
                    unpacked[block, dst + i] = unpacked[block, at]
            dst += match_len
        sizes[block] = dst
        status[block] = code
        $sums
        """,
        limits=limits,
        skip=skip,
        leave=leave,
        zero=zero,
        recent="last_back = int(1)" if offsets == "recent" else "",
        older="dictionary[dictionary.shape[0] + at]" if before == "dictionary" else zero,
        literal=literal,
        back=back,
        match=match,
        short=short,
        sums=sums,
    )
    if after != "none":
        d.says("Decompresses LZ-style blocks, reports corrupted ones and computes checksums.")
    longer = (
        " Saturated length fields continue in extra symbols after the token (literals) or the offset (match)."
    )
    far = {
        "variable": " Offsets of 32 or more use two symbols.",
        "recent": " An offset of zero repeats the previous one.",
    }.get(offsets, "")
    older = {
        "dictionary": " Matches may start in the dictionary, as if it preceded the block.",
        "zeros": " Matches may start before the block, which is assumed to be zero-filled.",
    }[before]
    d.explain(
        "Each sequence consists of a token, literals and a match offset, stored as 6-bit symbols. The token packs\n"
        "both lengths, three bits each; the match length is biased by two."
        f"{longer if lengths == 'extended' else ''}{far}{older} Decoding stops at the first corrupted sequence, but"
        " earlier output is kept." + " A block that starts with zero is empty." * (early == "empty")
    )

    def reference(v: Values) -> dict[str, Any]:
        out = np.zeros((blocks, room), np.int64)
        sizes, status, sums_ = np.zeros(blocks, int), np.zeros(blocks, int), np.zeros(blocks, np.int64)
        for b in range(blocks):
            first, last = (
                (v.starts[b], v.starts[b + 1]) if layout == "packed" else (b * size, b * size + size)
            )
            data = [int(x) for x in v.packed[first:last]]
            if (early == "mask" and not v.wanted[b]) or (early == "empty" and (not data or data[0] == 0)):
                continue
            older = [int(x) for x in v.dictionary] if before == "dictionary" else [0] * window
            made, status[b] = _decoded(data, lengths == "extended", offsets, room, older)
            out[b, : len(made)], sizes[b] = made, len(made)
            if after == "adler":
                a, s = 1, 0
                for x in made:
                    a = (a + x) % 65521
                    s = (s + a) % 65521
                sums_[b] = s << 16 | a
            elif after == "xor":
                p = 0
                for x in made:
                    p = (p << 1 | p >> 15) & 0xFFFF ^ x
                sums_[b] = p
        found = {"unpacked": out, "sizes": sizes, "status": status}
        return found if after == "none" else found | {"checksums": sums_}

    d.check(reference)


def _decoded(
    data: list[int], extended: bool, offsets: str, room: int, older: list[int]
) -> tuple[list[int], int]:
    """The symbols that a block holds, and why it ends early: 0 for intact ones."""
    stream = iter(data)
    left = len(data)
    out: list[int] = []
    last = 1

    def take() -> int:
        nonlocal left
        left -= 1
        return next(stream)

    def run(field: int) -> int:
        if not extended or field < 7:
            return field
        extra = 63
        while extra == 63:
            extra = take()
            field += extra
        return field

    try:
        while left > 0:
            token = take()
            count = run(token >> 3)
            if count > left:
                return out, 1
            if len(out) + count > room:
                return out, 2
            out += [take() for _ in range(count)]
            if left <= 0:
                break
            back = take()
            if offsets == "variable" and back >= 32:
                back = back % 32 + 32 * take()
            elif offsets == "recent":
                back = last = back or last
            if not 0 < back <= len(out) + len(older):
                return out, 3
            count = run(token & 7) + 2
            if len(out) + count > room:
                return out, 2
            for _ in range(count):
                out.append((older + out)[-back])
    except StopIteration:
        return out, 1
    return out, 0
