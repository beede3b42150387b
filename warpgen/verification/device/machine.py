"""A machine of CUDA threads in this process: machine.cpp, the memory it works in, and objects that run on it."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from warpgen.errors import VerificationError
from warpgen.verification.native import warp_native
from warpgen.verification.native.object_file import LoadedObject

# Of machine.cpp and shim.h, as rows tell it: what they find may change with it.
VERSION = "1"

# Orders of threads: from the first to the last or back; in step, or each warp ahead from the middle.
ORDERS = (0, 1, 2, 3)
# Shared memory holds these before each block, of which one alone may look like a value.
_POISON = (0xA5, 0xFF)

# Bytes of shared memory that a block may have on compute_90, for which the CUDA texts are compiled.
MOST_SHARED = 227 << 10
MOST_BLOCK = 1024

_STACK = 1 << 20
_PAGE = mmap.PAGESIZE
_NO_HUGE_PAGES, _NO_RESERVE = 15, 0x4000
_SHARED = ".bss.wg_shared"


class Stuck(VerificationError):
    """A launch that came to no end: threads wait in vain, or call what may not be called so."""


def entry(function: str) -> str:
    """The symbol by which a kernel's function is called with an array of pointers to its arguments."""
    return f"wg_run_{function}"


class Machine:
    """Loads machine.cpp's object; one launch at a time. Of a forked child, as what is loaded is shared memory."""

    def __init__(self, path: Path) -> None:
        self._code = LoadedObject(path, warp_native.harmless)
        pointer, number, size = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint64
        types = (*[pointer] * 4, number, ctypes.c_int, pointer, number, pointer, size, pointer, size, pointer)
        self._launch = ctypes.CFUNCTYPE(ctypes.c_char_p, *types)(self._code.address("wg_launch"))
        self._armed = ctypes.c_int.from_address(self._code.address("wg_armed"))
        self._stacks: Any = None
        self._threads = 0
        self._shared = Pages(MOST_SHARED)

    def load(self, path: Path) -> LoadedObject:
        """An object whose kernels run on this machine. Raises OSError as `warp_native.Library` does."""
        return LoadedObject(path, lambda name: self._code.address(name) or warp_native.harmless(name))

    def launch(
        self,
        code: LoadedObject,
        function: str,
        pointers: Sequence[int],
        grid: tuple[int, int, int],
        block: tuple[int, int, int],
        order: int,
        shared: int,
        armed: bool,
    ) -> int:
        """Run a grid of blocks; `pointers` are of the arguments, `shared` bytes of dynamic shared memory.

        Returns how often threads met. Raises Stuck.
        """
        self._make_stacks(block[0] * block[1] * block[2])
        start = code.address(entry(function))
        if not start:
            raise VerificationError(f"the object lacks {function}")
        regions = code.sections(_SHARED)
        places = (ctypes.c_uint64 * max(2 * len(regions), 1))(*[n for region in regions for n in region])
        words = (ctypes.c_void_p * max(len(pointers), 1))(*pointers)
        dynamic = (self._shared.end - shared) & ~15
        sizes = [(ctypes.c_uint32 * 3)(*size) for size in (grid, block)]
        met = ctypes.c_uint64()
        self._armed.value = int(armed)
        memory = dynamic, self._shared.end - dynamic, self._stacks.start, _STACK
        fault = self._launch(
            start, words, *sizes, order, _POISON[order & 1], places, len(regions), *memory, ctypes.byref(met)
        )
        self._armed.value = 1
        if fault:
            raise Stuck(fault.decode())
        return met.value

    def _make_stacks(self, threads: int) -> None:
        if threads > MOST_BLOCK:
            raise VerificationError(f"a block has {MOST_BLOCK} threads at most")
        if threads > self._threads:
            self._threads = threads
            self._stacks = Pages(threads * _STACK)
            for number in range(threads):
                protect(self._stacks.start + number * _STACK)


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
    if ctypes.CDLL(None).mprotect(ctypes.c_void_p(address), ctypes.c_size_t(_PAGE), 0) != 0:
        raise OSError("a page cannot be protected")
