"""Smoothed particle hydrodynamics: pressure and viscosity."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.particle import DOMAIN
from warpgen.synthesis.library import smoothing
from warpgen.synthesis.writing.draft import Draft, Values

NAMES = {
    "x": "positions|particle_x|pos|particle_q",
    "v": "velocities|particle_v|vel|particle_qd",
    "rho": "density|densities|particle_rho",
    "m": "mass|particle_mass",
    "h": "smoothing_length|support_radius",
    "grid": "grid_id|hash_grid",
    "j": "other|neighbor|nb",
    "mu": "viscosity|dynamic_viscosity",
    "offset": "xij|rij|delta",
    "r": "dist|distance",
}
# not poly6: its slope vanishes between close particles, which would clump
_SLOPES = tuple(k for k in smoothing.KERNELS if k is not smoothing.POLY6)


class Pairs:
    """Neighbours as the reference sees them: all pairs within h, less the particle itself."""

    def __init__(self, v: Values) -> None:
        self.offset = v.x[:, None] - v.x[None]
        self.r = np.linalg.norm(self.offset, axis=-1)
        self.near = (self.r < v.h) & (self.r > 1e-6)
        self.normal = self.offset / np.where(self.r > 0.0, self.r, 1.0)[..., None]

    def of(self, values: Any) -> Any:
        """Values of pairs, zero where particles are too far apart."""
        return np.where(self.near, values, 0.0)

    def gradient(self, kernel: smoothing.Smoothing, h: float) -> Any:
        """Grad W of all pairs."""
        return self.of(kernel.slope(self.r, h))[..., None] * self.normal


def neighbours(d: Draft, count: int) -> None:
    """Particles in a box, and a grid over them whose cells are as wide as the kernel's support."""
    d.handle("grid", "hash_grid", (8, 8, 8), of="x", value=0.5, about="Hash grid of particle positions")
    d.input("x", "vec3", count, -1.0, 1.0, about="Particle positions")


def particle_mass(d: Draft, count: int) -> None:
    """What makes `count` particles fill the box, of eight cubic meters, with about the density of water."""
    d.param("m", "float", 7000.0 / count, 9000.0 / count, about="Particle mass")


def neighbour_loop(d: Draft) -> str:
    """Neighbours within h other than the particle itself; `$pair` for each."""
    near = d.option("near", "continue", "if")
    if near == "continue":
        return """
        for j in wp.hash_grid_query(grid, xi, h):
            offset = xi - x[j]
            r = wp.length(offset)
            if r >= h or j == tid:
                continue
            $pair
        """
    return """
    for j in wp.hash_grid_query(grid, xi, h):
        offset = xi - x[j]
        r = wp.length(offset)
        # Skip self-interaction since the gradient is undefined at r = 0
        if r < h and r > 1.0e-6:
            $pair
    """


@DOMAIN.algorithm(
    source="Monaghan 1992, eq. 3.3; Müller, Charypar & Gross 2003, eq. 10; Becker & Teschner 2007, eq. 5",
    names=NAMES
    | {
        "sph_pressure_acceleration": "compute_pressure_accel|pressure_acceleration|sph_pressure",
        "acc": "a|acceleration|a_i",
        "accel": "accelerations|a_pressure|dvdt|particle_a",
        "c0": "sound_speed|c_s",
        "rho0": "rest_density|reference_density",
    },
    weight=3,
    element="",
)
def sph_pressure_acceleration(d: Draft) -> None:
    """Computes SPH pressure accelerations."""
    kernel = d.option("kernel", *_SLOPES)
    form = d.option("form", "symmetric", "mean")
    state = d.option("state", "tait", "linear", "stored")
    gravity = d.flag("gravity", 0.35)
    count = d.pick(96, 128, 192)
    slope = d.use(kernel.slope)
    neighbours(d, count)
    d.input("rho", "float", count, 1000.0, 1050.0, about="Densities")
    if state == "stored":
        d.input("p", "float", count, 0.0, 5000.0, about="Pressures")
    particle_mass(d, count)
    d.param("h", "float", 0.35, 0.5, about="Smoothing length (kernel support radius)")
    if state != "stored":
        d.param("rho0", "float", 980.0, 1000.0, about="Rest density")
        d.param("c0", "float", 10.0, 30.0, about="Speed of sound")
    if gravity:
        d.param("gravity", "vec3", -5.6, 5.6, about="Gravity")
    d.output("accel", "vec3", count, about="Accelerations")
    pressure = {
        "tait": "tait_pressure(rho$of, rho0, c0)",
        "linear": "c0 * c0 * (rho$of - rho0)",
        "stored": "p$of",
    }
    if state == "tait":
        d.function("""
        @wp.func
        def tait_pressure(rho: float, rho0: float, c0: float) -> float:
            # Tait equation of state: p = B ((rho / rho0)^7 - 1)
            b = c0 * c0 * rho0 / 7.0
            q = rho / rho0
            q3 = q * q * q
            return b * (q3 * q3 * q - 1.0)
        """)
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        xi = x[tid]
        rho_i = rho[tid]
        p_i = $mine
        acc = $start
        $loop
        accel[tid] = acc
        """,
        mine=pressure[state].replace("$of", "_i" if state != "stored" else "[tid]"),
        start="gravity" if gravity else "wp.vec3()",
        loop=neighbour_loop(d),
        pair="""
        rho_j = rho[j]
        p_j = $theirs
        $term
        acc -= m * term * $slope(r, h) * (offset / r)
        """,
        theirs=pressure[state].replace("$of", "_j" if state != "stored" else "[j]"),
        term="""
        # Symmetric form conserves momentum
        term = p_i / (rho_i * rho_i) + p_j / (rho_j * rho_j)
        """
        if form == "symmetric"
        else "term = 0.5 * (p_i + p_j) / (rho_i * rho_j)",
        slope=slope,
    )
    if gravity:
        d.says("Computes SPH pressure accelerations, including gravity.")
    mean = "m (p_i + p_j) / (2 rho_i rho_j)"
    formula = "m (p_i / rho_i^2 + p_j / rho_j^2)" if form == "symmetric" else mean
    d.explain(f"""
        a_i = {"g - " if gravity else "-"}sum_j {formula} grad W(x_i - x_j, h), in m/s^2.
        A hash grid cell size close to `h` performs best.
    """)

    def reference(v: Values) -> dict[str, Any]:
        pairs = Pairs(v)
        if state == "stored":
            p = v.p
        elif state == "linear":
            p = v.c0**2 * (v.rho - v.rho0)
        else:
            p = v.c0**2 * v.rho0 / 7.0 * ((v.rho / v.rho0) ** 7 - 1.0)
        s = p / v.rho**2
        term = s[:, None] + s
        if form == "mean":
            term = 0.5 * (p[:, None] + p) / (v.rho[:, None] * v.rho)
        made = -v.m * (term[..., None] * pairs.gradient(kernel, v.h)).sum(axis=1)
        return {"accel": made + (v.gravity if gravity else 0.0)}

    d.check(reference, 3e-4)


@DOMAIN.algorithm(
    source="Monaghan 1992, eq. 4.2; Morris, Fox & Zhu 1997, eq. 22; Cleary 1998; Monaghan 2005, sec. 4.3",
    names=NAMES
    | {
        "sph_viscosity": "compute_viscosity|viscous_acceleration|viscosity_acceleration",
        "a_visc": "viscous_accel|visc_accel",
        "accel": "accelerations|particle_a|dvdt",
        "vij": "dv|rel_vel|relative_velocity",
        "alpha": "artificial_viscosity|visc_alpha",
        "c0": "sound_speed|cs",
    },
    weight=3,
    element="",
)
def sph_viscosity(d: Draft) -> None:
    """Computes SPH viscosity accelerations."""
    kernel = d.option("kernel", *_SLOPES)
    form = d.option("form", "artificial", "morris", "monaghan laminar")
    inout = d.flag("added", 0.4)
    count = d.pick(96, 128, 192)
    slope = d.use(kernel.slope)
    neighbours(d, count)
    d.input("v", "vec3", count, -1.0, 1.0, about="Particle velocities")
    d.input("rho", "float", count, 900.0, 1100.0, about="Densities")
    particle_mass(d, count)
    d.param("h", "float", 0.35, 0.5, about="Smoothing length (kernel support radius)")
    if form == "artificial":
        d.param("alpha", "float", 0.05, 0.5, about="Artificial viscosity coefficient")
        d.param("c0", "float", 10.0, 30.0, about="Speed of sound")
    else:
        d.param("mu", "float", 0.5, 5.0, about="Dynamic viscosity")
    if inout:
        d.inout("accel", "vec3", count, -10.0, 10.0, about="Accelerations")
    else:
        d.output("accel", "vec3", count, about="Accelerations")
    pairs_code = {
        "artificial": """
        # Only apply to approaching pairs (v_ij . r_ij < 0) to avoid damping expansion
        approach = wp.dot(vij, offset)
        if approach < 0.0:
            mu_ij = h * approach / (r * r + 0.01 * h * h)
            pi_ij = -alpha * c0 * mu_ij / (0.5 * (rho_i + rho[j]))
            a_visc -= m * pi_ij * $slope(r, h) * (offset / r)
        """,
        "morris": """
        # Morris et al. 1997: use the first kernel derivative since the second is noisy
        weight = 2.0 * mu * m / (rho_i * rho[j])
        a_visc += weight * $slope(r, h) * r / (r * r + 0.01 * h * h) * vij
        """,
        "monaghan laminar": """
        # Monaghan form acts along r_ij and conserves angular momentum; 2 (dim + 2) = 10
        weight = 10.0 * mu * m / (rho_i * rho[j])
        projected = wp.dot(vij, offset) / (r * r + 0.01 * h * h)
        a_visc += weight * projected * $slope(r, h) * (offset / r)
        """,
    }
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        xi = x[tid]
        vi = v[tid]
        rho_i = rho[tid]
        a_visc = wp.vec3()
        $loop
        $store
        """,
        loop=neighbour_loop(d),
        pair="vij = vi - v[j]\n$law",
        law=pairs_code[form],
        slope=slope,
        store="accel[tid] += a_visc" if inout else "accel[tid] = a_visc",
    )
    what = {
        "artificial": "artificial viscosity accelerations",
        "morris": "viscosity accelerations (Morris)",
        "monaghan laminar": "viscosity accelerations (Monaghan)",
    }[form]
    d.says(f"{'Adds' if inout else 'Computes'} SPH {what}.")
    d.explain("""
        We add 0.01 h^2 in the denominator to avoid a singularity for close pairs. Velocities in m/s, densities in kg/m^3.
    """)

    def reference(v: Values) -> dict[str, Any]:
        pairs = Pairs(v)
        vij = v.v[:, None] - v.v[None]
        along = (vij * pairs.offset).sum(-1)
        soft = pairs.r**2 + 0.01 * v.h**2
        gradient = pairs.gradient(kernel, v.h)
        if form == "artificial":
            nu = v.h * np.minimum(along, 0.0) / soft
            made = -v.m * (-v.alpha * v.c0 * nu / (0.5 * (v.rho[:, None] + v.rho)))[..., None] * gradient
        else:
            weight = v.m * v.mu / (v.rho[:, None] * v.rho)
            if form == "morris":
                slopes = pairs.of(kernel.slope(pairs.r, v.h))
                made = (2.0 * weight * slopes * pairs.r / soft)[..., None] * vij
            else:
                made = (10.0 * weight * along / soft)[..., None] * gradient
        return {"accel": made.sum(axis=1) + (v.accel if inout else 0.0)}

    d.check(reference, 3e-4)
