"""Values looked up in tables, and directions as angles."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.scalars import DOMAIN
from warpgen.synthesis.algorithms.scalars.readings import Formulas
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.forms import Form


@DOMAIN.algorithm(
    source="Knuth 1998, sec. 6.2.1; Press et al. 2007, sec. 3.1",
    names={
        "knots": "breakpoints|grid|table_x",
        "heights": "table_y|table|curve",
        "x": "queries|arguments|samples",
        "y": "interpolated|out|found",
        "entries": "nearest|nearest_knots|found",
        "counts": "ranks|num_entries|entry_counts",
        "k": "slot|upper|idx",
    },
    adjoint="either",
    weight=6,
)
def table_lookup(d: Draft) -> None:
    """Looks up values in a sorted table."""
    kind = d.option("kind", "linear", "nearest", "step", "rank", "count between", "logarithmic")
    tables = d.option("tables", "one", "per row")
    spelled = d.option("search", "whole", "range") if tables == "one" else "range"
    outside = d.option("outside", "clamped", "extended", "zero")
    if kind not in ("linear", "logarithmic"):
        outside = "clamped"
    beyond = {
        "clamped": ", clamped to the end values",
        "extended": ", with extrapolation past the ends",
        "zero": ", zero outside the range",
    }[outside]
    d.says({
        "linear": f"Linearly interpolates a sorted table{beyond}.",
        "nearest": "Finds the nearest entry in a sorted table for each query.",
        "step": "Evaluates a piecewise-constant, left-continuous step table.",
        "rank": "Counts the sorted table entries below each value.",
        "count between": "Counts the sorted table entries in a half-open range around each value.",
        "logarithmic": f"Interpolates a table in log space{beyond}.",
    }[kind])  # fmt: skip
    d.calls({
        "linear": "interpolate_table|table_lookup|lookup_linear",
        "nearest": "lookup_nearest|nearest_entries|nearest_in_table",
        "step": "lookup_step|step_lookup|read_step_table",
        "rank": "count_below|rank_in_table|search_sorted",
        "count between": "count_within|count_near|entries_within",
        "logarithmic": "interpolate_log_table|log_interpolation|lookup_log",
    }[kind])  # fmt: skip
    n, size, rows = d.pick(64, 96, 128), d.pick(12, 16, 24), d.pick(3, 4)
    many = tables == "per row"
    integer = kind in ("rank", "count between")
    d.input(
        "knots",
        "float",
        (rows, size) if many else size,
        0.0,
        10.0,
        kind="ascending",
        about="breakpoints, ascending",
    )
    if kind in ("linear", "logarithmic", "step"):
        d.input(
            "heights", "float", (rows, size) if many else size, 0.5, 4.0, about="values at the breakpoints"
        )
    d.input("x", "float", n, 0.0 if outside == "clamped" else -1.0, 10.0, about="query points")
    if many:
        d.input("table", "int", n, 0, rows, about="table index per query")
    if kind == "count between":
        d.param("reach", "float", 0.5, 2.0, about="half-width of the counting range")
    made = "counts" if integer else "entries" if kind == "nearest" else "y"
    d.output(made, "int" if integer else "float", n)
    head = "row = table[tid]\nline = knots[row]" if many else ""
    line = "line" if many else "knots"
    first, last = "0", f"{line}.shape[0]"
    bounds = f"{first}, {last}, " if spelled == "range" else ""

    def search(value: str) -> str:
        return f"wp.lower_bound({line}, {bounds}{value})"

    def below(value: str) -> str:
        return f"entries_below({line}, {bounds}{value})"

    if kind in ("step", "rank", "count between"):
        heads, given = ("first: int, last: int, ", "first, last, ") if bounds else ("", "")
        d.function(f"""
            @wp.func
            def entries_below(knots: wp.array(dtype=float), {heads}value: float):
                k = wp.lower_bound(knots, {given}value)
                # the search returns at most the last index, even if that entry is also less than the value
                if knots[k] < value:
                    return k + 1
                return k
        """)
    inner = f"# Clamp out-of-range queries to the first or last interval\nk = wp.clamp({search('value')}, 1, {last} - 1)"
    clamp = "t = wp.clamp(t, 0.0, 1.0)" if outside == "clamped" else ""
    zero = "if t < 0.0 or t > 1.0:\n    y[tid] = 0.0\n    return" if outside == "zero" else ""
    logarithmic = kind == "logarithmic"
    row = "row, " if many else ""
    ends = (
        (f"wp.log(heights[{row}k - 1])", f"wp.log(heights[{row}k])")
        if logarithmic
        else (f"heights[{row}k - 1]", f"heights[{row}k]")
    )
    blend = f"wp.lerp({ends[0]}, {ends[1]}, t)"
    blend = f"wp.exp({blend})" if logarithmic else blend
    linear = (
        f"{inner}\nt = (value - {line}[k - 1]) / ({line}[k] - {line}[k - 1])\n$clamp\n$zero\ny[tid] = {blend}"
    )
    body = {
        "linear": linear,
        "logarithmic": linear,
        "nearest": f"{inner}\nbelow = value - {line}[k - 1]\nabove = {line}[k] - value\n"
        f"entries[tid] = wp.where(below < above, {line}[k - 1], {line}[k])",
        "step": f"k = wp.max({below('value')} - 1, 0)\ny[tid] = heights[{row}k]",
        "rank": f"counts[tid] = {below('value')}",
        "count between": f"counts[tid] = {below('value + reach')} - {below('value - reach')}",
    }[kind]
    d.launch(n)
    d.code("tid = wp.tid()\nvalue = x[tid]\n$head\n$body", head=head, body=body, clamp=clamp, zero=zero)
    d.explain(
        "`wp.lower_bound` returns the index of the first entry not less than the value, using binary search."
    )

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
        formulas: Formulas = {
            "linear": lambda: inside * (p + bounded * (q - p)),
            "logarithmic": lambda: inside * np.exp(np.log(p) + bounded * (np.log(q) - np.log(p))),
            "nearest": lambda: np.where(v.x - a < b - v.x, a, b),
            "step": lambda: heights[every, np.maximum((knots < value).sum(axis=1) - 1, 0)],
            "rank": lambda: (knots < value).sum(axis=1),
            "count between": lambda: ((knots >= value - v.reach) & (knots < value + v.reach)).sum(axis=1),
        }
        return {made: formulas[kind]()}

    d.check(reference, 2e-3)


@DOMAIN.algorithm(
    source="Sinnott 1984; Snyder 1987, Map projections, ch. 7, 20",
    names={
        "bearings": "map_angles|geo_kernel|convert_angles",
        "latitude": "lat|phi_deg|latitude_deg",
        "longitude": "lon|lambda_deg|longitude_deg",
        "station": "station_lat|lat0|base_lat",
        "mercator_y": "y_map|ordinate|map_y",
        "latitudes": "lat_out|found_lat|lat_deg_out",
        "arc": "separation|distance_deg|arc_deg",
        "azimuth": "bearing_deg|azimuth_deg|az",
        "map_radius": "radius|rho|r_map",
        "elevation": "altitude|elev_deg|sun_alt",
        "slope_deg": "inclination|angles|angle_deg",
        "phi": "lat_rad|p|theta",
        "lam": "lon_rad|dlon|lmb",
    },
    double=True,
    adjoint="either",
    weight=15,
)
def bearings(d: Draft) -> None:
    """Computes angles and distances on a sphere from coordinates in degrees."""
    kind = d.option("kind", "mercator", "back", "haversine", "bearing", "stereographic", "sun", "grade")
    form = Form(d)
    from_ = d.option("origin", "given", "zero")
    origin = "a station on the prime meridian" if from_ == "given" else "zero latitude and longitude"
    d.says({
        "mercator": "Projects latitudes using the Mercator projection.",
        "back": "Computes latitude from the Mercator y coordinate (inverse projection).",
        "haversine": f"Computes the great-circle angle between points and {origin}.",
        "bearing": f"Computes the bearing to each point from {origin}.",
        "stereographic": "Computes the distance from the pole in a stereographic projection of the unit sphere.",
        "sun": f"Computes the solar elevation from latitude and hour angle{'' if from_ == 'given' else ' at an equinox'}.",
        "grade": "Converts percent slope to degrees.",
    }[kind])  # fmt: skip
    two = kind in ("haversine", "bearing", "sun")
    d.calls({
        "mercator": "mercator_map|project_mercator", "back": "unproject_mercator|mercator_latitude",
        "haversine": "great_circle_to_station|arc_to_station", "bearing": "bearings_from_station|azimuth_from_station",
        "stereographic": "stereographic_radius|radius_on_map|polar_map_radius",
        "sun": "solar_elevation|sun_height" if from_ == "given" else "equinox_sun_height|sun_height_at_equinox",
        "grade": "slope_angle|grade_to_degrees",
    }[kind].replace("station", "station" if from_ == "given" else "origin"))  # fmt: skip
    first = {"back": "ordinates", "grade": "slopes"}.get(kind, "latitude")
    second, third = ("hour_angle", "declination") if kind == "sun" else ("longitude", "station")
    form.element("north", first, *((-1.0, 1.0) if kind == "back" else (5.0, 60.0)))
    if two:
        form.element("east", second, 10.0, 60.0)
    station = two and from_ == "given"
    if station:
        form.number(third, -23.0, 4.0)
    out, function = {
        "mercator": ("mercator_y", "mercator_ordinate"),
        "back": ("latitudes", "latitude_of"),
        "haversine": ("arc", "arc_of"),
        "bearing": ("azimuth", "azimuth_of"),
        "stereographic": ("map_radius", "radius_of"),
        "sun": ("elevation", "elevation_of"),
        "grade": ("slope_deg", "inclination_of"),
    }[kind]
    form.output(out)
    phi = "phi = wp.radians(north)"
    lam = "lam = wp.radians(east)"
    base = f"base = wp.radians({third})" if station else ""
    b = "base" if station else "0.0"
    lines, value = {
        "mercator": (phi, "wp.log(wp.tan(0.25 * wp.pi + 0.5 * phi))"),
        "back": ("", "wp.degrees(2.0 * wp.atan(wp.exp(north)) - 0.5 * wp.pi)"),
        "haversine": (
            f"{phi}\n{lam}\n{base}\n# Haversine formula, accurate for small distances\n"
            f"a = wp.sin(0.5 * (phi - {b}))\nc = wp.sin(0.5 * lam)\n"
            f"h = a * a + wp.cos(phi) * wp.cos({b}) * c * c",
            "wp.degrees(2.0 * wp.asin(wp.sqrt(h)))",
        ),
        "bearing": (
            f"{phi}\n{lam}\n{base}\neastward = wp.sin(lam) * wp.cos(phi)\n"
            f"northward = wp.cos({b}) * wp.sin(phi) - wp.sin({b}) * wp.cos(phi) * wp.cos(lam)",
            "wp.degrees(wp.atan2(eastward, northward))",
        ),
        "stereographic": ("colatitude = wp.radians(90.0 - north)", "2.0 * wp.tan(0.5 * colatitude)"),
        "sun": (
            f"{phi}\n{lam}\n{base}\n"
            f"sine = wp.sin(phi) * wp.sin({b}) + wp.cos(phi) * wp.cos({b}) * wp.cos(lam)",
            "wp.degrees(wp.asin(sine))",
        ),
        "grade": ("", "wp.degrees(wp.atan(0.01 * north))"),
    }[kind]
    if not station:
        for long, short in (("(phi - 0.0)", "phi"), (" * wp.cos(0.0)", ""), ("wp.cos(0.0) * ", ""),
                            (" - wp.sin(0.0) * wp.cos(phi) * wp.cos(lam)", ""),
                            ("wp.sin(phi) * wp.sin(0.0) + ", "")):  # fmt: skip
            lines = lines.replace(long, short)
    for long, short in {"sun": (("north", "lat_deg"), ("east", "hour_deg"), ("lam", "ha"), ("base", "dec")), "grade": (("north", "per_cent"),),
                        "back": (("north", "y"),)}.get(kind, (("north", "lat_deg"), ("east", "lon_deg"))):  # fmt: skip
        form.elements = {short if name == long else name: array for name, array in form.elements.items()}
        lines, value = (re.sub(rf"\b{long}\b", short, text) for text in (lines, value))
    form.write(function, "\n".join(filter(None, lines.split("\n"))), value)

    def reference(v: Values) -> Mapping[str, Any]:
        p = np.radians(v[first])
        east = np.radians(v[second]) if two else p
        s = np.radians(v[third]) if station else 0.0
        place = np.stack([np.cos(p) * np.cos(east), np.cos(p) * np.sin(east), np.sin(p)])
        up = np.array([np.cos(s), 0.0, np.sin(s)])
        pole = np.array([-np.sin(s), 0.0, np.cos(s)])
        along = np.tensordot(up, place, 1)
        formulas: Formulas = {
            "mercator": lambda: np.arcsinh(np.tan(p)),
            "back": lambda: np.degrees(np.arctan(np.sinh(v[first]))),
            "haversine": lambda: np.degrees(np.arccos(along)),
            "bearing": lambda: np.degrees(np.arctan2(place[1], np.tensordot(pole, place, 1))),
            "stereographic": lambda: 2 * np.cos(p) / (1 + np.sin(p)),
            "sun": lambda: np.degrees(np.arcsin(along)),
            "grade": lambda: np.degrees(np.arctan(v[first] / 100)),
        }
        return {out: formulas[kind]()}

    d.check(reference, 1e-3)
