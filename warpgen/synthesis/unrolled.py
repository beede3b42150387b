"""How much code a program becomes: Warp writes out the turns of loops with a fixed, small count."""

from __future__ import annotations

import ast

MOST_TURNS = 16  # Warp's own default: longer loops stay loops


def unrolled_size(source: str) -> int:
    """Operations of a module's text (calls, operators, subscripts), each times the turns around it."""
    return _size(ast.parse(source))


def _size(node: ast.AST) -> int:
    if isinstance(node, ast.For):
        return 1 + _turns(node) * sum(map(_size, node.body))
    own = isinstance(node, ast.Call | ast.BinOp | ast.Subscript | ast.Compare | ast.AugAssign)
    return own + sum(map(_size, ast.iter_child_nodes(node)))


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
