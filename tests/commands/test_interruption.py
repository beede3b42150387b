"""SIGINT, SIGTERM, SIGHUP: every command tidies up, kills its children and leaves with 128 + the number."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.support.commands import SAMPLES, SMALL
from tests.support.roots import made_root
from warpgen.process import STOPS

SAMPLE = SAMPLES["cpu"]
_LIMIT = 60  # seconds for an end that takes one or two


class Place:
    """A command in a session of its own, with a folder of temporary files of its own."""

    def __init__(self, folder: Path, *command: str | Path) -> None:
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self._before = self._tree(folder)
        self._folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", *map(str, command)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=os.environ | {"TMPDIR": str(self.temporary)},
        )

    def when(self, ready: Callable[[], object]) -> None:
        """Wait for a moment of its work."""
        while not ready():
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.01)

    def stop(self, number: signal.Signals) -> None:
        """Send a signal: it must end by it, soon, without a process or a file that was not there before."""
        started = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=_LIMIT)
        assert (self.process.returncode, errors.count("Traceback")) == (128 + number, 0), errors
        assert psutil.wait_procs(started, timeout=10)[1] == []
        assert self._tree(self._folder) == self._before

    @staticmethod
    def _tree(folder: Path) -> list[str]:
        return sorted(str(path) for path in folder.rglob("*"))


def _many(folder: Path) -> Path:
    """More rows than one worker takes at a time."""
    path = folder / "rows.jsonl"
    path.write_bytes(SAMPLE.read_bytes() * 10)
    return path


@pytest.mark.parametrize("number", STOPS)
def test_verify_tidies_up(tmp_path: Path, number: signal.Signals) -> None:
    """While its workers compile."""
    place = Place(tmp_path, "warpgen.verify", _many(tmp_path), "--workers", "2")
    place.when(lambda: list(place.temporary.glob("warpgen-verify-*/*/checks")))
    place.stop(number)


def test_verify_says_what_became_of_a_worker(tmp_path: Path) -> None:
    """And tidies up as after a signal to itself."""
    place = Place(tmp_path, "warpgen.verify", _many(tmp_path), "--workers", "2")
    place.when(lambda: list(place.temporary.glob("warpgen-verify-*/1/checks")))
    psutil.Process(place.process.pid).children()[0].kill()
    _, errors = place.process.communicate(timeout=_LIMIT)
    assert (place.process.returncode, errors.splitlines()) == (
        2,
        ["warpgen: a worker was killed by SIGKILL; run the command again"],
    )
    assert list(place.temporary.iterdir()) == []


@pytest.mark.parametrize("number", STOPS)
def test_harvest_tidies_up(tmp_path: Path, number: signal.Signals) -> None:
    """While a package that takes its time is imported."""
    package = tmp_path / "slow"
    package.mkdir()
    mark = tmp_path / "mark"
    mark.touch()
    lines = "import time\nopen({!r}, 'w').write('here')\ntime.sleep(60)\nimport warp as wp\n\n\n@wp.kernel\n"
    (package / "kernels.py").write_text(
        lines.format(str(mark)) + "def k(x: wp.array(dtype=float)):\n    x[0] = 1.0\n"
    )
    place = Place(tmp_path, "warpgen.harvest", package, "--root", tmp_path / "new" / "root")
    place.when(mark.read_text)
    place.stop(number)


@pytest.mark.parametrize("number", STOPS)
@pytest.mark.parametrize("view", ["rows", "instruct"])
def test_export_tidies_up(tmp_path: Path, number: signal.Signals, view: str) -> None:
    """While it writes, and while its processes compile."""
    out = tmp_path / "new" / "out"
    arguments = ("--root", made_root(*SMALL), "--format", "parquet", "--view", view, "--out", out)
    place = Place(tmp_path, "warpgen.export", *arguments)
    if view == "rows":
        place.when(lambda: list(out.parent.glob(".out-*")))
    else:
        place.when(lambda: list(place.temporary.glob("warpgen-parallel-*/kernels")))
    place.stop(number)


@pytest.mark.parametrize("number", STOPS)
def test_a_run_stops_in_good_order(tmp_path: Path, number: signal.Signals) -> None:
    """It says how to go on, and leaves nothing among the temporary files."""
    place = Place(tmp_path, "warpgen.run", "--rows", "5000", "--workers", "2", "--root", tmp_path / "root")
    place.when(lambda: list((tmp_path / "root").glob("data/work/scratch/worker-1/*")))
    place.process.send_signal(number)
    _, errors = place.process.communicate(timeout=_LIMIT)
    assert place.process.returncode == 128 + number
    assert f"stopped by {number.name}; nothing is lost" in errors
    assert list(place.temporary.iterdir()) == []


def test_a_run_whose_terminal_is_gone(tmp_path: Path) -> None:
    """It stops as by any signal, and does not take the terminal's error for one of the disk."""
    pid, terminal = pty.fork()
    root = tmp_path / "root"
    if pid == 0:
        command = [sys.executable, *"-m warpgen.run --rows 5000 --workers 2 --root".split(), str(root)]
        os.execv(sys.executable, command)
    while not list(root.glob("data/work/scratch/worker-1/*")):
        os.read(terminal, 1 << 16)
        time.sleep(0.01)
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 129
    assert re.search(r"stopped by SIGHUP", (root / "DATASET_STATE.md").read_text())
