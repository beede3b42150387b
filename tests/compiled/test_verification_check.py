"""Units are judged: what is right is kept with evidence, what is wrong is dropped by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.support.commands import python
from tests.support.corpus import BY_NAME, PROGRAMS
from tests.support.corpus.writing import out, program, ramp
from warpgen.extraction import warp_api
from warpgen.extraction.codegen import Code, lower
from warpgen.program import Program
from warpgen.record import CHECKS, TARGETS, UNVERIFIED, Target
from warpgen.verification import Judgement, check_unit
from warpgen.verification.compiling import nvrtc
from warpgen.verification.compiling.compiler import Compiler
from warpgen.verification.native import isolation
from warpgen.warp_internals import build

Judged = dict[str, dict[Target, Judgement]]

NAMES = ("scale", "integrate", "histogram", "collatz", "unrolled", "rigid", "volume4d", "matmul")


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("verification")
    warp_api.start(folder / "kernels")
    yield folder / "checks"


@pytest.fixture(scope="module")
def judged(workdir: Path) -> Judged:
    """Some programs of the corpus, judged for both targets at level run."""
    programs = [BY_NAME[name] for name in NAMES]
    codes = [lower(p, TARGETS) for p in programs]
    return dict(zip(NAMES, check_unit(programs, codes, "run", "keep", TARGETS, workdir), strict=True))


def kernel(name: str, *lines: str) -> Program:
    text = "\n    ".join(["i = wp.tid()", *lines])
    source = f"\n@wp.kernel\ndef {name}(x: wp.array(dtype=float), y: wp.array(dtype=float)):\n    {text}\n"
    return program(name, source, ramp("x"), out("y"))


def test_right_programs_are_kept_with_small_evidence(judged: Judged) -> None:
    """Each check leaves a verdict, that of the CUDA text in its own row; all of it fits 800 bytes."""
    for name, targets in judged.items():
        for target, judgement in targets.items():
            assert judgement.verified is not None, (name, judgement)
            checks = CHECKS if target == "cuda" else CHECKS[:-1]
            assert list(judgement.verified.verdicts) == list(checks), (name, target)
            assert len(msgspec.json.encode(judgement.verified)) < 800


def test_gradients_are_told_apart(judged: Judged) -> None:
    """A right adjoint passes, a missing one is not differentiable, a maximum's is known to be wrong."""
    verdicts = {
        name: (targets["cpu"].verified or UNVERIFIED).gradient.verdict for name, targets in judged.items()
    }
    assert "pass" == verdicts["scale"] == verdicts["integrate"] == verdicts["rigid"] == verdicts["matmul"]
    assert verdicts["collatz"] == "not differentiable"
    assert verdicts["histogram"] == "wrong"


def test_a_target_alone_is_judged_as_with_the_other(judged: Judged, workdir: Path) -> None:
    """`--target cpu`, `cuda` and `both` give the same rows."""
    programs = [BY_NAME[name] for name in NAMES[:3]]
    for target in TARGETS:
        codes = [lower(p, (target,)) for p in programs]
        alone = check_unit(programs, codes, "run", "keep", (target,), workdir)
        assert [judged[name][target] for name in NAMES[:3]] == [judgement[target] for judgement in alone]


def with_fault(p: Program, function: str, old: str, new: str) -> dict[Target, Code]:
    """The C++ of a program with something replaced in its `forward` or `backward` function."""
    code = lower(p, ("cpu",))["cpu"]
    start, stop = getattr(code, function)
    assert old in code.text[start:stop]
    return {
        "cpu": Code(
            code.text[:start] + code.text[start:stop].replace(old, new, 1) + code.text[stop:], (0, 0), (0, 0)
        )
    }


def test_small_faults_are_caught(workdir: Path) -> None:
    """A wrong coefficient of a small term shows in values and in the adjoint; unchanged, it passes."""
    p = kernel("small_term", "y[i] = wp.sin(x[i]) + 0.0005 * x[i] * x[i]")
    faults = [("forward", "", ""), ("forward", "0.0005", "0.0006"), ("backward", "0.0005", "0.0009")]
    codes = [with_fault(p, *fault) for fault in faults]
    made = check_unit([p] * 3, codes, "run", "keep", ("cpu",), workdir)
    assert [judgement["cpu"].reason for judgement in made] == ["", "forward", "gradient"]


def test_an_adjoint_that_is_wrong_at_some_inputs_is_caught(workdir: Path) -> None:
    """It takes the wrong branch between two bounds where the first draw has no input, and others do."""
    p = kernel("seldom", "v = x[i]", "if v > 0.985:", "    v = 3.0 * v", "y[i] = v")
    codes = [with_fault(p, *fault) for fault in (("backward", "", ""), ("backward", "0.985", "0.995"))]
    made = check_unit([p] * 2, codes, "run", "keep", ("cpu",), workdir)
    assert [judgement["cpu"].reason for judgement in made] == ["", "gradient"]


POISON = {
    "far": ("bounds", kernel("far", "y[i] = x[i * 1000000]")),
    "near": ("bounds", kernel("near", "y[i] = x[i + 1]")),
    "not_finite": ("not finite", kernel("not_finite", "y[i] = wp.log(x[i] - 5.0)")),
    "blind": ("blind", kernel("blind", "y[i] = float(i) + 0.0 * x[0]")),
    "divides": ("division", kernel("divides", "y[i] = x[i] + float(i / (i - i))")),
    "hangs": (
        "timeout",
        kernel("hangs", "n = float(1.0)", "while n > 0.0:", "    n = n + 0.0", "y[i] = x[i] + n"),
    ),
}


def test_poison_costs_itself_alone(judged: Judged, workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs that break in every way are dropped by reason; the rest keeps its evidence."""
    monkeypatch.setattr(isolation, "ITEM_SECONDS", 3.0)
    good = NAMES[:3]
    programs = [BY_NAME[good[0]], *(p for _, p in POISON.values()), BY_NAME[good[1]], BY_NAME[good[2]]]
    codes = [lower(p, ("cpu",)) for p in programs]
    made = check_unit(programs, codes, "run", "keep", ("cpu",), workdir)
    found = {p.name: judgement["cpu"] for p, judgement in zip(programs, made, strict=True)}
    assert {name: reason for name, (reason, _) in POISON.items()} == {
        name: found[name].reason for name in POISON
    }
    assert [judged[name]["cpu"] for name in good] == [found[name] for name in good]


def test_compilers_name_the_guilty(workdir: Path) -> None:
    """Of a unit with two broken texts those two fail: a wrong name, and a function that nobody defines."""
    programs = [BY_NAME[name] for name in NAMES[:5]]
    texts = {i: lower(p, ("cpu",))["cpu"].text for i, p in enumerate(programs)}
    texts[0] = texts[0].replace("wp::mul(", "wp::no_such_thing(", 1)
    place = texts[4].index("template <bool wp_linear_contiguous>")
    called = texts[4].replace("// forward", "nowhere(1.0f);\n    // forward", 1)
    texts[4] = called[:place] + "float nowhere(float);\n" + called[place:]
    failures = Compiler(workdir).compile("cpu", texts).failures
    assert {0, 4} == set(failures)
    assert "no_such_thing" in failures[0].error


def test_precompiled_headers_are_made_once(workdir: Path) -> None:
    """The other target's leave what they were made of as it was: clang would make them anew in each child."""
    codes = lower(BY_NAME["scale"], TARGETS)
    compiler = Compiler(workdir / "once")
    (workdir / "once").mkdir(parents=True)
    compiler.compile("cpu", {0: codes["cpu"].text})
    used = [
        *compiler.headers.iterdir(),
        *(path for path in compiler.kept.folder.rglob("*") if path.is_file()),
    ]
    made = {path: path.stat().st_mtime_ns for path in used}
    compiler.compile("cuda", {0: codes["cuda"].text})
    assert {path.suffix for path in made} == {".h", ".pch"}
    assert made == {path: path.stat().st_mtime_ns for path in made}


UNDEFINED = """
_SNIPPET = "float nowhere(float); out[i] = nowhere(a);"


@wp.func_native(snippet=_SNIPPET)
def calls(a: float, out: wp.array(dtype=float), i: int):
    ...


@wp.kernel
def undefined(x: wp.array(dtype=float), y: wp.array(dtype=float)):
    i = wp.tid()
    calls(x[i], y, i)
"""

GREEDY = """
@wp.kernel
def greedy(x: wp.array(dtype=float), y: wp.array(dtype=float)):
    i = wp.tid()
    held = wp.tile_load(x, shape=SIZE, offset=i * SIZE, storage="shared")
    wp.tile_store(y, held, offset=i * SIZE)
"""


def test_what_compilers_let_through_is_dropped(workdir: Path) -> None:
    """At level compile: a function that nobody defines, and more shared memory than any block can have.

    Forward and backward take 8 bytes an element; the C++ of the greedy kernel is as good as any.
    """
    fits, greedy = 28 << 10, 32 << 10
    programs = [
        program("undefined", UNDEFINED, ramp("x"), out("y")),
        *(
            program(
                "greedy",
                GREEDY.replace("SIZE", str(size)),
                ramp("x", shape=(size,)),
                out("y", shape=(size,)),
                dim=(1,),
                tiled=True,
            )
            for size in (fits, greedy)
        ),
        BY_NAME["native"],
    ]
    codes = [lower(p, TARGETS) for p in programs]
    undefined, fitting, over, native = check_unit(programs, codes, "compile", "keep", TARGETS, workdir)
    assert {"cpu compile", "cuda compile"} == {judgement.reason for judgement in undefined.values()}
    errors = [judgement.error for judgement in undefined.values()]
    assert all("nowhere" in error for error in errors), errors
    assert [made["cuda"].reason for made in (fitting, over, native)] == ["", "cuda shared memory", ""]
    assert [made["cpu"].reason for made in (fitting, over, native)] == ["", "", ""]


def test_the_syntax_check_decides_as_warps_own_nvrtc(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NVRTC's device syntax check accepts and refuses what Warp's NVRTC does on its way to PTX."""
    monkeypatch.setenv("TMPDIR", str(workdir))  # where NVRTC keeps headers until this process ends
    workdir.mkdir(exist_ok=True)
    text = lower(BY_NAME["scale"], ("cuda",))["cuda"].text
    faults = [
        ("", ""),
        ("wp::mul(", "wp::mull("),
        ("var_1", "var_one"),
        (");\n", ")\n"),
        ("wp::sin(", "wp::sin(1, "),
    ]
    for number, (old, new) in enumerate(faults):
        changed = text.replace(old, new, 1) if old else text
        accepted, _ = nvrtc.check(changed, f"f{number}.cu", workdir)
        source = workdir / f"f{number}.cu"
        source.write_text(changed)
        with warp_api.silenced():
            try:
                build.build_cuda(str(source), 90, str(workdir / f"f{number}.ptx"), pch_dir=str(workdir))
                expected = True
            except Exception:
                expected = False
        assert expected == accepted, (old, new)


SCRIPT = """
import sys
from pathlib import Path
import msgspec
from tests.support.corpus import BY_NAME
from warpgen.errors import ProgramError
from warpgen.extraction import warp_api
from warpgen.extraction.codegen import lower
from warpgen.synthesis.generator import Options, synthesize
from warpgen.verification import check_unit
folder = Path(sys.argv[1])
warp_api.start(folder / "kernels")
programs = [BY_NAME[n] for n in ("scale", "rigid", "walk")]
codes = [lower(p, ("cpu",)) for p in programs]
for index in range(24):
    try:
        p = synthesize(0, index, Options())
        codes.append(lower(p, ("cpu",)))
        programs.append(p)
    except ProgramError:
        continue
made = check_unit(programs, codes, "run", "keep", ("cpu",), folder / "checks")
sys.stdout.buffer.write(msgspec.json.encode(made))
"""


def test_evidence_does_not_depend_on_the_host(tmp_path: Path) -> None:
    """A processor without wide vectors and fused products, and memory with other leavings, bring the same.

    Of programs by hand and of the first that the default recipe makes.
    """
    masked = {
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX512F",
        "MALLOC_PERTURB_": "85",  # memory that nobody set holds something else
        "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512_SKX AVX512_ICL AVX512_SPR X86_V3 X86_V4",
    }
    made = []
    for number, setting in enumerate(({}, masked)):
        folder = tmp_path / str(number)
        folder.mkdir()
        done = python("-W", "ignore", "-c", SCRIPT, folder, env=setting)
        assert done.returncode == 0, done.stderr
        made.append(done.stdout)
    assert made[0] == made[1]
    kept = [unit["cpu"] for unit in msgspec.json.decode(made[0]) if unit["cpu"]["verified"] is not None]
    assert len(kept) >= 16
    assert all(judgement["verified"]["forward"]["verdict"] == "pass" for judgement in kept)


def test_all_of_the_corpus_compiles(workdir: Path) -> None:
    """At level compile every program of the corpus is kept, with nothing said of a run."""
    codes = [lower(p, TARGETS) for p in PROGRAMS]
    made = check_unit(PROGRAMS, codes, "compile", "keep", TARGETS, workdir)
    assert [{"compile": "pass"}] * len(PROGRAMS) * 2 == [
        j.verified and j.verified.verdicts for made_of in made for j in made_of.values()
    ]
