"""Tiles: blocks of numbers that all threads of a block hold together, with shapes, types and ranges.

A tile's extents are constants of the module, as people write them; sizes of arrays follow from the
blocks of the launch. On the CPU a block is one thread, so what is written here holds for any width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from warpgen.errors import SynthesisError
from warpgen.launch import FillKind
from warpgen.synthesis.kit.draft import Array
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.expressions import (
    Binary,
    Call,
    Element,
    Expression,
    Group,
    Keyword,
    Name,
    Prefix,
    Tuple,
)
from warpgen.synthesis.language.reading import arguments, expression, nodes_of, written
from warpgen.synthesis.language.statements import Assign, Do
from warpgen.synthesis.language.types import I32, Type
from warpgen.synthesis.language.values import ATOM, PRODUCT, SUM, UNARY, Value, call

_LIMIT = 1e3  # magnitudes beyond this are squashed before they are used further


_DIMENSIONS = {
    "": "TILE_SIZE|BLOCK_SIZE|TILE_DIM|TILE_LEN",
    "M": "TILE_M|BLOCK_M|M|ROWS",
    "N": "TILE_N|BLOCK_N|N|COLS",
    "K": "TILE_K|BLOCK_K|K|INNER",
    "B": "NUM_BINS|BINS",
}


class Dim(NamedTuple):
    """An extent: its number and how it is written."""

    n: int
    text: str


class Tile:
    """A tile expression; `lo` and `hi` bound its elements."""

    __slots__ = ("hi", "lo", "node", "prec", "shape", "text", "type")

    def __init__(
        self,
        source: Expression | str,
        type: Type,
        shape: tuple[Dim, ...],
        lo: float,
        hi: float,
        prec: int = ATOM,
    ) -> None:
        self.node = written(source)
        self.text = self.node.text
        self.type = type
        self.shape = shape
        self.lo = lo
        self.hi = hi
        self.prec = prec

    @property
    def magnitude(self) -> float:
        """The most that an element can be away from zero."""
        return max(abs(self.lo), abs(self.hi))

    @property
    def count(self) -> int:
        """How many elements it has."""
        n = 1
        for d in self.shape:
            n *= d.n
        return n


def tile_call(name: str, *arguments: Any, **keywords: Expression | str) -> Call:
    """A call of a builtin on tiles, arrays, values and nodes."""
    named = [Keyword(key, written(value)) for key, value in keywords.items()]
    return Call(name, (*nodes_of(arguments), *named))


class Tiles:
    """Writes tile statements into a kit's function; several motifs of one kernel share it.

    `pool` holds the named tiles, so that later steps may take up what earlier ones made; `pipeline` does
    elementwise work on one in so many steps.
    """

    def __init__(self, k: Kit, pipeline: Callable[[Tiles, Tile, int], Tile]) -> None:
        self.k = k
        self._pipeline = pipeline
        self.blocks: tuple[Value, ...] = ()
        self.counts: tuple[int, ...] = ()
        self.pool: list[Tile] = []
        # How often loads and stores get elementwise work of their own.
        self.elementwise_rate = k.rng.choice((0.0, 0.25, 0.5, 0.75))
        self._dims: dict[str, Dim] = {}

    # -- the launch --------------------------------------------------------------------------------
    def open(self, *blocks: int, lane: bool = False) -> tuple[Value, ...]:
        """`i, j = wp.tid()` over blocks; with `lane`, the thread's number in its block comes last.

        Where a motif has opened the kernel already, its blocks are taken: read `counts` for how many.
        """
        k = self.k
        if self.blocks:
            if lane or len(blocks) != len(self.counts):
                raise SynthesisError("the kernel is open with other axes")
            return self.blocks
        names = ("i|block|bx|tile_i|row", "j|by|tile_j|col", "k|bz|batch|tile_k")[: len(blocks)]
        if len(blocks) == 1:
            names = ("i|block|tid|b|tile_index",)
        picked = [k.name(n) for n in names]
        lanes = [k.name("lane|thread|t|_j")] if lane else []
        k.write(Assign(tuple(map(Name, picked + lanes)), Call("wp.tid", ())))
        k.draft.tiled = True
        k.draft.shape = k.draft.dim = blocks
        k.index = tuple(Value(n, I32, 0, b - 1, k.author) for n, b in zip(picked, blocks, strict=True))
        self.blocks, self.counts = k.index, blocks
        k.blank()
        return (*k.index, *(Value(n, I32, 0, 1023, k.author) for n in lanes))

    def dim(self, letter: str, n: int, exact: bool = False) -> Dim:
        """A tile extent under a module constant (or as a number, by chance).

        A kernel that has a constant for this letter uses it again, whatever its value, unless `exact`.
        """
        known = self._dims.get(letter)
        if known is not None and (known.n == n or not exact):
            return known
        if known is not None or self.k.rng.chance(0.12):
            return Dim(n, str(n))
        names = _DIMENSIONS.get(letter, f"TILE_{letter}|{letter}_SIZE")
        self._dims[letter] = Dim(n, self.k.constant(names, n, I32).text)
        return self._dims[letter]

    # -- text --------------------------------------------------------------------------------------
    def shape(self, shape: Sequence[Dim], bare: float = 0.5) -> Expression:
        """`N`, `(N,)` or `(M, N)`; one extent is written bare with that probability."""
        if len(shape) == 1 and self.k.rng.chance(bare):
            return expression(shape[0].text)
        return Tuple(*[expression(d.text) for d in shape])

    def _offset(self, offset: Sequence[Any], bare: float = 0.5) -> dict[str, Expression]:
        nodes = [written(x) for x in offset]
        if all(node.text == "0" for node in nodes) and self.k.rng.chance(0.7):
            return {}
        return {"offset": nodes[0] if len(nodes) == 1 and self.k.rng.chance(bare) else Tuple(*nodes)}

    def at(self, block: Value, d: Dim) -> Value:
        """Where a block's part of an axis begins: `block * TILE`."""
        return block * Value(d.text, I32, d.n, d.n, self.k.author)

    def dtype(self, t: Type) -> str:
        """The author's spelling of a type."""
        return self.k.draft.use_type(t)

    def let(self, names: str, tile: Tile) -> Tile:
        """A named tile."""
        name = self.k.name(names)
        self.k.write(Assign(Name(name), tile.node, (name,)))
        made = Tile(name, tile.type, tile.shape, tile.lo, tile.hi)
        if tile.type.is_float:
            self.pool.append(made)
        return made

    # -- arrays --------------------------------------------------------------------------------------
    def array(
        self,
        names: str,
        type: Type,
        extents: tuple[int, ...],
        lo: float = -1.0,
        hi: float = 1.0,
        kind: FillKind = "uniform",
        role: str = "input",
    ) -> Array:
        """An array argument of a given shape."""
        k = self.k
        if role == "output":
            array = k.output(names, type, len(extents))
        elif role == "inout":
            array = k.inout(names, type, len(extents), lo, hi, kind)
        else:
            array = k.array(names, type, len(extents), lo=lo, hi=hi, kind=kind, fresh=True)
        array.spec.fixed = extents
        return array

    def load_text(self, array: Array, shape: Sequence[Dim], offset: Sequence[Any], **rest: str) -> Tile:
        """`wp.tile_load(...)` as an expression."""
        bare = float(self.k.rng.chance(0.5))  # Warp wants both as numbers or both as tuples
        where = self._offset(offset, bare)
        node = tile_call("wp.tile_load", array, shape=self.shape(shape, bare), **where, **rest)
        hi = array.spec.hi - (1 if array.type.is_int and array.spec.kind == "uniform" else 0)
        return Tile(node, array.type, tuple(shape), array.spec.lo, hi)

    def load(
        self, array: Array, shape: Sequence[Dim], offset: Sequence[Any], names: str, storage: str = ""
    ) -> Tile:
        """`wp.tile_load(array, shape, offset)`."""
        rest = {"storage": f'"{storage}"'} if storage else {}
        if not storage and self.k.rng.chance(0.12):
            options = ({"storage": '"shared"'}, {"storage": '"register"'}, {"bounds_check": "False"})
            rest = self.k.rng.choice(options)
        made = self.let(names, self.load_text(array, shape, offset, **rest))
        return self.with_elementwise(made, 2) if not storage else made

    def with_elementwise(self, tile: Tile, most: int) -> Tile:
        """The tile, now and then with elementwise work done on it."""
        if not tile.type.is_float or tile.count < 4 or not self.k.rng.chance(self.elementwise_rate):
            return tile
        return self._pipeline(self, tile, self.k.rng.integer(1, most))

    def store(self, array: Array, tile: Tile, offset: Sequence[Any] = ()) -> None:
        """`wp.tile_store(array, tile, offset)`."""
        if array.type is not tile.type:
            raise SynthesisError(f"a tile of {tile.type} does not fit into {array.name}")
        tile = self.with_elementwise(tile, 3)
        where = self._offset(offset or [0] * len(tile.shape))
        self.k.write(Do(tile_call("wp.tile_store", array, tile, **where)))

    def atomic_add(self, array: Array, tile: Tile, offset: Sequence[Any] = ()) -> None:
        """`wp.tile_atomic_add(array, tile, offset)`."""
        where = self._offset(offset or [0] * len(tile.shape))
        self.k.write(Do(tile_call("wp.tile_atomic_add", array, tile, **where)))

    # -- making --------------------------------------------------------------------------------------
    def zeros(self, names: str, t: Type, shape: Sequence[Dim], storage: str = "", fn: str = "zeros") -> Tile:
        """`wp.tile_zeros(shape, dtype)`, named."""
        rest = {"storage": f'"{storage}"'} if storage else {}
        v = 1.0 if fn == "ones" else 0.0
        node = tile_call(f"wp.tile_{fn}", shape=self.shape(shape), dtype=self.dtype(t), **rest)
        return self.let(names, Tile(node, t, tuple(shape), v, v))

    def full(self, names: str, value: float, t: Type, shape: Sequence[Dim]) -> Tile:
        """`wp.tile_full(shape, value, dtype)`, named."""
        literal = self.k.lit(value, t).node
        dtype = {"dtype": self.dtype(t)} if self.k.rng.chance(0.7) else {}
        node = tile_call("wp.tile_full", shape=self.shape(shape), value=literal, **dtype)
        return self.let(names, Tile(node, t, tuple(shape), value, value))

    def arange(self, names: str, d: Dim, t: Type, step: float = 1.0) -> Tile:
        """`wp.tile_arange(...)`, named."""
        if t is I32:
            args = arguments(d.text if self.k.rng.chance(0.6) else f"0, {d.text}")
            node = tile_call("wp.tile_arange", *args, dtype=self.dtype(t))
            return self.let(names, Tile(node, t, (d,), 0, d.n - 1))
        # Constants of the compiler only: `wp.float64(...)` would not be one.
        text = f"wp.tile_arange(0.0, {d.n * step}, {step}, dtype={self.dtype(t)})"
        return self.let(names, Tile(text, t, (d,), 0.0, d.n * step))

    # -- arithmetic ----------------------------------------------------------------------------------
    def binary(self, a: Tile, op: str, b: Tile) -> Tile:
        """`a op b`, element by element."""
        if op == "*":
            corners = [x * y for x in (a.lo, a.hi) for y in (b.lo, b.hi)]
            lo, hi = min(corners), max(corners)
            if a.text == b.text:
                lo = max(lo, 0.0)
        elif op == "+":
            lo, hi = a.lo + b.lo, a.hi + b.hi
        elif op == "-":
            lo, hi = a.lo - b.hi, a.hi - b.lo
        else:
            if b.lo <= 0 <= b.hi:
                raise SynthesisError("a tile may only be divided by one away from zero")
            corners = [x / y for x in (a.lo, a.hi) for y in (b.lo, b.hi)]
            lo, hi = min(corners), max(corners)
        prec = PRODUCT if op in "*/" else SUM
        left = a.node if a.prec >= prec else Group(a.node)
        right = b.node if b.prec > prec else Group(b.node)
        return Tile(Binary(left, op, right), a.type, a.shape, lo, hi, prec)

    def scale(self, tile: Tile, s: Value) -> Tile:
        """`tile * s`, on either side."""
        corners = [x * y for x in (tile.lo, tile.hi) for y in (s.lo, s.hi)]
        left, right = (s.node, tile.node) if self.k.rng.chance(0.4) else (tile.node, s.node)
        if s.prec < PRODUCT or tile.prec < PRODUCT:
            raise SynthesisError("name a sum before it is scaled")
        return Tile(Binary(left, "*", right), tile.type, tile.shape, min(corners), max(corners), PRODUCT)

    def negate(self, tile: Tile) -> Tile:
        """`-tile`."""
        node = Prefix("-", tile.node if tile.prec == ATOM else Group(tile.node))
        return Tile(node, tile.type, tile.shape, -tile.hi, -tile.lo, UNARY)

    def map(self, function: str, lo: float, hi: float, *tiles: Tile | Value) -> Tile:
        """`wp.tile_map(function, ...)`, whose results lie in [lo, hi]."""
        first = next(t for t in tiles if isinstance(t, Tile))
        node = tile_call("wp.tile_map", expression(function), *[t.node for t in tiles])
        return Tile(node, first.type, first.shape, lo, hi)

    def function(self, names: str, parameters: str, body: str, t: Type) -> str:
        """A `@wp.func` on scalars for `wp.tile_map` or `wp.tile_reduce`; gives its name."""
        name = self.k.draft.module_name(names)
        signature = ", ".join(f"{p}: {self.dtype(t)}" for p in parameters.split())
        self.k.draft.declare(name, f"@wp.func\ndef {name}({signature}):\n    {body}")
        return name

    def inverse(self, tile: Tile) -> Tile:
        """`1.0 / tile`; the tile must lie away from zero."""
        bounds = sorted((1.0 / tile.lo, 1.0 / tile.hi))
        one = self.k.lit(1.0, tile.type).node
        return Tile(Binary(one, "/", tile.node), tile.type, tile.shape, bounds[0], bounds[1], PRODUCT)

    def saturate(self, tile: Tile) -> Tile:
        """A float tile whose range has grown too wide, squashed."""
        if tile.magnitude <= _LIMIT:
            return tile
        return self.map("wp.tanh", -1.0, 1.0, tile)

    def saturate_let(self, tile: Tile) -> Tile:
        """The tile, saturated under a name of its own if it had to be."""
        saturated = self.saturate(tile)
        return tile if saturated is tile else self.let("bounded|tamed|squashed", saturated)

    # -- reducing ------------------------------------------------------------------------------------
    def sum(self, tile: Tile, axis: int | None = None) -> Tile:
        """`wp.tile_sum(tile)`, along an axis or of all."""
        n = tile.count if axis is None else tile.shape[axis].n
        return self._reduced("wp.tile_sum", tile, axis, n * tile.lo, n * tile.hi)

    def extreme(self, which: str, tile: Tile) -> Tile:
        """`wp.tile_min(tile)` or `wp.tile_max(tile)`."""
        return self._reduced(f"wp.tile_{which}", tile, None, tile.lo, tile.hi)

    def reduce(self, op: str, tile: Tile, axis: int | None, lo: float, hi: float) -> Tile:
        """`wp.tile_reduce(op, tile)`, whose result lies in [lo, hi]."""
        return self._reduced("wp.tile_reduce", tile, axis, lo, hi, expression(op))

    def _reduced(
        self, fn: str, tile: Tile, axis: int | None, lo: float, hi: float, *first: Expression
    ) -> Tile:
        if axis is None:
            return Tile(tile_call(fn, *first, tile), tile.type, (Dim(1, "1"),), lo, hi)
        shape = tuple(d for n, d in enumerate(tile.shape) if n != axis)
        by = Keyword("axis", written(axis)) if self.k.rng.chance(0.8) else written(axis)
        return Tile(tile_call(fn, *first, tile, by), tile.type, shape, lo, hi)

    def broadcast(self, tile: Tile, shape: Sequence[Dim]) -> Tile:
        """`wp.tile_broadcast(tile, shape)`."""
        node = tile_call("wp.tile_broadcast", tile, shape=self.shape(shape, 0.0))
        return Tile(node, tile.type, tuple(shape), tile.lo, tile.hi)

    def column(self, tile: Tile, shape: Sequence[Dim]) -> Tile:
        """One number per row as a tile of all columns."""
        upright = self.reshape(tile, (tile.shape[0], Dim(1, "1")))
        return self.broadcast(upright, shape)

    def reshape(self, tile: Tile, shape: Sequence[Dim]) -> Tile:
        """`wp.tile_reshape(tile, shape)`."""
        node = tile_call("wp.tile_reshape", tile, shape=self.shape(shape, 0.0))
        return Tile(node, tile.type, tuple(shape), tile.lo, tile.hi)

    def transpose(self, tile: Tile) -> Tile:
        """`wp.tile_transpose(tile)`."""
        return Tile(tile_call("wp.tile_transpose", tile), tile.type, tile.shape[::-1], tile.lo, tile.hi)

    def view(self, tile: Tile, offset: Sequence[Any], shape: Sequence[Dim]) -> Tile:
        """`wp.tile_view(tile, offset, shape)`."""
        start = Tuple(*map(written, offset))
        node = tile_call("wp.tile_view", tile, offset=start, shape=self.shape(shape, 0.0))
        return Tile(node, tile.type, tuple(shape), tile.lo, tile.hi)

    def element(self, tile: Tile, *at: Value | int) -> Value:
        """One element as a number that every thread knows."""
        nodes = [written(x) for x in at]
        if self.k.rng.chance(0.4):
            return call("wp.tile_extract", [tile.node, *nodes], tile.type, tile.lo, tile.hi, self.k.author)
        return Value(Element(tile.node, *nodes), tile.type, tile.lo, tile.hi, self.k.author)

    def call(self, fn: str, *args: Any) -> None:
        """A builtin called for its effect."""
        self.k.do(f"wp.{fn}", *args)
