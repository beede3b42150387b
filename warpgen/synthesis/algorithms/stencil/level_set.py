"""Fronts: level sets that move, and become distances again."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.stencil import DOMAIN
from warpgen.synthesis.algorithms.stencil.grid import NAMES, Grid, total, unit
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Osher & Sethian 1988; Sussman, Smereka & Osher 1994",
    names=NAMES
    | {
        "level_set_step": "evolve_level_set|update_level_set|upwind_level_set",
        "phi": "level_set|lsf",
        "updated": "out|result|advanced",
        "speed": "F|normal_speed",
        "grad_norm": "slope|steepness",
        "sign": "s|sgn",
    },
    double=True,
    weight=3,
)
def level_set_step(d: Draft) -> None:
    """Evolves a level set in normal direction using the Osher-Sethian upwind scheme."""
    task = d.option("task", "constant speed", "speed field", "reinitialise")
    g = Grid(d, d.option("dimension", 2, 3), ("periodic", "clamp", "clamp func", "wrap", "fixed", "interior"))
    smooth = d.option("sign", "peng", "sussman") if task == "reinitialise" else ""
    outward = d.flag("outward") if task == "constant speed" else False
    if task == "reinitialise":
        d.calls("reinitialize_level_set|redistance|redistance_step")
        d.says("Performs one reinitialization step of a level set toward a signed distance function.")
    elif task == "constant speed":
        way = "outwards" if outward else "inwards"
        d.says(f"Moves a front {way} at constant speed using the Osher-Sethian upwind scheme.")
    d.input("phi", "float", g.shape, -1.0, 1.0, about="Level set function")
    if task == "speed field":
        d.input("speed", "float", g.shape, -1.0, 1.0, about="Front speed in the normal direction")
    elif task == "constant speed":
        low, high, sign_ = (0.2, 1.0, "positive") if outward else (-1.0, -0.2, "negative")
        d.param("speed", "float", low, high, about=f"Normal front speed, {sign_}")
    d.param("dt", "float", 0.01, 0.05, about="Time step")
    d.param("dx", "float", 0.2, 0.5, about="Grid spacing")
    g.sized(d)
    d.output("updated", "float", g.shape, about="Updated level set")
    lines = [f"p = {g.at('phi')}"]
    grow: list[str] = []
    shrink: list[str] = []
    for axis in range(g.ndim):
        c = "xyz"[axis]
        back, ahead = g.at("phi", *unit(axis, g.ndim, -1)), g.at("phi", *unit(axis, g.ndim, 1))
        lines += [f"back_{c} = (p - {back}) / dx", f"ahead_{c} = ({ahead} - p) / dx"]
    for axis in range(g.ndim):
        c = "xyz"[axis]
        plus = f"wp.max(back_{c}, 0.0) ** 2.0 + wp.min(ahead_{c}, 0.0) ** 2.0"
        minus = f"wp.min(back_{c}, 0.0) ** 2.0 + wp.max(ahead_{c}, 0.0) ** 2.0"
        grow.append(plus)
        shrink.append(minus)
    floor, why = "1.0e-6", "# Small offset keeps the gradient of sqrt() finite at zero"
    if task == "constant speed":
        lines.append(
            f"# The front moves {'outward' if outward else 'inward'}, so use these upwind differences"
        )
        lines.append(f"norm_sq = {total(grow if outward else shrink)}")
    else:
        lines += [f"grow = {total(grow)}", f"shrink = {total(shrink)}"]
    if task == "constant speed":
        lines += [
            why,
            f"grad_norm = wp.sqrt(norm_sq + {floor})",
            f"{g.at('updated')} = p - dt * speed * grad_norm",
        ]
    elif task == "speed field":
        lines += [
            f"f = {g.at('speed')}",
            "# Choose upwind differences based on the sign of the speed",
            "grad_sq = grow if f > 0.0 else shrink",
            why,
            f"grad_norm = wp.sqrt(grad_sq + {floor})",
            f"{g.at('updated')} = p - dt * f * grad_norm",
        ]
    else:
        lines += ["grad_sq = grow if p > 0.0 else shrink", why, f"grad_norm = wp.sqrt(grad_sq + {floor})"]
        if smooth == "sussman":
            lines.append("sign = p / wp.sqrt(p * p + dx * dx)")
        else:
            lines.append("# Smoothed sign function to avoid moving the interface (Peng et al. 1999)")
            lines.append("sign = p / wp.sqrt(p * p + grad_norm * grad_norm * dx * dx)")
        lines.append(f"{g.at('updated')} = p - dt * sign * (grad_norm - 1.0)")
    g.code(d, "\n".join(lines), "phi", border=f"{g.at('updated')} = {g.at('phi')}")
    law = "sgn(phi) (|grad phi| - 1)" if task == "reinitialise" else "`speed` |grad phi|"
    d.explain(f"dphi/dt + {law} = 0, first order in space and time, with phi < 0 inside.")

    def reference(v: Values) -> dict[str, Any]:
        p = g.grid(v.phi)
        up: Any = 0.0
        down: Any = 0.0
        for axis in range(g.ndim):
            a = (p - g.near(v.phi, *unit(axis, g.ndim, -1))) / v.dx
            b = (g.near(v.phi, *unit(axis, g.ndim, 1)) - p) / v.dx
            up = up + np.clip(a, 0, None) ** 2 + np.clip(b, None, 0) ** 2
            down = down + np.clip(a, None, 0) ** 2 + np.clip(b, 0, None) ** 2
        f = p if task == "reinitialise" else np.broadcast_to(v.speed, v.phi.shape).reshape(p.shape)
        grad = np.sqrt(np.where(f > 0, up, down) + 1e-6)
        if task == "reinitialise":
            width = v.dx if smooth == "sussman" else grad * v.dx
            new = p - v.dt * p / np.hypot(p, width) * (grad - 1)
        else:
            new = p - v.dt * f * grad
        return {"updated": g.result(new, border=p if g.edges == "fixed" else 0.0)}

    d.check(reference)
