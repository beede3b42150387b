"""Parcels of air that are lifted through columns of the atmosphere."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.climate import DOMAIN
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.trim import trim

# Saturation vapor pressure over water [hPa]: factor, slope, offset in degrees Celsius, by whom.
_SATURATION = {
    "bolton": (6.112, 17.67, 243.5, "Bolton (1980), eq. 10"),
    "tetens": (6.1078, 17.27, 237.3, "Tetens (1930)"),
    "magnus": (6.1094, 17.625, 243.04, "Alduchov and Eskridge (1996), eq. 21"),
}


@DOMAIN.algorithm(
    source="Bolton 1980; Emanuel 1994, Atmospheric Convection, ch. 4 and 6; Doswell & Rasmussen 1994",
    names={
        "temperature": "air_temp|t_air|temperatures",
        "anomaly": "temp_anomaly|t_deviation|departure",
        "humidity": "relative_humidity|rh",
        "pressure": "p_levels|levels_hpa|p_full",
        "column": "tid|i|col",
        "t_parcel": "tp|parcel_temp|t_lifted",
        "cape": "energy|positive_area|cape_sum",
        "cin": "inhibition|negative_area|cin_sum",
        "p_below": "p_prev|p_lower|last_p",
    },
    adjoint="no",
    weight=4,
    element="column",
)
def lift_parcels(d: Draft) -> None:
    """Lifts an air parcel through each column of the atmosphere to find its convective energy."""
    parcel = d.option("parcel", "surface", "mixed", "unstable")
    moist = d.option("moist step", "euler", "midpoint")
    formula = d.option("saturation", *_SATURATION)
    result = d.option("result", "cape", "cape and cin", "index", "speed", "profile")
    virtual = d.flag("virtual")
    entrain = d.flag("entrainment")
    ceiling = d.flag("ceiling", 0.4) and result != "index"  # which needs the level of 500 hPa
    level_first = d.option("layout", False, True)
    ice = d.flag("glaciation", 0.3)
    d.calls(
        {
            "cape": "lift_parcels|convective_energy|cape_kernel|compute_cape",
            "cape and cin": "lift_parcels|convective_energy|cape_and_cin|compute_cape",
            "index": "lifted_index|compute_lifted_index|stability_index",
            "speed": "updraft_speed|strongest_updraft|max_updraft",
            "profile": "parcel_profile|parcel_ascent|lift_parcels|lift_air_parcels",
        }[result]
    )
    columns, levels = d.pick(24, 32, 48), d.pick(12, 16, 20)
    shape = (levels, columns) if level_first else (columns, levels)

    def at(name: str, level: str) -> str:
        return f"{name}[{level}, column]" if level_first else f"{name}[column, {level}]"

    if level_first:
        # Only along the last axis can inputs be ascending: the columns are made of offsets.
        d.input("reference_profile", "float", levels, 230.0, 297.0, "ascending", "Standard temperature [K]")
        d.input("anomaly", "float", shape, -3.0, 3.0, about="Temperature anomaly [K]")
    else:
        d.input(
            "temperature", "float", shape, 230.0, 300.0, "ascending", "Air temperature [K], top to bottom"
        )
    d.input("humidity", "float", shape, 0.3, 0.9, about="Relative humidity")
    d.input("pressure", "float", levels, 180.0, 1000.0, "ascending", about="Level pressure [hPa]")
    if entrain:
        d.param("entrainment", "float", 0.0005, 0.002, about="Fractional entrainment rate [1/hPa]")
    if ceiling:
        d.param("p_top", "float", 250.0, 400.0, about="Pressure at the top of the ascent [hPa]")
    output = {
        "cape": ("cape_out", "float", "Convective available potential energy [J/kg]"),
        "cape and cin": ("energies", "vec2", "CAPE and CIN [J/kg]"),
        "index": ("lifted_index", "float", "Environment minus parcel temperature at 500 hPa [K]"),
        "speed": ("updraft", "float", "Maximum updraft speed [m/s]"),
        "profile": (
            "parcel_profile",
            "float",
            "Parcel temperature [K], 0 below the parcel origin" + " and above `p_top`" * ceiling,
        ),
    }[result]
    d.output(output[0], output[1], shape if result == "profile" else columns, output[2])
    factor, slope, offset, who = _SATURATION[formula]
    d.module("""
        RD = wp.constant(287.04)  # gas constant of dry air [J/(kg K)]
        CP = wp.constant(1005.7)  # specific heat of dry air at constant pressure [J/(kg K)]
        EPSILON = wp.constant(0.622)  # ratio of molar masses, water vapor to dry air
    """)
    d.function(f'''
        @wp.func
        def saturation_mixing_ratio(t: float, p: float) -> float:
            """Saturation mixing ratio [kg/kg] using {who}, with t in K and p in hPa."""
            celsius = t - 273.15
            e_s = {factor} * wp.exp({slope} * celsius / (celsius + {offset}))
            return EPSILON * e_s / (p - e_s)
    ''')
    latent = "latent_heat = 2.501e6 - 2370.0 * (t - 273.15)"
    if ice:
        latent = """
            # Add latent heat of fusion, ramped between 0 and -20 degrees Celsius
            frozen = wp.clamp((273.15 - t) / 20.0, 0.0, 1.0)
            latent_heat = 2.501e6 - 2370.0 * (t - 273.15) + 3.337e5 * frozen
            """
    d.function(
        '''
        @wp.func
        def moist_lapse(t: float, p: float) -> float:
            """Pseudoadiabatic lapse rate dT/d(ln p) [K]."""
            r_s = saturation_mixing_ratio(t, p)
            $latent
            gain = RD * t + latent_heat * r_s
            capacity = CP + latent_heat * latent_heat * r_s * EPSILON / (RD * t * t)
            return gain / capacity
        ''',
        latent=latent,
    )
    if virtual:
        d.function('''
            @wp.func
            def virtual_temperature(t: float, r: float) -> float:
                """Virtual temperature [K]."""
                return t * (1.0 + r / EPSILON) / (1.0 + r)
        ''')
    steps = d.pick(3, 4)
    air = at("temperature", "{0}")
    if level_first:
        air = f"reference_profile[{{0}}] + {at('anomaly', '{0}')}"
    vapor = f"{at('humidity', '{0}')} * saturation_mixing_ratio({{1}}, {{2}})"

    source = {
        "surface": f"""
            # Surface parcel: the last index, since levels are stored top-down
            start = pressure.shape[0] - 1
            p0 = pressure[start]
            t0 = {air.format("start")}
            r0 = {vapor.format("start", "t0", "p0")}
            """,
        "mixed": f"""
            # Mixed-layer parcel: average potential temperature and mixing ratio over the lowest three levels
            start = pressure.shape[0] - 1
            p0 = pressure[start]
            t0 = float(0.0)
            r0 = float(0.0)
            for m in range(3):
                t_m = {air.format("start - m")}
                t0 += t_m * wp.pow(p0 / pressure[start - m], RD / CP) / 3.0
                r0 += {vapor.format("start - m", "t_m", "pressure[start - m]")} / 3.0
            """,
        "unstable": f"""
            # Most unstable parcel: largest equivalent potential temperature (approximate) within the lowest 300 hPa
            start = int(pressure.shape[0] - 1)
            p_ground = pressure[start]
            largest = float(-1.0)
            for m in range(pressure.shape[0]):
                t_m = {air.format("m")}
                r_m = {vapor.format("m", "t_m", "pressure[m]")}
                theta_e = t_m * wp.pow(1000.0 / pressure[m], RD / CP) * wp.exp(2.501e6 * r_m / (CP * t_m))
                if pressure[m] > p_ground - 300.0 and theta_e > largest:
                    largest = theta_e
                    start = m
            p0 = pressure[start]
            t0 = {air.format("start")}
            r0 = {vapor.format("start", "t0", "p0")}
            """,
    }[parcel]
    advance = {
        "euler": "t_parcel += h * moist_lapse(t_parcel, p_step)",
        "midpoint": """
            t_mid = t_parcel + 0.5 * h * moist_lapse(t_parcel, p_step)
            t_parcel += h * moist_lapse(t_mid, p_step * wp.exp(0.5 * h))
            """,
    }[moist]
    tv = "virtual_temperature({}, {})" if virtual else "{}"
    energy = result in ("cape", "cape and cin", "speed")
    first = "buoyancy_below = float(0.0)"
    if parcel == "mixed":  # which is not as warm as the air where it starts
        around = tv.format("t_start", vapor.format("start", "t_start", "p0"))
        first = f"t_start = {air.format('start')}\nbuoyancy_below = {tv.format('t0', 'r0')} - {around}"
    d.launch(columns)
    d.code(
        """
        column = wp.tid()
        $source
        # Lifting condensation level (Bolton 1980, eq. 21)
        vapor_pressure = r0 * p0 / (EPSILON + r0)
        t_lcl = 2840.0 / (3.5 * wp.log(t0) - wp.log(vapor_pressure) - 4.805) + 55.0
        # Clamp to the parcel temperature for saturated air
        t_lcl = wp.min(t_lcl, t0)
        p_lcl = p0 * wp.pow(t_lcl / t0, CP / RD)
        t_parcel = float(t0)
        p_below = float(p0)
        $begin
        for rise in range(1, start + 1):
            level = start - rise
            p = pressure[level]
            $stop
            t_env = $air
            $need
            if p >= p_lcl:
                # Dry ascent below the LCL conserves potential temperature and mixing ratio
                t_parcel = t0 * wp.pow(p / p0, RD / CP)
                $dry
            else:
                # Start at the LCL, since the ascent below it is dry adiabatic
                p_from = wp.min(p_below, p_lcl)
                if p_below > p_lcl:
                    t_parcel = t_lcl
                h = wp.log(p / p_from) / $steps
                for s in range($count):
                    p_step = p_from * wp.exp(h * float(s))
                    $advance
                $mix
                $wet
            $gather
            p_below = p
        $store
        """,
        source=source,
        begin=(
            f"{first}\ncape = float(0.0)" + ("\ncin = float(0.0)" if result == "cape and cin" else "")
            if energy
            else {"index": "excess_below = float(0.0)\nindex = float(0.0)"}.get(result, "")
        ),
        stop="if p < p_top:\n    break" if ceiling else "",
        air=air.format("level"),
        need=f"r_env = {vapor.format('level', 't_env', 'p')}" if virtual and energy else "",
        dry="r_parcel = r0" if virtual and energy else "",
        wet="r_parcel = saturation_mixing_ratio(t_parcel, p)" if virtual and energy else "",
        steps=f"{float(steps)}",
        count=str(steps),
        advance=advance,
        mix="""
            # Entrain environmental air, since undiluted parcels are too warm
            mixed = 1.0 - wp.exp(entrainment * (p - p_from))
            t_parcel += mixed * (t_env - t_parcel)
            """
        if entrain
        else "",
        gather={
            "index": """
                # Interpolate linearly in ln p
                excess = t_env - t_parcel
                if p <= 500.0 and p_below > 500.0:
                    share = wp.log(p_below / 500.0) / wp.log(p_below / p)
                    index = (1.0 - share) * excess_below + share * excess
                excess_below = excess
                """,
            "profile": f"{at('parcel_profile', 'level')} = t_parcel",
        }.get(
            result,
            """
            buoyancy = $parcel - $env
            # Layer buoyancy work per unit mass, trapezoidal rule in ln p [J/kg]
            work = 0.5 * RD * (buoyancy + buoyancy_below) * wp.log(p_below / p)
            $inhibitcape += wp.max(work, 0.0)
            buoyancy_below = buoyancy
            """.replace("$parcel", tv.format("t_parcel", "r_parcel"))
            .replace("$env", tv.format("t_env", "r_env"))
            .replace(
                "$inhibit",
                """# Only count negative buoyancy below the level of free convection
            if cape == 0.0 and work < 0.0:
                cin -= work
            """
                if result == "cape and cin"
                else "",
            ),
        ),
        store={
            "cape": "cape_out[column] = cape",
            "cape and cin": "energies[column] = wp.vec2(cape, cin)",
            "index": "lifted_index[column] = index",
            "speed": "# Parcel theory: w = sqrt(2 CAPE)\nupdraft[column] = wp.sqrt(2.0 * cape)",
            "profile": f"{at('parcel_profile', 'start')} = t0",
        }[result],
    )
    trim(d)
    mixing = " There, it entrains environmental air but stays saturated." if entrain else ""
    fusion = " Saturation is over water even when ice forms." if ice else ""
    dry = " Virtual temperature effects on buoyancy are neglected." if energy and not virtual else ""
    rises = {
        "surface": "The parcel starts at the lowest level.",
        "mixed": "The parcel starts with the average of the lowest three levels.",
        "unstable": "The most unstable parcel is used.",
    }[parcel]
    end = " The ascent ends at `p_top`." if ceiling else ""
    d.explain(f"""
        Levels are stored top-down. Below the condensation level the parcel follows the dry adiabat,
        above it the pseudoadiabat, where all condensate is removed immediately.{mixing} {rises}{fusion}{dry}{end}
    """)
    d.says(
        {
            "index": "Computes the lifted index per atmospheric column.",
            "profile": "Computes the temperature profile of a lifted air parcel for each atmospheric column.",
            "speed": "Estimates the maximum updraft speed per atmospheric column using parcel theory.",
        }.get(
            result,
            "Computes convective available potential energy per atmospheric column by lifting an air parcel"
            + (", including convective inhibition." if result == "cape and cin" else "."),
        )
    )

    def saturated(t: Any, p: Any) -> Any:
        e = factor * np.exp(slope * (t - 273.15) / (t - 273.15 + offset))
        return 0.622 * e / (p - e)

    def lapse(t: float, p: float) -> Any:
        heat = 2.501e6 - 2370 * (t - 273.15) + (3.337e5 * np.clip((273.15 - t) / 20, 0, 1) if ice else 0.0)
        r = saturated(t, p)
        return (287.04 * t + heat * r) / (1005.7 + heat**2 * r * 0.622 / (287.04 * t * t))

    def agrees(v: Values, after: Values) -> None:
        t_all = v.anomaly.T + v.reference_profile if level_first else v.temperature
        r_all = (v.humidity.T if level_first else v.humidity) * saturated(t_all, v.pressure)
        found = [lifted(t, r, v.pressure, v) for t, r in zip(t_all, r_all, strict=True)]
        made = np.array(found)
        mostly_close(after[output[0]], made.T if result == "profile" and level_first else made, 1e-2, 0.95)

    def lifted(t: Any, r: Any, p: Any, v: Values) -> Any:
        k = 287.04 / 1005.7
        start = levels - 1
        if parcel == "unstable":
            theta = t * (1000 / p) ** k * np.exp(2.501e6 * r / (1005.7 * t))
            start = int(np.argmax(np.where(p > p[-1] - 300, theta, -1.0)))
        p0, t0, r0 = p[start], t[start], r[start]
        if parcel == "mixed":
            t0, r0 = np.mean(t[-3:] * (p0 / p[-3:]) ** k), np.mean(r[-3:])
        vapor = r0 * p0 / (0.622 + r0)
        t_lcl = min(2840 / (3.5 * np.log(t0) - np.log(vapor) - 4.805) + 55, t0)
        p_lcl = p0 * (t_lcl / t0) ** (1 / k)
        path = np.zeros(levels)
        path[start] = tp = t0
        below, b_below, cape, cin, index, x_below = p0, 0.0, 0.0, 0.0, 0.0, 0.0
        if parcel == "mixed":
            lift, rest = ((1 + m / 0.622) / (1 + m) if virtual else 1.0 for m in (r0, r[start]))
            b_below = t0 * lift - t[start] * rest
        for level in range(start - 1, -1, -1):
            q = p[level]
            if ceiling and q < v.p_top:
                break
            if q >= p_lcl:
                tp, rp = t0 * (q / p0) ** k, r0
            else:
                tp, first = (t_lcl, p_lcl) if below > p_lcl else (tp, below)
                h = np.log(q / first) / steps
                for s in range(steps):
                    here = first * np.exp(h * s)
                    slope_ = lapse(tp, here)
                    if moist == "midpoint":
                        slope_ = lapse(tp + h / 2 * slope_, here * np.exp(h / 2))
                    tp = tp + h * slope_
                if entrain:
                    tp += -np.expm1(v.entrainment * (q - first)) * (t[level] - tp)
                rp = saturated(tp, q)
            path[level] = tp
            a, b = tp, t[level]
            if q <= 500 < below:
                share = np.log(below / 500) / np.log(below / q)
                index = (1 - share) * x_below + share * (b - a)
            x_below = b - a
            if virtual:
                a, b = a * (1 + rp / 0.622) / (1 + rp), b * (1 + r[level] / 0.622) / (1 + r[level])
            work = 287.04 * (a - b + b_below) / 2 * np.log(below / q)
            cin += max(-work, 0.0) if cape == 0 else 0.0
            cape += max(work, 0.0)
            b_below, below = a - b, q
        return {
            "cape": cape, "cape and cin": (cape, cin), "index": index, "speed": (2 * cape) ** 0.5,
            "profile": path,
        }[result]  # fmt: skip

    d.holds(agrees)
