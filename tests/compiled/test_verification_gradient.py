"""Adjoints that Warp gets wrong by design are told from those that must be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.corpus.writing import out, ramp
from tests.support.corpus.writing import program as written
from warpgen.extraction import warp_api
from warpgen.extraction.codegen import lower
from warpgen.launch import Argument, Fill, Launch, Role
from warpgen.program import Program
from warpgen.verification import check_unit
from warpgen.verification.judging.gradient import known_wrong

SAMPLED = """import warp as wp


@wp.kernel
def sampled(
    grid: wp.uint64, world_position: wp.array(dtype=wp.vec3), gain: float, values: wp.array(dtype=float)
):
    i = wp.tid()
    local = wp.volume_world_to_index(grid, world_position[i])
    values[i] = gain * wp.volume_sample_f(grid, local, wp.Volume.LINEAR)
"""


def wrong(*lines: str) -> bool:
    text = "\n    ".join(["i = wp.tid()", *lines])
    head = "x: wp.array(dtype=wp.vec3), n: int, y: wp.array(dtype=float)"
    source = f"\n@wp.kernel\ndef f({head}):\n    {text}\n"
    return known_wrong(written("f", source, ramp("x", "array1d(vec3f)"), out("y")))


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


def test_kinks_on_both_sides_of_a_draw_are_no_fault_of_the_adjoint(tmp_path: Path) -> None:
    """Samples of a volume bend where cells meet; in the fifth draw, as much ahead of it as behind."""
    warp_api.start(tmp_path / "kernels")
    fills: dict[str, tuple[str, Role, Fill]] = {
        "grid": ("uint64", "handle", Fill("grid", "volume", (7, 7, 7), -1.0, 1.0, 0.25, "float32")),
        "world_position": ("array1d(vec3f)", "input", Fill("world_position", "uniform", (64,), 0.3, 1.2)),
        "gain": ("float32", "param", Fill("gain", "uniform", (), 0.5, 2.0)),
        "values": ("array1d(float32)", "output", Fill("values", "constant", (64,))),
    }
    args = tuple(Argument(name, kind, role, (fill,)) for name, (kind, role, fill) in fills.items())
    program = Program(0, 0, "test", "sampled", SAMPLED, args, Launch((64,), 219))
    (judged,) = check_unit(
        [program], [lower(program, ("cpu",))], "run", "keep", ("cpu",), tmp_path / "checks"
    )
    assert judged["cpu"].verified is not None, judged["cpu"].error
