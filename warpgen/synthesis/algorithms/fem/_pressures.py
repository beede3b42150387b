"""Pressure of linear elastic elements, as text."""

from __future__ import annotations


def pressure(given: str, field: str, thermal: bool) -> tuple[str, str]:
    """Law and value of the pressure, for which the diagonal is enough."""
    if given == "stress":
        return "", f"$put -wp.trace({field}) / 3.0"
    stretch = f"wp.trace({field})"
    if given == "plane stress":
        law = "# Plane stress for thin plates, sigma_zz = 0\nbulk = young / (3.0 * (1.0 - nu))"
        heat = " - 2.0 * alpha * dT[tid]"
    else:
        law = "bulk = young / (3.0 * (1.0 - 2.0 * nu))"
        heat = " - 3.0 * alpha * dT[tid]"
    if given == "plane strain":
        law = "# Plane strain: zero out-of-plane strain\n" + law
    return law, f"$put -bulk * ({stretch}{heat})" if thermal else f"$put -bulk * {stretch}"
