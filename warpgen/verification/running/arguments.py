"""The arguments of one launch: memory filled as the program's fills say, with a twin for gradients."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from warpgen.errors import VerificationError
from warpgen.launch import Argument, Fill
from warpgen.verification.native import warp_native
from warpgen.verification.running import scene
from warpgen.verification.running.fills import draw
from warpgen.verification.running.memory_layout import MemoryLayout, offsets
from warpgen.verification.running.streams import Stream

# A launch of a dataset's kernel is small; what asks for more than this is a mistake or an attack.
MOST_BYTES = 64 << 20

# Bytes around every array that nobody may touch, and what stands in them.
FENCE, MARK = 256, 0xA5

_WRITTEN = ("output", "inout")


class Leaf(msgspec.Struct, frozen=True):
    """Numbers of one argument (or of one field of it): a view of the memory that the kernel sees."""

    argument: str
    path: str
    role: str
    values: NDArray[Any]
    gradient: NDArray[Any]  # of the same shape; written by a backward launch if `traced`
    traced: bool  # a float in an array: values by themselves and indexed arrays get no gradient from Warp
    fill: Fill | None  # how the values are drawn; none for a handle
    inner: tuple[int, ...] = ()  # the shape of one element, a vector's or a matrix's

    @property
    def fixed(self) -> bool:
        """Whether the values are the same in every draw."""
        return self.fill is None or self.fill.kind == "constant"

    def draw(self, seed: int, variant: int) -> None:
        """Fill the memory with the values of a draw."""
        assert self.fill is not None
        shape = self.values.shape[: self.values.ndim - len(self.inner)]
        source = Stream(seed, self.path, variant)
        with np.errstate(over="ignore", invalid="ignore"):
            drawn = draw(self.fill, self.values.dtype.kind, shape, self.inner, source)
            self.values[...] = drawn.astype(self.values.dtype)

    def spoil(self, seed: int, variant: int) -> None:
        """Fill the memory with numbers of ordinary size that nobody asked for, none of them 0."""
        source, kind = Stream("junk", seed, self.path, variant), self.values.dtype.kind
        size = 0.5 + source.uniform(self.values.shape)
        if kind == "f":
            self.values[...] = size * source.signs(self.values.shape)
        else:
            self.values[...] = True if kind == "b" else np.floor(64.0 * size)

    @property
    def floating(self) -> bool:
        """Whether it holds floats."""
        return bool(self.values.dtype.kind == "f")


class Arguments:
    """All arguments of one launch.

    `variant` numbers the draw; with `like`, nothing is drawn: the numbers are those that the other launch
    began with. Arrays named in `junk` do not begin as their fills say, but with what no kernel writes.
    """

    def __init__(
        self,
        args: Sequence[Argument],
        layouts: Sequence[MemoryLayout],
        seed: int,
        variant: int = 0,
        like: Arguments | None = None,
        junk: Collection[str] = (),
    ) -> None:
        if len(args) != len(layouts):
            raise VerificationError(f"the kernel takes {len(layouts)} arguments, the row has {len(args)}")
        self.leaves: list[Leaf] = []
        self.geometry: dict[str, scene.Drawn] = {}  # what meshes, textures and their like are made of
        self._seed, self._variant, self._like, self._junk = seed, variant, like, junk
        self._written: list[tuple[int, int, str]] = []
        self._fills = {fill.name: fill for arg in args for fill in arg.fills}
        self._kept: list[Any] = [like]  # memory that descriptors point to
        self._fenced: list[NDArray[np.uint8]] = []
        self._bytes = 0
        self._initial: list[NDArray[Any]] = []
        self._places, self._size = offsets(list(layouts))
        self._blocks = [self._argument(arg, layout) for arg, layout in zip(args, layouts, strict=True)]
        self._bind_handles(args)
        if like is not None:
            for leaf, theirs in zip(self.leaves, like._initial, strict=True):
                leaf.values[...] = theirs
        self._initial = [leaf.values.copy() for leaf in self.leaves]

    def blocks(self) -> tuple[bytes, bytes]:
        """What a kernel's entry point takes: the arguments, and their adjoints."""
        forward, adjoint = bytearray(self._size), bytearray(self._size)
        for place, (memory, twin) in zip(self._places, self._blocks, strict=True):
            forward[place : place + memory.nbytes] = memory.tobytes()
            adjoint[place : place + twin.nbytes] = twin.tobytes()
        return bytes(forward), bytes(adjoint)

    def reset(self) -> None:
        """Bring back the values that were drawn, and gradients of zero."""
        for leaf, initial in zip(self.leaves, self._initial, strict=True):
            leaf.values[...] = initial
            leaf.gradient[...] = 0

    def redraw(self, argument: str, variant: int) -> None:
        """Other values for one argument, until the next reset."""
        for leaf in self.leaves:
            if leaf.argument == argument and not leaf.fixed:
                leaf.draw(self._seed, variant)

    def collapse(self, argument: str) -> None:
        """All elements of one argument become its first, until the next reset."""
        for leaf in self.leaves:
            if leaf.argument == argument and not leaf.fixed and leaf.values.size:
                leaf.values[...] = leaf.values[:1].copy()

    def perturb(self, share: float, turn: int) -> None:
        """Float inputs move by a share of themselves, up or down at random, until the next reset."""
        for leaf in self.leaves:
            if leaf.floating and leaf.role != "output":
                signs = Stream("shake", turn, leaf.path).signs(leaf.values.shape)
                leaf.values[...] *= 1.0 + share * signs

    def intact(self) -> bool:
        """Whether nothing was written just before or behind any array."""
        return all((raw[:FENCE] == MARK).all() and (raw[-FENCE:] == MARK).all() for raw in self._fenced)

    def held(self) -> list[NDArray[Any]]:
        """What the leaves that are no outputs hold now."""
        return [leaf.values.copy() for leaf in self.leaves if leaf.role not in _WRITTEN]

    def altered(self, held: Sequence[NDArray[Any]]) -> str:
        """The path of a leaf that is no output and does not hold that any more, '' where there is none."""
        leaves = [leaf for leaf in self.leaves if leaf.role not in _WRITTEN]
        for leaf, values in zip(leaves, held, strict=True):
            if leaf.values.tobytes() != values.tobytes():
                return leaf.path
        return ""

    def begun(self) -> list[NDArray[Any]]:
        """What the outputs held before the launch."""
        pairs = zip(self.leaves, self._initial, strict=True)
        return [initial for leaf, initial in pairs if leaf.role in _WRITTEN]

    def as_filled(self, outputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Outputs as they were without junk: places that nobody wrote to hold what the fill says."""
        made = []
        for leaf, values, initial in zip(self.outputs(), outputs, self.begun(), strict=True):
            if leaf.argument in self._junk and leaf.fill is not None:
                values = np.where(values == initial, values.dtype.type(leaf.fill.value), values)
            made.append(values)
        return made

    def written_regions(self) -> list[tuple[int, int]]:
        """First address, and that behind the last, of each array that the kernel writes to."""
        return [(first, end) for first, end, _ in self._written]

    def at(self, addresses: NDArray[np.int64]) -> str:
        """The path of the first written array that one of some addresses is in."""
        inside = (((first <= addresses) & (addresses < end)).any() for first, end, _ in self._written)
        return next(path for (*_, path), hit in zip(self._written, inside, strict=True) if hit)

    def outputs(self) -> list[Leaf]:
        """The leaves that the kernel writes to."""
        return [leaf for leaf in self.leaves if leaf.role in _WRITTEN]

    def _argument(self, arg: Argument, layout: MemoryLayout) -> tuple[NDArray[Any], NDArray[Any]]:
        if layout.family in ("array", "indexed"):
            return self._array(arg, layout, arg.name)
        memory = np.zeros(1, layout.dtype)
        twin = np.zeros(1, layout.dtype)
        if layout.family == "texture":
            memory.view("u1")[...] = self._texture(arg, layout)
        elif arg.fill.kind not in scene.KINDS:
            self._fill(arg, layout, arg.name, memory, twin, traced=False)
        return memory, twin

    def _fill_of(self, path: str, kind: str = "") -> Fill:
        """The fill of an argument or a part of one; VerificationError if it has none (of that kind)."""
        fill = self._fills.get(path)
        if fill is None or kind not in ("", fill.kind):
            raise VerificationError(f"there is no fill {kind and f'of kind {kind!r} '}for {path}")
        return fill

    def _fill(
        self,
        arg: Argument,
        layout: MemoryLayout,
        path: str,
        memory: NDArray[Any],
        twin: NDArray[Any],
        traced: bool,
    ) -> None:
        """Write the drawn values of elements, structs field by field, and note their leaves."""
        if layout.family == "struct":
            self._fill_of(path, "struct")
            for name, field, _ in layout.fields:
                self._fill(arg, field, f"{path}.{name}", memory[name], twin[name], traced)
        elif layout.family in ("array", "indexed"):
            descriptor, adjoint = self._array(arg, layout, path)
            memory[...] = descriptor
            twin[...] = adjoint
        else:
            fill = self._fill_of(path)
            floats = traced and layout.floating
            self._leaf(Leaf(arg.name, path, arg.role, memory, twin, floats, fill, layout.shape))

    def _leaf(self, leaf: Leaf) -> None:
        if self._like is None:
            leaf.draw(self._seed, self._variant)
            if leaf.argument in self._junk:
                leaf.spoil(self._seed, self._variant)
        self.leaves.append(leaf)

    def _array(
        self, arg: Argument, layout: MemoryLayout, path: str, traced: bool = True
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Descriptors, as bytes, of an array and of its gradient."""
        if layout.family == "indexed":
            return self._indexed(arg, layout, path)
        assert layout.of is not None
        fill = self._fill_of(path)
        if len(fill.shape) != layout.ndim:
            raise VerificationError(f"{path} has {layout.ndim} dimensions, its fill {len(fill.shape)}")
        memory, twin = self._allocate(fill.shape, layout.of), self._allocate(fill.shape, layout.of)
        if arg.role in _WRITTEN and memory.size:
            self._written.append((memory.ctypes.data, memory.ctypes.data + memory.nbytes, path))
        self._fill(arg, layout.of, path, memory, twin, traced)
        outer = memory.strides[: layout.ndim]
        gradient = twin.ctypes.data if _has_floats(layout.of) else 0
        forward = warp_native.array_bytes(memory.ctypes.data, gradient, fill.shape, outer)
        adjoint = warp_native.array_bytes(gradient, 0, fill.shape, outer) if gradient else bytes(layout.size)
        return np.frombuffer(forward, "u1"), np.frombuffer(adjoint, "u1")

    def _indexed(self, arg: Argument, layout: MemoryLayout, path: str) -> tuple[NDArray[Any], NDArray[Any]]:
        self._fill_of(path, "indexed")
        data = self._fill_of(f"{path}.data")
        under = MemoryLayout("array", layout.size, 8, ndim=layout.ndim, of=layout.of)
        forward, adjoint = self._array(arg, under, data.name, traced=False)
        forward, adjoint = forward[: warp_native.ARRAY_SIZE], adjoint[: warp_native.ARRAY_SIZE]
        addresses, extents = [0] * layout.ndim, list(data.shape)
        for axis in range(layout.ndim):
            chosen = self._fills.get(f"{path}.indices{axis}")
            if chosen is not None:
                indices = np.zeros(chosen.shape, np.int32)
                self._kept.append(indices)
                none = np.zeros_like(indices)
                self._leaf(Leaf(arg.name, chosen.name, "input", indices, none, False, chosen))
                addresses[axis], extents[axis] = indices.ctypes.data, indices.size
        shape = tuple(extents)
        made = (warp_native.indexed_bytes(part.tobytes(), addresses, shape) for part in (forward, adjoint))
        first, second = (np.frombuffer(part, "u1") for part in made)
        return first, second

    def _allocate(self, shape: tuple[int, ...], element: MemoryLayout) -> NDArray[Any]:
        count = 1
        for extent in shape:
            count *= max(extent, 0)
        self._bytes += count * element.size
        if self._bytes > MOST_BYTES or min(shape, default=1) < 0:
            raise VerificationError(f"the arguments take more than {MOST_BYTES >> 20} MiB")
        memory = self._fenced_memory(count * element.size)
        self._kept.append(memory)
        return memory.view(element.dtype.base).reshape(shape + element.dtype.shape)

    def _fenced_memory(self, size: int) -> NDArray[np.uint8]:
        """So many bytes of zeros, with a fence around them that `intact` looks at."""
        raw = np.full(size + 2 * FENCE, MARK, "u1")
        self._fenced.append(raw)
        memory = raw[FENCE : FENCE + size]
        memory[:] = 0
        return memory

    def _texture(self, arg: Argument, layout: MemoryLayout) -> NDArray[Any]:
        source = Stream(self._seed, arg.name, self._variant)
        texture, self.geometry[arg.name] = scene.texture(layout.name, arg.fill, source)
        self._kept.append(texture)
        return np.frombuffer(warp_native.texture_bytes(texture), "u1")

    def _bind_handles(self, args: Sequence[Argument]) -> None:
        """Make meshes, trees, grids and volumes, now that the points which they stand on are drawn."""
        for arg, (memory, twin) in zip(args, self._blocks, strict=True):
            if arg.fill.kind not in scene.KINDS:
                continue
            if self._like is None:
                points = next((leaf.values for leaf in self.leaves if leaf.path == arg.fill.of), None)
                source = Stream(self._seed, arg.name, self._variant)
                owner, number, self.geometry[arg.name] = scene.make(arg.fill, source, points)
                self._kept.append(owner)
                memory[...] = number
            self.leaves.append(Leaf(arg.name, arg.name, arg.role, memory, twin, False, None))


def _has_floats(layout: MemoryLayout) -> bool:
    if layout.family == "struct":
        return any(_has_floats(field) for _, field, _ in layout.fields)
    return layout.floating or (layout.of is not None and _has_floats(layout.of))
