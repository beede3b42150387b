"""Roots with datasets of real rows, each made by the command and kept until the tests end; and exports."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import msgspec

from tests.support.commands import call
from tests.support.reporting_root import CIRCUMSTANCES, write_rows
from warpgen import jsonl
from warpgen.exporting.export import Request, export
from warpgen.exporting.formats.summary import Summary
from warpgen.exporting.kernels import Datasets, Kernel
from warpgen.paths import dataset_path, manifest_path
from warpgen.record import TARGETS, Row
from warpgen.reporting.manifest import read, write_manifest

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


def kernels() -> dict[str, Kernel]:
    """Their kernels by id."""
    return {kernel.rows[0].kernel_id: kernel for kernel in Datasets(root()).kernels()}


def exported(out: Path, **options: object) -> Summary:
    """An export of those."""
    request: dict[str, object] = {"root": root(), "out": out, "format": "parquet"}
    return export(Request(**(request | options)))  # type: ignore[arg-type]


def _older(row: Row, version: str) -> Row:
    """A row without `static`, its parts where they are then."""
    moved = {
        name: tuple(len(row.code[:place].replace("static ", "")) for place in span)
        for name, span in (("forward", row.forward), ("backward", row.backward))
    }
    provenance = msgspec.structs.replace(row.provenance, warp=version)
    return msgspec.structs.replace(row, code=row.code.replace("static ", ""), provenance=provenance, **moved)


def of_another_warp(made: Path, out: Path, version: str, **changes: object) -> Path:
    """The datasets of a root as another Warp could have made them: no `static`, and one program less."""
    for target in TARGETS:
        manifest = read(manifest_path(made, target))
        rows = [row for _, row in jsonl.rows(dataset_path(made, target), Row)][1:]
        older = [_older(row, version) for row in rows]
        write_rows(dataset_path(out, target), older)
        recipe = msgspec.structs.replace(manifest.recipe, warp=version, **changes)
        write_manifest(out, target, recipe, CIRCUMSTANCES, {}, [])
    return out
