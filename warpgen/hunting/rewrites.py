"""Programs that must do the same as another: what they do differently is a fault of neither's author."""

from __future__ import annotations

import ast
import copy
import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from warpgen.program import Program
from warpgen.verification.rounding import wide

Rewrite = Callable[[Program], Program]

_PURE = re.compile(r"wp\.(?!rand|sample_|atomic|tile|adjoint|static|mesh_|bvh_|hash_grid|\w*_next)")


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


def reordered(program: Program) -> Program:
    """Neighbours that set locals and do not name what the other sets change places."""
    tree = ast.parse(program.source)
    for node in ast.walk(tree):
        for field in ("body", "orelse"):
            lines = getattr(node, field, None)
            if isinstance(lines, list):
                _exchange(lines)
    return _with(program, tree)


def needed(program: Program) -> Program:
    """Lines of the kernel that reach no output, nor a condition of one that does, are left out."""
    tree = ast.parse(program.source)
    (kernel,) = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == program.name]
    acting = {f.name for f in tree.body if isinstance(f, ast.FunctionDef) and f is not kernel and _acts(f)}
    wanted: set[str] = set()
    while True:
        kept = _wanted(copy.deepcopy(kernel.body), wanted, acting)
        read = {n.id for line in kept for n in _names(line)}
        if read <= wanted:
            break
        wanted |= read
    kernel.body = kept
    return _with(program, tree)


def inlined(program: Program) -> Program:
    """Calls of functions of one expression become that expression, where arguments are names or numbers."""
    tree = ast.parse(program.source)
    plain = {f.name: f for f in tree.body if isinstance(f, ast.FunctionDef) and _one_expression(f)}
    return _with(program, _Calls(plain).visit(tree))


def together(program: Program) -> Program:
    """All of the above, one after another."""
    return functools.reduce(lambda made, rewrite: rewrite(made), _ALL.values(), program)


_ALL: Mapping[str, Rewrite] = {
    "renamed": renamed,
    "reordered": reordered,
    "unrolled": unrolled,
    "inlined": inlined,
}
# What must change nothing: neither an output nor a gradient, but for rounding.
EQUIVALENT: Mapping[str, Rewrite] = {**_ALL, "together": together}

# Each beside the lines of the ledger that it cures, the likeliest first.
ROUNDING = "rounding"  # what floats of 64 bits cure: no line of the ledger
UNUSED = "31"
CURES: Mapping[str, Rewrite] = {"01-05": unrolled, "09": divided, "10": apart, ROUNDING: wide, UNUSED: needed}


def same(one: Program, other: Program) -> bool:
    """Whether they are the same but for layout and comments."""
    return ast.dump(ast.parse(one.source)) == ast.dump(ast.parse(other.source))


def _with(program: Program, tree: Any) -> Program:
    return msgspec.structs.replace(program, source=ast.unparse(ast.fix_missing_locations(tree)) + "\n")


def _acts(node: ast.AST) -> bool:
    """Whether it may do more than give values: it stores to an array, or calls what does."""
    return any(
        (isinstance(n, ast.Subscript) and isinstance(n.ctx, ast.Store))
        or (
            isinstance(n, ast.Attribute)
            and ast.unparse(n).startswith("wp.")
            and not _PURE.match(ast.unparse(n))
        )
        for n in ast.walk(node)
    )


def _wanted(lines: Sequence[ast.stmt], wanted: set[str], acting: set[str]) -> list[ast.stmt]:
    """The lines, and of conditions and loops those within, that set something wanted or act."""
    kept = []
    for line in lines:
        if isinstance(line, (ast.If, ast.For, ast.While)):
            line.body, line.orelse = (_wanted(part, wanted, acting) for part in (line.body, line.orelse))
            if not (line.body or line.orelse):
                continue
            line.body = line.body or [ast.Pass()]
        elif isinstance(line, (ast.Assign, ast.AugAssign)):
            names = {n.id for n in _names(line)}
            sets = {n.id for n in _names(line) if isinstance(n.ctx, ast.Store)}
            if sets and not (sets & wanted or names & acting or _acts(line)):
                continue
        kept.append(line)
    return kept


def _exchange(lines: list[ast.stmt]) -> None:
    """Each line but the first of a pair stays once it has moved."""
    at = 0
    while at + 1 < len(lines):
        if _independent(lines[at], lines[at + 1]):
            lines[at], lines[at + 1] = lines[at + 1], lines[at]
            at += 1
        at += 1


def _independent(one: ast.stmt, other: ast.stmt) -> bool:
    if not (_local(one) and _local(other)):
        return False
    sets = [{n.id for n in _names(line) if isinstance(n.ctx, ast.Store)} for line in (one, other)]
    all_ = [{n.id for n in _names(line)} for line in (one, other)]
    return not sets[0] & all_[1] and not sets[1] & all_[0]


def _names(node: ast.AST) -> Iterator[ast.Name]:
    return (n for n in ast.walk(node) if isinstance(n, ast.Name))


def _local(line: ast.stmt) -> bool:
    """Whether it sets a local and calls only what has no effect: builtins, none that draws or writes."""
    if not isinstance(line, ast.Assign) or not all(isinstance(t, ast.Name) for t in line.targets):
        return False
    called = [ast.unparse(n.func) for n in ast.walk(line) if isinstance(n, ast.Call)]
    return all(name in ("float", "int") or _PURE.match(name) for name in called)


def _one_expression(function: ast.FunctionDef) -> bool:
    """Also none with a decorator of its own, as `wp.func_grad`: its adjoint is another's."""
    decorated = [ast.unparse(d) for d in function.decorator_list]
    body = [line for line in function.body if not _text(line)]
    return decorated == ["wp.func"] and len(body) == 1 and isinstance(body[0], ast.Return)


def _text(line: ast.stmt) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)


class _Calls(ast.NodeTransformer):
    def __init__(self, plain: Mapping[str, ast.FunctionDef]) -> None:
        self._plain = plain

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """`f(a, 2.0)`."""
        self.generic_visit(node)
        function = self._plain.get(getattr(node.func, "id", ""))
        simple = all(isinstance(a, (ast.Name, ast.Constant)) for a in node.args)
        if function is None or not simple or node.keywords:
            return node
        returned = function.body[-1]
        assert isinstance(returned, ast.Return)
        given = dict(zip((a.arg for a in function.args.args), node.args, strict=False))
        return _Given(given).visit(copy.deepcopy(returned.value)) if returned.value else node


class _Given(ast.NodeTransformer):
    def __init__(self, given: Mapping[str, ast.expr]) -> None:
        self._given = given

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """A parameter."""
        return copy.deepcopy(self._given.get(node.id, node))


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
