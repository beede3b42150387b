"""The adjoint of a helper function, written in Python as `wp.func_grad` takes it.

Reverse mode on functions of floats without branches and loops: each assignment is undone from the last to
the first (Griewank and Walther 2008, chapter 3). The judge holds what it makes to the kernel's gradients.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

_FLOATS = {"float", "wp.float32"}
_WHOLE = {"int", "wp.int32"}
_SAID = 88  # characters of a signature in one line


class Unsupported(Exception):
    """The function holds what this does not differentiate."""


def gradients(source: str) -> Iterator[tuple[str, int, str]]:
    """Of each function that it can: its name, where it ends in the text, and the text of its gradient."""
    tree = ast.parse(source)
    taken = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    ends = [0]
    for line in source.splitlines(keepends=True):
        ends.append(ends[-1] + len(line))
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef) or [*map(ast.unparse, node.decorator_list)] != ["wp.func"]:
            continue
        try:
            text = _Adjoint(node, taken).text()
        except Unsupported:
            continue
        yield node.name, ends[node.end_lineno or 0], text


def _of(text: str, **parts: ast.expr) -> ast.expr:
    """An expression, with others in place of its names."""

    class Put(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return parts.get(node.id, node)

    made: ast.expr = Put().visit(ast.parse(text, mode="eval").body)
    return made


# By builtin: of each argument, in which `g` is the gradient of the value and `a`, `b`, `c` are arguments.
_RULES: dict[str, tuple[str, ...]] = {
    "wp.sin": ("g * wp.cos(a)",),
    "wp.cos": ("-g * wp.sin(a)",),
    "wp.tan": ("g / (wp.cos(a) * wp.cos(a))",),
    "wp.exp": ("g * wp.exp(a)",),
    "wp.log": ("g / a",),
    "wp.log10": ("g / (a * 2.302585093)",),
    "wp.log2": ("g / (a * 0.6931471806)",),
    "wp.sqrt": ("g * 0.5 / wp.sqrt(a)",),
    "wp.abs": ("g * wp.sign(a)",),
    "wp.tanh": ("g * (1.0 - wp.tanh(a) * wp.tanh(a))",),
    "wp.sinh": ("g * wp.cosh(a)",),
    "wp.cosh": ("g * wp.sinh(a)",),
    "wp.asin": ("g / wp.sqrt(1.0 - a * a)",),
    "wp.acos": ("-g / wp.sqrt(1.0 - a * a)",),
    "wp.atan": ("g / (1.0 + a * a)",),
    "wp.atan2": ("g * b / (a * a + b * b)", "-g * a / (a * a + b * b)"),
    "wp.pow": ("g * b * wp.pow(a, b - 1.0)", "g * wp.log(a) * wp.pow(a, b)"),
    "wp.min": ("wp.where(a < b, g, 0.0)", "wp.where(a < b, 0.0, g)"),
    "wp.max": ("wp.where(a > b, g, 0.0)", "wp.where(a > b, 0.0, g)"),
    "wp.where": ("", "wp.where(a, g, 0.0)", "wp.where(a, 0.0, g)"),
    "wp.clamp": ("wp.where(a > b and a < c, g, 0.0)", "wp.where(a < b, g, 0.0)", "wp.where(a > c, g, 0.0)"),
    "float": ("g",),
}
_OPERATORS: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("g", "g"),
    ast.Sub: ("g", "-g"),
    ast.Mult: ("g * b", "g * a"),
    ast.Div: ("g / b", "-g * a / (b * b)"),
}


class _Adjoint:
    """One function. Values have their names in it, their gradients `adj_` before them."""

    def __init__(self, function: ast.FunctionDef, taken: set[str]) -> None:
        self._function = function
        self._types = {a.arg: ast.unparse(a.annotation) for a in function.args.args if a.annotation}
        self._floats = {name for name, kind in self._types.items() if kind in _FLOATS}
        returns = ast.unparse(function.returns) if function.returns else ""
        if len(self._types) != len(function.args.args) or set(self._types.values()) - _FLOATS - _WHOLE:
            raise Unsupported
        if returns not in _FLOATS or f"adj_{function.name}" in taken or not self._floats:
            raise Unsupported
        self._backward: list[str] = []
        self._known: set[str] = set()  # gradients that there are
        self._parts = 0

    def text(self) -> str:
        """The gradient's text, decorator and all. Raises Unsupported."""
        *assigned, last = self._statements()
        if not isinstance(last, ast.Return) or last.value is None:
            raise Unsupported
        values = [self._assigned(statement) for statement in assigned]
        self._push(last.value, ast.Name("adj_ret"))
        for name, value in reversed(values):
            if name in self._known:
                self._push(value, ast.Name(f"adj_{name}"))
        if not any("wp.adjoint[" in line for line in self._backward):
            raise Unsupported
        body = [*map(ast.unparse, assigned), *self._backward]
        return self._head() + "".join(f"    {line}\n" for line in body)

    def _head(self) -> str:
        name = self._function.name
        arguments = [f"{argument}: {kind}" for argument, kind in self._types.items()] + ["adj_ret: float"]
        one = f"def adj_{name}({', '.join(arguments)}):\n"
        if len(one) > _SAID:
            one = f"def adj_{name}(\n" + "".join(f"    {argument},\n" for argument in arguments) + "):\n"
        return f"@wp.func_grad({name})\n{one}"

    def _statements(self) -> list[ast.stmt]:
        body = self._function.body
        return body[1:] if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) else body

    def _assigned(self, statement: ast.stmt) -> tuple[str, ast.expr]:
        """A local and its value. Raises Unsupported for what else a statement may be."""
        if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
            raise Unsupported
        name = statement.targets[0].id
        if len(statement.targets) > 1 or name in self._types or name in self._floats:
            raise Unsupported
        self._floats.add(name)  # of another type it has no rule that takes it
        return name, statement.value

    def _push(self, value: ast.expr, gradient: ast.expr) -> None:
        """Hand the gradient of a value on to what the value was made of."""
        if not any(isinstance(node, ast.Name) and node.id in self._floats for node in ast.walk(value)):
            return
        if isinstance(value, ast.Name):
            self._add(value.id, gradient)
            return
        rules, arguments = _rules(value)
        parts = dict(zip("abc", arguments, strict=False))
        if len(arguments) > 1 and not isinstance(gradient, ast.Name):
            gradient = self._named(gradient)
        for rule, argument in zip(rules, arguments, strict=True):
            if rule:
                self._push(argument, _of(rule, g=gradient, **parts))

    def _named(self, gradient: ast.expr) -> ast.expr:
        """The gradient of a part of an expression, which several things need."""
        self._parts += 1
        self._backward.append(f"adj_part{self._parts} = {ast.unparse(gradient)}")
        return ast.Name(f"adj_part{self._parts}")

    def _add(self, name: str, gradient: ast.expr) -> None:
        if name in self._types:
            self._backward.append(f"wp.adjoint[{name}] += {ast.unparse(gradient)}")
            return
        self._backward.append(f"adj_{name} {'+=' if name in self._known else '='} {ast.unparse(gradient)}")
        self._known.add(name)


def _rules(value: ast.expr) -> tuple[tuple[str, ...], list[ast.expr]]:
    """How the gradient of a value goes on to its arguments, and these. Raises Unsupported."""
    if isinstance(value, ast.BinOp) and type(value.op) in _OPERATORS:
        return _OPERATORS[type(value.op)], [value.left, value.right]
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Pow):
        return _RULES["wp.pow"], [value.left, value.right]
    if isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.USub):
        return ("-g",), [value.operand]
    if isinstance(value, ast.IfExp):
        return _RULES["wp.where"], [value.test, value.body, value.orelse]
    if isinstance(value, ast.Call) and not value.keywords:
        rules = _RULES.get(ast.unparse(value.func), ())
        if len(rules) == len(value.args):
            return rules, list(value.args)
    raise Unsupported
