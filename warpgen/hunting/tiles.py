"""Programs of tiles that try Warp: what a block of 256 threads does together, and one of one thread alone."""

from __future__ import annotations

from warpgen.launch import Argument, Fill, Launch
from warpgen.program import Program
from warpgen.synthesis.writing.rng import Rng

_SIZES = (3, 4, 8, 16)  # of a square tile: a block has idle threads beside most
# Functions that tile_map is given.
_ONE = ("wp.sin", "wp.tanh", "wp.abs", "bent")
_TWO = ("wp.add", "wp.mul", "wp.max", "mixed")
_HELPERS = """\
@wp.func
def bent(p: float):
    return p * p + wp.cos(p)


@wp.func
def mixed(p: float, q: float):
    return p * q + wp.sin(q)


"""
_HEAD = (
    "@wp.kernel\ndef tried(x: wp.array2d(dtype=float), y: wp.array2d(dtype=float), s: wp.array(dtype=float), "
    "out: wp.array2d(dtype=float)):\n"
)


def tiled(seed: int, index: int) -> Program:
    """The program of this index: the same for the same (seed, index)."""
    rng = Rng("tiles", seed, index)
    size, blocks = rng.choice(_SIZES), rng.integer(1, 3)
    body = _Writer(rng, size).lines(rng.integer(2, 5))
    inputs = _input("x", size * blocks, size), _input("y", size * blocks, size), _input("s", blocks)
    out = Argument("out", "array2d(float32)", "output", (Fill("out", "constant", (size * blocks, size)),))
    source = f"import warp as wp\n\n\n{_HELPERS}{_HEAD}" + "".join(f"    {line}\n" for line in body)
    return Program(seed, index, "tiles", "tried", source, (*inputs, out), Launch((blocks,), seed, tiled=True))


def _input(name: str, *shape: int) -> Argument:
    return Argument(name, f"array{len(shape)}d(float32)", "input", (Fill(name, "uniform", shape, -1.0),))


class _Writer:
    """Statements that each make a tile of those before, of a few forms that the program has to itself."""

    def __init__(self, rng: Rng, size: int) -> None:
        self._rng, self._shape, self._tiles = rng, f"shape=({size}, {size})", ["a", "b"]
        self._storage = rng.choice(("", ', storage="shared"', ', storage="register"'))
        self._offset = f"offset=(i * {size}, 0)"
        forms = (self._mapped, self._scaled, self._summed, self._product, self._accumulated, self._added)
        self._forms = rng.sample((*forms, self._spread, self._turned), 4)

    def lines(self, count: int) -> list[str]:
        made = ["i = wp.tid()", "p = s[i]", f"a = {self._loaded('x')}", f"b = {self._loaded('y')}"]
        for number in range(count):
            made += self._rng.choice(self._forms)(f"t{number}")
            self._tiles.append(f"t{number}")
        last = f"c = a * p + b + {self._tiles[-1]}"  # or most would be blind to one of them
        return [*made, last, f"wp.tile_store(out, c, {self._offset})"]

    def _loaded(self, name: str) -> str:
        return f"wp.tile_load({name}, {self._shape}, {self._offset}{self._storage})"

    def _tile(self) -> str:
        return self._rng.choice(self._tiles)

    def _scalar(self) -> str:
        return self._rng.choice(("p", "p", "2.5", "wp.sin(p)"))

    def _mapped(self, name: str) -> list[str]:
        if self._rng.chance(0.5):
            return [f"{name} = wp.tile_map({self._rng.choice(_ONE)}, {self._tile()})"]
        other = self._rng.choice((self._tile(), self._scalar()))
        return [f"{name} = wp.tile_map({self._rng.choice(_TWO)}, {self._tile()}, {other})"]

    def _scaled(self, name: str) -> list[str]:
        return [f"{name} = {self._tile()} {self._rng.choice('+-')} {self._tile()} * {self._scalar()}"]

    def _summed(self, name: str) -> list[str]:
        """A sum over all of a tile, or along one axis, in all places again."""
        if self._rng.chance(0.5):
            return [f"{name} = wp.tile_broadcast(wp.tile_sum({self._tile()}), {self._shape})"]
        return [f"{name} = wp.tile_broadcast(wp.tile_sum({self._tile()}, axis=0), {self._shape})"]

    def _product(self, name: str) -> list[str]:
        return [f"{name} = wp.tile_matmul({self._tile()}, {self._tile()})"]

    def _accumulated(self, name: str) -> list[str]:
        factors = self._rng.choice(("", ", 0.5", ", 0.5, 0.25"))
        made = f"{name} = wp.tile_zeros({self._shape}, dtype=float, storage='shared')"
        lines = [made, f"{name} += {self._tile()}"]
        return [*lines, f"wp.tile_matmul({self._tile()}, {self._tile()}, {name}{factors})"]

    def _added(self, name: str) -> list[str]:
        """In place, on a tile of its own."""
        lines = [f"{name} = {self._tile()} * {self._scalar()}"]
        return [*lines, f"{name} {self._rng.choice(('+=', '-='))} {self._tile()}"]

    def _spread(self, name: str) -> list[str]:
        element = f"{self._tile()}[{self._rng.integer(0, 2)}, 1]"
        return [f"{name} = {self._tile()} * {element}"]

    def _turned(self, name: str) -> list[str]:
        return [f"{name} = wp.tile_transpose({self._tile()}) * {self._scalar()}"]
