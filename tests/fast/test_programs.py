"""Whole programs: the same for the same index, about one thing each, in many forms."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from typing import cast

import pytest

from warpgen.errors import RecipeError
from warpgen.extraction.features import inspect_source
from warpgen.program import Program
from warpgen.synthesis.algorithms import all_algorithms, domains
from warpgen.synthesis.generator import Options, dealt, synthesize
from warpgen.synthesis.writing.algorithm import Algorithm
from warpgen.synthesis.writing.module import write
from warpgen.synthesis.writing.rng import Rng

DRAFTS = 24  # of each algorithm
FORMS = 10  # that these must have at least


@pytest.fixture(
    scope="module", params=all_algorithms(), ids=[f"{a.category}.{a.name}" for a in all_algorithms()]
)
def algorithm(request: pytest.FixtureRequest) -> Algorithm:
    """Each in turn: pytest runs all tests of one before those of the next."""
    return cast(Algorithm, request.param)


@pytest.fixture(scope="module")
def programs(algorithm: Algorithm) -> list[Program]:
    """Some of it."""
    return [write(algorithm, Rng(7, algorithm.name, i), 7, i).program for i in range(DRAFTS)]


def test_programs_do_not_depend_on_the_process() -> None:
    """Another process with another hash seed writes the same text."""
    code = (
        "from warpgen.synthesis.generator import *\n"
        "print('\\n'.join(synthesize(3, i, Options()).source for i in range(200)))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1


def test_order_does_not_matter() -> None:
    """A program is a function of its index, not of what was made before it."""
    first = synthesize(0, 11, Options())
    for i in range(5):
        synthesize(0, i, Options())
    assert synthesize(0, 11, Options()) == first


def test_every_algorithm_is_dealt() -> None:
    """One turn of the deal holds each algorithm as often as its weight says."""
    count = sum(a.weight for a in all_algorithms())
    categories = Counter(synthesize(5, i, Options()).category for i in range(count))
    assert categories == {name: sum(a.weight for a in d.algorithms) for name, d in domains().items()}


def test_any_stretch_of_programs_is_a_like_mix() -> None:
    """A tenth of a turn holds a tenth of each algorithm's programs, to one, and each only once."""
    every = sum(a.weight for a in all_algorithms())
    turn = [dealt(5, i) for i in range(every)]
    assert len(set(turn)) == every
    for start in range(0, every // 2, every // 10):
        counts = Counter(algorithm for algorithm, _ in turn[start : start + every // 10])
        for algorithm in all_algorithms():
            assert abs(counts[algorithm] - algorithm.weight / 10) < 1.5, algorithm.name


def test_a_program_is_one_kernel_with_its_arguments(programs: list[Program]) -> None:
    """The module holds the kernel that it names; its parameters are the listed arguments, all used."""
    for p in programs:
        tree = ast.parse(p.source)
        functions = [n for n in tree.body if isinstance(n, ast.FunctionDef)]
        called = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} | {p.name}
        assert not [f.name for f in functions if f.name not in called and not _adjoint(f)], p.source
        kernels = [n for n in functions if n.name == p.name]
        assert len(kernels) == 1, p.source
        assert [a.arg for a in kernels[0].args.args] == [a.name for a in p.args]
        assert any(a.role in ("output", "inout") for a in p.args)
        for function in functions:
            # Functions that stand for one another have one signature, whatever each of them needs of it.
            parameters = set() if function is kernels[0] else {a.arg for a in function.args.args}
            assert not set(_unused(function)) - parameters, p.source


def _adjoint(function: ast.FunctionDef) -> bool:
    """Whether it is written for another, which is called."""
    return any("wp.func_" in ast.unparse(decorator) for decorator in function.decorator_list)


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
    return found + [name for name in locals_ - parameters if reads[name] <= 0 and not name.startswith("_")]


def test_an_algorithm_has_many_forms(programs: list[Program]) -> None:
    """Its programs differ in structure, not in names and numbers alone; each is of a readable size."""
    structures = {inspect_source(p.source, p.name).structure_hash for p in programs}
    assert len(structures) >= FORMS
    assert max(len(p.source) for p in programs) < 16_000


def test_an_algorithm_says_what_it_is(algorithm: Algorithm, programs: list[Program]) -> None:
    """It has one sentence and a source; the sentence of a program has no mark-up left."""
    assert algorithm.source
    for p in programs:
        assert p.summary.endswith(".")
        assert "`" not in p.summary
        assert "$" not in p.source


def test_an_unknown_category_is_named() -> None:
    """The error lists what there is."""
    with pytest.raises(RecipeError, match="unknown category 'nosuch'"):
        synthesize(0, 0, Options({"nosuch": 1.0}))


def test_complexity_is_the_length_of_the_kernel() -> None:
    """Small programs are shorter than medium ones, and these than large ones."""
    lengths = [
        sorted(len(synthesize(2, i, Options(complexity=name)).source) for i in range(40))[20]
        for name in ("small", "medium", "large")
    ]
    assert lengths == sorted(set(lengths))
