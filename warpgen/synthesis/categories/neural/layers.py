"""Neural networks: layers, activations, normalisation, attention, convolution."""

from __future__ import annotations

from collections.abc import Callable

from warpgen.synthesis.categories.neural import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import mat, vec
from warpgen.synthesis.language.values import Value


def sigmoid(k: Kit, x: Value) -> Value:
    return 1.0 / (1.0 + k.wp.exp(-k.wp.clamp(x, -8.0, 8.0) if x.magnitude > 9.0 else -x))


def activate(k: Kit, x: Value, kind: str) -> Value:
    """One of the usual activations of a scalar."""
    return _ACTIVATIONS[kind](k, x)


def _leaky(k: Kit, x: Value) -> Value:
    slope = k.param("slope|negative_slope|leak", k.real, 0.01, 0.3)
    return k.select("act|h|y", x > 0.0, x, k.let("neg|leaked", slope * x))


def _elu(k: Kit, x: Value) -> Value:
    alpha = k.param("alpha|elu_alpha", k.real, 0.5, 1.5)
    return k.select("act|h|y", x > 0.0, x, k.define("neg|expm1", alpha * (k.wp.exp(k.wp.min(x, 0.0)) - 1.0)))


def _square(k: Kit, x: Value) -> Value:
    r = k.let("r|pos", k.wp.max(x, 0.0))
    return r * r


_ACTIVATIONS: dict[str, Callable[[Kit, Value], Value]] = {
    "relu": lambda k, x: k.wp.max(x, 0.0),
    "leaky": _leaky,
    "sigmoid": sigmoid,
    "tanh": lambda k, x: k.wp.tanh(x),
    "gelu": lambda k, x: 0.5 * x * (1.0 + k.wp.tanh(0.797885 * (x + 0.044715 * x * x * x))),
    "silu": lambda k, x: x * sigmoid(k, x),
    "softplus": lambda k, x: k.wp.log(1.0 + k.wp.exp(k.wp.min(x, 8.0))),
    "elu": _elu,
    "mish": lambda k, x: x * k.wp.tanh(k.wp.log(1.0 + k.wp.exp(k.wp.min(x, 8.0)))),
    "hard_swish": lambda k, x: x * k.wp.clamp(x + 3.0, 0.0, 6.0) / 6.0,
    "selu": lambda k, x: 1.0507 * (k.wp.max(x, 0.0) + 1.67326 * (k.wp.exp(k.wp.min(x, 0.0)) - 1.0)),
    "softsign": lambda k, x: x / (1.0 + k.wp.abs(x)),
    "relu6": lambda k, x: k.wp.clamp(x, 0.0, 6.0),
    "gelu_erf": lambda k, x: 0.5 * x * (1.0 + k.wp.erf(x * 0.707107)),
    "square": _square,
}


@CATEGORY.motif()
def activation(k: Kit) -> None:
    """Apply an activation, or its derivative."""
    x = k.input("x|z|preact|logit", k.real, -4.0, 4.0)
    kind = k.rng.choice(list(_ACTIVATIONS))
    if k.rng.chance(0.7):
        k.give("h|y|activated|act", activate(k, x, kind))
        return
    grad = k.input("grad_out|dy|upstream", k.real, -1.0, 1.0)
    if kind == "tanh":
        t = k.define("t|y|th", k.wp.tanh(x))
        d = 1.0 - t * t
    elif kind in ("relu", "leaky", "relu6", "elu", "selu"):
        d = k.wp.where(x > 0.0, k.lit(1.0), k.lit(0.0 if kind == "relu" else 0.1))
    else:
        s = k.define("s|sig|y", sigmoid(k, x))
        d = s * (1.0 - s) if kind != "silu" else s * (1.0 + x * (1.0 - s))
    k.give("grad_in|dx|grad_x", grad * d)


@CATEGORY.motif(rank=2)
def dense_layer(k: Kit) -> None:
    """One output of a dense layer for one sample."""
    sample, unit = k.place
    n = k.rng.choice((4, 6, 8, 12, 16))
    x = k.array("inputs|x|features|activations_in", k.real, 2, lo=-1.0, hi=1.0)
    w = k.array("weights|w|W|kernel_w", k.real, 2, lo=-0.5, hi=0.5)
    by_out = k.rng.chance(0.5)
    bias = k.rng.chance(0.75)
    b = k.array("bias|b|biases", k.real, lo=-0.2, hi=0.2) if bias else None
    early = k.rng.chance(0.5)
    start = b[unit] if b is not None and early else 0.0
    total = k.var("acc|z|total|s", start, k.real, lo=-9.0, hi=9.0)
    count: int | Value = k.size("in_features|num_inputs|fan_in", n) if k.rng.chance(0.3) else n
    with k.for_("q|f|c|t", count) as q:
        k.add(total, x[sample, q] * (w[unit, q] if by_out else w[q, unit]))
    z = total if b is None or early else k.let("z|pre|out_v", total + b[unit])
    kind = k.rng.choice(("none", "relu", "tanh", "gelu", "silu", "sigmoid", "residual"))
    if kind == "residual":
        skip = k.array("skip|residual_in|identity_x", k.real, 2, lo=-1.0, hi=1.0)
        k.give("y|h|hidden", skip[sample, unit] + k.wp.max(z, 0.0))
    else:
        k.give("y|h|hidden|logits", z if kind == "none" else activate(k, z, kind))


@CATEGORY.motif()
def tiny_mlp(k: Kit) -> None:
    """A small multilayer perceptron with its weights in arrays or matrices."""
    n, hidden = k.rng.choice((2, 3, 4)), k.rng.choice((3, 4, 6, 8))
    vt = vec(n, k.real)
    x = k.input("x|features|obs|state_in", vt, -1.0, 1.0)
    kind = k.rng.choice(("relu", "tanh", "silu", "sine"))

    def act(v: Value) -> Value:
        return k.wp.sin(v) if kind == "sine" else activate(k, v, kind)

    if k.rng.chance(0.4) and hidden <= 4:
        ht = vec(hidden, k.real)
        w0 = k.param("w0|W1|layer0", mat(hidden, n, k.real), -1.0, 1.0)
        b0 = k.param("b0|bias0|bias_h", ht, -0.5, 0.5)
        h = k.var("h|hid|hidden", w0 @ x + b0, lo=-9.0, hi=9.0)
        with k.for_("u|q|j", hidden) as u:
            k.set(h[u], act(h[u]))
        out = k.param("w1|W2|readout", ht, -1.0, 1.0)
        k.give("y|value|prediction", k.wp.dot(out, h))
        return
    weights = k.array("w0|weights0|w_in", k.real, 2, lo=-1.0, hi=1.0)
    biases = k.array("b0|bias0|b_hidden", k.real, lo=-0.5, hi=0.5)
    readout = k.array("w1|weights1|w_out", k.real, lo=-1.0, hi=1.0)
    offset = k.param("b1|bias1|b_out", k.real, -0.5, 0.5) if k.rng.chance(0.5) else 0.0
    y = k.var("y|out_v|score", offset, k.real, lo=-80.0, hi=80.0)
    with k.for_("u|unit|j", hidden) as u:
        z = k.var("z|pre|s", biases[u], lo=-9.0, hi=9.0)
        if k.rng.chance(0.6):
            with k.for_("c|q|f", n) as c:
                k.add(z, weights[u, c] * x[c])
        else:
            for component in range(n):
                k.add(z, weights[u, component] * x[component])
        k.add(y, readout[u] * act(z))
    k.give("y|value|prediction|density", sigmoid(k, y) if k.rng.chance(0.3) else y)


@CATEGORY.motif(rank=1)
def softmax(k: Kit) -> None:
    """Softmax of a row of logits."""
    m = k.rng.choice((4, 5, 8, 10))
    logits = k.array("logits|scores|z|energies", k.real, 2, lo=-3.0, hi=3.0)
    i = k.flat
    kind = k.rng.choice(("probs", "log", "entropy", "expected", "online", "temperature"))
    inv_t = 1.0 / k.param("temperature|tau|temp", k.real, 0.5, 2.0) if kind == "temperature" else None

    def scaled(v: Value) -> Value:
        return v if inv_t is None else v * inv_t

    peak = k.var("peak|row_max|mx", scaled(logits[i, 0]), lo=-6.0, hi=6.0)
    total = k.var("total|denom|s|z_sum", 0.0 if kind != "online" else 1.0, k.real, lo=0.05, hi=2.0 * m)
    if kind == "online":
        with k.for_("c|j|q", m, 1) as c:
            v = k.define("v|x|cur", logits[i, c])
            fresh = k.define("fresh|new_max|mx_new", k.wp.max(peak, v))
            k.set(
                total,
                (
                    total * k.wp.exp((peak - fresh).within(-6.0, 0.0))
                    + k.wp.exp((v - fresh).within(-6.0, 0.0))
                ),
            )
            k.set(peak, fresh)
        k.give("lse|log_sum_exp", peak + k.wp.log(total))
        return
    with k.for_("c|j|q", m, 1) as c:
        k.set(peak, k.wp.max(peak, scaled(logits[i, c])))
    with k.for_("c|j|q", m) as c:
        k.add(total, k.wp.exp((scaled(logits[i, c]) - peak).within(-12.0, 0.0)))
    if kind in ("probs", "temperature"):
        out = k.output("probs|p|softmax_out", k.real, 2)
        with k.for_("c|j|q", m) as c:
            k.store(
                out,
                (i, c),
                k.wp.exp((scaled(logits[i, c]) - peak).within(-12.0, 0.0)) / total.within(0.5, 16.0),
            )
        return
    if kind == "log":
        label = k.define("label|target|y", k.index_array("labels|targets|classes", m)[i])
        k.give("nll|loss", peak + k.wp.log(total.within(0.5, 16.0)) - logits[i, label])
        return
    acc = k.var("acc|entropy|mean", 0.0, k.real, lo=-20.0, hi=20.0)
    values = k.array("values|support|bin_centers", k.real, lo=-1.0, hi=1.0) if kind == "expected" else None
    with k.for_("c|j|q", m) as c:
        p = k.define("p|prob|w", k.wp.exp((logits[i, c] - peak).within(-6.0, 0.0)) / total.within(0.5, 16.0))
        if values is not None:
            k.add(acc, p * values[c])
        else:
            k.change(acc, "-", p * k.wp.log(p + 1e-3))
    k.give("expected|mean" if values is not None else "entropy|h", acc)


@CATEGORY.motif(rank=1)
def layer_norm(k: Kit) -> None:
    """Normalise the features of a sample."""
    m = k.rng.choice((4, 6, 8, 12, 16))
    x = k.array("inputs|x|features|hidden_in", k.real, 2, lo=-2.0, hi=2.0)
    out = k.output("normalized|y|out_features", k.real, 2)
    gamma = k.array("gamma|weight|g", k.real, lo=0.5, hi=1.5)
    kind = k.rng.choice(("layer", "layer", "rms", "l2", "group", "minmax"))
    beta = k.array("beta|bias|shift_b", k.real, lo=-0.2, hi=0.2) if kind in ("layer", "group") else None
    eps = k.param("eps|epsilon|norm_eps", k.real, 1e-3, 1e-2)
    i = k.flat
    width = m // 2 if kind == "group" else m
    first: Value | int = 0
    if kind == "group":
        first = k.define("start|g0|first", (i % 2) * width)

    def column(c: Value) -> Value:
        return (first + c).within(0, m - 1) if isinstance(first, Value) else c

    if kind == "minmax":
        low, high = k.var("low|mn", x[i, 0], lo=-2.0, hi=2.0), k.var("high|mx", x[i, 0], lo=-2.0, hi=2.0)
        with k.for_("c|f|j", m, 1) as c:
            k.set(low, k.wp.min(low, x[i, c]))
            k.set(high, k.wp.max(high, x[i, c]))
        with k.for_("c|f|j", m) as c:
            k.store(out, (i, c), gamma[c] * (x[i, c] - low) / ((high - low).within(0.0, 4.0) + eps))
        return
    mean = k.var("mean|mu|avg", 0.0, k.real, lo=-2.0, hi=2.0) if kind in ("layer", "group") else None
    if mean is not None:
        with k.for_("c|f|j", width) as c:
            k.add(mean, x[i, column(c)])
        k.set(mean, mean / float(width)) if k.rng.chance(0.6) else k.change(mean, "*", round(1.0 / width, 6))
    var = k.var("var|sq|variance", 0.0, k.real, lo=0.0, hi=200.0)
    with k.for_("c|f|j", width) as c:
        d = k.define("d|diff|centered", x[i, column(c)] - mean) if mean is not None else x[i, column(c)]
        k.add(var, d * d)
    spread = var if kind == "l2" else var / float(width)
    inv = k.define("inv_std|inv|rstd", 1.0 / k.wp.sqrt(spread + eps))
    with k.for_("c|f|j", width) as c:
        at = column(c)
        centred = x[i, at] - mean if mean is not None else x[i, at]
        y = centred * inv * gamma[at]
        k.store(out, (i, at), y + beta[at] if beta is not None else y)


@CATEGORY.motif(rank=1)
def attention(k: Kit) -> None:
    """Attention of one query over a few keys."""
    m, d = k.rng.choice((4, 6, 8)), k.rng.choice((2, 3, 4))
    vt = vec(d, k.real)
    q = k.load("query|q", vt, -1.0, 1.0)
    keys = k.array("keys|key_vecs|k_cache", vt, lo=-1.0, hi=1.0)
    values = k.array("values|value_vecs|v_cache", vt, lo=-1.0, hi=1.0)
    kind = k.rng.choice(("dot", "dot", "causal", "linear", "gauss", "stable"))
    scale = k.param("scale|inv_sqrt_d|att_scale", k.real, 0.3, 1.0)
    acc = k.var("acc|context|out_v", k.zero(vt), lo=-600.0, hi=600.0)
    norm = k.var("norm|denom|w_sum", 0.0, k.real, lo=0.0, hi=600.0)
    peak = k.var("peak|mx|row_max", -20.0, k.real, lo=-20.0, hi=8.0) if kind == "stable" else None
    if peak is not None:
        with k.for_("t|j|s", m) as t:
            k.set(peak, k.wp.max(peak, scale * k.wp.dot(q, keys[t])))
    with k.for_("t|j|s", m) as t:
        if kind == "causal":
            k.continue_if(t > (k.flat % m).within(0, m))
        score = k.let("score|s|logit", scale * k.wp.dot(q, keys[t]))
        if kind == "linear":
            w = k.define("w|a|phi", k.wp.max(score, 0.0) + 0.05)
        elif kind == "gauss":
            diff = k.let("diff|dk", q - keys[t])
            w = k.define("w|a|weight", k.wp.exp(-scale * k.wp.dot(diff, diff)))
        else:
            w = k.define("w|a|weight", k.wp.exp(score - peak if peak is not None else score))
        k.add(acc, w * values[t])
        k.add(norm, w)
    k.give("context|attended|out_vec", acc / (norm + 1e-3))


@CATEGORY.motif(rank=2)
def convolution(k: Kit) -> None:
    """One output of a convolution or pooling layer."""
    i, j = k.place
    taps = k.rng.choice((2, 3, 3))
    kind = k.rng.choice(("conv2d", "conv2d", "conv1d", "depthwise", "maxpool", "avgpool", "dilated"))
    if kind == "conv1d":
        channels = k.rng.choice((2, 3, 4))
        x = k.array("sequence_in|x|tokens_in", k.real, 2, lo=-1.0, hi=1.0)
        w = k.array("filters|w|conv_w", k.real, 3, lo=-0.5, hi=0.5)
        acc = k.var("acc|z|s", 0.0, k.real, lo=-9.0, hi=9.0)
        with k.for_("t|tap|a", taps) as t, k.for_("c|ch|q", channels) as c:
            k.add(acc, w[j, t, c] * x[i + t, c])
        k.give("feature|y|conv_out", activate(k, acc, k.rng.choice(("relu", "tanh", "silu"))))
        return
    x = k.array("feature_map|x|image_in|plane", k.real, 2, lo=-1.0, hi=1.0)
    step = 2 if kind == "dilated" else 1
    stride = k.rng.choice((1, 2)) if kind in ("maxpool", "avgpool", "conv2d") else 1
    r0 = i * stride if stride > 1 else i
    c0 = j * stride if stride > 1 else j
    if kind in ("maxpool", "avgpool"):
        acc = k.var("best|pooled|acc", x[r0, c0] if kind == "maxpool" else 0.0, k.real, lo=-9.0, hi=9.0)
    else:
        bias = k.param("bias|b|offset", k.real, -0.5, 0.5)
        acc = k.var("acc|z|s", bias if k.rng.chance(0.5) else 0.0, k.real, lo=-9.0, hi=9.0)
    w2 = k.array("filter_w|w|conv_kernel", k.real, 2, lo=-0.5, hi=0.5)
    with k.for_("a|ky|p", taps) as a, k.for_("b|kx|q", taps) as b:
        pixel = x[r0 + (a * step if step > 1 else a), c0 + (b * step if step > 1 else b)]
        if kind == "maxpool":
            k.set(acc, k.wp.max(acc, pixel))
        elif kind == "avgpool":
            k.add(acc, pixel)
        else:
            k.add(acc, w2[a, b] * pixel)
    if kind == "avgpool":
        k.give("pooled|y", acc / float(taps * taps))
    elif kind == "maxpool":
        k.give("pooled|y", acc)
    else:
        k.give("feature|y|conv_out", activate(k, acc, k.rng.choice(("relu", "leaky", "gelu", "tanh"))))
