"""What a variant does not need is left out."""

from __future__ import annotations

from warpgen.synthesis.writing.draft import Draft
from warpgen.synthesis.writing.module import named
from warpgen.synthesis.writing.rng import Rng
from warpgen.synthesis.writing.trim import trim


def test_dead_steps_and_their_inputs_go() -> None:
    """A chain that ends nowhere goes with its comment and its input; what a result needs stays."""
    d = Draft(Rng("trim"))
    for name in ("x", "unused"):
        d.input(name, "float", 8)
    d.output("y", "float", 8)
    d.code("i = wp.tid()\na = x[i]\n# for nobody\nb = unused[i]\nb += a\nc = 2.0 * b\ny[i] = a")
    trim(d)
    assert d.text == "i = wp.tid()\na = x[i]\ny[i] = a\n"
    assert [p.name for p in named(d)] == ["x", "y"]


def test_what_the_next_turn_of_a_loop_reads_stays() -> None:
    """Behind a blank line, too, which begins no other block."""
    d = Draft(Rng("trim"))
    d.input("x", "float", 8)
    d.output("y", "float", 8)
    text = "i = wp.tid()\nlast = float(0.0)\nfor k in range(8):\n    y[i] = x[k] - last\n\n    last = x[k]\n"
    d.code(text.rstrip())
    trim(d)
    assert d.text == text
