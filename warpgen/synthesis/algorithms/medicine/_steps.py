"""Explicit Runge-Kutta steps: written out as text, and as NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from warpgen.numbers import shorten

_THIRD = 1.0 / 3.0
TABLEAUS: dict[str, tuple[list[list[float]], list[float]]] = {
    "heun": ([[], [1.0]], [0.5, 0.5]),
    "midpoint": ([[], [0.5]], [0.0, 1.0]),
    "ralston": ([[], [2 * _THIRD]], [0.25, 0.75]),
    "kutta": ([[], [0.5], [-1.0, 2.0]], [1 / 6, 4 / 6, 1 / 6]),
    "classical": ([[], [0.5], [0.0, 0.5], [0.0, 0.0, 1.0]], [1 / 6, 2 / 6, 2 / 6, 1 / 6]),
}


def written(states: Sequence[str], slopes: Callable[[str, str], str], method: str, dt: str = "dt") -> str:
    """One step from `x0` to `x1` for each state x; `slopes(stage, at)` gives dx_stage from x_at."""
    stages, weights = TABLEAUS[method]
    lines: list[str] = []
    for number, row in enumerate(stages, 1):
        at = "0"
        if number > 1:
            at = f"_{number}"
            for x in states:
                lines.append(f"{x}{at} = {x}0 + {_sum(row, x, dt)}")
        lines.append(slopes(str(number), at))
    if method == "classical":
        shares = "({0}_1 + 2.0 * {0}_2 + 2.0 * {0}_3 + {0}_4)"
        lines += [f"{x}1 = {x}0 + {dt} / 6.0 * {shares.format('d' + x)}" for x in states]
    elif method == "kutta":
        lines += [f"{x}1 = {x}0 + {dt} / 6.0 * (d{x}_1 + 4.0 * d{x}_2 + d{x}_3)" for x in states]
    else:
        lines += [f"{x}1 = {x}0 + {_sum(weights, x, dt)}" for x in states]
    return "\n".join(lines)


def _sum(weights: Sequence[float], x: str, dt: str) -> str:
    parts = [(w, f"d{x}_{k}") for k, w in enumerate(weights, 1) if w]
    if len(parts) == 1:
        weight, slope = parts[0]
        return f"{dt} * {slope}" if weight == 1.0 else f"{shorten(weight, up=True)} * {dt} * {slope}"
    text = " + ".join(s if w == 1.0 else f"{shorten(w, up=True)} * {s}" for w, s in parts)
    return f"{dt} * ({text})".replace("-1.0 * ", "-")


def stepped(f: Callable[[Any], Any], y: Any, dt: float, method: str) -> Any:
    """The same step of an array `y` in NumPy."""
    stages, weights = TABLEAUS[method]
    slopes: list[Any] = []
    for row in stages:
        slopes.append(f(y + dt * sum((w * k for w, k in zip(row, slopes, strict=False)), 0.0 * y)))
    return y + dt * sum(w * k for w, k in zip(weights, slopes, strict=True))
