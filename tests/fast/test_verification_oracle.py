"""The oracle reads programs as Warp defines the language, without Warp's code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.corpus import BY_NAME
from tests.support.corpus.writing import N, out, program, ramp, whole
from warpgen.extraction import warp_api
from warpgen.extraction.loading import load
from warpgen.launch import Fill
from warpgen.program import Program
from warpgen.verification.native import warp_native
from warpgen.verification.oracle import Reading, Unsupported, library
from warpgen.verification.oracle.values import Vec
from warpgen.verification.running.arguments import Arguments
from warpgen.verification.running.memory_layout import MemoryLayout, describe
from warpgen.verification.running.scene import Surface, Texels, make
from warpgen.verification.running.streams import Stream


@pytest.fixture(autouse=True, scope="module")
def _warp(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Grids and trees of boxes are Warp's own."""
    warp_api.start(tmp_path_factory.mktemp("kernels"))


def read(p: Program) -> tuple[Arguments, list[NDArray[Any]], list[NDArray[np.bool_]]]:
    """Inputs, and the oracle's outputs with what is known of them."""
    with load(p) as live:
        layouts = [describe(kind) for _, kind in warp_native.argument_types(live.kernel)]
    arguments = Arguments(p.args, layouts, p.launch.seed)
    outputs, known = Reading(p, layouts, 1).outputs(arguments)
    return arguments, outputs, known


def read_unchecked(p: Program) -> None:
    """Read what Warp itself might refuse."""
    shape = (N,)
    kinds = [
        MemoryLayout("array", 56, 8, ndim=1, of=MemoryLayout("value", 4, 4, code))
        for code in ("<f4", "<i4", "<f4")
    ]
    assert all(argument.fill.shape == shape for argument in p.args)
    Reading(p, kinds, 1).outputs(Arguments(p.args, kinds, 0))


def body(*lines: str) -> Program:
    """A kernel over floats x, integers k and output y."""
    text = "\n    ".join(["i = wp.tid()", *lines])
    head = "x: wp.array(dtype=float), k: wp.array(dtype=int), y: wp.array(dtype=float)"
    return program("f", f"\n@wp.kernel\ndef f({head}):\n    {text}\n", ramp("x"), whole("k"), out("y"))


def values(*lines: str) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[np.bool_]]:
    arguments, (y,), (known,) = read(body(*lines))
    x, k, _ = (leaf.values for leaf in arguments.leaves)
    return x, k, y, known


def test_floats_are_read_in_64_bits() -> None:
    """Arithmetic on the row's own inputs is done in float64, for a sample of the threads."""
    x, _, y, known = values("y[i] = x[i] * 3.0 + wp.sin(x[i])")
    expected = x.astype(np.float64) * 3.0 + np.sin(x.astype(np.float64))
    assert np.allclose(expected[known], y[known], rtol=1e-15)
    assert 0 < known.sum() < N


def test_arcs_are_of_what_is_clamped() -> None:
    """`acos` and `asin` clamp what they take to [-1, 1], so that nothing beyond it becomes no number."""
    _, _, y, known = values("y[i] = wp.acos(7.5) + 10.0 * wp.acos(-7.5) + 100.0 * wp.asin(7.5)")
    assert np.allclose(y[known], 10.0 * np.pi + 50.0 * np.pi, rtol=1e-15)


def test_integers_divide_as_in_c() -> None:
    """`/` cuts toward zero, `//` goes down, `%` has the sign of its left side."""
    _, k, y, known = values(
        "a = k[i] - 32", "y[i] = float(a / 5) + 100.0 * float(a % 5) + 1000.0 * float(a // 5)"
    )
    a = k.astype(int) - 32
    quotient = np.trunc(a / 5)
    expected = quotient + 100.0 * (a - 5 * quotient) + 1000.0 * (a // 5)
    assert (expected[known] == y[known]).all()


def test_bits_are_read_as_another_type() -> None:
    """`wp.cast` keeps the bits: of integers of one width, and of floats that 32 bits hold."""
    x, k, y, known = values(
        "word = wp.cast(x[i], wp.int32)",
        "back = wp.cast(word + k[i] * 8, wp.float32)",
        "y[i] = back + float(wp.cast(wp.uint32(k[i]) - wp.uint32(3), wp.int32))",
    )
    back = (x.view(np.int32) + k * 8).view(np.float32).astype(np.float64)
    assert (back + (k - 3.0) == y)[known].all()


def test_literals_of_64_bits_are_not_cut() -> None:
    """A number given to wp.uint64 is one of 64 bits from the start."""
    _, k, y, known = values("y[i] = float((wp.uint64(k[i]) * wp.uint64(2654435761)) >> wp.uint64(32))")
    assert (((k.astype(np.uint64) * np.uint64(2654435761)) >> np.uint64(32)).astype(float) == y)[known].all()


def test_search_ends_at_the_last_element() -> None:
    """wp.lower_bound gives the last place where every element is less."""
    _, _, y, known = values("y[i] = float(wp.lower_bound(k, 0, 4, 1000)) + float(wp.lower_bound(k, 100000))")
    assert (y[known] == 3.0 + N - 1).all()


def test_bits_of_rounded_results_are_not_guessed() -> None:
    """A result that 32 bits would round has other bits in the kernel than here."""
    with pytest.raises(Unsupported):
        read(body("y[i] = float(wp.cast(x[i] * 0.1, wp.int32))"))


def test_integers_wrap() -> None:
    """int32 and uint32 keep 32 bits."""
    _, k, y, known = values(
        "a = (k[i] + 1) * 2147483647",
        "b = wp.uint32(k[i]) * wp.uint32(2654435761)",
        "y[i] = float(a) + float(b)",
    )
    a = ((k.astype(np.int64) + 1) * 2147483647).astype(np.int32).astype(np.float64)
    b = (k.astype(np.uint64) * np.uint64(2654435761) & np.uint64(0xFFFFFFFF)).astype(np.float64)
    assert ((a + b)[known] == y[known]).all()


def test_assigning_a_component_leaves_copies_alone() -> None:
    """Vectors are values: a copy does not change with its original."""
    x, _, y, known = values("v = wp.vec3(x[i], 1.0, 2.0)", "w = v", "v[0] = 5.0", "y[i] = w[0] * 10.0 + v[0]")
    assert np.allclose((x.astype(np.float64) * 10.0 + 5.0)[known], y[known])


def test_atomics_take_all_threads() -> None:
    """Where threads work together none is left out."""
    x, _, y, known = values("wp.atomic_add(y, 0, x[i])")
    assert known.all()
    assert np.isclose(x.astype(np.float64).sum(), y[0])


@pytest.mark.parametrize("name", ["integrate", "mix_types", "closed", "walk"])
def test_corpus_is_read(name: str) -> None:
    """Structs, overloads, generics, closures and tuples are within reach, or said not to be."""
    try:
        _, outputs, _ = read(BY_NAME[name])
    except Unsupported as error:
        assert "wp.noise" in str(error)
    else:
        assert all(np.isfinite(values).all() for values in outputs)


@pytest.mark.parametrize(
    "line", ["y[i] = wp.tile_sum(wp.tile(x[i]))[0]", "y[i] = wp.mesh_eval(x[i])", "y[i:2] = x[i]"]
)
def test_what_is_out_of_reach_is_said(line: str) -> None:
    """The oracle never guesses."""
    with pytest.raises(Unsupported):
        read_unchecked(body(line))


def moved(*lines: str) -> float:
    """How far random rounding at 32 bits carries a result, relative to its size."""
    p = body(*lines)
    with load(p) as live:
        layouts = [describe(kind) for _, kind in warp_native.argument_types(live.kernel)]
    arguments = Arguments(p.args, layouts, p.launch.seed)
    reading = Reading(p, layouts, 1)
    (y,), _ = reading.outputs(arguments, every=True)
    spread = [made[0] for made in reading.spread(arguments, "f4")]
    return float(max(np.abs(made - y).max() for made in spread) / np.abs(y).max())


def test_rounding_is_measured_where_it_cancels() -> None:
    """A difference of nearly equal numbers spreads far, a product hardly, and whole numbers not at all."""
    assert 1e-4 < moved("y[i] = (x[i] + 10000.0) - 10000.0") < 1e-1
    assert 0.0 < moved("y[i] = x[i] * 3.1") < 1e-6
    assert moved("y[i] = float(k[i]) * 2.0 + 1.0") == 0.0


def test_textures_are_linear_between_the_centres_of_texels() -> None:
    """At a centre a texel is met, half way between two their mean, beyond the border the last."""
    sample = library.table()["texture_sample"]
    texture = Texels(np.array([[[1.0], [3.0]], [[5.0], [9.0]]], np.float32))
    assert sample(texture, Vec((0.75, 0.25)), float) == 3.0
    assert sample(texture, Vec((0.5, 0.5)), dtype=float) == 4.5
    assert sample(texture, 2.0, 3.0, float) == 9.0


def sphere() -> Surface:
    made = make(Fill("x", "mesh", (6, 8)), Stream("m"), None)[2]
    assert isinstance(made, Surface)
    return made


def test_points_find_the_closest_face_of_a_mesh() -> None:
    """What a query finds is no farther than any point of the mesh, and the sign tells inside from outside."""
    table, mesh = library.table(), sphere()
    for spot, sign in (((0.3, 0.2, 0.1), -1.0), ((1.5, 0.4, -0.7), 1.0)):
        found = table["mesh_query_point"](mesh, Vec(spot), 10.0)
        near = table["mesh_eval_position"](mesh, found.face, found.u, found.v)
        least = np.sqrt(((mesh.points - np.array(spot)) ** 2).sum(axis=1)).min()
        assert (True, sign) == (found.result, found.sign)
        assert np.sqrt(((np.array(near.c) - spot) ** 2).sum()) <= least + 1e-9
    assert not table["mesh_query_point"](mesh, Vec((9.0, 0.0, 0.0)), 1.0).result


def test_rays_meet_the_near_side_first() -> None:
    """A ray from outside meets two faces of a ball, the nearer one from outside."""
    table, mesh = library.table(), sphere()
    start, way = Vec((-3.0, 0.11, 0.07)), Vec((1.0, 0.0, 0.0))
    hit = table["mesh_query_ray"](mesh, start, way, 100.0)
    assert table["mesh_query_ray_count_intersections"](mesh, start, way) == 2
    assert hit.sign == 1.0
    assert hit.normal[0] < 0.0 < hit.t < 3.0


def test_grids_and_trees_miss_no_neighbour() -> None:
    """All points within the radius are among those that a grid hands out; all overlapping boxes are found."""
    points = (Stream("p").uniform((200, 3)) * 2.0 - 1.0).astype(np.float32)
    grid = make(Fill("x", "hash_grid", (8, 8, 8), value=0.5), Stream("g"), points)[2]
    tree = make(Fill("x", "bvh", value=0.1), Stream("g"), points)[2]
    found = set(library.table()["hash_grid_query"](grid, Vec((0.1, -0.2, 0.3)), 0.4))
    distance = np.sqrt(((points - np.array([0.1, -0.2, 0.3])) ** 2).sum(axis=1))
    assert set(np.flatnonzero(distance < 0.4).tolist()) <= found < set(range(200))
    boxes = library.table()["bvh_query_aabb"](tree, Vec((0.0, 0.0, 0.0)), Vec((0.5, 0.5, 0.5)))
    inside = ((points + np.float32(0.1) >= 0.0) & (points - np.float32(0.1) <= 0.5)).all(axis=1)
    assert np.flatnonzero(inside).tolist() == list(boxes)


def test_a_ball_touches_more_boxes_of_faces_than_faces() -> None:
    """The tree that a mesh keeps is of its faces' boxes; a query of the mesh itself measures to the faces."""
    table, mesh = library.table(), sphere()
    corners = mesh.points[mesh.faces]
    near = np.array((0.5, 0.5, 0.5))
    gaps = np.clip(near, corners.min(axis=1), corners.max(axis=1)) - near
    within = np.flatnonzero((gaps * gaps).sum(axis=1) <= 0.25**2).tolist()
    boxes = list(table["bvh_query_sphere"](table["mesh_get_bvh"](mesh), Vec((0.5, 0.5, 0.5)), 0.25))
    faces = list(table["mesh_query_sphere"](mesh, Vec((0.5, 0.5, 0.5)), 0.25))
    assert boxes == within
    assert set(faces) < set(boxes)


def test_endless_programs_are_given_up() -> None:
    """The oracle counts steps, not seconds, so that its verdict is the same on every machine."""
    with pytest.raises(Unsupported, match="steps"):
        read(body("n = int(0)", "while n >= 0:", "    n = 0", "y[i] = 1.0"))
