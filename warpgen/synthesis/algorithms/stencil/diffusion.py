"""Diffusion: the heat equation, and reactions whose substances diffuse."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.stencil import DOMAIN
from warpgen.synthesis.algorithms.stencil.grid import NAMES, Grid, total, unit
from warpgen.synthesis.writing.draft import Draft, Values


def laplacian_text(g: Grid, name: str) -> str:
    """The sum of the neighbours less the cell as often, without 1/dx^2."""
    around = [g.at(name, *unit(axis, g.ndim, step)) for axis in range(g.ndim) for step in (-1, 1)]
    return total(around, f"- {2 * g.ndim}.0 * {g.at(name)}")


def laplacian(g: Grid, values: Any) -> Any:
    """The same in NumPy."""
    around = [g.near(values, *unit(axis, g.ndim, step)) for axis in range(g.ndim) for step in (-1, 1)]
    return sum(around) - 2 * g.ndim * g.grid(values)


@DOMAIN.algorithm(
    source="LeVeque 2007, Finite Difference Methods, ch. 9 (FTCS)",
    names=NAMES
    | {
        "heat_step": "diffuse|heat_equation|explicit_diffusion|diffuse_field",
        "u": "temperature|T|field",
        "updated": "out|result|advanced",
        "kappa": "alpha|diffusivity|thermal_diffusivity",
        "lap": "laplacian|lap_u|d2u",
        "q": "source|heat_source|forcing",
        "r": "diffusion_number|fourier_number|coef",
    },
    double=True,
    weight=3,
)
def heat_step(d: Draft) -> None:
    """Integrates the heat equation with explicit Euler."""
    g = Grid(d, d.option("dimension", 1, 2, 3, weights=(0.25, 0.5, 0.25)))
    source = d.flag("source", 0.4)
    materials = d.option("conductivity", "constant", "per cell", "radiating")
    number = d.flag("number", 0.35)
    g_u = (0.0, 4.0)
    d.input("u", "float", g.shape, *g_u, about="Temperature field")
    if materials == "per cell":
        d.input("kappa", "float", g.shape, 0.2, 1.0, about="Diffusivity per cell")
    elif not number:
        d.param("kappa", "float", 0.2, 1.0, about="Diffusivity")
    if source:
        d.input("q", "float", g.shape, -1.0, 1.0, about="Heat sources")
    about = {
        "per cell": " for spatially varying diffusivity",
        "radiating": " with linear heat loss to the surroundings",
    }
    d.says(
        "Integrates the heat equation using explicit Euler"
        + about.get(materials, "")
        + (f" {'and' if materials == 'radiating' else 'with'} heat sources." if source else ".")
    )
    if number and materials != "per cell":
        d.param("r", "float", 0.05, 0.5 / g.ndim, about="kappa dt / dx^2")
        if source or materials == "radiating":
            d.param("dt", "float", 0.01, 0.1, about="Time step")
    else:
        number = False
        d.param("dt", "float", 0.0005, 0.0015, about="Time step")
        d.param("dx", "float", 0.1, 0.2, about="Grid spacing")
    if materials == "radiating":
        d.param("loss", "float", 0.1, 1.0, about="Heat loss coefficient")
        d.param("ambient", "float", 0.0, 1.0, about="Ambient temperature")
    g.sized(d)
    d.output("updated", "float", g.shape, about="Updated field")
    u = g.at("u")
    if materials == "per cell":
        lines = [
            f"u_here = {u}",
            f"k_here = {g.at('kappa')}",
            "inflow = (",
        ]
        around = [unit(axis, g.ndim, step) for axis in range(g.ndim) for step in (-1, 1)]
        for number_, o in enumerate(around):
            sign = "+ " if number_ else ""
            flow = f"flow_from(u_here, {g.at('u', *o)}, k_here, {g.at('kappa', *o)})"
            lines.append(f"    {sign}{flow}")
        lines.append(")")
        d.function("""
            @wp.func
            def flow_from(u_here: float, u_there: float, k_here: float, k_there: float) -> float:
                # Harmonic mean of the diffusivities for a continuous flux across material interfaces
                return 2.0 * k_here * k_there / (k_here + k_there) * (u_there - u_here)
        """)
        body = "\n".join(lines)
        rate = "dt / (dx * dx) * inflow"
    else:
        body = f"lap = {laplacian_text(g, 'u')}"
        rate = "r * lap" if number else "dt * kappa * lap / (dx * dx)"
    extra = f" + dt * {g.at('q')}" if source else ""
    if materials == "radiating":
        extra += f" - dt * loss * ({u} - ambient)"
    here = "u_here" if materials == "per cell" else u
    body += f"\n{g.at('updated')} = {here} + {rate}{extra}"
    g.code(d, body, "u", border=f"{g.at('updated')} = {u}")
    kappa = "kappa" if number else "`kappa`"
    operator = f"div({kappa} grad u)" if materials == "per cell" else f"{kappa} lap(u)"
    terms = (" + `q`" if source else "") + (" - `loss` (u - `ambient`)" if materials == "radiating" else "")
    stable = "Diffusion is stable" if materials == "radiating" else "The scheme is stable"
    fourier = "`r` = kappa dt / dx^2" if number else "`kappa` * `dt` / `dx`^2"
    d.explain(f"""
        du/dt = {operator}{terms}, second order in space, first in time.
        {stable} as long as {fourier} <= 1 / {2 * g.ndim}.
    """)

    def reference(v: Values) -> dict[str, Any]:
        u = g.grid(v.u)
        if materials == "per cell":
            k = g.grid(v.kappa)
            flux = 0.0
            for axis in range(g.ndim):
                for step in (-1, 1):
                    o = unit(axis, g.ndim, step)
                    mean = 2.0 / (1.0 / k + 1.0 / g.near(v.kappa, *o))
                    flux = flux + mean * (g.near(v.u, *o) - u)
            new = u + v.dt / v.dx**2 * flux
        else:
            new = u + (v.r if number else v.kappa * v.dt / v.dx**2) * laplacian(g, v.u)
        if source:
            new = new + v.dt * g.grid(v.q)
        if materials == "radiating":
            new = new - v.dt * v.loss * (u - v.ambient)
        return {"updated": g.result(new, border=u if g.edges == "fixed" else 0.0)}

    d.check(reference)


_KINETICS: dict[str, tuple[str, str, tuple[tuple[str, float, float], ...], str]] = {
    "gray-scott": (
        "-u * v * v + feed * (1.0 - u)",
        "u * v * v - (feed + kill) * v",
        (("feed", 0.02, 0.06), ("kill", 0.05, 0.065)),
        "Gray-Scott: du/dt = Du lap(u) - u v^2 + `feed` (1 - u), dv/dt = Dv lap(v) + u v^2 - (`feed` + `kill`) v.",
    ),
    "fitzhugh-nagumo": (
        "u - u * u * u / 3.0 - v + current",
        "epsilon * (u + beta - gamma * v)",
        (("current", 0.0, 0.5), ("epsilon", 0.05, 0.1), ("beta", 0.6, 0.8), ("gamma", 0.7, 0.9)),
        "FitzHugh-Nagumo: fast membrane potential u, slow recovery variable v.",
    ),
    "brusselator": (
        "a - (b + 1.0) * u + u * u * v",
        "b * u - u * u * v",
        (("a", 0.8, 1.2), ("b", 1.5, 3.0)),
        "Brusselator: oscillates when b > 1 + a^2.",
    ),
    "schnakenberg": (
        "a - u + u * u * v",
        "b - u * u * v",
        (("a", 0.05, 0.2), ("b", 0.8, 1.0)),
        "Schnakenberg: minimal kinetics for Turing patterns with activator u and substrate v.",
    ),
}
_CONSTANTS = {
    ("gray-scott", "feed"): "Feed rate of u",
    ("gray-scott", "kill"): "Kill rate of v, in addition to the feed rate",
    ("fitzhugh-nagumo", "current"): "Applied current",
    ("fitzhugh-nagumo", "epsilon"): "Time scale ratio between potential and recovery",
    ("fitzhugh-nagumo", "beta"): "Recovery offset",
    ("fitzhugh-nagumo", "gamma"): "Recovery decay rate",
    ("brusselator", "a"): "Feed concentration of u",
    ("brusselator", "b"): "Concentration of the reactant converting u to v",
    ("schnakenberg", "a"): "Feed rate of u",
    ("schnakenberg", "b"): "Feed rate of v",
}


@DOMAIN.algorithm(
    source="Gray & Scott 1984; FitzHugh 1961; Prigogine & Lefever 1968; Schnakenberg 1979",
    names=NAMES
    | {
        "reaction_diffusion_step": "reaction_diffusion|react_and_diffuse|pattern_step|update_concentrations",
        "C": "state|uv|fields",
        "updated": "out|result|advanced",
        "current": "stimulus|I_ext",
        "lap": "laplacian|lap_c",
        "feed": "F|feed_rate",
        "kill": "kill_rate|removal",
    },
    double=True,
    weight=3,
)
def reaction_diffusion_step(d: Draft) -> None:
    """Integrates a reaction-diffusion system with explicit Euler."""
    kind = d.option("kinetics", *_KINETICS)
    called = {"gray-scott": "Gray-Scott model", "fitzhugh-nagumo": "FitzHugh-Nagumo model of excitable tissue",
              "brusselator": "Brusselator", "schnakenberg": "Schnakenberg model"}[kind]  # fmt: skip
    d.says(f"Integrates the {called} with diffusion using one explicit Euler step.")
    step = kind.replace("-", "_") + "_step"
    d.calls(
        f"{step}|excitable_medium_step|reaction_diffusion_step"
        if kind == "fitzhugh-nagumo"
        else f"{step}|reaction_diffusion_step|react_and_diffuse|update_concentrations"
    )
    ru, rv, constants, doc = _KINETICS[kind]
    g = Grid(d, 2, ("periodic", "wrap", "clamp", "mirror", "fixed"))
    packed = d.option("fields", "apart", "vec2", "in a function")
    nine = d.flag("nine", 0.35)
    if packed == "vec2":
        d.input("C", "vec2", g.shape, 0.1, 0.9, about="Fields u and v")
    else:
        d.input("U", "float", g.shape, 0.1, 0.9, about="Field u")
        d.input("V", "float", g.shape, 0.1, 0.9, about="Field v")
    # Patterns need the substrate to spread faster than the activator
    activator = kind in ("brusselator", "schnakenberg")  # u is, or v
    d.param("Du", "float", *((0.02, 0.05) if activator else (0.1, 0.2)), about="Diffusion coefficient of u")
    d.param("Dv", "float", *((0.3, 0.45) if activator else (0.05, 0.1)), about="Diffusion coefficient of v")
    for name, low, high in constants:
        d.param(name, "float", low, high, about=_CONSTANTS[kind, name])
    d.param("dt", "float", 0.1, 0.5, about="Time step")
    g.sized(d)
    ring, corner = ([(-1, 0), (1, 0), (0, -1), (0, 1)], [(-1, -1), (-1, 1), (1, -1), (1, 1)])

    def lap(name: str) -> str:
        near = [g.at(name, *o) for o in ring]
        if not nine:
            return total(near, f"- 4.0 * {g.at(name)}")
        far = [g.at(name, *o) for o in corner]
        return f"(\n    4.0 * ({' + '.join(near)})\n    + {far[0]} + {far[1]}\n    + {far[2]} + {far[3]}\n    - 20.0 * {g.at(name)}\n) / 6.0"

    names = ", ".join(name for name, _, _ in constants)
    why = "# Nine-point Laplacian for better isotropy\n" if nine else ""
    if packed == "vec2":
        d.output("updated", "vec2", g.shape, about="Updated fields")
        border = f"{g.at('updated')} = {g.at('C')}"
        body = f"""
{why}lap = {lap("C")}
c = {g.at("C")}
u = c[0]
v = c[1]
rate_u = Du * lap[0] + ({ru})
rate_v = Dv * lap[1] + ({rv})
{g.at("updated")} = c + dt * wp.vec2(rate_u, rate_v)
"""
        field = "C"
    else:
        d.output("U_new", "float", g.shape, about="Updated field u")
        d.output("V_new", "float", g.shape, about="Updated field v")
        border = f"{g.at('U_new')} = {g.at('U')}\n{g.at('V_new')} = {g.at('V')}"
        field = "U"
        body = f"u = {g.at('U')}\nv = {g.at('V')}\n{why}lap_u = {lap('U')}\nlap_v = {lap('V')}\n"
        if packed == "in a function":
            typed = ", ".join(f"{name}: float" for name, _, _ in constants)
            d.function(
                f"""
                @wp.func
                def kinetics(u: float, v: float, {typed}):
                    return {ru}, {rv}
                """
            )
            body += f"react_u, react_v = kinetics(u, v, {names})\n"
            body += f"{g.at('U_new')} = u + dt * (Du * lap_u + react_u)\n"
            body += f"{g.at('V_new')} = v + dt * (Dv * lap_v + react_v)"
        else:
            first = ru if ru.startswith("-") else f"+ {ru}"
            first = first.replace("-", "- ", 1) if first.startswith("-") else first
            body += f"{g.at('U_new')} = u + dt * (Du * lap_u {first})\n"
            body += f"{g.at('V_new')} = v + dt * (Dv * lap_v + {rv})"
    g.code(d, body, field, border=border)
    bound = "3 / (8" if nine else "1 / (4"
    d.explain(f"{doc}\nUnit grid spacing; stability requires `dt` < {bound} max(`Du`, `Dv`)).")

    def reference(v: Values) -> dict[str, Any]:
        U, V = (g.grid(v.C[..., 0]), g.grid(v.C[..., 1])) if packed == "vec2" else (g.grid(v.U), g.grid(v.V))

        def lap(c: Any) -> Any:
            near = sum(g.near(c, *o) for o in ring)
            if not nine:
                return near - 4 * c
            return (4 * near + sum(g.near(c, *o) for o in corner) - 20 * c) / 6

        if kind == "gray-scott":
            f = -U * V**2 + v.feed * (1 - U), U * V**2 - (v.feed + v.kill) * V
        elif kind == "fitzhugh-nagumo":
            f = U - U**3 / 3 - V + v.current, v.epsilon * (U + v.beta - v.gamma * V)
        elif kind == "brusselator":
            f = v.a - (v.b + 1) * U + U**2 * V, v.b * U - U**2 * V
        else:
            f = v.a - U + U**2 * V, v.b - U**2 * V
        new = U + v.dt * (v.Du * lap(U) + f[0]), V + v.dt * (v.Dv * lap(V) + f[1])
        if packed == "vec2":
            return {"updated": g.result(np.stack(new, -1).reshape((*g.shape, 2)), border=g.grid(v.C))}
        return {"U_new": g.result(new[0], border=U), "V_new": g.result(new[1], border=V)}

    d.check(reference)
