"""What a harvested kernel's arguments are: their types, and by reading the program what is done with each."""

from __future__ import annotations

import ast
import re
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
            read, written = self._found[name] = (set[str](), set[str]())
            node = self._functions[name]
            for inner in ast.walk(node):
                self._look(inner, read, written)
            views = _views(node)
            for found in (read, written):
                found.update([views[local] for local in found & set(views)])
            snippet = _snippet(node)
            for parameter in parameters(node) if snippet else ():
                _look_native(parameter.arg, snippet, read, written)
        return self._found[name]

    def _look(self, node: ast.AST, read: set[str], written: set[str]) -> None:
        if isinstance(node, ast.Subscript):
            root = _root(node)
            if isinstance(node.ctx, ast.Store):
                written.add(root)
            else:
                read.add(root)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            if any(isinstance(inner, ast.Subscript) for inner in ast.walk(node)):  # `a[i].x = ...`
                written.add(_root(node))
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Subscript):
            read.add(_root(node.target))
        elif isinstance(node, ast.Call):
            self._call(node, read, written)

    def _call(self, node: ast.Call, read: set[str], written: set[str]) -> None:
        called = ast.unparse(node.func)
        names = [_root(argument) for argument in node.args]
        if called.startswith(("wp.atomic_", "wp.tile_atomic_")) and names:
            read.add(names[0])
            written.add(names[0])
        elif called.startswith("wp.tile_store") and names:
            written.add(names[0])
        elif called in self._functions:
            inner_read, inner_written = self.of(called)
            labels = [parameter.arg for parameter in parameters(self._functions[called])]
            given = [*zip(labels, names, strict=False), *((k.arg, _root(k.value)) for k in node.keywords)]
            read.update(name for label, name in given if label in inner_read)
            written.update(name for label, name in given if label in inner_written)
        else:
            read.update(names)


def _root(node: ast.AST) -> str:
    """The variable that an expression like `a.b[i].c` begins with, '' where it begins with none."""
    while isinstance(node, (ast.Subscript, ast.Attribute)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _views(node: ast.FunctionDef) -> dict[str, str]:
    """Locals that are arrays of a parameter, or rows of them (`row = a[i]`), and the parameter."""
    ranks = {argument.arg: _rank(argument.annotation) for argument in parameters(node)}
    views: dict[str, str] = {}
    for inner in ast.walk(node):
        if not isinstance(inner, ast.Assign) or not isinstance(inner.targets[0], ast.Name):
            continue
        value, root = inner.value, _root(inner.value)
        rank = ranks.get(root, 0)
        while isinstance(value, ast.Subscript):
            rank -= len(value.slice.elts) if isinstance(value.slice, ast.Tuple) else 1
            value = value.value
        if isinstance(value, ast.Name) and rank > 0:
            ranks[inner.targets[0].id], views[inner.targets[0].id] = rank, views.get(root, root)
    return views


def _rank(annotation: ast.expr | None) -> int:
    """The dimensions of an array by what a row calls its type; 0 for what is none."""
    text = ast.unparse(annotation) if annotation is not None else ""
    found = re.match(r"wp\.(?:indexed)?array(?:(\d)d)?\b(?:.*\bndim=(\d))?", text)
    return int(found[1] or found[2] or 1) if found else 0


def _snippet(node: ast.FunctionDef) -> str:
    """The C++ of a function that has some, '' for all others."""
    calls = (call for call in node.decorator_list if isinstance(call, ast.Call))
    given = (call.args[0] for call in calls if ast.unparse(call.func) == "wp.func_native")
    text = next((str(ast.literal_eval(text)) for text in given), "")
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL)


def _look_native(name: str, snippet: str, read: set[str], written: set[str]) -> None:
    """What C++ does with a parameter: what is no plain `a[i]` may be anything, as in `f(a)` or `&a[i]`."""
    uses = len(re.findall(rf"\b{name}\b", snippet))
    element = rf"(?<!&)(?<!\+\+)(?<!--)\b{name}(?:\.data)?\[[^\[\]]*\]"
    after = re.findall(element + r"\s*(\W{,3})", snippet)
    stored = sum(bool(re.match(r"=(?!=)", text)) for text in after)
    loaded = sum(not re.match(r"=(?!=)|[-+*/&|^%]=|<<=|>>=|\+\+|--|\.|\[", text) for text in after)
    if stored or uses > loaded:
        written.add(name)
    if uses > stored:
        read.add(name)


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
