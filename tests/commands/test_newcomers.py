"""What newcomers are told to call works when pasted; without its packages warpgen says how to get them."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.support.commands import REPOSITORY, SAMPLES, call, files, finished, python
from tests.support.reporting_root import finished_root


def test_the_next_action_of_a_finished_run_works_where_its_datasets_are_and_where_not(tmp_path: Path) -> None:
    """As in a clean clone, which has manifests alone: there it makes the same datasets and checks them."""
    code, _, errors = call("run", "--rows", "3", "--verify", "none", "--seed", "7", "--root", tmp_path)
    assert code == 0, errors
    made = files(tmp_path)
    block = (tmp_path / "DATASET_STATE.md").read_text().partition("```bash\n")[2].partition("```")[0]
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(REPOSITORY),
    }
    for there in (True, False):
        if not there:
            for path in tmp_path.glob("data/production_*"):
                shutil.rmtree(path)
        done = finished(["bash", "-euc", block], 120, cwd=tmp_path, env=environment)
        assert (done.returncode, files(tmp_path)) == (0, made), done.stderr
        assert ("here already" in done.stdout) == there
        assert "every figure of manifests/cuda_manifest.json agrees" in done.stdout


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python without any package."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, symlinks=True)
    return folder / "bin" / "python"


@pytest.mark.parametrize(
    "command",
    [
        "run",
        "resume",
        "merge",
        "stats --check",
        "verify x",
        "export",
        "harvest x",
        "report",
        "show",
        "nonsense",
    ],
)
def test_without_the_packages_every_command_says_how_to_get_them(command: str, bare: Path) -> None:
    """One sentence with the call that works, and exit code 2."""
    words = ["-m", *f"warpgen.{command}".split(), "--root", "a b"]
    done = subprocess.run([bare, *words], cwd=REPOSITORY, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "warpgen: this Python lacks warp-lang, numpy, multiprocess, zstandard, psutil, xxhash, msgspec and "
        f"rich: run `./scripts/python -m warpgen.{command} --root 'a b'`, which installs them first\n"
    )


def test_without_the_packages_the_list_and_an_import_say_so_too(bare: Path, tmp_path: Path) -> None:
    """`python -m warpgen` as the commands; an import raises ImportError; outside a checkout pip is named."""
    done = subprocess.run([bare, "-m", "warpgen"], cwd=REPOSITORY, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    done = subprocess.run([bare, "-c", "import warpgen"], cwd=REPOSITORY, capture_output=True, text=True)
    last = done.stderr.splitlines()[-1]
    assert re.fullmatch(
        "ImportError: warpgen cannot be imported, as this Python lacks .* use ./scripts/python, which .*",
        last,
    )
    for name in ("__init__.py", "needs.py", "stats.py"):
        (tmp_path / "warpgen").mkdir(exist_ok=True)
        (tmp_path / "warpgen" / name).write_text((REPOSITORY / "warpgen" / name).read_text())
    done = subprocess.run([bare, "-m", "warpgen.stats"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"run {shlex.quote(str(bare))} -m pip install warp-lang numpy multiprocess " in done.stderr


def test_to_read_rows_two_packages_are_enough(bare: Path, tmp_path: Path) -> None:
    """A reader of rows need not install Warp."""
    for name in ("msgspec", "xxhash"):
        package = importlib.util.find_spec(name)
        assert package is not None and package.origin is not None
        (tmp_path / name).symlink_to(Path(package.origin).parent)
    read = "import warpgen; print(warpgen.open('data/samples/cpu_sample.jsonl').first().target)"
    path = {"PYTHONPATH": f"{tmp_path}:{REPOSITORY}"}
    done = subprocess.run([bare, "-c", read], cwd=REPOSITORY, env=path, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("cpu\n", "")


@pytest.mark.parametrize("whole", [False, True])
def test_importing_and_opening_loads_neither_warp_nor_numpy(tmp_path: Path, whole: bool) -> None:
    """`import warpgen` and reading rows of a file or a root stay light."""
    finished_root(tmp_path)
    place = str(tmp_path if whole else SAMPLES["cpu"])
    code = f"import sys, warpgen; warpgen.open({place!r}).first(); print(*sys.modules)"
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    assert {"warp", "numpy", "rich"}.isdisjoint(done.stdout.split())
