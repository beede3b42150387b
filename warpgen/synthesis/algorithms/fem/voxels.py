"""Trilinear hexahedra on a regular grid of cells: forces and energies of large deformations."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.fem import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

MATERIAL = piece(
    '''
@wp.struct
class ElasticMaterial:
    """Material Lame parameters."""

    mu: float
    lam: float
'''
)

_CORNER = '''
@wp.func
def shape_gradient(corner: int, xi: wp.vec3, inv_half: wp.vec3) -> wp.vec3:
    """Evaluate the gradient of a trilinear shape function.

    Args:
        corner: Cell corner, bits 0 to 2 select the side along x, y and z.
        xi: Reference coordinates in [-1, 1].
        inv_half: Inverse half cell size, maps reference to spatial derivatives.
    """
    sx = 2.0 * float(corner & 1) - 1.0
    sy = 2.0 * float((corner >> 1) & 1) - 1.0
    sz = 2.0 * float((corner >> 2) & 1) - 1.0
    # N = (1 + sx x) (1 + sy y) (1 + sz z) / 8
    nx = 1.0 + sx * xi[0]
    ny = 1.0 + sy * xi[1]
    nz = 1.0 + sz * xi[2]
    return 0.125 * wp.cw_mul(wp.vec3(sx * ny * nz, sy * nx * nz, sz * nx * ny), inv_half)
'''

_POINT = {
    "full": '''
@wp.func
def quadrature_point(index: int) -> wp.vec3:
    """Return a 2x2x2 Gauss quadrature point (all weights are one)."""
    a = 0.5773502691896258
    return wp.vec3(
        wp.where(index & 1, a, -a),
        wp.where(index & 2, a, -a),
        wp.where(index & 4, a, -a),
    )
''',
    "lobatto": '''
@wp.func
def quadrature_point(index: int) -> wp.vec3:
    """Return a cell corner as quadrature point (trapezoidal rule, all weights are one)."""
    return wp.vec3(
        wp.where(index & 1, 1.0, -1.0),
        wp.where(index & 2, 1.0, -1.0),
        wp.where(index & 4, 1.0, -1.0),
    )
''',
}

_GRADIENT = '''
@wp.func
def displacement_gradient(
    i: int, j: int, k: int, xi: wp.vec3, inv_half: wp.vec3, u: wp.array3d(dtype=wp.vec3)
) -> wp.mat33:
    """Compute the displacement gradient at a quadrature point."""
    grad_u = wp.mat33()
    for corner in range(8):
        u_corner = u[i + (corner & 1), j + ((corner >> 1) & 1), k + ((corner >> 2) & 1)]
        grad_u += wp.outer(u_corner, shape_gradient(corner, xi, inv_half))
    return grad_u
'''

_LAWS = {
    "linear": (
        '''
@wp.func
def stress(grad_u: wp.mat33, mu: float, lam: float) -> wp.mat33:
    """Small-strain Cauchy stress, sigma = 2 mu eps + lambda tr(eps) I."""
    eps = 0.5 * (grad_u + wp.transpose(grad_u))
    return 2.0 * mu * eps + lam * wp.trace(eps) * wp.identity(n=3, dtype=float)
''',
        '''
@wp.func
def energy_density(grad_u: wp.mat33, mu: float, lam: float) -> float:
    """Small-strain energy density, mu eps:eps + lambda / 2 tr(eps)^2."""
    eps = 0.5 * (grad_u + wp.transpose(grad_u))
    return mu * wp.ddot(eps, eps) + 0.5 * lam * wp.trace(eps) * wp.trace(eps)
''',
    ),
    "stvk": (
        '''
@wp.func
def stress(grad_u: wp.mat33, mu: float, lam: float) -> wp.mat33:
    """First Piola-Kirchhoff stress for the St. Venant-Kirchhoff model, P = F S."""
    F = grad_u + wp.identity(n=3, dtype=float)
    # Green-Lagrange strain
    E = 0.5 * (grad_u + wp.transpose(grad_u) + wp.transpose(grad_u) * grad_u)
    S = 2.0 * mu * E + lam * wp.trace(E) * wp.identity(n=3, dtype=float)
    return F * S
''',
        '''
@wp.func
def energy_density(grad_u: wp.mat33, mu: float, lam: float) -> float:
    """Strain energy density for the St. Venant-Kirchhoff model."""
    # Green-Lagrange strain
    E = 0.5 * (grad_u + wp.transpose(grad_u) + wp.transpose(grad_u) * grad_u)
    return mu * wp.ddot(E, E) + 0.5 * lam * wp.trace(E) * wp.trace(E)
''',
    ),
    "neo-hookean": (
        '''
@wp.func
def stress(grad_u: wp.mat33, mu: float, lam: float) -> wp.mat33:
    """First Piola-Kirchhoff stress for a compressible neo-Hookean solid.

    P = mu (F - F^-T) + lambda log(J) F^-T, from the energy mu/2 (tr(F^T F) - 3) - mu log(J) + lambda/2 log(J)^2.
    """
    F = grad_u + wp.identity(n=3, dtype=float)
    F_inv_t = wp.transpose(wp.inverse(F))
    # Clamp J, since the logarithm is undefined for inverted cells
    log_J = wp.log(wp.max(wp.determinant(F), 0.05))
    return mu * (F - F_inv_t) + lam * log_J * F_inv_t
''',
        '''
@wp.func
def energy_density(grad_u: wp.mat33, mu: float, lam: float) -> float:
    """Strain energy density for a compressible neo-Hookean solid."""
    F = grad_u + wp.identity(n=3, dtype=float)
    # Clamp J, since the logarithm is undefined for inverted cells
    log_J = wp.log(wp.max(wp.determinant(F), 0.05))
    return 0.5 * mu * (wp.ddot(F, F) - 3.0) - mu * log_J + 0.5 * lam * log_J * log_J
''',
    ),
}

# Apart, so that the kernel's text holds it once for each point only
_SCATTER = '''
@wp.func
def add_corner_forces(
    i: int,
    j: int,
    k: int,
    xi: wp.vec3,
    inv_half: wp.vec3,
    stress_volume: wp.mat33,
    $load
    node_force: wp.array3d(dtype=wp.vec3),
):
    """Accumulate quadrature point forces at the cell corners, f_a = -w P grad N_a."""
    for corner in range(8):
        f_corner = -(stress_volume * shape_gradient(corner, xi, inv_half))
        $share
        ni = i + (corner & 1)
        nj = j + ((corner >> 1) & 1)
        nk = k + ((corner >> 2) & 1)
        wp.atomic_add(node_force, ni, nj, nk, f_corner)
'''


@DOMAIN.algorithm(
    source="Hughes 2000, ch. 3 (trilinear bricks); Bonet & Wood 2008, ch. 6 (materials); Bendsoe & Sigmund 2003 (SIMP)",
    names={
        "voxel_elasticity": "hex_element_forces|hexahedron_forces|internal_forces|grid_elasticity",
        "u": "displacement|disp|node_disp",
        "node_force": "forces|f_int|residual",
        "cell_energy": "energy|strain_energy|element_energy",
        "cell_density": "rho|design_density|densities",
        "stiffness_scale": "simp_scale|penalized|scale",
        "grad_u": "H|du_dx",
        "POINTS": "QUADRATURE_POINTS|NUM_POINTS",
        "inv_half": "inv_half_size|dxi_dx",
    },
    double=True,
    weight=2,
)
def voxel_elasticity(d: Draft) -> None:
    """Accumulates internal forces of elastic hexahedral cells at the nodes of a regular grid."""
    law = d.option("law", *_LAWS)
    wanted = d.option("wanted", "force", "energy", weights=(0.7, 0.3))
    stiffness = d.option("stiffness", "uniform", "simp", "materials")
    mask = d.option("mask", "none", "active", "void")
    rule = d.option("rule", "full", "lobatto")
    spacing = d.option("spacing", "vector", "cubes")
    gravity = d.flag("gravity", 0.3) if wanted == "force" else False
    if wanted == "energy":
        d.calls("voxel_energy|hexahedron_energy|cell_energies|grid_strain_energy")
    cells = (d.pick(3, 4), d.pick(3, 4), d.pick(3, 4))
    nodes = tuple(n + 1 for n in cells)
    d.input("u", "vec3", nodes, -0.05, 0.05, about="Nodal displacements")
    if stiffness == "simp":
        d.input(
            "cell_density",
            "float",
            cells,
            0.0,
            1.0,
            about="Per-cell design density, 0 (void) to 1 (solid)",
        )
        d.param("penalty", "float", 2.0, 3.0, about="SIMP exponent")
        d.param("min_stiffness", "float", 0.001, 0.01, about="Void stiffness relative to solid")
    if mask == "active":
        d.mask("cell_active", "bool", cells, about="False for empty cells")
    elif mask == "void":
        d.input("cell_material", "int", cells, -1, 3, about="Material index per cell, -1 for empty cells")
    if stiffness == "materials":
        if mask != "void":
            d.input("cell_material", "int", cells, 0, 3, about="Material index per cell")
        d.struct(
            "materials",
            MATERIAL,
            {"mu": fill(1.0, 3.0), "lam": fill(1.0, 3.0)},
            3,
            about="Material table",
        )
    else:
        d.param("mu", "float", 1.0, 3.0, about="Shear modulus")
        d.param("lam", "float", 1.0, 3.0, about="First Lame parameter")
    if gravity:
        d.param("body_force", "vec3", -1.0, 1.0, about="Body force per unit volume [N/m^3]")
    if spacing == "vector":
        d.param("cell_size", "vec3", 0.3, 0.6, about="Cell edge lengths")
    else:
        d.param("cell_size", "float", 0.3, 0.6, about="Cell edge length")
    named = "2x2x2 Gauss rule" if rule == "full" else "one point per corner"
    d.module(f"POINTS = wp.constant(8)  # {named}")
    if wanted == "force":
        d.output("node_force", "vec3", nodes, about="Accumulated nodal forces")
    else:
        d.output("cell_energy", "float", cells, about="Per-cell strain energy")
    d.function(_CORNER)
    d.function(_POINT[rule])
    d.function(_GRADIENT)
    d.function(_LAWS[law][0 if wanted == "force" else 1])
    if wanted == "force":
        d.function(
            _SCATTER,
            load="load: wp.vec3," if gravity else "",
            share="# Lumped body force: one eighth per corner\nf_corner += 0.125 * load" if gravity else "",
        )
    skip = {
        "none": "",
        "active": "# Skip empty cells\nif not cell_active[i, j, k]:\n    return",
        "void": "# Skip empty cells (material of -1)\nif cell_material[i, j, k] < 0:\n    return",
    }
    size = {
        "vector": """
        inv_half = wp.vec3(2.0 / cell_size[0], 2.0 / cell_size[1], 2.0 / cell_size[2])
        volume = cell_size[0] * cell_size[1] * cell_size[2]
        """,
        "cubes": """
        inv_half = wp.vec3(2.0 / cell_size, 2.0 / cell_size, 2.0 / cell_size)
        volume = cell_size * cell_size * cell_size
        """,
    }
    lame = {
        "uniform": "",
        "simp": """
        # SIMP: penalize intermediate densities, keep a small void stiffness to avoid a singular system
        stiffness_scale = min_stiffness + (1.0 - min_stiffness) * wp.pow(cell_density[i, j, k], penalty)
        """,
        "materials": "material = materials[cell_material[i, j, k]]",
    }
    moduli = {
        "uniform": "mu, lam",
        "simp": "stiffness_scale * mu, stiffness_scale * lam",
        "materials": "material.mu, material.lam",
    }[stiffness]
    loop = {
        "force": f"""
        for point in range(POINTS):
            xi = quadrature_point(point)
            grad_u = displacement_gradient(i, j, k, xi, inv_half, u)
            P = stress(grad_u, {moduli})
            add_corner_forces(i, j, k, xi, inv_half, weight * P, $load node_force)
        """,
        "energy": f"""
        total = float(0.0)
        for point in range(POINTS):
            grad_u = displacement_gradient(i, j, k, quadrature_point(point), inv_half, u)
            total += weight * energy_density(grad_u, {moduli})
        cell_energy[i, j, k] = total
        """,
    }
    d.launch(*cells)
    d.code(
        """
        i, j, k = wp.tid()
        $skip
        $size
        # Each quadrature point gets an equal share of the cell volume
        weight = volume / float(POINTS)
        $lame
        $loop
        """,
        skip=skip[mask],
        size=size[spacing],
        lame=lame[stiffness],
        loop=loop[wanted],
        load="weight * body_force," if gravity else "",
    )
    d.text = d.text.replace(",  node_force", ", node_force")
    d.explain("""
        Displacements are interpolated trilinearly within each cell and integrated with eight
        points. Corners are numbered by bits: bit 0 is the upper side along x, bit 1 along y, bit 2 along z.
    """)
    if gravity:
        d.says("Accumulates elastic and body forces of hexahedral cells at the nodes of a regular grid.")
    if wanted == "energy":
        d.says("Computes strain energies of elastic hexahedral cells on a regular grid.")

    def energies(v: Values, moved: Any) -> Any:
        """Strain energies of all cells for nodal displacements."""
        h = np.broadcast_to(v.cell_size, 3)
        a = 1.0 / np.sqrt(3.0) if rule == "full" else 1.0
        total = np.zeros(cells)
        mu, lam = v.get("mu"), v.get("lam")
        if stiffness == "materials":
            mu, lam = (v[f"materials.{name}"][v.cell_material] for name in ("mu", "lam"))
        if stiffness == "simp":
            scale = v.min_stiffness + (1.0 - v.min_stiffness) * v.cell_density**v.penalty
            mu, lam = mu * scale, lam * scale
        for signs in np.ndindex(2, 2, 2):
            xi = a * (2.0 * np.array(signs) - 1.0)
            slope = np.zeros((*cells, 3, 3))
            for corner in np.ndindex(2, 2, 2):
                s = 2.0 * np.array(corner) - 1.0
                n = 1.0 + s * xi
                grad = 0.25 / h * s * np.array([n[1] * n[2], n[0] * n[2], n[0] * n[1]])
                block = moved[tuple(slice(c, c + m) for c, m in zip(corner, cells, strict=True))]
                slope += block[..., :, None] * grad
            f = slope + np.eye(3)
            strain = 0.5 * (slope + np.swapaxes(slope, -1, -2))
            if law == "stvk":
                strain = 0.5 * (np.swapaxes(f, -1, -2) @ f - np.eye(3))
            trace = np.trace(strain, axis1=-2, axis2=-1)
            psi = mu * (strain**2).sum((-1, -2)) + 0.5 * lam * trace**2
            if law == "neo-hookean":
                log = np.log(np.linalg.det(f))
                psi = 0.5 * mu * ((f**2).sum((-1, -2)) - 3.0) - mu * log + 0.5 * lam * log**2
            total += psi * h.prod() / 8.0
        return np.where(_present(v), total, 0.0)

    def _present(v: Values) -> Any:
        if mask == "active":
            return v.cell_active
        return v.cell_material >= 0 if mask == "void" else np.ones(cells, bool)

    def reference(v: Values) -> dict[str, Any]:
        if wanted == "energy":
            return {"cell_energy": energies(v, v.u)}
        force = np.zeros((*nodes, 3))
        i = np.indices(cells)
        for *color, axis in np.ndindex(2, 2, 2, 3):
            # Nodes two apart share no cell, so that all of them may be moved at once
            step = np.zeros_like(force)
            step[color[0] :: 2, color[1] :: 2, color[2] :: 2, axis] = 1e-5
            slope = (energies(v, v.u + step) - energies(v, v.u - step)) / 2e-5
            moved = tuple(i + (np.array(color)[:, None, None, None] - i) % 2)
            np.add.at(force[..., axis], moved, -slope)
        if gravity:
            load = 0.125 * np.prod(np.broadcast_to(v.cell_size, 3)) * v.body_force
            for cell in np.argwhere(_present(v)):
                for corner in np.ndindex(2, 2, 2):
                    force[tuple(cell + corner)] += load
        return {"node_force": force}

    d.check(reference, 1e-3)
