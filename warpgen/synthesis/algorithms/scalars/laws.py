"""Laws of chance, levels, curves and roots."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import NormalDist
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.scalars import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.forms import Form

_Formula = Callable[[Any], Any]
_below = np.vectorize(NormalDist().cdf)
_quantile = np.vectorize(NormalDist().inv_cdf)


@DOMAIN.algorithm(
    source="Abramowitz & Stegun 1964, sec. 7.1, 26.2",
    names={
        "x": "values|samples|z_in",
        "mean": "mu|centre|loc",
        "deviation": "sigma|std|spread",
        "out": "probability|p_out|result",
    },
    double=True,
    adjoint="either",
    weight=9,
)
def normal_law(d: Draft) -> None:
    """Evaluates the normal law."""
    kind = d.option("kind", "below", "above", "quantile", "upper quantile", "within", "between")
    given = d.option("given", "standard", "deviation", "both")
    says = {
        "below": "Gives the probability that a normal variable lies below each value.",
        "above": "Gives the probability that a normal variable lies above each value.",
        "quantile": "Finds the value below which a normal variable lies with each probability.",
        "upper quantile": "Finds the value above which a normal variable lies with each probability.",
        "within": "Gives the probability that a normal variable lies within each distance of its mean.",
        "between": "Gives the probability that a normal variable lies between two values.",
    }
    d.says(says[kind])
    d.calls({
        "below": "normal_cdf|gaussian_cdf|cumulative_normal",
        "above": "normal_survival|upper_tail|gaussian_tail",
        "quantile": "normal_quantile|inverse_normal_cdf|gaussian_quantile",
        "upper quantile": "upper_quantile|inverse_survival|upper_critical_value",
        "within": "probability_within|central_probability",
        "between": "probability_between|interval_probability",
    }[kind])  # fmt: skip
    form = Form(d)
    inverse = "quantile" in kind
    form.element(
        "p" if inverse else "t",
        "x",
        *((0.02, 0.98) if inverse else (0.1, 2.0) if kind == "within" else (-1.5, 1.5)),
    )
    if kind == "between":
        form.element("width", "widths", 0.2, 1.5)
    if given == "both" and kind != "within":
        form.number("mean", -0.5, 0.5)
    if given != "standard":
        form.number("deviation", 0.6, 1.4)
    form.output("out")
    mean = "mean" if "mean" in form.numbers else ""
    scale = "deviation * " if given != "standard" else ""
    root = f"({scale}wp.sqrt(2.0))"
    shifted = "(t - mean)" if mean else "t"
    plus = "mean + " if mean else ""
    lines, value = {
        "below": (f"z = {shifted} / {root}", "0.5 * (1.0 + wp.erf(z))"),
        "above": (
            f"# Use erfc in the tail, 1 - erf would cancel\nz = {shifted} / {root}",
            "0.5 * wp.erfc(z)",
        ),
        "quantile": ("z = wp.sqrt(2.0) * wp.erfinv(2.0 * p - 1.0)", f"{plus}{scale}z"),
        "upper quantile": ("z = wp.sqrt(2.0) * wp.erfcinv(2.0 * p)", f"{plus}{scale}z"),
        "within": ("", f"wp.erf(t / {root})"),
        "between": (
            f"low = {shifted} / {root}\nhigh = low + width / {root}",
            "0.5 * (wp.erf(high) - wp.erf(low))",
        ),
    }[kind]
    form.write("normal_of", lines, value)
    d.explain("The error function is erf(z) = 2/sqrt(pi) times the integral of exp(-t^2) from 0 to z.")

    def reference(v: Values) -> Mapping[str, Any]:
        mu = v.mean if mean else 0.0
        sigma = v.deviation if scale else 1.0
        z = (v.x - mu) / sigma
        formulas: dict[str, Callable[[], Any]] = {
            "below": lambda: _below(z),
            "above": lambda: _below(-z),
            "quantile": lambda: mu + sigma * _quantile(v.x),
            "upper quantile": lambda: mu - sigma * _quantile(v.x),
            "within": lambda: _below(v.x / sigma) - _below(-v.x / sigma),
            "between": lambda: _below(z + v.widths / sigma) - _below(z),
        }
        return {"out": formulas[kind]()}

    d.check(reference, 1e-3)


@DOMAIN.algorithm(
    source="ISO 80000-15; Fechner 1860",
    names={
        "x": "power|signal|quantity",
        "level": "db|out|gain",
        "reference": "ref|x0|base_level",
        "ratio": "r|relative|quotient",
    },
    double=True,
    adjoint="either",
    weight=15,
)
def levels(d: Draft) -> None:
    """Turns quantities into levels."""
    kind = d.option("kind", "power", "amplitude", "octaves", "cents", "acidity", "from decibel", "bits")
    given = d.option("reference", "one", "given")
    floored = d.flag("floored", 0.4) and kind not in ("from decibel", "bits")
    d.says({
        "power": "Turns powers into levels in decibel.",
        "amplitude": "Turns amplitudes into levels in decibel.",
        "octaves": "Tells how many octaves each frequency lies above a reference.",
        "cents": "Tells how many cents each frequency lies above a reference.",
        "acidity": "Gives the pH of concentrations.",
        "from decibel": "Turns levels in decibel into ratios of power.",
        "bits": "Tells how many bits a count of levels takes.",
    }[kind])  # fmt: skip
    d.calls({
        "power": "power_to_decibel|power_levels|to_decibel",
        "amplitude": "amplitude_to_decibel|amplitude_levels|to_decibel",
        "octaves": "octaves_above|frequency_to_octaves",
        "cents": "cents_above|frequency_to_cents",
        "acidity": "concentration_to_ph|ph_values|acidity",
        "from decibel": "decibel_to_power|from_decibel",
        "bits": "bits_needed|bit_lengths|count_bits",
    }[kind])  # fmt: skip
    form = Form(d)
    low, high = {"from decibel": (-20.0, 20.0), "bits": (2.0, 5000.0)}.get(kind, (0.05, 20.0))
    form.element("q", "x", low, high)
    if given == "given" and kind != "bits":
        form.number("reference", 0.5, 2.0)
    form.output("level")
    ratio = "q / reference" if "reference" in form.numbers else "q"
    if floored:
        ratio = f"wp.max({ratio}, 1.0e-3)"
    lines, value = {
        "power": (f"ratio = {ratio}", "10.0 * wp.log10(ratio)"),
        "amplitude": (f"ratio = {ratio}", "20.0 * wp.log10(wp.abs(ratio))"),
        "octaves": (f"ratio = {ratio}", "wp.log2(ratio)"),
        "cents": (f"ratio = {ratio}", "1200.0 * wp.log2(ratio)"),
        "acidity": (
            f"# Neutral water: 1e-7 mol/l\nconcentration = 1.0e-7 * {ratio}",
            "-wp.log10(concentration)",
        ),
        "from decibel": ("", f"{'reference * ' if 'reference' in form.numbers else ''}wp.pow(10.0, 0.1 * q)"),
        "bits": ("", "wp.ceil(wp.log2(wp.floor(q)))"),
    }[kind]
    form.write("level_of", lines, value)
    d.explain("A level is the logarithm of a ratio, so that equal steps are equal factors.")

    def reference(v: Values) -> Mapping[str, Any]:
        base = v.reference if "reference" in form.numbers else 1.0
        ratio = v.x / base
        formulas: dict[str, Callable[[], Any]] = {
            "power": lambda: 10 * np.log10(ratio),
            "amplitude": lambda: 20 * np.log10(ratio),
            "octaves": lambda: np.log2(ratio),
            "cents": lambda: 1200 * np.log2(ratio),
            "acidity": lambda: 7 - np.log10(ratio),
            "from decibel": lambda: base * 10 ** (v.x / 10),
            "bits": lambda: np.ceil(np.log2(np.floor(v.x))),
        }
        return {"level": formulas[kind]()}

    d.check(reference, 1e-3)


@DOMAIN.algorithm(
    source="Bernoulli 1691; Airy 1845; Langevin 1905; Korteweg & de Vries 1895",
    names={
        "x": "positions|distances|abscissa",
        "relative_depth": "kh|depth_number|dispersion_arg",
        "field": "h_field|applied_field|field_strength",
        "rapidity": "rapidities|eta_in|boost",
        "scale": "a|length_scale|width",
        "depth": "water_depth|bed_depth|mean_depth",
        "thermal_field": "field_scale|h_thermal|saturation_field",
        "unit": "rapidity_unit|rapidity_scale|per_unit",
        "height": "y|elevation|sag",
        "length": "arc_length|chain|span_length",
        "angle": "slope_angle|incline|tilt",
        "speed": "celerity|phase_velocity|wave_speed",
        "profile": "surface|crest|shape",
        "alignment": "magnetization|order|polarization",
        "velocity": "beta|u_out|vel",
        "s": "u|xi|stretched",
    },
    double=True,
    adjoint="either",
    weight=11,
)
def hyperbolic_curves(d: Draft) -> None:
    """Evaluates a curve made of hyperbolic functions."""
    kind = d.option(
        "kind", "catenary", "arc", "slope angle", "wave speed", "soliton", "langevin", "layer", "rapidity"
    )
    form = Form(d)
    own = d.option("scale", "given", "per element")
    offset = d.flag("offset", 0.4)
    d.says({
        "catenary": "Gives the height of a hanging chain.",
        "arc": "Gives the length of a hanging chain from its lowest point.",
        "slope angle": "Gives the angle at which a hanging chain rises.",
        "wave speed": "Gives the phase speed of water waves over a bed of given depth.",
        "soliton": "Gives the profile of a solitary wave in shallow water.",
        "langevin": "Gives how far paramagnetic moments are aligned by a field.",
        "layer": "Gives the velocity across a shear layer.",
        "rapidity": "Turns rapidities into velocities in units of that of light.",
    }[kind])  # fmt: skip
    d.calls({
        "catenary": "catenary|cable_shape|hanging_chain",
        "arc": "catenary_length|chain_length|cable_length",
        "slope angle": "chain_angle|catenary_angle|cable_slope",
        "wave speed": "water_wave_speed|phase_speed|wave_celerity",
        "soliton": "soliton_profile|solitary_wave",
        "langevin": "langevin_function|langevin_alignment|moment_alignment",
        "layer": "shear_layer|mixing_layer|shear_layer_profile",
        "rapidity": "rapidity_to_velocity|velocity_from_rapidity",
    }[kind])  # fmt: skip
    source, scale, out = {
        "catenary": ("x", "scale", "height"),
        "arc": ("x", "scale", "length"),
        "slope angle": ("x", "scale", "angle"),
        "wave speed": ("relative_depth", "depth", "speed"),
        "soliton": ("x", "scale", "profile"),
        "langevin": ("field", "thermal_field", "alignment"),
        "layer": ("x", "scale", "velocity"),
        "rapidity": ("rapidity", "unit", "velocity"),
    }[kind]
    form.element("t", source, 0.02 if kind == "langevin" else 0.3, 2.0)
    if own == "given":
        form.number(scale, 0.5, 2.0)
    else:
        form.element(scale, f"{scale}s", 0.5, 2.0)
    if offset:
        form.number("lift", 0.2, 1.0)
    form.output(out)
    stretched = f"s = t / {scale}"
    lines, value = {
        "catenary": (stretched, "scale * wp.cosh(s)"),
        "arc": (stretched, "scale * wp.sinh(s)"),
        "slope angle": (f"# dy/dx = sinh(x / a)\n{stretched}", "wp.atan(wp.sinh(s))"),
        "wave speed": (
            "# w^2 = g k tanh(k h), with k h = t\nk = t / depth",
            "wp.sqrt(9.81 / k * wp.tanh(t))",
        ),
        "soliton": (f"{stretched}\nsech = 1.0 / wp.cosh(s)", "sech * sech"),
        "langevin": (
            f"{stretched}\n# Near 0 coth(s) and 1 / s cancel, so use the series\nsmall = s / 3.0 - s * s * s / 45.0",
            "wp.where(wp.abs(s) < 0.1, small, wp.cosh(s) / wp.sinh(s) - 1.0 / s)",
        ),
        "layer": (stretched, "wp.tanh(s)"),
        "rapidity": (stretched, "wp.sinh(s) / wp.cosh(s)"),
    }[kind]
    form.write(f"{out}_at", lines, f"lift + {value}" if offset else value)

    def reference(v: Values) -> Mapping[str, Any]:
        t, a = v[source], v[scale if own == "given" else f"{scale}s"]
        s = t / a
        formulas: dict[str, Callable[[], Any]] = {
            "catenary": lambda: a * np.cosh(s),
            "arc": lambda: a * np.sinh(s),
            "slope angle": lambda: 2 * np.arctan(np.exp(s)) - np.pi / 2,
            "wave speed": lambda: np.sqrt(9.81 * a / t * np.tanh(t)),
            "soliton": lambda: np.cosh(s) ** -2,
            "langevin": lambda: 1 / np.tanh(s) - 1 / s,
            "layer": lambda: np.tanh(s),
            "rapidity": lambda: np.tanh(s),
        }
        return {out: formulas[kind]() + (v.lift if offset else 0.0)}

    d.check(reference, 1e-3)


@DOMAIN.algorithm(
    source="Kepler 1619; CIE 15:2004; Cardano 1545",
    names={
        "x": "volumes|values|amounts",
        "y": "lengths|roots|out",
        "factor": "k|coefficient|scale",
    },
    double=True,
    adjoint="either",
    weight=9,
)
def cube_roots(d: Draft) -> None:
    """Takes cube roots."""
    kind = d.option("kind", "sphere", "orbit", "lightness", "cubic", "signed", "hydraulic")
    form = Form(d)
    scaled = d.option("scaled", "no", "given", "per element")
    d.says({
        "sphere": "Gives the radii of spheres of given volumes.",
        "orbit": "Gives the semi-major axes of orbits of given periods.",
        "lightness": "Turns relative luminances into CIE lightness.",
        "cubic": "Finds the real root of x^3 + 3 x = 2 q.",
        "signed": "Compresses signed values by the cube root.",
        "hydraulic": "Gives the critical depth of flow in a channel for each discharge per width.",
    }[kind])  # fmt: skip
    d.calls({
        "sphere": "sphere_radii|radius_from_volume",
        "orbit": "semi_major_axes|orbit_sizes|axis_from_period",
        "lightness": "cie_lightness|luminance_to_lightness",
        "cubic": "solve_cubic|depressed_cubic|cubic_roots",
        "signed": "signed_cube_roots|signed_cbrt|compress_signed",
        "hydraulic": "critical_depths|critical_depth|critical_flow_depth",
    }[kind])  # fmt: skip
    low, high = {"lightness": (0.05, 1.0), "signed": (-4.0, 4.0)}.get(kind, (0.2, 8.0))
    form.element("q", "x", low, high)
    if scaled == "given":
        form.number("factor", 0.5, 2.0)
    elif scaled == "per element":
        form.element("factor", "factors", 0.5, 2.0)
    form.output("y")
    lines, value = {
        "sphere": ("", "wp.cbrt(3.0 * q / (4.0 * wp.pi))"),
        "orbit": ("# Kepler's third law: a^3 / T^2 = const", "wp.cbrt(q * q)"),
        "lightness": ("", "116.0 * wp.cbrt(q) - 16.0"),
        "cubic": (
            "# Cardano's formula: positive discriminant, one real root\nroot = wp.sqrt(q * q + 1.0)",
            "wp.cbrt(q + root) + wp.cbrt(q - root)",
        ),
        "signed": ("", "wp.cbrt(q)"),
        "hydraulic": ("g = 9.81", "wp.cbrt(q * q / g)"),
    }[kind]
    if scaled != "no":
        value = f"factor * ({value})" if " + " in value or " - " in value else f"factor * {value}"
    form.write("root_of", lines, value)

    def reference(v: Values) -> Mapping[str, Any]:
        q = v.x
        formulas: dict[str, _Formula] = {
            "sphere": lambda q: (3 * q / (4 * np.pi)) ** (1 / 3),
            "orbit": lambda q: q ** (2 / 3),
            "lightness": lambda q: 116 * q ** (1 / 3) - 16,
            "cubic": lambda q: 2 * np.sinh(np.arcsinh(q) / 3),
            "signed": lambda q: np.sign(q) * np.abs(q) ** (1 / 3),
            "hydraulic": lambda q: (q**2 / 9.81) ** (1 / 3),
        }
        factor = {"no": 1.0, "given": v.get("factor"), "per element": v.get("factors")}[scaled]
        return {"y": factor * formulas[kind](q)}

    d.check(reference, 1e-3)
