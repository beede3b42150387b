"""The Ray engine: the same bytes from a cluster, whatever becomes of its nodes and workers."""

from __future__ import annotations

import socket
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.commands import call, files, python
from tests.support.imaginary import FINISHED, files_left
from tests.support.roots import made_root
from warpgen import run
from warpgen.errors import UsageError
from warpgen.paths import manifest_path
from warpgen.reporting.manifest import read

_LIMIT = 240  # seconds; Ray alone takes ten to start and stop
# Units enough that a node is still at work when it has been missed.
LONG = ("--rows", "900", "--complexity", "small", "--verify", "none")


def on_cluster(case: str, root: Path, *args: str) -> str:
    """What a run on two nodes prints; its processes are ended with it."""
    done = python("-m", "tests.support.ray_cluster", case, root, *args, seconds=_LIMIT)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, bytes]:
    """The datasets of LONG, made in one process."""
    return files(made_root(*LONG, "--engine", "serial"))


def test_a_cluster_of_our_own(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    """Started when no address is given, and gone at the end."""
    code, _, errors = call("run", *LONG, "--engine", "ray", "--workers", "2", "--root", tmp_path)
    assert code == 0, errors
    assert files(tmp_path) == undisturbed
    assert files_left(tmp_path) == FINISHED


def test_a_node_killed_in_the_middle_costs_nothing(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    """Its unit goes to the node that is left."""
    assert "node killed" in on_cluster("lost", tmp_path, *LONG)
    assert files(tmp_path) == undisturbed
    assert files_left(tmp_path) == FINISHED
    for target in ("cpu", "cuda"):
        manifest = read(manifest_path(tmp_path, target))
        # No program is lost with the node: those that code generation refuses are refused anywhere.
        assert {failure.reason for failure in manifest.failures} <= {"extraction"}
        assert manifest.circumstances.engine == "ray"
        assert manifest.circumstances.retries >= 1


def test_bad_programs_cost_themselves(tmp_path: Path) -> None:
    """Whether they kill our process or Ray's, they alone are given up, by their index."""
    on_cluster("poison", tmp_path)
    manifest = read(manifest_path(tmp_path, "cpu"))
    assert [failure.index for failure in manifest.failures if failure.reason == "unit"] == [20, 77]


@pytest.mark.parametrize(
    "address", ["auto", "127.0.0.1:1", "no.such.host.invalid:6379", "192.0.2.200:6379", ""]
)
def test_a_wrong_address_is_told_soon(address: str, tmp_path: Path) -> None:
    """A closed port (by RAY_ADDRESS and by itself), no such name, one that swallows all, no cluster ("")."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = address or f"127.0.0.1:{server.getsockname()[1]}"
        command = ["-m", "warpgen.run", "--rows", "3", "--engine", "ray", "--ray-address", address]
        # Ray itself goes on for two minutes at the least.
        done = python(*command, "--root", tmp_path, seconds=60, env={"RAY_ADDRESS": "127.0.0.1:1"})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"warpgen: no Ray cluster can be used at {address} (")
    assert done.stderr.count("\n") == 1


def test_without_ray_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The base install has none."""
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # of which it takes some until this process ends
    with pytest.raises(UsageError, match="pip install 'ray>="):
        run.main(["--engine", "ray", "--rows", "3", "--root", str(tmp_path)])
    with pytest.raises(UsageError, match="--engine ray"):
        run.main(["--ray-address", "127.0.0.1:1", "--rows", "3", "--root", str(tmp_path)])
    assert files_left(tmp_path) == []
