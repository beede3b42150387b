"""One step of stochastic models for rates and volatilities, for many paths at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.finance import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

_NAMES = {
    "z": "normals|gaussians|shocks",
    "dt": "time_step|delta_t",
    "kappa": "mean_reversion|speed|reversion",
    "theta": "long_run|mean_level|target",
    "sigma": "vol|volatility|rate_vol",
    "rho": "correlation|corr",
    "xi": "vol_of_vol|eta|nu",
}

SHORT_RATE = piece("""
@wp.struct
class ShortRateModel:
    kappa: float  # mean-reversion speed [1/year]
    theta: float  # mean-reversion level
    sigma: float  # volatility
""")

HULL_WHITE = piece("""
@wp.struct
class ShortRateModel:
    kappa: float  # mean-reversion speed [1/year]
    long_run: float  # long-run level before the time-dependent shift
    sigma: float  # volatility
""")

HESTON = piece("""
@wp.struct
class HestonParams:
    mu: float  # drift [1/year]
    kappa: float  # mean-reversion speed [1/year]
    theta: float  # long-run variance
    xi: float  # volatility of variance
    rho: float  # price-variance correlation
""")


@DOMAIN.algorithm(
    source="Vasicek 1977; Cox, Ingersoll & Ross 1985; Black & Karasinski 1991; Hull & White 1990",
    names=_NAMES
    | {
        "short_rate_step": "advance_rates|evolve_short_rate|rate_model_step",
        "rates": "short_rates",
        "rates_out": "next_rates|rates_next",
        "model": "params|mdl",
        "discount": "discounts|discount_factors",
        "level": "level_now|target_level",
        "shift": "level_shift",
    },
    double=True,
    weight=3,
)
def short_rate_step(d: Draft) -> None:
    """Advances short rates by one time step using given normal samples."""
    model = d.option(
        "model", "vasicek", "vasicek exact", "cir", "cir milstein", "black karasinski", "hull white"
    )
    given = d.option("given", "numbers", "struct")
    place = d.option("place", "new", "same")
    discount = d.flag("discount", 0.4)
    grid = d.flag("curves", 0.35)
    said = {
        "vasicek": "the Vasicek model",
        "vasicek exact": "the Vasicek model",
        "cir": "the Cox-Ingersoll-Ross model",
        "cir milstein": "the Cox-Ingersoll-Ross model",
        "black karasinski": "the Black-Karasinski model",
        "hull white": "the Hull-White model",
    }[model]
    d.says(
        f"Advances short rates by one time step in {said}"
        + {
            "vasicek exact": " using the exact transition",
            "cir": " using a full-truncation Euler scheme",
            "cir milstein": " using a reflected Milstein scheme",
        }.get(model, " using the Euler scheme")
        + (", and updates the discount factors." if discount else ".")
    )
    shape: tuple[int, ...] = (d.pick(6, 8), d.pick(12, 16)) if grid else (d.pick(64, 96, 128),)
    at = "[i, j]" if grid else "[tid]"
    square = model.startswith("cir")
    long_run = "long_run" if model == "hull white" else "theta"
    if given == "struct":
        level = fill(0.03, 0.06)
        d.struct(
            "model",
            HULL_WHITE if model == "hull white" else SHORT_RATE,
            {
                "kappa": fill(0.3, 1.5),
                long_run: level,
                "sigma": fill(0.05, 0.2) if square or model == "black karasinski" else fill(0.005, 0.02),
            },
            shape[0] if grid else (),
            about="model parameters" + (", one for each curve" if grid else ""),
        )
        whose = "model[i]" if grid else "model"
        load = f"m = {whose}" if grid else ""
        p = "m." if grid else "model."
    else:
        d.param("kappa", "float", 0.3, 1.5, about="speed of mean reversion")
        if model != "hull white":
            d.param("theta", "float", 0.03, 0.06, about="mean-reversion level")
        wide = square or model == "black karasinski"
        d.param("sigma", "float", *((0.05, 0.2) if wide else (0.005, 0.02)), about="volatility")
        load, p = "", ""
    if model == "hull white":
        # The level varies with time, fitted to the initial curve
        now, low, high, about = (
            ("shift", -0.01, 0.01, "time-dependent shift of the mean-reversion level")
            if given == "struct"
            else ("level", 0.03, 0.06, "mean-reversion level at this time")
        )
        if grid:
            d.input(now, "float", shape[0], low, high, about=about)
        else:
            d.param(now, "float", low, high, about=about)
    d.input("z", "float", shape, kind="normal", about="standard normal samples")
    d.param("dt", "float", 0.02, 0.1, about="time step in years")
    lowest = -0.01 if model == "cir" else 0.02  # Euler's scheme may leave rates below zero
    if place == "same":
        d.inout("rates", "float", shape, lowest, 0.08, about="interest rates")
        d.forward_only()
    else:
        d.input("rates", "float", shape, lowest, 0.08, about="interest rates")
    if discount:
        d.inout("discount", "float", shape, 0.8, 1.0, about="per-path discount factors")
        d.forward_only()
    if place == "new":
        d.output("rates_out", "float", shape, about="short rates after the step")
    target = f"rates_out{at}" if place == "new" else f"rates{at}"
    kappa, theta, sigma = f"{p}kappa", f"{p}theta", f"{p}sigma"
    noise = f"{sigma} * wp.sqrt(dt) * z{at}"
    if model == "hull white":
        at_time = f"{now}[i]" if grid else now
        theta = f"{p}long_run + {at_time}" if given == "struct" else at_time
    step = {
        "vasicek": f"{target} = r + {kappa} * ({theta} - r) * dt + {noise}",
        "hull white": f"""
        # Hull-White: time-dependent level, fitted to today's curve
        {target} = r + {kappa} * ({theta} - r) * dt + {noise}
        """,
        "vasicek exact": f"""
        decay = wp.exp(-{kappa} * dt)
        # Var = sigma^2 / (2 kappa) * (1 - exp(-2 kappa dt))
        sd = {sigma} * wp.sqrt((1.0 - decay * decay) / (2.0 * {kappa}))
        {target} = {theta} + (r - {theta}) * decay + sd * z{at}
        """,
        "cir": f"""
        # Full truncation: clamp at zero before taking the square root
        r_plus = wp.max(r, 0.0)
        {target} = r + {kappa} * ({theta} - r_plus) * dt + {sigma} * wp.sqrt(r_plus) * wp.sqrt(dt) * z{at}
        """,
        "cir milstein": f"""
        w = wp.sqrt(dt) * z{at}
        r_next = r + {kappa} * ({theta} - r) * dt + {sigma} * wp.sqrt(r) * w
        r_next += 0.25 * {sigma} * {sigma} * (w * w - dt)
        # Reflect at zero so that the next square root is defined
        {target} = wp.abs(r_next)
        """,
        "black karasinski": f"""
        # Black-Karasinski: evolve log(r), so rates stay positive
        y = wp.log(r)
        y += {kappa} * (wp.log({theta}) - y) * dt + {noise}
        {target} = wp.exp(y)
        """,
    }[model]
    d.launch(*shape)
    d.code(
        f"""
        {"i, j" if grid else "tid"} = wp.tid()
        $load
        r = rates{at}
        $pay
        $step
        """,
        load=load,
        pay=f"discount{at} *= wp.exp(-r * dt)" if discount else "",
        step=step,
    )

    def reference(v: Values) -> dict[str, Any]:
        def parameter(name: str) -> Any:
            value = v[f"model.{name}"] if given == "struct" else v[name]
            return value[:, None] if given == "struct" and grid else value

        k, s = parameter("kappa"), parameter("sigma")
        b = 0.0 if model == "hull white" and given != "struct" else parameter(long_run)
        r, w = v.rates, np.sqrt(v.dt) * v.z
        if model == "hull white":
            b = b + (v[now][:, None] if grid else v[now])
        made = {
            "vasicek": lambda: r + k * (b - r) * v.dt + s * w,
            "hull white": lambda: r + k * (b - r) * v.dt + s * w,
            "vasicek exact": lambda: (
                b + (r - b) * np.exp(-k * v.dt) + s * np.sqrt(-np.expm1(-2 * k * v.dt) / (2 * k)) * v.z
            ),
            "cir": lambda: r + k * (b - np.maximum(r, 0)) * v.dt + s * np.sqrt(np.maximum(r, 0)) * w,
            "cir milstein": lambda: np.abs(
                r + k * (b - r) * v.dt + s * np.sqrt(r) * w + s * s / 4 * (w * w - v.dt)
            ),
            "black karasinski": lambda: r * (b / r) ** (k * v.dt) * np.exp(s * w),
        }[model]()
        found = {"rates_out" if place == "new" else "rates": made}
        if discount:
            found["discount"] = v.discount * np.exp(-r * v.dt)
        return found

    d.check(reference, 2e-4)


@DOMAIN.algorithm(
    source="Heston 1993; Hagan et al. 2002; Andersen 2008, sec. 3.1; Bates 1996",
    names=_NAMES
    | {
        "model": "params|heston",
        "state": "x|paths|sv_state",
        "state_out": "x_next|paths_new|sv_next",
    },
    double=True,
)
def stochastic_volatility_step(d: Draft) -> None:
    """Advances prices and stochastic variances by one time step."""
    model = d.option("model", "heston", "log heston", "sabr", "ornstein uhlenbeck")
    layout = d.option("layout", "arrays", "packed", "same")
    given = d.option("given", "numbers", "struct")
    correlate = d.option("correlate", "in kernel", "never")
    if given == "struct" and "heston" in model:
        correlate = "in kernel"  # the struct holds the correlation
    d.calls(
        {
            "heston": "stochastic_volatility_step|heston_step|advance_heston|heston_euler",
            "log heston": "stochastic_volatility_step|heston_step|advance_heston|log_heston_step",
            "sabr": "stochastic_volatility_step|sabr_step|advance_sabr|evolve_sabr",
            "ornstein uhlenbeck": "stochastic_volatility_step|log_volatility_step|stoch_vol_step",
        }[model]
    )
    if model in ("sabr", "ornstein uhlenbeck"):
        given = "numbers"
    if layout == "packed" and model != "sabr":
        layout = "arrays"  # prices and variances differ in size
    d.says({
        "heston": "Advances prices and variances by one Euler step of the Heston model",
        "log heston": "Advances Heston prices and variances using a log-Euler step for the price",
        "sabr": "Advances SABR forwards and volatilities by one time step",
        "ornstein uhlenbeck": "Advances prices and mean-reverting log-volatilities by one time step",
    }[model] + ("." if correlate == "in kernel" else ", with uncorrelated shocks."))  # fmt: skip
    count = d.pick(64, 96, 128)
    struct = given == "struct"
    if struct:
        d.struct(
            "model",
            HESTON,
            {
                "mu": fill(0.01, 0.06),
                "kappa": fill(0.5, 2.0),
                "theta": fill(0.03, 0.09),
                "xi": fill(0.2, 0.6),
                "rho": fill(-0.8, -0.3),
            },
            about="model parameters",
        )
    elif model == "sabr":
        d.param("beta", "float", 0.4, 0.7, about="CEV exponent")
        d.param("xi", "float", 0.2, 0.6, about="volatility of volatility")
    else:
        own = "log volatility" if model == "ornstein uhlenbeck" else "variance"
        d.param("mu", "float", 0.01, 0.06, about="drift per year")
        d.param("kappa", "float", 0.5, 2.0, about="speed of mean reversion")
        d.param(
            "theta",
            "float",
            *((0.03, 0.09) if own == "variance" else (-2.0, -1.2)),
            about=f"long-run {own}",
        )
        d.param("xi", "float", 0.2, 0.6, about=f"volatility of {own}")
    if correlate == "in kernel" and not struct:
        d.param("rho", "float", -0.8, -0.3, about="correlation between the two shocks")
    d.param("dt", "float", *((0.05, 0.25) if model == "sabr" else (0.005, 0.05)), about="time step in years")
    d.input("z", "vec2", count, kind="normal", about="pairs of independent standard normal samples")
    first_name = "forwards" if model == "sabr" else d.pick("s", "spots", "prices")
    second_name = {"sabr": "vols", "ornstein uhlenbeck": "log_vols"}.get(
        model, "v" if first_name == "s" else "variances"
    )
    suffix = d.pick("_out", "_next", "_new")
    # Euler steps may leave variances below zero
    second = {"sabr": (0.02, 0.08), "ornstein uhlenbeck": (-2.0, -1.0)}.get(model, (-0.01, 0.12))
    price = (0.002, 0.05) if model == "sabr" else (0.5, 1.5)
    about = "forwards" if model == "sabr" else "prices"
    beside = {"sabr": "volatilities", "ornstein uhlenbeck": "log-volatilities"}.get(model, "variances")
    if layout == "packed":
        d.input("state", "vec2", count, 0.02, 0.07, about=f"{about} and {beside}")
        d.output("state_out", "vec2", count, about="state after the step")
        load = "s_i = state[tid][0]\nv_i = state[tid][1]"
        store = "state_out[tid] = wp.vec2({}, {})"
    elif layout == "same":
        d.inout(first_name, "float", count, *price, about=about)
        d.inout(second_name, "float", count, *second, about=beside)
        d.forward_only()
        load, store = (
            f"s_i = {first_name}[tid]\nv_i = {second_name}[tid]",
            f"{first_name}[tid] = {{}}\n{second_name}[tid] = {{}}",
        )
    else:
        d.input(first_name, "float", count, *price, about=about)
        d.input(second_name, "float", count, *second, about=beside)
        d.output(f"{first_name}{suffix}", "float", count, about=f"{about} after the step")
        d.output(f"{second_name}{suffix}", "float", count, about=f"{beside} after the step")
        load = f"s_i = {first_name}[tid]\nv_i = {second_name}[tid]"
        store = f"{first_name}{suffix}[tid] = {{}}\n{second_name}{suffix}[tid] = {{}}"
    p = "model." if struct else ""
    if correlate == "in kernel":
        shocks = f"""
        w1 = root_dt * z[tid][0]
        # Cholesky factor of the 2x2 correlation matrix
        w2 = root_dt * ({p}rho * z[tid][0] + wp.sqrt(1.0 - {p}rho * {p}rho) * z[tid][1])
        """
    else:
        shocks = "w1 = root_dt * z[tid][0]\nw2 = root_dt * z[tid][1]"
    variance = f"v_i + {p}kappa * ({p}theta - v_plus) * dt + {p}xi * vol * w2"
    truncate = """
    # Full truncation: v+ = max(v, 0) in drift and diffusion
    v_plus = wp.max(v_i, 0.0)
    vol = wp.sqrt(v_plus)
    """
    lines, new_s, new_v = {
        "heston": (truncate, f"s_i * (1.0 + {p}mu * dt + vol * w1)", variance),
        "log heston": (truncate, f"s_i * wp.exp(({p}mu - 0.5 * v_plus) * dt + vol * w1)", variance),
        "sabr": (
            "# Absorb the forward at zero; the lognormal volatility step is exact",
            "wp.max(s_i + v_i * wp.pow(s_i, beta) * w1, 0.0)",
            "v_i * wp.exp(xi * w2 - 0.5 * xi * xi * dt)",
        ),
        "ornstein uhlenbeck": (
            "vol = wp.exp(v_i)",
            "s_i * wp.exp((mu - 0.5 * vol * vol) * dt + vol * w1)",
            "v_i + kappa * (theta - v_i) * dt + xi * w2",
        ),
    }[model]
    d.launch(count)
    d.code(
        "tid = wp.tid()\n$load\nroot_dt = wp.sqrt(dt)\n$shocks\n$lines\n$store",
        load=load,
        shocks=shocks,
        lines=lines,
        store=store.format(new_s, new_v),
    )
    if model.endswith("heston"):
        motions = " and the Brownian motions are correlated" if correlate == "in kernel" else ""
        d.explain(f"""
            dS = mu S dt + sqrt(v) S dW1, dv = kappa (theta - v) dt + xi sqrt(v) dW2. Times are in years{motions}.
        """)
    elif model == "sabr":
        d.explain(
            "dF = sigma F^beta dW1, d sigma = xi sigma dW2; the forward has no drift under its measure."
        )
    else:
        d.explain("Log-volatility follows an Ornstein-Uhlenbeck process (Scott's model).")

    def reference(v: Values) -> dict[str, Any]:
        def parameter(name: str) -> Any:
            return v[f"model.{name}"] if struct else v[name]

        w = np.sqrt(v.dt) * v.z
        if correlate == "in kernel":
            rho = parameter("rho")
            w = w @ np.linalg.cholesky(np.array([[1.0, rho], [rho, 1.0]])).T
        w1, w2 = w.T
        s, x = v.state.T if layout == "packed" else (v[first_name], v[second_name])
        xi = parameter("xi")
        if model == "sabr":
            s1, x1 = np.maximum(s + x * s**v.beta * w1, 0), x * np.exp(xi * w2 - xi**2 * v.dt / 2)
        else:
            mu, kappa, theta = (parameter(name) for name in ("mu", "kappa", "theta"))
            vol = np.exp(x) if model == "ornstein uhlenbeck" else np.sqrt(np.maximum(x, 0))
            grown = 1 + mu * v.dt + vol * w1
            s1 = s * (grown if model == "heston" else np.exp((mu - vol**2 / 2) * v.dt + vol * w1))
            held = x if model == "ornstein uhlenbeck" else np.maximum(x, 0)
            x1 = x + kappa * (theta - held) * v.dt + xi * w2 * (1.0 if held is x else vol)
        if layout == "packed":
            return {"state_out": np.stack([s1, x1], axis=1)}
        tail = "" if layout == "same" else suffix
        return {f"{first_name}{tail}": s1, f"{second_name}{tail}": x1}

    d.check(reference, 2e-4)
