"""Phase functions: how a medium scatters light, by the cosine of the angle; each integrates to one.

Sources: Henyey & Greenstein 1941; Rayleigh 1871; Schlick: Blasi, Le Saec & Schlick 1993;
Cornette & Shanks 1992.
"""

from __future__ import annotations

import numpy as np

from warpgen.synthesis.writing.pieces import Piece, piece

HENYEY_GREENSTEIN = piece(
    '''
@wp.func
def henyey_greenstein(cos_theta: float, g: float) -> float:
    """Henyey-Greenstein phase function.

    Args:
        cos_theta: Cosine of the scattering angle.
        g: Asymmetry parameter in (-1, 1), positive for forward scattering.
    """
    denom = 1.0 + g * g - 2.0 * g * cos_theta
    return (1.0 - g * g) / (4.0 * wp.pi * denom * wp.sqrt(denom))
''',
    numpy=lambda c, g: (1.0 - g * g) / (4.0 * np.pi * (1.0 + g * g - 2.0 * g * c) ** 1.5),
)

SCHLICK = piece(
    '''
@wp.func
def schlick_phase(cos_theta: float, g: float) -> float:
    """Schlick approximation to the Henyey-Greenstein phase function."""
    # k is fitted to Henyey-Greenstein and avoids the 3/2 power
    k = 1.55 * g - 0.55 * g * g * g
    a = 1.0 - k * cos_theta
    return (1.0 - k * k) / (4.0 * wp.pi * a * a)
''',
    numpy=lambda c, g: (
        (1.0 - (1.55 * g - 0.55 * g**3) ** 2) / (4.0 * np.pi * (1.0 - (1.55 * g - 0.55 * g**3) * c) ** 2)
    ),
)

CORNETTE_SHANKS = piece(
    """
@wp.func
def cornette_shanks(cos_theta: float, g: float) -> float:
    scale = 3.0 * (1.0 - g * g) / (8.0 * wp.pi * (2.0 + g * g))
    denom = 1.0 + g * g - 2.0 * g * cos_theta
    return scale * (1.0 + cos_theta * cos_theta) / (denom * wp.sqrt(denom))
""",
    numpy=lambda c, g: (
        3.0
        * (1.0 - g * g)
        * (1.0 + c * c)
        / (8.0 * np.pi * (2.0 + g * g) * (1.0 + g * g - 2.0 * g * c) ** 1.5)
    ),
)

RAYLEIGH = piece(
    '''
@wp.func
def rayleigh(cos_theta: float) -> float:
    """Rayleigh phase function, normalized over the sphere."""
    return 3.0 / (16.0 * wp.pi) * (1.0 + cos_theta * cos_theta)
''',
    numpy=lambda c: 3.0 / (16.0 * np.pi) * (1.0 + c * c),
)

ISOTROPIC = piece(
    """
@wp.func
def isotropic_phase() -> float:
    return 1.0 / (4.0 * wp.pi)
""",
    numpy=lambda: 1.0 / (4.0 * np.pi),
)

OF_ASYMMETRY: tuple[Piece, ...] = (HENYEY_GREENSTEIN, SCHLICK, CORNETTE_SHANKS)
