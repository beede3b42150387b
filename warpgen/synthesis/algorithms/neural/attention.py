"""Softmax and attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.neural import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_BIG = 1e30


def _softmax(s: Any, axis: int = -1) -> Any:
    e = np.exp(s - s.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


@DOMAIN.algorithm(
    source="Milakov & Gimelshein 2018, Online normalizer calculation for softmax, algorithms 2 and 3",
    names={
        "softmax": "softmax_rows|row_softmax|softmax_forward",
        "x": "logits|scores|inputs",
        "y": "probs|p|weights",
        "log_y": "log_probs|log_p|logp",
        "m": "peak|max_score|max_logit",
        "z": "denom|norm|partition",
        "temperature": "tau|temp|T",
        "k": "c|j|col",
    },
    double=True,
    half=True,
    adjoint="no",
    element="sample",
)
def softmax(d: Draft) -> None:
    """Computes a numerically stable softmax over each row."""
    how = d.option("how", "three pass", "online", "in place")
    out = d.option("out", "softmax", "log softmax", "entropy", "argmax")
    d.calls({
        "softmax": "softmax|softmax_kernel|stable_softmax|softmax_forward",
        "log softmax": "log_softmax|log_softmax_forward|log_softmax_kernel",
        "entropy": "softmax_entropy|score_entropy|prediction_entropy",
        "argmax": "predict_class|argmax_confidence|most_likely_class",
    }[out])  # fmt: skip
    mask = d.option("mask", "none", "lengths", "causal", "mask")
    if mask == "mask" and out == "log softmax":
        mask = "lengths"  # what is left out has no logarithm
    if mask == "causal" and out == "argmax":
        mask = "lengths"  # classes have no order
    heat = d.flag("temperature", 0.4)
    layout = d.option("layout", "rows", "columns")
    n, width = d.pick(16, 24, 32), d.pick(8, 12, 16)
    if mask == "causal":  # as many queries as keys
        n = width
    shape = (n, width) if layout == "rows" else (width, n)
    at = "[i, k]" if layout == "rows" else "[k, i]"
    place = how == "in place" and out in ("softmax", "log softmax")
    line = "row" if layout == "rows" else "column"
    if place:
        d.inout("x", "float", shape, -4.0, 4.0, about=f"scores, one {line} per sample")
    else:
        d.input("x", "float", shape, -4.0, 4.0, about=f"scores, one {line} per sample")
    if mask == "lengths":
        d.input("lengths", "int", n, 1, width + 1, about=f"number of valid entries in each {line}")
    elif mask == "mask":
        d.mask("keep", "int", shape, about="mask, nonzero for entries to include")
    if heat:
        d.param("temperature", "float", 0.5, 2.0, about="softmax temperature")
    made = "y" if out == "softmax" else "log_y"
    to = "x" if place else made
    scores = {
        "none": f"each {line} of scores",
        "lengths": f"the valid entries of each {line}",
        "causal": f"each {line} of scores under a causal mask",
        "mask": f"the unmasked entries of each {line}",
    }[mask]
    d.says(f"Computes a numerically stable softmax over {scores}.")
    if out in ("softmax", "log softmax"):
        if not place:
            beyond = ", unchanged past the valid entries" if mask in ("lengths", "causal") else ""
            about = "softmax output" if out == "softmax" else f"log-probabilities{beyond}"
            d.output(made, "float", shape, about=f"{about}, same shape as the scores")
    elif out == "entropy":
        d.output("entropy", "float", n, about=f"entropy per {line}")
    else:
        d.output("best", "int", n, about="argmax index")
        d.output("confidence", "float", n, about="softmax probability at the argmax")
    width_text = "x.shape[1]" if layout == "rows" else "x.shape[0]"
    end = {"lengths": "lengths[i]", "causal": f"wp.min(i + 1, {width_text})"}.get(mask, width_text)
    skip = f"if keep{at} == 0:\n    continue" if mask == "mask" else ""
    s = f"x{at} / temperature" if heat else f"x{at}"
    argmax = out == "argmax"
    if how == "online":
        sums = """
        # Online softmax: rescale the running sum whenever the maximum changes
        m = float(-wp.inf)
        z = float(0.0)
        $best
        for k in range(n):
            $skip
            s = $s
            if s > m:
                z = z * wp.exp(m - s)
                m = s
                $take
            z += wp.exp(s - m)
        """
    else:
        sums = """
        m = float(-wp.inf)
        $best
        for k in range(n):
            $skip
            $largest
        z = float(0.0)
        for k in range(n):
            $skip
            z += wp.exp($s - m)
        """
    entries = {
        "softmax": f"{to}{at} = wp.exp($s - m) / z",
        "log softmax": f"{to}{at} = $s - m - log_z",
    }
    before = "log_z = wp.log(z)" if out == "log softmax" else ""
    if out in entries:
        empties = mask in ("lengths", "causal") and out == "softmax"
        tail = f"for k in range(n, {width_text}):\n    {to}{at} = 0.0" if empties else ""
        ending = f"{before}\nfor k in range(n):\n    $skip\n    {entries[out]}\n{tail}".strip()
        if mask == "mask":
            ending = ending.replace(
                "    $skip\n", f"    if keep{at} == 0:\n        {to}{at} = 0.0\n        continue\n"
            )
    elif out == "entropy":
        ending = """
        # H = log Z - E[s] avoids the log of small probabilities
        weighted_sum = float(0.0)
        for k in range(n):
            $skip
            weighted_sum += ($s - m) * wp.exp($s - m)
        entropy[i] = wp.log(z) - weighted_sum / z
        """
        d.says(f"Computes the softmax entropy over {scores}.")
    else:
        ending = (
            "best[i] = top\n# exp(max - max) = 1, so the top probability is 1 / z\nconfidence[i] = 1.0 / z"
        )
        d.says(f"Finds the argmax and its softmax probability over {scores}.")
        if mask == "mask":
            ending = "best[i] = top\nconfidence[i] = 0.0\nif top >= 0:\n    confidence[i] = 1.0 / z"
    if out == "log softmax":
        d.says(f"Computes a numerically stable log-softmax over {scores}.")
    if mask == "mask" and out == "entropy":
        ending = "if z == 0.0:\n    entropy[i] = 0.0\n    return\n" + ending.replace("        ", "").strip()
    d.launch(n)
    d.code(
        "i = wp.tid()\nn = $end\n$sums\n$ending",
        end=end,
        sums=sums,
        ending=ending,
        skip=skip,
        s=s,
        largest="s = $s\nif s > m:\n    m = s\n    $take" if argmax else "m = wp.max(m, $s)",
        best="top = int(-1)" if argmax else "",
        take="top = k" if argmax else "",
    )

    def reference(v: Values) -> dict[str, Any]:
        x = v.x if layout == "rows" else v.x.T
        x = x / (v.temperature if heat else 1.0)
        k = np.arange(width)[None]
        there = np.ones((n, width), bool)
        if mask == "lengths":
            there = k < v.lengths[:, None]
        elif mask == "causal":
            there = k <= np.arange(n)[:, None]
        elif mask == "mask":
            there = (v.keep if layout == "rows" else v.keep.T) != 0
        any_: Any = there.any(axis=1)
        p = np.where(there, _softmax(np.where(there, x, -_BIG)), 0.0) * any_[:, None]
        log = np.log(np.where(p > 0, p, 1.0))
        if out == "entropy":
            return {"entropy": -(p * log).sum(axis=1)}
        if out == "argmax":
            return {"best": np.where(any_, p.argmax(axis=1), -1), "confidence": p.max(axis=1)}
        value = p if out == "softmax" else log
        if place and mask in ("lengths", "causal") and out == "log softmax":
            value = np.where(there, value, x * (v.temperature if heat else 1.0))
        return {to: value if layout == "rows" else value.T}

    d.check(reference, 5e-4)


@DOMAIN.algorithm(
    source="Vaswani et al. 2017; Dao et al. 2022 (online); Press et al. 2022 (ALiBi); Shazeer 2019 (shared keys)",
    names={
        "attention": "attention_forward|scaled_dot_attention|self_attention",
        "o": "context|attended|head_out",
        "m": "running_max|peak|row_max",
        "z": "denom|normalizer|l",
        "s": "logit|s_ij|att_logit",
        "scale": "inv_sqrt_d|softmax_scale|sm_scale",
        "h": "head|head_idx|hd",
        "window": "span|window_size|reach",
    },
    adjoint="no",
    element="query",
    weight=2,
)
def attention(d: Draft) -> None:
    """Computes scaled dot-product attention."""
    how = d.option("how", "online", "two pass", "cached scores")
    bias = d.option("bias", "none", "alibi", "table")
    reach = d.option("reach", "all", "causal", "window")
    heads = d.option("heads", "one", "multi", "shared keys")
    scaling = d.option("scale", "argument", "computed", "inside")
    cap = d.flag("soft cap", 0.2)
    seq, width, count = d.pick(8, 12, 16), d.pick(4, 6, 8), d.pick(2, 3)
    one = heads == "one"
    qs = (seq, width) if one else (count, seq, width)
    ks = (seq, width) if heads != "multi" else (count, seq, width)
    d.input("q", "float", qs, -1.5, 1.5, about="queries")
    d.input("k", "float", ks, -1.5, 1.5, about="keys")
    d.input("v", "float", ks, -1.0, 1.0, about="values")
    qi = "[i, c]" if one else "[h, i, c]"
    kj = "[j, c]" if heads != "multi" else "[h, j, c]"
    if bias == "alibi":
        d.param("slope", "float", 0.1, 0.5, about="ALiBi slope") if one else d.input(
            "slopes", "float", count, 0.1, 0.5, about="per-head ALiBi slope"
        )
    elif bias == "table":
        d.input(
            "bias",
            "float",
            (seq, seq) if one else (count, seq, seq),
            -1.0,
            1.0,
            about=f"additive attention bias, shape ({'' if one else 'heads, '}seq_q, seq_k)",
        )
    if reach == "window":
        d.param("window", "int", d.pick(2, 3, 4), about="number of previous keys visible to each query")
    if scaling == "argument":
        d.param("scale", "float", 0.3, 0.5, about="softmax scale")
    if cap:
        d.param("cap", "float", 1.0, 3.0, about="soft cap for the attention logits")
    if how == "cached scores":
        d.output("p", "float", (seq, seq) if one else (count, seq, seq), about="attention probabilities")
    d.output("o", "float", qs, about="attention output, same shape as the queries")
    dims = "q.shape[1]" if one else "q.shape[2]"
    length = "k.shape[0]" if heads != "multi" else "k.shape[1]"
    start, end = {
        "all": ("0", length),
        "causal": ("0", "i + 1"),
        "window": ("wp.max(i - window, 0)", "i + 1"),
    }[reach]
    span = f"range({end})" if start == "0" else f"range({start}, {end})"
    scaled_by = " * scale" if scaling == "inside" else ""
    d.function(
        """
        @wp.func
        def score($args, i: int, j: int) -> float:
            s = float(0.0)
            for c in range($dims):
                s += $term
            return s$scaled
        """,
        args=("" if one else "h: int, ")
        + f"q: wp.array{len(qs)}d(dtype=float), k: wp.array{len(ks)}d(dtype=float)"
        + (", scale: float" if scaling == "inside" else ""),
        dims=dims,
        term=f"q{qi} * k{kj}",
        scaled=scaled_by,
    )
    call = f"score({'' if one else 'h, '}q, k{', scale' if scaling == 'inside' else ''}, i, j)"
    if scaling != "inside":
        call = f"scale * {call}"
    after = ""
    if cap:
        after += "# Soft cap for stable training\ns = cap * wp.tanh(s / cap)\n"
    if bias == "alibi":
        distance = "wp.abs(i - j)" if reach == "all" else "i - j"
        slope = "slope" if one else "slopes[h]"
        after += (
            "# ALiBi: linear distance penalty instead of positional encodings\n"
            f"s = s - {slope} * float({distance})\n"
        )
    elif bias == "table":
        after += f"s = s + bias[{'' if one else 'h, '}i, j]\n"
    at_p = "p[i, j]" if one else "p[h, i, j]"
    hidden = {
        "all": "",
        "causal": f"for j in range(i + 1, {length}):\n    {at_p} = 0.0",
        "window": f"for j in range({length}):\n    if j < i - window or j > i:\n        {at_p} = 0.0",
    }[reach]
    if how == "online":
        body = f"""
        m = float(-wp.inf)
        z = float(0.0)
        for c in range({dims}):
            o{qi} = 0.0
        for j in {span}:
            s = $call
            $after
            m_new = wp.max(m, s)
            # Online softmax: rescale the running sums when the maximum changes
            shrink = wp.exp(m - m_new)
            w = wp.exp(s - m_new)
            z = z * shrink + w
            for c in range({dims}):
                o{qi} = o{qi} * shrink + w * v{kj}
            m = m_new
        for c in range({dims}):
            o{qi} = o{qi} / z
        """
    elif how == "two pass":
        body = f"""
        m = float(-wp.inf)
        for j in {span}:
            s = $call
            $after
            m = wp.max(m, s)
        z = float(0.0)
        for c in range({dims}):
            o{qi} = 0.0
        for j in {span}:
            s = $call
            $again
            w = wp.exp(s - m)
            z += w
            for c in range({dims}):
                o{qi} += w * v{kj}
        for c in range({dims}):
            o{qi} = o{qi} / z
        """
    else:
        body = f"""
        m = float(-wp.inf)
        for j in {span}:
            s = $call
            $after
            {at_p} = s
            m = wp.max(m, s)
        z = float(0.0)
        for j in {span}:
            {at_p} = wp.exp({at_p} - m)
            z += {at_p}
        for j in {span}:
            {at_p} = {at_p} / z
        for c in range({dims}):
            mixed = float(0.0)
            for j in {span}:
                mixed += {at_p} * v{kj}
            o{qi} = mixed
        $hidden
        """
    d.launch(*((seq,) if one else (count, seq)))
    d.code(
        "$ids\n$scale\n$body",
        ids="i = wp.tid()" if one else "h, i = wp.tid()",
        scale="" if scaling == "argument" else f"scale = 1.0 / wp.sqrt(float({dims}))",
        body=body,
        hidden=hidden,
        call=call,
        after=after.rstrip(),
        again="\n".join(line for line in after.split("\n") if line and not line.startswith("#")),
    )
    reached = {"all": "", "causal": "causal ", "window": "sliding-window "}[reach]
    headed = {"one": "dot-product ", "multi": "multi-head ", "shared keys": "multi-query "}[heads]
    more = {"none": [], "alibi": ["ALiBi position biases"], "table": ["an additive bias"]}[bias]
    more = more + ["soft-capped logits"] * cap
    d.says(f"Computes {reached}{headed}attention{' with ' * bool(more)}{' and '.join(more)}.")
    scaled = "scale q_i . k_j" if scaling == "argument" else "q_i . k_j / sqrt(d)"
    scaled = f"cap tanh({scaled} / cap)" if cap else scaled
    less = {"none": "", "alibi": " - slope |i - j|", "table": " + bias_ij"}[bias]
    each = "one thread per query" + ("" if one else " and head")
    d.explain(f"o_i = sum_j softmax_j({scaled}{less}) v_j. There is {each}.")

    def reference(v: Values) -> dict[str, Any]:
        q = v.q[None] if one else v.q
        k, value = (x if heads == "multi" else x[None] for x in (v.k, v.v))
        s = q @ np.swapaxes(k, 1, 2) * (v.scale if scaling == "argument" else width**-0.5)
        if cap:
            s = v.cap * np.tanh(s / v.cap)
        apart = np.arange(seq)[:, None] - np.arange(seq)[None]
        if bias == "alibi":
            slope = np.atleast_1d(v.slope if one else v.slopes)
            s = s - slope[:, None, None] * np.abs(apart)
        elif bias == "table":
            s = s + v.bias
        if reach != "all":
            there = (apart >= 0) & (apart <= (int(v.window) if reach == "window" else seq))
            s = np.where(there, s, -_BIG)
        p = _softmax(s)
        found = {"o": (p @ value).reshape(qs)}
        if how == "cached scores":
            found["p"] = p.reshape((seq, seq) if one else (count, seq, seq))
        return found

    d.check(reference, 5e-4)
