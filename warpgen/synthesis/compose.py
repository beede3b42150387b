"""How a program comes together: a main motif, guests that take what it gives, and stores at the end."""

from __future__ import annotations

from warpgen.synthesis import priors
from warpgen.synthesis.draft import Draft
from warpgen.synthesis.kit import Given, Kit, plural
from warpgen.synthesis.motif import Category, Motif, all_motifs, categories
from warpgen.synthesis.outline import outline
from warpgen.synthesis.rng import Rng
from warpgen.synthesis.types import F32
from warpgen.synthesis.values import Value

# How many motifs a program is made of: a long tail, as sizes of people's kernels have one.
_ENERGY = {
    "small": {1: 0.7, 2: 0.3},
    "medium": {1: 0.2, 2: 0.35, 3: 0.25, 4: 0.2},
    "large": {4: 0.3, 5: 0.2, 6: 0.2, 8: 0.15, 10: 0.1, 14: 0.05},
    "mixed": {1: 0.27, 2: 0.28, 3: 0.18, 4: 0.1, 5: 0.06, 6: 0.04, 8: 0.03, 10: 0.02, 14: 0.01, 20: 0.01},
}
# Extents by launch rank: small enough to run by the thousand, odd enough to find index mistakes.
_EXTENTS = {1: (32, 48, 64, 96, 100, 128, 200), 2: (6, 7, 8, 9, 10, 12, 16), 3: (4, 5, 6), 4: (2, 3, 4)}
_VERBS = ("compute_{}", "compute_{}", "{}_kernel", "{}_kernel", "eval_{}", "update_{}", "apply_{}", "{}", "{}", "{}_step")


class Plan:
    """Which motifs a program will have, drawn before anything is written."""

    def __init__(self, rng: Rng, category: Category, complexity: str) -> None:
        self.main = rng.weighted({m: m.weight for m in category.motifs})
        self.rank = self.main.rank or rng.weighted({1: 0.8, 2: 0.14, 3: 0.05, 4: 0.01})
        count = rng.weighted(_ENERGY[complexity])
        self.guests: list[Motif] = []
        if not self.main.alone:
            homely = [m for m in category.motifs if self._fits(m)]
            others = [m for m in all_motifs() if self._fits(m)]
            for _ in range(count - 1):
                pool = homely if homely and rng.chance(0.45) else others
                fresh = {m: m.weight for m in pool if m not in self.guests}
                if fresh:
                    self.guests.append(rng.weighted(fresh))
        self.f32 = self.main.f32 or any(g.f32 for g in self.guests)

    def _fits(self, m: Motif) -> bool:
        return not m.alone and m.rank in (0, self.rank) and m is not self.main


def open_threads(k: Kit, rank: int) -> None:
    """`tid = wp.tid()` in one of its forms, and perhaps the guard behind it."""
    rng, author, draft = k.rng, k.author, k.draft
    draft.shape = draft.dim = tuple(rng.choice(_EXTENTS[rank]) for _ in range(rank))
    if rank == 1:
        names = [k.name(author.index_name)]
    else:
        sets = ("i|row|y|a", "j|col|x|b", "k|z|c", "l|w|d")
        pick = rng.choice((0, 0, 0, 1, 2))
        names = [k.name("|".join([s.split("|")[min(pick, len(s.split("|")) - 1)], s])) for s in sets[:rank]]
    k.line(f"{', '.join(names)} = wp.tid()")
    from warpgen.synthesis.types import I32

    k.index = tuple(Value(n, I32, 0, extent - 1, author) for n, extent in zip(names, draft.shape, strict=True))
    if author.guard == "return":
        draft.dim = tuple(-(-d // 8) * 8 if rng.chance(0.3) else d for d in draft.dim)
        conditions = [v >= k.extent(axis) for axis, v in enumerate(k.index)]
        k.guard(k.any(*conditions) if rank > 1 else conditions[0])
    k.blank()


def write_kernel(k: Kit, plan: Plan) -> None:
    """The kernel's body, motif by motif."""
    if plan.main.alone:
        plan.main.write(k)
        return
    open_threads(k, plan.rank)
    motifs = [plan.main, *plan.guests]
    for motif in motifs:
        if not motif.inline and k.rng.chance(k.author.helpers):
            outline(k, motif.write, _function_names(motif), motif.title)
        else:
            if motif.title:
                k.note(_sentence(k, motif.title))
            motif.write(k)
        k.blank()
    for given in [g for g in k.pool if not g.used and g.depth <= 1]:
        sink(k, given)


def _function_names(motif: Motif) -> str:
    return f"{motif.name}|compute_{motif.name}|eval_{motif.name}|calc_{motif.name}|get_{motif.name}"


def _sentence(k: Kit, title: str) -> str:
    lower = title[0].lower() + title[1:]
    return k.rng.choice((lower, lower, title, f"compute {lower}"))


def sink(k: Kit, given: Given) -> None:
    """Store a result that nobody took."""
    v, rng, author = given.value, k.rng, k.author
    stem = plural(given.names.split("|")[0])
    affix = author.output_affix
    name = f"{stem}{affix}" if affix.startswith("_") else f"{affix}{stem}"
    names = f"{name}|{stem}_out|out_{stem}"
    if rng.chance(0.2):
        names = f"{rng.choice(priors.output_names(v.type.short.removeprefix('wp.')))}|{names}"
    given.used = True
    numeric = v.type.kind in ("scalar", "vec", "mat") and v.type.scalar.name in ("float32", "float64", "int32", "float16")
    if numeric and v.type.kind == "scalar" and rng.chance(0.1):
        total = k.output(f"total_{stem}|sum|total|loss", v.type)
        k.discard(k.atomic("add", total, 0, v))
        return
    array = k.output(names, v.type, len(k.index))
    if numeric and rng.chance(0.12):
        k.accumulate(array, k.index, v)
    else:
        k.store(array, k.index, v)


def draft_program(rng: Rng, category_name: str, complexity: str) -> tuple[Kit, Plan]:
    """Plan and write one program; the caller assembles its text."""
    from warpgen.synthesis.author import Author
    from warpgen.synthesis.types import F16, F64

    category = categories()[category_name]
    plan = Plan(rng, category, complexity)
    author = Author(rng)
    real = F32 if plan.f32 else rng.weighted({F32: 0.9, F64: 0.085, F16: 0.015})
    k = Kit(Draft(rng, author, real))
    write_kernel(k, plan)
    return k, plan


def kernel_name(k: Kit, plan: Plan) -> str:
    """A name made of what the kernel is mainly about."""
    stem = plan.main.name
    name = k.rng.choice(_VERBS).format(stem)
    return k.draft.module_name(f"{name}|{stem}_kernel|run_{stem}")
