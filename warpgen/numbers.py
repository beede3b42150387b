"""JSON whose numbers every reader gives back, the ones that take a shortcut too.

pandas, and `datasets` with it, read a number digit by digit in floating point and multiply by a power of
ten: of `0.3` they make 0.30000000000000004, of `0.30` what it is. So a number gets the shortest spelling that
comes out right both ways: as a rule its own, else with zeros at its end. What has sixteen digits has none, so
bounds that nobody needs so exact are shortened where they are born.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

import msgspec

_PLACES = 15  # behind the point; such a reader drops what comes after
_POWERS = tuple(float(f"1e-{places}") for places in range(_PLACES + 1))
_DIGITS = 6  # of a shortened number: nobody writes more by hand
_NOISE = 1e-12  # relative: what is nearer to a short number than this is meant to be it
_SHIFT = 6  # of the point, where zeros do not help


def encode(value: Any) -> bytes:
    """The value as JSON, like msgspec's but for the spelling of floats."""
    return msgspec.json.encode(_spelled(msgspec.to_builtins(value)))


def spell(number: float) -> str:
    """The shortest spelling that every reader takes for this number; its own where there is none."""
    own = msgspec.json.encode(number).decode()
    return own if not math.isfinite(number) or hasty(own) == number else _longer(number) or own


@functools.lru_cache(maxsize=1 << 12)
def _longer(number: float) -> str:
    fitting = (text for text in _spellings(number) if float(text) == number == hasty(text))
    return min(fitting, key=lambda text: ("e" in text, len(text)), default="")


def shorten(number: float, up: bool) -> float:
    """A number of few digits: the same but for rounding errors, or else a neighbour.

    Where there is none, it is just above, if `up`, or just below.
    """
    if not math.isfinite(number) or number.is_integer():  # whole numbers count things
        return number
    near = float(f"{number:.{_DIGITS}g}")
    if abs(near - number) <= _NOISE * abs(number):
        return near
    exact = Decimal(number)
    step = Decimal((0, (1,), exact.adjusted() - _DIGITS + 1))
    return float(exact.quantize(step, rounding=ROUND_CEILING if up else ROUND_FLOOR))


@functools.lru_cache(maxsize=1 << 14)  # the same few numbers stand in all rows
def hasty(text: str) -> float:
    """What a reader that takes the shortcut makes of a JSON number."""
    mantissa, _, exponent = text.lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = 0.0
    for digit in fraction[:_PLACES]:
        digits = digits * 10.0 + int(digit)
    size = int(whole) + digits * _POWERS[min(len(fraction), _PLACES)]
    sign = -1.0 if text.startswith("-") else 1.0
    return sign * size * (math.pow(10.0, int(exponent)) if exponent else 1.0)


def _spellings(number: float) -> Iterator[str]:
    """Zeros at the end, then an exponent for a point that is moved."""
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    assert isinstance(exponent, int)  # else it is no number
    for shift in range(-_SHIFT, _SHIFT + 1):
        least = max(0, shift - exponent)
        for places in range(max(least, 0 if shift else 1), _PLACES + 1):
            moved = Decimal((sign, digits, exponent - shift))
            if moved.adjusted() <= _PLACES:
                yield f"{moved:.{places}f}" + (f"e{shift}" if shift else "")


def _spelled(value: Any) -> Any:
    if isinstance(value, float):
        return msgspec.Raw(spell(value).encode())
    if isinstance(value, dict):
        return {name: inner if type(inner) in _PLAIN else _spelled(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [inner if type(inner) in _PLAIN else _spelled(inner) for inner in value]
    return value


_PLAIN = frozenset((str, int, bool, type(None)))  # most values: nothing in them to spell
