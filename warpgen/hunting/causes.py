"""Which line of the ledger a disagreement belongs to, by what the program is made of.

A reduced program holds little but its fault, so its constructs tell; of a whole program several may be told.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from warpgen.hunting.found import Oracle
from warpgen.program import Program

_RETYPED = ("ambiguous", "Input types must be the same", "adj_assign_inplace", "no matching function")


def cause_of(program: Program, oracle: Oracle, error: str) -> str:
    """Numbers of the ledger's lines whose constructs the program has, joined by +; '' where none is known."""
    tree = ast.parse(program.source)
    if oracle == "refused" and "tuple_t" in error:
        return "22"
    if oracle == "refused":
        return "14" if any(word in error for word in _RETYPED) and _converts(tree) else ""
    if oracle == "cuda":
        return "21" if "tile_map" in program.source and error.startswith("gradient") else ""
    if oracle != "adjoint":
        return ""
    return "+".join(number for number, has in CONSTRUCTS.items() if has(tree))


def _calls(tree: ast.AST, *names: str) -> bool:
    return any(isinstance(n, ast.Call) and ast.unparse(n.func) in names for n in ast.walk(tree))


def _converts(tree: ast.AST) -> bool:
    return _calls(tree, "wp.float64", "wp.int64", "wp.uint64")


def _loops(tree: ast.AST) -> Iterator[ast.For | ast.While]:
    """Those that Warp does not unroll."""
    for node in ast.walk(tree):
        if isinstance(node, ast.While):
            yield node
        elif isinstance(node, ast.For):
            left = any(isinstance(n, (ast.Break, ast.Continue)) for n in ast.walk(node))
            if left or not _constant(node.iter):
                yield node


def _constant(iterated: ast.expr) -> bool:
    return isinstance(iterated, ast.Call) and all(isinstance(a, ast.Constant) for a in iterated.args)


def _returning(tree: ast.AST) -> bool:
    return any(isinstance(n, ast.Return) and n.value for loop in _loops(tree) for n in ast.walk(loop))


def _left(tree: ast.AST) -> bool:
    return any(isinstance(n, (ast.Break, ast.Continue)) for n in ast.walk(tree))


def _looping(tree: ast.AST) -> bool:
    return any(True for _ in _loops(tree))


def _stored(tree: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Assign, ast.AugAssign)):
            yield from node.targets if isinstance(node, ast.Assign) else [node.target]


def _component(tree: ast.AST) -> bool:
    """`v[0] = ...` of a local vector, which no argument is."""
    given = {a.arg for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) for a in n.args.args}
    stores = (t for t in _stored(tree) if isinstance(t, ast.Subscript))
    return any(isinstance(t.value, ast.Name) and t.value.id not in given | _made(tree) for t in stores)


def _field(tree: ast.AST) -> bool:
    """`s.v[0] = ...` or `s.v.x = ...`."""
    parts = (t.value for t in _stored(tree) if isinstance(t, (ast.Subscript, ast.Attribute)))
    return any(isinstance(part, ast.Attribute) for part in parts)


def _made(tree: ast.AST) -> set[str]:
    """Locals that hold arrays made in the kernel."""
    made = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("wp.zeros("):
            made |= {ast.unparse(target) for target in node.targets}
    return made


def _remainder(tree: ast.AST) -> bool:
    return _calls(tree, "wp.mod") or any(
        isinstance(n, ast.BinOp) and isinstance(n.op, ast.Mod) for n in ast.walk(tree)
    )


def _tuple(tree: ast.AST) -> bool:
    return any(
        isinstance(n, ast.Assign) and isinstance(n.value, ast.Tuple) and isinstance(n.targets[0], ast.Name)
        for n in ast.walk(tree)
    )


def _multiplied(tree: ast.AST) -> bool:
    return any(
        isinstance(n, ast.AugAssign)
        and isinstance(n.target, ast.Subscript)
        and isinstance(n.op, (ast.Mult, ast.Div))
        for n in ast.walk(tree)
    )


def _overwritten(tree: ast.AST) -> bool:
    """An element of an argument that is stored and read in one kernel."""
    given = {a.arg for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) for a in n.args.args}
    places = [n for n in ast.walk(tree) if isinstance(n, ast.Subscript) and ast.unparse(n.value) in given]
    written = {ast.unparse(n.value) for n in places if isinstance(n.ctx, ast.Store)}
    return any(isinstance(n.ctx, ast.Load) and ast.unparse(n.value) in written for n in places)


# By number of the ledger; the loops of 01 to 04 are one design of Warp's, told by one number.
CONSTRUCTS: dict[str, Callable[[ast.AST], bool]] = {
    "13": _returning,
    "05": _left,
    "02": _looping,
    "06": _component,
    "07": _multiplied,
    "08": _overwritten,
    "09": _remainder,
    "10": _tuple,
    "11": lambda tree: bool(_made(tree)),
    "12": _field,
}

# All lines of the ledger that this module tells.
NUMBERS = (*CONSTRUCTS, "14", "21", "22")
