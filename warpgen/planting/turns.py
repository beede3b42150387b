"""Threads that work one at a time and wait for the judge together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from warpgen.judge import Judge
from warpgen.planting.plant import Check
from warpgen.verdict import Language, Verdict

T = TypeVar("T")


class Turns:
    """What `run` calls has the turn, and leaves it to others while it waits for a verdict of the judge.

    Python 3.11's parser fails where two threads build syntax trees at once, and only waiting takes long.
    """

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._turn = threading.Lock()

    def run(self, work: Callable[[Check], T]) -> T:
        """What `work` makes; it is given how to ask."""
        with self._turn:
            return work(self._check)

    def _check(self, row_id: str, text: str, language: Language, seed: int) -> Verdict:
        waiting = self._judge.submit(row_id, text, language, seed)
        self._turn.release()
        try:
            return waiting.result()
        finally:
            self._turn.acquire()
