"""Stores into what has value semantics: the changed whole is made anew, but memory is set in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from warpgen.verification.oracle.values import Array, Indexed, Mat, Record, Unsupported, Vec, place


def assign(root: Any, path: tuple[Any, ...], value: Any) -> Any:
    """`root` with the place at `path` (indices, and names after a dot) set; memory is set in place."""
    step, rest = path[0], path[1:]
    if isinstance(root, (Array, Indexed)):
        indices = step if isinstance(step, tuple) else (step,)
        if len(indices) < len(root.shape):
            if not rest:
                raise Unsupported("a store to part of an array")
            assign(root[step], rest, value)
            return root
        at = root.spot(indices)
        root.put(at, assign(root.data[at], rest, value) if rest else value)
        return root
    if isinstance(root, Record):
        if not isinstance(step, str):
            raise Unsupported("an index into a struct")
        new = assign(root.fields_[step], rest, value) if rest else value
        return Record(root.kind_, {**root.fields_, step: new})
    if isinstance(root, Vec) and not rest:
        return _with_component(root, step, value)
    if isinstance(root, Mat):
        if isinstance(step, tuple) and not rest:
            at = place(step[0], root.rows) * root.cols + place(step[1], root.cols)
            return Mat(root.rows, root.cols, (*root.c[:at], value, *root.c[at + 1 :]))
        if not isinstance(step, (tuple, slice)):
            i = place(step, root.rows)
            row = assign(root[i], rest, value) if rest else value
            start = i * root.cols
            return Mat(root.rows, root.cols, (*root.c[:start], *row.c, *root.c[start + root.cols :]))
    raise Unsupported("an assignment to this")


def _with_component(root: Vec, step: Any, value: Any) -> Vec:
    if isinstance(step, str):
        if root.kind == "transform" and step in ("p", "q"):
            parts = (*value.c, *root.c[3:]) if step == "p" else (*root.c[:3], *value.c)
            return Vec(parts, root.kind)
        step = "xyzw".index(step)
    if isinstance(step, slice):
        parts_list = list(root.c)
        parts_list[step] = value.c
        return Vec(tuple(parts_list), root.kind)
    at = place(step, len(root))
    return Vec((*root.c[:at], value, *root.c[at + 1 :]), root.kind)


def augment(root: Any, path: tuple[Any, ...], operation: Callable[[Any, Any], Any], value: Any) -> Any:
    """`root` with the place at `path` combined with a value."""
    old = root
    for step in path:
        old = getattr(old, step) if isinstance(step, str) else old[step]
    return assign(root, path, operation(old, value))
