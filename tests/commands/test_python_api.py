"""`import warpgen`: reading rows, running them, and judging other people's kernels by them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import warpgen
from tests.support.commands import REPOSITORY
from tests.support.reporting_root import CIRCUMSTANCES
from warpgen.errors import DamageError, UsageError, VerificationError
from warpgen.reasons import Reason
from warpgen.recipe import Recipe
from warpgen.record import UNVERIFIED, Target
from warpgen.reporting.manifest import write_manifest
from warpgen.verification.bench.candidate import Draw, Slopes, conclude
from warpgen.verification.native.isolation import Died

SAMPLES = REPOSITORY / "data" / "samples"
CPU, CUDA = SAMPLES / "cpu_sample.jsonl", SAMPLES / "cuda_sample.jsonl"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with ten kernels, whose CUDA rows are the CPU rows under another name."""
    lines = CPU.read_text().splitlines(keepends=True)[:10]
    other = [
        line.replace('-cpu"', '-cuda"', 1).replace('"target":"cpu"', '"target":"cuda"') for line in lines
    ]
    for target, text in (("cpu", lines), ("cuda", other)):
        folder = tmp_path / "data" / f"production_{target}"
        folder.mkdir(parents=True)
        (folder / f"{target}_code_dataset.jsonl").write_text("".join(text))
        _describe(tmp_path, "cpu" if target == "cpu" else "cuda")
    return tmp_path


def _describe(root: Path, target: Target) -> None:
    write_manifest(root, target, Recipe(size=None, rows=10), CIRCUMSTANCES, {}, [])


@pytest.mark.parametrize("whole", [False, True])
def test_importing_and_opening_loads_neither_warp_nor_numpy(root: Path, whole: bool) -> None:
    """`import warpgen` and reading rows of a file or a root stay light."""
    code = f"import sys, warpgen; warpgen.open({str(root if whole else CPU)!r}).first(); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=REPOSITORY
    )
    assert done.returncode == 0, done.stderr
    assert {"warp", "numpy", "rich"}.isdisjoint(done.stdout.split())


def test_a_root_gives_the_rows_of_both_targets(root: Path) -> None:
    """All rows of all finished datasets, again at every iteration."""
    rows = warpgen.open(root)
    assert [row.target for row in rows] == ["cpu"] * 10 + ["cuda"] * 10
    assert len(list(rows)) == 20
    assert rows[f"{rows.first().kernel_id}-cuda"].target == "cuda"


def test_filters_agree_with_the_rows(root: Path) -> None:
    """Each filter keeps exactly the rows that a plain look at the JSON keeps; filters add up."""
    plain = [json.loads(line) for line in CPU.read_text().splitlines()]
    rows = warpgen.open(CPU)
    category = plain[0]["category"]
    assert [r.id for r in rows.filter(category=category)] == [
        r["id"] for r in plain if r["category"] == category
    ]
    builtin = plain[0]["features"]["builtins"][0]
    kept = [r["id"] for r in plain if builtin in r["features"]["builtins"]]
    assert [r.id for r in rows.filter(feature=builtin)] == kept
    loops = [r["id"] for r in plain if r["features"]["loops"]]
    assert 0 < len(loops) < len(plain)
    assert [r.id for r in rows.filter(feature="loops")] == loops
    both = rows.filter(feature="loops").filter(lambda row: row.features.branches > 0)
    assert [r.id for r in both] == [
        r["id"] for r in plain if r["features"]["loops"] and r["features"]["branches"]
    ]
    passed = [r["id"] for r in plain if r["verified"]["gradient"]["verdict"] == "pass"]
    assert [r.id for r in rows.filter(verdict={"gradient": "pass"})] == passed


def test_pairs_join_the_two_targets_of_a_kernel(root: Path) -> None:
    """Every kernel with both rows comes once, whatever the order of the CUDA rows."""
    path = root / "data" / "production_cuda" / "cuda_code_dataset.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(reversed(lines[1:])))
    _describe(root, "cuda")
    pairs = list(warpgen.open(root).pairs())
    assert len(pairs) == 9
    for cpu, cuda in pairs:
        assert (cpu.target, cuda.target) == ("cpu", "cuda")
        assert (cpu.kernel_id, cpu.python_source) == (cuda.kernel_id, cuda.python_source)


def test_what_cannot_be_read_is_named(root: Path, tmp_path: Path) -> None:
    """A missing path, an empty root, a damaged line and an unknown name each say what is wrong."""
    with pytest.raises(UsageError, match="no file or folder"):
        warpgen.open(tmp_path / "nothing")
    with pytest.raises(UsageError, match=r"python -m warpgen\.harvest"):
        warpgen.open(root, origin="harvest")
    path = root / "data" / "production_cpu" / "cpu_code_dataset.jsonl"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DamageError, match=r"cpu_code_dataset\.jsonl has \d+ bytes"):
        warpgen.open(root)
    with pytest.raises(DamageError, match=r"line 10 of cpu_code_dataset\.jsonl"):
        list(warpgen.open(path))
    with pytest.raises(KeyError):
        warpgen.open(CPU)["s0-0-nothing"]
    with pytest.raises(UsageError, match=r"no check 'gradiant': the checks are compile, bounds"):
        warpgen.open(CPU).filter(verdict={"gradiant": "pass"})
    with pytest.raises(AttributeError):
        warpgen.nothing  # noqa: B018


SAME = Draw(0.0, 1e-6, "y", Slopes("same"))


@pytest.mark.parametrize(
    ("draws", "exact", "outputs", "gradients"),
    [
        ([SAME] * 3, True, "same", "same"),
        ([SAME, Died(Reason.SEGFAULT, "own: SIGSEGV"), SAME], True, "same", "same"),
        ([SAME, Died(Reason.SEGFAULT, "candidate: SIGSEGV"), SAME], True, "different", "not run"),
        ([SAME, Draw(0.01, 0.0, "y", Slopes("same"))], True, "different", "not run"),
        ([SAME, Draw(0.01, 0.0, "y", Slopes("same"))], False, "same", "same"),
        ([Draw(0.01, 0.0, "y", Slopes("same"))] * 2, False, "different", "not run"),
        ([SAME, Draw(0.0, 0.0, "y", Slopes("different", 0.01))], True, "same", "same"),
        ([SAME, Draw(0.0, 0.0, "y", Slopes("different", 0.5))], True, "same", "different"),
        ([Draw(0.0, 0.0, "y", Slopes("different", 0.01))] * 2, True, "same", "different"),
        ([SAME, Draw(0.0, 0.0, "y", Slopes("not judged"))], True, "same", "not judged"),
    ],
)
def test_draws_make_one_finding(draws: list[Draw | Died], exact: bool, outputs: str, gradients: str) -> None:
    """Few elements may differ near a branch, in some draws; a candidate's death is its own."""
    found = conclude(draws, exact)
    assert (found.outputs, found.gradients) == (outputs, gradients)


def test_a_row_that_does_not_run_judges_nobody() -> None:
    """When the row's own kernel dies at once there is no verdict."""
    with pytest.raises(VerificationError, match="the row itself does not run: segfault: SIGSEGV"):
        conclude([Died(Reason.SEGFAULT, "own: SIGSEGV")], exact=True)


SOURCE = """import warp as wp


@wp.kernel
def blend(a: wp.array(dtype=float), b: wp.array(dtype=float), w: float, y: wp.array(dtype=float)):
    i = wp.tid()
    d = a[i] - b[i]
    y[i] = wp.sin(d) * 2.0 + w * b[i]
"""


@pytest.fixture(scope="module")
def row() -> warpgen.Row:
    """The row of a small kernel."""
    return row_of(SOURCE)


def row_of(source: str) -> warpgen.Row:
    """The row of a kernel `blend` with the arguments of the one above."""
    from warpgen.extraction.codegen import lower
    from warpgen.extraction.features import inspect_source
    from warpgen.launch import Argument, Fill, Launch
    from warpgen.program import Program
    from warpgen.record import Provenance

    args = (
        Argument("a", "array(float32)", "input", (Fill("a", "uniform", shape=(32,), low=-1.0),)),
        Argument("b", "array(float32)", "input", (Fill("b", "uniform", shape=(32,), low=-1.0),)),
        Argument("w", "float32", "param", (Fill("w", "constant", value=0.5),)),
        Argument("y", "array(float32)", "output", (Fill("y", "constant", shape=(32,)),)),
    )
    program = Program(0, 0, "test", "blend", source, args, Launch((32,), 1))
    code = lower(program, ("cpu",))["cpu"]
    seen = inspect_source(source, "blend", [a.type for a in args])
    return warpgen.Row(
        id="s0-0-0123abcd-cpu",
        kernel_id="s0-0-0123abcd",
        target="cpu",
        category="test",
        name="blend",
        python_source=source,
        code=code.text,
        forward=code.forward,
        backward=code.backward,
        args=args,
        launch=program.launch,
        features=seen.features,
        source_hash=seen.source_hash,
        structure_hash=seen.structure_hash,
        split="train",
        summary="Does nothing.",
        verified=UNVERIFIED,
        provenance=Provenance("synthesis", 0, 0, "", "", "Apache-2.0"),
    )


@pytest.mark.slow
def test_a_run_gives_values_and_gradients(row: warpgen.Row) -> None:
    """Outputs and gradients are those of the formula."""
    run = row.run()
    a, b, g = run.inputs["a"], run.inputs["b"], run.cotangents["y"]
    np.testing.assert_allclose(run.outputs["y"], np.sin(a - b) * 2.0 + 0.5 * b, rtol=1e-5)
    np.testing.assert_allclose(run.gradients["a"], 2.0 * np.cos(a - b) * g, rtol=1e-4)
    np.testing.assert_allclose(run.gradients["b"], (0.5 - 2.0 * np.cos(a - b)) * g, rtol=1e-4, atol=1e-5)


RIGHT = {
    "itself": SOURCE,
    "renamed and reordered": """import warp as wp

@wp.kernel
def other(x: wp.array(dtype=float), z: wp.array(dtype=float), k: float, out: wp.array(dtype=float)):
    t = wp.tid()
    part = k * z[t]
    s = wp.sin(x[t] + (-z[t]))
    out[t] = part + (s + s)
""",
}
WRONG = {
    "sign": SOURCE.replace("a[i] - b[i]", "a[i] + b[i]"),
    "constant": SOURCE.replace("2.0", "2.01"),
    "index": SOURCE.replace("w * b[i]", "w * b[0]"),
    "function": SOURCE.replace("wp.sin", "wp.tan"),
    "nothing stored": SOURCE.replace("    y[i] =", "    z ="),
    "endless": SOURCE.replace("    d = a", "    while w < 1.0:\n        w = wp.min(w, 0.5)\n    d = a"),
    "far away": SOURCE.replace("y[i] =", "y[i + 100000000] ="),
}


@pytest.mark.slow
def test_right_kernels_are_told_from_wrong_ones(row: warpgen.Row) -> None:
    """Rewrites that change nothing but rounding are right, whatever else is wrong."""
    for name, source in RIGHT.items():
        found = row.check(source)
        assert found.right and found.gradients == "same", (name, found)
    for name, source in WRONG.items():
        assert not row.check(source).right, name


@pytest.mark.slow
def test_what_is_no_kernel_for_the_row_does_not_compile(row: warpgen.Row) -> None:
    """Other arguments, forbidden imports, two kernels and plain nonsense are refused with a reason."""
    for source, why in (
        (SOURCE.replace("w: float", "w: int"), "argument 3"),
        ("import os\n" + SOURCE, "not allowed"),
        (SOURCE + SOURCE.split("\n\n", 1)[1].replace("blend", "second"), "one kernel"),
        ("def", "no Python"),
        (SOURCE.replace("wp.sin(d)", "wp.sin(d, d)"), "sin"),
    ):
        found = row.check(source)
        assert not found.compiles and why in found.why, (source, found)


@pytest.mark.slow
def test_a_local_that_is_not_set_is_not_right_by_luck() -> None:
    """The row's own kernel, run a moment before, leaves the right value at its place on the stack."""
    row = row_of(SOURCE.replace("    d = a", "    f = w + 1.0\n    d = a").replace("2.0", "f"))
    assert row.check(row.code, "cpp").right
    start, stop = row.forward
    lost, count = re.subn(r"var_\d+ = wp::add\(var_w, var_\d+\);", "", row.code[start:stop])
    assert count == 1
    found = row.check(row.code[:start] + lost + row.code[stop:], "cpp")
    assert (found.compiles, found.outputs) == (True, "different")


@pytest.mark.slow
def test_cpp_is_compared_and_cuda_compiled(row: warpgen.Row) -> None:
    """C++ is run with its adjoint; of CUDA only the compiler's verdict is told."""
    assert row.check(row.code, "cpp").right
    forward, backward = slice(*row.forward), slice(*row.backward)
    wrong = row.code.replace(row.code[forward], row.code[forward].replace("wp::sub(", "wp::add("))
    assert row.check(wrong, "cpp").outputs == "different"
    wrong = row.code.replace(row.code[backward], row.code[backward].replace("adj_sin(", "adj_cos("))
    found = row.check(wrong, "cpp")
    assert (found.outputs, found.gradients, found.right) == ("same", "different", False)
    assert row.check(wrong, "cpp", gradients=False).right
    start = 'extern "C" int system(const char*);\n'
    called = row.code.replace("        var_0 = builtin", '        system("true");\n        var_0 = builtin')
    called = called.replace("    var_0 = builtin", '    system("true");\n    var_0 = builtin', 1)
    found = row.check(called.replace("#define builtin_tid1d", start + "#define builtin_tid1d", 1), "cpp")
    assert not found.compiles and "may not call system" in found.why, found
    assert "Warp's headers" in row.check("#include <stdio.h>\n" + row.code, "cpp").why
    cuda = warpgen.open(CUDA).first()
    found = cuda.check(cuda.code, "cuda")
    assert (found.compiles, found.outputs, found.right) == (True, "not run", False)
    assert not cuda.check(cuda.code.replace("wp::tid", "wp::nothing"), "cuda").compiles


@pytest.mark.slow
def test_an_altered_row_is_not_run(row: warpgen.Row) -> None:
    """A row whose code does not come from its source is refused before anything runs."""
    import msgspec

    with pytest.raises(VerificationError, match="altered"):
        msgspec.structs.replace(row, code=row.code + "\n").run()
    with pytest.raises(VerificationError, match="not allowed"):
        msgspec.structs.replace(row, python_source="import os\n" + SOURCE).run()
