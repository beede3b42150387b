"""Registration: what pairs of points say of a rigid motion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.geometry import DOMAIN
from warpgen.synthesis.algorithms.geometry.distances import rotations
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.trim import trim

POINT = """c = wp.cross(p, diff)
g = wp.spatial_vector(diff[0], diff[1], diff[2], c[0], c[1], c[2])"""


@DOMAIN.algorithm(
    source="Besl & McKay 1992; Chen & Medioni 1992; Low 2004, Linear least-squares for point-to-plane ICP",
    names={
        "JTJ": "hessian|H|normal_matrix",
    },
    double=True,
    weight=4,
)
def registration_terms(d: Draft) -> None:
    """Accumulates the normal equations of rigid registration (ICP)."""
    metric = d.option("metric", "plane", "point")
    result = d.option("result", "residual", "system", "gradient", "covariance")
    robust = d.option("robust", "none", "huber", "tukey", "cutoff")
    match = d.option("match", "same index", "indexed")
    pose = d.flag("pose")
    n, m = d.pick(48, 64, 96), d.pick(48, 64)
    if metric == "point" and result == "system":
        result = "residual"
    if result == "covariance":
        metric = "point"
    source, target = d.pick(("source", "target"), ("src", "dst"), ("moving", "fixed"), ("scan", "model"))
    d.input(source, "vec3", n, -1.0, 1.0, about="Points to align")
    d.input(target, "vec3", n if match == "same index" else m, -1.0, 1.0, about="Target points")
    if metric == "plane":
        d.input(
            "normals", "vec3", n if match == "same index" else m, kind="unit", about="Unit surface normals"
        )
    if match == "indexed":
        d.input("nearest", "int", n, -8, m, about="Matched target index, negative for no match")
    if pose:
        d.param("pose", "transform", -0.3, 0.3, kind="transform", about="Current pose estimate")
    k = {"huber": "delta", "tukey": "cutoff", "cutoff": "max_residual"}.get(robust, "")
    if robust != "none":
        d.param(
            k,
            "float",
            *((0.4, 1.0) if metric == "plane" else (1.0, 1.8)),
            about={
                "huber": "Residual threshold above which the loss is linear",
                "tukey": "Residual threshold above which pairs have zero weight",
                "cutoff": "Maximum residual",
            }[robust],
        )
    at = "j" if match == "indexed" else "tid"
    leaves = match == "indexed" or robust == "cutoff"
    times = "w " if robust in ("huber", "tukey") else ""
    total = "weight_sum" if times else "pair_count"
    outs = {
        "residual": (("residual", "float", n, "Residuals" + (", 0 for skipped pairs" if leaves else "")),),
        "system": (
            ("JTJ", "spatial_matrix", 1, f"Sum of {times}J^T J"),
            ("JTr", "spatial_vector", 1, f"Sum of {times}J^T r"),
        ),
        "gradient": (("JTr", "spatial_vector", 1, "Gradient: translation, then rotation"),),
        "covariance": (
            (total, "float", 1, "Sum of w" if times else "Number of pairs"),
            ("source_sum", "vec3", 1, f"Sum of {times}p over source points p"),
            ("target_sum", "vec3", 1, f"Sum of {times}q over matched target points q"),
            ("S", "mat33", 1, f"Sum of {times}p q^T"),
        ),
    }[result]
    for name, type, size, about in outs:
        if size == 1:
            d.inout(name, type, size, value=0.0, about=about)
        else:
            d.output(name, type, size, about=about)
    d.calls(
        {
            "residual": "robust_residuals|weighted_residuals|icp_residuals"
            if robust in ("huber", "tukey")
            else "plane_distances|point_to_plane|icp_residuals"
            if metric == "plane"
            else "match_distances|point_to_point|icp_residuals",
            "system": "build_icp_system|icp_normal_equations|accumulate_icp",
            "gradient": "icp_gradient|registration_gradient|pose_gradient",
            "covariance": "kabsch_sums|kabsch_moments|match_moments",
        }[result]
    )
    far = "signed point-to-plane distance for each matched pair"
    far = far if metric == "plane" else "distance between each pair of matched points"
    how = {
        "none": "",
        "huber": ", scaled by sqrt(Huber weight)" if result == "residual" else ", using Huber weights",
        "tukey": ", scaled by sqrt(Tukey weight)" if result == "residual" else ", using Tukey weights",
        "cutoff": ", skipping pairs beyond a cutoff",
    }[robust]
    d.says(
        {
            "residual": f"Computes the {far}{how}.",
            "system": f"Accumulates the normal equations (J^T J, J^T r) of point-to-plane ICP{how}.",
            "gradient": f"Accumulates the registration error gradient with respect to the pose twist{how}.",
            "covariance": f"Accumulates the sums and cross moments of matched points for the Kabsch algorithm{how}.",
        }[result]
    )
    error = "e = wp.dot(n, p - q)" if metric == "plane" else "diff = p - q\ne = wp.length(diff)"
    weight = {
        "none": "",
        "huber": "# linear loss beyond `delta` to reduce outlier influence\n"
        "w = delta / wp.max(wp.abs(e), delta)",
        "tukey": "u = wp.min(wp.abs(e) / cutoff, 1.0)\nw = (1.0 - u * u) * (1.0 - u * u)",
        "cutoff": "# reject large residuals, since they are likely mismatches\nif wp.abs(e) > max_residual:\n    $none",
    }[robust]
    if metric == "point":
        weight = weight.replace("wp.abs(e)", "e")  # a distance has no sign
    if result == "residual" and robust == "tukey":
        weight = weight.replace("w = (1.0 - u * u) * (1.0 - u * u)", "root_w = 1.0 - u * u")
    weighted = robust in ("huber", "tukey")
    ws = "w * " if weighted else ""
    root = {"huber": "wp.sqrt(w) * ", "tukey": "root_w * "}.get(robust, "")  # for reweighted least squares
    jac = {
        "plane": "c = wp.cross(p, n)\nJ = wp.spatial_vector(n[0], n[1], n[2], c[0], c[1], c[2])",
        "point": "",
    }[metric]
    store = {
        "residual": f"residual[tid] = {root}e",
        "system": f"{jac}\nwp.atomic_add(JTJ, 0, {ws}wp.outer(J, J))\nwp.atomic_add(JTr, 0, {ws}e * J)",
        "gradient": f"{jac}\nwp.atomic_add(JTr, 0, {ws}e * J)"
        if metric == "plane"
        else f"{POINT}\nwp.atomic_add(JTr, 0, {ws}g)",
        "covariance": f"wp.atomic_add({total}, 0, {'w' if weighted else '1.0'})\n"
        f"wp.atomic_add(source_sum, 0, {ws}p)\nwp.atomic_add(target_sum, 0, {ws}q)\n"
        f"wp.atomic_add(S, 0, {ws}wp.outer(p, q))",
    }[result]
    needs_error = not (result == "covariance" and robust == "none")
    d.launch(n)
    d.code(
        f"tid = wp.tid()\n$match\np = $p\nq = {target}[$at]\n$n\n$error\n$weight\n$store",
        match="j = nearest[tid]\n# skip points without a match (negative index)\nif j < 0:\n    $none"
        if match == "indexed"
        else "",
        p=f"wp.transform_point(pose, {source}[tid])" if pose else f"{source}[tid]",
        at=at,
        n=f"n = normals[{at}]" if metric == "plane" else "",
        error=error if needs_error else "",
        weight=weight,
        store=store,
        none="residual[tid] = 0.0\nreturn" if result == "residual" else "return",
    )
    trim(d)
    if result == "covariance":
        d.explain(f"The cross-covariance is (S - source_sum target_sum^T / {total}) / {total}.")
    if metric == "plane" and result in ("system", "gradient"):
        solved = "\nThe update x solves J^T J x = -J^T r." if result == "system" else ""
        d.explain(
            "For a small pose twist x (translation, rotation), the residual r changes by J x\n"
            f"with J = (n, p x n).{solved}"
        )

    def reference(v: Values) -> dict[str, Any]:
        p = v[source]
        if pose:
            p = p @ rotations(np.asarray(v.pose)[3:]).T + np.asarray(v.pose)[:3]
        pick = v.nearest if match == "indexed" else np.arange(n)
        there = pick >= 0
        q = v[target][pick]
        if metric == "plane":
            g = v.normals[pick]
            e = (g * (p - q)).sum(1)
            jac, r = np.column_stack([g, np.cross(p, g)]), e
        else:
            e = np.linalg.norm(p - q, axis=1)
            jac, r = np.column_stack([p - q, np.cross(p, p - q)]), np.ones(n)
        size = np.abs(e)
        weighed: dict[str, Callable[[], Any]] = {
            "none": lambda: np.ones(n),
            "huber": lambda: np.where(size <= v[k], 1.0, v[k] / size),
            "tukey": lambda: np.where(size < v[k], (1.0 - (size / v[k]) ** 2) ** 2, 0.0),
            "cutoff": lambda: (size <= v[k]) * 1.0,
        }
        w = weighed[robust]() * there
        return {
            "residual": {"residual": np.sqrt(w) * e},
            "system": {"JTJ": ((jac * w[:, None]).T @ jac)[None], "JTr": (jac.T @ (w * r))[None]},
            "gradient": {"JTr": (jac.T @ (w * r))[None]},
            "covariance": {
                total: w.sum(keepdims=True),
                "source_sum": (w @ p)[None],
                "target_sum": (w @ q)[None],
                "S": ((p * w[:, None]).T @ q)[None],
            },
        }[result]

    d.check(reference, 3e-3)
