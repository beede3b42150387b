"""What parallel programs are built of."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain(
    "parallel", "parallel primitives: reductions, scans, sorts, searches, hash tables, histograms"
)
