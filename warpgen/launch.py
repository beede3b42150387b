"""How a kernel is launched and how each of its arguments is filled: enough to run a row again.

A fill is data, not code: `verification/running/arguments.py` turns it into arrays, and `docs/record.md` says
how to do the same elsewhere.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

Role = Literal["input", "output", "inout", "param", "handle"]

FillKind = Literal[
    "constant",  # every component is `value`
    "uniform",  # every component uniform in [low, high); integers: rounded down; bool: whether at least 0.5
    "normal",  # floats, as near to normal as the sum of twelve uniform ones: of mean 0 and deviation `high`
    "unit",  # vectors and quaternions of length one
    "transform",  # translation uniform in [low, high) per component, rotation a unit quaternion
    "rotation",  # orthonormal matrices of determinant one
    "spd",  # symmetric positive definite matrices, eigenvalues within [low, high]
    "permutation",  # a permutation of 0 .. n-1
    "ascending",  # uniform in [low, high), sorted ascending along the last axis
    "offsets",  # first 0, last `high`, never falling: row offsets of a CSR layout
    "struct",  # each field has a fill of its own
    "indexed",  # wp.indexedarray: fills "data" (shape, values) and "indices0".. (one per indexed axis)
    "mesh",  # closed triangle mesh: unit sphere of `shape` = (stacks, slices), 2 * slices * (stacks - 1)
    # faces, slices * (stacks - 1) + 2 vertices, velocities in [-1, 1); winding numbers, but where
    # `of` is "groups": there face f is in group f % 4
    "bvh",  # wp.Bvh over the points of argument `of` +- `value`; box b in group b % 4
    "hash_grid",  # wp.HashGrid of `shape` cells built over the points of argument `of`, cell width `value`
    "volume",  # wp.Volume dense of `shape` voxels at the origin, voxel size `value`, uniform in [low, high);
    # `of` is the type of its values: float32, vec3f, int32, or "index" for one without values
    "texture",  # wp.Texture1D/2D/3D of `shape` texels (last axis channels), values in [0, 1)
    "unknown",  # nothing is known: of kernels that were harvested, whose launch is not in the row
]


class Fill(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one argument, or a part of one, gets its values.

    `name` is the path of what is filled: `body` for an argument, `body.pose.position` for a field in it.
    `shape` is the array's shape (empty for scalars and by-value arguments). Values are drawn from
    the counter-based generator of `verification/running/arguments.py`, seeded by the launch seed and the
    name, so that they are the same on every machine.
    """

    name: str
    kind: FillKind
    shape: tuple[int, ...] = ()
    low: float = 0.0
    high: float = 1.0
    value: float = 0.0
    of: str = ""

    @property
    def ends(self) -> tuple[float, float]:
        """The least and the greatest whole number that is drawn from the bounds."""
        return float(math.floor(self.low)), float(math.ceil(self.high)) - 1.0


class Argument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kernel argument in launch order. `type` is Warp's canonical spelling, e.g. `array2d(vec3f)`.

    `fills` is one flat list however deep structs nest: the argument's own, then one for each field, a struct
    before its own fields. It is never empty, so that readers who look at a few rows know its columns.
    """

    name: str
    type: str
    role: Role
    fills: tuple[Fill, ...]

    def __post_init__(self) -> None:
        if not self.fills or self.fills[0].name != self.name:
            raise ValueError("the first fill of an argument is not its own")

    @property
    def fill(self) -> Fill:
        """The argument's own fill."""
        return self.fills[0]


class Launch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`wp.launch(kernel, dim, ...)`; with `tiled`, `wp.launch_tiled`: one block per element of dim."""

    dim: tuple[int, ...]
    seed: int
    tiled: bool = False
