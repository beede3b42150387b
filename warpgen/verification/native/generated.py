"""What a generated text says of the kernel in it."""

from __future__ import annotations

import re

_NAME, _BEHIND = re.compile(r"(\w+)_(?:cpu|cuda)"), "_kernel_forward("
_KERNEL_DIM = re.compile(r"launch_bounds_t<(\d)>")


def kernel_name(code: str) -> str:
    """Mangled name of the kernel in a generated text, '' if there is none."""
    end = code.find(_BEHIND)
    while end >= 0:
        start = end
        while start and (code[start - 1].isalnum() or code[start - 1] == "_"):
            start -= 1  # a search from the left takes the square of a word's length
        found = _NAME.fullmatch(code, start, end)
        if found:
            return found[1]
        end = code.find(_BEHIND, end + 1)
    return ""


def kernel_dim(code: str) -> int:
    """Dimensions of the launch that the kernel was generated for."""
    found = _KERNEL_DIM.search(code)
    return int(found[1]) if found else 1
