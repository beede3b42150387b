"""Which names of a function are its own, as Warp's code generator takes them."""

from __future__ import annotations

import ast

_INNER = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Lambda)


def parameters(node: ast.FunctionDef) -> list[ast.arg]:
    """All parameters in their order, positional-only and keyword-only ones too."""
    return [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]


class Locals:
    """Names that a function binds.

    Warp looks a name up among the locals that were set so far, then outside: in `scale = scale * x` the
    second `scale` may be a constant of the module, which Python itself would refuse.
    """

    def __init__(self, node: ast.FunctionDef) -> None:
        self._set = {argument.arg for argument in parameters(node)}
        self._early: set[int] = set()
        self._inner: set[str] = set()
        for statement in node.body:
            self._visit(statement)

    @property
    def names(self) -> frozenset[str]:
        """All names that are bound somewhere in the function, in comprehensions too."""
        return frozenset(self._set | self._inner)

    def has(self, node: ast.Name) -> bool:
        """Whether a use of a name means a local."""
        return node.id in self._set and id(node) not in self._early

    def _visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Store):
                self._set.add(node.id)
            elif node.id not in self._set:
                self._early.add(id(node))
            return
        if isinstance(node, _INNER):  # what these bind is theirs
            self._inner |= inner_names(node)
            loads = (n for n in ast.walk(node) if isinstance(n, ast.Name) and n.id not in self._set)
            self._early.update(map(id, loads))
            return
        order = list(ast.iter_child_nodes(node))
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            order = [part for part in order if part is node.value] + [p for p in order if p is not node.value]
        elif isinstance(node, ast.For):
            order = [node.iter, node.target, *node.body, *node.orelse]
        for child in order:
            self._visit(child)


def inner_names(node: ast.AST) -> frozenset[str]:
    """Names that an expression binds for itself: of comprehensions and lambdas."""
    found = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    found |= {a.arg for n in ast.walk(node) if isinstance(n, ast.Lambda) for a in n.args.args}
    return frozenset(found)
