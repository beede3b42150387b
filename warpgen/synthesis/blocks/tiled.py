"""Motifs of tiles: each writes a whole kernel, and others may work on the same blocks behind it."""

from __future__ import annotations

import functools
from collections.abc import Callable

from warpgen.synthesis.blocks.motif import Category
from warpgen.synthesis.blocks.tile_steps import pipeline
from warpgen.synthesis.blocks.tiles import Tiles
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import F32

Write = Callable[[Kit], None]
_shared: dict[str, tuple[Write, bool]] = {}


def tiles(k: Kit) -> Tiles:
    """The kernel's one writer of tile statements."""
    memo = k.draft.memo
    if "tiles" not in memo:
        memo["tiles"] = Tiles(k, pipeline)
    return memo["tiles"]  # type: ignore[no-any-return]


def tiled(
    category: Category, weight: float = 1.0, *, f32: bool = False, shares: bool = True
) -> Callable[[Write], Write]:
    """Register a tile motif, which writes a whole kernel.

    One that `shares` works on one axis of blocks and can stand behind another in the same kernel.
    """

    def register(write: Write) -> Write:
        @functools.wraps(write)
        def whole(k: Kit) -> None:
            write(k)
            if shares:
                _append(k, write)

        if shares:
            _shared[write.__name__] = (write, f32)
        category.motif(alone=True, weight=weight, f32=f32)(whole)
        return write

    return register


def _append(k: Kit, first: Write) -> None:
    """Other work on the same blocks behind the first, by chance."""
    options = [_shared[n] for n in sorted(_shared) if _shared[n][0] is not first]
    fitting = [write for write, f32 in options if k.real is F32 or not f32]
    for write in k.rng.sample(fitting, k.rng.weighted({0: 0.45, 1: 0.3, 2: 0.17, 3: 0.08})):
        k.blank()
        title = (write.__doc__ or "").split("\n")[0].rstrip(".")
        k.note(title[0].lower() + title[1:])
        write(k)
