"""Random numbers at work."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain(
    "monte_carlo", "random streams, sampling, Markov chains, walks and estimates by chance", element="path"
)
