"""Digests of messages."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.bitwise import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_M32 = 0xFFFFFFFF


def _roots(count: int, exponent: float) -> list[int]:
    """Fractions of roots of the first primes, 32 bits of each, as FIPS 180-4 has them."""
    primes = [p for p in range(2, 400) if all(p % q for q in range(2, int(p**0.5) + 1))][:count]
    found = []
    for p in primes:
        wide = p << (96 if exponent == 3 else 64)
        low, high = 0, 1 << 40
        while low < high:  # the integer root, exact where floats are not
            middle = (low + high + 1) // 2
            low, high = (middle, high) if middle**exponent <= wide else (low, middle - 1)
        found.append(low & _M32)
    return found


@DOMAIN.algorithm(
    source="NIST FIPS 180-4, section 6.2",
    names={
        "sha256": "sha256_compress|sha256_blocks|hash_blocks|sha256_kernel",
        "w": "schedule|W|words",
        "messages": "blocks|data|chunks",
        "digests": "hashes|state_out|outputs",
    },
    adjoint="either",
    weight=2,
)
def sha256(d: Draft) -> None:
    """Applies the SHA-256 compression function to 16-word blocks."""
    schedule = d.option("schedule", "whole", "ring")
    functions = d.option("functions", "helpers", "inline")
    state = d.option("state", "initial", "chained", "padded")
    choose = d.option("choose", "xor", "mask")
    n = d.pick(8, 12, 16)
    d.function('''
        @wp.func
        def rotr32(x: wp.uint32, r: wp.uint32) -> wp.uint32:
            """Rotate `x` right by `r` bits, 0 < r < 32."""
            return (x >> r) | (x << (wp.uint32(32) - r))
    ''')
    constants = _roots(64, 3)
    initial = _roots(8, 2)
    size = 8 if state == "padded" else 16
    d.input("messages", "uint32", (n, size), 0, 1 << 32, about="message words, one row per message")
    if state == "chained":
        d.input("chain", "uint32", (n, 8), 0, 1 << 32, about="intermediate hash values")
    rows = [", ".join(f"{c:#010x}" for c in constants[i : i + 8]) for i in range(0, 64, 8)]
    table = "".join(f"        {r},\n" for r in rows)
    d.module(
        "vec64u = wp.types.vector(64, wp.uint32)\n"
        "# SHA-256 round constants\n"
        "K = wp.constant(\n"
        "    vec64u(\n"
        f"{table}    )\n"
        ")"
    )
    d.output("digests", "uint32", (n, 8), about="hash values")

    def turned(x: str, *by: int) -> str:
        return " ^ ".join(f"rotr32({x}, wp.uint32({r}))" for r in by)

    sigmas: dict[str, Callable[[str], str]] = {
        "small_sigma0": lambda x: f"{turned(x, 7, 18)} ^ ({x} >> wp.uint32(3))",
        "small_sigma1": lambda x: f"{turned(x, 17, 19)} ^ ({x} >> wp.uint32(10))",
        "big_sigma0": lambda x: turned(x, 2, 13, 22),
        "big_sigma1": lambda x: turned(x, 6, 11, 25),
    }

    inline = functions == "inline"
    if functions == "helpers":
        for name, make in sigmas.items():
            d.function(f"@wp.func\ndef {name}(x: wp.uint32) -> wp.uint32:\n    return {make('x')}")

    def at(place: str) -> str:
        if schedule == "whole":
            return f"w[{place}]"
        return "w[t % 16]" if place == "t" else f"w[({place}) % 16]"

    expand = f"""
    w15 = {at("t - 15")}
    w2 = {at("t - 2")}
    {f"s0 = {sigmas['small_sigma0']('w15')}" if inline else "$nothing"}
    {f"s1 = {sigmas['small_sigma1']('w2')}" if inline else "$nothing"}
    {at("t")} = {at("t - 16")} + {"s0" if inline else "small_sigma0(w15)"} + {at("t - 7")} + {"s1" if inline else "small_sigma1(w2)"}
    """
    ch = "(e & f) ^ (~e & g)" if choose == "xor" else "g ^ (e & (f ^ g))"
    maj = "(a & b) ^ (a & c) ^ (b & c)" if choose == "xor" else "(a & b) | (c & (a | b))"
    letters = "abcdefgh"
    if state == "chained":
        load = "\n".join(f"{x} = chain[tid, {i}]" for i, x in enumerate(letters))
        store = "\n".join(f"digests[tid, {i}] = chain[tid, {i}] + {x}" for i, x in enumerate(letters))
        d.says("Updates the per-message SHA-256 state with one 16-word block.")
    else:
        load = "\n".join(f"{x} = wp.uint32({h:#010x})" for x, h in zip(letters, initial, strict=True))
        store = "\n".join(
            f"digests[tid, {i}] = wp.uint32({h:#010x}) + {x}"
            for i, (x, h) in enumerate(zip(letters, initial, strict=True))
        )
    pad = ""
    if state == "padded":
        pad = (
            "# Padding for a 256-bit message: 0x80 byte, zeros, bit length\n"
            "w[8] = wp.uint32(0x80000000)\n"
            "w[15] = wp.uint32(256)"
        )
        d.says("Computes SHA-256 hashes of 256-bit messages, one per thread.")
    length = 16 if schedule == "ring" else 64
    zero = f"wp.zeros(shape={length}, dtype=wp.uint32)"
    if schedule == "ring":
        expanding = "if t >= 16:\n    $expand"
        whole = ""
    else:
        expanding, whole = "", "for t in range(16, 64):\n    $expand"
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        w = $zero
        for i in range($size):
            w[i] = messages[tid, i]
        $pad
        $whole
        $load
        for t in range(64):
            $expanding
            $sums
            t1 = h + $e1 + $ch + K[t] + $wt
            t2 = $e0 + $maj
            h = g
            g = f
            f = e
            e = d + t1
            d = c
            c = b
            b = a
            a = t1 + t2
        $store
        """,
        zero=zero,
        size=str(size),
        pad=pad,
        whole=whole,
        expanding=expanding,
        expand=expand,
        load=load,
        nothing="",
        sums=f"sum1 = {sigmas['big_sigma1']('e')}\nchoice = {ch}\nsum0 = {sigmas['big_sigma0']('a')}\nmajority = {maj}"
        if inline
        else "",
        e1="sum1" if inline else "big_sigma1(e)",
        e0="sum0" if inline else "big_sigma0(a)",
        ch="choice" if inline else f"({ch})",
        maj="majority" if inline else f"({maj})",
        wt="w[t % 16]" if schedule == "ring" else "w[t]",
        store=store,
    )

    def reference(v: Values) -> dict[str, Any]:
        if state == "padded":
            rows = [hashlib.sha256(row.astype(">u4").tobytes()).digest() for row in v.messages]
            return {"digests": np.array([np.frombuffer(r, ">u4") for r in rows]).astype(np.uint32)}
        one = np.zeros((64, n), np.uint32)
        one[:size] = v.messages.T

        def ror(x: Any, *by: int) -> Any:
            return np.bitwise_xor.reduce([(x >> np.uint32(r)) | (x << np.uint32(32 - r)) for r in by])

        for t in range(16, 64):
            p, q = one[t - 15], one[t - 2]
            one[t] = one[t - 16] + one[t - 7]
            one[t] += (ror(p, 7, 18) ^ (p >> np.uint32(3))) + (ror(q, 17, 19) ^ (q >> np.uint32(10)))
        key = np.array(constants, np.uint32)
        first = v.chain.T if state == "chained" else np.repeat(np.array(initial, np.uint32)[:, None], n, 1)
        s = [x.copy() for x in first]
        for t in range(64):
            a, b, c, _, e, f, g, h = s
            x = h + ror(e, 6, 11, 25) + ((e & f) | (~e & g)) + key[t] + one[t]
            y = ror(a, 2, 13, 22) + ((a & b) | (a & c) | (b & c))
            s = [x + y, a, b, c, s[3] + x, e, f, g]
        return {"digests": (first + np.array(s)).T}

    d.check(reference)
