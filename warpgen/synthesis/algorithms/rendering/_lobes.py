"""Lobes of the principled material, and the distribution of the facets that reflect."""

from __future__ import annotations

LOBES = {
    "diffuse": """
        # --- Diffuse: retro-reflection increases with roughness ---
        grazing = 0.5 + 2.0 * rough * v_dot_h * v_dot_h
        entering = wp.lerp(1.0, grazing, fresnel_l) * wp.lerp(1.0, grazing, fresnel_v)
        f += (1.0 - metal) * entering / wp.pi * base
    """,
    "flat": """
        # --- Subsurface approximation (Hanrahan-Krueger), scaled to preserve albedo ---
        retro = rough * v_dot_h * v_dot_h
        through = wp.lerp(1.0, retro, fresnel_l) * wp.lerp(1.0, retro, fresnel_v)
        scatter = 1.25 * (through * (1.0 / (n_dot_l + n_dot_v) - 0.5) + 0.5)
        f += (1.0 - metal) * scatter / wp.pi * base
    """,
    "sheen": """
        # --- Sheen: grazing-angle lobe for cloth ---
        luminance = wp.dot(base, wp.vec3(0.3, 0.6, 0.1))
        hue = wp.where(luminance > 0.0, base / luminance, wp.vec3(1.0, 1.0, 1.0))
        f += (1.0 - metal) * sheen * schlick_weight(v_dot_h) * wp.lerp(wp.vec3(1.0, 1.0, 1.0), hue, sheen_tint)
    """,
    "clearcoat": """
        # --- Clearcoat: fixed IOR 1.5, long-tailed GTR1 distribution ---
        gloss_sq = wp.pow(wp.lerp(0.1, 0.001, gloss), 2.0)
        tail = (gloss_sq - 1.0) / (wp.pi * wp.log(gloss_sq) * (1.0 + (gloss_sq - 1.0) * n_dot_h * n_dot_h))
        coat_g = smith_masking(n_dot_l, 0.0625) * smith_masking(n_dot_v, 0.0625)
        coat = 0.25 * clearcoat * tail * wp.lerp(0.04, 1.0, schlick_weight(v_dot_h)) * coat_g
        f += wp.vec3(coat, coat, coat)
    """,
}

# By whether highlights are stretched along the tangent.
FACETS = {
    True: """
        aspect = wp.sqrt(1.0 - 0.9 * $stretch)
        ax = wp.max(rough * rough / aspect, 1.0e-3)
        ay = wp.max(rough * rough * aspect, 1.0e-3)
        hx = wp.dot(half, tangent) / ax
        hy = wp.dot(half, bitangent) / ay
        lobe = hx * hx + hy * hy + n_dot_h * n_dot_h
        facets = 1.0 / (wp.pi * ax * ay * lobe * lobe)
    """,
    False: """
        alpha = rough * rough
        alpha_sq = alpha * alpha
        lobe = n_dot_h * n_dot_h * (alpha_sq - 1.0) + 1.0
        facets = alpha_sq / (wp.pi * lobe * lobe)
    """,
}
