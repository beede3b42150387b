"""What a run has taken so far of time, memory and disk, over all its sessions."""

from __future__ import annotations

import os
import resource
import time

import msgspec
import psutil

from warpgen.production.state.journal import Spent
from warpgen.reporting.manifest import Moment

_MOMENTS = 60  # as many as a curve needs; each checkpoint holds them all


class Meter:
    """Adds this session's use to what earlier sessions spent."""

    def __init__(self, before: Spent) -> None:
        self._before = msgspec.structs.replace(before, sessions=before.sessions + 1)
        self._began = time.monotonic()
        self._process = psutil.Process()
        self._children = cpu_of_children()
        self.peak_rss = before.peak_rss
        self.peak_worker_rss = before.peak_worker_rss
        self.peak_disk = before.peak_disk
        self.worker_cpu = 0.0  # seconds, of the workers that are alive
        self.retries = 0  # of units whose worker failed
        self.remade = 0  # shards that were damaged on disk
        self.workers_replaced = 0
        self._moments = list(before.moments) or [Moment(0.0, 0, 0)]

    def spent(self, disk: int, programs: int, size: int) -> Spent:
        """All sessions so far; `disk` is what the run's files take now, `size` its datasets, in bytes."""
        self.peak_rss = max(self.peak_rss, self._process.memory_info().rss)
        self.peak_disk = max(self.peak_disk, disk)
        before = self._before
        wall = round(before.wall_seconds + time.monotonic() - self._began, 1)
        self._note(Moment(wall, programs, size))
        cpu = time.process_time() + cpu_of_children() - self._children + self.worker_cpu
        return Spent(
            wall_seconds=wall,
            cpu_seconds=round(before.cpu_seconds + cpu, 1),
            peak_rss=self.peak_rss,
            peak_worker_rss=self.peak_worker_rss,
            peak_disk=self.peak_disk,
            sessions=before.sessions,
            retries=before.retries + self.retries + self.remade,
            workers_replaced=before.workers_replaced + self.workers_replaced,
            moments=tuple(self._moments),
        )

    def _note(self, moment: Moment) -> None:
        """Take the moment; of too many the one goes whose neighbours are nearest to each other."""
        moments = self._moments
        moments.append(moment)
        if len(moments) > _MOMENTS:
            gaps = [
                after.seconds - earlier.seconds for earlier, after in zip(moments, moments[2:], strict=False)
            ]
            del moments[1 + gaps.index(min(gaps))]


def cpu_of_children() -> float:
    """CPU seconds of all children that have ended and been waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def free_bytes(path: os.PathLike[str]) -> int:
    """Bytes that may still be written where `path` lies."""
    return int(psutil.disk_usage(os.fspath(path)).free)
