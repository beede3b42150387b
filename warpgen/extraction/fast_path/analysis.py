"""Syntax trees: parsed once, walked less."""

from __future__ import annotations

import ast
from typing import Any

from warpgen.extraction import parsing
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


@replaces(codegen.Adjoint, "extract_function_source", "9c8e9adfe3b5a492")
def _extract_function_source(func: Any) -> Any:
    code = getattr(func, "__code__", None)
    if code is not None and not hasattr(func, "__wrapped__"):
        found = codegen.Adjoint._try_extract_function_source(code)
        if found is not None:
            tree = parsing.take(found[0])
            if tree is not None:
                return (*found, tree)
    return _stock_extract_function_source(func)


@replaces(context.Module, "_find_references", "da82de99d398b654")
def _find_references(module: Any, adj: Any) -> None:
    """Nothing: which modules depend on which matters when one is loaded anew, and no program is."""


@replaces(codegen.Adjoint, "resolve_static_expression", "8b01b15d5b9c8211")
def _resolve_static_expression(adj: Any, root_node: Any, eval_types: bool = True) -> Any:
    if root_node.__class__ is ast.Name:
        path = [root_node.id]
    elif root_node.__class__ is ast.Attribute and root_node.value.__class__ is ast.Name:
        path = [root_node.value.id, root_node.attr]
    else:
        return _stock_resolve_static_expression(adj, root_node, eval_types)
    return adj.resolve_path(path), path


_stock_resolve_static_expression = stock(_resolve_static_expression)
_stock_extract_function_source = stock(_extract_function_source)
