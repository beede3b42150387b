"""How far a float may be from its reference: by the type's precision and by what the program computes."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from warpgen.program import Program
from warpgen.verification.running.arguments import Leaf

# Relative to an element's size plus that of its array, beyond what rounding explains. Each is no less than
# the error of 99 in 100 programs: sums and products lose the last digits, transcendental functions of large
# arguments more, and what iterates or factorises passes its own errors on. The others are disputed, which
# costs a few more runs; a looser bound lets small faults pass.
_FACTORS = {"arithmetic": 1e1, "transcendental": 1e2, "iterative": 1e3}
_EPSILON = {"f8": 1e-14, "f4": 1e-7, "f2": 1e-4}
_ITERATIVE = re.compile(r"svd[23]|qr3|eig3|inverse|noise|while |decompose|cholesky|_solve|tile_fft|slerp")
_TRANSCENDENTAL = re.compile(
    r"sin|cos|tan|exp|log|pow|sqrt|erf|normalize|length|atan|cbrt|quat|rotation|\*\*|norm|randn|sample_|mesh_|range\("
)

_HALVES = re.compile(r"float16|(?:vec\d|mat\d\d|quat|transform|spatial_vector|spatial_matrix)h\b")
_SINGLES = re.compile(r"float32|\bfloat\(|(?:vec\d|mat\d\d|quat|transform|spatial_vector|spatial_matrix)f?\b")

# The least error told, as a share of the tolerance: below it the last bits of a host's math library show.
_FLOOR = 1e-1

# Share of elements that may differ where a rounded value decides a branch, and draws that must agree.
STRAY = 0.02
DRAWS = 3


def operations(program: Program) -> str:
    """The loosest class of operation in the program."""
    if _ITERATIVE.search(program.source):
        return "iterative"
    return "transcendental" if _TRANSCENDENTAL.search(program.source) else "arithmetic"


def forward(kind: str, code: str) -> float:
    """Tolerance of values for a class of operations and a NumPy code such as `<f4`."""
    return float(f"{_FACTORS[kind] * _EPSILON[code[-2:]]:.0e}")


def coarsest(program: Program, leaves: Sequence[Leaf]) -> str:
    """NumPy code of the narrowest floats that the program computes with."""
    codes = {leaf.values.dtype.str[-2:] for leaf in leaves if leaf.floating}
    if "f2" in codes or _HALVES.search(program.source):
        return "f2"
    return "f4" if "f4" in codes or _SINGLES.search(program.source) else "f8"


def gradient(codes: set[str], coarse: bool) -> float:
    """Relative tolerance of a directional derivative; `coarse` where the reference has 32-bit parts."""
    if any(code.endswith("f2") for code in codes):
        return 1e-2
    if coarse:
        return 1e-2
    return 1e-4 if any(code.endswith("f4") for code in codes) else 1e-6


def told(error: float, tolerance: float) -> float:
    """An error as it is written into a row: rounded up to a power of ten.

    It is no less than the floor, and no more than the tolerance it kept to, or than 1.
    """
    least = max(error, tolerance * _FLOOR)
    if least == 0.0:
        return 0.0
    if least >= 1.0:
        return 1.0
    rounded = float(f"1e{math.ceil(math.log10(least) - 1e-9)}")
    return min(rounded, tolerance) if error <= tolerance else rounded


def digits(values: NDArray[np.float64], tolerance: float) -> NDArray[np.int64]:
    """Values as whole multiples of a hundred times the tolerance of their array's size, for a digest."""
    size = float(np.sqrt(np.mean(values * values))) if values.size else 0.0
    if not math.isfinite(size) or size == 0.0:
        return np.zeros(values.shape, np.int64)
    step = 10.0 ** (math.ceil(math.log10(size)) + math.ceil(math.log10(tolerance)) + 2)
    return np.clip(np.rint(values / step), -(2.0**62), 2.0**62).astype(np.int64)
