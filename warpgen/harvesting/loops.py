"""The loops that Warp unrolls around a static expression: which values their variables take."""

from __future__ import annotations

import ast
import itertools
from typing import Any

from warpgen.errors import ExtractionError
from warpgen.harvesting.surroundings import Surroundings

# More turns than this are no table that somebody would read.
_MOST = 256


class Loops:
    """The loops of a function over `range`."""

    def __init__(self, function: ast.FunctionDef, outside: Surroundings) -> None:
        self._function, self._outside = function, outside

    def turns(self, expression: ast.expr) -> dict[Any, dict[str, int]] | None:
        """Values of the loop variables that an expression names, by a key: one value, or a tuple of them.

        None where it names none. Raises ExtractionError where a loop's bounds are not known.
        """
        named = {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}
        ranges: dict[str, range] = {}
        for loop in self._around(expression):
            if isinstance(loop.target, ast.Name) and loop.target.id in named:
                ranges[loop.target.id] = self._range(loop.iter)
        if not ranges:
            return None
        every = list(itertools.islice(itertools.product(*ranges.values()), _MOST + 1))
        if not every or len(every) > _MOST:
            raise ExtractionError(f"the loops around {ast.unparse(expression)} take {len(every)} turns")
        made = (dict(zip(ranges, values, strict=True)) for values in every)
        return {v[0] if len(v) == 1 else v: turn for v, turn in zip(every, made, strict=True)}

    def _around(self, expression: ast.expr) -> list[ast.For]:
        """Loops that an expression stands in, the outermost first."""
        loops = [node for node in ast.walk(self._function) if isinstance(node, ast.For)]
        return [loop for loop in loops if any(inner is expression for inner in ast.walk(loop))]

    def _range(self, node: ast.expr) -> range:
        made = self._outside.evaluated(node)
        if not isinstance(made, range):
            raise ExtractionError(f"{ast.unparse(node)} is not the range of an unrolled loop")
        return made
