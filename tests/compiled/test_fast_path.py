"""The fast path writes what stock Warp writes, and knows what it stands in for."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from tests.support.commands import python
from tests.support.corpus import PROGRAMS
from warpgen.errors import ExtractionError
from warpgen.extraction import fast_path, parsing, warp_api
from warpgen.extraction.codegen import lower
from warpgen.extraction.fast_path import calls, lasting, patches
from warpgen.extraction.features import inspect_source
from warpgen.program import Program
from warpgen.record import TARGETS
from warpgen.synthesis.generator import Options, synthesize
from warpgen.warp_internals import REGISTRY


@pytest.fixture(autouse=True)
def stock_warp() -> Iterator[None]:
    warp_api.start()
    fast_path.uninstall()
    yield
    fast_path.uninstall()


def texts(program: Program) -> list[str]:
    try:
        return [code.text for code in lower(program, TARGETS).values()]
    except ExtractionError as error:
        return [str(error)]


def test_texts_are_those_of_stock_warp() -> None:
    """Every program of the corpus and a sample of the generator's, met first and met again."""
    programs = [*PROGRAMS, *(synthesize(1, index, Options()) for index in range(30))]
    expected = [texts(p) for p in programs]
    assert fast_path.install() == []
    assert expected == [texts(p) for p in programs]
    assert expected == [texts(p) for p in programs]


def test_trees_of_the_features_serve_the_code_generator() -> None:
    """A program whose features were read first gives the same text, and Warp takes the trees over."""
    expected = [texts(p) for p in PROGRAMS]
    fast_path.install()
    taken = 0
    for program, text in zip(PROGRAMS, expected, strict=True):
        inspect_source(program.source, program.name)
        offered = len(parsing.TREES)
        assert text == texts(program)
        taken += offered - len(parsing.TREES)
    assert taken >= len(PROGRAMS)


@pytest.mark.parametrize(
    "line",
    ["wp.nothing(v)", "v + 1", "wp.clamp(v, 0, 1.0)", "wp.dot(v, v)", "x[0.5]", "wp.min(v, wp.vec3())", "-x"],
)
def test_errors_are_those_of_stock_warp(line: str) -> None:
    """A call that Warp refuses is refused in the same words."""
    source = (
        "import warp as wp\n\n\n@wp.kernel\ndef k(x: wp.array(dtype=float)):\n"
        f"    v = x[wp.tid()]\n    x[0] = {line}\n"
    )
    program = Program(
        seed=0, index=0, category="", name="k", source=source, args=(), launch=PROGRAMS[0].launch
    )
    expected = texts(program)
    fast_path.install()
    assert expected == texts(program)
    assert expected == texts(program)
    assert len(expected) == 1


def test_uninstall_puts_warp_back() -> None:
    """Every function is Warp's own again; installing twice is installing once."""
    before = [getattr(p.owner, p.name) for p in patches.PATCHES]
    fast_path.install()
    fast_path.install()
    assert before != [getattr(p.owner, p.name) for p in patches.PATCHES]
    fast_path.uninstall()
    assert before == [getattr(p.owner, p.name) for p in patches.PATCHES]


def test_unknown_warp_function_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function whose source is not the known one stays, with a warning that names it."""
    patch = next(p for p in patches.PATCHES if p.name == "add_call")
    monkeypatch.setattr(patch, "source", "0" * 16)
    with pytest.warns(UserWarning, match=r"does not know Adjoint\.add_call"):
        assert fast_path.install() == ["Adjoint.add_call"]
    assert patch.stock is getattr(patch.owner, patch.name)


def test_nothing_of_a_program_is_remembered() -> None:
    """What is kept after a program names only functions and types that Warp itself keeps."""
    fast_path.install()
    for program in PROGRAMS:
        texts(program)
    assert calls.PLANS
    registry = list(REGISTRY.values())
    assert all(any(key[0] is f for f in registry) for key in calls.PLANS)
    kept = [part for key in calls.PLANS for part in key[3:]]
    types = [part[1] if isinstance(part, tuple) else part for part in kept]
    types += [key[1] if isinstance(key, tuple) else key for key in lasting.CTYPES]
    assert all(t.__module__ in ("warp._src.types", "builtins") for t in types)


def test_memory_does_not_grow() -> None:
    """Once the corpus was seen, another pass over it leaves no more objects behind."""
    fast_path.install()
    counts = []
    for _ in range(3):
        for program in PROGRAMS:
            texts(program)
        gc.collect()
        counts.append(len(gc.get_objects()))
    assert counts[2] - counts[1] < len(PROGRAMS)


def test_warps_own_test_kernels_are_the_same() -> None:
    """The comparison that looks at every kernel of Warp's tests, on a sample of them."""
    done = python("-m", "tools.compare_codegen", "--programs", "0", "--warp", "--only", "tests.tile")
    assert done.returncode == 0, done.stdout
