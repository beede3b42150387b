"""The moments of a run: what its speed over time is told from."""

from __future__ import annotations

import itertools
import time

import pytest

from warpgen.production.state.journal import Spent
from warpgen.production.state.meter import Meter


def test_many_moments_stay_few_and_evenly_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a thousand checkpoints the first and the last moment are there, with like gaps between."""
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    meter = Meter(Spent())
    for step in range(1, 1001):
        now = 2.0 * step
        moments = meter.spent(0, step, 1000 * step).moments
    assert (moments[0].seconds, moments[-1].seconds, moments[-1].bytes) == (0.0, 2000.0, 1_000_000)
    assert len(moments) == 60
    gaps = [after.seconds - before.seconds for before, after in itertools.pairwise(moments)]
    assert max(gaps) <= 4 * min(gaps)


def test_a_resumed_run_goes_on_counting() -> None:
    """The moments of earlier sessions stay, and the new ones come after them."""
    first = Meter(Spent()).spent(0, 64, 1000)
    second = Meter(Spent(wall_seconds=100.0, moments=first.moments)).spent(0, 128, 3000)
    assert second.moments[:-1] == first.moments
    assert second.moments[-1].seconds >= 100.0
    assert second.moments[-1].programs == 128
