"""Faces and vertices of triangle meshes: overlaps, corners, values on the surface."""

from __future__ import annotations

from warpgen.synthesis.blocks.queries import Mesh, each, hit, mesh, named, part, query
from warpgen.synthesis.categories.geometry_query import CATEGORY
from warpgen.synthesis.categories.geometry_query.mesh import POINTS, closest
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32
from warpgen.synthesis.language.values import Value, call


@CATEGORY.motif(f32=True, weight=1.2)
def overlapping_faces(k: Kit) -> None:
    """Collect the faces whose bounds meet a box."""
    m = mesh(k)
    p = k.input("centers|center|c|points", k.vec3, -1.1, 1.1)
    h = k.param("half_extent|radius|margin|h", k.real, 0.1, 0.6)
    lower = k.define("lower|lo|lower_bound", p - k.make(k.vec3, h, h, h))
    upper = k.define("upper|hi|upper_bound", p + k.make(k.vec3, h, h, h))
    box = query(k, "mesh_query_aabb", m.id, lower, upper)
    style = k.rng.choice(("for", "named", "mesh_query_aabb_next", "mesh_query_next"))
    what = k.rng.choice(("count", "area", "normal", "centroid"))
    n = k.var("count|num_faces|n_overlaps", 0, I32, lo=0, hi=m.faces)
    total = k.var("area|total_area|sum", 0.0, k.real, lo=0.0, hi=50.0)
    mean = k.var("normal_sum|avg|accum", 0.0, k.vec3, lo=-300.0, hi=300.0)
    found = box if style == "for" else named(k, "query|q|overlaps", box)
    with each(k, "face|f|tri|face_index", found, m.faces, style if style.startswith("mesh") else "") as face:
        k.add(n, 1)
        if what == "area":
            k.add(total, _face_area(k, m, face))
        elif what == "normal":
            k.add(mean, call("wp.mesh_eval_face_normal", [m.id, face], k.vec3, -1, 1, k.author))
        elif what == "centroid":
            k.add(
                mean,
                call(
                    "wp.mesh_eval_position", [m.id, face, "1.0 / 3.0", "1.0 / 3.0"], k.vec3, -1, 1, k.author
                ),
            )
        if k.rng.chance(0.2):
            k.break_if(n >= k.param("max_faces|max_results|capacity", I32, 4, 32))
    if what == "area":
        k.give("area|total_area|local_area", total)
    elif what in ("normal", "centroid"):
        k.give("avg_normal|mean|centroid", mean / k.wp.max(k.to_real(n), 1.0))
    if what == "count" or k.rng.chance(0.4):
        k.give("counts|overlap_count|num_hits", n)


def _face_area(k: Kit, m: Mesh, face: Value) -> Value:
    a, b, c = _corners(k, m, face)
    return (k.wp.length(k.wp.cross(b - a, c - a)) * 0.5).within(0.0, 0.5)


def _corners(k: Kit, m: Mesh, face: Value) -> tuple[Value, Value, Value]:
    """The corners of a face, in one of the two ways to reach them."""
    names = k.rng.choice((("p0|a", "p1|b", "p2|c"), ("v0|x0", "v1|x1", "v2|x2"), ("a|p", "b|q", "c|r")))
    style = k.rng.choice(("point", "index", "get"))
    if style == "get":
        shape = hit(k, "shape|m|geo|mesh_data", "mesh_get", I32, m.id)
    corners = []
    for n, name in enumerate(names):
        at = face * 3 + n
        if style == "point":  # the corners one after the other
            value = call("wp.mesh_get_point", [m.id, at], k.vec3, -1, 1, k.author)
        elif style == "index":
            i = k.let(f"i{n}|idx{n}", call("wp.mesh_get_index", [m.id, at], I32, 0, m.vertices - 1, k.author))
            value = Value(f"wp.mesh_get({m.id.text}).points[{i.text}]", k.vec3, -1, 1, k.author)
        else:
            value = Value(f"{shape.text}.points[{shape.text}.indices[{at.text}]]", k.vec3, -1, 1, k.author)
        corners.append(k.define(name, value))
    return corners[0], corners[1], corners[2]


@CATEGORY.motif(f32=True)
def faces_in_sphere(k: Kit) -> None:
    """Visit the faces that a sphere touches."""
    m = mesh(k)
    p = k.input("centers|center|particle_q|x", k.vec3, -1.3, 1.3)
    r = k.param("radius|r|search_radius", k.real, 0.2, 0.8)
    ball = query(k, "mesh_query_sphere", m.id, p, r)
    style = k.rng.choice(("for", "named", "mesh_query_next", "mesh_query_aabb_next"))
    nearest = k.rng.chance(0.5)
    best = k.var("best|min_dist|best_dist", 10.0, k.real, lo=0.0, hi=10.0)
    best_face = k.var("best_face|closest_face|nearest", -1, I32, lo=-1, hi=m.faces)
    total = k.var("n_sum|normal|accum", 0.0, k.vec3, lo=-300.0, hi=300.0)
    found = ball if style == "for" else named(k, "query|q", ball)
    with each(k, "face|f|tri", found, m.faces, style if style.startswith("mesh") else "") as face:
        if nearest:
            c = k.let(
                "center|centroid|mid",
                call(
                    "wp.mesh_eval_position", [m.id, face, k.lit(0.333), k.lit(0.333)], k.vec3, -1, 1, k.author
                ),
            )
            d = k.let("d|dist", k.wp.length(c - p).within(0, 5))
            with k.if_(d < best):
                k.set(best, d)
                k.set(best_face, face)
        else:
            n = call("wp.mesh_eval_face_normal", [m.id, face], k.vec3, -1, 1, k.author)
            k.add(total, n * _face_area(k, m, face) if k.rng.chance(0.4) else n)
    if nearest:
        k.give("nearest_face|best_face|face_ids", best_face)
        k.give("nearest_dist|min_dist|dists", best)
    else:
        k.give("smooth_normal|avg_normal|normals", k.wp.normalize(total))


@CATEGORY.motif(rank=1, f32=True, weight=1.2)
def face_geometry(k: Kit) -> None:
    """Area, normal and centre of a face."""
    m = mesh(k, k.draft.shape[0])
    face = k.i
    a, b, c = _corners(k, m, face)
    cross = k.define("n|cr|weighted_normal", k.wp.cross(b - a, c - a).within(-2, 2))
    if k.rng.chance(0.7):
        k.give("area|face_area|tri_area", (k.wp.length(cross) * 0.5).within(0, 1))
    if k.rng.chance(0.6):
        k.give("face_normal|normal|normals", k.wp.normalize(cross))
    if k.rng.chance(0.4):
        k.give("centroid|center|face_center", (a + b + c) / 3.0)
    if k.rng.chance(0.3):
        k.give("volume|signed_volume|tet_volume", (k.wp.dot(a, k.wp.cross(b, c)) / 6.0).within(-1, 1))
    if k.rng.chance(0.3):
        k.give("perimeter|edge_sum", k.wp.length(b - a) + k.wp.length(c - b) + k.wp.length(a - c))


@CATEGORY.motif(rank=1, f32=True)
def vertex_state(k: Kit) -> None:
    """Displacement and kinetic energy of mesh vertices."""
    m = mesh(k, k.draft.shape[0])
    i = k.i
    if k.rng.chance(0.5):
        shape = hit(k, "mesh_data|m|geo", "mesh_get", I32, m.id)
        x = k.define("x|pos|p", Value(f"{shape.text}.points[{i.text}]", k.vec3, -1, 1, k.author))
        v = k.define("v|vel", Value(f"{shape.text}.velocities[{i.text}]", k.vec3, -1, 1, k.author))
    else:
        # Points are reached by corner, velocities by vertex.
        x = k.define("x|pos|p", call("wp.mesh_get_point", [m.id, i], k.vec3, -1, 1, k.author))
        v = k.define("v|vel", call("wp.mesh_get_velocity", [m.id, i], k.vec3, -1, 1, k.author))
    mass = k.input("mass|m|vertex_mass", k.real, 0.1, 2.0)
    if k.rng.chance(0.6):
        k.give("kinetic|energy|ke", mass * 0.5 * k.wp.dot(v, v))
    if k.rng.chance(0.5):
        k.give("momentum|angular_momentum|l", k.wp.cross(x, v) * mass)
    k.give("predicted|x_next|moved", x + v * k.param("dt|time_step", k.real, 0.001, 0.05))


@CATEGORY.motif(f32=True)
def interpolate_on_surface(k: Kit) -> None:
    """Vertex values at the closest point of a mesh."""
    m = mesh(k)
    p = k.input(POINTS, k.vec3, -1.5, 1.5)
    values = k.array("vertex_values|temperature|weights|vertex_data", k.real, lo=0.0, hi=1.0)
    found = closest(k, m, p, signed=False)
    result = k.var("value|result|sample", 0.0, k.real, lo=-1.0, hi=1.0)
    with k.if_(found.result):
        u, v = (k.define(n, part(found, f, 0, 1)) for n, f in (("u|bary_u|w0", "u"), ("v|bary_v|w1", "v")))
        w = k.let("w|bary_w|w2", (1.0 - u - v).within(0, 1))
        total: Value | None = None
        for n, weight in enumerate((u, v, w)):
            at = part(found, "face", 0, m.faces - 1) * 3 + n
            i = k.define(
                f"i{n}|idx{n}|vert{n}",
                call("wp.mesh_get_index", [m.id, at], I32, 0, m.vertices - 1, k.author),
            )
            term = values[i] * weight
            total = term if total is None else total + term
        assert total is not None
        k.set(result, total.within(0, 1))
    k.give("value|interpolated|sample", result)


@CATEGORY.motif(f32=True)
def tree_of_mesh(k: Kit) -> None:
    """Query the tree inside a mesh."""
    m = mesh(k)
    p = k.input(POINTS, k.vec3, -1.2, 1.2)
    tree = k.define("bvh|tree|bvh_id", call("wp.mesh_get_bvh", [m.id], m.id.type, 0, 0, k.author))
    r = k.param("radius|r|range", k.real, 0.1, 0.6)
    if k.rng.chance(0.5):
        found = named(k, "query|q", query(k, "bvh_query_sphere", tree, p, r))
    else:
        found = named(
            k,
            "query|q",
            query(k, "bvh_query_aabb", tree, p - k.make(k.vec3, r, r, r), p + k.make(k.vec3, r, r, r)),
        )
    total = k.var("sum|area|acc", 0.0, k.real, lo=0.0, hi=300.0)
    with each(k, "face|index|prim", found, m.faces, "bvh_query_next") as face:
        k.add(total, _face_area(k, m, face) if k.rng.chance(0.6) else k.lit(1.0))
    k.give("local_area|coverage|count", total)
