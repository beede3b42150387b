"""Paths of this machine: a row must be the same wherever it is made, and tell nothing of where that was."""

from __future__ import annotations

import os
import re
import sys
import tempfile

_REST = re.compile(r"[\w./~-]*")


class MachinePaths:
    """Folders of this machine and those that are harvested; a path is found as one, not by its letters."""

    def __init__(self, *folders: str) -> None:
        here = {*folders, sys.prefix, os.path.expanduser("~"), os.getcwd(), tempfile.gettempdir()}
        # As it stands in source: `repr` escapes a quote in some strings only, and others escape letters too.
        plain = here - {"/", ""}
        plain |= {ascii(folder)[1:-1] for folder in plain}
        spelled = plain | {folder.replace("'", "\\'") for folder in plain}
        known = sorted(spelled, key=lambda folder: (-len(folder), folder))
        # Not within a word or a longer path, as `/root` is in `parent/root` and in `/rooted`.
        self._found = re.compile(rf"(?<![\w./~-])(?:{'|'.join(map(re.escape, known))})(?![\w-])")

    def are_in(self, text: str, authored: str = "") -> bool:
        """Whether a text names one of the folders, or something in them, that its author did not name."""
        return not self._named(text) <= self._named(authored)

    def removed(self, text: str) -> str:
        """The text with paths as they are below the folders."""
        return self._found.sub("", text)

    def _named(self, text: str) -> set[str]:
        ends = ((found, _REST.match(text, found.end())) for found in self._found.finditer(text))
        return {found[0] + (rest[0] if rest else "") for found, rest in ends}
