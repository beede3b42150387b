"""Rows that run, and other people's kernels judged by them."""

from __future__ import annotations

import re

import numpy as np
import pytest

import warpgen
from tests.support import judging
from tests.support.commands import SAMPLES
from tests.support.judging import argument
from warpgen.errors import VerificationError

SOURCE = """import warp as wp


@wp.kernel
def blend(a: wp.array(dtype=float), b: wp.array(dtype=float), w: float, y: wp.array(dtype=float)):
    i = wp.tid()
    d = a[i] - b[i]
    y[i] = wp.sin(d) * 2.0 + w * b[i]
"""


@pytest.fixture(scope="module")
def row() -> warpgen.Row:
    """The row of a small kernel."""
    return row_of(SOURCE)


def row_of(source: str) -> warpgen.Row:
    """The row of a kernel with the arguments of the one above."""
    return judging.row_of(
        source,
        argument("a", "array(float32)", "input", shape=(32,), low=-1.0),
        argument("b", "array(float32)", "input", shape=(32,), low=-1.0),
        argument("w", "float32", "param", "constant", value=0.5),
        argument("y", "array(float32)", "output", "constant", shape=(32,)),
        dim=(32,),
    )


def test_a_run_gives_values_and_gradients(row: warpgen.Row) -> None:
    """Outputs and gradients are those of the formula."""
    run = row.run()
    a, b, g = run.inputs["a"], run.inputs["b"], run.cotangents["y"]
    np.testing.assert_allclose(run.outputs["y"], np.sin(a - b) * 2.0 + 0.5 * b, rtol=1e-5)
    np.testing.assert_allclose(run.gradients["a"], 2.0 * np.cos(a - b) * g, rtol=1e-4)
    np.testing.assert_allclose(run.gradients["b"], (0.5 - 2.0 * np.cos(a - b)) * g, rtol=1e-4, atol=1e-5)


def test_a_run_leaves_what_the_kernel_leaves() -> None:
    """Elements that no thread writes hold what the launch says that outputs begin with."""
    run = row_of(SOURCE.replace("    d =", "    if i >= 20:\n        return\n    d =")).run()
    assert run.outputs["y"][:20].all()
    assert not run.outputs["y"][20:].any()


RIGHT = {
    "itself": SOURCE,
    "renamed and reordered": """import warp as wp

@wp.kernel
def other(x: wp.array(dtype=float), z: wp.array(dtype=float), k: float, out: wp.array(dtype=float)):
    t = wp.tid()
    part = k * z[t]
    s = wp.sin(x[t] + (-z[t]))
    out[t] = part + (s + s)
""",
}


WRONG = {
    "sign": SOURCE.replace("a[i] - b[i]", "a[i] + b[i]"),
    "constant": SOURCE.replace("2.0", "2.01"),
    "index": SOURCE.replace("w * b[i]", "w * b[0]"),
    "function": SOURCE.replace("wp.sin", "wp.tan"),
    "nothing stored": SOURCE.replace("    y[i] =", "    z ="),
    "endless": SOURCE.replace("    d = a", "    while w < 1.0:\n        w = wp.min(w, 0.5)\n    d = a"),
    "far away": SOURCE.replace("y[i] =", "y[i + 100000000] ="),
}


def test_right_kernels_are_told_from_wrong_ones(row: warpgen.Row) -> None:
    """Rewrites that change nothing but rounding are right, whatever else is wrong."""
    for name, source in RIGHT.items():
        found = row.check(source)
        assert found.right and found.gradients == 1.0, (name, found)
    for name, source in WRONG.items():
        assert not row.check(source, timeout=4.0 if name == "endless" else 60.0).right, name


def test_what_is_no_kernel_for_the_row_does_not_compile(row: warpgen.Row) -> None:
    """Other arguments, forbidden imports, two kernels and plain nonsense are refused with a reason."""
    for source, why in (
        (SOURCE.replace("w: float", "w: int"), "argument 3"),
        ("import os\n" + SOURCE, "not allowed"),
        (SOURCE.replace("blend", "a") + SOURCE.split("\n\n", 1)[1].replace("blend", "b"), "2 kernels"),
        ("def", "no Python"),
        (SOURCE.replace("wp.sin(d)", "wp.sin(d, d)"), "sin"),
    ):
        found = row.check(source)
        assert not found.compiles and why in found.why, (source, found)


def test_a_local_that_is_not_set_is_not_right_by_luck() -> None:
    """The row's own kernel, run a moment before, leaves the right value at its place on the stack."""
    row = row_of(SOURCE.replace("    d = a", "    f = w + 1.0\n    d = a").replace("2.0", "f"))
    assert row.check(row.code, "cpp").right
    start, stop = row.forward
    lost, count = re.subn(r"var_\d+ = wp::add\(var_w, var_\d+\);", "", row.code[start:stop])
    assert count == 1
    found = row.check(row.code[:start] + lost + row.code[stop:], "cpp")
    assert (found.compiles, found.stage) == (True, "outputs")


def test_cpp_and_cuda_are_compared(row: warpgen.Row) -> None:
    """C++ and CUDA are run with their adjoints, the latter without a GPU."""
    assert row.check(row.code, "cpp").right
    forward, backward = slice(*row.forward), slice(*row.backward)
    wrong = row.code.replace(row.code[forward], row.code[forward].replace("wp::sub(", "wp::add("))
    assert row.check(wrong, "cpp").stage == "outputs"
    wrong = row.code.replace(row.code[backward], row.code[backward].replace("adj_sin(", "adj_cos("))
    found = row.check(wrong, "cpp")
    assert (found.outputs, found.stage, found.right) == (1.0, "gradients", False)
    assert row.check(wrong, "cpp", gradients=False).right
    start = 'extern "C" {\nint system(const char*);\n}\n'
    called = row.code.replace("        var_0 = builtin", '        system("true");\n        var_0 = builtin')
    called = called.replace("    var_0 = builtin", '    system("true");\n    var_0 = builtin', 1)
    found = row.check(called.replace("#define builtin_tid1d", start + "#define builtin_tid1d", 1), "cpp")
    assert not found.compiles and "may not call system" in found.why, found
    assert "include" in row.check("#include <stdio.h>\n" + row.code, "cpp").why
    cuda = warpgen.open(SAMPLES["cuda"]).first()
    found = cuda.check(cuda.code, "cuda")
    assert (found.compiles, found.stage, found.right) == (True, "right", True)
    assert not cuda.check(cuda.code.replace("wp::tid", "wp::nothing"), "cuda").compiles


def test_an_altered_row_is_not_run(row: warpgen.Row) -> None:
    """A row whose code does not come from its source is refused before anything runs."""
    import msgspec

    with pytest.raises(VerificationError, match="altered"):
        msgspec.structs.replace(row, code=row.code + "\n").run()
    with pytest.raises(VerificationError, match="not allowed"):
        msgspec.structs.replace(row, python_source="import os\n" + SOURCE).run()
