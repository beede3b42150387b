"""Calling warpgen's commands as a person would: a process of its own, in a group of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

_LIMIT = 120  # seconds; the slowest call takes about ten on a busy machine
REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLES = {target: REPOSITORY / "data" / "samples" / f"{target}_sample.jsonl" for target in ("cpu", "cuda")}

# Three units of small programs: enough for three workers, little enough for a test.
SMALL = ("--rows", "130", "--complexity", "small", "--verify", "none")


@contextlib.contextmanager
def started(command: str, *args: str | Path) -> Iterator[subprocess.Popen[str]]:
    """The command at work; its whole group is killed at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"warpgen.{command}", *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def finished(
    command: Sequence[str | Path], seconds: float, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Any command, waited for; its whole group is killed at the end. `options` are those of Popen."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    process = subprocess.Popen(command, **pipes | options)
    try:
        output, errors = process.communicate(timeout=seconds)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def python(
    *words: str | Path,
    seconds: float = _LIMIT,
    cwd: str | Path = REPOSITORY,
    env: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.CompletedProcess[str]:
    """This Python, called with these words and more variables; it knows the checkout."""
    known = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    return finished([sys.executable, *words], seconds, cwd=cwd, env=known | dict(env))


def call(command: str, *args: str | Path) -> tuple[int, str, str]:
    """Exit code, output and errors of the command."""
    with started(command, *args) as process:
        output, errors = process.communicate(timeout=_LIMIT)
        return process.returncode, output, errors


def files(root: Path) -> dict[str, bytes]:
    """The finished datasets under a root."""
    return {path.name: path.read_bytes() for path in sorted(root.glob("data/production_*/*.jsonl"))}
