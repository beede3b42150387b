"""With which argument types a generic kernel is taken: those its own code uses, else usual ones."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from typing import Any

import warp as wp

from warpgen.extraction import warp_api
from warpgen.harvesting.surroundings import captured
from warpgen.harvesting.uses import Uses
from warpgen.verification.native import warp_native

# What `Any` is tried as, the likeliest first. All arguments of one kernel are tried as the same type, and
# before it arrays of that type beside scalars: `alpha * x[i]` is usual, and Warp's code generator takes
# comparisons of matrices that the compilers then refuse.
_USUAL: tuple[Any, ...] = (wp.float32, wp.vec3f, wp.int32, wp.mat33f, wp.uint64, wp.float64)
_USUAL += tuple(wp.array(dtype=wp.float32, ndim=rank) for rank in (1, 2, 3, 4))
_USUAL += (wp.vec2f, wp.vec4f, wp.mat22f, wp.mat44f, wp.quatf, wp.transformf, wp.vec3d, wp.vec2d)
# The first of them, which are tried beside one another: matrices and vectors, vectors and scalars.
_FEW, _LIKELY = 4, 12
# More combinations than this are not tried.
_MOST = 60
# Functions within functions that are looked through.
_DEEPEST = 4


def overloads(kernel: Any) -> Iterator[dict[str, Any]]:
    """Argument types by name: of the kernel itself, or of each overload, or candidates for a generic one."""
    names = [argument.label for argument in kernel.adj.args]
    if not kernel.is_generic:
        yield {argument.label: argument.type for argument in kernel.adj.args}
        return
    if kernel.overloads:
        for overload in kernel.overloads.values():
            yield {argument.label: argument.type for argument in overload.adj.args}
        return
    templates = list(kernel.adj.arg_types.values())
    usual = (*_USUAL, *_structs(kernel.func))
    choices = [warp_api.concrete_types(template, usual) for template in templates]
    ranks = _ranks(kernel)
    for i, (name, template) in enumerate(zip(names, templates, strict=True)):
        if template is Any and name in ranks:
            arrays = [wp.array(dtype=kind, ndim=ranks[name]) for kind in _USUAL[:3]]
            choices[i] = arrays + choices[i]
    open_ = [i for i, choice in enumerate(choices) if len(choice) > 1]
    yield from _by_use(kernel, dict(zip(names, templates, strict=True)))
    tried = set()
    scalar = [choices[i][0] is wp.float32 for i in open_]
    mixed = (tuple(0 if bare else n for bare in scalar) for n in range(len(usual)))
    alike = ((n,) * len(open_) for n in range(len(usual)))
    pairs = list(itertools.chain.from_iterable(zip(mixed, alike, strict=True)))
    few = itertools.product(*(range(min(_FEW, len(choices[i]))) for i in open_)) if len(open_) == 2 else ()
    every = itertools.product(*(range(len(choices[i])) for i in open_))
    for picks in itertools.islice(itertools.chain(pairs[:_LIKELY], few, pairs[_LIKELY:], every), _MOST):
        places = tuple(min(pick, len(choices[i]) - 1) for pick, i in zip(picks, open_, strict=True))
        if places in tried:
            continue
        tried.add(places)
        kinds = [choice[0] for choice in choices]
        for i, place in zip(open_, places, strict=True):
            kinds[i] = choices[i][place]
        yield dict(zip(names, kinds, strict=True))


def _by_use(kernel: Any, templates: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Types by what the kernel does with its arguments; none where that tells nothing.

    The rest are scalars, or vectors: of those that are alike none, one or two groups.
    """
    uses = Uses(kernel)
    open_ = {name for name, template in templates.items() if warp_api.concrete_types(template, _USUAL)[1:]}
    if not open_ & set(uses.kinds(wp.float32)):
        return
    groups = [group for group in uses.untold() if open_ & set(group)]
    chosen = itertools.chain.from_iterable(itertools.combinations(groups, count) for count in range(3))
    for scalar, vector, vectors in (
        *((wp.float32, wp.vec3f, vectors) for vectors in chosen),
        (wp.float64, wp.vec3d, ()),
    ):
        told = uses.kinds(scalar) | {name: vector for group in vectors for name in group}
        yield {
            name: warp_api.concrete_types(template, (told.get(name, scalar),))[0]
            for name, template in templates.items()
        }


def _ranks(kernel: Any) -> dict[str, int]:
    """With how many indices a kernel's arguments are used, where it uses any."""
    found: dict[str, int] = {}
    for node in ast.walk(ast.parse(kernel.adj.source)):
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            number = len(node.slice.elts) if isinstance(node.slice, ast.Tuple) else 1
            found[node.value.id] = max(number, found.get(node.value.id, 0))
    return {name: rank for name, rank in found.items() if rank <= 4}


def _structs(func: Any) -> list[Any]:
    """Structs that the kernel's file knows, or that functions take which its factory was given.

    A generic kernel that names fields, or hands them on, is for one of them.
    """
    known = (*captured(func).values(), *func.__globals__.values(), *_taken(func, _DEEPEST))
    return list(dict.fromkeys(value for value in known if warp_native.is_struct(value)))


def _taken(func: Any, deepest: int) -> Iterator[Any]:
    """Types of the arguments of functions that a function captures, and of those that they capture."""
    for value in captured(func).values():
        if isinstance(value, wp.Function) and value.func is not None and deepest:
            yield from value.adj.arg_types.values()
            yield from _taken(value.func, deepest - 1)
