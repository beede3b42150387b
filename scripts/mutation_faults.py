"""Kinds of fault to plant in the C++ that Warp generates, each as a change of the text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

# (text of one kernel function, which of the places to change) -> changed text, or None without a place
Change = Callable[[str, int], str | None]


class Fault(NamedTuple):
    kind: str
    adjoint: bool
    change: Change


def _swap(pattern: str, replacement: str) -> Change:
    """Replace one match of a pattern."""
    compiled = re.compile(pattern, re.MULTILINE)

    def change(text: str, which: int) -> str | None:
        places = list(compiled.finditer(text))
        if not places:
            return None
        place = places[which % len(places)]
        return text[: place.start()] + place.expand(replacement) + text[place.end() :]

    return change


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
                return text[: place.start()] + before[which % len(before)] + text[place.end() :]
    return None


_A = r"(wp::adj_\w+|adj_\w+)"
_LINE = (
    r"^ +wp::adj_(?:add|sub|mul|div|sin|cos|dot|exp|sqrt|length|normalize|cross|load|address|array_store)\("
)

FAULTS = (
    Fault("add becomes sub", False, _swap(r"= wp::add\(", "= wp::sub(")),
    Fault("sub becomes add", False, _swap(r"= wp::sub\(", "= wp::add(")),
    Fault(
        "mul becomes add",
        False,
        _swap(r"= wp::mul\((var_\d+), (var_\d+)\)", r"= wp::mul(\1, wp::add(\2, \2))"),
    ),
    Fault("div becomes mul", False, _swap(r"= wp::div\(", "= wp::mul(")),
    Fault(
        "swapped operands of sub", False, _swap(r"= wp::sub\((var_\w+), (var_\w+)\)", r"= wp::sub(\2, \1)")
    ),
    Fault(
        "swapped operands of div", False, _swap(r"= wp::div\((var_\w+), (var_\w+)\)", r"= wp::div(\2, \1)")
    ),
    Fault("wrong float constant", False, _swap(r"(const wp::float\d+ var_\d+ = )([^;]+);", r"\1\2 * 1.25;")),
    Fault("integer constant off by one", False, _swap(r"(const wp::int32 var_\d+ = )(\d+);", r"\1\2 + 1;")),
    Fault("min becomes max", False, _swap(r"= wp::min\(", "= wp::max(")),
    Fault("max becomes min", False, _swap(r"= wp::max\(", "= wp::min(")),
    Fault("sin becomes cos", False, _swap(r"= wp::sin\(", "= wp::cos(")),
    Fault("cos becomes sin", False, _swap(r"= wp::cos\(", "= wp::sin(")),
    Fault("comparison turned round", False, _swap(r"(= \(var_\w+) < (var_\w+\);)", r"\1 >= \2")),
    Fault("comparison off by one", False, _swap(r"(= \(var_\w+) >= (var_\w+\);)", r"\1 > \2")),
    Fault(
        "dropped statement", False, _swap(r"^ +var_\d+ = wp::(?:add|sub|mul|div|dot|length)\([^;]*;\n", "")
    ),
    Fault("wrong operand", False, _other),
    Fault("dropped store", False, _swap(r"^ +wp::array_store\([^;]*;\n", "")),
    Fault("store at the wrong index", False, _swap(r"(wp::array_store\(var_\w+, )(var_\d+)", r"\1(\2 / 2)")),
    Fault("load at the wrong index", False, _swap(r"(= wp::address\(var_\w+, )(var_\d+)", r"\1(\2 / 2)")),
    Fault("lost atomic", False, _swap(r"^ +(?:var_\d+ = )?wp::atomic_add\([^;]*;\n", "")),
    Fault("atomic add becomes sub", False, _swap(r"wp::atomic_add\(", "wp::atomic_sub(")),
    Fault("branch turned round", False, _swap(r"if \((var_\w+)\)", r"if (!\1)")),
    Fault(
        "swapped arms of where",
        False,
        _swap(r"= wp::where\((\w+), (\w+), (\w+)\)", r"= wp::where(\1, \3, \2)"),
    ),
    Fault("type narrowed", False, _narrow),
    Fault("swapped operands of cross", False, _swap(r"= wp::cross\((\w+), (\w+)\)", r"= wp::cross(\2, \1)")),
    Fault("lost normalisation", False, _swap(r"= wp::normalize\(", "= wp::copy(")),
    Fault("sign dropped", False, _swap(r"= wp::neg\(", "= wp::copy(")),
    Fault("missing adjoint term", True, _swap(_LINE + r"[^;]*;\n", "")),
    Fault("doubled adjoint term", True, _swap("(" + _LINE + r"[^;]*;\n)", r"\1\1")),
    Fault("adjoint of add has the wrong sign", True, _swap(r"wp::adj_add\(", "wp::adj_sub(")),
    Fault("adjoint of sub has the wrong sign", True, _swap(r"wp::adj_sub\(", "wp::adj_add(")),
    Fault(
        "adjoints of a product swapped",
        True,
        _swap(r"wp::adj_mul\((var_\w+), (var_\w+), (adj_\w+), (adj_\w+),", r"wp::adj_mul(\2, \1, \3, \4,"),
    ),
    Fault("adjoint of sin without its derivative", True, _swap(r"wp::adj_sin\(", "wp::adj_cos(")),
    Fault("adjoint of mul becomes add", True, _swap(r"wp::adj_mul\(", "wp::adj_add(")),
    Fault(
        "adjoint of div becomes mul",
        True,
        _swap(r"wp::adj_div\((\w+), (\w+), \w+, ", r"wp::adj_mul(\1, \2, "),
    ),
    Fault("missing adjoint of a store", True, _swap(r"^ +wp::adj_array_store\([^;]*;\n", "")),
    Fault("missing adjoint of a load", True, _swap(r"^ +wp::adj_address\([^;]*;\n", "")),
    Fault("wrong value replayed", True, _swap(r"= wp::mul\(", "= wp::add(")),
    Fault(
        "wrong constant in the adjoint",
        True,
        _swap(r"(const wp::float\d+ var_\d+ = )([^;]+);", r"\1\2 * 1.25;"),
    ),
    Fault("adjoint at the wrong index", True, _swap(r"(wp::adj_address\(var_\w+, )(var_\d+)", r"\1(\2 / 2)")),
    Fault("adjoint seeded twice", True, _swap(r"(^ +wp::adj_array_store\([^;]*;\n)", r"\1\1")),
)
