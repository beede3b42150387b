"""What a candidate may learn of memory, and what it may do there beside its outputs."""

from __future__ import annotations

import pytest

import warpgen
from tests.support.judging import argument, row_of

SOURCE = """import warp as wp


@wp.kernel
def squares(x: wp.array(dtype=float), y: wp.array(dtype=float), total: wp.array(dtype=float)):
    i = wp.tid()
    s = wp.sin(x[i])
    y[i] = s
    wp.atomic_add(total, 0, s)
"""
HALVES = """import warp as wp


@wp.kernel
def halves(x: wp.array(dtype=wp.float16), y: wp.array(dtype=wp.float16)):
    i = wp.tid()
    y[i] = wp.sin(x[i])
"""


@pytest.fixture(scope="module")
def row() -> warpgen.Row:
    return row_of(
        SOURCE,
        argument("x", "array1d(float32)", "input", shape=(64,), low=0.1, high=2.0),
        argument("y", "array1d(float32)", "output", "constant", shape=(64,)),
        argument("total", "array1d(float32)", "output", "constant", shape=(1,)),
        dim=(64,),
    )


STORE = "    wp::array_store(var_y, var_0, var_2);\n"
SUM = "    var_5 = wp::atomic_add(var_total, var_4, var_2);\n"
MACRO = "#define builtin_tid1d()"
MINE = "struct Mine { wp::float32 v; Mine& operator+=(const Mine& b) { v = v + b.v; return *this; } };\n"
LOOKUP = "static Mine atomic_add(Mine* p, Mine v) { Mine old = *p; p->v = p->v + v.v; return old; }\n"
AS_MINE = "wp::array_t<Mine> m; memcpy(&m, &var_total, sizeof(m)); Mine one; one.v = var_2; "

# Name: where it ends, what stands above the kernel, and what is put behind what.
WRONG = {
    "reads its gradient": ("outputs", "", STORE, "    var_2 = wp::add(var_2, var_x.grad[var_0]);\n"),
    "writes its gradient": ("crash", "", STORE, "    var_x.grad[var_0] = var_2;\n"),
    "right at every sixty-fourth byte": (
        "outputs", "", STORE,
        "    const wp::uint64 from = (wp::uint64)var_x.data, to = from + 4 * var_x.shape[0];\n"
        "    if (from % 64 != 0 && to % 4096 != 0) var_2 = 0.0f;\n",
    ),
    "right where arrays are pages apart": (
        "outputs", "", STORE,
        "    const wp::uint64 a = (wp::uint64)var_x.data, b = (wp::uint64)var_y.data;\n"
        "    if ((a < b ? b - a : a - b) < 4 * var_x.shape[0] + 4096) var_2 = 0.0f;\n",
    ),
    "takes memory for zero": (
        "outputs",
        "",
        STORE,
        "    wp::float32* some = static_cast<wp::float32*>(malloc(1 << 20));\n"
        "    var_2 = wp::add(var_2, wp::mul(some[9], 1e17f)); free(some);\n",
    ),
    "an operator within an atomic function": ("race", MINE, SUM, f"    {AS_MINE}wp::atomic_add(m.data, one);\n"),
    "an atomic function by lookup": ("race", MINE + LOOKUP, SUM, f"    {AS_MINE}wp::atomic_add(m, 0, one);\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_memory_tells_nothing_and_hides_nothing(row: warpgen.Row, name: str) -> None:
    """Neither where arrays lie, nor what is beside them, nor what is called while an atomic function is."""
    stage, above, old, new = WRONG[name]
    start, stop = row.forward
    forward = row.code[start:stop]
    place = forward.index(old)
    behind = place + len(old) if old == SUM else place
    changed = forward[:place] + new + forward[behind:]
    text = (row.code[:start] + changed + row.code[stop:]).replace(MACRO, above + MACRO, 1)
    for seed in (3, 4):
        found = row.check(text, "cpp", seed=seed)
        assert (found.stage, found.right) == (stage, False), found


ADJOINT = {
    "stores again": ("    // wp::array_store(var_y, var_0, var_2);\n", "    var_y.data[var_0] = 2.0f * var_2;\n"),
    "sums again": (f"    // {SUM[4:]}", SUM),
    "doubles the gradient of its output": (
        "    // adj: i = wp.tid()", "    adj_y.data[var_0] = 2.0f;\n    // adj: i = wp.tid()",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ADJOINT)
def test_an_adjoint_leaves_outputs_alone(row: warpgen.Row, name: str) -> None:
    """It may clear the gradient of what was stored, or keep it."""
    old, new = ADJOINT[name]
    start, stop = row.backward
    backward = row.code[start:stop]
    assert old in backward
    changed = row.code[:start] + backward.replace(old, new, 1) + row.code[stop:]
    found = row.check(changed, "cpp", seed=3)
    assert (found.stage, found.right) == ("gradients", False) and "writes over" in found.why, found
    kept = backward.replace(
        "wp::adj_array_store(var_y, var_0, var_2, adj_y, adj_0, adj_2);", "adj_2 += adj_y.data[var_0];"
    )
    assert kept != backward
    assert row.check(row.code[:start] + kept + row.code[stop:], "cpp", seed=3).right


def test_gradients_of_halves_are_added() -> None:
    """To what was there, as all are."""
    row = row_of(
        HALVES,
        argument("x", "array1d(float16)", "input", shape=(64,), low=0.2, high=1.0),
        argument("y", "array1d(float16)", "output", "constant", shape=(64,)),
        dim=(64,),
    )
    old = "wp::adj_address(var_x, var_0, adj_x, adj_0, adj_1);"
    assert old in row.code
    for seed in (0, 1):
        assert row.check(row.code, "cpp", seed=seed).right
        stored = row.code.replace(old, "adj_x.data[var_0] = adj_1;")
        assert row.check(stored, "cpp", seed=seed).stage == "gradients"
