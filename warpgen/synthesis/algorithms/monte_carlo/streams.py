"""Streams of random numbers, one generator per thread."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.monte_carlo import DOMAIN
from warpgen.synthesis.library import mixers
from warpgen.synthesis.writing.draft import Draft, Values

_M32, _M64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF


@DOMAIN.algorithm(
    source=(
        "Marsaglia 2003 (xorshift); O'Neill 2014 (PCG); Steele, Lea & Flood 2014 (SplitMix); "
        "Blackman & Vigna 2018"
    ),
    names={
        "random_stream": "generate_random|rng_kernel|draw_random|random_draws",
        "states": "rng_states|rng_state|generators",
        "s": "state|x",
        "out": "samples|numbers|values",
        "word": "r|bits|draw",
        "draws": "count|num_draws|per_thread",
    },
    adjoint="either",
    element="stream",
    weight=5,
)
def random_stream(d: Draft) -> None:
    """Generates random numbers using one generator per thread."""
    kind = d.option("kind", "xorshift32", "pcg32", "splitmix64", "xorwow", "xoshiro128+", "lcg", "mwc")
    out = d.option("out", "words", "unit", "range", "mean")
    if out == "mean":
        d.calls("mean_draws|average_draws|random_means")
    seeding = d.option("seeding", "states", "seed")
    mixer = d.option("mixer", *mixers.MIXERS)
    skip = d.flag("skip", 0.2) and out != "mean"
    n, draws = d.pick(32, 48, 64), d.pick(4, 6, 8)
    wide = kind in ("pcg32", "splitmix64", "lcg", "mwc")
    size = {"xorwow": 6, "xoshiro128+": 4}.get(kind, 1)
    seeding = "states" if size > 1 or wide else seeding
    word = "uint64" if wide else "uint32"
    if seeding == "states":
        d.inout(
            "states",
            word,
            (n, size) if size > 1 else n,
            1,
            float(1 << 52) if wide else 1 << 32,
            about="generator states",
        )
        load = "s = wp.$w(states[tid])".replace("$w", word)
        save = "states[tid] = s"
    else:
        d.param("seed", "uint32", 1, 1 << 32, about="base seed")
        load, save = (
            (f"# The state must not be zero\ns = {d.use(mixer)}(seed + wp.uint32(tid)) | wp.uint32(1)"),
            "",
        )
    if out == "range":
        d.param("bound", "uint32", 5, 200, about="exclusive upper bound")
    d.param("draws", "int", draws, about="number of draws per thread")
    if skip:
        d.param("discard", "int", 2, about="number of initial draws to discard")
    if out == "mean":
        d.output("means", "float", n, about="mean of the draws per thread")
    else:
        d.output(
            "out",
            {"words": "uint32", "unit": "float", "range": "int"}[out],
            (n, draws),
            about="generated random numbers",
        )
    step = {
        "xorshift32": (
            "s = s ^ (s << wp.uint32(13))\ns = s ^ (s >> wp.uint32(17))\ns = s ^ (s << wp.uint32(5))"
        ),
        "pcg32": (
            "old = s\n"
            "s = old * wp.uint64(6364136223846793005) + wp.uint64(1442695040888963407)\n"
            "# PCG output: the top bits select the shift\n"
            "shifted = wp.uint32(((old >> wp.uint64(18)) ^ old) >> wp.uint64(27))\n"
            "turn = wp.uint32(old >> wp.uint64(59))\n"
            "word = (shifted >> turn) | (shifted << ((wp.uint32(32) - turn) & wp.uint32(31)))"
        ),
        "splitmix64": (
            "s += wp.uint64(0x9E3779B97F4A7C15)\n"
            "z = s\n"
            "z = (z ^ (z >> wp.uint64(30))) * wp.uint64(0xBF58476D1CE4E5B9)\n"
            "z = (z ^ (z >> wp.uint64(27))) * wp.uint64(0x94D049BB133111EB)\n"
            "word = wp.uint32((z ^ (z >> wp.uint64(31))) >> wp.uint64(32))"
        ),
        "lcg": (
            "s = s * wp.uint64(6364136223846793005) + wp.uint64(1)\n"
            "# Use the high bits, since low LCG bits have short periods\n"
            "word = wp.uint32(s >> wp.uint64(32))"
        ),
        "mwc": (
            "# Multiply-with-carry: the upper half is the carry\n"
            "s = wp.uint64(4294957665) * (s & wp.uint64(0xFFFFFFFF)) + (s >> wp.uint64(32))\n"
            "word = wp.uint32(s & wp.uint64(0xFFFFFFFF))"
        ),
        "xorwow": (
            "t = states[tid, 4]\n"
            "t = t ^ (t >> wp.uint32(2))\n"
            "t = t ^ (t << wp.uint32(1))\n"
            "first = states[tid, 0]\n"
            "for k in range(3):\n"
            "    states[tid, 4 - k] = states[tid, 3 - k]\n"
            "states[tid, 1] = first\n"
            "t = t ^ first ^ (first << wp.uint32(4))\n"
            "states[tid, 0] = t\n"
            "counter = states[tid, 5] + wp.uint32(362437)\n"
            "states[tid, 5] = counter\n"
            "word = t + counter"
        ),
        "xoshiro128+": (
            "word = s0 + s3\n"
            "t = s1 << wp.uint32(9)\n"
            "s2 = s2 ^ s0\n"
            "s3 = s3 ^ s1\n"
            "s1 = s1 ^ s2\n"
            "s0 = s0 ^ s3\n"
            "s2 = s2 ^ t\n"
            "s3 = $rotl(s3, wp.uint32(11))"
        ),
    }[kind]
    rotl = ""
    if kind == "xoshiro128+":
        rotl = d.use(mixers.ROTL32)
        load = "\n".join(f"s{i} = wp.uint32(states[tid, {i}])" for i in range(4))
        save = "\n".join(f"states[tid, {i}] = s{i}" for i in range(4))
    elif kind == "xorwow":
        load = save = ""
    drawn = "s" if kind == "xorshift32" else "word"
    store = {
        "words": f"out[tid, i] = {drawn}",
        "unit": (
            "# Use 24 bits so the float result stays below 1\n"
            f"out[tid, i] = float({drawn} >> wp.uint32(8)) * (1.0 / 16777216.0)"
        ),
        "range": (
            "# Lemire's method without rejection (slightly biased): high word of the product\n"
            f"out[tid, i] = int((wp.uint64({drawn}) * wp.uint64(bound)) >> wp.uint64(32))"
        ),
        "mean": f"acc += float({drawn} >> wp.uint32(8)) * (1.0 / 16777216.0)",
    }[out]
    d.launch(n)
    d.code(
        (
            "tid = wp.tid()\n"
            "$load\n"
            "$start\n"
            "for i in range($from):\n"
            "    $step\n"
            "    $skip\n"
            "    $store\n"
            "$end\n"
            "$save"
        ),
        load=load,
        start="acc = float(0.0)" if out == "mean" else "",
        step=step,
        rotl=rotl,
        skip="# Discard the first draws, which correlate with the seed\nif i < 0:\n    continue"
        if skip
        else "",
        store=store,
        **{"from": "-discard, draws" if skip else "draws"},
        end="means[tid] = acc / float(draws)" if out == "mean" else "",
        save=save,
    )
    averaged = " and averages them" if out == "mean" else ""
    label = {"lcg": "linear congruential", "mwc": "multiply-with-carry"}.get(kind, kind)
    d.says(f"Generates random numbers using one {label} generator per thread{averaged}.")

    def one(s: list[int]) -> tuple[int, list[int]]:
        a = s[0]
        if kind == "xorshift32":
            a ^= a << 13 & _M32
            a ^= a >> 17
            a ^= a << 5 & _M32
            return a, [a]
        if kind == "pcg32":
            x, r = ((a >> 18 ^ a) >> 27) & _M32, a >> 59
            return ((x >> r) | (x << (-r & 31))) & _M32, [
                (a * 6364136223846793005 + 1442695040888963407) & _M64
            ]
        if kind == "splitmix64":
            z = a = (a + 0x9E3779B97F4A7C15) & _M64
            z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & _M64
            z = (z ^ z >> 27) * 0x94D049BB133111EB & _M64
            return (z ^ z >> 31) >> 32, [a]
        if kind == "lcg":
            a = (a * 6364136223846793005 + 1) & _M64
            return a >> 32, [a]
        if kind == "mwc":
            a = (4294957665 * (a & _M32) + (a >> 32)) & _M64
            return a & _M32, [a]
        if kind == "xorwow":
            t = s[4] ^ s[4] >> 2
            t ^= t << 1 & _M32
            t ^= a ^ (a << 4 & _M32)
            count = (s[5] + 362437) & _M32
            return (t + count) & _M32, [t, *s[:4], count]
        s0, s1, s2, s3 = s
        word_ = (s0 + s3) & _M32
        t = s1 << 9 & _M32
        s2, s3 = s2 ^ s0, s3 ^ s1
        s1, s0 = s1 ^ s2, s0 ^ s3
        return word_, [s0, s1, s2 ^ t, (s3 << 11 | s3 >> 21) & _M32]

    def reference(v: Values) -> dict[str, Any]:
        if seeding == "states":
            states = v.states.reshape(n, size).tolist()
        else:
            start = np.uint32(v.seed) + np.arange(n, dtype=np.uint32)
            states = (mixer(start) | np.uint32(1)).reshape(n, 1).tolist()
        numbers = np.zeros((n, draws), np.uint32)
        for i in range(n):
            for _ in range(2 if skip else 0):
                states[i] = one(states[i])[1]
            for k in range(draws):
                numbers[i, k], states[i] = one(states[i])
        found: dict[str, Any] = {}
        if seeding == "states":
            found["states"] = np.array(states, v.states.dtype).reshape(v.states.shape)
        unit = (numbers >> np.uint32(8)) / 2.0**24
        if out == "mean":
            return found | {"means": unit.mean(axis=1)}
        made: Any = {"words": numbers, "unit": unit}.get(out)
        if out == "range":
            made = (numbers.astype(np.uint64) * np.uint64(v.bound)) >> np.uint64(32)
        return found | {"out": made.astype(np.int32) if out == "range" else made}

    d.check(reference)
