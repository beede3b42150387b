"""Files on disk cut or flipped at a random place, and what becomes of the datasets: `carry_out` tries one.

Whatever was damaged, a run ends with the bytes of an undisturbed one (`mended`), or a command ends with one
sentence about it (`named`), or what is read is what was written (`harmless`: space between two fields).
Anything else is Broken.
"""

from __future__ import annotations

import contextlib
import io
import random
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import msgspec

from tests.support import imaginary
from tests.support.commands import files
from tests.support.crash_session import LIMIT, Broken, Session, check_exit, damage
from tests.support.imaginary import ImaginaryJob, PowerCut, power_cut, quick
from tests.support.readers import READERS, again, told
from warpgen import merge
from warpgen.errors import UsageError
from warpgen.paths import manifest_path
from warpgen.production import session
from warpgen.production.engines.serial import SerialEngine
from warpgen.production.partial import share
from warpgen.production.run_options import RunOptions
from warpgen.production.state import roots
from warpgen.production.state.journal import Journal, Share, Stored
from warpgen.production.state.layout import Layout
from warpgen.production.unit import Unit
from warpgen.recipe import UNIT_SIZE
from warpgen.record import TARGETS
from warpgen.reporting.check import first_difference
from warpgen.reporting.manifest import read
from warpgen.reporting.state import is_as_written

RECIPE = imaginary.recipe_of(rows=150)
ALL = {**READERS, "run": again(RECIPE)}

MENDED, NAMED, HARMLESS = "mended", "named", "harmless"


class Case(msgspec.Struct, frozen=True):
    """A file, by its name's pattern, of a root in this state."""

    scene: str
    name: str


# --- the roots that are damaged ----------------------------------------------------------------------


def _unfinished(root: Path) -> None:
    """A run that lost its power, with shards ahead of its merge."""
    with contextlib.suppress(PowerCut):
        imaginary.produce(root, RECIPE, trouble={70: power_cut})
    layout = Layout(root)
    job, log = ImaginaryJob(layout, RECIPE), Journal(layout.journal)
    for unit in (Unit(128, 160), Unit(160, 192)):
        made = job(unit)
        log.append(Stored(made.start, made.stop, made.checksum))
    log.close()


def _ending(root: Path) -> None:
    """A run that has all its rows and lost its power before there was a manifest."""
    with contextlib.suppress(PowerCut), mock.patch.object(session, "write_manifest", side_effect=PowerCut):
        imaginary.produce(root, RECIPE)


def _finished(root: Path) -> None:
    imaginary.produce(root, RECIPE)


def _shares(root: Path) -> None:
    """The roots of two shares, to be joined."""
    for number in (1, 2):
        with roots.held(root / str(number)) as (layout, _):
            of_all = Share(number, 2)
            stored = share.begin(layout, RECIPE, of_all, "2020-01-01T00:00:00+00:00", overwrite=False)
            work = share.ShareRun(layout, RECIPE, of_all, stored, None)
            work.carry_out(SerialEngine(), ImaginaryJob(layout, RECIPE))


_KILLED = "killed"  # made anew for each trial: no two are killed at the same moment

# Checkpoints lag behind, as in real runs, so that shards wait that are merged already or come next.
_SLOW = RunOptions(workers=2, unit_seconds=0.6, silent_seconds=0.6, checkpoint_seconds=0.2)


def _linger(unit: Unit) -> None:
    """Some units take longer than others, the same in every process."""
    time.sleep(0.01 + 0.01 * (unit.start // 16 * 7 % 5))


def _begin(root: Path) -> int:
    return imaginary.produce(root, RECIPE, _SLOW, dict.fromkeys(range(0, 1000, 16), _linger))


def _go_on(root: Path, options: RunOptions) -> int:
    return imaginary.go_on(root, options, dict.fromkeys(range(0, 1000, 16), _linger))


def _killed(root: Path, draw: random.Random) -> None:
    """A run of two workers that was killed at any moment, from its first shard to its last."""
    session = Session(lambda: _begin(root), root.with_name("log"), lambda: None)
    while session.poll() and not any(Layout(root).shards.glob("*.shard")):
        time.sleep(0.001)
    time.sleep(draw.random() * 0.3)
    session.end()


# --- what must hold of each --------------------------------------------------------------------------


def _resumed(root: Path, expected: dict[str, bytes], draw: random.Random) -> str:
    try:
        imaginary.go_on(root, quick())
    except UsageError as error:
        if "--overwrite" not in str(error):
            raise Broken(f"the sentence does not say what to do: {error}") from error
        shutil.rmtree(root)  # as the sentence says: begin again
        imaginary.produce(root, RECIPE)
        _check_whole(root, expected)
        return NAMED
    _check_whole(root, expected)
    return MENDED


def _resumed_by_workers(root: Path, expected: dict[str, bytes], draw: random.Random) -> str:
    """By one to four, as a process of its own that is ended if it hangs or fills the disk."""
    options = msgspec.structs.replace(_SLOW, workers=draw.randint(1, 4))
    session = Session(lambda: _go_on(root, options), root.with_name("log"), lambda: None)
    while session.poll():
        waiting = [path.name for path in Layout(root).shards.glob("*.shard")]
        ahead = sum(int(name.removesuffix(".shard").split("-")[1]) for name in waiting)
        if ahead > 4 * UNIT_SIZE * (options.workers + 3) or time.monotonic() - session.began > LIMIT:
            session.end()
            raise Broken(f"{options.workers} workers resume for ever, {ahead} programs wait")
        time.sleep(0.01)
    session.end()
    check_exit(session, {0, 2})
    if session.code == 2:
        said = [line for line in session.errors.splitlines() if line.startswith("warpgen: ")]
        if "--overwrite" not in said[-1]:
            raise Broken(f"the sentence does not say what to do: {said}")
        return NAMED
    _check_whole(root, expected)
    return MENDED


def _checked(root: Path, expected: dict[str, bytes], draw: random.Random) -> str:
    """A finished root: either what is wrong is named, of a dataset by all that read it, or nothing is."""
    unseen = [name for name, reader in ALL.items() if not told(reader, root)]
    if files(root) != expected:
        if unseen:
            raise Broken(f"a damaged dataset is not seen by {', '.join(unseen)}")
        return NAMED
    if "stats --check" not in unseen or not is_as_written(root):
        return NAMED
    _check_whole(root, expected)
    return HARMLESS


def _joined(root: Path, expected: dict[str, bytes], draw: random.Random) -> str:
    try:
        merge.main([str(root / "1"), str(root / "2"), "--root", str(root / "whole")])
    except UsageError as error:
        return _named(str(error))
    _check_whole(root / "whole", expected)
    return MENDED


def _named(sentence: str) -> str:
    if not sentence.strip():
        raise Broken("an error that says nothing")
    return NAMED


def _check_whole(root: Path, expected: dict[str, bytes]) -> None:
    if files(root) != expected:
        raise Broken("other datasets than undisturbed")
    if imaginary.files_left(root) != imaginary.FINISHED:
        raise Broken(f"left over: {imaginary.files_left(root)}")
    for target in TARGETS:
        wrong = first_difference(root, target)
        if wrong:
            raise Broken(f"the manifest of {target} is not true: {wrong}")
        read(manifest_path(root, target))
    if not is_as_written(root):
        raise Broken("the state file is not as it was written")


_Judge = Callable[[Path, dict[str, bytes], random.Random], str]
_SCENES: dict[str, tuple[Callable[[Path], None], _Judge]] = {
    "unfinished": (_unfinished, _resumed),
    "ending": (_ending, _resumed),
    "finished": (_finished, _checked),
    "shares": (_shares, _joined),
}

_JUDGES = {scene: judge for scene, (_, judge) in _SCENES.items()} | {_KILLED: _resumed_by_workers}

_STATE = "DATASET_STATE.md"
CASES = (
    *(Case("unfinished", name) for name in ("journal", "*.shard", _STATE, "*.partial", "seen")),
    *(Case("ending", name) for name in ("journal", _STATE, "*.jsonl", "failures.jsonl")),
    *(Case("finished", name) for name in ("*_manifest.json", _STATE, "*_dataset.jsonl")),
    *(Case("shares", name) for name in ("journal", "*.shard")),
    *(Case(_KILLED, name) for name in ("*.shard", "journal", "*.partial")),
)


class Trials:
    """Carries cases out on copies of each scene's root. `scratch` is an empty folder."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        for name, (make, _) in _SCENES.items():
            with _quiet():
                make(scratch / name)
        self.expected = files(scratch / "finished")

    def carry_out(self, case: Case, draw: random.Random) -> tuple[str, str]:
        """What was done, and what came of it. Raises Broken."""
        root = self._scratch / "root"
        try:
            self._lay_out(case.scene, root, draw)
            files = sorted(path for path in root.rglob(case.name) if path.is_file() and path.stat().st_size)
            done = damage(draw.choice(files), draw) if files else "nothing was there to damage"
            with _quiet():
                outcome = _JUDGES[case.scene](root, self.expected, draw)
            self._check_told(case, root, outcome)
            return done, outcome
        except Broken as error:
            raise Broken(f"{done}: {error}") from error
        finally:
            shutil.rmtree(root, ignore_errors=True)

    def _lay_out(self, scene: str, root: Path, draw: random.Random) -> None:
        if scene == _KILLED:
            _killed(root, draw)
        else:
            shutil.copytree(self._scratch / scene, root, symlinks=True)

    def _check_told(self, case: Case, root: Path, outcome: str) -> None:
        """What is mended in the state file is noted there; no field of a manifest changes without harm."""
        if case.name == _STATE and outcome == MENDED and "found damaged" not in (root / _STATE).read_text():
            raise Broken("the state file was gone on from as if it were whole")
        for target in TARGETS if outcome == HARMLESS else ():
            if read(manifest_path(root, target)) != read(manifest_path(self._scratch / "finished", target)):
                raise Broken("a manifest was changed and nothing said so")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what runs say."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
