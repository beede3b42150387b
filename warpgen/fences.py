"""Answers as models write them: thoughts, marks, prose, and fenced blocks of code."""

from __future__ import annotations

import re
import textwrap

# What blocks of a language are called.
_NAMES = {"python": {"python", "py", "python3", ""}, "cpp": {"cpp", "c++", "cc", "cxx", "c", ""}}
_NAMES["cuda"] = _NAMES["cpp"] | {"cuda", "cu"}

# An item of a list may begin with one; a line with more of the same sign is prose.
_FENCE = re.compile(r"([ \t]*(?:(?:[-*+]|\d+[.)])[ \t]+)*)(```+(?=[^`]*$)|~~~+)[ \t]*([\w+#.-]*)")
# Columns that a fence is farther in than its block when it belongs to the text, as to a docstring.
_INSIDE = 4


def said(text: str) -> str:
    """What an answer says in the end: behind its thoughts, and within `<answer>` if that is there."""
    behind = text.rpartition("</think>")[2]
    text = behind if behind.strip() else text
    return text.rpartition("<answer>")[2].partition("</answer>")[0]


def fenced(text: str) -> tuple[list[tuple[str, str]], str]:
    """Language and text of each fenced block, and what is outside of them.

    A block may lack its end: it ends where another of a named language begins, or the text does.
    """
    blocks: list[tuple[str, list[str]]] = []
    outside: list[str] = []
    mark, column, lines = "", 0, outside
    for line in re.split(r"\r\n?|\n", text):  # and not where other signs end lines within a comment
        found = _FENCE.match(line)
        if found is None or (mark and len(found[1].expandtabs()) >= column + _INSIDE):
            lines.append(line)
        elif not mark or found[3]:
            mark, column, lines = found[2], len(found[1].expandtabs()), []
            blocks.append((found[3].lower(), lines))
        elif found[2].startswith(mark):
            mark, lines = "", outside
        else:
            lines.append(line)
    return [(name, textwrap.dedent("\n".join(inside)) + "\n") for name, inside in blocks], "\n".join(outside)


def named(blocks: list[tuple[str, str]], language: str) -> list[str]:
    """The texts of the blocks that are called so."""
    return [text for name, text in blocks if name in _NAMES[language]]
