"""What can be taken away from a program: statements, parts of expressions, size of its launch.

A step names a node by its place in the walk over the tree of the program, so that several go together.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from warpgen.program import Program
from warpgen.verification.judging.variations import resized


class Step(NamedTuple):
    """`what` is done to the node that is the `place`-th of the walk."""

    place: int
    what: str


def steps(program: Program, kind: str) -> list[Step]:
    """All that may be tried: `statements`, `expressions` or `launch`."""
    if kind == "launch":
        return [Step(size, "size") for size in (1, 2, 7)]
    tree = ast.parse(program.source)
    inside = {id(node) for function in _functions(tree) for node in ast.walk(function)}
    offered = _of_statement if kind == "statements" else _of_expression
    return [
        Step(place, what)
        for place, node in enumerate(ast.walk(tree))
        if id(node) in inside
        for what in offered(node)
    ]


def _of_statement(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.stmt) and not isinstance(node, ast.FunctionDef):
        yield "drop"
        if isinstance(node, (ast.If, ast.For, ast.While)):
            yield "body"


def _of_expression(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.BinOp):
        yield from ("left", "right")
    elif isinstance(node, ast.IfExp):
        yield from ("body", "orelse")
    elif isinstance(node, ast.UnaryOp):
        yield "operand"
    elif isinstance(node, ast.Call):
        yield from (f"argument {n}" for n in range(min(len(node.args), 3)))


def applied(program: Program, chosen: Sequence[Step]) -> Program | None:
    """The program after the steps, without what nothing uses any more; None where it is no program."""
    if chosen and chosen[0].what == "size":
        return resized(program, lambda extent: chosen[0].place) if len(chosen) == 1 else None
    tree = ast.parse(program.source)
    nodes = list(ast.walk(tree))
    wanted = {id(nodes[step.place]): step.what for step in chosen}
    left = _Taker(wanted).visit(tree)
    try:
        source = ast.unparse(ast.fix_missing_locations(_trimmed(left, program.name))) + "\n"
        with warnings.catch_warnings():
            warnings.simplefilter("error", SyntaxWarning)  # of an element of a number, say: no program either
            compile(source, "reduced", "exec")
    except (SyntaxError, ValueError):
        return None
    return without_unused(msgspec.structs.replace(program, source=source))


class _Taker(ast.NodeTransformer):
    """Does to each wanted node what is wanted of it."""

    def __init__(self, wanted: dict[int, str]) -> None:
        self._wanted = wanted

    def visit(self, node: ast.AST) -> Any:
        """Replace the node, or go on below it."""
        what = self._wanted.get(id(node), "")
        self.generic_visit(node)
        if isinstance(node, ast.FunctionDef) and not node.body:
            node.body = [ast.Pass()]
        if isinstance(node, (ast.If, ast.For, ast.While)) and not node.body:
            return node.orelse if isinstance(node, ast.If) else None
        if what == "drop":
            return None
        if what == "body" and isinstance(node, (ast.If, ast.For, ast.While)):
            return node.body
        if what.startswith("argument") and isinstance(node, ast.Call):
            return node.args[int(what.split()[1])]
        return getattr(node, what) if what else node


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def _trimmed(tree: ast.AST, kernel: str) -> ast.Module:
    """Without functions and structs that nothing names, docstrings, and locals that nothing reads."""
    assert isinstance(tree, ast.Module)
    before = ""
    while (now := ast.dump(tree)) != before:
        before = now
        named = {kernel} | {name for node in tree.body for name in _read(node)}
        tree.body = [
            node
            for node in tree.body
            if not isinstance(node, (ast.FunctionDef, ast.ClassDef)) or {node.name, *_served(node)} & named
        ]
        for function in _functions(tree):
            function.body = [line for line in function.body if not _idle(line, named)] or [ast.Pass()]
    return tree


def _read(node: ast.stmt) -> Iterator[str]:
    """What a function or struct names, or any other statement; whom it serves is another matter."""
    parts: list[ast.AST] = [*node.body, node.args] if isinstance(node, ast.FunctionDef) else [node]
    for part in parts:
        yield from (n.id for n in ast.walk(part) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))


def _served(node: ast.FunctionDef | ast.ClassDef) -> Iterator[str]:
    """The function that it is the gradient of, as `@wp.func_grad(f)` says."""
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call):
            yield from (ast.unparse(argument) for argument in decorator.args)


def _idle(line: ast.stmt, read: set[str]) -> bool:
    """Whether a line is a docstring, or sets a local of its own that nothing reads."""
    if isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant):
        return True
    targets = line.targets if isinstance(line, ast.Assign) else []
    return bool(targets) and all(isinstance(t, ast.Name) and t.id not in read for t in targets)


def without_unused(program: Program) -> Program:
    """Without arguments that the kernel does not name."""
    tree = ast.parse(program.source)
    (kernel,) = [f for f in _functions(tree) if f.name == program.name]
    named = {node.id for line in kernel.body for node in ast.walk(line) if isinstance(node, ast.Name)}
    kernel.args.args = [a for a in kernel.args.args if a.arg in named]
    args = tuple(a for a in program.args if a.name in named or any(f.of in named for f in a.fills if f.of))
    if {a.arg for a in kernel.args.args} != {a.name for a in args} or not args:
        return program
    return msgspec.structs.replace(program, source=ast.unparse(tree) + "\n", args=args)
