"""Statements that are wider than the page, folded as formatters fold them: at the last bracket."""

from __future__ import annotations

import re

_CALLED = re.compile(r"\w\($")
_ANNOTATION = re.compile(r"\bwp\.array\w*\($")


def folded(text: str, width: int) -> str:
    """Code with its wide lines folded, where they end in a bracket and what stands before it fits."""
    return "\n".join(_folded(line, width) if len(line) > width else line for line in text.split("\n"))


def _folded(line: str, width: int) -> str:
    start = _last_bracket(line)
    head, inner = line[:start], line[start:-1]
    if not start or start > width or "#" in line or '"' in line or _ANNOTATION.search(head):
        return line
    indent = line[: len(line) - len(line.lstrip())]
    rows = [f"{indent}    {inner}"]
    if len(rows[0]) > width and _CALLED.search(head):
        rows = [f"{indent}    {argument}," for argument in _arguments(inner)]
    if max(map(len, rows)) > width:
        return line
    return "\n".join([head, *rows, f"{indent})"])


def _last_bracket(line: str) -> int:
    """Where the inside of the round bracket begins that the line ends with; 0 if it ends with none."""
    if not line.endswith(")"):
        return 0
    depth = 0
    for at in range(len(line) - 1, -1, -1):
        depth += (line[at] in ")]}") - (line[at] in "([{")
        if not depth:
            return at + 1
    return 0  # it began in a line before


def _arguments(inner: str) -> list[str]:
    """What the commas of a call separate."""
    found, depth, start = [], 0, 0
    for at, sign in enumerate(inner):
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and not depth:
            found.append(inner[start:at].strip())
            start = at + 1
    return [*found, inner[start:].strip()]
