"""Programs rewritten to 64-bit floats still say what they said."""

from __future__ import annotations

from pathlib import Path

from tests.support.corpus.writing import out, program, ramp
from warpgen.extraction import warp_api
from warpgen.extraction.codegen import lower
from warpgen.program import Program
from warpgen.verification import check_unit


def kernel(name: str, line: str) -> Program:
    head = "x: wp.array(dtype=float), y: wp.array(dtype=float)"
    return program(
        name, f"\n@wp.kernel\ndef {name}({head}):\n    i = wp.tid()\n    {line}\n", ramp("x"), out("y")
    )


def test_bits_are_those_of_the_narrow_number(tmp_path: Path) -> None:
    """`wp.cast` of a float looks at 32 bits in the widened program, too; one to a float gives 64."""
    warp_api.start(tmp_path / "kernels")
    programs = [
        kernel("exponent", "y[i] = x[i] * float(wp.cast(x[i], wp.int32) >> 23)"),
        kernel("halved", "y[i] = wp.cast(wp.cast(x[i] + 1.0, wp.int32) - (1 << 23), wp.float32)"),
    ]
    judged = check_unit(
        programs, [lower(p, ("cpu",)) for p in programs], "run", "keep", ("cpu",), tmp_path / "checks"
    )
    for judgement in judged:
        assert judgement["cpu"].verified is not None, judgement
        assert "widened" in judgement["cpu"].verified.forward.references
