"""Explicit Runge-Kutta steps: as text, and as NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_THIRD = 1.0 / 3.0
TABLEAUS: dict[str, tuple[list[list[float]], list[float]]] = {
    "heun": ([[], [1.0]], [0.5, 0.5]),
    "midpoint": ([[], [0.5]], [0.0, 1.0]),
    "ralston": ([[], [2 * _THIRD]], [0.25, 0.75]),
    "kutta": ([[], [0.5], [-1.0, 2.0]], [1 / 6, 4 / 6, 1 / 6]),
    "classical": ([[], [0.5], [0.0, 0.5], [0.0, 0.0, 1.0]], [1 / 6, 2 / 6, 2 / 6, 1 / 6]),
}


STEPS = {
    "classical": "using the classical Runge-Kutta method",
    "kutta": "using Kutta's third-order method",
    "heun": "using Heun's method",
    "ralston": "using Ralston's method",
    "midpoint": "using the midpoint method",
}


def vector(n: int) -> tuple[str, str]:
    """The type of a vector of `n` numbers, and the line of a module that makes it, if one is needed."""
    if n <= 4:
        return f"wp.vec{n}", ""
    return f"vec{n}", f"vec{n} = wp.types.vector(length={n}, dtype=float)"


def written(call: str, method: str) -> str:
    """One step of the state `y` by `dt`; `call` is its rate, with `{}` where the state stands."""
    stages = {
        "classical": ("y + 0.5 * dt * k1", "y + 0.5 * dt * k2", "y + dt * k3"),
        "kutta": ("y + 0.5 * dt * k1", "y + dt * (2.0 * k2 - k1)"),
        "heun": ("y + dt * k1",),
        "ralston": ("y + 2.0 / 3.0 * dt * k1",),
        "midpoint": ("y + 0.5 * dt * k1",),
    }[method]
    change = {
        "classical": "dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)",
        "kutta": "dt / 6.0 * (k1 + 4.0 * k2 + k3)",
        "heun": "0.5 * dt * (k1 + k2)",
        "ralston": "dt * (0.25 * k1 + 0.75 * k2)",
        "midpoint": "dt * k2",
    }[method]
    lines = [f"k{k} = {call.format(at)}" for k, at in enumerate(("y", *stages), 1)]
    return "\n".join([*lines, f"y += {change}"])


def stepped(f: Callable[[Any], Any], y: Any, dt: float, method: str) -> Any:
    """The same step of an array `y` in NumPy."""
    stages, weights = TABLEAUS[method]
    slopes: list[Any] = []
    for row in stages:
        slopes.append(f(y + dt * sum((w * k for w, k in zip(row, slopes, strict=False)), 0.0 * y)))
    return y + dt * sum(w * k for w, k in zip(weights, slopes, strict=True))
