"""Faults that people make in a kernel's Python, each as an edit of its text."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import xxhash

from warpgen.planting.edits import Edit


class Fault(NamedTuple):
    """A kind of fault at one place. Whether it does any harm, only a run can tell."""

    kind: str
    edit: Edit


class _Source:
    """A module's text with the places of its nodes in characters."""

    def __init__(self, text: str) -> None:
        self.text, self.tree = text, ast.parse(text)
        self._lines = text.splitlines(keepends=True)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))
        blocks = [getattr(node, name, None) for node in ast.walk(self.tree) for name in ("body", "orelse")]
        self._alone = {id(block[0]) for block in blocks if isinstance(block, list) and len(block) == 1}

    def without(self, node: ast.stmt) -> Edit:
        """No such statement, and nothing that tells of it."""
        if id(node) in self._alone:
            return Edit(*self.span(node), "pass")
        return Edit(self._starts[node.lineno - 1], self._starts[node.end_lineno or node.lineno], "")

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None and node.end_col_offset is not None
        return self._at(node.lineno, node.col_offset), self._at(node.end_lineno, node.end_col_offset)

    def _at(self, line: int, column: int) -> int:
        """Python counts columns in bytes."""
        before = self._lines[line - 1].encode()[:column]
        return self._starts[line - 1] + len(before.decode())

    def of(self, node: ast.expr | ast.stmt) -> str:
        start, stop = self.span(node)
        return self.text[start:stop]


Find = Callable[[_Source, ast.AST], Edit | None]


def faults(text: str, seed: str, functions: frozenset[str] = frozenset()) -> Iterator[Fault]:
    """One fault of each kind that the module has a place for; order and places follow from `seed`.

    They are in its functions, or in those of these names.
    """
    source = _Source(text)
    nodes = [
        node
        for function in source.tree.body
        if isinstance(function, ast.FunctionDef) and (not functions or function.name in functions)
        for node in _inside(function)
    ]
    for kind in sorted(_KINDS, key=lambda kind: _draw(seed, kind)):
        found = [edit for node in nodes if (edit := _KINDS[kind](source, node)) is not None]
        if found:
            yield Fault(kind, found[_draw(seed, kind, "place") % len(found)])


def _draw(*words: str) -> int:
    return xxhash.xxh3_64_intdigest("\0".join(words).encode())


def _inside(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """Statements and expressions of the body; not in `wp.static`, which is computed before."""
    pending: list[ast.AST] = list(reversed(function.body))
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Call) and _called(node) in ("wp.static", "wp.tid"):
            continue
        yield node
        pending += reversed(list(ast.iter_child_nodes(node)))


def _called(node: ast.AST) -> str:
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


def _operator(kind: type[ast.operator], old: str, new: str) -> Find:
    def find(source: _Source, node: ast.AST) -> Edit | None:
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, kind):
            return None
        return _symbol(source, node.left, node.right, old, new)

    return find


def _symbol(source: _Source, left: ast.expr, right: ast.expr, old: str, new: str) -> Edit | None:
    """Another symbol between two expressions."""
    start, stop = source.span(left)[1], source.span(right)[0]
    at = source.text.find(old, start, stop)
    return None if at < 0 or "#" in source.text[start:stop] else Edit(at, at + len(old), new)


def _exchanged(source: _Source, node: ast.AST) -> Edit | None:
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Sub, ast.Div)):
        left, right = node.left, node.right
    elif _called(node) in _ORDERED and isinstance(node, ast.Call) and len(node.args) > 1:
        left, right = node.args[:2]
    else:
        return None
    (start, a), (b, stop) = source.span(left), source.span(right)
    middle = source.text[a:b]
    if middle.strip() not in ("-", "/", ",") or source.of(left) == source.of(right):
        return None
    return Edit(start, stop, source.of(right) + middle + source.of(left))


def _comparison(turn: dict[type[ast.cmpop], tuple[str, str]]) -> Find:
    def find(source: _Source, node: ast.AST) -> Edit | None:
        if not isinstance(node, ast.Compare) or len(node.ops) != 1 or type(node.ops[0]) not in turn:
            return None
        return _symbol(source, node.left, node.comparators[0], *turn[type(node.ops[0])])

    return find


def _constant(source: _Source, node: ast.AST) -> Edit | None:
    """Another number; none that only guards against a division by zero."""
    if not isinstance(node, ast.Constant) or not isinstance(node.value, float) or abs(node.value) < 0.01:
        return None
    return Edit(*source.span(node), repr(round(node.value * 1.25, 6)))


def _integer(source: _Source, node: ast.AST) -> Edit | None:
    """`2` where Warp wants `2.0`."""
    if isinstance(node, ast.BinOp):
        for side in (node.left, node.right):
            if isinstance(side, ast.Constant) and isinstance(side.value, float) and side.value.is_integer():
                return Edit(*source.span(side), str(int(side.value)))
    return None


def _cast(source: _Source, node: ast.AST) -> Edit | None:
    if _called(node) in _CASTS and isinstance(node, ast.Call) and len(node.args) == 1:
        return Edit(*source.span(node), f"({source.of(node.args[0])})")
    return None


def _index(source: _Source, node: ast.AST) -> Edit | None:
    load = isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load)
    if load and isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Name):
        stop = source.span(node.slice)[1]
        return Edit(stop, stop, " + 1")
    return None


def _loop(source: _Source, node: ast.AST) -> Edit | None:
    if _called(node) == "range" and isinstance(node, ast.Call) and len(node.args) < 3:
        stop = source.span(node.args[-1])[1]
        return Edit(stop, stop, " - 1")
    return None


def _other(source: _Source, node: ast.AST) -> Edit | None:
    if isinstance(node, ast.Call) and _called(node) in _OTHER:
        return Edit(*source.span(node.func), _OTHER[_called(node)])
    return None


def _left_out(source: _Source, node: ast.AST) -> Edit | None:
    """No store, atomic or local."""
    stores = isinstance(node, (ast.Assign, ast.AugAssign)) or (
        isinstance(node, ast.Expr) and re.match(r"wp\.(atomic_|tile_store)", source.of(node))
    )
    if not stores or not isinstance(node, ast.stmt) or "wp.tid" in source.of(node):
        return None
    return source.without(node)


def _plain(source: _Source, node: ast.AST) -> Edit | None:
    """A store where threads must add."""
    if not isinstance(node, ast.Expr) or _called(node.value) != "wp.atomic_add":
        return None
    assert isinstance(node.value, ast.Call)
    target, *place, value = map(source.of, node.value.args)
    return Edit(*source.span(node), f"{target}[{', '.join(place)}] = {value}")


def _overwritten(source: _Source, node: ast.AST) -> Edit | None:
    """`=` where a sum goes on."""
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
        return _symbol(source, node.target, node.value, "+=", "=")
    return None


_TURNED: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", ">="), ast.Gt: (">", "<="), ast.LtE: ("<=", ">"), ast.GtE: (">=", "<"),
    ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="),
}  # fmt: skip
_BESIDE: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="), ast.Gt: (">", ">="), ast.LtE: ("<=", "<"), ast.GtE: (">=", ">"),
}  # fmt: skip
_OTHER = {
    "wp.sin": "wp.cos", "wp.cos": "wp.sin", "wp.min": "wp.max", "wp.max": "wp.min", "wp.floor": "wp.ceil",
    "wp.ceil": "wp.floor", "wp.exp": "wp.log", "wp.log": "wp.exp", "wp.abs": "wp.sign", "wp.sqrt": "wp.abs",
    "wp.length": "wp.length_sq", "wp.length_sq": "wp.length", "wp.atomic_add": "wp.atomic_sub",
    "wp.atomic_max": "wp.atomic_min", "wp.atomic_min": "wp.atomic_max", "wp.transpose": "wp.inverse",
    "wp.quat_rotate": "wp.quat_rotate_inv", "wp.transform_point": "wp.transform_vector",
}  # fmt: skip
_ORDERED = {"wp.cross", "wp.atan2", "wp.pow", "wp.mod", "wp.outer", "wp.sub", "wp.div", "wp.cw_div"}
_CASTS = {"float", "int", "wp.float32", "wp.int32", "wp.float64", "wp.float16", "wp.uint32"}

_KINDS: dict[str, Find] = {
    "a sum becomes a difference": _operator(ast.Add, "+", "-"),
    "a difference becomes a sum": _operator(ast.Sub, "-", "+"),
    "a product becomes a sum": _operator(ast.Mult, "*", "+"),
    "a quotient becomes a product": _operator(ast.Div, "/", "*"),
    "two operands are exchanged": _exchanged,
    "a comparison is turned round": _comparison(_TURNED),
    "a comparison is off by one": _comparison(_BESIDE),
    "a constant is another": _constant,
    "a whole number stands for a float": _integer,
    "a cast is left out": _cast,
    "an index is off by one": _index,
    "a loop ends too early": _loop,
    "another function is called": _other,
    "a statement is left out": _left_out,
    "a plain store stands for an atomic": _plain,
    "a sum is written over": _overwritten,
}
