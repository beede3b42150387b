"""The tokens of C++ and CUDA, read as a compiler reads them, and the text written anew from them.

What is compiled is what was read here: comments are gone, and nothing that two readers could take
differently is let through (trigraphs, digraphs, lines joined by a backslash, raw strings, letters
beyond ASCII).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

MOST_CHARACTERS = 1 << 20

# A comment of a line goes on behind a backslash at its end, as for compilers.
_COMMENT = r"//(?:(?:\\|\?\?/)[ \t\v\f\r]*\n|[^\n])*+|/\*[\s\S]*?\*/"
# What stands before a token, and the token: one alternative each, of which the first that fits decides. No
# pattern goes over a character twice.
_TOKEN = re.compile(
    rf"""
    (?P<gap>(?:[ \t\v\f]++|\n|{_COMMENT})*+)
    (?:(?P<raw>(?:u8|u|U|L)?R")
  | (?P<text>(?:u8|u|U|L)?"(?:[^"\\\n]|\\[^\n])*"|(?:u8|u|U|L)?'(?:[^'\\\n]|\\[^\n])*')
  | (?P<number>\.?[0-9](?:[eEpP][+-]|'?[0-9A-Za-z_]|\.)*)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<open>/\*)
  | (?P<sign>%:|<:|<%|%>|:>|<<=|>>=|\.\.\.|->\*|::|\#\#|[-+*/%&|^=!<>]=|&&|\|\||\+\+|--|->|<<|>>
      |[-+*/%&|^=!<>~?:;,.(){{}}\[\]\#])
  | (?P<over>\Z)
  | (?P<other>[\s\S]))
    """,
    re.VERBOSE,
)
_COMMENTS = re.compile(_COMMENT)
_DIGRAPHS = frozenset({"%:", "<:", "<%", "%>", ":>"})
_TRIGRAPH = re.compile(r"\?\?[=/'()!<>-]")


class Refused(Exception):
    """What cannot be read, or is not allowed."""


class Token(NamedTuple):
    """`kind` is text, number, name or sign; `line` counts from 1; `gap` holds the blanks before it.

    A gap begins with the end of a line if its token is the first of one, and holds no comment.
    """

    kind: str
    text: str
    line: int
    gap: str


def tokens(text: str) -> list[Token]:
    """All tokens. Raises Refused for what readers would have to guess."""
    if len(text) > MOST_CHARACTERS:
        raise Refused(f"a text of more than {MOST_CHARACTERS} characters")
    text = "\n" + text.removeprefix("\ufeff").replace("\r\n", "\n")
    made: list[Token] = []
    line = 0
    for found in _TOKEN.finditer(text):
        kind = str(found.lastgroup)
        gap, part = found.group("gap", kind)
        if len(gap) > 1 or gap == "\n":
            line += gap.count("\n")
            gap = _narrow(gap)
        if kind in _UNREAD:
            if kind == "over":
                break
            raise Refused(f"{_UNREAD[kind] or _described(part)} in line {line}")
        if kind == "sign" and (
            part in _DIGRAPHS or (part == "?" and _TRIGRAPH.match(text, found.start(kind)))
        ):
            raise Refused(f"a trigraph or digraph in line {line}")
        if kind == "text" and _TRIGRAPH.search(part):
            raise Refused(f"a trigraph in line {line}")
        made.append(Token(kind, part, line, gap))
    return made


_UNREAD = {"raw": "a raw string", "open": "a comment without end", "other": "", "over": ""}


def _described(part: str) -> str:
    return "a line that goes on in the next" if part == "\\" else f"the character {part!r}"


def _narrow(gap: str) -> str:
    """Without comments, blanks at the ends of lines, and lines of blanks in a row."""
    if "/" in gap:
        gap = _COMMENTS.sub(" ", gap)
    ends = gap.count("\n")
    return "\n" * min(ends, 2) + gap[gap.rfind("\n") + 1 :] if ends else gap


def written(found: Sequence[Token]) -> str:
    """The text of tokens."""
    return "".join([part for token in found for part in (token.gap, token.text)]).lstrip("\n") + "\n"


def bare(found: Sequence[Token]) -> str:
    """The text of tokens without any blank."""
    return "".join("".join([token.text for token in found]).split())


def directives(found: Sequence[Token]) -> list[tuple[int, int]]:
    """Where each line that begins with `#` begins and ends."""
    made = []
    for start in [place for place, (_, text, _, gap) in enumerate(found) if text == "#" and gap[:1] == "\n"]:
        end = start + 1
        while end < len(found) and found[end].gap[:1] != "\n":
            end += 1
        made.append((start, end))
    return made


def code(found: Sequence[Token]) -> Iterator[Token]:
    """All but directives."""
    place = 0
    for start, end in directives(found):
        yield from found[place:start]
        place = end
    yield from found[place:]
