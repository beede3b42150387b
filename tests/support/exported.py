"""A small finished root of real rows, made once, and exports of it."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from tests.support.commands import call
from warpgen.exporting.export import Request, export
from warpgen.exporting.formats.summary import Summary

_KEPT: list[tempfile.TemporaryDirectory[str]] = []


def remove() -> None:
    """Take the root away, when the tests end."""
    while _KEPT:
        _KEPT.pop().cleanup()


@functools.cache
def root() -> Path:
    """Both datasets of some forty programs."""
    folder = tempfile.TemporaryDirectory(prefix="warpgen-exported-")
    _KEPT.append(folder)
    code, _, errors = call("run", "--rows", "40", "--verify", "none", "--root", folder.name)
    assert code == 0, errors
    return Path(folder.name)


def exported(out: Path, **options: object) -> Summary:
    """An export of the small root."""
    request: dict[str, object] = {"root": root(), "out": out, "format": "parquet"}
    return export(Request(**(request | options)))  # type: ignore[arg-type]
