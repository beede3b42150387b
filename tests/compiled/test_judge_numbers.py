"""Lengths and counts that a text may not take for granted, values at the ends of ranges, and slopes at kinks."""

from __future__ import annotations

import re

import warpgen
from tests.support.judging import argument, row_of
from warpgen.launch import Argument

BOARDS = """import warp as wp


@wp.kernel(enable_backward=False)
def keys(boards: wp.array3d(dtype=int), words: wp.array2d(dtype=int), y: wp.array(dtype=int)):
    i = wp.tid()
    h = int(0)
    for r in range(boards.shape[1]):
        for c in range(boards.shape[2]):
            if boards[i, r, c] > 0:
                h = h ^ words[boards[i, r, c] - 1, r * boards.shape[2] + c]
    y[i] = h
"""


def test_a_length_is_not_taken_for_granted() -> None:
    """Two axes of one array, and a range of indices, are as long as an axis of another that must not shrink."""
    row = row_of(
        BOARDS,
        argument("boards", "array3d(int32)", "input", shape=(24, 4, 4), low=0, high=5),
        argument("words", "array2d(int32)", "input", shape=(4, 16), low=1, high=1 << 30),
        argument("y", "array1d(int32)", "output", "constant", shape=(24,)),
        dim=(24,),
    )
    for seed in range(3):
        assert row.check(BOARDS, seed=seed).right
        for taken in (
            ("boards.shape[1]", "4"),
            ("boards.shape[2]", "4"),
            ("boards.shape[2]", "boards.shape[1]"),
        ):
            assert not row.check(BOARDS.replace(*taken), seed=seed).right, taken


EDGES = """import warp as wp


@wp.kernel
def scaled(x: wp.array(dtype=float), n: wp.array(dtype=int), y: wp.array(dtype=float)):
    i = wp.tid()
    s = x[i] * float(n[i])
    y[i] = s
"""


NUMBERS = argument("n", "array1d(int32)", "input", shape=(24,), low=3, high=9)


def scaled_row(text: str, *between: Argument) -> warpgen.Row:
    """A row of 24 threads, of what stands between its input and its output."""
    x = argument("x", "array1d(float32)", "input", shape=(24,), low=0.0, high=2.0)
    y = argument("y", "array1d(float32)", "output", "constant", shape=(24,))
    return row_of(text, x, *between, y, dim=(24,))


def test_no_value_at_an_edge_is_missed() -> None:
    """A store that is left out for one value of the inputs is seen, whatever the seed."""
    row = scaled_row(EDGES, NUMBERS)
    for seed in range(6):
        assert row.check(EDGES, seed=seed).right
        for case in ("s != 0.0", "x[i] != 2.0", "n[i] != 8", "n[i] != 3"):
            assert not row.check(
                EDGES.replace("y[i] = s", f"if {case}:\n        y[i] = s"), seed=seed
            ).right, case


def test_a_number_without_room_for_more_is_not_hard_coded() -> None:
    """Rows of an array are summed as far as a parameter says, which is as many as there are."""
    text = EDGES.replace("n: wp.array(dtype=int)", "n: wp.array2d(dtype=float), k: int").replace(
        "    s = x[i] * float(n[i])\n", "    s = x[i]\n    for j in range(k):\n        s += n[j, i]\n"
    )
    rows = argument("n", "array2d(float32)", "input", shape=(3, 24), low=0.0, high=1.0)
    row = scaled_row(text, rows, argument("k", "int32", "param", "constant", value=3.0))
    for seed in range(6):
        assert row.check(text, seed=seed).right
        assert not row.check(text.replace("range(k)", "range(3)"), seed=seed).right


COUNTED = """import warp as wp


@wp.func
def kept(v: float, i: int):
    return v


@wp.func_grad(kept)
def adj_kept(v: float, i: int, adj_ret: float):
    wp.adjoint[v] += adj_ret


@wp.kernel
def squares(x: wp.array(dtype=float), count: wp.array(dtype=int), y: wp.array(dtype=float)):
    i = wp.tid()
    if i < count[0]:
        y[i] = kept(x[i] * x[i], i)
"""


def test_the_last_of_counted_elements_have_a_gradient_too() -> None:
    """A count that is seldom as high as it may be does not hide a wrong adjoint of the last element."""
    row = scaled_row(COUNTED, argument("count", "array1d(int32)", "input", shape=(1,), low=0, high=25))
    wrong = COUNTED.replace("+= adj_ret", "+= wp.where(i == 23, 1.5, 1.0) * adj_ret")
    for seed in range(6):
        assert row.check(COUNTED, seed=seed).right
        assert not row.check(wrong, seed=seed).right


GRID = """import warp as wp


@wp.kernel
def diffuse(x: wp.array(dtype=float), rows: int, cols: int, y: wp.array(dtype=float)):
    i = wp.tid()
    row = i // cols
    col = i % cols
    if row == 0 or col == 0 or row == rows - 1 or col == cols - 1:
        y[i] = 0.0
        return
    y[i] = x[i - cols] + x[i + cols] + x[i - 1] + x[i + 1] - 4.0 * x[i]
"""


def test_factors_of_a_length_are_not_hard_coded() -> None:
    """A grid in one axis leaves its arrays where one of its lengths changes alone."""
    row = row_of(
        GRID,
        argument("x", "array1d(float32)", "input", shape=(288,), low=-1.0, high=1.0),
        argument("rows", "int32", "param", "constant", value=12.0),
        argument("cols", "int32", "param", "constant", value=24.0),
        argument("y", "array1d(float32)", "output", "constant", shape=(288,)),
        dim=(288,),
    )
    for seed in range(6):
        assert row.check(GRID, seed=seed).right
        for number, value in (("cols", "24"), ("rows", "12")):
            text = re.sub(rf"\b{number}\b(?!:)", value, GRID)
            assert not row.check(text, seed=seed).right, number


def test_a_length_that_cuts_counts_off_is_not_hard_coded() -> None:
    """It shows only where there are more than were found, and room for more."""
    text = EDGES.replace(
        "    s = x[i]", "    if i >= wp.min(n[0], x.shape[0]):\n        return\n    s = x[i]"
    ).replace("float(n[i])", "2.0")
    row = scaled_row(text, argument("n", "array1d(int32)", "input", shape=(1,), low=12, high=36))
    for seed in range(6):
        assert row.check(text, seed=seed).right
        assert not row.check(text.replace("x.shape[0]", "24"), seed=seed).right


def test_equal_arguments_have_several_slopes() -> None:
    """At a kink an adjoint may take either side."""
    text = EDGES.replace("x[i] * float(n[i])", "wp.max(x[i], 0.0) * float(n[i])")
    row = scaled_row(text, NUMBERS)
    for seed in range(6):
        assert row.check(text.replace("wp.max(x[i], 0.0)", "wp.max(0.0, x[i])"), seed=seed).right


HEAVY = """import warp as wp


@wp.kernel
def gathered(x: wp.array(dtype=float), scale: float, count: int, y: wp.array(dtype=float)):
    i = wp.tid()
    s = float(0.0)
    for n in range(4000):
        s += x[(i + n) % x.shape[0]]
    y[i] = s / 4000.0 * scale + float(count)
"""


def test_a_heavy_kernel_is_held_to_each_kind_of_draw() -> None:
    """Of each there are fewer, and a seed gives the same draws again; what is wrong in one is still found."""
    row = row_of(
        HEAVY,
        argument("x", "array1d(float32)", "input", shape=(24,), low=-1, high=1),
        argument("scale", "float32", "param", "constant", value=1.5),
        argument("count", "int32", "param", "constant", value=3),
        argument("y", "array1d(float32)", "output", "constant", shape=(24,)),
        dim=(24,),
    )
    assert row.check(HEAVY, seed=1).right
    for taken in (("* scale", "* 1.5"), ("x.shape[0]", "24")):
        assert not row.check(HEAVY.replace(*taken), seed=1).right, taken
    found = [row.check(HEAVY.replace("s / 4000.0", "wp.min(s / 4000.0, 0.9)"), seed=1) for _ in range(2)]
    assert not found[0].right
    assert (found[0].stage, found[0].first) == (found[1].stage, found[1].first)
