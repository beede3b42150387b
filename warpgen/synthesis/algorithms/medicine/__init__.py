"""Medicine: drugs, bodies and epidemics."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain("medicine", "pharmacokinetics, physiology and epidemics", element="patient")
