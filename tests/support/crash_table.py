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
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from tests.support.crash_faults import COORDINATOR_PLACES, ERRORS, WORKER_PLACES, Fault
from tests.support.crash_session import (
    Broken,
    Kind,
    Session,
    Trial,
    check_exit,
    damage,
    imaginary_kind,
    undisturbed,
)
from warpgen.production.state.layout import Layout

NOBODY = 65534  # by custom the user without rights


class Case(msgspec.Struct, frozen=True):
    """One row of the table. `test` disturbs the trial; what must hold in the end is the same for all."""

    where: str
    how: str
    test: Callable[[Trial, random.Random], None]
    kind: str = ""  # of run: imaginary programs, or real ones verified to this level
    needs_mount: bool = False

    @property
    def name(self) -> str:
        return f"{self.where}: {self.how}"


# --- at a place of the program ---------------------------------------------------------------------

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


# --- from outside, at any moment --------------------------------------------------------------------


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


# --- the surroundings -------------------------------------------------------------------------------


def _interrupted(trial: Trial, draw: random.Random) -> None:
    """A run that has a checkpoint and shards ahead of it, and is dead."""
    trial.session(Fault(where="merge", how="SIGKILL", nth=draw.randint(2, 4)))


def _full_disk(trial: Trial, draw: random.Random) -> None:
    """The root on a file system of its own that is too small; then someone makes it larger."""
    trial.root.mkdir()
    _mount(trial.root, f"size={draw.randrange(24, 200, 4)}k")
    try:
        session = trial.session()
        check_exit(session, {2})
        if "space left" not in session.errors:
            raise Broken(f"the disk is full and the message does not say so: {session.errors}")
        subprocess.run(["mount", "-o", "remount,size=64m", trial.root], check=True)
        trial.finish()
    finally:
        subprocess.run(["umount", trial.root], check=True)


def _mount(path: Path, options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"{options},mode=755", "tmpfs", path], check=True)


@functools.cache
def can_mount() -> bool:
    """Whether this process may mount a small file system; in CI perhaps not."""
    with tempfile.TemporaryDirectory() as name:
        try:
            _mount(Path(name), "size=4k")
        except (OSError, subprocess.CalledProcessError):
            return False
        subprocess.run(["umount", name], check=True)
        return True


def _read_only(trial: Trial, draw: random.Random) -> None:
    """A folder of an interrupted run may not be written; the session has no rights that pass over that."""
    _interrupted(trial, draw)
    folders = [path for path in trial.root.rglob("*") if path.is_dir() and path.name != "reports"]
    folder = draw.choice([trial.root, *folders])
    for path in (trial.root, *trial.root.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    folder.chmod(0o555)
    try:
        session = trial.session(prepare=_drop_rights)
        check_exit(session, {2, 0})  # not every folder is written to
        if session.code == 2 and "ermission" not in session.errors:
            raise Broken(
                f"the folder {folder} is read-only and the message does not say so: {session.errors}"
            )
    finally:
        folder.chmod(0o755)
    trial.finish()


def _drop_rights() -> None:
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def _damaged(name: str, trial: Trial, draw: random.Random) -> None:
    """Files of an interrupted run are damaged, each in one place."""
    _interrupted(trial, draw)
    for path in _choose(trial.root, name, draw):
        damage(path, draw)
    # The state file that a person damaged is not the program's lie: the next session writes it anew.
    _finish_damaged(trial)


def _missing(name: str, trial: Trial, draw: random.Random) -> None:
    """Files of an interrupted run are gone."""
    _interrupted(trial, draw)
    for path in _choose(trial.root, name, draw):
        path.unlink()
    _finish_damaged(trial)


def _choose(root: Path, name: str, draw: random.Random) -> list[Path]:
    found = sorted(path for path in root.rglob(name) if path.is_file())
    return [draw.choice(found)] if found else []


def _finish_damaged(trial: Trial) -> None:
    """As `finish`, but the state file's figures are allowed to be wrong until a session has begun."""
    trial.forgiven = True
    session = trial.session()
    if session.code == 2 and "damaged in both copies" in session.errors:
        shutil.rmtree(trial.root)  # as the sentence says: begin anew
        session = trial.session()
    check_exit(session, {0})
    trial.check_end()


def _two_places(trial: Trial, draw: random.Random) -> None:
    """A second session in the same root, while one is at work: refused, and the first is not disturbed."""
    refused = 0

    def outside(session: Session) -> None:
        nonlocal refused
        if not refused and Layout(trial.root).journal.exists():
            refused = 1
            second = Session(
                lambda: trial.kind.go_on(trial.root), trial.root.with_name("second"), lambda: None
            )
            while second.poll():
                time.sleep(0.01)
            check_exit(second, {2})
            if "another warpgen run" not in second.errors and "nothing to resume" not in second.errors:
                raise Broken(second.errors)

    check_exit(trial.session(None, outside), {0})
    trial.check_end()


def _full_pipe(trial: Trial, draw: random.Random) -> None:
    """Nobody reads what the run says, and the pipe is full: it waits, and ends when someone reads."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b"x" * 4096)
    os.set_blocking(writing, True)
    due = time.monotonic() + 1

    def outside(session: Session) -> None:
        if time.monotonic() >= due:
            os.set_blocking(reading, False)
            with contextlib.suppress(BlockingIOError):
                os.read(reading, 1 << 16)

    try:
        check_exit(trial.session(None, outside, lambda: _say_into(writing)), {0})
    finally:
        os.close(reading)
        os.close(writing)
    trial.check_end()


def _closed_pipe(trial: Trial, draw: random.Random) -> None:
    """Whoever read what the run says is gone, as in `| head`: it ends, and the disk is not blamed."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        session = trial.session(None, None, lambda: _say_into(writing))
    finally:
        os.close(writing)
    check_exit(session, {0, 141})
    state = (trial.root / "DATASET_STATE.md").read_text()
    if "blocked" in state:
        raise Broken(f"nothing is wrong with the root: {state}")
    trial.finish()


def _say_into(pipe: int) -> None:
    os.dup2(pipe, 1)
    os.dup2(pipe, 2)


def _old_lock(trial: Trial, draw: random.Random) -> None:
    """The lock file of a dead session, with whatever in it, does not keep the next out."""
    _interrupted(trial, draw)
    Layout(trial.root).lock.write_bytes(draw.randbytes(10))
    trial.finish()


def _leavings(trial: Trial, draw: random.Random) -> None:
    """Temporary files and shards of a dead session, of any age, do not disturb and do not stay."""
    _interrupted(trial, draw)
    work = trial.root / "data/work"
    for name in ("shards/000000000016-016.shard.tmp", "shards/000009999936-064.shard", "journal.tmp", "x"):
        (work / name).write_bytes(draw.randbytes(100))
    trial.finish()


def _again_and_again(trial: Trial, draw: random.Random) -> None:
    """Five sessions in a row that are killed, each wherever it happens to be."""
    for _ in range(5):
        place = draw.choice([*COORDINATOR_PLACES, "sync", "sync", "rename"])
        how = "tear" if place == "sync" else "SIGKILL"
        session = trial.session(Fault(where=place, how=how, nth=draw.randint(1, 12)))
        check_exit(session, {-9, 0, 2})
        if session.code != -signal.SIGKILL:
            break
    trial.finish(2)


def _surroundings() -> Iterator[Case]:
    yield Case("all files", "a small file system", _full_disk, needs_mount=True)
    yield Case("a folder", "read-only", _read_only)
    for name in ("journal", "*.shard", "seen", "failures.jsonl", "*.partial", "DATASET_STATE.md"):
        yield Case(name, "bit flipped or cut", functools.partial(_damaged, name))
        if name != "journal":
            yield Case(name, "gone", functools.partial(_missing, name))
    yield Case("the root", "two sessions at once", _two_places)
    yield Case("the root", "an old lock file", _old_lock)
    yield Case("the root", "leavings of a dead session", _leavings)
    yield Case("output", "a full pipe", _full_pipe)
    yield Case("output", "a closed pipe", _closed_pipe)
    yield Case("everywhere", "killed five times", _again_and_again)


CASES = (*_places(), *_blows(), *_surroundings())


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
