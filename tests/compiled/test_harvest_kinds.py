"""Every way of writing a kernel gives a row that is the author's kernel, held to its code and its text."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import msgspec
import pytest

from tests.support.corpus.kinds import FILES
from warpgen.extraction import warp_api
from warpgen.harvesting.collecting import Kernel, collect
from warpgen.harvesting.finding import find
from warpgen.harvesting.holding import Holder
from warpgen.harvesting.sameness import first_difference

HELD = {
    "parameter": ["scale[i] * consts_scale + gamma * consts_gamma", "consts_scale = wp.constant(3.0)"],
    "negative": ["a[i] * s ** 2.0 - s", "s = wp.constant(-1.5)"],
    "starts": ["weight = names_weight * a[i]"],
    "named": ["def keywords(x: float, /, *, y: float, z: float = 2.0)", "dtype=float), /, b: float)"],
    "modules": ["import math as math_1", "math[wp_1] * math_1.pi"],
    "enums": ["    AB = 3", "    HIGH = -0.75"],
    "attributes": [
        "@wp.kernel(launch_bounds=(128, 2))",
        "def inside(",
        "def fallback(",
    ],
    "like_warps": ["def names_velocity_at_point("],
    "narrow": ["wp.float32(1.1920929e-07)"],
    "hidden": ["def _shift(x: float):", "return x + _EPS"],
    "hinted": ["@wp.func(inline=False)"],
    "letters": [
        "def f(x: float)",
        "def other_f(x: float)",
        "return d(x) + other_f(x) + K",
        "names_K = wp.constant(-1.0)",
    ],
    "clamp": ["def other_clamp(x: float)"],
    "equals": ["zero = wp.constant(0.0)", "consts_zero = wp.constant(-0.0)", "one = wp.constant(1.0)"],
    "bodies": ["class Body:", "class Body_1:", "a: wp.array(dtype=Body), b: wp.array(dtype=Body_1)"],
    "vectors": ["length=5, dtype=float)", "length=5, dtype=wp.float64)"],
    "values": ["wp.uint64(18446744073709551600)", "FAR = wp.constant(wp.inf)", "(0.5, -1.0, 2.0, 0.25)"],
    "by_maker": ["x: wp.types.vector(length=4, dtype=float), m: wp.types.matrix(shape=(4, 4), dtype=float)"],
    "alias": ["wp.float32(2.0) * a[i]"],
    "tables": ["{0: 0.25, 1: -0.5, 2: 1.0}[k]", "A = [0.5, 0.25, 0.125]"],
    "defaults": ["by: int = 2", "step = wp.constant(5)"],
    "by_function": ["@wp.kernel(enable_backward=False)"],
    "chosen": ["= 7.0"],
    "décor": ["# HERE/and there, /HERE/and here", "def décor(x):"],
    "by_turns": ["{0: 0, 1: -2}[j]", "{0: 1.0, 1: 2.0}[j]", "{0: less, 1: more}[j]"],
    "by_field": ["a[i] + epsilon -", "wp.static(dy)", "dy = wp.constant(3)", "BOTH = wp.constant(3)"],
    "left_out": ["if wp.static(True):", "of_another_version(a[i])"],
    "by_kind": ["def doubled(x: float)", "return x * wp.float32(2.0)"],
    "of_block": ['wp.set_module_options({"block_dim": 32})'],
    "by_key": [
        "a: wp.array(dtype=wp.vec2), b: wp.array[float]",
        "return x * annotated_K",
        "return x + other_K",
        "def adj_g_1(x: wp.vec2, adj_ret: float)",
        "@wp.func_replay(f",
    ],
    "of_former": ["class Own:\n    m: float\n\n\n@wp.kernel"],
    "rebound": ["def former(x: wp.vec3)", "def latter(x: wp.vec2) -> wp.vec2", "SIZE = wp.constant(8)"],
    "by_factory": ["def same(x: float)"],
    "comprehended": ["sum(w for w in WS)) + meanings_w"],
    "lettered": ["def θ_of(x: float)", "a[i] = θ_of(a[i])"],
    "turned": ["wp.vec2(w, half)"],
    "reached": ["def reach(of: Boxes, i: int)", "* K", "def reach(of: Balls, i: int)", "- balls_K"],
    "of_source": ["plus(a[i]) * EPS"],
    "of_script": ["plus(a[i]) * 2.0"],
    "some": ["def sum_of(x: Any, y: Any)"],
}


HERE = [""]  # the letters of the files' folder


def _collected(folder: Path) -> list[Kernel]:
    warp_api.start(folder / "cache")
    scratch = folder / "scratch"
    scratch.mkdir()
    return [k for _, harvest in collect(find(str(folder)).sources, scratch) for k in harvest.kernels]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Kernel]:
    """All kernels of the files, from one child. A comment of theirs has the letters of their folder."""
    folder = tmp_path_factory.mktemp("kinds")
    HERE[0] = str(folder)[1:]
    for name, text in FILES.items():
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("HERE", HERE[0]))
    # As the command does, in a process that has made no other kernel: Warp remembers functions by name.
    warp_api.start(folder / "cache here")
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_collected, folder).result(timeout=300)


def test_no_kind_is_refused_or_changed(made: list[Kernel]) -> None:
    """Each row's code was held to the author's; what fails does so for its own reason, once."""
    failed = {kernel.name: kernel.failed for kernel in made if kernel.failed}
    without = {"consts.py", "broken.py", "boxes.py", "balls.py", "src/mine/__init__.py", "still/__init__.py"}
    assert {kernel.file for kernel in made} == {f"{name}.py" for name in FILES} - without
    assert set(failed) == {"tells", "bad", "of_assembly"}, failed
    assert "C++ with assembly" in failed["of_assembly"]
    assert "a path of this machine" in failed["tells"] and "undefined_thing" in failed["bad"]
    assert [kernel.name for kernel in made].count("bad") == 1
    names = [kernel.name for kernel in made]
    assert names.count("looped") == 3 and names.count("bound") == 2 and names.count("raised") == 2
    assert "of_others" not in names and names.count("of_parts") == 1


@pytest.mark.parametrize("name", HELD)
def test_a_row_says_what_its_author_says(made: list[Kernel], name: str) -> None:
    """Names are qualified where they would meet another, values keep their brackets, defaults their time."""
    kernel = next(k for k in made if k.name == name)
    for text in HELD[name]:
        assert text.replace("HERE", HERE[0]) in kernel.source, kernel.source


def test_types_are_guessed_by_what_is_done_with_them(made: list[Kernel]) -> None:
    """Indices on elements, builtins, functions, what is added or stored; the rest is found by trying."""
    types = {kernel.name: [arg.type for arg in kernel.args] for kernel in reversed(made)}
    of_five, matrices = "array(vector(length=5, dtype=float32))", "array(mat33f)"
    assert types["use"] == ["array2d(float32)", of_five, matrices, of_five]
    assert types["nine"] == ["array(vec3f)", "array(float32)", "array(mat33f)"]
    assert types["row_of_nine"] == ["array(vector(length=9, dtype=float32))"]
    assert types["given"] == ["array(int32)", "Sheet"]
    assert types["reached"] == ["Boxes", "array(int64)", "array(float32)"]
    assert types["least_of"] == ["array(float32)"]
    assert types["moved"] == ["transformf", "array(vec3f)", "array2d(quatf)", "array(quatf)"]
    assert types["inner"] == ["array(vec3f)", "array(float32)", "array(vec3f)", "array(vec3f)"]


def test_roles_come_from_what_is_done_with_an_argument(made: list[Kernel]) -> None:
    """Through views, copies, structs, functions and C++; what a thread changes of its own is no output."""
    roles = {k.name: arg.role for k in made for arg in k.args if k.file == "roles.py" and arg.name == "p"}
    assert len(roles) == FILES["roles"].count("@wp.kernel")
    assert [f"{name} {role}" for name, role in roles.items() if not name.endswith(f"_{role}")] == []
    natives = [[arg.role for arg in k.args[1:]] for k in made if k.name in ("native_output", "native_inout")]
    assert natives == [["input"], ["inout"]]


def test_adjoints_are_made_as_a_package_or_a_script_wants(made: list[Kernel]) -> None:
    """For all its files, whichever is imported first, and for no others'."""
    without = {k.name for k in made if "cpu" in k.codes and k.codes["cpu"].backward == (0, 0)}
    files = {k.name for k in made if k.file.startswith(("still/", "stilled"))}
    assert len(files) == 3 and files <= without
    assert not {"by_lambda", "of_source", "turned"} & without


def test_types_have_their_own_names(made: list[Kernel]) -> None:
    """Arrays over Fabric's, and quaternions, as what they are."""
    types = {kernel.name: [arg.type for arg in kernel.args] for kernel in made if kernel.file == "roles.py"}
    assert types["fabric_input"] == ["fabricarray(float32)", "indexedfabricarray(vec3f)"]
    assert types["spun_inout"] == ["array(quaternion(dtype=float64))"]


def test_kernels_of_factories_belong_to_their_file(made: list[Kernel]) -> None:
    """Wherever the factory is called, each with its own value; arguments name structs as the row does."""
    raised = [k for k in made if k.name == "raised"]
    assert {k.file for k in raised} == {"other.py"}
    powers = [line for k in raised for line in k.source.splitlines() if line.startswith("power =")]
    assert powers == ["power = wp.constant(3)", "power = wp.constant(4)"]
    bodies = next(k for k in made if k.name == "bodies")
    assert [a.type for a in bodies.args] == ["array(Body)", "array(Body_1)"]
    looped = [line for k in made if k.name == "looped" for line in k.source.splitlines() if "static" in line]
    assert [line[-3:] for line in looped] == ["1))", "2))", "3))"]


def test_another_kernel_is_seen_by_its_code_and_by_its_run(made: list[Kernel], tmp_path: Path) -> None:
    """One number, one name or one operation more, and the row is not the author's kernel."""
    kernel = next(k for k in made if k.name == "natives")
    text = kernel.codes["cpu"].text
    assert first_difference(kernel.author, text) == ""
    for old, new in (
        ("x[tid] * 2.0f", "x[tid] * 3.0f"),
        ("wp::mul(", "wp::add("),
        ("square_0(", "native_0("),
    ):
        assert old in text
        assert first_difference(kernel.author, text.replace(old, new)) != ""
    code = msgspec.structs.replace(kernel.codes["cpu"], text=text.replace("* 2.0f", "* 3.0f"))
    other = msgspec.structs.replace(kernel, codes={"cpu": code})
    holder = Holder(tmp_path)
    voxels = next(k for k in made if k.name == "voxels")
    followed = next(k for k in made if k.name == "followed_handle")
    same, different, volume, mesh = holder.hold([kernel, other, voxels, followed])
    assert same.forward.verdict == "pass" and same.launch.dim == (7,) and not same.different
    assert different.forward.verdict == "not run" and "outputs are not the author's" in different.different
    assert volume.forward.verdict == "pass", volume  # the first that a process makes takes Warp seconds
    assert mesh.forward.verdict == "pass", mesh
    # The same with threads far beside their arrays: nothing is shown.
    kernel = next(k for k in made if k.name == "named")
    text = kernel.author.replace("= builtin_tid1d();", "= builtin_tid1d() + 4000;")
    assert text != kernel.author
    code = msgspec.structs.replace(kernel.codes["cpu"], text=text)
    (held,) = holder.hold([msgspec.structs.replace(kernel, codes={"cpu": code}, author=text)])
    assert held.forward.verdict == "not run" and not held.args
    assert held.forward.why.startswith("the launch that was guessed ends in bounds; its code is the author's")
