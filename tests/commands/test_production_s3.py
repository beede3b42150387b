"""Roots in an object store, by a real S3 server of which one request in twenty fails."""

from __future__ import annotations

import gc
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

import warpgen
from tests.support.commands import REPOSITORY
from tests.support.imaginary import (
    FINISHED,
    PowerCut,
    Trouble,
    go_on,
    power_cut,
    produce,
    quick,
    recipe_of,
    undisturbed,
    without_plots,
)
from tests.support.readers import READERS, tables, told
from warpgen import merge, resume, run, stats, verify
from warpgen.errors import RootError, UsageError
from warpgen.production.engines.registry import engine_of
from warpgen.production.partial import share
from warpgen.production.run_options import RunOptions
from warpgen.production.state import roots
from warpgen.production.state.journal import Share
from warpgen.production.state.remote import layout_of
from warpgen.production.unit import Unit
from warpgen.recipe import UNIT_SIZE
from warpgen.store import Remote, RemoteLog

ROWS = 400
RECIPE = recipe_of(ROWS)
WORKERS = RunOptions(engine="local", workers=2)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The server's log of failures; where it is stands in the environment."""
    log = tmp_path_factory.mktemp("server") / "log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, REPOSITORY / "tests" / "support" / "s3_server.py", "5", "1"],
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
            patched.setenv("AWS_ACCESS_KEY_ID", "test")
            patched.setenv("AWS_SECRET_ACCESS_KEY", "test")
            patched.setenv("AWS_DEFAULT_REGION", "us-east-1")
            yield log
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def bucket(server: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty bucket; what this machine keeps of it is under the test's folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    name = tmp_path.name.replace("_", "-").lower()[:60]
    store(lambda fs: fs.mkdir(name))
    return f"s3://{name}"


def store(act: Any) -> Any:
    """What `act` gives for the file system, in the end."""
    filesystem = fsspec.filesystem("s3")
    for left in reversed(range(8)):
        try:
            filesystem.invalidate_cache()
            return act(filesystem)
        except OSError:
            if not left:
                raise


def names(address: str) -> list[str]:
    """Everything in the bucket."""
    bucket = address.removeprefix("s3://")
    return without_plots(name.removeprefix(f"{bucket}/") for name in store(lambda fs: fs.find(bucket)))


def published(address: str) -> dict[str, bytes]:
    """The datasets in the bucket."""
    return {
        name.rpartition("/")[2]: Remote(f"{address}/{name}").read_bytes()
        for name in names(address)
        if name.endswith(".jsonl")
    }


def test_a_store_gets_the_same_bytes(bucket: str, server: Path, tmp_path: Path) -> None:
    """By workers that put their shards there themselves; nothing else stays, there or here."""
    assert produce(bucket, RECIPE, WORKERS) == 0
    assert published(bucket) == undisturbed(ROWS)
    assert names(bucket) == FINISHED
    assert not list((tmp_path / "cache" / "warpgen").rglob("*"))
    assert "PUT" in server.read_text()  # some did fail
    state = Remote(f"{bucket}/DATASET_STATE.md").read_bytes()
    assert b"**Status**: completed" in state
    assert b"nothing to do" not in state


def test_another_machine_goes_on(bucket: str, tmp_path: Path) -> None:
    """With nothing but the store left, no shard that is there is made again."""
    with pytest.raises(PowerCut):
        produce(bucket, RECIPE, trouble={300: power_cut})
    shutil.rmtree(tmp_path / "cache")
    made: list[Unit] = []
    trouble: dict[int, Trouble] = dict.fromkeys(range(0, 1000, UNIT_SIZE), made.append)
    assert go_on(bucket, trouble=trouble) == 0
    assert min(unit.start for unit in made) == 2 * UNIT_SIZE
    assert published(bucket) == undisturbed(ROWS)
    assert names(bucket) == FINISHED


def test_a_shard_damaged_in_the_store_is_made_again(bucket: str, tmp_path: Path) -> None:
    """The merge finds it there as it would on a disk."""
    with pytest.raises(PowerCut):
        produce(bucket, RECIPE, trouble={300: power_cut})
    shutil.rmtree(tmp_path / "cache")
    shard = next(iter(layout_of(bucket).shards_at.iterdir()))
    assert isinstance(shard, Remote)
    shard.write(shard.read_bytes()[:-1])
    assert go_on(bucket) == 0
    assert published(bucket) == undisturbed(ROWS)


def test_shards_in_a_store_are_merged(bucket: str, tmp_path: Path) -> None:
    """From roots there and here, into a root there."""
    from tests.support.imaginary import ImaginaryJob

    parts = [f"{bucket}/one", str(tmp_path / "two")]
    for number, place in enumerate(parts, 1):
        part = Share(number, 2)
        with roots.held(place if "://" in place else Path(place)) as (layout, lock):
            stored = share.begin(layout, RECIPE, part, "", overwrite=False)
            work = share.ShareRun(layout, RECIPE, part, stored, None)
            assert work.carry_out(engine_of(quick(), lock), ImaginaryJob(layout, RECIPE)) == 0
    assert merge.main([*parts, "--root", f"{bucket}/whole"]) == 0
    assert published(f"{bucket}/whole") == undisturbed(ROWS)


def test_a_root_has_one_holder(bucket: str) -> None:
    """A second is refused, and a lock of one that died here is taken over."""
    with roots.held(bucket):
        lock = Remote(f"{bucket}/data/lock")
        held = lock.read_bytes()
    assert not lock.exists()
    lock.write(b"elsewhere 1 1.0")
    with pytest.raises(RootError, match=r"elsewhere.*remove .*/data/lock"), roots.held(bucket):
        pass
    assert lock.read_bytes() == b"elsewhere 1 1.0"
    lock.write(held.rpartition(b" ")[0] + b" 1.0")  # another process had our number
    with roots.held(bucket):
        assert lock.read_bytes() == held


def test_a_refused_run_leaves_nothing_here(bucket: str, tmp_path: Path) -> None:
    """What this machine keeps of a root in a store is for a run that can be gone on with."""
    with pytest.raises(UsageError), roots.held(bucket):
        raise UsageError("another recipe's")
    assert not list((tmp_path / "cache" / "warpgen").rglob("*"))


def test_a_log_keeps_what_was_appended(bucket: str) -> None:
    """Across writers, and through a rewrite."""
    log = RemoteLog(f"{bucket}/log")
    log.write(b"0")
    for writer in range(2):
        appender = log.appender()
        for number in range(3):
            appender.append(f"{writer}{number} ".encode())
    assert log.read_bytes() == b"000 01 02 10 11 12 "
    log.write(b"new")
    assert log.read_bytes() == b"new"
    log.unlink()
    assert names(bucket) == []


@pytest.fixture
def finished(bucket: str) -> str:
    """A root in the bucket with both datasets."""
    address = f"{bucket}/a/root"
    assert produce(address, RECIPE) == 0
    return address


def test_what_is_finished_there_is_read(finished: str, tmp_path: Path) -> None:
    """By every command, and nothing stays on this machine but what was asked for."""
    report = Remote(f"{finished}/reports/chief_scientist_report.md")
    report.write(b"")
    for name, reader in {"stats": tables, **READERS}.items():
        assert told(reader, finished) == "", name
    assert report.read_bytes().startswith(b"# Warp kernels")
    dataset = f"{finished}/data/production_cpu/cpu_code_dataset.jsonl"
    assert verify.main([dataset, "--level", "none", "--workers", "1"]) == 1  # imaginary rows are none
    assert sum(1 for _ in warpgen.open(dataset)) == 400
    gc.collect()
    assert list((tmp_path / "cache" / "warpgen").iterdir()) == []
    assert not Path("s3:").exists()


def test_the_next_action_of_the_state_works(finished: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As it stands in the state file: of a finished run, and of one that was stopped."""
    assert stats.main(_next_action(finished, "stats")) == 0
    assert capsys.readouterr().out.count("agrees with the dataset") == 2
    with pytest.raises(PowerCut):
        produce(f"{finished}/stopped", RECIPE, trouble={300: power_cut})
    with pytest.raises(UsageError, match="was begun with"):  # imaginary versions: it found the run
        resume.main(_next_action(f"{finished}/stopped", "resume"))


def _next_action(address: str, command: str) -> list[str]:
    text = Remote(f"{address}/DATASET_STATE.md").read_bytes().decode()
    line = text.partition("```bash\n")[2].partition("\n")[0]
    words = shlex.split(line.rpartition(" && ")[2])
    assert words[1:3] == ["-m", f"warpgen.{command}"]
    return words[3:]


def test_damage_there_is_seen(finished: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As on a disk; sizes without fetching anything."""
    place = Remote(f"{finished}/data/production_cuda/cuda_code_dataset.jsonl")
    whole = place.read_bytes()
    place.write(whole.replace(b"k = 1", b"k = 3", 1))
    for name in ("stats --check", "stats --html", "report", "export"):
        assert "cuda" in told(READERS[name], finished), name
    place.write(whole[:-1])
    assert stats.main(["--root", finished]) == 1
    assert "fetching" not in capsys.readouterr().err
    Remote(f"{finished}/manifests/cuda_manifest.json").unlink()
    with pytest.raises(UsageError, match="is there without"):
        stats.main(["--root", finished])


def test_without_the_packages_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The base install has none; an address of no known kind is named."""
    with pytest.raises(UsageError, match="nosuch"):
        run.main(["--root", "nosuch://bucket/prefix", "--rows", "3"])
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(UsageError, match=r"pip install 'fsspec>=.+ 's3fs>="):
        run.main(["--root", "s3://never-opened/prefix", "--rows", "3"])
