"""What a program's Python contains, and the two hashes that tell it from others: one parse, one walk.

The hashes are made of node and field names that all Pythons from 3.10 on share, never of `ast.dump`,
whose text changes from one version to the next. The walk writes one list of words, which is hashed as it
stands for the source and, with names and constants replaced, for the structure.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import xxhash

from warpgen.errors import ExtractionError
from warpgen.extraction.builtins import builtins
from warpgen.extraction.parsing import parse
from warpgen.record import Features

# Names with a meaning of their own in the kernel language; all others are a matter of taste.
KEPT_NAMES = frozenset({"wp", "range", "float", "int", "bool", "min", "max", "abs", "len", "round", "pow"})

_ELEMENT = re.compile(r"\w*array[1-4]?d?\((.*)\)")


class Inspection(msgspec.Struct, frozen=True):
    """Features and hashes (xxh3-128 hex) of one program.

    `source_hash` sees neither comments, docstrings nor layout; `structure_hash` further replaces names
    by their order of first use and constants by their type, keeps `wp` names and drops imports.
    """

    features: Features
    source_hash: str
    structure_hash: str


def inspect_source(source: str, kernel_name: str, arg_types: Sequence[str] = ()) -> Inspection:
    """Features and hashes of a module text; `arg_types` are the kernel's, in Warp's canonical spelling."""
    try:
        body = parse(source)
    except SyntaxError as error:
        raise ExtractionError(f"SyntaxError: {error.msg}") from error
    walk = _Walk(kernel_name)
    walk.module(body)
    known = builtins()
    used = {name for name in walk.wp_called if name in known.functions or name in known.types}
    used.update(name for name in walk.wp_named if name in known.functions)
    features = Features(
        statements=walk.kernel.statements,
        loops=walk.kernel.loops,
        loop_depth=walk.kernel.deepest,
        branches=walk.kernel.branches,
        functions=walk.functions,
        structs=walk.structs,
        args=len(arg_types),
        python_lines=source.count("\n") + (not source.endswith("\n")),
        builtins=tuple(sorted(used)),
        dtypes=tuple(sorted({_element_type(t) for t in arg_types})),
        differentiable=known.cuts.isdisjoint(used),
    )
    words = walk.words
    source_hash = _digest(words)
    for position, word in walk.abstractions:
        words[position] = word
    for start, end in walk.imports:
        words[start:end] = [""] * (end - start)
    return Inspection(features, source_hash, _digest([w for w in words if w]))


def _element_type(type_: str) -> str:
    match = _ELEMENT.fullmatch(type_)
    return match[1] if match else type_


def _digest(words: list[str]) -> str:
    # A string constant may hold a lone surrogate, which UTF-8 refuses by default.
    return xxhash.xxh3_128_hexdigest("\n".join(words).encode("utf-8", "surrogatepass"))


class _Counts:
    """Shape of the kernel's body."""

    __slots__ = ("branches", "deepest", "depth", "loops", "statements")

    def __init__(self) -> None:
        self.statements = self.loops = self.depth = self.deepest = self.branches = 0


class _Walk:
    """The state of the one walk: words, what to replace in them, and counts."""

    __slots__ = (
        "abstractions",
        "counts",
        "functions",
        "imports",
        "kernel",
        "kernel_name",
        "names",
        "raw",
        "structs",
        "words",
        "wp_called",
        "wp_named",
    )

    def __init__(self, kernel_name: str) -> None:
        self.kernel_name = kernel_name
        self.words: list[str] = []
        self.abstractions: list[tuple[int, str]] = []
        self.imports: list[tuple[int, int]] = []
        self.names: dict[str, str] = {}
        self.raw = False  # inside the head of a class, where names are kept
        self.wp_called: list[str] = []
        self.wp_named: list[str] = []
        self.functions = self.structs = 0
        self.counts = self.kernel = _Counts()

    def module(self, statements: list[ast.stmt]) -> None:
        body = [node for node in statements if not isinstance(node, (ast.Import, ast.ImportFrom))]
        docstring = body[0] if body and _is_text(body[0]) else None
        for node in statements:
            if node is docstring:
                continue
            start = len(self.words)
            _visit(node, self)
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                self.imports.append((start, len(self.words)))

    def name(self, name: str) -> None:
        """Write a name that the structure replaces by its order of first use."""
        if name not in KEPT_NAMES and not self.raw:
            numbered = self.names.get(name)
            if numbered is None:
                numbered = self.names[name] = f"n{len(self.names)}"
            self.abstractions.append((len(self.words), numbered))
        self.words.append(name)

    def aside(self, nodes: Sequence[ast.AST | None]) -> None:
        """Visit annotations or decorators: `wp` names there are not uses of a builtin."""
        called, named = len(self.wp_called), len(self.wp_named)
        for node in nodes:
            if node is not None:
                _visit(node, self)
        del self.wp_called[called:], self.wp_named[named:]


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _visit(node: Any, walk: _Walk) -> None:
    handler = _HANDLERS.get(node.__class__)
    if handler is not None:
        handler(node, walk)
    else:
        walk.words.append(node.__class__.__name__)
        _fields(node, walk, _shared_fields(node.__class__))


def _fields(node: Any, walk: _Walk, names: tuple[str, ...]) -> None:
    words = walk.words
    for name in names:
        value = getattr(node, name)
        if value.__class__ is list:
            for item in value:
                if item is None or item.__class__ is str:
                    words.append(repr(item))
                else:
                    _visit(item, walk)
            words.append(")")
        elif isinstance(value, ast.AST):
            _visit(value, walk)
        else:
            words.append(repr(value))


def _statements(body: list[ast.stmt], walk: _Walk) -> None:
    walk.counts.statements += len(body)
    for node in body:
        _visit(node, walk)
    walk.words.append(")")


def _name(node: ast.Name, walk: _Walk) -> None:
    walk.words.append("Name")
    walk.name(node.id)


def _constant(node: ast.Constant, walk: _Walk) -> None:
    value = node.value
    kind = value.__class__.__name__
    walk.words.append("Constant")
    walk.abstractions.append((len(walk.words), kind))
    walk.words.append(repr(value))


def _attribute(node: ast.Attribute, walk: _Walk) -> None:
    owner = node.value
    if owner.__class__ is ast.Name and owner.id == "wp":
        walk.words += ("wp.", node.attr)
        walk.wp_named.append(node.attr)
    else:
        walk.words.append("Attribute")
        _visit(owner, walk)
        walk.name(node.attr)


def _call(node: ast.Call, walk: _Walk) -> None:
    walk.words.append("Call")
    _visit(node.func, walk)
    if node.func.__class__ is ast.Attribute and walk.words[-2] == "wp.":
        walk.wp_called.append(walk.words[-1])
    elif node.func.__class__ is ast.Name and node.func.id == "len":  # Warp has it under no other name
        walk.wp_called.append("len")
    for argument in node.args:
        _visit(argument, walk)
    for keyword in node.keywords:
        walk.words += ("keyword", keyword.arg or "**")
        _visit(keyword.value, walk)
    walk.words.append(")")


def _bin_op(node: ast.BinOp, walk: _Walk) -> None:
    walk.words.append(node.op.__class__.__name__)
    _visit(node.left, walk)
    _visit(node.right, walk)


def _argument(node: ast.arg, walk: _Walk) -> None:
    walk.words.append("arg")
    walk.name(node.arg)
    if node.annotation is not None:
        walk.aside((node.annotation,))


def _annotated(node: ast.AnnAssign, walk: _Walk) -> None:
    walk.words.append("AnnAssign")
    _visit(node.target, walk)
    walk.aside((node.annotation,))
    _fields(node, walk, ("value", "simple"))


def _loop(node: ast.For | ast.While, walk: _Walk) -> None:
    counts = walk.counts
    counts.loops += 1
    counts.depth += 1
    counts.deepest = max(counts.deepest, counts.depth)
    walk.words.append(node.__class__.__name__)
    _fields(node, walk, ("target", "iter") if isinstance(node, ast.For) else ("test",))
    _statements(node.body, walk)
    _statements(node.orelse, walk)
    counts.depth -= 1


def _if(node: ast.If, walk: _Walk) -> None:
    walk.counts.branches += 1
    walk.words.append("If")
    _visit(node.test, walk)
    _statements(node.body, walk)
    _statements(node.orelse, walk)


def _if_expression(node: ast.IfExp, walk: _Walk) -> None:
    walk.counts.branches += 1
    walk.words.append("IfExp")
    _fields(node, walk, ("test", "body", "orelse"))


def _block(node: Any, walk: _Walk) -> None:
    walk.words.append(node.__class__.__name__)
    for name in _shared_fields(node.__class__):
        value = getattr(node, name)
        if name in ("body", "orelse", "finalbody"):
            _statements(value, walk)
        else:
            _fields(node, walk, (name,))


def _function(node: ast.FunctionDef, walk: _Walk) -> None:
    outer = walk.counts
    decorators = {_decorator(d) for d in node.decorator_list}
    inner = walk.counts = _Counts()
    if node.name == walk.kernel_name and "kernel" in decorators:
        walk.kernel = inner
    walk.functions += any(d.startswith("func") for d in decorators)
    walk.words.append("FunctionDef")
    walk.name(node.name)
    walk.aside(node.decorator_list)
    walk.words.append(")")
    _visit(node.args, walk)
    walk.aside((node.returns,))
    body = node.body
    inner.statements += len(body)
    for statement in body[1:] if _is_text(body[0]) else body:
        _visit(statement, walk)
    walk.words.append(")")
    outer.statements += inner.statements
    walk.counts = outer


def _class(node: ast.ClassDef, walk: _Walk) -> None:
    walk.structs += "struct" in {_decorator(d) for d in node.decorator_list}
    walk.words.append("ClassDef")
    walk.name(node.name)
    outer, walk.raw = walk.raw, True
    walk.aside(node.decorator_list)
    walk.aside(node.bases)
    walk.aside(node.keywords)
    walk.raw = outer
    walk.words.append(")")
    body = node.body
    for statement in body[1:] if _is_text(body[0]) else body:
        _visit(statement, walk)
    walk.words.append(")")


def _decorator(node: ast.expr) -> str:
    """`kernel` of `@wp.kernel` and of `@wp.kernel(...)`."""
    target = node.func if isinstance(node, ast.Call) else node
    return target.attr if isinstance(target, ast.Attribute) else ""


# What a later Python added to nodes (type_params), and what position already says (ctx).
_UNSHARED = frozenset({"ctx", "type_comment", "type_params", "type_ignores"})
_fields_of: dict[type, tuple[str, ...]] = {}


def _shared_fields(kind: type) -> tuple[str, ...]:
    fields = _fields_of.get(kind)
    if fields is None:
        all_fields: tuple[str, ...] = getattr(kind, "_fields", ())
        fields = _fields_of[kind] = tuple(f for f in all_fields if f not in _UNSHARED)
    return fields


_HANDLERS: dict[type, Callable[[Any, _Walk], None]] = {
    ast.Name: _name,
    ast.Constant: _constant,
    ast.Attribute: _attribute,
    ast.Call: _call,
    ast.BinOp: _bin_op,
    ast.arg: _argument,
    ast.AnnAssign: _annotated,
    ast.For: _loop,
    ast.While: _loop,
    ast.If: _if,
    ast.IfExp: _if_expression,
    ast.With: _block,
    ast.Try: _block,
    ast.FunctionDef: _function,
    ast.ClassDef: _class,
}
