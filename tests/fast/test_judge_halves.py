"""A text in two halves: what is launched forward, and the adjoint."""

from __future__ import annotations

import pytest

import warpgen
from tests.support.commands import SAMPLES
from warpgen.record import Target
from warpgen.verification.jail.cpp_halves import halves
from warpgen.verification.jail.cpp_instances import alike
from warpgen.verification.jail.cpp_screen import cleaned
from warpgen.verification.native.generated import kernel_name

TEXT = """
static double twice(double x) { return 2 * x; }
static void adj_twice(double x, double& adj_x) { adj_x += 2; }
void k_cpu_kernel_forward(double* x) { x[0] = twice(x[1]); printf("}("); }
void k_cpu_kernel_backward(double* x, double* adj_x) { if (x[0] > 1'0) { adj_twice(x[1], adj_x[1]); } }
void k_cpu_forward(double* x) { k_cpu_kernel_forward(x); }
void k_cpu_backward(double* x, double* adj_x) { k_cpu_kernel_backward(x, adj_x); }
"""


def test_each_half_is_without_the_other() -> None:
    """The functions stand, so that they can be called; what both need stays."""
    made = halves(TEXT, "cpp")
    assert made is not None
    forward, backward = made
    assert "void k_cpu_kernel_backward(double* x, double* adj_x) {}" in forward
    assert "static void adj_twice(double x, double& adj_x) {}" in forward
    assert (
        "void k_cpu_kernel_forward(double* x) {}" in backward
        and "void k_cpu_forward(double* x) {}" in backward
    )
    assert "twice(x[1])" in forward and "adj_twice(x[1], adj_x[1])" in backward and "adj_x += 2" in backward
    assert len(forward.splitlines()) == len(TEXT.splitlines())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("twice(x[1]);", "twice(x[1]); adj_twice(x[1], x[2]);"),
        ("twice(x[1]);", "twice(x[1]); k_cpu_kernel_backward(x, x);"),
        (
            "void k_cpu_kernel_forward",
            "void k_cpu_kernel_backward(double* x, double* y);\nvoid k_cpu_kernel_forward",
        ),
        ("adj_twice(x[1], adj_x[1]);", "k_cpu_kernel_forward(x);"),
        ("void k_cpu_kernel_backward", "int k_cpu_kernel_backward"),
        ("k_cpu_kernel_backward", "other"),
        ("1'0) {", "1'0) {{"),
    ],
)
def test_a_text_that_hangs_together_has_none(old: str, new: str) -> None:
    """A function that the other half calls, that is declared before, or that is not there."""
    assert old in TEXT and halves(TEXT.replace(old, new), "cpp") is None


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_warps_own_texts_fall_in_two(target: Target) -> None:
    """All that have an adjoint."""
    language = "cpp" if target == "cpu" else "cuda"
    for row in warpgen.open(SAMPLES[target]):
        made = halves(cleaned(row.code, language, row.code), language)
        assert (made is not None) == (row.backward[1] > 0)


ROW = next(
    row for row in warpgen.open(SAMPLES["cpu"]) if "wp_contiguous_args" in row.code and row.backward[1]
)


def test_instances_of_warps_own_texts_are_alike() -> None:
    """Whatever the kernel is called."""
    for row in warpgen.open(SAMPLES["cpu"]):
        assert alike(cleaned(row.code.replace(kernel_name(row.code), "mine"), "cpp"), row.code)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("sizeof(", "2 * sizeof("),
        ("wp_contiguous_args = *_wp_args;", ""),
        ("    // primal vars\n", "    if constexpr (wp_linear_contiguous) return;\n"),
        ("    // primal vars\n", "    if (wp_linear_tid) return;\n"),
        ("    // primal vars\n", "    if (&*_wp_args == 0) return;\n"),
        ("_tasks<true>(dim", "_tasks<true>(dim + 1"),
        ("bool wp_linear_contiguous", "bool other"),
        ("struct wp_args_", "struct seen { seen& operator=(const seen&); };\nstruct wp_args_"),
        (" = _wp_args->", " = 0, other = _wp_args->"),
        ("wp::array_t<wp::float32> var_", "wp::array_t<wp::float32>& var_"),
    ],
)
def test_an_instance_that_may_tell_which_it_is(old: str, new: str) -> None:
    """Other strides, the name of the template's parameter, the address of what it alone has, a copy."""
    assert old in ROW.code and not alike(cleaned(ROW.code.replace(old, new), "cpp"), ROW.code)
