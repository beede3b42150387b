"""A program beside one that must do the same: their outputs, and their adjoints, which no difference judges.

This reaches where differences do not: at kinks, and with types that are no doubles' kin.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from warpgen.errors import ExtractionError
from warpgen.extraction.codegen import lower
from warpgen.hunting.oracles import layouts_of
from warpgen.hunting.rewrites import EQUIVALENT, same
from warpgen.program import Program
from warpgen.verification.compiling.compiler import Compiler
from warpgen.verification.judging import gradient as slopes_of
from warpgen.verification.judging.examine import Examination, Subject
from warpgen.verification.judging.prepare import Prepared
from warpgen.verification.native import warp_native
from warpgen.verification.native.isolation import Died, Note, isolated

# Of the greatest element: terms of an adjoint may be added in another order, and no more.
_ALLOWED = 1e-3


class _Side(NamedTuple):
    """One of two programs, lowered."""

    program: Program
    prepared: Prepared
    text: str


@functools.lru_cache(maxsize=2)
def _compiler(folder: Path) -> Compiler:
    folder.mkdir(parents=True, exist_ok=True)
    return Compiler(folder)


def differs(programs: Sequence[Program], names: Sequence[str], folder: Path) -> list[str]:
    """How each program differs from its rewrite of that name, '' where it does not or has none."""
    pairs: dict[int, tuple[_Side, _Side]] = {}
    for index, (program, name) in enumerate(zip(programs, names, strict=True)):
        other = EQUIVALENT[name](program)
        if not same(program, other):
            try:
                pairs[index] = _side(program), _side(other)
            except ExtractionError:
                continue  # what Warp refuses is told elsewhere
    told = _compared(pairs, folder.resolve() / "pairs")
    return [f"{name}: {told[i]}" if told.get(i) else "" for i, name in enumerate(names)]


def _side(program: Program) -> _Side:
    return _Side(program, Prepared(tuple(layouts_of(program))), lower(program, ("cpu",))["cpu"].text)


def _compared(pairs: dict[int, tuple[_Side, _Side]], folder: Path) -> dict[int, str]:
    sides = [side for pair in pairs.values() for side in pair]
    objects = _compiler(folder).compile("cpu", {n: side.text for n, side in enumerate(sides)}).objects
    libraries: dict[Path, warp_native.Library] = {}

    def load() -> None:
        libraries.update({path: warp_native.Library(path) for path in set(objects.values())})

    def task(number: int, note: Note) -> str:
        made = [_made(sides[n], libraries[objects[n]]) for n in (2 * number, 2 * number + 1) if n in objects]
        return _difference(*made) if len(made) == 2 else ""

    try:
        results: list[Any] = isolated(len(pairs), task, before=load)
    finally:
        for path in set(objects.values()):
            path.unlink(missing_ok=True)
    ended = (str(result.reason) if isinstance(result, Died) else result for result in results)
    return dict(zip(pairs, ended, strict=True))


def _made(side: _Side, library: warp_native.Library) -> dict[str, NDArray[Any]]:
    """Outputs and gradients of the first draw, by name."""
    run = Examination(Subject.of(side.program, side.prepared, side.text, library, None))
    arguments = run.draw(0)
    made = {leaf.path: values for leaf, values in zip(arguments.outputs(), run.outputs(0), strict=True)}
    if run.subject.kernel.has_adjoint and slopes_of.differentiable(arguments):
        gradients = zip(slopes_of.inputs(arguments), run.backward(0)[1], strict=True)
        made |= {f"the gradient of {leaf.path}": gradient for leaf, gradient in gradients}
    return made


def _difference(one: dict[str, NDArray[Any]], other: dict[str, NDArray[Any]]) -> str:
    for name, mine in one.items():
        theirs = other[name]
        if mine.dtype.kind not in "fiu" or np.array_equal(mine, theirs, equal_nan=mine.dtype.kind == "f"):
            continue
        extent = float(np.abs(mine.astype(np.float64)).max() + np.abs(theirs.astype(np.float64)).max())
        apart = float(np.abs(mine.astype(np.float64) - theirs.astype(np.float64)).max())
        if not apart <= _ALLOWED * extent:
            return f"{name} differs"
    return ""
