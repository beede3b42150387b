"""The same work on several things at once: each in a forked process, whose memory goes with it."""

from __future__ import annotations

import math
import multiprocessing
import os
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any, TypeVar

import msgspec

from warpgen.process import begin_child, signals_held
from warpgen.production.engines.watch import Watch

T = TypeVar("T")
R = TypeVar("R")

_TICK = 0.25  # seconds between looks at a child that has not told yet
SILENT = 60.0  # seconds without any CPU time after which a child is halted or lost


def fork_map(
    work: Callable[[T], R], things: Sequence[T], kind: type[R], descriptors: Sequence[int] = ()
) -> list[R]:
    """What `work` makes of each thing: a `kind` that msgspec can write and read.

    `descriptors` are those a child must not keep open. What a child does not tell, because it was halted or
    ended from outside or `work` raised there, is worked out here.
    """
    children: list[_Child] = []
    try:
        for thing in things:
            children.append(_Child(work, thing, descriptors))
        told = [child.told() for child in children]
        return [
            msgspec.msgpack.decode(data, type=kind) if data else work(thing)
            for thing, data in zip(things, told, strict=True)
        ]
    finally:
        for child in children:
            child.end()


class _Child:
    def __init__(self, work: Callable[[Any], Any], thing: Any, descriptors: Sequence[int]) -> None:
        context = multiprocessing.get_context("fork")
        self._pipe, theirs = context.Pipe(duplex=False)
        args = (work, thing, theirs, descriptors, os.getpid())
        self._process = context.Process(target=_tell, args=args, daemon=True)
        with signals_held():
            self._process.start()
        theirs.close()
        self._watch = Watch(self._process.pid or 0, math.inf, SILENT)

    def told(self) -> bytes:
        """What the child tells, nothing if it does not."""
        try:
            while not self._pipe.poll(_TICK):
                if self._watch.complaint():
                    return b""
            return self._pipe.recv_bytes()
        except (EOFError, OSError):
            return b""

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()


def _tell(
    work: Callable[[Any], Any], thing: Any, pipe: Connection, descriptors: Sequence[int], parent: int
) -> None:
    """The life of a child."""
    try:
        begin_child(parent, descriptors)
        pipe.send_bytes(msgspec.msgpack.encode(work(thing)))
    finally:
        os._exit(0)  # past the exit handlers of libraries; an error comes again in the parent, and is told
