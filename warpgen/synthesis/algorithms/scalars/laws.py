"""Laws of chance, levels, curves and roots."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import NormalDist
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.scalars import DOMAIN
from warpgen.synthesis.algorithms.scalars._hyperbolic import evaluated, written
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.forms import Form

_below = np.vectorize(NormalDist().cdf)
_quantile = np.vectorize(NormalDist().inv_cdf)


@DOMAIN.algorithm(
    source="Abramowitz & Stegun 1964, sec. 7.1, 26.2",
    names={
        "x": "values|samples|variates",
        "lows": "starts|lower|from_values",
        "probabilities": "probs|p_values|p_in",
        "distances": "half_widths|radii|margins",
        "mean": "mu|centre|loc",
        "deviation": "sigma|std|std_dev",
        "chances": "probability|p_out|probs",
        "quantiles": "z_out|limits|q_out",
    },
    double=True,
    adjoint="either",
    weight=9,
)
def normal_law(d: Draft) -> None:
    """Evaluates the normal distribution."""
    kind = d.option("kind", "below", "above", "quantile", "upper quantile", "within", "between")
    given = d.option("given", "standard", "deviation", "both")
    says = {
        "below": "Computes the cumulative probability of a normal variable.",
        "above": "Computes the upper-tail probability of a normal variable.",
        "quantile": "Computes the quantile of a normal variable for each probability.",
        "upper quantile": "Computes the upper-tail quantile of a normal variable for each probability.",
        "within": "Computes the probability that a normal variable lies within a distance of its mean.",
        "between": "Computes the probability that a normal variable lies in an interval above each value.",
    }
    law = {"standard": "a standard normal", "deviation": "a centered normal", "both": "a normal"}[given]
    d.says(says[kind].replace("a normal", law))
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
    source = "probabilities" if inverse else {"within": "distances", "between": "lows"}.get(kind, "x")
    out = "quantiles" if inverse else "chances"
    low, high = (0.02, 0.98) if inverse else (0.1, 2.0) if kind == "within" else (-1.5, 1.5)
    form.element("p" if inverse else "t", source, low, high)
    if kind == "between":
        form.element("width", "widths", 0.2, 1.5)
    if given == "both" and kind != "within":
        form.number("mean", -0.5, 0.5)
    if given != "standard":
        form.number("deviation", 0.6, 1.4)
    form.output(out)
    mean = "mean" if "mean" in form.numbers else ""
    scale = "deviation * " if given != "standard" else ""
    root = f"({scale}wp.sqrt(2.0))" if scale else "wp.sqrt(2.0)"
    shifted = "(t - mean)" if mean else "t"
    plus = "mean + " if mean else ""
    lines, value = {
        "below": (f"z = {shifted} / {root}", "0.5 * (1.0 + wp.erf(z))"),
        "above": (
            f"# Use erfc in the tail to avoid cancellation in 1 - erf\nz = {shifted} / {root}",
            "0.5 * wp.erfc(z)",
        ),
        "quantile": ("", f"{plus}{scale}wp.sqrt(2.0) * wp.erfinv(2.0 * p - 1.0)"),
        "upper quantile": ("", f"{plus}{scale}wp.sqrt(2.0) * wp.erfcinv(2.0 * p)"),
        "within": ("", f"wp.erf(t / {root})"),
        "between": (
            f"root = {root.strip('()') + ')' if scale else root}\nlow = {shifted} / root\nhigh = low + width / root",
            "0.5 * (wp.erf(high) - wp.erf(low))",
        ),
    }[kind]
    helper = {"quantile": "quantile_of", "upper quantile": "upper_quantile_of"}.get(kind, "probability_of")
    form.write(helper, lines, value)
    integral = "2/sqrt(pi) times the integral of exp(-t^2) from 0 to z"
    inverted = "erfcinv inverts 1 - erf(z)" if kind == "upper quantile" else "erfinv inverts erf(z)"
    d.explain(
        f"{inverted}, where erf(z) is {integral}." if inverse else f"The error function erf(z) is {integral}."
    )

    def reference(v: Values) -> Mapping[str, Any]:
        mu = v.mean if mean else 0.0
        sigma = v.deviation if scale else 1.0
        x = v[source]
        z = (x - mu) / sigma
        formulas: dict[str, Callable[[], Any]] = {
            "below": lambda: _below(z),
            "above": lambda: _below(-z),
            "quantile": lambda: mu + sigma * _quantile(x),
            "upper quantile": lambda: mu - sigma * _quantile(x),
            "within": lambda: _below(x / sigma) - _below(-x / sigma),
            "between": lambda: _below(z + v.widths / sigma) - _below(z),
        }
        return {out: formulas[kind]()}

    d.check(reference, 1e-3)


@DOMAIN.algorithm(
    source="ISO 80000-15; Fechner 1860",
    names={
        "powers": "power|intensities|energies",
        "signal": "amplitudes|samples|waveform",
        "frequencies": "freqs|pitches|tones",
        "concentrations": "conc|hydrogen|molarity",
        "gains": "decibels|db|levels_db",
        "levels_db": "db|decibels|level",
        "octave_numbers": "octaves|pitch_octaves|intervals",
        "cent_numbers": "cents|pitch_cents|intervals",
        "reference": "ref|x0|base",
        "ratio": "r|relative|quotient",
    },
    double=True,
    adjoint="either",
    weight=15,
)
def levels(d: Draft) -> None:
    """Converts quantities to logarithmic levels."""
    kind = d.option("kind", "power", "amplitude", "octaves", "cents", "acidity", "from decibel", "bits")
    given = d.option("reference", "one", "given")
    floored = d.flag("floored", 0.4) and kind in ("power", "amplitude")
    given = "one" if kind in ("acidity", "bits") else given
    d.says({
        "power": f"Converts power to decibels{', clamped at -30 dB' * floored}.",
        "amplitude": f"Converts amplitude to decibels{', clamped at -60 dB' * floored}.",
        "octaves": f"Converts frequency to octaves above {'a reference' if given == 'given' else '1 Hz'}.",
        "cents": f"Converts frequency to cents above {'a reference' if given == 'given' else '1 Hz'}.",
        "acidity": "Computes pH from hydrogen ion concentration [mol/L].",
        "from decibel": "Converts decibels to power." if given == "given" else "Converts decibels to power ratios.",
        "bits": "Computes the number of bits required to index each number of items.",
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
    # Floors act on what is next to nothing
    quiet = (0.0, 0.02) if floored else (0.05, 20.0)
    loud = 0.02 if floored else 2.0
    source, low, high, out, function = {
        "power": ("powers", *quiet, "levels_db", "level_of"),
        "amplitude": ("signal", -loud, loud, "levels_db", "level_of"),
        "octaves": ("frequencies", 20.0, 2000.0, "octave_numbers", "octaves_of"),
        "cents": ("frequencies", 20.0, 2000.0, "cent_numbers", "cents_of"),
        "acidity": ("concentrations", 1.0e-4, 0.1, "ph", "ph_of"),
        "from decibel": ("gains", -20.0, 20.0, "powers" if given == "given" else "power_ratios", "power_of"),
        "bits": ("counts", 2, 5000, "bits", "bits_for"),
    }[kind]
    form.element("q", source, low, high, "int" if kind == "bits" else "float")
    if given == "given":
        form.number("reference", *((200.0, 450.0) if source == "frequencies" else (0.5, 2.0)))
    form.output(out, "int" if kind == "bits" else "float")
    size = "wp.abs(q)" if kind == "amplitude" else "q"
    ratio = f"{size} / reference" if given == "given" else size
    if floored:
        ratio = f"wp.max({ratio}, 1.0e-3)"
    told = f"# Silence counts as {-30 if kind == 'power' else -60} dB\n" if floored else ""
    lines, value = {
        "power": (f"{told}ratio = {ratio}", "10.0 * wp.log10(ratio)"),
        "amplitude": (f"{told}ratio = {ratio}", "20.0 * wp.log10(ratio)"),
        "octaves": (f"ratio = {ratio}", "wp.log2(ratio)"),
        "cents": (f"ratio = {ratio}", "1200.0 * wp.log2(ratio)"),
        "acidity": ("", "-wp.log10(q)"),
        "from decibel": ("", f"{'reference * ' if given == 'given' else ''}wp.pow(10.0, 0.1 * q)"),
        "bits": ("", "int(wp.ceil(wp.log2(float(q))))"),
    }[kind]
    if ratio in ("q", "wp.abs(q)"):
        lines, value = lines.replace(f"ratio = {ratio}", ""), value.replace("ratio", ratio)
    form.write(function, lines, value)
    if kind in ("power", "amplitude", "octaves", "cents"):
        d.explain("The level is the logarithm of a ratio, so equal steps correspond to equal factors.")

    def reference(v: Values) -> Mapping[str, Any]:
        base = v.reference if "reference" in form.numbers else 1.0
        x = v[source]
        ratio = np.abs(x) / base
        if floored:
            ratio = np.maximum(ratio, 1e-3)
        formulas: dict[str, Callable[[], Any]] = {
            "power": lambda: 10 * np.log10(ratio),
            "amplitude": lambda: 20 * np.log10(ratio),
            "octaves": lambda: np.log2(ratio),
            "cents": lambda: 1200 * np.log2(ratio),
            "acidity": lambda: -np.log10(ratio),
            "from decibel": lambda: base * 10 ** (x / 10),
            "bits": lambda: np.ceil(np.log2(x)),
        }
        return {out: formulas[kind]()}

    d.check(reference, 1e-3)


@DOMAIN.algorithm(
    source="Bernoulli 1691; Airy 1845; Langevin 1905; Korteweg & de Vries 1895",
    names={
        "x": "positions|distances|abscissa",
        "relative_depth": "kh|dimensionless_depth|scaled_depth",
        "field": "h_field|applied_field|field_strength",
        "proper_time": "tau|ship_time|own_time",
        "time_scale": "c_over_a|t_scale|char_time",
        "scale": "a|length_scale|width",
        "catenary_constant": "a|chain_constant|catenary_scale",
        "depth": "water_depth|bed_depth|mean_depth",
        "thermal_field": "field_scale|h_thermal|field_unit",
        "height": "y|elevation|cable_height",
        "length": "arc_length|chain_length|cable_length",
        "angle": "slope_angle|incline|tilt",
        "speed": "celerity|phase_velocity|wave_speed",
        "profile": "surface|elevation|shape",
        "alignment": "magnetization|polarization|mean_cosine",
        "velocity": "u_out|vel|velocities",
        "s": "u|xi|stretched",
    },
    double=True,
    adjoint="either",
    weight=12,
)
def hyperbolic_curves(d: Draft) -> None:
    """Evaluates a hyperbolic function model."""
    kind = d.option(
        "kind", "catenary", "arc", "slope angle", "wave speed", "soliton", "langevin", "layer", "rocket"
    )
    form = Form(d)
    # A single curve has one scale
    many = kind in ("wave speed", "langevin", "rocket")
    own = d.option("scale", "given", "per element") if many else "given"
    # The last is what the curve may be counted from
    source, scale, out, zero = {
        "catenary": ("x", "catenary_constant", "height", "lift"),
        "arc": ("x", "catenary_constant", "length", ""),
        "slope angle": ("x", "catenary_constant", "angle", ""),
        "wave speed": ("relative_depth", "depth", "speed", "current"),
        "soliton": ("x", "scale", "profile", ""),
        "langevin": ("field", "thermal_field", "alignment", ""),
        "layer": ("x", "scale", "velocity", "mean_velocity"),
        "rocket": ("proper_time", "time_scale", "velocity", ""),
    }[kind]
    offset = d.flag("offset", 0.4) and bool(zero)
    d.says({
        "catenary": "Computes the height of a catenary.",
        "arc": "Computes the catenary arc length from the lowest point.",
        "slope angle": "Computes the catenary slope angle.",
        "wave speed": "Computes the phase speed [m/s] of water waves at finite depth [m]"
        + (" with a background current." if offset else "."),
        "soliton": "Computes the elevation of a solitary wave in shallow water, normalized by its height.",
        "langevin": "Computes the Langevin alignment of paramagnetic moments in a field.",
        "layer": "Computes the velocity profile of a shear layer, normalized by half the velocity jump.",
        "rocket": "Computes the velocity of a rocket under constant proper acceleration, in units of c.",
    }[kind])  # fmt: skip
    d.calls({
        "catenary": "catenary|cable_shape|hanging_chain",
        "arc": "catenary_length|chain_length|cable_length",
        "slope angle": "chain_angle|catenary_angle|cable_slope",
        "wave speed": "water_wave_speed|phase_speed|wave_celerity",
        "soliton": "soliton_profile|solitary_wave",
        "langevin": "langevin_function|langevin_alignment|moment_alignment",
        "layer": "shear_layer|mixing_layer|shear_layer_profile",
        "rocket": "rocket_velocity|relativistic_rocket|velocity_from_proper_time",
    }[kind])  # fmt: skip
    low = {"langevin": 0.02, "wave speed": 0.3, "rocket": 0.0}.get(kind, -2.0)
    form.element("t", source, low, 2.0, about="wave number times depth, kh" if kind == "wave speed" else "")
    if own == "given":
        form.number(scale, 0.5, 2.0)
    else:
        form.element(scale, f"{scale}s", 0.5, 2.0)
    if offset:
        form.number(zero, 0.2, 1.0)
    form.output(out)
    lines, value = written(kind, scale)
    form.write(f"{out}_at", lines, f"{zero} + {value}" if offset else value)

    def reference(v: Values) -> Mapping[str, Any]:
        t, a = v[source], v[scale if own == "given" else f"{scale}s"]
        return {out: evaluated(kind, t, a) + (v[zero] if offset else 0.0)}

    d.check(reference, 1e-3)


@DOMAIN.algorithm(
    source="Kepler 1619; CIE 15:2004; Cardano 1545",
    names={
        "white": "white_point|y_white|white_level",
        "gain": "scale|strength|amount",
        "alpha": "energy_coeff|coriolis_coeff|kinetic_coeff",
    },
    double=True,
    adjoint="either",
    weight=3,
)
def cube_roots(d: Draft) -> None:
    """Computes cube roots."""
    kind = d.option("kind", "sphere", "orbit", "lightness", "cubic", "signed", "hydraulic")
    form = Form(d)
    scaled = d.option("scaled", "no", "given", "per element")
    source, out, factor = {
        "sphere": ("volumes", "radii", ""), "orbit": ("periods", "axes", d.pick("mass", "star_mass", "central_mass")),
        "lightness": ("luminances", "lightness", "white"), "cubic": ("q_values", "roots", "p"),
        "signed": ("values", "compressed", "gain"), "hydraulic": ("discharges", "depths", "alpha"),
    }[kind]  # fmt: skip
    scaled = scaled if factor else "no"
    factors = "p_values" if factor == "p" else factor.replace("mass", "masse") + "s"
    d.says({
        "sphere": "Computes sphere radii from volumes.",
        "orbit": f"Computes orbit semi-major axes [au] from periods [yr] around {'the sun' if scaled == 'no' else 'stars with given mass [solar masses]'}.",
        "lightness": f"Converts {'relative ' * (scaled == 'no')}luminance to CIE lightness.",
        "cubic": f"Finds the real root of x^3 + 3 {'' if scaled == 'no' else 'p '}x = 2 q.",
        "signed": f"Compresses signed values using a cube root{'' if scaled == 'no' else ' and a scale'}.",
        "hydraulic": "Computes the critical depth [m] in a rectangular channel from unit discharge [m^2/s].",
    }[kind])  # fmt: skip
    d.calls({
        "sphere": "sphere_radii|radius_from_volume",
        "orbit": "semi_major_axes|orbit_sizes|axis_from_period",
        "lightness": "cie_lightness|luminance_to_lightness",
        "cubic": "solve_cubic|depressed_cubic|cubic_roots",
        "signed": "signed_cube_roots|signed_cbrt|compress_signed",
        "hydraulic": "critical_depths|critical_depth|critical_flow_depth",
    }[kind])  # fmt: skip
    low, high = {"lightness": (0.001, 1.0), "signed": (-4.0, 4.0)}.get(kind, (0.2, 8.0))
    form.element("q", source, low, high)
    if scaled == "given":
        form.number(factor, *((1.0, 1.2) if kind in ("lightness", "hydraulic") else (0.5, 2.0)))
    elif scaled == "per element":
        form.element(factor, factors, *((1.0, 1.2) if kind in ("lightness", "hydraulic") else (0.5, 2.0)))
    form.output(out)
    times = "" if scaled == "no" else f"{factor} * "
    cube = "1.0" if scaled == "no" else "p * p * p"
    share = "q" if scaled == "no" else "share"
    lines, value = {
        "sphere": ("", "wp.cbrt(3.0 * q / (4.0 * wp.pi))"),
        "orbit": (
            f"# Kepler's third law in au, years and solar masses: a^3 = {'' if scaled == 'no' else 'M '}T^2",
            f"wp.cbrt({times}q * q)",
        ),
        "lightness": (
            ("" if scaled == "no" else "share = q / white\n")
            + "# CIE: linear segment below 0.9 percent of the white point",
            f"wp.where({share} > 216.0 / 24389.0, 116.0 * wp.cbrt({share}) - 16.0, 24389.0 / 27.0 * {share})",
        ),
        "cubic": (
            f"# Cardano's formula: positive discriminant, one real root\n"
            f"u = wp.cbrt(q + wp.sqrt(q * q + {cube}))\n# Second root from the product, since q - sqrt(...) cancels",
            f"u - {'1.0' if scaled == 'no' else 'p'} / u",
        ),
        "signed": ("", f"{times}wp.cbrt(q)"),
        "hydraulic": ("", f"wp.cbrt({times}q * q / 9.81)"),
    }[kind]
    function = {
        "sphere": "radius_of", "orbit": "axis_of", "lightness": "lightness_of", "signed": "compress", "hydraulic": "depth_of",
    }.get(kind, "root_of")  # fmt: skip
    form.write(function, lines, value)

    def reference(v: Values) -> Mapping[str, Any]:
        q = v[source]
        k = {"no": 1.0, "given": v.get(factor), "per element": v.get(factors)}[scaled]
        formulas: dict[str, Callable[[], Any]] = {
            "sphere": lambda: (3 * q / (4 * np.pi)) ** (1 / 3),
            "orbit": lambda: (k * q * q) ** (1 / 3),
            "lightness": lambda: np.where(q / k > 0.008856, 116 * (q / k) ** (1 / 3) - 16, 903.2963 * q / k),
            "cubic": lambda: 2 * np.sqrt(k) * np.sinh(np.arcsinh(q / np.sqrt(k) ** 3) / 3),
            "signed": lambda: k * np.sign(q) * np.abs(q) ** (1 / 3),
            "hydraulic": lambda: (k * q**2 / 9.81) ** (1 / 3),
        }
        return {out: formulas[kind]()}

    d.check(reference, 1e-3)
