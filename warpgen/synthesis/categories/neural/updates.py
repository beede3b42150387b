"""More training: regularisation, statistics, reinforcement learning, gradients of layers."""

from __future__ import annotations

from warpgen.synthesis.categories.neural import CATEGORY
from warpgen.synthesis.categories.neural.layers import activate, sigmoid
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import F32, I32, vec


@CATEGORY.motif()
def regularise(k: Kit) -> None:
    """Clip, shrink, average or quantise a parameter."""
    w = k.input("w|weight|param_value|theta", k.real, -2.0, 2.0)
    kind = k.rng.choice(("clip", "soft", "ema", "ste", "norm_clip", "prune", "spectral", "schedule"))
    if kind == "clip":
        c = k.param("clip_value|max_abs|bound", k.real, 0.2, 1.0)
        k.give("clipped|w_out", k.wp.clamp(w, -c, c))
    elif kind == "soft":
        lam = k.param("l1|lam|shrink", k.real, 0.01, 0.3)
        k.give("shrunk|prox", k.wp.sign(w) * k.wp.max(k.wp.abs(w) - lam, 0.0))
    elif kind == "ema":
        avg, decay = (
            k.load("avg|ema_w|shadow", k.real, -1.0, 1.0),
            k.param("decay|ema_decay|polyak", k.real, 0.9, 0.999),
        )
        k.give("ema_w|shadow", decay * avg + (1.0 - decay) * w)
    elif kind == "ste":
        scale = k.param("scale|quant_scale|step_q", k.real, 0.05, 0.3)
        k.give("quantized|w_q", k.wp.clamp(k.wp.round(w / scale), -8.0, 7.0) * scale)
    elif kind == "norm_clip":
        norm, limit = (
            k.param("grad_norm|global_norm", k.real, 0.5, 5.0),
            k.param("max_norm|clip_norm", k.real, 0.5, 2.0),
        )
        k.give("clipped|g_out", w * k.wp.min(limit / norm, 1.0))
    elif kind == "prune":
        cut = k.param("threshold|prune_at|cutoff", k.real, 0.1, 0.8)
        k.give("pruned|w_sparse", k.select("kept|w_p", k.wp.abs(w) < cut, k.lit(0.0), w))
    elif kind == "spectral":
        sigma = k.param("sigma|spectral_norm|top_sv", k.real, 0.5, 3.0)
        k.give("normalized|w_sn", w / sigma)
    else:
        t, total = (
            k.param("step_id|epoch|it", k.real, 0.0, 80.0),
            k.param("num_steps|total_steps", k.real, 100.0, 200.0),
        )
        rate = k.define("rate|lr_t|scale", 0.5 * (1.0 + k.wp.cos(3.14159 * t / total)))
        k.give("scaled|annealed", w * rate)


@CATEGORY.motif(f32=True)
def dropout(k: Kit) -> None:
    """Drop or perturb an activation at random."""
    x = k.input("x|h|activation_in", F32, -2.0, 2.0)
    p = k.param("drop_prob|p|rate", F32, 0.1, 0.6)
    seed = k.param("seed|dropout_seed|rng_seed", I32, 0, 10000)
    state = k.define("state|rng|r", k.wp.rand_init(seed, k.flat))
    kind = k.rng.choice(("inverted", "mask", "gauss", "gumbel", "reparam"))
    if kind == "gauss":
        k.give("noisy|y|perturbed", x * (1.0 + p * k.wp.randn(state)))
    elif kind == "reparam":
        mu, log_var = x, k.load("log_var|logvar|s", F32, -2.0, 1.0)
        k.give("z|latent|sample", mu + k.wp.exp(0.5 * log_var) * k.wp.randn(state))
    elif kind == "gumbel":
        u = k.define("u|uniform", k.wp.randf(state)).within(0.0, 1.0)
        k.give("perturbed|gumbel", x - k.wp.log(1e-3 - k.wp.log(u * 0.998 + 1e-3)))
    else:
        u = k.define("u|draw|coin", k.wp.randf(state))
        kept = k.define("kept|scaled|y0", x / (1.0 - p))
        k.give(
            "dropped|y|masked", k.select("y|out_h|d", u < p, k.lit(0.0), kept if kind == "inverted" else x)
        )


@CATEGORY.motif(rank=1)
def batch_statistics(k: Kit) -> None:
    """Batch normalisation or running statistics of a feature."""
    m = k.rng.choice((4, 8, 16))
    batch = k.array("batch|activations_in|x", k.real, 2, lo=-2.0, hi=2.0)
    i = k.flat
    kind = k.rng.choice(("inference", "train", "welford", "running"))
    if kind == "inference":
        x = k.input("x|h|feature_in", k.real, -2.0, 2.0)
        mean, var = k.load("running_mean|mu", k.real, -0.5, 0.5), k.load("running_var|var", k.real, 0.2, 2.0)
        gamma, beta = k.load("gamma|scale_g", k.real, 0.5, 1.5), k.load("beta|shift_b", k.real, -0.5, 0.5)
        k.give("normalized|y", gamma * (x - mean) / k.wp.sqrt(var + 1e-3) + beta)
        return
    mean, m2 = (
        k.var("mean|mu|avg", 0.0, k.real, lo=-2.0, hi=2.0),
        k.var("m2|sq|var_acc", 0.0, k.real, lo=0.0, hi=64.0),
    )
    with k.for_("s|n|q", m) as s:
        v = k.define("v|x|sample", batch[s, i])
        if kind == "welford":
            d = k.define("d|delta", v - mean)
            k.add(mean, d / k.to_real(s + 1).within(1.0, 16.0))
            k.add(m2, d * (v - mean))
        else:
            k.add(mean, v / float(m))
            k.add(m2, v * v / float(m))
    var = k.define("var|variance", m2 / float(m) if kind == "welford" else k.wp.max(m2 - mean * mean, 0.0))
    if kind == "running":
        momentum = k.param("momentum|bn_momentum", k.real, 0.05, 0.3)
        old = k.load("running_mean|mean_avg", k.real, -0.5, 0.5)
        k.give("running_mean|mean_avg", old + momentum * (mean - old))
        k.give("batch_var|var_out", var)
    elif kind == "train":
        out = k.output("normalized|bn_out|y", k.real, 2)
        inv = k.define("inv_std|rstd", 1.0 / k.wp.sqrt(var + 0.01))
        with k.for_("s|n|q", m) as s:
            k.store(out, (s, i), (batch[s, i] - mean) * inv)
    else:
        k.give("mean|batch_mean", mean)
        k.give("variance|batch_var", var)


@CATEGORY.motif(rank=1)
def policy_update(k: Kit) -> None:
    """Returns, advantages and clipped objectives of reinforcement learning."""
    kind = k.rng.choice(("ppo", "td", "gae", "return", "q_max", "bandit"))
    gamma = k.param("gamma|discount", k.real, 0.9, 0.99)
    i = k.flat
    if kind == "ppo":
        new, old = (
            k.input("log_prob|logp|new_logp", k.real, -2.0, 0.0),
            k.load("old_log_prob|logp_old", k.real, -2.0, 0.0),
        )
        adv, clip = (
            k.load("advantage|adv", k.real, -1.0, 1.0),
            k.param("clip|clip_range|eps_clip", k.real, 0.1, 0.3),
        )
        ratio = k.define("ratio|r", k.wp.exp(new - old))
        k.give("loss|objective", -k.wp.min(ratio * adv, k.wp.clamp(ratio, 1.0 - clip, 1.0 + clip) * adv))
        return
    if kind == "td":
        v, nxt = k.load("value|v", k.real, -1.0, 1.0), k.load("next_value|v_next", k.real, -1.0, 1.0)
        r, done = k.load("reward|r", k.real, -1.0, 1.0), k.load("done|terminal", I32, 0, 1)
        target = k.select("target|boot|y", done.ne(0), r, k.define("bootstrapped|full", r + gamma * nxt))
        k.give("td_error|delta", target - v)
        return
    m = k.rng.choice((6, 8, 12))
    rewards = k.array("rewards|r_seq|payoffs", k.real, 2, lo=-1.0, hi=1.0)
    if kind in ("gae", "return"):
        values = k.array("values|v_seq|baseline", k.real, 2, lo=-1.0, hi=1.0)
        out = k.output("advantages|returns_out|targets_out", k.real, 2)
        acc = k.var("acc|gae|ret|running", 0.0, k.real, lo=-50.0, hi=50.0)
        lam = k.param("lam|gae_lambda", k.real, 0.8, 0.98) if kind == "gae" else None
        with k.for_("s|rev|b", m) as s:
            t = k.define("t|at|step_t", (k.lit(m - 1) - s).within(0, m - 1))
            if lam is not None:
                delta = k.define("delta|td", rewards[i, t] + gamma * values[i, t + 1] - values[i, t])
                k.set(acc, (delta + gamma * lam * acc).within(-50.0, 50.0))
            else:
                k.set(acc, (rewards[i, t] + gamma * acc).within(-50.0, 50.0))
            k.store(out, (i, t), acc)
        return
    best, arg = (
        k.var("best|q_max|top", -5.0, k.real, lo=-5.0, hi=5.0),
        k.var("action|arg|pick", 0, I32, lo=0, hi=m),
    )
    bonus = k.array("visit_bonus|counts_inv|novelty", k.real, lo=0.0, hi=1.0)
    with k.for_("a|act_id|s", m) as a:
        q = k.define("q|value_a|u", rewards[i, a] + bonus[a] if kind == "bandit" else gamma * rewards[i, a])
        with k.if_(q > best):
            k.set(best, q)
            k.set(arg, a)
    k.give("q_target|best", best)
    k.give("action|greedy", arg)


@CATEGORY.motif(rank=2)
def weight_gradient(k: Kit) -> None:
    """Gradient of one weight, summed over the batch."""
    row, col = k.place
    m = k.rng.choice((4, 8, 16))
    x = k.array("inputs|x|activations_in", k.real, 2, lo=-1.0, hi=1.0)
    g = k.array("grad_out|deltas|dz", k.real, 2, lo=-1.0, hi=1.0)
    acc = k.var("acc|dw|grad_sum", 0.0, k.real, lo=-16.0, hi=16.0)
    gated = k.rng.choice(("none", "none", "relu", "tanh"))
    with k.for_("s|n|b", m) as s:
        d = g[s, row]
        if gated == "relu":
            d = k.let("d|masked", k.wp.where(x[s, col] > 0.0, d, k.lit(0.0)))
        elif gated == "tanh":
            h = k.define("h|y", k.wp.tanh(x[s, col]))
            d = k.let("d|scaled", d * (1.0 - h * h))
        k.add(acc, d * x[s, col])
    style = k.rng.integer(0, 2)
    if style == 0:
        k.give("grad_w|dw", acc / float(m))
    else:
        w = k.load("weights|w|kernel_w", k.real, -0.5, 0.5)
        lr = k.param("lr|learning_rate", k.real, 0.01, 0.2)
        decay = k.param("weight_decay|l2", k.real, 0.001, 0.05) if style == 2 else None
        step = acc / float(m)
        k.give("w_new|updated_w", w - lr * (step if decay is None else step + decay * w))


@CATEGORY.motif()
def gated_unit(k: Kit) -> None:
    """Gated or residual combination of features."""
    n = k.rng.choice((2, 3, 4))
    t = vec(n, k.real)
    a, b = k.input("a|x|value_part|h", t, -2.0, 2.0), k.input("b|gate_part|g|skip", t, -2.0, 2.0)
    kind = k.rng.choice(("glu", "swiglu", "highway", "residual", "film", "softmix"))
    if kind in ("glu", "swiglu"):
        f = "sigmoid" if kind == "glu" else "silu"
        k.give("gated|y", k.wp.cw_mul(a, k.make(t, *(activate(k, b[c], f) for c in range(n)))))
    elif kind == "highway":
        s = k.define("carry|t_gate|mix", sigmoid(k, k.wp.dot(a, b) * 0.25))
        k.give("mixed|y", s * a + (1.0 - s) * b)
    elif kind == "residual":
        scale = k.param("res_scale|layer_scale|alpha", k.real, 0.1, 1.0)
        k.give("y|h_out", a + scale * k.make(t, *(activate(k, b[c], "relu") for c in range(n))))
    elif kind == "film":
        shift = k.load("shift|beta|offset", t, -0.5, 0.5)
        k.give("modulated|y", k.wp.cw_mul(a, b) + shift)
    else:
        w0, w1 = (
            k.define("w0|ea", k.wp.exp(k.wp.length(a) * 0.5)),
            k.define("w1|eb", k.wp.exp(k.wp.length(b) * 0.5)),
        )
        k.give("mixed|y", (w0 * a + w1 * b) / (w0 + w1))
