"""A row's CUDA text as a kernel to launch, forward and backward, on the machine of this process."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence

from warpgen.errors import VerificationError
from warpgen.launch import Launch
from warpgen.verification.device.machine import MOST_SHARED, DeviceCode, Machine, Shape
from warpgen.verification.native import warp_native
from warpgen.verification.native.generated import kernel_dim, kernel_name
from warpgen.verification.native.warp_native import DEVICE_BLOCK
from warpgen.verification.running.arguments import Arguments
from warpgen.verification.running.execute import MOST_THREADS
from warpgen.verification.running.memory_layout import MemoryLayout, offsets


class DeviceKernel:
    """The kernel of a CUDA text that Warp wrote, launched as `wp.launch` and `wp.launch_tiled` do."""

    def __init__(
        self,
        machine: Machine,
        code: DeviceCode,
        text: str,
        launch: Launch,
        layouts: Sequence[MemoryLayout],
        shared: int = MOST_SHARED,
    ) -> None:
        self._machine, self._code, self._name = machine, code, kernel_name(text)
        self._shared = shared
        self._places, _ = offsets(list(layouts))
        size = (*launch.dim, DEVICE_BLOCK) if launch.tiled else launch.dim
        self.threads, self.dim = math.prod(size), kernel_dim(text)
        if not 1 <= len(size) <= 4 or min(size) < 1 or self.threads > MOST_THREADS:
            raise VerificationError(f"a launch of {size} threads is out of bounds")
        self.has_adjoint = f" {self._name}_cuda_kernel_backward(" in text
        self._bounds = warp_native.launch_bounds(size, self.dim)
        self.order = 0  # of threads, one of machine.ORDERS

    def run(self, arguments: Arguments) -> None:
        """Forward, from the arguments' present values. Raises Stuck."""
        self._launch("forward", arguments.blocks()[:1])

    def run_backward(self, arguments: Arguments) -> None:
        """Backward: reads and adds to the arguments' gradients. Raises Stuck."""
        self._launch("backward", arguments.blocks())

    def _launch(self, direction: str, blocks: Sequence[bytes]) -> None:
        memory = [
            (ctypes.c_uint64 * max(len(block) // 8, 1)).from_buffer_copy(block.ljust(8)) for block in blocks
        ]
        pointers = [ctypes.addressof(self._bounds)]
        pointers += [ctypes.addressof(block) + place for block in memory for place in self._places]
        grid = (-(-self.threads // DEVICE_BLOCK), 1, 1)
        armed = (
            direction == "forward"
        )  # an adjoint that reads `x.shape` clears that of x's gradient, harmlessly
        shape = Shape(grid, (DEVICE_BLOCK, 1, 1), self._shared, self.order, armed)
        self._machine.launch(self._code, f"{self._name}_cuda_kernel_{direction}", pointers, shape)
