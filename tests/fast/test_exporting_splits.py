"""No near-duplicate, and no structure, on two sides of a split."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from tests.support.reporting_root import CIRCUMSTANCES, row, write_rows
from warpgen.exporting.clusters import alike
from warpgen.exporting.export import Request, export
from warpgen.paths import dataset_path
from warpgen.recipe import Recipe
from warpgen.record import TARGETS, Row
from warpgen.reporting.manifest import write_manifest
from warpgen.reporting.similarity import token_grams
from warpgen.split import split_of


def source(family: int, member: int) -> str:
    """Programs of a family differ in one word of forty; families share nothing."""
    words = [f"name_{family}_{k}" for k in range(40)]
    words[member + 5] = f"other_{member}"
    return " ".join(words)


def planted_root(root: Path, families: int = 60, members: int = 3) -> None:
    """Near-duplicates far apart in the files, whose structures would put them in different splits."""
    recipe = Recipe(target="both", size=None, rows=families * members, warpgen="0.1.0", warp="1.19.0")
    for target in TARGETS:
        made: list[Row] = []
        for index in range(families * members):
            text = source(index % families, index // families)
            structure = f"{index * 0x9E3779B1 % 2**32:08x}" + "0" * 16 + f"{index:08x}"
            changes = {"python_source": text, "structure_hash": structure, "split": split_of(structure)}
            made.append(row(index, target, **changes))
        write_rows(dataset_path(root, target), made)
        write_manifest(root, target, recipe, CIRCUMSTANCES, {}, [])


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
