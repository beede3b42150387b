"""Functions that motifs write for themselves, and rows of numbers per thread."""

from __future__ import annotations

from warpgen.synthesis.blocks.functions import function
from warpgen.synthesis.blocks.rows import Row
from warpgen.synthesis.emit.unrolled import unrolled_size
from warpgen.synthesis.kit.draft import Draft
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language import reading
from warpgen.synthesis.language.author import Author
from warpgen.synthesis.language.types import F32, I32
from warpgen.synthesis.language.values import Value
from warpgen.synthesis.style.rng import Rng


def kit(shape: tuple[int, ...], seed: int = 0) -> Kit:
    """A kernel in the making, over `shape` threads."""
    rng = Rng("functions", seed)
    author = Author(rng)
    k = Kit(Draft(rng, author, F32))
    k.draft.shape = shape
    k.index = tuple(Value("ijkl"[a], I32, 0, n - 1, author) for a, n in enumerate(shape))
    return k


def declared(k: Kit, name: str) -> str:
    return next(known.written for known in k.draft.declarations if known.name == name)


def test_a_function_is_declared_once_and_called_with_what_it_asked_for() -> None:
    """What the body asks the kernel for becomes a parameter that every call fills."""
    k = kit((8,))

    def write(inner: Kit, x: Value) -> Value:
        return x * inner.input("gain", F32, 0.5, 2.0)

    f = function(k, "amplify", [("x", F32, -1.0, 1.0)], write)
    call = f(k.lit(0.5)).text
    assert call.startswith("amplify(0.5, ") and "gain" in declared(k, "amplify").split(":")[1]
    assert call == f(0.5).text


def test_a_function_called_from_another_takes_its_arguments_along() -> None:
    """A function called inside another makes the outer one pass on what the inner one needs."""
    k = kit((8,))
    inner_f = function(k, "low", [("x", F32, 0.0, 1.0)], lambda i, x: x + i.input("shift", F32, 0.0, 1.0))
    outer = function(k, "high", [("x", F32, 0.0, 1.0)], lambda i, x: inner_f.inside(i)(x) * 2.0)
    passed = inner_f(0.5).text.removeprefix("low(0.5, ")
    assert f"high(0.5, {passed}" == outer(0.5).text
    assert "low(x, shift)" in declared(k, "high")


def test_rows_fit_launches_of_every_rank() -> None:
    """No row needs an array of more than four axes, and each array holds all rows."""
    for shape in ((8,), (4, 4), (2, 3, 4), (2, 2, 2, 2)):
        for seed in range(8):
            k = kit(shape, seed)
            row = Row(k, "prices", F32, 5, 0.0, 1.0)
            assert row[4].type is F32
            (spec,) = (s for s in k.draft.arguments.values() if s.ndim)
            total = 1
            for extent in spec.shape:
                total *= extent
            threads = 1
            for extent in shape:
                threads *= extent
            assert spec.ndim <= 4
            assert total == 5 * threads


def test_unrolled_size_counts_the_turns_of_short_fixed_loops() -> None:
    """Turns count where Warp writes them out: not in long loops, dynamic ones or those left early."""

    def size(body: str, *loops: str) -> int:
        statements = [reading.statement(line) for line in body.splitlines()]
        for n, bounds in reversed(list(enumerate(loops))):
            statements = [reading.header(f"for i{n} in range({bounds}):").around(statements)]
        return unrolled_size([*statements, reading.statement("y = x")])

    body = "x = a[i] + b"
    once = size(body, "40") - size("pass", "40")
    assert once > 0
    assert size(body, "2, 10") - size("pass", "2, 10") == 8 * once
    assert size(body, "2, 10", "3") - size("pass", "2, 10", "3") == 24 * once
    assert size(body, "2, 10", "40") - size("pass", "2, 10", "40") == 8 * once
    assert size(body + "\nbreak", "8") == size(body, "40")
    assert size(body, "n") == 0
