"""Reads one function and notes what must be replaced in its text."""

from __future__ import annotations

import ast
import builtins
import inspect
import math
import textwrap
import types
from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol

import warp as wp

from warpgen.errors import ExtractionError
from warpgen.extraction.builtins import builtins as known
from warpgen.harvesting.locals import Locals, inner_names, parameters
from warpgen.harvesting.loops import Loops
from warpgen.harvesting.naming import WARP, ClashError
from warpgen.harvesting.spelling import literal, plain
from warpgen.harvesting.surroundings import Chain, Place, Step, Surroundings, bare
from warpgen.harvesting.text import Text
from warpgen.verification.native import warp_native

_MAKERS_OF_TYPES = ("vector", "matrix", "quaternion", "transformation")


class Module(Protocol):
    """The module that the function is to stand in (`book.py`)."""

    apart: bool  # whether each use of what was an attribute stays a constant of its own
    values: bool  # whether static expressions become their values
    statics: int  # how many were taken along

    def spell(self, kind: Any) -> str:
        """An expression for a type."""

    def write(self, candidates: tuple[str, ...], value: Any, place: Place) -> str:
        """The expression for a value, which is written down if it is not there."""

    def write_python(
        self, candidates: tuple[str, ...], value: Any, place: Place, arrays: bool = False
    ) -> str:
        """The same for a static expression."""

    def math(self) -> str:
        """What it calls Python's `math`."""

    def typing(self, name: str) -> str:
        """A name of `typing`."""

    def state(self) -> tuple[Any, ...]:
        """What `restore` takes."""

    def restore(self, state: tuple[Any, ...]) -> None:
        """Undo what came after `state`."""


def source_of(func: Any) -> str:
    """A function's text without what stands before all of its lines. Raises ExtractionError."""
    try:
        source = textwrap.dedent(inspect.getsource(func))
        ast.parse(source)
    except (OSError, TypeError, SyntaxError) as error:
        raise ExtractionError(f"the source of {getattr(func, '__name__', func)} is not to be had") from error
    return source if source.endswith("\n") else source + "\n"


class Reader:
    """One function of the module that `book` is about to hold.

    `adj` is Warp's analysis of it, which keeps what every `wp.static` was when the function was declared; a
    plain function of Python has none.
    """

    def __init__(self, book: Module, func: Any, adj: Any = None) -> None:
        self._book, self._func, self.source = book, func, source_of(func)
        node = ast.parse(self.source).body[0]
        if not isinstance(node, ast.FunctionDef):
            raise ExtractionError(f"the source of {func.__name__} is a {type(node).__name__}")
        self._node = node
        self.text = Text(self.source, node)
        self._outside = Surroundings(func)
        self._locals = Locals(node)
        self._declared: Mapping[str, Any] = getattr(adj, "resolved_static_expressions", {})

    def annotate(self, arg_types: Mapping[str, Any]) -> None:
        """Write these types in place of the parameters' annotations, where those say another or none.

        A name in an annotation may have got another meaning since, or have one in a factory alone.
        """
        for argument in parameters(self._node):
            if argument.arg in arg_types and argument.annotation is not None:
                try:
                    text = self._book.spell(arg_types[argument.arg])
                except ExtractionError:  # `Any`, of a generic function
                    continue
                book = self._book.state()
                if not self._says(argument.annotation, text):
                    self._book.restore(book)  # the other type may be a struct
                    self.text.replace(argument.annotation, text)

    def _says(self, annotation: ast.expr, text: str) -> bool:
        """Whether an annotation stands for the type that is spelled so."""
        try:
            return self._book.spell(self._outside.evaluated(annotation)) == text
        except ExtractionError:
            return False

    def read(self, known_types: Mapping[str, Any]) -> None:
        """Find everything that the function takes from outside.

        `known_types` are written for annotations that cannot be taken along.
        """
        self._free_warp()
        arguments = self._node.args
        positional = zip(arguments.defaults, self._func.__defaults__ or (), strict=False)
        named = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        given = self._func.__kwdefaults__ or {}
        for node, value in [*positional, *((d, given.get(a.arg)) for a, d in named if d is not None)]:
            self._default(node, value)
        for argument in parameters(self._node):
            if argument.annotation is not None and not self.text.is_done(argument.annotation):
                try:
                    self._annotation(argument.annotation)
                except ExtractionError:
                    if argument.arg not in known_types:
                        raise
                    self.text.replace(argument.annotation, self._book.spell(known_types[argument.arg]))
        if self._node.returns is not None:
            try:
                self._returned(self._node.returns)
            except ExtractionError:
                self.text.drop_return()
        for statement in self._node.body:
            self._visit(statement, local=True)

    def _free_warp(self) -> None:
        """A local that is called as the row calls Warp gets another name."""
        if WARP not in self._locals.names:
            return
        if any(argument.arg == WARP for argument in parameters(self._node)):
            raise ExtractionError(f"a parameter is called {WARP}")
        free = f"{WARP}_1"
        while free in self._locals.names or self._outside.is_known(free):
            free += "1"
        for node in ast.walk(self._node):
            if isinstance(node, ast.Name) and node.id == WARP and self._locals.has(node):
                self.text.rename(node, free)

    def _default(self, node: ast.expr, value: Any) -> None:
        """A default was evaluated once, when the function was made: what its names mean may have changed."""
        try:
            same = _alike(value, self._outside.evaluated(node))
        except ExtractionError:
            same = False
        text = None if same else literal(value)
        if text is not None:
            self.text.replace(node, text)
        else:
            self._visit(node, local=False)

    def _annotation(self, node: ast.expr) -> None:
        """Replace what an annotation takes from outside; nothing where it cannot all be taken along."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            value = self._outside.evaluated(ast.parse(node.value, mode="eval").body)
            self.text.replace(node, self._book.spell(value))
            return
        before, book = self.text.state(), self._book.state()
        try:
            self._visit(node, local=False)
        except ExtractionError:
            self.text.restore(before)
            self._book.restore(book)
            raise

    def _returned(self, node: ast.expr) -> None:
        """The same for what the function says it returns, if that still means what it did."""
        said = self._func.__annotations__.get("return")
        if isinstance(said, type) and self._outside.evaluated(node) is not said:
            raise ExtractionError("what an annotation names has changed since")
        self._annotation(node)

    def _visit(self, node: ast.AST, local: bool, inner: frozenset[str] = frozenset()) -> None:
        """`local`: names may be the function's own; `inner` are those that an expression binds for itself."""
        if self.text.is_done(node):
            return
        if isinstance(node, ast.Call) and self._is_static(node):
            self._static(node)
            return
        chain = _chain(node) if isinstance(node, ast.expr) else []
        if chain:
            root = chain[0]
            assert isinstance(root, ast.Name)
            if root.id not in inner and not (local and self._locals.has(root)):
                self._replace(chain, self._book.write, may_be_unknown=local)
            return
        for child in ast.iter_child_nodes(node):
            self._visit(child, local, inner)

    def _is_static(self, node: ast.Call) -> bool:
        chain = _chain(node.func)
        if (
            not chain
            or len(node.args) != 1
            or (isinstance(chain[0], ast.Name) and self._locals.has(chain[0]))
        ):
            return False
        try:
            steps = list(self._outside.steps(chain))
        except ExtractionError:
            return False
        return bool(steps) and steps[-1].value is wp.static

    def _static(self, node: ast.Call) -> None:
        """`wp.static(expression)`: as it stands, or its value where the expression cannot be taken along.

        The expression is Python, evaluated when the function is declared if it can be, which the module's
        variables alone decide then; else when code is generated, with the constants among the locals.
        """
        chain, expression = _chain(node.func), node.args[0]
        declared = self._declared_value(expression)
        before, book = self.text.state(), self._book.state()
        try:
            if self._book.values:
                raise ExtractionError("static expressions become their values")
            if declared is not _NONE and not _alike(declared, self._outside.evaluated(expression)):
                raise ExtractionError("a static expression has changed since its function was declared")
            self._replace(chain, self._book.write)
            self._visit_static(expression, local=declared is _NONE)
            self._book.statics += 1
        except ExtractionError:
            self.text.restore(before)
            self._book.restore(book)
            self.text.replace(node, self._static_value(expression, declared))

    def _static_value(self, expression: ast.expr, declared: Any) -> str:
        """What stands for a static expression whose value is known, for each turn of the loops around it."""
        if declared is _NONE:
            turns = Loops(self._node, self._outside).turns(expression)
            if turns is not None:
                table = {key: self._outside.evaluated(expression, values) for key, values in turns.items()}
                text = plain(table)
                if text is None:
                    text = f"{{{', '.join(f'{k}: {self._named(v)}' for k, v in table.items())}}}"
                key = ", ".join(next(iter(turns.values())))
                return f"wp.static({text}[{key}])"
        value = declared if declared is not _NONE else self._outside.evaluated(expression)
        text = literal(value)
        return f"wp.static({text})" if text is not None else self._named(value)

    def _named(self, value: Any) -> str:
        """What the module calls a value that has no text of its own, as a function."""
        return self._checked(self._book.write(("static",), value, (id(value), "")))

    def _declared_value(self, expression: ast.expr) -> Any:
        """What Warp found a static expression to be when the function was declared."""
        code = ast.get_source_segment(self.source, expression) or ""
        return self._declared.get(code.replace("\n", ""), _NONE)

    def _visit_static(self, expression: ast.expr, local: bool) -> None:
        """Replace what a static expression takes from outside; values of Python may be taken along too."""
        own = inner_names(expression)
        write = partial(self._book.write_python, arrays=local)
        for part in ast.walk(expression):
            chain = _chain(part) if isinstance(part, ast.expr) else []
            if not chain or self.text.is_done(part):
                continue
            root = chain[0]
            assert isinstance(root, ast.Name)
            if root.id not in own and not (local and self._locals.has(root)):
                self._replace(chain, write)
            else:
                self.text.leave(chain[-1])

    def _replace(self, chain: Chain, write: Any, may_be_unknown: bool = False) -> None:
        """Write what the module calls it in place of a name from outside, or of a dotted one.

        A name in a function's body may be unknown: in a branch that Warp leaves out, else Warp says so.
        """
        failed: ExtractionError | None = None
        steps = self._outside.steps(chain)
        first = next(steps, None)
        if first is None:
            root = chain[0]
            assert isinstance(root, ast.Name)
            called = bare(root.id)
            if called:
                self.text.replace(root, self._checked(called))
            elif not may_be_unknown:
                raise ExtractionError(f"the name {root.id} is not known")
            self.text.leave(chain[-1])
            return
        for place, step in enumerate((first, *steps), 1):
            if isinstance(step.value, types.ModuleType) or _leads_on(step.value, chain[place:]):
                continue
            try:
                text = self._called(step, write)
            except ExtractionError as error:
                failed = failed or error
                continue
            self.text.replace(step.part, self._checked(text))
            self.text.leave(chain[-1])
            return
        raise failed or ExtractionError(f"the kernel uses the module {ast.unparse(chain[-1])}")

    def _called(self, step: Step, write: Any) -> str:
        """An expression for what a step leads to. Raises ExtractionError where it cannot be written down."""
        name, value = step.name, step.value
        if step.owner is wp and not (isinstance(value, wp.Function) and value.func is not None):
            return f"wp.{name}"
        for maker in _MAKERS_OF_TYPES:
            if value is getattr(wp.types, maker):
                return f"wp.types.{maker}"
        if step.owner is math:
            return self._book.math() + f".{name}"
        if getattr(value, "__module__", "") == "typing" or value is Any:
            return self._book.typing(getattr(value, "__name__", "") or getattr(value, "_name", "") or name)
        if getattr(builtins, name, _NONE) is value:
            return name
        if callable(value) and not isinstance(value, (type, wp.Function, types.FunctionType)):
            # Warp takes NumPy's sqrt, or any callable of a builtin's name, for the builtin.
            for called in (name, getattr(value, "__name__", "")):
                if called in known().functions:
                    return f"wp.{called}"
        text = self._checked(str(write((name, f"{step.before}_{name}"), value, step.place)))
        if self._book.apart and step.owner is not None and write == self._book.write and _is_constant(value):
            return f"wp.static({text})"
        return text

    def _checked(self, text: str) -> str:
        """The expression, unless its first name means one of the function's own variables here."""
        root = text.partition(".")[0]
        if root in self._locals.names and root != WARP:
            raise ClashError(root)
        return text


_NONE = object()


def _is_constant(value: Any) -> bool:
    return literal(value) is not None or hasattr(type(value), "_shape_")


def _alike(a: Any, b: Any) -> bool:
    """Whether two values of a static expression are the same to a kernel."""
    if a is b:
        return True
    written = plain(a)
    return type(a) is type(b) and written is not None and written == plain(b)


def _leads_on(value: Any, rest: Chain) -> bool:
    """Whether what is meant is inside: a field of a tuple; a function, struct or type of a class, say."""
    if rest and isinstance(value, tuple):
        return True
    if not rest or (not isinstance(value, (type, wp.Function)) and not warp_native.is_struct(value)):
        return False
    part = rest[0]
    assert isinstance(part, ast.Attribute)
    inner = getattr(value, part.attr, _NONE)
    return isinstance(inner, (type, wp.Function)) or warp_native.is_struct(inner)


def _chain(node: ast.expr) -> Chain:
    """`a`, `a.b`, `a.b.c` of a dotted name; nothing for an attribute of what has none."""
    chain: list[ast.Attribute] = []
    while isinstance(node, ast.Attribute):
        chain.append(node)
        node = node.value
    return [node, *reversed(chain)] if isinstance(node, ast.Name) else []
