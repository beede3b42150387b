"""Which files belong to a package or folder, and how they are imported."""

from __future__ import annotations

import ast
import importlib.machinery
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from warpgen.errors import UsageError
from warpgen.harvesting.licences import about, of_file
from warpgen.harvesting.marks import Mark, Marks

# What a checkout holds beside its own code, where it is no package that somebody imports.
_ASIDE = frozenset({"build", "dist", "node_modules", "site-packages", "venv", "env", "__pycache__"})
_OF_WARP = re.compile(rb"\b(?:warp|wp)\b")


class Source(msgspec.Struct, frozen=True):
    """One file with kernels. `folder` must be on the import path for `module` to be found.

    `broken` says why its text is no Python; `licence` is '' where the file has none of its own.
    """

    package: str  # as asked for
    module: str
    folder: str
    path: str
    file: str  # relative to `folder`: what a row says
    kernels: tuple[Mark, ...]  # name and line of each kernel in the text
    broken: str = ""
    licence: str = ""


class Package(msgspec.Struct, frozen=True):
    """What was asked for. `version` is '' and `licence` 'unknown' where nothing says."""

    name: str
    version: str
    licence: str
    sources: tuple[Source, ...]


def find(asked: str) -> Package:
    """The files of an installed package (`warp.examples`) or of a folder. Raises UsageError."""
    path = Path(asked)
    if path.is_dir():
        path = path.resolve()
        top = path
        while (top / "__init__.py").exists():
            top = top.parent
        name = path.name if top == path else ".".join(path.relative_to(top).parts)
        folder = top if top != path else path
        roots = [path]
    elif all(part.isidentifier() for part in asked.split(".")):
        name, roots = asked, _folders(asked)
        folder = roots[0]
        for _ in asked.split("."):
            folder = folder.parent
    else:
        raise UsageError(f"{asked} is neither a folder nor the name of a package")
    every = sorted((file for root in roots for file in _files(root)), key=_is_linked)
    files = {os.path.realpath(file): file for file in reversed(every)}  # one that is linked to counts once
    found = (_source(name, folder, file, roots) for file in sorted(files.values()))
    sources = [source for source in found if source is not None]
    version, licence = about(name.split(".")[0], folder, path if path.is_dir() else None)
    return Package(name, version, licence, tuple(sources))


def _folders(name: str) -> list[Path]:
    """Folders of an installed package, without importing it; with `a.b` also `a._src.b`, where it is kept."""
    top, *rest = name.split(".")
    spec = importlib.machinery.PathFinder.find_spec(top, sys.path)
    places = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    found = [place.joinpath(*rest) for place in places]
    if rest:
        found += [place.joinpath("_src", *rest) for place in places]
    there = [place.resolve() for place in found if place.is_dir()]
    if not there:
        raise UsageError(f"there is no package {name}: install it, or name a folder")
    return there


def _files(root: Path) -> Iterator[Path]:
    """Files of Python, but for those of environments, of builds and of hidden folders."""
    for place, folders, files in os.walk(root):
        here = Path(place)
        folders[:] = [name for name in folders if not _is_aside(here / name)]
        yield from (here / name for name in files if name.endswith(".py") and (here / name).is_file())


def _is_linked(file: Path) -> tuple[bool, Path]:
    return file.is_symlink(), file


def _is_aside(folder: Path) -> bool:
    if folder.name.startswith(".") or (folder / "pyvenv.cfg").exists():
        return True
    return folder.name in _ASIDE and not (folder / "__init__.py").exists()


def _source(package: str, folder: Path, path: Path, roots: list[Path]) -> Source | None:
    """The file as a module, None where its text holds no kernel."""
    text = path.read_bytes()
    if not _OF_WARP.search(text):
        return None
    kernels: tuple[Mark, ...] = ()
    broken = ""
    try:
        marks = Marks(ast.parse(text))
        kernels = marks.kernels
        if not kernels and not marks.perhaps:
            return None
    except (SyntaxError, ValueError, RecursionError) as error:
        broken = f"{type(error).__name__}: {error.msg if isinstance(error, SyntaxError) else error}"
    relative = path.relative_to(folder)
    parts = [*relative.parts[:-1], *([relative.stem] if relative.stem != "__init__" else [])]
    place = ".".join(parts), str(folder), os.path.realpath(path), relative.as_posix()
    return Source(package, *place, kernels, broken, of_file(text, path, roots))
