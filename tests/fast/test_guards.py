"""Kernels that leave some elements out."""

from __future__ import annotations

import numpy as np
import pytest

from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.guards import guard
from warpgen.synthesis.writing.rng import Rng

COUNT = 8


def _draft(number: int, code: str) -> Draft:
    draft = Draft(Rng("guards", number))
    draft.input("x", "float", COUNT)
    draft.output("y", "float", COUNT)
    draft.launch(COUNT)
    draft.code(code)
    draft.check(lambda v: {"y": 2.0 * v.x})
    guard(draft, "body")
    return draft


def _guarded(code: str) -> list[Draft]:
    return [d for d in (_draft(n, code) for n in range(200)) if len(d.parameters) > 2]


@pytest.mark.parametrize(
    ("sign", "given", "kept"),
    [
        ("if not ", [1, 0] * 4, [1, 0] * 4),
        ("FLAG_ACTIVE", [3, 2, 1, 0] * 2, [1, 0, 1, 0] * 2),
        ("[0]:", [3], [1] * 3 + [0] * 5),
        ("slot", [0, -1, 7, 0, -1, 2], [1, 0, 1, 0, 0, 0, 0, 1]),
    ],
)
def test_the_reference_follows_the_guard(sign: str, given: list[int], kept: list[int]) -> None:
    """Elements that the kernel skips stay as they were, and the reference says so."""
    draft = next(d for d in _guarded("tid = wp.tid()\ny[tid] = 2.0 * x[tid]") if sign in d.text)
    name = draft.parameters[1].name
    x = np.arange(1.0, COUNT + 1.0)
    reference, _ = draft.references[0]
    made = reference(Values(x=x, y=np.full(COUNT, -5.0), **{name: np.array(given)}))
    assert np.array_equal(made["y"], np.where(np.array(kept) == 1, 2.0 * x, -5.0))
    assert draft.parameters[-1].name == "y"  # inputs stay before outputs


@pytest.mark.parametrize(
    "code",
    [
        "tid = wp.tid()\nwp.atomic_add(y, tid, x[tid])",
        "tid = wp.tid()\ny[COUNT - tid] = x[tid]",
        "tid = wp.tid()\nif x[tid] > 0.5:\n    return\ny[tid] = x[tid]",
        "i = wp.tid()\ny[i] = x[i]",
        "tid = wp.tid()\ntotal = wp.tile_sum(wp.tile(x[tid]))\ny[tid] = total[0]",
    ],
)
def test_kernels_whose_threads_meet_stay_as_they_are(code: str) -> None:
    """No guard stands before atomics, foreign indices, another early exit another index or barriers."""
    assert not _guarded(code)
