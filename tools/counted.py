"""A program with counters: how often each branch, each loop and each side of a choice is taken."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeVar

import msgspec

from warpgen.launch import Argument, Fill
from warpgen.program import Program

ARGUMENT = "reached"
# What to evaluate once more would change the result, or cost too much.
_IMPURE = ("rand", "atomic", "tile", "sample", "poisson", "query", "noise")
_ELSEWHERE = (ast.Lambda, ast.ListComp, ast.NamedExpr)


class Site(msgspec.Struct, frozen=True):
    """A condition, or the head of a loop, and the function that it stands in.

    Counter `2 * number` counts how often it holds, the next one how often it does not.
    """

    kind: str  # `if`, `loop`, or the function that chooses: wp.min, wp.max, wp.clamp, wp.where
    text: str
    function: str


def counted(program: Program, choices: bool) -> tuple[Program, list[Site]]:
    """The program, forward alone, with one argument more: the counters; with `choices`, those of minima, too.

    Functions that others take as arguments, that have overloads or adjoints of their own stay as they are.
    """
    tree = ast.parse(program.source)
    counters = _Counters(tree, choices)
    source = ast.unparse(ast.fix_missing_locations(counters.visit(tree)))
    source = source.replace("@wp.kernel\n", "@wp.kernel(enable_backward=False)\n")
    fill = Fill(ARGUMENT, "constant", (max(2 * len(counters.sites), 1),))
    more = Argument(ARGUMENT, "array(int32)", "inout", (fill,))
    return msgspec.structs.replace(program, source=source, args=(*program.args, more)), counters.sites


_Loop = TypeVar("_Loop", ast.For, ast.While)


class _Counters(ast.NodeTransformer):
    def __init__(self, tree: ast.Module, choices: bool) -> None:
        self.sites: list[Site] = []
        self._choices, self._function = choices, ""
        self._counted = _functions(tree)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        if node.name in self._counted:
            self._function = node.name
            self.generic_visit(node)
            node.body = self._block(node.body)
            kind = ast.parse("wp.array(dtype=wp.int32)", mode="eval").body
            node.args.args.append(ast.arg(ARGUMENT, kind))
        return node

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in self._counted:
            node.args.append(ast.Name(ARGUMENT))
        return node

    def visit_If(self, node: ast.If) -> ast.If:
        place = self._site("if", ast.unparse(node.test))
        self.generic_visit(node)
        node.body = [_count(place), *self._block(node.body)]
        node.orelse = [_count(place + 1), *self._block(node.orelse)]
        return node

    def _loop(self, node: _Loop) -> _Loop:
        place = self._site("loop", ast.unparse(node).partition("\n")[0])
        self.generic_visit(node)
        node.body = [_count(place), *self._block(node.body)]
        return node

    visit_For = visit_While = _loop  # noqa: N815  (names of ast)

    def _block(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        return [made for statement in body for made in (*self._before(statement), statement)]

    def _before(self, statement: ast.stmt) -> list[ast.stmt]:
        """What counts the sides of the statement's choices."""
        plain = isinstance(statement, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.Expr))
        nodes = list(ast.walk(statement))
        if not (self._choices and plain) or any(isinstance(node, _ELSEWHERE) for node in nodes):
            return []
        made: list[ast.stmt] = []
        for call in (node for node in nodes if isinstance(node, ast.Call)):
            for condition in _sides(call):
                place = self._site(ast.unparse(call.func), ast.unparse(condition))
                made.append(ast.If(condition, [_count(place)], [_count(place + 1)]))
        return made

    def _site(self, kind: str, text: str) -> int:
        self.sites.append(Site(kind, text, self._function))
        return 2 * len(self.sites) - 2


def _count(place: int) -> ast.stmt:
    return ast.parse(f"wp.atomic_add({ARGUMENT}, {place}, 1)").body[0]


def _sides(call: ast.Call) -> Iterator[ast.expr]:
    """What decides a choice: whether the first of two is taken, or each bound of a clamp."""
    if any(isinstance(node, ast.Call) and _impure(node) for node in ast.walk(call)):
        return
    match ast.unparse(call.func), call.args:
        case "wp.where", [condition, _, _]:
            yield condition
        case "wp.min", [a, b]:
            yield ast.Compare(a, [ast.Lt()], [b])
        case "wp.max", [a, b]:
            yield ast.Compare(a, [ast.Gt()], [b])
        case "wp.clamp", [x, low, high]:
            yield ast.Compare(x, [ast.Lt()], [low])
            yield ast.Compare(x, [ast.Gt()], [high])


def _impure(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) or any(word in ast.unparse(call.func) for word in _IMPURE)


def _functions(tree: ast.Module) -> set[str]:
    """The kernel, and the functions that may take an argument more."""
    defined = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    names = Counter(node.name for node in defined)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    held = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and id(n) not in called}
    # Other functions' decorators name those with adjoints of their own, which makes them held, too.
    return {
        node.name for node in defined if _extensible(node) and names[node.name] == 1 and node.name not in held
    }


def _extensible(function: ast.FunctionDef) -> bool:
    first = ast.unparse(function.decorator_list[0]) if function.decorator_list else ""
    return first.startswith(("wp.kernel", "wp.func")) and not first.startswith("wp.func_")
