"""Claims that several algorithms make of what they compute."""

from __future__ import annotations

from typing import Any

import numpy as np


def mostly_close(actual: Any, expected: Any, tolerance: float, share: float = 0.97) -> None:
    """Assert that nearly all elements agree: a ray that grazes an edge may go either way by rounding."""
    actual, expected = np.asarray(actual, float), np.asarray(expected, float)
    assert actual.shape == expected.shape, f"shapes {actual.shape} and {expected.shape}"
    near = np.abs(actual - expected) <= tolerance * (1.0 + np.abs(expected))
    assert near.mean() >= share, (
        f"only {near.mean():.3f} agree; {actual[~near][:3]}, not {expected[~near][:3]}"
    )
