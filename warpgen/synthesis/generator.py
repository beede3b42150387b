"""Programs from (seed, index): the front of synthesis."""

from __future__ import annotations

import functools
import math

import msgspec

from warpgen.errors import RecipeError
from warpgen.program import Program
from warpgen.synthesis.algorithms import all_algorithms, domains
from warpgen.synthesis.writing.algorithm import Algorithm
from warpgen.synthesis.writing.module import Written, write
from warpgen.synthesis.writing.rng import Rng

# Lines of code that a kernel of each complexity has, and how many drafts are made to come by one.
_LINES = {"mixed": (0, math.inf), "small": (0, 10), "medium": (11, 24), "large": (25, math.inf)}
_DRAFTS = 12


class Options(msgspec.Struct, frozen=True):
    """The part of the recipe that synthesis reads."""

    categories: dict[str, float] = {}
    complexity: str = "mixed"


def category_weights(options: Options) -> dict[str, float]:
    """Weights by category name; raises RecipeError for an unknown one."""
    known = domains()
    unknown = [name for name in options.categories if name not in known]
    if unknown:
        raise RecipeError(f"unknown category {unknown[0]!r}: choose among {', '.join(known)}")
    return dict(options.categories) or {
        name: float(sum(a.weight for a in d.algorithms)) for name, d in known.items()
    }


def synthesize(seed: int, index: int, options: Options) -> Program:
    """The program of this index: the same for the same (seed, index, options), on every machine.

    Raises SynthesisError if an algorithm is at fault.
    """
    least, most = _LINES[options.complexity]
    best: tuple[float, Program] | None = None
    for attempt in range(_DRAFTS):
        algorithm, rng = _drawn(seed, index, attempt, options)
        written = write(algorithm, rng, seed, index)
        lines = _lines(written)
        distance = max(least - lines, lines - most, 0)
        if best is None or distance < best[0]:
            best = distance, written.program
        if not distance:
            break
    assert best is not None
    return best[1]


def _lines(written: Written) -> int:
    """Lines of code in the kernel's body."""
    stripped = (line.strip() for line in written.draft.text.splitlines())
    return sum(bool(line) and not line.startswith("#") for line in stripped)


def program_of(algorithm: Algorithm, seed: int, index: int, place: int) -> Program:
    """The program of this index, if it is the algorithm's turn for the `place`-th time."""
    return write(algorithm, _stream(seed, algorithm, place), seed, index).program


def _drawn(seed: int, index: int, attempt: int, options: Options) -> tuple[Algorithm, Rng]:
    """What the program is about, and the stream it is drawn from.

    The first attempt is dealt over the index, unless the recipe has weights.
    """
    if attempt or options.categories:
        rng = Rng(seed, index, attempt)
        domain = domains()[rng.weighted(category_weights(options))]
        return rng.weighted({a: float(a.weight) for a in domain.algorithms}), rng
    algorithm, place = dealt(seed, index)
    return algorithm, _stream(seed, algorithm, place)


def dealt(seed: int, index: int) -> tuple[Algorithm, int]:
    """The algorithm whose turn it is for a recipe without weights, and for which time."""
    turn, at = divmod(index, _cards())
    algorithm, copy = _deal(seed, turn)[at]
    return algorithm, turn * algorithm.weight + copy


@functools.cache
def _cards() -> int:
    return sum(a.weight for a in all_algorithms())


@functools.lru_cache(maxsize=4)
def _deal(seed: int, turn: int) -> tuple[tuple[Algorithm, int], ...]:
    """All algorithms, each as often as its weight, evenly spread: any stretch of programs is a like mix."""
    dealt = [
        ((first + copy) / algorithm.weight, algorithm, copy)
        for algorithm in all_algorithms()
        for first in [Rng("deal", seed, turn, algorithm.category, algorithm.name).unit()]
        for copy in range(algorithm.weight)
    ]
    dealt.sort(key=lambda card: card[0])
    return tuple((algorithm, copy) for _, algorithm, copy in dealt)


def _stream(seed: int, algorithm: Algorithm, place: int) -> Rng:
    return Rng(seed, algorithm.category, algorithm.name, place)
