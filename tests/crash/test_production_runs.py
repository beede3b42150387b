"""Whole runs of imaginary programs: the same bytes however they come about."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import signal
import time
from pathlib import Path

import msgspec
import pytest

from tests.support import imaginary
from tests.support.commands import files
from tests.support.coordinator_stage import Ask, Stage
from tests.support.imaginary import (
    FINISHED,
    PowerCut,
    Trouble,
    files_left,
    go_on,
    power_cut,
    produce,
    quick,
    recipe_of,
    shard_of,
    undisturbed,
)
from warpgen.errors import DamageError, RootError
from warpgen.interruption import Interrupted
from warpgen.production.state import journal, recovery
from warpgen.production.state.layout import Layout
from warpgen.production.state.shard import Refusal
from warpgen.production.unit import Unit
from warpgen.production.work.worker import store
from warpgen.recipe import UNIT_SIZE
from warpgen.record import TARGETS, Target

ROWS = 400
RECIPE = recipe_of(ROWS)


@pytest.fixture(scope="module")
def cut_short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root whose run lost its power in the fifth unit."""
    root = tmp_path_factory.mktemp("cut")
    with pytest.raises(PowerCut):
        produce(root, RECIPE, trouble={300: power_cut})
    return root


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_any_number_of_workers_gives_the_same_bytes(tmp_path: Path, workers: int) -> None:
    """Arrival order has no influence, and only finished files stay."""
    assert produce(tmp_path, RECIPE, quick("local", workers)) == 0
    assert files(tmp_path) == undisturbed(ROWS)
    assert files_left(tmp_path) == FINISHED
    state = (tmp_path / "DATASET_STATE.md").read_text()
    assert "**Status**: completed" in state
    assert str(tmp_path) not in state


def test_a_run_is_resumed_from_where_it_stopped(tmp_path: Path, cut_short: Path) -> None:
    """Nothing that was merged is made again."""
    root = shutil.copytree(cut_short, tmp_path / "root", symlinks=True)
    made: list[Unit] = []
    assert go_on(root, trouble=dict.fromkeys(range(0, 1000, UNIT_SIZE), made.append)) == 0
    assert min(unit.start for unit in made) == 2 * UNIT_SIZE
    assert files(root) == undisturbed(ROWS)


@pytest.mark.parametrize("seed", range(12))
def test_power_cuts_change_nothing(tmp_path: Path, seed: int) -> None:
    """A run that loses its power again and again ends with the same bytes, by whatever engine."""
    draw = random.Random(seed)
    with pytest.raises(PowerCut):
        produce(tmp_path, RECIPE, trouble={draw.randrange(400): power_cut})
    for _ in range(2):
        trouble: dict[int, Trouble] = {draw.randrange(500): power_cut}
        try:
            go_on(tmp_path, trouble=trouble)
        except PowerCut:
            continue
        break
    else:
        go_on(tmp_path, quick("local", draw.randint(1, 3)))
    assert files(tmp_path) == undisturbed(ROWS)


@pytest.mark.parametrize("seed", range(40))
def test_damaged_files_are_mended(tmp_path: Path, cut_short: Path, seed: int) -> None:
    """A bit flipped or a cut at any byte of any file of an unfinished run: the same bytes in the end."""
    draw = random.Random(seed)
    root = shutil.copytree(cut_short, tmp_path / "root", symlinks=True)
    path = draw.choice([path for path in root.rglob("*") if path.is_file() and path.stat().st_size])
    data = bytearray(path.read_bytes())
    place = draw.randrange(len(data))
    if draw.random() < 0.5:
        data[place] ^= 1 << draw.randrange(8)
    else:
        del data[place:]
    path.write_bytes(data)
    try:
        go_on(root)
    except DamageError:
        assert path.name == "journal"
        assert place < 2 * data.find(b"\n") + 2 or data.count(b"\n") < 1
        return
    assert files(root) == undisturbed(ROWS)


@pytest.mark.parametrize("name", ["shards", "scratch", "seen", "failures.jsonl"])
def test_missing_files_are_made_again(tmp_path: Path, cut_short: Path, name: str) -> None:
    """Whatever is gone but the journal."""
    root = shutil.copytree(cut_short, tmp_path / "root", symlinks=True)
    path = root / "data" / "work" / name
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    go_on(root)
    assert files(root) == undisturbed(ROWS)


def test_a_shard_damaged_while_it_waits_is_made_again(tmp_path: Path) -> None:
    """The merge finds it, and the unit goes to a worker again."""
    done = tmp_path / "damaged"

    def damage(unit: Unit) -> None:
        if not done.exists():
            (path,) = Layout(tmp_path).shards.glob("000000000016-*.shard")
            path.write_bytes(path.read_bytes()[:-1])
            done.touch()

    def wait(unit: Unit) -> None:
        while not done.exists():
            os.sched_yield()

    assert produce(tmp_path, RECIPE, quick("local", 2), {0: wait, 32: damage}) == 0
    assert files(tmp_path) == undisturbed(ROWS)


def test_shards_that_were_ahead_are_not_made_again(tmp_path: Path) -> None:
    """A resumed run makes the gaps between them, and nothing twice."""

    def wait(unit: Unit) -> None:
        while len(list(Layout(tmp_path).shards.glob("*.shard"))) < 5:
            os.sched_yield()
        os.kill(os.getppid(), signal.SIGINT)
        signal.pause()

    assert produce(tmp_path, RECIPE, quick("local", 2), {0: wait}) == 130
    ahead = {stored.start for stored in journal.read(Layout(tmp_path).journal).stored}
    assert len(ahead) >= 4
    made: list[Unit] = []

    def note(unit: Unit) -> None:
        if unit not in made:
            made.append(unit)

    assert go_on(tmp_path, trouble=dict.fromkeys(range(0, 1000, 8), note)) == 0
    starts = [index for unit in made for index in range(unit.start, unit.stop)]
    assert len(starts) == len(set(starts))
    assert not ahead & set(starts)
    assert files(tmp_path) == undisturbed(ROWS)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_in_good_order(
    tmp_path: Path, number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    """Checkpoint, state, a word on how to resume, the exit code that is the custom."""
    assert produce(tmp_path, RECIPE, trouble={300: lambda unit: signal.raise_signal(number)}) == 128 + number
    assert "warpgen.resume --root" in capsys.readouterr().err
    state = (tmp_path / "DATASET_STATE.md").read_text()
    assert "**Status**: in_progress" in state
    assert "python -m warpgen.resume\n" in state
    assert f"stopped by {number.name}" in state
    assert journal.read(Layout(tmp_path).journal).checkpoints[-1].next == 256
    assert go_on(tmp_path) == 0
    assert files(tmp_path) == undisturbed(ROWS)


def test_a_crash_while_a_run_ends_is_gone_on_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the final names given and the manifests not written, resume does only what is left."""
    with monkeypatch.context() as patched:
        patched.setattr("warpgen.production.session.write_manifest", power_cut_at_manifest)
        with pytest.raises(PowerCut):
            produce(tmp_path, RECIPE)
    made: list[Unit] = []
    assert go_on(tmp_path, trouble=dict.fromkeys(range(1000), made.append)) == 0
    assert made == []
    assert files(tmp_path) == undisturbed(ROWS)
    assert files_left(tmp_path) == FINISHED


def power_cut_at_manifest(*_: object) -> None:
    raise PowerCut


def test_a_full_disk_blocks_and_is_told(tmp_path: Path) -> None:
    """The run stops with one sentence, the state says what blocks it, and it can be resumed."""

    def remove_folder(unit: Unit) -> None:
        shutil.rmtree(Layout(tmp_path).shards)

    with pytest.raises(RootError, match="resume"):
        produce(tmp_path, RECIPE, quick("local", 1), {300: remove_folder})
    state = (tmp_path / "DATASET_STATE.md").read_text()
    assert "**Status**: blocked" in state
    assert go_on(tmp_path) == 0
    assert files(tmp_path) == undisturbed(ROWS)


def test_a_quarantined_program_is_listed(tmp_path: Path) -> None:
    """By its index and error, in both manifests, and the run goes on."""

    def die(unit: Unit) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    assert produce(tmp_path, recipe_of(rows=100), quick("local", 2), {20: die}) == 0
    for name in ("cpu", "cuda"):
        manifest = (tmp_path / "manifests" / f"{name}_manifest.json").read_text()
        assert "the worker was killed by SIGKILL" in manifest


def test_the_session_log_keeps_earlier_sessions(tmp_path: Path, cut_short: Path) -> None:
    """Each session adds one line."""
    root = shutil.copytree(cut_short, tmp_path / "root", symlinks=True)
    go_on(root)
    log = (root / "DATASET_STATE.md").read_text().partition("## Session Log\n")[2].splitlines()
    assert len(log) == 2
    assert "safe on disk" in log[0]
    assert "completed" in log[1]


def test_an_interruption_waits_for_a_good_moment() -> None:
    """A signal that comes between is told at the next welcome."""
    from warpgen.interruption import Interruption

    interruption = Interruption()
    with interruption.caught():
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Interrupted, match="SIGTERM"), interruption.welcome():
            pytest.fail("the signal was lost")


def test_beginning_clears_an_unfinished_run(cut_short: Path, tmp_path: Path) -> None:
    """An --overwrite leaves nothing of what was there."""
    root = shutil.copytree(cut_short, tmp_path / "root", symlinks=True)
    found = recovery.begin(Layout(root), recipe_of(rows=1), "")
    assert found.checkpoint.next == 0
    assert files_left(root) == ["DATASET_STATE.md", "data/work/journal"]


@pytest.mark.parametrize("workers", [1, 2, 3, 4])
@pytest.mark.parametrize("merged", [0, 16])
def test_a_shard_damaged_before_a_resume_is_in_work_once(tmp_path: Path, workers: int, merged: int) -> None:
    """The first that waits is made again in its old bounds, and nobody is given its programs in others."""
    with pytest.raises(PowerCut):
        produce(tmp_path, RECIPE, quick(), {merged: power_cut})
    unit = Unit(merged, merged + 16)
    outcome = store(Layout(tmp_path).shards, unit, shard_of(unit, RECIPE))
    log = journal.Journal(Layout(tmp_path).journal)
    log.append(journal.Stored(unit.start, unit.stop, outcome.checksum))
    log.close()
    (path,) = Layout(tmp_path).shards.glob(f"{merged:012d}-*.shard")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    made = tmp_path / "made"

    def note(unit: Unit) -> None:
        with made.open("a") as file:
            file.write(f"{unit.start} {unit.stop}\n")
        time.sleep(0.01)  # so that all workers are at work at once

    assert go_on(tmp_path, quick("local", workers), dict.fromkeys(range(0, 1000, 8), note)) == 0
    units = sorted({tuple(map(int, line.split())) for line in made.read_text().splitlines()})
    assert units[0][0] == merged
    assert all(stop <= start for (_, stop), (start, _) in itertools.pairwise(units))
    assert files(tmp_path) == undisturbed(ROWS)


def test_shards_that_wait_are_bounded(tmp_path: Path) -> None:
    """However long the merge waits for one: whoever asks for more gets nothing."""
    stage = Stage(tmp_path, recipe_of(rows=10_000), quick("local", 2))
    stage.begin()
    stage.tell(Ask())  # and this one never comes
    handed_out = 0
    while (unit := stage.asked) is not None and handed_out < 10_000:
        handed_out = unit.stop
        stage.tell(Ask())
        if stage.asked:
            stage.tell(store(Layout(tmp_path).shards, stage.asked, shard_of(stage.asked, stage.recipe)))
    assert handed_out <= 4 * UNIT_SIZE * (2 + 2) + UNIT_SIZE
    stage.tell(PowerCut())


def test_a_run_that_merges_nothing_says_so(tmp_path: Path) -> None:
    """And stops, instead of waiting for ever."""
    options = msgspec.structs.replace(quick("local", 2), silent_seconds=60.0, stalled_seconds=0.5)
    with pytest.raises(RootError, match="nothing was merged for"):
        produce(tmp_path, RECIPE, options, {0: lambda unit: time.sleep(60)})
    assert "nothing was merged for" in (tmp_path / "DATASET_STATE.md").read_text()


def test_a_run_in_which_nothing_can_be_made_says_why(tmp_path: Path) -> None:
    """After a few tries, and not after each program was tried alone."""
    tries = tmp_path / "tries"

    def fail(unit: Unit) -> None:
        with tries.open("a") as file:
            file.write("x")
        raise RuntimeError("no compiler")

    with pytest.raises(RootError, match=r"nothing can be made: .*RuntimeError: no compiler"):
        produce(tmp_path / "root", RECIPE, quick("local", 2), dict.fromkeys(range(1000), fail))
    assert tries.stat().st_size < 60


@pytest.mark.parametrize("target", TARGETS)
def test_a_dataset_whose_every_program_is_refused_alike_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: Target
) -> None:
    """Also where the other dataset gets all its rows."""
    monkeypatch.setattr(imaginary, "refused", lambda index, to: index >= 20 and to == target)
    monkeypatch.setattr(imaginary, "Refusal", lambda i, to, reason, _: Refusal(i, to, reason, "no compiler"))
    with pytest.raises(RootError, match=rf"the last \d+ programs have no {target} row, .*no compiler"):
        produce(tmp_path, RECIPE, trouble={})
