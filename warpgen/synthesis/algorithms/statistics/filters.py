"""Filters that follow hidden states, and smoothers of series."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.statistics import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Kalman 1960; Bar-Shalom, Li & Kirubarajan 2001, section 6.3; Joseph form: Bucy & Joseph 1968",
    names={
        "x": "state|states|mean",
        "p": "cov|covariance|P",
        "z": "measurement|meas|observation",
        "y": "innovation|residual|nu",
        "s": "innovation_var|S|innov_var",
        "gain": "K|kalman_gain|kg",
        "q": "process_noise|process_var|q_var",
        "r": "meas_noise|obs_var|R",
        "f": "transition|F|A",
    },
    double=True,
    adjoint="no",
    element="filter",
)
def kalman_filter(d: Draft) -> None:
    """Runs one predict and update step for a bank of Kalman filters."""
    model = d.option("model", "constant velocity", "constant acceleration", "walk")
    steps = d.option("steps", "both", "predict", "update")
    form = d.option("form", "standard", "joseph")
    gate = d.flag("gate", 0.3) and steps != "predict"
    matrix = d.option("transition", "built", "argument")
    likelihood = d.flag("likelihood", 0.3) and steps != "predict"
    d.calls({
        "both": "kalman_step|kf_step|kalman_filter",
        "predict": "kalman_predict|kf_predict|predict_states",
        "update": "kalman_update|kf_update|correct_states",
    }[steps])  # fmt: skip
    dim = {"walk": 2, "constant velocity": 2, "constant acceleration": 3}[model]
    n = d.pick(32, 48, 64)
    vec, mat = f"vec{dim}", f"mat{dim}{dim}"
    still = model == "walk" and matrix == "built" and steps == "predict"  # it stays where it is
    if not still:
        d.inout("x", vec, n, -2.0, 2.0, about="state estimates")
    d.inout("p", mat, n, 0.3, 2.0, kind="spd", about="state covariances")
    predicting, updating = steps != "update", steps != "predict"
    if updating:
        d.input("z", "float", n, -2.0, 2.0, about="measurements")
    if predicting:
        if matrix == "argument":
            d.param("f", mat, -1.0, 1.0, kind="rotation", about="transition matrix")
        elif model != "walk":
            d.param("dt", "float", 0.05, 0.5, about="time step")
        driven = {"constant velocity": "acceleration", "constant acceleration": "jerk"}.get(model, "")
        about = f"variance of the {driven}" if driven and matrix == "built" else "process noise variance"
        d.param("q", "float", 0.1, 1.0, about=about)
    if updating:
        d.param("r", "float", 0.1, 1.0, about="measurement noise variance")
    if gate:
        d.param("gate", "float", 3.0, 9.0, about="gate for the squared Mahalanobis distance")
    if likelihood:
        d.output("log_likelihood", "float", n, about="measurement log-likelihoods")
    built = {
        "constant velocity": "f = wp.mat22(1.0, dt, 0.0, 1.0)",
        "constant acceleration": "f = wp.mat33(1.0, dt, 0.5 * dt * dt, 0.0, 1.0, dt, 0.0, 0.0, 1.0)",
        "walk": "",
    }[model]
    noise = {
        "constant velocity": (
            "# Process noise for piecewise constant white acceleration\n"
            "g = wp.vec2(0.5 * dt * dt, dt)\n"
            "noise = q * wp.outer(g, g)"
        ),
        "constant acceleration": (
            "# Process noise for piecewise constant white jerk\n"
            "g = wp.vec3(dt * dt * dt / 6.0, 0.5 * dt * dt, dt)\n"
            "noise = q * wp.outer(g, g)"
        ),
        "walk": f"noise = q * wp.identity(n={dim}, dtype=float)",
    }[model]
    if matrix == "argument":
        built, noise = "", f"noise = q * wp.identity(n={dim}, dtype=float)"
    walk = model == "walk" and matrix == "built"
    predict = (
        f"""
    {built}
    {noise}
    """
        if not walk
        else noise
    )
    predict = "\n".join(line.strip() for line in predict.strip().splitlines())
    if still:
        predict += "\np[i] = p[i] + noise"
    elif walk:
        predict += "\np_i = p_i + noise"
    else:
        predict += "\nx_i = f * x_i\np_i = f * p_i * wp.transpose(f) + noise"
    head = ", ".join(["1.0"] + ["0.0"] * (dim - 1))
    update = f"""
    # Only the first component is measured: H = [1 0{" 0" if dim == 3 else ""}]
    y = z[i] - x_i[0]
    s = p_i[0, 0] + r
    $likelihood
    $gate
    gain = wp.{vec}({", ".join(f"p_i[{a}, 0]" for a in range(dim))}) / s
    x_i = x_i + gain * y
    $cov
    """
    if form == "standard":
        cov = f"p_i = p_i - wp.outer(gain, wp.{vec}({', '.join(f'p_i[0, {a}]' for a in range(dim))}))"
    else:
        cov = (
            "# Joseph form: (I - K H) P (I - K H)^T + K R K^T stays symmetric and positive\n"
            f"ikh = wp.identity(n={dim}, dtype=float) - wp.outer(gain, wp.{vec}({head}))\n"
            "p_i = ikh * p_i * wp.transpose(ikh) + r * wp.outer(gain, gain)"
        )
    stay = "x[i] = x_i\n    p[i] = p_i\n    return" if predicting else "return"
    gate_text = (
        (f"# Gate: reject outliers and keep the prediction\nif y * y > gate * s:\n    {stay}") if gate else ""
    )
    d.launch(n)
    d.code(
        "i = wp.tid()\n$load\n$predict\n$update\n$store",
        load="" if still else "x_i = x[i]\np_i = p[i]",
        store="" if still else "x[i] = x_i\np[i] = p_i",
        predict=predict if predicting else "",
        update=update if updating else "",
        gate=gate_text,
        cov=cov,
        likelihood="log_likelihood[i] = -0.5 * (y * y / s + wp.log(2.0 * wp.pi * s))" if likelihood else "",
    )
    if matrix == "argument" and predicting:
        model = "linear"
    d.says(
        {
            "both": f"Runs one predict and update step for Kalman filters using a {model} model.",
            "predict": f"Predicts Kalman filter states and covariances using a {model} model."
            if not still
            else "Adds process noise to Kalman filter covariances using a walk model.",
            "update": "Updates Kalman filter states and covariances with one measurement each.",
        }[steps]
        .replace("walk model", "random-walk model")
        .replace(
            "each.",
            f"each{', unless it is an outlier' if gate else ''}{', with its log likelihood' if likelihood else ''}.",
        )
    )

    def reference(v: Values) -> dict[str, Any]:
        x, p = v.get("x"), v.p
        if predicting:
            dt = v.get("dt", 0.0)
            f = np.eye(dim)
            noise_of = v.q * np.eye(dim)
            if matrix == "argument":
                f = v.f
            elif dt:
                g = np.array([dt**3 / 6, dt**2 / 2, dt])[-dim:]
                noise_of = v.q * np.outer(g, g)
                f = np.eye(dim) + np.eye(dim, k=1) * dt + np.eye(dim, k=2) * dt**2 / 2
            x, p = None if still else x @ f.T, f @ p @ f.T + noise_of
        if not updating:
            return {"p": p} if still else {"x": x, "p": p}
        y, s = v.z - x[:, 0], p[:, 0, 0] + v.r
        use = y**2 <= v.gate * s if gate else np.ones(n, bool)
        # Information form: P^-1 <- P^-1 + H^T R^-1 H
        h = np.zeros((dim, dim))
        h[0, 0] = 1 / v.r
        post = np.linalg.inv(np.linalg.inv(p) + h)
        e = np.zeros((n, dim))
        e[:, 0] = y / v.r
        moved = x + np.einsum("nab,nb->na", post, e)
        found = {"x": np.where(use[:, None], moved, x), "p": np.where(use[:, None, None], post, p)}
        if likelihood:
            found["log_likelihood"] = -0.5 * (y**2 / s + np.log(2 * np.pi * s))
        return found

    d.check(reference, 2e-3)


@DOMAIN.algorithm(
    source="Gordon, Salmond & Smith 1993; Kitagawa 1996 (systematic); Douc & Cappe 2005 (stratified)",
    names={
        "resample_particles": "particle_resample|draw_particles|resampling",
        "cumulative": "cdf|cum_weights|prefix",
        "ancestors": "parents|indices|picks",
        "lo": "left|a|first",
        "hi": "right|b|last",
        "mid": "middle|c|m",
        "target": "u|point|threshold",
        "n": "count|num_particles",
    },
    adjoint="no",
    element="",
    weight=2,
)
def resample_particles(d: Draft) -> None:
    """Resamples particles in proportion to their weights."""
    scheme = d.option("scheme", "systematic", "stratified", "multinomial")
    find = d.option("find", "binary", "lower bound", "scan")
    copy = d.option("copy", "ancestors", "states", "jitter")
    type = d.option("type", "float", "vec2", "vec3")
    random = d.option("random", "given", "generated")
    if copy == "ancestors":
        d.calls("draw_ancestors|resample_indices|select_ancestors")
    n = d.pick(32, 64, 96)
    d.input("cumulative", "float", n, 0.0, 1.0, kind="ascending", about="cumulative weights")
    if copy != "ancestors":
        d.input("states", type, n, -1.0, 1.0, about="particle states")
    if copy == "jitter":
        d.input("noise", type, n, -1.0, 1.0, about="per-particle jitter before scaling")
        d.param("spread", "float", 0.02, 0.1, about="jitter scale")
    rng = random == "generated"
    if rng:
        d.param("seed", "int", 1, 10000, about="random seed")
    elif scheme == "systematic":
        d.param("u0", "float", 0.05, 0.95, about="random offset for the comb")
    else:
        d.input("uniforms", "float", n, 0.0, 1.0, about="uniform random samples in [0, 1)")
    if copy == "ancestors":
        d.output("ancestors", "int", n, about="ancestor index per particle")
    else:
        d.output("resampled", type, n, about="resampled particle states")
    draw = {
        (
            "systematic",
            True,
        ): ("# One random offset shared by all particles\nstate = wp.rand_init(seed)\nu = wp.randf(state)"),
        ("systematic", False): "",
        ("stratified", True): "state = wp.rand_init(seed, tid)\nu = wp.randf(state)",
        ("multinomial", True): "state = wp.rand_init(seed, tid)\nu = wp.randf(state)",
        ("stratified", False): "",
        ("multinomial", False): "",
    }[scheme, rng]
    u = "u" if rng else "u0" if scheme == "systematic" else "uniforms[tid]"
    point = u if scheme == "multinomial" else f"(float(tid) + {u}) / float(n)"
    search = {
        "binary": """
        lo = int(0)
        hi = int(n - 1)
        while lo < hi:
            mid = (lo + hi) // 2
            if cumulative[mid] < target:
                lo = mid + 1
            else:
                hi = mid
        """,
        "lower bound": "parent = wp.lower_bound(cumulative, target)",
        "scan": "parent = int(0)\nwhile parent < n - 1 and cumulative[parent] < target:\n    parent += 1",
    }[find]
    found = "lo" if find == "binary" else "parent"
    end = {
        "ancestors": f"ancestors[tid] = {found}",
        "states": f"resampled[tid] = states[{found}]",
        "jitter": f"# Add jitter so duplicated particles differ\nresampled[tid] = states[{found}] + spread * noise[tid]",
    }[copy]
    d.launch(n)
    d.code(
        (
            "tid = wp.tid()\n"
            "n = cumulative.shape[0]\n"
            "$draw\n"
            "# The weights may be unnormalized\n"
            "target = $point * cumulative[n - 1]\n"
            "$search\n"
            "$end"
        ),
        draw=draw,
        point=point,
        search=search,
        end=end,
    )
    jittered = " with jitter" if copy == "jitter" else ""
    d.says(f"Resamples particles in proportion to their weights using {scheme} resampling{jittered}.")
    if rng:

        def holds(before: Values, after: Values) -> None:
            if copy == "ancestors":
                a = after.ancestors
            elif copy == "states":
                gap = np.abs(after.resampled[:, None] - before.states[None]).reshape(n, n, -1).max(axis=2)
                a = gap.argmin(axis=1)
                np.testing.assert_allclose(gap.min(axis=1), 0.0, atol=1e-6)
            else:
                moved = after.resampled - before.spread * before.noise
                gap = np.abs(moved[:, None] - before.states[None]).reshape(n, n, -1).max(axis=2)
                a = gap.argmin(axis=1)
                np.testing.assert_allclose(gap.min(axis=1), 0.0, atol=1e-5)
            assert a.min() >= 0 and a.max() < n
            weights = np.diff(before.cumulative, prepend=0.0) / before.cumulative[-1]
            counts = np.bincount(a, minlength=n)
            off = {
                "systematic": 1.001,
                "stratified": 2.001,
                "multinomial": 4.0 * np.sqrt(n * weights.max()) + 4.0,
            }[scheme]
            assert np.abs(counts - n * weights).max() <= off, "a particle was drawn too often or too rarely"
            if scheme != "multinomial":
                assert (np.diff(a) >= 0).all(), "strata are in order"

        d.holds(holds)
        return

    def reference(v: Values) -> dict[str, Any]:
        u = v.u0 if scheme == "systematic" else v.uniforms
        teeth = u if scheme == "multinomial" else (np.arange(n) + u) / n
        a = np.minimum(np.searchsorted(v.cumulative, teeth * v.cumulative[-1]), n - 1)
        if copy == "ancestors":
            return {"ancestors": a}
        return {"resampled": v.states[a] + (v.spread * v.noise if copy == "jitter" else 0.0)}

    d.check(reference)

    def drawn(before: Values, after: Values) -> None:
        """Each particle is one of those given, but for its jitter."""
        made = after.ancestors if copy == "ancestors" else after.resampled
        assert len(made) == n and np.isfinite(made).all()

    d.holds(drawn)
