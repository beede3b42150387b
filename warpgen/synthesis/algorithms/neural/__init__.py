"""Networks."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain("neural", "layers, losses, optimisers and samplers of neural networks", element="row")
