"""How varied a dataset is and what it teaches, measured from its rows alone."""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import zstandard

from warpgen.errors import RootError
from warpgen.jsonl import rows
from warpgen.reporting.shape import Shape, shape_of
from warpgen.reporting.similarity import NearDuplicates
from warpgen.reporting.survey import quantile
from warpgen.reporting.transfer import bits_per_character, people_kernels, sample

# Figures that grow with the number of rows are taken over a fixed number, to be comparable.
FIRST_CODE, FIRST_SIGNATURES, FIRST_SIMILAR = 1_000, 2_000, 20_000

_COMMENT = re.compile(r"//[^\n]*")
_OPERATION = re.compile(r"wp::([A-Za-z_][A-Za-z0-9_]*)\s*[<(]")


class Quantiles(msgspec.Struct, frozen=True):
    """Of whole numbers over the rows."""

    p50: int
    p95: int
    max: int

    def __str__(self) -> str:
        return f"{self.p50} / {self.p95} / {self.max}"


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """Shares are of all rows unless said; "effective" is exp of the Shannon entropy of the shapes."""

    rows: int
    structures: float  # share of distinct programs, names and constants abstracted, Warp's names kept
    effective_structures: float
    skeletons: float  # the same without Warp's names
    effective_skeletons: float
    near_duplicates: float  # share of the first 20,000 rows with 70 % of their 5-grams in an earlier one
    builtins_used: int
    builtins: int  # public ones of the installed Warp
    builtins_missing: tuple[str, ...]
    signatures: int  # distinct argument annotations in the first 2,000 rows
    operations: tuple[int, int, int]  # distinct wp:: calls, pairs and triples in the first 1,000 rows' code
    zstd_ratio: float  # of the first 1,000 rows' code at level 19, comments out
    comment_share: float  # of the first 1,000 rows' code
    statements: Quantiles
    loop_depth: Quantiles
    branches: Quantiles
    arguments: Quantiles
    largest_category: float  # share of rows
    smallest_category: float
    bits_nothing: float  # bits per character of people's kernels after reading nothing
    bits_read: float  # after reading 1 MB of this dataset's Python


class _Called(msgspec.Struct):
    builtins: tuple[str, ...]


class _Row(msgspec.Struct):
    python_source: str
    code: str
    category: str
    features: _Called


def measure(path: Path) -> Quality:
    """All figures of the dataset at `path`; about 5 ms a row. Raises RootError when it holds no row."""
    shapes, code, similar = _Shapes(), _Code(), NearDuplicates()
    called: set[str] = set()
    categories: Counter[str] = Counter()
    for number, (_, row) in enumerate(rows(path, _Row)):
        shapes.add(shape_of(row.python_source))
        categories[row.category] += 1
        called.update(row.features.builtins)
        if number < FIRST_CODE:
            code.add(row.code)
        if number < FIRST_SIMILAR:
            similar.add(row.python_source)
    count = categories.total()
    if not count:
        raise RootError(f"{path.name} holds no row, so there is nothing to measure")
    kernels = people_kernels()
    return Quality(
        rows=count,
        near_duplicates=similar.share,
        largest_category=max(categories.values()) / count,
        smallest_category=min(categories.values()) / count,
        bits_nothing=bits_per_character(b"", kernels),
        bits_read=bits_per_character(sample(path), kernels),
        **_coverage(called),
        **shapes.figures(),
        **code.figures(),
    )


class _Shapes:
    """Sums over the programs' shapes."""

    def __init__(self) -> None:
        self._structures, self._skeletons = array("Q"), array("Q")
        self._signatures: set[tuple[str, ...]] = set()
        self._sizes: dict[str, Counter[int]] = {
            name: Counter() for name in ("statements", "loop_depth", "branches", "arguments")
        }

    def add(self, shape: Shape) -> None:
        if len(self._structures) < FIRST_SIGNATURES:
            self._signatures.add(shape.signature)
        self._structures.append(shape.structure)
        self._skeletons.append(shape.skeleton)
        self._sizes["statements"][shape.statements] += 1
        self._sizes["loop_depth"][shape.loop_depth] += 1
        self._sizes["branches"][shape.branches] += 1
        self._sizes["arguments"][len(shape.signature)] += 1

    def figures(self) -> dict[str, Any]:
        structures, skeletons = _variety(self._structures), _variety(self._skeletons)
        return {
            "structures": structures[0],
            "effective_structures": structures[1],
            "skeletons": skeletons[0],
            "effective_skeletons": skeletons[1],
            "signatures": len(self._signatures),
            **{name: _quantiles(counts) for name, counts in self._sizes.items()},
        }


class _Code:
    """Sums over the generated text of the first rows."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._all = self._comments = 0
        self._grams: tuple[set[tuple[str, ...]], ...] = (set(), set(), set())

    def add(self, code: str) -> None:
        text = _COMMENT.sub("", code)
        self._all += len(code)
        self._comments += len(code) - len(text)
        self._texts.append(text)
        words = operations(text)
        for length, grams in enumerate(self._grams, start=1):
            grams.update(windows(words, length))

    def figures(self) -> dict[str, Any]:
        text = "\n".join(self._texts).encode()
        return {
            "operations": tuple(len(grams) for grams in self._grams),
            "zstd_ratio": len(text) / len(zstandard.ZstdCompressor(level=19).compress(text)),
            "comment_share": self._comments / max(1, self._all),
        }


def _coverage(called: set[str]) -> dict[str, Any]:
    # Imports Warp, whose registry says what is public.
    from warpgen.extraction.builtins import public_names

    public = set(public_names())
    return {
        "builtins_used": len(public & called),
        "builtins": len(public),
        "builtins_missing": tuple(sorted(public - called)),
    }


def operations(code: str) -> list[str]:
    """The functions of Warp that a forward pass calls, in order; no comments, no adjoints."""
    return [name for name in _OPERATION.findall(_COMMENT.sub("", code)) if not name.startswith("adj_")]


def windows(words: list[str], length: int) -> Iterable[tuple[str, ...]]:
    """All runs of so many words."""
    return zip(*(words[start:] for start in range(length)), strict=False)


def _variety(hashes: array[int]) -> tuple[float, float]:
    """The share of distinct hashes, and how many equally common ones would be as varied."""
    _, counts = np.unique(np.frombuffer(hashes, dtype=np.uint64), return_counts=True)
    shares = counts / len(hashes)
    return len(counts) / len(hashes), math.exp(-float((shares * np.log(shares)).sum()))


def _quantiles(counts: Counter[int]) -> Quantiles:
    return Quantiles(quantile(counts, 0.5), quantile(counts, 0.95), max(counts, default=0))
