"""Which functions of a file become kernels, told from its text: decorators, calls, other names for them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

_MAKERS = ("kernel", "Kernel")
_WARP = ("wp", "warp")

Mark = tuple[str, int]  # a function's name, and the line where it or its first decorator stands


class Marks:
    """The kernels of one file. `kernels` are certain; `perhaps` says that importing may make more."""

    def __init__(self, tree: ast.Module) -> None:
        self._warp: set[str] = set()
        self._makers: set[str] = set()
        self._other: set[str] = set()  # names that are known to be something else
        self._functions: dict[str, list[ast.FunctionDef]] = {}
        nodes = list(ast.walk(tree))
        for node in nodes:
            self._learn(node)
        for node in nodes:  # after all imports, wherever they stand
            if isinstance(node, ast.Assign) and self._makes(node.value):
                self._makers.update(t.id for t in node.targets if isinstance(t, ast.Name))
            elif isinstance(node, ast.FunctionDef) and self._passes_on(node):
                self._makers.add(node.name)
        found = dict.fromkeys(mark for node in nodes for mark in self._of(node))
        self.kernels: tuple[Mark, ...] = tuple(found)
        self.perhaps = any(self._is_likely(node) for node in nodes)

    def _learn(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                known = self._warp if alias.name.partition(".")[0] == "warp" else self._other
                known.add(alias.asname or alias.name.partition(".")[0])
        elif isinstance(node, ast.ImportFrom):
            of_warp = (node.module or "").partition(".")[0] == "warp" and not node.level
            for alias in node.names:
                name = alias.asname or alias.name
                if of_warp and alias.name in (*_MAKERS, "*"):
                    self._makers.update(_MAKERS if alias.name == "*" else (name,))
                elif alias.name in _WARP:
                    self._warp.add(name)
        elif isinstance(node, ast.ClassDef):
            self._other.add(node.name)
        elif isinstance(node, ast.FunctionDef):
            self._functions.setdefault(node.name, []).append(node)

    def _makes(self, node: ast.expr) -> bool:
        """Whether an expression makes kernels: `wp.kernel`, `wp.kernel(...)`, `partial(wp.kernel)`."""
        if isinstance(node, ast.Name):
            return node.id in self._makers
        if isinstance(node, ast.Attribute):
            return node.attr in _MAKERS and self._is_warp(node.value)
        if isinstance(node, ast.Call):
            if _last_name(node.func) == "partial":
                return bool(node.args) and self._makes(node.args[0])
            return _given(node) is None and self._makes(node.func)
        if isinstance(node, ast.IfExp):
            return self._makes(node.body) or self._makes(node.orelse)
        return isinstance(node, ast.Lambda) and self._passes_on(node)

    def _is_warp(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Attribute):  # `common.wp.kernel`
            return node.attr in _WARP
        if not isinstance(node, ast.Name):
            return False
        return node.id in self._warp or (node.id in _WARP and node.id not in self._other)

    def _passes_on(self, function: ast.FunctionDef | ast.Lambda) -> bool:
        """Whether a function is a decorator that makes a kernel of what it is given."""
        own = {argument.arg for argument in function.args.args}
        calls = [n for n in ast.walk(function) if isinstance(n, ast.Call) and self._makes(n.func)]
        given = [_given(call) for call in calls]
        return any(isinstance(argument, ast.Name) and argument.id in own for argument in given)

    def _of(self, node: ast.AST) -> Iterator[Mark]:
        if isinstance(node, ast.FunctionDef):
            decorators = node.decorator_list
            if any(self._makes(d) or (isinstance(d, ast.Call) and self._makes(d.func)) for d in decorators):
                yield _mark(node)
        elif isinstance(node, ast.Call) and self._makes(node.func):
            given = _given(node)
            if isinstance(given, ast.Name) and len(self._functions.get(given.id, ())) == 1:
                yield _mark(self._functions[given.id][0])

    def _is_likely(self, node: ast.AST) -> bool:
        """A call on what is made elsewhere, or a decorated function of Warp's types that is no `wp.func`."""
        if isinstance(node, ast.Call) and _given(node) is not None and self._makes(node.func):
            return True
        if not isinstance(node, ast.FunctionDef) or not node.decorator_list:
            return False
        if any(
            _last_name(d) in ("func", "func_grad", "func_replay", "func_native") for d in node.decorator_list
        ):
            return False
        kinds = [a.annotation for a in node.args.args if a.annotation is not None]
        named = [n for kind in kinds for n in ast.walk(kind) if isinstance(n, ast.Attribute)]
        return any(self._is_warp(n.value) and n.attr.startswith("array") for n in named)


def _given(call: ast.Call) -> ast.expr | None:
    """The function that a maker of kernels is called with."""
    named = (keyword.value for keyword in call.keywords if keyword.arg in ("f", "func"))
    return call.args[0] if call.args else next(named, None)


def _mark(node: ast.FunctionDef) -> Mark:
    return node.name, min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        node = node.func
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
