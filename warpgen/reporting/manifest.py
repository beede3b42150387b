"""The manifest: what a finished dataset is, where it came from and how to make it again."""

from __future__ import annotations

import os
import platform
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Literal

import msgspec

from warpgen import durable
from warpgen.errors import DamageError, RootError
from warpgen.paths import P, dataset_path, manifest_path
from warpgen.reasons import FAULTS, ROUNDED
from warpgen.recipe import Recipe, spell_size
from warpgen.record import Target
from warpgen.reporting import seal
from warpgen.reporting.survey import Survey, survey
from warpgen.store import Remote

LICENCE = "Apache-2.0"
LARGEST = 32 * 2**20  # bytes; a manifest takes about 100 kB, so a larger file is not one

# Where an error begins to speak of one program: at a colon, a number or a name in quotes.
_SPECIFIC = re.compile(r":|\s*['\"`\d]")

# The packages whose version a reader may need to make the same bytes or to explain a difference.
_PACKAGES = ("warp-lang", "numpy", "msgspec", "zstandard", "xxhash")


class Moment(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """How far a run was after so many seconds of work, all sessions together: bytes of all its datasets."""

    seconds: float
    programs: int
    bytes: int


class Circumstances(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the dataset happened to be made; nothing here may influence a byte of it."""

    workers: int
    engine: str
    started: str  # ISO 8601, UTC
    finished: str
    wall_seconds: float  # of all sessions of the run, interrupted ones included
    cpu_seconds: float = 0.0  # coordinator and workers
    peak_rss: int = 0  # bytes, coordinator
    peak_worker_rss: int = 0  # bytes, the largest worker
    peak_disk: int = 0  # bytes under the root
    sessions: int = 1  # 1 + how often the run was resumed
    retries: int = 0  # units tried again
    workers_replaced: int = 0
    moments: tuple[Moment, ...] = ()  # evenly spread, for the speed over time
    cores: int = msgspec.field(default_factory=lambda: os.cpu_count() or 1)
    machine: str = msgspec.field(default_factory=platform.machine)
    system: str = msgspec.field(default_factory=lambda: f"{platform.system()} {platform.release()}")
    python: str = msgspec.field(default_factory=platform.python_version)


class Failure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A program index (or, quarantined, the first index of a unit) that gave no row, and why."""

    index: int
    reason: Literal["synthesis", "extraction", "verification", "unit"]
    error: str  # first line of the error, without machine paths


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One dataset file. Paths are relative to the root."""

    format: Literal[1] = 1
    target: Target
    file: str
    recipe: Recipe
    recipe_hash: str
    command: str  # makes the file again, byte for byte
    licence: str
    versions: dict[str, str]
    figures: Survey
    dropped: dict[str, dict[str, int]]  # kind -> reason -> programs, e.g. duplicate -> structure -> 12
    failures: tuple[Failure, ...]  # in order of index
    refused: dict[str, dict[str, int]] = {}  # the failures by reason and by what their errors begin with
    circumstances: Circumstances
    seal: str = ""  # over all other fields, see seal.py; none in what older versions wrote


def present(root: P, manifest: Manifest) -> P:
    """Where the dataset of a manifest lies; raises RootError when it is not there."""
    path = dataset_path(root, manifest.target)
    if not path.is_file():
        raise RootError(f"{manifest.file} is not here: make it with `{manifest.command}`")
    return path


def write_manifest(
    root: Path,
    target: Target,
    recipe: Recipe,
    circumstances: Circumstances,
    dropped: Mapping[str, Mapping[str, int]],
    failures: Iterable[Failure],
    figures: Survey | None = None,
) -> Manifest:
    """Survey the finished dataset of `target`, unless its figures are given, and put its manifest beside it.

    That is done atomically. `dropped` and `failures` hold the programs up to the last row's index that gave
    no row, each in one of the two: `stats --check` wants rows, dropped and failures to add up to the programs
    made. Raises DamageError when the dataset cannot be read as rows.
    """
    path = dataset_path(root, target)
    ordered = tuple(sorted(failures, key=lambda failure: failure.index))
    manifest = Manifest(
        target=target,
        file=path.relative_to(root).as_posix(),
        recipe=recipe,
        recipe_hash=recipe.hash,
        command=command(recipe),
        licence=LICENCE,
        versions=_versions(recipe),
        figures=figures or survey(path),
        dropped={kind: dict(sorted(dropped[kind].items())) for kind in sorted(dropped)},
        failures=ordered,
        refused=refused(ordered),
        circumstances=circumstances,
    )
    return write(manifest, manifest_path(root, target))


def refused(failures: Iterable[Failure]) -> dict[str, dict[str, int]]:
    """How many failures there are by reason, and within one by the words that their errors begin with.

    These tell the check that a program failed, or the kind of its error.
    """
    counts: dict[str, Counter[str]] = {}
    for failure in failures:
        counts.setdefault(failure.reason, Counter())[_SPECIFIC.split(failure.error, 1)[0]] += 1
    return {reason: dict(sorted(counts[reason].items())) for reason in sorted(counts)}


def causes(failures: Sequence[Failure]) -> dict[str, int]:
    """How many failures there are by what explains them, as their errors say.

    That is rounding, or the numbers of faults of Warp, of which any may be the one.
    """
    known = (failure.error.rpartition(FAULTS) for failure in failures)
    told = Counter(numbers for _, named, numbers in known if named)
    told["rounding"] = sum(failure.error.endswith(ROUNDED) for failure in failures)
    return dict(sorted((+told).items()))


def write(manifest: Manifest, path: Path) -> Manifest:
    """Seal the manifest, put it at `path` and return it; a power cut leaves the old file or the new one."""
    whole = seal.sealed(manifest)
    durable.make_folder(path.parent)
    durable.write(path, msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n")
    return whole


def read(path: Path | Remote) -> Manifest:
    """The manifest at `path`.

    Raises RootError when there is none, DamageError when it is not whole, its seal does not hold, or it names
    another file or command than its recipe's: people are shown both, and may follow them.
    """
    data = _data(path)
    manifest = _decoded(path, data)
    if manifest.file != dataset_path(Path(), manifest.target).as_posix():
        raise DamageError(f"the manifest {_short(path)} names another file than its target's; {_MEND}")
    if manifest.command != command(manifest.recipe):
        raise DamageError(f"the manifest {_short(path)} names another command than its recipe's; {_MEND}")
    if seal.state_of(data) == "broken":
        raise DamageError(
            f"the manifest {_short(path)} was changed after it was written: its seal is broken; {_MEND}"
        )
    return manifest


def decode(path: Path | Remote) -> tuple[Manifest, seal.Seal]:
    """What stands in the manifest at `path`, held to its form alone, and whether its seal holds.

    Raises as `read` does.
    """
    data = _data(path)
    return _decoded(path, data), seal.state_of(data)


def _data(path: Path | Remote) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise RootError(
            f"there is no manifest {_short(path)}: make the dataset with `python -m warpgen.run`"
        ) from None
    except OSError as error:
        raise RootError(f"the manifest {_short(path)} cannot be read: {error.strerror or error}") from error
    if len(data) > LARGEST:
        raise DamageError(f"{_short(path)} is too large to be a manifest; {_MEND}")
    return data


def _decoded(path: Path | Remote, data: bytes) -> Manifest:
    try:
        return msgspec.json.decode(data, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DamageError(f"the manifest {_short(path)} is damaged ({error}); {_MEND}") from error


_MEND = "restore it from version control, or make the dataset again with `python -m warpgen.run --overwrite`"


def command(recipe: Recipe) -> str:
    """The command line that makes the datasets of `recipe` again, with every option written out."""
    parts = ["./scripts/produce", "--target", recipe.target]
    parts += (
        ["--rows", str(recipe.rows)] if recipe.rows is not None else ["--size", spell_size(recipe.size or 0)]
    )
    parts += ["--seed", str(recipe.seed)]
    if recipe.categories:
        parts += [
            "--categories",
            ",".join(f"{name}={weight!r}" for name, weight in recipe.categories.items()),
        ]
    parts += ["--complexity", recipe.complexity, "--verify", recipe.verify]
    if recipe.gradients != "keep":
        parts += ["--gradients", recipe.gradients]
    return " ".join(parts)


def _versions(recipe: Recipe) -> dict[str, str]:
    versions = {name: metadata.version(name) for name in _PACKAGES}
    return {"warpgen": recipe.warpgen, **versions, "python": platform.python_version()}


def _short(path: Path | Remote) -> str:
    return "/".join(str(path).split("/")[-2:])
