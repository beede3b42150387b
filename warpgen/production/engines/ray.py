"""Tasks of a Ray cluster: one for each unit, on whatever machine has a core free.

Within its task a unit is worked on as on one machine: a child process of the task, watched, tried again and
halved until a bad program stands alone. What is left to this side is what a machine does: give out no more
than there are cores for, and give a unit whose node was lost to another, which is no fault of the unit.
"""

from __future__ import annotations

import atexit
import functools
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import msgspec

from warpgen import scratch
from warpgen.errors import RootError, UsageError
from warpgen.explain import first_line
from warpgen.production.engines import Failing, Job, WorkerView
from warpgen.production.engines.attempts import after_failure
from warpgen.production.engines.local import LocalEngine
from warpgen.production.run_options import RunOptions
from warpgen.production.state.meter import cpu_of_children
from warpgen.production.unit import Outcome, Unit

# Folders that Ray can have its files in: of plain names, and short enough for the names of sockets there.
_SOCKET = "/r01234567/session_2000-01-01_00-00-00_000000_0000000/sockets/plasma_store"
_PLAIN = re.compile(rf"[\w./+-]{{,{107 - len(_SOCKET)}}}", re.ASCII)
_TICK = 0.25  # seconds between looks, as of the local engine
_ANSWER = 12  # seconds that a cluster may take to let us join: it takes half of one


class Report(msgspec.Struct, frozen=True):
    """What a task has to tell: all outcomes of its unit, where it ran, and what that took."""

    outcomes: list[Outcome]
    retries: int
    replaced: int
    rss: int
    cpu: float


def connect(address: str, workers: int | None) -> int:
    """Join the cluster at `address`, or start one on this machine when it is empty.

    Returns how many tasks to have in work: `workers`, or one per core of the cluster. Raises UsageError.
    """
    own = {} if address else {"num_cpus": workers, "include_dashboard": False, "_temp_dir": _own_files()}
    ray, ending = _ray(), signal.getsignal(signal.SIGTERM)
    try:
        refusal = _refusal(address) if address not in ("", "local") else ""
        if not refusal:
            ray.init(address or "local", log_to_driver=False, logging_level=logging.ERROR, **own)
    except (OSError, RuntimeError, ValueError) as error:
        refusal = first_line(error)
    finally:
        signal.signal(signal.SIGTERM, ending)  # Ray has its own handler, which leaves with 1
    if refusal:
        raise UsageError(
            f"no Ray cluster can be used at {address or 'this machine'} ({refusal}): start one "
            "with `ray start`, or name another --ray-address"
        )
    return workers or max(1, int(ray.cluster_resources().get("CPU", 0)))


@functools.cache
def _own_files() -> str:
    """A folder for the files of a cluster of ours, which Ray leaves: gone when this process ends."""
    place = None if _PLAIN.fullmatch(tempfile.gettempdir()) else "/tmp"
    made = tempfile.mkdtemp(prefix="r", dir=place)
    atexit.register(scratch.remove, Path(made))  # before Ray is loaded, so after it has ended its processes
    return made


def _refusal(address: str) -> str:
    """Why the cluster cannot be joined, nothing if it can.

    A child tries it, which the kernel ends in time: where no cluster answers, Ray goes on asking for up to a
    quarter of an hour, in code that heeds no signal and no setting.
    """
    tried = subprocess.run(
        [sys.executable, "-c", _TRY, address, str(_ANSWER)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # Ray's C++ writes of each of its tries
        text=True,
        errors="replace",
    )
    if tried.returncode == -signal.SIGALRM:
        return f"no cluster answered in {_ANSWER} s"
    return (
        "" if tried.returncode == 0 else tried.stdout.strip() or "Ray ended the process that tried to join it"
    )


_TRY = """
import sys
sys.path = [place for place in sys.path if place]  # without the current folder
import logging, signal, ray
signal.alarm(int(sys.argv[2]))
try:
    ray.init(sys.argv[1], log_to_driver=False, logging_level=logging.ERROR)
except Exception as error:
    print(f"{type(error).__name__}: {error}".splitlines()[0])
    sys.exit(1)
ray.shutdown()
"""


class RayEngine:
    """Leaves the cluster at the end of its run; one that it started ends with it."""

    def __init__(self, options: RunOptions) -> None:
        self._options = options
        self._tasks: dict[Any, WorkerView] = {}
        self.retries = 0
        self.replaced = 0
        self.failing = Failing()
        self._cpu = 0.0  # seconds of all tasks that ended
        self._rss = 0

    @property
    def workers(self) -> list[WorkerView]:
        """The tasks in work. Their use is known when they end, so it stands with the whole."""
        return [WorkerView("ray", None, self._rss, self._cpu), *self._tasks.values()]

    def run(self, job: Job, units: Iterator[Unit | None]) -> Generator[Outcome | None, None, None]:
        """As the protocol says; raises RootError when no node is left."""
        ray = _ray()
        if not ray.is_initialized():
            connect(self._options.ray_address, self._options.workers)
        # Ray itself must not try again: it knows neither halves nor whose fault it was.
        task = ray.remote(num_cpus=1, max_retries=0)(_work)
        again: deque[Unit] = deque()
        more, heard = True, time.monotonic()
        try:
            while more or again or self._tasks:
                while len(self._tasks) < self._options.workers and (more or again):
                    unit = again.popleft() if again else next(units, _END)
                    more = more and unit is not _END
                    if not isinstance(unit, Unit):
                        break
                    self._tasks[task.remote(job, self._options, unit)] = WorkerView(
                        f"task {unit.start}", unit
                    )
                ready = ray.wait([*self._tasks], timeout=_TICK)[0] if self._tasks else []
                for reference in ready:
                    yield from self._collect(reference, again)
                if ready or not self._tasks or ray.cluster_resources().get("CPU"):
                    heard = time.monotonic()
                if time.monotonic() - heard > self._options.silent_seconds:
                    raise RootError("no node of the Ray cluster is left: start one, then resume the run")
                yield None
        finally:
            for reference in self._tasks:
                ray.cancel(reference, force=True)
            self._tasks.clear()
            ray.shutdown()

    def _collect(self, reference: Any, again: deque[Unit]) -> Iterator[Outcome]:
        """The outcomes of a task that ended; a unit that has none yet goes into `again`."""
        ray = _ray()
        unit = self._tasks.pop(reference).unit
        assert unit is not None
        try:
            report: Report = ray.get(reference)
        except (ray.exceptions.NodeDiedError, ray.exceptions.ObjectLostError):
            self.retries += 1
            self.replaced += 1
            again.append(unit)
        except ray.exceptions.RayError as error:  # its worker was killed, or could not begin
            self.failing.note(first_line(error))
            after = after_failure(unit, self.failing.error)
            if isinstance(after, Outcome):
                yield after
            else:
                self.retries += 1
                again.extend(after)
        else:
            self.retries += report.retries
            self.replaced += report.replaced
            self._rss = max(self._rss, report.rss)
            self._cpu += report.cpu
            yield from report.outcomes


_END = object()


def _ray() -> Any:
    """Ray, which only this engine needs: it takes a second to load and 200 MB of disk."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anyone
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # or it warns; there are no devices here
    try:
        import ray
    except ImportError:
        raise UsageError(
            "--engine ray needs Ray: install it with `python -m pip install 'ray>=2.50'`"
        ) from None
    return ray


def _work(job: Job, options: RunOptions, unit: Unit) -> Report:
    """What a task does: one unit, by the local engine of its machine."""
    name = f"{socket.gethostname()}-{os.getpid()}"
    engine = LocalEngine(msgspec.structs.replace(options, workers=1), name=name)
    rss, cpu = 0, time.process_time() + cpu_of_children()
    outcomes = []
    for outcome in engine.run(job, iter([unit])):
        rss = max([rss, *(worker.rss for worker in engine.workers)])
        if outcome:
            outcomes.append(outcome)
    cpu = time.process_time() + cpu_of_children() - cpu
    return Report(outcomes, engine.retries, engine.replaced, rss, cpu)
