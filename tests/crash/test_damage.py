"""Files cut or flipped at random places: no dataset becomes a wrong one. tools/damage.py tries more."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path

import pytest
import xxhash

from tests.support.crash_session import Broken
from tests.support.damage_cases import CASES, Case, Trials
from warpgen.production.state.append_only import Known
from warpgen.production.state.journal import Mark


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Trials:
    """The roots that are damaged."""
    return Trials(tmp_path_factory.mktemp("damage"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.scene} {case.name}")
@pytest.mark.parametrize("seed", [0, 1])
def test_damage_never_makes_a_wrong_dataset(trials: Trials, case: Case, seed: int) -> None:
    """It is mended, or a command names it."""
    trials.carry_out(case, random.Random(seed))


def _believe(data: bytes) -> str:
    return "holds"


def _trust(path: Path, marks: Iterable[Mark]) -> Known:
    """As `prove`, but for the proof."""
    data = path.read_bytes() if path.exists() else b""
    return {mark: xxhash.xxh3_128(data[: mark.length]) for mark in (Mark(), *marks)}


@pytest.mark.parametrize(
    ("target", "wrong", "case"),
    [
        ("warpgen.reporting.seal.state_of", _believe, Case("finished", "*_manifest.json")),
        ("warpgen.production.state.recovery.prove", _trust, Case("unfinished", "*.partial")),
        ("warpgen.reporting.state.is_as_written", lambda root: True, Case("unfinished", "DATASET_STATE.md")),
    ],
    ids=["a seal that is not looked at", "marks that are not proven", "a state file that is believed"],
)
def test_the_cases_catch(
    trials: Trials, monkeypatch: pytest.MonkeyPatch, target: str, wrong: object, case: Case
) -> None:
    """Faults of the program itself, planted here, are found within some hundred draws."""
    monkeypatch.setattr(target, wrong)
    with pytest.raises(Broken):
        for seed in range(400):
            trials.carry_out(case, random.Random(seed))
