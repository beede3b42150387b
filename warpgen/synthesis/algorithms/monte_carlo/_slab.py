"""Packets of photons in layers, all at once in NumPy, that know their depth alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.writing.draft import Values


def _cosines(phase: str, g: Any, rng: np.random.Generator) -> Any:
    """Cosines of scattering angles."""
    if phase == "rayleigh":
        c, left = np.zeros(len(g)), np.arange(len(g))
        while len(left):
            c[left] = 2 * rng.random(len(left)) - 1
            left = left[2 * rng.random(len(left)) > 1 + c[left] ** 2]
        return c
    x = rng.random(len(g))
    c = (1 + g * g - ((1 - g * g) / (1 - g + 2 * g * x)) ** 2) / (2 * g)
    return np.where(rng.random(len(g)) < 0.1, np.cbrt(2 * x - 1), c) if phase == "modified" else c


def simulated(v: Values, phase: str, source: str, surface: str) -> tuple[float, float]:
    """The shares that are absorbed and that come back, by packets that know their depth alone."""
    rng, m, ends = np.random.default_rng(0), 1000, np.concatenate([[0.0], v["layers.bottom"]])
    mua, mus = v["layers.mu_a"], v["layers.mu_s"]
    # Programs leave out what they have no use for
    n = np.concatenate([[1.0], np.broadcast_to(v.get("layers.n", 1.0), len(mua)), [1.0]])
    g = v.get("layers.g", np.zeros(len(mua)))
    z, w, layer = np.zeros(m), np.ones(m), np.zeros(m, int)
    u = np.sqrt(rng.random(m)) if source == "diffuse" else np.ones(m)
    tau = rng.exponential(size=m)
    taken, back = 0.0, 0.0
    if surface != "matched":
        spec = np.full(m, ((n[1] - 1) / (n[1] + 1)) ** 2)
        if source == "diffuse":
            inside = np.sqrt(1 - (1 - u * u) / n[1] ** 2)
            spec = ((u - n[1] * inside) / (u + n[1] * inside)) ** 2 / 2
            spec += ((inside - n[1] * u) / (inside + n[1] * u)) ** 2 / 2
            u = inside
        back, w = spec.sum(), w - spec
    for _ in range(250):
        edge = np.where(u > 0, ends[layer + 1], ends[layer])
        far = (edge - z) / np.where(u == 0, 1e-9, u)
        total = mua[layer] + mus[layer]
        hits = tau / total > far
        z, tau = np.where(hits, edge, z + tau / total * u), np.where(hits, tau - far * total, 0.0)
        lost = np.where(hits, 0.0, w * mua[layer] / total)
        taken, w = taken + lost.sum(), w - lost
        there = layer + np.where(u > 0, 1, -1)
        out = (there < 0) | (there >= len(mua))
        n1, n2 = n[layer + 1], n[there + 1]
        sine = n1 / n2 * np.sqrt(1 - u * u)
        ct = np.sqrt(np.maximum(1 - sine**2, 0.0))
        a, b = np.abs(u), ct
        r = (((n1 * a - n2 * b) / (n1 * a + n2 * b)) ** 2 + ((n1 * b - n2 * a) / (n1 * b + n2 * a)) ** 2) / 2
        if surface == "matched":
            r, ct = 0 * r, a
        mirrored = hits & (rng.random(m) < r)
        gone = hits & ~mirrored & out
        back += w[gone & (there < 0)].sum()
        crossed = hits & ~mirrored & ~out
        layer = np.where(crossed, there, layer)
        c = _cosines(phase, g[layer], rng)
        swung = u * c - np.sqrt((1 - u * u) * (1 - c * c)) * np.cos(2 * np.pi * rng.random(m))
        u = np.where(mirrored, -u, np.where(crossed, np.sign(u) * ct, np.where(hits, u, swung)))
        tau = np.where(hits, tau, rng.exponential(size=m))
        kept = ~gone & (w > 1e-3)
        z, w, layer, u, tau = z[kept], w[kept], layer[kept], u[kept], tau[kept]
        m = len(z)
        if not m:
            break
    return taken / 1000, back / 1000
