"""The one pass over a dataset that all figures come from."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from tests.support.reporting_root import BACKWARD, FORWARD, row, write_rows
from warpgen import jsonl as reading
from warpgen.errors import DamageError
from warpgen.reporting.survey import BUCKETS, Share, Spread, quantile, survey


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    path = tmp_path / "dataset.jsonl"
    write_rows(path, [row(index) for index in range(5)])
    return path


def test_counts_rows_bytes_and_checksums(dataset: Path) -> None:
    """Rows, bytes and both checksums are those of the file."""
    data = dataset.read_bytes()
    figures = survey(dataset)
    expected = (5, len(data), xxhash.xxh3_128_hexdigest(data), hashlib.sha256(data).hexdigest())
    assert expected == (figures.rows, figures.bytes, figures.xxh3_128, figures.sha256)


def test_counts_categories_in_rows_and_bytes(dataset: Path) -> None:
    """A category's bytes are those of its lines."""
    lengths = [len(line) for line in dataset.read_bytes().splitlines(keepends=True)]
    expected = {"matrix": Share(2, lengths[1] + lengths[3]), "vector": Share(3, sum(lengths[0::2]))}
    assert expected == survey(dataset).categories


def test_counts_what_rows_contain(dataset: Path) -> None:
    """Tables of builtins, types, checks and origins count rows."""
    figures = survey(dataset)
    assert figures.builtins == {"sin": 2, "tid": 5}
    assert figures.dtypes == {"float32": 5}
    assert figures.verdicts == {"compile": {"pass": 5}}
    assert figures.origins == {"synthesis": 5}
    assert figures.versions == {"warpgen 0.1.0, warp 1.19.0": 5}
    assert (figures.with_backward, figures.differentiable, figures.last_index) == (5, 5, 4)


def test_spreads_hold_quantiles_totals_and_half_octaves(dataset: Path) -> None:
    """A spread gives the quantiles by place and the histogram by half octave."""
    figures = survey(dataset)
    assert Spread(6, 7, 8, 30, {4: 2, 6: 2, 8: 1}) == figures.features["statements"]
    assert Spread(1, 1, 2, 4, {0: 2, 1: 2, 2: 1}) == figures.features["branches"]
    assert len(FORWARD) == figures.sizes["forward"].max
    assert len(BACKWARD) == figures.sizes["backward"].p50


def test_sizes_are_bytes_of_utf8(tmp_path: Path) -> None:
    """A character outside ASCII counts with all its bytes."""
    path = tmp_path / "dataset.jsonl"
    write_rows(path, [row(0, python_source="# é\n")])
    assert survey(path).sizes["python"].total == 5


def test_distinct_hashes_are_counted_once(tmp_path: Path) -> None:
    """Two rows of one structure are one structure."""
    path = tmp_path / "dataset.jsonl"
    write_rows(path, [row(0), row(1, structure_hash=row(0).structure_hash)])
    figures = survey(path)
    assert (figures.kernels, figures.sources, figures.structures) == (2, 2, 1)


def test_empty_dataset_has_no_figures(tmp_path: Path) -> None:
    """A file without rows is surveyed too."""
    path = tmp_path / "dataset.jsonl"
    path.write_bytes(b"")
    figures = survey(path)
    assert (figures.rows, figures.bytes, figures.last_index, figures.categories) == (0, 0, -1, {})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:-1], "row 5 of dataset.jsonl is cut off"),
        (lambda data: data[:-100], "row 5 of dataset.jsonl is cut off"),
        (lambda data: data + b"{}\n", "row 6 of dataset.jsonl is damaged"),
        (lambda data: b"\x00" + data, "row 1 of dataset.jsonl is damaged"),
        (
            lambda data: data.replace(b'"category":"matrix"', b'"category":7', 1),
            "row 2 of dataset.jsonl is damaged",
        ),
        (lambda data: data.replace(b"void scale", b"void \xffcale", 1), "row 1 of dataset.jsonl is damaged"),
    ],
)
def test_damage_is_named_by_row(dataset: Path, damage, message: str) -> None:  # type: ignore[no-untyped-def]
    """A row that is cut, no JSON or of the wrong types is named by its number."""
    dataset.write_bytes(damage(dataset.read_bytes()))
    with pytest.raises(DamageError, match=message):
        survey(dataset)


def test_a_line_without_end_does_not_fill_the_memory(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line longer than any row is refused after the limit, not read to its end."""
    monkeypatch.setattr(reading, "LONGEST_ROW", 1000)
    dataset.write_bytes(json.dumps({"kernel_id": "x" * 5000}).encode() + b"\n")
    with pytest.raises(DamageError, match=r"row 1 of dataset\.jsonl is cut off"):
        survey(dataset)


@given(st.lists(st.integers(0, 50), min_size=1), st.floats(0, 1))
def test_quantile_is_the_value_at_its_place(values: list[int], q: float) -> None:
    """Counting values and sorting them give the same quantile."""
    assert sorted(values)[int(q * (len(values) - 1))] == quantile(Counter(values), q)


def test_buckets_are_half_octaves() -> None:
    """Buckets grow by a half and a third in turn."""
    assert BUCKETS[:11] == (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
