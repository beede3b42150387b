"""Hashes of strings, of cells in space and of boards."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.bitwise import DOMAIN
from warpgen.synthesis.algorithms.bitwise.strings import WORD_NAMES, strings
from warpgen.synthesis.library import mixers
from warpgen.synthesis.writing.draft import Draft, Values

_M32, _M64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF


def _rotl(x: int, r: int) -> int:
    return ((x << r) | (x >> (32 - r))) & _M32


def _murmur3(words: list[int], seed: int) -> int:
    h = seed
    for w in words:
        h ^= _rotl(w * 0xCC9E2D51 & _M32, 15) * 0x1B873593 & _M32
        h = (_rotl(h, 13) * 5 + 0xE6546B64) & _M32
    h ^= 4 * len(words)
    return int(mixers.MURMUR(np.uint32(h)))


@DOMAIN.algorithm(
    source="Appleby 2011, MurmurHash3_x86_32",
    names=WORD_NAMES
    | {
        "murmur3": "murmur3_x86_32|hash_words|murmur_hash|hash_keys",
        "h": "hash_value|h1|state",
        "w": "word|block|k1",
        "seed": "hash_seed|salt",
    },
    adjoint="either",
    weight=5,
)
def murmur3(d: Draft) -> None:
    """Hashes each key, an array of 32-bit words, using MurmurHash3."""
    seeded = d.flag("seeded", 0.6)
    rotate = d.option("rotate", "function", "inline")
    end = d.option("end", "hash", "bucket", "unit")
    count = d.pick(32, 48, 64, 96)
    s = strings(d, "data", "uint32", count, d.pick(3, 4, 6, 8), 1 << 32)
    if seeded:
        d.param("seed", "uint32", 0, 1 << 32, about="hash seed")
    fmix = d.use(mixers.MURMUR)
    if rotate == "function":
        rotl = d.use(mixers.ROTL32)
        mixed = f"w = {rotl}(w, wp.uint32(15)) * wp.uint32(0x1B873593)"
        turned = f"h = {rotl}(h ^ w, wp.uint32(13)) * wp.uint32(5) + wp.uint32(0xE6546B64)"
    else:
        mixed = "w = ((w << wp.uint32(15)) | (w >> wp.uint32(17))) * wp.uint32(0x1B873593)"
        turned = (
            "h = h ^ w\n"
            "h = (h << wp.uint32(13)) | (h >> wp.uint32(19))\n"
            "h = h * wp.uint32(5) + wp.uint32(0xE6546B64)"
        )
    if end == "bucket":
        d.says("Maps each key to a hash table slot using MurmurHash3.")
        d.param("mask", "uint32", d.pick(63, 127, 255), about="number of slots minus one")
        d.output("slots", "int", count)
        store = "slots[tid] = int(h & mask)"
    elif end == "unit":
        d.says("Hashes each key to a uniform float in [0, 1) using MurmurHash3.")
        d.output("u", "float", count)
        store = (
            "# Use the upper 24 bits, which a float represents exactly, so that u < 1\n"
            "u[tid] = float(h >> wp.uint32(8)) * (1.0 / 16777216.0)"
        )
    else:
        d.output("hashes", "uint32", count, about="hash values")
        store = "hashes[tid] = h"
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $head
        h = $seed
        $loop
            w = $at * wp.uint32(0xCC9E2D51)
            $mixed
            $turned
        # Mix in the key length in bytes
        h = $fmix(h ^ wp.uint32(4 * $length))
        $store
        """,
        head=s.head,
        seed="seed" if seeded else "wp.uint32(0)",
        loop=s.loop,
        at=s.at,
        mixed=mixed,
        turned=turned,
        fmix=fmix,
        length=s.length,
        store=store,
    )
    d.explain("""
        This is the x86 32-bit variant without tail handling, since keys consist of whole words. Matches the
        reference implementation on little-endian machines.
    """)

    def reference(v: Values) -> dict[str, Any]:
        start = int(v.seed) if seeded else 0
        h = np.array([_murmur3([int(w) for w in row], start) for row in s.rows(v)], np.uint32)
        if end == "bucket":
            return {"slots": (h & np.uint32(v.mask)).astype(np.int32)}
        return {"u": (h >> np.uint32(8)) / 2.0**24} if end == "unit" else {"hashes": h}

    d.check(reference)


_P32 = (2654435761, 2246822519, 3266489917, 668265263, 374761393)


def _xxh32(words: list[int], seed: int) -> int:
    def turn(acc: int, lane: int) -> int:
        return _rotl((acc + lane * _P32[1]) & _M32, 13) * _P32[0] & _M32

    at = 0
    if len(words) >= 4:
        a = [(seed + _P32[0] + _P32[1]) & _M32, (seed + _P32[1]) & _M32, seed, (seed - _P32[0]) & _M32]
        while at + 4 <= len(words):
            a = [turn(x, w) for x, w in zip(a, words[at : at + 4], strict=True)]
            at += 4
        h = sum(_rotl(x, r) for x, r in zip(a, (1, 7, 12, 18), strict=True)) & _M32
    else:
        h = (seed + _P32[4]) & _M32
    h = (h + 4 * len(words)) & _M32
    for w in words[at:]:
        h = _rotl((h + w * _P32[2]) & _M32, 17) * _P32[3] & _M32
    return int(mixers.XXHASH(np.uint32(h)))


@DOMAIN.algorithm(
    source="Collet 2012, xxHash fast digest algorithm, specification 0.1.1",
    names=WORD_NAMES
    | {
        "xxhash32": "xxh32|hash_words|xxhash_keys",
        "h": "acc|hash_value|digest",
        "seed": "hash_seed|salt",
        "n": "num_words",
        "p": "pos|at|cursor",
    },
    adjoint="either",
    weight=5,
)
def xxhash32(d: Draft) -> None:
    """Hashes each key using xxHash32 with four lanes."""
    seeded = d.flag("seeded", 0.6)
    lanes = d.option("lanes", "scalars", "vector")
    tail = d.option("tail", "while", "for")
    end = d.option("end", "hash", "bucket")
    count = d.pick(32, 48, 64)
    s = strings(d, "data", "uint32", count, d.pick(5, 7, 9, 10), 1 << 32)
    if seeded:
        d.param("seed", "uint32", 0, 1 << 32, about="hash seed")
    for i, prime in enumerate(_P32):
        d.module(f"PRIME32_{i + 1} = wp.constant(wp.uint32({prime}))")
    rotl = d.use(mixers.ROTL32)
    d.function(
        """
        @wp.func
        def xxh32_round(acc: wp.uint32, lane: wp.uint32) -> wp.uint32:
            return $rotl(acc + lane * PRIME32_2, wp.uint32(13)) * PRIME32_1
        """,
        rotl=rotl,
    )
    d.function('''
        @wp.func
        def xxh32_avalanche(h: wp.uint32) -> wp.uint32:
            """Final avalanche of xxHash32."""
            h = h ^ (h >> wp.uint32(15))
            h = h * PRIME32_2
            h = h ^ (h >> wp.uint32(13))
            h = h * PRIME32_3
            return h ^ (h >> wp.uint32(16))
    ''')
    zero = "wp.uint32(0)"
    start = [f"seed + {x}" if seeded else x for x in ("PRIME32_1 + PRIME32_2", "PRIME32_2")]
    start += ["seed" if seeded else zero, "seed - PRIME32_1" if seeded else f"{zero} - PRIME32_1"]
    lane = [s.element(f"p + {i}" if i else "p") for i in range(4)]
    if lanes == "scalars":
        setup = f"""
        v1 = {start[0]}
        v2 = {start[1]}
        v3 = {start[2]}
        v4 = {start[3]}
        """
        body = "\n".join(f"v{i + 1} = xxh32_round(v{i + 1}, {lane[i]})" for i in range(4))
        parts = [f"v{i + 1}" for i in range(4)]
    else:
        setup = f"v = wp.vec4ui({', '.join(start)})"
        rounds = [f"xxh32_round(v[{i}], {lane[i]})" for i in range(4)]
        body = "v = wp.vec4ui(\n" + "".join(f"    {r},\n" for r in rounds) + ")"
        parts = [f"v[{i}]" for i in range(4)]
    merged = " + ".join(f"{rotl}({x}, wp.uint32({r}))" for x, r in zip(parts[:2], (1, 7), strict=True))
    rest = " + ".join(f"{rotl}({x}, wp.uint32({r}))" for x, r in zip(parts[2:], (12, 18), strict=True))
    item, n = s.element("p"), "length" if s.length == "length" else "n"
    step = f"h = {rotl}(h + {item} * PRIME32_3, wp.uint32(17)) * PRIME32_4"
    if tail == "while":
        ending = f"while p < {n}:\n    {step}\n    p += 1"
    else:
        ending = f"for q in range(p, {n}):\n    {step.replace(item, s.element('q'))}"
    if end == "bucket":
        d.says("Maps each key to a hash table slot using xxHash32 with four lanes.")
        d.param("num_slots", "uint32", d.pick(53, 101, 251), about="number of slots")
        d.output("slots", "uint32", count)
    else:
        d.output("hashes", "uint32", count, about="hash values")
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $head
        $count
        p = int(0)
        h = $first
        if $n >= 4:
            $setup
            while p + 4 <= $n:
                $body
                p += 4
            h = $merged
            h += $rest
        h += wp.uint32(4 * $n)
        # Tail: remaining words
        $ending
        $store
        """,
        head=s.head,
        count="" if s.length == "length" else f"n = {s.length.strip('()')}",
        n=n,
        first="seed + PRIME32_5" if seeded else "PRIME32_5",
        setup=setup,
        body=body,
        merged=merged,
        rest=rest,
        ending=ending,
        store="slots[tid] = xxh32_avalanche(h) % num_slots"
        if end == "bucket"
        else "hashes[tid] = xxh32_avalanche(h)",
    )

    def reference(v: Values) -> dict[str, Any]:
        start = int(v.seed) if seeded else 0
        h = np.array([_xxh32([int(w) for w in row], start) for row in s.rows(v)], np.uint32)
        return {"slots": h % np.uint32(v.num_slots)} if end == "bucket" else {"hashes": h}

    d.check(reference)
