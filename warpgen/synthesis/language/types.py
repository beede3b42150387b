"""The types a program is written in, each known once and compared by identity.

A type here is a name, a kind and a shape. It knows how Warp spells it in full (`wp.vec3f`) and short
(`wp.vec3`); which of the two is used is a matter of the author's taste, decided in `language/author.py`.
"""

from __future__ import annotations

import functools
from typing import Any

import warp as wp

SHORT = {"float32": "float", "int32": "int", "bool": "bool"}
_SUFFIX = {
    "float16": "h", "float32": "f", "float64": "d", "int8": "b", "uint8": "ub", "int16": "s", "uint16": "us",
    "int32": "i", "uint32": "ui", "int64": "l", "uint64": "ul",
}  # fmt: skip
_INTEGER_BITS = {f"{sign}int{bits}": bits for bits in (8, 16, 32, 64) for sign in ("", "u")}

# Values are kept below these magnitudes, far enough from the type's end that sums stay finite.
_FLOAT_LIMIT = {"float16": 2.0e3, "float32": 1.0e6, "float64": 1.0e9}


class Type:
    """A Warp type: `scalar` is the element type (itself for scalars).

    `shape` is () for scalars, (n,) for vectors and quaternions, (rows, columns) for matrices.
    """

    __slots__ = ("fields", "kind", "name", "scalar", "shape")

    def __init__(self, name: str, kind: str, scalar: Type | None = None, shape: tuple[int, ...] = ()) -> None:
        self.name = name
        self.kind = kind
        self.scalar: Type = scalar or self
        self.shape = shape
        self.fields: dict[str, Type] = {}

    def __repr__(self) -> str:
        return self.name

    @property
    def is_float(self) -> bool:
        """Whether it is made of floats."""
        return self.scalar.name in _FLOAT_LIMIT

    @property
    def is_int(self) -> bool:
        """Whether it is made of whole numbers."""
        return self.scalar.name in _INTEGER_BITS

    @property
    def is_unsigned(self) -> bool:
        """Whether these have no sign."""
        return self.scalar.name.startswith("u")

    @property
    def limit(self) -> float:
        """Greatest magnitude a value of this type should reach."""
        name = self.scalar.name
        if name in _FLOAT_LIMIT:
            return _FLOAT_LIMIT[name]
        bits = _INTEGER_BITS.get(name, 2)
        return float(2 ** (bits - (0 if self.is_unsigned else 1)) - 1)

    @property
    def components(self) -> int:
        """How many numbers it holds."""
        n = 1
        for extent in self.shape:
            n *= extent
        return n

    @property
    def custom(self) -> bool:
        """Whether the module has to declare an alias for it (`vec5 = wp.types.vector(...)`)."""
        return self.kind in ("vec", "mat") and not hasattr(wp, self.name)

    @property
    def short(self) -> str:
        """The spelling without the float32 suffix, with `wp.` where it belongs to Warp."""
        if self.name in SHORT:
            return SHORT[self.name]
        if self.custom or self.kind == "struct":
            return self.name
        if self.scalar.name == "float32" and self.kind in ("vec", "mat", "quat", "transform", "spatial"):
            return "wp." + self.name[:-1]
        return "wp." + self.name

    @property
    def full(self) -> str:
        """Its name with the width: `wp.float32`, `wp.vec3f`."""
        if self.name == "bool":
            return "bool"
        return self.name if self.custom or self.kind == "struct" else "wp." + self.name

    @property
    def declaration(self) -> str:
        """The alias line of a custom vector or matrix."""
        if self.kind == "vec":
            return f"{self.name} = wp.types.vector(length={self.shape[0]}, dtype={self.scalar.full})"
        rows, columns = self.shape
        return f"{self.name} = wp.types.matrix(shape=({rows}, {columns}), dtype={self.scalar.full})"


def _scalar(name: str) -> Type:
    return Type(name, "scalar" if name != "bool" else "bool")


F16, F32, F64 = _scalar("float16"), _scalar("float32"), _scalar("float64")
I8, I16, I32, I64 = _scalar("int8"), _scalar("int16"), _scalar("int32"), _scalar("int64")
U8, U16, U32, U64 = _scalar("uint8"), _scalar("uint16"), _scalar("uint32"), _scalar("uint64")
BOOL = _scalar("bool")
FLOATS = (F16, F32, F64)
INTEGERS = (I8, I16, I32, I64, U8, U16, U32, U64)


@functools.cache
def _composite(stem: str, kind: str, scalar: Type, shape: tuple[int, ...]) -> Type:
    return Type(stem + _SUFFIX[scalar.name], kind, scalar, shape)


def vec(length: int, scalar: Type = F32) -> Type:
    """Vectors of a length."""
    return _composite(f"vec{length}", "vec", scalar, (length,))


def mat(rows: int, columns: int, scalar: Type = F32) -> Type:
    """Matrices of a shape."""
    return _composite(f"mat{rows}{columns}", "mat", scalar, (rows, columns))


def quat(scalar: Type = F32) -> Type:
    """Rotations."""
    return _composite("quat", "quat", scalar, (4,))


def transform(scalar: Type = F32) -> Type:
    """A position and a rotation."""
    return _composite("transform", "transform", scalar, (7,))


def spatial_vector(scalar: Type = F32) -> Type:
    """Twists and wrenches."""
    return _composite("spatial_vector", "spatial", scalar, (6,))


def spatial_matrix(scalar: Type = F32) -> Type:
    """Maps between them."""
    return _composite("spatial_matrix", "spatial_mat", scalar, (6, 6))


@functools.cache
def opaque(name: str) -> Type:
    """A type that is only passed on: queries, query results, textures, meshes."""
    return Type(name, "opaque")


def struct(name: str) -> Type:
    """A new struct type of this program; its fields are filled in by the draft."""
    return Type(name, "struct")


@functools.cache
def warp_type(t: Type) -> Any:
    """Warp's own object for this type."""
    if t.kind == "vec":
        return getattr(wp, t.name, None) or wp.types.vector(length=t.shape[0], dtype=warp_type(t.scalar))
    if t.kind == "mat":
        return getattr(wp, t.name, None) or wp.types.matrix(shape=t.shape, dtype=warp_type(t.scalar))
    return getattr(wp, t.name)


@functools.cache
def from_warp(w: Any) -> Type:
    """The type of one of Warp's type objects; opaque if it has no parts that a program could use."""
    builtin = {int: I32, float: F32, bool: BOOL, wp.bool: BOOL}
    if w in builtin:
        return builtin[w]
    name = getattr(w, "__name__", str(w))
    for t in (*FLOATS, *INTEGERS):
        if warp_type(t) is w:
            return t
    shape, scalar = getattr(w, "_shape_", None), getattr(w, "_wp_scalar_type_", None)
    if shape is None or scalar is None:
        return opaque(name)
    element = from_warp(scalar)
    if issubclass(w, wp.transformf | wp.transformd | wp.transformh):
        return transform(element)
    if issubclass(w, wp.quatf | wp.quatd | wp.quath):
        return quat(element)
    if len(shape) == 2:
        return spatial_matrix(element) if tuple(shape) == (6, 6) else mat(shape[0], shape[1], element)
    return spatial_vector(element) if tuple(shape) == (6,) else vec(shape[0], element)
