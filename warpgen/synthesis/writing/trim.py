"""Leaves out of a draft what its variant does not need."""

from __future__ import annotations

import re

from warpgen.synthesis.writing.draft import Draft

_ASSIGNED = re.compile(r"( *)(\w+) [-+*/]?= ")


def trim(d: Draft) -> None:
    """Drop assignments to locals that nothing reads; arguments that are then named nowhere go with them.

    It lets an algorithm write its steps once, though some results need only a part of them.
    """
    statements = _statements(d.text)
    while (fewer := _fewer(statements)) != statements:
        statements = fewer
    d.text = "\n".join(statements) + "\n"


def _statements(text: str) -> list[str]:
    """The statements and comments of `text`; what brackets hold together stays so."""
    found: list[str] = []
    depth = 0
    for line in text.rstrip().split("\n"):
        if depth:
            found[-1] += "\n" + line
        else:
            found.append(line)
        code = line.split("#")[0]
        depth += sum(map(code.count, "([")) - sum(map(code.count, ")]"))
    return found


def _fewer(statements: list[str]) -> list[str]:
    codes = [_code(s) for s in statements]
    kept: list[str] = []
    outer = 0  # where the loop or branch began that the statement is in
    for at, statement in enumerate(statements):
        if statement and not statement.startswith(" "):
            outer = at
        found = _ASSIGNED.match(statement)
        others = codes[outer:at] + codes[at + 1 :]
        if found and not any(_reads(code, found[2]) for code in others):
            while kept and kept[-1].startswith(f"{found[1]}#"):
                kept.pop()
        else:
            kept.append(statement)
    return kept


def _code(statement: str) -> str:
    return "\n".join(line.split("#")[0] for line in statement.split("\n"))


def _reads(code: str, name: str) -> bool:
    found = _ASSIGNED.match(code)
    if found and found[2] == name:
        code = code[found.end() :] if code[found.end() - 3] == " " else ""
    return re.search(rf"\b{name}\b", code) is not None
