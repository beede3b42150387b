"""How far a float may be from its reference: by the precision of its type.

What a program makes of rounding is measured, not guessed (`Examination.sensitivity`).
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from warpgen.program import Program
from warpgen.verification.running.arguments import Leaf

# Relative to an element's size plus that of its array, beyond what rounding explains: some dozens of units in
# the last place, which sums, products and transcendental functions lose. What loses more is disputed, which
# costs a few more runs; a looser bound lets small faults pass.
_ALLOWED = {"f8": 1e-12, "f4": 1e-5, "f2": 4e-3}
# Warp's builtins that iterate until they are near enough stop there, however well conditioned all is.
_ITERATING, _NEAR = frozenset({"svd2", "svd3", "eig3"}), 10.0
# No measure of rounding excuses more than this: of a type of few digits hardly any would be left.
_CAP = {"f8": math.inf, "f4": math.inf, "f2": 3e-2}

# One rounding of an input, and a disturbance that shows on which sides of a branch rounding may leave it.
ROUNDING = {"f8": 4e-16, "f4": 2e-7, "f2": 1e-3}
HARD = {"f8": 2e-14, "f4": 1e-5, "f2": 1e-2}

# What another order of a sum may change.
REORDERED = {"f8": 1e-8, "f4": 1e-3, "f2": 3e-2}

_HALVES = re.compile(r"\bfloat16|(?:vec\d|mat\d\d|quat|transform|spatial_vector|spatial_matrix)h\b")
_SINGLES = re.compile(
    r"\bfloat32|\bfloat\(|(?:vec\d|mat\d\d|quat|transform|spatial_vector|spatial_matrix)f?\b"
)

# The least error told, as a share of the tolerance: below it the last bits of a host's math library show.
_FLOOR = 1e-1

# Share of elements that may differ where a rounded value decides a branch and nothing shows which, how many
# tolerances they may be off then, and draws that must agree.
STRAY = 0.02
FARTHEST = 1e3
DRAWS = 3


def operations(program: Program) -> str:
    """`iterating` where the program calls a builtin that ends near its result, else `plain`."""
    if program.source.isascii() and not any(name in program.source for name in _ITERATING):
        return "plain"  # as nearly all are; other letters may spell a name in another way
    calls = [node.func for node in ast.walk(ast.parse(program.source)) if isinstance(node, ast.Call)]
    called = {function.attr for function in calls if isinstance(function, ast.Attribute)}
    return "iterating" if called & _ITERATING else "plain"


def forward(kind: str, code: str) -> float:
    """Tolerance of values for a class of operations and a NumPy code such as `<f4`."""
    return float(f"{_ALLOWED[code[-2:]] * (_NEAR if kind == 'iterating' else 1.0):.0e}")


def cap(code: str) -> float:
    """The most that a value of a NumPy code may be off, whatever rounding explains."""
    return _CAP[code[-2:]]


def coarsest(program: Program, leaves: Sequence[Leaf]) -> str:
    """NumPy code of the narrowest floats that the program computes with."""
    codes = {leaf.values.dtype.str[-2:] for leaf in leaves if leaf.floating}
    if "f2" in codes:
        return "f2"
    if "f4" in codes and program.source.isascii() and not _HALVES.search(program.source):
        return "f4"  # as nearly all have; what is not in the text is not in its code either
    tree = ast.parse(program.source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = 0  # what a text says is no type
    source = ast.unparse(tree)
    if _HALVES.search(source):
        return "f2"
    return "f4" if "f4" in codes or _SINGLES.search(source) else "f8"


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
