"""Kinds of race to plant in the Python of a synthesised program, each as a change of its source."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from warpgen.program import Program


class Planted(NamedTuple):
    """A program with a race in it; `output` is the array whose elements threads race for."""

    kind: str
    program: Program
    output: str
    sums: bool = False  # whether it begins with zeros and sums are lost


# (kernel, names of its output arrays) -> the array that a race was planted on, at each place that there is
_Plant = Callable[[ast.FunctionDef, set[str]], Iterator[tuple[ast.FunctionDef, str]]]


def plant(program: Program) -> Iterator[Planted]:
    """The program with a race of each kind that it has a place for."""
    tree = ast.parse(program.source)
    place = next(
        i for i, n in enumerate(tree.body) if isinstance(n, ast.FunctionDef) and n.name == program.name
    )
    kernel = tree.body[place]
    assert isinstance(kernel, ast.FunctionDef)
    outputs = {a.name for a in program.args if a.role in ("output", "inout") and a.type.startswith("array")}
    for kind, change in KINDS.items():
        for changed, output in change(kernel, outputs):
            made = copy.deepcopy(tree)
            made.body[place] = changed
            source = ast.unparse(ast.fix_missing_locations(made)) + "\n"
            zeros = any(a.name == output and a.fill.kind == "constant" for a in program.args)
            sums = zeros and ("atomic_add" in program.source or "atomic_sub" in program.source)
            yield Planted(kind, msgspec.structs.replace(program, source=source), output, sums)
            break


def _lost_atomic(kernel: ast.FunctionDef, outputs: set[str]) -> Iterator[tuple[ast.FunctionDef, str]]:
    """`wp.atomic_add(a, i, v)` becomes `a[i] = a[i] + v`."""
    operators = {"atomic_add": "{0} + {1}", "atomic_sub": "{0} - {1}"}
    operators |= {"atomic_min": "wp.min({0}, {1})", "atomic_max": "wp.max({0}, {1})"}
    for number, node in enumerate(ast.walk(kernel)):
        call = node.value if isinstance(node, (ast.Expr, ast.Assign)) else None
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        name = ast.unparse(call.args[0]) if call.args else ""
        if call.func.attr not in operators or name not in outputs or call.keywords:
            continue
        where = f"{name}[{', '.join(map(ast.unparse, call.args[1:-1]))}]"
        value = operators[call.func.attr].format(where, f"({ast.unparse(call.args[-1])})")
        lines = [f"{where} = {value}"]
        if isinstance(node, ast.Assign):
            lines.insert(0, f"{ast.unparse(node.targets[0])} = {where}")
        made = copy.deepcopy(kernel)
        _replace(made, list(ast.walk(made))[number], ast.parse("\n".join(lines)).body)
        yield made, name


def _shared_place(kernel: ast.FunctionDef, outputs: set[str]) -> Iterator[tuple[ast.FunctionDef, str]]:
    """`a[i] = v` becomes `a[i // 2] = v`: two threads store to one element."""
    for made, target, name in _stores(kernel, outputs):
        index = target.slice.elts[-1] if isinstance(target.slice, ast.Tuple) else target.slice
        half = ast.parse(f"({ast.unparse(index)}) // 2", mode="eval").body
        if isinstance(target.slice, ast.Tuple):
            target.slice.elts[-1] = half
        else:
            target.slice = half
        yield made, name


def _neighbour_read(kernel: ast.FunctionDef, outputs: set[str]) -> Iterator[tuple[ast.FunctionDef, str]]:
    """`a[i] = v` becomes `a[i] = v + a[(i + 1) % n]`, which another thread stores to."""
    for made, target, name in _stores(kernel, outputs):
        if isinstance(target.slice, ast.Tuple):
            continue
        statement = next(n for n in ast.walk(made) if isinstance(n, ast.Assign) and n.targets[0] is target)
        index = ast.unparse(target.slice)
        other = ast.parse(f"{name}[({index} + 1) % {name}.shape[0]]", mode="eval").body
        statement.value = ast.BinOp(statement.value, ast.Add(), other)
        yield made, name


def _stores(
    kernel: ast.FunctionDef, outputs: set[str]
) -> Iterator[tuple[ast.FunctionDef, ast.Subscript, str]]:
    """A copy for each plain store to an output at the thread's own number, outside of loops."""
    threads = _thread_numbers(kernel)
    for number, node in enumerate(kernel.body):
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if not isinstance(target, ast.Subscript) or not isinstance(target.value, ast.Name):
            continue
        index = target.slice.elts[-1] if isinstance(target.slice, ast.Tuple) else target.slice
        if target.value.id in outputs and isinstance(index, ast.Name) and index.id in threads:
            made = copy.deepcopy(kernel)
            yield made, made.body[number].targets[0], target.value.id  # type: ignore[attr-defined]


def _thread_numbers(kernel: ast.FunctionDef) -> set[str]:
    """Variables that `wp.tid()` gives, and nothing else."""
    stored = [n.id for n in ast.walk(kernel) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    given = [
        name.id
        for node in ast.walk(kernel)
        if isinstance(node, ast.Assign) and ast.unparse(node.value) == "wp.tid()"
        for name in ast.walk(node.targets[0])
        if isinstance(name, ast.Name)
    ]
    return {name for name in given if stored.count(name) == 1}


def _replace(tree: ast.AST, old: ast.AST, new: list[ast.stmt]) -> None:
    for node in ast.walk(tree):
        for field in ("body", "orelse"):
            block = getattr(node, field, None)
            if isinstance(block, list) and old in block:
                at = block.index(old)
                block[at : at + 1] = new
                return


KINDS: dict[str, _Plant] = {
    "lost atomic": _lost_atomic,
    "shared place": _shared_place,
    "neighbour read": _neighbour_read,
}
