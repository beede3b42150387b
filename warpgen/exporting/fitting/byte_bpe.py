"""A byte-level BPE of warpgen's own, for who names no tokenizer.

Sennrich, Haddow and Birch 2016, on bytes as in Radford et al. 2019. Its merges were learnt from warpgen's
own programs and their code (`tools/learn_tokens.py`): a model's tokenizer makes another number of them, so
count with that one before you trust a context to be large enough.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

NAME = "warpgen-bpe-8k"
MERGES = Path(__file__).with_name("merges.txt")
# Words, numbers of up to three digits, punctuation with the space before it, and white space: no token is
# longer than one of these.
PATTERN = r"[A-Za-z_]+|[0-9]{1,3}| ?[^\sA-Za-z0-9_]+|\s+"
# Different pieces that are remembered with their lengths: a dataset has some hundred thousand.
_REMEMBERED = 1 << 20


class ByteBpe:
    """Counts the tokens of texts."""

    def __init__(self) -> None:
        lines = MERGES.read_text(encoding="ascii").splitlines()
        pairs = [(bytes.fromhex(first), bytes.fromhex(second)) for first, second in map(str.split, lines)]
        self._ranks = {pair: rank for rank, pair in enumerate(pairs)}
        self._pieces = re.compile(PATTERN)
        self._lengths: dict[str, int] = {}

    def counts(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text."""
        return [self._count(text) for text in texts]

    def _count(self, text: str) -> int:
        lengths = self._lengths
        if len(lengths) > _REMEMBERED:
            lengths.clear()
        total = 0
        for piece, times in Counter(self._pieces.findall(text)).items():
            length = lengths.get(piece)
            if length is None:
                length = lengths[piece] = self._length(piece)
            total += times * length
        return total

    def _length(self, piece: str) -> int:
        data = piece.encode("utf-8", "surrogatepass")
        parts = [data[i : i + 1] for i in range(len(data))]
        while len(parts) > 1:
            ranked = [
                (self._ranks.get(pair, len(self._ranks)), place) for place, pair in enumerate(pairwise(parts))
            ]
            rank, place = min(ranked)
            if rank == len(self._ranks):
                break
            parts[place : place + 2] = [parts[place] + parts[place + 1]]
        return len(parts)
