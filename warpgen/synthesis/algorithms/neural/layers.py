"""Dense layers, gated units, and what stands between them."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.neural import DOMAIN
from warpgen.synthesis.library import activations
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "x": "inputs|x_in|activations|features",
    "w": "weights|weight|kernel_weights|W",
    "b": "bias|biases|bias_vec",
    "y": "outputs|hidden|out_features",
    "z": "pre|preact|lin",
    "k": "c|l|in_idx",
}


@DOMAIN.algorithm(
    source="Rosenblatt 1958; Goodfellow, Bengio & Courville 2016, section 6.3",
    names=_NAMES
    | {
        "dense_layer": "linear_layer|linear_forward|fully_connected|mlp_layer",
        "residual": "skip|shortcut|skip_input",
    },
    half=True,
    double=True,
    element="",
    weight=3,
)
def dense_layer(d: Draft) -> None:
    """Applies a fully connected layer with activation to a batch."""
    act = d.option("activation", *activations.ACTIVATIONS)
    layout = d.option("layout", "out by in", "in by out", "flat")
    bias = d.flag("bias", 0.7)
    skip = d.option("skip", "none", "residual", "gated", weights=(3.0, 1.0, 1.0))
    threads = d.option("threads", "element", "sample")
    keep = d.flag("keep", 0.25) and skip == "none"
    batch, fan_in, fan_out = d.pick(12, 16, 24), d.pick(6, 8, 12), d.pick(6, 8, 10)
    f = d.use(act.value)
    d.input("x", "float", (batch, fan_in), -1.0, 1.0, about="input activations")
    shape: Any = {
        "out by in": (fan_out, fan_in),
        "in by out": (fan_in, fan_out),
        "flat": fan_out * fan_in,
    }[layout]
    at = {"out by in": "w[j, k]", "in by out": "w[k, j]", "flat": "w[j * x.shape[1] + k]"}[layout]
    d.input("w", "float", shape, -0.8, 0.8, about="weight matrix")
    if bias:
        d.input("b", "float", fan_out, -0.3, 0.3, about="bias per output")
    if skip == "residual":
        d.input("residual", "float", (batch, fan_out), -1.0, 1.0, about="residual input")
    elif skip == "gated":
        d.input("gate", "float", (batch, fan_out), 0.0, 1.0, about="multiplicative output gate")
    d.output("y", "float", (batch, fan_out), about="output activations")
    if keep:
        # Keep the pre-activations, since the backward pass needs their slopes
        d.output(
            "z_out",
            "float",
            (batch, fan_out),
            about="pre-activations, saved for the backward pass",
        )
    value = {
        "none": f"{f}(z)",
        "residual": f"residual[i, j] + {f}(z)",
        "gated": f"gate[i, j] * {f}(z)",
    }[skip]
    array = "wp.array(dtype=float)" if layout == "flat" else "wp.array2d(dtype=float)"
    d.function(
        """
        @wp.func
        def weighted_sum(x: wp.array2d(dtype=float), w: $array, i: int, j: int) -> float:
            z = float(0.0)
            for k in range(x.shape[1]):
                z += $at * x[i, k]
            return z
        """,
        array=array,
        at=at,
    )
    element = """
    z = weighted_sum(x, w, i, j)$start
    $keep
    y[i, j] = $value
    """
    if threads == "element":
        d.launch(batch, fan_out)
        text = "i, j = wp.tid()\n$element"
    else:
        d.launch(batch)
        text = "i = wp.tid()\nfor j in range(y.shape[1]):\n    $element"
    d.code(
        text,
        element=element,
        start=" + b[j]" if bias else "",
        keep="z_out[i, j] = z" if keep else "",
        value=value,
    )

    parts = {
        "none": " with activation",
        "residual": " with activation and a residual",
        "gated": " with activation and a gate",
    }
    d.says(f"Applies a fully connected layer{parts[skip]} to a batch.")

    def reference(v: Values) -> dict[str, Any]:
        weights = v.w.T if layout == "in by out" else v.w.reshape(fan_out, fan_in)
        z = v.x @ weights.T + (v.b if bias else 0.0)
        y = act.value(z)
        if skip == "residual":
            y = y + v.residual
        if skip == "gated":
            y = y * v.gate
        return {"y": y, "z_out": z} if keep else {"y": y}

    d.check(reference)


@DOMAIN.algorithm(
    source="Rumelhart, Hinton & Williams 1986",
    names=_NAMES
    | {
        "dense_backward": "linear_backward|backprop_layer|mlp_backward",
        "dy": "grad_out|upstream|grad_y",
        "dx": "grad_in|grad_x|grad_input",
        "dw": "grad_w|weight_grad|dW",
        "db": "grad_b|bias_grad|dbias",
        "n": "s|sample|batch_idx",
        "delta": "error|local_grad|g",
    },
    double=True,
    adjoint="either",
    element="",
    weight=3,
)
def dense_backward(d: Draft) -> None:
    """Backpropagates through a fully connected layer and its activation."""
    act = d.option("activation", *activations.ACTIVATIONS)
    what = d.option("what", "inputs", "weights", "weights and bias", "step")
    d.calls({
        "inputs": "input_gradient|linear_backward_input|backprop_inputs",
        "weights": "weight_gradient|linear_backward_weight|backprop_weights",
        "weights and bias": "dense_backward|parameter_gradients|linear_backward_weight_bias",
        "step": "descend_weights|sgd_layer_step|update_weights",
    }[what])  # fmt: skip
    layout = d.option("layout", "out by in", "in by out")
    mean = d.flag("mean") and what != "inputs"
    decay = what == "step" and d.flag("decay")
    batch, fan_in, fan_out = d.pick(10, 16, 20), d.pick(6, 8, 12), d.pick(5, 8, 10)
    slope = d.use(act.slope)
    at = "w[j, k]" if layout == "out by in" else "w[k, j]"
    shape = (fan_out, fan_in) if layout == "out by in" else (fan_in, fan_out)
    d.input("dy", "float", (batch, fan_out), -1.0, 1.0, about="gradient with respect to the output")
    d.input("z", "float", (batch, fan_out), -2.0, 2.0, about="pre-activations")
    scale = " / float(dy.shape[0])" if mean else ""
    if what == "inputs":
        d.input("w", "float", shape, -1.0, 1.0, about="weight matrix")
        d.output("dx", "float", (batch, fan_in), about="gradient with respect to the input")
        d.launch(batch, fan_in)
        d.code(f"""
            n, k = wp.tid()
            g = float(0.0)
            for j in range(dy.shape[1]):
                g += {at} * dy[n, j] * {slope}(z[n, j])
            dx[n, k] = g
        """)
    else:
        d.input("x", "float", (batch, fan_in), -1.0, 1.0, about="forward-pass inputs")
        if what == "step":
            d.inout("w", "float", shape, -1.0, 1.0, about="weight matrix")
            d.param("lr", "float", 0.01, 0.1, about="learning rate")
            if decay:
                d.param("decay", "float", 0.01, 0.1, about="weight decay")
            store = f"{at} = {at} - lr * (g{scale})" if mean else f"{at} = {at} - lr * g"
            if decay:
                store = store.replace("lr * (g", "lr * (g").replace("lr * g", "lr * (g)")
                store = store[:-1] + f" + decay * {at})"
        else:
            d.output("dw", "float", shape, about="gradient with respect to the weights")
            store = f"{at.replace('w[', 'dw[')} = g{scale}"
        bias = what == "weights and bias"
        if bias:
            d.output("db", "float", fan_out, about="gradient with respect to the bias")
        d.launch(fan_out, fan_in)
        body = """
            j, k = wp.tid()
            g = float(0.0)
            for n in range(dy.shape[0]):
                delta = dy[n, j] * $slope(z[n, j])
                g += delta * x[n, k]
            $store
            $store_bias
        """
        d.code(
            body,
            slope=slope,
            store=store,
            store_bias=(
                "# One bias per output, so only the first thread accumulates it\n"
                "if k == 0:\n"
                "    g_bias = float(0.0)\n"
                "    for n in range(dy.shape[0]):\n"
                f"        g_bias += dy[n, j] * {slope}(z[n, j])\n"
                f"    db[j] = g_bias{scale}"
            )
            if bias
            else "",
        )
    loss = "the batch-mean loss" if mean else "the loss"
    d.says(
        {
            "inputs": "Backpropagates a loss gradient through a dense layer to its inputs.",
            "weights": f"Computes the gradient of {loss} with respect to dense layer weights.",
            "weights and bias": f"Computes the gradient of {loss} with respect to dense layer weights and biases.",
            "step": f"Applies a gradient descent step for {loss} to dense layer weights"
            + (", with weight decay." if decay else "."),
        }[what]
    )

    def reference(v: Values) -> dict[str, Any]:
        delta = v.dy * act.slope(v.z)
        if what == "inputs":
            return {"dx": delta @ (v.w if layout == "out by in" else v.w.T)}
        g = delta.T @ v.x / (batch if mean else 1)
        g = g if layout == "out by in" else g.T
        if what == "step":
            return {"w": v.w - v.lr * (g + (v.decay * v.w if decay else 0.0))}
        found = {"dw": g}
        if what == "weights and bias":
            found["db"] = delta.sum(axis=0) / (batch if mean else 1)
        return found

    d.check(reference)


@DOMAIN.algorithm(
    source="Shazeer 2020, GLU variants improve transformer; Dauphin et al. 2017",
    names=_NAMES
    | {
        "gated_unit": "glu_forward|gated_linear_unit|glu_layer",
        "gate": "g|gate_pre|a",
        "up": "u|value|lin",
    },
    double=True,
    half=True,
    element="",
)
def gated_unit(d: Draft) -> None:
    """Applies a gated linear unit."""
    act = d.option("activation", *activations.SMOOTH, None)
    packing = d.option("packing", "two weights", "stacked", "precomputed halves", "interleaved")
    bias = d.flag("bias", 0.3)
    scale = d.flag("scale", 0.25)
    order = d.option("order", "ij", "ji")
    batch, fan_in, width = d.pick(12, 16), d.pick(6, 8), d.pick(6, 8, 10)
    f = d.use(act.value) if act else d.use(activations.SIGMOID)
    reference_of = act.value if act else activations.SIGMOID
    precomputed = packing in ("precomputed halves", "interleaved")
    apart = packing != "interleaved"  # gates first, then values
    if precomputed:
        d.input("h", "float", (batch, 2 * width), -2.0, 2.0, about="gate and value projections")
        a, b = (
            ("h[i, j]", "h[i, j + width]")
            if packing == "precomputed halves"
            else ("h[i, 2 * j]", "h[i, 2 * j + 1]")
        )
    else:
        d.input("x", "float", (batch, fan_in), -1.0, 1.0, about="inputs")
        if packing == "two weights":
            d.input("w_gate", "float", (width, fan_in), -1.0, 1.0, about="gate projection weights")
            d.input("w_up", "float", (width, fan_in), -1.0, 1.0, about="value projection weights")
            a, b = "project(w_gate, x, j, i)", "project(w_up, x, j, i)"
        else:
            d.input(
                "w", "float", (2 * width, fan_in), -1.0, 1.0, about="gate weights followed by value weights"
            )
            a, b = "project(w, x, j, i)", "project(w, x, width + j, i)"
    if bias:
        d.input(
            "b",
            "float",
            2 * width,
            -0.5,
            0.5,
            about=f"biases of gates{', then of' if apart else ' and'} values{'' if apart else ' in turn'}",
        )
    if scale:
        d.param("scale", "float", 0.5, 2.0, about="output scale")
    d.output("y", "float", (batch, width), about="gated values")
    if precomputed:
        d.says(
            "Applies a gated linear unit to "
            + ("gates and values stored side by side." if apart else "interleaved gates and values.")
        )
    needs_width = packing in ("precomputed halves", "stacked") or (bias and apart)
    value = f"{f}(gate) * up" + (" * scale" if scale else "")
    plus = (
        ((" + b[j]", " + b[width + j]") if apart else (" + b[2 * j]", " + b[2 * j + 1]"))
        if bias
        else ("", "")
    )
    if not precomputed:
        d.function("""
            @wp.func
            def project(w: wp.array2d(dtype=float), x: wp.array2d(dtype=float), j: int, i: int) -> float:
                acc = float(0.0)
                for k in range(x.shape[1]):
                    acc += w[j, k] * x[i, k]
                return acc
        """)
    body = f"gate = {a}{plus[0]}\nup = {b}{plus[1]}"
    d.launch(*((batch, width) if order == "ij" else (width, batch)))
    d.code(
        "$ids = wp.tid()\n$width\n$body\ny[i, j] = $value",
        ids="i, j" if order == "ij" else "j, i",
        width="width = y.shape[1]" if needs_width else "",
        body=body,
        value=value,
    )
    gate_of, up_of = ("gate", "up") if precomputed else ("W_gate x", "W_up x")
    gate_of, up_of = (f"{gate_of} + b_gate", f"{up_of} + b_up") if bias else (gate_of, up_of)
    up_of = f"({up_of})" if " " in up_of else up_of
    named = {activations.SILU: " This is SwiGLU.", activations.GELU: " This is GEGLU.", activations.GELU_EXACT: " This is GEGLU."}  # fmt: skip
    d.explain(
        f"y = {'scale * ' if scale else ''}act({gate_of}) * {up_of}.{named.get(act, '') if act else ''}"
    )

    def reference(v: Values) -> dict[str, Any]:
        if precomputed:
            h = (
                v.h
                if packing == "precomputed halves"
                else np.concatenate([v.h[:, ::2], v.h[:, 1::2]], axis=1)
            )
        else:
            h = v.x @ (v.w if packing == "stacked" else np.concatenate([v.w_gate, v.w_up])).T
        if bias:
            h = h + (v.b if apart else np.concatenate([v.b[::2], v.b[1::2]]))
        y = reference_of(h[:, :width]) * h[:, width:]
        return {"y": y * v.scale if scale else y}

    d.check(reference)
