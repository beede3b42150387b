"""Readings rounded, cleaned, weighed by thresholds and looked up in tables; angles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.scalars import DOMAIN
from warpgen.synthesis.algorithms.scalars._forms import Form
from warpgen.synthesis.writing.draft import Draft, Values

_Formulas = dict[str, Callable[[], Any]]


@DOMAIN.algorithm(
    source="IEEE 754-2019, sec. 4.3; Knuth 1997, sec. 1.2.4",
    names={
        "rounded_values": "snap_values|round_kernel|quantise_values",
        "x": "values|readings|raw",
        "y": "snapped|rounded|out",
        "step": "grid|resolution|tick",
        "cells": "units|scaled|q",
    },
    adjoint="no",
    weight=2,
)
def rounded_values(d: Draft) -> None:
    """Rounds values to multiples of a step."""
    kind = d.option("kind", "even", "away", "down", "up", "towards zero", "part", "wrapped", "centred")
    given = d.option("step", "given", "per element", "one")
    form = Form(d)
    counted = d.flag("counted", 0.3) and kind not in ("part", "wrapped", "centred")
    d.says({
        "even": "Rounds values to the nearest multiple of a step, halves to the even one.",
        "away": "Rounds values to the nearest multiple of a step, halves away from zero.",
        "down": "Rounds values down to multiples of a step.",
        "up": "Rounds values up to multiples of a step.",
        "towards zero": "Rounds values towards zero to multiples of a step.",
        "part": "Gives the part of each value that is left behind its last whole step.",
        "wrapped": "Wraps phases into one period from zero.",
        "centred": "Wraps phases into one period about zero.",
    }[kind].replace("a step", "one" if given == "one" else "a step")
      .replace("Rounds", "Counts steps, rounding" if counted else "Rounds"))  # fmt: skip
    form.element("value", "x", -20.0, 20.0)
    if given == "given":
        form.number("step", 0.3, 1.7)
    elif given == "per element":
        form.element("step", "steps", 0.3, 1.7)
    form.output("y", "int" if counted else "float")
    scaled = "value" if given == "one" else "value / step"
    back = "" if given == "one" else "step * "
    lines, whole = {
        "even": (f"cells = {scaled}", "wp.rint(cells)"),
        "away": (f"cells = {scaled}", "wp.round(cells)"),
        "down": (f"cells = {scaled}", "wp.floor(cells)"),
        "up": (f"cells = {scaled}", "wp.ceil(cells)"),
        "towards zero": (f"cells = {scaled}", "wp.trunc(cells)"),
        "part": (f"cells = {scaled}", "wp.frac(cells)"),
        "wrapped": (f"cells = {scaled}", "(cells - wp.floor(cells))"),
        "centred": (f"cells = {scaled}", "(cells - wp.round(cells))"),
    }[kind]
    bare = whole[1:-1] if whole[0] == "(" and not back else whole
    form.write("snap", lines, f"int({whole})" if counted else back + bare)

    def agree(before: Values, after: Values) -> None:
        h = {"given": before.get("step"), "per element": before.get("steps"), "one": 1.0}[given]
        q = before.x / h
        formulas: _Formulas = {
            "even": lambda: np.rint(q),
            "away": lambda: np.sign(q) * np.floor(np.abs(q) + 0.5),
            "down": lambda: np.floor(q),
            "up": lambda: np.ceil(q),
            "towards zero": lambda: np.trunc(q),
            "part": lambda: q - np.trunc(q),
            "wrapped": lambda: q % 1.0,
            "centred": lambda: q - np.rint(q),
        }
        expected = formulas[kind]() * (1.0 if counted else h)
        # where the quotient falls on an edge the last bit decides
        assert (np.abs(after.y - expected) > 1e-4).mean() < 0.02

    d.holds(agree)


@DOMAIN.algorithm(
    source="Huber 1981, ch. 1; IEEE 754-2019, sec. 6",
    names={
        "cleaned_readings": "sanitise|repair_samples|replace_invalid",
        "signal": "raw|counts_in|numerator",
        "dark": "reference|baseline|denominator",
        "clean": "out|repaired|valid_values",
        "bad": "invalid|num_bad|rejected",
        "ratio": "reading|quotient|sample",
        "fallback": "default_value|fill_value|background",
        "limit": "cap|saturation|upper",
    },
    adjoint="either",
    weight=2,
)
def cleaned_readings(d: Draft) -> None:
    """Divides readings by references of which some are zero, and replaces what is no number."""
    test = d.option("test", "finite", "nan or inf", "nan then inf", "before")
    source = d.option("source", "ratio", "log", "root")
    instead = d.option("instead", "fallback", "neighbour", "zero")
    counted = d.option("counted", "no", "global", "flags")
    d.says({
        "ratio": "Divides readings by references of which some are zero, and replaces what is no number.",
        "log": "Takes logarithms of readings of which some are not positive, and replaces what is no number.",
        "root": "Takes roots of readings of which some are negative, and replaces what is no number.",
    }[source])  # fmt: skip
    n = d.pick(96, 128, 192)
    d.input("signal", "int", n, -3, 9)
    if source == "ratio":
        d.input("dark", "int", n, 0, 4)
    if instead == "fallback":
        d.param("fallback", "float", -2.0, -1.0)
    if test == "nan then inf":
        d.param("limit", "float", 20.0, 30.0)
    d.output("clean", "float", n)
    if counted == "global":
        d.output("bad", "int", 1)
    elif counted == "flags":
        d.output("bad", "int", n)
    make = {
        "ratio": "float(signal[tid]) / float(dark[tid])",
        "log": "wp.log(float(signal[tid]))",
        "root": "wp.sqrt(float(signal[tid]))",
    }[source]
    fine = {
        "ratio": "wp.nonzero(float(dark[tid])) != 0.0",
        "log": "signal[tid] > 0",
        "root": "signal[tid] >= 0",
    }[source]
    replacement = {"fallback": "fallback", "zero": "0.0", "neighbour": "clean_before"}[instead]
    before = ""
    if instead == "neighbour":
        # the sample to the left, where that one is good itself
        d.function("""
            @wp.func
            def previous(signal: wp.array(dtype=int), tid: int):
                if tid == 0:
                    return 0.0
                return float(signal[tid - 1])
        """)
        before, replacement = "clean_before = previous(signal, tid)", "clean_before"
    mark = {"no": "", "global": "wp.atomic_add(bad, 0, 1)", "flags": "bad[tid] = 1"}[counted]
    otherwise = f"else:\n    clean[tid] = {replacement}\n    $mark"
    body = {
        "finite": f"ratio = {make}\nif wp.isfinite(ratio):\n    clean[tid] = ratio\n{otherwise}",
        "nan or inf": f"""
ratio = {make}
if wp.isnan(ratio) or wp.isinf(ratio):
    clean[tid] = {replacement}
    $mark
    return
clean[tid] = ratio""".lstrip(),
        "nan then inf": f"""
ratio = {make}
if wp.isnan(ratio):
    clean[tid] = {replacement}
    $mark
elif wp.isinf(ratio):
    # an overflow still tells its sign
    clean[tid] = wp.copysign(limit, ratio)
    $mark
else:
    clean[tid] = ratio""".lstrip(),
        "before": f"if {fine}:\n    clean[tid] = {make}\n{otherwise}",
    }[test]
    d.launch(n)
    d.code("tid = wp.tid()\n$before\n$body", before=before, body=body, mark=mark)

    def reference(v: Values) -> Mapping[str, Any]:
        s = v.signal.astype(float)
        with np.errstate(all="ignore"):
            formulas: _Formulas = {
                "ratio": lambda: s / v.dark,
                "log": lambda: np.log(s),
                "root": lambda: np.sqrt(s),
            }
            x = formulas[source]()
        other = {"fallback": v.get("fallback"), "zero": 0.0, "neighbour": np.r_[0.0, s[:-1]]}[instead]
        good = np.isfinite(x)
        clean = np.where(good, x, other)
        if test == "nan then inf":
            clean = np.where(np.isinf(x), np.sign(x) * v.limit, clean)
        marks = {"no": {}, "global": {"bad": [(~good).sum()]}, "flags": {"bad": (~good).astype(int)}}[counted]
        return {"clean": clean} | marks

    d.check(reference)


@DOMAIN.algorithm(
    source="Perlin 1985; Ebert et al. 2003, ch. 2",
    names={
        "thresholds": "gate_values|ramp_weights|soft_threshold",
        "x": "values|distance|intensity",
        "w": "weights|mask|out",
        "edge": "threshold|cutoff|level",
        "width": "softness|band|falloff",
    },
    double=True,
    adjoint="either",
    weight=2,
)
def thresholds(d: Draft) -> None:
    """Weighs values by where they lie about a threshold."""
    kind = d.option(
        "kind", "hard", "smooth", "linear", "window", "shrink", "dead zone", "signed power", "mix"
    )
    form = Form(d)
    edges = d.option("edge", "given", "per element")
    inverted = d.flag("inverted", 0.3) and kind in ("hard", "smooth", "linear", "window")
    d.says({
        "hard": "Gives one where a value has reached its threshold and zero below.",
        "smooth": "Gives weights that rise smoothly from zero to one across a threshold.",
        "linear": "Gives weights that rise in a line from zero to one across a threshold.",
        "window": "Gives weights that are one about a threshold and fall off smoothly to both sides.",
        "shrink": "Shrinks values towards zero by a threshold, as the lasso does.",
        "dead zone": "Takes no notice of values that are smaller than a threshold.",
        "signed power": "Raises values to a power and keeps their signs.",
        "mix": "Mixes two levels by how far a value is across a threshold.",
    }[kind])  # fmt: skip
    form.element("value", "x", -2.0, 2.0)
    if edges == "given":
        form.number("edge", 0.3, 0.8)
    else:
        form.element("edge", "edges", 0.3, 0.8)
    if kind in ("smooth", "linear", "window", "mix"):
        form.number("width", 0.3, 0.9)
    form.output("w")
    lines, value = {
        # Warp's step is one for negative arguments
        "hard": ("# wp.step is one where its argument is negative", "1.0 - wp.step(value - edge)"),
        "smooth": ("", "wp.smoothstep(edge, edge + width, value)"),
        "linear": ("", "wp.clamp((value - edge) / width, 0.0, 1.0)"),
        "window": ("away = wp.abs(value - edge)", "1.0 - wp.smoothstep(0.5 * width, width, away)"),
        "shrink": ("", "wp.sign(value) * wp.max(wp.abs(value) - edge, 0.0)"),
        "dead zone": ("", "wp.where(wp.abs(value) < edge, 0.0, value)"),
        "signed power": ("", "wp.copysign(wp.pow(wp.abs(value), edge), value)"),
        "mix": ("across = wp.smoothstep(edge, edge + width, value)", "wp.lerp(-1.0, 1.0, across)"),
    }[kind]
    if inverted:
        value = value.removeprefix("1.0 - ") if value.startswith("1.0 - ") else f"1.0 - {value}"
    form.write("weight_of", lines, value)

    def reference(v: Values) -> Mapping[str, Any]:
        x, e = v.x, v.edge if edges == "given" else v.edges
        width = v.get("width", 1.0)

        def smooth(t: Any) -> Any:
            t = np.clip(t, 0.0, 1.0)
            return t * t * (3 - 2 * t)

        formulas: _Formulas = {
            "hard": lambda: (x >= e).astype(float),
            "smooth": lambda: smooth((x - e) / width),
            "linear": lambda: np.clip((x - e) / width, 0, 1),
            "window": lambda: 1 - smooth((np.abs(x - e) / width - 0.5) * 2),
            "shrink": lambda: np.where(x > e, x - e, np.where(x < -e, x + e, 0.0)),
            "dead zone": lambda: x * (np.abs(x) >= e),
            "signed power": lambda: np.sign(x) * np.abs(x) ** e,
            "mix": lambda: 2 * smooth((x - e) / width) - 1,
        }
        w = formulas[kind]()
        return {"w": 1 - w if inverted else w}

    d.check(reference, 1e-3)


@DOMAIN.algorithm(
    source="Knuth 1998, sec. 6.2.1; Press et al. 2007, sec. 3.1",
    names={
        "table_lookup": "interpolate_table|lookup_sorted|bracket_values",
        "knots": "breakpoints|grid|table_x",
        "heights": "table_y|table|curve",
        "x": "queries|arguments|samples",
        "y": "interpolated|out|found",
        "k": "slot|upper|idx",
    },
    adjoint="either",
    weight=2,
)
def table_lookup(d: Draft) -> None:
    """Looks values up in a sorted table."""
    kind = d.option("kind", "linear", "nearest", "step", "rank", "count between", "logarithmic")
    tables = d.option("tables", "one", "per row")
    spelled = d.option("search", "whole", "range") if tables == "one" else "range"
    outside = d.option("outside", "clamped", "extended", "zero")
    if kind not in ("linear", "logarithmic"):
        outside = "clamped"
    d.says({
        "linear": "Interpolates in a table whose arguments stand in ascending order.",
        "nearest": "Finds the nearest entry of a sorted table for each value.",
        "step": "Reads a table that stays at each height until the next argument.",
        "rank": "Tells how many entries of a sorted table lie below each value.",
        "count between": "Counts the entries of a sorted table that lie within a distance of each value.",
        "logarithmic": "Interpolates a table in the logarithm of its heights.",
    }[kind])  # fmt: skip
    n, size, rows = d.pick(64, 96, 128), d.pick(12, 16, 24), d.pick(3, 4)
    many = tables == "per row"
    integer = kind in ("rank", "count between")
    d.input("knots", "float", size * rows if many else size, 0.0, 10.0, kind="ascending")
    if kind in ("linear", "logarithmic", "step"):
        d.input("heights", "float", size * rows if many else size, 0.5, 4.0)
    d.input("x", "float", n, 0.0 if outside == "clamped" else -1.0, 10.0)
    if many:
        d.input("table", "int", n, 0, rows)
    if kind == "count between":
        d.param("reach", "float", 0.5, 2.0)
    d.output("y", "int" if integer else "float", n)
    head = f"first = table[tid] * {size}\nlast = first + {size}" if many else ""
    first, last = ("first", "last") if many else ("0", str(size))
    bounds = f"{first}, {last}, " if spelled == "range" else ""

    def search(value: str) -> str:
        return f"wp.lower_bound(knots, {bounds}{value})"

    def below(value: str) -> str:
        return f"entries_below(knots, {bounds}{value})"

    if kind in ("step", "rank", "count between"):
        heads, given = ("first: int, last: int, ", "first, last, ") if bounds else ("", "")
        d.function(f"""
            @wp.func
            def entries_below(knots: wp.array(dtype=float), {heads}value: float):
                k = wp.lower_bound(knots, {given}value)
                # the search gives the last entry at most, even where that is less than the value, too
                if knots[k] < value:
                    return k + 1
                return k
        """)
    base = f" - {first}" if many else ""
    least, most = ("first + 1", "last - 1") if many else ("1", str(size - 1))
    inner = (
        "# the interval that holds the value, or the one at the end\n"
        f"k = wp.clamp({search('value')}, {least}, {most})"
    )
    clamp = "t = wp.clamp(t, 0.0, 1.0)" if outside == "clamped" else ""
    zero = "if t < 0.0 or t > 1.0:\n    y[tid] = 0.0\n    return" if outside == "zero" else ""
    logarithmic = kind == "logarithmic"
    ends = (
        ("wp.log(heights[k - 1])", "wp.log(heights[k])") if logarithmic else ("heights[k - 1]", "heights[k]")
    )
    blend = f"wp.lerp({ends[0]}, {ends[1]}, t)"
    blend = f"wp.exp({blend})" if logarithmic else blend
    linear = (
        f"{inner}\nt = (value - knots[k - 1]) / (knots[k] - knots[k - 1])\n$clamp\n$zero\ny[tid] = {blend}"
    )
    body = {
        "linear": linear,
        "logarithmic": linear,
        "nearest": f"{inner}\nbelow = value - knots[k - 1]\nabove = knots[k] - value\n"
        "y[tid] = wp.where(below < above, knots[k - 1], knots[k])",
        "step": f"k = wp.max({below('value')} - 1, {first})\ny[tid] = heights[k]",
        "rank": f"y[tid] = {below('value')}{base}",
        "count between": f"y[tid] = {below('value + reach')} - {below('value - reach')}",
    }[kind]
    d.launch(n)
    d.code("tid = wp.tid()\nvalue = x[tid]\n$head\n$body", head=head, body=body, clamp=clamp, zero=zero)
    d.explain("`wp.lower_bound` gives the first entry that is not less than the value, by bisection.")

    # The fill sorts the whole array, so that the tables of several rows follow each other in height.
    def reference(v: Values) -> Mapping[str, Any]:
        row = v.table if many else np.zeros(n, int)
        knots = v.knots.reshape(-1, size)[row]
        value = v.x[:, None]
        every = np.arange(n)
        k = np.clip((knots < value).sum(axis=1), 1, size - 1)
        a, b = knots[every, k - 1], knots[every, k]
        t = (v.x - a) / (b - a)
        bounded = np.clip(t, 0, 1) if outside == "clamped" else t
        heights = v.heights.reshape(-1, size)[row] if "heights" in v else knots
        p, q = heights[every, k - 1], heights[every, k]
        inside = ((t >= 0) & (t <= 1)) if outside == "zero" else np.ones(n, bool)
        formulas: _Formulas = {
            "linear": lambda: inside * (p + bounded * (q - p)),
            "logarithmic": lambda: inside * np.exp(np.log(p) + bounded * (np.log(q) - np.log(p))),
            "nearest": lambda: np.where(v.x - a < b - v.x, a, b),
            "step": lambda: heights[every, np.maximum((knots < value).sum(axis=1) - 1, 0)],
            "rank": lambda: (knots < value).sum(axis=1),
            "count between": lambda: ((knots >= value - v.reach) & (knots < value + v.reach)).sum(axis=1),
        }
        return {"y": formulas[kind]()}

    d.check(reference, 2e-3)


@DOMAIN.algorithm(
    source="Sinnott 1984; Snyder 1987, Map projections, ch. 7, 20",
    names={
        "bearings": "map_angles|geo_kernel|convert_angles",
        "latitude": "lat|phi_deg|north",
        "longitude": "lon|lambda_deg|east",
        "out": "result|angle|projected",
        "phi": "lat_rad|p|theta",
        "lam": "lon_rad|l|delta",
    },
    double=True,
    adjoint="either",
    weight=2,
)
def bearings(d: Draft) -> None:
    """Works out angles and distances on a sphere from degrees."""
    kind = d.option("kind", "mercator", "back", "haversine", "bearing", "stereographic", "sun", "grade")
    form = Form(d)
    from_ = d.option("origin", "given", "zero")
    d.says({
        "mercator": "Projects latitudes onto Mercator's map.",
        "back": "Finds the latitudes of heights on Mercator's map.",
        "haversine": "Gives the angle between places and a station along the great circle.",
        "bearing": "Gives the bearing of places as seen from a station.",
        "stereographic": "Gives the distance from the centre of a stereographic map.",
        "sun": "Gives the height of the sun from latitude and hour angle.",
        "grade": "Turns slopes in per cent into degrees.",
    }[kind])  # fmt: skip
    two = kind in ("haversine", "bearing", "sun")
    form.element("north", "latitude", *((-1.0, 1.0) if kind == "back" else (5.0, 60.0)))
    if two:
        form.element("east", "longitude", 10.0, 60.0)
    station = two and from_ == "given"
    if station:
        form.number("station", -30.0, 4.0)
    form.output("out")
    phi = "phi = wp.radians(north)"
    lam = "lam = wp.radians(east)"
    base = "base = wp.radians(station)" if station else ""
    b = "base" if station else "0.0"
    lines, value = {
        "mercator": (phi, "wp.log(wp.tan(0.25 * wp.pi + 0.5 * phi))"),
        "back": ("", "wp.degrees(2.0 * wp.atan(wp.exp(north)) - 0.5 * wp.pi)"),
        "haversine": (
            f"{phi}\n{lam}\n{base}\n# the haversine keeps its digits where places are close\n"
            f"a = wp.sin(0.5 * (phi - {b}))\nc = wp.sin(0.5 * lam)\n"
            f"h = a * a + wp.cos(phi) * wp.cos({b}) * c * c",
            "wp.degrees(2.0 * wp.asin(wp.sqrt(h)))",
        ),
        "bearing": (
            f"{phi}\n{lam}\n{base}\neastward = wp.sin(lam) * wp.cos(phi)\n"
            f"northward = wp.cos({b}) * wp.sin(phi) - wp.sin({b}) * wp.cos(phi) * wp.cos(lam)",
            "wp.degrees(wp.atan2(eastward, northward))",
        ),
        "stereographic": ("colatitude = wp.radians(90.0 - north)", "wp.tan(0.5 * colatitude)"),
        "sun": (
            f"{phi}\n{lam}\n{base}\n"
            f"rise = wp.sin(phi) * wp.sin({b}) + wp.cos(phi) * wp.cos({b}) * wp.cos(lam)",
            "wp.degrees(wp.asin(rise))",
        ),
        "grade": ("", "wp.degrees(wp.atan(0.01 * north))"),
    }[kind]
    if not station:
        for long, short in ((" - 0.0)", ")"), (" * wp.cos(0.0)", ""), ("wp.cos(0.0) * ", ""),
                            (" - wp.sin(0.0) * wp.cos(phi) * wp.cos(lam)", ""),
                            ("wp.sin(phi) * wp.sin(0.0) + ", "")):  # fmt: skip
            lines = lines.replace(long, short)
    form.write("angle_of", "\n".join(filter(None, lines.split("\n"))), value)

    def reference(v: Values) -> Mapping[str, Any]:
        p = np.radians(v.latitude)
        east = np.radians(v.longitude) if two else p
        s = np.radians(v.station) if station else 0.0
        place = np.stack([np.cos(p) * np.cos(east), np.cos(p) * np.sin(east), np.sin(p)])
        up = np.array([np.cos(s), 0.0, np.sin(s)])
        pole = np.array([-np.sin(s), 0.0, np.cos(s)])
        along = np.tensordot(up, place, 1)
        formulas: _Formulas = {
            "mercator": lambda: np.arcsinh(np.tan(p)),
            "back": lambda: np.degrees(np.arctan(np.sinh(v.latitude))),
            "haversine": lambda: np.degrees(np.arccos(along)),
            "bearing": lambda: np.degrees(np.arctan2(place[1], np.tensordot(pole, place, 1))),
            "stereographic": lambda: np.cos(p) / (1 + np.sin(p)),
            "sun": lambda: np.degrees(np.arcsin(along)),
            "grade": lambda: np.degrees(np.arctan(v.latitude / 100)),
        }
        return {"out": formulas[kind]()}

    d.check(reference, 1e-3)
