"""Does a manifest tell the truth about its dataset? The first difference, or none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from warpgen.errors import DamageError
from warpgen.paths import dataset_path, manifest_path
from warpgen.record import Target
from warpgen.reporting.manifest import Manifest, command, decode, present, refused
from warpgen.reporting.seal import COMPLAINTS
from warpgen.reporting.survey import survey


def first_difference(root: Path, target: Target) -> str | None:
    """Compute every figure of the target's manifest again; a sentence naming the first that differs.

    Raises RootError when the dataset is not there and DamageError when the manifest is not whole.
    """
    manifest, seal = decode(manifest_path(root, target))
    path = present(root, manifest)
    try:
        figures = survey(path)
    except DamageError as error:
        return f"{manifest.file}: {error}"
    return (
        _difference("figures", msgspec.to_builtins(manifest.figures), msgspec.to_builtins(figures))
        or _derived(manifest, target)
        or _complete(manifest)
        or _accounted(manifest)
        or COMPLAINTS[seal]
    )


def _derived(manifest: Manifest, target: Target) -> str | None:
    """The parts of a manifest that follow from the recipe."""
    expected = {
        "target": target,
        "file": dataset_path(Path(), target).as_posix(),
        "recipe_hash": manifest.recipe.hash,
        "command": command(manifest.recipe),
    }
    return _difference("", {name: getattr(manifest, name) for name in expected}, expected)


def _complete(manifest: Manifest) -> str | None:
    """A dataset must be as large as its recipe asks."""
    recipe, figures = manifest.recipe, manifest.figures
    if recipe.rows is not None and figures.rows != recipe.rows:
        return f"figures.rows: the recipe asks for {recipe.rows}, the dataset has {figures.rows}"
    if recipe.rows is None and figures.bytes < (recipe.size or 0):
        return f"figures.bytes: the recipe asks for {recipe.size}, the dataset has {figures.bytes}"
    return None


def _accounted(manifest: Manifest) -> str | None:
    """Every program up to the last row's is a row, a repeat or a failure; the failures are counted."""
    repeats = sum(sum(reasons.values()) for reasons in manifest.dropped.values())
    failed = len({failure.index for failure in manifest.failures})
    told = manifest.figures.rows + repeats + failed
    made = manifest.figures.last_index + 1
    if told != made:
        return f"dropped and failures: with the rows they account for {told} programs, {made} were made"
    return _difference("refused", manifest.refused, refused(manifest.failures))


def _difference(name: str, told: Any, found: Any) -> str | None:
    """The first place, in the manifest's order, where the two values differ."""
    if isinstance(told, dict) and isinstance(found, dict):
        for key in (*told, *(key for key in found if key not in told)):
            inner = _difference(f"{name}.{key}".lstrip("."), told.get(key), found.get(key))
            if inner is not None:
                return inner
        return None
    if told == found:
        return None
    return f"{name}: the manifest says {_shown(told)}, the dataset says {_shown(found)}"


def _shown(value: Any) -> str:
    return "nothing" if value is None else str(value)
