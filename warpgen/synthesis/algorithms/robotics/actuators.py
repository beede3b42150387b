"""Motors of joints: control modes, transmission, torque-speed limits and friction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.robotics import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import Piece, piece

_PROPERTIES = {
    "gear_ratio": fill(5.0, 10.0),
    "efficiency": fill(0.7, 0.95),
    "torque_constant": fill(0.05, 0.1),
    "resistance": fill(0.5, 2.0),
    "stall_torque": fill(4.0, 8.0),
    "no_load_speed": fill(4.0, 8.0),
}
_UNITS = {
    "torque_constant": "  # [N m/A]",
    "resistance": "  # [Ohm]",
    "stall_torque": "  # at the joint [N m]",
    "no_load_speed": "  # at the joint [rad/s]",
}
_NEEDED = {
    "none": (),
    "constant": ("stall_torque", "no_load_speed"),
    "dc motor": ("efficiency", "stall_torque", "no_load_speed"),
    "voltage": ("gear_ratio", "efficiency", "torque_constant", "resistance"),
}


def _motor(properties: Sequence[str]) -> Piece:
    told = "a gear motor" if "efficiency" in properties else "an electric motor"
    fields = "\n".join(f"    {name}: float{_UNITS.get(name, '')}" for name in properties)
    return piece(f'''
@wp.struct
class MotorParams:
    """Properties of {told}."""

{fields}
''')


_LIMIT = {
    "none": "",
    "constant": '''
@wp.func
def limit_torque(torque: float, speed: float, motor: MotorParams) -> float:
    """Clamp the torque to the stall torque, with no driving torque above the no-load speed."""
    if wp.abs(speed) > motor.no_load_speed and speed * torque > 0.0:
        return 0.0
    return wp.clamp(torque, -motor.stall_torque, motor.stall_torque)
''',
    "dc motor": '''
@wp.func
def limit_torque(torque: float, speed: float, motor: MotorParams) -> float:
    """Clamp the torque to the torque-speed curve of a DC motor.

    The available torque falls linearly from the stall torque to zero at the no-load speed. Braking
    is limited by the stall torque only.
    """
    speed_fraction = speed / motor.no_load_speed
    upper = wp.clamp(motor.stall_torque * (1.0 - speed_fraction), 0.0, motor.stall_torque)
    lower = wp.clamp(motor.stall_torque * (-1.0 - speed_fraction), -motor.stall_torque, 0.0)
    return wp.clamp(torque, lower, upper)
''',
    "voltage": '''
@wp.func
def limit_torque(torque: float, speed: float, motor: MotorParams) -> float:
    """Limit the torque by the supply voltage after subtracting the back-EMF."""
    # tau = k_t i at the rotor, i = (U - k_e omega) / R, and k_e = k_t in SI units
    rotor_speed = speed * motor.gear_ratio
    current = torque / (motor.gear_ratio * motor.torque_constant)
    back_emf = motor.torque_constant * rotor_speed
    upper = (SUPPLY_VOLTAGE - back_emf) / motor.resistance
    lower = (-SUPPLY_VOLTAGE - back_emf) / motor.resistance
    limited = wp.clamp(current, lower, upper)
    return limited * motor.torque_constant * motor.gear_ratio
''',
}

_FRICTION = {
    "none": "",
    "coulomb": '''
@wp.func
def friction_torque(speed: float, coulomb: float, viscous: float) -> float:
    """Return Coulomb and viscous friction, smoothed around zero speed."""
    return coulomb * wp.tanh(speed / SLIP_SPEED) + viscous * speed
''',
    "stribeck": '''
@wp.func
def friction_torque(speed: float, coulomb: float, viscous: float) -> float:
    """Return Stribeck and viscous friction; the static part fades out with increasing speed."""
    ratio = speed / STRIBECK_SPEED
    static_part = STATIC_EXCESS * coulomb * wp.exp(-ratio * ratio)
    return (coulomb + static_part) * wp.tanh(speed / SLIP_SPEED) + viscous * speed
''',
}

_MODES = ("POSITION", "VELOCITY", "TORQUE", "HARDENING")
_MODE_LINES = {
    "POSITION": "return kp * (target - q) - kd * qd",
    "VELOCITY": "return kd * (target - qd)",
    "TORQUE": "# Open loop: the target is a torque\nreturn target",
    "HARDENING": "# Virtual spring that stiffens with the error\n"
    "error = target - q\n"
    "return kp * error * (1.0 + error * error) - kd * qd",
}


@DOMAIN.algorithm(
    source="Siciliano et al. 2009, ch. 5 (actuators); Olsson et al. 1998 (friction); Hwangbo et al. 2019",
    names={
        "actuate_joints": "compute_actuator_torques|apply_actuators|actuator_model|motor_torques",
        "target": "action|setpoint",
        "joint_torque": "joint_tau",
        "actuator_joint": "joint_of_actuator",
        "world": "env|env_id|world_id",
        "actuator": "actuator_id",
        "motor_torque": "motor_tau",
        "dof": "joint|joint_index",
    },
    weight=3,
)
def actuate_joints(d: Draft) -> None:
    """Computes the joint torques of motors with control modes, torque limits and friction."""
    modes = d.option("modes", _MODES[:1], _MODES[:2], _MODES[:3], _MODES)
    limit = d.option("limit", *_LIMIT)
    friction = d.option("friction", *_FRICTION)
    filtered = d.flag("filter", 0.4)
    stops = d.flag("stops", 0.5)
    mask = d.option("worlds", "all", "active", "episode")
    gain = d.option("gains", "actuator", "one")
    strength = d.flag("strength", 0.35)
    worlds, joints, actuators = d.pick(12, 16, 24), d.pick(8, 10), d.pick(6, 8)
    d.input("joint_q", "float", (worlds, joints), -1.2, 1.2, about="Joint positions [rad]")
    d.input("joint_qd", "float", (worlds, joints), -5.0, 5.0, about="Joint velocities [rad/s]")
    d.input(
        "target",
        "float",
        (worlds, actuators),
        -1.5,
        1.5,
        about="Actuator commands, in units of the control mode",
    )
    if filtered:
        d.inout(
            "filtered_target", "float", (worlds, actuators), -1.5, 1.5, about="Previous filtered commands"
        )
        d.forward_only()
        d.param("smoothing", "float", 0.2, 0.8, about="Filter weight of the previous commands, 0 to 1")
    d.input("actuator_joint", "int", actuators, -1, joints, about="Joint index per actuator, -1 if unused")
    if len(modes) > 1:
        d.input("actuator_mode", "int", actuators, 0, len(modes), about="Control mode per actuator")
    if gain == "actuator":
        d.input("kp", "float", actuators, 2.0, 8.0, about="Position gains [N m/rad]")
        d.input("kd", "float", actuators, 0.2, 1.0, about="Velocity gains [N m s/rad]")
    else:
        d.param("kp", "float", 2.0, 8.0, about="Position gain [N m/rad]")
        d.param("kd", "float", 0.2, 1.0, about="Velocity gain [N m s/rad]")
    if limit != "none":
        fields = {name: _PROPERTIES[name] for name in _NEEDED[limit]}
        d.struct("motors", _motor(_NEEDED[limit]), fields, actuators, about="Motor parameters per actuator")
    if friction != "none":
        # Of actuators, since several of them may drive one joint, which must not rub once for each
        d.input("friction_coulomb", "float", actuators, 0.1, 0.5, about="Coulomb friction [N m]")
        d.input("friction_viscous", "float", actuators, 0.01, 0.1, about="Viscous friction [N m s/rad]")
    if stops:
        d.input("limit_lower", "float", actuators, -1.0, -0.3, about="Lower joint limits (end stops) [rad]")
        d.input("limit_upper", "float", actuators, 0.3, 1.0, about="Upper joint limits (end stops) [rad]")
        d.param("stop_stiffness", "float", 20.0, 50.0, about="End stop stiffness [N m/rad]")
    if mask == "active":
        d.mask("world_active", "bool", worlds, about="False for paused worlds")
    elif mask == "episode":
        d.input(
            "episode_step",
            "int",
            worlds,
            -2,
            10,
            about="Episode step, negative while waiting for reset",
        )
    if strength:
        d.input("motor_strength", "float", (worlds, actuators), 0.8, 1.2, about="Randomized motor strength")
    d.output("joint_torque", "float", (worlds, joints), about="Joint torques [N m]")
    if len(modes) > 1:
        d.module("\n".join(f"MODE_{name} = wp.constant({number})" for number, name in enumerate(modes)))
    if friction != "none":
        d.module("SLIP_SPEED = wp.constant(0.05)  # [rad/s]")
    if friction == "stribeck":
        d.module(
            "STRIBECK_SPEED = wp.constant(0.2)  # [rad/s]\nSTATIC_EXCESS = wp.constant(0.5)  # of static over Coulomb friction"
        )
    if limit == "voltage":
        d.module("SUPPLY_VOLTAGE = wp.constant(12.0)  # [V]")
    law = '''
        @wp.func
        def control_law($head) -> float:
            """$told"""
            $cases
    '''
    told_law = (
        "Evaluate the actuator controller for its control mode."
        if len(modes) > 1
        else "Evaluate the actuator's position controller."
    )
    cases = []
    for name in modes[1:]:
        cases.append(f"if mode == MODE_{name}:")
        cases += [f"    {line}" for line in _MODE_LINES[name].split("\n")]
    cases += _MODE_LINES["POSITION"].split("\n")
    head = "q: float, qd: float, target: float, kp: float, kd: float"
    d.function(
        law, head=f"mode: int, {head}" if len(modes) > 1 else head, cases="\n".join(cases), told=told_law
    )
    for text in (_LIMIT[limit], _FRICTION[friction]):
        if text:
            d.function(text)
    if stops:
        d.function('''
            @wp.func
            def end_stop_torque(q: float, lower: float, upper: float, stiffness: float) -> float:
                """Return the torque that pushes a joint back into its range."""
                if q < lower:
                    return stiffness * (lower - q)
                if q > upper:
                    return stiffness * (upper - q)
                return 0.0
        ''')
    skip = {
        "all": "",
        "active": "if not world_active[world]:\n    return",
        "episode": "# No torque while waiting for reset\nif episode_step[world] < 0:\n    return",
    }
    each = gain == "actuator"
    lines = {
        "filter": """
        # First-order low-pass command filter
        command = smoothing * filtered_target[world, actuator] + (1.0 - smoothing) * command
        filtered_target[world, actuator] = command
        """,
        "limit": "motor_torque = limit_torque(motor_torque, qd, motors[actuator])",
        "efficiency": """
        # Gearbox losses only reduce driving torque
        power = motor_torque * qd
        if power > 0.0:
            motor_torque *= motors[actuator].efficiency
        """,
        "friction": "motor_torque -= friction_torque(qd, friction_coulomb[actuator], friction_viscous[actuator])",
        "stops": "motor_torque += end_stop_torque(q, limit_lower[actuator], limit_upper[actuator], stop_stiffness)",
    }
    d.launch(worlds, actuators)
    d.code(
        """
        world, actuator = wp.tid()
        $skip
        # Skip unused actuators (joint -1)
        dof = actuator_joint[actuator]
        if dof < 0:
            return
        q = joint_q[world, dof]
        qd = joint_qd[world, dof]
        command = target[world, actuator]
        $filter
        motor_torque = control_law($mode q, qd, command, $kp, $kd)
        $strength
        $limit
        $efficiency
        $friction
        $stops
        # Accumulate atomically, since several actuators may drive the same joint
        wp.atomic_add(joint_torque, world, dof, motor_torque)
        """,
        skip=skip[mask],
        filter=lines["filter"] if filtered else "",
        mode="actuator_mode[actuator]," if len(modes) > 1 else "",
        kp="kp[actuator]" if each else "kp",
        kd="kd[actuator]" if each else "kd",
        strength="motor_torque *= motor_strength[world, actuator]" if strength else "",
        limit=lines["limit"] if limit != "none" else "",
        efficiency=lines["efficiency"] if limit in ("dc motor", "voltage") else "",
        friction=lines["friction"] if friction != "none" else "",
        stops=lines["stops"] if stops else "",
    )
    d.text = d.text.replace("control_law( q", "control_law(q")
    after = " and ".join([*(["friction"] if friction != "none" else []), *(["end stops"] if stops else [])])
    if limit != "none" and after:
        d.explain(f"""
            Torques are limited by the motor before {after} {"acts" if after == "friction" else "act"} on the joint.
            Gains are defined on the joint side of the gearbox.
        """)
    having = {
        "control modes": len(modes) > 1,
        "smoothed commands": filtered,
        "randomized strengths": strength,
        "torque limits": limit != "none",
        "gearbox losses": limit in ("dc motor", "voltage"),
        "friction": friction != "none",
        "end stops": stops,
    }
    parts = [part for part, has in having.items() if has]
    told = " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
    motors = "motors" if len(modes) > 1 else "position-controlled motors"
    d.says(f"Computes joint torques of {motors}{' with ' * bool(parts)}{told}.")

    def limited(v: Values, a: int, torque: Any, qd: Any) -> Any:
        m = {name: v[f"motors.{name}"][a] for name in _NEEDED[limit]}
        top, fast = m.get("stall_torque", 0.0), m.get("no_load_speed", 1.0)
        if limit == "constant":
            return 0.0 if abs(qd) > fast and qd * torque > 0.0 else np.clip(torque, -top, top)
        if limit == "dc motor":
            low, high = np.clip([-top * (1.0 + qd / fast), top * (1.0 - qd / fast)], [-top, 0.0], [0.0, top])
            torque = np.clip(torque, low, high)
        else:
            k = m["torque_constant"] * m["gear_ratio"]
            volts = torque / k * m["resistance"] + k * qd
            torque = (np.clip(volts, -12.0, 12.0) - k * qd) / m["resistance"] * k
        return torque * (m["efficiency"] if torque * qd > 0.0 else 1.0)

    def reference(v: Values) -> dict[str, Any]:
        made = np.zeros((worlds, joints))
        smooth = v.filtered_target.copy() if filtered else made
        for w, a in np.ndindex(worlds, actuators):
            j = int(v.actuator_joint[a])
            asleep = (mask == "active" and not v.world_active[w]) or (
                mask == "episode" and v.episode_step[w] < 0
            )
            if j < 0 or asleep:
                continue
            q, qd, goal = v.joint_q[w, j], v.joint_qd[w, j], v.target[w, a]
            if filtered:
                goal += v.smoothing * (v.filtered_target[w, a] - goal)
                smooth[w, a] = goal
            kp, kd = (v.kp[a], v.kd[a]) if each else (v.kp, v.kd)
            mode = modes[v.actuator_mode[a]] if len(modes) > 1 else "POSITION"
            e = goal - q
            torque = {
                "POSITION": kp * e - kd * qd,
                "VELOCITY": kd * (goal - qd),
                "TORQUE": goal,
                "HARDENING": kp * (e + e**3) - kd * qd,
            }[mode]
            if strength:
                torque *= v.motor_strength[w, a]
            if limit != "none":
                torque = limited(v, a, torque, qd)
            if friction != "none":
                dry = v.friction_coulomb[a] * (
                    1.0 + (0.5 * np.exp(-25.0 * qd**2) if friction == "stribeck" else 0.0)
                )
                torque -= dry * np.tanh(20.0 * qd) + v.friction_viscous[a] * qd
            if stops:
                torque += v.stop_stiffness * (np.clip(q, v.limit_lower[a], v.limit_upper[a]) - q)
            made[w, j] += torque
        return {"joint_torque": made} | ({"filtered_target": smooth} if filtered else {})

    d.check(reference, 5e-4)
