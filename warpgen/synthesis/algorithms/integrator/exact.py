"""Oscillators advanced exactly, by the exponential of their system."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.integrator import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


def _exponential(m: Any) -> Any:
    """exp(m) of stacked matrices: Taylor's series of m / 1024, squared ten times."""
    term = made = np.eye(m.shape[-1]) + 0.0 * m
    for n in range(1, 8):
        term = term @ m / (1024.0 * n)
        made = made + term
    return np.linalg.matrix_power(made, 1024)


@DOMAIN.algorithm(
    source="Hochbruck & Ostermann 2010, sec. 2.1; Van Loan 1978",
    names={
        "exponential_step": "oscillator_step|exact_oscillator|exp_integrator|harmonic_step",
        "omega": "ang_freq|omega0",
        "zeta": "damping_ratio",
        "dt": "h|step|timestep",
    },
    double=True,
    element="oscillator",
    weight=3,
)
def exponential_step(d: Draft) -> None:
    """Integrates damped oscillators with the exact solution."""
    damping = d.option("damping", "none", "under", "critical", "over", "any")
    force = d.option("force", "none", "constant", "target")
    modes = d.option("modes", "flat", "table")
    own = d.flag("own damping", 0.4) and damping not in ("none", "critical")
    energy = d.flag("energy", 0.25)
    count = d.pick(64, 96, 128)
    shape: Any = (8, 12) if modes == "table" else count
    per = 12 if modes == "table" else count
    d.input("x", "float", shape, -1.0, 1.0, about="Displacements")
    d.input("v", "float", shape, -2.0, 2.0, about="Velocities")
    d.input("omega", "float", per, 1.0, 5.0, about="Natural frequencies [rad/s]")
    low, high = {"under": (0.05, 0.6), "over": (1.5, 3.0), "any": (0.2, 2.0)}.get(damping, (0.0, 0.0))
    if high:
        if own:
            d.input("zeta", "float", per, low, high, about="Damping ratios")
        else:
            d.param("zeta", "float", low, high, about="Damping ratio")
    if force == "constant":
        d.input("force", "float", shape, -1.0, 1.0, about="Force per unit mass, constant over the step")
    elif force == "target":
        d.param("rest", "float", -0.5, 0.5, about="Rest position")
    d.param("dt", "float", 0.05, 0.4, about="Time step")
    d.output("x_new", "float", shape, about="Updated displacements")
    d.output("v_new", "float", shape, about="Updated velocities")
    if energy:
        d.output("energy", "float", shape, about="Updated energy per unit mass about the equilibrium")
    at, row = ("b, k", "k") if modes == "table" else ("tid", "tid")
    z = "ratio" if own else "zeta"
    under = f"""
    decay = {z} * w
    wd = w * wp.sqrt(1.0 - {z} * {z})
    e = wp.exp(-decay * dt)
    c = wp.cos(wd * dt)
    s = wp.sin(wd * dt) / wd
    y1 = e * (c * y0 + s * (v0 + decay * y0))
    v1 = e * (c * v0 - s * (w * w * y0 + decay * v0))
    """
    critical = """
    e = wp.exp(-w * dt)
    slope = v0 + w * y0
    y1 = e * (y0 + slope * dt)
    v1 = e * (v0 - w * slope * dt)
    """
    over = f"""
    # Overdamped: two real decay rates
    root = w * wp.sqrt({z} * {z} - 1.0)
    fast = -{z} * w - root
    slow = -{z} * w + root
    slow_part = (v0 - fast * y0) / (slow - fast) * wp.exp(slow * dt)
    fast_part = (slow * y0 - v0) / (slow - fast) * wp.exp(fast * dt)
    y1 = slow_part + fast_part
    v1 = slow * slow_part + fast * fast_part
    """
    none = """
    c = wp.cos(w * dt)
    s = wp.sin(w * dt)
    y1 = c * y0 + s / w * v0
    v1 = c * v0 - w * s * y0
    """
    any_ = f"""
    if {z} < 1.0:
        $under
    elif {z} > 1.0:
        $over
    else:
        $critical
    """
    shift = {"none": "", "constant": f"force[{at}] / (w * w)", "target": "rest"}[force]
    d.launch(*((8, 12) if modes == "table" else (count,)))
    d.code(
        """
        $ids = wp.tid()
        w = omega[$row]
        $ratio
        v0 = v[$at]
        $shift
        $body
        x_new[$at] = $end
        v_new[$at] = v1
        $energy
        """,
        ids=at,
        row=row,
        at=at,
        shift={
            "none": f"y0 = x[{at}]",
            "constant": f"# Measured relative to the equilibrium of spring and force\nbalance = {shift}\n"
            f"y0 = x[{at}] - balance",
            "target": f"y0 = x[{at}] - rest",
        }[force],
        body={"none": none, "under": under, "critical": critical, "over": over, "any": any_}[damping],
        under=under,
        over=over,
        critical=critical,
        ratio=f"ratio = zeta[{row}]" if own else "",
        end={"none": "y1", "constant": "balance + y1", "target": "rest + y1"}[force],
        energy=f"energy[{at}] = 0.5 * (v1 * v1 + w * w * y1 * y1)" if energy else "",
    )
    kind = {
        "none": "undamped",
        "under": "underdamped",
        "critical": "critically damped",
        "over": "overdamped",
        "any": "damped",
    }[damping]
    pulled = {"none": "", "constant": " under constant forces", "target": " about a rest position"}[force]
    d.says(f"Integrates {kind} oscillators{pulled} using the exact solution.")
    left = "x'' + `omega`^2 x" if damping == "none" else "x'' + 2 `zeta` `omega` x' + `omega`^2 x"
    if damping == "critical":
        left = "x'' + 2 `omega` x' + `omega`^2 x"
    right = {"none": "0", "constant": "`force`", "target": "`omega`^2 `rest`"}[force]
    d.explain(f"{left} = {right} is solved in closed form, so the step is exact for any `dt`.")

    def reference(v: Values) -> dict[str, Any]:
        w, x = np.broadcast_to(v.omega, v.x.shape), v.x
        zeta = {"none": 0.0, "critical": 1.0}.get(damping, v.get("zeta", 0.0))
        zeta = np.broadcast_to(zeta, v.x.shape)
        balance = {"none": 0.0, "constant": v.get("force", 0.0) / w**2, "target": v.get("rest", 0.0)}[force]
        system = np.zeros((*x.shape, 2, 2))
        system[..., 0, 1] = 1.0
        system[..., 1, 0], system[..., 1, 1] = -w * w, -2.0 * zeta * w
        state = np.stack([x - balance, v.v], -1)
        y = (_exponential(system * v.dt) @ state[..., None])[..., 0]
        made = {"x_new": balance + y[..., 0], "v_new": y[..., 1]}
        return made | {"energy": 0.5 * (y[..., 1] ** 2 + (w * y[..., 0]) ** 2)} if energy else made

    d.check(reference, 5e-4)
