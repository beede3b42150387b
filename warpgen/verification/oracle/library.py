"""All that the oracle knows of the `wp` module, but what belongs to a machine and its threads."""

from __future__ import annotations

from typing import Any

from warpgen.verification.oracle import fields, geometry, memory, rotations, scalars, vectors


def table() -> dict[str, Any]:
    """Builtins by name, but those that draw random numbers."""
    made = scalars.table() | vectors.table() | rotations.table() | memory.table()
    made |= fields.table() | geometry.table()
    return made | {"static": lambda x: x, "constant": lambda x: x}
