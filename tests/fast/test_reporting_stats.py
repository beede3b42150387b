"""`stats`: tables from the manifest alone, and figures computed again with --check."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.reporting_root import finished_root, row, write_rows
from warpgen import stats
from warpgen.errors import RootError, UsageError
from warpgen.paths import dataset_path, manifest_path
from warpgen.reasons import Reason, sentence
from warpgen.reporting.check import first_difference


@pytest.fixture
def root(tmp_path: Path) -> Path:
    finished_root(tmp_path)
    return tmp_path


def _leaves(value: Any, place: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if isinstance(value, dict):
        return [leaf for key in value for leaf in _leaves(value[key], (*place, key))]
    return [place]


def test_prints_tables_from_the_manifests_alone(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --check the data need not be there."""
    for target in ("cpu", "cuda"):
        dataset_path(root, target).unlink()
    assert stats.main(["--root", str(root)]) == 0
    text = capsys.readouterr().out
    for expected in (
        "production_cpu",
        "production_cuda",
        "matrix",
        "60.0 %",
        "█",
        "tid",
        "no overload of wp.sin",
    ):
        assert expected in text


def test_what_gave_no_row_is_shown_where_there_is_any(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run without repeats and failures has no table of them."""
    for losses, tables in (({}, 2), ({"dropped": {"duplicate": {}}, "failures": [], "refused": {}}, 0)):
        for target in ("cpu", "cuda"):
            path = manifest_path(root, target)
            path.write_text(json.dumps(json.loads(path.read_text()) | losses | {"seal": ""}))
        assert stats.main(["--root", str(root)]) == 0
        assert capsys.readouterr().out.count("programs that gave no row") == tables


def test_a_word_for_failures_stands_beside_what_it_says(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the target's compiler said it; a word of no check has nothing beside it."""
    monkeypatch.setenv("COLUMNS", "200")
    counts = {"blind": 3, "cuda compile": 2, "no overload of wp.sin": 1}
    path = manifest_path(root, "cuda")
    told = json.loads(path.read_text()) | {"refused": {"verification": counts}, "seal": ""}
    path.write_text(json.dumps(told))
    assert stats.main(["--root", str(root), "--target", "cuda"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for word, count in counts.items():
        (line,) = [
            line for line in lines if f" {word} " in line and line.startswith("  failed: verification")
        ]
        assert line.split(word, 1)[1].strip().split(maxsplit=1) == [
            str(count),
            *filter(None, [sentence(word)]),
        ]
    assert sentence("cuda compile") == Reason.COMPILE.sentence


def test_json_is_the_manifests(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--json prints the manifests of the targets asked for."""
    assert stats.main(["--root", str(root), "--json", "--target", "cuda"]) == 0
    expected = {"cuda": json.loads(manifest_path(root, "cuda").read_text())}
    assert expected == json.loads(capsys.readouterr().out)


def test_check_passes_on_a_true_manifest(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--check exits 0 and says so for each target."""
    assert stats.main(["--root", str(root), "--check"]) == 0
    assert capsys.readouterr().out.count("agrees with the dataset") == 2


def test_check_names_every_figure_that_is_changed(root: Path) -> None:
    """Whatever figure of a manifest is changed, the check names that very figure."""
    path = manifest_path(root, "cpu")
    original = path.read_text()
    for place in _leaves(json.loads(original)["figures"]):
        manifest = json.loads(original)
        inner = manifest["figures"]
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = inner[place[-1]] + 1 if isinstance(inner[place[-1]], int) else "0"
        path.write_text(json.dumps(manifest))
        difference = first_difference(root, "cpu")
        assert difference is not None
        assert difference.startswith(".".join(("figures", *place)) + ": the manifest says ")


@pytest.mark.parametrize(
    ("name", "value"), [("command", "rm"), ("recipe_hash", "0"), ("file", "elsewhere"), ("target", "cuda")]
)
def test_check_names_what_the_recipe_contradicts(root: Path, name: str, value: str) -> None:
    """The parts of a manifest that follow from its recipe are checked too."""
    path = manifest_path(root, "cpu")
    path.write_text(json.dumps(json.loads(path.read_text()) | {name: value}))
    difference = first_difference(root, "cpu")
    assert difference is not None
    assert difference.startswith(("figures.sha256" if name == "target" else name) + ":") or name == "target"


def test_check_finds_a_flipped_byte(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A byte changed in a row exits 1 with the checksum that differs."""
    path = dataset_path(root, "cpu")
    path.write_bytes(path.read_bytes().replace(b"void", b"woid", 1))
    assert stats.main(["--root", str(root), "--check"]) == 1
    assert "cpu: figures.xxh3_128: the manifest says" in capsys.readouterr().err


def test_check_names_a_damaged_row(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A cut dataset exits 1 and names the row."""
    path = dataset_path(root, "cuda")
    path.write_bytes(path.read_bytes()[:-10])
    assert stats.main(["--root", str(root), "--check"]) == 1
    assert "row 5 of cuda_code_dataset.jsonl is cut off" in capsys.readouterr().err


def test_check_without_data_names_the_command(root: Path) -> None:
    """A manifest whose dataset is gone says how to make it again."""
    dataset_path(root, "cpu").unlink()
    with pytest.raises(RootError, match=r"\./scripts/produce --target both --rows 5"):
        stats.main(["--root", str(root), "--check"])


def test_check_holds_the_dataset_to_its_recipe(tmp_path: Path) -> None:
    """A dataset with fewer rows than its recipe asks for is found."""
    finished_root(tmp_path, ("cpu",))
    path = manifest_path(tmp_path, "cpu")
    manifest = json.loads(path.read_text())
    manifest["recipe"]["rows"] = 6
    path.write_text(json.dumps(manifest))
    assert "recipe_hash" in (first_difference(tmp_path, "cpu") or "")


@pytest.mark.parametrize("key", ["dropped", "failures"])
def test_check_misses_programs_that_nobody_accounts_for(root: Path, key: str) -> None:
    """Rows, repeats and failures must add up to the programs made."""
    path = manifest_path(root, "cpu")
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {key: type(manifest[key])()}))
    difference = first_difference(root, "cpu")
    assert difference is not None
    assert difference.startswith("dropped and failures: ")


@pytest.mark.parametrize("arguments", [[], ["--target", "cuda"], ["--check"], ["--quality"], ["--json"]])
def test_nothing_there_is_one_clear_sentence(tmp_path: Path, arguments: list[str]) -> None:
    """Without a finished dataset the error says how to make one."""
    with pytest.raises(UsageError, match=r"python -m warpgen\.run"):
        stats.main(["--root", str(tmp_path), *arguments])


def test_an_unfinished_run_is_told_from_nothing(tmp_path: Path) -> None:
    """Where a run stopped half-way the error names the command that goes on."""
    (tmp_path / "data" / "work").mkdir(parents=True)
    with pytest.raises(RootError, match=r"python -m warpgen\.resume"):
        stats.main(["--root", str(tmp_path)])


@pytest.mark.parametrize(
    "arguments",
    [["--check", "--json"], ["--markdown"], ["--check", "--quality"], ["--json", "--markdown", "--quality"]],
)
def test_options_that_do_not_go_together_are_refused(root: Path, arguments: list[str]) -> None:
    """No option is silently left out."""
    with pytest.raises(UsageError, match=r"--json|--check|--markdown"):
        stats.main(["--root", str(root), *arguments])


def test_only_one_target_is_enough(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With one dataset there, that one is shown."""
    finished_root(tmp_path, ("cuda",))
    assert stats.main(["--root", str(tmp_path)]) == 0
    assert "production_cpu" not in capsys.readouterr().out


def test_control_characters_of_rows_do_not_reach_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A category with an escape sequence is shown as text."""
    from tests.support.reporting_root import CIRCUMSTANCES
    from warpgen.recipe import Recipe
    from warpgen.reporting.manifest import write_manifest

    write_rows(dataset_path(tmp_path, "cpu"), [row(0, category="a\x1b[31m\u202eb[bold]")])
    write_manifest(tmp_path, "cpu", Recipe(target="cpu", size=None, rows=1), CIRCUMSTANCES, {}, [])
    assert stats.main(["--root", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "a\\x1b[31m\\u202eb[bold]" in text
    assert "\x1b" not in text
