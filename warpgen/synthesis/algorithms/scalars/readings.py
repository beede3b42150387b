"""Readings rounded, cleaned and weighed by thresholds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.scalars import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.forms import Form

Formulas = dict[str, Callable[[], Any]]


@DOMAIN.algorithm(
    source="IEEE 754-2019, sec. 4.3; Knuth 1997, sec. 1.2.4",
    names={
        "x": "values|readings|raw",
        "y": "snapped|rounded|out",
        "step": "grid|resolution|tick",
        "period": "cycle|turn|wavelength",
        "phases": "phase_in|raw_phases|unwrapped",
        "wrapped": "wrapped_phases|phase_out|principal",
        "cells": "units|scaled|q",
    },
    adjoint="no",
)
def rounded_values(d: Draft) -> None:
    """Rounds values to multiples of a step."""
    kind = d.option("kind", "even", "away", "down", "up", "towards zero", "part", "wrapped", "centred")
    given = d.option("step", "given", "per element", "one")
    form = Form(d)
    counted = d.flag("counted", 0.3) and kind not in ("part", "wrapped", "centred") and given != "one"
    d.says({
        "even": "Rounds values to the nearest multiple of a step, with ties to even.",
        "away": "Rounds values to the nearest multiple of a step, with ties away from zero.",
        "down": "Rounds values down to multiples of a step.",
        "up": "Rounds values up to multiples of a step.",
        "towards zero": "Rounds values towards zero to multiples of a step.",
        "part": "Computes the signed fractional part of each value." if given == "one"
        else "Computes the remainder of each value after removing whole steps.",
        "wrapped": f"Wraps phases into [0, {'1' if given == 'one' else 'period'}).",
        "centred": f"Wraps phases into {'one turn' if given == 'one' else 'one period'} about zero.",
    }[kind].replace("multiple of a step", "whole number" if given == "one" else "multiple of a step")
      .replace("multiples of a step", "whole numbers" if given == "one" else "multiples of a step")
      .replace("Rounds", "Counts steps, rounding" if counted else "Rounds"))  # fmt: skip
    d.calls({
        "even": "round_half_even|round_to_step|snap_values",
        "away": "round_half_away|round_to_step|snap_values",
        "down": "round_down|floor_to_step",
        "up": "round_up|ceil_to_step",
        "towards zero": "round_towards_zero|truncate_to_step",
        "part": "step_remainders|part_of_step|left_over_parts",
        "wrapped": "wrap_phases|wrap_to_period",
        "centred": "wrap_centered|wrap_phases|center_phases",
    }[kind])  # fmt: skip
    if given == "one" and kind not in ("wrapped", "centred"):
        d.calls({
            "even": "round_half_even|round_to_integers",
            "away": "round_half_away|round_to_integers",
            "down": "round_down|floor_values",
            "up": "round_up|ceil_values",
            "towards zero": "round_towards_zero|truncate_values",
            "part": "fractional_parts|fractions_of_values",
        }[kind])  # fmt: skip
    if counted:
        d.calls("count_steps|quantize_to_steps|whole_steps")
    cyclic = kind in ("wrapped", "centred")
    source, step, out = ("phases", "period", "wrapped") if cyclic else ("x", "step", "y")
    out = "counts" if counted else "parts" if kind == "part" else out
    form.element("value", source, -20.0, 20.0)
    if given == "given":
        form.number(step, 0.3, 1.7)
    elif given == "per element":
        form.element(step, f"{step}s", 0.3, 1.7)
    form.output(out, "int" if counted else "float")
    back = "" if given == "one" else f"{step} * "
    cells = "value" if given == "one" else "cells"
    lines = "" if given == "one" else f"cells = value / {step}"
    whole = {
        "even": f"wp.rint({cells})",
        "away": f"wp.round({cells})",
        "down": f"wp.floor({cells})",
        "up": f"wp.ceil({cells})",
        "towards zero": f"wp.trunc({cells})",
        "part": f"wp.frac({cells})",
        "wrapped": f"({cells} - wp.floor({cells}))",
        "centred": f"({cells} - wp.round({cells}))",
    }[kind]
    bare = whole[1:-1] if whole[0] == "(" and not back else whole
    name = {"part": "left_over", "wrapped": "wrap", "centred": "wrap"}.get(kind, "snap")
    form.write("steps_in" if counted else name, lines, f"int({whole})" if counted else back + bare)

    def agree(before: Values, after: Values) -> None:
        h = {"given": before.get(step), "per element": before.get(f"{step}s"), "one": 1.0}[given]
        q = before[source] / h
        formulas: Formulas = {
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
        assert (np.abs(after[out] - expected) > 1e-4).mean() < 0.02

    d.holds(agree)


@DOMAIN.algorithm(
    source="Huber 1981, ch. 1; IEEE 754-2019, sec. 6",
    names={
        "signal": "net|net_counts|net_signal",
        "reference": "flat|baseline|denominator",
        "clean": "out|repaired|valid_values",
        "clean_logs": "out|log_values|valid_logs",
        "clean_roots": "out|root_values|valid_roots",
        "bad": "invalid|is_bad|rejected",
        "bad_count": "num_bad|invalid_count|num_rejected",
        "ratio": "reading|quotient|sample",
        "log_signal": "log_reading|log_net|level",
        "root_signal": "root_reading|root_count|amplitude",
        "fallback": "default_value|fill_value|substitute",
        "limit": "cap|saturation|upper",
    },
    adjoint="either",
    weight=15,
)
def cleaned_readings(d: Draft) -> None:
    """Divides readings by references and replaces non-finite results."""
    test = d.option("test", "finite", "nan or inf", "nan then inf", "before")
    source = d.option("source", "ratio", "log", "root")
    instead = d.option("instead", "fallback", "neighbour", "zero")
    counted = d.option("counted", "no", "global", "flags")
    if source == "root" and "inf" in test:
        test = "nan"  # roots of counts are never infinite
    of = {"ratio": "ratio", "log": "logarithm", "root": "root"}[source]
    by = {"fallback": "a fallback", "neighbour": f"the previous valid {of}", "zero": "zero"}[instead]
    made, wrong = {
        "ratio": ("Divides readings by references", "zero"),
        "log": ("Takes logarithms of readings", "zero or negative"),
        "root": ("Takes square roots of readings", "negative"),
    }[source]
    if test == "before":
        where = "a reference" if source == "ratio" else "a reading"
        treated = f", using {by} when {where} is {wrong}"
    elif test == "nan then inf":
        treated = f" that may be {wrong}, and replaces NaNs with {by} and infinities with a limit"
    else:
        bad = "NaNs" if source == "root" else "NaNs and infinities"
        treated = f" that may be {wrong}, and replaces {bad} with {by}"
    told = {"no": "", "global": ", and counts them", "flags": ", and flags them"}[counted]
    if test == "before":
        told = told.replace("them", "such readings")
    elif told:
        treated = treated.replace(", and replaces", ", replaces")
    d.says(f"{made}{treated}{told}.")
    d.calls({
        "ratio": "divide_readings|safe_ratios|clean_ratios",
        "log": "log_readings|safe_logarithms|clean_logarithms",
        "root": "root_readings|safe_roots|clean_roots",
    }[source])  # fmt: skip
    n = d.pick(96, 128, 192)
    d.input("signal", "int", n, -3, 9, about="background-subtracted counts")
    if source == "ratio":
        d.input("reference", "int", n, 0, 4, about="reference counts")
    if instead == "fallback":
        d.param("fallback", "float", -2.0, -1.0, about="fallback value for invalid readings")
    if test == "nan then inf":
        d.param("limit", "float", 20.0, 30.0, about="largest magnitude")
    out = {"ratio": "clean", "log": "clean_logs", "root": "clean_roots"}[source]
    about = {"ratio": "corrected quotients", "log": "corrected logarithms", "root": "corrected roots"}[source]
    d.output(out, "float", n, about=about)
    if counted == "global":
        d.output("bad_count", "int", 1, about="number of invalid readings")
    elif counted == "flags":
        d.output("bad", "int", n, about="1 for invalid readings")
    make = {
        "ratio": "float(signal[tid]) / float(reference[tid])",
        "log": "wp.log(float(signal[tid]))",
        "root": "wp.sqrt(float(signal[tid]))",
    }[source]
    fine = {
        "ratio": "reference[tid] != 0",
        "log": "signal[tid] > 0",
        "root": "signal[tid] >= 0",
    }[source]
    made = {"ratio": "ratio", "log": "log_signal", "root": "root_signal"}[source]
    arrays = "signal, reference" if source == "ratio" else "signal"
    replacement = {"fallback": "fallback", "zero": "0.0", "neighbour": f"last_valid({arrays}, tid)"}[instead]
    if instead == "neighbour":
        heads = ", ".join(f"{name}: wp.array(dtype=int)" for name in arrays.split(", "))
        d.function(f"""
            @wp.func
            def last_valid({heads}, tid: int) -> float:
                \"\"\"Return the last valid {of} before this reading, or zero if there is none.\"\"\"
                for back in range(tid):
                    k = tid - 1 - back
                    if {fine.replace("tid", "k")}:
                        return {make.replace("tid", "k")}
                return 0.0
        """)
    mark = {"no": "", "global": "wp.atomic_add(bad_count, 0, 1)", "flags": "bad[tid] = 1"}[counted]
    good_mark = "bad[tid] = 0" if counted == "flags" else ""
    otherwise = f"else:\n    clean[tid] = {replacement}\n    $mark"
    body = {
        "finite": f"{made} = {make}\nif wp.isfinite({made}):\n    clean[tid] = {made}\n    $good\n{otherwise}",
        "nan": f"{made} = {make}\nif not wp.isnan({made}):\n    clean[tid] = {made}\n    $good\n{otherwise}",
        "nan or inf": f"""
{made} = {make}
if wp.isnan({made}) or wp.isinf({made}):
    clean[tid] = {replacement}
    $mark
    return
clean[tid] = {made}
$good""".lstrip(),
        "nan then inf": f"""
{made} = {make}
if wp.isnan({made}):
    clean[tid] = {replacement}
    $mark
elif wp.isinf({made}):
    # Preserve the sign of infinities
    clean[tid] = wp.copysign(limit, {made})
    $mark
else:
    clean[tid] = {made}
    $good""".lstrip(),
        "before": f"if {fine}:\n    clean[tid] = {make}\n    $good\n{otherwise}",
    }[test]
    d.launch(n)
    d.code("tid = wp.tid()\n$body", body=body.replace("clean[", f"{out}["), mark=mark, good=good_mark)

    def reference(v: Values) -> Mapping[str, Any]:
        s = v.signal.astype(float)
        with np.errstate(all="ignore"):
            formulas: Formulas = {
                "ratio": lambda: s / v.reference,
                "log": lambda: np.log(s),
                "root": lambda: np.sqrt(s),
            }
            x = formulas[source]()
        good = np.isfinite(x)
        last = np.maximum.accumulate(np.where(good, np.arange(n), -1))
        held = np.where(last < 0, 0.0, x[last])
        other = {"fallback": v.get("fallback"), "zero": 0.0, "neighbour": held}[instead]
        clean = np.where(good, x, other)
        if test == "nan then inf":
            clean = np.where(np.isinf(x), np.sign(x) * v.limit, clean)
        marks = {"no": {}, "global": {"bad_count": [(~good).sum()]}, "flags": {"bad": (~good).astype(int)}}[
            counted
        ]
        return {out: clean} | marks

    d.check(reference)


@DOMAIN.algorithm(
    source="Perlin 1985; Ebert et al. 2003, ch. 2",
    names={
        "x": "values|samples|signal",
        "w": "weights|mask|out",
        "width": "softness|band|transition",
    },
    double=True,
    adjoint="either",
    weight=6,
)
def thresholds(d: Draft) -> None:
    """Applies a threshold function to values."""
    kind = d.option(
        "kind", "hard", "smooth", "linear", "window", "shrink", "dead zone", "signed power", "mix"
    )
    form = Form(d)
    edges = d.option("edge", "given", "per element")
    inverted = d.flag("inverted", 0.3) and kind in ("hard", "smooth", "linear", "window")
    said = {
        "hard": "Computes a step function, one at or above the threshold and zero below.",
        "smooth": "Computes smoothstep weights rising from zero at a threshold to one a width above it.",
        "linear": "Computes linear ramp weights rising from zero at a threshold to one a width above it.",
        "window": "Computes window weights that are one near a threshold and fall off smoothly on both sides.",
        "shrink": "Applies soft thresholding (the lasso shrinkage operator) to values.",
        "dead zone": "Applies a dead zone, zeroing values with magnitude below a threshold.",
        "signed power": "Raises values to a power while preserving the sign.",
        "mix": "Blends smoothly from one level at a threshold to another a width above it.",
    }[kind]  # fmt: skip
    d.says({
        "hard": "Computes an inverted step, zero at or above the threshold and one below.",
        "smooth": "Computes smoothstep weights falling from one at a threshold to zero a width above it.",
        "linear": "Computes linear ramp weights falling from one at a threshold to zero a width above it.",
        "window": "Computes notch weights that are zero near a threshold and rise smoothly on both sides.",
    }[kind] if inverted else said)  # fmt: skip
    d.calls({
        "hard": "threshold_mask|step_weights|hard_weights",
        "smooth": "smooth_ramp|smooth_weights|ramp_weights",
        "linear": "linear_ramp|linear_weights|ramp_weights",
        "window": "notch_weights|smooth_notch" if inverted else "window_weights|band_weights|smooth_window",
        "shrink": "soft_threshold|shrink_values|soft_shrink",
        "dead zone": "dead_zone|apply_dead_zone|ignore_small_values",
        "signed power": "signed_power|signed_power_curve|raise_signed",
        "mix": "mix_levels|blend_levels|blend_across_threshold",
    }[kind])  # fmt: skip
    form.element("value", "x", -2.0, 2.0)
    # The array of them is called alike
    edge = (
        d.pick("exponent", "power", "gamma")
        if kind == "signed power"
        else d.pick("edge", "threshold", "cutoff", "level")
    )
    if edges == "given":
        form.number(edge, 0.3, 0.8)
    else:
        form.element(edge, f"{edge}s", 0.3, 0.8)
    if kind in ("smooth", "linear", "window", "mix"):
        form.number("width", 0.3, 0.9)
    below, above = d.pick(("below", "above"), ("low_level", "high_level"), ("from_level", "to_level"))
    if kind == "mix":
        form.number(below, -1.0, 0.0)
        form.number(above, 0.5, 1.5)
    out = {"shrink": "shrunk", "dead zone": "kept", "signed power": "raised", "mix": "mixed"}.get(kind, "w")
    form.output(out)
    lines, value = {
        # Warp's step is one for negative arguments
        "hard": ("# wp.step is one where its argument is negative", f"1.0 - wp.step(value - {edge})"),
        "smooth": ("", f"wp.smoothstep({edge}, {edge} + width, value)"),
        "linear": ("", f"wp.clamp((value - {edge}) / width, 0.0, 1.0)"),
        "window": (f"away = wp.abs(value - {edge})", "1.0 - wp.smoothstep(0.5 * width, width, away)"),
        "shrink": ("", f"wp.sign(value) * wp.max(wp.abs(value) - {edge}, 0.0)"),
        "dead zone": ("", f"wp.where(wp.abs(value) < {edge}, 0.0, value)"),
        "signed power": ("", f"wp.copysign(wp.pow(wp.abs(value), {edge}), value)"),
        "mix": (
            f"across = wp.smoothstep({edge}, {edge} + width, value)",
            f"wp.lerp({below}, {above}, across)",
        ),
    }[kind]
    if inverted:
        value = value.removeprefix("1.0 - ") if value.startswith("1.0 - ") else f"1.0 - {value}"
    form.write("weight_of" if out == "w" else f"{out}_value", lines, value)

    def reference(v: Values) -> Mapping[str, Any]:
        x, e = v.x, v[edge] if edges == "given" else v[f"{edge}s"]
        width = v.get("width", 1.0)

        def smooth(t: Any) -> Any:
            t = np.clip(t, 0.0, 1.0)
            return t * t * (3 - 2 * t)

        formulas: Formulas = {
            "hard": lambda: (x >= e).astype(float),
            "smooth": lambda: smooth((x - e) / width),
            "linear": lambda: np.clip((x - e) / width, 0, 1),
            "window": lambda: 1 - smooth((np.abs(x - e) / width - 0.5) * 2),
            "shrink": lambda: np.where(x > e, x - e, np.where(x < -e, x + e, 0.0)),
            "dead zone": lambda: x * (np.abs(x) >= e),
            "signed power": lambda: np.sign(x) * np.abs(x) ** e,
            "mix": lambda: v[below] + smooth((x - e) / width) * (v[above] - v[below]),
        }
        w = formulas[kind]()
        return {out: 1 - w if inverted else w}

    d.check(reference, 1e-3)
