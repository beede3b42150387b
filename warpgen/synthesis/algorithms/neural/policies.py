"""Losses of policies that learn from their own rollouts."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.neural import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

_LOG_2PI = float(np.log(2.0 * np.pi))


@DOMAIN.algorithm(
    source="Schulman et al. 2017 (PPO); Ye et al. 2020 (dual clip); Haarnoja et al. 2018, app. C (squashing)",
    names={
        "ppo_loss": "ppo_loss_kernel|policy_loss|clipped_surrogate",
        "actions": "act|rollout_actions|sampled_actions",
        "old_log_probs": "logp_old|behavior_logp|old_logp",
        "advantages": "adv|gae|advantage_buf",
        "returns": "value_targets|rets|targets",
        "log_ratio": "logr|log_is|delta_logp",
        "config": "cfg|hparams|ppo",
        "total_loss": "loss_out|loss",
        "env": "world|env_id|traj",
        "step": "t|time_idx|frame",
    },
    double=True,
    element="sample",
    weight=5,
)
def ppo_loss(d: Draft) -> None:
    """Computes the clipped PPO surrogate loss over batched rollouts."""
    law = d.option("distribution", "gaussian", "state dependent", "squashed", "categorical")
    critic = d.option("critic", "squared", "clipped", "huber", "none")
    dual = d.flag("dual clip", 0.4)
    kl = d.option("kl", "none", "penalty", "skip")
    mask = d.option("mask", "lengths", "flags", "none")
    reduce = d.option("reduce", "samples", "envs", "mean")
    summed = mask != "none" or kl == "skip"  # a mean would have to count the samples that are left
    envs, steps, dims = d.pick(4, 6), d.pick(8, 12), d.pick(3, 4)
    discrete, squashed = law == "categorical", law == "squashed"
    flat = (envs, steps)
    if discrete:
        d.input("logits", "float", (*flat, dims), -1.0, 1.0, about="action logits")
        d.input("actions", "int", flat, 0, dims, about="sampled action indices")
    else:
        bound = 0.8 if squashed else 1.0
        d.input("means", "float", (*flat, dims), -0.5, 0.5, about="policy means, per action dimension")
        if law == "state dependent":
            d.input(
                "log_stds",
                "float",
                (*flat, dims),
                -0.7,
                0.2,
                about="log standard deviation, same shape as means",
            )
        else:
            d.input(
                "log_stds", "float", dims, -0.7, 0.2, about="log standard deviation, shared by all states"
            )
        d.input(
            "actions",
            "float",
            (*flat, dims),
            -bound,
            bound,
            about="sampled actions, shape (num_envs, num_steps, act_dim)",
        )
    # about what the policy gives, or all ratios would be clipped
    usual = -dims * {"categorical": 0.4, "squashed": 0.75}.get(law, 1.05)
    d.input(
        "old_log_probs",
        "float",
        flat,
        round(usual - 0.8, 2),
        round(usual + 0.8, 2),
        about="log-probabilities under the behavior policy",
    )
    d.input("advantages", "float", flat, -0.5, 1.5, about="advantage estimates")
    if critic != "none":
        d.input("values", "float", flat, -1.0, 1.0, about="critic predictions")
        d.input("returns", "float", flat, -1.0, 1.0, about="value targets")
    if critic == "clipped":
        d.input("old_values", "float", flat, -1.0, 1.0, about="critic predictions at rollout time")
    if mask == "lengths":
        d.input("lengths", "int", envs, 2, steps + 1, about="number of valid steps per environment")
    elif mask == "flags":
        d.mask("valid", "bool", flat, about="mask, False for steps past the episode end")
    d.param("num_envs", "int", envs, about="number of environments")
    d.param("num_steps", "int", steps, about="number of steps per environment")
    d.param("adv_stats", "vec2", 0.2, 0.9, about="advantage mean and standard deviation")
    bounds = {"clip_range": fill(0.1, 0.3), "entropy_coef": fill(0.005, 0.02)}
    if critic == "clipped":
        bounds["value_clip"] = fill(0.1, 0.4)
    elif critic == "huber":
        bounds["value_delta"] = fill(0.1, 0.4)
    if kl == "skip":
        bounds["max_log_ratio"] = fill(1.5, 2.5)
    if critic != "none":
        bounds["value_coef"] = fill(0.3, 0.7)
    if kl == "penalty":
        bounds["kl_coef"] = fill(0.1, 0.5)
    if dual:
        bounds["dual_clip"] = fill(2.0, 3.0)
    notes = {
        "dual_clip": "  # ratio bound for negative advantages, above 1",
        "value_delta": "  # Huber threshold for the value loss",
    }
    fields = "\n".join(f"    {name}: float{notes.get(name, '')}" for name in bounds)
    d.struct(
        "config",
        piece(f"@wp.struct\nclass PPOConfig:\n{fields}\n"),
        bounds,
        about="loss coefficients",
    )
    sizes: dict[str, Any] = {"samples": flat, "envs": envs, "mean": 1}
    how = "sum of the losses" if summed else "mean loss"
    about = {
        "samples": "loss per sample",
        "envs": f"{how} per environment",
        "mean": f"{how} over all samples",
    }[reduce]
    d.output("total_loss", "float", sizes[reduce], about=about)
    d.module(f"NUM_ACTIONS = wp.constant({dims})" if discrete else f"ACT_DIM = wp.constant({dims})")
    if not discrete:
        d.module(f"HALF_LOG_2PI = wp.constant({0.5 * _LOG_2PI:.6f})  # log(2 pi) / 2")
    three = "wp.array3d(dtype=float)"
    if discrete:
        d.function(f"""
            @wp.func
            def log_normalizer(env: int, step: int, logits: {three}) -> float:
                \"\"\"Return log(sum(exp(logits))) for one sample.\"\"\"
                top = float(logits[env, step, 0])
                for a in range(1, NUM_ACTIONS):
                    top = wp.max(top, logits[env, step, a])
                # Subtract the maximum so exp() cannot overflow
                sum_exp = float(0.0)
                for a in range(NUM_ACTIONS):
                    sum_exp += wp.exp(logits[env, step, a] - top)
                return top + wp.log(sum_exp)
        """)
        d.function(f"""
            @wp.func
            def policy_entropy(env: int, step: int, log_z: float, logits: {three}) -> float:
                entropy = float(0.0)
                for a in range(NUM_ACTIONS):
                    log_p = logits[env, step, a] - log_z
                    entropy -= wp.exp(log_p) * log_p
                return entropy
        """)
        evaluate = (
            "log_z = log_normalizer(env, step, logits)\n"
            "log_prob = logits[env, step, actions[env, step]] - log_z\n"
            "entropy = policy_entropy(env, step, log_z, logits)"
        )
    else:
        log_std = "log_stds[env, step, a]" if law == "state dependent" else "log_stds[a]"
        kind = three if law == "state dependent" else "wp.array(dtype=float)"
        d.function(
            f"""
            @wp.func
            def gaussian_log_prob(env: int, step: int, actions: {three}, means: {three}, log_stds: {kind}) -> float:
                \"\"\"Return the action log density under a {"tanh-squashed " if squashed else ""}diagonal Gaussian.\"\"\"
                log_prob = float(0.0)
                for a in range(ACT_DIM):
                    log_std = {log_std}
                    $noise
                    log_prob -= 0.5 * z * z + log_std + HALF_LOG_2PI
                    $jacobian
                return log_prob
            """,
            noise="# Invert the tanh to recover the Gaussian sample\n"
            "action = actions[env, step, a]\n"
            "raw = 0.5 * wp.log((1.0 + action) / (1.0 - action))\n"
            "z = (raw - means[env, step, a]) * wp.exp(-log_std)"
            if squashed
            else "z = (actions[env, step, a] - means[env, step, a]) * wp.exp(-log_std)",
            jacobian="# log |d tanh(u) / du| = log(1 - tanh(u)^2)\nlog_prob -= wp.log(1.0 - action * action)"
            if squashed
            else "",
        )
        head = "env: int, step: int, " if law == "state dependent" else ""
        d.function(f"""
            @wp.func
            def gaussian_entropy({head}log_stds: {kind}) -> float:
                # H = sum(log(sigma) + 0.5 * log(2 * pi * e)){", before the tanh" if squashed else ""}
                entropy = float(ACT_DIM) * (0.5 + HALF_LOG_2PI)
                for a in range(ACT_DIM):
                    entropy += {log_std}
                return entropy
        """)
        evaluate = (
            "log_prob = gaussian_log_prob(env, step, actions, means, log_stds)\n"
            f"entropy = gaussian_entropy({'env, step, ' if head else ''}log_stds)"
        )
    d.function(
        f"""
        @wp.func
        def surrogate_loss(prob_ratio: float, adv: float, config: PPOConfig) -> float:
            \"\"\"Return the negated PPO clipped objective{" with dual clipping" if dual else ""}.\"\"\"
            unclipped = prob_ratio * adv
            clipped = wp.clamp(prob_ratio, 1.0 - config.clip_range, 1.0 + config.clip_range) * adv
            objective = wp.min(unclipped, clipped)
            $dual
            return -objective
        """,
        dual="# Dual clip: bound the loss for negative advantages with large ratios\n"
        "if adv < 0.0:\n    objective = wp.max(objective, config.dual_clip * adv)"
        if dual
        else "",
    )
    value = {
        "none": "",
        "squared": "value_err = values[env, step] - returns[env, step]\nvalue_loss = 0.5 * value_err * value_err",
        "clipped": (
            "# Clip the value update around the rollout prediction\n"
            "old_value = old_values[env, step]\n"
            "moved = wp.clamp(values[env, step] - old_value, -config.value_clip, config.value_clip)\n"
            "err_free = values[env, step] - returns[env, step]\n"
            "err_clip = old_value + moved - returns[env, step]\n"
            "value_loss = 0.5 * wp.max(err_free * err_free, err_clip * err_clip)"
        ),
        "huber": (
            "value_err = wp.abs(values[env, step] - returns[env, step])\n"
            "if value_err <= config.value_delta:\n"
            "    value_loss = 0.5 * value_err * value_err\n"
            "else:\n"
            "    value_loss = config.value_delta * (value_err - 0.5 * config.value_delta)"
        ),
    }[critic]
    skip = {
        "lengths": "# Skip padding past the end of the episode\nif step >= lengths[env]:\n    $unused\n    return",
        "flags": "if not valid[env, step]:\n    $unused\n    return",
        "none": "",
    }[mask]
    terms = ["surrogate_loss(prob_ratio, adv, config)"]
    if critic != "none":
        terms.append("config.value_coef * value_loss")
    divergence = {
        "none": "",
        "penalty": "# Use r - 1 - log(r), which is non-negative with lower variance than -log(r)\napprox_kl = prob_ratio - 1.0 - log_ratio",
        "skip": "# Skip stale samples, because their ratios are unreliable\nif wp.abs(log_ratio) >= config.max_log_ratio:\n    $unused\n    return",
    }[kl]
    if kl == "penalty":
        terms.append("config.kl_coef * approx_kl")
    loss = "loss = " + " + ".join(terms) + " - config.entropy_coef * entropy"
    store = {
        "samples": "total_loss[env, step] = loss",
        "envs": "wp.atomic_add(total_loss, env, loss / float(num_steps))",
        "mean": "wp.atomic_add(total_loss, 0, loss / float(num_envs * num_steps))",
    }[reduce]
    if summed:
        store = store.partition(" / float(")[0] + (")" if reduce != "samples" else "")
    d.launch(envs, steps)
    d.code(
        """
        env, step = wp.tid()
        $skip
        $evaluate
        $log_ratio
        $divergence
        prob_ratio = wp.exp(log_ratio)
        # Normalize advantages so that step sizes do not depend on the reward scale
        adv = (advantages[env, step] - adv_stats[0]) / (adv_stats[1] + 1.0e-8)
        $value
        $loss
        $store
        """,
        skip=skip,
        evaluate=evaluate,
        divergence=divergence if kl == "skip" else "",
        log_ratio="log_ratio = log_prob - old_log_probs[env, step]"
        if kl == "skip"
        else "# Clamp, since exp() overflows for stale samples\n"
        "log_ratio = wp.clamp(log_prob - old_log_probs[env, step], -10.0, 10.0)",
        unused="total_loss[env, step] = 0.0" if reduce == "samples" else "",
        value=f"{divergence}\n{value}".strip() if kl == "penalty" else value,
        loss=loss,
        store=store,
    )
    extras = (
        ["a value loss"] * (critic != "none") + ["a KL penalty"] * (kl == "penalty") + ["an entropy bonus"]
    )
    d.says(
        f"Computes the clipped surrogate loss of proximal policy optimization with "
        f"{', '.join(extras[:-1])}{' and ' * (len(extras) > 1)}{extras[-1]} over batched rollouts."
    )
    d.explain(
        "L = -min(r A, clip(r, 1 - eps, 1 + eps) A)"
        + ("" if critic == "none" else " + c_v L_value")
        + (" + c_kl KL" if kl == "penalty" else "")
        + " - c_e H,\nwhere r is the new-to-old action probability ratio"
        + (" and H the pre-tanh entropy." if squashed else ".")
        + (
            "\nWhere A < 0 the first term is -max(min(r A, clip(r, 1 - eps, 1 + eps) A), dual_clip A)."
            if dual
            else ""
        )
        + (
            "\nSamples with |log r| >= `max_log_ratio` are skipped."
            if kl == "skip"
            else "\nlog r is clamped to [-10, 10]."
        )
    )

    def reference(v: Values) -> dict[str, Any]:
        if discrete:
            log_p = v.logits - np.log(np.exp(v.logits).sum(axis=2, keepdims=True))
            logp = np.take_along_axis(log_p, v.actions[..., None], axis=2)[..., 0]
            entropy = -(np.exp(log_p) * log_p).sum(axis=2)
        else:
            raw = np.arctanh(v.actions) if squashed else v.actions
            s = np.broadcast_to(v.log_stds, raw.shape)
            each = -0.5 * ((raw - v.means) / np.exp(s)) ** 2 - s - 0.5 * _LOG_2PI
            if squashed:
                each = each - np.log(1 - v.actions**2)
            logp = each.sum(axis=2)
            entropy = (s + 0.5 * (1 + _LOG_2PI)).sum(axis=2)
        log_ratio = np.clip(logp - v.old_log_probs, -10, 10)
        r = np.exp(log_ratio)
        a = (v.advantages - v.adv_stats[0]) / v.adv_stats[1]
        c = {name: v[f"config.{name}"] for name in bounds}
        goal = np.minimum(r * a, np.clip(r, 1 - c["clip_range"], 1 + c["clip_range"]) * a)
        if dual:
            goal = np.where(a < 0, np.maximum(goal, c["dual_clip"] * a), goal)
        loss = -goal - c["entropy_coef"] * entropy
        if critic != "none":
            err = v["values"] - v.returns
            bad = 0.5 * err**2
            if critic == "clipped":
                moved = np.clip(v["values"] - v.old_values, -c["value_clip"], c["value_clip"])
                bad = np.maximum(bad, 0.5 * (v.old_values + moved - v.returns) ** 2)
            elif critic == "huber":
                w = c["value_delta"]
                bad = np.where(np.abs(err) <= w, bad, w * (np.abs(err) - w / 2))
            loss = loss + c["value_coef"] * bad
        if kl == "penalty":
            loss = loss + c["kl_coef"] * (r - 1 - log_ratio)
        elif kl == "skip":
            loss = np.where(np.abs(log_ratio) < c["max_log_ratio"], loss, 0.0)
        if mask == "lengths":
            loss = loss * (np.arange(steps) < v.lengths[:, None])
        elif mask == "flags":
            loss = loss * v.valid
        over = loss.sum if summed else loss.mean
        return {"total_loss": {"samples": loss, "envs": over(axis=1), "mean": over()[None]}[reduce]}

    d.check(reference, 1e-3)
