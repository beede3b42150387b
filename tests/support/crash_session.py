"""Sessions of a run as processes of their own, disturbed from within and without, and what must hold after.

A session is forked, which costs 20 ms where a new Python costs a second; its output goes to a file, it leads
a session of its own in the kernel's sense, and whoever of it is alive at the end was left over.
"""

from __future__ import annotations

import contextlib
import faulthandler
import hashlib
import os
import random
import re
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psutil

from tests.support import imaginary
from tests.support.commands import files
from tests.support.crash_faults import Fault, plant
from warpgen.command import call
from warpgen.errors import RootError
from warpgen.paths import manifest_path
from warpgen.production.run_options import RunOptions
from warpgen.production.state.layout import Layout
from warpgen.recipe import Recipe
from warpgen.reporting.check import first_difference
from warpgen.reporting.manifest import read

LIMIT = 120.0  # seconds that a session may take; the slowest, with compilers, takes 40 on a busy machine
OPTIONS = RunOptions(workers=2, unit_seconds=0.6, silent_seconds=0.6, checkpoint_seconds=0.0)
RECIPE = imaginary.recipe_of(rows=150)

Main = Callable[[list[str]], int]
Outside = Callable[["Session"], None]  # called many times while a session runs


class Broken(AssertionError):
    """Something that must hold does not."""


class Kind(msgspec.Struct, frozen=True):
    """What is made, and how: `begin` and `go_on` are the commands' main functions for a root."""

    recipe: Recipe
    begin: Callable[[Path], int]
    go_on: Callable[[Path], int]


def imaginary_kind() -> Kind:
    """Runs of imaginary programs: all of production is real, only the rows are not."""
    return Kind(
        RECIPE,
        begin=lambda root: imaginary.produce(root, RECIPE, OPTIONS),
        go_on=lambda root: imaginary.go_on(root, OPTIONS),
    )


class Session:
    """One forked session. `code` is None while it runs, then as subprocess has it: -9 for SIGKILL."""

    def __init__(self, main: Callable[[], int], log: Path, prepare: Callable[[], None]) -> None:
        self.code: int | None = None
        self.log = log
        self.began = time.monotonic()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _live(main, log, prepare)

    def poll(self) -> bool:
        """Does it still run?"""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code is None

    @property
    def members(self) -> list[int]:
        """Ids of all processes of the session that are alive."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
                if os.getsid(process.pid) == self.pid and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process.pid)
        return found

    @property
    def errors(self) -> str:
        return self.log.read_text(errors="replace")

    def end(self) -> None:
        """Kill what is left of it."""
        for pid in self.members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        while self.poll():
            time.sleep(0.005)


def _live(main: Callable[[], int], log: Path, prepare: Callable[[], None]) -> None:
    """The life of a forked session, as if Python had just begun to run a command."""
    try:
        faulthandler.disable()  # pytest's tells, on the tests' own terminal, of every death meant to happen
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        for descriptor in (1, 2):
            os.dup2(file, descriptor)
        prepare()
        sys.stdout = open(1, "w", closefd=False, encoding="utf-8")  # noqa: SIM115
        sys.stderr = open(2, "w", closefd=False, encoding="utf-8", buffering=1)  # noqa: SIM115
        call(lambda _: main())
    except SystemExit as stop:
        _leave(stop.code if isinstance(stop.code, int) else int(stop.code is not None))
    except BaseException:
        sys.excepthook(*sys.exc_info())
        _leave(1)


def _leave(code: int) -> None:
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    os._exit(code)


class Trial:
    """A root, what its datasets must become, and the sessions that happen to it."""

    def __init__(self, root: Path, scratch: Path, kind: Kind, expected: dict[str, bytes]) -> None:
        self.root = root
        self.kind = kind
        self.expected = expected
        self.sessions = 0
        self.forgiven = False  # the state file need not be true before the next session has begun
        self._scratch = scratch
        self._layout = Layout(root)

    def session(
        self,
        fault: Fault | None = None,
        outside: Outside | None = None,
        prepare: Callable[[], None] = lambda: None,
    ) -> Session:
        """One session to its end: the first begins the run, the others resume it.

        While it runs, and after it, the state file must tell the truth, and after it no process may live.
        """
        number, self.sessions = self.sessions, self.sessions + 1

        def ready() -> None:
            prepare()
            if fault is not None:
                plant(fault, self._scratch / f"came-{number}")

        before = _read(self.root / "DATASET_STATE.md")
        fresh = not (self.root / "DATASET_STATE.md").exists() or self._is_to_begin()
        main = (lambda: self.kind.begin(self.root)) if fresh else (lambda: self.kind.go_on(self.root))
        session = Session(main, self._scratch / f"log-{number}", ready)
        try:
            while session.poll():
                if outside is not None:
                    outside(session)
                if _read(self.root / "DATASET_STATE.md") != before:
                    self.forgiven = False
                self.check_state()
                if time.monotonic() - session.began > LIMIT:
                    raise Broken(f"the session hangs: {session.errors}")
                time.sleep(0.01)
            self._await_end(session)
        finally:
            session.end()
        self.check_state()
        self.check_finals()
        return session

    def _is_to_begin(self) -> bool:
        """Does the state file tell to begin anew, as the run was cut off before it had a journal?"""
        return "--overwrite" in (self.root / "DATASET_STATE.md").read_text()

    def _await_end(self, session: Session) -> None:
        deadline = time.monotonic() + 10
        while session.members:
            if time.monotonic() > deadline:
                raise Broken(f"processes {session.members} were left")
            time.sleep(0.01)

    def came(self, number: int) -> bool:
        """Did the fault of this session come?"""
        return (self._scratch / f"came-{number}").exists()

    def check_state(self) -> None:
        """All that the state file says is so. A file that is replaced meanwhile is read again."""
        if self.forgiven:
            return
        for _ in range(20):
            text = _read(self.root / "DATASET_STATE.md")
            wrong = self._untruth(text) if text is not None else ""
            if not wrong:
                return
            time.sleep(0.002)
        raise Broken(f"the state file does not tell the truth: {wrong}\n{text}")

    def _untruth(self, text: str) -> str:
        status = re.search(r"\*\*Status\*\*: (\w+)", text)
        if status is None or status[1] not in ("in_progress", "blocked", "completed"):
            return "no status"
        for target in self.kind.recipe.targets:
            wrong = self._untrue_output(text, target, status[1] == "completed")
            if wrong:
                return wrong
        if status[1] == "completed":
            return ""
        if "--overwrite" not in text and not self._layout.journal.exists():
            return "there is no journal to resume from"
        return ""

    def _untrue_output(self, text: str, target: str, completed: bool) -> str:
        line = re.search(
            rf"- {target.upper()} dataset: (\S+), [\d.]+ MiB \((\d+) bytes\), (\d+) records, (.*)", text
        )
        if line is None:
            return f"no line for {target}"
        name, size, count, notes = line[1], int(line[2]), int(line[3]), line[4]
        whole = self.expected[f"{target}_code_dataset.jsonl"]
        path = self.root / name
        if "or already without" in notes and not path.exists():
            path = path.with_name(path.name.removesuffix(".partial"))
        data = _read_bytes(path) or b""
        if len(data) < size or data[:size] != whole[:size] or data[:size].count(b"\n") != count:
            return f"{name} does not hold these {size} bytes, {count} rows"
        if completed and (data != whole or not manifest_path(self.root, target).exists()):  # type: ignore[arg-type]
            return f"{name} is not complete"
        return ""

    def check_finals(self) -> None:
        """Whatever has its final name is whole."""
        for name, data in files(self.root).items():
            if data != self.expected[name]:
                raise Broken(f"{name} has its final name and other bytes than the undisturbed one")

    def finish(self, most: int = 1) -> None:
        """Resume without a disturbance until nothing is left to do; then everything must hold."""
        for _ in range(most):
            session = self.session()
            finished = (
                session.code == 2 and "nothing to resume: the run in this root is finished" in session.errors
            )
            if session.code == 0 or finished:
                break
        else:
            raise Broken(f"it is not finished after {most} quiet sessions: {session.errors}")
        self.check_end()

    def check_end(self) -> None:
        """The same bytes as undisturbed, true manifests, nothing left over."""
        found = {name: _sha(data) for name, data in files(self.root).items()}
        if found != {name: _sha(data) for name, data in self.expected.items()}:
            raise Broken(f"other datasets than undisturbed: {found}")
        if "**Status**: completed" not in (self.root / "DATASET_STATE.md").read_text():
            raise Broken("the state file does not say that the run is completed")
        left = [name for name in imaginary.files_left(self.root) if name not in imaginary.FINISHED]
        folders = [path for path in (self._layout.work,) if path.exists()]
        if left or folders:
            raise Broken(f"left over: {left} {folders}")
        for target in self.kind.recipe.targets:
            wrong = first_difference(self.root, target)
            if wrong:
                raise Broken(f"the manifest of {target} is not true: {wrong}")
            failures = read(manifest_path(self.root, target)).failures
            if any(failure.reason == "unit" for failure in failures):
                raise Broken(f"a fault cost rows: {failures}")


def check_exit(session: Session, codes: set[int]) -> None:
    """The exit code is one of these; 2 comes with one sentence, and a traceback only with 1."""
    if session.code not in codes:
        raise Broken(f"exit code {session.code}, not one of {codes}: {session.errors}")
    told = [line for line in session.errors.splitlines() if line.startswith("warpgen: ")]
    if session.code == 2 and len(told) < 1:
        raise Broken(f"exit code 2 without a sentence: {session.errors}")
    if "Traceback" in session.errors and session.code != 1:
        raise Broken(f"a traceback with exit code {session.code}: {session.errors}")


@contextlib.contextmanager
def undisturbed(kind: Kind, scratch: Path) -> Iterator[dict[str, bytes]]:
    """The datasets of an undisturbed run, made by the serial engine or whatever the kind says."""
    root = scratch / "undisturbed"
    root.mkdir()
    session = Session(lambda: kind.begin(root), scratch / "undisturbed.log", lambda: None)
    while session.poll():
        time.sleep(0.01)
    if session.code != 0:
        raise RootError(f"the undisturbed run failed: {session.errors}")
    yield files(root)


def damage(path: Path, draw: random.Random) -> str:
    """Flip a bit of the file, or cut it, at any byte; says what was done."""
    data = bytearray(path.read_bytes())
    if not data:
        return "empty"
    place = draw.randrange(len(data))
    if draw.random() < 0.5:
        data[place] ^= 1 << draw.randrange(8)
        done = f"bit flipped in byte {place}"
    else:
        del data[place:]
        done = f"cut at byte {place}"
    path.write_bytes(data)
    return f"{done} of {path.name}"


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _read(path: Path) -> str | None:
    data = _read_bytes(path)
    return None if data is None else data.decode(errors="replace")


def _read_bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


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
