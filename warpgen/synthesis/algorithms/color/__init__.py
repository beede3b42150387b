"""Colors."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain("color", "color spaces, color differences and the way from light to display")
