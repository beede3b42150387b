"""What a manifest holds, and that only a whole one is read."""

from __future__ import annotations

import shlex
from pathlib import Path

import msgspec
import pytest
from reporting_root import finished_root

from warpgen import __version__
from warpgen.errors import DamageError, RootError
from warpgen.extraction.versions import warp_version
from warpgen.recipe import Recipe
from warpgen.reporting import manifest as manifests
from warpgen.reporting.manifest import command, manifest_path, read


@pytest.fixture
def path(tmp_path: Path) -> Path:
    finished_root(tmp_path, ("cpu",))
    return manifest_path(tmp_path, "cpu")


def test_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Reading gives back every field, and no temporary file stays."""
    written = finished_root(tmp_path)
    assert written == {target: read(manifest_path(tmp_path, target)) for target in written}
    names = sorted(p.name for p in (tmp_path / "manifests").iterdir())
    assert names == ["cpu_manifest.json", "cuda_manifest.json"]


def test_holds_no_path_of_the_machine(path: Path, tmp_path: Path) -> None:
    """Paths are relative to the root."""
    assert read(path).file == "data/production_cpu/cpu_code_dataset.jsonl"
    assert str(tmp_path) not in path.read_text()


def test_missing_manifest_says_how_to_make_one(tmp_path: Path) -> None:
    """Where there is no manifest the error names the command."""
    with pytest.raises(RootError, match=r"python -m warpgen\.run"):
        read(manifest_path(tmp_path, "cpu"))


def test_cut_manifest_is_damage_wherever_it_is_cut(path: Path) -> None:
    """No prefix of a manifest passes for one."""
    data = path.read_bytes().rstrip()
    for length in (*range(0, len(data), 97), len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(DamageError, match="restore it from version control"):
            read(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"target": "cpu"', b'"target": "gpu"'),
        (b'"workers": 2', b'"workers": "two"'),
        (b'"format": 1', b'"format": 2'),
        (b'"licence"', b'"license"'),
        (b'"engine": "local"', b'"engine": "local", "extra": 1'),
        (b'"engine": "local"', b'"engine": "lo\xffcal"'),
    ],
)
def test_wrong_content_is_damage(path: Path, old: bytes, new: bytes) -> None:
    """Wrong types, unknown values, unknown fields and broken text are refused."""
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))
    with pytest.raises(DamageError):
        read(path)


def test_too_large_a_file_is_not_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file over the limit is no manifest."""
    monkeypatch.setattr(manifests, "LARGEST", 100)
    with pytest.raises(DamageError, match="too large"):
        read(path)


def test_manifest_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A folder in the manifest's place is told from damage."""
    manifest_path(tmp_path, "cpu").mkdir(parents=True)
    with pytest.raises(RootError, match="cannot be read"):
        read(manifest_path(tmp_path, "cpu"))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"target": "cuda", "size": None, "rows": 12, "seed": 7},
        {"size": 8 * 2**20, "complexity": "small"},
        {
            "size": 1000,
            "categories": {"vector": 2.0, "matrix": 0.25},
            "gradients": "strict",
        },
    ],
)
def test_command_makes_the_recipe_again(changes: dict[str, object]) -> None:
    """The command line, parsed as `run` does, gives the same recipe."""
    from warpgen.command import Parser
    from warpgen.production import request

    recipe = Recipe(verify="none", warpgen=__version__, warp=warp_version())
    recipe = msgspec.structs.replace(recipe, **changes)
    words = shlex.split(command(recipe))
    assert words[0] == "./scripts/produce"
    parser = Parser("run", "")
    request.add_recipe(parser)
    assert recipe == request.recipe_of(parser.parse_args(words[1:]))
