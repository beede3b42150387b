"""Syntax trees: parsed once, walked less."""

from __future__ import annotations

import ast
from typing import Any

import warp

from warpgen.extraction import parsing
from warpgen.extraction.fast_path.patches import replaces, stock
from warpgen.warp_internals import REGISTRY, codegen, context, types

_BODIES = ("body", "orelse", "finalbody", "handlers", "cases")
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_LEAVES = ("ctx", "op", "ops")  # fields that hold nodes without fields, one object for all of a kind
_VISITORS = codegen.Adjoint.node_visitors


@replaces(context.ModuleBuilder, "_kernel_has_value_return")
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


@replaces(codegen.Adjoint, "extract_function_source")
def _extract_function_source(func: Any) -> Any:
    code = getattr(func, "__code__", None)
    if code is not None and not hasattr(func, "__wrapped__"):
        found = codegen.Adjoint._try_extract_function_source(code)
        if found is not None:
            tree = parsing.take(found[0])
            if tree is not None:
                return (*found, tree)
    return _stock_extract_function_source(func)


@replaces(context.Module, "_find_references")
def _find_references(module: Any, adj: Any) -> None:
    """Nothing: which modules depend on which matters when one is loaded anew, and no program is."""


@replaces(codegen.Adjoint, "resolve_static_expression")
def _resolve_static_expression(adj: Any, root_node: Any, eval_types: bool = True) -> Any:
    if root_node.__class__ is ast.Name:
        path = [root_node.id]
    elif root_node.__class__ is ast.Attribute and root_node.value.__class__ is ast.Name:
        path = [root_node.value.id, root_node.attr]
    else:
        return _stock_resolve_static_expression(adj, root_node, eval_types)
    return adj.resolve_path(path), path


@replaces(codegen.Adjoint, "resolve_external_reference")
def _resolve_external_reference(adj: Any, name: str) -> Any:
    func = adj.func
    if func.__closure__ is None:
        return func.__globals__.get(name)
    return _stock_resolve_external_reference(adj, name)


@replaces(codegen.Adjoint, "eval")
def _eval(adj: Any, node: Any) -> Any:
    emit = _VISITORS.get(node.__class__)
    if emit is None:
        return _stock_eval(adj, node)
    line = getattr(node, "lineno", None)
    if line is not None and adj.lineno != line - 1:
        adj.set_lineno(line - 1)
    return emit(adj, node)


@replaces(codegen, "iter_ast_nodes_of_types")
def _iter_ast_nodes_of_types(root: ast.AST, *kinds: type) -> Any:
    # Breadth first, as in Warp; every other node would be one of the leaves.
    if any(issubclass(kind, (ast.expr_context, ast.operator, ast.cmpop)) for kind in kinds):
        return _stock_iter_ast_nodes_of_types(root, *kinds)
    found, todo = [], [root]
    for node in todo:
        kind = node.__class__
        if kind in kinds:
            found.append(node)
        fields = _inner.get(kind)
        if fields is None:
            fields = _inner[kind] = tuple(name for name in kind._fields if name not in _LEAVES)
        for name in fields:
            value = getattr(node, name, None)
            if value.__class__ is list:
                todo += [child for child in value if isinstance(child, ast.AST)]
            elif isinstance(value, ast.AST):
                todo.append(value)
    return found


_inner: dict[type, tuple[str, ...]] = {}  # the fields of a kind of node that may hold others


@replaces(codegen.Adjoint, "get_references")
def _get_references(adj: Any) -> Any:
    """Each name is looked up once, however often the function writes it."""
    local = adj.assigned_name_ids()
    arities, called = adj.assignment_call_metadata()
    if getattr(adj, "callable_arg_values", None) or not local.isdisjoint(called):
        return _stock_get_references(adj)
    references = _References(adj, local)
    widest = 0
    for node in adj.reference_nodes():
        kind = node.__class__
        if kind is ast.Name:
            references.name(node)
        elif kind is ast.Attribute:
            references.attribute(node)
        elif kind is ast.Call:
            if references.call(node) is REGISTRY["tid"]:
                widest = max(widest, arities.get(node, 0))
        else:
            references.assignment(node)
    adj.kernel_dim = widest or 1
    adj.tid_extent_limit_candidate = codegen._TID_MAX_EXTENT
    return references.constants, references.types, references.functions


class _References:
    """What get_references gathers, in the order in which it meets it."""

    def __init__(self, adj: Any, local: frozenset[str]) -> None:
        self.constants: dict[str, Any] = {}
        self.types: dict[Any, Any] = {}
        self.functions: dict[Any, Any] = {}
        self._adj = adj
        self._local = local
        self._seen: set[Any] = set()
        self._called: dict[Any, Any] = {}

    def name(self, node: ast.Name) -> None:
        name = node.id
        if name not in self._local and name not in self._seen:
            self._seen.add(name)
            value = self._adj.resolve_external_reference(name)
            if types.is_value(value):
                self.constants[name] = value

    def attribute(self, node: ast.Attribute) -> None:
        key = _key(node)
        if key is not None and key in self._seen:
            return
        self._seen.add(key)
        value, path = self._adj.resolve_static_expression(node, eval_types=False)
        if types.is_value(value):
            self.constants[".".join(path)] = value

    def call(self, node: ast.Call) -> Any:
        if isinstance(node.func, ast.Name) and node.func.id in self._local:
            return None
        key = _key(node.func)
        func = self._called.get(key, self)
        if key is None or func is self:
            func = self._called[key] = codegen.resolve_reference_call_func(self._adj, node, {})
        if isinstance(func, context.Function):
            if self._is_of_interest(func):
                self.functions[func] = None
                if not func.is_builtin():
                    for target in codegen.iter_call_callable_arg_targets(self._adj, func, node, {}):
                        self.functions[target] = None
        elif isinstance(func, codegen.Struct) or types.type_is_value(func) or types.is_native_type(func):
            self.types[func] = None
        return func

    def assignment(self, node: ast.Assign) -> None:
        for value in node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]:
            if not isinstance(value, (ast.Name, ast.Attribute)):
                continue
            func, path = self._adj.resolve_static_expression(value, eval_types=False)
            if path and func is warp:
                func = REGISTRY.get(path[-1])
            if isinstance(func, context.Function) and self._is_of_interest(func):
                self.functions[func] = None

    def _is_of_interest(self, func: Any) -> bool:
        return (
            not func.is_builtin()
            or func._has_external_builtin_contract
            or any(overload.adjoint_uses_template_args for overload in func.overloads)
        )


def _key(node: ast.expr) -> tuple[str, str] | str | None:
    """What tells a name or an attribute of one from others; None for anything else."""
    if node.__class__ is ast.Name:
        return node.id
    if node.__class__ is ast.Attribute and node.value.__class__ is ast.Name:
        return (node.value.id, node.attr)
    return None


_stock_resolve_external_reference = stock(_resolve_external_reference)
_stock_eval = stock(_eval)
_stock_iter_ast_nodes_of_types = stock(_iter_ast_nodes_of_types)
_stock_get_references = stock(_get_references)
_stock_resolve_static_expression = stock(_resolve_static_expression)
_stock_extract_function_source = stock(_extract_function_source)
