"""Monte Carlo arithmetic: what the rounding of each operation may do to a result.

The oracle computes in float64. Where a kernel's value is off, the program is read again a few times with
every inexact result moved at random by up to half a unit of the row's own type: how far the outputs spread
is how far rounding may carry them, through cancellation and across branches. No kernel takes part in that.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from contextlib import contextmanager

# Bits of the mantissa, by NumPy code.
_BITS = {"f2": 11, "f4": 24, "f8": 53}


class _Rounding:
    source: random.Random | None = None
    scale = 0.0  # 2 to the number of bits


def rounded(x: float) -> float:
    """A result as another rounding would give it; itself, where the type holds it or nothing is shaken."""
    source = _Rounding.source
    if source is None or (math.frexp(x)[0] * _Rounding.scale) % 1.0 == 0.0 or not math.isfinite(x):
        return x
    return x * (1.0 + source.uniform(-1.0, 1.0) / _Rounding.scale)


@contextmanager
def perturbed(code: str, seed: int) -> Iterator[None]:
    """Round at random, as a type of NumPy code `f2`, `f4` or `f8` does."""
    _Rounding.scale = 2.0 ** _BITS[code]
    _Rounding.source = random.Random(seed)
    try:
        yield
    finally:
        _Rounding.source = None
