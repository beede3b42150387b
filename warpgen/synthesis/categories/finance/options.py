"""Finance: options and their sensitivities, bonds and curves, loans, credit."""

from __future__ import annotations

from warpgen.synthesis.blocks.functions import Function, function
from warpgen.synthesis.blocks.rows import Row
from warpgen.synthesis.categories.finance import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32, vec
from warpgen.synthesis.language.values import Value, call


def normal_cdf(k: Kit) -> Function:
    """The distribution function of a standard normal, in one of its forms."""
    kind = k.rng.choice(("erf", "erfc", "polynomial", "logistic"))

    def write(inner: Kit, x: Value) -> Value:
        w = inner.wp
        if kind == "erf":
            return (0.5 * (1.0 + w.erf(x * 0.707107))).within(0.0, 1.0)
        if kind == "erfc":
            return (0.5 * w.erfc(-x * 0.707107)).within(0.0, 1.0)
        if kind == "logistic":
            return (0.5 + 0.5 * w.tanh(0.7988 * x + 0.03528 * x * x * x)).within(0.0, 1.0)
        t = inner.define("t|k1", 1.0 / (1.0 + 0.231642 * w.abs(x)))
        poly = inner.define("poly|series", t * (0.319382 + t * (-0.356564 + t * (1.781478 - 1.821256 * t))))
        tail = inner.define(
            "tail|upper", (0.398942 * w.exp((-0.5 * x * x).within(-12.5, 0.0)) * poly).within(0.0, 0.6)
        )
        return inner.select("cdf|result", x >= 0.0, 1.0 - tail, tail).within(0.0, 1.0)

    return function(k, "norm_cdf|normal_cdf|cdf|cnd|phi", [("x|d|z", k.real, -5.0, 5.0)], write)


def normal_pdf(k: Kit, x: Value) -> Value:
    return 0.398942 * k.wp.exp((-0.5 * x * x).within(-12.5, 0.0))


def market(k: Kit) -> tuple[Value, Value, Value, Value, Value]:
    """Spot, strike, time, rate and volatility of an option."""
    s = k.input("spot|S|s0|price", k.real, 50.0, 150.0)
    strike = k.input("strike|K|x", k.real, 60.0, 140.0)
    t = k.input("maturity|T|expiry|tau", k.real, 0.25, 2.0)
    r = k.param("rate|r|risk_free", k.real, 0.01, 0.08)
    return s, strike, t, r, k.input("sigma|vol|volatility", k.real, 0.15, 0.5)


def d_terms(k: Kit, s: Value, strike: Value, t: Value, r: Value, sigma: Value) -> tuple[Value, Value]:
    root = k.define("sqrt_t|sqt|srt", k.wp.sqrt(t))
    drift = r + 0.5 * sigma * sigma
    top = k.wp.log(s / strike) + drift * t
    d1 = k.define("d1", (top / (sigma * root)).within(-5.0, 5.0))
    return d1, k.define("d2", (d1 - sigma * root).within(-5.0, 5.0))


@CATEGORY.motif(weight=1.5)
def black_scholes(k: Kit) -> None:
    """Black-Scholes price of a European option."""
    rng = k.rng
    s, strike, t, r, sigma = market(k)
    cdf = normal_cdf(k)
    d1, d2 = d_terms(k, s, strike, t, r, sigma)
    disc = k.define("disc|df|discount", k.wp.exp(-r * t))
    kind = rng.choice(("call", "put", "both", "flag", "digital"))
    forward = s
    if rng.chance(0.25):
        q = k.param("dividend|q|div_yield", k.real, 0.0, 0.04)
        forward = k.define("s_adj|fwd|s_div", s * k.wp.exp(-q * t))
    buy = forward * cdf(d1) - strike * disc * cdf(d2)
    if kind == "call":
        k.give("call|price|value", buy)
    elif kind == "digital":
        k.give("digital|price|value", disc * cdf(d2))
    elif kind == "put":
        k.give("put|price|value", strike * disc * cdf(-d2) - forward * cdf(-d1))
    elif kind == "both":
        call_price = k.define("call|c|call_price", buy)
        k.give("call|call_price", call_price)
        k.note("put-call parity")
        k.give("put|put_price", call_price - forward + strike * disc)
    else:
        flag = k.load("is_call|option_type|flag", I32, 0, 1)
        price = k.var("price|value|premium", buy, lo=-50.0, hi=200.0)
        with k.if_(flag.eq(0)):
            k.set(price, strike * disc * cdf(-d2) - forward * cdf(-d1))
        k.give("price|value|premium", price)


@CATEGORY.motif(weight=1.3)
def greeks(k: Kit) -> None:
    """Sensitivities of an option."""
    rng = k.rng
    s, strike, t, r, sigma = market(k)
    cdf = normal_cdf(k)
    d1, d2 = d_terms(k, s, strike, t, r, sigma)
    density = k.define("pdf|nd1|n_prime", normal_pdf(k, d1))
    wanted = rng.sample(("delta", "gamma", "vega", "theta", "rho", "vanna"), rng.integer(2, 4))
    disc = k.define("disc|df", k.wp.exp(-r * t))
    if "delta" in wanted:
        k.give("delta", cdf(d1) if rng.chance(0.7) else cdf(d1) - 1.0)
    if "gamma" in wanted:
        k.give("gamma", density / (s * sigma * k.wp.sqrt(t)))
    if "vega" in wanted:
        k.give("vega", s * density * k.wp.sqrt(t) * (0.01 if rng.chance(0.4) else 1.0))
    if "theta" in wanted:
        decay = -s * density * sigma / (2.0 * k.wp.sqrt(t))
        k.give("theta", decay - r * strike * disc * cdf(d2))
    if "rho" in wanted:
        k.give("rho", strike * t * disc * cdf(d2))
    if "vanna" in wanted:
        k.give("vanna", -density * d2 / sigma)


@CATEGORY.motif()
def implied_volatility(k: Kit) -> None:
    """Implied volatility of a quoted price."""
    rng = k.rng
    s, strike, t, r, _ = market(k)
    quote = k.load("quote|market_price|premium", k.real, 5.0, 40.0)
    cdf = normal_cdf(k)
    disc = k.define("disc|df", k.wp.exp(-r * t))
    turns = rng.choice((4, 6, 8))
    if rng.chance(0.5):
        vol = k.var("vol|sigma|iv", 0.3, k.real, lo=0.05, hi=2.0)
        with k.for_("it|i|n", turns):
            d1, d2 = d_terms(k, s, strike, t, r, vol)
            price = k.define("price|value|bs", s * cdf(d1) - strike * disc * cdf(d2))
            vega = k.define("vega|slope|dv", s * normal_pdf(k, d1) * k.wp.sqrt(t))
            step = k.define("step|dvol|change", (price - quote) / (vega + 1.0))
            k.set(vol, k.wp.clamp(vol - step, 0.05, 2.0))
        k.give("implied_vol|iv|vol", vol)
        return
    lo = k.var("lo|low|a", 0.05, k.real, lo=0.05, hi=2.0)
    hi = k.var("hi|high|b", 2.0, k.real, lo=0.05, hi=2.0)
    with k.for_("it|i|n", turns):
        mid = k.define("mid|m|vol", 0.5 * (lo + hi))
        d1, d2 = d_terms(k, s, strike, t, r, mid)
        price = k.define("price|value|bs", s * cdf(d1) - strike * disc * cdf(d2))
        with k.if_(price > quote):
            k.set(hi, mid)
        with k.else_():
            k.set(lo, mid)
    k.give("implied_vol|iv|vol", 0.5 * (lo + hi))


@CATEGORY.motif()
def binomial_tree(k: Kit) -> None:
    """Option price on a binomial tree."""
    rng = k.rng
    s, strike, t, r, sigma = market(k)
    n = rng.choice((3, 4, 5, 6))
    values_t = vec(n + 1, k.real)
    dt = k.define("dt|h", t / float(n))
    u = k.define("u|up", k.wp.exp(sigma * k.wp.sqrt(dt)).within(1.03, 2.2))
    d = k.define("d|down", 1.0 / u)
    growth = k.define("growth|a|er", k.wp.exp(r * dt).within(1.0, 1.2))
    p = k.define("p|prob|pu", ((growth - d) / (u - d)).within(0.0, 1.0))
    disc = k.define("disc|df", (1.0 / growth).within(0.8, 1.0))
    put = rng.chance(0.5)
    spelled = k.draft.use_type(values_t)
    v = k.var("v|values|option", call(f"{spelled}", [], values_t, 0.0, 0.0, k.author), lo=0.0, hi=2000.0)
    with k.for_("j|node|i", n + 1) as j:
        power = k.cast(2 * j - n, k.real)
        price = k.define("s_t|st|price", (s * k.wp.exp(sigma * k.wp.sqrt(dt) * power)).within(1.0, 2000.0))
        k.set(v[j], k.wp.max(strike - price if put else price - strike, 0.0))
    american = rng.chance(0.5)
    with k.for_("step|level|m", n) as step, k.for_("q|node|a", n - step if rng.chance(0.5) else n) as q:
        held = k.define("held|cont|hold", disc * (p * v[q + 1] + (1.0 - p) * v[q]))
        if american:
            power = k.cast(2 * q - (n - 1) + step, k.real)
            at_node = s * k.wp.exp(sigma * k.wp.sqrt(dt) * power)
            here = k.define("s_n|s_here|node_price", at_node.within(1.0, 3000.0))
            k.set(v[q], k.wp.max(held, strike - here if put else here - strike))
        else:
            k.set(v[q], held)
    k.give("price|value|premium", v[0])


@CATEGORY.motif()
def payoff(k: Kit) -> None:
    """Payoff of an option strategy."""
    rng = k.rng
    s = k.input("spot|s_t|terminal|price", k.real, 50.0, 150.0)
    k1 = k.param("strike|k1|k_low", k.real, 80.0, 100.0)
    kind = rng.choice(("vanilla", "spread", "straddle", "butterfly", "digital", "barrier", "collar"))
    if kind == "vanilla":
        sign = k.load("phi|sign|direction", k.real, -1.0, 1.0)
        k.give("payoff|value", k.wp.max(sign * (s - k1), 0.0))
        return
    k2 = k.param("k2|strike2|k_high", k.real, 105.0, 130.0)
    if kind == "spread":
        value = k.wp.max(s - k1, 0.0) - k.wp.max(s - k2, 0.0)
    elif kind == "straddle":
        value = k.wp.abs(s - k1)
    elif kind == "butterfly":
        mid = k.define("k_mid|mid", 0.5 * (k1 + k2))
        value = k.wp.max(s - k1, 0.0) - 2.0 * k.wp.max(s - mid, 0.0) + k.wp.max(s - k2, 0.0)
    elif kind == "digital":
        value = k.select("paid|digital", s > k1, 10.0, k.lit(0.0))
    elif kind == "barrier":
        top = k.load("path_max|running_max|highest", k.real, 90.0, 160.0)
        plain = k.define("plain|vanilla", k.wp.max(s - k1, 0.0))
        value = k.select("alive|knocked", top > k2, 0.0, plain)
    else:
        value = s + k.wp.max(k1 - s, 0.0) - k.wp.max(s - k2, 0.0)
    premium = k.param("premium|cost", k.real, 1.0, 10.0)
    k.give("payoff|pnl|value", value - premium if rng.chance(0.4) else value)


@CATEGORY.motif(weight=1.3)
def bond(k: Kit) -> None:
    """Price, duration and convexity of a bond."""
    rng = k.rng
    face = k.param("face|notional|par", k.real, 100.0, 100.0 + 900.0)
    coupon = k.input("coupon|coupon_rate|c", k.real, 0.01, 0.08)
    y = k.input("yield_rate|y|ytm", k.real, 0.01, 0.1)
    n = rng.choice((4, 5, 8, 10))
    freq = rng.choice((1.0, 2.0))
    cash = k.define("cash|payment|cf", face * coupon if freq == 1.0 else face * coupon / freq)
    price = k.var("price|pv|value", 0.0, k.real, lo=0.0, hi=3000.0)
    weighted = k.var("weighted|dur|tw", 0.0, k.real, lo=0.0, hi=30000.0) if rng.chance(0.6) else None
    convex = None
    if weighted is not None and rng.chance(0.4):
        convex = k.var("convex|conv|t2w", 0.0, k.real, lo=0.0, hi=300000.0)
    continuous = rng.chance(0.4)
    discount = None
    if not continuous and rng.chance(0.6):
        discount = k.var("df|disc|factor", 1.0, k.real, lo=0.2, hi=1.0)
        base = k.define("v|per_period|step_df", 1.0 / (1.0 + (y if freq == 1.0 else y / freq)))
    count = k.size("num_periods|periods|num_coupons", n) if rng.chance(0.25) else n
    with k.for_("i|j|period", count) as i:
        t = k.define("t|time|ti", (k.to_real(i) + 1.0) if freq == 1.0 else (k.to_real(i) + 1.0) / freq)
        if continuous:
            df = k.define("df|disc", k.wp.exp(-y * t))
        elif discount is not None:
            k.change(discount, "*", base)
            df = discount
        else:
            df = k.define("df|disc", k.wp.pow(1.0 + y, -t).within(0.3, 1.0))
        amount = k.define("pv_i|term|flow", cash * df)
        k.add(price, amount)
        if weighted is not None:
            k.add(weighted, t * amount)
        if convex is not None:
            k.add(convex, t * t * amount)
    final = k.define("df_final|df_n|last_df", k.wp.exp(-y * (float(n) / freq)))
    k.add(price, face * final)
    k.give("price|pv|value", price)
    if weighted is not None:
        top = weighted + face * final * (float(n) / freq)
        k.give("duration|macaulay", top / (price + 1.0))
    if convex is not None:
        k.give("convexity", convex / (price + 1.0))


@CATEGORY.motif()
def yield_curve(k: Kit) -> None:
    """Rate and discount factor off a curve."""
    rng = k.rng
    t = k.input("maturity|t|tenor", k.real, 0.25, 9.0)
    if rng.chance(0.5):
        names = ("beta0|b0|level", "beta1|b1|slope", "beta2|b2|curvature")
        spans = ((0.02, 0.06), (-0.03, 0.03), (-0.03, 0.03))
        b = [k.param(n, k.real, lo, hi) for n, (lo, hi) in zip(names, spans, strict=True)]
        x = k.define("x|tau_t|scaled", t / k.param("tau|decay|lam", k.real, 1.0, 3.0))
        e = k.define("e|ex|decay_t", k.wp.exp(-x))
        load = k.define("load|f1|hump", (1.0 - e) / x)
        rate = b[0] + b[1] * load + b[2] * (load - e)
    else:
        n = rng.choice((5, 6, 8, 10))
        rates = k.array("zero_rates|curve|rates", k.real, lo=0.01, hi=0.06)
        if rng.chance(0.5):
            low = k.define("i|k|lo", k.wp.clamp(k.cast(t, I32), 0, n - 2))
            w = k.define("w|frac|a", k.wp.clamp(t - k.to_real(low), 0.0, 1.0))
            rate = k.wp.lerp(rates[low], rates[low + 1], w)
            if rng.chance(0.5):
                rate = (1.0 - w) * rates[low] + w * rates[low + 1]
        else:
            rate = k.var("rate|r|zero", rates[0], lo=0.01, hi=0.06)
            tenors = k.array("tenors|maturities|pillars", k.real, lo=0.25, hi=9.0, kind="ascending")
            with k.for_("j|i|p", n - 1) as j, k.if_(k.all(t >= tenors[j], t < tenors[j + 1])):
                span = k.define("span|dt|gap", (tenors[j + 1] - tenors[j]).within(0.0, 9.0) + 1e-2)
                inside = rates[j] + (rates[j + 1] - rates[j]) * ((t - tenors[j]) / span)
                k.set(rate, inside.within(0.01, 0.06))
    rate = k.define("zero|z|rate_t", rate)
    df = k.define("df|disc|discount", k.wp.exp(-rate * t))
    k.give("discount|df", df)
    if rng.chance(0.5):
        k.give("rate|zero_rate|z", rate)
    elif rng.chance(0.5):
        spread = k.param("spread|credit_spread|s", k.real, 0.005, 0.03)
        k.give("risky_df|survival_df", df * k.wp.exp(-spread * t))


@CATEGORY.motif()
def loan(k: Kit) -> None:
    """Balance of a loan after its payments."""
    rng = k.rng
    principal = k.input("principal|balance0|loan_amount", k.real, 1.0, 100.0)
    rate = k.input("rate|apr|interest", k.real, 0.01, 0.1)
    n = rng.choice((6, 8, 12, 16))
    monthly = k.define("monthly|r_m|periodic", rate / 12.0)
    growth = k.define("growth|q|compound", k.wp.pow(1.0 + monthly, float(n)))
    payment = k.define("payment|pmt|installment", principal * monthly * growth / (growth - 1.0 + 1e-3))
    balance = k.var("balance|remaining|b", principal, lo=0.0, hi=300.0)
    paid = k.var("interest_paid|total_interest|cost", 0.0, k.real, lo=0.0, hi=300.0)
    months = rng.choice((3, 4, 6))
    with k.for_("m|month|i", k.size("months|num_payments", months) if rng.chance(0.25) else months):
        due = k.define("due|interest_m|charge", balance * monthly)
        k.set(balance, k.wp.max(balance + due - payment, 0.0))
        k.add(paid, due)
    k.give("balance|remaining", balance)
    k.give("interest_paid|total_interest", paid)
    if rng.chance(0.4):
        k.give("payment|pmt", payment)


@CATEGORY.motif()
def present_value(k: Kit) -> None:
    """Net present value or rate of return of cash flows."""
    rng = k.rng
    n = rng.choice((4, 5, 6, 8))
    flows = Row(k, "cash_flows|flows|cf", k.real, n, -2.0, 10.0)
    if rng.chance(0.5):
        rate = k.input("rate|discount_rate|r", k.real, 0.01, 0.15)
        value = k.var("npv|pv|total", 0.0, k.real, lo=-100.0, hi=100.0)
        if rng.chance(0.5):
            with k.for_("j|i|t", n - 1) as j:
                k.set(value, (value + flows[n - 1 - j]) / (1.0 + rate))
            k.add(value, flows[0])
        else:
            df = k.var("df|disc|v", 1.0, k.real, lo=0.2, hi=1.0)
            with k.for_("j|i|t", n) as j:
                k.add(value, flows[j] * df)
                k.set(df, df / (1.0 + rate))
        k.give("npv|pv|value", value)
        return
    cost = k.load("outlay|investment|cost", k.real, 10.0, 20.0)
    r = k.var("irr|rate|r", 0.1, k.real, lo=-0.5, hi=1.0)
    with k.for_("it|iter|newton", rng.choice((2, 3))):
        value = k.var("npv|f|g", -cost, lo=-200.0, hi=200.0)
        slope = k.var("dnpv|df|dg", 0.0, k.real, lo=-2000.0, hi=2000.0)
        with k.for_("j|i|t", n) as j:
            df = k.define("v|disc|w", k.wp.pow(1.0 + r, -(k.to_real(j) + 1.0)).within(0.0, 4.0))
            flow = k.wp.abs(flows[j])
            k.add(value, flow * df)
            k.change(slope, "-", (k.to_real(j) + 1.0) * flow * df)
        k.set(r, k.wp.clamp(r - value / (slope - 1.0).within(-2000.0, -1.0), -0.4, 1.0))
    k.give("irr|rate", r)


@CATEGORY.motif()
def credit(k: Kit) -> None:
    """Default probability and expected loss."""
    rng = k.rng
    t = k.input("horizon|t|maturity", k.real, 0.5, 5.0)
    exposure = k.input("exposure|ead|notional", k.real, 1.0, 100.0)
    lgd = k.param("lgd|loss_given_default", k.real, 0.3, 0.7)
    if rng.chance(0.5):
        hazard = k.input("hazard|intensity|lam", k.real, 0.005, 0.1)
        pd = k.define("pd|default_prob|p_def", 1.0 - k.wp.exp(-hazard * t))
    else:
        assets = k.input("assets|asset_value|V", k.real, 80.0, 150.0)
        debt = k.input("debt|barrier|D", k.real, 40.0, 80.0)
        sigma = k.param("asset_vol|sigma|vol", k.real, 0.15, 0.4)
        root = k.define("sqrt_t|srt", k.wp.sqrt(t))
        cushion = k.wp.log(assets / debt) + (0.03 - 0.5 * sigma * sigma) * t
        dd = k.define("dd|distance|d2", (cushion / (sigma * root)).within(-5.0, 5.0))
        pd = k.define("pd|default_prob|p_def", normal_cdf(k)(-dd))
    k.give("expected_loss|el|loss", pd.within(0.0, 1.0) * lgd * exposure)
    if rng.chance(0.6):
        r = k.param("rate|r|risk_free", k.real, 0.01, 0.08)
        k.give("risky_pv|pv|value", exposure * k.wp.exp(-r * t) * (1.0 - lgd * pd.within(0.0, 1.0)))
