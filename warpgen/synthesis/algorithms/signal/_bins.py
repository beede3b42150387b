"""What tiles of `POINTS` samples and of their spectra are mapped by: functions of one sample or bin."""

from __future__ import annotations

AS_COMPLEX = """
@wp.func
def as_complex(x: float) -> wp.vec2:
    return wp.vec2(x, 0.0)
"""

PACKED = '''
@wp.func
def packed(x: float, y: float) -> wp.vec2:
    """Pack two real signals into one complex signal so that a single FFT handles both."""
    return wp.vec2(x, y)
'''

MIRRORED_BIN = """
@wp.func
def mirrored_bin(k: int) -> int:
    return wp.where(k == 0, 0, POINTS - k)
"""

CONJUGATE = """
@wp.func
def conjugate(z: wp.vec2) -> wp.vec2:
    return wp.vec2(z[0], -z[1])
"""

OVER_2I = """
@wp.func
def over_2i(z: wp.vec2) -> wp.vec2:
    return 0.5 * wp.vec2(z[1], -z[0])
"""

REAL_PART = """
@wp.func
def real_part(value: wp.vec2) -> float:
    return value[0]
"""

SCALED_REAL = """
@wp.func
def scaled_real(value: wp.vec2) -> float:
    return value[0] / float(POINTS)
"""

IN_BAND = '''
@wp.func
def in_band(z: wp.vec2, index: int, lowest: int, highest: int) -> wp.vec2:
    """Keep in-band bins and their negative-frequency mirrors."""
    k = wp.min(index, POINTS - index)
    if k < lowest or k > highest:
        return wp.vec2(0.0, 0.0)
    return z
'''

IN_GAUSSIAN_BAND = """
@wp.func
def in_band(z: wp.vec2, index: int, middle: float, width: float) -> wp.vec2:
    u = (float(index) - middle) / width
    return wp.exp(-0.5 * u * u) * z
"""

ONE_SIDED = '''
@wp.func
def one_sided(z: wp.vec2, index: int) -> wp.vec2:
    """Double positive-frequency bins and zero negative ones."""
    if index == 0 or index == POINTS // 2:
        return z
    if index > POINTS // 2:
        return wp.vec2(0.0, 0.0)
    return 2.0 * z
'''

LIFTER = '''
@wp.func
def lifter(value: wp.vec2, quefrency: int, kept: int) -> wp.vec2:
    """Keep low quefrencies, i.e. the vocal tract envelope without the pitch."""
    q = wp.min(quefrency, POINTS - quefrency)
    if q >= kept:
        return wp.vec2(0.0, 0.0)
    return value
'''
