"""What the names of a function mean that it takes from outside."""

from __future__ import annotations

import ast
import builtins
import types
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import warp as wp

from warpgen.errors import ExtractionError
from warpgen.extraction.builtins import builtins as known

_MISSING = object()

Chain = list[ast.Name | ast.Attribute]
# Where a value is kept: a namespace (by its id) and the name there. Equal values of two places are two.
Place = tuple[int, str]


class Step(NamedTuple):
    """What a dotted name means up to and with `part`, and where that is kept."""

    part: ast.Name | ast.Attribute
    value: Any
    place: Place
    owner: Any  # the object that has it as an attribute, None for a name
    before: str  # what the function calls the owner, or the name of its own module

    @property
    def name(self) -> str:
        """What the function calls it."""
        return self.part.id if isinstance(self.part, ast.Name) else self.part.attr


class Surroundings:
    """A function's globals, and the variables of the functions around it."""

    def __init__(self, func: Any) -> None:
        self._globals = func.__globals__
        self._cells = dict(zip(func.__code__.co_freevars, func.__closure__ or (), strict=True))
        around = str(func.__qualname__).split(".<locals>")[0] if self._cells else str(func.__module__)
        self._around = around.rpartition(".")[2]

    def evaluated(self, node: ast.expr, values: Mapping[str, Any] = types.MappingProxyType({})) -> Any:
        """The value of an expression, with these values of locals. Raises ExtractionError."""
        code = compile(ast.fix_missing_locations(ast.Expression(node)), "expression", "eval")
        cells = {name: cell.cell_contents for name, cell in self._cells.items() if _is_filled(cell)}
        try:
            return eval(code, {**self._globals, **cells, **values})
        except Exception as error:
            raise ExtractionError(
                f"{ast.unparse(node)} has no value outside a launch: {type(error).__name__}"
            ) from error

    def steps(self, chain: Chain) -> Iterator[Step]:
        """What `a`, `a.b`, `a.b.c` mean, one after the other; nothing where Python or Warp has the name."""
        root = chain[0]
        assert isinstance(root, ast.Name)
        value, place = self._look_up(root.id)
        if value is _MISSING:
            return
        step = Step(root, value, place, None, self._around)
        yield step
        for part in chain[1:]:
            assert isinstance(part, ast.Attribute)
            owner, value = step.value, _attribute(step.value, part)
            step = Step(part, value, (id(_namespace(owner)), part.attr), owner, step.name)
            yield step

    def is_known(self, name: str) -> bool:
        """Whether a name is that of something around the function."""
        return self._look_up(name)[0] is not _MISSING

    def _look_up(self, name: str) -> tuple[Any, Place]:
        cell = self._cells.get(name)
        if cell is not None and _is_filled(cell):
            return cell.cell_contents, (id(cell), "")
        return self._globals.get(name, _MISSING), (id(self._globals), name)


def captured(func: Any) -> dict[str, Any]:
    """What a function takes of the functions around it, as far as their variables are set."""
    cells = zip(func.__code__.co_freevars, func.__closure__ or (), strict=True)
    return {name: cell.cell_contents for name, cell in cells if _is_filled(cell)}


def bare(name: str) -> str:
    """A name that nothing around has: Python's own, or Warp's, which needs no prefix there; else ''."""
    if hasattr(builtins, name):
        return name
    if hasattr(wp, name) or name in known().functions:
        return f"wp.{name}"
    return ""


def _is_filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:  # the variable is set later, or was deleted
        return False
    return True


def _namespace(owner: Any) -> Any:
    return vars(owner) if isinstance(owner, types.ModuleType) else owner


def _attribute(owner: Any, part: ast.Attribute) -> Any:
    value = getattr(owner, part.attr, _MISSING)
    if value is not _MISSING:
        return value
    if owner is wp and (part.attr in known().functions or part.attr == "adjoint"):
        return None
    raise ExtractionError(f"{ast.unparse(part)} is not known")
