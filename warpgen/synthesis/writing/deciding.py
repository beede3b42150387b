"""How values get to their names: choices between two of them, and results that are stored at once."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

import msgspec

_CHOICE = re.compile(r"( *)([\w.]+(?:\[[^\]\n]*\])?) = (wp\.where\(.*\))")
# Builtins that must run for every element, whichever value is taken.
_ALWAYS = re.compile(r"rand|sample|poisson|atomic|print|tile|query|store|where")
_NAMED_TO_STORE = re.compile(r"^( *)([a-z]\w*) = ([^#\n]*[^#\n,(\[])\n\1(\w+\[[^#\n]*\]) = \2$", re.MULTILINE)


def decided(text: str, way: str) -> str:
    """`text` with its choices between two values written in this `way`: "call", "expression" or "branch".

    Choices by one test that follow each other share a branch.
    """
    if way == "call" or "wp.tile" in text:
        return text
    made: list[str] = []
    lines = text.split("\n")
    while lines:
        chosen = _choices(lines) if way == "branch" else _choices(lines[:1])
        if not chosen:
            made.append(lines.pop(0))
            continue
        made += _branch(chosen) if way == "branch" else [chosen[0].expression()]
        del lines[: len(chosen)]
    return "\n".join(made)


class _Choice(msgspec.Struct, frozen=True):
    """A line that gives `target` one of two values."""

    indent: str
    target: str
    test: str
    chosen: str
    other: str

    def expression(self) -> str:
        return f"{self.indent}{self.target} = {self.chosen} if {self.test} else {self.other}"

    def branches(self) -> bool:
        """Whether it can be a branch: nothing happens but that a value is made."""
        return _is_pure(self.chosen) and _is_pure(self.other) and self.chosen != self.target


def _choices(lines: list[str]) -> list[_Choice]:
    """The choices that lines begin with, if there is one, and whether more are by the same test."""
    found: list[_Choice] = []
    for line in lines:
        match = _CHOICE.fullmatch(line)
        parts = _parts(match[3]) if match else None
        if match is None or parts is None:
            break
        choice = _Choice(match[1], match[2], *parts)
        if found and not _go_together(found, choice):
            break
        found.append(choice)
    return found


def _go_together(found: Sequence[_Choice], choice: _Choice) -> bool:
    same = (choice.indent, choice.test) == (found[0].indent, found[0].test)
    changed = any(re.search(rf"\b{re.escape(c.target)}\b", choice.test) for c in found)
    return same and not changed and choice.branches() and found[0].branches()


def _branch(choices: Sequence[_Choice]) -> list[str]:
    """Choices by one test as a branch, or one as it was, if it must stay a call."""
    indent, test = choices[0].indent, choices[0].test
    if not choices[0].branches():
        return [f"{c.indent}{c.target} = wp.where({c.test}, {c.chosen}, {c.other})" for c in choices]
    lines = [f"{indent}if {test}:", *(f"{indent}    {c.target} = {c.chosen}" for c in choices)]
    others = [f"{indent}    {c.target} = {c.other}" for c in choices if c.other != c.target]
    return [*lines, *([f"{indent}else:", *others] if others else [])]


def _parts(value: str) -> tuple[str, str, str] | None:
    """The arguments of a call of `wp.where` as they stand, if the text is one call and no other follows."""
    try:
        call = ast.parse(value, mode="eval").body
    except SyntaxError:  # it goes on in the next line
        return None
    if not isinstance(call, ast.Call) or ast.unparse(call.func) != "wp.where" or "wp.where" in value[1:]:
        return None
    test, chosen, other = (ast.get_source_segment(value, argument) or "" for argument in call.args)
    return test, chosen, other


def _is_pure(value: str) -> bool:
    """Whether nothing happens but that a value is made."""
    calls = [n.func for n in ast.walk(ast.parse(value)) if isinstance(n, ast.Call)]
    names = [ast.unparse(call) for call in calls]
    return all(n in ("float", "int") or (n.startswith("wp.") and not _ALWAYS.search(n)) for n in names)


def joined(text: str) -> str:
    """Code that stores a value where it makes it, if it has a name only until the next line."""

    def stored(found: re.Match[str]) -> str:
        indent, name, value, place = found.groups()
        once = len(re.findall(rf"\b{name}\b", text)) == 2 and _is_whole(value)
        return f"{indent}{place} = {value}" if once else found[0]

    return _NAMED_TO_STORE.sub(stored, text)


def _is_whole(value: str) -> bool:
    """Whether an expression ends in its line."""
    return all(value.count(left) == value.count(right) for left, right in ("()", "[]"))
