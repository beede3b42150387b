"""Whatever native code does, it costs its own item alone."""

from __future__ import annotations

import ctypes
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from warpgen.errors import UnitError
from warpgen.reasons import Reason
from warpgen.verification.native.isolation import Died, isolated


def crash() -> None:
    ctypes.string_at(8)


def hang() -> None:
    while True:
        pass


def eat() -> None:
    held = []
    while True:
        held.append(bytearray(64 << 20))


def fail() -> None:
    raise ValueError("first line\nsecond line")


def leave() -> None:
    os._exit(7)


def leave_in_peace() -> None:
    os._exit(0)


def sleep() -> None:
    time.sleep(1000)


@pytest.mark.parametrize("end", [None, crash, leave])
def test_temporary_files_of_a_child_go_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: Callable[[], None] | None
) -> None:
    """Whatever it leaves, as Warp does its headers, is gone when it ends, however it ends."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def task(_: int, __: object) -> str:
        Path(tempfile.mkdtemp(), "left").write_text("behind")
        if end is not None:
            end()
        return os.environ["TMPDIR"]

    place = isolated(1, task)[0]
    assert isinstance(place, Died) == (end is not None)
    if not isinstance(place, Died):
        assert place.startswith(str(tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("poison", "reason"),
    [
        (crash, "segfault"),
        (hang, "timeout"),
        (eat, "memory"),
        (fail, "error"),
        (leave, "exit"),
        (leave_in_peace, "exit"),
        (sleep, "timeout"),
    ],
)
def test_poison_costs_itself_alone(poison: Callable[[], None], reason: str) -> None:
    """The items before and behind the culprit have their results."""

    def task(index: int, note: Callable[[str], None]) -> Any:
        return poison() if index == 1 else {"index": index}

    before, died, behind = isolated(3, task, seconds=2.0, memory=256 << 20, silent=6.0)
    assert (before, behind) == ({"index": 0}, {"index": 2})
    assert isinstance(died, Died)
    assert reason == died.reason


def test_who_works_is_not_silent() -> None:
    """However long others have the processor, only sleep counts: work is limited by processor time."""

    def task(_: int, __: object) -> float:
        start = time.process_time()
        while time.process_time() - start < 1.0:
            pass
        return 1.0

    assert isolated(1, task, seconds=20.0, silent=0.2) == [1.0]


def test_the_stage_stands_before_the_error() -> None:
    """A death is told with the stage that the task noted last."""

    def task(index: int, note: Callable[[str], None]) -> None:
        note("adjoint")
        crash()

    assert [Died(Reason.SEGFAULT, "adjoint: SIGSEGV")] == isolated(1, task)


def test_being_killed_from_outside_is_no_verdict() -> None:
    """A child that somebody killed says nothing about the program: the unit is to be tried again."""

    def task(index: int, note: Callable[[str], None]) -> None:
        os.kill(os.getpid(), 9)

    with pytest.raises(UnitError):
        isolated(1, task)


def test_no_child_is_left() -> None:
    """All children are waited for."""
    before = psutil.Process().children()  # other tests' may live on: Python's own tracker of resources
    isolated(2, lambda index, note: index)
    assert psutil.Process().children() == before
