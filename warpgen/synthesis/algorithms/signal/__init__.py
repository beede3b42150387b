"""Sampled signals."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain(
    "signal",
    "sampled signals: filters, transforms, wavelets, adaptive filters, audio features",
    element="sample",
)
