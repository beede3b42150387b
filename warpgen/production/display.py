"""How a run looks: a live table on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
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
_BAR = 60  # columns


class View(msgspec.Struct, frozen=True):
    """A moment of a run. Rows and bytes of all datasets; share 0 … 1; seconds left, None if not known."""

    share: float
    rows: int
    size: int
    left: float | None
    workers: list[WorkerView]


class Display(Protocol):
    """Shows a person how the run goes."""

    def look(self, view: View) -> None:
        """Called often; shows as often as it sees fit."""


@contextlib.contextmanager
def display(stream: TextIO) -> Iterator[Display]:
    """The display that suits the stream."""
    console = Console(file=stream)
    if not stream.isatty() or console.is_dumb_terminal:  # nothing can be drawn over there
        yield Lines(stream)
        return
    # Drawn only when looked at: a thread of rich's own would be there at every fork of a worker.
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield Picture(live)


class Speed:
    """Bytes of rows per second since the first look."""

    def __init__(self) -> None:
        self._first: tuple[float, int] | None = None

    def of(self, view: View) -> float:
        """The speed that a view shows by now."""
        now = time.monotonic()
        began, size = self._first = self._first or (now, view.size)
        return (view.size - size) / max(now - began, 1e-9)


class Lines:
    """Plain lines, for logs."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._speed = Speed()
        self._last = -_ALIVE
        self._rows = 0

    def look(self, view: View) -> None:
        """Print a line if there is something new to say."""
        now = time.monotonic()
        speed = self._speed.of(view)
        if now - self._last >= (_LINE if view.rows != self._rows else _ALIVE):
            self._last, self._rows = now, view.rows
            print(*figures(view, speed), sep="  ", file=self._stream, flush=True)


class Picture:
    """A bar, the figures and what each worker does, in as many columns as there are."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._speed = Speed()
        self._next = 0.0

    def look(self, view: View) -> None:
        """Draw the picture anew."""
        now = time.monotonic()
        speed = self._speed.of(view)
        if now >= self._next:
            self._next = now + _REFRESH
            width = self._live.console.width
            # Alone in a table, as the bar does not end its line.
            bar = Table.grid()
            bar.add_row(ProgressBar(total=1.0, completed=view.share, width=min(_BAR, width)))
            told = Text("\n".join(filled(figures(view, speed), width)))
            workers = _workers(view)
            fits = self._live.console.measure(workers).maximum <= width  # broken, its cells say nothing
            self._live.update(Group(bar, told, *([workers] if fits else [])), refresh=True)


def figures(view: View, speed: float) -> list[str]:
    """What a person wants to know, each figure with its unit."""
    if view.share >= 1:
        left = "finishing"  # figures, manifests and report
    else:
        left = "time left not known yet" if view.left is None else f"about {_span(view.left)} left"
    return [
        f"{100 * view.share:5.1f} %",
        f"{view.rows} rows",
        f"{view.size / 2**20:.1f} MiB",
        f"{speed / 2**20:.2f} MiB/s",
        f"{len(view.workers)} workers",
        left,
    ]


def filled(words: Sequence[str], width: int) -> list[str]:
    """The words in lines of at most `width` characters, if each is that short, none of them broken."""
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + 2 + len(word) <= width:
            lines[-1] += f"  {word}"
        else:
            lines.append(word)
    return lines


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
