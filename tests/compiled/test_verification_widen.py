"""Programs rewritten to 64-bit floats still say what they said."""

from __future__ import annotations

from pathlib import Path

from tests.support.corpus.writing import argument, out, program, ramp
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


def test_a_second_result_is_widened_wherever_the_call_stands(tmp_path: Path) -> None:
    """A gradient left in an argument reaches what follows, be the value named, added or thrown away."""
    warp_api.start(tmp_path / "kernels")
    sample = "wp.volume_sample_grad_f(x, p, wp.Volume.LINEAR, {})".format
    typed = "wp.volume_sample_grad(x, p, wp.Volume.LINEAR, g, dtype=float)"
    bodies = {
        "named": f"value = {sample('g')}\n    y[i] = value + g[1]",
        "added": f"value = float(i)\n    value += {sample('g')}\n    y[i] = value + g[1]",
        "alone": f"{typed}\n    y[i] = g[1]",
        "under": f"if i > 3:\n        {sample('g')}\n    y[i] = g[1]",
        "twice": f"h = wp.vec3()\n    y[i] = {sample('g')} - 2.0 * {sample('h')}\n    y[i] += g[1] * h[2]",
    }
    volume = argument("x", "uint64", "input", "volume", (5, 5, 5), 0.0, 9.0, of="float32", value=1.0)
    head = "\n@wp.kernel(enable_backward=False)\ndef {}(x: wp.uint64, y: wp.array(dtype=float)):\n"
    place = (
        "    i = wp.tid()\n    p = wp.vec3(0.03, 0.02, 0.01) * float(i) + wp.vec3(0.5)\n    g = wp.vec3()\n"
    )
    programs = [
        program(name, f"{head.format(name)}{place}    {body}\n", volume, out("y"))
        for name, body in bodies.items()
    ]
    judged = check_unit(
        programs, [lower(p, ("cpu",)) for p in programs], "run", "keep", ("cpu",), tmp_path / "checks"
    )
    for made, judgement in zip(programs, judged, strict=True):
        assert judgement["cpu"].verified is not None, (made.name, judgement)
        assert "widened" in judgement["cpu"].verified.forward.references, made.name
