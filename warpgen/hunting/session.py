"""A hunt from its start to its end: units, one file each, worked on by processes that share nothing."""

from __future__ import annotations

import contextlib
import multiprocessing
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from warpgen import durable, scratch
from warpgen.errors import RootError, SynthesisError, UnitError, UsageError
from warpgen.extraction import warp_api
from warpgen.hunting.found import Case, Origin, Small, Unit, alike, representative
from warpgen.hunting.metamorphic import differs
from warpgen.hunting.oracles import Told, both, cpu, judge, unset
from warpgen.hunting.reducer import reduce
from warpgen.hunting.rewrites import CURES, EQUIVALENT, ROUNDING, UNUSED, Rewrite, needed
from warpgen.hunting.steps import without_unused
from warpgen.hunting.stress import stress
from warpgen.hunting.tiles import tiled
from warpgen.program import Program
from warpgen.reasons import Reason
from warpgen.record import TARGETS, Target
from warpgen.synthesis.generator import Options, synthesize
from warpgen.verification.judging.causes import cause_of
from warpgen.verification.judging.examine import SLOPES
from warpgen.verification.rounding import explains

SIZE = 32  # programs of a unit
KINDS = 8  # of so many programs one is of the kind that datasets have, and one is of tiles
_REWRITTEN = 4  # of so many programs in which nothing disagrees, one is held to its equivalents
_ON_DEVICE = 4  # of so many programs without tiles, the CUDA text of one is run: most are the C++ again
_TRIES = 2
_REDUCED = 3  # cases of a line of the ledger that are made small
_LOOK = 1.0  # seconds


class Plan(msgspec.Struct, frozen=True):
    """What is hunted: `count` programs from a seed, in a folder, for at most so many seconds."""

    root: Path
    seed: int
    count: int
    workers: int
    seconds: float


def hunt(plan: Plan) -> Iterator[list[Unit]]:
    """Work on the units that are not on disk yet; yields all that are there, every second and at the end.

    Raises RootError where the folder cannot be written.
    """
    try:
        durable.make_folder(plan.root / "units")
        durable.make_folder(plan.root / "reduced")
    except OSError as error:
        raise RootError(f"{plan.root} cannot be written ({error.strerror}): give another --root") from error
    yield from _together(plan, work)
    yield from _together(plan, reduce_some)


def _together(plan: Plan, task: Callable[[Plan, int], None]) -> Iterator[list[Unit]]:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_told, args=(task, plan, n), daemon=True) for n in range(plan.workers)]
    for worker in workers:
        worker.start()
    try:
        while any(worker.is_alive() for worker in workers):
            time.sleep(_LOOK)
            yield read(plan)
        if failed := [worker.exitcode for worker in workers if worker.exitcode]:
            raise RootError(f"{len(failed)} of {plan.workers} workers ended early: run the command again")
        yield read(plan)
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()


def _told(task: Callable[[Plan, int], None], plan: Plan, worker: int) -> None:
    try:
        task(plan, worker)
    except UsageError as error:
        sys.exit(f"warpgen: {error}")


def read(plan: Plan) -> list[Unit]:
    """All units of the plan that are on disk, in their order."""
    paths = map(plan_path, [plan] * units(plan), range(units(plan)))
    return [msgspec.json.decode(path.read_bytes(), type=Unit) for path in paths if path.exists()]


def by_seed(root: Path) -> dict[int, list[Unit]]:
    """All units under a root, by the seed of their programs."""
    units: dict[int, list[Unit]] = {}
    for path in sorted(root.glob("units/*.json")):
        unit = msgspec.json.decode(path.read_bytes(), type=Unit)
        units.setdefault(int(path.name.partition("-")[0]), []).append(unit)
    return units


def smalls(root: Path) -> list[Small]:
    """All cases under a root that were made small."""
    return [msgspec.json.decode(p.read_bytes(), type=Small) for p in sorted(root.glob("reduced/*.json"))]


def units(plan: Plan) -> int:
    """How many units the plan has."""
    return -(-plan.count // SIZE)


def plan_path(plan: Plan, number: int) -> Path:
    """The file of a unit."""
    return plan.root / "units" / f"{plan.seed}-{number:05d}.json"


def work(plan: Plan, worker: int) -> None:
    """Every n-th unit, one after another, until the time is up."""
    end = time.monotonic() + plan.seconds
    with scratch.folder("warpgen-hunt-") as folder:
        warp_api.start(folder / "kernels")
        for number in range(worker, units(plan), plan.workers):
            path = plan_path(plan, number)
            if path.exists():
                continue
            if time.monotonic() >= end:
                break
            with contextlib.suppress(UnitError):  # it is there for the next call to make
                durable.write(path, msgspec.json.encode(_tried(plan, number, folder / "checks")))


def reduce_some(plan: Plan, worker: int) -> None:
    """Make every n-th of the cases small that stand for all; one file each. Rounding is no fault to show."""
    chosen = [case for case in representative(read(plan), _REDUCED) if case.cause != ROUNDING]
    with scratch.folder("warpgen-hunt-") as folder:
        warp_api.start(folder / "kernels")
        for case in chosen[worker :: plan.workers]:
            path = plan.root / "reduced" / f"{case.origin}-{case.program.seed}-{case.program.index}.json"
            if not path.exists():
                with contextlib.suppress(UnitError):
                    durable.write(path, msgspec.json.encode(smaller(case, folder / "checks")))


def smaller(case: Case, folder: Path) -> Small:
    """The case with what its fault does not need taken away, and its cause told anew."""
    aimed = both if case.oracle == "cuda" else cpu
    told: dict[str, str] = {}
    listed = bool(_line(case.program, case))  # then what is left must hold one, else it shows another thing

    def shows(programs: Sequence[Program]) -> list[bool]:
        if case.oracle == "rewrite":
            found = differs(programs, [case.error.split(":")[0]] * len(programs), folder)
            return [alike(error, case.error) for error in found]
        verdicts = judge(programs, folder, aimed)
        told.update({p.source: v.error for p, v in zip(programs, verdicts, strict=True)})
        return [
            v.oracle == case.oracle and alike(v.error, case.error) and (not listed or bool(_line(p, case)))
            for p, v in zip(programs, verdicts, strict=True)
        ]

    reduced = reduce(case.program, shows)
    error = told.get(reduced.program.source, case.error)[:400]
    made = caused(Case(case.origin, reduced.program, case.oracle, error), folder)
    cured = _cure(made, CURES, folder) if made.oracle == "adjoint" else ""
    return Small(made, reduced.judged, reduced.seconds, cured)


def caused(case: Case, folder: Path) -> Case:
    """The case with its line of the ledger, or as rounding where 64 bits show nothing of it.

    What is unset need not reach an output: nan times a slope of zero is nan.
    """
    cause = _line(case.program, case)
    if not cause and case.oracle == "adjoint" and unset(case.program, SLOPES):
        cause = cause_of(case.program, "unset", case.error)
    disputed = {"values": Reason.FORWARD, "adjoint": Reason.GRADIENT, "cuda": case.error.split(":")[0]}
    if not cause and case.oracle in disputed:
        targets = TARGETS if case.oracle == "cuda" else TARGETS[:1]
        cause = ROUNDING if explains(case.program, disputed[case.oracle], targets, folder) else ""
    if not cause and case.oracle == "adjoint":
        cause = _cure(case, {UNUSED: needed}, folder)
    return msgspec.structs.replace(case, cause=cause)


def _line(program: Program, case: Case) -> str:
    """The lines of the ledger that a program holds, of those that may show as the case did."""
    return cause_of(program, case.oracle, case.error)


def _cure(case: Case, rewrites: Mapping[str, Rewrite], folder: Path) -> str:
    """The first rewrite that makes another program of it, of which the oracles say nothing; or ''."""
    made = {name: without_unused(rewrite(case.program)) for name, rewrite in rewrites.items()}
    tried = [name for name, program in made.items() if program.source != case.program.source]
    told = judge([made[name] for name in tried], folder, cpu)
    return next((name for name, verdict in zip(tried, told, strict=True) if verdict == Told(None)), "")


def _tried(plan: Plan, number: int, folder: Path) -> Unit:
    for _ in range(_TRIES - 1):
        with contextlib.suppress(UnitError):
            return unit(plan, number, folder)
    return unit(plan, number, folder)


def unit(plan: Plan, number: int, folder: Path) -> Unit:
    """Judge the programs of a unit."""
    begun = _cpu()
    drawn = list(drawn_of(plan.seed, number * SIZE, min((number + 1) * SIZE, plan.count)))
    programs = [program for _, program in drawn]
    told = judge(programs, folder, _aimed)
    made = Unit(
        number, len(programs), 0.0, dict(Counter(t.error for t in told if not t.oracle and t.error)), []
    )
    for (origin, program), verdict in zip(drawn, told, strict=True):
        if verdict.oracle:
            made.cases.append(caused(Case(origin, program, verdict.oracle, verdict.error[:400]), folder))
    quiet = [
        pair
        for pair, verdict in zip(drawn, told, strict=True)
        if not verdict.oracle and verdict.error.split(" ")[0] in ("", "adjoint")
    ]
    made.cases += rewritten(quiet[number % _REWRITTEN :: _REWRITTEN], folder)
    made.seconds = _cpu() - begun
    return made


def rewritten(drawn: Sequence[tuple[Origin, Program]], folder: Path) -> list[Case]:
    """Those that differ from their equivalents: first from what all rewrites together make of each."""
    together = differs([program for _, program in drawn], ["together"] * len(drawn), folder)
    suspects = [pair for pair, error in zip(drawn, together, strict=True) if error]
    tries = [(pair, name) for pair in suspects for name in EQUIVALENT]
    errors = differs([program for (_, program), _ in tries], [name for _, name in tries], folder)
    return [
        Case(origin, program, "rewrite", error, cause_of(program, "rewrite", error))
        for ((origin, program), _), error in zip(tries, errors, strict=True)
        if error
    ]


def _aimed(program: Program) -> Sequence[Target]:
    return TARGETS if "tile_" in program.source or program.index % _ON_DEVICE == 0 else TARGETS[:1]


def drawn_of(seed: int, first: int, end: int) -> Iterator[tuple[Origin, Program]]:
    """The programs of some indices, each with its kind."""
    for index in range(first, end):
        if index % KINDS == 0:
            with contextlib.suppress(SynthesisError):
                yield "dataset", synthesize(seed, index // KINDS, Options())
        elif index % KINDS == 1:
            yield "tiles", tiled(seed, index)
        else:
            yield "stress", stress(seed, index)


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(spent.ru_utime + spent.ru_stime for spent in used)
