"""Categories and their motifs: what every file in `categories/` registers."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable

from warpgen.errors import DraftRejected
from warpgen.synthesis.kit.kit import Kit

Write = Callable[[Kit], None]


class Motif:
    """A fragment of a kernel: asks the kit for what it needs, gives what it computes.

    `rank` is the launch rank it needs (0: any). `inline` motifs cannot become a helper function.
    `f32` ones need the program's float to be float32. `alone` ones write the whole kernel themselves,
    from `wp.tid()` (`k.threads`) to the stores.
    """

    def __init__(
        self, write: Write, category: str, rank: int, weight: float, inline: bool, f32: bool, alone: bool
    ) -> None:
        self.function = write
        self.category = category
        self.rank = rank
        self.weight = weight
        self.inline = inline or alone
        self.f32 = f32
        self.alone = alone
        self.name = write.__name__
        self.title = (inspect.getdoc(write) or "").split("\n")[0].rstrip(".")
        if not self.title:  # comments are made of it: python -OO would write other programs
            raise TypeError(f"motif {self.name} has no docstring")

    def write(self, k: Kit) -> None:
        """Write the motif into `k`; a draft that it rejects says by whom."""
        try:
            self.function(k)
        except DraftRejected as rejection:
            rejection.motif = rejection.motif or f"{self.category}.{self.name}"
            raise


class Category:
    """A kind of program: what it is about, how common it is, and its motifs."""

    def __init__(self, name: str, about: str, weight: float = 1.0) -> None:
        self.name = name
        self.about = about
        self.weight = weight
        self.motifs: list[Motif] = []

    @functools.cached_property
    def weights(self) -> dict[Motif, float]:
        """How often each motif is taken, in relation to the others; for when all are registered."""
        return {m: m.weight for m in self.motifs}

    def motif(
        self,
        rank: int = 0,
        weight: float = 1.0,
        *,
        inline: bool = False,
        f32: bool = False,
        alone: bool = False,
    ) -> Callable[[Write], Write]:
        """Register a function as a motif of this category."""

        def register(write: Write) -> Write:
            self.motifs.append(Motif(write, self.name, rank, weight, inline, f32, alone))
            return write

        return register
