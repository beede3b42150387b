"""Soft constraints as MuJoCo writes them: impedance, stiffness and reference acceleration."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rigid_body import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_HEADS = {
    "limit": """
        # Signed distance to the nearer limit; the Jacobian is +1 at the lower limit, -1 at the upper
        dist_min = joint_q[tid] - joint_lower[tid]
        dist_max = joint_upper[tid] - joint_q[tid]
        dist = wp.min(dist_min, dist_max)
        side = wp.where(dist_min < dist_max, 1.0, -1.0)
        vel = side * joint_qd[tid]
    """,
    "ball limit": """
        # Joint rotation angle along the shorter arc
        quat = wp.normalize(joint_quat[tid])
        vec = wp.vec3(quat[0], quat[1], quat[2])
        if quat[3] < 0.0:
            vec = -vec
        sin_half = wp.length(vec)
        angle = 2.0 * wp.atan2(sin_half, wp.abs(quat[3]))
        dist = joint_max_angle[tid] - angle
        vel = -wp.dot(vec / wp.max(sin_half, 1.0e-6), joint_omega[tid])
    """,
    "equality": """
        # Joint coupling by a quartic polynomial: q1 = c0 + c1 q2 + ... + c4 q2^4
        lead = joint_q[joint_pair[tid]]
        c1 = joint_poly[tid, 1]
        c2 = joint_poly[tid, 2]
        c3 = joint_poly[tid, 3]
        c4 = joint_poly[tid, 4]
        target = joint_poly[tid, 0] + lead * (c1 + lead * (c2 + lead * (c3 + lead * c4)))
        slope = c1 + lead * (2.0 * c2 + lead * (3.0 * c3 + lead * 4.0 * c4))
        dist = joint_q[tid] - target
        vel = joint_qd[tid] - slope * joint_qd[joint_pair[tid]]
    """,
    "contact": """
        # Frictionless contact: distance is negative on penetration
        dist = contact_dist[tid]
        vel = wp.dot(contact_normal[tid], contact_vel[tid])
    """,
}
_IMPEDANCE = {
    "power": """
        # Sigmoid from two polynomials joined at the midpoint
        if x >= 1.0:
            y = float(1.0)
        elif x < imp_mid:
            y = wp.pow(x, imp_power) / wp.pow(imp_mid, imp_power - 1.0)
        else:
            y = 1.0 - wp.pow(1.0 - x, imp_power) / wp.pow(1.0 - imp_mid, imp_power - 1.0)
    """,
    "quadratic": """
        # Power 2: two parabolas joined at the midpoint
        x = wp.min(x, 1.0)
        y = wp.where(x < imp_mid, x * x / imp_mid, 1.0 - (1.0 - x) * (1.0 - x) / (1.0 - imp_mid))
    """,
    "linear": "y = wp.min(x, 1.0)",
}


@DOMAIN.algorithm(
    source="Todorov 2014; MuJoCo documentation, Computation: constraint model, parameters solref and solimp",
    names={
        "constraint_reference": "make_constraint|efc_rows|constraint_rows|update_constraint_parameters",
        "inv_weight": "invweight0|diag_approx",
        "impedance": "imp",
    },
    element="",  # all but equalities test on their own whether they are active
    weight=5,
)
def constraint_reference(d: Draft) -> None:
    """Computes the stiffness and the reference acceleration of soft constraints from their impedance."""
    kind = d.option("kind", *_HEADS)
    curve = d.option("curve", *_IMPEDANCE, weights=(0.6, 0.2, 0.2))
    ref = d.option("reference", "time constant", "direct")
    safe = d.flag("safe", 0.5) if ref != "direct" else False
    # Only inequalities become active at a distance
    margin = d.option("margin", "none", *(("one", "per row") if kind != "equality" else ()))
    result = d.option("result", "rows", "force", "acceleration")
    d.calls({
        "rows": "make_constraint|efc_rows|constraint_rows|update_constraint_parameters",
        "force": "constraint_forces|soft_constraint_forces|efc_forces",
        "acceleration": "reference_accelerations|constraint_reference|efc_aref",
    }[result])  # fmt: skip
    what = {
        "rows": "inverse regularizers and reference accelerations",
        "force": "inverse regularizers and forces",
        "acceleration": "reference accelerations",
    }[result]
    of = {
        "limit": "joint limits",
        "ball limit": "ball joint limits",
        "equality": "joint couplings",
        "contact": "contacts",
    }[kind]
    d.says(f"Computes {what} of soft {of} using their impedance.")
    inactive = d.option("inactive", "return", "flag") if kind != "equality" else "none"
    # Both parts of a pair are drawn alike, so a time constant in one is never as short as two steps
    packed = d.flag("packed", 0.5) and not safe
    count = d.pick(32, 48, 64)
    if kind == "limit":
        d.input("joint_q", "float", count, -1.2, 1.2, about="Joint positions [rad]")
        d.input("joint_qd", "float", count, -2.0, 2.0, about="Joint velocities [rad/s]")
        d.input("joint_lower", "float", count, -0.9, -0.3, about="Lower limits [rad]")
        d.input("joint_upper", "float", count, 0.3, 0.9, about="Upper limits [rad]")
    elif kind == "ball limit":
        d.input("joint_quat", "quat", count, kind="unit", about="Joint rotations")
        d.input(
            "joint_omega", "vec3", count, -2.0, 2.0, about="Angular velocities in the child frame [rad/s]"
        )
        d.input("joint_max_angle", "float", count, 0.8, 2.2, about="Maximum rotation angles [rad]")
    elif kind == "equality":
        d.input("joint_q", "float", count, -1.0, 1.0, about="Joint positions")
        d.input("joint_qd", "float", count, -2.0, 2.0, about="Joint velocities")
        d.input("joint_pair", "int", count, 0, count, about="Leading joint index")
        d.input("joint_poly", "float", (count, 5), -0.5, 0.5, about="Polynomial coefficients")
    else:
        d.input("contact_dist", "float", count, -0.08, 0.03, about="Signed distances [m]")
        d.input("contact_normal", "vec3", count, kind="unit", about="Contact normals, from geom 1 to geom 2")
        d.input(
            "contact_vel", "vec3", count, -1.0, 1.0, about="Velocities of geom 2 relative to geom 1 [m/s]"
        )
    wide = 0.1 if kind == "contact" else 1.0
    if packed and ref != "direct":
        d.input("solref", "vec2", count, 0.2, 1.2, about="Time constant [s] and damping ratio")
    elif packed:
        d.input("solref", "vec2", count, -300.0, -20.0, about="Negative stiffness and damping")
    elif ref == "direct":
        d.param("stiffness", "float", 300.0, 900.0, about="Reference stiffness [1/s^2]")
        d.param("damping", "float", 10.0, 40.0, about="Reference damping [1/s]")
    else:
        d.param("time_constant", "float", 0.01, 0.04, about="Time constant [s]")
        d.param("damping_ratio", "float", 0.7, 1.2, about="Damping ratio")
    d.param("imp_min", "float", 0.5, 0.8, about="Impedance at zero violation")
    d.param("imp_max", "float", 0.9, 0.97, about="Impedance at full width")
    d.param("imp_width", "float", 0.5 * wide, wide, about="Violation at full impedance")
    if curve != "linear":
        d.param("imp_mid", "float", 0.3, 0.7, about="Sigmoid midpoint, relative to the width")
    if curve == "power":
        d.param("imp_power", "float", 1.5, 3.0, about="Sigmoid power")
    if margin == "one":
        d.param("margin", "float", 0.0, 0.2 * wide, about="Margin at which constraints become active")
    elif margin == "per row":
        d.input(
            "row_margin", "float", count, 0.0, 0.2 * wide, about="Margin at which constraints become active"
        )
    d.input("inv_weight", "float", count, 0.2, 3.0, about="Inverse constraint-space mass")
    if safe:
        d.param("dt", "float", 0.004, 0.02, about="Time step [s]")
    if result == "force":
        d.input("row_acc", "float", count, -20.0, 20.0, about="Unconstrained row accelerations")
    if inactive == "flag":
        d.output("row_active", "bool", count, about="Active constraint mask")
    if result != "acceleration":
        d.output("row_weight", "float", count, about="Inverse regularizer D = 1 / R")
    name = {"rows": "row_reference", "force": "row_force", "acceleration": "row_reference"}[result]
    about = {
        "rows": "Reference accelerations",
        "force": "Constraint forces",
        "acceleration": "Reference accelerations",
    }
    d.output(name, "float", count, about=about[result])
    near = {"none": "0.0", "one": "margin", "per row": "row_margin[tid]"}[margin]
    zeros = "" if result == "acceleration" else f"    row_weight[tid] = 0.0\n    {name}[tid] = 0.0\n"
    leave = {
        "return": f"# Inactive: {'no violation' if margin == 'none' else 'outside the margin'}\nif dist >= $near:\n{zeros}    return",
        "flag": "active = dist < $near\nrow_active[tid] = active\nif not active:\n    return",
        "none": "",
    }[inactive]
    tc = "spring_time" if safe else "time_constant"
    gains = {
        "time constant": f"k = 1.0 / (imp_max * imp_max * {tc} * {tc} * damping_ratio * damping_ratio)\n"
        f"b = 2.0 / (imp_max * {tc})",
        "direct": "k = stiffness / (imp_max * imp_max)\nb = damping / imp_max",
    }[ref]
    get = ""
    if packed and ref == "direct":
        gains = (
            "# Negative parameters specify stiffness and damping directly\n"
            "k = -solref[tid][0] / (imp_max * imp_max)\nb = -solref[tid][1] / imp_max"
        )
    elif packed:
        get = "time_constant = solref[tid][0]\ndamping_ratio = solref[tid][1]"
    force = {
        "force": "# Clamp at zero, since unilateral constraints only push\nrow_force[tid] = wp.max((aref - row_acc[tid]) / regularizer, 0.0)",
        "rows": "row_reference[tid] = aref",
        "acceleration": "row_reference[tid] = aref",
    }[result]
    if kind == "equality":
        force = force.replace("# Clamp at zero, since unilateral constraints only push\n", "").replace(
            "wp.max((aref - row_acc[tid]) / regularizer, 0.0)", "(aref - row_acc[tid]) / regularizer"
        )
    stiff = """
        # Regularization R = (1 - d) / d * A yields the acceleration (1 - d) a0 + d aref
        regularizer = (1.0 - impedance) / impedance * inv_weight[tid]
        row_weight[tid] = 1.0 / regularizer
    """
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $head
        $leave
        pos = dist - $near
        # --- Impedance: interpolate from imp_min to imp_max by the violation ---
        x = wp.abs(pos) / imp_width
        $curve
        impedance = imp_min + y * (imp_max - imp_min)
        $get
        $safe
        $gains
        # Spring-damper reference acceleration: aref = -b v - k d r
        aref = -b * vel - k * impedance * pos
        $stiff
        $force
        """,
        head=_HEADS[kind],
        leave=leave,
        near=near,
        curve=_IMPEDANCE[curve],
        get=get,
        safe="# Keep the time constant above two time steps for stability\n"
        "spring_time = wp.max(time_constant, 2.0 * dt)"
        if safe
        else "",
        gains=gains,
        stiff=stiff if result != "acceleration" else "",
        force=force,
    )
    if margin == "none":
        d.text = re.sub(r"\bdist\b", "pos", re.sub(r" *pos = dist - 0.0\n", "", d.text))
    told = "the residual r" if kind == "equality" else "the distance r, negative in violation,"
    kept = inactive == "flag" or result == "acceleration"
    idle = (
        f" Inactive rows {'are left unchanged' if kept else 'are set to zero'}." if kind != "equality" else ""
    )
    d.explain(f"""
        The impedance d in (0, 1) sets the constraint hardness: it turns the acceleration a0 into (1 - d) a0 + d aref,
        with aref = -b v - k d r for {told} and its rate v.{idle}
    """)

    def reference(v: Values) -> dict[str, Any]:
        if kind == "limit":
            low, high = v.joint_q - v.joint_lower, v.joint_upper - v.joint_q
            dist, vel = np.minimum(low, high), np.where(low < high, v.joint_qd, -v.joint_qd)
        elif kind == "ball limit":
            q = v.joint_quat * np.where(v.joint_quat[:, 3:] < 0.0, -1.0, 1.0)
            size = np.linalg.norm(q[:, :3], axis=1)
            dist = v.joint_max_angle - 2.0 * np.arctan2(size, q[:, 3])
            vel = -(q[:, :3] * v.joint_omega).sum(1) / size
        elif kind == "equality":
            lead = v.joint_q[v.joint_pair]
            powers = lead[:, None] ** np.arange(5)
            slopes = np.arange(1, 5) * powers[:, :4]
            dist = v.joint_q - (v.joint_poly * powers).sum(1)
            vel = v.joint_qd - (v.joint_poly[:, 1:] * slopes).sum(1) * v.joint_qd[v.joint_pair]
        else:
            dist, vel = v.contact_dist, (v.contact_normal * v.contact_vel).sum(1)
        near_ = {"none": 0.0, "one": v.get("margin"), "per row": v.get("row_margin")}[margin]
        active = np.ones(count, bool) if kind == "equality" else dist < near_
        pos = dist - near_
        x = np.minimum(np.abs(pos) / v.imp_width, 1.0)
        p = v.imp_power if curve == "power" else 2.0
        y = x
        if curve != "linear":
            m = v.imp_mid
            y = np.where(x < m, x**p / m ** (p - 1), 1.0 - (1.0 - x) ** p / (1.0 - m) ** (p - 1))
        imp = v.imp_min + y * (v.imp_max - v.imp_min)
        if ref == "direct":
            one, two = (-v.solref[:, 0], -v.solref[:, 1]) if packed else (v.stiffness, v.damping)
            k, b = one / v.imp_max**2, two / v.imp_max
        else:
            one, two = (v.solref[:, 0], v.solref[:, 1]) if packed else (v.time_constant, v.damping_ratio)
            one = np.maximum(one, 2.0 * v.dt) if safe else one
            k, b = 1.0 / (v.imp_max * one * two) ** 2, 2.0 / (v.imp_max * one)
        aref = -b * vel - k * imp * pos
        stiff_ = imp / (1.0 - imp) / v.get("inv_weight", 1.0)
        made: dict[str, Any] = {}
        if result != "acceleration":
            made["row_weight"] = np.where(active, stiff_, 0.0)
        push = stiff_ * (aref - v.get("row_acc", 0.0))
        push = push if kind == "equality" else np.maximum(push, 0.0)
        made[name] = np.where(active, push if result == "force" else aref, 0.0)
        if inactive == "flag":
            made["row_active"] = active
        return made

    d.check(reference, 1e-3)
