"""Smoothed particle hydrodynamics: XSPH and the rate of density."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.particle import DOMAIN
from warpgen.synthesis.algorithms.particle.sph_forces import (
    NAMES,
    Pairs,
    neighbour_loop,
    neighbours,
    particle_mass,
)
from warpgen.synthesis.library import smoothing
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Monaghan 1989 (XSPH); Schechter & Bridson 2012",
    names=NAMES
    | {
        "xsph_velocity": "apply_xsph|xsph_smoothing|smooth_velocities",
        "eps": "epsilon|xsph_factor",
        "v_new": "v_out|velocities_out|smoothed",
        "delta_v": "dv_xsph|correction",
    },
    element="",
)
def xsph_velocity(d: Draft) -> None:
    """Smooths particle velocities using XSPH."""
    kernel = d.option("kernel", *smoothing.KERNELS)
    density = d.option("density", "mean", "theirs")
    moved = d.flag("moved", 0.4)
    if moved:
        d.calls("xsph_advect|advect_xsph|drift_xsph")
    count = d.pick(96, 128, 192)
    w = d.use(kernel.value)
    neighbours(d, count)
    d.input("v", "vec3", count, -1.0, 1.0, about="Particle velocities")
    d.input("rho", "float", count, 900.0, 1100.0, about="Densities")
    particle_mass(d, count)
    d.param("h", "float", 0.35, 0.5, about="Smoothing length (kernel support radius)")
    d.param("eps", "float", 0.1, 0.5, about="XSPH smoothing factor")
    if moved:
        d.param("dt", "float", 0.001, 0.01, about="Time step")
    d.output(
        "x_new" if moved else "v_new",
        "vec3",
        count,
        about=f"{'Moved' if moved else 'Smoothed'} {'positions' if moved else 'velocities'}",
    )
    weight = {
        "mean": f"2.0 * m / (rho[tid] + rho[j]) * {w}(r, h)",
        "theirs": f"m / rho[j] * {w}(r, h)",
    }
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        xi = x[tid]
        vi = v[tid]
        delta_v = wp.vec3()
        for j in wp.hash_grid_query(grid, xi, h):
            r = wp.length(xi - x[j])
            if r < h:
                weight = $weight
                delta_v += weight * (v[j] - vi)
        $store
        """,
        weight=weight[density],
        store="x_new[tid] = xi + dt * (vi + eps * delta_v)" if moved else "v_new[tid] = vi + eps * delta_v",
    )
    if moved:
        d.says("Advects particles using XSPH-smoothed velocities.")

    def reference(v: Values) -> dict[str, Any]:
        pairs = Pairs(v)
        volume = 2.0 * v.m / (v.rho[:, None] + v.rho) if density == "mean" else v.m / v.rho
        weight = volume * kernel.value(pairs.r, v.h)
        smoothed = v.v + v.eps * (weight @ v.v - weight.sum(axis=1)[:, None] * v.v)
        return {"x_new": v.x + v.dt * smoothed} if moved else {"v_new": smoothed}

    d.check(reference, 3e-4)


@DOMAIN.algorithm(
    source="Monaghan 1992, eq. 2.17; Marrone et al. 2011 (delta-SPH), eq. 2; Molteni & Colagrossi 2009",
    names=NAMES
    | {
        "sph_density_rate": "continuity_equation|density_derivative|compute_drho",
        "drho": "density_rate|d_rho|rho_dot",
        "rate": "rho_rate|drho_dt",
        "delta": "delta_sph|diffusion",
        "rho_new": "rho_out|density_out|new_density",
        "c0": "sound_speed|cs",
    },
    weight=3,
    element="",
)
def sph_density_rate(d: Draft) -> None:
    """Computes SPH density rates using the continuity equation."""
    kernel = d.option("kernel", smoothing.CUBIC, smoothing.WENDLAND_C2, smoothing.SPIKY)
    diffusion = d.option("diffusion", "none", "delta", "ferrari")
    stepped = d.flag("stepped", 0.4)
    if stepped:
        d.calls("integrate_density|update_density|step_density")
    volumes = d.flag("volumes") or diffusion == "none"
    count = d.pick(96, 128, 192)
    slope = d.use(kernel.slope)
    neighbours(d, count)
    d.input("v", "vec3", count, -1.0, 1.0, about="Particle velocities")
    d.input("rho", "float", count, 900.0, 1100.0, about="Densities")
    particle_mass(d, count)
    d.param("h", "float", 0.35, 0.5, about="Smoothing length (kernel support radius)")
    if diffusion != "none":
        d.param("c0", "float", 10.0, 30.0, about="Speed of sound")
    if diffusion == "delta":
        d.param("delta", "float", 0.05, 0.2, about="Density diffusion coefficient")
    if stepped:
        d.param("dt", "float", 0.0005, 0.002, about="Time step")
        d.output("rho_new", "float", count, about="Updated densities")
    else:
        d.output("drho", "float", count, about="Density time derivatives")
    theirs = "rho_j" if diffusion != "none" else "rho[j]"
    weight = f"rho_i * m / {theirs}" if volumes else "m"
    terms = {
        "none": "",
        "delta": """
        # delta-SPH density diffusion, to suppress pressure checkerboarding
        psi = 2.0 * (rho_j - rho_i) / (r * r + 0.01 * h * h)
        rate -= delta * h * c0 * psi * (m / rho_j) * wp.dot(offset, grad)
        """,
        "ferrari": """
        # Rusanov-type dissipation: proportional to the density jump and speed of sound
        rate -= m * c0 * (rho_j - rho_i) / rho_j * wp.dot(offset, grad) / r
        """,
    }
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        xi = x[tid]
        vi = v[tid]
        rho_i = rho[tid]
        rate = float(0.0)
        $loop
        $store
        """,
        loop=neighbour_loop(d),
        pair="""
        grad = $slope(r, h) * (offset / r)
        $density
        rate += $weight * wp.dot(vi - v[j], grad)
        $extra
        """,
        density="rho_j = rho[j]" if diffusion != "none" else "",
        slope=slope,
        weight=weight,
        extra=terms[diffusion],
        store="rho_new[tid] = rho_i + dt * rate" if stepped else "drho[tid] = rate",
    )
    total = "rho_i sum_j m / rho_j" if volumes else "sum_j m"
    smooth = {
        "none": "",
        "delta": " with delta-SPH diffusion",
        "ferrari": " with Rusanov-type density dissipation",
    }
    does = "Integrates SPH densities using" if stepped else "Computes SPH density rates using"
    d.says(f"{does} the continuity equation{smooth[diffusion]}.")
    plus = {"none": "", "delta": ", plus diffusion", "ferrari": ", plus dissipation"}[diffusion]
    d.explain(f"""
        d rho_i / dt = {total} (v_i - v_j) . grad W_ij{plus}. Unlike density summation, this kernel does not underestimate the density near free surfaces.
    """)

    def reference(v: Values) -> dict[str, Any]:
        pairs = Pairs(v)
        rho = v.rho
        gradient = pairs.gradient(kernel, v.h)
        weight = rho[:, None] * v.m / rho if volumes else v.m
        made = weight * ((v.v[:, None] - v.v) * gradient).sum(-1)
        jump = rho - rho[:, None]
        along = (pairs.offset * gradient).sum(-1)
        if diffusion == "delta":
            psi = 2.0 * jump / (pairs.r**2 + 0.01 * v.h**2)
            made = made - v.delta * v.h * v.c0 * psi * v.m / rho * along
        elif diffusion == "ferrari":
            made = made - v.m * v.c0 * jump / rho * along / np.where(pairs.near, pairs.r, 1.0)
        rate = made.sum(axis=1)
        return {"rho_new": rho + v.dt * rate} if stepped else {"drho": rate}

    d.check(reference, 3e-4)
