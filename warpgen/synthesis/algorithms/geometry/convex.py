"""Distances between convex shapes."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.geometry import DOMAIN
from warpgen.synthesis.library import supports
from warpgen.synthesis.writing.draft import Draft, Values, fill

_SIMPLEX = '''
@wp.func
def segment_weights(a: wp.vec3, b: wp.vec3) -> wp.vec2:
    """Barycentric weights of the closest point to the origin on segment ab."""
    ab = b - a
    t = wp.clamp(-wp.dot(a, ab) / wp.max(wp.dot(ab, ab), 1.0e-12), 0.0, 1.0)
    return wp.vec2(1.0 - t, t)


@wp.func
def triangle_weights(a: wp.vec3, b: wp.vec3, c: wp.vec3) -> wp.vec3:
    """Barycentric weights of the closest point to the origin on triangle abc."""
    ab = b - a
    ac = c - a
    d1 = -wp.dot(ab, a)
    d2 = -wp.dot(ac, a)
    # Vertex regions
    if d1 <= 0.0 and d2 <= 0.0:
        return wp.vec3(1.0, 0.0, 0.0)
    d3 = -wp.dot(ab, b)
    d4 = -wp.dot(ac, b)
    if d3 >= 0.0 and d4 <= d3:
        return wp.vec3(0.0, 1.0, 0.0)
    d5 = -wp.dot(ab, c)
    d6 = -wp.dot(ac, c)
    if d6 >= 0.0 and d5 <= d6:
        return wp.vec3(0.0, 0.0, 1.0)

    # Edge regions
    vc = d1 * d4 - d3 * d2
    if vc <= 0.0 and d1 >= 0.0 and d3 <= 0.0:
        w = segment_weights(a, b)
        return wp.vec3(w[0], w[1], 0.0)
    vb = d5 * d2 - d1 * d6
    if vb <= 0.0 and d2 >= 0.0 and d6 <= 0.0:
        w = segment_weights(a, c)
        return wp.vec3(w[0], 0.0, w[1])
    va = d3 * d6 - d5 * d4
    if va <= 0.0 and d4 - d3 >= 0.0 and d5 - d6 >= 0.0:
        w = segment_weights(b, c)
        return wp.vec3(0.0, w[0], w[1])

    # Face interior
    return wp.vec3(va, vb, vc) / (va + vb + vc)


@wp.func
def outside_face(a: wp.vec3, b: wp.vec3, c: wp.vec3, opposite: wp.vec3) -> bool:
    """Return True if plane abc separates the origin from the opposite vertex or the tetrahedron is flat."""
    n = wp.cross(b - a, c - a)
    origin_side = -wp.dot(a, n)
    vertex_side = wp.dot(opposite - a, n)
    return origin_side * vertex_side <= 1.0e-10 * wp.abs(vertex_side) or wp.abs(vertex_side) < 1.0e-10


@wp.func
def tetrahedron_weights(a: wp.vec3, b: wp.vec3, c: wp.vec3, e: wp.vec3) -> wp.vec4:
    """Barycentric weights of the closest point on a tetrahedron, or zeros if the origin is inside."""
    best = wp.vec4(0.0)
    best_sq = float(1.0e10)
    if outside_face(a, b, c, e):
        w = triangle_weights(a, b, c)
        best_sq = wp.length_sq(w[0] * a + w[1] * b + w[2] * c)
        best = wp.vec4(w[0], w[1], w[2], 0.0)
    if outside_face(a, b, e, c):
        w = triangle_weights(a, b, e)
        face_sq = wp.length_sq(w[0] * a + w[1] * b + w[2] * e)
        if face_sq < best_sq:
            best_sq = face_sq
            best = wp.vec4(w[0], w[1], 0.0, w[2])
    if outside_face(a, c, e, b):
        w = triangle_weights(a, c, e)
        face_sq = wp.length_sq(w[0] * a + w[1] * c + w[2] * e)
        if face_sq < best_sq:
            best_sq = face_sq
            best = wp.vec4(w[0], 0.0, w[1], w[2])
    if outside_face(b, c, e, a):
        w = triangle_weights(b, c, e)
        face_sq = wp.length_sq(w[0] * b + w[1] * c + w[2] * e)
        if face_sq < best_sq:
            best = wp.vec4(0.0, w[0], w[1], w[2])
    return best


@wp.func
def simplex_weights(simplex: wp.mat44, count: int) -> wp.vec4:
    """Barycentric weights of the closest simplex point to the origin; the first rows hold the vertices."""
    a = wp.vec3(simplex[0, 0], simplex[0, 1], simplex[0, 2])
    b = wp.vec3(simplex[1, 0], simplex[1, 1], simplex[1, 2])
    c = wp.vec3(simplex[2, 0], simplex[2, 1], simplex[2, 2])
    e = wp.vec3(simplex[3, 0], simplex[3, 1], simplex[3, 2])
    if count == 1:
        return wp.vec4(1.0, 0.0, 0.0, 0.0)
    if count == 2:
        w2 = segment_weights(a, b)
        return wp.vec4(w2[0], w2[1], 0.0, 0.0)
    if count == 3:
        w3 = triangle_weights(a, b, c)
        return wp.vec4(w3[0], w3[1], w3[2], 0.0)
    return tetrahedron_weights(a, b, c, e)
'''


@DOMAIN.algorithm(
    source="Gilbert, Johnson & Keerthi 1988; van den Bergen 2003, ch. 4; Ericson 2004, 5.1.5 and 9.5",
    names={
        "separation": "closest|v_min|sep",
        "simplex": "W|vertices_cso|minkowski_simplex",
        "pair": "pair_index|contact_index|pair_id",
        "distances": "pair_distance|dist_out|gaps",
    },
    adjoint="no",
)
def gjk_distance(d: Draft) -> None:
    """Computes the distance and closest points between convex shape pairs using the GJK algorithm."""
    last = d.option("shapes", "ellipsoid", "cylinder")
    pairs = d.option("pairs", "vec2i", "world", "all")
    result = d.option("result", "distance", "witness", "normal")
    start = d.option("start", "centers", "axis")
    margin = d.flag("margin")
    less = " minus a contact margin" if margin else ""
    what = {
        "distance": f"the distances{less}",
        "witness": f"distances{less} and closest points",
        "normal": f"distances{less} and normals",
    }[result]
    d.says(f"Computes {what} for convex shape pairs using the GJK algorithm.")
    d.calls(
        {
            "distance": "gjk_distance|convex_distance|compute_gjk|narrow_phase_gjk",
            "witness": "gjk_closest_points|gjk_witness_points|compute_gjk|narrow_phase_gjk",
            "normal": "gjk_normals|separation_normals|compute_gjk|narrow_phase_gjk",
        }[result]
    )
    max_iterations = d.pick(24, 32)
    count, n, worlds = d.pick(8, 10), d.pick(32, 48), d.pick(2, 3)
    batched = pairs == "world"
    shapes: int | tuple[int, ...] = (worlds, count) if batched else count
    d.struct(
        "shapes",
        supports.convex_shape(last),
        {
            "kind": fill(0, 4),
            "size": fill(0.2, 0.5),
            "pose": fill(-1.2, 1.2, "transform"),
        },
        shapes,
        about="Convex shapes, shape (num_worlds, shapes_per_world)" if batched else "Convex shapes",
    )
    size: int | tuple[int, ...]
    if pairs == "all":
        size = (count, count)
        index = (
            "row, col = wp.tid()\n# Process each unordered pair once and skip self pairs\n"
            "if row >= col:\n    return"
        )
        first, second, at = "shapes[row]", "shapes[col]", "row, col"
    elif batched:
        size = (worlds, n)
        d.input("pair_indices", "vec2i", (worlds, n), -1, count, about="Shape indices, -1 for unused slots")
        index = """
            world, pair = wp.tid()
            indices = pair_indices[world, pair]
            # Skip unused slots (index -1) and self pairs
            if indices[0] < 0 or indices[1] < 0 or indices[0] == indices[1]:
                return
            """
        first, second, at = "shapes[world, indices[0]]", "shapes[world, indices[1]]", "world, pair"
    else:
        size = n
        d.input("pair_indices", "vec2i", n, 0, count, about="Shape indices for each pair")
        index = """
            pair = wp.tid()
            indices = pair_indices[pair]
            if indices[0] == indices[1]:
                return
            """
        first, second, at = "shapes[indices[0]]", "shapes[indices[1]]", "pair"
    if margin:
        d.param(
            "contact_margin",
            "float",
            0.02,
            0.1,
            about="Contact margin, each shape is inflated by half of it [m]",
        )
    d.output(
        "distances",
        "float",
        size,
        about="Distance [m], 0 if the shapes overlap"
        + (" or are within the margin" if margin else "")
        + ("; only set above the diagonal" if pairs == "all" else "; not set for a shape with itself"),
    )
    if result == "witness":
        d.output("points_a", "vec3", size, about="Closest point on the first shape, unset when overlapping")
        d.output("points_b", "vec3", size, about="Closest point on the second shape, unset when overlapping")
    elif result == "normal":
        d.output(
            "normals", "vec3", size, about="Unit vector from the second shape to the first, 0 if overlapping"
        )
    d.module(f"MAX_ITERATIONS = wp.constant({max_iterations})")
    for number, name in enumerate(("SPHERE", "BOX", "CAPSULE")):
        d.module(f"SHAPE_{name} = wp.constant({number})")
    d.function(supports.SUPPORT, last=supports.LAST[last])
    d.function(_SIMPLEX)
    track = result == "witness"
    d.launch(*(size if isinstance(size, tuple) else (size,)))
    d.code(
        """
        $index
        shape_a = $first
        shape_b = $second

        # Each row is a vertex of the Minkowski difference A - B
        simplex = wp.mat44(0.0)
        $support_rows
        simplex_size = int(0)
        $begin
        separation = $start
        if wp.length_sq(separation) < 1.0e-8:
            separation = wp.vec3(1.0, 0.0, 0.0)
        upper_sq = float(1.0e10)
        overlap = bool(False)

        for _ in range(MAX_ITERATIONS):
            support_a = support_world(shape_a, -separation)
            support_b = support_world(shape_b, separation)
            w = support_a - support_b
            # Converged when the new vertex is no closer to the origin: |v|^2 - v . w <= eps |v|^2
            if simplex_size > 0 and upper_sq - wp.dot(separation, w) <= 1.0e-5 * upper_sq:
                break

            simplex[simplex_size] = wp.vec4(w[0], w[1], w[2], 0.0)
            $append
            weights = simplex_weights(simplex, simplex_size + 1)
            if weights[0] + weights[1] + weights[2] + weights[3] < 0.5:
                overlap = True
                break

            # Keep only the vertices that support the closest point
            kept = int(0)
            $begin
            separation = wp.vec3(0.0)
            for vertex in range(4):
                lam = weights[vertex]
                if lam > 0.0:
                    w_row = simplex[vertex]
                    separation += lam * wp.vec3(w_row[0], w_row[1], w_row[2])
                    simplex[kept] = w_row
                    $compact
                    kept += 1
            simplex_size = kept

            closest_sq = wp.length_sq(separation)
            if closest_sq < 1.0e-8:
                overlap = True
                break
            # Stop when there is no further progress due to rounding
            if closest_sq >= upper_sq:
                break
            upper_sq = closest_sq

        if overlap:
            $touching
            return

        gap = wp.length(separation)
        $inflate
        $store
        """,
        index=index,
        first=first,
        second=second,
        start={
            "centers": "wp.transform_get_translation(shape_a.pose) - wp.transform_get_translation(shape_b.pose)",
            "axis": "support_world(shape_a, wp.vec3(0.0, 0.0, 1.0)) - support_world(shape_b, wp.vec3(0.0, 0.0, -1.0))",
        }[start],
        support_rows="points_on_a = wp.mat44(0.0)" if track else "",
        append="points_on_a[simplex_size] = wp.vec4(support_a[0], support_a[1], support_a[2], 0.0)"
        if track
        else "",
        compact="points_on_a[kept] = points_on_a[vertex]\nwitness += lam * points_on_a[kept]"
        if track
        else "",
        begin="witness = wp.vec4(0.0)" if track else "",
        touching=f"distances[{at}] = 0.0" + (f"\nnormals[{at}] = wp.vec3(0.0)" if result == "normal" else ""),
        inflate="gap = wp.max(gap - contact_margin, 0.0)" if margin else "",
        store={
            "distance": f"distances[{at}] = gap",
            "witness": f"""
                distances[{at}] = gap
                closest_a = wp.vec3(witness[0], witness[1], witness[2])
                points_a[{at}] = closest_a
                points_b[{at}] = closest_a - separation
                """,
            "normal": f"distances[{at}] = gap\nnormals[{at}] = wp.normalize(separation)",
        }[result],
    )
    bare = " The closest points do not include the margin." if margin and track else ""
    d.explain(f"""
        Each iteration adds a support point of A - B along the search direction to a simplex and computes
        the closest simplex point to the origin. Overlapping shapes have distance 0; the penetration
        depth is not computed.{bare}
    """)

    def agrees(v: Values, after: Values) -> None:
        fields = [np.asarray(v[f"shapes.{name}"]) for name in ("kind", "size", "pose")]
        if pairs == "all":
            one, two = np.triu_indices(count, 1)
            where: tuple[Any, ...] = (one, two)
            a, b = ([f[i] for f in fields] for i in (one, two))
        else:
            ij = np.asarray(v.pair_indices)
            where = np.nonzero((ij[..., 0] >= 0) & (ij[..., 1] >= 0) & (ij[..., 0] != ij[..., 1]))
            i, j = ij[where].T
            a, b = ([f[(where[0], k)] if batched else f[k] for f in fields] for k in (i, j))
        _optimal(a, b, where, v, after, last)

    def _optimal(
        a: list[Any], b: list[Any], where: tuple[Any, ...], v: Values, after: Values, last: str
    ) -> None:
        found = after.distances[where]
        gap = found + np.where(found > 0.0, v.get("contact_margin", 0.0), 0.0)
        rng = np.random.default_rng(0)
        ways = rng.normal(size=(400, 3))
        # h_A(-u) + h_B(u): how far a plane of normal u keeps A and B apart, for many u
        ways = ways / np.linalg.norm(ways, axis=1, keepdims=True)
        best = np.full(len(gap), -np.inf)
        for way in ways:
            u = np.broadcast_to(way, (len(gap), 3))
            low = (u * supports.support(a, -u, last)).sum(1) - (u * supports.support(b, u, last)).sum(1)
            best = np.maximum(best, low)
        assert np.all(best <= np.maximum(gap, v.get("contact_margin", 0.0)) + 2e-3), (
            "planes keep them farther apart"
        )
        apart = gap > 2e-2
        assert np.all(best[apart] > 0.8 * gap[apart] - 0.08), "no plane keeps them so far apart"
        if result == "normal":
            u = after.normals[where]
            low = (u * supports.support(a, -u, last)).sum(1) - (u * supports.support(b, u, last)).sum(1)
            np.testing.assert_allclose(low[apart], gap[apart], atol=4e-3)
        elif result == "witness":
            p, q = after.points_a[where], after.points_b[where]
            np.testing.assert_allclose(np.linalg.norm(p - q, axis=1)[apart], gap[apart], atol=4e-3)
            assert supports.outside(a, p, last)[apart].max(initial=0.0) < 6e-3
            assert supports.outside(b, q, last)[apart].max(initial=0.0) < 6e-3

    d.holds(agrees)
