"""Indicators of technical analysis along series of prices."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.finance import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "prices": "close|closes|px",
    "window": "length|lookback|n_bars",
    "s": "asset|symbol|series",
    "t": "bar|k|day",
}


@DOMAIN.algorithm(
    source="Kaufman 2013, chs. 7 and 8; Wilder 1978; Bollinger 2001",
    names=_NAMES | {"line": "average|ma|smoothed"},
    double=True,
    adjoint="no",
)
def price_average(d: Draft) -> None:
    """Smooths price series with a moving average."""
    kind = d.option("kind", "exponential", "wilder", "double", "macd", "simple", "adaptive", "volume")
    layout = d.option("layout", "rows", "columns")
    span = d.option("span", "common", "each")
    result = d.option("result", "average", "distance", "signal")
    count, size = d.pick(16, 24, 32), d.pick(40, 48, 64)
    said = {
        "exponential": "an exponential moving average",
        "wilder": "Wilder's moving average",
        "double": "the double exponential moving average (DEMA)",
        "macd": "the MACD line, the difference between a fast and a slow exponential moving average",
        "simple": "a simple moving average, using a running sum",
        "adaptive": "Kaufman's adaptive moving average",
        "volume": "a volume-weighted exponential moving average",
    }[kind]
    tail = {"average": "", "distance": ", and outputs the relative distance between price and average",
            "signal": ", and outputs whether each price is above or below it"}[result]  # fmt: skip
    if kind == "macd":
        result, tail = "average", ""
    if kind == "macd":
        d.calls("macd_line|compute_macd|macd_indicator")
    else:
        d.calls(
            {
                "average": "price_average|moving_average|smooth_prices",
                "distance": "distance_from_average|average_distance|trend_distance",
                "signal": "trend_signal|side_of_average|average_signal",
            }[result]
        )
    d.says(f"Computes {said}." if kind == "macd" else f"Smooths price series with {said}{tail}.")
    shape = (count, size) if layout == "rows" else (size, count)
    d.input("prices", "float", shape, 95.0, 105.0, about="price history")
    if kind == "volume":
        d.input("volume", "float", shape, 1.0, 10.0, about="traded volume per bar")
    if span == "each":
        d.input("window", "int", count, 4, 12, about="window length")
        n = "window[s]"
    else:
        d.param("window", "int", d.pick(5, 8, 10), about="window length")
        n = "window"
    out, about = {
        "average": ("macd", "fast minus slow average") if kind == "macd" else ("line", "moving averages"),
        "distance": ("distance", "relative distance from the moving average"),
        "signal": ("side", "1 if the price is above the moving average, else -1"),
    }[result]
    d.output(out, "int" if result == "signal" else "float", shape, about=about)

    def at(name: str, t: str) -> str:
        return f"{name}[s, {t}]" if layout == "rows" else f"{name}[{t}, s]"

    p = at("prices", "t")
    first = at("prices", "0")
    alpha = f"alpha = 2.0 / (float({n}) + 1.0)"
    start, step, value = {
        "exponential": (f"{alpha}\nema = float({first})", f"ema += alpha * ({p} - ema)", "ema"),
        "wilder": (f"mean = float({first})", f"mean += ({p} - mean) / float({n})", "mean"),
        "double": (
            f"{alpha}\nema = float({first})\nema2 = float({first})",
            f"ema += alpha * ({p} - ema)\nema2 += alpha * (ema - ema2)",
            "(2.0 * ema - ema2)",
        ),
        "macd": (
            f"{alpha}\n# The slow average uses twice the window length\nslow_alpha = 2.0 / (2.0 * float({n}) + 1.0)\n"
            f"fast = float({first})\nslow = float({first})",
            f"fast += alpha * ({p} - fast)\nslow += slow_alpha * ({p} - slow)",
            "(fast - slow)",
        ),
        "simple": (
            "sum = float(0.0)",
            f"""
            sum += {p}
            # Divide by fewer samples until the window is full
            many = wp.min(t + 1, {n})
            if t >= {n}:
                sum -= {at("prices", f"t - {n}")}
            """,
            "(sum / float(many))",
        ),
        "adaptive": (
            f"kama = float({first})",
            f"""
            back = wp.max(t - {n}, 0)
            # Small epsilon to avoid 0 / 0 when prices are constant
            path = float(1.0e-6)
            for j in range(back, t):
                path += wp.abs({at("prices", "j + 1")} - {at("prices", "j")})
            # Efficiency ratio: 1 for a straight move, close to 0 for noise
            efficiency = wp.abs({p} - {at("prices", "back")}) / path
            # Smoothing constant between the 30-bar and 2-bar EMAs
            smooth = efficiency * (2.0 / 3.0 - 2.0 / 31.0) + 2.0 / 31.0
            kama += smooth * smooth * ({p} - kama)
            """,
            "kama",
        ),
        "volume": (
            f"{alpha}\nturnover = float({first} * {at('volume', '0')})\ntraded = float({at('volume', '0')})",
            f"turnover += alpha * ({p} * {at('volume', 't')} - turnover)\n"
            f"traded += alpha * ({at('volume', 't')} - traded)",
            "(turnover / traded)",
        ),
    }[kind]
    plain = value[1:-1] if value.startswith("(") else value
    store = {
        "average": f"{at(out, 't')} = {plain}",
        "distance": f"{at(out, 't')} = {p} / {value} - 1.0",
        "signal": f"{at('side', 't')} = 1 if {p} > {plain} else -1",
    }[result]
    d.launch(count)
    d.code(
        """
        s = wp.tid()
        $start
        for t in range(prices.shape[$axis]):
            $step
            $store
        """,
        axis="1" if layout == "rows" else "0",
        start=start,
        step=step,
        store=store,
    )
    if kind != "simple":
        d.explain("Averages are initialized with the first price.")

    def reference(v: Values) -> dict[str, Any]:
        x = v.prices if layout == "rows" else v.prices.T
        n_ = np.broadcast_to(v.window, count).astype(float)

        def ema(y: Any, a: Any, begin: Any) -> Any:
            rows = [begin]
            for column in y.T:
                rows.append((1 - a) * rows[-1] + a * column)
            return np.stack(rows[1:], axis=1)

        a = 2 / (n_ + 1)
        if kind in ("exponential", "wilder"):
            made = ema(x, a if kind == "exponential" else 1 / n_, x[:, 0])
        elif kind == "double":
            one = ema(x, a, x[:, 0])
            made = 2 * one - ema(one, a, x[:, 0])
        elif kind == "macd":
            made = ema(x, a, x[:, 0]) - ema(x, 2 / (2 * n_ + 1), x[:, 0])
        elif kind == "volume":
            u = v.volume if layout == "rows" else v.volume.T
            made = ema(x * u, a, x[:, 0] * u[:, 0]) / ema(u, a, u[:, 0])
        elif kind == "simple":
            spans = n_.astype(int)
            made = np.array(
                [
                    [row[max(t + 1 - m, 0) : t + 1].mean() for t in range(size)]
                    for row, m in zip(x, spans, strict=True)
                ]
            )
        else:
            made = np.empty_like(x)
            for s, m in enumerate(n_.astype(int)):
                line = x[s, 0]
                for t in range(size):
                    part = x[s, max(t - m, 0) : t + 1]
                    e = abs(part[-1] - part[0]) / (np.abs(np.diff(part)).sum() + 1e-6)
                    line = line + (e * (2 / 3 - 2 / 31) + 2 / 31) ** 2 * (x[s, t] - line)
                    made[s, t] = line
        if result == "distance":
            made = x / made - 1
        if result == "signal":
            # a price that is the average up to rounding may be on either side
            made = np.where(x > made, 1, -1)
        made = made if layout == "rows" else made.T
        return {out: made}

    if result != "signal":
        d.check(reference, 2e-3)
        return

    def sided(before: Values, after: Values) -> None:
        wrong = reference(before)["side"] != after.side
        wrong = wrong[:, 1:] if layout == "rows" else wrong[1:]
        assert np.isin(after.side, (-1, 1)).all()
        assert wrong.mean() < 0.01

    d.holds(sided)


@DOMAIN.algorithm(
    source="Wilder 1978; Lane 1984; Bollinger 2001; Lambert 1980",
    names=_NAMES | {"value": "score|indicator"},
    double=True,
    weight=3,
)
def window_indicator(d: Draft) -> None:
    """Computes technical indicators over a rolling window."""
    kind = d.option("kind", "strength", "stochastic", "z-score", "width", "channel", "momentum", "range")
    layout = d.option("layout", "rows", "columns")
    early = d.option("early", "skip", "short", "valid")
    scaled = d.flag("scaled", 0.4) and kind in ("strength", "stochastic", "width", "momentum")
    d.calls(
        {
            "strength": "relative_strength|compute_rsi|rsi_kernel",
            "stochastic": "stochastic_oscillator|percent_k|compute_stochastic",
            "z-score": "price_zscore|rolling_zscore|zscore_prices",
            "width": "bollinger_width|band_width|bollinger_bandwidth",
            "channel": "commodity_channel|channel_index|cci_kernel",
            "momentum": "price_momentum|rate_of_change|compute_momentum",
            "range": "mean_absolute_move|average_move|move_size",
        }[kind]
    )
    count, size, window = d.pick(12, 16), d.pick(32, 40, 48), d.pick(6, 8, 10)
    said = {
        "strength": "Computes Cutler's RSI, the ratio of gains to total moves",
        "stochastic": "Computes the stochastic oscillator, the price position within the rolling low-high range",
        "z-score": "Computes the rolling z-score of prices",
        "width": "Computes the Bollinger band width relative to the rolling mean",
        "channel": "Computes Lambert's commodity channel index (CCI)",
        "momentum": "Computes the rate of change of prices over a window",
        "range": "Computes the mean absolute price change over a window",
    }[kind]
    d.says(said + ", in percent." if scaled else said + ".")
    d.explain({
        "skip": "The output is zero until the first window is full.",
        "short": "Windows at the start are shorter, and the output is zero for a single price.",
        "valid": "The output starts with the first full window.",
    }[early])  # fmt: skip
    shape = (count, size) if layout == "rows" else (size, count)
    d.input("prices", "float", shape, 95.0, 105.0, about="price history")
    d.param("window", "int", window, about="window length")
    counts_moves = kind in ("strength", "momentum", "range")  # a window of so many moves has one price more
    back = window if counts_moves else window - 1
    width = size - back if early == "valid" else size
    d.output(
        "value",
        "float",
        (count, width) if layout == "rows" else (width, count),
        about="indicator values"
        + {"skip": ", zero before the first full window", "short": ", zero for a single price"}.get(
            early, ""
        ),
    )

    def at(name: str, t: str) -> str:
        return f"{name}[s, {t}]" if layout == "rows" else f"{name}[{t}, s]"

    none, zero = "# Window not full yet\n", f"    {at('value', 't')} = 0.0\n    return\n"
    if early == "skip":
        head = f"{none}if t < window:\n{zero}first = t - window"
        if not counts_moves:
            head = f"{none}if t < window - 1:\n{zero}first = t - window + 1"
    elif early == "short":
        start = "t - window" if counts_moves else "t - window + 1"
        head = f"# Shorter windows at the start of the series\nfirst = wp.max({start}, 0)"
        head += f"\n# Undefined for a single price\nif first == t:\n{zero.rstrip()}"
    else:
        head = "t = first + window" if counts_moves else "t = first + window - 1"
    p = at("prices", "t")
    many = "float(t - first + 1)" if early == "short" else "float(window)"
    moves = "float(t - first)" if early == "short" else "float(window)"
    each = at("prices", "j")
    body, formula = {
        "strength": (
            f"""
            gains = float(0.0)
            moves = float(0.0)
            for j in range(first, t):
                move = {at("prices", "j + 1")} - {each}
                gains += wp.max(move, 0.0)
                moves += wp.abs(move)
            """,
            "wp.where(moves > 0.0, gains / moves, 0.5)",
        ),
        "stochastic": (
            f"""
            low = float({p})
            high = float({p})
            for j in range(first, t):
                low = wp.min(low, {each})
                high = wp.max(high, {each})
            """,
            f"wp.where(high > low, ({p} - low) / (high - low), 0.5)",
        ),
        "z-score": ("$bands", f"({p} - mean) / wp.sqrt(squares / {many})"),
        "width": (
            "$bands",
            "# Bands at the mean +/- two standard deviations\n"
            f"$target = {400.0 if scaled else 4.0} * wp.sqrt(squares / {many}) / mean",
        ),
        "channel": (
            f"""
            mean = float(0.0)
            for j in range(first, t + 1):
                mean += {each}
            mean /= {many}
            spread = float(0.0)
            for j in range(first, t + 1):
                spread += wp.abs({each} - mean)
            spread /= {many}
            """,
            f"# Lambert's constant 0.015 keeps most values between -100 and 100\n"
            f"$target = ({p} - mean) / (0.015 * spread)",
        ),
        "momentum": ("", f"{p} / {at('prices', 'first')} - 1.0"),
        "range": (
            f"""
            path = float(0.0)
            for j in range(first, t):
                path += wp.abs({at("prices", "j + 1")} - {each})
            """,
            f"path / {moves}",
        ),
    }[kind]
    bands = f"""
    mean = float(0.0)
    for j in range(first, t + 1):
        mean += {each}
    mean /= {many}
    # Two-pass variance, since E[x^2] - E[x]^2 suffers from cancellation
    squares = float(0.0)
    for j in range(first, t + 1):
        dev = {each} - mean
        squares += dev * dev
    """
    if kind not in ("momentum", "range"):
        d.forward_only()  # Warp does not tape what loops find, which the adjoint of the quotient needs
    ids = "first" if early == "valid" else "t"
    target = at("value", ids)
    if scaled and kind != "width":
        formula = f"100.0 * ({formula})" if kind == "momentum" else f"100.0 * {formula}"
    value = formula if "$target" in formula else f"{target} = {formula}"
    d.launch(*((count, width) if layout == "rows" else (width, count)))
    d.code(
        f"{f's, {ids}' if layout == 'rows' else f'{ids}, s'} = wp.tid()\n$head\n$body\n$value",
        head=head,
        body=body,
        bands=bands,
        target=target,
        value=value,
    )

    def reference(v: Values) -> dict[str, Any]:
        x = v.prices if layout == "rows" else v.prices.T
        made = np.zeros((count, size))
        for t_ in range(1, size):
            part = x[:, max(t_ - back, 0) : t_ + 1]
            step = np.diff(part, axis=1)
            last, mean = part[:, -1], part.mean(axis=1)
            low, high = part.min(axis=1), part.max(axis=1)
            made[:, t_] = {
                "strength": np.maximum(step, 0).sum(axis=1) / np.abs(step).sum(axis=1),
                "stochastic": (last - low) / (high - low),
                "z-score": (last - mean) / part.std(axis=1),
                "width": 4 * part.std(axis=1) / mean,
                "channel": (last - mean) / np.abs(part - mean[:, None]).mean(axis=1) / 0.015,
                "momentum": last / part[:, 0] - 1,
                "range": np.abs(step).mean(axis=1),
            }[kind]
        if early == "skip":
            made[:, :back] = 0
        elif early == "valid":
            made = made[:, back:]
        made = made * (100 if scaled else 1)
        return {"value": made if layout == "rows" else made.T}

    d.check(reference, 2e-3)
