"""The atom of work, and what comes back from it. Payloads never travel: rows stay in the shard."""

from __future__ import annotations

import msgspec


class Unit(msgspec.Struct, frozen=True, array_like=True):
    """The programs of index start … stop - 1. `attempt` counts earlier failures; it changes no byte."""

    start: int
    stop: int
    attempt: int = 0

    @property
    def size(self) -> int:
        """How many programs it has."""
        return self.stop - self.start


class Outcome(msgspec.Struct, frozen=True, array_like=True):
    """A shard on disk (`checksum` of its bytes, `size` in bytes), or the first line of an error.

    `fatal` says that the machine, not the programs, is at fault (disk full, folder gone): trying
    again or leaving programs out cannot help.
    """

    start: int
    stop: int
    checksum: str = ""
    size: int = 0
    error: str = ""
    fatal: bool = False
