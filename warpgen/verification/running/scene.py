"""Things that kernels know by a number: meshes, trees, grids and volumes, and textures."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import warp as wp
from numpy.typing import NDArray

from warpgen.errors import VerificationError
from warpgen.launch import Fill
from warpgen.verification.running.pages import between_pages
from warpgen.verification.running.streams import Stream
from warpgen.verification.running.volumes import volume_of

KINDS = ("mesh", "bvh", "hash_grid", "volume")


class Surface(msgspec.Struct, frozen=True):
    """A closed triangle mesh."""

    points: NDArray[np.float32]  # n x 3
    faces: NDArray[np.int32]  # m x 3
    velocities: NDArray[np.float32]  # n x 3


class Boxes(msgspec.Struct, frozen=True):
    """What a tree is built over."""

    lower: NDArray[np.float32]  # n x 3
    upper: NDArray[np.float32]


class Cells(msgspec.Struct, frozen=True):
    """A hash grid: points in cells of one width, which repeat every `shape` cells."""

    points: NDArray[np.float32]  # n x 3
    shape: tuple[int, ...]
    width: float


class Voxels(msgspec.Struct, frozen=True):
    """A dense volume: voxels along x, y, z and perhaps components; no values in a volume of indices."""

    values: NDArray[Any] | None
    size: float


class Texels(msgspec.Struct, frozen=True):
    """A texture's texels: the last axis is the channels, x the last before it."""

    values: NDArray[np.float32]


Drawn = Surface | Boxes | Cells | Voxels | Texels


def make(fill: Fill, source: Stream, points: NDArray[Any] | None) -> tuple[Any, int, Drawn]:
    """The object to keep alive, the number that the kernel gets, and what the object is made of."""
    if min(fill.shape, default=int(fill.kind == "bvh")) < 1 or math.prod(fill.shape) > 1 << 20:
        raise VerificationError(f"a fill of kind {fill.kind!r} wants a shape of 1 to 2^20 elements")
    owner: Any
    drawn: Drawn
    if fill.kind == "mesh":
        drawn = _surface(fill, source)
        owner = _mesh(drawn, grouped=fill.of == "groups")
    elif fill.kind == "volume":
        drawn = _voxels(fill, source)
        owner = _volume(fill, drawn)
    elif points is None or points.ndim < 2 or points.shape[-1] != 3:
        raise VerificationError(f"no argument of points named {fill.of!r} for the {fill.kind}")
    elif fill.kind == "bvh":
        flat = points.reshape(-1, 3).astype(np.float32)
        drawn = Boxes(flat - np.float32(fill.value), flat + np.float32(fill.value))
        owner = _bvh(drawn)
    else:
        drawn = Cells(points.reshape(-1, 3).astype(np.float32), fill.shape, fill.value)
        owner = _hash_grid(drawn)
    return owner, int(owner.id), drawn


def texture(name: str, fill: Fill, source: Stream) -> tuple[Any, Texels]:
    """A texture of type `name` with values in [0, 1); the last axis of the shape is the channels."""
    if fill.kind != "texture" or len(fill.shape) != int(name[-2]) + 1:
        raise VerificationError(f"{name} wants a fill of kind 'texture' with {name[-2]} axes and channels")
    values = source.uniform(fill.shape).astype(np.float32)
    return getattr(wp, name)(values, device="cpu"), Texels(values)


def _surface(fill: Fill, source: Stream) -> Surface:
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
    return Surface(vertices, np.array(faces, np.int32).reshape(-1, 3), velocities)


def _mesh(drawn: Surface, grouped: bool) -> Any:
    # Not both: Warp 1.19 leaves the winding numbers at the root of groups unset, and signs are then random.
    return wp.Mesh(
        _fenced(drawn.points, wp.vec3),
        _fenced(drawn.faces.reshape(-1), wp.int32),
        velocities=_fenced(drawn.velocities, wp.vec3),
        support_winding_number=not grouped,
        groups=_groups(len(drawn.faces)) if grouped else None,
    )


def _fenced(values: NDArray[Any], kind: Any) -> Any:
    """An array that ends where a page does, so that a face that a mesh has not is not read by luck."""
    pages, raw = between_pages(values.nbytes)
    memory = raw[raw.size - values.nbytes :]
    memory[:] = np.frombuffer(values.tobytes(), np.uint8)
    made = wp.array(ptr=memory.ctypes.data, dtype=kind, shape=len(values), device="cpu")
    made.pages = pages
    return made


def _groups(count: int) -> Any:
    return wp.array((np.arange(count) % 4).astype(np.int32), device="cpu")


def _bvh(drawn: Boxes) -> Any:
    lower, upper = (wp.array(side, dtype=wp.vec3, device="cpu") for side in (drawn.lower, drawn.upper))
    return wp.Bvh(lower, upper, groups=_groups(len(drawn.lower)))


def _hash_grid(drawn: Cells) -> Any:
    grid = wp.HashGrid(*drawn.shape, device="cpu")
    grid.build(wp.array(drawn.points, dtype=wp.vec3, device="cpu"), drawn.width)
    return grid


def _voxels(fill: Fill, source: Stream) -> Voxels:
    if len(fill.shape) != 3:
        raise VerificationError("a volume wants a shape of three extents")
    size = fill.value or 1.0
    if fill.of == "index":
        return Voxels(None, size)
    parts: tuple[int, ...] = (3,) if fill.of == "vec3f" else ()
    values = fill.low + (fill.high - fill.low) * source.uniform((*fill.shape, *parts))
    made = np.floor(values).astype(np.int32) if fill.of == "int32" else values.astype(np.float32)
    return Voxels(made, size)


def _volume(fill: Fill, drawn: Voxels) -> Any:
    if drawn.values is None:
        voxels = np.argwhere(np.ones(fill.shape)).astype(np.int32)
        return wp.Volume.allocate_by_voxels(
            wp.array(voxels, dtype=wp.vec3i, device="cpu"), voxel_size=drawn.size, device="cpu"
        )
    return volume_of(drawn.values, drawn.size)
