"""Warp's registry of builtins, read once: names, overloads, types, what is differentiable.

The only module of synthesis that reads Warp's internals; it reads data, never the code generator.
"""

from __future__ import annotations

import functools
from typing import Any

from warp._src.codegen import func_match_args
from warp._src.context import builtin_functions

from warpgen.errors import SynthesisError
from warpgen.synthesis.types import Type, from_warp, warp_type


def _public(function: Any) -> bool:
    # Builtins written in Python, like norm_l1, carry no overloads of their own.
    return any(not overload.hidden for overload in getattr(function, "overloads", [function]))


@functools.cache
def public_names() -> tuple[str, ...]:
    """Names of the builtins that the installed Warp documents, sorted."""
    return tuple(sorted(name for name, f in builtin_functions.items() if _public(f)))


@functools.cache
def result_types(name: str, args: tuple[Type, ...]) -> tuple[Type, ...]:
    """Result types of `wp.name(args)` by Warp's own overload resolution; () if it gives nothing."""
    function = builtin_functions.get(name)
    if function is None:
        raise SynthesisError(f"Warp has no builtin {name!r}")
    types = [warp_type(t) for t in args]
    for overload in function.overloads:
        if overload.variadic or not func_match_args(overload, types, {}):
            continue
        bound = dict(zip(overload.input_types, types, strict=False))
        result = overload.value_func(bound, dict.fromkeys(bound))
        if result is None:
            return ()
        return tuple(map(from_warp, result)) if isinstance(result, tuple | list) else (from_warp(result),)
    raise SynthesisError(f"no overload of wp.{name} takes {args}")


@functools.cache
def differentiable(name: str) -> bool:
    return any(overload.is_differentiable for overload in builtin_functions[name].overloads)
