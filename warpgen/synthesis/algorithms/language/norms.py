"""Smoothed norms and directions, and the lengths of what kernels hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.language import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.forms import Form


@DOMAIN.algorithm(
    source="Warp manual, Built-Ins: smooth_normalize; Nocedal & Wright 2006 (smoothing); Charbonnier et al. 1994",
    names={
        "smooth_directions": "regularized_directions|soft_normalize|smooth_unit_vectors",
        "v": "x|vec",
        "velocities": "vels|motions",
        "extensions": "offsets|displacements",
        "gradients": "grads|slopes",
    },
    adjoint="either",
    weight=3,
)
def smooth_directions(d: Draft) -> None:
    """Computes smoothed vector directions that vanish at zero."""
    kind = d.option(
        "kind", "direction", "friction", "drag", "steer", "spring", "capped step", "power", "alignment"
    )
    d.calls({
        "direction": "smooth_directions|soft_normalize|smooth_unit_vectors|regularized_directions",
        "friction": "regularized_friction|friction_forces|coulomb_friction",
        "drag": "quadratic_drag|drag_forces",
        "steer": "steer_agents|steering_acceleration|hold_speed",
        "spring": "constant_force_springs|spring_forces",
        "capped step": "capped_steps|limited_gradient_step|normalized_step",
        "power": "friction_power|dissipated_power",
        "alignment": "measure_alignment|smooth_alignment",
    }[kind])  # fmt: skip
    size = d.option("size", 2, 3)
    written_out = d.flag("written out", 0.35)
    d.says({
        "direction": "Computes smoothly normalized vectors, well-defined at zero length.",
        "friction": "Computes regularized Coulomb friction forces from sliding velocities.",
        "drag": "Computes quadratic drag forces using a smoothed velocity direction.",
        "steer": "Computes steering accelerations toward a target speed.",
        "spring": "Computes constant-force spring forces that vanish smoothly at zero extension.",
        "capped step": "Applies gradient steps with a limited step length.",
        "power": "Computes the power dissipated by regularized friction.",
        "alignment": "Computes the smoothed alignment between vectors and a direction.",
    }[kind])  # fmt: skip
    form = Form(d)
    vector = f"vec{size}"
    given = {"spring": "extensions", "capped step": "gradients"}.get(
        kind, "vectors" if kind in ("direction", "alignment") else "velocities"
    )
    form.element("v", given, -1.0, 1.0, vector, about=f"input {given}, may be zero")
    form.number(
        "delta",
        0.05,
        0.3,
        about=f"{'speed' if given == 'velocities' else 'length'} scale for smoothing near zero",
    )
    if kind in ("friction", "power"):
        form.element("load", "loads", 1.0, 20.0, about="normal forces [N]")
        form.number("mu", 0.2, 0.9, about="friction coefficient")
    if kind == "drag":
        form.number("c", 0.2, 1.0, about="quadratic drag coefficient [kg/m]")
    if kind == "steer":
        form.number("speed", 0.5, 1.5, about="target speed [m/s]")
        form.number("gain", 0.5, 2.0, about="inverse response time [1/s]")
    if kind == "spring":
        form.number("pull", 1.0, 5.0, about="spring force magnitude [N]")
    if kind == "capped step":
        form.element("x", "points", -1.0, 1.0, vector, about="points before the step")
        form.number("longest", 0.01, 0.1, about="maximum step length")
    if kind == "alignment":
        form.number("along", 0.0, 1.0, vector, "unit", about="unit vector")
    out, function = {
        "direction": ("directions", "smooth_direction"), "friction": ("frictions", "friction_force"),
        "drag": ("drags", "drag_force"), "steer": ("accelerations", "steering"), "spring": ("forces", "spring_force"),
        "capped step": ("moved", "stepped"), "power": ("powers", "friction_loss"), "alignment": ("alignments", "alignment_of"),
    }[kind]  # fmt: skip
    about = {
        "direction": "smoothed directions", "friction": "friction forces [N]", "drag": "drag forces [N]",
        "steer": "accelerations [m/s^2]", "spring": "spring forces [N]", "capped step": "updated points",
        "power": "dissipated power [W]", "alignment": "alignment in [-1, 1]",
    }[kind]  # fmt: skip
    form.output(out, "float" if kind in ("power", "alignment") else vector, about=about)
    # v / sqrt(|v|^2 + delta^2), by the builtin or as it is defined
    lines = "n = v / wp.norm_pseudo_huber(v, delta)" if written_out else "n = wp.smooth_normalize(v, delta)"
    lines = f"# Unlike v / |v|, this is finite at zero\n{lines}"
    value = {
        "direction": "n",
        "friction": "-mu * load * n",
        "drag": "-c * wp.length_sq(v) * n",
        "steer": "gain * (speed * n - v)",
        "spring": "-pull * n",
        "capped step": "x - longest * n",
        "power": "mu * load * wp.dot(n, v)",
        "alignment": "wp.dot(n, along)",
    }[kind]
    form.write(function, lines, value)
    if written_out:
        d.explain("norm_pseudo_huber(v, delta) = sqrt(|v|^2 + delta^2), so n has slope 1 / `delta` at zero.")
    else:
        d.explain("smooth_normalize(v, delta) = v / sqrt(|v|^2 + delta^2), with slope 1 / `delta` at zero.")

    def reference(v: Values) -> Mapping[str, Any]:
        x = v[given]
        n = x / np.sqrt((x * x).sum(axis=-1, keepdims=True) + v.delta**2)
        load = v.get("loads", np.zeros(1))[..., None]
        found: dict[str, Callable[[], Any]] = {
            "direction": lambda: n,
            "friction": lambda: -v.mu * load * n,
            "drag": lambda: -v.c * (x * x).sum(axis=-1, keepdims=True) * n,
            "steer": lambda: v.gain * (v.speed * n - x),
            "spring": lambda: -v.pull * n,
            "capped step": lambda: v.points - v.longest * n,
            "power": lambda: (v.mu * load * n * x).sum(axis=-1),
            "alignment": lambda: (n * v.along).sum(axis=-1),
        }
        return {out: found[kind]()}

    d.check(reference, 1e-3)


@DOMAIN.algorithm(
    source="Warp manual, Built-Ins: len; Knuth 1998, TAOCP 2, section 3.4.2 (wrapped indices)",
    names={
        "length_loops": "loop_to_length|all_entries|whole_length",
        "x": "values|data|samples",
        "total": "acc|s",
        "table": "lut|entries",
        "coefficients": "coeffs|poly",
    },
    double=True,
    adjoint="either",
    weight=4,
)
def length_loops(d: Draft) -> None:
    """Processes vectors, matrices and arrays using their length."""
    kind = d.option(
        "kind",
        "power mean",
        "alternating",
        "next",
        "nearest",
        "horner",
        "row norms",
        "diagonal",
        "share",
        "last",
    )
    d.calls({
        "power mean": "root_mean_square|component_rms|vector_rms",
        "alternating": "alternating_sums|alternating_sum",
        "next": "ring_differences|step_to_next|cyclic_differences",
        "nearest": "nearest_entry|nearest_in_table|closest_entry",
        "horner": "eval_polynomial|poly_horner|polynomial_values",
        "row norms": "infinity_norms|largest_row_sum|matrix_norms",
        "diagonal": "diagonal_products|multiply_diagonals",
        "share": "relative_power|power_ratios|normalized_power",
        "last": "dehomogenize|perspective_divide|divide_by_last",
    }[kind])  # fmt: skip
    size = d.option("size", 2, 3, 4)
    d.says({
        "power mean": "Computes the root mean square of each vector's components.",
        "alternating": "Computes the alternating sum of each vector's components.",
        "next": "Computes forward differences on a ring.",
        "nearest": "Finds the closest table entry for each value.",
        "horner": "Evaluates a polynomial given an array of coefficients.",
        "row norms": "Computes the infinity norm (maximum absolute row sum) of each matrix.",
        "diagonal": "Computes the product of the diagonal entries of each matrix.",
        "share": "Computes the power of each value relative to the mean reference power.",
        "last": "Divides homogeneous vectors by their last component.",
    }[kind])  # fmt: skip
    form = Form(d)
    entries = d.pick(5, 6, 8)
    vector, matrix = f"vec{size}", f"mat{size}{size}"
    if kind in ("power mean", "alternating", "last"):
        form.element("v", "x", 0.5, 2.0, vector, about="homogeneous vectors" if kind == "last" else "vectors")
    elif kind in ("row norms", "diagonal"):
        form.element("v", "x", 0.5, 1.5, matrix, about="square matrices")
    elif kind == "next":
        form.element("at", "places", 0, entries, "int", about="ring indices")
    else:
        about = {"nearest": "values to look up", "horner": "polynomial arguments"}.get(kind, "samples")
        form.element("v", "x", -1.0, 1.0, about=about)
    table, about = {
        "nearest": ("table", "table entries"),
        "horner": ("coefficients", "polynomial coefficients, constant term first"),
        "share": ("reference", "reference samples"),
        "next": ("ring", "ring entries"),
    }.get(kind, ("", ""))
    if table:
        form.table(table, "float", entries, -1.0, 1.0, about=about)
    out, function = {
        "power mean": ("rms", "rms_of"), "alternating": ("sums", "alternating_sum_of"), "next": ("differences", "step_after"),
        "nearest": ("nearest", "nearest_to"), "horner": ("results", "horner"), "row norms": ("norms", "infinity_norm"),
        "diagonal": ("products", "diagonal_product"), "share": ("ratios", "power_ratio"), "last": ("divided", "divided_by_last"),
    }[kind]  # fmt: skip
    about = {
        "power mean": "root mean squares", "alternating": "alternating sums", "next": "forward differences",
        "nearest": "indices of the closest entries", "horner": "polynomial values", "row norms": "infinity norms",
        "diagonal": "diagonal products", "share": "powers relative to the reference", "last": "divided vectors",
    }[kind]  # fmt: skip
    form.output(out, {"nearest": "int", "last": vector}.get(kind, "float"), about=about)
    loop = "for k in range(len({})):\n    {}"
    lines, value = {
        "power mean": (
            "total = float(0.0)\n" + loop.format("v", "total += v[k] * v[k]"), "wp.sqrt(total / float(len(v)))",
        ),
        "alternating": (
            "total = float(0.0)\nside = float(1.0)\n" + loop.format("v", "total += side * v[k]\n    side = -side"),
            "total",
        ),
        "next": (
            "# Wrap around to the first entry\nafter = (at + 1) % len(ring)",
            "ring[after] - ring[at]",
        ),
        "nearest": (
            "best = int(0)\n" + "for k in range(1, len(table)):\n"
            "    if wp.abs(table[k] - v) < wp.abs(table[best] - v):\n        best = k",
            "best",
        ),
        "horner": (
            "total = float(0.0)\n# Horner's method: start from the highest power\n"
            + loop.format("coefficients", "total = total * v + coefficients[len(coefficients) - 1 - k]"),
            "total",
        ),
        "row norms": (
            "largest = float(0.0)\nfor line in range(len(v)):\n    total = float(0.0)\n"
            "    for k in range(len(v)):\n        total += wp.abs(v[line, k])\n    largest = wp.max(largest, total)",
            "largest",
        ),
        "diagonal": ("product = float(1.0)\n" + loop.format("v", "product *= v[k, k]"), "product"),
        "share": (
            "total = float(0.0)\n" + loop.format("reference", "total += reference[k] * reference[k]"),
            "v * v / (total / float(len(reference)))",
        ),
        "last": ("", "v / v[len(v) - 1]"),
    }[kind]  # fmt: skip
    if kind in ("next", "nearest", "row norms", "horner", "share"):
        d.forward_only()
    form.write(function, lines, value)

    def reference(v: Values) -> Mapping[str, Any]:
        x, t = v["places" if kind == "next" else "x"], v[table] if table else np.zeros(1)
        found: dict[str, Callable[[], Any]] = {
            "power mean": lambda: np.sqrt((x * x).mean(axis=-1)),
            "alternating": lambda: x @ (-1.0) ** np.arange(size),
            "next": lambda: (np.roll(t, -1) - t)[x],
            "nearest": lambda: np.abs(t - x[..., None]).argmin(axis=-1),
            "horner": lambda: np.polynomial.polynomial.polyval(x, t),
            "row norms": lambda: np.abs(x).sum(axis=-1).max(axis=-1),
            "diagonal": lambda: np.diagonal(x, axis1=-2, axis2=-1).prod(axis=-1),
            "share": lambda: x * x / (t * t).mean(),
            "last": lambda: x / x[..., -1:],
        }
        return {out: found[kind]()}

    d.check(reference, 1e-3)
