"""Arguments whose arrays end, but for their alignment, where a page begins that traps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from warpgen.verification.device.machine import Pages
from warpgen.verification.running.arguments import FENCE, MARK, Arguments

# What a GPU aligns its arrays to: loads of four floats at once ask for as much.
_ALIGNMENT = 256


class GuardedArguments(Arguments):
    """As its base, for texts that reach memory by plain pointers."""

    def _fenced_memory(self, size: int) -> NDArray[np.uint8]:
        pages = Pages(size + FENCE + _ALIGNMENT)
        start = pages.size - size
        start -= start % _ALIGNMENT
        before, behind = pages.bytes[start - FENCE : start], pages.bytes[start + size :]
        before[:] = behind[:] = MARK
        self._fenced += [before, behind]
        return pages.bytes[start : start + size]
