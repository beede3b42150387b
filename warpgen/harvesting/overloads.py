"""With which argument types a generic kernel is taken: those its own code uses, else usual ones."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import warp as wp

from warpgen.extraction import warp_api

# What `Any` is tried as, the likeliest first. All arguments of one kernel are tried as the same type, and
# before it arrays of that type beside scalars: `alpha * x[i]` is usual, and Warp's code generator takes
# comparisons of matrices that the compilers then refuse.
_USUAL: tuple[Any, ...] = (wp.float32, wp.vec3f, wp.int32, wp.mat33f, wp.uint64, wp.float64)
_USUAL += tuple(wp.array(dtype=wp.float32, ndim=rank) for rank in (1, 2, 3, 4))
# More combinations than this are not tried.
_MOST = 40


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
    choices = [warp_api.concrete_types(template, _USUAL) for template in templates]
    open_ = [i for i, choice in enumerate(choices) if len(choice) > 1]
    tried = set()
    scalar = [choices[i][0] is wp.float32 for i in open_]
    mixed = (tuple(0 if bare else n for bare in scalar) for n in range(len(_USUAL)))
    alike = ((n,) * len(open_) for n in range(len(_USUAL)))
    likely = itertools.chain.from_iterable(zip(mixed, alike, strict=True))
    every = itertools.product(*(range(len(choices[i])) for i in open_))
    for picks in itertools.islice(itertools.chain(likely, every), _MOST):
        places = tuple(min(pick, len(choices[i]) - 1) for pick, i in zip(picks, open_, strict=True))
        if places in tried:
            continue
        tried.add(places)
        kinds = [choice[0] for choice in choices]
        for i, place in zip(open_, places, strict=True):
            kinds[i] = choices[i][place]
        yield dict(zip(names, kinds, strict=True))
