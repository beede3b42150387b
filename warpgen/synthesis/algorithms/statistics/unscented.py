"""Filters that carry points through nonlinear models."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.statistics import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.trim import trim


@DOMAIN.algorithm(
    source="Julier & Uhlmann 2004; Wan & van der Merwe 2000; Thrun, Burgard & Fox 2005, Probabilistic Robotics, sec. 3.4 and 7.7",
    names={
        "unscented_step": "sigma_point_filter|ukf_step|unscented_filter",
        "states": "means|mu|estimates",
        "covariances": "P|sigmas|state_cov",
        "gain": "K|kalman_gain|k_gain",
        "innovation": "nu|residual|z_diff",
        "mean": "mu|x_mean|mean_pose",
        "W_SIDE": "SIDE_WEIGHT|W_I",
        "REACH": "SPREAD|SIGMA_SCALE",
    },
    element="vehicle",
    weight=4,
)
def unscented_step(d: Draft) -> None:
    """Runs an unscented Kalman filter for planar vehicle poses."""
    motion = d.option("motion", "arc", "euler", "velocity", "none")
    measure = d.option("measurement", "range bearing", "range", "bearing", "position")
    spread = d.option("weights", "kappa", "scaled", "uniform")
    update = d.option("gate", "none", "skip", "inflate")
    slip = d.flag("slip noise", 0.5) and motion in ("arc", "euler")
    result = d.option("result", "both", "innovation")
    if result != "both":
        update = "none"
    known = d.option("landmark", "one", "each", "index")
    symmetric = d.flag("symmetric", 0.5)
    if result != "both":
        d.calls("ukf_innovations|innovation_test|normalized_innovations")
    elif motion == "none":
        d.calls("ukf_update|ukf_correct|unscented_update")
    n, marks = d.pick(24, 32), 4
    pair = measure in ("range bearing", "position")
    d.input("states", "vec3", n, -0.6, 0.6, about="Estimates (x, y, heading)")
    d.input("covariances", "mat33", n, 0.01, 0.08, "spd", about="State covariances")
    if motion in ("arc", "euler"):
        d.input("controls", "vec2", n, 0.2, 1.0, about="Forward speed and turn rate")
    elif motion == "velocity":
        d.input("controls", "vec2", n, -0.8, 0.8, about="Body-frame velocity")
    if slip:
        d.param("slip", "float", 5.0e-3, 2.0e-2, about="Along-heading slip variance per distance [m]")
    if motion != "none":
        d.param("dt", "float", 0.2, 0.5, about="Time step [s]")
        d.param("process_noise", "vec3", 1.0e-3, 6.0e-3, about="Process noise variances")
    sighted, spot = measure != "position", (0.9, 1.5) if measure == "range bearing" else (2.5, 4.0)
    if sighted and known == "index":
        d.input("landmarks", "vec2", marks, *spot, about="Landmark positions")
        d.input("observed", "int", n, 0, marks, about="Landmark index per observation")
    elif sighted and known == "each":
        d.input("landmarks", "vec2", n, *spot, about="Landmark position per vehicle")
    elif sighted:
        d.param("landmark", "vec2", *spot, about="Landmark position")
    low, high, about = {
        "range": (3.5, 5.5, "Measured distance to the landmark"),
        "bearing": (0.0, 1.2, "Measured bearing of the landmark [rad]"),
        "position": (-0.8, 0.8, "GNSS position"),
        "range bearing": (0.7, 1.7, "Measured distance and bearing of the landmark"),
    }[measure]
    reading = "vec2" if pair else "float"
    d.input("measured", reading, n, low, high, about=about)
    d.param("noise", reading, 0.02, 0.08, about=f"Measurement variance{'s' * pair}")
    if update != "none":
        d.param("gate", "float", 2.0, 6.0, about="Gate for the normalized innovation squared")
    if result == "both":
        d.output("states_out", "vec3", n, about="Updated state estimates")
        d.output("covariances_out", "mat33", n, about="Updated state covariances")
    else:
        d.output("squared_innovation", "float", n, about="Normalized innovation squared")
    # n + lambda, weights of the point in the middle for means and covariances, and of the others
    scale, wm, wc, wi = {
        "kappa": (4.0, 0.25, 0.25, 0.125),
        "scaled": (2.25, -1.0 / 3.0, 23.0 / 12.0, 2.0 / 9.0),
        "uniform": (3.5, 1.0 / 7.0, 1.0 / 7.0, 1.0 / 7.0),
    }[spread]
    weights = _WEIGHTS[spread]
    if motion == "none" and "bearing" in measure:  # the center's bearing needs no weight
        weights = "\n".join(line for line in weights.split("\n") if "W_MEAN =" not in line)
    d.module(weights)
    w_mean, w_cov, w_side = _NAMED[spread]
    if measure == "position":
        d.module("ANTENNA = wp.constant(0.2)  # antenna offset ahead of the vehicle center [m]")
    if pair and result == "both":
        d.module("mat32 = wp.types.matrix(shape=(3, 2), dtype=float)")
    d.function('''
        @wp.func
        def cholesky(a: wp.mat33) -> wp.mat33:
            """Returns the lower Cholesky factor of an SPD matrix."""
            # Clamp, since round-off can make small pivots negative
            l00 = wp.sqrt(wp.max(a[0, 0], 1.0e-8))
            l10 = a[1, 0] / l00
            l20 = a[2, 0] / l00
            l11 = wp.sqrt(wp.max(a[1, 1] - l10 * l10, 1.0e-8))
            l21 = (a[2, 1] - l20 * l10) / l11
            l22 = wp.sqrt(wp.max(a[2, 2] - l20 * l20 - l21 * l21, 1.0e-8))
            return wp.mat33(l00, 0.0, 0.0, l10, l11, 0.0, l20, l21, l22)
    ''')
    d.function('''
        @wp.func
        def sigma_point(mean: wp.vec3, root: wp.mat33, k: int) -> wp.vec3:
            """Returns sigma point k (1 to 6), offset from the mean by a scaled column of the root."""
            axis = (k - 1) % 3
            column = wp.vec3(root[0, axis], root[1, axis], root[2, axis])
            side = wp.where(k <= 3, REACH, -REACH)
            return mean + side * column
    ''')
    if motion != "none":
        d.function(
            '''
            @wp.func
            def move(x: wp.vec3, u: wp.vec2, dt: float) -> wp.vec3:
                """$does the pose over one step with constant controls."""
                $model
            ''',
            does="Advances" if motion == "euler" else "Integrates",
            model={
                "euler": "# Forward Euler: the heading at the start holds for the whole step\nreturn x + dt * wp.vec3(u[0] * wp.cos(x[2]), u[0] * wp.sin(x[2]), u[1])",
                "velocity": """
                    c = wp.cos(x[2])
                    s = wp.sin(x[2])
                    return x + dt * wp.vec3(c * u[0] - s * u[1], s * u[0] + c * u[1], 0.0)
                    """,
                "arc": """
                    # Straight-line motion when the turn rate is near zero
                    if wp.abs(u[1]) < 1.0e-3:
                        return x + dt * wp.vec3(u[0] * wp.cos(x[2]), u[0] * wp.sin(x[2]), u[1])
                    radius = u[0] / u[1]
                    heading = x[2] + dt * u[1]
                    return wp.vec3(
                        x[0] + radius * (wp.sin(heading) - wp.sin(x[2])),
                        x[1] - radius * (wp.cos(heading) - wp.cos(x[2])),
                        heading,
                    )
                    """,
            }[motion],
        )
    out = f"wp.{reading}" if pair else reading
    d.function(
        f'''
        @wp.func
        def observe(x: wp.vec3{"" if measure == "position" else ", landmark: wp.vec2"}) -> {out}:
            """{_OBSERVED[measure]}"""
            $model
        ''',
        model={
            "range": "return wp.length(landmark - wp.vec2(x[0], x[1]))",
            "bearing": "return wp.atan2(landmark[1] - x[1], landmark[0] - x[0]) - x[2]",
            "range bearing": "offset = landmark - wp.vec2(x[0], x[1])\nreturn wp.vec2(wp.length(offset), wp.atan2(offset[1], offset[0]) - x[2])",
            "position": "return wp.vec2(x[0] + ANTENNA * wp.cos(x[2]), x[1] + ANTENNA * wp.sin(x[2]))",
        }[measure],
    )
    if motion != "none":
        predict = f"""
            # --- Predict: propagate the sigma points ---
            root_before = cholesky(covariances[tid])
            moved = move(states[tid], controls[tid], dt)
            mean = {w_mean} * moved
            for k in range(1, 7):
                mean += {w_side} * move(sigma_point(states[tid], root_before, k), controls[tid], dt)
            deviation = moved - mean
            cov = {w_cov} * wp.outer(deviation, deviation) + wp.diag(process_noise)
            for k in range(1, 7):
                deviation = move(sigma_point(states[tid], root_before, k), controls[tid], dt) - mean
                cov += {w_side} * wp.outer(deviation, deviation)
            $slip
            """
    else:
        predict = "mean = states[tid]\ncov = covariances[tid]"
    mark = {"one": ", landmark", "each": ", landmarks[tid]", "index": ", landmarks[observed[tid]]"}[known]
    mark = "" if measure == "position" else mark
    angle = {"range bearing": "innovation[1]", "bearing": "innovation"}.get(measure, "")
    if angle:
        d.function(_APART_PAIR if pair else _APART)
    differ = "bearing_gap({}, {})" if angle else "{} - {}"
    if pair:
        s_first, s_more, cross = "wp.outer(dz, dz) + wp.diag(noise)", "wp.outer(dz, dz)", "wp.outer({}, dz)"
        gain = """
            inverse = wp.inverse(innovation_cov)
            distance_sq = wp.dot(innovation, inverse * innovation)
            $gate
            # K = C S^-1
            gain = cross * inverse
            """
        shrink = "gain * innovation_cov * wp.transpose(gain)"
    else:
        s_first, s_more, cross = "dz * dz + noise", "dz * dz", "dz * ({})"
        gain = """
            distance_sq = innovation * innovation / innovation_cov
            $gate
            gain = cross / innovation_cov
            """
        shrink = "innovation_cov * wp.outer(gain, gain)"
    fail = "states_out[tid] = mean\ncovariances_out[tid] = cov"
    gating = {
        "none": "",
        "skip": "# Reject outliers and keep the prediction\nif distance_sq > gate:\n    "
        + fail.replace("\n", "\n    ")
        + "\n    return\n",
        "inflate": "# Inflate the noise for outliers to reduce their influence\n"
        "inflation = wp.max(distance_sq / gate, 1.0)\n"
        "innovation_cov = inflation * innovation_cov" + ("\ninverse = inverse / inflation" if pair else ""),
    }[update]
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        $predict
        # --- $part and predicted measurements ---
        root = cholesky(cov)
        center = observe(mean$mark)
        $expected
        dz = $dz_center
        innovation_cov = $first
        $cross0
        for k in range(1, 7):
            point = sigma_point(mean, root, k)
            dz = $dz_point
            innovation_cov += $wi * $more
            $cross_more
        innovation = $innovation
        $gain
        $store
        """,
        predict=predict,
        part=f"{'Correction' if result == 'both' else 'Innovation'}: {'' if motion == 'none' else 'new '}points",
        slip="""
            # Wheel slip is larger along the heading than across
            heading = mean[2]
            along = wp.vec3(wp.cos(heading), wp.sin(heading), 0.0)
            cov += slip * controls[tid][0] * dt * wp.outer(along, along)
            """
        if slip
        else "",
        mark=mark,
        expected=f"""
            # Average bearing differences to avoid the wrap-around
            expected = center
            for k in range(1, 7):
                expected += {w_side} * bearing_gap(observe(sigma_point(mean, root, k){mark}), center)
            """
        if angle
        else f"""
            expected = {w_mean} * center
            for k in range(1, 7):
                expected += {w_side} * observe(sigma_point(mean, root, k){mark})
            """,
        dz_center=differ.format("center", "expected"),
        dz_point=differ.format(f"observe(point{mark})", "expected"),
        innovation=differ.format("measured[tid]", "expected"),
        wi=w_side,
        first=f"{w_cov} * {s_first}",
        more=s_more,
        cross0="" if result != "both" else "cross = mat32()" if pair else "cross = wp.vec3(0.0, 0.0, 0.0)",
        cross_more=f"cross += {w_side} * {cross.format('point - mean')}" if result == "both" else "",
        gate=gating,
        gain=gain
        if result == "both"
        else gain.replace("gain = cross * inverse", "")
        .replace("gain = cross / innovation_cov", "")
        .replace("# K = C S^-1", ""),
        store="states_out[tid] = mean + gain * innovation\n"
        + (
            f"updated = cov - {shrink}\n# Symmetrize to remove round-off error\ncovariances_out[tid] = 0.5 * (updated + wp.transpose(updated))"
            if symmetric
            else f"covariances_out[tid] = cov - {shrink}"
        )
        if result == "both"
        else "squared_innovation[tid] = distance_sq",
    )
    trim(d)
    d.explain(f"""
        Seven sigma points represent the pose mean and covariance. They are propagated through the nonlinear {"measurement" if motion == "none" else "models"} directly,
        so no Jacobians are needed.
    """)
    does = "Updates" if motion == "none" else "Predicts and updates"
    outliers = {"none": "", "skip": ", rejecting outliers", "inflate": ", down-weighting outliers"}[update]
    d.says(
        f"{does} planar vehicle poses using an unscented Kalman filter{outliers}."
        if result == "both"
        else "Computes the normalized innovation squared for an unscented Kalman filter."
    )

    def moved(v: Values, x: Any, u: Any) -> Any:
        if motion == "none":
            return x
        h = v.dt
        if motion == "velocity":
            turn = np.array([[np.cos(x[2]), -np.sin(x[2])], [np.sin(x[2]), np.cos(x[2])]])
            return x + h * np.append(turn @ u, 0.0)
        if motion == "euler":
            return x + h * np.array([u[0] * np.cos(x[2]), u[0] * np.sin(x[2]), u[1]])
        a, r = x[2] + h * u[1], u[0] / u[1]
        return np.array([x[0] + r * (np.sin(a) - np.sin(x[2])), x[1] - r * (np.cos(a) - np.cos(x[2])), a])

    def seen(x: Any, mark: Any) -> Any:
        to = mark - x[:2]
        bearing = np.arctan2(to[1], to[0]) - x[2]
        return np.array({
            "range": [np.hypot(*to)], "bearing": [bearing], "range bearing": [np.hypot(*to), bearing],
            "position": [x[0] + 0.2 * np.cos(x[2]), x[1] + 0.2 * np.sin(x[2])],
        }[measure])  # fmt: skip

    means, covs = np.array([wm] + [wi] * 6), np.array([wc] + [wi] * 6)

    def cloud(x: Any, p: Any) -> Any:
        side = scale**0.5 * np.linalg.cholesky(p).T
        return np.vstack([x, x + side, x - side])

    def reference(v: Values) -> dict[str, Any]:
        xs, ps, ds = [], [], []
        for b in range(n):
            x, p = v.states[b], v.covariances[b]
            if motion != "none":
                at = np.array([moved(v, q, v.controls[b]) for q in cloud(x, p)])
                x = means @ at
                p = (covs[:, None] * (at - x)).T @ (at - x) + np.diag(v.process_noise)
                if slip:
                    e = np.array([np.cos(x[2]), np.sin(x[2]), 0.0])
                    p = p + v.slip * v.controls[b][0] * v.dt * np.outer(e, e)
            mark = np.zeros(2)  # where no landmark is seen
            if measure != "position":
                mark = v.landmark if known == "one" else v.landmarks[b if known == "each" else v.observed[b]]
            at = cloud(x, p)
            z = np.array([seen(q, mark) for q in at])
            zm = means @ z
            s = (covs[:, None] * (z - zm)).T @ (z - zm) + np.diag(np.atleast_1d(v.noise))
            c = (covs[:, None] * (at - x)).T @ (z - zm)
            e = np.atleast_1d(v.measured[b]) - zm
            if angle:
                e[-1] = (e[-1] + np.pi) % (2 * np.pi) - np.pi
            k = c @ np.linalg.inv(s)
            far = e @ np.linalg.solve(s, e)
            if update == "inflate":
                f = max(far / v.gate, 1.0)
                k, s = k / f, f * s
            if update == "skip" and far > v.gate:
                k = 0 * k
            xs.append(x + k @ e)
            ps.append(p - k @ s @ k.T)
            ds.append(far)
        if result != "both":
            return {"squared_innovation": np.array(ds)}
        return {"states_out": np.array(xs), "covariances_out": np.array(ps)}

    d.check(reference, 2e-2)


_APART_PAIR = '''
    @wp.func
    def bearing_gap(a: wp.vec2, b: wp.vec2) -> wp.vec2:
        """Returns the measurement difference, with the bearing wrapped to [-pi, pi]."""
        turn = a[1] - b[1]
        return wp.vec2(a[0] - b[0], wp.atan2(wp.sin(turn), wp.cos(turn)))
'''
_APART = '''
    @wp.func
    def bearing_gap(a: float, b: float) -> float:
        """Returns the bearing difference, wrapped to [-pi, pi]."""
        return wp.atan2(wp.sin(a - b), wp.cos(a - b))
'''
_WEIGHTS = {
    "kappa": """
        REACH = wp.constant(2.0)  # sqrt(n + kappa), n = 3 and kappa = 1
        W_CENTER = wp.constant(0.25)  # kappa / (n + kappa)
        W_SIDE = wp.constant(0.125)  # 1 / (2 (n + kappa))
    """,
    "scaled": """
        REACH = wp.constant(1.5)  # sqrt(n + lambda), n = 3 and lambda = n (alpha^2 - 1) = -3/4
        W_MEAN = wp.constant(-1.0 / 3.0)  # of the center, lambda / (n + lambda)
        W_COV = wp.constant(23.0 / 12.0)  # of the center, lambda / (n + lambda) + 1 - alpha^2 + beta with beta = 2
        W_SIDE = wp.constant(2.0 / 9.0)  # 1 / (2 (n + lambda))
    """,
    "uniform": """
        REACH = wp.constant(1.8708287)  # sqrt(7 / 2), gives equal weights
        WEIGHT = wp.constant(1.0 / 7.0)
    """,
}
_NAMED = {
    "kappa": ("W_CENTER", "W_CENTER", "W_SIDE"), "scaled": ("W_MEAN", "W_COV", "W_SIDE"),
    "uniform": ("WEIGHT", "WEIGHT", "WEIGHT"),
}  # fmt: skip
_OBSERVED = {
    "range": "Returns the distance to the landmark.",
    "bearing": "Returns the landmark bearing relative to the heading.",
    "range bearing": "Returns the landmark range and bearing.",
    "position": "Returns the antenna position.",
}
