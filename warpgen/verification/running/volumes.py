"""Dense volumes as NanoVDB grids, filled where their voxels lie in memory.

`wp.Volume.load_from_numpy` fills them by a kernel, which takes seconds to compile in every new cache.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from warpgen.errors import VerificationError

# Bytes of a grid's head, which its tree's follows, and voxels along the edge of a leaf (NanoVDB.h).
_GRID, _EDGE = 672, 8


def volume_of(values: NDArray[Any], size: float) -> Any:
    """A volume on the CPU with these values from the origin on, and zeros up to the edges of its leaves.

    `values` are float32 or int32 along x, y, z, or float32 vectors; `size` is the edge of a voxel. The grid
    is that of `load_from_numpy`, byte by byte. Raises VerificationError where Warp lays grids out otherwise.
    """
    shape = [extent + -extent % _EDGE for extent in values.shape[:3]]
    padded = np.zeros((*shape, *values.shape[3:]), values.dtype)
    padded[tuple(map(slice, values.shape))] = values
    background: Any = (0.0, 0.0, 0.0) if values.ndim == 4 else 0 if values.dtype == np.int32 else 0.0
    volume = wp.Volume.allocate(
        (0.0, 0.0, 0.0),
        [(extent - 1) * size for extent in shape],
        size,
        bg_value=background,
        points_in_world_space=True,
        device="cpu",
    )
    for leaf in _leaves(volume):
        x, y, z = (int(k) & -_EDGE for k in leaf[:12].view(np.int32))
        block = padded[x : x + _EDGE, y : y + _EDGE, z : z + _EDGE]
        leaf[-block.nbytes :] = np.ascontiguousarray(block).view(np.uint8).reshape(-1)
    return volume


def _leaves(volume: Any) -> NDArray[np.uint8]:
    """The bytes of each leaf: the place of its first voxel comes first, the values of all last."""
    grid = volume.array().numpy()
    end, count = int(grid[32:40].view(np.int64)[0]), int(grid[_GRID + 32 : _GRID + 36].view(np.uint32)[0])
    start = _GRID + int(grid[_GRID : _GRID + 8].view(np.int64)[0])
    if end != grid.size or count < 1 or (end - start) % count:
        raise VerificationError("Warp lays out the grids of volumes in a way that is not known")
    return np.asarray(grid[start:end].reshape(count, -1))
