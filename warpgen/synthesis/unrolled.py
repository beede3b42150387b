"""How much code a program becomes: Warp writes out the turns of loops with a fixed, small count."""

from __future__ import annotations

import ast
import re

MOST_TURNS = 16  # Warp's own default: longer loops stay loops

_FIXED = re.compile(r"range\(-?\d")  # a loop whose turns may be known
_OPERATIONS = frozenset({ast.Call, ast.BinOp, ast.Subscript, ast.Compare, ast.AugAssign})
_LEAVES = frozenset({ast.Name, ast.Constant, ast.Load, ast.Store})


def has_fixed_loop(source: str) -> bool:
    """Whether the text has a loop that Warp may write out."""
    return _FIXED.search(source) is not None


def unrolled_size(source: str) -> int:
    """Operations of a module's text (calls, operators, subscripts), each times the turns around it."""
    return _size(ast.parse(source))


def _size(node: ast.AST) -> int:
    if node.__class__ is ast.For:
        return 1 + _turns(node) * sum(map(_size, node.body))
    size = int(node.__class__ in _OPERATIONS)
    for field in node._fields:
        value = getattr(node, field)
        for child in value if value.__class__ is list else (value,):
            if isinstance(child, ast.AST) and child.__class__ not in _LEAVES:
                size += _size(child)
    return size


def _turns(loop: ast.For) -> int:
    """How often the body is written out; a loop that is left early stays a loop."""
    if any(isinstance(n, ast.Break | ast.Continue) for n in ast.walk(loop)):
        return 1
    arguments = getattr(loop.iter, "args", [])
    bounds = [a.value for a in arguments if isinstance(a, ast.Constant) and isinstance(a.value, int)]
    if len(bounds) != len(arguments) or not bounds:
        return 1
    turns = len(range(*bounds))
    return turns if turns <= MOST_TURNS else 1
