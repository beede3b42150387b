"""SIGINT and SIGTERM: stop between two steps, never within one."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


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
        """Take over the signals; what was there before comes back at the end."""
        before: list[Any] = [signal.signal(number, self._handle) for number in SIGNALS]
        try:
            yield
        finally:
            for number, handler in zip(SIGNALS, before, strict=True):
                signal.signal(number, handler)

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
        if self._welcome:
            self._welcome = False  # a second signal must not disturb the orderly end
            raise Interrupted(number)
