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
from typing import Any

import numpy as np
import warp as wp

from warpgen.errors import ExtractionError
from warpgen.harvesting.spelling import literal, spelled
from warpgen.harvesting.surroundings import Found, Surroundings
from warpgen.harvesting.text import Text
from warpgen.verification.native import warp_native

_MISSING = object()


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
        text = literal(value)
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
        if same is not _MISSING and type(same) is type(value) and literal(same) == text:
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
                reader.text.replace(argument.annotation, self.spell(kind))
        reader.read(known_types)
        text = reader.text.written(name)
        return f"{decorator}\n{text}" if decorator else text

    def module(self, name: str) -> None:
        self._imports.add(f"import {name}")

    def typing(self, name: str) -> str:
        self._imports.add(f"from typing import {name}")
        return name


class _Reader:
    """Reads one function and notes what must be replaced in its text."""

    def __init__(self, book: _Book, func: Any, source: str, node: ast.FunctionDef) -> None:
        self._book, self._node = book, node
        self.text = Text(source, node)
        self._outside = Surroundings(func)
        stored = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        self._bound = stored | {a.arg for a in node.args.args}

    def read(self, known_types: Mapping[str, Any]) -> None:
        """Find everything that the function takes from outside."""
        for default in self._node.args.defaults:
            self._visit(default, set())
        for argument in self._node.args.args:
            if argument.annotation is not None and not self.text.is_done(argument.annotation):
                try:
                    self._annotation(argument.annotation)
                except ExtractionError:
                    if argument.arg not in known_types:
                        raise
                    self.text.replace(argument.annotation, self._book.spell(known_types[argument.arg]))
        if self._node.returns is not None:
            try:
                self._annotation(self._node.returns)
            except ExtractionError:
                self.text.drop_return()
        for statement in self._node.body:
            self._visit(statement, self._bound)

    def _annotation(self, node: ast.expr) -> None:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            inner = ast.parse(node.value, mode="eval").body
            value = self._outside.evaluated(inner)
            self.text.replace(node, self._book.write(ast.unparse(inner).replace(".", "_"), value))
            return
        self._visit(node, set())

    def _visit(self, node: ast.AST, bound: set[str]) -> None:
        if self.text.is_done(node):
            return
        if isinstance(node, ast.Call) and self._is_static(node):
            return self._static(node, bound)
        if isinstance(node, ast.expr) and (chain := _chain(node)):
            if isinstance(chain[0], ast.Name) and chain[0].id not in bound:
                self._replace(chain)
            return
        for child in ast.iter_child_nodes(node):
            self._visit(child, bound)

    def _is_static(self, node: ast.Call) -> bool:
        return isinstance(node.func, ast.Attribute) and node.func.attr == "static" and bool(node.args)

    def _static(self, node: ast.Call, bound: set[str]) -> None:
        """`wp.static(expression)`: as it stands, or its value where the expression cannot be taken along."""
        before = self.text.state()
        book = self._book.state()
        try:
            for child in ast.iter_child_nodes(node):
                self._visit(child, bound)
        except ExtractionError:
            self.text.restore(before)
            self._book.restore(book)
            value = self._outside.evaluated(node.args[0])
            text = literal(value)
            self.text.replace(node, text if text is not None else self._book.write("static", value))

    def _replace(self, chain: list[ast.Name | ast.Attribute]) -> None:
        """Write what the module calls it in place of a name from outside, or of a dotted one."""
        found = self._outside.find(chain)
        if found is not None:
            self.text.replace(*self._called(found, chain[-1]))
        self.text.leave(chain[-1])

    def _called(self, found: Found, whole: ast.expr) -> tuple[ast.expr, str]:
        """What is replaced, and by what."""
        part, name, value = found.part, found.name, found.value
        if found.module == "math":
            self._book.module("math")
        if found.module:
            return part, f"{found.module}.{name}"
        if getattr(value, "__module__", "") == "typing" or value is Any:
            return part, self._book.typing(name)
        if getattr(builtins, name, _MISSING) is value:
            return part, name
        try:
            return part, self._book.write(name, value)
        except ExtractionError:
            # An attribute of a thing that cannot be taken along.
            plain = literal(self._outside.evaluated(whole))
            if plain is None or part is whole:
                raise
            return whole, plain


def _chain(node: ast.expr) -> list[ast.Name | ast.Attribute]:
    """`a`, `a.b`, `a.b.c` of a dotted name; nothing for an attribute of what has none."""
    chain = []
    while isinstance(node, ast.Attribute):
        chain.append(node)
        node = node.value
    return [node, *reversed(chain)] if isinstance(node, ast.Name) else []


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
