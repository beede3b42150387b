"""Right-hand sides of small systems of ordinary differential equations, y' = f(y, constants).

Sources: Lorenz 1963; Rössler 1976; van der Pol 1926; Lotka 1925; Robertson 1966; FitzHugh 1961; Kermack &
McKendrick 1927; Prigogine & Lefever 1968.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from warpgen.synthesis.writing.pieces import Piece, piece

Constant = tuple[str, float, float]


class System(NamedTuple):
    """`rate` takes the state (a vec2 or vec3) and then the constants; states begin within `low`..`high`."""

    rate: Piece
    dimension: int
    constants: tuple[Constant, ...]
    low: float
    high: float
    step: tuple[float, float]  # the range of sensible time steps
    about: str

    @property
    def arguments(self) -> str:
        """The constants as they are handed on."""
        return ", ".join(name for name, _, _ in self.constants)

    def of(self, y: Any, values: Any) -> Any:
        """The rate in NumPy, constants out of `values` by name; states along the last axis."""
        return np.stack(self.rate(*np.moveaxis(y, -1, 0), *(values[n] for n, _, _ in self.constants)), -1)


LORENZ = System(
    piece(
        '''
@wp.func
def lorenz(s: wp.vec3, sigma: float, rho: float, beta: float) -> wp.vec3:
    """Lorenz system right-hand side."""
    return wp.vec3(sigma * (s[1] - s[0]), s[0] * (rho - s[2]) - s[1], s[0] * s[1] - beta * s[2])
''',
        numpy=lambda x, y, z, s, r, b: (s * (y - x), x * (r - z) - y, x * y - b * z),
    ),
    3,
    (("sigma", 8.0, 12.0), ("rho", 20.0, 30.0), ("beta", 2.0, 3.0)),
    -10.0,
    20.0,
    (0.001, 0.005),
    "the Lorenz system",
)

ROESSLER = System(
    piece(
        '''
@wp.func
def roessler(s: wp.vec3, a: float, b: float, c: float) -> wp.vec3:
    """Roessler system right-hand side."""
    return wp.vec3(-s[1] - s[2], s[0] + a * s[1], b + s[2] * (s[0] - c))
''',
        numpy=lambda x, y, z, a, b, c: (-y - z, x + a * y, b + z * (x - c)),
    ),
    3,
    (("a", 0.1, 0.3), ("b", 0.1, 0.3), ("c", 4.0, 7.0)),
    -4.0,
    4.0,
    (0.005, 0.02),
    "the Roessler system",
)

SIRS = System(
    piece(
        '''
@wp.func
def sirs(s: wp.vec3, beta: float, gamma: float, waning: float) -> wp.vec3:
    """SIRS epidemic model with waning immunity.

    State is (susceptible, infected, recovered).
    """
    infections = beta * s[0] * s[1]
    return wp.vec3(
        waning * s[2] - infections, infections - gamma * s[1], gamma * s[1] - waning * s[2]
    )
''',
        numpy=lambda s, i, r, b, g, w: (w * r - b * s * i, b * s * i - g * i, g * i - w * r),
    ),
    3,
    (("beta", 0.2, 0.6), ("gamma", 0.05, 0.2), ("waning", 0.001, 0.02)),
    0.05,
    0.6,
    (0.1, 0.5),
    "an SIRS epidemic model",
)

VAN_DER_POL = System(
    piece(
        '''
@wp.func
def van_der_pol(s: wp.vec2, mu: float) -> wp.vec2:
    """Van der Pol oscillator, state (x, dx/dt)."""
    # nonlinear damping: negative for |x| < 1, positive otherwise
    return wp.vec2(s[1], mu * (1.0 - s[0] * s[0]) * s[1] - s[0])
''',
        numpy=lambda x, y, mu: (y, mu * (1.0 - x * x) * y - x),
    ),
    2,
    (("mu", 0.5, 2.0),),
    -2.0,
    2.0,
    (0.01, 0.05),
    "the van der Pol oscillator",
)

LOTKA_VOLTERRA = System(
    piece(
        '''
@wp.func
def predator_prey(s: wp.vec2, growth: float, hunt: float, death: float, efficiency: float) -> wp.vec2:
    """Lotka-Volterra equations.

    Args:
        s: Prey and predator densities.
        growth: Prey growth rate.
        hunt: Predation rate.
        death: Predator death rate.
        efficiency: Conversion efficiency from prey to predators.
    """
    eaten = hunt * s[0] * s[1]
    return wp.vec2(growth * s[0] - eaten, efficiency * eaten - death * s[1])
''',
        numpy=lambda x, y, g, h, d, e: (g * x - h * x * y, e * h * x * y - d * y),
    ),
    2,
    (("growth", 0.5, 1.0), ("hunt", 0.3, 0.8), ("death", 0.3, 0.6), ("efficiency", 0.4, 0.8)),
    0.5,
    2.0,
    (0.01, 0.05),
    "the Lotka-Volterra equations",
)

PENDULUM = System(
    piece(
        '''
@wp.func
def pendulum(s: wp.vec2, g: float, arm: float, drag: float) -> wp.vec2:
    """Damped pendulum, state (angle, angular velocity)."""
    return wp.vec2(s[1], -g / arm * wp.sin(s[0]) - drag * s[1])
''',
        numpy=lambda a, w, g, arm, drag: (w, -g / arm * np.sin(a) - drag * w),
    ),
    2,
    (("g", 9.7, 9.9), ("arm", 0.5, 2.0), ("drag", 0.05, 0.5)),
    -1.5,
    1.5,
    (0.005, 0.02),
    "a damped pendulum",
)

FITZHUGH_NAGUMO = System(
    piece(
        '''
@wp.func
def fitzhugh_nagumo(s: wp.vec2, current: float, epsilon: float, a: float, b: float) -> wp.vec2:
    """FitzHugh-Nagumo neuron model."""
    # s[0]: membrane potential, s[1]: slow recovery variable
    return wp.vec2(
        s[0] - s[0] * s[0] * s[0] / 3.0 - s[1] + current, epsilon * (s[0] + a - b * s[1])
    )
''',
        numpy=lambda u, w, i, e, a, b: (u - u**3 / 3.0 - w + i, e * (u + a - b * w)),
    ),
    2,
    (("current", 0.2, 0.6), ("epsilon", 0.05, 0.1), ("a", 0.6, 0.8), ("b", 0.7, 0.9)),
    -1.5,
    1.5,
    (0.02, 0.1),
    "the FitzHugh-Nagumo neuron model",
)

BRUSSELATOR = System(
    piece(
        '''
@wp.func
def brusselator(s: wp.vec2, feed: float, drain: float) -> wp.vec2:
    """Brusselator reaction kinetics, state (x, y)."""
    # autocatalytic step: 2X + Y -> 3X
    third = s[0] * s[0] * s[1]
    return wp.vec2(feed + third - (drain + 1.0) * s[0], drain * s[0] - third)
''',
        numpy=lambda x, y, a, b: (a + x * x * y - (b + 1.0) * x, b * x - x * x * y),
    ),
    2,
    (("feed", 0.8, 1.2), ("drain", 1.5, 3.0)),
    0.5,
    2.0,
    (0.01, 0.04),
    "the Brusselator",
)

SYSTEMS = (
    LORENZ,
    ROESSLER,
    SIRS,
    VAN_DER_POL,
    LOTKA_VOLTERRA,
    PENDULUM,
    FITZHUGH_NAGUMO,
    BRUSSELATOR,
)
