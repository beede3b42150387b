"""Participating media: light that is absorbed, emitted and scattered along rays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.raymarch import DOMAIN
from warpgen.synthesis.library import phase, value_noise
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "origins": "ray_origins|ray_o|ro",
    "directions": "ray_directions|ray_dirs|rd",
    "ray": "rd_i|w|view_dir",
    "start": "o|ro_i",
    "density": "medium|density_at|local_density",
    "transmittance": "T|trans|beam_transmittance",
    "radiance": "L|light_out",
    "sigma": "sigma_t|kappa",
    "sun": "light_dir|sun_dir|to_sun",
    "tau": "optical_depth|od",
    "dt": "ds|step|step_size",
    "g": "asymmetry|anisotropy",
    "albedo": "single_albedo|scatter_albedo|omega",
}

Density = Callable[[Any], Any]


def _medium(d: Draft, kind: str) -> Density:
    """A function `density(p)` of the program, and its counterpart."""
    octaves = d.pick(2, 3)
    bodies: dict[str, tuple[str, Density]] = {
        "ball": (
            "return wp.max(1.0 - wp.dot(p, p), 0.0)",
            lambda p: np.maximum(1.0 - (p * p).sum(-1), 0.0),
        ),
        "gaussian": ("return wp.exp(-2.0 * wp.dot(p, p))", lambda p: np.exp(-2.0 * (p * p).sum(-1))),
        "layer": (
            """
            # exponential falloff with height, constant below y = -2 (air, haze)
            return wp.exp(-1.5 * wp.max(p[1], -2.0))
            """,
            lambda p: np.exp(-1.5 * np.maximum(p[..., 1], -2.0)),
        ),
        "clouds": (
            f"""
            cover = $fbm(3.0 * p, {octaves})
            return wp.max(2.0 * (cover - 0.35), 0.0)
            """,
            lambda p: np.maximum(2.0 * (value_noise.octaves(3.0 * p, octaves) - 0.35), 0.0),
        ),
        "cloudy ball": (
            f"""
            # erode the ball's edge using noise
            shape = 1.0 - wp.length(p)
            return wp.clamp(2.0 * (shape + $fbm(4.0 * p, {octaves}) - 0.4), 0.0, 1.0)
            """,
            lambda p: np.clip(
                2.0 * (1.0 - np.linalg.norm(p, axis=-1) + value_noise.octaves(4.0 * p, octaves) - 0.4),
                0.0,
                1.0,
            ),
        ),
    }
    body, counterpart = bodies[kind]
    fbm = d.use(value_noise.FBM_3) if "$fbm" in body else ""
    d.function("@wp.func\ndef density(p: wp.vec3) -> float:\n    $body", body=body, fbm=fbm)
    return counterpart


_MEDIA = ("ball", "gaussian", "layer", "clouds", "cloudy ball")
_SPAN, _SHADOW = 4.0, 2.4


def _rays(d: Draft, count: int) -> Callable[[Values], tuple[Any, Any]]:
    d.input("origins", "vec3", count, -1.0, 1.0, about="Ray origins")
    d.input("directions", "vec3", count, kind="unit", about="Ray directions")
    return lambda v: (v.origins, v.directions)


def _at(steps: int, rule: str) -> Any:
    """Where along the ray the density is sampled."""
    shift = 0.5 if rule == "midpoint" else 0.0
    return (np.arange(steps) + shift) * (_SPAN / steps)


_START = """
    ray = directions[tid]
    start = origins[tid]
    """


@DOMAIN.algorithm(
    source="Max 1995, Optical models for direct volume rendering, eq. 4-6; Beer 1852",
    names=_NAMES | {"march_transmittance": "absorption_march|beer_lambert_march|optical_depth_kernel"},
    adjoint="no",
    element="ray",
)
def march_transmittance(d: Draft) -> None:
    """Integrates absorption along rays through a participating medium (Beer-Lambert)."""
    kind = d.option("medium", *_MEDIA)
    rule = d.option("rule", "midpoint", "left", "trapezoid", "simpson")
    result = d.option("result", "transmittance", "opacity", "depth", "emission")
    d.calls({
        "transmittance": "march_transmittance|absorption_march|beer_lambert_march",
        "opacity": "march_opacity|march_alpha|ray_opacity",
        "depth": "march_optical_depth|optical_depth_kernel|ray_optical_depth",
        "emission": "march_emission|emission_absorption|integrate_emission",
    }[result])  # fmt: skip
    count, steps = d.pick(64, 96), d.pick(16, 20, 32, 40)
    rays = _rays(d, count)
    d.param(
        "sigma",
        "float",
        0.3,
        1.2,
        about=f"{'Absorption' if result == 'emission' else 'Extinction'} coefficient at unit density",
    )
    target = {"depth": "tau_out", "emission": "radiance"}.get(result, result)
    d.output(
        target,
        "float",
        count,
        about={
            "transmittance": "Transmittances in [0, 1]",
            "opacity": "Opacities in [0, 1]",
            "depth": "Optical depths",
            "emission": "Radiance at the ray origins",
        }[result],
    )
    field = _medium(d, kind)
    dt = _SPAN / steps
    part = f"the first {_SPAN:g} units of each ray"
    d.says(
        {
            "transmittance": f"Computes medium transmittance along {part}.",
            "opacity": f"Computes medium opacity along {part}.",
            "depth": f"Computes the medium's optical depth along {part}.",
            "emission": f"Integrates emission with self-absorption along {part}.",
        }[result]
    )
    if result == "emission":
        d.explain(f"""
            L = int T(t) sigma rho S dt over the first {_SPAN:g} units of each ray, with a source S equal to
            density rho, so denser regions are hotter.
        """)
    else:
        d.explain(f"tau = int sigma rho dt over the first {_SPAN:g} units of each ray.")
    sample = {
        "midpoint": "rho = density(start + dt * (float(k) + 0.5) * ray)",
        "left": "rho = density(start + dt * float(k) * ray)",
        "trapezoid": """
            after = density(start + dt * float(k + 1) * ray)
            rho = 0.5 * (before + after)
            before = after
            """,
        "simpson": """
            middle = density(start + dt * (float(k) + 0.5) * ray)
            after = density(start + dt * float(k + 1) * ray)
            rho = (before + 4.0 * middle + after) / 6.0
            before = after
            """,
    }[rule]
    begin = "before = density(start)" if rule in ("trapezoid", "simpson") else ""
    if result == "emission":
        loop = """
            T = float(1.0)
            glow = float(0.0)
            for k in range($steps):
                $sample
                passed = wp.exp(-sigma * rho * dt)
                # analytic integral over the step, assuming constant density and source
                glow += T * (1.0 - passed) * rho
                T *= passed
            radiance[tid] = glow
            """
    else:
        last = {
            "transmittance": "transmittance[tid] = wp.exp(-tau)",
            "opacity": "opacity[tid] = 1.0 - wp.exp(-tau)",
            "depth": "tau_out[tid] = tau",
        }[result]
        loop = f"""
            tau = float(0.0)
            for k in range($steps):
                $sample
                tau += sigma * rho * dt
            {last}
            """
    d.launch(count)
    d.code(
        "tid = wp.tid()\n$start\ndt = $dt\n$begin\n$loop",
        dt=str(dt),
        start=_START,
        begin=begin,
        loop=loop,
        sample=sample,
        steps=str(steps),
    )

    def reference(v: Values) -> dict[str, Any]:
        o, r = rays(v)
        dt = _SPAN / steps

        def rho(t: Any) -> Any:
            return field(o[:, None] + t[:, None] * r[:, None])

        ends = np.arange(steps + 1) * dt
        edge, middle = rho(ends), rho(ends[:-1] + 0.5 * dt)
        means = {
            "midpoint": middle,
            "left": edge[:, :-1],
            "trapezoid": 0.5 * (edge[:, :-1] + edge[:, 1:]),
            "simpson": (edge[:, :-1] + 4.0 * middle + edge[:, 1:]) / 6.0,
        }[rule]
        tau = v.sigma * dt * means.sum(axis=1)
        passed = np.exp(-tau)
        front = np.exp(-v.sigma * dt * (np.cumsum(means, axis=1) - means))
        glow = (front * (1.0 - np.exp(-v.sigma * dt * means)) * means).sum(axis=1)
        value = {"transmittance": passed, "depth": tau, "emission": glow}.get(result, 1.0 - passed)
        return {target: value}

    d.check(reference, 2e-3)


@DOMAIN.algorithm(
    source="Max 1995; Hillaire 2015 (energy-conserving steps); Wrenninge 2013 (powder)",
    names=_NAMES
    | {"march_single_scattering": "volumetric_lighting|cloud_march|scatter_march|single_scatter"},
    adjoint="no",
    element="ray",
)
def march_single_scattering(d: Draft) -> None:
    """Integrates single-scattered sunlight along the first 4 units of rays through a medium."""
    kind = d.option("medium", *_MEDIA)
    function = d.option("phase", *phase.OF_ASYMMETRY, phase.RAYLEIGH, phase.ISOTROPIC)
    lighting = d.option("light march", "loop", "function", "none")
    steps_as = d.option("integration", "exact", "plain")
    stop = d.option("stop", "never", "opaque", "skip empty")
    both = d.flag("both", 0.3)
    powder = d.flag("powder", 0.25)
    if stop == "skip empty" and kind == "layer":
        stop = "never"  # it has no empty parts
    if stop == "opaque" or kind == "layer":
        steps_as = "exact"  # these media are dense: a plain step would scatter more than it takes
    count, steps, light_steps = d.pick(48, 64), d.pick(16, 20), d.pick(4, 5, 6)
    rays = _rays(d, count)
    if lighting != "none" or function is not phase.ISOTROPIC:
        d.param("sun", "vec3", 0.2, 0.9, about="Direction toward the sun")
    low, high = (8.0, 20.0) if stop == "opaque" else (0.5, 2.0)
    d.param("sigma", "float", low, high, about="Extinction coefficient at unit density")
    asymmetric = function in phase.OF_ASYMMETRY
    if asymmetric:
        d.param("g", "float", 0.2, 0.7, about="Phase function asymmetry parameter")
    d.output("radiance", "float", count, about="In-scattered radiance")
    if both:
        d.output("transmittance", "float", count, about="Transmittance in [0, 1]")
    field = _medium(d, kind)
    dt, light_dt = _SPAN / steps, round(_SHADOW / light_steps, 2)
    light_loop = f"""
        tau = float(0.0)
        for m in range({light_steps}):
            tau += sigma * density($p + LIGHT_STEP * (float(m) + 0.5) * to_sun) * LIGHT_STEP
        """
    if lighting != "none":
        d.module(f"LIGHT_STEP = wp.constant({light_dt})")
    if lighting == "function":
        d.function(
            """
            @wp.func
            def sun_transmittance(p: wp.vec3, to_sun: wp.vec3, sigma: float) -> float:
                $loop
                return wp.exp(-tau)
            """,
            loop=light_loop.replace("$p", "p"),
        )
    light, lines = {
        "loop": ("wp.exp(-tau)", light_loop.replace("$p", "p")),
        "function": ("sun_transmittance(p, to_sun, sigma)", ""),
        "none": ("", ""),
    }[lighting]
    arguments = {phase.ISOTROPIC: "", phase.RAYLEIGH: "wp.dot(ray, to_sun)"}.get(
        function, "wp.dot(ray, to_sun), g"
    )
    factors = ["phase_value", *([light] if light else [])]
    if powder:
        factors.append("powder")
    source = " * ".join(factors)
    gather = (
        """
        passed = wp.exp(-extinction * dt)
        # analytic integral over the step, assuming a constant medium
        gathered += T * (1.0 - passed) * $source
        T *= passed
        """
        if steps_as == "exact"
        else """
        gathered += T * extinction * $source * dt
        T *= wp.exp(-extinction * dt)
        """
    )
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $start
        $sunward
        phase_value = $phase($arguments)
        dt = $dt
        T = float(1.0)
        gathered = float(0.0)
        for k in range($steps):
            p = start + dt * (float(k) + 0.5) * ray
            extinction = sigma * density(p)
            $skip
            $lines
            $thin
            $gather
            $opaque
        radiance[tid] = gathered
        $both
        """,
        sunward="to_sun = wp.normalize(sun)" if "to_sun" in arguments + light + lines else "",
        start=_START,
        phase=d.use(function),
        arguments=arguments,
        dt=str(dt),
        steps=str(steps),
        skip="# skip empty space\nif extinction < 1.0e-5:\n    continue" if stop == "skip empty" else "",
        lines=lines,
        thin="# Beer-powder approximation: darken thin regions\npowder = 1.0 - wp.exp(-2.0 * extinction)"
        if powder
        else "",
        gather=gather,
        source=source,
        opaque="if T < 0.001:\n    break" if stop == "opaque" else "",
        both="transmittance[tid] = T" if both else "",
    )
    seen = "T_sun(t)" if lighting != "none" else ""
    powdered = "(1 - exp(-2 sigma))" if powder else ""
    product = " ".join(part for part in ("T(t) sigma p(cos)", seen, powdered) if part)
    d.explain(
        f"L = int {product} dt, with unit sun irradiance and unit albedo.\n"
        + (
            "The last factor is the Beer-powder approximation, which darkens thin regions.\n"
            if powder
            else ""
        )
        + f"Marches the first {_SPAN:g} units of each ray"
        + (
            f", and shadow rays for the first {light_dt * light_steps:g} units toward the sun."
            if lighting != "none"
            else "."
        )
    )
    lit = "unattenuated sunlight" if lighting == "none" else "sunlight"
    dark = " using the Beer-powder approximation" if powder else ""
    part = f"along the first {_SPAN:g} units of each ray through a medium"
    d.says(f"Integrates single scattering of {lit} {part}{dark}.")

    def reference(v: Values) -> dict[str, Any]:
        o, r = rays(v)
        sun = np.asarray(v.get("sun", np.ones(3)))
        sun = sun / np.linalg.norm(sun)
        p = o[:, None] + (np.arange(steps)[:, None] + 0.5) * dt * r[:, None]
        rho = v.sigma * field(p)
        cos = r @ sun
        scatter = function() if function is phase.ISOTROPIC else function(cos, *([v.g] if asymmetric else []))
        lit = np.broadcast_to(np.reshape(scatter, (-1, 1)), rho.shape)
        if lighting != "none":
            ways = (np.arange(light_steps) + 0.5) * light_dt
            tau = sum(v.sigma * light_dt * field(p + s * sun) for s in ways)
            lit = lit * np.exp(-tau)
        if powder:
            lit = lit * (1.0 - np.exp(-2.0 * rho))
        passed = np.exp(-rho * dt)
        front = np.cumprod(np.column_stack([np.ones(count), passed]), axis=1)
        share = (1.0 - passed) if steps_as == "exact" else rho * dt
        if stop == "opaque":  # the march keeps what it had when it stopped
            ends = np.where((front < 1e-3).any(axis=1), (front < 1e-3).argmax(axis=1), steps)
            lit = lit * (np.arange(steps) < ends[:, None])
            last = np.take_along_axis(front, ends[:, None], axis=1)[:, 0]
        else:
            last = front[:, -1]
        made = {"radiance": (front[:, :-1] * share * lit).sum(axis=1)}
        return made | ({"transmittance": last} if both else {})

    d.check(reference, 5e-3)
