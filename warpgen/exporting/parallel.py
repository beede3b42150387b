"""Compilers at work on blocks of kernels: a process per core, results in order."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TypeVar

from warpgen.errors import UsageError
from warpgen.process import die_with_parent

T = TypeVar("T")
R = TypeVar("R")

BLOCK = 32  # kernels: what the compilers share among them is paid once a block

# The folder that the work of this process may use, below the pool's own.
scratch = Path()


def blocks(things: Iterable[T]) -> Iterator[list[T]]:
    """Lists of BLOCK things, the last one shorter."""
    iterator = iter(things)
    while block := list(itertools.islice(iterator, BLOCK)):
        yield block


def in_order(work: Callable[[list[T]], list[R]], things: Iterable[T]) -> Iterator[tuple[T, R]]:
    """Each thing with what `work`, which takes a block of them, makes of it.

    Two blocks per core are on their way at most. Raises UsageError when a process is ended from outside.
    """
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory(prefix="warpgen-export-") as folder:
        # Spawned: this process has Arrow's threads, and forks would inherit their locks.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(cores, context, _start, (folder, os.getpid())) as pool:
            waiting: deque[tuple[list[T], Future[list[R]]]] = deque()
            try:
                for block in blocks(things):
                    waiting.append((block, pool.submit(work, block)))
                    if len(waiting) > 2 * cores:
                        yield from _next(waiting)
                while waiting:
                    yield from _next(waiting)
            except BrokenProcessPool:
                raise UsageError("a worker was ended from outside; run the command again") from None
            finally:
                pool.shutdown(cancel_futures=True)


def _next(waiting: deque[tuple[list[T], Future[list[R]]]]) -> Iterator[tuple[T, R]]:
    block, future = waiting.popleft()
    yield from zip(block, future.result(), strict=True)


def _start(folder: str, parent: int) -> None:
    """Prepare a worker: its own folder, and Warp without a word."""
    global scratch
    die_with_parent(parent)
    from warpgen.extraction import warp_api

    scratch = Path(folder) / str(os.getpid())
    scratch.mkdir()
    os.environ["TMPDIR"] = tempfile.tempdir = str(scratch)
    warp_api.start(scratch / "kernels")
