"""What the names of a function mean that it takes from outside."""

from __future__ import annotations

import ast
import builtins
import inspect
import math
import types
from typing import Any, NamedTuple

import warp as wp

from warpgen.errors import ExtractionError
from warpgen.extraction.builtins import builtins as known
from warpgen.harvesting.spelling import type_name
from warpgen.verification.native import warp_native

_MISSING = object()


class Found(NamedTuple):
    """Which part of a dotted name says what is meant, and where it is of Warp or math, the `module`."""

    part: ast.Name | ast.Attribute
    value: Any
    module: str = ""

    @property
    def name(self) -> str:
        """What the function calls it."""
        return self.part.id if isinstance(self.part, ast.Name) else self.part.attr


class Surroundings:
    """A function's globals, and the variables of the functions around it."""

    def __init__(self, func: Any) -> None:
        free = inspect.getclosurevars(func) if hasattr(func, "__code__") else None
        self._values = {**func.__globals__, **(free.nonlocals if free else {})}

    def evaluated(self, node: ast.expr) -> Any:
        """The value of an expression. Raises ExtractionError."""
        code = compile(ast.fix_missing_locations(ast.Expression(node)), "annotation", "eval")
        try:
            return eval(code, dict(self._values))
        except Exception as error:
            raise ExtractionError(
                f"{ast.unparse(node)} has no value outside a launch: {type(error).__name__}"
            ) from error

    def find(self, chain: list[ast.Name | ast.Attribute]) -> Found | None:
        """What `a`, `a.b`, `a.b.c` lead to; None for what Python has itself, and for modules."""
        root = chain[0]
        assert isinstance(root, ast.Name)
        value = self._values.get(root.id, _MISSING)
        if value is _MISSING:
            if hasattr(builtins, root.id):
                return None
            raise ExtractionError(f"the name {root.id} is not known")
        for place, part in enumerate(chain):
            if isinstance(part, ast.Attribute):
                owner, value = value, _attribute(value, part)
                if owner in (wp, wp.types) and not _is_written(value):
                    return Found(part, value, "wp" if owner is wp else "wp.types")
                if owner is math:
                    return Found(part, value, "math")
            if isinstance(value, types.ModuleType):
                continue
            if place + 1 == len(chain) or not _is_namespace(value, chain[place + 1]):
                return Found(part, value)
        return None


def _attribute(owner: Any, part: ast.Attribute) -> Any:
    value = getattr(owner, part.attr, _MISSING)
    if value is not _MISSING:
        return value
    if owner is wp and (part.attr in known().functions or part.attr == "adjoint"):
        return None
    raise ExtractionError(f"{ast.unparse(part)} is not known")


def _is_namespace(value: Any, part: ast.expr) -> bool:
    """A class that only holds what is wanted: a struct or function inside a class, or inside an enum."""
    if not isinstance(value, type) or hasattr(value, "_wp_scalar_type_") or type_name(value):
        return False
    assert isinstance(part, ast.Attribute)
    inner = getattr(value, part.attr, _MISSING)
    return isinstance(inner, (type, wp.Function)) or warp_native.is_struct(inner)


def _is_written(value: Any) -> bool:
    """A module, or a function that is written in Python, which both have to be followed."""
    return isinstance(value, types.ModuleType) or (isinstance(value, wp.Function) and value.func is not None)
