"""No near-duplicate, and no structure, on two sides of a split."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from tests.support.reporting_root import planted_root, source
from warpgen.exporting.clusters import alike
from warpgen.exporting.export import Request, export
from warpgen.reporting.similarity import token_grams
from warpgen.split import split_of


def crossings(rows: list[dict[str, str]]) -> int:
    """Pairs of near-duplicates in different splits, by looking at every pair."""
    sets = [np.array(sorted(token_grams(row["python_source"])), np.uint64) for row in rows]
    return sum(
        alike(sets[a], sets[b])
        for a, b in combinations(range(len(rows)), 2)
        if rows[a]["split"] != rows[b]["split"]
    )


def test_no_near_duplicates_cross_a_split(tmp_path: Path) -> None:
    """The rows' own splits, drawn by structure, part planted pairs; the export's part none."""
    planted_root(tmp_path / "root")
    own = [
        {"python_source": source(i % 60, i // 60), "split": str(split)}
        for i, split in enumerate(
            split_of(f"{i * 0x9E3779B1 % 2**32:08x}", validation=20, test=20) for i in range(180)
        )
    ]
    assert crossings(own) > 0
    export(Request(root=tmp_path / "root", out=tmp_path / "out", format="parquet", shares=(60, 20, 20)))
    made = pq.read_table(tmp_path / "out").to_pylist()
    assert len({row["split"] for row in made}) == 3
    assert len({row["cluster"] for row in made}) == 60
    assert crossings(made) == 0


def test_the_split_is_that_of_the_clusters_first_program(tmp_path: Path) -> None:
    """Alone, a program stays in the split of its row; in company, it goes where the first one is."""
    planted_root(tmp_path / "root")
    summary = export(
        Request(root=tmp_path / "root", out=tmp_path / "out", format="parquet", shares=(98, 1, 1))
    )
    made = pq.read_table(tmp_path / "out").to_pylist()
    structures = {row["kernel_id"]: row["structure_hash"] for row in made}
    assert all(row["split"] == split_of(structures[row["cluster"]]) for row in made)
    assert summary.clusters == {
        "kernels": 180,
        "clusters": 60,
        "largest": 3,
        "moved": sum(
            row["split"] != split_of(row["structure_hash"]) for row in made if row["target"] == "cpu"
        ),
    }
    assert summary.clusters["moved"] > 0


def test_files_hold_their_own_split(tmp_path: Path) -> None:
    """Without --split there is one."""
    planted_root(tmp_path / "root", families=20)
    for shares in (None, (60, 20, 20)):
        out = tmp_path / f"out-{shares is None}"
        summary = export(Request(root=tmp_path / "root", out=out, format="parquet", shares=shares))
        for file in summary.files:
            assert set(pq.read_table(out / file.path)["split"].to_pylist()) == {file.split}
        assert set(summary.splits) == ({"train"} if shares is None else {"train", "validation", "test"})


def test_shares_are_percentages() -> None:
    """As many structures fall into each part as were asked for."""
    structures = [f"{k * 0x9E3779B1 % 2**32:08x}" for k in range(20_000)]
    found = [split_of(structure, validation=10, test=20) for structure in structures]
    assert abs(found.count("test") - 4_000) < 200
    assert abs(found.count("validation") - 2_000) < 200
