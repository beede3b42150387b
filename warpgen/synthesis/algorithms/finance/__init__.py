"""Prices, rates and risk."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain("finance", "options, trees, price paths, bonds and loans, portfolio risk, trading indicators")
