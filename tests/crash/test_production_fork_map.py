"""Work side by side: the same results whatever becomes of the children."""

from __future__ import annotations

import os
import signal

import psutil
import pytest

from warpgen.production import fork_map as module
from warpgen.production.fork_map import fork_map

PARENT = os.getpid()


def double(number: int) -> int:
    return 2 * number


def double_here_only(number: int) -> int:
    if os.getpid() != PARENT and number > 1:
        os.kill(os.getpid(), signal.SIGKILL if number == 3 else signal.SIGSTOP)
    return 2 * number


def refuse(number: int) -> int:
    raise ValueError(f"{number} is refused")


def elsewhere(number: int) -> int:
    return os.getpid()


def test_results_come_in_order() -> None:
    """None of nothing; each in a child of its own, which is gone at the end."""
    assert fork_map(double, [], int) == []
    assert fork_map(double, [1], int) == [2]
    assert fork_map(double, [1, 2, 3], int) == [2, 4, 6]
    children = fork_map(elsewhere, [1, 2, 3], int)
    assert len({PARENT, *children}) == 4
    assert not any(psutil.pid_exists(pid) for pid in children)


def test_lost_children_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """One is killed, one is halted for ever: their work is done here."""
    monkeypatch.setattr(module, "SILENT", 0.2)
    before = psutil.Process().children()
    assert fork_map(double_here_only, [1, 2, 3], int) == [2, 4, 6]
    assert psutil.Process().children() == before


def test_an_error_is_that_of_the_work() -> None:
    """It is raised here, whichever process met it."""
    with pytest.raises(ValueError, match="1 is refused"):
        fork_map(refuse, [1, 2], int)
    with pytest.raises(ZeroDivisionError):
        fork_map(lambda number: 1 // number, [1, 0], int)
