"""Faces of meshes: how they move, and which way they look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.queries import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "mesh": "mesh_id|surface|geo",
    "face": "f|tri|face_index",
    "chosen": "face_ids|selection|faces",
    "n": "normal|nrm|unit_normal",
}


def _corners(v: Values) -> tuple[Any, Any]:
    """Corners of all faces and their velocities."""
    points, speeds = v.mesh.points.astype(float), v.mesh.velocities.astype(float)
    return points[v.mesh.faces], speeds[v.mesh.faces]


def _declared(d: Draft, listed: bool) -> tuple[int, str]:
    """Declares a mesh; gives how many faces are looked at, and the line that names one."""
    stacks, slices = d.pick(4, 5, 6), d.pick(6, 8, 10)
    d.handle("mesh", "mesh", (stacks, slices), about="Mesh id")
    faces = 2 * slices * (stacks - 1)
    if not listed:
        return faces, "face = wp.tid()"
    n = d.pick(32, 48)
    d.input("chosen", "int", n, 0, faces, about="Face indices to process")
    return n, "tid = wp.tid()\nface = chosen[tid]"


@DOMAIN.algorithm(
    source="Irgens 2008, Continuum Mechanics, ch. 4 (rates of deformation); Warp manual, Geometry: mesh_get_velocity",
    names=_NAMES
    | {
        "face_motion": "mesh_face_rates|surface_velocity|moving_faces",
        "mean": "v_mean|drift|v_face",
    },
    adjoint="no",
    element="face",
    weight=7,
)
def face_motion(d: Draft) -> None:
    """Computes per-face motion quantities for a moving mesh."""
    kind = d.option(
        "kind",
        "mean",
        "normal speed",
        "area rate",
        "edge rate",
        "advanced",
        "energy",
        "turn",
        "volume rate",
        "tilt",
    )
    d.calls({
        "mean": "face_velocities|mean_face_velocity",
        "normal speed": "normal_speeds|face_normal_speed",
        "area rate": "area_rates|face_area_rates",
        "edge rate": "edge_stretch_rates|longest_edge_rate",
        "advanced": "advance_centers|move_face_centers",
        "energy": "face_kinetic_energy|face_energies",
        "turn": "normal_rates|face_normal_rates",
        "volume rate": "swept_volume_rates|face_volume_rates",
        "tilt": "velocity_spread|largest_velocity_gap|vertex_velocity_range",
    }[kind])  # fmt: skip
    listed = d.flag("listed")
    static = d.flag("relative", 0.4) and kind in ("mean", "normal speed", "advanced", "energy", "volume rate")
    d.says({
        "mean": "Computes the mean vertex velocity for each mesh face.",
        "normal speed": "Computes the normal speed for each mesh face.",
        "area rate": "Computes the per-face area rate of change.",
        "edge rate": "Computes the length rate of change for the longest edge of each mesh face.",
        "advanced": "Advances mesh face centers using their vertex velocities.",
        "energy": "Computes the kinetic energy for each mesh face, assuming uniform density.",
        "turn": "Computes the per-face rate of change for unit normals.",
        "volume rate": "Computes the volume swept per unit time by each mesh face.",
        "tilt": "Computes the maximum vertex velocity difference for each mesh face.",
    }[kind].replace(".", ", relative to a moving frame." if static else "."))  # fmt: skip
    count, head = _declared(d, listed)
    if static:
        d.param("frame_velocity", "vec3", -0.5, 0.5, about="Reference frame velocity")
    if kind == "advanced":
        d.param("dt", "float", 0.05, 0.2, about="Time step [s]")
    if kind == "energy":
        d.param("area_density", "float", 0.5, 2.0, about="Mass per unit area")
    out = {
        "mean": "mean_velocities",
        "normal speed": "speeds",
        "advanced": "moved_centers",
        "energy": "energies",
        "tilt": "largest_gaps",
    }.get(kind, "rates")
    about = {
        "mean": "Mean vertex velocities",
        "normal speed": "Normal speed",
        "area rate": "Area rate of change",
        "edge rate": "Longest edge length rate of change",
        "advanced": "Advanced face centers",
        "energy": "Kinetic energies",
        "turn": "Unit normal rate of change",
        "volume rate": "Swept volume per unit time",
        "tilt": "Maximum velocity difference",
    }[kind]
    d.output(out, "vec3" if kind in ("mean", "advanced", "turn") else "float", count, about=about)
    corner = [f"3 * face{f' + {k}' if k else ''}" for k in range(3)]
    moved = " - frame_velocity" if static else ""
    speeds = "\n".join(
        f"v{x} = wp.mesh_get_velocity(mesh, {c}){moved}" for x, c in zip("abc", corner, strict=True)
    )
    places = "\n".join(f"{x} = wp.mesh_get_point(mesh, {c})" for x, c in zip("abc", corner, strict=True))
    mean = "mean = (va + vb + vc) / 3.0"
    slope = (
        "area_vector = 0.5 * wp.cross(b - a, c - a)\n"
        "area_vector_rate = 0.5 * (wp.cross(vb - va, c - a) + wp.cross(b - a, vc - va))"
    )
    work, value = {
        "mean": ("", "(va + vb + vc) / 3.0"),
        "normal speed": (f"{mean}\nn = wp.mesh_eval_face_normal(mesh, face)", "wp.dot(mean, n)"),
        "area rate": (f"{places}\n{slope}", "wp.dot(area_vector, area_vector_rate) / wp.length(area_vector)"),
        "edge rate": (
            f"{places}\ne = b - a\nde = vb - va\nif wp.length_sq(c - b) > wp.length_sq(e):\n    e = c - b\n    de = vc - vb\n"
            "if wp.length_sq(a - c) > wp.length_sq(e):\n    e = a - c\n    de = va - vc",
            "wp.dot(e, de) / wp.length(e)",
        ),
        "advanced": (f"{places}\n{mean}", "(a + b + c) / 3.0 + dt * mean"),
        "energy": (
            f"{places}\narea = 0.5 * wp.length(wp.cross(b - a, c - a))\n"
            "# Linear triangle mass matrix: A / 12 * (1 + delta_ij)\n"
            "v_sum = va + vb + vc\nsquares = wp.length_sq(va) + wp.length_sq(vb) + wp.length_sq(vc)",
            "area_density * area / 24.0 * (wp.length_sq(v_sum) + squares)",
        ),
        "turn": (
            f"{places}\n{slope}\narea = wp.length(area_vector)\nn = area_vector / area\n"
            "# Remove the component along n to get the unit normal rate",
            "(area_vector_rate - wp.dot(n, area_vector_rate) * n) / area",
        ),
        "volume rate": (f"{places}\n{mean}", "0.5 * wp.dot(mean, wp.cross(b - a, c - a))"),
        "tilt": ("", "wp.max(wp.max(wp.length(va - vb), wp.length(vb - vc)), wp.length(vc - va))"),
    }[kind]  # fmt: skip
    if kind == "edge rate":
        d.forward_only()
    d.launch(count)
    d.code(
        f"{head}\n$speeds\n$work\n{out}[{'tid' if listed else 'face'}] = {value}", speeds=speeds, work=work
    )

    def reference(v: Values) -> Mapping[str, Any]:
        p, u = _corners(v)
        if static:
            u = u - v.frame_velocity
        if listed:
            p, u = p[v.chosen], u[v.chosen]
        (a, b, c), (va, vb, vc) = np.moveaxis(p, 1, 0), np.moveaxis(u, 1, 0)
        side = np.cross(b - a, c - a)
        size = np.linalg.norm(side, axis=1, keepdims=True)
        normal, mean_ = side / size, u.mean(axis=1)
        rate = np.cross(vb - va, c - a) + np.cross(b - a, vc - va)
        edges, moves = np.roll(p, -1, axis=1) - p, np.roll(u, -1, axis=1) - u
        stretch = (edges * moves).sum(axis=2) / np.linalg.norm(edges, axis=2)
        longest = (np.linalg.norm(edges, axis=2).round(6)).argmax(axis=1)
        found: dict[str, Callable[[], Any]] = {
            "mean": lambda: mean_,
            "normal speed": lambda: (mean_ * normal).sum(axis=1),
            "area rate": lambda: 0.5 * (normal * rate).sum(axis=1),
            "edge rate": lambda: stretch[np.arange(len(p)), longest],
            "advanced": lambda: p.mean(axis=1) + v.dt * mean_,
            "energy": lambda: (
                v.area_density
                * size[:, 0]
                / 48
                * ((u.sum(axis=1) ** 2).sum(axis=1) + (u**2).sum(axis=(1, 2)))
            ),
            "turn": lambda: (rate - (normal * rate).sum(axis=1, keepdims=True) * normal) / size,
            "volume rate": lambda: 0.5 * (mean_ * side).sum(axis=1),
            "tilt": lambda: np.linalg.norm(moves, axis=2).max(axis=1),
        }
        return {out: found[kind]()}

    if kind == "edge rate":  # which of two edges of one length is taken, rounding decides

        def agree(v: Values, after: Values) -> None:
            wrong = np.abs(after[out] - reference(v)[out]) > 1e-3
            assert wrong.mean() < 0.6
            p, u = _corners(v)
            edges, moves = np.roll(p, -1, axis=1) - p, np.roll(u, -1, axis=1) - u
            each = (edges * moves).sum(axis=2) / np.linalg.norm(edges, axis=2)
            each = each[v.chosen] if listed else each
            assert (np.abs(each - after[out][:, None]).min(axis=1) < 1e-3).all()

        d.holds(agree)
    else:
        d.check(reference, 2e-3)


@DOMAIN.algorithm(
    source="Duff et al. 2017 (frames from normals); Lambert 1760; Warp manual, Geometry: mesh_eval_face_normal",
    names=_NAMES
    | {
        "face_directions": "face_orientation|classify_faces|face_normals_use",
        "eye": "viewer|camera|cam_pos",
        "up": "vertical|gravity_up|up_axis",
        "light": "light_pos|lamp|light_position",
        "incoming": "ray_dir|incident|direction",
        "mid": "center|centroid|c",
    },
    adjoint="no",
    element="face",
    weight=13,
)
def face_directions(d: Draft) -> None:
    """Classifies or shades mesh faces using their normals."""
    kind = d.option(
        "kind", "slope", "facing", "lambert", "tangent", "axis", "offset", "list", "silhouette", "mirror"
    )
    d.calls({
        "slope": "slope_angles|face_slopes",
        "facing": "mark_front_faces|mark_facing",
        "lambert": "lambert_faces|face_irradiance|light_on_faces",
        "tangent": "face_tangents|build_tangents",
        "axis": "classify_faces|dominant_axes|nearest_axes",
        "offset": "offset_centers|push_out_centers",
        "list": "list_front_faces|collect_front_faces",
        "silhouette": "count_facing|count_front_and_back",
        "mirror": "mirror_direction|reflect_at_faces|face_reflections",
    }[kind])  # fmt: skip
    listed = d.flag("listed") if kind != "silhouette" else False
    middle = d.option("middle", "eval", "points")
    d.says({
        "slope": "Computes the slope angle between each mesh face normal and the vertical.",
        "facing": "Marks mesh faces that face the viewer.",
        "lambert": "Computes unshadowed point-light irradiance at each mesh face center.",
        "tangent": "Builds a tangent vector for each mesh face.",
        "axis": "Classifies mesh faces by the signed coordinate axis closest to their normal.",
        "offset": "Offsets mesh face centers outward along their normals.",
        "list": "Collects the indices of mesh faces that face the viewer.",
        "silhouette": "Counts front-facing and back-facing mesh faces for a viewer.",
        "mirror": "Reflects a direction at each mesh face.",
    }[kind])  # fmt: skip
    count, head = _declared(d, listed)
    eyed = kind in ("facing", "list", "silhouette", "lambert")
    if eyed:
        d.param(
            "light" if kind == "lambert" else "eye",
            "vec3",
            1.5,
            3.0,
            about=("Light" if kind == "lambert" else "Viewer") + " position",
        )
    if kind == "slope":
        d.param("up", "vec3", 0.0, 1.0, kind="unit", about="Upward unit vector")
    if kind == "mirror":
        d.param("incoming", "vec3", 0.0, 1.0, kind="unit", about="Incoming unit direction")
    if kind == "lambert":
        d.param("intensity", "float", 2.0, 8.0, about="Light radiant intensity [W/sr]")
    if kind == "offset":
        d.param("shift", "float", 0.05, 0.2, about="Offset distance")
    type_ = {
        "tangent": "vec3",
        "offset": "vec3",
        "mirror": "vec3",
        "facing": "int",
        "axis": "int",
        "list": "int",
    }
    own = "tid" if listed else "face"
    if kind == "list":
        d.output("count", "int", 1, about="Number of front-facing faces")
        d.forward_only()
    seen_ = {
        "slope": "slopes",
        "facing": "facing",
        "lambert": "irradiance",
        "tangent": "tangents",
        "axis": "axes",
        "offset": "moved_centers",
        "list": "front_faces",
        "silhouette": "front_and_back",
        "mirror": "reflected",
    }[kind]
    d.output(
        seen_,
        type_.get(kind, "int" if kind == "silhouette" else "float"),
        2 if kind == "silhouette" else count,
        about={
            "slope": "Slope angle [rad]",
            "facing": "1 if the face is front-facing",
            "lambert": "Irradiances [W/m^2]",
            "tangent": "Unit tangents",
            "axis": "Axis index, 0-2 for positive and 3-5 for negative axes",
            "offset": "Offset face centers",
            "list": "Front-facing face indices, unordered",
            "silhouette": "Number of front-facing and back-facing faces",
            "mirror": "Reflected directions",
        }[kind],
    )
    mid = (
        "mid = wp.mesh_eval_position(mesh, face, 1.0 / 3.0, 1.0 / 3.0)"
        if middle == "eval"
        else "p0 = wp.mesh_get_point(mesh, 3 * face)\np1 = wp.mesh_get_point(mesh, 3 * face + 1)\n"
        "p2 = wp.mesh_get_point(mesh, 3 * face + 2)\nmid = (p0 + p1 + p2) / 3.0"
    )
    toward = f"{mid}\nfront = wp.dot(n, eye - mid) > 0.0"
    lines = {
        "slope": f"seen[{own}] = wp.acos(wp.clamp(wp.dot(n, up), -1.0, 1.0))",
        "facing": f"{toward}\nseen[{own}] = wp.where(front, 1, 0)",
        "lambert": f"{mid}\nto_light = light - mid\nr2 = wp.length_sq(to_light)\n"
        f"seen[{own}] = intensity * wp.max(wp.dot(n, to_light), 0.0) / (r2 * wp.sqrt(r2))",
        "tangent": "# Pick an axis that is not parallel to the normal\n"
        "helper = wp.where(wp.abs(n[0]) > 0.6, wp.vec3(0.0, 1.0, 0.0), wp.vec3(1.0, 0.0, 0.0))\n"
        f"seen[{own}] = wp.normalize(wp.cross(n, helper))",
        "axis": "best = int(0)\nfor k in range(1, 3):\n    if wp.abs(n[k]) > wp.abs(n[best]):\n        best = k\n"
        f"seen[{own}] = best + wp.where(n[best] < 0.0, 3, 0)",
        "offset": f"{mid}\nseen[{own}] = mid + shift * n",
        "list": f"{toward}\nif front:\n    # Use the previous counter value as the output slot\n"
        "    slot = wp.atomic_add(count, 0, 1)\n    seen[slot] = face",
        "silhouette": f"{toward}\nif front:\n    wp.atomic_add(seen, 0, 1)\nelse:\n    wp.atomic_add(seen, 1, 1)",
        "mirror": f"seen[{own}] = incoming - 2.0 * wp.dot(n, incoming) * n",
    }[kind].replace("seen", seen_)
    d.launch(count)
    d.code(f"{head}\nn = wp.mesh_eval_face_normal(mesh, face)\n$lines", lines=lines)

    def agree(v: Values, after: Values) -> None:
        p, _ = _corners(v)
        p = p[v.chosen] if listed else p
        n = np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0])
        n = n / np.linalg.norm(n, axis=1, keepdims=True)
        mid_, up = p.mean(axis=1), v.get("up", v.get("incoming", np.zeros(3)))
        eye = v.get("eye", v.get("light", np.zeros(3)))
        to = eye - mid_
        faced = (n * to).sum(axis=1)
        sure = np.abs(faced) > 1e-3
        seen = after[seen_]
        if kind == "tangent":
            np.testing.assert_allclose((seen * n).sum(axis=1), 0.0, atol=1e-4)
            np.testing.assert_allclose(np.linalg.norm(seen, axis=1), 1.0, atol=1e-4)
            return
        if kind == "axis":
            sign = np.where(seen < 3, 1, -1)
            assert (sign * n[np.arange(len(n)), seen % 3] > np.abs(n).max(axis=1) - 1e-3).all()
            return
        if kind == "list":
            ids = v.chosen if listed else np.arange(count)
            made = np.sort(seen[: int(after.count[0])])
            assert np.isin(made, ids[(faced > -1e-3)]).all()
            assert np.isin(ids[sure & (faced > 0)], made).all()
            return
        if kind == "silhouette":
            assert abs(int(seen[0]) - (faced > 0).sum()) <= (~sure).sum()
            assert seen.sum() == count
            return
        found: dict[str, Callable[[], Any]] = {
            "slope": lambda: np.arccos(np.clip((n * up).sum(axis=1), -1, 1)),
            "facing": lambda: np.where(sure, faced > 0, seen),
            "lambert": lambda: v.intensity * np.maximum(faced, 0) / np.linalg.norm(to, axis=1) ** 3,
            "offset": lambda: mid_ + v["shift"] * n,
            "mirror": lambda: up - 2 * (n * up).sum(axis=1, keepdims=True) * n,
        }
        np.testing.assert_allclose(np.asarray(seen, float), np.asarray(found[kind](), float), atol=5e-3)

    d.holds(agree)
