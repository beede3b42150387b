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
    if min(fill.shape, default=0) < 1 or math.prod(fill.shape) > 1 << 20:
        raise VerificationError(f"a fill of kind {fill.kind!r} wants a shape of 1 to 2^20 elements")
    made = {"mesh": _mesh, "bvh": _bvh, "volume": _volume}.get(fill.kind)
    if made is not None:
        owner = made(fill, source)
    elif points is None or points.ndim != 2 or points.shape[1] != 3:
        raise VerificationError(f"no argument of points named {fill.of!r} for the hash grid")
    else:
        owner = wp.HashGrid(*fill.shape, device="cpu")
        owner.build(wp.array(points.astype(np.float32), dtype=wp.vec3, device="cpu"), fill.value)
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
    return wp.Mesh(
        wp.array(vertices, dtype=wp.vec3, device="cpu"), wp.array(np.array(faces, np.int32), device="cpu")
    )


def _bvh(fill: Fill, source: Generator) -> Any:
    span = fill.high - fill.low
    corner = fill.low + span * 0.8 * source.uniform((fill.shape[0], 3))
    size = span * 0.2 * source.uniform((fill.shape[0], 3))
    lower, upper = (
        wp.array(x.astype(np.float32), dtype=wp.vec3, device="cpu") for x in (corner, corner + size)
    )
    return wp.Bvh(lower, upper)


def _volume(fill: Fill, source: Generator) -> Any:
    if len(fill.shape) != 3:
        raise VerificationError("a volume wants a shape of three extents")
    values = fill.low + (fill.high - fill.low) * source.uniform(fill.shape)
    return wp.Volume.load_from_numpy(values.astype(np.float32), device="cpu")
