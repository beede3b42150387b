"""Where finished datasets and their manifests lie under a root."""

from __future__ import annotations

from typing import Protocol, TypeVar

from warpgen.record import Target


class _Place(Protocol):
    def __truediv__(self: P, name: str, /) -> P: ...

    def is_file(self) -> bool: ...


P = TypeVar("P", bound=_Place)  # a folder, or a place in an object store


def dataset_path(root: P, target: Target) -> P:
    """Where the finished dataset of a target lies under the root."""
    return root / "data" / f"production_{target}" / f"{target}_code_dataset.jsonl"


def manifest_path(root: P, target: Target) -> P:
    """Where the manifest of a target lies under the root."""
    return root / "manifests" / f"{target}_manifest.json"
