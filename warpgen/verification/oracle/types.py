"""Stand-ins for Warp's types: they build values, convert them, and tell which overload a call means."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from warpgen.verification.oracle.rounding import rounded
from warpgen.verification.oracle.values import Array, Indexed, Int, Mat, Record, Unsupported, Vec, wrap


def to_float(value: Any = 0.0) -> float:
    if isinstance(value, (Vec, Mat)):
        raise Unsupported("a cast of a vector to a scalar")
    return rounded(float(value))


def to_int(value: Any = 0) -> int:
    return wrap(whole(value))


def whole(value: Any) -> int:
    """Cut off the fraction, as a C cast does; what does not fit is undefined in C and not modelled."""
    if isinstance(value, float):
        if not math.isfinite(value) or abs(value) > 2.0**31:
            raise Unsupported("a cast of a large float to an integer")
        return int(value)
    if isinstance(value, (Vec, Mat)):
        raise Unsupported("a cast of a vector to a scalar")
    return int(value)


class Scalar:
    """A number type: `f` (all floats), `i32`, or an integer code such as `u8`, or `b`."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __call__(self, value: Any = 0) -> Any:
        if self.code == "f":
            return to_float(value)
        if self.code == "b":
            return bool(value)
        number = whole(value)
        return wrap(number) if self.code == "i32" else Int(number, self.code)

    def zero(self) -> Any:
        return self(0)

    def fits(self, value: Any) -> bool:
        if self.code == "f":
            return isinstance(value, float)
        if self.code == "b":
            return isinstance(value, bool)
        if self.code == "i32":
            return isinstance(value, int) and not isinstance(value, bool)
        return isinstance(value, Int) and value.code == self.code


FLOAT, INT, BOOL = Scalar("f"), Scalar("i32"), Scalar("b")


def scalar(kind: Any) -> Scalar:
    """The number type that `float`, `int`, `bool` or a stand-in names."""
    named = {float: FLOAT, int: INT, bool: BOOL}.get(kind, kind)
    if not isinstance(named, Scalar):
        raise Unsupported("an element type that is no scalar")
    return named


class VecType:
    """Vectors of one length and scalar; of quaternions and transforms, `name` tells which."""

    def __init__(self, length: int, kind: Any, name: str = "vec") -> None:
        self.length, self.scalar, self.name = length, scalar(kind), name

    def __call__(self, *items: Any, **named: Any) -> Vec:
        if named:
            raise Unsupported("a vector from named arguments")
        if self.name == "transform" and len(items) in (1, 2) and isinstance(items[0], Vec):
            items = (
                *items[0].c,
                *(items[1].c if len(items) == 2 else (0.0, 0.0, 0.0, 1.0)[: 7 - len(items[0])]),
            )
        elif self.name == "quat" and len(items) == 2:
            items = (*items[0].c, items[1])
        elif len(items) == 2 and self.length == 6 and all(isinstance(item, Vec) for item in items):
            items = (*items[0].c, *items[1].c)
        elif len(items) == 1 and isinstance(items[0], Vec):
            items = items[0].c
        elif len(items) == 1:
            items = items * self.length
        elif not items:
            items = (0,) * self.length
        if len(items) != self.length:
            raise Unsupported("a vector of too few or too many components")
        return Vec(tuple(map(self.scalar, items)), self.name)

    def zero(self) -> Vec:
        return Vec((self.scalar.zero(),) * self.length, self.name)

    def fits(self, value: Any) -> bool:
        return (
            isinstance(value, Vec)
            and value.kind == self.name
            and len(value) == self.length
            and self.scalar.fits(value.c[0])
        )


class MatType:
    """Matrices of one shape and scalar."""

    def __init__(self, rows: int, cols: int, kind: Any) -> None:
        self.rows, self.cols, self.scalar = rows, cols, scalar(kind)

    def __call__(self, *items: Any, **named: Any) -> Mat:
        count = self.rows * self.cols
        if named or (len(items) > 1 and any(isinstance(item, Vec) for item in items)):
            raise Unsupported("a matrix from vectors")
        if len(items) == 1 and isinstance(items[0], Mat):
            items = items[0].c
        elif len(items) == 1:
            items = items * count
        elif not items:
            items = (0,) * count
        if len(items) != count:
            raise Unsupported("a matrix of too few or too many components")
        return Mat(self.rows, self.cols, tuple(map(self.scalar, items)))

    def zero(self) -> Mat:
        return Mat(self.rows, self.cols, (self.scalar.zero(),) * (self.rows * self.cols))

    def fits(self, value: Any) -> bool:
        return isinstance(value, Mat) and (value.rows, value.cols) == (self.rows, self.cols)


class ArrayType:
    """`wp.array(dtype=…)` and its kin as annotations."""

    def __init__(self, ndim: int | None) -> None:
        self.ndim = ndim

    def __call__(self, *_: Any, **named: Any) -> ArrayType:
        return ArrayType(named.get("ndim", self.ndim))

    def __getitem__(self, _: Any) -> ArrayType:
        return self

    def fits(self, value: Any) -> bool:
        return isinstance(value, (Array, Indexed))


class Handle:
    """A texture's type: values of it are made outside."""

    def fits(self, value: Any) -> bool:
        return not isinstance(value, (float, int, Int, Vec, Mat, Array, Indexed, Record))


class StructType:
    """A struct of the program."""

    def __init__(self, name: str, fields: dict[str, Any]) -> None:
        self.name, self.fields = name, fields

    def __call__(self, *items: Any, **named: Any) -> Record:
        values = {name: zero(kind) for name, kind in self.fields.items()}
        values.update(zip(self.fields, items, strict=False))
        values.update(named)
        return Record(self, values)

    def zero(self) -> Record:
        return self()

    def fits(self, value: Any) -> bool:
        return isinstance(value, Record) and value.kind_ is self


def zero(kind: Any) -> Any:
    """The value that memory of this type starts with."""
    if isinstance(kind, ArrayType):
        return Array([], (0,) * (kind.ndim or 1))
    if kind in (float, int, bool):
        return scalar(kind).zero()
    return kind.zero()


def fits(kind: Any, value: Any) -> bool:
    """Whether a value is of an annotated type; anything is, where nothing is annotated."""
    if kind in (float, int, bool):
        return scalar(kind).fits(value)
    if hasattr(kind, "fits"):
        return bool(kind.fits(value))
    return True


def reinterpret(value: Any, dtype: Any) -> Any:
    """`wp.cast`: the bits of a value read as another type of the same width.

    Of floats only those are known whose 32 bits are: results that are not rounded here as there have others.
    """
    target = scalar(dtype)
    if type(value) is float:
        if target.code not in ("i32", "u32") or not math.isfinite(value) or float(np.float32(value)) != value:
            raise Unsupported("the bits of a float")
        return target(int(np.float32(value).view(np.int32)))
    source = value.code if isinstance(value, Int) else "i32"
    if target.code == "f" and source in ("i32", "u32"):
        return float(np.int32(wrap(int(value))).view(np.float32))
    if target.code[1:] != source[1:]:
        raise Unsupported("bits read at another width")
    return target(int(value))


def table() -> dict[str, Any]:
    """All type names of the `wp` module, and what reads the bits of one as another."""
    integers = {
        f"{sign}int{bits}": f"{'u' if sign else 'i'}{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
    }
    named: dict[str, Any] = {name: Scalar(code) for name, code in integers.items()}
    named |= dict.fromkeys(("float16", "float32", "float64"), FLOAT) | {"bool": BOOL}
    suffixes: dict[str, Any] = {"": FLOAT, "f": FLOAT, "h": FLOAT, "d": FLOAT, "b": named["int8"]}
    suffixes |= {"i": INT, "s": named["int16"], "l": named["int64"], "ub": named["uint8"]}
    suffixes |= {"us": named["uint16"], "ui": named["uint32"], "ul": named["uint64"]}
    for suffix, kind in suffixes.items():
        named |= {f"vec{n}{suffix}": VecType(n, kind) for n in (2, 3, 4)}
    for suffix in ("", "f", "h", "d"):
        named |= {f"mat{n}{n}{suffix}": MatType(n, n, FLOAT) for n in (2, 3, 4)}
        named[f"quat{suffix}"] = VecType(4, FLOAT, "quat")
        named[f"transform{suffix}"] = VecType(7, FLOAT, "transform")
        named[f"spatial_vector{suffix}"] = VecType(6, FLOAT)
        named[f"spatial_matrix{suffix}"] = MatType(6, 6, FLOAT)
    named |= {f"array{n}d": ArrayType(n) for n in (1, 2, 3, 4)}
    named |= {"array": ArrayType(1), "indexedarray": ArrayType(1)}
    named |= {f"indexedarray{n}d": ArrayType(n) for n in (1, 2, 3, 4)}
    return named | {"cast": reinterpret}
