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


_stock_extract_function_source = stock(_extract_function_source)
