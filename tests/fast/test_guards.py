"""Kernels that leave some elements out."""

from __future__ import annotations

import re

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
        ("[tid]:\n    y[", [1, 0] * 4, [1, 0] * 4),
        ("FLAG_ACTIVE) == 0", [3, 2, 1, 0] * 2, [1, 0, 1, 0] * 2),
        ("FLAG_ACTIVE) != 0", [3, 2, 1, 0] * 2, [1, 0, 1, 0] * 2),
        ("if tid >= num", [3], [1] * 3 + [0] * 5),
        ("if tid < num", [3], [1] * 3 + [0] * 5),
        ("[slot]", [7, 2, 1, 0, 5, 3, 4, 6], None),
    ],
)
def test_the_reference_follows_the_guard(sign: str, given: list[int], kept: list[int] | None) -> None:
    """Elements that the kernel skips stay as they were, and the reference says so; of a list, its last."""
    drafts = [d for d in _guarded("tid = wp.tid()\ny[tid] = 2.0 * x[tid]") if sign in d.text]
    draft = min(drafts, key=lambda d: d.dim)
    if kept is None:
        kept = [int(i in given[: draft.dim[0]]) for i in range(COUNT)]
        assert sum(kept) == 6
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
        "tid = wp.tid()\ntotal = wp.tile_sum(wp.tile(x[tid]))\ny[tid] = total[0]",
    ],
)
def test_kernels_whose_threads_meet_stay_as_they_are(code: str) -> None:
    """No guard stands before atomics, foreign indices or barriers."""
    assert not _guarded(code)


def test_on_a_grid_each_place_is_asked() -> None:
    """A mask of two dimensions goes with a launch of two."""
    for number in range(100):
        draft = Draft(Rng("guards", number))
        draft.input("x", "float", (3, 4))
        draft.output("y", "float", (3, 4))
        draft.launch(3, 4)
        draft.code("i, j = wp.tid()\ny[i, j] = 2.0 * x[i, j]")
        draft.check(lambda v: {"y": 2.0 * v.x})
        guard(draft, "pixel")
        if "bool" in draft.parameters[1].type:
            break
    given = np.arange(12).reshape(3, 4) % 2 == 0
    name, (reference, _) = draft.parameters[1].name, draft.references[0]
    assert f"{name}[i, j]" in draft.text
    made = reference(Values(x=np.ones((3, 4)), y=np.full((3, 4), -5.0), **{name: given}))
    assert np.array_equal(made["y"], np.where(given, 2.0, -5.0))


def test_a_thread_of_any_name_may_leave_its_element_out() -> None:
    """What a kernel calls its index stays its name, also where elements come from a list."""
    drafts = _guarded("i = wp.tid()\ny[i] = 2.0 * x[i]")
    assert any("if i >= num_bodies[0]" in d.text for d in drafts)
    assert any(re.match(r"slot = wp.tid\(\)\ni = \w+\[slot\]\n", d.text) for d in drafts)
