"""What newcomers are told to call works when pasted; without its packages warpgen says how to get them."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from tests.support.commands import REPOSITORY
from warpgen import calling, needs
from warpgen.calling import pasted

_RESUME = "go on with `python -m warpgen.resume`"


def _installed(folder: Path, monkeypatch: pytest.MonkeyPatch, command: bool = True) -> Path:
    """An environment in which this Python seems to run; its folder of programs."""
    programs = folder / "env" / "bin"
    programs.mkdir(parents=True)
    for name in ("python", "warpgen")[: 1 + command]:
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    monkeypatch.setattr(sys, "prefix", str(folder / "env"))
    monkeypatch.setattr(sys, "executable", str(programs / "python"))
    return programs


def test_in_a_checkout_it_is_the_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative within the checkout, by its whole path elsewhere; a file elsewhere names no path."""
    script = tmp_path / "a checkout" / "scripts" / "python"
    (script.parent).mkdir(parents=True)
    script.touch()
    monkeypatch.setattr(calling, "WRAPPER", script)
    monkeypatch.setattr(sys, "prefix", str(script.parents[1] / ".venv"))
    monkeypatch.chdir(script.parents[1])
    assert pasted(_RESUME) == pasted(pasted(_RESUME)) == "go on with `./scripts/python -m warpgen.resume`"
    assert pasted("./scripts/produce --rows 5") == "./scripts/python -m warpgen.run --rows 5"
    assert pasted("run `python -m pip install ray`") == "run `./scripts/python -m pip install ray`"
    assert pasted(_RESUME, script.parents[1] / "try") == "go on with `../scripts/python -m warpgen.resume`"
    monkeypatch.chdir(tmp_path)
    assert pasted(_RESUME) == f"go on with `{shlex.quote(str(script))} -m warpgen.resume`"
    assert pasted(_RESUME, tmp_path) == _RESUME


def test_where_it_is_installed_it_is_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name where the shell finds it, else by its path; Python itself where there is no command."""
    programs = _installed(tmp_path, monkeypatch)
    monkeypatch.chdir(tmp_path)
    assert pasted(_RESUME) == "go on with `./env/bin/warpgen resume`"
    assert pasted("python -m pip install ray") == "./env/bin/python -m pip install ray"
    assert pasted(_RESUME, tmp_path / "data") == "go on with `../env/bin/warpgen resume`"
    assert pasted(_RESUME, tmp_path.parent) == _RESUME
    monkeypatch.chdir(tmp_path.parent)
    assert pasted(_RESUME) == f"go on with `{shlex.quote(f'{programs}/warpgen')} resume`"
    monkeypatch.setenv("PATH", str(programs))
    assert pasted(_RESUME) == pasted(_RESUME, tmp_path.parent) == "go on with `warpgen resume`"
    assert pasted("./scripts/produce --rows 5") == "warpgen run --rows 5"
    (programs / "warpgen").unlink()
    assert pasted(_RESUME) == _RESUME


def test_the_packages_are_those_that_pip_installs() -> None:
    """What is looked for is what pyproject.toml names, but for libraries that nothing imports by name."""
    text = (REPOSITORY / "pyproject.toml").read_text()
    listed = text.partition("\ndependencies = [\n")[2].partition("\n]\n")[0]
    lines = [line for line in listed.splitlines() if "python_version" not in line]  # of older Pythons alone
    names = set(re.findall(r'^    "([\w-]+)', "\n".join(lines), re.M))
    assert {name for name in names if not name.startswith("nvidia-")} == set(needs.PACKAGES.values())


def test_packages_that_a_sentence_names_are_those_of_the_extras() -> None:
    """Whoever follows a sentence installs a version that is good enough."""
    project = (REPOSITORY / "pyproject.toml").read_text()
    told = [
        requirement
        for path in (REPOSITORY / "warpgen").rglob("*.py")
        for call in re.findall(r"python -m pip install ([^`]+)`", path.read_text())
        for requirement in re.findall(r"'([\w-]+>=[\d.]+)'", call)
    ]
    assert len(told) > 4
    assert [requirement for requirement in told if f'"{requirement}' not in project] == []
