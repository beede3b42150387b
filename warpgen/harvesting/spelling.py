"""Types and plain values as programs write them (`wp.array2d(dtype=wp.vec3)`), types as rows name them."""

from __future__ import annotations

import enum
import functools
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import warp as wp

from warpgen.errors import ExtractionError
from warpgen.verification.native import warp_native

# Gives the name under which a struct stands in the program.
StructName = Callable[[Any], str]

_BUILTIN = {float: "float32", int: "int32", bool: "bool", wp.float32: "float32", wp.int32: "int32"}
_SHORT = {"float32": "float", "int32": "int", "bool": "bool"}
_SPECIAL = {"quat": "quaternion", "transform": "transformation"}
_ARRAYS = ("array", "indexedarray", "fabricarray", "indexedfabricarray")


def spelled(kind: Any, struct: StructName) -> str:
    """An expression that gives a type in a program that imports Warp as `wp`. Raises ExtractionError."""
    family = warp_native.array_family(kind)
    if family == "array":
        rank = "" if kind.ndim == 1 else f"{kind.ndim}d"
        return f"wp.array{rank}(dtype={spelled(kind.dtype, struct)})"
    if family:
        rank = "" if kind.ndim == 1 else f", ndim={kind.ndim}"
        return f"wp.{_array_name(kind)}(dtype={spelled(kind.dtype, struct)}{rank})"
    if warp_native.is_struct(kind):
        return struct(kind)
    name = type_name(kind)
    if name:
        return _SHORT.get(name, f"wp.{name}")
    shape = getattr(kind, "_shape_", None)
    if shape is None:
        raise ExtractionError(f"a type that cannot be written: {getattr(kind, '__name__', kind)}")
    scalar = spelled(kind._wp_scalar_type_, struct)
    special = warp_native.special_vector(kind)
    if special:
        return f"wp.types.{_SPECIAL[special]}(dtype={scalar})"
    if len(shape) == 1:
        return f"wp.types.vector(length={shape[0]}, dtype={scalar})"
    return f"wp.types.matrix(shape=({shape[0]}, {shape[1]}), dtype={scalar})"


def canonical(kind: Any, struct: StructName) -> str:
    """The type as it stands in a row's `args`."""
    if warp_native.array_family(kind):
        rank = "" if kind.ndim == 1 else f"{kind.ndim}d"
        return f"{_array_name(kind)}{rank}({canonical(kind.dtype, struct)})"
    if warp_native.is_struct(kind):
        return struct(kind)
    name = type_name(kind, full=True)
    if name:
        return name
    shape: tuple[int, ...] = getattr(kind, "_shape_", ())
    scalar = canonical(getattr(kind, "_wp_scalar_type_", None), struct) if shape else str(kind)
    if special := warp_native.special_vector(kind):
        return f"{_SPECIAL[special]}(dtype={scalar})"
    if len(shape) == 1:
        return f"vector(length={shape[0]}, dtype={scalar})"
    return f"matrix(shape=({', '.join(map(str, shape))}), dtype={scalar})" if shape else scalar


def _array_name(kind: Any) -> str:
    """Warp's own name for an array's class. Raises ExtractionError for what is no argument's."""
    name = kind._concrete_cls.__name__ if hasattr(kind, "_concrete_cls") else type(kind).__name__
    if name not in _ARRAYS:
        raise ExtractionError(f"a type that cannot be written: {name}")
    return str(name)


def type_name(kind: Any, full: bool = False) -> str:
    """Warp's own name of a type, '' for one without: the shortest, or with `full` the one with a suffix."""
    if kind in _BUILTIN:
        return _BUILTIN[kind]
    names = _names().get(kind, [])
    return (names[-1] if full else names[0]) if names else ""


@functools.cache
def _names() -> dict[Any, list[str]]:
    """Names in `wp` of each of its types, the shortest first."""
    found: dict[Any, list[str]] = {}
    for name, value in vars(wp).items():
        if isinstance(value, type) and not name.startswith("_") and value.__module__.startswith("warp"):
            found.setdefault(value, []).append(name)
    return {kind: sorted(names, key=lambda n: (len(n), n)) for kind, names in found.items()}


def literal(value: Any) -> str | None:
    """An expression for a plain value, None where there is none."""
    if isinstance(value, (np.float16, np.float32)):
        return literal(float(str(value)))  # in its own digits, as Warp writes it into code
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or (isinstance(value, (bool, int, str)) and not isinstance(value, enum.Enum)):
        return repr(value)
    if isinstance(value, (enum.IntEnum, enum.IntFlag)):
        return repr(int(value))
    if isinstance(value, float):
        if math.isfinite(value):
            return repr(value)
        return "wp.nan" if math.isnan(value) else ("wp.inf" if value > 0 else "-wp.inf")
    if isinstance(value, tuple):
        items = [literal(item) for item in value]
        return None if None in items else f"({', '.join(map(str, items))}{',' * (len(items) == 1)})"
    name = type_name(type(value))
    if name and hasattr(value, "value"):
        return f"wp.{name}({literal(value.value)})"
    if name and getattr(type(value), "_shape_", None) is not None:
        return f"wp.{name}({components(value)})"
    return None


def components(value: Any) -> str:
    """The numbers of a vector or matrix, as arguments of its type."""
    places = itertools.product(*map(range, type(value)._shape_))
    items = (value[place if len(place) > 1 else place[0]] for place in places)
    return ", ".join(str(literal(getattr(item, "value", item))) for item in items)


# What is longer than this is no table that somebody wrote into a kernel.
_LONGEST = 4096


def plain(value: Any, arrays: bool = False) -> str | None:
    """The same for what Python evaluates: also lists and dictionaries, and `arrays` of NumPy as lists."""
    text = _plain(value, arrays, 0)
    return text if text is not None and len(text) <= _LONGEST else None


def _plain(value: Any, arrays: bool, depth: int) -> str | None:
    if depth > 4:  # deep, or without end
        return None
    if isinstance(value, np.ndarray):
        return _plain(value.tolist(), arrays, depth) if arrays and value.size <= _LONGEST else None
    if type(value) in (list, tuple):
        items = [_plain(item, arrays, depth + 1) for item in value[:_LONGEST]]
        if None in items:
            return None
        inside = ", ".join(map(str, items))
        return f"[{inside}]" if type(value) is list else f"({inside}{',' * (len(items) == 1)})"
    if type(value) is dict:
        pairs = [(literal(key), _plain(item, arrays, depth + 1)) for key, item in value.items()]
        if any(None in pair for pair in pairs):
            return None
        return "{" + ", ".join(f"{key}: {item}" for key, item in pairs) + "}"
    return literal(value)
