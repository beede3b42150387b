"""The families of pieces hold what programs use, and nothing else."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from warpgen.synthesis import library
from warpgen.synthesis.writing.pieces import Piece


def _taken(source: str) -> Iterator[tuple[str, str]]:
    """Module and name of all that a file takes from others, as `sdf.BOX` or by an import of it."""
    modules = {alias: module for module, alias in re.findall(r"import (\w+) as (\w+)", source)}
    for module, name in re.findall(r"\b(\w+)\.([A-Za-z]\w*)", source):
        yield modules.get(module, module), name
    for module, names in re.findall(r"library\.(\w+) import (\([^)]*\)|.+)", source):
        yield from ((module, name) for name in re.findall(r"\w+", names))


_TAKEN = {
    pair for p in Path(library.__path__[0]).parent.rglob("*.py") for pair in _taken(p.read_text("utf-8"))
}


@pytest.mark.parametrize("family", [module.name for module in pkgutil.iter_modules(library.__path__)])
def test_every_piece_is_used(family: str) -> None:
    """Something besides its own definition names each piece."""
    module = importlib.import_module(f"{library.__name__}.{family}")
    own = Counter(re.findall(r"\w+", Path(str(module.__file__)).read_text("utf-8")))
    pieces = [name for name, value in vars(module).items() if isinstance(value, Piece)]
    assert not [name for name in pieces if own[name] < 2 and (family, name) not in _TAKEN]
