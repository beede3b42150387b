"""Functions that a motif writes as text: what their signatures and bodies are made of."""

from __future__ import annotations

from warpgen.synthesis.formulas.grower import Grower
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.statements import Statement
from warpgen.synthesis.language.values import Value


def declare(k: Kit, name: str, text: str, body: list[Statement] | None = None) -> str:
    """Declare a function at module level; gives its name."""
    k.draft.declare(name, text, body)
    return name


def real(k: Kit) -> str:
    """The program's float as this author annotates it."""
    return k.draft.use_type(k.real)


def block(*lines: str) -> str:
    """The lines of a function's body behind its first indent."""
    return "\n    ".join(lines)


def operand(k: Kit) -> Value:
    """An operand in the program's field."""
    return Grower(k).fresh(k.real)
