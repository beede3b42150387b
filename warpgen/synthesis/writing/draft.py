"""The face that algorithms are written to: choices, pieces, arguments, text and proof."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from warpgen.launch import Argument, Fill, FillKind, Role
from warpgen.numbers import shorten
from warpgen.synthesis.writing.pieces import Piece
from warpgen.synthesis.writing.rng import Rng

T = TypeVar("T")

_LINE, _INLINE = re.compile(r"^( *)\$(\w+)\n", re.MULTILINE), re.compile(r"\$(\w+)")
_CANONICAL = {"float": "float32", "int": "int32"}
OF_FLOATS = (
    "vec2",
    "vec3",
    "vec4",
    "mat22",
    "mat33",
    "mat44",
    "quat",
    "transform",
    "spatial_vector",
    "spatial_matrix",
)


class Values(dict[str, Any]):
    """NumPy arrays by the name of the argument, by path (`v["body.mass"]`) for fields; `v.x` is `v["x"]`."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(name) from error

    def get(self, name: str, default: Any = None) -> Any:
        """The array of a variant that has it."""
        return super().get(name, default)


Reference = Callable[[Values], Mapping[str, Any]]
Property = Callable[[Values, Values], None]


class Filled(msgspec.Struct, frozen=True):
    """How an argument or a field of a struct gets its values, less the name: see `warpgen.launch.Fill`."""

    kind: FillKind = "uniform"
    shape: tuple[int, ...] = ()
    low: float = 0.0
    high: float = 1.0
    value: float = 0.0
    of: str = ""

    def named(self, name: str) -> Fill:
        """The fill of what stands at `name`; bounds move inwards to numbers that every reader gives back."""
        low, high = shorten(float(self.low), up=True), shorten(float(self.high), up=False)
        return Fill(name, self.kind, self.shape, low, high, float(self.value), self.of)


def fill(
    low: float = 0.0,
    high: float = 1.0,
    kind: FillKind = "uniform",
    *,
    shape: int | tuple[int, ...] = (),
    value: float | None = None,
) -> Filled:
    """A fill for a field of a struct; `shape` where the field is an array; `value` for a constant one."""
    extents = (shape,) if isinstance(shape, int) else shape
    if value is not None:
        return Filled("constant", extents, value=value)
    return Filled(kind, extents, low, high)


class Parameter(msgspec.Struct, frozen=True):
    """One argument in the making: its annotation as it stands in the text, and what the row says of it."""

    name: str
    annotation: str
    type: str
    role: Role
    fills: tuple[Fill, ...]
    about: str = ""  # what it is, in a few words

    def renamed(self, names: Mapping[str, str]) -> Argument:
        """The argument under the name that the program gives it."""
        new = names.get(self.name, self.name)
        fills = tuple(
            msgspec.structs.replace(
                f,
                name=new + f.name[len(self.name) :],
                of=f.of if f.kind == "volume" else names.get(f.of, f.of),  # a volume is of a type
            )
            for f in self.fills
        )
        return Argument(new, self.type, self.role, fills)


class Draft:
    """One program while it is written. What is drawn here must not depend on anything but the stream."""

    def __init__(self, rng: Rng) -> None:
        self._rng = rng
        self.options: dict[str, tuple[int, int]] = {}  # by name which of how many was chosen
        self.pieces: list[Piece] = []
        self.parameters: list[Parameter] = []
        self.prelude: list[str] = []
        self.functions: list[str] = []
        self.text = ""
        self.doc = ""
        self.sentence = ""
        self.name = ""
        self.dim: tuple[int, ...] = ()
        self.tiled = False
        self.forward = False
        self.double = False
        self.references: list[tuple[Reference, float]] = []
        self.properties: list[Property] = []

    # choices

    def option(self, name: str, *values: T, weights: tuple[float, ...] = ()) -> T:
        """One of several ways in which the algorithm is written: tests see to it that each is taken."""
        if name in self.options:
            raise ValueError(f"option {name!r} is drawn twice")
        number = self._pick(name, values, weights)
        self.options[name] = number, len(values)
        return values[number]

    def _pick(self, name: str, values: tuple[T, ...], weights: tuple[float, ...]) -> int:
        if not weights:
            return self._rng.integer(0, len(values) - 1)
        return self._rng.weighted(dict(zip(range(len(values)), weights, strict=True)))

    def flag(self, name: str, chance: float = 0.5) -> bool:
        """An option that is there or not."""
        return self.option(name, False, True, weights=(1.0 - chance, chance))

    def pick(self, *values: T) -> T:
        """One of several numbers, sizes or spellings that are not worth a test each."""
        return self._rng.choice(values)

    def weighted(self, weights: Mapping[str, float]) -> str:
        """One of several spellings, as often as its weight says."""
        return self._rng.weighted(weights)

    # declarations

    def use(self, piece: Piece) -> str:
        """Take a piece, and those it needs, into the module; gives its name."""
        for needed in piece.needs:
            self.use(needed)
        if piece not in self.pieces:
            self.pieces.append(piece)
        return piece.name

    def module(self, text: str) -> None:
        """Lines at module level of this program alone: constants, types."""
        self.prelude.append(dedented(text))

    def function(self, text: str, **blocks: str) -> None:
        """A `@wp.func` of this program alone, whose names may be renamed; `blocks` as for `code`."""
        self.functions.append(filled(text, blocks))

    # arguments, in the order of the signature; `about` says what one is, as in an Args section

    def input(
        self,
        name: str,
        type: str,
        shape: int | tuple[int, ...],
        low: float = 0.0,
        high: float = 1.0,
        kind: FillKind = "uniform",
        about: str = "",
    ) -> None:
        """An array that is read. Integers are drawn from low .. high-1."""
        self._array(name, type, shape, "input", Filled(kind, low=low, high=high), about)

    def mask(
        self, name: str, type: str, shape: int | tuple[int, ...], about: str = "", rare: bool = False
    ) -> None:
        """An input of truths, or of 0 and 1: true for five elements of six, for one of six if `rare`."""
        low, high = (0.0, 0.6) if rare else (0.4, 1.0)
        scale = 1.0 if type == "bool" else 2.0
        self.input(name, type, shape, scale * low, scale * high, about=about)

    def output(self, name: str, type: str, shape: int | tuple[int, ...], about: str = "") -> None:
        """An array that is written; it begins with zeros."""
        self._array(name, type, shape, "output", Filled("constant"), about)

    def inout(
        self,
        name: str,
        type: str,
        shape: int | tuple[int, ...],
        low: float = 0.0,
        high: float = 1.0,
        kind: FillKind = "uniform",
        value: float | None = None,
        about: str = "",
    ) -> None:
        """An array that is read and written; `value` is what it holds everywhere at first."""
        filled = Filled(kind, low=low, high=high) if value is None else Filled("constant", value=value)
        self._array(name, type, shape, "inout", filled, about)

    def param(
        self,
        name: str,
        type: str,
        low: float,
        high: float | None = None,
        kind: FillKind = "uniform",
        about: str = "",
    ) -> None:
        """A number or vector by value: drawn from low .. high, or `low` always."""
        filled = Filled("constant", value=low) if high is None else Filled(kind, low=low, high=high)
        self._add(name, spelled(type), _canonical(type), "param", (filled.named(name),), about)

    def handle(
        self,
        name: str,
        kind: FillKind,
        shape: tuple[int, ...] = (),
        of: str = "",
        value: float = 0.0,
        low: float = 0.0,
        high: float = 1.0,
        type: str = "wp.uint64",
        about: str = "",
    ) -> None:
        """What a kernel knows by a number (mesh, bvh, hash_grid, volume), or a texture of its `type`."""
        filled = Filled(kind, shape, low, high, value, of)
        self._add(name, type, type.removeprefix("wp."), "handle", (filled.named(name),), about)

    def struct(
        self,
        name: str,
        piece: Piece,
        fields: Mapping[str, Filled],
        shape: int | tuple[int, ...] = (),
        role: Role = "input",
        about: str = "",
    ) -> None:
        """A struct, or with `shape` an array of them; `fields` fill it by name, inner structs by path."""
        type = self.use(piece)
        extents = (shape,) if isinstance(shape, int) else shape
        annotation, canonical = type, type
        if extents:
            annotation, canonical = _array_of(type, len(extents)), f"array{len(extents)}d({type})"
        elif role == "input":
            role = "param"
        fills = [Filled("struct", extents).named(name)]
        for path in _paths(fields):
            fills.append(fields.get(path, Filled("struct")).named(f"{name}.{path}"))
        self._add(name, annotation, canonical, role, tuple(fills), about)

    def _array(
        self, name: str, type: str, shape: int | tuple[int, ...], role: Role, filled: Filled, about: str
    ) -> None:
        extents = (shape,) if isinstance(shape, int) else shape
        filled = msgspec.structs.replace(filled, shape=extents)
        canonical = f"array{len(extents)}d({_canonical(type)})"
        self._add(name, _array_of(spelled(type), len(extents)), canonical, role, (filled.named(name),), about)

    def _add(
        self, name: str, annotation: str, type: str, role: Role, fills: tuple[Fill, ...], about: str
    ) -> None:
        if any(p.name == name for p in self.parameters):
            raise ValueError(f"argument {name!r} is declared twice")
        self.parameters.append(Parameter(name, annotation, type, role, fills, about))

    # text

    def launch(self, *dim: int, tiled: bool = False) -> None:
        """How many threads run along each axis; with `tiled` how many blocks."""
        self.dim, self.tiled = dim, tiled

    def forward_only(self) -> None:
        """This variant has no adjoint that makes sense: it works in place, say."""
        self.forward = True

    def precise(self) -> None:
        """This variant needs floats of 64 bits: those of 32 would round away what it adds."""
        self.double = True

    def code(self, text: str, **blocks: str) -> None:
        """The kernel's body. Comments say why; names in `backticks` in them follow the program's names.

        A line `$name` becomes the lines of the block of that name, indented as it is, or goes if there are
        none; `$name` within a line becomes the block's text.
        """
        self.text += filled(text, blocks) + "\n"

    def explain(self, text: str) -> None:
        """A docstring that says more than the sentence: units, the formula, what is assumed."""
        self.doc = dedented(text)

    def says(self, sentence: str) -> None:
        """What this variant computes, where the algorithm's own sentence does not say it."""
        self.sentence = sentence

    def calls(self, names: str) -> None:
        """What people call a kernel of this variant, `a|b|c`, where the algorithm's name says little."""
        self.name = names

    # proof

    def check(self, reference: Reference, tolerance: float = 1e-4) -> None:
        """`reference` maps the inputs to what outputs must be, by name; relative to the output's size."""
        self.references.append((reference, tolerance))

    def holds(self, property: Property) -> None:
        """`property` asserts (with `numpy.testing` or `assert`) what is true of inputs and outputs."""
        self.properties.append(property)


def _paths(fields: Mapping[str, Filled]) -> list[str]:
    """The paths of all fields, each inner struct before its own."""
    found: list[str] = []
    for path in fields:
        parts = path.split(".")
        for depth in range(1, len(parts) + 1):
            outer = ".".join(parts[:depth])
            if outer not in found:
                found.append(outer)
    return found


def filled(text: str, blocks: Mapping[str, str]) -> str:
    """`text` with its `$names` filled in."""

    def lines(found: re.Match[str]) -> str:
        block = filled(blocks[found[2]], blocks)
        return textwrap.indent(block, found[1]) + "\n" if block else ""

    text = _LINE.sub(lines, dedented(text) + "\n").rstrip()
    return _INLINE.sub(lambda found: blocks[found[1]], text)


def dedented(text: str) -> str:
    """`text` without the margin that its lines share and without empty lines around it."""
    return textwrap.dedent(text.strip("\n")).rstrip()


def _canonical(type: str) -> str:
    """`float` as `float32`, `vec3` as `vec3f`; a struct's name or an odd type's alias as it is."""
    return _CANONICAL.get(type) or (f"{type}f" if type in OF_FLOATS else type)


def spelled(type: str) -> str:
    """A type as annotations have it: `float`, `wp.vec3`; a struct's name as it is."""
    return type if type in ("float", "int", "bool") or type[0].isupper() else f"wp.{type}"


def _array_of(spelled: str, ndim: int) -> str:
    return f"wp.array(dtype={spelled})" if ndim == 1 else f"wp.array{ndim}d(dtype={spelled})"
