"""Difference formulas on shifted views of a tile: their steps as text, and on arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

SHIFTS = {"far_left": -2, "left": -1, "middle": 0, "right": 1, "far_right": 2}


class Formula(NamedTuple):
    """A formula; the last of its steps assigns what it makes.

    `value` maps the signal seen from a shifted place, and the Courant number, to that.
    """

    says: str
    calls: str
    steps: str
    value: Callable[[Callable[[int], Any], Any], Any]
    out: str = "du"
    reach: int = 1


FORMULAS = {
    "slope": Formula(
        "Computes central differences using shifted views of a tile.",
        "central_differences|finite_differences|slopes_of_tile",
        """
        left = $left
        right = $right
        slope = 0.5 * (right - left)
        """,
        lambda at, _: (at(1) - at(-1)) / 2,
    ),
    "curvature": Formula(
        "Computes second differences using shifted views of a tile.",
        "second_differences|curvature_stencil|second_derivative",
        """
        left = $left
        middle = $middle
        right = $right
        curvature = left + right - 2.0 * middle
        """,
        lambda at, _: at(-1) - 2 * at(0) + at(1),
    ),
    "smooth": Formula(
        "Applies a 1-2-1 smoothing filter to a signal using shifted views of a tile.",
        "smooth_signal|binomial_smooth|smooth_tile",
        """
        left = $left
        middle = $middle
        right = $right
        blurred = 0.25 * (left + right) + 0.5 * middle
        """,
        lambda at, _: (at(-1) + 2 * at(0) + at(1)) / 4,
        out="smoothed",
    ),
    "upwind": Formula(
        "Advects a signal to the right with a first-order upwind step, using shifted views of a tile.",
        "upwind_step|advect_upwind|upwind_tile",
        """
        left = $left
        middle = $middle
        stepped = middle - courant * (middle - left)
        """,
        lambda at, courant: at(0) - courant * (at(0) - at(-1)),
        out="advanced",
    ),
    "fourth order": Formula(
        "Computes fourth-order central differences using shifted views of a tile.",
        "fourth_order_differences|fourth_order_slope|wide_differences",
        """
        left = $left
        right = $right
        far_left = $far_left
        far_right = $far_right
        slope = (2.0 / 3.0) * (right - left) - (1.0 / 12.0) * (far_right - far_left)
        """,
        lambda at, _: (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / 12,
        reach=2,
    ),
    "steepness": Formula(
        "Computes the steeper of the left and right slopes using shifted views of a tile.",
        "steepest_slope|steepness|largest_slope",
        """
        left = $left
        middle = $middle
        right = $right
        behind = wp.tile_map(wp.abs, middle - left)
        ahead = wp.tile_map(wp.abs, right - middle)
        steeper = wp.tile_map(wp.max, behind, ahead)
        """,
        lambda at, _: np.maximum(np.abs(at(0) - at(-1)), np.abs(at(1) - at(0))),
        out="steepest",
    ),
}
