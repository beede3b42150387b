"""The CUDA text of a row is run beside its C++: what only a GPU would get wrong is dropped by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.support.corpus import BY_NAME
from tests.support.corpus.writing import argument, out, program, ramp
from tools.mutation_cuda_faults import FAULTS
from warpgen.extraction import warp_api
from warpgen.extraction.codegen import Code, lower
from warpgen.extraction.loading import load
from warpgen.program import Program
from warpgen.record import TARGETS, Target
from warpgen.verification import Judgement, check_unit
from warpgen.verification.device.compiling import DeviceCompiler
from warpgen.verification.device.text import run_cuda_row
from warpgen.verification.native import warp_native
from warpgen.verification.native.isolation import Died
from warpgen.verification.running.arguments import Arguments
from warpgen.verification.running.memory_layout import describe

# Four numbers of a tile for blocks of 256 threads: those that have none of them add to the scalar's gradient.
SHIFTED = program(
    "shifted",
    """
@wp.func
def plus(a: float, b: float):
    return a * a + b

@wp.kernel
def shifted(x: wp.array(dtype=float), by: wp.array(dtype=float), y: wp.array(dtype=float)):
    b = wp.tid()
    t = wp.tile_load(x, shape=4, offset=b * 4)
    wp.tile_store(y, wp.tile_sum(wp.tile_map(plus, t, by[b])), offset=b)
""",
    ramp("x", shape=(16,)),
    ramp("by", shape=(4,)),
    out("y", shape=(4,)),
    dim=(4,),
    tiled=True,
)

# Every thread of a block adds the sum: 256 times on a GPU, once on the CPU.
COUNTED = program(
    "counted",
    """
@wp.kernel
def counted(x: wp.array(dtype=int), y: wp.array(dtype=int)):
    b = wp.tid()
    t = wp.tile_load(x, shape=16, offset=b * 16)
    wp.atomic_add(y, 0, wp.tile_extract(wp.tile_sum(t), 0))
""",
    argument("x", "array1d(int32)", "input", "uniform", (64,), 0.0, 9.0),
    out("y", "array1d(int32)", (1,)),
    dim=(4,),
    tiled=True,
)

DRAWN = program(
    "drawn",
    """
@wp.kernel
def drawn(seed: int, y: wp.array(dtype=float)):
    b = wp.tid()
    t = wp.tile_randf(shape=64, rng=wp.rand_init(seed, b), min=0.0, max=1.0)
    wp.tile_store(y, t, offset=b * 64)
""",
    argument("seed", "int32", "param", "uniform", low=1.0, high=99.0),
    out("y", shape=(128,)),
    dim=(2,),
    tiled=True,
)

SLOTS = program(
    "slots",
    """
@wp.kernel
def slots(x: wp.array(dtype=int), count: wp.array(dtype=int), y: wp.array(dtype=int)):
    i = wp.tid()
    if x[i] > 4:
        y[wp.atomic_add(count, 0, 1)] = x[i]
""",
    argument("x", "array1d(int32)", "input", "uniform", (64,), 0.0, 9.0),
    argument("count", "array1d(int32)", "inout", "constant", (1,)),
    out("y", "array1d(int32)", (256,)),
)

# A thread reads what the one before it may have written by then, or not.
RACE = program(
    "race",
    """
@wp.kernel
def race(x: wp.array(dtype=int), y: wp.array(dtype=int)):
    i = wp.tid()
    if i == 0:
        y[i] = x[i]
    else:
        y[i] = x[i] + y[i - 1]
""",
    argument("x", "array1d(int32)", "input", "uniform", (64,), 0.0, 9.0),
    out("y", "array1d(int32)", (64,)),
)

PROGRAMS = {p.name: p for p in (SHIFTED, COUNTED, DRAWN, SLOTS, RACE, BY_NAME["scale"], BY_NAME["matmul"])}


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("device")
    warp_api.start(folder / "kernels")
    yield folder / "checks"


def judge(programs: list[Program], workdir: Path) -> list[dict[Target, Judgement]]:
    codes = [lower(p, TARGETS) for p in programs]
    return check_unit(programs, codes, "run", "keep", TARGETS, workdir)


@pytest.fixture(scope="module")
def judged(workdir: Path) -> dict[str, dict[Target, Judgement]]:
    return dict(zip(PROGRAMS, judge(list(PROGRAMS.values()), workdir), strict=True))


def test_right_texts_leave_evidence(judged: dict[str, dict[Target, Judgement]]) -> None:
    """Of the CUDA row alone: outputs and gradients of all orders of threads are those of the C++."""
    for name in ("scale", "matmul"):
        made = {target: judgement.verified for target, judgement in judged[name].items()}
        assert made["cuda"] is not None and made["cpu"] is not None
        device = made["cuda"].device
        assert (device.verdict, device.order, device.reference) == ("pass", "independent", "cpu"), name
        assert (device.gradients, device.orders, device.block) == ("same", 4, 256)
        assert made["cpu"].device.verdict == "not run"
        assert made["cpu"].forward == made["cuda"].forward


@pytest.mark.parametrize(("name", "reason"), [("shifted", "cuda gradient"), ("counted", "cuda forward")])
def test_what_goes_wrong_on_a_gpu_alone_is_dropped(
    name: str, reason: str, judged: dict[str, dict[Target, Judgement]]
) -> None:
    """No compiler and no run of the C++ sees these: the CPU row stands."""
    assert judged[name]["cpu"].verified is not None
    assert judged[name]["cuda"].verified is None
    assert judged[name]["cuda"].reason == reason


def test_a_race_drops_both_rows(judged: dict[str, dict[Target, Judgement]]) -> None:
    """The C++ is watched for what another order of threads would change."""
    assert {judgement.reason for judgement in judged["race"].values()} == {"race"}


def test_what_blocks_change_has_a_reference_of_its_own(judged: dict[str, dict[Target, Judgement]]) -> None:
    """Random tiles are others with 256 threads: their digest is of that, and holds to a widened text."""
    made = {target: judgement.verified for target, judgement in judged["drawn"].items()}
    assert made["cpu"] is not None and made["cuda"] is not None
    assert made["cuda"].device.reference == "widened"
    assert made["cuda"].forward.verdict == "pass" and made["cuda"].forward.references == "widened"
    assert made["cuda"].forward.digest != made["cpu"].forward.digest


def test_order_of_threads_is_told(judged: dict[str, dict[Target, Judgement]]) -> None:
    """Slots that an atomic function gives out are right in any order, and others in each."""
    verified = judged["slots"]["cuda"].verified
    assert verified is not None and verified.device.order == "dependent"


def faulty(p: Program, old: str, new: str) -> list[dict[Target, Code] | None]:
    codes = lower(p, TARGETS)
    text = codes["cuda"].text
    assert text.count(old) >= 1
    return [codes | {"cuda": msgspec.structs.replace(codes["cuda"], text=text.replace(old, new))}]


@pytest.mark.parametrize(
    ("name", "old", "new", "reason"),
    [
        ("scale", "blockIdx.x", "gridDim.x", "cuda forward"),
        (
            "scale",
            "wp::adj_array_store(var_y",
            "if (threadIdx.x % 32) wp::adj_array_store(var_y",
            "cuda gradient",
        ),
        ("matmul", "wp::tile_matmul", "if (threadIdx.x < 64) wp::tile_matmul", "cuda wait"),
    ],
)
def test_faults_in_a_text_are_caught(name: str, old: str, new: str, reason: str, workdir: Path) -> None:
    """A word of the CUDA text alone is put wrong: the row goes, for a reason that says so."""
    p = BY_NAME[name]
    (made,) = check_unit([p], faulty(p, old, new), "run", "keep", TARGETS, workdir)
    assert made["cpu"].verified is not None
    assert made["cuda"].verified is None and made["cuda"].reason == reason, made["cuda"]


def test_an_atomic_function_made_plain_is_caught(workdir: Path) -> None:
    """Threads that read an element, change it and store it lose what others did, in one order at least."""
    codes = lower(BY_NAME["histogram"], TARGETS)
    text = FAULTS["atomic function made plain"](codes["cuda"].text, 0)
    assert text is not None
    wrong = codes | {"cuda": msgspec.structs.replace(codes["cuda"], text=text)}
    (made,) = check_unit([BY_NAME["histogram"]], [wrong], "run", "keep", TARGETS, workdir)
    assert made["cpu"].verified is not None
    assert made["cuda"].verified is None and made["cuda"].reason == "cuda order", made["cuda"]


def test_a_text_of_warps_runs_by_itself(workdir: Path) -> None:
    """Outputs and gradients by path, in every order of threads: of s x + sin(x) / 2, and its slope."""
    p = BY_NAME["scale"]
    with load(p) as live:
        layouts = [describe(kind) for _, kind in warp_native.argument_types(live.kernel)]
    given = {leaf.path: leaf.values for leaf in Arguments(p.args, layouts, p.launch.seed).leaves}
    x, s = given["x"], given["s"]
    compiler = DeviceCompiler(workdir / "alone")
    for ran in run_cuda_row(lower(p, ("cuda",))["cuda"].text, p, layouts, compiler):
        assert not isinstance(ran, Died)
        np.testing.assert_allclose(ran.outputs["y"], s * x + np.sin(x) / 2.0, rtol=1e-5)
        weights = np.abs(ran.gradients["x"] / (s + np.cos(x) / 2.0))
        assert (weights > 0.499).all() and (weights < 1.501).all()
