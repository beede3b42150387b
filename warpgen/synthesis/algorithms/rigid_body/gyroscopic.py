"""Free rigid bodies with their gyroscopic torque, over one whole step of several schemes."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rigid_body import DOMAIN
from warpgen.synthesis.library import quaternions
from warpgen.synthesis.writing.draft import Draft, Values

_SPIN = {
    "explicit": """
        # Explicit update; gains energy for fast-spinning, elongated bodies
        gyro = wp.cross(omega, inertia * omega)
        omega_new = omega + dt * (inv_inertia * (tau - gyro))
    """,
    "implicit": """
        # Implicit gyroscopic term: one Newton step on I (w' - w) + dt w' x I w' = 0, stable at high spin rates
        residual = dt * wp.cross(omega, inertia * omega)
        jacobian = inertia + dt * (wp.skew(omega) * inertia - wp.skew(inertia * omega))
        omega_new = omega - wp.inverse(jacobian) * residual
        omega_new = omega_new + dt * (inv_inertia * tau)
    """,
    "momentum": """
        # Torque changes the angular momentum, which rotates backward in the body frame
        spin_momentum = inertia * omega + dt * tau
        omega_pushed = inv_inertia * spin_momentum
        spin_momentum = wp.quat_rotate_inv(quat_from_rotation_vector(dt * omega_pushed), spin_momentum)
        omega_new = inv_inertia * spin_momentum
    """,
    "midpoint": """
        # Explicit midpoint method for I w' = tau - w x I w
        rate_start = inv_inertia * (tau - wp.cross(omega, inertia * omega))
        omega_mid = omega + 0.5 * dt * rate_start
        rate_mid = inv_inertia * (tau - wp.cross(omega_mid, inertia * omega_mid))
        omega_new = omega + dt * rate_mid
    """,
    "runge-kutta": """
        # Classic RK4 for I w' = tau - w x I w
        k1 = inv_inertia * (tau - wp.cross(omega, inertia * omega))
        omega2 = omega + 0.5 * dt * k1
        k2 = inv_inertia * (tau - wp.cross(omega2, inertia * omega2))
        omega3 = omega + 0.5 * dt * k2
        k3 = inv_inertia * (tau - wp.cross(omega3, inertia * omega3))
        omega4 = omega + dt * k3
        k4 = inv_inertia * (tau - wp.cross(omega4, inertia * omega4))
        omega_new = omega + dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    """,
}
_TURN = {
    "linear": """
        # dq/dt = 1/2 q w with body-space w; renormalize to prevent drift
        rot_new = wp.normalize(rot + rot * wp.quat(omega_new, 0.0) * (0.5 * dt))
    """,
    "exponential": """
        # Exact for constant angular velocity; renormalize since rounding errors accumulate
        rot_new = wp.normalize(rot * quat_from_rotation_vector(dt * omega_new))
    """,
    "mean": """
        # Trapezoidal rule: rotate using the average of the old and new angular velocity
        omega_mean = 0.5 * (omega + omega_new)
        rot_new = wp.normalize(rot * quat_from_rotation_vector(dt * omega_mean))
    """,
}


def _spun(scheme: str, inertia: Any, w: Any, tau: Any, dt: float) -> Any:
    """The angular velocity of one body after a step, in its own frame."""
    inverse = np.linalg.inv(inertia)

    def rate(u: Any) -> Any:
        return inverse @ (tau - np.cross(u, inertia @ u))

    def skew(u: Any) -> Any:
        return np.cross(np.eye(3), u)

    if scheme == "explicit":
        return w + dt * rate(w)
    if scheme == "implicit":
        jacobian = inertia + dt * (skew(w) @ inertia - skew(inertia @ w))
        return w - np.linalg.solve(jacobian, dt * np.cross(w, inertia @ w)) + dt * inverse @ tau
    if scheme == "momentum":
        momentum = inertia @ w + dt * tau
        turn = quaternions.matrix(quaternions.exponential(dt * inverse @ momentum))
        return inverse @ (turn.T @ momentum)
    if scheme == "midpoint":
        return w + dt * rate(w + 0.5 * dt * rate(w))
    k1 = rate(w)
    k2 = rate(w + 0.5 * dt * k1)
    k3 = rate(w + 0.5 * dt * k2)
    return w + dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + rate(w + dt * k3))


@DOMAIN.algorithm(
    source="Catto 2015 (implicit gyroscopic torque); Hairer, Lubich & Wanner 2006, VII.5 (rigid body)",
    names={
        "step_free_bodies": "integrate_gyroscopic|rigid_body_step|advance_bodies|integrate_rigid_bodies",
        "body_pos": "body_x",
        "body_vel": "body_v",
        "body_omega": "body_w",
        "body_inertia": "body_I",
        "tau": "torque_b|t_body",
        "max_spin": "max_angular_speed|omega_max",
    },
    weight=9,
)
def step_free_bodies(d: Draft) -> None:
    """Integrates rigid bodies with gyroscopic torque over one time step."""
    scheme = d.option("scheme", *_SPIN)
    turn = d.option("turn", *_TURN)
    frame = d.option("frame", "body", "world")
    tensor = d.option("inertia", "diagonal", "full")
    damping = d.option("damping", "none", "linear", "exponential")
    limit = d.flag("limit", 0.45)
    kinematic = d.option("static", "none", "fixed", "flag")
    com = d.flag("com", 0.4)
    layout = d.option("layout", "separate", "spatial")
    count = d.pick(24, 32, 48)
    d.input("body_pos", "vec3", count, -2.0, 2.0, about="Body origin positions [m]")
    d.input("body_rot", "quat", count, kind="unit", about="Body orientations")
    if layout == "separate":
        d.input("body_vel", "vec3", count, -1.0, 1.0, about="Center-of-mass velocities [m/s]")
        d.input("body_omega", "vec3", count, -3.0, 3.0, about=f"Angular velocities in {frame} space [rad/s]")
        d.input("body_force", "vec3", count, -5.0, 5.0, about="Forces at the centers of mass [N]")
        d.input("body_torque", "vec3", count, -1.0, 1.0, about="Torques in world space [N m]")
    else:
        d.input(
            "body_qd",
            "spatial_vector",
            count,
            -2.0,
            2.0,
            about=f"Velocities: linear part first, angular part in {frame} space",
        )
        d.input("body_f", "spatial_vector", count, -2.0, 2.0, about="World-space forces and torques")
    if kinematic == "fixed":
        d.input("body_inv_mass", "float", count, 0.5, 2.0, about="Inverse masses [1/kg]")
    else:
        d.input("body_mass", "float", count, 0.5, 2.0, about="Masses [kg]")
    if tensor == "diagonal":
        d.input("body_inertia", "vec3", count, 0.6, 1.2, about="Principal moments of inertia [kg m^2]")
    else:
        d.input("body_inertia", "mat33", count, 0.6, 1.2, kind="spd", about="Inertia tensors [kg m^2]")
    if com:
        d.input("body_com", "vec3", count, -0.2, 0.2, about="Centers of mass in body space [m]")
    if kinematic == "fixed":
        d.mask("is_fixed", "bool", count, rare=True, about="True for fixed bodies")
    elif kinematic == "flag":
        d.mask("is_kinematic", "bool", count, rare=True, about="True for kinematic bodies")
    d.param("gravity", "vec3", -5.6, 5.6, about="Gravity [m/s^2]")
    d.param("dt", "float", 0.01, 0.03, about="Time step [s]")
    if damping != "none":
        d.param("linear_damping", "float", 0.05, 0.5, about="Linear damping [1/s]")
        d.param("angular_damping", "float", 0.05, 0.5, about="Angular damping [1/s]")
    if limit:
        d.param("max_spin", "float", 2.0, 4.0, about="Maximum angular speed [rad/s]")
    d.output("pos_out", "vec3", count, about="Updated positions [m]")
    d.output("rot_out", "quat", count, about="Updated orientations")
    if layout == "separate":
        d.output("vel_out", "vec3", count, about="Updated linear velocities [m/s]")
        d.output("omega_out", "vec3", count, about=f"Updated angular velocities in {frame} space [rad/s]")
    else:
        d.output("qd_out", "spatial_vector", count, about="Updated velocities, in the same layout")
    if scheme == "momentum" or turn != "linear":
        d.function('''
            @wp.func
            def quat_from_rotation_vector(v: wp.vec3) -> wp.quat:
                """Exponential map: rotation vector to unit quaternion."""
                angle = wp.length(v)
                # Avoid 0 / 0 at zero rotation, where sin(a/2) / a tends to 1/2
                if angle < 1.0e-6:
                    return wp.normalize(wp.quat(0.5 * v, 1.0))
                s = wp.sin(0.5 * angle) / angle
                return wp.quat(s * v, wp.cos(0.5 * angle))
        ''')
    spin = "omega" if frame == "body" else "spin"
    kept = ("wp.vec3(0.0, 0.0, 0.0)",) * 2 if kinematic == "fixed" else ("vel", spin)
    keep = (
        f"vel_out[tid] = {kept[0]}\nomega_out[tid] = {kept[1]}"
        if layout == "separate"
        else f"qd_out[tid] = wp.spatial_vector({', '.join(kept)})"
    )
    hold = f"pos_out[tid] = pos\nrot_out[tid] = rot\n{keep}\nreturn"
    fixed = {
        "none": "",
        "fixed": "# Skip fixed bodies\nif is_fixed[tid]:\n    $hold",
        "flag": "# Skip kinematic bodies\nif is_kinematic[tid]:\n    $hold",
    }
    damp = {
        "none": "",
        "linear": "vel_new = vel_new * (1.0 - linear_damping * dt)\n"
        "omega_new = omega_new * (1.0 - angular_damping * dt)",
        "exponential": "# Exact solution of v' = -c v, stable for any damping coefficient\n"
        "vel_new = vel_new * wp.exp(-linear_damping * dt)\n"
        "omega_new = omega_new * wp.exp(-angular_damping * dt)",
    }
    clamp = """
    # Clamp the angular speed, so that torques cannot spin up a body without bound
    speed = wp.length(omega_new)
    if speed > max_spin:
        omega_new = omega_new * (max_spin / speed)
    """
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        pos = body_pos[tid]
        rot = body_rot[tid]
        $mass
        $state
        $fixed
        # --- Linear motion of the center of mass ---
        vel_new = vel + dt * ($pull + gravity)
        $center
        # --- Rotation in the body frame, where the inertia is constant ---
        $inertia
        $turned
        tau = wp.quat_rotate_inv(rot, torque)
        $scheme
        $damp
        $clamp
        $turn
        $place
        rot_out[tid] = rot_new
        $store
        """,
        state=f"vel = body_vel[tid]\n{spin} = body_omega[tid]\nforce = body_force[tid]\ntorque = body_torque[tid]"
        if layout == "separate"
        else f"# Linear part first\nvel = wp.spatial_top(body_qd[tid])\n{spin} = wp.spatial_bottom(body_qd[tid])\n"
        "force = wp.spatial_top(body_f[tid])\ntorque = wp.spatial_bottom(body_f[tid])",
        fixed=fixed[kinematic],
        mass="inv_mass = body_inv_mass[tid]" if kinematic == "fixed" else "mass = body_mass[tid]",
        pull="force * inv_mass" if kinematic == "fixed" else "force / mass",
        hold=hold,
        center="center = pos + wp.quat_rotate(rot, body_com[tid])" if com else "",
        inertia="inertia = body_inertia[tid]\ninv_inertia = wp.inverse(inertia)"
        if tensor == "full"
        else "moments = body_inertia[tid]\ninertia = wp.diag(moments)\n"
        "inv_inertia = wp.diag(wp.vec3(1.0 / moments[0], 1.0 / moments[1], 1.0 / moments[2]))",
        turned="" if frame == "body" else "omega = wp.quat_rotate_inv(rot, spin)",
        scheme=_SPIN[scheme],
        damp=damp[damping],
        clamp=clamp if limit else "",
        turn=_TURN[turn],
        place="# The body rotates about its center of mass, so recompute the origin\n"
        "pos_out[tid] = center + dt * vel_new - wp.quat_rotate(rot_new, body_com[tid])"
        if com
        else "pos_out[tid] = pos + dt * vel_new",
        store=(
            "vel_out[tid] = vel_new\nomega_out[tid] = $w"
            if layout == "separate"
            else "qd_out[tid] = wp.spatial_vector(vel_new, $w)"
        ).replace("$w", "omega_new" if frame == "body" else "wp.quat_rotate(rot_new, omega_new)"),
    )
    parts = [
        "gyroscopic torque",
        *(["damping"] if damping != "none" else []),
        *(["angular speed clamping"] if limit else []),
    ]
    listed = " and ".join(", ".join(parts).rsplit(", ", 1))
    d.says(f"Integrates rigid bodies over one time step with {listed}.")
    still = {
        "none": "",
        "fixed": " Fixed bodies stay at rest.",
        "flag": " Kinematic bodies are left unchanged.",
    }[kinematic]
    d.explain(f"""
        Forces act at the center of mass; torques are in world space. The Euler equations
        I dw/dt + w x I w = tau are solved in body space, where the inertia tensor I is constant.{still}
    """)

    def reference(v: Values) -> dict[str, Any]:
        n = count
        spatial = layout == "spatial"
        vel, spin = (v.body_qd[:, :3], v.body_qd[:, 3:]) if spatial else (v.body_vel, v.body_omega)
        force, torque = (v.body_f[:, :3], v.body_f[:, 3:]) if spatial else (v.body_force, v.body_torque)
        place, turned, fast, spun = v.body_pos.copy(), v.body_rot.copy(), vel.copy(), spin.copy()
        for i in range(n):
            if kinematic == "fixed" and v.is_fixed[i]:
                fast[i] = spun[i] = 0.0
                continue
            if kinematic == "flag" and v.is_kinematic[i]:
                continue
            own = quaternions.matrix(v.body_rot[i])
            inertia = np.diag(v.body_inertia[i]) if tensor == "diagonal" else v.body_inertia[i]
            w = spin[i] if frame == "body" else own.T @ spin[i]
            inverse = v.body_inv_mass[i] if kinematic == "fixed" else 1.0 / v.body_mass[i]
            u = vel[i] + v.dt * (force[i] * inverse + v.gravity)
            new = _spun(scheme, inertia, w, own.T @ torque[i], v.dt)
            if damping != "none":
                shrink = (lambda c: 1.0 - c * v.dt) if damping == "linear" else (lambda c: np.exp(-c * v.dt))
                u, new = u * shrink(v.linear_damping), new * shrink(v.angular_damping)
            if limit and np.linalg.norm(new) > v.max_spin:
                new = new * v.max_spin / np.linalg.norm(new)
            by = new if turn != "mean" else 0.5 * (w + new)
            if turn == "linear":
                q = v.body_rot[i] + 0.5 * v.dt * quaternions.product(v.body_rot[i], np.append(by, 0.0))
            else:
                q = quaternions.product(v.body_rot[i], quaternions.exponential(v.dt * by))
            turned[i] = q / np.linalg.norm(q)
            after = quaternions.matrix(turned[i])
            shift = own @ v.body_com[i] - after @ v.body_com[i] if com else 0.0
            place[i] = v.body_pos[i] + v.dt * u + shift
            fast[i], spun[i] = u, new if frame == "body" else after @ new
        made = {"pos_out": place, "rot_out": turned}
        if spatial:
            return made | {"qd_out": np.concatenate([fast, spun], axis=1)}
        return made | {"vel_out": fast, "omega_out": spun}

    d.check(reference, 5e-4)
