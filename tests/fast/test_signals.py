"""The signals that stop a command, as it takes them."""

from __future__ import annotations

import ast
import signal
from collections.abc import Iterator

import pytest

from tests.support.commands import REPOSITORY
from warpgen import __main__
from warpgen.interruption import Interrupted, Interruption, stoppable
from warpgen.process import STOPS


@pytest.fixture
def restored() -> Iterator[None]:
    """The handlers of before, whatever a test did."""
    before = {number: signal.getsignal(number) for number in STOPS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_the_first_signal_is_raised_and_the_next_are_not(restored: None) -> None:
    """So that the second does not disturb the tidying; what was there before comes back."""
    before = signal.getsignal(signal.SIGTERM)
    tidied = []
    with pytest.raises(Interrupted) as raised, stoppable():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGINT)
            tidied.append(True)
    assert (raised.value.code, tidied) == (143, [True])
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_signal_that_is_ignored_stays_so(restored: None) -> None:
    """As under `nohup`."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with Interruption().caught(), stoppable():
        signal.raise_signal(signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


def test_all_commands_go_through_one_door() -> None:
    """Each module of a command ends in `call(main)`."""
    for name, _ in __main__.commands():
        last = ast.parse((REPOSITORY / "warpgen" / f"{name}.py").read_text()).body[-1]
        assert isinstance(last, ast.If)
        assert [ast.unparse(statement) for statement in last.body] == ["call(main)"], name
