"""What `stats` says to a terminal and into a pipe."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.support.commands import REPOSITORY, call, finished, python
from tests.support.reporting_root import finished_root
from warpgen.paths import manifest_path


def test_a_reader_that_stops_early_sees_no_traceback(tmp_path: Path) -> None:
    """Into a closed pipe the command ends with the exit code of SIGPIPE and says nothing."""
    finished_root(tmp_path)
    command = [sys.executable, "-m", "warpgen.stats", "--root", str(tmp_path), "--json"]
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = finished(command, 60, stdout=writing, cwd=REPOSITORY)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_terminal_without_unicode_gets_plain_characters(tmp_path: Path) -> None:
    """What cannot be encoded is shown as a question mark."""
    finished_root(tmp_path)
    done = python("-m", "warpgen.stats", "--root", tmp_path, env={"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "????" in done.stdout


def test_an_error_cannot_speak_to_the_terminal(tmp_path: Path) -> None:
    """It may quote a field's name from a stranger's manifest."""
    finished_root(tmp_path, ("cpu",))
    path = manifest_path(tmp_path, "cpu")
    path.write_bytes(path.read_bytes().replace(b'"licence"', b'"\\u001b]0;x\\u0007"'))
    code, _, errors = call("stats", "--root", tmp_path)
    assert code == 2
    assert "\x1b" not in errors and "\\x1b]0;x\\x07" in errors
