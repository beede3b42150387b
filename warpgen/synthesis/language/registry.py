"""Warp's registry of builtins, read once: names, overloads, types.

The only module of synthesis that looks behind Warp's door: at the registry, and at the overload resolution
that Warp's code generator has; it generates no code.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple, TypeVar

from warpgen.errors import SynthesisError
from warpgen.synthesis.language.types import FLOATS, INTEGERS, Type, from_warp, warp_type
from warpgen.warp_internals import REGISTRY, codegen


def _public(function: Any) -> bool:
    # Builtins written in Python, like norm_l1, carry no overloads of their own.
    return any(not overload.hidden for overload in getattr(function, "overloads", [function]))


@functools.cache
def public_names() -> tuple[str, ...]:
    """Names of the builtins that the installed Warp documents, sorted."""
    return tuple(sorted(name for name, f in REGISTRY.items() if _public(f)))


@functools.cache
def _overloads(name: str) -> list[tuple[Any, list[Any]]]:
    """Those with a fixed number of parameters, and the shape that each parameter asks for."""
    overloads = getattr(REGISTRY[name], "overloads", ())
    return [
        (o, [t if t is Any else _shape(t) for t in o.input_types.values()])
        for o in overloads
        if not o.variadic
    ]


def _shape(t: Any) -> Any:
    """What tells vectors, matrices and the like from each other, and from numbers."""
    return getattr(t, "_wp_generic_type_hint_", None)


@functools.cache
def result_types(name: str, args: tuple[Type, ...]) -> tuple[Type, ...]:
    """Result types of `wp.name(args)` by Warp's own overload resolution; () if it gives nothing."""
    function = REGISTRY.get(name)
    if function is None:
        raise SynthesisError(f"Warp has no builtin {name!r}")
    types = [warp_type(t) for t in args]
    shapes = [*map(_shape, types)]
    for overload, taken in _overloads(name):
        # Warp's own matching is slow, and most overloads are for vectors where a number is, or the reverse.
        if any(t is not Any and t is not shape for t, shape in zip(taken, shapes, strict=False)):
            continue
        if not codegen.func_match_args(overload, types, {}):
            continue
        bound = dict(zip(overload.input_types, types, strict=False))
        try:
            result = overload.value_func(bound, dict.fromkeys(bound))
        except (RuntimeError, TypeError, ValueError) as error:  # how Warp refuses shapes that do not fit
            raise SynthesisError(f"wp.{name} refuses {args}: {error}") from error
        if result is None:
            return ()
        return tuple(map(from_warp, result)) if isinstance(result, tuple | list) else (from_warp(result),)
    raise SynthesisError(f"no overload of wp.{name} takes {args}")


class Slot(NamedTuple):
    """A parameter of a builtin as a pattern.

    `kind` is scalar, bool, vec, mat, quat, transform, any or other (handles, arrays, tiles, strings);
    a 0 in `shape` stands for any extent; `scalar` is Float, Int, Scalar or the name of one type.
    """

    kind: str
    shape: tuple[int, ...] = ()
    scalar: str = ""
    name: str = ""


_ALIASES = {int: "int32", float: "float32", bool: "bool"}


def _slot(name: str, t: Any) -> Slot:
    if isinstance(t, TypeVar):
        return Slot("scalar", (), t.__name__, name)
    if t is Any:
        return Slot("any", name=name)
    label = str(_ALIASES.get(t) or getattr(t, "__name__", ""))
    if label == "bool":
        return Slot("bool", name=name)
    scalar = getattr(t, "_wp_scalar_type_", None)
    if scalar is not None:
        generic = isinstance(scalar, TypeVar)
        kind = str(t._wp_generic_type_str_).removesuffix("_t")
        return Slot(kind, tuple(t._shape_), scalar.__name__ if generic else from_warp(scalar).name, name)
    if any(label == scalar_type.name for scalar_type in (*FLOATS, *INTEGERS)):
        return Slot("scalar", (), label, name)
    return Slot("other", name=name)


@functools.cache
def signatures(name: str) -> tuple[tuple[Slot, ...], ...]:
    """The parameters of each public overload of a builtin, as patterns; variadic overloads are left out."""
    function = REGISTRY[name]
    overloads = [o for o in getattr(function, "overloads", [function]) if not o.hidden and not o.variadic]
    return tuple(tuple(_slot(n, t) for n, t in o.input_types.items()) for o in overloads)


@functools.cache
def group(name: str) -> str:
    """The chapter of Warp's manual that a builtin stands in."""
    function = REGISTRY[name]
    return next(str(o.group) for o in getattr(function, "overloads", [function]) if not o.hidden)
