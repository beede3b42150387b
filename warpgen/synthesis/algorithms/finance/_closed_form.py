"""What formulas of Black and Scholes share: names, and the arguments of the normal distribution."""

from __future__ import annotations

from typing import Any

import numpy as np

NAMES = {
    "spot": "s0|underlying|spot_price",
    "strike": "k_strike|exercise_price",
    "expiry": "maturity|time_to_expiry|tau",
    "sigma": "vol|volatility|annual_vol",
    "r": "rate|risk_free|riskless_rate",
    "q": "dividend_yield|div_yield",
    "price": "prices|premium|option_price|pv",
    "df": "discount|disc|discount_factor",
    "sd": "vol_sqrt_t|total_vol|std_dev",
}


def d1_d2(s: Any, k: Any, t: Any, sigma: Any, carry: Any) -> tuple[Any, Any]:
    """d1 and d2 of the formula, for a drift of `carry` a year."""
    sd = sigma * np.sqrt(t)
    d1 = (np.log(s / k) + carry * t) / sd + 0.5 * sd
    return d1, d1 - sd
