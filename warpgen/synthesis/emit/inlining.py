"""Names that are used once and could be spared: some authors write the expression where it is needed."""

from __future__ import annotations

import re
from collections import Counter

from warpgen.synthesis.kit.statements import Line
from warpgen.synthesis.language.author import Author
from warpgen.synthesis.language.builtins import known

_WORD = re.compile(r"[A-Za-z_]\w*")
_DEFINE = re.compile(r"^([A-Za-z_]\w*) = (.+)$")
_STORE = re.compile(r"^([A-Za-z_]\w*)\[[^=]*\] = ([A-Za-z_]\w*)$")
_SIMPLE = re.compile(r"^[A-Za-z_]\w*(\[[^=]*\])? [-+*/]?= ")
_NUMBER = re.compile(r"^(wp\.)?(\w+\()?-?[\d.e+-]+\)?$")
_MAKERS = frozenset("float int vec2 vec3 vec4 vec2f vec3f vec4f".split())
_CALLED = re.compile(r"([\w.]+)\(")
_ARGUMENT = (("(", ", "), ("(", ")"), (", ", ", "), (", ", ")"))  # what may stand around a call's argument
LONGEST = 88


def inlined(lines: list[Line], author: Author) -> list[Line]:
    """The lines without some of the names that one later line of the same block reads once."""
    if author.keeps_names >= 1.0:
        return lines
    code = [line for line in lines if not line.comment]
    reads = Counter(_WORD.findall("\n".join([line.text for line in code])))
    writes = Counter(" ".join([line.defines for line in code]).split())
    kept: list[Line] = []
    dropped: set[int] = set()
    replaced: dict[int, Line] = {}
    for at, line in enumerate(lines):
        match = _DEFINE.match(replaced.get(at, line).text) if line.defines and not line.comment else None
        if match is None or reads[match[1]] != 2 or writes[match[1]] != 1 or not _movable(match[2]):
            continue
        target = _target(lines, at, match[1], match[2], replaced)
        if target is None or author.rng.chance(author.keeps_names):
            continue
        text = replaced.get(target, lines[target]).text
        new = match[2].join(re.split(rf"\b{match[1]}\b", text))
        if len(new) + 4 * line.depth <= LONGEST:
            replaced[target] = Line(line.depth, new, lines[target].defines)
            dropped.add(at)
    for at, line in enumerate(lines):
        if at in dropped:
            while kept and kept[-1].comment and kept[-1].text:  # it explained the line that is gone
                kept.pop()
        else:
            kept.append(replaced.get(at, line))
    return kept


def _movable(value: str) -> bool:
    if _NUMBER.match(value):
        return False  # Warp takes a bare number for a constant
    return _pure(value) and " if " not in value and " and " not in value and " or " not in value


def _pure(text: str) -> bool:
    """Whether nothing it calls has an effect, so that it may stand inside another expression."""
    called = [name.removeprefix("wp.") for name in _CALLED.findall(text)]
    return all(name in _MAKERS or known(name).pure for name in called)


def _target(lines: list[Line], at: int, name: str, value: str, replaced: dict[int, Line]) -> int | None:
    """The line that may take the expression in: the next one as an argument, or a later plain store."""
    words = set(_WORD.findall(value))
    depth = lines[at].depth
    adjacent = True
    for later in range(at + 1, len(lines)):
        line = replaced.get(later, lines[later])
        if line.comment:
            if line.text:
                return None
            continue
        if line.depth != depth or not _SIMPLE.match(line.text):
            return None
        if name in line.words:
            store = _STORE.match(line.text)
            if store and store[2] == name:
                return later
            inside = any(f"{before}{name}{behind}" in line.text for before, behind in _ARGUMENT)
            right = line.text.split("= ", 1)[-1]
            return later if adjacent and inside and _pure(right) and " += " not in line.text else None
        adjacent = False
        head = line.text.split(" ", 1)[0].split("[", 1)[0]
        if head in words or "atomic" in line.text:
            return None
    return None
