"""The finished datasets under a root: which there are, and whether each is what its manifest describes.

Every command that reads finished datasets finds them here, so that what is missing, half there, cut, swapped
or changed is told by all in the same way.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import xxhash

from warpgen import places
from warpgen.errors import DamageError, RootError
from warpgen.jsonl import BLOCK
from warpgen.paths import dataset_path, manifest_path
from warpgen.record import TARGETS, Target
from warpgen.reporting import state
from warpgen.reporting.manifest import Manifest, present, read
from warpgen.reporting.survey import Survey
from warpgen.store import Remote


def targets(root: Path | Remote, asked: Sequence[Target] = ()) -> tuple[Target, ...]:
    """The targets asked for, or all that have a manifest.

    Raises RootError where there is none, or a dataset without its manifest: nobody can say what it is.
    """
    with places.looking_at(root):
        described = [target for target in TARGETS if manifest_path(root, target).is_file()]
        alone = [t for t in TARGETS if t not in described and dataset_path(root, t).is_file()]
        unfinished = (alone or not described) and (root / "data" / "work").exists()
    if unfinished:
        raise RootError("the run in this root is not finished: go on with `python -m warpgen.resume`")
    for target in alone:
        if target in asked or not asked:
            raise RootError(
                f"{dataset_path(Path(), target)} is there without {manifest_path(Path(), target)}, so nobody "
                "can say what it is: put the manifest back, move the dataset away, or make both again with "
                "`python -m warpgen.run --overwrite`"
            )
    if not described and not asked:
        raise RootError(
            f"there is no finished dataset under {root}: make one with `python -m warpgen.run`, "
            "or name another root"
        )
    return tuple(asked or described)


def described(root: Path | Remote, asked: Sequence[Target] = ()) -> dict[Target, Manifest]:
    """The manifests of `targets`. Raises DamageError where one is not whole."""
    found = targets(root, asked)
    with places.looking_at(root):
        return {target: read(manifest_path(root, target)) for target in found}


@contextlib.contextmanager
def at_hand(
    place: Path | Remote | str, asked: Sequence[Target] = (), whole: bool = True
) -> Iterator[tuple[Path, tuple[Target, ...]]]:
    """A folder with what is finished in a root, and `targets` of it.

    It is the root or, of one in a store, what was fetched. With `whole` every dataset is held to its
    manifest. Raises as `targets` and `path_of` do.
    """
    root = places.at(place) if isinstance(place, str) else place
    found = targets(root, asked)
    names = [path.as_posix() for t in found for path in (manifest_path(Path(), t), dataset_path(Path(), t))]
    with places.at_hand(root, [*names, state.NAME]) as folder:
        for target in found if whole else ():
            path_of(folder, read(manifest_path(folder, target)), whole=True)
        yield folder, found


def path_of(root: Path, manifest: Manifest, whole: bool = False) -> Path:
    """Where the dataset of a manifest lies.

    Raises RootError when it is not there, DamageError when it has another size than its manifest says or,
    with `whole`, another checksum.
    """
    path = present(root, manifest)
    wrong = difference(path, manifest.figures, whole)
    if wrong:
        raise DamageError(f"{manifest.file} {wrong}; {mend(root, manifest)}")
    return path


def difference(path: Path | Remote, figures: Survey, whole: bool = False) -> str:
    """What is wrong with the dataset at `path`.

    Nothing, if it has the size and, with `whole`, the checksum of its figures.
    """
    size = path.stat().st_size
    if size != figures.bytes:
        return f"has {size} bytes, and its manifest says {figures.bytes}"
    if whole and isinstance(path, Path) and checksum(path) != figures.xxh3_128:
        return "is damaged or another file than that of its manifest: the checksums differ"
    return ""


def manifest_beside(path: Path | Remote) -> Manifest | None:
    """The manifest of a dataset that lies where `run` puts it, if there is one. Raises DamageError."""
    root = path.absolute().parent.parent.parent if isinstance(path, Path) else path.parent.parent.parent
    for target in TARGETS:
        beside = manifest_path(root, target)
        if path.name == dataset_path(root, target).name and path.parent.name == f"production_{target}":
            return read(beside) if beside.is_file() else None
    return None


def mend(root: Path | Remote, manifest: Manifest) -> str:
    """What to do about a dataset that is not its manifest's."""
    if (root / "data" / "work" / "journal").is_file():
        return "the run in this root is not finished: go on with `python -m warpgen.resume`"
    return f"make it again with `{manifest.command} --overwrite`"


def checksum(path: Path) -> str:
    """The xxh3-128 of a file."""
    state = xxhash.xxh3_128()
    with path.open("rb") as file:
        while part := file.read(BLOCK):
            state.update(part)
    return state.hexdigest()
