"""Lowering a program: spans, errors, and no trace left for the next one."""

from __future__ import annotations

import gc
import linecache
import sys
from collections.abc import Iterator

import msgspec
import pytest

from tests.support.corpus import BY_NAME, PROGRAMS
from tests.support.corpus.writing import out, program, ramp
from warpgen.errors import ExtractionError
from warpgen.extraction import codegen, warp_api
from warpgen.extraction.codegen import lower
from warpgen.extraction.loading import load
from warpgen.program import Program
from warpgen.record import TARGETS


@pytest.fixture(scope="module", autouse=True)
def warp_started() -> Iterator[None]:
    warp_api.start()
    yield


def broken(body: str, head: str = "") -> Program:
    source = f"{head}\n\n@wp.kernel\ndef k(x: wp.array(dtype=float), y: wp.array(dtype=float)):\n{body}"
    return program("k", source, ramp("x"), out("y"))


def test_text_depends_on_no_other_program() -> None:
    """Any order of programs gives the same text for each."""
    forwards = [lower(p, TARGETS) for p in PROGRAMS]
    backwards = [lower(p, TARGETS) for p in reversed(PROGRAMS)]
    assert forwards == backwards[::-1]


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_one_target_alone_gives_the_same_text_as_both(name: str) -> None:
    """A build for one target equals that of both targets."""
    both = lower(BY_NAME[name], TARGETS)
    assert both == {t: lower(BY_NAME[name], (t,))[t] for t in TARGETS}


def test_settings_of_a_program_end_with_it() -> None:
    """A program that changes Warp's configuration, or marks a library function, changes no other's text."""
    expected = lower(BY_NAME["library"], TARGETS)
    head = "wp.config.max_unroll = 1\nwp.config.enable_backward = False\nwp.config.lineinfo = True"
    lower(broken("    y[0] = wp.grad(wp.smoothstep)(0.0, 1.0, x[0])[2]", head), TARGETS)
    lower(broken("    y[0] = wp.grad(wp.norm_l1)(wp.vec3(x[0]))[0]"), TARGETS)
    assert expected == lower(BY_NAME["library"], TARGETS)


@pytest.mark.parametrize("program_", PROGRAMS, ids=lambda p: p.name)
def test_spans_hold_the_kernel_functions(program_: Program) -> None:
    """A span begins with the declaration of the kernel's own function and ends with its closing brace."""
    for target, code in lower(program_, TARGETS).items():
        starts = {"cpu": "template <bool wp_linear_contiguous>\nstatic void ", "cuda": 'extern "C" '}
        for direction in ("forward", "backward"):
            start, end = getattr(code, direction)
            if program_.name == "collatz" and direction == "backward":
                assert (start, end) == (0, 0)
                continue
            function = code.text[start:end]
            assert function.startswith(starts[target])
            assert function.endswith("}\n")
            assert function.count(f"_{target}_kernel_{direction}(") == 1


def test_text_names_no_folder_of_the_machine() -> None:
    """Comments name the program's file and the library's relative to the package."""
    text = lower(BY_NAME["library"], ("cpu",))["cpu"].text
    assert {"// kernel.py:4", "// warp/_src/math.py:0"} <= set(text.splitlines())
    assert warp_api.LIBRARY_FOLDER not in text


def test_loaded_program_leaves_nothing_behind() -> None:
    """Warp's registry, the imported modules and the source cache are as before."""

    def registries() -> tuple[set[str], set[str], set[str]]:
        return warp_api.module_names(), set(sys.modules), set(linecache.cache)

    lower(BY_NAME["walk"], TARGETS)
    before = registries()
    for one in PROGRAMS:
        lower(one, TARGETS)
    assert before == registries()


def test_memory_does_not_grow() -> None:
    """A second pass over the corpus leaves no more objects than the first."""
    counts = []
    for _ in range(3):
        for one in PROGRAMS:
            lower(one, TARGETS)
        gc.collect()
        counts.append(len(gc.get_objects()))
    assert counts[2] - counts[1] < len(PROGRAMS)


def test_live_kernel_can_be_used_until_the_block_ends() -> None:
    """`load` gives Warp's own kernel and module; two programs can be live at once."""
    with load(BY_NAME["scale"]) as one, load(BY_NAME["integrate"]) as other:
        assert (one.kernel.key, other.kernel.key) == ("scale", "integrate")
        assert one.module is not other.module
        assert {one.module.name, other.module.name} <= warp_api.module_names()


@pytest.mark.parametrize(
    ("program_", "message"),
    [
        (
            broken("    y[0] = wp.nothing(x[0])"),
            "WarpCodegenAttributeError: Could not find function wp.nothing as a built-in or user-defined "
            "function. Note that user functions must be annotated with a @wp.func decorator to be called "
            "from a kernel.",
        ),
        (
            broken("    y[0] = f(x[0])", "@wp.func\ndef f(x: float):\n    return x + 1"),
            "RuntimeError: Input types must be the same, got ['float32', 'int32']",
        ),
        (broken("    y[0] = missing"), "WarpCodegenKeyError: Referencing undefined symbol: missing"),
        (broken("    y[0] = = 1"), "SyntaxError: invalid syntax"),
        (
            broken("    pass", "import nothing_of_this_name"),
            "ModuleNotFoundError: No module named 'nothing_of_this_name'",
        ),
        (
            msgspec.structs.replace(BY_NAME["scale"], name="other"),
            "the source defines no kernel named 'other'",
        ),
        (
            broken("    pass", "@wp.kernel\ndef other(x: wp.array(dtype=float)):\n    x[0] = 1.0"),
            "the source defines more than one kernel",
        ),
    ],
    ids=["function", "overload", "symbol", "syntax", "import", "absent", "two"],
)
def test_refused_program_says_why_in_one_line(program_: Program, message: str) -> None:
    """The error is an ExtractionError with Warp's reason, without source lines or folders."""
    with pytest.raises(ExtractionError) as caught:
        lower(program_, TARGETS)
    assert message == str(caught.value)


def test_failure_does_not_touch_the_next_program() -> None:
    """After a refusal the next program's text is as ever."""
    expected = lower(BY_NAME["mix_types"], TARGETS)
    with pytest.raises(ExtractionError):
        lower(broken("    y[0] = wp.norm_huber(x[0], 1) + wp.nothing()"), TARGETS)
    assert expected == lower(BY_NAME["mix_types"], TARGETS)


def test_text_over_the_cap_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What unrolling blew up costs its program, not the dataset."""
    monkeypatch.setattr(codegen, "MAX_TEXT", 10_000)
    with pytest.raises(ExtractionError, match="longer than 10000 characters"):
        lower(BY_NAME["blur"], TARGETS)


def test_start_says_nothing(capfd: pytest.CaptureFixture[str], tmp_path: object) -> None:
    """Neither banner nor warnings reach stdout or stderr."""
    warp_api.start()
    lower(BY_NAME["matmul"], TARGETS)
    assert capfd.readouterr() == ("", "")
