"""Estimates of states corrected by measurements, a block of threads for each filter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.robotics import DOMAIN
from warpgen.synthesis.library.tile_forms import LOG_DIAGONAL, per_col, places
from warpgen.synthesis.writing.draft import Draft, Values, dedented


@DOMAIN.algorithm(
    source="Kalman 1960; Bar-Shalom, Li & Kirubarajan 2001, ch. 5; Anderson & Moore 1979, sec. 6.5 (factors); Chang & Bar-Shalom 1984 (soft gates)",
    names={
        "corrected_states": "kalman_update_tiled|measurement_update|kf_correct|bayes_update",
        "states": "means|estimates",
        "observe": "h_mat|measurement_matrix|sensor_map",
        "readings": "z|measurements|observed",
        "gap": "innovation|residual|y_tilde",
        "factor": "l_s|chol|s_root",
        "half_gain": "w_mat|gain_root",
        "white": "whitened_gap",
        "cross": "hp|h_p|cross_cov",
    },
    adjoint="yes",
    weight=4,
)
def corrected_states(d: Draft) -> None:
    """Corrects states and their covariances by measurements with a Kalman filter."""
    noise = d.option("noise", "diagonal", "root", "scalar")
    root = d.option("covariance", "diagonal", "root")
    result = d.option(
        "result", "state", "state and covariance", "likelihood", "score", weights=(0.25, 0.45, 0.15, 0.15)
    )
    predicted = d.flag("predict first", 0.5)
    gated = d.flag("soft gate", 0.35) and result in ("state", "state and covariance")
    control = predicted and d.flag("control", 0.5)
    corrects = result in ("state", "state and covariance")
    if result == "likelihood":
        d.calls("measurement_likelihoods|innovation_likelihood|kalman_log_likelihood")
    elif result == "score":
        d.calls("innovation_scores|mahalanobis_scores|squared_mahalanobis")
    filters, state, measured = d.pick(3, 4), d.pick(3, 4, 6), d.pick(2, 3)
    d.module(f"STATE = wp.constant({state})\nMEASURED = wp.constant({measured})")
    d.input("states", "float", (filters, state), -1.0, 1.0, about="Prior state estimates")
    if root == "diagonal":
        about = "Prior variances of uncorrelated errors"
        d.input("variances", "float", (filters, state), 0.5, 2.0, about=about)
    else:
        d.input("roots", "float", (filters, state, state), -0.8, 0.8, about="Covariance square roots")
    if predicted:
        d.input("dynamics", "float", (state, state), -0.6, 0.6, about="State transition matrix")
        d.input("process_var", "float", state, 0.05, 0.2, about="Process noise variances")
    if control:
        d.input(
            "control", "float", (filters, state), -0.3, 0.3, about="Control input contribution to the states"
        )
    d.input("observe", "float", (measured, state), -1.0, 1.0, about="Measurement matrix")
    d.input("readings", "float", (filters, measured), -1.0, 1.0, about="Measurements")
    if noise == "scalar":
        d.input("noise", "float", filters, 0.2, 0.6, about="Per-filter measurement variance")
    elif noise == "diagonal":
        d.input("noise", "float", measured, 0.2, 0.6, about="Measurement variances")
    else:
        d.input(
            "noise_factor",
            "float",
            (measured, measured),
            -0.6,
            0.6,
            about="Square root of the measurement covariance",
        )
        d.param(
            "least_var",
            "float",
            0.1,
            0.3,
            about="Minimum variance, so that the innovation covariance stays positive definite",
        )
    if gated:
        d.param(
            "gate", "float", 3.0, 9.0, about="Squared distance at which a measurement has half its weight"
        )
    does = "Predicts and corrects" if predicted else "Corrects"
    softly = ", down-weighting outliers" if gated else ""
    if result == "likelihood":
        d.output("log_p", "float", filters, about="Measurement log-likelihoods")
        d.says("Computes measurement log-likelihoods under Kalman filter predictions.")
    elif result == "score":
        d.output("scores", "float", filters, about="Squared Mahalanobis distances of the measurements")
        d.says("Computes squared Mahalanobis distances between measurements and Kalman filter predictions.")
    else:
        d.output("corrected", "float", (filters, state), about="Updated state estimates")
    if result == "state and covariance":
        d.output("corrected_cov", "float", (filters, state, state), about="Updated covariances")
    elif result == "state":
        d.says(f"{does} states from measurements using the Kalman gain{softly}.")
    if result == "state and covariance":
        d.says(f"{does} states and covariances from measurements using a Kalman filter{softly}.")
    d.function("""
        @wp.func
        def add_variance(entry: float, row: int, col: int, variance: float) -> float:
            if row == col:
                return entry + variance
            return entry
    """)
    if root == "diagonal":
        load = f"""
            own = wp.tile_load(variances[track], shape=STATE)
            empty = wp.tile_zeros(shape=(STATE, STATE), dtype=float)
            p = wp.tile_map(add_variance, empty, row_id, col_id, {per_col("own", "STATE", "STATE")})
        """
    else:
        load = """
            root = wp.tile_load(roots[track], shape=(STATE, STATE))
            p = wp.tile_matmul(root, wp.tile_transpose(root))
        """
    predict = f"""
        f = wp.tile_load(dynamics, shape=(STATE, STATE))
        f_t = wp.tile_transpose(f)
        x_ahead = wp.tile_squeeze(wp.tile_matmul(f, wp.tile_reshape(x_before, shape=(STATE, 1))))
        $push
        propagated = wp.tile_matmul(wp.tile_matmul(f, p), f_t)
        process_tile = wp.tile_load(process_var, shape=STATE)
        p_ahead = wp.tile_map(add_variance, propagated, row_id, col_id, {per_col("process_tile", "STATE", "STATE")})
    """
    p = "p_ahead" if predicted else "p"
    x = ("x" if control else "x_ahead") if predicted else "x_before"
    R = {
        "scalar": "level = wp.tile_load(noise, shape=1, offset=track)\n"
        "s = wp.tile_map(add_variance, hph, row_m, col_m, wp.tile_broadcast(level, shape=(MEASURED, MEASURED)))",
        "diagonal": "level = wp.tile_load(noise, shape=MEASURED)\n"
        f"s = wp.tile_map(add_variance, hph, row_m, col_m, {per_col('level', 'MEASURED', 'MEASURED')})",
        "root": "noise_root = wp.tile_load(noise_factor, shape=(MEASURED, MEASURED))\n"
        "noisy = hph + wp.tile_matmul(noise_root, wp.tile_transpose(noise_root))\n"
        "s = wp.tile_map(add_variance, noisy, row_m, col_m, least_var)",
    }[noise]
    used = "white"
    gate = ""
    if gated:
        d.function('''
            @wp.func
            def outlier_weight(distance_sq: float, gate: float) -> float:
                """Measurement weight: one at zero distance, one half at the gate, decreasing beyond."""
                return gate / (gate + distance_sq)
        ''')
        gate = (
            "# Down-weight outliers, but keep enough weight to recover a lost track\n"
            "distance_sq = wp.tile_sum(white * white, axis=0)\n"
            "weight = wp.tile_map(outlier_weight, distance_sq, gate)\n"
            "white_kept = white * wp.tile_broadcast(weight, shape=(MEASURED,))"
        )
        used = "white_kept"
    update = f"""
        half_gain = wp.tile_lower_solve(factor, cross)
        $gate
        correction = wp.tile_matmul(wp.tile_reshape({used}, shape=(1, MEASURED)), half_gain)
        wp.tile_store(corrected[track], {x} + wp.tile_squeeze(correction))
    """
    covariance = f"""
        # P - K S K^T, computed as a square to preserve symmetry
        # Transpose a copy, because the adjoint of a transposed view would mix with that of its tile
        other_half = wp.tile_map(wp.pos, half_gain)
        reduction = wp.tile_matmul(wp.tile_transpose(other_half), half_gain)
        $less
        wp.tile_store(corrected_cov[track], {p} - {"scaled" if gated else "reduction"})
    """
    less = ""
    if gated and result == "state and covariance":
        d.function('''
            @wp.func
            def share(weight: float) -> float:
                """Scale of K S K^T for a gain of w K, i.e. 2 w - w^2."""
                return weight * (2.0 - weight)
        ''')
        less = (
            "shares = wp.tile_map(share, weight)\n"
            "scaled = reduction * wp.tile_broadcast(shares, shape=(STATE, STATE))"
        )
    if result == "likelihood":
        d.function(LOG_DIAGONAL)
    end = {
        "state": update,
        "state and covariance": dedented(update) + "\n" + dedented(covariance),
        "likelihood": """
            square = wp.tile_sum(white * white, axis=0)
            log_det = wp.tile_sum(wp.tile_sum(wp.tile_map(log_diagonal, factor, row_m, col_m), axis=1), axis=0)
            log_norm = wp.tile_full(shape=1, value=-0.5 * float(MEASURED) * wp.log(wp.TAU), dtype=float)
            wp.tile_store(log_p, log_norm - 0.5 * square - log_det, offset=track)
        """,
        "score": "wp.tile_store(scores, wp.tile_sum(white * white, axis=0), offset=track)",
    }[result]
    d.launch(filters, tiled=True)
    d.code(
        f"""
        track = wp.tid()
        $index
        $index_m
        x_before = wp.tile_load(states[track], shape=STATE)
        $load
        $predict
        h = wp.tile_load(observe, shape=(MEASURED, STATE))
        h_t = wp.tile_transpose(h)
        cross = wp.tile_matmul(h, {p})
        hph = wp.tile_matmul(cross, h_t)
        $noise
        factor = wp.tile_cholesky(s)
        expected = wp.tile_squeeze(wp.tile_matmul(h, wp.tile_reshape({x}, shape=(STATE, 1))))
        gap = wp.tile_load(readings[track], shape=MEASURED) - expected
        # Whiten with the factor of S, so that the innovation has identity covariance
        white = wp.tile_lower_solve(factor, gap)
        $end
        """,
        index=places("STATE", "STATE") if root == "diagonal" or predicted else "",
        index_m=places("MEASURED", "MEASURED", ("row_m", "col_m")),
        load=dedented(load),
        predict=dedented(predict) if predicted else "",
        push="x = x_ahead + wp.tile_load(control[track], shape=STATE)" if control else "",
        noise=R,
        gate=gate,
        less=less,
        end=dedented(end),
    )
    solved = {
        "likelihood": "the likelihood only needs L^-1 y and the diagonal of L",
        "score": "the score of an innovation y is |L^-1 y|^2",
    }.get(result, "and W = L^-1 H P the gain is W^T L^-1")
    d.explain(
        f"With S = H P H^T + R = L L^T{' ' if corrects else ', '}{solved}, so no matrix inverse is needed."
    )

    def reference(v: Values) -> Mapping[str, Any]:
        found: dict[str, list[Any]] = {"corrected": [], "corrected_cov": [], "log_p": [], "scores": []}
        for k in range(filters):
            x_ = v.states[k]
            p_ = v.roots[k] @ v.roots[k].T if root == "root" else np.diag(v.variances[k])
            if predicted:
                x_ = v.dynamics @ x_ + (v.control[k] if control else 0.0)
                p_ = v.dynamics @ p_ @ v.dynamics.T + np.diag(v.process_var)
            if noise == "root":
                r_ = v.noise_factor @ v.noise_factor.T + v.least_var * np.eye(measured)
            else:
                r_ = np.diag(np.full(measured, v.noise[k]) if noise == "scalar" else v.noise)
            s_ = v.observe @ p_ @ v.observe.T + r_
            gain = p_ @ v.observe.T @ np.linalg.inv(s_)
            e = v.readings[k] - v.observe @ x_
            q = e @ np.linalg.solve(s_, e)
            trust = v.gate / (v.gate + q) if gated else 1.0
            found["corrected"].append(x_ + gain @ e * trust)
            # Joseph's form holds for any gain
            keep = np.eye(state) - trust * gain @ v.observe
            found["corrected_cov"].append(keep @ p_ @ keep.T + trust**2 * gain @ r_ @ gain.T)
            found["scores"].append(q)
            found["log_p"].append(-0.5 * (q + np.linalg.slogdet(2 * np.pi * s_)[1]))
        kept = {"state": ["corrected"], "state and covariance": ["corrected", "corrected_cov"],
                "likelihood": ["log_p"], "score": ["scores"]}[result]  # fmt: skip
        return {name: np.array(found[name]) for name in kept}

    d.check(reference, 3e-3)
