"""Sunlight through layers of air and clouds."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.climate import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

# Meador & Weaver 1980, table 1, and Zdunkowski et al. 1980.
_CLOSURES = {
    "eddington": """
        # Eddington closure (Meador & Weaver, table 1)
        gamma1 = 0.25 * (7.0 - omega * (4.0 + 3.0 * g))
        gamma2 = -0.25 * (1.0 - omega * (4.0 - 3.0 * g))
        gamma3 = 0.25 * (2.0 - 3.0 * g * mu0)
        """,
    "quadrature": """
        # Quadrature closure (Meador & Weaver, table 1)
        gamma1 = 0.8660254 * (2.0 - omega * (1.0 + g))
        gamma2 = 0.8660254 * omega * (1.0 - g)
        gamma3 = 0.5 * (1.0 - 1.7320508 * g * mu0)
        """,
    "practical": """
        # Practical improved flux method (Zdunkowski et al. 1980)
        gamma1 = 0.25 * (8.0 - omega * (5.0 + 3.0 * g))
        gamma2 = 0.75 * omega * (1.0 - g)
        gamma3 = 0.25 * (2.0 - 3.0 * g * mu0)
        """,
}


def _gammas(closure: str, w: Any, g: Any, mu: Any) -> tuple[Any, Any, Any]:
    if closure == "eddington":
        return (7 - w * (4 + 3 * g)) / 4, -(1 - w * (4 - 3 * g)) / 4, (2 - 3 * g * mu) / 4
    if closure == "quadrature":
        return 3**0.5 / 2 * (2 - w * (1 + g)), 3**0.5 / 2 * w * (1 - g), (1 - 3**0.5 * g * mu) / 2
    return (8 - w * (5 + 3 * g)) / 4, 0.75 * w * (1 - g), (2 - 3 * g * mu) / 4


@DOMAIN.algorithm(
    source="Meador & Weaver 1980; Joseph, Wiscombe & Weinman 1976 (delta scaling); Zdunkowski et al. 1980",
    names={
        "optical_depth": "tau|tau_layers|layer_tau",
        "asymmetry": "g_layer|asym|asymmetry_factor",
        "albedo_below": "reflectance_below|stack_albedo|rho_below",
        "source_below": "upward_source|src_below|emitted_below",
        "beam": "direct|direct_beam|direct_flux",
        "mu0": "cos_zenith|mu|cos_sza",
        "column": "tid|i|col",
    },
    adjoint="no",
    weight=3,
    element="column",
)
def two_stream_fluxes(d: Draft) -> None:
    """Computes column shortwave fluxes using the two-stream and adding methods."""
    closure = d.option("closure", *_CLOSURES)
    delta = d.flag("delta scaling", 0.6)
    ground = d.option("ground", "constant", "field", "ocean")
    clouds = d.option("clouds", "none", "fraction", "path")
    result = d.option("result", "heating", "fluxes", "albedo", "transmitted")
    night = d.option("night", "skip", "clamp")
    level_first = d.option("layout", False, True)
    d.calls(
        {
            "heating": "shortwave_heating|solar_heating|heating_rates|radiate_columns",
            "fluxes": "two_stream_fluxes|shortwave_fluxes|solar_two_stream|sw_adding",
            "albedo": "column_albedo|two_stream_albedo|reflected_sunlight",
            "transmitted": "surface_sunlight|transmitted_fluxes|two_stream_transmission",
        }[result]
    )
    columns, layers = d.pick(24, 32, 40), d.pick(4, 5, 6)
    shape = (layers, columns) if level_first else (columns, layers)
    edges = (layers + 1, columns) if level_first else (columns, layers + 1)

    def at(name: str, k: str) -> str:
        return f"{name}[{k}, column]" if level_first else f"{name}[column, {k}]"

    about = "overcast layers" if clouds == "fraction" else "layers"
    d.input("optical_depth", "float", shape, 0.1, 1.5, about=f"Optical depth of the {about}, top to bottom")
    d.input("scattering", "float", shape, 0.4, 1.0, about="Single scattering albedo")
    d.input("asymmetry", "float", shape, 0.1, 0.8, about="Phase function asymmetry factor")
    if clouds == "fraction":
        d.input("cloud_fraction", "float", shape, 0.0, 1.0, about="Layer cloud fraction")
    if clouds == "path":
        d.input("water_path", "float", shape, 0.0, 0.1, about="Liquid water path [kg/m^2]")
        d.param("droplet_radius", "float", 8.0e-6, 1.4e-5, about="Effective droplet radius [m]")
    lowest = -0.3 if night == "skip" else 0.0
    d.input("cos_zenith", "float", columns, lowest, 1.0, about="Cosine of the solar zenith angle")
    if ground == "field":
        d.input("ground_albedo", "float", columns, 0.05, 0.7, about="Surface albedo")
    elif ground == "constant":
        d.param("ground_albedo", "float", 0.1, 0.4, about="Surface albedo")
    if result != "albedo":
        d.param(
            "solar", "float", 1360.0, 1362.0, about="Solar irradiance at the top of the atmosphere [W/m^2]"
        )
    d.module(f"LAYERS = wp.constant({layers})")
    if result == "heating":
        d.input("layer_mass", "float", layers, 800.0, 2500.0, about="Layer air mass [kg/m^2]")
    if result in ("heating", "fluxes"):
        d.output("net_flux", "float", edges, about="Net flux (down minus up) at layer interfaces [W/m^2]")
        if result == "heating":
            d.output("heating_rate", "float", shape, about="Shortwave heating rate [K/day]")
    elif result == "albedo":
        d.output("planetary_albedo", "float", columns, about="Planetary albedo (reflected fraction)")
    else:
        d.output("ground_light", "vec2", columns, about="Direct and diffuse surface flux [W/m^2]")
    wide = f"vec{layers + 1}"
    d.module(f"{wide} = wp.types.vector(length={layers + 1}, dtype=float)")
    d.function(
        '''
        @wp.func
        def layer_response(tau: float, omega: float, g: float, mu0: float):
            """Two-stream layer reflectance and transmittance for direct and diffuse light."""
            $closure
            gamma4 = 1.0 - gamma3
            alpha1 = gamma1 * gamma4 + gamma2 * gamma3
            alpha2 = gamma1 * gamma3 + gamma2 * gamma4
            # Clamp since k vanishes for conservative scattering
            k = wp.sqrt(wp.max(gamma1 * gamma1 - gamma2 * gamma2, 1.0e-6))
            # Avoid the removable singularity at k_mu = 1
            k_mu = k * mu0
            if wp.abs(1.0 - k_mu * k_mu) < 1.0e-3:
                k = 1.001 * k
                k_mu = k * mu0
            fade = wp.exp(-k * tau)
            fade2 = fade * fade
            through = wp.exp(-tau / mu0)
            denom = k + gamma1 + (k - gamma1) * fade2
            r_diffuse = gamma2 * (1.0 - fade2) / denom
            t_diffuse = 2.0 * k * fade / denom
            scale = omega / ((1.0 - k_mu * k_mu) * denom)
            # Meador & Weaver (1980), eq. 14, scaled by exp(-k tau) to avoid overflow
            r_beam = (1.0 - k_mu) * (alpha2 + k * gamma3) - (1.0 + k_mu) * (alpha2 - k * gamma3) * fade2
            r_beam = scale * (r_beam - 2.0 * k * (gamma3 - alpha2 * mu0) * fade * through)
            # Eq. 15 without the unscattered part
            t_beam = (1.0 + k_mu) * (alpha1 + k * gamma4) - (1.0 - k_mu) * (alpha1 - k * gamma4) * fade2
            t_beam = scale * (2.0 * k * (gamma4 + alpha1 * mu0) * fade - t_beam * through)
            return r_beam, t_beam, r_diffuse, t_diffuse, through
        ''',
        closure=_CLOSURES[closure],
    )
    scaled = """
        # Delta scaling: treat the forward peak as direct beam, since two streams cannot resolve it
        peak = g * g
        tau = (1.0 - omega * peak) * tau
        omega = (1.0 - peak) * omega / (1.0 - omega * peak)
        g = g / (1.0 + g)
        """
    cloudy = {
        "none": "",
        "fraction": f"# Scale by cloud fraction^1.5 to account for gaps in broken clouds\ncover = {at('cloud_fraction', 'k')}\ntau *= cover * wp.sqrt(cover)",
        "path": f"""
            # tau = 3/2 LWP / (rho_w r_e), nearly conservative droplets with g = 0.85
            cloud_tau = 1.5 * {at("water_path", "k")} / (1000.0 * droplet_radius)
            scattered = omega * tau + 0.999 * cloud_tau
            g = (omega * tau * g + 0.999 * 0.85 * cloud_tau) / scattered
            omega = scattered / (tau + cloud_tau)
            tau += cloud_tau
            """,
    }[clouds]
    zeros = {
        "heating": f"for k in range(LAYERS):\n    {at('heating_rate', 'k')} = 0.0\n    {at('net_flux', 'k')} = 0.0\n{at('net_flux', 'LAYERS')} = 0.0",
        "fluxes": f"for k in range(LAYERS + 1):\n    {at('net_flux', 'k')} = 0.0",
        "albedo": "planetary_albedo[column] = 0.0",
        "transmitted": "ground_light[column] = wp.vec2(0.0, 0.0)",
    }[result]
    albedo = {
        "constant": "",
        "field": "surface = ground_albedo[column]",
        "ocean": """
            # Ocean albedo depends on sun elevation (Taylor et al. 1996), also used for diffuse light
            surface = 0.037 / (1.1 * wp.pow(mu0, 1.4) + 0.15)
            """,
    }[ground]
    if result == "albedo":
        downwards = """
            planetary_albedo[column] = source_below[0]
            """
    else:
        downwards = """
            # Downward sweep: diffuse light at each interface
            diffuse = float(0.0)
            $top
            for k in range(LAYERS):
                bounce = 1.0 / (1.0 - r_diffuse[k] * albedo_below[k + 1])
                diffuse = bounce * (
                    t_diffuse[k] * diffuse + r_diffuse[k] * source_below[k + 1] + t_beam[k] * beam[k]
                )
                $net
            $last
            """
    net = f"{at('net_flux', 'k + 1')} = beam[k + 1] + (1.0 - albedo_below[k + 1]) * diffuse - source_below[k + 1]"
    if result == "heating":
        net = f"""
above = net
net = beam[k + 1] + (1.0 - albedo_below[k + 1]) * diffuse - source_below[k + 1]
{at("net_flux", "k + 1")} = net
# 86400 s per day, c_p = 1004 J/(kg K)
{at("heating_rate", "k")} = 86400.0 * (above - net) / (1004.0 * layer_mass[k])""".strip("\n")
    top = {
        "fluxes": f"{at('net_flux', '0')} = beam[0] - source_below[0]",
        "heating": f"net = beam[0] - source_below[0]\n{at('net_flux', '0')} = net",
    }.get(result, "")
    d.launch(columns)
    d.code(
        """
        column = wp.tid()
        $night
        $albedo
        # Layer optical properties and direct beam at each interface$unit
        beam = $vec()
        beam[0] = $sunlight
        r_beam = $vec()
        t_beam = $vec()
        r_diffuse = $vec()
        t_diffuse = $vec()
        for k in range(LAYERS):
            tau = $tau
            omega = $omega
            g = $g
            $cloudy
            $scaled
            r_sun, t_sun, r_dif, t_dif, through = layer_response(tau, omega, g, mu0)
            r_beam[k] = r_sun
            t_beam[k] = t_sun
            r_diffuse[k] = r_dif
            t_diffuse[k] = t_dif
            beam[k + 1] = through * beam[k]
        # Upward sweep: albedo below each interface and upward diffuse light from the scattered beam
        albedo_below = $vec()
        source_below = $vec()
        albedo_below[LAYERS] = surface
        source_below[LAYERS] = surface * beam[LAYERS]
        for up in range(LAYERS):
            k = LAYERS - 1 - up
            # Geometric series for multiple reflections between the layer and the layers below
            bounce = 1.0 / (1.0 - r_diffuse[k] * albedo_below[k + 1])
            albedo_below[k] = r_diffuse[k] + t_diffuse[k] * t_diffuse[k] * albedo_below[k + 1] * bounce
            source_below[k] = r_beam[k] * beam[k] + t_diffuse[k] * bounce * (
                source_below[k + 1] + albedo_below[k + 1] * t_beam[k] * beam[k]
            )
        $downwards
        """,
        night={
            "skip": f"mu0 = cos_zenith[column]\n# Early exit at night\nif mu0 <= 0.02:\n{_indented(zeros)}\n    return\n",
            "clamp": "# Clamp, since the air mass diverges at the horizon\nmu0 = wp.max(cos_zenith[column], 0.05)",
        }[night],
        albedo=albedo,
        vec=wide,
        unit=", for unit incoming flux" if result == "albedo" else " [W/m^2]",
        sunlight="1.0" if result == "albedo" else "mu0 * solar",
        tau=at("optical_depth", "k"),
        omega=at("scattering", "k"),
        g=at("asymmetry", "k"),
        cloudy=cloudy,
        scaled=scaled if delta else "",
        downwards=downwards,
        top=top,
        net=net if result != "transmitted" else "",
        last="ground_light[column] = wp.vec2(beam[LAYERS], diffuse)" if result == "transmitted" else "",
    )
    if ground == "constant":
        d.text = re.sub(r"\bsurface\b", "ground_albedo", d.text)
    down = "" if result == "albedo" else ", followed by a downward sweep for the fluxes"
    d.explain(f"""
        Layer reflectance and transmittance use the two-stream solution of Meador and Weaver; layers are then
        added from the ground up{down}.
    """)
    if result != "fluxes":
        what = {
            "albedo": "the planetary albedo per column",
            "heating": "solar heating rates for column layers",
            "transmitted": "direct and diffuse surface sunlight per column",
        }[result]
        d.says(f"Computes {what} using a two-stream adding method.")

    def reference(v: Values) -> dict[str, Any]:
        tau, w, g = (
            np.asarray(a).T if level_first else np.asarray(a)
            for a in (v.optical_depth, v.scattering, v.asymmetry)
        )
        mu = np.maximum(v.cos_zenith, 0.02 if night == "skip" else 0.05)
        if clouds == "fraction":
            tau = tau * (v.cloud_fraction.T if level_first else v.cloud_fraction) ** 1.5
        if clouds == "path":
            more = 1.5 * (v.water_path.T if level_first else v.water_path) / (1000 * v.droplet_radius)
            scattered = w * tau + 0.999 * more
            g, w, tau = (w * tau * g + 0.999 * 0.85 * more) / scattered, scattered / (tau + more), tau + more
        if delta:
            tau, w, g = (1 - w * g * g) * tau, (1 - g * g) * w / (1 - w * g * g), g / (1 + g)
        net, flux = np.zeros((columns, layers + 1)), np.zeros((columns, 3))
        for c in range(columns):
            a = 0.037 / (1.1 * mu[c] ** 1.4 + 0.15)
            if ground != "ocean":
                a = v.ground_albedo if ground == "constant" else v.ground_albedo[c]
            if v.cos_zenith[c] > 0.02 or night == "clamp":
                down, up, beam = _solved(closure, tau[c], w[c], g[c], mu[c], a, v.get("solar", 1.0) * mu[c])
                net[c], flux[c] = down + beam - up, (beam[-1], down[-1], up[0] / beam[0])
        rate = 86400 * (net[:, :-1] - net[:, 1:]) / (1004 * v.get("layer_mass", 1.0))
        net, rate = (net.T, rate.T) if level_first else (net, rate)
        return {
            "heating": {"net_flux": net, "heating_rate": rate},
            "fluxes": {"net_flux": net},
            "albedo": {"planetary_albedo": flux[:, 2]},
            "transmitted": {"ground_light": flux[:, :2]},
        }[result]

    d.check(reference, 5e-3)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.split("\n"))


def _solved(closure: str, tau: Any, w: Any, g: Any, mu: float, albedo: float, top: float) -> Any:
    """Diffuse fluxes down and up and the beam at all interfaces, from one system of equations."""
    g1, g2, g3 = _gammas(closure, w, g, mu)
    g4, k = 1 - g3, np.sqrt(np.maximum(g1**2 - g2**2, 1e-6))
    k = np.where(np.abs(1 - (k * mu) ** 2) < 1e-3, 1.001 * k, k)
    a1, a2 = g1 * g4 + g2 * g3, g1 * g3 + g2 * g4
    e, m = np.exp, k * mu
    common = (k + g1) * e(k * tau) + (k - g1) * e(-k * tau)
    r, t = g2 * (e(k * tau) - e(-k * tau)) / common, 2 * k / common
    factor = w / ((1 - m**2) * common)
    rb = factor * (
        (1 - m) * (a2 + k * g3) * e(k * tau)
        - (1 + m) * (a2 - k * g3) * e(-k * tau)
        - 2 * k * (g3 - a2 * mu) * e(-tau / mu)
    )
    tb = -factor * e(-tau / mu) * (
        (1 + m) * (a1 + k * g4) * e(k * tau) - (1 - m) * (a1 - k * g4) * e(-k * tau)
    ) + factor * 2 * k * (g4 + a1 * mu)  # fmt: skip
    n = len(tau)
    beam = top * np.concatenate([[1.0], e(-np.cumsum(tau) / mu)])
    system, right = np.eye(2 * n + 2), np.zeros(2 * n + 2)  # down 0 .. n, then up 0 .. n
    for i in range(n):
        down, up = i + 1, n + 1 + i
        system[down, i], system[down, up + 1], right[down] = -t[i], -r[i], tb[i] * beam[i]
        system[up, i], system[up, up + 1], right[up] = -r[i], -t[i], rb[i] * beam[i]
    system[-1, n], right[-1] = -albedo, albedo * beam[-1]
    found = np.linalg.solve(system, right)
    return found[: n + 1], found[n + 1 :], beam
