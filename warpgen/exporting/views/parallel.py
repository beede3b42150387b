"""Compilers at work on blocks of kernels: a process per core, results in order."""

from __future__ import annotations

import itertools
import os
import pickle
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from warpgen.errors import UsageError, WarpgenError
from warpgen.helper import Helper
from warpgen.process import signals_held

T = TypeVar("T")
R = TypeVar("R")

BLOCK = 32  # kernels: what the compilers share among them is paid once a block

# The folder that the work of this process may use.
scratch = Path()


def blocks(things: Iterable[T]) -> Iterator[list[T]]:
    """Lists of BLOCK things, the last one shorter."""
    iterator = iter(things)
    while block := list(itertools.islice(iterator, BLOCK)):
        yield block


def in_order(work: Callable[[list[T]], list[R]], things: Iterable[T]) -> Iterator[tuple[T, R]]:
    """Each thing with what `work`, a function of a module, makes of the block of things that it is in.

    Two blocks per core are on their way at most. Raises UsageError when a process dies.
    """
    cores = os.cpu_count() or 1
    helpers: list[Helper] = []  # not forked: this process has Arrow's threads, whose locks they would inherit
    idle: SimpleQueue[Helper] = SimpleQueue()
    waiting: deque[tuple[list[T], Future[list[R]]]] = deque()

    def ask(block: list[T]) -> list[R]:
        helper = idle.get()
        try:
            made, error = pickle.loads(helper.ask(pickle.dumps((work, block))))
        finally:
            idle.put(helper)
        if error is not None:
            raise error
        return list(made)

    threads = ThreadPoolExecutor(cores)  # they do nothing but wait for the helpers
    try:
        for block in blocks(things):
            if len(helpers) < cores:
                with signals_held():
                    helpers.append(Helper(__name__, "a process of the export"))
                idle.put(helpers[-1])
            waiting.append((block, threads.submit(ask, block)))
            if len(waiting) > 2 * cores:
                yield from _next(waiting)
        while waiting:
            yield from _next(waiting)
    finally:
        for helper in helpers:
            helper.kill()
        threads.shutdown(cancel_futures=True)
        for helper in helpers:
            helper.end()


def _next(waiting: deque[tuple[list[T], Future[list[R]]]]) -> Iterator[tuple[T, R]]:
    block, future = waiting.popleft()
    try:
        made = future.result()
    except UsageError:
        raise
    except WarpgenError as error:
        raise UsageError(f"{error}; run the command again") from None
    yield from zip(block, made, strict=True)


def begin(folder: Path) -> Callable[[bytes], bytes]:
    """Make a helper ready: its own folder, and Warp without a word."""
    global scratch
    from warpgen.extraction import warp_api

    scratch = folder
    warp_api.start(folder / "kernels")
    return _answer


def _answer(question: bytes) -> bytes:
    work, block = pickle.loads(question)
    made: Any = None
    try:
        made, told = work(block), None
    except WarpgenError as error:
        told = error
    return pickle.dumps((made, told))
