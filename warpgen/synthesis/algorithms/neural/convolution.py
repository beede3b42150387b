"""Convolutions and pools."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.neural import DOMAIN
from warpgen.synthesis.library import activations
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "x": "inputs|input_map|feature_map",
    "w": "weights|filters|kernel_weights",
    "y": "outputs|conv_out|features",
    "b": "bias|biases|channel_bias",
    "stride": "step|hop|s",
    "pad": "padding|p|zero_pad",
    "dilation": "rate|spacing|atrous",
    "o": "oc|out_ch|f",
    "c": "ic|in_ch|channel",
    "IN_CHANNELS": "C_IN|NUM_IN|CHANNELS_IN",
    "GROUP_CHANNELS": "C_GROUP|CHANNELS_PER_GROUP|PER_GROUP",
    "KERNEL_SIZE": "TAPS|K|FILTER_SIZE",
}


@DOMAIN.algorithm(
    source=(
        "LeCun et al. 1998; Yu & Koltun 2016 (dilation); Howard et al. 2017 (depthwise); Dumoulin & "
        "Visin 2016"
    ),
    names=_NAMES | {"convolution": "conv_forward|convolve_features|conv_layer", "z": "acc|response|pre"},
    half=True,
    element="",
    weight=3,
)
def convolution(d: Draft) -> None:
    """Applies a convolutional layer to feature maps."""
    dim = d.option("dim", 2, 1)
    kind = d.option("kind", "full", "depthwise", "pointwise", "transposed", "grouped")
    d.calls({
        "full": "convolution|conv_forward|convolve_features|conv_layer",
        "depthwise": "depthwise_conv|conv_depthwise|depthwise_convolution",
        "pointwise": "pointwise_conv|mix_channels|pointwise_convolution",
        "transposed": "transposed_conv|conv_transpose|deconvolution",
        "grouped": "grouped_conv|group_conv|grouped_convolution",
    }[kind])  # fmt: skip
    act = d.option(
        "activation", None, *activations.ACTIVATIONS, weights=(5.0, *([1.0] * len(activations.ACTIVATIONS)))
    )
    bias = d.flag("bias", 0.5)
    form = d.option("stride", "unit", "strided", "dilated")
    bounds = d.option("bounds", "skip", "zero index", "valid")
    fixed = d.flag("fixed sizes")
    if act and not fixed:
        d.forward_only()  # what is made of a sum has a slope where its loops are unrolled
    size, cin, taps = d.pick(6, 7, 8), d.pick(2, 4), 3
    length = size if dim == 2 else d.pick(20, 24)
    cout = {"depthwise": cin, "grouped": 4}.get(kind, d.pick(2, 3))
    if kind == "pointwise":
        taps, form, bounds = 1, "unit", "valid"
    if kind == "transposed":
        form, bounds = "strided", "skip"
    pad = 1 if bounds != "valid" else 0
    stride, dilation = (2 if form == "strided" else 1), (2 if form == "dilated" else 1)
    reach = dilation * (taps - 1) + 1
    groups = 2
    out = (
        (length - 1) * stride - 2 * pad + taps
        if kind == "transposed"
        else (length + 2 * pad - reach) // stride + 1
    )
    space = (length,) * dim
    d.input("x", "float", (cin, *space), -1.0, 1.0, about="input feature map")
    per = {"depthwise": 1, "grouped": cin // groups}.get(kind, cin)
    # Sums have a deviation of about 2 then, so that some are where activations saturate
    most = round(6.0 / (per * taps**dim) ** 0.5, 1) if act else 0.6
    k_shape = (taps,) * dim if kind != "pointwise" else ()
    if kind == "depthwise":
        d.input("w", "float", (cin, *k_shape), -most, most, about="filter weights")
    elif kind == "transposed":
        d.input("w", "float", (cin, cout, *k_shape), -most, most, about="filter weights")
    else:
        d.input("w", "float", (cout, per, *k_shape), -most, most, about="filter weights")
    if bias:
        d.input("b", "float", cout, -0.3, 0.3, about="bias per output channel")
    if kind == "grouped":
        d.param("groups", "int", groups, about="number of channel groups")
    if stride > 1:
        spread = kind == "transposed"
        about = "output stride between adjacent inputs" if spread else "filter stride"
        d.param("stride", "int", stride, about=about)
    if pad:
        about = "amount cropped from each side" if kind == "transposed" else "zero padding on each side"
        d.param("pad", "int", pad, about=about)
    if dilation > 1:
        d.param("dilation", "int", dilation, about="spacing of the filter taps")
    d.output("y", "float", (cout, *(out,) * dim), about="output feature map")
    axes = ("i", "j")[:dim]
    taps_of = ("u", "v")[:dim]
    first = 1 if kind == "depthwise" else 2
    loops = []
    channel = {"depthwise": "o", "grouped": "first + c"}.get(kind, "c")
    if kind != "depthwise":
        many = "w.shape[0]" if kind == "transposed" else "w.shape[1]"
        named = "GROUP_CHANNELS" if kind == "grouped" else "IN_CHANNELS"
        loops.append(f"for c in range({named if fixed else many}):")
        if fixed:
            d.module(f"{named} = wp.constant({per})")
    if fixed and kind != "pointwise":
        d.module(f"KERNEL_SIZE = wp.constant({taps})")
    sources = []
    for n, (a, t) in enumerate(zip(axes, taps_of, strict=True)):
        if kind == "pointwise":
            sources.append(a)
            continue
        loops.append(f"for {t} in range({'KERNEL_SIZE' if fixed else f'w.shape[{first + n}]'}):")
        if kind == "transposed":
            sources.append("rc"[n])
            continue
        where = f"{a} * stride" if stride > 1 else a
        where += f" + {t} * dilation" if dilation > 1 else f" + {t}"
        sources.append(f"{where} - pad" if pad else where)
    index: list[str] = []
    depth = 0
    if kind == "pointwise" or bounds == "valid":
        index = sources
        text = ""
        for loop in loops:
            text += "    " * depth + loop + "\n"
            depth += 1
    else:
        text = ""
        names = ("r", "q")[:dim]
        k = 0
        for loop in loops:
            text += "    " * depth + loop + "\n"
            depth += 1
            if loop.startswith("for c"):
                continue
            ind = "    " * depth
            name = names[k]
            edge = f"x.shape[{1 + k}]"
            if kind == "transposed":
                text += f"{ind}at_{name} = {axes[k]} + pad - {taps_of[k]}\n"
                if k == 0:
                    text += f"{ind}# skip taps that do not land on the strided input grid\n"
                text += (
                    f"{ind}if at_{name} < 0 or at_{name} % stride != 0:\n"
                    f"{ind}    continue\n"
                    f"{ind}{name} = at_{name} // stride\n"
                    f"{ind}if {name} >= {edge}:\n"
                    f"{ind}    continue\n"
                )
            elif bounds == "skip":
                text += (
                    f"{ind}{name} = {sources[k]}\n"
                    f"{ind}if {name} < 0 or {name} >= {edge}:\n"
                    f"{ind}    continue\n"
                )
            else:
                text += f"{ind}{name} = {sources[k]}\n"
            index.append(name)
            k += 1
    element = f"x[{', '.join([channel, *index])}]"
    weight = {"depthwise": "o", "transposed": "c, o"}.get(kind, "o, c")
    weight = f"w[{', '.join([weight, *(taps_of if kind != 'pointwise' else ())])}]"
    ind = "    " * depth
    if bounds == "zero index" and kind != "pointwise":
        test = " and ".join(f"{n} >= 0 and {n} < x.shape[{1 + k}]" for k, n in enumerate(index))
        text += f"{ind}if {test}:\n{ind}    z += {weight} * {element}"
    else:
        text += f"{ind}z += {weight} * {element}"
    f = d.use(act.value) if act else ""
    d.launch(cout, *(out,) * dim)
    d.code(
        "o, $axes = wp.tid()\n$first\nz = float($start)\n$sums\ny[o, $axes] = $value",
        axes=", ".join(axes),
        first=(
            "# Grouped convolution: only input channels from the same group\n"
            f"first = (o * groups // w.shape[0]) * {named if fixed else many}"
        )
        if kind == "grouped"
        else "",
        start="b[o]" if bias else "0.0",
        sums=text,
        value=f"{f}(z)" if act else "z",
    )
    words = {
        "full": "Applies a convolutional layer to feature maps.",
        "depthwise": "Applies a depthwise convolution, one filter per channel.",
        "pointwise": "Applies a pointwise (width-one) convolution that mixes channels.",
        "transposed": "Upsamples feature maps using a transposed convolution.",
        "grouped": "Applies a grouped convolution to feature maps.",
    }
    d.says(words[kind] if not act else words[kind][:-1] + ", followed by an activation.")

    def reference(v: Values) -> dict[str, Any]:
        y = np.zeros((cout, *(out,) * dim))
        offsets = np.ndindex(*k_shape) if kind != "pointwise" else iter([()])
        x = np.pad(v.x, [(0, 0)] + [(pad, pad)] * dim) if kind != "transposed" else v.x
        big = np.zeros((cout, *((length - 1) * stride + taps,) * dim))
        for at in offsets:
            w = v.w[(..., *at)] if at else v.w
            if kind == "transposed":
                cut = tuple(slice(t, t + (length - 1) * stride + 1, stride) for t in at)
                big[(slice(None), *cut)] += np.einsum("co,c...->o...", w, x)
                continue
            cut = tuple(slice(t * dilation, t * dilation + (out - 1) * stride + 1, stride) for t in at)
            part = x[(slice(None), *cut)] if at else x
            if kind == "depthwise":
                y += w[(slice(None), *(None,) * dim)] * part
            elif kind == "grouped":
                g = part.reshape(groups, per, *part.shape[1:])
                y += np.einsum("gop,gp...->go...", w.reshape(groups, cout // groups, per), g).reshape(y.shape)
            else:
                y += np.einsum("oc,c...->o...", w, part)
        if kind == "transposed":
            y = big[(slice(None), *(slice(pad, pad + out),) * dim)]
        if bias:
            y = y + v.b[(slice(None), *(None,) * dim)]
        return {"y": act.value(y) if act else y}

    d.check(reference, 5e-4)
