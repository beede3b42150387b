"""The crash table: every kind of fault once, and that the table itself catches what is wrong."""

from __future__ import annotations

import faulthandler
import random
import time
from pathlib import Path

import pytest

from tests.support.crash_faults import Fault
from tests.support.crash_session import Broken, Case, Session, Trial, imaginary_kind
from tests.support.crash_surroundings import can_mount
from tests.support.crash_table import CASES, Table, one_of_each
from tests.support.crash_warp import CASES as WARP_CASES
from tests.support.crash_warp import warp_kind
from warpgen.production.state.chronicle import Chronicle
from warpgen.production.state.dedup import Index

# All of the table takes minutes; tools/chaos.py draws from it as much as one likes.
CHOSEN = one_of_each(random.Random(0))
ON_WARP = [
    case for case in WARP_CASES if case.name in ("synthesis: out of memory", "compiler nvrtc: SIGKILL")
]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    """The table over runs of imaginary programs."""
    folder = tmp_path_factory.mktemp("table")
    for parent in (folder, folder.parent, folder.parent.parent):
        parent.chmod(0o755)  # sessions without rights must get in
    return Table(folder)


@pytest.mark.parametrize("case", CHOSEN, ids=lambda case: case.name)
def test_a_fault_changes_nothing(table: Table, case: Case) -> None:
    """The bytes of an undisturbed run, nothing left over, a state file that is true throughout."""
    if case.needs_mount and not can_mount():
        pytest.skip("mounting a small file system takes rights that this process lacks")
    table.carry_out(case, seed=0)


@pytest.mark.parametrize("case", ON_WARP, ids=lambda case: case.name)
def test_a_fault_in_real_work_changes_nothing(tmp_path: Path, case: Case) -> None:
    """The same of the real commands, with faults in synthesis and in a compiler."""
    Table(tmp_path, warp_kind(case.kind)).carry_out(case, seed=0)


def test_the_table_is_as_wide_as_it_says() -> None:
    """At least 25 kinds of fault, and every place of the program among the places."""
    assert len({case.how for case in CASES}) >= 25
    places = {case.where for case in (*CASES, *WARP_CASES)}
    assert {"synthesis", "code generation", "compiler clang", "compiler nvrtc", "execution"} <= places
    assert {"shard write", "rename", "journal append", "merge", "manifest", "state", "report"} <= places
    assert {"start", "lock"} <= places


def test_a_session_dies_without_a_word_of_pytests(tmp_path: Path) -> None:
    """Its deaths are meant to happen: they are not told among the tests' own errors."""
    session = Session(lambda: int(faulthandler.is_enabled()), tmp_path / "log", lambda: None)
    while session.poll():
        time.sleep(0.01)
    assert session.code == 0


def _forget(path: Path) -> Index:
    return Index()


def _boast(self: Chronicle, *args: object) -> object:
    made = _TRUE_OUTPUT(self, *args)  # type: ignore[arg-type]
    return type(made)(made.path, made.size, made.rows + 1, made.notes)


_TRUE_OUTPUT = Chronicle.output


@pytest.mark.parametrize(
    ("target", "wrong", "complaint"),
    [
        ("warpgen.production.state.merge.load_index", _forget, "not tell the truth|other bytes"),
        ("warpgen.production.state.chronicle.Chronicle.output", _boast, "does not tell the truth"),
        ("warpgen.production.session.clear", lambda layout: None, "left over"),
    ],
    ids=["a resume that forgets repeats", "a state file that boasts", "a run that leaves its files"],
)
def test_the_table_catches(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, wrong: object, complaint: str
) -> None:
    """Faults of the program itself, planted here, do not pass."""
    monkeypatch.setattr(target, wrong)
    trial = Trial(tmp_path / "root", tmp_path, imaginary_kind(), table.expected)
    with pytest.raises(Broken, match=complaint):
        trial.session(Fault(where="merge", how="SIGKILL", nth=4))
        trial.finish()
