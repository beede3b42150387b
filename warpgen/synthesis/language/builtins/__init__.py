"""What the generator knows of the builtins of Warp, one record for each; a new one is one more record.

    record       the record, and rules that many builtins share
    scalars      functions of numbers, operators
    vectors      functions of vectors and matrices
    rotations    functions of rotations, transforms and spatial vectors
    others       random numbers, and what is said of all the rest

What Warp itself says (overloads, result types, chapters of the manual) is in `language/registry.py`.
Calls that types alone do not describe have fragments written by hand, in `synthesis/builtins/`.
"""

from __future__ import annotations

from warpgen.synthesis.language.builtins import others, rotations, scalars, vectors
from warpgen.synthesis.language.builtins.record import Builtin, Range

__all__ = ["BUILTINS", "Builtin", "Range", "known"]

BUILTINS: dict[str, Builtin] = {
    record.name: record
    for table in (
        scalars.FUNCTIONS,
        scalars.OPERATORS,
        vectors.TABLE,
        rotations.TABLE,
        others.RANDOMNESS,
        others.OTHERS,
    )
    for record in table
}


def known(name: str) -> Builtin:
    """The record of `wp.name`; one that says nothing where there is none."""
    return BUILTINS.get(name) or Builtin(name)
