"""Training: losses and optimiser steps."""

from __future__ import annotations

from collections.abc import Callable

from warpgen.synthesis.categories.neural import CATEGORY
from warpgen.synthesis.categories.neural.layers import sigmoid
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.values import Value


@CATEGORY.motif()
def regression_loss(k: Kit) -> None:
    """Loss of a prediction and its gradient."""
    p = k.input("pred|y_hat|prediction|output", k.real, -2.0, 2.0)
    y = k.load("target|y|label|truth", k.real, -2.0, 2.0)
    e = k.define("err|diff|e|residual", p - y)
    kind = k.rng.choice(("mse", "mae", "huber", "logcosh", "quantile", "charbonnier", "eps", "cauchy"))
    if kind == "mse":
        loss, grad = 0.5 * e * e, e
    elif kind == "mae":
        loss, grad = k.wp.abs(e), k.wp.sign(e)
    elif kind == "charbonnier":
        root = k.define("root|r", k.wp.sqrt(e * e + 0.01))
        loss, grad = root - 0.1, e / root.within(0.1, 5.0)
    elif kind == "logcosh":
        loss, grad = k.wp.log(k.wp.cosh(e)), k.wp.tanh(e)
    elif kind == "cauchy":
        c = k.param("scale|c|sigma", k.real, 0.5, 2.0)
        s = k.define("s|z|u", e / c)
        loss, grad = k.wp.log(1.0 + s * s), 2.0 * s / (1.0 + s * s)
    elif kind == "quantile":
        tau = k.param("tau|quantile|q", k.real, 0.1, 0.9)
        loss, grad = k.wp.max(tau * e, (tau - 1.0) * e), k.wp.where(e > 0.0, tau, tau - 1.0)
    elif kind == "eps":
        tube = k.param("tube|epsilon_tube|margin", k.real, 0.05, 0.5)
        loss, grad = (
            k.wp.max(k.wp.abs(e) - tube, 0.0),
            k.wp.where(k.wp.abs(e) > tube, k.wp.sign(e), k.lit(0.0)),
        )
    else:
        delta = k.param("delta|beta|threshold", k.real, 0.2, 1.5)
        a = k.define("a|mag|abs_e", k.wp.abs(e))
        value = k.var("loss|l|value", 0.5 * e * e, lo=0.0, hi=16.0)
        with k.if_(a > delta):
            k.set(value, delta * (a - 0.5 * delta))
        loss, grad = value, k.wp.clamp(e, -delta, delta)
    weight = k.load("sample_weight|importance|w", k.real, 0.1, 1.0) if k.rng.chance(0.25) else None
    loss = k.let("loss|l|value", loss if weight is None else weight * loss)
    if k.rng.chance(0.35):
        total = k.output("loss|total_loss|loss_sum", k.real)
        k.discard(k.atomic("add", total, 0, loss))
    else:
        k.give("loss|sample_loss", loss)
    if k.rng.chance(0.6):
        k.give("grad|dpred|grad_out", grad)


@CATEGORY.motif()
def classification_loss(k: Kit) -> None:
    """Binary or margin loss of a logit."""
    z = k.input("logit|z|score", k.real, -3.0, 3.0)
    y = k.load("target|label|y", k.real, 0.0, 1.0)
    kind = k.rng.choice(("bce", "stable", "focal", "hinge", "smooth", "dice", "exp", "kl"))
    if kind == "stable":
        loss = k.wp.max(z, 0.0) - z * y + k.wp.log(1.0 + k.wp.exp(-k.wp.abs(z)))
    elif kind in ("hinge", "exp"):
        margin = k.define("margin|m|yz", (2.0 * y - 1.0) * z)
        loss = k.wp.max(1.0 - margin, 0.0) if kind == "hinge" else k.wp.exp(-margin)
        if kind == "hinge" and k.rng.chance(0.4):
            h = k.define("h|slack", loss)
            loss = h * h
    else:
        p = k.define("p|prob|sig", sigmoid(k, z))
        if kind == "dice":
            loss = 1.0 - (2.0 * p * y + 0.1) / (p + y + 0.1)
        elif kind == "kl":
            loss = y * (k.wp.log(y + 0.01) - k.wp.log(p + 0.01))
        else:
            if kind == "smooth":
                s = k.param("smoothing|label_smooth|eps_ls", k.real, 0.05, 0.2)
                y = k.define("soft|y_s|smoothed", y * (1.0 - s) + 0.5 * s)
            loss = -(y * k.wp.log(p + 1e-3) + (1.0 - y) * k.wp.log(1.001 - p))
            if kind == "focal":
                gamma = k.param("gamma|focus|focal_gamma", k.real, 1.0, 3.0)
                miss = k.let("miss|pt|q", k.wp.abs(y - p) + 0.01)
                loss = k.wp.pow(miss, gamma) * loss
    k.give("loss|bce|sample_loss", loss)


@CATEGORY.motif()
def vector_loss(k: Kit) -> None:
    """Contrastive, triplet or cosine loss of embeddings."""
    t = k.rng.choice((k.vec3, k.vec4, k.vec2))
    a, b = k.input("anchor|a|z_i|emb", t, -1.0, 1.0), k.load("positive|p|z_j|match", t, -1.0, 1.0)
    kind = k.rng.choice(("triplet", "cosine", "contrastive", "chamfer", "angular"))
    d = k.let("d|diff|ap", a - b)
    d2 = k.define("d2|dist2|pos_d", k.wp.dot(d, d))
    margin = k.param("margin|m|gap", k.real, 0.1, 0.5)  # cosines seldom come near one
    if kind == "triplet":
        c = k.load("negative|n|z_k|other", t, -1.0, 1.0)
        e = k.let("e|an|dn", a - c)
        loss = k.wp.max(d2 - k.wp.dot(e, e) + margin, 0.0)
    elif kind == "contrastive":
        same = k.load("same|is_pair|label", k.real, 0.0, 1.0)
        gap = k.define("gap_d|slack|hinge", k.wp.max(margin - k.wp.sqrt(d2 + 1e-3), 0.0))
        loss = same * d2 + (1.0 - same) * gap * gap
    elif kind == "chamfer":
        loss = k.wp.min(d2, margin)
    else:
        cosine = k.define("cos_sim|sim|c", k.wp.dot(a, b) / (k.wp.length(a) * k.wp.length(b) + 0.05))
        loss = 1.0 - cosine if kind == "cosine" else k.wp.max(cosine - margin, 0.0)
    k.give("loss|pair_loss", loss)


@CATEGORY.motif()
def optimizer_step(k: Kit) -> None:
    """One step of an optimiser on a parameter."""
    t = k.rng.choice((k.real, k.real, k.real, k.vec3, k.vec2))
    w = k.load("param_value|w|weight|theta", t, -1.0, 1.0)
    g = k.input("grad|g|gradient|dw", t, -1.0, 1.0)
    lr = k.param("lr|learning_rate|step_size|eta", k.real, 0.001, 0.1)
    kinds = (
        "sgd",
        "momentum",
        "nesterov",
        "adam",
        "adam",
        "adamw",
        "rmsprop",
        "adagrad",
        "lion",
        "adadelta",
        "sign",
        "lars",
    )
    kind = k.rng.choice(kinds)
    wp = k.wp

    if kind in ("sgd", "adamw", "momentum") and k.rng.chance(0.4):
        decay = k.param("weight_decay|decay|l2|wd", k.real, 0.001, 0.1)
        g = k.define("g_eff|g_reg|grad_w", g + decay * w)
    if kind == "sgd":
        k.give("weight|w_new|param_out", w - lr * g)
        return
    if kind == "sign":
        k.give("weight|w_new|param_out", w - lr * _each(k, wp.sign, g))
        return
    if kind == "lars":
        size, slope = (wp.length(w), wp.length(g)) if t.shape else (wp.abs(w), wp.abs(g))
        trust = k.define("trust|ratio|local_lr", size / (slope + 0.05))
        k.give("weight|w_new|param_out", w - lr * wp.min(trust, 10.0) * g)
        return
    beta = k.param("beta1|momentum|mu|beta", k.real, 0.8, 0.95)
    m = k.load("m|exp_avg|moment|velocity_buf", t, -0.5, 0.5)
    if kind in ("momentum", "nesterov", "lion"):
        if kind == "lion":
            beta2 = k.param("beta2|decay2", k.real, 0.95, 0.99)
            update = _each(k, wp.sign, k.define("blend|c_t|interp", beta * m + (1.0 - beta) * g))
            k.give("weight|w_new|param_out", w - lr * update)
            k.give("m_new|exp_avg|moment", beta2 * m + (1.0 - beta2) * g)
            return
        m_new = k.define("m_new|buf|vel", beta * m + g)
        k.give("weight|w_new|param_out", w - lr * (g + beta * m_new if kind == "nesterov" else m_new))
        k.give("m_new|velocity_buf", m_new)
        return
    _adaptive(k, kind, w, g, lr, m, beta)


def _each(k: Kit, formula: Callable[..., Value], *vs: Value) -> Value:
    """A scalar formula on each component."""
    t = vs[0].type
    if not t.shape:
        return formula(*vs)
    return k.make(t, *(formula(*(v[c] for v in vs)) for c in range(t.shape[0])))


def _times(k: Kit, a: Value, b: Value) -> Value:
    return k.wp.cw_mul(a, b) if a.type.shape else a * b


def _adaptive(k: Kit, kind: str, w: Value, g: Value, lr: Value, m: Value, beta: Value) -> None:
    """A step that is shorter where gradients were large."""
    t = w.type
    v = k.load("v|exp_avg_sq|cache|second_moment", t, 0.01, 0.5)
    beta2 = k.param("beta2|rho|decay_rate", k.real, 0.9, 0.99)
    square = _times(k, g, g)
    total = v + square if kind == "adagrad" else beta2 * v + (1.0 - beta2) * square
    v_new = k.define("v_new|sq_avg|s", total)
    eps = k.param("eps|epsilon|delta_eps", k.real, 1e-3, 1e-2)
    k.give("v_new|cache|exp_avg_sq", v_new)
    if kind in ("rmsprop", "adagrad"):
        k.give(
            "weight|w_new|param_out",
            w - lr * _each(k, lambda a, s: a / (k.wp.sqrt(s.within(0.005, 2.0)) + eps), g, v_new),
        )
        return
    if kind == "adadelta":
        u = k.load("acc_delta|delta_avg|u", t, 0.01, 0.3)
        step = k.define(
            "step|delta|dx",
            _each(k, lambda a, s, q: a * k.wp.sqrt((q + eps) / (s.within(0.005, 2.0) + eps)), g, v_new, u),
        )
        k.give("weight|w_new|param_out", w - step)
        k.give("delta_avg|u_new", beta2 * u + (1.0 - beta2) * _times(k, step, step))
        return
    m_new = k.define("m_new|mom|m_t", beta * m + (1.0 - beta) * g)
    c1, c2 = (
        k.param("bias1|correction1|bc1", k.real, 0.5, 1.0),
        k.param("bias2|correction2|bc2", k.real, 0.5, 1.0),
    )
    m_hat = k.let("m_hat|mh", m_new / c1)
    v_hat = k.let("v_hat|vh", v_new / c2)
    step = k.define(
        "step|delta|upd", _each(k, lambda a, s: a / (k.wp.sqrt(s.within(0.005, 2.0)) + eps), m_hat, v_hat)
    )
    k.give("weight|w_new|param_out", w - lr * step)
    k.give("m_new|exp_avg|moment", m_new)
