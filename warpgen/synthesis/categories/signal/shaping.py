"""More signal work: complex samples, oscillators, dynamics, quantisation, small transforms."""

from __future__ import annotations

from warpgen.synthesis.categories.signal import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32
from warpgen.synthesis.language.values import Value


@CATEGORY.motif()
def complex_product(k: Kit) -> None:
    """Arithmetic on complex samples."""
    a = k.input("a|z|h|iq", k.vec2, -1.0, 1.0)
    b = k.input("b|w|x_f|ref", k.vec2, -1.0, 1.0)
    kind = k.rng.choice(("mul", "conj_mul", "div", "power", "wiener"))
    if kind == "mul":
        k.give("product|ab|y_f", k.make(k.vec2, a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]))
    elif kind == "conj_mul":
        k.give("cross|xspec|ab_conj", k.make(k.vec2, a[0] * b[0] + a[1] * b[1], a[1] * b[0] - a[0] * b[1]))
    elif kind == "div":
        d = k.let("d|denom|mag2", k.wp.dot(b, b) + 0.1)
        k.give("quotient|ratio|h_est", k.make(k.vec2, k.wp.dot(a, b) / d, (a[1] * b[0] - a[0] * b[1]) / d))
    elif kind == "power":
        re, im = k.let("re|sq_re", a[0] * a[0] - a[1] * a[1]), k.let("im|sq_im", 2.0 * a[0] * a[1])
        k.give("squared|z2", k.make(k.vec2, re, im) + b)
    else:
        noise = k.param("noise|snr_inv|n0", k.real, 0.05, 0.5)
        g = k.let("g|gain|weight", k.wp.dot(a, a) / (k.wp.dot(a, a) + noise))
        k.give("denoised|wiener", b * g)


@CATEGORY.motif()
def instantaneous_phase(k: Kit) -> None:
    """Phase and frequency of complex samples."""
    z = k.input("z|iq|analytic", k.vec2, -1.0, 1.0)
    prev = k.load("z_prev|last_z|prev_iq", k.vec2, -1.0, 1.0)
    kind = k.rng.choice(("unwrap", "product", "polar", "am"))
    if kind == "unwrap":
        p1 = k.let("p1|phase|phi", k.wp.atan2(z[1], z[0] + 1e-3))
        p0 = k.let("p0|last_phase|phi0", k.wp.atan2(prev[1], prev[0] + 1e-3))
        d = k.var("d|dphi|delta", p1 - p0, lo=-6.3, hi=6.3)
        if k.rng.chance(0.5):
            with k.if_(d > 3.14159):
                k.change(d, "-", 6.28319)
            with k.elif_(d < -3.14159):
                k.add(d, 6.28319)
        else:
            k.change(d, "-", 6.28319 * k.wp.round(d / 6.28319))
        k.give("dphi|inst_freq|delta_phase", d)
    elif kind == "product":
        re = k.let("re|dot_z", k.wp.dot(z, prev))
        im = k.let("im|cross_z", z[1] * prev[0] - z[0] * prev[1])
        k.give("inst_freq|discriminator", k.wp.atan2(im, re + 1e-3))
    elif kind == "polar":
        k.give("magnitude|amp", k.wp.length(z))
        k.give("phase|arg", k.wp.atan2(z[1], z[0] + 1e-3))
    else:
        depth = k.param("depth|mod_index|m", k.real, 0.1, 1.0)
        k.give("am|modulated", (1.0 + depth * z[0]) * prev[0])


@CATEGORY.motif()
def oscillator(k: Kit) -> None:
    """A sample of an oscillator."""
    freq = k.input("freq|f0|pitch", k.real, 0.1, 5.0)
    t = k.param("time|t|now", k.real, 0.0, 2.0)
    phase0 = k.load("phase|phi0|start_phase", k.real, 0.0, 1.0)
    ph = k.define("ph|cycles|p", freq * t + phase0)
    shape = k.rng.choice(("sine", "saw", "square", "triangle", "fm", "additive", "pulse"))
    u = k.let("u|frac|cycle", ph - k.wp.floor(ph)).within(0.0, 1.0)
    if shape == "sine":
        y = k.wp.sin(6.28319 * ph)
    elif shape == "saw":
        y = 2.0 * u - 1.0
    elif shape == "square":
        y = k.select("y|sq|level", u < 0.5, k.lit(1.0), k.lit(-1.0))
    elif shape == "triangle":
        y = 4.0 * k.wp.abs(u - 0.5) - 1.0
    elif shape == "fm":
        index = k.param("mod_index|beta|fm_depth", k.real, 0.1, 3.0)
        y = k.wp.sin(6.28319 * ph + index * k.wp.sin(12.5664 * ph))
    elif shape == "pulse":
        duty = k.param("duty|pulse_width", k.real, 0.1, 0.9)
        y = k.wp.step(u - duty)
    else:
        y = k.var("y|sum|wave", 0.0, k.real, lo=-3.0, hi=3.0)
        with k.for_("h|harm|q", k.rng.choice((4, 5, 6, 9)), 1) as h:
            order = k.to_real(h).within(1.0, 9.0)
            k.add(y, k.wp.sin(6.28319 * order * ph) / order)
    gain = k.param("gain|amplitude|volume", k.real, 0.2, 1.0)
    k.give("sample|osc|wave", gain * y)


@CATEGORY.motif()
def dynamics(k: Kit) -> None:
    """Compressor, gate, clipper or companding of a sample."""
    x = k.input("x|sample|s", k.real, -2.0, 2.0)
    kind = k.rng.choice(("soft", "hard", "cubic", "compress", "gate", "mulaw", "fold", "db"))
    drive = k.param("drive|gain|pre", k.real, 0.5, 3.0)
    v = k.define("v|driven|g", drive * x)
    if kind == "soft":
        y = k.wp.tanh(v) if k.rng.chance(0.5) else v / (1.0 + k.wp.abs(v))
    elif kind == "hard":
        y = k.wp.clamp(v, -1.0, 1.0)
    elif kind == "cubic":
        c = k.define("c|limited", k.wp.clamp(v, -1.0, 1.0))
        y = 1.5 * c - 0.5 * c * c * c
    elif kind in ("compress", "gate"):
        level = k.define("level|mag|a", k.wp.abs(v))
        threshold = k.param("threshold|knee", k.real, 0.2, 0.8)
        y = k.var("y|out_s|shaped", v, lo=-8.0, hi=8.0)
        with k.if_(level > threshold if kind == "compress" else level < threshold):
            if kind == "compress":
                ratio = k.param("ratio|slope", k.real, 2.0, 8.0)
                k.set(y, k.wp.sign(v) * (threshold + (level - threshold) / ratio))
            else:
                k.change(y, "*", level / threshold)
    elif kind == "mulaw":
        y = k.wp.sign(v) * k.wp.log(1.0 + 255.0 * k.wp.abs(v)) * 0.18
    elif kind == "fold":
        y = k.wp.abs(k.wp.abs(v + 1.0) - 2.0) - 1.0
    else:
        y = 20.0 * k.wp.log10(k.wp.abs(v) + 1e-3)
    k.give("shaped|y|processed", y)


@CATEGORY.motif()
def quantise(k: Kit) -> None:
    """Quantise a sample to a number of levels."""
    x = k.input("x|sample|value", k.real, -1.0, 1.0)
    bits = k.rng.choice((4, 6, 8))
    scale = float(2 ** (bits - 1))
    kind = k.rng.choice(("round", "floor", "code", "error", "delta"))
    if kind == "round":
        k.give("quantized|xq", k.wp.round(x * scale) / scale)
    elif kind == "floor":
        k.give("quantized|xq", (k.wp.floor(x * scale) + 0.5) / scale)
    elif kind == "code":
        code = k.define("code|q|level", k.cast(k.wp.round(x * scale), I32))
        k.give("code|q", k.wp.clamp(code, -int(scale), int(scale) - 1))
    elif kind == "error":
        k.give("quant_error|noise", x - k.wp.round(x * scale) / scale)
    else:
        prev = k.load("predicted|prev|last_x", k.real, -1.0, 1.0)
        d = k.let("d|residual|diff", x - prev)
        step = k.param("step|delta_q", k.real, 0.05, 0.25)
        k.give("decoded|x_hat", prev + step * k.wp.round(d / step))


@CATEGORY.motif(rank=1)
def small_transform(k: Kit) -> None:
    """Transform of a short block held in registers."""
    x = k.array("blocks|x|data|samples", k.real, lo=-1.0, hi=1.0)
    kind = k.rng.choice(("hadamard", "dct4", "fft4", "prefix"))
    base = k.let("base|o|first", k.flat * 4)
    a, b, c, d = (
        k.define(n, x[base + j if j else base])
        for j, n in enumerate(("a|x0|s0", "b|x1|s1", "c|x2|s2", "d|x3|s3"))
    )
    if kind == "prefix":
        ab, cd = k.let("ab|left", a + b), k.let("cd|right", c + d)
        k.give("scan|prefix_sum", k.make(k.vec4, a, ab, ab + c, ab + cd))
        return
    if kind == "fft4":
        s, t = k.let("s|ac_sum", a + c), k.let("t|bd_sum", b + d)
        k.give("dc|X0", s + t)
        k.give("nyquist|X2", s - t)
        k.give("X1|fundamental", k.make(k.vec2, a - c, d - b))
        return
    if kind == "hadamard":
        p, q = k.let("p|s02", a + c), k.let("q|s13", b + d)
        r, s = k.let("r|d02", a - c), k.let("s|d13", b - d)
        y = k.make(k.vec4, p + q, p - q, r + s, r - s) * 0.5
    else:
        p, q = k.let("p|sum_ad", a + d), k.let("q|sum_bc", b + c)
        r, s = k.let("r|diff_ad", a - d), k.let("s|diff_bc", b - c)
        y = k.make(
            k.vec4, 0.5 * (p + q), 0.653281 * r + 0.270598 * s, 0.5 * (p - q), 0.270598 * r - 0.653281 * s
        )
    k.give("coeffs|block|y", y)


@CATEGORY.motif(rank=2)
def spectrogram(k: Kit) -> None:
    """Energy of one bin of one frame."""
    frame, bin_ = k.place
    m, hop = k.rng.choice((8, 12, 16)), k.rng.choice((2, 4))
    x = k.array("x|audio_data|samples|signal_data", k.real, lo=-1.0, hi=1.0)
    w = k.array("w|hann_table|window_data|win", k.real, lo=0.0, hi=1.0)
    re, im = k.var("re|a", 0.0, k.real, lo=-16, hi=16), k.var("im|b", 0.0, k.real, lo=-16, hi=16)
    omega = k.let("omega|w0|step", k.to_real(bin_) * round(6.283185 / m, 6))
    start = k.let("start|first|o", frame * hop)
    with k.for_("t|n|s", m) as t:
        v = k.let("v|xw|windowed", w[t] * x[start + t])
        angle = k.let("angle|ph|arg", omega * k.to_real(t))
        k.add(re, v * k.wp.cos(angle))
        k.change(im, "-", v * k.wp.sin(angle))
    power = k.let("power|energy|p", re * re + im * im)
    k.give("spectrogram|power|log_power", power if k.rng.chance(0.4) else k.wp.log(power + 0.01))


@CATEGORY.motif(rank=1)
def local_statistics(k: Kit) -> None:
    """Moving average, median, peak or zero crossings around a sample."""
    n = k.draft.shape[0]
    x = k.array("x|signal_data|samples|series", k.real, lo=-1.0, hi=1.0)
    i = k.flat
    kind = k.rng.choice(("median3", "average", "peak", "crossings", "teager", "difference"))

    def at(shift: int) -> Value:
        if shift == 0:
            return x[i]
        index = k.wp.min(i + shift, n - 1) if shift > 0 else k.wp.max(i + shift, 0)
        return x[index.within(0, n - 1)]

    if kind == "average":
        radius = k.rng.choice((1, 2, 3))
        acc = k.var("acc|sum|total", 0.0, k.real, lo=-8.0, hi=8.0)
        with k.for_("d|o|s", radius + 1, -radius) as d:
            k.add(acc, x[k.wp.clamp(i + d, 0, n - 1)])
        k.give("smoothed|average", acc / float(2 * radius + 1))
        return
    if kind == "crossings":
        m = k.rng.choice((4, 8))
        count = k.var("count|crossings|zc", 0, I32, lo=0, hi=m)
        with k.for_("s|t|j", m) as s:
            with k.if_(x[i + s] * x[i + s + 1] < 0.0):
                k.add(count, 1)
        k.give("crossings|zcr", count)
        return
    left, mid, right = (
        k.define("left|prev|a", at(-1)),
        k.define("mid|cur|b", at(0)),
        k.define("right|nxt|c", at(1)),
    )
    if kind == "median3":
        low, high = k.wp.min(left, mid), k.wp.max(left, mid)
        k.give("median|filtered", k.wp.max(low, k.wp.min(high, right)))
    elif kind == "peak":
        height = k.param("min_height|threshold|prominence", k.real, 0.0, 0.5)
        test = k.all(mid > left, mid > right, mid > height)
        k.give("is_peak|peak_flag", k.wp.where(test, k.lit(1), k.lit(0)))
    elif kind == "teager":
        k.give("energy|teager", mid * mid - left * right)
    else:
        k.give("derivative|slope", 0.5 * (right - left))
        if k.rng.chance(0.5):
            k.give("curvature|second_diff", left - 2.0 * mid + right)
