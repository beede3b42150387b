"""What counts as a difference where faults are planted."""

from __future__ import annotations

import numpy as np

from tools.launches import differ


def test_rounding_is_no_difference() -> None:
    """It is measured against the greatest value of an array, infinities aside; integers are not rounded."""
    one = np.array([1000.0, 1.0, np.nan, np.inf], np.float32)
    for change, differs in ((1e-4, False), (0.1, True), (np.nan, True), (np.inf, True)):
        assert differ(one, one + np.array([0.0, change, 0.0, 0.0], np.float32)) == differs, change
    assert differ(one, np.array([1000.0, 1.0, 0.0, np.inf], np.float32))
    assert not differ(np.array([0.0], np.float32), np.array([-0.0], np.float32))
    assert differ(np.array([10**6]), np.array([10**6 + 1]))
