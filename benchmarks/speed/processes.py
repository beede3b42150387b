"""Start what is to be measured, watch its memory, and end it whatever happens."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psutil

_PARTS = [sys.executable, "-m", "benchmarks.speed.parts"]
_RUN = [sys.executable, str(Path(__file__).with_name("running.py"))]
_LONGEST = 3600.0  # seconds; more means that something hangs
_PAUSE = 0.05  # seconds between two looks for the first row
_MEMORY = 0.5  # seconds between two looks at the memory, which take CPU time from the run


class Run(NamedTuple):
    """One run of the command. Times in seconds, memory in MiB by time."""

    wall: float
    first_row: float
    coordinator: float  # CPU
    workers: float  # CPU
    programs: int
    rows: int
    bytes: int
    memory: list[tuple[float, float, float]]  # since start, of the coordinator, of the largest worker

    @property
    def cpu(self) -> float:
        """Of all processes, in seconds."""
        return self.coordinator + self.workers


def part(name: str, *arguments: object) -> dict[str, Any]:
    """The JSON that a part prints."""
    with _process([*_PARTS, name, *map(str, arguments)], subprocess.PIPE) as process:
        output, _ = process.communicate(timeout=_LONGEST)
        if process.returncode:
            raise SystemExit(f"bench: the part {name} failed")
    measured: dict[str, Any] = json.loads(output.splitlines()[-1])
    return measured


def run(arguments: list[str], tree: Path | None = None) -> Run:
    """A run in a folder of its own, which is removed; of the commit in `tree`, or of this one."""
    with tempfile.TemporaryDirectory(prefix="warpgen-bench-") as folder:
        root = Path(folder)
        report = root / "usage.json"
        argv = [*arguments, "--root", str(root)]
        start = time.perf_counter()
        with _process([*_RUN, str(report), *argv], subprocess.DEVNULL, tree) as process:
            memory, first_row = _watch(process, root, start)
        wall = time.perf_counter() - start
        if process.returncode or not report.exists():
            raise SystemExit(f"bench: the run {' '.join(arguments)} failed")
        spent = json.loads(report.read_text())
        manifests = [json.loads(p.read_text())["figures"] for p in (root / "manifests").glob("*.json")]
        return Run(
            wall,
            first_row,
            spent["coordinator"],
            spent["workers"],
            max(m["last_index"] for m in manifests) + 1,
            sum(m["rows"] for m in manifests),
            sum(m["bytes"] for m in manifests),
            memory,
        )


def seconds_of(command: list[str]) -> float:
    """Wall time of `python -m COMMAND`."""
    start = time.perf_counter()
    with _process([sys.executable, "-m", *command], subprocess.DEVNULL) as process:
        if process.wait(_LONGEST):
            raise SystemExit(f"bench: {' '.join(command)} failed")
    return time.perf_counter() - start


def _watch(process: Any, root: Path, start: float) -> tuple[list[tuple[float, float, float]], float]:
    memory: list[tuple[float, float, float]] = []
    first_row = 0.0
    parent = psutil.Process(process.pid)
    while process.poll() is None:
        if time.perf_counter() - start > _LONGEST:
            raise SystemExit("bench: the run hangs")
        since = time.perf_counter() - start
        if not memory or since - memory[-1][0] >= _MEMORY:
            with contextlib.suppress(psutil.NoSuchProcess):
                workers = [_resident(child) for child in parent.children()]
                memory.append((since, _resident(parent), max(workers, default=0.0)))
        if not first_row and any(p.stat().st_size for p in root.glob("data/production_*/*")):
            first_row = time.perf_counter() - start
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_MEMORY if first_row else _PAUSE)
    return memory, first_row


def _resident(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss) / 2**20
    except psutil.NoSuchProcess:
        return 0.0


@contextlib.contextmanager
def _process(command: list[str], stdout: int, tree: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """A process in a group of its own that does not outlive the block; it imports from `tree` first."""
    process = subprocess.Popen(
        command,
        stdout=stdout,
        stderr=None if stdout == subprocess.PIPE else stdout,
        text=True,
        cwd=tree,
        env=os.environ | ({"PYTHONPATH": str(tree)} if tree else {}),
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
