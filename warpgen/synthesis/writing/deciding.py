"""How values get to their names: choices between two of them, and results that are stored at once."""

from __future__ import annotations

import ast
import re

_CHOICE = re.compile(r"^( *)([\w.]+(?:\[[^\]\n]*\])?) = (wp\.where\(.*\))$", re.MULTILINE)
# Builtins that must run for every element, whichever value is taken.
_ALWAYS = re.compile(r"rand|sample|poisson|atomic|print|tile|query|store|where")
_NAMED_TO_STORE = re.compile(r"^( *)([a-z]\w*) = ([^#\n]*[^#\n,(\[])\n\1(\w+\[[^#\n]*\]) = \2$", re.MULTILINE)


def decided(text: str, way: str) -> str:
    """`text` with its choices between two values written in this `way`: "call", "expression" or "branch"."""

    def written(found: re.Match[str]) -> str:
        indent, target, value = found.groups()
        parts = _parts(value)
        if parts is None:
            return found[0]
        test, chosen, other = parts
        if way == "expression":
            return f"{indent}{target} = {chosen} if {test} else {other}"
        if not _is_pure(chosen) or not _is_pure(other) or chosen == target:
            return found[0]
        lines = [f"{indent}if {test}:", f"{indent}    {target} = {chosen}"]
        if other != target:
            lines += [f"{indent}else:", f"{indent}    {target} = {other}"]
        return "\n".join(lines)

    return text if way == "call" or "wp.tile" in text else _CHOICE.sub(written, text)


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
