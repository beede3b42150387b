"""A fault planted in the generated code is found by the hunt's oracles, and its program made small."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from warpgen.extraction import warp_api
from warpgen.extraction.codegen import Code, lower
from warpgen.hunting import oracles
from warpgen.hunting.found import Case
from warpgen.hunting.session import smaller
from warpgen.launch import Argument, Fill, Launch, Role
from warpgen.program import Program
from warpgen.record import Target

SOURCE = """import warp as wp


@wp.func
def bent(a: float, b: float):
    if a > b:
        return wp.tanh(a) * b
    return a + b


@wp.kernel
def tried(x: wp.array(dtype=float), z: wp.array(dtype=float), y: wp.array(dtype=float)):
    i = wp.tid()
    a = x[i]
    b = z[i] * 2.0
    for k in range(3):
        a = a + 0.25 * wp.cos(b) + float(k)
    if a > b:
        b = b + wp.atan(a)
    c = wp.max(a, b) + wp.sinh(0.5 * b)
    y[i] = bent(a, c) + b * c
"""


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The adjoint of `cosh` stands where that of `sinh` belongs."""

    def wrong(program: Program, targets: Sequence[Target]) -> dict[Target, Code]:
        made = lower(program, targets)
        return {
            t: msgspec.structs.replace(c, text=c.text.replace("wp::adj_sinh(", "wp::adj_cosh("))
            for t, c in made.items()
        }

    monkeypatch.setattr(oracles, "lower", wrong)
    warp_api.start(tmp_path / "kernels")
    return tmp_path / "checks"


def test_a_planted_adjoint_is_what_is_left(planted: Path) -> None:
    """The reduced program calls `sinh`, and none of the others."""
    roles: dict[str, Role] = {"x": "input", "z": "input", "y": "output"}
    args = tuple(
        Argument(name, "array1d(float32)", role, (Fill(name, "uniform", (33,), -1.0),))
        for name, role in roles.items()
    )
    program = Program(0, 0, "test", "tried", SOURCE, args, Launch((33,), 0))
    (told,) = oracles.judge([program], planted, ("cpu",))
    assert told.oracle == "adjoint"
    made = smaller(Case("stress", program, told.oracle, told.error), planted)
    left = made.case.program.source
    assert "wp.sinh(" in left and not any(f"wp.{n}(" in left for n in ("tanh", "cos", "atan", "max"))
    assert len(left.splitlines()) <= 8, left
    assert made.case.cause == ""
