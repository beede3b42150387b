"""Filters and controllers of linear systems, a block of threads for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.tiles import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, dedented


@DOMAIN.algorithm(
    source="Evensen 2009, Data assimilation, ch. 4; Burgers et al. 1998; Gaspari & Cohn 1999 (taper); Sakov & Oke 2008",
    names={
        "ensemble_update": "enkf_analysis|ensemble_kalman|assimilate_ensemble|enkf_update",
        "members": "ensemble|states|forecast",
        "observations": "obs|y_obs|readings",
        "obs_matrix": "obs_operator|h_mat|observe_mat",
        "anomalies": "spread|deviations|x_prime",
        "innovation": "misfit|departure|obs_gap",
        "weights": "solved|coefs|scaled_innov",
        "STATE": "N|NUM_STATE|DIM",
        "MEMBERS": "K|NUM_MEMBERS|ENS",
        "OBS": "M|NUM_OBS|READINGS",
    },
    adjoint="no",
    weight=6,
)
def ensemble_update(d: Draft) -> None:
    """Updates an ensemble of states using observations (ensemble Kalman filter)."""
    kind = d.option("filter", "perturbed", "deterministic", "mean only")
    taper = d.option("localization", "none", "gaussian", "linear")
    noise = d.option("noise", "param", "per reading")
    inflation = d.flag("inflation", 0.5)
    solve = d.option("solve", "cholesky", "substitution")
    bounded = d.flag("positive", 0.3)
    worlds, state, members, obs = d.pick(3, 4), d.pick(4, 6), d.pick(6, 8), d.pick(2, 3)
    d.module(f"STATE = wp.constant({state})\nMEMBERS = wp.constant({members})\nOBS = wp.constant({obs})")
    if kind == "mean only":
        d.says("Computes the ensemble mean after assimilating observations (ensemble Kalman filter).")
        d.calls("ensemble_mean_update|enkf_mean|analysis_mean")
    low, high = (0.0, 2.0) if bounded else (-1.0, 1.0)
    d.input(
        "members", "float", (worlds, state, members), low, high, about="forecast ensemble, members in columns"
    )
    d.input("obs_matrix", "float", (obs, state), low / 2, high / 2, about="observation operator H")
    d.input("observations", "float", (worlds, obs), low, high, about="observations")
    if kind == "perturbed":
        d.input(
            "perturbations",
            "float",
            (worlds, obs, members),
            -0.9,
            0.9,
            about="observation noise per member",
        )
    if noise == "param":
        d.param("noise", "float", 0.1, 0.4, about="observation variance")
    else:
        d.input("noise", "float", obs, 0.1, 0.4, about="variance per observation")
    if inflation:
        d.param("inflation", "float", 1.02, 1.2, about="inflation factor for the anomalies")
    if taper != "none":
        d.input("distances", "float", (state, obs), 0.0, 2.0, about="state-observation distances")
        d.param(
            "reach",
            "float",
            *((0.8, 1.5) if taper == "gaussian" else (1.6, 3.0)),
            about="standard deviation of the taper"
            if taper == "gaussian"
            else "cutoff distance of the taper",
        )
    if kind == "mean only":
        d.output("analysis", "float", (worlds, state), about="updated ensemble means")
    else:
        d.output("analysis", "float", (worlds, state, members), about="updated ensemble members")
    if taper != "none":
        law = {
            "gaussian": "wp.exp(-0.5 * distance * distance / (reach * reach))",
            "linear": "wp.max(1.0 - distance / reach, 0.0)",
        }[taper]
        d.function(f'''
            @wp.func
            def localized(covariance: float, distance: float, reach: float) -> float:
                """Distance-tapered covariance, reduces spurious correlations in small ensembles."""
                return covariance * {law}
        ''')
    mean = """
        x = wp.tile_load(members[world], shape=(STATE, MEMBERS))
        mean = (1.0 / float(MEMBERS)) * wp.tile_sum(x, axis=1)
        wide_mean = wp.tile_broadcast(wp.tile_reshape(mean, shape=(STATE, 1)), shape=(STATE, MEMBERS))
        anomalies = x - wide_mean
        """
    gain = """
        # --- Ensemble covariances ---
        h = wp.tile_load(obs_matrix, shape=(OBS, STATE))
        obs_anomalies = wp.tile_matmul(h, anomalies)
        scale = 1.0 / float(MEMBERS - 1)
        cross_cov = scale * wp.tile_matmul(anomalies, wp.tile_transpose(obs_anomalies))
        $taper
        obs_cov = scale * wp.tile_matmul(obs_anomalies, wp.tile_transpose(obs_anomalies))
        factor = wp.tile_cholesky(wp.tile_diag_add(obs_cov, noise_tile))
        """
    half = {
        "cholesky": "weights = wp.tile_cholesky_solve(factor, {0})",
        "substitution": "half = wp.tile_lower_solve(factor, {0})\n"
        "weights = wp.tile_upper_solve(wp.tile_transpose(factor), half)",
    }[solve]
    before = "x_inflated" if inflation else "x"
    update = {
        "perturbed": f"""
            # Perturbed observations: each member uses independent noise
            y = wp.tile_reshape(wp.tile_load(observations[world], shape=OBS), shape=(OBS, 1))
            drawn = wp.tile_load(perturbations[world], shape=(OBS, MEMBERS))
            predicted = wp.tile_matmul(h, {before})
            innovation = wp.tile_broadcast(y, shape=(OBS, MEMBERS)) + drawn - predicted
            {half.format("innovation").replace(chr(10), chr(10) + " " * 12)}
            moved = {before} + wp.tile_matmul(cross_cov, weights)
        """,
        "deterministic": f"""
            # DEnKF (Sakov & Oke): full gain for the mean, half the gain for the anomalies
            y = wp.tile_load(observations[world], shape=OBS)
            predicted = wp.tile_squeeze(wp.tile_matmul(h, wp.tile_reshape(mean, shape=(STATE, 1))))
            gap = wp.tile_reshape(y - predicted, shape=(OBS, 1))
            innovation = wp.tile_broadcast(gap, shape=(OBS, MEMBERS)) - 0.5 * obs_anomalies
            {half.format("innovation").replace(chr(10), chr(10) + " " * 12)}
            moved = {before} + wp.tile_matmul(cross_cov, weights)
        """,
        "mean only": f"""
            y = wp.tile_load(observations[world], shape=OBS)
            predicted = wp.tile_squeeze(wp.tile_matmul(h, wp.tile_reshape(mean, shape=(STATE, 1))))
            innovation = y - predicted
            {half.format("innovation").replace(chr(10), chr(10) + " " * 12)}
            shift = wp.tile_squeeze(wp.tile_matmul(cross_cov, wp.tile_reshape(weights, shape=(OBS, 1))))
            moved = mean + shift
        """,
    }[kind]
    if bounded:
        d.function('''
            @wp.func
            def not_negative(value: float) -> float:
                """Clamp negative concentrations to zero."""
                return wp.max(value, 0.0)
        ''')

    d.launch(worlds, tiled=True)
    d.code(
        """
        world = wp.tid()
        noise_tile = $noise
        $mean
        $inflate
        $forecast
        $gain
        $update
        $store
        """,
        noise="wp.tile_full(shape=OBS, value=noise, dtype=float)"
        if noise == "param"
        else "wp.tile_load(noise, shape=OBS)",
        mean=dedented(mean),
        inflate="# Inflate since small ensembles underestimate their spread\nanomalies = inflation * anomalies"
        if inflation
        else "",
        forecast="x_inflated = wide_mean + anomalies" if inflation and kind != "mean only" else "",
        gain=dedented(gain),
        taper="# Only taper the state-observation covariances\n"
        "apart = wp.tile_load(distances, shape=(STATE, OBS))\n"
        "cross_cov = wp.tile_map(localized, cross_cov, apart, reach)"
        if taper != "none"
        else "",
        update=dedented(update),
        store="wp.tile_store(analysis[world], wp.tile_map(not_negative, moved))"
        if bounded
        else "wp.tile_store(analysis[world], moved)",
    )
    tapered = "" if taper == "none" else " The leading P H^T is tapered with distance."
    tapered += "\nEnsemble anomalies are inflated first." if inflation else ""
    tapered += "\nNegative values are clamped to zero." if bounded else ""
    d.explain({
        "perturbed": "X <- X + P H^T (H P H^T + R)^-1 (y + e - H X), using ensemble covariances P and\n"
        "per-member noise e. Columns are members.",
        "deterministic": "X <- X + P H^T (H P H^T + R)^-1 (y - H m - H (X - m) / 2), using the ensemble\n"
        "covariances P and mean m. Columns are members.",
        "mean only": "m <- m + P H^T (H P H^T + R)^-1 (y - H m), using the ensemble covariances P and mean m.",
    }[kind] + tapered)  # fmt: skip

    def reference(v: Values) -> Mapping[str, Any]:
        x = v.members
        m = x.mean(2, keepdims=True)
        a = (x - m) * (v.inflation if inflation else 1.0)
        p = a @ a.swapaxes(1, 2) / (members - 1)
        h = v.obs_matrix
        cross = p @ h.T
        s = h @ cross + np.diag(v.noise * np.ones(obs))
        if taper == "gaussian":
            cross = cross * np.exp(-0.5 * (v.distances / v.reach) ** 2)
        elif taper == "linear":
            cross = cross * np.maximum(1 - v.distances / v.reach, 0)
        k = cross @ np.linalg.inv(s)
        y = v.observations[:, :, None]
        if kind == "perturbed":
            made = m + a + k @ (y + v.perturbations - h @ (m + a))
        elif kind == "deterministic":
            made = m + k @ (y - h @ m) + a - 0.5 * k @ h @ a
        else:
            made = (m + k @ (y - h @ m))[..., 0]
        return {"analysis": np.maximum(made, 0) if bounded else made}

    d.check(reference, 5e-3)


@DOMAIN.algorithm(
    source="Kalman 1960; Anderson & Moore 1990, ch. 2; Bertsekas 2017, sec. 3.1; Borrelli, Bemporad & Morari 2017, ch. 8",
    names={
        "riccati_recursion": "lqr_backward_pass|solve_lqr|riccati_sweep|lqr_tiled",
        "dynamics": "a_mats|transition|a_sys",
        "control": "b_mats|input_mat|b_sys",
        "value": "p|cost_to_go|s_mat",
        "gain": "k_gain|feedback|k_mat",
        "horizon": "steps|num_steps|stages",
        "STATE": "N|NX|STATE_DIM",
        "INPUTS": "M|NU|CONTROL_DIM",
    },
    adjoint="no",
    weight=10,
)
def riccati_recursion(d: Draft) -> None:
    """Computes LQR feedback gains using the Riccati recursion."""
    form = d.option("form", "gain", "joseph")
    result = d.option("result", "first gain", "all gains", "value", "closed loop")
    weights = d.option("weights", "diagonal", "full", "scalar")
    cross = d.flag("cross term", 0.35)
    discount = d.flag("discount", 0.4)
    regular = d.flag("regularized", 0.4) and form == "joseph"  # whose value holds for any gain
    if result in ("value", "closed loop"):
        d.calls({
            "value": "riccati_values|cost_to_go|solve_riccati",
            "closed loop": "closed_loop_dynamics|lqr_closed_loop|controlled_dynamics",
        }[result])  # fmt: skip
    d.says({
        "first gain": "Computes the LQR feedback gain for the first step using the Riccati recursion.",
        "all gains": "Computes LQR feedback gains for all steps using the Riccati recursion.",
        "value": "Computes the LQR cost-to-go matrix using the Riccati recursion.",
        "closed loop": "Computes closed-loop dynamics of linear-quadratic regulators using the Riccati recursion.",
    }[result])  # fmt: skip
    systems, state, inputs, horizon = d.pick(3, 4), d.pick(3, 4, 6), d.pick(1, 2), d.pick(4, 5, 6)
    d.module(f"STATE = wp.constant({state})\nINPUTS = wp.constant({inputs})")
    d.input("dynamics", "float", (systems, state, state), -0.5, 0.5, about="state matrices A")
    d.input("control", "float", (systems, state, inputs), -1.0, 1.0, about="input matrices B")
    if weights == "scalar":
        d.param("state_cost", "float", 0.5, 2.0, about="state cost weight")
        d.param("input_cost", "float", 0.5, 2.0, about="input cost weight")
    elif weights == "diagonal":
        d.input("state_cost", "float", state, 0.5, 2.0, about="state cost weights")
        d.input("input_cost", "float", inputs, 0.5, 2.0, about="input cost weights")
    else:
        d.input("state_root", "float", (state, state), -1.0, 1.0, about="square root of state cost matrix")
        d.input("input_cost", "float", inputs, 0.5, 2.0, about="input cost weights")
    if cross:
        d.input(
            "cross_cost",
            "float",
            (inputs, state),
            -0.1,
            0.1,
            about="cross cost between inputs and states",
        )
    if discount:
        d.param("discount", "float", 0.9, 0.99, about="discount factor per step")
    if regular:
        d.param("ridge", "float", 0.01, 0.1, about="ridge added to the diagonal of the gain system")
    d.param("horizon", "int", horizon, about="number of steps")
    name, shape, about = {
        "first gain": ("gains", (systems, inputs, state), "feedback gains for the first step"),
        "all gains": ("gains", (systems, horizon, inputs, state), "feedback gains for all steps"),
        "value": ("values", (systems, state, state), "cost-to-go matrices at the first step"),
        "closed loop": ("closed", (systems, state, state), "closed-loop matrices A - B K for the first step"),
    }[result]
    d.output(name, "float", shape, about=about)
    q = {
        "scalar": "q = wp.tile_diag_add(wp.tile_zeros(shape=(STATE, STATE), dtype=float), wp.tile_full(shape=STATE, value=state_cost, dtype=float))",
        "diagonal": "q = wp.tile_diag_add(wp.tile_zeros(shape=(STATE, STATE), dtype=float), wp.tile_load(state_cost, shape=STATE))",
        "full": "root = wp.tile_load(state_root, shape=(STATE, STATE))\nq = wp.tile_matmul(wp.tile_transpose(root), root)",
    }[weights]
    r = (
        "wp.tile_full(shape=INPUTS, value=input_cost, dtype=float)"
        if weights == "scalar"
        else "wp.tile_load(input_cost, shape=INPUTS)"
    )
    lift = "r_diag + wp.tile_full(shape=INPUTS, value=ridge, dtype=float)" if regular else "r_diag"
    less = "discount * " if discount else ""
    value = {
        "gain": f"next_value = q + {less}wp.tile_matmul(wp.tile_transpose(a), pa) - wp.tile_matmul(wp.tile_transpose(bpa), gain)",
        "joseph": """
            # Joseph form: stays symmetric positive semi-definite despite rounding errors in the gain
            closed_loop = a - wp.tile_matmul(b, gain)
            next_cost = wp.tile_matmul(value, closed_loop)
            input_part = wp.tile_matmul(wp.tile_transpose(gain), wp.tile_matmul(r_mat, gain))
            value = q + input_part + $less wp.tile_matmul(wp.tile_transpose(closed_loop), next_cost)
            $cross
        """.replace("$less ", less),
    }[form]
    crossed = ""
    if cross and form == "joseph":
        crossed = "mixed = wp.tile_matmul(wp.tile_transpose(gain), n_mat)\nvalue = value - mixed - wp.tile_transpose(mixed)"
    end = {
        "first gain": "wp.tile_store(gains[system], gain)",
        "all gains": "",
        "value": "wp.tile_store(values[system], value)",
        "closed loop": "wp.tile_store(closed[system], a - wp.tile_matmul(b, gain))",
    }[result]
    d.launch(systems, tiled=True)
    d.code(
        """
        system = wp.tid()
        a = wp.tile_load(dynamics[system], shape=(STATE, STATE))
        b = wp.tile_load(control[system], shape=(STATE, INPUTS))
        $q
        r_diag = $r
        $r_mat
        $n_mat
        # Terminal cost
        value = wp.tile_map(wp.pos, q)
        $first_gain
        for step in range(horizon):
            pb = wp.tile_matmul(value, b)
            pa = wp.tile_matmul(value, a)
            bpb = $less wp.tile_matmul(wp.tile_transpose(b), pb)
            bpa = $less wp.tile_matmul(wp.tile_transpose(b), pa)$plus
            $damped
            factor = wp.tile_cholesky(wp.tile_diag_add(bpb, $lift))
            $gain
            $keep
            $value
            $symmetric
        $end
        """.replace("$less ", less),
        q=q,
        r=r,
        damped="# The ridge damps the gain; the cost update below is valid for any gain" if regular else "",
        lift=lift,
        first_gain="gain = wp.tile_zeros(shape=(INPUTS, STATE), dtype=float)"
        if result in ("first gain", "closed loop")
        else "",
        r_mat="r_mat = wp.tile_diag_add(wp.tile_zeros(shape=(INPUTS, INPUTS), dtype=float), r_diag)"
        if form == "joseph"
        else "",
        n_mat="n_mat = wp.tile_load(cross_cost, shape=(INPUTS, STATE))" if cross else "",
        plus=" + n_mat" if cross else "",
        gain="# Copy because each step solves into the same tile\n"
        "gain = wp.tile_map(wp.pos, wp.tile_cholesky_solve(factor, bpa))"
        if result in ("first gain", "closed loop")
        else "gain = wp.tile_cholesky_solve(factor, bpa)",
        keep="# The recursion runs backward in time\nwp.tile_store(gains[system, horizon - 1 - step], gain)"
        if result == "all gains"
        else "",
        value=dedented(value),
        symmetric="value = 0.5 * (next_value + wp.tile_transpose(next_value))" if form == "gain" else "",
        cross=crossed,
        end=end,
    )
    g, n_ = ("g " if discount else ""), (" + N" if cross else "")
    right = f"({g}B^T P A{n_})" if cross else f"{g}B^T P A"
    also = ["g the discount factor"] * discount + ["N the cross cost"] * cross
    value_update = f"{g}A^T P A - {right if cross else f'({right})'}^T K"
    if regular:
        value_update = f"K^T R K + {g}(A - B K)^T P (A - B K)" + " - K^T N - N^T K" * cross
    d.explain(
        f"K = (R + {'`ridge` I + ' * regular}{g}B^T P B)^-1 {right}, P <- Q + {value_update},\n"
        f"iterated backward from P = Q at the last step{', with ' + ', '.join(also) if also else ''}. The {'' if regular else 'optimal '}input is u = -K x."
    )

    def reference(v: Values) -> Mapping[str, Any]:
        found = []
        g = v.discount if discount else 1.0
        for a, b in zip(v.dynamics, v.control, strict=True):
            q_ = {"scalar": lambda: v.state_cost * np.eye(state), "diagonal": lambda: np.diag(v.state_cost),
                  "full": lambda: v.state_root.T @ v.state_root}[weights]()  # fmt: skip
            r_ = np.diag(v.input_cost * np.ones(inputs))
            n_ = v.cross_cost if cross else np.zeros((inputs, state))
            p, gains = q_, []
            for _ in range(horizon):
                # Minimize over the input: the Schur complement of the whole quadratic form.
                huu, hux = r_ + g * b.T @ p @ b, n_ + g * b.T @ p @ a
                k = np.linalg.solve(huu + (v.ridge if regular else 0.0) * np.eye(inputs), hux)
                gains.append(k)
                p = q_ + g * a.T @ p @ a - hux.T @ k - k.T @ hux + k.T @ huu @ k
            found.append({"first gain": gains[-1], "all gains": np.array(gains[::-1]), "value": p,
                          "closed loop": a - b @ gains[-1]}[result])  # fmt: skip
        return {name: np.array(found)}

    d.check(reference, 5e-3)
