"""What kernels know by a number, and what looking into it costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from warpgen.verification.oracle.values import Unsupported, Vec
from warpgen.verification.running.scene import Surface

# What a search of a mesh costs, in steps of a program.
RAY = 8


class Work:
    """What the searches of one launch took: elements looked at.

    `unordered` tells whether any found more than one, which Warp may have met in another order.
    """

    spend: Callable[[int], None] = lambda _: None
    unordered = False


def known(handle: Any, kind: type) -> Any:
    if not isinstance(handle, kind):
        raise Unsupported(f"a {kind.__name__.lower()} from another source")
    if isinstance(handle, Surface):
        Work.spend(RAY)
    return handle


def vector(items: Any) -> Vec:
    return Vec(tuple(float(x) for x in items))
