"""A mesh as a surface: closest points, signed distances, and what follows from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.geometry_query import DOMAIN
from warpgen.synthesis.library import closest
from warpgen.synthesis.writing.draft import Draft, Values

NAMES = {
    "mesh": "mesh_id|collider|surface",
    "points": "queries|positions|x|query_points",
    "p": "point|xi|pos",
    "query": "q|res",
    "face": "face_index|tri|f",
    "cp": "closest_point|nearest|surface_point",
    "sdf": "phi|signed_distance|dist_out",
    "closest": "closest_points|projected|nearest_points",
    "max_dist": "max_distance|search_radius|cutoff",
    "x": "positions|particle_q|pos",
    "v": "velocities|particle_qd|vel",
    "margin": "thickness|contact_distance",
}


def corners(surface: Any) -> tuple[Any, Any, Any]:
    """The corners of all faces, in double precision."""
    points = surface.points.astype(np.float64)
    a, b, c = (points[surface.faces[:, k]] for k in range(3))
    return a, b, c


def nearest(surface: Any, p: Any) -> tuple[Any, Any]:
    """Closest points of the mesh by brute force, and their faces."""
    a, b, c = corners(surface)
    found = closest.on_triangle(p[:, None], a[None], b[None], c[None])
    far = np.linalg.norm(found - p[:, None], axis=-1)
    face = far.argmin(axis=1)
    return found[np.arange(len(p)), face], face


def winding(surface: Any, p: Any) -> Any:
    """How often the mesh winds around points: the sum of solid angles over 4 pi (Van Oosterom & Strackee)."""
    a, b, c = (x[None] - p[:, None] for x in corners(surface))
    la, lb, lc = (np.linalg.norm(x, axis=-1) for x in (a, b, c))
    top = (a * np.cross(b, c)).sum(-1)
    bottom = la * lb * lc + (a * b).sum(-1) * lc + (b * c).sum(-1) * la + (c * a).sum(-1) * lb
    return np.arctan2(top, bottom).sum(axis=1) / (2.0 * np.pi)


def sphere(d: Draft) -> tuple[int, int]:
    """The size of a mesh of a sphere: stacks and slices."""
    return d.pick((5, 8), (6, 8), (6, 10), (7, 10))


QUERIES = {
    "normal": "wp.mesh_query_point_sign_normal(mesh, p, max_dist)",
    "winding": "wp.mesh_query_point_sign_winding_number(mesh, p, max_dist)",
    "parity": "wp.mesh_query_point_sign_parity(mesh, p, max_dist)",
    "rays": "wp.mesh_query_point(mesh, p, max_dist)",
}


@DOMAIN.algorithm(
    source="Baerentzen & Aanaes 2005 (normals); Barill et al. 2018 (winding numbers)",
    names=NAMES,
    adjoint="either",
    weight=9,
)
def mesh_signed_distance(d: Draft) -> None:
    """Computes the signed distance between each point and a mesh (negative inside)."""
    sign = d.option("sign", *QUERIES)
    result = d.option("result", "signed", "unsigned", "point", "both", "gradient")
    layout = d.option("layout", "points", "grid", "posed")
    bound = d.option("bound", "constant", "given")
    d.calls(
        {
            "signed": "mesh_signed_distance|signed_distance_to_mesh|mesh_sdf|compute_mesh_sdf",
            "unsigned": "distance_to_mesh|mesh_distance|unsigned_distance",
            "point": "closest_point_on_mesh|project_to_mesh|mesh_closest_points",
            "both": "closest_point_and_distance|project_and_measure|closest_points_and_sdf",
            "gradient": "mesh_sdf_gradient|distance_gradient|signed_distance_gradient",
        }[result]
    )
    n = d.pick(64, 96, 128)
    side = d.pick(6, 8)
    stacks = sphere(d)
    d.handle("mesh", "mesh", stacks, about="Mesh id")
    inputs: Callable[[Values], Any]
    shape: tuple[int, ...]
    far_off = 1.6 if bound == "given" else 1.2  # some points are out of reach where that is given
    if layout == "grid":
        d.param("origin", "vec3", -far_off, 0.1 - far_off, about="Grid origin")
        d.param("spacing", "float", 1.6 * far_off / side, 2.0 * far_off / side, about="Cell size")
        lines = "i, j, k = wp.tid()\np = origin + spacing * wp.vec3(float(i), float(j), float(k))"

        def grid(v: Values) -> Any:
            at = np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
            return np.asarray(v.origin) + v.spacing * at

        inputs, where, shape = grid, "i, j, k", (side, side, side)
    elif layout == "posed":
        d.param("pose", "transform", -0.3, 0.3, kind="transform", about="Mesh pose")
        d.input("points", "vec3", n, -far_off, far_off, about="Query points")
        lines = """
            tid = wp.tid()
            # transform the query point to mesh-local space
            p = wp.transform_point(wp.transform_inverse(pose), points[tid])
            """
        inputs, where, shape = (lambda v: unposed(v.pose, v.points)), "tid", (n,)
    else:
        d.input("points", "vec3", n, -far_off, far_off, about="Query points")
        lines = "tid = wp.tid()\np = points[tid]"
        inputs, where, shape = (lambda v: v.points), "tid", (n,)
    if bound == "given":
        kept = {
            "both": "returned for points farther away, whose closest points are unchanged",
            "point": "outputs are unchanged for points farther away",
            "gradient": "outputs are unchanged for points farther away",
        }.get(result, "returned for points farther away")
        d.param("max_dist", "float", 1.0, 1.1, about=f"Maximum query distance; {kept}")
    else:
        d.module("MAX_DIST = wp.constant(1.0e3)")
    if result in ("point", "both"):
        d.output("closest", "vec3", shape, about="Closest points on the mesh")
    elif result == "gradient":
        d.output("gradients", "vec3", shape, about="Unit signed-distance gradients, zero on the mesh")
    if result in ("signed", "both"):
        d.output("sdf", "float", shape, about="Signed distances, negative inside")
    elif result == "unsigned":
        d.output("distances", "float", shape, about="Unsigned distances to the mesh")
    d.says(
        {
            "signed": "Computes the signed distance between each point and a mesh (negative inside).",
            "unsigned": "Computes the unsigned distance between each point and a mesh.",
            "point": "Computes the closest point on a mesh for each query point.",
            "both": "Computes the closest point on a mesh and its signed distance for each query point.",
            "gradient": "Computes the outward-pointing unit gradient of a mesh SDF.",
        }[result]
    )
    plain = result in ("unsigned", "point")
    call = QUERIES[sign] if not plain else "wp.mesh_query_point_no_sign(mesh, p, max_dist)"
    call = call if bound == "given" else call.replace("max_dist", "MAX_DIST")
    point, direction = "cp", "query.sign * wp.normalize(p - cp)"
    if layout == "posed":
        point, direction = "wp.transform_point(pose, cp)", f"wp.transform_vector(pose, {direction})"
    store = {
        "signed": f"sdf[{where}] = query.sign * wp.length(p - cp)",
        "unsigned": f"distances[{where}] = wp.length(p - cp)",
        "point": f"closest[{where}] = {point}",
        "both": f"closest[{where}] = {point}\nsdf[{where}] = query.sign * wp.length(p - cp)",
        "gradient": f"gradients[{where}] = {direction}",
    }[result]
    d.launch(*shape)
    d.code(
        """
        $lines
        query = $call
        if query.result:
            cp = wp.mesh_eval_position(mesh, query.face, query.u, query.v)
            $store
        $missed
        """,
        lines=lines,
        call=call,
        missed=f"else:\n    {'distances' if result == 'unsigned' else 'sdf'}[{where}] = {'max_dist' if bound == 'given' else 'MAX_DIST'}"
        if result in ("signed", "unsigned", "both")
        else "",
        store=store,
    )

    def agrees(v: Values, after: Values) -> None:
        p = inputs(v)
        cp, _ = nearest(v.mesh, p)
        far = np.linalg.norm(p - cp, axis=-1)
        inside = winding(v.mesh, p) > 0.5
        reach = v.max_dist if bound == "given" else 1e3
        near, clear = far < reach, np.abs(far - reach) > 1e-3
        if result == "unsigned":
            expected = np.where(near, far, reach)
            np.testing.assert_allclose(np.reshape(after.distances, -1)[clear], expected[clear], atol=2e-3)
        elif "sdf" in after:
            expected = np.where(near, np.where(inside, -far, far), reach)
            np.testing.assert_allclose(np.reshape(after.sdf, -1)[clear], expected[clear], atol=2e-3)
        if result in ("point", "both"):
            p, far = p[near & clear], far[near & clear]
            # the middle is as near to many faces: compare how far, not where
            actual = np.reshape(after.closest, (-1, 3))[near & clear]
            actual = unposed(v.pose, actual) if layout == "posed" else actual
            np.testing.assert_allclose(np.linalg.norm(p - actual, axis=-1), far, atol=1e-3)
            on_it, _ = nearest(v.mesh, actual)
            np.testing.assert_allclose(on_it, actual, atol=1e-3)
        if result == "gradient":
            clear &= near & (far > 1e-3)
            g = np.reshape(after.gradients, (-1, 3))[clear]
            g = unposed(v.pose, g + v.pose[:3]) if layout == "posed" else g
            np.testing.assert_allclose(np.linalg.norm(g, axis=-1), 1.0, atol=1e-3)
            back = p[clear] - np.where(inside, -far, far)[clear][:, None] * g
            np.testing.assert_allclose(nearest(v.mesh, back)[0], back, atol=5e-3)

    d.holds(agrees)


def unposed(pose: Any, points: Any) -> Any:
    """Points in the frame of a transform (position, quaternion x y z w)."""
    pose = np.asarray(pose)
    x, y, z, w = pose[3:]
    r = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    return (points - pose[:3]) @ r


def unit(v: Any) -> Any:
    """Vectors of length one."""
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-12)
