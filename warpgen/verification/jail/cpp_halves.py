"""A text in two: the launch forward and its adjoint, each without the insides of the other's functions.

They are compiled one after the other: nobody waits for the adjoint of a kernel whose outputs are wrong.
"""

from __future__ import annotations

import re

from warpgen.verification.native.generated import kernel_name

_FUNCTIONS = {
    "cpp": ("cpu_kernel_{}", "cpu_{}_tasks", "cpu_{}_dispatch", "cpu_{}"),
    "cuda": ("cuda_kernel_{}",),
}
# As Warp's generator calls those of functions.
_ADJOINT = re.compile(r"\bvoid\s+(adj_\w+)\s*\(")
# Brackets, and what may hold some that are none.
_BRACKET = re.compile(
    r""" "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' | (?<!\w)[0-9](?:'?\w|\.)* | [(){}] """, re.VERBOSE
)

_OPENED = re.compile(r"\s*\{")


def halves(text: str, language: str) -> tuple[str, str] | None:
    """The two halves of a text as `cpp_screen` writes it; None where one of them could miss the other."""
    forward, backward = (_without(text, language, part) for part in ("backward", "forward"))
    return (forward, backward) if forward and backward else None


def _without(text: str, language: str, direction: str) -> str:
    """The text with empty functions of a direction; '' if it has no such kernel, or names one elsewhere."""
    kernel, *others = (f"{kernel_name(text)}_{f.format(direction)}" for f in _FUNCTIONS[language])
    if direction == "backward":
        others += dict.fromkeys(_ADJOINT.findall(text))
    names = re.compile(rf"\b(?:{'|'.join((kernel, *others))})\b")
    heads = re.compile(rf"\bvoid\s+(?:{'|'.join((kernel, *others))})\s*(?=\()")
    pieces, place, defined = list[str](), 0, 0
    while (head := heads.search(text, place)) is not None:
        body = _body(text, head.end())
        if body is None:
            return ""
        pieces += [text[place : body[0]], "{}"]
        place, defined = body[1], defined + 1
    made = "".join([*pieces, text[place:]])
    return made if len(names.findall(made)) == defined and re.search(rf"\b{kernel}\b", made) else ""


def _body(text: str, place: int) -> tuple[int, int] | None:
    """Where a function's body begins and ends, whose parameters begin at `place`."""
    depth, start = 0, -1
    for found in _BRACKET.finditer(text, place):
        sign = found[0]
        if sign in "({":
            if depth == 0 and sign == "{":
                start = found.start()
            depth += 1
        elif sign in ")}":
            depth -= 1
            if depth == 0 and start >= 0:
                return start, found.end()
        if depth == 0 and sign == ")" and not _OPENED.match(text, found.end()):
            return None
    return None
