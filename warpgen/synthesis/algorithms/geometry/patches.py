"""Curved patches, sites and quadrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.geometry import DOMAIN
from warpgen.synthesis.algorithms.geometry import _cubic_curves as cubic_curves
from warpgen.synthesis.algorithms.geometry._faces import corner_ids, name_corners, triangles
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "control": "control_points|P|net",
    "uv": "params|coords|st",
    "surface": "position_out|evaluated|S",
    "sites": "centers|seeds|generators",
    "labels": "owner|nearest_site|assignment",
    "Q": "quadrics|error_quadrics|K",
    "points": "vertices|positions|x",
}


@DOMAIN.algorithm(
    source="Bezier 1968; de Casteljau 1959; Farin 2002, Curves and Surfaces for CAGD",
    names=_NAMES,
    double=True,
)
def bezier_patch(d: Draft) -> None:
    """Evaluates bicubic Bezier patches at (u, v) parameters."""
    what = d.option("what", "point", "normal", "tangents", "area element")
    form = d.option("form", "bernstein", "de casteljau", "matrix")
    layout = d.option("layout", "grid", "parameters", "patches")
    d.calls(
        {
            "point": "bezier_patch|evaluate_patch|eval_bezier_surface|patch_points",
            "normal": "patch_normals|bezier_normals|surface_normals",
            "tangents": "patch_tangents|bezier_tangents|surface_tangents",
            "area element": "patch_area_element|area_elements|surface_elements",
        }[what]
    )
    n, side, patches = d.pick(48, 64, 96), d.pick(8, 10), d.pick(3, 4)
    many = layout == "patches"
    d.input(
        "control",
        "vec3",
        (patches, 4, 4) if many else (4, 4),
        -1.0,
        1.0,
        about="Control points, 4 x 4 per patch",
    )
    shape: tuple[int, ...] = (side, side) if layout == "grid" else (n,)
    if layout != "grid":
        d.input("uv", "vec2", n, 0.02, 0.98, about="Patch parameters")
    if many:
        d.input("patch_ids", "int", n, 0, patches, about="Patch index per sample")
    at = "i, j" if layout == "grid" else "tid"
    head = (
        "i, j = wp.tid()\nu = float(i) / float($out.shape[0] - 1)\nv = float(j) / float($out.shape[1] - 1)"
        if layout == "grid"
        else "tid = wp.tid()\nu = uv[tid][0]\nv = uv[tid][1]" + ("\npatch = patch_ids[tid]" if many else "")
    )
    c = "control[patch, $a, $b]" if many else "control[$a, $b]"
    outs = {
        "point": (("surface", "vec3", "Surface points"),),
        "normal": (("normals", "vec3", "Unit normals"),),
        "tangents": (("tangents_u", "vec3", "Tangents dS/du"), ("tangents_v", "vec3", "Tangents dS/dv")),
        "area element": (("area_elements", "float", "Area per du dv"),),
    }[what]
    for name, type, about in outs:
        d.output(name, type, shape, about=about)
    head = head.replace("$out", outs[0][0])
    for text in cubic_curves.FUNCTIONS[form][: 1 if what == "point" else 2]:
        d.function(text)

    def cell(a: Any, b: Any) -> str:
        return c.replace("$a", str(a)).replace("$b", str(b))

    wants = ("p",) if what == "point" else ("du", "dv")
    if form == "de casteljau":
        lines = []
        for name in wants:
            inner = "casteljau_slope" if name == "dv" else "casteljau"
            outer = "casteljau_slope" if name == "du" else "casteljau"
            row = "dp" if name == "dv" else "p"  # points on the four curves along v, or their slopes
            rows = [f"{row}{k} = {inner}({', '.join(cell(k, b) for b in range(4))}, v)" for k in range(4)]
            lines += [*rows, f"s_{name} = {outer}({', '.join(f'{row}{k}' for k in range(4))}, u)"]
        body = "\n".join(lines)
    else:
        plain = {
            "bernstein": "bernstein($t)",
            "matrix": "cubic_weights(wp.vec4(1.0, $t, $t * $t, $t * $t * $t))",
        }[form]
        slope = {
            "bernstein": "bernstein_slope($t)",
            "matrix": "cubic_weights(wp.vec4(0.0, 1.0, 2.0 * $t, 3.0 * $t * $t))",
        }[form]
        lines = [f"bu = {plain.replace('$t', 'u')}", f"bv = {plain.replace('$t', 'v')}"]
        if what != "point":
            lines += [f"eu = {slope.replace('$t', 'u')}", f"ev = {slope.replace('$t', 'v')}"]
        pairs = {"p": ("bu", "bv"), "du": ("eu", "bv"), "dv": ("bu", "ev")}
        lines += [f"s_{name} = wp.vec3()" for name in wants]
        lines += ["for a in range(4):", "    for b in range(4):"]
        for name in wants:
            first, second = pairs[name]
            lines.append(f"        s_{name} += {first}[a] * {second}[b] * {cell('a', 'b')}")
        body = "\n".join(lines)
    patch = "bicubic Bezier patches" if many else "a bicubic Bezier patch"
    store = {
        "point": f"surface[{at}] = s_p",
        "normal": f"normals[{at}] = wp.normalize(wp.cross(s_du, s_dv))",
        "tangents": f"tangents_u[{at}] = s_du\ntangents_v[{at}] = s_dv",
        "area element": f"""
            area_elements[{at}] = wp.length(wp.cross(s_du, s_dv))
            """,
    }[what]
    d.says(
        {
            "point": f"Evaluates surface points on {patch}.",
            "normal": f"Computes unit normals of {patch}.",
            "tangents": f"Computes the tangents dS/du and dS/dv of {patch}.",
            "area element": f"Computes the area element |dS/du x dS/dv| of {patch}.",
        }[what]
    )
    d.launch(*shape)
    d.code("$head\n$body\n$store", head=head, body=body, store=store)

    def reference(v: Values) -> dict[str, Any]:
        if layout == "grid":
            u, w = np.meshgrid(*[np.linspace(0.0, 1.0, side)] * 2, indexing="ij")
        else:
            u, w = v.uv[:, 0], v.uv[:, 1]
        net = v.control[v.patch_ids] if many else v.control
        rule = "...a,...b,...abc->...c" if many else "...a,...b,abc->...c"
        at_u, at_w = cubic_curves.weights(u), cubic_curves.weights(w)
        p = np.einsum(rule, at_u, at_w, net)
        du = np.einsum(rule, cubic_curves.slopes(u), at_w, net)
        dv = np.einsum(rule, at_u, cubic_curves.slopes(w), net)
        n_ = np.cross(du, dv)
        size = np.linalg.norm(n_, axis=-1)
        every: dict[str, dict[str, Any]] = {
            "point": {"surface": p},
            "normal": {"normals": n_ / size[..., None]},
            "tangents": {"tangents_u": du, "tangents_v": dv},
            "area element": {"area_elements": size},
        }
        return every[what]

    d.check(reference, 5e-3)


@DOMAIN.algorithm(
    source="Lloyd 1982; Du, Faber & Gunzburger 1999, Centroidal Voronoi tessellations",
    names=_NAMES,
    adjoint="no",
    double=True,
)
def assign_sites(d: Draft) -> None:
    """Assigns points to their nearest site (Lloyd's algorithm step)."""
    dim = d.option("dimension", 2, 3)
    metric = d.option("metric", "euclidean", "manhattan", "power", "chebyshev")
    result = d.option("result", "labels", "sums", "border", "second")
    if result == "sums" and metric in ("manhattan", "chebyshev"):
        metric = "euclidean"  # means minimize squared distances alone
    d.calls(
        {
            "labels": "assign_sites|voronoi_assign|nearest_site_kernel",
            "sums": "accumulate_sites|accumulate_cells|centroid_sums",
            "border": "voronoi_margins|site_margins|nearest_site_margins",
            "second": "two_nearest_sites|nearest_two_sites|second_nearest",
        }[result]
    )
    n, m = d.pick(64, 96, 128), d.pick(6, 8, 10)
    vec = f"vec{dim}"
    d.input("points", vec, n, 0.0, 1.0, about="Point positions")
    d.input("sites", vec, m, 0.0, 1.0, about="Site positions")
    if metric == "power":
        d.input("weights", "float", m, 0.0, 0.05, about="Site weights")
    if result == "sums":
        d.inout("sums", vec, m, value=0.0, about="Accumulated positions per site")
        d.inout("points_per_site", "int", m, value=0.0, about="Number of points per site")
    elif result == "border":
        d.output("margins", "float", n, about="Difference between the two smallest distances")
    elif result == "second":
        d.output("pairs", "vec2i", n, about="Nearest and second-nearest site indices")
    else:
        d.output("labels", "int", n, about="Nearest site index")
    by = {
        "euclidean": "",
        "power": " using the power distance",
        "manhattan": " using the Manhattan distance",
        "chebyshev": " using the Chebyshev distance",
    }[metric]
    d.says(
        {
            "labels": "Assigns each point to its nearest site$by.",
            "sums": "Accumulates per-site point sums and counts$by for the centroid update of Lloyd's algorithm.",
            "border": "Computes the distance margin between the two nearest sites for each point$by.",
            "second": "Finds the two nearest sites for each point$by.",
        }[result].replace("$by", by)
    )
    two = result in ("border", "second")
    widest = "wp.max(wp.abs(e[0]), wp.abs(e[1]))"
    if dim == 3:
        widest = f"wp.max({widest}, wp.abs(e[2]))"
    measure = {
        "euclidean": f"cost = wp.{'length' if result == 'border' else 'length_sq'}(p - sites[k])",
        "power": "# power diagram: cell size grows with the weight\n"
        "cost = wp.length_sq(p - sites[k]) - weights[k]",
        "manhattan": "e = p - sites[k]\ncost = " + " + ".join(f"wp.abs(e[{k}])" for k in range(dim)),
        "chebyshev": f"e = p - sites[k]\ncost = {widest}",
    }[metric]
    if two:
        keep = """
            if cost < best:
                second = best
                runner_up = winner
                best = cost
                winner = k
            elif cost < second:
                second = cost
                runner_up = k
            """
        begin = "best = float(1.0e10)\nsecond = float(1.0e10)\nwinner = int(-1)\nrunner_up = int(-1)"
        if result == "border":
            keep = "\n".join(x for x in keep.split("\n") if "winner" not in x and "runner" not in x)
            begin = "best = float(1.0e10)\nsecond = float(1.0e10)"
    else:
        keep, begin = (
            "if cost < best:\n    best = cost\n    winner = k",
            "best = float(1.0e10)\nwinner = int(0)",
        )
    last = {
        "labels": "labels[tid] = winner",
        "sums": "wp.atomic_add(sums, winner, p)\nwp.atomic_add(points_per_site, winner, 1)",
        "border": "margins[tid] = second - best",
        "second": "pairs[tid] = wp.vec2i(winner, runner_up)",
    }[result]
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        p = points[tid]
        $begin
        for k in range(sites.shape[0]):
            $measure
            $keep
        $last
        """,
        begin=begin,
        measure=measure,
        keep=keep,
        last=last,
    )

    def agrees(v: Values, after: Values) -> None:
        e = v.points[:, None] - v.sites[None]
        costs: dict[str, Callable[[], Any]] = {
            "euclidean": lambda: np.sqrt((e**2).sum(-1)),
            "power": lambda: (e**2).sum(-1) - v.weights,
            "manhattan": lambda: np.abs(e).sum(-1),
            "chebyshev": lambda: np.abs(e).max(-1),
        }
        cost = costs[metric]()
        order, ranked = np.argsort(cost, axis=1), np.sort(cost, axis=1)
        sure = (ranked[:, 1] - ranked[:, 0] > 1e-5) & (ranked[:, 2] - ranked[:, 1] > 1e-5)
        if result == "labels":
            np.testing.assert_array_equal(np.asarray(after.labels)[sure], order[sure, 0])
        elif result == "border":
            np.testing.assert_allclose(after.margins, ranked[:, 1] - ranked[:, 0], atol=1e-4)
        elif result == "second":
            np.testing.assert_array_equal(np.asarray(after.pairs)[sure], order[sure, :2])
        elif sure.all():
            one = np.eye(m)[order[:, 0]]
            np.testing.assert_allclose(after.sums, one.T @ v.points, atol=1e-3)
            np.testing.assert_array_equal(after.points_per_site, one.sum(axis=0))
        else:
            assert int(np.asarray(after.points_per_site).sum()) == n

    d.holds(agrees)


@DOMAIN.algorithm(
    source="Garland & Heckbert 1997, Surface simplification using quadric error metrics",
    names=_NAMES,
    double=True,
    adjoint="either",
    weight=4,
)
def error_quadrics(d: Draft) -> None:
    """Accumulates quadric error matrices of face planes at mesh vertices."""
    sort = d.option("layout", "flat", "rows", "vec3i")
    result = d.option("result", "vertices", "faces", "parts", "error")
    weight = d.option("weight", "area", "plain")
    d.calls(
        {
            "vertices": "accumulate_quadrics|error_quadrics|vertex_quadrics|qem",
            "faces": "face_quadrics|plane_quadrics|quadrics_of_faces",
            "parts": "accumulate_quadric_parts|quadric_systems|accumulate_qem",
            "error": "quadric_error|plane_errors|face_plane_errors",
        }[result]
    )
    count, points = d.pick(32, 48, 64), d.pick(20, 24, 30)
    lines = triangles(d, count, points, sort)
    ids = ("face[0]", "face[1]", "face[2]") if sort == "vec3i" else ("i", "j", "k")
    if result == "vertices":
        d.inout("Q", "mat44", points, value=0.0, about="Per-vertex quadrics")
    elif result == "faces":
        d.output("Q", "mat44", count, about="Per-face quadrics")
    elif result == "parts":
        d.inout("A", "mat33", points, value=0.0, about="Per-vertex quadratic terms")
        d.inout("b", "vec3", points, value=0.0, about="Per-vertex linear terms")
    else:
        d.input("candidates", "vec3", count, -1.0, 1.0, about="Candidate position for each face")
        d.output("error", "float", count, about="Quadric errors")
    d.says(
        {
            "vertices": "Accumulates $weighted quadric error matrices of face planes per mesh vertex.",
            "faces": "Computes the $weighted quadric error matrix for each face plane.",
            "parts": "Accumulates A and b of the $weighted quadric error per vertex; the optimum solves A x = -b.",
            "error": "Computes the $weighted squared distance between a candidate position and each face "
            "plane.",
        }[result].replace("$weighted ", "area-weighted " if weight == "area" else "")
    )
    scaled = weight == "area"
    plane = """
        cross = wp.cross(q - p, r - p)
        double_area = wp.max(wp.length(cross), 1.0e-6)
        n = cross / double_area
        d = -wp.dot(n, p)
        """
    w = "0.5 * double_area * " if scaled else ""
    store = {
        "vertices": "\n".join(f"wp.atomic_add(Q, {x}, quadric)" for x in ids),
        "faces": f"Q[tid] = {w}wp.outer(h, h)",
        "parts": f"square = {w}wp.outer(n, n)\nlinear = {w}d * n\n"
        + "\n".join(f"wp.atomic_add(A, {x}, square)\nwp.atomic_add(b, {x}, linear)" for x in ids),
        "error": f"dist = wp.dot(n, candidates[tid]) + d\nerror[tid] = {w}dist * dist",
    }[result]
    quadric = ""
    if result in ("vertices", "faces"):
        quadric = "h = wp.vec4(n[0], n[1], n[2], d)"
    if result == "vertices":
        quadric += f"\nquadric = {w}wp.outer(h, h)"
    d.launch(count)
    d.code(
        "tid = wp.tid()\n$lines\n$plane\n$quadric\n$store",
        lines=lines,
        plane=plane,
        quadric=quadric,
        store=store,
    )
    name_corners(d)

    def reference(v: Values) -> dict[str, Any]:
        at = corner_ids(v, sort)
        x = v.points[at]
        cross = np.cross(x[:, 1] - x[:, 0], x[:, 2] - x[:, 0])
        size = np.maximum(np.linalg.norm(cross, axis=1), 1e-6)
        n = cross / size[:, None]
        h = np.column_stack([n, -(n * x[:, 0]).sum(1)])
        share = 0.5 * size if scaled else np.ones(count)
        q = share[:, None, None] * h[:, :, None] * h[:, None]
        if result == "faces":
            return {"Q": q}
        if result == "error":
            return {"error": share * (np.column_stack([v.candidates, np.ones(count)]) * h).sum(1) ** 2}
        total = np.zeros((points, 4, 4))
        for k in range(3):
            np.add.at(total, at[:, k], q)
        if result == "vertices":
            return {"Q": total}
        return {"A": total[:, :3, :3], "b": total[:, :3, 3]}

    d.check(reference, 3e-3)
