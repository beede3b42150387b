"""Rates of the gates of Luo and Rudy's cell of 1991, on arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

GATES = ("m", "h", "j", "d", "f", "x")


def rates_at(u: Any) -> dict[str, tuple[Any, Any]]:
    """Opening and closing rates of all gates at membrane potentials `u` in mV."""
    e = np.exp
    up = u >= -40.0
    safe = np.minimum(u, -40.0)
    return {
        "m": (0.32 * (u + 47.13) / (1 - e(-0.1 * (u + 47.13))), 0.08 * e(-u / 11)),
        "h": (
            np.where(up, 0.0, 0.135 * e(-(80 + u) / 6.8)),
            np.where(
                up, 1 / (0.13 * (1 + e(-(u + 10.66) / 11.1))), 3.56 * e(0.079 * u) + 3.1e5 * e(0.35 * safe)
            ),
        ),
        "j": (
            np.where(
                up,
                0.0,
                (-127140 * e(0.2444 * safe) - 3.474e-5 * e(-0.04391 * u))
                * (u + 37.78)
                / (1 + e(0.311 * (u + 79.23))),
            ),
            np.where(
                up,
                0.3 * e(-2.535e-7 * u) / (1 + e(-0.1 * (u + 32))),
                0.1212 * e(-0.01052 * u) / (1 + e(-0.1378 * (u + 40.14))),
            ),
        ),
        "d": (
            0.095 * e(-0.01 * (u - 5)) / (1 + e(-0.072 * (u - 5))),
            0.07 * e(-0.017 * (u + 44)) / (1 + e(0.05 * (u + 44))),
        ),
        "f": (
            0.012 * e(-0.008 * (u + 28)) / (1 + e(0.15 * (u + 28))),
            0.0065 * e(-0.02 * (u + 30)) / (1 + e(-0.2 * (u + 30))),
        ),
        "x": (
            0.0005 * e(0.083 * (u + 50)) / (1 + e(0.057 * (u + 50))),
            0.0013 * e(-0.06 * (u + 20)) / (1 + e(-0.04 * (u + 20))),
        ),
    }
