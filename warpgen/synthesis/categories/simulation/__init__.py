"""The category `simulation`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category("simulation", "automata, epidemics, populations, traffic, agents, integer strings")
