"""Transport: upwind and high-resolution schemes, WENO, semi-Lagrangian."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.stencil import DOMAIN
from warpgen.synthesis.algorithms.stencil._weno import WEIGHTS, WENO5, weno5
from warpgen.synthesis.algorithms.stencil.grid import NAMES, Grid
from warpgen.synthesis.library import limiters
from warpgen.synthesis.library.indexing import WRAP
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="LeVeque 2002, Finite Volume Methods for Hyperbolic Problems, ch. 6",
    names=NAMES
    | {
        "advect_finite_volume": "advect|advection_step|transport_step|linear_advection",
        "q": "u|phi|scalar|field",
        "updated": "out|result|advanced",
        "c": "speed|velocity",
        "nu": "cfl|courant|sigma",
    },
    double=True,
    weight=3,
)
def advect_finite_volume(d: Draft) -> None:
    """Advects a scalar with an upwind finite-volume scheme."""
    scheme = d.option("scheme", "upwind", "lax-wendroff", "fromm", "muscl", weights=(0.15, 0.2, 0.15, 0.5))
    far = scheme in ("fromm", "muscl")
    g = Grid(d, 1, ("periodic", "wrap", "clamp", "fixed"), reach=2 if far else 1)
    number = d.flag("number")
    rows = d.flag("returned", 0.4)
    limiter = d.option("limiter", *limiters.LIMITERS) if scheme == "muscl" else None
    d.input("q", "float", g.shape, 0.0, 1.0, about="Cell averages")
    if number:
        d.param("nu", "float", 0.2, 0.9, about="Courant number")
    else:
        d.param("c", "float", 0.5, 1.0, about="Advection speed, must be positive")
        d.param("dt", "float", 0.02, 0.08, about="Time step")
        d.param("dx", "float", 0.1, 0.2, about="Cell size")
    d.output("updated", "float", g.shape, about="Updated cell averages")
    if rows:
        d.output(
            "flux",
            "float",
            g.shape,
            about="Time-integrated flux through the right face, divided by the cell size"
            + (", 0 for boundary cells" if g.inside else ""),
        )
    q = {o: g.at("q", o) for o in (-2, -1, 0, 1)}
    lines = ["" if number else "nu = c * dt / dx"]

    def slope(o: int) -> str:
        back, ahead = f"{q[o]} - {q[o - 1]}", f"{q[o + 1]} - {q[o]}"
        if scheme == "lax-wendroff":
            return ahead
        if scheme == "fromm":
            return f"0.5 * ({q[o + 1]} - {q[o - 1]})"
        assert limiter is not None
        return f"{d.use(limiter)}({back}, {ahead})"

    if scheme == "upwind":
        lines += [f"flux_l = nu * {q[-1]}", f"flux_r = nu * {q[0]}"]
    else:
        lines += [
            f"slope_l = {slope(-1)}",
            f"slope = {slope(0)}",
            "# Factor 1 - `nu` makes the scheme second-order accurate in time",
            f"flux_l = nu * ({q[-1]} + 0.5 * (1.0 - nu) * slope_l)",
            f"flux_r = nu * ({q[0]} + 0.5 * (1.0 - nu) * slope)",
        ]
    lines.append(f"{g.at('updated')} = {q[0]} + flux_l - flux_r")
    border = f"{g.at('updated')} = {q[0]}"
    if rows:
        lines.append(f"{g.at('flux')} = flux_r")
        border = f"# Boundary cells are fixed and have no flux\n{border}\n{g.at('flux')} = 0.0"
    g.code(d, "\n".join(line for line in lines if line), "q", border=border)
    name = _LIMITED.get(limiter.name, limiter.name.replace("_", " ")) if limiter else ""
    d.says({
        "upwind": "Advects a scalar using the first-order upwind scheme.",
        "lax-wendroff": "Advects a scalar using the Lax-Wendroff scheme in flux form.",
        "fromm": "Advects a scalar using Fromm's scheme in flux form.",
        "muscl": f"Advects a scalar with a second-order finite-volume scheme using the {name} limiter.",
    }[scheme])  # fmt: skip
    speed = "c" if number else "`c`"
    d.explain(f"""
        Linear advection with speed {speed} > 0. Fluxes are time-integrated and divided by the cell size.
        Stable for Courant numbers {"`nu` = c dt / dx" if number else "`c` * `dt` / `dx`"} <= 1.
    """)

    def reference(v: Values) -> dict[str, Any]:
        nu = v.nu if number else v.c * v.dt / v.dx
        at = {o: g.near(v.q, o) for o in range(-1 - far, 2)}

        def flux(o: int) -> Any:
            ahead = at[o + 1] - at[o]
            back = at[o] - at[o - 1] if far else 0.0
            slopes = {"upwind": 0.0, "lax-wendroff": ahead, "fromm": (back + ahead) / 2}
            s = limiter(back, ahead) if limiter else slopes[scheme]
            if scheme == "upwind":
                return nu * at[o]
            return nu * (at[o] + (1 - nu) / 2 * s)

        new = g.result(v.q + flux(-1) - flux(0), border=v.q)
        return {"updated": new} | ({"flux": g.result(flux(0))} if rows else {})

    d.check(reference)


_LIMITED = {"van_leer": "van Leer", "van_albada": "van Albada"}


@DOMAIN.algorithm(
    source="Jiang & Shu 1996; Borges et al. 2008 (WENO-Z)",
    names=NAMES
    | {
        "weno_transport": "weno5_rhs|weno_rhs|weno_rates",
        "dudt": "rhs|du_dt|tendency",
        "c": "speed|velocity",
    },
    double=True,
)
def weno_transport(d: Draft) -> None:
    """Computes transport rates with fifth-order WENO reconstruction."""
    kind = d.option("weights", *WEIGHTS)
    burgers = d.option("flux", "linear", "burgers", "leftward")
    sides = d.option("split", "upwind", "lax-friedrichs") if burgers == "burgers" else "upwind"
    loop = d.flag("by face")
    if loop:
        d.calls("weno_fluxes|weno5_fluxes|weno_face_fluxes")
    edges = d.option("edges", "wrap", "modulo")
    n = d.pick(48, 64, 100, 128)
    d.module("EPS = wp.constant(1.0e-6)")
    eps = 1e-6
    d.function(WENO5, weights=WEIGHTS[kind])
    d.input("u", "float", n, 0.5, 1.5, about="Cell averages")
    if burgers != "burgers":
        low, high, sign = (0.5, 2.0, "positive") if burgers == "linear" else (-2.0, -0.5, "negative")
        d.param("c", "float", low, high, about=f"Advection speed, must be {sign}")
    if loop:
        d.output("flux", "float", n, about="Flux through each cell's right face")
    else:
        d.param("dx", "float", 0.1, 0.2, about="Cell size")
        d.output("dudt", "float", n, about="Time derivative of the cell averages")

    def at(o: int) -> str:
        if o == 0:
            return "u[i]"
        plain = f"i {'+' if o > 0 else '-'} {abs(o)}"
        if edges == "wrap":
            return f"u[{d.use(WRAP)}({plain}, n)]"
        return f"u[({plain}) % n]" if o > 0 else f"u[(i + n - {-o}) % n]"

    low, high = (-3 if not loop else -2), 3
    if sides == "upwind" and burgers != "leftward":
        high = 2
    if burgers == "leftward":
        low += 1
    letter = dict(zip(range(-3, 4), ("um3", "um2", "um1", "u0", "up1", "up2", "up3"), strict=True))
    lines = ["i = wp.tid()", "n = u.shape[0]", *(f"{letter[o]} = {at(o)}" for o in range(low, high + 1))]

    def face(o: int) -> tuple[str, str]:
        """What comes to the face right of cell `o` from the left, and from the right."""
        left = ", ".join(letter[o + k] for k in (-2, -1, 0, 1, 2))
        right = ", ".join(letter[o + k] for k in (3, 2, 1, 0, -1)) if o + 3 in letter else ""
        return f"weno5({left})", f"weno5({right})"

    def flux(o: int, name: str) -> list[str]:
        left, right = face(o)
        if burgers == "linear":
            return [f"{name} = c * {left}"]
        if burgers == "leftward":
            return [f"{name} = c * {right}"]
        if sides == "upwind":
            return [f"{name}_u = {left}", f"{name} = 0.5 * {name}_u * {name}_u"]
        return [
            f"{name}_minus = {left}",
            f"{name}_plus = {right}",
            f"{name} = 0.25 * ({name}_minus * {name}_minus + {name}_plus * {name}_plus)"
            f" - 0.5 * wp.max(wp.abs({name}_minus), wp.abs({name}_plus)) * ({name}_plus - {name}_minus)",
        ]

    of = "of Burgers' equation" if burgers == "burgers" else "of linear advection"
    if loop:
        d.says(f"Computes the right-face fluxes {of} using fifth-order WENO reconstruction.")
        lines += [line.replace("face = ", "flux[i] = ") for line in flux(0, "face")]
    else:
        d.says(f"Computes the right-hand side {of} using fifth-order WENO reconstruction.")
        if burgers != "linear":
            lines.append(
                {
                    "leftward": "# Upwind for `c` < 0, so mirror the stencil",
                    "burgers": "# f(u) = u^2 / 2",
                }[burgers]
            )
        lines += [*flux(-1, "face_l"), *flux(0, "face_r"), "dudt[i] = -(face_r - face_l) / dx"]
    d.launch(n)
    d.code("\n".join(lines))
    law = {"linear": "`c` u, `c` > 0", "leftward": "`c` u, `c` < 0", "burgers": "u^2 / 2, u > 0"}[burgers]
    d.explain(f"Periodic domain, du/dt = -df/dx with f = {law}.")

    def reference(v: Values) -> dict[str, Any]:
        left = weno5(kind, [np.roll(v.u, -k) for k in (-2, -1, 0, 1, 2)], eps)
        right = weno5(kind, [np.roll(v.u, -k) for k in (3, 2, 1, 0, -1)], eps)
        if burgers != "burgers":
            f = v.c * (left if burgers == "linear" else right)
        elif sides == "upwind":
            f = left**2 / 2
        else:
            f = (left**2 + right**2) / 4 - np.maximum(abs(left), abs(right)) * (right - left) / 2
        return {"flux": f} if loop else {"dudt": -(f - np.roll(f, 1)) / v.dx}

    d.check(reference, 5e-4)


_BILINEAR = """
@wp.func
def sample_bilinear(grid: wp.array2d(dtype=float), x: float, y: float) -> float:
    nx = grid.shape[0]
    ny = grid.shape[1]
    px = wp.clamp(x, 0.0, float(nx - 1))
    py = wp.clamp(y, 0.0, float(ny - 1))
    # Clamp to n - 2 so that i + 1 stays in bounds
    i = wp.min(int(px), nx - 2)
    j = wp.min(int(py), ny - 2)
    fx = px - float(i)
    fy = py - float(j)
    low = grid[i, j] * (1.0 - fy) + grid[i, j + 1] * fy
    high = grid[i + 1, j] * (1.0 - fy) + grid[i + 1, j + 1] * fy
    return low * (1.0 - fx) + high * fx
"""


def bilinear(field: Any, x: Any, y: Any) -> Any:
    """Values at grid coordinates, clamped to the grid; cells and weights told apart for a limiter."""
    nx, ny = field.shape[:2]
    x, y = np.clip(x, 0, nx - 1), np.clip(y, 0, ny - 1)
    i, j = np.minimum(x.astype(int), nx - 2), np.minimum(y.astype(int), ny - 2)
    fx, fy = x - i, y - j
    corners = np.stack([field[i, j], field[i, j + 1], field[i + 1, j], field[i + 1, j + 1]])
    weights = np.stack([(1 - fx) * (1 - fy), (1 - fx) * fy, fx * (1 - fy), fx * fy])
    return (corners * weights).sum(0), corners


@DOMAIN.algorithm(
    source="Stam 1999; Selle et al. 2008 (MacCormack)",
    names=NAMES
    | {
        "advect_semi_lagrangian": "semi_lagrangian|advect|advect_field|backtrace",
        "field": "phi|density|dye|q",
        "advected": "result|out|updated",
        "vel": "velocity",
        "forward": "forward_pass|first_pass",
        "error": "err|correction",
        "back": "returned|traced_back",
        "rate": "decay_rate|dissipation",
    },
    double=True,
    weight=2,
)
def advect_semi_lagrangian(d: Draft) -> None:
    """Advects a field using the semi-Lagrangian scheme."""
    trace = d.option("trace", "euler", "midpoint", "heun")
    decay = d.option("decay", "none", "linear", "exponential")
    apart = d.flag("apart", 0.4)
    correct = d.option("order", "first", "maccormack", "clamped", weights=(0.5, 0.25, 0.25))
    if correct != "first":
        d.calls("maccormack_correction|maccormack_step|correct_advection")
    nx, ny = d.pick(10, 12, 16), d.pick(10, 14, 16)
    if apart:
        d.input("vx", "float", (nx, ny), -1.0, 1.0, about="Velocity along x")
        d.input("vy", "float", (nx, ny), -1.0, 1.0, about="Velocity along y")
    else:
        d.input("vel", "vec2", (nx, ny), -1.0, 1.0, about="Velocity field")
    d.input("field", "float", (nx, ny), about="Input field")
    if correct != "first":
        # the forward pass ran before; this one compares with what comes back
        d.input("forward", "float", (nx, ny), about="Field after the forward pass")
        d.says(
            f"Applies the {'clamped ' * (correct == 'clamped')}MacCormack correction to an advected field"
            + (" with exponential decay." if decay != "none" else ".")
        )
    elif decay != "none":
        d.says("Advects a decaying field using the semi-Lagrangian scheme.")
    d.param("dt", "float", 0.5, 1.5, about="Time step")
    if decay != "none":
        d.param("rate", "float", 0.05, 0.3, about="Decay rate")
    d.output("advected", "float", (nx, ny), about="Advected field")
    d.function(_BILINEAR)
    vx, vy = ("vx[i, j]", "vy[i, j]") if apart else ("v[0]", "v[1]")
    lines = ["i, j = wp.tid()"]
    if not apart:
        lines.append("v = vel[i, j]")
    if trace != "euler" and apart:
        lines += [f"u0 = {vx}", f"v0 = {vy}"]
        vx, vy = "u0", "v0"
    share = "0.5 * dt" if trace == "midpoint" else "dt"
    if trace != "euler" and not apart:
        d.function(
            _BILINEAR.replace("sample_bilinear", "sample_velocity")
            .replace("dtype=float", "dtype=wp.vec2")
            .replace("-> float", "-> wp.vec2")
        )
    step = "0.5 * dt" if trace == "heun" else "dt"

    def traced(at: str, sign: str, one: str, mid: str) -> list[str]:
        """Where the point of a cell was (-), or will be (+), one step away."""
        made, gx, gy = [], vx, vy
        if trace != "euler" and apart:
            made = [
                f"{mid}x = float(i) {sign} {share} * {vx}",
                f"{mid}y = float(j) {sign} {share} * {vy}",
                f"u{one} = sample_bilinear(vx, {mid}x, {mid}y)",
                f"v{one} = sample_bilinear(vy, {mid}x, {mid}y)",
            ]
            sx, sy = f"u{one}", f"v{one}"
        elif trace != "euler":
            w = "w" if one == "1" else f"w{one}"
            made = [
                f"{w} = sample_velocity(vel, float(i) {sign} {share} * {vx}, float(j) {sign} {share} * {vy})"
            ]
            sx, sy = f"{w}[0]", f"{w}[1]"
        if trace != "euler":
            gx, gy = (sx, sy) if trace == "midpoint" else (f"({vx} + {sx})", f"({vy} + {sy})")
        return [*made, f"{at}x = float(i) {sign} {step} * {gx}", f"{at}y = float(j) {sign} {step} * {gy}"]

    if correct != "maccormack":  # which samples ahead alone
        lines += traced("p", "-", "1", "m")
    fade = {"none": "", "linear": " * (1.0 - rate * dt)", "exponential": " * wp.exp(-rate * dt)"}[decay]
    if correct == "first":
        lines.append(f"advected[i, j] = sample_bilinear(field, px, py){fade}")
    else:
        lines += [
            "# MacCormack: advect the result back in time, the mismatch is twice the error",
            *traced("q", "+", *(("1", "m") if correct == "maccormack" else ("2", "n"))),
            "back = sample_bilinear(forward, qx, qy)",
            "error = 0.5 * (field[i, j] - back)",
        ]
        if correct == "clamped":
            lines += [
                "nx = field.shape[0]",
                "ny = field.shape[1]",
                "# Clamp to the interpolation samples to avoid creating new extrema",
                "ci = wp.clamp(int(px), 0, nx - 2)",
                "cj = wp.clamp(int(py), 0, ny - 2)",
                "f00 = field[ci, cj]",
                "f10 = field[ci + 1, cj]",
                "f01 = field[ci, cj + 1]",
                "f11 = field[ci + 1, cj + 1]",
                "low = wp.min(wp.min(f00, f10), wp.min(f01, f11))",
                "high = wp.max(wp.max(f00, f10), wp.max(f01, f11))",
                f"advected[i, j] = wp.clamp(forward[i, j] + error, low, high){fade}",
            ]
        else:
            value = "forward[i, j] + error"
            lines.append(f"advected[i, j] = ({value}){fade}" if fade else f"advected[i, j] = {value}")
    d.launch(nx, ny)
    d.code("\n".join(lines))
    d.explain("Velocities are in cells per unit time. Sample positions are clamped to the grid bounds.")

    def reference(v: Values) -> dict[str, Any]:
        ux, uy = (v.vx, v.vy) if apart else (v.vel[..., 0], v.vel[..., 1])
        i, j = np.meshgrid(np.arange(nx), np.arange(ny), indexing="ij")

        def moved(h: Any) -> tuple[Any, Any]:
            """Points that the flow reaches from the cells within `h`, which may be negative."""
            first = np.stack([ux, uy])
            part = h / 2 if trace == "midpoint" else h
            later = np.stack([bilinear(u, i + part * ux, j + part * uy)[0] for u in (ux, uy)])
            gx, gy = {"euler": first, "midpoint": later, "heun": (first + later) / 2}[trace]
            return i + h * gx, j + h * gy

        value, corners = bilinear(v.field, *moved(-v.dt))
        if correct != "first":
            value = v.forward + (v.field - bilinear(v.forward, *moved(v.dt))[0]) / 2
            if correct == "clamped":
                value = np.clip(value, corners.min(0), corners.max(0))
        if decay != "none":
            value = value * (1 - v.rate * v.dt if decay == "linear" else np.exp(-v.rate * v.dt))
        return {"advected": value}

    d.check(reference, 3e-4)
