"""What a kernel computes reaches its outputs: behind clamps, across branches, past masking calls."""

from __future__ import annotations

import pytest

from warpgen.synthesis.kernel.branches import under_conditions
from warpgen.synthesis.kernel.stores import store_rest
from warpgen.synthesis.kit.draft import Draft
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.author import Author
from warpgen.synthesis.language.reading import statement
from warpgen.synthesis.language.statements import names_in
from warpgen.synthesis.language.types import F32, I32
from warpgen.synthesis.language.values import Value
from warpgen.synthesis.style.rng import Rng

SEEDS = range(40)


def kit(seed: int) -> Kit:
    """A kernel in the making over 64 threads."""
    rng = Rng("alive", seed)
    author = Author(rng)
    k = Kit(Draft(rng, author, F32))
    k.draft.shape = (64,)
    k.index = (Value("i", I32, 0, 63, author),)
    return k


def stored(k: Kit, name: str) -> bool:
    """Whether the kernel's end reads `name`."""
    before = len(k.body)
    store_rest(k)
    return name in names_in(k.body[before:])


@pytest.mark.parametrize("seed", SEEDS)
def test_what_one_branch_makes_is_not_taken_in_another(seed: int) -> None:
    """Where one branch is taken, what the others make is still the zero that was declared."""
    k, taken = kit(seed), []

    def first() -> None:
        k.give("speed", k.load("a", F32) * 2.0)

    def second() -> None:
        taken.append(k.input("speed", F32, -4.0, 4.0).text)

    under_conditions(k, [first, second])
    made = k.pool.given[0].value.text
    assert made not in taken[0].split()


def test_what_is_clamped_is_stored_as_well() -> None:
    """All values may lie beyond the bounds, so that nothing of them would be seen."""
    for seed in SEEDS:
        k = kit(seed)
        given = k.give("speed", k.load("a", F32, -9.0, 9.0) * 2.0)
        k.pool.given[0].used = k.pool.given[0].shown = True  # as whoever takes it says
        k.give("share", k.wp.sin(k.fit(given, 0.0, 30.0)))
        assert stored(k, given.text)


@pytest.mark.parametrize("masked", [False, True])
def test_what_a_masking_call_takes_is_stored_as_well(masked: bool) -> None:
    """A call that gives the same for many arguments does not show them; any other does."""
    seen = 0
    for seed in SEEDS:
        k = kit(seed)
        given = k.give("speed", k.load("a", F32) * 2.0)
        with k.pool.masking(masked):
            x = k.input("speed", F32, -4.0, 4.0)
        if x.text == given.text:
            seen += 1
            assert stored(k, given.text) == masked
    assert seen > 10


def test_an_attribute_is_no_use_of_a_name() -> None:
    """A struct's field may be called as an argument that nothing reads."""
    assert statement("total += m.weights[i] * scale").names == {"total", "m", "i", "scale"}
