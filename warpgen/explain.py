"""Errors in one line that is the same on every machine."""

from __future__ import annotations

import re

from warpgen.errors import ProgramError

_LONGEST = 300  # characters: enough to recognise it, and a manifest of thousands stays readable

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")
_FOLDERS = re.compile(r"(?<![\w.])/(?:[\w.+-]+/)+")


def first_line(error: BaseException) -> str:
    """The first line of what went wrong, without folders and addresses."""
    text = str(error).strip()
    line = text.splitlines()[0] if text else "no reason given"
    if not isinstance(error, ProgramError):  # a ProgramError's text already says what it is
        line = f"{type(error).__name__}: {line}"
    return _FOLDERS.sub("", _ADDRESS.sub("0x…", line))[:_LONGEST]
