"""Types that outlive a program can be keys of what is remembered; others would pile up in memory."""

from __future__ import annotations

from typing import Any

from warpgen.extraction.warp_api import codegen, types

Var, Reference = codegen.Var, types.Reference

ARRAYS = frozenset({types.array, types.indexedarray, types._ArrayAnnotation, types._IndexedArrayAnnotation})

_lasting: set[Any] = set()
_ctypes: dict[Any, str] = {}  # C++ spelling of lasting types


def is_lasting(type_: Any) -> bool:
    """Whether this is a type that Warp itself keeps: its own, and the vectors and matrices it caches."""
    if type_ in _lasting:
        return True
    if not isinstance(type_, type) or issubclass(type_, codegen.StructInstance):
        return False
    if type_.__module__ not in ("warp._src.types", "builtins"):
        return False
    _lasting.add(type_)
    return True


def type_to_ctype(t: Any, value_type: bool = False) -> str:
    """`Var.type_to_ctype` of Warp, remembered."""
    if t.__class__ is Reference:
        text = type_to_ctype(t.value_type)
        return text if value_type else text + "*"
    if t.__class__ in ARRAYS or not is_lasting(t):
        return str(Var.type_to_ctype(t, value_type))
    known = _ctypes.get(t)
    if known is None:
        known = _ctypes[t] = str(Var.type_to_ctype(t, value_type))
    return known
