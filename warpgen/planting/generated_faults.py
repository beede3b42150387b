"""Kinds of fault to plant in the C++ that Warp generates, each as a change of the text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

# (text of one kernel function, which of the places to change) -> changed text, or None without a place
Change = Callable[[str, int], str | None]
# Whether a fault at this place of the text can change anything.
Alive = Callable[[str, re.Match[str]], bool]


class Fault(NamedTuple):
    """A kind of fault, in the forward function or in its adjoint."""

    kind: str
    adjoint: bool
    change: Change


def _swap(pattern: str, replacement: str, alive: Alive | None = None) -> Change:
    """Replace one match of a pattern, of those at places that are alive."""
    compiled = re.compile(pattern, re.MULTILINE)

    def change(text: str, which: int) -> str | None:
        places = [p for p in compiled.finditer(text) if alive is None or alive(text, p)]
        if not places:
            return None
        place = places[which % len(places)]
        return text[: place.start()] + place.expand(replacement) + text[place.end() :]

    return change


def _flows(text: str, place: re.Match[str]) -> bool:
    """Whether a gradient of floats comes to a line of the adjoint and goes on from it.

    The adjoints of integers are always zero, and so are those of what only decides a branch or an index.
    """
    start = text.rfind("\n", 0, place.end() - 1) + 1
    line = text[start : text.find(";", start)]
    before, after = text[text.find("// reverse") : start], text[start + len(line) :]
    names = re.findall(r"\badj_\d+\b", line)
    if not names or not re.search(rf"^    wp::(?!u?int|bool)[^*;]* {names[-1]} = ", text, re.MULTILINE):
        return False
    if "adj_array_store(" in line:
        return _mentions(after, names[-1])
    onwards = "adj_address(" in line or any(_mentions(after, name) for name in names[:-1])
    return _mentions(before, names[-1]) and onwards


def _bends(text: str, place: re.Match[str]) -> bool:
    """Whether an adjoint depends on a value of the forward pass: those of sums do not."""
    name = re.search(r"var_\d+", place[0])
    reverse = text[text.find("// reverse") :]
    linear = "add|sub|neg|copy|load|address|array_store|atomic_add|where"
    return name is not None and bool(
        re.search(rf"wp::adj_(?!(?:{linear})\()\w+\([^;]*\b{name[0]}\b", reverse)
    )


def _mentions(text: str, name: str) -> bool:
    return bool(re.search(rf"\b{name}\b", text))


def _narrow(text: str, which: int) -> str | None:
    """Give an intermediate value a narrower type."""
    return _swap(r"^    wp::float32 (var_\d+);", r"    wp::half \1;")(text, which) or _swap(
        r"^    wp::float64 (var_\d+);", r"    wp::float32 \1;"
    )(text, which)


def _other(text: str, which: int) -> str | None:
    """Read a neighbour of the same type in place of an operand."""
    declared = re.findall(
        r"^    (wp::float(?:32|64)|wp::vec_t<\d, wp::float32>) (var_\d+);", text, re.MULTILINE
    )
    uses = [(kind, name) for kind, name in declared if len(re.findall(rf"[(,] ?{name}[,)]", text)) > 0]
    for turn in range(len(uses)):
        kind, name = uses[(which + turn) % len(uses)]
        others = [other for k, other in declared if k == kind and other != name]
        place = re.search(rf"(?<=[(,] ){name}(?=[,)])|(?<=\(){name}(?=[,)])", text)
        if others and place:
            before = [o for o in others if text.find(f"{o} =") < place.start() and f"{o} =" in text]
            if before:
                return str(text[: place.start()] + before[which % len(before)] + text[place.end() :])
    return None


_LINE = r"^ +wp::adj_(?:add|sub|mul|div|sin|cos|dot|exp|sqrt|length|normalize|cross|load|address)\("
# A constant that is not zero.
_CONSTANT = r"(const wp::float\d+ var_\d+ = )(-?(?!0\.0+[;f])[^;]+);"

_FORWARD: dict[str, Change] = {
    "add becomes sub": _swap(r"= wp::add\(", "= wp::sub("),
    "sub becomes add": _swap(r"= wp::sub\(", "= wp::add("),
    "mul becomes add": _swap(r"= wp::mul\((var_\d+), (var_\d+)\)", r"= wp::mul(\1, wp::add(\2, \2))"),
    "div becomes mul": _swap(r"= wp::div\(", "= wp::mul("),
    "swapped operands of sub": _swap(r"= wp::sub\((var_\w+), (var_\w+)\)", r"= wp::sub(\2, \1)"),
    "swapped operands of div": _swap(r"= wp::div\((var_\w+), (var_\w+)\)", r"= wp::div(\2, \1)"),
    "wrong float constant": _swap(_CONSTANT, r"\1\2 * 1.25;"),
    "integer constant off by one": _swap(r"(const wp::int32 var_\d+ = )(\d+);", r"\1\2 + 1;"),
    "min becomes max": _swap(r"= wp::min\(", "= wp::max("),
    "max becomes min": _swap(r"= wp::max\(", "= wp::min("),
    "sin becomes cos": _swap(r"= wp::sin\(", "= wp::cos("),
    "cos becomes sin": _swap(r"= wp::cos\(", "= wp::sin("),
    "comparison turned round": _swap(r"(= \(var_\w+) < (var_\w+\);)", r"\1 >= \2"),
    "comparison off by one": _swap(r"(= \(var_\w+)( [<>]=? var_\w+\);)", r"\1 + 1\2"),
    "dropped statement": _swap(r"^ +var_\d+ = wp::(?:add|sub|mul|div|dot|length)\([^;]*;\n", ""),
    "wrong operand": _other,
    "dropped store": _swap(r"^ +wp::array_store\([^;]*;\n", ""),
    "store at the wrong index": _swap(r"(wp::array_store\(var_\w+, )(var_\d+)", r"\1(\2 / 2)"),
    "load at the wrong index": _swap(r"(= wp::address\(var_\w+, )(var_\d+)", r"\1(\2 / 2)"),
    "lost atomic": _swap(r"^ +(?:var_\d+ = )?wp::atomic_add\([^;]*;\n", ""),
    "atomic add becomes sub": _swap(r"wp::atomic_add\(", "wp::atomic_sub("),
    "branch turned round": _swap(r"if \((var_\w+)\)", r"if (!\1)"),
    "swapped arms of where": _swap(r"= wp::where\((\w+), (\w+), (\w+)\)", r"= wp::where(\1, \3, \2)"),
    "type narrowed": _narrow,
    "swapped operands of cross": _swap(r"= wp::cross\((\w+), (\w+)\)", r"= wp::cross(\2, \1)"),
    "lost normalisation": _swap(r"= wp::normalize\(", "= wp::copy("),
    "sign dropped": _swap(r"= wp::neg\(", "= wp::copy("),
}

_ADJOINT: dict[str, Change] = {
    "missing adjoint term": _swap(_LINE + r"[^;]*;\n", "", _flows),
    "doubled adjoint term": _swap("(" + _LINE + r"[^;]*;\n)", r"\1\1", _flows),
    "adjoint of add has the wrong sign": _swap(r"wp::adj_add\(", "wp::adj_sub(", _flows),
    "adjoint of sub has the wrong sign": _swap(r"wp::adj_sub\(", "wp::adj_add(", _flows),
    "adjoints of a product swapped": _swap(
        r"wp::adj_mul\((var_\w+), (var_\w+), (adj_\w+), (adj_\w+),", r"wp::adj_mul(\2, \1, \3, \4,", _flows
    ),
    "adjoint of sin without its derivative": _swap(r"wp::adj_sin\(", "wp::adj_cos(", _flows),
    "adjoint of mul becomes add": _swap(r"wp::adj_mul\(", "wp::adj_add(", _flows),
    "adjoint of div becomes mul": _swap(r"wp::adj_div\((\w+), (\w+), \w+, ", r"wp::adj_mul(\1, \2, ", _flows),
    "missing adjoint of a store": _swap(r"^ +wp::adj_array_store\([^;]*;\n", "", _flows),
    "missing adjoint of a load": _swap(r"^ +wp::adj_address\([^;]*;\n", "", _flows),
    "wrong value replayed": _swap(r"(var_\d+ = )wp::mul\(", r"\1wp::add(", _bends),
    "wrong constant in the adjoint": _swap(_CONSTANT, r"\1\2 * 1.25;", _bends),
    "adjoint at the wrong index": _swap(r"(wp::adj_address\(var_\w+, )(var_\d+)", r"\1(\2 / 2)", _flows),
    "adjoint of a store doubled": _swap(
        r"(^ +wp::adj_array_store\([^;]*(adj_\d+)\);\n)", r"\1    \2 = wp::add(\2, \2);\n", _flows
    ),
}

FAULTS = tuple(
    Fault(kind, table is _ADJOINT, change) for table in (_FORWARD, _ADJOINT) for kind, change in table.items()
)
