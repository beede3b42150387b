"""A row on the bench."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from warpgen.program import Program
from warpgen.record import Target
from warpgen.verification.jail.driver import has_adjoint
from warpgen.verification.jail.job import Draw, Run
from warpgen.verification.native.generated import kernel_dim, kernel_name
from warpgen.verification.running.memory_layout import MemoryLayout


class Subject(msgspec.Struct, frozen=True):
    """A row's program, layouts of its arguments, its text for a target and the object of that for the jail.

    It is a `measure` of gradients if its own adjoint is known to be right.
    """

    program: Program
    layouts: tuple[MemoryLayout, ...]
    text: str
    object: bytes
    measure: bool
    target: Target = "cpu"

    def own_run(self, draws: Sequence[Draw], seconds: float, cpu: float = math.inf, most: int = 0) -> Run:
        """The row's own kernel on draws, for seconds of wall and of processor time; `most` accesses each."""
        return msgspec.structs.replace(self.run(self.object, self.text, draws, seconds, cpu), most=most)

    def run(
        self, object: bytes, text: str, draws: Sequence[Draw], seconds: float, cpu: float = math.inf
    ) -> Run:
        """Another kernel on them: an object, and the text that it was compiled from."""
        name, dim, adjoint = kernel_name(text), kernel_dim(text), has_adjoint(text, self.target)
        return Run(self.layouts, list(draws), name, dim, adjoint, object, seconds, self.target, cpu)
