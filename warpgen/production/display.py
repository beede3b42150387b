"""How a run looks: a live table on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Protocol, TextIO

import msgspec
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from warpgen.production.engines import WorkerView

_REFRESH = 0.25  # seconds between pictures on a terminal
_LINE = 10.0  # seconds between lines in a log, where each is kept
_ALIVE = 60.0  # seconds after which a line comes though nothing has changed
_SETTLED = 2.0  # seconds before a speed means anything


class View(msgspec.Struct, frozen=True):
    """A moment of a run. Rows and bytes of all datasets; programs of this session; share 0 … 1."""

    share: float
    rows: int
    size: int
    programs: int
    workers: list[WorkerView]


class Display(Protocol):
    """Shows a person how the run goes."""

    def look(self, view: View) -> None:
        """Called often; shows as often as it sees fit."""


@contextlib.contextmanager
def display(stream: TextIO) -> Iterator[Display]:
    """The display that suits the stream."""
    if not stream.isatty():
        yield Lines(stream)
        return
    console = Console(file=stream)
    # Drawn only when looked at: a thread of rich's own would be there at every fork of a worker.
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield Picture(live)


class Pace:
    """Speed of this session, and the time left at that speed."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._first: View | None = None

    def speed(self, view: View) -> float:
        """Bytes of rows per second."""
        first = self._note(view)
        return (view.size - first.size) / max(time.monotonic() - self._began, 1e-9)

    def left(self, view: View) -> float | None:
        """Seconds, or None while nothing can be said."""
        gained = view.share - self._note(view).share
        passed = time.monotonic() - self._began
        return passed / gained * (1 - view.share) if gained > 0 and passed > _SETTLED else None

    def _note(self, view: View) -> View:
        self._first = self._first or view
        return self._first


class Lines:
    """Plain lines, for logs."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._pace = Pace()
        self._last = -_ALIVE
        self._rows = 0

    def look(self, view: View) -> None:
        now = time.monotonic()
        if now - self._last >= (_LINE if view.rows != self._rows else _ALIVE):
            self._last, self._rows = now, view.rows
            print(summary(view, self._pace), file=self._stream, flush=True)


class Picture:
    """A bar, the figures and what each worker does."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._pace = Pace()
        self._next = 0.0

    def look(self, view: View) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _REFRESH
            bar = ProgressBar(total=1.0, completed=view.share, width=60)
            self._live.update(Group(bar, Text(summary(view, self._pace)), _workers(view)), refresh=True)


def summary(view: View, pace: Pace) -> str:
    """The figures in one line."""
    left = pace.left(view)
    return (
        f"{100 * view.share:5.1f} %  {view.rows} rows  {view.size / 2**20:.1f} MiB  "
        f"{pace.speed(view) / 2**20:.2f} MiB/s  {len(view.workers)} workers  "
        + (f"about {_span(left)} left" if left is not None else "time left not known yet")
    )


def _span(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return (
        f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"
    )


def _workers(view: View) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("worker", "programs", "memory"):
        table.add_column(heading)
    for worker in view.workers:
        unit = f"{worker.unit.start} to {worker.unit.stop - 1}" if worker.unit else "idle"
        table.add_row(worker.name, unit, f"{worker.rss / 2**20:.0f} MiB" if worker.rss else "")
    return table
