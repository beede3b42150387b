"""Lattice Boltzmann channels: a whole step of a D2Q9 lattice with inlet, outlet, walls and obstacles."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.stencil import DOMAIN
from warpgen.synthesis.algorithms.stencil._channel_ends import FORCED_INLET, FORCED_OUTLET, INLET, OUTLET
from warpgen.synthesis.writing.draft import Draft, Values

_CX = (0, 1, 0, -1, 0, 1, -1, -1, 1)
_CY = (0, 0, 1, 0, -1, 1, 1, -1, -1)
_OPPOSITE = (0, 3, 4, 1, 2, 7, 8, 5, 6)
_W = (4 / 9, *[1 / 9] * 4, *[1 / 36] * 4)
_WEIGHTS = ("W0", "W1", "W1", "W1", "W1", "W2", "W2", "W2", "W2")


def _factor(text: str) -> str:
    return text if text.isidentifier() else f"({text})"


def _sum(parts: list[str]) -> str:
    return " + ".join(parts)


@DOMAIN.algorithm(
    source="Zou & He 1997; Guo, Zheng & Shi 2002; Latt & Chopard 2006 (regularized); Ginzburg 2008 (TRT); Hou 1996",
    names={
        "channel_step": "lbm_step|stream_and_collide|lattice_boltzmann_step|d2q9_step",
        "f_in": "f_old|populations|f_src",
        "f_out": "f_new|populations_out|f_dst",
        "solid": "obstacle|wall_mask|is_solid",
        "omega": "inv_tau|relax",
        "inlet_velocity": "u_inlet|inflow_speed",
    },
    weight=3,
)
def channel_step(d: Draft) -> None:
    """Streams the populations of a D2Q9 channel with open ends and obstacles, and collides them."""
    collision = d.option("collision", "bgk", "trt", "regularized")
    inlet = d.option("inlet", "velocity", "pressure", "none", weights=(0.45, 0.3, 0.25))
    outlet = d.option("outlet", *OUTLET)
    if inlet == "none":
        outlet = "none"  # what leaves comes in again
    elif outlet == "none":
        outlet = "gradient"
    ends_open = inlet != "none"
    walls = d.option("walls", "bounce back", "periodic")
    obstacle = d.flag("obstacle", 0.6)
    force = d.option("force", "none", "constant", "field") if collision != "trt" else "none"
    turbulent = d.flag("smagorinsky", 0.35) if collision == "bgk" else False
    layout = d.option("layout", "direction first", "direction last")
    macros = d.option("moments", "none", "velocity", "both")
    parabola = d.flag("parabolic", 0.4) if inlet == "velocity" and walls == "bounce back" else False
    nx, ny = d.pick(8, 10), d.pick(6, 8)
    if walls == "bounce back":
        said = "D2Q9 channel " + ("with open ends" if ends_open else "periodic along x")
    else:
        said = "y-periodic D2Q9 lattice with open ends" if ends_open else "periodic D2Q9 lattice"
    said += (" and obstacles" if ends_open else " with obstacles") if obstacle else ""
    how = {"bgk": "", "trt": " using two relaxation times", "regularized": " using regularized BGK"}[
        collision
    ]
    added = ["a body force"] * (force != "none") + ["a Smagorinsky eddy viscosity"] * turbulent
    how += ", including " * bool(added) + " and ".join(added)
    d.says(f"Performs a fused stream-collide step on a {said}{how}.")
    shape = (9, nx, ny) if layout == "direction first" else (nx, ny, 9)

    def at(i: str, j: str, k: object) -> str:
        return f"{k}, {i}, {j}" if layout == "direction first" else f"{i}, {j}, {k}"

    d.input("f_in", "float", shape, 0.08, 0.14, about="Populations from the previous step")
    if obstacle:
        d.mask("solid", "int", (nx, ny), rare=True, about="Solid mask, 1 for solid cells")
    if force == "constant":
        d.param("force_x", "float", -0.005, 0.01, about="Body force along the channel, in lattice units")
        d.param("force_y", "float", -0.005, 0.005, about="Body force across the channel, in lattice units")
    elif force == "field":
        d.input("body_force", "vec2", (nx, ny), -0.01, 0.01, about="Body forces, in lattice units")
    if collision == "trt":
        d.param("omega", "float", 0.8, 1.6, about="Even relaxation rate")
        d.param("magic", "float", 0.15, 0.25, about="TRT magic parameter")
    elif turbulent:
        d.param("tau", "float", 0.55, 0.8, about="Relaxation time for the molecular viscosity")
        d.param("smagorinsky", "float", 0.1, 0.2, about="Smagorinsky constant")
    else:
        d.param("omega", "float", 0.8, 1.6, about="Relaxation rate, 1 / tau")
    if inlet == "velocity":
        d.param(
            "inlet_velocity",
            "float",
            0.02,
            0.1,
            about=f"{'Peak velocity' if parabola else 'Velocity'} at the inlet, in lattice units",
        )
    elif inlet == "pressure":
        d.param("rho_inlet", "float", 1.0, 1.1, about="Density at the inlet")
    if outlet == "pressure":
        d.param("rho_outlet", "float", 0.9, 1.0, about="Density at the outlet")
    d.param("nx", "int", nx, about="Number of cells along the channel")
    d.param("ny", "int", ny, about="Number of cells across the channel")
    d.output("f_out", "float", shape, about="Populations after the step")
    if macros == "both":
        d.output("density", "float", (nx, ny), about="Densities")
    if macros != "none":
        d.output("velocity", "vec2", (nx, ny), about="Velocities, in lattice units")
    d.module(
        "# Lattice weights for rest, axis and diagonal directions\nW0 = wp.constant(4.0 / 9.0)\nW1 = wp.constant(1.0 / 9.0)\nW2 = wp.constant(1.0 / 36.0)"
    )
    signature = "f: wp.array3d(dtype=float),\n" + ("solid: wp.array2d(dtype=int),\n" if obstacle else "")
    bounces = obstacle or walls == "bounce back"
    bounce = ""
    if walls == "bounce back":
        bounce += "# Halfway bounce-back, the wall is half a cell beyond the last fluid row\nif y_src < 0 or y_src >= ny:\n    return f[$own]\n"
    else:
        bounce += "if y_src < 0:\n    y_src += ny\nelif y_src >= ny:\n    y_src -= ny\n"
    if obstacle:
        bounce += "# Bounce-back when the upstream cell is solid\nif solid[x_src, y_src] == 1:\n    return f[$own]\n"
    d.function(
        '''
        @wp.func
        def pull(
            $signature
            i: int,
            j: int,
            k: int,
            $opposite
            cx: int,
            cy: int,
            nx: int,
            ny: int,
        ) -> float:
            """Fetch population `k` from the upstream cell$back
            $around.
            """
            x_src = i - cx
            y_src = j - cy
            if x_src < 0:
                x_src += nx
            elif x_src >= nx:
                x_src -= nx
            $bounce
            return f[$source]
        ''',
        back=", or bounce it back at a wall.\n" if bounces else ".\n",
        around="Values that wrap around along x are overwritten at the open ends"
        if ends_open
        else f"The lattice is periodic{' along x' if walls == 'bounce back' else ''}",
        signature=signature.rstrip(),
        opposite="opposite: int," if bounces else "",
        bounce=bounce.rstrip(),
        own=at("i", "j", "opposite"),
        source=at("x_src", "y_src", "k"),
    )
    d.function('''
        @wp.func
        def equilibrium(w: float, rho: float, cu: float, usq: float) -> float:
            """Equilibrium distribution to second order, w rho (1 + 3 cu + 4.5 cu^2 - 1.5 u^2)."""
            return w * rho * (1.0 + 3.0 * cu + 4.5 * cu * cu - 1.5 * usq)
    ''')
    mask = "solid, " if obstacle else ""
    lines = ["gx = body_force[i, j][0]\ngy = body_force[i, j][1]"] if force == "field" else []
    lines += ["# --- Streaming ---", f"f0 = f_in[{at('i', 'j', 0)}]"]
    for k in range(1, 9):
        opposite = f"{_OPPOSITE[k]}, " if bounces else ""
        lines.append(f"f{k} = pull(f_in, {mask}i, j, {k}, {opposite}{_CX[k]}, {_CY[k]}, nx, ny)")
    ends = []
    if ends_open:
        ends.append("# --- Open ends ---")
    speed = "inlet_velocity"
    if parabola:
        speed = "4.0 * inlet_velocity * (float(j) + 0.5) * (float(ny) - float(j) - 0.5) / float(ny * ny)"
    body = {"none": ("", ""), "constant": ("force_x", "force_y"), "field": ("gx", "gy")}[force]
    half = [f" + 0.5 * {b}" if b else "" for b in body]
    moments = ["# --- Density and velocity ---"]
    moments.append("rho = f0 + f1 + f2 + f3 + f4 + f5 + f6 + f7 + f8")
    if force != "none":
        moments.append("# Guo forcing: add half the force to the momentum for second-order accuracy")
    moments.append(f"ux = (f1 - f3 + f5 - f6 - f7 + f8{half[0]}) / rho")
    moments.append(f"uy = (f2 - f4 + f5 + f6 - f7 - f8{half[1]}) / rho")
    moments.append("usq = ux * ux + uy * uy")
    names = {
        (1, 0): "ux",
        (-1, 0): "-ux",
        (0, 1): "uy",
        (0, -1): "-uy",
        (1, 1): "ux + uy",
        (-1, -1): "-ux - uy",
        (-1, 1): "uy - ux",
        (1, -1): "ux - uy",
        (0, 0): "0.0",
    }
    cu = [names[c] for c in zip(_CX, _CY, strict=True)]
    if collision == "trt":
        hit = ["# --- TRT collision ---"]
        hit += ["# Even and odd relaxation rates satisfy (1/w+ - 1/2)(1/w- - 1/2) = magic"]
        hit += ["omega_odd = 1.0 / (0.5 + magic / (1.0 / omega - 0.5))"]
        hit += [f"f_out[{at('i', 'j', 0)}] = f0 - omega * (f0 - equilibrium(W0, rho, 0.0, usq))"]
        for a in (1, 2, 5, 6):
            b = _OPPOSITE[a]
            w = _WEIGHTS[a]
            hit += [
                f"eq_{a} = equilibrium({w}, rho, {cu[a]}, usq)",
                f"eq_{b} = equilibrium({w}, rho, {cu[b]}, usq)",
                f"even_{a} = 0.5 * omega * (f{a} + f{b} - eq_{a} - eq_{b})",
                f"odd_{a} = 0.5 * omega_odd * (f{a} - f{b} - eq_{a} + eq_{b})",
                f"f_out[{at('i', 'j', a)}] = f{a} - even_{a} - odd_{a}",
                f"f_out[{at('i', 'j', b)}] = f{b} - even_{a} + odd_{a}",
            ]
    else:
        hit = ["# --- Collision ---"]
        hit += [f"e{k} = equilibrium({_WEIGHTS[k]}, rho, {cu[k]}, usq)" for k in range(9)]
        stress = [
            "# Second moments of the non-equilibrium populations",
            "p_xx = " + _sum([f"f{k} - e{k}" for k in (1, 3, 5, 6, 7, 8)]),
            "p_yy = " + _sum([f"f{k} - e{k}" for k in (2, 4, 5, 6, 7, 8)]),
            "p_xy = f5 - e5 - (f6 - e6) + f7 - e7 - (f8 - e8)",
        ]
        if turbulent:
            hit += [
                *stress,
                "# Smagorinsky model: add an eddy viscosity for unresolved eddies",
                "stress_norm = wp.sqrt(p_xx * p_xx + p_yy * p_yy + 2.0 * p_xy * p_xy + 1.0e-12)",
                "# 25.456 = 18 sqrt(2)",
                "tau_eff = 0.5 * (tau + wp.sqrt(tau * tau + 25.455844 * smagorinsky * smagorinsky * stress_norm / rho))",
                "omega = 1.0 / tau_eff",
            ]
        regular = collision == "regularized"
        if force != "none":
            share = "0.5" if regular else "forcing"
            hit += [
                "# Guo forcing terms" + (", one half" if regular else ""),
                *([] if regular else ["forcing = 1.0 - 0.5 * omega"]),
                f"u_dot_g = ux * {body[0]} + uy * {body[1]}",
            ]
        if regular:
            hit += stress
            if force != "none":
                hit += [
                    "# Other half is added to the stress, so the non-equilibrium part carries no momentum",
                    f"p_xx += ux * {body[0]}",
                    f"p_yy += uy * {body[1]}",
                    f"p_xy += 0.5 * (ux * {body[1]} + uy * {body[0]})",
                ]
            hit += [
                "# Regularize: drop all non-equilibrium moments but the stress to suppress ghost modes",
                "keep = 4.5 * (1.0 - omega)",
                "cs2_trace = (p_xx + p_yy) / 3.0",
            ]
        for k in range(9):
            if regular:
                xx, yy, xy = _CX[k] ** 2, _CY[k] ** 2, _CX[k] * _CY[k]
                part = " + ".join(p for p, on in (("p_xx", xx), ("p_yy", yy)) if on)
                part += {0: "", 1: " + 2.0 * p_xy", -1: " - 2.0 * p_xy"}[xy]
                value = f"e{k} + keep * {_WEIGHTS[k]} * ({part} - cs2_trace)"
                value = value if part else f"e{k} - keep * {_WEIGHTS[k]} * cs2_trace"
            else:
                value = f"f{k} - omega * (f{k} - e{k})"
            if force != "none":
                cg = names[(_CX[k], _CY[k])].replace("ux", body[0]).replace("uy", body[1])
                # (-c . u) (-c . g) is (c . u) (c . g), so write the pair without signs
                ahead = _OPPOSITE[k] if cu[k].startswith("-") else k
                along = names[(_CX[ahead], _CY[ahead])].replace("ux", body[0]).replace("uy", body[1])
                term = (
                    "-3.0 * u_dot_g"
                    if k == 0
                    else f"3.0 * ({cg} - u_dot_g) + 9.0 * {_factor(cu[ahead])} * {_factor(along)}"
                )
                value += f" + {share} * {_WEIGHTS[k]} * ({term})"
            hit.append(f"f_out[{at('i', 'j', k)}] = {value}")
    empty = {
        "none": "",
        "velocity": "\n    velocity[i, j] = wp.vec2()",
        "both": "\n    density[i, j] = 0.0\n    velocity[i, j] = wp.vec2()",
    }[macros]
    keep = f"    for k in range(9):\n        f_out[{at('i', 'j', 'k')}] = f_in[{at('i', 'j', 'k')}]"
    d.launch(nx, ny)
    d.code(
        """
        i, j = wp.tid()
        $skip
        $lines
        $ends
        $inlet
        $outlet
        $moments
        $macros
        $hit
        """,
        skip=f"# Skip solid cells\nif solid[i, j] == 1:\n{keep}{empty}\n    return" if obstacle else "",
        lines="\n".join(lines),
        ends="\n".join(ends),
        inlet=(INLET | FORCED_INLET if force != "none" else INLET)[inlet],
        outlet=(OUTLET | FORCED_OUTLET if force != "none" else OUTLET)[outlet],
        gx=body[0],
        gy=body[1],
        speed=speed,
        f3=f"f_in[{at('i - 1', 'j', 3)}]",
        f6=f"f_in[{at('i - 1', 'j', 6)}]",
        f7=f"f_in[{at('i - 1', 'j', 7)}]",
        moments="\n".join(moments),
        macros={
            "none": "",
            "velocity": "velocity[i, j] = wp.vec2(ux, uy)",
            "both": "density[i, j] = rho\nvelocity[i, j] = wp.vec2(ux, uy)",
        }[macros],
        hit="\n".join(hit),
    )
    if inlet == "velocity" and not parabola:
        d.text = re.sub(r"\bu_in\b", "inlet_velocity", re.sub(r" *u_in = inlet_velocity\n", "", d.text))
    viscosity = (
        "The molecular viscosity is nu = (`tau` - 1/2) / 3"
        if turbulent
        else "The viscosity is nu = (1 / `omega` - 1/2) / 3"
    )
    d.explain(f"""
        Population 0 is at rest, 1-4 move along +x, +y, -x, -y and 5-8 along the diagonals. {viscosity}
        in lattice units.
    """)

    def reference(v: Values) -> dict[str, Any]:
        f = np.moveaxis(v.f_in, -1, 0) if layout == "direction last" else v.f_in
        solid = v.solid == 1 if obstacle else np.zeros((nx, ny), bool)
        g = np.stack([np.roll(f[k], (_CX[k], _CY[k]), (0, 1)) for k in range(9)])
        for k in range(1, 9):
            back = np.roll(solid, (_CX[k], _CY[k]), (0, 1))
            if walls == "bounce back" and _CY[k]:
                back[:, 0 if _CY[k] > 0 else -1] = True
            g[k] = np.where(back, f[_OPPOSITE[k]], g[k])

        push = np.zeros((2, nx, ny))
        if force == "constant":
            push[0], push[1] = v.force_x, v.force_y
        elif force == "field":
            push = np.moveaxis(v.body_force, -1, 0)

        def open_end(column: int, sign: int, rho: Any, u: Any) -> None:
            """Normal populations by bounce-back of the departure, diagonals from the momenta."""
            c = g[:, column]
            flux = rho * u - 0.5 * push[0, column]
            across = c[2] - c[4] + 0.5 * push[1, column]
            into = 1 if sign > 0 else 3
            c[into] = c[_OPPOSITE[into]] + sign * 2.0 / 3.0 * flux
            for k in (k for k in range(5, 9) if _CX[k] == sign):
                c[k] = c[_OPPOSITE[k]] - 0.5 * _CY[k] * across + sign * flux / 6.0

        if inlet != "none":
            c = g[:, 0]
            known = c[0] + c[2] + c[4] + 2.0 * (c[3] + c[6] + c[7]) - 0.5 * push[0, 0]
            if inlet == "velocity":
                s = (np.arange(ny) + 0.5) / ny
                u_in = v.inlet_velocity * (4.0 * s * (1.0 - s) if parabola else np.ones(ny))
                open_end(0, 1, known / (1.0 - u_in), u_in)
            else:
                open_end(0, 1, v.rho_inlet, 1.0 - known / v.rho_inlet)
        if outlet == "pressure":
            c = g[:, -1]
            known = c[0] + c[2] + c[4] + 2.0 * (c[1] + c[5] + c[8]) + 0.5 * push[0, -1]
            open_end(-1, -1, v.rho_outlet, known / v.rho_outlet - 1.0)
        elif outlet == "gradient":
            for k in (3, 6, 7):
                g[k, -1] = f[k, -2]
        c_, w = np.array([_CX, _CY], float), np.array(_W)
        rho = g.sum(0)
        u = (np.einsum("dk,kij->dij", c_, g) + 0.5 * push) / rho
        cu_ = np.einsum("dk,dij->kij", c_, u)
        eq = w[:, None, None] * rho * (1.0 + 3.0 * cu_ + 4.5 * cu_**2 - 1.5 * (u**2).sum(0))
        off = g - eq
        pi = np.einsum("ak,bk,kij->abij", c_, c_, off)
        rate = v.get("omega", 1.0)
        if turbulent:
            size = np.sqrt((pi**2).sum((0, 1)))
            rate = 2.0 / (v.tau + np.sqrt(v.tau**2 + 18.0 * np.sqrt(2.0) * v.smagorinsky**2 * size / rho))
        if collision == "trt":
            mirror = off[list(_OPPOSITE)]
            odd = 1.0 / (0.5 + v.magic / (1.0 / v.omega - 0.5))
            new = g - 0.5 * v.omega * (off + mirror) - 0.5 * odd * (off - mirror)
        elif collision == "regularized":
            q = np.einsum("ak,bk->abk", c_, c_) - np.eye(2)[:, :, None] / 3.0
            pushed = np.einsum("aij,bij->abij", u, push)
            pi = pi + 0.5 * (pushed + np.swapaxes(pushed, 0, 1))
            new = eq + (1.0 - rate) * 4.5 * w[:, None, None] * np.einsum("abk,abij->kij", q, pi)
        else:
            new = g - rate * off
        cg = np.einsum("dk,dij->kij", c_, push)
        part = 0.5 if collision == "regularized" else 1.0 - 0.5 * rate
        new = new + part * w[:, None, None] * (3.0 * (cg - (u * push).sum(0)) + 9.0 * cu_ * cg)
        new = np.where(solid, f, new)
        fluid = ~solid
        made = {"f_out": np.moveaxis(new, 0, -1) if layout == "direction last" else new}
        if macros != "none":
            made["velocity"] = np.moveaxis(u * fluid, 0, -1)
        if macros == "both":
            made["density"] = rho * fluid
        return made

    d.check(reference, 5e-4)
