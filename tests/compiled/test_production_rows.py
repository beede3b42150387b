"""Rows of real programs: what is in them, and what a judgement does to them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from warpgen.errors import ExtractionError, UnitError
from warpgen.explain import first_line
from warpgen.extraction import codegen
from warpgen.extraction.codegen import Code
from warpgen.extraction.versions import warp_version
from warpgen.production.state.shard import Shard
from warpgen.production.unit import Unit
from warpgen.production.work import rows
from warpgen.program import Program
from warpgen.recipe import Recipe
from warpgen.record import TARGETS, UNVERIFIED, Compile, Row, Target
from warpgen.split import split_of
from warpgen.synthesis.generator import Options, synthesize
from warpgen.verification import Judgement

UNIT = Unit(3, 7)
RECIPE = Recipe(verify="none", complexity="small", warpgen="0.1.0", warp=warp_version())


def names(*indices: int) -> set[str]:
    """The ids of the rows of programs of RECIPE."""
    return {f"{RECIPE.kernel_id(index)}-{target}" for index in indices for target in TARGETS}


def read(data: bytes, recipe: Recipe) -> dict[str, Row]:
    """The rows of a shard by id."""
    shard = Shard(data, recipe.hash, UNIT)
    found = {}
    for place, _ in enumerate(recipe.targets):
        reader = shard.rows(place)
        for made in shard.table.made:
            if made.rows[place]:
                row = msgspec.json.decode(reader.take(made.rows[place]), type=Row)
                found[row.id] = row
    return found


def test_a_row_tells_where_it_came_from(tmp_path: Path) -> None:
    """Program, hashes, split and provenance agree with one another, and the spans with the code."""
    found = read(rows.build(UNIT, RECIPE, tmp_path), RECIPE)
    assert set(found) == names(3, 4, 5, 6)
    for row in found.values():
        program = synthesize(0, row.provenance.index, Options(complexity="small"))
        assert row.python_source == program.source
        assert row.split == split_of(row.structure_hash)
        assert row.verified == UNVERIFIED
        assert (row.provenance.licence, row.provenance.warp) == ("Apache-2.0", warp_version())
        forward = row.code[slice(*row.forward)]
        assert f"{row.target}_kernel_forward(" in forward


def test_ids_are_those_of_the_recipe_of_the_program() -> None:
    """What decides a program decides its id; what decides how many there are, or are kept, does not."""

    def name(**changes: Any) -> str:
        return msgspec.structs.replace(RECIPE, **changes).kernel_id(5)

    changes: list[dict[str, Any]] = [
        {"seed": 1},
        {"complexity": "mixed"},
        {"categories": {"tiles": 1.0}},
        {"categories": {"tiles": 2.0}},
        {"warpgen": "0.2.0"},
        {"warp": "1.20.0"},
    ]
    assert len({name(), *(name(**change) for change in changes)}) == len(changes) + 1
    for change in ({"size": 1 << 30}, {"size": None, "rows": 9}, {"target": "cpu"}, {"gradients": "strict"}):
        assert name(**change) == name()
    assert name(verify="run") == name()
    assert name(categories={"b": 1.0, "a": 1.0}) == name(categories={"a": 1.0, "b": 1.0})
    assert re.fullmatch(r"s0-5-[0-9a-f]{8}", name())


def test_one_target_gives_the_rows_of_both(tmp_path: Path) -> None:
    """A row does not know whether its sibling was made."""
    both = read(rows.build(UNIT, RECIPE, tmp_path), RECIPE)
    for target in TARGETS:
        alone = msgspec.structs.replace(RECIPE, target=target)
        expected = {name: row for name, row in both.items() if row.target == target}
        assert read(rows.build(UNIT, alone, tmp_path), alone) == expected


def test_a_judgement_keeps_or_drops_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Evidence goes into the row; a refusal takes it out of that target alone, and is noted."""
    compiled = msgspec.structs.replace(UNVERIFIED, compile=Compile("pass"))

    def judge(
        programs: Sequence[Program],
        codes: Sequence[Mapping[Target, Code] | None],
        level: str,
        gradients: str,
        targets: Sequence[Target],
        workdir: Path,
    ) -> list[dict[Target, Judgement]]:
        bad = Judgement(None, "crash", "it died")
        good = Judgement(compiled)
        return [{t: bad if (p.index, t) == (4, "cpu") else good for t in targets} for p in programs]

    monkeypatch.setattr(rows, "check_unit", judge)
    recipe = msgspec.structs.replace(RECIPE, verify="compile")
    data = rows.build(UNIT, recipe, tmp_path)
    found = read(data, recipe)
    name = RECIPE.kernel_id(4)
    assert f"{name}-cpu" not in found
    assert found[f"{name}-cuda"].verified == compiled
    refused = Shard(data, recipe.hash, UNIT).table.refused
    assert [(r.index, r.target, r.reason, r.error) for r in refused] == [
        (4, 0, "verification", "crash: it died")
    ]


def test_a_program_that_cannot_be_lowered_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one target alone refuses it, the other keeps its row."""
    real = codegen.lower

    def lower(program: Program, targets: Sequence[Target]) -> Any:
        if program.index == 5 and "cuda" in targets:
            raise ExtractionError("not for this one")
        return real(program, targets)

    monkeypatch.setattr(rows, "lower", lower)
    data = rows.build(UNIT, RECIPE, tmp_path)
    assert set(read(data, RECIPE)) == names(3, 4, 5, 6) - {f"{RECIPE.kernel_id(5)}-cuda"}
    refused = Shard(data, RECIPE.hash, UNIT).table.refused
    assert [(r.index, r.target, r.reason, r.error) for r in refused] == [
        (5, 1, "extraction", "not for this one")
    ]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), MemoryError()])
def test_the_machines_trouble_is_no_programs_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """It is raised, and costs no row."""

    def fail(*_: object) -> Any:
        raise error

    monkeypatch.setattr(rows, "lower", fail)
    with pytest.raises(type(error)):
        rows.build(UNIT, RECIPE, tmp_path)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ExtractionError("bad\nmore"), "bad"),
        (ValueError("in /home/me/x.py at 0x7fab12345678"), "ValueError: in x.py at 0x…"),
        (UnitError(""), "UnitError: no reason given"),
        (KeyError("a" * 1000), "KeyError: '" + "a" * 289),
    ],
)
def test_an_error_in_one_line_knows_no_machine(error: Exception, line: str) -> None:
    """No folders, no addresses, no second line, no flood."""
    assert first_line(error) == line
