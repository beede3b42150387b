"""Names of a module that is put together from pieces: one value to a name, and none that meets a local."""

from __future__ import annotations

import builtins
import keyword
import re

import warp as wp

# What every module of a row calls Warp.
WARP = "wp"


class ClashError(Exception):
    """A name of the module is also a local of a function that uses it, so it must be another."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Names:
    """The names that are taken; those to `avoid` are locals of functions that use what has the name."""

    def __init__(self, avoid: frozenset[str]) -> None:
        self._avoid = avoid
        self._taken = {WARP}

    def take(self, *candidates: str) -> str:
        """The first candidate that is free, else the first one with a number."""
        plain = (re.sub("^__+", "_", name) for name in candidates)  # no row may have a name of Python's own
        fitting = [name for name in plain if name.isidentifier() and not keyword.iskeyword(name)]
        fitting = fitting or ["value"]
        for name in fitting:
            if self._free(name):
                return self.reserve(name)
        number = 1
        while not self._free(f"{fitting[0]}_{number}"):
            number += 1
        return self.reserve(f"{fitting[0]}_{number}")

    def reserve(self, name: str) -> str:
        """Take a name that nothing else has."""
        self._taken.add(name)
        return name

    def state(self) -> set[str]:
        """What `restore` takes to undo whatever comes after."""
        return set(self._taken)

    def restore(self, state: set[str]) -> None:
        """Undo what came after `state`."""
        self._taken = set(state)

    def _free(self, name: str) -> bool:
        if name in self._taken or name in self._avoid or hasattr(builtins, name):
            return False
        # Functions of Warp's that are written in Python are numbered with a program's own: two would be one.
        same = getattr(wp, name, None)
        return not (isinstance(same, wp.Function) and same.func is not None)
