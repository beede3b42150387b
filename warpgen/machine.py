"""What this machine, or the container on it, can carry."""

from __future__ import annotations

import os
from pathlib import Path

from warpgen.errors import UsageError

WORKER_MEMORY = 400 << 20  # bytes that a worker takes at most while nothing is wrong with it

# What a container may use, by either version of control groups.
CONTAINER_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def available_cores() -> int:
    """Cores this process may use, which in a container is less than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory() -> int:
    """Bytes of memory, which in a container is less than the machine has."""
    import psutil  # not before it is asked for: a command says in a sentence that packages are missing

    return min([int(psutil.virtual_memory().total), *filter(None, map(_limit, CONTAINER_LIMITS))])


def most_workers() -> int:
    """How many workers the memory carries."""
    return max(1, memory() // WORKER_MEMORY)


def default_workers() -> int:
    """One worker per core, as far as the memory carries them."""
    return min(available_cores(), most_workers())


def check_workers(count: int) -> None:
    """Raise UsageError if so many workers would not fit into the memory."""
    most = most_workers()
    if count > most:
        raise UsageError(
            f"{count} workers do not fit into the memory of {memory() / 2**30:.1f} GiB: {most} are the most, "
            f"and more than one for each of the {available_cores()} cores makes nothing faster"
        )


def _limit(path: Path) -> int:
    """Bytes that a control group may use, 0 where nothing says so."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return 0
    return int(text) if text.isdecimal() else 0
