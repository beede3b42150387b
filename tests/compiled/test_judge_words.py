"""What a verdict says is about the candidate, in words that help whoever wrote it."""

from __future__ import annotations

import pytest

import warpgen
from tests.support.judging import argument, row_of

SCALED = """import warp as wp


@wp.kernel
def scaled(x: wp.array(dtype=float), k: float, y: wp.array(dtype=float)):
    i = wp.tid()
    y[i] = x[i] * k
"""


@pytest.fixture(scope="module")
def row() -> warpgen.Row:
    return row_of(
        SCALED,
        argument("x", "array1d(float32)", "input", shape=(24,), low=0.0, high=2.0),
        argument("k", "float32", "param", "constant", value=1.5),
        argument("y", "array1d(float32)", "output", "constant", shape=(24,)),
        dim=(24,),
    )


@pytest.mark.parametrize("kind", ["str", "wp.tile(dtype=float, shape=4)", "[float]", "'a remark'"])
def test_an_argument_that_no_row_has_is_named(row: warpgen.Row, kind: str) -> None:
    """Whatever it is."""
    found = row.check(SCALED.replace("k: float", f"k: {kind}"))
    assert (found.stage, found.why) == ("compile", "the argument k is of a type that no row has"), found


def test_what_a_text_says_of_itself_is_told(row: warpgen.Row) -> None:
    """Also if no text can hold it."""
    text = SCALED.replace(
        "as wp\n", "as wp\n\n\ndef f():\n    raise ValueError('none\\ud800')\n\n\nX = f()\n"
    )
    found = row.check(text.replace("* k", "* X"))
    assert (found.stage, found.why) == ("compile", "ValueError: none?"), found


def test_nobody_waits_for_the_adjoint_of_wrong_outputs(row: warpgen.Row) -> None:
    """It is not compiled; behind outputs that are right it must."""
    broken = row.code.replace("// reverse", "nonsense(1); //", 1)
    assert broken != row.code
    found = row.check(broken, language="cpp")
    assert (found.stage, found.outputs) == ("compile", 1.0), found
    found = row.check(broken.replace("wp::mul(", "wp::add(", 1), language="cpp")
    assert found.stage == "outputs", found
