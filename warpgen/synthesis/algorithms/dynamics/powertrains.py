"""Powertrains: engine, clutch, gearbox, differential and brakes, stepped together."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.dynamics import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_ENGINE = {
    "parabola": """
        # Quadratic full-load torque curve around the peak-torque speed
        x = (speed - best_speed) / best_speed
        full_torque = peak_torque * wp.max(1.0 - TORQUE_FALL * x * x, 0.0)
    """,
    "table": """
        # Look up full-load torque using linear interpolation
        place = wp.clamp(speed / table_step, 0.0, float(table_size - 1))
        cell = wp.min(int(place), table_size - 2)
        part = place - float(cell)
        full_torque = torque_table[cell] * (1.0 - part) + torque_table[cell + 1] * part
    """,
    "electric": """
        # Electric motor: constant torque below base speed, constant power above
        full_torque = peak_torque * base_speed / wp.max(speed, base_speed)
    """,
}
_CLUTCH = {
    "smooth": """
        # Friction clutch, using tanh to regularize sign(slip)
        clutch_torque = engagement * clutch_capacity * wp.tanh(slip / slip_width)
    """,
    "spring": """
        # Viscous clutch, clamped to its torque capacity
        limit = engagement * clutch_capacity
        clutch_torque = wp.clamp(clutch_damping * slip, -limit, limit)
    """,
    "converter": """
        # Torque converter: pump torque scales with engine speed squared, multiplied near stall; zero on overrun
        speed_ratio = wp.clamp(input_speed / speed, 0.0, 1.0)
        clutch_torque = capacity_factor * speed * speed * (1.0 - speed_ratio * speed_ratio)
        torque_gain = 1.0 + (stall_ratio - 1.0) * (1.0 - speed_ratio)
    """,
}


@DOMAIN.algorithm(
    source="Guzzella & Sciarretta 2013, ch. 2-3; Kiencke & Nielsen 2005, ch. 5 (driveline modelling)",
    names={
        "step_powertrains": "powertrain_step|driveline_step|advance_powertrains|advance_drivelines",
        "base_speed": "corner_speed",
        "full_torque": "torque_limit",
        "engagement": "clutch_engagement",
        "ratio": "total_ratio|gear_ratio",
        "gear": "gear_index|current_gear",
        "drive_torque": "axle_torque",
        "slip": "slip_speed",
    },
    element="vehicle",
    weight=3,
)
def step_powertrains(d: Draft) -> None:
    """Advances engine and wheel speeds by one time step."""
    engine = d.option("engine", *_ENGINE)
    clutch = d.option("clutch", *_CLUTCH)
    differential = d.option("differential", "open", "limited slip", "none")
    electric = engine == "electric"
    unit, kind = ("motor", "Motor") if electric else ("engine", "Engine")
    if electric:
        clutch = "smooth" if clutch == "converter" else clutch
    idle = d.flag("idle control", 0.5) if not electric else False
    limiter = d.flag("limiter", 0.5)
    gears = d.option("gears", "table", "given")
    brakes = d.option("brakes", "none", "smooth", "implicit")
    fuel = d.flag("fuel", 0.4)
    load = d.option("load", "tire force", "road")
    road_load = load == "road"
    if road_load and brakes == "implicit":
        brakes = "smooth"  # one step hardly slows a whole vehicle, let alone stops it
    drawn = "energy use" if electric else "fuel consumption"
    control = ["idle control"] * idle + ["a speed limiter"] * limiter
    d.says(
        f"Advances {unit} and wheel speeds for {'electric ' if electric else ''}powertrains"
        + (f" with {' and '.join(control)}" if control else "")
        + " by one time step"
        + (f" and computes {drawn}." if fuel else ".")
    )
    if engine == "parabola":
        d.module("TORQUE_FALL = wp.constant(0.6)  # relative torque loss at twice the peak-torque speed")
    count, steps = d.pick(24, 32, 40), 8
    wheels = 1 if differential == "none" else 2
    turning = "the driven axle" if wheels == 1 else "a wheel"
    shape: Any = count if wheels == 1 else (count, 2)
    d.input(f"{unit}_speed", "float", count, 40.0 if idle else 80.0, 430.0, about=f"{kind} speeds [rad/s]")
    low, high = (-5.0, 20.0) if brakes == "implicit" else (0.0, 45.0)
    d.input("wheel_speed_in", "float", shape, low, high, about="Driven wheel speeds [rad/s]")
    d.input("throttle", "float", count, 0.0, 1.0, about="Throttle positions")
    if clutch != "converter":
        d.input("engagement", "float", count, 0.0, 1.0, about="Clutch engagement in [0, 1]")
    if gears == "table":
        d.input("gear", "int", count, 0, 5, about="Selected gear index")
        d.input("gear_ratios", "float", 5, 0.7, 3.6, "ascending", about="Gear ratios, top gear first")
        d.param("final_ratio", "float", 3.0, 4.2, about="Final drive ratio")
    else:
        d.input("total_ratio", "float", count, 3.0, 12.0, about=f"Total ratio, {unit} speed over axle speed")
    if load == "tire force":
        d.input("tire_force", "float", shape, -1500.0, 2500.0, about="Longitudinal tire forces [N]")
    else:
        d.module("AIR_DENSITY = wp.constant(1.2)  # [kg/m^3]\nGRAVITY = wp.constant(9.81)  # [m/s^2]")
        d.module("LOW_SPEED = wp.constant(0.5)  # rolling resistance fades out below this speed [m/s]")
        d.param("vehicle_mass", "float", 1000.0, 1800.0, about="Mass [kg]")
        d.param("drag_area", "float", 0.5, 0.8, about="Drag coefficient times area [m^2]")
        d.param("rolling_coeff", "float", 0.008, 0.015, about="Rolling resistance coefficient")
    if brakes != "none":
        d.input("brake", "float", count, 0.0, 1.0, about="Brake pedal positions")
        d.param(
            "brake_torque",
            "float",
            800.0,
            2000.0,
            about=f"Maximum brake torque per {turning.split()[-1]} [N m]",
        )
    if engine == "table":
        d.input("torque_table", "float", steps, 150.0, 250.0, about="Full-load torque table [N m]")
        d.param("table_step", "float", 80.0, 100.0, about="Table speed increment [rad/s]")
        d.param("table_size", "int", steps, about="Number of table entries")
    else:
        d.param("peak_torque", "float", 150.0, 300.0, about=f"Largest {unit} torque [N m]")
        if electric:
            d.param("base_speed", "float", 200.0, 350.0, about="Base speed, constant power above [rad/s]")
        else:
            d.param("best_speed", "float", 200.0, 350.0, about="Peak-torque speed [rad/s]")
    d.param("friction_torque", "float", 10.0, 25.0, about=f"{kind} friction torque at zero speed [N m]")
    d.param("friction_slope", "float", 0.02, 0.06, about=f"{kind} viscous friction coefficient [N m s]")
    if idle:
        d.param("idle_speed", "float", 80.0, 100.0, about="Idle speed [rad/s]")
        d.param("idle_gain", "float", 0.01, 0.03, about="Idle controller gain [s/rad]")
    if limiter:
        d.param("max_speed", "float", 350.0, 400.0, about=f"Maximum {unit} speed [rad/s]")
    if clutch == "converter":
        d.param("capacity_factor", "float", 0.001, 0.002, about="Pump capacity factor [N m s^2]")
        d.param("stall_ratio", "float", 1.8, 2.2, about="Torque ratio at stall")
    else:
        d.param("clutch_capacity", "float", 250.0, 400.0, about="Clutch torque capacity [N m]")
        if clutch == "smooth":
            d.param("slip_width", "float", 5.0, 15.0, about="Slip speed scale for regularization [rad/s]")
        else:
            d.param("clutch_damping", "float", 1.0, 4.0, about="Viscous clutch coefficient [N m s]")
    if differential == "limited slip":
        d.param("lock_torque", "float", 50.0, 150.0, about="Maximum locking torque [N m]")
        d.param("lock_slope", "float", 2.0, 10.0, about="Locking torque slope [N m s]")
    told = "Rotor inertia [kg m^2]" if electric else "Engine and flywheel inertia [kg m^2]"
    d.param(f"{unit}_inertia", "float", 0.15, 0.3, about=told)
    d.param("wheel_inertia", "float", 0.8, 1.5, about=f"{turning.split()[-1].capitalize()} inertia [kg m^2]")
    d.param("wheel_radius", "float", 0.28, 0.35, about="Tire radius [m]")
    d.param("efficiency", "float", 0.88, 0.97, about="Gear efficiency")
    d.param("dt", "float", 0.001, 0.003, about="Time step [s]")
    d.output(f"{unit}_speed_out", "float", count, about=f"Updated {unit} speeds [rad/s]")
    d.output("wheel_speed_out", "float", shape, about="Updated wheel speeds [rad/s]")
    if fuel:
        d.output(
            "energy_drawn" if electric else "fuel_mass",
            "float",
            count,
            about="Energy drawn per step [J]" if electric else "Fuel mass burned per step [kg]",
        )
    burn = {
        False: """
            # Willans line: fuel power from indicated power at constant efficiency
            power = pedal * full_torque * speed
            fuel_mass[tid] = dt * power / (INDICATED_EFFICIENCY * HEATING_VALUE)
        """,
        True: "# Electric power from the motor torque before friction losses\npower = pedal * full_torque * speed\n"
        "energy_drawn[tid] = dt * power / MOTOR_EFFICIENCY",
    }[engine == "electric"]
    if fuel and engine != "electric":
        d.module("HEATING_VALUE = wp.constant(42.5e6)  # [J/kg]\nINDICATED_EFFICIENCY = wp.constant(0.38)")
    elif fuel:
        d.module("MOTOR_EFFICIENCY = wp.constant(0.92)")
    idling = """
    # Idle control: open the throttle to avoid stalling
    pedal = wp.clamp(pedal + wp.max(idle_gain * (idle_speed - speed), 0.0), 0.0, 1.0)
    """
    cut = f"# Cut {'current' if electric else 'fuel'} above the {unit} speed limit\nif speed > max_speed:\n    pedal = 0.0"
    w = ["wheel_speed_in[tid]"] if wheels == 1 else ["wheel_speed_in[tid, 0]", "wheel_speed_in[tid, 1]"]
    axle = (
        f"axle_speed = {w[0]}"
        if wheels == 1
        else f"left = {w[0]}\nright = {w[1]}\naxle_speed = 0.5 * (left + right)"
    )
    split = {
        "none": "",
        "open": "# Open differential: equal torque split\nhalf = 0.5 * drive_torque",
        "limited slip": """
            # Transfer torque from the faster to the slower wheel
            lock = wp.clamp(lock_slope * (left - right), -lock_torque, lock_torque)
            half = 0.5 * drive_torque
        """,
    }[differential]
    road = {
        "tire force": ["tire_force[tid]"] if wheels == 1 else ["tire_force[tid, 0]", "tire_force[tid, 1]"],
        "road": ["resistance"] if wheels == 1 else ["0.5 * resistance"] * 2,
    }[load]
    resist = """
    # --- Driving resistance ---
    v = axle_speed * wheel_radius
    # Resistance opposes the motion; use tanh as a smooth sign so that a vehicle at rest is not pushed
    rolling = rolling_coeff * vehicle_mass * GRAVITY * wp.tanh(v / LOW_SPEED)
    resistance = 0.5 * AIR_DENSITY * drag_area * v * wp.abs(v) + rolling
    """

    turned = "inertia" if road_load else "wheel_inertia"
    part = "" if wheels == 1 else "0.5 * "
    inertia = (
        "# Add the reflected vehicle mass, assuming rolling without slip\n"
        f"inertia = wheel_inertia + {part}vehicle_mass * wheel_radius * wheel_radius"
    )

    def wheel(number: int) -> str:
        name, at = (("axle_speed", "tid"), ("left", "tid, 0"), ("right", "tid, 1"))[
            0 if wheels == 1 else number + 1
        ]
        torque = "drive_torque" if wheels == 1 else "half"
        if differential == "limited slip":
            torque += " - lock" if number == 0 else " + lock"
        suffix = "" if wheels == 1 else f"_{name}"
        # Wheels that nothing tells apart share their net torque
        own = "" if road_load and differential == "open" and brakes != "smooth" else suffix
        text = f"net{own} = {torque} - {road[number]} * wheel_radius\n" if own or number == 0 else ""
        if brakes == "smooth":
            text += f"net{own} -= brake[tid] * brake_torque * wp.tanh({name})\n"
        text += f"speed_new{suffix} = {name} + dt * net{own} / {turned}\n"
        if brakes == "implicit":
            if number == 0:
                text += (
                    "# Clamp at zero, since brakes cannot reverse the wheel\n"
                    f"brake_step = dt * brake[tid] * brake_torque / {turned}\n"
                )
            text += f"speed_new{suffix} = wp.sign(speed_new{suffix}) * wp.max(wp.abs(speed_new{suffix}) - brake_step, 0.0)\n"
        return text + f"wheel_speed_out[{at}] = speed_new{suffix}\n"

    d.launch(count)
    d.code(
        f"""
        tid = wp.tid()
        speed = {unit}_speed[tid]
        # --- {kind} ---
        $engine
        pedal = throttle[tid]
        $idle
        $cut
        friction = friction_torque + friction_slope * speed
        {unit}_torque = pedal * full_torque - friction
        # --- Clutch ---
        ratio = $ratio
        $axle
        input_speed = ratio * axle_speed
        $slip
        $clutch
        # --- Gearbox and differential ---
        # Apply gear losses in both power flow directions
        gear_gain = wp.where(clutch_torque * input_speed >= 0.0, efficiency, 1.0 / efficiency)
        drive_torque = clutch_torque$gain * ratio * gear_gain
        $split
        $resist
        # --- Step ---
        $inertia
        {unit}_speed_out[tid] = speed + dt * ({unit}_torque - clutch_torque) / {unit}_inertia
        $wheels
        $burn
        """,
        engine=_ENGINE[engine],
        idle=idling if idle else "",
        cut=cut if limiter else "",
        ratio="gear_ratios[gear[tid]] * final_ratio" if gears == "table" else "total_ratio[tid]",
        axle=axle,
        slip="" if clutch == "converter" else "slip = speed - input_speed",
        clutch=_CLUTCH[clutch].replace("engagement *", "engagement[tid] *"),
        gain=" * torque_gain" if clutch == "converter" else "",
        split=split,
        resist=resist if road_load else "",
        inertia=inertia if road_load else "",
        wheels="".join(wheel(i) for i in range(wheels)).rstrip(),
        burn=burn if fuel else "",
    )
    rolls = ""
    if road_load:
        rolls = " Driven wheels roll without slip and carry the vehicle mass"
        rolls += "." if wheels == 1 else ", half each."
    through = "torque converter" if clutch == "converter" else "clutch"
    d.explain(f"""
        The {unit} drives the wheels through the {through} and gears with constant efficiency. Speeds
        are integrated using explicit Euler{" (brakes implicitly)" if brakes == "implicit" else ""}. Torques in N m.{rolls}
    """)

    def reference(v: Values) -> dict[str, Any]:
        n = v[f"{unit}_speed"]
        if engine == "parabola":
            full = v.peak_torque * np.maximum(1.0 - 0.6 * (n / v.best_speed - 1.0) ** 2, 0.0)
        elif engine == "electric":
            full = v.peak_torque * np.minimum(v.base_speed / n, 1.0)
        else:
            full = np.interp(n, v.table_step * np.arange(steps), v.torque_table)
        pedal = v.throttle
        if idle:
            pedal = np.clip(pedal + np.maximum(v.idle_gain * (v.idle_speed - n), 0.0), 0.0, 1.0)
        if limiter:
            pedal = np.where(n > v.max_speed, 0.0, pedal)
        rub = v.friction_torque + v.friction_slope * n
        torque = pedal * full - rub
        ratio = v.gear_ratios[v.gear] * v.final_ratio if gears == "table" else v.total_ratio
        w_ = v.wheel_speed_in.reshape(count, wheels)
        shaft = ratio * w_.mean(1)
        gain = 1.0
        if clutch == "converter":
            r = np.clip(shaft / np.maximum(n, 10.0), 0.0, 1.0)
            carried = v.capacity_factor * n**2 * (1.0 - r**2)
            gain = 1.0 + (v.stall_ratio - 1.0) * (1.0 - r)
        elif clutch == "smooth":
            carried = v.engagement * v.clutch_capacity * np.tanh((n - shaft) / v.slip_width)
        else:
            top = v.engagement * v.clutch_capacity
            carried = np.clip(v.clutch_damping * (n - shaft), -top, top)
        kept = v.efficiency ** np.where(carried * shaft >= 0.0, 1.0, -1.0)
        share = np.tile((carried * gain * ratio * kept / wheels)[:, None], wheels)
        if differential == "limited slip":
            lock = np.clip(v.lock_slope * (w_[:, 0] - w_[:, 1]), -v.lock_torque, v.lock_torque)
            share = share + lock[:, None] * np.array([-1.0, 1.0])
        if load == "road":
            pace = w_.mean(1) * v.wheel_radius
            push = 0.6 * v.drag_area * pace * np.abs(pace)
            push += v.rolling_coeff * v.vehicle_mass * 9.81 * np.tanh(pace / 0.5)
            against = np.tile(push[:, None] / wheels, wheels)
        else:
            against = v.tire_force.reshape(count, wheels)
        net = share - against * v.wheel_radius
        heavy = v.wheel_inertia + v.get("vehicle_mass", 0.0) * v.wheel_radius**2 / wheels
        if brakes == "smooth":
            net = net - (v.brake * v.brake_torque)[:, None] * np.tanh(w_)
        new = w_ + v.dt * net / heavy
        if brakes == "implicit":
            new = np.sign(new) * np.maximum(
                np.abs(new) - (v.dt * v.brake * v.brake_torque / heavy)[:, None], 0.0
            )
        made = {
            f"{unit}_speed_out": n + v.dt * (torque - carried) / v[f"{unit}_inertia"],
            "wheel_speed_out": new.reshape(v.wheel_speed_in.shape),
        }
        if fuel:
            power = pedal * full * n
            made["energy_drawn" if electric else "fuel_mass"] = (
                v.dt * power / (0.92 if electric else 0.38 * 42.5e6)
            )
        return made

    d.check(reference, 1e-3)
