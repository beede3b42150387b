"""The standard normal distribution: its density, its cumulative function in several ways, and the inverse.

Sources: Abramowitz & Stegun 1964, eq. 26.2.17; Hart 1968 as given by West 2005; Acklam 2003; Moro 1995.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np

from warpgen.synthesis.writing.pieces import piece

_erfc = np.vectorize(math.erfc, otypes=[float])
_quantile = np.vectorize(NormalDist().inv_cdf, otypes=[float])


def _cdf(x: Any) -> Any:
    return 0.5 * _erfc(-np.asarray(x) / math.sqrt(2.0))


def _pdf(x: Any) -> Any:
    return np.exp(-0.5 * np.square(x)) / math.sqrt(2.0 * math.pi)


PDF = piece(
    '''
@wp.func
def norm_pdf(x: float) -> float:
    """Standard normal probability density."""
    return 0.3989422804014327 * wp.exp(-0.5 * x * x)
''',
    numpy=_pdf,
)

CDF_ERF = piece(
    '''
@wp.func
def norm_cdf(x: float) -> float:
    """Standard normal cumulative distribution."""
    return 0.5 * (1.0 + wp.erf(x * 0.7071067811865476))
''',
    numpy=_cdf,
)

CDF_ERFC = piece(
    """
@wp.func
def normal_cdf(x: float) -> float:
    # use erfc to avoid cancellation in the lower tail
    return 0.5 * wp.erfc(-x * 0.7071067811865476)
""",
    numpy=_cdf,
)

CDF_POLYNOMIAL = piece(
    '''
@wp.func
def cumulative_normal(x: float) -> float:
    """Cumulative normal, Abramowitz & Stegun 26.2.17 (error below 7.5e-8)."""
    t = 1.0 / (1.0 + 0.2316419 * wp.abs(x))
    poly = -1.821255978 + t * 1.330274429
    poly = 1.781477937 + t * poly
    poly = -0.356563782 + t * poly
    poly = 0.319381530 + t * poly
    tail = norm_pdf(x) * t * poly
    if x < 0.0:
        return tail
    return 1.0 - tail
''',
    PDF,
    numpy=_cdf,
)

CDFS = (CDF_ERF, CDF_ERFC, CDF_POLYNOMIAL)

QUANTILE_ACKLAM = piece(
    '''
@wp.func
def inverse_normal_cdf(p: float) -> float:
    """Return the standard normal quantile (inverse CDF).

    Rational approximation by Acklam, relative error below 1.15e-9 before rounding.
    The tails use a separate fit in sqrt(-2 * log(p)).
    """
    p_low = 0.02425
    if p < p_low:
        q = wp.sqrt(-2.0 * wp.log(p))
        num = (-7.784894002430293e-03 * q - 3.223964580411365e-01) * q - 2.400758277161838e00
        num = ((num * q - 2.549732539343734e00) * q + 4.374664141464968e00) * q + 2.938163982698783e00
        den = (7.784695709041462e-03 * q + 3.224671290700398e-01) * q + 2.445134137142996e00
        den = (den * q + 3.754408661907416e00) * q + 1.0
        return num / den
    if p > 1.0 - p_low:
        q = wp.sqrt(-2.0 * wp.log(1.0 - p))
        num = (-7.784894002430293e-03 * q - 3.223964580411365e-01) * q - 2.400758277161838e00
        num = ((num * q - 2.549732539343734e00) * q + 4.374664141464968e00) * q + 2.938163982698783e00
        den = (7.784695709041462e-03 * q + 3.224671290700398e-01) * q + 2.445134137142996e00
        den = (den * q + 3.754408661907416e00) * q + 1.0
        return -num / den
    q = p - 0.5
    r = q * q
    num = (-3.969683028665376e01 * r + 2.209460984245205e02) * r - 2.759285104469687e02
    num = ((num * r + 1.383577518672690e02) * r - 3.066479806614716e01) * r + 2.506628277459239e00
    den = (-5.447609879822406e01 * r + 1.615858368580409e02) * r - 1.556989798598866e02
    den = ((den * r + 6.680131188771972e01) * r - 1.328068155288572e01) * r + 1.0
    return num * q / den
''',
    numpy=_quantile,
)

QUANTILE_MORO = piece(
    '''
@wp.func
def moro_inverse(u: float) -> float:
    """Inverse normal CDF (Moro 1995)."""
    y = u - 0.5
    if wp.abs(y) < 0.42:
        # Beasley-Springer approximation for the central region
        r = y * y
        num = ((-25.44106049637 * r + 41.39119773534) * r - 18.61500062529) * r + 2.50662823884
        den = (3.13082909833 * r - 21.06224101826) * r + 23.08336743743
        den = (den * r - 8.47351093090) * r + 1.0
        return y * num / den
    # Moro's Chebyshev series in log(-log p) for the tails
    p = wp.min(u, 1.0 - u)
    s = wp.log(-wp.log(p))
    x = 0.0000003960315187 * s + 0.0000002888167364
    x = (x * s + 0.0000321767881768) * s + 0.0003951896511919
    x = (x * s + 0.0038405729373609) * s + 0.0276438810333863
    x = (x * s + 0.1607979714918209) * s + 0.9761690190917186
    x = x * s + 0.3374754822726147
    return wp.sign(y) * x
''',
    numpy=_quantile,
)
