"""What to write where a person is told to call a command: words that work when pasted, where they are read.

All texts of warpgen say `python -m warpgen.COMMAND` and `python -m pip install ...`; here `python` becomes
the one that runs now: scripts/python in a checkout, the command `warpgen` where that is installed.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from pathlib import Path

_CALL = re.compile(r"(?<![\w/.-])python -m (warpgen\.|pip\b)")  # not one that has been told already
_PRODUCE = "./scripts/produce"  # what manifests call `python -m warpgen.run`
WRAPPER = Path(__file__).resolve().parents[1] / "scripts" / "python"  # where this is a checkout


def pasted(text: str, folder: Path | None = None) -> str:
    """The text with its calls as this terminal takes them, or as a shell in `folder` does.

    What is written for a folder may go elsewhere with it: it names no path outside of the folder that holds
    the environment, but says `python` as before.
    """
    text = text.replace(_PRODUCE, "python -m warpgen.run")
    return _CALL.sub(lambda match: _call(match[1], folder), text)


def _call(module: str, folder: Path | None) -> str:
    python, command = _python(), Path(sys.executable).with_name("warpgen")
    if module == "warpgen." and python != WRAPPER and command.exists():
        words = _words(command, folder)
        if words:
            return f"{words} "
    return f"{_words(python, folder) or 'python'} -m {module}"


def _python() -> Path:
    """What brings this Python up: in a checkout the script that also prepares it."""
    own = WRAPPER.parents[1] / ".venv"
    return WRAPPER if WRAPPER.exists() and Path(sys.prefix).resolve() == own else Path(sys.executable)


def _words(program: Path, folder: Path | None) -> str:
    """How a shell calls the program; empty where that may not be said."""
    if shutil.which(program.name) == str(program):
        return program.name
    home = program.parents[1] if program == WRAPPER else Path(sys.prefix).parent
    here = (folder or Path()).resolve()
    if sys.prefix != sys.base_prefix and here.is_relative_to(home.resolve()):
        path = os.path.relpath(program, here)
        return shlex.quote(path if path.startswith(".") else f"./{path}")
    return shlex.quote(str(program)) if folder is None else ""
