"""The normal distribution: density, distribution function and quantiles, in the forms that people use.

Sources: Abramowitz & Stegun 1964, 26.2.17 and 7.1.26; Acklam 2003; Beasley & Springer 1977 with Moro 1995.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from warpgen.synthesis.writing.pieces import piece

_cdf = np.vectorize(lambda x: 0.5 * math.erfc(-x * math.sqrt(0.5)), otypes=[float])
_quantile = np.vectorize(NormalDist().inv_cdf, otypes=[float])

PDF = piece(
    """
@wp.func
def norm_pdf(x: float) -> float:
    return 0.3989422804014327 * wp.exp(-0.5 * x * x)
""",
    numpy=lambda x: np.exp(-0.5 * np.square(x)) / np.sqrt(2.0 * np.pi),
)

CDF_ERFC = piece(
    """
@wp.func
def norm_cdf(x: float) -> float:
    # erfc keeps its digits in the lower tail, where 1 + erf(x) would cancel
    return 0.5 * wp.erfc(-x * 0.7071067811865475)
""",
    numpy=_cdf,
)

CDF_HASTINGS = piece(
    """
@wp.func
def cumulative_normal(x: float) -> float:
    # Abramowitz & Stegun 26.2.17, absolute error below 7.5e-8
    t = 1.0 / (1.0 + 0.2316419 * wp.abs(x))
    poly = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    upper = 0.3989422804014327 * wp.exp(-0.5 * x * x) * poly
    if x < 0.0:
        return upper
    return 1.0 - upper
""",
    numpy=_cdf,
)

CDF_ERF_SERIES = piece(
    """
@wp.func
def phi(x: float) -> float:
    # Abramowitz & Stegun 7.1.26 for erf(|x| / sqrt 2), absolute error below 1.5e-7
    z = wp.abs(x) * 0.7071067811865475
    t = 1.0 / (1.0 + 0.3275911 * z)
    poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    e = 1.0 - poly * wp.exp(-z * z)
    return 0.5 * (1.0 + wp.sign(x) * e)
""",
    numpy=_cdf,
)

CDFS = (CDF_ERFC, CDF_HASTINGS, CDF_ERF_SERIES)

QUANTILE_ACKLAM = piece(
    """
@wp.func
def norm_ppf(p: float) -> float:
    # rational approximations of Acklam, relative error below 1.15e-9 before rounding
    if p < 0.02425:
        q = wp.sqrt(-2.0 * wp.log(p))
        num = -0.007784894002430293 * q - 0.3223964580411365
        num = (((num * q - 2.400758277161838) * q - 2.549732539343734) * q + 4.374664141464968) * q
        den = ((0.007784695709041462 * q + 0.3224671290700398) * q + 2.445134137142996) * q
        return (num + 2.938163982698783) / ((den + 3.754408661907416) * q + 1.0)
    if p > 1.0 - 0.02425:
        q = wp.sqrt(-2.0 * wp.log(1.0 - p))
        num = -0.007784894002430293 * q - 0.3223964580411365
        num = (((num * q - 2.400758277161838) * q - 2.549732539343734) * q + 4.374664141464968) * q
        den = ((0.007784695709041462 * q + 0.3224671290700398) * q + 2.445134137142996) * q
        return -(num + 2.938163982698783) / ((den + 3.754408661907416) * q + 1.0)
    q = p - 0.5
    r = q * q
    num = (-39.69683028665376 * r + 220.9460984245205) * r - 275.9285104469687
    num = ((num * r + 138.3577518672690) * r - 30.66479806614716) * r + 2.506628277459239
    den = (-54.47609879822406 * r + 161.5858368580409) * r - 155.6989798598866
    den = ((den * r + 66.80131188771972) * r - 13.28068155288572) * r + 1.0
    return num * q / den
""",
    numpy=_quantile,
)

QUANTILE_MORO = piece(
    """
@wp.func
def moro_inverse(u: float) -> float:
    y = u - 0.5
    if wp.abs(y) < 0.42:
        # Beasley and Springer's rational function in the middle
        r = y * y
        num = y * (((-25.44106049637 * r + 41.39119773534) * r - 18.61500062529) * r + 2.50662823884)
        den = (((3.13082909833 * r - 21.06224101826) * r + 23.08336743743) * r - 8.47351093090) * r + 1.0
        return num / den
    # Moro's polynomial in log(-log(tail)) outside
    r = u
    if y > 0.0:
        r = 1.0 - u
    s = wp.log(-wp.log(r))
    x = 0.0000003960315187 * s + 0.0000002888167364
    x = (x * s + 0.0000321767881768) * s + 0.0003951896511919
    x = (x * s + 0.0038405729373609) * s + 0.0276438810333863
    x = ((x * s + 0.1607979714918209) * s + 0.9761690190917186) * s + 0.3374754822726147
    if y < 0.0:
        return -x
    return x
""",
    numpy=_quantile,
)

QUANTILE_ERFINV = piece(
    """
@wp.func
def normal_quantile(p: float) -> float:
    return 1.4142135623730951 * wp.erfinv(2.0 * p - 1.0)
""",
    numpy=_quantile,
)

QUANTILES = (QUANTILE_ACKLAM, QUANTILE_MORO, QUANTILE_ERFINV)
