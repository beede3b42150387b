"""Helper processes: nothing of the current folder runs in them, and they say why they died."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.commands import REPOSITORY, SAMPLES, finished
from tests.support.poison import poisoned
from warpgen.errors import WarpgenError
from warpgen.helper import Helper
from warpgen.record import TARGETS

SAMPLE = SAMPLES["cpu"]


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A helper leaves no process and no folder; elsewhere, as it takes nothing from the current folder."""
    monkeypatch.chdir(tmp_path)
    before = set(psutil.Process().children()), set(os.listdir(tempfile.gettempdir()))
    yield
    assert before == (set(psutil.Process().children()), set(os.listdir(tempfile.gettempdir())))


def told(question: str, module: str = "tests.support.answering") -> Any:
    """The answer of a new helper."""
    made = Helper(module, "the helper")
    try:
        return json.loads(made.ask(question.encode()))
    finally:
        made.end()


def test_nothing_is_taken_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whatever name the folder stands in the search path of the parent or its environment."""
    folder = tmp_path / "folder"
    folder.mkdir()
    mark = poisoned(folder)
    (tmp_path / "link").symlink_to(folder)
    monkeypatch.chdir(folder)
    for entry in ("", ".", str(folder), str(tmp_path / "link")):
        monkeypatch.setattr(sys, "path", [entry, *sys.path])
    monkeypatch.setenv("PYTHONPATH", f":.:{folder}")
    monkeypatch.setenv("PYTHONSTARTUP", str(folder / "re.py"))
    assert not [name for name in told("modules") if name.startswith(str(tmp_path))]
    assert not mark.exists()


def test_a_helper_finds_what_its_parent_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All other folders of the search path, in their order, also those that were named by a relative path."""
    (tmp_path / "more").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["more", *sys.path])
    assert told("path")[0] == str(tmp_path / "more")
    assert set(sys.path[1:]) <= {*told("path"), ""}


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_warpgen_is_the_one_that_the_parent_has(tmp_path: Path, form: str) -> None:
    """Also where it was found in the current folder alone, or in a zip."""
    package = REPOSITORY / "warpgen"
    if form == "folder":
        shutil.copytree(package, tmp_path / "warpgen", ignore=shutil.ignore_patterns("__pycache__"))
        place = tmp_path
    else:
        place = tmp_path / "all.zip"
        with zipfile.ZipFile(place, "w") as archive:
            for path in package.rglob("*.py"):
                archive.write(path, path.relative_to(REPOSITORY))
    code = (
        f"import sys; sys.path[:0] = [{str(place)!r}, {str(REPOSITORY)!r}]\n"
        "from warpgen.helper import Helper\n"
        "helper = Helper('tests.support.answering', 'x')\n"
        "print(helper.ask(b'modules').decode())\n"
        "helper.end()"
    )
    done = finished([sys.executable, "-c", code], 60, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[-1] == str(place / "warpgen" / "__init__.py")


def test_long_messages_come_whole() -> None:
    """Longer than what a pipe holds."""
    assert told("long") == "x" * 1_000_000


@pytest.mark.parametrize(
    ("question", "why"),
    [
        ("leave", "the helper left with exit code 3$"),
        ("raise", "the helper left with exit code 1: .*ValueError: something is odd"),
        ("die", "the helper was killed by SIGKILL$"),
        ("hold the pipe", "the helper left with exit code 4$"),
    ],
)
def test_a_helper_that_dies_is_told_with_the_reason(question: str, why: str) -> None:
    """At once, by exit code or signal and what it said last, even if a child of its own holds the pipe."""
    began = time.monotonic()
    with pytest.raises(WarpgenError, match=why) as raised:
        told(question)
    assert "\n" not in str(raised.value)
    assert time.monotonic() - began < 30  # the child would hold it for a minute


def test_a_helper_that_cannot_begin_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that is missing, a Python that is missing."""
    with pytest.raises(WarpgenError, match="No module named 'no_such'"):
        told("path", "no_such")
    monkeypatch.setattr(sys, "executable", "/no/python")
    with pytest.raises(WarpgenError, match=r"the helper cannot be started: .*/no/python"):
        told("path")


def test_a_helper_ends_with_its_caller(tmp_path: Path) -> None:
    """After a SIGKILL of the caller it removes its folder and is gone."""
    report, said = os.pipe()
    caller = os.fork()
    if caller == 0:
        made = Helper("tests.support.answering", "the helper")
        os.write(said, made.ask(b"folder"))
        time.sleep(60)
    folder = Path(json.loads(os.read(report, 4096)))
    os.close(report)
    os.close(said)
    assert folder.exists()
    os.kill(caller, signal.SIGKILL)
    os.waitpid(caller, 0)
    deadline = time.monotonic() + 20
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not folder.exists()


def test_a_busy_helper_ends_with_its_caller(tmp_path: Path) -> None:
    """Also while its answer takes long, and somebody else holds its pipe open."""
    report, said = os.pipe()
    caller = os.fork()
    if caller == 0:
        made = Helper("tests.support.answering", "the helper")
        os.write(said, made.ask(b"folder"))
        if os.fork() == 0:  # holds the pipe
            time.sleep(30)
            os._exit(0)
        made.ask(b"wait")
    folder = Path(json.loads(os.read(report, 4096)))
    os.close(report)
    os.close(said)
    time.sleep(0.2)
    os.kill(caller, signal.SIGKILL)
    os.waitpid(caller, 0)
    deadline = time.monotonic() + 20
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not folder.exists()


RUN = f"""
import warpgen
row = warpgen.open({str(SAMPLE)!r}).filter(feature="differentiable").first()
print(sorted(row.run().outputs), row.check(row.python_source).right)
"""


def test_rows_run_in_a_folder_of_strangers_files(tmp_path: Path) -> None:
    """`row.run()` and `row.check()` take no module of Python's from there."""
    folder = tmp_path / "folder"
    folder.mkdir()
    mark = poisoned(folder)
    (tmp_path / "script.py").write_text(RUN)
    done = finished([sys.executable, tmp_path / "script.py"], 120, cwd=folder)
    assert not mark.exists(), mark.read_text()
    assert (done.returncode, "True" in done.stdout) == (0, True), done.stderr


def test_why_rows_cannot_run_is_told(tmp_path: Path) -> None:
    """By what the process said, not by an advice to try again."""
    (tmp_path / "script.py").write_text(RUN)
    (tmp_path / "warp.py").write_text("raise ImportError('this Warp is broken')")
    done = finished([sys.executable, tmp_path / "script.py"], 120, cwd="/")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "the process that runs rows left with exit code 1" in last
    assert "this Warp is broken" in last


def test_the_installed_command_takes_nothing_from_the_current_folder(tmp_path: Path) -> None:
    """Whatever it does, with all its processes; compilers neither."""
    folder, root, package = tmp_path / "folder", tmp_path / "root", tmp_path / "package"
    folder.mkdir()
    mark = poisoned(folder)
    script = tmp_path / "warpgen"  # as pip writes it
    script.write_text("import sys\nfrom warpgen.__main__ import enter\nsys.exit(enter())\n")
    package.mkdir()
    source = json.loads(SAMPLE.read_text().splitlines()[0])["python_source"]
    (package / "kernels.py").write_text(source)
    dataset = root / "data" / "production_cuda" / "cuda_code_dataset.jsonl"
    for arguments in (
        ["run", "--rows", "2", "--complexity", "small", "--verify", "compile", "--root", root],
        ["verify", dataset, "--workers", "1"],
        ["export", "--root", root, "--format", "parquet", "--view", "instruct", "--out", tmp_path / "out"],
        ["harvest", package, "--root", root],
        ["stats", "--root", root, "--check"],
        ["show", "--code", "cpu"],
    ):
        done = finished([sys.executable, script, *arguments], 120, cwd=folder)
        assert not mark.exists(), (arguments, mark.read_text())
        assert done.returncode == 0, (arguments, done.stderr)
    assert all((root / "data" / "harvest" / f"{target}_harvest.jsonl").exists() for target in TARGETS)


def test_the_search_path_is_without_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor what is no text, which Python passes over, too."""
    monkeypatch.setattr(sys, "path", ["", "/usr", Path("/opt"), ".", *sys.path])
    path = told("path")
    assert path[0] == "/usr"
    assert {"/opt", str(tmp_path), "", "."}.isdisjoint(path)
