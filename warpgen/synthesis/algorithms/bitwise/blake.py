"""The digest BLAKE2."""

from __future__ import annotations

import hashlib
import textwrap
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.bitwise import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, dedented

_SIGMA = (
    "0123456789abcdef", "ea489fd61c02b753", "b8c052fdae367194", "7931dcbe265a40f8", "9057 24afe1bc683d",
    "2c6a0b834d75fe19", "c51fed4a0763928b", "db7ec13950f4862a", "6fe9b308c2d714a5", "a2847615fb9e3cd0",
)  # fmt: skip
_IV64 = (
    0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
    0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
)  # fmt: skip
_ROUNDS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
           (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))  # fmt: skip


@DOMAIN.algorithm(
    source="Saarinen & Aumasson 2015, RFC 7693; Aumasson et al. 2013, BLAKE2: simpler, smaller, fast as MD5",
    names={
        "blake_digests": "blake2_digest|blake2_hash|hash_messages|blake2_kernel",
        "messages": "data|inputs",
        "digests": "hashes|out_hash|outputs",
        "state": "h|chain|hash_words",
        "work": "v|state_words|lanes",
        "message": "m|words|block_words",
        "turn": "r|round_id|step",
    },
    adjoint="no",
    weight=5,
)
def blake_digests(d: Draft) -> None:
    """Hashes messages using BLAKE2."""
    wide = d.option("word", False, True)
    form = d.option("form", "helper", "table of lanes")
    blocks = d.option("blocks", 1, 2)
    lengths = d.flag("lengths", 0.4)
    key = d.option("key", "none", "words", weights=(0.65, 0.35))
    digest = d.option("digest", "full", "half", "first word")
    count = d.pick(8, 12, 16)
    bits, rounds = (64, 12) if wide else (32, 10)
    bytes_ = bits // 8
    turns = (32, 24, 16, 63) if wide else (16, 12, 8, 7)
    iv = _IV64 if wide else tuple(x >> 32 for x in _IV64)
    word = f"wp.uint{bits}"
    kept = {"full": 8, "half": 4, "first word": 1}[digest]
    width = 16 * blocks
    d.input("messages", f"uint{bits}", (count, width), 0, 1 << 53 if wide else 1 << 32, about="Message words")
    if lengths:
        d.input("lengths", "int", count, 1, width + 1, about="Number of valid words per message")
    if key == "words":
        d.input("key", f"uint{bits}", 4, 0, 1 << 53 if wide else 1 << 32, about="Secret key, four words")
    d.output("digests", f"uint{bits}", count if kept == 1 else (count, kept), about="Hash values")
    listed = ",\n".join(f"        {word}({x:#0{2 + 2 * bytes_}x})" for x in iv)
    rows = "".join(f"        {', '.join(str(int(c, 16)) for c in s.replace(' ', ''))},\n" for s in _SIGMA)
    d.module(
        f"vec8 = wp.types.vector(8, {word})\n"
        f"# Fractional parts of the square roots of the first eight primes\nIV = wp.constant(\n    vec8(\n{listed},\n    )\n)"
    )
    d.module(
        "vec160 = wp.types.vector(160, wp.int32)\n"
        f"# Message word permutation for each round\nSIGMA = wp.constant(\n    vec160(\n{rows}    )\n)"
    )
    d.function(f'''
        @wp.func
        def rotate_right(x: {word}, by: {word}) -> {word}:
            """Rotate a word to the right."""
            return (x >> by) | (x << ({word}({bits}) - by))
    ''')
    step = f"""
        {{a}} = {{a}} + {{b}} + {{x}}
        {{d}} = rotate_right({{d}} ^ {{a}}, {word}({turns[0]}))
        {{c}} = {{c}} + {{d}}
        {{b}} = rotate_right({{b}} ^ {{c}}, {word}({turns[1]}))
        {{a}} = {{a}} + {{b}} + {{y}}
        {{d}} = rotate_right({{d}} ^ {{a}}, {word}({turns[2]}))
        {{c}} = {{c}} + {{d}}
        {{b}} = rotate_right({{b}} ^ {{c}}, {word}({turns[3]}))
    """
    body = step.format(**{k: f"work[{k}]" for k in "abcd"}, x="x", y="y")
    d.function(
        f'''
        @wp.func
        def mix(work: wp.array(dtype={word}), a: int, b: int, c: int, d: int, x: {word}, y: {word}):
            """Mix two message words into four words of the working vector (G function)."""
        '''.rstrip()
        + textwrap.indent(textwrap.dedent(body), " " * 12).rstrip()
    )
    lines: list[str] = []
    for k, lanes in enumerate(_ROUNDS):
        if k in (0, 4):
            lines.append("# Columns" if k == 0 else "# Diagonals")
        words = [f"message[SIGMA[order + {2 * k + i}]]".replace(" + 0]", "]") for i in (0, 1)]
        lines.append(f"mix(work, {', '.join(map(str, lanes))}, {words[0]}, {words[1]})")
    if form == "table of lanes":
        lines = [
            "for g in range(8):",
            "    # Columns for g < 4, diagonals after: row i of the 4x4 state is shifted by i lanes",
            "    shift = g // 4",
            "    lane_b = 4 + (g + shift) % 4",
            "    lane_c = 8 + (g + 2 * shift) % 4",
            "    lane_d = 12 + (g + 3 * shift) % 4",
            "    x = message[SIGMA[order + 2 * g]]",
            "    y = message[SIGMA[order + 2 * g + 1]]",
            "    mix(work, g % 4, lane_b, lane_c, lane_d, x, y)",
        ]
    extra = 1 if key == "words" else 0
    size = (64 if wide else 32) if digest == "full" else (32 if wide else 16) if digest == "half" else bytes_
    parameter = 0x01010000 ^ size ^ ((4 * bytes_ << 8) if extra else 0)
    used = "lengths[tid]" if lengths else str(width)
    total = blocks + extra
    take = (
        f"message[k] = messages[tid, {16 if blocks > 1 else 0} * block + k]"
        if blocks > 1
        else "message[k] = messages[tid, k]"
    )
    if extra:
        take = (
            "message[k] = messages[tid, 16 * (block - 1) + k]"
            if blocks > 1
            else "message[k] = messages[tid, k]"
        )
    place = {(0, False): "16 * block + k", (1, False): "16 * (block - 1) + k"}[extra, False]
    loop = total > 1
    if not loop:
        place = "k"
    lines_load = ["for k in range(16):", f"    message[k] = {word}(0)"]
    if extra:
        lines_load += ["    if block == 0:", "        # The key occupies a separate block before the message",
                       "        if k < 4:", "            message[k] = key[k]"]  # fmt: skip
        lines_load += [f"    elif {place} < used:" if lengths else "    else:", f"        {take}"]
    elif lengths:
        lines_load = ["for k in range(16):", f"    if {place} < used:", f"        {take}"]
        lines_load += ["    else:", f"        message[k] = {word}(0)"]
        if not loop:
            lines_load = ["for k in range(used):", f"    {take}"]
    else:
        lines_load = ["for k in range(16):", f"    {take}"]
    end = "last" if lengths and loop else str(total - 1)
    if lengths and loop:
        count_of = f"{16 * extra} + used" if extra else "used"
        ends = f"last = {extra} + (used - 1) // 16" if extra else "last = (used - 1) // 16"
        counter = f"wp.min(16 * (block + 1), {count_of})"
    else:
        count_of = (f"{16 * extra} + used" if extra else "used") if lengths else str(16 * total)
        ends, counter = "", "16 * (block + 1)" if loop else count_of
        if lengths and loop:
            counter = f"wp.min({counter}, {count_of})"
    final = (
        f"if block == {end}:\n    # Set the finalization flag\n    work[14] = ~work[14]"
        if loop
        else "work[14] = ~work[14]"
    )
    block = """
        $load
        for k in range(8):
            work[k] = state[k]
            work[k + 8] = IV[k]
        work[12] = work[12] ^ $word($counter * $bytes)
        $final
        for turn in range(rounds):
            order = $order
            $mixing
    """
    body = dedented(block)
    chained = "state[$k] ^ work[$k] ^ work[$k8]"
    lane, first = (chained.replace("$k8", b).replace("$k", a) for a, b in (("k", "k + 8"), ("0", "8")))
    if loop:
        body += f"\nfor k in range(8):\n    state[k] = {lane}"
        lane, first = "state[k]", "state[0]"
    if loop:
        test = "block <= last" if lengths else f"block < {total}"
        body = f"block = int(0)\nwhile {test}:\n" + textwrap.indent(f"{body}\nblock += 1", "    ")
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        # Use a dynamic variable here to prevent unrolling of the round loop
        rounds = int($rounds)
        $used
        $ends
        state = wp.zeros(shape=8, dtype=$word)
        work = wp.zeros(shape=16, dtype=$word)
        message = wp.zeros(shape=16, dtype=$word)
        for k in range(8):
            state[k] = IV[k]
        # Parameter block: digest length, key length, fanout 1, depth 1
        state[0] = state[0] ^ $word($parameter)
        $body
        $store
        """,
        rounds=str(rounds),
        used=f"used = {used}" if lengths else "",
        ends=ends,
        body=body,
        word=word,
        parameter=f"{parameter:#010x}",
        load="\n".join(lines_load),
        counter=f"({counter})" if counter.startswith(f"{16 * extra} +") else counter,
        bytes=str(bytes_),
        final=final,
        order="16 * (turn % 10)" if wide else "16 * turn",
        mixing="\n".join(lines),
        store=f"digests[tid] = {first}"
        if kept == 1
        else f"for k in range({kept}):\n    digests[tid, k] = {lane}",
    )
    d.says(
        f"Computes {'keyed ' if extra else ''}{'BLAKE2b' if wide else 'BLAKE2s'} hashes, one message per thread."
    )
    d.explain(f"""
        Input is an array of little-endian {bits}-bit words. Each 16-word block is mixed for {rounds} rounds; the
        byte counter is XORed into lane 12, and lane 14 is inverted for the final block.
    """)

    def reference(v: Values) -> dict[str, Any]:
        made = []
        for i in range(count):
            n = int(v.lengths[i]) if lengths else width
            data = v.messages[i, :n].astype(f"<u{bytes_}").tobytes()
            secret = v.key.astype(f"<u{bytes_}").tobytes() if extra else b""
            hashed = (hashlib.blake2b if wide else hashlib.blake2s)(data, digest_size=size, key=secret)
            made.append(np.frombuffer(hashed.digest(), f"<u{bytes_}"))
        return {"digests": np.array(made)[:, 0] if kept == 1 else np.array(made)}

    d.check(reference)
