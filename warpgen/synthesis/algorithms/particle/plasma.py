"""Particles in cells: charge onto a grid, fields back to particles, Boris' push."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.particle import DOMAIN
from warpgen.synthesis.library import bsplines
from warpgen.synthesis.library.bsplines import Spline
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "x": "pos|positions|particle_x",
    "v": "vel|velocities|particle_v",
    "charge": "q|macro_charge",
    "rho": "density|charge_density|rho_grid",
    "field": "E|e_field|e_grid",
    "inv_dx": "inv_h|inv_cell",
    "weight": "w|wgt",
}


class Periodic:
    """A periodic grid of `n` nodes along each axis, and the loops over those that a particle touches."""

    def __init__(self, d: Draft) -> None:
        self.dimension = dim = d.option("dimension", 1, 2, 3)
        self.spline: Spline = d.option("spline", *bsplines.SPLINES)
        self.n = {1: 32, 2: 16, 3: 8}[dim]
        self.count = d.pick(64, 96, 128)
        self.type = "float" if dim == 1 else f"vec{dim}"
        self.shape = (self.n,) * dim
        d.use(self.spline.weight)
        axes = "ijk"[:dim]
        parts = ["xp"] if dim == 1 else [f"xp[{n}]" for n in range(dim)]
        shift = f" - {self.spline.shift}" if self.spline.shift else ""
        text, indent = "", ""
        for n, a in enumerate(axes):
            text += f"base_{a} = int(wp.floor({parts[n]}{shift}))\n"
        for a in axes:
            text += f"{indent}for {a} in range(base_{a}, base_{a} + {self.spline.order}):\n"
            indent += "    "
        weight = " * ".join(f"{self.spline.weight.name}({parts[n]} - float({a}))" for n, a in enumerate(axes))
        text += f"{indent}weight = {weight}\n{indent}$inner\n"
        self.loops = text
        # a particle may touch nodes below zero: C's remainder of a negative number is negative
        self.node = ", ".join(f"({a} + nodes) % nodes" for a in axes)

    def place(self, d: Draft) -> None:
        """Positions within the box of length one."""
        d.input("x", self.type, self.count, 0.0, 1.0, about="Particle positions")

    def sizes(self, d: Draft) -> None:
        """The last arguments: what turns positions into cells, and where the grid ends."""
        d.param("inv_dx", "float", float(self.n), about="Inverse grid spacing")
        d.param("nodes", "int", self.n, about="Number of grid nodes per axis")

    def weights(self, v: Values) -> Any:
        """Particles by all nodes; what reaches over the ends comes back on the other side."""
        cells = (v.x[:, None] if self.dimension == 1 else v.x) * self.n
        made = np.ones((self.count,) + (1,) * self.dimension)
        for axis in range(self.dimension):
            offset = cells[:, axis, None] - np.arange(self.n)
            along = sum(self.spline.weight(offset + turn * self.n) for turn in (-1, 0, 1))
            extents = [self.count] + [1] * self.dimension
            extents[axis + 1] = self.n
            made = made * along.reshape(extents)
        return made


@DOMAIN.algorithm(
    source="Birdsall & Langdon 1985, ch. 8; Hockney & Eastwood 1988, sec. 5.3",
    names=_NAMES
    | {
        "deposit_charge": "charge_deposition|scatter_charge|deposit|deposit_density",
        "share": "amount|contribution",
    },
    double=True,
)
def deposit_charge(d: Draft) -> None:
    """Deposits particle charges onto a periodic grid (PIC)."""
    g = Periodic(d)
    charges = d.option("charges", "equal", "each", "species")
    current = d.flag("current", 0.3)
    if current:
        d.calls("deposit_current|current_deposition|scatter_current")
    g.place(d)
    if current:
        d.input("v", g.type, g.count, -1.0, 1.0, about="Particle velocities")
    if charges == "equal":
        d.param("charge", "float", 0.5, 2.0, about="Macro-particle charge")
    elif charges == "each":
        d.input("charge", "float", g.count, -1.0, 1.0, about="Macro-particle charges")
    else:
        d.input("species", "int", g.count, 0, 3, about="Per-particle species index")
        d.input("charge", "float", 3, -1.0, 1.0, about="Per-species macro-particle charge")
    g.sizes(d)
    if current:
        d.output("current", g.type, g.shape, about="Nodal current density")
    else:
        d.output("rho", "float", g.shape, about="Nodal charge density")
    amount = {"equal": "charge", "each": "charge[p]", "species": "charge[species[p]]"}[charges]
    volume = " * ".join(["inv_dx"] * g.dimension)
    d.launch(g.count)
    d.code(
        """
        p = wp.tid()
        xp = x[p] * inv_dx
        # Divide by the cell volume to get a density
        share = $amount * $volume$v
        $loops
        """,
        amount=amount,
        volume=volume,
        v=" * v[p]" if current else "",
        loops=g.loops,
        inner="wp.atomic_add($target, $node, weight * share)",
        what="Current" if current else "Charge",
        target="current" if current else "rho",
        node=g.node,
    )
    if current:
        d.says("Deposits particle currents onto a periodic grid (PIC).")
    d.explain(f"""
        Weights sum to one per particle, so the total {"current" if current else "charge"} is conserved{"; the continuity equation does not hold node by node" if current else ""}.
        Node indices wrap around periodically. The output grid must be zeroed before launching this kernel.
    """)

    def reference(v: Values) -> dict[str, Any]:
        q = v.charge[v.species] if charges == "species" else np.broadcast_to(v.charge, g.count)
        weight = g.weights(v) * g.n**g.dimension
        if not current:
            return {"rho": np.tensordot(q, weight, (0, 0))}
        flow = q * v.v if g.dimension == 1 else q[:, None] * v.v
        made = np.tensordot(flow, weight, (0, 0))
        return {"current": np.moveaxis(made, 0, -1) if g.dimension > 1 else made}

    d.check(reference, 3e-4)


@DOMAIN.algorithm(
    source="Birdsall & Langdon 1985, sec. 2-6 and 8-6",
    names=_NAMES
    | {
        "gather_field": "field_gather|interpolate_field|push_electrostatic|gather",
        "e_p": "ep|local_field",
    },
    double=True,
)
def gather_field(d: Draft) -> None:
    """Gathers a periodic grid field at particle positions and accelerates the particles."""
    g = Periodic(d)
    result = d.option("result", "field", "kick", "kick and drift")
    d.calls({
        "field": "gather_field|field_gather|interpolate_field",
        "kick": "gather_and_kick|kick_particles|accelerate_particles",
        "kick and drift": "push_electrostatic|push_particles|gather_and_push",
    }[result])  # fmt: skip
    source = d.option("source", "field", "potential")
    if source == "potential" and g.dimension == 3:
        source = "field"
    g.place(d)
    if result != "field":
        d.input("v", g.type, g.count, -1.0, 1.0, about="Particle velocities")
    if source == "field":
        d.input("field", g.type, g.shape, -1.0, 1.0, about="Nodal electric field")
    else:
        d.input("phi", "float", g.shape, -1.0, 1.0, about="Nodal electrostatic potential")
    if result != "field":
        d.param("qm", "float", -1.0, 1.0, about="Charge-to-mass ratio")
        d.param("dt", "float", 0.01, 0.1, about="Time step")
    g.sizes(d)
    if result == "kick and drift":
        d.output("x_new", g.type, g.count, about="Updated positions, not wrapped")
    if result == "field":
        d.output("e_p_out", g.type, g.count, about="Electric field at the particles")
    else:
        d.output("v_new", g.type, g.count, about="Updated velocities")
    zero = "float(0.0)" if g.dimension == 1 else f"wp.{g.type}()"
    if source == "field":
        inner = "e_p += weight * field[$node]"
    elif g.dimension == 1:
        inner = """
        # E = -grad(phi), central differences
        e_p -= weight * 0.5 * inv_dx * (phi[(i + 1 + nodes) % nodes] - phi[(i - 1 + nodes) % nodes])
        """
    else:
        inner = """
        # E = -grad(phi), central differences at the node
        ii = (i + nodes) % nodes
        jj = (j + nodes) % nodes
        gx = phi[(i + 1 + nodes) % nodes, jj] - phi[(i - 1 + nodes) % nodes, jj]
        gy = phi[ii, (j + 1 + nodes) % nodes] - phi[ii, (j - 1 + nodes) % nodes]
        e_p -= weight * 0.5 * inv_dx * wp.vec2(gx, gy)
        """
    stores = {
        "field": "e_p_out[p] = e_p",
        "kick": "v_new[p] = v[p] + qm * dt * e_p",
        "kick and drift": "v1 = v[p] + qm * dt * e_p\nv_new[p] = v1\nx_new[p] = x[p] + dt * v1",
    }
    d.launch(g.count)
    d.code(
        "p = wp.tid()\nxp = x[p] * inv_dx\ne_p = $zero\n$loops\n$store",
        zero=zero,
        loops=g.loops,
        inner=inner,
        node=g.node,
        store=stores[result],
    )
    of = "field" if source == "field" else "potential"
    ending = {
        "field": "Gathers the electric field from a periodic grid at particle positions."
        if source == "field"
        else "Gathers the electric field at particle positions from a periodic potential grid.",
        "kick": f"Accelerates particles using the electric {of} on a periodic grid.",
        "kick and drift": f"Accelerates and moves particles using the electric {of} on a periodic grid.",
    }
    d.says(ending[result])

    def reference(v: Values) -> dict[str, Any]:
        weight = g.weights(v)
        if source == "field":
            field = v.field
        else:
            half = 0.5 * g.n
            axes = range(g.dimension)
            slopes = [half * (np.roll(v.phi, 1, a) - np.roll(v.phi, -1, a)) for a in axes]
            field = slopes[0] if g.dimension == 1 else np.stack(slopes, -1)
        nodes = tuple(range(1, g.dimension + 1))
        e = np.tensordot(weight, field, (nodes, tuple(range(g.dimension))))
        if result == "field":
            return {"e_p_out": e}
        u = v.v + v.qm * v.dt * e
        return {"v_new": u} if result == "kick" else {"v_new": u, "x_new": v.x + v.dt * u}

    d.check(reference, 5e-4)


@DOMAIN.algorithm(
    source="Boris 1970; Birdsall & Langdon 1985, sec. 4-3; Vay 2008 (momenta)",
    names={
        "boris_push": "push_particles|boris|boris_step|push_boris",
        "v": "vel|velocities|particle_v",
        "u": "reduced_momenta|gamma_v|proper_velocity",
        "e_field": "E|electric|e",
        "b_field": "B|magnetic|b",
        "t": "t_vec|tvec",
        "qm": "charge_to_mass|q_over_m|qom",
        "dt": "h|step|delta_t",
        "v_new": "v_out|vel_out|velocity_out",
        "u_new": "u_out|reduced_momenta_out|gamma_v_out",
    },
    double=True,
    adjoint="either",
    weight=2,
)
def boris_push(d: Draft) -> None:
    """Advances charged particle velocities using the Boris scheme."""
    electric = d.option("electric", "each", "uniform", "none")
    if electric == "none":
        d.calls("boris_rotation|rotate_velocities|magnetic_rotation")
    magnetic = d.option("magnetic", "each", "uniform", "mirror")
    relativistic = d.flag("relativistic", 0.35)
    moved = d.flag("moved")
    species = d.option("species", "one", "each")
    exact = d.option("rotation", "boris", "tangent")
    count = d.pick(64, 128, 256)
    if moved or magnetic == "mirror":
        d.input("x", "vec3", count, -1.0, 1.0, about="Particle positions")
    what = "momenta per unit mass" if relativistic else "velocities"
    speed = "u" if relativistic else "v"
    d.input(speed, "vec3", count, -1.0, 1.0, about=f"Particle {what}")
    if electric == "each":
        d.input("e_field", "vec3", count, -1.0, 1.0, about="Electric field at the particles")
    elif electric == "uniform":
        d.param("e_field", "vec3", -1.0, 1.0, about="Uniform electric field")
    if magnetic == "each":
        d.input("b_field", "vec3", count, -2.0, 2.0, about="Magnetic field at the particles")
    elif magnetic == "uniform":
        d.param("b_field", "vec3", -2.0, 2.0, about="Uniform magnetic field")
    else:
        d.param("b0", "float", 0.5, 2.0, about="Magnetic field strength at the center")
        d.param("length", "float", 1.0, 2.0, about="Magnetic mirror length")
    if species == "each":
        d.input("qm", "float", count, -1.0, 1.0, about="Charge-to-mass ratios")
    else:
        d.param("qm", "float", -1.0, 1.0, about="Charge-to-mass ratio")
    d.param("dt", "float", 0.05, 0.3, about="Time step")
    if relativistic:
        d.param("c", "float", 1.5, 3.0, about="Speed of light")
    if moved:
        d.output("x_new", "vec3", count, about="Updated positions")
    d.output(f"{speed}_new", "vec3", count, about=f"Updated {what}")
    letter = "u" if relativistic else "v"
    end = f"{letter}_plus" if electric == "none" else f"{letter}1"
    b = "b_field" if magnetic == "uniform" else "b"
    q = "qm[tid]" if species == "each" else "qm"
    e = "e_field[tid]" if electric == "each" else "e_field"
    fields = {
        "each": "b = b_field[tid]",
        "uniform": "",
        "mirror": """
        # Magnetic mirror: B_z increases towards both ends; B_x and B_y follow from div(B) = 0
        z = x[tid][2] / length
        b = b0 * wp.vec3(-x[tid][0] * z / length, -x[tid][1] * z / length, 1.0 + z * z)
        """,
    }
    d.launch(count)
    d.code(
        f"""
        tid = wp.tid()
        half_qm_dt = 0.5 * dt * $q
        $field
        {letter}_minus = $speed[tid]$kick
        $gamma
        $t
        {letter}_prime = {letter}_minus + wp.cross({letter}_minus, t)
        # 2 / (1 + t^2) makes the rotation norm-preserving
        {letter}_plus = {letter}_minus + 2.0 / (1.0 + wp.dot(t, t)) * wp.cross({letter}_prime, t)
        $last
        $target[tid] = $end
        $move
        """,
        speed=speed,
        target=f"{speed}_new",
        q=q,
        field=fields[magnetic],
        kick="" if electric == "none" else f" + half_qm_dt * {e}",
        gamma="""
        # Relativistic: evaluate gamma at the half step
        gamma = wp.sqrt(1.0 + wp.dot(u_minus, u_minus) / (c * c))
        """
        if relativistic
        else "",
        t=f"t = half_qm_dt{' / gamma' if relativistic else ''} * {b}"
        if exact == "boris"
        else f"""
        # use tan(angle / 2) so that the gyrophase is exact for any time step
        b_size = {f"wp.length({b})" if magnetic == "mirror" else f"wp.max(wp.length({b}), 1.0e-12)"}
        t = wp.tan(half_qm_dt{" / gamma" if relativistic else ""} * b_size) / b_size * {b}
        """,
        last="" if electric == "none" else f"{end} = {letter}_plus + half_qm_dt * {e}",
        end=end,
        move=""
        if not moved
        else f"x_new[tid] = x[tid] + dt * {end}"
        if not relativistic
        else f"x_new[tid] = x[tid] + dt / wp.sqrt(1.0 + wp.dot({end}, {end}) / (c * c)) * {end}",
    )
    ending = " and moves the particles" if moved else ""
    if electric == "none":
        d.says(f"Rotates charged particle {what} about the magnetic field (Boris){ending}.")
    else:
        d.says(f"Advances charged particle {what} with the Boris scheme{ending}.")

    def reference(v: Values) -> dict[str, Any]:
        h = 0.5 * v.dt * (v.qm[:, None] if species == "each" else v.qm)
        kick = 0.0 if electric == "none" else h * v.e_field
        if magnetic == "mirror":
            z = v.x[:, 2] / v.length
            b = v.b0 * np.stack([-v.x[:, 0] * z / v.length, -v.x[:, 1] * z / v.length, 1.0 + z * z], -1)
        else:
            b = np.broadcast_to(v.b_field, (count, 3))
        u = v[speed] + kick
        g = np.sqrt(1.0 + (u**2).sum(-1, keepdims=True) / v.c**2) if relativistic else 1.0
        size = np.linalg.norm(b, axis=-1, keepdims=True)
        # a rotation about -b by twice the angle whose tangent is |t| (Rodrigues)
        half_angle = h / g * size
        angle = 2.0 * (np.arctan(half_angle) if exact == "boris" else half_angle)
        n = -b / size
        along = (u * n).sum(-1, keepdims=True) * n
        turned = along + np.cos(angle) * (u - along) + np.sin(angle) * np.cross(n, u)
        new = turned + kick
        if not moved:
            return {f"{speed}_new": new}
        g = np.sqrt(1.0 + (new**2).sum(-1, keepdims=True) / v.c**2) if relativistic else 1.0
        return {f"{speed}_new": new, "x_new": v.x + v.dt * new / g}

    d.check(reference, 3e-4)
