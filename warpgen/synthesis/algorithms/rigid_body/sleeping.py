"""Which bodies and islands rest: motion, timers and what wakes them up."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rigid_body import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_MOTION = {
    "speeds": """
        # Both linear and angular speed must be low
        speed = $speed
        spin = wp.length(omega)
        still = speed < linear_threshold and spin < angular_threshold
    """,
    "energy": """
        # Kinetic energy per unit mass, using the bounding radius for the angular part
        reach = body_radius[body]
        motion = 0.5 * ($square + reach * reach * wp.length_sq(omega))
        still = motion < energy_threshold
    """,
    "filtered": """
        # Low-pass filter the motion, since bodies momentarily stop at turning points
        motion = $square + wp.length_sq(omega)
        filtered = filter_bias * mean_motion[body] + (1.0 - filter_bias) * motion
        # Cap the motion so that bodies can settle soon after moving fast
        filtered = wp.min(filtered, MOTION_CAP * motion_threshold)
        mean_motion[body] = filtered
        still = filtered < motion_threshold
    """,
}


@DOMAIN.algorithm(
    source="Millington 2010, ch. 13 (sleep of bodies); Catto, Box2D (islands and sleep); Coumans, Bullet",
    names={
        "update_sleep": "update_sleep_states|update_sleep_timers|island_sleep|track_sleep",
        "body_vel": "body_v",
        "body_omega": "body_w",
        "body_island": "island_id|island_index|group",
        "island_asleep": "may_sleep",
        "sleep_timer": "rest_timer",
        "sleep_delay": "rest_delay",
        "body_flags": "flags|body_state",
        "energy_threshold": "sleep_energy",
        "still": "resting|is_still",
    },
    adjoint="no",
    weight=3,
)
def update_sleep(d: Draft) -> None:
    """Advances body sleep timers and keeps islands with a moving body awake."""
    motion = d.option("motion", *_MOTION)
    wake = d.option("wake", "none", "contacts", "forces")
    word = d.option("islands", "bits", "array")
    kinematic = d.option("kinematic", "none", "flag", "fixed")
    timer = d.option("timer", "seconds", "frames")
    gravity = d.flag("gravity", 0.4)
    bodies, islands = d.pick(32, 48, 64), d.pick(24, 40)
    words = (islands + 31) // 32
    fast = 0.07 if motion == "speeds" else 0.05
    d.input("body_vel", "vec3", bodies, -fast, fast, about="Velocities [m/s]")
    d.input("body_omega", "vec3", bodies, -fast, fast, about="Angular velocities [rad/s]")
    first = 0 if kinematic == "fixed" else -1
    about = "Island index per body" + ("" if kinematic == "fixed" else ", -1 for fixed bodies")
    d.input("body_island", "int", bodies, first, islands, about=about)
    if motion == "energy":
        d.input("body_radius", "float", bodies, 0.2, 1.0, about="Bounding radii [m]")
    elif motion == "filtered":
        d.module("MOTION_CAP = wp.constant(3.0)  # in thresholds")
        d.inout("mean_motion", "float", bodies, 0.0, 0.024, about="Filtered motion, updated in place")
        d.param("filter_bias", "float", 0.5, 0.9, about="Filter weight of the previous value")
    if motion == "speeds":
        d.param("linear_threshold", "float", 0.06, 0.12, about="Linear sleep threshold [m/s]")
        d.param("angular_threshold", "float", 0.06, 0.12, about="Angular sleep threshold [rad/s]")
    else:
        low = 0.0015 if motion == "energy" else 0.004
        limit = "energy_threshold" if motion == "energy" else "motion_threshold"
        unit_ = "[m^2/s^2]" if motion == "energy" else "(squared speeds)"
        d.param(limit, "float", low, 2.0 * low, about=f"Sleep threshold for the motion {unit_}")
    if wake == "contacts":
        d.mask("new_contacts", "int", bodies, rare=True, about="Number of new contacts")
    elif wake == "forces":
        d.input("body_force", "vec3", bodies, -0.5, 0.5, about="External forces [N]")
        d.param("wake_force", "float", 0.3, 0.6, about="Wake-up force threshold [N]")
    if kinematic == "flag":
        d.input("body_flags", "int", bodies, 0, 8, about="Body flags; bit 1 marks kinematic bodies")
        d.module("FLAG_KINEMATIC = wp.constant(2)")
    elif kinematic == "fixed":
        d.mask("is_fixed", "bool", bodies, rare=True, about="True for fixed bodies")
    if gravity:
        d.param("gravity_step", "float", 0.005, 0.02, about="Velocity added by gravity per step [m/s]")
    if timer == "seconds":
        d.param("dt", "float", 0.01, 0.02, about="Time step [s]")
        d.param("sleep_delay", "float", 0.3, 0.6, about="Time at rest before sleeping [s]")
        d.inout("sleep_timer", "float", bodies, 0.0, 2.0, about="Time at rest [s]")
    else:
        d.param("sleep_delay", "int", 20, 30, about="Steps at rest before sleeping")
        d.inout("sleep_timer", "int", bodies, 0, 120, about="Steps at rest")
    if word == "bits":
        d.inout(
            "island_asleep",
            "int",
            words,
            0,
            value=-1,
            about="Island bit mask; bits stay set for islands that may sleep",
        )
    else:
        d.inout("island_asleep", "int", islands, 0, value=1, about="1 if the island may sleep")
    fixed = {
        "none": "",
        "flag": "# Skip kinematic bodies, which neither sleep nor keep others awake\nif (body_flags[body] & FLAG_KINEMATIC) != 0:\n    return",
        "fixed": "# Skip fixed bodies, which neither sleep nor keep others awake\nif is_fixed[body]:\n    return",
    }
    rouse = {
        "none": "",
        "contacts": "# New contacts wake the body up\nstill = still and new_contacts[body] == 0",
        "forces": "# External forces wake the body up\nstill = still and wp.length(body_force[body]) <= wake_force",
    }
    unit = "dt" if timer == "seconds" else "1"
    none = "0.0" if timer == "seconds" else "0"
    clear = {
        "bits": "# Clear the island bit; atomic because other threads may do the same\n"
        "wp.atomic_and(island_asleep, island // 32, ~(1 << (island % 32)))",
        "array": "# Benign race: all threads write the same value\nisland_asleep[island] = 0",
    }
    d.launch(bodies)
    d.code(
        """
        body = wp.tid()
        $fixed
        island = body_island[body]
        $alone
        vel = body_vel[body]
        omega = body_omega[body]
        $gravity
        $motion
        $rouse

        timer = wp.where(still, sleep_timer[body] + $unit, $none)
        sleep_timer[body] = timer

        # A single awake body keeps its island awake
        if timer < sleep_delay:
            $clear
        """,
        fixed=fixed[kinematic],
        gravity="# Resting bodies still gain one step of gravity before contacts cancel it\n"
        "speed = wp.max(wp.length(vel) - gravity_step, 0.0)"
        if gravity
        else "",
        motion=_MOTION[motion].replace(
            "        speed = $speed\n", "" if gravity else "        speed = wp.length(vel)\n"
        ),
        square="speed * speed" if gravity else "wp.length_sq(vel)",
        rouse=rouse[wake],
        unit=unit,
        none=none,
        clear=clear[word],
        alone=""
        if kinematic == "fixed"
        else "# Fixed bodies belong to no island\nif island < 0:\n    return",
    )
    d.explain("""
        Bodies may sleep after resting for some time, but islands only sleep as a whole. Island flags must be
        set before the launch; the kernel clears them.
    """)

    def reference(v: Values) -> dict[str, Any]:
        timers, asleep = v.sleep_timer.copy(), v.island_asleep.copy()
        mean = v.mean_motion.copy() if motion == "filtered" else np.zeros(bodies)
        for b in range(bodies):
            island = int(v.body_island[b])
            if (
                island < 0
                or (kinematic == "flag" and v.body_flags[b] & 2)
                or (kinematic == "fixed" and v.is_fixed[b])
            ):
                continue
            vel, w = v.body_vel[b], v.body_omega[b]
            if gravity:
                size = np.linalg.norm(vel)
                vel = vel * max(size - v.gravity_step, 0.0) / size
            if motion == "speeds":
                still = np.linalg.norm(vel) < v.linear_threshold and np.linalg.norm(w) < v.angular_threshold
            elif motion == "energy":
                still = 0.5 * (vel @ vel + v.body_radius[b] ** 2 * w @ w) < v.energy_threshold
            else:
                now = v.filter_bias * mean[b] + (1.0 - v.filter_bias) * (vel @ vel + w @ w)
                mean[b] = min(now, 3.0 * v.motion_threshold)
                still = mean[b] < v.motion_threshold
            if (wake == "contacts" and v.new_contacts[b] > 0) or (
                wake == "forces" and np.linalg.norm(v.body_force[b]) > v.wake_force
            ):
                still = False
            timers[b] = timers[b] + (v.dt if timer == "seconds" else 1) if still else 0
            if timers[b] < v.sleep_delay:
                if word == "bits":
                    asleep[island // 32] = int(np.int32(asleep[island // 32]) & np.int32(~(1 << island % 32)))
                else:
                    asleep[island] = 0
        made: dict[str, Any] = {"sleep_timer": timers, "island_asleep": asleep}
        if motion == "filtered":
            made["mean_motion"] = mean
        return made

    d.check(reference, 1e-3)
