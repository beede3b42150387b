"""What clang makes of Warp's headers is made once, and anew where it is damaged, or has no place."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from tests.support.corpus import BY_NAME
from warpgen.extraction import warp_api
from warpgen.extraction.codegen import lower
from warpgen.verification.compiling.compiler import Compiler
from warpgen.verification.native import warp_native


@pytest.fixture(autouse=True)
def _warp(tmp_path: Path) -> None:
    warp_api.start(tmp_path / "kernels")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's cache in which nothing is yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "warpgen" / "headers"


def _compiled(folder: Path) -> Compiler:
    folder.mkdir()
    compiler = Compiler(folder)
    assert compiler.compile("cpu", {0: lower(BY_NAME["scale"], ("cpu",))["cpu"].text}).failures == {}
    return compiler


def test_a_second_process_makes_nothing_anew(home: Path, tmp_path: Path) -> None:
    """It has a copy of its own, for clang removes what it used for a text that fails."""
    first = _compiled(tmp_path / "first")
    (kept,) = home.glob("cpu-*/made/*.pch")
    state = kept.stat()
    second = _compiled(tmp_path / "second")
    assert kept.stat().st_mtime_ns == state.st_mtime_ns
    assert first.kept.folder == second.kept.folder
    (own,) = second.headers.glob("*.pch")
    assert own.read_bytes() == kept.read_bytes() and not own.samefile(kept)


@pytest.mark.parametrize("damage", ["cut", "hole"])
def test_what_is_damaged_is_made_anew(home: Path, tmp_path: Path, damage: str) -> None:
    """Clang dies of some damage, which ends a child and nothing else."""
    _compiled(tmp_path / "first")
    (kept,) = home.glob("cpu-*/made/*.pch")
    whole = kept.read_bytes()
    first, last = whole[: len(whole) // 5], whole[len(whole) // 4 :]
    hole = bytes(len(whole) - len(first) - len(last))
    kept.write_bytes({"cut": first, "hole": first + hole + last}[damage])
    _compiled(tmp_path / "second")
    assert kept.read_bytes() == whole


def test_a_cache_that_others_may_write_to_is_not_used(home: Path, tmp_path: Path) -> None:
    """What lies there would be run."""
    home.mkdir(parents=True)
    home.chmod(0o777)
    assert _compiled(tmp_path / "own").kept.folder.is_relative_to(tmp_path / "own")
    assert list(home.iterdir()) == []


def test_without_a_home_the_folder_of_the_process_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And where the cache cannot be made."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert _compiled(tmp_path / "own").kept.folder.is_relative_to(tmp_path / "own")


def test_other_headers_have_another_place_and_old_ones_go(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Warp that was installed anew has headers of another time, which clang would refuse."""
    first = _compiled(tmp_path / "first").kept.folder
    long_ago = time.time() - 40 * 86400
    os.utime(first, (long_ago, long_ago))
    copy = tmp_path / "warp"
    shutil.copytree(Path(warp_native.WARP_FOLDER) / "native", copy / "native")
    monkeypatch.setattr(warp_native, "WARP_FOLDER", str(copy))
    second = Compiler(tmp_path / "second").kept.folder
    assert second != first
    assert second.exists() and not first.exists()
