"""Points and polygons of the plane."""

from __future__ import annotations

import numpy as np

from warpgen.synthesis.algorithms.geometry import DOMAIN
from warpgen.synthesis.algorithms.geometry.crossings import NAMES
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Shimrat 1962; Hormann & Agathos 2001, The point in polygon problem",
    names=NAMES
    | {
        "polygon": "poly|outline|ring",
        "points": "queries|samples|x",
    },
    adjoint="no",
    double=True,
)
def point_in_polygon(d: Draft) -> None:
    """Tests points against a polygon."""
    rule = d.option("rule", "crossings", "winding", "angle", "distance")
    order = d.option("order", "modulo", "previous")
    shapes = d.option("polygons", "one", "several")
    layout = d.option("layout", "vec2", "two arrays") if shapes == "one" else "vec2"
    d.calls(
        {
            "crossings": "point_in_polygon|points_in_polygon|polygon_contains|even_odd_test",
            "winding": "winding_numbers|polygon_winding|count_windings",
            "angle": "point_in_polygon|points_in_polygon|polygon_contains|angle_sum_test",
            "distance": "polygon_distance|signed_polygon_distance|polygon_sdf",
        }[rule]
    )
    n, m = d.pick(64, 96, 128), d.pick(7, 9, 11)
    d.input("points", "vec2", n, -0.7, 0.7, about="Point positions")
    many = d.pick(3, 4)
    if layout == "two arrays":
        d.input("px", "float", m, -1.0, 1.0, about="Polygon vertex x coordinates")
        d.input("py", "float", m, -1.0, 1.0, about="Polygon vertex y coordinates")
    elif shapes == "one":
        d.input("polygon", "vec2", m, -1.0, 1.0, about="Ordered polygon vertices, edges may cross")
    else:
        d.input(
            "polygons", "vec2", (many, m), -1.0, 1.0, about="Ordered vertices per polygon, edges may cross"
        )
        d.input("polygon_ids", "int", n, 0, many, about="Polygon index per point")
    at = {
        "vec2": "polygon[$i]" if shapes == "one" else "polygons[polygon_id, $i]",
        "two arrays": "wp.vec2(px[$i], py[$i])",
    }[layout]
    count = {
        "vec2": "polygon.shape[0]" if shapes == "one" else "polygons.shape[1]",
        "two arrays": "px.shape[0]",
    }[layout]
    d.output(
        *(
            ("winding", "int", n, "Winding numbers, positive for counter-clockwise")
            if rule == "winding"
            else ("signed_dist", "float", n, "Signed distances")
            if rule == "distance"
            else ("inside", "int", n, "1 if the point is inside")
        )
    )
    whom = "each point against its polygon" if shapes == "several" else "points against a polygon"
    d.says(
        {
            "crossings": f"Tests {whom} using the even-odd rule.",
            "winding": "Computes the winding number of "
            + (
                "each point relative to its polygon."
                if shapes == "several"
                else "each point relative to a polygon."
            ),
            "angle": f"Tests {whom} by summing signed angles.",
            "distance": "Computes the signed distance between each point and "
            + ("its polygon" if shapes == "several" else "a polygon")
            + ", negative inside (even-odd rule).",
        }[rule]
    )
    if order == "modulo":
        loop = "for i in range(count):\n    a = $a\n    b = $b\n    $step"
        begin = ""
        a, b = at.replace("$i", "i"), at.replace("$i", "(i + 1) % count")
    else:
        loop = "for i in range(count):\n    b = $b\n    $step\n    a = b"
        begin = f"a = {at.replace('$i', 'count - 1')}"
        a, b = "", at.replace("$i", "i")
    start, step, last = {
        "crossings": (
            "odd = int(0)",
            """
            # half-open interval in y, so that vertices at the same height are counted once
            if (a[1] > p[1]) != (b[1] > p[1]):
                x = a[0] + (p[1] - a[1]) * (b[0] - a[0]) / (b[1] - a[1])
                if p[0] < x:
                    odd = 1 - odd
            """,
            "inside[tid] = odd",
        ),
        "winding": (
            "turns = int(0)",
            """
            left = (b[0] - a[0]) * (p[1] - a[1]) - (p[0] - a[0]) * (b[1] - a[1])
            if a[1] <= p[1]:
                if b[1] > p[1] and left > 0.0:
                    turns += 1
            elif b[1] <= p[1] and left < 0.0:
                turns -= 1
            """,
            "winding[tid] = turns",
        ),
        "angle": (
            "angle = float(0.0)",
            """
            u = a - p
            w = b - p
            angle += wp.atan2(u[0] * w[1] - u[1] * w[0], wp.dot(u, w))
            """,
            "inside[tid] = wp.where(wp.abs(angle) > wp.pi, 1, 0)",
        ),
        "distance": (
            "dist_sq = float(1.0e10)\nsign = float(1.0)",
            """
            edge = b - a
            w = p - a
            away = w - edge * wp.clamp(wp.dot(w, edge) / wp.dot(edge, edge), 0.0, 1.0)
            dist_sq = wp.min(dist_sq, wp.dot(away, away))
            left = edge[0] * w[1] - edge[1] * w[0]
            up = p[1] >= a[1] and p[1] < b[1] and left > 0.0
            down = p[1] < a[1] and p[1] >= b[1] and left < 0.0
            # even-odd rule: toggle for each edge crossed by the +x ray
            if up or down:
                sign = -sign
            """,
            "signed_dist[tid] = sign * wp.sqrt(dist_sq)",
        ),
    }[rule]
    d.launch(n)
    d.code(
        "tid = wp.tid()\np = points[tid]\n$which\ncount = $count\n$start\n$begin\n$loop\n$last",
        which="polygon_id = polygon_ids[tid]" if shapes == "several" else "",
        count=count,
        start=start,
        begin=begin,
        loop=loop,
        a=a,
        b=b,
        step=step,
        last=last,
    )

    def agrees(v: Values, after: Values) -> None:
        p = v.points
        poly = (
            np.stack([v.px, v.py], axis=-1)
            if layout == "two arrays"
            else v.polygons
            if shapes == "several"
            else v.polygon
        )
        outline = poly[v.polygon_ids] if shapes == "several" else np.broadcast_to(poly, (n, m, 2))
        u, w = outline - p[:, None], np.roll(outline, -1, axis=1) - p[:, None]
        edge = w - u
        t = np.clip(-(u * edge).sum(-1) / (edge * edge).sum(-1), 0.0, 1.0)
        far = np.linalg.norm(u + t[..., None] * edge, axis=-1).min(axis=1)
        # the argument of a product of complex numbers is the angle between them
        turn = np.angle((w[..., 0] + 1j * w[..., 1]) * (u[..., 0] - 1j * u[..., 1])).sum(axis=1)
        turns = np.round(turn / (2.0 * np.pi)).astype(int)
        clear = far > 1e-3
        if rule == "distance":
            np.testing.assert_allclose(after.signed_dist, np.where(turns % 2 != 0, -far, far), atol=1e-3)
        elif rule == "winding":
            np.testing.assert_array_equal(np.asarray(after.winding)[clear], turns[clear])
        else:
            expected = turns % 2 if rule == "crossings" else turns != 0
            np.testing.assert_array_equal(np.asarray(after.inside)[clear], expected[clear])

    d.holds(agrees)
