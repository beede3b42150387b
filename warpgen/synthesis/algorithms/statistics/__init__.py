"""Estimates from data."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain("statistics", "moments, densities, clusters, filters and classifiers", element="sample")
