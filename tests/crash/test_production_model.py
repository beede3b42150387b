"""A coordinator, workers and all that can happen to them, in any order: the dataset is always the same.

The machine plays the engine, the disk and fate against the real coordinator, journal, merge and recovery.
"""

from __future__ import annotations

import functools
import gc
import itertools
import os
import random
import re
import signal
import tempfile
import threading
from collections import Counter
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings, stateful
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from tests.support import imaginary
from tests.support.commands import files
from tests.support.coordinator_stage import Ask, Stage
from tests.support.power import Disk
from warpgen import durable
from warpgen.errors import RootError
from warpgen.interruption import Interrupted
from warpgen.paths import manifest_path
from warpgen.production.engines.attempts import after_failure
from warpgen.production.state import journal, shard
from warpgen.production.state.chronicle import Chronicle
from warpgen.production.state.dedup import Index
from warpgen.production.state.journal import Checkpoint, Spent
from warpgen.production.state.layout import Layout
from warpgen.production.state.merge import Merge
from warpgen.production.unit import Outcome, Unit
from warpgen.production.work.worker import store
from warpgen.record import TARGETS
from warpgen.reporting.manifest import read
from warpgen.reporting.state import Output

RECIPE = imaginary.recipe_of(rows=150)
POISON = [frozenset[int](), frozenset({20}), frozenset({70, 71, 130})]  # programs that kill who makes them
LIMITS = settings(
    max_examples=80,  # eight seconds of CPU time
    stateful_step_count=40,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],  # add Phase.shrink for a shorter story of a failure, in minutes
    report_multiple_bugs=False,
)
_MOST_DAMAGE = 2  # of one shard in one session: at the third the coordinator says that the disk is at fault


class Fault(RuntimeError):
    """What a bad program ends in."""


def _fail(unit: Unit) -> None:
    raise Fault("poison")


@functools.cache
def undisturbed(poison: frozenset[int]) -> tuple[dict[str, bytes], list[dict[str, Any]]]:
    """Datasets and manifests of a run in which these programs, and nothing else, go wrong."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        imaginary.produce(root, RECIPE, trouble=dict.fromkeys(poison, _fail))
        return files(root), told(root)


def told(root: Path) -> list[dict[str, Any]]:
    """The manifests under a root, but for how the datasets happened to be made."""
    made = [msgspec.to_builtins(read(manifest_path(root, target))) for target in TARGETS]
    for manifest in made:
        del manifest["circumstances"], manifest["seal"]
    return made


class Production(stateful.RuleBasedStateMachine):
    """Rules are what can happen; each is carried out to where the coordinator waits for the next."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(prefix="model-")
        self.root = Path(self._folder.name)
        self.layout = Layout(self.root)
        self.disk = Disk(self.root)
        self._watch = self.disk.watched()
        self._watch.__enter__()
        self.stage: Stage | None = None
        self.complete = False  # all rows are there
        self.finished = False
        self.flying: list[Unit] = []
        self.damaged: set[str] = set()  # names of shards
        self.blows: Counter[str] = Counter()

    @initialize(poison=st.sampled_from(POISON))
    def draw_programs(self, poison: frozenset[int]) -> None:
        self.poison = poison
        self.expected, self.manifests = undisturbed(poison)

    @property
    def alive(self) -> bool:
        return self.stage is not None and self.stage.alive

    # --- what can happen ---

    @precondition(lambda self: not self.alive and not self.complete)
    @rule(
        workers=st.integers(1, 4),
        seconds=st.sampled_from([0.0, 1000.0]),
        writes=st.none() | st.integers(0, 40),
        seed=st.integers(0, 99),
    )
    def begin_or_resume(self, workers: int, seconds: float, writes: int | None, seed: int) -> None:
        options = msgspec.structs.replace(imaginary.quick(workers=workers), checkpoint_seconds=seconds)
        self.stage = Stage(self.root, RECIPE, options)
        self.draw = random.Random(seed)
        self.flying.clear()
        self.blows.clear()
        self.disk.arm(self.stage.thread, writes)
        self.stage.begin()
        self._look_after()

    @precondition(lambda self: self.alive)
    @rule()
    def a_worker_asks(self) -> None:
        assert self.stage is not None
        self._tell(Ask())
        if self.alive and self.stage.asked is not None:
            self.flying.append(self.stage.asked)
        elif self.alive:
            assert self.flying, "the coordinator has nothing to do and waits for nothing"

    @precondition(lambda self: self.alive and self.flying)
    @rule(which=st.integers(0, 99))
    def a_unit_finishes(self, which: int) -> None:
        unit = self.flying.pop(which % len(self.flying))
        if self.poison & set(range(unit.start, unit.stop)):
            self._fail(unit)
            return
        outcome = store(self.layout.shards, unit, imaginary.shard_of(unit, RECIPE))
        self.damaged.discard(self._shard(unit).name)
        self._tell(outcome)

    @precondition(lambda self: self.alive and any(unit.attempt == 0 for unit in self.flying))
    @rule(which=st.integers(0, 99))
    def a_worker_dies(self, which: int) -> None:
        healthy = [unit for unit in self.flying if unit.attempt == 0]
        unit = healthy[which % len(healthy)]
        self.flying.remove(unit)
        self._fail(unit)

    @precondition(lambda self: any(self._shards()))
    @rule(which=st.integers(0, 99), how=st.sampled_from(["gone", "cut", "flipped"]))
    def a_shard_is_damaged(self, which: int, how: str) -> None:
        paths = [path for path in self._shards() if self.blows[path.name] < _MOST_DAMAGE]
        if not paths:
            return
        path = paths[which % len(paths)]
        self.damaged.add(path.name)
        self.blows[path.name] += 1
        data = bytearray(path.read_bytes())
        path.unlink()
        if how == "cut":
            path.write_bytes(data[: len(data) // 2])
        elif how == "flipped" and data:
            data[which * len(data) // 100] ^= 1
            path.write_bytes(data)

    @precondition(lambda self: self.alive)
    @rule(units=st.integers(1, 6))
    def work_goes_on(self, units: int) -> None:
        for _ in range(units):
            if self.alive:
                self.a_worker_asks()
            if self.alive and self.flying:
                self.a_unit_finishes(which=0)

    @precondition(lambda self: self.complete)
    @rule(writes=st.integers(0, 30), seed=st.integers(0, 99))
    def the_power_goes_while_the_run_ends(self, writes: int, seed: int) -> None:
        self.disk.arm(threading.current_thread(), writes)
        try:
            self._end()
        except imaginary.PowerCut:
            self.disk.arm(None, None)
            self.disk.cut(random.Random(seed))

    @precondition(lambda self: self.alive)
    @rule(writes=st.integers(0, 30))
    def the_power_will_go(self, writes: int) -> None:
        assert self.stage is not None
        self.disk.arm(self.stage.thread, writes)

    @precondition(lambda self: self.alive)
    @rule()
    def the_power_goes(self) -> None:
        self._tell(imaginary.PowerCut())

    @precondition(lambda self: self.alive)
    @rule()
    def a_signal_comes(self) -> None:
        self._tell(Interrupted(signal.SIGTERM))

    # --- what must hold ---

    @invariant()
    def no_program_is_in_work_twice(self) -> None:
        units = sorted((unit.start, unit.stop) for unit in self.flying) if self.alive else []
        assert all(stop <= start for (_, stop), (start, _) in itertools.pairwise(units))

    @invariant()
    def the_state_claims_no_more_than_is_safe(self) -> None:
        path = self.root / "DATASET_STATE.md"
        if not path.exists():
            return
        text = path.read_text()
        for target in TARGETS:
            line = re.search(rf"{target.upper()} dataset: (\S+), .*? \((\d+) bytes\), (\d+) records", text)
            assert line is not None
            name, size, rows = self.root / line[1], int(line[2]), int(line[3])
            if not name.exists():  # its run is ending
                name = name.with_name(name.name.removesuffix(".partial"))
            assert self.disk.safe(name) >= size
            data = name.read_bytes()[:size] if size else b""
            assert data == self.expected[f"{target}_code_dataset.jsonl"][:size]
            assert data.count(b"\n") == rows

    @invariant()
    def the_next_action_can_be_taken(self) -> None:
        path = self.root / "DATASET_STATE.md"
        if path.exists() and "warpgen.resume" in path.read_text():
            assert self.layout.journal.exists()

    @invariant()
    def the_journal_claims_no_more_than_is_safe(self) -> None:
        path = self.layout.journal
        if not path.exists():
            return
        assert self.disk.safe(path) == path.stat().st_size
        story = journal.read(path)
        last = story.checkpoints[-1] if story.checkpoints else Checkpoint()
        for name, file in self._growing().items():
            assert self.disk.safe(file) >= last.files.get(name, journal.Mark()).length
        for stored in story.stored:
            part = self._shard(Unit(stored.start, stored.stop))
            if stored.start >= last.next and part.name not in self.damaged:
                assert part.exists()
                assert self.disk.safe(part) == part.stat().st_size > 0

    def teardown(self) -> None:
        """Without further trouble the run comes to its end, and the dataset is the undisturbed one."""
        try:
            if hasattr(self, "poison"):
                self._finish()
        finally:
            if self.alive:
                assert self.stage is not None
                self.stage.tell(imaginary.PowerCut())
            self._watch.__exit__(None, None, None)
            self._folder.cleanup()

    def _finish(self) -> None:
        self.disk.arm(None, None)
        while not self.complete:
            if not self.alive:
                self.begin_or_resume(workers=1, seconds=0.0, writes=None, seed=0)
            elif self.flying:
                self.a_unit_finishes(which=0)
            else:
                self.a_worker_asks()
            self.the_state_claims_no_more_than_is_safe()
            self.the_next_action_can_be_taken()
            self.the_journal_claims_no_more_than_is_safe()
        self._end()
        assert self.finished
        assert files(self.root) == self.expected
        assert told(self.root) == self.manifests
        assert imaginary.files_left(self.root) == imaginary.FINISHED

    # --- how it is carried out ---

    def _end(self) -> None:
        """What a session does that finds all rows; nothing, if an earlier one did it."""
        try:
            self.finished = imaginary.go_on(self.root) == 0
        except RootError as error:
            self.finished = "the run in this root is finished" in str(error)

    def _tell(self, order: Ask | Outcome | BaseException) -> None:
        assert self.stage is not None
        self.stage.tell(order)
        self._look_after()

    def _look_after(self) -> None:
        """Whether the session has ended, and what that did to the disk."""
        assert self.stage is not None
        if self.stage.alive:
            return
        self.disk.arm(None, None)
        ended = self.stage.ended
        if isinstance(ended, imaginary.PowerCut):
            self.disk.cut(self.draw)
        elif ended is None:
            self.complete = True
        elif not isinstance(ended, Interrupted):
            raise ended

    def _fail(self, unit: Unit) -> None:
        """As an engine deals with it: again, in halves, or given up."""
        after = after_failure(unit, "Fault: poison")
        if isinstance(after, Outcome):
            self._tell(after)
        else:
            self.flying += after

    def _shards(self) -> list[Path]:
        return sorted(self.layout.shards.glob("*.shard"))

    def _shard(self, unit: Unit) -> Path:
        path = shard.path_of(self.layout.shards, unit)
        assert isinstance(path, Path)
        return path

    def _growing(self) -> dict[str, Path]:
        paths = {str(target): self.layout.partial(target) for target in TARGETS}
        for target in TARGETS if self.complete else ():
            if not paths[target].exists():
                paths[target] = self.layout.final(target)
        return {**paths, "seen": self.layout.seen, "failures": self.layout.failures}


# A coordinator whose power goes while it opens its files does not close them.
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_whatever_happens_the_dataset_is_the_same() -> None:
    """And neither journal nor state ever claim what a power cut could take."""
    stateful.run_state_machine_as_test(Production, settings=LIMITS)
    gc.collect()


def _before_the_sync(self: Merge, spent: Spent) -> Checkpoint:
    """A checkpoint that says what is there without bringing it to the disk."""
    with mock.patch.object(durable, "sync", lambda descriptor: None):
        return _CHECKPOINT(self, spent)


def _without_sync(self: durable.Log, record: bytes) -> None:
    self._file.write(record)


def _one_row_more(self: Chronicle, *args: Any) -> Output:
    made = _OUTPUT(self, *args)
    return msgspec.structs.replace(made, rows=made.rows + 1)


_CHECKPOINT, _OUTPUT = Merge.checkpoint, Chronicle.output


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize(
    ("target", "wrong"),
    [
        ("warpgen.production.state.merge.Merge.checkpoint", _before_the_sync),
        ("warpgen.durable.Log.append", _without_sync),
        ("warpgen.durable.rename", lambda source, target: os.replace(source, target)),
        ("warpgen.production.state.merge.load_index", lambda path: Index()),
        ("warpgen.production.state.chronicle.Chronicle.output", _one_row_more),
    ],
    ids=[
        "a checkpoint before the sync",
        "a journal that is not synced",
        "a rename whose folder is not synced",
        "a resume that forgets repeats",
        "a state file that boasts",
    ],
)
def test_the_model_catches(monkeypatch: pytest.MonkeyPatch, target: str, wrong: object) -> None:
    """Faults of the program itself, planted here, do not pass."""
    for poison in POISON:
        undisturbed(poison)  # before the fault is there
    monkeypatch.setattr(target, wrong)
    with pytest.raises(AssertionError):
        stateful.run_state_machine_as_test(Production, settings=LIMITS)
    gc.collect()
