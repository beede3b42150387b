"""The face that algorithms are written to, and the hand that writes them down."""

from __future__ import annotations

import ast
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warpgen.errors import SynthesisError
from warpgen.launch import Fill
from warpgen.synthesis.writing.algorithm import Algorithm, Domain
from warpgen.synthesis.writing.counts import pass_counts
from warpgen.synthesis.writing.draft import Draft, fill
from warpgen.synthesis.writing.hand import Hand, american
from warpgen.synthesis.writing.module import Written, write
from warpgen.synthesis.writing.pieces import piece
from warpgen.synthesis.writing.rng import Rng

SQUARE = piece("@wp.func\ndef square(a: float):\n    return a * a", numpy=lambda a: a * a)
CUBE = piece("@wp.func\ndef cube(a: float):\n    return a * square(a)", SQUARE)
BODY = piece("@wp.struct\nclass Body:\n    mass: float\n    pose: wp.transform")


def scaled(d: Draft) -> None:
    """Scales each element of `x`."""
    d.option("way", "a", "b")
    d.input("x", "float", 32, about="Samples, `y` is made of them")
    d.param("s", "float", 1.0, 2.0, about="Factor")
    d.output("y", "float", 32, about="Powers of the samples")
    d.launch(32)
    d.code(
        """
        tid = wp.tid()
        # `s` has no unit, so that y has that of x
        $step
        y[tid] = value
        """,
        step=f"value = {d.use(CUBE)}(x[tid])\nvalue *= s + 1.0\nvalue += float(0.5)",
    )
    d.explain("`y` = `s` x^3")


def _algorithm(**options: object) -> Algorithm:
    domain = Domain("made_up", "nothing")
    domain.algorithm(source="none", **options)(scaled)  # type: ignore[arg-type]
    return domain.algorithms[0]


def _written(number: int, **options: object) -> Written:
    return write(_algorithm(**options), Rng(number), 0, number)


@given(st.integers(0, 10_000))
def test_whatever_is_drawn_is_python_with_its_arguments(number: int) -> None:
    """Names, types and comments vary; the text stays a module whose kernel has the row's arguments."""
    synonyms = {"x": "values|samples", "s": "scale|factor", "value": "scaled_value|v"}
    program = _written(number, names=synonyms, double=True, half=True, adjoint="either").program
    kernel = ast.parse(program.source).body[-1]
    assert isinstance(kernel, ast.FunctionDef)
    assert kernel.name == program.name
    assert [a.arg for a in kernel.args.args] == [a.name for a in program.args]
    assert program.source.index("def square") < program.source.index("def cube")
    assert "`" not in program.summary


def test_kernels_are_called_by_synonyms_and_variants_by_names_of_their_own() -> None:
    """A variant that has names never goes under the algorithm's, which would say something else."""

    def halved(d: Draft) -> None:
        """Halves each element."""
        scaled(d)
        d.calls("x|halve|half_of")

    plain = {_written(number, names={"scaled": "rescale|stretch"}).program.name for number in range(60)}
    assert plain == {n + end for n in ("scaled", "rescale", "stretch") for end in ("", "_kernel")}
    domain = Domain("made_up", "nothing")
    domain.algorithm(source="none", names={"halved": "rescale"})(halved)
    names = {write(domain.algorithms[0], Rng(number), 0, number).program.name for number in range(60)}
    assert names == {n + end for n in ("halve", "half_of") for end in ("", "_kernel")}  # x is an argument


@given(st.integers(0, 3_000))
def test_doubles_are_doubles_throughout(number: int) -> None:
    """In a program of 64 bits every float literal is cast, once, and no type of 32 bits is left."""
    made = _written(number, double=True)
    if made.real == "float64":
        code = ast.unparse(ast.parse(made.program.source))
        assert "wp.float64(0.5)" in code
        assert "wp.float64(wp.float64" not in code
        assert not [w for w in ("float32", ": float", "vec3f") if w in code]
        assert {a.type for a in made.program.args} == {"array1d(float64)", "float64"}


def test_both_precisions_come_up() -> None:
    """Some of what may be of 64 bits is, and nothing else ever."""
    assert {_written(n, double=True).real for n in range(200)} == {"float32", "float64"}
    assert {_written(n).real for n in range(200)} == {"float32"}


def test_a_name_that_is_taken_is_not_given_again() -> None:
    """Two things never get one name, whatever their synonyms."""
    for number in range(100):
        program = _written(number, names={"x": "tid|y|square", "s": "x|y|value"}).program
        assert len({a.name for a in program.args}) == 3
        assert not {a.name for a in program.args} & {"tid", "square", "value"}


def test_comments_follow_names_in_backticks() -> None:
    """A comment that quotes a name quotes the one that the program has, if there are comments at all."""
    sources = [_written(n, names={"s": "zoom"}).program.source for n in range(60)]
    told = [s for s in sources if "has no unit" in s]
    assert 0 < len(told) < 60
    for source in told:
        name = "zoom" if "zoom:" in source else "s"
        assert re.search(rf"# (`*){name}\1 has no unit, so", source)


def test_arguments_are_told_of_in_one_place_or_none() -> None:
    """What an argument is stands behind it or in the docstring, under the name that it has; there of all."""

    def halved(d: Draft) -> None:
        """Halves each element."""
        scaled(d)
        d.param("t", "float", 1.0, 2.0)
        d.text += "y[tid] += t\n"

    domain = Domain("made_up", "nothing")
    domain.algorithm(source="none")(halved)
    (untold,) = domain.algorithms
    sources = [_written(n, names={"x": "raw", "y": "made"}).program.source for n in range(400)]
    behind = [s for s in sources if "Factor" in s.split('"""')[0]]
    section = [s for s in sources if "    Args:\n" in s]
    assert len(behind) > 5 < len(section)
    assert not set(behind) & set(section)
    assert not any("    Args:\n" in write(untold, Rng(n), 0, n).program.source for n in range(100))
    for source in behind + section:
        x, y = ("raw" if "raw[" in source else "x"), ("made" if "made[" in source else "y")
        assert f"{x}: Samples, {y} is made" in source or f"# Samples, {y} is made" in source


@pytest.mark.parametrize(
    ("asking", "passing", "names"),
    [
        ("size = x.shape[0]\ny[tid] = x[size - 1 - tid]", "y[tid] = x[size - 1 - tid]", {"size"}),
        ("y[tid] = x[x.shape[0] - 1 - tid]", "y[tid] = x[{0} - 1 - tid]", {"n", "count", "size"}),
        (
            "size = x.shape[0]\nsize += 1\ny[tid] = x[tid] + float(size)",
            "size = {0}\nsize += 1\ny[tid] = x[tid] + float(size)",
            {"n", "count"},
        ),
        ("y[tid] = float(x.shape[0])", "", set()),
    ],
)
def test_sizes_may_be_arguments(asking: str, passing: str, names: set[str]) -> None:
    """A size becomes an argument that holds it, unless it changes or the array is needed for nothing else."""
    d = Draft(Rng(0))
    d.input("x", "float", 7)
    d.output("y", "float", 7)
    d.code(asking)
    pass_counts(d, Rng(0))
    made = [p for p in d.parameters if p.role == "param"]
    assert {p.name for p in made} <= names
    assert len(made) == bool(names)
    assert all(p.fills[0].value == 7.0 for p in made)
    assert d.text.strip() == (passing.format(*[p.name for p in made]) or asking)


def test_prose_is_spelled_as_warp_is() -> None:
    """British words become American ones, whatever their case; code stays."""
    assert american("Neighbours, colours and the centre") == "Neighbors, colors and the center"


def test_a_struct_is_filled_by_its_fields() -> None:
    """Inner structs come before their own fields."""
    d = Draft(Rng(0))
    d.struct("bodies", BODY, {"mass": fill(1.0, 2.0), "inner.at": fill(value=3.0)}, 8)
    parameter = d.parameters[0]
    assert parameter.type == "array1d(Body)"
    assert [f.name for f in parameter.fills] == ["bodies", "bodies.mass", "bodies.inner", "bodies.inner.at"]
    assert parameter.fills[0] == Fill("bodies", "struct", (8,))


@pytest.mark.parametrize("text", ["", "wp.printf()"])
def test_an_algorithm_without_code_or_launch_is_at_fault(text: str) -> None:
    """It says so at once."""

    def nothing(d: Draft) -> None:
        """Does nothing."""
        if text:
            d.code(text)

    domain = Domain("made_up", "nothing")
    domain.algorithm(source="none")(nothing)
    with pytest.raises(SynthesisError, match="no code or no launch"):
        write(domain.algorithms[0], Rng(0), 0, 0)


def test_a_sentence_is_demanded() -> None:
    """An algorithm that does not say what it computes is refused where it is written down."""

    def silent(d: Draft) -> None: ...

    with pytest.raises(TypeError, match="does not say in one sentence"):
        Domain("made_up", "nothing").algorithm(source="none")(silent)


def test_an_option_or_argument_is_drawn_once() -> None:
    """A name twice is a mistake."""
    d = Draft(Rng(0))
    d.flag("same")
    with pytest.raises(ValueError, match="drawn twice"):
        d.flag("same")
    d.input("x", "float", 3)
    with pytest.raises(ValueError, match="declared twice"):
        d.output("x", "float", 3)


def test_sums_are_spelled_out_as_they_were() -> None:
    """`a += b` written out keeps its value: what follows is bracketed where it must be."""
    hand = Hand(Rng(0))
    hand.augments = False
    text = "    a += b - c\n    a -= d\n    a *= e + f\n    x[i] += a\n    a += g(\n        h)"
    assert hand.assigned(text) == (
        "    a = a + (b - c)\n    a = a - d\n    a = a * (e + f)\n    x[i] += a\n    a += g(\n        h)"
    )
    assert hand.assigned("    a += b << c\n    a -= b ^ c\n    a *= b / c\n    a += b * c") == (
        "    a = a + (b << c)\n    a = a - (b ^ c)\n    a = a * (b / c)\n    a = a + b * c"
    )


def test_a_volume_stays_of_its_type() -> None:
    """A name in the text that happens to be a type of volumes is another matter."""
    d = Draft(Rng(0))
    d.handle("volume", "volume", (3, 3, 3), of="index")
    d.handle("grid", "hash_grid", (3, 3, 3), of="points", value=0.5)
    made = [p.renamed({"index": "idx", "points": "x", "volume": "v"}) for p in d.parameters]
    assert [(a.name, a.fill.of) for a in made] == [("v", "index"), ("grid", "x")]
