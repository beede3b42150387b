"""Walks over the syntax tree."""

from __future__ import annotations

import ast
from typing import Any

from warpgen.extraction.fast_path.patches import replaces
from warpgen.extraction.warp_api import context

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
