"""How names of one thing become names of many, and back."""

from __future__ import annotations

import functools


@functools.cache
def plural(names: str) -> str:
    """Array names out of element names: `mass|m` gives `masses|m`; one letter stays."""
    return "|".join(_plural(n) for n in names.split("|"))


@functools.cache
def singular(names: str) -> str:
    """Element names out of array names: `velocities|points` gives `velocity|point`."""
    return "|".join(_singular(n) for n in names.split("|"))


def _singular(name: str) -> str:
    if len(name) <= 3 or not name.endswith("s") or name.endswith(("ss", "us", "is", "as", "os")):
        return name
    if name.endswith("ies"):
        return name[:-3] + "y"
    if name == "axes":
        return "axis"
    if name.endswith(("rtices", "ndices", "atrices")):
        return name[:-4] + ("ix" if name.endswith("atrices") else "ex")
    return name[:-2] if name.endswith(("sses", "shes", "ches", "xes")) else name[:-1]


# Last words that people leave alone in the name of an array (`x_old`, `row_ptr`, `col_idx`).
_SINGULAR = frozenset(
    "adj idx ind ptr indptr old new prev cur next fit lut buf src dst ref env rgb lhs rhs".split()
)


def _plural(name: str) -> str:
    if (
        len(name.rsplit("_", 1)[-1]) <= 2
        or name[-1] == "s"
        or name[-1].isdigit()
        or name.endswith(("data", "mask", "field", "grid", "_q", "_qd", "image", "xx", "xy", "yy"))
        or name.rsplit("_", 1)[-1] in _SINGULAR
        or (name.endswith("ed") and name[-3] != "e")  # `gathered`, but `seeds`
    ):
        return name
    if name.endswith("y") and name[-2] not in "aeiou":
        return name[:-1] + "ies"
    if name.endswith("ex") and len(name) > 4:
        return name[:-2] + "ices"
    return name + ("es" if name.endswith(("sh", "ch", "x")) else "s")
