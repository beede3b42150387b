"""The category `integrator`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category("integrator", "time steps of ODE systems, bodies and oscillators")
