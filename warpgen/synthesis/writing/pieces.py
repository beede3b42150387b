"""Pieces: helper functions, structs and constants that many programs share, word for word."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

_NAME = re.compile(r"^(?:def |class )?(\w+)(?:\(| = |:)", re.MULTILINE)


class Piece(msgspec.Struct, frozen=True):
    """One declaration at module level. `numpy` computes the same on arrays, for references."""

    text: str
    needs: tuple[Piece, ...] = ()  # pieces that it names
    numpy: Callable[..., Any] | None = None

    @property
    def name(self) -> str:
        """What the text declares."""
        found = _NAME.search(self.text)
        if found is None:
            raise ValueError(f"a piece declares nothing: {self.text[:60]!r}")
        return found[1]

    def __call__(self, *arguments: Any) -> Any:
        """The same on NumPy arrays; raises TypeError for a piece that says nothing of it."""
        if self.numpy is None:
            raise TypeError(f"{self.name} has no counterpart in NumPy")
        return self.numpy(*arguments)


def piece(text: str, *needs: Piece, numpy: Callable[..., Any] | None = None) -> Piece:
    """A piece out of an indented text as it stands in a module."""
    return Piece(text.strip("\n"), needs, numpy)
