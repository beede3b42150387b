"""Adjoints that Warp gets wrong by design are told from those that must be right."""

from __future__ import annotations

import pytest

from tests.support.corpus.writing import out, program, ramp
from warpgen.verification.judging.gradient import known_wrong


def wrong(*lines: str) -> bool:
    text = "\n    ".join(["i = wp.tid()", *lines])
    head = "x: wp.array(dtype=wp.vec3), n: int, y: wp.array(dtype=float)"
    source = f"\n@wp.kernel\ndef f({head}):\n    {text}\n"
    return known_wrong(program("f", source, ramp("x", "array1d(vec3f)"), out("y")))


@pytest.mark.parametrize(
    "lines",
    [
        ("s = float(0.0)", "for j in range(n):", "    s += x[i][0]", "y[i] = s"),
        ("s = float(0.0)", "for j in range(40):", "    s += x[i][0]", "y[i] = s"),
        (
            "s = float(0.0)",
            "for j in range(4):",
            "    if j == n:",
            "        break",
            "    s += x[i][0]",
            "y[i] = s",
        ),
        ("s = float(1.0)", "while s < 9.0:", "    s = s * 2.0 + x[i][0]", "y[i] = s"),
        ("v = x[i]", "v[0] = v[1]", "y[i] = v[0]"),
        ("a = wp.zeros(shape=(2,), dtype=float)", "a[0] = x[i][0]", "y[i] = a[0]"),
    ],
)
def test_what_may_be_wrong_by_design(lines: tuple[str, ...]) -> None:
    """Loops that are not unrolled or left early, and whatever is written over."""
    assert wrong(*lines)


@pytest.mark.parametrize(
    "lines",
    [
        ("y[i] = wp.dot(x[i], x[i])",),
        ("s = float(0.0)", "for j in range(4):", "    s += x[i][0] * float(j)", "y[i] = s"),
        ("if n > 3:", "    y[i] = x[i][1]"),
    ],
)
def test_what_must_be_right(lines: tuple[str, ...]) -> None:
    """Plain arithmetic, loops that are unrolled, branches."""
    assert not wrong(*lines)
