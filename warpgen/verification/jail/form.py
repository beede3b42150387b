"""From an answer, as people and models write them, to the module of its kernel.

The text is only read here, never executed. Host code, examples and other kernels are left out; what is left
is written anew from its syntax tree.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator, Sequence

from warpgen.errors import VerificationError
from warpgen.verification.allowlist import MOST_CHARACTERS, require_allowed
from warpgen.verification.jail.cpp_screen import NoKernel, cleaned
from warpgen.verification.jail.cpp_tokens import Refused as CppRefused
from warpgen.verification.jail.job import Clean, Shape, Shaped
from warpgen.verification.jail.python_screen import Refused, screen
from warpgen.verification.native.generated import kernel_name

_FENCE = re.compile(r"^[ \t]*(```+|~~~+)[ \t]*([\w+#.-]*)[^\n]*$")
_UNREADABLE = re.compile("[\0\ud800-\udfff]")
# Types of a row's arguments that can be written as an annotation without its own structs.
_ARRAY = re.compile(r"(indexed)?array(?:(\d)d)?\((\w+)\)$")
_PLAIN = re.compile(
    r"(?:u?int\d+|float\d+|bool|(?:vec|mat|quat|transform|spatial_vector|spatial_matrix)\d*[a-z]{0,2})$"
)


class _Lost(Exception):
    """No kernel was found, and why."""


def shaped(job: Shape) -> Shaped:
    """The module of the kernel in an answer."""
    try:
        text = readable(job.text, "python", job.extract)
        tree = ast.parse(text)
        screen(tree)
        tree = _with_wp(tree)
        tree.body = list(_unfolded(tree.body))
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
        text = cleaned(readable(job.text, job.language, job.extract), job.language)
    except _Lost as error:
        return Shaped(stage="extract", why=str(error))
    except NoKernel as error:
        return Shaped(stage="compile", why=str(error))
    except CppRefused as error:
        return Shaped(stage="allow", why=f"not allowed: {error}")
    return Shaped(text, kernel_name(text))


def readable(text: str, language: str, extract: bool) -> str:
    """The code in an answer: all of it, or what its fences hold. Raises _Lost."""
    if len(text) > 4 * MOST_CHARACTERS:
        raise _Lost(f"the answer is longer than {4 * MOST_CHARACTERS} characters")
    if _UNREADABLE.search(text):
        raise _Lost("the answer holds characters that no text has")
    text = text.removeprefix("\ufeff")
    blocks, outside = _fenced(text)
    if blocks and (extract or not outside.strip()):
        return _best(blocks, language)
    return text


def _fenced(text: str) -> tuple[list[tuple[str, str]], str]:
    """Language and text of each fenced block, and what is outside of them. A last one may lack its end."""
    blocks: list[tuple[str, str]] = []
    outside: list[str] = []
    inside: list[str] | None = None
    mark = language = ""
    for line in re.split(r"\r\n?|\n", text):  # and not where other signs end lines within a comment
        found = _FENCE.match(line)
        if inside is None and found:
            mark, language, inside = found[1], found[2].lower(), []
        elif inside is not None and found and found[1].startswith(mark) and not found[2]:
            blocks.append((language, textwrap.dedent("\n".join(inside)) + "\n"))
            inside = None
        else:
            (outside if inside is None else inside).append(line)
    if inside is not None:
        blocks.append((language, textwrap.dedent("\n".join(inside)) + "\n"))
    return blocks, "\n".join(outside)


_NAMES = {"python": ("python", "py", "python3", ""), "cpp": ("cpp", "c++", "cc", "cxx", "c", ""), "cuda": ()}
_SIGNS = {"python": ".kernel", "cpp": "_cpu_kernel_forward", "cuda": "_cuda_kernel_forward"}


def _best(blocks: Sequence[tuple[str, str]], language: str) -> str:
    """The last block that holds a kernel, of those in the language if any is."""
    named = [text for name, text in blocks if not _NAMES[language] or name in _NAMES[language]]
    candidates = named or [text for _, text in blocks]
    holding = [text for text in candidates if _SIGNS[language] in text]
    if not holding:
        raise _Lost("no block of the answer holds a kernel")
    return holding[-1]


def _with_wp(tree: ast.Module) -> ast.Module:
    """Warp under the name `wp`, however it was imported, and each other module by a statement of its own."""
    names: dict[str, str] = {}
    body: list[ast.stmt] = [ast.Import([ast.alias("warp", "wp")])]
    for statement in tree.body:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                if alias.name == "warp":
                    names[alias.asname or "warp"] = ""
                else:
                    body.append(ast.Import([alias]))
        elif isinstance(statement, ast.ImportFrom) and statement.module == "warp":
            names |= {alias.asname or alias.name: alias.name for alias in statement.names}
        else:
            body.append(statement)
    names.pop("wp", None)
    tree.body = [body[0], *(_Renamed(names).visit(statement) for statement in body[1:])]
    return tree


class _Renamed(ast.NodeTransformer):
    """Names of Warp, and of what was imported from it, become `wp` and `wp.name`."""

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id not in self._names or not isinstance(node.ctx, ast.Load):
            return node
        wp = ast.Name("wp", ast.Load())
        return ast.Attribute(wp, self._names[node.id], ast.Load()) if self._names[node.id] else wp


def _unfolded(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """`k = make(4)` becomes what `make` does, if that ends with the return of a name."""
    makers = {s.name: s for s in body if isinstance(s, ast.FunctionDef) and not s.decorator_list}
    for statement in body:
        call = statement.value if isinstance(statement, ast.Assign) else None
        maker = makers.get(getattr(call.func, "id", "")) if isinstance(call, ast.Call) else None
        if maker is None or not isinstance(call, ast.Call) or not _makes_kernel(maker):
            yield statement
            continue
        given = dict(zip((a.arg for a in maker.args.args), call.args, strict=False))
        given |= {k.arg: k.value for k in call.keywords if k.arg}
        for name, value in given.items():
            yield ast.Assign([ast.Name(name, ast.Store())], value)
        yield from maker.body[:-1]


def _makes_kernel(function: ast.FunctionDef) -> bool:
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
        if argument.annotation is not None and spelt and "Any" in _named_or_attributes(argument.annotation):
            argument.annotation = ast.parse(spelt, mode="eval").body


def _named_or_attributes(node: ast.AST) -> set[str]:
    return _named(node) | {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}


def _spelt(kind: str) -> str:
    """A row's type as an annotation, '' where it holds a struct."""
    array = _ARRAY.match(kind)
    if array and _PLAIN.match(array[3]):
        return f"wp.{array[1] or ''}array(dtype=wp.{array[3]}, ndim={array[2] or 1})"
    return f"wp.{kind}" if _PLAIN.match(kind) else ""
