"""Damage of finished datasets is seen by whatever reads them, and named in a sentence."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

import warpgen
from tests.support import imaginary
from tests.support.readers import READERS, again, samples, tables, told
from warpgen import resume, stats, verify
from warpgen.errors import DamageError, UsageError
from warpgen.paths import dataset_path, manifest_path

RECIPE = imaginary.recipe_of(rows=40)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with both datasets of 40 imaginary programs, and beside it one of other programs."""
    folder = tmp_path_factory.mktemp("finished")
    with contextlib.redirect_stdout(io.StringIO()):
        imaginary.produce(folder / "root", RECIPE)
        imaginary.produce(folder / "other", imaginary.recipe_of(rows=30))
    return folder / "root"


@pytest.fixture
def root(finished: Path, tmp_path: Path) -> Path:
    """A copy to be damaged."""
    return shutil.copytree(finished, tmp_path / "root", symlinks=True)


def _flipped(data: bytes, finished: Path) -> bytes:
    """In a text, so that every row is still one."""
    return data.replace(b"k = 1", b"k = 3", 1)


def _shorter(data: bytes, finished: Path) -> bytes:
    """By its last row, whole."""
    return b"".join(data.splitlines(keepends=True)[:-1])


def _longer(data: bytes, finished: Path) -> bytes:
    """By a row of its own."""
    return data + data.splitlines(keepends=True)[-1]


def _swapped(data: bytes, finished: Path) -> bytes:
    """With two rows in each other's place."""
    first, second, *rest = data.splitlines(keepends=True)
    return b"".join([second, first, *rest])


def _of_the_other_target(data: bytes, finished: Path) -> bytes:
    return dataset_path(finished, "cpu" if b'"target":"cuda"' in data else "cuda").read_bytes()


def _of_another_recipe(data: bytes, finished: Path) -> bytes:
    return dataset_path(finished.with_name("other"), "cpu").read_bytes()


def _empty(data: bytes, finished: Path) -> bytes:
    return b""


Damage = Callable[[bytes, Path], bytes]
SAME_SIZE: tuple[Damage, ...] = (_flipped, _swapped)
OTHER_SIZE: tuple[Damage, ...] = (_shorter, _longer, _of_the_other_target, _of_another_recipe, _empty)
ALL = {**READERS, "samples": samples, "run": again(RECIPE)}


def test_all_is_well_with_what_is_whole(root: Path) -> None:
    """No reader complains."""
    assert {name: told(reader, root) for name, reader in ALL.items()} == dict.fromkeys(ALL, "")


@pytest.mark.parametrize("damage", [*SAME_SIZE, *OTHER_SIZE])
@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_every_reader_sees_it(root: Path, finished: Path, target: str, damage: Damage) -> None:
    """Whichever of the two datasets it is, and whatever was done to it."""
    path = dataset_path(root, "cpu" if target == "cpu" else "cuda")
    path.write_bytes(damage(path.read_bytes(), finished))
    sentences = {name: told(reader, root) for name, reader in ALL.items()}
    assert [name for name, sentence in sentences.items() if target not in sentence] == []
    with pytest.raises(UsageError, match=f"{target}_code_dataset"):
        resume.main(["--root", str(root)])


@pytest.mark.parametrize("damage", OTHER_SIZE)
def test_the_tables_come_with_what_costs_nothing(root: Path, finished: Path, damage: Damage) -> None:
    """`stats` alone compares the sizes."""
    path = dataset_path(root, "cuda")
    path.write_bytes(damage(path.read_bytes(), finished))
    assert "its manifest says" in told(tables, root)


def test_tables_of_manifests_alone_say_so(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They may be kept without their datasets; the sentence says how to make these."""
    dataset_path(root, "cpu").unlink()
    assert stats.main(["--root", str(root)]) == 0
    assert "cpu_code_dataset.jsonl is not here: make it with `./scripts/produce" in capsys.readouterr().err
    assert [row.target for row in warpgen.open(root)][:1] == ["cuda"]


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_a_dataset_without_its_manifest_is_named(root: Path, target: str) -> None:
    """By every reader: nobody can say what it is."""
    manifest_path(root, "cpu" if target == "cpu" else "cuda").unlink()
    for name, reader in {**ALL, "stats": tables}.items():
        assert f"{target}_code_dataset.jsonl is there without" in told(reader, root), name


def test_a_run_that_overwrites_is_gone_on_with(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between new dataset and new manifest the sentence names resume, not another beginning."""

    def power_cut(*args: object) -> None:
        raise imaginary.PowerCut

    monkeypatch.setattr("warpgen.production.session.write_manifest", power_cut)
    with pytest.raises(imaginary.PowerCut), contextlib.redirect_stdout(io.StringIO()):
        imaginary.produce(root, imaginary.recipe_of(rows=50))
    for reader in (READERS["stats --html"], READERS["export"], tables):
        assert "python -m warpgen.resume" in told(reader, root)


def test_datasets_of_different_programs_make_no_pairs(root: Path, finished: Path) -> None:
    """Each is whole, but their rows do not belong together."""
    with contextlib.redirect_stdout(io.StringIO()):
        imaginary.produce(root.with_name("seed"), msgspec.structs.replace(RECIPE, seed=1))
    for of in (dataset_path, manifest_path):
        shutil.copy(of(root.with_name("seed"), "cuda"), of(root, "cuda"))
    assert "not of the same programs" in told(READERS["export"], root)


def test_verify_names_an_empty_file(tmp_path: Path) -> None:
    """No row that holds is not the same as every row holding."""
    path = tmp_path / "rows.jsonl"
    path.touch()
    with pytest.raises(UsageError, match="is empty"):
        verify.main([str(path)])


def test_verify_sees_what_was_cut_off(root: Path, finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the manifest, where it lies beside: the rows that are left say nothing of it."""
    path = dataset_path(root, "cpu")
    path.write_bytes(_shorter(path.read_bytes(), finished))
    assert verify.main([str(path), "--level", "none", "--workers", "1"]) == 1
    assert "its manifest says" in capsys.readouterr().out.splitlines()[-1]


def test_a_harvest_without_its_manifest_is_named(root: Path) -> None:
    """`stats --check` does not pass over its datasets."""
    path = root / "data" / "harvest" / "cpu_harvest.jsonl"
    path.parent.mkdir()
    path.write_bytes(imaginary.row(0, "cpu"))
    assert "harvest_manifest.json is not here" in told(READERS["stats --check"], root)
    with pytest.raises(DamageError, match="harvest_manifest"):
        warpgen.open(root, origin="harvest")
