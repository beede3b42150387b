"""Roots with datasets of real rows, each made by the command and kept until the tests end; and exports."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from tests.support.commands import call
from warpgen.exporting.export import Request, export
from warpgen.exporting.formats.summary import Summary

_KEPT: list[tempfile.TemporaryDirectory[str]] = []


def remove() -> None:
    """Take the roots away, when the tests end."""
    while _KEPT:
        _KEPT.pop().cleanup()


@functools.cache
def made_root(*options: str) -> Path:
    """The root of a run with these options; whoever wants to change something there copies it."""
    folder = tempfile.TemporaryDirectory(prefix="warpgen-made-")
    _KEPT.append(folder)
    code, _, errors = call("run", *options, "--root", folder.name)
    assert (code, errors.count("Traceback")) == (0, 0), errors
    return Path(folder.name)


def root() -> Path:
    """Both datasets of some forty programs."""
    return made_root("--rows", "40", "--verify", "none")


def exported(out: Path, **options: object) -> Summary:
    """An export of those."""
    request: dict[str, object] = {"root": root(), "out": out, "format": "parquet"}
    return export(Request(**(request | options)))  # type: ignore[arg-type]
