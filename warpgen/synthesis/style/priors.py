"""What people's Warp code looks like in numbers: the table that `tools/learn_priors.py` measured."""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import Any

_MIXED = 0.75  # an exponent below one: rarer spellings, which older code has, stay in sight
_TRUSTED = 24  # constants rarer than the first two dozen belong to single test cases


@functools.cache
def table() -> dict[str, Any]:
    """The whole table, as measured."""
    loaded: dict[str, Any] = json.loads(
        (resources.files("warpgen.synthesis.style") / "priors.json").read_text("utf-8")
    )
    return loaded


@functools.cache
def array_styles() -> dict[str, float]:
    """Weights of `wp.array[float]`, `wp.array(dtype=float)` and `wp.array1d(dtype=float)`."""
    styles = table()["array_styles"]
    return {
        "bracket": styles["bracket"] ** _MIXED,
        "dtype": styles["dtype"] ** _MIXED,
        "ranked": styles["ranked"] ** _MIXED,
    }


@functools.cache
def index_names() -> dict[str, float]:
    """Names that one-dimensional kernels give their thread."""
    return {name: float(n) for name, n in table()["index_names"]["1"].items()}


@functools.cache
def floats() -> tuple[tuple[float, float], ...]:
    """(number, weight) of the float constants that people choose."""
    found = list(table()["floats"].items())[:_TRUSTED]
    return tuple((float(text), n**0.5) for text, n in found if float(text) != 0)


@functools.cache
def output_names(element: str) -> tuple[str, ...]:
    """Names of arrays that kernels write to, most common first, by element type (`float`, `vec3`)."""
    names = table()["output_names"].get(f"array:{element}") or table()["output_names"]["array:float"]
    return tuple(name for name in list(names)[:12] if len(name) > 1)


@functools.cache
def share(of: str, among: str) -> float:
    """A habit's share, e.g. of statements that are augmented assignments."""
    habits = table()["habits"]
    return float(habits[of]) / float(habits[among])


@functools.cache
def comment_openers() -> dict[str, float]:
    """First words of comments, lower case, with the square roots of their counts."""
    return {word: n**0.5 for word, n in table()["comment_openers"].items()}
