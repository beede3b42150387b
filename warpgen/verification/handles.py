"""Things that kernels know by a number: meshes, trees, grids and volumes, and textures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from warpgen.errors import VerificationError
from warpgen.launch import Fill
from warpgen.verification.generator import Generator

KINDS = ("mesh", "bvh", "hash_grid", "volume")


def make(fill: Fill, source: Generator, points: NDArray[Any] | None) -> tuple[Any, int]:
    """The object to keep alive and the number that the kernel gets."""
    if min(fill.shape, default=int(fill.kind == "bvh")) < 1 or math.prod(fill.shape) > 1 << 20:
        raise VerificationError(f"a fill of kind {fill.kind!r} wants a shape of 1 to 2^20 elements")
    made = {"mesh": _mesh, "volume": _volume}.get(fill.kind)
    if made is not None:
        owner = made(fill, source)
        return owner, int(owner.id)
    if points is None or points.ndim < 2 or points.shape[-1] != 3:
        raise VerificationError(f"no argument of points named {fill.of!r} for the {fill.kind}")
    owner = {"bvh": _bvh, "hash_grid": _hash_grid}[fill.kind](fill, points.reshape(-1, 3).astype(np.float32))
    return owner, int(owner.id)


def texture(name: str, fill: Fill, source: Generator) -> Any:
    """A texture of type `name` with values in [0, 1); the last axis of the shape is the channels."""
    if fill.kind != "texture" or len(fill.shape) != int(name[-2]) + 1:
        raise VerificationError(f"{name} wants a fill of kind 'texture' with {name[-2]} axes and channels")
    values = source.uniform(fill.shape).astype(np.float32)
    return getattr(wp, name)(values, device="cpu")


def _mesh(fill: Fill, source: Generator) -> Any:
    stacks, slices = (*fill.shape, 8)[:2]
    points = [(0.0, 0.0, 1.0), (0.0, 0.0, -1.0)]
    for i in range(1, stacks):
        for j in range(slices):
            a, b = math.pi * i / stacks, 2.0 * math.pi * j / slices
            # Rounded: sines differ in the last bit from one machine's library to the next.
            point = (math.sin(a) * math.cos(b), math.sin(a) * math.sin(b), math.cos(a))
            points.append(tuple(round(x, 6) + 0.0 for x in point))  # type: ignore[arg-type]
    faces: list[int] = []
    for j in range(slices):
        after = (j + 1) % slices
        faces += [0, 2 + j, 2 + after]
        last = 2 + (stacks - 2) * slices
        faces += [1, last + after, last + j]
        for i in range(stacks - 2):
            a, b = 2 + i * slices + j, 2 + i * slices + after
            faces += [a, a + slices, b, b, a + slices, b + slices]
    size = 1.0 - 0.25 * float(source.uniform((1,))[0])
    vertices = (np.array(points) * size).astype(np.float32)
    velocities = (source.uniform(vertices.shape) * 2.0 - 1.0).astype(np.float32)
    return wp.Mesh(
        wp.array(vertices, dtype=wp.vec3, device="cpu"),
        wp.array(np.array(faces, np.int32), device="cpu"),
        velocities=wp.array(velocities, dtype=wp.vec3, device="cpu"),
        support_winding_number=True,
        groups=_groups(len(faces) // 3),
    )


def _groups(count: int) -> Any:
    return wp.array((np.arange(count) % 4).astype(np.int32), device="cpu")


def _bvh(fill: Fill, points: NDArray[np.float32]) -> Any:
    lower, upper = (
        wp.array(points + np.float32(side * fill.value), dtype=wp.vec3, device="cpu") for side in (-1.0, 1.0)
    )
    return wp.Bvh(lower, upper, groups=_groups(len(points)))


def _hash_grid(fill: Fill, points: NDArray[np.float32]) -> Any:
    grid = wp.HashGrid(*fill.shape, device="cpu")
    grid.build(wp.array(points, dtype=wp.vec3, device="cpu"), fill.value)
    return grid


def _volume(fill: Fill, source: Generator) -> Any:
    if len(fill.shape) != 3:
        raise VerificationError("a volume wants a shape of three extents")
    size = fill.value or 1.0
    if fill.of == "index":
        voxels = np.argwhere(np.ones(fill.shape)).astype(np.int32)
        return wp.Volume.allocate_by_voxels(
            wp.array(voxels, dtype=wp.vec3i, device="cpu"), voxel_size=size, device="cpu"
        )
    parts: tuple[int, ...] = (3,) if fill.of == "vec3f" else ()
    values = fill.low + (fill.high - fill.low) * source.uniform((*fill.shape, *parts))
    if fill.of == "int32":
        return wp.Volume.load_from_numpy(
            np.floor(values).astype(np.int32), voxel_size=size, bg_value=0, device="cpu"
        )
    background = (0.0, 0.0, 0.0) if parts else 0.0
    return wp.Volume.load_from_numpy(
        values.astype(np.float32), voxel_size=size, bg_value=background, device="cpu"
    )
