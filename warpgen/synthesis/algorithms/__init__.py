"""Whole algorithms: a folder for each domain, with `DOMAIN` in its `__init__.py` and files beside."""

from __future__ import annotations

import functools
import importlib
import pkgutil

from warpgen.synthesis.writing.algorithm import Algorithm, Domain


@functools.cache
def domains() -> dict[str, Domain]:
    """All domains by name, in alphabetical order; their algorithms in that of files and of lines."""
    found: dict[str, Domain] = {}
    for folder in _names(list(__path__)):
        package = importlib.import_module(f"{__name__}.{folder}")
        for file in _names(list(package.__path__)):
            importlib.import_module(f"{package.__name__}.{file}")
        domain: Domain = package.DOMAIN
        # A file may have been imported before its turn, by one that takes something from it.
        domain.algorithms.sort(key=lambda algorithm: algorithm.function.__module__)
        found[domain.name] = domain
    return found


def _names(path: list[str]) -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(path))


@functools.cache
def all_algorithms() -> tuple[Algorithm, ...]:
    """The algorithms of all domains, in order."""
    return tuple(a for d in domains().values() for a in d.algorithms)
