"""What a harvested kernel's arguments are: their types, and by reading the program what is done with each."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import warp as wp

from warpgen.harvesting.locals import parameters
from warpgen.harvesting.spelling import StructName, canonical
from warpgen.launch import Argument, Fill, Role
from warpgen.verification.native import warp_native


class _Uses:
    """Per function of a module: which of its parameters are read and which are written."""

    def __init__(self, tree: ast.Module) -> None:
        self._functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        self._found: dict[str, tuple[set[str], set[str]]] = {}

    def of(self, name: str) -> tuple[set[str], set[str]]:
        """Names of the parameters read, and of those written."""
        if name not in self._found:
            self._found[name] = (set(), set())
            node = self._functions[name]
            for inner in ast.walk(node):
                self._look(inner, *self._found[name])
        return self._found[name]

    def _look(self, node: ast.AST, read: set[str], written: set[str]) -> None:
        if isinstance(node, ast.Subscript):
            root = _root(node)
            if isinstance(node.ctx, ast.Store):
                written.add(root)
            else:
                read.add(root)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Subscript):
            read.add(_root(node.target))
        elif isinstance(node, ast.Call):
            self._call(node, read, written)

    def _call(self, node: ast.Call, read: set[str], written: set[str]) -> None:
        called = ast.unparse(node.func)
        names = [_root(argument) for argument in node.args]
        if called.startswith("wp.atomic_") and names:
            read.add(names[0])
            written.add(names[0])
        elif called == "wp.tile_store" and names:
            written.add(names[0])
        elif called in self._functions:
            inner_read, inner_written = self.of(called)
            for parameter, name in zip(parameters(self._functions[called]), names, strict=False):
                if parameter.arg in inner_read:
                    read.add(name)
                if parameter.arg in inner_written:
                    written.add(name)
        else:
            read.update(names)


def _root(node: ast.AST) -> str:
    """The variable that an expression like `a.b[i].c` begins with, '' where it begins with none."""
    while isinstance(node, (ast.Subscript, ast.Attribute)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def arguments_of(
    source: str, kernel: str, arg_types: Mapping[str, Any], struct: StructName
) -> tuple[Argument, ...]:
    """The kernel's arguments; of their values nothing is known. `struct` names structs as `source` does."""
    read, written = _Uses(ast.parse(source)).of(kernel)
    return tuple(
        Argument(name, canonical(kind, struct), _role(name, kind, read, written), (Fill(name, "unknown"),))
        for name, kind in arg_types.items()
    )


def _role(name: str, kind: Any, read: set[str], written: set[str]) -> Role:
    holds_arrays = bool(warp_native.array_family(kind)) or warp_native.is_struct(kind)
    if not holds_arrays:
        return "handle" if kind is wp.uint64 else "param"
    if name in written:
        return "inout" if name in read else "output"
    return "param" if warp_native.is_struct(kind) else "input"
