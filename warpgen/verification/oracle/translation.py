"""Device functions as plain Python: their operators, stores and draws become calls of the oracle's."""

from __future__ import annotations

import ast
from typing import Any

from warpgen.verification.oracle import randomness
from warpgen.verification.oracle.values import Unsupported, wrap

_BINARY = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.Mod: "mod",
    ast.FloorDiv: "floordiv",
    ast.Pow: "power",
    ast.MatMult: "matmul",
    ast.LShift: "shift_left",
    ast.RShift: "shift_right",
    ast.BitAnd: "bit_and",
    ast.BitOr: "bit_or",
    ast.BitXor: "bit_xor",
}
_UNARY = {ast.USub: "negative", ast.UAdd: "positive", ast.Invert: "invert"}
# Where a builtin leaves a second result: its number among the arguments.
_RESULTS = {"volume_sample_grad": 3, "volume_sample_grad_f": 3}
_RESULTS |= dict.fromkeys(
    ("bvh_query_next", "mesh_query_aabb_next", "mesh_query_next", "hash_grid_query_next"), 1
)
_DEVICE = ("kernel", "func")
_OWN = ("int", "float", "bool", "len", "min", "max", "abs")  # of Python's, those that the oracle has anew


class Translator(ast.NodeTransformer):
    """Operators and stores of device functions become calls; all else is Python already."""

    def __init__(self) -> None:
        self._inside = False

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        outer = self._inside
        self._inside = outer or _is_device(node)
        node.body = [self.visit(statement) for statement in node.body]
        self._inside = outer
        return node

    def visit_Constant(self, node: ast.Constant) -> Any:
        if self._inside and type(node.value) is int:
            return ast.copy_location(ast.Constant(wrap(node.value)), node)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        self.generic_visit(node)
        return _operator(_BINARY[type(node.op)], node.left, node.right) if self._inside else node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        self.generic_visit(node)
        if not self._inside or isinstance(node.op, ast.Not) or isinstance(node.operand, ast.Constant):
            return node
        return _operator(_UNARY[type(node.op)], node.operand)

    def visit_Call(self, node: ast.Call) -> Any:
        if isinstance(node.func, ast.Attribute) and node.func.attr == "static":
            return node  # Python's own arithmetic
        if _is_wide_literal(node):
            return node
        self.generic_visit(node)
        if not self._inside:
            return node
        if isinstance(node.func, ast.Name) and node.func.id in _OWN:
            node.func = _name(f"oracle_{node.func.id}")
        elif isinstance(node.func, ast.Attribute) and node.func.attr in randomness.NAMES:
            return _drawn(node, node.func.attr)
        elif isinstance(node.func, ast.Attribute) and len(node.args) > _RESULTS.get(node.func.attr, 99):
            return _two_results(node, _RESULTS[node.func.attr])
        elif isinstance(node.func, ast.Attribute) and node.func.attr.startswith("transform_set_"):
            if not isinstance(node.args[0], ast.Name):
                raise Unsupported("a transform that is no variable")
            return ast.NamedExpr(ast.Name(node.args[0].id, ast.Store()), node)
        return node

    def visit_For(self, node: ast.For) -> Any:
        return self._ticking(node)

    def visit_While(self, node: ast.While) -> Any:
        return self._ticking(node)

    def _ticking(self, node: Any) -> Any:
        self.generic_visit(node)
        if self._inside:
            node.body.insert(0, ast.Expr(ast.Call(_name("oracle_tick"), [], [])))
        return node

    def visit_Assign(self, node: ast.Assign) -> Any:
        self.generic_visit(node)
        if not self._inside:
            return node
        (target,) = node.targets
        if isinstance(target, (ast.Subscript, ast.Attribute)):
            return _stored("oracle_assign", target, [node.value])
        if isinstance(target, ast.Tuple) and not all(isinstance(e, ast.Name) for e in target.elts):
            raise Unsupported("a tuple stored into memory")
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        self.generic_visit(node)
        if not self._inside:
            return node
        function = _BINARY[type(node.op)]
        if isinstance(node.target, ast.Name):
            load = ast.Name(node.target.id, ast.Load())
            return ast.Assign([node.target], _operator(function, load, node.value))
        operation = ast.Attribute(_name("oracle_operators"), function, ast.Load())
        return _stored("oracle_augment", node.target, [operation, node.value])


def _stored(function: str, target: Any, values: list[ast.expr]) -> ast.Assign:
    """`root = function(root, path, values...)` for a target such as `a[i].x`."""
    steps: list[ast.expr] = []
    while isinstance(target, (ast.Subscript, ast.Attribute)):
        steps.append(target.slice if isinstance(target, ast.Subscript) else ast.Constant(target.attr))
        target = target.value
    if not isinstance(target, ast.Name):
        raise Unsupported("a store to what has no name")
    for step in steps:
        _loaded(step)
    path = ast.Tuple([_slice(step) for step in reversed(steps)], ast.Load())
    root = ast.Name(target.id, ast.Load())
    call = ast.Call(_name(function), [root, path, *values], [])
    return ast.Assign([ast.Name(target.id, ast.Store())], call)


def _slice(step: ast.expr) -> ast.expr:
    if any(isinstance(node, ast.Slice) for node in ast.walk(step)):
        raise Unsupported("a store to a slice")
    return step


def _loaded(node: ast.AST) -> None:
    for inner in ast.walk(node):
        if hasattr(inner, "ctx"):
            inner.ctx = ast.Load()


def _drawn(node: ast.Call, name: str) -> ast.expr:
    """A random builtin gives a value and a new state; the state is stored back into its variable."""
    if not isinstance(node.args[0], ast.Name) or node.keywords:
        raise Unsupported("a random state that is no variable")
    call = ast.Call(_name("oracle_draw"), [ast.Constant(name), *node.args], [])
    both = ast.NamedExpr(ast.Name("oracle_drawn", ast.Store()), call)
    state = ast.Subscript(_name("oracle_drawn"), ast.Constant(1), ast.Load())
    keep = ast.NamedExpr(ast.Name(node.args[0].id, ast.Store()), state)
    first = ast.Subscript(_name("oracle_drawn"), ast.Constant(0), ast.Load())
    return ast.Subscript(ast.Tuple([both, keep, first], ast.Load()), ast.Constant(2), ast.Load())


def _two_results(node: ast.Call, place: int) -> ast.expr:
    """A call whose second result goes into an argument."""
    target = node.args[place]
    if not isinstance(target, ast.Name):
        raise Unsupported("a result into what is no variable")
    both = ast.NamedExpr(ast.Name("oracle_results", ast.Store()), node)
    second = ast.Subscript(_name("oracle_results"), ast.Constant(1), ast.Load())
    keep = ast.NamedExpr(ast.Name(target.id, ast.Store()), second)
    first = ast.Subscript(_name("oracle_results"), ast.Constant(0), ast.Load())
    return ast.Subscript(ast.Tuple([both, keep, first], ast.Load()), ast.Constant(2), ast.Load())


def _operator(function: str, *operands: ast.expr) -> ast.Call:
    return ast.Call(ast.Attribute(_name("oracle_operators"), function, ast.Load()), list(operands), [])


def _name(identifier: str) -> ast.Name:
    return ast.Name(identifier, ast.Load())


def _is_wide_literal(node: ast.Call) -> bool:
    """`wp.uint64(2654435761)`: the number never is an int32."""
    wide = isinstance(node.func, ast.Attribute) and node.func.attr in ("int64", "uint64")
    return wide and len(node.args) == 1 and isinstance(node.args[0], ast.Constant)


def _is_device(node: ast.FunctionDef) -> bool:
    for decorator in node.decorator_list:
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(target, ast.Attribute) and target.attr in _DEVICE:
            return True
    return False
