"""`python -m warpgen.verify` names exactly the rows whose stored verdict does not hold."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from corpus import out, program, ramp

from warpgen.extraction.codegen import lower
from warpgen.extraction.features import inspect_source
from warpgen.production.split import split_of
from warpgen.synthesis.program import Program

pytestmark = pytest.mark.slow
Row = dict[str, Any]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, start_new_session=True)


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A small CPU dataset at level run."""
    root = tmp_path_factory.mktemp("root")
    options = (
        "--rows",
        "6",
        "--target",
        "cpu",
        "--complexity",
        "small",
        "--verify",
        "run",
        "--workers",
        "1",
    )
    done = run("warpgen.run", "--root", str(root), *options)
    assert done.returncode == 0, done.stderr
    return (root / "data/production_cpu/cpu_code_dataset.jsonl").read_text().splitlines()


def test_a_finished_file_holds(lines: list[str], tmp_path: Path) -> None:
    """Every stored verdict of an untouched file is found again; a sample of it too."""
    dataset = tmp_path / "rows.jsonl"
    dataset.write_text("\n".join(lines) + "\n")
    done = run("warpgen.verify", str(dataset), "--sample", "3", "--workers", "1")
    assert (done.returncode, done.stdout) == (0, "3 rows: 3 holds, 0 invalid, 0 altered, 0 refuted\n")


def put(*path: str) -> Callable[[Row, Any], None]:
    def change(row: Row, value: Any) -> None:
        for name in path[:-1]:
            row = row[name]
        row[path[-1]] = value

    return change


def drop(*path: str) -> Callable[[Row, Any], None]:
    def change(row: Row, value: Any) -> None:
        for name in path[:-1]:
            row = row[name]
        del row[path[-1]]

    return change


def swap(row: Row, value: tuple[str, str]) -> None:
    """Other Python in the source."""
    old, new = value
    assert old in row["python_source"]
    row["python_source"] = row["python_source"].replace(old, new, 1)


def fault(row: Row, value: str) -> None:
    """Drop a statement from the generated code."""
    start = row["forward"][0]
    place = row["code"].index(value, start)
    row["code"] = row["code"][:place] + " " * len(value) + row["code"][place + len(value) :]


def grow(row: Row, value: Any) -> None:
    """Ask for ten GiB of input."""
    for argument in row["args"]:
        shape = argument["fill"].get("shape")
        if shape:
            argument["fill"]["shape"] = [1 << 32] + [1] * (len(shape) - 1)


Change = tuple[Callable[[Row, Any], None], Any, str]

ALTERED: list[Change] = [
    (put("code"), "int x;", "altered"),
    (fault, "builtin_tid", "altered"),
    (put("forward"), [0, 10], "altered"),
    (put("backward"), [0, 10], "altered"),
    (put("source_hash"), "0" * 32, "altered"),
    (put("structure_hash"), "0" * 32, "altered"),
    (put("features", "statements"), 1000, "altered"),
    (put("features", "dtypes"), [], "altered"),
    (put("split"), "validation", "altered"),
    (put("category"), "cooking", "altered"),
    (put("id"), "s0-1-cuda", "altered"),
    (put("target"), "cuda", "altered"),
    (put("provenance", "index"), 1 << 20, "altered"),
    (put("launch", "seed"), 12345, "altered"),
    (put("launch", "dim"), [3], "altered"),
    (swap, ("@wp.kernel", "@wp.kernel(enable_backward=False)"), "altered"),
    (put("verified", "compile", "tool"), "a compiler", "refuted"),
    (put("verified", "bounds", "threads"), 1, "refuted"),
    (put("verified", "forward", "digest"), "0" * 16, "refuted"),
    (put("verified", "forward", "error"), 0.5, "refuted"),
    (put("verified", "alive", "inputs"), 99, "refuted"),
    (drop("verified", "alive"), None, "refuted"),
    (put("verified", "gradient", "verdict"), "sound", "refuted"),
]

BAD: list[Change] = [
    (put("foreign"), 1, "invalid"),
    (drop("launch"), None, "invalid"),
    (put("split"), "nowhere", "invalid"),
    (put("name"), "nobody", "invalid"),
    (put("python_source"), "import os\n", "invalid"),
    (put("python_source"), "X = open('f', 'w')\n", "invalid"),
    (put("python_source"), "import warp as wp\nX = sum(range(10 ** 14))\n", "invalid"),
    (swap, ("wp.tid()", "wp.no_such_thing()"), "invalid"),
    (grow, None, "invalid"),
]


def named(output: str) -> dict[int, str]:
    """Verdicts by line number, of the lines that were named."""
    found = {}
    for line in output.splitlines()[:-1]:
        place, _, verdict = (part.strip() for part in line.split(":")[:3])
        found[int(place.removeprefix("line "))] = verdict
    return found


@pytest.mark.parametrize("changes", [ALTERED, BAD], ids=["altered", "bad"])
def test_exactly_the_changed_rows_are_named(lines: list[str], tmp_path: Path, changes: list[Change]) -> None:
    """Rows altered in more than twenty ways, and what is no row, get a verdict each; the others hold."""
    text = []
    for number, (change, value, _) in enumerate(changes):
        row = json.loads(lines[number % (len(lines) - 1)])
        change(row, value)
        text.append(json.dumps(row))
    text += [lines[-1], lines[0], lines[-1][:100]]
    dataset = tmp_path / "rows.jsonl"
    dataset.write_text("\n".join(text) + "\n")
    before = sorted(tmp_path.rglob("*"))
    done = run("warpgen.verify", str(dataset), "--workers", "1")
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
    done = run("warpgen.verify", str(dataset), "--workers", "1")
    assert (done.returncode, named(done.stdout)) == (1, {1: "invalid"}), done.stdout
    assert "timeout" in done.stdout


def test_a_native_function_cannot_start_programs(lines: list[str], tmp_path: Path) -> None:
    """C++ that leaves its function to declare one of the C library is not run."""
    mark = tmp_path / "mark"
    source = f"""
declares = '''
}} extern "C" int system(const char*); inline void other() {{
'''
calls = '''
system("touch {mark}");
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
    done = run("warpgen.verify", str(dataset), "--workers", "1")
    assert "a kernel may not call system" in done.stdout, done.stdout
    assert not mark.exists()


def test_no_file_is_a_usage_error(tmp_path: Path) -> None:
    """A path that names nothing is answered with one sentence."""
    done = run("warpgen.verify", str(tmp_path / "none"))
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
