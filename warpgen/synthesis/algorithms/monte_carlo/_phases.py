"""How light scatters: cosines of angles drawn from phase functions."""

from __future__ import annotations

PHASES = {
    "henyey greenstein": """
        # Henyey-Greenstein phase function
        g = layers.g[layer]
        ratio_hg = (1.0 - g * g) / (1.0 - g + 2.0 * g * wp.randf(rng))
        cos_theta = (1.0 + g * g - ratio_hg * ratio_hg) / (2.0 * g)
    """,
    "modified": """
        # Modified Henyey-Greenstein phase function: 10% follows a cosine-squared lobe
        g = layers.g[layer]
        if wp.randf(rng) < 0.9:
            ratio_hg = (1.0 - g * g) / (1.0 - g + 2.0 * g * wp.randf(rng))
            cos_theta = (1.0 + g * g - ratio_hg * ratio_hg) / (2.0 * g)
        else:
            # Sample p(c) = 3/2 c^2 using the cube root of a uniform variate
            cos_theta = wp.cbrt(2.0 * wp.randf(rng) - 1.0)
    """,
    "rayleigh": """
        # p(c) = 3/8 (1 + c^2): inverting the CDF gives c^3 + 3 c = 2 `half`, solved using Cardano's formula
        half = 4.0 * wp.randf(rng) - 2.0
        root = wp.cbrt(half + wp.sqrt(half * half + 1.0))
        cos_theta = root - 1.0 / root
    """,
}
