"""What a generated text says of the kernel in it."""

from __future__ import annotations

import re

_NAME = re.compile(r"\b(\w+)_(?:cpu|cuda)_kernel_forward\(")
_KERNEL_DIM = re.compile(r"launch_bounds_t<(\d)>")


def kernel_name(code: str) -> str:
    """Mangled name of the kernel in a generated text, '' if there is none."""
    found = _NAME.search(code)
    return found[1] if found else ""


def kernel_dim(code: str) -> int:
    """Dimensions of the launch that the kernel was generated for."""
    found = _KERNEL_DIM.search(code)
    return int(found[1]) if found else 1
