"""Rigid water."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.chemistry import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_MODELS = {"tip3p": (0.09572, 0.15139, 15.9994, 1.008), "spc": (0.1, 0.1633, 15.9994, 1.008),
           "heavy": (0.09572, 0.15139, 15.9994, 2.014)}  # fmt: skip


def _turned(q: Any, x: Any) -> Any:
    u, w = q[:, None, :3], q[:, None, 3:]
    t = 2 * np.cross(u, x)
    return x + w * t + np.cross(u, t)


@DOMAIN.algorithm(
    source="Miyamoto & Kollman 1992 (SETTLE); Jorgensen et al. 1983; Berendsen et al. 1981",
    names={
        "settle_water": "settle_kernel|constrain_water|rigid_water_step",
        "frames": "molecule_pose|rigid_frames|water_xform",
        "site_vel": "velocities|atom_vel|v_sites",
        "positions": "new_pos|atom_pos|x_constrained",
        "velocities": "new_vel|v_constrained",
        "mol": "water|w|molecule",
        "dt": "time_step|step_ps",
        "com": "center_of_mass|cm",
    },
    double=True,
)
def settle_water(d: Draft) -> None:
    """Integrates rigid water molecules with SETTLE constraints."""
    model = d.option("model", *_MODELS)
    form = d.option("form", "components", "vectors", weights=(0.65, 0.35))
    forces = d.option("forces", "none", "array")
    skipped = d.option("skipped", "none", "mask", "types")
    result = d.option("result", "positions", "velocities", "virial")
    water, hydrogens = ("heavy water", "deuterons") if model == "heavy" else ("water", "hydrogens")
    d.says({
        "positions": f"Advances {water} molecules and enforces rigid bond lengths and angles using SETTLE.",
        "velocities": f"Advances rigid {water} molecules and computes constrained velocities using SETTLE.",
        "virial": f"Advances rigid {water} molecules and computes constraint virials using SETTLE.",
    }[result])  # fmt: skip
    box = d.option("box", "open", "periodic")
    d_oh, d_hh, m_o, m_h = _MODELS[model]
    count = d.pick(24, 32)
    rc = d_hh / 2
    height = (d_oh**2 - rc**2) ** 0.5
    ra = 2 * m_h * height / (m_o + 2 * m_h)
    rb = height - ra
    d.module(
        f"RA = wp.constant({ra:.9f})  # oxygen to center-of-mass distance [nm]\n"
        f"RB = wp.constant({rb:.9f})  # center-of-mass to {hydrogens} midpoint distance\n"
        f"RC = wp.constant({rc:.9f})  # half the distance between the {hydrogens}\n"
        f"WEIGHT_O = wp.constant({m_o / (m_o + 2 * m_h):.9f})  # mass fractions\n"
        f"WEIGHT_H = wp.constant({m_h / (m_o + 2 * m_h):.9f})"
    )
    if result == "virial":
        d.module(f"MASS_O = wp.constant({m_o})  # [u]\nMASS_H = wp.constant({m_h})")
    d.input(
        "frames",
        "transform",
        count,
        -1.0,
        1.0,
        kind="transform",
        about="molecule poses at the start of the step",
    )
    d.input("site_vel", "vec3", (count, 3), -1.0, 1.0, about="velocities of O, H1 and H2 [nm/ps]")
    if forces == "array":
        d.input(
            "accelerations",
            "vec3",
            (count, 3),
            -100.0,
            100.0,
            about="accelerations of O, H1 and H2 [nm/ps^2]",
        )
    if skipped == "mask":
        d.mask("frozen", "bool", count, rare=True, about="True for frozen molecules")
    elif skipped == "types":
        d.input(
            "molecule_type",
            "int",
            count,
            -1,
            2,
            about="molecule type, 0 or 1 for free and -1 for fixed molecules",
        )
    d.param("dt", "float", 0.001, 0.002, about="time step [ps]")
    d.output("positions", "vec3", (count, 3), about="constrained positions of O, H1 and H2 [nm]")
    if box == "periodic":
        d.param("box", "vec3", 1.0, 1.5, about="edge lengths of the periodic box [nm]")
    if result == "virial":
        d.output("virial", "mat33", count, about="virial of the constraint forces, -1/2 sum r f^T [kJ/mol]")
    elif result == "velocities":
        d.output(
            "velocities",
            "vec3",
            (count, 3),
            about="constrained velocities [nm/ps]",
        )
    move = "free_{0} = old_{0} + dt * site_vel[mol, {1}]"
    if forces == "array":
        move = (
            "vel_{0} = site_vel[mol, {1}] + dt * accelerations[mol, {1}]\nfree_{0} = old_{0} + dt * vel_{0}"
        )
    moves = "\n".join(move.format(site, k) for k, site in enumerate(("o", "h1", "h2")))
    skip = {
        "none": "",
        "mask": "if frozen[mol]:\n    $copy\n    return",
        "types": "# Fixed molecules do not move\nif molecule_type[mol] < 0:\n    $copy\n    return",
    }[skipped]
    copy = "positions[mol, 0] = old_o\npositions[mol, 1] = old_h1\npositions[mol, 2] = old_h2"
    if result == "velocities":
        copy += "".join(f"\nvelocities[mol, {k}] = wp.vec3(0.0, 0.0, 0.0)" for k in range(3))
    elif result == "virial":
        copy += "\nvirial[mol] = wp.mat33(0.0)"
    skip = skip.replace("    $copy\n", "".join(f"    {line}\n" for line in copy.split("\n")))
    vectors = """
        # --- Frame of the old molecule: z is normal to its plane ---
        bond_b = old_h1 - old_o
        bond_c = old_h2 - old_o
        axis_z = wp.normalize(wp.cross(bond_b, bond_c))
        axis_x = wp.normalize(wp.cross(free_o - com, axis_z))
        axis_y = wp.cross(axis_z, axis_x)
        # Old bonds and unconstrained atoms in this frame
        xb0 = wp.dot(axis_x, bond_b)
        yb0 = wp.dot(axis_y, bond_b)
        xc0 = wp.dot(axis_x, bond_c)
        yc0 = wp.dot(axis_y, bond_c)
        za1 = wp.dot(axis_z, free_o - com)
        xb1 = wp.dot(axis_x, free_h1 - com)
        yb1 = wp.dot(axis_y, free_h1 - com)
        zb1 = wp.dot(axis_z, free_h1 - com)
        xc1 = wp.dot(axis_x, free_h2 - com)
        yc1 = wp.dot(axis_y, free_h2 - com)
        zc1 = wp.dot(axis_z, free_h2 - com)
    """
    components = """
        # --- Frame of the old molecule ---
        xb = old_h1[0] - old_o[0]
        yb = old_h1[1] - old_o[1]
        zb = old_h1[2] - old_o[2]
        xc = old_h2[0] - old_o[0]
        yc = old_h2[1] - old_o[1]
        zc = old_h2[2] - old_o[2]
        # Unconstrained atoms relative to the center of mass
        xa1g = free_o[0] - com[0]
        ya1g = free_o[1] - com[1]
        za1g = free_o[2] - com[2]
        xb1g = free_h1[0] - com[0]
        yb1g = free_h1[1] - com[1]
        zb1g = free_h1[2] - com[2]
        xc1g = free_h2[0] - com[0]
        yc1g = free_h2[1] - com[1]
        zc1g = free_h2[2] - com[2]
        # z is normal to the old plane, x normal to z and to the displaced oxygen
        zx = yb * zc - zb * yc
        zy = zb * xc - xb * zc
        zz = xb * yc - yb * xc
        xx = ya1g * zz - za1g * zy
        xy = za1g * zx - xa1g * zz
        xz = xa1g * zy - ya1g * zx
        x_len = wp.sqrt(xx * xx + xy * xy + xz * xz)
        z_len = wp.sqrt(zx * zx + zy * zy + zz * zz)
        xx /= x_len
        xy /= x_len
        xz /= x_len
        zx /= z_len
        zy /= z_len
        zz /= z_len
        yx = zy * xz - zz * xy
        yy = zz * xx - zx * xz
        yz = zx * xy - zy * xx
        # --- Rotate into this frame ---
        xb0 = xx * xb + xy * yb + xz * zb
        yb0 = yx * xb + yy * yb + yz * zb
        xc0 = xx * xc + xy * yc + xz * zc
        yc0 = yx * xc + yy * yc + yz * zc
        za1 = zx * xa1g + zy * ya1g + zz * za1g
        xb1 = xx * xb1g + xy * yb1g + xz * zb1g
        yb1 = yx * xb1g + yy * yb1g + yz * zb1g
        zb1 = zx * xb1g + zy * yb1g + zz * zb1g
        xc1 = xx * xc1g + xy * yc1g + xz * zc1g
        yc1 = yx * xc1g + yy * yc1g + yz * zc1g
        zc1 = zx * xc1g + zy * yc1g + zz * zc1g
    """
    if form == "components":
        back = """
        new_o = wp.vec3(
            com[0] + xx * xa3 + yx * ya3 + zx * za1,
            com[1] + xy * xa3 + yy * ya3 + zy * za1,
            com[2] + xz * xa3 + yz * ya3 + zz * za1,
        )
        new_h1 = wp.vec3(
            com[0] + xx * xb3 + yx * yb3 + zx * zb1,
            com[1] + xy * xb3 + yy * yb3 + zy * zb1,
            com[2] + xz * xb3 + yz * yb3 + zz * zb1,
        )
        new_h2 = wp.vec3(
            com[0] + xx * xc3 + yx * yc3 + zx * zc1,
            com[1] + xy * xc3 + yy * yc3 + zy * zc1,
            com[2] + xz * xc3 + yz * yc3 + zz * zc1,
        )
        """
    else:
        back = """
        new_o = com + xa3 * axis_x + ya3 * axis_y + za1 * axis_z
        new_h1 = com + xb3 * axis_x + yb3 * axis_y + zb1 * axis_z
        new_h2 = com + xc3 * axis_x + yc3 * axis_y + zc1 * axis_z
        """
    speeds = """
        # Apply the constraint correction to the velocities
        velocities[mol, 0] = (new_o - old_o) / dt
        velocities[mol, 1] = (new_h1 - old_h1) / dt
        velocities[mol, 2] = (new_h2 - old_h2) / dt
    """
    virial = """
        # Constraint force = mass * SETTLE displacement / dt^2
        inv_dt_sq = 1.0 / (dt * dt)
        pull_o = MASS_O * inv_dt_sq * (new_o - free_o)
        pull_h1 = MASS_H * inv_dt_sq * (new_h1 - free_h1)
        pull_h2 = MASS_H * inv_dt_sq * (new_h2 - free_h2)
        moment = wp.outer(old_o, pull_o) + wp.outer(old_h1, pull_h1) + wp.outer(old_h2, pull_h2)
        virial[mol] = -0.5 * moment
    """
    wrap = """
        # Wrap whole molecules, so that bonds never cross the box boundary
        shift_x = box[0] * wp.floor(com[0] / box[0])
        shift_y = box[1] * wp.floor(com[1] / box[1])
        shift_z = box[2] * wp.floor(com[2] / box[2])
        shift = wp.vec3(shift_x, shift_y, shift_z)
        new_o -= shift
        new_h1 -= shift
        new_h2 -= shift
    """
    d.launch(count)
    d.code(
        """
        mol = wp.tid()
        # Rigid molecule sites: bisector along y, plane z = 0
        frame = frames[mol]
        old_o = wp.transform_point(frame, wp.vec3(0.0, RA, 0.0))
        old_h1 = wp.transform_point(frame, wp.vec3(-RC, -RB, 0.0))
        old_h2 = wp.transform_point(frame, wp.vec3(RC, -RB, 0.0))
        $skip
        # --- Unconstrained step ---
        $moves
        com = WEIGHT_O * free_o + WEIGHT_H * (free_h1 + free_h2)
        $rotate
        # --- Out-of-plane rotations: phi about x, psi about y ---
        sin_phi = za1 / RA
        cos_phi = wp.sqrt(1.0 - sin_phi * sin_phi)
        sin_psi = (zb1 - zc1) / (2.0 * RC * cos_phi)
        cos_psi = wp.sqrt(1.0 - sin_psi * sin_psi)
        ya2 = RA * cos_phi
        xb2 = -RC * cos_psi
        drop = -RB * cos_phi
        skew = RC * sin_psi * sin_phi
        yb2 = drop - skew
        yc2 = drop + skew
        # --- In-plane rotation theta, from angular momentum conservation ---
        alpha = xb2 * (xb0 - xc0) + yb0 * yb2 + yc0 * yc2
        beta = xb2 * (yc0 - yb0) + xb0 * yb2 + xc0 * yc2
        gamma = xb0 * yb1 - xb1 * yb0 + xc0 * yc1 - xc1 * yc0
        norm_sq = alpha * alpha + beta * beta
        sin_theta = (alpha * gamma - beta * wp.sqrt(norm_sq - gamma * gamma)) / norm_sq
        cos_theta = wp.sqrt(1.0 - sin_theta * sin_theta)
        # --- Rigid molecule in the rotated frame ---
        xa3 = -ya2 * sin_theta
        ya3 = ya2 * cos_theta
        xb3 = xb2 * cos_theta - yb2 * sin_theta
        yb3 = xb2 * sin_theta + yb2 * cos_theta
        xc3 = -xb2 * cos_theta - yc2 * sin_theta
        yc3 = -xb2 * sin_theta + yc2 * cos_theta
        # --- Back to world coordinates ---
        $back
        $speeds
        $virial
        $wrap
        positions[mol, 0] = new_o
        positions[mol, 1] = new_h1
        positions[mol, 2] = new_h2
        """,
        skip=skip,
        moves=moves,
        wrap=wrap if box == "periodic" else "",
        rotate=components if form == "components" else vectors,
        back=back,
        speeds=speeds if result == "velocities" else "",
        virial=virial if result == "virial" else "",
    )
    d.explain(
        "Analytical, non-iterative solution of the three distance constraints.\n"
        "Lengths are in nm, times in ps. Valid for rotations below 90 degrees per step."
        + (" Whole molecules are wrapped into the box." if box == "periodic" else "")
    )

    def reference(v: Values) -> dict[str, Any]:
        sites = np.array([[0, ra, 0], [-rc, -rb, 0], [rc, -rb, 0]])
        old = v.frames[:, None, :3] + _turned(v.frames[:, 3:], np.broadcast_to(sites, (count, 3, 3)))
        vel = v.site_vel + (v.dt * v.accelerations if forces == "array" else 0.0)
        x = old + v.dt * vel
        inverse = 1 / np.array([m_o, m_h, m_h])
        pairs, goal = ((0, 1), (0, 2), (1, 2)), np.array([d_oh, d_oh, d_hh]) ** 2
        for _ in range(12):  # SHAKE by Newton's method on the three multipliers
            gaps = np.stack([x[:, i] - x[:, j] for i, j in pairs], axis=1)
            pulls = np.zeros((count, 3, 3, 3))  # constraint, atom, axis
            for c, (i, j) in enumerate(pairs):
                pulls[:, c, i] = (old[:, i] - old[:, j]) * inverse[i]
                pulls[:, c, j] = -(old[:, i] - old[:, j]) * inverse[j]
            slopes = np.stack([2 * np.einsum("na,nca->nc", gaps[:, k], pulls[:, :, i] - pulls[:, :, j])
                               for k, (i, j) in enumerate(pairs)], axis=1)  # fmt: skip
            miss = goal - (gaps**2).sum(axis=2)
            x = x + np.einsum("nc,ncia->nia", np.linalg.solve(slopes, miss[..., None])[..., 0], pulls)
        moved = np.ones(count, bool)
        free = old + v.dt * vel
        pull = (x - free) * (np.array([m_o, m_h, m_h]) / v.dt**2)[:, None]
        virials = -0.5 * np.einsum("nia,nib->nab", old, pull)
        speed = (x - old) / v.dt
        if box == "periodic":
            com = np.einsum("i,nia->na", np.array([m_o, m_h, m_h]) / (m_o + 2 * m_h), free)
            x = x - (v.box * np.floor(com / v.box))[:, None]
        if skipped == "mask":
            moved = ~v.frozen
        elif skipped == "types":
            moved = v.molecule_type >= 0
        x = np.where(moved[:, None, None], x, old)
        found = {"positions": x}
        if result == "velocities":
            found["velocities"] = speed * moved[:, None, None]
        elif result == "virial":
            found["virial"] = virials * moved[:, None, None]
        return found

    # Displacements are small differences of positions: in single precision the virial has few digits.
    d.check(lambda v: {k: a for k, a in reference(v).items() if k != "virial"}, 1e-3)
    if result == "virial":
        d.check(lambda v: {"virial": reference(v)["virial"]}, 5e-2)
