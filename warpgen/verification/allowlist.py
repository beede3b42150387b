"""May a stranger's program be executed at all? Only what kernels are made of passes.

Executing a program's module runs its decorators and constants in Python. A dataset from elsewhere
could hold anything there, so the syntax tree is held against a short list before it runs, and then it
runs only in a confined child.
"""

from __future__ import annotations

import ast
import re

from warpgen.errors import VerificationError
from warpgen.extraction.builtins import builtins

# More than any kernel's module needs, and little enough to parse safely.
MOST_CHARACTERS = 256 * 1024

_MODULES = frozenset({"warp", "math", "typing", "enum", "__future__"})
_FORBIDDEN = frozenset(
    """
    eval exec compile open input breakpoint globals locals vars dir getattr setattr delattr hasattr memoryview
    exit quit help print_exception __import__ object super classmethod staticmethod type
    """.split()
)
# Of the `wp` module, beside builtins and types.
_WARP = frozenset(
    """
    E e INF inf LOG2E log2e LOG10E log10e LN2 ln2 LN10 ln10 NAN nan PHI phi PI pi HALF_PI half_pi
    TAU tau kernel func func_native func_grad func_replay struct constant static types vec mat
    set_module_options grad Volume Texture1D Texture2D Texture3D Mesh Bvh HashGrid vector matrix
    adjoint map ref indexedarray Any Function
    """.split()
)
_TYPE = re.compile(
    r"(?:(?:vec|mat|quat|transform|spatial_vector|spatial_matrix)\d*[a-z]{0,2}|(?:indexed)?array(?:\dd)?"
    r"|float\d*|u?int\d*|bool|tile)$"
)
_TYPES = frozenset({"vector", "matrix", "quaternion", "transformation"})
_TOP = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.Expr)


def require_allowed(source: str) -> None:
    """Raise VerificationError, saying what is not allowed, unless the program may be executed."""
    if len(source) > MOST_CHARACTERS:
        raise VerificationError(f"the source is longer than {MOST_CHARACTERS} characters")
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise VerificationError(f"the source is no Python: {type(error).__name__}") from error
    for statement in tree.body:
        if not isinstance(statement, _TOP):
            _refuse(f"a statement of kind {type(statement).__name__} outside functions")
    own = {id(node) for scope in ast.walk(tree) for node in _own(scope)}
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.expr) and _is_static(node) and id(node) not in called:
            _refuse("wp.static under another name")
        if id(node) not in own:
            _check(node)


def _own(scope: ast.AST) -> list[ast.Name]:
    """Names that are a program's own and may be anything.

    `dir` is a direction, as a struct's field or as a function's variable.
    """
    if isinstance(scope, ast.ClassDef):
        fields = [s.target for s in scope.body if isinstance(s, ast.AnnAssign) and s.value is None]
        return [field for field in fields if isinstance(field, ast.Name) and "__" not in field.id]
    return _variables(scope) if isinstance(scope, ast.FunctionDef) else []


def _variables(function: ast.FunctionDef) -> list[ast.Name]:
    """Uses of a function's own variables, and of `type` where it asks for that of one."""
    names = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
    stored = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    bound = stored | {argument.arg for argument in function.args.args}
    # Not in decorators, annotations, defaults and wp.static, which are evaluated outside.
    outside: list[ast.AST] = [*function.decorator_list, function.args]
    outside += [function.returns] if function.returns else []
    outside += [node for node in ast.walk(function) if isinstance(node, ast.Call) and _is_static(node.func)]
    apart = {id(node) for part in outside for node in ast.walk(part)}
    bare = [node for node in names if node.id in bound and id(node) not in apart and "__" not in node.id]
    plain = {id(node) for node in bare}
    asked = [node for node in ast.walk(function) if isinstance(node, ast.Call) and _asks_type(node)]
    return bare + [
        call.func for call in asked if id(call.args[0]) in plain and isinstance(call.func, ast.Name)
    ]


def _is_static(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and function.attr == "static"


def _asks_type(call: ast.Call) -> bool:
    """`type(x)`: in a kernel's generic function it stands for the type to cast to."""
    named = isinstance(call.func, ast.Name) and call.func.id == "type"
    return named and len(call.args) == 1 and not call.keywords


def _check(node: ast.AST) -> None:
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.name not in _MODULES or (alias.name == "warp") != (alias.asname == "wp"):
                _refuse(f"import {alias.name}")
    elif isinstance(node, ast.ImportFrom):
        if node.module not in _MODULES - {"warp"}:
            _refuse(f"import from {node.module}")
    elif isinstance(node, ast.Name):
        if node.id in _FORBIDDEN or node.id.startswith("__"):
            _refuse(f"the name {node.id}")
    elif isinstance(node, ast.Attribute):
        _attribute(node)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        # Texts may be C++ of func_native: nothing there may leave C++'s own expressions.
        if "asm" in node.value or ("#" in node.value and "\n" in node.value):
            _refuse("a text with assembly or directives")
    elif isinstance(
        node, (ast.Await, ast.AsyncFunctionDef, ast.Yield, ast.YieldFrom, ast.Global, ast.Nonlocal)
    ):
        _refuse(f"a {type(node).__name__}")


def _attribute(node: ast.Attribute) -> None:
    if node.attr.startswith("_"):
        _refuse(f"the attribute {node.attr}")
    inner = node.value
    if isinstance(inner, ast.Name) and inner.id == "wp":
        if not _allowed(node.attr):
            _refuse(f"wp.{node.attr}")
    elif ast.unparse(inner) == "wp.types" and node.attr not in _TYPES:
        _refuse(f"wp.types.{node.attr}")


def _allowed(name: str) -> bool:
    known = builtins()
    return name in _WARP or name in known.functions or name in known.types or bool(_TYPE.match(name))


def _refuse(what: str) -> None:
    raise VerificationError(f"not allowed in a row's source: {what}")


def allowed_of_warp(name: str) -> bool:
    """Whether a kernel's module may name this of Warp."""
    return _allowed(name)
