"""Muscles as actuators: activation, force-length-velocity curves, pennation and joint torques."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.robotics import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_LENGTH = {
    "splines": """
        # Active force-length curve of four parabolas through (lmin, 0), (1, 1) and (lmax, 0)
        lower_mid = 0.5 * (lmin + 1.0)
        upper_mid = 0.5 * (1.0 + lmax)
        if norm_len <= lmin or norm_len >= lmax:
            gain_length = float(0.0)
        elif norm_len <= lower_mid:
            x = (norm_len - lmin) / (lower_mid - lmin)
            gain_length = 0.5 * x * x
        elif norm_len <= 1.0:
            x = (1.0 - norm_len) / (1.0 - lower_mid)
            gain_length = 1.0 - 0.5 * x * x
        elif norm_len <= upper_mid:
            x = (norm_len - 1.0) / (upper_mid - 1.0)
            gain_length = 1.0 - 0.5 * x * x
        else:
            x = (lmax - norm_len) / (lmax - upper_mid)
            gain_length = 0.5 * x * x
    """,
    "gaussian": """
        # Gaussian around the optimal fiber length
        stretch = norm_len - 1.0
        gain_length = wp.exp(-stretch * stretch / shape_factor)
    """,
}
_VELOCITY = {
    "splines": """
        # Force-velocity curve: parabolic for shortening, saturates at fvmax for lengthening
        y = fvmax - 1.0
        if norm_vel <= -1.0:
            gain_velocity = float(0.0)
        elif norm_vel <= 0.0:
            gain_velocity = (norm_vel + 1.0) * (norm_vel + 1.0)
        elif norm_vel <= y:
            gain_velocity = fvmax - (y - norm_vel) * (y - norm_vel) / y
        else:
            gain_velocity = fvmax
    """,
    "hill": """
        # Hill's hyperbola for shortening, Katz's for lengthening
        if norm_vel <= 0.0:
            v_short = wp.max(norm_vel, -1.0)
            gain_velocity = (1.0 + v_short) / (1.0 - v_short / curvature)
        else:
            gain_velocity = (curvature + fvmax * norm_vel) / (curvature + norm_vel)
    """,
    "none": "",
}
_PASSIVE = {
    "none": "",
    "splines": """
        # Passive force: parabola up to the midpoint between rest and lmax, then linear
        upper_mid = 0.5 * (1.0 + lmax)
        if norm_len > upper_mid:
            passive = fpmax * (0.5 + (norm_len - upper_mid) / (upper_mid - 1.0))
        elif norm_len > 1.0:
            x = (norm_len - 1.0) / (upper_mid - 1.0)
            passive = 0.5 * fpmax * x * x
        else:
            passive = float(0.0)
    """,
    "exponential": """
        # Passive fibers stiffen exponentially and reach the isometric force at strain_max
        passive = wp.max((wp.exp(stiffening * (norm_len - 1.0) / strain_max) - 1.0) / (wp.exp(stiffening) - 1.0), 0.0)
    """,
}


@DOMAIN.algorithm(
    source="Hill 1938; Zajac 1989; Thelen 2003; Millard et al. 2013; MuJoCo, mju_muscleGain and mju_muscleBias",
    names={
        "muscle_forces": "eval_muscles|compute_muscle_forces|actuate_muscles|muscle_actuation",
        "muscle_length": "path_length",
        "muscle_velocity": "lengthening_speed",
        "excitation": "ctrl|neural_input|u",
        "activation": "act",
        "peak_force": "max_isometric_force",
        "optimal_length": "optimal_fiber_length",
        "passive": "f_passive",
        "moment_arm": "arm|lever_arm|muscle_arm",
    },
    element="muscle",
    weight=3,
)
def muscle_forces(d: Draft) -> None:
    """Computes the forces of Hill-type muscles and advances their activation."""
    length = d.option("length", *_LENGTH)
    velocity = d.option("velocity", *_VELOCITY, weights=(0.45, 0.4, 0.15))
    passive = d.option("passive", *_PASSIVE)
    dynamics = d.option("activation", "given", "first order", "smooth", "exponential")
    pennation = d.option("pennation", "none", "constant", "thickness")
    result = d.option("result", "force", "torque", "force and torque")
    damping = d.flag("damping", 0.4)
    slack = d.flag("slack", 0.5)
    if result == "torque":
        d.calls("muscle_torques|compute_muscle_torques|joint_muscle_torques")
    what = {"force": "forces", "torque": "joint torques", "force and torque": "forces and joint torques"}[
        result
    ]
    advances = " and advances their activation" if dynamics != "given" else ""
    less = "" if passive != "none" else " without passive force"
    if velocity == "none":
        extra = ["passive force"] * (passive != "none") + ["damping"] * damping
        less = " from activation and length" + (", including " + " and ".join(extra) if extra else "")
    d.says(f"Computes {what} of {'Hill-type ' if velocity != 'none' else ''}muscles{less}{advances}.")
    muscles = d.pick(32, 48, 64)
    paths = "muscle paths" if slack or pennation != "none" else "fibers"
    joints = 8
    d.input("muscle_length", "float", muscles, 0.14, 0.48, about=f"Lengths of the {paths} [m]")
    d.input("muscle_velocity", "float", muscles, -2.5, 2.5, about=f"Lengthening speeds of the {paths} [m/s]")
    if dynamics != "given":
        d.input("excitation", "float", muscles, -0.1, 1.1, about="Neural excitations, clamped to [0, 1]")
    d.input("activation", "float", muscles, 0.0, 1.0, about="Activations")
    d.input("peak_force", "float", muscles, 200.0, 1500.0, about="Isometric forces at the optimal length [N]")
    d.input("optimal_length", "float", muscles, 0.2, 0.3, about="Optimal fiber lengths [m]")
    if slack:
        d.input("slack_length", "float", muscles, 0.02, 0.1, about="Rigid tendon lengths [m]")
    if pennation != "none":
        d.input(
            "pennation_angle",
            "float",
            muscles,
            0.05,
            0.35,
            about="Pennation angles" + (" at optimal length" if pennation == "thickness" else "") + " [rad]",
        )
    if velocity != "none" or damping:
        d.param(
            "max_velocity",
            "float",
            6.0,
            10.0,
            about="Maximum shortening speed in optimal lengths per second",
        )
    if length == "splines" or passive == "splines":
        told = (
            "at zero active force"
            if length == "splines"
            else "halfway to which the passive force becomes linear"
        )
        d.param("lmax", "float", 1.5, 1.8, about=f"Normalized length {told}")
    if length == "splines":
        d.param("lmin", "float", 0.4, 0.6, about="Normalized length below which there is no active force")
    else:
        d.param("shape_factor", "float", 0.3, 0.6, about="Width of the force-length curve")
    if velocity != "none":
        d.param("fvmax", "float", 1.2, 1.6, about="Normalized force at maximum lengthening speed")
    if velocity == "hill":
        d.param("curvature", "float", 0.2, 0.4, about="Hill curvature")
    if passive == "splines":
        d.param(
            "fpmax", "float", 1.0, 1.5, about="Normalized passive force, half of it midway from rest to lmax"
        )
    elif passive == "exponential":
        d.param("stiffening", "float", 3.0, 5.0, about="Exponential shape factor")
        d.param("strain_max", "float", 0.5, 0.7, about="Fiber strain at isometric force")
    if dynamics != "given":
        d.param("tau_act", "float", 0.01, 0.02, about="Activation time constant [s]")
        d.param("tau_deact", "float", 0.03, 0.06, about="Deactivation time constant [s]")
        if dynamics == "smooth":
            d.param("tau_smooth", "float", 0.2, 0.5, about="Blend width between the two time constants")
        d.param("dt", "float", 0.001, 0.004, about="Time step [s]")
    if damping:
        d.param("fiber_damping", "float", 0.05, 0.1, about="Normalized fiber damping")
    if result != "force":
        d.input("moment_arm", "float", muscles, -0.06, 0.06, about="Joint moment arms [m]")
        d.input("muscle_joint", "int", muscles, 0, joints, about="Joint index per muscle")
    if dynamics != "given":
        d.output("activation_out", "float", muscles, about="Updated activations")
    if result != "torque":
        d.output("muscle_force", "float", muscles, about=f"Tensions along the {paths} [N]")
    if result != "force":
        d.output("joint_torque", "float", joints, about="Total muscle torque per joint [N m]")
    constant = {
        "first order": "tau = wp.where(u > act, tau_act * (0.5 + 1.5 * act), tau_deact / (0.5 + 1.5 * act))",
        "exponential": "tau = wp.where(u > act, tau_act * (0.5 + 1.5 * act), tau_deact / (0.5 + 1.5 * act))",
        "smooth": """
        # Blend the time constants with a quintic, because a switch at u = act is not differentiable
        rising = tau_act * (0.5 + 1.5 * act)
        falling = tau_deact / (0.5 + 1.5 * act)
        s = wp.clamp((u - act) / tau_smooth + 0.5, 0.0, 1.0)
        blend = s * s * s * (10.0 + s * (6.0 * s - 15.0))
        tau = falling + (rising - falling) * blend
        """,
        "given": "",
    }[dynamics]
    advance = {
        "first order": "activation_out[tid] = act + dt * (u - act) / tau",
        "smooth": "activation_out[tid] = act + dt * (u - act) / tau",
        "exponential": "# Exact for a constant time constant, so stable for large steps\nactivation_out[tid] = u + (act - u) * wp.exp(-dt / tau)",
        "given": "",
    }[dynamics]
    fibers = "(muscle_length[tid] - slack_length[tid])" if slack else "muscle_length[tid]"
    geometry = {
        "none": f"norm_len = {fibers} / l_opt",
        "constant": f"cos_pen = wp.cos(pennation_angle[tid])\nnorm_len = {fibers} / (l_opt * cos_pen)",
        "thickness": f"""
        # Constant thickness l_opt sin(alpha0), so the pennation angle grows as fibers shorten
        thickness = l_opt * wp.sin(pennation_angle[tid])
        along = {fibers.strip("()")}
        fiber = wp.sqrt(along * along + thickness * thickness)
        cos_pen = along / fiber
        norm_len = fiber / l_opt
        """,
    }
    project = "" if pennation == "none" else " * cos_pen"
    speed = {
        "none": "norm_vel = muscle_velocity[tid] / (l_opt * max_velocity)",
        "constant": "norm_vel = muscle_velocity[tid] / (cos_pen * l_opt * max_velocity)",
        "thickness": "norm_vel = muscle_velocity[tid] * cos_pen / (l_opt * max_velocity)",
    }[pennation]
    total = "act * gain_length" + (" * gain_velocity" if velocity != "none" else "")
    total += " + passive" if passive != "none" else ""
    total += " + fiber_damping * norm_vel" if damping else ""
    out = {
        "force": "muscle_force[tid] = tension",
        "torque": "# Muscles pull: a shortening path rotates the joint along its moment arm\n"
        "wp.atomic_add(joint_torque, muscle_joint[tid], -moment_arm[tid] * tension)",
        "force and torque": "muscle_force[tid] = tension\n"
        "wp.atomic_add(joint_torque, muscle_joint[tid], -moment_arm[tid] * tension)",
    }
    carried = _PASSIVE[passive]
    if length == "splines":  # the active curve names the same middle
        carried = carried.replace("        upper_mid = 0.5 * (1.0 + lmax)\n", "")
    d.launch(muscles)
    d.code(
        """
        tid = wp.tid()
        act = activation[tid]
        # --- Activation dynamics ---
        $excite
        $constant
        $advance
        # --- Fiber geometry ---
        l_opt = optimal_length[tid]
        $geometry
        $speed
        $length
        $velocity
        $passive
        $clamped
        tension = peak_force[tid] * $total$project
        $out
        """,
        excite=""
        if dynamics == "given"
        else "u = wp.clamp(excitation[tid], 0.0, 1.0)\n"
        "# Activation is faster than deactivation, and both depend on the current level",
        constant=constant,
        advance=advance,
        geometry=geometry[pennation],
        speed=speed if velocity != "none" or damping else "",
        length=_LENGTH[length],
        velocity=_VELOCITY[velocity],
        passive=carried,
        clamped="# Clamp to zero, since muscles cannot push" if damping else "",
        total=f"wp.max({total}, 0.0)" if damping else total if passive == "none" else f"({total})",
        project=project,
        out=out[result],
    )
    d.text = d.text.replace("# --- Activation dynamics ---\n# --- Fiber", "# --- Fiber")
    moving = velocity != "none" or damping
    curve = " fv(V)" if velocity != "none" else ""
    rest_ = (" + fp(L)" if passive != "none" else "") + (" + b V" if damping else "")
    seen = "the fiber length L in optimal lengths"
    seen += " and the speed V\nin units of the maximum shortening speed" if moving else ""
    end = " The tendon is rigid." if slack else ""
    inner = f"a fl(L){curve}{rest_}"
    inner = f"max({inner}, 0)" if damping else f"({inner})" if passive != "none" else inner
    end += " The force uses the activation at the start of the step." if advances else ""
    d.explain(f"Tension F = F0 {inner}{' cos(pennation)' if pennation != 'none' else ''} with {seen}.{end}")

    def reference(v: Values) -> dict[str, Any]:
        act, made = v.activation, {}
        if dynamics != "given":
            u = np.clip(v.excitation, 0.0, 1.0)
            up, down = v.tau_act * (0.5 + 1.5 * act), v.tau_deact / (0.5 + 1.5 * act)
            tau = np.where(u > act, up, down)
            if dynamics == "smooth":
                s = np.clip((u - act) / v.tau_smooth + 0.5, 0.0, 1.0)
                tau = down + (up - down) * (6 * s**5 - 15 * s**4 + 10 * s**3)
            step = (
                u + (act - u) * np.exp(-v.dt / tau)
                if dynamics == "exponential"
                else act + v.dt * (u - act) / tau
            )
            made["activation_out"] = step
        along = v.muscle_length - (v.slack_length if slack else 0.0)
        cosine = np.ones(muscles)
        if pennation == "constant":
            cosine = np.cos(v.pennation_angle)
        fiber = along / cosine
        if pennation == "thickness":
            fiber = np.hypot(along, v.optimal_length * np.sin(v.pennation_angle))
            cosine = along / fiber
        x = fiber / v.optimal_length
        if length == "gaussian":
            fl = np.exp(-((x - 1.0) ** 2) / v.shape_factor)
        else:  # symmetric in each flank: a smooth step of two parabolas

            def flank(s: Any) -> Any:
                return np.where(s < 0.5, 2.0 * s**2, 1.0 - 2.0 * (1.0 - s) ** 2)

            s = np.where(x < 1.0, (x - v.lmin) / (1.0 - v.lmin), (v.lmax - x) / (v.lmax - 1.0))
            fl = np.where(s > 0.0, flank(np.clip(s, 0.0, 1.0)), 0.0)
        total_ = act * fl
        if velocity != "none" or damping:
            w = v.muscle_velocity * (1.0 / cosine if pennation == "constant" else cosine)
            w = w / (v.optimal_length * v.max_velocity)
        if velocity == "splines":
            y = v.fvmax - 1.0
            total_ = total_ * np.where(
                w <= 0.0, np.maximum(w + 1.0, 0.0) ** 2, v.fvmax - np.maximum(y - w, 0.0) ** 2 / y
            )
        elif velocity == "hill":
            k, z = v.curvature, np.maximum(w, -1.0)
            total_ = total_ * np.where(
                w <= 0.0,
                (1.0 + z) / (1.0 - np.minimum(z, 0.0) / k),
                (k + v.fvmax * w) / (k + np.maximum(w, 0.0)),
            )
        if passive == "splines":
            knee = 0.5 * (v.lmax - 1.0)
            s = np.maximum(x - 1.0, 0.0) / knee
            total_ = total_ + v.fpmax * np.where(s > 1.0, s - 0.5, 0.5 * s**2)
        elif passive == "exponential":
            total_ = total_ + np.maximum(
                np.expm1(v.stiffening * (x - 1.0) / v.strain_max) / np.expm1(v.stiffening), 0.0
            )
        if damping:
            total_ = total_ + v.fiber_damping * w
        tension = v.peak_force * np.maximum(total_, 0.0) * cosine
        if result != "torque":
            made["muscle_force"] = tension
        if result != "force":
            made["joint_torque"] = np.bincount(v.muscle_joint, -v.moment_arm * tension, joints)
        return made

    d.check(reference, 1e-3)
