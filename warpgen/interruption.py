"""SIGINT, SIGTERM and SIGHUP: the end of a command, in good order."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
from collections.abc import Iterator
from types import FrameType
from typing import Any

from warpgen.process import STOPS


class Interrupted(BaseException):
    """A signal asked for the end. `code` is the exit code by custom: 128 + the signal's number.

    No Exception, or it would pass for the failure of the program that is being made when it comes.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.code = 128 + number


class Interruption:
    """While `caught`, a signal is kept until the program says, by `welcome`, that it may stop there."""

    def __init__(self) -> None:
        self._number = 0
        self._welcome = False

    @contextlib.contextmanager
    def caught(self) -> Iterator[None]:
        """Take over the signals; what was there before comes back at the end.

        One that is ignored stays so: `nohup`, or a shell that put us in the background, wants it that way.
        """
        before: dict[signal.Signals, Any] = {number: signal.getsignal(number) for number in STOPS}
        heard = [number for number in STOPS if before[number] != signal.SIG_IGN]
        try:
            for number in heard:
                signal.signal(number, self._handle)
            yield
        finally:
            for number in heard:
                signal.signal(number, before[number])

    @contextlib.contextmanager
    def welcome(self) -> Iterator[None]:
        """Raise Interrupted inside, at once, for a signal that came or comes."""
        self._welcome = True
        try:
            if self._number:
                raise Interrupted(self._number)
            yield
        finally:
            self._welcome = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._number = number
        if number == signal.SIGHUP:
            _leave_terminal()
        if self._welcome:
            self._welcome = False  # a second signal must not disturb the orderly end
            raise Interrupted(number)


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Raise Interrupted inside for the first signal that comes, wherever that is.

    What is open is tidied on the way out.
    """
    interruption = Interruption()
    with interruption.caught(), interruption.welcome():
        yield


def _leave_terminal() -> None:
    """It is gone: to write there from now on would be an error, and would pass for one of the disk."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        with contextlib.suppress(OSError):  # it may be closed
            if stat.S_ISCHR(os.fstat(standard).st_mode):
                os.dup2(nowhere, standard)
    os.close(nowhere)
