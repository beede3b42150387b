"""The material point method: particles to grid and back, and the grid's update."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.particle import DOMAIN
from warpgen.synthesis.library import bsplines
from warpgen.synthesis.library.bsplines import Spline
from warpgen.synthesis.writing.draft import Draft, Values

NAMES = {
    "x": "particle_x|pos|positions|particle_q",
    "v": "particle_v|vel|velocities|particle_qd",
    "c": "C|particle_C",
    "m": "mass|particle_mass",
    "grid_m": "grid_mass|node_mass",
    "grid_mv": "grid_momentum|node_momentum|node_mv",
    "grid_v": "node_v|grid_velocity|grid_v_out",
    "inv_dx": "inv_h|inv_cell",
    "weight": "w|wgt",
    "padding": "bound|border",
}


def loops(spline: Spline, dimension: int) -> str:
    """Loops over the nodes that a particle at `xp` (in cells) touches: `$inner` for each."""
    text, indent = "", ""
    for n, a in enumerate("ijk"[:dimension]):
        shift = f" - {spline.shift}" if spline.shift else ""
        text += f"base_{a} = int(wp.floor(xp[{n}]{shift}))\n"
    for a in "ijk"[:dimension]:
        text += f"{indent}for {a} in range(base_{a}, base_{a} + {spline.order}):\n"
        indent += "    "
    offset = ", ".join(f"float({a}) - xp[{n}]" for n, a in enumerate("ijk"[:dimension]))
    weight = " * ".join(f"{spline.weight.name}(d_x[{n}])" for n in range(dimension))
    text += f"{indent}# from the particle to the node, in cells\n{indent}d_x = wp.vec{dimension}({offset})\n"
    return text + f"{indent}weight = {weight}\n{indent}$inner\n"


def indices(dimension: int, flat: bool) -> str:
    """How a node is found in an array of nodes."""
    axes = ", ".join("ijk"[:dimension])
    if not flat:
        return axes
    return "i * grid_n + j" if dimension == 2 else "(i * grid_n + j) * grid_n + k"


class Transfer:
    """What particles and nodes share: arguments, sizes, weights and distances."""

    def __init__(self, d: Draft) -> None:
        self.dimension = dim = d.option("dimension", 2, 3)
        self.spline = d.option("spline", *bsplines.SPLINES)
        self.flat = d.flag("flat", 0.3)
        self.n = d.pick(12, 16) if dim == 2 else 8
        self.count = d.pick(48, 64, 96)
        self.vector, self.matrix = f"vec{dim}", f"mat{dim}{dim}"
        self.extent = (self.n + 1,) * dim
        self.shape: int | tuple[int, ...] = (self.n + 1) ** dim if self.flat else self.extent
        self.node = indices(dim, self.flat)
        self.loops = loops(self.spline, dim)
        d.use(self.spline.weight)

    def ends(self, d: Draft) -> None:
        """The last arguments: what turns positions into cells."""
        d.param("inv_dx", "float", float(self.n), about="Inverse grid spacing")
        if self.flat:
            d.param("grid_n", "int", self.n + 1, about="Nodes per side")

    def tensors(self, v: Values) -> tuple[Any, Any]:
        """Weights (particles by nodes), and offsets node - particle in cells."""
        cells = v.x * v.inv_dx
        weight = bsplines.tensor(self.spline, cells, self.extent).reshape(self.count, -1)
        place = np.stack(np.meshgrid(*[np.arange(e) for e in self.extent], indexing="ij"), -1)
        return weight, place.reshape(-1, self.dimension) - cells[:, None]

    def shaped(self, values: Any) -> Any:
        """Values of nodes as the output has them."""
        shape = (self.shape,) if isinstance(self.shape, int) else self.shape
        return values.reshape(*shape, *values.shape[1:])


@DOMAIN.algorithm(
    source="Jiang et al. 2015 (APIC); Hu et al. 2018 (MLS-MPM), eq. 29; Stomakhin et al. 2013",
    names=NAMES
    | {
        "particles_to_grid": "p2g|p2g_kernel|scatter_to_grid|transfer_to_grid",
        "vol": "volume|particle_vol|vol0",
        "tau": "stress|particle_stress|kirchhoff",
        "affine": "q|Q|aff",
    },
    double=True,
)
def particles_to_grid(d: Draft) -> None:
    """Transfers particle mass and momentum to the grid (P2G)."""
    t = Transfer(d)
    scheme = d.option("scheme", "pic", "apic", "mls")
    if scheme == "mls" and t.spline is bsplines.LINEAR:
        # only for wider splines is the matrix D of MLS the same everywhere
        scheme = "apic"
    masses = d.option("mass", "array", "one")
    d.input("x", t.vector, t.count, 0.25, 0.75, about="Particle positions")
    d.input("v", t.vector, t.count, -1.0, 1.0, about="Particle velocities")
    if scheme != "pic":
        d.input("c", t.matrix, t.count, -2.0, 2.0, about="Affine velocity matrices (APIC)")
    if scheme == "mls":
        d.input("tau", t.matrix, t.count, -20.0, 20.0, about="Kirchhoff stresses")
        d.param("vol", "float", 1e-4, 1e-3, about="Particle volume at rest")
        d.param("dt", "float", 0.001, 0.01, about="Time step")
    if masses == "array":
        d.input("m", "float", t.count, 0.5, 2.0, about="Particle masses")
    else:
        d.param("m", "float", 0.5, 2.0, about="Mass of a particle")
    t.ends(d)
    d.output("grid_m", "float", t.shape, about="Mass per node")
    d.output("grid_mv", t.vector, t.shape, about="Momentum per node")
    momentum = {
        "pic": "wp.atomic_add(grid_mv, $node, weight * mp * vp)",
        "apic": "wp.atomic_add(grid_mv, $node, weight * mp * (vp + cp * (d_x / inv_dx)))",
        "mls": "wp.atomic_add(grid_mv, $node, weight * (mp * vp + affine * (d_x / inv_dx)))",
    }
    d.launch(t.count)
    d.code(
        """
        p = wp.tid()
        xp = x[p] * inv_dx
        vp = v[p]
        mp = $mass
        $affine
        $loops
        """,
        mass="m[p]" if masses == "array" else "m",
        affine={
            "pic": "",
            "apic": "cp = c[p]",
            "mls": """
            # MLS-MPM: fuse the stress force with the affine momentum, one mat-vec per node
            affine = mp * c[p] - (dt * vol * $d_inv * inv_dx * inv_dx) * tau[p]
            """,
        }[scheme],
        # the inverse of sum_i w_i d_i d_i^T in cells
        d_inv="3.0" if t.spline is bsplines.CUBIC else "4.0",
        loops=t.loops,
        inner="wp.atomic_add(grid_m, $node, weight * mp)\n$momentum",
        momentum=momentum[scheme],
        node=t.node,
    )
    what = {
        "pic": "m v",
        "apic": "m (v + C (x_i - x_p))",
        "mls": "m (v + C (x_i - x_p)) - dt V D^-1 tau (x_i - x_p)",
    }
    d.says(
        {
            "pic": "Transfers particle mass and momentum to the grid (P2G).",
            "apic": "Transfers particle mass and affine momentum to the grid (APIC P2G).",
            "mls": "Transfers mass, affine momentum and stress forces to the grid (MLS-MPM P2G).",
        }[scheme]
    )
    d.explain(f"""
        Node i receives w_ip {what[scheme]}; `inv_dx` is the number of cells per unit of length.
        The grid must be cleared before.
    """)

    def reference(v: Values) -> dict[str, Any]:
        weight, offset = t.tensors(v)
        m = np.broadcast_to(v.m, t.count)[:, None]
        momentum = (m * v.v)[:, None] + np.zeros(offset.shape)
        if scheme != "pic":
            affine = m[..., None] * v.c
            if scheme == "mls":
                scale = 3.0 if t.spline is bsplines.CUBIC else 4.0
                affine = affine - v.dt * v.vol * scale * v.inv_dx**2 * v.tau
            momentum = momentum + np.einsum("pab,pnb->pna", affine, offset / v.inv_dx)
        return {
            "grid_m": t.shaped((weight * m).sum(axis=0)),
            "grid_mv": t.shaped((weight[..., None] * momentum).sum(axis=0)),
        }

    d.check(reference, 3e-4)


@DOMAIN.algorithm(
    source="Jiang et al. 2015 (APIC), eq. 8; Brackbill & Ruppel 1986 (FLIP); Zhu & Bridson 2005",
    names=NAMES
    | {
        "grid_to_particles": "g2p|g2p_kernel|gather_from_grid|transfer_to_particles",
        "vp": "new_v|v_pic|vel_p",
        "b": "B|new_c|outer_sum",
        "flip": "flip_ratio|alpha|blend",
        "v_new": "v_out|particle_v_out|vel_out",
        "c_new": "c_out|particle_C_out|affine_out",
    },
    double=True,
)
def grid_to_particles(d: Draft) -> None:
    """Transfers grid velocities to particles (G2P)."""
    t = Transfer(d)
    scheme = d.option("scheme", "pic", "apic", "flip", "gradient")
    if t.spline is bsplines.LINEAR and scheme in ("apic", "gradient"):
        # only for wider splines is the matrix D of APIC the same everywhere
        scheme = {"apic": "pic", "gradient": "flip"}[scheme]
    if scheme == "gradient":
        d.calls("affine_matrices|g2p_gradient|velocity_gradients")
    moved = d.flag("moved", 0.4) and scheme != "gradient"
    d.input("x", t.vector, t.count, 0.25, 0.75, about="Particle positions")
    d.input("grid_v", t.vector, t.shape, -1.0, 1.0, about="Velocity per node")
    if scheme == "flip":
        d.input("grid_old", t.vector, t.shape, -1.0, 1.0, about="Node velocities before the forces")
        d.input("v", t.vector, t.count, -1.0, 1.0, about="Particle velocities")
        d.param("flip", "float", 0.9, 0.99, about="FLIP ratio, 0 is PIC")
    t.ends(d)
    if moved:
        d.param("dt", "float", 0.001, 0.01, about="Time step")
        d.output("x_new", t.vector, t.count, about="Updated positions")
    if scheme != "gradient":
        d.output("v_new", t.vector, t.count, about="Updated velocities")
    if scheme in ("apic", "gradient"):
        d.output("c_new", t.matrix, t.count, about="Updated affine matrices")
    starts = {
        "pic": f"vp = wp.{t.vector}()",
        "apic": f"vp = wp.{t.vector}()\nb = wp.{t.matrix}()",
        "flip": f"vp = wp.{t.vector}()\ndv = wp.{t.vector}()",
        "gradient": f"b = wp.{t.matrix}()",
    }
    inner = {
        "pic": "vp += weight * grid_v[$node]",
        "apic": "g_v = grid_v[$node]\nvp += weight * g_v\nb += wp.outer(weight * g_v, d_x)",
        "flip": "g_v = grid_v[$node]\nvp += weight * g_v\ndv += weight * (g_v - grid_old[$node])",
        "gradient": "b += wp.outer(weight * grid_v[$node], d_x)",
    }
    scale = "3.0" if t.spline is bsplines.CUBIC else "4.0"
    stores = {
        "pic": "v_new[p] = vp",
        "apic": f"v_new[p] = vp\nc_new[p] = {scale} * inv_dx * b",
        "flip": """
        # Blend FLIP (grid velocity change) with PIC to damp noise
        v_new[p] = flip * (v[p] + dv) + (1.0 - flip) * vp
        """,
        "gradient": f"c_new[p] = {scale} * inv_dx * b",
    }
    d.launch(t.count)
    d.code(
        """
        p = wp.tid()
        xp = x[p] * inv_dx
        $start
        $loops
        $store
        $move
        """,
        start=starts[scheme],
        loops=t.loops,
        inner=inner[scheme],
        node=t.node,
        store=stores[scheme],
        move="x_new[p] = x[p] + dt * vp" if moved else "",
    )
    if scheme == "gradient":
        d.says("Computes affine velocity matrices of particles from the grid (APIC).")
    else:
        what = {
            "pic": "grid velocities to particles",
            "apic": "grid velocities and their gradients to particles",
            "flip": "grid velocities and their changes to particles",
        }[scheme]
        ending = " and advects the particles" if moved else ""
        d.says(f"Transfers {what}{ending} ({scheme.upper()} G2P).")
    d.explain("""
        Nodes are weighted by tensor product B-splines; particles must stay away from the ends of the grid.
    """)

    def reference(v: Values) -> dict[str, Any]:
        weight, offset = t.tensors(v)
        grid = v.grid_v.reshape(-1, t.dimension)
        pic = weight @ grid
        made = {"v_new": pic}
        if scheme == "flip":
            made["v_new"] = v.flip * (v.v + weight @ (grid - v.grid_old.reshape(grid.shape)))
            made["v_new"] = made["v_new"] + (1.0 - v.flip) * pic
        if scheme in ("apic", "gradient"):
            made["c_new"] = float(scale) * v.inv_dx * np.einsum("pn,na,pnb->pab", weight, grid, offset)
        if scheme == "gradient":
            del made["v_new"]
        return made | {"x_new": v.x + v.dt * pic} if moved else made

    d.check(reference, 3e-4)


@DOMAIN.algorithm(
    source="Stomakhin et al. 2013, sec. 4; Klar et al. 2016 (boundaries with friction)",
    names=NAMES
    | {
        "grid_update": "update_grid|grid_op|normalize_grid|grid_normalization_and_gravity",
        "min_mass": "mass_eps|empty_mass|mass_threshold",
        "gravity": "g|gravitational_acceleration",
        "friction": "mu|floor_friction",
    },
    double=True,
    adjoint="no",
    weight=3,
)
def grid_update(d: Draft) -> None:
    """Turns grid momentum into velocity, applies gravity and boundary conditions."""
    dimension = d.option("dimension", 2, 3)
    walls = d.option("walls", "slip", "sticky", "friction", "floor")
    damped = d.flag("damped", 0.3)
    empty = d.option("empty", "return", "inside")
    place = d.option("place", "in place", "other array")
    n = d.pick(12, 16, 20) if dimension == 2 else d.pick(6, 8)
    vector, axes = f"vec{dimension}", "ijk"[:dimension]
    shape = (n,) * dimension
    d.input("grid_m", "float", shape, 0.0, 1.0, about="Mass per node")
    if place == "in place":
        d.inout("grid_mv", vector, shape, -1.0, 1.0, about="Momentum per node, velocity afterwards")
    else:
        d.input("grid_mv", vector, shape, -1.0, 1.0, about="Momentum per node")
    d.param("min_mass", "float", 0.05, 0.2, about="Mass up to which a node counts as empty")
    d.param("gravity", vector, -9.81, 9.81, about="Gravity")
    d.param("dt", "float", 0.001, 0.01, about="Time step")
    if damped:
        d.param("damping", "float", 0.5, 5.0, about="Velocity damping")
    if walls == "friction":
        d.param("friction", "float", 0.1, 0.6, about="Friction coefficient of the floor")
    d.param("padding", "int", 2, about="Width of the boundary in cells")
    target = "grid_mv"
    if place != "in place":
        d.output("grid_v", vector, shape, about="Velocity per node")
        target = "grid_v"
    indices_ = ", ".join(axes)
    at_wall = " or ".join(f"{a} < padding or {a} >= grid_m.shape[{m}] - padding" for m, a in enumerate(axes))
    slip = "".join(
        f"""
if {a} < padding and vel[{m}] < 0.0:
    vel[{m}] = 0.0
if {a} >= grid_m.shape[{m}] - padding and vel[{m}] > 0.0:
    vel[{m}] = 0.0"""
        for m, a in enumerate(axes)
    )
    texts = {
        "slip": "# Slip walls: remove the velocity component into the wall" + slip,
        "sticky": f"# Sticky walls: nothing moves within the border\nif {at_wall}:\n    vel = wp.{vector}()",
        "friction": """
        # Coulomb friction: the tangential change is at most mu times the normal one
        if j < padding and vel[1] < 0.0:
            slip = vel
            slip[1] = 0.0
            speed = wp.length(slip)
            vel = slip * wp.max(1.0 + friction * vel[1] / wp.max(speed, 1.0e-6), 0.0)
        """,
        "floor": "if j < padding:\n    vel[1] = wp.max(vel[1], 0.0)",
    }
    body = """
    vel = grid_mv[$at] / mass + dt * gravity
    $damp
    $walls
    $target[$at] = vel
    """
    texts_ = {
        "return": "# No particle is near an empty node\nif mass <= min_mass:\n    return\n" + "$body",
        "inside": "if mass > min_mass:\n    $body",
    }
    ground = {
        "slip": "with slip walls",
        "sticky": "with sticky walls",
        "friction": "with friction on the floor",
        "floor": "above a slip floor",
    }
    d.says(f"Turns grid momentum into velocity and applies gravity, {ground[walls]}.")
    d.launch(*shape)
    d.code(
        """
        $axes = wp.tid()
        mass = grid_m[$at]
        $rest
        """,
        axes=indices_,
        at=indices_,
        rest=texts_[empty],
        body=body,
        damp="vel = vel * wp.exp(-damping * dt)" if damped else "",
        walls=texts[walls],
        target=target,
    )

    def reference(v: Values) -> dict[str, Any]:
        full = (v.grid_m > v.min_mass)[..., None]
        vel = v.grid_mv / np.where(full, v.grid_m[..., None], 1.0) + v.dt * v.gravity
        if damped:
            vel = vel * np.exp(-v.damping * v.dt)
        place_ = np.moveaxis(np.indices(shape), 0, -1)
        low, high = place_ < v.padding, place_ >= n - v.padding
        if walls == "slip":
            vel = np.where(low, np.maximum(vel, 0.0), vel)
            vel = np.where(high, np.minimum(vel, 0.0), vel)
        elif walls == "sticky":
            vel = np.where((low | high).any(-1, keepdims=True), 0.0, vel)
        elif walls == "floor":
            vel[..., 1] = np.where(low[..., 1], np.maximum(vel[..., 1], 0.0), vel[..., 1])
        else:
            stopped = low[..., 1] & (vel[..., 1] < 0.0)
            slip_ = vel * np.where(np.arange(dimension) == 1, 0.0, 1.0)
            speed = np.maximum(np.linalg.norm(slip_, axis=-1), 1e-6)
            kept = np.maximum(1.0 + v.friction * vel[..., 1] / speed, 0.0)
            vel = np.where(stopped[..., None], slip_ * kept[..., None], vel)
        return {target: np.where(full, vel, v.grid_mv if place == "in place" else 0.0)}

    d.check(reference)
