"""Calls that types alone do not describe: several results, dtype arguments, results that need a use."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from warpgen.synthesis.builtins.typed import vector_of
from warpgen.synthesis.formulas.grower import palette, width_suffixed
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import (
    F16,
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    Type,
    mat,
    quat,
    vec,
)
from warpgen.synthesis.language.values import Value

_FLOATS = (F32, F64, F16)
_PRECISE = (F32, F64)
_INTS = (I32, I64, U32, I16, U8, U64, I8, U16)


class Case(NamedTuple):
    """A hand-written fragment, and the element types it can be written for."""

    write: Callable[[Kit, Type], None]
    scalars: tuple[Type, ...]


CASES: dict[str, tuple[Case, ...]] = {}


def case(
    name: str, scalars: tuple[Type, ...] = (F32,)
) -> Callable[[Callable[[Kit, Type], None]], Callable[[Kit, Type], None]]:
    def register(write: Callable[[Kit, Type], None]) -> Callable[[Kit, Type], None]:
        CASES[name] = (*CASES.get(name, ()), Case(write, scalars))
        return write

    return register


def scalar_of(k: Kit, t: Type, lo: float = -1.0, hi: float = 1.0, names: str = "") -> Value:
    q = k.rng.choice(palette(k).field.scalars if t.is_float else palette(k).field.integers)
    plain = names or q.names
    return k.input(plain if t in (k.real, I32) else width_suffixed(plain, t), t, lo, hi)


def matrix_of(k: Kit, t: Type, lo: float = -1.0, hi: float = 1.0, names: str = "A|M|mat_a|F") -> Value:
    return k.input(names, t, lo, hi)


def rotation_of(k: Kit, t: Type, names: str = "q|rot|orientation") -> Value:
    return k.input(names, quat(t), -1.0, 1.0, unit=True)


def identity_of(n: int, t: Type, k: Kit) -> Value:
    return Value(f"wp.identity(n={n}, dtype={t.short})", mat(n, n, t), 0.0, 1.0, k.author)


def _regular(k: Kit, n: int, t: Type) -> Value:
    """A matrix far from singular."""
    return k.define("B|A_reg|M", matrix_of(k, mat(n, n, t), -0.3, 0.3) + identity_of(n, t, k) * 2.0)


# -- decompositions ------------------------------------------------------------------------------------
def _decomposition(name: str, n: int, results: tuple[str, ...], vectors: tuple[bool, ...]) -> None:
    @case(name, _PRECISE)
    def returned(k: Kit, t: Type) -> None:
        a = _regular(k, n, t) if name == "qr3" else _symmetric(k, n, t)
        types = tuple(vec(n, t) if v else mat(n, n, t) for v in vectors)
        parts = k.define_all(results, f"wp.{name}({a.text})", types, (-4.0, 4.0))
        _give_parts(k, parts, vectors, n)

    @case(name, _PRECISE)
    def filled(k: Kit, t: Type) -> None:
        a = _regular(k, n, t) if name == "qr3" else _symmetric(k, n, t)
        types = [vec(n, t) if v else mat(n, n, t) for v in vectors]
        parts = [k.var(r, k.zero(p), lo=-4.0, hi=4.0) for r, p in zip(results, types, strict=True)]
        k.do(f"wp.{name}", a, *parts)
        _give_parts(k, parts, vectors, n)


def _symmetric(k: Kit, n: int, t: Type) -> Value:
    """Symmetric with well separated eigenvalues, so that its decompositions have gradients."""
    m = k.input("S|A|cov|stress", mat(n, n, t), -0.3, 0.3)
    spread = Value(
        k.draft.use_type(vec(n, t)) + f"({', '.join(k.lit(float(i + 1), t).text for i in range(n))})",
        vec(n, t),
        1,
        n,
        k.author,
    )
    return k.define("A_sym|S|C", (m + k.wp.transpose(m)) * 0.5 + k.wp.diag(spread))


def _give_parts(k: Kit, parts: list[Value], vectors: tuple[bool, ...], n: int) -> None:
    values = [p for p, v in zip(parts, vectors, strict=True) if v]
    frames = [p for p, v in zip(parts, vectors, strict=True) if not v]
    how = k.rng.integer(0, 2)
    if how == 0 and values:
        k.give("recomposed|A_check|M_out", frames[0] @ k.wp.diag(values[0]) @ k.wp.transpose(frames[-1]))
    elif how == 1 and values:
        k.give("spectrum|principal|eigenvalues", values[0])
    elif len(frames) > 1:
        k.give("rotation|R|product", frames[0] @ (k.wp.transpose(frames[1]) if values else frames[1]))
    else:
        k.give("axes|basis|frame", frames[0])
    if values and k.rng.chance(0.4):
        k.give("condition|largest|lead", values[0][0])


_decomposition("svd3", 3, ("U", "sigma|s", "V"), (False, True, False))
_decomposition("svd2", 2, ("U", "sigma|s", "V"), (False, True, False))
_decomposition("qr3", 3, ("Q|q_mat", "R|r_mat"), (False, False))
_decomposition("eig3", 3, ("Q|vectors|modes", "d|values|lam"), (False, True))


@case("inverse", _PRECISE)
def inverse(k: Kit, t: Type) -> None:
    n = k.rng.choice((2, 3, 4))
    k.give("A_inv|inv|inv_A", k.wp.inverse(_regular(k, n, t)).within(-2.0, 2.0))


@case("inverse_approx", _PRECISE)
def inverse_approx(k: Kit, t: Type) -> None:
    n = k.rng.choice((2, 3, 4))
    k.give("A_inv|inv|approx_inv", k.wp.inverse_approx(_regular(k, n, t)).within(-2.0, 2.0))


# -- making vectors and matrices -------------------------------------------------------------------------
@case("vector", (F32, I32, F64, F16))
def vector(k: Kit, t: Type) -> None:
    n = k.rng.choice((2, 3, 3, 4, 5))
    x, y = scalar_of(k, t, 0, 4), scalar_of(k, t, 0, 4)
    parts = [k.rng.choice((x, y, x + y)) for _ in range(n)]
    how = k.rng.integer(0, 2)
    if how == 0:
        text = f"wp.vector({x.text}, length={n}, dtype={t.short})"
    elif how == 1:
        text = f"wp.vector({', '.join(p.text for p in parts)}, dtype={t.short})"
    else:
        text = f"wp.vector({', '.join(p.text for p in parts)})"
    k.give("v|packed|vec_out", Value(text, vec(n, t), 0.0, 8.0, k.author))


@case("matrix", (F32, I32, F64))
def matrix(k: Kit, t: Type) -> None:
    rows, columns = k.rng.choice(((2, 2), (2, 3), (3, 3), (3, 2)))
    x = scalar_of(k, t, 0, 3)
    if k.rng.chance(0.4):
        text = f"wp.matrix({x.text}, shape=({rows}, {columns}), dtype={t.short})"
    else:
        y = scalar_of(k, t, 0, 3)
        parts = [
            k.rng.choice((x.text, y.text, k.lit(0.0 if t.is_float else 0, t).text))
            for _ in range(rows * columns)
        ]
        parts[0] = x.text
        text = f"wp.matrix({', '.join(parts)}, shape=({rows}, {columns}))"
    k.give("M|mat_out|block", Value(text, mat(rows, columns, t), 0.0, 4.0, k.author))


@case("matrix_from_cols", _FLOATS)
def matrix_from_cols(k: Kit, t: Type) -> None:
    n = k.rng.choice((2, 3, 3))
    columns = [vector_of(k, n, t, names=f"{c}|c{i}|{c}_axis") for i, c in enumerate("uvw"[:n])]
    k.give("basis|M|frame", k.wp.matrix_from_cols(*columns))


@case("matrix_from_rows", _FLOATS)
def matrix_from_rows(k: Kit, t: Type) -> None:
    n = k.rng.choice((2, 3, 4))
    rows = [vector_of(k, n, t, names=f"r{i}|row{i}|g{i}") for i in range(k.rng.choice((2, n)))]
    k.give("A|M|jacobian", k.wp.matrix_from_rows(*rows))


@case("identity", _FLOATS)
def identity(k: Kit, t: Type) -> None:
    n = k.rng.choice((2, 3, 3, 4))
    m = matrix_of(k, mat(n, n, t))
    if k.rng.chance(0.5):
        k.give("regularized|A_reg|damped", m + identity_of(n, t, k) * k.number(0.1, 2.0))
    else:
        k.give("deviation|residual|E", (m + k.wp.transpose(m)) * 0.5 - identity_of(n, t, k))


# -- norms -----------------------------------------------------------------------------------------------
for _norm in ("norm_l1", "norm_l2", "norm_huber", "norm_pseudo_huber", "smooth_normalize"):

    @case(_norm, (F32,))
    def norm(k: Kit, t: Type, _name: str = _norm) -> None:
        v = vector_of(k, k.rng.choice((2, 3, 4)), F32)
        delta = [k.lit(k.rng.choice((0.5, 1.0, 2.0)), F32)] if "huber" in _name or "smooth" in _name else []
        delta = delta if k.rng.chance(0.5) else []
        k.give("penalty|cost|robust", getattr(k.wp, _name)(v, *delta))
