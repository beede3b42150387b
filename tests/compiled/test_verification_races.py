"""Kernels whose values depend on the order of threads are dropped; those that only look so are kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.corpus.writing import N, argument, out, program, ramp, whole
from tools import race_score
from warpgen.extraction import warp_api
from warpgen.extraction.codegen import lower
from warpgen.launch import Argument
from warpgen.program import Program
from warpgen.reasons import Reason
from warpgen.verification import check_unit

_SIGNATURE = "x: wp.array(dtype=float), k: wp.array(dtype=int), y: wp.array(dtype=float)"


def _kernel(name: str, *lines: str, y: Argument | None = None, k: Argument | None = None) -> Program:
    text = "\n    ".join(["i = wp.tid()", *lines])
    source = f"\n@wp.kernel(enable_backward=False)\ndef {name}({_SIGNATURE}):\n    {text}\n"
    return program(name, source, ramp("x"), k or whole("k", 8), y or out("y"))


_BEGUN = argument("y", "array1d(float32)", "inout", "uniform", (N,), -1.0, 1.0)
_TURNED = argument("k", "array1d(int32)", "input", "permutation", (N,))

RACES = {
    "sum": _kernel("sum", "y[k[i]] = y[k[i]] + x[i]"),
    "greatest": _kernel("greatest", "y[0] = wp.max(y[0], x[i] + float(k[i]))"),
    "scattered": _kernel("scattered", "y[k[i]] = x[i]"),
    "swapped": _kernel("swapped", f"y[i] = y[{N - 1} - i] + x[i] + float(k[i])", y=_BEGUN),
    "prefix": _kernel("prefix", "if i > 0:", "    y[i] = y[i - 1] + x[i] + float(k[i])", y=_BEGUN),
    "total_read": _kernel("total_read", "wp.atomic_add(y, 0, x[i])", "y[i + 0] = y[0] + float(k[i])"),
    "begun_late": _kernel("begun_late", "if i == 3:", "    y[0] = x[i]", "wp.atomic_add(y, 0, float(k[i]))"),
    "component": program(
        "component",
        "\n@wp.kernel(enable_backward=False)\n"
        "def component(x: wp.array(dtype=float), y: wp.array(dtype=wp.vec2)):\n"
        "    i = wp.tid()\n    y[i // 2][0] = x[i]\n    y[i // 2][1] = x[i // 2]\n",
        ramp("x"),
        out("y", "array1d(vec2f)"),
    ),
    "blocks": program(
        "blocks",
        "\n@wp.kernel(enable_backward=False)\n"
        "def blocks(x: wp.array(dtype=float), y: wp.array(dtype=float)):\n"
        "    i = wp.tid()\n    t = wp.tile_load(x, shape=8, offset=i * 8)\n"
        "    wp.tile_store(y, t, offset=i * 4)\n",
        ramp("x"),
        out("y"),
        dim=(8,),
        tiled=True,
    ),
}

CLEAN = {
    "own": _kernel("own", "y[i] = x[i]", "y[i] = y[i] + float(k[i])"),
    "atomic": _kernel("atomic", "wp.atomic_add(y, k[i], x[i])"),
    "augmented": _kernel("augmented", "y[k[i]] += x[i]"),
    "permuted": _kernel("permuted", "y[k[i]] = x[i]", k=_TURNED),
    "flag": _kernel("flag", "if x[i] > 0.5:", "    y[k[i]] = 1.0"),
    "flag_read": _kernel("flag_read", "if y[k[i]] == 0.0 and x[i] > 0.5:", "    y[k[i]] = 1.0"),
    "compared": _kernel(
        "compared",
        "old = y[k[i]]",
        "seen = wp.atomic_cas(y, k[i], old, wp.max(old, x[i]))",
        "while seen != old:",
        "    old = seen",
        "    seen = wp.atomic_cas(y, k[i], old, wp.max(old, x[i]))",
    ),
    "bounded": _kernel(
        "bounded", "v = x[i] + 0.25 * float(k[i])", "if y[0] < v:", "    wp.atomic_max(y, 0, v)"
    ),
    "coloured": _kernel(
        "coloured", "if i % 2 == 0 and i > 0:", "    y[i] = y[i - 1] + x[i] + float(k[i])", y=_BEGUN
    ),
}


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("races")
    warp_api.start(folder / "kernels")
    yield folder / "checks"


def test_races_are_found_and_nothing_else(workdir: Path) -> None:
    """Plain stores that meet are; atomics, one value from all, and elements of one thread are not."""
    programs = [*RACES.values(), *CLEAN.values()]
    codes = [lower(p, ("cpu",)) for p in programs]
    made = check_unit(programs, codes, "run", "keep", ("cpu",), workdir)
    found = {p.name: judgement["cpu"] for p, judgement in zip(programs, made, strict=True)}
    assert dict.fromkeys(RACES, Reason.RACE) == {name: found[name].reason for name in RACES}
    assert dict.fromkeys(CLEAN, "") == {name: found[name].reason + found[name].error for name in CLEAN}
    assert "an element of y" in found["sum"].error


def test_races_planted_in_synthesised_programs_are_found(workdir: Path) -> None:
    """A few of each kind; `tools/race_score.py` plants more."""
    outcome = race_score.planted(8000, 12, workdir)
    assert {p.kind for p, _ in outcome} >= {"shared place", "neighbour read"}
    assert [(p.kind, p.program.index, Reason.RACE) for p, _ in outcome] == [
        (p.kind, p.program.index, reason) for p, reason in outcome
    ]
