"""The ellipsoid of the earth (WGS 84): its constants as text, and places and ways on it in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

# Equatorial radius in m, flattening, square of the eccentricity
A, F = 6378137.0, 1.0 / 298.257223563
E2 = F * (2.0 - F)
ELLIPSOID = """
# WGS 84 ellipsoid: equatorial radius [m], flattening
EARTH_A = wp.constant(6378137.0)
EARTH_F = wp.constant(0.0033528106647474805)
"""


def ecef(lat: Any, lon: Any, height: Any) -> Any:
    """Earth-centered, earth-fixed positions in m."""
    n = A / np.sqrt(1.0 - E2 * np.sin(lat) ** 2)
    x, y = (n + height) * np.cos(lat) * np.cos(lon), (n + height) * np.cos(lat) * np.sin(lon)
    return np.stack([x, y, (n * (1.0 - E2) + height) * np.sin(lat)], axis=-1)


def enu(lat: Any, lon: Any) -> Any:
    """Rows: unit vectors east, north and up."""
    zero = np.zeros_like(lat)
    east = np.stack([-np.sin(lon), np.cos(lon), zero], axis=-1)
    north = np.stack([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)], axis=-1)
    up = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
    return np.stack([east, north, up], axis=-2)


def geodesic(lat1: Any, lon1: Any, lat2: Any, lon2: Any) -> Any:
    """Lengths of paths over the ellipsoid, by summing up a great ellipse: right to 1 in 10^5."""
    u, w = (
        np.stack([np.cos(b) * np.cos(lam_), np.cos(b) * np.sin(lam_), np.sin(b)], axis=-1)
        for b, lam_ in (
            (np.arctan((1 - F) * np.tan(lat1)), lon1),
            (np.arctan((1 - F) * np.tan(lat2)), lon2),
        )
    )
    angle = np.arctan2(np.linalg.norm(np.cross(u, w), axis=1), (u * w).sum(axis=1))[:, None, None]
    t = np.linspace(0.0, 1.0, 401)[None, :, None]
    safe = np.where(np.abs(np.sin(angle)) < 1e-12, 1.0, np.sin(angle))
    path = (np.sin((1 - t) * angle) * u[:, None] + np.sin(t * angle) * w[:, None]) / safe
    path = path * np.array([A, A, A * (1 - F)])
    return np.linalg.norm(np.diff(path, axis=1), axis=2).sum(axis=1)


def heading(lat1: Any, lon1: Any, lat2: Any, lon2: Any) -> tuple[Any, Any]:
    """North and east of the way to the second place: geodesics leave so but for some seconds of arc."""
    away = ecef(lat2, lon2, 0.0) - ecef(lat1, lon1, 0.0)
    east, north, _ = np.moveaxis(np.einsum("nij,nj->ni", enu(lat1, lon1), away), -1, 0)
    return north, east
