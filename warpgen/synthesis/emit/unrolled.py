"""How much code a program becomes: Warp writes out the turns of loops with a fixed, small count.

Read from the lines and their indents: a parse of every program would cost a tenth of its synthesis.
"""

from __future__ import annotations

import re

MOST_TURNS = 16  # Warp's own default: longer loops stay loops

_FIXED = re.compile(r"for \w+ in range\((-?\d+(?:, -?\d+)*)\):")
_OPERATION = re.compile(r"\w[(\[]| [-+*/%&|^<>=!@]{1,3} ")


def unrolled_size(source: str) -> int:
    """Operations of a module's text (calls, operators, subscripts), each times the turns around it."""
    if not _FIXED.search(source):
        return 0  # no loop will be written out
    size = 0
    around: list[tuple[int, int]] = []  # indents of the loops around a line, and their turns
    lines = [(len(line) - len(code), code) for line in source.splitlines() if (code := line.lstrip())]
    for place, (indent, code) in enumerate(lines):
        while around and around[-1][0] >= indent:
            around.pop()
        times = around[-1][1] if around else 1
        size += times * len(_OPERATION.findall(code))
        loop = _FIXED.match(code)
        if loop and not _is_left_early(lines[place + 1 :], indent):
            turns = len(range(*map(int, loop[1].split(", "))))
            around.append((indent, times * turns if turns <= MOST_TURNS else times))
    return size


def _is_left_early(lines: list[tuple[int, str]], indent: int) -> bool:
    """Whether the body that these lines begin with has a `break` or `continue`: then it stays a loop."""
    for inner, code in lines:
        if inner <= indent:
            return False
        if code in ("break", "continue"):
            return True
    return False
