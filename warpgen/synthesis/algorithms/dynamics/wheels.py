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
    """Magic Formula coefficients of a tire."""

    stiffness: float  # B
    shape: float  # C
    peak: float  # D per load
    curvature: float  # E
    rolling: float  # resistance per load
'''
)
BRUSH = piece(
    '''
@wp.struct
class TireParams:
    """Coefficients of a brush tire."""

    stiffness: float  # force per load and slip
    peak: float  # coefficient of friction
    rolling: float  # resistance per load
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
        slip: Slip ratio or tangent of the slip angle.
        load: Normal load [N].
        tire: Coefficients B (stiffness), C (shape), D over the load (peak) and E (curvature).
    """
    bs = tire.stiffness * slip
    inner = bs - tire.curvature * (bs - wp.atan(bs))
    return tire.peak * load * wp.sin(tire.shape * wp.atan(inner))
''',
    "brush": '''
@wp.func
def tire_curve(slip: float, load: float, tire: TireParams) -> float:
    """Evaluate the brush model: adhesion in the front part of the contact patch, sliding in the rear.

    Args:
        slip: Slip ratio or tangent of the slip angle.
        load: Normal load [N].
        tire: Stiffness and friction, both over the load.
    """
    limit = tire.peak * load
    # Share of the patch that slides; 1 means full sliding
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
    """Compose roll about x, pitch about y and yaw about z, applied in this order."""
    roll = wp.quat_from_axis_angle(wp.vec3(1.0, 0.0, 0.0), rpy[0])
    pitch = wp.quat_from_axis_angle(wp.vec3(0.0, 1.0, 0.0), rpy[1])
    yaw = wp.quat_from_axis_angle(wp.vec3(0.0, 0.0, 1.0), rpy[2])
    return yaw * pitch * roll
'''

_COMBINED = {
    "similarity": '''
@wp.func
def combined_force(kappa: float, tan_alpha: float, load: float, tire: TireParams) -> wp.vec2:
    """Distribute the force of the resultant slip over both directions (similarity method)."""
    slip = wp.sqrt(kappa * kappa + tan_alpha * tan_alpha + 1.0e-8)
    force = tire_curve(slip, load, tire)
    return wp.vec2(force * kappa / slip, -force * tan_alpha / slip)
''',
    "ellipse": '''
@wp.func
def combined_force(kappa: float, tan_alpha: float, load: float, tire: TireParams) -> wp.vec2:
    """Evaluate both directions alone and scale the result back to the friction circle."""
    fx = tire_curve(kappa, load, tire)
    fy = -tire_curve(tan_alpha, load, tire)
    limit = tire.peak * load
    resultant = wp.sqrt(fx * fx + fy * fy + 1.0e-6)
    # Keep the direction, but never exceed what friction can hold
    scale = wp.min(limit / resultant, 1.0)
    return wp.vec2(scale * fx, scale * fy)
''',
}

_GROUND = {
    "plane": (
        "",
        """
        # Distance to the inclined plane along the suspension, bounded where that is nearly parallel to it
        normal = wp.normalize(wp.vec3(-ground_slope[0], -ground_slope[1], 1.0))
        below = wp.vec3(0.0, 0.0, ground_offset) - mount
        ray_dist = wp.dot(below, normal) / wp.min(wp.dot(ray_dir, normal), -0.1)
        """,
    ),
    "waves": (
        '''
@wp.func
def ground_height(x: float, y: float, amplitude: float, frequency: float) -> float:
    """Return the height of a bumpy road."""
    return amplitude * (wp.sin(frequency * x) + wp.sin(frequency * y))
''',
        """
        # Height field below the mount; the surface is nearly flat over the length of a wheel
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
    """Adds the forces of suspensions and tires, wheel by wheel, to the chassis of cars."""
    tire = d.option("tire", *_MAGIC)
    combined = d.option("combined", *_COMBINED)
    ground = d.option("ground", *_GROUND)
    damper = d.option("damper", "linear", "two rates")
    steered = d.option("steering", "front", "each", "none")
    mask = d.option("mask", "none", "broken", "count")
    wanted = d.option("wanted", "wrench", "wrench and spin")
    cars, wheels = d.pick(12, 16, 24), 4
    d.module(
        "SPEED_FLOOR = wp.constant(0.5)  # [m/s]\nLEAST_DOWN = wp.constant(0.3)  # cosine of the largest tilt"
    )
    d.input("chassis_pos", "vec3", cars, -0.3, 0.3, about="Positions of the chassis [m], z is up")
    d.input("attitude", "vec3", cars, -1.15, 1.15, about="Roll, pitch and yaw of the chassis [rad]")
    d.input("twist", "spatial_vector", cars, -1.0, 1.0, about="Linear and angular velocity of the chassis")
    d.input("wheel_speed", "float", (cars, wheels), -1.0, 4.0, about="Spin of the wheels [rad/s]")
    if steered == "front":
        d.input("steer", "float", cars, -0.4, 0.4, about="Steering angle of the front wheels [rad]")
    elif steered == "each":
        d.input("steer", "float", (cars, wheels), -0.4, 0.4, about="Steering angle of each wheel [rad]")
    if mask == "broken":
        d.input("wheel_attached", "bool", (cars, wheels), about="False for wheels that were lost")
    elif mask == "count":
        d.input("wheel_count", "int", cars, 2, wheels + 1, about="Number of wheels per car")
    d.input("wheel_mount", "vec3", wheels, -0.8, 0.8, about="Suspension mounts in the chassis frame [m]")
    d.param("rest_length", "float", 0.5, 0.7, about="Length of the unloaded suspension [m]")
    d.param("wheel_radius", "float", 0.3, 0.4, about="Wheel radius [m]")
    d.param("spring_ke", "float", 2.0e4, 4.0e4, about="Suspension stiffness [N/m]")
    if damper == "linear":
        d.param("spring_kd", "float", 1.0e3, 3.0e3, about="Suspension damping [N s/m]")
    else:
        d.param("bump_kd", "float", 1.0e3, 2.0e3, about="Damping in compression [N s/m]")
        d.param("rebound_kd", "float", 2.0e3, 4.0e3, about="Damping in extension [N s/m]")
    if tire == "brush":
        fields = {name: f for name, f in _TIRE_FIELDS.items() if name in BRUSH.text}
        d.struct("tire", BRUSH, fields, about="Tire coefficients")
    else:
        d.struct("tire", TIRE, _TIRE_FIELDS, about="Tire coefficients")
    if ground == "plane":
        d.param("ground_slope", "vec2", -0.2, 0.2, about="Slopes of the ground along x and y")
        d.param("ground_offset", "float", -0.9, -0.7, about="Height of the ground at the origin [m]")
    else:
        d.param("amplitude", "float", 0.02, 0.05, about="Height of the bumps [m]")
        d.param("frequency", "float", 2.0, 4.0, about="Wave number of the bumps [1/m]")
    d.output("wrench", "spatial_vector", cars, about="Force and torque about the chassis origin")
    if wanted == "wrench and spin":
        d.param("wheel_inertia", "float", 0.5, 1.5, about="Inertia of a wheel about its axle [kg m^2]")
        d.output("spin_accel", "float", (cars, wheels), about="Angular acceleration of the wheels [rad/s^2]")
    text, below = _GROUND[ground]
    curve_text = _MAGIC[tire]
    if combined == "similarity":  # of the resultant slip, which has no sign
        curve_text = curve_text.replace(
            "Slip ratio or tangent of the slip angle", "Resultant slip, not negative"
        )
        curve_text = curve_text.replace("wp.abs(tire.stiffness * slip)", "tire.stiffness * slip")
        curve_text = curve_text.replace(" * wp.sign(slip)", "")
    for function in (_ROTATION, curve_text, _COMBINED[combined], text):
        if function:
            d.function(function)
    turn = {
        "front": """
        # Wheels 0 and 1 are the front axle, so only they are steered
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
        # Softer in compression, so that bumps are not passed on to the body
        kd = wp.where(closing > 0.0, bump_kd, rebound_kd)
        load = spring_ke * compression + kd * closing
        """,
    }
    skip = {
        "none": "",
        "broken": "if not wheel_attached[car, wheel]:\n    return",
        "count": "# Cars differ in wheels, so the launch covers the most\nif wheel >= wheel_count[car]:\n    return",
    }
    spin = """
    # Traction pushes the car forward, hence its reaction brakes the wheel
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
        # Suspension ray from the mount downwards
        mount = pos + wp.quat_rotate(rot, wheel_mount[wheel])
        ray_dir = wp.quat_rotate(rot, wp.vec3(0.0, 0.0, -1.0))
        # Wheels of cars that lie on their side do not reach the ground
        if ray_dir[2] > -LEAST_DOWN:
            return
        $below
        compression = rest_length + wheel_radius - ray_dist
        # Wheel hangs in the air, or the mount is below the ground
        if compression <= 0.0 or ray_dist <= 0.0:
            return
        contact = mount + ray_dist * ray_dir
        arm = contact - pos
        contact_vel = wp.spatial_top(twist[car]) + wp.cross(wp.spatial_bottom(twist[car]), arm)
        # --- Suspension ---
        closing = wp.dot(contact_vel, ray_dir)
        $damping
        # Springs push only
        if load <= 0.0:
            return
        # --- Tire frame on the ground ---
        $turn
        forward = wp.normalize(forward - wp.dot(forward, normal) * normal)
        side = wp.cross(normal, forward)
        vel_x = wp.dot(contact_vel, forward)
        vel_y = wp.dot(contact_vel, side)
        # --- Slip ---
        rim_speed = wheel_speed[car, wheel] * wheel_radius
        # Bound the reference speed from below, so slip stays finite at standstill
        reference_speed = wp.sqrt(vel_x * vel_x + SPEED_FLOOR * SPEED_FLOOR)
        kappa = (rim_speed - vel_x) / reference_speed
        tan_alpha = vel_y / reference_speed
        # --- Tire forces ---
        force_xy = combined_force(kappa, tan_alpha, load, tire)
        # Fades below 1 m/s, as a wheel at rest has no rolling resistance
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
        idle=f"# Wheels without traction{', and those that are not there,' if mask != 'none' else ''} keep their speed\nspin_accel[car, wheel] = 0.0"
        if wanted == "wrench and spin"
        else "",
    )
    if wanted == "wrench and spin":
        d.says(
            "Adds the forces of suspensions and tires to the chassis of cars, and finds how wheels gain or lose spin."
        )
    d.explain("""
        Each wheel hangs on a spring-damper that is compressed by the ground. The tire force depends on the
        slip ratio kappa = (omega r - v_x) / v and on the slip angle tan(alpha) = v_y / v, v being |v_x| kept off
        zero. The force of the suspension acts along the normal of the ground, as its load on the tire.
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
            if lost or down[2] > -0.3:
                continue
            mount = v.chassis_pos[c] + turned @ v.wheel_mount[w]
            if ground == "plane":
                n = np.array([*-v.ground_slope, 1.0])
                n /= np.linalg.norm(n)
                reach = (np.array([0.0, 0.0, v.ground_offset]) - mount) @ n / min(down @ n, -0.1)
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
