"""Numbers in rows are what every reader of JSON makes of them."""

from __future__ import annotations

import json
import math

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from warpgen.numbers import encode, hasty, shorten, spell

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(FINITE)
@example(0.3)
@example(-0.0)
@example(1e-13)
@example(1 / 3)
@example(5e-324)
def test_a_spelling_is_of_the_number(number: float) -> None:
    """Readers that take no shortcut get exactly this number, its sign too."""
    for text in (spell(number), encode({"a": [number]}).decode()[6:-2]):
        assert float(text) == json.loads(text) == msgspec.json.decode(text) == number
        assert math.copysign(1.0, json.loads(text)) == math.copysign(1.0, number)
        assert isinstance(json.loads(text), float)


@pytest.mark.parametrize("places", [1, 2, 3, 4])
def test_short_numbers_survive_pandas(places: int) -> None:
    """`0.3`, and thousands more, are spelled so that its quick parser gives them back."""
    ujson_loads = pytest.importorskip("pandas.io.json").ujson_loads
    numbers = [sign * n / 10**places for n in range(1, 3000) for sign in (1, -1)]
    texts = [spell(number) for number in numbers]
    assert [ujson_loads(text) for text in texts] == [hasty(text) for text in texts] == numbers
    assert any(ujson_loads(repr(number)) != number for number in numbers)  # else this proves nothing


def test_a_spelling_is_as_short_as_can_be() -> None:
    """A number's own where it survives, else zeros at its end."""
    spelled = {0.5: "0.5", 0.3: "0.30", -0.7: "-0.700000", 1e-13: "1e-13", 1e-5: "0.00001", 3.0: "3.0"}
    assert {number: spell(number) for number in spelled} == spelled


@given(FINITE, st.booleans())
@example(0.7000000000000001, False)
@example(13 / 6, True)
def test_a_shortened_number_stays_on_its_side(number: float, up: bool) -> None:
    """Few digits, at most a millionth part off, and never beyond the bound but for rounding errors."""
    short = shorten(number, up)
    noise = 1e-11 * abs(number) + 5e-324
    assert (short >= number - noise) if up else (short <= number + noise)
    if 1e-4 < abs(number) < 1e9:
        assert abs(short - number) <= 1.1e-5 * abs(number)
        assert short.is_integer() or len(spell(short)) <= 18
        assert short.is_integer() or hasty(spell(short)) == short
    assert shorten(short, up) == short
