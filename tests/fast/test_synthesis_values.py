"""Typed expressions: their text means what their range says."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warpgen.errors import SynthesisError
from warpgen.synthesis.language.author import Author
from warpgen.synthesis.language.builtins import known
from warpgen.synthesis.language.types import (
    F32,
    F64,
    I32,
    U32,
    Type,
    from_warp,
    mat,
    quat,
    spatial_vector,
    transform,
    vec,
    warp_type,
)
from warpgen.synthesis.language.values import Value, compare, literal, nonzero, product_type
from warpgen.synthesis.style.rng import Rng

AUTHOR = Author(Rng("tests"))
_STAND_IN = {
    "sin": math.sin, "cos": math.cos, "tanh": math.tanh, "exp": math.exp, "log": math.log, "sqrt": math.sqrt,
    "abs": abs, "floor": math.floor, "max": max, "min": min, "clamp": lambda x, a, b: min(max(x, a), b),
    "acos": math.acos, "asin": math.asin, "pow": math.pow, "cosh": math.cosh, "sinh": math.sinh,
}  # fmt: skip


class _Wp:
    """The scalar part of `wp`, on Python floats."""

    float32 = float
    int32 = int

    def __getattr__(self, name: str) -> object:
        return _STAND_IN[name]


def _number(draw: st.DrawFn, name: str, values: dict[str, float]) -> Value:
    lo = draw(st.floats(-50, 50))
    hi = draw(st.floats(lo, 60))
    values[name] = draw(st.floats(lo, hi))
    return Value(name, F32, lo, hi, AUTHOR)


@st.composite
def expressions(draw: st.DrawFn) -> tuple[Value, dict[str, float]]:
    """A random expression of float scalars, with values for its names inside their ranges."""
    values: dict[str, float] = {}
    pool = [_number(draw, name, values) for name in "abc"]
    for _ in range(draw(st.integers(1, 6))):
        a, b = draw(st.sampled_from(pool)), draw(st.sampled_from(pool))
        kind = draw(st.sampled_from(["+", "-", "*", "/", "-x", "call"]))
        if kind == "call":
            name = draw(
                st.sampled_from(["sin", "tanh", "exp", "log", "sqrt", "abs", "floor", "acos", "asin", "cosh"])
            )
            pool.append(known(name).write(a))
        else:
            pool.append({"+": lambda x, y: x + y, "-": lambda x, y: x - y, "*": lambda x, y: x * y,
                         "/": lambda x, y: x / y, "-x": lambda x, y: -x}[kind](a, b))  # fmt: skip
    return pool[-1], values


@given(expressions())
def test_the_value_of_an_expression_lies_in_its_range(drawn: tuple[Value, dict[str, float]]) -> None:
    """Evaluating the text with any values inside their ranges gives a result inside the claimed range."""
    expression, values = drawn
    if expression.magnitude > 1e12:
        return  # a range this wide promises nothing
    result = eval(expression.text, {"wp": _Wp(), **values})
    slack = 1e-6 * max(1.0, expression.magnitude)
    assert expression.lo - slack <= result <= expression.hi + slack


def test_parentheses_appear_only_where_precedence_asks_for_them() -> None:
    """Text keeps the meaning with the fewest parentheses that sums and products need."""
    a, b, c = (Value(n, F32, 1.0, 2.0, AUTHOR) for n in "abc")
    assert ((a + b) * c).text == "(a + b) * c"
    assert (a + b * c).text == "a + b * c"
    assert (a - (b - c)).text == "a - (b - c)"
    assert (-(a + b)).text == "-(a + b)"
    assert (a / (b * c)).text == "a / (b * c)"


def test_a_divisor_that_may_be_zero_is_guarded() -> None:
    """Division by a value whose range holds zero gets a guard; by one that does not, none."""
    x = Value("x", F32, -1.0, 1.0, AUTHOR)
    assert nonzero(x).lo > 0
    assert nonzero(Value("y", F32, 0.5, 1.0, AUTHOR)).text == "y"
    assert nonzero(Value("n", I32, 0, 8, AUTHOR)).text == "wp.max(n, 1)"


@pytest.mark.parametrize("mix", [(F32, I32), (F32, F64), (I32, U32)])
def test_types_do_not_mix(mix: tuple[Type, Type]) -> None:
    """Arithmetic between different scalar types is refused, as Warp refuses it."""
    a, b = (Value(n, t, 0.0, 1.0, AUTHOR) for n, t in zip("ab", mix, strict=True))
    with pytest.raises(SynthesisError):
        a + b
    with pytest.raises(SynthesisError):
        compare(a, "<", b)


def test_a_value_cannot_steer_the_generator() -> None:
    """Using a program value as a Python condition is an error, not a silent truth."""
    with pytest.raises(SynthesisError, match="cannot steer"):
        bool(Value("x", F32, 0.0, 1.0, AUTHOR))


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (mat(3, 3), vec(3), vec(3)),
        (mat(2, 3), mat(3, 4), mat(2, 4)),
        (quat(), quat(), quat()),
        (F32, vec(3), vec(3)),
        (vec(3), vec(3), None),
        (mat(3, 3), vec(2), None),
        (vec(3, F64), F32, None),
    ],
)
def test_products_have_the_types_that_warp_gives_them(a: Type, b: Type, expected: Type | None) -> None:
    """`product_type` knows which products exist."""
    assert product_type(a, b) is expected


@pytest.mark.parametrize(
    "t",
    [
        F32,
        U32,
        vec(3),
        vec(5),
        vec(2, F64),
        mat(2, 2),
        mat(3, 4, F64),
        quat(F64),
        transform(),
        spatial_vector(),
    ],
)
def test_types_translate_to_warp_and_back(t: Type) -> None:
    """Warp's own object for a type leads back to the same type."""
    assert from_warp(warp_type(t)) is t


def test_literals_carry_their_type() -> None:
    """A literal is spelled so that Warp infers the type it stands for."""
    plain = Author(Rng("plain"))
    plain.full_scalars = False
    assert literal(2, F32, plain).text == "2.0"
    assert literal(2, I32, plain).text == "2"
    assert literal(0.5, F64, plain).text == "wp.float64(0.5)"
    assert literal(7, U32, plain).text == "wp.uint32(7)"
