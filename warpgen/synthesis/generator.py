"""Programs from (seed, index): the front of synthesis."""

from __future__ import annotations

import functools
import math

import msgspec

from warpgen.errors import RecipeError
from warpgen.program import Program
from warpgen.synthesis.algorithms import all_algorithms, domains
from warpgen.synthesis.writing.algorithm import Algorithm
from warpgen.synthesis.writing.module import Written, variant, write
from warpgen.synthesis.writing.rng import Rng

# Lines of code that a kernel of each complexity has, and how many drafts are made to come by one.
_LINES = {"mixed": (0, math.inf), "small": (0, 10), "medium": (11, 24), "large": (25, math.inf)}
_DRAFTS = 12
# So many programs of one algorithm in a row are drawn apart, each out of so many candidates.
_SEASON, _CANDIDATES = 32, 3


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


def _drawn(seed: int, index: int, attempt: int, options: Options) -> tuple[Algorithm, Rng]:
    """What the program is about, and the stream it is drawn from.

    The first attempt is dealt over the index, unless the recipe has weights; the variants of one algorithm
    are then drawn apart from each other.
    """
    if attempt or options.categories:
        rng = Rng(seed, index, attempt)
        domain = domains()[rng.weighted(category_weights(options))]
        return rng.weighted({a: float(a.weight) for a in domain.algorithms}), rng
    turn, at = divmod(index, _cards())
    algorithm, copy = _deal(seed, turn)[at]
    season, place = divmod(turn * algorithm.weight + copy, _SEASON)
    return algorithm, _stream(seed, algorithm, season, place, _apart(seed, algorithm, season)[place])


@functools.cache
def _cards() -> int:
    return sum(a.weight for a in all_algorithms())


@functools.lru_cache(maxsize=4)
def _deal(seed: int, turn: int) -> tuple[tuple[Algorithm, int], ...]:
    """All algorithms, each as often as its weight, shuffled: a few thousand programs meet every one."""
    cards = [(a, copy) for a in all_algorithms() for copy in range(a.weight)]
    return tuple(Rng("deal", seed, turn).shuffled(cards))


def _stream(seed: int, algorithm: Algorithm, season: int, place: int, candidate: int) -> Rng:
    return Rng(seed, algorithm.category, algorithm.name, season, place, candidate)


@functools.lru_cache(maxsize=1024)
def _apart(seed: int, algorithm: Algorithm, season: int) -> tuple[int, ...]:
    """Which candidate is taken at each place of a season: the one least like those before it."""
    taken: list[dict[str, int]] = []
    chosen: list[int] = []
    for place in range(_SEASON):
        drafts = [variant(algorithm, _stream(seed, algorithm, season, place, c)) for c in range(_CANDIDATES)]
        far = [min((_distance(draft, other) for other in taken), default=0) for draft in drafts]
        best = far.index(max(far))
        chosen.append(best)
        taken.append(drafts[best])
    return tuple(chosen)


def _distance(one: dict[str, int], other: dict[str, int]) -> int:
    """How many options are not the same."""
    return sum(one.get(name) != other.get(name) for name in one.keys() | other.keys())
