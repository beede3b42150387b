"""Random numbers that are functions of counters."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.monte_carlo import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_M32 = 0xFFFFFFFF
_MUL_HIGH = {
    "uint64": """
        @wp.func
        def mul_high(a: wp.uint32, b: wp.uint32) -> wp.uint32:
            return wp.uint32((wp.uint64(a) * wp.uint64(b)) >> wp.uint64(32))
    """,
    "halves": """
        @wp.func
        def mul_high(a: wp.uint32, b: wp.uint32) -> wp.uint32:
            # Upper half of the 64-bit product, from 16-bit halves
            al = a & wp.uint32(0xFFFF)
            ah = a >> wp.uint32(16)
            bl = b & wp.uint32(0xFFFF)
            bh = b >> wp.uint32(16)
            middle = ah * bl + ((al * bl) >> wp.uint32(16))
            cross = al * bh + (middle & wp.uint32(0xFFFF))
            return ah * bh + (middle >> wp.uint32(16)) + (cross >> wp.uint32(16))
    """,
}


@DOMAIN.algorithm(
    source="Salmon et al. 2011, Parallel random numbers: as easy as 1, 2, 3, section 3.3",
    names={
        "counter_stream": "philox|philox_kernel|counter_rng",
        "rounds": "num_rounds|n_rounds",
    },
    adjoint="either",
    element="stream",
    weight=6,
)
def counter_stream(d: Draft) -> None:
    """Computes counter-based random numbers using Philox."""
    width = d.option("width", 2, 4)
    out = d.option("out", "words", "unit", "normal")
    kinds = {"words": "random words", "unit": "uniform random numbers", "normal": "normal random numbers"}
    d.says(f"Computes {kinds[out]} from counters using the Philox generator.")
    counter = d.option("counter", "index", "array")
    high = d.option("high", *_MUL_HIGH)
    loop = d.option("loop", "for", "while")
    layout = d.option("layout", "matrix", "planes", "vector")
    n = d.pick(32, 48, 64)
    rounds = d.pick(7, 10)
    if counter == "array":
        d.input("counters", "uint32", n, 0, 1 << 32, about="counters to encrypt")
    d.param("key", "uint32" if width == 2 else "vec2ui", 0, 1 << 32, about="stream key")
    d.param("rounds", "int", rounds, about="number of rounds")
    if counter == "index":
        d.param("step", "uint32", 0, 1 << 20, about="second word of the counter, the time step")
    type = "uint32" if out == "words" else "float"
    about = {
        "words": "random words",
        "unit": "uniform numbers in [0, 1)",
        "normal": "standard normal numbers",
    }[out]
    if layout == "vector":
        kind = {("words", 2): "vec2ui", ("words", 4): "vec4ui"}.get((out, width), f"vec{width}")
        d.output("out", kind, n, about=about)
    else:
        d.output("out", type, (n, width) if layout == "matrix" else (width, n), about=about)
    d.function(_MUL_HIGH[high])
    first = "counters[tid]" if counter == "array" else "wp.uint32(tid)"
    second = "wp.uint32(0)" if counter == "array" else "step"
    if width == 2:
        init = f"c0 = {first}\nc1 = {second}\nk0 = key"
        body = (
            "hi0 = mul_high(wp.uint32(0xD256D193), c0)\n"
            "lo0 = wp.uint32(0xD256D193) * c0\n"
            "c0 = hi0 ^ k0 ^ c1\n"
            "c1 = lo0\n"
            "# Weyl sequence of keys\n"
            "k0 += wp.uint32(0x9E3779B9)"
        )
    else:
        init = f"c0 = {first}\nc1 = {second}\nc2 = wp.uint32(0)\nc3 = wp.uint32(0)\nk0 = key[0]\nk1 = key[1]"
        body = (
            "hi0 = mul_high(wp.uint32(0xD2511F53), c0)\n"
            "lo0 = wp.uint32(0xD2511F53) * c0\n"
            "hi1 = mul_high(wp.uint32(0xCD9E8D57), c2)\n"
            "lo1 = wp.uint32(0xCD9E8D57) * c2\n"
            "c0 = hi1 ^ c1 ^ k0\n"
            "c1 = lo1\n"
            "c2 = hi0 ^ c3 ^ k1\n"
            "c3 = lo0\n"
            "# Weyl sequences of keys\n"
            "k0 += wp.uint32(0x9E3779B9)\n"
            "k1 += wp.uint32(0xBB67AE85)"
        )
    names, pre = [f"c{i}" for i in range(width)], ""
    if out == "unit":
        values = [f"float({c} >> wp.uint32(8)) * (1.0 / 16777216.0)" for c in names]
    elif out == "normal":
        values = []
        pre = "# Box-Muller transform; the 0.5 offset avoids log(0)\n"
        for i in range(0, width, 2):
            pre += (
                f"r{i} = wp.sqrt(-2.0 * wp.log((float(c{i} >> wp.uint32(8)) + 0.5) / 16777216.0))\n"
                f"phi{i} = 2.0 * wp.pi * float(c{i + 1} >> wp.uint32(8)) / 16777216.0\n"
            )
            values += [f"r{i} * wp.cos(phi{i})", f"r{i} * wp.sin(phi{i})"]
    else:
        values = names
    if layout == "vector":
        store = f"out[tid] = wp.{kind}({', '.join(values)})"
    else:
        at = "[tid, {}]" if layout == "matrix" else "[{}, tid]"
        store = "\n".join(f"out{at.format(i)} = {value}" for i, value in enumerate(values))
    loops = (
        "for _ in range(rounds):\n    $body"
        if loop == "for"
        else "left = int(rounds)\nwhile left > 0:\n    $body\n    left -= 1"
    )
    called = d.pick(("c", "k", "hi", "lo"), ("x", "key", "upper", "lower"), ("ctr", "k", "high", "low"))

    def named(text: str) -> str:
        for old, new in zip(("c", "k", "hi", "lo"), called, strict=True):
            text = re.sub(rf"\b{old}(?=[0-3]\b)", new, text)
        return text

    d.launch(n)
    d.code(
        "tid = wp.tid()\n$init\n$loops\n$pre\n$store",
        init=named(init),
        loops=loops,
        body=named(body),
        pre=named(pre.rstrip()),
        store=named(store),
    )
    d.explain(f"Philox{width}x32: a keyed bijection of the counter, so no per-stream state is needed.")

    def reference(v: Values) -> dict[str, Any]:
        c = np.zeros((4, n), np.uint64)
        c[0] = v.counters if counter == "array" else np.arange(n)
        c[1] = 0 if counter == "array" else int(v.step)
        k = [int(v.key), 0] if width == 2 else [int(v.key[0]), int(v.key[1])]
        for _ in range(rounds):
            if width == 2:
                p = c[0] * np.uint64(0xD256D193)
                c[0], c[1] = (p >> np.uint64(32)) ^ np.uint64(k[0]) ^ c[1], p & np.uint64(_M32)
            else:
                p, q = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
                c = np.array(
                    [
                        (q >> np.uint64(32)) ^ c[1] ^ np.uint64(k[0]),
                        q & np.uint64(_M32),
                        (p >> np.uint64(32)) ^ c[3] ^ np.uint64(k[1]),
                        p & np.uint64(_M32),
                    ]
                )
            k = [(k[0] + 0x9E3779B9) & _M32, (k[1] + 0xBB67AE85) & _M32]
        w = c[:width].astype(np.uint32)
        made: Any = w
        u = (w >> np.uint32(8)).astype(float) / 2**24
        if out == "unit":
            made = u
        elif out == "normal":
            r = np.sqrt(-2 * np.log(u[::2] + 0.5 / 2**24)) * np.exp(2j * np.pi * u[1::2])
            made = np.stack([r.real, r.imag], axis=1).reshape(width, n)
        return {"out": made if layout == "planes" else made.T}

    d.check(reference, 1e-3)
