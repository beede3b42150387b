"""Launch compiled kernels on the CPU, forward and backward."""

from __future__ import annotations

import copy
import ctypes
import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from warpgen.errors import VerificationError
from warpgen.launch import Launch
from warpgen.verification.native import warp_native
from warpgen.verification.native.generated import kernel_dim, kernel_name
from warpgen.verification.running.arguments import Arguments

# A kernel of a dataset runs over a small grid; more than this is a mistake or an attack.
MOST_THREADS = 1 << 22

# One access, as `compiling/watched.py` notes it, and how many of a launch are kept.
_ACCESS = np.dtype([("place", "<u8"), ("value", "<u8"), ("thread", "<u4"), ("what", "<u4")])
_MOST_ACCESSES = 1 << 21


class Kernel(Protocol):
    """A compiled kernel on a launch of `threads` threads; `dim` is that of its own coordinates."""

    threads: int
    dim: int
    has_adjoint: bool

    def run(self, arguments: Arguments) -> None:
        """Forward, from the arguments' present values."""

    def run_backward(self, arguments: Arguments) -> None:
        """Backward: reads and adds to the arguments' gradients."""


class Executable:
    """The kernel of a generated text, out of the loaded object that it was compiled to."""

    def __init__(self, library: warp_native.Library, text: str, launch: Launch) -> None:
        self._library, name = library, kernel_name(text)
        self._forward = library.entry(f"{name}_cpu_forward")
        self._backward = library.entry(f"{name}_cpu_backward")
        if self._forward is None:
            raise VerificationError("the object lacks the kernel's entry point")
        self.dim = kernel_dim(text)
        self.has_adjoint = f"void {name}_cpu_backward(" in text
        self._size(launch)

    def _size(self, launch: Launch) -> None:
        grid = (*launch.dim, 1) if launch.tiled else launch.dim  # blocks are of one thread on the CPU
        self.threads = math.prod(grid)
        if not 1 <= len(grid) <= 4 or min(grid) < 1 or self.threads > MOST_THREADS:
            raise VerificationError(f"a launch of {grid} threads is out of bounds")
        self._bounds = warp_native.launch_bounds(grid, self.dim)

    def under(self, launch: Launch) -> Executable:
        """The same kernel at another launch."""
        made = copy.copy(self)
        made._size(launch)
        return made

    def run(self, arguments: Arguments) -> None:
        """Forward, from the arguments' present values."""
        block, _ = arguments.blocks()
        self._forward(ctypes.byref(self._bounds), warp_native.aligned(block))

    def watched(self, arguments: Arguments, step: int) -> NDArray[Any]:
        """Forward, with the accesses to arrays that are written to; see `compiling/watched.py`.

        The threads run in steps of `step`. OverflowError if there are too many accesses.
        """
        word = self._library.word
        regions = np.array(arguments.written_regions(), np.uint64).reshape(-1, 2)
        log = np.empty(_MOST_ACCESSES, _ACCESS)
        word("warpgen_regions").value, word("warpgen_region_count").value = regions.ctypes.data, len(regions)
        word("warpgen_most").value, word("warpgen_count").value = len(log), 0
        word("warpgen_log").value, word("warpgen_step").value = log.ctypes.data, step
        try:
            self.run(arguments)
        finally:
            word("warpgen_log").value, word("warpgen_step").value = 0, 1
        count = word("warpgen_count").value
        if count > len(log):
            raise OverflowError(f"{count} accesses")
        return log[:count]

    def run_backward(self, arguments: Arguments) -> None:
        """Backward: reads and adds to the arguments' gradients."""
        if self._backward is None:
            raise VerificationError("the object lacks the adjoint's entry point")
        block, adjoint = arguments.blocks()
        self._library.arm(False)
        try:
            self._backward(
                ctypes.byref(self._bounds), warp_native.aligned(block), warp_native.aligned(adjoint)
            )
        finally:
            self._library.arm(True)
