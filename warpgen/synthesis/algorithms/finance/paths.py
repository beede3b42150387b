"""Prices found on trees and along simulated paths."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.finance import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "s0": "spot|S0|initial_price",
    "strike": "k|K|exercise_price",
    "r": "rate|risk_free_rate|short_rate",
    "vol": "sigma|volatility|annual_vol",
    "dt": "h|step_size|time_step",
    "expiry": "maturity|T|time_to_expiry",
    "df": "discount|disc|discount_factor",
}


@DOMAIN.algorithm(
    source="Glasserman 2003, Monte Carlo Methods in Financial Engineering, sections 3.2 and 4.2",
    names=_NAMES
    | {
        "path_payoff": "monte_carlo_option|simulate_paths|price_paths|mc_payoffs",
        "z": "normals|gaussians|noise",
        "s": "price|st|x",
        "average": "mean_price|avg|running",
        "payoffs": "path_values|discounted|results",
        "drift": "mu_dt|growth|nu",
        "sd": "sig_sqrt_dt|diffusion|scale",
        "step": "t|k|day",
    },
    double=True,
    adjoint="no",
)
def path_payoff(d: Draft) -> None:
    """Simulates paths of geometric Brownian motion and takes the discounted payoff of each."""
    style = d.option(
        "style",
        "european",
        "asian",
        "geometric asian",
        "up and out",
        "down and in",
        "lookback",
        "digital",
        "cliquet",
    )
    anti = d.flag("antithetic", 0.35)
    kind = d.option("kind", "call", "put")
    scheme = d.option("scheme", "exact", "euler", "milstein")
    layout = d.option("layout", "paths first", "steps first")
    reduce = d.flag("reduce", 0.3)
    n, steps = d.pick(48, 64, 96), d.pick(8, 12, 16)
    d.input("z", "float", (n, steps) if layout == "paths first" else (steps, n), -1.7, 1.7)
    d.param("s0", "float", 90.0, 110.0)
    if style != "cliquet":
        d.param("strike", "float", 95.0, 105.0)
    if style == "up and out":
        d.param("barrier", "float", 125.0, 145.0)
    elif style == "down and in":
        d.param("barrier", "float", 80.0, 92.0)
    elif style == "cliquet":
        d.param("cap", "float", 0.05, 0.1)
    d.param("r", "float", 0.01, 0.05)
    d.param("vol", "float", 0.2, 0.4)
    d.param("dt", "float", 0.04, 0.1)
    if reduce:
        d.output("mean_payoff", "float", 1)
    else:
        d.output("payoffs", "float", n)
    at = "z[tid, step]" if layout == "paths first" else "z[step, tid]"
    count = "z.shape[1]" if layout == "paths first" else "z.shape[0]"
    signed = f"sign * {at}" if anti else at
    move = {
        "exact": f"s = s * wp.exp(drift + sd * {signed})",
        "euler": f"s += s * (r * dt + sd * {signed})",
        "milstein": (
            f"w = {signed}\n"
            "# Milstein's term makes the scheme strong of order one\n"
            "s += s * (r * dt + sd * w + 0.5 * sd * sd * (w * w - 1.0))"
        ),
    }[scheme]
    setup = "sd = vol * wp.sqrt(dt)"
    if scheme == "exact":
        setup = "drift = (r - 0.5 * vol * vol) * dt\n" + setup
    init, watch = "", ""
    final = "s"
    if style == "asian":
        init, watch, final = "average = float(0.0)", f"average += s / float({count})", "average"
    elif style == "geometric asian":
        init, watch, final = (
            "log_mean = float(0.0)",
            f"log_mean += wp.log(s) / float({count})",
            "wp.exp(log_mean)",
        )
    elif style == "up and out":
        init, watch = "alive = float(1.0)", "if s >= barrier:\n    alive = 0.0\n    break"
    elif style == "down and in":
        init, watch = "touched = float(0.0)", "if s <= barrier:\n    touched = 1.0"
    elif style == "lookback":
        init = "extreme = float(s0)"
        watch = "extreme = wp.max(extreme, s)" if kind == "call" else "extreme = wp.min(extreme, s)"
        final = "extreme"
    elif style == "cliquet":
        init, watch = (
            "bonus = float(0.0)",
            (
                "# each period's return is floored at zero and capped\n"
                "bonus += wp.clamp(s / previous - 1.0, 0.0, cap)"
            ),
        )
        move = "previous = s\n" + move
    payoff = f"wp.max({final} - strike, 0.0)" if kind == "call" else f"wp.max(strike - {final}, 0.0)"
    if style == "digital":
        payoff = f"wp.where(s {'>' if kind == 'call' else '<'} strike, 1.0, 0.0)"
    elif style == "up and out":
        payoff = f"alive * {payoff}"
    elif style == "down and in":
        payoff = f"touched * {payoff}"
    elif style == "cliquet":
        payoff = "bonus"
    discount = f"wp.exp(-r * dt * float({count}))"
    value = f"{discount} * payoff"
    store = (
        (
            f"wp.atomic_add(mean_payoff, 0, {value} / "
            f"float({'z.shape[0]' if layout == 'paths first' else 'z.shape[1]'}))"
        )
        if reduce
        else f"payoffs[tid] = {value}"
    )
    walk = f"s = float(s0)\n{init}\nfor step in range({count}):\n    $move\n    $watch"
    if anti:
        body = (
            "# each path and its mirror image: errors of odd order cancel\n"
            "payoff = float(0.0)\n"
            "for mirror in range(2):\n"
            "    sign = 1.0 - 2.0 * float(mirror)\n"
            "    $walk\n"
            f"    payoff += 0.5 * {payoff}"
        )
    else:
        body = f"$walk\npayoff = {payoff}"
    d.launch(n)
    d.code(
        "tid = wp.tid()\n$setup\n$body\n$store",
        setup=setup,
        body=body,
        walk=walk,
        move=move,
        watch=watch,
        store=store,
    )
    d.says(
        (
            "Simulates paths of a price and takes the discounted payoff of "
            f"{'an' if style[0] in 'ae' else 'a'} {style} "
            f"{'' if style == 'cliquet' else kind + ' '}option on each."
        )
        .replace("european", "European")
        .replace("asian", "Asian")
        .replace("a Asian", "an Asian")
    )

    def reference(v: Values) -> dict[str, Any]:
        z = v.z if layout == "paths first" else v.z.T
        total = np.zeros(n)
        sd = v.vol * np.sqrt(v.dt)
        for sign in (1, -1) if anti else (1,):
            w = sign * z
            if scheme == "exact":
                factor = np.exp((v.r - v.vol**2 / 2) * v.dt + sd * w)
            else:
                factor = 1 + v.r * v.dt + sd * w + (sd**2 * (w * w - 1) / 2 if scheme == "milstein" else 0)
            s = v.s0 * np.cumprod(factor, axis=1)
            f = s[:, -1]
            k = v.get("strike", 0.0)
            if style == "asian":
                f = s.mean(axis=1)
            elif style == "geometric asian":
                f = np.exp(np.log(s).mean(axis=1))
            elif style == "lookback":
                f = np.maximum(s.max(1), v.s0) if kind == "call" else np.minimum(s.min(1), v.s0)
            pay = np.maximum((f - k) * (1 if kind == "call" else -1), 0)
            if style == "digital":
                pay = (f > k if kind == "call" else f < k).astype(float)
            elif style == "up and out":
                pay = pay * (s < v.barrier).all(axis=1)
            elif style == "down and in":
                pay = pay * (s <= v.barrier).any(axis=1)
            elif style == "cliquet":
                pay = np.clip(factor - 1, 0, v.cap).sum(axis=1)
            total += pay / (2 if anti else 1)
        total *= np.exp(-v.r * v.dt * steps)
        return {"mean_payoff": total.mean(keepdims=True)} if reduce else {"payoffs": total}

    d.check(reference, 2e-3)


@DOMAIN.algorithm(
    source=(
        "Heston 1993; Vasicek 1977; Cox, Ingersoll & Ross 1985; Hagan et al. 2002; Merton 1976; Lord "
        "et al. 2010 (truncation)"
    ),
    names={
        "diffusion_step": "advance_paths|sde_step|evolve_states",
        "x": "log_price|state|s",
        "v": "variance|var|nu",
        "kappa": "mean_reversion|speed|a",
        "theta": "long_run|level|b",
        "xi": "vol_of_vol|sigma|eta",
        "rho": "correlation|corr|rho_sv",
        "z1": "dw1|noise_x|normal1",
        "z2": "dw2|noise_v|normal2",
    },
    double=True,
    adjoint="no",
)
def diffusion_step(d: Draft) -> None:
    """Advances states of a stochastic model by one time step."""
    model = d.option("model", "heston", "vasicek", "cir", "sabr", "jump", "gbm 2", "schwartz")
    scheme = d.option("scheme", "euler", "exact")
    steps = d.option("steps", "one", "many")
    floor = d.option("floor", "truncate", "reflect")
    layout = d.option("layout", "arrays", "vec2")
    n, count = d.pick(48, 64, 96), d.pick(4, 6, 8)
    two = model in ("heston", "sabr", "gbm 2")
    many = steps == "many"
    exact = scheme == "exact" and model in ("vasicek", "schwartz")
    low, high = {"heston": (0.02, 0.1), "sabr": (0.1, 0.4), "gbm 2": (80.0, 120.0)}.get(model, (0.01, 0.08))
    xs = {
        "heston": (4.0, 5.0),
        "sabr": (0.02, 0.06),
        "gbm 2": (80.0, 120.0),
        "jump": (4.0, 5.0),
        "schwartz": (3.0, 4.0),
    }.get(model, (0.01, 0.08))
    vec = layout == "vec2" and two
    d.inout("x", "float", n, *xs)
    if two:
        d.inout("v", "float", n, low, high)
    shape: Any = (n, count) if many else n
    if vec:
        d.input("noise", "vec2", shape, -1.5, 1.5)
    else:
        d.input("z1", "float", shape, -1.5, 1.5)
        if two or model == "jump":
            d.input("z2", "float", shape, -1.5, 1.5)
    at = "[tid, k]" if many else "[tid]"
    if model == "jump":
        d.input("jumps", "int", shape, 0, 3)
    d.param("dt", "float", 0.01, 0.05)
    a = {
        "heston": [
            ("kappa", 1.0, 3.0),
            ("theta", 0.03, 0.08),
            ("xi", 0.2, 0.5),
            ("rho", -0.8, -0.2),
            ("r", 0.0, 0.05),
        ],
        "vasicek": [("kappa", 0.5, 2.0), ("theta", 0.02, 0.06), ("xi", 0.01, 0.03)],
        "schwartz": [("kappa", 0.5, 2.0), ("theta", 3.0, 4.0), ("xi", 0.2, 0.4)],
        "cir": [("kappa", 0.5, 2.0), ("theta", 0.02, 0.06), ("xi", 0.05, 0.2)],
        "sabr": [("beta", 0.3, 0.9), ("xi", 0.2, 0.6), ("rho", -0.6, 0.4)],
        "jump": [
            ("r", 0.0, 0.05),
            ("vol", 0.1, 0.3),
            ("jump_mean", -0.1, 0.05),
            ("jump_dev", 0.05, 0.15),
            ("intensity", 0.5, 2.0),
        ],
        "gbm 2": [("r", 0.0, 0.05), ("vol1", 0.1, 0.3), ("vol2", 0.1, 0.3), ("rho", -0.7, 0.7)],
    }[model]
    for name, p, q in a:
        d.param(name, "float", p, q)
    positive: Any = (lambda s: f"wp.max({s}, 0.0)") if floor == "truncate" else (lambda s: f"wp.abs({s})")
    first, second = (f"noise{at}[0]", f"noise{at}[1]") if vec else (f"z1{at}", f"z2{at}")
    mixed = f"rho * {first} + wp.sqrt(1.0 - rho * rho) * {second}"
    keep = {
        "truncate": "# full truncation: the variance may dip below zero, but acts as zero there",
        "reflect": "# reflection at zero",
    }[floor]
    step = {
        "heston": (
            f"w = {mixed}\n"
            f"{keep}\n"
            f"vp = {positive('vt')}\n"
            f"xt = xt + (r - 0.5 * vp) * dt + wp.sqrt(vp * dt) * {first}\n"
            "vt = vt + kappa * (theta - vp) * dt + xi * wp.sqrt(vp * dt) * w"
        ),
        "vasicek": f"xt = xt + kappa * (theta - xt) * dt + xi * wp.sqrt(dt) * {first}",
        "schwartz": f"xt = xt + kappa * (theta - xt) * dt + xi * wp.sqrt(dt) * {first}",
        "cir": (
            f"{keep}\n"
            f"rp = {positive('xt')}\n"
            f"xt = xt + kappa * (theta - rp) * dt + xi * wp.sqrt(rp * dt) * {first}"
        ),
        "sabr": (
            f"w = {mixed}\n"
            f"xt = {positive(f'xt + vt * wp.pow(xt, beta) * wp.sqrt(dt) * {first}')}\n"
            "# the volatility is lognormal, and its step exact\n"
            "vt = vt * wp.exp(xi * wp.sqrt(dt) * w - 0.5 * xi * xi * dt)"
        ),
        "jump": (
            "# the drift makes up for the mean of the jumps\n"
            "lift = wp.exp(jump_mean + 0.5 * jump_dev * jump_dev) - 1.0\n"
            f"m = float(jumps{at})\n"
            f"xt = xt + (r - 0.5 * vol * vol - intensity * lift) * dt + vol * wp.sqrt(dt) * {first}\n"
            f"xt = xt + m * jump_mean + wp.sqrt(m) * jump_dev * z2{at}"
        ),
        "gbm 2": (
            f"w = {mixed}\n"
            f"xt = xt * wp.exp((r - 0.5 * vol1 * vol1) * dt + vol1 * wp.sqrt(dt) * {first})\n"
            "vt = vt * wp.exp((r - 0.5 * vol2 * vol2) * dt + vol2 * wp.sqrt(dt) * w)"
        ),
    }[model]
    pre = ""
    if exact:
        pre = (
            "# the Ornstein-Uhlenbeck process over a step is normal: no error of discretisation\n"
            "decay = wp.exp(-kappa * dt)\n"
            "spread = xi * wp.sqrt((1.0 - decay * decay) / (2.0 * kappa))"
        )
        step = f"xt = theta + (xt - theta) * decay + spread * {first}"
    d.launch(n)
    d.code(
        "tid = wp.tid()\n$pre\nxt = $cx(x[tid])\n$v\n$loop\nx[tid] = xt\n$save".replace(
            "$cx(x[tid])", "float(x[tid])" if many else "x[tid]"
        ),
        pre=pre,
        v=("vt = float(v[tid])" if many else "vt = v[tid]") if two else "",
        loop=("for k in range($count):\n    $step").replace(
            "$count", "noise.shape[1]" if vec else "z1.shape[1]"
        )
        if many
        else "$step",
        step=step,
        save="v[tid] = vt" if two else "",
    )
    title = {
        "heston": "Heston's model",
        "vasicek": "Vasicek's model of the short rate",
        "cir": "the model of Cox, Ingersoll and Ross",
        "sabr": "the SABR model",
        "jump": "Merton's model with jumps",
        "gbm 2": "two correlated lognormal prices",
        "schwartz": "Schwartz's model of the logarithm of a commodity's price",
    }[model]
    d.says(f"Advances states of {title} by {'several time steps' if many else 'one time step'}.")

    def reference(v: Values) -> dict[str, Any]:
        x, y, dt = v.x.copy(), (v.v.copy() if two else None), v.dt
        root = np.sqrt(dt)
        pos: Any = (lambda s: np.maximum(s, 0)) if floor == "truncate" else np.abs
        for k in range(count if many else 1):
            pick: Any = (lambda arr, k=k: arr[:, k]) if many else (lambda arr: arr)
            g1 = pick(v.noise)[:, 0] if vec else pick(v.z1)
            if two:
                g2 = pick(v.noise)[:, 1] if vec else pick(v.z2)
                w = np.array([v.rho, np.sqrt(1 - v.rho**2)]) @ np.array([g1, g2])
            if model == "heston":
                p = pos(y)
                x = x + (v.r - p / 2) * dt + np.sqrt(p) * root * g1
                y = y + v.kappa * (v.theta - p) * dt + v.xi * np.sqrt(p) * root * w
            elif exact:
                e = np.exp(-v.kappa * dt)
                x = (
                    v.theta * (1 - e)
                    + x * e
                    + v.xi * np.sqrt(-np.expm1(-2 * v.kappa * dt) / (2 * v.kappa)) * g1
                )
            elif model in ("vasicek", "schwartz"):
                x = x * (1 - v.kappa * dt) + v.kappa * v.theta * dt + v.xi * root * g1
            elif model == "cir":
                p = pos(x)
                x = x + v.kappa * (v.theta - p) * dt + v.xi * np.sqrt(p) * root * g1
            elif model == "sabr":
                x = pos(x + y * x**v.beta * root * g1)
                y = y * np.exp(v.xi * root * w - v.xi**2 * dt / 2)
            elif model == "jump":
                m = pick(v.jumps).astype(float)
                x = x + (v.r - v.vol**2 / 2 - v.intensity * np.expm1(v.jump_mean + v.jump_dev**2 / 2)) * dt
                x = x + v.vol * root * g1 + m * v.jump_mean + np.sqrt(m) * v.jump_dev * pick(v.z2)
            else:
                x = x * np.exp((v.r - v.vol1**2 / 2) * dt + v.vol1 * root * g1)
                y = y * np.exp((v.r - v.vol2**2 / 2) * dt + v.vol2 * root * w)
        return {"x": x, "v": y} if two else {"x": x}

    d.check(reference, 1e-3)
