"""What a harvested kernel's arguments are: their types, and what its code does with each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import warp as wp

from warpgen.extraction.codegen import Code
from warpgen.harvesting.effects import Effects, effects
from warpgen.harvesting.objects import objects
from warpgen.harvesting.spelling import StructName, canonical
from warpgen.launch import Argument, Fill, Role
from warpgen.verification.native import warp_native


def arguments_of(code: Code, arg_types: Mapping[str, Any], struct: StructName) -> tuple[Argument, ...]:
    """The kernel's arguments; of their values nothing is known. `struct` names structs as the source does."""
    done = effects(code)
    handles = objects(code)
    return tuple(
        Argument(
            name, canonical(kind, struct), _role(name, kind, done, name in handles), (Fill(name, "unknown"),)
        )
        for name, kind in arg_types.items()
    )


def _role(name: str, kind: Any, done: Effects, is_object: bool) -> Role:
    if kind is wp.handle or (kind is wp.uint64 and is_object):
        return "handle"
    if name in done.written:
        return "inout" if name in done.read else "output"
    return "input" if warp_native.array_family(kind) else "param"
