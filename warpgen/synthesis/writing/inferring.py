"""Types of a kernel's locals, as far as a glance at their assignments tells them."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence

_FLOATS = frozenset(
    "length length_sq dot sqrt exp log log2 log10 sin cos tan asin acos atan atan2 pow floor ceil round erf"
    " erfc tanh cbrt trace determinant randf radians degrees".split()
)
_LIKE_FIRST = frozenset("min max clamp abs normalize sign cw_mul cw_div cross lerp".split())
_VECTORS = frozenset(("wp.vec2", "wp.vec3", "wp.vec4"))
_INTEGERS = frozenset(("wp.uint32", "wp.uint64", "wp.int64"))


def local_types(lines: Sequence[str], arguments: Mapping[str, str]) -> dict[str, str]:
    """Annotations of the names that `lines` assign once, at the outer level, and of the arguments."""
    types: dict[str, str] = dict(arguments)
    again: set[str] = set()
    for node in _statements(lines):
        for name, type in _assigned(node, types):
            if name in types or name in again:
                again.add(name)
                types.pop(name, None)
            elif type:
                types[name] = type
            else:
                again.add(name)
    return types


def _statements(lines: Sequence[str]) -> list[ast.stmt]:
    try:
        return ast.parse("\n".join(lines).replace("return", "raise")).body
    except SyntaxError:
        return []


def _assigned(node: ast.stmt, types: Mapping[str, str]) -> list[tuple[str, str]]:
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
        type = "int" if ast.unparse(node.value) == "wp.tid()" else ""
        return [(ast.unparse(name), type) for name in node.targets[0].elts]
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return [(node.targets[0].id, _of(node.value, types))]
    inner = [n for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    return [(name.id, "") for name in inner]


def _of(node: ast.expr, types: Mapping[str, str]) -> str:
    """The type of an expression as an annotation, or ""."""
    made = ""
    if isinstance(node, ast.Constant):
        made = {float: "float", int: "int", bool: "bool"}.get(type(node.value), "")
    elif isinstance(node, ast.Name):
        found = types.get(node.id, "")
        made = "" if found.startswith("wp.array") else found
    elif isinstance(node, ast.UnaryOp) and not isinstance(node.op, ast.Not):
        made = _of(node.operand, types)
    elif isinstance(node, ast.IfExp):
        made = _of(node.body, types)
    elif isinstance(node, ast.BinOp):
        made = _joined(_of(node.left, types), _of(node.right, types), node.op)
    elif isinstance(node, ast.Subscript):
        made = _element(node, types)
    elif isinstance(node, ast.Call):
        made = _called(node, types)
    return made


def _joined(left: str, right: str, op: ast.operator) -> str:
    if left == right and left in {"float", "int", *_INTEGERS}:
        return left
    if left == right and left in _VECTORS and isinstance(op, (ast.Add, ast.Sub)):
        return left
    if isinstance(op, (ast.Mult, ast.Div)) and {left, right} & {"float"} and {left, right} & _VECTORS:
        return left if left in _VECTORS else right
    return ""


def _element(node: ast.Subscript, types: Mapping[str, str]) -> str:
    text = ast.unparse(node)
    if re.fullmatch(r"\w+\.shape\[\d\]", text):
        return "int"
    found = types.get(node.value.id, "") if isinstance(node.value, ast.Name) else _of(node.value, types)
    if found in _VECTORS:
        return "float"
    array = re.fullmatch(r"wp\.array(\d)?d?\(dtype=([\w.]+)\)", found)
    indices = len(node.slice.elts) if isinstance(node.slice, ast.Tuple) else 1
    return array[2] if array and int(array[1] or 1) == indices and ":" not in text else ""


def _called(node: ast.Call, types: Mapping[str, str]) -> str:
    name = ast.unparse(node.func)
    if name in {"float", "int", *_VECTORS, *_INTEGERS}:
        return name
    name = name.removeprefix("wp.")
    if name == "tid":
        return "int"
    arguments = [_of(argument, types) for argument in node.args]
    if name in _FLOATS:
        return "float"
    if name in _LIKE_FIRST and arguments and not (len(arguments) == 1 and name in ("min", "max")):
        return arguments[0]
    return arguments[1] if name == "where" and len(arguments) == 3 else ""
