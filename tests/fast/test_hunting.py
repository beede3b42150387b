"""The hunt: programs that try Warp, what is taken away from them, and what is told of the rest."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Sequence

import pytest

from warpgen.hunting.found import Case, Unit, alike, grouped, representative
from warpgen.hunting.reducer import reduce
from warpgen.hunting.rewrites import apart, divided, inlined, needed, renamed, reordered, same, unrolled
from warpgen.hunting.steps import Step, applied, steps, without_unused
from warpgen.hunting.stress import stress
from warpgen.hunting.tiles import tiled
from warpgen.launch import Argument, Fill, Launch
from warpgen.program import Program
from warpgen.reasons import FAULTS
from warpgen.verification.judging.causes import cause_of, told

COUNT = 20


def written(*lines: str, helper: str = "") -> Program:
    """A kernel over x, n and y."""
    head = "@wp.kernel\ndef tried(x: wp.array(dtype=float), n: int, y: wp.array(dtype=float)):"
    source = "\n".join(
        ["import warp as wp", helper, head, "    i = wp.tid()", *(f"    {line}" for line in lines)]
    )
    args = (
        Argument("x", "array1d(float32)", "input", (Fill("x", "uniform", (8,)),)),
        Argument("n", "int32", "param", (Fill("n", "constant", value=3.0),)),
        Argument("y", "array1d(float32)", "output", (Fill("y", "constant", (8,)),)),
    )
    return Program(0, 0, "test", "tried", source + "\n", args, Launch((8,), 0))


def holding(words: str) -> Callable[[Sequence[Program]], list[bool]]:
    """A fault that is there where the kernel still holds these words."""
    return lambda programs: [words in p.source.split("@wp.kernel")[1] for p in programs]


def test_stress_is_a_function_of_seed_and_index() -> None:
    """And each of its programs is Python, with the arguments that its kernel names."""
    for index in range(COUNT):
        program = stress(3, index)
        assert program == stress(3, index) != stress(4, index)
        (kernel,) = [n for n in ast.parse(program.source).body if getattr(n, "name", "") == program.name]
        assert isinstance(kernel, ast.FunctionDef)
        assert [a.arg for a in kernel.args.args] == [a.name for a in program.args]


@pytest.mark.parametrize("words", [" % ", "within(", "break"])
def test_a_planted_word_is_all_that_is_left(words: str) -> None:
    """Of the first program that holds it; what is left beside it is what makes it a program."""
    shows = holding(words)
    program = next(p for p in map(stress, itertools.repeat(1), itertools.count()) if shows([p])[0])
    made = reduce(program, shows)
    assert shows([made.program]) == [True]
    assert len(made.program.source.split("@wp.kernel")[1].splitlines()) <= 8, made.program.source
    assert made.program.launch.dim <= (2,)


def test_tiles_are_a_function_of_seed_and_index() -> None:
    """And each of these programs launches blocks."""
    for index in range(COUNT):
        program = tiled(3, index)
        assert program == tiled(3, index) != tiled(4, index) and program.launch.tiled
        compile(program.source, "tiles", "exec")


def test_what_is_left_is_a_program() -> None:
    """No name without a meaning: arguments, functions and locals go with their last use, no sooner."""
    program = stress(1, 5)
    for step in steps(program, "statements")[::3]:
        made = applied(program, [step])
        if made is not None:
            (kernel,) = [n for n in ast.parse(made.source).body if getattr(n, "name", "") == "tried"]
            assert isinstance(kernel, ast.FunctionDef)
            assert [a.arg for a in kernel.args.args] == [a.name for a in made.args]
    kept = without_unused(written("y[i] = x[i]"))
    assert [a.name for a in kept.args] == ["x", "y"] and "n: int" not in kept.source


def test_a_function_keeps_its_gradient_and_goes_with_it() -> None:
    """A gradient is named by nothing, and there for its function alone."""
    own = "@wp.func\ndef own(p: float):\n    return p * p\n\n"
    own += (
        "@wp.func_grad(own)\ndef adj_own(p: float, adj_ret: float):\n    wp.adjoint[p] += 2.0 * p * adj_ret\n"
    )
    program = written("a = x[i]", "y[i] = a", "y[i] = own(a)", helper=own)
    lines = {
        ast.unparse(n): Step(place, "drop") for place, n in enumerate(ast.walk(ast.parse(program.source)))
    }
    kept, gone = (applied(program, [lines[line]]) for line in ("y[i] = a", "y[i] = own(a)"))
    assert kept is not None and "def adj_own" in kept.source
    assert gone is not None and "own" not in gone.source


def test_rewrites_do_what_they_say() -> None:
    """Each changes what it is for, and nothing where that is not there."""
    assert "range(3)" in unrolled(written("for k in range(n):", "    y[i] = x[k]")).source
    assert "%" not in divided(written("y[i] = x[i] % 2.0")).source
    split = apart(written("t = (x[i], 2.0)", "y[i] = t[0] * t[1]")).source
    assert "t_0 = x[i]" in split and "t[" not in split
    lines = ("a = x[i]", "b = 2.0", "c = a * b", "y[i] = c")
    assert "b = 2.0\n    a = x[i]\n    c = a * b" in reordered(written(*lines)).source
    helper = "@wp.func\ndef twice(p: float):\n    return 2.0 * p\n"
    assert "y[i] = 2.0 * a" in inlined(written("a = x[i]", "y[i] = twice(a)", helper=helper)).source
    unused = written(
        "a = x[i]", "b = 1.0 / a", "if b > 2.0:", "    b = a", "c = a", "if c > 0.0:", "    y[i] = a"
    )
    assert "b" not in needed(unused).source.partition("a = x")[2] and "c > 0.0" in needed(unused).source
    plain = written("a = x[i]", "y[i] = a")
    assert same(needed(plain), plain)
    assert reordered(plain).source == inlined(plain).source == unrolled(plain).source
    assert unrolled(plain).source == divided(plain).source == apart(plain).source
    assert "a = " not in renamed(plain).source and "x[" in renamed(plain).source


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        (("a = x[i]", "s = float(0.0)", "for k in range(n):", "    s += 1.0", "y[i] = a * s"), "02+01"),
        (("y[i] = x[i] % 2.0",), "09"),
        (("t = (x[i], 2.0)", "y[i] = t[0]"), "10"),
        (("for k in range(n):", "    y[i] = x[k]"), "02"),
        (("for k in range(4):", "    y[i] = x[k]"), ""),
        (("v = wp.vec2(x[i], 1.0)", "v[0] = 2.0", "y[i] = v[0]"), "06"),
        (("f = wp.zeros(shape=4, dtype=float)", "f[1] = x[i]", "y[i] = f[1]"), "11"),
        (("y[i] *= x[i]",), "07"),
        (("y[i] = x[i]", "y[i] = y[i] * x[i]"), "08"),
    ],
)
def test_constructs_tell_the_line_of_the_ledger(lines: tuple[str, ...], cause: str) -> None:
    """Of a wrong adjoint; of other oracles they tell nothing."""
    assert cause_of(written(*lines), "adjoint", "") == cause
    assert cause_of(written(*lines), "values", "") == ""


def test_an_error_names_the_faults_that_may_explain_it() -> None:
    """As it then stands in a manifest; nothing where none is known."""
    assert told(written("y[i] = x[i] % 2.0"), "adjoint", "off") == f"off{FAULTS}09"
    assert told(written("y[i] = x[i]"), "adjoint", "off") == "off"


def test_cases_are_grouped_by_what_they_say() -> None:
    """Numbers and addresses do not matter; words do."""
    assert alike("assigning to t5 (<x at 0x7f>)", "assigning to t12 (<x at 0x80>)")
    assert not alike("call is ambiguous", "no matching function")
    program = written("y[i] = x[i]")
    cases = [Case("stress", program, "refused", f"call to 'f{n}' is ambiguous", "14") for n in range(3)]
    cases.append(Case("stress", program, "values", "y differs"))
    groups = grouped([Unit(0, 4, 1.0, {}, cases)])
    assert [len(group) for group in groups.values()] == [3, 1]


def test_few_cases_stand_for_every_line_of_the_ledger() -> None:
    """First those that nothing explains, then such as hold one fault alone."""
    program = written("y[i] = x[i]")
    cases = [
        Case("stress", program, "adjoint", "wrong", cause) for cause in ("1+2", "1", "1", "2+3", "1", "")
    ]
    chosen = representative([Unit(0, 8, 1.0, {}, cases)], 2)
    assert [case.cause for case in chosen] == ["", "1", "1", "1+2", "2+3"]


@pytest.mark.parametrize(
    ("line", "cause"),
    [("u, s, v = wp.svd3(a)", "28"), ("q, d = wp.eig3(a)", "29"), ("u, s, v = wp.svd3(wp.mat33d(a))", "")],
)
def test_outputs_may_be_off_by_a_decomposition_of_32_bits(line: str, cause: str) -> None:
    assert cause_of(written(line), "values", "y differs") == cause
