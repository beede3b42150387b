"""Near-duplicates among programs: candidates by MinHash over token 5-grams, each compared gram by gram.

Broder 1997 (MinHash) and Leskovec, Rajaraman and Ullman, *Mining of Massive Datasets*, chapter 3.
"""

from __future__ import annotations

import re

import numpy as np
import xxhash
from numpy.typing import NDArray

_PERMUTATIONS, _BAND = 128, 4  # fine bands, so that few are missed
_MOST_CANDIDATES = 20  # per band: beyond this many look-alikes one is found already, or none will be
NEAR = 0.7  # Jaccard similarity from which on two programs are near-duplicates
_GRAM = 5
_TOKEN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9.]+|\S")
_COMMENT = re.compile(r"#.*")


class NearDuplicates:
    """Counts programs that resemble an earlier one, compared gram by gram: Jaccard similarity >= NEAR.

    Takes some 2 KiB a program, so callers bound how many they give.
    """

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self._odd = rng.integers(0, 1 << 63, _PERMUTATIONS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
        self._buckets: dict[tuple[int, bytes], list[int]] = {}
        self._grams: list[NDArray[np.uint64]] = []
        self.count = 0

    def add(self, source: str) -> bool:
        """Whether an earlier program shares so many of the grams."""
        grams = np.fromiter(sorted(token_grams(source)), dtype=np.uint64)
        signature = (grams[:, None] * self._odd).min(axis=0)  # multiplication by odd numbers modulo 2**64
        place = len(self._grams)
        self._grams.append(grams)
        found = False
        for band in range(0, _PERMUTATIONS, _BAND):
            bucket = self._buckets.setdefault((band, signature[band : band + _BAND].tobytes()), [])
            found = found or any(self._alike(other, grams) for other in bucket[:_MOST_CANDIDATES])
            bucket.append(place)
        self.count += found
        return found

    @property
    def share(self) -> float:
        """Of the programs added."""
        return self.count / max(1, len(self._grams))

    def _alike(self, other: int, grams: NDArray[np.uint64]) -> bool:
        shared = len(np.intersect1d(self._grams[other], grams, assume_unique=True))
        return shared >= NEAR * (len(self._grams[other]) + len(grams) - shared)


def token_grams(source: str) -> set[int]:
    """Hashes of the token 5-grams, numbers all alike and comments left out."""
    words = ["0" if word[0].isdigit() else word for word in _TOKEN.findall(_COMMENT.sub("", source))]
    count = max(1, len(words) - _GRAM + 1)
    return {xxhash.xxh3_64_intdigest(" ".join(words[k : k + _GRAM]).encode()) >> 3 for k in range(count)}
