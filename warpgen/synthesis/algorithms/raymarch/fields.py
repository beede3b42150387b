"""Distance fields by themselves: their values, gradients and projections onto the surface."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.raymarch import DOMAIN
from warpgen.synthesis.library import scenes
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = scenes.NAMES | {
    "points": "positions|x|query_points|samples",
    "p": "pos|point|x_i",
    "phi": "distances|sdf_values|signed_distance",
    "occupancy": "inside|filled",
    "tsdf": "truncated|tsdf_values",
    "gradients": "grads|gradient_out",
    "n": "grad_dir|slope",
    "normals": "normal_out|surface_normals|n_out",
    "eps": "h|delta|epsilon",
    "dist": "d0|dist_p|value",
}


def central(distance: Any, p: Any, h: float) -> Any:
    """Central differences, for arrays of points."""
    steps = h * np.eye(3)
    return np.stack([(distance(p + s) - distance(p - s)) / (2.0 * h) for s in steps], axis=-1)


@DOMAIN.algorithm(
    source="Quilez, Distance functions; Ricci 1973",
    names=_NAMES | {"sdf_samples": "eval_sdf|sample_sdf|evaluate_scene|compute_sdf|sdf_points"},
    double=True,
    weight=4,
)
def sdf_samples(d: Draft) -> None:
    """Evaluates the signed distance function of a scene at points."""
    layout = d.option("layout", "vectors", "components", "grid", "local frame")
    result = d.option("result", "distance", "occupancy", "truncated", "density")
    d.calls({
        "distance": "eval_sdf|sample_sdf|evaluate_scene|sdf_points",
        "occupancy": "scene_occupancy|inside_scene|sample_occupancy",
        "truncated": "eval_tsdf|truncated_sdf|sample_tsdf",
        "density": "sdf_density|soft_density|density_from_sdf",
    }[result])  # fmt: skip
    found = scenes.draw(d, 4, floor=True if result == "occupancy" else None)
    count = d.pick(64, 128, 256)
    width = {"distance": 0.0, "occupancy": 0.0, "truncated": d.pick(0.1, 0.2), "density": d.pick(8.0, 20.0)}
    values: dict[str, tuple[str, Callable[[Any], Any]]] = {
        "distance": ("scene($p)", lambda s: s),
        "occupancy": ("wp.where(scene($p) <= 0.0, 1.0, 0.0)", lambda s: (s <= 0.0) * 1.0),
        "truncated": (
            "wp.clamp(scene($p) / TRUNCATION, -1.0, 1.0)",
            lambda s: np.clip(s / width["truncated"], -1.0, 1.0),
        ),
        "density": (
            "1.0 / (1.0 + wp.exp(SHARPNESS * scene($p)))",
            lambda s: 1.0 / (1.0 + np.exp(width["density"] * s)),
        ),
    }
    value, expected = values[result]
    out, about = {
        "distance": ("phi", "Signed distances, negative inside"),
        "occupancy": ("occupancy", "1 inside the scene, 0 outside"),
        "truncated": ("tsdf", "Normalized truncated signed distances in [-1, 1], negative inside"),
        "density": ("density", "Densities in [0, 1]"),
    }[result]
    d.says(
        {
            "distance": "Evaluates the signed distance function of a scene at points.",
            "occupancy": "Marks points inside the scene geometry.",
            "truncated": "Evaluates the truncated signed distance function of a scene.",
            "density": "Converts scene signed distances to density using a soft falloff.",
        }[result]
    )
    if result in ("truncated", "density"):
        name = {"truncated": "TRUNCATION", "density": "SHARPNESS"}[result]
        d.module(f"{name} = wp.constant({width[result]})")
        d.explain(
            {
                "truncated": f"Distances are scaled by the truncation distance {width['truncated']} and "
                "clamped to [-1, 1].",
                "density": "Uses a logistic density as in neural implicit rendering, with 0.5 at the "
                "surface.",
            }[result]
        )
    if layout == "grid":
        side = d.pick(6, 8)
        d.param("origin", "vec3", -1.2, -0.8, about="Grid origin")
        d.param("voxel", "float", 0.2, 0.35, about="Voxel size")
        kind = "cell centres" if d.flag("centres") else "nodes"
        shift = " + 0.5" if kind == "cell centres" else ""
        d.output(out, "float", (side, side, side), about=about)
        d.launch(side, side, side)
        d.code(
            f"""
            i, j, k = wp.tid()
            p = origin + voxel * wp.vec3(float(i){shift}, float(j){shift}, float(k){shift})
            {out}[i, j, k] = $value
            """,
            value=value.replace("$p", "p"),
        )

        def points(v: Values) -> Any:
            at = np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij"), axis=-1)
            return np.asarray(v.origin) + v.voxel * (at + (0.5 if shift else 0.0))

    elif layout == "components":
        for axis in "xyz":
            d.input(axis, "float", count, -1.3, 1.3, about=f"Point {axis} coordinates")
        d.output(out, "float", count, about=about)
        d.launch(count)
        d.code(
            f"""
            tid = wp.tid()
            {out}[tid] = $value
            """,
            value=value.replace("$p", "wp.vec3(x[tid], y[tid], z[tid])"),
        )

        def points(v: Values) -> Any:
            return np.stack([v.x, v.y, v.z], axis=-1)

    elif layout == "vectors":
        d.input("points", "vec3", count, -1.3, 1.3, about="Sample positions")
        d.output(out, "float", count, about=about)
        d.launch(count)
        if d.flag("named"):
            d.code(f"tid = wp.tid()\np = points[tid]\n{out}[tid] = $value", value=value.replace("$p", "p"))
        else:
            d.code(f"tid = wp.tid()\n{out}[tid] = $value", value=value.replace("$p", "points[tid]"))

        def points(v: Values) -> Any:
            return v.points

    else:
        d.input("points", "vec3", count, -1.3, 1.3, about="Sample positions")
        d.param("pose", "transform", -0.4, 0.4, kind="transform", about="Scene pose")
        d.output(out, "float", count, about=about)
        d.launch(count)
        d.code(
            f"""
            tid = wp.tid()
            # transform the point to scene-local space
            p = wp.transform_point(wp.transform_inverse(pose), points[tid])
            {out}[tid] = $value
            """,
            value=value.replace("$p", "p"),
        )

        def points(v: Values) -> Any:
            return unposed(v.pose, v.points)

    tolerance = 1e-4

    def reference(v: Values) -> dict[str, Any]:
        return {out: expected(found.distance(points(v)))}

    if result == "occupancy":

        def agrees(before: Values, after: Values) -> None:
            s = found.distance(points(before))
            clear = np.abs(s) > 1e-5  # nearer the surface, rounding decides
            np.testing.assert_array_equal(np.asarray(after[out])[clear], expected(s)[clear])

        d.holds(agrees)
    else:
        d.check(reference, tolerance)


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


_NORMALS = {
    "central": """
        n = wp.vec3(
            scene(p + wp.vec3(eps, 0.0, 0.0)) - scene(p - wp.vec3(eps, 0.0, 0.0)),
            scene(p + wp.vec3(0.0, eps, 0.0)) - scene(p - wp.vec3(0.0, eps, 0.0)),
            scene(p + wp.vec3(0.0, 0.0, eps)) - scene(p - wp.vec3(0.0, 0.0, eps)),
        )
        """,
    "central by axes": """
        ex = wp.vec3(eps, 0.0, 0.0)
        ey = wp.vec3(0.0, eps, 0.0)
        ez = wp.vec3(0.0, 0.0, eps)
        nx = scene(p + ex) - scene(p - ex)
        ny = scene(p + ey) - scene(p - ey)
        nz = scene(p + ez) - scene(p - ez)
        n = wp.vec3(nx, ny, nz)
        """,
    "forward": """
        # forward differences reuse the value at `p`: 4 evaluations instead of 6
        dist = scene(p)
        n = wp.vec3(
            scene(p + wp.vec3(eps, 0.0, 0.0)) - dist,
            scene(p + wp.vec3(0.0, eps, 0.0)) - dist,
            scene(p + wp.vec3(0.0, 0.0, eps)) - dist,
        )
        """,
    "tetrahedron": """
        # tetrahedron technique: 4 evaluations using offsets that sum to zero
        k0 = wp.vec3(1.0, -1.0, -1.0)
        k1 = wp.vec3(-1.0, -1.0, 1.0)
        k2 = wp.vec3(-1.0, 1.0, -1.0)
        k3 = wp.vec3(1.0, 1.0, 1.0)
        n = k0 * scene(p + eps * k0)
        n += k1 * scene(p + eps * k1)
        n += k2 * scene(p + eps * k2)
        n += k3 * scene(p + eps * k3)
        """,
    "loop": """
        n = wp.vec3()
        for axis in range(3):
            e = wp.vec3()
            e[axis] = eps
            n[axis] = scene(p + e) - scene(p - e)
        """,
}


@DOMAIN.algorithm(
    source="Hart 1996, sec. 3; Quilez, Normals for an SDF",
    names=_NAMES | {"sdf_normals": "estimate_normals|surface_normals|sdf_gradient|compute_normals"},
    double=True,
    weight=4,
)
def sdf_normals(d: Draft) -> None:
    """Estimates distance field normals using finite differences."""
    kind = d.option("differences", *_NORMALS)
    result = d.option("result", "unit", "gradient", "colour")
    d.calls({
        "unit": "sdf_normals|estimate_normals|surface_normals|compute_normals",
        "gradient": "sdf_gradient|field_gradient|estimate_gradient",
        "colour": "normal_colors|color_normals|encode_normals",
    }[result])  # fmt: skip
    step = d.option("step", "fixed", "given")
    found = scenes.draw(d, 3)
    count = d.pick(64, 96, 128)
    d.input("points", "vec3", count, -1.4, 1.4, about="Sample positions")
    if step == "given":
        d.param("eps", "float", 0.005, 0.02, about="Finite difference step size")
    else:
        h = d.pick(0.01, 0.005, 0.02)
        d.module(f"EPS = wp.constant({h})")
    out, about = {
        "gradient": ("gradients", "Field gradients"),
        "colour": ("colors", "Normals encoded as RGB colors"),
    }.get(result, ("normals", "Unit surface normals"))
    d.output(out, "vec3", count, about=about)
    text = _NORMALS[kind].replace("eps", "eps" if step == "given" else "EPS")
    scale = {"forward": "$e", "tetrahedron": "(4.0 * $e)"}.get(kind, "(2.0 * $e)")
    scale = scale.replace("$e", "eps" if step == "given" else "EPS")
    if result == "gradient":
        d.says("Estimates the gradient of a distance field using finite differences.")
    elif result == "colour":
        d.says("Estimates distance field normals and encodes them as RGB colors.")
    d.launch(count)
    d.code(
        f"""
        tid = wp.tid()
        p = points[tid]
        $differences
        {out}[tid] = $value
        """,
        differences=text,
        value={
            "unit": "wp.normalize(n)",
            "gradient": f"n / {scale}",
            "colour": "0.5 * wp.normalize(n) + wp.vec3(0.5, 0.5, 0.5)",
        }[result],
    )

    def reference(v: Values) -> dict[str, Any]:
        h = v.eps if step == "given" else h_fixed
        f, p = found.distance, v.points
        if kind == "forward":
            g = np.stack([(f(p + e) - f(p)) / h for e in h * np.eye(3)], axis=-1)
        elif kind == "tetrahedron":
            corners = np.array([[1, -1, -1], [-1, -1, 1], [-1, 1, -1], [1, 1, 1]])
            g = sum(f(p + h * c)[:, None] * c for c in corners) / (4.0 * h)
        else:
            g = central(f, p, h)
        if result != "gradient":
            g = g / np.linalg.norm(g, axis=-1, keepdims=True)
        return {out: 0.5 * g + 0.5 if result == "colour" else g}

    h_fixed = 0.0 if step == "given" else h
    d.check(reference, 2e-3)
