"""Codes that find and mend errors, and the arithmetic of their fields."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.bitwise import DOMAIN
from warpgen.synthesis.library.words import bits, joined
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Hamming 1950",
    names={
        "words": "codes|code_words",
        "code": "word|code_word",
        "syndrome": "s|error_position|syn",
        "nibbles": "data|messages|payload",
    },
    adjoint="either",
    weight=5,
)
def hamming_code(d: Draft) -> None:
    """Encodes or decodes Hamming (7,4) codewords."""
    way = d.option("way", "encode", "decode", "channel")
    extended = d.flag("extended")
    form = d.option("form", "named bits", "parity masks")
    type = d.option("type", "int", "uint32")
    d.calls(
        {
            "encode": "hamming_encode|encode_nibbles|hamming_encoder",
            "decode": "hamming_decode|decode_words|hamming_decoder|correct_words",
            "channel": "hamming_channel|noisy_channel|send_nibbles",
        }[way]
    )
    count = d.pick(64, 96, 128, 256)
    u: Any = (lambda n: f"wp.uint32({n})") if type == "uint32" else str

    def bit(x: str, i: int) -> str:
        return f"({x} >> {u(i)}) & {u(1)}" if i else f"{x} & {u(1)}"

    encode = "\n".join(f"d{i} = {bit('n', i)}" for i in range(4))
    encode += f"""
p1 = d0 ^ d1 ^ d3
p2 = d0 ^ d2 ^ d3
p4 = d1 ^ d2 ^ d3
# Parity bits sit at positions 1, 2 and 4, so the syndrome is the 1-based index of the flipped bit
code = p1 | (p2 << {u(1)}) | (d0 << {u(2)}) | (p4 << {u(3)})
code = code | (d1 << {u(4)}) | (d2 << {u(5)}) | (d3 << {u(6)})"""
    overall = (
        f"parity = code ^ (code >> {u(4)})\n"
        f"parity = parity ^ (parity >> {u(2)})\n"
        f"parity = (parity ^ (parity >> {u(1)})) & {u(1)}"
    )
    if form == "parity masks":
        overall = "parity = parity8(code)"
    if form == "named bits":
        check = "\n".join(f"c{i + 1} = {bit('code', i)}" for i in range(7))
        check += f"""
s1 = c1 ^ c3 ^ c5 ^ c7
s2 = c2 ^ c3 ^ c6 ^ c7
s4 = c4 ^ c5 ^ c6 ^ c7
syndrome = s1 | (s2 << {u(1)}) | (s4 << {u(2)})"""
    else:
        d.function(
            """
            @wp.func
            def parity8(x: $t) -> $t:
                x = x ^ (x >> $four)
                x = x ^ (x >> $two)
                return (x ^ (x >> $one)) & $one
            """,
            t="int" if type == "int" else "wp.uint32",
            four=u(4),
            two=u(2),
            one=u(1),
        )
        masks = [u(m) for m in ("0x55", "0x66", "0x78")]
        check = f"""# Each mask selects the 1-based positions whose index has this syndrome bit set
syndrome = parity8(code & {masks[0]})
syndrome = syndrome | (parity8(code & {masks[1]}) << {u(1)})
syndrome = syndrome | (parity8(code & {masks[2]}) << {u(2)})"""
    mend = f"if syndrome != {u(0)}:\n    code = code ^ ({u(1)} << (syndrome - {u(1)}))"
    if extended and way != "encode":
        d.module(f"ERASED = wp.constant({u(255)})  # marks double errors")
        mend = f"""{overall}
if syndrome != {u(0)}:
    # Even parity but nonzero syndrome: double error, cannot be corrected
    if parity == {u(0)}:
        $two
        return
    code = code ^ ({u(1)} << (syndrome - {u(1)}))"""
    code_name = "extended Hamming (8,4)" if extended else "Hamming (7,4)"
    doubtful = "; 255 flags a double error" if extended else ""
    gather = f"nibble = (code >> {u(2)}) & {u(1)}\nnibble = nibble | ((code >> {u(3)}) & {u(14)})"
    if way == "encode":
        d.input("nibbles", type, count, 0, 16, about="4-bit input values")
        d.output("words", type, count, about="codewords")
        body = "n = nibbles[tid]\n" + encode
        if extended:
            body += f"\n{overall}\nwords[tid] = code | (parity << {u(7)})"
        else:
            body += "\nwords[tid] = code"
        d.says(f"Encodes 4-bit values using {'an' if extended else 'a'} {code_name} code.")
    elif way == "decode":
        d.input("words", type, count, 0, 256 if extended else 128, about="codewords")
        d.output("nibbles", type, count, about="decoded 4-bit values")
        erased = "nibbles[tid] = ERASED"
        body = f"code = words[tid]\n{check}\n{mend.replace('$two', erased)}\n{gather}\nnibbles[tid] = nibble"
        d.says(f"Decodes {code_name} codewords and corrects single-bit errors{doubtful}.")
    else:
        d.input("nibbles", type, count, 0, 16, about="4-bit input values")
        fair = "random words, a code bit flips if it is set in all three"
        d.input("noise", type, (count, 3), 0, 256 if extended else 128, about=fair)
        d.output("decoded", type, count, about="corrected data")
        even = f"{overall}\ncode = code | (parity << {u(7)})" if extended else ""
        erased = "decoded[tid] = ERASED"
        body = f"""n = nibbles[tid]
{encode}
{even}
# AND of three random words: each bit flips with probability 1/8
code = code ^ (noise[tid, 0] & noise[tid, 1] & noise[tid, 2])
{check}
{mend.replace("$two", erased)}
{gather}
decoded[tid] = nibble""".replace("\n\n", "\n")
        d.says(
            f"Simulates a noisy channel using the {code_name} code and decodes the received words{doubtful}."
        )
    d.launch(count)
    d.code("tid = wp.tid()\n$body", body=body)

    book = _hamming_book(extended)

    def reference(v: Values) -> dict[str, Any]:
        if way == "encode":
            return {"words": book[v.nibbles].astype(v.nibbles.dtype)}
        sent = v.words if way == "decode" else book[v.nibbles] ^ np.bitwise_and.reduce(v.noise, axis=1)
        # the nearest word of the code: at most one flaw away, or two where the parity says so
        apart = bits(sent.astype(np.int64)[:, None] ^ book[None], 8).sum(axis=-1)
        nibbles = np.where(apart.min(axis=1) > 1, 255, apart.argmin(axis=1))
        return {"nibbles" if way == "decode" else "decoded": nibbles}

    d.check(reference)


def _hamming_book(extended: bool) -> Any:
    """The word for each nibble, by the generator matrix."""
    rows = np.array(
        [[1, 1, 1, 0, 0, 0, 0], [1, 0, 0, 1, 1, 0, 0], [0, 1, 0, 1, 0, 1, 0], [1, 1, 0, 1, 0, 0, 1]]
    )
    made = bits(np.arange(16), 4).astype(int) @ rows % 2
    if extended:
        made = np.concatenate([made, made.sum(axis=1, keepdims=True) % 2], axis=1)
    return joined(made).astype(np.int64)


@DOMAIN.algorithm(
    source="Reed & Solomon 1960; Daemen & Rijmen 2002, section 4.2 (polynomial 0x11b); QR codes (0x11d)",
    names={
        "galois_field": "gf256|gf256_kernel|field_arithmetic",
        "a": "lhs|x|p",
        "b": "rhs|y|q",
        "product": "r|prod|acc",
    },
    adjoint="either",
    weight=4,
)
def galois_field(d: Draft) -> None:
    """Multiplies in the finite field GF(256)."""
    poly = d.option("poly", 0x11B, 0x11D)
    way = d.option("way", "products", "dot", "syndrome", "power")
    form = d.option("form", "function", "inline")
    carry = d.option("carry", "branch", "mask")
    count, size = d.pick(48, 64, 96), d.pick(6, 8, 12)
    d.calls(
        {
            "products": "gf_products|gf256_multiply|multiply_bytes",
            "dot": "gf_matvec|encode_symbols|gf256_matvec",
            "syndrome": "rs_syndromes|compute_syndromes|word_syndromes",
            "power": "gf_powers|gf256_pow|raise_to_powers",
        }[way]
    )
    # 2 generates the nonzero elements modulo 0x11d, but not modulo 0x11b
    generator, roots = (2, [1, 2, 4, 8]) if poly == 0x11D else (3, [1, 3, 5, 15])
    terms = {0x11B: "x^8 + x^4 + x^3 + x + 1", 0x11D: "x^8 + x^4 + x^3 + x^2 + 1"}[poly]
    d.module(f"POLYNOMIAL = wp.constant({poly:#x})  # {terms}")
    reduction = (
        "if a >= 256:\n    a = a ^ POLYNOMIAL"
        if carry == "branch"
        else "# Reduce modulo the field polynomial if bit 8 is set\na = a ^ (POLYNOMIAL & -(a >> 8))"
    )
    core = """
    for bit in range(8):
        if (b & 1) != 0:
            product = product ^ a
        a = a << 1
        $reduction
        b = b >> 1
    """
    if form == "function" or way == "power":
        d.function(
            (
                "@wp.func\n"
                "def gf_multiply(a: int, b: int) -> int:\n"
                "    product = int(0)\n"
                "    $core\n"
                "    return product"
            ),
            core=core,
            reduction=reduction,
        )

    def product(a: str, b: str, into: str) -> str:
        if form == "function" or way == "power":
            return into.replace("product", f"gf_multiply({a}, {b})")
        return f"a = {a}\nb = {b}\nproduct = int(0)\n$core\n{into}"

    if way == "products":
        d.input("x", "int", count, 0, 256)
        d.input("y", "int", count, 0, 256)
        d.output("z", "int", count)
        body = product("x[tid]", "y[tid]", "z[tid] = product")
        d.says("Multiplies pairs of bytes in GF(256).")
    elif way == "dot":
        d.input("matrix", "int", (count, size), 0, 256)
        d.input("x", "int", size, 0, 256)
        d.output("z", "int", count)
        inner = product("matrix[tid, k]", "x[k]", "dot = dot ^ product")
        body = "dot = int(0)\nfor k in range(x.shape[0]):\n    $inner\nz[tid] = dot"
        d.says("Computes a matrix-vector product over GF(256), as used in erasure codes.")
    elif way == "syndrome":
        d.module(
            f"# Generator polynomial roots, powers of {generator}\n"
            f"ROOTS = wp.constant(wp.vec4i({', '.join(map(str, roots))}))"
        )
        d.input("received", "int", (count, size), 0, 256, about="received symbols")
        d.output("syndromes", "int", (count, 4), about="syndromes, all zero if no error was detected")
        inner = product("value", "root", "value = product ^ received[tid, k]")
        body = (
            "root = ROOTS[j]\n"
            "value = int(0)\n"
            "# Horner's rule\n"
            "for k in range(received.shape[1]):\n"
            "    $inner\n"
            "syndromes[tid, j] = value"
        )
        d.says("Computes the syndromes of received Reed-Solomon codewords.")
    else:
        d.input("x", "int", count, 0, 256)
        d.input("exponent", "int", count, 0, 255, about="exponents")
        d.output("z", "int", count)
        body = """
        base = x[tid]
        e = exponent[tid]
        power = int(1)
        while e > 0:
            if (e & 1) != 0:
                power = gf_multiply(power, base)
            base = gf_multiply(base, base)
            e = e >> 1
        z[tid] = power
        """
        inner = ""
        d.says("Computes powers in GF(256) using repeated squaring.")
    if way == "syndrome":
        d.launch(count, 4)
    else:
        d.launch(count)
    d.code(
        "$ids\n$body",
        ids="tid, j = wp.tid()" if way == "syndrome" else "tid = wp.tid()",
        body=body,
        inner=inner if way in ("dot", "syndrome") else "",
        core=core,
        reduction=reduction,
    )

    def multiply(a: Any, b: Any) -> Any:
        a, b = np.broadcast_arrays(np.asarray(a, np.int64), np.asarray(b, np.int64))
        wide = np.zeros(a.shape, np.int64)
        for i in range(8):
            wide ^= np.where((b >> i) & 1, a << i, 0)
        for i in range(14, 7, -1):
            wide ^= np.where((wide >> i) & 1, poly << (i - 8), 0)
        return wide

    def reference(v: Values) -> dict[str, Any]:
        if way == "products":
            return {"z": multiply(v.x, v.y)}
        if way == "dot":
            return {"z": np.bitwise_xor.reduce(multiply(v.matrix, v.x), axis=1)}
        if way == "power":
            z = np.ones(count, np.int64)
            for i in range(255):
                z = np.where(i < v.exponent, multiply(z, v.x), z)
            return {"z": z}
        found = np.zeros((count, 4), np.int64)
        for k in range(size):
            found = multiply(found, roots) ^ v.received[:, k, None]
        return {"syndromes": found}

    d.check(reference)
