"""From an answer, as people and models write them, to the module of its kernel.

The text is only read here, never executed. Host code, examples and other kernels are left out; what is left
is written anew from its syntax tree.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator, Sequence

from warpgen.errors import VerificationError
from warpgen.fences import fenced, named, said
from warpgen.verification.allowlist import MOST_CHARACTERS, allowed_of_warp, bound_names, require_allowed
from warpgen.verification.compiling.translation_unit import without_fast_path
from warpgen.verification.jail.cpp_halves import halves
from warpgen.verification.jail.cpp_instances import alike
from warpgen.verification.jail.cpp_screen import NoKernel, cleaned
from warpgen.verification.jail.cpp_tokens import Refused as CppRefused
from warpgen.verification.jail.job import Clean, Shape, Shaped
from warpgen.verification.jail.python_screen import Refused, screen
from warpgen.verification.native.generated import kernel_name

_UNREADABLE = re.compile("[\0\ud800-\udfff]")
# Types of a row's arguments that can be written as an annotation without its own structs.
_ARRAY = re.compile(r"(indexed)?array(?:(\d)d)?\((\w+)\)$")
_PLAIN = re.compile(
    r"(?:u?int\d+|float\d+|bool|(?:vec|mat|quat|transform|spatial_vector|spatial_matrix)\d*[a-z]{0,2})$"
)


_GENERIC = {"Any", "Scalar", "Float", "Int"}


class _Lost(Exception):
    """No kernel was found, and why."""


def shaped(job: Shape) -> Shaped:
    """The module of the kernel in an answer."""
    try:
        text = readable(job.text, "python", job.extract)
        tree = ast.parse(text)
        _spell_out(tree)
        _name_imports(tree)
        screen(tree)
        tree = _with_wp(tree)
        tree.body = _lifted(list(_unfolded(_last(_decorated(tree.body)))))
        kernel = _chosen(tree, job)
        tree.body = _needed(tree.body, kernel)
        _settle_types(kernel, job.types)
        source = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
        screen(ast.parse(source), executed=True)
        require_allowed(source)
    except _Lost as error:
        return Shaped(stage="extract", why=str(error))
    except Refused as error:
        return Shaped(stage="allow", why=f"not allowed: {error}")
    except VerificationError as error:
        return Shaped(stage="allow", why=str(error).replace("allowed in a row's source", "allowed"))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return Shaped(stage="extract", why=f"the text is no Python: {type(error).__name__}")
    return Shaped(source, kernel.name)


def clean(job: Clean) -> Shaped:
    """The C++ or CUDA in an answer, written anew from its tokens."""
    try:
        text = cleaned(readable(job.text, job.language, job.extract), job.language, job.own)
    except _Lost as error:
        return Shaped(stage="extract", why=str(error))
    except NoKernel as error:
        return Shaped(stage="compile", why=str(error))
    except CppRefused as error:
        return Shaped(stage="allow", why=f"not allowed: {error}")
    once = job.language == "cpp" and alike(text, job.own)
    text = without_fast_path(text) if once else text
    return Shaped(text, kernel_name(text), halves=halves(text, job.language), once=once)


def readable(text: str, language: str, extract: bool) -> str:
    """The code in an answer: all of it, or what its fences hold. Raises _Lost."""
    if len(text) > 4 * MOST_CHARACTERS:
        raise _Lost(f"the answer is longer than {4 * MOST_CHARACTERS} characters")
    if _UNREADABLE.search(text):
        raise _Lost("the answer holds characters that no text has")
    text = text.removeprefix("\ufeff")
    text = said(text) if extract else text
    blocks, outside = fenced(text)
    if not blocks or (outside.strip() and not extract):
        return text
    sign = _SIGNS[language]
    for some in (named(blocks, language), [block for _, block in blocks]):
        holding = [block for block in some if sign.search(block)]
        if holding:
            return holding[-1]
    if sign.search(outside):  # the fences are those of a docstring
        return text
    raise _Lost("no block of the answer holds a kernel")


_SIGNS = {
    "python": re.compile(r"^[ \t]*(?:@|\w+ *=)[ \t]*(?:\w+\.)*kernel\b", re.MULTILINE),
    "cpp": re.compile("_cpu_kernel_forward"),
    "cuda": re.compile("_cuda_kernel_forward"),
}


def _spell_out(tree: ast.Module) -> None:
    """Annotations that are texts become what these say; other letters than ASCII's become their numbers."""
    for node in ast.walk(tree):
        for field in ("annotation", "returns"):
            if getattr(node, field, None) is not None:
                setattr(node, field, _Unquoted().visit(getattr(node, field)))
    names = [
        (n, f, getattr(n, f, None)) for n in ast.walk(tree) for f in ("id", "arg", "name", "attr", "asname")
    ]
    taken = {name for _, _, name in names}
    for node, field, name in names:
        if isinstance(name, str) and not name.isascii():
            made = "".join(c if c.isascii() else f"u{ord(c):x}_" for c in name)
            if made not in taken:
                setattr(node, field, made)


class _Unquoted(ast.NodeTransformer):
    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if not isinstance(node.value, str):
            return node
        try:
            meant: ast.expr = self.visit(ast.parse(node.value.strip(), mode="eval").body)
        except (SyntaxError, ValueError):
            return ast.Constant(None)  # a remark, and no type
        return meant


def _name_imports(tree: ast.Module) -> None:
    """`from warp import *` brings what is used, but what Python calls so, too, and means the same here."""
    for statement in (s for s in tree.body if isinstance(s, ast.ImportFrom) and s.module == "warp"):
        if [alias.name for alias in statement.names] == ["*"]:
            own = set(dir(builtins)).union(*map(_bound, tree.body))
            used = sorted(name for name in _named(tree) - own if allowed_of_warp(name))
            statement.names = [ast.alias(name) for name in used or ("kernel",)]


# What constants are made of in NumPy, and what that is without.
_OF_NUMPY = {name: f"wp.{name}" for name in ("pi", "e", "inf", "nan")}
_OF_NUMPY |= {name: f"math.{name}" for name in "sqrt exp log log2 log10 sin cos tan radians degrees".split()}
_OF_NUMPY |= {"deg2rad": "math.radians", "rad2deg": "math.degrees", "float32": "float", "float64": "float"}


def _with_wp(tree: ast.Module) -> ast.Module:
    """Warp under the name `wp`, however it was imported, and each other module by a statement of its own."""
    names: dict[str, str] = {}
    body: list[ast.stmt] = [ast.Import([ast.alias("warp", "wp")])]
    for statement in tree.body:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                if alias.name == "warp":
                    names[alias.asname or "warp"] = "wp"
                else:
                    body.append(ast.Import([alias]))
                if alias.name == "numpy":
                    body.append(ast.Import([ast.alias("math")]))
                    names |= {f"{alias.asname or 'numpy'}.{name}": meant for name, meant in _OF_NUMPY.items()}
        elif isinstance(statement, ast.ImportFrom) and statement.module == "warp":
            names |= {alias.asname or alias.name: f"wp.{alias.name}" for alias in statement.names}
        else:
            body.append(statement)
    names.pop("wp", None)
    tree.body = [body[0], *(_Renamed(names).visit(statement) for statement in body[1:])]
    return tree


class _Renamed(ast.NodeTransformer):
    """Names become what they mean: those of Warp `wp`, of what was imported from it `wp.name`."""

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Within, what it binds itself is its own."""
        bound = bound_names(node)
        inner = _Renamed({name: meant for name, meant in self._names.items() if name not in bound})
        node.decorator_list = [self.visit(decorator) for decorator in node.decorator_list]
        node.args = self.visit(node.args)
        node.returns = node.returns and self.visit(node.returns)
        node.body = [inner.visit(statement) for statement in node.body]
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        name = f"{node.value.id}.{node.attr}" if isinstance(node.value, ast.Name) else ""
        if name in self._names:
            return ast.parse(self._names[name], mode="eval").body
        self.generic_visit(node)
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id not in self._names or not isinstance(node.ctx, ast.Load):
            return node
        return ast.parse(self._names[node.id], mode="eval").body


def _decorated(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """`k = wp.kernel(f)` is `@wp.kernel` above `f`."""
    functions = {s.name: s for s in body if isinstance(s, ast.FunctionDef)}
    made: list[ast.stmt] = []
    for statement in body:
        call = statement.value if isinstance(statement, ast.Assign) else None
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "wp.kernel" and len(call.args) == 1:
            function = functions.get(ast.unparse(call.args[0]))
            if function is not None:
                function.decorator_list.append(
                    ast.Call(call.func, [], call.keywords) if call.keywords else call.func
                )
                continue
        made.append(statement)
    return made


def _last(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Without kernels that another of the same name behind them replaces."""
    kernels = [s for s in body if isinstance(s, ast.FunctionDef) and _is_kernel(s)]
    last = {kernel.name: kernel for kernel in kernels}
    replaced = {id(kernel) for kernel in kernels if last[kernel.name] is not kernel}
    return [s for s in body if id(s) not in replaced]


def _unfolded(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """`k = make(4)` becomes what `make` does, if that ends with the return of a name."""
    makers = {s.name: s for s in body if isinstance(s, ast.FunctionDef) and _makes_kernel(s)}
    for statement in body:
        call = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
        maker = makers.get(getattr(call.func, "id", "")) if isinstance(call, ast.Call) else None
        if maker is None or not isinstance(call, ast.Call):
            yield statement
            continue
        taken = maker.args
        names = [argument.arg for argument in (*taken.posonlyargs, *taken.args)]
        given: dict[str, ast.expr] = dict(zip(reversed(names), reversed(taken.defaults), strict=False))
        given |= {a.arg: d for a, d in zip(taken.kwonlyargs, taken.kw_defaults, strict=True) if d is not None}
        given |= dict(zip(names, call.args, strict=False))
        given |= {k.arg: k.value for k in call.keywords if k.arg}
        for name, value in given.items():
            yield ast.Assign([ast.Name(name, ast.Store())], value)
        yield from maker.body[:-1]


def _lifted(body: list[ast.stmt]) -> list[ast.stmt]:
    """Where there is no kernel outside of functions and classes, what is in those that hold one."""
    if any(map(_is_kernel, body)):
        return body
    inside = [(statement, getattr(statement, "body", [])) for statement in body]
    for function in (s for _, held in inside for s in held if isinstance(s, ast.FunctionDef)):
        plain = [d for d in function.decorator_list if ast.unparse(d) != "staticmethod"]
        function.decorator_list = plain
    return [s for outer, held in inside for s in (held if any(map(_is_kernel, held)) else [outer])]


def _makes_kernel(function: ast.FunctionDef) -> bool:
    if not all("cache" in ast.unparse(decorator) for decorator in function.decorator_list):
        return False
    last = function.body[-1]
    returned = last.value.id if isinstance(last, ast.Return) and isinstance(last.value, ast.Name) else ""
    return any(isinstance(s, ast.FunctionDef) and s.name == returned and _is_kernel(s) for s in function.body)


def _is_kernel(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.FunctionDef):
        return False
    decorators = [d.func if isinstance(d, ast.Call) else d for d in statement.decorator_list]
    return any(isinstance(d, ast.Attribute) and d.attr == "kernel" for d in decorators)


def _chosen(tree: ast.Module, job: Shape) -> ast.FunctionDef:
    """The kernel that is meant: the only one, that of the row's name, or of as many arguments."""
    kernels = [s for s in tree.body if isinstance(s, ast.FunctionDef) and _is_kernel(s)]
    if not kernels:
        raise _Lost("the text has no kernel")
    named = [k for k in kernels if k.name == job.name]
    fitting = [k for k in kernels if len(k.args.args) == len(job.types)]
    for some in (kernels, named, fitting):
        if len(some) == 1:
            return some[0]
    raise _Lost(f"the text has {len(kernels)} kernels, and none is called {job.name}")


def _needed(body: Sequence[ast.stmt], kernel: ast.FunctionDef) -> list[ast.stmt]:
    """The kernel, and all that it names, directly or not; custom adjoints of functions that it calls, too."""
    wanted, kept = _named(kernel), {id(kernel)}
    grown = True
    while grown:
        grown = False
        for statement in body:
            if id(statement) not in kept and _wanted(statement, wanted):
                kept.add(id(statement))
                wanted |= _named(statement)
                grown = True
    return [s for s in body if id(s) in kept]


def _wanted(statement: ast.stmt, wanted: set[str]) -> bool:
    if isinstance(statement, ast.FunctionDef) and _is_kernel(statement):
        return False
    custom = [
        d.args[0]
        for d in getattr(statement, "decorator_list", [])
        if isinstance(d, ast.Call) and getattr(d.func, "attr", "") in ("func_grad", "func_replay") and d.args
    ]
    return any(isinstance(f, ast.Name) and f.id in wanted for f in custom) or bool(_bound(statement) & wanted)


def _bound(statement: ast.stmt) -> set[str]:
    """The names that a statement of a module gives a meaning."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name for alias in statement.names}
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    targets = [statement.target] if isinstance(statement, ast.AnnAssign | ast.AugAssign) else targets
    names = (n for t in targets for n in ast.walk(t) if isinstance(n, ast.Name))
    return {n.id for n in names if isinstance(n.ctx, ast.Store)}


def _named(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def _settle_types(kernel: ast.FunctionDef, types: Sequence[str]) -> None:
    """Arguments of any type get the row's: Warp generates code for known ones alone."""
    if len(types) != len(kernel.args.args):
        return
    for argument, kind in zip(kernel.args.args, types, strict=True):
        spelt = _spelt(kind)
        if argument.annotation is not None and spelt and _GENERIC & _named_or_attributes(argument.annotation):
            argument.annotation = ast.parse(spelt, mode="eval").body


def _named_or_attributes(node: ast.AST) -> set[str]:
    return _named(node) | {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}


def _spelt(kind: str) -> str:
    """A row's type as an annotation, '' where it holds a struct."""
    array = _ARRAY.match(kind)
    if array and _PLAIN.match(array[3]):
        return f"wp.{array[1] or ''}array(dtype=wp.{array[3]}, ndim={array[2] or 1})"
    return f"wp.{kind}" if _PLAIN.match(kind) else ""
