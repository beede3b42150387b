"""Particles: springs, drag, contact, neighbours in SPH, DEM and MPM."""

from __future__ import annotations

from warpgen.synthesis.kit import Kit
from warpgen.synthesis.motif import Category
from warpgen.synthesis.types import I32

CATEGORY = Category("particle", "forces and updates of particle systems: springs, contact, SPH, DEM, MPM")


@CATEGORY.motif(rank=1)
def spring_force(k: Kit) -> None:
    """Damped spring between two particles."""
    x = k.array("positions|x|particle_q|pos|points", k.vec3, lo=-2.0, hi=2.0)
    v = k.array("velocities|v|particle_qd|vel", k.vec3, lo=-1.0, hi=1.0)
    ends = k.index_array("spring_indices|edges|springs", 96)
    i = k.let("i|a|p0", ends[k.flat * 2 + 0])
    j = k.let("j|b|p1", ends[k.flat * 2 + 1])
    ke = k.input("ke|stiffness|k_s", k.real, 0.5, 100.0)
    kd = k.param("kd|damping", k.real, 0.01, 1.0)
    rest = k.load("rest|rest_length|rest_lengths", k.real, 0.1, 1.0)
    xij = k.let("xij|dx|delta|d", x[i] - x[j])
    vij = k.let("vij|dv|rel_vel", v[i] - v[j])
    length = k.let("l|length|dist", k.wp.length(xij))
    direction = k.let("dir|n|direction", xij / length)
    stretch = k.let("c|stretch|extension", length - rest)
    rate = k.let("dcdt|rate|speed", k.wp.dot(direction, vij))
    k.give("fs|force|f", direction * (ke * stretch + kd * rate))


@CATEGORY.motif()
def drag(k: Kit) -> None:
    """Quadratic air drag."""
    v = k.input("velocity|v|vel", k.vec3, -10.0, 10.0)
    c = k.param("drag|drag_coeff|cd", k.real, 0.01, 1.0)
    speed = k.let("speed|v_norm", k.wp.length(v))
    k.give("drag_force|force|f", -v * (c * speed))


@CATEGORY.motif()
def symplectic_step(k: Kit) -> None:
    """Semi-implicit Euler step."""
    x = k.input("position|x|x0|pos", k.vec3, -10.0, 10.0)
    v = k.input("velocity|v|v0|vel", k.vec3, -10.0, 10.0)
    f = k.input("force|f|f0", k.vec3, -100.0, 100.0)
    inv_mass = k.input("inv_mass|w|inv_m", k.real, 0.1, 2.0)
    dt = k.param("dt|time_step|delta_t", k.real, 0.001, 0.05)
    g = k.param("gravity|g", k.vec3, -9.81, 9.81)
    v1 = k.let("v1|new_vel|v_new", v + (f * inv_mass + g) * dt)
    k.give("velocity|v1", v1)
    k.give("position|x1|x_new", x + v1 * dt)


@CATEGORY.motif()
def density_kernel(k: Kit) -> None:
    """Poly6 smoothing kernel."""
    h = k.param("h|smoothing_length|radius", k.real, 0.2, 1.0)
    r = k.input("r|distance|dist", k.real, 0.0, 2.0)
    q = k.let("q|ratio", h * h - r * r)
    w = k.var("w|weight|result", 0.0, k.real, lo=0.0, hi=1.0)
    with k.if_(r < h):
        k.set(w, q * q * q)
    k.give("w|weight|density", w)


@CATEGORY.motif()
def neighbour_sum(k: Kit) -> None:
    """Sum over a list of neighbours."""
    m = k.rng.choice((4, 6, 8))
    masses = k.array("masses|m|weights", k.real, lo=0.1, hi=2.0)
    neighbours = k.index_array("neighbors|neighbor_ids|adjacency", 64)
    total = k.var("total|density|rho|acc", 0.0, k.real, lo=0.0, hi=2.0 * m)
    count = k.size("num_neighbors|max_neighbors", m) if k.rng.chance(0.4) else m
    with k.for_("j|n|s", count) as j:
        other = k.let("nb|neighbor|other", neighbours[k.flat * m + j])
        if k.rng.chance(0.4):
            k.continue_if(other.eq(k.cast(k.flat, I32)))
        k.add(total, masses[other])
    k.give("density|rho|total_mass", total)
