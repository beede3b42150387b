"""Transcendental and rounding builtins: waves, decays, angles, special functions, approximations."""

from __future__ import annotations

from warpgen.synthesis.categories.math import CATEGORY
from warpgen.synthesis.formulas.grower import (
    Grower,
    float_builtins,
    grow,
    palette,
    result_name,
)
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.builtins import known
from warpgen.synthesis.language.types import F32, F64, I32
from warpgen.synthesis.language.values import Value


def mapped(k: Kit, name: str, x: Value) -> Value:
    value: Value = getattr(k.wp, name)(x)
    return value


@CATEGORY.motif(weight=1.6)
def function_chain(k: Kit) -> None:
    """Chain of elementary functions."""
    g = Grower(k)
    x = g.named(g.grow(k.real, k.rng.integer(1, 3)))
    names = k.rng.sample([n for n in float_builtins(1) if not known(n).stepped], k.rng.integer(2, 4))
    for name in names:
        if k.rng.chance(0.35):
            x = x * g.leaf(k.real)
        x = k.let(known(name).results or "y|v|z", mapped(k, name, k.saturate(x)))
    k.give(result_name(k), x)


@CATEGORY.motif(weight=1.5)
def function_sum(k: Kit) -> None:
    """Combine several functions of the same argument."""
    x = k.input("x|t|theta|arg", k.real, -1.5, 1.5)
    names = k.rng.sample(float_builtins(1), k.rng.integer(2, 5))
    acc = mapped(k, names[0], x)
    for name in names[1:]:
        term = mapped(k, name, x * k.number(0.2, 3.0) if k.rng.chance(0.3) else x)
        op = k.rng.choice("+-*")
        if len(term.text) + len(acc.text) > palette(k).longest + 20:
            acc = k.define(known(name).results or "acc|partial|y", acc)
        acc = acc + term if op == "+" else acc - term if op == "-" else acc * term
    k.give("y|value|f_x|response", acc)


@CATEGORY.motif()
def wave_sum(k: Kit) -> None:
    """Sum of harmonics."""
    t = k.input("t|x|phase|time", k.real, 0.0, 6.0)
    omega = k.param("omega|freq|base_freq|w0", k.real, 0.5, 2.0)
    fs = (k.wp.sin, k.wp.cos)
    if k.rng.chance(0.5):
        acc = k.var("acc|wave|signal", 0.0, k.real, lo=-4.0, hi=4.0)
        with k.for_("h|n|harmonic", k.rng.integer(3, 8)) as h:
            n = k.let("n|order|fh", k.to_real(h + 1 if k.rng.chance(0.6) else h * 2 + 1))
            term = k.rng.choice(fs)(n * omega * t)
            k.add(acc, term / n if k.rng.chance(0.7) else term * k.wp.exp(-n))
        k.give("signal|wave|harmonics", acc)
        return
    value = k.input("amplitude|a|gain", k.real, 0.1, 2.0) * fs[0](omega * t)
    for i in range(k.rng.integer(1, 3)):
        amp, ratio = k.rng.choice((0.5, 0.25, 0.3, 0.1)), k.rng.choice((2.0, 3.0, 1.5, 0.5))
        value = k.let(f"partial{i}|sig|s", value + amp * k.rng.choice(fs)(ratio * omega * t))
    k.give("signal|displacement|sample", value)


@CATEGORY.motif()
def damped_oscillation(k: Kit) -> None:
    """Damped oscillator in closed form."""
    t = k.input("t|time|elapsed", k.real, 0.0, 5.0)
    zeta, omega = (
        k.param("zeta|damping_ratio", k.real, 0.05, 0.8),
        k.param("omega_n|omega0", k.real, 0.5, 3.0),
    )
    wd = k.let("wd|omega_d|damped_freq", omega * k.wp.sqrt(1.0 - zeta * zeta))
    envelope = k.let("env|envelope|decay", k.wp.exp(-zeta * omega * t))
    x0 = k.input("x0|initial|amp", k.real, -1.0, 1.0)
    phase = wd * t
    if k.rng.chance(0.5):
        x = envelope * (x0 * k.wp.cos(phase) + k.input("v0|rate0", k.real, -1.0, 1.0) / wd * k.wp.sin(phase))
    else:
        x = x0 * envelope * k.wp.cos(phase + k.param("phase|phi", k.real, -1.5, 1.5))
    k.give("x|displacement|position", x)
    if k.rng.chance(0.3):
        k.give("envelope|bound", envelope)


@CATEGORY.motif()
def normal_distribution(k: Kit) -> None:
    """Normal density and distribution function."""
    x = k.input("x|sample|value", k.real, -2.5, 2.5)
    mu, sigma = k.param("mu|mean|loc", k.real, -0.5, 0.5), k.param("sigma|std|scale", k.real, 0.4, 2.0)
    z = k.let("z|u|standardized", (x - mu) / sigma)
    kinds = k.rng.sample(("pdf", "cdf", "tail", "log", "quantile"), k.rng.integer(1, 2))
    for kind in kinds:
        if kind == "pdf":
            k.give("pdf|density|p", k.wp.exp(-0.5 * z * z) * 0.398942 / sigma)
        elif kind == "cdf":
            k.give("cdf|prob|phi", 0.5 * (1.0 + k.wp.erf(z * 0.707107)))
        elif kind == "tail":
            k.give("tail|survival|p_value", 0.5 * k.wp.erfc(z * 0.707107))
        elif kind == "log":
            k.give("log_pdf|logp|log_likelihood", -0.5 * z * z - k.wp.log(sigma) - 0.918939)
        else:
            p = k.input("p|quantile_level|u01", k.real, 0.05, 0.95)
            inner = k.wp.erfinv(2.0 * p - 1.0) if k.rng.chance(0.6) else -k.wp.erfcinv(2.0 * p)
            k.give("quantile|inverse_cdf|icdf", mu + sigma * 1.414214 * inner)


@CATEGORY.motif()
def activations(k: Kit) -> None:
    """Smooth nonlinearity."""
    x = k.input("x|z|logit|pre", k.real, -3.0, 3.0)
    kind = k.rng.choice(("sigmoid", "softplus", "gelu", "swish", "elu", "mish", "logit", "tanh_exp"))
    if kind == "sigmoid":
        y = 1.0 / (1.0 + k.wp.exp(-x))
        if k.rng.chance(0.5):
            s = k.define("s|sig", y)
            k.give("slope|ds|grad", s * (1.0 - s))
            y = s
    elif kind == "softplus":
        y = k.wp.log(1.0 + k.wp.exp(x))
    elif kind == "gelu":
        if k.rng.chance(0.5):
            y = 0.5 * x * (1.0 + k.wp.erf(x * 0.707107))
        else:
            y = 0.5 * x * (1.0 + k.wp.tanh(0.797885 * (x + 0.044715 * x * x * x)))
    elif kind == "swish":
        y = x / (1.0 + k.wp.exp(-x * k.param("beta|b", k.real, 0.5, 1.5)))
    elif kind == "elu":
        y = k.select(
            "y|elu", x > 0, x, k.param("alpha|a", k.real, 0.5, 1.5) * (k.wp.exp(k.wp.min(x, 0.0)) - 1.0)
        )
    elif kind == "mish":
        y = x * k.wp.tanh(k.wp.log(1.0 + k.wp.exp(x)))
    elif kind == "logit":
        p = k.let("p|prob", k.wp.clamp(0.5 + 0.2 * x, 0.05, 0.95))
        y = k.wp.log(p / (1.0 - p))
    else:
        e, f = k.let("ep|e_pos", k.wp.exp(x)), k.let("en|e_neg", k.wp.exp(-x))
        y = (e - f) / (e + f)
    k.give(f"{kind}|activated|y", y)


@CATEGORY.motif()
def angle_wrapping(k: Kit) -> None:
    """Wrap and compare angles."""
    a = k.input("angle|theta|heading|a", k.real, -9.0, 9.0)
    two_pi = k.constant("TWO_PI|TAU", 6.283185) if k.rng.chance(0.5) else k.lit(6.283185)
    kind = k.rng.choice(("floor", "atan2", "mod", "round", "difference"))
    if kind == "floor":
        k.give("wrapped|angle_wrapped|theta_n", a - two_pi * k.wp.floor(a / two_pi + 0.5))
    elif kind == "atan2":
        k.give("wrapped|principal|theta_n", k.wp.atan2(k.wp.sin(a), k.wp.cos(a)))
    elif kind == "mod":
        k.give(
            "positive|wrapped|phase",
            k.wp.frac(a / two_pi) * two_pi if k.rng.chance(0.5) else (a + two_pi * 2.0) % two_pi,
        )
    elif kind == "round":
        k.give(
            "wrapped|residual_angle",
            a - two_pi * (k.wp.round(a / two_pi) if k.rng.chance(0.5) else k.wp.rint(a / two_pi)),
        )
    else:
        b = k.input("target|other|b", k.real, -3.0, 3.0)
        d = k.let("d|delta|diff", a - b)
        k.give(
            "turn|shortest|angle_error",
            k.wp.asin(k.wp.sin(d) * 0.9) if k.rng.chance(0.3) else k.wp.atan2(k.wp.sin(d), k.wp.cos(d)),
        )


@CATEGORY.motif()
def great_circle(k: Kit) -> None:
    """Distance and bearing on a sphere."""
    lat1, lon1 = k.input("lat1|phi1|lat_a", k.real, -1.2, 1.2), k.input("lon1|lam1|lon_a", k.real, -3.0, 3.0)
    lat2, lon2 = k.input("lat2|phi2|lat_b", k.real, -1.2, 1.2), k.input("lon2|lam2|lon_b", k.real, -3.0, 3.0)
    if k.rng.chance(0.2):
        lat1, lat2 = (
            k.define("p1|lat1_rad", k.wp.radians(lat1 * 50.0)),
            k.define("p2|lat2_rad", k.wp.radians(lat2 * 50.0)),
        )
    dlon = k.let("dlon|dlam|dl", lon2 - lon1)
    if k.rng.chance(0.5):
        s1, s2 = (
            k.let("s1|sin_dlat", k.wp.sin((lat2 - lat1) * 0.5)),
            k.let("s2|sin_dlon", k.wp.sin(dlon * 0.5)),
        )
        h = k.let("h|hav|a", s1 * s1 + k.wp.cos(lat1) * k.wp.cos(lat2) * s2 * s2)
        c = 2.0 * k.wp.asin(k.wp.sqrt(k.wp.clamp(h, 0.0, 0.9)))
        k.give("distance|arc|great_circle", c * k.param("radius|earth_radius|r", k.real, 1.0, 6.4))
    else:
        y = k.let("y|num", k.wp.sin(dlon) * k.wp.cos(lat2))
        x = k.let("x|den", k.wp.cos(lat1) * k.wp.sin(lat2) - k.wp.sin(lat1) * k.wp.cos(lat2) * k.wp.cos(dlon))
        bearing = k.let("bearing|azimuth|course", k.wp.atan2(y, x))
        k.give("bearing|azimuth|course", k.wp.degrees(bearing) if k.rng.chance(0.4) else bearing)


@CATEGORY.motif()
def rounding_modes(k: Kit) -> None:
    """Quantize a value."""
    x = k.input("x|value|sample|level", k.real, -4.0, 4.0)
    step = k.param("step|quantum|delta", k.real, 0.1, 0.5)
    mode = k.rng.choice(("floor", "ceil", "round", "rint", "trunc"))
    q = k.let("q|index|level_idx", mapped(k, mode, x / step))
    kind = k.rng.integer(0, 3)
    if kind == 0:
        k.give("quantized|snapped|x_q", q * step)
    elif kind == 1:
        k.give("error|residual|noise_q", x - q * step)
    elif kind == 2:
        k.give("code|level_out|bin", k.cast(q, I32))
    else:
        k.give("dithered|out_x", k.wp.frac(x / step) * step + k.wp.sign(x))


@CATEGORY.motif()
def hyperbolic(k: Kit) -> None:
    """Hyperbolic functions."""
    x = k.input("x|u|eta|y", k.real, -1.5, 1.5)
    kind = k.rng.choice(("catenary", "identity", "asinh", "rapidity", "profile", "langevin"))
    if kind == "catenary":
        a = k.param("a|sag|tension", k.real, 0.5, 2.0)
        k.give("height|y|sag", (a * k.wp.cosh(x / a) - a).within(0.0, 10.0))
    elif kind == "identity":
        c, s = k.let("c|ch", k.wp.cosh(x)), k.let("s|sh", k.wp.sinh(x))
        k.give("defect|unity", c * c - s * s + k.wp.tanh(x))
    elif kind == "asinh":
        k.give("asinh_x|inverse", k.wp.log(k.wp.abs(x) + k.wp.sqrt(x * x + 1.0)) * k.wp.sign(x))
    elif kind == "rapidity":
        b = k.let("beta|b", k.wp.tanh(x))
        k.give("gamma|lorentz", 1.0 / k.wp.sqrt(k.wp.max(1.0 - b * b, 0.05)))
    elif kind == "profile":
        w = k.param("width|delta|w", k.real, 0.3, 1.5)
        s = k.let("s|sech", 1.0 / k.wp.cosh(x / w))
        k.give("soliton|profile|phi", s * s if k.rng.chance(0.6) else k.wp.tanh(x / w) * s)
    else:
        z = k.let("z|ax", k.wp.abs(x) + 0.2)
        k.give("langevin|magnetization", k.wp.cosh(z) / k.wp.sinh(z) - 1.0 / z)


@CATEGORY.motif()
def logarithms(k: Kit) -> None:
    """Logarithms and powers."""
    x = k.input("x|ratio|count|p", k.real, 0.05, 8.0)
    kind = k.rng.choice(("entropy", "bits", "decades", "log_mean", "log1p", "power", "cbrt", "lse"))
    if kind == "entropy":
        p = k.let("p|prob|pn", x / 10.0)
        k.give("entropy|h|info", -p * k.wp.log2(p) - (1.0 - p) * k.wp.log2(1.0 - p))
    elif kind == "bits":
        k.give("octave|mip|exponent", k.wp.floor(k.wp.log2(x)))
    elif kind == "decades":
        k.give("decibels|level|db", 10.0 * k.wp.log10(x / k.param("ref|reference", k.real, 0.5, 2.0)))
    elif kind == "log_mean":
        y = k.input("y|other|q", k.real, 9.0, 12.0)
        k.give("log_mean|lmtd", (y - x) / k.wp.log(y / x))
    elif kind == "log1p":
        k.give("compressed|log1p|tone", k.wp.log(1.0 + x) / k.wp.log(k.lit(9.0)))
    elif kind == "power":
        k.give("encoded|gamma_out|power", k.wp.pow(x, k.param("gamma|exponent|n", k.real, 0.4, 2.2)))
    elif kind == "cbrt":
        k.give("lightness|root3|edge", 1.16 * k.wp.cbrt(x) - 0.16 + k.wp.pow(x, 1.0 / 3.0))
    else:
        y = k.input("y|b|other", k.real, -2.0, 2.0)
        m = k.let("m|peak|hi", k.wp.max(x, y))
        k.give("logsumexp|lse|soft_max", m + k.wp.log(k.wp.exp(x - m) + k.wp.exp(y - m)))


@CATEGORY.motif()
def special_functions(k: Kit) -> None:
    """Approximate a special function."""
    x = k.input("x|z|r", k.real, 0.2, 3.0)
    kind = k.rng.choice(("bessel", "gamma", "sinc", "erf", "fresnel", "zeta", "ein"))
    if kind == "bessel":
        t = k.let("t|y|q", x * x * 0.25)
        k.give("j0|bessel", 1.0 - t + t * t * 0.25 - t * t * t / 36.0)
    elif kind == "gamma":
        value = k.wp.sqrt(6.283185 / x) * k.wp.pow((x + 1.0 / (12.0 * x)) * 0.367879, x)
        k.give("gamma_x|stirling", value)
    elif kind == "sinc":
        px = k.let("px|pix|arg", 3.141593 * x)
        k.give(
            "sinc|lanczos", k.wp.sin(px) / px * (k.wp.sin(px / 3.0) * 3.0 / px if k.rng.chance(0.4) else 1.0)
        )
    elif kind == "erf":
        t = k.let("t|u", 1.0 / (1.0 + 0.3275911 * x))
        poly = t * (0.254830 + t * (-0.284497 + t * (1.421414 + t * (-1.453152 + t * 1.061405))))
        k.give("erf_x|approx", 1.0 - poly * k.wp.exp(-x * x))
    elif kind == "fresnel":
        n = k.rng.integer(4, 8)
        acc = k.var("acc|s|integral", 0.0, k.real, lo=-4.0, hi=4.0)
        h = k.let("h|dx", x / float(n))
        with k.for_("i|n|step", n) as i:
            u = k.let("u|s|xi", (k.to_real(i) + 0.5) * h)
            k.add(acc, k.wp.cos(1.570796 * u * u) * h)
        k.give("fresnel_c|integral", acc)
    else:
        acc = k.var("acc|total|s", 0.0, k.real, lo=0.0, hi=12.0)
        with k.for_("n|i|m", k.rng.integer(4, 9), 1) as i:
            fn = k.define("fn|nf|order", k.to_real(i).within(1.0, 9.0))
            k.add(acc, k.wp.pow(fn, -x) if kind == "zeta" else k.wp.exp(-x * fn) / fn)
        k.give("zeta|series|ein", acc)


@CATEGORY.motif()
def refraction(k: Kit) -> None:
    """Angles at an interface."""
    a = k.input("theta_i|incidence|angle", k.real, 0.05, 1.2)
    eta = k.param("eta|n_ratio|ior_ratio", k.real, 0.5, 0.9)
    sin_t = k.let("sin_t|st", eta * k.wp.sin(a))
    kind = k.rng.integer(0, 2)
    if kind == 0:
        k.give("theta_t|refracted|angle_out", k.wp.asin(sin_t))
    elif kind == 1:
        cos_t = k.let("cos_t|ct", k.wp.sqrt(1.0 - sin_t * sin_t))
        r = k.let("rs|r_perp", (eta * k.wp.cos(a) - cos_t) / (eta * k.wp.cos(a) + cos_t + 0.01))
        k.give("reflectance|fresnel", r * r)
    else:
        f0 = k.param("f0|r0", k.real, 0.02, 0.5)
        k.give(
            "schlick|fresnel",
            f0 + (1.0 - f0) * k.wp.pow(1.0 - k.wp.cos(a), 5.0 if k.rng.chance(0.3) else 4.0),
        )


@CATEGORY.motif()
def kepler_equation(k: Kit) -> None:
    """Solve an equation by Newton's method."""
    m = k.input("mean_anomaly|M|target", k.real, 0.0, 3.0)
    e = k.param("ecc|e|coupling", k.real, 0.05, 0.6)
    x = k.var("E|x|root", m, lo=-4.0, hi=8.0)
    with k.for_("it|iter|n", k.rng.integer(3, 7)):
        f = k.let("f|res|fx", x - e * k.wp.sin(x) - m)
        df = k.let("df|slope|fp", 1.0 - e * k.wp.cos(x)).within(0.4, 1.6)
        if k.rng.chance(0.5):
            k.change(x, "-", f / df)
        else:
            k.set(x, (x - f / df).within(-4.0, 8.0))
    k.give("eccentric_anomaly|E|root", x)
    if k.rng.chance(0.4):
        k.give("true_anomaly|nu", 2.0 * k.wp.atan(k.wp.sqrt((1.0 + e) / (1.0 - e)) * k.wp.tan(x * 0.25)))


@CATEGORY.motif(weight=0.9)
def precise_functions(k: Kit) -> None:
    """Evaluate in another precision."""
    t = F64 if k.real is not F64 else F32
    x = k.cast(k.input("x|angle|arg", k.real, 0.1, 2.0), t)
    x = k.define("xd|wide|x_p", x)
    names = k.rng.sample(("sin", "cos", "exp", "log", "sqrt", "tanh", "atan", "cbrt", "erf"), 2)
    y = k.let("y|fd|value_d", mapped(k, names[0], x) * mapped(k, names[1], x))
    if k.rng.chance(0.4):
        y = k.wp.atan2(y, x + 1.0)
    k.give("precise|y|value", k.to_real(y) if k.rng.chance(0.6) else y)


@CATEGORY.motif(weight=0.9)
def smooth_extremes(k: Kit) -> None:
    """Smooth minimum and steps."""
    g = Grower(k)
    a, b = g.several(k.real, k.rng.integer(2, 4), 2)
    a, b = g.named(a, "a|d1|first"), g.named(b, "b|d2|second")
    s = k.param("k|smoothness|blend_radius", k.real, 0.2, 1.0)
    kind = k.rng.choice(("poly", "exp", "root", "step"))
    if kind == "poly":
        h = k.let("h|mix|w", k.wp.clamp(0.5 + 0.5 * (b - a) / s, 0.0, 1.0))
        k.give("smin|blended", k.wp.lerp(b, a, h) - s * h * (1.0 - h))
    elif kind == "exp":
        k.give("soft_min|smin", -k.wp.log(k.wp.exp(-a) + k.wp.exp(-b)) * s)
    elif kind == "root":
        d = k.let("d|diff", a - b)
        k.give("smax|upper", 0.5 * (a + b + k.wp.sqrt(d * d + s)))
    else:
        left, right = (round(x.lo, 2) if x.magnitude < 10 else -1.0 for x in (a, b))
        rise = k.wp.smoothstep(k.lit(left, k.real), left + 4.0 * s, a)
        k.give("smooth_step|window", rise * (1.0 - k.wp.smoothstep(k.lit(right, k.real), right + 4.0 * s, b)))


@CATEGORY.motif(weight=0.8)
def formula_of_functions(k: Kit) -> None:
    """Evaluate the model."""
    value = grow(k, k.real, k.rng.integer(3, 6))
    x = k.input("t|x|tau", k.real, 0.1, 2.0)
    name = k.rng.choice(("exp", "sin", "log", "tanh", "sqrt", "cos", "atan"))
    k.give(
        result_name(k),
        value * mapped(k, name, x) if k.rng.chance(0.5) else mapped(k, name, k.saturate(value) * 0.1) + x,
    )
