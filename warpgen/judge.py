"""Many candidates judged at once: `warpgen.Judge(path)` keeps processes for them, and finds rows by id."""

from __future__ import annotations

import asyncio
import collections
import os
import secrets
import threading
from collections.abc import Generator, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from warpgen import dataset, execution, places
from warpgen.dataset import Row
from warpgen.errors import UsageError, WarpgenError
from warpgen.helper import TooLate
from warpgen.pool import Pool
from warpgen.row_index import RowIndex
from warpgen.verdict import Language, Verdict

# Seconds that a check may take in its worker. Most take less than one; a kernel that hangs takes them all,
# and the longest rows need some on a busy machine.
TIMEOUT = 20.0
_SERVER = "warpgen.verification.bench.server"

# Candidates that trainers make of one prompt.
SHARED = 16
# Candidates that `check_many` takes ahead of the verdict that it gives next, by worker: enough that each has
# a row to itself, few enough to hold back who makes them.
_AHEAD = SHARED
# Rows whose seeds are remembered.
_SEEDS = 4096


class Candidate(NamedTuple):
    """A kernel to be judged by the row of an id."""

    row_id: str
    text: str
    language: Language = "python"
    seed: int | None = None
    extract: bool = False


class Judge:
    """Judges kernels by the rows of a dataset, in processes that are kept.

    A candidate that ends or hangs its process gets the verdict `crash` or `timeout`; no other is touched.
    The processes end with `close`, at the end of a `with`, or with this process, however it dies. Threads and
    tasks of asyncio may share one Judge; a process that is forked needs its own.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        workers: int | None = None,
        timeout: float = TIMEOUT,
        cache: str | Path | None = None,
        shared: int = SHARED,
    ) -> None:
        """Open the dataset at `path` and start `workers` processes (as many as processors).

        What rows cost is kept in the folder `cache`, at most a gigabyte; by default in the user's. A secret
        seed serves `shared` checks of a row, one after the other: draws need not be made anew for each
        candidate of a group. Where a model sees verdicts and tries again, 1 keeps it from learning them.

        `timeout` is in seconds of a worker's time. Raises UsageError where there is no dataset, or a number
        makes no sense.
        """
        workers = (os.cpu_count() or 1) if workers is None else workers
        if workers < 1:
            raise UsageError(f"a Judge needs workers, not {workers}")
        if shared < 1:
            raise UsageError(f"a seed serves at least one check, not {shared}")
        if not timeout > 0.0:
            raise UsageError(f"a check needs seconds, not {timeout}")
        self._data = dataset.open(path)
        self.rows = RowIndex(self._data.files, Row)
        self.workers, self._timeout = workers, timeout
        folder = Path(cache) if cache is not None else places.cache() / "judge"
        first = msgspec.msgpack.encode({**execution.READY, "cache": str(folder.absolute())})
        self._seeds: collections.OrderedDict[str, tuple[int, int]] = collections.OrderedDict()
        self._shared = shared
        self._lock = threading.Lock()
        self._pool = Pool(_SERVER, "the judge", workers, first)

    def __enter__(self) -> Judge:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes."""
        self._pool.close()

    def check(
        self,
        row_id: str,
        text: str,
        language: Language = "python",
        seed: int | None = None,
        extract: bool = False,
    ) -> Verdict:
        """The verdict on one candidate; `seed` and `extract` are those of `warpgen.Row.check`.

        Raises KeyError where there is no such row, ValueError for an unknown language, WarpgenError where no
        process that judges can be started.
        """
        return self.submit(row_id, text, language, seed, extract).result()

    async def acheck(
        self,
        row_id: str,
        text: str,
        language: Language = "python",
        seed: int | None = None,
        extract: bool = False,
    ) -> Verdict:
        """As `check`, for asyncio. A task that is cancelled leaves the queue."""
        return await asyncio.wrap_future(self.submit(row_id, text, language, seed, extract))

    def check_many(self, candidates: Iterable[Candidate | tuple[Any, ...]]) -> Generator[Verdict, None, None]:
        """The verdict on each candidate, in their order: (row id, text) and what else a Candidate has.

        It takes 16 candidates for each worker ahead of the verdicts that are asked for, and no more.
        """
        waiting: collections.deque[Future[Verdict]] = collections.deque()
        try:
            for candidate in candidates:
                waiting.append(self.submit(*Candidate(*candidate)))
                if len(waiting) >= _AHEAD * self.workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def submit(
        self,
        row_id: str,
        text: str,
        language: Language = "python",
        seed: int | None = None,
        extract: bool = False,
    ) -> Future[Verdict]:
        """As `check`, without waiting."""
        row = self.rows.row(row_id)
        seed = self._secret(row_id) if seed is None else seed
        asked = execution.question(row, text, language, seed=seed, timeout=self._timeout, extract=extract)
        if isinstance(asked, Verdict):
            future: Future[Verdict] = Future()
            future.set_result(asked)
            return future
        most = self._timeout + execution.GRACE  # a worker keeps to the time itself

        def read(answer: bytes | WarpgenError) -> Verdict:
            if isinstance(answer, TooLate):
                return execution.late(language, seed, most)
            if isinstance(answer, WarpgenError):
                return Verdict(False, "crash", language, seed or 0, why=str(answer))
            made = msgspec.msgpack.decode(answer)
            if "error" in made:
                return Verdict(False, "judge", language, seed or 0, why=made["error"])
            return execution.verdict(made["result"])

        return self._pool.submit(msgspec.msgpack.encode(asked), most, read, row_id)

    def _secret(self, row_id: str) -> int:
        """The seed of the next check of a row."""
        with self._lock:
            seed, left = self._seeds.pop(row_id, (0, 0))
            if not left:
                seed, left = secrets.randbits(62), self._shared
            self._seeds[row_id] = (seed, left - 1)
            if len(self._seeds) > _SEEDS:
                self._seeds.popitem(last=False)
        return seed
