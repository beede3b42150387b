"""A manifest's checksum over itself, for all that is neither a figure nor follows from the recipe.

The seal is the SHA-256 of all other fields as `json.dumps(fields, sort_keys=True, separators=(",", ":"))`
writes them: of what the file says, not of how it is laid out, and without warpgen's types, so that a field
that a later version adds does not break the seals of today, and anybody can compute one.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal, TypeVar

import msgspec

Seal = Literal["holds", "missing", "broken"]

M = TypeVar("M", bound=msgspec.Struct)

_FIELD = "seal"

COMPLAINTS: dict[Seal, str | None] = {
    "holds": None,
    "missing": "seal: there is none, so an older warpgen wrote this, and a change outside the figures "
    "would go unseen: make the dataset again to have one",
    "broken": "seal: it is broken: something that no figure shows was changed after it was written",
}


def sealed(manifest: M) -> M:
    """The manifest with the seal that belongs to it."""
    return msgspec.structs.replace(manifest, **{_FIELD: seal_of(json.loads(msgspec.json.encode(manifest)))})


def state_of(data: bytes) -> Seal:
    """Whether the seal holds of what is a manifest by its form. Older versions wrote none."""
    try:
        fields = json.loads(data)
        told = fields.get(_FIELD, "")
        if not told:
            return "missing"
        return "holds" if told == seal_of(fields) else "broken"
    except (ValueError, RecursionError):  # numbers too long for Python: no manifest's
        return "broken"


def seal_of(fields: dict[str, Any]) -> str:
    """The seal of a manifest with these fields."""
    rest = {name: value for name, value in fields.items() if name != _FIELD}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
