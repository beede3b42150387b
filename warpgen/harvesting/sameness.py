"""Is the code that Warp makes of a row that which it makes of the author's own kernel?

The same but for comments and for the names of functions, structs and kernels, one for one: what the texts
define themselves. Then both compute the same on all inputs.
"""

from __future__ import annotations

import re

_COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_WORD = re.compile(r'"(?:\\.|[^"\\\n])*"|(?:0[xX][\w.]+|\d[\w.]*(?:[eE][+-]\d+\w*)?)|(?:\w+::)*\w+|\S')
_NAME = re.compile(r"[A-Za-z_]\w*\Z")
_DEFINED = re.compile(r"\bstruct\s+(\w+)|^(?:[\w:<>&*\"]+\s+)*?[\w:<>&*]+[\s*&]+(\w+)\(", re.MULTILINE)


def first_difference(author: str, row: str) -> str:
    """Where the second text computes something else than the first, '' where it does not."""
    mine, theirs = _defined(author), _defined(row)
    there, back = dict[str, str](), dict[str, str]()
    first, second = _words(author), _words(row)
    for a, b in zip(first, second, strict=False):
        if a == b and there.get(a, a) == b and back.get(b, b) == a:
            if a in mine and b in theirs:
                there[a], back[b] = b, a
            continue
        if not (a in mine and b in theirs and there.get(a, b) == b and back.get(b, a) == a):
            return f"{a} of the author's is {b}"
        there[a], back[b] = b, a
    if len(first) != len(second):
        return f"{len(first)} words of the author's are {len(second)}"
    return ""


def _words(text: str) -> list[str]:
    return _WORD.findall(_COMMENT.sub(lambda found: found[0] if found[0][0] == '"' else " ", text))


def _defined(text: str) -> set[str]:
    """Names of functions and structs that a text defines."""
    return {name for pair in _DEFINED.findall(text) for name in pair if name and _NAME.match(name)}
