"""scripts/environment.sh says what it sets up, lets a person see it go on, and what to do where it cannot."""

from __future__ import annotations

import os
import pty
import shlex
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.support.commands import REPOSITORY

# In place of Python: it notes what it is called with.
_FAKE = """#!/bin/sh
echo "$*" >> {calls}
case "$*" in *pip\\ install*) echo progress ;; esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose .venv is there but for the packages."""
    folder = tmp_path / "a checkout"
    (folder / "scripts").mkdir(parents=True)
    for name in ("environment.sh", "python", "produce", "check"):
        shutil.copy(REPOSITORY / "scripts" / name, folder / "scripts")
    (folder / "requirements.txt").write_text("rich==15.0.0\n")
    (folder / "pyproject.toml").write_text(
        "[dependency-groups]\ndev = ['ruff==1']\n[tool.ruff]\nfix = true\n"
    )
    fake = folder / ".venv" / "bin" / "python"
    fake.parent.mkdir(parents=True)
    fake.write_text(_FAKE.format(calls=shlex.quote(str(tmp_path / "calls"))))
    fake.chmod(0o755)
    return folder


def _calls(checkout: Path) -> list[str]:
    return (checkout.parent / "calls").read_text().splitlines()


def test_a_log_gets_one_line_and_the_second_call_none(checkout: Path, tmp_path: Path) -> None:
    """What is installed, where, and that it takes a while; pip is quiet; nothing is installed twice."""
    command = [f"{checkout}/scripts/python", "-m", "warpgen.stats", "--root", "a b"]
    done = [subprocess.run(command, cwd=tmp_path, capture_output=True, text=True) for _ in range(2)]
    assert [(one.returncode, one.stdout) for one in done] == [(0, ""), (0, "")]
    line, _, rest = done[0].stderr.partition("\n")
    assert line.startswith("warpgen: installing requirements.txt into ")
    assert (rest, done[1].stderr) == ("progress\n", "")
    assert [call for call in _calls(checkout) if "pip install" in call] == [
        "-m pip install --quiet --disable-pip-version-check -r requirements.txt"
    ]
    assert _calls(checkout)[-1] == "-m warpgen.stats --root a b"


def test_a_group_is_installed_when_it_changes(checkout: Path) -> None:
    """By a pip that knows groups; other lines of pyproject.toml have no say."""
    group = "-m pip install --quiet --disable-pip-version-check -r requirements.txt --no-compile --group dev"
    project = checkout / "pyproject.toml"
    text = project.read_text()
    for changed, times in ((text, 1), (text.replace("true", "false"), 1), (text.replace("==1", "==2"), 2)):
        project.write_text(changed)
        assert subprocess.run([f"{checkout}/scripts/check"], capture_output=True).returncode == 0
        assert _calls(checkout).count(group) == times
    first = next(call for call in _calls(checkout) if "pip install" in call)
    assert first.startswith("-m pip install --quiet --disable-pip-version-check pip==")


def test_a_terminal_shows_what_pip_says(checkout: Path) -> None:
    """There pip is not told to be quiet, and what it says stays out of what the command prints."""
    ours, theirs = pty.openpty()
    reader = threading.Thread(target=os.read, args=(ours, 4096), daemon=True)
    reader.start()
    done = subprocess.run(
        ["scripts/produce", "--rows", "3"], cwd=checkout, stdout=subprocess.PIPE, stderr=theirs, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert "-m pip install --disable-pip-version-check -r requirements.txt" in _calls(checkout)
    assert _calls(checkout)[-1] == "-m warpgen.run --rows 3"
    os.close(theirs)
    reader.join()
    os.close(ours)


def _read_only(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """The command in a folder that cannot be written even by root."""
    mounted = 'mount --bind . "$PWD" && mount -o remount,ro,bind "$PWD" && cd "$PWD" && exec "$@"'
    call = ["unshare", "--map-root-user", "--mount", "sh", "-c", mounted, "sh"]
    if shutil.which("unshare") is None or subprocess.run([*call, "true"], cwd=folder).returncode:
        pytest.skip("no mount of one's own can be made here")
    return subprocess.run([*call, *command], cwd=folder, capture_output=True, text=True)


def test_a_checkout_that_cannot_be_written_is_named(checkout: Path) -> None:
    """Before pip or venv try: one sentence that says what to do, and exit code 2."""
    done = _read_only(checkout, "./scripts/produce")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"warpgen: nothing can be written to {checkout}, where .venv is to be: "
        "copy the checkout to a folder of yours\n"
    )


def test_a_root_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The same of `python -m warpgen.run` where the packages are."""
    done = _read_only(
        tmp_path, "env", f"PYTHONPATH={REPOSITORY}", sys.executable, "-m", "warpgen.run", "--rows", "1"
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "warpgen: the root '.' cannot be used (Read-only file system): make it writable or "
        "choose another --root\n"
    )
