"""What data never reach is told, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.counted import counted
from tools.reach import one_sided, reached
from warpgen.extraction import warp_api
from warpgen.launch import Argument, Fill, Launch
from warpgen.program import Program
from warpgen.synthesis.writing.draft import Draft
from warpgen.synthesis.writing.module import Written
from warpgen.synthesis.writing.rng import Rng
from warpgen.verification.compiling.compiler import Compiler

_SOURCE = """import warp as wp


@wp.func
def halved(x: float):
    if x > 2.0:
        return 0.5 * x
    return x


@wp.kernel
def kernel(xs: wp.array(dtype=float), ys: wp.array(dtype=float)):
    i = wp.tid()
    y = wp.clamp(halved(xs[i]), 0.5, 9.0)
    for k in range(int(xs[i]) + 2):
        y += wp.min(xs[i], 0.5)
        while y > 100.0:
            y = y - 1.0
    if y > 50.0:
        if xs[i] > 0.5:
            y = 0.0
    ys[i] = y
"""


def _written() -> Written:
    arguments = (
        Argument("xs", "array(float32)", "input", (Fill("xs", "uniform", (64,)),)),
        Argument("ys", "array(float32)", "output", (Fill("ys", "constant", (64,)),)),
    )
    program = Program(0, 0, "parallel", "kernel", _SOURCE, arguments, Launch((64,), 0))
    return Written(program, Draft(Rng("reach")), "float32", {"ys": "results", "xs": "xs"})


def test_tells_what_no_thread_reaches(tmp_path: Path) -> None:
    """A condition that never holds, one that nobody comes to, a loop that never begins; no more."""
    warp_api.start(tmp_path / "kernels")
    (counts,) = reached([_written()], Compiler(tmp_path / "compiler"))
    assert counts is not None
    told = {line.split(" (")[0] for line in one_sided([counts])}
    assert told == {
        "halved: if: x > 2.0 never holds",
        "kernel: while y > 100.0: never begins",
        "kernel: if: y > 50.0 never holds",
        "kernel: if: xs[i] > 0.5 is never reached",
    }


@pytest.mark.parametrize("choices", [True, False])
def test_counts_choices_where_asked_to(choices: bool) -> None:
    """Of a minimum, what decides it; never what calls a function of the program's own."""
    _, sites = counted(_written().program, choices)
    assert [site.text for site in sites if site.kind.startswith("wp.")] == ["xs[i] < 0.5"] * choices
