"""Options by the characteristic function of their underlying."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.finance import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_COMPLEX = {
    "complex_mul": '''
@wp.func
def complex_mul(a: wp.vec2, b: wp.vec2) -> wp.vec2:
    """Complex multiplication."""
    return wp.vec2(a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0])
''',
    "complex_div": '''
@wp.func
def complex_div(a: wp.vec2, b: wp.vec2) -> wp.vec2:
    """Complex division."""
    return wp.vec2(a[0] * b[0] + a[1] * b[1], a[1] * b[0] - a[0] * b[1]) / wp.dot(b, b)
''',
    "complex_exp": '''
@wp.func
def complex_exp(z: wp.vec2) -> wp.vec2:
    """Complex exponential."""
    return wp.exp(z[0]) * wp.vec2(wp.cos(z[1]), wp.sin(z[1]))
''',
    "complex_log": '''
@wp.func
def complex_log(z: wp.vec2) -> wp.vec2:
    """Complex logarithm (principal branch)."""
    return wp.vec2(wp.log(wp.length(z)), wp.atan2(z[1], z[0]))
''',
    "complex_sqrt": '''
@wp.func
def complex_sqrt(z: wp.vec2) -> wp.vec2:
    """Complex square root (principal branch)."""
    size = wp.length(z)
    real = wp.sqrt(0.5 * (size + z[0]))
    # Clamp, since rounding can make this slightly negative on the positive real axis
    imag = wp.sqrt(wp.max(0.5 * (size - z[0]), 0.0))
    return wp.vec2(real, wp.where(z[1] < 0.0, -imag, imag))
''',
}


@DOMAIN.algorithm(
    source="Heston 1993; Albrecher et al. 2007 (the little trap); Lewis 2001; Bates 1996 (jumps); Gatheral 2006, ch. 2",
    names={
        "spot": "s0|underlying|spots",
        "strike": "k|strikes|exercise",
        "expiry": "t_exp|maturity|tau",
        "kappa": "mean_reversion|speed|reversion",
        "theta": "long_variance|vbar|level",
        "xi": "vol_of_vol|sigma_v|volvol",
        "v0": "variance0|spot_variance|initial_variance",
        "total": "integral|acc|area",
    },
    adjoint="no",
    double=True,
    weight=2,
)
def fourier_options(d: Draft) -> None:
    """Prices options under stochastic volatility by integrating the characteristic function (Heston)."""
    rule = d.option("rule", "midpoint", "simpson", "transformed")
    right = d.option("right", "call", "put", "flags")
    jumps = d.flag("jumps", 0.35)
    moneyness = d.option("strikes", "strikes", "log moneyness")
    result = d.option("result", "value", "delta", "implied total", weights=(0.5, 0.3, 0.2))
    carry = d.option("carry", "rate", "rate and yield", "none")
    inline = d.flag("inline", 0.5)
    who = "bates" if jumps else "heston"
    d.calls(
        {
            "value": f"fourier_options|{who}_price|price_{who}|price_by_characteristic|lewis_integral",
            "delta": f"{who}_delta|fourier_delta|fourier_deltas",
            "implied total": f"covered_calls|covered_call_value|{who}_covered_call",
        }[result]
    )
    if result != "value" and right == "flags":
        right = "call"
    n, points = d.pick(24, 32, 48), d.pick(128, 160)
    asset, about = ("spot", "Spot prices") if carry != "none" else ("forwards", "Forward prices")
    d.input(asset, "float", n, 90.0, 110.0, about=about)
    if moneyness == "strikes":
        d.input("strike", "float", n, 85.0, 115.0, about="Strikes")
    else:
        d.input("log_moneyness", "float", n, -0.15, 0.15, about="Log-moneyness, ln(forward / strike)")
    d.input("expiry", "float", n, 0.5, 2.0, about="Times to expiry [years]")
    d.input("v0", "float", n, 0.04, 0.09, about="Initial variances")
    d.param("kappa", "float", 1.0, 2.0, about="Variance mean-reversion speed [1/year]")
    d.param("theta", "float", 0.04, 0.09, about="Long-run variance")
    d.param("xi", "float", 0.3, 0.5, about="Volatility of variance")
    d.param("rho", "float", -0.7, 0.4, about="Price-variance correlation")
    if carry != "none":
        d.param("rate", "float", 0.01, 0.04, about="Continuously compounded interest rate")
    if carry == "rate and yield":
        d.param("dividend", "float", 0.0, 0.03, about="Dividend yield")
    if jumps:
        d.param("jump_rate", "float", 0.1, 0.4, about="Jump intensity [1/year]")
        d.param("jump_mean", "float", -0.15, -0.05, about="Mean log jump size")
        d.param("jump_dev", "float", 0.05, 0.12, about="Standard deviation of the log jump size")
    if right == "flags":
        d.input("is_put", "bool", n, about="True for puts, False for calls")
    d.param("intervals", "int", points, about="Number of quadrature intervals")
    d.param("u_max", "float", 25.0, about="Upper integration limit") if rule != "transformed" else None
    name, about = {
        "value": ("values", "Values" if carry != "none" else "Undiscounted option values"),
        "delta": ("deltas", f"Derivatives with respect to the {'spot' if carry != 'none' else 'forward'}"),
        "implied total": (
            "covered_values",
            "Covered call values relative to the forward",
        ),
    }[result]
    d.output(name, "float", n, about=about)
    for text in _COMPLEX.values():
        d.function(text)
    exponent = """
        # b = kappa - rho xi i (u - i/2), d = sqrt(b^2 + xi^2 (u^2 + 1/4))
        b = wp.vec2(kappa - 0.5 * rho * xi, -rho * xi * u)
        root = complex_sqrt(complex_mul(b, b) + wp.vec2(xi * xi * (u * u + 0.25), 0.0))
        # "Little trap" root: keeps the complex logarithm on its principal branch
        g = complex_div(b - root, b + root)
        decay = complex_exp(-t * root)
        denominator = wp.vec2(1.0, 0.0) - complex_mul(g, decay)
        growth = complex_log(complex_div(denominator, wp.vec2(1.0, 0.0) - g))
        part_a = kappa * theta / (xi * xi) * (t * (b - root) - 2.0 * growth)
        part_b = complex_div(complex_mul(b - root, wp.vec2(1.0, 0.0) - decay), denominator) / (xi * xi)
        psi = part_a + variance * part_b
    """
    if jumps:
        exponent += """
        # Lognormal jumps with drift compensator, evaluated at u - i/2 (Bates)
        var_j = jump_dev * jump_dev
        modulus = wp.exp(0.5 * jump_mean + 0.125 * var_j - 0.5 * var_j * u * u)
        angle = u * (jump_mean + 0.5 * var_j)
        mean_jump_size = wp.exp(jump_mean + 0.5 * var_j) - 1.0
        jump_real = modulus * wp.cos(angle) - 1.0 - 0.5 * mean_jump_size
        jump_imag = modulus * wp.sin(angle) - u * mean_jump_size
        psi += jump_rate * t * wp.vec2(jump_real, jump_imag)
        """
    exponent = "\n".join(line[8:] for line in exponent.strip("\n").split("\n")).rstrip()
    variance = "v0[tid]"
    if not inline:
        extra = ", jump_rate: float, jump_mean: float, jump_dev: float" if jumps else ""
        inner = exponent.replace("\n", "\n    ")
        if jumps:
            inner += "\n    return psi"
        else:
            inner = inner.replace("psi = ", "return ")
        d.function(
            "@wp.func\ndef log_characteristic(u: float, t: float, variance: float, kappa: float, theta: float, "
            f"xi: float, rho: float{extra}) -> wp.vec2:\n"
            '    """Log characteristic function of x = ln(S_T / F) at u - i/2."""\n'
            f"    {inner}"
        )
        more = ", jump_rate, jump_mean, jump_dev" if jumps else ""
        exponent = f"psi = log_characteristic(u, t, {variance}, kappa, theta, xi, rho{more})"
    exponent = exponent.replace("variance * part_b", f"{variance} * part_b")
    grid = {
        "midpoint": "u = (float(k) + 0.5) * du",
        "simpson": """
            u = float(k) * du
            # Simpson weights 1, 4, 2, 4, ..., 1
            weight = wp.where(k % 2 == 0, 2.0, 4.0) * du / 3.0
            if k == 0 or k == intervals:
                weight *= 0.5
            """,
        "transformed": """
            # Substitute u = s / (1 - s) to map [0, inf) to the unit interval
            s = (float(k) + 0.5) * ds
            u = s / (1.0 - s)
            weight = ds / ((1.0 - s) * (1.0 - s))
            """,
    }[rule]
    growth_rate = {"rate": "rate", "rate and yield": "(rate - dividend)", "none": ""}[carry]
    forward = f"forward = spot[tid] * wp.exp({growth_rate} * t)" if growth_rate else "forward = forwards[tid]"
    discount = "wp.exp(-rate * t)" if carry != "none" else ""
    term = {
        "value": "wp.exp(psi[0]) * wp.cos(psi[1] + u * x)",
        "implied total": "wp.exp(psi[0]) * wp.cos(psi[1] + u * x)",
        # d/dF of sqrt(F K) cos(u ln F/K + ...) / sqrt(F K), half from the root
        "delta": "wp.exp(psi[0]) * (0.5 * wp.cos(psi[1] + u * x) - u * wp.sin(psi[1] + u * x))",
    }[result]
    scale = {
        "value": "wp.sqrt(forward * strike_k)",
        "implied total": "wp.sqrt(strike_k / forward)",
        "delta": "wp.sqrt(strike_k / forward)",
    }[result]
    if moneyness != "strikes" and result != "value":
        scale = "wp.exp(-0.5 * x)"
    # What spot becomes until expiry, discounted: the forward grows by the rate that takes it back
    held = "wp.exp(-dividend * t)" if carry == "rate and yield" else ""
    plain = "discount * (forward - covered)" if discount else "forward - covered"
    after = {
        "value": f"call = {plain}",
        "delta": f"deltas[tid] = {held} * (1.0 - slope)" if held else "deltas[tid] = 1.0 - slope",
        "implied total": "covered_values[tid] = covered",
    }[result]
    parity = f"{'discount * ' if discount else ''}(forward - strike_k)"
    if result == "value":
        after += (
            "\n"
            + {
                "call": "values[tid] = call",
                "put": f"# Put-call parity\nvalues[tid] = call - {parity}",
                "flags": f"# Put-call parity\nvalues[tid] = wp.where(is_put[tid], call - {parity}, call)",
            }[right]
        )
    elif result == "delta" and right == "put":
        after = f"deltas[tid] = -{held} * slope" if held else "deltas[tid] = -slope"
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        t = expiry[tid]
        $forward
        $strike
        $discount
        $width
        total = float(0.0)
        for k in range($end):
            $grid
            $exponent
            total += $weight * $term / (u * u + 0.25)
        $covered
        $after
        """,
        forward=forward if moneyness == "strikes" or result == "value" else "",
        strike="strike_k = strike[tid]\nx = wp.log(forward / strike_k)"
        if moneyness == "strikes"
        else "x = log_moneyness[tid]\nstrike_k = forward * wp.exp(-x)"
        if result == "value"
        else "x = log_moneyness[tid]",
        discount=f"discount = {discount}" if discount and result == "value" else "",
        width="ds = 1.0 / float(intervals)" if rule == "transformed" else "du = u_max / float(intervals)",
        weight="du" if rule == "midpoint" else "weight",
        covered={
            "value": "# Covered call value: forward minus call",
            "implied total": "# Covered call value relative to the forward",
            "delta": "# Delta of a covered call"
            + (" (forward minus call)" if right == "call" else ", equal to a short put delta"),
        }[result]
        + f"\n{'slope' if result == 'delta' else 'covered'} = {scale} * total / wp.pi",
        end="intervals + 1" if rule == "simpson" else "intervals",
        grid="\n".join(
            line.strip() if not line.startswith(" " * 16) else "    " + line.strip()
            for line in grid.strip("\n").split("\n")
        ),
        exponent=exponent,
        term=term,
        after=after,
    )
    under = f"under stochastic volatility{' and jumps' if jumps else ''}"
    model = "Bates" if jumps else "Heston"
    kinds = {"call": "calls", "put": "puts", "flags": "options"}[right]
    d.says({
        "value": f"{'Prices' if discount else 'Computes undiscounted prices of'} {kinds} {under} by integrating the {model} characteristic function.",
        "delta": f"Computes deltas of {kinds} {under} using the {model} characteristic function.",
        "implied total": f"Prices covered calls relative to the forward {under} by integrating the {model} characteristic function.",
    }[result])  # fmt: skip
    integral = "/ pi * int Re[e^(i u x) phi(u - i/2)] du / (u^2 + 1/4)"
    d.explain({
        "value": f"C = {'e^(-rT) (F' if discount else 'F'} - sqrt(F K) {integral}{')' if discount else ''}",
        "delta": f"Derivative with respect to {'S' if carry != 'none' else 'F'} of C = {'e^(-rT) (F' if discount else 'F'} - sqrt(F K) {integral}{')' if discount else ''}"
        + ("" if right == "call" else " minus e^(-qT)" if held else " minus one"),
        "implied total": f"E min(F_T, K) / F = sqrt(K / F) {integral}",
    }[result] + ", x = ln(F / K) (Lewis). dv = kappa (theta - v) dt + xi sqrt(v) dW.")  # fmt: skip

    def reference(v: Values) -> dict[str, Any]:
        r, q = v.get("rate", 0.0), v.get("dividend", 0.0)
        f = v.get(asset, 1.0) * np.exp((r - q) * v.expiry)
        k = v.strike if moneyness == "strikes" else f * np.exp(-v.log_moneyness)
        jump = (v.jump_rate, v.jump_mean, v.jump_dev) if jumps else (0.0, 0.0, 0.1)
        u = np.arange(0.02, 300.0, 0.04)  # two probabilities by Gil-Pelaez, midpoint rule

        def phi(w: Any) -> Any:
            return _characteristic(w, v, jump)

        x = np.log(f / k)[:, None]
        wave = np.exp(1j * u * x)
        in_cash = 0.5 + 0.04 / np.pi * (wave * phi(u) / (1j * u)).real.sum(1)
        in_stock = 0.5 + 0.04 / np.pi * (wave * phi(u - 1j) / (1j * u)).real.sum(1)
        call = f * in_stock - k * in_cash
        if result == "implied total":
            return {name: 1 - call / f}
        if result == "delta":
            return {name: np.exp(-q * v.expiry) * (in_stock - (right == "put"))}
        put = right == "put" if right != "flags" else v.is_put
        return {name: np.exp(-r * v.expiry) * np.where(put, call - f + k, call)}

    d.check(reference, 1e-2)


def _characteristic(w: Any, v: Values, jump: tuple[float, float, float]) -> Any:
    """E exp(i w x) for each option, by Gatheral's form."""
    t, v0 = v.expiry[:, None], v.v0[:, None]
    b = v.kappa - v.rho * v.xi * 1j * w
    d = np.sqrt(b * b + v.xi**2 * (w * w + 1j * w))
    g, e = (b - d) / (b + d), np.exp(-d * t)
    level = v.kappa * v.theta / v.xi**2 * ((b - d) * t - 2 * np.log((1 - g * e) / (1 - g)))
    rate, mean, dev = jump
    modulus = np.exp(1j * w * mean - dev**2 * w * w / 2) - 1 - 1j * w * (np.exp(mean + dev**2 / 2) - 1)
    return np.exp(level + v0 / v.xi**2 * (b - d) * (1 - e) / (1 - g * e) + rate * t * modulus)
