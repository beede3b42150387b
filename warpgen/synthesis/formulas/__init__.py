"""Formulas of any size in the words of one field."""

from warpgen.synthesis.formulas import composites, scalars  # noqa: F401 - they register their productions
