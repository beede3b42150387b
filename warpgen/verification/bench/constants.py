"""Numbers of a row's source, which its branches are decided by and no draw by chance would meet."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator, Sequence

# Numbers beyond these are limits of types, and sums of them no numbers; of great ones that cancel rounding is
# left; more than so many are a table.
_LARGEST, _LARGE, _MOST = 1e8, 1e3, 32
# A source that names one of these says what becomes of what is no number.
_ASKED = ("isnan", "isinf", "isfinite")
# One that rounds says where halves go, and what is whole; they are drawn often, to meet as quotients, too.
_ROUNDS = re.compile(r"\bwp\.(?:round|rint|floor|ceil|trunc|frac|mod)\b|//|%|\bint\d*\(")
_HALVES = 2 * (0.5, -0.5, 1.0, -1.0, 1.5, -1.5, 2.5, -2.5)


def numbers(source: str, largest: float = _LARGE) -> tuple[float, ...]:
    """All that are written, with both signs, and 0."""
    found = {abs(float(n)) for n in _constants(ast.parse(source)) if abs(n) <= largest}
    chosen = sorted(found)[:_MOST]
    made = dict.fromkeys(sign * number for number in (0.0, *chosen) for sign in (1.0, -1.0))
    return (*made, *(_HALVES if _ROUNDS.search(source) else ()))


def beyond(source: str) -> tuple[float, ...]:
    """Those numbers, and some on both sides of each; what is no number where the source asks for it."""
    made = [scale * number for number in numbers(source, _LARGEST) for scale in (1.0, 0.75, 1.25)]
    asked = any(name in source for name in _ASKED)
    return (*dict.fromkeys(made), *((math.nan, math.inf, -math.inf) if asked else ()))


def cases(source: str, names: Sequence[str]) -> tuple[list[tuple[str, float]], list[float]]:
    """Whole numbers that are compared with what has one of `names`, by name, and with anything else.

    With them the next ones, where it is asked which is greater.
    """
    by_name: dict[tuple[str, float], None] = {}
    others: dict[float, None] = {}
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        equal = all(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops)
        found = [float(n) for side in sides for n in _constants(side) if isinstance(n, int)]
        met = [n + step for n in found for step in ((0.0,) if equal else (0.0, 1.0)) if n <= _LARGEST]
        spelt = {ast.unparse(part) for side in sides for part in ast.walk(side) if isinstance(part, ast.expr)}
        for name in spelt.intersection(names):
            by_name |= dict.fromkeys((name, number) for number in met)
        others |= dict.fromkeys(met)
    return list(by_name), list(others)


def _constants(tree: ast.AST) -> Iterator[int | float]:
    for node in ast.walk(tree):
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            yield value
