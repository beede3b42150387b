"""Drafts of each motif in each variant, and of each builtin that is called."""

from __future__ import annotations

import inspect
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from warpgen.errors import DraftRejected
from warpgen.program import Program
from warpgen.synthesis.blocks.motif import Motif
from warpgen.synthesis.builtins import schedule
from warpgen.synthesis.builtins.schedule import Fragment
from warpgen.synthesis.emit.module import assemble
from warpgen.synthesis.kernel.helpers import outline
from warpgen.synthesis.kernel.stores import store_rest
from warpgen.synthesis.kernel.threads import open_threads
from warpgen.synthesis.kit.draft import Draft
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.author import Author
from warpgen.synthesis.language.types import F16, F32, F64
from warpgen.synthesis.style.rng import Rng

FEWEST, MOST = 4, 250  # drafts of each motif


Site = tuple[Any, int]


class Variants:
    """Makes a motif take the options of its choices in turn, and knows which an accepted draft has taken."""

    def __init__(self) -> None:
        self._turns: Counter[Site] = Counter()
        self._options: dict[Site, int] = {}
        self._drafted: set[tuple[Site, int]] = set()
        self._taken: set[tuple[Site, int]] = set()

    def clear(self) -> None:
        """Another motif begins."""
        for kept in (self._turns, self._options, self._drafted, self._taken):
            kept.clear()

    def position(self, count: int, drawn: int) -> int:
        """Which of `count` options the motif takes now; as drawn, if it is not a motif that chooses."""
        frame = sys._getframe(2)
        if "/synthesis/categories/" not in Path(frame.f_code.co_filename).as_posix():
            return drawn
        site = (frame.f_code, frame.f_lasti)
        at = self._turns[site] % count
        self._turns[site] += 1
        self._options[site] = min(count, self._options.get(site, count))
        self._drafted.add((site, at))
        return at

    def news(self) -> bool:
        """Whether the draft has an option that none before it had."""
        return bool(self._drafted - self._taken)

    def accept(self) -> None:
        """The draft came to its end."""
        self._taken |= self._drafted

    def reject(self) -> None:
        """The draft did not."""
        self._drafted.clear()

    def left(self) -> list[str]:
        """The options that no accepted draft has taken: function and number."""
        wanted = {(site, at) for site, count in self._options.items() for at in range(count)}
        return sorted({f"{site[0].co_name}:{at}" for site, at in wanted - self._taken})


def variants(monkeypatch: pytest.MonkeyPatch) -> Variants:
    """Has every choice of a motif go through its options, whatever is drawn."""
    found = Variants()
    weigh = Rng.weighted

    def choice(rng: Rng, options: Sequence[Any]) -> Any:
        return options[found.position(len(options), rng.integer(0, len(options) - 1))]

    def weighted(rng: Rng, weights: Mapping[Any, float]) -> Any:
        keys = list(weights)
        return keys[found.position(len(keys), keys.index(weigh(rng, weights)))]

    monkeypatch.setattr(Rng, "choice", choice)
    monkeypatch.setattr(Rng, "weighted", weighted)
    return found


def drafted(motif: Motif, number: int) -> Program:
    """The motif alone in a kernel: in place or as a helper, in single precision mostly."""
    rng = Rng("motifs", motif.category, motif.name, number)
    real = F32 if motif.f32 or number % 4 else F64 if number % 8 else F16
    k = Kit(Draft(rng, Author(rng), real))
    if motif.alone:
        inspect.unwrap(motif.function)(k)  # without other motifs that a motif of tiles takes in
    else:
        open_threads(k, motif.rank or 1 + number % 2)
        if motif.inline or number % 2:
            motif.write(k)
        else:
            outline(k, motif.write, motif.name, motif.title)
        store_rest(k)
    name = k.draft.module_name("kernel")
    module = assemble(k, name, motif.title, motif.category, number)
    return Program(0, number, motif.category, name, module.source, module.arguments, module.launch)


def all_drafts(motif: Motif, variants: Variants) -> Iterator[Program]:
    """Drafts of the motif until each option of its choices has been in one."""
    for number in range(MOST):
        try:
            yield drafted(motif, number)
            variants.accept()
        except DraftRejected:
            pass
        variants.reject()
        if number + 1 >= FEWEST and not variants.left():
            return


def usable() -> Iterator[Fragment]:
    """The first variant of each overload that the installed Warp takes."""
    for variants in schedule.overloads():
        yield from [v for v in variants if schedule.callable_(v)][:1]


def calling(fragment: Fragment, number: int) -> Program:
    rng = Rng("fragment", number)
    k = Kit(Draft(rng, Author(rng), F32))
    open_threads(k, 1 + number % 2)
    fragment.write(k)
    store_rest(k)
    name = k.draft.module_name(f"call_{fragment.builtin}")
    module = assemble(k, name, "", "math", number)
    return Program(0, number, "schedule", name, module.source, module.arguments, module.launch)
