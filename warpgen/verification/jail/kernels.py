"""A stranger's compiled kernel in this process: linked against the watch and lists of names, and launched."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from warpgen.verification.device.machine import MOST_SHARED, Shape, Stuck
from warpgen.verification.jail.building import Builder, DeviceBuilder
from warpgen.verification.jail.driver import BACKWARD, FORWARD
from warpgen.verification.jail.job import Draw, Run
from warpgen.verification.jail.watch import Watch
from warpgen.verification.native import warp_native
from warpgen.verification.native.object_file import LoadedObject
from warpgen.verification.native.warp_native import DEVICE_BLOCK
from warpgen.verification.running.memory_layout import offsets

MOST_THREADS = 1 << 22


class CpuKernel:
    """C++ of a kernel, whose threads run one after the other."""

    alignment = 1

    def __init__(self, job: Run, builder: Builder) -> None:
        self._job, self.watch = job, builder.watch
        loaded = LoadedObject(job.object, lambda name: _found(name, builder.watch))
        self.watch.know_atomics(loaded.functions())
        self._armed = ctypes.c_int.from_address(loaded.address("warpgen_armed"))
        names = [f"{job.name}_cpu_forward", FORWARD]
        names += [f"{job.name}_cpu_backward", BACKWARD] if job.adjoint else []
        self._entries = [ctypes.CFUNCTYPE(None)(loaded.address(name)) for name in names]
        self._loaded = loaded

    def launch(self, draw: Draw, blocks: Sequence[bytes], turned: bool) -> None:
        """Forward on a block of arguments, backward on two; `turned`: from the last thread to the first."""
        backward = len(blocks) == 2
        grid = (*draw.launch.dim, 1) if draw.launch.tiled else draw.launch.dim
        bounds = _bounds(grid, self._job.dim)
        given = [warp_native.aligned(block) for block in blocks]
        self._armed.value = int(not backward)  # an adjoint that reads `x.shape` clears its gradient's
        if not turned:
            self._entries[2 * backward](ctypes.byref(bounds), *given)
            return
        order = np.arange(bounds.size, dtype=np.uint64)[::-1].copy()
        data, thread = ctypes.c_void_p(order.ctypes.data), ctypes.c_void_p(self.watch.thread)
        count, line = ctypes.c_ulonglong(bounds.size), ctypes.c_ulonglong(draw.variant & 1)
        self._entries[2 * backward + 1](ctypes.byref(bounds), *given, data, count, thread, line)


class CudaKernel:
    """CUDA of a kernel, whose threads are fibers: blocks of 256, in one of several orders."""

    alignment = 256  # a GPU's arrays begin so

    def __init__(self, job: Run, builder: DeviceBuilder) -> None:
        self._job, self.watch, self._machine = job, builder.watch, builder.machine
        self._code = self._machine.load(job.object, lambda name: _found(name, builder.watch))
        self.watch.know_atomics(self._code.functions(), cuda=True)
        self.watch.know_shared(*self._machine.shared_by(self._code))
        self._machine.watched(self.watch.thread)
        self._machine.make_stacks(DEVICE_BLOCK)
        self._places, _ = offsets(list(job.layouts))
        self._kept = self._code.kept()

    def launch(self, draw: Draw, blocks: Sequence[bytes], turned: bool) -> None:
        """As that of CpuKernel; `turned`: in one of the other orders. Raises Stuck."""
        size = (*draw.launch.dim, DEVICE_BLOCK) if draw.launch.tiled else draw.launch.dim
        bounds = _bounds(size, self._job.dim)
        memory = [warp_native.aligned(block) for block in blocks]
        pointers = [ctypes.addressof(bounds)]
        pointers += [ctypes.addressof(block) + place for block in memory for place in self._places]
        order = 1 + draw.variant % 3 if turned else 0
        grid = (-(-math.prod(size) // DEVICE_BLOCK), 1, 1)
        backward = len(blocks) == 2
        shape = Shape(grid, (DEVICE_BLOCK, 1, 1), MOST_SHARED, order, armed=not backward)
        function = f"{self._job.name}_cuda_kernel_{'backward' if backward else 'forward'}"
        self._machine.launch(self._code, function, pointers, shape)
        if self._code.kept() != self._kept:
            raise Stuck("it leaves something in memory of the device to the next launch")
        if self.watch.askew:
            raise Stuck("a number is read or written at an address that is no multiple of its size")


def _found(name: str, watch: Watch) -> int:
    return watch.address(name) or warp_native.callable_address(name)


def _bounds(size: tuple[int, ...], dim: int) -> Any:
    if not 1 <= len(size) <= 4 or min(size) < 1 or math.prod(size) > MOST_THREADS:
        raise ValueError(f"a launch of {size} threads is out of bounds")
    return warp_native.launch_bounds(size, dim)
