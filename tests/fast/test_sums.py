"""Loops that add up become functions, where nothing else hangs on them."""

from __future__ import annotations

import ast

import pytest

from warpgen.synthesis.writing.draft import Draft
from warpgen.synthesis.writing.rng import Rng
from warpgen.synthesis.writing.sums import outline_sums

SUM = """
i = wp.tid()
xi = x[i]
total = float(0.0)
for j in range(count):
    # Distances to all others
    gap = xi - x[j]
    total += gap * gap
distances[i] = total
"""


def _outlined(code: str) -> Draft:
    """The first draft of many in which the loop is a function, or the last."""
    for number in range(40):
        draft = Draft(Rng("sums", number))
        draft.input("x", "float", 8)
        draft.param("count", "int", 8)
        draft.output("distances", "float", 8)
        draft.launch(8)
        draft.code(code)
        outline_sums(draft, Rng("sums", "hand", number))
        if draft.functions:
            break
    return draft


def test_a_sum_gets_what_it_reads_with_its_types() -> None:
    """The function takes what the loop read, and the kernel keeps the rest."""
    draft = _outlined(SUM)
    assert draft.text == (
        "i = wp.tid()\nxi = x[i]\ntotal = compute_distances(x, xi, count)\ndistances[i] = total\n"
    )
    (function,) = draft.functions
    assert "def compute_distances(x: wp.array(dtype=float), xi: float, count: int) -> float:" in function
    assert function.endswith("    return total")
    assert ast.unparse(ast.parse(function)).count("total") == 3


@pytest.mark.parametrize(
    ("addend", "name"),
    [
        ("gap * gap", "sum_of_squares"),
        ("xi * x[j]", "sum_of_products"),
        ("x[j]", "sum_elements"),
        ("wp.exp(gap)", "sum_of_exponentials"),
        ("gap - xi", ""),
    ],
)
def test_a_sum_is_called_after_what_it_adds(addend: str, name: str) -> None:
    """Where the output is something else; a sum of which no word says what it is stays."""
    code = SUM.replace("= total", "= wp.sqrt(total)").replace("gap * gap", addend)
    functions = _outlined(code).functions
    assert [f.split("def ")[1].split("(")[0] for f in functions] == ([name] if name else [])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("total += gap * gap", "total += gap * gap\n    distances[j] = total"),  # stores
        ("total += gap * gap", "if gap > 1.0:\n        return\n    total += gap"),  # ends the thread
        ("xi = x[i]", "xi = unknown(i)"),  # of no known type
        ("distances[i] = total", "distances[i] = total\ndistances[0] = gap"),  # needed afterwards
        ("i = wp.tid()", "i = wp.tid()\ngap = x[0]"),  # changes what was there before
        ("gap = xi - x[j]", "gap = xi - wp.randf(state)"),  # moves a stream of random numbers
        ("total += gap * gap", "total = wp.max(total, gap)"),  # no name says what it is
    ],
)
def test_other_loops_stay(old: str, new: str) -> None:
    """A loop that does more than add up, or of which too little is known, stays in the kernel."""
    draft = _outlined(SUM.replace(old, new))
    assert not draft.functions
    assert "for j in range(count):" in draft.text
