"""Energy and mass of a snowpack over a day."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.climate import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

WEATHER = piece(
    '''
@wp.struct
class Weather:
    """Daily mean weather forcing."""

    air_temp: float  # [deg C]
    humidity: float  # relative, 0 to 1
    wind_speed: float  # [m/s]
    precipitation: float  # daily sum [mm]
    solar: float  # incoming shortwave radiation [W/m^2]
    cloud_cover: float  # 0 to 1
'''
)
_WEATHER = {
    "air_temp": fill(-8.0, 8.0),
    "humidity": fill(0.3, 0.95),
    "wind_speed": fill(0.0, 6.0),
    "precipitation": fill(0.0, 20.0),
    "solar": fill(50.0, 250.0),
    "cloud_cover": fill(0.0, 1.0),
}
_ABOUT = {
    "air_temp": "Air temperature [deg C]",
    "humidity": "Relative humidity, 0 to 1",
    "wind_speed": "Wind speed [m/s]",
    "precipitation": "Daily precipitation [mm]",
    "solar": "Incoming shortwave radiation [W/m^2]",
    "cloud_cover": "Cloud cover, 0 to 1",
}

_PHASE = {
    "linear": """
    # Linear transition from snow at 0 deg C to rain at 2.5 deg C
    rain_fraction = wp.clamp(air_temp / 2.5, 0.0, 1.0)
    """,
    "logistic": """
    # Logistic rain fraction: one half at 1 deg C, slope parameter 1.5 per deg C
    rain_fraction = 1.0 / (1.0 + wp.exp(-1.5 * (air_temp - 1.0)))
    """,
    "wet bulb": """
    # Precipitation phase from wet-bulb temperature in deg C (psychrometric equation linearized at 0 deg C, 900 hPa)
    wet_bulb = air_temp - (1.0 - humidity) * (6.0 + 0.3 * air_temp)
    rain_fraction = wp.clamp(0.5 + 0.4 * wet_bulb, 0.0, 1.0)
    """,
}

_ALBEDO = {
    "age": """
    # Fresh snow refreshes the surface (63 % per 5 mm), old snow albedo decays exponentially with age (0.1 per day)
    refresh = 1.0 - wp.exp(-snowfall / 5.0)
    age_now = (1.0 - refresh) * (snow_age[tid] + 1.0)
    albedo = 0.5 + 0.35 * wp.exp(-0.1 * age_now)
    """,
    "temperature": """
    # Albedo decays faster for melting snow (rates per day), fresh snow refreshes the surface (63 % per 5 mm)
    refresh = 1.0 - wp.exp(-snowfall / 5.0)
    decay = wp.where(air_temp > 0.0, 0.12, 0.03)
    age_now = (1.0 - refresh) * (snow_age[tid] + 1.0)
    albedo = 0.5 + 0.35 * wp.exp(-decay * age_now)
    """,
}

_SKY = {
    "brutsaert": """
    # Clear-sky emissivity (Brutsaert 1975), vapor pressure in hPa
    clear_emissivity = 1.24 * wp.pow(vapor_pressure / air_kelvin, 1.0 / 7.0)
    """,
    "prata": """
    # Clear-sky emissivity from precipitable water in cm (Prata 1996), vapor pressure in hPa
    water = 46.5 * vapor_pressure / air_kelvin
    clear_emissivity = 1.0 - (1.0 + water) * wp.exp(-wp.sqrt(1.2 + 3.0 * water))
    """,
}

_TURBULENCE = {
    "neutral": """
    # Neutral bulk transfer coefficient over snow (dimensionless)
    transfer = 0.0023
    """,
    "stable": """
    # Stability correction using the bulk Richardson number (2 m forcing height)
    richardson = 9.81 * 2.0 * (air_temp - surface_temp) / (air_kelvin * wind * wind)
    damped = 1.0 - 5.0 * wp.min(richardson, 0.15)
    transfer = 0.0023 * damped * damped
    """,
}


@DOMAIN.algorithm(
    source="Anderson 1976; Tarboton & Luce 1996 (UEB); DeWalle & Rango 2008; Prata 1996; Brutsaert 1975",
    names={
        "snow_energy_balance": "melt_snow|snowpack_step|update_snowpack|snow_melt",
        "tid": "cell|site",
        "swe": "snow_water|water_equivalent|snowpack",
        "cold_content": "heat_deficit|cold|deficit",
        "runoff": "outflow|water_out|released",
        "air_temp": "t_air|air_temperature|ta",
        "surface_temp": "t_snow|snow_temperature|ts",
        "net_energy": "q_net|energy|energy_sum",
        "rain_fraction": "liquid_fraction|rain_share",
        "transfer": "exchange|bulk_coefficient|c_h",
    },
    weight=12,
)
def snow_energy_balance(d: Draft) -> None:
    """Advances snowpacks by a day: snow, rain, radiation, turbulent heat, cold content, melt and runoff."""
    phase = d.option("phase", *_PHASE)
    albedo = d.option("albedo", *_ALBEDO)
    sky = d.option("sky", *_SKY)
    turbulence = d.option("turbulence", *_TURBULENCE)
    liquid = d.flag("liquid")
    forest = d.flag("forest", 0.4)
    given = d.option("weather", "arrays", "structs")
    mask = d.option("mask", "none", "glacier", "valid")
    forest = forest and mask != "glacier"  # no trees grow on ice
    count = d.pick(64, 96, 128)
    if given == "structs":
        d.struct("weather", WEATHER, _WEATHER, count, about="Per-cell weather forcing")
        read = "\n".join(
            [
                "forcing = weather[tid]",
                *(f"{n} = forcing.{n}" for n in ("air_temp", "humidity", "precipitation")),
            ]
        )
        at = {name: f"forcing.{name}" for name in _WEATHER}
    else:
        for name, filled in _WEATHER.items():
            d.input(f"{name}_in" if name in ("air_temp", "humidity", "precipitation") else name,
                    "float", count, filled.low, filled.high, about=_ABOUT[name])  # fmt: skip
        read = "\n".join(f"{n} = {n}_in[tid]" for n in ("air_temp", "humidity", "precipitation"))
        at = {name: f"{name}[tid]" for name in _WEATHER}
    if mask == "valid":
        d.mask("valid", "bool", count, about="Catchment mask")
    elif mask == "glacier":
        d.input("glacier_id", "int", count, -1, 3, about="Glacier index, -1 if the cell has no glacier")
    dry = ", excluding liquid water" if liquid else ""
    d.input("swe", "float", count, 20.0, 140.0, about=f"Snow water equivalent{dry} [mm]")
    d.input("cold_content", "float", count, 0.0, 0.4, about="Snowpack cold content [MJ/m^2]")
    d.input("snow_age", "float", count, 0.0, 20.0, about="Snow surface age from the previous day [days]")
    if liquid:
        d.input("liquid_water", "float", count, 0.0, 4.0, about="Liquid water in the snowpack [mm]")
    if forest:
        d.input("canopy_cover", "float", count, 0.0, 0.9, about="Canopy cover fraction")
    d.output("swe_new", "float", count, about=f"Updated snow water equivalent{dry} [mm]")
    d.output("cold_new", "float", count, about="Updated cold content [MJ/m^2]")
    d.output("runoff", "float", count, about="Snowpack runoff from rain and melt [mm]")
    d.output("age_new", "float", count, about="Updated snow surface age [days]")
    if liquid:
        d.output("liquid_new", "float", count, about="Updated liquid water [mm]")
    d.module("""
        SECONDS_PER_DAY = wp.constant(86400.0)  # [s/day]
        STEFAN_BOLTZMANN = wp.constant(5.670374e-8)  # [W/m^2/K^4]
        FUSION_HEAT = wp.constant(0.334)  # latent heat of fusion [MJ/kg]
        SUBLIMATION_HEAT = wp.constant(2.834e6)  # latent heat of sublimation [J/kg]
        ICE_HEAT_CAPACITY = wp.constant(0.0021)  # [MJ/kg/K]
        WATER_HEAT_CAPACITY = wp.constant(4186.0)  # [J/kg/K]
        AIR_HEAT_CAPACITY = wp.constant(1005.0)  # at constant pressure [J/kg/K]
        SNOW_EMISSIVITY = wp.constant(0.98)  # longwave emissivity of snow
    """)
    d.function('''
        @wp.func
        def saturation_pressure(temp: float) -> float:
            """Return the saturation vapor pressure over water in hPa (Magnus formula), temperature in deg C."""
            return 6.112 * wp.exp(17.62 * temp / (243.12 + temp))
    ''')
    d.function('''
        @wp.func
        def ice_saturation_pressure(temp: float) -> float:
            """Return the saturation vapor pressure over ice in hPa (Magnus formula), temperature in deg C."""
            return 6.112 * wp.exp(22.46 * temp / (272.62 + temp))
    ''')
    skip = {
        "none": "",
        "valid": "if not valid[tid]:\n    swe_new[tid] = swe[tid]\n    cold_new[tid] = cold_content[tid]\n"
        "    age_new[tid] = snow_age[tid]\n    runoff[tid] = 0.0\n"
        + ("    liquid_new[tid] = liquid_water[tid]\n" if liquid else "")
        + "    return",
        "glacier": "# Glacier ice is unlimited, so do not limit the melt by the snowpack\nhas_ice = glacier_id[tid] >= 0",
    }
    canopy = """
    # Forest canopy: reduce shortwave and wind, add longwave emission by the trees
    sky_view = 1.0 - canopy_cover[tid]
    solar_net *= sky_view
    longwave_in = sky_view * longwave_in + canopy_cover[tid] * STEFAN_BOLTZMANN * wp.pow(air_kelvin, 4.0)
    wind *= 1.0 - 0.6 * canopy_cover[tid]
    """
    drain = """
    # Refreeze liquid water, then drain any excess above 4 % of the pack mass
    stored = liquid_water[tid] + rain + melt
    refrozen = wp.min(stored, cold_after / FUSION_HEAT)
    stored -= refrozen
    swe_after += refrozen
    cold_after -= refrozen * FUSION_HEAT
    capacity = 0.04 * swe_after
    held = wp.min(stored, capacity)
    liquid_new[tid] = held
    runoff[tid] = stored - held
    """
    available = {
        "none": "melt = wp.min(melt_energy / FUSION_HEAT, swe_before)",
        "valid": "melt = wp.min(melt_energy / FUSION_HEAT, swe_before)",
        "glacier": "potential_melt = melt_energy / FUSION_HEAT\n"
        "melt = wp.where(has_ice, potential_melt, wp.min(potential_melt, swe_before))",
    }
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $skip
        $read
        # Minimum wind speed, since turbulent exchange vanishes in calm air
        wind = $wind
        air_kelvin = air_temp + 273.15
        $phase
        rain = rain_fraction * precipitation
        snowfall = precipitation - rain
        swe_before = swe[tid] + snowfall
        $albedo
        solar_net = (1.0 - albedo) * $solar
        vapor_pressure = humidity * saturation_pressure(air_temp)
        $sky
        cloud = $cloud
        emissivity = clear_emissivity * (1.0 + 0.22 * cloud * cloud)
        longwave_in = emissivity * STEFAN_BOLTZMANN * wp.pow(air_kelvin, 4.0)
        # Approximate surface temperature: 1 deg C below air temperature, capped at the melting point
        surface_temp = wp.min(air_temp - 1.0, 0.0)
        surface_kelvin = surface_temp + 273.15
        $canopy
        longwave_out = SNOW_EMISSIVITY * STEFAN_BOLTZMANN * wp.pow(surface_kelvin, 4.0)
        longwave_net = SNOW_EMISSIVITY * longwave_in - longwave_out
        $turbulence
        # Air density from the ideal gas law at 900 hPa [kg/m^3]
        air_density = 313.5 / air_kelvin
        sensible = air_density * AIR_HEAT_CAPACITY * transfer * wind * (air_temp - surface_temp)
        surface_vapor = ice_saturation_pressure(surface_temp)
        # Specific humidity difference at 900 hPa, vapor pressures in hPa
        humidity_gap = 0.622 * (vapor_pressure - surface_vapor) / 900.0
        latent = air_density * SUBLIMATION_HEAT * transfer * wind * humidity_gap
        # Heat advected by rain cooling to 0 deg C (1 mm = 1 kg/m^2)
        rain_heat = WATER_HEAT_CAPACITY * rain * $warm / SECONDS_PER_DAY
        # Daily energy balance [MJ/m^2]
        net_energy = (solar_net + longwave_net + sensible + latent + rain_heat) * SECONDS_PER_DAY * 1.0e-6
        # New snow at air temperature adds to the cold content
        cold_before = cold_content[tid] + ICE_HEAT_CAPACITY * snowfall * wp.max(-air_temp, 0.0)
        # Energy is first used to remove the cold content, the remainder melts snow
        melt_energy = wp.max(net_energy - cold_before, 0.0)
        cold_after = wp.max(cold_before - net_energy, 0.0)
        # Limit the cold content, since the pack cannot be much colder than its surface (at most -0.5 deg C)
        cold_after = wp.min(cold_after, ICE_HEAT_CAPACITY * swe_before * wp.max(-surface_temp, 0.5))
        $melt
        swe_after = $left
        $drain
        swe_new[tid] = swe_after
        cold_new[tid] = cold_after
        age_new[tid] = age_now
        """,
        skip=skip[mask],
        read=read,
        wind=f"wp.max({at['wind_speed']}, 0.5)",
        phase=_PHASE[phase],
        warm="air_temp" if phase == "linear" else "wp.max(air_temp, 0.0)",  # or it does not rain
        albedo=_ALBEDO[albedo],
        solar=at["solar"],
        sky=_SKY[sky],
        cloud=at["cloud_cover"],
        canopy=canopy if forest else "",
        turbulence=_TURBULENCE[turbulence],
        melt=available[mask],
        left="wp.max(swe_before - melt, 0.0)" if mask == "glacier" else "swe_before - melt",
        drain=drain if liquid else "runoff[tid] = rain + melt",
    )
    d.says(
        f"Advances{' sub-canopy' * forest} snowpacks by one day: snow, rain, radiation, turbulent heat, cold content,"
        f" melt{', refreezing' * liquid} and runoff."
    )
    drains = "" if liquid else " Rain and melt run off immediately."
    ice = " Bare ice uses the snow albedo." if mask == "glacier" else ""
    d.explain(f"""
        Energies are daily sums in MJ/m^2; fluxes are in W/m^2, positive toward the snow surface.
        Cold content is the energy needed to warm the pack to 0 deg C. Sublimation only affects heat,
        not mass.{drains}{ice} Wind speed is clamped to at least 0.5 m/s.
    """)

    def reference(v: Values) -> dict[str, Any]:
        w = {}
        for name in _WEATHER:
            keys = (f"weather.{name}", f"{name}_in", name)
            w[name] = next(v[k] for k in keys if k in v)
        t, k, p = w["air_temp"], w["air_temp"] + 273.15, w["precipitation"]
        share = {
            "linear": np.clip(t / 2.5, 0.0, 1.0),
            "logistic": 1.0 / (1.0 + np.exp(1.5 - 1.5 * t)),
            "wet bulb": np.clip(0.5 + 0.4 * (t - (1.0 - w["humidity"]) * (6.0 + 0.3 * t)), 0.0, 1.0),
        }[phase]
        rain, fall = share * p, (1.0 - share) * p
        before = v.swe + fall
        fade = np.where(t > 0.0, 0.12, 0.03) if albedo == "temperature" else 0.1
        bright = 0.5 + 0.35 * np.exp(-fade * np.exp(-fall / 5.0) * (v.snow_age + 1.0))
        e = w["humidity"] * 6.112 * np.exp(17.62 * t / (243.12 + t))
        if sky == "brutsaert":
            clear = 1.24 * (e / k) ** (1.0 / 7.0)
        else:
            clear = 1.0 - (1.0 + 46.5 * e / k) * np.exp(-np.sqrt(1.2 + 139.5 * e / k))
        black = 5.670374e-8 * k**4
        down = clear * (1.0 + 0.22 * w["cloud_cover"] ** 2) * black
        sun, wind = (1.0 - bright) * w["solar"], np.maximum(w["wind_speed"], 0.5)
        if forest:
            c = v.canopy_cover
            sun, down, wind = sun * (1.0 - c), (1.0 - c) * down + c * black, wind * (1.0 - 0.6 * c)
        ts = np.minimum(t - 1.0, 0.0)
        net = sun + 0.98 * (down - 5.670374e-8 * (ts + 273.15) ** 4)
        transfer = 0.0023 * np.ones(count)
        if turbulence == "stable":
            ri = np.minimum(19.62 * (t - ts) / (k * wind**2), 0.15)
            transfer = transfer * (1.0 - 5.0 * ri) ** 2
        mass = 313.5 / k * transfer * wind
        es = 6.112 * np.exp(22.46 * ts / (272.62 + ts))
        net = net + mass * (1005.0 * (t - ts) + 2.834e6 * 0.622 * (e - es) / 900.0)
        energy = net * 0.0864 + 4186e-6 * rain * np.maximum(t, 0.0)
        cold = v.cold_content + 0.0021 * fall * np.maximum(-t, 0.0)
        possible = np.maximum(energy - cold, 0.0) / 0.334
        ice = v.glacier_id >= 0 if mask == "glacier" else np.zeros(count, bool)
        melt = np.where(ice, possible, np.minimum(possible, before))
        left = np.minimum(np.maximum(cold - energy, 0.0), 0.0021 * before * np.maximum(-ts, 0.5))
        after, out, held = np.maximum(before - melt, 0.0), rain + melt, np.zeros(count)
        if liquid:
            stored = v.liquid_water + rain + melt
            frozen = np.minimum(stored, left / 0.334)
            after, left, stored = after + frozen, left - frozen * 0.334, stored - frozen
            held = np.minimum(stored, 0.04 * after)
            out = stored - held
        age = np.exp(-fall / 5.0) * (v.snow_age + 1.0)
        made = {"swe_new": after, "cold_new": left, "age_new": age, "runoff": out}
        if liquid:
            made["liquid_new"] = held
        if mask == "valid":
            old = {"swe_new": v.swe, "cold_new": v.cold_content, "age_new": v.snow_age, "runoff": 0.0}
            old |= {"liquid_new": v.liquid_water} if liquid else {}
            made = {name: np.where(v.valid, m, old[name]) for name, m in made.items()}
        return made

    d.check(reference, 2e-3)
