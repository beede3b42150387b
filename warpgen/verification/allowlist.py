"""May a stranger's program be executed at all? Only what kernels are made of passes.

Executing a program's module runs its decorators and constants in Python. A dataset from elsewhere
could hold anything there, so the syntax tree is held against a short list before it runs, and then it
runs only in a confined child.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from warpgen.errors import VerificationError
from warpgen.extraction.builtins import builtins

# More than any kernel's module needs, and little enough to parse safely.
MOST_CHARACTERS = 256 * 1024

_MODULES = frozenset({"warp", "math", "typing", "enum", "__future__"})
# What may be taken out of them: the modules that they import themselves are public names too.
_TAKEN = {
    "math": re.compile(r"[a-z]\w*\d?|pi|e|tau|inf|nan"),
    "typing": re.compile(
        r"Any|Annotated|Callable|ClassVar|Final|Generic|Literal|NamedTuple|Optional|Tuple|TypeAlias|TypeVar|Union"
    ),
    "enum": re.compile(r"Enum|IntEnum|Flag|IntFlag|auto|unique"),
    "__future__": re.compile(r"annotations"),
}
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
    adjoint map ref indexedarray Any Function Scalar Float Int
    handle fabricarray fabricarrayarray indexedfabricarray indexedfabricarrayarray fixedarray
    BvhQuery BvhQueryTiled HashGridQuery MeshQuery MeshQueryAABB MeshQueryAABBTiled MeshQueryPoint
    MeshQueryRay Texture transform_expand quat_between_vectors
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
    nodes = list(ast.walk(tree))
    modules = _imported(nodes)
    texts = _texts_of_cpp(tree, nodes)
    variables = {node: _variables(node) for node in nodes if isinstance(node, ast.FunctionDef)}
    own = {id(name) for names in variables.values() for name in names}
    own |= {id(name) for node in nodes if isinstance(node, ast.ClassDef) for name in fields(node)}
    harmless = own | _private_fields(tree, variables) | _private_members(tree, nodes)
    harmless |= {id(text) for text in texts} | {id(text) for text in _docstrings(nodes)}
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    _hold_modules(nodes, own, modules)
    for node in nodes:
        if isinstance(node, ast.expr) and _is_named(node, "static") and id(node) not in called:
            _refuse("wp.static under another name")
        if id(node) not in harmless:
            _check(node, modules)
    for text in texts:
        if _leaves_expressions(text.value):
            _refuse("C++ with assembly or directives")


def _imported(nodes: Sequence[ast.AST]) -> dict[str, str]:
    """Modules by what the program calls them. Raises VerificationError for those that are on no list."""
    found = {name: name for name in _MODULES} | {"wp": "warp"}
    for node in nodes:
        for alias in node.names if isinstance(node, ast.Import) else ():
            if alias.name not in _MODULES or (alias.name == "warp") != (alias.asname == "wp"):
                _refuse(f"import {alias.name}")
            name = alias.asname or alias.name
            if found.setdefault(name, alias.name) != alias.name:
                _refuse(f"import {alias.name} as {name}")
    return found


def _hold_modules(nodes: Sequence[ast.AST], own: set[int], modules: Mapping[str, str]) -> None:
    """A module has its one name, which only a function's `own` variable may have too."""
    asked = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
    of_lambdas = {a for n in nodes if isinstance(n, ast.Lambda) for a in ast.walk(n.args)}
    for node in nodes:
        if id(node) not in asked and (_is_module(node, own, modules) or _is_types(node)):
            _refuse("a module under another name")
        if isinstance(node, ast.arg) and (node.arg == "wp" or (node.arg in modules and node in of_lambdas)):
            _refuse(f"an argument called {node.arg}")


def _is_module(node: ast.AST, own: set[int], modules: Mapping[str, str]) -> bool:
    return isinstance(node, ast.Name) and (node.id == "wp" or (node.id in modules and id(node) not in own))


def _is_types(node: ast.AST) -> bool:
    """Whether it is `wp.types`."""
    held = node.value if isinstance(node, ast.Attribute) and node.attr == "types" else None
    return isinstance(held, ast.Name) and held.id == "wp"


# `%:` is another spelling of `#`, and so is `??=`.
_DIRECTIVE = re.compile(r"^\s*(?:#|%:|\?\?=|import\b|module\b|export\b)")
# Which of two texts is compiled, and hints for loops.
_CONDITION = re.compile(
    r"\s*#\s*(?:(?:el)?if\s(?!.*__has_)[\w\s()!&|<>=]+|ifn?def\s+\w+|else|endif|pragma\s+unroll[\s()\d]*)"
    r"\s*(?://.*)?"
)
_ASSEMBLY = re.compile(r"\b(?:__)?asm(?:__)?\b|\b_Pragma\b")


def _leaves_expressions(text: str) -> bool:
    """Whether C++ may hold assembly or directives: a `#` that is not the first of its line is none."""
    if "/*" in text or re.search(r"(?:\\|\?\?/)\s*$", text, re.MULTILINE):  # it may be the first after all
        return bool(re.search(r"#|%:|\?\?=|\bimport\b", text) or _ASSEMBLY.search(text))
    lines = [line for line in text.splitlines() if not _CONDITION.fullmatch(line)]
    # A comment hides nothing, but what looks like one in a text may.
    bare = [re.sub(r"^([^\"']*?)//.*", r"\1", line) for line in lines]
    return any(_DIRECTIVE.search(line) for line in lines) or any(_ASSEMBLY.search(line) for line in bare)


def _texts_of_cpp(tree: ast.Module, nodes: Sequence[ast.AST]) -> list[Any]:
    """Constants that become C++ as they stand: what `wp.func_native` is given, as a text or by a name."""
    named: dict[str, list[ast.expr]] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                named.setdefault(ast.unparse(target), []).append(statement.value)
    calls = [n for n in nodes if isinstance(n, ast.Call) and _is_named(n.func, "func_native")]
    uses = [n for n in nodes if isinstance(n, ast.expr) and _is_named(n, "func_native")]
    if len(uses) != len(calls):
        _refuse("wp.func_native under another name")
    texts = []
    for given in [g for call in calls for g in (*call.args, *(keyword.value for keyword in call.keywords))]:
        meant = named.get(given.id, []) if isinstance(given, ast.Name) else [given]
        stored = [n for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        again = isinstance(given, ast.Name) and sum(n.id == given.id for n in stored) > 1
        if len(meant) != 1 or again or not isinstance(meant[0], ast.Constant):
            raise VerificationError("not allowed in a row's source: C++ that is not given as one text")
        if isinstance(meant[0].value, str):
            texts.append(meant[0])
    return texts


def _docstrings(nodes: Sequence[ast.AST]) -> list[ast.expr]:
    """Texts that say what a module, a function or a struct is: they come into no C++."""
    scopes = [n for n in nodes if isinstance(n, (ast.Module, ast.FunctionDef, ast.ClassDef))]
    first = [scope.body[0] for scope in scopes if scope.body]
    return [s.value for s in first if isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant)]


def _private_fields(tree: ast.Module, variables: Mapping[ast.FunctionDef, Sequence[ast.Name]]) -> set[int]:
    """Uses, on a function's own variables, of a struct's field whose name begins with `_`."""
    structs = _classes(tree)
    declared = [s.target for struct in structs for s in struct.body if isinstance(s, ast.AnnAssign)]
    named = {t.id for t in declared if isinstance(t, ast.Name) and t.id.startswith("_") and "__" not in t.id}
    found: set[int] = set()
    for function, names in variables.items() if named else ():
        own = {id(name) for name in names}
        for node in ast.walk(function):
            if isinstance(node, ast.Attribute) and node.attr in named:
                root: ast.AST = node
                while isinstance(root, (ast.Attribute, ast.Subscript)):
                    root = root.value
                if id(root) in own or isinstance(root, ast.Call):
                    found.add(id(node))
    return found


def _private_members(tree: ast.Module, nodes: Sequence[ast.AST]) -> set[int]:
    """Uses of an own enumeration's member whose name begins with `_`, if its class alone has that name."""
    bound = Counter(_bound(nodes))
    assigned = {(c.name, t.id) for c in _classes(tree) if bound[c.name] == 1 for t in members(c)}
    private = {pair for pair in assigned if not pair[1].endswith("_") and "__" not in pair[1]}
    asked = (n for n in nodes if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name))
    return {id(n) for n in asked if isinstance(n.value, ast.Name) and (n.value.id, n.attr) in private}


def _bound(nodes: Sequence[ast.AST]) -> Iterator[str]:
    """What something is called anywhere, as often as that is said."""
    yield from _MODULES
    for node in nodes:
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.alias):
            yield node.asname or node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
            yield node.name
        elif isinstance(node, ast.MatchMapping) and node.rest:
            yield node.rest


def _classes(tree: ast.Module) -> list[ast.ClassDef]:
    return [statement for statement in tree.body if isinstance(statement, ast.ClassDef)]


def members(of: ast.ClassDef) -> list[ast.Name]:
    """Names of an enumeration's members."""
    targets = [t for s in of.body if isinstance(s, ast.Assign) for t in s.targets]
    return [target for target in targets if isinstance(target, ast.Name)]


def fields(scope: ast.ClassDef) -> list[ast.Name]:
    """Names of a struct's fields and of an enumeration's members: `dir` may be a direction."""
    declared = [s.target for s in scope.body if isinstance(s, ast.AnnAssign) and s.value is None]
    names = [*members(scope), *(field for field in declared if isinstance(field, ast.Name))]
    return [name for name in names if "__" not in name.id]


def _variables(function: ast.FunctionDef) -> list[ast.Name]:
    """Uses of a function's own variables, and of `type` where it asks for that of one."""
    nodes = list(ast.walk(function))
    names = [node for node in nodes if isinstance(node, ast.Name)]
    bound = bound_names(function)
    # Not in decorators, annotations, defaults and wp.static, which are evaluated outside.
    outside: list[ast.AST] = [*function.decorator_list, function.args]
    outside += [function.returns] if function.returns else []
    outside += [n for n in nodes if isinstance(n, ast.Call) and _is_named(n.func, "static")]
    apart = {id(node) for part in outside for node in ast.walk(part)}
    bare = [node for node in names if node.id in bound and id(node) not in apart and not _is_dunder(node.id)]
    asked = [node.func for node in nodes if isinstance(node, ast.Call) and _asks_type(node)]
    return bare + [name for name in asked if isinstance(name, ast.Name) and id(name) not in apart]


def _is_dunder(name: str) -> bool:
    """Whether a name may be one of Python's own marks, which `__` alone is not."""
    return "__" in name and name.strip("_") != ""


_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SCOPES = (*_COMPREHENSIONS, ast.Lambda, ast.FunctionDef, ast.ClassDef)


def bound_names(function: ast.FunctionDef) -> set[str]:
    """A function's parameters and variables; what comprehensions and functions inside it bind is theirs."""
    given = function.args
    names = {argument.arg for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs)}
    todo: list[ast.AST] = list(function.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        if not isinstance(node, _SCOPES):
            todo += ast.iter_child_nodes(node)
    return names


def _is_named(function: ast.expr, name: str) -> bool:
    return isinstance(function, ast.Attribute) and function.attr == name


def _asks_type(call: ast.Call) -> bool:
    """`type(x[i])`: in a kernel's generic function it stands for the type to cast to.

    Of a value, which a text, a number or another `type` is not.
    """
    if not (isinstance(call.func, ast.Name) and call.func.id == "type"):
        return False
    return len(call.args) == 1 and not call.keywords and _is_value(call.args[0])


def _is_value(node: ast.expr) -> bool:
    """Whether an expression is made of variables: elements, fields, sums, and what functions make of them."""
    if isinstance(node, (ast.Attribute, ast.Subscript)):
        return _is_value(node.value)
    if isinstance(node, ast.UnaryOp):
        return _is_value(node.operand)
    if isinstance(node, ast.BinOp):
        return _is_value(node.left) or _is_value(node.right)
    if isinstance(node, ast.Call):
        return not _asks_type(node) and any(map(_is_value, node.args))
    return isinstance(node, ast.Name) and node.id not in ("wp", *_MODULES, *_FORBIDDEN)


def _check(node: ast.AST, modules: Mapping[str, str]) -> None:
    if isinstance(node, ast.ImportFrom):
        for alias in node.names:
            if node.module not in _TAKEN or not _TAKEN[node.module].fullmatch(alias.name):
                _refuse(f"import {alias.name} from {node.module}")
    elif isinstance(node, ast.Name):
        if node.id in _FORBIDDEN or node.id.startswith("__"):
            _refuse(f"the name {node.id}")
    elif isinstance(node, ast.Attribute):
        _attribute(node, modules)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        # Warp puts a text into C++ between quotation marks, and does not escape those that are in it.
        if '"' in node.value:
            _refuse("a text with a quotation mark")
    elif isinstance(
        node, (ast.Await, ast.AsyncFunctionDef, ast.Yield, ast.YieldFrom, ast.Global, ast.Nonlocal)
    ):
        _refuse(f"a {type(node).__name__}")


def _attribute(node: ast.Attribute, modules: Mapping[str, str]) -> None:
    if node.attr.startswith("_"):
        _refuse(f"the attribute {node.attr}")
    inner = node.value
    module = modules.get(inner.id, "") if isinstance(inner, ast.Name) else ""
    if isinstance(inner, ast.Name) and inner.id == "wp":
        if not allowed_of_warp(node.attr):
            _refuse(f"wp.{node.attr}")
    elif module in _TAKEN and not _TAKEN[module].fullmatch(node.attr):
        _refuse(f"{module}.{node.attr}")
    elif _is_types(inner) and node.attr not in _TYPES:
        _refuse(f"wp.types.{node.attr}")


def allowed_of_warp(name: str) -> bool:
    """Whether a kernel's module may name this of Warp."""
    known = builtins()
    return name in _WARP or name in known.functions or name in known.types or bool(_TYPE.match(name))


def _refuse(what: str) -> NoReturn:
    raise VerificationError(f"not allowed in a row's source: {what}")
