"""Tests whether shapes meet: rays, boxes, triangles, polygons."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.geometry import DOMAIN
from warpgen.synthesis.algorithms.geometry.distances import rotations
from warpgen.synthesis.library import intersections
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values

NAMES = {
    "origins": "ray_origins",
    "directions": "ray_directions|ray_dirs",
    "offset": "offset",
    "hit": "hits|intersects",
    "t_hit": "t_out|hit_t|distances",
    "inside": "is_inside|contained|flags",
    "lower": "box_min|aabb_min|lo",
    "upper": "box_max|aabb_max|hi",
}


@DOMAIN.algorithm(
    source="Moeller & Trumbore 1997; Kay & Kajiya 1986; Ericson 2004, 5.3",
    names=NAMES | {"ray_primitive": "ray_cast|intersect_rays|ray_shape_intersection|raycast_kernel"},
    double=True,
    adjoint="no",
)
def ray_primitive(d: Draft) -> None:
    """Intersects rays with a primitive and returns the ray parameter, -1 for a miss."""
    shape = d.option("shape", "sphere", "triangle", "box", "plane", "cylinder")
    result = d.option("result", "distance", "flag", "point", "count")
    pairing = d.option("pairing", "one each", "one for all", "nearest of all")
    if pairing != "nearest of all" and result == "count":
        result = "distance"
    n, m = d.pick(64, 96, 128), d.pick(8, 12, 16)
    form = {
        "sphere": intersections.SPHERE,
        "triangle": intersections.TRIANGLE,
        "box": intersections.BOX,
        "plane": intersections.PLANE,
        "cylinder": intersections.CYLINDER,
    }[shape]
    d.input("origins", "vec3", n, -1.0, 1.0, about="Ray origins")
    d.input("directions", "vec3", n, kind="unit", about="Unit ray directions")
    fields: dict[str, tuple[str, float, float, Any]] = {
        "sphere": {"centers": ("vec3", -1.0, 1.0, "uniform"), "radii": ("float", 0.3, 0.9, "uniform")},
        "triangle": dict.fromkeys(("va", "vb", "vc"), ("vec3", -2.0, 2.0, "uniform")),
        "box": {"lower": ("vec3", -1.2, -0.2, "uniform"), "upper": ("vec3", 0.0, 1.0, "uniform")},
        "plane": {"normals": ("vec3", 0.0, 1.0, "unit"), "offsets": ("float", -1.0, 1.0, "uniform")},
        "cylinder": {
            "bases": ("vec3", -1.0, -0.3, "uniform"),
            "tips": ("vec3", 0.3, 1.0, "uniform"),
            "radii": ("float", 0.3, 0.9, "uniform"),
        },
    }[shape]
    if pairing == "one for all":
        single = {
            "bases": "base",
            "centers": "center",
            "normals": "normal",
            "offsets": "offset",
            "tips": "tip",
        }
        single["radii"] = "radius"
        fields = {single.get(name, name): field for name, field in fields.items()}
    extent = m if pairing == "nearest of all" else n
    for name, (type, low, high, kind) in fields.items():
        if pairing == "one for all":
            d.param(name, type, low, high, kind)
        else:
            d.input(name, type, extent, low, high, kind)
    at = {"one each": "[tid]", "one for all": "", "nearest of all": "[k]"}[pairing]
    call = f"{d.use(form)}(ro, rd, {', '.join(name + at for name in fields)})"
    article = {"one each": "its", "one for all": "a", "nearest of all": "the nearest"}[pairing]
    noun = "open cylinder" if shape == "cylinder" else shape  # it has no caps
    d.says(
        {
            "distance": f"Computes the hit distance between each ray and {article} {noun}, or -1 for a miss.",
            "flag": f"Tests whether each ray hits {'any' if article == 'the nearest' else article} {noun}.",
            "point": f"Computes the hit point on {article} {noun} for each ray, or zero for a miss.",
            "count": f"Counts the {'boxes' if shape == 'box' else noun + 's'} hit by each ray.",
        }[result].replace(" a open", " an open")
    )
    d.output(
        *{
            "distance": ("t_hit", "float", n, "Hit distances, -1 for a miss"),
            "point": ("points", "vec3", n, "Hit points, zero for a miss"),
            "count": ("num_hits", "int", n, "Number of hits per ray"),
        }.get(result, ("hit", "int", n, "1 if the ray hits"))
    )
    size = f"{next(iter(fields))}.shape[0]"
    if result == "count":
        body = f"""
            count = int(0)
            for k in range({size}):
                if {call} >= 0.0:
                    count += 1
            num_hits[tid] = count
            """
    elif pairing == "nearest of all" and result == "flag":
        body = f"""
            # early exit: any hit is enough
            for k in range({size}):
                if {call} >= 0.0:
                    hit[tid] = 1
                    return
            hit[tid] = 0
            """
    elif pairing == "nearest of all":
        body = f"""
            nearest = float(1.0e8)
            for k in range({size}):
                t = {call}
                if t >= 0.0 and t < nearest:
                    nearest = t
            $store
            """
    else:
        body = f"t = {call}\n$store"
    nearest = pairing == "nearest of all"
    store = {
        "distance": "t_hit[tid] = wp.where(nearest < 1.0e8, nearest, -1.0)" if nearest else "t_hit[tid] = t",
        "flag": "hit[tid] = wp.where(t >= 0.0, 1, 0)",
        "point": "if nearest < 1.0e8:\n    points[tid] = ro + nearest * rd\nelse:\n    points[tid] = wp.vec3(0.0)"
        if nearest
        else "points[tid] = wp.where(t >= 0.0, ro + t * rd, wp.vec3(0.0))",
        "count": "",
    }[result]
    d.launch(n)
    d.code(
        "tid = wp.tid()\nro = origins[tid]\nrd = directions[tid]\n$body",
        body=body,
        store=store,
    )

    def agrees(v: Values, after: Values) -> None:
        if nearest:
            t = form(v.origins[:, None], v.directions[:, None], *(v[name][None] for name in fields))
            count = (t >= 0.0).sum(axis=1)
            t = np.where(t >= 0.0, t, np.inf).min(axis=1)
            t = np.where(np.isfinite(t), t, -1.0)
        else:
            t = form(v.origins, v.directions, *(np.asarray(v[name]) for name in fields))
            count = (t >= 0.0).astype(int)
        met = np.where((t >= 0.0)[:, None], v.origins + t[:, None] * v.directions, 0.0)
        if result == "distance":
            mostly_close(after.t_hit, t, 5e-3, 0.96)
        elif result == "point":
            mostly_close(after.points, met, 5e-3, 0.96)
        elif result == "count":
            mostly_close(after.num_hits, count, 1e-3, 0.985)
        else:
            mostly_close(after.hit, np.minimum(count, 1), 1e-3, 0.985)

    d.holds(agrees)


@DOMAIN.algorithm(
    source="Gottschalk, Lin & Manocha 1996, OBBTree; Ericson 2004, 4.4",
    names=NAMES | {"obb_overlap": "obb_sat|box_box_test|oriented_boxes_overlap|separating_axis_test"},
    adjoint="either",
    double=True,
    weight=2,
)
def obb_overlap(d: Draft) -> None:
    """Tests pairs of oriented boxes for overlap using the separating axis theorem."""
    axes = d.option("axes", "fifteen", "faces only")
    style = d.option("style", "loop", "matrix")
    layout = d.option("layout", "pairs", "against one")
    pose = d.option("pose", "transform", "matrix")
    n, boxes = d.pick(48, 64, 96), d.pick(24, 32)
    if layout == "pairs":
        d.input("pairs", "vec2i", n, 0, boxes, about="Index pairs to test")
        count = boxes
        fetch = "pair = pairs[tid]\nia = pair[0]\nib = pair[1]"
        first, second = "ia", "ib"
    else:
        count = n + 1
        fetch = "# test against box 0\nib = tid + 1"
        first, second = "0", "ib"
    if pose == "transform":
        d.input("poses", "transform", count, -1.0, 1.0, "transform", about="Shape poses")
        frames = f"""
            Xa = poses[{first}]
            Xb = poses[{second}]
            Ra = wp.quat_to_matrix(wp.transform_get_rotation(Xa))
            Rb = wp.quat_to_matrix(wp.transform_get_rotation(Xb))
            offset = wp.transform_get_translation(Xb) - wp.transform_get_translation(Xa)
            """
    else:
        d.input("centers", "vec3", count, -1.0, 1.0, about="Centers")
        d.input(
            "axes", "mat33", count, kind="rotation", about="Rotation matrices with the box axes as columns"
        )
        frames = f"""
            Ra = axes[{first}]
            Rb = axes[{second}]
            offset = centers[{second}] - centers[{first}]
            """
    d.input("half", "vec3", count, 0.2, 0.7, about="Half extents")
    d.output(
        "hit",
        "int",
        n,
        about="1 if the boxes overlap" if axes == "fifteen" else "0 if the boxes are separated",
    )
    if axes == "faces only":
        d.calls("box_face_axes_test|boxes_may_overlap|coarse_box_overlap")
        d.says("Tests pairs of oriented boxes for overlap using face normals only (conservative).")
    if layout != "pairs":
        d.says(
            "Tests the first oriented box for overlap with every other box"
            + (" using face normals only (conservative)." if axes == "faces only" else ".")
        )
    relative = f"""
        R = wp.transpose(Ra) * Rb
        t = wp.transpose(Ra) * offset
        ha = half[{first}]
        hb = half[{second}]
        """
    cross = """
        for i in range(3):
            i1 = (i + 1) % 3
            i2 = (i + 2) % 3
            for j in range(3):
                j1 = (j + 1) % 3
                j2 = (j + 2) % 3
                ra = ha[i1] * A[i2, j] + ha[i2] * A[i1, j]
                rb = hb[j1] * A[i, j2] + hb[j2] * A[i, j1]
                if wp.abs(t[i2] * R[i1, j] - t[i1] * R[i2, j]) > ra + rb:
                    separated = 1
        """
    if style == "loop":
        face = """
            for i in range(3):
                rb = hb[0] * A[i, 0] + hb[1] * A[i, 1] + hb[2] * A[i, 2]
                if wp.abs(t[i]) > ha[i] + rb:
                    separated = 1
                ra = ha[0] * A[0, i] + ha[1] * A[1, i] + ha[2] * A[2, i]
                along = t[0] * R[0, i] + t[1] * R[1, i] + t[2] * R[2, i]
                if wp.abs(along) > ra + hb[i]:
                    separated = 1
            """
    else:
        face = """
            # face axes of both boxes
            reach_a = ha + A * hb
            reach_b = wp.transpose(A) * ha + hb
            u = wp.transpose(R) * t
            for i in range(3):
                if wp.abs(t[i]) > reach_a[i] or wp.abs(u[i]) > reach_b[i]:
                    separated = 1
            """
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        $fetch
        $frames
        $relative
        $why
        A = wp.mat33()
        for i in range(3):
            for j in range(3):
                A[i, j] = wp.abs(R[i, j])$epsilon
        separated = int(0)
        $face
        $cross
        hit[tid] = 1 - separated
        """,
        fetch=fetch,
        frames=frames,
        relative=relative,
        face=face,
        cross=cross if axes == "fifteen" else "",
        why="# add an epsilon to |R|, since the cross product of parallel edges vanishes"
        if axes == "fifteen"
        else "",
        epsilon=" + 1.0e-6" if axes == "fifteen" else "",
    )

    def agrees(v: Values, after: Values) -> None:
        ia, ib = (v.pairs[:, 0], v.pairs[:, 1]) if layout == "pairs" else (np.zeros(n, int), np.arange(n) + 1)
        if pose == "transform":
            r, c = rotations(v.poses[:, 3:]), v.poses[:, :3]
        else:
            r, c = v.axes, v.centers
        a, b = r[ia], r[ib]
        tested = [*np.moveaxis(a, 2, 0), *np.moveaxis(b, 2, 0)]
        if axes == "fifteen":
            tested += [np.cross(a[:, :, i], b[:, :, j]) for i in range(3) for j in range(3)]
        gap = np.full(n, -np.inf)
        for axis in tested:
            size = np.linalg.norm(axis, axis=1)
            reach = sum(
                (np.abs(np.einsum("nki,nk->ni", m, axis)) * v.half[i]).sum(1) for m, i in ((a, ia), (b, ib))
            )
            apart = np.abs(((c[ib] - c[ia]) * axis).sum(1)) - reach
            gap = np.maximum(gap, np.where(size > 1e-3, apart / np.maximum(size, 1e-3), -np.inf))
        clear = np.abs(gap) > 1e-4
        np.testing.assert_array_equal(np.asarray(after.hit)[clear], (gap <= 0.0)[clear])

    d.holds(agrees)
