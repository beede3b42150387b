"""Which outputs a kernel writes without ever looking at what they held before."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from warpgen.launch import Argument


def only_written(source: str, kernel: str, args: Sequence[Argument]) -> frozenset[str]:
    """Names of output arrays whose first values cannot matter: the kernel only stores to them."""
    functions = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    outputs = [a.name for a in args if a.role == "output" and a.type.startswith("array")]
    return frozenset(name for name in outputs if _only_stored(kernel, name, functions, ()))


def _only_stored(
    function: str, name: str, functions: dict[str, ast.FunctionDef], above: tuple[str, ...]
) -> bool:
    if function not in functions or function in above:
        return False
    nodes = tuple(ast.walk(functions[function]))
    allowed: set[int] = set()
    for inner in nodes:
        if isinstance(inner, ast.Assign):
            allowed |= {id(_root(target)) for target in inner.targets if isinstance(target, ast.Subscript)}
            allowed |= {id(_root(target)) for target in inner.targets if isinstance(target, ast.Attribute)}
        elif isinstance(inner, ast.Attribute) and inner.attr in ("shape", "ndim"):
            allowed.add(id(inner.value))
        elif isinstance(inner, ast.Call) and inner.args:
            allowed |= _handed_on(inner, name, functions, (*above, function))
    uses = [use for use in nodes if isinstance(use, ast.Name) and use.id == name]
    return all(id(use) in allowed for use in uses)


def _handed_on(
    call: ast.Call, name: str, functions: dict[str, ast.FunctionDef], above: tuple[str, ...]
) -> set[int]:
    """Arguments that the function which is called only stores to."""
    called = call.func
    if isinstance(called, ast.Attribute) and called.attr == "tile_store" and _is(called.value, "wp"):
        return {id(call.args[0])}
    if not isinstance(called, ast.Name) or called.id not in functions or call.keywords:
        return set()
    pairs = zip(functions[called.id].args.args, call.args, strict=False)
    mine = [(parameter.arg, given) for parameter, given in pairs if _is(given, name)]
    return {id(given) for parameter, given in mine if _only_stored(called.id, parameter, functions, above)}


def _is(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _root(node: ast.AST) -> ast.AST:
    while isinstance(node, (ast.Subscript, ast.Attribute)):
        node = node.value
    return node
