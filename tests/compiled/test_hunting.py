"""A fault planted in the generated code is found by the hunt's oracles, and its program made small."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from tools import planted_reductions, rediscover
from warpgen.extraction import warp_api
from warpgen.extraction.codegen import Code, lower
from warpgen.hunting import metamorphic, oracles
from warpgen.hunting.found import Case
from warpgen.hunting.metamorphic import differs
from warpgen.hunting.rewrites import ROUNDING, UNUSED
from warpgen.hunting.session import caused, drawn_of, smaller
from warpgen.launch import Argument, Fill, Launch, Role
from warpgen.program import Program
from warpgen.reasons import FAULTS, ROUNDED
from warpgen.record import Target
from warpgen.verification import check_unit, rounding
from warpgen.verification.judging.causes import cause_of
from warpgen.verification.judging.widening.widen import widen

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

    for module in (oracles, rounding):
        monkeypatch.setattr(module, "lower", wrong)
    warp_api.start(tmp_path / "kernels")
    return tmp_path / "checks"


def whole() -> Program:
    """The program, on a launch of 33 threads."""
    roles: dict[str, Role] = {"x": "input", "z": "input", "y": "output"}
    args = tuple(
        Argument(name, "array1d(float32)", role, (Fill(name, "uniform", (33,), -1.0),))
        for name, role in roles.items()
    )
    return Program(0, 0, "test", "tried", SOURCE, args, Launch((33,), 0))


def test_a_planted_adjoint_is_what_is_left(planted: Path) -> None:
    """The reduced program calls `sinh`, and none of the others."""
    program = whole()
    (told,) = oracles.judge([program], planted, oracles.cpu)
    assert told.oracle == "adjoint"
    made = smaller(Case("stress", program, told.oracle, told.error), planted)
    left = made.case.program.source
    assert "wp.sinh(" in left and not any(f"wp.{n}(" in left for n in ("tanh", "cos", "atan", "max"))
    assert len(left.splitlines()) <= 8, left
    assert made.case.cause == ""


def test_what_the_tool_plants_is_what_is_left(tmp_path: Path) -> None:
    """Of a larger program; the tool does the same with all of its faults, and keeps what it measured."""
    warp_api.start(tmp_path / "kernels")
    faults = [next(f for f in planted_reductions.PLANTED if "sinh" in f.word)]
    (program,) = planted_reductions.hold(faults, tmp_path / "checks")
    made, left = planted_reductions.reduced(faults, program, tmp_path / "checks")
    assert left.kept and left.after <= 25 < left.before, made.source


def test_what_others_reported_is_told_of_the_programs_that_showed_it(tmp_path: Path) -> None:
    """Drawn again from seed and index, they show the same."""
    warp_api.start(tmp_path / "kernels")
    firsts = rediscover.read()
    drawn = [program for f in firsts.values() for _, program in drawn_of(f.seed, f.index, f.index + 1)]
    told = oracles.judge(drawn, tmp_path / "checks")
    for (issue, first), program, verdict in zip(firsts.items(), drawn, told, strict=True):
        assert verdict.oracle == first.oracle, issue
        cause = cause_of(program, verdict.oracle, verdict.error)
        assert rediscover.KNOWN[issue] in cause.split("+"), (issue, cause)


def test_an_adjoint_that_depends_on_names_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of the same program under other names, and nothing of one without."""
    warp_api.start(tmp_path / "kernels")
    program = whole()
    assert differs([program] * 2, ["renamed", "inlined"], tmp_path / "checks") == ["", ""]

    def wrong(program: Program, targets: Sequence[Target]) -> dict[Target, Code]:
        made = lower(program, targets)
        adjoint = "wp::adj_cosh(" if "q10000_" in program.source else "wp::adj_sinh("
        return {
            t: msgspec.structs.replace(c, text=c.text.replace("wp::adj_sinh(", adjoint))
            for t, c in made.items()
        }

    monkeypatch.setattr(metamorphic, "lower", wrong)
    (told,) = differs([program], ["renamed"], tmp_path / "checks")
    assert told.startswith("renamed: the gradient of ")


def test_a_local_that_one_path_sets_is_told(tmp_path: Path) -> None:
    """Python refuses to read it, Warp does not."""
    warp_api.start(tmp_path / "kernels")
    source = SOURCE.replace("    c = wp.max(a, b)", "    if b > 0.0:\n        c = wp.max(a, b)")
    program = msgspec.structs.replace(whole(), source=source)
    (told,) = oracles.judge([program], tmp_path / "checks", oracles.cpu)
    assert told.oracle == "unset", told


def cause_of_adjoint(source: str, folder: Path) -> str:
    """The line of the ledger that is told of a program whose adjoint is wrong."""
    warp_api.start(folder / "kernels")
    program = msgspec.structs.replace(whole(), source=source)
    (told,) = oracles.judge([program], folder / "checks", oracles.cpu)
    assert told.oracle == "adjoint", told
    return caused(Case("stress", program, told.oracle, told.error), folder / "checks").cause


def test_a_local_that_one_path_sets_may_be_seen_by_the_adjoint_alone(tmp_path: Path) -> None:
    """What it goes into has the slope zero, and nan times zero is nan."""
    source = SOURCE[: SOURCE.index("    for k")].replace("    b =", "    if a > 2.0:\n        c = a\n    b =")
    source += "    d = c * b\n    y[i] = a * b\n"
    assert cause_of_adjoint(source, tmp_path) == "18"


def test_an_infinite_slope_of_what_nothing_needs_is_told(tmp_path: Path) -> None:
    """Without the lines that reach no output the adjoint is right."""
    source = (
        SOURCE[: SOURCE.index("    for k")]
        + "    if b < 9.0:\n        c = wp.sinh(999.0 * a)\n    y[i] = a * b\n"
    )
    assert cause_of_adjoint(source, tmp_path) == UNUSED


def test_what_64_bits_show_nothing_of_is_rounding(tmp_path: Path) -> None:
    """Terms that cancel leave a slope of zero, beside which any rounding is large."""
    warp_api.start(tmp_path / "kernels")
    text = (
        SOURCE[: SOURCE.index("    for k")]
        + "    y[i] = a * b + a - a * b - a + 1.0e-4 * wp.sin(wp.pi * a)\n"
    )
    program = msgspec.structs.replace(whole(), source=text)
    wide = rounding.wide(program)
    assert widen(wide).program == wide != program
    (told,) = oracles.judge([program], tmp_path / "checks", oracles.cpu)
    assert told.oracle in ("adjoint", "values"), told
    case = Case("stress", program, told.oracle, told.error)
    assert caused(case, tmp_path / "checks").cause == ROUNDING
    assert ending(program, tmp_path) == ROUNDED


def ending(program: Program, folder: Path) -> str:
    """What a dataset's manifest says of the drop, behind its error."""
    (judged,) = check_unit([program], [lower(program, ("cpu",))], "run", "keep", ("cpu",), folder / "checks")
    refused = judged["cpu"]
    assert refused.verified is None
    return rounding.told(program, refused, folder / "checks").removeprefix(refused.error)


def test_an_adjoint_that_64_bits_have_wrong_is_no_rounding(tmp_path: Path) -> None:
    """The remainder's divisor has no gradient, however wide it is."""
    warp_api.start(tmp_path / "kernels")
    text = SOURCE[: SOURCE.index("    for k")] + "    y[i] = wp.mod(a, wp.abs(b) + 0.1) * b\n"
    program = msgspec.structs.replace(whole(), source=text)
    (judged,) = check_unit(
        [program], [lower(program, ("cpu",))], "run", "keep", ("cpu",), tmp_path / "checks"
    )
    assert FAULTS in judged["cpu"].error
    assert not rounding.explains(program, "gradient", ("cpu",), tmp_path / "checks")
