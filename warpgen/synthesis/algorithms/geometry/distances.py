"""Closest points and distances between points, segments, triangles and solids."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.geometry import DOMAIN
from warpgen.synthesis.library import closest
from warpgen.synthesis.writing.draft import Draft, Values

NAMES = {
    "points": "queries|query_points|x",
    "p": "query|point|xi",
    "closest": "closest_points|nearest|projected|c_out",
    "distance": "dist|distances|separation",
    "offset": "offset",
}


@DOMAIN.algorithm(
    source="Ericson 2004, Real-Time Collision Detection, 5.1",
    names=NAMES | {"a": "p0|start|seg_a", "b": "p1|end|seg_b"},
    double=True,
)
def closest_point_on_shape(d: Draft) -> None:
    """Computes the closest point on a primitive for each query point."""
    shape = d.option(
        "shape", "segment", "triangle", "box", "oriented box", "sphere", "capsule", "plane", "disk"
    )
    result = d.option("result", "point", "distance", "both", "offset")
    one = d.option("shapes", "one each", "one for all")
    d.calls(
        {
            "point": "closest_point_on_shape|project_to_primitive|closest_points|closest_point_kernel",
            "distance": "distance_to_shape|point_distance|distance_to_primitive",
            "both": "closest_point_on_shape|closest_points|closest_point_kernel",
            "offset": "offset_to_shape|vector_to_shape|offset_to_primitive",
        }[result]
    )
    n = d.pick(48, 64, 96, 128)
    of = f"the surface of a {shape}" if shape in ("sphere", "capsule") else f"a {shape}"
    of = f"a solid {shape}" if "box" in shape else of
    d.says(
        {
            "point": f"Finds the closest point on {of} for each query point.",
            "distance": f"Computes the distance between each point and {of}.",
            "both": f"Finds the closest point on {of} and its distance for each query point.",
            "offset": f"Computes the vector from each point to the closest point on {of}.",
        }[result].replace("a oriented", "an oriented")
    )
    d.input("points", "vec3", n, -1.5, 1.5, about="Point positions")
    each = one == "one each"
    middle = size = ""

    abouts = {
        "a": "Axis start point" if shape == "capsule" else "Segment start",
        "b": "Axis end point" if shape == "capsule" else "Segment end",
        "lower": "Box lower corner",
        "upper": "Box upper corner",
        "v0": "First triangle corner",
        "v1": "Second triangle corner",
        "v2": "Third triangle corner",
        "pose": "Box pose",
        "half": "Box half extents",
        "center": f"{shape.capitalize()} center",
        "radius": f"{shape.capitalize()} radius",
        "normal": f"{shape.capitalize()} normal, not necessarily normalized",
        "offset": "Plane offset from the origin along its unit normal",
    }

    def given(name: str, type: str, low: float, high: float, kind: Any = "uniform") -> str:
        about = abouts[name]
        if each:
            d.input(name, type, n, low, high, kind, about=about)
            return f"{name}[tid]"
        d.param(name, type, low, high, kind, about=about)
        return name

    if shape == "segment":
        text = f"c = {d.use(closest.SEGMENT)}(p, {given('a', 'vec3', -1, 1)}, {given('b', 'vec3', -1, 1)})"
    elif shape == "triangle":
        corners = ", ".join(given(f"v{k}", "vec3", -1, 1) for k in range(3))
        text = f"c = {d.use(closest.TRIANGLE)}(p, {corners})"
    elif shape == "box":
        lower, upper = given("lower", "vec3", -1.0, -0.2), given("upper", "vec3", 0.2, 1.0)
        text = f"c = {d.use(closest.BOX)}(p, {lower}, {upper})"
    elif shape == "oriented box":
        pose, half = given("pose", "transform", -0.5, 0.5, "transform"), given("half", "vec3", 0.2, 0.7)
        X, h = ("X", "h") if each else (pose, half)
        text = f"""
            {f"X = {pose}" if each else ""}
            {f"h = {half}" if each else ""}
            # clamp to the half extents in the box's local frame
            local = wp.transform_point(wp.transform_inverse({X}), p)
            c = wp.transform_point({X}, wp.max(wp.min(local, {h}), -{h}))
            """.replace("            \n", "")
    elif shape == "sphere":
        center, radius = given("center", "vec3", -0.5, 0.5), given("radius", "float", 0.2, 0.6)
        text = f"c = {center} + {radius} * wp.normalize(p - {center})"
        middle, size = center, radius
    elif shape == "capsule":
        a, b, radius = (
            given("a", "vec3", -1, 1),
            given("b", "vec3", -1, 1),
            given("radius", "float", 0.1, 0.3),
        )
        text = f"""
            axis = {d.use(closest.SEGMENT)}(p, {a}, {b})
            c = axis + {radius} * wp.normalize(p - axis)
            """
        size = radius
    elif shape == "plane":
        normal, offset = given("normal", "vec3", 0.3, 0.9), given("offset", "float", -0.5, 0.5)
        size = offset
        text = f"""
            n = wp.normalize({normal})
            c = p - (wp.dot(n, p) - {offset}) * n
            """
    else:
        center, normal = given("center", "vec3", -0.5, 0.5), given("normal", "vec3", 0.2, 0.9)
        radius = given("radius", "float", 0.3, 0.8)
        text = f"""
            n = wp.normalize({normal})
            away = p - {center}
            # project onto the disk plane, then clamp to the rim
            radial = away - wp.dot(away, n) * n
            r = wp.length(radial)
            c = {center} + radial * wp.min(1.0, {radius} / wp.max(r, 1.0e-6))
            """
    far = "wp.length(p - c)"
    if result == "distance" and shape in ("sphere", "capsule", "plane"):  # known without the closest point
        far = {
            "sphere": f"wp.abs(wp.length(p - {middle}) - {size})",
            "capsule": f"wp.abs(wp.length(p - axis) - {size})",
            "plane": f"wp.abs(wp.dot(n, p) - {size})",
        }[shape]
        text = "\n".join(line for line in text.split("\n") if not line.strip().startswith("c = "))
    if result == "distance" and shape == "oriented box":  # known in the frame of the box
        far = "wp.length(local - clamped)"
        text = re.sub(r"c = wp.transform_point\(\w+, (.*)\)\n", r"clamped = \1\n", text)
    if result in ("point", "both"):
        d.output("closest", "vec3", n, about="Closest points")
    if result in ("distance", "both"):
        d.output("distance", "float", n, about="Distances")
    if result == "offset":
        d.output("to_closest", "vec3", n, about="Vectors to the closest points")
    store = {
        "point": "closest[tid] = c",
        "distance": f"distance[tid] = {far}",
        "both": "closest[tid] = c\ndistance[tid] = wp.length(p - c)",
        "offset": "to_closest[tid] = c - p",
    }[result]
    d.launch(n)
    d.code("tid = wp.tid()\np = points[tid]\n$shape\n$store", shape=text, store=store)

    def reference(v: Values) -> dict[str, Any]:
        p = v.points
        if shape == "segment":
            c = closest.on_segment(p, v.a, v.b)
        elif shape == "triangle":
            c = closest.on_triangle(p, v.v0, v.v1, v.v2)
        elif shape == "box":
            c = np.clip(p, v.lower, v.upper)
        elif shape == "oriented box":
            pose, half = np.broadcast_to(v.pose, (n, 7)), np.broadcast_to(v.half, (n, 3))
            r = rotations(pose[:, 3:])
            local = np.einsum("nji,nj->ni", r, p - pose[:, :3])
            c = pose[:, :3] + np.einsum("nij,nj->ni", r, np.clip(local, -half, half))
        elif shape in ("sphere", "capsule"):
            middle = v.center if shape == "sphere" else closest.on_segment(p, v.a, v.b)
            away = p - middle
            size = np.broadcast_to(v.radius, n)[:, None]
            c = middle + away * size / np.linalg.norm(away, axis=-1, keepdims=True)
        else:
            normal = np.broadcast_to(v.normal, (n, 3))
            normal = normal / np.linalg.norm(normal, axis=1, keepdims=True)
            if shape == "plane":
                c = p - ((normal * p).sum(1) - v.offset)[:, None] * normal
            else:
                foot = p - ((p - v.center) * normal).sum(1)[:, None] * normal
                away = foot - v.center
                size = np.linalg.norm(away, axis=1, keepdims=True)
                c = v.center + away * np.minimum(1.0, np.broadcast_to(v.radius, n)[:, None] / size)
        far = np.linalg.norm(p - c, axis=-1)
        made: dict[str, dict[str, Any]] = {
            "point": {"closest": c},
            "distance": {"distance": far},
            "both": {"closest": c, "distance": far},
            "offset": {"to_closest": c - p},
        }
        return made[result]

    d.check(reference, 1e-3)


def rotations(q: Any) -> Any:
    """Matrices of quaternions (x, y, z, w)."""
    x, y, z, w = np.moveaxis(np.asarray(q), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), (0, 1), (-2, -1))


@DOMAIN.algorithm(
    source="Ericson 2004, 5.1.9; Lumelsky 1985",
    names={
        "distance": NAMES["distance"],
    },
    double=True,
)
def segment_segment_distance(d: Draft) -> None:
    """Computes the closest points of pairs of segments and their distance."""
    layout = d.option("layout", "arrays", "edges", "rows")
    result = d.option("result", "distance", "parameters", "capsules", "points")
    branches = d.option("branches", "nested", "clamped")
    d.calls(
        {
            "distance": "segment_segment_distance|edge_edge_distance|segment_distance",
            "parameters": "closest_parameters|segment_parameters|closest_on_segments",
            "capsules": "capsule_distance|capsule_gaps|capsule_capsule_distance",
            "points": "closest_segment_points|segment_segment_closest|closest_segments",
        }[result]
    )
    n = d.pick(48, 64, 96)
    vertices = d.pick(40, 50)
    if layout == "arrays":
        for name in ("p1", "q1", "p2", "q2"):
            side, which = "Start" if name[0] == "p" else "End", "first" if name[1] == "1" else "second"
            d.input(name, "vec3", n, -1.0, 1.0, about=f"{which.capitalize()} segment {side.lower()} points")
        lines = "d1 = q1[tid] - p1[tid]\nd2 = q2[tid] - p2[tid]\nr = p1[tid] - p2[tid]"
        starts = ("p1[tid]", "p2[tid]")
    elif layout == "rows":
        d.input("segments", "vec3", (n, 4), -1.0, 1.0, about="Segment endpoints")
        lines = """
            d1 = segments[tid, 1] - segments[tid, 0]
            d2 = segments[tid, 3] - segments[tid, 2]
            r = segments[tid, 0] - segments[tid, 2]
            """
        starts = ("segments[tid, 0]", "segments[tid, 2]")
    else:
        d.input("vertices", "vec3", vertices, -1.0, 1.0, about="Vertex positions")
        d.input("edges", "vec4i", n, 0, vertices, about="Vertex indices of both segments")
        lines = """
            edge = edges[tid]
            x1 = vertices[edge[0]]
            x2 = vertices[edge[2]]
            d1 = vertices[edge[1]] - x1
            d2 = vertices[edge[3]] - x2
            r = x1 - x2
            """
        starts = ("x1", "x2")
    if result == "capsules":
        d.param("radius1", "float", 0.05, 0.2, about="First capsule radius")
        d.param("radius2", "float", 0.05, 0.2, about="Second capsule radius")
    if result == "parameters":
        d.output("parameters", "vec2", n, about="Closest point parameters (s, t)")
    elif result == "points":
        d.output("witness_a", "vec3", n, about="Closest points on the first segment")
        d.output("witness_b", "vec3", n, about="Closest points on the second segment")
    else:
        d.output("distance", "float", n, about="Distances")
    d.says(
        {
            "distance": "Computes the distance between pairs of segments.",
            "parameters": "Computes closest point parameters (s, t) in [0, 1] for segment pairs.",
            "capsules": "Computes the signed distance between pairs of capsules.",
            "points": "Computes the closest points between pairs of segments.",
        }[result]
    )
    begin = """
        a = wp.max(wp.dot(d1, d1), 1.0e-6)
        e = wp.max(wp.dot(d2, d2), 1.0e-6)
        b = wp.dot(d1, d2)
        c = wp.dot(d1, r)
        f = wp.dot(d2, r)
        # zero for parallel segments, where any s is valid
        denom = a * e - b * b
        """
    if branches == "nested":
        solve = """
            if denom > 1.0e-6:
                s = wp.clamp((b * f - c * e) / denom, 0.0, 1.0)
            else:
                s = 0.0
            t = (b * s + f) / e
            # clamp t to the second segment and recompute s for the clamped value
            if t < 0.0:
                t = 0.0
                s = wp.clamp(-c / a, 0.0, 1.0)
            elif t > 1.0:
                t = 1.0
                s = wp.clamp((b - c) / a, 0.0, 1.0)
            """
    else:
        solve = """
            s0 = wp.clamp((b * f - c * e) / wp.max(denom, 1.0e-6), 0.0, 1.0)
            t = wp.clamp((b * s0 + f) / e, 0.0, 1.0)
            # recompute s because t may have been clamped
            s = wp.clamp((b * t - c) / a, 0.0, 1.0)
            """
    store = {
        "distance": "distance[tid] = wp.length(r + s * d1 - t * d2)",
        "capsules": "distance[tid] = wp.length(r + s * d1 - t * d2) - radius1 - radius2",
        "parameters": "parameters[tid] = wp.vec2(s, t)",
        "points": f"witness_a[tid] = {starts[0]} + s * d1\nwitness_b[tid] = {starts[1]} + t * d2",
    }[result]
    d.launch(n)
    d.code(
        "tid = wp.tid()\n$lines\n$begin\n$solve\n$store", lines=lines, begin=begin, solve=solve, store=store
    )

    def ends(v: Values) -> Any:
        if layout == "arrays":
            return v.p1, v.q1, v.p2, v.q2
        if layout == "rows":
            return tuple(np.moveaxis(v.segments, 1, 0))
        return tuple(v.vertices[v.edges[:, k]] for k in range(4))

    def least(v: Values) -> Any:
        p1, q1, p2, q2 = ends(v)
        # the minimum is inside, where the lines' feet are, or at one of the four ends
        d1, d2, r = q1 - p1, q2 - p2, p1 - p2
        a, e, b = (d1 * d1).sum(1), (d2 * d2).sum(1), (d1 * d2).sum(1)
        c, f = (d1 * r).sum(1), (d2 * r).sum(1)
        with np.errstate(all="ignore"):
            s, t = (b * f - c * e) / (a * e - b * b), (a * f - b * c) / (a * e - b * b)
        inside = (s >= 0) & (s <= 1) & (t >= 0) & (t <= 1)
        line = np.where(inside, np.linalg.norm(r + s[:, None] * d1 - t[:, None] * d2, axis=1), np.inf)
        pairs = ((p1, p2, q2), (q1, p2, q2), (p2, p1, q1), (q2, p1, q1))
        return np.minimum.reduce(
            [line, *(np.linalg.norm(x - closest.on_segment(x, y, z), axis=1) for x, y, z in pairs)]
        )

    def agrees(before: Values, after: Values) -> None:
        p1, q1, p2, q2 = ends(before)
        if result in ("distance", "capsules"):
            actual = np.asarray(after.distance) + (
                before.radius1 + before.radius2 if result == "capsules" else 0.0
            )
        elif result == "points":
            for x, y, z in ((after.witness_a, p1, q1), (after.witness_b, p2, q2)):
                np.testing.assert_allclose(x, closest.on_segment(x, y, z), atol=1e-3)
            actual = np.linalg.norm(after.witness_a - after.witness_b, axis=1)
        else:
            s, t = np.asarray(after.parameters).T[..., None]
            assert np.all((s >= 0) & (s <= 1) & (t >= 0) & (t <= 1))
            actual = np.linalg.norm(p1 + s * (q1 - p1) - p2 - t * (q2 - p2), axis=1)
        np.testing.assert_allclose(actual, least(before), rtol=1e-3, atol=2e-3)

    d.holds(agrees)
