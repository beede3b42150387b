"""Tokens of a record's texts, by the tokenizer that a user names, and how many records fit usual contexts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from warpgen.errors import UsageError
from warpgen.exporting.fitting.byte_bpe import NAME, ByteBpe
from warpgen.exporting.views.view import Record, View, texts_of, tokens_of

CONTEXTS = (4096, 8192, 16384, 32768)
# Records whose texts are counted at once: enough for all cores.
_BLOCK = 64


class Counter(Protocol):
    """What counts tokens."""

    def counts(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text."""


class _HuggingFace:
    """A tokenizer of the package `tokenizers`, without the special tokens that a model wants."""

    def __init__(self, made: Any) -> None:
        self._made = made

    def counts(self, texts: Sequence[str]) -> list[int]:
        found = self._made.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(encoding) for encoding in found]


def counter(name: str) -> Counter:
    """The tokenizer of a name: `warpgen-bpe-8k`, a file `tokenizer.json`, or one of Hugging Face's hub.

    Raises UsageError where there is none.
    """
    if name == NAME:
        return ByteBpe()
    try:
        import tokenizers
    except ImportError:
        raise UsageError(
            "--tokenizer needs the package tokenizers: run `python -m pip install 'tokenizers>=0.22'`"
        ) from None
    try:
        if Path(name).is_file():
            return _HuggingFace(tokenizers.Tokenizer.from_file(name))
        return _HuggingFace(tokenizers.Tokenizer.from_pretrained(name))
    except Exception as error:  # what the package raises is a plain Exception
        why = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise UsageError(
            f"{name!r} is no tokenizer ({why}): name a file tokenizer.json, or a model that can be reached"
        ) from None


class Fit(msgspec.Struct, frozen=True):
    """Tokens of an export's records; `fits` are shares of the records before any was left out."""

    tokenizer: str
    total: int  # of the records that are in the export
    median: int
    longest: int
    fits: dict[str, float]  # by the size of a context
    most: int  # --max-tokens, 0 without
    dropped: int  # records with more


class Fitting:
    """Counts records on their way, and drops those with more tokens than `most` (0: none)."""

    def __init__(self, name: str, most: int) -> None:
        self._name, self._most = name, most
        self._counter = counter(name)
        self._lengths: list[int] = []
        self._total = 0

    def measured(self, view: View, records: Iterator[Record]) -> Iterator[Record]:
        """The records with their counts."""
        while block := list(itertools.islice(records, _BLOCK)):
            texts = [texts_of(view, record) for record in block]
            different = list(dict.fromkeys(text for found in texts for text in found.values()))
            counts = dict(zip(different, self._counter.counts(different), strict=True))
            for record, found in zip(block, texts, strict=True):
                own = {name: counts[text] for name, text in found.items()}
                length = sum(own.values())
                self._lengths.append(length)
                if self._most and length > self._most:
                    continue
                self._total += length
                yield record | tokens_of(own)

    def fit(self) -> Fit:
        """What was counted."""
        ordered = sorted(self._lengths)
        shares = {
            str(size): round(sum(length <= size for length in ordered) / max(len(ordered), 1), 4)
            for size in CONTEXTS
        }
        return Fit(
            tokenizer=self._name,
            total=self._total,
            median=ordered[len(ordered) // 2] if ordered else 0,
            longest=ordered[-1] if ordered else 0,
            fits=shares,
            most=self._most,
            dropped=sum(bool(self._most) and length > self._most for length in ordered),
        )
