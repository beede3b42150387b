"""Curves fitted to data by steps of Gauss and Newton, a block of threads for each data set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.linear_algebra import DOMAIN
from warpgen.synthesis.library.tile_forms import per_row
from warpgen.synthesis.writing.draft import Draft, Values, dedented

_Model = tuple[str, tuple[str, ...], Callable[..., Any]]
# What a model gives at t, and its derivatives by its parameters p[0], p[1], p[2].
_MODELS: dict[str, _Model] = {
    "decay": (
        "p[0] * wp.exp(-p[1] * t) + p[2]",
        ("wp.exp(-p[1] * t)", "-p[0] * t * wp.exp(-p[1] * t)", "1.0"),
        lambda t, p: p[0] * np.exp(-p[1] * t) + p[2],
    ),
    "peak": (
        "p[0] * wp.exp(-0.5 * (t - p[1]) * (t - p[1]) / (p[2] * p[2]))",
        (
            "wp.exp(-0.5 * (t - p[1]) * (t - p[1]) / (p[2] * p[2]))",
            "curve(t, p) * (t - p[1]) / (p[2] * p[2])",
            "curve(t, p) * (t - p[1]) * (t - p[1]) / (p[2] * p[2] * p[2])",
        ),
        lambda t, p: p[0] * np.exp(-0.5 * ((t - p[1]) / p[2]) ** 2),
    ),
    "growth": (
        "p[0] / (1.0 + wp.exp(-p[1] * (t - p[2])))",
        (
            "1.0 / (1.0 + wp.exp(-p[1] * (t - p[2])))",
            "curve(t, p) * (1.0 - partial_p0(t, p)) * (t - p[2])",
            "-curve(t, p) * (1.0 - partial_p0(t, p)) * p[1]",
        ),
        lambda t, p: p[0] / (1 + np.exp(-p[1] * (t - p[2]))),
    ),
    "wave": (
        "p[0] * wp.sin(p[1] * t + p[2])",
        ("wp.sin(p[1] * t + p[2])", "p[0] * t * wp.cos(p[1] * t + p[2])", "p[0] * wp.cos(p[1] * t + p[2])"),
        lambda t, p: p[0] * np.sin(p[1] * t + p[2]),
    ),
    "saturation": (
        "p[0] * wp.pow(t, p[2]) / (wp.pow(p[1], p[2]) + wp.pow(t, p[2]))",
        (
            "wp.pow(t, p[2]) / (wp.pow(p[1], p[2]) + wp.pow(t, p[2]))",
            "-curve(t, p) * p[2] * wp.pow(p[1], p[2] - 1.0) / (wp.pow(p[1], p[2]) + wp.pow(t, p[2]))",
            "curve(t, p) * (wp.log(t) - wp.log(p[1])) * wp.pow(p[1], p[2]) / (wp.pow(p[1], p[2]) + wp.pow(t, p[2]))",
        ),
        lambda t, p: p[0] * t ** p[2] / (p[1] ** p[2] + t ** p[2]),
    ),
}
_SAID = {
    "decay": "exponential decays with an offset",
    "peak": "Gaussian peaks",
    "growth": "logistic growth curves",
    "wave": "sine waves",
    "saturation": "Hill curves",
}
_MEANING = {
    "decay": "Exponential decay with amplitude p[0], rate p[1] and offset p[2].",
    "peak": "Gaussian with height p[0], center p[1] and width p[2].",
    "growth": "Logistic curve with capacity p[0], rate p[1] and midpoint p[2].",
    "wave": "Sine wave with amplitude p[0], angular frequency p[1] and phase p[2].",
    "saturation": "Hill curve with maximum p[0], half-saturation p[1] and Hill exponent p[2].",
}
_ROBUST = {
    "none": ("", lambda r, s: np.ones_like(r)),
    "huber": ("wp.min(1.0, scale / (wp.abs(r) + 1.0e-12))", lambda r, s: np.minimum(1.0, s / (abs(r) + 1e-12))),
    "cauchy": ("1.0 / (1.0 + r * r / (scale * scale))", lambda r, s: 1 / (1 + (r / s) ** 2)),
}  # fmt: skip


@DOMAIN.algorithm(
    source="Levenberg 1944; Marquardt 1963; Nocedal & Wright 2006, ch. 10; Holland & Welsch 1977 (weights)",
    names={
        "fitted_step": "levenberg_step|gauss_newton_step|fit_curves|marquardt_update",
        "params": "theta|coeffs|estimates",
        "times": "sample_times|ts|t_data",
        "readings": "observed|y_data|samples",
        "jac": "jacobian|design|sensitivities",
        "normal": "jtj|hessian|information",
        "jtr": "rhs|jt_r",
        "step": "delta|update|correction",
        "curve": "model|predict|response",
        "SAMPLES": "N|NUM_SAMPLES|POINTS",
        "series": "problem|fit|block",
    },
    adjoint="no",
    double=True,
    weight=11,
)
def fitted_step(d: Draft) -> None:
    """Performs one damped Gauss-Newton step for curve fitting."""
    model = d.option("model", *_MODELS)
    damping = d.option("damping", "levenberg", "marquardt")
    d.calls({
        "levenberg": "levenberg_step|damped_gauss_newton|fit_curves|fitted_step",
        "marquardt": "marquardt_update|levenberg_marquardt_step|lm_step|fit_curves",
    }[damping])  # fmt: skip
    robust = d.option("weights", *_ROBUST)
    # a step may take a Hill curve's positive parameters below zero, where the curve is not defined
    judged = d.flag("judged", 0.4) and model != "saturation"
    solve = d.option("solve", "cholesky", "in place", "substitutions")
    counted = d.flag("missing readings", 0.35)
    bounded = d.flag("bounded", 0.3) and not judged and model != "wave"
    count, series = d.pick(12, 16, 24), d.pick(3, 4)
    formula, slopes, numpy = _MODELS[model]
    weight, numpy_weight = _ROBUST[robust]
    d.module(f"SAMPLES = wp.constant({count})")
    at = "doses" if model == "saturation" else "times"
    d.input(at, "float", (series, count), 0.2, 3.0, about=at if at == "doses" else "sample times")
    d.input("readings", "float", (series, count), 0.1, 1.5, about="sample values")
    if counted:
        d.mask("valid", "int", (series, count), about="sample mask, 0 for missing readings")
    d.input("params", "vec3", series, 0.6, 1.4, about="curve parameters")
    d.param("damping", "float", 0.5, 2.0, about="damping factor")
    if robust != "none":
        d.param("scale", "float", 0.1, 0.4, about="robust loss scale")
    if bounded:
        d.param("floor_value", "float", 0.3, 0.6, about="lower parameter bound")
    d.output("next_params", "vec3", series, about="updated parameters")
    weighing = " with robust weights" if robust != "none" else ""
    cost = "weighted cost" if robust != "none" else "cost"
    if judged:
        d.output("gains", "float", series, about=f"gain ratios, actual over predicted decrease of the {cost}")
        d.says(f"Performs damped Gauss-Newton steps{weighing} for {_SAID[model]} and computes gain ratios.")
    else:
        kept = " and a lower bound" if bounded else ""
        d.says(f"Fits {_SAID[model]} using one damped Gauss-Newton step{weighing}{kept}.")
    d.function(
        f'@wp.func\ndef curve(t: float, p: wp.vec3) -> float:\n    """{_MEANING[model]}"""\n    return {formula}'
    )
    for k, slope in enumerate(slopes):
        d.function(f"@wp.func\ndef partial_p{k}(t: float, p: wp.vec3) -> float:\n    return {slope}")
    if weight:
        d.function(f'''
            @wp.func
            def robust_weight(r: float, scale: float) -> float:
                """{robust.capitalize()} weight for a residual, to reduce the influence of outliers."""
                return {weight}
        ''')
    ws = [w for w, there in (("robust", bool(weight)), ("mask", counted)) if there]
    weigh = ("robust = wp.tile_map(robust_weight, r, scale)\n" if weight else "") + (
        "mask = wp.tile_astype(wp.tile_load(valid[series], shape=SAMPLES), dtype=float)\n" if counted else ""
    )
    if len(ws) == 2:
        weigh += "w = robust * mask"
    w = "w" if len(ws) == 2 else ws[0] if ws else ""
    wide = f"jac_w = jac * {per_row(w, 'SAMPLES', '3')}" if w else ""
    jw = "jac_w" if w else "jac"
    least = ""
    if counted and damping == "marquardt":
        d.module(
            "LEAST_CURVATURE = wp.constant(1.0e-6)  # avoids a singular system for series without readings"
        )
        least = " + wp.tile_full(shape=3, value=LEAST_CURVATURE, dtype=float)"
    diagonal = {
        "levenberg": "damped = wp.tile_diag_add(normal, wp.tile_full(shape=3, value=damping, dtype=float))",
        "marquardt": "# Scale the damping by the diagonal (Marquardt), so that it is independent of parameter units\n"
        f"curvature = wp.tile_sum(jac * {jw}, axis=0){least}\n"
        "damped = wp.tile_diag_add(normal, damping * curvature)",
    }[damping]
    solved = {
        "cholesky": "lower = wp.tile_cholesky(damped)\nstep = wp.tile_cholesky_solve(lower, jtr)",
        "in place": "wp.tile_cholesky_inplace(damped)\n# `jtr` is overwritten with the step\n"
        "wp.tile_cholesky_solve_inplace(damped, jtr)",
        "substitutions": "lower = wp.tile_cholesky(damped)\n"
        "half = wp.tile_lower_solve(lower, jtr)\n"
        "step = wp.tile_upper_solve(wp.tile_transpose(lower), half)",
    }[solve]
    step = "jtr" if solve == "in place" else "step"
    clamp = (
        "# Clamp to keep the parameters positive\nfor k in range(3):\n    q[k] = wp.max(q[k], floor_value)"
        if bounded
        else ""
    )

    def decrease(change: str, total: str) -> str:
        return f"wp.tile_dot({f'{w} * ' if w else ''}{change}, {total})[0]"

    judge = f"""
        # Gain ratio: actual over predicted decrease of the {cost}
        change = wp.tile_map(curve, t, q) - fitted
        linear = wp.tile_squeeze(wp.tile_matmul(jac, wp.tile_reshape({step}, shape=(3, 1))))
        # Use r^2 - (r - c)^2 = c (2 r - c) to avoid cancellation for short steps
        actual = {decrease("change", "2.0 * r - change")}
        predicted = {decrease("linear", "2.0 * r - linear")}
        $gain
    """.replace(
        "$gain",
        "# Avoid 0 / 0 for series without readings\n"
        "        gains[series] = wp.where(predicted > 0.0, actual / predicted, 0.0)"
        if counted
        else "gains[series] = actual / predicted",
    )
    d.launch(series, tiled=True)
    d.code(
        f"""
        series = wp.tid()
        t = wp.tile_load({at}[series], shape=SAMPLES)
        y = wp.tile_load(readings[series], shape=SAMPLES)
        p = params[series]
        $residual
        jac = wp.tile_empty(shape=(SAMPLES, 3), dtype=float, storage="shared")
        wp.tile_assign(jac, wp.tile_reshape(wp.tile_map(partial_p0, t, p), shape=(SAMPLES, 1)), offset=(0, 0))
        wp.tile_assign(jac, wp.tile_reshape(wp.tile_map(partial_p1, t, p), shape=(SAMPLES, 1)), offset=(0, 1))
        wp.tile_assign(jac, wp.tile_reshape(wp.tile_map(partial_p2, t, p), shape=(SAMPLES, 1)), offset=(0, 2))
        $weigh
        $wide
        normal = wp.tile_matmul(wp.tile_transpose({jw}), jac)
        jtr = wp.tile_squeeze(wp.tile_matmul(wp.tile_transpose({jw}), wp.tile_reshape(r, shape=(SAMPLES, 1))))
        $diagonal
        $solved
        q = p + wp.vec3({step}[0], {step}[1], {step}[2])
        $clamp
        next_params[series] = q
        $judge
        """,
        residual="fitted = wp.tile_map(curve, t, p)\nr = y - fitted"
        if judged
        else "r = y - wp.tile_map(curve, t, p)",
        weigh=weigh.rstrip(),
        wide=wide,
        diagonal=diagonal,
        solved=solved,
        clamp=clamp,
        judge=dedented(judge) if judged else "",
    )
    root = "J^T W J" if w else "J^T J"
    added = "I" if damping == "levenberg" else f"diag({root})"
    d.explain(
        f"({root} + `damping` {added}) step = {'J^T W' if w else 'J^T'} (y - f)"
        + (", where W holds the residual weights." if w else ".")
    )

    def reference(v: Values) -> Mapping[str, Any]:
        moved, gains = [], []
        for k in range(series):
            t, y, p, e = v[at][k], v.readings[k], v.params[k], 1e-6
            r = y - numpy(t, p)
            jac = np.stack([(numpy(t, p + e * u) - numpy(t, p - e * u)) / (2 * e) for u in np.eye(3)], axis=1)
            w_ = numpy_weight(r, v.get("scale")) * (v.valid[k] if counted else 1.0)
            h_ = jac.T @ (w_[:, None] * jac)
            main = np.diag(h_) + (1e-6 if least else 0.0)
            h_ = h_ + v.damping * (np.eye(3) if damping == "levenberg" else np.diag(main))
            q = p + np.linalg.solve(h_, jac.T @ (w_ * r))
            q = np.maximum(q, v.floor_value) if bounded else q
            moved.append(q)
            after, linear = y - numpy(t, q), r - jac @ (q - p)
            cost_ = (w_ * r * r).sum()
            gain = cost_ - (w_ * linear**2).sum()
            gains.append((cost_ - (w_ * after**2).sum()) / gain if w_.any() else 0.0)
        return {"next_params": np.array(moved)} | ({"gains": np.array(gains)} if judged else {})

    d.check(reference, 1e-2)
