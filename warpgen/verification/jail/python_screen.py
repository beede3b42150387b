"""What a stranger's Python may name: a list for each module, and no way from one thing to another.

Held against the syntax tree before anything runs: against all of an answer, and, more narrowly, against
what of it will be executed. What passes runs in a jail all the same.
"""

from __future__ import annotations

import ast
import enum
import math
import typing
from collections.abc import Iterator, Sequence
from typing import Any, TypeGuard

from warpgen.verification.allowlist import allowed_of_warp, bound_names, fields, members

# Of each module, what may be named; what of `warp`, the allow-list of rows says.
_OF = {
    "math": frozenset(name for name in dir(math) if not name.startswith("_")),
    "typing": frozenset(
        name
        for name in """
        Annotated Any Callable ClassVar Dict Final FrozenSet Iterable Iterator List Literal Mapping NamedTuple
        Optional Sequence Set Tuple Type TypeAlias TypeVar TYPE_CHECKING Union cast
        """.split()
        if hasattr(typing, name)
    ),
    "enum": frozenset(
        name for name in ("Enum", "Flag", "IntEnum", "IntFlag", "auto", "unique") if hasattr(enum, name)
    ),
    "__future__": frozenset({"annotations"}),
}
# Modules of host code, which is left out: nothing of them may be named by what is executed.
_HOST = frozenset(
    """
    numpy time argparse dataclasses functools itertools random collections torch unittest pytest matplotlib
    logging contextlib warnings json copy timeit statistics operator string textwrap pprint tqdm scipy pandas
    jax cupy typing_extensions numbers fractions decimal abc heapq bisect
    """.split()
)
# The same of Warp.
_LAUNCHING = frozenset(
    """
    init launch launch_tiled synchronize synchronize_device zeros zeros_like ones ones_like empty empty_like
    full full_like clone copy from_numpy from_torch to_torch Tape ScopedTimer ScopedDevice ScopedCapture
    get_device get_devices get_preferred_device set_device is_cuda_available set_module_options overload
    """.split()
)

# Python's own names that module code may use while it is executed.
_BUILTINS = frozenset(
    """
    int float bool str tuple list dict set range len min max abs round sum pow divmod enumerate zip sorted
    reversed any all slice type isinstance print ValueError
    """.split()
)
# Names of Python that no answer may hold, executed or not.
_FORBIDDEN = frozenset(
    """
    eval exec compile open input breakpoint globals locals vars dir getattr setattr delattr hasattr
    memoryview exit quit help object super classmethod staticmethod
    """.split()
)
# But for those of classes in host code, which is left out.
_OF_CLASSES = frozenset("getattr setattr hasattr object super classmethod staticmethod".split())


# What a module says of itself.
_DUNDERS = frozenset({"__name__", "__all__", "__author__", "__version__", "__license__", "__doc__"})
# What host code asks of what it holds.
_SAID = frozenset({"__version__", "__name__", "__doc__", "__init__"})


class Refused(Exception):
    """What is not allowed."""


def screen(tree: ast.Module, executed: bool = False) -> None:
    """Raise Refused, which names it, for the first thing that is not allowed."""
    modules = dict(_imported(tree, executed))
    held = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    own = _own(tree) if executed else _own(tree) | _own_of_module(tree)
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    private = {s.target.id for c in classes for s in c.body if _is_field(s)}
    private |= {member.id for c in classes for member in members(c)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            _name(node, modules, held, own, executed)
        elif isinstance(node, ast.Attribute):
            _attribute(node, modules, executed, private)
        elif executed and isinstance(
            node, ast.AsyncFunctionDef | ast.Await | ast.Yield | ast.YieldFrom | ast.Global | ast.Nonlocal
        ):
            raise Refused(type(node).__name__.lower())
    if executed:
        own_classes = {s.name for s in tree.body if isinstance(s, ast.ClassDef)}
        known = {n for s in tree.body for n in _stored(s)} | set(modules) | _BUILTINS
        for expression, bound in _run_at_once(tree.body):
            _run(expression, modules, own_classes, known | bound)


def _imported(tree: ast.Module, executed: bool) -> Iterator[tuple[str, str]]:
    """Name and module of each import. Raises Refused for modules, and names of them, that are on no list."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                known = alias.name in {"warp", *_OF} - {"__future__"} or alias.name.split(".")[0] in _HOST
                if not known or (alias.asname or "").startswith("__"):
                    raise Refused(f"import {alias.name}")
                yield alias.asname or alias.name.split(".")[0], alias.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom):
            root = (node.module or "").split(".")[0]
            for alias in node.names:
                known = _may(node.module or "", alias.name, executed) or (
                    root in _HOST and not alias.name.startswith("_")
                )
                if node.level or not known or (alias.asname or "").startswith("__"):
                    raise Refused(f"from {node.module} import {alias.name}")
                if root in _HOST:
                    yield alias.asname or alias.name, root


def _may(module: str, name: str, executed: bool) -> bool:
    if module == "warp":
        return allowed_of_warp(name) or (name in _LAUNCHING and not executed)
    return name in _OF.get(module, frozenset())


def _own(tree: ast.Module) -> set[int]:
    """Uses of names that a function binds itself, which may be called like something of Python's."""
    found: set[int] = set()
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            inside = [n for s in function.body for n in ast.walk(s) if isinstance(n, ast.Name)]
            bound = bound_names(function)
            static = {
                id(n)
                for s in function.body
                for call in ast.walk(s)
                if isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and call.func.attr == "static"
                for n in ast.walk(call)
            }
            found |= {id(n) for n in inside if n.id in bound and id(n) not in static}
        elif isinstance(function, ast.ClassDef):
            found |= {id(name) for name in fields(function)}
    return found


def _own_of_module(tree: ast.Module) -> set[int]:
    """The same of what stands outside of functions, for code that is not executed."""
    outside = [n for s in tree.body if not isinstance(s, ast.FunctionDef | ast.ClassDef) for n in ast.walk(s)]
    bound = {n.id for n in outside if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    bound |= {n.arg for n in outside if isinstance(n, ast.arg)}
    return {id(n) for n in outside if isinstance(n, ast.Name) and n.id in bound}


def _name(node: ast.Name, modules: dict[str, str], held: set[int], own: set[int], executed: bool) -> None:
    if node.id.startswith("__") and node.id.strip("_") and node.id not in _DUNDERS:
        raise Refused(f"the name {node.id}")
    if id(node) in own:
        return
    if node.id in _FORBIDDEN and (executed or node.id not in _OF_CLASSES):
        raise Refused(f"the name {node.id}")
    module = modules.get(node.id, "")
    if module in _HOST and executed:
        raise Refused(f"{module} in a kernel's module")
    if module and module not in _HOST and id(node) not in held:
        raise Refused(f"the module {node.id} under another name")


def _is_field(statement: ast.stmt) -> TypeGuard[Any]:
    return isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)


def _attribute(node: ast.Attribute, modules: dict[str, str], executed: bool, private: set[str]) -> None:
    if node.attr in _SAID and not executed:
        return
    module = modules.get(node.value.id, "") if isinstance(node.value, ast.Name) else ""
    hidden = node.attr.startswith("_") and (module or (executed and node.attr not in private))
    if hidden or node.attr.startswith("__"):
        raise Refused(f"the attribute {node.attr}")
    if module in _OF and node.attr not in _OF[module]:
        raise Refused(f"{module}.{node.attr}")


def _stored(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.ImportFrom):
        yield from (alias.asname or alias.name for alias in statement.names)
    else:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id


def _run_at_once(
    body: Sequence[ast.stmt], bound: frozenset[str] = frozenset()
) -> Iterator[tuple[ast.AST, frozenset[str]]]:
    """What runs when the module is loaded, or while code is generated: all but bodies of Warp's functions.

    With the names that stand for something there beside the module's own: those that are `bound` around it,
    counters of loops in `wp.static`.
    """
    for statement in body:
        if isinstance(statement, ast.FunctionDef):
            parts = (*statement.decorator_list, statement.args, statement.returns)
            yield from ((part, bound) for part in parts if part is not None)
            nodes = [n for s in statement.body for n in ast.walk(s)]
            if _is_warps(statement):
                stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
                calls = (n for n in nodes if isinstance(n, ast.Call))
                yield from ((n, bound | stored) for n in calls if getattr(n.func, "attr", "") == "static")
            else:
                inside = {n.name for n in nodes if isinstance(n, ast.FunctionDef)}
                yield from _run_at_once(statement.body, bound | bound_names(statement) | inside)
        elif not isinstance(statement, ast.Import | ast.ImportFrom):
            yield statement, bound


def _is_warps(function: ast.FunctionDef) -> bool:
    """Whether Warp takes it for code of kernels: it is never called."""
    decorators = function.decorator_list
    return bool(decorators) and all(ast.unparse(decorator).startswith("wp.") for decorator in decorators)


def _run(tree: ast.AST, modules: dict[str, str], classes: set[str], known: set[str]) -> None:
    """No attribute but of a module or of an own enumeration; no name but known ones."""
    inner = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    inner |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and not _reachable(node, modules, classes):
            raise Refused(f"the attribute {node.attr} of what is no module")
        if isinstance(node, ast.Name) and node.id not in known | inner:
            raise Refused(f"the name {node.id}")


def _reachable(node: ast.Attribute, modules: dict[str, str], classes: set[str]) -> bool:
    value = node.value
    if isinstance(value, ast.Name):
        return value.id in modules or value.id in classes
    if isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name):
        if modules.get(value.value.id) == "warp" and value.attr == "types":
            return True
        return value.value.id in classes and node.attr in ("value", "name")
    return False
