"""The program while it is written: module declarations and kernel arguments, shared by its functions."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from warpgen.errors import SynthesisError
from warpgen.launch import Argument, Fill, FillKind, Role
from warpgen.numbers import shorten
from warpgen.synthesis.language.author import Author
from warpgen.synthesis.language.expressions import Element, Expression, Field, Literal
from warpgen.synthesis.language.reading import expression, function, words
from warpgen.synthesis.language.statements import Statement, emit, names_in
from warpgen.synthesis.language.types import I32, U64, Type
from warpgen.synthesis.language.values import Value
from warpgen.synthesis.style.rng import Rng

MOST_ELEMENTS = 1 << 14  # per array; rows are rerun by the thousand


class Argspec:
    """A kernel argument in the making. For arrays `need[d]` grows with the indices used on axis d."""

    def __init__(
        self, name: str, type: Type, ndim: int, role: Role, lo: float, hi: float, kind: FillKind
    ) -> None:
        self.name = name
        self.type = type
        self.ndim = ndim
        self.role = role
        self.lo = lo
        self.hi = hi
        self.kind = kind
        self.need = [1] * ndim
        self.value = 0.0
        self.of = ""
        self.annotation = ""  # where it is not the element type or a plain array
        self.fields: dict[str, Argspec] = {}
        self.fixed: tuple[int, ...] | None = None  # a shape that does not follow from use

    @property
    def shape(self) -> tuple[int, ...]:
        """The extents of its array."""
        return self.fixed if self.fixed is not None else tuple(self.need)

    def fills(self, path: str) -> Iterator[Fill]:
        """The fill of what stands at `path`, then those of its fields."""
        yield Fill(
            name=path,
            kind=self.kind,
            shape=self.shape if self.ndim or self.fixed else (),
            # Inwards, so that the values stay in the range that the program was written for.
            low=shorten(float(self.lo), up=True),
            high=shorten(float(self.hi), up=False),
            value=float(self.value),
            of=self.of,
        )
        for name, field in self.fields.items():
            yield from field.fills(f"{path}.{name}")

    def argument(self) -> Argument:
        """The argument as it stands in a row."""
        name = self.type.name
        if self.kind == "indexed":
            name = f"indexedarray{self.ndim}d({name})"
        elif self.ndim and not self.annotation:
            name = f"array{self.ndim}d({name})"
        elif self.annotation and self.ndim:
            name = self.annotation
        return Argument(self.name, name, self.role, tuple(self.fills(self.name)))


class Array:
    """A handle on an array argument; indexing it reads an element and records how large it must be."""

    def __init__(self, draft: Draft, spec: Argspec, name: str) -> None:
        self.draft = draft
        self.spec = spec
        self.name = name
        self.node = expression(name)

    @property
    def type(self) -> Type:
        """The type of its elements."""
        return self.spec.type

    def keys(self, key: Any) -> list[Expression]:
        """The indices of `array[key]`, which must lie in a safe range; the array is made to hold them."""
        keys = key if isinstance(key, tuple) else (key,)
        if len(keys) != self.spec.ndim:
            raise SynthesisError(f"{self.name} has {self.spec.ndim} axes, not {len(keys)}")
        nodes: list[Expression] = []
        for axis, index in enumerate(keys):
            if isinstance(index, int):
                nodes.append(Literal(str(index)))
                self.spec.need[axis] = max(self.spec.need[axis], index + 1)
                continue
            if index.lo < 0 or index.hi > MOST_ELEMENTS:
                raise SynthesisError(f"index {index!r} of {self.name} has no safe range")
            self.spec.need[axis] = max(self.spec.need[axis], int(index.hi) + 1)
            nodes.append(index.node)
        total = 1
        for extent in self.spec.need:
            total *= extent
        if total > 4 * MOST_ELEMENTS:
            raise SynthesisError(f"{self.name} would hold {total} elements")
        return nodes

    def subscript(self, key: Any) -> Expression:
        """`array[key]`."""
        nodes = self.keys(key)
        if len(nodes) > 1 and self.draft.author.chained_subscripts:
            return functools.reduce(Element, nodes, self.node)
        return Element(self.node, *nodes)

    def __getitem__(self, key: Any) -> Value:
        unit = self.spec.kind == "unit"
        lo, hi = (-1.0, 1.0) if unit or self.spec.kind == "rotation" else (self.spec.lo, self.spec.hi)
        if self.spec.type.is_int and self.spec.kind in ("uniform", "permutation", "ascending"):
            hi -= 1
        return Value(self.subscript(key), self.spec.type, lo, hi, self.draft.author, unit=unit)

    def extent(self, axis: int = 0) -> Value:
        """`array.shape[axis]`; only for arrays whose use has already fixed the extent."""
        n = self.spec.need[axis]
        return Value(Element(Field(self.node, "shape"), Literal(str(axis))), I32, n, n, self.draft.author)


class Declaration(NamedTuple):
    """What stands at module level under a name: a text, of a function it is the head if its body is nodes."""

    name: str
    text: str
    body: list[Statement] | None = None

    @property
    def written(self) -> str:
        """Its whole text."""
        return self.text if self.body is None else f"{self.text}\n{emit(self.body)}"

    @property
    def needs(self) -> set[str]:
        """The names that it may be made of."""
        return words(self.text) | names_in(self.body or ())


class Draft:
    """What all functions of one program share."""

    def __init__(self, rng: Rng, author: Author, real: Type) -> None:
        self.rng = rng
        self.author = author
        self.real = real
        self.names: set[str] = set()  # of the module
        self.local_names: set[str] = set()  # of its functions
        self.declarations: list[Declaration] = []  # in order
        self.arguments: dict[str, Argspec] = {}
        self.record: Type | None = None  # the struct that parameters are packed into
        self.element: Type | None = None  # the struct of an array of structs
        self.elements: Array | None = None
        self.shape: tuple[int, ...] = ()  # extents that arrays over the threads have
        self.dim: tuple[int, ...] = ()  # what the kernel is launched with, at least `shape`
        self.tiled = False
        self.kernel_options: list[str] = []
        self.memo: dict[str, Any] = {}  # what is drawn once for the whole program, by who drew it

    def module_name(self, names: str) -> str:
        """A fresh module-level name out of `"a|b|c"`."""
        options = names.split("|")
        taken = self.names | self.local_names
        for option in (self.author.pick(tuple(options)), *options):
            if option not in taken:
                break
        else:
            option = next(f"{options[0]}{i}" for i in range(2, 1000) if f"{options[0]}{i}" not in taken)
        self.names.add(option)
        return option

    def declare(self, name: str, text: str, body: list[Statement] | None = None) -> None:
        """A module-level declaration; dropped again if nothing names it in the end."""
        if body is None and "\n    for " in text and "\n\n" not in text:  # a loop is more code than its text
            text, body = function(text)
        self.declarations.append(Declaration(name, text, body))

    def use_type(self, t: Type) -> str:
        """The author's spelling of a type; aliases of odd-sized ones are declared on first use."""
        if t.custom and t.name not in self.names:
            self.names.add(t.name)
            self.declare(t.name, t.declaration)
        return self.author.spell(t)

    def argument(
        self, name: str, type: Type, ndim: int, role: Role, lo: float, hi: float, kind: FillKind = "uniform"
    ) -> Argspec:
        """A new argument of the kernel."""
        spec = Argspec(name, type, ndim, role, lo, hi, kind)
        self.arguments[name] = spec
        return spec

    def find(self, test: Callable[[Argspec], bool]) -> Argspec | None:
        """The first argument that passes, in order of declaration."""
        return next((spec for spec in self.arguments.values() if test(spec)), None)

    def annotate(self, spec: Argspec) -> str:
        """An argument's annotation, in the author's spelling."""
        if spec.annotation:
            return spec.annotation
        if spec.ndim:
            self.use_type(spec.type)
            return self.author.spell_array(spec.type, spec.ndim)
        if spec.type is U64 and spec.role == "handle":
            return "wp.uint64"
        return self.use_type(spec.type)
