"""Which functions of a file become kernels, told from its text: decorators, calls, other names for them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from warpgen.harvesting.locals import parameters

_MAKERS = ("kernel", "Kernel")
_WARP = ("wp", "warp")
_FUNCTIONS = ("func", "func_grad", "func_replay", "func_native")
# Decorators that make no kernel.
_PLAIN = {"staticmethod", "classmethod", "property", "setter", "abstractmethod", "cache", "lru_cache"}
_PLAIN |= {"contextmanager", "fixture", "parametrize", "overload", "override", "wraps"}
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, *_COMPREHENSIONS)

Mark = tuple[str, int]  # a function's name, and the line where it or its first decorator stands


class Marks:
    """The kernels of one file. `kernels` are certain; `perhaps` says that importing may make more."""

    def __init__(self, tree: ast.Module) -> None:
        self._warp: set[str] = set()
        self._makers: set[str] = set()
        self._types: set[str] = set()  # names of Warp's own, and of what the file makes of them
        self._other: set[str] = set()  # names that are known to be something else
        nodes = list(ast.walk(tree))
        for node in nodes:
            self._learn(node)
        for node in nodes:  # after all imports, wherever they stand
            for name, value in _assigned(node):
                if self._makes(value):
                    self._makers.add(name)
                elif self._is_typed(value):
                    self._types.add(name)
            if isinstance(node, ast.FunctionDef) and self._passes_on(node):
                self._makers.add(node.name)
        self._meant = dict(_meant(tree, {}))
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
                elif of_warp:
                    self._types.add(name)
                elif alias.name in _WARP:
                    self._warp.add(name)
        elif isinstance(node, ast.ClassDef):
            self._other.add(node.name)

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
        """Whether a function makes a kernel of what it, or a function in it that it may return, is given."""
        inner = list(ast.walk(function))
        own = {node.arg for node in inner if isinstance(node, ast.arg)}
        given = [_given(n) for n in inner if isinstance(n, ast.Call) and self._makes(n.func)]
        return any(isinstance(argument, ast.Name) and argument.id in own for argument in given)

    def _of(self, node: ast.AST) -> Iterator[Mark]:
        if isinstance(node, ast.FunctionDef):
            decorators = node.decorator_list
            if any(self._makes(d) or (isinstance(d, ast.Call) and self._makes(d.func)) for d in decorators):
                yield _mark(node)
        elif isinstance(node, ast.Call) and self._makes(node.func) and id(node) in self._meant:
            yield _mark(self._meant[id(node)])

    def _is_likely(self, node: ast.AST) -> bool:
        """A call on what is made elsewhere, or a function of Warp's types under one from elsewhere."""
        if isinstance(node, ast.Call) and _given(node) is not None and self._makes(node.func):
            return True
        if not isinstance(node, ast.FunctionDef):
            return False
        decorators = [d.func if isinstance(d, ast.Call) else d for d in node.decorator_list]
        if any(self._is_typed(d) or _last_name(d) in _FUNCTIONS for d in decorators):
            return False  # Warp's own makes none, unless it is known
        if all(_last_name(d) in _PLAIN for d in decorators):
            return False
        return any(self._is_typed(a.annotation) for a in parameters(node) if a.annotation is not None)

    def _is_typed(self, node: ast.expr) -> bool:
        """Whether an expression says something of Warp's."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return any(name in node.value for name in (*self._warp, *self._types, *_WARP))
        inner = list(ast.walk(node))
        if any(isinstance(n, ast.Name) and n.id in self._types for n in inner):
            return True
        return any(isinstance(n, ast.Attribute) and self._is_warp(n.value) for n in inner)


def _assigned(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Names that a statement gives to values, and the values."""
    if not isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) or node.value is None:
        return
    value = node.value
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        if isinstance(target, ast.Name):
            yield target.id, value
        elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            pairs = zip(target.elts, value.elts, strict=False)
            yield from ((name.id, one) for name, one in pairs if isinstance(name, ast.Name))


def _within(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope, without what stands in scopes inside."""
    for node in ast.iter_child_nodes(scope):
        yield node
        if not isinstance(node, _SCOPES):
            yield from _within(node)


def _meant(scope: ast.AST, outer: dict[str, ast.FunctionDef | None]) -> Iterator[tuple[int, ast.FunctionDef]]:
    """Calls by their ids, and the function that their first argument names where they stand."""
    nodes, known = list(_within(scope)), dict(outer)
    named = {id(target) for node in nodes if isinstance(node, ast.Assign) for target in node.targets}
    own = dict[str, ast.FunctionDef | None]()
    for node in nodes:
        name = _bound(node)
        if isinstance(node, ast.FunctionDef):
            own[name] = node if own.get(name) is None else None
        elif name and not (id(node) in named and own.get(name)):  # but for `f = wp.kernel(f)`
            own[name] = None
    known |= own
    for node in nodes:
        if isinstance(node, _SCOPES):
            yield from _meant(node, known)
        elif isinstance(node, ast.Call):
            given = _given(node)
            function = known.get(given.id) if isinstance(given, ast.Name) else None
            if function is not None:
                yield id(node), function


def _bound(node: ast.AST) -> str:
    """The name that a node gives a meaning, '' where it gives none."""
    if isinstance(node, ast.Name):
        return node.id if isinstance(node.ctx, ast.Store) else ""
    if isinstance(node, ast.alias):
        return node.asname or node.name.partition(".")[0]
    if isinstance(node, ast.arg):
        return node.arg
    return node.name if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else ""


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
