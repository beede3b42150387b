"""`run` and `resume` on real Warp."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.support.commands import REPOSITORY, SMALL, call, files, started
from tests.support.imaginary import FINISHED, files_left
from tests.support.roots import made_root
from warpgen import __main__
from warpgen.paths import manifest_path
from warpgen.reporting.manifest import read


@pytest.fixture(scope="module")
def undisturbed() -> Path:
    """A root with the datasets of SMALL, made in one process."""
    return made_root(*SMALL, "--engine", "serial")


def test_a_run_leaves_only_what_is_finished(undisturbed: Path) -> None:
    """Datasets, manifests, report, state and the link that older instructions name."""
    assert files_left(undisturbed) == FINISHED
    assert os.readlink(undisturbed / "data" / "manifests") == "../manifests"
    code, output, _ = call("stats", "--check", "--root", undisturbed)
    assert code == 0, output


def test_no_path_of_the_machine_is_in_a_row(undisturbed: Path) -> None:
    """Neither the repository, nor Warp's folder, nor a temporary one."""
    for name, data in files(undisturbed).items():
        found = re.search(rb"/(home|root|tmp|usr|work|site-packages)/", data)
        assert found is None, (name, found)


def test_workers_give_the_same_bytes(tmp_path: Path, undisturbed: Path) -> None:
    """As the serial engine did; one worker and two are tried below."""
    assert call("run", *SMALL, "--workers", "3", "--root", tmp_path)[0] == 0
    assert files(tmp_path) == files(undisturbed)


def test_stock_code_generation_gives_the_same_bytes(tmp_path: Path, undisturbed: Path) -> None:
    """The fast path is a matter of time alone."""
    assert call("run", *SMALL, "--stock-codegen", "--root", tmp_path)[0] == 0
    assert files(tmp_path) == files(undisturbed)


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_one_target_alone_gives_the_same_bytes(tmp_path: Path, undisturbed: Path, target: str) -> None:
    """As both together did."""
    assert call("run", *SMALL, "--target", target, "--root", tmp_path)[0] == 0
    expected = files(undisturbed)[f"{target}_code_dataset.jsonl"]
    assert files(tmp_path) == {f"{target}_code_dataset.jsonl": expected}


def when(root: Path, pattern: str, process: subprocess.Popen[str]) -> None:
    """Wait until a file of that name is in the root's work folder."""
    while not list(root.glob(f"data/work/{pattern}")) and process.poll() is None:
        time.sleep(0.005)


def workers_of(pid: int) -> list[psutil.Process]:
    return list(psutil.Process(pid).children(recursive=True))


# What to wait for before the blow: the start, the first shard, the second shard.
POINTS = ("journal", "shards/000000000000-*.shard", "shards/000000000016-*.shard")


@pytest.mark.parametrize("point", POINTS[1:])
def test_a_killed_worker_costs_nothing(tmp_path: Path, undisturbed: Path, point: str) -> None:
    """Its unit is tried again by another."""
    with started("run", *SMALL, "--workers", "2", "--root", tmp_path) as process:
        when(tmp_path, point, process)
        for worker in workers_of(process.pid)[:1]:
            worker.kill()
        process.communicate(timeout=120)
        assert process.returncode == 0
    assert files(tmp_path) == files(undisturbed)


def test_killed_three_times_and_resumed(tmp_path: Path, undisturbed: Path) -> None:
    """Coordinator alone, then all at once, then the coordinator again: the same bytes, nothing left over."""
    command, args = "run", [*SMALL, "--workers", "2", "--root", str(tmp_path)]
    for point, whole_group in zip(POINTS, (False, True, False), strict=True):
        with started(command, *args) as process:
            when(tmp_path, point, process)
            workers = workers_of(process.pid)
            if whole_group:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
            process.wait(timeout=60)
            gone, alive = psutil.wait_procs(workers, timeout=10)
            assert (len(gone), alive) == (len(workers), [])
        state = (tmp_path / "DATASET_STATE.md").read_text()
        assert "**Status**: in_progress" in state
        command, args = "resume", ["--workers", "3", "--root", str(tmp_path)]
    code, _, errors = call("resume", "--workers", "1", "--root", tmp_path)
    assert code == 0, errors
    assert files(tmp_path) == files(undisturbed)
    assert files_left(tmp_path) == FINISHED


def test_a_signal_ends_a_run_in_good_order(tmp_path: Path, undisturbed: Path) -> None:
    """Soon, with the exit code that is the custom and the command to go on with."""
    with started("run", *SMALL, "--workers", "2", "--root", tmp_path) as process:
        when(tmp_path, "shards/*.shard", process)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 130
    assert f"python -m warpgen.resume --root {shlex.quote(str(tmp_path))}" in errors
    assert call("resume", "--engine", "serial", "--root", tmp_path)[0] == 0
    assert files(tmp_path) == files(undisturbed)


def test_overwrite_replaces_only_at_the_end(tmp_path: Path, undisturbed: Path) -> None:
    """Until the new datasets are finished the old ones stay; another run is refused meanwhile."""
    assert call("run", "--rows", "2", "--seed", "5", "--verify", "none", "--root", tmp_path)[0] == 0
    before = files(tmp_path)
    with started("run", *SMALL, "--overwrite", "--root", tmp_path) as process:
        when(tmp_path, "shards/*.shard", process)
        code, _, errors = call("run", *SMALL, "--overwrite", "--root", tmp_path)
        assert (code, errors.count("\n")) == (2, 1)
        assert "another warpgen run" in errors
        assert files(tmp_path) == before
        process.communicate(timeout=120)
    assert files(tmp_path) == files(undisturbed)


def test_the_manifest_tells_how_far_the_run_was_when(undisturbed: Path) -> None:
    """From nothing to all bytes of both datasets, in order of time."""
    moments = read(manifest_path(undisturbed, "cpu")).circumstances.moments
    assert (moments[0].seconds, moments[0].bytes) == (0, 0)
    assert moments[-1].bytes == sum(map(len, files(undisturbed).values()))
    assert list(moments) == sorted(moments, key=lambda moment: (moment.seconds, moment.bytes))


def test_the_commands_are_listed() -> None:
    """`python -m warpgen` names every command with its purpose."""
    listed = dict(__main__.commands())
    assert {"run", "resume", "stats", "report"} <= set(listed)
    assert all(listed.values())


@pytest.mark.parametrize("command", ["run", "resume"])
def test_help_shows_how_to_begin(command: str) -> None:
    """With what each option means."""
    code, output, _ = call(command, "--help")
    assert code == 0
    assert "--workers" in output
    assert "exit codes" in output


def test_scripts_can_be_called() -> None:
    """They are executable."""
    for name in ("produce", "test", "check"):
        assert os.access(REPOSITORY / "scripts" / name, os.X_OK)
