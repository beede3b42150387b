"""Worker processes on this machine: one process and one pipe each.

Pools hang for ever when a worker is killed. Workers are forked from the coordinator after it has loaded Warp:
a new one is ready in milliseconds and shares the memory. A worker that dies, hangs or grows too large is
replaced; all die with the coordinator.
"""

from __future__ import annotations

import os
import warnings
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import msgspec
import multiprocess
import psutil
from multiprocess.connection import wait

from warpgen.errors import UsageError
from warpgen.explain import first_line
from warpgen.process import begin_child, cause, kill_group, signals_held
from warpgen.production.engines import Failing, Job, WorkerView
from warpgen.production.engines.attempts import after_failure, attempt
from warpgen.production.engines.watch import Watch
from warpgen.production.run_options import RunOptions
from warpgen.production.unit import Outcome, Unit
from warpgen.recipe import UNIT_SIZE

_TICK = 0.25  # seconds between looks at deadlines and deaths, and of the caller at its signals
_LEAST_SHARE = 1 / 4  # of the time for a whole unit that even a single program is given
_LARGEST_MESSAGE = 1 << 16  # bytes; an outcome takes a few hundred

_NO_MEMORY = 12  # exit code of a worker: ENOMEM

_encode = msgspec.msgpack.encode
_FORK: Any = multiprocess.get_context("fork")


class LocalEngine:
    """`descriptors` are those a child must not keep open, such as the lock's.

    `name` is what the workers are called, before their number.
    """

    def __init__(self, options: RunOptions, descriptors: Sequence[int] = (), name: str = "worker") -> None:
        self._options = options
        self._descriptors = tuple(descriptors)
        self._name = name
        self._pool: list[_Worker] = []
        self._started = 0
        self.retries = 0
        self.replaced = 0
        self.failing = Failing()

    @property
    def workers(self) -> list[WorkerView]:
        """Its processes, as the display shows them."""
        return [worker.view for worker in self._pool]

    def run(self, job: Job, units: Iterator[Unit | None]) -> Generator[Outcome | None, None, None]:
        """As the protocol says; raises UsageError when a worker cannot be started."""
        job.preload()
        again: deque[Unit] = deque()
        more = True
        try:
            for _ in range(self._options.workers):
                self._pool.append(self._start(job))
            while True:
                more = self._hand_out(again, units) and more
                busy = [worker for worker in self._pool if worker.view.unit]
                if not busy and not more and not again:
                    return
                wait([worker.connection for worker in busy], _TICK)
                yield from self._collect(job, again)
                yield None
        finally:
            for worker in self._pool:
                worker.kill()
            self._pool.clear()

    def _hand_out(self, again: deque[Unit], units: Iterator[Unit | None]) -> bool:
        """Give every idle worker a unit; False when there are no more."""
        for worker in self._pool:
            if worker.view.unit is not None:
                continue
            try:
                unit = again.popleft() if again else next(units)
            except StopIteration:
                return False
            if unit is None:
                return True
            worker.give(unit, self._options)
        return True

    def _collect(self, job: Job, again: deque[Unit]) -> Iterator[Outcome]:
        """What the workers have to tell by now; whoever cannot go on is replaced."""
        for place, worker in enumerate(self._pool):
            outcome = worker.outcome()
            if outcome is None:
                continue
            unit = worker.view.unit
            worker.look()
            worker.view.unit = None
            self.failing.note(outcome.error)
            if worker.finished or worker.view.rss > self._options.worker_memory:
                worker.kill()
                self.replaced += 1
                self._pool[place] = self._start(job)
            if outcome.error and not outcome.fatal and unit is not None:
                after = after_failure(unit, outcome.error)
                if isinstance(after, list):
                    self.retries += 1
                    again.extend(after)
                    continue
                outcome = after
            yield outcome

    def _start(self, job: Job) -> _Worker:
        name = f"{self._name}-{self._started}"
        self._started += 1
        others = [worker.connection.fileno() for worker in self._pool if not worker.connection.closed]
        return _Worker(job, name, (*self._descriptors, *others))


class _Worker:
    """The coordinator's side of one worker process."""

    def __init__(self, job: Job, name: str, descriptors: Sequence[int]) -> None:
        self.view = WorkerView(name)
        self.finished = False
        self._watch: Watch | None = None
        self.connection, theirs = _FORK.Pipe()
        mine = self.connection.fileno()
        self._process: Any = _FORK.Process(
            target=_work, args=(job, name, theirs, (*descriptors, mine), os.getpid()), daemon=True
        )
        try:
            with signals_held(), warnings.catch_warnings():
                # Python warns of forking beside threads; those of numpy's BLAS, which sleep, are known.
                warnings.simplefilter("ignore", DeprecationWarning)
                self._process.start()
        except OSError as error:
            raise UsageError(
                f"no worker process can be started ({error.strerror}): ask for fewer with --workers"
            ) from error
        theirs.close()

    @property
    def pid(self) -> int:
        return int(self._process.pid)

    def give(self, unit: Unit, options: RunOptions) -> None:
        """Hand over a unit, to be worked on within its share of the time that the options allow."""
        self.view.unit = unit
        share = max(unit.size / UNIT_SIZE, _LEAST_SHARE)
        try:
            self._watch = Watch(self.pid, options.unit_seconds * share, options.silent_seconds)
            self.connection.send_bytes(_encode(unit))
        except (OSError, psutil.NoSuchProcess):
            self.finished = True  # it died idle; `outcome` tells

    def outcome(self) -> Outcome | None:
        """The answer to the unit in hand, or what kept the worker from one; None while it works."""
        unit = self.view.unit
        if unit is None:
            return None
        try:
            if self.connection.poll():
                return msgspec.msgpack.decode(self.connection.recv_bytes(_LARGEST_MESSAGE), type=Outcome)
        except (EOFError, OSError, msgspec.MsgspecError, UnicodeDecodeError):
            self.finished = True
        if self.finished or self._is_dead():
            self.kill()
            return Outcome(unit.start, unit.stop, error=f"the worker {_cause(self._process.exitcode)}")
        complaint = self._watch.complaint() if self._watch else ""
        if complaint:
            self.kill()
            return Outcome(unit.start, unit.stop, error=complaint)
        return None

    def look(self) -> None:
        """Note what the process takes."""
        if self.finished:
            return
        try:
            process = psutil.Process(self.pid)
            used = process.cpu_times()
            self.view.rss = process.memory_info().rss
            self.view.cpu = used.user + used.system + used.children_user + used.children_system
        except psutil.NoSuchProcess:
            self.finished = True

    def kill(self) -> None:
        """End the worker and all its children, and reap it."""
        self.finished = True
        self.view.cpu = 0.0  # from now on in the coordinator's own count of its children
        if self.connection.closed:
            return
        # By group too: a check may have children of its own. Before reaping, while the id is surely ours.
        kill_group(self.pid)
        self._process.join()
        self.connection.close()

    def _is_dead(self) -> bool:
        # Not by its pipe: a child of the worker may hold that open. Not reaped yet, see `kill`.
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        try:
            return os.waitid(os.P_PID, self.pid, flags) is not None
        except ChildProcessError:
            return True  # reaped when another process was started


def _cause(code: int) -> str:
    return "ran out of memory" if code == _NO_MEMORY else cause(code)


def _work(job: Job, name: str, connection: Any, descriptors: Sequence[int], parent: int) -> None:
    """The life of a worker process."""
    os.setpgid(0, 0)  # Ctrl-C is for the coordinator alone, and `kill` reaches what the worker forks
    begin_child(parent, descriptors)
    try:
        try:
            job.begin(name)
        except Exception as error:
            connection.send_bytes(_encode(Outcome(-1, -1, error=first_line(error), fatal=True)))
        while True:
            unit = msgspec.msgpack.decode(connection.recv_bytes(_LARGEST_MESSAGE), type=Unit)
            connection.send_bytes(_encode(attempt(job, unit)))
    except (EOFError, OSError):
        pass  # the coordinator is gone
    except MemoryError:
        os._exit(_NO_MEMORY)
    finally:
        os._exit(0)  # past the exit handlers of libraries that were loaded by the parent
