"""Flight of spinning projectiles and balls: drag, lift, wind and the turning earth, by one Runge-Kutta step."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.dynamics import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_DRAG = {
    "constant": "",
    "mach": """
        # Transonic drag rise, modeled as a logistic step in Mach number
        mach = speed / sound_speed
        drag_coeff = cd0 + cd_rise / (1.0 + wp.exp(-(mach - 1.0) / mach_width))
    """,
    "crisis": """
        # Drag crisis: the boundary layer becomes turbulent above the critical speed
        drag_coeff = cd0 - cd_drop / (1.0 + wp.exp(-(speed - critical_speed) / crisis_width))
    """,
}
_AIR = {
    "constant": "",
    "exponential": "density = air_density * wp.exp(-pos[2] / SCALE_HEIGHT)",
    "standard": """
        # International standard atmosphere below 11 km
        temperature = GROUND_TEMPERATURE - LAPSE_RATE * pos[2]
        density = air_density * wp.pow(temperature / GROUND_TEMPERATURE, DENSITY_EXPONENT)
    """,
}


@DOMAIN.algorithm(
    source="McCoy 1999, ch. 8 (point-mass trajectories); Mehta 1985 (sports balls); ISO 2533:1975",
    names={
        "fly_projectiles": "ballistic_step|projectile_step|advance_projectiles|integrate_trajectories",
        "wind": "wind_velocity|wind_vel",
        "lift_slope": "magnus_coeff|cl_spin",
    },
    element="projectile",
    weight=3,
)
def fly_projectiles(d: Draft) -> None:
    """Integrates projectiles with drag, spin and wind over one Runge-Kutta step."""
    drag = d.option("drag", *_DRAG)
    air = d.option("air", *_AIR)
    spin = d.option("spin", "none", "magnus", "decaying")
    wind = d.option("wind", "none", "uniform", "power law")
    scheme = d.option("scheme", "runge-kutta", "heun", "kutta 3")
    earth = d.option("earth", "flat", "coriolis")
    ground = d.option("ground", "none", "stop", "bounce")
    masses = d.flag("masses", 0.5)
    count = d.pick(32, 48)
    if drag == "mach" and ground == "bounce":
        ground = "stop"
    if ground != "none" or drag == "crisis":
        air = "constant"  # near the ground its density hardly changes
    ball = "shell" if drag == "mach" or air != "constant" else "ball"
    if ball == "ball":
        earth = "flat"
    effects = [
        {
            "constant": "drag",
            "mach": "Mach-dependent drag",
            "crisis": "a drag crisis",
        }[drag]
    ]
    effects += ["Magnus lift"] * (spin != "none") + ["wind"] * (wind != "none")
    effects += ["Coriolis acceleration"] * (earth == "coriolis")
    told = f"{', '.join(effects[:-1])} and {effects[-1]}" if len(effects) > 1 else effects[0]
    landing = {"none": "", "stop": ", stopping at the ground", "bounce": ", with ground bounces"}[ground]
    label = {"runge-kutta": "fourth-order Runge-Kutta", "heun": "Heun", "kutta 3": "third-order Kutta"}[
        scheme
    ]
    d.says(f"Integrates projectiles with {told} over one {label} step{landing}.")
    # Near the ground some come down in the step
    top = 60.0 if air == "constant" else 500.0 if wind == "power law" else 5000.0
    low, high = (0.05, 4.0) if ground != "none" else (0.5, top)
    d.input(f"{ball}_pos", "vec3", count, low, high, about="Positions, z up [m]")
    fast = 250.0 if drag == "mach" else 150.0 if ball == "shell" else 25.0
    d.input(f"{ball}_vel", "vec3", count, -fast, fast, about="Velocities [m/s]")
    if spin != "none":
        d.input(f"{ball}_spin", "vec3", count, -60.0, 60.0, about="Angular velocities [rad/s]")
    weights = (2.0, 6.0) if ball == "shell" else (0.1, 0.5)
    if masses:
        d.input(f"{ball}_mass", "float", count, *weights, about="Masses [kg]")
    else:
        d.param(f"{ball}_mass", "float", *weights, about="Mass [kg]")
    if ground != "none":
        d.mask("stopped", "bool", count, rare=True, about="Mask of projectiles stopped by an earlier hit")
    d.param(f"{ball}_radius", "float", 0.03, 0.05, about="Radius [m]")
    d.param(
        "cd0", "float", 0.4, 0.5, about="Drag coefficient" + (" at low speed" if drag != "constant" else "")
    )
    if drag == "mach":
        d.param("cd_rise", "float", 0.1, 0.3, about="Transonic drag coefficient rise")
        d.param("sound_speed", "float", 330.0, 345.0, about="Speed of sound [m/s]")
        d.param("mach_width", "float", 0.05, 0.15, about="Transonic rise width (Mach)")
    elif drag == "crisis":
        d.param("cd_drop", "float", 0.1, 0.3, about="Drag coefficient drop in the drag crisis")
        d.param("critical_speed", "float", 20.0, 40.0, about="Critical speed [m/s]")
        d.param("crisis_width", "float", 3.0, 8.0, about="Drag crisis width [m/s]")
    level = "" if air == "constant" else " at ground level"
    d.param("air_density", "float", 1.1, 1.3, about=f"Air density{level} [kg/m^3]")
    if spin != "none":
        d.param("lift_slope", "float", 0.5, 1.0, about="Lift coefficient slope vs. spin ratio")
    if spin == "decaying":
        d.param("spin_decay", "float", 0.02, 0.1, about="Spin decay rate [1/s]")
    if wind != "none":
        where = " at the reference height" if wind == "power law" else ""
        d.param("wind", "vec2", -8.0, 8.0, about=f"Horizontal wind velocity{where} [m/s]")
    if wind == "power law":
        d.param("wind_height", "float", 8.0, 12.0, about="Wind reference height [m]")
        d.param("wind_exponent", "float", 0.1, 0.25, about="Wind profile exponent")
    if earth == "coriolis":
        d.param("latitude", "float", -1.2, 1.2, about="Latitude [rad]")
    if ground == "bounce":
        d.param("restitution", "float", 0.4, 0.8, about="Coefficient of restitution")
        d.param("tangential_loss", "float", 0.1, 0.4, about="Tangential velocity loss per bounce")
    d.param("dt", "float", 0.05, 0.15, about="Time step [s]")
    d.output("pos_out", "vec3", count, about="Updated positions [m]")
    d.output("vel_out", "vec3", count, about="Updated velocities [m/s]")
    if spin == "decaying":
        d.output("spin_out", "vec3", count, about="Updated angular velocities [rad/s]")
    if ground != "none":
        d.output("stopped_out", "bool", count, about="Updated mask of stopped projectiles")
    d.module("GRAVITY = wp.constant(9.80665)  # [m/s^2]")
    if air == "exponential":
        d.module("SCALE_HEIGHT = wp.constant(8500.0)  # [m]")
    elif air == "standard":
        d.module("GROUND_TEMPERATURE = wp.constant(288.15)  # [K]")
        d.module("LAPSE_RATE = wp.constant(0.0065)  # [K/m]\nDENSITY_EXPONENT = wp.constant(4.2559)")
    if ground == "bounce":
        d.module("REST_SPEED = wp.constant(0.5)  # [m/s]")
    if earth == "coriolis":
        d.module("EARTH_RATE = wp.constant(7.292e-5)  # [rad/s]")
    blow = {
        "none": "",
        "uniform": "# Use the velocity relative to the air\nair_vel = vel - wp.vec3(wind[0], wind[1], 0.0)",
        "power law": "# Velocity relative to the air, using a power-law wind profile\n"
        "profile = wp.pow(wp.max(pos[2], 0.1) / wind_height, wind_exponent)\nair_vel = vel - profile * wp.vec3(wind[0], wind[1], 0.0)",
    }
    u = "vel" if wind == "none" else "air_vel"
    rho = "air_density" if air == "constant" else "density"
    magnus = f"""
    # Magnus lift, perpendicular to spin and velocity; saturates at high spin ratios
    across = wp.cross(spin, {u}) / speed
    ratio = wp.length(across) * {ball}_radius / speed
    lift_coeff = lift_slope * ratio / (1.0 + ratio)
    axis = wp.normalize(across)
    acc += 0.5 * {rho} * cross_section * lift_coeff * speed * speed / mass * axis
    """
    turn = """
    # Coriolis acceleration for x east, y north, z up
    earth_rate = EARTH_RATE * wp.vec3(0.0, wp.cos(latitude), wp.sin(latitude))
    acc -= 2.0 * wp.cross(earth_rate, vel)
    """
    placed = air != "constant" or wind == "power law"  # the acceleration depends on the height
    heads = ({"pos": "wp.vec3"} if placed else {}) | {"vel": "wp.vec3"}
    if spin != "none":
        heads["spin"] = "wp.vec3"
    heads["mass"] = "float"
    text = "".join(
        (
            _DRAG[drag],
            _AIR[air],
            blow[wind],
            magnus if spin != "none" else "",
            turn if earth != "flat" else "",
        )
    )
    constants = [
        f"{ball}_radius",
        *(
            p.name
            for p in d.parameters
            if p.role == "param"
            and p.name not in ("dt", f"{ball}_mass", f"{ball}_radius", "cd0")
            and p.name in text
        ),
        "cd0",
        "air_density",
    ]
    types = {p.name: p.annotation for p in d.parameters}
    for name in dict.fromkeys(constants):
        heads[name] = types[name]
    d.function(
        '''
        @wp.func
        def acceleration(
            $heads
        ) -> wp.vec3:
            """Compute projectile acceleration in flight."""
            $blow
            speed = wp.length($u) + 1.0e-6
            $air
            $drag
            cross_section = wp.pi * $radius * $radius
            # Gravity and drag (opposes the $against)
            acc = wp.vec3(0.0, 0.0, -GRAVITY) - 0.5 * $rho * cross_section * $cd * speed / mass * $u
            $magnus
            $turn
            return acc
        ''',
        heads="\n".join(f"{n}: {t}," for n, t in heads.items()),
        blow=blow[wind],
        air=_AIR[air],
        drag=_DRAG[drag],
        against="relative velocity" if wind != "none" else "motion",
        magnus=magnus if spin != "none" else "",
        turn=turn if earth == "coriolis" else "",
        u=u,
        rho=rho,
        radius=f"{ball}_radius",
        cd="cd0" if drag == "constant" else "drag_coeff",
    )
    rest = ", ".join(n for n in heads if n not in ("pos", "vel"))
    if not masses:
        rest = rest.replace("mass", f"{ball}_mass", 1)

    def stage(number: int, at: str, velocity: str) -> str:
        place = f"{at}, " if placed else ""
        return f"k{number}x = {velocity}\nk{number}v = acceleration({place}k{number}x, {rest})\n"

    stages = {
        "runge-kutta": "# Classical fourth-order Runge-Kutta: weights 1, 2, 2, 1\n"
        + stage(1, "pos", "vel")
        + stage(2, "pos + 0.5 * dt * k1x", "vel + 0.5 * dt * k1v")
        + stage(3, "pos + 0.5 * dt * k2x", "vel + 0.5 * dt * k2v")
        + stage(4, "pos + dt * k3x", "vel + dt * k3v")
        + "pos_new = pos + dt / 6.0 * (k1x + 2.0 * k2x + 2.0 * k3x + k4x)\n"
        + "vel_new = vel + dt / 6.0 * (k1v + 2.0 * k2v + 2.0 * k3v + k4v)",
        "heun": "# Heun: predictor and trapezoidal corrector\n"
        + stage(1, "pos", "vel")
        + stage(2, "pos + dt * k1x", "vel + dt * k1v")
        + "pos_new = pos + 0.5 * dt * (k1x + k2x)\nvel_new = vel + 0.5 * dt * (k1v + k2v)",
        "kutta 3": "# Third-order Kutta scheme\n"
        + stage(1, "pos", "vel")
        + stage(2, "pos + 0.5 * dt * k1x", "vel + 0.5 * dt * k1v")
        + stage(3, "pos + dt * (2.0 * k2x - k1x)", "vel + dt * (2.0 * k2v - k1v)")
        + "pos_new = pos + dt / 6.0 * (k1x + 4.0 * k2x + k3x)\nvel_new = vel + dt / 6.0 * (k1v + 4.0 * k2v + k3v)",
    }
    touch = {
        "none": "",
        "stop": """
            # --- Ground ---
            at_rest = pos_new[2] <= 0.0
            if at_rest:
                # Clip the step at the ground so that the impact point does not depend on the step size
                fraction = pos[2] / (pos[2] - pos_new[2])
                pos_new = pos + fraction * (pos_new - pos)
                vel_new = wp.vec3(0.0, 0.0, 0.0)
            stopped_out[tid] = at_rest
        """,
        "bounce": """
            # --- Ground ---
            at_rest = False
            if pos_new[2] <= 0.0:
                # Reflect position and velocity at the ground, with energy loss
                pos_new = wp.vec3(pos_new[0], pos_new[1], -restitution * pos_new[2])
                kept = 1.0 - tangential_loss
                vel_new = wp.vec3(kept * vel_new[0], kept * vel_new[1], -restitution * vel_new[2])
                # Come to rest when too slow to bounce again
                if wp.length(vel_new) < REST_SPEED:
                    at_rest = True
                    pos_new = wp.vec3(pos_new[0], pos_new[1], 0.0)
                    vel_new = wp.vec3(0.0, 0.0, 0.0)
            stopped_out[tid] = at_rest
        """,
    }
    hold = f"pos_out[tid] = {ball}_pos[tid]\n    vel_out[tid] = wp.vec3(0.0, 0.0, 0.0)\n    stopped_out[tid] = True\n    return"
    if spin == "decaying":
        hold = "spin_out[tid] = wp.vec3(0.0, 0.0, 0.0)\n    " + hold
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $rest
        pos = $pos[tid]
        vel = $vel[tid]
        $spin
        $mass
        $stages
        $touch
        pos_out[tid] = pos_new
        vel_out[tid] = vel_new
        $decay
        """,
        rest=f"# Skip stopped projectiles\nif stopped[tid]:\n    {hold}" if ground != "none" else "",
        pos=f"{ball}_pos",
        vel=f"{ball}_vel",
        spin=f"spin = {ball}_spin[tid]" if spin != "none" else "",
        mass=f"mass = {ball}_mass[tid]" if masses else "",
        stages=stages[scheme],
        touch=touch[ground],
        decay="# Spin decay due to skin friction\nspin_out[tid] = spin * wp.exp(-spin_decay * dt)"
        if spin == "decaying"
        else "",
    )
    more = ["Magnus lift"] * (spin != "none") + ["the Coriolis acceleration"] * (earth == "coriolis")
    whose = "the velocity u" if wind == "none" else "the velocity u relative to the air"
    d.explain(
        f"m a = m g - rho A cd |u| u / 2 with {whose}"
        + "".join(f", plus {term}" for term in more)
        + ". One thread per projectile. Positions in m, z up"
        + (", x east and y north." if earth == "coriolis" else ".")
        + (" Air density decreases with altitude." if air != "constant" else "")
        + (" Wind follows a power-law height profile." if wind == "power law" else "")
    )

    def rate(v: Values, pos: Any, vel: Any) -> Any:
        u = vel
        if wind != "none":
            profile = (
                1.0 if wind == "uniform" else (np.maximum(pos[:, 2:], 0.1) / v.wind_height) ** v.wind_exponent
            )
            u = vel - profile * np.append(v.wind, 0.0)
        speed = np.linalg.norm(u, axis=1, keepdims=True)
        z = pos[:, 2:]
        rho = (
            v.air_density
            * {
                "constant": 1.0,
                "exponential": np.exp(-z / 8500.0),
                "standard": (1.0 - 0.0065 / 288.15 * z) ** 4.2559,
            }[air]
        )
        cd = v.cd0
        if drag == "mach":
            cd = cd + v.cd_rise / (1.0 + np.exp(-(speed / v.sound_speed - 1.0) / v.mach_width))
        elif drag == "crisis":
            cd = cd - v.cd_drop / (1.0 + np.exp(-(speed - v.critical_speed) / v.crisis_width))
        mass = np.reshape(v[f"{ball}_mass"], (-1, 1))
        push = 0.5 * rho * np.pi * v[f"{ball}_radius"] ** 2 / mass
        acc = np.array([0.0, 0.0, -9.80665]) - push * cd * speed * u
        if spin != "none":
            n = np.cross(v[f"{ball}_spin"], u)
            s = np.linalg.norm(n, axis=1, keepdims=True) * v[f"{ball}_radius"] / speed**2
            acc += (
                push * v.lift_slope * s / (1.0 + s) * speed**2 * n / np.linalg.norm(n, axis=1, keepdims=True)
            )
        if earth == "coriolis":
            acc -= 2.0 * np.cross(7.292e-5 * np.array([0.0, np.cos(v.latitude), np.sin(v.latitude)]), vel)
        return acc

    def reference(v: Values) -> dict[str, Any]:
        y = np.concatenate([v[f"{ball}_pos"], v[f"{ball}_vel"]], axis=1)

        def f(s: Any) -> Any:
            return np.concatenate([s[:, 3:], rate(v, s[:, :3], s[:, 3:])], axis=1)

        h = v.dt
        k1 = f(y)
        if scheme == "heun":
            new = y + 0.5 * h * (k1 + f(y + h * k1))
        elif scheme == "kutta 3":
            k2 = f(y + 0.5 * h * k1)
            new = y + h / 6.0 * (k1 + 4.0 * k2 + f(y + h * (2.0 * k2 - k1)))
        else:
            k2 = f(y + 0.5 * h * k1)
            k3 = f(y + 0.5 * h * k2)
            new = y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + f(y + h * k3))
        below = new[:, 2] <= 0.0
        made: dict[str, Any] = {}
        rests = np.zeros(count, bool)
        if ground == "stop":
            part = (y[:, 2] / (y[:, 2] - new[:, 2]))[:, None]
            fallen = np.concatenate([y[:, :3] + part * (new[:, :3] - y[:, :3]), 0.0 * y[:, 3:]], axis=1)
            new, rests = np.where(below[:, None], fallen, new), below
        elif ground == "bounce":
            g = 1.0 - v.tangential_loss
            back = new * np.array([1, 1, -v.restitution, g, g, -v.restitution])
            new = np.where(below[:, None], back, new)
            rests = below & (np.linalg.norm(new[:, 3:], axis=1) < 0.5)
            new[rests, 2:] = 0.0
        if ground != "none":
            still = np.concatenate([y[:, :3], 0.0 * y[:, 3:]], axis=1)
            new = np.where(v.stopped[:, None].astype(bool), still, new)
            made["stopped_out"] = rests | v.stopped.astype(bool)
        if spin == "decaying":
            slow = v[f"{ball}_spin"] * np.exp(-v.spin_decay * h)
            rested = v.stopped.astype(bool)[:, None] if ground != "none" else False
            made["spin_out"] = np.where(rested, 0.0, slow)
        return made | {"pos_out": new[:, :3], "vel_out": new[:, 3:]}

    d.check(reference, 5e-4)
