"""What ends the launches of a row's own kernel."""

from __future__ import annotations

from pathlib import Path

from tests.support.judging import argument, row_of
from warpgen.verification.bench import draws
from warpgen.verification.bench.subject import Subject
from warpgen.verification.jail.cell import Cell
from warpgen.verification.jail.driver import driven
from warpgen.verification.jail.job import Build, Built
from warpgen.verification.judging.prepare import Prepared, prepare
from warpgen.verification.recheck import program_of

SOURCE = """import warp as wp


@wp.kernel
def total(x: wp.array(dtype=float), y: wp.array(dtype=float)):
    i = wp.tid()
    s = float(0.0)
    for k in range(x.shape[0]):
        s += x[k]
    y[i] = s
"""


def test_a_draw_ends_by_its_accesses_to_memory(tmp_path: Path) -> None:
    """Each draw has as many for itself, and one that needs more stops there."""
    row = row_of(
        SOURCE,
        argument("x", "array1d(float32)", "input", shape=(64,)),
        argument("y", "array1d(float32)", "output", "constant", shape=(64,)),
        dim=(64,),
    )
    program = program_of(row)
    prepared = prepare([program], [0], [], widened=False)[0]
    assert isinstance(prepared, Prepared)
    cell = Cell(tmp_path)
    try:
        built = cell.build(Build(driven(row.code), 60.0))
        assert isinstance(built, Built)
        own = Subject(program, prepared.layouts, row.code, built.object, True)
        plain = draws.plan(program, prepared.layouts, 1)[0][:1] * 3
        free, enough, few = (cell.run(own.own_run(plain, 60.0, most=most)) for most in (0, 2_000_000, 1_000))
    finally:
        cell.end()
    assert (free.broken, enough.broken) == (None, None)
    assert few.broken is not None
    assert "SIGILL" in few.broken.why
    assert few.draw == 0
