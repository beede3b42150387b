"""Losses, and the steps of optimisers."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.neural import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Bishop 2006, eq. 4.108; Szegedy et al. 2016 (smoothing); Lin et al. 2017 (focal)",
    names={
        "classification_loss": "softmax_cross_entropy|cross_entropy|class_loss",
        "x": "logits|scores|class_scores",
        "labels": "targets|classes|y_true",
        "m": "peak|max_logit|shift",
        "z": "denom|partition|sum_exp",
        "nll": "ce|cost|sample_loss",
        "smoothing": "epsilon|alpha|label_smoothing",
        "losses": "loss|cost_out|per_sample",
        "NUM_CLASSES": "CLASSES|N_CLASSES|C",
    },
    double=True,
    element="sample",
    weight=3,
)
def classification_loss(d: Draft) -> None:
    """Computes the cross entropy between logits and labels."""
    kind = d.option("kind", "plain", "smoothed", "focal", "weighted", "soft targets")
    gradient = d.option("gradient", "loss", "both", "gradient", weights=(0.6, 0.2, 0.2))
    ignore = d.flag("ignore", 0.4) and kind != "soft targets"
    reduce = d.flag("reduce", 0.3) and gradient == "loss"
    normaliser = d.option("normaliser", "max then sum", "online")
    fixed = d.flag("fixed classes", 0.75)
    n, classes = d.pick(24, 32, 48), d.pick(4, 6, 10)
    if kind == "focal":
        gradient = "loss"
    if kind == "focal":
        d.calls("focal_loss|focal_loss_forward|softmax_focal_loss")
    elif gradient == "gradient":
        d.calls("cross_entropy_grad|softmax_cross_entropy_backward|cross_entropy_backward")
    if gradient != "loss" or not fixed:
        d.forward_only()  # the slope is written out, or the sums of its exponentials are of any length
    if fixed:
        d.module(f"NUM_CLASSES = wp.constant({classes})")
    count = "NUM_CLASSES" if fixed else "x.shape[1]"
    d.input("x", "float", (n, classes), -3.0, 3.0, about="logits")
    soft = kind == "soft targets"
    if soft:
        d.input(
            "targets",
            "float",
            (n, classes),
            0.0,
            round(2.0 / classes, 2),
            about="soft target weights, not necessarily normalized",
        )
    else:
        d.input("labels", "int", n, -1 if ignore else 0, classes, about="class index per sample")
    if kind == "smoothed":
        d.param("smoothing", "float", 0.05, 0.2, about="label smoothing")
    elif kind == "focal":
        d.param("gamma", "float", 1.0, 3.0, about="focusing parameter")
    elif kind == "weighted":
        d.input("class_weight", "float", classes, 0.5, 2.0, about="weight per class")
    if reduce:
        d.output(
            "loss",
            "float",
            1,
            about="total loss divided by the number of samples" if ignore else "mean loss",
        )
    elif gradient != "gradient":
        d.output("losses", "float", n, about="loss per sample")
    if gradient != "loss":
        d.output("dx", "float", (n, classes), about="gradient with respect to the logits")
    if normaliser == "max then sum":
        sums = """
        m = float(x[i, 0])
        for c in range(1, $count):
            m = wp.max(m, x[i, c])
        z = float(0.0)
        for c in range($count):
            z += wp.exp(x[i, c] - m)
        """
    else:
        sums = """
        m = float(x[i, 0])
        z = float(1.0)
        for c in range(1, $count):
            s = x[i, c]
            # Online softmax: rescale the running sum when the maximum changes
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
        # Label smoothing: add the mean log-probability for the uniform target
        mean = float(0.0)
        for c in range($count):
            mean += x[i, c] / float($count)
        """
        nll = "log_z - (1.0 - smoothing) * x[i, label] - smoothing * mean"
        slope = f"{share} - smoothing / float($count) - wp.where(c == label, 1.0 - smoothing, 0.0)"
    elif kind == "focal":
        body = "log_p = x[i, label] - log_z\n# Down-weight easy samples (p close to 1)"
        nll, slope = "-wp.pow(1.0 - wp.exp(log_p), gamma) * log_p", ""
    elif kind == "weighted":
        nll = "class_weight[label] * (log_z - x[i, label])"
        slope = f"class_weight[label] * ({share} - wp.where(c == label, 1.0, 0.0))"
    else:
        body = """
        mass = float(0.0)
        expected = float(0.0)
        for c in range($count):
            mass += targets[i, c]
            expected += targets[i, c] * x[i, c]
        """
        nll, slope = "mass * log_z - expected", f"mass * {share} - targets[i, c]"
    named = {
        "plain": "cross entropy",
        "smoothed": "label-smoothed cross entropy",
        "focal": "focal loss",
        "weighted": "class-weighted cross entropy",
        "soft targets": "cross entropy",
    }[kind]
    other = "soft targets" if soft else "its label"
    none = "" if reduce or gradient == "gradient" else "    losses[i] = 0.0\n"
    if gradient != "loss":
        none += f"    for c in range({count}):\n        dx[i, c] = 0.0\n"
    also = ", and its gradient" if gradient == "both" else ""
    d.says(f"Computes the {named} between each sample's logits and {other}{also}.")
    if reduce:
        d.says(f"Averages the {named} between each sample's logits and {other}.")
        if ignore:
            d.says(f"Sums the {named} over labeled samples and divides by the number of all samples.")
    if gradient == "gradient":
        body = body if soft else ""
        if soft:
            body = "mass = float(0.0)\nfor c in range($count):\n    mass += targets[i, c]"
    store = "wp.atomic_add(loss, 0, nll / float(x.shape[0]))" if reduce else "losses[i] = nll"
    if gradient == "gradient":
        d.says(f"Computes the gradient of the {named} with respect to the logits.")
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
        ignore=f"# Ignore padding\nif label < 0:\n{none}    return" if ignore else "",
        sums=sums,
        lse=lse,
        body=body,
        assign=assign,
        store=store,
        gradient=f"for c in range($count):\n    dx[i, c] = {slope}" if gradient != "loss" else "",
        count=count,
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


_SHAPES = {
    "huber": ("delta", "transition from quadratic to linear loss"),
    "pinball": ("quantile", "quantile level"),
    "squared hinge": ("margin", "margin that costs nothing"),
    "charbonnier": ("eps", "smoothing width near zero"),
}
_LOSSES: dict[str, Any] = {  # of prediction y and target t (or label -1, 1)
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
            "# log(cosh(r)) = |r| + log(1 + exp(-2 |r|)) - log(2), safe for large |r|\n"
            "$f = a + wp.log(1.0 + wp.exp(-2.0 * a)) - 0.6931471805599453"
        ),
        lambda v: np.log(np.cosh(v.y - v.t)),
        "Computes the log-cosh loss of each prediction.",
    ),
    "pinball": (
        "r = t[i] - y[i]\n$f = wp.max(quantile * r, (quantile - 1.0) * r)",
        lambda v: np.where(v.t > v.y, v.quantile, v.quantile - 1) * (v.t - v.y),
        "Computes the pinball loss of each predicted quantile.",
    ),
    "bce": (
        (
            "x = y[i]\n"
            "# Numerically stable binary cross-entropy: max(x, 0) - x * t + log(1 + exp(-|x|))\n"
            "$f = wp.max(x, 0.0) - x * t[i] + wp.log(1.0 + wp.exp(-wp.abs(x)))"
        ),
        lambda v: -(v.t * np.log(1 / (1 + np.exp(-v.y))) + (1 - v.t) * np.log(1 / (1 + np.exp(v.y)))),
        "Computes the binary cross entropy of each score with its target.",
    ),
    "squared hinge": (
        (
            "label = wp.where(t[i] == 1, 1.0, -1.0)\n"
            "lack = wp.max(margin - label * y[i], 0.0)\n"
            "$f = lack * lack"
        ),
        lambda v: np.maximum(v.margin - np.where(v.t == 1, 1, -1) * v.y, 0.0) ** 2,
        "Computes the squared hinge loss of each score.",
    ),
    "charbonnier": (
        "r = y[i] - t[i]\n$f = wp.sqrt(r * r + eps * eps) - eps",
        lambda v: np.hypot(v.y - v.t, v.eps) - v.eps,
        "Computes the Charbonnier loss of each prediction, a smooth absolute difference.",
    ),
    "poisson": (
        ("# Poisson regression with log link: rate = exp(y)\n$f = wp.exp(y[i]) - float(t[i]) * y[i]"),
        lambda v: np.exp(v.y) - v.t * v.y,
        "Computes the negative log-likelihood, up to a constant, of counts under Poisson distributions with predicted log-rates.",
    ),
    "gaussian": (
        "r = y[i] - t[i]\ns = log_var[i]\n$f = 0.5 * (s + r * r * wp.exp(-s))",
        lambda v: 0.5 * (v.log_var + (v.y - v.t) ** 2 / np.exp(v.log_var)),
        "Computes the negative log-likelihood, up to a constant, of targets under Gaussians with predicted mean and log-variance.",
    ),
}


@DOMAIN.algorithm(
    source="Huber 1964; Koenker & Bassett 1978; Charbonnier et al. 1994; Kendall & Gal 2017",
    names={
        "regression_loss": "pointwise_loss|elementwise_loss|compute_loss",
        "y": "pred|predictions|predicted",
        "t": "target|targets|y_true",
        "r": "residual|diff|err",
        "delta": "threshold|huber_delta|beta",
        "quantile": "tau|level|q_level",
        "margin": "wanted_margin|hinge_margin",
        "eps": "epsilon|tip_width|eps_c",
        "loss": "cost|objective|loss_out",
        "losses": "per_element|costs|pointwise",
        "weight": "sample_weight|weights|importance",
    },
    double=True,
    element="sample",
    weight=3,
)
def regression_loss(d: Draft) -> None:
    """Computes a loss of each prediction with its target."""
    kind = d.option("kind", *_LOSSES)
    reduction = d.option("reduction", "none", "mean", "sum")
    word = kind.replace(" ", "_")
    d.calls({
        "none": f"{word}_loss|{word}_losses|pointwise_loss",
        "mean": f"mean_{word}_loss|{word}_loss|reduce_{word}_loss",
        "sum": f"sum_{word}_loss|{word}_loss|reduce_{word}_loss",
    }[reduction])  # fmt: skip
    weighted = d.option("weighted", "no", "weights", "mask")
    text, value, sentence = _LOSSES[kind]
    n = d.pick(64, 96, 128, 256)
    wholes = {"squared hinge": (2, "labels, 1 or 0"), "poisson": (6, "observed counts")}
    d.input("y", "float", n, -2.0, 2.0, about="predictions")
    if kind in wholes:
        d.input("t", "int", n, 0, wholes[kind][0], about=wholes[kind][1])
    elif kind == "bce":
        d.input("t", "float", n, 0.0, 1.0, about="target probabilities")
    else:
        d.input("t", "float", n, -2.0, 2.0, about="targets")
    if kind == "gaussian":
        d.input("log_var", "float", n, -1.0, 1.0, about="predicted log variances")
    if weighted == "weights":
        d.input("weight", "float", n, 0.1, 2.0, about="weight per sample")
    elif weighted == "mask":
        d.mask("valid", "int", n, about="mask, nonzero for valid samples")
    if kind in _SHAPES:
        low, high = (0.01, 0.1) if kind == "charbonnier" else (0.2, 0.9)
        d.param(_SHAPES[kind][0], "float", low, high, about=_SHAPES[kind][1])
    factor = " * weight[i]" if weighted == "weights" else ""
    about = "sum of the losses" if reduction == "sum" else "mean loss"
    if reduction == "mean" and weighted != "no":
        about = "masked loss sum divided by the number of samples"
        if weighted == "weights":
            about = "weighted loss sum divided by the number of samples"
    if reduction == "none":
        d.output("losses", "float", n, about="loss per sample")
    else:
        d.output("loss", "float", 1, about=about)
    target = "losses[i]" if reduction == "none" and not factor else "loss_i"
    body = text.replace("$f", target)
    if reduction == "none":
        store = f"losses[i] = loss_i{factor}" if factor else ""
    else:
        over = " / float(y.shape[0])" if reduction == "mean" else ""
        store = f"wp.atomic_add(loss, 0, loss_i{factor}{over})"
    if weighted == "weights":
        sentence = sentence.replace("Computes the ", "Computes the weighted ")
    elif weighted == "mask":
        for word in ("each", "counts", "targets"):
            sentence = sentence.replace(
                f"of {word} ", f"of {word} valid " if word == "each" else f"of valid {word} "
            )
    if reduction == "mean" and weighted == "mask":
        sentence = (
            sentence.replace("Computes", "Sums").removesuffix(".") + ", divided by the number of all samples."
        )
    does = {"none": "Computes", "sum": "Sums", "mean": "Averages"}[reduction]
    d.says(sentence.replace("Computes", does))
    unused = "    losses[i] = 0.0\n" if reduction == "none" else ""
    d.launch(n)
    d.code(
        "i = wp.tid()\n$mask\n$body\n$store",
        mask=f"if valid[i] == 0:\n{unused}    return" if weighted == "mask" else "",
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
