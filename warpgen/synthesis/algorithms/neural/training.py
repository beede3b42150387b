"""Losses, and the steps of optimisers."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.neural import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Bishop 2006, eq. 4.108; Szegedy et al. 2016 (smoothing); Lin et al. 2017 (focal)",
    names={
        "classification_loss": "cross_entropy|nll_loss|softmax_cross_entropy|focal_loss",
        "x": "logits|scores|outputs",
        "labels": "targets|classes|y_true",
        "m": "peak|max_logit|shift",
        "z": "denom|partition|sum_exp",
        "nll": "ce|cost|sample_loss",
        "smoothing": "epsilon|alpha|label_smoothing",
        "losses": "loss|cost_out|per_sample",
    },
    double=True,
    adjoint="no",
)
def classification_loss(d: Draft) -> None:
    """Computes the cross entropy of each sample's scores with its label."""
    kind = d.option("kind", "plain", "smoothed", "focal", "weighted", "soft targets")
    gradient = d.option("gradient", "loss", "both", "gradient")
    ignore = d.flag("ignore", 0.4) and kind != "soft targets"
    reduce = d.flag("reduce", 0.3) and gradient == "loss"
    normaliser = d.option("normaliser", "max then sum", "online")
    n, classes = d.pick(24, 32, 48), d.pick(4, 6, 10)
    if kind == "focal":
        gradient = "loss"
    d.input("x", "float", (n, classes), -3.0, 3.0)
    soft = kind == "soft targets"
    if soft:
        d.input("targets", "float", (n, classes), 0.0, 0.2)
    else:
        d.input("labels", "int", n, -1 if ignore else 0, classes)
    if kind == "smoothed":
        d.param("smoothing", "float", 0.05, 0.2)
    elif kind == "focal":
        d.param("gamma", "float", 1.0, 3.0)
    elif kind == "weighted":
        d.input("class_weight", "float", classes, 0.5, 2.0)
    if reduce:
        d.output("loss", "float", 1)
    elif gradient != "gradient":
        d.output("losses", "float", n)
    if gradient != "loss":
        d.output("dx", "float", (n, classes))
    if normaliser == "max then sum":
        sums = """
        m = float(x[i, 0])
        for c in range(1, x.shape[1]):
            m = wp.max(m, x[i, c])
        z = float(0.0)
        for c in range(x.shape[1]):
            z += wp.exp(x[i, c] - m)
        """
    else:
        sums = """
        m = float(x[i, 0])
        z = float(1.0)
        for c in range(1, x.shape[1]):
            s = x[i, c]
            if s > m:
                z = z * wp.exp(m - s) + 1.0
                m = s
            else:
                z += wp.exp(s - m)
        """
    lse = "log_z = m + wp.log(z)"
    share = "wp.exp(x[i, c] - log_z)"
    body = ""
    if kind == "plain":
        nll, slope = "log_z - x[i, label]", f"{share} - wp.where(c == label, 1.0, 0.0)"
    elif kind == "smoothed":
        body = """
        # the uniform part of the target asks for the mean of all scores
        mean = float(0.0)
        for c in range(x.shape[1]):
            mean += x[i, c] / float(x.shape[1])
        """
        nll = "log_z - (1.0 - smoothing) * x[i, label] - smoothing * mean"
        slope = f"{share} - smoothing / float(x.shape[1]) - wp.where(c == label, 1.0 - smoothing, 0.0)"
    elif kind == "focal":
        body = "log_p = x[i, label] - log_z\n# easy samples, of which p is near one, count less"
        nll, slope = "-wp.pow(1.0 - wp.exp(log_p), gamma) * log_p", ""
    elif kind == "weighted":
        nll = "class_weight[label] * (log_z - x[i, label])"
        slope = f"class_weight[label] * ({share} - wp.where(c == label, 1.0, 0.0))"
    else:
        body = """
        mass = float(0.0)
        expected = float(0.0)
        for c in range(x.shape[1]):
            mass += targets[i, c]
            expected += targets[i, c] * x[i, c]
        """
        nll, slope = "mass * log_z - expected", f"mass * {share} - targets[i, c]"
        d.says("Computes the cross entropy of each sample's scores with a distribution over classes.")
    if gradient == "gradient":
        body = body if soft else ""
        if soft:
            body = "mass = float(0.0)\nfor c in range(x.shape[1]):\n    mass += targets[i, c]"
    store = "wp.atomic_add(loss, 0, nll / float(x.shape[0]))" if reduce else "losses[i] = nll"
    if gradient == "gradient":
        d.says("Computes the gradient of the cross entropy with each sample's scores.")
        store, assign = "", ""
    else:
        assign = f"nll = {nll}" if reduce else f"losses[i] = {nll}"
        if not reduce:
            store = ""
    d.launch(n)
    d.code(
        """
        i = wp.tid()
        $label
        $ignore
        $sums
        $lse
        $body
        $assign
        $store
        $gradient
        """,
        label="" if soft else "label = labels[i]",
        ignore="# padding has no class, thus no loss\nif label < 0:\n    return" if ignore else "",
        sums=sums,
        lse=lse,
        body=body,
        assign=assign,
        store=store,
        gradient=f"for c in range(x.shape[1]):\n    dx[i, c] = {slope}" if gradient != "loss" else "",
    )

    def reference(v: Values) -> dict[str, Any]:
        log_p = v.x - np.log(np.exp(v.x).sum(axis=1, keepdims=True))
        label = np.zeros(n, int) if soft else np.maximum(v.labels, 0)
        target = v.targets if soft else np.eye(classes)[label]
        factor = np.ones(n)
        if kind == "smoothed":
            target = (1 - v.smoothing) * target + v.smoothing / classes
        elif kind == "focal":
            factor = (1 - np.exp(log_p[np.arange(n), label])) ** v.gamma
        elif kind == "weighted":
            factor = v.class_weight[label]
        if ignore:
            factor = factor * (v.labels >= 0)
        losses = -(target * log_p).sum(axis=1) * factor
        slope = factor[:, None] * (target.sum(axis=1, keepdims=True) * np.exp(log_p) - target)
        return (
            {"loss": losses.sum(keepdims=True) / n}
            if reduce
            else (
                ({"losses": losses} if gradient != "gradient" else {})
                | ({"dx": slope} if gradient != "loss" else {})
            )
        )

    d.check(reference, 3e-4)


_LOSSES = {  # of prediction y and target t (or label -1, 1)
    "huber": (
        (
            "r = y[i] - t[i]\n"
            "a = wp.abs(r)\n"
            "if a <= delta:\n"
            "    $f = 0.5 * r * r\n"
            "else:\n"
            "    $f = delta * (a - 0.5 * delta)"
        ),
        lambda v: np.where(
            np.abs(v.y - v.t) <= v.delta,
            0.5 * (v.y - v.t) ** 2,
            v.delta * (np.abs(v.y - v.t) - 0.5 * v.delta),
        ),
        "Computes the Huber loss of each prediction, quadratic near zero and linear beyond.",
    ),
    "log cosh": (
        (
            "r = y[i] - t[i]\n"
            "a = wp.abs(r)\n"
            "# log cosh r, written so that the exponential cannot overflow\n"
            "$f = a + wp.log(1.0 + wp.exp(-2.0 * a)) - 0.6931471805599453"
        ),
        lambda v: np.log(np.cosh(v.y - v.t)),
        "Computes the log-cosh loss of each prediction.",
    ),
    "pinball": (
        "r = t[i] - y[i]\n$f = wp.max(delta * r, (delta - 1.0) * r)",
        lambda v: np.where(v.t > v.y, v.delta, v.delta - 1) * (v.t - v.y),
        "Computes the pinball loss of each predicted quantile.",
    ),
    "bce": (
        (
            "x = y[i]\n"
            "# t log s(x) + (1 - t) log s(-x) without the overflow of either\n"
            "$f = wp.max(x, 0.0) - x * t[i] + wp.log(1.0 + wp.exp(-wp.abs(x)))"
        ),
        lambda v: -(v.t * np.log(1 / (1 + np.exp(-v.y))) + (1 - v.t) * np.log(1 / (1 + np.exp(v.y)))),
        "Computes the binary cross entropy of each score with its target.",
    ),
    "squared hinge": (
        (
            "label = wp.where(t[i] > 0.5, 1.0, -1.0)\n"
            "margin = wp.max(delta - label * y[i], 0.0)\n"
            "$f = margin * margin"
        ),
        lambda v: np.maximum(v.delta - np.where(v.t > 0.5, 1, -1) * v.y, 0.0) ** 2,
        "Computes the squared hinge loss of each score.",
    ),
    "charbonnier": (
        "r = y[i] - t[i]\n$f = wp.sqrt(r * r + delta * delta) - delta",
        lambda v: np.hypot(v.y - v.t, v.delta) - v.delta,
        "Computes the Charbonnier loss of each prediction, a smooth absolute difference.",
    ),
    "poisson": (
        (
            "# the rate is exp(y), so that it is positive whatever the network gives\n"
            "$f = wp.exp(y[i]) - t[i] * y[i]"
        ),
        lambda v: np.exp(v.y) - v.t * v.y,
        "Computes the negative log-likelihood of counts under Poisson distributions of predicted log-rate.",
    ),
    "gaussian": (
        "r = y[i] - t[i]\ns = log_var[i]\n$f = 0.5 * (s + r * r * wp.exp(-s))",
        lambda v: 0.5 * (v.log_var + (v.y - v.t) ** 2 / np.exp(v.log_var)),
        "Computes the negative log-likelihood of targets under Gaussians of predicted mean and log-variance.",
    ),
}


@DOMAIN.algorithm(
    source="Huber 1964; Koenker & Bassett 1978; Charbonnier et al. 1994; Kendall & Gal 2017",
    names={
        "regression_loss": "huber_loss|pointwise_loss|robust_loss|compute_loss",
        "y": "pred|predictions|outputs",
        "t": "target|targets|y_true",
        "r": "residual|diff|err",
        "delta": "threshold|margin_width|tau",
        "loss": "cost|objective|total_loss",
        "losses": "per_element|costs|pointwise",
        "weight": "sample_weight|weights|importance",
    },
    double=True,
    half=True,
)
def regression_loss(d: Draft) -> None:
    """Computes a loss of each prediction with its target."""
    kind = d.option("kind", *_LOSSES)
    reduction = d.option("reduction", "none", "mean", "sum")
    weighted = d.option("weighted", "no", "weights", "mask")
    text, value, sentence = _LOSSES[kind]
    n = d.pick(64, 96, 128, 256)
    low, high = (
        (0.0, 1.0) if kind in ("bce", "squared hinge") else (0.0, 4.0) if kind == "poisson" else (-2.0, 2.0)
    )
    d.input("y", "float", n, -2.0, 2.0)
    d.input("t", "float", n, low, high)
    if kind == "gaussian":
        d.input("log_var", "float", n, -1.0, 1.0)
    if weighted == "weights":
        d.input("weight", "float", n, 0.1, 2.0)
    elif weighted == "mask":
        d.input("valid", "int", n, 0, 3)
    if "delta" in text:
        d.param("delta", "float", 0.2, 0.9)
    factor = " * weight[i]" if weighted == "weights" else ""
    if reduction == "none":
        d.output("losses", "float", n)
    else:
        d.output("loss", "float", 1)
    target = "losses[i]" if reduction == "none" and not factor else "loss_i"
    body = text.replace("$f", target)
    if reduction == "none":
        store = f"losses[i] = loss_i{factor}" if factor else ""
    else:
        over = " / float(y.shape[0])" if reduction == "mean" else ""
        store = f"wp.atomic_add(loss, 0, loss_i{factor}{over})"
    d.says(
        sentence
        if reduction == "none"
        else sentence.replace("Computes", f"{reduction.capitalize()}s").replace("Means", "Averages")
    )
    d.launch(n)
    d.code(
        "i = wp.tid()\n$mask\n$body\n$store",
        mask="if valid[i] == 0:\n    return" if weighted == "mask" else "",
        body=body,
        store=store,
    )

    def reference(v: Values) -> dict[str, Any]:
        losses = value(v)
        if weighted == "weights":
            losses = losses * v.weight
        elif weighted == "mask":
            losses = losses * (v.valid != 0)
        if reduction == "none":
            return {"losses": losses}
        return {"loss": np.array([losses.sum() / (n if reduction == "mean" else 1)])}

    d.check(reference, 3e-4)


@DOMAIN.algorithm(
    source=(
        "Kingma & Ba 2015; Loshchilov & Hutter 2019; Chen et al. 2023 (Lion); Hinton 2012 "
        "(RMSProp); Duchi et al. 2011"
    ),
    names={
        "optimizer_step": "adam_step|update_params|apply_gradients|optimizer_update",
        "w": "params|weights|theta",
        "g": "grad|grads|gradient",
        "m": "exp_avg|first_moment|momentum_buf",
        "s": "exp_avg_sq|second_moment|sq_avg",
        "lr": "learning_rate|alpha|step_size",
        "beta1": "b1|momentum|mu",
        "beta2": "b2|rho|decay2",
        "eps": "epsilon|tiny",
        "decay": "weight_decay|wd|l2",
        "gi": "g_t|dw|gw",
    },
    double=True,
    adjoint="no",
)
def optimizer_step(d: Draft) -> None:
    """Moves parameters by one step of an optimiser."""
    kind = d.option(
        "kind", "sgd", "nesterov", "adam", "adamax", "lion", "rmsprop", "adagrad", "adadelta", "amsgrad"
    )
    decay = d.option("decay", "none", "coupled", "decoupled")
    clip = d.option("clip", "none", "value", "norm", weights=(2.0, 1.0, 1.0))
    type = d.option("type", "float", "vec3", weights=(3.0, 1.0))
    indexed = d.flag("indexed", 0.25)
    corrected = d.option("corrected", "inside", "by host")
    zero = d.flag("clear", 0.2)
    n = d.pick(64, 96, 128)
    vec = type == "vec3"
    if indexed:
        d.input("active", "int", n, kind="permutation")
    d.inout("w", type, n, -1.0, 1.0)
    if zero:
        d.inout("g", type, n, -1.0, 1.0)
    else:
        d.input("g", type, n, -1.0, 1.0)
    first = kind in ("sgd", "nesterov", "adam", "adamax", "lion", "amsgrad")
    second = kind in ("adam", "adamax", "rmsprop", "adagrad", "adadelta", "amsgrad")
    if first:
        d.inout("m", type, n, -0.5, 0.5)
    if second:
        d.inout("s", type, n, 0.2, 1.0)
    if kind == "adadelta":
        d.inout("moved", type, n, 0.01, 0.1)
    if kind == "amsgrad":
        d.inout("s_max", type, n, 0.2, 1.0)
    d.param("lr", "float", 0.01, 0.1)
    if first:
        d.param("beta1", "float", 0.8, 0.95)
    if (second and kind != "adagrad") or kind == "lion":
        d.param("beta2", "float", 0.9, 0.99)
    if second:
        d.param("eps", "float", 1e-6, 1e-3)
    biased = kind in ("adam", "adamax")
    if biased and corrected == "inside":
        d.param("t", "int", 2, 20)
    if decay != "none":
        d.param("decay", "float", 0.01, 0.1)
    if clip == "value":
        d.param("max_grad", "float", 0.4, 0.8)
    elif clip == "norm":
        d.input("grad_norm", "float", 1, 1.0, 8.0)
        d.param("max_norm", "float", 0.8, 2.0)

    def root(x: str) -> str:
        return f"wp.vec3(wp.sqrt({x}[0]), wp.sqrt({x}[1]), wp.sqrt({x}[2]))" if vec else f"wp.sqrt({x})"

    def times(a: str, b: str) -> str:
        return f"wp.cw_mul({a}, {b})" if vec else f"{a} * {b}"

    def over(a: str, b: str) -> str:
        return f"wp.cw_div({a}, {b})" if vec else f"{a} / ({b})"

    eps = "wp.vec3(eps)" if vec else "eps"
    lines = ["gi = g[i]"]
    if clip == "value":
        lines.append(
            "gi = wp.max(wp.min(gi, wp.vec3(max_grad)), wp.vec3(-max_grad))"
            if vec
            else "gi = wp.clamp(gi, -max_grad, max_grad)"
        )
    elif clip == "norm":
        lines += [
            "# the norm is over all parameters, and was summed before",
            "gi = gi * wp.min(1.0, max_norm / grad_norm[0])",
        ]
    if decay == "coupled":
        lines.append("gi = gi + decay * w[i]")
    shrink = "w[i] * (1.0 - lr * decay)" if decay == "decoupled" else "w[i]"
    if kind == "sgd":
        lines += ["mi = beta1 * m[i] + gi", "m[i] = mi", f"w[i] = {shrink} - lr * mi"]
    elif kind == "nesterov":
        lines += [
            "mi = beta1 * m[i] + gi",
            "m[i] = mi",
            "# looks ahead: as if the momentum had already acted",
            f"w[i] = {shrink} - lr * (gi + beta1 * mi)",
        ]
    elif kind == "lion":
        sign = "wp.vec3(wp.sign(u[0]), wp.sign(u[1]), wp.sign(u[2]))" if vec else "wp.sign(u)"
        lines += [
            "# only the sign counts, so that all steps are of one size",
            "u = beta1 * m[i] + (1.0 - beta1) * gi",
            f"w[i] = {shrink} - lr * {sign}",
            "m[i] = beta2 * m[i] + (1.0 - beta2) * gi",
        ]
    elif kind in ("rmsprop", "adagrad", "adadelta"):
        grown = (
            f"beta2 * s[i] + (1.0 - beta2) * {times('gi', 'gi')}"
            if kind != "adagrad"
            else f"s[i] + {times('gi', 'gi')}"
        )
        lines += [f"si = {grown}", "s[i] = si"]
        if kind == "adadelta":
            lines += [
                "# units agree: the step is in those of the parameters",
                f"old = moved[i] + {eps}",
                f"new = si + {eps}",
                f"step = {times(over(root('old'), root('new')), 'gi')}",
                f"moved[i] = beta2 * moved[i] + (1.0 - beta2) * {times('step', 'step')}",
                f"w[i] = {shrink} - lr * step",
            ]
        else:
            lines += [f"w[i] = {shrink} - lr * {over('gi', root('si') + ' + ' + eps)}"]
    else:
        lines += ["mi = beta1 * m[i] + (1.0 - beta1) * gi", "m[i] = mi"]
        if kind == "adamax":
            a = "wp.vec3(wp.abs(gi[0]), wp.abs(gi[1]), wp.abs(gi[2]))" if vec else "wp.abs(gi)"
            lines += [f"si = wp.max(beta2 * s[i], {a})"]
        else:
            lines += [f"si = beta2 * s[i] + (1.0 - beta2) * {times('gi', 'gi')}"]
        lines += ["s[i] = si"]
        mi, si = "mi", "si"
        if kind == "amsgrad":
            lines += [
                "# the largest ever, so that steps never grow again",
                "s_top = wp.max(s_max[i], si)",
                "s_max[i] = s_top",
            ]
            si = "s_top"
        if biased and corrected == "inside":
            lines += ["# both averages began at zero", "m_hat = mi / (1.0 - wp.pow(beta1, float(t)))"]
            mi = "m_hat"
            if kind == "adam":
                lines += ["s_hat = si / (1.0 - wp.pow(beta2, float(t)))"]
                si = "s_hat"
        size_of = si if kind == "adamax" else root(si)
        lines += [f"w[i] = {shrink} - lr * {over(mi, f'{size_of} + {eps}')}"]
    if zero:
        lines.append(f"g[i] = {'wp.vec3()' if vec else '0.0'}")
    names = {
        "sgd": "gradient descent with momentum",
        "nesterov": "Nesterov's accelerated gradient",
        "adam": "Adam",
        "adamax": "AdaMax",
        "lion": "Lion",
        "rmsprop": "RMSProp",
        "adagrad": "Adagrad",
        "adadelta": "Adadelta",
        "amsgrad": "AMSGrad",
    }
    d.says(f"Moves parameters by one step of {names[kind]}.")
    d.launch(n)
    d.code(
        "$ids\n$body",
        ids="tid = wp.tid()\ni = active[tid]" if indexed else "i = wp.tid()",
        body="\n".join(lines),
    )

    def reference(v: Values) -> dict[str, Any]:
        g, w, b1 = v.g, v.w, v.get("beta1")
        if clip == "value":
            g = np.clip(g, -v.max_grad, v.max_grad)
        elif clip == "norm":
            g = g * min(1.0, v.max_norm / v.grad_norm[0])
        if decay == "coupled":
            g = g + v.decay * w
        base = w * (1 - v.lr * v.decay) if decay == "decoupled" else w
        found: dict[str, Any] = {}
        if kind in ("sgd", "nesterov"):
            found["m"] = m = b1 * v.m + g
            step = m if kind == "sgd" else g + b1 * m
        elif kind == "lion":
            step = np.sign(b1 * v.m + (1 - b1) * g)
            found["m"] = v.beta2 * v.m + (1 - v.beta2) * g
        else:
            if first:
                found["m"] = b1 * v.m + (1 - b1) * g
            if kind == "adagrad":
                s = v.s + g * g
            elif kind == "adamax":
                s = np.maximum(v.beta2 * v.s, np.abs(g))
            else:
                s = v.beta2 * v.s + (1 - v.beta2) * g * g
            found["s"] = s
            top = found.get("m", g)
            if kind == "amsgrad":
                found["s_max"] = s = np.maximum(v.s_max, s)
            if biased and corrected == "inside":
                top = top / (1 - b1 ** float(v.t))
                s = s / (1 - v.beta2 ** float(v.t)) if kind == "adam" else s
            if kind == "adadelta":
                step = np.sqrt((v.moved + v.eps) / (s + v.eps)) * g
                found["moved"] = v.beta2 * v.moved + (1 - v.beta2) * step**2
            else:
                step = top / ((s if kind == "adamax" else np.sqrt(s)) + v.eps)
        found["w"] = base - v.lr * step
        if zero:
            found["g"] = 0.0 * g
        return found

    d.check(reference, 3e-4)
