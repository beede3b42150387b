"""Algorithms: each a function that writes programs of one purpose, found under its domain and name."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from warpgen.synthesis.writing.draft import Draft

Write = Callable[[Draft], None]


class Algorithm:
    """What a program can be about. The function's first line says what it computes, in one sentence.

    `source` names the literature. `names` gives synonyms for names in the text (`"x": "pos|positions"`).
    `weight` says how often it is dealt (`tools/forms.py`, `tools/mix.py`). `double` and `half`: it may be
    written in 64 and 16 bits. `adjoint`: "yes", "no" (kernels whose adjoint makes no sense: integers, loops
    of unknown length, work in place) or "either".
    """

    def __init__(
        self,
        write: Write,
        category: str,
        source: str,
        names: dict[str, str],
        weight: int,
        double: bool,
        half: bool,
        adjoint: str,
        element: str,
    ) -> None:
        self.function = write
        self.category = category
        self.source = source
        self.names = names
        self.weight = weight
        self.double = double
        self.half = half
        self.adjoint = adjoint
        self.element = element
        self.name = write.__name__
        self.summary = (inspect.getdoc(write) or "").split("\n")[0]
        if not self.summary.endswith("."):  # it goes into rows: python -OO would write others
            raise TypeError(f"algorithm {self.name} does not say in one sentence what it computes")
        if adjoint not in ("yes", "no", "either"):
            raise TypeError(f"adjoint of {self.name} is {adjoint!r}")


class Domain:
    """A field that programs are from: a category of the dataset.

    `element` is what a thread of its kernels works on, if these may leave some of them out: a body, a cell;
    an algorithm whose threads work on others says so, "" if it takes all.
    """

    def __init__(self, name: str, about: str, element: str = "") -> None:
        self.name = name
        self.about = about
        self.element = element
        self.algorithms: list[Algorithm] = []

    def algorithm(
        self,
        *,
        source: str,
        names: dict[str, str] | None = None,
        weight: int = 1,
        double: bool = False,
        half: bool = False,
        adjoint: str = "yes",
        element: str | None = None,
    ) -> Callable[[Write], Write]:
        """Register a function as an algorithm of this domain."""

        def register(write: Write) -> Write:
            own = self.element if element is None else element
            made = Algorithm(write, self.name, source, names or {}, weight, double, half, adjoint, own)
            self.algorithms.append(made)
            return write

        return register
