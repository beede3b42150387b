"""Changes of a text by place, so that all else of it stays as it is."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Edit(msgspec.Struct, frozen=True):
    """`text` stands where characters `start` to `stop` were."""

    start: int
    stop: int
    text: str


def edited(text: str, edits: Sequence[Edit]) -> str:
    """The text with all edits, which must not overlap."""
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.stop :]
    return text


def apart(a: Edit, b: Edit) -> bool:
    """Whether two edits have at least a character between them."""
    return a.stop < b.start or b.stop < a.start


def between(old: str, new: str) -> Edit:
    """The shortest single edit that makes `new` of `old`."""
    start = _alike(old, new)
    end = min(_alike(old[::-1], new[::-1]), min(len(old), len(new)) - start)
    return Edit(start, len(old) - end, new[start : len(new) - end])


def _alike(a: str, b: str) -> int:
    """How many characters two texts begin with in common."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
