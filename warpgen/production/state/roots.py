"""The root folder: may it be used for what is asked, and what is there already."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator
from pathlib import Path

import msgspec

from warpgen import __version__, scratch
from warpgen.errors import DamageError, RootError
from warpgen.extraction.versions import warp_version
from warpgen.paths import manifest_path
from warpgen.production.state import journal, recovery
from warpgen.production.state.layout import Layout
from warpgen.production.state.lock import locked
from warpgen.production.state.meter import free_bytes
from warpgen.production.state.remote import layout_of, mirrored
from warpgen.recipe import Recipe, difference
from warpgen.record import TARGETS, Target
from warpgen.reporting import finished as datasets
from warpgen.reporting.manifest import read

# Bytes of a row, generously, where only a number of rows is asked for: the mean is below half of it.
_ROW = 100_000

# On top of the datasets themselves: shards that wait, the dedup index, manifests, kernel caches.
_SPARE = 1 / 8
_SPARE_LEAST = 16 << 20


@contextlib.contextmanager
def held(root: Path | str) -> Iterator[tuple[Layout, int]]:
    """The layout of a root that this process alone may change now, and the lock's descriptor.

    Raises RootError when the root cannot be written or another process holds it.
    """
    layout = layout_of(root)
    try:
        with (
            scratch.kept_if_used(layout.data, layout.root / "manifests"),
            locked(layout.lock) as descriptor,
            _linked(layout),
            mirrored(layout) if layout.address else contextlib.nullcontext(),
        ):
            if not layout.journal_at.exists():
                recovery.clear(layout)  # a run that was cut off while it ended, or before it began
            yield layout, descriptor
    except BrokenPipeError:
        raise  # of the terminal, not of the root
    except OSError as error:
        raise RootError(
            f"the root {layout.name!r} cannot be used ({error.strerror or error}): make it writable or "
            "choose another --root"
        ) from error


@contextlib.contextmanager
def _linked(layout: Layout) -> Iterator[None]:
    """Manifests are where older instructions look for them, too, as long as there are any."""
    manifests, link = layout.root / "manifests", layout.data / "manifests"
    missing = not link.is_symlink() and not link.exists()
    if missing:
        link.symlink_to(Path("..") / "manifests", target_is_directory=True)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if missing and not any(manifests.iterdir()):
                link.unlink()


def unfinished_part(layout: Layout, recipe: Recipe) -> Recipe | None:
    """What of the recipe is still to be made in this root, None when all of it is there.

    Raises RootError when an unfinished run or another recipe's dataset is in the way.
    """
    if layout.journal_at.exists():
        begun = journal.read(layout.journal_at).begun
        if begun.share:
            raise RootError(
                f"this root holds part {begun.share} of a recipe: merge it with `python -m warpgen.merge`, "
                "choose another --root, or replace it with --overwrite"
            )
        raise RootError(
            f"an unfinished run{of_another(begun.recipe, recipe)} is in this root: "
            "go on with it by `python -m warpgen.resume`, or drop it and begin anew with --overwrite"
        )
    missing = [target for target in recipe.targets if not finished(layout, target, recipe)]
    if len(missing) == len(recipe.targets):
        return recipe
    return msgspec.structs.replace(recipe, target=missing[0]) if missing else None


def here_already(layout: Layout) -> str:
    """What to say where `unfinished_part` found nothing to make."""
    told = "warpgen: the datasets of this recipe are here already"
    if layout.address:  # reading them all would cost time and money that nobody asked for
        check = f"python -m warpgen.stats --check --root {shlex.quote(layout.address)}"
        told += f", by their names and sizes (`{check}` reads them)"
    return f"{told}; nothing to do"


def check_resumable(root: Path | str, held: bool = False) -> None:
    """Raise RootError when no unfinished run is in the root, DamageError when a manifest is damaged."""
    layout = layout_of(root)
    if layout.journal_at.exists():
        return
    if not held and (layout.address or layout.work.exists() or layout.lock.exists()):
        return  # what a crash at the very end left there goes once the root is held
    paths = [(target, manifest_path(layout.root, target)) for target in TARGETS]
    there = [finished(layout, target, read(path).recipe) for target, path in paths if path.exists()]
    if any(there):
        raise RootError("nothing to resume: the run in this root is finished")
    raise RootError(
        "nothing to resume in this root: begin with `python -m warpgen.run`, or name another --root"
    )


def check_same_versions(recipe: Recipe) -> None:
    """Raise RootError when other versions than the recipe's are installed: they may write other bytes."""
    for name, wanted, found in (
        ("warpgen", recipe.warpgen, __version__),
        ("Warp", recipe.warp, warp_version()),
    ):
        if wanted != found:
            raise RootError(
                f"the run was begun with {name} {wanted} and {found} is installed: install {wanted} to "
                "resume it, or begin anew with `python -m warpgen.run ... --overwrite`"
            )


def check_space(layout: Layout, recipe: Recipe, shares: int = 1) -> None:
    """Raise RootError when the disk has no room for what is still to be written of one of so many shares."""
    each = recipe.size if recipe.rows is None else recipe.rows * _ROW
    whole = (each or 0) * len(recipe.targets) // shares
    there = sum(_size(layout.partial(target)) for target in recipe.targets)
    needed = max(0, whole - there) + max(_SPARE_LEAST, int(whole * _SPARE))
    free = free_bytes(layout.root)
    if free < needed:
        raise RootError(
            f"the disk of the root has {free / 2**20:.0f} MiB free and {needed / 2**20:.0f} MiB are needed: "
            "free some, ask for less, or choose another --root"
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def finished(layout: Layout, target: Target, recipe: Recipe) -> bool:
    """Is the dataset of this target there, made by this recipe?

    Raises RootError when another is there, DamageError when its manifest cannot be read or it is not the file
    that its manifest describes (in a store: has not its size).
    """
    name = layout.final(target).relative_to(layout.root)
    path = layout.published(layout.final(target))
    if not path.exists():
        return False
    if not manifest_path(layout.root, target).exists():
        raise RootError(f"{name} is there without a manifest: move it away, or replace it with --overwrite")
    manifest = read(manifest_path(layout.root, target))
    other = of_another(_aside_from_target(manifest.recipe), _aside_from_target(recipe), "by")
    if other:
        raise RootError(
            f"{name} is there, made{other}: choose another --root, or replace it with --overwrite"
        )
    wrong = datasets.difference(path, manifest.figures, whole=True)
    if wrong:
        raise DamageError(f"{name} {wrong}: make it again with --overwrite")
    return True


def of_another(there: Recipe, asked: Recipe, word: str = "of") -> str:
    """` of another recipe (...)` with what differs, '' where nothing does."""
    told = difference(there, asked)
    return f" {word} another recipe (there and asked for: {told})" if told else ""


def _aside_from_target(recipe: Recipe) -> Recipe:
    # The dataset of a target is the same whether it is made alone or beside the other.
    return msgspec.structs.replace(recipe, target="both")
