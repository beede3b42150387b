"""Is a worker still at it?

By the CPU time that it and its children take, not by the clock: on a busy machine a sound unit may take ten
times as long as on an idle one, and must not be given up for that.
"""

from __future__ import annotations

import time

import psutil

_MOVED = 0.01  # CPU seconds, the grain of the kernel's counts, that tell a worker at work from a hung one


class Watch:
    """Over one unit of one worker.

    `cpu` seconds may be used for it; after `silent` seconds by the clock without any use, the worker is
    stopped, deadlocked or lost.
    """

    def __init__(self, pid: int, cpu: float, silent: float) -> None:
        self._pid = pid
        self._cpu = cpu
        self._silent = silent
        self._pause = min(5.0, silent / 4)  # looking costs milliseconds on a machine with many processes
        self._used = self._begun = _own_cpu(psutil.Process(pid))  # it is idle, so it has no children now
        self._moved = self._looked = time.monotonic()

    def complaint(self) -> str:
        """What is wrong by now, or nothing."""
        now = time.monotonic()
        if now - self._looked < self._pause:
            return ""
        self._looked = now
        used = tree_cpu(self._pid)
        if abs(used - self._used) >= _MOVED:
            self._used, self._moved = used, now
        if used - self._begun > self._cpu:
            return f"the worker used more than {self._cpu:.0f} s of CPU time"
        if now - self._moved > self._silent:
            return f"the worker did nothing for {self._silent:.0f} s"
        return ""


def tree_cpu(pid: int) -> float:
    """CPU seconds of a process and all its children, dead or alive."""
    total = 0.0
    try:
        process = psutil.Process(pid)
        for member in (process, *process.children(recursive=True)):
            total += _own_cpu(member)
    except psutil.NoSuchProcess:
        pass  # one that ends meanwhile is counted by its parent
    return total


def _own_cpu(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system + used.children_user + used.children_system)
