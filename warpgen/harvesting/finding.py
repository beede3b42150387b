"""Which files belong to a package or folder, how they are imported, and under which licence they stand."""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import msgspec

from warpgen.errors import UsageError


class Source(msgspec.Struct, frozen=True):
    """One file with kernels. `folder` must be on the import path for `module` to be found."""

    package: str  # as asked for
    module: str
    folder: str
    path: str
    file: str  # relative to `folder`: what a row says
    kernels: tuple[tuple[str, int], ...]  # name and line of each kernel in the text


class Package(msgspec.Struct, frozen=True):
    """What was asked for. `version` is '' and `licence` 'unknown' where no metadata says."""

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
    files = sorted({file for root in roots for file in root.rglob("*.py")})
    sources = [source for file in files if (source := _source(name, folder, file)) is not None]
    version, licence = _metadata(name.split(".")[0], folder)
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


def _source(package: str, folder: Path, path: Path) -> Source | None:
    """The file as a module, None where its text holds no kernel."""
    text = path.read_bytes()
    if b"kernel" not in text:
        return None
    try:
        kernels = tuple(_kernels(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError):
        return None
    if not kernels:
        return None
    relative = path.relative_to(folder)
    parts = [*relative.parts[:-1], *([relative.stem] if relative.stem != "__init__" else [])]
    return Source(package, ".".join(parts), str(folder), str(path), relative.as_posix(), kernels)


def _kernels(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Functions that are decorated as kernels, wherever they stand; the line is that of `def`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                called = decorator.func if isinstance(decorator, ast.Call) else decorator
                if isinstance(called, ast.Attribute) and called.attr == "kernel":
                    yield node.name, node.lineno


def _metadata(top: str, folder: Path) -> tuple[str, str]:
    """Version and licence of the distribution that brings a package, from its metadata."""
    for distribution in metadata.distributions(path=[str(folder)]):
        names = (distribution.read_text("top_level.txt") or "").split()
        files = {file.parts[0] for file in distribution.files or [] if len(file.parts) > 1}
        if top in names or top in files:
            return distribution.version, _licence(distribution)
    return "", "unknown"


def _licence(distribution: metadata.Distribution) -> str:
    """The SPDX expression, else the classifier's or the free text's first line."""
    about = distribution.metadata
    for expression in about.get_all("License-Expression") or []:
        return str(expression)
    for classifier in about.get_all("Classifier") or []:
        if classifier.startswith("License ::"):
            return str(classifier.rpartition(" :: ")[2])
    for text in about.get_all("License") or []:
        return str(text).splitlines()[0][:100]
    return "unknown"
