"""Radio links to satellites."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.earth import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, dedented
from warpgen.synthesis.writing.trim import trim

_erfc = np.vectorize(math.erfc, otypes=[float])


@DOMAIN.algorithm(
    source="Maral & Bousquet 2009, ch. 5; Friis 1946; ITU-R P.838-3 (rain) and S.465 (side lobes); Proakis 2001, ch. 5",
    names={
        "satellites": "sat_pos|spacecraft|transmitters",
        "stations": "station_pos|ground|receivers",
        "elevation": "el|look_angle|elev",
        "slant": "range_km|distance|path_length",
        "rain_rate": "rain|rainfall|precipitation",
        "dish_gain": "g_rx|receive_gain|antenna_gain",
        "noise_kelvin": "t_sys|system_temp|noise_temp",
    },
    double=True,
    weight=8,
)
def link_budgets(d: Draft) -> None:
    """Computes the quality of radio links from satellites to ground stations."""
    result = d.option(
        "result", "carrier to noise", "bit errors", "margin", "doppler", weights=(0.35, 0.25, 0.2, 0.2)
    )
    rain = d.option("rain", "none", "specific", "with height", weights=(0.25, 0.4, 0.35))
    pointing = d.option("pointing", "ideal", "parabola", "side lobes")
    noise = d.option("noise", "fixed", "antenna", "figure")
    band = d.option("frequency", "param", "per link")
    up = d.option("vertical", "radial", "given")
    d.calls(
        {
            "carrier to noise": "link_budgets|satellite_link|carrier_to_noise|link_quality",
            "bit errors": "link_bit_errors|bit_error_rates|qpsk_bit_errors",
            "margin": "link_margins|downlink_margin|link_margin",
            "doppler": "doppler_shifts|satellite_doppler|compute_doppler",
        }[result]
    )
    links = "satellite downlinks above 5 degrees elevation"
    d.says({
        "carrier to noise": f"Computes carrier-to-noise ratios for {links}.",
        "bit errors": f"Computes bit error rates for {links}.",
        "margin": f"Computes link margins for {links}.",
        "doppler": "Computes Doppler shifts at ground stations for satellites above 5 degrees elevation.",
    }[result])  # fmt: skip
    if result == "doppler":
        up = "radial"  # of the vertical it would ask nothing but whether the satellite is up
    n = d.pick(32, 48, 64)
    d.input("stations", "vec3", n, 3676.0, 3684.0, about="Stations, earth-fixed [km]")
    d.input("satellites", "vec3", n, -14000.0, 30000.0, about="Satellites, earth-fixed [km]")
    if up == "given":
        d.input("verticals", "vec3", n, 0.57, 0.585, about="Station up vectors (not normalized)")
    if band == "param":
        d.param("frequency", "float", 11.0, 14.0, about="Frequency [GHz]")
    else:
        d.input("frequency", "float", n, 11.0, 14.0, about="Frequencies [GHz]")
    weak, strong = (20.0, 35.0) if result == "bit errors" else (40.0, 55.0)
    d.param("eirp", "float", weak, strong, about="Satellite effective isotropic radiated power [dBW]")
    d.param("diameter", "float", 0.6, 2.4, about="Dish diameter [m]")
    if rain != "none":
        d.input("rain_rate", "float", n, 1.0, 120.0, about="Rain rates [mm/h]")
    if rain == "with height":
        d.input("station_height", "float", n, 0.0, 4.8, about="Station height above sea level [km]")
        about = "Melting layer height above sea level (ITU-R P.839) [km]"
        d.input("melting_height", "float", n, 1.5, 5.0, about=about)
    if pointing != "ideal":
        low, high = (0.0, 0.3) if pointing == "parabola" else (0.1, 8.0)
        d.input("off_axis", "float", n, low, high, about="Off-axis pointing angle [deg]")
    if noise == "figure":
        d.param("noise_figure", "float", 1.0, 4.0, about="Receiver noise figure [dB]")
    else:
        d.param("receiver_kelvin", "float", 60.0, 150.0, about="Receiver noise temperature [K]")
    if noise == "antenna":
        d.param("ground_kelvin", "float", 10.0, 45.0, about="Ground noise temperature from side lobes [K]")
    if result == "doppler":
        d.input("satellite_velocity", "vec3", n, -5.0, 5.0, about="Satellite velocity [km/s]")
        d.output("shift_khz", "float", n, about="Doppler shift [kHz], 0 below 5 degrees")
    else:
        d.param("bandwidth", "float", 1.0e6, 3.6e7, about="Noise bandwidth, equal to the symbol rate [Hz]")
        if result == "margin":
            d.param("required", "float", 6.0, 12.0, about="Required carrier-to-noise ratio [dB]")
        name, about = {
            "carrier to noise": ("cn_db", "Carrier-to-noise ratio [dB], -99 below 5 degrees"),
            "bit errors": (
                "bit_error_rate",
                "QPSK bit error rate, 0.5 below 5 degrees",
            ),
            "margin": ("margin_db", "Margin [dB], -99 below 5 degrees"),
        }[result]
        d.output(name, "float", n, about=about)
    d.module(
        "LIGHT = wp.constant(299792.458)  # speed of light [km/s]"
        + ("" if result == "doppler" else "\nBOLTZMANN_DB = wp.constant(-228.599)  # [dB(W/(Hz K))]")
    )
    d.function('''
        @wp.func
        def decibels(ratio: float) -> float:
            """Convert a power ratio to decibels."""
            return 10.0 * wp.log10(ratio)
    ''')
    if rain != "none":
        d.function('''
            @wp.func
            def rain_loss_per_km(ghz: float, rate: float) -> float:
                """Specific rain attenuation k R^a [dB/km], valid for 10 to 15 GHz."""
                # ITU-R P.838-3 coefficients (horizontal polarization) at 10, 12 and 15 GHz, interpolated in log f
                if ghz < 12.0:
                    share = wp.log(ghz / 10.0) / wp.log(1.2)
                    return 0.01217 * wp.pow(0.02386 / 0.01217, share) * wp.pow(rate, wp.lerp(1.2571, 1.1825, share))
                share = wp.log(ghz / 12.0) / wp.log(1.25)
                factor = 0.02386 * wp.pow(0.04481 / 0.02386, share)
                exponent = wp.lerp(1.1825, 1.1233, share)
                return factor * wp.pow(rate, exponent)
        ''')
    ghz = "frequency" if band == "param" else "frequency[tid]"
    vertical = "wp.normalize(stations[tid])" if up == "radial" else "wp.normalize(verticals[tid])"
    silent = {"carrier to noise": "cn_db[tid] = -99.0", "bit errors": "bit_error_rate[tid] = 0.5",
              "margin": "margin_db[tid] = -99.0", "doppler": "shift_khz[tid] = 0.0"}[result]  # fmt: skip
    rainy = {
        "none": "",
        "specific": """
            # Rain height of 4 km; path reduction factor, since rain cells are small (ITU-R P.618)
            rainy_path = 4.0 / wp.sin(elevation)
            effective = rainy_path / (1.0 + 0.045 * rainy_path * wp.cos(elevation))
            fade = rain_loss_per_km(ghz, rain_rate[tid]) * effective
        """,
        "with height": """
            # Rain path from the station to the melting layer
            rainy_path = wp.max(melting_height[tid] - station_height[tid], 0.0) / wp.sin(elevation)
            base_km = 35.0 * wp.exp(-0.015 * wp.min(rain_rate[tid], 100.0))
            reduction = 1.0 / (1.0 + rainy_path * wp.cos(elevation) / base_km)
            fade = rain_loss_per_km(ghz, rain_rate[tid]) * rainy_path * reduction
        """,
    }[rain]
    aim = {
        "ideal": "",
        "parabola": "# Main lobe pointing loss: 12 dB at one beam width\nbeam = 21.0 / (ghz * diameter)\n"
        "off = off_axis[tid] / beam\ngain_db = peak_db - 12.0 * off * off",
        "side lobes": "# Side-lobe envelope (ITU-R S.465), clamped since it diverges on the axis\n"
        "gain_db = wp.min(peak_db, 32.0 - 25.0 * wp.log10(off_axis[tid]))",
    }[pointing]
    kelvin = {
        "fixed": "# Add about 30 K antenna temperature from sky and ground\nnoise_kelvin = receiver_kelvin + 30.0",
        "antenna": "# Cold sky plus ground noise from the side lobes\nnoise_kelvin = receiver_kelvin + 10.0 + ground_kelvin"
        if rain == "none"
        else "# Sky noise includes thermal emission from rain, plus ground noise from the side lobes\ntransparent = wp.pow(10.0, -0.1 * fade)\n"
        "noise_kelvin = receiver_kelvin + 10.0 * transparent + 275.0 * (1.0 - transparent) + ground_kelvin",
        "figure": "# Convert noise figure to noise temperature (290 K), plus about 40 K antenna temperature\nnoise_kelvin = 290.0 * (wp.pow(10.0, 0.1 * noise_figure) - 1.0) + 40.0",
    }[noise]
    end = {
        "carrier to noise": "cn_db[tid] = cn",
        "margin": "margin_db[tid] = cn - required",
        "bit errors": "# QPSK: two bits per symbol, so halve the symbol energy\nper_bit = 0.5 * wp.pow(10.0, 0.1 * cn)\n"
        "bit_error_rate[tid] = 0.5 * wp.erfc(wp.sqrt(per_bit))",
        "doppler": "",
    }[result]
    budget = """
        spreading = 20.0 * wp.log10(4.0 * wp.pi * slant * ghz * 1.0e9 / LIGHT)
        # Gaseous attenuation: 0.06 dB at zenith, scaled to the slant path
        gases = 0.06 / wp.sin(elevation)
        $rainy
        # Antenna gain with 60 % aperture efficiency
        wavelength = LIGHT / (ghz * 1.0e6)
        electrical_size = wp.pi * diameter / wavelength
        peak_db = decibels(0.6 * electrical_size * electrical_size)
        $aim
        $kelvin
        cn = eirp - spreading - gases$fade + gain_db - decibels(noise_kelvin) - BOLTZMANN_DB - decibels(bandwidth)
        $end
    """
    doppler = """
        # Closing speed along the line of sight, positive if approaching
        closing = -wp.dot(satellite_velocity[tid], sight) / slant
        shift_khz[tid] = closing / LIGHT * ghz * 1.0e6
    """
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        ghz = $ghz
        sight = satellites[tid] - stations[tid]
        slant = wp.length(sight)
        vertical = $vertical
        $height
            # Below the elevation mask
            $silent
            return
        $body
        """,
        ghz=ghz,
        vertical=vertical,
        height="sin_elevation = wp.dot(sight, vertical) / slant\nif sin_elevation < wp.sin(wp.radians(5.0)):"
        if result == "doppler"
        else "elevation = wp.asin(wp.clamp(wp.dot(sight, vertical) / slant, -1.0, 1.0))\n"
        "if elevation < wp.radians(5.0):",
        silent=silent,
        body=dedented(doppler if result == "doppler" else budget),
        rainy=dedented(rainy),
        aim=aim,
        kelvin=kelvin,
        fade="" if rain == "none" else " - fade",
        end=end,
    )
    if pointing == "ideal":
        d.text = d.text.replace("peak_db", "gain_db")
    trim(d)
    if band == "param":
        d.text = re.sub(r"\bghz\b", "frequency", d.text).replace("frequency = frequency\n", "")
    if result == "doppler":
        d.explain("Positions and velocities are earth-fixed, so stations are at rest.")
    else:
        d.explain(
            "C / N = EIRP - L_spreading - L_gases"
            + (" - L_rain" if rain != "none" else "")
            + " + G - 10 log T - k - 10 log B, in decibels."
            + ("\nRain attenuation is k R^a per km along an effective path length." if rain != "none" else "")
        )

    def reference(v: Values) -> dict[str, Any]:
        gap = v.satellites - v.stations
        slant = np.linalg.norm(gap, axis=1)
        z = v.verticals if up == "given" else v.stations
        z = z / np.linalg.norm(z, axis=1, keepdims=True)
        sin_el = (gap * z).sum(1) / slant
        el, ghz, hidden = np.arcsin(sin_el), v.frequency * np.ones(n), sin_el < np.sin(np.radians(5.0))
        sin_el = np.where(hidden, 1.0, sin_el)
        if result == "doppler":
            shift = -(v.satellite_velocity * gap).sum(1) / slant / 299792.458 * ghz * 1e6
            return {"shift_khz": np.where(hidden, 0.0, shift)}
        fade = np.zeros(n)
        if rain != "none":
            knots = np.log([10, 12, 15])
            factor = np.exp(np.interp(np.log(ghz), knots, np.log([0.01217, 0.02386, 0.04481])))
            per_km = factor * v.rain_rate ** np.interp(np.log(ghz), knots, [1.2571, 1.1825, 1.1233])
            if rain == "specific":
                length = 4 / sin_el
                fade = per_km * length / (1 + 0.045 * length * np.cos(el))
            else:
                length = np.maximum(v.melting_height - v.station_height, 0) / sin_el
                fade = (
                    per_km
                    * length
                    / (1 + length * np.cos(el) / (35 * np.exp(-0.015 * np.minimum(v.rain_rate, 100))))
                )
        wave = 299792.458e3 / (ghz * 1e9)  # m
        gain = 10 * np.log10(0.6 * (np.pi * v.diameter / wave) ** 2)
        if pointing == "parabola":
            gain = gain - 12 * (v.off_axis * ghz * v.diameter / 21) ** 2
        elif pointing == "side lobes":
            gain = np.minimum(gain, 32 - 25 * np.log10(v.off_axis))
        if noise == "fixed":
            kelvin_ = v.receiver_kelvin + 30
        elif noise == "figure":
            kelvin_ = 290 * (10 ** (v.noise_figure / 10) - 1) + 40
        else:
            through = 10 ** (-fade / 10)
            kelvin_ = v.receiver_kelvin + 10 * through + 275 * (1 - through) + v.ground_kelvin
        gases = 0.06 / sin_el
        free = 20 * np.log10(4 * np.pi * slant * 1e3 / wave)
        cn = v.eirp - free - gases - fade + gain - 10 * np.log10(1.380649e-23 * kelvin_ * v.bandwidth)
        if result == "bit errors":
            rate = 0.5 * _erfc(np.sqrt(0.5 * 10 ** (cn / 10)))
            return {"bit_error_rate": np.where(hidden, 0.5, rate)}
        if result == "margin":
            return {"margin_db": np.where(hidden, -99.0, cn - v.required)}
        return {"cn_db": np.where(hidden, -99.0, cn)}

    d.check(reference, 3e-3)
