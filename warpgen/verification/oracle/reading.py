"""Turn a program's source into plain Python functions over the oracle's values."""

from __future__ import annotations

import ast
import builtins
import enum
import inspect
import math
import typing
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import warp as wp

from warpgen.verification.oracle import geometry, library, memory, operators, randomness, types, vectors
from warpgen.verification.oracle.values import Array, Indexed, Mat, Record, Unsupported, Vec, place, wrap

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
PYTHON_BUILTINS = frozenset(
    """
    norm_huber norm_pseudo_huber smooth_normalize quat_from_euler quat_to_euler quat_to_rpy quat_twist
    quat_twist_angle quat_twist_angle_signed transform_twist transform_wrench velocity_at_point
    """.split()
)
_DEVICE = ("kernel", "func")
_MODULES = {"math": math, "enum": enum, "typing": typing}
# Loop turns and calls that one launch may take: about a tenth of a second.
_BUDGET = 20_000


class TooLong(Unsupported):
    """The launch takes more steps than the oracle spends."""


def read(source: str, name: str) -> tuple[Any, Machine]:
    """The kernel as a Python function, and the machine whose `thread` it runs on. Raises Unsupported."""
    machine = Machine()
    tree = ast.fix_missing_locations(_Translator().visit(ast.parse(source)))
    namespace: dict[str, Any] = machine.namespace()
    try:
        exec(compile(tree, "oracle", "exec", dont_inherit=True), namespace)
    except Unsupported:
        raise
    except Exception as error:
        raise Unsupported(f"reading: {type(error).__name__}: {error}") from error
    if not callable(namespace.get(name)):
        raise Unsupported("no such kernel")
    return namespace[name], machine


class Machine:
    """The `wp` module that programs see, and the thread that runs."""

    def __init__(self) -> None:
        self.thread: Any = 0
        self.steps = 0
        self.structs: list[types.StructType] = []
        self._wp: Any = None
        self._functions: dict[str, dict[int, Callable[..., Any]]] = {}

    def tick(self, steps: int = 1) -> None:
        self.steps += steps
        if self.steps > _BUDGET:
            raise TooLong("too many steps")

    def namespace(self) -> dict[str, Any]:
        stand_in = _Names(library.table() | types.table())
        stand_in.table |= {"tid": lambda: self.thread, "struct": self._struct, "func": self._function}
        stand_in.table |= {"kernel": lambda f=None, **_: f if f is not None else (lambda g: g)}
        stand_in.table |= {"func_grad": lambda _: _ignored, "func_replay": lambda _: _ignored}
        stand_in.table |= {"func_native": lambda *_, **__: _refused}
        handles: dict[str, Any] = {f"Texture{n}D": types.Handle() for n in (1, 2, 3)}
        handles["Volume"] = SimpleNamespace(CLOSEST=0, LINEAR=1)
        stand_in.table |= handles | {
            "rand_init": randomness.rand_init,
            "noise": randomness.noise,
            "pnoise": randomness.noise,
            "set_module_options": _ignored,
        }
        stand_in.table["noise"] = randomness.noise
        shapes: dict[str, Any] = {"vector": vectors.vector_type, "matrix": vectors.matrix_type}
        stand_in.table["types"] = SimpleNamespace(**shapes)
        stand_in.table["vector"], stand_in.table["matrix"] = vectors.vector, vectors.matrix
        plain: dict[str, Any] = {
            "int": types.to_int,
            "float": types.to_float,
            "bool": bool,
            "len": memory.length,
        }
        plain |= {name: library.table()[name] for name in ("min", "max", "abs", "round", "pow")}
        plain |= {"operators": operators, "draw": randomness.draw, "tick": self.tick}
        made: dict[str, Any] = {f"oracle_{key}": value for key, value in plain.items()}
        made |= {"oracle_assign": assign, "oracle_augment": augment, "oracle_wrap": wrap, "wp": stand_in}
        safe: tuple[str, ...] = (
            "int",
            "float",
            "bool",
            "range",
            "tuple",
            "list",
            "dict",
            "str",
            "len",
            "min",
            "max",
            "sum",
        )
        safe += (
            "abs",
            "round",
            "pow",
            "enumerate",
            "zip",
            "type",
            "isinstance",
            "__build_class__",
            "property",
        )
        made["__builtins__"] = {key: getattr(builtins, key) for key in safe} | {"__import__": self._import}
        made |= {"Any": typing.Any, "warp": stand_in}
        stand_in.space = dict(made)
        self._wp = stand_in
        made["__name__"] = "oracle"
        return made

    def _import(self, name: str, *_: Any) -> Any:
        if name == "warp":
            return self._wp
        if name not in _MODULES:
            raise Unsupported(f"import {name}")
        return _MODULES[name]

    def _struct(self, kind: Any) -> Any:
        made = types.StructType(kind.__name__, dict(kind.__annotations__))
        self.structs.append(made)
        return made

    def _function(self, function: Any = None, **_: Any) -> Any:
        if function is None:
            return self._function
        # Definitions at other lines are overloads; one at the same line is of an earlier call of a factory.
        known = self._functions.setdefault(function.__qualname__, {})
        known.pop(function.__code__.co_firstlineno, None)
        candidates = [function, *known.values()]
        known[function.__code__.co_firstlineno] = function
        return Overloads(candidates, self.tick)


class _Names:
    """The `wp` module: what is modelled, and what Warp itself writes in Python, read like any program."""

    def __init__(self, table: dict[str, Any]) -> None:
        self.table = table
        self.space: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if name not in self.table and name in PYTHON_BUILTINS:
            source = ast.parse(inspect.getsource(getattr(wp, name).func))
            exec(compile(ast.fix_missing_locations(_Translator().visit(source)), "warp", "exec"), self.space)
            self.table[name] = self.space[name]
        try:
            return self.table[name]
        except KeyError:
            raise Unsupported(f"wp.{name}") from None


class Overloads:
    """A device function and its overloads, the latest definition first."""

    def __init__(self, candidates: list[Callable[..., Any]], tick: Callable[[], None]) -> None:
        self.candidates = candidates
        self._tick = tick

    def __call__(self, *items: Any, **named: Any) -> Any:
        self._tick()
        if len(self.candidates) == 1:
            return self.candidates[0](*items, **named)
        for exact in (True, False):
            for candidate in self.candidates:
                if _accepts(candidate, items, exact):
                    return candidate(*items, **named)
        raise Unsupported("no overload fits")


def _accepts(candidate: Callable[..., Any], items: tuple[Any, ...], exact: bool) -> bool:
    kinds = [kind for name, kind in candidate.__annotations__.items() if name != "return"]
    if len(kinds) != len(items) or (exact and typing.Any in kinds):
        return False
    return all(kind is typing.Any or types.fits(kind, item) for kind, item in zip(kinds, items, strict=True))


def _ignored(*_: Any) -> Any:
    return None


def _refused(_: Any) -> Any:
    def called(*_: Any) -> Any:
        raise Unsupported("C++ inside the program")

    return called


def assign(root: Any, path: tuple[Any, ...], value: Any) -> Any:
    """`root` with the place at `path` (indices, and names after a dot) set; memory is set in place."""
    step, rest = path[0], path[1:]
    if isinstance(root, (Array, Indexed)):
        indices = step if isinstance(step, tuple) else (step,)
        if len(indices) < len(root.shape):
            if not rest:
                raise Unsupported("a store to part of an array")
            assign(root[step], rest, value)
            return root
        at = root.spot(indices)
        root.put(at, assign(root.data[at], rest, value) if rest else value)
        return root
    if isinstance(root, Record):
        if not isinstance(step, str):
            raise Unsupported("an index into a struct")
        new = assign(root.fields_[step], rest, value) if rest else value
        return Record(root.kind_, {**root.fields_, step: new})
    if isinstance(root, Vec) and not rest:
        return _with_component(root, step, value)
    if isinstance(root, Mat):
        if isinstance(step, tuple) and not rest:
            at = place(step[0], root.rows) * root.cols + place(step[1], root.cols)
            return Mat(root.rows, root.cols, (*root.c[:at], value, *root.c[at + 1 :]))
        if not isinstance(step, (tuple, slice)):
            i = place(step, root.rows)
            row = assign(root[i], rest, value) if rest else value
            start = i * root.cols
            return Mat(root.rows, root.cols, (*root.c[:start], *row.c, *root.c[start + root.cols :]))
    raise Unsupported("an assignment to this")


def _with_component(root: Vec, step: Any, value: Any) -> Vec:
    if isinstance(step, str):
        if root.kind == "transform" and step in ("p", "q"):
            parts = (*value.c, *root.c[3:]) if step == "p" else (*root.c[:3], *value.c)
            return Vec(parts, root.kind)
        step = "xyzw".index(step)
    if isinstance(step, slice):
        parts_list = list(root.c)
        parts_list[step] = value.c
        return Vec(tuple(parts_list), root.kind)
    at = place(step, len(root))
    return Vec((*root.c[:at], value, *root.c[at + 1 :]), root.kind)


def augment(root: Any, path: tuple[Any, ...], operation: Callable[[Any, Any], Any], value: Any) -> Any:
    """`root` with the place at `path` combined with a value."""
    old = root
    for step in path:
        old = getattr(old, step) if isinstance(step, str) else old[step]
    return assign(root, path, operation(old, value))


class _Translator(ast.NodeTransformer):
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
        if isinstance(node.func, ast.Name) and node.func.id in (
            "int",
            "float",
            "bool",
            "len",
            "min",
            "max",
            "abs",
        ):
            node.func = _name(f"oracle_{node.func.id}")
        elif isinstance(node.func, ast.Attribute) and node.func.attr in randomness.NAMES:
            return _drawn(node, node.func.attr)
        elif isinstance(node.func, ast.Attribute) and len(node.args) > geometry.RESULTS.get(
            node.func.attr, 99
        ):
            return _two_results(node, geometry.RESULTS[node.func.attr])
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
