"""Shape functions of particles on grids with unit spacing: B-splines of degree 0 to 3.

`order` is how many nodes a particle touches along an axis, `shift` where the first of them is:
at floor(x - shift), and `margin` what a particle must keep from the grid's ends. Source: Hockney & Eastwood
1988, ch. 5; Steffen, Kirby & Berzins 2008.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from warpgen.synthesis.writing.pieces import Piece, piece


class Spline(NamedTuple):
    """A weight of the distance to a node, in cells."""

    weight: Piece
    order: int
    shift: float


def _quadratic(x: Any) -> Any:
    d = np.abs(x)
    return np.where(d < 0.5, 0.75 - d * d, np.where(d < 1.5, 0.5 * (1.5 - d) ** 2, 0.0))


def _cubic(x: Any) -> Any:
    d = np.abs(x)
    inner, outer = d**3 / 2.0 - d * d + 2.0 / 3.0, (2.0 - d) ** 3 / 6.0
    return np.where(d < 1.0, inner, np.where(d < 2.0, outer, 0.0))


LINEAR = Spline(
    piece(
        '''
@wp.func
def hat(x: float) -> float:
    """Linear B-spline (tent) centered at zero, for |x| <= 1."""
    return 1.0 - wp.abs(x)
''',
        numpy=lambda x: np.maximum(1.0 - np.abs(x), 0.0),
    ),
    2,
    0.0,
)

QUADRATIC = Spline(
    piece(
        '''
@wp.func
def quadratic_bspline(x: float) -> float:
    """Quadratic B-spline, for |x| <= 1.5."""
    d = wp.abs(x)
    if d < 0.5:
        return 0.75 - d * d
    return 0.5 * (1.5 - d) * (1.5 - d)
''',
        numpy=_quadratic,
    ),
    3,
    0.5,
)

CUBIC = Spline(
    piece(
        '''
@wp.func
def cubic_bspline(x: float) -> float:
    """Cubic B-spline with C2 continuity, for |x| <= 2."""
    d = wp.abs(x)
    if d < 1.0:
        return 0.5 * d * d * d - d * d + 2.0 / 3.0
    t = 2.0 - d
    return t * t * t / 6.0
''',
        numpy=_cubic,
    ),
    4,
    1.0,
)

SPLINES = (LINEAR, QUADRATIC, CUBIC)


def weights(spline: Spline, x: Any, nodes: int) -> Any:
    """Weights of all nodes 0 .. nodes-1 for particles at `x` cells: len(x) by nodes."""
    return spline.weight(np.asarray(x)[:, None] - np.arange(nodes))


def tensor(spline: Spline, x: Any, shape: tuple[int, ...]) -> Any:
    """Products of the weights along each axis: particles by `shape`."""
    made = np.ones((len(x),) + (1,) * len(shape))
    for axis, extent in enumerate(shape):
        along = [len(x)] + [1] * len(shape)
        along[axis + 1] = extent
        made = made * weights(spline, x[:, axis], extent).reshape(along)
    return made
