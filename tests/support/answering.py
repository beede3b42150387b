"""What helpers do in tests: as they are told."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path


def begin(folder: Path) -> Callable[[bytes], bytes]:
    """Answers a question by the function of that name."""
    return lambda question: json.dumps(_DEEDS[question.decode()]()).encode()


def _modules() -> list[str]:
    import random
    import re

    import msgspec

    import warpgen

    return [str(module.__file__) for module in (random, re, msgspec, warpgen)]


def _raise() -> None:
    raise ValueError("something is odd")


def _hold_the_pipe() -> None:
    if os.fork() == 0:
        time.sleep(60)
    os._exit(4)


def _die_once() -> str:
    """The folder of the caller's folders outlives a helper."""
    mark = Path(os.path.dirname(os.getcwd()), "died-once")
    if mark.exists():
        mark.unlink()
        return "alive"
    mark.touch()
    os.kill(os.getpid(), signal.SIGKILL)
    return "dead"


_DEEDS: dict[str, Callable[[], object]] = {
    "modules": _modules,
    "path": lambda: sys.path,
    "folder": os.getcwd,
    "long": lambda: "x" * 1_000_000,
    "leave": lambda: os._exit(3),
    "raise": _raise,
    "die": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "die once": _die_once,
    "hold the pipe": _hold_the_pipe,
    "wait": lambda: time.sleep(60),
}
