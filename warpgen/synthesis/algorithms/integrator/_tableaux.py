"""Explicit Runge-Kutta schemes and embedded pairs: their tableaux, and the schemes as texts too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

Rate = Callable[[Any], Any]


class Scheme(NamedTuple):
    """An explicit Runge-Kutta scheme: its text, and its tableau for the reference."""

    name: str
    text: str
    a: tuple[tuple[float, ...], ...]
    b: tuple[float, ...]

    def step(self, rate: Rate, y: Any, dt: Any) -> Any:
        """One step, out of the tableau."""
        k: list[Any] = []
        for row in self.a:
            k.append(rate(y + dt * sum((w * one for w, one in zip(row, k, strict=True)), 0.0 * y)))
        return y + dt * sum(w * one for w, one in zip(self.b, k, strict=True))


EULER = Scheme("Euler's", "s += dt * $f(s, $p)", ((),), (1.0,))
MIDPOINT = Scheme(
    "the midpoint",
    "half = s + 0.5 * dt * $f(s, $p)\ns += dt * $f(half, $p)",
    ((), (0.5,)),
    (0.0, 1.0),
)
HEUN = Scheme(
    "Heun's",
    "k1 = $f(s, $p)\nk2 = $f(s + dt * k1, $p)\ns += 0.5 * dt * (k1 + k2)",
    ((), (1.0,)),
    (0.5, 0.5),
)
RALSTON = Scheme(
    "Ralston's",
    """k1 = $f(s, $p)
# Ralston's method, with a minimal truncation error bound
k2 = $f(s + dt * (2.0 / 3.0) * k1, $p)
s += dt * (0.25 * k1 + 0.75 * k2)""",
    ((), (2.0 / 3.0,)),
    (0.25, 0.75),
)
SSP3 = Scheme(
    "the Shu-Osher third-order",
    """# SSP scheme: convex combination of Euler steps
s1 = s + dt * $f(s, $p)
s2 = 0.75 * s + 0.25 * (s1 + dt * $f(s1, $p))
s = (s + 2.0 * (s2 + dt * $f(s2, $p))) / 3.0""",
    ((), (1.0,), (0.25, 0.25)),
    (1.0 / 6.0, 1.0 / 6.0, 2.0 / 3.0),
)
KUTTA3 = Scheme(
    "Kutta's third-order",
    """k1 = $f(s, $p)
k2 = $f(s + 0.5 * dt * k1, $p)
k3 = $f(s + dt * (2.0 * k2 - k1), $p)
s += dt / 6.0 * (k1 + 4.0 * k2 + k3)""",
    ((), (0.5,), (-1.0, 2.0)),
    (1.0 / 6.0, 4.0 / 6.0, 1.0 / 6.0),
)
CLASSIC = Scheme(
    "the classic fourth-order",
    """k1 = $f(s, $p)
k2 = $f(s + 0.5 * dt * k1, $p)
k3 = $f(s + 0.5 * dt * k2, $p)
k4 = $f(s + dt * k3, $p)
s += dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)""",
    ((), (0.5,), (0.0, 0.5), (0.0, 0.0, 1.0)),
    (1.0 / 6.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 6.0),
)
THREE_EIGHTHS = Scheme(
    "Kutta's three-eighths",
    """k1 = $f(s, $p)
k2 = $f(s + dt / 3.0 * k1, $p)
k3 = $f(s + dt * (k2 - k1 / 3.0), $p)
k4 = $f(s + dt * (k1 - k2 + k3), $p)
s += dt / 8.0 * (k1 + 3.0 * k2 + 3.0 * k3 + k4)""",
    ((), (1.0 / 3.0,), (-1.0 / 3.0, 1.0), (1.0, -1.0, 1.0)),
    (0.125, 0.375, 0.375, 0.125),
)
SCHEMES = (EULER, MIDPOINT, HEUN, RALSTON, SSP3, KUTTA3, CLASSIC, THREE_EIGHTHS)


class Embedded(NamedTuple):
    """An embedded pair: what its step is called, tableau, weights of the solution, weights of the error."""

    name: str
    calls: str
    a: tuple[tuple[str, ...], ...]
    b: tuple[str, ...]
    error: tuple[str, ...]
    order: int


HEUN_EULER = Embedded("Heun-Euler", "heun_euler", ((), ("1.0",)), ("0.5", "0.5"), ("-0.5", "0.5"), 2)
BOGACKI = Embedded(
    "Bogacki-Shampine",
    "rk23_step",
    ((), ("0.5",), ("0.0", "0.75"), ("2.0 / 9.0", "1.0 / 3.0", "4.0 / 9.0")),
    ("2.0 / 9.0", "1.0 / 3.0", "4.0 / 9.0", "0.0"),
    ("-5.0 / 72.0", "1.0 / 12.0", "1.0 / 9.0", "-0.125"),
    3,
)
FEHLBERG = Embedded(
    "Fehlberg",
    "rkf45",
    (
        (),
        ("0.25",),
        ("3.0 / 32.0", "9.0 / 32.0"),
        ("1932.0 / 2197.0", "-7200.0 / 2197.0", "7296.0 / 2197.0"),
        ("439.0 / 216.0", "-8.0", "3680.0 / 513.0", "-845.0 / 4104.0"),
        ("-8.0 / 27.0", "2.0", "-3544.0 / 2565.0", "1859.0 / 4104.0", "-11.0 / 40.0"),
    ),
    ("16.0 / 135.0", "0.0", "6656.0 / 12825.0", "28561.0 / 56430.0", "-9.0 / 50.0", "2.0 / 55.0"),
    ("1.0 / 360.0", "0.0", "-128.0 / 4275.0", "-2197.0 / 75240.0", "0.02", "2.0 / 55.0"),
    5,
)
CASH_KARP = Embedded(
    "Cash-Karp",
    "cash_karp_step",
    (
        (),
        ("0.2",),
        ("3.0 / 40.0", "9.0 / 40.0"),
        ("0.3", "-0.9", "1.2"),
        ("-11.0 / 54.0", "2.5", "-70.0 / 27.0", "35.0 / 27.0"),
        (
            "1631.0 / 55296.0",
            "175.0 / 512.0",
            "575.0 / 13824.0",
            "44275.0 / 110592.0",
            "253.0 / 4096.0",
        ),
    ),
    ("37.0 / 378.0", "0.0", "250.0 / 621.0", "125.0 / 594.0", "0.0", "512.0 / 1771.0"),
    (
        "-277.0 / 64512.0",
        "0.0",
        "6925.0 / 370944.0",
        "-6925.0 / 202752.0",
        "-277.0 / 14336.0",
        "277.0 / 7084.0",
    ),
    5,
)
PAIRS = (HEUN_EULER, BOGACKI, FEHLBERG, CASH_KARP)


def summed(weights: tuple[str, ...]) -> str:
    """`w1 * k1 + w2 * k2 ...` without the zeros."""
    terms = ""
    for n, weight in enumerate(weights, 1):
        if weight == "0.0":
            continue
        sign = "-" if weight.startswith("-") else "+"
        bare = weight.lstrip("-")
        factor = "" if bare == "1.0" else f"({bare}) * " if "/" in bare else f"{bare} * "
        terms += f" {sign} {factor}k{n}" if terms else f"{'-' if sign == '-' else ''}{factor}k{n}"
    return terms


def number(weight: str) -> float:
    """What a weight of a pair comes to."""
    above, _, below = weight.partition(" / ")
    return float(above) / float(below or 1.0)
