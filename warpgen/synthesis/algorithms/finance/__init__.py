"""Prices, rates and risks."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain("finance", "options, bonds, curves, risk and indicators of markets")
