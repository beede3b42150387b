"""The ledger of Warp's faults is whole, and its page is what the scripts say."""

from __future__ import annotations

import ast
from pathlib import Path
from statistics import median

import pytest

from tools import ledger, planted_reductions
from tools.bisect import read, scripts
from warpgen.extraction.versions import warp_version
from warpgen.verification.judging.causes import NUMBERS

LINES = 40
WITHOUT_GPU = ("21", "27")  # they run CUDA text, which stock Warp cannot here


def test_the_page_is_what_the_tool_writes() -> None:
    """`tools/ledger.py` was run after the last change of a script or a measurement."""
    assert ledger.PAGE.read_text() == ledger.page()


@pytest.mark.parametrize("script", scripts(), ids=lambda path: path.stem)
def test_a_script_is_short_and_needs_warp_alone(script: Path) -> None:
    """Whoever gets it by mail can run it."""
    text = script.read_text()
    assert len(text.splitlines()) <= LINES
    imports = [node for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {alias.name for node in imports for alias in node.names} | {
        node.module for node in imports if isinstance(node, ast.ImportFrom)
    }
    ours = {name for name in names if name and name.split(".")[0] == "warpgen"}
    assert bool(ours) == script.stem.startswith(WITHOUT_GPU)


def test_all_were_seen_with_the_version_that_is_used() -> None:
    """Each printed what came, and exited with 1."""
    seen = read()[warp_version()]
    assert set(seen) == {script.stem for script in scripts()}
    assert all(code == 1 and said.startswith("expected ") for code, said in seen.values())


def test_numbers_are_those_that_causes_name() -> None:
    """A case of the hunt points to a line that is there."""
    assert set(NUMBERS) <= {fault.number for fault in ledger.faults()}


def test_what_nobody_reported_has_a_report() -> None:
    """With its whole script, and how upstream was searched."""
    page = ledger.page()
    new = [fault for fault in ledger.faults() if fault.unreported]
    assert len(new) >= 4 and len(ledger.faults()) >= 12
    for fault in new:
        assert "issues searched: " in fault.upstream
        assert fault.text.split('"""', 2)[2].strip() in page


def test_planted_faults_were_made_small_enough() -> None:
    """Nearly all are what is left, in the lines and the time that a person has for one.

    One slips: its program, made smaller, is off by rounding alone, which says the same words.
    """
    told = planted_reductions.read()
    assert told.keys() == set(map(planted_reductions.named, planted_reductions.PLANTED))
    assert len(told) >= 20 and sum(not left.kept for left in told.values()) <= 1
    assert median(left.after for left in told.values()) <= 25
    assert median(left.seconds for left in told.values()) <= 60
