"""Many candidates judged at once, by rows that are named by their ids."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import warpgen
from tests.support.commands import SAMPLES
from tools.prove import covering
from warpgen.errors import UsageError
from warpgen.extraction import warp_api
from warpgen.extraction.codegen import lower
from warpgen.record import TARGETS
from warpgen.synthesis.algorithms import domains
from warpgen.verification.jail.cpp_screen import cleaned

pytestmark = pytest.mark.usefixtures("own_cache")

FILE = SAMPLES["cpu"]


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[warpgen.Judge]:
    with warpgen.Judge(FILE, workers=2, cache=tmp_path_factory.mktemp("cache")) as judge:
        yield judge


def short(judge: warpgen.Judge) -> list[warpgen.Row]:
    """A few rows that cost little."""
    return sorted((judge.rows.row(id) for id in judge.rows), key=lambda row: len(row.code))[:3]


def wrong(row: warpgen.Row) -> str:
    """Its kernel with nothing but its thread's number in it."""
    head, _, body = row.python_source.rpartition("wp.tid()\n")
    return f"{head}wp.tid()\n" if body else ""


def test_verdicts_come_in_the_order_of_candidates(judge: warpgen.Judge) -> None:
    """Each is on its own candidate, whichever process judged it and however long that took."""
    asked, expected = [], []
    for row in short(judge)[:2]:
        asked += [
            warpgen.Candidate(row.id, row.python_source),
            (row.id, "def"),
            (row.id, row.code, "cpp"),
            (row.id, wrong(row)),
        ]
        expected += [True, False, True, False]
    found = list(judge.check_many(asked))
    assert [verdict.right for verdict in found] == expected
    assert [verdict.language for verdict in found[:4]] == ["python", "python", "cpp", "python"]


def test_candidates_are_taken_as_verdicts_are_asked_for(judge: warpgen.Judge) -> None:
    """Whoever makes them is held back: 16 for each worker stand ahead of the verdict that comes next."""
    row, taken = short(judge)[0], 0

    def candidates() -> Iterator[tuple[str, str]]:
        nonlocal taken
        for _ in range(1000):
            taken += 1
            yield row.id, "def"

    verdicts = judge.check_many(candidates())
    for i in range(10):
        assert not next(verdicts).right
        assert taken <= i + 32
    verdicts.close()
    assert taken < 50


def test_tasks_of_asyncio_share_it(judge: warpgen.Judge) -> None:
    """One that is cancelled leaves the others alone."""
    row = short(judge)[0]

    async def all() -> list[bool]:
        tasks = [asyncio.create_task(judge.acheck(row.id, row.python_source)) for _ in range(4)]
        await asyncio.sleep(0)
        tasks[-1].cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(done[-1], asyncio.CancelledError)
        return [verdict.right for verdict in done[:-1] if isinstance(verdict, warpgen.Verdict)]

    assert asyncio.run(all()) == [True] * 3


START = re.compile(r"(\n    [^\n]*wp\.tid\(\)\n)")
DIVISION = "    zero = wp.tid() - wp.tid()\n    big = 7 // zero\n    if big > 3:\n        return\n"


def test_a_hostile_candidate_costs_itself_alone(judge: warpgen.Judge) -> None:
    """Those beside it and after it are judged as ever; tests/commands/test_pool.py has those that hang."""
    row = next(row for row in short(judge) if START.search(row.python_source))
    bad = START.sub(lambda m: m[1] + DIVISION, row.python_source, count=1)
    asked = [(row.id, row.python_source), (row.id, bad), (row.id, row.python_source)]
    assert [verdict.stage for verdict in judge.check_many(asked)] == ["right", "crash", "right"]


def test_time_is_the_workers(judge: warpgen.Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is silent for longer is ended: the verdict is `timeout`, and the next is judged."""
    row = short(judge)[0]
    monkeypatch.setattr("warpgen.execution.GRACE", 0.0)
    with warpgen.Judge(FILE, workers=1, timeout=0.01) as hasty:
        found = [hasty.check(row.id, row.python_source) for _ in range(2)]
    assert [verdict.stage for verdict in found] == ["timeout"] * 2


def test_what_makes_no_sense_is_refused(judge: warpgen.Judge, tmp_path: Path) -> None:
    """At once, in words."""
    with pytest.raises(KeyError, match="nobody"):
        judge.check("nobody", "def")
    with pytest.raises(ValueError, match="language"):
        judge.check(short(judge)[0].id, "def", "rust")  # type: ignore[arg-type]
    for options in ({"workers": 0}, {"timeout": 0.0}, {"timeout": float("nan")}):
        with pytest.raises(UsageError, match="needs"):
            warpgen.Judge(FILE, **options)
    with pytest.raises(UsageError, match="no file or folder"):
        warpgen.Judge(tmp_path / "none")


def test_a_row_that_is_no_measure_is_told_so(tmp_path: Path) -> None:
    """It is nobody's crash."""
    line = FILE.read_text().splitlines()[0]
    (tmp_path / "rows.jsonl").write_text(line.replace('"code":"', '"code":"// altered ', 1) + "\n")
    with warpgen.Judge(tmp_path / "rows.jsonl", workers=1) as judge:
        verdict = judge.check(next(iter(judge.rows)), "def")
    assert verdict.stage == "judge" and "altered" in verdict.why


def test_a_secret_seed_serves_a_group(tmp_path: Path) -> None:
    """So many checks of a row, then another; what it cost is there for the next judge."""
    with warpgen.Judge(FILE, workers=1, cache=tmp_path / "cache", shared=2) as judge:
        row = short(judge)[0]
        seeds = [judge.check(row.id, row.python_source).seed for _ in range(3)]
        assert [seeds.count(seed) for seed in dict.fromkeys(seeds)] == [2, 1]
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()}
    assert len(kept) == 1 + 2  # the row compiled, and its draws for each seed
    with warpgen.Judge(FILE, workers=1, cache=tmp_path / "cache") as judge:
        assert judge.check(row.id, row.python_source, seed=seeds[0]).right
        assert not judge.check(row.id, wrong(row), seed=seeds[0]).right
    assert kept.keys() == {path.name for path in (tmp_path / "cache").iterdir()}


@pytest.mark.parametrize("domain", ["language", "statistics"])
def test_whatever_warp_writes_may_be_judged(domain: str, tmp_path: Path) -> None:
    """Addresses of arrays, breakpoints, snippets with a part for GPUs: no row's own text is refused."""
    warp_api.start(tmp_path)
    for algorithm in domains()[domain].algorithms:
        for draft in covering(algorithm, least=1)[0]:
            for target, code in lower(draft.program, TARGETS).items():
                cleaned(code.text, "cpp" if target == "cpu" else "cuda", code.text)
