"""What a hand does to comments, wide lines, choices and results: words and values stay."""

from __future__ import annotations

import pytest

from warpgen.synthesis.writing.deciding import decided, joined
from warpgen.synthesis.writing.folding import folded
from warpgen.synthesis.writing.hand import Hand
from warpgen.synthesis.writing.paragraphs import airy, spaced
from warpgen.synthesis.writing.remarks import lowered, plain_headings, wrapped
from warpgen.synthesis.writing.rng import Rng


@pytest.mark.parametrize(
    ("comment", "begins"),
    [
        ("# Skip padding\n", "# skip padding\n"),
        ("    # A body at rest\n", "    # a body at rest\n"),
        ("# Inactive\n", "# inactive\n"),
        ("# Newton step\n", "# Newton step\n"),
        ("# Gaussian weights\n", "# Gaussian weights\n"),
        ("# J2 of the earth\n", "# J2 of the earth\n"),
        ("# Ke = B^T D B\n", "# Ke = B^T D B\n"),
        ("# L y = b from the first block on\n", "# L y = b from the first block on\n"),
        ("# No wind. The air is still\n", "# No wind. The air is still\n"),
    ],
)
def test_names_and_formulas_keep_their_capitals(comment: str, begins: str) -> None:
    """A comment begins in lower case, unless that would misspell it."""
    assert lowered(comment) == begins


def test_headings_lose_their_dashes() -> None:
    """A heading stays a comment by itself, apart from one that follows."""
    made = plain_headings(
        "    # --- Rotors ---\n    # Thrust and torque\n    x = y\n# --- Wind ---\nz = x\nz *= z\n"
    )
    assert made == "    # Rotors\0\n\n    # Thrust and torque\n    x = y\n# Wind\0\nz = x\nz *= z\n"


def test_a_heading_of_one_statement_is_left_out() -> None:
    """It would say what the statement says; one that goes on in the next line is more than one."""
    made = plain_headings("# --- Command ---\nx = y\n# --- Wind ---\nz = f(\n    x)\n# --- Gust ---\nz = x\n")
    assert made == "x = y\n# Wind\0\nz = f(\n    x)\nz = x\n"


def test_a_comment_goes_behind_its_line_whole_or_not_at_all() -> None:
    """Of several lines none is taken away from the others."""
    one, more = (
        "    # Momentum is kept\n    x = y\n",
        "    # Forces add up to zero, so that momentum\n    # is kept\n    x = y\n",
    )
    hands = [hand for hand in (Hand(Rng(number)) for number in range(60)) if hand.comments and hand.behind]
    assert any("x = y  #" in hand.commented(one, {}) for hand in hands)
    assert not any("x = y  #" in hand.commented(more, {}) for hand in hands)


def test_wide_comments_are_broken() -> None:
    """No line is wider than asked, what went on in the next line follows without a gap, the words stay."""
    text = (
        "    # The search gives the last entry at most, even where that is\n    # less than it\n    # Done\n"
    )
    made = wrapped(text, 40)
    assert max(map(len, made.splitlines())) <= 40
    assert made.replace("\n    # ", " ") == text.replace("\n    # ", " ")
    assert made.endswith("\n    # Done\n")
    assert wrapped("# short\n# lines\n", 40) == "# short\n# lines\n"


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("Padded with -1.", "Padded with `-1`."),
        ("Depths, shape (num_rows, 4)", "Depths, shape `(num_rows, 4)`"),
        ("Scaled by sqrt(w) where max_t is reached", "Scaled by `sqrt(w)` where `max_t` is reached"),
        ("log(sum(exp(x))) of a row", "log(sum(exp(x))) of a row"),
        ("the factor 1 - max_t and dir (x, y)", "the factor 1 - max_t and dir (x, y)"),
        ("y = a_x b(c) of a row", "y = a_x b(c) of a row"),
    ],
)
def test_code_amid_words_is_quoted(text: str, made: str) -> None:
    """A sentinel, a shape, a name in parts and a call are code; none is taken out of a formula."""
    hands = [Hand(Rng(number)) for number in range(60)]
    assert {hand.marked(text) for hand in hands if hand.quotes == "`"} == {made}
    assert {hand.marked(text) for hand in hands if not hand.quotes} == {text}


def test_a_native_snippet_is_no_prose() -> None:
    """A docstring stands behind the line that opens its function; C++ stays as it is."""
    snippet, docstring = '"""return sqrt(x) of max_t;"""', '    """Scaled by sqrt(x) of max_t"""'
    for hand in map(Hand, map(Rng, range(60))):
        assert snippet in hand.renamed(f"source = {snippet}\n", {})
        assert hand.marked(docstring) in hand.renamed(f"def f(x: float):\n{docstring}\n", {})


def test_entries_of_a_docstring_stay_apart() -> None:
    """An entry that is broken goes on further in, and the next is no part of it."""
    made = wrapped("Args:\n    x: Positions of all particles\n    y: Results", 28, "")
    assert made == "Args:\n    x: Positions of all\n        particles\n    y: Results"


@pytest.mark.parametrize(
    ("call", "expression", "branch"),
    [
        (
            "    y[i] = wp.where(a < b, wp.sin(a), 0.0)",
            "    y[i] = wp.sin(a) if a < b else 0.0",
            "    if a < b:\n        y[i] = wp.sin(a)\n    else:\n        y[i] = 0.0",
        ),
        ("x = wp.where(c, x + 1, x)", "x = x + 1 if c else x", "if c:\n    x = x + 1"),
        ("x = wp.where(c, draw(state), 0.0)", "x = draw(state) if c else 0.0", ""),
        ("x = wp.where(c, wp.randf(state), 0.0)", "x = wp.randf(state) if c else 0.0", ""),
        ("x = wp.where(a, 1, 2) + wp.where(b, 1, 2)", "", ""),
        ("x = wp.where(a, wp.where(b, 1, 2), 3)", "", ""),
        ("x = wp.where(\n    a, 1, 2\n)", "", ""),
        (
            "x = wp.where(c, 1, 2)\ny = wp.where(c, x, y)",
            "x = 1 if c else 2\ny = x if c else y",
            "if c:\n    x = 1\n    y = x\nelse:\n    x = 2",
        ),
        (
            "c = wp.where(c > 1, 1, c)\ny = wp.where(c > 1, 1, 2)",
            "c = 1 if c > 1 else c\ny = 1 if c > 1 else 2",
            "if c > 1:\n    c = 1\nif c > 1:\n    y = 1\nelse:\n    y = 2",
        ),
        (
            "x = wp.where(c, wp.randf(s), 0.0)\ny = wp.where(c, 1, 2)",
            "x = wp.randf(s) if c else 0.0\ny = 1 if c else 2",
            "x = wp.where(c, wp.randf(s), 0.0)\nif c:\n    y = 1\nelse:\n    y = 2",
        ),
    ],
)
def test_choices_are_written_in_three_ways(call: str, expression: str, branch: str) -> None:
    """What must run for every element never moves into a branch; what is no single choice stays."""
    assert decided(call, "call") == call
    assert decided(call, "expression") == (expression or call)
    assert decided(call, "branch") == (branch or call)


@pytest.mark.parametrize(
    ("line", "made"),
    [
        ("y = scale(first, second)", "y = scale(first, second)"),
        ("    y = scale(first[i, j], b)", "    y = scale(\n        first[i, j], b\n    )"),
        (
            "y = scale(f(first, i), [second, third], fourth)",
            "y = scale(\n    f(first, i),\n    [second, third],\n    fourth,\n)",
        ),
        ("y = x * (first + second + third + fourth)", ""),  # a comma would make a tuple
        ("y = scale(first, second, third)[0]", ""),
        ("    values: int, squares: wp.array(dtype=float)", ""),
        ('print("first, second, third, fourth")', ""),
        ("first_of_all[i], second_of_all[i] = f(x)", ""),
    ],
)
def test_wide_statements_are_folded(line: str, made: str) -> None:
    """A line that is too wide is folded at its last bracket, if what that leaves fits and means the same."""
    assert folded(line, 25) == (made or line)


def test_what_is_stored_at_once_needs_no_name() -> None:
    """A value goes where it is stored, unless it is read again or the line goes on."""
    assert joined("    b = f(a) + 1.0\n    y[i, j] = b\n") == "    y[i, j] = f(a) + 1.0\n"
    for text in (
        "b = f(a)\ny[i] = b\nz[i] = b\n",
        "b = f(a)\ny[b] = b\n",
        "b = f(a)\n# Why\ny[i] = b\n",
        "b = f(\n    a, c)\ny[i] = b\n",
        "b = f(a)\nif a:\n    y[i] = b\n",
        "b = float(0.0)\ny[i] += b\n",
    ):
        assert joined(text) == text


def test_a_paragraph_ends_before_a_comment_and_behind_a_block() -> None:
    """Blank lines stand where a reader pauses: not inside a statement, not where a body begins."""
    text = "a = b\n# why\nc = f(\n    a)\nif c:\n    # how\n    d = a\nelse:\n    d = b\nz = d"
    nested = "def f(a):\n    for i in a:\n        if i:\n            b = i\n        c = b\n    return c"
    assert spaced(text, 0, False, False) == (
        "a = b\n\n# why\nc = f(\n    a)\nif c:\n    # how\n    d = a\nelse:\n    d = b\n\nz = d"
    )
    assert spaced(nested, 4, False, False) == nested.replace("    return", "\n    return")
    assert spaced(nested, 4, False, True) == nested.replace("    return", "\n    return").replace(
        "        c", "\n        c"
    )


def test_what_a_comment_heads_stays_together() -> None:
    """More blank lines come before blocks, stores and returns, unless a comment stands over all of it."""
    text = "a = xs[i]\nb = ys[i]\nc = a + b\nd = a - b\nfor k in range(n):\n    d += c\nout[i] = d"
    assert (
        airy(text)
        == "a = xs[i]\nb = ys[i]\n\nc = a + b\nd = a - b\n\nfor k in range(n):\n    d += c\nout[i] = d"
    )
    assert airy("# why\n" + text) == "# why\n" + text
