"""Statistics of the rows of a matrix: moments and extreme values."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.parallel import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "x": "data|src|samples|field",
    "s": "acc|local_sum|accum",
    "lane": "thread|t|lane_id",
    "block": "b|block_id|chunk_id",
    "row": "i|r|line",
    "best": "winner|best_index",
}


@DOMAIN.algorithm(
    source="Welford 1962; Chan, Golub & LeVeque 1983; Terriberry 2007 for higher moments",
    names=_NAMES
    | {
        "row_moments": "row_statistics|mean_variance",
        "mean": "mu|avg|m1",
        "m2": "sum_sq|sq_dev|M2",
        "delta": "dev|diff|d1",
        "n": "length|num_samples|size",
    },
    double=True,
    adjoint="no",
    weight=2,
)
def row_moments(d: Draft) -> None:
    """Computes the mean and variance per row in one pass."""
    form = d.option("form", "welford", "two pass", "shifted", "tile", "chan")
    result = d.option("result", "both", "deviation", "skewness", "standardized")
    axis = d.option("axis", "rows", "columns")
    sample = d.option("divisor", "n", "n - 1")
    masked = d.flag("masked", 0.3)
    if form == "tile":
        axis, masked = "rows", False
        result = "both" if result == "skewness" else result
    d.calls({
        "both": "row_moments|row_statistics|mean_variance|mean_and_variance",
        "deviation": "row_deviations|standard_deviations|row_std",
        "skewness": "row_skewness|skewness_of_rows",
        "standardized": "standardize_rows|row_z_scores|normalize_rows",
    }[result])  # fmt: skip
    if result == "skewness":
        form = "welford" if form in ("welford", "shifted") else "two pass"
        sample = "n"
    if form in ("chan", "shifted"):
        masked = False
    m, n = d.pick(24, 32, 48), 16 if form == "tile" else d.pick(12, 18, 24)
    shape = (m, n) if axis == "rows" else (n, m)
    x = "x[row, k]" if axis == "rows" else "x[k, row]"
    d.input(
        "x",
        "float",
        shape,
        -1.0,
        3.0,
        about=f"one series per {axis[:-1]}" + (", of even length" if form == "chan" else ""),
    )
    if masked:
        d.param("lowest", "float", -0.7, -0.3, about="values below this are treated as missing")
    if result == "both":
        d.output("mean", "float", m, about=f"mean per {axis[:-1]}")
        d.output("variance", "float", m, about=f"variance per {axis[:-1]}")
    elif result == "standardized":
        d.param("eps", "float", 0.001, 0.01, about="epsilon added to the variance")
        d.output("z", "float", shape)
    else:
        d.output("deviation" if result == "deviation" else "skew", "float", m)
    count = f"x.shape[{1 if axis == 'rows' else 0}]"
    size = "float(n)"
    skip = ""
    if masked:
        skip = f"if {x} < lowest:\n    continue"
        size = "num"
    minus = size
    if sample == "n - 1":
        minus = "(num - 1.0)" if masked else "float(n - 1)"
    third = result == "skewness"
    if form == "welford":
        counted = "num += 1.0" if masked else "num = float(k + 1)"
        body = f"""
        mu = float(0.0)
        m2 = float(0.0)
        {"m3 = float(0.0)" if third else "$nothing"}
        {"num = float(0.0)" if masked else "$nothing"}
        for k in range(n):
            $skip
            {counted}
            delta = {x} - mu
            {"step = delta / num" if third else "$nothing"}
            $third
            mu += {"step" if third else "delta / num"}
            # Welford: deviation from the old mean times deviation from the new mean
            m2 += delta * ({x} - mu)
        """
        moment = """
        # Update m3 first because it needs the old `m2`
        m3 += delta * step * step * (num - 1.0) * (num - 2.0) - 3.0 * step * m2
        """
        variance = f"m2 / {minus}"
    elif form == "two pass":
        body = f"""
        mu = float(0.0)
        {"num = float(0.0)" if masked else "$nothing"}
        for k in range(n):
            $skip
            mu += {x}
            {"num += 1.0" if masked else "$nothing"}
        mu = mu / {size}
        m2 = float(0.0)
        {"m3 = float(0.0)" if third else "$nothing"}
        for k in range(n):
            $skip
            delta = {x} - mu
            m2 += delta * delta
            $third
        """
        moment = "m3 += delta * delta * delta"
        variance = f"m2 / {minus}"
        d.says("Computes the mean and variance per row using two passes.")
    elif form == "shifted":
        body = f"""
        # Shift by the first value to reduce cancellation
        origin = {x.replace("k", "0")}
        s1 = float(0.0)
        s2 = float(0.0)
        for k in range(n):
            delta = {x} - origin
            s1 += delta
            s2 += delta * delta
        mu = origin + s1 / {size}
        m2 = s2 - s1 * s1 / {size}
        """
        moment = ""
        variance = f"m2 / {minus}"
    elif form == "chan":
        body = f"""
        half = n // 2
        mu = float(0.0)
        mu_b = float(0.0)
        for k in range(half):
            mu += {x}
            mu_b += {x.replace("k", "k + half")}
        na = float(half)
        mu = mu / na
        mu_b = mu_b / na
        m2 = float(0.0)
        for k in range(half):
            da = {x} - mu
            db = {x.replace("k", "k + half")} - mu_b
            m2 += da * da + db * db
        # Merge both halves (Chan et al.): add n_a n_b / n times the squared difference of means
        delta = mu_b - mu
        m2 += delta * delta * na * 0.5
        {"$nothing" if result == "deviation" else "mu = 0.5 * (mu + mu_b)"}
        """
        moment = ""
        variance = f"m2 / {minus}"
        d.says("Computes the mean and variance per row by merging the statistics of both halves.")
    else:
        d.module("COLS = wp.constant(16)")
        body = """
        t = wp.tile_load(x, shape=(1, COLS), offset=(row, 0))
        s = wp.tile_sum(t)
        mu = s[0] / float(COLS)
        dev = t - mu * wp.tile_ones(shape=(1, COLS), dtype=float)
        ss = wp.tile_sum(dev * dev)
        """
        moment, size = "", "float(COLS)"
        minus = "float(COLS - 1)" if sample == "n - 1" else size
        variance = f"ss[0] / {minus}"
        d.says("Computes the mean and variance per row using tiles.")
    missing = ""
    if result == "both":
        store = f"mean[row] = mu\nvariance[row] = {variance}"
    elif result == "deviation":
        store = f"deviation[row] = wp.sqrt({variance})"
        d.says("Computes the standard deviation per row.")
    elif third:
        store = f"sigma = wp.sqrt(m2 / {size})\nskew[row] = m3 / ({size} * sigma * sigma * sigma)"
        d.says("Computes the per-row skewness.")
    else:
        z = x.replace("x[", "z[")
        store = f"scale = 1.0 / wp.sqrt({variance} + eps)\n"
        missing = f"if {x} < lowest:\n    # Replace missing values with the mean\n    {z} = 0.0\n    continue"
        store += f"for k in range(n):\n    $missing\n    {z} = ({x} - mu) * scale"
        if form == "tile":
            store = f"wp.tile_store(z, dev * (1.0 / wp.sqrt({variance} + eps)), offset=(row, 0))"
        d.says("Standardizes each row to zero mean and unit variance.")
    if masked:
        d.sentence = (d.sentence or "Computes the mean and variance per row in one pass.").replace(
            ".", ", ignoring missing values below a threshold."
        )
    if sample == "n - 1" and result in ("both", "deviation"):
        d.sentence = (d.sentence or "Computes the mean and variance per row in one pass.").replace(
            "variance" if result == "both" else "standard",
            "sample variance" if result == "both" else "sample standard",
        )
    if axis == "columns":
        d.sentence = (d.sentence or "Computes the mean and variance per row in one pass.").replace(
            "row", "column"
        )
        d.name = d.name.replace("row", "column")
    d.launch(m, **({"tiled": True} if form == "tile" else {}))
    d.code(
        "row = wp.tid()\n$length\n$body\n$store",
        length="" if form == "tile" else f"n = {count}",
        body=body,
        skip=skip,
        missing=missing if masked else "",
        nothing="",
        third=moment if third else "",
        store=store,
    )
    if axis == "columns":
        d.text = re.sub(r"\brow\b", "col", d.text)

    def reference(v: Values) -> dict[str, Any]:
        x = v.x if axis == "rows" else v.x.T
        live = x >= v.lowest if masked else np.ones(x.shape, bool)
        number = live.sum(axis=1)
        mu = np.where(live, x, 0.0).sum(axis=1) / number
        dev = np.where(live, x - mu[:, None], 0.0)
        var = (dev**2).sum(axis=1) / (number - (sample == "n - 1"))
        z = dev / np.sqrt(var + v.get("eps", 0.0))[:, None]
        made = {
            "mean": mu,
            "variance": var,
            "deviation": np.sqrt(var),
            "skew": (dev**3).sum(axis=1) / number / var**1.5,
            "z": z if axis == "rows" else z.T,
        }
        return {p.name: made[p.name] for p in d.parameters if p.name in made}

    d.check(reference, 1e-3)


@DOMAIN.algorithm(
    source="Merrill 2015, CUB BlockReduce; wp.tile_argmin",
    names=_NAMES
    | {
        "row_extremum": "argmin_rows|row_argmin",
        "cost": "energy|scores|objective",
        "value": "extrema|best_value|best_cost",
        "col": "j|candidate|k",
    },
    adjoint="no",
)
def row_extremum(d: Draft) -> None:
    """Finds the index of the smallest element in each row."""
    form = d.option("form", "scan", "tile", "cooperative", "packed")
    sign = d.option("sign", "min", "max")
    d.calls(
        f"row_{sign}|{sign}_of_rows|reduce_rows_{sign}"
        if form == "cooperative"
        else f"row_arg{sign}|arg{sign}_rows|find_row_arg{sign}"
    )
    keep = d.flag("keep")
    valid = d.option("valid", "all", "mask", "counts", "threshold")
    layout = d.option("layout", "rows", "columns")
    tile = form in ("tile", "packed")
    if tile:
        valid, layout = "all", "rows"
    if form == "cooperative":
        valid = "all" if valid == "threshold" else valid
    layout_other = "column" if layout == "rows" else "row"
    m, n = d.pick(24, 32, 48), 32 if tile else d.pick(12, 20, 28)
    at = "cost[row, col]" if layout == "rows" else "cost[col, row]"
    d.input("cost", "float", (m, n) if layout == "rows" else (n, m), -1.0, 1.0, about="objective values")
    if valid == "mask":
        d.mask(
            "active",
            "bool",
            (m, n) if layout == "rows" else (n, m),
            about="mask, True for entries to include",
        )
    elif valid == "counts":
        d.input("counts", "int", m, 0, n + 1, about=f"number of valid entries per {layout[:-1]}")
    elif valid == "threshold":
        d.param("cutoff", "float", -0.1, 0.1, about="cutoff, only entries beyond it are considered")
    keep = keep or form == "cooperative"
    worst = "1.0e30" if sign == "min" else "-1.0e30"
    if form != "cooperative":
        d.output(
            "best", "int", m, about=f"{layout_other} of the extremum{', -1 for none' * (valid != 'all')}"
        )
    if keep:
        d.output(
            "value",
            "float",
            m,
            about=f"extremum per {layout[:-1]}"
            + (f", {worst if form == 'cooperative' else 0} if there are none" if valid != "all" else ""),
        )
    less = "<" if sign == "min" else ">"
    count = "counts[row]" if valid == "counts" else f"cost.shape[{1 if layout == 'rows' else 0}]"
    skip = f"if not {at.replace('cost', 'active')}:\n    continue" if valid == "mask" else ""
    if form == "scan":
        start = "cutoff" if valid == "threshold" else f"float({worst})"
        empty = "" if valid == "all" or not keep else "if best_col < 0:\n    value[row] = 0.0\n    return"
        d.launch(m)
        d.code(
            f"""
            row = wp.tid()
            best_col = int(-1)
            extreme = {start}
            for col in range({count}):
                $skip
                c = {at}
                if c {less} extreme:
                    extreme = c
                    best_col = col
            best[row] = best_col
            $empty
            $keep
            """,
            skip=skip,
            empty=empty,
            keep="value[row] = extreme" if keep else "",
        )
    elif tile:
        d.module("COLS = wp.constant(32)")
        d.launch(m, tiled=True)
        lines = f"where_best = wp.tile_arg{sign}(t)\nbest[row] = where_best[0]"
        if keep:
            more = f"extreme = wp.tile_{sign}(t)\nvalue[row] = extreme[0]"
            lines += "\n" + ("value[row] = t[where_best[0]]" if form == "packed" else more)
        d.code(
            """
            row = wp.tid()
            t = wp.tile_load(cost[row], shape=COLS)
            $lines
            """,
            lines=lines,
        )
    else:
        d.launch(m, tiled=True)
        d.code(
            f"""
            row, lane = wp.tid()
            extreme = float({worst})
            for col in range(lane, {count}, wp.block_dim()):
                $skip
                extreme = wp.{sign}(extreme, {at})
            t = wp.tile_{sign}(wp.tile(extreme))
            # All threads read the tile, one stores
            whole = t[0]
            if lane == 0:
                value[row] = whole
            """,
            skip=skip,
        )
    extremum = "smallest" if sign == "min" else "largest"
    among = {
        "all": "",
        "mask": " among active entries",
        "counts": " among the valid entries",
        "threshold": f" {'below' if sign == 'min' else 'above'} a cutoff",
    }[valid]
    if form == "cooperative":
        d.says(f"Finds the {extremum} element in each row{among}, one block per row.")
    else:
        also = " and value" if keep else ""
        d.says(f"Finds the index{also} of the {extremum} element in each row{among}.")
    if layout == "columns":
        d.sentence = d.sentence.replace("row", "column")
        d.name = d.name.replace("rows", "columns").replace("row", "column")
        d.text = re.sub(r"\b(row|col)\b", lambda found: "col" if found[1] == "row" else "row", d.text)
        d.text = d.text.replace("best_col", "best_row")

    def reference(v: Values) -> dict[str, Any]:
        cost = v.cost if layout == "rows" else v.cost.T
        sense = 1.0 if sign == "min" else -1.0
        c = sense * cost
        if valid == "mask":
            c = np.where(v.active if layout == "rows" else v.active.T, c, 1e30)
        elif valid == "counts":
            c = np.where(np.arange(n) < v.counts[:, None], c, 1e30)
        elif valid == "threshold":
            c = np.where(c < sense * v.cutoff, c, 1e30)
        at, value = c.argmin(axis=1), c.min(axis=1)
        none = value >= 1e29
        empty = 0.0 if form == "scan" else sense * 1e30
        made = {"best": np.where(none, -1, at), "value": np.where(none, empty, sense * value)}
        return {p.name: made[p.name] for p in d.parameters if p.name in made}

    d.check(reference)
