"""What a manifest holds, and that only a whole one is read."""

from __future__ import annotations

import hashlib
import json
import shlex
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.reporting_root import finished_root
from warpgen import __version__
from warpgen.errors import DamageError, RootError
from warpgen.extraction.versions import warp_version
from warpgen.paths import manifest_path
from warpgen.reasons import FAULTS, ROUNDED
from warpgen.recipe import Recipe
from warpgen.reporting import manifest as manifests
from warpgen.reporting.check import first_difference
from warpgen.reporting.manifest import Failure, command, read


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


def test_failures_are_counted_by_what_their_errors_say_of_causes() -> None:
    """And by the check that they failed, whatever fault of Warp stands behind."""
    errors = (
        f"gradient: off{FAULTS}09",
        f"gradient: off{FAULTS}09",
        f"gradient: off{FAULTS}02+06",
        f"gradient: off{ROUNDED}",
        "gradient: off",
    )
    failures = [Failure(index, "verification", error) for index, error in enumerate(errors)]
    assert manifests.causes(failures) == {"02+06": 1, "09": 2, "rounding": 1}
    assert manifests.refused(failures) == {"verification": {"gradient": 5}}


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


def _leaves(value: object, place: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    if isinstance(value, dict):
        return [leaf for key in value for leaf in _leaves(value[key], (*place, key))]
    if isinstance(value, list):
        return [leaf for key, part in enumerate(value) for leaf in _leaves(part, (*place, key))]
    return [place]


def test_nothing_in_a_manifest_changes_unseen(path: Path, tmp_path: Path) -> None:
    """Whatever field is changed, figure or not, it is not read, and the check names a difference."""
    original = path.read_text()
    places = _leaves(json.loads(original))
    assert {("circumstances", "started"), ("failures", 0, "error"), ("seal",)} <= set(places)
    for place in places:
        manifest = json.loads(original)
        inner = manifest
        for key in place[:-1]:
            inner = inner[key]
        old = inner[place[-1]]
        inner[place[-1]] = old + 1 if isinstance(old, int | float) else f"{old}x"
        path.write_text(json.dumps(manifest))
        with pytest.raises(DamageError):
            read(path)
        try:
            assert first_difference(tmp_path, "cpu") is not None, place
        except DamageError:  # by its form it is no manifest any more
            continue


@given(place=st.integers(min_value=0), bit=st.integers(0, 7))
@settings(max_examples=300, derandomize=True)
def test_a_flipped_bit_is_found(
    tmp_path_factory: pytest.TempPathFactory, sealed_bytes: bytes, place: int, bit: int
) -> None:
    """Anywhere: at most the space between fields changes, and then what is read is what was written."""
    data = bytearray(sealed_bytes)
    data[place % len(data)] ^= 1 << bit
    path = tmp_path_factory.getbasetemp() / "flipped_manifest.json"
    path.write_bytes(data)
    try:
        made = read(path)
    except DamageError:
        return
    path.write_bytes(sealed_bytes)
    assert made == read(path)


@pytest.fixture(scope="module")
def sealed_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A manifest's bytes."""
    root = tmp_path_factory.mktemp("sealed")
    finished_root(root, ("cpu",))
    return manifest_path(root, "cpu").read_bytes()


def test_a_seal_is_of_the_fields_not_of_their_layout(path: Path, tmp_path: Path) -> None:
    """Written on one line, in another order, it is as good; by the rule anybody can check."""
    fields = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed(fields.items()))))
    read(path)
    assert first_difference(tmp_path, "cpu") is None
    told = fields.pop("seal")
    canonical = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    assert hashlib.sha256(canonical).hexdigest() == told


def test_a_manifest_without_a_seal_is_named(path: Path, tmp_path: Path) -> None:
    """What an older warpgen wrote can be read, and the check says that it is not sealed."""
    fields = json.loads(path.read_text())
    del fields["seal"]
    path.write_text(json.dumps(fields))
    read(path)
    assert "older warpgen" in (first_difference(tmp_path, "cpu") or "")


def test_a_broken_seal_says_what_to_do(path: Path) -> None:
    """The sentence names the file and the way out."""
    path.write_bytes(path.read_bytes().replace(b'"engine": "local"', b'"engine": "lokal"'))
    with pytest.raises(DamageError, match=r"cpu_manifest.json was changed .* seal is broken; restore it"):
        read(path)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"target": "cuda", "size": None, "rows": 12, "seed": 7},
        {"size": 8 * 2**20, "complexity": "small"},
        {
            "size": 1000,
            "categories": {"particle": 2.0, "fem": 0.25},
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
