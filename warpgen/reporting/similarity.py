"""Near-duplicates among programs: MinHash over token 5-grams, found through LSH.

Two counts. The first is the one that other sets of kernels are compared by: its hash family hardly
folds, so the smallest gram of a program is the smallest under most of its 128 functions, and two
programs that share that one gram (`range ( start , end`, say) look alike. The second mixes all bits
and confirms each candidate on the grams themselves.

Broder 1997 (MinHash) and Leskovec, Rajaraman and Ullman, *Mining of Massive Datasets*, chapter 3.
"""

from __future__ import annotations

import re

import numpy as np
import xxhash
from numpy.typing import NDArray

_PERMUTATIONS, _BANDS = 128, 16
_ROWS = _PERMUTATIONS // _BANDS
_PRIME = np.uint64((1 << 61) - 1)
_LOW_BITS = np.uint64((1 << 31) - 1)
_MOST_CANDIDATES = 20  # per band: beyond this many look-alikes one is found already, or none will be
NEAR = 0.7  # Jaccard similarity from which on two programs are near-duplicates
_GRAM = 5
_TOKEN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9.]+|\S")
_COMMENT = re.compile(r"#.*")


class NearDuplicates:
    """Counts programs that resemble an earlier one: estimated Jaccard similarity >= `threshold`.

    Takes about 5 KiB a program, so callers bound how many they give.
    """

    def __init__(self, threshold: float = NEAR) -> None:
        rng = np.random.default_rng(0)
        self._factors = rng.integers(1, int(_PRIME), _PERMUTATIONS, dtype=np.uint64) & _LOW_BITS
        self._offsets = rng.integers(0, int(_PRIME), _PERMUTATIONS, dtype=np.uint64) & _LOW_BITS
        self._threshold = threshold
        self._buckets: dict[tuple[int, bytes], list[int]] = {}
        self._signatures: list[NDArray[np.uint64]] = []
        self.count = 0

    def add(self, source: str) -> bool:
        """Whether the program resembles an earlier one."""
        grams = np.fromiter(sorted(token_grams(source)), dtype=np.uint64)
        signature = self._signature(grams)
        place = len(self._signatures)
        self._signatures.append(signature)
        found = False
        for band in range(_BANDS):
            key = (band, signature[band * _ROWS : (band + 1) * _ROWS].tobytes())
            bucket = self._buckets.setdefault(key, [])
            found = found or any(self._similar(other, signature) for other in bucket[:_MOST_CANDIDATES])
            bucket.append(place)
        self.count += found
        return found

    def _similar(self, other: int, signature: NDArray[np.uint64]) -> bool:
        return float((self._signatures[other] == signature).mean()) >= self._threshold

    def _signature(self, grams: NDArray[np.uint64]) -> NDArray[np.uint64]:
        # Products stay below 2**62, so two foldings take the place of a slow 64-bit division.
        mixed = (grams & _LOW_BITS)[:, None] * self._factors + self._offsets
        mixed = (mixed & _PRIME) + (mixed >> np.uint64(61))
        signature: NDArray[np.uint64] = np.where(mixed >= _PRIME, mixed - _PRIME, mixed).min(axis=0)
        return signature


class Confirmed:
    """Counts programs that resemble an earlier one, compared gram by gram: Jaccard similarity >= NEAR.

    This is the share of near-duplicates that pages tell. Takes some 2 KiB a program.
    """

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self._odd = rng.integers(0, 1 << 63, _PERMUTATIONS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
        self._buckets: dict[tuple[int, bytes], list[int]] = {}
        self._grams: list[NDArray[np.uint64]] = []
        self.count = 0

    def add(self, source: str) -> bool:
        """Whether an earlier program shares so many of the grams; fine bands, so that few are missed."""
        grams = np.fromiter(sorted(token_grams(source)), dtype=np.uint64)
        signature = (grams[:, None] * self._odd).min(axis=0)  # multiplication by odd numbers modulo 2**64
        place = len(self._grams)
        self._grams.append(grams)
        found = False
        for band in range(0, _PERMUTATIONS, 4):
            bucket = self._buckets.setdefault((band, signature[band : band + 4].tobytes()), [])
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
