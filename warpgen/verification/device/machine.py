"""A machine of CUDA threads in this process: machine.cpp, its memory, and objects that run on it."""

from __future__ import annotations

import ctypes
import math
import mmap
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from warpgen.errors import VerificationError
from warpgen.process import LIBC
from warpgen.verification.native import warp_native
from warpgen.verification.native.object_file import LoadedObject

# Of machine.cpp and shim.h, as rows tell it: what they find may change with it.
VERSION = "2"

# Orders of threads: from the first to the last or back; in step, or each warp ahead from the middle. In the
# second all threads of a block come to a store before any of them stores.
ORDERS = (0, 1, 2, 3)
# Shared memory holds these before each block, by order: negative, no number, nothing, and great.
_POISON = (0xA5, 0xFF, 0x00, 0x5A)

# Bytes of shared memory that a block may have on compute_90, for which the CUDA texts are compiled.
MOST_SHARED = 227 << 10
MOST_BLOCK = 1024

_STACK = 1 << 20
_PAGE = mmap.PAGESIZE
_NO_HUGE_PAGES, _NO_RESERVE = 15, 0x4000
SHARED = ".bss.wg_shared"

# What kernels may call or read of machine.cpp.
_OFFERED = frozenset(
    """
    threadIdx blockIdx blockDim gridDim wg_dynamic wg_armed wg_join wg_spin wg_store wg_fail wg_hold
    __activemask __syncthreads __syncthreads_count __syncthreads_and __syncthreads_or
    """.split()
)


class Stuck(VerificationError):
    """A launch that came to no end: threads wait in vain, or call what may not be called so."""


def entry(function: str) -> str:
    """The symbol by which a kernel's function is called with an array of pointers to its arguments."""
    return f"wg_run_{function}"


class Shape(msgspec.Struct, frozen=True):
    """What a launch says: blocks of the grid, threads of a block along x, y and z, and how they are run."""

    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    shared: int = 0  # bytes of dynamic shared memory
    order: int = 0  # one of ORDERS
    armed: bool = True  # whether Warp's range checks trap


class DeviceCode:
    """A compiled object whose kernels run on a machine."""

    def __init__(self, object: Path | bytes, find: Callable[[str], int]) -> None:
        self._object = LoadedObject(object, find)
        regions = self._object.sections(SHARED)
        self.regions, self.written = len(regions), self._object.written
        self.places = (ctypes.c_uint64 * max(2 * len(regions), 2))(*[n for region in regions for n in region])

    def start(self, function: str) -> int:
        """The address that a function is launched by. Raises VerificationError where it is not there."""
        address = self._object.address(entry(function))
        if not address:
            raise VerificationError(f"the object lacks {function}")
        return address

    def variables(self) -> list[tuple[str, str]]:
        """Name and section of everything in it that code may write to."""
        return self._object.variables()

    def kept(self) -> bytes:
        """What stands in memory of the device outside of functions, which launches leave to the next."""
        start, end = self.written
        held = ctypes.string_at(start, end - start)
        for region, size in zip(self.places[::2], self.places[1::2], strict=True):
            if size:
                held = held[: region - start] + bytes(size) + held[region - start + size :]
        return held

    def functions(self) -> list[tuple[str, int, int]]:
        """Name, address and size of every function in it."""
        return self._object.functions()


class Machine:
    """Loads machine.cpp's object; one launch at a time."""

    def __init__(self, path: Path) -> None:
        self._object = LoadedObject(path, warp_native.harmless)
        pointer, number, size = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint64
        types = (*[pointer] * 4, number, ctypes.c_int, pointer, number, pointer, size, pointer, size, pointer)
        self._launch = ctypes.CFUNCTYPE(ctypes.c_char_p, *types)(self._object.address("wg_launch"))
        self._armed = ctypes.c_int.from_address(self._object.address("wg_armed"))
        self._stacks: Pages | None = None
        self._shared = Pages(MOST_SHARED)

    def load(self, object: Path | bytes, find: Callable[[str], int] | None = None) -> DeviceCode:
        """An object's kernels, to be launched; `find` gives the address of what the machine has not.

        Raises OSError as `warp_native.Library` does.
        """
        elsewhere = find or warp_native.harmless
        return DeviceCode(
            object, lambda name: self._object.address(name) if name in _OFFERED else elsewhere(name)
        )

    def watched(self, place: int) -> None:
        """Tell a watch, from now on, which thread goes on: in two words at an address."""
        ctypes.c_uint64.from_address(self._object.address("wg_watched")).value = place

    def shared_by(self, code: DeviceCode) -> tuple[int, list[tuple[int, int]]]:
        """What is to be called before a store that threads share, and where such memory begins and ends."""
        return self._object.address("wg_store"), [code.written, (self._shared.start, self._shared.end)]

    def make_stacks(self, threads: int) -> None:
        """Take memory for so many threads of a block now."""
        self._stacks_for(threads)

    def launch(self, code: DeviceCode, function: str, pointers: Sequence[int], shape: Shape) -> int:
        """Run a grid of blocks on the arguments at `pointers`; how often threads met. Raises Stuck."""
        if not 0 <= shape.shared <= MOST_SHARED:
            raise VerificationError(f"a block may have {MOST_SHARED} bytes of shared memory")
        words = (ctypes.c_void_p * max(len(pointers), 1))(*pointers)
        dynamic = (self._shared.end - shape.shared) & ~15
        sizes = [(ctypes.c_uint32 * 3)(*size) for size in (shape.grid, shape.block)]
        how = shape.order, _POISON[shape.order], code.places, code.regions
        stacks = self._stacks_for(math.prod(shape.block))
        memory = dynamic, self._shared.end - dynamic, stacks.start, _STACK
        met = ctypes.c_uint64()
        self._armed.value = int(shape.armed)
        fault = self._launch(code.start(function), words, *sizes, *how, *memory, ctypes.byref(met))
        self._armed.value = 1
        if fault:
            raise Stuck(fault.decode())
        return met.value

    def _stacks_for(self, threads: int) -> Pages:
        """A stack for each thread of a block, below which a page traps."""
        if not 0 < threads <= MOST_BLOCK:
            raise VerificationError(f"a block has 1 to {MOST_BLOCK} threads")
        if self._stacks is None or self._stacks.size < threads * _STACK:
            self._stacks = Pages(threads * _STACK)
            for number in range(threads):
                protect(self._stacks.start + number * _STACK)
        return self._stacks


class Pages:
    """Memory of at least `size` bytes, of whole pages, and one behind them that nobody may touch."""

    def __init__(self, size: int) -> None:
        self.size = size + -size % _PAGE
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NO_RESERVE
        self._memory = mmap.mmap(-1, self.size + _PAGE, flags=flags)
        self._memory.madvise(_NO_HUGE_PAGES)
        self.bytes = np.frombuffer(self._memory, np.uint8, self.size)
        self.start = int(self.bytes.ctypes.data)
        self.end = self.start + self.size
        protect(self.end)


def protect(address: int) -> None:
    """Let a page trap whoever reads or writes it."""
    if LIBC.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(_PAGE), 0) != 0:
        raise OSError("a page cannot be protected")
