"""`python -m warpgen.harvest`: other people's kernels become rows that stand alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import warpgen
from tests.support.commands import call
from warpgen.harvesting.finding import find
from warpgen.record import TARGETS
from warpgen.reporting import harvested as harvest

TOOLS = '''
import enum
import warp

class Kind(enum.IntEnum):
    SOFT = 3
    HARD = 5

SCALE = 0.25

@warp.struct
class Body:
    mass: float
    place: warp.vec3

@warp.func
def clamp(x: float, low: float = 0.0):
    """Keep x above low."""
    return warp.max(x, low) * SCALE

@warp.func
def clamp(x: warp.vec3):
    return x * SCALE
'''

KERNELS = """
from typing import Any
import functools
import math
import warp as wp
from . import tools
from .tools import Body, Kind

N = 4
LIMITS = {"far": 9.0}

@wp.func
def _clamp(x: float):
    return x + 1.0

@wp.func
def heavier(body: Body):
    return Body(body.mass + 1.0, body.place)

@wp.kernel
def step(bodies: wp.array(dtype=Body), out: wp.array(dtype=float), total: wp.array(dtype=wp.vec3), mode: int):
    i = wp.tid()
    # how far
    m = tools.clamp(bodies[i].mass) + _clamp(float(math.pi)) + heavier(bodies[i]).mass
    if mode == Kind.HARD:
        for k in range(N):
            m += float(k)
    out[i] = m + wp.static(LIMITS["far"])
    wp.atomic_add(total, 0, tools.clamp(bodies[i].place))

@wp.kernel(enable_backward=False)
def fill(a: wp.array(dtype=Any), value: Any):
    a[wp.tid()] = value

wp.overload(fill, [wp.array(dtype=wp.vec2), wp.vec2])

@wp.kernel
def twice(a: wp.array(dtype=Any), b: wp.array(dtype=Any)):
    i = wp.tid()
    b[i] = a[i] + a[i]

@wp.kernel
def keep(a: wp.array(dtype=Any), limit: Any, b: wp.array(dtype=Any)):
    i = wp.tid()
    m = a[i]
    if m[0, 0] > limit:
        b[i] = m

def make(n):
    @wp.kernel
    def made(a: wp.array(dtype=float)):
        a[wp.tid()] = float(wp.static(n))
    return made

seven = make(7)

def plain(f):
    @functools.wraps(f)
    def called(*args):
        return f(*args)
    return called

@wp.kernel
@plain
def wrapped(a: wp.array(dtype=float)):
    a[wp.tid()] = 8.0

def body(a: wp.array(dtype=float)):
    a[wp.tid()] = 9.0
body.__name__ = "renamed"
renamed = wp.kernel(body)

def never():
    @wp.kernel
    def unmade(a: wp.array(dtype=float)):
        a[wp.tid()] = 0.0
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of two good modules, one that fails and one that ends its process."""
    folder = tmp_path / "people"
    folder.mkdir()
    for name, text in {
        "__init__": "",
        "tools": TOOLS,
        "kernels": KERNELS,
        "broken": "import nothing_of_this_name\nimport warp as wp\n@wp.kernel\ndef k():\n    wp.tid()\n",
        "ends": "import os\nimport warp as wp\nos._exit(3)\n@wp.kernel\ndef k():\n    wp.tid()\n",
    }.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def test_kernels_are_found_without_importing(package: Path) -> None:
    """The text of the files tells kernels, lines and module names."""
    found = find(str(package))
    assert {s.module for s in found.sources} == {"people.kernels", "people.broken", "people.ends"}
    kernels = next(s for s in found.sources if s.module == "people.kernels")
    assert kernels.file == "people/kernels.py"
    assert [name for name, _ in kernels.kernels] == [
        *("step", "fill", "twice", "keep", "wrapped", "made", "body", "unmade")
    ]
    assert find("warp.optim").licence == "Apache-2.0"


def test_a_package_becomes_rows_that_stand_alone(package: Path, tmp_path: Path) -> None:
    """Functions, structs, enums, constants and overloads come along; failures are counted with reasons."""
    root = tmp_path / "root"
    code, output, errors = call("harvest", package, "--root", root)
    assert code == 0, errors
    manifest: dict[str, Any] = json.loads((root / "manifests" / "harvest_manifest.json").read_text())
    (told,) = manifest["packages"]
    assert (told["found"], told["imported"], told["emitted"]) == (10, 7, 7), told
    reasons = {(f["name"], f["reason"]) for f in told["failures"]}
    assert reasons == {("unmade", "not made"), ("", "import")}
    errors_told = [f["error"] for f in told["failures"]]
    assert any("nothing_of_this_name" in error for error in errors_told)
    assert sum("exit" in error for error in errors_told) == 1
    rows = {row.name: row for row in warpgen.open(root, origin="harvest") if row.target == "cpu"}
    assert set(rows) == {"step", "fill", "twice", "keep", "made", "wrapped", "renamed"}
    starts = [KERNELS.splitlines()[rows[name].provenance.line - 1 :][:2] for name in ("wrapped", "renamed")]
    assert starts[0] == ["@wp.kernel", "@plain"] and starts[1][0].startswith("def body(")
    step = rows["step"]
    assert "# how far" in step.python_source and '"""Keep x above low."""' in step.python_source
    assert (
        "LIMITS = {'far': 9.0}" in step.python_source and 'm + wp.static(LIMITS["far"])' in step.python_source
    )
    assert [a.role for a in step.args] == ["input", "output", "inout", "param"]
    assert step.provenance.origin == "harvest" and step.provenance.file == "people/kernels.py"
    assert KERNELS.splitlines()[step.provenance.line - 1] == "@wp.kernel"
    assert step.verified.verdicts == {"compile": "pass", "forward": "pass"}
    assert step.verified.forward.references == "author" and step.launch.dim == (7,)
    ran = step.run()
    assert not (ran.outputs["out"] == ran.inputs["mode"]).all()
    assert [a.type for a in rows["fill"].args] == ["array(vec2f)", "vec2f"]
    assert [a.type for a in rows["keep"].args] == ["array(mat33f)", "float32", "array(mat33f)"]
    assert rows["fill"].backward == (0, 0)
    text = (root / "data" / "harvest" / "cpu_harvest.jsonl").read_text()
    assert str(tmp_path) not in text
    assert call("stats", "--check", "--root", root)[0] == 0
    code, output, _ = call("verify", root / "data" / "harvest" / "cpu_harvest.jsonl", "--workers", "1")
    assert (code, output) == (0, "7 rows: 7 holds, 0 invalid, 0 altered, 0 refuted\n")
    assert call("harvest", package, "--root", root)[0] == 2
    path = root / "data" / "harvest" / "cuda_harvest.jsonl"
    path.write_bytes(path.read_bytes()[:-2] + b" \n")
    code, _, errors = call("stats", "--check", "--root", root)
    assert code == 1 and "cuda_harvest.jsonl" in errors


def test_a_file_need_not_be_a_module(tmp_path: Path) -> None:
    """Scripts find what lies beside them, whatever else has its name; dots and links are no obstacle."""
    kernel = "import warp as wp\n{}\n@wp.kernel\ndef {}(a: wp.array(dtype=float)):\n    a[0] = {}\n"
    for name, text in {
        "one/tests/helper": "X = 1.5",
        "one/tests/main": kernel.format("import helper", "script", "helper.X"),
        "one/more/helper": "Y = 2.5",
        "one/more/main": kernel.format("", "early", "LATE")
        + kernel.format("import helper", "other", "helper.Y"),
        "one/v1.2": kernel.format("", "dotted", "3.5"),
        "one/queue": kernel.format("", "queued", "4.5"),
        "two/linked": kernel.format("", "linked", "5.5"),
    }.items():
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\nLATE = 6.5\n")
    (tmp_path / "one" / "a.py").symlink_to("../two/linked.py")
    code, _, errors = call("harvest", tmp_path / "one", "--verify", "none", "--root", tmp_path / "root")
    assert code == 0, errors
    rows = {r.name: r for r in warpgen.open(tmp_path / "root", origin="harvest") if r.target == "cpu"}
    assert set(rows) == {"script", "early", "other", "dotted", "queued", "linked"}
    assert "wp.constant(1.5)" in rows["script"].python_source
    assert "wp.constant(2.5)" in rows["other"].python_source
    manifest = json.loads((tmp_path / "root" / "manifests" / "harvest_manifest.json").read_text())
    assert manifest["packages"][0]["found"] == 6 and manifest["packages"][0]["failures"] == []


def test_a_harvest_manifest_that_was_changed_is_named(tmp_path: Path) -> None:
    """By its seal, or, where it names a file of its own choice, before that file is looked at."""
    for target in TARGETS:
        path = harvest.dataset_path(tmp_path, target)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"{}\n")
    files = {target: harvest.describe(tmp_path, target) for target in TARGETS}
    told = harvest.Yield(name="p", version="1", licence="MIT", files=1, rows=dict.fromkeys(TARGETS, 1))
    made = harvest.Manifest(warpgen="0", warp="0", verify="none", files=files, packages=[told])
    harvest.write(tmp_path, made)
    assert harvest.first_difference(tmp_path) is None
    path = harvest.manifest_path(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"MIT", b"BSD"))
    assert "seal: it is broken" in (harvest.first_difference(tmp_path) or "")
    (tmp_path / "precious").write_bytes(b"{}\n")
    path.write_bytes(data.replace(b"data/harvest/cpu_harvest.jsonl", b"../precious"))
    assert "names another file" in (harvest.first_difference(tmp_path) or "")


def test_what_cannot_be_harvested_is_said() -> None:
    """Neither a folder nor a package: exit code 2 and a sentence."""
    for name, why in (
        ("no_such_package_of_kernels", "there is no package"),
        ("./no/folder", "neither a folder"),
    ):
        code, _, errors = call("harvest", name)
        assert code == 2 and why in errors and "Traceback" not in errors
