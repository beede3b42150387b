"""Make one kernel stand alone: a module with the functions, structs and constants that it needs, and no more.

The text of kernels and functions is the author's; only the names of what comes from elsewhere are changed
(`math_utils.clamp` becomes `clamp`, `warp` becomes `wp`), and a kernel's arguments get their types in full.
"""

from __future__ import annotations

import ast
import builtins
import enum
import inspect
import math
import textwrap
import types
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import warp as wp

from warpgen.errors import ExtractionError
from warpgen.extraction.builtins import builtins as known
from warpgen.harvesting.spelling import spelled, type_name
from warpgen.verification.native import warp_native

_MODULES = {"math": math}
_MISSING = object()


class Edit(NamedTuple):
    """Bytes of a function's source to be replaced."""

    start: int
    stop: int
    text: str


def embed(kernel: Any, arg_types: Mapping[str, Any]) -> str:
    """The module text. Raises ExtractionError where something that the kernel uses cannot be written down."""
    book = _Book()
    # The kernel keeps its name, whatever its functions are called.
    book.take(kernel.func.__name__, kernel)
    text = book.function_text(kernel.func, kernel_decorator(kernel), kernel.func.__name__, arg_types)
    parts = [book.header(), *book.parts, text]
    return "\n\n\n".join(part.strip("\n") for part in parts) + "\n"


def kernel_decorator(kernel: Any) -> str:
    """`@wp.kernel`, with the one option that decides whether there is an adjoint."""
    options = {**kernel.module.options, **kernel.options} if kernel.module else kernel.options
    return (
        "@wp.kernel" if options.get("enable_backward") is not False else "@wp.kernel(enable_backward=False)"
    )


class _Book:
    """The module as it grows: parts in the order in which they must stand, and who has which name."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._names: dict[str, Any] = {"wp": wp, "math": math}
        self._known: dict[int, str] = {}
        self._kept: list[Any] = []  # ids stay unique only while their objects live
        self._imports: set[str] = set()

    def header(self) -> str:
        return "\n".join([*sorted(self._imports), "import warp as wp"])

    def take(self, name: str, value: Any) -> str:
        """A name for a value: the one it has, or one with a number if another value has that."""
        chosen, number = name, 0
        while chosen in self._names or chosen in vars(builtins):
            number += 1
            chosen = f"{name}_{number}"
        self._names[chosen] = value
        self._known[id(value)] = chosen
        self._kept.append(value)
        return chosen

    def write(self, name: str, value: Any) -> str:
        """Put a value into the module, if it is not there, and give the expression that stands for it.

        Raises ExtractionError, with the module as it was, where the value cannot be written down.
        """
        known = self._known.get(id(value))
        if known is not None:
            return known
        before = self.state()
        try:
            return self._written(name, value)
        except ExtractionError:
            self.restore(before)
            raise

    def state(self) -> tuple[list[str], dict[str, Any], dict[int, str], set[str]]:
        """What `restore` takes to undo whatever comes after."""
        return list(self.parts), dict(self._names), dict(self._known), set(self._imports)

    def restore(self, state: tuple[list[str], dict[str, Any], dict[int, str], set[str]]) -> None:
        self.parts, self._names, self._known, self._imports = (
            list(state[0]),
            dict(state[1]),
            dict(state[2]),
            set(state[3]),
        )

    def _written(self, name: str, value: Any) -> str:
        if isinstance(value, wp.Function):
            return self._function(value)
        if warp_native.is_struct(value):
            return self._struct(value)
        if isinstance(value, type) and issubclass(value, enum.Enum):
            return self._enum(value)
        if isinstance(value, enum.Enum):
            return f"{self.write(type(value).__name__, type(value))}.{value.name}"
        if isinstance(value, type) or warp_native.array_family(value):
            return self._type(name, value)
        text = _literal(value)
        if text is None and hasattr(type(value), "_shape_"):
            items = ", ".join(repr(item) for item in np.asarray(value).ravel().tolist())
            text = f"{self.write(f'{name}_type', type(value))}({items})"
        if text is not None:
            return self._constant(name, value, text)
        if isinstance(value, types.FunctionType):
            chosen = self.take(name if name.isidentifier() else value.__name__, value)
            self.parts.append(self.function_text(value, "", chosen, {}))
            return chosen
        raise ExtractionError(f"the kernel uses {name}, a {type(value).__name__}")

    def spell(self, kind: Any) -> str:
        """An expression for a type."""
        return spelled(kind, lambda struct: self.write(struct.cls.__name__, struct))

    def _constant(self, name: str, value: Any, text: str) -> str:
        same = self._names.get(name, _MISSING)
        if same is not _MISSING and type(same) is type(value) and _literal(same) == text:
            return name
        chosen = self.take(name, value)
        plain = isinstance(value, (tuple, str, type(None)))
        self.parts.append(f"{chosen} = {text}" if plain else f"{chosen} = wp.constant({text})")
        return chosen

    def _type(self, name: str, value: Any) -> str:
        if value in (int, float, bool):
            return str(value.__name__)
        text = self.spell(value)
        if "(" not in text:
            return text
        chosen = self.take(name, value)
        self.parts.append(f"{chosen} = {text}")
        return chosen

    def _enum(self, value: type[enum.Enum]) -> str:
        chosen = self.take(value.__name__, value)
        base = next(b.__name__ for b in value.__mro__ if b.__module__ == "enum")
        self._imports.add(f"from enum import {base}")
        members = [f"    {name} = {int(member.value)}" for name, member in value.__members__.items()]
        self.parts.append("\n".join([f"class {chosen}({base}):", *members]))
        return chosen

    def _struct(self, value: Any) -> str:
        chosen = self.take(value.cls.__name__, value)
        fields = [f"    {name}: {self.spell(var.type)}" for name, var in value.vars.items()]
        self.parts.append("\n".join(["@wp.struct", f"class {chosen}:", *(fields or ["    pass"])]))
        return chosen

    def _function(self, value: Any) -> str:
        if getattr(wp, value.key, None) is value or value.func is None:
            return f"wp.{value.key}"
        chosen = self.take(value.func.__name__, value)
        overloads = [*value.user_templates.values(), *value.user_overloads.values()]
        written = []
        for overload in overloads or [value]:
            if overload.generic_parent is not None or overload.func in written:
                continue
            written.append(overload.func)
            self._known[id(overload)] = chosen
            text = self.function_text(overload.func, _decorator(overload), chosen, {}, overload.adj.arg_types)
            self.parts.append(text)
        for kind, other in (("grad", value.custom_grad_func), ("replay", value.custom_replay_func)):
            if other is not None and other.func is not None:
                name = self.take(other.func.__name__, other)
                self.parts.append(self.function_text(other.func, f"@wp.func_{kind}({chosen})", name, {}))
        return chosen

    def function_text(
        self,
        func: Any,
        decorator: str,
        name: str,
        arg_types: Mapping[str, Any],
        known_types: Mapping[str, Any] = types.MappingProxyType({}),
    ) -> str:
        """A function's own text under a decorator and a name, with foreign names replaced.

        `arg_types` are written in place of annotations, `known_types` of those that cannot be taken along.
        """
        source = _source_of(func)
        node = ast.parse(source).body[0]
        if not isinstance(node, ast.FunctionDef):
            raise ExtractionError(f"the source of {name} is a {type(node).__name__}")
        reader = _Reader(self, func, source, node)
        for argument in node.args.args:
            if argument.arg in arg_types and argument.annotation is not None:
                kind = arg_types[argument.arg]
                reader.replace(argument.annotation, self.spell(kind))
        reader.read(known_types)
        text = reader.text(name)
        return f"{decorator}\n{text}" if decorator else text

    def module(self, name: str) -> None:
        self._imports.add(f"import {name}")

    def typing(self, name: str) -> str:
        self._imports.add(f"from typing import {name}")
        return name


class _Reader:
    """Reads one function and notes what must be replaced in its text."""

    def __init__(self, book: _Book, func: Any, source: str, node: ast.FunctionDef) -> None:
        self._book, self._func, self._node = book, func, node
        self._data = source.encode()
        lines = self._data.splitlines(keepends=True)
        self._starts = [0]
        for line in lines:
            self._starts.append(self._starts[-1] + len(line))
        self._edits: list[Edit] = []
        self._done: set[int] = set()
        stored = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        self._bound = stored | {a.arg for a in node.args.args}
        free = inspect.getclosurevars(func) if hasattr(func, "__code__") else None
        self._closure = dict(free.nonlocals) if free else {}

    def replace(self, node: ast.expr, text: str) -> None:
        assert node.end_lineno is not None and node.end_col_offset is not None
        start = self._starts[node.lineno - 1] + node.col_offset
        stop = self._starts[node.end_lineno - 1] + node.end_col_offset
        if self._data[start:stop].decode() != text:
            self._edits.append(Edit(start, stop, text))
        self._done.update(id(inner) for inner in ast.walk(node))

    def read(self, known_types: Mapping[str, Any]) -> None:
        """Find everything that the function takes from outside."""
        for default in self._node.args.defaults:
            self._visit(default, set())
        for argument in self._node.args.args:
            if argument.annotation is not None and id(argument.annotation) not in self._done:
                try:
                    self._annotation(argument.annotation)
                except ExtractionError:
                    if argument.arg not in known_types:
                        raise
                    self.replace(argument.annotation, self._book.spell(known_types[argument.arg]))
        if self._node.returns is not None:
            try:
                self._annotation(self._node.returns)
            except ExtractionError:
                self._drop_return()
        for statement in self._node.body:
            self._visit(statement, self._bound)

    def _drop_return(self) -> None:
        """Leave out what a function says it returns: Warp finds out by itself."""
        node = self._node.returns
        assert node is not None and node.end_lineno is not None and node.end_col_offset is not None
        start = self._starts[node.lineno - 1] + node.col_offset
        stop = self._starts[node.end_lineno - 1] + node.end_col_offset
        arrow = self._data.rindex(b"->", 0, start)
        self._edits = [edit for edit in self._edits if not arrow <= edit.start < stop]
        self._edits.append(Edit(arrow, stop, ""))

    def _annotation(self, node: ast.expr) -> None:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            inner = ast.parse(node.value, mode="eval").body
            value = self._evaluated(inner)
            self.replace(node, self._book.write(ast.unparse(inner).replace(".", "_"), value))
            return
        self._visit(node, set())

    def _visit(self, node: ast.AST, bound: set[str]) -> None:
        if id(node) in self._done:
            return
        if isinstance(node, ast.Call) and self._is_static(node):
            return self._static(node, bound)
        if isinstance(node, (ast.Name, ast.Attribute)):
            root = node
            while isinstance(root, ast.Attribute):
                root = root.value  # type: ignore[assignment]
            if isinstance(root, ast.Name):
                if root.id not in bound:
                    self._outside(node)
                return
        for child in ast.iter_child_nodes(node):
            self._visit(child, bound)

    def _is_static(self, node: ast.Call) -> bool:
        return isinstance(node.func, ast.Attribute) and node.func.attr == "static" and bool(node.args)

    def _static(self, node: ast.Call, bound: set[str]) -> None:
        """`wp.static(expression)`: as it stands, or its value where the expression cannot be taken along."""
        before = list(self._edits), set(self._done)
        book = self._book.state()
        try:
            for child in ast.iter_child_nodes(node):
                self._visit(child, bound)
        except ExtractionError:
            self._edits, self._done = before
            self._book.restore(book)
            value = self._evaluated(node.args[0])
            text = _literal(value)
            self.replace(node, text if text is not None else self._book.write("static", value))

    def _evaluated(self, node: ast.expr) -> Any:
        code = compile(ast.fix_missing_locations(ast.Expression(node)), "annotation", "eval")
        try:
            return eval(code, {**self._func.__globals__, **self._closure})
        except Exception as error:
            raise ExtractionError(
                f"{ast.unparse(node)} has no value outside a launch: {type(error).__name__}"
            ) from error

    def _value(self, name: str) -> Any:
        if name in self._closure:
            return self._closure[name]
        return self._func.__globals__.get(name, _MISSING)

    def _outside(self, node: ast.expr) -> None:
        """A name from outside, or a dotted one: replaced by what the module calls it."""
        chain: list[ast.expr] = [node]
        while isinstance(chain[-1], ast.Attribute):
            chain.append(chain[-1].value)
        chain.reverse()  # a, a.b, a.b.c
        root = chain[0]
        assert isinstance(root, ast.Name)
        value = self._value(root.id)
        if value is _MISSING:
            if hasattr(builtins, root.id):
                return
            raise ExtractionError(f"the name {root.id} is not known")
        for place, part in enumerate(chain):
            if place:
                assert isinstance(part, ast.Attribute)
                owner, value = value, getattr(value, part.attr, _MISSING)
                if (
                    owner is wp
                    and value is _MISSING
                    and (part.attr in known().functions or part.attr == "adjoint")
                ):
                    value = None
                if value is _MISSING:
                    raise ExtractionError(f"{ast.unparse(part)} is not known")
                if owner in (wp, wp.types) and not _is_written(value):
                    prefix = "wp" if owner is wp else "wp.types"
                    self._done.update(id(n) for n in ast.walk(node))
                    self.replace(part, f"{prefix}.{part.attr}")
                    return
                if owner is math:
                    self._book.module("math")
                    self._done.update(id(n) for n in ast.walk(node))
                    self.replace(part, f"math.{part.attr}")
                    return
            if isinstance(value, types.ModuleType):
                continue
            if place + 1 < len(chain) and _is_namespace(value, chain[place + 1]):
                continue
            self._write(node, chain, place, value)
            return
        self._done.update(id(n) for n in ast.walk(node))

    def _write(self, node: ast.expr, chain: list[ast.expr], place: int, value: Any) -> None:
        part = chain[place]
        name = part.id if isinstance(part, ast.Name) else part.attr  # type: ignore[attr-defined]
        if getattr(value, "__module__", "") == "typing" or value is Any:
            text = self._book.typing(name)
        elif getattr(builtins, name, _MISSING) is value:
            text = name
        else:
            try:
                text = self._book.write(name, value)
            except ExtractionError:
                final = self._evaluated(node)  # an attribute of a thing that cannot be taken along
                literal = _literal(final)
                if literal is None or part is node:
                    raise
                self.replace(node, literal)
                return
        self.replace(part, text)
        self._done.update(id(n) for n in ast.walk(node))

    def text(self, name: str) -> str:
        """The function's text from `def` on, under another name."""
        edits = sorted(self._edits)
        data, at, made = self._data, self._starts[self._node.lineno - 1], []
        head = data.index(self._node.name.encode(), at)
        edits = sorted([Edit(head, head + len(self._node.name.encode()), name), *edits])
        for edit in edits:
            if edit.start < at:
                continue  # of the decorators, or inside a replaced expression
            made += [data[at : edit.start], edit.text.encode()]
            at = edit.stop
        made.append(data[at:])
        return b"".join(made).decode()


def _is_namespace(value: Any, part: ast.expr) -> bool:
    """A class that only holds what is wanted: a struct or function inside a class, or inside an enum."""
    if not isinstance(value, type) or hasattr(value, "_wp_scalar_type_") or type_name(value):
        return False
    assert isinstance(part, ast.Attribute)
    inner = getattr(value, part.attr, _MISSING)
    return isinstance(inner, (type, wp.Function)) or warp_native.is_struct(inner)


def _is_written(value: Any) -> bool:
    """A module, or a function that is written in Python, which both have to be followed."""
    return isinstance(value, types.ModuleType) or (isinstance(value, wp.Function) and value.func is not None)


def _source_of(func: Any) -> str:
    try:
        source = textwrap.dedent(inspect.getsource(func))
        ast.parse(source)
    except (OSError, TypeError, SyntaxError) as error:
        raise ExtractionError(f"the source of {getattr(func, '__name__', func)} is not to be had") from error
    return source if source.endswith("\n") else source + "\n"


def _decorator(function: Any) -> str:
    """The decorator that makes a function what it is."""
    if function.native_snippet is None:
        return "@wp.func"
    given = [repr(function.native_snippet)]
    if function.adj_native_snippet is not None:
        given.append(f"adj_snippet={function.adj_native_snippet!r}")
    if function.replay_snippet is not None:
        given.append(f"replay_snippet={function.replay_snippet!r}")
    return f"@wp.func_native({', '.join(given)})"


def _literal(value: Any) -> str | None:
    """An expression for a plain value, None where there is none."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or (isinstance(value, (bool, int, str)) and not isinstance(value, enum.Enum)):
        return repr(value)
    if isinstance(value, float):
        if math.isfinite(value):
            return repr(value)
        return "wp.nan" if math.isnan(value) else ("wp.inf" if value > 0 else "-wp.inf")
    if isinstance(value, tuple):
        items = [_literal(item) for item in value]
        return None if None in items else f"({', '.join(map(str, items))}{',' * (len(items) == 1)})"
    name = type_name(type(value))
    if name and hasattr(value, "value"):
        return f"wp.{name}({_literal(value.value)})"
    shape = getattr(type(value), "_shape_", None)
    if name and shape is not None:
        return f"wp.{name}({', '.join(str(_literal(item)) for item in np.asarray(value).ravel().tolist())})"
    return None
