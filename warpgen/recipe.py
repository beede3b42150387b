"""The recipe: everything that decides the bytes of a dataset, and nothing else.

Workers, engine, folders, paths and times are circumstances (`production/run_options.py`) and may
never appear here.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec
import xxhash

from warpgen.errors import RecipeError
from warpgen.record import TARGETS, Target

Level = Literal["none", "compile", "run"]
Complexity = Literal["small", "medium", "large", "mixed"]

UNIT_SIZE = 128  # programs per unit: half as many would cost the compilers a tenth more each

MOST = (1 << 63) - 1  # for seed, size and rows: what every part of the program and of others can hold
HEAVIEST = 1e12  # of the weights of categories, so that their sum is a number

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_VERSION = re.compile(r"[\w.+-]{0,64}", re.ASCII)

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_UNITS |= {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to make. `size` (least bytes of each JSONL file) or `rows` (exact count) ends a dataset."""

    seed: int = 0
    target: Literal["cpu", "cuda", "both"] = "both"
    size: int | None = 200 * 2**20
    rows: int | None = None
    categories: dict[str, float] = {}  # weights by name; empty means the built-in weights
    complexity: Complexity = "mixed"
    verify: Level = "run"
    gradients: Literal["keep", "strict"] = "keep"
    warpgen: str = ""
    warp: str = ""

    def __post_init__(self) -> None:
        """Recipes are also read from journals and manifests, which may come from anybody."""
        if (self.size is None) == (self.rows is None):
            raise ValueError("a recipe has either a size or a number of rows")
        if not 1 <= (self.rows or self.size or 0) <= MOST or not 0 <= self.seed <= MOST:
            raise ValueError("a number in the recipe is out of range")
        for name, weight in self.categories.items():
            if not _NAME.fullmatch(name) or not 0 < weight <= HEAVIEST:
                raise ValueError("a category in the recipe is none")
        if not (_VERSION.fullmatch(self.warpgen) and _VERSION.fullmatch(self.warp)):
            raise ValueError("a version in the recipe is none")

    @property
    def targets(self) -> tuple[Target, ...]:
        """What is made, as a tuple."""
        return TARGETS if self.target == "both" else (self.target,)

    def kernel_id(self, index: int) -> str:
        """The name of the program of an index, which no program of another recipe has.

        The hash in it is of what decides the program and its code, and of nothing else: a longer dataset,
        another target or another level of verification calls the same program the same.
        """
        decisive = (self.seed, self.categories, self.complexity, self.warpgen, self.warp)
        digest = xxhash.xxh3_64_hexdigest(msgspec.json.encode(decisive, order="deterministic"))
        return f"s{self.seed}-{index}-{digest[:8]}"

    @property
    def hash(self) -> str:
        """xxh3-128 hex of the recipe in canonical JSON (sorted keys)."""
        return xxhash.xxh3_128_hexdigest(msgspec.json.encode(self, order="deterministic"))


def difference(one: Recipe, other: Recipe) -> str:
    """In what two recipes differ, field by field with both values: `seed 0 and 7, size 200MiB and 1MiB`."""
    parts = []
    if (one.size, one.rows) != (other.size, other.rows):
        (name, mine), (theirs, value) = _amount(one), _amount(other)
        parts.append(f"{name} {mine} and {value if name == theirs else f'{theirs} {value}'}")
    for name in one.__struct_fields__:
        mine, value = getattr(one, name), getattr(other, name)
        if name not in ("size", "rows") and mine != value:
            parts.append(f"{name} {_told(mine)} and {_told(value)}")
    return ", ".join(parts)


def _amount(recipe: Recipe) -> tuple[str, str]:
    return ("size", spell_size(recipe.size or 0)) if recipe.rows is None else ("rows", str(recipe.rows))


def _told(value: object) -> str:
    """The value of a field as its option takes it."""
    if isinstance(value, dict):
        return ",".join(f"{name}={weight!r}" for name, weight in value.items()) or "as built in"
    return str(value) or "unknown"


def spell_size(size: int) -> str:
    """Bytes as `--size` takes them: the reverse of `parse_size`."""
    return f"{size >> 20}MiB" if size and size % 2**20 == 0 else f"{size}B"


def parse_size(text: str) -> int:
    """Bytes from `200MiB`, `1.5GB`, `4096`; raises RecipeError with what is accepted."""
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([a-zA-Z]*)\s*", text)
    if match is None or match[2].lower() not in _UNITS:
        raise RecipeError(
            f"size {text!r} is not understood: write a number and B, KB, MB, GB, KiB, MiB or GiB (200MiB)"
        )
    size = float(match[1]) * _UNITS[match[2].lower()]
    if size < 1:
        raise RecipeError(f"size {text!r} is not more than zero")
    if size > MOST:
        raise RecipeError(f"size {text[:40]!r} is more than any disk holds")
    return int(size)
