"""What a harvested kernel's arguments are: their types, and what its code does with each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import warp as wp

from warpgen.extraction.codegen import Code
from warpgen.harvesting.effects import Effects, effects
from warpgen.harvesting.spelling import StructName, canonical
from warpgen.launch import Argument, Fill, Role
from warpgen.verification.native import warp_native

# Queries of objects that a number stands for.
_QUERY = re.compile(r"(?:\b|_)(?:mesh|bvh|hash_grid|volume)_\w+\(")


def arguments_of(code: Code, arg_types: Mapping[str, Any], struct: StructName) -> tuple[Argument, ...]:
    """The kernel's arguments; of their values nothing is known. `struct` names structs as the source does."""
    done = effects(code)
    numbers: Role = "handle" if _QUERY.search(code.text) else "param"
    return tuple(
        Argument(name, canonical(kind, struct), _role(name, kind, done, numbers), (Fill(name, "unknown"),))
        for name, kind in arg_types.items()
    )


def _role(name: str, kind: Any, done: Effects, numbers: Role) -> Role:
    if kind in (wp.uint64, wp.handle):
        return numbers if kind is wp.uint64 else "handle"
    if name in done.written:
        return "inout" if name in done.read else "output"
    return "input" if warp_native.array_family(kind) else "param"
