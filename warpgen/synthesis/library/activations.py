"""Activations of neural networks, and their slopes.

Sources: Hendrycks & Gimpel 2016 (GELU, SiLU); Clevert et al. 2016 (ELU); Klambauer et al. 2017 (SELU);
Misra 2019 (Mish); Howard et al. 2019 (hard swish); Maas et al. 2013 (leaky ReLU).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from warpgen.synthesis.writing.pieces import Piece, piece


class Activation(NamedTuple):
    """An activation and its slope."""

    value: Piece
    slope: Piece


def _sigmoid(x: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-x))


_erf = np.vectorize(math.erf, otypes=[float])


def _mish_slope(x: Any) -> Any:
    t = np.tanh(np.log1p(np.exp(x)))
    return t + x * (1.0 - t * t) * _sigmoid(x)


def _gelu_slope(x: Any) -> Any:
    u = 0.7978845608 * (x + 0.044715 * x**3)
    return 0.5 * (1.0 + np.tanh(u)) + 0.5 * x / np.cosh(u) ** 2 * 0.7978845608 * (1.0 + 0.134145 * x * x)


SIGMOID = piece(
    '''
@wp.func
def sigmoid(x: float) -> float:
    """Logistic sigmoid 1 / (1 + exp(-x))."""
    return 1.0 / (1.0 + wp.exp(-x))
''',
    numpy=_sigmoid,
)

RELU = Activation(
    piece(
        """
@wp.func
def relu(x: float) -> float:
    return wp.max(x, 0.0)
""",
        numpy=lambda x: np.maximum(x, 0.0),
    ),
    piece(
        """
@wp.func
def relu_grad(x: float) -> float:
    return wp.where(x > 0.0, 1.0, 0.0)
""",
        numpy=lambda x: np.where(x > 0.0, 1.0, 0.0),
    ),
)

LEAKY_RELU = Activation(
    piece(
        '''
@wp.func
def leaky_relu(x: float) -> float:
    """ReLU with a slope of 0.01 for negative inputs."""
    return wp.where(x > 0.0, x, 0.01 * x)
''',
        numpy=lambda x: np.where(x > 0.0, x, 0.01 * x),
    ),
    piece(
        """
@wp.func
def leaky_relu_grad(x: float) -> float:
    return wp.where(x > 0.0, 1.0, 0.01)
""",
        numpy=lambda x: np.where(x > 0.0, 1.0, 0.01),
    ),
)

ELU = Activation(
    piece(
        """
@wp.func
def elu(x: float) -> float:
    if x > 0.0:
        return x
    return wp.exp(x) - 1.0
""",
        numpy=lambda x: np.where(x > 0.0, x, np.expm1(np.minimum(x, 0.0))),
    ),
    piece(
        """
@wp.func
def elu_grad(x: float) -> float:
    return wp.min(wp.exp(x), 1.0)
""",
        numpy=lambda x: np.minimum(np.exp(x), 1.0),
    ),
)

SELU = Activation(
    piece(
        """
@wp.func
def selu(x: float) -> float:
    # self-normalizing constants (Klambauer et al. 2017)
    if x > 0.0:
        return 1.0507009873554805 * x
    return 1.0507009873554805 * 1.6732632423543772 * (wp.exp(x) - 1.0)
""",
        numpy=lambda x: 1.0507009873554805 * np.where(x > 0.0, x, 1.6732632423543772 * np.expm1(x)),
    ),
    piece(
        """
@wp.func
def selu_grad(x: float) -> float:
    if x > 0.0:
        return 1.0507009873554805
    return 1.0507009873554805 * 1.6732632423543772 * wp.exp(x)
""",
        numpy=lambda x: 1.0507009873554805 * np.where(x > 0.0, 1.0, 1.6732632423543772 * np.exp(x)),
    ),
)

GELU = Activation(
    piece(
        '''
@wp.func
def gelu(x: float) -> float:
    """Gaussian error linear unit, tanh approximation."""
    return 0.5 * x * (1.0 + wp.tanh(0.7978845608 * (x + 0.044715 * x * x * x)))
''',
        numpy=lambda x: 0.5 * x * (1.0 + np.tanh(0.7978845608 * (x + 0.044715 * x**3))),
    ),
    piece(
        '''
@wp.func
def gelu_grad(x: float) -> float:
    """Derivative of the tanh approximation of GELU."""
    t = wp.tanh(0.7978845608 * (x + 0.044715 * x * x * x))
    inner = 0.7978845608 * (1.0 + 0.134145 * x * x)
    return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * inner
''',
        numpy=_gelu_slope,
    ),
)

GELU_EXACT = Activation(
    piece(
        '''
@wp.func
def gelu_erf(x: float) -> float:
    """Exact GELU: x times the standard normal CDF at x."""
    return 0.5 * x * (1.0 + wp.erf(0.7071067811865475 * x))
''',
        numpy=lambda x: 0.5 * x * (1.0 + _erf(np.sqrt(0.5) * x)),
    ),
    piece(
        '''
@wp.func
def gelu_erf_grad(x: float) -> float:
    """Derivative of the exact GELU: CDF(x) + x * PDF(x)."""
    cdf = 0.5 * (1.0 + wp.erf(0.7071067811865475 * x))
    return cdf + x * 0.3989422804014327 * wp.exp(-0.5 * x * x)
''',
        numpy=lambda x: (
            0.5 * (1.0 + _erf(np.sqrt(0.5) * x)) + x * np.exp(-0.5 * x * x) / np.sqrt(2.0 * np.pi)
        ),
    ),
)

SILU = Activation(
    piece(
        '''
@wp.func
def silu(x: float) -> float:
    """SiLU (swish): x * sigmoid(x)."""
    return x / (1.0 + wp.exp(-x))
''',
        numpy=lambda x: x * _sigmoid(x),
    ),
    piece(
        """
@wp.func
def silu_grad(x: float) -> float:
    s = 1.0 / (1.0 + wp.exp(-x))
    return s * (1.0 + x * (1.0 - s))
""",
        numpy=lambda x: _sigmoid(x) * (1.0 + x * (1.0 - _sigmoid(x))),
    ),
)

SOFTPLUS = Activation(
    piece(
        '''
@wp.func
def softplus(x: float) -> float:
    """Numerically stable log(1 + exp(x))."""
    # pull out max(x, 0) to avoid overflow in exp()
    return wp.max(x, 0.0) + wp.log(1.0 + wp.exp(-wp.abs(x)))
''',
        numpy=lambda x: np.logaddexp(0.0, x),
    ),
    piece(
        """
@wp.func
def softplus_grad(x: float) -> float:
    return 1.0 / (1.0 + wp.exp(-x))
""",
        numpy=_sigmoid,
    ),
)

MISH = Activation(
    piece(
        '''
@wp.func
def mish(x: float) -> float:
    """Mish activation: x * tanh(softplus(x)), see Misra 2019."""
    return x * wp.tanh(wp.log(1.0 + wp.exp(x)))
''',
        numpy=lambda x: x * np.tanh(np.logaddexp(0.0, x)),
    ),
    piece(
        """
@wp.func
def mish_grad(x: float) -> float:
    t = wp.tanh(wp.log(1.0 + wp.exp(x)))
    return t + x * (1.0 - t * t) / (1.0 + wp.exp(-x))
""",
        numpy=_mish_slope,
    ),
)

HARD_SWISH = Activation(
    piece(
        '''
@wp.func
def hard_swish(x: float) -> float:
    """Hard swish (MobileNetV3), using a piecewise linear sigmoid."""
    return x * wp.clamp(x + 3.0, 0.0, 6.0) / 6.0
''',
        numpy=lambda x: x * np.clip(x + 3.0, 0.0, 6.0) / 6.0,
    ),
    piece(
        '''
@wp.func
def hard_swish_grad(x: float) -> float:
    """Derivative of hard_swish, zero below -3 and one above 3."""
    if x <= -3.0:
        return 0.0
    if x >= 3.0:
        return 1.0
    return (2.0 * x + 3.0) / 6.0
''',
        numpy=lambda x: np.where(x <= -3.0, 0.0, np.where(x >= 3.0, 1.0, (2.0 * x + 3.0) / 6.0)),
    ),
)

TANH = Activation(
    piece(
        """
@wp.func
def scaled_tanh(x: float) -> float:
    # LeCun et al. 1998: scaled for unit-variance inputs
    return 1.7159 * wp.tanh(0.6666667 * x)
""",
        numpy=lambda x: 1.7159 * np.tanh(0.6666667 * x),
    ),
    piece(
        """
@wp.func
def scaled_tanh_grad(x: float) -> float:
    t = wp.tanh(0.6666667 * x)
    return 1.7159 * 0.6666667 * (1.0 - t * t)
""",
        numpy=lambda x: 1.7159 * 0.6666667 * (1.0 - np.tanh(0.6666667 * x) ** 2),
    ),
)

ACTIVATIONS = (RELU, LEAKY_RELU, ELU, SELU, GELU, GELU_EXACT, SILU, SOFTPLUS, MISH, HARD_SWISH, TANH)
SMOOTH = (GELU, GELU_EXACT, SILU, SOFTPLUS, MISH, TANH)
