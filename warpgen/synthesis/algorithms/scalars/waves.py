"""Periodic curves, and quotients that need not be exact."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.scalars import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.forms import Form


@DOMAIN.algorithm(
    source="Oppenheim & Willsky 1997, ch. 3; Roads 1996, The Computer Music Tutorial, ch. 4",
    names={
        "t": "time",
        "times": "clock|sample_times|timestamps",
        "phase": "ph|p|phi",
        "out": "signal|y|waveform",
        "periods": "cycles_passed|period_count|whole_cycles",
        "frequency": "freq|f|rate",
        "amplitude": "gain|peak|a",
        "offset": "bias|dc_offset|base_level",
    },
    double=True,
    adjoint="no",
)
def periodic_waves(d: Draft) -> None:
    """Evaluates periodic waveforms."""
    kind = d.option(
        "kind",
        "saw",
        "square",
        "triangle",
        "pulse",
        "half sine",
        "full sine",
        "stairs",
        "eased",
        "count",
        "ramped",
    )
    shift = d.option("shift", "none", "number", "per sample")
    level = d.option("level", "none", "amplitude", "amplitude and offset")
    d.says({
        "saw": "Evaluates sawtooth waves.",
        "square": "Evaluates square waves.",
        "triangle": "Evaluates triangle waves.",
        "pulse": "Evaluates pulse waves with a given duty cycle.",
        "half sine": "Evaluates half-wave rectified sines.",
        "full sine": "Evaluates full-wave rectified sines.",
        "stairs": "Evaluates periodic staircases.",
        "eased": "Evaluates waves that ease between two levels.",
        "count": "Counts the number of elapsed periods.",
        "ramped": "Evaluates sine waves with an amplitude ramp over the first period.",
    }[kind])  # fmt: skip
    d.calls({
        "saw": "sawtooth_wave|sawtooth|saw_oscillator",
        "square": "square_wave|square_oscillator",
        "triangle": "triangle_wave|triangle_oscillator",
        "pulse": "pulse_wave|pulse_oscillator",
        "half sine": "half_wave_rectified|rectified_sine",
        "full sine": "full_wave_rectified|rectified_sine",
        "stairs": "staircase_wave|periodic_stairs",
        "eased": "eased_wave|ease_between|smooth_square_wave",
        "count": "count_periods|whole_periods|elapsed_cycles",
        "ramped": "ramped_sine|fade_in_sine|ramp_up_sine",
    }[kind])  # fmt: skip
    form = Form(d)
    form.element("t", "times", 0.05, 4.0, about="times [s]")
    form.number("frequency", 0.6, 2.4, about="frequency [Hz]")
    lead = d.pick("lead", "advance", "phase_offset", "phase_shift")
    if shift == "number":
        form.number(lead, 0.05, 0.9, about="phase shift in periods")
    elif shift == "per sample":
        form.element(lead, f"{lead}s", 0.05, 0.9, about="phase shifts in periods")
    if kind == "pulse":
        form.number("duty", 0.2, 0.8, about="duty cycle")
    if kind == "stairs":
        form.number("steps", d.pick(3, 4, 5), about="number of stairs per period")
    if level != "none" and kind != "count":
        form.number("amplitude", 0.5, 2.0)
    if level == "amplitude and offset" and kind != "count":
        form.number("offset", -1.0, 1.0)
    out = "periods" if kind == "count" else "out"
    form.output(out, "int" if kind == "count" else "float")
    cycles = "cycles = t * frequency" + (f" + {lead}" if shift != "none" else "")
    phase = f"{cycles}\nphase = wp.frac(cycles)"
    lines, value = {
        "saw": (phase, "2.0 * phase - 1.0"),
        "square": (
            f"{phase}\n# wp.step is one where its argument is negative",
            "1.0 - 2.0 * wp.step(0.5 - phase)",
        ),
        "triangle": (phase, "1.0 - 4.0 * wp.abs(phase - 0.5)"),
        "pulse": (f"{phase}\n# 1 when the phase is below the duty cycle", "wp.step(phase - duty)"),
        "half sine": (phase, "wp.max(wp.sin(wp.tau * phase), 0.0)"),
        "full sine": (cycles, "wp.abs(wp.sin(wp.tau * cycles))"),
        "stairs": (phase, "wp.trunc(phase * steps) / (steps - 1.0)"),
        "eased": (
            f"{phase}\n# Rises over 0.1..0.4 of the period and falls over 0.6..0.9",
            "wp.smoothstep(0.1, 0.4, phase) - wp.smoothstep(0.6, 0.9, phase)",
        ),
        "count": (cycles, "int(wp.trunc(cycles))"),
        "ramped": (cycles, "wp.min(cycles, 1.0) * wp.sin(wp.tau * cycles)"),
    }[kind]
    if level != "none" and kind != "count":
        lines += f"\nwave = {value}"
        value = "amplitude * wave" + (" + offset" if level == "amplitude and offset" else "")
    form.write("periods_until" if kind == "count" else "wave_at", lines, value)

    def agree(v: Values, after: Values) -> None:
        cycles_ = v.times * v.frequency + (v.get(lead) if shift == "number" else v.get(f"{lead}s", 0.0))
        p = cycles_ % 1.0

        def ease(a: float, b: float) -> Any:
            s = np.clip((p - a) / (b - a), 0, 1)
            return s * s * (3 - 2 * s)

        found: dict[str, Callable[[], Any]] = {
            "saw": lambda: 2 * p - 1,
            "square": lambda: np.where(p <= 0.5, 1.0, -1.0),
            "triangle": lambda: 1 - 4 * np.abs(p - 0.5),
            "pulse": lambda: (p < v.duty).astype(float),
            "half sine": lambda: np.maximum(np.sin(2 * np.pi * p), 0),
            "full sine": lambda: np.abs(np.sin(2 * np.pi * p)),
            "stairs": lambda: np.floor(p * v.steps) / (v.steps - 1),
            "eased": lambda: ease(0.1, 0.4) - ease(0.6, 0.9),
            "count": lambda: np.floor(cycles_),
            "ramped": lambda: np.minimum(cycles_, 1) * np.sin(2 * np.pi * cycles_),
        }
        want = found[kind]() * v.get("amplitude", 1.0) + v.get("offset", 0.0)
        # a phase beside a jump may fall on either side by rounding
        assert (np.abs(after[out] - want) < 2e-3).mean() > 0.97

    d.holds(agree)


@DOMAIN.algorithm(
    source="Warp manual, Built-Ins: div_approx, inverse_approx; Hecht 2017, Optics, ch. 5; Press et al. 2007, sec. 9.4",
    names={
        "ratios": "quotients|result|out",
        "least": "min_divisor|smallest|eps",
        "resistances": "r_out|parallel_r|combined",
        "object_distances": "s_obj|distances|d_object",
        "image_distances": "s_img|d_image|images",
        "focal": "f|focal_length|f_lens",
        "depths": "z_in|depth_values|distances",
        "near": "z_near|near_plane|min_depth",
        "projected": "uv|on_screen|image_points",
        "means": "harmonic|out|mean_values",
        "solutions": "x_out|unknowns|solved",
        "probabilities": "probs|p_out|chances",
    },
    adjoint="either",
    weight=12,
)
def quick_quotients(d: Draft) -> None:
    """Computes divisions using the fast approximate instruction."""
    kind = d.option(
        "kind", "ratio", "parallel", "lens", "perspective", "refined", "mobius", "mean", "solve", "odds"
    )
    guard = d.flag("guard", 0.6) and kind in ("ratio", "refined", "perspective")
    bounded = " with divisors clamped from below" if guard else ""
    d.says({
        "ratio": f"Computes ratios using approximate division{bounded}.",
        "parallel": "Computes parallel resistance using approximate division.",
        "lens": "Computes thin-lens image distances using approximate division.",
        "perspective": f"Applies the perspective divide{', clamping depth to the near plane,' if guard else ''} using approximate division.",
        "refined": f"Divides using an approximate reciprocal and one Newton step{bounded}.",
        "mobius": "Applies a Mobius transform using approximate division.",
        "mean": "Computes harmonic means using approximate division.",
        "solve": "Solves small linear systems using an approximate inverse.",
        "odds": "Converts win-loss odds to probabilities using approximate division.",
    }[kind])  # fmt: skip
    d.calls({
        "ratio": "fast_divide|approximate_division|approximate_ratios",
        "parallel": "parallel_resistance|resistors_in_parallel",
        "lens": "image_distances|thin_lens|lens_equation",
        "perspective": "perspective_divide|project_points|divide_by_depth",
        "refined": "refined_division|newton_division|divide_newton",
        "mobius": "mobius_transform|fractional_linear_map",
        "mean": "harmonic_mean|harmonic_means",
        "solve": "solve_small_systems|solve_by_inverse|approximate_solve",
        "odds": "odds_to_probability|probabilities_from_odds",
    }[kind])  # fmt: skip
    form = Form(d)
    above, under = d.pick(("numerators", "denominators"), ("dividends", "divisors"), ("tops", "bottoms"))
    a, b, first, second, out = {
        "ratio": ("num", "den", above, under, "ratios"),
        "parallel": ("r1", "r2", "first_resistors", "second_resistors", "resistances"),
        "lens": ("", "distance", "", "object_distances", "image_distances"),
        "perspective": ("xy", "depth", "positions", "depths", "projected"),
        "refined": ("num", "den", above, under, "ratios"),
        "mobius": ("num", "den", above, under, "mapped"),
        "mean": ("x", "y", "firsts", "seconds", "means"),
        "solve": ("matrix", "rhs", "matrices", "right_hand_sides", "solutions"),
        "odds": ("won", "lost", "wins", "losses", "probabilities"),
    }[kind]
    if kind == "solve":
        size = d.option("size", 2, 3)
        form.element(a, first, 0.8, 2.5, f"mat{size}{size}", "spd", about="matrices")
        form.element(b, second, -1.0, 1.0, f"vec{size}", about="right-hand sides")
    elif kind == "perspective":
        form.element(a, first, -2.0, 2.0, "vec2", about="view-plane positions")
        form.element(b, second, 0.1 if guard else 0.5, 4.0, about="depths")
    else:
        both = {"parallel": (10.0, 1000.0), "mean": (0.5, 5.0), "odds": (1.0, 30.0)}.get(kind)
        if kind != "lens":
            form.element(a, first, *(both or (0.5, 2.0)))
        form.element(b, second, *(both or ((0.05, 2.0) if guard else (2.5, 5.0))))
    if kind == "lens":
        form.number("focal", 0.6, 1.8, about="focal length")
    if kind == "mobius":
        form.number("m", 0.5, 1.5, "mat22", about="Mobius coefficients")
    least = "near" if kind == "perspective" else "least"
    if guard:
        form.number(least, 0.3, 0.6, about="minimum divisor")
    form.output(out, f"vec{size}" if kind == "solve" else "vec2" if kind == "perspective" else "float")
    divisor = f"wp.max({b}, {least})" if guard else b
    lines, value = {
        "ratio": ("", f"wp.div_approx(num, {divisor})"),
        "parallel": ("", "wp.div_approx(r1 * r2, r1 + r2)"),
        "lens": (
            "# Thin lens: 1/f = 1/d_object + 1/d_image",
            "wp.div_approx(distance * focal, distance - focal)",
        ),
        "perspective": ("", f"wp.div_approx(xy, {divisor})"),
        "refined": (
            (f"bounded = {divisor}\n" if guard else "")
            + f"y = wp.div_approx(1.0, {'bounded' if guard else b})\n# One Newton step for the reciprocal\n"
            f"y = y * (2.0 - {'bounded' if guard else b} * y)",
            "num * y",
        ),
        "mobius": ("", "wp.div_approx(m[0, 0] * num + m[0, 1] * den, m[1, 0] * num + m[1, 1] * den)"),
        "mean": ("", "wp.div_approx(2.0, wp.div_approx(1.0, x) + wp.div_approx(1.0, y))"),
        "solve": ("inv = wp.inverse_approx(matrix)", "inv * rhs"),
        "odds": ("odds = wp.div_approx(won, lost)", "wp.div_approx(odds, 1.0 + odds)"),
    }[kind]
    function = {
        "ratio": "quotient_of", "refined": "quotient_of", "parallel": "resistance_of", "lens": "image_distance_of",
        "perspective": "projection_of", "mobius": "mapped_value", "mean": "harmonic_mean_of", "solve": "solution_of",
        "odds": "probability_of",
    }[kind]  # fmt: skip
    form.write(function, lines, value)

    def reference(v: Values) -> Mapping[str, Any]:
        a, b = v.get(first), v[second]
        if guard:
            b = np.maximum(b, v[least])
        m = v.get("m", np.eye(2))
        found: dict[str, Callable[[], Any]] = {
            "ratio": lambda: a / b,
            "parallel": lambda: a * b / (a + b),
            "lens": lambda: 1 / (1 / v.focal - 1 / b),
            "perspective": lambda: a / b[..., None],
            "refined": lambda: a / b,
            "mobius": lambda: (m[0, 0] * a + m[0, 1] * b) / (m[1, 0] * a + m[1, 1] * b),
            "mean": lambda: 2 / (1 / a + 1 / b),
            "solve": lambda: np.linalg.solve(a, b[..., None])[..., 0],
            "odds": lambda: a / (a + b),
        }
        return {out: found[kind]()}

    d.check(reference, 2e-3)
