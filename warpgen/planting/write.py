"""The file of what was planted, made kernel by kernel; whoever ends it goes on where it ended."""

from __future__ import annotations

import contextlib
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import msgspec

from warpgen import durable
from warpgen.errors import DamageError
from warpgen.judge import Judge
from warpgen.planting.plant import plant
from warpgen.planting.planted import Planted, path_of, read
from warpgen.planting.turns import Turns
from warpgen.record import Row

Pair = tuple[Row | None, Row]  # a kernel's row for the CPU, and any row of it


def write(root: Path, kernels: Iterable[Pair], judge: Judge) -> Counter[str]:
    """Plant in all kernels that the unfinished file has not; counts of what the whole file then holds.

    What is done is on disk kernel by kernel, in order of index, and takes its name at the end.
    """
    path = path_of(root)
    unfinished = path.with_name(path.name + ".partial")
    durable.make_folder(path.parent)
    counts: Counter[str] = Counter()
    done = list(_done(unfinished))
    for made in done:
        _count(counts, made)
    kept = b"".join(msgspec.json.encode(made) + b"\n" for made in done)
    durable.write(unfinished, kept)  # a line that was cut goes
    last = done[-1].index if done else -1
    log = durable.Log(unfinished)
    try:
        for made in _planted((pair for pair in kernels if pair[1].provenance.index > last), judge):
            log.append(msgspec.json.encode(made) + b"\n")
            _count(counts, made)
    finally:
        log.close()
    durable.rename(unfinished, path)
    return counts


def _done(path: Path) -> Iterator[Planted]:
    """The whole lines of an unfinished file."""
    if path.exists():
        with contextlib.suppress(DamageError):
            yield from read(path)


def _count(counts: Counter[str], made: Planted) -> None:
    counts["kernels"] += 1
    counts["faults tried"] += made.tried
    counts["found wrong"] += made.told
    counts["repairs of one turn"] += sum(len(repair.turns) == 1 for repair in made.repairs)
    counts["repairs of two turns"] += sum(len(repair.turns) == 2 for repair in made.repairs)
    counts["adjoints to mend"] += len(made.mends)
    counts["gradients of functions"] += len(made.gradients)


def _planted(kernels: Iterator[Pair], judge: Judge) -> Iterator[Planted]:
    """In the order of the kernels, as many at once as the judge has workers and some more."""
    turns = Turns(judge)
    waiting: deque[Future[Planted]] = deque()
    threads = ThreadPoolExecutor(judge.workers + 1)
    try:
        for cpu, row in kernels:
            waiting.append(threads.submit(turns.run, plant(cpu, row)))
            if len(waiting) > 4 * judge.workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
