"""Fires that spread through vegetation."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.climate import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

FUEL_MODEL = piece('''
@wp.struct
class FuelModel:
    """Surface fuel bed in Rothermel's original (imperial) units."""

    load: float  # oven-dry fuel load [lb/ft^2]
    surface_ratio: float  # surface-area-to-volume ratio [1/ft]
    depth: float  # fuel bed depth [ft]
    extinction: float  # moisture of extinction
''')

_FUEL = {
    "load": fill(0.03, 0.2), "surface_ratio": fill(1500.0, 3000.0), "depth": fill(0.5, 3.0), "extinction": fill(0.2, 0.4),
}  # fmt: skip


@DOMAIN.algorithm(
    source="Rothermel 1972, USDA INT-115; Albini 1976, INT-30; Andrews 2018, RMRS-371; Byram 1959; Van Wagner 1977",
    names={
        "fuel": "fuel_model|bed|fm",
        "moisture": "fuel_moisture|dead_moisture|m_f",
        "packing": "beta|packing_ratio|beta_bed",
        "reaction_intensity": "i_r|reaction_heat|heat_release",
        "rate": "ros|spread|speed",
    },
    double=True,
    weight=4,
)
def spread_fire(d: Draft) -> None:
    """Computes how fast and how fiercely a surface fire spreads through fuel (Rothermel's model)."""
    fuels = d.option("fuel", "each", "table", "shared")
    wind = d.option("wind", "speed", "vector", "none")
    slope = d.option("slope", "tangent", "gradient", "none")
    result = d.option("result", "rate", "intensity", "flame", "crown", "arrival")
    live = d.flag("live fuel", 0.4)
    limit = d.flag("wind limit", 0.5) and wind != "none"
    ellipse = d.flag("ellipse", 0.45) and wind != "none"
    metric = d.flag("metric", 0.5)
    damping = d.option("load loss", "albini", "rothermel")
    sheltered = d.flag("sheltered", 0.4) and wind != "none"
    d.calls(
        {
            "rate": "spread_fire|fire_spread|rothermel_spread|rate_of_spread",
            "intensity": "fireline_intensity|fire_intensity|byram_intensity",
            "flame": "flame_length|fire_flames|flame_lengths",
            "crown": "crown_ignition|crown_fire_ratio|crown_ignition_ratio",
            "arrival": "fire_arrival|arrival_time|time_to_next_cell",
        }[result]
    )
    n = d.pick(48, 64, 96)
    if fuels == "shared":
        d.struct("fuel", FUEL_MODEL, _FUEL, about="Fuel bed")
    elif fuels == "table":
        d.struct("fuel_models", FUEL_MODEL, _FUEL, shape=4, about="Fuel models")
        d.input("fuel_type", "int", n, 0, 4, about="Fuel model index per cell")
    else:
        d.struct("fuels", FUEL_MODEL, _FUEL, shape=n, about="Fuel bed per cell")
    # Some beds are too wet to burn, unless a power is taken of their heat, which has no slope at zero
    wettest = 0.18 if result == "flame" or limit else 0.34
    d.input("moisture", "float", n, 0.04, wettest, about="Dead fuel moisture (water mass / dry mass)")
    if live:
        d.input("live_load", "float", n, 0.01, 0.08, about="Live fuel load [lb/ft^2]")
        d.input("live_moisture", "float", n, 0.7, 1.5, about="Live fuel moisture")
    where = f"{'above the canopy' if sheltered else 'at midflame height'} [{'m/s' if metric else 'mi/h'}]"
    if wind == "speed":
        d.input("wind", "float", n, 0.2, 12.0 if metric else 27.0, about=f"Wind speed {where}")
    elif wind == "vector":
        d.input("wind", "vec2", n, *((-6.0, 9.0) if metric else (-13.0, 20.0)), about=f"Wind {where}")
    if sheltered:
        d.input("canopy_cover", "float", n, 0.0, 0.9, about="Canopy cover fraction")
    if slope == "tangent":
        d.input("slope", "float", n, 0.0, 0.6, about="Slope tangent, fire spreads uphill")
    elif slope == "gradient":
        d.input("uphill", "vec2", n, -0.4, 0.4, about="Terrain gradient")
    if ellipse:
        d.input("heading", "float", n, 0.0, 3.1, about="Angle from the direction of maximum spread [rad]")
    if result == "crown":
        d.input("crown_base", "float", n, 1.0, 4.0, about="Crown base height [m]")
        d.param("foliar_moisture", "float", 80.0, 120.0, about="Foliar moisture content [%]")
    if result == "arrival":
        d.param(
            "distance",
            "float",
            50.0,
            300.0,
            about="Distance to the neighbor cell [m]" if metric else "Distance to the neighbor cell [ft]",
        )
    unit = "m/min" if metric else "ft/min"
    name, about = {
        "rate": ("spread_rate", f"Rate of spread [{unit}]"),
        "intensity": (
            "fireline_intensity",
            "Byram's fireline intensity [kW/m]" if metric else "Byram's fireline intensity [BTU/(ft s)]",
        ),
        "flame": ("flame_length", "Flame length [m]" if metric else "Flame length [ft]"),
        "crown": ("crown_ratio", "Fireline intensity divided by the critical crown fire intensity"),
        "arrival": ("travel_time", "Travel time to the neighbor cell [min]"),
    }[result]
    d.output(name, "float", n, about=about)
    d.function('''
        @wp.func
        def moisture_damping(ratio: float) -> float:
            """Moisture damping coefficient, 0 at and above the moisture of extinction."""
            square = ratio * ratio
            return wp.max(1.0 - 2.59 * ratio + 5.11 * square - 3.52 * square * ratio, 0.0)
    ''')
    d.function('''
        @wp.func
        def optimum_velocity(sigma: float, relative_packing: float) -> float:
            """Reaction velocity [1/min], which peaks at the optimum packing ratio."""
            power = wp.pow(sigma, 1.5)
            largest = power / (495.0 + 0.0594 * power)
            a = 133.0 * wp.pow(sigma, -0.7913)
            return largest * wp.pow(relative_packing, a) * wp.exp(a * (1.0 - relative_packing))
    ''')
    speed = "wind[tid]" if wind == "speed" else "wp.length(wind[tid])"
    gust = "" if wind == "none" else f"""
        # Convert to ft/min for the empirical fit
        midflame = {"196.85" if metric else "88.0"} * {speed}
        $shelter
        $limit
        c = 7.47 * wp.exp(-0.133 * wp.pow(sigma, 0.55))
        b = 0.02526 * wp.pow(sigma, 0.54)
        e = 0.715 * wp.exp(-3.59e-4 * sigma)
        wind_factor = c * wp.pow(midflame, b) * wp.pow(relative_packing, -e)
        """  # fmt: skip
    incline = {
        "none": "",
        "tangent": """
            # Slope factor: flames tilt toward the uphill fuel and increase the spread rate
            slope_factor = 5.275 * wp.pow(packing, -0.3) * slope[tid] * slope[tid]
            """,
        "gradient": """
            # Slope factor: flames tilt toward the uphill fuel and increase the spread rate
            slope_factor = 5.275 * wp.pow(packing, -0.3) * wp.length_sq(uphill[tid])
            """,
    }[slope]
    if wind == "vector" and slope == "gradient":
        combine = """
            # Combine wind and slope as vectors, since their directions differ
            push = wind_factor * wp.normalize(wind[tid]) + slope_factor * wp.normalize(uphill[tid])
            """
        gain = "wp.length(push)"
    else:
        terms = [
            t for t, there in (("wind_factor", wind != "none"), ("slope_factor", slope != "none")) if there
        ]
        combine, gain = "", " + ".join(terms)
    aligned = wind != "none" and slope != "none" and not combine
    flank = ""
    if ellipse:
        flank = """
            # Elliptical fire growth (Anderson 1983), wind in mi/h
            mph = midflame / 88.0
            length_to_width = 0.936 * wp.exp(0.1147 * mph) + 0.461 * wp.exp(-0.0692 * mph) - 0.397
            # Clamp to at least 1.05 to avoid an infinite gradient of the square root at 1
            length_to_width = wp.clamp(length_to_width, 1.05, 8.0)
            eccentricity = wp.sqrt(1.0 - 1.0 / (length_to_width * length_to_width))
            rate *= (1.0 - eccentricity) / (1.0 - eccentricity * wp.cos(heading[tid]))
            """
    heat = (
        "# Byram: heat per unit area, with a residence time of 384 / sigma minutes\n"
        "heat_per_area = reaction_intensity * 384.0 / sigma\n"
        "intensity = heat_per_area * rate / 60.0\n"
    )
    store = {
        "rate": f"{'# ft/min to m/min' + chr(10) if metric else ''}spread_rate[tid] = {'0.3048 * ' if metric else ''}rate",
        "intensity": heat + "# BTU/(ft s) to kW/m\nfireline_intensity[tid] = 3.4613 * intensity"
        if metric
        else heat.replace("intensity = heat_per", "fireline_intensity[tid] = heat_per"),
        "flame": heat + f"flame_length[tid] = {'0.3048 * ' if metric else ''}0.45 * wp.pow(intensity, 0.46)",
        "crown": heat
        + "# Van Wagner: critical intensity [kW/m]; fireline intensity is converted from BTU/(ft s)\n"
        "ignition_heat = 460.0 + 25.9 * foliar_moisture\n"
        "critical = wp.pow(0.01 * crown_base[tid] * ignition_heat, 1.5)\n"
        "crown_ratio[tid] = 3.4613 * intensity / critical",
        "arrival": f"travel_time[tid] = distance / wp.max({'0.3048 * ' if metric else ''}rate, 1.0e-3)",
    }[result]
    bed = {"shared": "", "table": "fuel = fuel_models[fuel_type[tid]]", "each": "fuel = fuels[tid]"}[fuels]
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        $bed
        sigma = fuel.surface_ratio
        # Packing ratio, with a particle density of 32 lb/ft^3
        bulk_density = $load / fuel.depth
        packing = bulk_density / 32.0
        relative_packing = packing / (3.348 * wp.pow(sigma, -0.8189))
        reaction_velocity = optimum_velocity(sigma, relative_packing)
        # Subtract the mineral content (0.0555)
        $net
        dead_damping = moisture_damping(moisture[tid] / fuel.extinction)
        damped_load = net_load * dead_damping
        $live
        # Reaction intensity [BTU/(ft^2 min)] with heat content 8000 BTU/lb and mineral damping for 1 % silica-free ash
        reaction_intensity = reaction_velocity * 8000.0 * 0.41739 * damped_load
        # Propagating flux ratio
        flux_ratio = wp.exp((0.792 + 0.681 * wp.sqrt(sigma)) * (packing + 0.1)) / (192.0 + 0.2595 * sigma)
        $wind
        $slope
        $combine
        # Effective heating number, since only the surface of thick particles must be heated
        heating = wp.exp(-138.0 / sigma)
        ignition = 250.0 + 1116.0 * moisture[tid]
        $sink
        rate = reaction_intensity * flux_ratio$gain / sink
        $flank
        $store
        """,
        bed=bed,
        load="(fuel.load + live_load[tid])" if live else "fuel.load",
        sink="""
            live_ignition = 250.0 + 1116.0 * live_moisture[tid]
            sink = (fuel.load * ignition + live_load[tid] * live_ignition) / fuel.depth * heating
            """
        if live
        else "sink = bulk_density * heating * ignition",
        net={
            "albini": "net_load = fuel.load * (1.0 - 0.0555)",
            "rothermel": "net_load = fuel.load / (1.0 + 0.0555)",
        }[damping],
        live=f"""
            # Live fuel moisture of extinction (Albini 1976), since dead fuel must dry it first
            fine_ratio = fuel.load / live_load[tid] * wp.exp(362.0 / sigma)
            live_extinction = wp.max(2.9 * fine_ratio * (1.0 - moisture[tid] / fuel.extinction) - 0.226, fuel.extinction)
            damped_load += live_load[tid] {"* (1.0 - 0.0555)" if damping == "albini" else "/ (1.0 + 0.0555)"} * moisture_damping(live_moisture[tid] / live_extinction)
            """
        if live
        else "",
        wind=gust,
        shelter="# Wind adjustment to midflame height: 0.4 in the open, 0.16 under a closed canopy\nmidflame *= 0.4 * (1.0 - 0.6 * canopy_cover[tid])"
        if sheltered
        else "",
        limit="# Wind limit (Rothermel): 0.9 times the reaction intensity\nmidflame = wp.min(midflame, 0.9 * reaction_intensity)"
        if limit
        else "",
        slope=incline,
        combine=combine,
        gain=f" * (1.0 + {gain})" if gain else "",
        flank=flank,
        store=store,
    )
    units = "Internally, the model uses" if metric else "The model uses"
    told = [
        "The rate of spread is the propagating heat flux divided by the heat required for ignition.",
        f"{units} Rothermel's original units: feet, minutes, pounds and BTU.",
        *["Spread rates are along `heading`."] * ellipse,
        *["Assumes wind blowing uphill."] * aligned,
        *["The ellipse shape depends only on wind."] * (ellipse and slope != "none"),
        *["Live fuel uses the same surface-area-to-volume ratio as dead fuel."] * live,
    ]
    d.explain("\n".join(told))
    d.says(
        {
            "rate": "Computes surface fire spread rates using the Rothermel model.",
            "intensity": "Computes fireline intensity for surface fires (Rothermel, Byram).",
            "flame": "Computes flame lengths for surface fires (Rothermel, Byram).",
            "crown": "Computes the crown fire initiation ratio (Van Wagner criterion) for surface fires.",
            "arrival": "Computes fire travel times between neighboring cells using the Rothermel model.",
        }[result]
    )
    prefix = {"shared": "fuel", "table": "fuel_models", "each": "fuels"}[fuels]

    def reference(v: Values) -> dict[str, Any]:
        load, s, depth, mx = (
            (np.asarray(v[f"{prefix}.{f}"])[v.fuel_type] if fuels == "table" else v[f"{prefix}.{f}"])
            * np.ones(n)
            for f in ("load", "surface_ratio", "depth", "extinction")
        )
        wet = v.live_load if live else 0.0
        bulk = (load + wet) / depth
        beta = bulk / 32
        ratio = beta / (3.348 * s**-0.8189)
        a = 133 * s**-0.7913
        gamma = s**1.5 / (495 + 0.0594 * s**1.5) * ratio**a * np.exp(a * (1 - ratio))

        def damped(r: Any) -> Any:
            return np.maximum(1 - 2.59 * r + 5.11 * r**2 - 3.52 * r**3, 0)

        kept = 1 - 0.0555 if damping == "albini" else 1 / 1.0555
        burnt = kept * load * damped(v.moisture / mx)
        if live:
            fine = load * np.exp(-138 / s) / (v.live_load * np.exp(-500 / s))
            lx = np.maximum(2.9 * fine * (1 - v.moisture / mx) - 0.226, mx)
            burnt = burnt + v.live_load * kept * damped(v.live_moisture / lx)
        ir = gamma * 8000 * 0.174 * 0.01**-0.19 * burnt
        xi = np.exp((0.792 + 0.681 * s**0.5) * (beta + 0.1)) / (192 + 0.2595 * s)
        pushes = []
        mid: Any = None
        if wind != "none":
            air = v.wind if wind == "speed" else np.linalg.norm(v.wind, axis=1)
            mid = (196.85 if metric else 88) * air * (0.4 * (1 - 0.6 * v.canopy_cover) if sheltered else 1.0)
            mid = np.minimum(mid, 0.9 * ir) if limit else mid
            phi = (
                7.47
                * np.exp(-0.133 * s**0.55)
                * mid ** (0.02526 * s**0.54)
                * ratio ** -(0.715 * np.exp(-3.59e-4 * s))
            )
            pushes.append((phi, v.wind))
        if slope != "none":
            tangent = v.slope if slope == "tangent" else np.linalg.norm(v.uphill, axis=1)
            pushes.append((5.275 * beta**-0.3 * tangent**2, v.get("uphill")))
        gain = sum((p for p, _ in pushes), 0.0 * s)
        if wind == "vector" and slope == "gradient":
            gain = np.linalg.norm(
                sum(p[:, None] * to / np.linalg.norm(to, axis=1, keepdims=True) for p, to in pushes), axis=1
            )
        sink = load * (250 + 1116 * v.moisture) + wet * (250 + 1116 * v.get("live_moisture", 0.0))
        rate = ir * xi * (1 + gain) * depth / (np.exp(-138 / s) * sink)
        if ellipse:
            u = mid / 88
            lw = np.clip(0.936 * np.exp(0.1147 * u) + 0.461 * np.exp(-0.0692 * u) - 0.397, 1.05, 8)
            ecc = np.sqrt(1 - lw**-2.0)
            rate = rate * (1 - ecc) / (1 - ecc * np.cos(v.heading))
        si = 0.3048 if metric else 1.0
        byram = ir * 384 / s * rate / 60
        return {name: {
            "rate": lambda: si * rate, "intensity": lambda: byram * (3.4613 if metric else 1.0),
            "flame": lambda: si * 0.45 * byram**0.46,
            "crown": lambda: 3.4613 * byram / (0.01 * v.crown_base * (460 + 25.9 * v.foliar_moisture)) ** 1.5,
            "arrival": lambda: v.distance / np.maximum(si * rate, 1e-3),
        }[result]()}  # fmt: skip

    d.check(reference, 5e-3)
