"""A byte-level BPE of warpgen's own, for who names no tokenizer.

Sennrich, Haddow and Birch 2016, on bytes as in Radford et al. 2019. Its merges were learnt from warpgen's
own programs and their code (`tools/learn_tokens.py`): a model's tokenizer makes another number of them, so
count with that one before you trust a context to be large enough.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

NAME = "warpgen-bpe-8k"
MERGES = Path(__file__).with_name("merges.txt")
# Words, numbers of up to three digits, punctuation with the space before it, and white space: no token is
# longer than one of these.
PATTERN = r"[A-Za-z_]+|[0-9]{1,3}| ?[^\sA-Za-z0-9_]+|\s+"
# A line with the line end before it; no piece goes beyond one, unless a line ends in a blank.
_LINE, _BLANK_END = re.compile(r"\n\s*[^\n]*"), re.compile(r"[^\S\n]\n")
# Different pieces and lines whose tokens are remembered: a dataset has some hundred thousand.
_PIECES, _LINES = 1 << 20, 1 << 18


class ByteBpe:
    """Counts the tokens of texts."""

    def __init__(self) -> None:
        lines = MERGES.read_text(encoding="ascii").splitlines()
        pairs = [(bytes.fromhex(first), bytes.fromhex(second)) for first, second in map(str.split, lines)]
        self._ranks = {pair: rank for rank, pair in enumerate(pairs)}
        self._pieces = re.compile(PATTERN)
        self._lengths = _Known(self._length, _PIECES)
        self._lines = _Known(self._sum, _LINES)

    def counts(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text."""
        return [self._count(text) for text in texts]

    def _count(self, text: str) -> int:
        """Line by line: generated code has most lines many times."""
        head = text.find("\n")
        if head < 0 or _BLANK_END.search(text):
            return self._sum(text)
        return self._sum(text[:head]) + sum(map(self._lines.__getitem__, _LINE.findall(text, head)))

    def _sum(self, text: str) -> int:
        return sum(map(self._lengths.__getitem__, self._pieces.findall(text)))

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


class _Known(dict[str, int]):
    """What was counted before, up to `most` texts; then from the beginning."""

    def __init__(self, count: Callable[[str], int], most: int) -> None:
        super().__init__()
        self._count, self._most = count, most

    def __missing__(self, text: str) -> int:
        if len(self) >= self._most:
            self.clear()
        found = self[text] = self._count(text)
        return found
