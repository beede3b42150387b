"""Kernels that are right nearly everywhere: at no boundary, for no case, at no length that draws by chance meet."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

import warpgen
from tests.support.judging import argument, row_of

HEAD = "import warp as wp\n\n\n"
SEEDS = (0, 1)

X = argument("x", "array1d(float32)", "input", shape=(64,), low=0.0, high=1.0)
Y = argument("y", "array1d(float32)", "output", "constant", shape=(64,))
N = argument("n", "array1d(int32)", "input", shape=(64,), low=0, high=8)


def kernel(arguments: str, body: str) -> str:
    lines = "".join(f"    {line}\n" for line in body.strip("\n").splitlines())
    return f"{HEAD}@wp.kernel\ndef guess({arguments}):\n    i = wp.tid()\n{lines}"


def param(name: str, kind: str, value: float) -> Any:
    return argument(name, kind, "param", "constant", value=value)


FLOATS = "x: wp.array(dtype=float), y: wp.array(dtype=float)"
BODY_OF_PLAIN = "y[i] = 1.0 / (1.0 + x[i] * x[i]) - 1.0"
MODES = """
if mode == 9:
    y[i] = x[i] * x[i]
elif x[i] <= low:
    y[i] = wp.min(-x[i], 100.0)
elif x[i] >= 0.75:
    y[i] = 2.0 * x[i]
else:
    y[i] = x[i]
"""
GUARDS = """
v = x[i]
if wp.isnan(v):
    v = 0.0
best = float(wp.inf)
for k in range(n[i]):
    best = wp.min(best, wp.abs(x[k] - 0.5))
y[i] = best
if not wp.isinf(best):
    y[i] = best + v
if n[i] == 12:
    y[i] = -1.0
"""
RANK = """
c = int(0)
for k in range(x.shape[0]):
    if x[k] < x[i] or (x[k] == x[i] and k < i):
        c += 1
y[i] = float(c)
"""
NEAREST = """
best = float(1.0e10)
for k in range(c.shape[0]):
    best = wp.min(best, wp.abs(x[i] - c[k]))
y[i] = best / (best * best + d * d)
if turns >= 2:
    y[i] = -y[i]
"""
MEAN = """
m = float(0.0)
for k in range(x.shape[1]):
    m += x[i, k]
if x.shape[1] > 1:
    m = m / float(x.shape[1] - 1)
y[i] = m
"""
ROWS: dict[str, Callable[[], warpgen.Row]] = {
    "plain": lambda: row_of(kernel(FLOATS, BODY_OF_PLAIN), X, Y, dim=(64,)),
    "large": lambda: row_of(kernel(FLOATS, "y[i] = 100.0 + x[i] * x[i]"), X, Y, dim=(64,)),
    "modes": lambda: row_of(
        kernel(FLOATS.replace(", y", ", mode: int, low: float, y"), MODES),
        X, param("mode", "int32", 3), param("low", "float32", 0.25), Y, dim=(64,),
    ),
    "guards": lambda: row_of(
        kernel(FLOATS.replace(", y", ", n: wp.array(dtype=int), y"), GUARDS), X, N, Y, dim=(64,)
    ),
    "rank": lambda: row_of(kernel(FLOATS, RANK), X, Y, dim=(64,)),
    "rounded": lambda: row_of(kernel(FLOATS, "y[i] = wp.round(3.0 * x[i])"), X, Y, dim=(64,)),
    "nearest": lambda: row_of(
        kernel(FLOATS.replace(", y", ", c: wp.array(dtype=float), d: float, turns: int, y"), NEAREST),
        X, argument("c", "array1d(float32)", "input", shape=(6,), low=0.0, high=1.0),
        argument("d", "float32", "param", low=0.1, high=0.4),
        argument("turns", "int32", "param", low=1, high=2), Y, dim=(64,),
    ),
    "mean": lambda: row_of(
        kernel(FLOATS.replace("x: wp.array(", "x: wp.array2d("), MEAN),
        argument("x", "array2d(float32)", "input", shape=(64, 9), low=0.0, high=1.0), Y, dim=(64,),
    ),
    "products": lambda: row_of(
        kernel("n: wp.array(dtype=int), y: wp.array(dtype=wp.int64)", "y[i] = wp.int64(n[i]) * wp.int64(n[i])"),
        N, argument("y", "array1d(int64)", "output", "constant", shape=(64,)), dim=(64,),
    ),
    "flags": lambda: row_of(
        kernel("x: wp.array(dtype=float), y: wp.array(dtype=int)", "y[i] = wp.where(x[i] > 0.5, 1, 0)"),
        X, argument("y", "array1d(int32)", "output", "constant", shape=(64,)), dim=(64,),
    ),
    "square": lambda: row_of(
        kernel(
            FLOATS.replace("wp.array(", "wp.array2d("),
            "s = x[i, j]\nfor k in range(x.shape[1]):\n    s += x[i, k]\nif j == x.shape[1] - 1:\n    s = -s\ny[i, j] = s",
        ).replace("i = wp", "i, j = wp"),
        argument("x", "array2d(float32)", "input", shape=(12, 12), low=0.0, high=1.0),
        argument("y", "array2d(float32)", "output", "constant", shape=(12, 12)), dim=(12, 12),
    ),
    "scatter": lambda: row_of(
        kernel(FLOATS.replace(", y", ", at: wp.array(dtype=int), y"), "wp.atomic_add(y, at[i], x[i])"),
        X, argument("at", "array1d(int32)", "input", "permutation", shape=(64,)), Y, dim=(64,),
    ),
    "hash": lambda: row_of(
        kernel(
            "x: wp.array(dtype=float), y: wp.array(dtype=wp.uint32), h: wp.array(dtype=wp.uint32)",
            "b = wp.cast(x[i], wp.uint32) * wp.uint32(2654435761)\nb = (b ^ (b >> wp.uint32(15))) * wp.uint32(2246822519)\n"
            "h[i] = b ^ (b >> wp.uint32(13))\nwp.atomic_add(y, 0, h[i])",
        ).replace("wp.kernel", "wp.kernel(enable_backward=False)"),
        argument("x", "array1d(float32)", "input", shape=(128,), low=1.0, high=2.0),
        argument("y", "array1d(uint32)", "output", "constant", shape=(1,)),
        argument("h", "array1d(uint32)", "output", "constant", shape=(128,)), dim=(128,),
    ),
    "sizes": lambda: row_of(
        kernel(
            FLOATS.replace("y: wp.array(dtype=float)", "y: wp.array(dtype=wp.vec3), t: wp.array(dtype=float)"),
            "y[i] = wp.vec3(1.0e6 * (1.0 + x[i]), x[i], 3.0 * x[i])\nwp.atomic_add(t, 0, 1.0e6 * x[i])\nwp.atomic_add(t, 1, x[i])",
        ),
        X, argument("y", "array1d(vec3f)", "output", "constant", shape=(64,)),
        argument("t", "array1d(float32)", "output", "constant", shape=(2,)), dim=(64,),
    ),
}  # fmt: skip

WRONG = {
    "the other side of a parameter": ("modes", "x[i] <= low", "x[i] < low"),
    "the other side of a number": ("modes", "x[i] >= 0.75", "x[i] > 0.75"),
    "a case that no draw by chance has": ("modes", "y[i] = x[i] * x[i]", "y[i] = x[i]"),
    "a bound far outside": ("modes", "wp.min(-x[i], 100.0)", "-x[i]"),
    "no guard against what is no number": ("guards", "    if wp.isnan(v):\n        v = 0.0\n", ""),
    "nothing for what is infinite": ("guards", "y[i] = best\n", "y[i] = wp.where(n[i] == 0, 0.0, best)\n"),
    "a kind that no input has": ("guards", "n[i] == 12", "n[i] == 112"),
    "equals are one": ("rank", " or (x[k] == x[i] and k < i)", ""),
    "halves to the even": ("rounded", "wp.round", "wp.rint"),
    "halves upwards": ("rounded", "wp.round(3.0 * x[i])", "wp.floor(3.0 * x[i] + 0.5)"),
    "a bound that somebody made up": ("nearest", "1.0e10", "20.0"),
    "room for so many": ("nearest", "c.shape[0]", "wp.min(c.shape[0], 16)"),
    "the sign of a parameter that is drawn": ("nearest", "d * d", "d * wp.abs(d)"),
    "a case that is never drawn": ("nearest", "turns >= 2", "turns >= 3"),
    "no guard against one": ("mean", "    if x.shape[1] > 1:\n        m = ", "    if True:\n        m = "),
    "32 bits for 64": ("products", "wp.int64(n[i]) * wp.int64(n[i])", "wp.int64(n[i] * n[i])"),
    "one length for another, in a loop": ("square", "range(x.shape[1])", "range(x.shape[0])"),
    "one length for another, at the end": ("square", "j == x.shape[1] - 1", "j == x.shape[0] - 1"),
    "no atomics where a permutation scatters": (
        "scatter", "wp.atomic_add(y, at[i], x[i])", "y[at[i]] = y[at[i]] + x[i]",
    ),
    "only over what is not zero": ("plain", "y[i] =", "if y[i] != 0.0:\n        y[i] ="),
    "the least of what was there": ("plain", f"y[i] = {BODY_OF_PLAIN[7:]}", f"y[i] = wp.min(y[i], {BODY_OF_PLAIN[7:]})"),
    "the least of whole numbers that were there": (
        "flags", "wp.where(x[i] > 0.5, 1, 0)", "wp.min(y[i], wp.where(x[i] > 0.5, 1, 0))",
    ),
    "the greatest of what was there": ("large", "100.0 + x[i] * x[i]", "wp.max(y[i], 100.0 + x[i] * x[i])"),
    "a small component beside a great one": ("sizes", "3.0 * x[i]", "2.0 * x[i]"),
    "any number for a checksum": ("hash", "wp.atomic_add(y, 0, h[i])", "y[0] = wp.uint32(2147483648)"),
    "two elements of a hash": ("hash", "h[i] = b", "if i > 1:\n        h[i] = b"),
    "a small sum beside a great one": ("sizes", "t, 1, x[i]", "t, 1, x[i] * x[i]"),
}  # fmt: skip


@functools.cache
def row(name: str) -> warpgen.Row:
    return ROWS[name]()


@pytest.mark.parametrize("name", ROWS)
def test_the_rows_own_kernels_are_right(name: str) -> None:
    """By the draws that tell what follows."""
    for seed in SEEDS:
        found = row(name).check(row(name).python_source, seed=seed)
        assert found.right, found


@pytest.mark.parametrize("name", WRONG)
def test_what_is_right_nearly_everywhere_is_told(name: str) -> None:
    """Whatever the seed."""
    of, old, new = WRONG[name]
    source = row(of).python_source
    assert old in source
    for seed in SEEDS:
        found = row(of).check(source.replace(old, new), seed=seed)
        assert not found.right, found


def test_rounding_is_excused_at_a_boundary() -> None:
    """What is computed, and then compared, may fall on either side; what is compared as it came may not."""
    body = "y[i] = wp.floor(x[i] / low) + wp.where(x[i] < low, 5.0, 0.0)"
    text = kernel(FLOATS.replace(", y", ", low: float, y"), body)
    steps = row_of(text, X, param("low", "float32", 0.1), Y, dim=(64,))
    for seed in SEEDS:
        assert steps.check(text.replace("x[i] / low", "x[i] * (1.0 / low)"), seed=seed).right
        assert not steps.check(text.replace("x[i] < low", "x[i] <= low"), seed=seed).right


def test_another_order_may_overflow_elsewhere() -> None:
    """Where values are far from any that the row is for; nowhere else, and not by what is no number."""
    text = kernel(FLOATS, "v = wp.max(x[i], -1.0e7)\ny[i] = v * v * v * v * v * 1.0e4 * 1.0e-4")
    far = row_of(text, X, Y, dim=(64,))
    for seed in SEEDS:
        assert far.check(text.replace("1.0e4 * 1.0e-4", "(1.0e4 * 1.0e-4)"), seed=seed).right
        found = far.check(text.replace("1.0e-4", "1.0e-4\n    if v > 1.0e6:\n        y[i] = 0.0"), seed=seed)
        assert found.stage == "outputs", found


CUT = """
@wp.func
def kept(v: float):
    return v


@wp.func_grad(kept)
def adj_kept(v: float, adj_ret: float):
    wp.adjoint[v] += wp.clamp(adj_ret, -3.0, 3.0)


@wp.kernel"""
LOOP = "    k = int(0)\n    while k < 0:\n        k += 1\n"
# A gradient that is lost, and what would have Warp blamed for it.
LOST = {
    "behind an address": "    a = wp.array(ptr=x.ptr, shape=(x.shape[0],), dtype=float)\n    y[i] = 100.0 + a[i] * a[i]\n",
    "in an array of its own": "    a = wp.zeros(shape=(1,), dtype=float)\n    a[0] = x[i]\n    y[i] = 100.0 + a[0] * a[0]\n",
    "in whole numbers, beside a loop": f"{LOOP}    v = float(int(x[i] * 4194304.0)) / 4194304.0\n    y[i] = 100.0 + v * v\n",
    "in words that nobody runs": '    "= wp.zeros( _inplace("\n    y[i] = 100.0 + x[i] * float(int(x[i] * 16777216.0)) / 16777216.0\n',
}


@pytest.mark.parametrize("name", LOST)
def test_a_gradient_that_a_kernel_cuts_is_not_warps_fault(name: str) -> None:
    """Though its adjoint of such a kernel is wrong by design at times."""
    source = row("large").python_source
    found = row("large").check(source.replace("    y[i] = 100.0 + x[i] * x[i]\n", LOST[name]), seed=0)
    assert (found.right, found.stage) == (False, "gradients"), found


def test_gradients_are_as_great_as_what_they_follow_from() -> None:
    """One that is cut off is told where outputs have great gradients."""
    source = row("large").python_source.replace("\n@wp.kernel", CUT)
    for seed in SEEDS:
        kept = source.replace("100.0 + x[i] * x[i]", "100.0 + kept(x[i] * x[i])")
        assert row("large").check(kept, seed=seed).stage == "gradients"
