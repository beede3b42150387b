"""Rewrites of a kernel's Python: right ones, that change nothing but rounding, and wrong ones.

Each takes a kernel's tree and a number that chooses the place, changes the tree and says if it did.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

Change = Callable[[ast.FunctionDef, int], bool]


class Rewrite(NamedTuple):
    """A kind of rewrite, right or wrong."""

    kind: str
    right: bool
    change: Change


def rewritten(source: str, name: str, changes: list[Change], which: int) -> str | None:
    """The module with its kernel changed by all of `changes`, None where one finds no place."""
    tree = ast.parse(source)
    kernel = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name)
    if not all(change(kernel, which) for change in changes):
        return None
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def rename(kernel: ast.FunctionDef, which: int) -> bool:
    """Other names for the kernel, its arguments and its locals."""
    bound = {a.arg for a in kernel.args.args}
    bound |= {n.id for n in ast.walk(kernel) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    numbers = {name: f"v{number}" for number, name in enumerate(sorted(bound))}
    for node in ast.walk(kernel):
        if isinstance(node, ast.Name):
            node.id = numbers.get(node.id, node.id)
        elif isinstance(node, ast.arg):
            node.arg = numbers[node.arg]
    kernel.name = "rewritten"
    return True


def _at(matches: Callable[[ast.AST], bool], change: Callable[[ast.expr], ast.expr]) -> Change:
    """Replace one expression that matches."""

    def apply(kernel: ast.FunctionDef, which: int) -> bool:
        places = [node for node in _expressions(kernel) if matches(node)]
        if not places:
            return False
        chosen = places[which % len(places)]
        new = change(copy.deepcopy(chosen))

        class Replace(ast.NodeTransformer):
            def visit(self, node: ast.AST) -> ast.AST:
                return new if node is chosen else self.generic_visit(node)

        Replace().visit(kernel)
        return True

    return apply


def _expressions(kernel: ast.FunctionDef) -> Iterator[ast.expr]:
    """Expressions of the body outside wp.static, whose value is fixed, and outside loop bounds."""
    pending: list[ast.AST] = list(reversed(kernel.body))
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("wp.static", "range", "wp.tid"):
            continue
        if isinstance(node, ast.expr):
            yield node
        pending += reversed(list(ast.iter_child_nodes(node)))


def _operator(*kinds: type[ast.operator]) -> Callable[[ast.AST], bool]:
    return lambda node: isinstance(node, ast.BinOp) and isinstance(node.op, kinds)


def _float(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, float) and node.value != 0.0


def _swap(node: ast.expr) -> ast.expr:
    assert isinstance(node, ast.BinOp)
    node.left, node.right = node.right, node.left
    return node


# Calls whose order matters.
_EFFECTS = re.compile(r"atomic|rand|sample|_next|poisson")


def _commutes(node: ast.AST) -> bool:
    """A sum, or a product with a number: matrices do not commute."""
    if not isinstance(node, ast.BinOp) or _EFFECTS.search(ast.unparse(node)):
        return False
    number = isinstance(node.left, ast.Constant) or isinstance(node.right, ast.Constant)
    return isinstance(node.op, ast.Add) or (isinstance(node.op, ast.Mult) and number)


def _doubles(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Mult)
        and any(isinstance(side, ast.Constant) and side.value == 2.0 for side in (node.left, node.right))
        and any(isinstance(side, ast.Name) for side in (node.left, node.right))
    )


def _double(node: ast.expr) -> ast.expr:
    assert isinstance(node, ast.BinOp)
    name = node.left if isinstance(node.left, ast.Name) else node.right
    return ast.BinOp(name, ast.Add(), copy.deepcopy(name))


def _negated(node: ast.expr) -> ast.expr:
    assert isinstance(node, ast.BinOp)
    return ast.BinOp(node.left, ast.Add(), ast.UnaryOp(ast.USub(), node.right))


def _inverse(node: ast.expr) -> ast.expr:
    assert isinstance(node, ast.BinOp) and isinstance(node.right, ast.Constant)
    return ast.BinOp(node.left, ast.Mult(), ast.Constant(1.0 / float(node.right.value)))  # type: ignore[arg-type]


def _distributes(node: ast.AST) -> bool:
    """(a + b) * c with a number c."""
    return (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Mult)
        and _float(node.right)
        and isinstance(node.left, ast.BinOp)
        and isinstance(node.left.op, (ast.Add, ast.Sub))
    )


def _distributed(node: ast.expr) -> ast.expr:
    assert isinstance(node, ast.BinOp) and isinstance(node.left, ast.BinOp)
    one = ast.BinOp(node.left.left, ast.Mult(), node.right)
    other = ast.BinOp(node.left.right, ast.Mult(), copy.deepcopy(node.right))
    return ast.BinOp(one, node.left.op, other)


_MIRRORED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt,
    ast.Gt: ast.Lt,
    ast.LtE: ast.GtE,
    ast.GtE: ast.LtE,
}


def _compares(node: ast.AST) -> bool:
    return isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _MIRRORED


def _mirrored(node: ast.expr) -> ast.expr:
    assert isinstance(node, ast.Compare)
    return ast.Compare(node.comparators[0], [_MIRRORED[type(node.ops[0])]()], [node.left])


def _turned(node: ast.expr) -> ast.expr:
    assert isinstance(node, ast.Compare)
    node.ops = [_MIRRORED[type(node.ops[0])]()]
    return node


def reorder(kernel: ast.FunctionDef, which: int) -> bool:
    """Exchange two neighbouring statements that do not touch what the other uses."""
    places = [i for i in range(len(kernel.body) - 1) if _independent(kernel.body[i], kernel.body[i + 1])]
    if not places:
        return False
    i = places[which % len(places)]
    kernel.body[i], kernel.body[i + 1] = kernel.body[i + 1], kernel.body[i]
    return True


def _independent(a: ast.stmt, b: ast.stmt) -> bool:
    """Two assignments to different locals that call nothing with an effect."""
    stored, used = [], []
    for statement in (a, b):
        if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
            return False
        called = [ast.unparse(n.func) for n in ast.walk(statement) if isinstance(n, ast.Call)]
        if any(not name.startswith("wp.") or _EFFECTS.search(name) for name in called):
            return False
        stored.append(statement.targets[0].id)
        used.append({n.id for n in ast.walk(statement) if isinstance(n, ast.Name)})
    return stored[0] not in used[1] and stored[1] not in used[0]


def name_value(kernel: ast.FunctionDef, which: int) -> bool:
    """Give the value of a store a name of its own."""
    places = [i for i, s in enumerate(kernel.body) if _stores(s)]
    if not places:
        return False
    i = places[which % len(places)]
    store = kernel.body[i]
    assert isinstance(store, ast.Assign)
    name = ast.Name("named_value", ast.Store())
    kernel.body.insert(i, ast.Assign([name], store.value))
    store.value = ast.Name("named_value", ast.Load())
    return True


def _stores(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Subscript)


def turn_branch(kernel: ast.FunctionDef, which: int) -> bool:
    """Exchange both arms of a branch and turn its condition round."""
    places = [n for n in ast.walk(kernel) if isinstance(n, ast.If) and n.orelse]
    if not places:
        return False
    branch = places[which % len(places)]
    branch.test = ast.UnaryOp(ast.Not(), branch.test)
    branch.body, branch.orelse = branch.orelse, branch.body
    return True


def drop(kernel: ast.FunctionDef, which: int) -> bool:
    """Leave out a store or an atomic."""
    blocks = [b for n in ast.walk(kernel) for b in _blocks(n)]
    places = [(b, i) for b in blocks for i, s in enumerate(b) if _stores(s) or _atomic(s)]
    if not places:
        return False
    block, i = places[which % len(places)]
    block[i] = ast.Pass()
    return True


def _blocks(node: ast.AST) -> list[list[ast.stmt]]:
    return [b for name in ("body", "orelse") if isinstance(b := getattr(node, name, None), list) and b]


def _atomic(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and ast.unparse(statement).startswith("wp.atomic_")


def lose_atomic(kernel: ast.FunctionDef, which: int) -> bool:
    """Store where the kernel adds."""
    blocks = [b for n in ast.walk(kernel) for b in _blocks(n)]
    places = [(b, i) for b in blocks for i, s in enumerate(b) if _atomic(s)]
    places = [(b, i) for b, i in places if ast.unparse(b[i]).startswith("wp.atomic_add")]
    if not places:
        return False
    block, i = places[which % len(places)]
    call = block[i].value  # type: ignore[attr-defined]
    *place, value = call.args[1:]
    index = place[0] if len(place) == 1 else ast.Tuple(place, ast.Load())
    block[i] = ast.Assign([ast.Subscript(call.args[0], index, ast.Store())], value)
    return True


def scale(kernel: ast.FunctionDef, which: int) -> bool:
    """Store a hundredth more than the kernel does."""
    places = [s for s in ast.walk(kernel) if isinstance(s, ast.Assign) and _stores(s)]
    if not places:
        return False
    store = places[which % len(places)]
    store.value = ast.BinOp(store.value, ast.Mult(), ast.Constant(1.01))
    return True


def _loads(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Subscript)
        and isinstance(node.ctx, ast.Load)
        and isinstance(node.slice, ast.Name)
    )


def _next(node: ast.expr) -> ast.expr:
    assert isinstance(node, ast.Subscript)
    node.slice = ast.BinOp(node.slice, ast.Add(), ast.Constant(1))
    return node


_OTHER = {"wp.sin": "cos", "wp.cos": "sin", "wp.min": "max", "wp.max": "min", "wp.floor": "ceil"}
_OTHER |= {"wp.exp": "sqrt", "wp.abs": "sign", "wp.length": "length_sq", "wp.atomic_add": "atomic_sub"}
_ORDERED = {"wp.sub", "wp.div", "wp.cross", "wp.atan2", "wp.pow", "wp.mod", "wp.outer"}


def calls(names: set[str]) -> Callable[[ast.AST], bool]:
    """Whether a node is a call of one of these."""
    return lambda node: isinstance(node, ast.Call) and ast.unparse(node.func) in names


def _other(node: ast.expr) -> ast.expr:
    assert isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    node.func.attr = _OTHER[ast.unparse(node.func)]
    return node


def _exchanged(node: ast.expr) -> ast.expr:
    assert isinstance(node, ast.Call)
    node.args[0], node.args[1] = node.args[1], node.args[0]
    return node


def _matters(node: ast.AST) -> bool:
    """A constant that is no mere guard against a division by zero."""
    return _float(node) and isinstance(node, ast.Constant) and abs(float(node.value)) >= 0.01  # type: ignore[arg-type]


def _changed(node: ast.expr) -> ast.expr:
    assert isinstance(node, ast.Constant) and isinstance(node.value, float)
    return ast.Constant(node.value * 1.25)


def _becomes(kind: type[ast.operator]) -> Callable[[ast.expr], ast.expr]:
    def change(node: ast.expr) -> ast.expr:
        assert isinstance(node, ast.BinOp)
        node.op = kind()
        return node

    return change


def _divides(node: ast.AST) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and _float(node.right)


REWRITES = (
    Rewrite("renamed", True, rename),
    Rewrite("operands exchanged", True, _at(_commutes, _swap)),
    Rewrite("x * 2 as x + x", True, _at(_doubles, _double)),
    Rewrite("a - b as a + (-b)", True, _at(_operator(ast.Sub), _negated)),
    Rewrite("x / c as x * (1 / c)", True, _at(_divides, _inverse)),
    Rewrite("product distributed", True, _at(_distributes, _distributed)),
    Rewrite("comparison mirrored", True, _at(_compares, _mirrored)),
    Rewrite("branch turned round", True, turn_branch),
    Rewrite("statements reordered", True, reorder),
    Rewrite("value named", True, name_value),
    Rewrite("sign flipped", False, _at(_operator(ast.Add), _becomes(ast.Sub))),
    Rewrite("difference turned round", False, _at(_operator(ast.Sub), _swap)),
    Rewrite("quotient turned round", False, _at(_operator(ast.Div), _swap)),
    Rewrite("product becomes sum", False, _at(_operator(ast.Mult), _becomes(ast.Add))),
    Rewrite("index off by one", False, _at(_loads, _next)),
    Rewrite("constant changed", False, _at(_matters, _changed)),
    Rewrite("statement dropped", False, drop),
    Rewrite("atomic lost", False, lose_atomic),
    Rewrite("comparison turned round", False, _at(_compares, _turned)),
    Rewrite("other function", False, _at(calls(set(_OTHER)), _other)),
    Rewrite("arguments exchanged", False, _at(calls(_ORDERED), _exchanged)),
    Rewrite("output scaled", False, scale),
)
