"""The material point method with several materials in one scene: from particles to the grid."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.particle import DOMAIN
from warpgen.synthesis.algorithms.particle._materials import ELASTIC, FLUID, HENCKY, SAND, SNOW, deform
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

_PARAMS = '''
@wp.struct
class MPMParams:
    """MPM simulation parameters."""

    $fields
'''
_FIELDS = {
    "dt": fill(0.01, 0.02), "inv_dx": fill(8.0, 8.0), "mu": fill(1000.0, 2000.0), "lam": fill(1000.0, 2000.0),
    "bulk": fill(2000.0, 4000.0), "hardening": fill(8.0, 12.0), "max_compression": fill(0.02, 0.05),
    "max_stretch": fill(0.01, 0.03), "friction_slope": fill(0.2, 0.5),
}  # fmt: skip

_ABOUT = {
    "dt": "Time step [s]", "inv_dx": "Inverse grid spacing [1/m]", "mu": "Shear modulus [Pa]",
    "lam": "First Lame parameter [Pa]", "bulk": "Fluid bulk modulus [Pa]",
    "hardening": "Snow hardening exponent", "max_compression": "Critical compression for snow",
    "max_stretch": "Critical stretch for snow", "friction_slope": "Drucker-Prager cone slope for sand",
}  # fmt: skip

_WEIGHTS = '''
@wp.func
def bspline_weights(fx: float) -> wp.vec3:
    """Quadratic B-spline weights for the three nearest nodes; offset in [0.5, 1.5]."""
    left = 1.5 - fx
    right = fx - 0.5
    return wp.vec3(0.5 * left * left, 0.75 - (fx - 1.0) * (fx - 1.0), 0.5 * right * right)
'''

_SCATTER = '''
@wp.func
def scatter_to_grid(
    x: wp.vec3,
    mass: float,
    momentum: wp.vec3,
    affine: wp.mat33,
    inv_dx: float,
    $grid_heads,
):
    """Scatter particle mass and affine momentum to the surrounding 3x3x3 nodes."""
    grid_pos = x * inv_dx
    base_i = int(wp.floor(grid_pos[0] - 0.5))
    base_j = int(wp.floor(grid_pos[1] - 0.5))
    base_k = int(wp.floor(grid_pos[2] - 0.5))
    # Skip particles outside the domain
    if base_i < 0 or base_j < 0 or base_k < 0:
        return
    if base_i + 2 >= $shape[0] or base_j + 2 >= $shape[1] or base_k + 2 >= $shape[2]:
        return
    wx = bspline_weights(grid_pos[0] - float(base_i))
    wy = bspline_weights(grid_pos[1] - float(base_j))
    wz = bspline_weights(grid_pos[2] - float(base_k))
    for node in range(27):
        a = node // 9
        b = (node // 3) % 3
        c = node % 3
        weight = wx[a] * wy[b] * wz[c]
        node_pos = wp.vec3(float(base_i + a), float(base_j + b), float(base_k + c))
        offset = (node_pos - grid_pos) / inv_dx
        node_momentum = weight * (momentum + affine * offset)
        $add
'''

_CASES = {
    "elastic": ("ELASTIC", "return F_trial$same, elastic_stress(F_trial, mu, lam)"),
    "fluid": (
        "FLUID",
        """
        # Reset the deviatoric part, since fluids only track volume change
        J = wp.determinant(F_trial)
        return wp.pow(J, 1.0 / 3.0) * wp.identity(n=3, dtype=float)$same, fluid_stress(J, bulk)
        """,
    ),
    "snow": (
        "SNOW",
        """
        F_snow = clamp_snow(F_trial, max_compression, max_stretch)
        # Harden under plastic compression, soften under stretch; exponent clamped to limit stiffness
        Jp_snow = Jp * wp.determinant(F_trial) / wp.determinant(F_snow)
        harden = wp.exp(wp.clamp(hardening * (1.0 - Jp_snow), -2.0, 2.0))
        return F_snow, Jp_snow, elastic_stress(F_snow, harden * mu, harden * lam)
        """,
    ),
    "sand": (
        "SAND",
        "F_sand = project_sand(F_trial, mu, lam, friction_slope)\n"
        "return F_sand$same, hencky_stress(F_sand, mu, lam)",
    ),
}


@DOMAIN.algorithm(
    source="Hu et al. 2018 (MLS-MPM); Stomakhin et al. 2013 (snow); Klar et al. 2016 (sand); Jiang et al. 2015 (APIC)",
    names={
        "scatter_materials": "mpm_p2g|p2g|particles_to_grid_multi|mpm_scatter",
        "x": "particle_x|pos|particle_q",
        "v": "particle_v|vel|particle_qd",
        "C": "particle_C|affine_velocity",
        "p": "tid|particle|i",
        "tau": "kirchhoff|stress",
        "F_trial": "F_tr|F_predicted",
    },
)
def scatter_materials(d: Draft) -> None:
    """Updates deformation gradients and scatters multi-material particles to the grid (MLS-MPM)."""
    cases = d.option(
        "materials",
        ("elastic", "fluid"),
        ("elastic", "snow"),
        ("fluid", "sand"),
        ("elastic", "fluid", "snow", "sand"),
    )
    elastic = d.option("elastic", *ELASTIC)
    grid = d.option("grid", "two arrays", "packed")
    inactive = d.option("inactive", "material", "flag", "none")
    given = d.option("parameters", "struct", "values")
    gravity = d.flag("gravity", 0.4)
    count, side = d.pick(32, 48), 8
    d.input("x", "vec3", count, 0.03, 0.85, about="Particle positions [m]")
    d.input("v", "vec3", count, -1.0, 1.0, about="Particle velocities [m/s]")
    d.input("C", "mat33", count, -2.0, 2.0, about="Affine velocity matrices [1/s]")
    d.input("F", "mat33", count, 0.9, 1.1, kind="spd", about="Deformation gradients")
    snowy = "snow" in cases
    if snowy:
        d.input("Jp", "float", count, 0.75, 1.25, about="Plastic volume ratios (snow)")
    low = -1 if inactive == "material" else 0
    listed = [f"{number} {name}" for number, name in enumerate(cases)]
    about = f"Material: {', '.join(listed)}" + (", -1 for inactive particles" if low else "")
    d.input("material", "int", count, low, len(cases), about=about)
    if inactive == "flag":
        d.mask("active", "bool", count, about="Active mask")
    d.input("mass", "float", count, 0.8, 1.6, about="Particle masses [kg]")
    d.input("volume", "float", count, 0.0008, 0.0012, about="Initial particle volumes [m^3]")
    dot = "params." if given == "struct" else ""
    used = [name for name in _FIELDS if any(name in re.findall(r"\w+", _CASES[c][1]) for c in cases)]
    fields = {name: _FIELDS[name] for name in ["dt", "inv_dx", *used]}
    if given == "struct":
        declared = "\n    ".join(f"{name}: float" for name in fields)
        params = piece(_PARAMS.replace("$fields", declared))
        d.struct("params", params, fields, about="Simulation parameters")
    else:
        for name, filled in fields.items():
            high = filled.high if filled.high > filled.low else None
            d.param(name, "float", filled.low, high, about=_ABOUT[name])
    if gravity:
        d.param("gravity", "vec3", -5.0, 5.0, about="Gravity [m/s^2]")
    d.output("F_new", "mat33", count, about="Updated elastic deformation gradients")
    if snowy:
        d.output("Jp_new", "float", count, about="Updated plastic volume ratios")
    if grid == "packed":
        d.output("grid", "vec4", (side, side, side), about="Packed node momentum (xyz) and mass (w)")
        heads, shape = "grid: wp.array3d(dtype=wp.vec4)", "grid.shape"
        add = (
            "packed = wp.vec4(node_momentum[0], node_momentum[1], node_momentum[2], weight * mass)\n"
            "wp.atomic_add(grid, base_i + a, base_j + b, base_k + c, packed)"
        )
        targets = "grid"
    else:
        d.output("grid_mass", "float", (side, side, side), about="Grid node mass [kg]")
        d.output("grid_momentum", "vec3", (side, side, side), about="Grid node momentum [kg m/s]")
        heads = "grid_mass: wp.array3d(dtype=float),\n    grid_momentum: wp.array3d(dtype=wp.vec3)"
        shape = "grid_mass.shape"
        add = (
            "wp.atomic_add(grid_mass, base_i + a, base_j + b, base_k + c, weight * mass)\n"
            "wp.atomic_add(grid_momentum, base_i + a, base_j + b, base_k + c, node_momentum)"
        )
        targets = "grid_mass, grid_momentum"
    d.module(
        "\n".join(f"{_CASES[name][0]} = wp.constant({number})" for number, name in enumerate(cases[:-1]))
    )
    plastic = bool({"snow", "sand"} & set(cases))
    if {"elastic", "snow"} & set(cases):
        d.function(ELASTIC[elastic])
    for name, text in (("fluid", FLUID), ("snow", SNOW), ("sand", SAND)):
        if name in cases:
            d.function(text)
    if "sand" in cases:
        d.function(HENCKY)
    d.function(_WEIGHTS)
    d.function(_SCATTER, grid_heads=heads, shape=shape, add=add)
    lines: list[str] = []
    blocks: dict[str, str] = {name: f"{dot}{name}" for name in _FIELDS}
    for number, name in enumerate(cases):
        constant, blocks[f"case_{name}"] = _CASES[name]
        last = number == len(cases) - 1
        lines += [f"$case_{name}"] if last else [f"if material == {constant}:", f"    $case_{name}"]
    d.function(
        '''
        @wp.func
        def update_material(
            material: int,
            F_trial: wp.mat33,
            $heads,
        ):
            """Returns the elastic deformation gradient$ratio and Kirchhoff stress."""
            $cases
        ''',
        heads=",\n    ".join(f"{name}: float" for name in (["Jp", *used] if snowy else used)),
        ratio=", its plastic volume ratio" if snowy else "",
        same=", Jp" if snowy else "",
        cases="\n".join(lines),
        **blocks,
    )
    kept = "    F_new[p] = F[p]\n" + ("    Jp_new[p] = Jp[p]\n" if snowy else "") + "    return"
    skip = {
        "material": f"# Inactive particle (material = -1): copy the state through\nif material[p] < 0:\n{kept}",
        "flag": f"if not active[p]:\n{kept}",
        "none": "",
    }
    if "sand" in cases or (elastic == "corotated" and plastic):
        # Plastic flow makes singular values equal, where U and V have no derivative by them.
        d.forward_only()
    d.launch(count)
    d.code(
        """
        p = wp.tid()
        $skip
        F_trial = F[p] + $dt * C[p] * F[p]
        F_elastic, $ratio = update_material(material[p], F_trial, $used)
        F_new[p] = F_elastic
        $keep
        # MLS-MPM stress term; D^-1 = 4 / dx^2 for quadratic B-splines
        affine = -$dt * volume[p] * 4.0 * $inv_dx * $inv_dx * tau
        # APIC: add the affine velocity contribution
        affine += mass[p] * C[p]
        momentum = mass[p] * v[p]
        $gravity
        scatter_to_grid(x[p], mass[p], momentum, affine, $inv_dx, $targets)
        """,
        skip=skip[inactive],
        ratio="Jp_elastic, tau" if snowy else "tau",
        keep="Jp_new[p] = Jp_elastic" if snowy else "",
        used=", ".join([*(["Jp[p]"] if snowy else []), *(f"{dot}{name}" for name in used)]),
        gravity=f"momentum += {dot}dt * mass[p] * gravity" if gravity else "",
        targets=targets,
        **blocks,
    )
    returned = ", projected onto the yield surface for plastic materials," if plastic else ""
    d.explain(f"""
        Deformation gradients are advanced using the velocity gradient from the previous step{returned} and used to
        compute Kirchhoff stresses. We then scatter mass and momentum using quadratic B-splines (one thread per particle).
    """)

    def reference(v: Values) -> dict[str, Any]:
        p = {name: float(v[f"{dot}{name}"]) for name in fields}
        made, ratios = np.zeros((count, 3, 3)), np.zeros(count)
        nodes, pull = np.zeros((side, side, side, 4)), p["dt"] * v.gravity if gravity else 0.0
        for i in range(count):
            if v.material[i] < 0 or (inactive == "flag" and not v.active[i]):
                made[i], ratios[i] = v.F[i], v.Jp[i] if snowy else 0.0
                continue
            trial = (np.eye(3) + p["dt"] * v.C[i]) @ v.F[i]
            ratio = float(v.Jp[i]) if snowy else 1.0
            made[i], ratios[i], tau = deform(p, elastic, cases[v.material[i]], trial, ratio)
            carried = -p["dt"] * v.volume[i] * 4.0 * p["inv_dx"] ** 2 * tau
            carried = carried + v.mass[i] * v.C[i]
            base = np.floor(v.x[i] * p["inv_dx"] - 0.5)
            if base.min() < 0 or base.max() + 2 >= side:
                continue
            for node in np.ndindex(nodes.shape[:3]):
                offset = np.array(node) / p["inv_dx"] - v.x[i]
                size = np.abs(offset) * p["inv_dx"]
                if (size >= 1.5).any():
                    continue
                w = np.prod(np.where(size < 0.5, 0.75 - size**2, 0.5 * (1.5 - size) ** 2))
                nodes[node][:3] += w * (v.mass[i] * (v.v[i] + pull) + carried @ offset)
                nodes[node][3] += w * v.mass[i]
        found = {"F_new": made} | ({"Jp_new": ratios} if snowy else {})
        if grid == "packed":
            return found | {"grid": nodes}
        return found | {"grid_mass": nodes[..., 3], "grid_momentum": nodes[..., :3]}

    d.check(reference, 2e-3)
