"""Is a stranger's CUDA text right? Where there is no GPU it is run on fibers, beside the row's own text.

Each launch is in a confined child, which hands its results to this process; they are compared here. Texts are
screened before, but what runs is held less closely than in the jail.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from warpgen.errors import VerificationError
from warpgen.extraction.codegen import lower
from warpgen.program import Program
from warpgen.reasons import Reason
from warpgen.record import Target
from warpgen.verdict import Difference, Stage
from warpgen.verification.bench import comparing, draws
from warpgen.verification.device.compiling import DeviceCompiler, functions_of
from warpgen.verification.device.text import Ran, Refused, run_cuda_launches
from warpgen.verification.judging import tolerance
from warpgen.verification.native.generated import kernel_name
from warpgen.verification.native.isolation import Died, isolated
from warpgen.verification.running.memory_layout import MemoryLayout

# Draws of each kind that both texts are launched on, and the orders of threads of each.
_DRAWS = {"plain": 2, "parameters": 2, "extents": 2, "beyond": 1}
_ORDERS = (0, 1)


class Found(NamedTuple):
    """Where a text ended, why, and what the verdict tells beside it."""

    stage: Stage
    why: str = ""
    told: dict[str, Any] = {}  # noqa: RUF012


class CudaBench:
    """Keeps its compiler's files in a folder of its own."""

    def __init__(self, workdir: Path) -> None:
        self._compiler = DeviceCompiler(workdir / "device")

    def compared(
        self,
        own: str,
        theirs: str,
        program: Program,
        layouts: Sequence[MemoryLayout],
        seed: int,
        slopes: bool,
    ) -> Found:
        """The text `theirs` beside `own`; gradients count where `slopes` says so."""
        try:
            if _signature(theirs) != _signature(own):
                return Found("compile", "it takes other arguments than the row's kernel")
        except VerificationError as error:
            return Found("compile", str(error))
        launches = list(_launches(program, layouts, seed))
        try:
            expected = run_cuda_launches(own, launches, layouts, self._compiler, orders=_ORDERS)
        except Refused as error:
            return Found("judge", f"it compiles; the row's own text cannot be run without a GPU: {error}")
        stood = [i for i in range(len(launches)) if all(map(_telling, _of(expected, i)))]
        if not stood:
            return Found("judge", "it compiles; the row's own text stands no launch without a GPU")
        try:
            chosen = [launches[i] for i in stood]
            actual = run_cuda_launches(theirs, chosen, layouts, self._compiler, orders=_ORDERS)
        except Refused as error:
            return Found("compile", str(error))
        pairs = list(zip((ran for i in stood for ran in _of(expected, i)), actual, strict=True))
        return _verdict(pairs, tolerance.operations(program), slopes)


def own_text(program: Program) -> str:
    """What Warp makes of a row's program for CUDA. Raises VerificationError where it cannot."""
    cuda: Target = "cuda"
    made: Any = isolated(1, lambda _, __: lower(program, (cuda,))[cuda].text)[0]
    if isinstance(made, Died):
        raise VerificationError(f"the row cannot be lowered: {made.error}")
    return str(made)


def _signature(text: str) -> list[list[str]]:
    """The types of the parameters of a text's two functions."""
    name, found = kernel_name(text), functions_of(text)
    return [found.get(f"{name}_cuda_kernel_{direction}", []) for direction in ("forward", "backward")]


def _launches(program: Program, layouts: Sequence[MemoryLayout], seed: int) -> list[Program]:
    """The program on some of the judge's draws."""
    left, made = dict(_DRAWS), []
    for draw in draws.plan(program, layouts, seed):
        if left.get(draw.label, 0):
            left[draw.label] -= 1
            launch = msgspec.structs.replace(draw.launch, seed=(seed + draw.variant) % (1 << 62))
            made.append(Program(0, 0, program.category, program.name, program.source, draw.args, launch))
    return made


def _of(ran: Sequence[Ran | Died], launch: int) -> Sequence[Ran | Died]:
    return ran[launch * len(_ORDERS) : (launch + 1) * len(_ORDERS)]


def _telling(ran: Ran | Died) -> bool:
    """Whether a launch of the row's own text ended, and at least half of its floats are numbers."""
    if isinstance(ran, Died):
        return False
    floats = [values for values in ran.outputs.values() if values.dtype.kind == "f" and values.size]
    return all(np.isfinite(values).mean() >= 0.5 for values in floats)


def _verdict(pairs: Sequence[tuple[Ran | Died, Ran | Died]], kind: str, slopes: bool) -> Found:
    counts = {"outputs": [0, 0], "gradients": [0, 0]}
    first: dict[str, Difference] = {}
    for number, (expected, actual) in enumerate(pairs):
        assert isinstance(expected, Ran)
        if isinstance(actual, Died):
            hangs = actual.reason in (Reason.TIMEOUT, Reason.WAIT)
            return Found("timeout" if hangs else "crash", f"{actual.reason}: {actual.error}")
        for what in ("outputs", "gradients"):
            theirs = getattr(actual, what)
            for path, values in getattr(expected, what).items():
                other = theirs.get(path)
                if other is None or (other.dtype, other.shape) != (values.dtype, values.shape):
                    other = np.full_like(values, 0)
                bad = comparing.differs(values, other, None, kind, what)
                counts[what][0] += int(bad.sum())
                counts[what][1] += bad.size
                if what not in first and bad.any():
                    index = tuple(int(i) for i in np.argwhere(bad)[0])
                    two = float(values[index]), float(other[index])
                    first[what] = Difference(what, path, index, *two, number // len(_ORDERS))
    share = {what: 1.0 - bad / max(size, 1) for what, (bad, size) in counts.items()}
    told: dict[str, Any] = {"outputs": share["outputs"]}
    if slopes and counts["gradients"][1]:
        told["gradients"] = share["gradients"]
    for what in told:
        if what in first:
            one = first[what]
            why = f"{one.path}{list(one.index)} is {one.actual:.9g}, not {one.expected:.9g}"
            stage: Stage = "outputs" if what == "outputs" else "gradients"
            return Found(stage, why, {**told, "first": one})
    return Found("right", "", told)
