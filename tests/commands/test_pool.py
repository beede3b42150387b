"""A pool of helpers: a question that ends or holds up its process costs itself alone."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, wait
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from warpgen.errors import UsageError, WarpgenError
from warpgen.helper import TooLate
from warpgen.pool import Pool

ANSWERING = "tests.support.answering"


def made(workers: int = 2, module: str = ANSWERING) -> Pool:
    return Pool(module, "the pool", workers, b"folder")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A helper takes nothing from the current folder, where the tests are, too."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def pool() -> Iterator[Pool]:
    """Two helpers; afterwards no process and no folder is left."""
    before = set(psutil.Process().children()), set(os.listdir(tempfile.gettempdir()))
    pool = made()
    yield pool
    pool.close()
    assert before == (set(psutil.Process().children()), set(os.listdir(tempfile.gettempdir())))


def read(answer: bytes | WarpgenError) -> Any:
    return answer if isinstance(answer, WarpgenError) else json.loads(answer)


def _note(answered: list[str], subject: str, _: bytes | WarpgenError) -> None:
    answered.append(subject)


def test_a_death_costs_its_question_alone(pool: Pool) -> None:
    """It is told as the error that it was; all other questions have their answers."""
    futures = [pool.submit(b"die" if i % 5 == 2 else b"long", 60, read) for i in range(20)]
    for i, future in enumerate(futures):
        found = future.result()
        if i % 5 == 2:
            assert isinstance(found, WarpgenError) and "SIGKILL" in str(found)
        else:
            assert found == "x" * 1_000_000


def test_a_question_that_hangs_is_ended_in_its_time(pool: Pool) -> None:
    """And the next one is answered by a new process."""
    began = time.monotonic()
    late = [pool.submit(b"wait", 0.5, read) for _ in range(2)]
    after = pool.submit(b"folder", 60, read)
    assert all(isinstance(future.result(), TooLate) for future in late)
    assert isinstance(after.result(), str)
    assert time.monotonic() - began < 30  # each would take a minute


def test_a_helper_goes_on_with_its_subject_but_not_for_ever() -> None:
    """What is first in the queue is passed over 64 times at most."""
    answered: list[str] = []
    pool = made(1)
    asked = ("a", "b", *"ab" * 2, *"a" * 100)  # all of it before the helper is up
    wait([pool.submit(b"folder", 60, partial(_note, answered, subject), subject) for subject in asked])
    pool.close()
    assert answered[: answered.index("b")] == ["a"] * 65
    assert answered == ["a"] * 65 + ["b"] * 3 + ["a"] * 38


def test_a_death_that_does_not_come_again_is_nobodys(pool: Pool) -> None:
    """As of a process that the machine ended for want of memory."""
    future = pool.submit(b"die once", 60, read)
    assert future.result() == "alive"


def test_what_cannot_start_says_why() -> None:
    """To whoever asks: it is no answer, which might be taken for a fault of the question."""
    pool = made(module="no_such")
    try:
        for _ in range(2):
            with pytest.raises(WarpgenError, match="No module named 'no_such'"):
                pool.submit(b"folder", 60, read).result()
    finally:
        pool.close()


def test_an_error_of_the_reader_is_the_callers(pool: Pool) -> None:
    """It does not end the thread that met it."""

    def raising(_: object) -> None:
        raise ValueError("odd")

    for _ in range(3):
        with pytest.raises(ValueError, match="odd"):
            pool.submit(b"folder", 60, raising).result()


def test_close_ends_what_is_at_work() -> None:
    """Questions in the queue are cancelled, and later ones are refused."""
    pool = made()
    futures = [pool.submit(b"wait", 600, read) for _ in range(6)]
    while not all(future.running() for future in futures[:2]):
        time.sleep(0.01)
    began = time.monotonic()
    pool.close()
    assert time.monotonic() - began < 20
    wait(futures, 10)
    assert all(isinstance(future.result(), WarpgenError) for future in futures[:2])
    for future in futures[2:]:
        with pytest.raises(CancelledError):
            future.result()
    with pytest.raises(UsageError, match="closed"):
        pool.submit(b"folder", 60, read)


def test_a_forked_process_is_told_to_make_its_own(pool: Pool) -> None:
    """Else two processes would read each other's answers."""
    child = os.fork()
    if child == 0:
        try:
            pool.submit(b"folder", 60, read)
        except UsageError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
