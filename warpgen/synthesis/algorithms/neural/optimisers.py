"""Steps of optimisers."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.neural import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source=(
        "Kingma & Ba 2015; Loshchilov & Hutter 2019; Chen et al. 2023 (Lion); Hinton 2012 (RMSProp); "
        "Duchi et al. 2011"
    ),
    names={
        "optimizer_step": "update_params|apply_gradients|optimizer_update",
        "w": "params|weights|theta",
        "g": "grad|grads|gradient",
        "m": "exp_avg|first_moment|grad_avg",
        "s": "exp_avg_sq|second_moment|sq_avg",
        "buf": "momentum_buf|velocity|v_buf",
        "sq_sum": "grad_sq_sum|state_sum|accumulator",
        "inf_norm": "exp_inf|u_norm|grad_max",
        "lr": "learning_rate|alpha|step_size",
        "corrected_lr": "corrected_step|lr_corrected|bias_corrected_lr",
        "beta1": "b1|decay1|beta_1",
        "momentum": "mu|momentum_coef|momentum_factor",
        "beta2": "b2|beta_2|decay2",
        "eps": "epsilon|tiny",
        "decay": "weight_decay|wd|decay_rate",
        "gi": "g_t|dw|gw",
    },
    double=True,
    adjoint="no",
    element="parameter",
    weight=2,
)
def optimizer_step(d: Draft) -> None:
    """Applies one optimiser step to the parameters."""
    kind = d.option(
        "kind", "sgd", "nesterov", "adam", "adamax", "lion", "rmsprop", "adagrad", "adadelta", "amsgrad"
    )
    d.calls(f"{kind}_step|{kind}_update|update_params|optimizer_step")
    decay = d.option("decay", "none", "coupled", "decoupled")
    clip = d.option("clip", "none", "value", "norm", weights=(2.0, 1.0, 1.0))
    type = d.option("type", "float", "vec3", weights=(3.0, 1.0))
    indexed = d.flag("indexed", 0.25)
    corrected = d.option("corrected", "inside", "by host")
    if decay == "decoupled":
        corrected = "inside"  # the decay is of the plain learning rate
    zero = d.flag("clear", 0.2)
    n = d.pick(64, 96, 128)
    vec = type == "vec3"
    if indexed:
        d.input("trained", "int", n, kind="permutation", about="indices of trainable weights")
    d.inout("w", type, n, -1.0, 1.0, about="parameters to update")
    if zero:
        d.inout("g", type, n, -1.0, 1.0, about="gradients, zeroed after the update")
    else:
        d.input("g", type, n, -1.0, 1.0, about="gradients")
    first = kind in ("sgd", "nesterov", "adam", "adamax", "lion", "amsgrad")
    second = kind in ("adam", "adamax", "rmsprop", "adagrad", "adadelta", "amsgrad")
    mean_name = "buf" if kind in ("sgd", "nesterov") else "m"
    square_name = {"adagrad": "sq_sum", "adamax": "inf_norm"}.get(kind, "s")
    if first:
        d.inout(
            mean_name, type, n, -0.5, 0.5, about="momentum buffer" if mean_name == "buf" else "first moments"
        )
    if second:
        said = {"adagrad": "accumulated squared gradients", "adamax": "decayed maxima of the gradients"}
        d.inout(
            square_name,
            type,
            n,
            0.2,
            0.7 if kind == "amsgrad" else 1.0,
            about=said.get(kind, "second moments"),
        )
    if kind == "adadelta":
        d.inout("moved", type, n, 0.01, 0.1, about="running average of squared updates")
    if kind == "amsgrad":
        d.inout("s_max", type, n, 0.7, 0.8, about="running maximum of the second moments")
    by_host = kind in ("adam", "adamax") and corrected == "by host"
    about = "learning rate" + (", including bias correction" if by_host else "")
    rate = "corrected_lr" if by_host else "lr"
    low, high = (0.5, 1.0) if kind == "adadelta" else (0.01, 0.1)
    d.param(rate, "float", low, high, about=about)
    if first:
        about = "interpolation factor for the update" if kind == "lion" else "first-moment decay rate"
        about = "momentum coefficient" if mean_name == "buf" else about
        d.param("momentum" if mean_name == "buf" else "beta1", "float", 0.8, 0.95, about=about)
    beta2_about = {"lion": "first-moment decay rate", "adamax": "decay rate for the infinity norm"}.get(
        kind, "second-moment decay rate"
    )
    if (second and kind != "adagrad") or kind == "lion":
        d.param("beta2", "float", 0.9, 0.99, about=beta2_about)
    if second:
        d.param("eps", "float", 1e-6, 1e-3, about="small constant for numerical stability")
    biased = kind in ("adam", "adamax")
    if biased and corrected == "inside":
        d.param("t", "int", 2, 20, about="step count, starting at 1")
    if decay != "none":
        d.param("decay", "float", 0.01, 0.1, about="weight decay")
    if clip == "value":
        d.param("max_grad", "float", 0.4, 0.8, about="per-element gradient clipping bound")
    elif clip == "norm":
        d.input("grad_norm", "float", 1, 5.0, 15.0, about="global gradient norm")
        d.param("max_norm", "float", 5.0, 10.0, about="maximum gradient norm")

    def root(x: str) -> str:
        return f"wp.vec3(wp.sqrt({x}[0]), wp.sqrt({x}[1]), wp.sqrt({x}[2]))" if vec else f"wp.sqrt({x})"

    def times(a: str, b: str) -> str:
        return f"wp.cw_mul({a}, {b})" if vec else f"{a} * {b}"

    def over(a: str, b: str) -> str:
        return f"wp.cw_div({a}, {b})" if vec else f"{a} / ({b})" if " " in b else f"{a} / {b}"

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
            "# Clip by the precomputed global norm",
            "gi = gi * wp.min(1.0, max_norm / grad_norm[0])",
        ]
    if decay == "coupled":
        lines.append("gi = gi + decay * w[i]")
    shrink = "w[i] * (1.0 - lr * decay)" if decay == "decoupled" else "w[i]"
    if kind == "sgd":
        lines += ["mi = momentum * m[i] + gi", "m[i] = mi", f"w[i] = {shrink} - lr * mi"]
    elif kind == "nesterov":
        lines += [
            "mi = momentum * m[i] + gi",
            "m[i] = mi",
            "# Nesterov momentum",
            f"w[i] = {shrink} - lr * (gi + momentum * mi)",
        ]
    elif kind == "lion":
        sign = "wp.vec3(wp.sign(u[0]), wp.sign(u[1]), wp.sign(u[2]))" if vec else "wp.sign(u)"
        lines += [
            "# Lion: use only the sign of the update",
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
                "# Adadelta: RMS(update) / RMS(gradient) has the units of the parameters",
                f"update_sq = moved[i] + {eps}",
                f"grad_sq = si + {eps}",
                f"step = {times(over(root('update_sq'), root('grad_sq')), 'gi')}",
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
                "# AMSGrad: keep the maximum of the second moments",
                "s_top = wp.max(s_max[i], si)",
                "s_max[i] = s_top",
            ]
            si = "s_top"
        if biased and corrected == "inside":
            lines += [
                "# Bias correction, since "
                + ("both moments start" if kind == "adam" else "the moments start")
                + " at zero",
                "m_hat = mi / (1.0 - wp.pow(beta1, float(t)))",
            ]
            mi = "m_hat"
            if kind == "adam":
                lines += ["s_hat = si / (1.0 - wp.pow(beta2, float(t)))"]
                si = "s_hat"
        size_of = si if kind == "adamax" else root(si)
        lines += [f"w[i] = {shrink} - lr * {over(mi, f'{size_of} + {eps}')}"]
    if zero:
        lines.append(f"g[i] = {'wp.vec3()' if vec else '0.0'}")
    names = {
        "sgd": "SGD momentum",
        "nesterov": "Nesterov accelerated gradient",
        "adam": "Adam",
        "adamax": "AdaMax",
        "lion": "Lion",
        "rmsprop": "RMSProp",
        "adagrad": "Adagrad",
        "adadelta": "Adadelta",
        "amsgrad": "AMSGrad",
    }
    extras = [f"{decay} weight decay"] * (decay != "none") + ["clipped gradients"] * (clip != "none")
    extras += ["bias correction in the learning rate"] * by_host
    what = f" with {', '.join(extras[:-1])}{' and ' * (len(extras) > 1)}{extras[-1]}" if extras else ""
    d.says(f"Applies one {names[kind]} step to the parameters{what}{' and clears the gradients' * zero}.")
    swaps = {"m": mean_name, "s": square_name}
    lines = [re.sub(r"\b([ms])\[i\]", lambda at: f"{swaps[at[1]]}[i]", line) for line in lines]
    lines = [re.sub(r"\blr\b", rate, line) for line in lines]
    d.launch(n)
    d.code(
        "$ids\n$body",
        ids="tid = wp.tid()\ni = trained[tid]" if indexed else "i = wp.tid()",
        body="\n".join(lines),
    )

    def reference(v: Values) -> dict[str, Any]:
        g, w, b1 = v.g, v.w, v.get("momentum", v.get("beta1", 0.0))
        if clip == "value":
            g = np.clip(g, -v.max_grad, v.max_grad)
        elif clip == "norm":
            g = g * min(1.0, v.max_norm / v.grad_norm[0])
        if decay == "coupled":
            g = g + v.decay * w
        base = w * (1 - v.lr * v.decay) if decay == "decoupled" else w
        found: dict[str, Any] = {}
        if kind in ("sgd", "nesterov"):
            found["buf"] = m = b1 * v.buf + g
            step = m if kind == "sgd" else g + b1 * m
        elif kind == "lion":
            step = np.sign(b1 * v.m + (1 - b1) * g)
            found["m"] = v.beta2 * v.m + (1 - v.beta2) * g
        else:
            if first:
                found["m"] = b1 * v.m + (1 - b1) * g
            if kind == "adagrad":
                s = v.sq_sum + g * g
            elif kind == "adamax":
                s = np.maximum(v.beta2 * v.inf_norm, np.abs(g))
            else:
                s = v.beta2 * v.s + (1 - v.beta2) * g * g
            found[square_name] = s
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
        found["w"] = base - v[rate] * step
        if zero:
            found["g"] = 0.0 * g
        return found

    d.check(reference, 3e-4)
