"""Textures and volumes, sampled as Warp samples them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

from warpgen.verification.oracle import operators as op
from warpgen.verification.oracle.handles import known
from warpgen.verification.oracle.values import Unsupported, Vec
from warpgen.verification.running.scene import Texels, Voxels

# Textures: linear between the centres of texels, the last texel beyond the border.


def _texture_sample(texture: Any, *items: Any, dtype: Any = None, lod: Any = None) -> Any:
    values = known(texture, Texels).values
    axes = values.ndim - 1
    given = [item for item in items if isinstance(item, (float, Vec))]
    places = [float(x) for item in given for x in (item.c if isinstance(item, Vec) else [item])]
    if lod is not None or len(places) != axes or any(not math.isfinite(place) for place in places):
        raise Unsupported("this texture sample")
    # Coordinates are named x first, memory has it last.
    extents = values.shape[:-1]
    spots = [
        min(max(place * extent - 0.5, 0.0), extent - 1.0)
        for place, extent in zip(reversed(places), extents, strict=True)
    ]
    channels = _linear(
        spots, lambda at: values[tuple(min(i, n - 1) for i, n in zip(at, extents, strict=True))]
    )
    return channels[0] if len(channels) == 1 else Vec(tuple(channels))


def _linear(spots: list[float], read: Callable[[tuple[int, ...]], Any]) -> list[float]:
    """Weighted sum over the corners of the cell that a point lies in, component by component."""
    base = [math.floor(spot) for spot in spots]
    total: list[float] | None = None
    for corner in itertools.product((0, 1), repeat=len(spots)):
        weight = 1.0
        for spot, low, side in zip(spots, base, corner, strict=True):
            weight *= spot - low if side else 1.0 - (spot - low)
        value = [float(x) for x in read(tuple(low + side for low, side in zip(base, corner, strict=True)))]
        total = (
            [weight * x for x in value]
            if total is None
            else [t + weight * x for t, x in zip(total, value, strict=True)]
        )
    assert total is not None
    return total


# Volumes: dense, their first voxel at the origin; zero outside.


def _voxel(volume: Voxels, at: tuple[int, ...]) -> list[float]:
    values = volume.values
    if values is None:
        raise Unsupported("a volume of indices")
    width = values.shape[3] if values.ndim == 4 else 1
    if any(not 0 <= i < n for i, n in zip(at, values.shape[:3], strict=True)):
        return [0.0] * width
    item = values[at]
    return [float(x) for x in item] if width > 1 else [float(item)]


def _told(volume: Voxels, value: list[float]) -> Any:
    if len(value) > 1:
        return Vec(tuple(value))
    assert volume.values is not None
    return int(value[0]) if volume.values.dtype.kind == "i" else value[0]


def _lookup(handle: Any, *indices: Any, dtype: Any = None) -> Any:
    volume = known(handle, Voxels)
    return _told(volume, _voxel(volume, tuple(int(i) for i in indices[:3])))


def _sample(handle: Any, uvw: Vec, mode: Any = 0, dtype: Any = None) -> Any:
    volume = known(handle, Voxels)
    if int(mode) == 0:
        nearest = tuple(int(math.copysign(math.floor(abs(x) + 0.5), x)) for x in uvw.c)
        return _told(volume, _voxel(volume, nearest))
    return _told(volume, _linear(list(uvw.c), lambda at: _voxel(volume, at)))


def _sample_grad(handle: Any, uvw: Vec, mode: Any, _: Any, dtype: Any = None) -> tuple[Any, Vec]:
    volume = known(handle, Voxels)
    if int(mode) == 0 or _voxel(volume, (0, 0, 0))[1:]:
        raise Unsupported("this gradient of a volume")
    slopes = []
    for axis in range(3):
        # Linear along an axis within a cell: the difference of its two faces.
        low = list(uvw.c)
        low[axis] = float(math.floor(low[axis]))
        high = list(low)
        high[axis] += 1.0
        a, b = (_linear(spot, lambda at: _voxel(volume, at))[0] for spot in (low, high))
        slopes.append(b - a)
    return _sample(handle, uvw, mode), Vec(tuple(slopes))


def _scaled(inverse: bool) -> Callable[[Any, Vec], Vec]:
    def applied(handle: Any, place: Vec) -> Vec:
        size = known(handle, Voxels).size
        moved: Vec = op.mul(place, 1.0 / size if inverse else size)
        return moved

    return applied


def table() -> dict[str, Any]:
    """Their builtins by name."""
    made: dict[str, Any] = {"texture_sample": _texture_sample}
    made |= dict.fromkeys(("volume_lookup", "volume_lookup_f", "volume_lookup_v", "volume_lookup_i"), _lookup)
    made |= dict.fromkeys(("volume_sample", "volume_sample_f", "volume_sample_v"), _sample)
    made |= {"volume_sample_i": lambda handle, uvw: _sample(handle, uvw, 0)}
    made |= dict.fromkeys(("volume_sample_grad", "volume_sample_grad_f"), _sample_grad)
    made |= dict.fromkeys(("volume_world_to_index", "volume_world_to_index_dir"), _scaled(True))
    made |= dict.fromkeys(("volume_index_to_world", "volume_index_to_world_dir"), _scaled(False))
    return made
