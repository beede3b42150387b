"""Kinds of programs: a folder each, with `CATEGORY` in its `__init__.py` and its motifs in files beside."""

from __future__ import annotations

import functools
import importlib
import pkgutil

from warpgen.synthesis.blocks.motif import Category, Motif


@functools.cache
def categories() -> dict[str, Category]:
    """All categories by name, in alphabetical order; their motifs in that of files and of lines."""
    found: dict[str, Category] = {}
    for folder in _names(list(__path__)):
        package = importlib.import_module(f"{__name__}.{folder}")
        for file in _names(list(package.__path__)):
            importlib.import_module(f"{package.__name__}.{file}")
        category: Category = package.CATEGORY
        # A file may have been imported before its turn, by one that takes something from it.
        category.motifs.sort(key=lambda motif: motif.function.__module__)
        found[category.name] = category
    return found


def _names(path: list[str]) -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(path))


@functools.cache
def all_motifs() -> tuple[Motif, ...]:
    return tuple(m for c in categories().values() for m in c.motifs)
