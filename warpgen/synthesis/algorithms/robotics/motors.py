"""Servo motors in detail: current control, back EMF, heat, cogging, gears with play, and encoders."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.robotics import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.trim import trim

_CONTROL = {
    "voltage": "voltage = wp.clamp(command[tid], -1.0, 1.0) * supply",
    "current": """
        # PI current control; hold the integral while the output saturates (anti-windup)
        current_error = command[tid] * max_current - amps
        wanted = current_gain * current_error + integral[tid]
        voltage = wp.clamp(wanted, -supply, supply)
        if wanted == voltage:
            integral_out[tid] = integral[tid] + dt * integral_gain * current_error
        else:
            integral_out[tid] = integral[tid]
    """,
    "position": """
        # Cascaded position loop with speed limit and speed loop
        position_error = command[tid] - joint_pos[tid]
        speed_wanted = wp.clamp(position_gain * position_error, -speed_limit, speed_limit)
        voltage = wp.clamp(speed_gain * (speed_wanted * gear - rotor) + motor_constant * rotor, -supply, supply)
    """,
}
_CURRENT = {
    "exact": """
        # Exact current update for constant rotor speed: L di/dt = V - R i - k w
        settled = (voltage - motor_constant * rotor) / resistance
        amps_new = settled + (amps - settled) * wp.exp(-resistance / inductance * dt)
    """,
    "implicit": """
        # Implicit Euler, since the electrical time constant can be shorter than the step
        amps_new = (amps + dt / inductance * (voltage - motor_constant * rotor)) / (1.0 + dt * resistance / inductance)
    """,
    "static": """
        # Quasi-static current, because the electrical time constant is short
        amps_new = (voltage - motor_constant * rotor) / resistance
    """,
}
_GEAR = {
    "rigid": """
        # Gear losses reduce power in both directions of flow
        transmitted = wp.where(motor_torque * rotor >= 0.0, efficiency, 1.0 / efficiency)
        torque = transmitted * gear * motor_torque
    """,
    "elastic": """
        # Elastic gear: spring-damper between rotor and joint
        torque = gear_stiffness * gear_twist[tid] + gear_damping * (rotor / gear - joint_vel[tid])
        rotor_new = rotor + dt / rotor_inertia * (motor_torque - torque / gear)
    """,
    "play": """
        # Gear backlash: no torque while the teeth are not in contact
        wind_up = gear_twist[tid]
        pressed = wind_up - wp.clamp(wind_up, -0.5 * play, 0.5 * play)
        torque = gear_stiffness * pressed
        if pressed != 0.0:
            torque += gear_damping * (rotor / gear - joint_vel[tid])
        rotor_new = rotor + dt / rotor_inertia * (motor_torque - torque / gear)
    """,
}


@DOMAIN.algorithm(
    source="Krishnan 2001, ch. 2 (dc motor drives); Nordin & Gutman 2002 (backlash); IEC 60034-1 (thermal limits)",
    names={
        "step_servos": "motor_step|servo_dynamics|dc_motor_step|drive_motors",
        "command": "ctrl|target|set_value",
        "current": "motor_current|armature_current",
        "rotor_speed": "rotor_vel",
        "winding_temp": "coil_temp",
        "gear": "gear_ratio|reduction",
        "amps": "amps_now",
        "motor_torque": "t_motor|tau_m",
    },
    element="servo",
    weight=3,
)
def step_servos(d: Draft) -> None:
    """Advances servo motors with their electric, thermal and mechanical states by one time step."""
    control = d.option("control", *_CONTROL)
    electric = d.option("current", *_CURRENT)
    gear = d.option("gear", *_GEAR)
    thermal = d.option("heat", "none", "one mass", "two masses")
    derate = d.flag("derating", 0.6) if thermal != "none" else False
    cogging = d.option("cogging", "none", "sine", "two harmonics", weights=(0.5, 0.25, 0.25))
    friction = d.option("friction", "viscous", "coulomb", "stribeck")
    encoder = d.flag("encoder", 0.35)
    count = d.pick(32, 48, 64)
    d.input(
        "command",
        "float",
        count,
        *((-1.2, 1.2) if control == "voltage" else (-1.0, 1.0)),
        about={
            "voltage": "Duty cycles, limited to [-1, 1]",
            "current": "Current commands relative to the maximum",
            "position": "Target joint positions [rad]",
        }[control],
    )
    if electric != "static" or control == "current":
        d.input("current", "float", count, -5.0, 5.0, about="Motor currents [A]")
    if gear != "rigid":
        d.input("rotor_speed", "float", count, -100.0, 100.0, about="Rotor speeds [rad/s]")
        d.input("gear_twist", "float", count, -0.03, 0.03, about="Gear twist, measured at the joint [rad]")
    d.input("joint_pos", "float", count, -1.0, 1.0, about="Joint positions [rad]")
    d.input("joint_vel", "float", count, -2.0, 2.0, about="Joint velocities [rad/s]")
    if thermal != "none":
        d.module("COPPER_RISE = wp.constant(0.00393)  # [1/K]")
        d.input("winding_temp", "float", count, 20.0, 120.0, about="Winding temperatures [C]")
    if thermal == "two masses":
        d.input("case_temp", "float", count, 20.0, 60.0, about="Housing temperatures [C]")
    if control == "current":
        d.input("integral", "float", count, -4.0, 4.0, about="Current controller integral terms [V]")
        d.param("current_gain", "float", 2.0, 5.0, about="Proportional gain [V/A]")
        d.param("integral_gain", "float", 50.0, 200.0, about="Integral gain [V/(A s)]")
    elif control == "position":
        d.param("position_gain", "float", 1.5, 4.0, about="Position gain [1/s]")
        d.param("speed_limit", "float", 2.0, 5.0, about="Joint speed limit [rad/s]")
        d.param("speed_gain", "float", 0.05, 0.2, about="Speed gain [V s/rad]")
    d.param("supply", "float", 20.0, 30.0, about="Supply voltage [V]")
    d.param("max_current", "float", 4.0, 8.0, about="Maximum current [A]")
    d.param("resistance", "float", 0.5, 1.5, about="Winding resistance at 20 C [Ohm]")
    if electric != "static":
        d.param("inductance", "float", 0.0005, 0.002, about="Winding inductance [H]")
    # In SI units the constants of torque and back EMF are one, since no power is lost between them
    d.param(
        "motor_constant",
        "float",
        0.03,
        0.08,
        about="Torque constant [N m/A], equal to the back-EMF constant [V s/rad]",
    )
    d.param("gear", "float", 40.0, 80.0, about="Gear ratio")
    if gear == "rigid":
        d.param("efficiency", "float", 0.7, 0.95, about="Gear efficiency")
    else:
        d.param("gear_stiffness", "float", 50.0, 200.0, about="Gear stiffness [N m/rad]")
        d.param("gear_damping", "float", 0.1, 0.5, about="Gear damping [N m s/rad]")
        d.param("rotor_inertia", "float", 0.0005, 0.002, about="Rotor inertia [kg m^2]")
    if gear == "play":
        d.param("play", "float", 0.01, 0.03, about="Gear backlash at the joint [rad]")
    d.param("viscous", "float", 1.0e-4, 5.0e-4, about="Viscous rotor friction [N m s]")
    if friction != "viscous":
        d.param("coulomb", "float", 0.005, 0.02, about="Rotor Coulomb friction [N m]")
        d.param("friction_speed", "float", 5.0, 20.0, about="Friction saturation speed [rad/s]")
    if friction == "stribeck":
        d.param("breakaway", "float", 0.005, 0.02, about="Breakaway friction above the Coulomb level [N m]")
    if cogging == "two harmonics":
        d.module("SECOND_HARMONIC = wp.constant(0.3)  # amplitude relative to the first harmonic")
    if cogging != "none":
        d.param("cogging_torque", "float", 0.005, 0.02, about="Cogging torque amplitude [N m]")
        d.param("cogging_periods", "float", float(d.pick(6, 9, 12)), about="Cogging periods per revolution")
    if thermal != "none":
        d.param("ambient", "float", 15.0, 35.0, about="Ambient temperature [C]")
        d.param("heat_capacity", "float", 20.0, 60.0, about="Winding heat capacity [J/K]")
        d.param("heat_resistance", "float", 1.0, 3.0, about="Winding thermal resistance [K/W]")
    if thermal == "two masses":
        d.param("case_capacity", "float", 100.0, 300.0, about="Housing heat capacity [J/K]")
        d.param("case_resistance", "float", 2.0, 5.0, about="Housing-to-ambient thermal resistance [K/W]")
    if derate:
        d.param("warm_limit", "float", 60.0, 80.0, about="Temperature at which current derating starts [C]")
        d.param("hot_limit", "float", 100.0, 120.0, about="Cutoff temperature [C]")
    if encoder:
        d.param(
            "counts_per_turn",
            "float",
            float(d.pick(512, 1024, 4096)),
            about="Encoder counts per rotor revolution",
        )
    d.param("dt", "float", 0.001, 0.004, about="Time step [s]")
    d.output("current_out", "float", count, about="Updated currents [A]")
    d.output("joint_torque", "float", count, about="Joint torques [N m]")
    if gear != "rigid":
        d.output("rotor_out", "float", count, about="Updated rotor speeds [rad/s]")
        d.output("twist_out", "float", count, about="Updated gear twist [rad]")
    if control == "current":
        d.output("integral_out", "float", count, about="Updated integral terms [V]")
    if thermal != "none":
        d.output("winding_out", "float", count, about="Updated winding temperatures [C]")
    if thermal == "two masses":
        d.output("case_out", "float", count, about="Updated housing temperatures [C]")
    if encoder:
        d.output("encoder", "int", count, about="Updated encoder counts")
    heat = {
        "none": "",
        "one mass": """
            # --- Thermal model: copper losses and heat flow to the ambient ---
            loss = resistance_hot * amps_new * amps_new
            winding_out[tid] = warm + dt / heat_capacity * (loss - (warm - ambient) / heat_resistance)
        """,
        "two masses": """
            # --- Thermal model: copper losses heat the winding, then the housing, then the ambient ---
            loss = resistance_hot * amps_new * amps_new
            inner_flow = (warm - case_temp[tid]) / heat_resistance
            outer_flow = (case_temp[tid] - ambient) / case_resistance
            winding_out[tid] = warm + dt / heat_capacity * (loss - inner_flow)
            case_out[tid] = case_temp[tid] + dt / case_capacity * (inner_flow - outer_flow)
        """,
    }
    reduce = """
    # Derate the current when the winding is hot, to protect its insulation
    allowed = max_current * wp.clamp((hot_limit - warm) / (hot_limit - warm_limit), 0.0, 1.0)
    """
    lag = {
        "viscous": "drag = viscous * rotor",
        "coulomb": "drag = viscous * rotor + coulomb * wp.tanh(rotor / friction_speed)",
        "stribeck": """
            # Stribeck: breakaway friction decays exponentially with speed
            ratio = rotor / friction_speed
            drag = viscous * rotor + (coulomb + breakaway * wp.exp(-ratio * ratio)) * wp.tanh(ratio)
        """,
    }
    angle = "joint_pos[tid] * gear" if gear == "rigid" else "(joint_pos[tid] + gear_twist[tid]) * gear"
    tooth = {
        "none": "",
        "sine": f"# Cogging torque: the rotor prefers certain angles\nmotor_torque -= cogging_torque * wp.sin(cogging_periods * {angle})",
        "two harmonics": f"# Cogging torque: the rotor prefers certain angles\nphase = cogging_periods * {angle}\n"
        "motor_torque -= cogging_torque * (wp.sin(phase) + SECOND_HARMONIC * wp.sin(2.0 * phase))",
    }
    read = f"""
    # --- Encoder, sampled at the end of the step ---
    turns = ({angle} + dt * {"rotor" if gear == "rigid" else "rotor_new"}) / wp.TAU
    encoder[tid] = int(wp.floor(turns * counts_per_turn))
    """
    turned = "rotor_out[tid] = rotor_new\n"
    turned += "twist_out[tid] = gear_twist[tid] + dt * (rotor_new / gear - joint_vel[tid])"
    limit = "allowed" if derate else "max_current"
    hot = "resistance_hot" if thermal != "none" else "resistance"
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $amps
        $rotor
        $warm
        $reduce
        # --- Control ---
        $control
        # --- Winding ---
        $electric
        # Clamp to the maximum bridge current
        amps_new = wp.clamp(amps_new, -$limit, $limit)
        current_out[tid] = amps_new
        # --- Rotor and gear ---
        $lag
        motor_torque = motor_constant * amps_new - drag
        $tooth
        $gear
        joint_torque[tid] = torque
        $rotor_out
        $heat
        $read
        """,
        amps="amps = current[tid]" if electric != "static" or control == "current" else "",
        rotor="# Rigid gear: the rotor is coupled to the joint\nrotor = joint_vel[tid] * gear"
        if gear == "rigid"
        else "rotor = rotor_speed[tid]",
        warm="warm = winding_temp[tid]\n# Copper resistance increases with temperature; the nominal value is at 20 C\n"
        "resistance_hot = resistance * (1.0 + COPPER_RISE * (warm - 20.0))"
        if thermal != "none"
        else "",
        reduce=reduce if derate else "",
        control=_CONTROL[control],
        electric=_CURRENT[electric].replace("resistance", hot),
        limit=limit,
        lag=lag[friction],
        tooth=tooth[cogging],
        gear=_GEAR[gear],
        rotor_out=turned if gear != "rigid" else "",
        heat=heat[thermal],
        read=read if encoder else "",
    )
    trim(d)
    states = [
        *(["integral terms"] if control == "current" else []),
        *(["currents"] if electric != "static" else []),
        *(["temperatures"] if thermal != "none" else []),
    ]
    states += ["rotor speeds", "gear twists"] if gear != "rigid" else []
    given = "currents and torques" if electric == "static" else "torques"
    given = given.replace(" and", ",") + " and encoder counts" if encoder else given
    several = f"{', '.join(states[:-1])} and {states[-1]}" if len(states) > 1 else "".join(states)
    d.says(
        f"Advances {several} of servo motors by one time step and computes {given}."
        if states
        else f"Computes {given} of servo motors with rigid gears."
    )
    if not states:
        d.calls("servo_torques|motor_torques|servo_currents")
    law = "R i = V - k w" if electric == "static" else "L di/dt = V - R i - k w"
    drags = "friction - cogging" if cogging != "none" else "friction"
    law += (
        f" and T = N (k i - {drags}) apart from gear losses; rotor inertia is neglected"
        if gear == "rigid"
        else f" and J dw/dt = k i - {drags} - T / N"
    )
    heating = "" if thermal == "none" else "; the winding is heated by R i^2"
    heating += " and derated when hot" if derate else ""
    loops = {
        "voltage": "",
        "current": " A PI current controller sets the voltage.",
        "position": " Cascaded position and speed loops set the voltage.",
    }[control]
    d.explain(f"{law}. Rotor angles and speeds are before the gear with ratio N{heating}.{loops}")

    def reference(v: Values) -> dict[str, Any]:
        made: dict[str, Any] = {}
        i0, w = v.get("current"), v.joint_vel * v.gear if gear == "rigid" else v.rotor_speed
        r = v.resistance * np.ones(count)
        top = v.max_current * np.ones(count)
        if thermal != "none":
            r = r * (1.0 + 0.00393 * (v.winding_temp - 20.0))
        if derate:
            top = top * np.clip((v.hot_limit - v.winding_temp) / (v.hot_limit - v.warm_limit), 0.0, 1.0)
        if control == "voltage":
            volts = np.clip(v.command, -1.0, 1.0) * v.supply
        elif control == "current":
            off = v.command * v.max_current - i0
            asked = v.current_gain * off + v.integral
            volts = np.clip(asked, -v.supply, v.supply)
            made["integral_out"] = v.integral + np.where(
                np.abs(asked) <= v.supply, v.dt * v.integral_gain * off, 0.0
            )
        else:
            goal = np.clip(v.position_gain * (v.command - v.joint_pos), -v.speed_limit, v.speed_limit)
            volts = np.clip(v.speed_gain * (goal * v.gear - w) + v.motor_constant * w, -v.supply, v.supply)
        final = (volts - v.motor_constant * w) / r
        if electric == "exact":
            amps = final + (i0 - final) * np.exp(-r / v.inductance * v.dt)
        elif electric == "implicit":
            x = v.dt * r / v.inductance
            amps = (i0 + x * final) / (1.0 + x)
        else:
            amps = final
        amps = np.clip(amps, -top, top)
        drag = v.viscous * w
        if friction != "viscous":
            s = w / v.friction_speed
            drag = drag + (v.coulomb + v.get("breakaway", 0.0) * np.exp(-s * s)) * np.tanh(s)
        torque = v.motor_constant * amps - drag
        place = (v.get("joint_pos", 0.0) + v.get("gear_twist", 0.0)) * v.gear
        if cogging != "none":
            second = 0.3 * np.sin(2.0 * v.cogging_periods * place) if cogging == "two harmonics" else 0.0
            torque = torque - v.cogging_torque * (np.sin(v.cogging_periods * place) + second)
        if gear == "rigid":
            load = v.efficiency ** np.where(torque * w >= 0.0, 1.0, -1.0) * v.gear * torque
        else:
            wind = v.gear_twist
            slip = v.gear_damping * (w / v.gear - v.joint_vel)
            if gear == "play":
                wind = np.sign(wind) * np.maximum(np.abs(wind) - 0.5 * v.play, 0.0)
                slip = np.where(wind != 0.0, slip, 0.0)
            load = v.gear_stiffness * wind + slip
            new = w + v.dt / v.rotor_inertia * (torque - load / v.gear)
            made["rotor_out"] = new
            made["twist_out"] = v.gear_twist + v.dt * (new / v.gear - v.joint_vel)
        if thermal != "none":
            sink = v.ambient if thermal == "one mass" else v.case_temp
            flow = (v.winding_temp - sink) / v.heat_resistance
            made["winding_out"] = v.winding_temp + v.dt / v.heat_capacity * (r * amps**2 - flow)
            if thermal == "two masses":
                out = (v.case_temp - v.ambient) / v.case_resistance
                made["case_out"] = v.case_temp + v.dt / v.case_capacity * (flow - out)
        return made | {"current_out": amps, "joint_torque": load}

    d.check(reference, 1e-3)
    if encoder:

        def counted(before: Values, after: Values) -> None:
            """Within a count of the angle: where it falls on an edge, rounding decides."""
            place = (before.joint_pos + before.get("gear_twist", 0.0)) * before.gear
            new = before.joint_vel * before.gear if gear == "rigid" else after.rotor_out
            turns = (place + before.dt * new) / (2.0 * np.pi) * before.counts_per_turn
            assert (np.abs(np.asarray(after.encoder, float) + 0.5 - turns) <= 0.52).all()

        d.holds(counted)
