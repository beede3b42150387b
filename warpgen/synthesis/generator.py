"""Programs from (seed, index)."""

from __future__ import annotations

import random

import msgspec

from warpgen.launch import Argument, Fill, Launch
from warpgen.synthesis.program import Program


class Options(msgspec.Struct, frozen=True):
    """The part of the recipe that synthesis reads."""

    categories: dict[str, float] = {}
    complexity: str = "mixed"


def synthesize(seed: int, index: int, options: Options) -> Program:
    """The program of this index (placeholder until the engine stands)."""
    rng = random.Random(f"{seed}/{index}")
    lines = []
    for k in range(rng.randint(1, 6)):
        op = rng.choice(["wp.sin(v)", "wp.cos(v)", "v * v", "wp.abs(v) + 1.0", "wp.min(v, 2.0)", "v * a[tid]"])
        lines.append(f"    v = {op} + {rng.random():.3f}\n")
    source = (
        "import warp as wp\n\n\n@wp.kernel\ndef k(a: wp.array(dtype=float), b: wp.array(dtype=float)):\n"
        "    tid = wp.tid()\n    v = a[tid]\n" + "".join(lines) + "    b[tid] = v\n"
    )
    return Program(
        seed=seed, index=index, category="arithmetic", name="k", source=source,
        args=(
            Argument("a", "array1d(float32)", "input", Fill("uniform", (64,), -1.0, 1.0)),
            Argument("b", "array1d(float32)", "output", Fill("constant", (64,))),
        ),
        launch=Launch((64,), seed=index),
    )
