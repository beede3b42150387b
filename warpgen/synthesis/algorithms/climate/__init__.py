"""Weather and climate."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain("climate", "weather, radiation, water and the plants between soil and air", element="cell")
