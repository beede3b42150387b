"""Every figure of a dataset, from one pass over its file.

The manifest's writer and `stats --check` both call `survey`, so no figure in a manifest can exist
that cannot be computed again from the file alone.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from bisect import bisect_right
from collections import Counter
from pathlib import Path
from typing import get_type_hints

import msgspec
import xxhash

from warpgen.errors import DamageError
from warpgen.jsonl import rows
from warpgen.record import Features, Provenance, Verified

# The least value of every bucket of a histogram: half octaves up to more than any row can hold.
BUCKETS = (0, 1, *sorted({factor << power for power in range(40) for factor in (2, 3)}))

# Types that programs call, as `wp.float32(x)`: rows list them, and Warp's manual has them among no builtins.
_TYPE = re.compile(r"bool|u?int(8|16|32|64)|b?float(16|32|64)")

_LONGEST_NAME = 200  # characters of a category, a builtin, a licence ...
_MOST_NAMES = 100_000  # different ones of a kind

_COUNTS = tuple(name for name, kind in get_type_hints(Features).items() if kind is int)


class Spread(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one whole number is distributed over the rows.

    A quantile q is the value at place int(q * (rows - 1)) in ascending order. `histogram` counts rows
    by half octave, each bucket named by its least value: 0, 1, 2, 3, 4 (4-5), 6 (6-7), 8 (8-11), 12 ...
    """

    p50: int
    p95: int
    max: int
    total: int
    histogram: dict[int, int]


class Share(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The part of a dataset that one category holds; bytes are those of its lines."""

    rows: int
    bytes: int


class Survey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a finished dataset file holds. Tables are sorted by name and count rows."""

    rows: int
    bytes: int
    xxh3_128: str
    sha256: str
    kernels: int  # distinct kernel_id
    sources: int  # distinct source_hash
    structures: int  # distinct structure_hash
    last_index: int  # the greatest program index with a row, -1 where there is no row
    with_backward: int
    differentiable: int
    categories: dict[str, Share]
    sizes: dict[str, Spread]  # bytes: row (with its line end), python, code; characters: forward, backward
    features: dict[str, Spread]
    builtins: dict[str, int]
    dtypes: dict[str, int]
    splits: dict[str, int]
    origins: dict[str, int]
    licences: dict[str, int]
    versions: dict[str, int]
    verdicts: dict[str, dict[str, int]]  # check -> verdict -> rows
    references: dict[str, int] = {}  # what outputs were compared with, such as `oracle + widened` -> rows

    @property
    def called(self) -> dict[str, int]:
        """`builtins` without conversions to scalars: what every count of builtins counts."""
        return {name: rows for name, rows in self.builtins.items() if not _TYPE.fullmatch(name)}

    @property
    def adjoint_share(self) -> float:
        """Share of rows, 0 ... 1, whose code has an adjoint."""
        return self.with_backward / max(1, self.rows)


class SurveyedRow(msgspec.Struct, frozen=True):
    """The fields of a row that its figures come from; the others are skipped while decoding."""

    kernel_id: str
    category: str
    python_source: str
    code: str
    forward: tuple[int, int]
    backward: tuple[int, int]
    features: Features
    source_hash: str
    structure_hash: str
    split: str
    verified: Verified
    provenance: Provenance


class Surveyor:
    """Takes the rows of a dataset one at a time; memory grows by 24 bytes a row (three hashes)."""

    def __init__(self) -> None:
        self._xxh = xxhash.xxh3_128()
        self._sha = hashlib.sha256()
        self._rows = self._bytes = 0
        self._last_index = -1
        self._with_backward = self._differentiable = 0
        self._distinct = {name: array("Q") for name in ("kernel_id", "source_hash", "structure_hash")}
        self._category_rows: Counter[str] = Counter()
        self._category_bytes: Counter[str] = Counter()
        self._sizes: dict[str, Counter[int]] = {
            name: Counter() for name in ("row", "python", "code", "forward", "backward")
        }
        self._features: dict[str, Counter[int]] = {name: Counter() for name in (*_COUNTS, "builtins")}
        self._builtins: Counter[str] = Counter()
        self._dtypes: Counter[str] = Counter()
        self._tables: dict[str, Counter[str]] = {
            name: Counter() for name in ("splits", "origins", "licences", "versions")
        }
        self._verdicts: dict[str, Counter[str]] = {}
        self._references: Counter[str] = Counter()

    def add(self, line: bytes, row: SurveyedRow) -> None:
        """Count one line and what it holds."""
        self._xxh.update(line)
        self._sha.update(line)
        self._rows += 1
        self._bytes += len(line)
        self._count(row, len(line))

    def _count(self, row: SurveyedRow, size: int) -> None:
        self._check_names(row)
        self._last_index = max(self._last_index, row.provenance.index)
        self._with_backward += row.backward[1] > row.backward[0]
        self._differentiable += row.features.differentiable
        for name, hashes in self._distinct.items():
            hashes.append(xxhash.xxh3_64_intdigest(getattr(row, name).encode()))
        self._category_rows[row.category] += 1
        self._category_bytes[row.category] += size
        self._count_sizes(row, size)
        self._count_features(row.features)
        self._tables["splits"][row.split] += 1
        self._tables["origins"][row.provenance.origin] += 1
        self._tables["licences"][row.provenance.licence] += 1
        self._tables["versions"][f"warpgen {row.provenance.warpgen}, warp {row.provenance.warp}"] += 1
        for check, verdict in row.verified.verdicts.items():
            self._verdicts.setdefault(check, Counter())[verdict] += 1
        if row.verified.forward.references:
            self._references[row.verified.forward.references] += 1

    def _check_names(self, row: SurveyedRow) -> None:
        """The tables grow with the names that rows hold: a forged dataset must not fill memory by them."""
        origin = row.provenance
        names = [row.category, row.split, origin.origin, origin.licence, origin.warpgen, origin.warp]
        names += [*row.features.builtins, *row.features.dtypes, row.verified.forward.references]
        tables = (self._category_rows, self._builtins, self._dtypes, self._references, *self._tables.values())
        longest, most = max(map(len, names)), max(map(len, tables))
        if longest > _LONGEST_NAME or most > _MOST_NAMES:
            raise DamageError(f"row {self._rows} holds names that no row of warpgen has")

    def _count_sizes(self, row: SurveyedRow, size: int) -> None:
        sizes = self._sizes
        sizes["row"][size] += 1
        sizes["python"][_utf8_length(row.python_source)] += 1
        sizes["code"][_utf8_length(row.code)] += 1
        sizes["forward"][row.forward[1] - row.forward[0]] += 1
        sizes["backward"][row.backward[1] - row.backward[0]] += 1

    def _count_features(self, features: Features) -> None:
        for name in _COUNTS:
            self._features[name][getattr(features, name)] += 1
        self._features["builtins"][len(features.builtins)] += 1
        self._builtins.update(features.builtins)
        self._dtypes.update(features.dtypes)

    def finish(self) -> Survey:
        """The figures of all lines taken so far."""
        distinct = {name: _distinct(hashes) for name, hashes in self._distinct.items()}
        return Survey(
            rows=self._rows,
            bytes=self._bytes,
            xxh3_128=self._xxh.hexdigest(),
            sha256=self._sha.hexdigest(),
            kernels=distinct["kernel_id"],
            sources=distinct["source_hash"],
            structures=distinct["structure_hash"],
            last_index=self._last_index,
            with_backward=self._with_backward,
            differentiable=self._differentiable,
            categories={
                name: Share(self._category_rows[name], self._category_bytes[name])
                for name in sorted(self._category_rows)
            },
            sizes={name: _spread(counts) for name, counts in self._sizes.items()},
            features={name: _spread(counts) for name, counts in self._features.items()},
            builtins=_sorted(self._builtins),
            dtypes=_sorted(self._dtypes),
            **{name: _sorted(counts) for name, counts in self._tables.items()},
            verdicts={check: _sorted(self._verdicts[check]) for check in sorted(self._verdicts)},
            references=_sorted(self._references),
        )


def survey(path: Path) -> Survey:
    """The figures of the dataset at `path`; raises DamageError naming the first damaged row."""
    surveyor = Surveyor()
    for line, row in rows(path, SurveyedRow):
        surveyor.add(line, row)
    return surveyor.finish()


def quantile(counts: Counter[int], q: float) -> int:
    """The value at place int(q * (n - 1)) of the n counted values in ascending order; 0 of none."""
    place = int(q * (counts.total() - 1))
    for value in sorted(counts):
        place -= counts[value]
        if place < 0:
            return value
    return 0


def _spread(counts: Counter[int]) -> Spread:
    buckets: Counter[int] = Counter()
    for value, count in counts.items():
        buckets[BUCKETS[bisect_right(BUCKETS, value) - 1]] += count
    return Spread(
        p50=quantile(counts, 0.5),
        p95=quantile(counts, 0.95),
        max=max(counts, default=0),
        total=sum(value * count for value, count in counts.items()),
        histogram={low: buckets[low] for low in sorted(buckets)},
    )


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return {name: counts[name] for name in sorted(counts)}


def _distinct(hashes: array[int]) -> int:
    import numpy as np  # not loaded by who only reads manifests

    return int(np.unique(np.frombuffer(hashes, dtype=np.uint64)).size)


def _utf8_length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
