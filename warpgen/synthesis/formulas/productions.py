"""Productions of formulas, by the type of the result: what people write, not all that a grammar allows."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from warpgen.synthesis.language.types import BOOL, Type
from warpgen.synthesis.language.values import Value

if TYPE_CHECKING:
    from warpgen.synthesis.formulas.grower import Grower

Write = Callable[["Grower", Type, int], "Value | None"]


class Production:
    """One shape: how common it is, how many operands it needs, what its result is called."""

    __slots__ = ("least", "name", "results", "weight", "write")

    def __init__(self, write: Write, weight: float, least: int, results: str) -> None:
        self.write = write
        self.name = write.__name__
        self.weight = weight
        self.least = least
        self.results = results


_PRODUCTIONS: dict[str, list[Production]] = {}


def production(
    kinds: str, weight: float = 1.0, least: int = 2, results: str = ""
) -> Callable[[Write], Write]:
    """Register a shape for results of these kinds, as `forms_of` calls them."""

    def register(write: Write) -> Write:
        for kind in kinds.split():
            _PRODUCTIONS.setdefault(kind, []).append(Production(write, weight, least, results))
        return write

    return register


@functools.cache
def productions_of(t: Type) -> tuple[Production, ...]:
    """The shapes that give a value of this type."""
    from warpgen.synthesis.formulas import composites, scalars  # noqa: F401 - they register theirs

    kind = "bool" if t is BOOL else t.kind
    if kind in ("scalar", "vec", "mat"):
        kind = ("float_" if t.is_float else "int_") + kind
    return tuple(_PRODUCTIONS.get(kind, ()))
