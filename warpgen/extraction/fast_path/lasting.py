"""Types that outlive a program can be keys of what is remembered; others would pile up in memory."""

from __future__ import annotations

from typing import Any

from warpgen.extraction.fast_path.patches import replaces, stock
from warpgen.extraction.warp_api import codegen, types

Var, Reference = codegen.Var, types.Reference

ARRAYS = frozenset({types.array, types.indexedarray, types._ArrayAnnotation, types._IndexedArrayAnnotation})
_NO_SEQUENCES = frozenset({Var, codegen.Struct, *ARRAYS})  # nor strings, nor references

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


@replaces(codegen, "strip_reference", "21db73a0531abd5f")
@replaces(types, "strip_reference", "21db73a0531abd5f")
def strip_reference(arg: Any) -> Any:
    kind = arg.__class__
    if kind in _NO_SEQUENCES or isinstance(arg, type):
        return arg
    if kind is Reference:
        return arg.value_type
    return _stock_strip_reference(arg)


@replaces(codegen, "get_arg_type", "7b88182e8729af6d")
def get_arg_type(arg: Any) -> Any:
    if arg.__class__ is Var:
        type_ = arg.type
        if type_.__class__ is Reference:
            type_ = type_.value_type
        if type_ in _lasting:
            return type_
    return _stock_get_arg_type(arg)


@replaces(codegen.Var, "dtype_to_ctype", "81bf3bba59de92ca")
def dtype_to_ctype(t: Any) -> str:
    known = _ctypes.get(t)
    if known is None:
        known = str(_stock_dtype_to_ctype(t))
        if is_lasting(t):
            _ctypes[t] = known
    return known


@replaces(codegen.Var, "type_to_ctype", "192660ace36f5e09")
def type_to_ctype(t: Any, value_type: bool = False) -> str:
    kind = t.__class__
    if kind is Reference:
        text = type_to_ctype(t.value_type)
        return text if value_type else text + "*"
    if kind in ARRAYS or not is_lasting(t):
        return str(_stock_type_to_ctype(t, value_type))
    return dtype_to_ctype(t)


_stock_strip_reference = stock(strip_reference)
_stock_get_arg_type = stock(get_arg_type)
_stock_dtype_to_ctype = stock(dtype_to_ctype)
_stock_type_to_ctype = stock(type_to_ctype)
