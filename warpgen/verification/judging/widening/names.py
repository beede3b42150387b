"""What names a function or module binds, and to what."""

from __future__ import annotations

import ast
import re


def arguments(node: ast.FunctionDef) -> set[str]:
    """Its parameters."""
    return {a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)}


def stored(node: ast.AST) -> set[str]:
    """What is assigned in it."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def counters(node: ast.FunctionDef) -> set[str]:
    """Variables of its loops."""
    return {n.target.id for n in ast.walk(node) if isinstance(n, ast.For) and isinstance(n.target, ast.Name)}


def held(node: ast.FunctionDef, builtins: re.Pattern[str]) -> set[str]:
    """Locals that hold the result of one of these builtins."""
    found = set()
    for n in ast.walk(node):
        called = n.value.func if isinstance(n, ast.Assign) and isinstance(n.value, ast.Call) else None
        if isinstance(n, ast.Assign) and isinstance(called, ast.Attribute) and builtins.match(called.attr):
            found |= {t.id for t in n.targets if isinstance(t, ast.Name)}
    return found


def plain_names(node: ast.Module | ast.FunctionDef) -> set[str]:
    """Names that the body of a module or factory binds to what may hold floats."""
    names: set[str] = set()
    for statement in node.body:
        if isinstance(statement, ast.Assign) and not _without_floats(statement.value):
            names |= {t.id for t in statement.targets if isinstance(t, ast.Name)}
    return names


def _without_floats(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return not isinstance(node.value, float)
    return isinstance(node, ast.Tuple) and all(map(_without_floats, node.elts))
