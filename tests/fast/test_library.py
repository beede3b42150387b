"""The families of pieces hold what programs use, and nothing else."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections import Counter
from pathlib import Path

import pytest

from warpgen.synthesis import library
from warpgen.synthesis.writing.pieces import Piece

_WORDS = Counter(
    word for p in Path(library.__path__[0]).parent.rglob("*.py") for word in re.findall(r"\w+", p.read_text())
)


@pytest.mark.parametrize("family", [module.name for module in pkgutil.iter_modules(library.__path__)])
def test_every_piece_is_used(family: str) -> None:
    """Something besides its own definition names each piece."""
    held = vars(importlib.import_module(f"{library.__name__}.{family}"))
    pieces = [name for name, value in held.items() if isinstance(value, Piece)]
    assert not [name for name in pieces if _WORDS[name] < 2]
