"""A program with its loaded kernels, and the word for what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from warpgen.errors import VerificationError
from warpgen.program import Program
from warpgen.reasons import Reason
from warpgen.verification.judging.prepare import Prepared
from warpgen.verification.native.warp_native import Library
from warpgen.verification.running.execute import Executable, Kernel
from warpgen.verification.running.memory_layout import MemoryLayout


class Failed(VerificationError):
    """A check found the program wanting; `reason` is the word under which drops are counted."""

    def __init__(self, reason: Reason, error: str) -> None:
        super().__init__(error)
        self.reason = reason


class Subject(msgspec.Struct, frozen=True):
    """One program with its loaded kernels; `wide` is absent where the program cannot be widened.

    `watched` is one whose accesses can be watched: the widened, or the row's own, compiled once more.
    """

    program: Program
    layouts: Sequence[MemoryLayout]
    kernel: Kernel
    wide: Kernel | None
    coarse: bool
    watched: Executable | None = None

    @classmethod
    def of(
        cls,
        program: Program,
        prepared: Prepared,
        text: str,
        narrow: Library,
        wide: Library | None,
        watched: Library | None = None,
    ) -> Subject:
        """A program whose CPU text, and whose widened one if there is any, are compiled and loaded."""
        kernel = Executable(narrow, text, program.launch)
        other = Executable(wide, prepared.wide, program.launch) if wide is not None else None
        twin = Executable(watched, text, program.launch) if watched is not None else other
        return cls(program, prepared.layouts, kernel, other, prepared.coarse, twin)

    def under(self, program: Program) -> Subject:
        """The same kernels of the CPU at another launch."""
        assert isinstance(self.kernel, Executable)
        wide = self.wide.under(program.launch) if isinstance(self.wide, Executable) else None
        kernel = self.kernel.under(program.launch)
        return msgspec.structs.replace(self, program=program, kernel=kernel, wide=wide)
