"""What the judge says of somebody else's kernel, and the reward that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

Language = Literal["python", "cpp", "cuda"]

# How far a kernel came. Each stage stands for what ended it there; `right` is the end of the way.
Stage = Literal[
    "extract",  # no kernel was found in the answer
    "allow",  # it holds what no kernel needs: see docs/judge.md
    "compile",  # Warp or clang refuses it, or it takes other arguments
    "crash",  # it died: it left its arrays, divided an integer by zero, called what it may not
    "timeout",  # it did not end within its time
    "outputs",  # its outputs, or the inputs that it wrote over, differ
    "race",  # threads of it meet in one place without atomics
    "gradients",  # its outputs agree, its gradients differ
    "judge",  # nothing can be said: the row, or the machine, is no measure here
    "right",
]

# What each part is worth when nothing is said: all or nothing, which leaves nothing to be gamed.
_WEIGHTS = {"right": 1.0}


class Difference(msgspec.Struct, frozen=True):
    """The first element that differs: in which array, where, and both values.

    `what` is `outputs`, `inputs` (which were written over), `race` or `gradients`; `draw` numbers the inputs.
    """

    what: str
    path: str
    index: tuple[int, ...]
    expected: float
    actual: float
    draw: int = 0


class Verdict(msgspec.Struct, frozen=True):
    """What came of a kernel.

    `outputs` and `gradients` are the shares, from 0 to 1, of all elements of all draws that agree;
    `gradients` is None where the row has none, none were asked for, or the row is no measure of them. `why`
    is one line for a person. `seconds` are wall time by step, `seed` repeats the check, `how` says what was
    run.
    """

    right: bool
    stage: Stage
    language: Language
    seed: int
    outputs: float = 0.0
    gradients: float | None = None
    first: Difference | None = None
    why: str = ""
    seconds: dict[str, float] = {}
    how: str = ""

    @property
    def compiles(self) -> bool:
        """Whether it came as far as to be run; of CUDA that is not executed, whether NVRTC takes it."""
        if self.stage == "timeout" and "run" not in self.seconds:
            return False
        return self.stage not in ("extract", "allow", "compile")

    def reward(self, weights: Mapping[str, float] | None = None) -> float:
        """The sum of what it earned: by default 1 for a kernel that is right and 0 for all else.

        `weights` may name `compiles`, `outputs`, `gradients` (both times their share; gradients count in full
        for a right kernel that has none) and `right`. Raises ValueError for another name.
        """
        weights = _WEIGHTS if weights is None else weights
        unknown = sorted(set(weights) - {"compiles", "outputs", "gradients", "right"})
        if unknown:
            raise ValueError(f"there is no part {unknown[0]!r}: compiles, outputs, gradients, right")
        slopes = self.gradients if self.gradients is not None else float(self.right)
        parts = {
            "compiles": float(self.compiles),
            "outputs": self.outputs,
            "gradients": slopes,
            "right": float(self.right),
        }
        return sum(weight * parts[name] for name, weight in weights.items())

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as JSON has it; numbers that are no numbers are None."""
        made: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return made
