"""Meshes, trees, grids and volumes hold what the programs that query them count on."""

from __future__ import annotations

import ctypes
import runpy
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import warp as wp

from warpgen.launch import Fill
from warpgen.reasons import Reason
from warpgen.synthesis.generator import Options, synthesize
from warpgen.verification.native.isolation import Died, isolated
from warpgen.verification.running.scene import make, texture
from warpgen.verification.running.streams import Stream
from warpgen.verification.running.volumes import volume_of


@pytest.mark.parametrize("shape", [(5, 8), (7, 10), (14, 16)])
def test_mesh_has_the_faces_and_vertices_that_indices_rely_on(shape: tuple[int, int]) -> None:
    """Faces and vertices of a sphere follow from its stacks and slices, and every vertex is used."""
    stacks, slices = shape
    mesh, _, _ = make(Fill("x", "mesh", shape), Stream("m"), None)
    faces = mesh.indices.numpy().reshape(-1, 3)
    assert 2 * slices * (stacks - 1) == len(faces)
    assert slices * (stacks - 1) + 2 == len(mesh.points)
    assert set(range(len(mesh.points))) == set(faces.ravel().tolist())


def test_mesh_is_closed_and_turned_outward() -> None:
    """Every edge has two faces, and the volume that the faces enclose is positive."""
    mesh, _, _ = make(Fill("x", "mesh", (6, 8)), Stream("m"), None)
    faces, points = mesh.indices.numpy().reshape(-1, 3), mesh.points.numpy()
    edges = [(int(f[a]), int(f[(a + 1) % 3])) for f in faces for a in range(3)]
    assert sorted(edges) == sorted((b, a) for a, b in edges)
    a, b, c = (points[faces[:, n]] for n in range(3))
    assert (a * np.cross(b, c)).sum() > 0


def _byte(first: int, number: int, _: object) -> bytes:
    return ctypes.string_at(first + number, 1)


def test_a_face_that_a_mesh_has_not_is_not_read_by_luck() -> None:
    """Behind its points, indices and velocities stands a page that nobody may touch."""
    mesh, _, _ = make(Fill("x", "mesh", (6, 8)), Stream("m"), None)
    for array in (mesh.points, mesh.indices, mesh.velocities):
        end = array.ptr + array.capacity
        last, beyond = isolated(2, partial(_byte, end - 1))
        assert isinstance(last, bytes) and isinstance(beyond, Died) and beyond.reason == Reason.SEGFAULT


SIGNS = """import warp as wp


@wp.kernel
def signs(mesh: wp.uint64, points: wp.array[wp.vec3], out: wp.array[float]):
    i = wp.tid()
    out[i] = wp.mesh_query_point_sign_winding_number(mesh, points[i], 10.0).sign
"""


def test_winding_numbers_tell_inside_from_outside(tmp_path: Path) -> None:
    """Whatever lay in the memory that Warp takes for a mesh before."""
    points = np.concatenate([Stream("p").uniform((200, 3)) - 0.5, Stream("q").uniform((200, 3)) + 1.0])
    (tmp_path / "signs.py").write_text(SIGNS)
    kernel = runpy.run_path(str(tmp_path / "signs.py"))["signs"]
    at = wp.array(points * 0.6, dtype=wp.vec3, device="cpu")
    for turn in range(20):
        junk = [np.full(size * 1000, np.nan) for size in range(turn * 4)]
        del junk
        mesh, number, _ = make(Fill("x", "mesh", (7, 10)), Stream("m"), None)
        out = wp.zeros(400, dtype=float, device="cpu")
        wp.launch(kernel, 400, inputs=[number, at, out], device="cpu")
        assert out.numpy().tolist() == [-1.0] * 200 + [1.0] * 200
        assert mesh.support_winding_number


def test_a_mesh_has_groups_where_its_fill_says_so() -> None:
    """Winding numbers and groups exclude each other."""
    for of, grouped in (("", False), ("groups", True)):
        mesh, _, _ = make(Fill("x", "mesh", (7, 10), of=of), Stream("m"), None)
        assert (mesh.groups is not None) == grouped
        assert mesh.support_winding_number != grouped


def test_programs_have_a_mesh_with_groups_where_they_ask_for_one() -> None:
    """A mesh has groups if its group is asked for, and then no winding numbers are."""
    grouped = 0
    for index in range(300):
        program = synthesize(0, index, Options(categories={"queries": 1.0}))
        meshes = [arg.fill.of for arg in program.args if arg.fill.kind == "mesh"]
        assert ("mesh_get_group_root" in program.source) == ("groups" in meshes), index
        if "sign_winding_number" in program.source:
            assert "" in meshes, index
        grouped += "groups" in meshes
    assert 0 < grouped < 100


def test_tree_holds_a_box_around_every_point() -> None:
    """A tree over points has boxes of the fill's half width around them."""
    points = np.array([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]])
    tree, number, _ = make(Fill("x", "bvh", of="points", value=0.25), Stream("t"), points)
    assert number == tree.id
    assert (points - 0.25).tolist() == tree.lowers.numpy().tolist()
    assert (points + 0.25).tolist() == tree.uppers.numpy().tolist()


@pytest.mark.parametrize(
    ("of", "dtype"), [("", wp.float32), ("float32", wp.float32), ("vec3f", wp.vec3f), ("int32", wp.int32)]
)
def test_volume_holds_values_of_the_named_type(of: str, dtype: type) -> None:
    """The fill's `of` names the type of a volume's values."""
    volume, _, _ = make(Fill("x", "volume", (4, 4, 4), high=9.0, of=of, value=0.5), Stream("v"), None)
    assert dtype is volume.dtype
    expected = [0.5, 0.5, 0.5]
    assert expected == list(volume.get_voxel_size())


def test_index_volume_numbers_every_voxel() -> None:
    """A volume of `index` has as many voxels as its shape, so that arrays beside it can be sized."""
    volume, number, _ = make(Fill("x", "volume", (4, 5, 6), of="index", value=1.0), Stream("v"), None)
    expected = 4 * 5 * 6
    assert expected == volume.get_voxel_count()
    assert number == volume.id


@pytest.mark.parametrize(
    ("name", "shape"), [("Texture1D", (8, 1)), ("Texture2D", (8, 8, 4)), ("Texture3D", (4, 4, 4, 2))]
)
def test_texture_has_the_channels_of_its_shape(name: str, shape: tuple[int, ...]) -> None:
    """The last axis of a texture's shape is its channels."""
    assert shape[-1] == texture(name, Fill("x", "texture", shape), Stream("x"))[0].num_channels


@pytest.mark.parametrize(
    ("shape", "kind", "background"),
    [((5, 17, 7), "f4", 0.0), ((16, 9, 20), "i4", 0), ((8, 9, 3, 3), "f4", (0.0, 0.0, 0.0))],
)
def test_a_volume_is_the_one_that_warp_makes(
    shape: tuple[int, ...], kind: str, background: float | tuple[float, ...]
) -> None:
    """Filled in memory, a grid has the bytes of one that Warp's own kernel fills."""
    values = (Stream("v").uniform(shape) * 90.0 - 30.0).astype(kind)
    made, other = (volume_of(v, 0.25) for v in (values, values + values.dtype.type(1)))
    own = wp.Volume.load_from_numpy(values, voxel_size=0.25, bg_value=background, device="cpu")
    mine, theirs, others = (volume.array().numpy().tobytes() for volume in (made, own, other))
    assert mine == theirs != others
