"""Signals: filters, transforms, windows, wavelets, resampling, envelopes, oscillators."""

from __future__ import annotations

import math

from warpgen.synthesis.categories.signal import CATEGORY
from warpgen.synthesis.kit.draft import Array
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32
from warpgen.synthesis.language.values import Value

_SIGNAL = "x|samples|signal_data|audio_data|series|signal_in"
_PI = "wp.pi"


def _signal(k: Kit, names: str = _SIGNAL) -> Array:
    return k.array(names, k.real, lo=-1.0, hi=1.0)


def _pi(k: Kit, factor: float = 1.0) -> Value:
    """A multiple of pi as people write it."""
    if k.real.name == "float32" and k.rng.chance(0.5):
        text = (
            _PI
            if factor == 1.0
            else f"{factor:g}.0 * {_PI}"
            if factor == int(factor)
            else f"{factor} * {_PI}"
        )
        return Value(text, k.real, factor * math.pi, factor * math.pi, k.author, 12 if factor == 1.0 else 10)
    return k.lit(round(factor * math.pi, 6))


@CATEGORY.motif(rank=1)
def fir_filter(k: Kit) -> None:
    """Finite impulse response filter."""
    n, taps = k.draft.shape[0], k.rng.choice((3, 4, 5, 7, 8))
    x = _signal(k)
    h = k.array("taps|h|coeffs|kernel|b", k.real, lo=-0.5, hi=0.5)
    i = k.flat
    y = k.var("y|acc|out_sample|sum", 0.0, k.real, lo=-8.0, hi=8.0)
    rule = k.rng.choice(("clamp", "wrap", "zero", "skip", "symmetric"))
    if rule == "symmetric":
        half = taps // 2
        k.add(y, h[0] * x[i])
        with k.for_("j|t|m", half + 1, 1) as j:
            left = k.wp.max(i - j, 0).within(0, n - 1)
            right = k.wp.min(i + j, k.extent() - 1).within(0, n - 1)
            k.add(y, h[j] * (x[left] + x[right]))
    else:
        centred = k.rng.chance(0.4)
        with k.for_("j|t|m|tap", taps) as j:
            at = k.define("s|src|at|idx", i - j + taps // 2 if centred else i - j)
            if rule == "clamp":
                k.add(y, h[j] * x[k.wp.clamp(at, 0, n - 1)])
            elif rule == "wrap":
                k.add(y, h[j] * x[((at + k.extent()) % k.extent()).within(0, n - 1)])
            elif rule == "zero":
                with k.if_(k.between(0, at, k.extent()) if centred else at >= 0):
                    k.add(y, h[j] * x[at.within(0, n + taps // 2)])
            else:
                k.continue_if(at < 0)
                k.add(y, h[j] * x[at.within(0, n + taps // 2)])
    if k.rng.chance(0.25):
        gain = k.param("gain|volume|scale", k.real, 0.2, 4.0)
        k.give("filtered|y", gain * y)
    else:
        k.give("filtered|y|smoothed", y)


@CATEGORY.motif(rank=1)
def biquad(k: Kit) -> None:
    """Second-order recursive filter along one channel."""
    m = k.rng.choice((8, 12, 16))
    x = k.array("channels|x|audio_data|signals", k.real, 2, lo=-1.0, hi=1.0)
    y_out = k.output("filtered|y_out|out_signal", k.real, 2)
    b0, b1, b2 = (
        k.param(f"b{j}", k.real, lo, hi) for j, lo, hi in ((0, 0.1, 0.5), (1, 0.05, 0.4), (2, 0.02, 0.3))
    )
    a1, a2 = k.param("a1", k.real, -0.5, -0.1), k.param("a2", k.real, 0.05, 0.3)
    length: int | Value = k.size("num_samples|length|num_frames", m) if k.rng.chance(0.25) else m
    form = k.rng.choice(("df1", "df2", "tdf2"))
    i = k.flat
    if form == "df1":
        x1, x2, y1, y2 = (
            k.var(v, 0.0, k.real, lo=-20, hi=20) for v in ("x1|xm1", "x2|xm2", "y1|ym1", "y2|ym2")
        )
        with k.for_("t|n|s", length) as t:
            x0 = k.define("x0|xn|cur", x[i, t])
            y0 = k.define(
                "y0|yn|out_n", (b0 * x0 + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2).within(-20.0, 20.0)
            )
            k.store(y_out, (i, t), y0)
            for target, value in ((x2, x1), (x1, x0), (y2, y1), (y1, y0)):
                k.set(target, value)
        k.give("last_y|tail", y1)
        return
    s1, s2 = (
        k.var("s1|z1|w1", 0.0, k.real, lo=-20.0, hi=20.0),
        k.var("s2|z2|w2", 0.0, k.real, lo=-20.0, hi=20.0),
    )
    with k.for_("t|n|s", length) as t:
        x0 = k.define("x0|xn|cur", x[i, t])
        if form == "df2":
            w = k.define("w|v|w0", (x0 - a1 * s1 - a2 * s2).within(-20.0, 20.0))
            y0 = k.define("y0|yn", b0 * w + b1 * s1 + b2 * s2)
            k.set(s2, s1)
            k.set(s1, w)
        else:
            y0 = k.define("y0|yn", b0 * x0 + s1)
            k.set(s1, (b1 * x0 - a1 * y0 + s2).within(-20.0, 20.0))
            k.set(s2, (b2 * x0 - a2 * y0).within(-20.0, 20.0))
        k.store(y_out, (i, t), y0)


@CATEGORY.motif(rank=1)
def butterfly(k: Kit) -> None:
    """One radix-2 butterfly of an FFT stage."""
    n = k.draft.shape[0]
    half = k.rng.choice((1, 2, 4, 8))
    data = k.array("data|spectrum|z|buf", k.vec2, lo=-1.0, hi=1.0)
    out = k.output("stage_out|next_stage|out_z", k.vec2)
    i = k.flat
    h = k.size("half|half_size|stride|m", half) if k.rng.chance(0.5) else k.lit(half)
    if half > 1 and k.rng.chance(0.4):
        low = k.let("j|pos|q", i & (half - 1))
        base = k.let("base|top|a_idx", ((i >> int(math.log2(half))) << int(math.log2(2 * half))) + low)
    else:
        low = k.let("j|pos|q", (i % h).within(0, max(half - 1, 0)))
        base = k.let("base|top|a_idx", ((i // h) * (2 * half) + low).within(0, 2 * n))
    base = base.within(0, 2 * n)
    other = k.let("other|bot|b_idx", (base + h).within(0, 2 * n + half))
    sign = k.rng.choice((-1.0, -1.0, 1.0))
    h_real = k.to_real(h) if h.is_name else k.lit(float(half))
    angle = k.let(
        "angle|theta|phi",
        _pi(k) * k.to_real(low) / h_real if sign > 0 else -_pi(k) * k.to_real(low) / h_real,
    )
    c, s = k.define("wr|c|tw_re", k.wp.cos(angle)), k.define("wi|s|tw_im", k.wp.sin(angle))
    a, b = k.define("a|u|even", data[base]), k.define("b|v|odd", data[other])
    re = k.let("tr|br|re", c * b[0] - s * b[1])
    im = k.let("ti|bi|im", c * b[1] + s * b[0])
    t = k.define("t|wb|twiddled", k.make(k.vec2, re, im))
    k.store(out, base, a + t)
    k.store(out, other, a - t)


@CATEGORY.motif(rank=1)
def dft_bin(k: Kit) -> None:
    """One frequency bin of a discrete transform."""
    m = k.rng.choice((8, 12, 16))
    x = _signal(k)
    bins = k.array("bins|freqs|bin_ids", I32, lo=0, hi=m - 1)
    q = k.define("kk|bin_id|f|freq_bin", bins[k.flat] if k.rng.chance(0.4) else (k.flat % m).within(0, m - 1))
    kind = k.rng.choice(("dft", "dft", "goertzel", "dct", "hartley"))
    w = k.define("w|omega|step", _pi(k, 1.0 if kind == "dct" else 2.0) * k.to_real(q) / float(m))
    if kind == "goertzel":
        coeff = k.let("coeff|c2", 2.0 * k.wp.cos(w))
        s1, s2 = k.var("s1|q1", 0.0, k.real, lo=-40, hi=40), k.var("s2|q2", 0.0, k.real, lo=-40, hi=40)
        with k.for_("t|n|s", m) as t:
            s0 = k.define("s0|q0", (x[t] + coeff * s1 - s2).within(-40.0, 40.0))
            k.set(s2, s1)
            k.set(s1, s0)
        k.give("power|energy|magnitude_sq", s1 * s1 + s2 * s2 - coeff * s1 * s2)
        return
    re, im = (
        k.var("re|real_part|a", 0.0, k.real, lo=-16.0, hi=16.0),
        k.var("im|imag_part|b", 0.0, k.real, lo=-16.0, hi=16.0),
    )
    with k.for_("t|n|s", m) as t:
        angle = k.let("angle|phase|arg", w * (k.to_real(t) + 0.5) if kind == "dct" else w * k.to_real(t))
        if kind == "hartley":
            k.add(re, x[t] * (k.wp.cos(angle) + k.wp.sin(angle)))
        else:
            k.add(re, x[t] * k.wp.cos(angle))
            if kind == "dft":
                k.change(im, k.rng.choice("+-"), x[t] * k.wp.sin(angle))
    if kind != "dft":
        k.give("coeff|spectrum|X", re * round(math.sqrt(2.0 / m), 6))
        return
    style = k.rng.integer(0, 3)
    if style == 0:
        k.give("magnitude|amplitude|mag", k.wp.sqrt(re * re + im * im + 1e-3))
    elif style == 1:
        k.give("power|psd", (re * re + im * im) / float(m))
    elif style == 2:
        k.give("phase|arg", k.wp.atan2(im, re + 0.01))
    else:
        k.give("spectrum|X|bin_value", k.make(k.vec2, re, im))


@CATEGORY.motif()
def window(k: Kit) -> None:
    """Window function applied to a sample."""
    x = k.input("sample|x|s", k.real, -1.0, 1.0)
    total = 1
    for extent in k.draft.shape:
        total *= extent
    t = k.define("t|u|phase", k.to_real(k.flat) / float(max(total - 1, 1))).within(0.0, 1.0)
    kind = k.rng.choice(("hann", "hamming", "blackman", "gauss", "triangle", "welch", "tukey", "sine"))
    if kind == "hann":
        w = 0.5 - 0.5 * k.wp.cos(_pi(k, 2.0) * t)
    elif kind == "hamming":
        w = 0.54 - 0.46 * k.wp.cos(_pi(k, 2.0) * t)
    elif kind == "blackman":
        w = 0.42 - 0.5 * k.wp.cos(_pi(k, 2.0) * t) + 0.08 * k.wp.cos(_pi(k, 4.0) * t)
    elif kind == "gauss":
        sigma = k.param("sigma|width|spread", k.real, 0.2, 0.6)
        d = k.let("d|z|dist", (t - 0.5) / sigma)
        w = k.wp.exp(-0.5 * d * d)
    elif kind == "triangle":
        w = 1.0 - k.wp.abs(2.0 * t - 1.0)
    elif kind == "welch":
        d = k.let("d|c|z", 2.0 * t - 1.0)
        w = 1.0 - d * d
    elif kind == "tukey":
        alpha = k.param("alpha|taper", k.real, 0.2, 0.8)
        edge = k.define("edge|dist|m", k.wp.min(t, 1.0 - t) * 2.0)
        w = k.var("w|win|weight", 1.0, k.real, lo=0.0, hi=1.0)
        with k.if_(edge < alpha):
            k.set(w, (0.5 - 0.5 * k.wp.cos(_pi(k) * edge / alpha)).within(0.0, 1.0))
    else:
        w = k.wp.sin(_pi(k) * t)
    k.give("windowed|tapered|xw", x * k.let("w|win|weight", w))


@CATEGORY.motif(rank=1)
def correlation(k: Kit) -> None:
    """Correlation of two signals at the lag of this thread."""
    m = k.rng.choice((8, 12, 16))
    a, b = _signal(k, "a|reference|template|x"), _signal(k, "b|signal_b|query|y")
    kind = k.rng.choice(("cross", "normalized", "difference", "auto", "covariance"))
    lag = k.flat
    acc = k.var("acc|corr|r|sum", 0.0, k.real, lo=-64.0, hi=64.0)
    ea, eb = (
        (
            k.var("ea|norm_a|saa", 0.0, k.real, lo=0.0, hi=16.0),
            k.var("eb|norm_b|sbb", 0.0, k.real, lo=0.0, hi=16.0),
        )
        if kind == "normalized"
        else (None, None)
    )
    mean = k.var("mean|mu|bias", 0.0, k.real, lo=-1.0, hi=1.0) if kind == "covariance" else None
    if mean is not None:
        with k.for_("t|s|j", m) as t:
            k.add(mean, b[t + lag] / float(m))
    with k.for_("t|s|j", m) as t:
        u = k.let("u|p|xa", a[t])
        v = k.let("v|q|xb", (a if kind == "auto" else b)[t + lag])
        if kind == "difference":
            d = k.let("d|diff|e", u - v)
            k.add(acc, d * d if k.rng.chance(0.6) else k.wp.abs(d))
        elif mean is not None:
            k.add(acc, u * (v - mean))
        else:
            k.add(acc, u * v)
        if ea is not None and eb is not None:
            k.add(ea, u * u)
            k.add(eb, v * v)
    if ea is not None and eb is not None:
        k.give("score|ncc|similarity", acc / k.wp.sqrt(ea * eb + 0.01))
    else:
        k.give("corr|lag_score|r", acc / float(m) if k.rng.chance(0.4) else acc)


@CATEGORY.motif(rank=1)
def wavelet(k: Kit) -> None:
    """One level of a wavelet transform."""
    x = _signal(k)
    i = k.flat
    kind = k.rng.choice(("haar", "cdf53", "db4", "inverse_haar"))
    n = k.draft.shape[0]
    a = k.define("a|even|x0", x[2 * i])
    b = k.define("b|odd|x1", x[2 * i + 1])
    s = round(math.sqrt(0.5), 6)
    if kind == "haar":
        k.give("approx|low|average", (a + b) * s)
        k.give("detail|high|diff", (a - b) * s)
    elif kind == "cdf53":
        last = k.lit(2 * n)
        nxt = k.let("c|next_even|x2", x[k.wp.min(2 * i + 2, last)])
        prev = k.let("z|prev_odd|xm1", x[k.wp.max(2 * i - 1, 1).within(1, 2 * n)])
        d = k.define("d|detail|predict", b - 0.5 * (a + nxt))
        k.give("detail|high", d)
        k.give("approx|low", a + 0.25 * (d + prev))
    elif kind == "db4":
        c, d = x[2 * i + 2], x[2 * i + 3]
        k.give("approx|low", 0.482963 * a + 0.836516 * b + 0.224144 * c - 0.12941 * d)
        k.give("detail|high", -0.12941 * a - 0.224144 * b + 0.836516 * c - 0.482963 * d)
    else:
        out = k.output("restored|reconstructed|out_signal", k.real)
        soft = k.param("threshold|lam|shrink", k.real, 0.05, 0.3)
        mag = k.let("mag|level", k.wp.max(k.wp.abs(b) - soft, 0.0))
        detail = k.let("detail|shrunk", k.wp.sign(b) * mag)
        k.store(out, 2 * i, (a + detail) * s)
        k.store(out, 2 * i + 1, (a - detail) * s)


@CATEGORY.motif(rank=1)
def resample(k: Kit) -> None:
    """Read a signal at a fractional position."""
    n = k.draft.shape[0]
    x = _signal(k)
    ratio = k.param("ratio|rate|speed|step", k.real, 0.5, 1.5)
    if k.rng.chance(0.6):
        pos = k.define("pos|t|src_pos", (k.to_real(k.flat) * ratio).within(0.0, 1.5 * n))
    else:
        delay = k.load("delay|offset|jitter", k.real, 0.0, 4.0)
        pos = k.define("pos|t|src_pos", k.to_real(k.flat) + delay)
    top = int(pos.hi) + 1
    i0 = k.define("i0|base|idx", k.cast(k.wp.floor(pos), I32))
    f = k.define("frac|f|mu", pos - k.to_real(i0)).within(0.0, 1.0)
    kind = k.rng.choice(("linear", "linear", "cubic", "nearest", "lanczos"))
    if kind == "nearest":
        k.give("resampled|y", x[k.cast(k.wp.round(pos), I32).within(0, top)])
    elif kind == "linear":
        a, b = x[i0], x[i0 + 1]
        k.give("resampled|y", k.wp.lerp(a, b, f) if k.rng.chance(0.5) else a + (b - a) * f)
    elif kind == "cubic":
        p = [k.define(f"p{j}|y{j}", x[i0 + j if j else i0]) for j in range(4)]
        c1 = k.let("c1|m1", 0.5 * (p[2] - p[0]))
        c2 = k.let("c2|m2", p[0] - 2.5 * p[1] + 2.0 * p[2] - 0.5 * p[3])
        c3 = k.let("c3|m3", 1.5 * (p[1] - p[2]) + 0.5 * (p[3] - p[0]))
        k.give("resampled|y", ((c3 * f + c2) * f + c1) * f + p[1])
    else:
        acc, norm = (
            k.var("acc|y|sum", 0.0, k.real, lo=-8, hi=8),
            k.var("norm|w_sum", 0.0, k.real, lo=0.0, hi=8.0),
        )
        with k.for_("j|t|m", 4) as j:
            d = k.define("d|z|u", f + 1.0 - k.to_real(j) + 1e-3)
            px = k.let("px|arg|pd", _pi(k) * d)
            w = k.define("w|weight", k.wp.sin(px) / px.within(0.001, 9.0) * k.wp.cos(0.25 * px))
            k.add(acc, w * x[i0 + j])
            k.add(norm, k.wp.abs(w))
        k.give("resampled|y", acc / (norm + 0.1))


@CATEGORY.motif(rank=1)
def envelope(k: Kit) -> None:
    """Envelope follower along one channel."""
    m = k.rng.choice((8, 12, 16))
    x = k.array("channels|x|frames|tracks", k.real, 2, lo=-1.0, hi=1.0)
    attack, release = (
        k.param("attack|alpha_up", k.real, 0.2, 0.9),
        k.param("release|alpha_down|decay", k.real, 0.02, 0.2),
    )
    kind = k.rng.choice(("peak", "rms", "onset"))
    env = k.var("env|level|e", 0.0, k.real, lo=0.0, hi=1.0)
    extra = k.var("flux|onset|rise", 0.0, k.real, lo=0.0, hi=16.0) if kind == "onset" else None
    with k.for_("t|n|s", m) as t:
        v = x[k.flat, t]
        level = k.define("level_t|a|mag", v * v if kind == "rms" else k.wp.abs(v)).within(0.0, 1.0)
        rate = k.select("rate|coef|g", level > env, attack, release)
        if extra is not None:
            k.add(extra, k.wp.max(level - env, 0.0))
        k.set(env, (env + rate * (level - env)).within(0.0, 1.0))
    k.give("envelope|env|loudness", k.wp.sqrt(env) if kind == "rms" else env)
    if extra is not None:
        k.give("flux|onset", extra)
