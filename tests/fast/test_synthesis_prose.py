"""Comments, docstrings and spared names: true of the code, and without effect on it."""

from __future__ import annotations

import ast

import pytest

from warpgen.synthesis.emit.comments import with_comments
from warpgen.synthesis.emit.inlining import inlined
from warpgen.synthesis.language.author import Author
from warpgen.synthesis.language.reading import header, statement
from warpgen.synthesis.language.statements import Comment, Leave, Statement, emit, walk
from warpgen.synthesis.style.english import phrase
from warpgen.synthesis.style.rng import Rng


def _author() -> Author:
    author = Author(Rng("prose"))
    author.keeps_names, author.statement_comments = 0.0, 1.0
    return author


def _defining(*lines: tuple[str, str] | str) -> list[Statement]:
    """Statements; a pair defines a local."""
    body: list[Statement] = []
    for x in lines:
        if isinstance(x, str):
            body.append(header(x).around([Leave("return")]) if x.endswith(":") else statement(x))
        else:
            body.append(statement(f"{x[0]} = {x[1]}", (x[0],)))
    return body


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
    assert emit(inlined(lines, _author())) == "    out[i] = wp.sin(a)\n    res[i] = b * 2.0"


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
    assert emit(inlined(lines, _author())) == emit(lines)


def test_values_read_twice_and_calls_with_effects_keep_their_names() -> None:
    twice = _defining(("x", "wp.sin(a)"), "out[i] = x", "res[i] = x")
    drawn = _defining(("x", "wp.randf(state)"), "out[i] = x")
    for lines in (twice, drawn):
        assert emit(inlined(lines, _author())) == emit(lines)


def test_an_argument_of_a_call_may_be_spared_but_not_an_operand() -> None:
    """`wp.sqrt(x)` takes the expression as it is; `x * c` would need parentheses."""
    call = _defining(("x", "a + b"), ("y", "wp.sqrt(x)"), "out[i] = y", "res[i] = y")
    product = _defining(("x", "a + b"), ("y", "x * c"), "out[i] = y", "res[i] = y")
    assert emit(inlined(call, _author())).startswith("    y = wp.sqrt(a + b)")
    assert emit(inlined(product, _author())) == emit(product)


def test_remarks_change_no_code() -> None:
    body = [
        statement("i = wp.tid()", ("i",)),
        header("if i >= n:").around([Leave("return")]),
        header("for j in range(num_rows):").around([statement("total += x[j]")]),
        header("if total > 0.0:").around([statement("wp.atomic_add(sums, 0, total)")]),
        header("else:").around([statement("out[i] = total / (total + 1e-6)")]),
    ]
    remarked = with_comments(body, _author(), "cell")
    assert sum(isinstance(s, Comment) for s in walk(remarked)) > 4
    as_text = [f"def f():\n{emit(x)}" for x in (body, remarked)]
    assert ast.dump(ast.parse(as_text[0])) == ast.dump(ast.parse(as_text[1]))
