"""What a person sees of a run: every figure at every width, and a time left that can be believed."""

from __future__ import annotations

import io
import os
import pty
import re
from collections.abc import Iterator
from itertools import accumulate

import pytest
from rich.console import Console
from rich.live import Live

from warpgen.production import pace
from warpgen.production.display import Lines, Picture, View, display, filled
from warpgen.production.engines import WorkerView
from warpgen.production.pace import Pace
from warpgen.production.unit import Outcome, Unit

VIEW = View(
    share=0.3767,
    rows=12084,
    size=3 << 27,
    left=5025.0,
    workers=[WorkerView(f"worker-{k}", Unit(1024 * k, 1024 * k + 128), 245 << 20) for k in range(3)],
)
FIGURES = ["37.7 %", "12084 rows", "384.0 MiB", "0.00 MiB/s", "3 workers", "about 1 h 23 min left"]


@pytest.mark.parametrize("width", [20, 40, 60, 79, 80, 120])
def test_no_figure_is_cut_off_at_any_width(width: int) -> None:
    """The bar has a line of its own, no line is longer than the terminal, and no figure is missing."""
    file = io.StringIO()
    console = Console(file=file, width=width, height=24, force_terminal=True, color_system=None)
    with Live(console=console, auto_refresh=False) as live:
        Picture(live).look(VIEW)
        lines = re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", file.getvalue()).replace("\r", "").split("\n")
    assert re.fullmatch("[━╸╺]+ *", lines[0])
    assert all(len(line) <= width for line in lines)
    told = " ".join(" ".join(lines).split())
    assert [figure for figure in FIGURES if figure not in told] == []
    assert ("worker-2 2048 to 2175 245 MiB" in told) == (width >= 40)


def test_lines_are_filled_and_words_stay_whole() -> None:
    """As many words to a line as fit; one that is longer than a line stands alone."""
    assert filled(["aa", "bb", "cc"], 6) == ["aa  bb", "cc"]
    assert filled(["aa", "b" * 9, "cc"], 4) == ["aa", "b" * 9, "cc"]


def test_a_log_gets_lines_and_a_terminal_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line with all figures where it is no terminal, or one on which nothing can be drawn over."""
    file = io.StringIO()
    with display(file) as shown:
        assert isinstance(shown, Lines)
        shown.look(VIEW)
    assert file.getvalue() == " " + "  ".join(FIGURES) + "\n"
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setenv("TERM", "xterm")
        with display(terminal) as shown:
            assert isinstance(shown, Picture)
        monkeypatch.setenv("TERM", "dumb")
        with display(terminal) as shown:
            assert isinstance(shown, Lines)
    os.close(ours)


class _Clock:
    """A time that a test sets."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


def _simulated(workers: int, start: float, clock: _Clock) -> Iterator[tuple[float, float | None, int]]:
    """A run as workers make it, seen often: the time, the seconds said to be left, programs done before.

    A program takes 0.27 s, a unit 1.5 s more, as measured of verified rows, a worker's first `start` more.
    """
    told = Pace()
    sizes = [16] * 2 * workers + [128] * 12 * workers
    units = [Unit(stop - size, stop) for size, stop in zip(sizes, accumulate(sizes), strict=True)]
    given = told.watched(iter(units))
    working: list[tuple[float, Unit]] = []
    done = 0
    while done < sum(sizes):
        while len(working) < workers and (unit := next(given, None)):
            slow = start if unit in units[:workers] else 0.0
            working.append((clock.now + slow + 1.5 + 0.27 * unit.size, unit))
        until, unit = ended = min(working, key=lambda pair: pair[0])
        for _ in range(4):
            clock.now += (until - clock.now) / 2
            yield clock.now, told.left(sum(sizes) - done), done
        clock.now = until
        working.remove(ended)
        told.take(Outcome(unit.start, unit.stop))
        done += unit.size


@pytest.mark.parametrize("workers", [1, 2, 16])
@pytest.mark.parametrize("start", [0.0, 30.0])
def test_the_time_left_is_true_from_the_second_unit_on(
    workers: int, start: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Units of 16 programs come first and cost more for each; those of 128 count by what they have run.

    Nothing is said before a worker's second unit is back; then never twice the truth, nor half of it, and
    within a fifth once units are large.
    """
    clock = _Clock()
    monkeypatch.setattr(pace, "time", clock)
    for now, left, done in list(_simulated(workers, start, clock)):
        true = clock.now - now
        assert left is not None or done <= 16 * workers
        if left is not None and true > 10:
            off = 1.2 if done > (32 + 2 * 128) * workers else 2.0
            assert true / off < left < true * off, (now, done)


def test_a_unit_that_hangs_makes_the_time_left_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing comes back: what is left does not shrink to nothing meanwhile."""
    clock = _Clock()
    monkeypatch.setattr(pace, "time", clock)
    told = Pace()
    given = told.watched(iter([Unit(0, 16), Unit(16, 32), Unit(32, 48)]))
    for clock.now in (0, 30):
        unit = next(given)
        assert unit is not None
        clock.now += 10
        assert told.left(160) is None
        told.take(Outcome(unit.start, unit.stop))
    next(given)
    shown = []
    for clock.now in (41, 45, 49, 70, 110):
        shown.append(told.left(160) or 0)
    assert shown[0] == 99
    assert shown[-2:] == sorted(shown[-2:]) and shown[-1] > 200


def test_units_that_come_in_parts_are_counted_once() -> None:
    """A unit that was tried in halves is no longer in work when its first half is back."""
    told = Pace()
    given = told.watched(iter([Unit(0, 16), Unit(16, 32), None]))
    next(given)
    told.take(Outcome(0, 16))
    next(given)
    told.take(Outcome(24, 32))
    assert told.left(16) is None
    told.take(Outcome(16, 24))
    assert told.left(0) == 0
