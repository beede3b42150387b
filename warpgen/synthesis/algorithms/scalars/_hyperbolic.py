"""Curves made of hyperbolic functions: their texts, and the same in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def written(kind: str, scale: str) -> tuple[str, str]:
    """The lines that lead to a curve's value at `t`, and the value; `scale` names what `t` is measured by."""
    stretched = f"s = t / {scale}"
    return {
        "catenary": (stretched, f"{scale} * wp.cosh(s)"),
        "arc": (stretched, f"{scale} * wp.sinh(s)"),
        "slope angle": (f"# dy/dx = sinh(x / a)\n{stretched}", "wp.atan(wp.sinh(s))"),
        "wave speed": (
            "# w^2 = g k tanh(k h), with k h = t\nk = t / depth",
            "wp.sqrt(9.81 / k * wp.tanh(t))",
        ),
        "soliton": (f"{stretched}\nsech = 1.0 / wp.cosh(s)", "sech * sech"),
        "langevin": (
            f"{stretched}\n# Use the series near 0 to avoid cancellation of two diverging terms\nsmall = s / 3.0 - s * s * s / 45.0",
            "wp.where(wp.abs(s) < 0.1, small, wp.cosh(s) / wp.sinh(s) - 1.0 / s)",
        ),
        "layer": (stretched, "wp.tanh(s)"),
        "rocket": (stretched, "wp.tanh(s)"),
    }[kind]


def evaluated(kind: str, t: Any, a: Any) -> Any:
    """A curve's values at `t`, of the scale `a`."""
    s = t / a
    formulas: dict[str, Callable[[], Any]] = {
        "catenary": lambda: a * np.cosh(s),
        "arc": lambda: a * np.sinh(s),
        "slope angle": lambda: 2 * np.arctan(np.exp(s)) - np.pi / 2,
        "wave speed": lambda: np.sqrt(9.81 * a / t * np.tanh(t)),
        "soliton": lambda: np.cosh(s) ** -2,
        "langevin": lambda: 1 / np.tanh(s) - 1 / s,
        "layer": lambda: np.tanh(s),
        "rocket": lambda: np.tanh(s),
    }
    return formulas[kind]()
