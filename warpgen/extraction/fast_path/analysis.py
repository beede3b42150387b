"""Walks over the syntax tree and look-ups of names."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterator
from typing import Any

from warpgen.extraction.fast_path.patches import replaces, stock
from warpgen.extraction.warp_api import codegen, context

_BODIES = ("body", "orelse", "finalbody", "handlers", "cases")
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@replaces(context.ModuleBuilder, "_kernel_has_value_return", "1069b3ace803776d")
def _kernel_has_value_return(kernel: Any) -> bool:
    # Only statements hold statements: the expressions need no visit.
    todo = list(kernel.adj.tree.body[0].body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Return):
            if node.value is not None:
                return True
        elif not isinstance(node, _SCOPES):
            for name in _BODIES:
                todo.extend(getattr(node, name, ()))
    return False


@replaces(context.Module, "_find_references", "da82de99d398b654")
def _find_references(module: Any, adj: Any) -> None:
    # The links between modules that this finds serve to reload them when a file changes; ours never do.
    return


# Fields that hold no Name, Attribute, Call or Assign, nor anything that does.
_LEAVES = frozenset(
    {
        "arg",
        "asname",
        "attr",
        "ctx",
        "id",
        "is_async",
        "kind",
        "level",
        "module",
        "name",
        "op",
        "ops",
        "simple",
    }
    | {"type_comment", "type_ignores"}
)
_branches: dict[type, tuple[str, ...]] = {}


@replaces(codegen, "iter_ast_nodes_of_types", "884d4cc8d27f334f")
def _iter_ast_nodes_of_types(root: ast.AST, *kinds: type) -> Iterator[ast.AST]:
    if not _NODES_OF_INTEREST.issuperset(kinds):
        yield from _stock_iter_ast_nodes_of_types(root, *kinds)
        return
    todo = deque((root,))
    while todo:
        node = todo.popleft()
        kind = node.__class__
        if kind in kinds:
            yield node
        fields = _branches.get(kind)
        if fields is None:
            fields = _branches[kind] = tuple(f for f in kind._fields if f not in _LEAVES)
        for field in fields:
            value = getattr(node, field, None)
            if value.__class__ is list:
                todo.extend([child for child in value if isinstance(child, ast.AST)])
            elif isinstance(value, ast.AST):
                todo.append(value)


_NODES_OF_INTEREST = frozenset({ast.Name, ast.Attribute, ast.Call, ast.Assign})
_stock_iter_ast_nodes_of_types = stock(_iter_ast_nodes_of_types)
