"""Price paths: payoffs along them, and paths drawn at random."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.finance import DOMAIN
from warpgen.synthesis.algorithms.finance._closed_form import NAMES
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = NAMES | {
    "s": "price_t|x|level",
    "z": "normals|gaussians|shocks",
    "dt": "time_step|delta_t",
    "sd": "std_dev|step_sd",
    "k": "step_k|t|n",
    "payoff": "payoffs|value|pv",
    "seed": "rng_seed|base_seed",
    "state": "rng|rng_state",
}
_PAYS = {
    # what is paid, how an observer of the path begins, and what it does at each step
    "call": ("calls", "wp.max(s - strike, 0.0)", "", ""),
    "asian": ("arithmetic Asian calls", "wp.max(sum / float(steps) - strike, 0.0)",
              "sum = float(0.0)", "sum += s"),
    "geometric": ("geometric Asian calls", "wp.max(wp.exp(log_sum / float(steps)) - strike, 0.0)",
                  "log_sum = float(0.0)", "log_sum += wp.log(s)"),
    "lookback": ("fixed-strike lookback calls", "wp.max(high - strike, 0.0)", "high = float(spot)",
                 "high = wp.max(high, s)"),
    "floating": ("floating-strike lookback calls", "(s - low)", "low = float(spot)",
                 "low = wp.min(low, s)"),
    "up-and-out": ("up-and-out calls", "wp.max(s - strike, 0.0)", "", ""),
    "down-and-in": ("down-and-in calls", "wp.max(s - strike, 0.0)", "touched = bool(False)",
                    "if s <= barrier:\n    touched = True"),
    "range": ("range accruals", "inside / float(steps)", "inside = float(0.0)",
              "if s > range_low and s < range_high:\n    inside += 1.0"),
}  # fmt: skip


@DOMAIN.algorithm(
    source="Glasserman 2004, secs. 3.2 and 6.1",
    names=_NAMES
    | {
        "path_payoff": "monte_carlo_payoff|simulate_payoff|gbm_payoff",
        "steps": "num_steps|n_steps|fixings",
        "barrier": "knock_level|trigger",
        "sum": "total|running_sum|acc",
        "high": "highest|running_max|s_max",
        "low": "lowest|running_min|s_min",
        "STEPS": "NUM_STEPS|N_STEPS|FIXINGS",
    },
    double=True,
    weight=4,
)
def path_payoff(d: Draft) -> None:
    """Computes path-dependent payoffs along geometric Brownian motion paths."""
    pays = d.option("pays", *_PAYS, weights=(0.16, 0.16, 0.14, 0.14, 0.14, 0.09, 0.09, 0.08))
    scheme = d.option("scheme", "exact", "euler", "milstein")
    layout = d.option("layout", "path rows", "step rows", "flat")
    volatility = d.option("volatility", "constant", "term")
    result = d.option("result", "each", "mean")
    fixed = d.flag("fixed steps", 0.8) and pays not in ("up-and-out", "down-and-in", "range")
    if not fixed:
        d.forward_only()  # what is paid jumps, or hangs on a price carried through a loop of any length
    said, value, begin, observe = _PAYS[pays]
    paths, steps = d.pick(48, 64, 96), d.pick(12, 16) if fixed else d.pick(12, 16, 20)
    count = "STEPS" if fixed else "steps"
    if fixed:
        d.module(f"STEPS = wp.constant({steps})  # unrolled, for pathwise derivatives")
    ending = " and averages them" if result == "mean" else ""
    d.says(f"Computes discounted payoffs of {said} along geometric Brownian motion paths{ending}.")
    shape = {"path rows": (paths, steps), "step rows": (steps, paths), "flat": (paths * steps,)}[layout]
    d.input("z", "float", shape, kind="normal", about="standard normal samples")
    d.param("spot", "float", 95.0, 105.0, about="underlying spot price")
    if pays == "range":
        d.param("range_low", "float", 85.0, 95.0, about="lower range bound")
        d.param("range_high", "float", 115.0, 130.0, about="upper range bound")
    else:
        d.param("strike", "float", 90.0, 100.0, about="strike price")
    if pays == "up-and-out":
        d.param("barrier", "float", 115.0, 130.0, about="barrier level")
    elif pays == "down-and-in":
        d.param("barrier", "float", 85.0, 93.0, about="barrier level")
    d.param("r", "float", 0.01, 0.05, about="risk-free rate, continuously compounded")
    if volatility == "term":
        d.input("sigma", "float", steps, 0.15, 0.4, about="annualized volatility per time step")
    else:
        d.param("sigma", "float", 0.15, 0.4, about="annualized volatility")
    d.param("dt", "float", 0.02, 0.06, about="time step in years")
    if not fixed:
        d.param("steps", "int", steps, about="number of time steps")
    if result == "mean":
        d.param("paths", "int", paths, about="number of paths")
    about = "mean discounted payoff" if result == "mean" else "discounted payoff per path"
    d.output("payoff", "float", 1 if result == "mean" else paths, about=about)
    normal = {"path rows": "z[tid, k]", "step rows": "z[k, tid]", "flat": f"z[tid * {count} + k]"}[layout]
    vol = "sigma[k]" if volatility == "term" else "sigma"
    before, move = "", ""
    if scheme == "exact" and volatility == "constant":
        before = "drift = (r - 0.5 * sigma * sigma) * dt\nsd = sigma * wp.sqrt(dt)"
        move = f"s *= wp.exp(drift + sd * {normal})"
    elif scheme == "exact":
        before = "root_dt = wp.sqrt(dt)"
        move = f"vol = sigma[k]\ns *= wp.exp((r - 0.5 * vol * vol) * dt + vol * root_dt * {normal})"
    elif scheme == "euler":
        before = "root_dt = wp.sqrt(dt)"
        move = f"s *= 1.0 + r * dt + {vol} * root_dt * {normal}"
    else:
        before = "root_dt = wp.sqrt(dt)"
        move = f"""
        x = {vol} * root_dt * {normal}
        # Milstein correction 1/2 sigma^2 (dW^2 - dt), for strong order 1
        s *= 1.0 + r * dt + x + 0.5 * (x * x - {vol} * {vol} * dt)
        """
    start = "s = float(spot)"
    if scheme == "exact" and pays == "geometric":
        # The mean is of logarithms, which the exact scheme adds up: no price is needed on the way
        start = "log_s = wp.log(spot)"
        move = move.replace("s *= wp.exp(", "log_s += ").replace(f"{normal})", normal)
        observe = "log_sum += log_s"
    after = ""
    store = "wp.atomic_add(payoff, 0, {} / float(paths))" if result == "mean" else "payoff[tid] = {}"
    nothing = "" if result == "mean" else "    payoff[tid] = 0.0\n"
    if pays == "up-and-out":
        observe = f"# Knocked out, no payoff\nif s >= barrier:\n{nothing}    return"
    elif pays == "down-and-in":
        after = f"if not touched:\n{nothing}    return"
    d.launch(paths)
    d.code(
        """
        tid = wp.tid()
        $before
        $start
        $begin
        for k in range($count):
            $move
            $observe
        $after
        $store
        """,
        before=before,
        count=count,
        start=start,
        begin=begin,
        move=move,
        observe=observe,
        after=after,
        store=store.format(f"wp.exp(-r * dt * float(steps)) * {value}".replace("(steps)", f"({count})")),
    )
    watched = "" if pays == "call" else "; the path is only monitored at the time steps"
    how = {"exact": "", "euler": " using the Euler scheme", "milstein": " using the Milstein scheme"}[scheme]
    d.explain(f"""
        dS = r S dt + sigma S dW under the risk-neutral measure, with time step `dt`{how}. The payoff
        is discounted to today{watched}.
    """)

    def reference(v: Values) -> dict[str, Any]:
        z = v.z.T if layout == "step rows" else v.z.reshape(paths, steps)
        vol_ = np.broadcast_to(v.sigma, steps)
        w = vol_ * np.sqrt(v.dt) * z
        if scheme == "exact":
            growth = np.exp((v.r - vol_**2 / 2) * v.dt + w)
        else:
            growth = 1 + v.r * v.dt + w
            if scheme == "milstein":
                growth = growth + 0.5 * (w**2 - vol_**2 * v.dt)
        s = v.spot * np.cumprod(growth, axis=1)
        whole = np.concatenate([np.full((paths, 1), v.spot), s], axis=1)
        call = np.maximum(s[:, -1] - v.get("strike", 0.0), 0)
        paid = {
            "call": lambda: call,
            "asian": lambda: np.maximum(s.mean(axis=1) - v.get("strike", 0.0), 0),
            "geometric": lambda: np.maximum(np.exp(np.log(s).mean(axis=1)) - v.get("strike", 0.0), 0),
            "lookback": lambda: np.maximum(whole.max(axis=1) - v.get("strike", 0.0), 0),
            "floating": lambda: s[:, -1] - whole.min(axis=1),
            "up-and-out": lambda: call * (s < v.barrier).all(axis=1),
            "down-and-in": lambda: call * (s <= v.barrier).any(axis=1),
            "range": lambda: ((s > v.range_low) & (s < v.range_high)).mean(axis=1),
        }[pays]() * np.exp(-v.r * v.dt * steps)
        return {"payoff": np.array([paid.mean()]) if result == "mean" else paid}

    d.check(reference, 1e-3)


_PROCESSES = {
    "gbm": "geometric Brownian motion",
    "ou": "an Ornstein-Uhlenbeck process",
    "cir": "a Cox-Ingersoll-Ross process",
    "jump": "a Merton jump diffusion",
    "bridge": "a Brownian bridge",
}


def _law(process: str, v: Values, t: float) -> tuple[float, float]:
    """Mean and variance at time t."""
    x0, sigma = v.x0, v.sigma
    if process == "bridge":  # at three quarters of its way
        return 0.25 * x0 + 0.75 * v.x1, sigma**2 * t * 0.1875
    if process in ("gbm", "jump"):
        extra = 0.0
        if process == "jump":
            m, s = v.jump_mean, v.jump_sd
            extra = v.intensity * (np.exp(2 * m + 2 * s * s) - 2 * np.exp(m + s * s / 2) + 1)
        mean = x0 * np.exp(v.mu * t)
        return mean, mean**2 * (np.exp((sigma**2 + extra) * t) - 1)
    e = np.exp(-v.kappa * t)
    mean = v.theta + (x0 - v.theta) * e
    if process == "ou":
        return mean, sigma**2 / (2 * v.kappa) * (1 - e * e)
    return mean, sigma**2 / v.kappa * (x0 * (e - e * e) + 0.5 * v.theta * (1 - e) ** 2)


@DOMAIN.algorithm(
    source="Glasserman 2004, ch. 3; Merton 1976; Lord, Koekkoek & van Dijk 2010",
    names=_NAMES
    | {
        "random_paths": "simulate_paths|generate_paths|sample_sde",
        "x": "path_value|s|y",
        "paths": "trajectories|samples|scenarios",
        "ends": "terminal|end_values|final_values",
        "kappa": "mean_reversion|speed|reversion",
        "theta": "long_run_mean|mean_level|target",
        "steps": "num_steps|n_steps|horizon",
    },
    adjoint="either",
    weight=11,
)
def random_paths(d: Draft) -> None:
    """Simulates random paths of a stochastic process."""
    process = d.option("process", *_PROCESSES)
    result = d.option("result", "terminal", "path", "transposed")
    stream = d.option("stream", "offset", "mixed")
    antithetic = d.flag("antithetic", 0.35)
    steps_given = d.flag("steps given")
    count, steps = d.pick(160, 192, 256), d.pick(12, 16, 20)
    if process == "bridge":
        result = "path" if result == "terminal" else result
    if result == "terminal":
        steps_given = True  # no array tells them
        d.calls("terminal_values|sample_terminal|simulate_to_end|sample_sde")
    if process == "jump":
        antithetic = False
    paths_said = "terminal values" if result == "terminal" else "paths"
    pairs = " with antithetic pairs" if antithetic else ""
    scheme = ", using a full-truncation Euler scheme" if process == "cir" else ""
    d.says(f"Simulates {paths_said} of {_PROCESSES[process]}{scheme}{pairs}.")
    d.param("seed", "int", 1, 10000, about="random seed")
    if process in ("gbm", "jump"):
        d.param("x0", "float", 50.0, 150.0, about="initial value")
        d.param("mu", "float", 0.02, 0.1, about="drift per year")
        d.param("sigma", "float", 0.2, 0.4, about="annualized volatility")
    elif process == "bridge":
        d.param("x0", "float", -1.0, 1.0, about="initial value")
        d.param("x1", "float", -1.0, 1.0, about="final value of all paths")
        d.param("sigma", "float", 0.3, 0.8, about="annualized volatility")
    else:
        d.param("x0", "float", 0.06, 0.09, about="initial value")
        d.param("kappa", "float", 0.5, 1.5, about="speed of mean reversion")
        d.param("theta", "float", 0.03, 0.05, about="long-run mean")
        d.param(
            "sigma",
            "float",
            *((0.01, 0.03) if process == "ou" else (0.25, 0.4)),
            about="annualized volatility",
        )
    if process == "jump":
        d.param("intensity", "float", 0.5, 2.0, about="jump intensity [1/year]")
        d.param("jump_mean", "float", -0.15, -0.05, about="mean log jump size")
        d.param("jump_sd", "float", 0.05, 0.15, about="standard deviation of the log jump size")
    d.param("dt", "float", 0.04, 0.08, about="time step in years")
    if steps_given:
        d.param("steps", "int", steps, about="number of time steps")
    shape = {"terminal": (count,), "path": (count, steps), "transposed": (steps, count)}[result]
    drawn = "ends" if result == "terminal" else "paths"
    d.output(
        drawn, "float", shape, about="terminal values" if result == "terminal" else "values after each step"
    )
    each = "steps" if steps_given else f"paths.shape[{1 if result == 'path' else 0}]"
    if antithetic:
        init = """
        # Antithetic variates: odd threads negate the samples of the preceding even thread
        state = wp.rand_init(seed, tid // 2)
        sign = 1.0 if tid % 2 == 0 else -1.0
        """
    elif stream == "mixed":
        init = """
        # Independent random stream per path
        state = wp.rand_init(seed, tid)
        """
    else:
        init = "state = wp.rand_init(seed, tid)"
    normal = "sign * wp.randn(state)" if antithetic else "wp.randn(state)"
    before = "root_dt = wp.sqrt(dt)"
    move = {
        "gbm": f"x *= wp.exp(drift + sigma * root_dt * {normal})",
        "ou": f"x = theta + (x - theta) * decay + sd * {normal}",
        "cir": f"""
        # Full truncation: clamp at zero before the square root
        positive = wp.max(x, 0.0)
        x += kappa * (theta - positive) * dt + sigma * wp.sqrt(positive) * root_dt * {normal}
        """,
        "jump": f"""
        x *= wp.exp(drift + sigma * root_dt * {normal})
        jumps = float(wp.poisson(state, intensity * dt))
        # Compound Poisson: the sum of k normal jumps is N(k * mean, k * sd^2)
        x *= wp.exp(jump_mean * jumps + jump_sd * wp.sqrt(jumps) * wp.randn(state))
        """,
        "bridge": f"""
        to_go = float({each} - k)
        # Brownian bridge: drift toward the final value
        x += (x1 - x) / to_go + sigma * wp.sqrt(dt * (to_go - 1.0) / to_go) * {normal}
        """,
    }[process]
    if process in ("gbm", "jump"):
        before = "root_dt = wp.sqrt(dt)\ndrift = (mu - 0.5 * sigma * sigma) * dt"
    if process == "jump":
        before += """
# Drift compensator, so that jumps do not change the mean
drift -= intensity * dt * (wp.exp(jump_mean + 0.5 * jump_sd * jump_sd) - 1.0)"""
    elif process == "ou":
        before = """
        # Exact transition, valid for any step size
        decay = wp.exp(-kappa * dt)
        sd = sigma * wp.sqrt((1.0 - decay * decay) / (2.0 * kappa))
        """
    elif process == "bridge":
        before = ""
    value = "wp.max(x, 0.0)" if process == "cir" else "x"  # the auxiliary process may be negative
    inner = {"terminal": "", "path": f"paths[tid, k] = {value}", "transposed": f"paths[k, tid] = {value}"}[
        result
    ]
    d.launch(count)
    d.code(
        f"""
        tid = wp.tid()
        $init
        $before
        x = float(x0)
        for k in range({each}):
            $move
            $inner
        $store
        """,
        store=f"ends[tid] = {value}" if result == "terminal" else "",
        init=init,
        before=before,
        move=move,
        inner=inner,
    )

    def distributed(before: Values, after: Values) -> None:
        p = after[drawn] if result != "transposed" else after.paths.T
        assert np.isfinite(p).all()
        if process == "bridge":
            np.testing.assert_allclose(p[:, -1], before.x1, atol=1e-4)
        at = 3 * steps // 4 if process == "bridge" else steps
        end = p if result == "terminal" else p[:, at - 1]
        mean, variance = _law(process, before, steps * before.dt)
        sd = variance**0.5
        assert abs(end.mean() - mean) < 6.0 * sd / count**0.5
        assert 0.7 * sd < end.std() < 1.45 * sd
        if antithetic:
            assert np.corrcoef(end[::2], end[1::2])[0, 1] < -0.7

    d.holds(distributed)
