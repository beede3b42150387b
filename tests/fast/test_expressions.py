"""Formulas drawn by type."""

from __future__ import annotations

import pytest

from warpgen.synthesis.formulas.grower import float_builtins, grow
from warpgen.synthesis.kernel.threads import open_threads
from warpgen.synthesis.kit.draft import Draft
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.author import Author
from warpgen.synthesis.language.types import BOOL, F16, F32, F64, I32, U8, Type, mat, quat, transform, vec
from warpgen.synthesis.style.rng import Rng

TYPES = (
    F16,
    F32,
    F64,
    I32,
    U8,
    BOOL,
    vec(3),
    vec(5),
    vec(2, F64),
    vec(3, I32),
    mat(3, 3),
    mat(2, 3),
    quat(),
    transform(),
)


def _kit(seed: int, real: Type = F32) -> Kit:
    rng = Rng("expressions", seed)
    k = Kit(Draft(rng, Author(rng), real))
    open_threads(k, 1)
    return k


@pytest.mark.parametrize("t", TYPES, ids=str)
def test_a_formula_has_the_type_that_was_asked_for(t: Type) -> None:
    """Whatever shape a formula takes, its value has the requested type and a finite range or a guard."""
    for seed in range(40):
        value = grow(_kit(seed), t, 1 + seed % 7)
        assert value.type is t
        assert value.lo <= value.hi


def test_bounds_are_kept() -> None:
    """A formula asked for within bounds has a range inside them."""
    for seed in range(60):
        value = grow(_kit(seed), F32, 2 + seed % 5, -1.0, 1.0)
        assert -1.0 <= value.lo <= value.hi <= 1.0


def test_formulas_differ_between_programs() -> None:
    """Programs draw their own field, shapes and builtins."""
    texts = {str(grow(_kit(seed), F32, 5).text) + repr(len(_kit(seed).body)) for seed in range(60)}
    assert len(texts) > 50


def test_the_catalogue_finds_the_elementary_functions() -> None:
    """Builtins enter formulas by their registered types, not by a list of names."""
    assert {"sin", "exp", "tanh", "erf"} <= set(float_builtins(1))
    assert {"atan2", "min", "max"} <= set(float_builtins(2))
