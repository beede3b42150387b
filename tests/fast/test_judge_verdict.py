"""A verdict is plain data, and its reward what was agreed on."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from warpgen.verdict import Difference, Stage, Verdict


def verdict(stage: Stage, outputs: float = 0.0, gradients: float | None = None, **seconds: float) -> Verdict:
    return Verdict(stage == "right", stage, "python", 7, outputs, gradients, seconds=seconds)


def test_nothing_is_paid_for_parts_unless_it_is_said() -> None:
    """By default 1 for right and 0 for all else."""
    assert {stage: verdict(stage, 0.99, 0.99).reward() for stage in get_args(Stage)} == {
        stage: float(stage == "right") for stage in get_args(Stage)
    }


def test_weights_pay_for_parts() -> None:
    """A right kernel without gradients earns theirs in full; a wrong one does not."""
    weights = {"compiles": 0.1, "outputs": 0.3, "gradients": 0.2, "right": 0.4}
    assert verdict("right", 1.0).reward(weights) == pytest.approx(1.0)
    assert verdict("outputs", 0.5).reward(weights) == pytest.approx(0.25)
    assert verdict("gradients", 1.0, 0.5).reward(weights) == pytest.approx(0.5)
    assert verdict("compile").reward(weights) == 0.0
    with pytest.raises(ValueError, match="no part 'speed'"):
        verdict("right").reward({"speed": 1.0})


def test_what_does_not_end_has_compiled_if_it_ran() -> None:
    """A compiler that is kept busy has compiled nothing."""
    assert verdict("timeout", run=1.0).compiles and not verdict("timeout", compile=1.0).compiles
    assert not any(verdict(stage).compiles for stage in ("extract", "allow", "compile"))


def test_a_verdict_is_json_whatever_the_values_are() -> None:
    """What is no number becomes null."""
    first = Difference("outputs", "y", (3,), float("nan"), float("inf"), 2)
    made = Verdict(False, "outputs", "cpp", 7, 0.5, None, first, "y[3]").to_dict()
    again = json.loads(json.dumps(made, allow_nan=False))
    assert (again["stage"], again["seed"], again["outputs"]) == ("outputs", 7, 0.5)
    assert again["first"]["index"] == [3] and again["first"]["expected"] is None
