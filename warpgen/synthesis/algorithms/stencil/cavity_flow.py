"""Lattice Boltzmann flow in space: a whole step of a D3Q19 lattice with walls, a moving lid and body forces."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.stencil import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_C = sorted(
    (c for c in itertools.product((-1, 0, 1), repeat=3) if sum(map(abs, c)) <= 2),
    key=lambda c: (sum(map(abs, c)), [abs(x) for x in c][::-1], [-x for x in c]),
)
_OPPOSITE = [_C.index((-x, -y, -z)) for x, y, z in _C]
_W = [(1 / 3, 1 / 18, 1 / 36)[sum(map(abs, c))] for c in _C]
_WEIGHT = [("W0", "W1", "W2")[sum(map(abs, c))] for c in _C]


def _along(c: tuple[int, ...], names: tuple[str, str, str]) -> str:
    """The product of a direction with a vector that is written by components."""
    text = "".join(f" {'+' if x > 0 else '-'} {name}" for x, name in zip(c, names, strict=True) if x)
    text = text.removeprefix(" + ")
    return f"-{text[3:]}" if text.startswith(" - ") else text or "0.0"


def _factor(text: str) -> str:
    return text if text.isidentifier() else f"({text})"


@DOMAIN.algorithm(
    source="Qian, d'Humières & Lallemand 1992; Guo, Zheng & Shi 2002; Ladd 1994 (moving walls); Ginzburg 2008 (TRT)",
    names={
        "cavity_step": "lbm_step_3d|stream_collide_d3q19|lattice_step|d3q19_step",
        "f_in": "f_old|populations|f_src",
        "f_out": "f_new|populations_out|f_dst",
        "solid": "obstacle|wall_mask|is_solid",
        "omega": "inv_tau|relax",
        "lid_velocity": "u_lid|wall_velocity",
        "usq": "u_sq|u2",
        "direction": "q_dir|link",
    },
    weight=2,
)
def cavity_step(d: Draft) -> None:
    """Streams the populations of a D3Q19 lattice between walls and collides them."""
    collision = d.option("collision", "bgk", "trt", "regularized")
    walls = d.option("walls", "box", "channel", "periodic")
    lid = d.flag("lid", 0.6) if walls == "box" else False
    obstacle = d.flag("obstacle", 0.5)
    force = (
        d.option("force", "none", "guo", "shift") if collision == "bgk" else d.option("force", "none", "guo")
    )
    # The shift adds the force for the time that the populations relax with, which an eddy viscosity changes
    turbulent = d.flag("smagorinsky", 0.35) if collision == "bgk" and force != "shift" else False
    layout = d.option("layout", "direction first", "direction last", "flat")
    macros = d.option("moments", "none", "velocity", "both")
    if walls != "box":
        d.calls("lbm_step_3d|stream_collide_d3q19|lattice_step|d3q19_step")
    around = (" and obstacles" if lid and walls == "box" else " with obstacles") if obstacle else ""
    place = {
        "box": "D3Q19 lattice in a box with a moving lid" if lid else "D3Q19 lattice in a closed box",
        "channel": "D3Q19 lattice between two plates",
        "periodic": "periodic D3Q19 lattice",
    }[walls]
    said = {"bgk": "", "trt": " using two relaxation times", "regularized": " using regularized BGK"}[
        collision
    ]
    added = ["a body force"] * (force != "none") + ["a Smagorinsky eddy viscosity"] * turbulent
    said += ", including " * bool(added) + " and ".join(added)
    d.says(f"Performs a fused stream-collide step on a {place}{around}{said}.")
    n = d.pick(5, 6)
    cells = n**3
    shape: Any = {"direction first": (19, n, n, n), "direction last": (n, n, n, 19), "flat": 19 * cells}[
        layout
    ]

    def at(k: object, x: str = "i", y: str = "j", z: str = "k") -> str:
        if layout == "direction first":
            return f"{k}, {x}, {y}, {z}"
        if layout == "direction last":
            return f"{x}, {y}, {z}, {k}"
        if x == "i" and k in (0, 1):
            return "cells + cell" if k else "cell"
        return f"{k} * cells + cell" if x == "i" else f"{k} * n * n * n + ({x} * n + {y}) * n + {z}"

    d.input("f_in", "float", shape, 0.04, 0.07, about="Distribution functions")
    if obstacle:
        d.mask("solid", "bool", (n, n, n), rare=True, about="True for solid cells")
    if force != "none":
        d.param("body_force", "vec3", -0.01, 0.01, about="Body force, in lattice units")
    if lid:
        d.param(
            "lid_velocity",
            "vec2",
            -0.1,
            0.1,
            about="Lid velocity along x and y (lid at the upper z boundary)",
        )
    if turbulent:
        d.param("tau", "float", 0.55, 0.8, about="Relaxation time for the molecular viscosity")
        d.param("smagorinsky", "float", 0.1, 0.2, about="Smagorinsky constant")
    else:
        d.param("omega", "float", 0.8, 1.6, about="Relaxation rate, 1 / tau")
    if collision == "trt":
        d.param("magic", "float", 0.15, 0.25, about="TRT magic parameter")
    d.param("n", "int", n, about="Number of cells along each axis")
    d.output("f_out", "float", shape, about="Updated distribution functions")
    if macros == "both":
        d.output("density", "float", (n, n, n), about="Densities")
    if macros != "none":
        before = " before the force acts" if force == "shift" else ""
        d.output("velocity", "vec3", (n, n, n), about=f"Velocities{before}, in lattice units")
    d.module(
        "# Lattice weights (rest, axis, diagonal)\nW0 = wp.constant(1.0 / 3.0)\nW1 = wp.constant(1.0 / 18.0)\nW2 = wp.constant(1.0 / 36.0)"
    )
    closed = {"box": "xyz", "channel": "z", "periodic": ""}[walls]
    source = []
    for letter in "xyz":
        if letter not in closed:
            source.append(f"if {letter} < 0:\n    {letter} += n\nelif {letter} >= n:\n    {letter} -= n")
    beyond = " or ".join(f"{a} < 0 or {a} >= n" for a in closed)
    beyond = beyond.removesuffix(" or z >= n") if lid else beyond  # where the lid is
    if lid:
        source.append(
            "# Moving lid adds momentum (Ladd), assuming a density close to one\nif z >= n:\n"
            "    cu_lid = float(cx) * lid_velocity[0] + float(cy) * lid_velocity[1]\n"
            f"    return f[{at('opposite', 'i0', 'j0', 'k0')}] + 6.0 * w * cu_lid"
        )
    if beyond:
        source.append(
            f"# Halfway bounce-back at the walls\nif {beyond}:\n    return f[{at('opposite', 'i0', 'j0', 'k0')}]"
        )
    if obstacle:
        source.append(
            f"# Bounce back from solid cells\nif solid[x, y, z]:\n    return f[{at('opposite', 'i0', 'j0', 'k0')}]"
        )
    bounces = bool(closed) or obstacle
    kind = "wp.array(dtype=float)" if layout == "flat" else "wp.array4d(dtype=float)"
    heads = [f"f: {kind}"] + (["solid: wp.array3d(dtype=bool)"] if obstacle else [])
    heads += [
        "i0: int",
        "j0: int",
        "k0: int",
        "direction: int",
        *(["opposite: int"] if bounces else []),
        "cx: int",
        "cy: int",
        "cz: int",
        "n: int",
    ]
    heads += ["w: float", "lid_velocity: wp.vec2"] if lid else []
    d.function(
        '''
        @wp.func
        def pull(
            $heads
        ) -> float:
            """$fetch"""
            x = i0 - cx
            y = j0 - cy
            z = k0 - cz
            $source
            return f[$there]
        ''',
        fetch="Fetch a population from the upstream cell, or bounce it back at a wall."
        if bounces
        else "Fetch a population from the upstream cell of the periodic lattice.",
        heads="\n".join(f"{h}," for h in heads),
        source="\n".join(source),
        there=at("direction", "x", "y", "z"),
    )
    d.function('''
        @wp.func
        def equilibrium(w: float, rho: float, cu: float, usq: float) -> float:
            """Second-order Maxwell distribution, w rho (1 + 3 cu + 4.5 cu^2 - 1.5 u^2)."""
            return w * rho * (1.0 + 3.0 * cu + 4.5 * cu * cu - 1.5 * usq)
    ''')
    mask = "solid, " if obstacle else ""
    lines = ["# --- Streaming ---", f"f0 = f_in[{at(0)}]"]
    for q in range(1, 19):
        more = f", {_WEIGHT[q]}, lid_velocity" if lid else ""
        link = f"{q}, {_OPPOSITE[q]}" if bounces else f"{q}"
        lines.append(f"f{q} = pull(f_in, {mask}i, j, k, {link}, {', '.join(map(str, _C[q]))}, n{more})")
    lines.append("# --- Density and velocity ---")
    lines.append("rho = " + " + ".join(f"f{q}" for q in range(10)))
    lines.append("rho += " + " + ".join(f"f{q}" for q in range(10, 19)))
    names = ("ux", "uy", "uz")
    if force == "guo":
        lines.append("# Add half the force for second-order accuracy in time")
    for a, u in enumerate(names):
        terms = "".join(f" {'+' if _C[q][a] > 0 else '-'} f{q}" for q in range(19) if _C[q][a]).removeprefix(
            " + "
        )
        half = f" + 0.5 * body_force[{a}]" if force == "guo" else ""
        lines.append(f"{u} = ({terms}{half}) / rho")
    if macros == "both":
        lines.append("density[i, j, k] = rho")
    if macros != "none":
        lines.append("velocity[i, j, k] = wp.vec3(ux, uy, uz)")
    if force == "shift":
        lines.append("# Shift the equilibrium velocity by the force")
        lines.append("shift = 1.0 / (omega * rho)")
        lines += [f"{u} += shift * body_force[{a}]" for a, u in enumerate(names)]
    lines.append("usq = ux * ux + uy * uy + uz * uz")
    pushed = [
        "gx = body_force[0]\ngy = body_force[1]\ngz = body_force[2]",
        "u_dot_g = ux * gx + uy * gy + uz * gz",
    ]
    regular = collision == "regularized"
    if collision == "trt":
        lines += [
            "# --- TRT collision, (1/w+ - 1/2)(1/w- - 1/2) = magic ---",
            "omega_odd = 1.0 / (0.5 + magic / (1.0 / omega - 0.5))",
        ]
        if force == "guo":
            lines += [
                "# Guo forcing terms, also split into even and odd parts",
                "even_force = 1.0 - 0.5 * omega",
                "odd_force = 3.0 * (1.0 - 0.5 * omega_odd)",
                *pushed,
            ]
        rest = " - 3.0 * even_force * W0 * u_dot_g" if force == "guo" else ""
        lines.append(f"f_out[{at(0)}] = f0 - omega * (f0 - equilibrium(W0, rho, 0.0, usq)){rest}")
        for q in range(1, 19):
            o = _OPPOSITE[q]
            if o < q:
                continue
            lines += [
                f"eq_{q} = equilibrium({_WEIGHT[q]}, rho, {_along(_C[q], names)}, usq)",
                f"eq_{o} = equilibrium({_WEIGHT[o]}, rho, {_along(_C[o], names)}, usq)",
                f"even_{q} = 0.5 * omega * (f{q} + f{o} - eq_{q} - eq_{o})",
                f"odd_{q} = 0.5 * omega_odd * (f{q} - f{o} - eq_{q} + eq_{o})",
            ]
            if force == "guo":
                cg, cu = _along(_C[q], ("gx", "gy", "gz")), _along(_C[q], names)
                lines += [
                    f"even_{q} -= even_force * {_WEIGHT[q]} * (9.0 * {_factor(cu)} * {_factor(cg)} - 3.0 * u_dot_g)",
                    f"odd_{q} -= odd_force * {_WEIGHT[q]} * {_factor(cg)}",
                ]
            lines += [
                f"f_out[{at(q)}] = f{q} - even_{q} - odd_{q}",
                f"f_out[{at(o)}] = f{o} - even_{q} + odd_{q}",
            ]
    else:
        lines.append("# --- Collision ---")
        lines += [f"e{q} = equilibrium({_WEIGHT[q]}, rho, {_along(_C[q], names)}, usq)" for q in range(19)]
        axes = [(0, 0, "xx"), (1, 1, "yy"), (2, 2, "zz"), (0, 1, "xy"), (0, 2, "xz"), (1, 2, "yz")]
        if turbulent or regular:
            lines.append("# Non-equilibrium second moments")
            for a, b, tag in axes:
                terms = "".join(
                    f" {'+' if _C[q][a] * _C[q][b] > 0 else '-'} (f{q} - e{q})"
                    for q in range(19)
                    if _C[q][a] * _C[q][b]
                )
                lines.append(f"p_{tag} = {terms.removeprefix(' + ')}")
        if turbulent:
            lines += [
                "# Smagorinsky eddy viscosity for the unresolved scales",
                "off_sq = p_xy * p_xy + p_xz * p_xz + p_yz * p_yz",
                "stress_norm = wp.sqrt(p_xx * p_xx + p_yy * p_yy + p_zz * p_zz + 2.0 * off_sq + 1.0e-12)",
                "# 25.456 = 18 sqrt(2)",
                "tau_eff = 0.5 * (tau + wp.sqrt(tau * tau + 25.455844 * smagorinsky * smagorinsky * stress_norm / rho))",
                "omega = 1.0 / tau_eff",
            ]
        if force == "guo":
            lines += [
                "# Guo forcing terms" + (", first half" if regular else ""),
                *([] if regular else ["forcing = 1.0 - 0.5 * omega"]),
                *pushed,
            ]
        if regular and force == "guo":
            lines.append("# Other half goes into the non-equilibrium part, so it carries no momentum")
            for a, b, tag in axes:
                v, g = names, ("gx", "gy", "gz")
                both = f"{v[a]} * {g[a]}" if a == b else f"0.5 * ({v[a]} * {g[b]} + {v[b]} * {g[a]})"
                lines.append(f"p_{tag} += {both}")
        if regular:
            lines += [
                "# Regularize: keep only the non-equilibrium stress to filter out ghost modes",
                "keep = 4.5 * (1.0 - omega)",
                "cs2_trace = (p_xx + p_yy + p_zz) / 3.0",
            ]
        for q in range(19):
            value = f"f{q} - omega * (f{q} - e{q})"
            if regular:
                parts = [f"p_{tag}" for a, b, tag in axes[:3] if _C[q][a]]
                text = " + ".join(parts)
                for a, b, tag in axes[3:]:
                    sign = _C[q][a] * _C[q][b]
                    text += f" {'+' if sign > 0 else '-'} 2.0 * p_{tag}" if sign else ""
                value = (
                    f"e{q} + keep * {_WEIGHT[q]} * ({text} - cs2_trace)"
                    if text
                    else f"e{q} - keep * {_WEIGHT[q]} * cs2_trace"
                )
            if force == "guo":
                cg, cu = _along(_C[q], ("gx", "gy", "gz")), _along(_C[q], names)
                # (-c . u) (-c . g) is (c . u) (c . g), so write the pair without signs
                ahead = _C[_OPPOSITE[q] if cu.startswith("-") else q]
                term = (
                    "-3.0 * u_dot_g"
                    if q == 0
                    else f"3.0 * ({cg} - u_dot_g)"
                    f" + 9.0 * {_factor(_along(ahead, names))} * {_factor(_along(ahead, ('gx', 'gy', 'gz')))}"
                )
                value += f" + {'0.5' if regular else 'forcing'} * {_WEIGHT[q]} * ({term})"
            lines.append(f"f_out[{at(q)}] = {value}")
    empty = "\n    density[i, j, k] = 0.0" if macros == "both" else ""
    empty += "\n    velocity[i, j, k] = wp.vec3()" if macros != "none" else ""
    still = "for q in range(19):\n" + f"        f_out[{at('q')}] = f_in[{at('q')}]"
    d.launch(n, n, n)
    d.code(
        """
        i, j, k = wp.tid()
        $flat
        $skip
        $lines
        """,
        flat="# Structure-of-arrays layout, one contiguous block per direction\ncells = n * n * n\ncell = (i * n + j) * n + k"
        if layout == "flat"
        else "",
        skip=f"# Skip solid cells\nif solid[i, j, k]:\n    {still}{empty}\n    return" if obstacle else "",
        lines="\n".join(lines),
    )
    viscosity = (
        "Molecular viscosity is (`tau` - 1/2) / 3"
        if turbulent
        else "Kinematic viscosity is (1 / `omega` - 1/2) / 3"
    )
    d.explain(f"""
        Direction 0 is at rest, 1-6 are along the axes and 7-18 along the face diagonals. {viscosity}
        in lattice units.
    """)

    def reference(v: Values) -> dict[str, Any]:
        f = v.f_in.reshape(19, n, n, n) if layout != "direction last" else np.moveaxis(v.f_in, -1, 0)
        solid = v.solid.astype(bool) if obstacle else np.zeros((n, n, n), bool)
        c, w = np.array(_C, float).T, np.array(_W)[:, None, None, None]
        g = f.copy()
        for q in range(1, 19):
            came = np.roll(f[q], _C[q], (0, 1, 2))
            back = np.roll(solid, _C[q], (0, 1, 2))
            lifted = np.zeros((n, n, n), bool)
            for a in range(3):
                if "xyz"[a] in closed and _C[q][a]:
                    face: list[Any] = [slice(None)] * 3
                    face[a] = 0 if _C[q][a] > 0 else n - 1
                    back[tuple(face)] = True
                    lifted[tuple(face)] = lid and a == 2 and _C[q][a] < 0
            g[q] = np.where(back, f[_OPPOSITE[q]], came)
            if lid:
                g[q] += np.where(lifted, 6.0 * _W[q] * (c[:2, q] @ v.lid_velocity), 0.0)
        push = v.body_force[:, None, None, None] if force != "none" else np.zeros((3, 1, 1, 1))
        rho = g.sum(0)
        u = np.einsum("aq,qijk->aijk", c, g) / rho
        if force == "guo":
            u = u + 0.5 * push / rho
        shown = u
        if force == "shift":
            u = u + push / (v.omega * rho)
        cu = np.einsum("aq,aijk->qijk", c, u)
        eq = w * rho * (1.0 + 3.0 * cu + 4.5 * cu**2 - 1.5 * (u**2).sum(0))
        off = g - eq
        pi = np.einsum("aq,bq,qijk->abijk", c, c, off)
        rate = v.get("omega", 1.0)
        if turbulent:
            size = np.sqrt((pi**2).sum((0, 1)))
            rate = 2.0 / (v.tau + np.sqrt(v.tau**2 + 18.0 * np.sqrt(2.0) * v.smagorinsky**2 * size / rho))
        cg = np.einsum("aq,aijk->qijk", c, push + 0.0 * u)
        source = w * (3.0 * (cg - (u * push).sum(0)) + 9.0 * cu * cg) * (force == "guo")
        if collision == "trt":
            mirror = off[_OPPOSITE]
            odd = 1.0 / (0.5 + v.magic / (1.0 / v.omega - 0.5))
            new = g - 0.5 * v.omega * (off + mirror) - 0.5 * odd * (off - mirror)
            turned = source[_OPPOSITE]
            new = new + (0.5 - 0.25 * v.omega) * (source + turned) + (0.5 - 0.25 * odd) * (source - turned)
        elif collision == "regularized":
            second = np.einsum("aq,bq->abq", c, c) - np.eye(3)[:, :, None] / 3.0
            pi = np.einsum("aq,bq,qijk->abijk", c, c, off + 0.5 * source)
            new = 0.5 * source + eq + (1.0 - rate) * 4.5 * w * np.einsum("abq,abijk->qijk", second, pi)
        else:
            new = g - rate * off + (1.0 - 0.5 * rate) * source
        new = np.where(solid, f, new)
        made: dict[str, Any] = {
            "f_out": np.moveaxis(new, 0, -1) if layout == "direction last" else new.reshape(v.f_in.shape)
        }
        if macros != "none":
            made["velocity"] = np.moveaxis(shown * ~solid, 0, -1)
        if macros == "both":
            made["density"] = rho * ~solid
        return made

    d.check(reference, 5e-4)
