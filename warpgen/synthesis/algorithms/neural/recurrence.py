"""Cells of recurrent networks, and returns of rollouts."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.neural import DOMAIN
from warpgen.synthesis.library import activations
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source=(
        "Hochreiter & Schmidhuber 1997; Cho et al. 2014; Gers et al. 2000 (peepholes); Bradbury et al. 2017"
    ),
    names={
        "recurrent_cell": "cell_step|rnn_step|cell_forward",
        "x": "inputs|x_t|features",
        "h": "hidden|h_prev|state",
        "c": "cell|c_prev|memory",
        "wx": "w_input|w_ih",
        "wh": "w_hidden|w_hh",
        "g": "candidate|gate_g|fresh",
        "k": "kk|col|inp",
    },
    double=True,
    element="",
    weight=5,
)
def recurrent_cell(d: Draft) -> None:
    """Computes one time step of recurrent network cells."""
    kind = d.option("kind", "lstm", "gru", "rnn", "minimal", "coupled")
    gates_from = d.option("gates", "projected", "computed")
    bias = d.flag("bias", 0.5)
    layout = d.option("layout", "packed", "interleaved")
    cells = kind in ("lstm", "coupled")
    # a hidden state is bounded already, a cell's is not
    extra = d.option("extra", "none", "mask", "clip") if cells else d.option("extra hidden", "none", "mask")
    batch, width, fan = d.pick(10, 12, 16), d.pick(4, 6, 8), d.pick(3, 5)
    count = {"lstm": 4, "gru": 3, "rnn": 1, "minimal": 2, "coupled": 3}[kind]
    names = {"lstm": "ifgo", "gru": "rzn", "rnn": "n", "minimal": "fn", "coupled": "fgo"}[kind]
    computed = gates_from == "computed"
    split = kind in ("gru", "minimal", "rnn")  # what comes of the state has an array of its own
    if computed:
        d.input("x", "float", (batch, fan), -1.0, 1.0, about="inputs for the current step")
        d.input("wx", "float", (count * width, fan), -0.8, 0.8, about="input weights")
        d.input("wh", "float", (count * width, width), -0.8, 0.8, about="recurrent weights")
    else:
        of = "the inputs" if split else "the inputs and the hidden state"
        d.input("zx", "float", (batch, count * width), -1.5, 1.5, about=f"precomputed projections of {of}")
        if split:
            d.input("zh", "float", (batch, count * width), -1.5, 1.5, about="hidden state projections")
    # where projections come from outside, those of cells with a memory hold the state's part, too
    if computed or extra == "mask" or kind in ("gru", "minimal"):
        d.input("h", "float", (batch, width), -1.0, 1.0, about="hidden state")
    if cells:
        d.input("c", "float", (batch, width), -1.0, 1.0, about="cell state")
    if bias:
        about = "bias per unit" if kind == "rnn" else "bias per gate and unit"
        d.input("b", "float", count * width, -0.4, 0.4, about=about)
    if extra == "mask":
        d.mask("active", "int", batch, about="mask, nonzero for active sequences")
    elif extra == "clip":
        d.param("limit", "float", 0.5, 0.9, about="cell state clipping bound")
    d.output("h_new", "float", (batch, width), about="updated hidden state")
    if cells:
        d.output("c_new", "float", (batch, width), about="updated cell state")
    sigmoid = d.use(activations.SIGMOID)

    def row(n: int) -> str:
        if layout == "packed" or count == 1:
            return ("j", "width + j")[n] if n < 2 else f"{n} * width + j"
        return f"{count} * j + {n}" if n else f"{count} * j"

    if computed:
        d.function("""
            @wp.func
            def dot_row(a: wp.array2d(dtype=float), w: wp.array2d(dtype=float), i: int, row: int) -> float:
                acc = float(0.0)
                for k in range(a.shape[1]):
                    acc += w[row, k] * a[i, k]
                return acc
        """)

    def pre(n: int) -> tuple[str, str]:
        b = f" + b[{row(n)}]" if bias else ""
        if computed:
            return f"dot_row(x, wx, i, {row(n)}){b}", f"dot_row(h, wh, i, {row(n)})"
        return f"zx[i, {row(n)}]{b}", f"zh[i, {row(n)}]" if split else ""

    def both(n: int) -> str:
        a, b = pre(n)
        return f"{a} + {b}" if b else a

    if kind == "lstm":
        body = "\n".join(
            f"{gate}_gate = {'wp.tanh' if gate == 'g' else sigmoid}({both(n)})"
            for n, gate in enumerate(names)
        ).replace("g_gate", "g")
        body += "\ncell = f_gate * c[i, j] + i_gate * g"
        final = "o_gate * wp.tanh(cell)"
    elif kind == "coupled":
        body = (
            f"f_gate = {sigmoid}({both(0)})\n"
            f"g = wp.tanh({both(1)})\n"
            f"o_gate = {sigmoid}({both(2)})\n"
            "# Coupled gates: the input gate is 1 - forget gate\n"
            "cell = f_gate * c[i, j] + (1.0 - f_gate) * g"
        )
        final = "o_gate * wp.tanh(cell)"
    elif kind == "gru":
        a, b = pre(2)
        body = (
            f"r = {sigmoid}({both(0)})\n"
            f"z = {sigmoid}({both(1)})\n"
            "# Apply the reset gate after the projection (cuDNN variant)\n"
            f"g = wp.tanh({a} + r * {b})"
        )
        final = "(1.0 - z) * g + z * h[i, j]"
    elif kind == "minimal":
        a, b = pre(1)
        body = f"f_gate = {sigmoid}({both(0)})\n# Apply the gate after the projection\ng = wp.tanh({a} + f_gate * {b})"
        final = "(1.0 - f_gate) * h[i, j] + f_gate * g"
    else:
        body, final = "", f"wp.tanh({both(0)})"
    if extra == "clip":
        body += "\ncell = wp.clamp(cell, -limit, limit)"
    mask = (
        "# Carry the state over for finished sequences\nif active[i] == 0:\n    h_new[i, j] = h[i, j]\n"
        + ("    c_new[i, j] = c[i, j]\n" if cells else "")
        + "    return"
        if extra == "mask"
        else ""
    )
    d.launch(batch, width)
    text = f"{body}\n" + ("c_new[i, j] = cell\n" if cells else "") + f"h_new[i, j] = {final}"
    d.code(
        "i, j = wp.tid()\n$mask\n$width\n$step",
        mask=mask,
        width="width = h_new.shape[1]" if "width" in text else "",
        step=text.strip("\n"),
    )
    long = {
        "lstm": "LSTM cells",
        "gru": "gated recurrent units (GRU)",
        "rnn": "the units of a plain recurrent network",
        "minimal": "minimal gated units",
        "coupled": "LSTM cells with coupled gates",
    }[kind]
    clipped = ", with clipped cell states" if extra == "clip" else ""
    d.says(f"Advances {long} by one time step{clipped}.")

    def reference(v: Values) -> dict[str, Any]:
        order = (
            np.arange(count * width).reshape(count, width)
            if layout == "packed" or count == 1
            else np.arange(count * width).reshape(width, count).T
        )
        zx = v.x @ v.wx.T if computed else v.zx
        zh = v.h @ v.wh.T if computed else (v.zh if split else np.zeros_like(zx))
        if bias:
            zx = zx + v.b
        a, b = zx[:, order], zh[:, order]
        sg, th = activations.SIGMOID, np.tanh
        s = np.swapaxes(a + b, 0, 1)
        found: dict[str, Any] = {}
        h: Any = v.get("h")
        if cells:
            f, g, o = (sg(s[1]), th(s[2]), sg(s[3])) if kind == "lstm" else (sg(s[0]), th(s[1]), sg(s[2]))
            cell = f * v.c + (sg(s[0]) if kind == "lstm" else 1 - f) * g
            if extra == "clip":
                cell = np.clip(cell, -v.limit, v.limit)
            found["c_new"], new = cell, o * th(cell)
        elif kind == "gru":
            r, z = sg(s[0]), sg(s[1])
            new = (1 - z) * th(a[:, 2] + r * b[:, 2]) + z * h
        elif kind == "minimal":
            f = sg(s[0])
            new = (1 - f) * h + f * th(a[:, 1] + f * b[:, 1])
        else:
            new = th(s[0])
        found["h_new"] = new
        if extra == "mask":
            stay = (v.active == 0)[:, None]
            found["h_new"] = np.where(stay, h, found["h_new"])
            if "c_new" in found:
                found["c_new"] = np.where(stay, v.c, found["c_new"])
        return found

    d.check(reference, 5e-4)


@DOMAIN.algorithm(
    source=(
        "Schulman et al. 2016, eq. 16 (GAE); Sutton & Barto 2018, chapter 12; Espeholt et al. 2018 (V-trace)"
    ),
    names={
        "advantages": "rollout_targets|compute_targets|credit_kernel",
        "rewards": "r|reward|rew",
        "values": "v|critic|baseline",
        "dones": "terminated|done|episode_end",
        "gamma": "discount|discount_factor",
        "lam": "lambda_|trace_decay|lmbda",
        "delta": "td_error|td",
        "adv": "advantage|gae|out_adv",
        "running": "acc|carry|tail_sum",
    },
    double=True,
    adjoint="no",
    element="rollout",
)
def advantages(d: Draft) -> None:
    """Computes returns or advantages using a backward recursion over each rollout."""
    kind = d.option("kind", "gae", "returns", "td lambda", "v-trace", "n-step")
    d.calls({
        "gae": "compute_gae|gae_kernel|compute_advantages|advantages",
        "returns": "compute_returns|discounted_returns|rollout_returns",
        "td lambda": "td_lambda_returns|lambda_returns",
        "v-trace": "vtrace_targets|compute_vtrace",
        "n-step": "n_step_returns|compute_n_step",
    }[kind])  # fmt: skip
    layout = d.option("layout", "envs first", "time first")
    ends = d.option("ends", "dones", "continues", "none")
    bootstrap = d.flag("bootstrap", 0.6)
    extra = d.option("extra", "none", "normal targets", "scaled")
    loop = d.option("loop", "for", "while")
    n, t = d.pick(24, 32, 48), d.pick(12, 16, 20)
    shape = (n, t) if layout == "envs first" else (t, n)
    at: Any = (lambda k: f"[e, {k}]") if layout == "envs first" else (lambda k: f"[{k}, e]")
    needs_values = kind != "returns"
    per = "per environment and step" if layout == "envs first" else "per step and environment"
    d.input("rewards", "float", shape, -1.0, 1.0, about=f"rewards {per}")
    if needs_values:
        d.input("values", "float", shape, -2.0, 2.0, about=f"value estimates {per}")
    if ends == "dones":
        d.mask("dones", "int", shape, rare=True, about="1 if the episode ended at this step, else 0")
    elif ends == "continues":
        d.input(
            "alive", "float", shape, 0.9, 1.0, about="probability that the episode continues after this step"
        )
    if kind == "v-trace":
        d.input("ratio", "float", shape, 0.4, 1.8, about="importance sampling ratios")
        d.param("clip", "float", 1.0, 1.2, about="clipping bound for the temporal-difference weights")
    if bootstrap:
        d.input("last_value", "float", n, -2.0, 2.0, about="bootstrap value after the last step")
    d.param("num_steps", "int", t, about="number of rollout steps")
    d.param("gamma", "float", 0.9, 0.99, about="discount factor")
    if kind in ("gae", "td lambda"):
        d.param(
            "lam",
            "float",
            0.8,
            0.97,
            about="GAE parameter lambda" if kind == "gae" else "lambda, the weight of longer returns",
        )
    if kind == "n-step":
        d.param("horizon", "int", d.pick(2, 3, 4), about="number of steps")
    if extra == "scaled":
        d.param("reward_scale", "float", 0.1, 1.0, about="reward scale")
    name = "adv" if kind in ("gae", "v-trace") else "returns"
    if kind == "v-trace":
        name = "targets"
    d.output(name, "float", shape, about=f"{'advantages' if kind == 'gae' else name} {per}")
    both = extra == "normal targets" and kind == "gae"
    if both:
        d.output("targets", "float", shape, about="value targets")
    count = "num_steps"
    go = {"dones": f"go = 1.0 - float(dones{at('k')})", "continues": f"go = alive{at('k')}", "none": ""}[ends]
    g = "gamma * go" if ends != "none" else "gamma"
    r = f"rewards{at('k')}" + (" * reward_scale" if extra == "scaled" else "")
    tail = "last_value[e]" if bootstrap else "0.0"
    if kind == "n-step":
        body = f"""
        running = float(0.0)
        weight = float(1.0)
        last = wp.min(i + horizon, {count})
        for k in range(i, last):
            {go}
            running += weight * {r}
            weight = weight * {g}
        # Bootstrap with the critic, since rewards continue past the horizon
        if last < {count}:
            running += weight * values{at("last")}
        {"else:" if bootstrap else ""}
        {"    running += weight * " + tail if bootstrap else ""}
        returns{at("i")} = running
        """
        body = "\n".join(line for line in body.splitlines() if line.strip())
        d.launch(n, t)
        d.code("e, i = wp.tid()\n$body", body=body)
    else:
        init = {
            "gae": f"running = float(0.0)\nnext_value = float({tail})",
            "returns": f"running = float({tail})",
            "td lambda": f"running = float({tail})\nnext_value = float({tail})",
            "v-trace": f"running = float(0.0)\nnext_value = float({tail})",
        }[kind]
        v = f"values{at('k')}"
        step = {
            "gae": (
                f"delta = {r} + {g} * next_value - {v}\n"
                f"running = delta + {g} * lam * running\n"
                f"adv{at('k')} = running"
            ),
            "returns": f"running = {r} + {g} * running\nreturns{at('k')} = running",
            "td lambda": (
                "# Lambda return: interpolates between one-step and Monte Carlo returns\n"
                f"running = {r} + {g} * ((1.0 - lam) * next_value + lam * running)\n"
                f"returns{at('k')} = running"
            ),
            "v-trace": (
                f"rho = wp.min(ratio{at('k')}, clip)\n"
                f"delta = rho * ({r} + {g} * next_value - {v})\n"
                "# V-trace: clip the importance ratios at 1\n"
                f"running = delta + {g} * wp.min(ratio{at('k')}, 1.0) * running\n"
                f"targets{at('k')} = {v} + running"
            ),
        }[kind]
        if both:
            step += f"\n# Value target for the critic\ntargets{at('k')} = running + {v}"
        if "next_value" in init:
            step += f"\nnext_value = {v}"
        if loop == "for":
            body = f"for back in range({count}):\n    k = {count} - 1 - back\n    $go\n    $step"
        else:
            body = f"k = int({count}) - 1\nwhile k >= 0:\n    $go\n    $step\n    k -= 1"
        d.launch(n)
        d.code("e = wp.tid()\n$init\n$body", init=init, body=body, go=go, step=step)
    title = {
        "gae": "generalized advantage estimates",
        "returns": "discounted returns",
        "td lambda": "lambda returns",
        "v-trace": "V-trace targets",
        "n-step": "n-step returns",
    }[kind]
    d.says(
        f"Computes {title} for each environment rollout{'' if bootstrap else ' without a final bootstrap'}."
    )

    def reference(v: Values) -> dict[str, Any]:
        turn: Any = (lambda a: a) if layout == "envs first" else np.transpose
        rew = turn(v.rewards) * (v.reward_scale if extra == "scaled" else 1.0)
        keep = np.ones((n, t))
        if ends == "dones":
            keep = 1.0 - turn(v.dones)
        elif ends == "continues":
            keep = turn(v.alive)
        disc = v.gamma * keep
        end = v.last_value if bootstrap else np.zeros(n)
        made = np.zeros((n, t))
        if kind == "returns":
            # Discounted sum of rewards
            for i in range(t):
                w = np.cumprod(np.concatenate([np.ones((n, 1)), disc[:, i:]], axis=1), axis=1)
                made[:, i] = (w[:, :-1] * rew[:, i:]).sum(axis=1) + w[:, -1] * end
            return {name: turn(made)}
        val = turn(v["values"])
        after = np.concatenate([val[:, 1:], end[:, None]], axis=1)
        if kind == "n-step":
            for i in range(t):
                last = min(i + int(v.horizon), t)
                w = np.cumprod(np.concatenate([np.ones((n, 1)), disc[:, i:last]], axis=1), axis=1)
                made[:, i] = (w[:, :-1] * rew[:, i:last]).sum(axis=1) + w[:, -1] * (
                    val[:, last] if last < t else end
                )
            return {name: turn(made)}
        td = rew + disc * after - val
        decay = disc * v.get("lam", 1.0)
        if kind == "v-trace":
            td, decay = td * np.minimum(turn(v.ratio), v.clip), disc * np.minimum(turn(v.ratio), 1.0)
        for i in range(t):
            w = np.cumprod(np.concatenate([np.ones((n, 1)), decay[:, i:-1]], axis=1), axis=1)
            made[:, i] = (w * td[:, i:]).sum(axis=1)
        found = {name: turn(made if kind == "gae" else made + val)}
        return found | ({"targets": turn(made + val)} if both else {})

    d.check(reference, 1e-3)
