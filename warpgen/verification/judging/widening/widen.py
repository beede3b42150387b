"""Rewrite a program so that every float in it has 64 bits: the same mathematics, nearly free of rounding.

The result is lowered and compiled by Warp like any program. What only knows 32-bit floats (random
numbers, noise, meshes, volumes) gets its arguments narrowed and its result widened again.
"""

from __future__ import annotations

import ast
import inspect
from typing import Any

import msgspec
import warp as wp

from warpgen.program import Program
from warpgen.verification.judging.widening.conversions import PREFIX, helpers
from warpgen.verification.judging.widening.rewriter import Rewriter


class Widened(msgspec.Struct, frozen=True):
    """`coarse`: some values still pass through 32-bit floats, so that tiny steps of the inputs drown."""

    program: Program
    coarse: bool


def widen(program: Program) -> Widened:
    """The program with 64-bit floats. Raises VerificationError where that is known to be impossible."""
    tree = ast.parse(program.source)
    rewriter = Rewriter(tree)
    tree = ast.fix_missing_locations(rewriter.visit(tree))
    if f"\ndef {PREFIX}" in program.source:  # it is one itself
        return Widened(program, rewriter.coarse)
    library: dict[str, str] = {}
    for name in sorted(rewriter.library):
        _widen_library(name, library, rewriter.used)
    front = "\n\n".join([helpers(rewriter.used), *library.values()])
    return Widened(msgspec.structs.replace(program, source=_after_imports(tree, front)), rewriter.coarse)


def _widen_library(name: str, done: dict[str, str], used: set[str]) -> None:
    """Put the widened source of a library function, behind those it calls, into `done`.

    The helpers that it needs go into `used`.
    """
    tree = ast.parse(
        "import warp as wp\nfrom typing import Any\n" + inspect.getsource(getattr(wp, name).func)
    )
    rewriter = Rewriter(tree)
    tree = ast.fix_missing_locations(rewriter.visit(tree))
    for needed in sorted(rewriter.library - done.keys() - {name}):
        _widen_library(needed, done, used)
    used |= rewriter.used
    function = tree.body[-1]
    function.name = PREFIX + name
    done[name] = "from typing import Any\n" + ast.unparse(function)


def _after_imports(tree: Any, front: str) -> str:
    """Source with `front` put behind the leading imports."""
    place = 0
    for i, node in enumerate(tree.body):
        if isinstance(node, (ast.Import, ast.ImportFrom)) or (i == 0 and isinstance(node, ast.Expr)):
            place = i + 1
        else:
            break
    tree.body[place:place] = ast.parse(front).body
    return ast.unparse(tree) + "\n"
