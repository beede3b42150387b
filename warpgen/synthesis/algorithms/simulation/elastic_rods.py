"""Elastic rods with material frames: forces and torques of stretch, shear, bending and twist."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.simulation import DOMAIN
from warpgen.synthesis.library import quaternions
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Antman 2005, ch. 8; Spillmann & Teschner 2007 (CoRdE); Gazzola et al. 2018 (Cosserat rods)",
    names={
        "rod_forces": "cosserat_forces|elastic_rod_forces|cable_forces|eval_rods",
        "segment_rot": "frames|segment_q",
        "rest_length": "l0|segment_length|rest_len",
        "rest_darboux": "kappa0|rest_curvature|intrinsic_curvature",
        "strain": "gamma|stretch_shear",
        "curvature": "kappa|darboux",
        "segment": "seg",
    },
    weight=9,
)
def rod_forces(d: Draft) -> None:
    """Accumulates elastic rod forces and torques using material frames."""
    material = d.option("material", "young", "stiffness", "per segment")
    bend = d.option("bending", "vector", "scaled", "none", weights=(0.45, 0.4, 0.15))
    shape = d.option("rest shape", "straight", "curved") if bend != "none" else "straight"
    damping = d.option("damping", "none", "relative", "both")
    order = d.option("layout", "rods", "segments")
    extensible = d.option("stretch", "shear", "axial")
    breaks = d.option("breaks", "none", "flags", "strain", weights=(0.5, 0.25, 0.25))
    gravity = d.flag("gravity", 0.4) and breaks == "none"  # what is torn would still weigh
    rods, length = d.pick(4, 6), d.pick(6, 8)
    count = rods * length  # segments; each rod has one node more
    nodes = rods * (length + 1) if order == "rods" else 2 * count
    d.input("node_pos", "vec3", nodes, -0.5, 0.5, about="Node positions [m]")
    if damping != "none":
        d.input("node_vel", "vec3", nodes, -1.0, 1.0, about="Node velocities [m/s]")
    d.input(
        "segment_rot",
        "quat",
        count,
        kind="unit",
        about="Segment material frames, director d3 along the segment",
    )
    if damping == "both" and bend != "none":
        d.input("segment_omega", "vec3", count, -1.0, 1.0, about="Segment angular velocities [rad/s]")
    d.input("rest_length", "float", count, 0.3, 0.6, about="Segment rest lengths [m]")
    stretches, kind = "Shear (x, y) and stretch (z) stiffness [N]", "vec3"
    if extensible == "axial":
        stretches, kind = "Shear and stretch stiffness [N]", "vec2"
    if material == "young":
        d.param("young", "float", 2000.0, 4000.0, about="Young's modulus [Pa]")
        d.param("poisson", "float", 0.2, 0.45, about="Poisson's ratio")
        d.param("rod_radius", "float", 0.05, 0.1, about="Cross-section radius [m]")
    elif material == "stiffness":
        d.param("stretch_stiffness", kind, 20.0, 60.0, about=stretches)
        d.param("bend_stiffness", "vec3", 0.5, 2.0, about="Bending and twist stiffness [N m^2]")
    else:
        d.input("stretch_stiffness", kind, count, 20.0, 60.0, about=stretches)
        d.input("bend_stiffness", "vec3", count, 0.5, 2.0, about="Bending and twist stiffness [N m^2]")
    if shape == "curved":
        d.input("rest_darboux", "vec3", count, -0.6, 0.6, about="Rest Darboux vectors [1/m]")
    if damping != "none":
        d.param("stretch_damping", "float", 0.1, 0.5, about="Axial damping [N s/m]")
    if damping == "both" and bend != "none":
        d.param("bend_damping", "float", 0.01, 0.05, about="Bend and twist damping [N m s]")
    if breaks == "flags":
        d.mask("is_cut", "bool", count, rare=True, about="Mask of cut segments")
    elif breaks == "strain":
        d.param("break_strain", "float", 0.8, 1.6, about="Breaking strain")
    if gravity:
        d.param("gravity", "vec3", -5.6, 0.0, about="Gravity [m/s^2]")
        d.param("line_density", "float", 0.1, 0.3, about="Mass per length [kg/m]")
    if order == "rods":
        d.param("segments_per_rod", "int", length, about="Number of segments per rod")
    else:
        d.input("segment_nodes", "int", nodes, kind="permutation", about="Segment end node indices")
        d.input(
            "next_segment",
            "int",
            count,
            -1,
            count,
            about="Index of the next segment along the rod, or -1 at the end",
        )
    d.output("node_force", "vec3", nodes, about="Node forces [N]")
    d.output("segment_torque", "vec3", count, about="World-space segment torques [N m]")
    stiff = {
        "young": """
            # Circular cross-section: $moments shear correction factor 0.9
            area = wp.pi * rod_radius * rod_radius
            second_moment = 0.25 * area * rod_radius * rod_radius
            shear_modulus = young / (2.0 * (1.0 + poisson))
            k_stretch = $stretches
            k_bend = wp.vec3(young * second_moment, young * second_moment, shear_modulus * 2.0 * second_moment)
        """.replace(
            "$stretches",
            "wp.vec2(0.9 * shear_modulus * area, young * area)"
            if extensible == "axial"
            else "wp.vec3(0.9 * shear_modulus * area, 0.9 * shear_modulus * area, young * area)",
        )
        .replace("$moments", "polar moment 2 I," if bend != "none" else "")
        .replace(":  shear", ": shear"),
        "stiffness": "",
        "per segment": "k_stretch = stretch_stiffness[segment]\nk_bend = bend_stiffness[segment]",
    }[material]
    if bend == "none":
        stiff = "\n".join(x for x in stiff.split("\n") if "k_bend" not in x and "second_moment" not in x)
    if extensible == "axial":
        pull = """
        stretch = wp.length(edge) / length - 1.0
        tangent = wp.normalize(edge)
        force = k_stretch[1] * stretch * tangent
        # Shear torque aligns director d3 with the tangent
        director = wp.quat_rotate(rot, wp.vec3(0.0, 0.0, 1.0))
        torque = k_stretch[0] * length * wp.cross(director, tangent)
        # Node forces balance the shear torque; clamp the length of crushed segments
        sideways = director - wp.dot(director, tangent) * tangent
        force -= k_stretch[0] / wp.max(1.0 + stretch, 0.1) * sideways
        """
    else:
        pull = """
        # Strain in the material frame: shear (x, y) and stretch (z)
        strain = wp.quat_rotate_inv(rot, edge / length) - wp.vec3(0.0, 0.0, 1.0)
        force = wp.quat_rotate(rot, wp.cw_mul(k_stretch, strain))
        torque = wp.cross(edge, force)
        """
    damp = """
    $tangent
    stretch_rate = wp.dot(node_vel[head] - node_vel[tail], tangent)
    force += stretch_damping * stretch_rate * tangent
    """
    cut = {
        "none": "",
        "flags": "if is_cut[segment]:\n    return",
        "strain": "# Skip torn (overstretched) segments\nif wp.length(edge) > (1.0 + break_strain) * length:\n    return",
    }[breaks]
    rest = " - rest_darboux[segment]" if shape == "curved" else ""
    darboux = {
        "vector": f"# Discrete curvature with magnitude 2 sin(angle / 2) / span\ncurvature = 2.0 / span * axis{rest}",
        "scaled": f"# Discrete curvature with magnitude 2 tan(angle / 2) / span, unbounded as the angle approaches pi\ncurvature = 2.0 / (span * turn[3]) * axis{rest}",
        "none": "",
    }[bend]
    back = {
        # gradient of 2 Im(q) / l and of 2 Im(q) / (l Re(q)) by a rotation of the second frame
        "vector": "moment_local = turn[3] * moment + wp.cross(axis, moment)",
        "scaled": "moment_local = moment + wp.cross(axis, moment) / turn[3]\n"
        "moment_local += axis * (wp.dot(axis, moment) / (turn[3] * turn[3]))",
        "none": "",
    }[bend]
    bending = """
    # Bend and twist torque relative to the next segment
    $follow
    if $inner:
        $neighbor
        # q and -q represent the same rotation, take the shorter arc
        turn = wp.quat_inverse(rot) * segment_rot[following]
        if turn[3] < 0.0:
            turn = -turn
        span = 0.5 * (length + rest_length[following])
        axis = wp.vec3(turn[0], turn[1], turn[2])
        $darboux
        moment = wp.cw_mul(k_bend, curvature)
        $back
        bend_torque = wp.quat_rotate(rot, moment_local)
        $spin
        wp.atomic_add(segment_torque, segment, bend_torque)
        wp.atomic_sub(segment_torque, following, bend_torque)
    """
    if order == "rods":
        head = (
            "rod, k = wp.tid()\n# Rods are stored contiguously, with one more node than segments per rod\n"
            "segment = rod * segments_per_rod + k\ntail = rod * (segments_per_rod + 1) + k\nhead = tail + 1"
        )
        follow, inner = "following = segment + 1", "k + 1 < segments_per_rod"
        d.launch(rods, length)
    else:
        head = "segment = wp.tid()\ntail = segment_nodes[2 * segment]\nhead = segment_nodes[2 * segment + 1]"
        follow, inner = "following = next_segment[segment]", "following >= 0"
        d.launch(count)
    after_nodes = (
        ("head", "head + 1")
        if order == "rods"
        else ("segment_nodes[2 * following]", "segment_nodes[2 * following + 1]")
    )
    neighbor = f"""
        next_edge = node_pos[{after_nodes[1]}] - node_pos[{after_nodes[0]}]
        # Skip if the next segment is torn
        if wp.length(next_edge) > (1.0 + break_strain) * rest_length[following]:
            return
        """
    d.code(
        """
        $head
        $cut
        edge = node_pos[head] - node_pos[tail]
        length = rest_length[segment]
        $torn
        rot = segment_rot[segment]
        $stiff
        $pull
        $damp
        $weight
        wp.atomic_add(node_force, tail, force$half)
        wp.atomic_sub(node_force, head, force$other)
        wp.atomic_add(segment_torque, segment, torque)
        $bending
        """,
        head=head,
        cut=cut if breaks == "flags" else "",
        torn=cut if breaks == "strain" else "",
        stiff=stiff,
        pull=pull,
        damp=damp if damping != "none" else "",
        tangent="tangent = wp.normalize(edge)" if extensible == "shear" else "",
        weight="# Split the segment weight evenly between both nodes\nweight = 0.5 * line_density * length * gravity"
        if gravity
        else "",
        half=" + weight" if gravity else "",
        other=" - weight" if gravity else "",
        bending=bending if bend != "none" else "",
        follow=follow,
        inner=inner + (" and not is_cut[following]" if breaks == "flags" else ""),
        neighbor=neighbor if breaks == "strain" else "",
        darboux=darboux,
        back=back,
        spin="# Damp only the relative angular velocity, so that rigid motion is not damped\nbend_torque += bend_damping * (segment_omega[following] - segment_omega[segment])"
        if damping == "both"
        else "",
    )
    ends = ""
    if bend != "none":
        ends = f" and of l/2 {'k^T B k' if shape == 'straight' else '(k - k0)^T B (k - k0)'} over interior joints"
    if extensible == "shear":
        energy_ = f"sum of l/2 strain^T K strain over segments{ends}, with strain = R^T dx/ds - e3"
    else:
        energy_ = (
            f"sum of l/2 (K3 stretch^2 + K1 |d3 - t|^2) over segments{ends}, with tangent t and director d3"
        )
    if bend != "none":
        energy_ += " and the Darboux vector k of neighboring frames" + (", k0 at rest" if rest else "")
    if material == "stiffness":
        d.text = re.sub(r"\bk_(stretch|bend)\b", r"\1_stiffness", d.text)
    more = [*["damping"] * (damping != "none"), *["gravity"] * gravity]
    d.says(
        "Accumulates elastic rod forces and torques using material frames"
        + (f", with {' and '.join(more)}." if more else ".")
    )
    d.explain(f"Energy per rod: {energy_}.")

    def reference(v: Values) -> dict[str, Any]:
        force, torque = np.zeros((nodes, 3)), np.zeros((count, 3))
        for s in range(count):
            rod, k = divmod(s, length)
            ends = (
                (rod * (length + 1) + k, rod * (length + 1) + k + 1)
                if order == "rods"
                else v.segment_nodes[2 * s : 2 * s + 2]
            )
            after = (s + 1 if k + 1 < length else -1) if order == "rods" else int(v.next_segment[s])
            if breaks == "flags" and v.is_cut[s]:
                continue
            e = v.node_pos[ends[1]] - v.node_pos[ends[0]]
            size, rest_ = max(float(np.linalg.norm(e)), 1e-12), v.rest_length[s]
            if breaks == "strain" and size > (1.0 + v.break_strain) * rest_:
                continue
            if material == "young":
                area = np.pi * v.rod_radius**2
                i, g = 0.25 * area * v.rod_radius**2, 0.5 * v.young / (1.0 + v.poisson)
                ks, kb = (
                    np.array([0.9 * g, v.young] if extensible == "axial" else [0.9 * g, 0.9 * g, v.young])
                    * area,
                    np.array([v.young, v.young, 2.0 * g]) * i,
                )
            else:
                ks, kb = (
                    x[s] if material == "per segment" else x
                    for x in (v.stretch_stiffness, v.get("bend_stiffness"))
                )
            turn = quaternions.matrix(v.segment_rot[s])
            if extensible == "axial":
                f = ks[1] * (size / rest_ - 1.0) * e / size
                d3, t = turn[:, 2], e / size
                f = f - ks[0] * (d3 - (d3 @ t) * t) / max(size / rest_, 0.1)
                torque[s] += ks[0] * rest_ * np.cross(turn[:, 2], e / size)
            else:
                f = turn @ (ks * (turn.T @ e / rest_ - np.array([0.0, 0.0, 1.0])))
                torque[s] += np.cross(e, f)
            if damping != "none":
                f = f + v.stretch_damping * ((v.node_vel[ends[1]] - v.node_vel[ends[0]]) @ e) / size**2 * e
            w = 0.5 * v.line_density * rest_ * v.gravity if gravity else 0.0
            force[ends[0]] += f + w
            force[ends[1]] += w - f
            if bend == "none" or after < 0 or (breaks == "flags" and v.is_cut[after]):
                continue
            if breaks == "strain":
                a, b = (
                    (ends[1], ends[1] + 1) if order == "rods" else v.segment_nodes[2 * after : 2 * after + 2]
                )
                apart = float(np.linalg.norm(v.node_pos[b] - v.node_pos[a]))
                if apart > (1.0 + v.break_strain) * v.rest_length[after]:
                    continue
            span = 0.5 * (rest_ + v.rest_length[after])
            other = v.segment_rot[after]
            base = quaternions.conjugate(v.segment_rot[s])

            def energy(
                r: Any, base: Any = base, other: Any = other, s: int = s, span: Any = span, kb: Any = kb
            ) -> Any:
                q = quaternions.product(base, quaternions.product(quaternions.exponential(r), other))
                q = q * (-1.0 if q[3] < 0.0 else 1.0)
                kappa = 2.0 * q[:3] / span / (q[3] if bend == "scaled" else 1.0)
                kappa = kappa - (v.rest_darboux[s] if shape == "curved" else 0.0)
                return 0.5 * span * (kb * kappa) @ kappa

            slope = np.array([(energy(1e-5 * a) - energy(-1e-5 * a)) / 2e-5 for a in np.eye(3)])
            if damping == "both":
                slope = slope + v.bend_damping * (v.segment_omega[after] - v.segment_omega[s])
            torque[s] += slope
            torque[after] -= slope
        return {"node_force": force, "segment_torque": torque}

    d.check(reference, 2e-3)
