"""Engines: all units come back, whatever happens to a worker."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from tests.support.imaginary import ImaginaryJob, Trouble, quick, recipe_of
from warpgen.production.engines import Engine
from warpgen.production.engines.attempts import after_failure
from warpgen.production.engines.local import LocalEngine
from warpgen.production.engines.serial import SerialEngine
from warpgen.production.run_options import RunOptions
from warpgen.production.state.layout import Layout
from warpgen.production.unit import Outcome, Unit

RECIPE = recipe_of()


def outcomes(engine: Engine, root: Path, trouble: dict[int, Trouble], units: int = 6) -> list[Outcome]:
    """All outcomes of the first units, in order."""
    layout = Layout(root)
    layout.shards.mkdir(parents=True)
    work = iter([Unit(64 * k, 64 * k + 64) for k in range(units)])
    run = engine.run(ImaginaryJob(layout, RECIPE, trouble), work)
    return sorted((outcome for outcome in run if outcome), key=lambda outcome: outcome.start)


def once(root: Path, act: Callable[[], None]) -> Trouble:
    """Trouble that comes only the first time, in whatever process."""

    def trouble(unit: Unit) -> None:
        marker = root / "happened"
        if not marker.exists():
            marker.touch()
            act()

    return trouble


def kill_self() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def stop_self() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def spin() -> None:
    while True:
        pass


def leave() -> None:
    os._exit(0)


def raise_odd() -> None:
    class Odd(Exception):
        def __reduce__(self) -> str:
            raise TypeError("not to be pickled")

    raise Odd("an error that cannot be pickled")


_before: set[psutil.Process] = set()  # of other tests: Python's own tracker of resources, for one


def children() -> list[psutil.Process]:
    """Those that the test in hand has started."""
    return [child for child in psutil.Process().children(recursive=True) if child not in _before]


@pytest.fixture(autouse=True)
def no_child_is_left() -> Iterator[None]:
    """Engines end their workers."""
    _before.clear()
    _before.update(children())
    yield
    assert children() == []


def test_local_gives_what_serial_gives(tmp_path: Path) -> None:
    """The same outcomes, with the same checksums."""
    serial = outcomes(SerialEngine(), tmp_path / "a", {})
    local = outcomes(LocalEngine(quick("local", workers=3)), tmp_path / "b", {})
    assert serial == local
    assert [outcome.start for outcome in local] == [0, 64, 128, 192, 256, 320]
    assert children() == []


@pytest.mark.parametrize("act", [kill_self, leave, stop_self, spin, raise_odd])
def test_a_unit_is_tried_again(tmp_path: Path, act: Callable[[], None]) -> None:
    """A worker that dies, hangs or raises once changes nothing."""
    expected = outcomes(SerialEngine(), tmp_path / "a", {})
    engine = LocalEngine(quick("local", workers=2))
    assert outcomes(engine, tmp_path / "b", {70: once(tmp_path, act)}) == expected
    assert engine.retries == 1
    assert engine.replaced == (act is not raise_odd)
    assert children() == []


def test_a_bad_program_costs_itself_alone(tmp_path: Path) -> None:
    """A program that kills every worker is given up, named, and the rest of its unit is made."""

    def trouble(unit: Unit) -> None:
        kill_self()

    found = outcomes(LocalEngine(quick("local", workers=2)), tmp_path, {70: trouble}, units=3)
    bad = [outcome for outcome in found if outcome.error]
    assert bad == [Outcome(70, 71, error="the worker was killed by SIGKILL")]
    ends = list(itertools.chain.from_iterable((outcome.start, outcome.stop) for outcome in found))
    assert [0, *ends[1:-1:2], 192] == [*ends[::2], 192]


def test_a_worker_that_has_grown_is_replaced(tmp_path: Path) -> None:
    """Above its memory limit it goes between two units, and no unit is lost."""
    engine = LocalEngine(msgspec.structs.replace(quick("local", workers=1), worker_memory=1))
    assert len(outcomes(engine, tmp_path, {}, units=3)) == 3
    assert engine.replaced == 3
    assert engine.retries == 0


def test_closing_ends_all_work_at_once(tmp_path: Path) -> None:
    """Also that of workers in the middle of a unit."""
    layout = Layout(tmp_path)
    layout.shards.mkdir(parents=True)
    engine = LocalEngine(RunOptions(workers=2))
    job = ImaginaryJob(layout, RECIPE, {0: lambda unit: time.sleep(60)})
    run = engine.run(job, iter([Unit(0, 64), Unit(64, 128)]))
    while next(run) is None:
        pass
    run.close()
    assert children() == []


def test_workers_die_with_their_coordinator(tmp_path: Path) -> None:
    """After a SIGKILL of the coordinator no worker lives on, not even one that never reads its pipe."""
    layout = Layout(tmp_path)
    layout.shards.mkdir(parents=True)
    report, told = os.pipe()
    coordinator = os.fork()
    if coordinator == 0:

        def trouble(unit: Unit) -> None:
            os.write(told, os.getpid().to_bytes(4, "little"))
            time.sleep(60)

        job = ImaginaryJob(layout, RECIPE, {0: trouble, 64: trouble})
        list(LocalEngine(RunOptions(workers=2)).run(job, iter([Unit(0, 64), Unit(64, 128)])))
    os.close(told)
    pids = [int.from_bytes(os.read(report, 4), "little") for _ in range(2)]
    os.kill(coordinator, signal.SIGKILL)
    os.waitpid(coordinator, 0)
    os.close(report)
    deadline = time.monotonic() + 10
    while any(_lives(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [_lives(pid) for pid in pids] == [False, False]


def _lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_a_full_disk_is_not_the_units_fault(tmp_path: Path) -> None:
    """Where shards cannot be stored, no unit is tried again or given up for it."""
    layout = Layout(tmp_path)  # without its folders
    run = SerialEngine().run(ImaginaryJob(layout, RECIPE), iter([Unit(0, 64)]))
    outcome = next(run)
    assert outcome is not None
    assert outcome.fatal


def test_failures_narrow_down_to_one_program() -> None:
    """Three tries of a unit, one of each half down to a single program, three of that."""
    waiting, tries, given_up = [Unit(0, 64)], 0, []
    while waiting:
        unit = waiting.pop()
        tries += 1
        if unit.start <= 37 < unit.stop:
            after = after_failure(unit, "bad")
            if isinstance(after, list):
                waiting += after
            else:
                given_up.append(after)
    assert given_up == [Outcome(37, 38, error="bad")]
    assert tries == 3 + 5 + 3 + 6
