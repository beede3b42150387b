"""The even deal of builtins over the programs, and the fragments that call them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import pytest

from tests.support.drafting import calling, usable
from warpgen.extraction.builtins import builtins
from warpgen.synthesis.builtins import schedule
from warpgen.synthesis.builtins.cases import CASES
from warpgen.synthesis.formulas.grower import float_builtins
from warpgen.synthesis.language import registry
from warpgen.synthesis.language.builtins import BUILTINS, Builtin, known
from warpgen.synthesis.language.builtins.record import rising
from warpgen.warp_internals import REGISTRY


def test_every_builtin_of_the_chapters_is_called_or_excused() -> None:
    """A builtin of Warp's manual is called by a fragment, or its absence has a reason."""
    expected = {n for n in registry.public_names() if registry.group(n) in schedule.GROUPS}
    assert {n for n in expected if not known(n).unreachable} == {f.builtin for f in usable()}


def test_what_is_known_is_known_of_builtins_that_warp_has() -> None:
    """No record or fragment is of a name that Warp lacks; what formulas take for stepped cuts gradients."""
    assert BUILTINS.keys() | CASES.keys() <= REGISTRY.keys()
    stepped = {name for name, builtin in BUILTINS.items() if builtin.stepped}
    assert stepped == builtins().cuts & {*float_builtins(1), *float_builtins(2)}


def test_a_round_meets_every_overload() -> None:
    """As many consecutive indices as there are overloads meet each of them once."""
    count = len(schedule.overloads())
    met = [schedule.scheduled(3, index, 1)[0] for index in range(count)]
    assert {f.builtin for f in met} == {f.builtin for f in usable()}
    assert len(set(met)) == count


def test_the_deal_depends_on_seed_and_index_alone() -> None:
    """Asking again, for more fragments or in another order gives the same first fragment."""
    again = [schedule.scheduled(5, index, 2)[0] for index in (9, 4, 7)]
    assert again == [schedule.scheduled(5, index, 1)[0] for index in (9, 4, 7)]
    assert [schedule.scheduled(5, i, 1) for i in range(20)] != [
        schedule.scheduled(6, i, 1) for i in range(20)
    ]


def test_later_rounds_move_on_to_other_types() -> None:
    """Ten rounds meet far more argument types than one."""
    count = len(schedule.overloads())
    one = {schedule.scheduled(0, i, 1)[0] for i in range(count)}
    ten = {schedule.scheduled(0, i, 1)[0] for i in range(10 * count)}
    assert len(ten) > 3 * len(one)


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A builtin that no Warp has: in its registry, with overloads of `sin`, and in the table of records."""
    name = "soft_knee"
    caches = (registry.public_names, schedule.overloads, float_builtins)
    record = Builtin(
        name,
        rising(math.sinh, -0.75, 0.75),
        domain=((-3.0, 2.0),),
        arguments={"x": "knee_in"},
        pure=True,
        results="knee_out",
        comments=("soften the knee of {a}",),
    )
    monkeypatch.setitem(BUILTINS, name, record)
    monkeypatch.setitem(REGISTRY, name, REGISTRY["sin"])
    for cache in caches:
        cache.cache_clear()
    yield name
    monkeypatch.undo()
    for cache in caches:
        cache.cache_clear()


def test_a_record_is_all_that_a_new_builtin_needs(made_up: str) -> None:
    """It is dealt out, drawn in formulas, guarded by its domain, named, phrased and inlined."""
    dealt = [schedule.scheduled(3, index, 1)[0] for index in range(len(schedule.overloads()))]
    (fragment,) = [f for f in dealt if f.builtin == made_up]
    assert made_up in float_builtins(1)
    programs = [calling(fragment, number) for number in range(150)]
    for program in programs:
        assert re.search(rf"wp\.{made_up}\(wp\.(clamp|min|max)\(", program.source), program.source
    text = "\n".join(program.source for program in programs)
    assert "knee_in" in text and "knee_out" in text
    fills = [a.fill for p in programs for a in p.args if a.name.startswith("knee_in")]
    assert {(fill.low, fill.high) for fill in fills} >= {(-3.0, 2.0)}
    assert re.search(r"# .*soften the knee of", text, re.IGNORECASE)
    assert re.search(rf"\] = wp\.{made_up}\(", text), "never written where its result is stored"
