"""Programs from (seed, index): the front of synthesis."""

from __future__ import annotations

import functools
from collections import Counter

import msgspec

from warpgen.errors import DraftRejected, RecipeError, SynthesisError
from warpgen.program import Program
from warpgen.synthesis.blocks.motif import Motif
from warpgen.synthesis.builtins.schedule import Fragment, scheduled
from warpgen.synthesis.categories import all_motifs, categories
from warpgen.synthesis.emit.module import assemble
from warpgen.synthesis.kernel.compose import draft_program, kernel_name
from warpgen.synthesis.style.rng import Rng

# Each becomes about 600 characters of C++; above this the text may exceed what extraction takes.
MOST_OPERATIONS = 900

# A draft that cannot be (too much code, say) is thrown away and drawn anew.
ATTEMPTS = 12
# How many scheduled calls of builtins a program gets besides its motifs.
_CALLS = {0: 0.3, 1: 0.45, 2: 0.2, 3: 0.05}


class Options(msgspec.Struct, frozen=True):
    """The part of the recipe that synthesis reads."""

    categories: dict[str, float] = {}
    complexity: str = "mixed"


def category_weights(options: Options) -> dict[str, float]:
    """Weights by category name; raises RecipeError for an unknown one."""
    known = categories()
    unknown = [name for name in options.categories if name not in known]
    if unknown:
        raise RecipeError(f"unknown category {unknown[0]!r}: choose among {', '.join(known)}")
    return dict(options.categories) or {name: c.weight for name, c in known.items()}


def synthesize(seed: int, index: int, options: Options, rejections: Counter[str] | None = None) -> Program:
    """The program of this index: the same for the same (seed, index, options), on every machine.

    `rejections` counts by motif the drafts that were drawn in vain. Raises SynthesisError if none of
    `ATTEMPTS` drafts came to an end, or if a motif is at fault.
    """
    weights = category_weights(options)
    error = ""
    for attempt in range(ATTEMPTS):
        rng = Rng(seed, index, attempt)
        main = _main(rng, seed, index + attempt, weights, even=not options.categories)
        try:
            # A call that cannot be written here may not keep the index from having a program.
            calls = scheduled(seed, index, rng.weighted(_CALLS)) if attempt < ATTEMPTS // 2 else []
            return _write(rng, seed, index, main, options.complexity, calls)
        except DraftRejected as rejection:
            error = str(rejection)
            if rejections is not None:
                rejections[rejection.motif or f"{main.category}.{main.name}"] += 1
    raise SynthesisError(f"no program for index {index} after {ATTEMPTS} drafts: {error}")


def _main(rng: Rng, seed: int, index: int, weights: dict[str, float], even: bool) -> Motif:
    """The motif that the program is about: dealt evenly over the index half of the time, else by weight.

    The deal makes sure that a few thousand programs meet every motif, however rare its category.
    """
    known = categories()
    if even and rng.chance(0.5):
        turn, at = divmod(index, len(all_motifs()))
        return _deal(seed, turn)[at]
    return rng.weighted(known[rng.weighted(weights)].weights)


@functools.lru_cache(maxsize=4)
def _deal(seed: int, turn: int) -> tuple[Motif, ...]:
    return tuple(Rng("mains", seed, turn).shuffled(all_motifs()))


def _write(rng: Rng, seed: int, index: int, main: Motif, complexity: str, calls: list[Fragment]) -> Program:
    k, plan = draft_program(rng, main, complexity, calls)
    name = kernel_name(k, plan)
    module = assemble(k, name, plan.main.title, main.category, index)
    if not any(a.role in ("output", "inout") for a in module.arguments):
        raise DraftRejected(f"{plan.main.name} stored nothing")
    if module.size > MOST_OPERATIONS:
        raise DraftRejected(f"{plan.main.name} would unroll to too much code")
    return Program(seed, index, main.category, name, module.source, module.arguments, module.launch)
