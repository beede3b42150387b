"""Windows of signal analysis: w(k, n) for sample k of n, symmetric about the middle.

Sources: Harris 1978; Nuttall 1981; Kaiser 1966. Pass n + 1 for a periodic window of length n.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.writing.pieces import piece


def _cosines(*weights: float) -> Any:
    def window(k: Any, n: Any) -> Any:
        phase = 2 * np.pi * k / (n - 1)
        return sum(w * (-1) ** i * np.cos(i * phase) for i, w in enumerate(weights))

    return window


HANN = piece(
    '''
@wp.func
def hann(k: int, n: int) -> float:
    """Symmetric Hann window, coefficient k of n."""
    return 0.5 - 0.5 * wp.cos(2.0 * wp.pi * float(k) / float(n - 1))
''',
    numpy=_cosines(0.5, 0.5),
)

HAMMING = piece(
    '''
@wp.func
def hamming(k: int, n: int) -> float:
    """Hamming window, coefficient k of n."""
    return 0.54 - 0.46 * wp.cos(2.0 * wp.pi * float(k) / float(n - 1))
''',
    numpy=_cosines(0.54, 0.46),
)

BLACKMAN = piece(
    '''
@wp.func
def blackman(k: int, n: int) -> float:
    """Blackman window, coefficient k of n."""
    phase = 2.0 * wp.pi * float(k) / float(n - 1)
    return 0.42 - 0.5 * wp.cos(phase) + 0.08 * wp.cos(2.0 * phase)
''',
    numpy=_cosines(0.42, 0.5, 0.08),
)

NUTTALL = piece(
    '''
@wp.func
def nuttall(k: int, n: int) -> float:
    """Four-term Nuttall window with continuous first derivative."""
    # side lobes below -93 dB
    phase = 2.0 * wp.pi * float(k) / float(n - 1)
    w = 0.355768 - 0.487396 * wp.cos(phase)
    return w + 0.144232 * wp.cos(2.0 * phase) - 0.012604 * wp.cos(3.0 * phase)
''',
    numpy=_cosines(0.355768, 0.487396, 0.144232, 0.012604),
)

WELCH = piece(
    '''
@wp.func
def welch(k: int, n: int) -> float:
    """Welch (parabolic) window, coefficient k of n."""
    half = 0.5 * float(n - 1)
    u = (float(k) - half) / half
    return 1.0 - u * u
''',
    numpy=lambda k, n: 1 - ((k - (n - 1) / 2) / ((n - 1) / 2)) ** 2,
)

SINE = piece(
    '''
@wp.func
def sine_window(k: int, n: int) -> float:
    """Sine window, coefficient k of n."""
    # satisfies the Princen-Bradley condition: w(k)^2 + w(k + n/2)^2 = 1
    return wp.sin(wp.pi * (float(k) + 0.5) / float(n))
''',
    numpy=lambda k, n: np.sin(np.pi * (k + 0.5) / n),
)

BESSEL_I0 = piece(
    '''
@wp.func
def bessel_i0(x: float) -> float:
    """Modified Bessel function of order zero, power series."""
    # terms are ((x/2)^k / k!)^2
    q = 0.25 * x * x
    term = float(1.0)
    total = float(1.0)
    for k in range(1, 14):
        term *= q / float(k * k)
        total += term
    return total
''',
    numpy=np.i0,
)

KAISER = piece(
    '''
@wp.func
def kaiser(k: int, n: int) -> float:
    """Kaiser window with beta = 6."""
    beta = 6.0
    u = 2.0 * float(k) / float(n - 1) - 1.0
    return bessel_i0(beta * wp.sqrt(wp.max(1.0 - u * u, 0.0))) / bessel_i0(beta)
''',
    BESSEL_I0,
    numpy=lambda k, n: np.i0(6.0 * np.sqrt(np.maximum(1 - (2 * k / (n - 1) - 1) ** 2, 0))) / np.i0(6.0),
)

WINDOWS = (HANN, HAMMING, BLACKMAN, NUTTALL, WELCH, SINE, KAISER)
