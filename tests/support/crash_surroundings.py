"""Cases of the crash table in which what is around a run is at fault: disk, files, pipes, other sessions."""

from __future__ import annotations

import contextlib
import functools
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.support.crash_faults import COORDINATOR_PLACES, Fault
from tests.support.crash_session import Broken, Case, Session, Trial, check_exit, damage
from warpgen.production.state.layout import Layout

NOBODY = 65534  # by custom the user without rights


def _interrupted(trial: Trial, draw: random.Random) -> None:
    """A run that has a checkpoint and shards ahead of it, and is dead."""
    trial.session(Fault(where="merge", how="SIGKILL", nth=draw.randint(2, 4)))


def _full_disk(trial: Trial, draw: random.Random) -> None:
    """The root on a file system of its own that is too small; then someone makes it larger."""
    trial.root.mkdir()
    _mount(trial.root, f"size={draw.randrange(24, 200, 4)}k")
    try:
        session = trial.session()
        check_exit(session, {2})
        if "space left" not in session.errors:
            raise Broken(f"the disk is full and the message does not say so: {session.errors}")
        subprocess.run(["mount", "-o", "remount,size=64m", trial.root], check=True)
        trial.finish()
    finally:
        subprocess.run(["umount", trial.root], check=True)


def _mount(path: Path, options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"{options},mode=755", "tmpfs", path], check=True)


@functools.cache
def can_mount() -> bool:
    """Whether this process may mount a small file system; in CI perhaps not."""
    with tempfile.TemporaryDirectory() as name:
        try:
            _mount(Path(name), "size=4k")
        except (OSError, subprocess.CalledProcessError):
            return False
        subprocess.run(["umount", name], check=True)
        return True


def _read_only(trial: Trial, draw: random.Random) -> None:
    """A folder of an interrupted run may not be written; the session has no rights that pass over that."""
    _interrupted(trial, draw)
    folders = [path for path in trial.root.rglob("*") if path.is_dir() and path.name != "reports"]
    folder = draw.choice([trial.root, *folders])
    for path in (trial.root, *trial.root.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    folder.chmod(0o555)
    try:
        session = trial.session(prepare=_drop_rights)
        check_exit(session, {2, 0})  # not every folder is written to
        if session.code == 2 and "ermission" not in session.errors:
            raise Broken(
                f"the folder {folder} is read-only and the message does not say so: {session.errors}"
            )
    finally:
        folder.chmod(0o755)
    trial.finish()


def _drop_rights() -> None:
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def _damaged(name: str, trial: Trial, draw: random.Random) -> None:
    """Files of an interrupted run are damaged, each in one place."""
    _interrupted(trial, draw)
    for path in _choose(trial.root, name, draw):
        damage(path, draw)
    # The state file that a person damaged is not the program's lie: the next session writes it anew.
    _finish_damaged(trial)


def _missing(name: str, trial: Trial, draw: random.Random) -> None:
    """Files of an interrupted run are gone."""
    _interrupted(trial, draw)
    for path in _choose(trial.root, name, draw):
        path.unlink()
    _finish_damaged(trial)


def _choose(root: Path, name: str, draw: random.Random) -> list[Path]:
    found = sorted(path for path in root.rglob(name) if path.is_file())
    return [draw.choice(found)] if found else []


def _finish_damaged(trial: Trial) -> None:
    """As `finish`, but the state file's figures are allowed to be wrong until a session has begun."""
    trial.forgiven = True
    session = trial.session()
    if session.code == 2 and "damaged in both copies" in session.errors:
        shutil.rmtree(trial.root)  # as the sentence says: begin anew
        session = trial.session()
    check_exit(session, {0})
    trial.check_end()


def _two_places(trial: Trial, draw: random.Random) -> None:
    """A second session in the same root, while one is at work: refused, and the first is not disturbed."""
    refused = 0

    def outside(session: Session) -> None:
        nonlocal refused
        if not refused and Layout(trial.root).journal.exists():
            refused = 1
            second = Session(
                lambda: trial.kind.go_on(trial.root), trial.root.with_name("second"), lambda: None
            )
            while second.poll():
                time.sleep(0.01)
            check_exit(second, {2})
            if "another warpgen run" not in second.errors and "nothing to resume" not in second.errors:
                raise Broken(second.errors)

    check_exit(trial.session(None, outside), {0})
    trial.check_end()


def _full_pipe(trial: Trial, draw: random.Random) -> None:
    """Nobody reads what the run says, and the pipe is full: it waits, and ends when someone reads."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b"x" * 4096)
    os.set_blocking(writing, True)
    due = time.monotonic() + 1

    def outside(session: Session) -> None:
        if time.monotonic() >= due:
            os.set_blocking(reading, False)
            with contextlib.suppress(BlockingIOError):
                os.read(reading, 1 << 16)

    try:
        check_exit(trial.session(None, outside, lambda: _say_into(writing)), {0})
    finally:
        os.close(reading)
        os.close(writing)
    trial.check_end()


def _closed_pipe(trial: Trial, draw: random.Random) -> None:
    """Whoever read what the run says is gone, as in `| head`: it ends, and the disk is not blamed."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        session = trial.session(None, None, lambda: _say_into(writing))
    finally:
        os.close(writing)
    check_exit(session, {0, 141})
    state = (trial.root / "DATASET_STATE.md").read_text()
    if "blocked" in state:
        raise Broken(f"nothing is wrong with the root: {state}")
    trial.finish()


def _say_into(pipe: int) -> None:
    os.dup2(pipe, 1)
    os.dup2(pipe, 2)


def _old_lock(trial: Trial, draw: random.Random) -> None:
    """The lock file of a dead session, with whatever in it, does not keep the next out."""
    _interrupted(trial, draw)
    Layout(trial.root).lock.write_bytes(draw.randbytes(10))
    trial.finish()


def _leavings(trial: Trial, draw: random.Random) -> None:
    """Temporary files and shards of a dead session, of any age, do not disturb and do not stay."""
    _interrupted(trial, draw)
    work = trial.root / "data/work"
    for name in ("shards/000000000016-016.shard.tmp", "shards/000009999936-064.shard", "journal.tmp", "x"):
        (work / name).write_bytes(draw.randbytes(100))
    trial.finish()


def _again_and_again(trial: Trial, draw: random.Random) -> None:
    """Five sessions in a row that are killed, each wherever it happens to be."""
    for _ in range(5):
        place = draw.choice([*COORDINATOR_PLACES, "sync", "sync", "rename"])
        how = "tear" if place == "sync" else "SIGKILL"
        session = trial.session(Fault(where=place, how=how, nth=draw.randint(1, 12)))
        check_exit(session, {-9, 0, 2})
        if session.code != -signal.SIGKILL:
            break
    trial.finish(2)


def surroundings() -> Iterator[Case]:
    yield Case("all files", "a small file system", _full_disk, needs_mount=True)
    yield Case("a folder", "read-only", _read_only)
    for name in ("journal", "*.shard", "seen", "failures.jsonl", "*.partial", "DATASET_STATE.md"):
        yield Case(name, "bit flipped or cut", functools.partial(_damaged, name))
        if name != "journal":
            yield Case(name, "gone", functools.partial(_missing, name))
    yield Case("the root", "two sessions at once", _two_places)
    yield Case("the root", "an old lock file", _old_lock)
    yield Case("the root", "leavings of a dead session", _leavings)
    yield Case("output", "a full pipe", _full_pipe)
    yield Case("output", "a closed pipe", _closed_pipe)
    yield Case("everywhere", "killed five times", _again_and_again)
