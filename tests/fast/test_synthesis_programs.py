"""Whole programs: the same for the same index, nothing dead in them, every motif usable."""

from __future__ import annotations

import ast
import re
from collections import Counter

import pytest

from warpgen.errors import RecipeError
from warpgen.program import Program
from warpgen.synthesis.categories import categories
from warpgen.synthesis.emit.liveness import live
from warpgen.synthesis.generator import Options, synthesize
from warpgen.synthesis.language import reading
from warpgen.synthesis.language.statements import Comment, Statement, emit

PER_CATEGORY = 6


def _programs() -> list[Program]:
    return [synthesize(7, i, Options({name: 1.0})) for name in categories() for i in range(PER_CATEGORY)]


@pytest.fixture(scope="module")
def programs() -> list[Program]:
    return _programs()


def test_order_does_not_matter() -> None:
    """A program is a function of its index, not of what was made before it."""
    first = synthesize(0, 11, Options())
    for i in range(5):
        synthesize(0, i, Options())
    assert synthesize(0, 11, Options()) == first


def test_every_program_has_one_kernel_and_all_its_arguments(programs: list[Program]) -> None:
    """Each module text holds the kernel that it names, whose parameters are the listed arguments."""
    for p in programs:
        kernels = [n for n in ast.parse(p.source).body if isinstance(n, ast.FunctionDef) and n.name == p.name]
        assert len(kernels) == 1, p.source
        assert [a.arg for a in kernels[0].args.args] == [a.name for a in p.args]


def _unused(function: ast.FunctionDef) -> list[str]:
    """Parameters that the function does nothing with, and locals that only their own assignments read."""
    names = [n for s in function.body for n in ast.walk(s) if isinstance(n, ast.Name)]
    reads = Counter(n.id for n in names if isinstance(n.ctx, ast.Load))
    locals_ = set()
    for statement in ast.walk(function):
        if isinstance(statement, ast.Assign | ast.AugAssign):
            target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
            if isinstance(target, ast.Name):  # of several results some may be left
                locals_.add(target.id)
                own = [n for n in ast.walk(statement.value) if isinstance(n, ast.Name) and n.id == target.id]
                reads[target.id] -= len(own)
    changed = {n.id for n in names if isinstance(n.ctx, ast.Store)}
    parameters = {a.arg for a in function.args.args}
    found = [p for p in parameters if reads[p] <= 0 and p not in changed]  # `wp.ref` ones are changed
    return found + [name for name in locals_ - parameters if reads[name] <= 0]


def test_no_parameter_and_no_local_is_unused(programs: list[Program]) -> None:
    """Kernels and helpers use all their parameters, and something reads every local that they assign."""
    for p in programs:
        for function in [n for n in ast.walk(ast.parse(p.source)) if isinstance(n, ast.FunctionDef)]:
            marks = " ".join(ast.unparse(d) for d in function.decorator_list)
            if "native" in marks or "replay" in marks:
                continue  # C++ text, or the parameters of what it replays
            assert not _unused(function), p.source


def test_sources_are_of_a_readable_size(programs: list[Program]) -> None:
    """No program runs away: sources stay under 24 kB."""
    assert max(len(p.source) for p in programs) < 24_000


def test_every_category_is_of_one_shape() -> None:
    """Each category has a description and motifs with one-line titles."""
    for category in categories().values():
        assert category.about
        assert category.motifs, category.name
        for m in category.motifs:
            assert m.title, f"{category.name}.{m.name} has no docstring"


def test_an_unknown_category_is_named() -> None:
    """The error lists what there is."""
    with pytest.raises(RecipeError, match="unknown category 'nosuch'"):
        synthesize(0, 0, Options({"nosuch": 1.0}))


def test_dead_lines_go() -> None:
    """Assignments nobody reads, the blocks they leave empty and comments on them are taken out."""
    body = [
        reading.statement("a = x[0]", ("a",)),
        Comment("never used"),
        reading.statement("b = a * 2.0", ("b",)),
        reading.header("if a > 0.0:").around([reading.statement("b = b + 1.0", ("b",))]),
        reading.statement("out[0] = a"),
    ]
    assert emit(live(body)) == "    a = x[0]\n    out[0] = a"


def test_a_dead_branch_stays_where_another_follows_it() -> None:
    """An `elif` or `else` needs the branch before it, if only to pass."""
    body: list[Statement] = [
        reading.header("if a > 0.0:").around([reading.statement("b = 1.0", ("b",))]),
        reading.header("else:").around([reading.statement("out[0] = a")]),
    ]
    assert emit(live(body)) == "    if a > 0.0:\n        pass\n    else:\n        out[0] = a"


def test_a_keyword_of_a_call_is_no_use_of_a_local() -> None:
    """`n=3` reads no local called `n`."""
    body = [
        reading.statement("n = wp.vec3()", ("n",)),
        reading.statement("out[0] = wp.identity(n=3, dtype=float)"),
    ]
    assert emit(live(body)) == "    out[0] = wp.identity(n=3, dtype=float)"


def test_programs_add_up_alike_on_every_python() -> None:
    """None calls `sum`, which rounds otherwise from Python 3.12 on: what it gives would be in the code."""
    made = [synthesize(1, index, Options({"static": 1.0}, "small")) for index in range(150)]
    assert any(re.search(r"wp\.static\(1\.0 / (sum)?\(", p.source) for p in made)
    for p in made:
        calls = [node.func for node in ast.walk(ast.parse(p.source)) if isinstance(node, ast.Call)]
        assert not any(isinstance(called, ast.Name) and called.id == "sum" for called in calls), p.source
