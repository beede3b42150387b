"""Import a file as its author would: as a module of its package, or as a script beside its helpers."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import os
import re
import sys
from pathlib import Path
from typing import Any

import warp as wp

from warpgen.harvesting.finding import Source

# Of modules that this process has imported: whether Warp made adjoints afterwards.
_adjoints: dict[str, bool] = {}


def import_source(source: Source, made: list[Any]) -> None:
    """As a module of its folder or of its package's own; else as a script, which finds what lies beside it.

    `made` are the kernels so far: what a failed attempt made is taken from them again.
    """
    before, known = len(made), set(sys.modules)
    sys.argv = [source.path]  # a script that reads its command line finds an empty one
    attempts = _attempts(source)
    places = [*(place for place, _ in attempts), os.path.dirname(source.path)]
    try:
        for number, (place, module) in enumerate(attempts, 1):
            if place not in sys.path:
                sys.path.insert(0 if place == source.folder else len(sys.path), place)
            try:
                if _imported(module, source.path):
                    return
            except ModuleNotFoundError as error:
                if not any(_lies_in(other, error.name or "") for other in places[number:]):
                    raise
            del made[before:]
            _forget(set(sys.modules) - known, source.folder)
        wp.config.enable_backward = True
        _import_script(source)
    except SystemExit as error:
        raise ImportError(f"the module ends the process: {error}") from error


def _attempts(source: Source) -> list[tuple[str, str]]:
    """Folders to be on the import path, and what the file is called there.

    In a checkout with a `src`, files name packages as they are once installed.
    """
    made = [(source.folder, source.module)]
    beside = top = Path(source.path).parent
    while (top / "__init__.py").exists():
        top = top.parent
    if str(top) not in (source.folder, str(beside)):
        parts = Path(source.path).relative_to(top).with_suffix("").parts
        made.append((str(top), ".".join(parts).removesuffix(".__init__")))
    sources = os.path.join(source.folder, "src")
    if os.path.isdir(sources) and str(top) != sources:
        made.append((sources, source.module))
    return made


def _imported(name: str, path: str) -> bool:
    """Import a file as a module, if that is what the name leads to.

    Where its packages have set whether Warp makes adjoints, that holds for it; what other files set does not.
    """
    names = list(itertools.accumulate(name.split("."), "{}.{}".format))
    known = [_adjoints[package] for package in names if package in _adjoints]
    wp.config.enable_backward = known[-1] if known else True
    if not _is_module(name, path):  # which imports the packages
        return False
    for package in names[:-1]:
        _adjoints.setdefault(package, wp.config.enable_backward)
    importlib.import_module(name)
    _adjoints.setdefault(name, wp.config.enable_backward)
    return True


def _is_module(name: str, path: str) -> bool:
    """Whether a file is what a module's name leads to: `queue` is Python's, `a.b.py` has none."""
    try:
        spec = importlib.util.find_spec(name)
    except (ModuleNotFoundError, ValueError) as error:
        if name.startswith(getattr(error, "name", None) or name):
            return False
        raise
    return spec is not None and os.path.realpath(spec.origin or "") == path


def _lies_in(folder: str, module: str) -> bool:
    place = Path(folder) / module.partition(".")[0]
    return bool(module) and (place.is_dir() or place.with_suffix(".py").exists())


def _forget(modules: set[str], folder: str) -> None:
    """Let modules of a folder be imported again: what they make was taken back."""
    for name in modules:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(os.path.join(folder, "")):
            del sys.modules[name]


def _import_script(source: Source) -> None:
    """Import a file by its path. Modules beside it are forgotten: another folder has its own `utils`."""
    beside, known = os.path.dirname(source.path), set(sys.modules)
    name = f"{re.sub(r'[^a-zA-Z0-9_]', '_', source.module)}_of_{os.path.basename(source.folder)}"
    spec = importlib.util.spec_from_file_location(name, source.path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, beside)
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(beside)
        for other in set(sys.modules) - known - {name}:
            if os.path.dirname(getattr(sys.modules[other], "__file__", None) or "") == beside:
                del sys.modules[other]
