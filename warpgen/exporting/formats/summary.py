"""What an export tells of itself, beside its data."""

from __future__ import annotations

from typing import Any

import msgspec

from warpgen.exporting.fitting.tokens import Fit
from warpgen.exporting.formats.files import File


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What was exported; stands as `_export.json` beside the data. Loaders pass over names with `_`."""

    format: str
    view: str
    levels: tuple[str, ...]
    comments: str
    span: str
    order: str
    tokens: Fit
    warpgen: str
    sources: dict[str, dict[str, str]]  # target -> recipe_hash, sha256, command
    licence: str
    shares: tuple[int, int, int] | None
    clusters: dict[
        str, int
    ]  # kernels, clusters, largest, moved: kernels in another split than their row says
    exclude: list[dict[str, Any]]  # name, sha256, dropped per benchmark file
    splits: dict[str, int]  # records
    files: tuple[File, ...]
