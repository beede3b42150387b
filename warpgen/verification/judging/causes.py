"""Which line of the ledger a disagreement belongs to, by what the program is made of.

A reduced program holds little but its fault, so its constructs tell; of a whole program several may be told.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Literal

from warpgen.program import Program
from warpgen.reasons import FAULTS

# What two readings of one program disagree in. `adjoint`: slopes; `values`: outputs; `cuda`: the CUDA text
# executed beside the C++; `rewrite`: outputs or gradients beside those of an equivalent program; `refused`: a
# compiler, or Warp's code generator, of what the language allows; `unset`: none of them, of what it does not;
# `crash`: the run has no end of its own.
Oracle = Literal["adjoint", "values", "cuda", "rewrite", "refused", "unset", "crash"]

_RETYPED = ("ambiguous", "Input types must be the same", "adj_assign_inplace", "no matching function")


def cause_of(program: Program, oracle: Oracle, error: str) -> str:
    """Numbers of the ledger's lines whose constructs the program has, joined by +; '' where none is known."""
    tree = ast.parse(program.source)
    if oracle == "unset":
        return "18"
    if oracle == "refused":
        return _of_refusal(tree, error)
    if oracle == "cuda":
        return _of_device(program.source) if "that of" in error else ""
    if oracle == "values":
        return _of_values(tree)
    if oracle == "crash":
        return ""
    return "+".join(number for number, has in CONSTRUCTS.items() if has(tree))


def told(program: Program, oracle: Oracle, error: str) -> str:
    """The error, and behind it the lines of the ledger that may explain it."""
    cause = cause_of(program, oracle, error)
    return f"{error}{FAULTS}{cause}" if cause else error


def _of_refusal(tree: ast.AST, error: str) -> str:
    if "tuple_t" in error:
        return "22"
    if "undeclared identifier 'adj_" in error and "wp.func_grad" in ast.unparse(tree):
        return "15"
    return "14" if any(word in error for word in _RETYPED) and _converts(tree) else ""


def _of_device(source: str) -> str:
    """Of a gradient that the CUDA text alone has wrong."""
    several = source.count("wp.tile_sum(") > 1
    return "+".join(n for n, has in (("21", "tile_map" in source), ("27", several)) if has)


def _of_values(tree: ast.AST) -> str:
    """Of outputs that 64 bits have right."""
    calls = [ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Call)]
    early = (("28", "wp.svd3("), ("29", "wp.eig3("))
    return "+".join(
        n for n, name in early if any(c.startswith(name) and "wp.mat33d(" not in c for c in calls)
    )


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


def _functions(tree: ast.AST) -> tuple[list[ast.FunctionDef], list[ast.FunctionDef]]:
    """Those that are called, and those that are launched."""
    every = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    launched = [f for f in every if any("kernel" in ast.unparse(d) for d in f.decorator_list)]
    return [f for f in every if f not in launched], launched


def _loop_in_function(tree: ast.AST) -> bool:
    return any(True for function in _functions(tree)[0] for _ in _loops(function))


def _beside_loop(tree: ast.AST) -> bool:
    """A kernel's loop past which a local is carried that it does not set."""
    return any(_carried(kernel, loop) for kernel in _functions(tree)[1] for loop in _loops(kernel))


def _carried(kernel: ast.FunctionDef, loop: ast.For | ast.While) -> bool:
    names = [n for n in ast.walk(kernel) if isinstance(n, ast.Name)]
    end = loop.end_lineno or loop.lineno
    before = {n.id for n in names if n.lineno < loop.lineno and isinstance(n.ctx, ast.Store)}
    inside = {n.id for n in ast.walk(loop) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return any(
        n.id in before - inside - _threads(kernel)
        for n in names
        if n.lineno > end and isinstance(n.ctx, ast.Load)
    )


def _threads(kernel: ast.FunctionDef) -> set[str]:
    """What holds a thread's number, which no gradient goes through."""
    sets = (n for n in ast.walk(kernel) if isinstance(n, ast.Assign) and _calls(n.value, "wp.tid"))
    return {n.id for one in sets for n in ast.walk(one.targets[0]) if isinstance(n, ast.Name)}


def _loop_in_kernel(tree: ast.AST) -> bool:
    return any(True for kernel in _functions(tree)[1] for _ in _loops(kernel))


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


def _derived(tree: ast.AST) -> bool:
    """`wp.grad(f)(x)`."""
    return _calls(tree, "wp.grad")


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


# By number of the ledger; 02 stands for 03 too: one design of Warp's.
CONSTRUCTS: dict[str, Callable[[ast.AST], bool]] = {
    "13": _returning,
    "05": _left,
    "02": _loop_in_kernel,
    "01": _beside_loop,
    "04": _loop_in_function,
    "06": _component,
    "07": _multiplied,
    "08": _overwritten,
    "09": _remainder,
    "10": _tuple,
    "11": lambda tree: bool(_made(tree)),
    "12": _field,
    "24": _derived,
    "25": lambda tree: _calls(tree, "wp.frac"),
    "26": lambda tree: _calls(tree, "wp.tile_transpose"),
}

# All lines of the ledger that this module tells.
NUMBERS = (*CONSTRUCTS, "14", "15", "18", "21", "22", "27", "28", "29")
