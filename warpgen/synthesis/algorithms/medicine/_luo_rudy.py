"""Rates of the gates of Luo and Rudy's cell of 1991: as text, and on arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

GATES = ("m", "h", "j", "d", "f", "x")
RATES = """
# Gate rate constants [1/ms]; alpha_m has a removable singularity at -47.13 mV
shifted = vm + 47.13
if wp.abs(shifted) < 1.0e-3:
    alpha_m = 3.2
else:
    alpha_m = 0.32 * shifted / (1.0 - wp.exp(-0.1 * shifted))
beta_m = 0.08 * wp.exp(-vm / 11.0)
if vm >= -40.0:
    alpha_h = 0.0
    beta_h = 1.0 / (0.13 * (1.0 + wp.exp(-(vm + 10.66) / 11.1)))
    alpha_j = 0.0
    beta_j = 0.3 * wp.exp(-2.535e-7 * vm) / (1.0 + wp.exp(-0.1 * (vm + 32.0)))
else:
    alpha_h = 0.135 * wp.exp(-(80.0 + vm) / 6.8)
    beta_h = 3.56 * wp.exp(0.079 * vm) + 3.1e5 * wp.exp(0.35 * vm)
    alpha_j = -1.2714e5 * wp.exp(0.2444 * vm) - 3.474e-5 * wp.exp(-0.04391 * vm)
    alpha_j *= (vm + 37.78) / (1.0 + wp.exp(0.311 * (vm + 79.23)))
    beta_j = 0.1212 * wp.exp(-0.01052 * vm) / (1.0 + wp.exp(-0.1378 * (vm + 40.14)))
alpha_d = 0.095 * wp.exp(-0.01 * (vm - 5.0)) / (1.0 + wp.exp(-0.072 * (vm - 5.0)))
beta_d = 0.07 * wp.exp(-0.017 * (vm + 44.0)) / (1.0 + wp.exp(0.05 * (vm + 44.0)))
alpha_f = 0.012 * wp.exp(-0.008 * (vm + 28.0)) / (1.0 + wp.exp(0.15 * (vm + 28.0)))
beta_f = 0.0065 * wp.exp(-0.02 * (vm + 30.0)) / (1.0 + wp.exp(-0.2 * (vm + 30.0)))
alpha_x = 0.0005 * wp.exp(0.083 * (vm + 50.0)) / (1.0 + wp.exp(0.057 * (vm + 50.0)))
beta_x = 0.0013 * wp.exp(-0.06 * (vm + 20.0)) / (1.0 + wp.exp(-0.04 * (vm + 20.0)))
"""


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
