"""What a merge keeps, drops and counts, on imaginary programs."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.support.commands import files
from tests.support.imaginary import hashes, produce, recipe_of, refused, row, wrong
from warpgen.errors import RootError
from warpgen.paths import manifest_path
from warpgen.record import TARGETS, Target
from warpgen.reporting.manifest import read


def expected(target: Target, rows: int) -> tuple[bytes, dict[str, int], int]:
    """The dataset by a plain reading of the rules: bytes, repeats by kind, failures."""
    kept: dict[bytes, bytes] = {}
    repeats = {"source": 0, "structure": 0}
    lines: list[bytes] = []
    failures = index = wrongs = 0
    while len(lines) < rows:
        source, structure = hashes(index)
        if structure in kept:
            repeats["source" if kept[structure] == source else "structure"] += 1
        else:
            kept[structure] = source
            if refused(index, target) or (wrong(index) and 10 * (wrongs + 1) > len(lines) + 1):
                failures += 1
            else:
                wrongs += wrong(index)
                lines.append(row(index, target))
        index += 1
    return b"".join(lines), repeats, failures


@pytest.mark.parametrize("target", TARGETS)
def test_rows_repeats_and_failures_follow_the_rules(tmp_path: Path, target: Target) -> None:
    """The dataset and its manifest's counts are those of a plain reading of the rules."""
    produce(tmp_path, recipe_of(rows=300, target=target))
    lines, repeats, failures = expected(target, 300)
    manifest = read(manifest_path(tmp_path, target))
    assert files(tmp_path)[f"{target}_code_dataset.jsonl"] == lines
    assert manifest.dropped == {"duplicate": repeats}
    assert len(manifest.failures) == failures
    assert manifest.figures.last_index + 1 == 300 + sum(repeats.values()) + failures
    assert 28 <= manifest.figures.verdicts["gradient"]["wrong"] <= 30
    over = [failure for failure in manifest.failures if failure.error.startswith("wrong gradient: ")]
    assert over
    assert manifest.refused == {
        "extraction": {"no": failures - len(over)},
        "verification": {"wrong gradient": len(over)},
    }


def test_both_gives_the_same_files_as_each_alone(tmp_path: Path) -> None:
    """Neither what one target refuses nor when it is done has any influence on the other."""
    for target in (*TARGETS, "both"):
        produce(tmp_path / target, recipe_of(rows=300, target=target))
    alone = files(tmp_path / "cpu") | files(tmp_path / "cuda")
    assert files(tmp_path / "both") == alone
    manifests = [
        [
            msgspec.structs.replace(read(manifest_path(tmp_path / name, target)), **_ASIDE)
            for target in TARGETS
        ]
        for name in ("both",)
    ]
    assert manifests == [
        [msgspec.structs.replace(read(manifest_path(tmp_path / t, t)), **_ASIDE) for t in TARGETS]
    ]


# What may differ between two manifests of the same file.
_ASIDE = {"recipe": None, "recipe_hash": "", "command": "", "circumstances": None, "seal": ""}


@pytest.mark.parametrize("size", [1, 5_000, 123_456])
def test_a_dataset_ends_with_the_row_that_reaches_its_size(tmp_path: Path, size: int) -> None:
    """No row more, none less, and the two files each on their own."""
    recipe = msgspec.structs.replace(recipe_of(), rows=None, size=size)
    produce(tmp_path, recipe)
    for data in files(tmp_path).values():
        last = data.splitlines(keepends=True)[-1]
        assert len(data) - len(last) < size <= len(data)


def test_a_run_that_finds_nothing_new_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every program repeats another, the run says so and does not go on for ever."""
    monkeypatch.setattr("tests.support.imaginary.hashes", lambda index: (bytes(16), bytes(16)))
    with pytest.raises(RootError, match="gave no new row"):
        produce(tmp_path, recipe_of(rows=2))
    assert "blocked" in (tmp_path / "DATASET_STATE.md").read_text()
