"""Elements that a launch leaves out: masks, flags, counters and lists in front of a kernel's body."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from warpgen.synthesis.writing.draft import Draft, Reference, Values

# How people leave elements out: .15 of all kernels then do, newton's .30, those of Warp's examples .02.
_KINDS = {"all": 0.42, "mask": 0.16, "flags": 0.06, "count": 0.26, "list": 0.10}
_ON_GRIDS = {"all": 0.65, "mask": 0.24, "flags": 0.11}
# Elements that people switch off one by one: by a bit among others, and at all.
_FLAGGED = frozenset("agent body particle robot vertex".split())
_MASKED = _FLAGGED | frozenset(
    "articulation cell contact drone element hit joint node patient pixel ray row system track voxel".split()
)
_OWN_TESTS = ("active", "enabled", "flag", "mask", "valid")  # arguments of kernels that skip elements already
_NEXT = re.compile(r"_(?:out|new|next)$|^(?:new|next)_")  # a state's next value, which must not be lost
_THREAD = re.compile(r"(\w+(?:, \w+)?) = wp\.tid\(\)\n")
_NESTED = 0.35  # how often the body stands within the test, rather than behind an early exit


def guard(draft: Draft, element: str) -> None:
    """Perhaps let a finished kernel skip some elements, where each thread has an element of its own.

    `element` is what one is called: body, particle, cell. Outputs of elements that are skipped stay as they
    were, and the draft's references are told so.
    """
    found = _THREAD.match(draft.text)
    at = found[1] if found else ""
    many = at.count(",") + 1
    stale = any(_NEXT.search(p.name) for p in draft.parameters if p.role == "output")
    lacking = {"flags": element not in _FLAGGED or stale, "mask": element not in _MASKED or stale}
    kinds = _KINDS if many == 1 else _ON_GRIDS
    kind = draft.weighted({kind: share for kind, share in kinds.items() if not lacking.get(kind)})
    if kind == "all" or not at or many != len(draft.dim) or not _fits(draft, at):
        return
    count = draft.dim[0]
    known = len(draft.parameters)
    start, why, skipped, kept = _MAKERS[kind](draft, element, at)
    body = draft.text.split("\n", 1)[1]
    if not skipped:
        text = start + body
    elif draft.weighted({"nested": _NESTED, "early exit": 1.0 - _NESTED}) == "nested":
        text = f"{start}if {kept}:\n{textwrap.indent(body, '    ')}"
    else:
        text = f"{start}{why}if {skipped}:\n    return\n{body}"
    first = next(i for i, p in enumerate(draft.parameters) if p.role in ("output", "inout"))
    added = draft.parameters[known:]
    draft.parameters[:] = [*draft.parameters[:first], *added, *draft.parameters[first:known]]
    draft.text = text
    within = partial(_within, kind=kind, name=added[0].name, count=count, launched=draft.dim[0])
    draft.references[:] = [(within(reference), tolerance) for reference, tolerance in draft.references]


def _fits(draft: Draft, at: str) -> bool:
    """Whether a thread writes at its own index alone, and reads nothing that another one writes."""
    if draft.properties or draft.tiled or "wp.tile" in "".join([draft.text, *draft.functions]):
        return False  # all threads of a block must reach its barriers
    if any(word in p.name for p in draft.parameters for word in _OWN_TESTS):
        return False
    own = at.split(", ")
    written = [p for p in draft.parameters if p.role in ("output", "inout")]
    shapes = [p.fills[0].shape[: len(own)] for p in written]
    if any(p.type[:5] != "array" or shape != draft.dim for p, shape in zip(written, shapes, strict=True)):
        return False
    names = {p.name for p in written}
    tree = ast.parse(draft.text.replace("return", "pass"))
    places = {id(n.value): n.slice for n in ast.walk(tree) if isinstance(n, ast.Subscript)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in names:
            place = places.get(id(node))
            given = place.elts if isinstance(place, ast.Tuple) else [place]
            if [n.id if isinstance(n, ast.Name) else "" for n in given[: len(own)]] != own:
                return False
    return True


def _within(reference: Reference, kind: str, name: str, count: int, launched: int) -> Reference:
    """The reference, where elements that are left out keep what they had."""

    def masked(v: Values) -> Mapping[str, Any]:
        given = np.asarray(v[name])
        numbers = np.arange(count)
        chosen = {"mask": given.astype(bool), "flags": (given & 1) == 1, "count": numbers < given.flat[0]}
        inside = chosen.get(kind, np.isin(numbers, given[:launched]))
        made = {}
        for output, values in reference(v).items():
            before = np.asarray(v[output])
            keep = inside.reshape(*inside.shape, *[1] * (before.ndim - inside.ndim))
            made[output] = np.where(keep, np.broadcast_to(np.asarray(values), before.shape), before)
        return made

    return masked


# Each declares its argument and gives the lines before the test, a comment, when to leave, when to go on.
_Test = tuple[str, str, str, str]


def _plural(element: str) -> str:
    if element == "vertex":
        return "vertices"
    return f"{element[:-1]}ies" if re.search("[^aeiou]y$", element) else f"{element}s"


def _mask(draft: Draft, element: str, at: str) -> _Test:
    name = draft.pick(f"{element}_active", f"{element}_mask", "active")
    start = f"{at} = wp.tid()\n"
    if draft.pick("bool", "int") == "int":
        about = f"Per-{element} mask, zero for {_plural(element)} to skip"
        draft.mask(name, "int", draft.dim, about)
        return start, "", f"{name}[{at}] == 0", f"{name}[{at}] != 0"
    draft.mask(name, "bool", draft.dim, f"Per-{element} mask of active {_plural(element)}")
    return start, "", f"not {name}[{at}]", f"{name}[{at}]"


def _flags(draft: Draft, element: str, at: str) -> _Test:
    name = draft.pick(f"{element}_flags", "flags")
    draft.module("FLAG_ACTIVE = wp.constant(1)")
    draft.input(name, "int", draft.dim, 1, 4, about=f"Per-{element} bit mask, bit 0 is set when active")
    bit = f"({name}[{at}] & FLAG_ACTIVE)"
    why = draft.pick(f"# Skip inactive {_plural(element)}\n", "")
    return f"{at} = wp.tid()\n", why, f"{bit} == 0", f"{bit} != 0"


def _count(draft: Draft, element: str, at: str) -> _Test:
    (count,) = draft.dim
    name = draft.pick(f"{element}_count", f"num_{_plural(element)}", "active_count")
    draft.input(name, "int", 1, count // 2, count + 1, about=f"Number of valid {_plural(element)}")
    why = draft.pick(
        "",
        "# Launched over the whole buffer, only the first entries are valid\n",
        f"# Skip threads past the last valid {element}\n",
    )
    return f"{at} = wp.tid()\n", why, f"{at} >= {name}[0]", f"{at} < {name}[0]"


def _list(draft: Draft, element: str, at: str) -> _Test:
    (count,) = draft.dim
    name = draft.pick(f"{element}_ids", f"active_{_plural(element)}", f"{element}_indices")
    own = at
    if at == "tid":  # the index of the thread is another's now
        words = set(re.findall(r"\w+", "\n".join([draft.text, *draft.functions, *draft.prelude])))
        own = next(word for word in (element, f"{element}_id", f"this_{element}") if word not in words)
        draft.text = re.sub(r"(?<!\.)\btid\b(?!\()", own, draft.text)
    start = f"slot = wp.tid()\n{own} = {name}[slot]\n"
    # No element comes twice: the list is a permutation, of which a launch takes all or the first part.
    about = draft.pick("Indices in processing order", f"Indices of {_plural(element)}, the active ones first")
    if "first" in about:
        draft.dim = (count - count // 4,)
    draft.input(name, "int", count, kind="permutation", about=about)
    return start, "", "", ""


_MAKERS = {"mask": _mask, "flags": _flags, "count": _count, "list": _list}
