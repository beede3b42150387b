"""Chemistry."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain("chemistry", "kinetics, equilibria and equations of state", element="molecule")
