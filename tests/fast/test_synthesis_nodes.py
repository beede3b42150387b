"""Expressions and statements as nodes: what text becomes, what is read off it, what is written out again."""

from __future__ import annotations

import pytest

from warpgen.errors import DraftRejected, SynthesisError
from warpgen.synthesis.categories import all_motifs
from warpgen.synthesis.kernel.compose import draft_program
from warpgen.synthesis.language import reading
from warpgen.synthesis.language.expressions import Expression, replaced
from warpgen.synthesis.language.statements import emit, walk
from warpgen.synthesis.style.rng import Rng


def _shape(node: Expression) -> str:
    """The kinds of the nodes, as they are nested."""
    inside = ", ".join(map(_shape, node.parts))
    return f"{type(node).__name__}({inside})" if inside else type(node).__name__


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("-(a + b) * 1.0e-6", "Binary(Prefix(Group(Binary(Name, Name))), Literal)"),
        ("wp.f((a), n=(3))", "Call(Group(Name), Keyword(Group(Literal)))"),
        ("x.p[i, j + 1]", "Element(Field(Name), Name, Binary(Name, Literal))"),
        ("(n,)", "Tuple(Name)"),
        ("a if not b else c", "Choice(Name, Prefix(Name), Name)"),
        ("lo <= x < hi", "Binary(Binary(Name, Name), Name)"),
        ("a[1:n]", "Element(Name, Form(Literal, Name))"),
        ("a[(i + 1) % n, j]", "Element(Name, Binary(Group(Binary(Name, Literal)), Name), Name)"),
        ("a[(i, j)]", "Element(Name, Tuple(Name, Name))"),
    ],
)
def test_text_becomes_nodes_that_are_spelled_alike(text: str, shape: str) -> None:
    """Parentheses, numbers and spaces stay as they were written."""
    node = reading.expression(text)
    assert node.text == text
    assert _shape(node) == shape


@pytest.mark.parametrize("text", ["x[i, j] += wp.f((a))", "a, b = f(x)", "return a, (b)", "break"])
def test_a_statement_is_written_as_it_was_read(text: str) -> None:
    assert reading.statement(text).text == text


@pytest.mark.parametrize("text", ["if a > b:", "else:", "for i in range(0, n):", "while wp.f(q, i):"])
def test_a_header_is_written_as_it_was_read(text: str) -> None:
    block = reading.header(text)
    assert emit([block.around([reading.statement("pass")])], 0) == f"{text}\n    pass"


@pytest.mark.parametrize("text", ["a +", "wp.f(a", "x = "])
def test_a_text_that_is_no_python_is_shown(text: str) -> None:
    """A motif that writes one is at fault; its draft is not just drawn again."""
    with pytest.raises(SynthesisError, match="a motif wrote") as raised:
        reading.statement(text)
    assert not isinstance(raised.value, DraftRejected)


def test_a_name_is_replaced_where_it_is_read() -> None:
    """Not in a field, a keyword or a longer name."""
    node = reading.expression("wp.f(x, p.x, x=1, k=(x + xs, y.a[x]))")
    assert replaced(node, "x", reading.expression("a[i]")).text == (
        "wp.f(a[i], p.x, x=1, k=(a[i] + xs, y.a[a[i]]))"
    )


def test_nodes_are_what_python_reads_in_their_text() -> None:
    """Every motif's expressions are nested as their operators bind."""
    for number, motif in enumerate(all_motifs()):
        try:
            k, _ = draft_program(Rng("nodes", number), motif, "mixed", [])
        except DraftRejected:
            continue
        for part in (part for statement in walk(k.body) for part in statement.parts):
            assert _shape(part) == _shape(reading.expression(part.text)), f"{motif.name}: {part.text}"
