"""Programs that must do the same as another: what they do differently is a fault of neither's author."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from warpgen.hunting.oracles import judge
from warpgen.program import Program

Rewrite = Callable[[Program], Program]


def renamed(program: Program) -> Program:
    """Other names for the locals of the kernel, which sort in another order."""
    tree = ast.parse(program.source)
    (kernel,) = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == program.name]
    names = [n.id for n in ast.walk(kernel) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    taken = {n.arg for n in kernel.args.args} | {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    fresh = (name for name in (f"q{number}_" for number in range(10_000, 0, -1)) if name not in taken)
    new = {name: next(fresh) for name in dict.fromkeys(names)}
    for node in ast.walk(kernel):
        if isinstance(node, ast.Name):
            node.id = new.get(node.id, node.id)
    return _with(program, tree)


def unrolled(program: Program) -> Program:
    """Loops over a parameter that is the same in every launch become loops of that length."""
    given = {a.name: int(a.fill.value) for a in program.args if a.role == "param" and a.type == "int32"}
    return _with(program, _Lengths(given).visit(ast.parse(program.source)))


def divided(program: Program) -> Program:
    """`a % b` of floats becomes what it stands for."""
    return _with(program, _Remainders().visit(ast.parse(program.source)))


def apart(program: Program) -> Program:
    """Elements of a tuple in a local become locals of their own."""
    return _with(program, _Tuples(ast.parse(program.source)).made)


# Each beside the lines of the ledger that it cures, the likeliest first.
CURES: Mapping[str, Rewrite] = {"01-05": unrolled, "09": divided, "10": apart}


def differs(programs: Sequence[Program], folder: Path) -> list[str]:
    """How programs that are sound fare under other names; '' where they stay sound."""
    told = judge([renamed(program) for program in programs], folder, ("cpu",))
    return [f"renamed: {t.oracle or 'dropped'}: {t.error}"[:400] if t != (None, "") else "" for t in told]


def _with(program: Program, tree: Any) -> Program:
    return msgspec.structs.replace(program, source=ast.unparse(ast.fix_missing_locations(tree)) + "\n")


class _Lengths(ast.NodeTransformer):
    def __init__(self, given: Mapping[str, int]) -> None:
        self._given = given

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """`range(n)`."""
        if getattr(node.func, "id", "") == "range" and isinstance(node.args[-1], ast.Name):
            length = self._given.get(node.args[-1].id)
            if length is not None:
                node.args[-1] = ast.Constant(length)
        return node


class _Remainders(ast.NodeTransformer):
    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """`a % b`."""
        self.generic_visit(node)
        return _remainder(node.left, node.right) if isinstance(node.op, ast.Mod) else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """`wp.mod(a, b)`."""
        self.generic_visit(node)
        return _remainder(*node.args) if ast.unparse(node.func) == "wp.mod" else node


def _remainder(left: ast.expr, right: ast.expr) -> ast.expr:
    a, b = ast.unparse(left), ast.unparse(right)
    return ast.parse(f"({a}) - wp.trunc(({a}) / ({b})) * ({b})", mode="eval").body


class _Tuples:
    def __init__(self, tree: ast.Module) -> None:
        self._sizes: dict[str, int] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        self._sizes[target.id] = len(node.value.elts)
        self.made = self._statements(tree)

    def _statements(self, tree: ast.Module) -> ast.Module:
        for node in ast.walk(tree):
            for field in ("body", "orelse"):
                lines = getattr(node, field, None)
                if isinstance(lines, list):
                    setattr(node, field, [new for line in lines for new in self._split(line)])
        return self._elements(tree)

    def _split(self, line: ast.stmt) -> list[ast.stmt]:
        if not isinstance(line, ast.Assign) or not isinstance(line.value, ast.Tuple):
            return [line]
        (target,) = line.targets
        if not isinstance(target, ast.Name):
            return [line]
        parts = enumerate(line.value.elts)
        return [ast.Assign([ast.Name(f"{target.id}_{n}", ast.Store())], value) for n, value in parts]

    def _elements(self, tree: ast.Module) -> ast.Module:
        sizes = self._sizes

        class Elements(ast.NodeTransformer):
            def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
                """`t[0]`."""
                self.generic_visit(node)
                held = isinstance(node.value, ast.Name) and node.value.id in sizes
                if held and isinstance(node.slice, ast.Constant):
                    return ast.Name(f"{ast.unparse(node.value)}_{node.slice.value!r}", ast.Load())
                return node

        made: ast.Module = Elements().visit(tree)
        return made
