"""Boxes of detectors in NumPy, for references."""

from __future__ import annotations

from typing import Any

import numpy as np


def overlap(a: Any, b: Any) -> tuple[Any, ...]:
    """Intersection, union, and widths and heights of the hull, for boxes given by two corners."""
    side = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    inside = np.prod(np.maximum(side, 0.0), axis=-1)
    both = np.prod(a[..., 2:] - a[..., :2], axis=-1) + np.prod(b[..., 2:] - b[..., :2], axis=-1) - inside
    hull = np.maximum(a[..., 2:], b[..., 2:]) - np.minimum(a[..., :2], b[..., :2])
    return inside, both, hull[..., 0], hull[..., 1]


def corners(box: Any) -> Any:
    return np.concatenate([box[..., :2] - box[..., 2:] / 2, box[..., :2] + box[..., 2:] / 2], axis=-1)
