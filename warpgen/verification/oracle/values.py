"""The values that kernels compute with: integers that wrap, vectors, matrices, structs and arrays.

Floats are Python's own, whatever width the program names; int32 is Python's int, wrapped after each
operation; all else is here. Values are never changed in place: assigning a component makes a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


class Unsupported(Exception):
    """The program uses something that the oracle does not model."""


class OutOfRange(Exception):
    """An index is outside its array."""


class Int:
    """An integer of a width other than int32. `code` is like `u32`."""

    __slots__ = ("code", "value")

    def __init__(self, value: int, code: str) -> None:
        bits = int(code[1:])
        value &= (1 << bits) - 1
        if code[0] == "i" and value >> (bits - 1):
            value -= 1 << bits
        self.value, self.code = value, code

    def __index__(self) -> int:
        return self.value

    __int__ = __index__

    def __float__(self) -> float:
        return float(self.value)

    def __bool__(self) -> bool:
        return self.value != 0

    def __eq__(self, other: object) -> bool:
        return bool(self.value == _plain(other))

    def __lt__(self, other: Any) -> bool:
        return bool(self.value < _plain(other))

    def __le__(self, other: Any) -> bool:
        return bool(self.value <= _plain(other))

    def __gt__(self, other: Any) -> bool:
        return bool(self.value > _plain(other))

    def __ge__(self, other: Any) -> bool:
        return bool(self.value >= _plain(other))

    def __hash__(self) -> int:
        return hash(self.value)


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Int) else value


def wrap(value: int) -> int:
    """An int32."""
    if -0x80000000 <= value <= 0x7FFFFFFF:
        return value
    return ((value + 0x80000000) & 0xFFFFFFFF) - 0x80000000


class Vec:
    """A vector; `kind` tells quaternions (`quat`: x, y, z, w) and transforms (`transform`: p, q) apart."""

    __slots__ = ("c", "kind")

    def __init__(self, c: tuple[Any, ...], kind: str = "vec") -> None:
        self.c, self.kind = c, kind

    def __iter__(self) -> Iterator[Any]:
        return iter(self.c)

    def __len__(self) -> int:
        return len(self.c)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Vec(self.c[index])
        return self.c[place(index, len(self.c))]

    def __getattr__(self, name: str) -> Any:
        if len(name) == 1 and name in "xyzw":
            return self.c["xyzw".index(name)]
        if self.kind == "transform" and name in ("p", "q"):
            return Vec(self.c[:3]) if name == "p" else Vec(self.c[3:], "quat")
        raise Unsupported(f"attribute {name} of a vector")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vec) and self.c == other.c

    __hash__ = None  # type: ignore[assignment]

    def map(self, function: Callable[[Any], Any]) -> Vec:
        return Vec(tuple(map(function, self.c)), self.kind)


class Mat:
    """A matrix: `c` holds its components row by row."""

    __slots__ = ("c", "cols", "rows")

    def __init__(self, rows: int, cols: int, c: tuple[Any, ...]) -> None:
        self.rows, self.cols, self.c = rows, cols, c

    def row(self, i: int) -> tuple[Any, ...]:
        return self.c[i * self.cols : (i + 1) * self.cols]

    def column(self, j: int) -> tuple[Any, ...]:
        return self.c[j :: self.cols]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, tuple):
            if any(isinstance(part, slice) for part in index):
                raise Unsupported("a slice of a matrix")
            i, j = place(index[0], self.rows), place(index[1], self.cols)
            return self.c[i * self.cols + j]
        if isinstance(index, slice):
            raise Unsupported("a slice of a matrix")
        return Vec(self.row(place(index, self.rows)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mat) and self.c == other.c

    __hash__ = None  # type: ignore[assignment]

    def map(self, function: Callable[[Any], Any]) -> Mat:
        return Mat(self.rows, self.cols, tuple(map(function, self.c)))


def place(index: Any, extent: int) -> int:
    """A component's place; negative ones count from the end."""
    i = int(index)
    if not -extent <= i < extent:
        raise OutOfRange(f"{i} of {extent}")
    return i + extent if i < 0 else i


class Record:
    """A value of a struct type. Its own names end in `_`: programs name their fields as they like."""

    __slots__ = ("fields_", "kind_")

    def __init__(self, kind: Any, fields: dict[str, Any]) -> None:
        self.kind_, self.fields_ = kind, fields

    def __getattr__(self, name: str) -> Any:
        try:
            return self.fields_[name]
        except KeyError:
            raise Unsupported(f"attribute {name} of a struct") from None


class Array:
    """Memory that kernels share: a flat list of values, seen through a shape and strides in elements."""

    __slots__ = ("data", "offset", "shape", "strides", "written")

    def __init__(
        self, data: list[Any], shape: tuple[int, ...], strides: tuple[int, ...] | None = None, offset: int = 0
    ) -> None:
        if strides is None:
            made, step = [], 1
            for extent in reversed(shape):
                made.append(step)
                step *= extent
            strides = tuple(reversed(made))
        self.data, self.shape, self.strides, self.offset = data, shape, strides, offset
        self.written: set[int] = set()  # places that were stored to, shared by all views

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        total = 1
        for extent in self.shape:
            total *= extent
        return total

    def spot(self, index: Any) -> int:
        """Where an element stands in `data`."""
        indices = index if isinstance(index, tuple) else (index,)
        if len(indices) != len(self.shape):
            raise Unsupported("a partial index where an element is needed")
        return self._at(indices)

    def _at(self, indices: tuple[Any, ...]) -> int:
        at = self.offset
        for i, extent, stride in zip(indices, self.shape, self.strides, strict=False):
            at += (i if type(i) is int and 0 <= i < extent else place(i, extent)) * stride
        return at

    def __getitem__(self, index: Any) -> Any:
        indices = index if isinstance(index, tuple) else (index,)
        for i in indices:
            if isinstance(i, slice):
                raise Unsupported("a slice of an array")
        at = self._at(indices)
        if len(indices) == len(self.shape):
            return self.data[at]
        kept = len(indices)
        view = Array(self.data, self.shape[kept:], self.strides[kept:], at)
        view.written = self.written
        return view

    def put(self, at: int, value: Any) -> None:
        self.data[at] = value
        self.written.add(at)


class Indexed:
    """An array seen through lists of indices, one per axis or none."""

    __slots__ = ("base", "indices", "shape")

    def __init__(self, base: Array, indices: list[list[int] | None]) -> None:
        self.base, self.indices = base, indices
        self.shape = tuple(
            extent if chosen is None else len(chosen)
            for chosen, extent in zip(indices, base.shape, strict=True)
        )

    @property
    def data(self) -> list[Any]:
        return self.base.data

    def spot(self, index: Any) -> int:
        given = index if isinstance(index, tuple) else (index,)
        if len(given) != len(self.shape):
            raise Unsupported("a partial index of an indexed array")
        through = []
        for i, chosen, extent in zip(given, self.indices, self.shape, strict=True):
            i = place(i, extent)
            through.append(i if chosen is None else chosen[i])
        return self.base.spot(tuple(through))

    def __getitem__(self, index: Any) -> Any:
        return self.base.data[self.spot(index)]

    def put(self, at: int, value: Any) -> None:
        self.base.put(at, value)
