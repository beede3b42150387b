"""Underwater vehicles and ships: six degrees of freedom with added mass, damping, buoyancy and thrusters."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.dynamics import DOMAIN
from warpgen.synthesis.library import quaternions
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.trim import trim

_DAMPING = {
    "linear": """
        # Linear skin friction
        drag_force = -wp.cw_mul(linear_drag, vel_r)
        drag_moment = -wp.cw_mul(angular_drag, omega)
    """,
    "quadratic": """
        # Quadratic drag d |v| v per body axis
        drag_force = -wp.cw_mul(quadratic_drag, wp.cw_mul(wp.abs(vel_r), vel_r))
        drag_moment = -wp.cw_mul(angular_quadratic, wp.cw_mul(wp.abs(omega), omega))
    """,
    "both": """
        # Linear skin friction plus quadratic form drag per body axis
        drag_force = -wp.cw_mul(linear_drag + wp.cw_mul(quadratic_drag, wp.abs(vel_r)), vel_r)
        drag_moment = -wp.cw_mul(angular_drag + wp.cw_mul(angular_quadratic, wp.abs(omega)), omega)
    """,
}


@DOMAIN.algorithm(
    source="Fossen 2011, ch. 6-8 (marine craft in six degrees of freedom); Fossen & Sagatun 1991",
    names={
        "step_vessels": "marine_step|auv_step|underwater_vehicle_step|integrate_vessels",
        "vessel_omega": "vessel_rates",
        "thrust_command": "motor_command|thruster_command",
        "propeller_speed": "prop_rate|shaft_speed",
        "vel_r": "vel_rel",
        "buoyancy": "buoyant_force",
        "current": "water_velocity|flow",
    },
    element="vessel",
    weight=9,
)
def step_vessels(d: Draft) -> None:
    """Integrates 6-DOF underwater vehicle dynamics over one time step."""
    damping = d.option("damping", *_DAMPING)
    current = d.option("current", "none", "one", "shear")
    thrust = d.option("thrust", "wrench", "thrusters", "propellers")
    coriolis = d.option("coriolis", "all", "rigid", weights=(0.7, 0.3))
    floating = d.option("buoyancy", "neutral", "trimmed", "surface")
    scheme = d.option("scheme", "semi-implicit", "explicit", "drag implicit")
    turn = d.option("turn", "linear", "exponential")
    world = d.flag("world velocity", 0.35)
    count, thrusters = d.pick(16, 24, 32), d.pick(3, 4)
    if scheme == "drag implicit":
        damping = "linear"
    what = "surface and underwater vehicles" if floating == "surface" else "underwater vehicles"
    if floating == "surface":
        d.calls("marine_step|step_vessels|integrate_vessels")
    d.says(f"Integrates {what} over one time step using a 6-DOF marine craft model.")
    low, high = (-0.3, 0.3) if floating == "surface" else (-6.0, -0.5)
    d.input("vessel_pos", "vec3", count, low, high, about="World-space positions, z up [m]")
    d.input("vessel_rot", "quat", count, kind="unit", about="Body-to-world orientations")
    velocity = "world_vel" if world else "vessel_vel"
    d.input(
        velocity,
        "vec3",
        count,
        -1.5,
        1.5,
        about=f"{'World' if world else 'Body'}-space linear velocities [m/s]",
    )
    d.input("vessel_omega", "vec3", count, -0.5, 0.5, about="Body-space angular velocities [rad/s]")
    if thrust == "wrench":
        d.input("control_force", "vec3", count, -40.0, 40.0, about="Body-space control forces [N]")
        d.input("control_moment", "vec3", count, -10.0, 10.0, about="Body-space control moments [N m]")
    else:
        d.module(f"THRUSTERS = wp.constant({thrusters})")
        commands = "thrust_command" if thrust == "thrusters" else "propeller_speed"
        d.input(
            commands,
            "float",
            (count, thrusters),
            -1.0 if thrust == "thrusters" else -20.0,
            1.0 if thrust == "thrusters" else 20.0,
            about="Thruster commands in [-1, 1]" if thrust == "thrusters" else "Propeller speeds [rev/s]",
        )
        d.input("thruster_pos", "vec3", thrusters, -0.6, 0.6, about="Body-space thruster positions [m]")
        d.input("thruster_dir", "vec3", thrusters, kind="unit", about="Body-space thruster directions")
        if thrust == "thrusters":
            d.param("max_thrust", "float", 20.0, 60.0, about="Maximum thrust [N]")
            d.param("dead_band", "float", 0.05, 0.1, about="Thruster command dead band")
        else:
            d.param("thrust_coeff", "float", 0.05, 0.15, about="rho D^4 K_T [N s^2]")
            d.param("reverse_gain", "float", 0.6, 0.9, about="Reverse thrust efficiency")
    d.param("mass", "float", 20.0, 40.0, about="Mass [kg]")
    d.param("added_mass", "vec3", 5.0, 30.0, about="Added mass per body axis [kg]")
    d.param("inertia", "vec3", 2.0, 4.0, about="Moments of inertia [kg m^2]")
    d.param("added_inertia", "vec3", 0.2, 2.0, about="Added moments of inertia [kg m^2]")
    if damping in ("linear", "both"):
        d.param("linear_drag", "vec3", 2.0, 10.0, about="Linear damping [N s/m]")
        d.param("angular_drag", "vec3", 0.5, 2.0, about="Linear angular damping [N m s]")
    if damping in ("quadratic", "both"):
        d.param("quadratic_drag", "vec3", 20.0, 80.0, about="Quadratic damping [N s^2/m^2]")
        d.param("angular_quadratic", "vec3", 1.0, 4.0, about="Quadratic angular damping [N m s^2]")
    if floating != "neutral":
        ratio = (1.5, 2.5) if floating == "surface" else (0.98, 1.04)
        d.param("buoyancy_ratio", "float", *ratio, about="Buoyancy-to-weight ratio when fully submerged")
    d.param(
        "center_of_buoyancy",
        "vec3",
        -0.05,
        0.1,
        about="Center of buoyancy relative to the center of mass [m]",
    )
    if floating == "surface":
        d.param("hull_height", "float", 0.3, 0.6, about="Hull height [m]")
    if current == "one":
        d.param("current", "vec3", -0.5, 0.5, about="World-space current velocity [m/s]")
    elif current == "shear":
        d.param("current", "vec3", -0.5, 0.5, about="Surface current velocity [m/s]")
        d.param("current_depth", "float", 3.0, 10.0, about="Current decay depth [m]")
    d.param("dt", "float", 0.01, 0.05, about="Time step [s]")
    d.output("pos_out", "vec3", count, about="Updated positions [m]")
    d.output("rot_out", "quat", count, about="Updated orientations")
    d.output(
        "vel_out",
        "vec3",
        count,
        about=f"Updated {'world' if world else 'body'}-space velocities [m/s]",
    )
    d.output("omega_out", "vec3", count, about="Updated body-space angular velocities [rad/s]")
    d.module("GRAVITY = wp.constant(9.81)  # [m/s^2]")
    if turn == "exponential":
        d.function('''
            @wp.func
            def quat_exp(v: wp.vec3) -> wp.quat:
                """Convert a rotation vector to a unit quaternion."""
                angle = wp.length(v)
                if angle < 1.0e-6:
                    return wp.normalize(wp.quat(0.5 * v, 1.0))
                return wp.quat_from_axis_angle(v / angle, angle)
        ''')
    if thrust != "wrench":
        law = {
            "thrusters": """
                # Motor dead band, then linear up to full thrust
                u = command[vessel, k]
                if wp.abs(u) > dead_band:
                    push = wp.sign(u) * (wp.abs(u) - dead_band) / (1.0 - dead_band) * max_thrust
                    force += push * direction[k]
                    moment += push * wp.cross(place[k], direction[k])
            """,
            "propellers": """
                # T = K n |n|, reduced in reverse since the blades are cambered
                n = speed[vessel, k]
                push = thrust_coeff * n * wp.abs(n)
                if n < 0.0:
                    push *= reverse_gain
                force += push * direction[k]
                moment += push * wp.cross(place[k], direction[k])
            """,
        }[thrust]
        extra = (
            "max_thrust: float,\ndead_band: float,"
            if thrust == "thrusters"
            else "thrust_coeff: float,\nreverse_gain: float,"
        )
        d.function(
            f'''
            @wp.func
            def thruster_wrench(
                vessel: int,
                {"command" if thrust == "thrusters" else "speed"}: wp.array2d(dtype=float),
                place: wp.array(dtype=wp.vec3),
                direction: wp.array(dtype=wp.vec3),
                $extra
            ):
                """Return the total body-space thruster force and moment for a vessel."""
                force = wp.vec3(0.0, 0.0, 0.0)
                moment = wp.vec3(0.0, 0.0, 0.0)
                for k in range(THRUSTERS):
                    $law
                return force, moment
            ''',
            extra=extra,
            law=law,
        )
    extra_call = "max_thrust, dead_band" if thrust == "thrusters" else "thrust_coeff, reverse_gain"
    water = {
        "none": "",
        "one": "# Velocity relative to the water\n$vel_c",
        "shear": "# Velocity relative to the water; the current decays with depth\n"
        "depth = wp.max(-pos[2], 0.0)\n"
        "$vel_c",
    }
    flow = "current * wp.exp(-depth / current_depth)" if current == "shear" else "current"
    # The current in body axes has a name where forces of its own follow from it.
    needed = coriolis == "all" or scheme == "drag implicit"
    rotated = f"wp.quat_rotate_inv(rot, {flow})"
    relative = f"vel_c = {rotated}\nvel_r = vel - vel_c" if needed else f"vel_r = vel - {rotated}"
    cori = {
        "rigid": """
            # --- Coriolis and centripetal forces ---
            # Rigid-body terms only; added-mass terms (including the Munk moment) are neglected
            force -= wp.cross(omega, mass * vel)
            moment -= wp.cross(omega, wp.cw_mul(inertia, omega))
        """,
        "all": """
            # --- Coriolis and centripetal forces ---
            # Rigid body
            force -= wp.cross(omega, mass * vel)
            moment -= wp.cross(omega, wp.cw_mul(inertia, omega))
            # Added mass; the second term is the Munk moment, which turns the vessel broadside to the flow
            momentum = wp.cw_mul(added_mass, vel_r)
            force -= wp.cross(omega, momentum)
            $turning
            moment -= wp.cross(omega, wp.cw_mul(added_inertia, omega)) + wp.cross(vel_r, momentum)
        """,
    }
    lift = {
        "neutral": "# Neutrally buoyant: only the restoring moment remains\nbuoyancy = mass * GRAVITY",
        "trimmed": "buoyancy = buoyancy_ratio * mass * GRAVITY",
        "surface": "# Scale buoyancy by the submerged fraction, clamped to [0, 1]\n"
        "submerged = wp.clamp(0.5 - pos[2] / hull_height, 0.0, 1.0)\n"
        "buoyancy = buoyancy_ratio * submerged * mass * GRAVITY",
    }
    step = {
        "drag implicit": """
            # Implicit drag, unconditionally stable for large damping
            vel_new = wp.cw_div(wp.cw_mul(mass_total, vel) + dt * force, mass_total + dt * linear_drag)
            omega_new = wp.cw_div(wp.cw_mul(inertia_total, omega) + dt * moment, inertia_total + dt * angular_drag)
        """,
        "semi-implicit": """
            vel_new = vel + dt * wp.cw_div(force + drag_force, mass_total)
            omega_new = omega + dt * wp.cw_div(moment + drag_moment, inertia_total)
        """,
    }
    step["explicit"] = step["semi-implicit"]
    used = ("vel", "omega") if scheme == "explicit" else ("vel_new", "omega_new")
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        pos = vessel_pos[tid]
        rot = vessel_rot[tid]
        vel = $vel
        omega = vessel_omega[tid]
        $water
        # --- Control ---
        $control
        $coriolis
        # --- Restoring forces ---
        $lift
        down = wp.quat_rotate_inv(rot, wp.vec3(0.0, 0.0, -1.0))
        $weight
        # Restoring moment, since buoyancy acts off the center of mass
        moment -= buoyancy * wp.cross(center_of_buoyancy, down)
        # --- Damping ---
        $damping
        # --- Step ---
        mass_total = wp.vec3(mass, mass, mass) + added_mass
        inertia_total = inertia + added_inertia
        $step
        pos_out[tid] = pos + dt * wp.quat_rotate(rot, $used_vel)
        $turn
        rot_out[tid] = rot_new
        vel_out[tid] = $store
        omega_out[tid] = omega_new
        """,
        vel="wp.quat_rotate_inv(rot, world_vel[tid])" if world else "vessel_vel[tid]",
        water=water[current].replace("$vel_c", relative),
        control="force = control_force[tid]\nmoment = control_moment[tid]"
        if thrust == "wrench"
        else f"force, moment = thruster_wrench(tid, {commands}, thruster_pos, thruster_dir, {extra_call})",
        coriolis=cori[coriolis],
        turning="# Added-mass term, since a steady world-space current rotates in the body frame\n"
        "force -= wp.cw_mul(added_mass, wp.cross(omega, vel_c))"
        if current != "none"
        else "",
        lift=lift[floating],
        weight="force += (mass * GRAVITY - buoyancy) * down" if floating != "neutral" else "",
        damping="# Explicit drag due to the current; the rest is implicit below\n"
        "force += wp.cw_mul(linear_drag, vel_c)"
        if scheme == "drag implicit" and current != "none"
        else ""
        if scheme == "drag implicit"
        else _DAMPING[damping],
        step=step[scheme],
        used_vel=used[0],
        turn=f"rot_new = wp.normalize(rot + rot * wp.quat({used[1]}, 0.0) * (0.5 * dt))"
        if turn == "linear"
        else f"rot_new = wp.normalize(rot * quat_exp(dt * {used[1]}))",
        store="wp.quat_rotate(rot_new, vel_new)" if world else "vel_new",
    )
    d.text = d.text.replace("# --- Damping ---\n# --- Step", "# --- Step")
    if current == "none":
        d.text = re.sub(r"\bvel_r\b", "vel", d.text)
    trim(d)
    in_c = " and C" if coriolis == "all" else ", but not in C"
    drag = "D(v) v" if current == "none" else "D(v_r) v_r"
    relative = "" if current == "none" else ", where v_r is the velocity relative to the water"
    if current != "none" and coriolis == "all":
        relative = "; drag and added mass act on v_r, the velocity relative to the water"
    d.explain(f"""
        M dv/dt + C(v) v + {drag} + g(q) = tau in the body frame, with added mass in M{in_c}{relative}. The hull has
        three planes of symmetry, so we can use diagonal M and D.
    """)

    def reference(v: Values) -> dict[str, Any]:
        turn_ = quaternions.matrix(v.vessel_rot)
        back = np.swapaxes(turn_, 1, 2)

        def into(x: Any) -> Any:
            return np.einsum("kij,kj->ki", back, np.broadcast_to(x, (count, 3)))

        vel, w = into(v.world_vel) if world else v.vessel_vel, v.vessel_omega
        flow = np.zeros((count, 3))
        if current != "none":
            flow = np.tile(v.current, (count, 1))
        if current == "shear":
            flow = flow * np.exp(-np.maximum(-v.vessel_pos[:, 2:], 0.0) / v.current_depth)
        rel = vel - into(flow)
        if thrust == "wrench":
            force, moment = v.control_force.copy(), v.control_moment.copy()
        else:
            if thrust == "thrusters":
                u = v.thrust_command
                push = (
                    np.sign(u) * np.maximum(np.abs(u) - v.dead_band, 0.0) / (1.0 - v.dead_band) * v.max_thrust
                )
            else:
                n = v.propeller_speed
                push = v.thrust_coeff * n * np.abs(n) * np.where(n < 0.0, v.reverse_gain, 1.0)
            force = push @ v.thruster_dir
            moment = push @ np.cross(v.thruster_pos, v.thruster_dir)
        force -= np.cross(w, v.mass * vel)
        moment -= np.cross(w, v.inertia * w)
        if coriolis == "all":
            force -= np.cross(w, v.added_mass * rel) + v.added_mass * np.cross(w, into(flow))
            moment -= np.cross(w, v.added_inertia * w) + np.cross(rel, v.added_mass * rel)
        weight = v.mass * 9.81
        lift_ = weight * np.full((count, 1), v.get("buoyancy_ratio", 1.0))
        if floating == "surface":
            lift_ = lift_ * np.clip(0.5 - v.vessel_pos[:, 2:] / v.hull_height, 0.0, 1.0)
        down = into(np.array([0.0, 0.0, -1.0]))
        force += (weight - lift_) * down
        moment -= lift_ * np.cross(v.center_of_buoyancy, down)
        m, i = v.mass + v.added_mass, v.inertia + v.added_inertia
        if scheme == "drag implicit":
            force += v.linear_drag * (vel - rel)
            new = (m * vel + v.dt * force) / (m + v.dt * v.linear_drag)
            new_w = (i * w + v.dt * moment) / (i + v.dt * v.angular_drag)
        else:
            force -= (v.get("linear_drag", 0.0) + v.get("quadratic_drag", 0.0) * np.abs(rel)) * rel
            moment -= (v.get("angular_drag", 0.0) + v.get("angular_quadratic", 0.0) * np.abs(w)) * w
            new, new_w = vel + v.dt * force / m, w + v.dt * moment / i
        by, spin = (vel, w) if scheme == "explicit" else (new, new_w)
        if turn == "linear":
            q = v.vessel_rot + 0.5 * v.dt * quaternions.product(v.vessel_rot, np.pad(spin, ((0, 0), (0, 1))))
        else:
            q = quaternions.product(v.vessel_rot, quaternions.exponential(v.dt * spin))
        q = q / np.linalg.norm(q, axis=1, keepdims=True)
        return {
            "pos_out": v.vessel_pos + v.dt * np.einsum("kij,kj->ki", turn_, by),
            "rot_out": q,
            "vel_out": quaternions.rotated(q, new) if world else new,
            "omega_out": new_w,
        }

    d.check(reference, 1e-3)
