"""What all commands share: one clear sentence and exit code 2 for whatever the caller can put right."""

from __future__ import annotations

import argparse
import io
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from warpgen.calling import pasted
from warpgen.errors import UsageError
from warpgen.interruption import Interrupted, stoppable
from warpgen.terminal import printable


class Parser(argparse.ArgumentParser):
    """An argument parser that answers a wrong option with one sentence, and takes no abbreviations."""

    def __init__(self, command: str, description: str, epilog: str = "") -> None:
        super().__init__(
            prog=pasted(f"python -m warpgen.{command}"),
            description=description,
            epilog=pasted(epilog),
            allow_abbrev=False,  # an abbreviation would change its meaning when an option is added
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        """Raise UsageError with argparse's own finding."""
        raise UsageError(f"{message} (see {self.prog} --help)")


def positive(text: str) -> int:
    """A whole number above zero, for argparse's `type`."""
    number = _whole(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f"{number} is not more than zero")
    return number


def natural(text: str) -> int:
    """A whole number of zero or more, for argparse's `type`."""
    number = _whole(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{number} is not zero or more")
    return number


def folder(text: str) -> Path:
    """A folder that has a name, for argparse's `type`: an empty one is a variable that was never set."""
    if not text:
        raise argparse.ArgumentTypeError("the name of a folder is empty: write . for this one")
    return Path(text)


def _whole(text: str) -> int:
    from warpgen.recipe import MOST  # needs packages, and whoever lacks them is told so before

    short = text if len(text) <= 40 else f"{text[:37]}..."
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise argparse.ArgumentTypeError(f"{short!r} is not a whole number")
    if len(text) > 20 or abs(int(text)) > MOST:
        raise argparse.ArgumentTypeError(f"{short} is too large: {MOST} is the most")
    return int(text)


def call(main: Callable[[list[str]], int]) -> NoReturn:
    """Run a command's `main` on the command line and leave with its exit code.

    The code is 2 for a UsageError, 128 and a signal's number where one asked for the end.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without Unicode shows ?, not a traceback
    try:
        code = _answer(main)
    except BrokenPipeError:
        # The reader has seen enough, as in `| head`. Python flushes again on exit and must not fail anew.
        for stream in (sys.stdout, sys.stderr):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        code = 128 + signal.SIGPIPE
    sys.exit(code)


def _answer(main: Callable[[list[str]], int]) -> int:
    """The exit code of `main`, and a sentence for what is not its own fault."""
    try:
        with stoppable():
            code = main(sys.argv[1:])
            sys.stdout.flush()
        return code
    except Interrupted as stop:
        return stop.code
    except UsageError as error:
        told = str(error)
    except MemoryError:
        told = (
            "there is not enough memory: end other programs or ask for fewer --workers, then run the command "
            "again (for datasets: python -m warpgen.resume)"
        )
    except PermissionError as error:
        told = f"{error.filename or 'a file'} may not be read or written: {error.strerror}"
    print(f"warpgen: {printable(pasted(told))}", file=sys.stderr)  # it may quote what a stranger's file holds
    return 2
