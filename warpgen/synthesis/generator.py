"""Programs from (seed, index): the front of synthesis."""

from __future__ import annotations

import msgspec

from warpgen.errors import RecipeError, SynthesisError
from warpgen.synthesis.assemble import assemble
from warpgen.synthesis.compose import draft_program, kernel_name
from warpgen.synthesis.motif import categories
from warpgen.synthesis.program import Program
from warpgen.synthesis.rng import Rng
from warpgen.synthesis.schedule import Fragment, scheduled
from warpgen.synthesis.unrolled import unrolled_size

# Each becomes about 600 characters of C++; above this the text may exceed what extraction takes.
MOST_OPERATIONS = 700

# A draft that corners itself (an index without a safe range, say) is thrown away and drawn anew.
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


def synthesize(seed: int, index: int, options: Options) -> Program:
    """The program of this index: the same for the same (seed, index, options), on every machine.

    Raises SynthesisError if none of `ATTEMPTS` drafts came to an end.
    """
    weights = category_weights(options)
    error = ""
    for attempt in range(ATTEMPTS):
        rng = Rng(seed, index, attempt)
        category = rng.weighted(weights)
        try:
            # A call that cannot be written here may not keep the index from having a program.
            calls = scheduled(seed, index, rng.weighted(_CALLS)) if attempt < ATTEMPTS // 2 else []
            return _write(rng, seed, index, category, options.complexity, calls)
        except SynthesisError as e:
            error = str(e)
    raise SynthesisError(f"no program for index {index} after {ATTEMPTS} drafts: {error}")


def _write(rng: Rng, seed: int, index: int, category: str, complexity: str, calls: list[Fragment]) -> Program:
    k, plan = draft_program(rng, category, complexity, calls)
    name = kernel_name(k, plan)
    source, args, launch = assemble(k, name, plan.main.title, index)
    if not any(a.role in ("output", "inout") for a in args):
        raise SynthesisError(f"{plan.main.name} stored nothing")
    if "range(" in source and unrolled_size(source) > MOST_OPERATIONS:
        raise SynthesisError(f"{plan.main.name} would unroll to too much code")
    return Program(seed, index, category, name, source, args, launch)
