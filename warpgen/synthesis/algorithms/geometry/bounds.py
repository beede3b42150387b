"""Bounds and pairs of convex shapes: boxes that move, frusta that cull, triangles that cross."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.geometry import DOMAIN
from warpgen.synthesis.algorithms.geometry.distances import rotations
from warpgen.synthesis.writing.draft import Draft, Values

NAMES = {
    "lower": "aabb_lower|box_min|lowers",
    "upper": "aabb_upper|box_max|uppers",
    "poses": "transforms|body_q|shape_transforms",
    "visible": "in_view|not_culled|keep",
    "planes": "frustum|frustum_planes|clip_planes",
    "points": "positions|vertices|x",
    "margin": "thickness|contact_margin|padding",
    "offset": "offset",
}
ORDINALS = {"a": "First", "b": "Second", "c": "Third"}


@DOMAIN.algorithm(
    source="Arvo 1990, Transforming axis-aligned bounding boxes; Ericson 2004, 4.2",
    names=NAMES | {"world_bounds": "compute_aabbs|shape_bounds|world_aabbs|update_bounds"},
    double=True,
    weight=4,
)
def world_bounds(d: Draft) -> None:
    """Computes the world-space bounding box of each transformed shape."""
    shape = d.option("shape", "box", "bounds", "capsule", "ellipsoid", "triangle", "cylinder")
    result = d.option("result", "both", "center and half")
    padded = d.flag("margin")
    swept = d.flag("velocity", 0.3)
    if shape == "triangle":
        d.calls("triangle_bounds|compute_triangle_aabbs|face_bounds")
    n = d.pick(48, 64, 96)
    what = {"bounds": "local bounding box", "triangle": "triangle"}.get(shape, f"transformed {shape}")
    d.says(
        f"Computes the {'' if shape == 'triangle' else 'world-space '}bounding box for each {what}"
        + (" over a time step without rotation" if swept and shape != "triangle" else "")
        + (" over a time step" if swept and shape == "triangle" else "")
        + (", grown by a margin" if padded else "")
        + (", as center and half extents." if result == "center and half" else ".")
    )
    if shape == "triangle":
        for name in "abc":
            d.input(name, "vec3", n, -1.0, 1.0, about=f"{ORDINALS[name]} triangle corners")
    else:
        d.input("poses", "transform", n, -1.0, 1.0, "transform", about="Shape poses")
    matrix = "R = wp.quat_to_matrix(wp.transform_get_rotation(X))"
    position = "X = poses[tid]\np = wp.transform_get_translation(X)"
    reach = """
        # Use |R| per entry to cover all corners regardless of sign
        e = wp.vec3(
            wp.abs(R[0, 0]) * h[0] + wp.abs(R[0, 1]) * h[1] + wp.abs(R[0, 2]) * h[2],
            wp.abs(R[1, 0]) * h[0] + wp.abs(R[1, 1]) * h[1] + wp.abs(R[1, 2]) * h[2],
            wp.abs(R[2, 0]) * h[0] + wp.abs(R[2, 1]) * h[1] + wp.abs(R[2, 2]) * h[2],
        )
        """
    if shape == "box":
        d.input("half", "vec3", n, 0.1, 0.8, about="Half extents")
        body = f"{position}\n{matrix}\nh = half[tid]\n$reach"
    elif shape == "bounds":
        d.input("lower", "vec3", n, -1.0, 0.0, about="Local-space lower corners")
        d.input("upper", "vec3", n, 0.0, 1.0, about="Local-space upper corners")
        body = f"""
            X = poses[tid]
            p = wp.transform_point(X, 0.5 * (lower[tid] + upper[tid]))
            {matrix}
            h = 0.5 * (upper[tid] - lower[tid])
            $reach
            """
    elif shape == "capsule":
        d.input("radius", "float", n, 0.1, 0.4, about="Radii")
        d.input("half_height", "float", n, 0.2, 0.8, about="Half height of the cylindrical section, along y")
        body = """
            X = poses[tid]
            p = wp.transform_get_translation(X)
            axis = half_height[tid] * wp.transform_vector(X, wp.vec3(0.0, 1.0, 0.0))
            r = radius[tid]
            e = wp.vec3(wp.abs(axis[0]) + r, wp.abs(axis[1]) + r, wp.abs(axis[2]) + r)
            """
    elif shape == "cylinder":
        d.input("radius", "float", n, 0.1, 0.4, about="Radii")
        d.input("half_height", "float", n, 0.2, 0.8, about="Half height along y")
        body = """
            X = poses[tid]
            p = wp.transform_get_translation(X)
            a = wp.transform_vector(X, wp.vec3(0.0, 1.0, 0.0))
            r = radius[tid]
            h = half_height[tid]
            # each rim is a circle of radius r with extent r * sqrt(1 - a_x^2) along x
            e = wp.vec3(
                h * wp.abs(a[0]) + r * wp.sqrt(wp.max(1.0 - a[0] * a[0], 0.0)),
                h * wp.abs(a[1]) + r * wp.sqrt(wp.max(1.0 - a[1] * a[1], 0.0)),
                h * wp.abs(a[2]) + r * wp.sqrt(wp.max(1.0 - a[2] * a[2], 0.0)),
            )
            """
    elif shape == "ellipsoid":
        d.input("radii", "vec3", n, 0.1, 0.8, about="Semi-axes")
        body = f"""
            {position.replace(chr(10), chr(10) + "            ")}
            {matrix}
            # row norms of R * S give the world-axis extents
            M = R * wp.diag(radii[tid])
            e = wp.vec3(
                wp.length(wp.vec3(M[0, 0], M[0, 1], M[0, 2])),
                wp.length(wp.vec3(M[1, 0], M[1, 1], M[1, 2])),
                wp.length(wp.vec3(M[2, 0], M[2, 1], M[2, 2])),
            )
            """
    else:
        body = """
            lo = wp.min(a[tid], wp.min(b[tid], c[tid]))
            hi = wp.max(a[tid], wp.max(b[tid], c[tid]))
            """
    if shape != "triangle":
        body += "\n$box"
    if swept:
        d.input("velocity", "vec3", n, -1.0, 1.0, about="Linear velocities")
        d.param("dt", "float", 0.1, 0.3, about="Time step [s]")
    if padded:
        d.param("margin", "float", 0.01, 0.1, about="Margin added to each side")
    ends = "world" if shape != "triangle" else "box"
    first, second = d.pick(
        (f"{ends}_lower", f"{ends}_upper"), ("lower_out", "upper_out"), ("bounds_lower", "bounds_upper")
    )
    if result == "center and half":
        first, second = "box_center", "box_half"
    d.output(first, "vec3", n, about="Lower corners" if result == "both" else "Centers")
    d.output(second, "vec3", n, about="Upper corners" if result == "both" else "Half extents")
    direct = result == "center and half" and shape != "triangle" and not swept  # no corners are needed
    stores = {
        "both": f"{first}[tid] = lo\n{second}[tid] = hi",
        "center and half": "box_center[tid] = 0.5 * (lo + hi)\nbox_half[tid] = 0.5 * (hi - lo)",
    }[result]
    grow = "m = wp.vec3(margin, margin, margin)\nlo = lo - m\nhi = hi + m"
    if direct:
        stores = "box_center[tid] = p\nbox_half[tid] = e"
        grow = "e += wp.vec3(margin, margin, margin)"
    d.launch(n)
    d.code(
        "tid = wp.tid()\n$body\n$sweep\n$margin\n$stores",
        body=_flat(body),
        reach=reach,
        box="" if direct else "lo = p - e\nhi = p + e",
        sweep="# swept bounds: include the end-of-step position\nmove = dt * velocity[tid]\n"
        "lo = wp.min(lo, lo + move)\nhi = wp.max(hi, hi + move)"
        if swept
        else "",
        margin=grow if padded else "",
        stores=stores,
    )

    def reference(v: Values) -> dict[str, Any]:
        if shape == "triangle":
            corners = np.stack([v.a, v.b, v.c])
            lo, hi = corners.min(axis=0), corners.max(axis=0)
        else:
            r, p = rotations(v.poses[:, 3:]), v.poses[:, :3]
            if shape in ("box", "bounds"):
                low, high = (-v.half, v.half) if shape == "box" else (v.lower, v.upper)
                signs = np.array(list(np.ndindex(2, 2, 2)))
                corners = np.where(signs[:, None], high, low)
                moved = np.einsum("nij,cnj->cni", r, corners) + p
                lo, hi = moved.min(axis=0), moved.max(axis=0)
            else:
                if shape == "capsule":
                    e = np.abs(v.half_height[:, None] * r[:, :, 1]) + v.radius[:, None]
                elif shape == "cylinder":
                    rim = np.linalg.norm(r[:, :, [0, 2]], axis=2)  # the circle's two axes
                    e = np.abs(v.half_height[:, None] * r[:, :, 1]) + v.radius[:, None] * rim
                else:
                    e = np.sqrt(np.einsum("nij,nj->ni", r**2, v.radii**2))
                lo, hi = p - e, p + e
        if swept:
            lo, hi = np.minimum(lo, lo + v.dt * v.velocity), np.maximum(hi, hi + v.dt * v.velocity)
        if padded:
            lo, hi = lo - v.margin, hi + v.margin
        if result == "both":
            return {first: lo, second: hi}
        return {first: (lo + hi) / 2.0, second: (hi - lo) / 2.0}

    d.check(reference, 2e-3)


def _flat(text: str) -> str:
    """Lines with the indent of the first; a block that was put within one has none of its own."""
    lines = text.strip("\n").split("\n")
    indent = min((len(x) - len(x.lstrip()) for x in lines if x.strip() and x.startswith(" ")), default=0)
    return "\n".join(x[indent:] if x.startswith(" " * indent) else x for x in lines)


@DOMAIN.algorithm(
    source="Assarsson & Moeller 2000, Optimized view frustum culling; Lengyel 2012, 5.3",
    names=NAMES | {"frustum_cull": "frustum_test|view_culling|cull_instances|visibility_cull"},
    adjoint="no",
)
def frustum_cull(d: Draft) -> None:
    """Tests shapes against view frustum planes (conservative culling)."""
    shape = d.option("shape", "sphere", "box", "corners", "point")
    result = d.option("result", "flag", "list", "class", "count")
    source = d.option("planes", "array", "camera")
    if shape == "point" and result in ("class", "count"):
        result = "flag"
    region = "a view frustum" if source == "camera" else "six clip planes"
    by = "frustum" if source == "camera" else "planes"
    if result == "flag" and source == "array":
        d.calls("clip_plane_test|cull_by_planes|cull_instances|visibility_cull")
    elif result != "flag":
        d.calls(
            {
                "list": f"cull_by_{by}|collect_visible|cull_instances|gather_visible",
                "class": f"classify_by_{by}|classify_visibility",
                "count": "count_visible|cull_and_count|visible_count",
            }[result]
        )
    n = d.pick(64, 96, 128)
    wide = 1.0 if source == "array" else 1.5 if result == "class" else 2.0
    if source == "array":
        d.input(
            "plane_normals", "vec3", 6, kind="unit", about="Inward-facing unit normals of the clip planes"
        )
        d.input("offsets", "float", 6, 0.3, 0.9, about="Clip plane offsets: n . x + offset >= 0 inside")
        fetch = "n = plane_normals[k]\noffset = offsets[k]"
    else:
        d.param("camera", "transform", -0.3, 0.3, kind="transform", about="Camera pose, looking along -z")
        d.param("half_size", "vec2", 0.8, 1.2, about="View half width and half height at unit distance")
        d.param("z_near", "float", 0.1, 0.3, about="Near plane distance")
        d.param("z_far", "float", 3.0, 4.0, about="Far plane distance")
        fetch = """
            # plane pairs: left/right, bottom/top (all through the eye), near/far
            s = 1.0 - 2.0 * float(k % 2)
            n = wp.vec3(0.0, 0.0, -s)
            if k < 2:
                n = wp.normalize(wp.vec3(s, 0.0, -half_size[0]))
            elif k < 4:
                n = wp.normalize(wp.vec3(0.0, s, -half_size[1]))
            n = wp.transform_vector(camera, n)
            offset = -wp.dot(n, wp.transform_get_translation(camera))
            if k == 4:
                offset -= z_near
            elif k == 5:
                offset += z_far
            """
    if shape in ("sphere", "box"):
        d.input("centers", "vec3", n, -wide, wide, about="Centers")
        if shape == "sphere":
            d.input("radii", "float", n, *((0.1, 0.6) if result == "class" else (0.3, 1.2)), about="Radii")
        else:
            d.input("half", "vec3", n, 0.2, 1.0, about="Half extents")
    elif shape == "corners":
        d.input("lower", "vec3", n, -1.5 * wide, 0.8 * wide, about="Box lower corners")
        d.input("size", "vec3", n, 0.2, 0.7, about="Box side lengths")
    else:
        d.input("points", "vec3", n, -0.4 * wide, 0.4 * wide, about="Point positions")
    begin = {
        "sphere": "p = centers[tid]\nr = radii[tid]",
        "box": "p = centers[tid]\nh = half[tid]",
        "corners": "lo = lower[tid]\nhi = lo + size[tid]",
        "point": "p = points[tid]",
    }[shape]
    measure = {
        "sphere": "dist = wp.dot(n, p) + offset",
        "box": """
            dist = wp.dot(n, p) + offset
            reach = h[0] * wp.abs(n[0]) + h[1] * wp.abs(n[1]) + h[2] * wp.abs(n[2])
            """,
        "corners": """
            $corners
            far = wp.vec3(
                wp.where(n[0] > 0.0, hi[0], lo[0]),
                wp.where(n[1] > 0.0, hi[1], lo[1]),
                wp.where(n[2] > 0.0, hi[2], lo[2]),
            )
            $near
            """,
        "point": "dist = wp.dot(n, p) + offset",
    }[shape]
    reach = "r" if shape == "sphere" else "reach"
    outside, across = (
        ("wp.dot(n, far) + offset < 0.0", "wp.dot(n, near) + offset < 0.0")
        if shape == "corners"
        else (f"dist < -{reach}", f"dist < {reach}")
    )
    what = {"sphere": "spheres", "corners": "boxes", "box": "boxes", "point": "points"}[shape]
    if result == "list":
        d.inout("visible_count", "int", 1, value=0.0, about=f"Number of visible {what}")
        d.output("kept", "int", n, about=f"Visible {what} indices, unordered")
        store = "slot = wp.atomic_add(visible_count, 0, 1)\nkept[slot] = tid"
    elif result == "count":
        d.inout("visible_count", "int", 1, value=0.0, about=f"Number of visible {what}")
        store = "wp.atomic_add(visible_count, 0, 1)"
    elif result == "flag":
        d.output("visible", "int", n, about="1 if visible, 0 otherwise")
        store = "visible[tid] = 1"
    else:
        d.output("classes", "int", n, about="0 outside, 1 intersecting, 2 inside")
        store = "classes[tid] = wp.where(cut > 0, 1, 2)"
    within = f"{what} inside {region}" if shape == "point" else f"{what} not culled by {region}"
    d.says(
        {
            "flag": f"Marks {within}.",
            "list": f"Collects indices of {within}.",
            "class": f"Classifies {what} as outside (0), intersecting (1) or inside (2) {region}.",
            "count": f"Counts {within}.",
        }[result]
    )
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        $begin
        $cut
        for k in range(6):
            $fetch
            $measure
            $behind
                $culled
                return
            $crossing
        $store
        """,
        begin=begin,
        cut="cut = int(0)" if result == "class" else "",
        fetch=fetch,
        measure=measure,
        behind="if dist < 0.0:"
        if shape == "point"
        else f"# early exit: completely behind this plane\nif {outside}:",
        near="near = lo + hi - far" if result == "class" else "",
        corners="# farthest corner along the plane normal (p-vertex) and the opposite corner (n-vertex)"
        if result == "class"
        else "# farthest corner along the plane normal (p-vertex)",
        crossing=f"if {across}:\n    cut += 1" if result == "class" else "",
        culled={"flag": "visible[tid] = 0", "class": "classes[tid] = 0"}.get(result, ""),
        store=store,
    )

    def agrees(v: Values, after: Values) -> None:
        if source == "array":
            planes = np.column_stack([v.plane_normals, v.offsets])
        else:
            r, eye = rotations(np.asarray(v.camera)[3:]), np.asarray(v.camera)[:3]
            x, y = v.half_size
            sides = np.array([[1, 0, -x], [-1, 0, -x], [0, 1, -y], [0, -1, -y], [0, 0, -1], [0, 0, 1]])
            normal = sides / np.linalg.norm(sides, axis=1, keepdims=True) @ r.T
            planes = np.column_stack([normal, np.array([0, 0, 0, 0, -v.z_near, v.z_far]) - normal @ eye])
        normal, offset = planes[:, :3], planes[:, 3]
        if shape == "corners":
            center, half = v.lower + 0.5 * v["size"], 0.5 * v["size"]
        else:
            center = v.points if shape == "point" else v.centers
            half = v.half if shape == "box" else np.zeros((n, 3))
        dist = center @ normal.T + offset
        reach = half @ np.abs(normal).T
        if shape == "sphere":
            reach = v.radii[:, None] * np.linalg.norm(normal, axis=1)
        inside = (dist >= -reach).all(axis=1)
        sure = np.abs(dist + reach).min(axis=1) > 1e-4
        if result == "flag":
            np.testing.assert_array_equal(np.asarray(after.visible)[sure], inside[sure])
        elif result == "class":
            kind = np.where(inside, np.where((dist >= reach).all(axis=1), 2, 1), 0)
            assert np.mean(np.asarray(after.classes) == kind) > 0.97
        else:
            assert abs(int(after.visible_count[0]) - inside.sum()) <= (~sure).sum()
            if result == "list":
                kept = np.asarray(after.kept)[: int(after.visible_count[0])]
                assert len(set(kept)) == len(kept)
                assert set(np.flatnonzero(inside & sure)) <= set(kept)
                np.testing.assert_array_equal(after.kept[int(after.visible_count[0]) :], 0)

    d.holds(agrees)
