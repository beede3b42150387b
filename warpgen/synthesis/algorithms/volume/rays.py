"""Along rays and paths: what light gathers in a volume, and where flow takes points."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.volume import DOMAIN
from warpgen.synthesis.algorithms.volume.sampling import NAMES, sample
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Max 1995, Optical Models for Direct Volume Rendering; Levoy 1988",
    names=NAMES
    | {
        "origins": "ray_origins|ray_o|start",
        "dirs": "ray_dirs|rays_d|directions",
        "transmittance": "trans|T|throughput",
        "density": "rho|local_density",
        "radiance": "light_out|pixels",
        "num_steps": "steps|max_steps|n_samples",
        "dt": "step|ds|step_size",
    },
    adjoint="no",
    element="ray",
    weight=3,
)
def march_volume(d: Draft) -> None:
    """Integrates emission and absorption along rays through a density volume."""
    model = d.option("model", "emission", "colour", "transmittance", "maximum", "average")
    stop = d.flag("early") if model in ("emission", "colour") else False
    jitter = d.flag("jitter", 0.35)
    entry = d.option("entry", "box", "none")
    m = d.pick(32, 48, 64)
    steps = d.pick(8, 12, 16)
    d.says(
        {
            "emission": "Integrates emission and absorption along rays through a density volume.",
            "colour": "Renders a density volume with a color transfer function.",
            "transmittance": "Computes the transmittance along rays through a density volume.",
            "maximum": "Computes the maximum volume value along each ray.",
            "average": "Computes the mean volume value along each ray.",
        }[model]
    )
    d.calls({
        "emission": "march_volume|raymarch_volume|volume_render",
        "colour": "volume_render|render_colors|render_transfer_function",
        "transmittance": "ray_transmittance|transmittance_along_rays|march_absorption",
        "maximum": "maximum_projection|max_along_rays|mip_render",
        "average": "mean_along_rays|average_along_rays|average_projection",
    }[model])  # fmt: skip
    n, size = d.pick(6, 8), d.pick(0.5, 1.0)
    d.handle("volume", "volume", (n, n, n), of="float32", value=size, low=0.0, high=1.0, about="Volume id")
    d.input("origins", "vec3", m, 0.5, (n - 2) * size, about="Ray origins")
    d.input("dirs", "vec3", m, kind="unit", about="Unit ray directions")
    if jitter:
        d.input("jitter", "float", m, about="Per-ray offset of the first sample in [0, 1)")
    d.param("dt", "float", 0.1, 0.2, about="Step length")
    d.param("num_steps", "int", steps, about="Number of samples per ray")
    if model in ("emission", "colour", "transmittance"):
        d.param("absorption", "float", *((3.0, 8.0) if stop else (0.5, 2.0)), about="Absorption coefficient")
    if model == "emission":
        d.param("emission", "float", 0.5, 2.0, about="Emitted radiance")
    if model == "colour":
        d.param("cold", "vec3", 0.0, 0.5, about="Color at zero density")
        d.param("hot", "vec3", 0.5, 1.0, about="Color at unit density")
    upper = (n - 1) * size
    if entry == "box":
        d.param(
            "upper",
            "vec3",
            upper,
            about="Upper corner of the volume bounds, with the lower corner at the origin",
        )
    kind = "vec4" if model == "colour" else "float"
    out, about = {
        "emission": ("radiance", "Integrated radiance"),
        "colour": ("rgba", "Premultiplied RGBA colors"),
        "transmittance": ("passed", "Transmittance in [0, 1]"),
        "maximum": ("maxima", "Maximum values"),
        "average": ("means", "Mean values"),
    }[model]
    value = "value" if model in ("maximum", "average") else "density"
    d.output(out, kind, m, about=about)
    lines = ["tid = wp.tid()", "origin = origins[tid]", "ray_dir = dirs[tid]"]
    lines += {
        "emission": ["light = float(0.0)", "transmittance = float(1.0)"],
        "colour": ["rgb = wp.vec3()", "transmittance = float(1.0)"],
        "transmittance": ["column_density = float(0.0)"],
        "maximum": ["highest = float(-wp.inf)"],
        "average": ["value_sum = float(0.0)"] + (["samples = float(0.0)"] if entry == "box" else []),
    }[model]
    lines.append("for k in range(num_steps):")
    t = "(float(k) + jitter[tid]) * dt" if jitter else "(float(k) + 0.5) * dt"
    lines.append(f"    p = origin + {t} * ray_dir")
    if entry == "box":
        lines += [
            "    if wp.min(p) < 0.0 or wp.min(upper - p) < 0.0:",
            "        # Rays never re-enter the convex box",
            "        break",
        ]
    lines += [
        "    uvw = wp.volume_world_to_index(volume, p)",
        f"    {value} = wp.volume_sample_f(volume, uvw, wp.Volume.LINEAR)",
    ]
    lines += {
        "emission": [
            "    absorbed = 1.0 - wp.exp(-absorption * density * dt)",
            "    light += transmittance * absorbed * emission",
            "    transmittance *= 1.0 - absorbed",
        ],
        "colour": [
            "    alpha = 1.0 - wp.exp(-absorption * density * dt)",
            "    # Front-to-back compositing with premultiplied colors",
            "    rgb += transmittance * alpha * wp.lerp(cold, hot, density)",
            "    transmittance *= 1.0 - alpha",
        ],
        "transmittance": ["    column_density += density * dt"],
        "maximum": ["    highest = wp.max(highest, value)"],
        "average": ["    value_sum += value"] + (["    samples += 1.0"] if entry == "box" else []),
    }[model]
    if stop:
        d.module("MIN_TRANSMITTANCE = wp.constant(0.1)  # early termination threshold")
        lines += [
            "    if transmittance < MIN_TRANSMITTANCE:",
            "        # Early termination when most of the light is absorbed",
            "        break",
        ]
    lines += {
        "emission": ["radiance[tid] = light"],
        "colour": ["rgba[tid] = wp.vec4(rgb[0], rgb[1], rgb[2], 1.0 - transmittance)"],
        "transmittance": ["passed[tid] = wp.exp(-absorption * column_density)"],
        "maximum": ["maxima[tid] = highest"],
        "average": [
            "means[tid] = value_sum / " + ("wp.max(samples, 1.0)" if entry == "box" else "float(num_steps)")
        ],
    }[model]
    d.launch(m)
    d.code("\n".join(lines))
    told = {
        "colour": "Densities in [0, 1] map to colors between `cold` and `hot`.",
        "emission": "dL/ds = sigma (emission - L), with sigma = absorption times density, solved exactly within each step.",
    }.get(model, "")
    ends = (
        "Rays are clipped to the volume bounds."
        if entry == "box"
        else "Samples outside the volume return the background value, zero."
    )
    dark = "Rays terminate when the transmittance drops below MIN_TRANSMITTANCE." if stop else ""
    d.explain("\n".join(filter(None, (told, ends, dark))))

    def holds(before: Values, after: Values) -> None:
        v = before
        k = np.arange(steps)[None, :]
        t = (k + (v.jitter[:, None] if jitter else 0.5)) * v.dt
        p = v.origins[:, None] + t[..., None] * v.dirs[:, None]
        density = sample(v.volume, p / v.volume.size)[..., 0]
        active = np.ones((m, steps), bool)
        sure = np.ones(m, bool)
        if entry == "box":
            margin = np.minimum(p, v.upper - p).min(-1)
            active = np.cumprod(margin >= 0, axis=1).astype(bool)
            sure &= (abs(margin) > 1e-4).all(1)
        count = active.sum(1)
        density = np.where(active, density, 0.0)
        if model == "maximum":
            found = np.where(active, density, -np.inf).max(1)
        elif model == "average":
            found = density.sum(1) / np.maximum(count, 1)
        elif model == "transmittance":
            found = np.exp(-v.absorption * density.sum(1) * v.dt)
        else:
            passed = np.exp(-v.absorption * v.dt * np.cumsum(density, axis=1))
            before_ = np.concatenate([np.ones((m, 1)), passed[:, :-1]], 1)
            seen = before_ - passed
            if stop:
                dark = before_ < 0.1
                sure &= (abs(passed - 0.1) > 1e-4).all(1)
                seen = np.where(dark, 0.0, seen)
            if model == "emission":
                found = v.emission * seen.sum(1)
            else:
                colour = v.cold + density[..., None] * (v.hot - v.cold)
                found = np.concatenate([(seen[..., None] * colour).sum(1), seen.sum(1)[:, None]], -1)
        np.testing.assert_allclose(after[out][sure], found[sure], atol=1e-3)
        assert sure.any()

    d.holds(holds)


@DOMAIN.algorithm(
    source="Hairer, Norsett & Wanner 1993 (Runge-Kutta); Stam 1999 (semi-Lagrangian)",
    names=NAMES
    | {
        "advect_in_volume": "advect_points|trace_particles|integrate_velocity|move_particles",
        "moved": "x_new|positions_out|advected",
        "dt": "time_step|h|delta_t",
    },
    element="point",
    weight=7,
)
def advect_in_volume(d: Draft) -> None:
    """Advects points through a velocity volume using one Runge-Kutta step."""
    scheme = d.option("scheme", "euler", "midpoint", "heun", "ralston", "rk4")
    direction = d.option("direction", "forward", "backward")
    style = d.option("style", "function", "inline")
    give = d.option("give", "position", "density") if direction == "backward" else "position"
    if give == "density":
        d.calls("advect_density|semi_lagrangian_density|advect_volume")
    elif direction == "backward":
        d.calls("backtrace_points|trace_back|backtrace_particles")
    m = d.pick(48, 64, 96)
    n, size = d.pick(7, 8), d.pick(0.5, 1.0)
    by = {
        "euler": "Euler's method",
        "midpoint": "the midpoint method",
        "heun": "Heun's method",
        "ralston": "Ralston's method",
        "rk4": "the classical Runge-Kutta method",
    }[scheme]
    d.says(f"Advects points through a velocity volume using one step of {by}.")
    if give == "density":
        d.says(f"Performs semi-Lagrangian advection of a density volume, backtracing with {by}.")
    elif direction == "backward":
        d.says(f"Backtraces points through a velocity volume using one step of {by}.")
    d.handle(
        "velocity",
        "volume",
        (n, n, n),
        of="vec3f",
        value=size,
        low=-1.0,
        high=1.0,
        about="Velocity volume, in world units",
    )
    if give == "density":
        d.handle(
            "density",
            "volume",
            (n, n, n),
            of="float32",
            value=size,
            low=0.0,
            high=1.0,
            about="Advected density volume",
        )
    d.input(
        "x",
        "vec3",
        m,
        1.5 * size,
        (n - 2.6) * size,
        about="World-space points" + (" at the end of the step" if direction == "backward" else ""),
    )
    d.param("dt", "float", 0.1, 0.4, about="Time step")
    if give == "density":
        d.output("density_new", "float", m, about="Advected densities")
    else:
        d.output(
            "moved",
            "vec3",
            m,
            about="Advected points" if direction == "forward" else "Backtraced departure points",
        )
    if style == "function":
        d.function("""
            @wp.func
            def velocity_at(velocity: wp.uint64, p: wp.vec3) -> wp.vec3:
                return wp.volume_sample_v(velocity, wp.volume_world_to_index(velocity, p), wp.Volume.LINEAR)
        """)

    lines = ["tid = wp.tid()", "p = x[tid]"]
    sign = "+" if direction == "forward" else "-"

    def stage(name: str, at: str) -> None:
        if style == "function":
            lines.append(f"{name} = velocity_at(velocity, {at})")
        else:
            lines.append(f"uvw = wp.volume_world_to_index(velocity, {at})")
            lines.append(f"{name} = wp.volume_sample_v(velocity, uvw, wp.Volume.LINEAR)")

    stage("v" if scheme == "euler" else "v1", "p")
    if scheme == "euler":
        step = "dt * v"
    elif scheme == "midpoint":
        stage("v2", f"p {sign} 0.5 * dt * v1")
        step = "dt * v2"
    elif scheme == "heun":
        stage("v2", f"p {sign} dt * v1")
        step = "0.5 * dt * (v1 + v2)"
    elif scheme == "ralston":
        lines.append("# Ralston: a 2/3 step minimizes the error bound among second-order methods")
        stage("v2", f"p {sign} 2.0 / 3.0 * dt * v1")
        step = "dt * (0.25 * v1 + 0.75 * v2)"
    else:
        stage("v2", f"p {sign} 0.5 * dt * v1")
        stage("v3", f"p {sign} 0.5 * dt * v2")
        stage("v4", f"p {sign} dt * v3")
        step = "dt / 6.0 * (v1 + 2.0 * v2 + 2.0 * v3 + v4)"
    if give == "density":
        lines += [
            f"source = wp.volume_world_to_index(density, p - {step})",
            "density_new[tid] = wp.volume_sample_f(density, source, wp.Volume.LINEAR)",
        ]
    else:
        lines.append(f"moved[tid] = p {sign} {step}")
    d.launch(m)
    d.code("\n".join(lines))

    def reference(v: Values) -> dict[str, Any]:
        s = 1.0 if direction == "forward" else -1.0

        def f(p: Any) -> Any:
            return s * sample(v.velocity, p / v.velocity.size)

        k1 = f(v.x)
        if scheme == "euler":
            moved = v.x + v.dt * k1
        elif scheme == "rk4":
            k2 = f(v.x + v.dt / 2 * k1)
            k3 = f(v.x + v.dt / 2 * k2)
            moved = v.x + v.dt / 6 * (k1 + 2 * k2 + 2 * k3 + f(v.x + v.dt * k3))
        else:
            a = {"midpoint": 0.5, "heun": 1.0, "ralston": 2 / 3}[scheme]
            b = 1 / (2 * a)
            moved = v.x + v.dt * ((1 - b) * k1 + b * f(v.x + a * v.dt * k1))
        if give == "density":
            return {"density_new": sample(v.density, moved / v.density.size)[:, 0]}
        return {"moved": moved}

    d.check(reference, 1e-3)
