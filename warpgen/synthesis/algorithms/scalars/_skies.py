"""Clear skies."""

from __future__ import annotations

from typing import Any

import numpy as np

SKIES = {
    "ineichen": """
        # Ineichen & Perez (2002) with Linke turbidity
        fh1 = wp.exp(-altitude / 8000.0)
        fh2 = wp.exp(-altitude / 1250.0)
        cg1 = 5.09e-5 * altitude + 0.868
        cg2 = 3.92e-5 * altitude + 0.0387
        opacity = cg2 * air_mass * (fh1 + fh2 * (turbidity - 1.0))
        ghi = cg1 * extra * cos_zenith * wp.exp(-opacity)
        beam_factor = 0.664 + 0.163 / fh1
        dni = beam_factor * extra * wp.exp(-0.09 * air_mass * (turbidity - 1.0))
        # Some diffuse light remains under any sky
        least_diffuse = (0.1 - 0.2 * wp.exp(-turbidity)) / (0.1 + 0.882 / fh1)
        dni = wp.min(dni, (1.0 - least_diffuse) * ghi / cos_zenith)
        dhi = ghi - dni * cos_zenith
    """,
    "meinel": """
        # Meinel & Meinel (1976): direct irradiance from air mass with an altitude correction
        attenuation = wp.pow(0.7, wp.pow(air_mass, 0.678))
        height_km = altitude / 1000.0
        direct = (1.0 - 0.14 * height_km) * attenuation + 0.14 * height_km
        dni = extra * direct
        # Diffuse irradiance is about 10% of the direct irradiance
        dhi = 0.1 * dni
        ghi = dni * cos_zenith + dhi
    """,
    "haurwitz": """
        # Haurwitz (1945), split by the clearness index (Erbs et al. 1982)
        ghi = 1098.0 * cos_zenith * wp.exp(-0.057 / cos_zenith)
        k = ghi / (extra * cos_zenith)
        # Clearness index is 0.22 to 0.8, the polynomial range of Erbs
        diffuse_part = 0.9511 + k * (-0.1604 + k * (4.388 + k * (-16.638 + 12.336 * k)))
        dhi = diffuse_part * ghi
        dni = (ghi - dhi) / cos_zenith
    """,
}


def clear_sky(model: str, cz: Any, mass: Any, extra: Any, alt: Any, turb: Any) -> tuple[Any, Any, Any]:
    """Direct, diffuse and global irradiance of a clear sky."""
    if model == "ineichen":
        f1, f2 = np.exp(-alt / 8000), np.exp(-alt / 1250)
        opacity = (3.92e-5 * alt + 0.0387) * mass * (f1 + f2 * (turb - 1))
        ghi = (5.09e-5 * alt + 0.868) * extra * cz * np.exp(-opacity)
        beam = (0.664 + 0.163 / f1) * extra * np.exp(-0.09 * mass * (turb - 1))
        dni = np.minimum(beam, (1 - (0.1 - 0.2 * np.exp(-turb)) / (0.1 + 0.882 / f1)) * ghi / cz)
        return dni, ghi - dni * cz, ghi
    if model == "meinel":
        h = alt / 1000
        dni = extra * ((1 - 0.14 * h) * 0.7 ** (mass**0.678) + 0.14 * h)
        dhi = 0.1 * dni
        return dni, dhi, dni * cz + dhi
    ghi = 1098 * cz * np.exp(-0.057 / cz)
    k = ghi / (extra * cz)
    part = 0.9511 - 0.1604 * k + 4.388 * k**2 - 16.638 * k**3 + 12.336 * k**4
    return (1 - part) * ghi / cz, part * ghi, ghi
