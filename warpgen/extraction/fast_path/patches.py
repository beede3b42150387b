"""The register of stand-ins: what each replaces, and whether that is what it was written for."""

from __future__ import annotations

import inspect
import linecache
import warnings
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any, TypeVar

import xxhash

from warpgen.extraction.fast_path.sources import FUNCTIONS
from warpgen.extraction.versions import OLDER_WARPS, warp_version

_F = TypeVar("_F", bound=Callable[..., Any])


class Patch:
    """One function of Warp, `stock`, and its stand-in, which may leave some cases to it."""

    def __init__(self, owner: Any, name: str, source: str) -> None:
        self.owner = owner
        self.name = name
        self.source = source
        self.stock: Any = getattr(owner, name)
        self.is_static = isinstance(inspect.getattr_static(owner, name), staticmethod)
        self.stand_in: Any = None
        self.installed = False

    @property
    def known(self) -> bool:
        """Whether Warp's function is the one that the patch was written for."""
        return source_digest(self.stock) == self.source

    def put(self, function: Any) -> None:
        """Set this function in the place of Warp's."""
        setattr(self.owner, self.name, staticmethod(function) if self.is_static else function)
        self.installed = function is self.stand_in


PATCHES: list[Patch] = []


def replaces(owner: Any, name: str) -> Callable[[_F], _F]:
    """Register a stand-in for `owner.name`, whose source is in the table of those known."""

    def register(stand_in: _F) -> _F:
        patch = Patch(owner, name, FUNCTIONS[f"{owner.__name__.rsplit('.', 1)[-1]}.{name}"])
        patch.stand_in = stand_in
        PATCHES.append(patch)
        return stand_in

    return register


def stock(stand_in: Callable[..., Any]) -> Any:
    """Warp's own function that this one stands in for."""
    return next(p.stock for p in PATCHES if p.stand_in is stand_in)


def install() -> list[str]:
    """Put the stand-ins in place; returns the names of those kept out, warned of in the newest Warp."""
    refused = []
    for patch in PATCHES:
        if patch.installed:
            continue
        if patch.known:
            patch.put(patch.stand_in)
            continue
        name = f"{patch.owner.__name__}.{patch.name}"
        refused.append(name)
        if warp_version() in OLDER_WARPS:
            continue  # some of its functions are others, as is known
        warnings.warn(f"the fast path does not know {name} of this Warp and leaves it as it is", stacklevel=2)
    return refused


def uninstall() -> None:
    """Put Warp's own functions back."""
    for patch in PATCHES:
        if patch.installed:
            patch.put(patch.stock)


def source_digest(function: Any) -> str:
    """xxh3-64 of a function's lines, read without tokenizing the 17,000 lines of its file."""
    code = inspect.unwrap(function).__code__
    last = max(_lines(code))
    lines = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 : last]
    return xxhash.xxh3_64_hexdigest("".join(lines).encode())


def _lines(code: CodeType) -> Iterator[int]:
    yield from (line for _, _, line in code.co_lines() if line)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _lines(constant)
