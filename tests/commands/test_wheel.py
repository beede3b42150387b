"""The wheel, installed beside nothing but what it names, makes what the checkout makes."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.support.commands import files
from tests.support.pages import checkout
from tests.support.roots import made_root

# CUDA rows name the NVRTC that judged them.
RECIPE = ("--rows", "6", "--complexity", "small", "--verify", "compile")


def _call(*command: str | Path) -> None:
    """Outside the checkout and without its path."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment, cwd="/")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with the wheel in it, and this environment's packages on its path.

    What the wheel asks for is held against them by name and version: to download it proves no more.
    """
    pytest.importorskip("flit_core", reason="building a wheel needs flit_core")
    folder = tmp_path_factory.mktemp("wheel")
    checkout(folder / "source")
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    _call(*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", folder, folder / "source")
    _call(sys.executable, "-m", "venv", "--without-pip", folder / "env")
    (wheel,) = folder.glob("*.whl")
    (packages,) = (folder / "env" / "lib").glob("python*/site-packages")
    _call(*pip, "install", "--no-deps", "--target", packages, wheel)
    (packages / "shared.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "env" / "bin" / "python"


def test_the_wheel_asks_for_what_is_installed_here(installed: Path) -> None:
    """By name and version, so a bare environment gets what decides a byte."""
    code = """
import importlib.metadata, pathlib, sys, warpgen
assert pathlib.Path(warpgen.__file__).is_relative_to(sys.prefix), warpgen.__file__
from packaging.requirements import Requirement
for line in importlib.metadata.requires("warpgen"):
    wanted = Requirement(line)
    if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
        assert wanted.specifier.contains(importlib.metadata.version(wanted.name)), line
"""
    _call(installed, "-c", code)


def test_the_wheel_makes_the_bytes_of_the_checkout(installed: Path, tmp_path: Path) -> None:
    """With assertions and without."""
    _call(installed, "-m", "warpgen.run", *RECIPE, "--root", tmp_path / "wheel")
    _call(installed, "-O", "-m", "warpgen.run", *RECIPE, "--root", tmp_path / "optimised")
    made = [*(files(tmp_path / name) for name in ("wheel", "optimised")), files(made_root(*RECIPE))]
    assert len(made[0]) == 2
    assert made[0] == made[1] == made[2]
