"""Random price paths, portfolios, risk measures and technical indicators."""

from __future__ import annotations

from warpgen.synthesis.blocks.rows import Row
from warpgen.synthesis.categories.finance import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32
from warpgen.synthesis.language.values import Value


def _generator(k: Kit) -> Value:
    seed = k.param("seed|rng_seed", I32, 1, 1000)
    return k.define("state|rng|rng_state", k.wp.rand_init(seed, k.flat))


@CATEGORY.motif(weight=1.5, f32=True)
def price_path(k: Kit) -> None:
    """Simulated price path and its payoff."""
    rng = k.rng
    state = _generator(k)
    s0 = k.input("spot|s0|price", k.real, 80.0, 120.0)
    mu = k.param("rate|drift|mu", k.real, 0.01, 0.08)
    sigma = k.param("sigma|vol|volatility", k.real, 0.1, 0.4)
    dt = k.param("dt|step_size|h", k.real, 0.01, 0.1)
    n = rng.choice((4, 8, 12, 16))
    kind = rng.choice(("european", "asian", "barrier", "lookback", "cliquet"))
    s = k.var("s|price|st", s0, lo=1.0, hi=1000.0)
    drift = k.define("drift|nu|mu_dt", (mu - 0.5 * sigma * sigma) * dt)
    diffusion = k.define("diffusion|vol_dt|sd", sigma * k.wp.sqrt(dt))
    extra, barrier = _watched(k, kind, s0)
    euler = rng.chance(0.3)
    with k.for_("i|step|t", k.size("num_steps|n_steps", n) if rng.chance(0.3) else n):
        z = k.define("z|eps|w", k.wp.randn(state))
        if kind == "cliquet" and extra is not None:
            move = k.define("ret|move|r", (drift + diffusion * z).within(-1.0, 1.0))
            k.add(extra, k.wp.clamp(move, -0.02, 0.05))
            k.change(s, "*", k.wp.exp(move))
        elif euler:
            k.set(s, (s + s * (mu * dt + diffusion * z)).within(1.0, 1000.0))
        else:
            k.change(s, "*", k.wp.exp((drift + diffusion * z).within(-2.0, 2.0)))
        if kind == "asian" and extra is not None:
            k.add(extra, s)
        elif kind == "lookback" and extra is not None:
            k.set(extra, k.wp.max(extra, s))
        elif barrier is not None and extra is not None:
            with k.if_(s > barrier):
                k.set(extra, 0.0)
    strike = k.param("strike|k_strike|x", k.real, 90.0, 110.0)
    value = _payoff(k, kind, s, s0, strike, extra, n)
    disc = k.define("disc|df", k.wp.exp(-mu * dt * float(n)))
    k.give("payoff|price|value", disc * value)
    if rng.chance(0.3):
        k.give("terminal|s_t|spot_end", s)


def _watched(k: Kit, kind: str, s0: Value) -> tuple[Value | None, Value | None]:
    """What the payoff takes from the path besides its end, and the level that knocks it out."""
    if kind == "asian":
        return k.var("total|sum|avg", 0.0, k.real, lo=0.0, hi=16000.0), None
    if kind == "lookback":
        return k.var("top|highest|running_max", s0, lo=1.0, hi=1000.0), None
    if kind == "barrier":
        alive = k.var("alive|active", 1.0, k.real, lo=0.0, hi=1.0)
        return alive, k.param("barrier|knock_out|level", k.real, 130.0, 150.0)
    if kind == "cliquet":
        return k.var("bonus|locked|total", 0.0, k.real, lo=-1.0, hi=2.0), None
    return None, None


def _payoff(k: Kit, kind: str, s: Value, s0: Value, strike: Value, extra: Value | None, n: int) -> Value:
    if extra is None:
        return k.wp.max(s - strike, 0.0)
    if kind == "asian":
        return k.wp.max(extra / float(n) - strike, 0.0)
    if kind == "lookback":
        return extra - s
    return extra * k.wp.max(s - strike, 0.0) if kind == "barrier" else k.wp.max(extra, 0.0) * s0


@CATEGORY.motif(f32=True)
def short_rate(k: Kit) -> None:
    """Path of a mean-reverting rate or variance."""
    rng = k.rng
    state = _generator(k)
    r = k.var("r|rate|x", k.input("rate|r0|x0", k.real, 0.01, 0.08), lo=-0.5, hi=1.0)
    a, b = k.param("kappa|a|speed", k.real, 0.2, 1.5), k.param("theta|b|long_mean", k.real, 0.02, 0.06)
    sigma, dt = k.param("sigma|vol|xi", k.real, 0.01, 0.1), k.param("dt|h", k.real, 0.02, 0.1)
    n = rng.choice((4, 6, 8, 12))
    total = k.var("integral|area|acc", 0.0, k.real, lo=-20.0, hi=20.0) if rng.chance(0.6) else None
    kind = rng.choice(("vasicek", "cir", "log"))
    root = k.define("sqrt_dt|sq", k.wp.sqrt(dt))
    with k.for_("i|step", k.size("num_steps|n_steps", n) if rng.chance(0.3) else n):
        z = k.define("z|dw|eps", k.wp.randn(state) * root)
        level = k.define("pos|r_plus|rp", k.wp.max(r, 0.0)) if kind == "cir" else r
        noise = sigma * k.wp.sqrt(level + 1e-3) * z if kind == "cir" else sigma * z
        if kind == "log":
            noise = sigma * r * z
        k.add(r, (a * (b - level) * dt + noise).within(-0.2, 0.2))
        if total is not None:
            k.add(total, r * dt)
    if total is not None:
        k.give("discount|bond|zero_price", k.wp.exp(-total.within(-2.0, 2.0)))
    k.give("rate|r_t|x_t", r)


@CATEGORY.motif(f32=True)
def stochastic_volatility(k: Kit) -> None:
    """Price step under stochastic volatility."""
    rng = k.rng
    state = _generator(k)
    s, v = k.input("spot|s|price", k.real, 80.0, 120.0), k.input("variance|v|var0", k.real, 0.02, 0.1)
    kappa, theta = k.param("kappa|reversion", k.real, 0.5, 3.0), k.param("theta|long_var", k.real, 0.02, 0.1)
    xi = k.param("xi|vol_of_vol|eta", k.real, 0.1, 0.5)
    rho = k.param("rho|correlation|corr", k.real, -0.8, -0.2)
    dt = k.param("dt|h|time_step", k.real, 0.01, 0.1)
    z1 = k.define("z1|e1", k.wp.randn(state))
    orth = k.define("rho_c|orth", k.wp.sqrt(1.0 - rho * rho))
    z2 = k.define("z2|e2", rho * z1 + orth * k.wp.randn(state))
    vp = k.define("v_plus|vp|var_pos", k.wp.max(v, 0.001))
    sd = k.define("sd|vol_dt|s_v", k.wp.sqrt(vp * dt))
    k.give("spot|s_next|s1", s * k.wp.exp((-0.5 * vp * dt + sd * z1).within(-2.0, 2.0)))
    v1 = vp + kappa * (theta - vp) * dt + xi * sd * z2
    if rng.chance(0.4):
        v1 = v1 + 0.25 * xi * xi * dt * (z2 * z2 - 1.0)
    k.give("variance|v_next|v1", k.wp.max(v1, 0.0) if rng.chance(0.5) else k.wp.abs(v1))


@CATEGORY.motif(weight=1.3)
def portfolio(k: Kit) -> None:
    """Return and risk of a portfolio."""
    rng = k.rng
    if rng.chance(0.5):
        size = rng.choice((3, 4))
        v, m = (k.vec3, k.mat33) if size == 3 else (k.vec4, k.mat44)
        w = k.input("weights|w|allocation", v, 0.0, 0.5)
        mu = k.param("mu|expected_returns|mean_ret", v, 0.01, 0.1)
        cov = k.param("cov|sigma|covariance", m, 0.01, 0.05)
        ret = k.define("ret|port_ret|mean", k.wp.dot(w, mu))
        variance = k.define("var|port_var|risk2", k.wp.dot(w, cov * w))
    else:
        n = rng.choice((4, 5, 6, 8))
        weights = Row(k, "weights|w|holdings", k.real, n, 0.0, 0.5)
        mus = k.array("mu|returns|means", k.real, lo=0.01, hi=0.1)
        cov2 = k.array("cov|covariance|sigma", k.real, 2, lo=0.01, hi=0.05)
        acc = k.var("ret|mean|er", 0.0, k.real, lo=0.0, hi=1.0)
        total = k.var("var|risk2|acc", 0.0, k.real, lo=0.0, hi=2.0)
        count = k.size("num_assets|n_assets", n) if rng.chance(0.25) else n
        with k.for_("a|i|p", count) as a:
            k.add(acc, weights[a] * mus[a])
            with k.for_("b|j|q", count) as b:
                k.add(total, weights[a] * cov2[a, b] * weights[b])
        ret, variance = acc, total
    vol = k.define("vol|stdev|risk", k.wp.sqrt(variance + 1e-2))
    kind = rng.choice(("sharpe", "utility", "var", "both"))
    if kind == "sharpe":
        rf = k.param("risk_free|rf|rate", k.real, 0.005, 0.03)
        k.give("sharpe|ratio", (ret - rf) / vol)
    elif kind == "utility":
        aversion = k.param("risk_aversion|gamma|lam", k.real, 1.0, 5.0)
        k.give("utility|score|objective", ret - 0.5 * aversion * variance)
    elif kind == "var":
        z = k.param("z_score|quantile|z", k.real, 1.0, 2.5)
        k.give("value_at_risk|var_95|loss", z * vol - ret)
    else:
        k.give("mean_return|ret", ret)
        k.give("risk|vol", vol)


@CATEGORY.motif(weight=1.3)
def indicator(k: Kit) -> None:
    """Technical indicator over a window of prices."""
    rng = k.rng
    n = rng.choice((5, 8, 10, 14))
    prices = Row(k, "prices|close|px", k.real, n, 90.0, 110.0)
    count = k.size("window|period|lookback", n) if rng.chance(0.3) else n
    kind = rng.choice(("sma", "ema", "rsi", "bollinger", "vwap", "momentum", "range"))
    last = prices[n - 1]
    if kind == "ema":
        alpha = k.param("alpha|smoothing|decay", k.real, 0.1, 0.5)
        ema = k.var("ema|avg|smooth", prices[0], lo=90.0, hi=110.0)
        with k.for_("i|j|t", n, start=1) as i:
            k.set(ema, (alpha * prices[i] + (1.0 - alpha) * ema).within(90.0, 110.0))
        k.give("ema|signal", last - ema if rng.chance(0.4) else ema)
        return
    if kind == "rsi":
        up = k.var("gain|up|ups", 0.0, k.real, lo=0.0, hi=300.0)
        down = k.var("loss|down|downs", 0.0, k.real, lo=0.0, hi=300.0)
        with k.for_("i|j|t", n, start=1) as i:
            change = k.define("change|delta|d", prices[i] - prices[i - 1])
            if rng.chance(0.5):
                with k.if_(change > 0.0):
                    k.add(up, change)
                with k.else_():
                    k.change(down, "-", change)
            else:
                k.add(up, k.wp.max(change, 0.0))
                k.add(down, k.wp.max(-change, 0.0))
        k.give("rsi|strength|oscillator", 100.0 - 100.0 / (1.0 + up / (down + 0.1)))
        return
    if kind == "range":
        low = k.var("low|lowest|lo", last, lo=90.0, hi=110.0)
        high = k.var("high|highest|hi", last, lo=90.0, hi=110.0)
        with k.for_("i|j|t", count) as i:
            p = k.define("p|price|px", prices[i])
            k.set(low, k.wp.min(low, p))
            k.set(high, k.wp.max(high, p))
        k.give("stochastic|percent_k|position", (last - low) / ((high - low).within(0.0, 20.0) + 0.1))
        return
    if kind == "momentum":
        k.give("momentum|roc|ret", k.wp.log(last / prices[0]))
        return
    _average(k, kind, prices, last, n, count)


def _average(k: Kit, kind: str, prices: Row, last: Value, n: int, count: int | Value) -> None:
    """The mean of a window, weighted by volume, or the last price in relation to it."""
    total = k.var("total|sum|s1", 0.0, k.real, lo=0.0, hi=1600.0)
    second = k.var("second|weight|s2", 0.0, k.real, lo=0.0, hi=2000.0)
    volumes = None
    if kind == "vwap":
        volumes = Row(k, "volumes|volume|qty", k.real, n, 1.0, 10.0)
    with k.for_("i|j|t", count) as i:
        p = k.define("p|price|px", prices[i])
        if volumes is not None:
            k.add(total, p * volumes[i])
            k.add(second, volumes[i])
        elif kind == "bollinger":
            d = k.define("d|dev|offset", p - 100.0)
            k.add(total, d)
            k.add(second, d * d)
        else:
            k.add(total, p)
    if kind == "vwap":
        k.give("vwap|avg_price", total / (second + 1.0))
    elif kind == "bollinger":
        mean = k.define("mean|mid|m", total / float(n))
        sd = k.define("sd|band|dev", k.wp.sqrt(k.wp.max(second / float(n) - mean * mean, 0.01)))
        k.give("z_score|band_position|z", (last - 100.0 - mean) / sd)
    else:
        k.give("sma|average|mean_price", total / float(n))


@CATEGORY.motif()
def drawdown(k: Kit) -> None:
    """Largest loss from a peak along an equity curve."""
    rng = k.rng
    n = rng.choice((6, 8, 10, 12))
    returns = Row(k, "returns|rets|pnl", k.real, n, -0.1, 0.1)
    equity = k.var("equity|wealth|nav", 1.0, k.real, lo=0.2, hi=5.0)
    peak = k.var("peak|high_water|top", 1.0, k.real, lo=1.0, hi=5.0)
    worst = k.var("worst|max_dd|dd", 0.0, k.real, lo=0.0, hi=1.0)
    down = k.var("downside|neg_sq|semi", 0.0, k.real, lo=0.0, hi=1.0) if rng.chance(0.4) else None
    with k.for_("i|t|day", k.size("num_days|days", n) if rng.chance(0.25) else n) as i:
        r = k.define("r|ret|x", returns[i])
        k.change(equity, "*", 1.0 + r)
        k.set(peak, k.wp.max(peak, equity))
        k.set(worst, k.wp.max(worst, (1.0 - equity / peak).within(0.0, 1.0)))
        if down is not None:
            with k.if_(r < 0.0):
                k.add(down, r * r)
    k.give("max_drawdown|worst", worst)
    if down is not None:
        k.give("sortino|downside_ratio", (equity - 1.0) / k.wp.sqrt(down / float(n) + 1e-2))
    elif rng.chance(0.5):
        k.give("growth|final_equity", equity)


@CATEGORY.motif()
def volatility_update(k: Kit) -> None:
    """Conditional variance of the next return."""
    rng = k.rng
    ret, h = k.input("ret|r|shock", k.real, -0.1, 0.1), k.input("variance|h|var", k.real, 0.001, 0.05)
    kind = rng.choice(("ewma", "garch", "gjr", "parkinson"))
    if kind == "ewma":
        lam = k.param("lam|decay|lambda_ewma", k.real, 0.9, 0.97)
        new = lam * h + (1.0 - lam) * ret * ret
    elif kind == "parkinson":
        high, low = k.load("high|day_high", k.real, 101.0, 110.0), k.load("low|day_low", k.real, 90.0, 99.0)
        log_range = k.define("log_range|hl|span", k.wp.log(high / low))
        new = log_range * log_range * 0.360674
    else:
        omega = k.param("omega|base_var", k.real, 0.001, 0.01)
        alpha = k.param("alpha|arch", k.real, 0.05, 0.15)
        beta = k.param("beta|garch_beta|persistence", k.real, 0.7, 0.85)
        new = omega + alpha * ret * ret + beta * h
        if kind == "gjr":
            k.note("bad news weighs more")
            leverage = k.param("leverage|asymmetry|gjr_gamma", k.real, 0.05, 0.2)
            new = new + k.select("bad|neg_term|news", ret < 0.0, leverage * ret * ret, k.lit(0.0))
    new = k.define("h_new|var_next|next_var", new)
    k.give("variance|h_new", new)
    if rng.chance(0.5):
        k.give("volatility|annual_vol|vol", k.wp.sqrt(new * 252.0))


@CATEGORY.motif()
def utility(k: Kit) -> None:
    """Utility of wealth and the bet that follows from it."""
    rng = k.rng
    w = k.input("wealth|w|capital", k.real, 0.5, 5.0)
    gamma = k.param("gamma|risk_aversion|eta", k.real, 1.5, 3.0)
    kind = rng.choice(("crra", "cara", "log", "kelly", "prospect"))
    if kind == "crra":
        k.give("utility|u", (k.wp.pow(w, 1.0 - gamma) - 1.0) / (1.0 - gamma).within(-2.0, -0.5))
    elif kind == "cara":
        k.give("utility|u", (1.0 - k.wp.exp(-gamma * w)) / gamma)
    elif kind == "log":
        k.give("utility|u", k.wp.log(w))
    elif kind == "kelly":
        p, odds = k.input("win_prob|p|prob", k.real, 0.4, 0.7), k.param("odds|b|payout", k.real, 1.0, 3.0)
        f = k.define("f|fraction|kelly", (p * (odds + 1.0) - 1.0) / odds)
        k.give("stake|bet|size", w * k.wp.clamp(f, 0.0, 0.5 if rng.chance(0.5) else 1.0))
    else:
        ref = k.param("reference|ref_point|w0", k.real, 1.0, 3.0)
        gain = k.define("gain|x|delta", w - ref)
        size = k.define("size|mag|ax", k.wp.pow(k.wp.abs(gain) + 1e-2, k.lit(0.88)))
        k.give("value|felt_value|v", k.select("v|felt", gain >= 0.0, size, -2.25 * size))
