"""Wrong kernels that luck would let pass: each differs from its row somewhere that few draws show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.judging import row_of
from warpgen.extraction import warp_api
from warpgen.launch import Argument, Fill
from warpgen.record import Row
from warpgen.verdict import Verdict
from warpgen.verification.bench.judge import Question
from warpgen.verification.bench.workbench import Bench

N = 200


def _argument(name: str, type_: str, role: Any, fill: Fill) -> Argument:
    return Argument(name, type_, role, (fill,))


ARGS = (
    _argument("x", "array(float32)", "input", Fill("x", "uniform", (N,), 0.0, 1.0)),
    _argument("low", "float32", "param", Fill("low", "constant", value=0.25)),
    _argument("n", "int32", "param", Fill("n", "constant", value=float(N))),
    _argument("total", "array(float32)", "output", Fill("total", "constant", (1,))),
    _argument("y", "array(float32)", "output", Fill("y", "constant", (N,))),
)
SOURCE = """import warp as wp


@wp.func
def keep(v: float, i: int):
    return v


@wp.kernel
def clipped(
    x: wp.array(dtype=float), low: float, n: int, total: wp.array(dtype=float), y: wp.array(dtype=float)
):
    i = wp.tid()
    if i >= n:
        return
    v = wp.max(x[i] - low, 0.0)
    y[i] = v * v
    wp.atomic_add(total, 0, v)
"""
WRONG_GRADIENT = """@wp.func
def keep(v: float, i: int):
    return v


@wp.func_grad(keep)
def adj_keep(v: float, i: int, adj_ret: float):
    if i >= 197:
        wp.adjoint[v] += adj_ret * 1.0e6
    else:
        wp.adjoint[v] += adj_ret
"""
KEEP = "@wp.func\ndef keep(v: float, i: int):\n    return v\n"

WRONG = {
    "a parameter that is ignored": [("x[i] - low", "x[i] - 0.25")],
    "a bound that is ignored": [("    if i >= n:\n        return\n", "")],
    "zeros that are not stored": [("    y[i] = v * v", "    if v > 0.0:\n        y[i] = v * v")],
    "added in place of stored": [("y[i] = v * v", "y[i] += v * v")],
    "wrong where no value is drawn": [
        ("    v = wp", "    if x[i] < 0.0:\n        y[i] = 7.0\n        return\n    v = wp")
    ],
    "a lost atomic": [("wp.atomic_add(total, 0, v)", "total[0] = total[0] + v")],
    "a gradient wrong in three places": [(KEEP, WRONG_GRADIENT), ("y[i] = v * v", "y[i] = v * keep(v, i)")],
    "a variable that is not always set": [
        ("    v = wp.max(x[i] - low, 0.0)\n", "    if x[i] > low:\n        v = x[i] - low\n")
    ],
}
RIGHT = {
    "itself": [],
    "another way to say it": [("wp.max(x[i] - low, 0.0)", "wp.where(x[i] > low, x[i] - low, 0.0)")],
    "another order": [("v * v", "wp.pow(v, 2.0)")],
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("candidates")
    warp_api.start(folder / "kernels")
    made = Bench(folder / "bench")
    yield made
    made.end()


def _changed(pairs: list[tuple[str, str]]) -> str:
    source = SOURCE
    for old, new in pairs:
        assert old in source
        source = source.replace(old, new)
    return source


def _verdict(bench: Bench, row: Row, source: str) -> Verdict:
    return bench.check(row, Question(source, "python", 1, 60.0, extract=False, gradients=True))


def test_wrong_kernels_are_told_from_right_ones(bench: Bench) -> None:
    """Parameters, bounds, outputs, ranges, races and gradients: whatever differs anywhere is wrong."""
    row = row_of(SOURCE, *ARGS, dim=(N,))
    verdicts = {name: _verdict(bench, row, _changed(pairs)) for name, pairs in (WRONG | RIGHT).items()}
    assert all(verdict.compiles for verdict in verdicts.values())
    assert [name for name in WRONG if verdicts[name].right] == []
    assert [name for name in RIGHT if not verdicts[name].right] == []


HALF = """import warp as wp


@wp.kernel(enable_backward=False)
def noisy(x: wp.array(dtype=wp.float16), y: wp.array(dtype=wp.float16)):
    i = wp.tid()
    noise = x[i] * x[i]
    while noise > wp.float16(0.5):
        noise = noise * wp.float16(0.5)
    y[i] = noise
"""


def test_names_do_not_loosen_tolerances(bench: Bench) -> None:
    """A fifth off is wrong in any type, whatever variables are called."""
    args = (
        _argument("x", "array(float16)", "input", Fill("x", "uniform", (64,), 0.0, 1.0)),
        _argument("y", "array(float16)", "output", Fill("y", "constant", (64,))),
    )
    row = row_of(HALF, *args, dim=(64,))
    wrong = HALF.replace("y[i] = noise", "y[i] = noise * wp.float16(0.9)")
    assert _verdict(bench, row, HALF).right
    assert _verdict(bench, row, wrong).stage == "outputs"
