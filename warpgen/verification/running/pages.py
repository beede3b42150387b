"""Memory between two pages that nobody may touch: the system ends who reads or writes beyond its ends."""

from __future__ import annotations

import ctypes
import mmap

import numpy as np
from numpy.typing import NDArray

from warpgen.process import LIBC

_PAGE = mmap.PAGESIZE


def between_pages(size: int) -> tuple[mmap.mmap, NDArray[np.uint8]]:
    """Whole pages for so many bytes, which live as long as the map does."""
    inner = -(-max(size, 1) // _PAGE) * _PAGE
    pages = mmap.mmap(-1, inner + 2 * _PAGE)
    raw = np.frombuffer(pages, np.uint8)
    for end in (0, inner + _PAGE):
        LIBC.mprotect(ctypes.c_void_p(raw.ctypes.data + end), ctypes.c_size_t(_PAGE), 0)
    return pages, raw[_PAGE : _PAGE + inner]
