"""`python -m warpgen.verify` names exactly the rows whose stored verdict does not hold."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import msgspec
import pytest

from tests.support.alterations import ALTERED, BAD, Change, Row, named
from tests.support.commands import python
from tests.support.corpus.writing import out, program, ramp
from tests.support.roots import made_root
from warpgen.extraction.codegen import lower
from warpgen.extraction.features import inspect_source
from warpgen.paths import dataset_path, manifest_path
from warpgen.program import Program
from warpgen.record import TARGETS
from warpgen.split import split_of


@pytest.fixture(scope="module")
def root() -> Path:
    """Two small datasets at level run."""
    return made_root("--rows", "6", "--complexity", "small", "--verify", "run", "--workers", "1")


@pytest.fixture(scope="module")
def datasets(root: Path) -> dict[str, list[str]]:
    """The lines of the datasets, by target."""
    return {t: dataset_path(root, t).read_text().splitlines() for t in TARGETS}


@pytest.fixture(scope="module")
def lines(datasets: dict[str, list[str]]) -> list[str]:
    return datasets["cpu"]


def test_a_finished_file_holds(lines: list[str], tmp_path: Path) -> None:
    """Every stored verdict of an untouched file is found again; a sample of it too."""
    dataset = tmp_path / "rows.jsonl"
    dataset.write_text("\n".join(lines) + "\n")
    done = python("-m", "warpgen.verify", str(dataset), "--sample", "3", "--workers", "1")
    assert (done.returncode, done.stdout) == (0, "3 rows: 3 holds, 0 invalid, 0 altered, 0 refuted\n")


def test_a_root_is_verified_file_by_file(root: Path, tmp_path: Path) -> None:
    """A folder stands for the datasets in it, also for one that is not its manifest's or has none."""
    copy = shutil.copytree(root, tmp_path / "root")
    done = python("-m", "warpgen.verify", str(copy), "--workers", "1", "--level", "none")
    holds = "6 rows: 6 holds, 0 invalid, 0 altered, 0 refuted"
    told = [line for target in TARGETS for line in (f"{dataset_path(copy, target)}:", holds)]
    assert (done.returncode, done.stdout.splitlines()) == (0, told)
    data = dataset_path(copy, "cuda").read_bytes()
    dataset_path(copy, "cuda").write_bytes(b"{}" + data[2:])
    done = python("-m", "warpgen.verify", str(copy), "--workers", "1", "--level", "none")
    assert (done.returncode, done.stdout.splitlines()[:3]) == (1, told[:3])
    assert "1 invalid" in done.stdout
    assert "checksums differ" in done.stdout
    manifest_path(copy, "cuda").unlink()
    done = python("-m", "warpgen.verify", str(copy), "--workers", "1", "--level", "none")
    assert done.returncode == 2
    assert "without manifests/cuda_manifest.json" in done.stderr
    done = python("-m", "warpgen.verify", str(copy / "data"), "--workers", "1")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no finished dataset under" in done.stderr


@pytest.mark.parametrize(
    ("target", "changes"),
    [("cpu", ALTERED), ("cuda", ALTERED), ("cpu", BAD)],
    ids=["altered", "altered cuda", "bad"],
)
def test_exactly_the_changed_rows_are_named(
    datasets: dict[str, list[str]], tmp_path: Path, target: str, changes: list[Change]
) -> None:
    """Rows altered in more than twenty ways, and what is no row, get a verdict each; the others hold."""
    lines, text = datasets[target], []
    for number, (change, value, _) in enumerate(changes):
        row = json.loads(lines[number % (len(lines) - 1)])
        change(row, value)
        text.append(json.dumps(row))
    text += [lines[-1], lines[0], lines[-1][:100]]
    dataset = tmp_path / "rows.jsonl"
    dataset.write_text("\n".join(text) + "\n")
    before = sorted(tmp_path.rglob("*"))
    done = python("-m", "warpgen.verify", str(dataset), "--workers", "1")
    expected = {i + 1: verdict for i, (_, _, verdict) in enumerate(changes)} | {len(text): "invalid"}
    assert (1, expected) == (done.returncode, named(done.stdout)), done.stdout
    assert before == sorted(tmp_path.rglob("*"))


def made(p: Program, like: Row) -> Row:
    """A row of somebody's own program, right in all but that it claims what `like` was found to be."""
    types = [argument.type for argument in p.args]
    found = inspect_source(p.source, p.name, types)
    code = lower(p, ("cpu",))["cpu"]
    own = {
        "id": "mine-cpu",
        "kernel_id": "mine",
        "name": p.name,
        "python_source": p.source,
        "code": code.text,
        "forward": code.forward,
        "backward": code.backward,
        "args": p.args,
        "launch": p.launch,
        "features": found.features,
        "source_hash": found.source_hash,
        "structure_hash": found.structure_hash,
        "split": split_of(found.structure_hash),
        "provenance": {**like["provenance"], "origin": "harvest"},
    }
    return {**like, **json.loads(msgspec.json.encode(own))}


def test_a_program_that_never_ends_is_invalid(lines: list[str], tmp_path: Path) -> None:
    """A row whose kernel hangs is told as such, whatever it claims, and the row behind it is checked."""
    source = """

@wp.kernel
def hangs(x: wp.array(dtype=float), y: wp.array(dtype=float)):
    i = wp.tid()
    n = float(1.0)
    while n > 0.0:
        n = n + 0.0
    y[i] = x[i] + n
"""
    row = made(program("hangs", source, ramp("x"), out("y")), json.loads(lines[0]))
    dataset = tmp_path / "rows.jsonl"
    dataset.write_text(json.dumps(row) + "\n" + lines[0] + "\n")
    done = python("-m", "warpgen.verify", str(dataset), "--workers", "1")
    assert (done.returncode, named(done.stdout)) == (1, {1: "invalid"}), done.stdout
    assert "timeout" in done.stdout


def test_a_native_function_cannot_start_programs(lines: list[str], tmp_path: Path) -> None:
    """C++ that leaves its function to declare one of the C library is not run."""
    mark = tmp_path / "mark"
    touch = json.dumps(f"touch {shlex.quote(str(mark))}", ensure_ascii=False)  # also a literal of C++
    source = f"""
declares = '''
}} extern "C" int system(const char*); inline void other() {{
'''
calls = r'''
system({touch});
'''

@wp.func_native(declares)
def first(x: wp.array(dtype=float)):
    ...

@wp.func_native(calls)
def second(x: wp.array(dtype=float)):
    ...

@wp.kernel
def starts(x: wp.array(dtype=float), y: wp.array(dtype=float)):
    i = wp.tid()
    first(x)
    second(x)
    y[i] = x[i]
"""
    row = made(program("starts", source, ramp("x"), out("y")), json.loads(lines[0]))
    dataset = tmp_path / "rows.jsonl"
    dataset.write_text(json.dumps(row) + "\n")
    done = python("-m", "warpgen.verify", str(dataset), "--workers", "1")
    assert "a kernel may not call system" in done.stdout, done.stdout
    assert not mark.exists()


def test_no_file_is_a_usage_error(tmp_path: Path) -> None:
    """A path that names nothing is answered with one sentence."""
    done = python("-m", "warpgen.verify", str(tmp_path / "none"))
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
