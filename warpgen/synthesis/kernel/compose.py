"""How a program comes together: a main motif, guests that take what it gives, and stores at the end."""

from __future__ import annotations

import functools
from functools import partial

from warpgen.synthesis.blocks.motif import Motif
from warpgen.synthesis.builtins.schedule import Fragment
from warpgen.synthesis.categories import all_motifs, categories
from warpgen.synthesis.kernel.branches import under_conditions
from warpgen.synthesis.kernel.helpers import outline
from warpgen.synthesis.kernel.stores import store_rest
from warpgen.synthesis.kernel.threads import open_threads
from warpgen.synthesis.kit.draft import Draft
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.author import Author
from warpgen.synthesis.language.types import BOOL, F16, F32, F64
from warpgen.synthesis.style.rng import Rng

# How many motifs a program is made of: a long tail, as sizes of people's kernels have one.
_ENERGY = {
    "small": {1: 0.7, 2: 0.3},
    "medium": {1: 0.2, 2: 0.35, 3: 0.25, 4: 0.2},
    "large": {4: 0.3, 5: 0.2, 6: 0.2, 8: 0.15, 10: 0.1, 14: 0.05},
    "mixed": {
        1: 0.545,
        2: 0.2,
        3: 0.07,
        4: 0.04,
        5: 0.03,
        6: 0.03,
        8: 0.034,
        10: 0.026,
        14: 0.017,
        20: 0.008,
    },
}
# How many parts stand side by side in the branches of an if; 0 is a part that every thread executes.
_BRANCHES = {0: 0.34, 1: 0.31, 2: 0.21, 3: 0.14}
_FORWARD_ONLY = 0.02  # kernels that people switch the adjoint off for
_VERBS = "compute_{} compute_{} {}_kernel {}_kernel eval_{} update_{} apply_{} {} {} {}_step".split()


class Plan:
    """Which motifs a program will have, drawn before anything is written."""

    def __init__(self, rng: Rng, main: Motif, complexity: str) -> None:
        self.main = main
        category = categories()[main.category]
        self.rank = self.main.rank or rng.weighted({1: 0.8, 2: 0.14, 3: 0.05, 4: 0.01})
        count = rng.weighted(_ENERGY[complexity])
        self.guests: list[Motif] = []
        if not self.main.alone:
            homely = tuple(m for m in category.motifs if self._fits(m))
            others = _guests(self.rank)
            for _ in range(count - 1):
                pool = homely if homely and rng.chance(0.45) else others
                fresh = dict(_weights(pool))
                for taken in (main, *self.guests):
                    fresh.pop(taken, None)
                if fresh:
                    self.guests.append(rng.weighted(fresh))
        self.f32 = self.main.f32 or any(g.f32 for g in self.guests)

    def _fits(self, m: Motif) -> bool:
        return not m.alone and m.rank in (0, self.rank) and m is not self.main


@functools.cache
def _guests(rank: int) -> tuple[Motif, ...]:
    """All motifs that can share a kernel with others at this rank of launch."""
    return tuple(m for m in all_motifs() if not m.alone and m.rank in (0, rank))


@functools.cache
def _weights(motifs: tuple[Motif, ...]) -> dict[Motif, float]:
    """How often each is taken, in relation to the others."""
    return {m: m.weight for m in motifs}


def write_kernel(k: Kit, plan: Plan, fragments: list[Fragment]) -> None:
    """The kernel's body: the main motif, then guests and scheduled calls in any order."""
    if plan.main.alone:
        plan.main.write(k)
        return
    open_threads(k, plan.rank)
    _paragraph(k, plan.main)
    parts: list[Motif | Fragment] = [*plan.guests, *fragments]
    rest = k.rng.shuffled(parts)
    while rest:
        count = k.rng.weighted(_BRANCHES)
        free = [part for part in rest[:count] if not isinstance(part, Motif) or not part.inline]
        if count and len(free) == min(count, len(rest)):
            under_conditions(k, [partial(_part, k, part) for part in free])
        else:
            count = 1
            _part(k, rest[0])
        rest = rest[count:]
        k.blank()
    store_rest(k)


def _part(k: Kit, part: Motif | Fragment) -> None:
    before = len(k.pool.given)
    k.pool.taken.clear()
    if isinstance(part, Motif):
        _paragraph(k, part)
    else:
        part.write(k)
    if all(g.value.type.is_int or g.value.type is BOOL for g in k.pool.given[before:]):
        k.pool.hide_taken()  # behind a count or a flag, the same for many numbers


def _paragraph(k: Kit, motif: Motif) -> None:
    """One motif, as a helper function or in place."""
    if not motif.inline and k.rng.chance(k.author.helpers):
        outline(k, motif.write, _function_names(motif), motif.title)
        return
    if motif.title:
        k.note(_sentence(k, motif.title))
    motif.write(k)
    k.blank()


def _function_names(motif: Motif) -> str:
    return f"{motif.name}|compute_{motif.name}|eval_{motif.name}|calc_{motif.name}|get_{motif.name}"


def _sentence(k: Kit, title: str) -> str:
    lower = title[0].lower() + title[1:]
    return k.rng.choice((lower, lower, title, f"{title}."))


def draft_program(rng: Rng, main: Motif, complexity: str, fragments: list[Fragment]) -> tuple[Kit, Plan]:
    """Plan and write one program; the caller assembles its text."""
    plan = Plan(rng, main, complexity)
    author = Author(rng)
    real = F32 if plan.f32 else rng.weighted({F32: 0.925, F64: 0.063, F16: 0.012})
    k = Kit(Draft(rng, author, real))
    if not plan.main.alone and rng.chance(_FORWARD_ONLY):
        k.draft.kernel_options.append("enable_backward=False")
    write_kernel(k, plan, fragments)
    return k, plan


def kernel_name(k: Kit, plan: Plan) -> str:
    """A name made of what the kernel is mainly about."""
    stem = plan.main.name
    name = k.rng.choice(_VERBS).format(stem)
    private = "_" if k.author.private else ""
    return k.draft.module_name(f"{private}{name}|{stem}_kernel|run_{stem}")
