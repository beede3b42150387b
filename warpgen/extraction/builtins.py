"""Which `wp` names are builtins of the kernel language, which cut the gradient, where the manual has them."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple

from warpgen.extraction import warp_api
from warpgen.warp_internals import REGISTRY

# Marked as not differentiable by Warp, though no gradient could pass through them: they take or give
# no real values (indices, queries, random numbers, bits, prints), or only make, name or view storage.
_NO_GRADIENT_TO_CUT = re.compile(
    r"""(u?int(8|16|32|64)? | bool | tid | block_dim | static | range | reversed | iter_next | len
      | tuple | slice | array | zeros | load | store | index | indexref | printf | breakpoint | expect_\w+
      | \w*identity | tile_(zeros|ones|empty|full|arange|view|randi|randf|query_valid|stack\w*)
      | (tile_)?arg(min|max) | lower_bound | is(finite|nan|inf) | nonzero | unot
      | bit_\w+ | [lr]shift | invert | atomic_(and|or|xor) | tile_bit_\w+
      | rand\w* | sample_\w+ | poisson
      | (tile_)?(bvh|mesh)_(query|get)\w* | hash_grid_\w+ | volume_(\w+_i|lookup_index|voxel_count))""",
    re.VERBOSE,
)


class Builtins(NamedTuple):
    """Names in the registry of the installed Warp."""

    functions: frozenset[str]  # used wherever they are named, also when passed to wp.tile_map
    types: frozenset[str]  # used only where they are called: `wp.float32(x)`, not `dtype=wp.float32`
    cuts: frozenset[str]  # stop the gradient of their arguments


@cache
def builtins() -> Builtins:
    """Read from the registry once."""
    registry = warp_api.builtin_differentiability()
    types = {name for name in registry if warp_api.is_type_name(name)}
    cuts = {n for n, smooth in registry.items() if not smooth and not _NO_GRADIENT_TO_CUT.fullmatch(n)}
    return Builtins(frozenset(registry) - types, frozenset(types), frozenset(cuts))


def _public(function: Any) -> bool:
    # Builtins written in Python, like norm_l1, carry no overloads of their own.
    return any(not overload.hidden for overload in getattr(function, "overloads", [function]))


@cache
def public_names() -> tuple[str, ...]:
    """Names of the builtins that the installed Warp documents, sorted."""
    return tuple(sorted(name for name, f in REGISTRY.items() if _public(f)))


@cache
def group(name: str) -> str:
    """The chapter of Warp's manual that a builtin stands in."""
    function = REGISTRY[name]
    return next(str(o.group) for o in getattr(function, "overloads", [function]) if not o.hidden)
