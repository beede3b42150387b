"""Who wrote the program: a set of habits, drawn once per program, that keeps its style coherent."""

from __future__ import annotations

from collections.abc import Sequence

from warpgen.synthesis.language.types import Type
from warpgen.synthesis.style import priors
from warpgen.synthesis.style.rng import Rng

_PREFIXES = {"": 0.45, "out_": 0.22, "new_": 0.10, "next_": 0.06, "_out": 0.12, "result_": 0.05}


class Author:
    """Habits. Everything that a style guide would argue about and a compiler ignores."""

    def __init__(self, rng: Rng) -> None:
        self.rng = rng
        self.full_scalars = rng.chance(priors.share("wp.float32", "float"))  # wp.float32 rather than float
        self.full_integers = rng.chance(0.85 if self.full_scalars else 0.2)  # wp.int32 rather than int
        self.full_vectors = rng.chance(0.15)  # wp.vec3f rather than wp.vec3
        self.array_style = rng.weighted(priors.array_styles())
        self.index_name = rng.weighted(priors.index_names())
        self.long_exponents = rng.chance(0.5)  # 1.0e-6 rather than 1e-6
        self.matmul = "@" if rng.chance(0.35) else "*"
        self.chained_subscripts = rng.chance(0.08)  # a[i][j] rather than a[i, j]
        self.augments = rng.chance(0.8)  # a += b rather than a = a + b
        self.keeps_names = rng.choice((1.0, 0.7, 0.4, 0.2))  # of values that are used once, right behind
        self.temporaries = rng.choice((0.85, 0.6, 0.4, 0.2))  # how often a value gets a name
        self.paragraph_comments = rng.choice((0.0, 0.15, 0.35, 0.6, 0.85))
        self.statement_comments = rng.choice((0.0, 0.0, 0.03, 0.06, 0.12, 0.2, 0.3))  # comments on statements
        self.capitals = rng.chance(priors.share("comments capitalised", "comments"))
        self.full_stops = self.capitals and rng.chance(priors.share("comments with full stop", "comments"))
        self.articles = rng.chance(0.75)  # compute the distance, not compute distance
        self.verbatim = rng.choice((0.0, 0.1, 0.4))  # how often a comment says the name as it is written
        self.docstring = rng.chance(0.25 + priors.share("kernels with docstring", "kernels"))
        self.function_comments = rng.choice((0.0, 0.0, 0.3, 0.7))  # comments above functions
        self.ternary = rng.choice(("where", "where", "ternary", "branch"))
        self.headings = rng.chance(0.12)  # "# inputs" and "# outputs" inside a signature
        self.heading = rng.choice(("{}", "{}", "{}:"))
        self.parameter_comments = rng.choice((0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.5))
        self.private = rng.chance(0.07)  # names of kernels and helpers start with an underscore
        self.first_names = rng.choice((0.9, 0.75, 0.5))  # how often the first of several names is taken
        self.output_affix = rng.weighted(_PREFIXES)
        self.blank_lines = rng.choice((0.1, 0.35, 0.6))  # between the paragraphs of a kernel
        self.structs = rng.chance(0.22)  # packs parameters into a struct
        self.records = rng.chance(0.12)  # reads per-element inputs from an array of structs
        self.constants = rng.chance(0.3)  # names its numbers at module level
        self.helpers = rng.choice((0.0, 0.15, 0.35, 0.6))  # how often a fragment becomes a function
        self.guard = rng.weighted({"none": 0.6, "return": 0.4})
        self.declares = rng.choice(("cast", "cast", "full"))  # float(0.0) or wp.float32(0.0)
        self.zero = rng.choice(("", "0.0", "components"))  # wp.vec3(), wp.vec3(0.0), wp.vec3(0.0, 0.0, 0.0)
        self._epsilon = rng.choice((1e-6, 1e-5, 1e-4, 1e-3, 1e-2))

    def spell(self, t: Type) -> str:
        """The type's name as this author writes it."""
        if t.kind == "scalar":
            full = self.full_integers if t.is_int else self.full_scalars
            return t.full if full else t.short
        return t.full if self.full_vectors else t.short

    def spell_array(self, t: Type, ndim: int) -> str:
        """An array annotation as this author writes it."""
        element = self.spell(t)
        if self.array_style == "bracket":
            return f"wp.array[{element}]" if ndim == 1 else f"wp.array{ndim}d[{element}]"
        if self.array_style == "ranked" or (ndim > 1 and len(element) % 3):
            return f"wp.array{ndim}d(dtype={element})"
        return f"wp.array(dtype={element})" if ndim == 1 else f"wp.array(dtype={element}, ndim={ndim})"

    def epsilon(self, t: Type) -> float:
        """The small number that this author adds to divisors; never so small that gradients explode."""
        floor = {"float16": 1e-2, "float64": 1e-6}.get(t.scalar.name, 1e-4)
        return max(self._epsilon, floor)

    def pick(self, names: str | Sequence[str]) -> str:
        """One of `"a|b|c"`, the first most often."""
        options = names.split("|") if isinstance(names, str) else names
        if len(options) == 1 or self.rng.chance(self.first_names):
            return options[0]
        return self.rng.choice(options)


def number(value: float, author: Author) -> str:
    """A float literal as this author writes it."""
    if value != 0 and (abs(value) < 1e-3 or abs(value) >= 1e6):
        mantissa, exponent = f"{value:e}".split("e")
        short = mantissa.rstrip("0").rstrip(".")
        if author.long_exponents and "." not in short:
            short += ".0"
        return f"{short}e{int(exponent)}"
    text = repr(round(value, 6) + 0.0)
    return text if "." in text or "e" in text else text + ".0"
