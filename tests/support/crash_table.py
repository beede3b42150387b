"""The crash table: where a fault comes, how, and what must hold after. `carry_out` puts one case to the test.

Whatever the case, a run ends, after as many resumes as it takes, with the bytes of an undisturbed one; see
`crash_session.Trial` for all that is held. The table says which exit codes the disturbed session may have.
"""

from __future__ import annotations

import contextlib
import functools
import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tests.support.crash_faults import COORDINATOR_PLACES, ERRORS, WORKER_PLACES, Fault
from tests.support.crash_session import (
    Broken,
    Case,
    Kind,
    Session,
    Trial,
    check_exit,
    imaginary_kind,
    undisturbed,
)
from tests.support.crash_surroundings import surroundings
from warpgen.production.state.layout import Layout

# A worker that dies, hangs or raises costs a retry and nothing else.
_WORKER_DEATHS = (
    *("SIGKILL", "SIGTERM", "SIGSTOP", "SIGABRT", "segfault", "exit", "exit by Python", "odd exception"),
    *("out of memory", "endless loop", "deadlock"),
)
# A coordinator that dies is resumed; the exit code tells what happened to it.
_CRASHES = {
    "SIGKILL": {-signal.SIGKILL},
    "SIGABRT": {-signal.SIGABRT},
    "SIGQUIT": {-signal.SIGQUIT},
    "segfault": {-signal.SIGSEGV},
    "exit": {3},
    "exit by Python": {5},
    "odd exception": {1},
    "out of memory": {2},
    "clock set back": {0},
    "SIGSTOP": {0},
    # At the very end the run may be over before the signal is looked at.
    "SIGTERM": {143, 0},
    "SIGINT": {130, 0},
    "SIGHUP": {129, 0},
}


def _at_a_place(fault: Fault, codes: set[int], trial: Trial, draw: random.Random) -> None:
    fault = msgspec.structs.replace(fault, nth=draw.randint(1, 5), after=draw.random() < 0.5)
    if fault.where in ("lock", "start", "report", "end", "manifest"):  # come once or twice in a run
        fault = msgspec.structs.replace(fault, nth=1)
    # In a session that resumes, the same places lie elsewhere in time.
    number = 0
    if draw.random() < 0.3:
        trial.session(Fault(where="merge", how="SIGKILL", nth=2))
        number = 1
    session = trial.session(fault, functools.partial(_waken, time.monotonic() + 2.0))
    check_exit(session, codes if trial.came(number) else {0})
    if session.code == 2 and fault.where != "end":  # there the datasets are complete already
        _check_blocked(trial)
    trial.finish()


def _waken(due: float, session: Session) -> None:
    """Let a stopped session go on, after longer than its limits for a silent worker."""
    if time.monotonic() >= due:
        with contextlib.suppress(ProcessLookupError):
            os.kill(session.pid, signal.SIGCONT)


def _check_blocked(trial: Trial) -> None:
    """A run that cannot go on either says so in the state file or could not even write that."""
    path = trial.root / "DATASET_STATE.md"
    if path.exists() and "**Status**: completed" in path.read_text() and not Layout(trial.root).work.exists():
        raise Broken("the state file says that all is well")


def _places() -> Iterator[Case]:
    for where in WORKER_PLACES:
        for how in _WORKER_DEATHS:
            yield _case(Fault(where=where, how=how, process="worker"), {0})
        yield _case(Fault(where=where, how="parent killed", process="worker"), {-signal.SIGKILL})
        if where != "unit":
            for how in (*ERRORS, "limit of 64 bytes a file"):
                yield _case(Fault(where=where, how=how, process="worker"), {2, 0} if "limit" in how else {2})
    yield _case(Fault(where="shard sync", how="tear", process="worker"), {0})
    for where in COORDINATOR_PLACES:
        for how, codes in _CRASHES.items():
            yield _case(Fault(where=where, how=how), codes)
        for how in (*ERRORS, "limit of 64 kB a file"):
            yield _case(Fault(where=where, how=how), {2, 0} if "limit" in how else {2})
    yield _case(Fault(where="sync", how="tear"), {-signal.SIGKILL})


def _case(fault: Fault, codes: set[int]) -> Case:
    return Case(fault.where, fault.how, functools.partial(_at_a_place, fault, codes))


def _blow(whom: str, number: signal.Signals, codes: set[int], trial: Trial, draw: random.Random) -> None:
    """A signal to someone of the session at a random moment; stopped ones go on after two seconds."""
    due, struck = time.monotonic() + draw.uniform(0.0, 0.5), False

    def outside(session: Session) -> None:
        nonlocal struck
        if not struck and time.monotonic() >= due:
            struck = True
            members = {"all": session.members, "coordinator": [session.pid]}.get(whom)
            if members is None:
                workers = [pid for pid in session.members if pid != session.pid]
                members = [draw.choice(workers)] if workers else []
            for pid in members:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
        if struck and whom != "worker" and time.monotonic() >= due + 2:
            for pid in session.members:
                os.kill(pid, signal.SIGCONT)

    check_exit(trial.session(None, outside), codes)
    trial.finish()


def _blows() -> Iterator[Case]:
    for whom, number, codes in (
        ("all", signal.SIGKILL, {-9, 0}),
        ("all", signal.SIGTERM, {143, -15, 0}),
        ("all", signal.SIGINT, {130, 0}),
        ("all", signal.SIGHUP, {129, -1, 0}),
        ("all", signal.SIGSTOP, {0}),
        ("coordinator", signal.SIGKILL, {-9, 0}),
        ("coordinator", signal.SIGTERM, {143, -15, 0}),
        ("coordinator", signal.SIGINT, {130, 0}),
        ("coordinator", signal.SIGSTOP, {0}),
        ("worker", signal.SIGKILL, {0}),
        ("worker", signal.SIGSTOP, {0}),
        ("worker", signal.SIGTERM, {0}),
    ):
        test = functools.partial(_blow, whom, number, codes)
        yield Case("at any moment", f"{number.name} to {whom}", test)


CASES = (*_places(), *_blows(), *surroundings())


def one_of_each(draw: random.Random) -> list[Case]:
    """A case of every kind of fault, each at a place drawn at random, in random order."""
    by_kind: dict[str, list[Case]] = {}
    for case in CASES:
        by_kind.setdefault(case.how, []).append(case)
    chosen = [draw.choice(cases) for cases in by_kind.values()]
    draw.shuffle(chosen)
    return chosen


class Table:
    """Carries cases out, each in a fresh root. `scratch` is an empty folder."""

    def __init__(self, scratch: Path, kind: Kind | None = None) -> None:
        self._scratch = scratch
        self.kind = kind or imaginary_kind()
        with undisturbed(self.kind, scratch) as expected:
            self.expected = expected
        self._count = 0

    def carry_out(self, case: Case, seed: int) -> None:
        """Raises Broken when something does not hold."""
        self._count += 1
        folder = self._scratch / str(self._count)
        folder.mkdir()
        trial = Trial(folder / "root", folder, self.kind, self.expected)
        case.test(trial, random.Random(f"{seed} {case.name}"))
        shutil.rmtree(folder)
