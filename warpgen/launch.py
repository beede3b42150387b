"""How a kernel is launched and how each of its arguments is filled: enough to run a row again.

A fill is data, not code: `verification/running/arguments.py` turns it into arrays, and `docs/record.md` says
how to do the same elsewhere.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Role = Literal["input", "output", "inout", "param", "handle"]

FillKind = Literal[
    "constant",  # every component is `value`
    "uniform",  # every component uniform in [low, high); integers: low .. high-1; bool: fair coin
    "unit",  # vectors and quaternions of length one
    "transform",  # translation uniform in [low, high) per component, rotation a unit quaternion
    "rotation",  # orthonormal matrices of determinant one
    "spd",  # symmetric positive definite matrices, eigenvalues within [low, high]
    "permutation",  # a permutation of 0 .. n-1
    "ascending",  # uniform in [low, high), sorted ascending along the last axis
    "offsets",  # first 0, last `high`, never falling: row offsets of a CSR layout
    "struct",  # `fields` says how each field is filled
    "indexed",  # wp.indexedarray: fields "data" (shape, values) and "indices0".. (one per indexed axis)
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


class Fill(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How one argument (or struct field) gets its values.

    `shape` is the array's shape (empty for scalars and by-value arguments). Values are drawn from
    the counter-based generator of `verification/running/arguments.py`, seeded by the launch seed and the
    argument's name, so that they are the same on every machine.
    """

    kind: FillKind
    shape: tuple[int, ...] = ()
    low: float = 0.0
    high: float = 1.0
    value: float = 0.0
    of: str = ""
    fields: dict[str, Fill] = {}


class Argument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kernel argument in launch order. `type` is Warp's canonical spelling, e.g. `array2d(vec3f)`."""

    name: str
    type: str
    role: Role
    fill: Fill


class Launch(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`wp.launch(kernel, dim, ...)`; with `tiled`, `wp.launch_tiled`: one block per element of dim."""

    dim: tuple[int, ...]
    seed: int
    tiled: bool = False
