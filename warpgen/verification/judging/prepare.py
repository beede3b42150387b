"""What a program's run needs besides its own object: the memory layout of its arguments, its widened text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from warpgen.errors import ProgramError
from warpgen.extraction.codegen import lower
from warpgen.extraction.loading import load
from warpgen.program import Program
from warpgen.record import Target
from warpgen.verification.compiling.translation_unit import reference
from warpgen.verification.judging.widening.widen import widen
from warpgen.verification.native import warp_native
from warpgen.verification.native.isolation import Died, Note, isolated
from warpgen.verification.running.memory_layout import MemoryLayout, describe


class Prepared(msgspec.Struct, frozen=True):
    """`wide` is the CPU text of the widened program, '' where there is none, and then `why` says why."""

    layouts: tuple[MemoryLayout, ...]
    wide: str = ""
    coarse: bool = False
    why: str = ""
    cpu: str = ""  # the CPU text, where the caller has none


def prepare(
    programs: Sequence[Program], wanted: Sequence[int], lacking: Sequence[int], widened: bool = True
) -> dict[int, Prepared | Died]:
    """Prepare the programs `wanted` in a child, `widened` or not; those `lacking` a CPU text get one."""

    def task(number: int, note: Note) -> Any:
        index = wanted[number]
        return msgspec.to_builtins(_prepare(programs[index], index in lacking, widened))

    made: dict[int, Prepared | Died] = {}
    for index, result in zip(wanted, isolated(len(wanted), task), strict=True):
        made[index] = result if isinstance(result, Died) else msgspec.convert(result, Prepared)
    return made


def _prepare(program: Program, lacking: bool, widened: bool) -> Prepared:
    cpu: Target = "cpu"
    text = lower(program, (cpu,))[cpu].text if lacking else ""
    with load(program) as live:
        layouts = tuple(describe(kind) for _, kind in warp_native.argument_types(live.kernel))
    if not widened:
        return Prepared(layouts, why="not asked for", cpu=text)
    try:
        wide = widen(program)
        made = lower(wide.program, (cpu,))[cpu].text
    except ProgramError as error:
        return Prepared(layouts, why=str(error)[:200], cpu=text)
    return Prepared(layouts, reference(made), wide.coarse, cpu=text)
