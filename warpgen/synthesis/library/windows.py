"""Windows of n samples for spectra and filters, symmetric; the sample k stands at x = k / (n - 1).

Sources: Harris 1978; Nuttall 1981; Heinzel, Ruediger & Schilling 2002 (flat top).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from warpgen.synthesis.writing.pieces import piece


def _cosines(*a: float) -> Callable[[Any, Any], Any]:
    def window(k: Any, n: Any) -> Any:
        x = 2.0 * np.pi * np.asarray(k) / (n - 1)
        return sum((-1) ** i * c * np.cos(i * x) for i, c in enumerate(a))

    return window


HANN = piece(
    """
@wp.func
def hann(k: int, n: int) -> float:
    s = wp.sin(wp.pi * float(k) / float(n - 1))
    return s * s
""",
    numpy=_cosines(0.5, 0.5),
)

HAMMING = piece(
    """
@wp.func
def hamming(k: int, n: int) -> float:
    return 0.54 - 0.46 * wp.cos(2.0 * wp.pi * float(k) / float(n - 1))
""",
    numpy=_cosines(0.54, 0.46),
)

BLACKMAN = piece(
    """
@wp.func
def blackman(k: int, n: int) -> float:
    x = 2.0 * wp.pi * float(k) / float(n - 1)
    return 0.42 - 0.5 * wp.cos(x) + 0.08 * wp.cos(2.0 * x)
""",
    numpy=_cosines(0.42, 0.5, 0.08),
)

BLACKMAN_HARRIS = piece(
    """
@wp.func
def blackman_harris(k: int, n: int) -> float:
    # four terms, side lobes below -92 dB
    x = 2.0 * wp.pi * float(k) / float(n - 1)
    return 0.35875 - 0.48829 * wp.cos(x) + 0.14128 * wp.cos(2.0 * x) - 0.01168 * wp.cos(3.0 * x)
""",
    numpy=_cosines(0.35875, 0.48829, 0.14128, 0.01168),
)

WELCH = piece(
    """
@wp.func
def welch(k: int, n: int) -> float:
    x = 2.0 * float(k) / float(n - 1) - 1.0
    return 1.0 - x * x
""",
    numpy=lambda k, n: 1.0 - (2.0 * k / (n - 1) - 1.0) ** 2,
)

GAUSSIAN = piece(
    """
@wp.func
def gaussian_window(k: int, n: int) -> float:
    # standard deviation of 0.4 half widths
    x = (2.0 * float(k) / float(n - 1) - 1.0) / 0.4
    return wp.exp(-0.5 * x * x)
""",
    numpy=lambda k, n: np.exp(-0.5 * ((2.0 * k / (n - 1) - 1.0) / 0.4) ** 2),
)

BARTLETT = piece(
    """
@wp.func
def bartlett(k: int, n: int) -> float:
    return 1.0 - wp.abs(2.0 * float(k) / float(n - 1) - 1.0)
""",
    numpy=lambda k, n: 1.0 - np.abs(2.0 * k / (n - 1) - 1.0),
)

WINDOWS = (HANN, HAMMING, BLACKMAN, BLACKMAN_HARRIS, WELCH, GAUSSIAN, BARTLETT)

BESSEL_I0 = piece(
    """
@wp.func
def bessel_i0(x: float) -> float:
    # power series of the modified Bessel function: terms ((x/2)^k / k!)^2
    q = 0.25 * x * x
    term = float(1.0)
    sum = float(1.0)
    for k in range(1, 14):
        term *= q / float(k * k)
        sum += term
    return sum
""",
    numpy=np.i0,
)
