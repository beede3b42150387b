"""Comments, docstrings and spared names: true of the code, and without effect on it."""

from __future__ import annotations

import ast

import pytest

from warpgen.synthesis.emit.comments import with_comments
from warpgen.synthesis.emit.inlining import inlined
from warpgen.synthesis.emit.liveness import render
from warpgen.synthesis.kit.statements import Line
from warpgen.synthesis.language.author import Author
from warpgen.synthesis.style.english import phrase
from warpgen.synthesis.style.rng import Rng


def _author() -> Author:
    author = Author(Rng("prose"))
    author.keeps_names, author.statement_comments = 0.0, 1.0
    return author


def _defining(*lines: tuple[str, str] | str) -> list[Line]:
    return [Line(1, x) if isinstance(x, str) else Line(1, f"{x[0]} = {x[1]}", x[0]) for x in lines]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("rel_vel", "relative velocity"),
        ("x_new", ""),
        ("t2", ""),
        ("num_rows", "number of rows"),
        ("params.dt", "time step"),
    ],
)
def test_names_become_words(name: str, words: str) -> None:
    assert phrase(name) == words


def test_a_value_that_is_only_stored_moves_into_the_store() -> None:
    lines = _defining(("x", "wp.sin(a)"), ("y", "b * 2.0"), "out[i] = x", "res[i] = y")
    assert render(inlined(lines, _author())) == "    out[i] = wp.sin(a)\n    res[i] = b * 2.0"


@pytest.mark.parametrize(
    "between",
    [
        ("a", "c"),  # what it reads changes
        "a[i] = c",
        "if c > 0.0:",  # another block
        "wp.atomic_add(a, 0, c)",
    ],
)
def test_a_value_does_not_move_over_what_may_change_it(between: tuple[str, str] | str) -> None:
    lines = _defining(("x", "a[i] * 2.0"), between, "out[i] = x")
    assert render(inlined(lines, _author())) == render(lines)


def test_values_read_twice_and_calls_with_effects_keep_their_names() -> None:
    twice = _defining(("x", "wp.sin(a)"), "out[i] = x", "res[i] = x")
    drawn = _defining(("x", "wp.randf(state)"), "out[i] = x")
    for lines in (twice, drawn):
        assert render(inlined(lines, _author())) == render(lines)


def test_an_argument_of_a_call_may_be_spared_but_not_an_operand() -> None:
    """`wp.sqrt(x)` takes the expression as it is; `x * c` would need parentheses."""
    call = _defining(("x", "a + b"), ("y", "wp.sqrt(x)"), "out[i] = y", "res[i] = y")
    product = _defining(("x", "a + b"), ("y", "x * c"), "out[i] = y", "res[i] = y")
    assert render(inlined(call, _author())).startswith("    y = wp.sqrt(a + b)")
    assert render(inlined(product, _author())) == render(product)


def test_remarks_change_no_code() -> None:
    lines = [
        Line(1, "i = wp.tid()", "i"),
        Line(1, "if i >= n:"),
        Line(2, "return"),
        Line(1, "for j in range(num_rows):"),
        Line(2, "total += x[j]"),
        Line(1, "if total > 0.0:"),
        Line(2, "wp.atomic_add(sums, 0, total)"),
        Line(1, "else:"),
        Line(2, "out[i] = total / (total + 1e-6)"),
    ]
    remarked = with_comments(lines, _author(), "cell")
    assert sum(line.comment for line in remarked) > 4
    assert [line.text for line in remarked if not line.comment] == [line.text for line in lines]
    as_text = [f"def f():\n{render(x)}" for x in (lines, remarked)]
    assert ast.dump(ast.parse(as_text[0])) == ast.dump(ast.parse(as_text[1]))
