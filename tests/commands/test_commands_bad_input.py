"""Every request that cannot be done: one sentence, exit code 2, and nothing lost."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.commands import call, python
from tests.support.imaginary import PowerCut, files_left, go_on, power_cut, produce
from warpgen import __version__, machine, merge, report, resume, run, show, stats, verify
from warpgen.errors import UsageError
from warpgen.extraction.versions import warp_version
from warpgen.production.engines import ray
from warpgen.production.state import roots
from warpgen.production.state.layout import Layout
from warpgen.recipe import MOST, Recipe

RUN = [
    (["--target", "gpu"], "--target"),
    (["--size", "many"], "not understood"),
    (["--size", "0"], "more than zero"),
    (["--size", "-3MiB"], "expected one argument|not understood"),
    (["--size", "1MiB", "--rows", "3"], "not allowed with"),
    (["--rows", "0"], "more than zero"),
    (["--rows", "some"], "not a whole number"),
    (["--workers", "0"], "more than zero"),
    (["--workers", "-1"], "more than zero|expected one argument"),
    (["--workers", "100000"], r"100000 workers do not fit .* \d+ are the most"),
    (["--workers", "100000", "--engine", "ray"], "do not fit"),
    (["--workers", str(1 << 63)], "too large"),
    (["--seed", "-1"], "zero or more|expected one argument"),
    (["--seed", str(1 << 63)], rf"too large: {MOST} is the most"),
    (["--seed", "9" * 5000], "too large"),
    (["--rows", str(1 << 63)], rf"too large: {MOST} is the most"),
    (["--rows", str(MOST)], "free"),
    (["--partition", "1/3", "--programs", str(1 << 63)], "too large"),
    (["--partition", f"1/{1 << 63}"], "not i/n"),
    (["--categories", "particle=1e308,graph=1e308"], "too large"),
    (["--categories", "no_such=1"], "unknown category"),
    (["--categories", "particle=x"], "not a number"),
    (["--categories", "particle=0"], "more than zero"),
    (["--categories", "particle=1,particle=2"], "twice"),
    (["--verify", "maybe"], "--verify"),
    (["--engine", "cluster"], "--engine"),
    (["--wrokers", "2"], "unrecognized"),
    (["--size", "1000000GiB"], "free"),
]


@pytest.mark.parametrize(("args", "sentence"), RUN, ids=[" ".join(args) for args, _ in RUN])
def test_run_says_what_is_wrong(tmp_path: Path, args: list[str], sentence: str) -> None:
    """An unknown or impossible option is named, and no folder is left."""
    with pytest.raises(UsageError, match=sentence) as told:
        run.main([*args, "--root", str(tmp_path / "new" / "root")])
    assert "\n" not in str(told.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("more", [[], ["--partition", "1/2"]])
def test_a_run_without_its_cluster_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str]
) -> None:
    """The address is tried when the root is held already."""

    def refuse(address: str, workers: int | None) -> int:
        raise UsageError(f"no Ray cluster can be used at {address}")

    monkeypatch.setattr(ray, "connect", refuse)
    args = ["--engine", "ray", "--ray-address", "10.0.0.1:1", "--rows", "2", *more]
    with pytest.raises(UsageError, match=r"10\.0\.0\.1:1"):
        run.main([*args, "--root", str(tmp_path / "new")])
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "data").mkdir()  # what was there stays
    with pytest.raises(UsageError, match=r"10\.0\.0\.1:1"):
        run.main([*args, "--root", str(tmp_path)])
    assert [path.name for path in tmp_path.rglob("*")] == ["data"]


def test_a_merge_without_space_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked for before anything of the shards is there."""
    share = [
        "--rows",
        "2",
        "--complexity",
        "small",
        "--verify",
        "none",
        "--engine",
        "serial",
        "--partition",
        "1/1",
    ]
    assert run.main([*share, "--root", str(tmp_path / "share")]) == 0
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr(roots, "free_bytes", lambda path: 0)
    with pytest.raises(UsageError, match="free some"):
        merge.main([str(tmp_path / "share"), "--root", str(tmp_path / "new")])
    assert sorted(tmp_path.rglob("*")) == before


REFUSED = [
    ["run", "--categories", "nonsense", "--root", "new"],
    ["run", "--engine", "serial", "--ray-address", "here", "--root", "new"],
    ["run", "--size", "1000000GiB", "--partition", "1/2", "--root", "new"],
    ["resume", "--root", "new"],
    ["merge", "a", "b", "--root", "new"],
    ["stats", "--root", "new"],
    ["stats", "--html", "other/page.html", "--root", "new"],
    ["report", "--root", "new"],
    ["verify", "new"],
    ["export", "--format", "hf", "--out", "other/out", "--root", "new"],
    ["export", "--format", "hf", "--out", "other/out", "--root", "REPOSITORY", "--exclude", "new"],
    [
        "export",
        "--format",
        "hf",
        "--out",
        "other/out",
        "--root",
        "REPOSITORY",
        "--view",
        "ladder",
        "--levels",
        "ptx",
    ],
    ["export", "--format", "hf", "--out", "other/out", "--root", "REPOSITORY", "--view", "instruct"],
    ["export", "--format", "hf", "--out", "other/out", "--root", "REPOSITORY", "--no-outputs"],
    ["plant", "--root", "new"],
    ["evaluate", "new"],
    ["harvest", "no_such_package", "--root", "new"],
    ["show", "--category", "nonsense"],
]


@pytest.mark.parametrize("args", REFUSED, ids=" ".join)
def test_a_refused_command_leaves_nothing(finished: Path, tmp_path: Path, args: list[str]) -> None:
    """Neither where it was called, nor among the temporary files, nor where it should have written."""
    (tmp_path / "here").mkdir()
    (tmp_path / "temporary").mkdir()
    before = [*tmp_path.rglob("*"), *finished.rglob("*")]
    words = (str(finished) if arg == "REPOSITORY" else arg for arg in args)
    done = python("-m", "warpgen", *words, cwd=tmp_path / "here", env={"TMPDIR": str(tmp_path / "temporary")})
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert [*tmp_path.rglob("*"), *finished.rglob("*")] == before


def test_it_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    """On a terminal there is no traceback."""
    code, output, errors = call("run", "--target", "gpu", "--root", tmp_path)
    assert (code, output) == (2, "")
    assert errors.startswith("warpgen: ")
    assert errors.count("\n") == 1


def test_a_root_that_cannot_be_written(tmp_path: Path) -> None:
    """Because a part of its path is a file."""
    (tmp_path / "file").touch()
    for main in (run.main, resume.main):
        with pytest.raises(UsageError, match="root"):
            main(["--root", str(tmp_path / "file" / "root")])


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root whose run lost its power."""
    root = tmp_path_factory.mktemp("unfinished")
    with pytest.raises(PowerCut):
        produce(root, _own(), trouble={70: power_cut})
    return root


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with the finished datasets of 100 rows."""
    root = tmp_path_factory.mktemp("finished")
    produce(root, _own())
    return root


def _own(rows: int = 100) -> Recipe:
    """A recipe as `run --rows` would make it."""
    return Recipe(size=None, rows=rows, verify="none", warpgen=__version__, warp=warp_version())


def test_run_in_a_root_with_an_unfinished_run(unfinished: Path) -> None:
    """It names resume, and touches nothing."""
    before = files_left(unfinished)
    with pytest.raises(UsageError, match=r"^an unfinished run is .*warpgen\.resume"):
        run.main(["--rows", "100", "--verify", "none", "--root", str(unfinished)])
    with pytest.raises(UsageError, match=r"run of another recipe .there and asked for: seed 0 and 7. is"):
        run.main(["--rows", "100", "--verify", "none", "--seed", "7", "--root", str(unfinished)])
    assert files_left(unfinished) == before


def test_run_in_a_root_with_another_recipe(finished: Path) -> None:
    """It says what differs, with both values, names --overwrite, and touches nothing."""
    before = files_left(finished)
    for args, told in (
        (["--rows", "99", "--verify", "none"], "rows 100 and 99"),
        (["--size", "3MiB", "--seed", "7"], "rows 100 and size 3MiB, seed 0 and 7, verify none and run"),
        (
            [
                "--rows",
                "100",
                "--verify",
                "none",
                "--categories",
                "particle=2,graph",
                "--complexity",
                "small",
            ],
            "categories as built in and graph=1.0,particle=2.0, complexity mixed and small",
        ),
    ):
        with pytest.raises(UsageError) as error:
            run.main([*args, "--root", str(finished)])
        assert f" made by another recipe (there and asked for: {told}): " in str(error.value)
        assert "--overwrite" in str(error.value)
    assert files_left(finished) == before


def test_run_of_what_is_there(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same recipe is done already; for one target or both."""
    for target in ("both", "cpu", "cuda"):
        args = ["--rows", "100", "--verify", "none", "--root", str(finished), "--target", target]
        assert run.main(args) == 0
        assert "nothing to do" in capsys.readouterr().out


def test_run_makes_only_the_missing_target(finished: Path, tmp_path: Path) -> None:
    """Beside a finished one of the same recipe."""
    root = shutil.copytree(finished, tmp_path / "root", symlinks=True)
    (root / "data/production_cuda/cuda_code_dataset.jsonl").unlink()
    missing = roots.unfinished_part(Layout(root), _own())
    assert missing is not None
    assert missing.target == "cuda"


@pytest.mark.parametrize("damage", [b"", b"{", b'{"format": 1}', b"\xff\xfe"])
def test_a_damaged_manifest(finished: Path, tmp_path: Path, damage: bytes) -> None:
    """It is named by run and by resume."""
    root = shutil.copytree(finished, tmp_path / "root", symlinks=True)
    (root / "manifests" / "cuda_manifest.json").write_bytes(damage)
    for main in (lambda args: run.main(["--rows", "100", "--verify", "none", *args]), resume.main):
        with pytest.raises(UsageError, match=r"cuda_manifest\.json"):
            main(["--root", str(root)])


def test_a_dataset_without_a_manifest(finished: Path, tmp_path: Path) -> None:
    """No one can say what it is, so it is not replaced unasked."""
    root = shutil.copytree(finished, tmp_path / "root", symlinks=True)
    (root / "manifests" / "cpu_manifest.json").unlink()
    with pytest.raises(UsageError, match="without a manifest"):
        run.main(["--rows", "100", "--verify", "none", "--root", str(root)])


def test_resume_with_nothing_to_resume(finished: Path, tmp_path: Path) -> None:
    """In an empty folder, in none, in a finished root."""
    for root in (tmp_path, tmp_path / "none"):
        with pytest.raises(UsageError, match="nothing to resume"):
            resume.main(["--root", str(root)])
    assert files_left(tmp_path) == []
    with pytest.raises(UsageError, match="finished"):
        resume.main(["--root", str(finished)])


def test_resume_with_a_lost_journal(unfinished: Path, tmp_path: Path) -> None:
    """A journal without its recipe is named."""
    root = shutil.copytree(unfinished, tmp_path / "root", symlinks=True)
    Layout(root).journal.write_bytes(b"")
    with pytest.raises(UsageError, match="journal"):
        resume.main(["--root", str(root)])


@pytest.mark.parametrize("versions", [("0.0.0", warp_version()), (__version__, "1.18.0")])
def test_resume_with_other_versions(tmp_path: Path, versions: tuple[str, str]) -> None:
    """Other versions may write other bytes: the run's are named."""
    recipe = Recipe(size=None, rows=100, verify="none", warpgen=versions[0], warp=versions[1])
    with pytest.raises(PowerCut):
        produce(tmp_path, recipe, trouble={70: power_cut})
    with pytest.raises(UsageError, match="was begun with"):
        resume.main(["--root", str(tmp_path)])
    assert go_on(tmp_path) == 0


def test_two_runs_in_one_root(tmp_path: Path) -> None:
    """The second is refused while the first holds the root."""
    with roots.held(tmp_path), pytest.raises(UsageError, match="another warpgen run"):
        run.main(["--rows", "10", "--root", str(tmp_path)])


def test_a_python_that_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told before anything that it could not import."""
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    for main in (run.main, resume.main):
        with pytest.raises(UsageError, match=r"Python 3\.9\.1 is too old"):
            main([])


@pytest.mark.parametrize("main", [run.main, resume.main, stats.main, report.main])
def test_an_empty_root_is_named(
    main: Callable[[list[str]], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--root "$UNSET"` is not the current folder."""
    monkeypatch.chdir(tmp_path)
    for text in ("", "file://"):
        if text and main in (stats.main, report.main):
            continue  # takes no addresses
        with pytest.raises(UsageError, match="the name of a folder is empty"):
            main(["--root", text])
    assert files_left(tmp_path) == []


@pytest.mark.parametrize("option", ["--seed", "--index"])
def test_show_takes_no_number_out_of_range(option: str) -> None:
    """As `run` does."""
    for number in (str(1 << 63), "-1"):
        with pytest.raises(UsageError, match=option):
            show.main([f"{option}={number}"])


def test_verify_bounds_its_workers(tmp_path: Path) -> None:
    """As `run` does."""
    with pytest.raises(UsageError, match="do not fit"):
        verify.main([str(tmp_path / "rows.jsonl"), "--workers", "100000"])


def test_workers_are_bounded_by_a_containers_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One by default for each core, as far as the memory of the container carries them."""
    limit = tmp_path / "memory.max"
    limit.write_text(f"{3 * machine.WORKER_MEMORY + 1}\n")
    monkeypatch.setattr(machine, "CONTAINER_LIMITS", (limit, tmp_path / "missing"))
    monkeypatch.setattr(machine, "available_cores", lambda: 64)
    assert machine.default_workers() == machine.most_workers() == 3
    machine.check_workers(3)
    with pytest.raises(UsageError, match="3 are the most"):
        machine.check_workers(4)
    limit.write_text("max\n")
    assert machine.most_workers() > 3
