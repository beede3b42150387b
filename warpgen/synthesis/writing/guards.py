"""Elements that a launch leaves out: masks, flags, counters and lists in front of a kernel's body."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.writing.draft import Draft, Reference, Values

_THREAD = "tid = wp.tid()\n"
# How people leave elements out, about as often as newton and Warp's examples do; most kernels take all.
_KINDS = {"all": 0.68, "mask": 0.13, "flags": 0.05, "count": 0.07, "list": 0.07}


def guard(draft: Draft, element: str) -> None:
    """Perhaps let a finished kernel skip some elements, where each thread has an element of its own.

    `element` is what one is called: body, particle, cell. Outputs of elements that are skipped stay as they
    were, and the draft's references are told so.
    """
    kind = draft.weighted(_KINDS)
    if kind == "all" or not _fits(draft):
        return
    count = draft.dim[0]
    known = len(draft.parameters)
    head = _MAKERS[kind](draft, element, count)
    first = next(i for i, p in enumerate(draft.parameters) if p.role in ("output", "inout"))
    added = draft.parameters[known:]
    draft.parameters[:] = [*draft.parameters[:first], *added, *draft.parameters[first:known]]
    draft.text = head + draft.text[len(_THREAD) :]
    name = added[0].name
    draft.references[:] = [(_within(r, kind, name, count), tolerance) for r, tolerance in draft.references]


def _fits(draft: Draft) -> bool:
    """Whether a thread writes at its own index alone, and reads nothing that another one writes."""
    if not draft.text.startswith(_THREAD) or len(draft.dim) != 1 or draft.properties:
        return False
    if draft.tiled or "wp.tile" in "".join([draft.text, *draft.functions]):
        return False  # all threads of a block must reach its barriers
    written = [p for p in draft.parameters if p.role in ("output", "inout")]
    shapes = [p.fills[0].shape for p in written]
    if any(p.type[:5] != "array" or shape[:1] != draft.dim for p, shape in zip(written, shapes, strict=True)):
        return False
    names = {p.name for p in written}
    tree = ast.parse(draft.text.replace("return", "raise"))
    places = {id(n.value): n.slice for n in ast.walk(tree) if isinstance(n, ast.Subscript)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise):  # one early exit is enough
            return False
        if isinstance(node, ast.Name) and node.id in names:
            place: ast.AST | None = places.get(id(node))
            place = place.elts[0] if isinstance(place, ast.Tuple) else place
            if not (isinstance(place, ast.Name) and place.id == "tid"):
                return False
    return True


def _within(reference: Reference, kind: str, name: str, count: int) -> Reference:
    """The reference, where elements that are left out keep what they had."""

    def masked(v: Values) -> Mapping[str, Any]:
        given = np.asarray(v[name])
        numbers = np.arange(count)
        chosen = {"mask": given.astype(bool), "flags": (given & 1) == 1, "count": numbers < given.flat[0]}
        inside = chosen.get(kind, np.isin(numbers, given))
        made = {}
        for output, values in reference(v).items():
            before = np.asarray(v[output])
            keep = inside.reshape(-1, *[1] * (before.ndim - 1))
            made[output] = np.where(keep, np.broadcast_to(np.asarray(values), before.shape), before)
        return made

    return masked


def _mask(draft: Draft, element: str, count: int) -> str:
    name = draft.pick(f"{element}_active", f"{element}_mask", "active")
    draft.input(name, "bool", count, about="False for elements that are skipped")
    return f"{_THREAD}# Skip inactive elements\nif not {name}[tid]:\n    return\n"


def _flags(draft: Draft, element: str, count: int) -> str:
    name = draft.pick(f"{element}_flags", "flags")
    draft.module("FLAG_ACTIVE = wp.constant(1)")
    draft.input(name, "int", count, 0, 4, about="Bit mask, bit 0 is set for active elements")
    return f"{_THREAD}# Skip inactive elements\nif ({name}[tid] & FLAG_ACTIVE) == 0:\n    return\n"


def _count(draft: Draft, element: str, count: int) -> str:
    name = draft.pick(f"{element}_count", f"num_{element}s", "active_count")
    draft.input(name, "int", 1, count // 2, count + count // 4, about="Number of valid elements")
    why = "# The launch covers the whole buffer, only the first elements are valid\n"
    return f"{_THREAD}{why}if tid >= {name}[0]:\n    return\n"


def _list(draft: Draft, element: str, count: int) -> str:
    name = draft.pick(f"{element}_ids", f"active_{element}s", f"{element}_indices")
    if any(p.role == "inout" for p in draft.parameters):  # what is worked on in place must not come twice
        draft.input(name, "int", count, kind="permutation", about="Indices in processing order")
        return f"slot = wp.tid()\ntid = {name}[slot]\n"
    draft.dim = (count - count // 4,)
    draft.input(name, "int", draft.dim, -1, count, about="Indices to process, padded with -1")
    return f"slot = wp.tid()\ntid = {name}[slot]\n# Skip padding (index of -1)\nif tid < 0:\n    return\n"


_MAKERS = {"mask": _mask, "flags": _flags, "count": _count, "list": _list}
