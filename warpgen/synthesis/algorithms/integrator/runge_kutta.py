"""One-step and multistep schemes for small systems, one trajectory per thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from warpgen.synthesis.algorithms.integrator import DOMAIN
from warpgen.synthesis.algorithms.integrator._constants import CONSTANTS
from warpgen.synthesis.library import dynamics
from warpgen.synthesis.library.dynamics import System
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "y": "state|states",
    "dt": "h|step|tau",
    "y_new": "state_out|y_next|states_out",
    "s": "yi|state_i|x",
}
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
# Ralston's method: minimizes the bound on the truncation error
k2 = $f(s + dt * (2.0 / 3.0) * k1, $p)
s += dt * (0.25 * k1 + 0.75 * k2)""",
    ((), (2.0 / 3.0,)),
    (0.25, 0.75),
)
SSP3 = Scheme(
    "Shu's and Osher's third-order",
    """# SSP scheme, a convex combination of Euler steps
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


def _system(d: Draft, count: int, per_thread: bool, *systems: System) -> tuple[System, str, str]:
    """The system, its function and the constants that it is called with; declares the state and them."""
    system = d.option("system", *(systems or dynamics.SYSTEMS))
    vector = f"vec{system.dimension}"
    d.input("y", vector, count, system.low, system.high, about="States")
    told = CONSTANTS[system.rate.name]
    if per_thread:
        name, low, high = system.constants[0]
        d.input(
            _plural(system),
            "float",
            count,
            low,
            high,
            about=f"{told[name]}, for each trajectory",
        )
    for name, low, high in system.constants[per_thread:]:
        d.param(name, "float", low, high, about=told[name])
    first = [f"{_plural(system)}[tid]"] if per_thread else [system.constants[0][0]]
    return system, d.use(system.rate), ", ".join(first + [n for n, _, _ in system.constants[1:]])


def _plural(system: System) -> str:
    """What an array of the first constant is called."""
    name = system.constants[0][0]
    return f"{name}s" if len(name) > 1 else f"{name}_values"


def _rate(system: System, v: Values, per_thread: bool) -> Rate:
    values = dict(v)
    if per_thread:
        values[system.constants[0][0]] = v[_plural(system)]
    return lambda y: system.of(y, values)


@DOMAIN.algorithm(
    source="Hairer, Nørsett & Wanner 1993, ch. II.1; Shu & Osher 1988",
    names=_NAMES
    | {"integrate_ensemble": "rk_step|integrate|advance|time_step", "steps": "num_steps|n_steps|substeps"},
    weight=3,
)
def integrate_ensemble(d: Draft) -> None:
    """Integrates an ensemble of trajectories with an explicit Runge-Kutta scheme."""
    scheme = d.option("scheme", *SCHEMES)
    per_thread = d.flag("per thread", 0.4)
    many = d.option("steps", "one", "path", "split")
    if many == "path":
        d.calls("integrate_ensemble|integrate_paths|rk_trajectories|trace_trajectories")
    count = d.pick(64, 128, 256)
    system, f, p = _system(d, count, per_thread)
    vector = f"vec{system.dimension}"
    d.param("dt", "float", *system.step, about="Time step")
    steps = d.pick(3, 4, 6)
    if many == "path":
        d.output("path", vector, (count, steps), about="States along the trajectory")
    else:
        d.output("y_new", vector, count, about="States after the step")
    step = scheme.text.replace("$f", f).replace("$p", p)
    if many != "one":
        d.module(f"{'SUBSTEPS' if many == 'split' else 'STEPS'} = wp.constant({steps})")
    text = {
        "one": "$step",
        "path": "for n in range(STEPS):\n    $step\n    path[tid, n] = s",
        "split": "h = dt / float(SUBSTEPS)\nfor n in range(SUBSTEPS):\n    $step\ny_new[tid] = s",
    }[many]
    d.launch(count)
    if many == "split":
        step = step.replace("dt", "h")
    elif many == "one":
        step = f"\n{step}".replace("\ns += ", "\ny_new[tid] = s + ").replace("\ns = ", "\ny_new[tid] = ")
    d.code("tid = wp.tid()\ns = y[tid]\n$rest", rest=text, step=step)
    ending = {"one": "one step", "path": f"{steps} steps", "split": f"{steps} substeps"}
    path = " and keeps the path" if many == "path" else ""
    d.says(f"Integrates trajectories of {system.about} by {ending[many]} of {scheme.name} scheme{path}.")

    def reference(v: Values) -> dict[str, Any]:
        rate, y, path = _rate(system, v, per_thread), v.y, []
        for _ in range(1 if many == "one" else steps):
            y = scheme.step(rate, y, v.dt / steps if many == "split" else v.dt)
            path.append(y)
        return {"path": np.stack(path, 1)} if many == "path" else {"y_new": y}

    d.check(reference, 3e-4)


class Embedded(NamedTuple):
    """An embedded pair: tableau, weights of the solution, weights of the error."""

    name: str
    a: tuple[tuple[str, ...], ...]
    b: tuple[str, ...]
    error: tuple[str, ...]
    order: int


HEUN_EULER = Embedded("Heun-Euler", ((), ("1.0",)), ("0.5", "0.5"), ("-0.5", "0.5"), 2)
BOGACKI = Embedded(
    "Bogacki-Shampine",
    ((), ("0.5",), ("0.0", "0.75"), ("2.0 / 9.0", "1.0 / 3.0", "4.0 / 9.0")),
    ("2.0 / 9.0", "1.0 / 3.0", "4.0 / 9.0", "0.0"),
    ("-5.0 / 72.0", "1.0 / 12.0", "1.0 / 9.0", "-0.125"),
    3,
)
FEHLBERG = Embedded(
    "Fehlberg",
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


def _sum(weights: tuple[str, ...]) -> str:
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


def _number(weight: str) -> float:
    above, _, below = weight.partition(" / ")
    return float(above) / float(below or 1.0)


@DOMAIN.algorithm(
    source="Hairer, Nørsett & Wanner 1993, ch. II.4; Bogacki & Shampine 1989; Cash & Karp 1990",
    names=_NAMES
    | {
        "err": "error|e|local_error",
        "dt_new": "h_new|next_dt|step_out",
        "tol": "tolerance|atol|eps",
        "ratio": "scaled|err_norm|norm",
        "factor": "scale|growth|fac",
    },
    adjoint="no",
)
def adaptive_step(d: Draft) -> None:
    """Takes an adaptive step of an embedded Runge-Kutta pair."""
    pair = d.option("pair", HEUN_EULER, BOGACKI, FEHLBERG, CASH_KARP)
    norm = d.option("norm", "length", "scaled", "greatest")
    rejected = d.flag("rejected", 0.6)
    own = d.option("dt", "each", "one")
    estimate = d.flag("estimate", 0.3)
    d.calls(
        "adaptive_step|embedded_step|try_step|"
        + {HEUN_EULER: "heun_euler", BOGACKI: "rk23_step", FEHLBERG: "rkf45", CASH_KARP: "cash_karp_step"}[
            pair
        ]
    )
    count = d.pick(64, 128)
    chosen = (
        dynamics.LORENZ,
        dynamics.VAN_DER_POL,
        dynamics.BRUSSELATOR,
        dynamics.ROESSLER,
        dynamics.PENDULUM,
    )
    system, f, p = _system(d, count, False, *chosen)
    if own == "each":
        d.input("dt", "float", count, 2.0 * system.step[0], 2.0 * system.step[1], about="Time step")
    else:
        d.param("dt", "float", 2.0 * system.step[0], 2.0 * system.step[1], about="Time step")
    d.param("tol", "float", 1e-3, 1e-2, about="Absolute tolerance")
    if norm == "scaled":
        d.param("rtol", "float", 1e-3, 1e-2, about="Relative tolerance")
    vector = f"vec{system.dimension}"
    d.output("y_new", vector, count, about="States after the step")
    d.output("dt_new", "float", count, about="Proposed step sizes")
    if estimate:
        d.output("error", "float", count, about="Error estimates relative to the tolerance")
    stages, h = "", "h" if own == "each" else "dt"
    for n, row in enumerate(pair.a, 1):
        terms = sum(w != "0.0" for w in row)
        inside = "s" if not row else f"s + {h} * ({_sum(row)})" if terms > 1 else f"s + {h} * {_sum(row)}"
        if pair is BOGACKI and n == 4:  # its last stage is at the solution
            stages += f"proposal = {inside}\n"
            inside = "proposal"
        stages += f"k{n} = {f}({inside}, {p})\n"
    worst = "e0"
    for n in range(1, system.dimension):
        worst = f"wp.max({worst}, e{n})"
    scaled = [f"e{n} = wp.abs(err[{n}]) / (tol + rtol * wp.abs(s[{n}]))" for n in range(system.dimension)]
    norms = {
        "length": "ratio = wp.length(err) / tol",
        "scaled": "\n".join(["# Mixed tolerance: tol + rtol * |y|", *scaled, f"ratio = {worst}"]),
        "greatest": "ratio = wp.max(wp.abs(err)) / tol",
    }
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        s = y[tid]
        $read
        $stages
        err = $h * ($error)
        $norm
        # Safety factor of 0.9, and limit the change of the step size to [0.2, 5]
        factor = wp.clamp(0.9 * wp.pow(wp.max(ratio, 1.0e-6), -1.0 / $order), 0.2, 5.0)
        $keep
        dt_new[tid] = $h * factor
        $estimate
        """,
        h=h,
        read="h = dt[tid]" if own == "each" else "",
        stages=stages,
        error=_sum(pair.error),
        norm=norms[norm],
        order=f"{float(pair.order)}",
        keep="""
        if ratio > 1.0:
            # Rejected, keep the state and retry with the smaller step
            y_new[tid] = s
        else:
            y_new[tid] = $solution
        """
        if rejected
        else "y_new[tid] = $solution",
        solution="proposal" if pair is BOGACKI else f"s + {h} * ({_sum(pair.b)})",
        estimate="error[tid] = ratio" if estimate else "",
    )
    d.says(f"Takes an adaptive step of the {pair.name} pair for {system.about}.")
    if not rejected:
        d.explain("Every step is taken; the error sets the length of the next one alone.")

    def reference(v: Values) -> dict[str, Any]:
        rate = _rate(system, v, False)
        h = np.broadcast_to(v.dt, count)[:, None]
        k: list[Any] = []
        for row in pair.a:
            k.append(
                rate(v.y + h * sum((_number(w) * one for w, one in zip(row, k, strict=True)), 0.0 * v.y))
            )
        made = v.y + h * sum(_number(w) * one for w, one in zip(pair.b, k, strict=True))
        err = h * sum(_number(w) * one for w, one in zip(pair.error, k, strict=True))
        if norm == "length":
            ratio = np.linalg.norm(err, axis=-1) / v.tol
        elif norm == "greatest":
            ratio = np.abs(err).max(axis=-1) / v.tol
        else:
            ratio = (np.abs(err) / (v.tol + v.rtol * np.abs(v.y))).max(axis=-1)
        factor = np.clip(0.9 * np.maximum(ratio, 1e-6) ** (-1.0 / pair.order), 0.2, 5.0)
        if rejected:
            made = np.where((ratio > 1.0)[:, None], v.y, made)
        found = {"y_new": made}
        # where the stages nearly cancel, rounding is all that the error consists of
        clear = ratio > 0.05
        return found if not clear.all() else found | {"dt_new": h[:, 0] * factor}

    def bounded(before: Values, after: Values) -> None:
        h = np.broadcast_to(before.dt, count)
        assert ((after.dt_new >= 0.19 * h) & (after.dt_new <= 5.01 * h)).all(), "steps change too fast"
        if estimate:
            assert (after.error >= 0.0).all(), "an error is negative"
            grown = after.dt_new > 1.01 * h
            assert (after.error[grown] < 1.0).all(), "a step grew though its error was too large"

    d.check(reference, 2e-3)
    d.holds(bounded)
