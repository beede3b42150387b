"""Processes that answer many questions; one that ends its process costs itself alone."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, NamedTuple

from warpgen.errors import UsageError, WarpgenError
from warpgen.helper import Helper, TooLate

# A question whose helper dies is asked once more: the machine, short of memory, may have ended the first.
_TRIES = 2
# Questions that a helper looks through for one of its subject, and how often the first may be passed over.
_LOOK, _PATIENCE = 64, 64

Read = Callable[["bytes | WarpgenError"], Any]


class _Job(NamedTuple):
    future: Future[Any]
    question: bytes
    seconds: float
    read: Read
    subject: str


class Pool:
    """So many helpers of a module, each held by a thread. They start at once, and end with `close` or us.

    What a question costs once for its subject one helper pays: it goes on with that subject while others ask.
    """

    def __init__(self, module: str, name: str, workers: int, first: bytes) -> None:
        """A helper is ready when it has answered the question `first`."""
        self._module, self._name, self._first, self._pid = module, name, first, os.getpid()
        self._jobs: deque[_Job] = deque()
        self._passed = 0  # how often the first of them was
        self._subjects: dict[threading.Thread, str] = {}  # of what each helper was asked last
        self._lock = threading.Lock()
        self._asked = threading.Condition(self._lock)
        self._alive: set[Helper] = set()
        self._closed = False
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def submit(self, question: bytes, seconds: float, read: Read, subject: str = "") -> Future[Any]:
        """What `read` makes of the answer, or of the error in its place: TooLate after so many seconds.

        Time in the queue does not count. Raises UsageError in a process that was forked from ours, and after
        `close`.
        """
        if os.getpid() != self._pid:
            raise UsageError(f"{self._name} belongs to the process that made it: make another after a fork")
        future: Future[Any] = Future()
        with self._asked:
            if self._closed:
                raise UsageError(f"{self._name} is closed")
            self._jobs.append(_Job(future, question, seconds, read, subject))
            self._asked.notify()
        return future

    def close(self) -> None:
        """End all helpers now. Questions without an answer are cancelled."""
        with self._asked:
            self._closed = True
            busy, left = list(self._alive), list(self._jobs)
            self._jobs.clear()
            self._asked.notify_all()
        for job in left:
            job.future.cancel()
        for helper in busy:
            helper.kill()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        helper: Helper | None = None
        try:
            with contextlib.suppress(WarpgenError):  # the first question will tell
                helper = self._started()
            while job := self._next():
                if job.future.set_running_or_notify_cancel():
                    helper = self._answer(job, helper)
        finally:
            self._end(helper)

    def _next(self) -> _Job | None:
        """The next question for the helper of this thread; None once all is closed."""
        with self._asked:
            self._asked.wait_for(lambda: self._jobs or self._closed)
            if self._closed:
                return None
            place = self._place() if self._passed < _PATIENCE else 0
            self._passed = self._passed + 1 if place else 0
            job = self._jobs[place]
            del self._jobs[place]
            self._subjects[threading.current_thread()] = job.subject
            return job

    def _place(self) -> int:
        """Where a question of the last one's subject waits, else one of a subject that no helper has."""
        subjects = [job.subject for job in itertools.islice(self._jobs, _LOOK)]
        own = self._subjects.get(threading.current_thread())
        if own in subjects:
            return subjects.index(own)
        taken = set(self._subjects.values())
        return next((place for place, subject in enumerate(subjects) if subject not in taken), 0)

    def _answer(self, job: _Job, helper: Helper | None) -> Helper | None:
        """Answer a job; the helper for the next one. Where none can be started, that is raised there."""
        try:
            for _ in range(_TRIES):
                helper = helper or self._started()
                answer: bytes | WarpgenError
                try:
                    answer = helper.ask(job.question, job.seconds)
                    break
                except WarpgenError as error:
                    answer, lost = error, helper
                    helper = None
                    self._end(lost)
                    if isinstance(error, TooLate) or self._closed:
                        break
            job.future.set_result(job.read(answer))
        except BaseException as error:
            job.future.set_exception(error)
        return helper

    def _started(self) -> Helper:
        """A helper that is ready: what it takes to start is no part of anybody's time."""
        helper = Helper(self._module, self._name)
        with self._lock:
            self._alive.add(helper)
        try:
            if self._closed:
                raise WarpgenError(f"{self._name} is closed")
            helper.ask(self._first)
        except BaseException:
            self._end(helper)
            raise
        return helper

    def _end(self, helper: Helper | None) -> None:
        if helper is not None:
            with self._lock:
                self._alive.discard(helper)
            helper.end()
