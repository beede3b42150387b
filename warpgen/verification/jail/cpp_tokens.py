"""The tokens of C++ and CUDA, read as a compiler reads them, and the text written anew from them.

What is compiled is what was read here: comments are gone, and nothing that two readers could take
differently is let through (trigraphs, digraphs, lines joined by a backslash, raw strings, letters
beyond ASCII).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

MOST_CHARACTERS = 1 << 20

# One alternative each; the first that fits decides. No pattern goes over a character twice.
_TOKEN = re.compile(
    r"""
    (?P<raw>(?:u8|u|U|L)?R")
  | (?P<space>[ \t\v\f]+)
  | (?P<end>\n(?:[ \t\v\f]*\n)*)
  | (?P<comment>//[^\n]*|/\*)
  | (?P<text>(?:u8|u|U|L)?"(?:[^"\\\n]|\\[^\n])*"|(?:u8|u|U|L)?'(?:[^'\\\n]|\\[^\n])*')
  | (?P<number>\.?[0-9](?:[eEpP][+-]|'?[0-9A-Za-z_]|\.)*)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<sign>%:|<:|<%|%>|:>|<<=|>>=|\.\.\.|->\*|::|\#\#|[-+*/%&|^=!<>]=|&&|\|\||\+\+|--|->|<<|>>
      |[-+*/%&|^=!<>~?:;,.(){}\[\]\#])
    """,
    re.VERBOSE,
)
_DIGRAPHS = frozenset({"%:", "<:", "<%", "%>", ":>"})
_TRIGRAPH = re.compile(r"\?\?[=/'()!<>-]")


class Refused(Exception):
    """What cannot be read, or is not allowed."""


class Token(NamedTuple):
    """`kind` is space, end, text, number, name or sign; `line` counts from 1."""

    kind: str
    text: str
    line: int


def tokens(text: str) -> Iterator[Token]:
    """All tokens but comments, which become a space. Raises Refused for what readers would have to guess."""
    if len(text) > MOST_CHARACTERS:
        raise Refused(f"a text of more than {MOST_CHARACTERS} characters")
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    place, line = 0, 1
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            what = (
                "a line that goes on in the next" if text[place] == "\\" else f"the character {text[place]!r}"
            )
            raise Refused(f"{what} in line {line}")
        kind, part, place = str(found.lastgroup), found[0], found.end()
        if kind == "comment":
            place = _behind(text, found)
            line += text.count("\n", found.start(), place)
            yield Token("space", " ", line)
            continue
        if kind == "raw":
            raise Refused(f"a raw string in line {line}")
        if part in _DIGRAPHS or (part == "?" and _TRIGRAPH.match(text, found.start())):
            raise Refused(f"a trigraph or digraph in line {line}")
        if kind == "text" and _TRIGRAPH.search(part):
            raise Refused(f"a trigraph in line {line}")
        yield Token(kind, part, line)
        line += part.count("\n") if kind == "end" else 0


def _behind(text: str, found: re.Match[str]) -> int:
    """Where a comment ends. One of a line goes on behind a backslash at its end, as for compilers."""
    if found[0] == "/*":
        end = text.find("*/", found.end())
        if end < 0:
            raise Refused("a comment without end")
        return end + 2
    place = found.end()
    while text[found.start() : place].rstrip(" \t\v\f\r").endswith(("\\", "??/")):
        following = text.find("\n", place + 1)
        place = len(text) if following < 0 else following
        if place == len(text):
            break
    return place


def written(found: list[Token]) -> str:
    """The text of tokens, without blanks at the ends of lines nor lines of blanks in a row."""
    lines = "".join(token.text for token in found).split("\n")
    kept: list[str] = []
    for line in lines:
        line = line.rstrip()
        if line or (kept and kept[-1]):
            kept.append(line)
    return "\n".join(kept) + "\n"


def directives(found: list[Token]) -> Iterator[tuple[int, list[str]]]:
    """Line and words of every line that begins with `#`."""
    words: list[str] | None = None
    at_start, line = True, 0
    for token in (*found, Token("end", "\n", 0)):
        if token.kind == "end":
            if words is not None:
                yield line, words
            at_start, words = True, None
        elif token.kind != "space":
            if at_start and token.text == "#":
                words, line = [], token.line
            elif words is not None:
                words.append(token.text)
            at_start = False
