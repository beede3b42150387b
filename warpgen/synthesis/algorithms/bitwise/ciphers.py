"""Ciphers, digests and generators of random words."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.bitwise import DOMAIN
from warpgen.synthesis.library import mixers
from warpgen.synthesis.writing.draft import Draft, Values

_M32 = 0xFFFFFFFF


@DOMAIN.algorithm(
    source="Wheeler & Needham 1994 (TEA), Needham & Wheeler 1997 (XTEA)",
    names={
        "left": "v0|y",
        "right": "v1|z",
        "total": "sum_|delta_sum|s",
        "cycles": "num_cycles|n_cycles",
        "blocks": "words|messages",
        "cipher": "ciphertext|encrypted",
        "plain": "plaintext|decrypted",
    },
    adjoint="either",
    weight=13,
)
def tiny_cipher(d: Draft) -> None:
    """Encrypts or decrypts 64-bit blocks using the Tiny Encryption Algorithm."""
    kind = d.option("kind", "TEA", "XTEA")
    back = d.flag("decrypt", 0.4)
    layout = d.option("layout", "rows", "two arrays", "vector")
    keys = d.option("key", "array", "words", "vector")
    mode = d.option("mode", "blocks", "counter", weights=(3.0, 1.0))
    back = back and mode == "blocks"
    loop = d.option("loop", "for", "while")
    n = d.pick(32, 64, 96)
    d.calls(
        "|".join(
            f"{kind.lower()}_{name}"
            for name in (
                ("decrypt", "decipher")
                if back
                else ("encrypt", "encipher", "counter_mode" if mode == "counter" else "blocks")
            )
        )
    )
    made = "plain" if back else "cipher"
    d.module("DELTA = wp.constant(wp.uint32(0x9E3779B9))  # 2^32 / golden ratio")
    if mode == "blocks":
        if layout == "two arrays":
            d.inout("left_words", "uint32", n, 0, 1 << 32)
            d.inout("right_words", "uint32", n, 0, 1 << 32)
            load, store = (
                "left = left_words[tid]\nright = right_words[tid]",
                "left_words[tid] = left\nright_words[tid] = right",
            )
        elif layout == "rows":
            d.input("blocks", "uint32", (n, 2), 0, 1 << 32)
            load, store = (
                "left = blocks[tid, 0]\nright = blocks[tid, 1]",
                f"{made}[tid, 0] = left\n{made}[tid, 1] = right",
            )
        else:
            d.input("blocks", "vec2ui", n, 0, 1 << 32)
            load, store = (
                "block = blocks[tid]\nleft = block[0]\nright = block[1]",
                f"{made}[tid] = wp.vec2ui(left, right)",
            )
    else:
        vectors = layout == "vector"
        d.input(
            "text",
            "vec2ui" if vectors else "uint32",
            n if vectors else (n, 2),
            0,
            1 << 32,
            about="message words",
        )
        d.param("nonce", "uint32", 0, 1 << 32, about="nonce")
        load = (
            "# CTR mode: encrypt the counter instead of the text, so blocks are independent and decryption is "
            "identical\n"
            "left = nonce\n"
            "right = wp.uint32(tid)"
        )
        store = (
            "block = text[tid]\ncipher[tid] = wp.vec2ui(block[0] ^ left, block[1] ^ right)"
            if vectors
            else "cipher[tid, 0] = text[tid, 0] ^ left\ncipher[tid, 1] = text[tid, 1] ^ right"
        )
    if keys == "array":
        d.input("key", "uint32", 4, 0, 1 << 32, about="secret key")
    elif keys == "vector":
        d.param("key", "vec4ui", 0, 1 << 32, about="secret key")
    else:
        for i in range(4):
            d.param(f"key{i}", "uint32", 0, 1 << 32)
        if kind == "XTEA":
            load += "\nkey = wp.vec4ui(key0, key1, key2, key3)"
    k = [f"key[{i}]" if keys != "words" else f"key{i}" for i in range(4)]
    cycles = 32  # as both prescribe
    d.param("cycles", "int", cycles, about="number of cycles (two Feistel rounds each)")
    if mode == "blocks" and layout != "two arrays":
        d.output(
            made,
            "uint32" if layout == "rows" else "vec2ui",
            (n, 2) if layout == "rows" else n,
            about="decrypted words" if back else "encrypted words",
        )
    elif mode == "counter":
        d.output(
            "cipher", "vec2ui" if vectors else "uint32", n if vectors else (n, 2), about="encrypted words"
        )

    def half(a: str, b: str, first: int) -> str:
        if kind == "TEA":
            i = 0 if first else 2
            return f"(({b} << wp.uint32(4)) + {k[i]}) ^ ({b} + total) ^ (({b} >> wp.uint32(5)) + {k[i + 1]})"
        part = (
            "key[int(total & wp.uint32(3))]" if first else "key[int((total >> wp.uint32(11)) & wp.uint32(3))]"
        )
        return f"((({b} << wp.uint32(4)) ^ ({b} >> wp.uint32(5))) + {b}) ^ (total + {part})"

    up, down = f"left += {half('left', 'right', 1)}", f"right += {half('right', 'left', 0)}"
    if back:
        up, down = up.replace("+=", "-=", 1), down.replace("+=", "-=", 1)
        steps = [down, up, "total -= DELTA"] if kind == "TEA" else [down, "total -= DELTA", up]
    else:
        steps = ["total += DELTA", up, down] if kind == "TEA" else [up, "total += DELTA", down]
    loops = "for _ in range(cycles):\n    $steps"
    if loop == "while":
        loops = "remaining = cycles\nwhile remaining > 0:\n    $steps\n    remaining -= 1"
    d.says(f"{'Decrypts' if back else 'Encrypts'} 64-bit blocks using {kind}.")
    if mode == "counter":
        d.says(f"Encrypts 64-bit blocks using {kind} in counter (CTR) mode.")
    d.launch(n)
    d.code(
        "tid = wp.tid()\n$load\ntotal = $start\n$loops\n$store",
        load=load,
        start="DELTA * wp.uint32(cycles)" if back else "wp.uint32(0)",
        loops=loops,
        steps="\n".join(steps),
        store=store,
    )

    def reference(v: Values) -> dict[str, Any]:
        key = [np.uint32(v[f"key{i}"]) for i in range(4)] if keys == "words" else np.asarray(v.key)
        if mode == "counter":
            a, b = np.full(n, v.nonce, np.uint32), np.arange(n, dtype=np.uint32)
        elif layout == "two arrays":
            a, b = v.left_words.copy(), v.right_words.copy()
        else:
            a, b = v.blocks[:, 0].copy(), v.blocks[:, 1].copy()
        delta, four, five = np.uint32(0x9E3779B9), np.uint32(4), np.uint32(5)

        def f(x: Any, s: int, first: bool) -> Any:
            if kind == "TEA":
                p, q = key[:2] if first else key[2:]
                return ((x << four) + p) ^ (x + np.uint32(s)) ^ ((x >> five) + q)
            return (((x << four) ^ (x >> five)) + x) ^ (np.uint32(s) + key[(s if first else s >> 11) & 3])

        sums = [int(delta) * i & _M32 for i in range(cycles + 1)]
        for i in reversed(range(cycles)) if back else range(cycles):
            s, t = (sums[i + 1], sums[i + 1]) if kind == "TEA" else (sums[i], sums[i + 1])
            if back:
                b = b - f(a, t, False)
                a = a - f(b, s, True)
            else:
                a = a + f(b, s, True)
                b = b + f(a, t, False)
        if mode == "counter":
            return {"cipher": v.text ^ np.stack([a, b], axis=1)}
        if layout == "two arrays":
            return {"left_words": a, "right_words": b}
        return {made: np.stack([a, b], axis=1)}

    d.check(reference)


@DOMAIN.algorithm(
    source="Bernstein 2008; Nir & Langley, RFC 8439",
    names={
        "chacha": "chacha_block|chacha_keystream|chacha_blocks|keystream",
        "key": "key_words|secret|k",
        "nonce": "nonce_words|iv|stream_id",
        "double_rounds": "num_double_rounds|double_round_count",
        "s": "x|state|block",
    },
    adjoint="either",
    weight=2,
)
def chacha(d: Draft) -> None:
    """Computes ChaCha keystream blocks, one per thread."""
    how = d.option("state", "vector", "array")
    use = d.option("use", "stream", "cipher", "uniform")
    quarter = d.option("quarter", "function", "pairs")
    nonce = d.option("nonce", "array", "vector", "words")
    start = d.flag("start")
    if use != "stream":
        d.calls(
            {
                "cipher": "chacha_encrypt|chacha_cipher|encrypt_blocks|chacha_xor",
                "uniform": "chacha_uniform|chacha_random|chacha_rng",
            }[use]
        )
    n = d.pick(8, 16, 24)
    rounds = d.pick(4, 6, 10)
    if use == "cipher":
        d.input("text", "uint32", (n, 16), 0, 1 << 32, about="message words")
    d.input("key", "uint32", 8, 0, 1 << 32, about="secret key")
    if nonce == "array":
        d.input("nonce", "uint32", 3, 0, 1 << 32, about="nonce")
    elif nonce == "vector":
        d.param("nonce", "vec3ui", 0, 1 << 32, about="nonce")
    else:
        for i in range(3):
            d.param(f"nonce{i}", "uint32", 0, 1 << 32)
    if start:
        d.param("counter", "uint32", 0, 1 << 20, about="index of the first block")
    d.param("double_rounds", "int", rounds, about="number of double rounds")
    d.output("out", "float" if use == "uniform" else "uint32", (n, 16))
    rotl = d.use(mixers.ROTL32)
    if how == "vector":
        d.module("vec16u = wp.types.vector(16, wp.uint32)")
    zero = "vec16u()" if how == "vector" else "wp.zeros(shape=16, dtype=wp.uint32)"
    words = ["0x61707865", "0x3320646E", "0x79622D32", "0x6B206574"]
    setup = '# "expand 32-byte k"\n' + "\n".join(f"start[{i}] = wp.uint32({w})" for i, w in enumerate(words))
    setup += "\nfor i in range(8):\n    start[4 + i] = key[i]\n"
    setup += f"start[12] = {'counter + ' if start else ''}wp.uint32(tid)\n"
    setup += "\n".join(
        f"start[{13 + i}] = {f'nonce{i}' if nonce == 'words' else f'nonce[{i}]'}" for i in range(3)
    )
    pairs = ((16, "a", "b", "d"), (12, "c", "d", "b"), (8, "a", "b", "d"), (7, "c", "d", "b"))
    body = "\n".join(f"{p} += {q}\n{r} = {rotl}({r} ^ {p}, wp.uint32({turn}))" for turn, p, q, r in pairs)
    if quarter == "function":
        d.function(
            (
                "@wp.func\n"
                "def quarter_round(a: wp.uint32, b: wp.uint32, c: wp.uint32, d: wp.uint32):\n"
                "    $body\n"
                "    return a, b, c, d"
            ),
            body=body,
        )

        def call(a: str, b: str, c: str, e: str) -> str:
            return f"a, b, c, d = quarter_round(s[{a}], s[{b}], s[{c}], s[{e}])"
    else:
        half = """
        @wp.func
        def add_xor_rotate(a: wp.uint32, b: wp.uint32, d: wp.uint32, turn: wp.uint32):
            a += b
            return a, $rotl(d ^ a, turn)
        """
        d.function(half, rotl=rotl)

        def call(a: str, b: str, c: str, e: str) -> str:
            return f"""a, d = add_xor_rotate(s[{a}], s[{b}], s[{e}], wp.uint32(16))
c, b = add_xor_rotate(s[{c}], d, s[{b}], wp.uint32(12))
a, d = add_xor_rotate(a, b, d, wp.uint32(8))
c, b = add_xor_rotate(c, d, b, wp.uint32(7))"""

    def put(a: str, b: str, c: str, e: str) -> str:
        return f"s[{a}] = a\ns[{b}] = b\ns[{c}] = c\ns[{e}] = d"

    column = ("i", "4 + i", "8 + i", "12 + i")
    diagonal = ("i", "4 + (i + 1) % 4", "8 + (i + 2) % 4", "12 + (i + 3) % 4")
    value = {
        "stream": "s[i] + start[i]",
        "cipher": "text[tid, i] ^ (s[i] + start[i])",
        "uniform": "float((s[i] + start[i]) >> wp.uint32(8)) * (1.0 / 16777216.0)",
    }[use]
    if use == "cipher":
        d.says("Encrypts 16-word blocks by XOR with the ChaCha keystream.")
    if use == "uniform":
        d.says("Generates uniform random floats from ChaCha keystream blocks.")
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        start = $zero
        $setup
        s = $zero
        for i in range(16):
            s[i] = start[i]
        for _ in range(double_rounds):
            for i in range(4):
                $columns
                $put_columns
            for i in range(4):
                $diagonals
                $put_diagonals
        # Add the initial state so that the rounds cannot be inverted
        for i in range(16):
            out[tid, i] = $value
        """,
        zero=zero,
        setup=setup,
        columns=call(*column),
        put_columns=put(*column),
        diagonals=call(*diagonal),
        put_diagonals=put(*diagonal),
        value=value,
    )

    def reference(v: Values) -> dict[str, Any]:
        state = np.zeros((n, 16), np.uint32)
        state[:, :4] = [int(w, 16) for w in words]
        state[:, 4:12] = v.key
        state[:, 12] = np.arange(n, dtype=np.uint32) + (np.uint32(v.counter) if start else np.uint32(0))
        state[:, 13:] = [v[f"nonce{i}"] for i in range(3)] if nonce == "words" else v.nonce
        x = state.T.reshape(4, 4, n).copy()  # row of the matrix, column, block
        for step in range(2 * rounds):
            a, b, c, e = (np.roll(x[r], -r * (step % 2), axis=0) for r in range(4))
            for turn, even in ((16, True), (12, False), (8, True), (7, False)):
                left, right = np.uint32(turn), np.uint32(32 - turn)
                if even:
                    a = a + b
                    e = ((e ^ a) << left) | ((e ^ a) >> right)
                else:
                    c = c + e
                    b = ((b ^ c) << left) | ((b ^ c) >> right)
            x = np.stack([np.roll(y, r * (step % 2), axis=0) for r, y in enumerate((a, b, c, e))])
        stream = x.reshape(16, n).T + state
        if use == "uniform":
            return {"out": (stream >> np.uint32(8)) / 2.0**24}
        return {"out": stream ^ v.text if use == "cipher" else stream}

    d.check(reference)
