"""The manifest of a harvest: what each package gave and what the files hold."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import msgspec

from warpgen import durable
from warpgen.errors import DamageError
from warpgen.jsonl import BLOCK
from warpgen.record import TARGETS, Target
from warpgen.reporting import seal
from warpgen.reporting.manifest import LARGEST

Level = Literal["none", "compile"]
Reason = Literal["import", "not made", "extraction", "verification", "duplicate"]


class Failure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kernel that gave no row (or none for one target), or a file that could not be imported."""

    file: str
    line: int
    name: str
    reason: Reason
    error: str


class Yield(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What one package gave, counted in kernels.

    `found` in the text of its files, `imported` once these were imported, `emitted` with a row for at least
    one target.
    """

    name: str
    version: str
    licence: str
    files: int
    found: int = 0
    imported: int = 0
    emitted: int = 0
    rows: dict[str, int] = {}
    failed: dict[str, int] = {}
    failures: list[Failure] = []


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One dataset file, relative to the root."""

    file: str
    rows: int
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`manifests/harvest_manifest.json`."""

    format: Literal[1] = 1
    warpgen: str
    warp: str
    verify: Level
    files: dict[Target, File]
    packages: list[Yield]
    seal: str = ""


def dataset_path(root: Path, target: Target) -> Path:
    """Where a harvest keeps the rows of a target."""
    return root / "data" / "harvest" / f"{target}_harvest.jsonl"


def manifest_path(root: Path) -> Path:
    """Where it says what they are."""
    return root / "manifests" / "harvest_manifest.json"


def describe(root: Path, target: Target) -> File:
    """Rows, bytes and checksum of a finished file."""
    path = dataset_path(root, target)
    state, rows = hashlib.sha256(), 0
    with path.open("rb") as file:
        while part := file.read(BLOCK):  # not by lines, of which one may be endless
            state.update(part)
            rows += part.count(b"\n")
    return File(path.relative_to(root).as_posix(), rows, path.stat().st_size, state.hexdigest())


def is_there(root: Path) -> bool:
    """Whether a root holds a harvest, or what is left of one."""
    return manifest_path(root).exists() or any(dataset_path(root, target).exists() for target in TARGETS)


def read(root: Path) -> tuple[Manifest, seal.Seal]:
    """The manifest of a root's harvest, and whether its seal holds. Raises DamageError."""
    try:
        with manifest_path(root).open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise ValueError("it is too large")
        return msgspec.json.decode(data, type=Manifest), seal.state_of(data)
    except (OSError, ValueError, RecursionError) as error:  # what msgspec raises are ValueErrors
        raise DamageError(f"{manifest_path(Path())} cannot be read: make it again by the harvest") from error


def first_difference(root: Path) -> str | None:
    """The first figure of the manifest that is not what the files say, None if there is none."""
    if not manifest_path(root).exists():
        return f"{manifest_path(Path())} is not here, and its datasets are: harvest again with --overwrite"
    manifest, state = read(root)
    for target, stored in manifest.files.items():
        name = dataset_path(Path(), target).as_posix()
        if stored.file != name:  # never a path that somebody wrote there
            return f"{target}: the manifest names another file than {name}"
        if not (root / name).is_file():
            return f"{name} is not here"
        made = describe(root, target)
        if made != stored:
            return f"{name} is not as its manifest says: {made.rows} rows, {made.bytes} bytes"
    for target in manifest.files:
        told = sum(package.rows.get(target, 0) for package in manifest.packages)
        if told != manifest.files[target].rows:
            return f"{target}: the packages' rows add up to {told}, not {manifest.files[target].rows}"
    return seal.COMPLAINTS[state]


def write(root: Path, manifest: Manifest) -> None:
    """Seal the manifest and put it in its place."""
    durable.make_folder(manifest_path(root).parent)
    durable.write(
        manifest_path(root), msgspec.json.format(msgspec.json.encode(seal.sealed(manifest))) + b"\n"
    )
