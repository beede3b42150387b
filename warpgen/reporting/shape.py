"""The shape of a program, read from its syntax tree alone."""

from __future__ import annotations

import ast
from typing import Any

import msgspec
import xxhash

# These mean something by themselves; every other name of a program is its author's choice.
_MEANINGFUL = frozenset({"wp", "range", "float", "int", "bool", "min", "max", "abs", "len", "round", "pow"})


class Shape(msgspec.Struct, frozen=True):
    """What a program looks like when names and constants are taken away, and the size of its kernel."""

    structure: int  # hash with Warp's own names kept
    skeleton: int  # hash with those gone too
    statements: int
    loop_depth: int
    branches: int  # if statements and conditional expressions
    signature: tuple[str, ...]  # the annotations of the kernel's arguments


def shape_of(source: str) -> Shape:
    """The shape of a module text; raises SyntaxError when it is not Python."""
    tree = ast.parse(source)
    abstraction = _Abstraction()
    for node in tree.body:
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            abstraction.add(node)
    kernel = _kernel(tree)
    size = _Size()
    if kernel is not None:
        size.add(kernel, 0)
    return Shape(
        structure=abstraction.hash(),
        skeleton=abstraction.hash(keep_warp_names=False),
        statements=size.statements,
        loop_depth=size.loop_depth,
        branches=size.branches,
        signature=tuple(
            ast.unparse(arg.annotation) if arg.annotation else "?"
            for arg in (kernel.args.args if kernel else ())
        ),
    )


class _Abstraction:
    """The tree as a flat list of words: names as the order of first use, constants as their type.

    One walk serves both hashes, as they differ only in the words at `warp_names`.
    """

    def __init__(self) -> None:
        self._words: list[str] = []
        self._warp_names: list[int] = []
        self._names: dict[str, str] = {}

    def hash(self, keep_warp_names: bool = True) -> int:
        words = self._words
        if not keep_warp_names:
            words = words.copy()
            for place in self._warp_names:
                words[place] = "_"
        return int(xxhash.xxh3_64_intdigest("\x1f".join(words).encode()))

    def add(self, value: Any) -> None:
        """Append the words of a node, a list of nodes or a plain field."""
        if isinstance(value, ast.AST):
            self._add_node(value)
        elif isinstance(value, list):
            self._words.append(f"[{len(value)}")
            for item in value:
                self.add(item)
        else:
            self._words.append(repr(value))

    def _add_node(self, node: ast.AST) -> None:
        self._words.append(type(node).__name__)
        for field in node._fields:
            self._add_field(node, field, getattr(node, field, None))

    def _add_field(self, node: ast.AST, field: str, value: Any) -> None:
        if field == "ctx":
            return  # it follows from where the node stands
        if isinstance(node, ast.Constant):
            self._words.append(type(value).__name__ if field == "value" else repr(value))
        elif (isinstance(node, ast.Name) and field == "id") or (isinstance(node, ast.arg) and field == "arg"):
            self._words.append(self._name(value))
        elif isinstance(node, ast.Attribute) and field == "attr":
            self._add_attribute(node)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)) and field == "name":
            self._words.append(self._name(value))
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)) and field == "body":
            self.add(value[1:] if ast.get_docstring(node, clean=False) is not None else value)
        else:
            self.add(value)

    def _add_attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.value, ast.Name) and node.value.id == "wp":
            self._warp_names.append(len(self._words))
            self._words.append(node.attr)
        else:
            self._words.append(self._name(node.attr))

    def _name(self, name: str) -> str:
        return name if name in _MEANINGFUL else self._names.setdefault(name, f"n{len(self._names)}")


class _Size:
    """Statements, loops and branches below a function."""

    def __init__(self) -> None:
        self.statements = self.loop_depth = self.branches = 0

    def add(self, node: ast.AST, depth: int) -> None:
        for child in ast.iter_child_nodes(node):
            inside = depth
            if isinstance(child, ast.stmt):
                self.statements += 1
            if isinstance(child, (ast.For, ast.While)):
                inside += 1
                self.loop_depth = max(self.loop_depth, inside)
            if isinstance(child, (ast.If, ast.IfExp)):
                self.branches += 1
            self.add(child, inside)


def _kernel(tree: ast.Module) -> ast.FunctionDef | None:
    """The last function with a decorator that says kernel."""
    found = None
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and any("kernel" in ast.unparse(d) for d in node.decorator_list):
            found = node
    return found
