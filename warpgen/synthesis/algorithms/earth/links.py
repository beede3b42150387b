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
    links = "radio links from satellites above 5 degrees of elevation to ground stations"
    d.says({
        "carrier to noise": f"Computes the carrier-to-noise ratios of {links}.",
        "bit errors": f"Computes the bit error rates of {links}.",
        "margin": f"Computes the margins of {links}.",
        "doppler": "Computes Doppler shifts at ground stations of satellites above 5 degrees of elevation.",
    }[result])  # fmt: skip
    if result == "doppler":
        up = "radial"  # of the vertical it would ask nothing but whether the satellite is up
    n = d.pick(32, 48, 64)
    d.input("stations", "vec3", n, 3600.0, 3760.0, about="Stations, earth-fixed [km]")
    d.input("satellites", "vec3", n, -8000.0, 24000.0, about="Satellites, earth-fixed [km]")
    if up == "given":
        d.input("verticals", "vec3", n, 0.45, 0.7, about="Upward directions at the stations, of any length")
    if band == "param":
        d.param("frequency", "float", 11.0, 14.0, about="Frequency [GHz]")
    else:
        d.input("frequency", "float", n, 11.0, 14.0, about="Frequencies [GHz]")
    weak, strong = (15.0, 30.0) if result == "bit errors" else (40.0, 55.0)
    d.param("eirp", "float", weak, strong, about="Radiated power of the satellites [dBW]")
    d.param("diameter", "float", 0.6, 2.4, about="Diameter of the dishes [m]")
    if rain != "none":
        d.input("rain_rate", "float", n, 1.0, 120.0, about="Rain rates [mm/h]")
    if rain == "with height":
        d.input("station_height", "float", n, 0.0, 4.8, about="Heights of the stations above the sea [km]")
        about = "Heights of the melting layer above the sea (ITU-R P.839) [km]"
        d.input("melting_height", "float", n, 1.5, 5.0, about=about)
    if pointing != "ideal":
        low, high = (0.0, 0.3) if pointing == "parabola" else (0.1, 8.0)
        d.input("off_axis", "float", n, low, high, about="Angle between dish and satellite [deg]")
    if noise == "figure":
        d.param("noise_figure", "float", 1.0, 4.0, about="Noise figure of the receiver [dB]")
    else:
        d.param("receiver_kelvin", "float", 60.0, 150.0, about="Noise temperature of the receiver [K]")
    if noise == "antenna":
        d.param(
            "ground_kelvin", "float", 10.0, 45.0, about="Noise that side lobes receive from the ground [K]"
        )
    if result == "doppler":
        d.input("satellite_velocity", "vec3", n, -5.0, 5.0, about="Velocities of the satellites [km/s]")
        d.output("shift_khz", "float", n, about="Doppler shift [kHz], 0 below 5 degrees")
    else:
        d.param("bandwidth", "float", 1.0e6, 3.6e7, about="Bandwidth, or rate of symbols [Hz]")
        if result == "margin":
            d.param("required", "float", 6.0, 12.0, about="Ratio that the demodulator needs [dB]")
        name, about = {
            "carrier to noise": ("cn_db", "Carrier to noise [dB], -99 below 5 degrees"),
            "bit errors": (
                "bit_error_rate",
                "Bit error rates of quadrature phase shift keying, 0.5 below 5 degrees",
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
            """Ten times the decimal logarithm of a ratio of powers."""
            return 10.0 * wp.log10(ratio)
    ''')
    if rain != "none":
        d.function('''
            @wp.func
            def rain_loss_per_km(ghz: float, rate: float) -> float:
                """Specific attenuation k R^a of rain [dB/km], for 10 to 15 GHz."""
                # ITU-R P.838-3 for horizontal waves at 10, 12 and 15 GHz, interpolated in log f
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
            # Rain falls from about 4 km; its path is shortened as cells are small (ITU-R P.618)
            rainy_path = 4.0 / wp.sin(elevation)
            effective = rainy_path / (1.0 + 0.045 * rainy_path * wp.cos(elevation))
            fade = rain_loss_per_km(ghz, rain_rate[tid]) * effective
        """,
        "with height": """
            # Rain begins at the melting layer, so its path ends there
            rainy_path = wp.max(melting_height[tid] - station_height[tid], 0.0) / wp.sin(elevation)
            base_km = 35.0 * wp.exp(-0.015 * wp.min(rain_rate[tid], 100.0))
            reduction = 1.0 / (1.0 + rainy_path * wp.cos(elevation) / base_km)
            fade = rain_loss_per_km(ghz, rain_rate[tid]) * rainy_path * reduction
        """,
    }[rain]
    aim = {
        "ideal": "",
        "parabola": "# Main lobe: 12 dB lost at a beam width off\nbeam = 21.0 / (ghz * diameter)\n"
        "off = off_axis[tid] / beam\ngain_db = peak_db - 12.0 * off * off",
        "side lobes": "# Envelope of the side lobes (ITU-R S.465), capped since it diverges on the axis\n"
        "gain_db = wp.min(peak_db, 32.0 - 25.0 * wp.log10(off_axis[tid]))",
    }[pointing]
    kelvin = {
        "fixed": "# The antenna adds about 30 K from the sky and the ground\nnoise_kelvin = receiver_kelvin + 30.0",
        "antenna": "# Cold sky, and the ground that side lobes see\nnoise_kelvin = receiver_kelvin + 10.0 + ground_kelvin"
        if rain == "none"
        else "# Rain absorbs, so it radiates as well; side lobes see the ground\ntransparent = wp.pow(10.0, -0.1 * fade)\n"
        "noise_kelvin = receiver_kelvin + 10.0 * transparent + 275.0 * (1.0 - transparent) + ground_kelvin",
        "figure": "# Noise figure to temperature at 290 K; the antenna adds about 40 K\nnoise_kelvin = 290.0 * (wp.pow(10.0, 0.1 * noise_figure) - 1.0) + 40.0",
    }[noise]
    end = {
        "carrier to noise": "cn_db[tid] = cn",
        "margin": "margin_db[tid] = cn - required",
        "bit errors": "# Two bits for each symbol, each with half of the energy\nper_bit = 0.5 * wp.pow(10.0, 0.1 * cn)\n"
        "bit_error_rate[tid] = 0.5 * wp.erfc(wp.sqrt(per_bit))",
        "doppler": "",
    }[result]
    budget = """
        spreading = 20.0 * wp.log10(4.0 * wp.pi * slant * ghz * 1.0e9 / LIGHT)
        # 0.06 dB straight up; slant paths cross more oxygen and vapor, hence the sine
        gases = 0.06 / wp.sin(elevation)
        $rainy
        # 60 % of the area of a dish is effective
        wavelength = LIGHT / (ghz * 1.0e6)
        around = wp.pi * diameter / wavelength
        peak_db = decibels(0.6 * around * around)
        $aim
        $kelvin
        cn = eirp - spreading - gases$fade + gain_db - decibels(noise_kelvin) - BOLTZMANN_DB - decibels(bandwidth)
        $end
    """
    doppler = """
        # The range shrinks where the satellite comes closer
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
            # Hidden by the horizon, buildings or trees
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
        d.explain("Positions and velocities are earth-fixed, so that stations stand still.")
    else:
        d.explain(
            "C / N = EIRP - L_spreading - L_gases"
            + (" - L_rain" if rain != "none" else "")
            + " + G - 10 log T - k - 10 log B, in decibels."
            + ("\nRain attenuates by k R^a per km along an effective path." if rain != "none" else "")
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
