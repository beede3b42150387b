"""Many targets followed at once: detections, gates and tracks that come and go."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.statistics import DOMAIN
from warpgen.synthesis.algorithms.statistics._tracker import CONFIG, PREDICT, SCORED
from warpgen.synthesis.writing.draft import Draft, Values, fill


@DOMAIN.algorithm(
    source="Bar-Shalom, Li & Kirubarajan 2001, ch. 5-6; Bar-Shalom & Tse 1975 (probabilistic association)",
    names={
        "update_tracks": "track_step|associate_and_update|tracker_kernel",
        "states": "means|track_state|x_est",
        "covariances": "track_cov|P|covs",
        "detections": "measurements|meas|observations",
        "assigned": "match|association|detection_of_track",
        "status": "track_status|life|track_phase",
        "config": "cfg|params|tracker",
        "track": "t|track_id|trk",
        "innovation": "nu|residual|innov",
    },
    adjoint="no",
    weight=4,
    element="track",
)
def update_tracks(d: Draft) -> None:
    """Predicts tracks, associates gated detections and updates the track states."""
    sensor = d.option("sensor", "position", "range bearing")
    choice = d.option("association", "nearest", "probabilistic", "strongest")
    form = d.option("form", "joseph", "standard")
    lives = d.option("lives", "counters", "score")
    batch = d.option("batch", "one scene", "scenes")
    unused = d.option("detections", "counted", "flagged")
    many = batch == "scenes"
    scenes, tracks, most = 2, d.pick(8, 12), d.pick(6, 8)
    rows: Any = (scenes, tracks) if many else tracks
    seen: Any = (scenes, most) if many else most
    at, see = ("scene, track", "scene, {0}") if many else ("track", "{0}")
    d.inout("states", "vec4", rows, 1.0, 2.0, about="position [m] and velocity [m/s] per track")
    d.inout("covariances", "mat44", rows, 0.02, 0.2, kind="spd", about="state covariance per track")
    polar = sensor == "range bearing"
    low, high = (0.5, 3.2) if not polar else (0.3, 2.8)  # within several gates, one or none
    d.input(
        "detections",
        "vec2",
        seen,
        low,
        high,
        about="range [m] and bearing [rad]" if polar else "measured positions [m]",
    )
    if unused == "counted":
        if many:
            d.input("num_detections", "int", scenes, 0, most + 1, about="number of detections per scene")
        else:
            d.param("num_detections", "int", most - 1, about="number of detections in the current scan")
    else:
        d.mask("is_clutter", "bool", seen, rare=True, about="True for detections already rejected as clutter")
    if choice == "strongest":
        d.input("snr", "float", seen, 1.0, 20.0, about="detection signal-to-noise ratio")
    d.inout("status", "int", rows, -1, 2, about="-1 deleted, 0 tentative, 1 confirmed")
    if lives == "counters":
        d.inout("hits", "int", rows, 0, 4, about="update count per track")
        d.inout("misses", "int", rows, 0, 3, about="consecutive missed scans per track")
    else:
        d.inout("scores", "float", rows, -2.0, 4.0, about="track log-likelihood ratio")
    nearest = "likeliest" if choice == "probabilistic" else "assigned"
    d.output("assigned", "int", rows, about=f"index of the {nearest} detection, -1 for none")
    by = (
        "all detections within its gate (probabilistic data association)"
        if choice == "probabilistic"
        else f"the {choice} detection within its gate"
    )
    d.says(f"Predicts tracks, updates each using {by}, and confirms or deletes it.")
    bounds = {
        "dt": fill(0.1, 0.2),
        "accel_noise": fill(0.5, 1.5),
        "meas_noise": fill(0.02, 0.05),
        "gate": fill(6.0, 9.0),
    }
    if lives == "counters":
        bounds |= {"confirm_hits": fill(value=3), "max_misses": fill(value=2)}
    else:
        bounds |= {
            "hit_gain": fill(value=1.5),
            "miss_cost": fill(value=1.2),
            "confirm_score": fill(value=3.0),
            "delete_score": fill(value=-2.0),
        }
    config = CONFIG if lives == "counters" else SCORED
    d.struct("config", config, bounds, about="noise levels and thresholds")
    d.use(PREDICT)
    if polar:
        d.function("""
            @wp.func
            def expected_measurement(x: wp.vec4) -> wp.vec2:
                \"\"\"Return (range, bearing) relative to a sensor at the origin.\"\"\"
                return wp.vec2(wp.sqrt(x[0] * x[0] + x[1] * x[1]), wp.atan2(x[1], x[0]))
        """)
        d.function("""
            @wp.func
            def range_row(x: wp.vec4) -> wp.vec4:
                r = wp.sqrt(x[0] * x[0] + x[1] * x[1])
                return wp.vec4(x[0] / r, x[1] / r, 0.0, 0.0)
        """)
        d.function("""
            @wp.func
            def bearing_row(x: wp.vec4) -> wp.vec4:
                r_sq = x[0] * x[0] + x[1] * x[1]
                return wp.vec4(-x[1] / r_sq, x[0] / r_sq, 0.0, 0.0)
        """)
        model = "h0 = range_row(x)\nh1 = bearing_row(x)\nz_hat = expected_measurement(x)"
        d.function("""
            @wp.func
            def wrapped_difference(z: wp.vec2, z_hat: wp.vec2) -> wp.vec2:
                \"\"\"Subtract two measurements, with the bearing wrapped to [-pi, pi].\"\"\"
                turn = z[1] - z_hat[1]
                return wp.vec2(z[0] - z_hat[0], turn - 2.0 * wp.pi * wp.round(turn / (2.0 * wp.pi)))
        """)
        differ = "wrapped_difference(detections[{0}], z_hat)"
    else:
        model = (
            "h0 = wp.vec4(1.0, 0.0, 0.0, 0.0)\nh1 = wp.vec4(0.0, 1.0, 0.0, 0.0)\nz_hat = wp.vec2(x[0], x[1])"
        )
        differ = "detections[{0}] - z_hat"
    joseph = form == "joseph"
    d.function(
        f"""
        @wp.func
        def corrected_covariance(
            p: wp.mat44, gain0: wp.vec4, gain1: wp.vec4, h0: wp.vec4, h1: wp.vec4{", noise: wp.vec2" if joseph else ""}
        ) -> wp.mat44:
            \"\"\"Return the covariance after an update with gains gain0 and gain1.\"\"\"
            a = wp.identity(n=4, dtype=float) - wp.outer(gain0, h0) - wp.outer(gain1, h1)
            $form
        """,
        form=(
            "# Joseph form: stays positive definite in single precision\n"
            "spread = noise[0] * wp.outer(gain0, gain0) + noise[1] * wp.outer(gain1, gain1)\n"
            "return a * p * wp.transpose(a) + spread"
            if joseph
            else "reduced = a * p\n# Symmetrize to remove round-off error\n"
            "return 0.5 * (reduced + wp.transpose(reduced))"
        ),
    )
    d.function("""
        @wp.func
        def mahalanobis_sq(innovation: wp.vec2, s_inv: wp.mat22) -> float:
            return wp.dot(innovation, s_inv * innovation)
    """)
    count = (
        ("num_detections[scene]" if many else "num_detections")
        if unused == "counted"
        else f"detections.shape[{int(many)}]"
    )
    skip = f"if is_clutter[{see.format('j')}]:\n    continue" if unused == "flagged" else ""
    begin = {
        "nearest": "# Consider only gated detections\nbest_sq = float(config.gate)",
        "strongest": "best_snr = float(-1.0e30)" + ("\nbest_sq = float(0.0)" if lives == "score" else ""),
        "probabilistic": "weight_sum = float(0.0)\nresidual_sum = wp.vec2(0.0, 0.0)\nouter_sum = wp.mat22(0.0, 0.0, 0.0, 0.0)\nbest_like = float(0.0)",
    }[choice]
    keep = {
        "nearest": "if dist_sq < best_sq:\n    best_sq = dist_sq\n    best_j = j\n    innovation = residual",
        "strongest": (
            f"signal = snr[{see.format('j')}]\n"
            "if signal > best_snr:\n    best_snr = signal\n    best_j = j\n    innovation = residual"
            + ("\n    best_sq = dist_sq" if lives == "score" else "")
        ),
        "probabilistic": (
            "# PDA: weight gated detections by their likelihood\n"
            "likelihood = wp.exp(-0.5 * dist_sq)\n"
            "weight_sum += likelihood\n"
            "residual_sum += likelihood * residual\n"
            "outer_sum += likelihood * wp.outer(residual, residual)\n"
            "if likelihood > best_like:\n    best_like = likelihood\n    best_j = j"
        ),
    }[choice]
    if choice == "probabilistic":
        d.module("NONE_WEIGHT = wp.constant(0.1)  # stands for the chance that no detection is the target")
        combine = """
            total_weight = weight_sum + NONE_WEIGHT
            innovation = residual_sum / total_weight
        """
        widen = """
            # Account for association uncertainty: predicted covariance share plus innovation spread
            none_share = NONE_WEIGHT / total_weight
            spread_in = outer_sum / total_weight - wp.outer(innovation, innovation)
            p_new = none_share * p + (1.0 - none_share) * p_new
            p_new += spread_in[0, 0] * wp.outer(gain0, gain0) + spread_in[1, 1] * wp.outer(gain1, gain1)
            p_new += spread_in[0, 1] * (wp.outer(gain0, gain1) + wp.outer(gain1, gain0))
        """
    else:
        combine, widen = "", ""
    if lives == "counters":
        missed = f"""
            misses[{at}] = misses[{at}] + 1
            # Delete tentative tracks after a single miss
            if misses[{at}] > config.max_misses or status[{at}] == 0:
                status[{at}] = -1
        """
        found = f"""
            misses[{at}] = 0
            hits[{at}] = hits[{at}] + 1
            if status[{at}] == 0 and hits[{at}] >= config.confirm_hits:
                status[{at}] = 1
        """
    else:
        missed = f"""
            scores[{at}] = scores[{at}] - config.miss_cost
            if scores[{at}] < config.delete_score:
                status[{at}] = -1
        """
        shared = choice == "probabilistic"
        gained = "wp.log(total_weight)" if shared else "0.5 * best_sq"
        found = f"""
            scores[{at}] = scores[{at}] + config.hit_gain {"+" if shared else "-"} {gained}
            if status[{at}] == 0 and scores[{at}] > config.confirm_score:
                status[{at}] = 1
        """
    d.launch(*((scenes, tracks) if many else (tracks,)))
    d.code(
        f"""
        {at} = wp.tid()
        assigned[{at}] = -1
        # Skip deleted tracks
        if status[{at}] < 0:
            return
        # --- Prediction ---
        x = states[{at}]
        x = wp.vec4(x[0] + config.dt * x[2], x[1] + config.dt * x[3], x[2], x[3])
        p = predict_covariance(covariances[{at}], config.dt, config.accel_noise)
        # --- Innovation covariance S = H P H^T + R ---
        $model
        ph0 = p * h0
        ph1 = p * h1
        s_cov = wp.mat22(
            wp.dot(h0, ph0) + config.meas_noise[0],
            wp.dot(h0, ph1),
            wp.dot(h1, ph0),
            wp.dot(h1, ph1) + config.meas_noise[1],
        )
        s_inv = wp.inverse(s_cov)
        # --- Association ---
        best_j = int(-1)
        $innovation
        $begin
        for j in range({count}):
            $skip
            residual = {differ.format(see.format("j"))}
            dist_sq = mahalanobis_sq(residual, s_inv)
            $outside
            $keep
        assigned[{at}] = best_j
        if best_j < 0:
            # No detection: coast on the prediction
            states[{at}] = x
            covariances[{at}] = p
            $missed
            return
        # --- Update ---
        $combine
        gain0 = s_inv[0, 0] * ph0 + s_inv[1, 0] * ph1
        gain1 = s_inv[0, 1] * ph0 + s_inv[1, 1] * ph1
        p_new = corrected_covariance(p, gain0, gain1, h0, h1{", config.meas_noise" if joseph else ""})
        $widen
        states[{at}] = x + innovation[0] * gain0 + innovation[1] * gain1
        covariances[{at}] = p_new
        $found
        """,
        model=model,
        innovation="" if choice == "probabilistic" else "innovation = wp.vec2(0.0, 0.0)",
        begin=begin,
        skip=skip,
        outside="" if choice == "nearest" else "if dist_sq >= config.gate:\n    continue",
        keep=keep,
        missed=missed,
        combine=combine,
        widen=widen,
        found=found,
    )
    d.explain(
        f"State (x, y, vx, vy) with constant velocity{'; extended Kalman filter for range and bearing' if polar else ''}.\n"
        + (
            "Tracks are updated independently, so detections may be shared."
            if choice == "probabilistic"
            else "Two tracks may claim the same detection; the caller resolves conflicts."
        )
    )

    def reference(v: Values) -> dict[str, Any]:
        x, p = v.states.reshape(-1, 4).copy(), v.covariances.reshape(-1, 4, 4).copy()
        status_ = v.status.ravel().copy()
        z = v.detections.reshape(-1, most, 2)
        none_ = np.zeros(len(x))
        h, m = (v.hits.ravel().copy(), v.misses.ravel().copy()) if lives == "counters" else (none_, none_)
        score = v.scores.ravel().copy() if lives == "score" else none_
        taken = -np.ones(len(x), int)
        dt, q = v["config.dt"], v["config.accel_noise"]
        f = np.eye(4) + dt * np.eye(4, k=2)
        block = np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]])
        for n in range(len(x)):
            if status_[n] < 0:
                continue
            scene = n // tracks
            x[n], p[n] = f @ x[n], f @ p[n] @ f.T + q * np.kron(block, np.eye(2))
            jac, zh = np.eye(2, 4), x[n, :2]
            if polar:
                a, b = x[n, :2]
                r = np.hypot(a, b)
                jac = np.array([[a / r, b / r, 0, 0], [-b / r**2, a / r**2, 0, 0]])
                zh = np.array([r, np.arctan2(b, a)])
            s = jac @ p[n] @ jac.T + np.diag(v["config.meas_noise"])
            there = np.ones(most, bool)
            if unused == "flagged":
                there = ~v.is_clutter.reshape(-1, most)[scene]
            else:
                there = np.arange(most) < np.atleast_1d(v.num_detections)[scene if many else 0]
            diff = z[scene] - zh
            if polar:
                diff[:, 1] = (diff[:, 1] + np.pi) % (2 * np.pi) - np.pi
            dist = np.einsum("ji,ik,jk->j", diff, np.linalg.inv(s), diff)
            kept = np.flatnonzero(there & (dist < v["config.gate"]))
            if not len(kept):
                if lives == "counters":
                    m[n] += 1
                    gone = m[n] > 2 or status_[n] == 0
                else:
                    score[n] -= 1.2
                    gone = score[n] < -2
                status_[n] = -1 if gone else status_[n]
                continue
            rank = v.snr.reshape(-1, most)[scene] if choice == "strongest" else -dist
            taken[n] = kept[rank[kept].argmax()]
            k = p[n] @ jac.T @ np.linalg.inv(s)
            after = (np.eye(4) - k @ jac) @ p[n]
            nu = diff[taken[n]]
            if choice == "probabilistic":
                like = np.exp(-dist[kept] / 2)
                share = like / (like.sum() + 0.1)
                nu = share @ diff[kept]
                wide = np.einsum("j,ja,jb->ab", share, diff[kept], diff[kept]) - np.outer(nu, nu)
                none = 1 - share.sum()
                after = none * p[n] + (1 - none) * after + k @ wide @ k.T
            x[n], p[n] = x[n] + k @ nu, after
            if lives == "counters":
                m[n], h[n] = 0, h[n] + 1
                good = h[n] >= 3
            else:
                pda = choice == "probabilistic"
                score[n] += 1.5 + (np.log(like.sum() + 0.1) if pda else -0.5 * nu @ np.linalg.inv(s) @ nu)
                good = score[n] > 3
            status_[n] = 1 if status_[n] == 0 and good else status_[n]
        found = {"states": x, "covariances": p, "status": status_, "assigned": taken}
        found |= {"hits": h, "misses": m} if lives == "counters" else {"scores": score}
        return {name: a.reshape(v[name].shape) for name, a in found.items()}

    d.check(reference, 3e-3)
