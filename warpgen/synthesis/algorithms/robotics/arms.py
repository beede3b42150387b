"""Arms: equations of motion and kinematics."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.robotics import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.trim import trim


@DOMAIN.algorithm(
    source="Spong, Hutchinson & Vidyasagar 2020, ch. 6; Craig 2017, ch. 6",
    names={
        "wanted": "joint_acc|demand",
        "dt": "step|h|time_step",
    },
    adjoint="either",
    element="arm",
    weight=3,
)
def move_arm(d: Draft) -> None:
    """Computes inverse dynamics of planar arms."""
    links = d.option("links", 2, 3)
    result = d.option("result", "torques", "accelerations", "step", "energy")
    shape = d.option("shape", "rods", "point masses", "measured")
    friction = d.option("friction", "none", "viscous", "coulomb")
    layout = d.option("layout", "vectors", "matrix")
    gravity = d.flag("gravity", 0.65)
    tip = d.flag("tip", 0.35)
    count = d.pick(48, 64, 96)
    n = range(links)
    forward = result in ("accelerations", "step")
    d.says({
        "torques": "Computes inverse dynamics of planar arms.",
        "accelerations": "Computes forward dynamics of planar arms.",
        "step": "Integrates the forward dynamics of planar arms over one time step using semi-implicit Euler.",
        "energy": "Computes the kinetic and potential energy of planar arms."
        if gravity
        else "Computes the kinetic energy of planar arms.",
    }[result])  # fmt: skip
    d.calls({
        "torques": "arm_inverse_dynamics|inverse_dynamics|compute_joint_torques",
        "accelerations": "arm_forward_dynamics|forward_dynamics|compute_joint_accelerations",
        "step": "arm_step|step_arms|integrate_arms",
        "energy": "arm_energy|mechanical_energy|compute_energy" if gravity else "kinetic_energy|arm_kinetic_energy",
    }[result])  # fmt: skip
    kind = f"vec{links}"
    if gravity:
        d.module("GRAVITY = wp.constant(9.81)")
    if friction == "coulomb" and result != "energy":
        d.module("SLIP_RATE = wp.constant(0.05)")

    def joint(name: str, low: float, high: float, about: str) -> None:
        if layout == "vectors":
            d.input(name, kind, count, low, high, about=about)
        else:
            d.input(name, "float", (count, links), low, high, about=about)

    def at(name: str, k: int) -> str:
        return f"{name}[tid][{k}]" if layout == "vectors" else f"{name}[tid, {k}]"

    joint("angles", -1.5, 1.5, "Joint angles [rad]")
    joint("rates", -2.0, 2.0, "Joint rates [rad/s]")
    if result == "torques":
        joint("wanted", -3.0, 3.0, "Target joint accelerations [rad/s^2]")
    elif forward:
        joint("torques", -4.0, 4.0, "Joint torques [N m]")
    d.param("lengths", kind, 0.4, 0.8, about="Link lengths [m]")
    d.param("masses", kind, 0.8, 2.0, about="Link masses [kg]")
    if shape == "measured":
        d.param("centers", kind, 0.2, 0.4, about="Distance from each joint to the link center of mass [m]")
        d.param("inertias", kind, 0.02, 0.06, about="Link inertias about the center of mass [kg m^2]")
    if tip:
        d.param("payload", "float", 0.2, 1.0, about="Tip payload mass [kg]")
    if friction != "none" and result != "energy":
        about = (
            "Viscous joint damping [N m s/rad]" if friction == "viscous" else "Joint Coulomb friction [N m]"
        )
        d.param("damping" if friction == "viscous" else "dry_friction", "float", 0.1, 0.5, about=about)
    if result == "step":
        d.param("dt", "float", 0.002, 0.02, about="Time step [s]")

    def center(k: int) -> str:
        if shape == "point masses":
            return ""
        if shape == "rods":
            return f"c{k} = 0.5 * l{k}\ni{k} = m{k} * l{k} * l{k} / 12.0"
        return f"c{k} = centers[{k}]\ni{k} = inertias[{k}]"

    def turning(k: int) -> str:
        return "" if shape == "point masses" else f" + i{k}"

    body = "\n".join(f"l{k} = lengths[{k}]\nm{k} = masses[{k}]\n{center(k)}".rstrip() for k in n)
    read = "\n".join(
        ["# Absolute link angles, so that the inertia matrix only depends on their differences"]
        + [f"t{k} = " + (f"t{k - 1} + " if k else "") + at("angles", k) for k in n]
        + [f"w{k} = " + (f"w{k - 1} + " if k else "") + at("rates", k) for k in n]
    )
    # Inertias in absolute angles: a_kk, and a_jk where j is the inner link.
    lines = []
    for k in n:
        beyond = [f"m{j}" for j in n if j > k] + (["payload"] if tip else [])
        if shape == "point masses":
            carried = [f"m{k}", *beyond]
            load = f"load{k}" if beyond else f"m{k}"
            lines.append(f"load{k} = {' + '.join(carried)}" if beyond else "")
            lines += [f"a{k}{k} = {load} * l{k} * l{k}", f"s{k} = {load} * l{k}"]
            lines += [f"a{j}{k} = l{j} * s{k}" for j in range(k)]
            continue
        outer = beyond[0] if len(beyond) == 1 else f"outer{k}"
        lines.append(f"outer{k} = {' + '.join(beyond)}" if beyond[1:] else "")
        reach = f" + {outer} * l{k} * l{k}" if beyond else ""
        lines.append(f"a{k}{k} = m{k} * c{k} * c{k}{turning(k)}{reach}")
        lever = f" + {outer} * l{k}" if beyond else ""
        lines.append(f"s{k} = m{k} * c{k}{lever}")
        for j in range(k):
            lines.append(f"a{j}{k} = l{j} * s{k}")
    inertia = "\n".join(line for line in lines if line)
    pairs = [(j, k) for k in n for j in range(k)]
    cosines = "\n".join(f"b{j}{k} = a{j}{k} * wp.cos(t{j} - t{k})" for j, k in pairs)
    sines = "\n".join(f"h{j}{k} = a{j}{k} * wp.sin(t{j} - t{k})" for j, k in pairs)
    weights = "\n".join(f"g{k} = GRAVITY * s{k} * wp.cos(t{k})" for k in n) if gravity else ""

    def speed_terms(k: int) -> str:
        """What centrifugal forces ask of link k."""
        parts = [f"h{k}{j} * w{j} * w{j}" for j in n if j > k]
        minus = [f"h{j}{k} * w{j} * w{j}" for j in n if j < k]
        text = " + ".join(parts)
        for m in minus:
            text = f"{text} - {m}" if text else f"-{m}"
        return text + (f" + g{k}" if gravity else "")

    def sym(prefix: str, j: int, k: int) -> str:
        return f"a{j}{j}" if j == k else f"{prefix}{min(j, k)}{max(j, k)}"

    def rub(k: int) -> str:
        if friction == "viscous":
            return f"damping * {at('rates', k)}"
        return f"dry_friction * wp.tanh({at('rates', k)} / SLIP_RATE)"

    if result == "torques":
        lines = [f"e{k} = " + (f"e{k - 1} + " if k else "") + at("wanted", k) for k in n]
        for k in n:
            row = " + ".join(f"{sym('b', k, j)} * e{j}" for j in n)
            link = f"u{k}" if k + 1 < links else f"tau{k}"
            lines.append(f"{link} = {row} + {speed_terms(k)}".replace("+ -", "- "))
        solve = "\n".join(lines)
        lines = ["# Sum from the tip, because each joint carries all links beyond it"]
        lines += [f"tau{k} = u{k} + tau{k + 1}" for k in reversed(range(links - 1))]
        if friction != "none":
            if friction == "coulomb":
                lines.append("# Coulomb friction, smoothed to avoid chatter at zero velocity")
            lines += [f"f{k} = {rub(k)}" for k in n]
        vector = [f"tau{k}" + (f" + f{k}" if friction != "none" else "") for k in n]
        store = "\n".join(lines) + "\n"
        name = "torque"
    elif forward:
        lines = []
        if friction == "coulomb":
            lines.append("# Coulomb friction, smoothed to avoid chatter at zero velocity")
        for k in n:
            lines.append(f"tau{k} = {at('torques', k)}" + (f" - {rub(k)}" if friction != "none" else ""))
        for k in n:
            own = f"tau{k}" + (f" - tau{k + 1}" if k + 1 < links else "")
            lines.append(f"r{k} = {own} - ({speed_terms(k)})")
        if links == 2:
            lines += [
                "# Cramer's rule",
                "det = a00 * a11 - b01 * b01",
                "e0 = (a11 * r0 - b01 * r1) / det",
                "e1 = (a00 * r1 - b01 * r0) / det",
            ]
        else:
            lines += [
                "# LDL^T factorization of the mass matrix followed by two triangular solves",
                "p10 = b01 / a00", "p20 = b02 / a00", "d1 = a11 - p10 * b01",
                "p21 = (b12 - p20 * b01) / d1", "d2 = a22 - p20 * b02 - p21 * p21 * d1",
                "y1 = r1 - p10 * r0", "y2 = r2 - p20 * r0 - p21 * y1",
                "e2 = y2 / d2", "e1 = y1 / d1 - p21 * e2", "e0 = r0 / a00 - p10 * e1 - p20 * e2",
            ]  # fmt: skip
        solve = "\n".join(lines)
        vector = ["e0"] + [f"e{k} - e{k - 1}" for k in n if k]
        store = ""
        name = "acc"
    else:
        squares = " + ".join([f"a{k}{k} * w{k} * w{k}" for k in n])
        mixed = " + ".join(f"b{j}{k} * w{j} * w{k}" for j, k in pairs)
        solve = f"kinetic = 0.5 * ({squares}) + {mixed}"
        sines = ""
        weights = (
            "# Potential energy, relative to the horizontally stretched arm\npotential = GRAVITY * ("
            + " + ".join(f"s{k} * wp.sin(t{k})" for k in n)
            + ")"
            if gravity
            else ""
        )
        d.output("energy", "float", count, about="Per-arm energy [J]")
        store = "energy[tid] = kinetic" + (" + potential" if gravity else "")
    if result == "step":
        store += "\n".join(
            [f"v{k} = {at('rates', k)} + dt * " + (f"({vector[k]})" if k else vector[k]) for k in n]
            + [f"x{k} = {at('angles', k)} + dt * v{k}" for k in n]
        )
        outs = [
            ("new_angles", "x", "Updated joint angles [rad]"),
            ("new_rates", "v", "Updated joint rates [rad/s]"),
        ]
        for out, letter, told in outs:
            if layout == "vectors":
                d.output(out, kind, count, about=told)
                store += f"\n{out}[tid] = wp.{kind}({', '.join(f'{letter}{k}' for k in n)})"
            else:
                d.output(out, "float", (count, links), about=told)
                store += "".join(f"\n{out}[tid, {k}] = {letter}{k}" for k in n)
    elif result != "energy":
        told = {"torque": "Joint torques [N m]", "acc": "Joint accelerations [rad/s^2]"}[name]
        if layout == "vectors":
            d.output(name, kind, count, about=told)
            store += f"{name}[tid] = wp.{kind}({', '.join(vector)})"
        else:
            d.output(name, "float", (count, links), about=told)
            store += "\n".join(f"{name}[tid, {k}] = {vector[k]}" for k in n)
    d.launch(count)
    d.code(
        "tid = wp.tid()\n$body\n$read\n$inertia\n$cosines\n$sines\n$weights\n$solve\n$store",
        body=body, read=read, inertia=inertia, cosines=cosines, sines=sines, weights=weights, solve=solve,
        store=store,
    )  # fmt: skip
    trim(d)
    solid = {
        "rods": " Links are uniform rods.",
        "point masses": " The mass of each link is concentrated at its far end.",
        "measured": "",
    }[shape]
    flat = ", with the first relative to the horizontal" if gravity else ""
    solid += " The tip carries a payload." if tip else ""
    if friction != "none" and result != "energy":
        solid += f" Joints have {'viscous' if friction == 'viscous' else 'Coulomb'} friction."
    d.explain(f"Joint angles are relative to the previous link{flat} [rad].{solid} SI units throughout.")

    def reference(v: Values) -> dict[str, Any]:
        q, qd = v.angles, v.rates
        lengths, m = np.asarray(v.lengths), np.asarray(v.masses)
        c: Any = {"rods": lengths / 2, "point masses": lengths, "measured": v.get("centers")}[shape]
        i: Any = {"rods": m * lengths**2 / 12, "point masses": 0 * m, "measured": v.get("inertias")}[shape]
        t = np.cumsum(q, axis=1)
        along = np.stack([np.cos(t), np.sin(t)], axis=-1)
        across = np.stack([-np.sin(t), np.cos(t)], axis=-1)
        w = np.cumsum(qd, axis=1)
        bodies = [(m[k], i[k], k, c[k]) for k in n] + (
            [(v.payload, 0.0, links - 1, lengths[-1])] if tip else []
        )
        mass, bias, potential = np.zeros((count, links, links)), np.zeros((count, links)), 0.0
        for weight, inner, last, at_ in bodies:
            arms = np.array([lengths[k] if k < last else at_ if k == last else 0.0 for k in n])
            # Jacobian of the body's place, and its acceleration when the joints turn evenly
            steps = arms[None, :, None] * across
            jac = np.cumsum(steps[:, ::-1], axis=1)[:, ::-1]
            even = -(arms[None, :, None] * (w**2)[:, :, None] * along).sum(axis=1)
            even = even + np.array([0.0, 9.81 if gravity else 0.0])
            turns = np.array([float(k <= last) for k in n])
            mass += weight * np.einsum("njx,nkx->njk", jac, jac) + inner * np.outer(turns, turns)
            bias += weight * np.einsum("njx,nx->nj", jac, even)
            potential = potential + weight * 9.81 * (arms[None, :] * along[:, :, 1]).sum(axis=1)
        if result == "energy":
            kinetic = 0.5 * np.einsum("nj,njk,nk->n", qd, mass, qd)
            return {"energy": kinetic + (potential if gravity else 0.0)}
        if friction != "none":
            bias = bias + (v.damping * qd if friction == "viscous" else v.dry_friction * np.tanh(20 * qd))
        if result == "torques":
            return {"torque": np.einsum("njk,nk->nj", mass, v.wanted) + bias}
        acc = np.linalg.solve(mass, (v.torques - bias)[:, :, None])[:, :, 0]
        if result == "accelerations":
            return {"acc": acc}
        after = qd + v.dt * acc
        return {"new_angles": q + v.dt * after, "new_rates": after}

    d.check(reference, 5e-3)
