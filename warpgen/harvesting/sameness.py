"""Is the code that Warp makes of a row that which it makes of the author's own kernel?

The same but for comments, for the names of functions, structs and kernels, one for one, and for how often a
thing is declared: Warp gives one variable to a constant that is used twice by its name, and two where it is
an attribute; and a function that a factory makes twice is two. Then both compute the same on all inputs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial

_COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_WORD = re.compile(r'"(?:\\.|[^"\\\n])*"|(?:0[xX][\w.]+|\d[\w.]*(?:[eE][+-]\d+\w*)?)|(?:\w+::)*\w+|\S')
_DEFINED = re.compile(  # macros with numbers may stand before a kernel's name: bounds of its launch
    r'\bstruct\s+(\w+)|^[\w:<>&*,"](?:\b\w+\([\d, ]+\)|[\w:<>&*," ])*[\s*&>](\w+)\(', re.MULTILINE
)
# The body of a function, whose braces stand at the left, and what it declares.
_BODY = re.compile(r"^\{\n.*?^\}", re.MULTILINE | re.DOTALL)
_CONSTANT = re.compile(r"^ *const ([^;=\n]+) var_(\d+) = ([^;\n]*);\n", re.MULTILINE)
# An adjoint as it is declared, and as each turn of a loop begins it anew.
_DUAL = re.compile(r"^ *(?:\t|[^;=\n]+ )adj_(\d+) = \{\};\n", re.MULTILINE)
_NUMBERED = re.compile(r"\b(var|adj)_(\d+)\b")
# Two names of one type: Warp writes the one or the other by how a vector's type was made.
_SCALAR = re.compile(r"\bwp::(float32|float64|int32)\b")
_OF_C = {"float32": "float", "float64": "double", "int32": "int"}


def first_difference(author: str, row: str) -> str:
    """Where the second text computes something else than the first, '' where it does not."""
    return _difference(author, row) and _difference(_merged(author), _merged(row))


def _difference(author: str, row: str) -> str:
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
    return _WORD.findall(_bare(text))


def _bare(text: str) -> str:
    """The text without comments, its functions' variables by their use."""
    text = _COMMENT.sub(lambda found: found[0] if found[0][0] == '"' else " ", text)
    return _BODY.sub(_plain, _SCALAR.sub(lambda found: _OF_C[found[1]], text))


def _merged(text: str) -> str:
    """The text with functions that are the same but for their names as one."""
    text, parts, start = _bare(text), list[tuple[str, str]](), 0
    for body in _BODY.finditer(text):
        for head in _DEFINED.finditer(text, start, body.start()):
            parts.append(("", text[start : head.start()]))
            start = head.start()
        named = _DEFINED.match(text, start)
        parts.append((named[1] or named[2] if named else "", text[start : body.end()]))
        start = body.end()
    tail = text[start:]
    while same := _twins(parts):
        word = re.compile(rf"\b(?:{'|'.join(same)})\b")
        left = [(name, part) for name, part in parts if name not in same]
        parts = [(name, word.sub(partial(_renamed, same), part)) for name, part in left]
    return "".join(part for _, part in parts) + tail


def _twins(parts: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Names of functions that are as one before them, and the name of that one."""
    first, same = dict[str, str](), dict[str, str]()
    for name, part in parts:
        known = first.setdefault(re.sub(rf"\b{name}\b", "@", part), name) if name else name
        if known != name:
            same[name] = known
    return same


def _renamed(names: Mapping[str, str], found: re.Match[str]) -> str:
    return names[found[0]]


def _plain(body: re.Match[str]) -> str:
    """A function's body with its constants where they are used, and variables in the order of their use."""
    constants = {number: f"({kind}) {value}" for kind, number, value in _CONSTANT.findall(body[0])}
    order: dict[str, str] = {}

    def renamed(found: re.Match[str]) -> str:
        kind, number = found.groups()
        if number in constants:  # the adjoint of a constant goes nowhere
            return constants[number] if kind == "var" else "adj_constant"
        return f"{kind}_{order.setdefault(number, str(len(order)))}"

    text = _CONSTANT.sub("", body[0])
    text = _DUAL.sub(lambda found: "" if found[1] in constants else found[0], text)
    return _NUMBERED.sub(renamed, text)


def _defined(text: str) -> set[str]:
    """Names of functions and structs that a text defines."""
    return {name for pair in _DEFINED.findall(text) for name in pair if name}
