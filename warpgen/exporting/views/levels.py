"""The view `translate` with machine code: each level beside the next one, both ways."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence

from warpgen.exporting.kernels import Kernel
from warpgen.exporting.views.ladder import ladder
from warpgen.exporting.views.texts import TRANSLATE, pair
from warpgen.exporting.views.view import ENDS, Record, View

# From above to below, on a GPU and on a CPU.
_WAYS = (("python", "cuda", "ptx", "sass"), ("python", "cpp", "llvm", "asm"))
_COMMON = ("kernel_id", "category", *ENDS)


def translate(levels: Sequence[str]) -> View:
    """The view with these levels; kernels are in it that `ladder` has."""
    records = functools.partial(_records, tuple(levels))
    return TRANSLATE._replace(about=f"{TRANSLATE.about}; with {', '.join(levels)}", records=records)


def _records(levels: tuple[str, ...], kernels: Iterator[Kernel]) -> Iterator[Record]:
    for found in ladder(levels).records(kernels):
        common = {name: found[name] for name in _COMMON}
        for source, target in _pairs(levels):
            own = {"id": f"{found['id']}-{source}-{target}"}
            yield own | common | pair(found, source, target)


def _pairs(levels: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The texts of a kernel two by two, and of its levels each with the nearest above."""
    yield from itertools.permutations(("python", "cpp", "cuda"), 2)
    for way in _WAYS:
        there = [name for name in way if name in ("cpp", "cuda", *levels)]
        for above, below in itertools.pairwise(there):
            yield above, below
            yield below, above
