"""Ways to alter rows of a dataset, and the verdict of `python -m warpgen.verify` that each must get."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from warpgen.record import Gradient

Row = dict[str, Any]


def put(*path: str) -> Callable[[Row, Any], None]:
    def change(row: Row, value: Any) -> None:
        for name in path[:-1]:
            row = row[name]
        row[path[-1]] = value

    return change


def drop(*path: str) -> Callable[[Row, Any], None]:
    def change(row: Row, value: Any) -> None:
        for name in path[:-1]:
            row = row[name]
        del row[path[-1]]

    return change


def swap(row: Row, value: tuple[str, str]) -> None:
    """Other Python in the source."""
    old, new = value
    if old not in row["python_source"]:
        raise LookupError(f"no {old} in the source")
    row["python_source"] = row["python_source"].replace(old, new, 1)


def other_target(row: Row, value: Any) -> None:
    """The other target's name on the code of this one."""
    row["target"] = "cuda" if row["target"] == "cpu" else "cpu"


def fault(row: Row, value: str) -> None:
    """Drop a statement from the generated code."""
    start = row["forward"][0]
    place = row["code"].index(value, start)
    row["code"] = row["code"][:place] + " " * len(value) + row["code"][place + len(value) :]


def of_another_recipe(row: Row, value: str) -> None:
    """Another hash of a recipe in the ids."""
    name, _, _ = row["kernel_id"].rpartition("-")
    row["kernel_id"] = f"{name}-{value}"
    row["id"] = f"{row['kernel_id']}-{row['target']}"


def grow(row: Row, value: Any) -> None:
    """Ask for ten GiB of input."""
    for argument in row["args"]:
        for fill in argument["fills"]:
            if fill["shape"]:
                fill["shape"] = [1 << 32] + [1] * (len(fill["shape"]) - 1)


def disown(row: Row, value: Any) -> None:
    """Take the arguments' own fills away."""
    for argument in row["args"]:
        del argument["fills"][0]


NOT_RUN = msgspec.to_builtins(Gradient())


# A way to alter a row, with what, and the verdict that it must get.
Change = tuple[Callable[[Row, Any], None], Any, str]

ALTERED: list[Change] = [
    (put("code"), "int x;", "altered"),
    (fault, "builtin_tid", "altered"),
    (put("forward"), [0, 10], "altered"),
    (put("backward"), [0, 10], "altered"),
    (put("source_hash"), "0" * 32, "altered"),
    (put("structure_hash"), "0" * 32, "altered"),
    (put("features", "statements"), 1000, "altered"),
    (put("features", "dtypes"), [], "altered"),
    (put("split"), "validation", "altered"),
    (put("category"), "cooking", "altered"),
    (put("id"), "s0-1-metal", "altered"),
    (of_another_recipe, "0" * 8, "altered"),
    (of_another_recipe, "x", "altered"),
    (other_target, None, "altered"),
    (put("provenance", "index"), 1 << 20, "altered"),
    (put("launch", "seed"), 12345, "altered"),
    (put("launch", "dim"), [3], "altered"),
    (swap, ("import warp as wp\n", "import warp as wp\n\nUNUSED = 1\n"), "altered"),
    (put("verified", "compile", "tool"), "a compiler", "refuted"),
    (put("verified", "bounds", "threads"), 1, "refuted"),
    (put("verified", "forward", "digest"), "0" * 16, "refuted"),
    (put("verified", "forward", "error"), 0.5, "refuted"),
    (put("verified", "alive", "inputs"), 99, "refuted"),
    (put("verified", "alive", "verdict"), "not run", "refuted"),
    (put("verified", "gradient"), NOT_RUN, "refuted"),
]

BAD: list[Change] = [
    (put("foreign"), 1, "invalid"),
    (drop("launch"), None, "invalid"),
    (drop("verified", "alive"), None, "invalid"),
    (put("verified", "gradient", "verdict"), "sound", "invalid"),
    (disown, None, "invalid"),
    (put("split"), "nowhere", "invalid"),
    (put("name"), "nobody", "invalid"),
    (put("python_source"), "import os\n", "invalid"),
    (put("python_source"), "X = open('f', 'w')\n", "invalid"),
    (put("python_source"), "import warp as wp\nX = sum(range(10 ** 14))\n", "invalid"),
    (swap, ("wp.tid()", "wp.no_such_thing()"), "invalid"),
    (grow, None, "invalid"),
]


def named(output: str) -> dict[int, str]:
    """Verdicts by line number, of the lines that were named."""
    found = {}
    for line in output.splitlines()[:-1]:
        place, _, verdict = (part.strip() for part in line.split(":")[:3])
        found[int(place.removeprefix("line "))] = verdict
    return found
