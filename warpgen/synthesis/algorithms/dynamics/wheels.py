"""Cars on four wheels: suspension by rays against the ground, and tires with combined slip."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.dynamics import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

TIRE = piece(
    '''
@wp.struct
class TireParams:
    """Tire Magic Formula coefficients."""

    stiffness: float  # B
    shape: float  # C
    peak: float  # D / load
    curvature: float  # E
    rolling: float  # rolling resistance coefficient
'''
)
BRUSH = piece(
    '''
@wp.struct
class TireParams:
    """Brush tire model coefficients."""

    stiffness: float  # slip stiffness / load
    peak: float  # friction coefficient
    rolling: float  # rolling resistance coefficient
'''
)
_TIRE_FIELDS = {
    "stiffness": fill(8.0, 12.0),
    "shape": fill(1.3, 1.6),
    "peak": fill(0.8, 1.1),
    "curvature": fill(-0.5, 0.5),
    "rolling": fill(0.01, 0.02),
}

_MAGIC = {
    "magic formula": '''
@wp.func
def tire_curve(slip: float, load: float, tire: TireParams) -> float:
    """Evaluate Pacejka's Magic Formula, F = D sin(C atan(B s - E (B s - atan(B s)))).

    Args:
        slip: Slip ratio or tan(slip angle).
        load: Normal load [N].
        tire: Coefficients B (stiffness), C (shape), D / load (peak) and E (curvature).
    """
    bs = tire.stiffness * slip
    inner = bs - tire.curvature * (bs - wp.atan(bs))
    return tire.peak * load * wp.sin(tire.shape * wp.atan(inner))
''',
    "brush": '''
@wp.func
def tire_curve(slip: float, load: float, tire: TireParams) -> float:
    """Evaluate the brush model: the front of the contact patch sticks, the rear slides.

    Args:
        slip: Slip ratio or tan(slip angle).
        load: Normal load [N].
        tire: Stiffness and friction, normalized by load.
    """
    limit = tire.peak * load
    # Normalized slip, 1 at full sliding
    sliding = wp.abs(tire.stiffness * slip) / (3.0 * tire.peak)
    if sliding >= 1.0:
        return limit * wp.sign(slip)
    rest = 1.0 - sliding
    return limit * wp.sign(slip) * (1.0 - rest * rest * rest)
''',
}

_ROTATION = '''
@wp.func
def rotation_from_rpy(rpy: wp.vec3) -> wp.quat:
    """Build a quaternion from roll (x), pitch (y) and yaw (z), applied in this order."""
    roll = wp.quat_from_axis_angle(wp.vec3(1.0, 0.0, 0.0), rpy[0])
    pitch = wp.quat_from_axis_angle(wp.vec3(0.0, 1.0, 0.0), rpy[1])
    yaw = wp.quat_from_axis_angle(wp.vec3(0.0, 0.0, 1.0), rpy[2])
    return yaw * pitch * roll
'''

_COMBINED = {
    "similarity": '''
@wp.func
def combined_force(kappa: float, tan_alpha: float, load: float, tire: TireParams) -> wp.vec2:
    """Combined slip using the similarity method: evaluate the resultant slip and split by direction."""
    slip = wp.sqrt(kappa * kappa + tan_alpha * tan_alpha + 1.0e-8)
    force = tire_curve(slip, load, tire)
    return wp.vec2(force * kappa / slip, -force * tan_alpha / slip)
''',
    "ellipse": '''
@wp.func
def combined_force(kappa: float, tan_alpha: float, load: float, tire: TireParams) -> wp.vec2:
    """Evaluate pure longitudinal and lateral slip, then clamp to the friction circle."""
    fx = tire_curve(kappa, load, tire)
    fy = -tire_curve(tan_alpha, load, tire)
    limit = tire.peak * load
    resultant = wp.sqrt(fx * fx + fy * fy + 1.0e-6)
    # Clamp the magnitude to the friction limit, preserving direction
    scale = wp.min(limit / resultant, 1.0)
    return wp.vec2(scale * fx, scale * fy)
''',
}

_GROUND = {
    "plane": (
        "",
        """
        # Ray-plane distance along the suspension
        normal = wp.normalize(wp.vec3(-ground_slope[0], -ground_slope[1], 1.0))
        below = wp.vec3(0.0, 0.0, ground_offset) - mount
        ray_dist = wp.dot(below, normal) / wp.dot(ray_dir, normal)
        """,
    ),
    "waves": (
        '''
@wp.func
def ground_height(x: float, y: float, amplitude: float, frequency: float) -> float:
    """Return the road height at (x, y)."""
    return amplitude * (wp.sin(frequency * x) + wp.sin(frequency * y))
''',
        """
        # Sample the height field below the mount, assuming it is locally flat
        height = ground_height(mount[0], mount[1], amplitude, frequency)
        slope_x = amplitude * frequency * wp.cos(frequency * mount[0])
        slope_y = amplitude * frequency * wp.cos(frequency * mount[1])
        normal = wp.normalize(wp.vec3(-slope_x, -slope_y, 1.0))
        ray_dist = (height - mount[2]) / ray_dir[2]
        """,
    ),
}


@DOMAIN.algorithm(
    source="Pacejka 2012, ch. 4; Rill 2011, ch. 3; Milliken & Milliken 1995",
    names={
        "wheel_forces": "eval_wheel_forces|wheel_wrenches|vehicle_wheels|suspension_and_tires",
        "attitude": "rpy|euler_angles",
        "twist": "chassis_twist",
        "wheel_speed": "wheel_omega",
        "steer": "steering|steer_angle",
        "compression": "spring_travel|deflection",
        "load": "fz|normal_load|normal_force",
        "wrench": "chassis_wrench",
        "wheel": "wheel_id",
    },
    weight=4,
)
def wheel_forces(d: Draft) -> None:
    """Accumulates per-wheel suspension and tire forces on the vehicle chassis."""
    tire = d.option("tire", *_MAGIC)
    combined = d.option("combined", *_COMBINED)
    ground = d.option("ground", *_GROUND)
    damper = d.option("damper", "linear", "two rates")
    steered = d.option("steering", "front", "each", "none")
    mask = d.option("mask", "none", "broken", "count")
    wanted = d.option("wanted", "wrench", "wrench and spin")
    cars, wheels = d.pick(12, 16, 24), 4
    d.module(
        "SPEED_FLOOR = wp.constant(0.5)  # [m/s]\nMIN_TILT_COSINE = wp.constant(0.7)  # cosine of the maximum tilt"
    )
    d.input("chassis_pos", "vec3", cars, 0.5, 1.0, about="Chassis positions, z up [m]")
    d.input("attitude", "vec3", cars, -0.7, 0.7, about="Chassis roll, pitch and yaw [rad]")
    d.input("twist", "spatial_vector", cars, -1.0, 1.0, about="Chassis linear and angular velocities")
    d.input("wheel_speed", "float", (cars, wheels), -1.0, 4.0, about="Wheel spin rates [rad/s]")
    if steered == "front":
        d.input("steer", "float", cars, -0.4, 0.4, about="Front wheel steering angles [rad]")
    elif steered == "each":
        d.input("steer", "float", (cars, wheels), -0.4, 0.4, about="Per-wheel steering angles [rad]")
    if mask == "broken":
        d.mask("wheel_attached", "bool", (cars, wheels), about="Mask of attached wheels")
    elif mask == "count":
        d.input("wheel_count", "int", cars, 2, wheels + 1, about="Number of wheels per car")
    d.input(
        "wheel_mount",
        "vec2",
        wheels,
        -0.8,
        0.8,
        about="Suspension mounts in the chassis plane (forward, left) [m]",
    )
    d.param("rest_length", "float", 0.5, 0.7, about="Suspension rest length [m]")
    d.param("wheel_radius", "float", 0.3, 0.4, about="Wheel radius [m]")
    d.param("spring_ke", "float", 2.0e4, 4.0e4, about="Suspension stiffness [N/m]")
    if damper == "linear":
        d.param("spring_kd", "float", 1.0e3, 3.0e3, about="Suspension damping [N s/m]")
    else:
        d.param("bump_kd", "float", 1.0e3, 2.0e3, about="Compression (bump) damping [N s/m]")
        d.param("rebound_kd", "float", 2.0e3, 4.0e3, about="Rebound damping [N s/m]")
    if tire == "brush":
        fields = {name: f for name, f in _TIRE_FIELDS.items() if name in BRUSH.text}
        d.struct("tire", BRUSH, fields, about="Tire coefficients")
    else:
        d.struct("tire", TIRE, _TIRE_FIELDS, about="Tire coefficients")
    if ground == "plane":
        d.param("ground_slope", "vec2", -0.2, 0.2, about="Ground slope along x and y")
        d.param("ground_offset", "float", -0.1, 0.1, about="Ground height at the origin [m]")
    else:
        d.param("amplitude", "float", 0.02, 0.05, about="Bump amplitude [m]")
        d.param("frequency", "float", 2.0, 4.0, about="Bump wave number [1/m]")
    d.output("wrench", "spatial_vector", cars, about="Force and torque about the chassis origin")
    if wanted == "wrench and spin":
        d.param("wheel_inertia", "float", 0.5, 1.5, about="Wheel spin inertia [kg m^2]")
        d.output("spin_accel", "float", (cars, wheels), about="Wheel angular accelerations [rad/s^2]")
    text, below = _GROUND[ground]
    curve_text = _MAGIC[tire]
    if combined == "similarity":  # of the resultant slip, which has no sign
        curve_text = curve_text.replace("Slip ratio or tan(slip angle)", "Resultant slip (non-negative)")
        curve_text = curve_text.replace("wp.abs(tire.stiffness * slip)", "tire.stiffness * slip")
        curve_text = curve_text.replace(" * wp.sign(slip)", "")
    for function in (_ROTATION, curve_text, _COMBINED[combined], text):
        if function:
            d.function(function)
    turn = {
        "front": """
        # Only steer the front axle (wheels 0 and 1)
        angle = wp.where(wheel < 2, steer[car], 0.0)
        forward = wp.quat_rotate(rot, wp.vec3(wp.cos(angle), wp.sin(angle), 0.0))
        """,
        "each": """
        angle = steer[car, wheel]
        forward = wp.quat_rotate(rot, wp.vec3(wp.cos(angle), wp.sin(angle), 0.0))
        """,
        "none": "forward = wp.quat_rotate(rot, wp.vec3(1.0, 0.0, 0.0))",
    }
    damping = {
        "linear": "load = spring_ke * compression + spring_kd * closing",
        "two rates": """
        # Use softer damping in compression so that bumps are not transmitted to the chassis
        kd = wp.where(closing > 0.0, bump_kd, rebound_kd)
        load = spring_ke * compression + kd * closing
        """,
    }
    skip = {
        "none": "",
        "broken": "if not wheel_attached[car, wheel]:\n    return",
        "count": "# Skip threads beyond this car's wheel count\nif wheel >= wheel_count[car]:\n    return",
    }
    spin = """
    # Reaction torque on the wheel from the longitudinal tire force
    spin_accel[car, wheel] = -force_xy[0] * wheel_radius / wheel_inertia
    """
    d.parameters.sort(key=lambda p: p.role == "output")
    d.launch(cars, wheels)
    d.code(
        """
        car, wheel = wp.tid()
        $idle
        $skip
        pos = chassis_pos[car]
        rot = rotation_from_rpy(attitude[car])
        # Cast the suspension ray downwards from the mount
        place = wheel_mount[wheel]
        mount = pos + wp.quat_rotate(rot, wp.vec3(place[0], place[1], 0.0))
        ray_dir = wp.quat_rotate(rot, wp.vec3(0.0, 0.0, -1.0))
        # Skip if the chassis is tilted too far for the wheel to reach the ground
        if ray_dir[2] > -MIN_TILT_COSINE:
            return
        $below
        compression = rest_length + wheel_radius - ray_dist
        # Skip if the wheel is airborne or the mount is below ground
        if compression <= 0.0 or ray_dist <= 0.0:
            return
        contact = mount + ray_dist * ray_dir
        arm = contact - pos
        contact_vel = wp.spatial_top(twist[car]) + wp.cross(wp.spatial_bottom(twist[car]), arm)
        # --- Suspension ---
        closing = wp.dot(contact_vel, ray_dir)
        $damping
        # Clamp to zero, the suspension cannot pull
        if load <= 0.0:
            return
        # --- Tire frame in the ground plane ---
        $turn
        forward = wp.normalize(forward - wp.dot(forward, normal) * normal)
        side = wp.cross(normal, forward)
        vel_x = wp.dot(contact_vel, forward)
        vel_y = wp.dot(contact_vel, side)
        # --- Slip ---
        rim_speed = wheel_speed[car, wheel] * wheel_radius
        # Floor the reference speed smoothly, so that slip stays finite at standstill
        reference_speed = wp.sqrt(vel_x * vel_x + SPEED_FLOOR * SPEED_FLOOR)
        kappa = (rim_speed - vel_x) / reference_speed
        tan_alpha = vel_y / reference_speed
        # --- Tire forces ---
        force_xy = combined_force(kappa, tan_alpha, load, tire)
        # Rolling resistance, fading out below 1 m/s
        resistance = tire.rolling * load * wp.tanh(vel_x)
        force = load * normal + (force_xy[0] - resistance) * forward + force_xy[1] * side
        wp.atomic_add(wrench, car, wp.spatial_vector(force, wp.cross(arm, force)))
        $spin
        """,
        skip=skip[mask],
        below=below,
        damping=damping[damper],
        turn=turn[steered],
        spin=spin if wanted == "wrench and spin" else "",
        idle=f"# Zero for wheels without traction{' or missing wheels' if mask != 'none' else ''}\nspin_accel[car, wheel] = 0.0"
        if wanted == "wrench and spin"
        else "",
    )
    if wanted == "wrench and spin":
        d.says(
            "Accumulates suspension and tire forces on vehicle chassis and computes wheel angular accelerations."
        )
    d.explain("""
        Each wheel uses a raycast suspension with a spring-damper. The tire force is a function of the
        slip ratio kappa = (omega r - v_x) / v and slip angle tan(alpha) = v_y / v, where v is |v_x| with a
        smooth floor. The suspension force acts along the ground normal as the tire load. This kernel uses one thread per wheel.
    """)

    def curve(v: Values, slip: Any, load: Any) -> Any:
        bs = v["tire.stiffness"] * slip
        if tire == "magic formula":
            inner = bs - v["tire.curvature"] * (bs - np.arctan(bs))
            return v["tire.peak"] * load * np.sin(v["tire.shape"] * np.arctan(inner))
        k = np.clip(bs / (3.0 * v["tire.peak"]), -1.0, 1.0)
        return v["tire.peak"] * load * (3.0 * k - 3.0 * np.abs(k) * k + k**3)

    def reference(v: Values) -> dict[str, Any]:
        total, spins = np.zeros((cars, 6)), np.zeros((cars, wheels))
        for c, w in np.ndindex(cars, wheels):
            lost = (mask == "broken" and not v.wheel_attached[c, w]) or (
                mask == "count" and w >= v.wheel_count[c]
            )
            turned = _rotation(*v.attitude[c])
            down = -turned[:, 2]
            if lost or down[2] > -0.7:
                continue
            mount = v.chassis_pos[c] + turned[:, :2] @ v.wheel_mount[w]
            if ground == "plane":
                n = np.array([*-v.ground_slope, 1.0])
                n /= np.linalg.norm(n)
                reach = (np.array([0.0, 0.0, v.ground_offset]) - mount) @ n / (down @ n)
            else:
                phase = v.frequency * mount[:2]
                n = np.array([*(-v.amplitude * v.frequency * np.cos(phase)), 1.0])
                n /= np.linalg.norm(n)
                reach = (v.amplitude * np.sin(phase).sum() - mount[2]) / down[2]
            travel = v.rest_length + v.wheel_radius - reach
            if travel <= 0.0 or reach <= 0.0:
                continue
            arm = mount + reach * down - v.chassis_pos[c]
            speed = v.twist[c, :3] + np.cross(v.twist[c, 3:], arm)
            closing = speed @ down
            kd = v.spring_kd if damper == "linear" else (v.bump_kd if closing > 0.0 else v.rebound_kd)
            load = v.spring_ke * travel + kd * closing
            if load <= 0.0:
                continue
            angle = 0.0
            if steered == "each":
                angle = v.steer[c, w]
            elif steered == "front" and w < 2:
                angle = v.steer[c]
            ahead = turned @ np.array([np.cos(angle), np.sin(angle), 0.0])
            ahead -= (ahead @ n) * n
            ahead /= np.linalg.norm(ahead)
            side = np.cross(n, ahead)
            vx, vy = speed @ ahead, speed @ side
            ref = np.sqrt(vx**2 + 0.25)
            slips = np.array([(v.wheel_speed[c, w] * v.wheel_radius - vx) / ref, vy / ref])
            if combined == "similarity":
                size = np.sqrt(slips @ slips + 1e-8)
                pull = curve(v, size, load) * slips / size * np.array([1.0, -1.0])
            else:
                pull = np.array([curve(v, slips[0], load), -curve(v, slips[1], load)])
                pull *= min(v["tire.peak"] * load / np.sqrt(pull @ pull + 1e-6), 1.0)
            rolling = v["tire.rolling"] * load * np.tanh(vx)
            force = load * n + (pull[0] - rolling) * ahead + pull[1] * side
            total[c] += np.concatenate([force, np.cross(arm, force)])
            if wanted == "wrench and spin":
                spins[c, w] = -pull[0] * v.wheel_radius / v.wheel_inertia
        return {"wrench": total} | ({"spin_accel": spins} if wanted == "wrench and spin" else {})

    d.check(reference, 1e-3)


def _rotation(roll: Any, pitch: Any, yaw: Any) -> Any:
    def turn(angle: Any, i: int, j: int) -> Any:
        made = np.eye(3)
        made[i, i] = made[j, j] = np.cos(angle)
        made[j, i], made[i, j] = np.sin(angle), -np.sin(angle)
        return made

    return turn(yaw, 0, 1) @ turn(pitch, 2, 0) @ turn(roll, 1, 2)
