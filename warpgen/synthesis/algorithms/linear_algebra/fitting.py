"""Least squares: fits by normal equations and one step of Levenberg and Marquardt; rank-one updates."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.linear_algebra import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "t": "xs|abscissa|times",
    "points": "xy|locations|positions",
    "y": "ys|samples|observed",
    "w": "weights|inv_var|confidence",
    "coeffs": "params|fit|theta",
    "lm": "damping|mu|lam",
    "tid": "i",
    "H": "jtj|normal_mat|hessian",
    "rhs": "jtr|right",
    "descent": "downhill|neg_grad",
    "res": "e|residual|diff",
    "row": "phi|features|basis",
}


@DOMAIN.algorithm(
    source="Golub & Van Loan 2013, section 5.3 (normal equations); Nocedal & Wright 2006, chapter 10",
    names=_NAMES | {"least_squares_fit": "fit_rows|polyfit|fit_plane|normal_equations"},
    adjoint="no",
    double=True,
    element="row",
)
def least_squares_fit(d: Draft) -> None:
    """Solves batched polynomial least-squares problems."""
    model = d.option("model", "line", "parabola", "plane", "sinusoid", "exponential")
    method = d.option("method", "normal equations", "damped step", "gradient step")
    weighted = d.option("weights", "none", "given", "robust")
    result = d.option("result", "coefficients", "error")
    shared = d.flag("shared abscissa", 0.4)
    m, n = d.pick(32, 48, 64), d.pick(8, 10, 12)
    size = {"line": 2, "parabola": 3, "plane": 3, "sinusoid": 3, "exponential": 2}[model]
    linear = model != "exponential"
    if not linear and method == "normal equations":
        method = "damped step"
    if result == "error":
        d.calls(
            "residual_sum|fit_error" if method == "normal equations" else "predicted_reduction|model_decrease"
        )
    else:
        d.calls({
            "normal equations": f"fit_{model}|least_squares_{model}|normal_equations",
            "damped step": f"fit_{model}_step|levenberg_marquardt_step|lm_step",
            "gradient step": f"descend_{model}_fit|gradient_step|descent_step",
        }[method])  # fmt: skip
    if weighted == "robust" and method == "normal equations":
        weighted = "given"
    vec, mat = f"vec{size}", f"mat{size}{size}"
    where = "points" if model == "plane" else "t"
    abscissa = "Sample locations" + (", shared by all rows" if shared else "")
    one = f"{where}[k]" if shared else f"{where}[tid, k]"
    d.input(
        where, "vec2" if model == "plane" else "float", n if shared else (m, n), -1.0, 1.0, about=abscissa
    )
    d.input("y", "float", (m, n), -1.0, 1.0, about="Observed values, one fit per row")
    if weighted == "given":
        d.input("w", "float", n if shared else (m, n), 0.5, 2.0, about="Observation weights")
    elif weighted == "robust":
        d.param("huber", "float", 0.3, 0.6, about="Huber loss threshold")
    iterative = method != "normal equations"
    if iterative:
        d.input("start", vec, m, -0.5, 0.5, about="Current coefficients")
    if model == "sinusoid":
        d.param("omega", "float", 1.0, 2.0, about="Angular frequency")
    if method == "gradient step":
        d.param("rate", "float", 0.01, 0.04, about="Learning rate")
    elif method == "damped step":
        d.param("lm", "float", 0.05, 0.3, about="Levenberg-Marquardt damping")
    else:
        d.param("ridge", "float", 0.001, 0.01, about="Ridge added to the normal matrix diagonal")
    error = result == "error"
    measure = "reduction" if iterative else "error"
    told = {
        "reduction": {
            "given": "Predicted reductions in half the weighted sum of squares",
            "robust": "Predicted reductions in the Huber loss",
        }.get(weighted, "Predicted reductions in half the sum of squares"),
        "error": "Residual sums of squares",
    }
    about = told[measure] if error else "Fitted coefficients"
    d.output(measure if error else "coeffs", "float" if error else vec, m, about=about)
    features = {
        "line": f"row = wp.vec2(1.0, {one})",
        "parabola": f"s = {one}\nrow = wp.vec3(1.0, s, s * s)",
        "plane": f"row = wp.vec3(1.0, {one}[0], {one}[1])",
        "sinusoid": f"row = wp.vec3(1.0, wp.cos(omega * {one}), wp.sin(omega * {one}))",
        "exponential": f"s = {one}\nrise = wp.exp(c[1] * s)\n"
        "# Jacobian row of c0 * exp(c1 * s)\nrow = wp.vec2(rise, c[0] * s * rise)",
    }[model]
    weight = "w[k]" if shared else "w[tid, k]"
    value = "c[0] * rise" if not linear else "wp.dot(row, c)"
    lines = [features]
    if iterative:
        lines.append(f"res = y[tid, k] - {value}")
    else:
        lines.append("yk = y[tid, k]")
    left = "res" if iterative else "yk"
    factor = ""
    if weighted == "given":
        lines.append(f"wk = {weight}")
        factor = "wk * "
    elif weighted == "robust":
        lines.append("# Huber weight: reduces the influence of outliers")
        lines.append("wk = wp.min(1.0, huber / (wp.abs(res) + 1.0e-6))")
        factor = "wk * "
    gradient = method == "gradient step"
    g = "descent" if gradient else "rhs"
    if not gradient:
        lines.append(f"H += {factor}wp.outer(row, row)")
    lines.append(f"{g} += {factor}{left} * row")
    if error and not iterative:
        lines.append(f"yy += {factor}yk * yk")
    setup = [f"H = wp.{mat}()"] if not gradient else []
    setup.append(f"{g} = wp.{vec}()")
    if iterative:
        setup.insert(0, "c = start[tid]")
    elif error:
        setup.append("yy = float(0.0)")
    damp = f"{'lm' if iterative else 'ridge'} * wp.identity(n={size}, dtype=float)"
    if gradient:
        solve = "delta = rate * descent"
    elif method == "damped step":
        solve = "# Levenberg-Marquardt damping\n"
        solve += f"delta = wp.inverse(H + {damp}) * rhs"
    else:
        solve = f"# Add a small ridge to avoid a singular normal matrix\nc = wp.inverse(H + {damp}) * rhs"
    if error:
        if iterative:
            end = "# First-order prediction\nreduction[tid] = wp.dot(descent, delta)"
            if not gradient:
                end = "# Quadratic model prediction\nreduction[tid] = wp.dot(rhs, delta) - 0.5 * wp.dot(delta, H * delta)"
        else:
            end = "# Residual sum of squares from the normal equations, avoids a second pass\n"
            end += "error[tid] = yy - 2.0 * wp.dot(rhs, c) + wp.dot(c, H * c)"
    else:
        end = "coeffs[tid] = c + delta" if iterative else "coeffs[tid] = c"
    d.launch(m)
    d.code(
        "tid = wp.tid()\n$setup\nfor k in range(y.shape[1]):\n    $body\n$solve\n$end",
        setup="\n".join(setup),
        body="\n".join(lines),
        solve=solve,
        end=end,
    )
    known = {"plane": "a plane", "sinusoid": "a sinusoid of known frequency", "exponential": "an exponential"}
    what = known.get(model, f"a {model}")
    fitting = "robustly fitting" if weighted == "robust" else "fitting"
    kind = "gradient descent" if gradient else "Levenberg-Marquardt"
    if error:
        sum_ = "weighted residual sum" if weighted == "given" else "residual sum"
        d.says(f"Computes the {sum_} of squares for {what} fit per row.")
        if iterative:
            d.says(f"Computes the predicted reduction for one {kind} step for {fitting} {what} to each row.")
    elif iterative:
        d.says(f"Performs one {kind} step for {fitting} {what} to each row.")
    else:
        given = "weighted " if weighted == "given" else ""
        d.says(f"Fits {what} to each row using {given}normal equations with a small ridge.")

    def reference(v: Values) -> dict[str, Any]:
        t = np.broadcast_to(v[where], (m, n, 2) if model == "plane" else (m, n))
        one_ = np.ones((m, n))
        if model == "exponential":
            rise = np.exp(v.start[:, 1:] * t)
            phi = np.stack([rise, v.start[:, :1] * t * rise], -1)
            fitted = v.start[:, :1] * rise
        else:
            phi = {
                "line": lambda: np.stack([one_, t], -1),
                "parabola": lambda: np.stack([one_, t, t * t], -1),
                "plane": lambda: np.concatenate([one_[..., None], t], -1),
                "sinusoid": lambda: np.stack([one_, np.cos(v.omega * t), np.sin(v.omega * t)], -1),
            }[model]()
            fitted = np.einsum("mnk,mk->mn", phi, v.start) if iterative else 0.0
        res = v.y - fitted
        w: Any = one_
        if weighted == "given":
            w = np.broadcast_to(v.w, (m, n))
        elif weighted == "robust":
            w = np.minimum(1.0, v.huber / (np.abs(res) + 1e-6))
        big = np.einsum("mn,mni,mnj->mij", w, phi, phi)
        right = np.einsum("mn,mn,mni->mi", w, res, phi)
        added = 0.0 if gradient else v.lm if iterative else v.ridge
        delta = np.linalg.solve(big + added * np.eye(size), right[..., None])[..., 0]
        delta = v.rate * right if gradient else delta
        quadratic = np.einsum("mi,mij,mj->m", delta, big, delta)
        if not error:
            return {"coeffs": v.start + delta if iterative else delta}
        gain = (right * delta).sum(axis=1)
        if iterative:
            return {"reduction": gain if gradient else gain - 0.5 * quadratic}
        return {"error": (w * res**2).sum(axis=1) - 2 * gain + quadratic}

    d.check(reference, 2e-3)


_VECTORS = {
    "gradient": "gradients",
    "vector": "input vectors",
    "rhs": "right-hand sides",
}
_GIVEN = {"P": "covariances", "H_inv": "inverse Hessians", "A_inv": "inverse matrices"}
_MADE = {
    "search_direction": "quasi-Newton directions",
    "product": "products of the updated covariances and the vectors",
    "solution": "solutions",
}


@DOMAIN.algorithm(
    source="Sherman & Morrison 1950; Hager 1989, Updating the Inverse of a Matrix; Broyden 1970 (BFGS)",
    names={
        "rank_one_update": "sherman_morrison|bfgs_update|update_inverse|rank1_update",
        "A_inv": "inverse|inv_mat|a_inverse",
        "P": "cov|covariance|covariances",
        "H_inv": "inv_hessian|inverse_hessian|h_inv",
        "u": "col_vec|left_vec|uu",
        "sensor": "h_row|observation|measurement_row",
        "v": "row_vec|right_vec|vv",
        "tid": "i",
        "denom": "den|divisor|denominator",
        "s": "step|dx|delta_x",
        "y": "dg|grad_change|delta_g",
    },
    double=True,
    adjoint="either",
    weight=6,
    element="problem",
)
def rank_one_update(d: Draft) -> None:
    """Applies a rank-one update to an inverse matrix (Sherman-Morrison)."""
    kind = d.option("kind", "sherman-morrison", "symmetric", "bfgs", "sr1", "covariance")
    size = d.option("size", 2, 3, 4)
    result = d.option("result", "matrix", "solve")
    d.calls({
        "sherman-morrison": "sherman_morrison_solve|solve_updated|apply_updated_inverse",
        "symmetric": "sherman_morrison_solve|solve_updated|apply_updated_inverse",
        "bfgs": "bfgs_direction|quasi_newton_direction",
        "sr1": "sr1_direction|quasi_newton_direction",
        "covariance": "apply_updated_covariance|updated_covariance_product",
    }[kind] if result == "solve" else {
        "sherman-morrison": "sherman_morrison|update_inverse|rank1_update",
        "symmetric": "sherman_morrison|update_inverse|symmetric_rank1_update",
        "bfgs": "bfgs_update|update_inverse_hessian",
        "sr1": "sr1_update|symmetric_rank_one",
        "covariance": "covariance_update|measurement_update",
    }[kind])  # fmt: skip
    guard = d.option("guard", "none", "return", "clamp")
    scaled = d.flag("scaled", 0.4) and kind in ("sherman-morrison", "symmetric")
    n = d.pick(48, 64, 96)
    vec, mat = f"vec{size}", f"mat{size}{size}"
    secant = kind in ("bfgs", "sr1")
    u = "sensor" if kind == "covariance" else "u"
    told = {
        "sherman-morrison": "rank-one update column vectors",
        "covariance": "measurement vectors h (z = h . x)",
    }.get(kind, "rank-one update vectors")
    if kind in ("symmetric", "covariance"):
        guard = "none"  # the denominator is positive
    elif secant and guard == "clamp":
        guard = "return"
    given = "P" if kind == "covariance" else "H_inv" if secant else "A_inv"
    about = {"P": "covariance matrices", "H_inv": "inverse Hessians", "A_inv": "inverse matrices"}[given]
    d.input(given, mat, n, 0.5, 2.0, kind="spd", about=about)
    if secant:
        d.input("s", vec, n, 0.2, 1.0, about="variable steps")
        d.input("y", vec, n, -0.4 if guard == "return" else 0.2, 1.0, about="gradient changes")
    else:
        d.input(u, vec, n, 0.1, 1.0, about=told)
        if kind == "sherman-morrison":
            d.input("v", vec, n, 0.1 if guard == "none" else -1.0, 1.0, about="rank-one update row vectors")
    if kind == "covariance":
        d.param("noise", "float", 0.2, 1.0, about="measurement variance")
    if scaled:
        d.param("sigma", "float", 0.3, 0.9, about="update scale factor")
    solve = result == "solve"
    vector, made = ("gradient", "search_direction") if secant else ("vector", "product") if kind == "covariance" else ("rhs", "solution")  # fmt: skip
    if solve:
        d.input(vector, vec, n, -1.0, 1.0, about=_VECTORS[vector])
    made = made if solve else "updated"
    d.output(made, vec if solve else mat, n, about=_MADE[made] if solve else f"updated {_GIVEN[given]}")
    out = f"{made}[tid]"
    old = {"P": "cov", "H_inv": "h", "A_inv": "inv"}[given]
    applied = f"{old}_{'x' if kind == 'covariance' else 'b'}"
    keep = ("-(h * gradient[tid])" if secant else applied) if solve else old
    eye = f"wp.identity(n={size}, dtype=float)"
    amount = "sigma * " if scaled else ""
    if kind in ("sherman-morrison", "symmetric", "covariance"):
        old_u = f"{old}_h" if kind == "covariance" else f"{old}_u"
        right = f"v[tid] * {old}" if kind == "sherman-morrison" else old_u
        dot = f"wp.dot({'v[tid]' if kind == 'sherman-morrison' else f'{u}[tid]'}, {old_u})"
        first = "noise" if kind == "covariance" else "1.0"
        denominator = f"denom = {first} + {amount}{dot}"
        change = f"wp.outer({old_u}, {right})"
        change = f"(sigma / denom) * {change}" if scaled else change.replace(",", " / denom,")
        update = f"new = {old} - {change}"
        body = [f"{old} = {given}[tid]", f"{old_u} = {old} * {u}[tid]", denominator, "$guard", update]
        if solve:  # without the updated matrix
            z = "v[tid]" if kind == "sherman-morrison" else f"{u}[tid]"
            body.insert(2, f"{applied} = {old} * {vector}[tid]")
            body[-1] = f"factor = {amount}wp.dot({z}, {applied}) / denom"
    elif kind == "bfgs":
        body = [
            "h = H_inv[tid]",
            "si = s[tid]",
            "yi = y[tid]",
            "denom = wp.dot(yi, si)",
            "$guard",
            f"e = {eye} - wp.outer(si, yi) / denom",
            "new = e * h * wp.transpose(e) + wp.outer(si, si) / denom",
        ]
    else:
        body = ["h = H_inv[tid]", "miss = s[tid] - h * y[tid]", "denom = wp.dot(miss, y[tid])", "$guard",
                "new = h + wp.outer(miss, miss) / denom"]  # fmt: skip
    limit = "MIN_DENOM"
    test = "# Skip the update if the denominator is tiny\n"
    test += f"if wp.abs(denom) < {limit}:\n    {out} = {keep}\n    return"
    if kind == "bfgs":
        test = "# Skip the update if the curvature is not positive, to keep the matrix positive definite\n"
        test += f"if denom < {limit}:\n    {out} = {keep}\n    return"
    clamp = f"# Clamp away from zero, preserving the sign\ndenom = wp.where(denom < 0.0, wp.min(denom, -{limit}), wp.max(denom, {limit}))"
    if kind == "sr1" and guard == "none":
        guard = "return"
    if guard != "none":
        d.module("MIN_DENOM = wp.constant(0.01)")
    guarding = {"none": "", "return": test, "clamp": clamp}[guard]
    used = "-(new * gradient[tid])" if secant else f"{applied} - factor * {old_u}"
    finish = f"{out} = {used if solve else 'new'}"
    d.launch(n)
    d.code("tid = wp.tid()\n" + "\n".join(body) + f"\n{finish}", guard=guarding)
    subject = {
        "sherman-morrison": "the matrix inverse after a rank-one update",
        "symmetric": "the symmetric matrix inverse after a rank-one update",
        "covariance": "a covariance matrix using a scalar measurement",
        "bfgs": "an inverse Hessian using the BFGS formula",
        "sr1": "an inverse Hessian using the symmetric rank-one (SR1) formula",
    }[kind]
    secant_formula = "the BFGS formula" if kind == "bfgs" else "the symmetric rank-one (SR1) formula"
    if kind == "bfgs" and guard == "none":
        d.explain("The curvature along each step, y . s, is assumed to be positive.")
    elif kind == "sherman-morrison" and guard == "none":
        d.explain("Updated matrices are assumed to be nonsingular.")
    elif guard == "clamp":
        d.explain("The denominator is clamped so that the result stays finite for nearly singular matrices.")
    if not solve:
        verb = "Computes" if "inverse after" in subject else "Updates"
        d.says(f"{verb} {subject}.")
    elif secant:
        d.says(f"Computes quasi-Newton directions using an inverse Hessian updated with {secant_formula}.")
    elif kind == "covariance":
        d.says("Multiplies vectors by covariance matrices updated with a scalar measurement.")
    else:
        d.says("Solves linear systems after a rank-one update, given the matrix inverse.")

    def reference(v: Values) -> dict[str, Any]:
        b, eye_ = v[given], np.eye(size)
        k = v.sigma if scaled else 1.0

        def outer(x: Any, z: Any) -> Any:
            return x[:, :, None] * z[:, None, :]

        def bounded(x: Any) -> Any:
            return np.where(x < 0, np.minimum(x, -0.01), np.maximum(x, 0.01)) if guard == "clamp" else x

        if kind in ("sherman-morrison", "symmetric", "covariance"):
            z = v.v if kind == "sherman-morrison" else v[u]
            bu, vb = np.einsum("nij,nj->ni", b, v[u]), np.einsum("nji,nj->ni", b, z)
            denom = (v.noise if kind == "covariance" else 1.0) + k * (z * bu).sum(axis=1)
            new = b - k * outer(bu, vb) / bounded(denom)[:, None, None]
        elif kind == "bfgs":
            denom = (v.s * v.y).sum(axis=1)
            e = eye_ - outer(v.s, v.y) / bounded(denom)[:, None, None]
            new = e @ b @ np.swapaxes(e, 1, 2) + outer(v.s, v.s) / bounded(denom)[:, None, None]
        else:
            miss = v.s - np.einsum("nij,nj->ni", b, v.y)
            denom = (miss * v.y).sum(axis=1)
            new = b + outer(miss, miss) / bounded(denom)[:, None, None]
        if guard == "return":
            small = denom < 0.01 if kind == "bfgs" else np.abs(denom) < 0.01
            new = np.where(small[:, None, None], b, new)
        sign = -1.0 if secant else 1.0
        return {made: sign * np.einsum("nij,nj->ni", new, v[vector]) if solve else new}

    d.check(reference, 2e-3)
