"""What of a body's motion is rigid: momenta, frames and damping, a block of threads for each body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.simulation import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Muller et al. 2007, sec. 3.5 (damping); Muller et al. 2005 (shape matching); Goldstein 1980, ch. 5; Lichtenstein 1973",
    names={
        "positions": "x|points|particle_x",
        "velocities": "v|point_v|particle_v",
        "masses": "m|particle_mass|point_mass",
        "middle": "x_cm|com|mass_center",
        "drift": "v_cm|mean_velocity|bulk_v",
        "arm": "r|lever|offset",
        "spin": "omega|angular_velocity|w",
        "angular_momentum": "l|ang_mom",
        "tensor": "inertia|i_mat|inertia_tensor",
        "damping": "k_damping|damping_share|damping_ratio",
        "body": "body_id|cluster|b",
        "PARTICLES": "N|POINTS|NUM_PARTICLES",
    },
    adjoint="yes",
    weight=14,
)
def rigid_modes(d: Draft) -> None:
    """Parts the motion of each body's particles into what is rigid and what deforms it."""
    result = d.option("result", "damped", "spin", "rigid velocities", "energy", "stirred", "acceleration")
    weights = d.option("masses", "given", "volume", "equal")
    about_ = d.option("about", "mass center", "pivot")
    regular = d.flag("regularized", 0.5)
    moved = d.flag("moved", 0.35) and result in ("damped", "stirred")
    bodies, count = d.pick(3, 4), d.pick(8, 12, 16)
    even = weights == "equal"
    # Equal masses cancel, unless something that has units of mass meets them
    unit = even and not regular and result not in ("energy", "stirred")
    d.module(f"PARTICLES = wp.constant({count})")
    d.input("positions", "vec3", (bodies, count), -1.0, 1.0, about="particle positions")
    d.input("velocities", "vec3", (bodies, count), -1.0, 1.0, about="particle velocities")
    if weights == "given":
        d.input("masses", "float", (bodies, count), 0.5, 1.5, about="particle masses")
    elif weights == "volume":
        d.input("volumes", "float", (bodies, count), 0.5, 1.5, about="particle volumes")
        d.param("density", "float", 0.8, 1.5, about="material density")
    elif not unit:
        d.param("mass_each", "float", 0.5, 1.5, about="particle mass")
    if about_ == "pivot":
        d.input("pivots", "vec3", bodies, -0.3, 0.3, about="per-body pivot point")
    if result == "damped":
        d.param("damping", "float", 0.2, 0.9, about="damping factor in [0, 1] for the non-rigid motion")
    if result == "stirred":
        d.input("torques", "vec3", bodies, -1.0, 1.0, about="per-body torques")
    if result in ("stirred",) or moved:
        d.param("dt", "float", 0.01, 0.05, about="time step")
    if regular:
        d.param(
            "least_inertia",
            "float",
            0.05,
            0.3,
            about="inertia regularization, so that flat and straight bodies stay invertible",
        )
    name, type_, shape, about = {
        "damped": ("damped_v", "vec3", (bodies, count), "damped velocities"),
        "spin": ("spins", "vec3", (bodies,), "per-body angular velocities"),
        "rigid velocities": (
            "rigid_v",
            "vec3",
            (bodies, count),
            "rigid-body velocities",
        ),
        "energy": ("energies", "float", (bodies,), "per-body kinetic energy of the non-rigid motion"),
        "stirred": ("next_v", "vec3", (bodies, count), "updated velocities"),
        "acceleration": (
            "accelerations",
            "vec3",
            (bodies, count),
            "rigid-body centripetal accelerations",
        ),
    }[result]
    d.output(name, type_, shape, about=about)
    if moved:
        d.output("next_x", "vec3", (bodies, count), about="updated positions")
    pinned = about_ == "pivot"
    kept = "angular momentum" if pinned else "linear and angular momentum"
    d.says(
        {
            "damped": "Damps particle velocities towards the best-fit rigid motion per body"
            if regular
            else f"Damps non-rigid motion per body, preserving {kept}",
            "spin": "Computes per-body angular velocities from particle velocities",
            "rigid velocities": "Projects particle velocities onto rigid-body motion, one body per tile",
            "energy": "Computes the non-rigid kinetic energy of each particle body",
            "stirred": "Applies torques to particle bodies as rigid velocity changes",
            "acceleration": "Computes rigid-body centripetal accelerations for particle bodies",
        }[result]
        + (", and advances the positions." if moved else ".")
    )
    d.calls({
        "damped": "damp_deformation|damp_velocities|damp_vibrations",
        "spin": "angular_velocities|body_angular_velocity|fit_spin",
        "rigid velocities": "rigid_part|project_rigid_motion|rigidify_velocities",
        "energy": "deformation_energy|vibration_energy|nonrigid_energy",
        "stirred": "apply_torques|spin_up_bodies|apply_body_torques",
        "acceleration": "centripetal_acceleration|rotation_acceleration|centripetal_terms",
    }[result])  # fmt: skip
    if not pinned:
        if even:
            d.function(
                "@wp.func\ndef mean_of(total: wp.vec3) -> wp.vec3:\n    return total / float(PARTICLES)"
            )
        else:
            d.function("@wp.func\ndef scaled(x: wp.vec3, m: float) -> wp.vec3:\n    return m * x")
            d.function(
                "@wp.func\ndef per_mass(weighted: wp.vec3, mass: float) -> wp.vec3:\n    return weighted / mass"
            )
    m_typed, m_given, m_times = (
        ("", "", "") if unit else (", m: float", ", mass_each" if even else ", m", "m * ")
    )
    alone = " (unit mass)" if unit else ""
    if result != "stirred":
        d.function(f'''
            @wp.func
            def angular_momentum_of(arm: wp.vec3, v: wp.vec3{m_typed}) -> wp.vec3:
                """Particle angular momentum{alone}."""
                return wp.cross(arm, {m_times}v)
        ''')
    tensor_of = "wp.dot(arm, arm) * wp.identity(n=3, dtype=float) - wp.outer(arm, arm)"
    tensor_of = tensor_of if unit else f"m * ({tensor_of})"
    d.function(f'''
        @wp.func
        def inertia_of(arm: wp.vec3{m_typed}) -> wp.mat33:
            """Point inertia tensor{alone}."""
            return {tensor_of}
    ''')
    momentum, told = (
        "angular_momentum",
        "Angular velocity for a given angular momentum.",
    )
    if result == "stirred":
        momentum, told = "angular_impulse", "Angular velocity change for an angular impulse."
    d.function(f'''
        @wp.func
        def spin_of(tensor: wp.mat33, {momentum}: wp.vec3) -> wp.vec3:
            """{told}"""
            return wp.inverse(tensor) * {momentum}
    ''')
    spun = result != "stirred"
    mass = {
        "given": "m = wp.tile_load(masses[body], shape=PARTICLES)",
        "volume": "m = density * wp.tile_load(volumes[body], shape=PARTICLES)",
        "equal": "# Equal masses cancel out" if unit else "",
    }[weights]
    centre = "pivot" if pinned else "middle"
    wide = "wp.tile_broadcast({}, shape=(PARTICLES,))".format
    middle = (
        (
            "middle = wp.tile_map(mean_of, wp.tile_sum(x, axis=0))"
            if even
            else "middle = wp.tile_map(per_mass, wp.tile_sum(wp.tile_map(scaled, x, m), axis=0), mass)"
        )
        if about_ == "mass center"
        else "# Rotate about the fixed pivot\npivot = wp.tile_load(pivots, shape=1, offset=body)"
        if spun
        else "pivot = wp.tile_load(pivots, shape=1, offset=body)"
    )
    drift = (
        ""
        if pinned
        else "drift = wp.tile_map(mean_of, wp.tile_sum(v, axis=0))"
        if even
        else "drift = wp.tile_map(per_mass, wp.tile_sum(wp.tile_map(scaled, v, m), axis=0), mass)"
    )
    arm_v = "v" if pinned else "relative_v"
    loose = "" if pinned else f"relative_v = v - {wide('drift')}"
    tensor = f"tensor = wp.tile_sum(wp.tile_map(inertia_of, arm{m_given}), axis=0)"
    inverse = "tensor"
    if regular:
        d.function("""
            @wp.func
            def regularized(tensor: wp.mat33, least: float) -> wp.mat33:
                return tensor + least * wp.identity(n=3, dtype=float)
        """)
        tensor += "\ninvertible = wp.tile_map(regularized, tensor, least_inertia)"
        inverse = "invertible"
    turned = "rigid_at" if not pinned else "turned_at"
    if result in ("damped", "rigid velocities", "energy"):
        if pinned:
            d.function(
                "@wp.func\ndef turned_at(arm: wp.vec3, spin: wp.vec3) -> wp.vec3:\n    return wp.cross(spin, arm)"
            )
        else:
            d.function("""
                @wp.func
                def rigid_at(arm: wp.vec3, drift: wp.vec3, spin: wp.vec3) -> wp.vec3:
                    return drift + wp.cross(spin, arm)
            """)
    if result == "energy":
        d.function("@wp.func\ndef kinetic(v: wp.vec3, m: float) -> float:\n    return 0.5 * m * wp.dot(v, v)")
    elif result == "stirred":
        d.function('''
            @wp.func
            def turned_by(v: wp.vec3, arm: wp.vec3, change: wp.vec3) -> wp.vec3:
                """Particle velocity after a change in angular velocity."""
                return v + wp.cross(change, arm)
        ''')
    elif result == "acceleration":
        d.function("""
            @wp.func
            def centripetal(arm: wp.vec3, spin: wp.vec3) -> wp.vec3:
                return wp.cross(spin, wp.cross(spin, arm))
        """)
    field = f"rigid = wp.tile_map({turned}, arm, {'' if pinned else wide('drift') + ', '}{wide('spin')})"
    spin = (
        f"angular_momentum = wp.tile_sum(wp.tile_map(angular_momentum_of, arm, $v{m_given}), axis=0)\n"
        f"spin = wp.tile_map(spin_of, {inverse}, angular_momentum)"
    ).replace("$v", arm_v)
    end = {
        "damped": f"{field}\nafter = v + damping * (rigid - v)\nwp.tile_store(damped_v[body], after)",
        "spin": "wp.tile_store(spins, spin, offset=body)",
        "rigid velocities": f"{field}\nwp.tile_store(rigid_v[body], rigid)",
        "energy": f"{field}\nwp.tile_store(energies, wp.tile_sum(wp.tile_map(kinetic, v - rigid{m_given}), axis=0), offset=body)",
        "stirred": f"push = dt * wp.tile_load(torques, shape=1, offset=body)\n"
        f"change = wp.tile_map(spin_of, {inverse}, push)\n"
        f"after = wp.tile_map(turned_by, v, arm, {wide('change')})\n"
        "wp.tile_store(next_v[body], after)",
        "acceleration": f"wp.tile_store(accelerations[body], wp.tile_map(centripetal, arm, {wide('spin')}))",
    }[result]
    if moved:
        end += "\nwp.tile_store(next_x[body], x + dt * after)"
    needs_mass = about_ == "mass center" and not even
    d.launch(bodies, tiled=True)
    d.code(
        f"""
        body = wp.tid()
        x = wp.tile_load(positions[body], shape=PARTICLES)
        v = wp.tile_load(velocities[body], shape=PARTICLES)
        $mass
        $total
        $middle
        arm = x - {wide(centre)}
        $drift
        $tensor
        $spin
        $end
        """,
        mass=mass,
        total="mass = wp.tile_sum(m, axis=0)" if needs_mass else "",
        middle=middle,
        drift=f"{drift}\n{loose}".strip() if spun else "",
        tensor=tensor,
        spin=spin if spun else "",
        end=end,
    )
    inertia = ("I = sum (r^2 1 - r r^T)" if unit else "I = sum m (r^2 1 - r r^T)") + (
        " + least_inertia 1" if regular else ""
    )
    d.explain(
        (
            f"L = sum {'' if unit else 'm '}r x v, {inertia}, omega = I^-1 L"
            if spun
            else f"{inertia}, delta omega = dt I^-1 tau"
        )
        + ", with r from the "
        + (
            "pivot."
            if pinned
            else "mass center, and v relative to the mass center velocity."
            if spun
            else "mass center."
        )
    )

    def reference(v: Values) -> Mapping[str, Any]:
        m = {"given": lambda: v.masses, "volume": lambda: v.density * v.volumes, "equal": lambda: v.get("mass_each", 1.0) * np.ones((bodies, count))}[weights]()  # fmt: skip
        x, u = v.positions, v.velocities
        w = m[..., None] / m.sum(1)[:, None, None]
        c = v.pivots[:, None] if pinned else (w * x).sum(1, keepdims=True)
        vc = np.zeros((bodies, 1, 3)) if pinned else (w * u).sum(1, keepdims=True)
        r = x - c
        i = np.einsum("bp,bp->b", m, (r**2).sum(2))[:, None, None] * np.eye(3) - np.einsum(
            "bp,bpi,bpj->bij", m, r, r
        )
        i = i + (v.least_inertia if regular else 0.0) * np.eye(3)
        omega = np.linalg.solve(i, np.cross(r, m[..., None] * (u - vc)).sum(1)[..., None])[..., 0]
        rigid = vc + np.cross(omega[:, None], r)
        if result == "stirred":
            after = u + np.cross(np.linalg.solve(i, v.dt * v.torques[..., None])[..., 0][:, None], r)
        else:
            after = u + v.get("damping", 0.0) * (rigid - u)
        found = {
            "damped": after,
            "stirred": after,
            "spin": omega,
            "rigid velocities": rigid,
            "energy": 0.5 * (m[..., None] * (u - rigid) ** 2).sum((1, 2)),
            "acceleration": np.cross(omega[:, None], np.cross(omega[:, None], r)),
        }[result]
        return {name: found} | ({"next_x": x + v.dt * after} if moved else {})

    d.check(reference, 2e-3)
