"""Fields on regular grids."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain("stencil", "fields on regular grids: diffusion, waves, transport, flows, cellular automata")
