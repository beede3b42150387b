"""Signals in time."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain("signal", "filters, transforms, wavelets, adaptive filters and detectors of sampled signals")
