"""Colors of the numbers from 0 to 1: the maps as texts, and the same in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from warpgen.synthesis.writing.draft import Values


def ramp(kind: str, first: str, second: str) -> tuple[str, str]:
    """The lines that lead to the color of `t`, and the color; `first` and `second` name the two that are blended."""
    sine = "wp.cos(wp.tau * (t + {}))"
    return {
        "cosine": (
            "wave = " + "wp.vec3({}, {}, {})".format(*(sine.format(f"phase[{k}]") for k in range(3))),
            "wp.vec3(0.5, 0.5, 0.5) + 0.5 * wave",
        ),
        "hot": (
            "", "wp.vec3(wp.min(3.0 * t, 1.0), wp.clamp(3.0 * t - 1.0, 0.0, 1.0), wp.max(3.0 * t - 2.0, 0.0))",
        ),
        "cool warm": (
            "blue = wp.vec3(0.23, 0.3, 0.75)\nred = wp.vec3(0.71, 0.02, 0.15)\nwhite = wp.vec3(0.87, 0.87, 0.87)\n"
            "cold = wp.lerp(blue, white, 2.0 * t)\nwarm = wp.lerp(white, red, 2.0 * t - 1.0)",
            "wp.where(t < 0.5, cold, warm)",
        ),
        "cubehelix": (
            "# Rotate around the gray diagonal, 1.5 revolutions in total\nangle = wp.tau * (0.5 / 3.0 + 1.0 - 1.5 * t)\n"
            "amplitude = 0.5 * t * (1.0 - t)\nc = amplitude * wp.cos(angle)\ns = amplitude * wp.sin(angle)",
            "wp.vec3(t - 0.14861 * c + 1.78277 * s, t - 0.29227 * c - 0.90649 * s, t + 1.97294 * c)",
        ),
        "hue": (
            "h = 5.0 * t",
            "wp.vec3(wp.clamp(wp.abs(h - 3.0) - 1.0, 0.0, 1.0), wp.clamp(2.0 - wp.abs(h - 2.0), 0.0, 1.0), "
            "wp.clamp(2.0 - wp.abs(h - 4.0), 0.0, 1.0))",
        ),
        "two colors": ("", f"wp.lerp({first}, {second}, t)"),
        "bands": (
            "band = wp.min(wp.floor(t * float(bands)), float(bands - 1))\ng = band / float(bands - 1)",
            "wp.vec3(g, 1.0 - wp.abs(2.0 * g - 1.0), 1.0 - g)",
        ),
        "table": (
            "at = t * float(table.shape[0] - 1)\nk = wp.min(int(at), table.shape[0] - 2)",
            "wp.lerp(table[k], table[k + 1], at - float(k))",
        ),
        "thermal": ("", "wp.vec3(wp.smoothstep(0.2, 0.7, t), wp.smoothstep(0.5, 1.0, t), wp.smoothstep(0.0, 0.5, t) - wp.smoothstep(0.4, 0.8, t))"),
    }[kind]  # fmt: skip


def shown(kind: str, t: Any, v: Values, first: str, second: str) -> Any:
    """The colors of the numbers `t`."""
    c = t[..., None]

    def mixed(a: Any, b: Any, s: Any) -> Any:
        return np.asarray(a) + (np.asarray(b) - np.asarray(a)) * s

    def helix() -> Any:
        angle, size = 2 * np.pi * (0.5 / 3 + 1 - 1.5 * t), t * (1 - t) / 2
        turn = np.array([[-0.14861, 1.78277], [-0.29227, -0.90649], [1.97294, 0.0]])
        return c + np.stack([size * np.cos(angle), size * np.sin(angle)], axis=-1) @ turn.T

    def steps(a: float, b: float) -> Any:
        s = np.clip((t - a) / (b - a), 0, 1)
        return s * s * (3 - 2 * s)

    def banded() -> Any:
        g = np.minimum(np.floor(t * v.bands), v.bands - 1) / (v.bands - 1)
        return np.stack([g, 1 - np.abs(2 * g - 1), 1 - g], axis=-1)

    white, h = [0.87] * 3, 5 * t
    found: dict[str, Callable[[], Any]] = {
        "cosine": lambda: 0.5 + 0.5 * np.cos(2 * np.pi * (c + v.phase)),
        "hot": lambda: np.clip(3 * c - np.arange(3), 0, 1),
        "cool warm": lambda: np.where(
            c > 0.5, mixed(white, [0.71, 0.02, 0.15], 2 * c - 1), mixed([0.23, 0.3, 0.75], white, 2 * c)
        ),
        "cubehelix": helix,
        "hue": lambda: np.clip(
            np.stack([np.abs(h - 3) - 1, 2 - np.abs(h - 2), 2 - np.abs(h - 4)], axis=-1), 0, 1
        ),
        "two colors": lambda: mixed(v[first], v[second], c),
        "bands": banded,
        "table": lambda: np.stack(
            [np.interp(t, np.linspace(0, 1, len(v.table)), v.table[:, k]) for k in range(3)], axis=-1
        ),
        "thermal": lambda: np.stack(
            [steps(0.2, 0.7), steps(0.5, 1), steps(0, 0.5) - steps(0.4, 0.8)], axis=-1
        ),
    }
    return found[kind]()
