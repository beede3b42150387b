"""Crossings of a level."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.signal import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {"x": "signal|samples|audio", "n": "i|t|m"}


@DOMAIN.algorithm(
    source="Kedem 1986",
    names=_NAMES
    | {
        "crossings": "count|n_cross",
        "crossed": "mask|is_crossing",
        "first_sample": "first_index|first_at",
        "times": "instants|t_cross",
        "level": "threshold|trigger",
    },
    double=True,
    adjoint="no",
    element="signal",
)
def level_crossings(d: Draft) -> None:
    """Detects level crossings of signals."""
    direction = d.option("direction", "any", "rising", "falling")
    result = d.option("result", "rate", "mask", "times", "first", "atomic")
    level = d.option("level", "zero", "given", "hysteresis")
    layout = d.option("layout", "rows", "columns")
    if level == "hysteresis" and result in ("mask", "times", "atomic"):
        level = "given"
    rows, size = d.pick(24, 32, 48), d.pick(32, 48, 64)
    said = {"any": "cross", "rising": "rise through", "falling": "fall through"}[direction]
    line = "zero" if level == "zero" else "a level" if level == "given" else "a level, with hysteresis"
    d.says({
        "rate": f"Counts the number of times signals {said} {line}.",
        "mask": f"Marks samples right after signals {said} {line}.",
        "times": f"Finds subsample times when signals {said} {line} using linear interpolation.",
        "first": f"Finds the first sample index where signals {said} {line}, or -1.",
        "atomic": f"Counts the total number of times all signals {said} {line}.",
    }[result])  # fmt: skip
    d.calls({
        "rate": "count_crossings|level_crossings|crossings_per_signal",
        "mask": "mark_crossings|crossing_mask|flag_crossings",
        "times": "crossing_times|locate_crossings|find_crossings",
        "first": "first_crossing|find_first_crossing",
        "atomic": "total_crossings|count_all_crossings|sum_crossings",
    }[result])  # fmt: skip
    shape = (rows, size) if layout == "rows" else (size, rows)
    d.input("x", "float", shape, -1.0, 1.0, about="Input signal")
    if level != "zero":
        d.param("level", "float", -0.2, 0.2, about="Crossing level")
    if level == "hysteresis":
        d.param("band", "float", 0.1, 0.3, about="Hysteresis half-width")
    single = result in ("rate", "first")
    name, about = {
        "times": ("times", "Crossing times in samples, -1 if there is no crossing"),
        "first": ("first_sample", "Sample index after the first crossing, or -1"),
        "mask": ("crossed", "Crossing mask, 1 at the sample after a crossing"),
    }.get(result, ("crossings", "Number of crossings"))
    out = (1,) if result == "atomic" else (rows,) if single else shape
    d.output(name, "float" if result == "times" else "int", out, about=about)
    number = f"size = x.shape[{1 if layout == 'rows' else 0}]"
    at = "x[row, {}]" if layout == "rows" else "x[{}, row]"
    to = "[row, n]" if layout == "rows" else "[n, row]"
    line = "0.0" if level == "zero" else "level"
    past = "before" if level == "zero" else "(before - level)"
    crossed = {
        "any": f"(before < {line}) != (now < {line})",
        "rising": f"before < {line} and now >= {line}",
        "falling": f"before >= {line} and now < {line}",
    }[direction]
    if not single:
        action = {
            "mask": f"crossed{to} = 1 if {crossed} else 0",
            "times": f"""
            if {crossed}:
                # linear interpolation between the two samples
                part = {past} / (before - now)
                times{to} = float(n - 1) + part
            else:
                times{to} = -1.0
            """,
            "atomic": f"if {crossed}:\n    wp.atomic_add(crossings, 0, 1)",
        }[result]
        d.launch(rows, size)
        d.code(
            f"""
            row, n = wp.tid()
            # Skip the first sample, which has no predecessor
            if n == 0:
                $start
                return
            before = {at.format("n - 1")}
            now = {at.format("n")}
            $action
            """,
            action=action,
            start={"times": f"times{to} = -1.0", "mask": f"crossed{to} = 0"}.get(result, ""),
        )
    elif level == "hysteresis":
        act = "hits += 1" if result == "rate" else f"{name}[row] = n\nreturn"
        up = down = act
        if result == "rate" or direction == "falling":
            up = "above = True" + (f"\n{act}" if direction != "falling" else "")
        if result == "rate" or direction == "rising":
            down = "above = False" + (f"\n{act}" if direction != "rising" else "")
        d.launch(rows)
        d.code(
            f"""
            row = wp.tid()
            {number}
            $hits
            # hysteresis: only switch state outside the band
            above = bool({at.format("0")} >= level)
            for n in range(1, size):
                now = {at.format("n")}
                if above:
                    if now < level - band:
                        $down
                elif now > level + band:
                    $up
            $end
            """,
            hits="hits = int(0)" if result == "rate" else "",
            up=up,
            down=down,
            end=f"{name}[row] = hits" if result == "rate" else f"{name}[row] = -1",
        )
    else:
        act = "hits += 1" if result == "rate" else f"{name}[row] = n\nreturn"
        d.launch(rows)
        d.code(
            f"""
            row = wp.tid()
            {number}
            $hits
            for n in range(1, size):
                before = {at.format("n - 1")}
                now = {at.format("n")}
                if {crossed}:
                    $act
            $end
            """,
            hits="hits = int(0)" if result == "rate" else "",
            act=act,
            end=f"{name}[row] = hits" if result == "rate" else f"{name}[row] = -1",
        )

    def reference(v: Values) -> dict[str, Any]:
        x = (v.x if layout == "rows" else v.x.T) - v.get("level", 0.0)
        if level == "hysteresis":
            above = [x[:, 0] >= 0]
            for later in x.T[1:]:
                above.append(np.where(above[-1], later >= -v.band, later > v.band))
            high = np.stack(above, axis=1)
        else:
            high = x >= 0
        rise, fall = ~high[:, :-1] & high[:, 1:], high[:, :-1] & ~high[:, 1:]
        hit = {"any": rise | fall, "rising": rise, "falling": fall}[direction]
        hit = np.concatenate([np.zeros((rows, 1), bool), hit], axis=1)
        if result == "times":
            before = np.concatenate([x[:, :1], x[:, :-1]], axis=1)
            left = np.arange(size) - 1
            with np.errstate(all="ignore"):
                made = np.where(hit, left + before / (before - x), -1.0)
            made[:, 0] = -1.0
            return {"times": made if layout == "rows" else made.T}
        if result == "first":
            return {"first_sample": np.where(hit.any(axis=1), hit.argmax(axis=1), -1)}
        if result == "rate":
            return {"crossings": hit.sum(axis=1)}
        if result == "atomic":
            return {"crossings": np.array([hit.sum()])}
        return {"crossed": hit.astype(int) if layout == "rows" else hit.T.astype(int)}

    d.check(reference, 1e-3)
