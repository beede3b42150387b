"""The material point method: particles to grid and back."""

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
    "grid_m": "grid_mass",
    "grid_mv": "grid_momentum",
    "grid_v": "grid_velocity|grid_vel",
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
    text += f"{indent}# particle-to-node offset in grid units\n{indent}d_x = wp.vec{dimension}({offset})\n"
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
            d.param("grid_n", "int", self.n + 1, about="Number of grid nodes per side")

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
        d.param("vol", "float", 1e-4, 1e-3, about="Initial particle volume")
        d.param("dt", "float", 0.001, 0.01, about="Time step")
    if masses == "array":
        d.input("m", "float", t.count, 0.5, 2.0, about="Particle masses")
    else:
        d.param("m", "float", 0.5, 2.0, about="Particle mass")
    t.ends(d)
    d.output("grid_m", "float", t.shape, about="Grid node mass")
    d.output("grid_mv", t.vector, t.shape, about="Grid node momentum")
    momentum = {
        "pic": "wp.atomic_add(grid_mv, $node, weight * $mp * vp)",
        "apic": "wp.atomic_add(grid_mv, $node, weight * $mp * (vp + cp * (d_x / inv_dx)))",
        "mls": "wp.atomic_add(grid_mv, $node, weight * ($mp * vp + affine * (d_x / inv_dx)))",
    }
    d.launch(t.count)
    d.code(
        """
        p = wp.tid()
        xp = x[p] * inv_dx
        vp = v[p]
        $mass
        $affine
        $loops
        """,
        mass="mp = m[p]" if masses == "array" else "",
        mp="mp" if masses == "array" else "m",
        affine={
            "pic": "",
            "apic": "cp = c[p]",
            "mls": """
            # Fuse stress and APIC terms into one affine matrix; D^-1 is $whole / h^2 for $order splines
            affine = $mp * c[p] - (dt * vol * $d_inv * inv_dx * inv_dx) * tau[p]
            """,
        }[scheme],
        whole="3" if t.spline is bsplines.CUBIC else "4",
        order="cubic" if t.spline is bsplines.CUBIC else "quadratic",
        # the inverse of sum_i w_i d_i d_i^T in cells
        d_inv="3.0" if t.spline is bsplines.CUBIC else "4.0",
        loops=t.loops,
        inner="wp.atomic_add(grid_m, $node, weight * $mp)\n$momentum",
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
            "pic": "Scatters particle mass and momentum to the grid (P2G).",
            "apic": "Scatters particle mass and affine momentum to the grid (APIC P2G).",
            "mls": "Scatters particle mass, affine momentum and stress to the grid using MLS-MPM (P2G).",
        }[scheme]
    )
    d.explain(f"""
        Node i receives w_ip {what[scheme]}; `inv_dx` is the inverse grid spacing.
        One thread per particle. The grid arrays must be zeroed before launch.
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
        "vp": "v_pic|vel_p",
        "b": "B|outer_sum",
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
    d.input("grid_v", t.vector, t.shape, -1.0, 1.0, about="Grid node velocity")
    if scheme == "flip":
        d.input("grid_old", t.vector, t.shape, -1.0, 1.0, about="Grid velocity before the force update")
        d.input("v", t.vector, t.count, -1.0, 1.0, about="Particle velocities")
        d.param("flip", "float", 0.9, 0.99, about="FLIP/PIC blend ratio, 0 is pure PIC")
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
    order = "cubic" if t.spline is bsplines.CUBIC else "quadratic"
    matrix = (
        f"# C = B D^-1, where D^-1 is {scale[0]} / h^2 for {order} splines\nc_new[p] = {scale} * inv_dx * b"
    )
    stores = {
        "pic": "v_new[p] = vp",
        "apic": f"v_new[p] = vp\n{matrix}",
        "flip": """
        # FLIP/PIC blend, since pure FLIP is noisy
        v_new[p] = flip * (v[p] + dv) + (1.0 - flip) * vp
        """,
        "gradient": matrix,
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
        d.says("Computes APIC affine velocity matrices from the grid velocity.")
    else:
        what = {
            "pic": "grid velocities to particles",
            "apic": "grid velocities and their gradients to particles",
            "flip": "grid velocities and velocity changes to particles",
        }[scheme]
        ending = " and advects the particles" if moved else ""
        d.says(f"Transfers {what}{ending} ({scheme.upper()} G2P).")
    d.explain("""
        Uses tensor-product B-spline weights. Particles must stay away from the grid boundary.
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
