"""Blank lines in bodies: where one paragraph ends and the next begins."""

from __future__ import annotations

import re
from collections.abc import Iterator

_BLOCK = re.compile(r" *(?:if|for|while) ")
_BRANCH = re.compile(r" *(?:elif |else:)")
_RETURN = re.compile(r" *return\b")
_STORE = re.compile(r" *(?:[\w.]+\[.*\] [-+*/]?= |wp\.(?:atomic_\w+|tile_\w*store|tile_atomic_add)\()")
_LOAD = re.compile(r" *[\w, ]+ = [\w.]+\[[^=]*\]$")
_MANY, _SOME = 3, 2  # statements that make a paragraph before a store, or before a block or a return


def spaced(text: str, base: int, thread: bool, nested: bool) -> str:
    """Code with a blank line before each comment and behind each block that ends at column `base`.

    `thread`: below the thread's index, too; `nested`: behind blocks within blocks, too.
    """
    made: list[str] = []
    before, level = "", 0
    for line, begins in _lines(text):
        if begins and made and made[-1] and not _opens(before) and not _comment(before):
            at = _indent(line)
            closes = level > at and (at == base or nested) and not _BRANCH.match(line)
            if closes or _comment(line) or (thread and before.endswith("= wp.tid()")):
                made.append("")
        made.append(line)
        before = line or before
        level = _indent(line) if begins else level
    return "\n".join(made)


def airy(text: str) -> str:
    """Code with further blank lines: behind what is read first, before blocks, stores and returns.

    What a comment heads stays together.
    """
    made: list[str] = []
    paragraph: list[str] = []  # the first lines of its statements
    level = 0
    together = False
    for line, begins in _lines(text):
        if not line:
            paragraph, together = [], False
        elif begins:
            at = _indent(line)
            if at > level:
                paragraph, together = [], False
            elif at < level:
                together = True
            if made and made[-1] and not together and not _BRANCH.match(line) and _ends(paragraph, line):
                made.append("")
                paragraph = []
            together |= _comment(line)
            paragraph.append(line)
            level = at
        made.append(line)
    return "\n".join(made)


def _ends(paragraph: list[str], line: str) -> bool:
    """Whether `line` begins another matter than the statements before it."""
    if len(paragraph) < _SOME:
        return False
    if _BLOCK.match(line) or _RETURN.match(line):
        return True
    if _STORE.match(line):
        return len(paragraph) >= _MANY and not _STORE.match(paragraph[-1])
    return all(map(_LOAD.match, paragraph)) and not _LOAD.match(line)


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    """Each line, and whether a statement or a comment begins there."""
    depth, quoted = 0, False
    for line in text.splitlines():
        yield line, bool(line) and depth == 0 and not quoted
        if line.count('"""') % 2:
            quoted = not quoted
        elif not quoted:
            code = line.partition("#")[0]
            depth += sum(map(code.count, "([{")) - sum(map(code.count, ")]}"))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _opens(line: str) -> bool:
    """Whether a body begins behind it."""
    return line.endswith((":", '"""')) or line.startswith("@")
