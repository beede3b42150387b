"""One-step and multistep schemes for small systems, one trajectory per thread."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.integrator import DOMAIN
from warpgen.synthesis.algorithms.integrator._constants import CONSTANTS
from warpgen.synthesis.algorithms.integrator._tableaux import BOGACKI, PAIRS, SCHEMES, Rate, number, summed
from warpgen.synthesis.library import dynamics
from warpgen.synthesis.library.dynamics import System
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "y": "state|states",
    "dt": "h|step|tau",
    "y_new": "state_out|y_next|states_out",
    "s": "yi|state_i|x",
}


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
            about=f"{told[name]}, per trajectory",
        )
    for name, low, high in system.constants[per_thread:]:
        d.param(name, "float", low, high, about=told[name])
    first = [f"{_plural(system)}[tid]"] if per_thread else [system.constants[0][0]]
    return system, d.use(system.rate), ", ".join(first + [n for n, _, _ in system.constants[1:]])


_STEPS = {2: 1.0, 3: 8.0, 5: 16.0}  # of a pair by its order, over those of a first-order scheme


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
    element="trajectory",
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
        d.output("path", vector, (count, steps), about="States along each trajectory")
    else:
        d.output("y_new", vector, count, about="Updated states")
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
    path = " and stores the path" if many == "path" else ""
    d.says(f"Integrates trajectories of {system.about} by {ending[many]} of {scheme.name} scheme{path}.")

    def reference(v: Values) -> dict[str, Any]:
        rate, y, path = _rate(system, v, per_thread), v.y, []
        for _ in range(1 if many == "one" else steps):
            y = scheme.step(rate, y, v.dt / steps if many == "split" else v.dt)
            path.append(y)
        return {"path": np.stack(path, 1)} if many == "path" else {"y_new": y}

    d.check(reference, 3e-4)


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
    pair = d.option("pair", *PAIRS)
    norm = d.option("norm", "length", "scaled", "greatest")
    rejected = d.flag("rejected", 0.6)
    own = d.option("dt", "each", "one")
    estimate = d.flag("estimate", 0.3)
    d.calls(f"adaptive_step|embedded_step|try_step|{pair.calls}")
    count = d.pick(64, 128)
    chosen = (
        dynamics.LORENZ,
        dynamics.VAN_DER_POL,
        dynamics.BRUSSELATOR,
        dynamics.ROESSLER,
        dynamics.PENDULUM,
    )
    system, f, p = _system(d, count, False, *chosen)
    # Steps whose errors are about the tolerance
    low, high = (_STEPS[pair.order] * h for h in system.step)
    if own == "each":
        d.input("dt", "float", count, low, high, about="Time step")
    else:
        d.param("dt", "float", low, high, about="Time step")
    d.param("tol", "float", 1e-3, 1e-2, about="Absolute tolerance")
    if norm == "scaled":
        d.param("rtol", "float", 1e-3, 1e-2, about="Relative tolerance")
    vector = f"vec{system.dimension}"
    d.output("y_new", vector, count, about="Updated states")
    d.output("dt_new", "float", count, about="Proposed step sizes")
    if estimate:
        d.output("error", "float", count, about="Error estimates divided by the tolerance")
    stages, h = "", "h" if own == "each" else "dt"
    for n, row in enumerate(pair.a, 1):
        terms = sum(w != "0.0" for w in row)
        inside = "s" if not row else f"s + {h} * ({summed(row)})" if terms > 1 else f"s + {h} * {summed(row)}"
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
        "scaled": "\n".join(["# Mixed absolute and relative tolerance", *scaled, f"ratio = {worst}"]),
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
        # Use a safety factor of 0.9 and limit the step size change to [0.2, 5]
        factor = wp.clamp(0.9 * wp.pow(wp.max(ratio, 1.0e-6), -1.0 / $order), 0.2, 5.0)
        $keep
        dt_new[tid] = $h * factor
        $estimate
        """,
        h=h,
        read="h = dt[tid]" if own == "each" else "",
        stages=stages,
        error=summed(pair.error),
        norm=norms[norm],
        order=f"{float(pair.order)}",
        keep="""
        if ratio > 1.0:
            # Rejected: keep the state and retry with a smaller step
            y_new[tid] = s
        else:
            y_new[tid] = $solution
        """
        if rejected
        else "y_new[tid] = $solution",
        solution="proposal" if pair is BOGACKI else f"s + {h} * ({summed(pair.b)})",
        estimate="error[tid] = ratio" if estimate else "",
    )
    d.says(f"Takes one adaptive step of the {pair.name} pair for {system.about}.")
    if not rejected:
        d.explain("Steps are always accepted; the error estimate only sets the next step size.")

    def reference(v: Values) -> dict[str, Any]:
        rate = _rate(system, v, False)
        h = np.broadcast_to(v.dt, count)[:, None]
        k: list[Any] = []
        for row in pair.a:
            k.append(rate(v.y + h * sum((number(w) * one for w, one in zip(row, k, strict=True)), 0.0 * v.y)))
        made = v.y + h * sum(number(w) * one for w, one in zip(pair.b, k, strict=True))
        err = h * sum(number(w) * one for w, one in zip(pair.error, k, strict=True))
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
