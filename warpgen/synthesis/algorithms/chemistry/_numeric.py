"""Slopes by central differences, for references that know the energy alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def descent(energy: Callable[[Any], float], x: Any, step: float = 1e-5) -> Any:
    """Minus the gradient of `energy` at `x`, in the shape of `x`."""
    found = np.zeros_like(x)
    for at in np.ndindex(*x.shape):
        up, down = x.copy(), x.copy()
        up[at] += step
        down[at] -= step
        found[at] = (energy(down) - energy(up)) / (2 * step)
    return found
