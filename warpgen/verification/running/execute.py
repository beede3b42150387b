"""Launch compiled kernels on the CPU, forward and backward."""

from __future__ import annotations

import ctypes
from typing import Any, Protocol

from warpgen.errors import VerificationError
from warpgen.launch import Launch
from warpgen.verification.native import warp_native
from warpgen.verification.native.generated import kernel_dim, kernel_name
from warpgen.verification.running.arguments import Arguments

# A kernel of a dataset runs over a small grid; more than this is a mistake or an attack.
MOST_THREADS = 1 << 22


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
        grid = (*launch.dim, 1) if launch.tiled else launch.dim  # blocks are of one thread on the CPU
        threads = 1
        for extent in grid:
            threads *= extent
        if not 1 <= len(grid) <= 4 or min(grid) < 1 or threads > MOST_THREADS:
            raise VerificationError(f"a launch of {grid} threads is out of bounds")
        self.threads, self.dim = threads, kernel_dim(text)
        self.has_adjoint = f"void {name}_cpu_backward(" in text
        self._bounds = warp_native.launch_bounds(grid, self.dim)

    def run(self, arguments: Arguments) -> None:
        """Forward, from the arguments' present values."""
        block, _ = arguments.blocks()
        self._forward(ctypes.byref(self._bounds), _aligned(block))

    def run_backward(self, arguments: Arguments) -> None:
        """Backward: reads and adds to the arguments' gradients."""
        if self._backward is None:
            raise VerificationError("the object lacks the adjoint's entry point")
        block, adjoint = arguments.blocks()
        self._library.arm(False)
        try:
            self._backward(ctypes.byref(self._bounds), _aligned(block), _aligned(adjoint))
        finally:
            self._library.arm(True)


def _aligned(data: bytes) -> Any:
    words = (ctypes.c_uint64 * max(len(data) // 8, 1))()
    ctypes.memmove(words, data, len(data))
    return words
