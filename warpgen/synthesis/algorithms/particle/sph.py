"""Smoothed particle hydrodynamics: density, pressure and viscosity over neighbours of a hash grid."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.particle import DOMAIN
from warpgen.synthesis.library import smoothing
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "x": "positions|particle_x|pos|particle_q",
    "v": "velocities|particle_v|vel|particle_qd",
    "rho": "density|densities|particle_rho",
    "m": "mass|particle_mass",
    "h": "smoothing_length|support_radius",
    "grid": "grid_id|hash_grid",
    "index": "j|other|neighbor",
    "f": "forces|particle_f|force",
}


def _neighbours(d: Draft, count: int) -> None:
    """Particles in a box, and a grid over them whose cells are as wide as the kernel's support."""
    d.handle("grid", "hash_grid", (8, 8, 8), of="x", value=0.5, about="Hash grid of particle positions")
    d.input("x", "vec3", count, -1.0, 1.0, about="Particle positions")


def _distances(v: Values) -> tuple[Any, Any]:
    """Offsets x_i - x_j and their lengths, for all pairs."""
    offset = v.x[:, None] - v.x[None]
    return offset, np.linalg.norm(offset, axis=-1)


@DOMAIN.algorithm(
    source="Monaghan 1992, eq. 2.13; Müller, Charypar & Gross 2003, eq. 3",
    names=_NAMES
    | {"sph_density": "compute_density|density_summation|update_density", "rho_i": "density_i|rho_sum"},
    weight=3,
    element="",
)
def sph_density(d: Draft) -> None:
    """Computes SPH densities by summation."""
    kernel = d.option("kernel", *smoothing.KERNELS)
    masses = d.option("mass", "uniform", "per particle")
    query = d.option("query", "for", "while")
    squared = d.flag("squared")
    count = d.pick(64, 96, 128)
    w = d.use(kernel.value)
    _neighbours(d, count)
    mass = "m"
    if masses == "uniform":
        d.param("m", "float", 0.5, 2.0, about="Particle mass")
    else:
        d.input("m", "float", count, 0.5, 2.0, about="Particle masses")
        mass = "m[index]"
    d.param("h", "float", 0.3, 0.5, about="Smoothing length (kernel support radius)")
    d.output("rho", "float", count, about="Particle densities")
    if squared:
        distance = """
        # Compare squared distances to avoid a sqrt for out-of-range candidates
        offset = xi - x[index]
        if wp.dot(offset, offset) < h * h:
            rho_i += $mass * $w(wp.length(offset), h)
        """
    else:
        distance = """
        r = wp.length(xi - x[index])
        rho_i += $mass * $w(r, h)
        """
    if query == "for":
        loop = """
        for index in wp.hash_grid_query(grid, xi, h):
            $inner
        """
    else:
        loop = """
        index = int(0)
        query = wp.hash_grid_query(grid, xi, h)
        while wp.hash_grid_query_next(query, index):
            $inner
        """
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        xi = x[tid]
        rho_i = float(0.0)
        # Self-contribution W(0) is included
        $loop
        rho[tid] = rho_i
        """,
        loop=loop,
        inner=distance,
        mass=mass,
        w=w,
    )
    d.explain("""
        rho_i = sum_j m_j W(|x_i - x_j|, h), in kg/m^3 for masses in kg and lengths in m.
        One thread per particle. For best performance, use a hash grid cell size close to `h`.
    """)

    def reference(v: Values) -> dict[str, Any]:
        return {"rho": (np.broadcast_to(v.m, count) * kernel.value(_distances(v)[1], v.h)).sum(axis=1)}

    d.check(reference)
