"""Types that outlive a program can be keys of what is remembered; others would pile up in memory.

Most questions that Warp asks of a type have one answer for all of its own.
"""

from __future__ import annotations

from typing import Any

from warpgen.extraction.fast_path.patches import replaces, stock
from warpgen.warp_internals import codegen, context, types

Var, Reference = codegen.Var, types.Reference

ARRAYS = frozenset({types.array, types.indexedarray, types._ArrayAnnotation, types._IndexedArrayAnnotation})

_lasting: set[Any] = set()
CTYPES: dict[Any, str] = {}  # C++ spelling of lasting types and, by class and element, of arrays of them


def is_lasting(type_: Any) -> bool:
    """Whether this is a type that Warp itself keeps: its own, and the vectors and matrices it caches."""
    if type_ in _lasting:
        return True
    if not isinstance(type_, type) or issubclass(type_, codegen.StructInstance):
        return False
    if type_.__module__ not in (types.__name__, "builtins"):
        return False
    _lasting.add(type_)
    return True


@replaces(codegen.Var, "type_to_ctype")
def type_to_ctype(t: Any, value_type: bool = False) -> str:
    """As Warp's own, for types that were written out before."""
    pointer = ""
    if t.__class__ is Reference:
        t, pointer = t.value_type, "" if value_type else "*"
    key = (t.__class__, t.dtype) if t.__class__ in ARRAYS else t
    if not is_lasting(t.dtype if key is not t else t):
        return str(_stock_type_to_ctype(t, value_type)) + pointer
    known = CTYPES.get(key)
    if known is None:
        known = CTYPES[key] = str(_stock_type_to_ctype(t, value_type))
    return known + pointer if pointer else known


@replaces(codegen, "strip_reference")
@replaces(types, "strip_reference")
def _strip_reference(arg: Any) -> Any:
    if arg.__class__ is Reference:
        return arg.value_type
    # Most calls are about types and variables: asking each whether it is a sequence costs the most.
    if arg.__class__ is Var or arg.__class__ in ARRAYS or isinstance(arg, type):
        return arg
    return _stock_strip_reference(arg)


@replaces(codegen, "get_arg_type")
def _get_arg_type(arg: Any) -> Any:
    kind = arg.__class__
    if kind is int or kind is float:
        return kind
    found = arg.type if kind is Var else arg
    if found.__class__ is Reference:
        found = found.value_type
    return found if isinstance(found, type) or found.__class__ in ARRAYS else _stock_get_arg_type(arg)


@replaces(context.ModuleBuilder, "_collect_native_types")
def _collect_native_types(builder: Any, var_type: Any) -> None:
    type_ = var_type.value_type if var_type.__class__ is Reference else var_type
    if type_.__class__ in ARRAYS:
        type_ = type_.dtype
    if not is_lasting(type_):
        _stock_collect_native_types(builder, var_type)


_stock_type_to_ctype = stock(type_to_ctype)
_stock_strip_reference = stock(_strip_reference)
_stock_get_arg_type = stock(_get_arg_type)
_stock_collect_native_types = stock(_collect_native_types)
