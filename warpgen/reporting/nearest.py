"""How much each program resembles the one most like it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from warpgen.reporting.similarity import token_grams

_FUNCTIONS = 96  # of MinHash: the estimate only picks the neighbour, so an error of 0.05 will do
_CANDIDATES = 8  # compared exactly: among programs hardly alike the estimate alone may pick another
_BLOCK = 32  # programs compared with all others at once, which bounds the memory


def nearest(sources: Sequence[str]) -> list[float]:
    """For each program the Jaccard similarity, 0 ... 1, of its token 5-grams with its nearest neighbour's.

    The neighbour is the best of those that MinHash estimates highest; the similarity is exact. Time grows
    with the square of their number: 4,000 programs take some ten seconds.
    """
    if len(sources) < 2:
        return [0.0] * len(sources)
    found = [np.fromiter(sorted(token_grams(source)), dtype=np.uint64) for source in sources]
    odd = np.random.default_rng(0).integers(0, 1 << 63, _FUNCTIONS, dtype=np.uint64) * np.uint64(2)
    odd += np.uint64(1)
    # The low bits of a minimum are as good as all of it, and a quarter of the traffic.
    signatures = np.array([(g[:, None] * odd).min(axis=0) & np.uint64(0xFFFF) for g in found]).astype(
        np.uint16
    )
    candidates = np.concatenate([_candidates(signatures, at) for at in range(0, len(found), _BLOCK)])
    return [
        max(_jaccard(mine, found[other]) for other in others)
        for mine, others in zip(found, candidates, strict=True)
    ]


def _candidates(signatures: NDArray[np.uint16], start: int) -> NDArray[np.intp]:
    block = signatures[start : start + _BLOCK]
    equal = (block[:, None, :] == signatures[None, :, :]).sum(axis=2)
    equal[np.arange(len(block)), start + np.arange(len(block))] = -1  # a program is not its own neighbour
    few = min(_CANDIDATES, len(signatures) - 1)
    best: NDArray[np.intp] = np.argsort(-equal, axis=1, kind="stable")[:, :few]
    return best


def _jaccard(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> float:
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / (len(one) + len(other) - shared)
